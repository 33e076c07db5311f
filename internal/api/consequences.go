package api

import (
	"context"
	"maps"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/presence"
)

// Consequences say what a change of settings does now (B6). They count people, and name none.
type Consequences struct {
	People         int `json:"people" doc:"Whom the settings are for."`
	Presence       int `json:"presence" doc:"Whose presence changes."`
	Forwarding     int `json:"forwarding" doc:"Whose telephone line is forwarded in another way than before, of those who have one that follows their presence."`
	MissingNumbers int `json:"missing_numbers" doc:"Whose telephone line would be forwarded to a number of their own that is not entered (F3)."`
	Discarded      int `json:"discarded" doc:"Who loses settings of their own."`
}

// SectionsInput changes several sections of a scope at once, or tells what that would do.
type SectionsInput struct {
	ScopePath
	Body struct {
		SectionParts
		Default []string          `json:"default,omitempty" maxItems:"9" enum:"feature,templates,own_profiles,activation,calendar,teams,telephony,microphone,relationships" doc:"Sections that return to the default."`
		Was     map[string]string `json:"was,omitempty" doc:"Versions of the sections as the caller has seen them, by name: if one that is changed here has changed since, nothing is changed."`
		DryRun  bool              `json:"dry_run,omitempty" doc:"Only tell what it would do."`
	}
}

// SectionsChanged tells what a change of sections did, or would do.
type SectionsChanged struct {
	Consequences Consequences `json:"consequences"`
	Done         bool         `json:"done"`
	Sections     []Section    `json:"sections" doc:"As they are now."`
}

func (s *Server) putSections(ctx context.Context, in *SectionsInput) (*Out[SectionsChanged], error) {
	b := in.Body
	settings, _, err := s.office.Settings(in.Scope)
	if err != nil {
		return nil, err
	}
	b.Templates, b.Activation, b.Calendar, b.Telephony = fresh(settings, b.Templates, b.Activation, b.Calendar, b.Telephony)
	var edits []office.SectionEdit
	given := b.given()
	for _, name := range policy.Sections() {
		if set, is := given[name]; is {
			edits = append(edits, office.SectionEdit{Name: name, Was: b.Was[name], Edit: func(next *policy.Settings) error { set(next); return nil }})
		}
	}
	var bad fault.Fields
	for _, name := range slices.Sorted(maps.Keys(b.Was)) {
		if !slices.Contains(policy.Sections(), name) {
			bad.Add("was."+name, "is no section")
		}
	}
	for i, name := range b.Default {
		if slices.ContainsFunc(edits, func(e office.SectionEdit) bool { return e.Name == name }) {
			bad.Add(indexed("default", i), "%s is given a value too, or named twice", name)
		}
		edits = append(edits, office.SectionEdit{Name: name, Was: b.Was[name]})
	}
	if len(edits) == 0 {
		bad.Add("default", "give at least one section")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	affected, err := s.office.ChangeSections(ctx, callerOf(ctx).by(), in.Scope, edits, true)
	if err != nil {
		return nil, err
	}
	out := SectionsChanged{Done: !b.DryRun}
	if out.Consequences, err = s.consequences(ctx, affected); err != nil {
		return nil, err
	}
	if !b.DryRun {
		if _, err := s.office.ChangeSections(ctx, callerOf(ctx).by(), in.Scope, edits, false); err != nil {
			return nil, err
		}
	}
	now, err := s.scopeSettings(in.Scope)
	out.Sections = now.Sections
	return &Out[SectionsChanged]{out}, err
}

// fresh gives templates an ID that the scope does not know yet, and puts it in the place of the one that the caller has
// chosen for them, if any, where the other sections name it: what is added can be used at once.
func fresh(
	settings *policy.Settings, t *policy.Templates, a *policy.Activation, c *policy.CalendarSection, tel *policy.Telephony,
) (*policy.Templates, *policy.Activation, *policy.CalendarSection, *policy.Telephony) {
	if t == nil {
		return t, a, c, tel
	}
	templates, ids := policy.Templates{Templates: slices.Clone(t.Templates)}, map[string]string{}
	for i := range templates.Templates {
		if x := &templates.Templates[i]; settings.Template(x.ID) == nil && !shippedTemplate(x.ID) {
			id := office.NewID()
			if x.ID != "" {
				ids[x.ID] = id
			}
			x.ID = id
		}
	}
	now := func(id *string) {
		if to, ok := ids[*id]; ok {
			*id = to
		}
	}
	if a != nil {
		activation := *a
		for _, e := range policy.Events() {
			now(&activation.Rule(e).Profile)
		}
		a = &activation
	}
	if c != nil {
		calendar := *c
		now(&calendar.Profile)
		c = &calendar
	}
	if tel != nil {
		telephony := *tel
		telephony.Codes = slices.Clone(tel.Codes)
		for i := range telephony.Codes {
			now(&telephony.Codes[i].Profile)
		}
		tel = &telephony
	}
	return &templates, a, c, tel
}

// shippedTemplate reports whether an ID is one of those that are the same everywhere.
func shippedTemplate(id string) bool {
	factory := policy.Factory()
	return factory.Template(id) != nil
}

// named gives the templates that have no ID one.
func named(t policy.Templates) policy.Templates {
	t.Templates = slices.Clone(t.Templates)
	for i := range t.Templates {
		if t.Templates[i].ID == "" {
			t.Templates[i].ID = office.NewID()
		}
	}
	return t
}

// consequences compares what people are now with what they would be.
func (s *Server) consequences(ctx context.Context, affected []office.Affected) (c Consequences, err error) {
	c.People = len(affected)
	now := hub.Now()
	for _, a := range affected {
		if a.Discarded {
			c.Discarded++
		}
		claims, _, ok := s.hub.Claims(a.Before.ID)
		if !ok {
			continue
		}
		was := presence.Resolve(claims, a.Before.Policy, now)
		if claims, err = s.agenda.Under(ctx, a.After, claims, now); err != nil {
			return c, err
		}
		is := presence.Resolve(claims, a.After.Policy, now)
		if was.Off != is.Off || was.Status != is.Status || was.Profile != is.Profile || was.Text != is.Text {
			c.Presence++
		}
		before, after := forwarding(a.Before, &was), forwarding(a.After, &is)
		if before != after {
			c.Forwarding++
		}
		if missing(a.After, after) {
			c.MissingNumbers++
		}
	}
	return c, nil
}

// forwarding is what somebody's active profile does with their telephone; of a presence without one, and of who has no line that follows it, nothing.
func forwarding(p *office.Person, is *presence.Presence) policy.Forwarding {
	if !slices.ContainsFunc(switchboard.LinesOf(p), func(l switchboard.Line) bool { return l.Forwards }) {
		return policy.Forwarding{Action: policy.ForwardKeep}
	}
	if f := p.Settings.ProfileNamed(&p.Own, is.Profile); !is.Off && is.Profile != "" && f != nil {
		return f.Forwarding
	}
	return policy.Forwarding{Action: policy.ForwardKeep}
}

// missing reports whether a forwarding goes to a number that the person has not.
func missing(p *office.Person, f policy.Forwarding) bool {
	if f.Action != policy.ForwardTo {
		return false
	}
	switch f.Target {
	case policy.TargetHome:
		return p.HomeNumber == ""
	case policy.TargetMobile:
		return p.MobileNumber == ""
	case policy.TargetVoicemail:
		return p.Voicemail == ""
	}
	return false
}
