package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
)

// TestToAnotherMachineWithAnotherKey takes a backup to another folder, rotates the key there, and finds that everything
// works, and that no secret stands in any file in clear.
func TestToAnotherMachineWithAnotherKey(t *testing.T) {
	t.Parallel()
	const password, own = "the calendar's password", "correct horse"
	calendar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, given, _ := r.BasicAuth(); name != "anna" || given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		stamp := func(at time.Time) string { return at.UTC().Format("20060102T150405Z") }
		fmt.Fprintf(w, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%s\r\nDTEND:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			stamp(time.Now().Add(-time.Hour)), stamp(time.Now().Add(time.Hour)))
	}))
	defer calendar.Close()
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "new")
	file := filepath.Join(t.TempDir(), "backup.db")
	command := func(args ...string) string {
		t.Helper()
		var out output
		if err := run(t.Context(), args, &out, &out); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return out.String()
	}
	options := []string{"--calendar-every", "1s", "--calendar-allow-networks", "127.0.0.0/8"}

	s := startServer(t, first, options...)
	id := s.setUp()
	s.call("POST", "/people/me/calendars", map[string]string{"kind": "ics", "name": "Work", "url": calendar.URL + "/a.ics", "username": "anna", "password": password}, nil, 200)
	var token struct{ Secret string }
	s.call("POST", "/tokens", map[string]any{"name": "Door", "origin": "door", "scopes": []string{"claims"}}, &token, 200)
	var link struct{ Path string }
	s.call("POST", "/people/"+id+"/link", map[string]string{"kind": "reset"}, &link, 200)
	_, linkSecret, _ := strings.Cut(link.Path, "#")
	var provider, sender, hook struct{ ID string }
	var sends, signs struct{ Token, Path string }
	const client = "secret of the sign-in client"
	s.call("POST", "/connectors", map[string]any{"kind": "oidc", "name": "Account", "enabled": true, "secret": client, "oidc": map[string]string{"issuer": "https://127.0.0.1:1", "client_id": "x"}}, &provider, 200)
	s.call("POST", "/connectors", map[string]any{"kind": "scim", "name": "Provider", "enabled": true, "scim": map[string]any{"places": []map[string]string{{"location": s.location()}}}}, &sender, 200)
	s.call("POST", "/connectors/"+sender.ID+"/token", map[string]any{}, &sends, 200)
	calls := make(chan http.Header, 100)
	bodies := make(chan []byte, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- r.Header
		bodies <- body
	}))
	defer receiver.Close()
	s.call("POST", "/connectors", map[string]any{"kind": "webhook", "name": "Hook", "enabled": true, "webhook": map[string]string{"url": receiver.URL, "person": id}}, &hook, 200)
	s.call("POST", "/connectors/"+hook.ID+"/token", map[string]any{}, &signs, 200)
	// work has the provider send, and a hook called whose signature fits.
	work := func(s *running) {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.base+sends.Path+"/Users", nil)
		req.Header.Set("Authorization", "Bearer "+sends.Token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("the provider's token: %s", res.Status)
		}
		check, err := standardwebhooks.NewWebhook(signs.Token)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case header := <-calls:
			if err := check.Verify(<-bodies, header); err != nil {
				t.Errorf("the hook's signature: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("no hook is called")
		}
	}
	work(s)
	busy := func(s *running) {
		t.Helper()
		var card struct {
			Presence struct{ Status, Cause string }
		}
		for end := time.Now().Add(20 * time.Second); card.Presence.Status != "busy"; time.Sleep(20 * time.Millisecond) {
			if s.call("GET", "/people/me", nil, &card, 200); time.Now().After(end) {
				t.Fatalf("the presence is %+v, want busy by the calendar", card)
			}
		}
	}
	busy(s)
	var out output
	if err := run(t.Context(), []string{"key", "rotate", "--data", first}, &out, &out); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("rotated beside a server: %v", err)
	}
	command("backup", file, "--data", first)
	s.stop()

	command("restore", file, "--data", second)
	key, err := os.ReadFile(filepath.Join(first, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(second, "secret.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := command("key", "rotate", "--data", second); !strings.Contains(said, "4 credentials are sealed with a new key") {
		t.Errorf("rotated: %s", said)
	}
	if now, err := os.ReadFile(filepath.Join(second, "secret.key")); err != nil || bytes.Equal(now, key) || len(now) != len(key) {
		t.Errorf("the key file holds %d bytes: %v", len(now), err)
	}
	s = startServer(t, second, options...)
	s.call("POST", "/session", map[string]string{"login": "ada", "password": own}, nil, 200)
	var list struct {
		Calendars []struct {
			ID, Error   string
			SucceededAt time.Time `json:"succeeded_at"`
		}
	}
	s.call("GET", "/people/me/calendars", nil, &list, 200)
	s.call("POST", "/people/me/calendars/"+list.Calendars[0].ID+"/sync", nil, nil, 200)
	s.call("GET", "/people/me/calendars", nil, &list, 200)
	if c := list.Calendars[0]; c.Error != "" || time.Since(c.SucceededAt) > time.Minute {
		t.Errorf("the calendar there: %+v", c)
	}
	busy(s)
	req, _ := http.NewRequestWithContext(t.Context(), "PUT", s.base+"/api/v1/people/"+id+"/claim", strings.NewReader(`{"status":"unavailable"}`))
	req.Header.Set("Authorization", "Bearer "+token.Secret)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 204 {
		t.Errorf("the token there: %s", res.Status)
	}
	for len(calls) > 0 { // those of the first server
		<-calls
		<-bodies
	}
	s.call("PUT", "/people/me/choice", map[string]string{"status": "available"}, nil, 200)
	work(s)
	session := ""
	for _, c := range s.http.Jar.Cookies(res.Request.URL) {
		session = c.Value
	}
	s.stop()

	secrets := map[string]string{"calendar password": password, "password": own, "token": token.Secret, "link": linkSecret, "session": session,
		"client secret": client, "provider's token": sends.Token, "hook's secret": signs.Token, "hook's bare secret": strings.TrimPrefix(signs.Token, "whsec_")}
	read := 0
	for _, folder := range []string{first, second, filepath.Dir(file)} {
		names, _ := filepath.Glob(filepath.Join(folder, "*"))
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			read++
			for what, text := range secrets {
				if text == "" || bytes.Contains(data, []byte(text)) {
					t.Errorf("%s holds the %s %q", name, what, text)
				}
			}
		}
	}
	if read < 5 {
		t.Errorf("only %d files were read", read)
	}
}

// TestARotatedKeyOpensSignInsAtTeams: they, and what telephones sign in with, are sealed anew with the rest, and the doctor can tell.
func TestARotatedKeyOpensSignInsAtTeams(t *testing.T) {
	t.Parallel()
	const token, hash = "Anna's refresh token", `{"md5":"0123","sha256":"4567"}`
	data := t.TempDir()
	s := startServer(t, data)
	id := s.setUp()
	s.stop()
	key := filepath.Join(data, "secret.key")
	kept := func(change func(*store.TeamsRecord)) (r store.TeamsRecord) {
		t.Helper()
		st, err := sqlite.Open(t.Context(), filepath.Join(data, "doorlight.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if change != nil {
			change(&r)
			if err := st.WriteTeams(t.Context(), []store.TeamsRecord{r}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.LoadTeams(t.Context(), func(x store.TeamsRecord) error {
			r = x
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	telephone := func(make bool) (a store.SIPAccount) {
		t.Helper()
		st, err := sqlite.Open(t.Context(), filepath.Join(data, "doorlight.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if make {
			box, err := secret.OpenBox(key)
			if err != nil {
				t.Fatal(err)
			}
			a := store.SIPAccount{User: "201-a", PersonID: id, Secret: box.Seal(hash, "telephone/201-a"), CreatedAt: time.Now()}
			if err := st.Update(t.Context(), store.Changes{PutSIPAccounts: []store.SIPAccount{a}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.LoadSIPAccounts(t.Context(), func(x store.SIPAccount) error {
			a = x
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return a
	}
	desk := telephone(true)
	before := kept(func(r *store.TeamsRecord) {
		box, err := secret.OpenBox(key)
		if err != nil {
			t.Fatal(err)
		}
		*r = store.TeamsRecord{PersonID: id, ConnectorID: "app", Account: "anna@example.test", Token: box.Seal(token, "teams/"+id), State: []byte("{}")}
	})
	var out output
	if err := run(t.Context(), []string{"key", "rotate", "--data", data}, &out, &out); err != nil || !strings.Contains(out.String(), "2 credentials are sealed with a new key") {
		t.Fatalf("rotated: %v, %s", err, out.String())
	}
	after := kept(nil)
	box, err := secret.OpenBox(key)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := box.Open(after.Token, "teams/"+id); err != nil || plain != token || bytes.Equal(before.Token, after.Token) {
		t.Errorf("the token is %q, %v", plain, err)
	}
	if after.Account != before.Account || after.ConnectorID != "app" || string(after.State) != "{}" {
		t.Errorf("the rest became %+v", after)
	}
	if again := telephone(false); bytes.Equal(again.Secret, desk.Secret) {
		t.Error("the telephone's secret is as it was")
	} else if plain, err := box.Open(again.Secret, "telephone/201-a"); err != nil || plain != hash {
		t.Errorf("the telephone's secret is %q, %v", plain, err)
	}
	doctor := func() (string, error) {
		var out output
		err := run(t.Context(), []string{"doctor", "--data", data}, &out, &out)
		return out.String(), err
	}
	if said, err := doctor(); err != nil || !strings.Contains(said, "ok     key file: opens all stored credentials") {
		t.Errorf("the doctor says %v\n%s", err, said)
	}
	if err := os.WriteFile(key, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := doctor(); err == nil || !strings.Contains(said, "WRONG  key file: ") {
		t.Errorf("with another key the doctor says %v\n%s", err, said)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if said, err := doctor(); err == nil || !strings.Contains(said, "WRONG  key file: "+key+" is not there") {
		t.Errorf("without a key the doctor says %v\n%s", err, said)
	}
}
