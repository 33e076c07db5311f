package office_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
)

// wire has the office know telephone systems: pbx, which forwards, and sip, which only tells.
func wire(o *office.Office, gone ...string) {
	o.UseSystems(func(id string) (office.System, bool) {
		all := map[string]office.System{
			"pbx": {Name: "Telephones", Lines: true, Forwards: true}, "sip": {Name: "Old telephones", Lines: true}, "mail": {Name: "Mail", Calendar: true},
		}
		for _, x := range gone {
			delete(all, x)
		}
		s, ok := all[id]
		return s, ok
	})
}

// has enters lines for people as their records are now, all at once.
func (h *house) has(lines map[string][]store.Line, ids ...string) error {
	h.t.Helper()
	var recs []*store.Person
	for _, id := range ids {
		p, ok := h.Person(id)
		if !ok {
			h.t.Fatalf("there is no %s", id)
		}
		rec := p.Person
		rec.Lines = lines[id]
		recs = append(recs, &rec)
	}
	return h.PutPeople(h.t.Context(), office.By{Actor: "admin"}, "person.change", recs...)
}

func (h *house) linesOf(id string) []store.Line {
	h.t.Helper()
	p, ok := h.Person(id)
	if !ok {
		h.t.Fatalf("there is no %s", id)
	}
	return p.Lines
}

func line(connector, number string) store.Line {
	return store.Line{ConnectorID: connector, Line: number}
}

func TestALineIsOnePersons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wire(h.Office)
	h.person("Anna")
	h.person("Bert")
	one := func(id string, all ...store.Line) error { return h.has(map[string][]store.Line{id: all}, id) }
	h.ok(one("anna", line("pbx", " 20-1 "), line("sip", "sip:anna@pbx.example")))
	if got := h.linesOf("anna"); !slices.Equal(got, []store.Line{line("pbx", "20-1"), line("sip", "sip:anna@pbx.example")}) {
		t.Errorf("Anna's are %+v", got)
	}
	// However it is spelt it is Anna's, and in another system it is another line.
	for _, spelt := range []string{"201", "(2) 01", "2/0.1"} {
		h.refused(one("bert", line("sip", "1"), line("pbx", spelt)), fault.Invalid, "lines[1].line", "is the line of Anna")
	}
	h.refused(one("bert", line("sip", "SIP:Anna@PBX.example")), fault.Invalid, "lines[0].line", "Anna")
	h.ok(one("bert", line("sip", "201")))
	h.ok(one("anna", line("pbx", "201"))) // she may spell it in another way, and give one up
	h.ok(one("bert", line("sip", "sip:anna@pbx.example")))

	// What makes no line is named.
	h.refused(one("bert", line("pbx", "202"), line("pbx", "2-02")), fault.Invalid, "lines[1].line", "listed twice")
	h.refused(one("bert", line("pbx", "")), fault.Invalid, "lines[0].line")
	h.refused(one("bert", line("pbx", "2\n2")), fault.Invalid, "lines[0].line")
	h.refused(one("bert", line("mail", "202")), fault.Invalid, "lines[0].connector", "no telephone system")
	h.refused(one("bert", line("gone", "202")), fault.Invalid, "lines[0].connector")
	h.refused(one("bert", store.Line{ConnectorID: "sip", Line: "202", Forwards: true}), fault.Invalid, "lines[0].forwards", "Old telephones")
	many := make([]store.Line, office.MostLines+1)
	for i := range many {
		many[i] = line("pbx", fmt.Sprint(900+i))
	}
	h.refused(one("bert", many...), fault.Invalid, "lines", "at most 20")
	h.ok(one("bert", many[1:]...))

	// Those that somebody has stay theirs also when the system is gone, and may be kept.
	wire(h.Office, "pbx")
	h.ok(one("bert", many[1:]...))
	h.refused(one("bert", many[0]), fault.Invalid, "lines[0].connector")
	if n := h.LinesIn("pbx"); n != 2 {
		t.Errorf("%d people have lines there", n)
	}
}

// Whose work number is their line has it: it cannot be entered for another, who would see their calls and forward them. In a system in which it is no line of
// theirs it can.
func TestAWorkNumberIsALine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wire(h.Office)
	h.person("Anna")
	h.person("Bert")
	edit := func(id string, change func(*store.Person)) error {
		p, _ := h.Person(id)
		rec := p.Person
		change(&rec)
		return h.PutPeople(t.Context(), office.By{Actor: "admin"}, "person.change", &rec)
	}
	enter := func(connector, number string) error {
		return h.has(map[string][]store.Line{"bert": {line(connector, number)}}, "bert")
	}
	h.ok(edit("anna", func(p *store.Person) { p.WorkNumber = "+49 30 1234-201" }))
	h.ok(enter("pbx", "+49301234201")) // there are no telephones yet
	h.ok(h.has(nil, "bert"))
	h.ok(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, h.location, policy.SectionTelephony, func(s *policy.Settings) error {
		s.Telephony = policy.Telephony{Connector: "sip", Forwarding: "pbx"}
		return nil
	}))
	h.refused(enter("sip", "+49301234201"), fault.Invalid, "lines[0].line", "is the line of Anna")
	h.refused(enter("pbx", "+49301234201"), fault.Invalid, "lines[0].line", "is the line of Anna")
	h.ok(h.has(map[string][]store.Line{"anna": {line("sip", "+49301234201")}}, "anna")) // her own she may have entered
	h.refused(enter("sip", "+49301234201"), fault.Invalid, "lines[0].line", "is the line of Anna")
	h.ok(h.has(map[string][]store.Line{"anna": {line("sip", "299")}}, "anna")) // in its place
	h.ok(enter("sip", "+49301234201"))
	h.ok(h.has(nil, "anna"))
	h.ok(enter("sip", "+49301234201")) // what is entered stays so
	h.ok(h.has(nil, "bert"))
	h.ok(edit("anna", func(p *store.Person) { p.Blocked = true }))
	h.ok(enter("sip", "+49301234201"))
}

// A line that is entered in a system that only tells is forwarded by the one that forwards for it, as one that is a work number.
func TestALineThatAnotherSystemForwards(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wire(h.Office)
	h.person("Anna")
	enter := func() error {
		return h.has(map[string][]store.Line{"anna": {{ConnectorID: "sip", Line: "301", Forwards: true}}}, "anna")
	}
	scope := func(connector, forwarding string) {
		t.Helper()
		h.ok(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, h.location, policy.SectionTelephony, func(s *policy.Settings) error {
			s.Telephony = policy.Telephony{Connector: connector, Forwarding: forwarding}
			return nil
		}))
	}
	h.refused(enter(), fault.Invalid, "lines[0].forwards", "Old telephones")
	scope("sip", "")
	h.refused(enter(), fault.Invalid, "lines[0].forwards", "Old telephones")
	scope("pbx", "pbx")
	h.refused(enter(), fault.Invalid, "lines[0].forwards", "Old telephones")
	scope("sip", "pbx")
	h.ok(enter())
}

// Many records at once are entered whole or not at all, and none of their lines is given twice.
func TestLinesOfManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wire(h.Office)
	h.person("Anna")
	h.person("Bert")
	h.refused(h.has(map[string][]store.Line{"anna": {line("pbx", "1"), line("pbx", "201")}, "bert": {line("pbx", "2-0-1")}}, "anna", "bert"), fault.Invalid,
		"people[1].lines[0].line", "given twice")
	if len(h.linesOf("anna")) != 0 {
		t.Errorf("half of it was entered: %+v", h.linesOf("anna"))
	}
	h.ok(h.has(map[string][]store.Line{"anna": {line("pbx", "201")}, "bert": {line("pbx", "202")}}, "anna", "bert"))
	h.refused(h.has(map[string][]store.Line{"bert": {line("pbx", "201")}}, "bert"), fault.Invalid, "is the line of Anna")
}

func TestALineIsFreeWhenItsOwnerIsGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wire(h.Office)
	for _, name := range []string{"Anna", "Bert", "Carl"} {
		h.person(name)
	}
	h.ok(h.has(map[string][]store.Line{"anna": {line("pbx", "201"), line("pbx", "202")}}, "anna"))

	// After a restart it is still known whose they are.
	h.Office = h.open()
	wire(h.Office)
	h.refused(h.has(map[string][]store.Line{"bert": {line("pbx", "20 1")}}, "bert"), fault.Invalid, "is the line of Anna")
	if n := h.LinesIn("pbx"); n != 1 {
		t.Errorf("%d people have lines there", n)
	}
	h.ok(h.has(nil, "anna"))
	h.ok(h.has(map[string][]store.Line{"bert": {line("pbx", "201")}}, "bert"))
	h.ok(h.DeletePerson(t.Context(), office.By{Actor: "admin"}, "bert"))
	h.ok(h.has(map[string][]store.Line{"carl": {line("pbx", "201")}}, "carl"))
	if n := h.LinesIn("pbx"); n != 1 {
		t.Errorf("%d people have lines there", n)
	}
}

func TestSettingsNameTelephoneSystems(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wire(h.Office)
	name := func(connector, forwarding string) error {
		return h.ChangeSection(t.Context(), office.By{Actor: "admin"}, h.location, policy.SectionTelephony, func(s *policy.Settings) error {
			s.Telephony = policy.Telephony{Connector: connector, Forwarding: forwarding}
			return nil
		})
	}
	h.refused(name("mail", ""), fault.Invalid, "telephony.connector", "no telephone system")
	h.refused(name("gone", "gone"), fault.Invalid, "telephony.connector", "telephony.forwarding")
	h.refused(name("sip", "sip"), fault.Invalid, "telephony.forwarding", "forwards")
	h.ok(name("sip", "pbx"))
	for id, want := range map[string]int{"sip": 1, "pbx": 1, "mail": 0} {
		if got := h.UsesOfSystem(id); len(got) != want {
			t.Errorf("%s is named by %q", id, got)
		}
	}
	// A system that can no longer forward stays named as long as nothing else is changed.
	wire(h.Office, "sip")
	h.ok(name("sip", "pbx"))
	h.ok(name("", ""))
	h.refused(name("sip", ""), fault.Invalid, "telephony.connector")
}
