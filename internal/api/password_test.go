package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

type m = map[string]any

// linkFor makes a link for somebody and returns its secret.
func (c *client) linkFor(id, kind string) string {
	c.t.Helper()
	_, secret, ok := strings.Cut(decode[api.Link](c.post("/people/"+id+"/link", m{"kind": kind}).fine(c.t)).Path, "/password#")
	if !ok {
		c.t.Fatal("the link leads nowhere")
	}
	return secret
}

// signIn signs in with a password and returns the status.
func (b *building) signIn(login, password string) int {
	b.t.Helper()
	return b.nobody().post("/session", m{"login": login, "password": password}).status
}

func TestAnInvitationIsGoodOnce(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob")
	admin := b.as("admin")
	old := admin.linkFor("anna", "invitation")
	link := admin.linkFor("anna", "invitation")
	use := func(secret, password string) *answer {
		return b.nobody().post("/password", m{"secret": secret, "password": password})
	}
	use(old, "correct horse battery").is(t, http.StatusNotFound) // a newer one was made
	use(link, "short").names(t, "body.password")                 // and does not use it up
	a := use(link, "correct horse battery").fine(t)
	if me := decode[api.Me](a); me.Login != "anna" || !strings.Contains(a.header.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("%s\ndoes not sign her in", a)
	}
	use(link, "another horse battery").is(t, http.StatusNotFound)
	if got := b.signIn("anna", "correct horse battery"); got != http.StatusOK {
		t.Errorf("signing in: %d", got)
	}
	// Whoever is blocked, or has no login, gets none.
	admin.put("/people/bob/record", m{"name": "Bob", "login": "bob", "location": b.location, "blocked": true}).fine(t)
	admin.post("/people/bob/link", m{"kind": "reset"}).is(t, http.StatusConflict)
	b.add(store.Person{ID: "eve", Name: "Eve"})
	admin.post("/people/eve/link", m{"kind": "reset"}).is(t, http.StatusConflict)
	b.as("anna").post("/people/anna/link", m{"kind": "reset"}).is(t, http.StatusForbidden)
}

func TestALinkOfSomebodyWhoWasBlockedSince(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	admin := b.as("admin")
	link := admin.linkFor("anna", "reset")
	admin.put("/people/anna/record", m{"name": "Anna", "login": "anna", "location": b.location, "blocked": true}).fine(t)
	b.nobody().post("/password", m{"secret": link, "password": "correct horse battery"}).is(t, http.StatusNotFound)
}

func TestLinksCannotBeGuessedForEver(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	refused := 0
	for range 40 {
		if b.nobody().post("/password", m{"secret": "dll_guess", "password": "correct horse battery"}).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("%d of 40 guesses were put off", refused)
	}
}

func TestAChangedPasswordEndsAllSignIns(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	link := b.as("admin").linkFor("anna", "invitation")
	b.nobody().post("/password", m{"secret": link, "password": "correct horse battery"}).fine(t)
	here, there := b.as("anna"), b.as("anna")
	stream := there.stream(m{"type": "watch", "people": []string{"anna"}})
	here.put("/people/me/password", m{"old": "wrong horse battery", "new": "a better password"}).names(t, "body.old")
	here.put("/people/me/password", m{"old": "correct horse battery", "new": "short"}).names(t, "body.new")
	here.put("/people/admin/password", m{"old": "correct horse battery", "new": "a better password"}).is(t, http.StatusForbidden)
	here.put("/people/me/password", m{"old": "correct horse battery", "new": "a better password"}).fine(t)
	for _, c := range []*client{here, there} {
		c.get("/session").is(t, http.StatusUnauthorized)
	}
	if code := ends(stream); code != live.CloseSignedOut {
		t.Errorf("the stream ended with %d, want 4401", code)
	}
	if was, is := b.signIn("anna", "correct horse battery"), b.signIn("anna", "a better password"); was != 401 || is != 200 {
		t.Errorf("the old password: %d, the new one: %d", was, is)
	}
}

func TestSignInsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob")
	here, there := b.as("anna"), b.as("anna")
	list := decode[api.Sessions](here.get("/people/me/sessions").fine(t)).Sessions
	if len(list) != 2 || list[0].Current == list[1].Current {
		t.Fatalf("sign-ins: %+v", list)
	}
	other := list[0]
	if other.Current {
		other = list[1]
	}
	stream := there.stream(m{"type": "watch", "people": []string{"anna"}})
	there.get("/session").fine(t)
	b.as("bob").get("/people/anna/sessions").is(t, http.StatusForbidden)
	b.as("bob").delete("/people/anna/sessions/"+other.ID).is(t, http.StatusForbidden)
	here.delete("/people/me/sessions/" + other.ID).fine(t)
	there.get("/session").is(t, http.StatusUnauthorized)
	here.get("/session").fine(t)
	if code := ends(stream); code != live.CloseSignedOut {
		t.Errorf("the stream ended with %d, want 4401", code)
	}
	here.delete("/people/me/sessions/"+other.ID).is(t, http.StatusNotFound)
	admin := b.as("admin")
	for _, x := range decode[api.Sessions](admin.get("/people/anna/sessions").fine(t)).Sessions {
		admin.delete("/people/anna/sessions/" + x.ID).fine(t)
	}
	here.get("/session").is(t, http.StatusUnauthorized)
}

func TestTheAuditLogIsSearched(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob")
	admin := b.as("admin")
	admin.put("/people/anna/record", m{"name": "Anna", "login": "anna", "location": b.location, "work_number": "=1+1", "email": "anna@example.org"}).is(t, 422)
	admin.put("/people/anna/record", m{"name": "Anna", "login": "anna", "location": b.location, "work_number": "+49 30 1"}).fine(t)
	admin.put("/people/bob/record", m{"name": "=Bob()", "login": "bob", "location": b.location, "password": "correct horse battery"}).fine(t)
	b.relate("bob", "anna", 5) // assistant
	b.as("bob").put("/people/anna/choice", m{"status": "busy", "text": "Secret text"}).fine(t)
	count := func(query string) int { return len(decode[api.Audit](admin.get("/audit?" + query).fine(t)).Entries) }
	year := "T00:00:00Z"
	for query, want := range map[string]int{
		"person=anna&action=person.put": 1, "actor=admin": 2, "actor=bob": 1, "action=presence": 1, "text=49+30": 1, "text=Secret": 0,
		"text=correct+horse": 0, "text=password": 1, "person=nobody": 0, "until=2020-01-01" + year: 0, "since=2200-01-01" + year: 0,
		"since=2020-01-01" + year + "&until=2200-01-01" + year + "&actor=admin": 2,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	mine := decode[api.Audit](b.as("anna").get("/people/me/audit").fine(t)).Entries
	if len(mine) != 4 || mine[0].Action != "presence.choice" || mine[0].Actor != "bob" || mine[0].Address != "" {
		t.Errorf("Anna is told %+v", mine)
	}
	b.as("bob").get("/people/anna/audit").is(t, http.StatusForbidden)
	table := string(admin.get("/audit.csv?action=person.put").fine(t).body)
	if lines := strings.Split(strings.TrimSpace(table), "\r\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "id,at,actor,") || !strings.Contains(table, ",'=Bob(),") {
		t.Errorf("the table is\n%s", table)
	}
}

func TestAnOldAuditLogIsForgotten(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.ok(b.store.Update(t.Context(), store.Changes{Audit: []store.AuditEntry{{At: time.Now().AddDate(0, 0, -31), Action: "old"}}}))
	tok := store.Token{Name: "Over", Scopes: []string{"admin"}, Hash: []byte("over"), ExpiresAt: time.Now().Add(-time.Hour)}
	b.ok(b.office.PutToken(t.Context(), office.By{}, &tok))
	b.ok(b.office.Tidy(t.Context(), time.Now(), 30*24*time.Hour))
	if log := decode[api.Audit](b.as("admin").get("/audit?action=old")).Entries; len(log) != 0 {
		t.Errorf("left are %+v", log)
	}
	if all := b.office.Tokens(); len(all) != 0 {
		t.Errorf("left are %+v", all)
	}
}
