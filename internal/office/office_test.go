package office_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/store/sqlite/sqlitetest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.nofailfile": "true", "rapid.shrinktime": "5s"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// house is an office on a real database, with one location.
type house struct {
	*office.Office
	t        testing.TB
	store    store.Store
	location string
	changes  []office.Change
}

func newHouse(t testing.TB) *house {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(sqlitetest.Folder(t), "doorlight.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, store: st}
	h.Office = h.open()
	h.Listen(func(c office.Change) { h.changes = append(h.changes, c) })
	h.location = h.place("Berlin")
	return h
}

func (h *house) open() *office.Office {
	h.t.Helper()
	o, err := office.Open(context.Background(), h.store, quiet)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// refused checks that a change was refused, by kind and with words in the text.
func (h *house) refused(err error, kind fault.Kind, words ...string) {
	h.t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		h.t.Errorf("got %v (kind %d), want a refusal of kind %d", err, fault.KindOf(err), kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			h.t.Errorf("%q does not say %q", err, w)
		}
	}
}

func (h *house) place(name string) string {
	h.t.Helper()
	l := store.Location{Name: name, TimeZone: "Europe/Berlin"}
	h.ok(h.PutLocation(h.t.Context(), office.By{Actor: "admin"}, &l))
	return l.ID
}

func (h *house) group(location, name string) string {
	h.t.Helper()
	g := store.Group{LocationID: location, Name: name}
	h.ok(h.PutGroup(h.t.Context(), office.By{Actor: "admin"}, &g))
	return g.ID
}

// person adds somebody to the first location; their ID is the name in lower case.
func (h *house) person(name string, edit ...func(*store.Person)) string {
	h.t.Helper()
	p := store.Person{ID: strings.ToLower(name), Name: name, LocationID: h.location, CreatedAt: time.Now().UTC()}
	for _, f := range edit {
		f(&p)
	}
	h.ok(h.PutPeople(h.t.Context(), office.By{Actor: "admin"}, "person.add", &p))
	return p.ID
}

func in(location, group string) func(*store.Person) {
	return func(p *store.Person) { p.LocationID, p.GroupID = location, group }
}

// edit changes the record of somebody.
func (h *house) edit(id string, f func(*store.Person)) error {
	p, ok := h.Person(id)
	if !ok {
		h.t.Fatalf("there is no %s", id)
	}
	rec := p.Person
	f(&rec)
	return h.PutPeople(h.t.Context(), office.By{Actor: "admin"}, "person.put", &rec)
}

func (h *house) section(scope, name string, edit func(*policy.Settings)) error {
	return h.ChangeSection(h.t.Context(), office.By{Actor: "admin"}, scope, name, func(s *policy.Settings) error {
		edit(s)
		return nil
	})
}

func (h *house) settings(scope string) *policy.Settings {
	h.t.Helper()
	s, _, err := h.Settings(scope)
	h.ok(err)
	return s
}

func (h *house) level(viewer, owner string, want rights.Level) {
	h.t.Helper()
	if got := h.Level(viewer, owner); got != want {
		h.t.Errorf("%s is %s to %s, want %s", viewer, got, owner, want)
	}
}

// TestDefaultFollowsTheLocation: a group that takes a section as default follows the location live; an individual one
// begins with the factory defaults, not with a copy, and stays as it is.
func TestDefaultFollowsTheLocation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab, sales := h.group(h.location, "Lab"), h.group(h.location, "Sales")
	anna := h.person("Anna", in(h.location, lab))
	h.ok(h.section(h.location, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = 7 }))
	for _, scope := range []string{h.location, lab, sales} {
		if got := h.settings(scope).Calendar.DaysAhead; got != 7 {
			t.Errorf("scope %s: %d days, want 7", scope, got)
		}
	}
	factory := policy.Factory()
	h.ok(h.section(lab, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar = factory.Calendar }))
	h.ok(h.section(h.location, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = 90 }))
	if got := h.settings(lab).Calendar.DaysAhead; got != 30 {
		t.Errorf("the individual section has %d days, want the factory's 30", got)
	}
	if p, _ := h.Person(anna); p.Settings.Calendar.DaysAhead != 30 {
		t.Errorf("Anna's settings have %d days", p.Settings.Calendar.DaysAhead)
	}
	if got := h.settings(sales).Calendar.DaysAhead; got != 90 {
		t.Errorf("the other group has %d days, want the location's 90", got)
	}
	if _, individual, _ := h.Settings(lab); !individual[policy.SectionCalendar] || individual[policy.SectionActivation] {
		t.Errorf("individual are %v", individual)
	}
	h.ok(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, lab, policy.SectionCalendar, nil))
	if got := h.settings(lab).Calendar.DaysAhead; got != 90 {
		t.Errorf("default again: %d days, want the location's 90", got)
	}
	if p, _ := h.Person(anna); p.Settings.Calendar.DaysAhead != 90 {
		t.Errorf("Anna's settings have %d days", p.Settings.Calendar.DaysAhead)
	}
	h.refused(h.section(h.location, "forwarding", func(*policy.Settings) {}), fault.NotFound)
	h.refused(h.section("nowhere", policy.SectionCalendar, func(*policy.Settings) {}), fault.NotFound)
	h.refused(h.section(lab, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = 0 }), fault.Invalid, "calendar.days_ahead")
}

func TestPresenceSwitchedOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.location, "Lab")
	anna, bob := h.person("Anna", in(h.location, lab)), h.person("Bob")
	h.changes = nil
	h.ok(h.section(lab, policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = false }))
	if !h.Policy(anna).Off || h.Policy(bob).Off {
		t.Errorf("off is Anna %t, Bob %t", h.Policy(anna).Off, h.Policy(bob).Off)
	}
	if len(h.changes) != 1 || !slices.Equal(h.changes[0].Policies, []string{anna}) {
		t.Errorf("told was %+v", h.changes)
	}
	if !h.Policy("nobody").Off {
		t.Error("somebody who is not there has a policy")
	}
}

// TestTemplatesAreGuarded (P6): a template that any group needs cannot be taken away from it, and the refusal names
// the group and the place.
func TestTemplatesAreGuarded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.location, "Lab")
	// The lab goes on holiday at the end of each day.
	h.ok(h.section(lab, policy.SectionActivation, func(s *policy.Settings) { s.Activation.End.Profile = policy.TemplateHoliday }))
	inactive := func(id string) func(*policy.Settings) {
		return func(s *policy.Settings) {
			s.Templates.Templates = slices.Clone(s.Templates.Templates)
			s.Template(id).Active = false
		}
	}
	without := func(id string) func(*policy.Settings) {
		return func(s *policy.Settings) {
			s.Templates.Templates = slices.DeleteFunc(slices.Clone(s.Templates.Templates), func(t policy.Template) bool { return t.ID == id })
		}
	}
	for _, take := range []func(string) func(*policy.Settings){inactive, without} {
		h.refused(h.section(h.location, policy.SectionTemplates, take(policy.TemplateHoliday)), fault.Conflict, "On holiday", "activation.end", `configuration group "Lab"`)
		h.refused(h.section(h.location, policy.SectionTemplates, take(policy.TemplateAppointment)), fault.Conflict, "calendar.profile", `location "Berlin"`)
	}
	if s := h.settings(lab); !s.Template(policy.TemplateHoliday).Active {
		t.Fatal("refused, but done")
	}
	// With templates of its own the lab does not need the location's.
	h.ok(h.section(lab, policy.SectionTemplates, func(s *policy.Settings) { s.Templates = policy.Factory().Templates }))
	h.ok(h.section(h.location, policy.SectionTemplates, without(policy.TemplateHoliday)))
	// Going back to the location's, which has none any more, would leave it without.
	h.refused(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, lab, policy.SectionTemplates, nil), fault.Conflict, "On holiday", "activation.end", "Lab")
	h.ok(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, lab, policy.SectionActivation, nil))
	h.ok(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, lab, policy.SectionTemplates, nil))
	if h.settings(lab).Template(policy.TemplateHoliday) != nil {
		t.Error("the lab has a template that its location has not")
	}
	h.refused(h.section(lab, policy.SectionActivation, func(s *policy.Settings) { s.Activation.End.Profile = policy.TemplateHoliday }), fault.Invalid, "activation.end.profile")
}

// TestTemplatesAreGuardedForOwnSettings (P6): the refusal says how many people need a template, and not who.
func TestTemplatesAreGuardedForOwnSettings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.location, "Lab")
	anna, bob, carl := h.person("Anna"), h.person("Bob", in(h.location, lab)), h.person("Carl", in(h.location, lab))
	own := func(id string, edit func(*policy.Own)) {
		h.t.Helper()
		h.ok(h.ChangeOwn(t.Context(), office.By{Actor: id}, "settings.put", id, func(_ *office.Person, o *policy.Own) error {
			edit(o)
			return nil
		}))
	}
	holiday := policy.OnEvent{On: true, Profile: policy.TemplateHoliday}
	options := policy.Factory().Calendar.CalendarOptions
	options.Profile = policy.TemplateHoliday
	own(anna, func(o *policy.Own) { o.Calendar = &options })
	own(bob, func(o *policy.Own) { o.Activation = map[policy.Event]policy.OnEvent{policy.EventEnd: holiday} })
	own(carl, func(o *policy.Own) {
		o.Activation, o.Calendar = map[policy.Event]policy.OnEvent{policy.EventLock: holiday}, &options
	})
	without := func() error {
		return h.section(h.location, policy.SectionTemplates, func(s *policy.Settings) {
			s.Templates.Templates = slices.DeleteFunc(slices.Clone(s.Templates.Templates), func(t policy.Template) bool { return t.ID == policy.TemplateHoliday })
		})
	}
	h.refused(without(), fault.Conflict, `"On holiday" by the own settings of one person in location "Berlin"`,
		`"On holiday" by the own settings of 2 people in configuration group "Lab"`)
	if err := without(); strings.Contains(err.Error(), "Bob") || strings.Contains(err.Error(), "Anna") {
		t.Errorf("it tells who: %v", err)
	}
	own(anna, func(o *policy.Own) { o.Calendar = nil })
	own(bob, func(o *policy.Own) { o.Activation = nil })
	h.refused(without(), fault.Conflict, `one person in configuration group "Lab"`)
	// Where they may not change it, their own settings are none.
	h.ok(h.section(lab, policy.SectionActivation, func(s *policy.Settings) { s.Activation.Lock.UserMayChange = false }))
	h.ok(h.section(lab, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.UserMayChange = false }))
	h.ok(without())
}

// TestOwnValuesAreDiscarded (P9): by the administrator's change, and by moving to a scope that does not allow them. A
// later permission does not bring them back, not even after a restart.
func TestOwnValuesAreDiscarded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.location, "Lab")
	dnd := policy.OnEvent{On: true, Profile: policy.TemplateDoNotDisturb}
	set := func(id string) {
		h.t.Helper()
		h.ok(h.ChangeOwn(t.Context(), office.By{Actor: id}, "settings.put", id, func(_ *office.Person, o *policy.Own) error {
			o.Activation = map[policy.Event]policy.OnEvent{policy.EventStart: dnd}
			return nil
		}))
	}
	start := func(id, want string) {
		t.Helper()
		for _, o := range []*office.Office{h.Office, h.open()} {
			if got := o.Policy(id).Start.Profile; got != want {
				t.Errorf("%s starts with %q, want %q", id, got, want)
			}
		}
	}
	fixed := func(scope string, may bool) {
		t.Helper()
		h.ok(h.section(scope, policy.SectionActivation, func(s *policy.Settings) { s.Activation.Start.UserMayChange = may }))
	}
	anna, bob := h.person("Anna"), h.person("Bob", in(h.location, lab))
	set(anna)
	set(bob)
	start(anna, "Do not disturb")

	fixed(lab, false) // only Bob is in the lab
	start(bob, "Available")
	start(anna, "Do not disturb")
	h.refused(h.ChangeOwn(t.Context(), office.By{Actor: bob}, "settings.put", bob, func(_ *office.Person, o *policy.Own) error {
		o.Activation = map[policy.Event]policy.OnEvent{policy.EventStart: dnd}
		return nil
	}), fault.Invalid, "activation.start")

	h.ok(h.edit(anna, func(p *store.Person) { p.GroupID = lab })) // Anna moves there
	start(anna, "Available")
	h.ok(h.edit(anna, func(p *store.Person) { p.GroupID = "" })) // and back: hers is gone
	start(anna, "Available")

	fixed(lab, true)
	start(bob, "Available")
	set(bob)
	start(bob, "Do not disturb")

	// Making the section default again, under a location that does not let them, is a change of scope too.
	fixed(h.location, false)
	start(bob, "Do not disturb")
	h.ok(h.ChangeSection(t.Context(), office.By{Actor: "admin"}, lab, policy.SectionActivation, nil))
	start(bob, "Available")
	fixed(h.location, true)
	start(bob, "Available")
}

func TestDuplicateLocation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.location, "Lab")
	h.person("Anna", in(h.location, lab))
	h.ok(h.section(h.location, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = 7 }))
	h.ok(h.section(lab, policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = false }))
	l, err := h.DuplicateLocation(t.Context(), office.By{Actor: "admin"}, h.location, " Hamburg ")
	h.ok(err)
	for _, o := range []*office.Office{h.Office, h.open()} {
		groups, people := o.Groups()
		i := slices.IndexFunc(groups, func(g store.Group) bool { return g.LocationID == l.ID })
		if len(groups) != 2 || i < 0 || groups[i].Name != "Lab" || people[groups[i].ID] != 0 {
			t.Fatalf("groups are %+v with people %v", groups, people)
		}
		s, _, err := o.Settings(l.ID)
		h.ok(err)
		g, individual, err := o.Settings(groups[i].ID)
		h.ok(err)
		if l.Name != "Hamburg" || l.TimeZone != "Europe/Berlin" || s.Calendar.DaysAhead != 7 || g.Calendar.DaysAhead != 7 || g.Feature.Enabled || !individual[policy.SectionFeature] {
			t.Errorf("the duplicate %+v has settings %+v, its group %+v, individual %v", l, s.Calendar, g.Feature, individual)
		}
	}
	// They are two from now on.
	h.ok(h.section(l.ID, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = 9 }))
	if got := h.settings(h.location).Calendar.DaysAhead; got != 7 {
		t.Errorf("changing the duplicate changed the original to %d days", got)
	}
	_, err = h.DuplicateLocation(t.Context(), office.By{Actor: "admin"}, h.location, "berlin")
	h.refused(err, fault.Invalid, "name")
	_, err = h.DuplicateLocation(t.Context(), office.By{Actor: "admin"}, "nowhere", "Rome")
	h.refused(err, fault.NotFound)
	h.ok(h.DeleteLocation(t.Context(), office.By{Actor: "admin"}, l.ID))
	h.refused(h.DeleteLocation(t.Context(), office.By{Actor: "admin"}, h.location), fault.Conflict, "1 people")
	h.refused(h.DeleteGroup(t.Context(), office.By{Actor: "admin"}, lab), fault.Conflict)
}

// TestLevels tells what people are to each other, step by step (R2).
func TestLevels(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, bob, eve := h.person("Anna"), h.person("Bob"), h.person("Eve")
	h.level(bob, anna, rights.Employee)
	h.level(anna, anna, rights.Self)
	h.level("nobody", anna, rights.Blocked)
	h.level(anna, "nobody", rights.Blocked)

	team := store.WorkGroup{Name: "Team", Level: "team_colleague", Members: []string{bob, anna, bob}}
	h.ok(h.PutWorkGroup(t.Context(), office.By{Actor: "admin"}, &team))
	h.level(bob, anna, rights.TeamColleague)
	h.level(anna, bob, rights.TeamColleague)
	h.level(eve, anna, rights.Employee)
	if len(team.Members) != 2 {
		t.Errorf("somebody is in the group twice: %q", team.Members)
	}

	desk := store.MonitoringGroup{Name: "Desk", ObserverLevel: "assistant", MemberLevel: "external", Observers: []string{eve}, Members: []string{anna, bob}}
	h.ok(h.PutMonitoringGroup(t.Context(), office.By{Actor: "admin"}, &desk))
	h.level(eve, anna, rights.Assistant)
	h.level(anna, eve, rights.Employee) // the default is more than external
	h.level(bob, anna, rights.TeamColleague)
	desk.MemberLevel = "assistant_plus"
	h.ok(h.PutMonitoringGroup(t.Context(), office.By{Actor: "admin"}, &desk))
	h.level(anna, eve, rights.AssistantPlus)
	h.level(eve, anna, rights.Assistant)

	own := func(by string, owner, viewer string, l rights.Level) error {
		return h.SetRelationship(t.Context(), office.By{Actor: by}, owner, viewer, &l)
	}
	h.ok(own(anna, anna, eve, rights.Blocked))
	h.level(eve, anna, rights.Blocked)
	h.level(anna, eve, rights.AssistantPlus) // directed
	h.ok(h.SetRelationship(t.Context(), office.By{Actor: anna}, anna, eve, nil))
	h.level(eve, anna, rights.Assistant)

	h.ok(h.section(h.location, policy.SectionRelationships, func(s *policy.Settings) { s.Relationships = policy.Relationships{Default: rights.External} }))
	carl := h.person("Carl")
	h.level(carl, anna, rights.External)
	h.ok(own(anna, anna, eve, rights.External))
	h.ok(h.section(h.location, policy.SectionRelationships, func(s *policy.Settings) { s.Relationships.ExtendOnly = true }))
	h.level(eve, anna, rights.Assistant) // the choice made before is less than she is given
	h.refused(own(anna, anna, bob, rights.External), fault.Invalid, "level")
	h.ok(own(anna, anna, bob, rights.AssistantPlus))
	h.level(bob, anna, rights.AssistantPlus)

	h.ok(h.edit(anna, func(p *store.Person) { p.VIP = true }))
	h.level(eve, anna, rights.External) // her own choice; groups and extend only say nothing about a VIP
	h.level(carl, anna, rights.External)
	h.refused(own("admin", anna, carl, rights.Assistant), fault.Forbidden, "VIP")
	h.ok(own(anna, anna, carl, rights.Blocked))
	h.level(carl, anna, rights.Blocked)

	h.ok(h.edit(bob, func(p *store.Person) { p.Blocked = true }))
	h.level(bob, anna, rights.Blocked)
	h.level(anna, bob, rights.Blocked)
	h.refused(own(anna, anna, anna, rights.Assistant), fault.Invalid, "viewer")
	h.refused(own(anna, anna, "nobody", rights.Assistant), fault.NotFound)

	bad := store.WorkGroup{Name: "team", Level: "blocked", Members: []string{"nobody"}}
	h.refused(h.PutWorkGroup(t.Context(), office.By{Actor: "admin"}, &bad), fault.Invalid, "name", "level", "members[0]")
	h.ok(h.DeleteWorkGroup(t.Context(), office.By{Actor: "admin"}, team.ID))
	h.ok(h.DeleteMonitoringGroup(t.Context(), office.By{Actor: "admin"}, desk.ID))
	h.level(anna, eve, rights.External)

	// What is gone is gone everywhere: a group keeps no place for somebody who was deleted.
	again := store.WorkGroup{Name: "Team", Level: "assistant", Members: []string{anna, eve, carl}}
	h.ok(h.PutWorkGroup(t.Context(), office.By{Actor: "admin"}, &again))
	watch := store.MonitoringGroup{Name: "Watch", ObserverLevel: "assistant", MemberLevel: "assistant", Observers: []string{eve, carl}, Members: []string{eve, carl}}
	h.ok(h.PutMonitoringGroup(t.Context(), office.By{Actor: "admin"}, &watch))
	h.ok(h.DeletePerson(t.Context(), office.By{Actor: "admin"}, eve))
	h.person("Eve") // another Eve of the same ID
	h.level("eve", carl, rights.External)
	if got := h.WorkGroups()[0].Members; !slices.Equal(got, []string{anna, carl}) {
		t.Errorf("members are %q", got)
	}
}

func names(people []*office.Person) (names []string) {
	for _, p := range people {
		names = append(names, p.Name)
	}
	return names
}

func TestSearch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, name := range []string{"Jürgen Müller", "Jana Mueller", "Ole Ødegård", "Renée O'Brien-Weiß", "Zoë Ångström", "Anna Berg", "Bernd Annaberg"} {
		h.person(name, func(p *store.Person) {
			p.ID, p.WorkNumber = fmt.Sprintf("p%d", i), fmt.Sprintf("+49 (30) 55-%d0%d", i, i)
		})
	}
	h.person("Gone", func(p *store.Person) { p.Name, p.Blocked = "Anna Gone", true })
	find := func(q string) []string {
		found, _ := h.Search("p0", q, "", 100)
		return names(found)
	}
	for q, want := range map[string][]string{
		"müller":       {"Jana Mueller", "Jürgen Müller"},
		"MUELLER":      {"Jana Mueller", "Jürgen Müller"},
		"mu\u0308ll":   {"Jana Mueller", "Jürgen Müller"}, // as macOS writes it
		"muller":       {"Jürgen Müller"},
		"ju mu":        {"Jürgen Müller"},
		"mü jü":        {"Jürgen Müller"},
		"odegard":      {"Ole Ødegård"},
		"weiss":        {"Renée O'Brien-Weiß"},
		"rene":         {"Renée O'Brien-Weiß"},
		"angstrom zoe": {"Zoë Ångström"},
		"anna":         {"Anna Berg", "Bernd Annaberg"},
		"berg":         {"Anna Berg"},
		"3055":         {"Anna Berg", "Bernd Annaberg", "Jana Mueller", "Jürgen Müller", "Ole Ødegård", "Renée O'Brien-Weiß", "Zoë Ångström"},
		"55202":        {"Ole Ødegård"},
		"anna 5550":    {"Anna Berg"},
		"%":            nil,
		"nobody":       nil,
	} {
		if got := find(q); !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", q, got, want)
		}
	}
	if got := len(find("")); got != 7 {
		t.Errorf("nothing in particular finds %d people, want 7", got)
	}
	// Whom one may not see, one does not find.
	l := rights.Blocked
	h.ok(h.SetRelationship(t.Context(), office.By{Actor: "p5"}, "p5", "p0", &l))
	if got := find("anna"); !slices.Equal(got, []string{"Bernd Annaberg"}) {
		t.Errorf("found are %q", got)
	}
}

// TestPagesLoseNobody: people come and go while somebody pages; those who were there all the time are seen once.
func TestPagesLoseNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var recs []*store.Person
	for i := range 60 {
		recs = append(recs, &store.Person{ID: fmt.Sprintf("p%02d", i), Name: []string{"Änne", "Anna", "Zoë", "Östen", "Bert"}[i%5], LocationID: h.location})
	}
	h.ok(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "import", recs...))
	for size := 1; size < 20; size += 3 {
		seen := map[string]int{}
		after := ""
		for page := 0; ; page++ {
			found, next := h.Search("p00", "", after, size)
			for _, p := range found {
				seen[p.ID]++
			}
			if next == "" {
				break
			}
			if strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("%&+?#/", r) }) {
				t.Fatalf("position %q cannot stand in an address as it is", next)
			}
			after = next
			extra := fmt.Sprintf("x%d-%d", size, page)
			h.person("Extra", func(p *store.Person) { p.ID, p.Name = extra, []string{"Aaron", "Zz top"}[page%2] })
			if last := found[len(found)-1]; strings.HasPrefix(last.ID, "x") { // whom the position names is gone
				h.ok(h.DeletePerson(t.Context(), office.By{Actor: "admin"}, last.ID))
			}
		}
		for _, rec := range recs {
			if seen[rec.ID] != 1 {
				t.Errorf("pages of %d: %s (%s) was seen %d times", size, rec.ID, rec.Name, seen[rec.ID])
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("pages of %d: %s was seen %d times", size, id, n)
			}
		}
	}
	for _, nonsense := range []string{"x", "%%%", "AAAA", "_", strings.Repeat("A", 999)} {
		if found, _ := h.Search("p00", "", nonsense, 3); len(found) == 0 {
			t.Errorf("position %q hides everybody", nonsense)
		}
	}
}

// TestImportOfManyPeople: twenty thousand are entered at once, sorted, and in seconds.
func TestImportOfManyPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = many
	recs := make([]*store.Person, n)
	for i := range recs {
		recs[i] = &store.Person{ID: fmt.Sprintf("id%05d", i), Name: fmt.Sprintf("Person %05d", (i*7919)%n), Login: fmt.Sprintf("L%d@Example.org", i), LocationID: h.location}
	}
	began := time.Now()
	h.ok(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "import", recs...))
	took := time.Since(began) // 1.3 s on two cores
	began = time.Now()
	for i := range recs {
		recs[i].WorkNumber = "+49 30 1"
	}
	h.ok(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "import", recs...))
	if again := time.Since(began); took > 30*time.Second || again > 30*time.Second {
		t.Errorf("%d people took %s, and again %s", n, took, again)
	}
	found, _ := h.Search("id00000", "person", "", 2*n)
	if len(found) != n || !slices.IsSortedFunc(found, func(a, b *office.Person) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d are found, sorted or not", len(found))
	}
	if p, ok := h.ByLogin(" l17@example.ORG"); !ok || p.ID != "id00017" || h.Count() != n {
		t.Errorf("by login: %v; %d people", p, h.Count())
	}
	// All of them or none.
	two := []*store.Person{{Name: "New", LocationID: h.location, Login: "new"}, {Name: "Also new", LocationID: h.location, Login: "NEW"}}
	h.refused(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "import", two...), fault.Invalid, "people[1].login")
	three := []*store.Person{{ID: "same", Name: "New", LocationID: h.location}, {ID: "same", Name: "Also new", LocationID: h.location}}
	h.refused(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "import", three...), fault.Invalid, "people[1].id")
	if h.Count() != n {
		t.Errorf("%d people after refused imports", h.Count())
	}
}

func TestWrongPeopleAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.place("Hamburg"), "Lab")
	h.person("Anna", func(p *store.Person) { p.Login = "anna" })
	for field, edit := range map[string]func(*store.Person){
		"name":          func(p *store.Person) { p.Name = " \t" },
		"name ":         func(p *store.Person) { p.Name = "a\nb" },
		"name  ":        func(p *store.Person) { p.Name = strings.Repeat("ä", 121) },
		"login":         func(p *store.Person) { p.Login = "ANNA " },
		"login ":        func(p *store.Person) { p.Login = "a b" },
		"work_number":   func(p *store.Person) { p.WorkNumber = "extension" },
		"mobile_number": func(p *store.Person) { p.MobileNumber = strings.Repeat("1", 41) },
		"email":         func(p *store.Person) { p.Email = "nobody" },
		"time_zone":     func(p *store.Person) { p.TimeZone = "Local" },
		"time_zone ":    func(p *store.Person) { p.TimeZone = "../../etc/passwd" },
		"language":      func(p *store.Person) { p.Language = "fr" },
		"role":          func(p *store.Person) { p.Role = "root" },
		"location":      func(p *store.Person) { p.LocationID = "nowhere" },
		"group":         func(p *store.Person) { p.GroupID = lab },
	} {
		p := store.Person{Name: "Bob", LocationID: h.location}
		edit(&p)
		err := h.PutPeople(t.Context(), office.By{Actor: "admin"}, "person.add", &p)
		var f *fault.Error
		if !errors.As(err, &f) || len(f.Fields) != 1 || f.Fields[0].Path != strings.TrimSpace(field) {
			t.Errorf("wrong %s: got %v", field, err)
		}
	}
	if h.Count() != 1 {
		t.Errorf("%d people", h.Count())
	}
}

// TestNewPasswordSignsOut: sessions end with the password they were made with, and with the account.
func TestNewPasswordSignsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.person("Anna", func(p *store.Person) { p.PasswordHash = "old" })
	sessions := func() int {
		t.Helper()
		all, err := h.store.Sessions(t.Context(), anna, time.Now())
		h.ok(err)
		return len(all)
	}
	sign := func() {
		t.Helper()
		now := time.Now().UTC()
		h.ok(h.store.Update(t.Context(), store.Changes{PutSessions: []store.Session{{Hash: []byte{1}, PersonID: anna, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}}}))
	}
	sign()
	h.ok(h.edit(anna, func(p *store.Person) { p.Email = "anna@example.org" }))
	if sessions() != 1 {
		t.Error("a new address ends sessions")
	}
	for what, edit := range map[string]func(*store.Person){
		"a new password": func(p *store.Person) { p.PasswordHash = "new" }, "blocking": func(p *store.Person) { p.Blocked = true },
	} {
		sign()
		h.changes = nil
		h.ok(h.edit(anna, edit))
		if sessions() != 0 || len(h.changes) != 1 || !slices.Equal(h.changes[0].Signed, []string{anna}) {
			t.Errorf("%s: %d sessions are left; told was %+v", what, sessions(), h.changes)
		}
	}
}

func TestResetOfAScope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lab := h.group(h.location, "Lab")
	anna, bob := h.person("Anna"), h.person("Bob", in(h.location, lab))
	h.person("Carl")
	for _, id := range []string{anna, bob} {
		h.ok(h.ChangeOwn(t.Context(), office.By{Actor: id}, "profiles.put", id, func(_ *office.Person, o *policy.Own) error {
			o.Profiles = []policy.Profile{{Name: "Lab", Status: presence.Busy, Forwarding: policy.Forwarding{Action: policy.ForwardKeep}}}
			o.Activation = map[policy.Event]policy.OnEvent{policy.EventLock: {}}
			return nil
		}))
	}
	reset := func(scope string, keep, dry bool, want int) {
		t.Helper()
		if n, err := h.ResetScope(t.Context(), office.By{Actor: "admin"}, scope, keep, dry); err != nil || n != want {
			t.Errorf("%d are touched (%v), want %d", n, err, want)
		}
	}
	reset(h.location, true, true, 2)
	reset(lab, true, true, 1)
	reset(lab, true, false, 1)
	if p, _ := h.Person(bob); len(p.Own.Profiles) != 1 || len(p.Own.Activation) != 0 || p.Own.Profiles[0].ID == "" {
		t.Errorf("Bob's are %+v", p.Own)
	}
	if !h.Policy(bob).Locked.On || h.Policy(anna).Locked.On {
		t.Error("the reset is not in force, or in force for others")
	}
	reset(h.location, true, true, 1)
	reset(h.location, false, false, 2)
	reset(h.location, false, false, 0)
	if _, err := h.ResetScope(t.Context(), office.By{Actor: "admin"}, "nowhere", false, true); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a scope that there is not: %v", err)
	}
	log, err := h.store.Audit(t.Context(), store.AuditQuery{})
	h.ok(err)
	n := 0
	for _, e := range log {
		if e.Action == "settings.reset" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d resets are in the audit log, want 2: dry runs and resets of nobody are none", n)
	}
}

// TestReadersWhileChanging is for the race detector: answers are whole at any time.
func TestReadersWhileChanging(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 30 {
		h.person(fmt.Sprintf("Person%02d", i))
	}
	lab := h.group(h.location, "Lab")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				found, _ := h.Search("person00", "person", "", 100)
				if len(found) < 29 || !slices.IsSortedFunc(found, func(a, b *office.Person) int { return strings.Compare(a.Name, b.Name) }) {
					t.Errorf("found are %q", names(found))
					return
				}
				h.Relations("person00", "", func(r office.Relation) bool { return r.Effective != rights.Self })
				h.Team("person01")
				h.Level("person01", "person02")
				h.Policy("person03")
				h.Groups()
				h.Settings(lab)
			}
		})
	}
	for i := range 25 {
		h.ok(h.edit(fmt.Sprintf("person%02d", i), func(p *store.Person) { p.GroupID = lab }))
		h.ok(h.section(lab, policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = i%2 == 0 }))
		h.ok(h.PutLocation(t.Context(), office.By{Actor: "admin"}, &store.Location{ID: h.location, Name: "Berlin", TimeZone: []string{"UTC", "Europe/Berlin"}[i%2]}))
		g := store.WorkGroup{Name: fmt.Sprint("Group ", i), Level: "assistant", Members: []string{"person01", "person02"}}
		h.ok(h.PutWorkGroup(t.Context(), office.By{Actor: "admin"}, &g))
		if i == 20 {
			h.ok(h.DeletePerson(t.Context(), office.By{Actor: "admin"}, "person29"))
		}
	}
	close(stop)
	readers.Wait()
}

func FuzzSearch(f *testing.F) {
	h := newHouse(f)
	for i, name := range []string{"Jürgen Müller", "Renée O'Brien-Weiß", "東京 太郎", "Anna Berg"} {
		h.person("P", func(p *store.Person) { p.ID, p.Name, p.WorkNumber = fmt.Sprintf("p%d", i), name, "+49 30 55" })
	}
	for _, seed := range []string{"", "mü", "55", "\xff", "\u0308", " ", "o'b", "a\x00b"} {
		f.Add(seed, "", 2)
		f.Add("", seed, 1)
	}
	f.Fuzz(func(t *testing.T, q, after string, limit int) {
		limit = 1 + (limit%5+5)%5
		seen := map[string]bool{}
		for range 10 {
			found, next := h.Search("p0", q, after, limit)
			if len(found) > limit || next != "" && len(found) < limit {
				t.Fatalf("%d found with limit %d, next %q", len(found), limit, next)
			}
			for _, p := range found {
				if seen[p.ID] || !p.Matches(q) {
					t.Fatalf("%q is found twice, or does not match %q", p.Name, q)
				}
				seen[p.ID] = true
			}
			if after = next; next == "" {
				return
			}
		}
		t.Fatalf("%q has no last page", q)
	})
}
