package office_test

import (
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

func TestSomebodyWhoAdministersStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := func(p *store.Person) { p.Role, p.Login, p.PasswordHash = office.RoleAdmin, p.ID, "hash" }
	h.person("Anna", admin)
	h.person("Bert", func(p *store.Person) { p.Role = office.RoleAdmin }) // who cannot sign in
	h.person("Carl")
	for name, change := range map[string]func(*store.Person){
		"demoted":      func(p *store.Person) { p.Role = office.RoleUser },
		"blocked":      func(p *store.Person) { p.Blocked = true },
		"nameless":     func(p *store.Person) { p.Login = "" },
		"passwordless": func(p *store.Person) { p.PasswordHash = "" },
	} {
		if err := h.edit("anna", change); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	h.refused(h.DeletePerson(t.Context(), office.By{}, "anna"), fault.Conflict, "last administrator")

	// Of two one may go, and an import may put another in their place.
	h.ok(h.edit("carl", admin))
	h.ok(h.DeletePerson(t.Context(), office.By{Actor: "carl"}, "anna"))
	h.refused(h.DeletePerson(t.Context(), office.By{Actor: "bert"}, "carl"), fault.Conflict, "last administrator")
	old, _ := h.Person("carl")
	demoted, next := old.Person, store.Person{ID: "dora", Name: "Dora", LocationID: h.location}
	demoted.Role = office.RoleUser
	admin(&next)
	h.ok(h.PutPeople(t.Context(), office.By{}, "import", &demoted, &next))
}
