package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
)

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // plain data
		panic(err)
	}
	return b
}

func (s *Server) getProfiles(ctx context.Context, in *PersonPath) (*Out[Profiles], error) {
	p, _, l, err := s.subjectWith(ctx, in.Person, rights.Status, true)
	if err != nil {
		return nil, err
	}
	out := Profiles{Own: []policy.Profile{}, Templates: []policy.Template{}, Permitted: notNil(p.Settings.OwnProfiles.Permitted)}
	if rights.MayRead(l, rights.Own) {
		out.OwnAllowed = p.Settings.OwnProfiles.Allowed
		if out.OwnAllowed {
			out.Own = notNil(p.Own.Profiles)
		}
	}
	for _, t := range p.Settings.Templates.Templates {
		if !t.Active {
			continue
		}
		if !rights.MayRead(l, rights.Forwarding) {
			t.Forwarding = policy.Forwarding{Action: policy.ForwardKeep}
		}
		out.Templates = append(out.Templates, t)
	}
	return &Out[Profiles]{out}, nil
}

func (s *Server) putProfiles(ctx context.Context, in *OwnProfilesInput) (*Out[Profiles], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	if !p.Settings.OwnProfiles.Allowed {
		return nil, fault.New(fault.Forbidden, "own profiles are not allowed here")
	}
	err = s.office.ChangeOwn(ctx, c.by(), "profiles.put", p.ID, func(old *office.Person, o *policy.Own) error {
		var bad fault.Fields
		for i, f := range in.Body.Own {
			known := slices.ContainsFunc(old.Own.Profiles, func(x policy.Profile) bool { return x.ID == f.ID })
			if f.ID != "" && !known {
				bad.Add(indexed("own", i)+".id", "there is no own profile %q", f.ID)
			}
		}
		o.Profiles = in.Body.Own
		// Own values that name a profile which is gone return to the central one.
		for e, v := range o.Activation {
			gone := slices.ContainsFunc(old.Own.Profiles, func(x policy.Profile) bool { return x.ID == v.Profile }) &&
				!slices.ContainsFunc(o.Profiles, func(x policy.Profile) bool { return x.ID == v.Profile })
			if gone {
				delete(o.Activation, e)
			}
		}
		if c := o.Calendar; c != nil && slices.ContainsFunc(old.Own.Profiles, func(x policy.Profile) bool { return x.ID == c.Profile }) &&
			!slices.ContainsFunc(o.Profiles, func(x policy.Profile) bool { return x.ID == c.Profile }) {
			options := *c
			options.Profile = old.Settings.Calendar.Profile
			o.Calendar = &options
		}
		return bad.Err()
	})
	if err != nil {
		return nil, err
	}
	return s.getProfiles(ctx, &PersonPath{p.ID})
}

func (s *Server) settings(p *office.Person) PersonSettings {
	out := PersonSettings{Activation: map[policy.Event]EventSetting{}, Language: p.Language, TimeZone: p.TimeZone}
	for _, e := range policy.Events() {
		x := EventSetting{Central: *p.Settings.Activation.Rule(e), Effective: p.Settings.Event(&p.Own, e)}
		if v, ok := p.Own.Activation[e]; ok {
			x.Own = &v
		}
		out.Activation[e] = x
	}
	out.Calendar = CalendarSetting{Central: p.Settings.Calendar, Own: p.Own.Calendar, Effective: p.Settings.CalendarOptions(&p.Own)}
	out.Teams = teamsSetting(p)
	return out
}

func (s *Server) getPersonSettings(ctx context.Context, in *PersonPath) (*Out[PersonSettings], error) {
	p, _, _, err := s.subjectWith(ctx, in.Person, rights.Own, false)
	if err != nil {
		return nil, err
	}
	return &Out[PersonSettings]{s.settings(p)}, nil
}

func (s *Server) putPersonSettings(ctx context.Context, in *PersonSettingsInput) (*Out[PersonSettings], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	err = s.office.ChangePreferences(ctx, c.by(), p.ID, in.Body.Language, in.Body.TimeZone, func(_ *office.Person, o *policy.Own) error {
		o.Activation, o.Calendar, o.Teams = in.Body.Activation, in.Body.Calendar, in.Body.Teams
		return nil
	})
	if err != nil {
		return nil, err
	}
	p, ok := s.office.Person(p.ID)
	if !ok {
		return nil, noPerson(in.Person)
	}
	return &Out[PersonSettings]{s.settings(p)}, nil
}

func (s *Server) postPersonReset(ctx context.Context, in *PersonResetInput) (*Out[ResetResult], error) {
	var p *office.Person
	c := callerOf(ctx)
	var err error
	if c.isAdmin() {
		p, _, err = s.target(ctx, in.Person)
	} else {
		p, _, _, err = s.subjectWith(ctx, in.Person, rights.Own, true)
	}
	if err != nil {
		return nil, err
	}
	n, err := s.office.ResetPerson(ctx, c.by(), p.ID, in.Body.KeepProfiles, in.Body.DryRun)
	return &Out[ResetResult]{ResetResult{People: n, Done: !in.Body.DryRun}}, err
}

func (s *Server) getRelationships(ctx context.Context, in *RelationshipsQuery) (*Out[RelationshipList], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, false)
	if err != nil {
		return nil, err
	}
	out := RelationshipList{
		Default: p.Settings.Relationships.Default, ExtendOnly: p.Settings.Relationships.ExtendOnly && !p.VIP, Relationships: []Relationship{},
	}
	q := strings.TrimSpace(in.Q)
	position := ""
	s.office.Relations(p.ID, in.After, func(r office.Relation) bool {
		switch {
		case !s.mayName(p.ID, r.Viewer.ID), c.person.ID != p.ID && !s.mayName(c.person.ID, r.Viewer.ID):
		case q == "" && r.Own == nil && r.Effective == out.Default:
		case q != "" && !r.Viewer.Matches(q):
		case len(out.Relationships) == in.Limit:
			out.Next = position
			return false
		default:
			position = r.Viewer.Position()
			out.Relationships = append(out.Relationships, s.relationshipOut(p.ID, r))
		}
		return true
	})
	named := len(out.Relationships)
	if out.Next == "" && q == "" && c.person.ID == p.ID { // the nameless come last: their place would tell of the name
		s.office.Relations(p.ID, "", func(r office.Relation) bool {
			if r.Own != nil && !s.mayName(p.ID, r.Viewer.ID) {
				out.Relationships = append(out.Relationships, s.relationshipOut(p.ID, r))
			}
			return true
		})
		slices.SortFunc(out.Relationships[named:], func(a, b Relationship) int { return strings.Compare(a.Viewer, b.Viewer) })
	}
	return &Out[RelationshipList]{out}, nil
}

// mayName reports whether somebody may be told that a person exists.
func (s *Server) mayName(viewer, id string) bool {
	return rights.MayRead(s.office.Level(viewer, id), rights.Name)
}

// relationshipOut tells an owner what somebody is to them. One who has blocked the owner is not named; the owner can take
// back all the same what they chose about them.
func (s *Server) relationshipOut(owner string, r office.Relation) Relationship {
	out := Relationship{Viewer: r.Viewer.ID, Administrative: r.Administrative, Own: r.Own, Effective: r.Effective}
	if s.mayName(owner, r.Viewer.ID) {
		out.Name = r.Viewer.Name
	}
	return out
}

func (s *Server) putRelationship(ctx context.Context, in *RelationshipInput) (*Out[Relationship], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	viewer, ok := s.office.Person(in.Viewer)
	relation, related := s.office.Relation(in.Viewer, p.ID)
	if !ok || !related || relation.Own == nil && !s.mayName(p.ID, viewer.ID) || c.person.ID != p.ID && !s.mayName(c.person.ID, viewer.ID) {
		return nil, noPerson(in.Viewer)
	}
	var level *rights.Level
	if in.Body.Level != "default" {
		l, err := rights.ParseLevel(in.Body.Level)
		if err != nil {
			return nil, fault.Bad("level", "%v", err)
		}
		level = &l
	}
	if err := s.office.SetRelationship(ctx, c.by(), p.ID, in.Viewer, level); err != nil {
		return nil, err
	}
	relation, _ = s.office.Relation(in.Viewer, p.ID)
	return &Out[Relationship]{s.relationshipOut(p.ID, relation)}, nil
}

func (s *Server) getSeen(ctx context.Context, in *PersonPath) (*Out[Seen], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, false)
	if err != nil {
		return nil, err
	}
	f, _, _ := s.facts(p.ID)
	byLevel := map[rights.Level]*SeenBy{}
	out := Seen{Levels: []SeenBy{}}
	for _, l := range rights.Levels() {
		x := SeenBy{Level: l, Names: []string{}}
		if card, ok := rights.SeeCard(l, &f); ok {
			x.Card = &card
		}
		byLevel[l] = &x
	}
	s.office.Relations(p.ID, "", func(r office.Relation) bool {
		x := byLevel[r.Effective]
		x.People++
		if len(x.Names) < 20 && s.mayName(p.ID, r.Viewer.ID) && (c.person.ID == p.ID || s.mayName(c.person.ID, r.Viewer.ID)) {
			x.Names = append(x.Names, r.Viewer.Name)
		}
		return true
	})
	for _, l := range rights.Levels() {
		out.Levels = append(out.Levels, *byLevel[l])
	}
	return &Out[Seen]{out}, nil
}

func (s *Server) export(ctx context.Context, p *office.Person, c caller) (*Out[Export], error) {
	out := Export{
		Person:        ExportPerson{PersonBody: personBody(p.Person), ID: p.ID, CreatedAt: p.CreatedAt},
		Profiles:      notNil(p.Own.Profiles),
		Settings:      s.settings(p),
		Favourites:    notNil(p.Own.Favourites),
		Relationships: []Relationship{},
		Calendars:     s.calendars(p.ID),
		Clients:       s.clients(p.ID),
		Teams:         s.personTeams(p),
		Lines:         s.personLines(ctx, p.ID, true).Lines,
		Identities:    s.identitiesOf(p.ID),
		Audit:         []AuditEntry{},
	}
	var err error
	if out.Sessions, err = s.sessionsOf(ctx, p.ID); err != nil {
		return nil, err
	}
	if d := p.Directory; d.ConnectorID != "" {
		from := ExportDirectory{Connector: d.ConnectorID, ID: d.ExternalID, Gone: d.Gone, Groups: []string{}}
		for _, g := range s.office.ProvidedGroupsOf(p.ID) {
			from.Groups = append(from.Groups, g.Name)
		}
		out.Directory = &from
	}
	card, _ := s.card(p.ID, p.ID)
	out.Presence = card.Presence
	out.Explanation, _ = s.explanation(rights.Self, p.ID)
	now := time.Now().UTC()
	out.Agenda, _ = rights.SeeAgenda(rights.Self, s.appointments(p.ID, now.AddDate(0, 0, -31), now.AddDate(1, 0, 0)))
	s.office.Relations(p.ID, "", func(r office.Relation) bool {
		if r.Own != nil {
			out.Relationships = append(out.Relationships, s.relationshipOut(p.ID, r))
		}
		return true
	})
	entries, err := s.auditAbout(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	out.Audit = auditOut(entries, p.ID)
	return &Out[Export]{out}, nil
}
