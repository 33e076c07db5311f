package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/teams"
)

// golden compares an answer with the file of its name. Instants, and IDs and secrets made by chance, are told apart by
// number only.
type golden struct {
	t    *testing.T
	seen map[string]string
}

var chance = regexp.MustCompile(`"version": "[0-9a-f]{16}"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|dl[tslp]_[A-Za-z0-9_-]{43}|\b[a-z2-7]{16}\b|\b[0-9a-f]{16}\b|#[0-9a-f]{24}|#[0-9a-z]{8}"|udp:127\.0\.0\.1:\d+|"user": "[0-9a-z.-]+-[0-9a-z]{4}"`)

func (g *golden) compare(name string, a *answer) {
	g.t.Helper()
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n%d %s\n", a.asked, a.status, a.header.Get("Content-Type"))
	if len(a.body) > 0 {
		if err := json.Indent(&text, a.body, "", "  "); err != nil {
			g.t.Fatalf("%s: %v", a, err)
		}
	}
	got := chance.ReplaceAllStringFunc(text.String(), func(s string) string {
		switch {
		case strings.HasPrefix(s, `"user"`):
			return `"user": "<telephone>"`
		case strings.HasPrefix(s, "udp:") && !strings.HasSuffix(s, ":0"):
			return "udp:<address>"
		case strings.HasPrefix(s, "udp:"):
			return s
		case strings.HasPrefix(s, `"version"`):
			return `"version": "<version>"`
		case strings.Contains(s, ":") && s[4] == '-':
			return "<time>"
		case strings.HasSuffix(s, `"`):
			return `#<entry>"`
		case strings.HasPrefix(s, "#"):
			return "#<entry>"
		case strings.HasPrefix(s, "dl") && strings.Contains(s, "_"): // an ID may begin so too
			return "<secret>"
		}
		if g.seen[s] == "" {
			g.seen[s] = fmt.Sprintf("<id %d>", len(g.seen)+1)
		}
		return g.seen[s]
	})
	got = strings.TrimRight(got, "\n") + "\n"
	path := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			g.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	if got != string(want) {
		g.t.Errorf("%s is\n%s\nnot as in %s (run with -update if that is meant)\n%s", name, got, path, want)
	}
}

// TestTour goes through the whole house: from the first administrator to the last line of the audit log. Every
// operation of the document is used, every answer is as the document says, and the main ones are kept as golden files.
func TestTour(t *testing.T) {
	t.Parallel()
	b, end := openBuilding(t, t.TempDir())
	t.Cleanup(end)
	g := &golden{t, map[string]string{}}
	good := func(name string, a *answer) *answer {
		t.Helper()
		if a.status >= 300 {
			t.Fatalf("%s: %s", name, a)
		}
		if name != "" {
			g.compare(name, a)
		}
		return a
	}

	// The first administrator, and signing in and out.
	nobody := b.nobody()
	good("setup", nobody.get("/setup"))
	nobody.get("/session").is(t, 401)
	first := good("setup-done", nobody.post("/setup", map[string]any{
		"name": "Ada Admin", "login": "Ada", "password": "correct horse", "location": "Berlin", "time_zone": "Europe/Berlin",
	}))
	if c := first.header.Get("Set-Cookie"); !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || strings.Contains(c, "Secure") {
		t.Errorf("the cookie is %q", c)
	}
	again := nobody.post("/setup", map[string]any{"name": "Eve", "login": "eve", "password": "correct horse", "location": "Eve's", "time_zone": "UTC"}).is(t, 409)
	g.compare("setup-again", again)
	g.compare("session-wrong", nobody.post("/session", map[string]string{"login": "ada", "password": "correct house"}).is(t, 401))
	cookie := good("", nobody.post("/session", map[string]string{"login": "ADA", "password": "correct horse"})).header.Get("Set-Cookie")
	admin := b.nobody()
	admin.header.Set("Cookie", strings.Split(cookie, ";")[0])
	ada := decode[api.Me](good("session", admin.get("/session"))).Person.ID
	good("", admin.delete("/session"))
	admin.get("/session").is(t, 401)
	admin = b.as(ada)

	// Locations, groups and people.
	location := decode[api.Locations](good("locations", admin.get("/locations"))).Locations[0].ID
	munich := decode[api.Location](good("", admin.post("/locations", map[string]any{"name": "Munich", "time_zone": "Europe/Berlin"})))
	good("location-changed", admin.put("/locations/"+munich.ID, map[string]any{"name": "München", "time_zone": "Europe/Berlin"}))
	good("location-duplicated", admin.post("/locations/"+munich.ID+"/duplicate", map[string]any{"name": "Augsburg"}))
	good("", admin.delete("/locations/"+munich.ID))
	lab := decode[api.Group](good("", admin.post("/groups", map[string]any{"name": "Labor", "location": location})))
	good("group-changed", admin.put("/groups/"+lab.ID, map[string]any{"name": "Lab", "location": location}))
	spare := decode[api.Group](good("", admin.post("/groups", map[string]any{"name": "Spare", "location": location})))
	good("", admin.delete("/groups/"+spare.ID))
	anna := decode[api.PersonRecord](good("person-added", admin.post("/people", map[string]any{
		"name": "Anna Berg", "login": "anna", "password": "anna's password", "location": location, "group": lab.ID, "email": "anna@example.org",
		"work_number": "+49 30 100", "mobile_number": "+49 170 100", "home_number": "+49 30 200", "voicemail_number": "+49 30 300",
	}))).ID
	good("groups", admin.get("/groups"))
	var others []string
	for _, name := range []string{"Bob Carter", "Eve Dunn", "Tom Gone"} {
		others = append(others, decode[api.PersonRecord](good("", admin.post("/people", map[string]any{"name": name, "location": location}))).ID)
	}
	bob, eve, tom := others[0], others[1], others[2]
	good("record", admin.get("/people/"+anna+"/record"))
	good("record-changed", admin.put("/people/"+bob+"/record", map[string]any{"name": "Bob Carter", "location": location, "work_number": "+49 30 101", "role": "user", "time_zone": "Asia/Tokyo"}))
	good("", admin.delete("/people/"+tom+"/record"))

	// Settings of a scope.
	good("scope-settings", admin.get("/scopes/"+location+"/settings"))
	good("section-replaced", admin.put("/scopes/"+location+"/settings/relationships", map[string]any{"relationships": map[string]any{"default": "external", "extend_only": false}}))
	good("section-individual", admin.post("/scopes/"+lab.ID+"/individual/relationships", nil))
	good("", admin.delete("/scopes/"+lab.ID+"/settings/relationships"))
	template := map[string]any{"name": "Lecture", "status": "do_not_disturb", "text": "Lecture", "forwarding": map[string]any{"action": "off"}, "active": true, "user_forwarding": "fixed"}
	lecture := decode[policy.Template](good("template-added", admin.post("/scopes/"+location+"/templates", template)))
	template["text"] = "In the hall"
	good("template-changed", admin.put("/scopes/"+location+"/templates/"+lecture.ID, template))
	good("", admin.delete("/scopes/"+location+"/templates/"+policy.TemplateSick))
	g.compare("template-used", admin.delete("/scopes/"+location+"/templates/"+policy.TemplateAppointment).is(t, 409))

	// Groups of people.
	team := decode[api.WorkGroup](good("work-group-added", admin.post("/work-groups", map[string]any{"name": "Team", "level": "team_colleague", "members": []string{anna, bob}})))
	good("", admin.put("/work-groups/"+team.ID, map[string]any{"name": "Team A", "level": "team_colleague", "members": []string{anna, bob}}))
	desk := decode[api.MonitoringGroup](good("monitoring-group-added", admin.post("/monitoring-groups", map[string]any{
		"name": "Desk", "observer_level": "assistant", "member_level": "external", "observers": []string{eve}, "members": []string{anna},
	})))
	good("", admin.put("/monitoring-groups/"+desk.ID, map[string]any{
		"name": "Desk", "observer_level": "assistant", "member_level": "employee", "observers": []string{eve}, "members": []string{anna},
	}))
	short := decode[api.WorkGroup](good("", admin.post("/work-groups", map[string]any{"name": "Short", "level": "employee", "members": []string{}})))
	good("", admin.delete("/work-groups/"+short.ID))
	brief := decode[api.MonitoringGroup](good("", admin.post("/monitoring-groups", map[string]any{"name": "Brief", "observer_level": "assistant", "member_level": "external", "observers": []string{}, "members": []string{}})))
	good("", admin.delete("/monitoring-groups/"+brief.ID))
	good("work-groups", admin.get("/work-groups"))
	good("monitoring-groups", admin.get("/monitoring-groups"))

	// Origins: a door reader and a telephone system.
	door := decode[api.Token](good("token-made", admin.post("/tokens", map[string]any{"name": "Door", "origin": "door", "scopes": []string{"claims", "lines"}})))
	spareToken := decode[api.Token](good("", admin.post("/tokens", map[string]any{"name": "Spare", "scopes": []string{"admin"}})))
	good("", admin.delete("/tokens/"+spareToken.ID))
	good("tokens", admin.get("/tokens"))
	reader := b.nobody()
	reader.header.Set("Authorization", "Bearer "+door.Secret)
	good("claim", reader.put("/people/"+eve+"/claim", map[string]any{"status": "unavailable", "text": "Out", "lease_seconds": 3600}))
	good("", reader.delete("/people/"+eve+"/claim"))
	good("", reader.post("/claims", map[string]any{"claims": []any{
		map[string]any{"person": bob, "claim": map[string]any{"status": "available"}}, map[string]any{"person": eve, "retract": true},
	}}))
	good("", reader.put("/people/"+anna+"/lines/100", map[string]any{"state": "on_the_phone", "reach": "external", "service": "Desk", "other": "+49 89 7"}))

	// Anna's day.
	me := b.as(anna)
	good("client", me.put("/people/me/clients/tab-1", map[string]any{"label": "Firefox on Linux", "activity": "active"}))
	good("clients", me.get("/people/me/clients"))
	now := time.Now()
	hour := now.Truncate(time.Hour)
	b.calendars["https://example.org/anna.ics"] = calendarText(
		event("1", "Budget", hour.Add(2*time.Hour), hour.Add(3*time.Hour), "CATEGORIES:lecture\r\n"),
		event("2", "Doctor", hour.Add(4*time.Hour), hour.Add(5*time.Hour), "CLASS:PRIVATE\r\n"),
	)
	cal := decode[api.Calendar](good("calendar-entered", me.post("/people/me/calendars", map[string]any{"kind": "ics", "name": "Work", "url": "https://example.org/anna.ics", "username": "anna", "password": "secret"})))
	good("calendar-read", me.post("/people/me/calendars/"+cal.ID+"/sync", nil))
	good("", me.put("/people/me/calendars/"+cal.ID, map[string]any{"kind": "ics", "name": "Office", "url": "https://example.org/anna.ics", "username": "anna"}))
	local := decode[api.Calendar](good("calendar-handed-over", me.put("/people/me/local-calendars/Outlook", map[string]any{"lease_seconds": 3600, "appointments": []any{
		map[string]any{"id": "1", "start": hour.Add(6 * time.Hour), "end": hour.Add(7 * time.Hour), "show_as": "tentative", "subject": "Interview"},
		map[string]any{"id": "2", "start_date": "2026-03-04", "end_date": "2026-03-06", "show_as": "out_of_office", "private": true},
	}})))
	good("calendars", me.get("/people/me/calendars"))
	span := "?from=" + hour.UTC().Format(time.RFC3339) + "&to=" + hour.Add(24*time.Hour).UTC().Format(time.RFC3339)
	entries := decode[api.Agenda](good("agenda", me.get("/people/me/agenda"+span))).Appointments
	good("decision", me.put("/people/me/agenda/decision", map[string]any{"ref": entries[0].Ref, "dismissed": true}))
	profiles := decode[api.Profiles](good("profiles", me.get("/people/me/profiles")))
	mine := decode[api.Profiles](good("profiles-replaced", me.put("/people/me/profiles", map[string]any{"own": []any{
		map[string]any{"name": "Lab coat", "status": "busy", "text": "In the lab", "forwarding": map[string]any{"action": "forward", "target": "mobile"}},
	}}))).Own[0]
	if len(profiles.Own) != 0 || len(profiles.Templates) != 9 {
		t.Errorf("offered were %+v", profiles)
	}
	good("settings-replaced", me.put("/people/me/settings", map[string]any{"activation": map[string]any{"start": map[string]any{"on": true, "profile": mine.ID}}, "language": "de"}))
	good("settings", me.get("/people/me/settings"))
	good("choice", me.put("/people/me/choice", map[string]any{"profile": mine.ID, "text": "Until lunch"}))
	good("choice-status", me.put("/people/me/choice", map[string]any{"status": "busy"}))
	good("explanation", me.get("/people/me/explanation"))
	good("relationship", me.put("/people/me/relationships/"+bob, map[string]any{"level": "assistant_plus"}))
	good("relationships", me.get("/people/me/relationships"))
	good("seen", me.get("/people/me/seen"))
	good("favourites", me.put("/people/me/favourites", map[string]any{"favourites": []string{eve}}))
	good("team", me.get("/team"))
	good("people", me.get("/people?q=car"))
	good("person", me.get("/people/"+bob))
	good("person-me", me.get("/people/me"))
	good("export", me.get("/people/me/export"))

	// What the others see of her: Bob is assistant+ by her choice, Eve an assistant by the monitoring group.
	for id, who := range map[string]string{bob: "assistant-plus", eve: "assistant"} {
		c := b.as(id)
		good("anna-for-"+who, c.get("/people/"+anna))
		good("anna-agenda-for-"+who, c.get("/people/"+anna+"/agenda"+span))
		good("anna-explanation-for-"+who, c.get("/people/"+anna+"/explanation"))
	}
	if l := b.office.Level(eve, anna); l != rights.Assistant {
		t.Errorf("Eve is %s", l)
	}
	good("choice-for-anna", b.as(eve).put("/people/"+anna+"/choice", map[string]any{"status": "do_not_disturb", "text": "Exam"}))

	// And the end of it.
	good("", reader.delete("/people/"+anna+"/lines/100"))
	good("", me.delete("/people/me/clients/tab-1"))
	code := me.askToSignIn("laptop")["user_code"].(string)
	good("", me.get("/devices/"+code))
	good("", me.post("/devices/"+code, map[string]any{"allow": false}))
	good("", me.delete("/people/me/calendars/"+cal.ID))
	good("", me.delete("/people/me/calendars/"+local.ID))
	good("person-reset", me.post("/people/me/reset", map[string]any{"keep_profiles": true, "dry_run": true}))
	good("scope-reset", admin.post("/scopes/"+location+"/reset", map[string]any{"keep_profiles": false, "dry_run": false}))
	good("audit", admin.get("/audit?person="+anna))
	ldap := map[string]any{"kind": "ldap", "name": "Directory", "enabled": false, "secret": "x", "ldap": map[string]any{
		"urls": []string{"ldaps://127.0.0.1:1"}, "base": "dc=example", "bind_dn": "cn=reader", "places": []map[string]any{{"location": location}},
	}}
	good("systems", admin.get("/scopes/"+location+"/systems"))
	dir := decode[api.Connector](good("", admin.post("/connectors", ldap)))
	exchange := decode[api.Connector](good("exchange", admin.post("/connectors", map[string]any{"kind": "exchange", "name": "Exchange", "enabled": false, "secret": "x", "exchange": map[string]any{
		"url": "https://127.0.0.1:1/EWS/Exchange.asmx", "auth": "basic", "account": `EXAMPLE\doorlight`,
	}})))
	graph := decode[api.Connector](good("graph", admin.post("/connectors", map[string]any{"kind": "graph", "name": "Microsoft 365", "enabled": false, "secret": "x", "graph": map[string]any{
		"tenant": "84bd8158-6d4d-4958-8b9f-9d6445542f95", "client_id": "00000000-6d4d-4958-8b9f-9d6445542f95", "secret_expires": "2030-01-01",
	}})))
	domino := decode[api.Connector](good("domino", admin.post("/connectors", map[string]any{"kind": "domino", "name": "Domino", "enabled": false, "secret": "x", "domino": map[string]any{
		"url": "https://mail.example.org", "account": "Reader/Example", "mail_file": "mail/{local}.nsf",
	}})))
	good("", admin.delete("/connectors/"+domino.ID))
	good("exchange-config", admin.post("/exchange-config", map[string]any{
		"xml": `<?xml version="1.0" encoding="utf-8"?><configuration><calendar_sync><exchange><events><advise Object="EwsPull"></advise></events></exchange></calendar_sync></configuration>`,
	}))
	good("systems-named", admin.get("/scopes/"+location+"/systems"))
	good("connector-calendars", admin.get("/connectors/"+exchange.ID+"/calendars"))
	good("connector-scripts", admin.get("/connectors/"+exchange.ID+"/scripts"))
	good("connector-scripts-graph", admin.get("/connectors/"+graph.ID+"/scripts?base=https://presence.example.org"))
	good("", admin.delete("/connectors/"+exchange.ID))

	// Anna signs in at Teams, which nobody reaches here.
	inTeams := map[string]any{"sync": "telephony", "user_may_change": true, "connector": graph.ID, "access": "delegated", "remember": true, "keep_minutes": 10}
	good("section-teams", admin.put("/scopes/"+lab.ID+"/settings/teams", map[string]any{"teams": inTeams}))
	b.ok(b.teams.Connect(t.Context(), office.By{Actor: anna}, teams.Account{
		PersonID: anna, ConnectorID: graph.ID, Username: "anna@example.org", UserID: "fa8bf3dc-eca7-46b7-bad1-db199b62afc3", Token: "t", Remember: true,
	}))
	good("teams", me.get("/people/me/teams"))
	good("connector-teams", admin.get("/connectors/"+graph.ID+"/teams"))
	good("", me.delete("/people/me/teams/account"))
	g.compare("teams-account-gone", me.delete("/people/me/teams/account").is(t, 404))
	good("", admin.delete("/scopes/"+lab.ID+"/settings/teams"))
	good("", admin.delete("/connectors/"+graph.ID))

	// Anna's telephone, and one that is entered for Bob.
	pbx := newAsterisk(t, "100", "101")
	off := decode[api.Connector](good("asterisk", admin.post("/connectors", map[string]any{"kind": "asterisk", "name": "Old telephones", "enabled": false, "secret": "x", "asterisk": map[string]any{
		"host": "pbx.example.org", "username": "doorlight", "context": "ext-local", "forwarding": "freepbx", "families": map[string]any{"busy": "-"},
	}})))
	good("", admin.delete("/connectors/"+off.ID))
	telephones := decode[api.Connector](good("", admin.post("/connectors", pbx.connector(map[string]any{"prefixes": []string{"+49 30"}}))))
	good("section-telephony", admin.put("/scopes/"+lab.ID+"/settings/telephony", map[string]any{"telephony": map[string]any{"connector": telephones.ID, "forwarding": telephones.ID}}))
	good("record-lines", admin.put("/people/"+bob+"/record", map[string]any{"name": "Bob Carter", "location": location, "work_number": "+49 30 101", "role": "user", "time_zone": "Asia/Tokyo",
		"lines": []any{map[string]any{"connector": telephones.ID, "line": "101", "forwards": true}}}))
	b.eventually("both lines are heard", func() bool {
		return decode[api.ConnectorLines](admin.get("/connectors/"+telephones.ID+"/lines")).Heard == 2 && len(decode[api.PersonLines](b.as(bob).get("/people/me/lines")).Lines) == 1
	})
	good("lines", me.get("/people/me/lines"))
	lamps := decode[api.Connector](good("sip-server", admin.post("/connectors", map[string]any{"kind": "sip_server", "name": "Lamps", "enabled": true, "sip_server": map[string]any{
		"listen": []string{"udp:127.0.0.1:0"}, "host": "presence.example.org", "trusted": []string{"192.0.2.10"}, "desk": "sip:desk-{line}@pbx.example.org",
	}})))
	phone := decode[api.TelephoneAdded](good("", me.post("/people/me/telephones", map[string]any{"name": "Desk"})))
	if len(phone.Password) < 20 || phone.User == "" {
		t.Errorf("a telephone signs in as %q with %d characters", phone.User, len(phone.Password))
	}
	b.eventually("it listens", func() bool {
		s := decode[api.Telephones](me.get("/people/me/telephones"))
		return len(s.Telephones) == 1 && s.Telephones[0].User == phone.User && len(s.Servers) == 1 && len(s.Servers[0].Addresses) == 1
	})
	good("telephones", me.get("/people/me/telephones"))
	good("", admin.delete("/people/"+anna+"/telephones/"+phone.User))
	good("sip-server-scripts", admin.get("/connectors/"+lamps.ID+"/scripts"))
	good("", admin.delete("/connectors/"+lamps.ID))
	good("forwarding", me.put("/people/me/forwarding", map[string]any{"all": "+49 170 100"}))
	good("lines-for-assistant-plus", b.as(bob).get("/people/"+anna+"/lines"))
	good("connector-lines", admin.get("/connectors/"+telephones.ID+"/lines"))
	good("", me.put("/people/me/forwarding", map[string]any{}))
	good("", admin.put("/people/"+bob+"/record", map[string]any{"name": "Bob Carter", "location": location, "work_number": "+49 30 101", "role": "user", "time_zone": "Asia/Tokyo"}))
	good("", admin.delete("/scopes/"+lab.ID+"/settings/telephony"))
	good("", admin.delete("/connectors/"+telephones.ID))
	good("connector", admin.put("/connectors/"+dir.ID, ldap))
	good("connectors", admin.get("/connectors"))
	good("", admin.post("/connectors/"+dir.ID+"/check", nil))
	admin.settled(decode[api.Job](good("", admin.post("/connectors/"+dir.ID+"/sync", map[string]any{}))))
	good("", admin.delete("/connectors/"+dir.ID))
	provider := decode[api.Connector](good("provider", admin.post("/connectors", map[string]any{"kind": "oidc", "name": "Company account", "enabled": true, "secret": "x", "oidc": map[string]any{
		"issuer": "https://login.example.com/office", "client_id": "doorlight",
	}})))
	good("providers", b.nobody().get("/providers"))
	b.ok(b.office.Tie(t.Context(), office.By{}, provider.ID, "248289761001", anna))
	good("identities", me.get("/people/me/identities"))
	good("", me.delete("/people/me/identities/"+provider.ID))
	good("", admin.get("/health"))
	hook := decode[api.Connector](good("webhook", admin.post("/connectors", map[string]any{"kind": "webhook", "name": "Lights", "enabled": false, "webhook": map[string]any{
		"url": "https://lights.example.com/hook", "person": anna,
	}})))
	good("deliveries", admin.get("/connectors/"+hook.ID+"/deliveries"))
	sender := decode[api.Connector](good("connector-scim", admin.post("/connectors", map[string]any{"kind": "scim", "name": "Provider", "enabled": true, "scim": map[string]any{
		"places": []map[string]any{{"member": "Staff", "location": location}, {"location": location}}, "work_group_level": "team_colleague",
	}})))
	good("connector-token", admin.post("/connectors/"+sender.ID+"/token", map[string]any{}))
	job := decode[api.Job](good("", admin.post("/people/import", map[string]any{"csv": "login,name\n" + "nina,Nina\n", "dry_run": true})))
	good("", admin.get("/jobs/"+job.ID))
	good("sections-asked", admin.put("/scopes/"+location+"/settings", map[string]any{"default": []string{"calendar"}, "dry_run": true}))
	good("audit-about-me", me.get("/people/me/audit"))
	good("", admin.get("/audit.csv?person="+anna))
	good("records", admin.get("/records?q=anna"))
	g.compare("no-person", me.get("/people/nobody").is(t, 404))
	g.compare("no-call", me.get("/presence").is(t, 404))

	link := decode[api.Link](good("link", admin.post("/people/"+anna+"/link", map[string]any{"kind": "invitation"})))
	_, secret, _ := strings.Cut(link.Path, "#")
	good("password-by-link", b.nobody().post("/password", map[string]any{"secret": secret, "password": "a new password"}))
	me = b.as(anna) // it has ended all sign-ins
	sessions := decode[api.Sessions](good("", me.get("/people/me/sessions"))).Sessions
	for _, x := range sessions {
		if !x.Current {
			good("", me.delete("/people/me/sessions/"+x.ID))
		}
	}
	good("", me.put("/people/me/password", map[string]any{"old": "a new password", "new": "a newer password"}))

	for _, r := range routesOf(b.doc) {
		if !b.succeeded[r.op.OperationID] {
			t.Errorf("%s %s was never used with success", r.method, r.path)
		}
	}
	log, err := b.store.Audit(t.Context(), store.AuditQuery{PersonID: anna, Limit: 1000})
	b.ok(err)
	for _, e := range log {
		if e.Action == "presence.choice" && e.Actor != eve {
			t.Errorf("Anna's own choice is in the audit log: %+v", e)
		}
	}
}
