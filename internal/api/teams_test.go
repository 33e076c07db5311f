package api_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/store"
)

// inStep has the building kept in step with Teams until stop is called.
func (b *building) inStep() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.teams.Run(ctx) })
	return sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
}

// microsoft stands in for Microsoft 365, with people who have a Teams client open.
func microsoft(t *testing.T, ids ...string) (*graphtest.Server, graphtest.App) {
	t.Helper()
	app := graphtest.TeamsApp()
	server, err := graphtest.Start(graphtest.Config{Apps: []graphtest.App{app}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for _, id := range ids {
		if _, err := server.AddMailbox(graphtest.Mailbox{UPN: id + "@example.test", Name: id, Password: id + "'s"}); err != nil {
			t.Fatal(err)
		}
		if err := server.Client(id+"@example.test", "desktop", "Available", "Available"); err != nil {
			t.Fatal(err)
		}
	}
	return server, app
}

// application enters the connector of an application at a server, or nowhere.
func (b *building) application(admin *client, server *graphtest.Server) api.Connector {
	b.t.Helper()
	return decode[api.Connector](admin.post("/connectors", applicationAt(server)).is(b.t.(failer), 200))
}

func applicationAt(server *graphtest.Server) m {
	app := graphtest.TeamsApp()
	graph := m{"tenant": "84bd8158-6d4d-4958-8b9f-9d6445542f95", "client_id": app.ID}
	if server != nil {
		graph = m{"tenant": server.Tenant, "client_id": app.ID, "cloud": "custom", "login_url": server.LoginURL, "graph_url": server.GraphURL}
	}
	return m{"kind": "graph", "name": "Microsoft 365", "enabled": server != nil, "secret": app.Secret, "graph": graph}
}

// inTeams chooses how everybody is kept in step with Teams.
func (b *building) inTeams(admin *client, more m) *answer {
	b.t.Helper()
	section := m{"sync": "telephony_and_status", "user_may_change": false, "access": "application", "remember": false, "keep_minutes": 10}
	for k, v := range more {
		section[k] = v
	}
	return admin.put("/scopes/"+b.location+"/settings", m{"teams": section})
}

// shown is what one person is shown of another's presence.
type shown struct {
	Presence struct {
		Status, Text, Cause string
		Line                struct{ State, Service string }
	}
}

func (c *client) sees(id string) string {
	x := decode[shown](c.get("/people/"+id).is(c.t.(failer), 200)).Presence
	return strings.TrimSpace(x.Status + " " + x.Text + " " + x.Line.State + " " + x.Line.Service)
}

func TestAnAdministratorKeepsTheOfficeInStepWithTeams(t *testing.T) {
	t.Parallel()
	server, _ := microsoft(t, "anna", "bob")
	b := newBuilding(t)
	t.Cleanup(b.inStep())
	b.people("Anna", "Bob", "Carl", "Eve", "Xaver")
	b.mailed("anna", "bob", "carl")
	b.relate("bob", "anna", rights.TeamColleague)
	b.relate("xaver", "anna", rights.External)
	admin, anna, bob, eve, xaver := b.as("admin"), b.as("anna"), b.as("bob"), b.as("eve"), b.as("xaver")

	// It takes an application that is one.
	b.inTeams(admin, nil).is(t, 422).names(t, "body.teams.connector")
	b.inTeams(admin, m{"connector": "nonsense"}).is(t, 422).names(t, "body.teams.connector")
	b.inTeams(admin, m{"sync": "none", "user_may_change": true}).is(t, 422).names(t, "body.teams.connector")
	b.inTeams(admin, m{"sync": "none", "keep_minutes": 721}).is(t, 422).names(t, "body.teams.keep_minutes")
	conn := b.application(admin, server)
	if all := decode[api.Systems](admin.get("/scopes/"+b.location+"/systems").is(t, 200)).Systems; len(all) != 1 || !all[0].Teams || all[0].ID != conn.ID {
		t.Errorf("settings may name %+v", all)
	}
	scripts := decode[api.Scripts](admin.get("/connectors/"+conn.ID+"/scripts?base=https://presence.example.test").is(t, 200)).Scripts
	if !slices.ContainsFunc(scripts, func(x api.Script) bool {
		return x.Name == "teams" && strings.Contains(x.Text, "'Presence.ReadWrite.All'") && strings.Contains(x.Text, "'"+conn.Graph.ClientID+"'")
	}) {
		t.Errorf("the scripts are %+v", scripts)
	}
	for _, step := range decode[api.Steps](admin.post("/connectors/"+conn.ID+"/check?for=teams&mailbox=anna@example.test", nil).is(t, 200)).Steps {
		if !step.OK {
			t.Errorf("the check finds %+v", step)
		}
	}
	if own := decode[api.PersonTeams](anna.get("/people/me/teams").is(t, 200)); own.Sync != "none" || own.Connector != "" || own.HeardAt != nil {
		t.Errorf("before anybody wants it, it is %+v", own)
	}
	b.inTeams(admin, m{"connector": conn.ID}).fine(t)

	// Teams is heard of those whom it knows, and the others are named.
	status := func() api.ConnectorTeams {
		return decode[api.ConnectorTeams](admin.get("/connectors/"+conn.ID+"/teams").is(t, 200))
	}
	b.eventually("Teams is heard", func() bool { s := status(); return s.Found == 2 && s.HeardAt != nil && len(s.Unknown) > 0 })
	if s := status(); !slices.ContainsFunc(s.Unknown, func(x api.TeamsUnknown) bool {
		return x == api.TeamsUnknown{Person: "carl", Name: "Carl", Address: "carl@example.test"}
	}) {
		t.Errorf("nobody says that Teams does not know Carl: %+v", s)
	}
	own := func() api.PersonTeams { return decode[api.PersonTeams](anna.get("/people/me/teams").is(t, 200)) }
	b.eventually("Anna is heard of", func() bool { return own().HeardAt != nil })
	if o := own(); o.Sync != "telephony_and_status" || o.Application != "Microsoft 365" || o.Availability != "Available" || o.Path != "" || o.SignInNeeded || o.Entry != "" {
		t.Errorf("Anna's is %+v", o)
	}
	part := func() (found api.Part) {
		for _, p := range decode[api.Health](admin.get("/health").is(t, 200)).Parts {
			if p.Kind == "teams" && p.ID == conn.ID {
				found = p
			}
		}
		return found
	}
	if p := part(); p.State != "ok" || p.LagSeconds == nil || !strings.Contains(p.Found, "2 of them are found there") {
		t.Errorf("its health is %+v", p)
	}

	// A call begins there. A colleague sees it as it happens, and everybody what is theirs to see.
	anna.put("/people/me/choice", m{"status": "available"}).fine(t)
	told, toldEve, toldXaver := bob.overhears(t, "anna"), eve.overhears(t, "anna"), xaver.overhears(t, "anna")
	b.ok(server.Call("anna@example.test", "bob@example.test"))
	b.eventually("Bob is told that Anna is on the phone", func() bool { return strings.Contains(told(), "On the phone (MS Teams)") })
	b.eventually("Eve is told that Anna is on the phone", func() bool { return strings.Contains(toldEve(), "on_the_phone") })
	b.eventually("Xaver is told that Anna is busy", func() bool { return strings.Contains(toldXaver(), `"busy"`) })
	for who, want := range map[*client]string{
		bob: "busy On the phone (MS Teams) on_the_phone MS Teams", eve: "busy  on_the_phone", xaver: "busy",
	} {
		if got := who.sees("anna"); got != want {
			t.Errorf("somebody sees %q, want %q", got, want)
		}
	}
	for who, said := range map[string]func() string{"Eve": toldEve, "Xaver": toldXaver} {
		if text := said(); strings.Contains(text, "Teams") || who == "Xaver" && strings.Contains(text, "phone") {
			t.Errorf("%s is told %s", who, text)
		}
	}
	if o := own(); o.Entry != "call" || o.Availability != "Busy" || o.Activity != "InACall" || len(o.Written) != 0 {
		t.Errorf("Anna's is %+v", o)
	}
	span := func() string {
		now := time.Now().UTC()
		return "?from=" + now.Add(-time.Hour).Format(time.RFC3339) + "&to=" + now.Add(time.Hour).Format(time.RFC3339)
	}
	entries := decode[api.Agenda](anna.get("/people/me/agenda"+span()).is(t, 200)).Appointments
	if len(entries) != 1 || entries[0].Subject != "On the phone (MS Teams)" || entries[0].Profile != "Appointment" || !entries[0].Counts {
		t.Fatalf("her agenda is %+v", entries)
	}
	// She dismisses it, and has it back.
	anna.put("/people/me/agenda/decision", m{"ref": entries[0].Ref, "dismissed": true}).fine(t)
	if got := anna.sees("anna"); !strings.HasPrefix(got, "available") {
		t.Errorf("dismissed, she is %q", got)
	}
	anna.put("/people/me/agenda/decision", m{"ref": entries[0].Ref, "dismissed": false}).fine(t)
	b.ok(server.EndCall("anna@example.test", "bob@example.test"))
	b.eventually("the call is over", func() bool { return anna.sees("anna") == "available  idle" })

	// Whose own settings these are nobody else learns but who may change them.
	for _, who := range []*client{bob, eve} {
		who.get("/people/anna/teams").is(t, http.StatusForbidden)
		who.delete("/people/anna/teams/account").is(t, http.StatusForbidden)
	}
	xaver.get("/people/anna/teams").is(t, http.StatusForbidden)
	b.relate("bob", "anna", rights.AssistantPlus)
	if o := decode[api.PersonTeams](bob.get("/people/anna/teams").is(t, 200)); o.Availability != "Available" {
		t.Errorf("her assistant is told %+v", o)
	}
	bob.delete("/people/anna/teams/account").is(t, http.StatusNotFound)
	for _, path := range []string{"/connectors/" + conn.ID + "/teams", "/health"} {
		anna.get(path).is(t, http.StatusForbidden)
	}

	// The other way round: who is not to be disturbed here is not there.
	anna.put("/people/me/choice", m{"status": "do_not_disturb"}).fine(t)
	b.eventually("Teams shows that Anna is not to be disturbed", func() bool { return server.Shown("anna@example.test").Availability == "DoNotDisturb" })
	b.eventually("she is told so", func() bool { return slices.Equal(own().Written, []string{"do_not_disturb"}) })
	anna.put("/people/me/choice", m{"status": "available"}).fine(t)
	b.eventually("Teams shows it no more", func() bool { return server.Shown("anna@example.test").Availability == "Available" })

	// People choose for themselves where they may; then not any more.
	anna.put("/people/me/settings", m{"teams": m{"sync": "none"}}).is(t, 422).names(t, "body.teams")
	b.inTeams(admin, m{"connector": conn.ID, "user_may_change": true}).fine(t)
	if s := decode[api.PersonSettings](anna.put("/people/me/settings", m{"teams": m{"sync": "none"}}).is(t, 200)).Teams; s.Own == nil || s.Effective.Sync != "none" || s.Central.Connector != conn.ID {
		t.Errorf("her settings are %+v", s)
	}
	if o := own(); o.Own != "none" || o.Sync != "none" {
		t.Errorf("with nothing synchronised it is %+v", o)
	}
	b.inTeams(admin, m{"connector": conn.ID}).fine(t)
	if o := own(); o.Own != "" || o.Sync != "telephony_and_status" {
		t.Errorf("with what she chose taken away it is %+v", o)
	}

	// With a wrong secret its health says so.
	wrong := applicationAt(server)
	wrong["secret"] = "wrong"
	admin.put("/connectors/"+conn.ID, wrong).is(t, 200)
	b.eventually("the wrong secret is told of", func() bool { p := part(); return p.State == "failing" && p.Error != "" })
	if all := decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors; len(all) != 1 || all[0].Teams == nil || all[0].Teams.Error == "" {
		t.Errorf("the connector does not say so: %+v", all)
	}
	admin.put("/connectors/"+conn.ID, applicationAt(server)).is(t, 200)
	b.eventually("it is right again", func() bool { return part().State == "ok" })

	// It is not removed while settings name it; with it goes what was kept.
	if a := admin.delete("/connectors/"+conn.ID).is(t, http.StatusConflict); !strings.Contains(a.String(), "Berlin") {
		t.Errorf("it does not say where it is named: %s", a)
	}
	b.inTeams(admin, m{"sync": "none"}).fine(t)
	admin.delete("/connectors/" + conn.ID).fine(t)
	b.eventually("nothing is kept", func() bool { return len(b.kept()) == 0 })
	for _, word := range []string{"InACall", "DoNotDisturb", "@example.test"} {
		if strings.Contains(b.log.String(), word) {
			t.Errorf("%q is in the log", word)
		}
	}
}

// kept is what is stored of people in Teams.
func (b *building) kept() (all []store.TeamsRecord) {
	b.t.Helper()
	b.ok(b.store.LoadTeams(context.Background(), func(r store.TeamsRecord) error {
		all = append(all, r)
		return nil
	}))
	return all
}

func TestAnnaSignsInAtTeams(t *testing.T) {
	t.Parallel()
	server, app := microsoft(t, "anna", "bob")
	box, err := secret.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	b, end := openBuilding(t, folder)
	stop := b.inStep()
	defer func() { stop(); end() }()
	b.add(store.Person{ID: "admin", Name: "Ada Admin", Login: "admin", Role: "admin"})
	b.people("Anna", "Bob")
	b.mailed("anna", "bob")
	admin, anna := b.as("admin"), b.as("anna")
	conn := b.application(admin, server)
	returns := func() {
		t.Helper()
		b.ok(server.SetApp(app.ID, func(a *graphtest.App) { a.RedirectURIs = []string{b.url + conn.CallbackPath} }))
	}
	returns()
	begin := strings.TrimSuffix(conn.CallbackPath, "callback") + "begin"
	web := newSurfer(b, anna)
	refused := func(at *url.URL, why string) {
		t.Helper()
		if at.Path != "/settings/teams" || at.Query().Get("refused") != why || at.Query().Get("connector") != conn.ID {
			t.Errorf("it leads to %s, want that it was refused: %s", at, why)
		}
	}
	own := func() api.PersonTeams { return decode[api.PersonTeams](anna.get("/people/me/teams").is(t, 200)) }

	// It is offered where the settings say so: not with the application's own permission, nor to who wants nothing of Teams.
	refused(web.open(begin+"?for=teams", nil), "switchedoff")
	b.inTeams(admin, m{"connector": conn.ID}).fine(t)
	refused(web.open(begin+"?for=teams", nil), "switchedoff")
	b.inTeams(admin, m{"connector": conn.ID, "access": "delegated", "sync": "none", "user_may_change": true}).fine(t)
	refused(web.open(begin+"?for=teams", nil), "switchedoff")
	if o := own(); o.Path != "" {
		t.Errorf("she is led to %s", o.Path)
	}
	b.inTeams(admin, m{"connector": conn.ID, "access": "delegated", "remember": true}).fine(t)
	if at := web.open(begin, nil); at.Path != "/settings/calendars" || at.Query().Get("refused") != "switchedoff" {
		t.Errorf("for her calendar it leads to %s", at)
	}
	if at := web.open(begin+"?for=mail", nil); at.Path != begin || !strings.Contains(web.page, "404") {
		t.Errorf("for something else it leads to %s: %s", at, web.page)
	}
	if o := own(); o.Path != begin+"?for=teams" || !o.Remember || o.Account != "" || o.Application != "Microsoft 365" {
		t.Errorf("offered is %+v", o)
	}
	b.eventually("she is asked to sign in", func() bool { return own().SignInNeeded })

	// She declines; what she makes up says nothing about the application; an answer that belongs to no attempt is none.
	signIn := func(keep bool, consent url.Values) *url.URL {
		t.Helper()
		path := begin + "?for=teams"
		if keep {
			path += "&remember=true"
		}
		page := web.open(path, nil)
		if scope := page.Query().Get("scope"); !strings.Contains(scope, "Presence.ReadWrite") || strings.Contains(scope, "Calendars") {
			t.Errorf("asked for is %q", scope)
		}
		web.submit(url.Values{"login": {"anna@example.test"}, "password": {"anna's"}})
		return web.submit(consent)
	}
	accept := url.Values{"accept": {"yes"}}
	refused(signIn(true, url.Values{"cancel": {"yes"}}), "denied")
	page := web.open(begin+"?for=teams", nil)
	made, err := url.Parse(b.url + conn.CallbackPath + "?" + url.Values{"state": {page.Query().Get("state")}, "code": {"nonsense"}}.Encode())
	b.ok(err)
	refused(web.visit(made), "provider")
	refused(web.visit(made), "expired")
	if all := decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors; len(all) != 1 || all[0].Error != "" || all[0].Teams != nil && all[0].Teams.Error != "" {
		t.Errorf("with that the application is said to fail: %+v", all)
	}
	if len(b.kept()) > 0 && (b.kept()[0].Token != nil || own().Account != "") {
		t.Errorf("kept is %+v", b.kept())
	}

	// She agrees, and is in step: as what she sees there is seen here, without any permission of the application.
	b.ok(server.SetApp(app.ID, func(a *graphtest.App) { a.Roles = nil }))
	if at := signIn(true, accept); at.Path != "/settings/teams" || at.RawQuery != "" {
		t.Fatalf("accepted, it leads to %s", at)
	}
	if o := own(); o.Account != "anna@example.test" || !o.Remembered || o.SignInNeeded {
		t.Errorf("signed in, it is %+v", o)
	}
	b.eventually("she is heard of", func() bool { return own().HeardAt != nil })
	anna.put("/people/me/choice", m{"status": "available"}).fine(t)
	b.ok(server.Call("anna@example.test", "bob@example.test"))
	b.eventually("she is on the phone", func() bool {
		return own().Entry == "call" && strings.HasPrefix(anna.sees("anna"), "busy On the phone (MS Teams)")
	})
	b.ok(server.EndCall("anna@example.test", "bob@example.test"))
	b.eventually("the call is over", func() bool { return own().Entry == "" })
	if s := decode[api.ConnectorTeams](admin.get("/connectors/"+conn.ID+"/teams").is(t, 200)); s.SignedIn != 1 {
		t.Errorf("of the application is said %+v", s)
	}

	// Her token is in no file but sealed, in no answer and in no log.
	token := func() (plain, sealed string) {
		t.Helper()
		for _, r := range b.kept() {
			if r.PersonID == "anna" && r.Token != nil {
				plain, err := box.Open(r.Token, "teams/anna")
				b.ok(err)
				return plain, string(r.Token)
			}
		}
		return "", ""
	}
	secrets := map[string]bool{}
	hidden := func() {
		t.Helper()
		if plain, _ := token(); plain != "" {
			secrets[plain] = true
		}
		for plain := range secrets {
			if found := b.files(plain); len(found) > 0 || strings.Contains(b.log.String(), plain) {
				t.Errorf("her token is in %q, or in the log", found)
			}
			for _, path := range []string{"/people/me/teams", "/people/me/export", "/people/me/settings", "/people/me/audit"} {
				if a := anna.get(path).is(t, 200); strings.Contains(string(a.body), plain) {
					t.Errorf("her token is in %s", a)
				}
			}
		}
	}
	if plain, _ := token(); plain == "" {
		t.Fatal("it is not remembered")
	}
	hidden()

	// It goes to nobody else, whatever an administrator enters, also while the application is switched off.
	elsewhere := applicationAt(server)
	elsewhere["graph"].(m)["login_url"] = "https://login.example.test"
	admin.put("/connectors/"+conn.ID, elsewhere).is(t, 422).names(t, "body.graph")
	elsewhere["enabled"] = false
	off := applicationAt(server)
	off["enabled"] = false
	admin.put("/connectors/"+conn.ID, off).is(t, 200)
	admin.put("/connectors/"+conn.ID, elsewhere).is(t, 422).names(t, "body.graph")
	admin.put("/connectors/"+conn.ID, applicationAt(server)).is(t, 200)

	// The server is started again: she is not asked.
	again := func() {
		t.Helper()
		stop()
		end()
		b, end = openBuilding(t, folder)
		stop = b.inStep()
		admin, anna = b.as("admin"), b.as("anna")
		web = newSurfer(b, anna)
		returns()
	}
	again()
	b.eventually("she is heard of after the restart", func() bool { o := own(); return o.HeardAt != nil && o.Remembered && !o.SignInNeeded })
	hidden()

	// She signs in again, and does not want it to be remembered: after another restart she is asked.
	if at := signIn(false, accept); at.Path != "/settings/teams" || at.RawQuery != "" {
		t.Fatalf("signed in again, it leads to %s", at)
	}
	if o := own(); o.Remembered || o.Account == "" || o.SignInNeeded {
		t.Errorf("not remembered, it is %+v", o)
	}
	if plain, _ := token(); plain != "" {
		t.Error("her token is stored")
	}
	again()
	b.eventually("she is asked after the restart", func() bool { o := own(); return o.SignInNeeded && !o.Remembered })

	// It is remembered once more, and she disconnects it.
	signIn(true, accept)
	b.eventually("she is heard of once more", func() bool { return own().HeardAt != nil })
	hidden()
	plain, sealed := token()
	if plain == "" {
		t.Fatal("it is not remembered")
	}
	anna.delete("/people/me/teams/account").is(t, http.StatusNoContent)
	anna.delete("/people/me/teams/account").is(t, http.StatusNotFound)
	if o := own(); o.Account != "" || o.Remembered {
		t.Errorf("disconnected, it is %+v", o)
	}
	if left, _ := token(); left != "" {
		t.Error("her token is still there")
	}
	hidden()
	var did []string
	log, err := b.store.Audit(t.Context(), store.AuditQuery{PersonID: "anna", Action: "teams.", Ascending: true})
	b.ok(err)
	for _, e := range log {
		did = append(did, e.Actor+" "+e.Action)
		for plain := range secrets {
			if strings.Contains(string(e.Detail), plain) {
				t.Errorf("her token is in the audit log: %s", e.Detail)
			}
		}
	}
	if want := []string{"anna teams.connect", "anna teams.connect", "anna teams.connect", "anna teams.disconnect"}; !slices.Equal(did, want) {
		t.Errorf("logged is %q, want %q", did, want)
	}

	// With the application goes what is left. When the server is closed, the token is in no file in any form.
	signIn(true, accept)
	_, last := token()
	b.inTeams(admin, m{"sync": "none"}).fine(t)
	admin.delete("/connectors/" + conn.ID).fine(t)
	if left, _ := token(); left != "" {
		t.Error("the application is gone, and her token is still there")
	}
	stop()
	end()
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	b.ok(err)
	if len(names) == 0 || last == "" {
		t.Fatal("nothing is looked at")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		b.ok(err)
		for what, word := range map[string]string{"sealed": sealed, "last": last, "plain": plain} {
			if strings.Contains(string(data), word) {
				t.Errorf("%s holds her token (%s)", filepath.Base(name), what)
			}
		}
	}
	stop, end = func() {}, func() {}
}

// TestOnlyOwnPagesLeadToASignInAtTeams: nobody signs in for somebody else.
func TestOnlyOwnPagesLeadToASignInAtTeams(t *testing.T) {
	t.Parallel()
	server, app := microsoft(t, "anna", "bob")
	b := newBuilding(t)
	t.Cleanup(b.inStep())
	b.people("Anna", "Bob")
	admin, anna, bob := b.as("admin"), b.as("anna"), b.as("bob")
	conn := b.application(admin, server)
	b.ok(server.SetApp(app.ID, func(a *graphtest.App) { a.RedirectURIs = []string{b.url + conn.CallbackPath} }))
	b.inTeams(admin, m{"connector": conn.ID, "access": "delegated"}).fine(t)
	begin := strings.TrimSuffix(conn.CallbackPath, "callback") + "begin?for=teams&remember=true"
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}, "Cookie": anna.header["Cookie"]}, {"Sec-Fetch-Site": {"same-origin"}}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+begin, nil)
		b.ok(err)
		r.Header = header
		resp, err := b.http.Do(r)
		b.ok(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%v: status %d", header, resp.StatusCode)
		}
	}
	// Anna's way back does nothing in Bob's browser, also if he has an attempt of his own.
	hers, his := newSurfer(b, anna), newSurfer(b, bob)
	his.open(begin, nil)
	hers.open(begin, nil)
	hers.submit(url.Values{"login": {"anna@example.test"}, "password": {"anna's"}})
	hers.submit(url.Values{"accept": {"yes"}})
	if at := his.visit(hers.last); at.Path != "/settings/teams" || at.Query().Get("refused") != "expired" {
		t.Errorf("in Bob's browser it leads to %s", at)
	}
	if o := decode[api.PersonTeams](bob.get("/people/me/teams").is(t, 200)); o.Account != "" {
		t.Errorf("Bob's is %+v", o)
	}
	// Where sign-ins are not to be remembered none is, whatever the address says.
	if o := decode[api.PersonTeams](anna.get("/people/me/teams").is(t, 200)); o.Account != "anna@example.test" || o.Remembered || o.Remember {
		t.Errorf("Anna's is %+v", o)
	}
	for _, r := range b.kept() {
		if r.Token != nil {
			t.Errorf("kept is %+v", r)
		}
	}
	// While presence is switched off nobody is asked for anything.
	admin.put("/scopes/"+b.location+"/settings", m{"feature": m{"enabled": false}}).fine(t)
	if at := his.open(begin, nil); at.Query().Get("refused") != "switchedoff" {
		t.Errorf("switched off it leads to %s", at)
	}
}
