package office

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/store"
)

// enterProvided puts a group of an outside system in the place of the one with the same ID; mu is held.
func (o *Office) enterProvided(g *store.DirectoryGroup) {
	o.forgetProvided(g.ID)
	o.provided[g.ID] = g
	for _, id := range g.Members {
		o.inProvided[id] = append(o.inProvided[id], g)
	}
}

func (o *Office) forgetProvided(id string) {
	old := o.provided[id]
	if old == nil {
		return
	}
	for _, m := range old.Members {
		if o.inProvided[m] = drop(o.inProvided[m], old); len(o.inProvided[m]) == 0 {
			delete(o.inProvided, m)
		}
	}
	delete(o.provided, id)
}

// maintained is an error if a work group follows a group of an outside system: its changes would not last.
func (o *Office) maintained(workGroup string) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, g := range o.provided {
		if g.WorkGroupID == workGroup {
			return fault.New(fault.Conflict, "this work group follows the group %q of an outside system; change it there", g.Name)
		}
	}
	return nil
}

// ProvidedGroup returns a group of an outside system.
func (o *Office) ProvidedGroup(connector, id string) (g store.DirectoryGroup, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if x := o.provided[id]; x != nil && x.ConnectorID == connector {
		return *x, true
	}
	return g, false
}

// ProvidedGroups returns the groups of an outside system by ID.
func (o *Office) ProvidedGroups(connector string) (all []store.DirectoryGroup) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, g := range o.provided {
		if g.ConnectorID == connector {
			all = append(all, *g)
		}
	}
	slices.SortFunc(all, func(a, b store.DirectoryGroup) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// ProvidedGroupsOf returns the groups of outside systems that a person is in, by ID.
func (o *Office) ProvidedGroupsOf(person string) (all []store.DirectoryGroup) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, g := range o.inProvided[person] {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b store.DirectoryGroup) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Provided returns the people who come from an outside system and whom it has not deleted, by ID.
func (o *Office) Provided(connector string) (all []*Person) {
	for _, p := range o.behind("") {
		if p.ComesFrom(connector) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *Person) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// ComesFrom reports whether a person comes from an outside system that has not deleted them.
func (p *Person) ComesFrom(connector string) bool {
	return p.Directory.ConnectorID == connector && !p.Directory.Gone
}

// ByExternalID returns the person whom an outside system knows by an identifier, also one whom it has deleted.
func (o *Office) ByExternalID(connector, external string) (*Person, bool) {
	if external != "" {
		for _, p := range o.behind("") {
			if p.Directory.ConnectorID == connector && p.Directory.ExternalID == external {
				return p, true
			}
		}
	}
	return nil, false
}

// Provision is a change of people and groups by an outside system that is made as a whole.
type Provision struct {
	o         *Office
	connector string
	people    []*store.Person
	puts      []providedPut
	deletes   []providedDelete
}

type providedPut struct {
	group *store.DirectoryGroup
	level string
}

type providedDelete struct {
	id       string
	keepWork bool
}

// PutPerson adds or replaces a person. An ID that is empty is given a new one in place.
func (v *Provision) PutPerson(rec *store.Person) { v.people = append(v.people, rec) }

// PutGroup adds or replaces a group; no group is put twice. An ID that is empty is given a new one in place. It has a work
// group of a level, if one is given: one of its name, or of its name and a number if that is taken.
func (v *Provision) PutGroup(g *store.DirectoryGroup, level string) {
	if g.ID == "" {
		g.ID, g.CreatedAt = NewID(), time.Now().UTC()
	}
	g.ConnectorID = v.connector
	g.Members = slices.Clone(g.Members)
	slices.Sort(g.Members)
	g.Members = slices.Compact(g.Members)
	v.puts = append(v.puts, providedPut{g, level})
}

// DeleteGroup removes a group, and its work group unless that is kept as one that was entered here.
func (v *Provision) DeleteGroup(id string, keepWorkGroup bool) {
	v.deletes = append(v.deletes, providedDelete{id, keepWorkGroup})
}

// Provision lets edit say what an outside system changes, and makes all of it so or nothing. Nobody else changes the
// organisation meanwhile: what edit reads is what is changed.
func (o *Office) Provision(ctx context.Context, by By, connector string, edit func(*Provision) error) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	v := &Provision{o: o, connector: connector}
	if err := edit(v); err != nil {
		return err
	}
	if len(v.people)+len(v.puts)+len(v.deletes) == 0 {
		return nil
	}
	plan, err := o.planPeople(ctx, by, "people.sync", v.people...)
	if err != nil {
		return err
	}
	work, err := v.planGroups(by, &plan)
	if err != nil {
		return err
	}
	if err := o.store.Update(ctx, plan.changes); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	if len(plan.fresh) > 0 {
		o.enterPeople(plan.fresh)
	}
	for i := range plan.changes.PutWorkGroups {
		o.enterWorkGroupMust(&plan.changes.PutWorkGroups[i])
	}
	for i := range plan.changes.PutDirectoryGroups {
		o.enterProvided(&plan.changes.PutDirectoryGroups[i])
	}
	for _, id := range plan.changes.DeleteWorkGroups {
		o.forgetWorkGroup(id)
	}
	for _, id := range plan.changes.DeleteDirectoryGroups {
		o.forgetProvided(id)
	}
	o.mu.Unlock()
	plan.tell.AllLevels = plan.tell.AllLevels || work
	o.tell(plan.tell)
	return nil
}

// planGroups adds the groups to a plan; work tells whether work groups change. changing is held.
func (v *Provision) planGroups(by By, plan *peoplePlan) (work bool, err error) {
	o := v.o
	o.mu.RLock()
	defer o.mu.RUnlock()
	c := &plan.changes
	names := map[string]string{} // of work groups, in small letters
	for _, w := range o.workGroups {
		names[strings.ToLower(w.Name)] = w.ID
	}
	for _, d := range v.deletes {
		g := o.provided[d.id]
		if g == nil || g.ConnectorID != v.connector {
			return false, fault.New(fault.NotFound, "there is no group %q", d.id)
		}
		c.DeleteDirectoryGroups = append(c.DeleteDirectoryGroups, g.ID)
		if w := o.workGroups[g.WorkGroupID]; w != nil && !d.keepWork {
			c.DeleteWorkGroups = append(c.DeleteWorkGroups, w.ID)
			delete(names, strings.ToLower(w.Name))
			work = true
		}
		c.Audit = append(c.Audit, entry(by, "directory_group.delete", map[string]any{"connector": v.connector, "group": g.ID, "name": g.Name}))
	}
	for _, put := range v.puts {
		g := put.group
		var bad fault.Fields
		if g.Name = strings.TrimSpace(g.Name); g.Name == "" || len(g.Name) > store.MaxKey {
			bad.Add("name", "must not be empty nor longer than %d bytes", store.MaxKey)
		}
		for _, other := range o.provided {
			if other.ID != g.ID && other.ConnectorID == v.connector && strings.EqualFold(other.Name, g.Name) && !slices.Contains(c.DeleteDirectoryGroups, other.ID) {
				bad.Add("name", "%q is taken", g.Name)
			}
		}
		if err := bad.Err(); err != nil {
			return false, err
		}
		old := o.provided[g.ID]
		detail := map[string]any{"connector": v.connector, "group": g.ID, "name": g.Name}
		before, members := "", []string(nil)
		if old != nil {
			before, members = old.Name, old.Members
		}
		if before != g.Name {
			detail["before"] = before
		}
		if added := without(g.Members, members); len(added) > 0 {
			detail["added"] = added
		}
		if removed := without(members, g.Members); len(removed) > 0 {
			detail["removed"] = removed
		}
		w := o.workGroups[g.WorkGroupID]
		switch {
		case put.level == "":
			if w != nil {
				c.DeleteWorkGroups = append(c.DeleteWorkGroups, w.ID)
				delete(names, strings.ToLower(w.Name))
				work = true
			}
			g.WorkGroupID = ""
		default:
			next := store.WorkGroup{Level: put.level, Members: g.Members}
			if w == nil {
				next.ID = NewID()
			} else {
				next.ID = w.ID
			}
			if w != nil && before == g.Name {
				next.Name = w.Name
			} else {
				if w != nil {
					delete(names, strings.ToLower(w.Name))
				}
				next.Name = freeName(names, g.Name)
				names[strings.ToLower(next.Name)] = next.ID
			}
			g.WorkGroupID = next.ID
			if w == nil || w.Name != next.Name || w.Level != next.Level || !slices.Equal(w.Members, next.Members) {
				c.PutWorkGroups = append(c.PutWorkGroups, next)
				work = true
			}
			detail["work_group"] = next.ID
		}
		c.PutDirectoryGroups = append(c.PutDirectoryGroups, *g)
		c.Audit = append(c.Audit, entry(by, "directory_group.put", detail))
	}
	return work, nil
}

// entry is an entry of the audit log about what concerns nobody in particular.
func entry(by By, action string, detail map[string]any) store.AuditEntry {
	e := by.Entry(action)
	e.Detail, _ = json.Marshal(detail) // plain data
	return e
}

// freeName returns a name that no work group has: the one that is wished for, as far as it is not too long, or that with a
// number.
func freeName(taken map[string]string, wish string) string {
	const most = 200 // bytes, so that there is room for the number
	for len(wish) > most {
		_, size := utf8.DecodeLastRuneInString(wish)
		wish = wish[:len(wish)-size]
	}
	name := wish
	for n := 2; taken[strings.ToLower(name)] != ""; n++ {
		name = fmt.Sprintf("%s (%d)", wish, n)
	}
	return name
}

// without returns what is in a and not in b; both are sorted.
func without(a, b []string) (left []string) {
	for _, x := range a {
		if _, found := slices.BinarySearch(b, x); !found {
			left = append(left, x)
		}
	}
	return left
}

// WorkGroupLevel returns the level of a work group, empty if there is none.
func (o *Office) WorkGroupLevel(id string) string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if w := o.workGroups[id]; w != nil {
		return w.Level
	}
	return ""
}
