package storetest

import (
	"testing"

	"github.com/doorlight/doorlight/internal/store"
)

func writeForwardings(t testing.TB, s store.Store, records ...store.ForwardingRecord) {
	t.Helper()
	if err := s.WriteForwardings(t.Context(), records...); err != nil {
		t.Fatalf("WriteForwardings: %v", err)
	}
}

func loadForwardings(t testing.TB, s store.Store) (all []store.ForwardingRecord) {
	t.Helper()
	if err := s.LoadForwardings(t.Context(), func(r store.ForwardingRecord) error {
		all = append(all, r)
		return nil
	}); err != nil {
		t.Fatalf("LoadForwardings: %v", err)
	}
	return all
}

// forwardings are kept for each line of each system, and go when there is no state any more.
func forwardings(t *testing.T, s store.Store) {
	if all := loadForwardings(t, s); all != nil {
		t.Fatalf("there are %v", all)
	}
	a := store.ForwardingRecord{ConnectorID: "a", Line: "201", State: []byte(`{"cause":"x"}`), UpdatedAt: day}
	b := store.ForwardingRecord{ConnectorID: "a", Line: "sip:anna@example.com", State: []byte(`{}`), UpdatedAt: day}
	c := store.ForwardingRecord{ConnectorID: "b", Line: "201", State: []byte(`{}`), UpdatedAt: day}
	writeForwardings(t, s, c, b, a)
	same(t, "forwardings", []store.ForwardingRecord{a, b, c}, loadForwardings(t, s))
	a.State, a.UpdatedAt = []byte(`{"cause":"y"}`), day.AddDate(0, 0, 1)
	writeForwardings(t, s, a, store.ForwardingRecord{ConnectorID: "a", Line: "sip:anna@example.com"}, store.ForwardingRecord{ConnectorID: "b", Line: "none"})
	same(t, "replaced and removed", []store.ForwardingRecord{a, c}, loadForwardings(t, s))
	writeForwardings(t, s)
	same(t, "unchanged", []store.ForwardingRecord{a, c}, loadForwardings(t, s))
}
