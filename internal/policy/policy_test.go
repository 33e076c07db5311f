package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// fields returns the paths of what is wrong.
func fields(err error) (paths []string) {
	var f *fault.Error
	if !errors.As(err, &f) {
		return nil
	}
	for _, x := range f.Fields {
		paths = append(paths, x.Path)
	}
	return paths
}

func TestFactorySettingsAreValid(t *testing.T) {
	t.Parallel()
	s := Factory()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	p := s.Presence(&Own{})
	want := &presence.Policy{
		Start:    presence.Activation{On: true, Status: presence.Available, Profile: "Available"},
		End:      presence.Activation{On: true, Status: presence.Unavailable, Profile: "Unavailable"},
		Inactive: presence.Activation{On: true, Status: presence.BeRightBack, Profile: "Be right back"}, InactiveAfter: 10 * time.Minute,
		Locked: presence.Activation{On: true, Status: presence.BeRightBack, Profile: "Be right back"},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
	if s.Relationships.Default != rights.Employee || s.Calendar.DaysAhead != 30 {
		t.Errorf("default relationship %s, %d days ahead", s.Relationships.Default, s.Calendar.DaysAhead)
	}
	// What one scope does to its settings, another that begins with the factory's never sees.
	s.Templates.Templates[0].Name = "changed"
	s.OwnProfiles.Permitted[0] = presence.Unavailable
	if f := Factory(); f.Templates.Templates[0].Name == "changed" || f.OwnProfiles.Permitted[0] == presence.Unavailable {
		t.Error("factory settings share memory")
	}
}

func TestSectionsAreStoredAndReadBack(t *testing.T) {
	t.Parallel()
	s := Factory()
	s.Templates.Templates = s.Templates.Templates[:5]
	s.OwnProfiles = OwnProfiles{Permitted: []presence.Status{presence.Busy}}
	s.Activation.Lock = EventRule{}
	s.Calendar.ShowAs = []presence.ShowAs{presence.ShowBusy}
	s.Feature.Enabled = false
	s.Teams = Teams{Sync: TeamsTelephony, UserMayChange: true, Connector: "app", Access: TeamsDelegated, Remember: true, KeepMinutes: 30}
	s.Microphone = Microphone{Enabled: true, Programs: []Program{{Process: "jitsi", Alias: "Jitsi"}}}
	s.Relationships = Relationships{Default: rights.Blocked, ExtendOnly: true}
	back := Factory()
	for _, name := range Sections() {
		if err := back.Set(name, s.Section(name)); err != nil {
			t.Fatalf("section %s: %v", name, err)
		}
	}
	if !reflect.DeepEqual(back, s) {
		t.Errorf("got %+v\nwant %+v", back, s)
	}
	if err := back.Set("forwarding", json.RawMessage(`{}`)); err == nil {
		t.Error("a section that there is not was set")
	}
	if back.Section("forwarding") != nil {
		t.Error("a section that there is not was given")
	}
	if err := back.Set(SectionFeature, json.RawMessage(`{"enabled":"yes"}`)); err == nil || back.Feature.Enabled {
		t.Errorf("a broken section: %v, enabled %t", err, back.Feature.Enabled)
	}
	// A section is replaced, not merged: what it does not say is not what was there before.
	if err := back.Set(SectionOwnProfiles, json.RawMessage(`{"allowed":true}`)); err != nil || len(back.OwnProfiles.Permitted) != 0 {
		t.Errorf("permitted %v, %v", back.OwnProfiles.Permitted, err)
	}
}

// TestTemplatesInUse (P6): an automatic activation that is switched on and the calendar need their templates.
func TestTemplatesInUse(t *testing.T) {
	t.Parallel()
	s := Factory()
	for template, want := range map[string]string{
		TemplateAvailable: "activation.start", TemplateUnavailable: "activation.end", TemplateBeRightBack: "activation.inactivity,activation.lock",
		TemplateAppointment: "calendar.profile", TemplateSick: "", "nothing": "",
	} {
		var at []string
		for _, u := range s.Uses(template) {
			at = append(at, u.Field)
		}
		if got := strings.Join(at, ","); got != want {
			t.Errorf("template %s is used by %q, want %q", template, got, want)
		}
	}
	s.Activation.Inactivity.On = false
	s.Activation.Lock.On = false
	if uses := s.Uses(TemplateBeRightBack); len(uses) > 0 {
		t.Errorf("events that are switched off need %v", uses)
	}
	for _, broken := range []func(*Settings){
		func(s *Settings) { s.Template(TemplateAvailable).Active = false },
		func(s *Settings) { s.Templates.Templates = s.Templates.Templates[1:] },
	} {
		s := Factory()
		broken(&s)
		if got := fields(s.Check()); !slices.Equal(got, []string{"activation.start.profile"}) {
			t.Errorf("a template that is used and not offered: %q", got)
		}
	}
}

// TestPermittedStatuses (P8): available and logged out can never be taken away.
func TestPermittedStatuses(t *testing.T) {
	t.Parallel()
	o := OwnProfiles{Permitted: []presence.Status{presence.Busy}}
	for _, s := range presence.Statuses() {
		want := s == presence.Available || s == presence.LoggedOut || s == presence.Busy
		if o.Permits(s) != want {
			t.Errorf("%s is permitted: %t, want %t", s, !want, want)
		}
	}
	s := Factory()
	s.OwnProfiles.Permitted = []presence.Status{presence.Busy}
	own := Own{Profiles: []Profile{
		{ID: "1", Name: "Out", Status: presence.Unavailable, Forwarding: Forwarding{Action: ForwardKeep}},
		{ID: "2", Name: "In", Status: presence.Available, Forwarding: Forwarding{Action: ForwardKeep}},
		{ID: "3", Name: "Full", Status: presence.Busy, Forwarding: Forwarding{Action: ForwardKeep}},
	}}
	if got := fields(own.Check(&s, &Own{})); !slices.Equal(got, []string{"profiles[0].status"}) {
		t.Errorf("wrong is %q", got)
	}
	// What was made before the status was taken away stays, and does not keep its owner from adding another.
	before := own
	own.Profiles = append(slices.Clone(own.Profiles), Profile{ID: "4", Name: "Also full", Status: presence.Busy, Forwarding: Forwarding{Action: ForwardKeep}})
	if err := own.Check(&s, &before); err != nil {
		t.Errorf("a profile cannot be added any more: %v", err)
	}
}

// TestUserCannotChange is P9, event by event: setting "cannot change" puts the central value in force at once and
// discards the person's own; setting "may change" again does not bring it back; then the person changes it again.
func TestUserCannotChange(t *testing.T) {
	t.Parallel()
	for _, e := range Events() {
		s := Factory()
		others := map[Event]OnEvent{}
		own := Own{Activation: map[Event]OnEvent{}, Favourites: []string{"bob"}}
		for _, x := range Events() {
			own.Activation[x] = OnEvent{On: true, Profile: TemplateDoNotDisturb, Minutes: map[bool]int{true: 25}[x == EventInactivity]}
			if x != e {
				others[x] = own.Activation[x]
			}
		}
		mine := own.Activation[e]
		if got := s.Event(&own, e); got != mine {
			t.Errorf("%s: in force is %+v, not the own value", e, got)
		}

		s.Activation.Rule(e).UserMayChange = false
		central := s.Activation.Rule(e).OnEvent
		if got := s.Event(&own, e); got != central {
			t.Errorf("%s: cannot be changed, but in force is %+v", e, got)
		}
		kept, changed := own.Discard(&s)
		if !changed || !reflect.DeepEqual(kept.Activation, others) || len(kept.Favourites) != 1 {
			t.Errorf("%s: of %+v is kept %+v", e, own, kept)
		}
		if len(own.Activation) != len(Events()) {
			t.Errorf("%s: Discard changed its argument", e)
		}

		s.Activation.Rule(e).UserMayChange = true
		if got := s.Event(&kept, e); got != central {
			t.Errorf("%s: may be changed again, and in force is %+v", e, got)
		}
		if _, changed := kept.Discard(&s); changed {
			t.Errorf("%s: something is discarded twice", e)
		}
		kept.Activation[e] = mine
		if err := kept.Check(&s, &Own{}); err != nil || s.Event(&kept, e) != mine {
			t.Errorf("%s: cannot be changed again: %v", e, err)
		}
	}
}

func TestCalendarOptionsAreDefaults(t *testing.T) {
	t.Parallel()
	s := Factory()
	own := Own{}
	if got := s.CalendarOptions(&own); !reflect.DeepEqual(got, s.Calendar.CalendarOptions) {
		t.Errorf("without own options: %+v", got)
	}
	mine := s.Calendar.CalendarOptions
	mine.DaysAhead, mine.SubjectAsText = 7, true
	own.Calendar = &mine
	s.Calendar.DaysAhead = 60 // reaches those who never changed theirs
	if got := s.CalendarOptions(&own).DaysAhead; got != 7 {
		t.Errorf("own options: %d days", got)
	}
	if got := s.CalendarOptions(&Own{}).DaysAhead; got != 60 {
		t.Errorf("central options: %d days", got)
	}
	s.Calendar.UserMayChange = false
	if got := s.CalendarOptions(&own).DaysAhead; got != 60 {
		t.Errorf("cannot be changed: %d days", got)
	}
	if kept, changed := own.Discard(&s); !changed || kept.Calendar != nil {
		t.Errorf("cannot be changed: %+v is kept", kept.Calendar)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	full := Own{
		Activation: map[Event]OnEvent{EventLock: {}}, Calendar: &CalendarOptions{}, Profiles: []Profile{{ID: "1", Name: "Lab"}}, Favourites: []string{"bob"},
	}
	for _, keep := range []bool{true, false} {
		left, changed := full.Reset(keep)
		if !changed || left.Activation != nil || left.Calendar != nil || (len(left.Profiles) == 1) != keep || len(left.Favourites) != 1 {
			t.Errorf("keep %t: left is %+v", keep, left)
		}
		if again, changed := left.Reset(keep); changed || !reflect.DeepEqual(again, left) {
			t.Errorf("keep %t: resetting again changes %+v to %+v", keep, left, again)
		}
	}
	if _, changed := (Own{Profiles: full.Profiles}).Reset(true); changed {
		t.Error("a reset that keeps profiles touches somebody who has only those")
	}
}

// TestOwnProfiles (P7): own ones first, in their order; switched off they are neither offered nor in force, and back
// when they are allowed again.
func TestOwnProfiles(t *testing.T) {
	t.Parallel()
	s := Factory()
	own := Own{
		Profiles: []Profile{
			{ID: "z", Name: "Lab", Status: presence.Busy}, {ID: "a", Name: "Lecture", Status: presence.DoNotDisturb}, {ID: "b", Name: "available", Status: presence.Busy},
		},
		Activation: map[Event]OnEvent{EventStart: {On: true, Profile: "z"}},
	}
	names := func() (names []string) {
		for _, p := range s.Profiles(&own) {
			names = append(names, p.Name)
		}
		return names
	}
	if got := names(); !slices.Equal(got[:4], []string{"Lab", "Lecture", "available", "Available"}) {
		t.Errorf("offered are %q", got)
	}
	if got := s.ProfileNamed(&own, "AVAILABLE"); got == nil || got.ID != "b" {
		t.Errorf("by name: %+v, not the own one", got)
	}
	if got := s.Presence(&own).Start; got.Profile != "Lab" || got.Status != presence.Busy {
		t.Errorf("at the start: %+v", got)
	}
	s.OwnProfiles.Allowed = false
	if got := names(); slices.Contains(got, "Lab") {
		t.Errorf("not allowed, but offered are %q", got)
	}
	if s.Profile(&own, "z") != nil || s.ProfileNamed(&own, "Lab") != nil {
		t.Error("not allowed, but found")
	}
	if got := s.Presence(&own).Start; got.Profile != "Available" {
		t.Errorf("the own profile is not allowed any more, and at the start: %+v", got)
	}
	s.OwnProfiles.Allowed = true
	if got := s.Presence(&own).Start; got.Profile != "Lab" {
		t.Errorf("allowed again, and at the start: %+v", got)
	}
	// A template that is not active is offered to nobody.
	s.Template(TemplateSick).Active = false
	if s.Profile(&own, TemplateSick) != nil || slices.Contains(names(), "Off sick") {
		t.Error("a template is offered that is not active")
	}
	own.Activation[EventEnd] = OnEvent{On: true, Profile: TemplateSick}
	if got := s.Presence(&own).End; got.Profile != "Unavailable" {
		t.Errorf("an own value names a template that is gone, and at the end: %+v", got)
	}
	// That value, which is no longer possible, keeps nobody from changing another.
	before := own
	own.Activation = map[Event]OnEvent{EventEnd: before.Activation[EventEnd], EventLock: {}}
	if err := own.Check(&s, &before); err != nil {
		t.Errorf("the value for lock cannot be changed: %v", err)
	}
}

func TestTemplatesInUseByOwnSettings(t *testing.T) {
	t.Parallel()
	s := Factory()
	options := s.Calendar.CalendarOptions
	options.Profile, options.DaysAhead = TemplateBreak, 7
	own := Own{Activation: map[Event]OnEvent{EventEnd: {On: true, Profile: TemplateHoliday}, EventLock: {Profile: TemplateSick}}, Calendar: &options}
	uses := func(want ...string) {
		t.Helper()
		var got []string
		for _, x := range s.Templates.Templates {
			if own.Uses(&s, x.ID) {
				got = append(got, x.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("they use %q, want %q", got, want)
		}
	}
	uses(TemplateBreak, TemplateHoliday)
	s.Activation.End.UserMayChange = false
	uses(TemplateBreak)
	// Of the options with a profile that is gone the rest holds.
	s.Template(TemplateBreak).Active = false
	if got := s.CalendarOptions(&own); got.Profile != TemplateAppointment || got.DaysAhead != 7 || own.Calendar.Profile != TemplateBreak {
		t.Errorf("in force is %+v, stored %+v", got, own.Calendar)
	}
	s.Calendar.UserMayChange = false
	uses()
}

func TestAnOwnProfileWhoseStatusIsNotPermittedAnyMore(t *testing.T) {
	t.Parallel()
	s := Factory()
	own := Own{
		Profiles: []Profile{
			{ID: "x", Name: "Exam", Status: presence.DoNotDisturb, Forwarding: Forwarding{Action: ForwardKeep}},
			{ID: "y", Name: "Reading", Status: presence.Busy, Forwarding: Forwarding{Action: ForwardKeep}},
		},
		Activation: map[Event]OnEvent{EventLock: {On: true, Profile: "x"}, EventEnd: {On: true, Profile: "y"}},
	}
	want := func(offered bool, lock string) {
		t.Helper()
		listed := slices.ContainsFunc(s.Profiles(&own), func(p Profile) bool { return p.ID == "x" })
		if listed != offered || (s.Profile(&own, "x") != nil) != offered || (s.ProfileNamed(&own, "exam") != nil) != offered {
			t.Errorf("listed %t, found %+v, by name %+v; want offered %t", listed, s.Profile(&own, "x"), s.ProfileNamed(&own, "exam"), offered)
		}
		if p := s.Presence(&own); p.Locked.Profile != lock || p.End.Profile != "Reading" {
			t.Errorf("locked gives %q and the end %q, want %q and Reading", p.Locked.Profile, p.End.Profile, lock)
		}
	}
	want(true, "Exam")
	s.OwnProfiles.Permitted = []presence.Status{presence.Busy}
	want(false, "Be right back")
	// It can be chosen for nothing, and what was chosen before keeps nobody from changing the rest.
	before := own
	own.Activation = map[Event]OnEvent{EventLock: before.Activation[EventLock], EventStart: {On: true, Profile: "x"}}
	if got := fields(own.Check(&s, &before)); !slices.Equal(got, []string{"activation.start.profile"}) {
		t.Errorf("wrong is %q", got)
	}
	own = before
	s.OwnProfiles.Permitted = []presence.Status{presence.Busy, presence.DoNotDisturb}
	want(true, "Exam")
}

func TestOwnIsReadBack(t *testing.T) {
	t.Parallel()
	o, err := ParseOwn(nil)
	if err != nil || !reflect.DeepEqual(o, Own{}) {
		t.Errorf("nothing is read as %+v, %v", o, err)
	}
	want := Own{Activation: map[Event]OnEvent{EventLock: {On: true, Profile: "x"}}, Favourites: []string{"a"}}
	if got, err := ParseOwn(want.JSON()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := ParseOwn(json.RawMessage(`{"profiles":7}`)); err == nil {
		t.Error("nonsense is read")
	}
}

// TestWrongSettingsNameTheirFields: every sentence of Check says where.
func TestWrongSettingsNameTheirFields(t *testing.T) {
	t.Parallel()
	template := func(s *Settings) *Template { return &s.Templates.Templates[6] }
	for want, breakIt := range map[string]func(*Settings){
		"templates[6].name":              func(s *Settings) { template(s).Name = "  " },
		"templates[6].name ":             func(s *Settings) { template(s).Name = strings.Repeat("ä", MaxName+1) },
		"templates[6].name  ":            func(s *Settings) { template(s).Name = "a\nb" },
		"templates[6].name   ":           func(s *Settings) { template(s).Name = "BREAK" },
		"templates[6].text":              func(s *Settings) { template(s).Text = strings.Repeat("ä", MaxText+1) },
		"templates[6].text ":             func(s *Settings) { template(s).Text = "a\x00b" },
		"templates[6].text  ":            func(s *Settings) { template(s).Text = "\xff" },
		"templates[6].user_forwarding":   func(s *Settings) { template(s).UserForwarding = "all" },
		"templates[6].forwarding":        func(s *Settings) { template(s).Forwarding = Forwarding{Action: ForwardOff, Number: "1"} },
		"templates[6].forwarding.action": func(s *Settings) { template(s).Forwarding.Action = "" },
		"templates[6].forwarding.target": func(s *Settings) { template(s).Forwarding = Forwarding{Action: ForwardTo} },
		"templates[6].forwarding.number": func(s *Settings) { template(s).Forwarding = Forwarding{Action: ForwardTo, Target: TargetNumber} },
		"templates[6].forwarding.number ": func(s *Settings) {
			template(s).Forwarding = Forwarding{Action: ForwardTo, Target: TargetNumber, Number: "call me"}
		},
		"templates[6].forwarding.number  ": func(s *Settings) {
			template(s).Forwarding = Forwarding{Action: ForwardTo, Target: TargetHome, Number: "1"}
		},
		"templates[6].id":                func(s *Settings) { template(s).ID = s.Templates.Templates[5].ID },
		"own_profiles.permitted[0]":      func(s *Settings) { s.OwnProfiles.Permitted = []presence.Status{presence.Available} },
		"own_profiles.permitted[1]":      func(s *Settings) { s.OwnProfiles.Permitted = []presence.Status{presence.Busy, presence.Busy} },
		"activation.end.profile":         func(s *Settings) { s.Activation.End.Profile = "gone" },
		"activation.end.minutes":         func(s *Settings) { s.Activation.End.Minutes = 5 },
		"activation.inactivity.minutes":  func(s *Settings) { s.Activation.Inactivity.Minutes = 0 },
		"activation.inactivity.minutes ": func(s *Settings) { s.Activation.Inactivity.Minutes = 1441 },
		"calendar.days_ahead":            func(s *Settings) { s.Calendar.DaysAhead = 0 },
		"calendar.days_ahead ":           func(s *Settings) { s.Calendar.DaysAhead = 366 },
		"calendar.profile":               func(s *Settings) { s.Calendar.Profile = "" },
		"calendar.show_as[0]":            func(s *Settings) { s.Calendar.ShowAs = []presence.ShowAs{presence.ShowFree} },
		"calendar.show_as[1]":            func(s *Settings) { s.Calendar.ShowAs = []presence.ShowAs{presence.ShowBusy, presence.ShowBusy} },
		"calendar.only_with_category":    func(s *Settings) { s.Calendar.CategoryProfiles, s.Calendar.OnlyWithCategory = false, true },
		"teams.sync":                     func(s *Settings) { s.Teams.Sync = "everything" },
		"teams.access":                   func(s *Settings) { s.Teams.Access = "everybody" },
		"teams.keep_minutes":             func(s *Settings) { s.Teams.KeepMinutes = 721 },
		"microphone.programs[0].process": func(s *Settings) { s.Microphone.Programs = []Program{{Process: " ", Alias: "x"}} },
		"microphone.programs[1].process": func(s *Settings) {
			s.Microphone.Programs = []Program{{Process: "zoom", Alias: "x"}, {Process: "ZOOM", Alias: "y"}}
		},
		"microphone.programs[0].process ":  func(s *Settings) { s.Microphone.Programs = []Program{{Process: "Zoom.EXE", Alias: "x"}} },
		"microphone.programs[0].process  ": func(s *Settings) { s.Microphone.Programs = []Program{{Process: `C:\zoom`, Alias: "x"}} },
		"microphone.programs[0].alias":     func(s *Settings) { s.Microphone.Programs[0].Alias = "a\nb" },
		"relationships.default":            func(s *Settings) { s.Relationships.Default = rights.Self },
		"templates":                        func(s *Settings) { s.Templates.Templates = many(s.Templates.Templates) },
	} {
		s := Factory()
		breakIt(&s)
		err := s.Check()
		if got := fields(err); !slices.Equal(got, []string{strings.TrimSpace(want)}) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("want a sentence about %s, got %q (%v)", strings.TrimSpace(want), got, err)
		}
	}
	for want, breakIt := range map[string]func(*Own, *Settings){
		"activation.lunch": func(o *Own, _ *Settings) { o.Activation = map[Event]OnEvent{"lunch": {}} },
		"activation.lock": func(o *Own, s *Settings) {
			o.Activation, s.Activation.Lock.UserMayChange = map[Event]OnEvent{EventLock: {}}, false
		},
		"activation.lock.profile": func(o *Own, _ *Settings) { o.Activation = map[Event]OnEvent{EventLock: {On: true}} },
		"activation.inactivity.minutes": func(o *Own, _ *Settings) {
			o.Activation = map[Event]OnEvent{EventInactivity: {On: true, Profile: TemplateBreak}}
		},
		"calendar":            func(o *Own, s *Settings) { o.Calendar, s.Calendar.UserMayChange = &CalendarOptions{}, false },
		"calendar.days_ahead": func(o *Own, _ *Settings) { o.Calendar = &CalendarOptions{Profile: TemplateBreak} },
		"profiles[0].name": func(o *Own, _ *Settings) {
			o.Profiles = []Profile{{ID: "1", Forwarding: Forwarding{Action: ForwardKeep}}}
		},
	} {
		s, o := Factory(), Own{}
		breakIt(&o, &s)
		if got := fields(o.Check(&s, &Own{})); !slices.Equal(got, []string{want}) {
			t.Errorf("own settings: want a sentence about %s, got %q", want, got)
		}
	}
}

func many(list []Template) []Template {
	for i := len(list); i <= MaxProfiles; i++ {
		t := list[0]
		t.ID, t.Name = fmt.Sprint("id ", i), fmt.Sprint("Template ", i)
		list = append(list, t)
	}
	return list
}
