package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// oauth posts a form to where programs sign in.
func (b *building) oauth(call string, form url.Values) (status int, answer map[string]any) {
	b.t.Helper()
	r, err := b.http.PostForm(b.url+api.OAuthPrefix+call, form)
	b.ok(err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	b.ok(err)
	if err := json.Unmarshal(body, &answer); err != nil {
		b.t.Fatalf("%s answers %s", call, body)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		b.t.Errorf("%s may be kept by caches", call)
	}
	return r.StatusCode, answer
}

// askToSignIn has a program ask.
func (b *building) askToSignIn(label string) map[string]any {
	b.t.Helper()
	status, begun := b.oauth("device", url.Values{"client_id": {"doorlight"}, "device_name": {label}})
	if status != http.StatusOK {
		b.t.Fatalf("a program asks, and is told %d %v", status, begun)
	}
	return begun
}

// collect has a program ask how it is going.
func (b *building) collect(begun map[string]any) (status int, answer map[string]any) {
	b.t.Helper()
	return b.oauth("token", url.Values{"client_id": {"doorlight"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {begun["device_code"].(string)}})
}

// desktop signs a desktop client in for who allows it.
func (c *client) desktop(label string) *client {
	c.t.Helper()
	begun := c.askToSignIn(label)
	c.post("/devices/"+begun["user_code"].(string), map[string]any{"allow": true}).fine(c.t)
	status, got := c.collect(begun)
	token, _ := got["access_token"].(string)
	if status != http.StatusOK || token == "" {
		c.t.Fatalf("a program that was allowed is told %d %v", status, got)
	}
	return &client{c.building, http.Header{"Authorization": {"Bearer " + token}}}
}

// A desktop client signs in by a code that its owner allows in a browser (RFC 8628), may do little, and is listed and ended like other sign-ins.
func TestADesktopClientSignsIn(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob")
	anna, bob := b.as("anna"), b.as("bob")
	begun := b.askToSignIn("anna-laptop")
	code := begun["user_code"].(string)
	if begun["verification_uri"] != b.url+"/device" || begun["verification_uri_complete"] != b.url+"/device?code="+code || begun["expires_in"] != 600.0 || begun["interval"] != 3.0 {
		t.Errorf("a program that asks is told %v", begun)
	}
	if status, got := b.collect(begun); status != http.StatusBadRequest || got["error"] != "authorization_pending" {
		t.Errorf("before anybody has answered it is told %d %v", status, got)
	}
	if _, got := b.collect(begun); got["error"] != "slow_down" {
		t.Errorf("asking at once again it is told %v", got)
	}
	written := strings.ToLower(strings.ReplaceAll(code, "-", " "))
	if got := decode[api.Device](anna.get("/devices/"+url.PathEscape(written)).is(t, 200)); got.Label != "anna-laptop" || got.Elsewhere || got.Address != "127.0.0.1" {
		t.Errorf("Anna is asked about %+v", got)
	}
	b.with(store.Token{Name: "Robot", PersonID: "anna", Scopes: []string{"read", "admin"}}).post("/devices/"+code, m{"allow": true}).is(t, 403)
	anna.get("/devices/BBBB-BBBB").is(t, 404)
	anna.post("/devices/"+code, m{"allow": true}).fine(t)
	bob.post("/devices/"+code, m{"allow": true}).is(t, 404)
	status, got := b.collect(begun)
	if status != http.StatusOK || got["token_type"] != "Bearer" || !strings.HasPrefix(got["access_token"].(string), "dlc_") {
		t.Fatalf("allowed, it is told %d %v", status, got)
	}
	if _, again := b.collect(begun); again["error"] != "invalid_grant" {
		t.Errorf("the code is good twice: %v", again)
	}

	desk := &client{b, http.Header{"Authorization": {"Bearer " + got["access_token"].(string)}}}
	if me := decode[api.Me](desk.get("/session").is(t, 200)); me.Person.ID != "anna" {
		t.Errorf("it is signed in as %s", me.Person.ID)
	}
	desk.put("/people/me/choice", m{"status": "busy"}).fine(t)
	desk.put("/people/me/clients/desk", m{"activity": "active"}).fine(t)
	desk.get("/people/bob").is(t, 404)
	desk.put("/people/bob/choice", m{"status": "busy"}).is(t, 404)
	desk.get("/people?q=b").is(t, 403)
	desk.get("/people/me/export").is(t, 403)
	desk.get("/people/me/sessions").is(t, 403)
	desk.get("/devices/BBBB-BBBB").is(t, 403)
	cookie := b.nobody() // its secret is no cookie
	cookie.header.Set("Cookie", "doorlight_session="+got["access_token"].(string))
	cookie.get("/session").is(t, 401)
	bearer := b.nobody() // and a cookie no token
	bearer.header.Set("Authorization", "Bearer "+strings.TrimPrefix(anna.header.Get("Cookie"), "doorlight_session="))
	bearer.get("/session").is(t, 401)

	list := decode[api.Sessions](anna.get("/people/me/sessions").is(t, 200)).Sessions
	if len(list) != 2 || !list[0].Client || list[0].Label != "anna-laptop" || list[1].Client || list[0].ExpiresAt.Before(time.Now().Add(80*24*time.Hour)) {
		t.Fatalf("Anna is signed in by %+v", list)
	}
	stream := desk.stream(m{"type": "watch", "people": []string{"anna", "bob"}})
	if first := hear(t, stream); !strings.Contains(first, `"anna"`) || strings.Contains(first, "bob") {
		t.Errorf("it watches %s", first)
	}
	anna.delete("/people/me/sessions/" + list[0].ID).fine(t)
	if code := ends(stream); code != live.CloseSignedOut {
		t.Errorf("its stream ends with %d", code)
	}
	desk.get("/session").is(t, 401)
	if !strings.Contains(b.dump(), "client.sign_in") {
		t.Error("the audit log does not tell that a client was let in")
	}
}

func TestASignInIsRefused(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	anna := b.as("anna")
	begun := b.askToSignIn("stranger")
	anna.post("/devices/"+begun["user_code"].(string), m{"allow": false}).fine(t)
	if status, got := b.collect(begun); status != http.StatusBadRequest || got["error"] != "access_denied" {
		t.Errorf("a program that was refused is told %d %v", status, got)
	}
	begun = b.askToSignIn("late") // who is blocked between allowing and collecting lets nobody in
	anna.post("/devices/"+begun["user_code"].(string), m{"allow": true}).fine(t)
	_, err := b.office.ChangePerson(t.Context(), office.By{}, "person.change", "anna", func(p *store.Person) error { p.Blocked = true; return nil })
	b.ok(err)
	if status, got := b.collect(begun); status != http.StatusBadRequest || got["error"] != "access_denied" {
		t.Errorf("of somebody who was blocked meanwhile it is told %d %v", status, got)
	}
	for _, wrong := range []struct {
		call  string
		form  url.Values
		error string
	}{
		{"device", url.Values{}, "invalid_request"},
		{"device", url.Values{"client_id": {"other"}}, "invalid_client"},
		{"device", url.Values{"client_id": {"doorlight", "doorlight"}}, "invalid_request"},
		{"device", url.Values{"client_id": {"doorlight"}, "device_name": {"a\nb"}}, "invalid_request"},
		{"device", url.Values{"client_id": {"doorlight"}, "device_name": {strings.Repeat("x", 121)}}, "invalid_request"},
		{"token", url.Values{"client_id": {"doorlight"}, "grant_type": {"password"}}, "unsupported_grant_type"},
		{"token", url.Values{"client_id": {"doorlight"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"x"}}, "invalid_grant"},
	} {
		if status, got := b.oauth(wrong.call, wrong.form); status < 400 || got["error"] != wrong.error {
			t.Errorf("%s %v: %d %v, want %s", wrong.call, wrong.form, status, got, wrong.error)
		}
	}
}

// A desktop client that is used stays signed in; one that was ended is not brought back by being used at that moment.
func TestASignInIsRenewed(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	desk := b.as("anna").desktop("Desk")
	all, err := b.store.Sessions(t.Context(), "anna", time.Now())
	b.ok(err)
	for _, x := range all {
		if x.Client {
			b.ok(b.store.RenewSession(t.Context(), x.Hash, time.Now().Add(time.Hour))) // as if it were old
		}
	}
	b.server.ForgetSessions()
	desk.get("/session").is(t, 200)
	all, err = b.store.Sessions(t.Context(), "anna", time.Now())
	b.ok(err)
	for _, x := range all {
		if left := time.Until(x.ExpiresAt); x.Client && left < 89*24*time.Hour || !x.Client && left > 2*time.Hour {
			t.Errorf("a sign-in (client: %v) lasts for %v more", x.Client, left)
		}
	}
}

// On the live stream a desktop client says all that it measures, is told what to measure, at once when that changes, and ends when it says so.
func TestADesktopClientOnTheStream(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Emil")
	admin, anna, emil := b.as("admin"), b.as("anna"), b.as("emil")
	stream := anna.desktop("Desk").stream(m{"type": "client", "id": "desk", "label": "Desk", "activity": "active", "microphone": []string{}})
	type told struct {
		Type, Detail string
		api.ClientSettings
	}
	settings := func() (s told) {
		t.Helper()
		b.ok(json.Unmarshal([]byte(hear(t, stream)), &s))
		return s
	}
	if s := settings(); s.Type != "settings" || !s.Enabled || !s.Lock || s.InactiveAfter != 600 || s.LeaseSeconds != 3600 || s.CalendarDays != 30 || len(s.Microphone) != 0 || len(s.Statuses) < 2 || len(s.Profiles) < 5 {
		t.Errorf("it is told %+v", s)
	}
	if list := decode[api.Clients](anna.get("/people/me/clients").is(t, 200)).Clients; len(list) != 1 || list[0].Label != "Desk" || list[0].Activity != presence.Active {
		t.Errorf("these run: %+v", list)
	}
	admin.put("/scopes/"+b.location+"/settings", m{"microphone": m{"enabled": true, "programs": []m{{"active": true, "process": "Zoom", "alias": "Zoom call"}}}}).fine(t)
	if s := settings(); strings.Join(s.Microphone, " ") != "Zoom zoom.us" {
		t.Errorf("the table has another row, and it is told %+v", s)
	}
	say := func(message any) {
		t.Helper()
		text, err := json.Marshal(message)
		b.ok(err)
		b.ok(stream.Write(t.Context(), websocket.MessageText, text))
	}
	say(m{"type": "client", "id": "desk", "microphone": []string{"Zoom"}})
	emil.until("anna", presence.Busy)
	say(m{"type": "client", "id": "desk", "microphone": []string{}})
	emil.until("anna", presence.Available)
	say(m{"type": "client", "id": "desk", "activity": "locked"})
	emil.until("anna", presence.BeRightBack)
	say(m{"type": "client", "id": "desk", "activity": "active"})
	emil.until("anna", presence.Available)
	say(m{"type": "client", "id": "desk", "label": "a\nb"})
	if s := settings(); s.Type != "refused" || !strings.Contains(s.Detail, "label") {
		t.Errorf("of a wrong label it is told %+v", s)
	}
	admin.put("/scopes/"+b.location+"/settings", m{"feature": m{"enabled": false}}).fine(t)
	if s := settings(); s.Enabled || s.Lock || s.InactiveAfter != 0 || s.CalendarDays != 0 || len(s.Microphone) != 0 {
		t.Errorf("presence is off, and it is to measure %+v", s)
	}
	admin.put("/scopes/"+b.location+"/settings", m{"feature": m{"enabled": true}}).fine(t)
	settings()
	say(m{"type": "end"})
	if code := ends(stream); code != websocket.StatusNormalClosure {
		t.Errorf("the stream ends with %d", code)
	}
	emil.until("anna", presence.Unavailable)
}
