package api_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// TestWhatAChangeWouldDoIsWhatItDoes asks first, then does it, and looks at everybody (B6).
func TestWhatAChangeWouldDoIsWhatItDoes(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	working, stop := context.WithCancel(t.Context())
	running := make(chan error)
	go func() { running <- b.agenda.Run(working) }()
	defer func() { stop(); <-running }()
	b.people("Bob", "Carl", "Dora")
	b.add(store.Person{ID: "anna", Name: "Anna", Login: "anna", WorkNumber: "201"})
	b.add(store.Person{ID: "eve", Name: "Eve", Login: "eve", WorkNumber: "202", MobileNumber: "+49 170 1"})
	group := store.Group{LocationID: b.location, Name: "Lab"}
	b.ok(b.office.PutGroup(t.Context(), office.By{}, &group))
	admin := b.as("admin")
	for _, id := range []string{"anna", "bob", "eve"} { // their clients run: the start profile holds
		b.as(id).put("/people/me/clients/desk", m{}).fine(t)
	}
	b.as("dora").put("/people/me/choice", m{"profile": policy.TemplateBreak}).fine(t)
	b.as("bob").put("/people/me/settings", m{"activation": m{"start": m{"on": true, "profile": policy.TemplateHomeOffice}}}).fine(t)
	now := time.Now()
	b.calendars["https://example.org/carl.ics"] = calendarText(event("1", "Offsite", now.Add(-time.Hour), now.Add(time.Hour), "CATEGORIES:On holiday\r\n"))
	b.as("carl").post("/people/me/calendars", m{"kind": "ics", "name": "Work", "url": "https://example.org/carl.ics"}).fine(t)
	admin.until("carl", presence.Unavailable) // by the category

	sections := decode[api.ScopeSettings](admin.get("/scopes/" + b.location + "/settings")).Sections
	activation, templates, calendar := policy.Activation{}, policy.Templates{}, policy.CalendarSection{}
	for _, s := range sections {
		switch s.Name {
		case policy.SectionActivation:
			activation = *s.Activation
		case policy.SectionTemplates:
			templates = *s.Templates
		case policy.SectionCalendar:
			calendar = *s.Calendar
		}
	}
	presences := func() map[string]string {
		all := map[string]string{}
		for _, id := range b.office.IDs() {
			p, _, _ := b.hub.Presence(id)
			all[id] = fmt.Sprint(p.Off, p.Status, p.Profile, p.Text)
		}
		return all
	}
	change := func(what string, body m, want api.Consequences) {
		t.Helper()
		before, stored := presences(), b.dump()
		body["dry_run"] = true
		told := decode[api.SectionsChanged](admin.put("/scopes/"+b.location+"/settings", body).fine(t))
		if told.Done || told.Consequences != want {
			t.Errorf("%s would: %+v, want %+v", what, told, want)
		}
		if b.dump() != stored {
			t.Errorf("%s: asking changed something", what)
		}
		delete(body, "dry_run")
		if done := decode[api.SectionsChanged](admin.put("/scopes/"+b.location+"/settings", body).fine(t)); !done.Done || done.Consequences != want {
			t.Errorf("%s did: %+v, want %+v", what, done.Consequences, want)
		}
		changed := 0
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // calendars follow in a moment
			changed = 0
			for id, now := range presences() {
				if now != before[id] {
					changed++
				}
			}
			if changed == want.Presence || time.Now().After(end) {
				break
			}
		}
		if changed != want.Presence {
			t.Errorf("%s: the presence of %d people changed, want %d: %v, then %v", what, changed, want.Presence, before, presences())
		}
	}

	// Bob's own start profile is lost, and he is shown as the others.
	activation.Start.UserMayChange = false
	change("cannot change", m{"activation": activation}, api.Consequences{People: 6, Presence: 1, Discarded: 1})
	// Available, which Anna, Bob and Eve have, forwards to the mobile telephone now. That concerns nobody yet: there are no lines.
	for i := range templates.Templates {
		if x := &templates.Templates[i]; x.ID == policy.TemplateAvailable {
			x.Forwarding = policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetMobile}
			x.Text = "At work"
		}
	}
	change("a forwarding", m{"templates": templates}, api.Consequences{People: 6, Presence: 3})
	// The telephones are there: Anna and Eve have a number, and of them only Eve a mobile telephone. Only to follow lines forwards none.
	pbx := decode[api.Connector](admin.post("/connectors", m{"kind": "asterisk", "name": "Telephones", "enabled": false, "secret": "x", "asterisk": m{
		"host": "127.0.0.1", "port": 1, "username": "doorlight", "forwarding": "freepbx",
	}}).is(t, 200)).ID
	change("telephones", m{"telephony": m{"connector": pbx}}, api.Consequences{People: 6})
	change("telephones that follow", m{"telephony": m{"connector": pbx, "forwarding": pbx}}, api.Consequences{People: 6, Forwarding: 2, MissingNumbers: 1})
	// Carl's category counts no more; two sections go together.
	calendar.CategoryProfiles = false
	activation.Start.Profile = policy.TemplateHomeOffice
	change("two sections", m{"calendar": calendar, "activation": activation}, api.Consequences{People: 6, Presence: 4, Forwarding: 2})
	change("the factory's", m{"default": []string{"activation", "calendar", "templates"}}, api.Consequences{People: 6, Presence: 4})
	change("off", m{"feature": m{"enabled": false}}, api.Consequences{People: 6, Presence: 6}) // no presence is not the same as nobody signed in

	// What is added can be used at once, by a name that the caller chose for it.
	templates.Templates = append(templates.Templates, policy.Template{
		Profile: policy.Profile{ID: "new:1", Name: "Early bird", Status: presence.Available, Text: "Early", Forwarding: policy.Forwarding{Action: policy.ForwardKeep}},
		Active:  true, UserForwarding: policy.UserOwn,
	})
	activation.Start.Profile = "new:1"
	added := decode[api.SectionsChanged](admin.put("/scopes/"+b.location+"/settings", m{"templates": templates, "activation": activation, "feature": m{"enabled": true}, "telephony": m{"codes": []m{{"code": "*81", "profile": "new:1"}}}}).fine(t))
	if s, _, err := b.office.Settings(b.location); err != nil || s.Telephony.Coded(s, "*81") == nil || s.Telephony.Coded(s, "*81").Name != "Early bird" {
		t.Errorf("a feature code of a template that is new: %+v, %v", s.Telephony, err)
	}
	if id := added.Sections[1].Templates.Templates[9].ID; len(id) != 16 || added.Sections[3].Activation.Start.Profile != id || added.Consequences.Presence != 6 {
		t.Errorf("a template that is used at once: %q, %+v, %+v", id, added.Sections[3].Activation.Start, added.Consequences)
	}

	// For the group nobody is concerned; nonsense is refused whole.
	if got := decode[api.SectionsChanged](admin.put("/scopes/"+group.ID+"/settings", m{"feature": m{"enabled": false}}).fine(t)); got.Consequences != (api.Consequences{}) {
		t.Errorf("a group of nobody: %+v", got.Consequences)
	}
	stored := b.dump()
	calendar.Profile = "nonsense"
	admin.put("/scopes/"+b.location+"/settings", m{"feature": m{"enabled": true}, "calendar": calendar}).names(t, "body.calendar.profile")
	admin.put("/scopes/"+b.location+"/settings", m{"feature": m{"enabled": true}, "default": []string{"feature"}}).names(t, "body.default[0]")
	admin.put("/scopes/"+b.location+"/settings", m{"default": []string{"feature", "feature"}}).names(t, "body.default[1]")
	admin.put("/scopes/"+b.location+"/settings", m{}).names(t, "body.default")
	if b.dump() != stored {
		t.Error("nonsense has changed something")
	}
}

// TestTwoAdministratorsAtOnce: who saves what they saw before somebody else's change is told so, and changes nothing.
func TestTwoAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	admin := b.as("admin")
	path := "/scopes/" + b.location + "/settings"
	versions := func() map[string]string {
		all := map[string]string{}
		for _, s := range decode[api.ScopeSettings](admin.get(path)).Sections {
			all[s.Name] = s.Version
		}
		return all
	}
	seen := versions()
	if len(seen) != len(policy.Sections()) || seen["teams"] == "" {
		t.Fatalf("versions: %v", seen)
	}
	teams := m{"sync": "telephony", "user_may_change": true, "connector": b.application(admin, nil).ID, "access": "application", "remember": false, "keep_minutes": 10}
	changed := decode[api.SectionsChanged](admin.put(path, m{"teams": teams, "was": seen}).fine(t))
	now := versions()
	for _, s := range changed.Sections {
		if s.Version != now[s.Name] {
			t.Errorf("%s: the answer has version %s, and later it is %s", s.Name, s.Version, now[s.Name])
		}
	}
	// The second has seen the page as it was before.
	late := m{"teams": m{"sync": "none", "user_may_change": false, "access": "application", "remember": false, "keep_minutes": 10}, "feature": m{"enabled": false}, "was": seen}
	for _, dry := range []bool{true, false} {
		late["dry_run"] = dry
		admin.put(path, late).is(t, 409)
	}
	admin.put(path, m{"default": []string{"teams"}, "was": m{"teams": seen["teams"]}}).is(t, 409)
	if got := versions(); !maps.Equal(got, now) {
		t.Errorf("what was refused changed something: %v, want %v", got, now)
	}
	admin.put(path, m{"feature": m{"enabled": true}, "was": m{"features": "x"}}).is(t, 422)
	// What the first has not touched can be changed by the second, and without versions the last one wins.
	admin.put(path, m{"feature": m{"enabled": false}, "was": seen}).fine(t)
	admin.put(path, m{"default": []string{"teams"}}).fine(t)
	if got := versions()["teams"]; got != seen["teams"] {
		t.Errorf("the default has version %s, and had %s", got, seen["teams"])
	}
}
