package office_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

func TestOwnSettingsThatComeWithAPersonAreChecked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok(h.section(h.location, policy.SectionOwnProfiles, func(s *policy.Settings) { s.OwnProfiles.Permitted = []presence.Status{presence.Busy} }))
	keep := policy.Forwarding{Action: policy.ForwardKeep}
	profile := func(name string, s presence.Status) policy.Profile {
		return policy.Profile{ID: strings.ToLower(name), Name: name, Status: s, Forwarding: keep}
	}
	options := policy.Factory().Calendar.CalendarOptions
	options.DaysAhead = 400
	long := make([]policy.Profile, policy.MaxProfiles+1)
	for i := range long {
		long[i] = profile(fmt.Sprint("P", i), presence.Busy)
	}
	for _, c := range []struct {
		name, field string
		own         policy.Own
	}{
		{"status that is not permitted", "own.profiles[1].status", policy.Own{Profiles: []policy.Profile{profile("Lab", presence.Busy), profile("Exam", presence.DoNotDisturb)}}},
		{"no name", "own.profiles[0].name", policy.Own{Profiles: []policy.Profile{profile("", presence.Busy)}}},
		{"same name twice", "own.profiles[1].name", policy.Own{Profiles: []policy.Profile{profile("Lab", presence.Busy), {ID: "2", Name: "LAB", Forwarding: keep}}}},
		{"no forwarding", "own.profiles[0].forwarding.action", policy.Own{Profiles: []policy.Profile{{ID: "1", Name: "Lab"}}}},
		{"long text", "own.profiles[0].text", policy.Own{Profiles: []policy.Profile{{ID: "1", Name: "Lab", Text: strings.Repeat("x", 121), Forwarding: keep}}}},
		{"too many", "own.profiles", policy.Own{Profiles: long}},
		{"no such profile", "own.activation.start.profile", policy.Own{Activation: map[policy.Event]policy.OnEvent{policy.EventStart: {On: true, Profile: "none"}}}},
		{"no such event", "own.activation.lunch", policy.Own{Activation: map[policy.Event]policy.OnEvent{"lunch": {On: true, Profile: "available"}}}},
		{"no minutes", "own.activation.inactivity.minutes", policy.Own{Activation: map[policy.Event]policy.OnEvent{policy.EventInactivity: {On: true, Profile: "available"}}}},
		{"days ahead", "own.calendar.days_ahead", policy.Own{Calendar: &options}},
	} {
		one := store.Person{Name: "Anna Berg", LocationID: h.location, Own: c.own.JSON()}
		h.refused(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "person.add", &one), fault.Invalid, c.field+":", "Anna Berg")
		fine := store.Person{Name: "Bert", LocationID: h.location}
		h.refused(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "import", &fine, &one), fault.Invalid, "people[1]."+c.field+":", "Anna Berg")
		if h.Count() != 0 {
			t.Fatalf("%s: somebody was entered", c.name)
		}
	}
	for _, text := range []string{`{`, `[]`, `{"profiles":[{"status":"asleep"}]}`} {
		rec := store.Person{Name: "Anna Berg", LocationID: h.location, Own: json.RawMessage(text)}
		h.refused(h.PutPeople(t.Context(), office.By{Actor: "admin"}, "person.add", &rec), fault.Invalid, "own:", "Anna Berg")
	}
	// What is fine is entered, and what the scope does not let users change is left out rather than refused.
	h.ok(h.section(h.location, policy.SectionActivation, func(s *policy.Settings) { s.Activation.Start.UserMayChange = false }))
	lab := profile("Lab", presence.Busy)
	lab.ID = ""
	h.person("Anna", func(p *store.Person) {
		p.Own = policy.Own{Profiles: []policy.Profile{lab}, Activation: map[policy.Event]policy.OnEvent{policy.EventStart: {On: true, Profile: "none"}}}.JSON()
	})
	p, _ := h.Person("anna")
	if len(p.Own.Profiles) != 1 || p.Own.Profiles[0].ID == "" || len(p.Own.Activation) > 0 {
		t.Errorf("Anna's own settings are %+v", p.Own)
	}
}

func TestOwnSettingsFromBeforeStandInAnotherScope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("Anna", func(p *store.Person) {
		p.Own = policy.Own{Profiles: []policy.Profile{{Name: "Exam", Status: presence.DoNotDisturb, Forwarding: policy.Forwarding{Action: policy.ForwardKeep}}}}.JSON()
	})
	strict := h.place("Hamburg")
	h.ok(h.section(strict, policy.SectionOwnProfiles, func(s *policy.Settings) { s.OwnProfiles.Permitted = nil }))
	h.ok(h.edit("anna", func(p *store.Person) { p.LocationID = strict }))
	if p, _ := h.Person("anna"); len(p.Own.Profiles) != 1 {
		t.Errorf("Anna's own profiles are %+v", p.Own.Profiles)
	}
}
