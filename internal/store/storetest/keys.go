package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// longKeys: keys are as long as an index of any engine takes, and what is longer is refused with its name, alike by all
// and without traces.
func longKeys(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	update(t, s, store.Changes{PutCalendars: []store.Calendar{{ID: "c", PersonID: "anna", Kind: "caldav"}}})
	claim := func(source, id string) store.ClaimBatch {
		return store.ClaimBatch{Puts: []store.PersonClaim{
			{PersonID: "anna", Claim: presence.Claim{Source: "hand", ID: "choice", From: day}},
			{PersonID: "anna", Claim: presence.Claim{Source: presence.Source(source), ID: id, From: day}},
		}}
	}
	plain := person("emil")
	place := plain.LocationID
	for _, c := range []struct {
		record, field string
		put           func(key string) error
	}{
		{"location", "id", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutLocations: []store.Location{{ID: k, Name: "id"}}})
		}},
		{"location", "name", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutLocations: []store.Location{{ID: "l", Name: k}}})
		}},
		{"group", "name", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutGroups: []store.Group{{ID: "g", LocationID: place, Name: k}}})
		}},
		{"section", "name", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutSections: []store.Section{{ScopeID: place, Name: k, Value: []byte("{}")}}})
		}},
		{"person", "id", func(k string) error {
			p := plain
			p.ID, p.Login = k, ""
			return s.Update(t.Context(), store.Changes{PutPeople: []store.Person{p}})
		}},
		{"person", "login", func(k string) error {
			p := plain
			p.Login = k
			return s.Update(t.Context(), store.Changes{PutPeople: []store.Person{p}})
		}},
		{"work_group", "name", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutWorkGroups: []store.WorkGroup{{ID: "w", Name: k}}})
		}},
		{"monitoring_group", "name", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutMonitoringGroups: []store.MonitoringGroup{{ID: "m", Name: k}}})
		}},
		{"token", "origin", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutTokens: []store.Token{{ID: "t", Origin: k, Hash: []byte("t")}}})
		}},
		{"sip_account", "username", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutSIPAccounts: []store.SIPAccount{{User: k, PersonID: "anna", CreatedAt: day}}})
		}},
		{"redirect", "line", func(k string) error {
			return s.WriteRedirects(t.Context(), store.Redirect{ConnectorID: "sip", Line: k, PersonID: "anna", Forwarding: []byte("{}")})
		}},
		{"calendar", "id", func(k string) error {
			return s.Update(t.Context(), store.Changes{PutCalendars: []store.Calendar{{ID: k, PersonID: "anna"}}})
		}},
		{"calendar_object", "href", func(k string) error {
			return s.SyncCalendar(t.Context(), store.Calendar{ID: "c", State: "s"}, []store.CalendarObject{{Href: "/a"}, {Href: k}}, nil, false)
		}},
		{"claim", "source", func(k string) error { return s.WriteClaims(t.Context(), claim(k, "x")) }},
		{"claim", "id", func(k string) error { return s.WriteClaims(t.Context(), claim("line/pbx", k)) }},
		{"meta", "key", func(k string) error { return s.PutMeta(t.Context(), k, "v") }},
	} {
		for _, key := range []string{strings.Repeat("k", 3000), strings.Repeat("ü", store.MaxKey/2) + "k", strings.Repeat("\x00", store.MaxKey/3+1)} {
			before, counts := office(t, s), countOf(t, s)
			err := c.put(key)
			var long *store.TooLongError
			if !errors.Is(err, store.ErrTooLong) || !errors.As(err, &long) || long.Record != c.record || long.Field != c.field {
				t.Errorf("%s with a %s of %d bytes: %v, want that it is too long", c.record, c.field, len(key), err)
			}
			same(t, "what was there before", before, office(t, s))
			same(t, "the numbers before", counts, countOf(t, s))
		}
		// Letters that do not compress, as an index would with others.
		if err := c.put(odder(store.MaxKey)); err != nil {
			t.Errorf("%s with a %s of %d bytes: %v", c.record, c.field, store.MaxKey, err)
		}
	}
	// Deleting what cannot be there is no error, as ever.
	if err := s.WriteClaims(t.Context(), store.ClaimBatch{Deletes: []store.PersonRef{{PersonID: "anna", Ref: presence.Ref{Source: "line/pbx", ID: odder(5000)}}}}); err != nil {
		t.Errorf("deleting a claim with a long id: %v", err)
	}
}

func countOf(t testing.TB, s store.Store) store.Counts {
	t.Helper()
	n, err := s.Count(t.Context())
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	return n
}

// odder returns n letters without a pattern.
func odder(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%26
	}
	return string(b)
}
