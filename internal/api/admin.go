package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// LocationPath names a location. Paths are exported because they are embedded: what is not, is not filled in.
type LocationPath struct {
	Location string `path:"location" maxLength:"64"`
}

// GroupPath names a group of any kind.
type GroupPath struct {
	Group string `path:"group" maxLength:"64"`
}

// TokenPath names a token.
type TokenPath struct {
	Token string `path:"token" maxLength:"64"`
}

// In wraps a request body.
type In[T any] struct{ Body T }

type locationInput struct {
	LocationPath
	Body Location
}

type duplicateInput struct {
	LocationPath
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"120"`
	}
}

// The inputs of groups differ in where they belong.
type (
	groupNew   In[Group]
	groupInput struct {
		GroupPath
		Body Group
	}
	groupDelete struct{ GroupPath }

	workGroupNew   In[WorkGroup]
	workGroupInput struct {
		GroupPath
		Body WorkGroup
	}
	workGroupDelete struct{ GroupPath }

	monitoringGroupNew   In[MonitoringGroup]
	monitoringGroupInput struct {
		GroupPath
		Body MonitoringGroup
	}
	monitoringGroupDelete struct{ GroupPath }

	recordPath struct{ PersonPath }
)

// Lists.
type (
	// Locations are all locations.
	Locations struct {
		Locations []Location `json:"locations"`
	}
	// Groups are all configuration groups.
	Groups struct {
		Groups []Group `json:"groups"`
	}
	// WorkGroups are all work groups.
	WorkGroups struct {
		WorkGroups []WorkGroup `json:"work_groups"`
	}
	// MonitoringGroups are all monitoring groups.
	MonitoringGroups struct {
		MonitoringGroups []MonitoringGroup `json:"monitoring_groups"`
	}
	// Tokens are all tokens, without their secrets.
	Tokens struct {
		Tokens []Token `json:"tokens"`
	}
)

func (s *Server) getLocations(ctx context.Context, _ *listed) (*Out[Locations], error) {
	all, count := s.office.Locations()
	out := Locations{Locations: []Location{}}
	for _, l := range all {
		if !callerOf(ctx).administers(l.ID) {
			continue
		}
		out.Locations = append(out.Locations, Location{ID: l.ID, Name: l.Name, TimeZone: l.TimeZone, People: count[l.ID]})
	}
	return &Out[Locations]{out}, nil
}

func (s *Server) postLocation(ctx context.Context, in *In[Location]) (*Out[Location], error) {
	return s.enterLocation(ctx, "", in.Body)
}

func (s *Server) putLocation(ctx context.Context, in *locationInput) (*Out[Location], error) {
	return s.enterLocation(ctx, in.Location, in.Body)
}

func (s *Server) enterLocation(ctx context.Context, id string, b Location) (*Out[Location], error) {
	l := store.Location{ID: id, Name: b.Name, TimeZone: b.TimeZone}
	if err := s.office.PutLocation(ctx, callerOf(ctx).by(), &l); err != nil {
		return nil, err
	}
	_, count := s.office.Locations()
	return &Out[Location]{Location{ID: l.ID, Name: l.Name, TimeZone: l.TimeZone, People: count[l.ID]}}, nil
}

func (s *Server) deleteLocation(ctx context.Context, in *LocationPath) (*struct{}, error) {
	return nil, s.office.DeleteLocation(ctx, callerOf(ctx).by(), in.Location)
}

func (s *Server) duplicateLocation(ctx context.Context, in *duplicateInput) (*Out[Location], error) {
	l, err := s.office.DuplicateLocation(ctx, callerOf(ctx).by(), in.Location, in.Body.Name)
	return &Out[Location]{Location{ID: l.ID, Name: l.Name, TimeZone: l.TimeZone}}, err
}

func (s *Server) getGroups(ctx context.Context, _ *listed) (*Out[Groups], error) {
	all, count := s.office.Groups()
	out := Groups{Groups: []Group{}}
	for _, g := range all {
		if !callerOf(ctx).administers(g.LocationID) {
			continue
		}
		out.Groups = append(out.Groups, Group{ID: g.ID, Location: g.LocationID, Name: g.Name, People: count[g.ID]})
	}
	return &Out[Groups]{out}, nil
}

func (s *Server) postGroup(ctx context.Context, in *groupNew) (*Out[Group], error) {
	return s.enterGroup(ctx, "", in.Body)
}

func (s *Server) putGroup(ctx context.Context, in *groupInput) (*Out[Group], error) {
	return s.enterGroup(ctx, in.Group, in.Body)
}

func (s *Server) enterGroup(ctx context.Context, id string, b Group) (*Out[Group], error) {
	g := store.Group{ID: id, LocationID: b.Location, Name: b.Name}
	if err := s.office.PutGroup(ctx, callerOf(ctx).by(), &g); err != nil {
		return nil, err
	}
	_, count := s.office.Groups()
	return &Out[Group]{Group{ID: g.ID, Location: g.LocationID, Name: g.Name, People: count[g.ID]}}, nil
}

func (s *Server) deleteGroup(ctx context.Context, in *groupDelete) (*struct{}, error) {
	return nil, s.office.DeleteGroup(ctx, callerOf(ctx).by(), in.Group)
}

func (s *Server) getScopeSettings(_ context.Context, in *ScopePath) (*Out[ScopeSettings], error) {
	out, err := s.scopeSettings(in.Scope)
	return &Out[ScopeSettings]{out}, err
}

func (s *Server) scopeSettings(scope string) (out ScopeSettings, err error) {
	settings, individual, err := s.office.Settings(scope)
	if err != nil {
		return out, err
	}
	for _, name := range policy.Sections() {
		out.Sections = append(out.Sections, sectionOut(settings, name, individual[name]))
	}
	return out, nil
}

func sectionOut(s *policy.Settings, name string, individual bool) Section {
	out := Section{Name: name, Individual: individual, Version: s.Version(name)}
	switch name {
	case policy.SectionFeature:
		out.Feature = &s.Feature
	case policy.SectionTemplates:
		out.Templates = &s.Templates
	case policy.SectionOwnProfiles:
		out.OwnProfiles = &s.OwnProfiles
	case policy.SectionActivation:
		out.Activation = &s.Activation
	case policy.SectionCalendar:
		out.Calendar = &s.Calendar
	case policy.SectionTeams:
		out.Teams = &s.Teams
	case policy.SectionTelephony:
		out.Telephony = &s.Telephony
	case policy.SectionMicrophone:
		out.Microphone = &s.Microphone
	case policy.SectionRelationships:
		out.Relationships = &s.Relationships
	}
	return out
}

func (s *Server) section(scope, name string) (*Out[Section], error) {
	settings, individual, err := s.office.Settings(scope)
	if err != nil {
		return nil, err
	}
	return &Out[Section]{sectionOut(settings, name, individual[name])}, nil
}

func (s *Server) putSection(ctx context.Context, in *SectionInput) (*Out[Section], error) {
	b := in.Body
	if b.Templates != nil {
		templates := named(*b.Templates)
		b.Templates = &templates
	}
	given := b.given()
	var bad fault.Fields
	for _, name := range policy.Sections() {
		switch _, is := given[name]; {
		case !is && name == in.Section:
			bad.Add(name, "must be given")
		case is && name != in.Section:
			bad.Add(name, "is not the section that is replaced")
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	err := s.office.ChangeSection(ctx, callerOf(ctx).by(), in.Scope, in.Section, func(next *policy.Settings) error {
		given[in.Section](next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.section(in.Scope, in.Section)
}

func (s *Server) postIndividual(ctx context.Context, in *SectionPath) (*Out[Section], error) {
	err := s.office.ChangeSection(ctx, callerOf(ctx).by(), in.Scope, in.Section, func(next *policy.Settings) error {
		factory := policy.Factory()
		return next.Set(in.Section, factory.Section(in.Section))
	})
	if err != nil {
		return nil, err
	}
	return s.section(in.Scope, in.Section)
}

func (s *Server) deleteSection(ctx context.Context, in *SectionPath) (*struct{}, error) {
	return nil, s.office.ChangeSection(ctx, callerOf(ctx).by(), in.Scope, in.Section, nil)
}

func (s *Server) postTemplate(ctx context.Context, in *TemplateNew) (*Out[policy.Template], error) {
	t := in.Body
	t.ID = office.NewID()
	return s.changeTemplates(ctx, in.Scope, t.ID, func(list []policy.Template) ([]policy.Template, error) {
		return append(list, t), nil
	})
}

func (s *Server) putTemplate(ctx context.Context, in *TemplateInput) (*Out[policy.Template], error) {
	return s.changeTemplates(ctx, in.Scope, in.Template, func(list []policy.Template) ([]policy.Template, error) {
		i := indexTemplate(list, in.Template)
		if i < 0 {
			return nil, fault.New(fault.NotFound, "there is no template %q", in.Template)
		}
		list[i] = in.Body
		list[i].ID = in.Template
		return list, nil
	})
}

func indexTemplate(list []policy.Template, id string) int {
	return slices.IndexFunc(list, func(t policy.Template) bool { return t.ID == id })
}

func (s *Server) deleteTemplate(ctx context.Context, in *TemplatePath) (*struct{}, error) {
	_, err := s.changeTemplates(ctx, in.Scope, in.Template, func(list []policy.Template) ([]policy.Template, error) {
		i := indexTemplate(list, in.Template)
		if i < 0 {
			return nil, fault.New(fault.NotFound, "there is no template %q", in.Template)
		}
		return slices.Delete(list, i, i+1), nil
	})
	return nil, err
}

// changeTemplates changes the list of templates of a scope, and answers with the one that has an ID.
func (s *Server) changeTemplates(ctx context.Context, scope, id string, edit func([]policy.Template) ([]policy.Template, error)) (*Out[policy.Template], error) {
	err := s.office.ChangeSection(ctx, callerOf(ctx).by(), scope, policy.SectionTemplates, func(next *policy.Settings) (err error) {
		next.Templates.Templates, err = edit(slices.Clone(next.Templates.Templates))
		return err
	})
	if err != nil {
		return nil, err
	}
	settings, _, err := s.office.Settings(scope)
	if err != nil {
		return nil, err
	}
	if t := settings.Template(id); t != nil {
		return &Out[policy.Template]{*t}, nil
	}
	return &Out[policy.Template]{}, nil
}

func (s *Server) postScopeReset(ctx context.Context, in *ScopeResetInput) (*Out[ResetResult], error) {
	n, err := s.office.ResetScope(ctx, callerOf(ctx).by(), in.Scope, in.Body.KeepProfiles, in.Body.DryRun)
	return &Out[ResetResult]{ResetResult{People: n, Done: !in.Body.DryRun}}, err
}

func personBody(p store.Person) PersonBody {
	var entered []Line
	for _, l := range p.Lines {
		entered = append(entered, Line{Connector: l.ConnectorID, Line: l.Line, Forwards: l.Forwards})
	}
	return PersonBody{
		Name: p.Name, Login: p.Login, Email: p.Email, Location: p.LocationID, Group: p.GroupID, WorkNumber: p.WorkNumber,
		MobileNumber: p.MobileNumber, HomeNumber: p.HomeNumber, Voicemail: p.Voicemail, TimeZone: p.TimeZone, Language: p.Language,
		Role: p.Role, Administers: notNil(p.Administers), VIP: p.VIP, Blocked: p.Blocked, Lines: entered,
	}
}

func (b *PersonBody) enter(p *store.Person) {
	p.Name, p.Login, p.Email, p.LocationID, p.GroupID = b.Name, b.Login, b.Email, b.Location, b.Group
	p.WorkNumber, p.MobileNumber, p.HomeNumber, p.Voicemail = b.WorkNumber, b.MobileNumber, b.HomeNumber, b.Voicemail
	p.TimeZone, p.Language, p.Role, p.VIP, p.Blocked = b.TimeZone, b.Language, b.Role, b.VIP, b.Blocked
	if p.Administers = slices.Compact(slices.Sorted(slices.Values(b.Administers))); len(p.Administers) == 0 {
		p.Administers = nil
	}
	if p.Role == "" {
		p.Role = office.RoleUser
	}
	p.Lines = nil
	for _, l := range b.Lines {
		p.Lines = append(p.Lines, store.Line{ConnectorID: l.Connector, Line: l.Line, Forwards: l.Forwards})
	}
}

func (s *Server) postPerson(ctx context.Context, in *PersonNew) (*Out[PersonRecord], error) {
	hash, err := newPassword(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	p := store.Person{CreatedAt: time.Now().UTC(), PasswordHash: hash}
	in.Body.enter(&p)
	if err := callerOf(ctx).mayAppoint(&store.Person{Role: office.RoleUser}, &p); err != nil {
		return nil, err
	}
	if err := s.office.PutPeople(ctx, callerOf(ctx).by(), "person.add", &p); err != nil {
		return nil, err
	}
	return callerOf(ctx).recordOut(p), nil
}

func (s *Server) putRecord(ctx context.Context, in *PersonInput) (*Out[PersonRecord], error) {
	old, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if c.person != nil && c.person.ID == old.ID && c.isAdmin() && (in.Body.Blocked || in.Body.Role != office.RoleAdmin) {
		return nil, fault.Bad("role", "you cannot take the administration away from yourself")
	}
	if err := c.mayGovern(old); err != nil {
		return nil, err
	}
	if in.Body.Password != "" && s.connectors.ChecksPasswords(&old.Person) {
		return nil, fault.Bad("password", "%s signs in with the password of a directory", old.Name)
	}
	hash, err := newPassword(ctx, in.Body.Password) // which takes long enough for them to change, or go
	if err != nil {
		return nil, err
	}
	p, err := s.office.ChangePerson(ctx, c.by(), "person.put", old.ID, func(p *store.Person) error {
		was := *p
		if err := c.mayGovern(&office.Person{Person: was}); err != nil {
			return err
		}
		if !c.administers(was.LocationID) {
			return fault.New(fault.Forbidden, "this is for administrators of the location")
		}
		in.Body.enter(p)
		if hash != "" {
			p.PasswordHash = hash
		}
		return c.mayAppoint(&was, p)
	})
	if err != nil {
		return nil, err
	}
	return callerOf(ctx).recordOut(p), nil
}

// newPassword checks and hashes a password that an administrator gives somebody; none has no hash.
func newPassword(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	var bad fault.Fields
	checkPassword("password", password, &bad)
	if err := bad.Err(); err != nil {
		return "", err
	}
	return secret.HashPassword(ctx, password)
}

// recordOut is a record for the caller, who is not told of what else somebody administers.
func (c caller) recordOut(p store.Person) *Out[PersonRecord] {
	out := PersonRecord{PersonBody: personBody(p), ID: p.ID, Directory: p.Directory.ConnectorID}
	if p.Directory.Gone { // they do not come from there any more
		out.Directory = ""
	}
	out.Administers = slices.DeleteFunc(slices.Clone(out.Administers), func(l string) bool { return !c.administers(l) })
	return &Out[PersonRecord]{out}
}

func (s *Server) getRecord(ctx context.Context, in *recordPath) (*Out[PersonRecord], error) {
	p, _, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return callerOf(ctx).recordOut(p.Person), nil
}

func (s *Server) deleteRecord(ctx context.Context, in *recordPath) (*struct{}, error) {
	p, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if c.person != nil && c.person.ID == p.ID {
		return nil, fault.New(fault.Conflict, "you cannot delete yourself")
	}
	if err := c.mayGovern(p); err != nil {
		return nil, err
	}
	return nil, s.office.DeletePerson(ctx, c.by(), p.ID)
}

func levelOf(word string) rights.Level {
	l, _ := rights.ParseLevel(word) // what is stored was checked
	return l
}

func (s *Server) workGroupOut(g store.WorkGroup) WorkGroup {
	return WorkGroup{ID: g.ID, Name: g.Name, Level: levelOf(g.Level), Members: s.byName(g.Members)}
}

func (s *Server) getWorkGroups(ctx context.Context, _ *listed) (*Out[WorkGroups], error) {
	out := WorkGroups{WorkGroups: []WorkGroup{}}
	for _, g := range s.office.WorkGroups() {
		if !callerOf(ctx).administersAll(s.locationOfPerson(g.Members...)) {
			continue
		}
		out.WorkGroups = append(out.WorkGroups, s.workGroupOut(g))
	}
	return &Out[WorkGroups]{out}, nil
}

func (s *Server) postWorkGroup(ctx context.Context, in *workGroupNew) (*Out[WorkGroup], error) {
	return s.enterWorkGroup(ctx, "", in.Body)
}

func (s *Server) putWorkGroup(ctx context.Context, in *workGroupInput) (*Out[WorkGroup], error) {
	return s.enterWorkGroup(ctx, in.Group, in.Body)
}

func (s *Server) enterWorkGroup(ctx context.Context, id string, b WorkGroup) (*Out[WorkGroup], error) {
	g := store.WorkGroup{ID: id, Name: b.Name, Level: b.Level.String(), Members: b.Members}
	if err := s.mayExpose(ctx, b.Level, b.Members); err != nil {
		return nil, err
	}
	if err := s.office.PutWorkGroup(ctx, callerOf(ctx).by(), &g); err != nil {
		return nil, err
	}
	return &Out[WorkGroup]{s.workGroupOut(g)}, nil
}

func (s *Server) deleteWorkGroup(ctx context.Context, in *workGroupDelete) (*struct{}, error) {
	return nil, s.office.DeleteWorkGroup(ctx, callerOf(ctx).by(), in.Group)
}

func (s *Server) monitoringGroupOut(g store.MonitoringGroup) MonitoringGroup {
	return MonitoringGroup{
		ID: g.ID, Name: g.Name, ObserverLevel: levelOf(g.ObserverLevel), MemberLevel: levelOf(g.MemberLevel),
		Observers: s.byName(g.Observers), Members: s.byName(g.Members),
	}
}

func (s *Server) getMonitoringGroups(ctx context.Context, _ *listed) (*Out[MonitoringGroups], error) {
	out := MonitoringGroups{MonitoringGroups: []MonitoringGroup{}}
	for _, g := range s.office.MonitoringGroups() {
		if !callerOf(ctx).administersAll(s.locationOfPerson(slices.Concat(g.Observers, g.Members)...)) {
			continue
		}
		out.MonitoringGroups = append(out.MonitoringGroups, s.monitoringGroupOut(g))
	}
	return &Out[MonitoringGroups]{out}, nil
}

func (s *Server) postMonitoringGroup(ctx context.Context, in *monitoringGroupNew) (*Out[MonitoringGroup], error) {
	return s.enterMonitoringGroup(ctx, "", in.Body)
}

func (s *Server) putMonitoringGroup(ctx context.Context, in *monitoringGroupInput) (*Out[MonitoringGroup], error) {
	return s.enterMonitoringGroup(ctx, in.Group, in.Body)
}

func (s *Server) enterMonitoringGroup(ctx context.Context, id string, b MonitoringGroup) (*Out[MonitoringGroup], error) {
	g := store.MonitoringGroup{
		ID: id, Name: b.Name, ObserverLevel: b.ObserverLevel.String(), MemberLevel: b.MemberLevel.String(),
		Observers: b.Observers, Members: b.Members,
	}
	if err := errors.Join(s.mayExpose(ctx, b.ObserverLevel, b.Members), s.mayExpose(ctx, b.MemberLevel, b.Observers)); err != nil {
		return nil, err
	}
	if err := s.office.PutMonitoringGroup(ctx, callerOf(ctx).by(), &g); err != nil {
		return nil, err
	}
	return &Out[MonitoringGroup]{s.monitoringGroupOut(g)}, nil
}

func (s *Server) deleteMonitoringGroup(ctx context.Context, in *monitoringGroupDelete) (*struct{}, error) {
	return nil, s.office.DeleteMonitoringGroup(ctx, callerOf(ctx).by(), in.Group)
}

func tokenOut(t store.Token) Token {
	out := Token{ID: t.ID, Name: t.Name, Origin: t.Origin, Scopes: notNil(t.Scopes), Person: t.PersonID}
	if !t.ExpiresAt.IsZero() {
		out.ExpiresAt = &t.ExpiresAt
	}
	return out
}

func (s *Server) getTokens(context.Context, *empty) (*Out[Tokens], error) {
	out := Tokens{Tokens: []Token{}}
	for _, t := range s.office.Tokens() {
		out.Tokens = append(out.Tokens, tokenOut(t))
	}
	return &Out[Tokens]{out}, nil
}

func (s *Server) postToken(ctx context.Context, in *In[Token]) (*Out[Token], error) {
	b := in.Body
	var bad fault.Fields
	now := time.Now().UTC()
	t := store.Token{Name: b.Name, Origin: b.Origin, Scopes: b.Scopes, PersonID: b.Person, CreatedAt: now}
	if len(b.Scopes) == 0 {
		bad.Add("scopes", "must hold at least one of claims, lines, read, admin")
	}
	for i, scope := range b.Scopes {
		switch {
		case (scope == scopeClaims || scope == scopeLines) && b.Origin == "":
			bad.Add("origin", "must be given with the scope %s", scope)
		case scope == scopeRead && b.Person == "":
			bad.Add("person", "must be given with the scope read")
		case slices.Contains(b.Scopes[:i], scope):
			bad.Add(indexed("scopes", i), "%s is listed twice", scope)
		}
	}
	if b.ExpiresAt != nil {
		if t.ExpiresAt = b.ExpiresAt.UTC().Truncate(time.Millisecond); !t.ExpiresAt.After(now) {
			bad.Add("expires_at", "is not in the future")
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	text, hash := secret.New(tokenPrefix)
	t.Hash = hash
	if err := s.office.PutToken(ctx, callerOf(ctx).by(), &t); err != nil {
		return nil, err
	}
	out := tokenOut(t)
	out.Secret = text
	return &Out[Token]{out}, nil
}

func (s *Server) deleteToken(ctx context.Context, in *TokenPath) (*struct{}, error) {
	return nil, s.office.DeleteToken(ctx, callerOf(ctx).by(), in.Token)
}
