package office

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

func itoa(n int) string { return strconv.Itoa(n) }

// setSection enters a stored section; mu is held, or nobody else has o yet.
func (o *Office) setSection(s store.Section) {
	if o.sections[s.ScopeID] == nil {
		o.sections[s.ScopeID] = map[string]json.RawMessage{}
	}
	o.sections[s.ScopeID][s.Name] = s.Value
}

// effective works out the settings in force from sections of a location and one of its groups; group may be nil.
func effective(location, group map[string]json.RawMessage) (*policy.Settings, error) {
	s := policy.Factory()
	for _, own := range []map[string]json.RawMessage{location, group} {
		for name, value := range own {
			if err := s.Set(name, value); err != nil {
				return nil, err
			}
		}
	}
	return &s, nil
}

// refresh works out the settings of a location and its groups anew; mu is held.
func (o *Office) refresh(location string) error {
	all, err := o.effectives(location, o.sections[location], "", nil)
	if err != nil {
		return err
	}
	for scope, s := range all {
		o.settings[scope] = s
		o.policies[scope] = s.Presence(&policy.Own{})
	}
	return nil
}

// effectives returns the settings of a location and all its groups, with sections given for the location and for
// one group in place of the stored ones.
func (o *Office) effectives(location string, of map[string]json.RawMessage, group string, groupOf map[string]json.RawMessage) (map[string]*policy.Settings, error) {
	s, err := effective(of, nil)
	if err != nil {
		return nil, fmt.Errorf("location %s: %w", location, err)
	}
	all := map[string]*policy.Settings{location: s}
	for id, g := range o.groups {
		if g.LocationID != location {
			continue
		}
		individual := o.sections[id]
		if id == group {
			individual = groupOf
		}
		if all[id], err = effective(of, individual); err != nil {
			return nil, fmt.Errorf("configuration group %s: %w", id, err)
		}
	}
	return all, nil
}

// Settings returns the settings in force in a scope, and which sections are its own.
func (o *Office) Settings(scope string) (s *policy.Settings, individual map[string]bool, err error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	s, ok := o.settings[scope]
	if !ok {
		return nil, nil, fault.New(fault.NotFound, "there is no location or configuration group %q", scope)
	}
	individual = map[string]bool{}
	for name := range o.sections[scope] {
		individual[name] = true
	}
	return s, individual, nil
}

// SectionEdit changes one section of a scope's settings.
type SectionEdit struct {
	Name string
	Edit func(*policy.Settings) error // is handed the settings in force in the scope; nil returns the section to the default
	Was  string                       // the version that the section must have, as policy.Settings.Version tells it; empty: any
}

// Affected is somebody under settings that change: as they are, and as they will be.
type Affected struct {
	Before, After *Person
	Discarded     bool // some of their own settings are lost
}

// ChangeSection is ChangeSections for one section.
func (o *Office) ChangeSection(ctx context.Context, by By, scope, name string, edit func(*policy.Settings) error) error {
	_, err := o.ChangeSections(ctx, by, scope, []SectionEdit{{Name: name, Edit: edit}}, false)
	return err
}

// ChangeSections makes sections of a scope its own, with the values that the edits give them, or returns them to the
// default; all of them or none. It is refused if a template would be missing where it is used (P6), and own values that
// users may not change any more are discarded (P9). It returns everybody whom the settings are for; with dry set nothing
// else happens.
func (o *Office) ChangeSections(ctx context.Context, by By, scope string, edits []SectionEdit, dry bool) ([]Affected, error) {
	for _, e := range edits {
		if !slices.Contains(policy.Sections(), e.Name) {
			return nil, fault.New(fault.NotFound, "there is no section %q of the settings", e.Name)
		}
	}
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.RLock()
	old, ok := o.settings[scope]
	location, isGroup := scope, false
	if g, found := o.groups[scope]; found {
		location, isGroup = g.LocationID, true
	}
	of, groupOf := maps.Clone(o.sections[location]), map[string]json.RawMessage(nil)
	if isGroup {
		groupOf = maps.Clone(o.sections[scope])
	}
	o.mu.RUnlock()
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no location or configuration group %q", scope)
	}
	changed := &of
	if isGroup {
		changed = &groupOf
	}
	if *changed == nil {
		*changed = map[string]json.RawMessage{}
	}
	changes := store.Changes{}
	next := *old
	for _, e := range edits {
		if e.Was != "" && e.Was != old.Version(e.Name) {
			return nil, fault.New(fault.Conflict, "the section %s was changed meanwhile by somebody else; look at it again", e.Name)
		}
	}
	for _, e := range edits {
		if e.Edit == nil {
			delete(*changed, e.Name)
			changes.DeleteSections = append(changes.DeleteSections, store.Section{ScopeID: scope, Name: e.Name})
			continue
		}
		if err := e.Edit(&next); err != nil {
			return nil, err
		}
		if err := o.checkSystems(e.Name, &next, old); err != nil {
			return nil, err
		}
		(*changed)[e.Name] = next.Section(e.Name)
		changes.PutSections = append(changes.PutSections, store.Section{ScopeID: scope, Name: e.Name, Value: next.Section(e.Name)})
	}

	o.mu.RLock()
	all, affected, err := o.under(location, of, scope, groupOf, isGroup)
	o.mu.RUnlock()
	if err != nil || dry {
		return affected, err
	}
	discarded := 0
	for _, a := range affected {
		if a.Discarded {
			changes.PutPeople = append(changes.PutPeople, a.After.Person)
			discarded++
		}
	}
	for _, e := range edits {
		detail := map[string]any{"scope": scope, "section": e.Name, "default": e.Edit == nil}
		if discards(e.Name) { // of several such sections the first tells it, so that it is told once
			detail["discarded"], discarded = discarded, 0
		}
		changes.Audit = append(changes.Audit,
			o.audit(by, "settings.section", about{location: location}, difference(detail, old.Section(e.Name), all[scope].Section(e.Name)))...)
	}
	if err := o.store.Update(ctx, changes); err != nil {
		return nil, stored(err)
	}

	c := Change{}
	o.mu.Lock()
	o.sections[location] = of
	if isGroup {
		o.sections[scope] = groupOf
	}
	for id, s := range all {
		o.settings[id], o.policies[id] = s, s.Presence(&policy.Own{})
	}
	levels := slices.ContainsFunc(edits, func(e SectionEdit) bool { return e.Name == policy.SectionRelationships })
	renewed := make([]*Person, len(affected))
	for i, a := range affected {
		renewed[i] = a.After
		c.Policies = append(c.Policies, a.After.ID)
		if levels {
			c.Levels = append(c.Levels, a.After.ID)
		}
	}
	o.enterPeople(renewed)
	o.mu.Unlock()
	o.tell(c)
	return affected, nil
}

// discards reports whether a change of a section may cost people settings of their own (P9).
func discards(section string) bool {
	return section == policy.SectionActivation || section == policy.SectionCalendar || section == policy.SectionTeams
}

// under works out the settings of a location and its groups under other sections, and what becomes of the people in the
// scope that changes; mu is held.
func (o *Office) under(location string, of map[string]json.RawMessage, scope string, groupOf map[string]json.RawMessage, isGroup bool) (all map[string]*policy.Settings, affected []Affected, err error) {
	if all, err = o.effectives(location, of, scope, groupOf); err != nil {
		return nil, nil, err
	}
	if err := o.guard(all, scope); err != nil {
		return nil, nil, err
	}
	shared := map[*policy.Settings]*presence.Policy{}
	for _, s := range all {
		shared[s] = s.Presence(&policy.Own{})
	}
	for _, p := range o.sorted {
		s := all[p.scope()]
		if s == nil || isGroup && p.GroupID != scope {
			continue
		}
		rec := p.Person
		kept, dropped := p.Own.Discard(s)
		if dropped {
			rec.Own = kept.JSON()
		}
		after, err := o.personUnder(rec, s, shared[s])
		if err != nil {
			return nil, nil, err
		}
		affected = append(affected, Affected{p, after, dropped})
	}
	return all, affected, nil
}

func (p *Person) scope() string {
	if p.GroupID != "" {
		return p.GroupID
	}
	return p.LocationID
}

// guard refuses settings under which a template that was offered would be missing where it is used, and settings
// that are wrong by themselves; mu is held.
func (o *Office) guard(all map[string]*policy.Settings, changed string) error {
	scopes := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		if (a == changed) != (b == changed) { // what was changed is told first
			if a == changed {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var used []string
	var fields []fault.Field
	for _, scope := range scopes {
		s := all[scope]
		for _, old := range o.settings[scope].Templates.Templates {
			if t := s.Template(old.ID); !old.Active || t != nil && t.Active {
				continue
			}
			for _, use := range s.Uses(old.ID) {
				used = append(used, fmt.Sprintf("%q by %s of %s", old.Name, use.Field, o.scopeName(scope)))
				fields = append(fields, fault.Field{Path: use.Field, Message: fmt.Sprintf("uses the template %q in %s", old.Name, o.scopeName(scope))})
			}
			if n := o.countOwnUses(scope, s, old.ID); n > 0 {
				own := fmt.Sprintf("the own settings of %d people in %s", n, o.scopeName(scope))
				if n == 1 {
					own = "the own settings of one person in " + o.scopeName(scope)
				}
				used = append(used, fmt.Sprintf("%q by %s", old.Name, own))
				fields = append(fields, fault.Field{Path: "templates", Message: fmt.Sprintf("%q is used by %s", old.Name, own)})
			}
		}
	}
	if len(used) > 0 {
		return &fault.Error{Kind: fault.Conflict, Public: "a template is still used: " + strings.Join(used, "; "), Fields: fields}
	}
	for _, scope := range scopes {
		if err := all[scope].Check(); err != nil {
			if scope == changed {
				return err
			}
			return fault.Wrap(fault.Conflict, err, "the settings of %s would not fit any more: %v", o.scopeName(scope), err)
		}
	}
	return nil
}

// countOwnUses returns how many people's own settings need a template of their scope; mu is held. Who they are is theirs.
func (o *Office) countOwnUses(scope string, s *policy.Settings, template string) (n int) {
	for _, p := range o.sorted {
		if p.scope() == scope && p.Own.Uses(s, template) {
			n++
		}
	}
	return n
}

func (o *Office) scopeName(scope string) string {
	if g, ok := o.groups[scope]; ok {
		return fmt.Sprintf("configuration group %q", g.Name)
	}
	return fmt.Sprintf("location %q", o.locations[scope].Name)
}

// Locations returns all locations by name, with the number of people in each.
func (o *Office) Locations() ([]store.Location, map[string]int) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	all := slices.SortedFunc(maps.Values(o.locations), func(a, b store.Location) int { return strings.Compare(a.Name, b.Name) })
	return all, o.countBy(func(p *Person) string { return p.LocationID })
}

// Groups returns all configuration groups by name, with the number of people in each.
func (o *Office) Groups() ([]store.Group, map[string]int) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	all := slices.SortedFunc(maps.Values(o.groups), func(a, b store.Group) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return all, o.countBy(func(p *Person) string { return p.GroupID })
}

func (o *Office) countBy(key func(*Person) string) map[string]int {
	n := map[string]int{}
	for _, p := range o.people {
		n[key(p)]++
	}
	return n
}

// LocationName returns a location's name, empty if there is none.
func (o *Office) LocationName(id string) string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.locations[id].Name
}

// LocationOf returns the location of a scope, which is itself or that of a group; empty if there is none.
func (o *Office) LocationOf(scope string) string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if g, ok := o.groups[scope]; ok {
		return g.LocationID
	}
	return o.locations[scope].ID
}

func locationRecord(l *store.Location) any {
	return map[string]any{"name": l.Name, "time_zone": l.TimeZone}
}

// PutLocation adds a location or changes its name and zone; an empty ID is given a new one.
func (o *Office) PutLocation(ctx context.Context, by By, l *store.Location) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	var bad fault.Fields
	if l.Name = strings.TrimSpace(l.Name); l.Name == "" {
		bad.Add("name", "must not be empty")
	}
	if l.TimeZone == "" {
		bad.Add("time_zone", "must not be empty")
	}
	CheckZone("time_zone", l.TimeZone, &bad)
	o.mu.RLock()
	for _, other := range o.locations {
		if other.ID != l.ID && strings.EqualFold(other.Name, l.Name) {
			bad.Add("name", "%q is taken", l.Name)
		}
	}
	old, exists := o.locations[l.ID]
	o.mu.RUnlock()
	if err := bad.Err(); err != nil {
		return err
	}
	var was any
	if l.ID == "" {
		l.ID = NewID()
	} else if !exists {
		return fault.New(fault.NotFound, "there is no location %q", l.ID)
	} else {
		was = locationRecord(&old)
	}
	if err := o.store.Update(ctx, store.Changes{
		PutLocations: []store.Location{*l}, Audit: o.audit(by, "location.put", about{location: l.ID}, difference(map[string]any{"name": l.Name}, was, locationRecord(l))),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	o.locations[l.ID] = *l
	err := o.refresh(l.ID)
	c := Change{}
	if err == nil {
		var renewed []*Person
		for _, p := range o.sorted {
			if p.LocationID != l.ID {
				continue
			}
			fresh, personErr := o.personOf(p.Person) // the zone may be another
			if personErr != nil {
				err = personErr
				break
			}
			renewed = append(renewed, fresh)
			c.Policies = append(c.Policies, p.ID)
			c.Cards = append(c.Cards, p.ID)
		}
		o.enterPeople(renewed)
	}
	o.mu.Unlock()
	if err != nil {
		return err
	}
	o.tell(c)
	return nil
}

// DuplicateLocation makes a location with the settings and configuration groups of another, without its people (R1).
func (o *Office) DuplicateLocation(ctx context.Context, by By, id, name string) (store.Location, error) {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.RLock()
	src, ok := o.locations[id]
	l := store.Location{ID: NewID(), Name: strings.TrimSpace(name), TimeZone: src.TimeZone}
	taken := false
	for _, other := range o.locations {
		taken = taken || strings.EqualFold(other.Name, l.Name)
	}
	changes := store.Changes{PutLocations: []store.Location{l}}
	copySections := func(from, to string) {
		for name, value := range o.sections[from] {
			changes.PutSections = append(changes.PutSections, store.Section{ScopeID: to, Name: name, Value: value})
		}
	}
	copySections(id, l.ID)
	for _, g := range o.groups {
		if g.LocationID == id {
			n := store.Group{ID: NewID(), LocationID: l.ID, Name: g.Name}
			changes.PutGroups = append(changes.PutGroups, n)
			copySections(g.ID, n.ID)
		}
	}
	o.mu.RUnlock()
	switch {
	case !ok:
		return l, fault.New(fault.NotFound, "there is no location %q", id)
	case l.Name == "":
		return l, fault.Bad("name", "must not be empty")
	case taken:
		return l, fault.Bad("name", "%q is taken", l.Name)
	}
	changes.Audit = o.audit(by, "location.duplicate", about{location: l.ID}, map[string]any{"from": id, "name": l.Name})
	if err := o.store.Update(ctx, changes); err != nil {
		return l, stored(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.locations[l.ID] = l
	for _, g := range changes.PutGroups {
		o.groups[g.ID] = g
	}
	for _, s := range changes.PutSections {
		o.setSection(s)
	}
	return l, o.refresh(l.ID)
}

// DeleteLocation removes a location in which nobody is, with its configuration groups.
func (o *Office) DeleteLocation(ctx context.Context, by By, id string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	people, err := o.inScope(id)
	if err != nil {
		return err
	}
	o.mu.RLock()
	_, ok := o.locations[id]
	var groups []string
	for _, g := range o.groups {
		if g.LocationID == id {
			groups = append(groups, g.ID)
		}
	}
	administrators := 0
	for _, p := range o.people {
		if slices.Contains(p.Administers, id) {
			administrators++
		}
	}
	o.mu.RUnlock()
	switch {
	case ok && administrators > 0:
		return fault.New(fault.Conflict, "%d people still administer the location", administrators)
	case !ok:
		return fault.New(fault.NotFound, "there is no location %q", id)
	case len(people) > 0:
		return fault.New(fault.Conflict, "%d people still belong to the location", len(people))
	}
	if err := o.store.Update(ctx, store.Changes{
		DeleteGroups: groups, DeleteLocations: []string{id}, Audit: o.audit(by, "location.delete", about{location: id}, map[string]any{"name": o.LocationName(id)}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, scope := range append(groups, id) {
		delete(o.groups, scope)
		delete(o.locations, scope)
		o.forgetScope(scope)
	}
	return nil
}

func (o *Office) forgetScope(scope string) {
	delete(o.sections, scope)
	delete(o.settings, scope)
	delete(o.policies, scope)
}

// PutGroup adds a configuration group or renames it; an empty ID is given a new one. A group stays in its location.
func (o *Office) PutGroup(ctx context.Context, by By, g *store.Group) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	var bad fault.Fields
	if g.Name = strings.TrimSpace(g.Name); g.Name == "" {
		bad.Add("name", "must not be empty")
	}
	o.mu.RLock()
	if _, ok := o.locations[g.LocationID]; !ok {
		bad.Add("location", "there is no location %q", g.LocationID)
	}
	old, exists := o.groups[g.ID]
	if exists && old.LocationID != g.LocationID {
		bad.Add("location", "a configuration group stays in its location")
	}
	for _, other := range o.groups {
		if other.ID != g.ID && other.LocationID == g.LocationID && strings.EqualFold(other.Name, g.Name) {
			bad.Add("name", "%q is taken in this location", g.Name)
		}
	}
	o.mu.RUnlock()
	if err := bad.Err(); err != nil {
		return err
	}
	if g.ID == "" {
		g.ID = NewID()
	} else if !exists {
		return fault.New(fault.NotFound, "there is no configuration group %q", g.ID)
	}
	if err := o.store.Update(ctx, store.Changes{
		PutGroups: []store.Group{*g}, Audit: o.audit(by, "group.put", about{location: g.LocationID}, map[string]any{"group": g.ID, "before": old.Name, "after": g.Name}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.groups[g.ID] = *g
	return o.refresh(g.LocationID)
}

// DeleteGroup removes a configuration group in which nobody is.
func (o *Office) DeleteGroup(ctx context.Context, by By, id string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.RLock()
	g, ok := o.groups[id]
	o.mu.RUnlock()
	if !ok {
		return fault.New(fault.NotFound, "there is no configuration group %q", id)
	}
	people, err := o.inScope(id)
	if err != nil {
		return err
	}
	if len(people) > 0 {
		return fault.New(fault.Conflict, "%d people still belong to the configuration group", len(people))
	}
	if err := o.store.Update(ctx, store.Changes{
		DeleteGroups: []string{id}, Audit: o.audit(by, "group.delete", about{location: g.LocationID}, map[string]any{"group": id, "name": g.Name}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.groups, id)
	o.forgetScope(id)
	return nil
}

// Policy returns the policy of a person. Somebody who is not there has none: presence management is off for them.
func (o *Office) Policy(id string) *presence.Policy {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if p := o.people[id]; p != nil {
		return p.Policy
	}
	return nobody
}

var nobody = &presence.Policy{Off: true}
