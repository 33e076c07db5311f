package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/doorlight/doorlight/internal/store"
)

func loadSIPAccounts(t testing.TB, s store.Store) (all []store.SIPAccount) {
	t.Helper()
	if err := s.LoadSIPAccounts(t.Context(), func(a store.SIPAccount) error {
		all = append(all, a)
		return nil
	}); err != nil {
		t.Fatalf("LoadSIPAccounts: %v", err)
	}
	return all
}

func writeRedirects(t testing.TB, s store.Store, records ...store.Redirect) {
	t.Helper()
	if err := s.WriteRedirects(t.Context(), records...); err != nil {
		t.Fatalf("WriteRedirects: %v", err)
	}
}

func loadRedirects(t testing.TB, s store.Store) (all []store.Redirect) {
	t.Helper()
	if err := s.LoadRedirects(t.Context(), func(r store.Redirect) error {
		all = append(all, r)
		return nil
	}); err != nil {
		t.Fatalf("LoadRedirects: %v", err)
	}
	return all
}

// sipAccounts belong to people, and come and go together with what is noted of it.
func sipAccounts(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	if all := loadSIPAccounts(t, s); all != nil {
		t.Fatalf("there are %v", all)
	}
	a := store.SIPAccount{User: "201-a", PersonID: "anna", Name: "Desk", Secret: []byte{0, 1, 0xff}, CreatedAt: day}
	b := store.SIPAccount{User: "202-b", PersonID: "bert", Name: "Desk", Secret: []byte{2}, CreatedAt: day.AddDate(0, 0, 1)}
	c := store.SIPAccount{User: "201-c", PersonID: "anna", Secret: []byte{3}, CreatedAt: day}
	update(t, s, store.Changes{PutSIPAccounts: []store.SIPAccount{c, b, a}, Audit: []store.AuditEntry{{At: day, Action: "telephone.add", PersonID: "anna"}}})
	same(t, "accounts", []store.SIPAccount{a, c, b}, loadSIPAccounts(t, s))
	err := s.Update(t.Context(), store.Changes{PutSIPAccounts: []store.SIPAccount{{User: "d", PersonID: "nobody", CreatedAt: day}}, DeleteSIPAccounts: []string{"202-b"},
		Audit: []store.AuditEntry{{At: day, Action: "telephone.add"}}})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of nobody: %v, want ErrNotFound", err)
	}
	same(t, "unchanged", []store.SIPAccount{a, c, b}, loadSIPAccounts(t, s))
	if n := len(allAudit(t, s)); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
	a.Secret = []byte("sealed anew")
	update(t, s, store.Changes{PutSIPAccounts: []store.SIPAccount{a}, DeleteSIPAccounts: []string{"201-c", "none"}})
	same(t, "replaced and removed", []store.SIPAccount{a, b}, loadSIPAccounts(t, s))
	for i, text := range odd {
		x := store.SIPAccount{User: "x", PersonID: "anna", Name: text, Secret: []byte(text), CreatedAt: day}
		update(t, s, store.Changes{PutSIPAccounts: []store.SIPAccount{x}})
		same(t, fmt.Sprintf("text %d", i), []store.SIPAccount{a, b, x}, loadSIPAccounts(t, s))
	}
	stop := errors.New("stop")
	if err := s.LoadSIPAccounts(t.Context(), func(store.SIPAccount) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callback comes back as %v", err)
	}
}

// redirects are kept for each line of each connector, and go when there is no forwarding any more, or with their connector.
func redirects(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	if all := loadRedirects(t, s); all != nil {
		t.Fatalf("there are %v", all)
	}
	a := store.Redirect{ConnectorID: "a", Line: "201", PersonID: "anna", Forwarding: []byte(`{"all":"1"}`)}
	b := store.Redirect{ConnectorID: "a", Line: "sip:anna@example.com", PersonID: "bert", Forwarding: []byte(`{}`)}
	c := store.Redirect{ConnectorID: "b", Line: "201", PersonID: "anna", Forwarding: []byte(`{}`)}
	writeRedirects(t, s, c, b, a)
	same(t, "redirects", []store.Redirect{a, b, c}, loadRedirects(t, s))
	a.PersonID, a.Forwarding = "bert", []byte(`{"all":"2"}`)
	writeRedirects(t, s, a, store.Redirect{ConnectorID: "a", Line: "sip:anna@example.com"}, store.Redirect{ConnectorID: "b", Line: "none"})
	same(t, "replaced and removed", []store.Redirect{a, c}, loadRedirects(t, s))
	writeRedirects(t, s)
	d := store.Redirect{ConnectorID: "b", Line: "202", PersonID: "nobody", Forwarding: []byte(`{}`)}
	if err := s.WriteRedirects(t.Context(), store.Redirect{ConnectorID: "b", Line: "203", PersonID: "anna", Forwarding: []byte(`{}`)}, d); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of nobody: %v, want ErrNotFound", err)
	}
	same(t, "unchanged", []store.Redirect{a, c}, loadRedirects(t, s))
	update(t, s, store.Changes{DeleteRedirectsOf: []string{"b", "none"}})
	same(t, "without the connector", []store.Redirect{a}, loadRedirects(t, s))
	stop := errors.New("stop")
	if err := s.LoadRedirects(t.Context(), func(store.Redirect) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callback comes back as %v", err)
	}
}
