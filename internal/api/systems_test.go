package api_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/store"
)

// reads has the building's calendars read until the test ends.
func (b *building) reads(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.agenda.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// mailed gives people addresses.
func (b *building) mailed(ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		_, err := b.office.ChangePerson(context.Background(), office.By{}, "test", id, func(p *store.Person) error {
			p.Email = id + "@example.test"
			return nil
		})
		b.ok(err)
	}
}

// eventually waits until something is so.
func (b *building) eventually(what string, so func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("it never comes that %s", what)
		}
	}
}

// logbook is what was logged.
type logbook struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// overhears reads somebody's stream until the test ends, and returns what was told so far.
func (c *client) overhears(t *testing.T, person string) func() string {
	t.Helper()
	conn := c.stream(m{"type": "watch", "people": []string{person}})
	told := &logbook{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			_, data, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			told.Write(data)
		}
	})
	t.Cleanup(func() {
		conn.CloseNow()
		reading.Wait()
	})
	return told.String
}

// method chooses how the calendars of everybody are reached.
func (b *building) method(admin *client, more m) *answer {
	b.t.Helper()
	section := m{"days_ahead": 30, "profile": "appointment", "subject_as_text": true, "show_as": []string{"busy"}, "all_day": true, "category_profiles": true,
		"only_with_category": false, "user_may_change": true, "own_calendars": true}
	for k, v := range more {
		section[k] = v
	}
	return admin.put("/scopes/"+b.location+"/settings", m{"calendar": section})
}

func TestAnAdministratorConnectsExchange(t *testing.T) {
	t.Parallel()
	server, err := exchangetest.Start(exchangetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.AddAccount(exchangetest.Account{Name: "doorlight", Password: "secret", Impersonates: []string{"anna@example.test"}})
	for _, id := range []string{"anna", "bob"} {
		if _, err := server.AddMailbox(exchangetest.Person{Address: id + "@example.test"}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UTC().Truncate(time.Minute)
	put := func(subject string, from time.Duration) {
		if _, err := server.Mailbox("anna@example.test").Put(exchangetest.Event{Subject: subject, Start: now.Add(from), End: now.Add(from + time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	put("Budget", -time.Minute)

	b := newBuilding(t)
	b.reads(t)
	b.people("Anna", "Bob", "Carl")
	b.mailed("anna", "bob")
	admin := b.as("admin")
	body := m{"kind": "exchange", "name": "Exchange", "enabled": true, "secret": "wrong", "exchange": m{
		"url": server.URL(), "plaintext": true, "auth": "basic", "account": "doorlight",
	}}
	ex := decode[api.Connector](admin.post("/connectors", body).is(t, 200))
	b.method(admin, m{"method": "central", "connector": "nonsense"}).is(t, 422)
	b.method(admin, m{"method": "central", "connector": ex.ID}).fine(t)

	// The password is wrong: the health of the system says so, and it is nobody's own fault.
	failing := func() api.Connector {
		for _, c := range decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors {
			if c.ID == ex.ID {
				return c
			}
		}
		return api.Connector{}
	}
	b.eventually("the wrong password is noticed", func() bool { return failing().Error != "" })
	if c := failing(); !strings.Contains(c.Error, "password") {
		t.Errorf("the administrator is told %q", c.Error)
	}
	body["secret"] = "secret"
	admin.put("/connectors/"+ex.ID, body).is(t, 200)

	// Anna is in an appointment; of Bob it is said that the account may not read him.
	anna := b.as("anna")
	text := func() string {
		return decode[struct {
			Presence struct{ Text string }
		}](anna.get("/people/me").is(t, 200)).Presence.Text
	}
	b.eventually("Anna is in her appointment", func() bool { return text() == "Budget" })
	if c := decode[api.Calendars](anna.get("/people/me/calendars").is(t, 200)); len(c.Calendars) != 1 || !c.Calendars[0].Central || c.Calendars[0].Kind != "exchange" || c.Local {
		t.Errorf("her calendars are %+v", c)
	} else {
		anna.delete("/people/me/calendars/"+c.Calendars[0].ID).is(t, http.StatusConflict)
	}
	anna.put("/people/me/local-calendars/Outlook", m{"lease_seconds": 600, "appointments": []m{}}).is(t, http.StatusForbidden)
	b.eventually("Bob's mailbox is told of", func() bool {
		c := decode[api.ConnectorCalendars](admin.get("/connectors/"+ex.ID+"/calendars").is(t, 200))
		return c.Calendars == 2 && len(c.Failing) == 1 && c.Failing[0].Person == "bob" && c.Failing[0].Error != ""
	})
	b.eventually("a new appointment is heard of", func() bool {
		put("Interview", 2*time.Hour)
		span := "?from=" + now.Format(time.RFC3339) + "&to=" + now.Add(24*time.Hour).Format(time.RFC3339)
		a := decode[api.Agenda](anna.get("/people/me/agenda"+span).is(t, 200)).Appointments
		return len(a) > 1 && a[1].Subject == "Interview" && a[1].SeenAt != nil && a[1].Calendar == "Exchange"
	})

	// The subject of a private appointment is nowhere: not in what anybody is told, in a file or in the log.
	const private = "zqSurgeryqz"
	if _, err := server.Mailbox("anna@example.test").Put(exchangetest.Event{
		Subject: private, Sensitivity: "Private", Location: private, Body: private, Start: now.Add(-2 * time.Minute), End: now.Add(3 * time.Hour), ShowAs: "Busy",
	}); err != nil {
		t.Fatal(err)
	}
	span := "?from=" + now.Add(-time.Hour).Format(time.RFC3339) + "&to=" + now.Add(24*time.Hour).Format(time.RFC3339)
	told := anna.overhears(t, "anna")
	b.eventually("the private appointment is heard of", func() bool {
		return slices.ContainsFunc(decode[api.Agenda](anna.get("/people/me/agenda"+span).is(t, 200)).Appointments, func(a rights.Appointment) bool { return a.Private })
	})
	for _, path := range []string{"/people/me", "/people/me/agenda" + span, "/people/me/calendars", "/people/me/export", "/people/me/explanation", "/people/me/audit", "/team"} {
		if a := anna.get(path).is(t, 200); strings.Contains(string(a.body), private) {
			t.Errorf("it is in %s", a)
		}
	}
	b.eventually("the stream tells of her", func() bool { return strings.Contains(told(), `"anna"`) })
	if said := told(); strings.Contains(said, private) {
		t.Errorf("it is in the live stream: %s", said)
	}
	if found := b.files(private); len(found) > 0 || strings.Contains(b.log.String(), private) {
		t.Errorf("it is in %q, or in the log", found)
	}

	// It is not removed while settings name it.
	admin.delete("/connectors/"+ex.ID).is(t, http.StatusConflict)
	b.method(admin, m{"method": "local"}).fine(t)
	b.eventually("Anna's calendar is gone", func() bool {
		return len(decode[api.Calendars](anna.get("/people/me/calendars").is(t, 200)).Calendars) == 0 && text() == ""
	})
	admin.delete("/connectors/" + ex.ID).fine(t)
}

// TestTheEndOfASecretIsAnnounced: on the page of health, a month before.
func TestTheEndOfASecretIsAnnounced(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	admin := b.as("admin")
	for days, want := range map[int]string{60: "", 20: "its secret or certificate ends on ", -1: "its secret or certificate has ended on "} {
		ends := time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly)
		conn := decode[api.Connector](admin.post("/connectors", m{"kind": "graph", "name": "Microsoft 365", "enabled": true, "secret": "x", "graph": m{
			"tenant": "84bd8158-6d4d-4958-8b9f-9d6445542f95", "client_id": "00000000-6d4d-4958-8b9f-9d6445542f95", "secret_expires": ends,
		}}).is(t, 200))
		for _, p := range decode[api.Health](admin.get("/health").is(t, 200)).Parts {
			if p.ID == conn.ID && (want == "") != (p.Error == "") || p.ID == conn.ID && want != "" && p.Error != want+ends {
				t.Errorf("%d days before its end it says %q", days, p.Error)
			}
		}
	}
}

func TestAnnaConnectsHerMicrosoftAccount(t *testing.T) {
	t.Parallel()
	app := graphtest.DefaultApp()
	server, err := graphtest.Start(graphtest.Config{Apps: []graphtest.App{app}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	if _, err := server.AddMailbox(graphtest.Mailbox{UPN: "anna@example.test", Password: "anna's"}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Minute)
	if _, err := server.Put("anna@example.test", graphtest.Event{Subject: "Budget", Start: now.Add(-time.Minute), End: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	b := newBuilding(t)
	b.reads(t)
	b.people("Anna", "Bob")
	b.mailed("anna")
	admin, anna := b.as("admin"), b.as("anna")
	conn := decode[api.Connector](admin.post("/connectors", m{"kind": "graph", "name": "Microsoft 365", "enabled": true, "secret": app.Secret, "graph": m{
		"tenant": server.Tenant, "client_id": app.ID, "cloud": "custom", "login_url": server.LoginURL, "graph_url": server.GraphURL,
	}}).is(t, 200))
	if err := server.SetApp(app.ID, func(a *graphtest.App) { a.RedirectURIs = []string{b.url + conn.CallbackPath} }); err != nil {
		t.Fatal(err)
	}
	begin := strings.TrimSuffix(conn.CallbackPath, "callback") + "begin"
	web := newSurfer(b, anna)
	if at := web.open(begin, nil); at.Query().Get("refused") != "switchedoff" {
		t.Errorf("before it is offered it leads to %s", at)
	}
	b.method(admin, m{"method": "local", "accounts": conn.ID}).fine(t)
	if c := decode[api.Calendars](anna.get("/people/me/calendars").is(t, 200)); len(c.Accounts) != 1 || c.Accounts[0].Path != begin || c.Accounts[0].Name != "Microsoft 365" {
		t.Fatalf("offered are %+v", c.Accounts)
	}

	// A page of another server does not get her to it, and nobody is led there who is not signed in.
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}, "Cookie": anna.header["Cookie"]}, {"Sec-Fetch-Site": {"same-origin"}}} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+begin, nil)
		r.Header = header
		resp, err := b.http.Do(r)
		b.ok(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%v: status %d", header, resp.StatusCode)
		}
	}

	// Nor is she asked for anything while presence is switched off.
	feature := func(on bool) {
		t.Helper()
		admin.put("/scopes/"+b.location+"/settings", m{"feature": m{"enabled": on}}).fine(t)
	}
	feature(false)
	if at := web.open(begin, nil); at.Query().Get("refused") != "switchedoff" {
		t.Errorf("switched off it leads to %s", at)
	}
	feature(true)

	// She declines; then she signs in and agrees.
	web.open(begin, nil)
	web.submit(url.Values{"login": {"anna@example.test"}, "password": {"anna's"}})
	if at := web.submit(url.Values{"cancel": {"yes"}}); at.Path != "/settings/calendars" || at.Query().Get("refused") != "denied" {
		t.Errorf("declined, it leads to %s", at)
	}
	// What she makes up says nothing about the application.
	page := web.open(begin, nil)
	made, _ := url.Parse(b.url + conn.CallbackPath + "?" + url.Values{"state": {page.Query().Get("state")}, "code": {"nonsense"}}.Encode())
	if at := web.visit(made); at.Query().Get("refused") != "provider" {
		t.Errorf("with a code that is none it leads to %s", at)
	}
	if all := decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors; len(all) != 1 || all[0].Error != "" {
		t.Errorf("with that the application is said to fail: %+v", all)
	}
	web.open(begin, nil)
	web.submit(url.Values{"login": {"anna@example.test"}, "password": {"anna's"}})
	at := web.submit(url.Values{"accept": {"yes"}})
	if at.Path != "/settings/calendars" || at.RawQuery != "" {
		t.Fatalf("accepted, it leads to %s", at)
	}
	var cal api.Calendar
	b.eventually("her calendar is read", func() bool {
		all := decode[api.Calendars](anna.get("/people/me/calendars").is(t, 200)).Calendars
		if len(all) != 1 || all[0].SucceededAt == nil {
			return false
		}
		cal = all[0]
		return true
	})
	if cal.Kind != "graph_account" || cal.Central || cal.Username != "anna@example.test" || cal.Connector != conn.ID || cal.HasPassword {
		t.Errorf("it is %+v", cal)
	}
	stored := func() string {
		o, err := b.store.LoadOffice(t.Context())
		b.ok(err)
		if len(o.Calendars) == 0 {
			return ""
		}
		return string(o.Calendars[0].Password)
	}
	if stored() == "" || len(server.Counts()) == 0 {
		t.Error("nothing is stored")
	}
	// Her token goes to nobody else, whatever an administrator enters.
	settings := func(login string) m {
		return m{"kind": "graph", "name": "Microsoft 365", "enabled": true, "secret": app.Secret, "graph": m{
			"tenant": server.Tenant, "client_id": app.ID, "cloud": "custom", "login_url": login, "graph_url": server.GraphURL,
		}}
	}
	admin.put("/connectors/"+conn.ID, settings("https://login.example.test")).is(t, 422).names(t, "body.graph")
	admin.put("/connectors/"+conn.ID, settings(server.LoginURL)).is(t, 200)
	// The way back is good once, and for her only.
	if used := web.last; used != nil {
		again := web.visit(used)
		if again.Query().Get("refused") != "expired" {
			t.Errorf("the same way back again leads to %s", again)
		}
	}
	// The application is not taken away while it is offered; when it is, the account goes with it.
	admin.delete("/connectors/"+conn.ID).is(t, http.StatusConflict)
	anna.delete("/people/me/calendars/" + cal.ID).fine(t)
	if stored() != "" || len(decode[api.Calendars](anna.get("/people/me/calendars").is(t, 200)).Calendars) != 0 {
		t.Error("disconnected, it is still there")
	}
	web.open(begin, nil)
	web.submit(url.Values{"login": {"anna@example.test"}, "password": {"anna's"}})
	b.eventually("it is connected again", func() bool { return stored() != "" })
	b.method(admin, m{"method": "local"}).fine(t)
	admin.delete("/connectors/" + conn.ID).fine(t)
	if stored() != "" {
		t.Error("the application is gone, and the token is still there")
	}
}

// surfer is somebody's browser.
type surfer struct {
	*building
	http *http.Client
	page string
	at   *url.URL
	last *url.URL // the way back that was used last
}

func newSurfer(b *building, c *client) *surfer {
	jar, err := cookiejar.New(nil)
	b.ok(err)
	home, err := url.Parse(b.url)
	b.ok(err)
	name, value, _ := strings.Cut(c.header.Get("Cookie"), "=")
	jar.SetCookies(home, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
	s := &surfer{building: b}
	transport := &http.Transport{}
	b.t.(*testing.T).Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if strings.HasSuffix(r.URL.Path, "/callback") {
			s.last = r.URL
		}
		if r.URL.Host == home.Host && strings.HasPrefix(r.URL.Path, "/settings") {
			return http.ErrUseLastResponse // the web client is not here
		}
		return nil
	}}
	return s
}

func (s *surfer) take(resp *http.Response, err error) *url.URL {
	s.t.Helper()
	s.ok(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	s.ok(err)
	s.page, s.at = string(body), resp.Request.URL
	if to := resp.Header.Get("Location"); to != "" {
		s.at, err = s.at.Parse(to)
		s.ok(err)
	}
	return s.at
}

// open follows a link of the own pages.
func (s *surfer) open(path string, _ url.Values) *url.URL {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url+path, nil)
	s.ok(err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.take(s.http.Do(r))
}

func (s *surfer) visit(u *url.URL) *url.URL {
	s.t.Helper()
	return s.take(s.http.Get(u.String()))
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// submit fills in the form on the page.
func (s *surfer) submit(fields url.Values) *url.URL {
	s.t.Helper()
	form := url.Values{}
	for _, x := range hidden.FindAllStringSubmatch(s.page, -1) {
		form.Set(html.UnescapeString(x[1]), html.UnescapeString(x[2]))
	}
	for name := range fields {
		form.Set(name, fields.Get(name))
	}
	return s.take(s.http.PostForm(s.at.String(), form))
}

func TestABusyCalendarCanBeHandedOver(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	var all []m
	for i := range 2000 {
		start := time.Now().UTC().Truncate(time.Hour).Add(time.Hour + time.Duration(i)*time.Hour/4)
		all = append(all, m{"id": fmt.Sprintf("occurrence-%d", i), "start": start, "end": start.Add(time.Hour / 4), "subject": strings.Repeat("About much. ", 20)})
	}
	if got := decode[api.Calendar](b.as("anna").put("/people/me/local-calendars/Outlook", m{"lease_seconds": 600, "appointments": all}).is(t, 200)); got.Appointments != 2000 {
		t.Errorf("it holds %d appointments", got.Appointments)
	}
}
