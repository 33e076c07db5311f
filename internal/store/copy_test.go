package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/pgtest"
	"github.com/doorlight/doorlight/internal/store/postgres"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func embedded(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "doorlight.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func server(t *testing.T) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var day = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

// furnish fills a store with an office of n people, and every other kind of record.
func furnish(t *testing.T, s store.Store, n int) {
	t.Helper()
	c := store.Changes{
		PutLocations: []store.Location{{ID: "hq", Name: "Headquarters", TimeZone: "Europe/Berlin"}},
		PutGroups:    []store.Group{{ID: "g", LocationID: "hq", Name: "Sales"}},
		PutSections:  []store.Section{{ScopeID: "g", Name: "activation", Value: []byte(`{"a": 1}`)}},
	}
	var b store.ClaimBatch
	var objects []store.CalendarObject
	var teams []store.TeamsRecord
	var redirects []store.Redirect
	for i := range n {
		id := fmt.Sprintf("p%05d", i)
		c.PutPeople = append(c.PutPeople, store.Person{ID: id, LocationID: "hq", GroupID: "g", Login: id, Role: "user", Own: []byte(`{}`), CreatedAt: day})
		for j := range 3 {
			b.Puts = append(b.Puts, store.PersonClaim{PersonID: id, Claim: presence.Claim{Source: "api", ID: fmt.Sprint(j), Status: presence.Busy, Label: "ü", From: day}})
		}
		b.Shown = append(b.Shown, store.PersonShown{PersonID: id, Shown: presence.Shown{At: day, Since: day}.WithCovered(presence.Available, day)})
		c.Audit = append(c.Audit, store.AuditEntry{At: day, Action: fmt.Sprint("action ", i), Detail: []byte(`{}`)})
		objects = append(objects, store.CalendarObject{CalendarID: "c", Href: id, ETag: "e", Data: []byte{0, byte(i)}})
		c.PutSIPAccounts = append(c.PutSIPAccounts, store.SIPAccount{User: id + "-x", PersonID: id, Name: "Desk", Secret: []byte{byte(i)}, CreatedAt: day})
		redirects = append(redirects, store.Redirect{ConnectorID: "sip", Line: id, PersonID: id, Forwarding: []byte(`{}`)})
		teams = append(teams, store.TeamsRecord{PersonID: id, ConnectorID: "app", UserID: id, Token: []byte{byte(i)}, State: []byte(`{}`), UpdatedAt: day})
	}
	p := c.PutPeople[0].ID
	c.PutWorkGroups = []store.WorkGroup{{ID: "w", Name: "W", Level: "employee", Members: []string{p}}}
	c.PutMonitoringGroups = []store.MonitoringGroup{{ID: "m", Name: "M", Observers: []string{p}}}
	c.PutRelationships = []store.Relationship{{OwnerID: p, ViewerID: p, Level: "x"}}
	c.PutTokens = []store.Token{{ID: "t", Hash: []byte{1}, Scopes: []string{"a"}, CreatedAt: day}}
	calendar := store.Calendar{ID: "c", PersonID: p, Kind: "ics", Name: "Work", Password: []byte{2}, State: "etag", CheckedAt: day, Problems: []byte(`[]`)}
	c.PutCalendars = []store.Calendar{calendar}
	c.PutSessions = []store.Session{{Hash: []byte{3}, PersonID: p, CreatedAt: day, ExpiresAt: day.Add(time.Hour)}}
	if err := errors.Join(
		s.Update(t.Context(), c), s.WriteClaims(t.Context(), b), s.SyncCalendar(t.Context(), calendar, objects, nil, true), s.WriteTeams(t.Context(), teams, nil),
		s.WriteForwardings(t.Context(), store.ForwardingRecord{ConnectorID: "pbx", Line: "201", State: []byte(`{}`), UpdatedAt: day}),
		s.WriteRedirects(t.Context(), redirects...),
		s.PutMeta(t.Context(), "installation", "x"), s.PutMeta(t.Context(), "set up", "2026"),
	); err != nil {
		t.Fatal(err)
	}
}

// contents is all that Copy copies.
type contents struct {
	Office  store.Office
	Claims  []store.PersonClaim
	Shown   []store.PersonShown
	Objects []store.CalendarObject
	Teams   []store.TeamsRecord
	Lines   []store.ForwardingRecord
	Phones  []store.SIPAccount
	Led     []store.Redirect
	Audit   []store.AuditEntry
	Meta    map[string]string
}

func read(t *testing.T, s store.Store) (c contents) {
	t.Helper()
	var err [4]error
	c.Office, err[0] = s.LoadOffice(t.Context())
	c.Objects, err[1] = s.CalendarObjects(t.Context(), "c")
	c.Audit, err[2] = s.Audit(t.Context(), store.AuditQuery{Ascending: true, Limit: 1 << 20})
	c.Meta, err[3] = s.AllMeta(t.Context())
	for i := range c.Audit {
		c.Audit[i].ID = 0 // numbered anew
	}
	if err := errors.Join(append(err[:],
		s.LoadClaims(t.Context(), func(id string, v presence.Claim) error {
			c.Claims = append(c.Claims, store.PersonClaim{PersonID: id, Claim: v})
			return nil
		}),
		s.LoadShown(t.Context(), func(id string, v presence.Shown) error {
			c.Shown = append(c.Shown, store.PersonShown{PersonID: id, Shown: v})
			return nil
		}),
		s.LoadForwardings(t.Context(), func(r store.ForwardingRecord) error {
			c.Lines = append(c.Lines, r)
			return nil
		}),
		s.LoadSIPAccounts(t.Context(), func(a store.SIPAccount) error {
			c.Phones = append(c.Phones, a)
			return nil
		}),
		s.LoadRedirects(t.Context(), func(r store.Redirect) error {
			c.Led = append(c.Led, r)
			return nil
		}),
		s.LoadTeams(t.Context(), func(r store.TeamsRecord) error {
			c.Teams = append(c.Teams, r)
			return nil
		}))...); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for name, engines := range map[string][2]func(*testing.T) store.Store{
		"from SQLite to PostgreSQL": {embedded, server},
		"from PostgreSQL to SQLite": {server, embedded},
		"from SQLite to SQLite":     {embedded, embedded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := engines[0](t), engines[1](t)
			furnish(t, src, 1100) // more than a batch of everything
			var done, total int
			err := store.Copy(t.Context(), dst, src, func(d, n int) {
				if d < done || d > n {
					t.Errorf("progress from %d of %d to %d of %d", done, total, d, n)
				}
				done, total = d, n
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := 1100*10 + 9 + 2; done != total || done != want {
				t.Errorf("progress ends with %d of %d, want %d", done, total, want)
			}
			want, got := read(t, src), read(t, dst)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b presence.Shown) bool { return a == b })); diff != "" {
				t.Errorf("source (-) and copy (+) differ:\n%s", diff)
			}
			if _, err := dst.Session(t.Context(), []byte{3}, day); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("session in the copy: %v, want ErrNotFound", err)
			}
		})
	}
}

func TestCopyOfNothing(t *testing.T) {
	t.Parallel()
	src, dst := embedded(t), server(t)
	if err := store.Copy(t.Context(), dst, src, nil); err != nil {
		t.Fatal(err)
	}
	furnish(t, dst, 1)
}

func TestCopyRefusesWhatIsNotEmpty(t *testing.T) {
	t.Parallel()
	src := embedded(t)
	furnish(t, src, 2)
	for name, fill := range map[string]func(s store.Store) error{
		"a location": func(s store.Store) error {
			return s.Update(t.Context(), store.Changes{PutLocations: []store.Location{{ID: "x", Name: "x"}}})
		},
		"an audit entry": func(s store.Store) error {
			return s.Update(t.Context(), store.Changes{Audit: []store.AuditEntry{{Action: "x"}}})
		},
		"a value": func(s store.Store) error { return s.PutMeta(t.Context(), "x", "") },
	} {
		dst := embedded(t)
		if err := fill(dst); err != nil {
			t.Fatal(err)
		}
		before := read(t, dst)
		if err := store.Copy(t.Context(), dst, src, nil); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("into a store with %s: %v, want ErrNotEmpty", name, err)
		}
		if diff := cmp.Diff(before, read(t, dst)); diff != "" {
			t.Errorf("a store with %s was changed:\n%s", name, diff)
		}
	}
}

func TestCopyCancelled(t *testing.T) {
	t.Parallel()
	src, dst := embedded(t), embedded(t)
	furnish(t, src, 10)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := store.Copy(ctx, dst, src, func(done, total int) { calls++; cancel() })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("Copy: %v after %d calls, want context.Canceled after 1", err, calls)
	}
}
