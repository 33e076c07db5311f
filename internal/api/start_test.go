package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// from makes a request as it comes from an address, for a name in its Host header.
func (b *building) from(address, host, path string, body any) int {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("POST", api.Prefix+path, strings.NewReader(string(text)))
	r.RemoteAddr, r.Host = address+":5000", host
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w.Code
}

// signsIn tries a password from an address.
func (b *building) signsIn(address, login, password string) int {
	return b.from(address, "presence.example", "/session", map[string]string{"login": login, "password": password})
}

// withAnna is a building with somebody who has a password.
func withAnna(t *testing.T) *building {
	b := newBuilding(t)
	hash, err := secret.HashPassword(t.Context(), "correct horse")
	b.ok(err)
	b.add(store.Person{ID: "anna", Name: "Anna", Login: "anna", PasswordHash: hash})
	return b
}

func TestSpacesAroundALoginGiveNoMoreTries(t *testing.T) {
	t.Parallel()
	b := withAnna(t)
	for _, login := range []string{"anna", " anna", "anna ", "\tANNA", "Anna  "} {
		if got := b.signsIn("192.0.2.1", login, "wrong"); got != http.StatusUnauthorized {
			t.Fatalf("%q: %d", login, got)
		}
	}
	for _, login := range []string{"anna", "   anna", "anna\n"} {
		if got := b.signsIn("192.0.2.1", login, "correct horse"); got != http.StatusTooManyRequests {
			t.Errorf("%q after five wrong tries: %d", login, got)
		}
	}
	// A stranger does not lock out who comes from elsewhere.
	if got := b.signsIn("192.0.2.2", "anna", "correct horse"); got != http.StatusOK {
		t.Errorf("Anna: %d", got)
	}
}

func TestManyTriesAtOnceAreNoMoreThanOneAfterAnother(t *testing.T) {
	t.Parallel()
	b := withAnna(t)
	var mu sync.Mutex
	got := map[int]int{}
	var trying sync.WaitGroup
	for range 40 {
		trying.Go(func() {
			status := b.signsIn("192.0.2.1", "anna", "wrong")
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	trying.Wait()
	if got[http.StatusUnauthorized] > 6 || got[http.StatusUnauthorized]+got[http.StatusTooManyRequests] != 40 {
		t.Errorf("40 tries at once are answered with %v", got)
	}
}

func TestWhoIsRightHasAllTriesAgain(t *testing.T) {
	t.Parallel()
	b := withAnna(t)
	for range 3 {
		for range 4 {
			if got := b.signsIn("192.0.2.1", "anna", "wrong"); got != http.StatusUnauthorized {
				t.Fatalf("a wrong try: %d", got)
			}
		}
		if got := b.signsIn("192.0.2.1", "anna", "correct horse"); got != http.StatusOK {
			t.Fatalf("the right one: %d", got)
		}
	}
}

func TestOnlyThisComputerSetsUpWithoutTheCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, address, host, code string
		want                      int
	}{
		{"this computer", "127.0.0.1", "localhost:8080", "", http.StatusOK},
		{"a page that has its name lead here", "127.0.0.1", "evil.example:8080", "", http.StatusUnprocessableEntity},
		{"another computer", "192.0.2.1", "localhost:8080", "", http.StatusUnprocessableEntity},
		{"another computer, a wrong code", "192.0.2.1", "presence.example", "AAAA-CCCC", http.StatusUnprocessableEntity},
		{"another computer, the code", "192.0.2.1", "presence.example", "AAAA-BBBB", http.StatusOK},
	} {
		b, end := openBuilding(t, t.TempDir())
		got := b.from(c.address, c.host, "/setup", map[string]string{
			"code": c.code, "name": "Ada", "login": "ada", "password": "correct horse", "location": "Berlin", "time_zone": "UTC",
		})
		if got != c.want || b.office.HasAdmin() != (c.want == http.StatusOK) {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		end()
	}
	// A server that was given no code lets nobody else in.
	b, end := openBuilding(t, t.TempDir())
	defer end()
	b.server = api.New(b.store, b.office, b.hub, b.agenda, api.Config{})
	if got := b.from("192.0.2.1", "presence.example", "/setup", map[string]string{
		"name": "Eve", "login": "eve", "password": "correct horse", "location": "Berlin", "time_zone": "UTC",
	}); got != http.StatusUnprocessableEntity || b.office.HasAdmin() {
		t.Errorf("without a code: %d", got)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	token := b.with(store.Token{Scopes: []string{"admin"}})
	record := func(role string, blocked bool) map[string]any {
		return map[string]any{"name": "Ada", "login": "admin", "location": b.location, "role": role, "blocked": blocked}
	}
	token.delete("/people/admin/record").is(t, http.StatusConflict)
	token.put("/people/admin/record", record("user", false)).is(t, http.StatusConflict)
	token.put("/people/admin/record", record("admin", true)).is(t, http.StatusConflict)
	if decode[api.Setup](b.nobody().get("/setup")).Needed {
		t.Error("anybody may become the administrator")
	}
	b.add(store.Person{ID: "bert", Name: "Bert", Login: "bert", Role: office.RoleAdmin})
	token.put("/people/admin/record", record("user", false)).is(t, http.StatusOK)
	token.delete("/people/bert/record").is(t, http.StatusConflict)
}
