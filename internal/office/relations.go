package office

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
)

// Level returns what a viewer is to an owner (R2). To people who are blocked or not there everybody is blocked.
func (o *Office) Level(viewer, owner string) rights.Level {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if p := o.people[owner]; p == nil || p.Blocked {
		return rights.Blocked
	}
	if v := o.people[viewer]; v == nil || v.Blocked {
		return rights.Blocked
	}
	if viewer == owner {
		return rights.Self
	}
	g := o.grants(viewer, owner)
	return g.Level()
}

// grants collects what bears on a viewer and an owner who exist and differ; mu is held.
func (o *Office) grants(viewer, owner string) rights.Grants {
	p := o.people[owner]
	g := rights.Grants{
		Default: p.Settings.Relationships.Default, ExtendOnly: p.Settings.Relationships.ExtendOnly, VIP: p.VIP,
	}
	g.Own, g.OwnSet = o.own[owner][viewer]
	for _, w := range o.inWork[owner] {
		if slices.Contains(o.inWork[viewer], w) {
			g.Groups = append(g.Groups, o.levels[w].a)
		}
	}
	for _, m := range o.observed[owner] {
		if slices.Contains(o.observes[viewer], m) {
			g.Groups = append(g.Groups, o.levels[m].a)
		}
	}
	for _, m := range o.observes[owner] {
		if slices.Contains(o.observed[viewer], m) {
			g.Groups = append(g.Groups, o.levels[m].b)
		}
	}
	return g
}

// Relation is what one viewer is to an owner, and why.
type Relation struct {
	Viewer         *Person
	Administrative rights.Level
	Own            *rights.Level // nil: no own choice
	Effective      rights.Level
}

// Relation returns what a viewer is to an owner, and why.
func (o *Office) Relation(viewer, owner string) (Relation, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	v, p := o.people[viewer], o.people[owner]
	if v == nil || p == nil || viewer == owner {
		return Relation{}, false
	}
	return o.relation(v, owner), true
}

func (o *Office) relation(v *Person, owner string) Relation {
	g := o.grants(v.ID, owner)
	r := Relation{Viewer: v, Administrative: g.Administrative(), Effective: g.Level()}
	if g.OwnSet {
		own := g.Own
		r.Own = &own
	}
	return r
}

// Relations calls f, in the order of names, with what everybody behind a position (as Position gives it; empty: from
// the beginning) is to an owner, until f returns false.
func (o *Office) Relations(owner, after string, f func(Relation) bool) {
	for _, v := range o.behind(after) {
		if v.ID == owner || v.Blocked {
			continue
		}
		if r, ok := o.Relation(v.ID, owner); ok && !f(r) {
			return
		}
	}
}

// SetRelationship enters an owner's own choice about a viewer; a nil level takes it back. Where the scope lets owners
// extend only, a choice below the administrative level is refused. Only VIPs themselves may choose for them.
func (o *Office) SetRelationship(ctx context.Context, by By, owner, viewer string, level *rights.Level) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.RLock()
	p, v := o.people[owner], o.people[viewer]
	before := maps.Clone(o.own[owner])
	var admin rights.Level
	if p != nil && v != nil && owner != viewer {
		g := o.grants(viewer, owner)
		admin = g.Administrative()
	}
	o.mu.RUnlock()
	switch {
	case p == nil:
		return fault.New(fault.NotFound, "there is no person %q", owner)
	case v == nil:
		return fault.New(fault.NotFound, "there is no person %q", viewer)
	case owner == viewer:
		return fault.Bad("viewer", "is the person themselves")
	case p.VIP && by.Actor != owner:
		return fault.New(fault.Forbidden, "%s is a VIP and sets relationships alone", p.Name)
	}
	changes := store.Changes{}
	word := "default"
	if level == nil {
		changes.DeleteRelationships = []store.RelationshipKey{{OwnerID: owner, ViewerID: viewer}}
	} else {
		if p.Settings.Relationships.ExtendOnly && !p.VIP && *level < admin {
			return fault.Bad("level", "%s is less than %s, which the administration gives; it can only be extended here", *level, admin)
		}
		word = level.String()
		changes.PutRelationships = []store.Relationship{{OwnerID: owner, ViewerID: viewer, Level: word}}
	}
	was := "default"
	if l, ok := before[viewer]; ok {
		was = l.String()
	}
	changes.Audit = o.audit(by, "relationship.put", about{person: owner}, map[string]any{"viewer": viewer, "before": was, "after": word})
	if err := o.store.Update(ctx, changes); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	if level == nil {
		delete(o.own[owner], viewer)
	} else {
		if o.own[owner] == nil {
			o.own[owner] = map[string]rights.Level{}
		}
		o.own[owner][viewer] = *level
	}
	o.mu.Unlock()
	o.tell(Change{Levels: []string{owner}})
	return nil
}

func (o *Office) enterRelationship(r store.Relationship) error {
	level, err := rights.ParseLevel(r.Level)
	if err != nil {
		return fmt.Errorf("relationship of %s: %w", r.OwnerID, err)
	}
	if o.own[r.OwnerID] == nil {
		o.own[r.OwnerID] = map[string]rights.Level{}
	}
	o.own[r.OwnerID][r.ViewerID] = level
	return nil
}

// enterWorkGroup puts a group in the place of the one with the same ID; mu is held.
func (o *Office) enterWorkGroup(g *store.WorkGroup) error {
	level, err := rights.ParseLevel(g.Level)
	if err != nil {
		return fmt.Errorf("work group %s: %w", g.ID, err)
	}
	o.forgetWorkGroup(g.ID)
	o.workGroups[g.ID] = g
	o.levels[g] = levels{a: level}
	for _, id := range g.Members {
		o.inWork[id] = append(o.inWork[id], g)
	}
	return nil
}

func (o *Office) enterWorkGroupMust(g *store.WorkGroup) {
	if err := o.enterWorkGroup(g); err != nil { // it was in force already
		panic(err)
	}
}

func (o *Office) forgetWorkGroup(id string) {
	old := o.workGroups[id]
	if old == nil {
		return
	}
	for _, m := range old.Members {
		o.inWork[m] = drop(o.inWork[m], old)
	}
	delete(o.levels, any(old))
	delete(o.workGroups, id)
}

func (o *Office) enterMonitoringGroup(g *store.MonitoringGroup) error {
	observer, err := rights.ParseLevel(g.ObserverLevel)
	if err != nil {
		return fmt.Errorf("monitoring group %s: %w", g.ID, err)
	}
	member, err := rights.ParseLevel(g.MemberLevel)
	if err != nil {
		return fmt.Errorf("monitoring group %s: %w", g.ID, err)
	}
	o.forgetMonitoringGroup(g.ID)
	o.monitoring[g.ID] = g
	o.levels[g] = levels{observer, member}
	for _, id := range g.Observers {
		o.observes[id] = append(o.observes[id], g)
	}
	for _, id := range g.Members {
		o.observed[id] = append(o.observed[id], g)
	}
	return nil
}

func (o *Office) enterMonitoringGroupMust(g *store.MonitoringGroup) {
	if err := o.enterMonitoringGroup(g); err != nil { // it was in force already
		panic(err)
	}
}

func (o *Office) forgetMonitoringGroup(id string) {
	old := o.monitoring[id]
	if old == nil {
		return
	}
	for _, m := range old.Observers {
		o.observes[m] = drop(o.observes[m], old)
	}
	for _, m := range old.Members {
		o.observed[m] = drop(o.observed[m], old)
	}
	delete(o.levels, any(old))
	delete(o.monitoring, id)
}

// WorkGroups returns all work groups by name.
func (o *Office) WorkGroups() []store.WorkGroup {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var all []store.WorkGroup
	for _, g := range o.workGroups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b store.WorkGroup) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// MonitoringGroups returns all monitoring groups by name.
func (o *Office) MonitoringGroups() []store.MonitoringGroup {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var all []store.MonitoringGroup
	for _, g := range o.monitoring {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b store.MonitoringGroup) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// record is what the audit log says of a record; nil of one that is not there.
func record[T any](r *T, of func(*T) any) any {
	if r == nil {
		return nil
	}
	return of(r)
}

// whose tells where people are whom a change is about: their location if they are all of one, so that its administrators see
// it in the audit log.
func (o *Office) whose(lists ...[]string) (a about) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, list := range lists {
		for _, id := range list {
			p := o.people[id]
			if p == nil {
				continue
			}
			if a.location != "" && a.location != p.LocationID {
				return about{}
			}
			a.location = p.LocationID
		}
	}
	return a
}

func workGroupPeople(g *store.WorkGroup) []string {
	if g == nil {
		return nil
	}
	return g.Members
}

func monitoringPeople(g *store.MonitoringGroup) []string {
	if g == nil {
		return nil
	}
	return slices.Concat(g.Observers, g.Members)
}

func workGroupRecord(g *store.WorkGroup) any {
	return map[string]any{"name": g.Name, "level": g.Level, "members": g.Members}
}

func monitoringRecord(g *store.MonitoringGroup) any {
	return map[string]any{
		"name": g.Name, "observer_level": g.ObserverLevel, "member_level": g.MemberLevel, "observers": g.Observers, "members": g.Members,
	}
}

// PutWorkGroup adds or replaces a work group; an empty ID is given a new one.
func (o *Office) PutWorkGroup(ctx context.Context, by By, g *store.WorkGroup) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	var bad fault.Fields
	o.mu.RLock()
	old, exists := o.workGroups[g.ID]
	g.Name = checkGroupName(g.Name, &bad)
	for _, other := range o.workGroups {
		if other.ID != g.ID && strings.EqualFold(other.Name, g.Name) {
			bad.Add("name", "%q is taken", g.Name)
		}
	}
	checkLevel("level", g.Level, &bad)
	g.Members = o.checkMembers("members", g.Members, &bad)
	o.mu.RUnlock()
	if err := bad.Err(); err != nil {
		return err
	}
	if g.ID == "" {
		g.ID = NewID()
	} else if !exists {
		return fault.New(fault.NotFound, "there is no work group %q", g.ID)
	} else if err := o.maintained(g.ID); err != nil {
		return err
	}
	entered := *g
	if err := o.store.Update(ctx, store.Changes{
		PutWorkGroups: []store.WorkGroup{entered},
		Audit:         o.audit(by, "work_group.put", o.whose(workGroupPeople(old), g.Members), difference(map[string]any{"group": g.ID, "name": g.Name}, record(old, workGroupRecord), record(g, workGroupRecord))),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	err := o.enterWorkGroup(&entered)
	o.mu.Unlock()
	o.tell(Change{AllLevels: true})
	return err
}

// DeleteWorkGroup removes a work group.
func (o *Office) DeleteWorkGroup(ctx context.Context, by By, id string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.RLock()
	old, ok := o.workGroups[id]
	o.mu.RUnlock()
	if !ok {
		return fault.New(fault.NotFound, "there is no work group %q", id)
	}
	if err := o.maintained(id); err != nil {
		return err
	}
	if err := o.store.Update(ctx, store.Changes{
		DeleteWorkGroups: []string{id}, Audit: o.audit(by, "work_group.delete", o.whose(old.Members), map[string]any{"group": id, "name": old.Name}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	o.forgetWorkGroup(id)
	o.mu.Unlock()
	o.tell(Change{AllLevels: true})
	return nil
}

// PutMonitoringGroup adds or replaces a monitoring group; an empty ID is given a new one.
func (o *Office) PutMonitoringGroup(ctx context.Context, by By, g *store.MonitoringGroup) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	var bad fault.Fields
	o.mu.RLock()
	old, exists := o.monitoring[g.ID]
	g.Name = checkGroupName(g.Name, &bad)
	for _, other := range o.monitoring {
		if other.ID != g.ID && strings.EqualFold(other.Name, g.Name) {
			bad.Add("name", "%q is taken", g.Name)
		}
	}
	checkLevel("observer_level", g.ObserverLevel, &bad)
	checkLevel("member_level", g.MemberLevel, &bad)
	g.Observers = o.checkMembers("observers", g.Observers, &bad)
	g.Members = o.checkMembers("members", g.Members, &bad)
	o.mu.RUnlock()
	if err := bad.Err(); err != nil {
		return err
	}
	if g.ID == "" {
		g.ID = NewID()
	} else if !exists {
		return fault.New(fault.NotFound, "there is no monitoring group %q", g.ID)
	}
	entered := *g
	if err := o.store.Update(ctx, store.Changes{
		PutMonitoringGroups: []store.MonitoringGroup{entered},
		Audit:               o.audit(by, "monitoring_group.put", o.whose(monitoringPeople(old), monitoringPeople(g)), difference(map[string]any{"group": g.ID, "name": g.Name}, record(old, monitoringRecord), record(g, monitoringRecord))),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	err := o.enterMonitoringGroup(&entered)
	o.mu.Unlock()
	o.tell(Change{AllLevels: true})
	return err
}

// DeleteMonitoringGroup removes a monitoring group.
func (o *Office) DeleteMonitoringGroup(ctx context.Context, by By, id string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.RLock()
	old, ok := o.monitoring[id]
	o.mu.RUnlock()
	if !ok {
		return fault.New(fault.NotFound, "there is no monitoring group %q", id)
	}
	if err := o.store.Update(ctx, store.Changes{
		DeleteMonitoringGroups: []string{id}, Audit: o.audit(by, "monitoring_group.delete", o.whose(monitoringPeople(old)), map[string]any{"group": id, "name": old.Name}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	o.forgetMonitoringGroup(id)
	o.mu.Unlock()
	o.tell(Change{AllLevels: true})
	return nil
}

func checkGroupName(name string, bad *fault.Fields) string {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 240 {
		bad.Add("name", "must not be empty nor longer than 240 bytes")
	}
	return name
}

func checkLevel(at, word string, bad *fault.Fields) {
	if l, err := rights.ParseLevel(word); err != nil || l == rights.Blocked {
		bad.Add(at, "%q is none of unknown, external, employee, team_colleague, assistant, assistant_plus", word)
	}
}

// checkMembers returns the members sorted and without repetitions; mu is held.
func (o *Office) checkMembers(at string, ids []string, bad *fault.Fields) []string {
	for i, id := range ids {
		if o.people[id] == nil {
			bad.Add(at+"["+itoa(i)+"]", "there is no person %q", id)
		}
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// TeamGroup is a group as one of its members or observers sees it.
type TeamGroup struct {
	ID, Name, Kind string // Kind: "work" or "monitoring"
	People         []string
}

// Team returns the groups that a person is in or observes, by name, with those of their people they may see.
func (o *Office) Team(viewer string) []TeamGroup {
	o.mu.RLock()
	var groups []TeamGroup
	for _, g := range o.inWork[viewer] {
		groups = append(groups, TeamGroup{g.ID, g.Name, "work", slices.Clone(g.Members)})
	}
	for _, g := range o.observes[viewer] {
		groups = append(groups, TeamGroup{g.ID, g.Name, "monitoring", slices.Clone(g.Members)})
	}
	order := map[string]int{}
	for _, g := range groups {
		for _, id := range g.People {
			order[id] = 0
		}
	}
	o.mu.RUnlock()
	for i := range groups {
		groups[i].People = slices.DeleteFunc(groups[i].People, func(id string) bool {
			return id == viewer || !rights.MayRead(o.Level(viewer, id), rights.Name)
		})
		slices.SortFunc(groups[i].People, o.CompareNames)
	}
	slices.SortFunc(groups, func(a, b TeamGroup) int { return strings.Compare(fold(a.Name)+a.ID, fold(b.Name)+b.ID) })
	return groups
}

// CompareNames orders people by name, then by ID.
func (o *Office) CompareNames(a, b string) int {
	p, ok := o.Person(a)
	q, ok2 := o.Person(b)
	if !ok || !ok2 {
		return strings.Compare(a, b)
	}
	return byName(p, q)
}

// Records returns a page of the people whom which picks, in the order of their names, of whom q is the beginning of words
// of the name, digits of the work number or the beginning of the login; and how many there are on all pages.
func (o *Office) Records(q, after string, limit int, which func(*store.Person) bool) (found []*Person, total int, next string) {
	words, login := wordsOf(q), NormalLogin(q)
	picked := func(p *Person) bool {
		return which(&p.Person) && (p.matches(words) || login != "" && strings.HasPrefix(p.Login, login))
	}
	for _, p := range o.behind("") {
		if picked(p) {
			total++
		}
	}
	for _, p := range o.behind(after) {
		switch {
		case !picked(p):
		case len(found) == limit:
			return found, total, found[limit-1].Position()
		default:
			found = append(found, p)
		}
	}
	return found, total, ""
}

// Search returns up to limit people whom a viewer may see and who match, in the order of names, beginning behind the
// position after, and the position for the next page, empty on the last one. A person matches if every word of q
// begins a word of their name or, for digits, occurs in their work number.
func (o *Office) Search(viewer, q, after string, limit int) (found []*Person, next string) {
	words := wordsOf(q)
	for _, p := range o.behind(after) {
		if !p.matches(words) || p.ID != viewer && !rights.MayRead(o.Level(viewer, p.ID), rights.Name) {
			continue
		}
		if len(found) == limit {
			return found, found[limit-1].Position()
		}
		found = append(found, p)
	}
	return found, ""
}

// Position is a person's place in the order of names, for paging: a word that may stand in an address.
func (p *Person) Position() string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.folded + "\x00" + p.ID))
}

// behind returns everybody behind a position, in the order of names. The position's person may be gone, or called
// otherwise by now. What is no position is one before everybody.
func (o *Office) behind(position string) []*Person {
	o.mu.RLock()
	sorted := o.sorted
	o.mu.RUnlock()
	text, _ := base64.RawURLEncoding.DecodeString(position)
	name, id, ok := strings.Cut(string(text), "\x00")
	if !ok {
		return sorted
	}
	i, found := slices.BinarySearchFunc(sorted, &Person{Person: store.Person{ID: id}, folded: name}, byName)
	if found {
		i++
	}
	return sorted[i:]
}

// word is one word of a search text: as it is sorted, and with umlauts spelt out where that differs.
type word struct{ folded, spelt string }

func wordsOf(q string) (words []word) {
	for _, w := range strings.Fields(q) {
		words = append(words, word{fold(w), spell(w)})
	}
	return words
}

// Matches reports whether a person matches a search text.
func (p *Person) Matches(q string) bool { return p.matches(wordsOf(q)) }

func (p *Person) matches(words []word) bool {
	for _, w := range words {
		if !beginsWord(p.folded, w.folded) && !(p.spelt != "" && beginsWord(p.spelt, w.folded)) && !(w.spelt != "" && beginsWord(p.folded, w.spelt)) &&
			!(isDigits(w.folded) && strings.Contains(digits(p.WorkNumber), w.folded)) {
			return false
		}
	}
	return true
}

func beginsWord(name, w string) bool {
	for i := 0; ; {
		j := strings.Index(name[i:], w)
		if j < 0 {
			return false
		}
		at := i + j
		if at == 0 || name[at-1] == ' ' || name[at-1] == '-' {
			return true
		}
		i = at + 1
	}
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// fold brings a text into the form in which it is searched and sorted: lower case, umlauts and accents as in a
// telephone book.
func fold(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch r {
		case 'ä', 'à', 'á', 'â', 'ã', 'å':
			b.WriteByte('a')
		case 'ö', 'ò', 'ó', 'ô', 'õ', 'ø':
			b.WriteByte('o')
		case 'ü', 'ù', 'ú', 'û':
			b.WriteByte('u')
		case 'ß':
			b.WriteString("ss")
		case 'è', 'é', 'ê', 'ë':
			b.WriteByte('e')
		case 'ì', 'í', 'î', 'ï':
			b.WriteByte('i')
		case 'ç', 'ć', 'č':
			b.WriteByte('c')
		case 'ñ', 'ń':
			b.WriteByte('n')
		case 'ł':
			b.WriteByte('l')
		case 'š', 'ś':
			b.WriteByte('s')
		case 'ž', 'ź', 'ż':
			b.WriteByte('z')
		default:
			if unicode.Is(unicode.Mn, r) { // an accent that stands by itself, as some systems write them
				continue
			}
			if unicode.IsSpace(r) {
				r = ' '
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// spell writes umlauts as those do who have none on their keyboard; empty if there are none.
func spell(s string) string {
	low := strings.NewReplacer("a\u0308", "ä", "o\u0308", "ö", "u\u0308", "ü").Replace(strings.ToLower(s))
	if !strings.ContainsAny(low, "äöüøå") {
		return ""
	}
	return fold(strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ø", "oe", "å", "aa").Replace(low))
}

// Token returns the token with a hash; ok is false if there is none.
func (o *Office) Token(hash []byte) (t store.Token, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	t, ok = o.tokens[string(hash)]
	return t, ok
}

// Tokens returns all tokens by name.
func (o *Office) Tokens() []store.Token {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.SortedFunc(maps.Values(o.tokens), func(a, b store.Token) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
}

// PutToken adds a token, which is given an ID. Origins are unique.
func (o *Office) PutToken(ctx context.Context, by By, t *store.Token) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	for _, other := range o.Tokens() {
		if t.Origin != "" && other.Origin == t.Origin {
			return fault.Bad("origin", "%q is taken by the token %q", t.Origin, other.Name)
		}
	}
	if t.PersonID != "" {
		if _, ok := o.Person(t.PersonID); !ok {
			return fault.Bad("person", "there is no person %q", t.PersonID)
		}
	}
	t.ID = NewID()
	if err := o.store.Update(ctx, store.Changes{
		PutTokens: []store.Token{*t},
		Audit:     o.audit(by, "token.put", about{person: t.PersonID}, map[string]any{"token": t.ID, "name": t.Name, "origin": t.Origin, "scopes": t.Scopes}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	o.tokens[string(t.Hash)] = *t
	o.mu.Unlock()
	return nil
}

// DeleteToken revokes a token.
func (o *Office) DeleteToken(ctx context.Context, by By, id string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	for _, t := range o.Tokens() {
		if t.ID != id {
			continue
		}
		if err := o.store.Update(ctx, store.Changes{DeleteTokens: []string{id}, Audit: o.audit(by, "token.delete", about{person: t.PersonID}, map[string]any{"token": id, "name": t.Name})}); err != nil {
			return stored(err)
		}
		o.mu.Lock()
		delete(o.tokens, string(t.Hash))
		o.mu.Unlock()
		o.tell(Change{Revoked: [][]byte{t.Hash}})
		return nil
	}
	return fault.New(fault.NotFound, "there is no token %q", id)
}
