package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	gosync "sync"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// sync replaces a calendar's objects by plain ones.
func sync(t testing.TB, s store.Store, id string, hrefs ...string) {
	t.Helper()
	var puts []store.CalendarObject
	for _, href := range hrefs {
		puts = append(puts, store.CalendarObject{CalendarID: id, Href: href, ETag: "1", Data: []byte("BEGIN:VCALENDAR")})
	}
	if err := s.SyncCalendar(t.Context(), store.Calendar{ID: id, State: "synced"}, puts, nil, true); err != nil {
		t.Fatalf("SyncCalendar: %v", err)
	}
}

func syncCalendar(t *testing.T, s store.Store) {
	update(t, s, full())
	objects := func(id string) []store.CalendarObject {
		t.Helper()
		all, err := s.CalendarObjects(t.Context(), id)
		if err != nil {
			t.Fatalf("CalendarObjects: %v", err)
		}
		return all
	}
	object := func(href, etag string) store.CalendarObject {
		return store.CalendarObject{CalendarID: "c1", Href: href, ETag: etag, Data: []byte("BEGIN:VCALENDAR\r\n\x00\xff" + etag)}
	}
	same(t, "objects before the first synchronisation", []store.CalendarObject{}, objects("c1"))

	// The outcome is entered; what the owner may have changed meanwhile is left alone.
	outcome := store.Calendar{ID: "c1", PersonID: "bert", Kind: "x", Name: "x", URL: "x", Username: "x", Password: []byte("x"),
		State: "token 2", CheckedAt: day.Add(time.Hour), SucceededAt: day.Add(time.Hour), Error: "half of it", Problems: []byte(`{"a": 1}`)}
	err := s.SyncCalendar(t.Context(), outcome, []store.CalendarObject{object("/b.ics", "1"), object("/a.ics", "1"), object("/Z.ics", "1")}, nil, false)
	if err != nil {
		t.Fatalf("SyncCalendar: %v", err)
	}
	want := full().PutCalendars[0]
	want.State, want.CheckedAt, want.SucceededAt = outcome.State, outcome.CheckedAt, outcome.SucceededAt
	want.Error, want.Problems = outcome.Error, outcome.Problems
	same(t, "calendars", []store.Calendar{want, full().PutCalendars[1]}, office(t, s).Calendars)
	same(t, "objects", []store.CalendarObject{object("/Z.ics", "1"), object("/a.ics", "1"), object("/b.ics", "1")}, objects("c1"))
	same(t, "objects of the other calendar", []store.CalendarObject{}, objects("c2"))

	err = s.SyncCalendar(t.Context(), store.Calendar{ID: "c1"}, []store.CalendarObject{object("/a.ics", "2")}, []string{"/b.ics", "/none.ics"}, false)
	if err != nil {
		t.Fatalf("SyncCalendar with changes: %v", err)
	}
	same(t, "objects after changes", []store.CalendarObject{object("/Z.ics", "1"), object("/a.ics", "2")}, objects("c1"))

	sync(t, s, "c2", "/a.ics", "/Z.ics")
	err = s.SyncCalendar(t.Context(), store.Calendar{ID: "c1"}, []store.CalendarObject{object("/a.ics", "3"), object("/c.ics", "1")}, nil, true)
	if err != nil {
		t.Fatalf("SyncCalendar with all: %v", err)
	}
	same(t, "objects after all were replaced", []store.CalendarObject{object("/a.ics", "3"), object("/c.ics", "1")}, objects("c1"))
	if n := len(objects("c2")); n != 2 {
		t.Errorf("the other calendar has %d objects, want 2", n)
	}
	sync(t, s, "c2")
	same(t, "objects after all were replaced by none", []store.CalendarObject{}, objects("c2"))

	odds := odd[:len(odd)-2] // keys are short
	sync(t, s, "c2", odds...)
	if n := len(objects("c2")); n != len(odds) {
		t.Errorf("%d objects with odd hrefs, want %d", n, len(odds))
	}

	if err := s.SyncCalendar(t.Context(), store.Calendar{ID: "none"}, []store.CalendarObject{object("/a.ics", "1")}, nil, true); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("SyncCalendar of a deleted calendar: %v, want ErrNotFound", err)
	}
	update(t, s, store.Changes{DeleteCalendars: []string{"c1"}})
	same(t, "objects of a deleted calendar", []store.CalendarObject{}, objects("c1"))
}

func sessions(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	hash := func(n byte) []byte { return append([]byte{0, 0xff, n}, make([]byte, 29)...) }
	var c store.Changes
	for i := range 4 {
		c.PutSessions = append(c.PutSessions, store.Session{Hash: hash(byte(i)), PersonID: "anna", Label: odd[i+16], Address: []string{"", "2001:db8::1"}[i%2],
			CreatedAt: day.Add(time.Duration(i) * time.Minute), ExpiresAt: day.Add(time.Duration(10-i) * time.Hour),
			ConnectorID: []string{"", "oidc1", "oidc1", "oidc2"}[i], ProviderSession: []string{"", "s", "s", "s"}[i], Client: i == 2})
	}
	update(t, s, c)
	for _, want := range c.PutSessions {
		got, err := s.Session(t.Context(), want.Hash, want.ExpiresAt.Add(-time.Millisecond))
		if err != nil {
			t.Fatalf("Session: %v", err)
		}
		same(t, "session", want, got)
		if _, err := s.Session(t.Context(), want.Hash, want.ExpiresAt); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Session at its end: %v, want ErrNotFound", err)
		}
	}
	for _, unknown := range [][]byte{nil, {}, hash(9), hash(0)[:31]} {
		if _, err := s.Session(t.Context(), unknown, day); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Session %x: %v, want ErrNotFound", unknown, err)
		}
	}
	list := func(id string, now time.Time) []store.Session {
		t.Helper()
		all, err := s.Sessions(t.Context(), id, now)
		if err != nil {
			t.Fatalf("Sessions: %v", err)
		}
		return all
	}
	p := c.PutSessions
	same(t, "sessions, newest first", []store.Session{p[3], p[2], p[1], p[0]}, list("anna", day))
	same(t, "sessions later", []store.Session{p[1], p[0]}, list("anna", p[2].ExpiresAt))
	same(t, "sessions of somebody else", []store.Session{}, list("bert", day))
	at := func(connector, name string, now time.Time) []store.Session {
		t.Helper()
		all, err := s.ProviderSessions(t.Context(), connector, name, now)
		if err != nil {
			t.Fatalf("ProviderSessions: %v", err)
		}
		return all
	}
	same(t, "sessions of a provider's session", []store.Session{p[1], p[2]}, at("oidc1", "s", day))
	same(t, "those later", []store.Session{p[1]}, at("oidc1", "s", p[2].ExpiresAt))
	same(t, "those of another", []store.Session{p[3]}, at("oidc2", "s", day))
	same(t, "those of none", []store.Session{}, at("", "", day))
	update(t, s, store.Changes{DeleteSessionsOf: []string{"oidc2", "none", ""}})
	same(t, "those of a provider that ended them", []store.Session{}, at("oidc2", "s", day))
	same(t, "all others", []store.Session{p[2], p[1], p[0]}, list("anna", day))
	update(t, s, store.Changes{PutSessions: p[3:]})
	p[0].Label, p[0].ExpiresAt = "renewed", day.Add(99*time.Hour)
	update(t, s, store.Changes{PutSessions: p[:1], DeleteSessions: [][]byte{p[1].Hash, p[3].Hash}})
	same(t, "sessions left", []store.Session{p[2], p[0]}, list("anna", day))
	p[2].ExpiresAt = day.Add(1000 * time.Hour)
	for _, h := range [][]byte{p[2].Hash, p[1].Hash, nil} { // one that is gone is not brought back
		if err := s.RenewSession(t.Context(), h, p[2].ExpiresAt); err != nil {
			t.Fatalf("RenewSession: %v", err)
		}
	}
	same(t, "sessions of which one lasts longer", []store.Session{p[2], p[0]}, list("anna", day))
}

func takeLinks(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	link := func(hash, id string) store.Link {
		return store.Link{Hash: []byte(hash), PersonID: id, Kind: "reset", CreatedAt: day, ExpiresAt: day.Add(time.Hour)}
	}
	update(t, s, store.Changes{PutLinks: []store.Link{link("1", "anna"), link("2", "bert")}})
	update(t, s, store.Changes{PutLinks: []store.Link{link("3", "anna")}})
	take := func(hash string, now time.Time, want string) {
		t.Helper()
		got, err := s.TakeLink(t.Context(), []byte(hash), now)
		switch {
		case want == "":
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("link %s: %v, %v, want ErrNotFound", hash, got, err)
			}
		case err != nil:
			t.Errorf("link %s: %v", hash, err)
		default:
			same(t, "link", link(hash, want), got)
		}
	}
	take("1", day, "") // a newer one was made
	take("2", day.Add(time.Hour), "")
	take("2", day.Add(time.Hour-time.Millisecond), "bert")
	take("2", day, "")
	update(t, s, store.Changes{DeletePeople: []string{"anna"}})
	take("3", day, "")

	update(t, s, store.Changes{PutLinks: []store.Link{link("4", "bert")}})
	var takers gosync.WaitGroup
	var mu gosync.Mutex // guards taken
	taken := 0
	for range 8 {
		takers.Go(func() {
			_, err := s.TakeLink(t.Context(), []byte("4"), day)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("TakeLink: %v", err)
			}
		})
	}
	takers.Wait()
	if taken != 1 {
		t.Errorf("a link was taken %d times at once", taken)
	}
}

func deleteAudit(t *testing.T, s store.Store) {
	update(t, s, store.Changes{Audit: []store.AuditEntry{{At: day.Add(-time.Millisecond), Action: "old"}, {At: day, Action: "new"}}})
	if err := s.DeleteAudit(t.Context(), day); err != nil {
		t.Fatalf("DeleteAudit: %v", err)
	}
	if left := allAudit(t, s); len(left) != 1 || left[0].Action != "new" {
		t.Errorf("left are %v, want the new one", left)
	}
}

func deleteExpired(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	update(t, s, store.Changes{
		PutSessions: []store.Session{{Hash: []byte("old"), PersonID: "anna", ExpiresAt: day}, {Hash: []byte("new"), PersonID: "anna", ExpiresAt: day.Add(time.Millisecond)}},
		PutTokens: []store.Token{{ID: "ever", Hash: []byte("ever")}, {ID: "new", Hash: []byte("new"), ExpiresAt: day.Add(time.Millisecond)},
			{ID: "old", Hash: []byte("old"), ExpiresAt: day}},
	})
	if err := s.DeleteExpired(t.Context(), day); err != nil {
		t.Fatalf("DeleteExpired: %v", err)
	}
	var ids []string
	for _, token := range office(t, s).Tokens {
		ids = append(ids, token.ID)
	}
	same(t, "tokens", []string{"ever", "new"}, ids)
	if all, err := s.Sessions(t.Context(), "anna", time.Time{}); err != nil || len(all) != 1 || string(all[0].Hash) != "new" {
		t.Errorf("sessions %v, %v, want the one that has not expired", all, err)
	}
}

func auditForgets(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	entry := func(action, person string) store.AuditEntry {
		return store.AuditEntry{At: day, Actor: "admin", Address: "::1", Action: action, PersonID: person, Detail: []byte(`{"name":"x"}`)}
	}
	byAnna := entry("add", "bert")
	byAnna.Actor = "anna"
	update(t, s, store.Changes{Audit: []store.AuditEntry{entry("add", "anna"), byAnna, entry("add", "bert"), entry("group", "")}})
	gone := store.AuditEntry{At: day, Actor: "admin", Action: "person.delete", PersonID: "anna"}
	update(t, s, store.Changes{DeletePeople: []string{"anna"}, Audit: []store.AuditEntry{gone}})
	blank := entry("add", "anna")
	blank.Detail = nil
	byAnna.Address = "" // where she was is hers
	want := []store.AuditEntry{blank, byAnna, entry("add", "bert"), entry("group", ""), gone}
	got := allAudit(t, s)
	for i := range got {
		got[i].ID = 0
	}
	same(t, "audit", want, got)
}

func audit(t *testing.T, s store.Store) {
	var all []store.AuditEntry
	for i := range 250 {
		e := store.AuditEntry{At: day.Add(time.Duration(i) * time.Second), Action: fmt.Sprint(i)}
		if i%2 == 1 {
			e.Actor, e.PersonID, e.Detail = "token/ü", "anna", []byte(`{"was": "\u00e9"}`)
		}
		if i%3 == 1 {
			e.Address, e.LocationID = "2001:db8::1", []string{"hq", "lab", "a%b_c"}[i/3%3]
		}
		if i%5 == 0 {
			e.ID = 7 // is ignored
		}
		all = append(all, e)
	}
	update(t, s, store.Changes{Audit: all[:100]})
	update(t, s, store.Changes{Audit: all[100:101]})
	update(t, s, store.Changes{Audit: all[101:]})
	query := func(q store.AuditQuery) []store.AuditEntry {
		t.Helper()
		entries, err := s.Audit(t.Context(), q)
		if err != nil {
			t.Fatalf("Audit: %v", err)
		}
		return entries
	}
	stored := query(store.AuditQuery{Ascending: true, Limit: 1000})
	if len(stored) != len(all) {
		t.Fatalf("%d entries, want %d", len(stored), len(all))
	}
	for i := range stored {
		if i > 0 && stored[i].ID <= stored[i-1].ID || stored[i].ID <= 0 {
			t.Errorf("entry %d has ID %d", i, stored[i].ID)
		}
		all[i].ID = stored[i].ID
	}
	same(t, "entries", all, stored)

	pick := func(ok func(i int) bool) (picked []store.AuditEntry) {
		for i := len(all) - 1; i >= 0; i-- {
			if ok(i) {
				picked = append(picked, all[i])
			}
		}
		return picked
	}
	same(t, "newest", pick(func(i int) bool { return i >= 150 }), query(store.AuditQuery{}))
	same(t, "limit", pick(func(i int) bool { return i >= 247 }), query(store.AuditQuery{Limit: 3}))
	same(t, "before", pick(func(i int) bool { return i >= 197 && i < 200 }), query(store.AuditQuery{Limit: 3, Before: all[200].ID}))
	same(t, "after", pick(func(i int) bool { return i > 240 }), query(store.AuditQuery{After: all[240].ID}))
	same(t, "after, ascending", all[11:13], query(store.AuditQuery{After: all[10].ID, Ascending: true, Limit: 2}))
	same(t, "person", pick(func(i int) bool { return i%2 == 1 && i > 240 }), query(store.AuditQuery{PersonID: "anna", After: all[240].ID}))
	same(t, "nobody", []store.AuditEntry{}, query(store.AuditQuery{PersonID: "bert"}))
	same(t, "since", pick(func(i int) bool { return i >= 245 }), query(store.AuditQuery{Since: all[245].At}))
	same(t, "until", pick(func(i int) bool { return i < 4 }), query(store.AuditQuery{Until: all[4].At}))
	same(t, "actor", pick(func(i int) bool { return i%2 == 1 && i < 6 }), query(store.AuditQuery{Actor: "token/ü", Before: all[6].ID}))
	same(t, "action", pick(func(i int) bool { return i/10 == 13 || i == 13 }), query(store.AuditQuery{Action: "13"}))
	same(t, "text of a detail", pick(func(i int) bool { return i%2 == 1 && i > 240 }), query(store.AuditQuery{Text: "WAS", After: all[240].ID}))
	same(t, "text of an action", pick(func(i int) bool { return i%100 == 77 }), query(store.AuditQuery{Text: "77"}))
	same(t, "text with signs of patterns", []store.AuditEntry{}, query(store.AuditQuery{Text: "%7"}))
	same(t, "a location", pick(func(i int) bool { return i%9 == 4 }), query(store.AuditQuery{Locations: []string{"lab"}}))
	same(t, "locations", pick(func(i int) bool { return i%9 == 4 || i%9 == 7 }), query(store.AuditQuery{Locations: []string{"lab", "a%b_c"}}))
	same(t, "no location", []store.AuditEntry{}, query(store.AuditQuery{Locations: []string{}}))
	same(t, "person since before", pick(func(i int) bool { return i%2 == 1 && i >= 100 && i < 110 }),
		query(store.AuditQuery{PersonID: "anna", Since: all[100].At, Before: all[110].ID, Limit: 50}))
}

func meta(t *testing.T, s store.Store) {
	want := map[string]string{}
	for i, text := range odd {
		key := fmt.Sprint(i)
		if len(text) < 1000 {
			key = text
		}
		for _, value := range []string{"first", text} {
			if err := s.PutMeta(t.Context(), key, value); err != nil {
				t.Fatalf("PutMeta: %v", err)
			}
		}
		want[key] = text
		if got, err := s.Meta(t.Context(), key); err != nil || got != text {
			t.Errorf("Meta(%q) = %q, %v", key, got, err)
		}
	}
	if got, err := s.Meta(t.Context(), "never set"); err != nil || got != "" {
		t.Errorf("Meta of a key that was never set: %q, %v", got, err)
	}
	got, err := s.AllMeta(t.Context())
	if err != nil || !maps.Equal(want, got) {
		t.Errorf("AllMeta = %q, %v, want %q", got, err, want)
	}
}

func count(t *testing.T, s store.Store) {
	update(t, s, full())
	update(t, s, store.Changes{Audit: make([]store.AuditEntry, 4)})
	sync(t, s, "c1", "a", "b", "c")
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("1", ""), claim("2", "")}, Shown: []store.PersonShown{{PersonID: "anna"}}})
	writeTeams(t, s, []store.TeamsRecord{{PersonID: "anna"}, {PersonID: "bert"}})
	writeForwardings(t, s, store.ForwardingRecord{ConnectorID: "pbx", Line: "201", State: []byte(`{}`), UpdatedAt: day})
	update(t, s, store.Changes{PutSIPAccounts: []store.SIPAccount{{User: "a", PersonID: "anna", CreatedAt: day}, {User: "b", PersonID: "anna", CreatedAt: day}, {User: "c", PersonID: "bert", CreatedAt: day}}})
	writeRedirects(t, s, store.Redirect{ConnectorID: "sip", Line: "201", PersonID: "anna", Forwarding: []byte(`{}`)}, store.Redirect{ConnectorID: "sip", Line: "202", PersonID: "bert", Forwarding: []byte(`{}`)})
	n, err := s.Count(t.Context())
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	same(t, "counts", store.Counts{Claims: 2, Shown: 1, CalendarObjects: 3, Teams: 2, Forwardings: 1, SIPAccounts: 3, Redirects: 2, Audit: 4}, n)
}

func cancelled(t *testing.T, s store.Store) {
	update(t, s, full())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err1 := s.LoadOffice(ctx)
	_, err2 := s.CalendarObjects(ctx, "c1")
	_, err3 := s.Session(ctx, nil, day)
	_, err4 := s.Sessions(ctx, "anna", day)
	_, err10 := s.ProviderSessions(ctx, "x", "y", day)
	_, err5 := s.Audit(ctx, store.AuditQuery{})
	_, err6 := s.Meta(ctx, "x")
	_, err7 := s.AllMeta(ctx)
	_, err8 := s.Count(ctx)
	_, err9 := s.TakeLink(ctx, []byte("x"), day)
	for name, err := range map[string]error{
		"LoadOffice": err1, "CalendarObjects": err2, "Session": err3, "Sessions": err4, "ProviderSessions": err10, "Audit": err5, "Meta": err6, "AllMeta": err7, "Count": err8,
		"Ping":             s.Ping(ctx),
		"LoadClaims":       s.LoadClaims(ctx, func(string, presence.Claim) error { return nil }),
		"LoadShown":        s.LoadShown(ctx, func(string, presence.Shown) error { return nil }),
		"LoadForwardings":  s.LoadForwardings(ctx, func(store.ForwardingRecord) error { return nil }),
		"WriteForwardings": s.WriteForwardings(ctx, store.ForwardingRecord{ConnectorID: "pbx", Line: "201", State: []byte(`{}`)}),
		"LoadSIPAccounts":  s.LoadSIPAccounts(ctx, func(store.SIPAccount) error { return nil }),
		"LoadRedirects":    s.LoadRedirects(ctx, func(store.Redirect) error { return nil }),
		"WriteRedirects":   s.WriteRedirects(ctx, store.Redirect{ConnectorID: "sip", Line: "201", PersonID: "anna", Forwarding: []byte(`{}`)}),
		"LoadTeams":        s.LoadTeams(ctx, func(store.TeamsRecord) error { return nil }),
		"WriteTeams":       s.WriteTeams(ctx, []store.TeamsRecord{{PersonID: "anna"}}, nil),
		"Update":           s.Update(ctx, store.Changes{DeletePeople: []string{"anna"}}),
		"WriteClaims":      s.WriteClaims(ctx, store.ClaimBatch{Puts: []store.PersonClaim{claim("1", "")}}),
		"SyncCalendar":     s.SyncCalendar(ctx, store.Calendar{ID: "c1"}, nil, nil, true),
		"DeleteExpired":    s.DeleteExpired(ctx, day.Add(1000*time.Hour)),
		"PutMeta":          s.PutMeta(ctx, "x", "y"),
		"DeleteAudit":      s.DeleteAudit(ctx, day),
		"TakeLink":         err9,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
	}
	same(t, "office", officeOf(full()), office(t, s))
	if left := loadClaims(t, s); len(left) != 0 {
		t.Errorf("claims were written: %v", left)
	}
}

func cancelledWhileLoading(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	var b store.ClaimBatch
	for i := range 2000 {
		b.Puts = append(b.Puts, claim(fmt.Sprintf("%05d", i), "x"))
	}
	write(t, s, b)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	err := s.LoadClaims(ctx, func(string, presence.Claim) error {
		if calls++; calls == 3 {
			cancel()
			<-ctx.Done()
		}
		return nil
	})
	// The rows that are under way may still come; a list that is not whole must not look so.
	if err == nil && calls != len(b.Puts) || err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("LoadClaims: %v after %d calls", err, calls)
	}
	if got := len(loadClaims(t, s)); got != len(b.Puts) {
		t.Errorf("%d claims afterwards, want %d", got, len(b.Puts))
	}
}

func cancelledWhileWriting(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	const batches, size = 30, 40
	var done gosync.WaitGroup
	written := make([]bool, batches)
	for i := range batches {
		ctx, cancel := context.WithCancel(t.Context())
		var b store.ClaimBatch
		for j := range size {
			b.Puts = append(b.Puts, claim(fmt.Sprintf("%d/%d", i, j), "x"))
		}
		done.Go(func() {
			err := s.WriteClaims(ctx, b)
			written[i] = err == nil
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("WriteClaims: %v", err)
			}
		})
		done.Go(cancel)
	}
	done.Wait()
	got := map[string]int{}
	for _, c := range loadClaims(t, s) {
		var i, j int
		fmt.Sscanf(c.Claim.ID, "%d/%d", &i, &j)
		got[fmt.Sprint(i)]++
	}
	for i := range batches {
		if n := got[fmt.Sprint(i)]; n != 0 && n != size || written[i] && n != size {
			t.Errorf("batch %d: returned without error: %t, %d of %d claims are there", i, written[i], n, size)
		}
	}
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("afterwards", "")}})
}

func concurrent(t *testing.T, s store.Store) {
	const writers, rounds, size = 4, 12, 20
	var ids []string
	for i := range size {
		ids = append(ids, fmt.Sprintf("p%02d", i))
	}
	settle(t, s, ids...)
	var work, reading gosync.WaitGroup
	stop := make(chan struct{})
	for w := range writers {
		work.Go(func() {
			for round := range rounds {
				// Each batch gives everybody the same text, each writer in another order; half of them meet on one key.
				var b store.ClaimBatch
				source := presence.Source(fmt.Sprint("api/", w/2))
				for i := range ids {
					id := ids[(i*[]int{1, 3, 7, 9}[w]+w)%size]
					b.Puts = append(b.Puts, store.PersonClaim{PersonID: id, Claim: presence.Claim{Source: source, Text: fmt.Sprint(w, " ", round), From: day}})
					b.Shown = append(b.Shown, store.PersonShown{PersonID: id, Shown: presence.Shown{Since: day.Add(time.Duration(w*rounds+round) * time.Second)}})
				}
				if err := s.WriteClaims(t.Context(), b); err != nil {
					t.Errorf("WriteClaims: %v", err)
					return
				}
				p := person(ids[round%size])
				p.Name = fmt.Sprint(w, " ", round)
				if err := s.Update(t.Context(), store.Changes{PutPeople: []store.Person{p}, Audit: []store.AuditEntry{{Action: p.Name}}}); err != nil {
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	for range 3 {
		reading.Go(func() {
			for reads := 0; ; reads++ {
				select {
				case <-stop:
					if reads > 0 {
						return
					}
				default:
				}
				texts := map[presence.Source]string{}
				err := s.LoadClaims(t.Context(), func(id string, c presence.Claim) error {
					if was, ok := texts[c.Source]; ok && was != c.Text {
						return fmt.Errorf("%s of %s is %q, of others %q: a batch was half there", c.Source, id, c.Text, was)
					}
					texts[c.Source] = c.Text
					return nil
				})
				if err != nil {
					t.Errorf("LoadClaims: %v", err)
					return
				}
				if _, err := s.LoadOffice(t.Context()); err != nil {
					t.Errorf("LoadOffice: %v", err)
					return
				}
			}
		})
	}
	work.Wait()
	close(stop)
	reading.Wait()
	if n := len(loadClaims(t, s)); n != size*2 {
		t.Errorf("%d claims, want %d", n, size*2)
	}
	if n := len(allAudit(t, s)); n != writers*rounds {
		t.Errorf("%d audit entries, want %d", n, writers*rounds)
	}
}

// concurrentDelete deletes people while others write about them: the writers must not notice.
func concurrentDelete(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	var work gosync.WaitGroup
	const rounds = 200
	work.Go(func() {
		for range rounds {
			if err := s.Update(t.Context(), store.Changes{PutPeople: []store.Person{person("bert")}}); err != nil {
				t.Errorf("Update: %v", err)
			}
			if err := s.Update(t.Context(), store.Changes{DeletePeople: []string{"bert"}}); err != nil {
				t.Errorf("Update: %v", err)
			}
		}
	})
	for w := range 3 {
		work.Go(func() {
			for i := range rounds {
				about := claim(fmt.Sprint(w, "/", i), "x")
				other := about
				other.PersonID = "bert"
				b := store.ClaimBatch{Puts: []store.PersonClaim{about, other}, Shown: []store.PersonShown{{PersonID: "bert"}}}
				if err := s.WriteClaims(t.Context(), b); err != nil {
					t.Errorf("WriteClaims: %v", err)
				}
			}
		})
	}
	work.Wait()
	if n := len(loadClaims(t, s)); n != 3*rounds {
		t.Errorf("%d claims, want %d", n, 3*rounds)
	}
}

func reopen(t *testing.T, open Opener) {
	s := open(t)
	update(t, s, full())
	update(t, s, store.Changes{Audit: []store.AuditEntry{{At: day, Action: "first"}}})
	sync(t, s, "c1", "a", "b")
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{{PersonID: "anna", Claim: fullClaim(t)}, claim("1", "x")},
		Shown: []store.PersonShown{{PersonID: "anna", Shown: presence.Shown{At: day}}}})
	before, claims, seen := office(t, s), loadClaims(t, s), loadShown(t, s)
	closeStore(t, s)
	for range 2 {
		s = open(t)
		same(t, "office", before, office(t, s))
		same(t, "claims", claims, loadClaims(t, s))
		same(t, "shown", seen, loadShown(t, s))
		closeStore(t, s)
	}
	// Two at once see the same.
	a, b := open(t), open(t)
	defer closeStore(t, a)
	defer closeStore(t, b)
	write(t, a, store.ClaimBatch{Puts: []store.PersonClaim{claim("2", "by a")}})
	write(t, b, store.ClaimBatch{Puts: []store.PersonClaim{claim("3", "by b")}})
	same(t, "claims", loadClaims(t, a), loadClaims(t, b))
	if n := len(loadClaims(t, a)); n != len(claims)+2 {
		t.Errorf("%d claims, want %d", n, len(claims)+2)
	}
}

func closed(t *testing.T, open Opener) {
	s := open(t)
	settle(t, s, "anna")
	closeStore(t, s)
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping after Close succeeds")
	}
	if err := s.WriteClaims(t.Context(), store.ClaimBatch{Puts: []store.PersonClaim{claim("1", "")}}); err == nil {
		t.Error("WriteClaims after Close succeeds")
	}
}

// closeWaits closes a store in the midst of a read: Close waits for it, and nothing new begins.
func closeWaits(t *testing.T, open Opener) {
	s := open(t)
	settle(t, s, "anna")
	var b store.ClaimBatch
	for i := range 500 {
		b.Puts = append(b.Puts, claim(fmt.Sprintf("%05d", i), "x"))
	}
	write(t, s, b)
	var closing gosync.WaitGroup
	var calls atomic.Int64
	err := s.LoadClaims(t.Context(), func(string, presence.Claim) error {
		if calls.Add(1) > 1 {
			return nil
		}
		closing.Go(func() {
			closeStore(t, s)
			if n := calls.Load(); n != int64(len(b.Puts)) {
				t.Errorf("Close returned after %d of %d claims were read", n, len(b.Puts))
			}
		})
		for range 1_000_000 { // until Close has begun
			if s.Ping(t.Context()) != nil {
				return nil
			}
		}
		return errors.New("calls still begin")
	})
	if err != nil || calls.Load() != int64(len(b.Puts)) {
		t.Errorf("LoadClaims: %v after %d calls, want all %d", err, calls.Load(), len(b.Puts))
	}
	closing.Wait()
}

// claimModel compares random batches with what a map makes of them.
func claimModel(t *testing.T, s store.Store) {
	people := []string{"anna", "bert", "cleo"}
	word := rapid.OneOf(rapid.SampledFrom(odd[:len(odd)-2]), rapid.StringN(0, 12, 40).Filter(func(s string) bool {
		for _, r := range s {
			if r == 0 || r == '\uFFFD' {
				return false
			}
		}
		return true
	}))
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.UnixMilli(rapid.Int64Range(-1000, 1<<42).Draw(t, "ms")).UTC()
	})
	key := rapid.Custom(func(t *rapid.T) store.PersonRef {
		return store.PersonRef{PersonID: rapid.SampledFrom(append(people, "gone")).Draw(t, "person"),
			Ref: presence.Ref{Source: rapid.SampledFrom([]presence.Source{"hand", "client", "calendar"}).Draw(t, "source"),
				ID: rapid.OneOf(rapid.SampledFrom([]string{"", "1", "2"}), word).Draw(t, "id")}}
	})
	put := rapid.Custom(func(t *rapid.T) store.PersonClaim {
		k := key.Draw(t, "key")
		return store.PersonClaim{PersonID: k.PersonID, Claim: presence.Claim{Source: k.Ref.Source, ID: k.Ref.ID,
			Status:  presence.Status(rapid.IntRange(0, 5).Draw(t, "status")),
			Profile: word.Draw(t, "profile"), Text: word.Draw(t, "text"),
			From: instant.Draw(t, "from"), Until: instant.Draw(t, "until"), Lease: instant.Draw(t, "lease"),
			ShowAs: presence.ShowAs(rapid.IntRange(0, 4).Draw(t, "show as")), AllDay: rapid.Bool().Draw(t, "all day"),
			Call: word.Draw(t, "call"), ActivitySince: instant.Draw(t, "activity since"),
			Activity: presence.Activity(rapid.IntRange(0, 3).Draw(t, "activity")),
			Line:     presence.Line{State: presence.LineState(rapid.IntRange(0, 2).Draw(t, "line")), Other: word.Draw(t, "other")},
			Mark:     presence.Mark(rapid.IntRange(0, 2).Draw(t, "mark")), Target: presence.Ref{ID: word.Draw(t, "target")}}}
	})
	seen := rapid.Custom(func(t *rapid.T) store.PersonShown {
		v := presence.Shown{At: instant.Draw(t, "at"), Off: rapid.Bool().Draw(t, "off"), Status: presence.Status(rapid.IntRange(0, 5).Draw(t, "status")),
			Since: instant.Draw(t, "since")}
		if rapid.Bool().Draw(t, "covers") {
			v = v.WithCovered(presence.Status(rapid.IntRange(0, 5).Draw(t, "covered")), instant.Draw(t, "covered since"))
		}
		return store.PersonShown{PersonID: rapid.SampledFrom(append(people, "gone")).Draw(t, "person"), Shown: v}
	})
	settle(t, s)
	rapid.Check(t, func(r *rapid.T) {
		c := store.Changes{DeletePeople: people}
		if err := s.Update(t.Context(), c); err != nil {
			r.Fatalf("Update: %v", err)
		}
		c = store.Changes{}
		for _, id := range people {
			c.PutPeople = append(c.PutPeople, person(id))
		}
		if err := s.Update(t.Context(), c); err != nil {
			r.Fatalf("Update: %v", err)
		}
		claims, shown := map[store.PersonRef]presence.Claim{}, map[string]presence.Shown{}
		for range rapid.IntRange(1, 5).Draw(r, "batches") {
			b := store.ClaimBatch{Puts: rapid.SliceOfN(put, 0, 12).Draw(r, "puts"), Deletes: rapid.SliceOfN(key, 0, 10).Draw(r, "deletes"),
				Shown: rapid.SliceOfN(seen, 0, 4).Draw(r, "shown")}
			if err := s.WriteClaims(t.Context(), b); err != nil {
				r.Fatalf("WriteClaims(%+v): %v", b, err)
			}
			for _, p := range b.Puts {
				if !p.Claim.Until.IsZero() && p.Claim.Until.Before(p.Claim.From) {
					p.Claim.Until = p.Claim.From
				}
				claims[store.PersonRef{PersonID: p.PersonID, Ref: p.Claim.Ref()}] = p.Claim
			}
			for _, k := range b.Deletes {
				delete(claims, k)
			}
			for _, v := range b.Shown {
				shown[v.PersonID] = v.Shown
			}
			maps.DeleteFunc(claims, func(k store.PersonRef, _ presence.Claim) bool { return k.PersonID == "gone" })
			delete(shown, "gone")
		}
		got, gotShown := map[store.PersonRef]presence.Claim{}, map[string]presence.Shown{}
		for _, c := range loadClaims(t, s) {
			got[store.PersonRef{PersonID: c.PersonID, Ref: c.Claim.Ref()}] = c.Claim
		}
		for _, v := range loadShown(t, s) {
			gotShown[v.PersonID] = v.Shown
		}
		if !maps.Equal(claims, got) {
			r.Fatalf("claims are\n%+v\nwant\n%+v", got, claims)
		}
		if !maps.Equal(shown, gotShown) {
			r.Fatalf("shown is\n%+v\nwant\n%+v", gotShown, shown)
		}
	})
}
