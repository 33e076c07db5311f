package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// withToken sends a client's token to this server, as a program may and no browser does.
type withToken struct {
	to     string
	header http.Header
}

var alone = &http.Transport{DisableKeepAlives: true}

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.String(), w.to+"/") {
		r = r.Clone(r.Context())
		for k, v := range w.header {
			r.Header[k] = v
		}
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return alone.RoundTrip(r)
}

// Whoever has the token of a desktop client must not tie an account of their own to its owner: they would come in as them, with all their rights.
func TestADesktopClientConnectsNoAccount(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	desk := c.as("anna").desktop("Desk")
	thief := c.op.Browser("d-4") // Dora, who is not here
	thief.Transport = withToken{c.url, desk.header}
	end, _, err := thief.Open(c.url + "/auth/" + c.provider.ID + "/begin?connect&to=/settings/sign-in")
	c.ok(err)
	if end.StatusCode != http.StatusForbidden {
		t.Errorf("with a client's token an account is connected: %d at %s", end.StatusCode, end.Request.URL.Path)
	}
	if browser, _ := c.comes("d-4", "/"); c.who(browser) != "" {
		t.Errorf("Dora comes in as %s", c.who(browser))
	}
}

// A client that is connected twice for a moment, as after a broken line, runs on when the older connection says its end.
func TestTheEndOfAnOlderConnection(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Emil")
	anna, emil := b.as("anna"), b.as("emil")
	desk := anna.desktop("Desk")
	report := m{"type": "client", "id": "desk", "label": "Desk", "activity": "active", "microphone": []string{}}
	older := desk.stream(report)
	hear(t, older)
	emil.until("anna", presence.Available)
	newer := desk.stream(report)
	hear(t, newer) // its settings: it is attached
	b.ok(older.Write(t.Context(), websocket.MessageText, []byte(`{"type":"end"}`)))
	if code := ends(older); code != websocket.StatusNormalClosure {
		t.Errorf("the older stream ends with %d", code)
	}
	if got := emil.presence("anna"); *got.Status != presence.Available {
		t.Errorf("a connection of the client stands, and Anna is %s", got.Status)
	}
	if list := decode[api.Clients](anna.get("/people/me/clients").is(t, 200)).Clients; len(list) != 1 {
		t.Errorf("a connection of the client stands, and these run: %+v", list)
	}
}

// The same: what Anna chose by hand before stands, for her client did not start anew.
func TestAChoiceOutlivesTheEndOfAnOlderConnection(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Emil")
	anna, emil := b.as("anna"), b.as("emil")
	desk := anna.desktop("Desk")
	older := desk.stream(m{"type": "client", "id": "desk", "label": "Desk", "activity": "active"})
	hear(t, older)
	newer := desk.stream(m{"type": "client", "id": "desk", "label": "Desk", "activity": "active"})
	hear(t, newer)
	anna.put("/people/me/choice", m{"status": "do_not_disturb"}).fine(t)
	b.ok(older.Write(t.Context(), websocket.MessageText, []byte(`{"type":"end"}`)))
	ends(older)
	b.ok(newer.Write(t.Context(), websocket.MessageText, []byte(`{"type":"client","id":"desk","activity":"locked"}`)))
	b.ok(newer.Write(t.Context(), websocket.MessageText, []byte(`{"type":"client","id":"desk","activity":"active"}`)))
	b.ok(newer.Write(t.Context(), websocket.MessageText, []byte(`{"type":"client","id":"desk","label":"\u0007"}`)))
	hear(t, newer) // refused: the reports before are entered
	if got := emil.presence("anna"); *got.Status != presence.DoNotDisturb {
		t.Errorf("Anna chose not to be disturbed, and is %s", got.Status)
	}
}

// What is seen of a program that records follows the table also while it records.
func TestTheTableChangesWhileAProgramRecords(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Tom")
	admin, anna, tom := b.as("admin"), b.as("anna"), b.as("tom")
	anna.put("/people/anna/relationships/tom", m{"level": rights.TeamColleague}).fine(t)
	table := func(active bool, alias string) {
		t.Helper()
		admin.put("/scopes/"+b.location+"/settings", m{"microphone": m{"enabled": true, "programs": []m{{"active": active, "process": "Zoom", "alias": alias}}}}).fine(t)
	}
	table(true, "Zoom call")
	report := m{"label": "Desk", "activity": "active", "microphone": []string{"Zoom"}}
	anna.put("/people/me/clients/desk", report).fine(t)
	if got := tom.presence("anna"); got.Text != "Zoom call" {
		t.Fatalf("it is %+v", got)
	}
	table(true, "In a meeting")
	anna.put("/people/me/clients/desk", m{}).fine(t) // nothing has changed for the client
	if got := tom.presence("anna"); got.Text != "In a meeting" {
		t.Errorf("the program has another alias, and Tom reads %q", got.Text)
	}
	table(false, "In a meeting")
	anna.put("/people/me/clients/desk", m{}).fine(t)
	if got := tom.presence("anna"); *got.Status != presence.Available {
		t.Errorf("the program does not count any more, and Anna is %s %q", got.Status, got.Text)
	}
}

// The clients of somebody are told of their own profiles, and of another location's settings.
func TestADesktopClientIsToldOfProfilesAndLocations(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	anna := b.as("anna")
	stream := anna.desktop("Desk").stream(m{"type": "client", "id": "desk", "label": "Desk"})
	hear(t, stream)
	anna.put("/people/me/profiles", m{"own": []m{{"name": "Exam", "status": "busy", "forwarding": m{"action": "keep"}}}}).fine(t)
	if got := hear(t, stream); !strings.Contains(got, "Exam") {
		t.Errorf("it is told %s", got)
	}
}

// A text that turns the writing direction around would have the page that asks say something else.
func TestALabelTurnsNothingAround(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	for _, label := range []string{"a\u202eb", "a\u2066b", "a\u2028b", "a\u0085b", "a\u200bb"} {
		if status, got := b.oauth("device", url.Values{"client_id": {"doorlight"}, "device_name": {label}}); status != http.StatusBadRequest {
			t.Errorf("%+q: %d %v", label, status, got["error"])
		}
	}
}

// When somebody left is not before their client runs.
func TestActivityLongAgo(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Emil")
	anna, emil := b.as("anna"), b.as("emil")
	for _, since := range []string{"0001-01-01T00:00:00Z", "0002-01-01T00:00:00Z", "1700-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		anna.put("/people/me/clients/desk", m{"activity": "active"}).fine(t)
		anna.put("/people/me/clients/desk", m{"activity": "idle", "activity_since": since}).fine(t)
		got := emil.presence("anna")
		text := fmt.Sprintf("%+v %v", *got.Status, got.Since)
		if got.Since != nil && time.Since(*got.Since) > time.Hour {
			t.Errorf("%s: %s", since, text)
		}
	}
}

// The token of a desktop client is good for the calls that are for clients, and for no page on which people connect accounts.
func TestADesktopClientOnEveryRoute(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Bob")
	desk := b.as("admin").desktop("Desk") // of an administrator
	values := map[string]string{"person": "bob"}
	for _, r := range routesOf(b.doc) {
		if r.path == "/session" { // one of them ends the sign-in
			continue
		}
		for _, name := range parameter.FindAllString(r.path, -1) {
			if key := strings.Trim(name, "{}"); values[key] == "" {
				values[key] = "x"
			}
		}
		a := desk.do(r.method, r.with(values), m{})
		switch {
		case r.who == "anybody":
		case r.who == "client":
			if a.status != 404 && a.status != 422 {
				t.Errorf("of Bob: %s", a)
			}
		case a.status != 403 && a.status != 422:
			t.Errorf("%s: %s", r.who, a)
		}
	}
	desk.header.Set("Sec-Fetch-Site", "same-origin")
	for _, page := range []string{"/auth/x/begin?connect", "/accounts/x/begin", "/accounts/x/begin?for=teams"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+page, nil)
		b.ok(err)
		r.Header = desk.header.Clone()
		resp, err := (&http.Client{Transport: alone, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		b.ok(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d, want 403", page, resp.StatusCode)
		}
	}
	for _, path := range []string{"/Users", "/Users/bob", "/Groups"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+api.SCIMPrefix+path, nil)
		b.ok(err)
		r.Header = desk.header.Clone()
		resp, err := b.http.Do(r)
		b.ok(err)
		resp.Body.Close()
		if resp.StatusCode != 401 && resp.StatusCode != 403 && resp.StatusCode != 404 {
			t.Errorf("SCIM %s: %d", path, resp.StatusCode)
		}
	}
}

// Once somebody is blocked their client is cut off at once, in REST and on the stream, though it was found good just before; it stays out when they come back.
func TestABlockedPersonsClient(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	desk := b.as("anna").desktop("Desk")
	stream := desk.stream(m{"type": "client", "id": "desk"})
	hear(t, stream)
	desk.get("/session").is(t, 200)
	block := func(blocked bool) {
		_, err := b.office.ChangePerson(t.Context(), office.By{}, "person.change", "anna", func(p *store.Person) error { p.Blocked = blocked; return nil })
		b.ok(err)
	}
	block(true)
	desk.get("/session").is(t, 401)
	if code := ends(stream); code != 4401 {
		t.Errorf("the stream ends with %d", code)
	}
	block(false)
	desk.get("/session").is(t, 401)
}

// A sign-in that ends while it is renewed, at that moment, stays ended.
func TestRenewingBringsNothingBack(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	anna := b.as("anna")
	for range 15 {
		desk := anna.desktop("Desk")
		all, err := b.store.Sessions(t.Context(), "anna", time.Now())
		b.ok(err)
		id := ""
		for _, x := range all {
			if x.Client {
				b.ok(b.store.RenewSession(t.Context(), x.Hash, time.Now().Add(time.Hour)))
				id = fmt.Sprintf("%x", x.Hash[:8])
			}
		}
		b.server.ForgetSessions()
		var using sync.WaitGroup
		for range 4 {
			using.Go(func() {
				for range 5 {
					desk.get("/session")
				}
			})
		}
		anna.delete("/people/me/sessions/" + id).fine(t)
		using.Wait()
		desk.get("/session").is(t, 401)
	}
}

// A code is answered once, whoever comes first.
func TestTwoPeopleAnswerOneCode(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob")
	anna, bob := b.as("anna"), b.as("bob")
	for range 10 {
		begun := b.askToSignIn("Desk")
		var answering sync.WaitGroup
		var got [2]int
		for i, c := range []*client{anna, bob} {
			answering.Go(func() { got[i] = c.post("/devices/"+begun["user_code"].(string), m{"allow": true}).status })
		}
		answering.Wait()
		if got[0]+got[1] != 204+404 {
			t.Errorf("they are told %v", got)
		}
		status, told := b.collect(begun)
		desk := &client{b, http.Header{"Authorization": {fmt.Sprint("Bearer ", told["access_token"])}}}
		want := "anna"
		if got[1] == 204 {
			want = "bob"
		}
		if me := decode[api.Me](desk.get("/session").is(t, 200)); status != 200 || me.Person.ID != want {
			t.Errorf("%s allowed it, and it is %s's", want, me.Person.ID)
		}
	}
}

// Reports that race with settings, ends and reconnections leave nothing that records behind once all is over.
func TestNothingIsLeftOfAClient(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	admin, anna := b.as("admin"), b.as("anna")
	desk := anna.desktop("Desk")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 8 {
				s := desk.stream(m{"type": "client", "id": "desk", "activity": "active", "microphone": []string{"Zoom"}}, m{"type": "client", "id": "other", "microphone": []string{"Zoom"}})
				if (n+i)%2 == 0 {
					b.ok(s.Write(t.Context(), websocket.MessageText, []byte(`{"type":"end"}`)))
					ends(s)
				} else {
					s.CloseNow()
				}
			}
		})
	}
	for i := range 10 {
		admin.put("/scopes/"+b.location+"/settings", m{"microphone": m{"enabled": i%2 == 0, "programs": []m{{"active": true, "process": "Zoom", "alias": "Zoom"}}}}).fine(t)
	}
	all.Wait()
	anna.delete("/people/me/clients/desk").fine(t)
	time.Sleep(50 * time.Millisecond)
	claims, _, _ := b.hub.Claims("anna")
	for _, c := range claims {
		if c.Source == presence.SourceMicrophone {
			t.Errorf("left is %+v", c)
		}
	}
}

// Whoever was cut off is not listened to any more, though they have not hung up yet.
func TestWhatIsSaidAfterTheCutIsNotHeard(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	stream := b.as("anna").desktop("Desk").stream(m{"type": "client", "id": "desk", "activity": "active"})
	hear(t, stream)
	_, err := b.office.ChangePerson(t.Context(), office.By{}, "person.change", "anna", func(p *store.Person) error { p.Blocked = true; return nil })
	b.ok(err)
	b.ok(stream.Write(t.Context(), websocket.MessageText, []byte(`{"type":"client","id":"desk","activity":"locked"}`)))
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		claims, _, _ := b.hub.Claims("anna")
		for _, c := range claims {
			if c.Source == presence.SourceClient && c.Activity == presence.Locked {
				t.Fatal("a report was entered after the client was cut off")
			}
		}
	}
}
