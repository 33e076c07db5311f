package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/presence"
)

// Own is what a person has set for themselves. The zero value has set nothing.
type Own struct {
	Activation map[Event]OnEvent `json:"activation,omitempty"`
	Calendar   *CalendarOptions  `json:"calendar,omitempty"`
	Teams      *OwnTeams         `json:"teams,omitempty"`
	Profiles   []Profile         `json:"profiles,omitempty"`
	Favourites []string          `json:"favourites,omitempty"` // person IDs
}

// OwnTeams is what a person has set about Microsoft Teams (T1).
type OwnTeams struct {
	Sync TeamsSync `json:"sync" enum:"none,telephony,telephony_and_status"`
}

// ParseOwn reads the stored form; empty is the zero value.
func ParseOwn(value json.RawMessage) (Own, error) {
	var o Own
	if len(value) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(value, &o); err != nil {
		return Own{}, fmt.Errorf("own settings: %w", err)
	}
	return o, nil
}

// JSON returns the stored form.
func (o Own) JSON() json.RawMessage {
	value, err := json.Marshal(o)
	if err != nil { // plain data
		panic(err)
	}
	return value
}

// Discard returns o without the values that the settings do not let users change (P9): they are gone for good, and
// letting users change them again does not bring them back. changed tells whether anything was dropped.
func (o Own) Discard(s *Settings) (kept Own, changed bool) {
	kept = o
	for _, e := range Events() {
		if _, set := o.Activation[e]; set && !s.Activation.Rule(e).UserMayChange {
			if !changed {
				kept.Activation = maps.Clone(o.Activation)
			}
			delete(kept.Activation, e)
			changed = true
		}
	}
	if o.Calendar != nil && !s.Calendar.UserMayChange {
		kept.Calendar, changed = nil, true
	}
	if o.Teams != nil && !s.Teams.UserMayChange {
		kept.Teams, changed = nil, true
	}
	return kept, changed
}

// Reset returns what is left of o by "reset presence management settings" (P11). Favourites are no setting of it.
func (o Own) Reset(keepProfiles bool) (left Own, changed bool) {
	left = Own{Favourites: o.Favourites}
	if keepProfiles {
		left.Profiles = o.Profiles
	}
	return left, len(o.Activation) > 0 || o.Calendar != nil || o.Teams != nil || len(o.Profiles) > 0 && !keepProfiles
}

// Check returns what is wrong with own settings under the settings of their scope. What was so before is not looked
// at: an administrator may have changed what is permitted since, and that must not keep people from changing the rest.
func (o *Own) Check(s *Settings, before *Own) error {
	var bad fault.Fields
	profiles := make([]*Profile, len(o.Profiles))
	for i := range o.Profiles {
		p := &o.Profiles[i]
		profiles[i] = p
		if !s.OwnProfiles.Permits(p.Status) && !slices.Contains(before.Profiles, *p) {
			bad.Add(index("profiles", i)+".status", "%s is not permitted here", p.Status)
		}
	}
	if !slices.Equal(o.Profiles, before.Profiles) {
		checkProfiles("profiles", profiles, &bad)
	}
	known := func(id string) bool { return o.find(s, id) != nil }
	for _, e := range slices.Sorted(maps.Keys(o.Activation)) {
		v := o.Activation[e]
		if old, set := before.Activation[e]; set && old == v {
			continue
		}
		at := "activation." + string(e)
		if !slices.Contains(Events(), e) {
			bad.Add(at, "is none of %q", Events())
			continue
		}
		if !s.Activation.Rule(e).UserMayChange {
			bad.Add(at, "is set by the administrator and cannot be changed")
			continue
		}
		v.check(at, e, known, &bad)
	}
	if o.Calendar != nil && (before.Calendar == nil || !reflect.DeepEqual(*o.Calendar, *before.Calendar)) {
		if !s.Calendar.UserMayChange {
			bad.Add("calendar", "is set by the administrator and cannot be changed")
		} else {
			o.Calendar.check("calendar", known, &bad)
		}
	}
	if o.Teams != nil && (before.Teams == nil || *o.Teams != *before.Teams) {
		if !s.Teams.UserMayChange {
			bad.Add("teams", "is set by the administrator and cannot be changed")
		} else {
			o.Teams.Sync.check("teams.sync", &bad)
		}
	}
	return bad.Err()
}

// offers reports whether an own profile may be used at present: own profiles are allowed, and its status is permitted
// (P8). Where not, it is kept until it may be again.
func (s *Settings) offers(own *Profile) bool {
	return s.OwnProfiles.Allowed && s.OwnProfiles.Permits(own.Status)
}

// find returns a profile by ID: an own one that may be used, or an active template.
func (o *Own) find(s *Settings, id string) *Profile {
	for i := range o.Profiles {
		if p := &o.Profiles[i]; p.ID == id && s.offers(p) {
			return p
		}
	}
	if t := s.Template(id); t != nil && t.Active {
		return &t.Profile
	}
	return nil
}

// Profiles returns what a person is offered: their own that may be used first, in their order, then the active
// templates.
func (s *Settings) Profiles(o *Own) []Profile {
	var all []Profile
	for i := range o.Profiles {
		if s.offers(&o.Profiles[i]) {
			all = append(all, o.Profiles[i])
		}
	}
	for _, t := range s.Templates.Templates {
		if t.Active {
			all = append(all, t.Profile)
		}
	}
	return all
}

// Profile returns an offered profile by ID, nil if it is not offered.
func (s *Settings) Profile(o *Own, id string) *Profile { return o.find(s, id) }

// ProfileNamed returns the offered profile of a name, own ones first; nil if there is none.
func (s *Settings) ProfileNamed(o *Own, name string) *Profile {
	for _, p := range s.Profiles(o) {
		if sameName(p.Name, name) {
			return &p
		}
	}
	return nil
}

// Event returns the value of an event that is in force for a person: their own if they have set one and may, and
// the profile in it is still offered, otherwise the central one.
func (s *Settings) Event(o *Own, e Event) OnEvent {
	central := s.Activation.Rule(e)
	if v, set := o.Activation[e]; set && central.UserMayChange && (!v.On || o.find(s, v.Profile) != nil) {
		return v
	}
	return central.OnEvent
}

// CalendarOptions returns the options in force for a person: their own if they have set some and may. If the profile in
// them is not offered any more, it is the central one.
func (s *Settings) CalendarOptions(o *Own) CalendarOptions {
	if o.Calendar == nil || !s.Calendar.UserMayChange {
		return s.Calendar.CalendarOptions
	}
	options := *o.Calendar
	if o.find(s, options.Profile) == nil {
		options.Profile = s.Calendar.Profile
	}
	return options
}

// TeamsSync returns what is synchronised with Microsoft Teams for a person: their own value if they have set one and may.
// Nothing is where there is no connector, or presence is switched off (P10).
func (s *Settings) TeamsSync(o *Own) TeamsSync {
	switch {
	case s.Teams.Connector == "" || !s.Feature.Enabled:
		return TeamsNone
	case o.Teams != nil && s.Teams.UserMayChange:
		return o.Teams.Sync
	}
	return s.Teams.Sync
}

// TeamsProfile returns the profile of a person while they are in a call in Microsoft Teams (T2): the offered one called
// "MS Teams", else the template for appointments; nil if neither is offered.
func (s *Settings) TeamsProfile(o *Own) *Profile { return s.orAppointment(o, NameTeams) }

// MicrophoneProfile returns the profile of a person while a program records (M2): the offered one called "MicSync", else the template for
// appointments; nil if neither is offered.
func (s *Settings) MicrophoneProfile(o *Own) *Profile { return s.orAppointment(o, NameMicrophone) }

func (s *Settings) orAppointment(o *Own, name string) *Profile {
	if p := s.ProfileNamed(o, name); p != nil {
		return p
	}
	if t := s.Template(TemplateAppointment); t != nil && t.Active {
		return &t.Profile
	}
	return nil
}

// DoNotDisturbProfile returns the profile of a person who presents in Microsoft Teams (T1): the first with that status, of
// their own in their order (P7), else of the templates; nil if none is offered.
func (s *Settings) DoNotDisturbProfile(o *Own) *Profile {
	for _, p := range s.Profiles(o) {
		if p.Status == presence.DoNotDisturb {
			return &p
		}
	}
	return nil
}

// Uses reports whether own settings that are in force under those of their scope need a template, as
// [Settings.Uses] does for the scope itself.
func (o *Own) Uses(s *Settings, templateID string) bool {
	for e, v := range o.Activation {
		if v.On && v.Profile == templateID && slices.Contains(Events(), e) && s.Activation.Rule(e).UserMayChange {
			return true
		}
	}
	return o.Calendar != nil && o.Calendar.Profile == templateID && s.Calendar.UserMayChange
}

// Presence returns the policy that package presence applies to a person.
func (s *Settings) Presence(o *Own) *presence.Policy {
	find := func(id string) *Profile { return o.find(s, id) }
	inactivity := s.Event(o, EventInactivity)
	return &presence.Policy{
		Off:           !s.Feature.Enabled,
		Start:         activation(s.Event(o, EventStart), find),
		End:           activation(s.Event(o, EventEnd), find),
		Inactive:      activation(inactivity, find),
		InactiveAfter: minutes(inactivity.Minutes),
		Locked:        activation(s.Event(o, EventLock), find),
	}
}
