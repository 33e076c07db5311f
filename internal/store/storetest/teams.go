package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/doorlight/doorlight/internal/store"
)

func writeTeams(t testing.TB, s store.Store, puts []store.TeamsRecord, deletes ...string) {
	t.Helper()
	if err := s.WriteTeams(t.Context(), puts, deletes); err != nil {
		t.Fatalf("WriteTeams: %v", err)
	}
}

func loadTeams(t testing.TB, s store.Store) (all []store.TeamsRecord) {
	t.Helper()
	if err := s.LoadTeams(t.Context(), func(r store.TeamsRecord) error {
		all = append(all, r)
		return nil
	}); err != nil {
		t.Fatalf("LoadTeams: %v", err)
	}
	return all
}

func teams(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert", "cleo")
	if all := loadTeams(t, s); all != nil {
		t.Errorf("at first there are %v", all)
	}
	anna := store.TeamsRecord{
		PersonID: "anna", ConnectorID: "app", Address: "anna@example.test", UserID: "fa8bf3dc", Account: "anna@example.test", Token: []byte{0, 1, 0xff},
		State: []byte(`{"call":{"phase":1}}`), UpdatedAt: day,
	}
	bert := store.TeamsRecord{PersonID: "bert", ConnectorID: "app"}
	writeTeams(t, s, []store.TeamsRecord{bert, {PersonID: "nobody", ConnectorID: "app"}, {PersonID: "anna", Account: "before"}, anna}, "cleo", "nobody")
	same(t, "teams", []store.TeamsRecord{anna, bert}, loadTeams(t, s))
	writeTeams(t, s, nil)

	// Each is replaced as a whole; whoever is not named stays as they are.
	later := store.TeamsRecord{PersonID: "anna", ConnectorID: "other", State: []byte("null"), UpdatedAt: day.AddDate(0, 0, 1)}
	writeTeams(t, s, []store.TeamsRecord{later})
	same(t, "replaced", []store.TeamsRecord{later, bert}, loadTeams(t, s))
	if all := loadTeams(t, s); all[0].Token != nil || all[1].State != nil {
		t.Errorf("of nothing came %v, %q", all[0].Token, all[1].State)
	}
	writeTeams(t, s, []store.TeamsRecord{{PersonID: "cleo"}}, "anna", "anna")
	same(t, "deleted", []store.TeamsRecord{bert, {PersonID: "cleo"}}, loadTeams(t, s))

	// What was written belongs to the person, and outlives the application.
	update(t, s, store.Changes{PutConnectors: []store.Connector{{ID: "app", Kind: "graph", Name: "Microsoft 365"}}})
	update(t, s, store.Changes{DeleteConnectors: []string{"app"}})
	if n := len(loadTeams(t, s)); n != 2 {
		t.Errorf("with the application gone there are %d, want 2", n)
	}

	for i, text := range odd {
		r := store.TeamsRecord{PersonID: "anna", ConnectorID: text, Address: text, UserID: text, Account: text, Token: []byte(text)}
		if len(r.Token) == 0 {
			r.Token = nil
		}
		writeTeams(t, s, []store.TeamsRecord{r}, "bert", "cleo")
		same(t, fmt.Sprintf("text %d", i), []store.TeamsRecord{r}, loadTeams(t, s))
	}

	// More than a statement holds.
	var many []store.TeamsRecord
	var people []string
	for i := range 2500 {
		id := fmt.Sprintf("p%05d", i)
		people = append(people, id)
		many = append(many, store.TeamsRecord{PersonID: id, ConnectorID: "app", State: []byte("{}")})
	}
	settle(t, s, people...)
	writeTeams(t, s, many, "anna")
	same(t, "many", many, loadTeams(t, s))
	writeTeams(t, s, nil, people[1:]...)
	same(t, "all but one deleted", many[:1], loadTeams(t, s))

	stop := errors.New("stop")
	if err := s.LoadTeams(t.Context(), func(store.TeamsRecord) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callback comes back as %v", err)
	}
}
