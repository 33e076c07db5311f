package office

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
)

func asConflict(err error, c **store.ConflictError) bool { return errors.As(err, c) }

// Roles, from least to most.
const (
	RoleUser          = "user"
	RoleLocationAdmin = "location_admin"
	RoleAdmin         = "admin"
)

// longestID bounds the ID of a person, which an import may choose. It is part of many keys, and of addresses of the API.
const longestID = 64

// Person returns a person by ID; ok is false if there is none.
func (o *Office) Person(id string) (p *Person, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	p, ok = o.people[id]
	return p, ok
}

// NormalLogin returns the form in which a login is kept and compared: capitals and what stands around it do not count.
func NormalLogin(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// ByLogin returns a person by login, in any form.
func (o *Office) ByLogin(login string) (p *Person, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	id, ok := o.logins[NormalLogin(login)]
	if !ok {
		return nil, false
	}
	return o.people[id], true
}

// IDs returns the IDs of all people.
func (o *Office) IDs() []string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.Collect(maps.Keys(o.people))
}

// Count returns the number of people.
func (o *Office) Count() int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return len(o.people)
}

// HasAdmin reports whether somebody can administer the system.
func (o *Office) HasAdmin() bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, p := range o.people {
		if administers(&p.Person) {
			return true
		}
	}
	return false
}

func administers(p *store.Person) bool { return p.Role == RoleAdmin && !p.Blocked }

// keepAdmin refuses what would leave nobody who administers, or nobody of them who can sign in, where there is
// somebody: records that are put, or the removal of a person.
func (o *Office) keepAdmin(put []*store.Person, removed string) error {
	type count struct{ administer, signIn int }
	add := func(n *count, p *store.Person, by int) {
		if administers(p) {
			n.administer += by
			if p.Login != "" && p.PasswordHash != "" {
				n.signIn += by
			}
		}
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	var before, after count
	for _, p := range o.people {
		add(&before, &p.Person, 1)
	}
	after = before
	for _, rec := range put {
		if old := o.people[rec.ID]; old != nil {
			add(&after, &old.Person, -1)
		}
		add(&after, rec, 1)
	}
	if p := o.people[removed]; p != nil {
		add(&after, &p.Person, -1)
	}
	if before.administer > 0 && after.administer == 0 || before.signIn > 0 && after.signIn == 0 {
		return fault.New(fault.Conflict, "this is the last administrator who can sign in; make somebody else an administrator first")
	}
	return nil
}

// PutPeople adds people or replaces their records; an empty ID is given a new one in place. All of them are entered
// or none. What a person may not change in their new scope is discarded from their own settings (P9); what is new in
// them is checked as in ChangeOwn.
func (o *Office) PutPeople(ctx context.Context, by By, action string, recs ...*store.Person) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	return o.putPeople(ctx, by, action, recs...)
}

// ChangePerson lets edit change somebody's record as it is now, and returns what has become of it. Their own settings
// are theirs: what edit makes of them is ignored. If edit fails nothing is changed.
func (o *Office) ChangePerson(ctx context.Context, by By, action, id string, edit func(*store.Person) error) (store.Person, error) {
	o.changing.Lock()
	defer o.changing.Unlock()
	p, ok := o.Person(id)
	if !ok {
		return store.Person{}, fault.New(fault.NotFound, "there is no person %q", id)
	}
	rec := p.Person
	if err := edit(&rec); err != nil {
		return store.Person{}, err
	}
	rec.ID, rec.Own = p.ID, p.Person.Own
	err := o.putPeople(ctx, by, action, &rec)
	return rec, err
}

// Key names a person: by ID, or who has a login. Somebody with a login that nobody has is added.
type Key struct{ ID, Login string }

// EditPeople lets edit change the records of people as they are now, all of them or none; who is not there yet is added.
// Own settings are theirs, as in ChangePerson.
func (o *Office) EditPeople(ctx context.Context, by By, action string, keys []Key, edit func(i int, p *store.Person) error) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	recs := make([]*store.Person, len(keys))
	for i, key := range keys {
		p, ok := o.Person(key.ID)
		if key.ID == "" {
			p, ok = o.ByLogin(key.Login)
		} else if !ok {
			return fault.New(fault.NotFound, "there is no person %q", key.ID)
		}
		rec := store.Person{Login: NormalLogin(key.Login), Role: RoleUser, CreatedAt: time.Now().UTC()}
		if ok {
			rec = p.Person
		}
		if err := edit(i, &rec); err != nil {
			return err
		}
		if rec.ID = ""; ok {
			rec.ID, rec.Own = p.ID, p.Person.Own
		}
		recs[i] = &rec
	}
	return o.putPeople(ctx, by, action, recs...)
}

// putPeople is PutPeople; changing is held.
func (o *Office) putPeople(ctx context.Context, by By, action string, recs ...*store.Person) error {
	plan, err := o.planPeople(ctx, by, action, recs...)
	if err != nil {
		return err
	}
	if err := o.store.Update(ctx, plan.changes); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	o.enterPeople(plan.fresh)
	o.mu.Unlock()
	o.tell(plan.tell)
	return nil
}

// peoplePlan is a change of people that can be: what is to be stored, entered and told.
type peoplePlan struct {
	changes store.Changes
	fresh   []*Person
	tell    Change
}

// planPeople works out what PutPeople does; changing is held.
func (o *Office) planPeople(ctx context.Context, by By, action string, recs ...*store.Person) (plan peoplePlan, err error) {
	var bad fault.Fields
	seen, given, lines := map[string]string{}, map[string]bool{}, map[string]string{}
	for i, rec := range recs {
		at := ""
		if len(recs) > 1 {
			at = "people[" + itoa(i) + "]."
		}
		rec.Login = NormalLogin(rec.Login)
		if !rec.Blocked { // whoever let them in
			rec.Directory.Blocked = false
			if rec.Directory.Gone { // they are nobody else's now
				rec.Directory = store.Origin{}
			}
		}
		o.checkPerson(at, rec, &bad)
		if rec.ID == "" {
			rec.ID = NewID()
		}
		if given[rec.ID] {
			bad.Add(at+"id", "%q is given twice", rec.ID)
		}
		given[rec.ID] = true
		if rec.Login != "" {
			if other, taken := seen[rec.Login]; taken && other != rec.ID {
				bad.Add(at+"login", "%q is given twice", rec.Login)
			}
			seen[rec.Login] = rec.ID
			if p, taken := o.ByLogin(rec.Login); taken && p.ID != rec.ID {
				bad.Add(at+"login", "%q is taken", rec.Login)
			}
		}
		for j := range rec.Lines {
			key := lineKey(&rec.Lines[j])
			if other, taken := lines[key]; taken && other != rec.ID {
				bad.Add(at+"lines["+itoa(j)+"].line", "%q is given twice", rec.Lines[j].Line)
			}
			lines[key] = rec.ID
		}
	}
	if err := bad.Err(); err != nil {
		return plan, err
	}
	if err := o.keepAdmin(recs, ""); err != nil {
		return plan, err
	}
	fresh := make([]*Person, len(recs))
	for i, rec := range recs {
		at := ""
		if len(recs) > 1 {
			at = "people[" + itoa(i) + "]."
		}
		p, err := o.withOwn(at+"own", rec, &bad)
		if err != nil {
			return plan, err
		}
		fresh[i] = p
	}
	if err := bad.Err(); err != nil {
		return plan, err
	}
	changes := store.Changes{}
	c := Change{}
	for _, rec := range recs {
		changes.PutPeople = append(changes.PutPeople, *rec)
		old, existed := o.Person(rec.ID)
		if !existed || old.Name != rec.Name || old.WorkNumber != rec.WorkNumber || old.MobileNumber != rec.MobileNumber ||
			old.HomeNumber != rec.HomeNumber || old.Email != rec.Email || old.Blocked != rec.Blocked || old.LocationID != rec.LocationID {
			c.Cards = append(c.Cards, rec.ID)
		}
		if !existed || old.LocationID != rec.LocationID || old.GroupID != rec.GroupID || old.VIP != rec.VIP || old.Blocked != rec.Blocked {
			c.Levels = append(c.Levels, rec.ID)
		}
		if existed && (old.Login != rec.Login || old.LocationID != rec.LocationID || old.Blocked != rec.Blocked || becomesAnother(&old.Person, rec)) {
			changes.DeleteLinks = append(changes.DeleteLinks, rec.ID)
		}
		if existed && (rec.Blocked || becomesAnother(&old.Person, rec)) {
			c.Signed = append(c.Signed, rec.ID)
			// Whoever learned the old password, or came in when less depended on it, is signed out; an account that comes
			// back signs in again.
			sessions, err := o.store.Sessions(ctx, rec.ID, time.Now())
			if err != nil {
				return plan, fmt.Errorf("office: sessions of %s: %w", rec.ID, err)
			}
			for _, s := range sessions {
				changes.DeleteSessions = append(changes.DeleteSessions, s.Hash)
			}
		}
		c.Policies = append(c.Policies, rec.ID)
	}
	for _, rec := range recs {
		var was any
		if old, existed := o.Person(rec.ID); existed {
			was = personRecord(&old.Person)
		}
		detail := difference(map[string]any{"name": rec.Name}, was, personRecord(rec))
		if old, existed := o.Person(rec.ID); existed && old.PasswordHash != rec.PasswordHash {
			detail["password"] = "changed"
		}
		changes.Audit = append(changes.Audit, o.audit(by, action, about{rec.ID, rec.LocationID}, detail)...)
		if old, existed := o.Person(rec.ID); existed && old.LocationID != rec.LocationID { // those whom they leave are told too
			changes.Audit = append(changes.Audit, o.audit(by, action, about{rec.ID, old.LocationID}, detail)...)
		}
	}
	return peoplePlan{changes, fresh, c}, nil
}

// becomesAnother reports whether an account changes so that who is signed in with it must show anew who they are: another
// password, other rights, or the account of a directory.
func becomesAnother(was, is *store.Person) bool {
	return was.PasswordHash != is.PasswordHash || was.Role != is.Role || !slices.Equal(was.Administers, is.Administers) ||
		was.Directory.ConnectorID != is.Directory.ConnectorID || was.Directory.ExternalID != is.Directory.ExternalID
}

// personRecord is what the audit log says of a person's record.
func personRecord(p *store.Person) any {
	return map[string]any{
		"name": p.Name, "login": p.Login, "email": p.Email, "location": p.LocationID, "group": p.GroupID, "work_number": p.WorkNumber,
		"mobile_number": p.MobileNumber, "home_number": p.HomeNumber, "voicemail_number": p.Voicemail, "time_zone": p.TimeZone,
		"language": p.Language, "role": p.Role, "administers": p.Administers, "vip": p.VIP, "blocked": p.Blocked, "lines": p.Lines,
	}
}

// ownRecord is what the audit log says of what people set for themselves.
func ownRecord(p *store.Person, own policy.Own) any {
	return map[string]any{
		"activation": own.Activation, "calendar": own.Calendar, "teams": own.Teams, "profiles": own.Profiles, "favourites": own.Favourites,
		"language": p.Language, "time_zone": p.TimeZone,
	}
}

// Check returns what is wrong with a record, as PutPeople would say, but for what only shows when it is entered.
func (o *Office) Check(rec *store.Person) error {
	var bad fault.Fields
	o.checkPerson("", rec, &bad)
	if p, taken := o.ByLogin(rec.Login); rec.Login != "" && taken && p.ID != rec.ID {
		bad.Add("login", "%q is taken", rec.Login)
	}
	return bad.Err()
}

// withOwn works out what follows from a record, whose scope is in place, and puts its own settings in order. What is
// wrong with them is entered, with the name of the person: whoever imports thousands does not count them.
func (o *Office) withOwn(at string, rec *store.Person, bad *fault.Fields) (*Person, error) {
	own, err := policy.ParseOwn(rec.Own)
	if err != nil {
		bad.Add(at, "cannot be read (%s)", rec.Name)
		return nil, nil
	}
	before := policy.Own{}
	if old, ok := o.Person(rec.ID); ok {
		before = old.Own
	}
	rec.Own = policy.Own{}.JSON()
	p, err := o.personLocked(*rec)
	if err != nil {
		return nil, err
	}
	own, _ = own.Discard(p.Settings)
	nameProfiles(&own)
	if err := own.Check(p.Settings, &before); err != nil {
		var told *fault.Error
		if !errors.As(err, &told) {
			return nil, err
		}
		for _, f := range told.Fields {
			bad.Add(at+"."+f.Path, "%s (%s)", f.Message, rec.Name)
		}
	}
	rec.Own = own.JSON()
	return o.personLocked(*rec)
}

// nameProfiles gives the profiles that have no ID one.
func nameProfiles(own *policy.Own) {
	for i := range own.Profiles {
		if own.Profiles[i].ID == "" {
			own.Profiles[i].ID = NewID()
		}
	}
}

func (o *Office) personLocked(rec store.Person) (*Person, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.personOf(rec)
}

// enterPeople puts people in the place of those with the same IDs, many as fast as one; mu is held. No person comes
// twice.
func (o *Office) enterPeople(fresh []*Person) {
	replaced := map[*Person]bool{}
	for _, p := range fresh {
		if old := o.people[p.ID]; old != nil {
			replaced[old] = true
			if old.Login != "" {
				delete(o.logins, old.Login)
			}
			o.forgetLines(old)
		}
	}
	for _, p := range fresh {
		o.people[p.ID] = p
		if p.Login != "" {
			o.logins[p.Login] = p.ID
		}
		o.noteLines(p)
	}
	fresh = slices.SortedFunc(slices.Values(fresh), byName)
	sorted := make([]*Person, 0, len(o.sorted)+len(fresh))
	for _, p := range o.sorted {
		if replaced[p] {
			continue
		}
		for len(fresh) > 0 && byName(fresh[0], p) < 0 {
			sorted, fresh = append(sorted, fresh[0]), fresh[1:]
		}
		sorted = append(sorted, p)
	}
	o.sorted = append(sorted, fresh...)
}

func (o *Office) noteLines(p *Person) {
	for i := range p.Lines {
		o.lines[lineKey(&p.Lines[i])] = p.ID
	}
}

func (o *Office) forgetLines(p *Person) {
	for i := range p.Lines {
		delete(o.lines, lineKey(&p.Lines[i]))
	}
}

func (o *Office) checkPerson(at string, rec *store.Person, bad *fault.Fields) {
	if len(rec.ID) > longestID || strings.ContainsFunc(rec.ID, func(r rune) bool { return r <= 0x20 || r == 0x7f || r == utf8.RuneError }) {
		bad.Add(at+"id", "must be at most %d characters without spaces", longestID)
	}
	name := strings.TrimSpace(rec.Name)
	switch {
	case name == "":
		bad.Add(at+"name", "must not be empty")
	case utf8.RuneCountInString(name) > 120 || strings.ContainsFunc(rec.Name, func(r rune) bool { return r < 0x20 }):
		bad.Add(at+"name", "must be one line of at most 120 characters")
	}
	rec.Name = name
	if strings.ContainsAny(rec.Login, " \t\r\n/\\") && !strings.Contains(rec.Login, "\\") || len(rec.Login) > 120 {
		bad.Add(at+"login", "must be at most 120 characters without spaces")
	}
	for _, n := range []struct{ field, number string }{
		{"work_number", rec.WorkNumber}, {"mobile_number", rec.MobileNumber}, {"home_number", rec.HomeNumber}, {"voicemail_number", rec.Voicemail},
	} {
		policy.CheckNumber(at+n.field, n.number, bad)
	}
	if rec.Email != "" && (!strings.Contains(rec.Email, "@") || strings.ContainsAny(rec.Email, " \r\n<>") || len(rec.Email) > 254) {
		bad.Add(at+"email", "%q is no address", rec.Email)
	}
	CheckZone(at+"time_zone", rec.TimeZone, bad)
	checkLanguage(at+"language", rec.Language, bad)
	switch rec.Role {
	case "":
		rec.Role = RoleUser
	case RoleUser, RoleLocationAdmin, RoleAdmin:
	default:
		bad.Add(at+"role", "%q is none of user, location_admin, admin", rec.Role)
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	o.checkLines(at, rec, bad)
	switch {
	case rec.Role == RoleLocationAdmin && len(rec.Administers) == 0:
		bad.Add(at+"administers", "must name a location for an administrator of locations")
	case rec.Role != RoleLocationAdmin && len(rec.Administers) > 0:
		bad.Add(at+"administers", "is for administrators of locations")
	}
	for i, l := range rec.Administers {
		if _, ok := o.locations[l]; !ok {
			bad.Add(at+"administers["+itoa(i)+"]", "there is no location %q", l)
		}
	}
	if _, ok := o.locations[rec.LocationID]; !ok {
		bad.Add(at+"location", "there is no location %q", rec.LocationID)
	} else if g, ok := o.groups[rec.GroupID]; rec.GroupID != "" && (!ok || g.LocationID != rec.LocationID) {
		bad.Add(at+"group", "there is no configuration group %q in that location", rec.GroupID)
	}
}

// DeletePerson removes a person and everything about them. The audit log keeps their ID (O6).
func (o *Office) DeletePerson(ctx context.Context, by By, id string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	p, ok := o.Person(id)
	if !ok {
		return fault.New(fault.NotFound, "there is no person %q", id)
	}
	if err := o.keepAdmin(nil, id); err != nil {
		return err
	}
	if err := o.store.Update(ctx, store.Changes{
		DeletePeople: []string{id}, Audit: o.audit(by, "person.delete", about{person: id}, nil),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	delete(o.people, id)
	if p.Login != "" {
		delete(o.logins, p.Login)
	}
	o.forgetLines(p)
	o.sorted = drop(o.sorted, p)
	for _, g := range o.inWork[id] {
		o.enterWorkGroupMust(&store.WorkGroup{ID: g.ID, Name: g.Name, Level: g.Level, Members: drop(g.Members, id)})
	}
	for _, g := range slices.Concat(o.observes[id], o.observed[id]) {
		now := o.monitoring[g.ID] // one may observe and be observed in the same group
		o.enterMonitoringGroupMust(&store.MonitoringGroup{
			ID: now.ID, Name: now.Name, ObserverLevel: now.ObserverLevel, MemberLevel: now.MemberLevel,
			Observers: drop(now.Observers, id), Members: drop(now.Members, id),
		})
	}
	for _, g := range o.inProvided[id] {
		left := *g
		left.Members = drop(g.Members, id)
		o.enterProvided(&left)
	}
	delete(o.own, id)
	for _, viewers := range o.own {
		delete(viewers, id)
	}
	maps.DeleteFunc(o.calendars, func(_ string, c store.Calendar) bool { return c.PersonID == id })
	maps.DeleteFunc(o.identities, func(_ store.IdentityKey, v store.Identity) bool { return v.PersonID == id })
	maps.DeleteFunc(o.tokens, func(_ string, t store.Token) bool { return t.PersonID == id })
	o.mu.Unlock()
	o.tell(Change{Removed: []string{id}, Cards: []string{id}, Levels: []string{id}, Signed: []string{id}})
	return nil
}

func drop[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return y == x })
}

// ChangeOwn lets edit change a copy of a person's own settings, then checks and stores them. The profiles in them
// that have no ID are given one.
func (o *Office) ChangeOwn(ctx context.Context, by By, action, id string, edit func(*Person, *policy.Own) error) error {
	return o.changeOwn(ctx, by, action, id, edit, nil)
}

func (o *Office) changeOwn(ctx context.Context, by By, action, id string, edit func(*Person, *policy.Own) error, preferences func(*store.Person)) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	p, ok := o.Person(id)
	if !ok {
		return fault.New(fault.NotFound, "there is no person %q", id)
	}
	own := p.Own
	own.Activation = maps.Clone(own.Activation)
	own.Profiles = slices.Clone(own.Profiles)
	if err := edit(p, &own); err != nil {
		return err
	}
	nameProfiles(&own)
	if err := own.Check(p.Settings, &p.Own); err != nil {
		return err
	}
	rec := p.Person
	rec.Own = own.JSON()
	if preferences != nil {
		preferences(&rec)
	}
	detail := difference(map[string]any{}, ownRecord(&p.Person, p.Own), ownRecord(&rec, own))
	if by.Actor == id || by.Person == id { // what people set for themselves is theirs: the log says which parts
		detail = map[string]any{"changed": namesIn(detail)}
	}
	return o.replace(ctx, o.audit(by, action, about{person: id}, detail), Change{Policies: []string{id}}, rec)
}

// ChangePreferences is ChangeOwn together with what a person may set of their own record.
func (o *Office) ChangePreferences(ctx context.Context, by By, id, language, zone string, edit func(*Person, *policy.Own) error) error {
	var bad fault.Fields
	CheckZone("time_zone", zone, &bad)
	checkLanguage("language", language, &bad)
	if err := bad.Err(); err != nil {
		return err
	}
	return o.changeOwn(ctx, by, "settings.put", id, edit, func(rec *store.Person) { rec.Language, rec.TimeZone = language, zone })
}

func checkLanguage(at, language string, bad *fault.Fields) {
	switch language {
	case "", "en", "de":
	default:
		bad.Add(at, "%q is none of en, de", language)
	}
}

// replace stores records whose people exist already, and enters them; changing is held.
func (o *Office) replace(ctx context.Context, log []store.AuditEntry, c Change, recs ...store.Person) error {
	fresh := make([]*Person, len(recs))
	for i, rec := range recs {
		p, err := o.personLocked(rec)
		if err != nil {
			return err
		}
		fresh[i] = p
	}
	if err := o.store.Update(ctx, store.Changes{PutPeople: recs, Audit: log}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	o.enterPeople(fresh)
	o.mu.Unlock()
	o.tell(c)
	return nil
}

// ResetPerson resets one person's presence management settings (P11); dry only tells whether there is anything.
func (o *Office) ResetPerson(ctx context.Context, by By, id string, keepProfiles, dry bool) (touched int, err error) {
	p, ok := o.Person(id)
	if !ok {
		return 0, fault.New(fault.NotFound, "there is no person %q", id)
	}
	return o.reset(ctx, by, []*Person{p}, about{person: id}, keepProfiles, dry)
}

// ResetScope resets the settings of everybody in a location, its groups included, or in one configuration group.
func (o *Office) ResetScope(ctx context.Context, by By, scope string, keepProfiles, dry bool) (touched int, err error) {
	people, err := o.inScope(scope)
	if err != nil {
		return 0, err
	}
	return o.reset(ctx, by, people, about{location: o.LocationOf(scope)}, keepProfiles, dry)
}

func (o *Office) reset(ctx context.Context, by By, people []*Person, what about, keepProfiles, dry bool) (int, error) {
	if !dry {
		o.changing.Lock()
		defer o.changing.Unlock()
	}
	var recs []store.Person
	c := Change{}
	for _, p := range people {
		p, ok := o.Person(p.ID) // as it is now that nobody else changes it
		if !ok {
			continue
		}
		if left, changed := p.Own.Reset(keepProfiles); changed {
			rec := p.Person
			rec.Own = left.JSON()
			recs = append(recs, rec)
			c.Policies = append(c.Policies, p.ID)
		}
	}
	if dry || len(recs) == 0 {
		return len(recs), nil
	}
	log := o.audit(by, "settings.reset", what, map[string]any{"people": len(recs), "keep_profiles": keepProfiles})
	return len(recs), o.replace(ctx, log, c, recs...)
}

// inScope returns the people of a location, its groups included, or of a group.
func (o *Office) inScope(scope string) ([]*Person, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if _, ok := o.locations[scope]; !ok {
		if _, ok := o.groups[scope]; !ok {
			return nil, fault.New(fault.NotFound, "there is no location or configuration group %q", scope)
		}
	}
	var people []*Person
	for _, p := range o.sorted {
		if p.LocationID == scope || p.GroupID == scope {
			people = append(people, p)
		}
	}
	return people, nil
}

// Calendars returns the calendars as they were when the office was opened; the agenda keeps them from then on.
func (o *Office) Calendars() []store.Calendar {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.Collect(maps.Values(o.calendars))
}
