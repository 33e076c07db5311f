package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/scim"
	"github.com/doorlight/doorlight/internal/store"
)

// SCIM brings the people and groups of a provider of identities into the organisation, as it sends them. It implements
// scim.Backend. People who do not come from this provider are not there for it.
type SCIM struct {
	Office    *office.Office
	By        office.By
	Connector string
	// Rules returns the settings as they are now. Its error ends a change.
	Rules func() (Rules, error)
	// Count is told what a request has done; nil: nobody is.
	Count func(Outcome)

	rules Rules // of the change under way
}

// Rules are the settings for a provider.
type Rules struct {
	Places         []Place // the last is for everybody
	TakeOver       bool    // plain users who were entered here, and have the login of one of its people, become its own
	WorkGroupLevel string  // of the work groups that follow its groups; empty: there are none
}

// change makes a change as a whole, by the settings of that moment.
func (s *SCIM) change(ctx context.Context, edit func(*office.Provision) error) error {
	return told(s.Office.Provision(ctx, s.By, s.Connector, func(v *office.Provision) (err error) {
		if s.rules, err = s.Rules(); err != nil {
			return err
		}
		return edit(v)
	}))
}

// Outcome is what a request has done to somebody or to a group.
type Outcome uint8

// What a request can do.
const (
	DidAdd Outcome = iota
	DidChange
	DidNothing
	DidBlock
)

func (s *SCIM) count(what Outcome) {
	if s.Count != nil {
		s.Count(what)
	}
}

// Each implements scim.Backend.
func (s *SCIM) Each(_ context.Context, t *scim.Type, h scim.Hint, f func(scim.Object) bool) error {
	if t == scim.Groups {
		for _, g := range s.Office.ProvidedGroups(s.Connector) {
			if h.ID != "" && h.ID != g.ID || h.DisplayName != "" && !strings.EqualFold(h.DisplayName, g.Name) || h.ExternalID != "" && h.ExternalID != g.ExternalID {
				continue
			}
			if !f(s.group(&g)) {
				break
			}
		}
		return nil
	}
	var all []*office.Person
	one := func(p *office.Person, ok bool) {
		if ok && p.ComesFrom(s.Connector) {
			all = []*office.Person{p}
		}
	}
	switch {
	case h.ID != "":
		one(s.Office.Person(h.ID))
	case h.UserName != "":
		one(s.Office.ByLogin(h.UserName))
	case h.ExternalID != "":
		one(s.Office.ByExternalID(s.Connector, h.ExternalID))
	default:
		all = s.Office.Provided(s.Connector)
	}
	for _, p := range all {
		if !f(s.user(&p.Person)) {
			break
		}
	}
	return nil
}

// Get implements scim.Backend.
func (s *SCIM) Get(_ context.Context, t *scim.Type, id string) (scim.Object, error) {
	if t == scim.Groups {
		g, ok := s.Office.ProvidedGroup(s.Connector, id)
		if !ok {
			return nil, scim.NotFound(t, id)
		}
		return s.group(&g), nil
	}
	p, err := s.person(id)
	if err != nil {
		return nil, err
	}
	return s.user(&p.Person), nil
}

// person returns somebody who comes from the provider.
func (s *SCIM) person(id string) (*office.Person, error) {
	p, ok := s.Office.Person(id)
	if !ok || !p.ComesFrom(s.Connector) {
		return nil, scim.NotFound(scim.Users, id)
	}
	return p, nil
}

// user is what the provider is told of a person.
func (s *SCIM) user(p *store.Person) scim.Object {
	o := scim.Object{"id": p.ID, "displayName": p.Name, "name": scim.Object{"formatted": p.Name}, "active": !p.Blocked}
	for name, value := range map[string]string{
		"userName": p.Login, "externalId": p.Directory.ExternalID, "preferredLanguage": p.Language, "timezone": p.TimeZone,
	} {
		if value != "" {
			o[name] = value
		}
	}
	if p.Email != "" {
		o["emails"] = []any{scim.Object{"value": p.Email, "type": "work", "primary": true}}
	}
	var numbers []any
	for _, n := range numbersOf(p) {
		if *n.to != "" {
			numbers = append(numbers, scim.Object{"value": *n.to, "type": n.kind})
		}
	}
	if len(numbers) > 0 {
		o["phoneNumbers"] = numbers
	}
	var groups []any
	for _, g := range s.Office.ProvidedGroupsOf(p.ID) {
		groups = append(groups, scim.Object{"value": g.ID, "display": g.Name, "type": "direct"})
	}
	if len(groups) > 0 {
		o["groups"] = groups
	}
	o["meta"] = scim.Object{"created": created(p.CreatedAt)}
	return o
}

func created(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// numbersOf returns where the numbers of each type stand.
func numbersOf(p *store.Person) []struct {
	kind string
	to   *string
} {
	return []struct {
		kind string
		to   *string
	}{{"work", &p.WorkNumber}, {"mobile", &p.MobileNumber}, {"home", &p.HomeNumber}}
}

func (s *SCIM) group(g *store.DirectoryGroup) scim.Object {
	o := scim.Object{"id": g.ID, "displayName": g.Name, "meta": scim.Object{"created": created(g.CreatedAt)}}
	if g.ExternalID != "" {
		o["externalId"] = g.ExternalID
	}
	if len(g.Members) > 0 {
		members := make([]any, len(g.Members))
		for i, id := range g.Members {
			members[i] = scim.Object{"value": id, "type": "User"}
		}
		o["members"] = members
	}
	return o
}

// put makes a record what a resource says. before is what the provider was told of it if only changes were sent, nil if
// the whole was.
func (s *SCIM) put(rec *store.Person, before, sent scim.Object) {
	text := func(path ...string) string { return strings.TrimSpace(scim.String(sent, path...)) }
	changed := func(path ...string) bool { return before == nil || text(path...) != scim.String(before, path...) }
	rec.Login = office.NormalLogin(text("userName"))
	rec.Directory.ExternalID = text("externalId")
	given, family := text("name", "givenName"), text("name", "familyName")
	both := strings.TrimSpace(given + " " + family)
	switch display, formatted := text("displayName"), text("name", "formatted"); {
	case display != "" && changed("displayName"):
		rec.Name = display
	case formatted != "" && changed("name", "formatted"):
		rec.Name = formatted
	case both != "" && (before == nil || given != "" && family != ""): // of one alone there is no telling what the other is
		rec.Name = both
	case display == "" && formatted == "":
		rec.Name = rec.Login
	}
	rec.Email = ""
	if email := best(scim.Values(sent, "emails"), "work"); email != nil {
		rec.Email = strings.TrimSpace(scim.String(email, "value"))
	}
	for _, n := range numbersOf(rec) {
		*n.to = number(scim.Values(sent, "phoneNumbers"), n.kind)
	}
	spoken, known := language(text("preferredLanguage"))
	if !known {
		if l, ok := language(text("locale")); ok && changed("preferredLanguage") {
			spoken, known = l, true
		}
	}
	switch { // what the person has chosen stays if nothing is said
	case known && changed("preferredLanguage"):
		rec.Language = spoken
	case before != nil && text("preferredLanguage") == "" && changed("preferredLanguage"):
		rec.Language = ""
	}
	zone := text("timezone")
	var bad fault.Fields
	office.CheckZone("", zone, &bad)
	if changed("timezone") && len(bad) == 0 && (zone != "" || before != nil) {
		rec.TimeZone = zone
	}
	if active, said := sent["active"].(bool); said {
		switch {
		case !active && !rec.Blocked:
			rec.Blocked, rec.Directory.Blocked = true, true
		case active && rec.Directory.Blocked: // never if somebody here blocked them
			rec.Blocked, rec.Directory.Blocked = false, false
		}
	}
}

// best returns of several values the primary one, else the first of a type, else the first that there is.
func best(all []scim.Object, kind string) (found scim.Object) {
	rank := 0
	for _, v := range all {
		n := 1
		switch {
		case scim.String(v, "value") == "":
			continue
		case v["primary"] == true:
			n = 3
		case strings.EqualFold(scim.String(v, "type"), kind):
			n = 2
		}
		if n > rank {
			found, rank = v, n
		}
	}
	return found
}

// number returns the number of a type, the primary one if there are several. A remark in the place of a number is none.
func number(all []scim.Object, kind string) (found string) {
	for _, v := range all {
		if !strings.EqualFold(scim.String(v, "type"), kind) {
			continue
		}
		n := strings.TrimPrefix(strings.TrimSpace(scim.String(v, "value")), "tel:") // RFC 7643 §4.1.2 recommends RFC 3966
		n, _, _ = strings.Cut(n, ";")
		var bad fault.Fields
		if policy.CheckNumber("", n, &bad); len(bad) == 0 && (found == "" || v["primary"] == true) {
			found = n
		}
	}
	return found
}

// language returns the one that is offered of a tag such as de-CH (RFC 5646), or the first of several as in HTTP.
func language(tag string) (word string, ok bool) {
	tag = strings.ToLower(strings.TrimSpace(tag))
	if end := strings.IndexAny(tag, "-_,; "); end >= 0 {
		tag = tag[:end]
	}
	return tag, tag == "en" || tag == "de"
}

// place says where somebody belongs who is in groups.
func (s *SCIM) place(rec *store.Person, groups []store.DirectoryGroup) error {
	for _, p := range s.rules.Places {
		if p.Member == "" || slices.ContainsFunc(groups, func(g store.DirectoryGroup) bool { return g.ID == p.Member || strings.EqualFold(g.Name, p.Member) }) {
			rec.LocationID, rec.GroupID = p.Location, p.Group
			return nil
		}
	}
	return &scim.Error{Status: http.StatusBadRequest, Type: scim.InvalidValue, Detail: "the settings here say of none of the groups of " + rec.Login + " where its people belong, nor of everybody"}
}

func taken(format string, args ...any) error {
	return &scim.Error{Status: http.StatusConflict, Type: scim.Uniqueness, Detail: fmt.Sprintf(format, args...)}
}

// Create implements scim.Backend. Somebody whom the provider deleted comes back, found by externalId or else by userName.
func (s *SCIM) Create(ctx context.Context, t *scim.Type, sent scim.Object) (out scim.Object, err error) {
	if t == scim.Groups {
		return s.createGroup(ctx, sent)
	}
	var rec store.Person
	err = s.change(ctx, func(v *office.Provision) error {
		if rec, err = s.whom(scim.String(sent, "userName"), strings.TrimSpace(scim.String(sent, "externalId"))); err != nil {
			return err
		}
		rec.Directory.ConnectorID, rec.Directory.Gone = s.Connector, false
		if _, said := sent["active"]; !said {
			sent["active"] = true
		}
		s.put(&rec, nil, sent)
		if err := s.place(&rec, nil); err != nil {
			return err
		}
		if err := s.fits(&rec); err != nil {
			return err
		}
		v.PutPerson(&rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.count(DidAdd)
	return s.Get(ctx, t, rec.ID)
}

// whom returns the record that a new user becomes: a new one, or that of somebody who is here.
func (s *SCIM) whom(login, external string) (rec store.Person, err error) {
	if p, ok := s.Office.ByExternalID(s.Connector, external); ok {
		if !p.Directory.Gone {
			return rec, taken("externalId: %q is that of the user %s", external, p.ID)
		}
		if p.Role != office.RoleUser && p.Login != office.NormalLogin(login) {
			return rec, taken("externalId: %q is that of an administrator with another login, who was deleted; an administrator here sees to it", external)
		}
		return p.Person, nil
	}
	p, ok := s.Office.ByLogin(login)
	if !ok {
		return store.Person{Role: office.RoleUser, CreatedAt: time.Now().UTC()}, nil
	}
	rec = p.Person
	switch {
	case p.ComesFrom(s.Connector):
		return rec, taken("userName: %q is that of the user %s", login, p.ID)
	case p.Directory.ConnectorID != "" && p.Directory.ConnectorID != s.Connector:
		return rec, taken("userName: %q is that of somebody from another system", login)
	case p.Role != office.RoleUser: // whoever can write there must not become them
		return rec, taken("userName: %q is that of an administrator who was entered here; rename one of the two", login)
	case p.Directory.ConnectorID == "" && !s.rules.TakeOver:
		return rec, taken("userName: %q is that of somebody who was entered here; the settings here can let such people be taken over", login)
	}
	rec.PasswordHash = "" // whoever knew it must not be whom the provider knows
	return rec, nil
}

// fits tells what is taken; only one who changes the organisation may ask.
func (s *SCIM) fits(rec *store.Person) error {
	if p, ok := s.Office.ByLogin(rec.Login); ok && p.ID != rec.ID {
		return taken("userName: %q is taken", rec.Login)
	}
	if p, ok := s.Office.ByExternalID(s.Connector, rec.Directory.ExternalID); ok && p.ID != rec.ID {
		return taken("externalId: %q is taken", rec.Directory.ExternalID)
	}
	return nil
}

// Change implements scim.Backend.
func (s *SCIM) Change(ctx context.Context, t *scim.Type, id string, patched bool, edit func(scim.Object) (scim.Object, error)) (scim.Object, error) {
	if t == scim.Groups {
		return s.changeGroup(ctx, id, edit)
	}
	what := DidNothing
	err := s.change(ctx, func(v *office.Provision) error {
		p, err := s.person(id)
		if err != nil {
			return err
		}
		now := s.user(&p.Person)
		sent, err := edit(now)
		if err != nil {
			return err
		}
		rec := p.Person
		if !patched {
			now = nil
		}
		s.put(&rec, now, sent)
		if p.Role != office.RoleUser && rec.Directory.ExternalID == "" {
			rec.Directory.ExternalID = p.Directory.ExternalID
		}
		if p.Role != office.RoleUser && p.Directory.ExternalID != "" && rec.Directory.ExternalID != p.Directory.ExternalID {
			// Who signs in may be found by it: whoever can write there must not become them.
			return &scim.Error{Status: http.StatusConflict, Type: scim.Mutability, Detail: "externalId: of an administrator it stays as it is"}
		}
		if err := s.place(&rec, s.Office.ProvidedGroupsOf(p.ID)); err != nil {
			return err
		}
		if err := s.fits(&rec); err != nil {
			return err
		}
		if same(&p.Person, &rec) && p.Language == rec.Language && p.TimeZone == rec.TimeZone {
			return nil
		}
		if what = DidChange; rec.Blocked && !p.Blocked {
			what = DidBlock
		}
		v.PutPerson(&rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.count(what)
	return s.Get(ctx, t, id)
}

// Delete implements scim.Backend. A user is blocked, leaves the groups, and is not there for the provider until it makes
// the user anew.
func (s *SCIM) Delete(ctx context.Context, t *scim.Type, id string, check func(scim.Object) error) error {
	err := s.change(ctx, func(v *office.Provision) error {
		if t == scim.Groups {
			g, ok := s.Office.ProvidedGroup(s.Connector, id)
			if !ok {
				return scim.NotFound(t, id)
			}
			if err := check(s.group(&g)); err != nil {
				return err
			}
			v.DeleteGroup(id, false)
			return s.move(v, g.Members, id, nil)
		}
		p, err := s.person(id)
		if err != nil {
			return err
		}
		if err := check(s.user(&p.Person)); err != nil {
			return err
		}
		rec := p.Person
		if !rec.Blocked {
			rec.Blocked, rec.Directory.Blocked = true, true
		}
		rec.Directory.Gone = true
		v.PutPerson(&rec)
		for _, g := range s.Office.ProvidedGroupsOf(id) {
			g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == id })
			v.PutGroup(&g, s.rules.WorkGroupLevel)
		}
		return nil
	})
	if err == nil {
		s.count(DidBlock)
	}
	return err
}

func (s *SCIM) createGroup(ctx context.Context, sent scim.Object) (scim.Object, error) {
	var g store.DirectoryGroup
	err := s.change(ctx, func(v *office.Provision) error {
		if err := s.enterGroup(&g, sent); err != nil {
			return err
		}
		return s.putGroup(v, &store.DirectoryGroup{}, &g)
	})
	if err != nil {
		return nil, err
	}
	s.count(DidAdd)
	return s.Get(ctx, scim.Groups, g.ID)
}

func (s *SCIM) changeGroup(ctx context.Context, id string, edit func(scim.Object) (scim.Object, error)) (scim.Object, error) {
	what := DidChange
	err := s.change(ctx, func(v *office.Provision) error {
		g, ok := s.Office.ProvidedGroup(s.Connector, id)
		if !ok {
			return scim.NotFound(scim.Groups, id)
		}
		now := s.group(&g)
		before := scim.Version(now)
		sent, err := edit(now)
		if err != nil {
			return err
		}
		after := g
		if err := s.enterGroup(&after, sent); err != nil {
			return err
		}
		if scim.Version(s.group(&after)) == before {
			what = DidNothing
			return nil
		}
		return s.putGroup(v, &g, &after)
	})
	if err != nil {
		return nil, err
	}
	s.count(what)
	return s.Get(ctx, scim.Groups, id)
}

// enterGroup makes a group what a resource says.
func (s *SCIM) enterGroup(g *store.DirectoryGroup, sent scim.Object) error {
	known := map[string]bool{} // of a large group most members were there before
	for _, id := range g.Members {
		known[id] = true
	}
	g.Name, g.ExternalID = strings.TrimSpace(scim.String(sent, "displayName")), strings.TrimSpace(scim.String(sent, "externalId"))
	members := scim.Values(sent, "members")
	ids := make([]string, 0, len(members))
	for _, m := range members {
		id := scim.String(m, "value")
		if known[id] {
			ids = append(ids, id)
			continue
		}
		if _, nested := s.Office.ProvidedGroup(s.Connector, id); nested || strings.EqualFold(scim.String(m, "type"), "Group") {
			return &scim.Error{Status: http.StatusBadRequest, Type: scim.InvalidValue, Detail: "members: groups cannot be members of groups here; name their users"}
		}
		if _, err := s.person(id); err != nil {
			return &scim.Error{Status: http.StatusBadRequest, Type: scim.InvalidValue, Detail: "members: " + err.Error()}
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	g.Members = slices.Compact(ids)
	return nil
}

// putGroup puts a group in the place of an old one, and moves those who belong elsewhere by it.
func (s *SCIM) putGroup(v *office.Provision, old, g *store.DirectoryGroup) error {
	for _, other := range s.Office.ProvidedGroups(s.Connector) {
		if other.ID != g.ID && strings.EqualFold(other.Name, g.Name) {
			return taken("displayName: %q is that of the group %s", g.Name, other.ID)
		}
	}
	v.PutGroup(g, s.rules.WorkGroupLevel)
	times := map[string]int{}
	for _, id := range slices.Concat(old.Members, g.Members) {
		times[id]++
	}
	var affected []string
	for id, n := range times {
		if n == 1 || old.Name != g.Name { // who stays in it stays where they are
			affected = append(affected, id)
		}
	}
	slices.Sort(affected)
	return s.move(v, affected, g.ID, g)
}

// move puts people where their groups say they belong: those that they are in, without one that is about to change, and
// what that will be if they will be in it.
func (s *SCIM) move(v *office.Provision, people []string, without string, will *store.DirectoryGroup) error {
	for _, id := range people {
		p, ok := s.Office.Person(id)
		if !ok || !p.ComesFrom(s.Connector) {
			continue
		}
		groups := slices.DeleteFunc(s.Office.ProvidedGroupsOf(id), func(g store.DirectoryGroup) bool { return g.ID == without })
		if will != nil {
			if _, in := slices.BinarySearch(will.Members, id); in {
				groups = append(groups, *will)
			}
		}
		rec := p.Person
		if err := s.place(&rec, groups); err != nil {
			return err
		}
		if rec.LocationID != p.LocationID || rec.GroupID != p.GroupID {
			v.PutPerson(&rec)
		}
	}
	return nil
}

// Rearrange puts everybody where the settings say now, and makes, changes or removes the work groups.
func (s *SCIM) Rearrange(ctx context.Context) error {
	for some := range slices.Chunk(s.Office.Provided(s.Connector), together) {
		if err := s.change(ctx, func(v *office.Provision) error {
			ids := make([]string, len(some))
			for i, p := range some {
				ids[i] = p.ID
			}
			return s.move(v, ids, "", nil)
		}); err != nil {
			return err
		}
	}
	for _, g := range s.Office.ProvidedGroups(s.Connector) {
		if err := s.change(ctx, func(v *office.Provision) error {
			now, ok := s.Office.ProvidedGroup(s.Connector, g.ID)
			if ok && s.rules.WorkGroupLevel != s.Office.WorkGroupLevel(now.WorkGroupID) {
				v.PutGroup(&now, s.rules.WorkGroupLevel)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Leave leaves the people and the work groups as they are, as if they had been entered here, and forgets the groups.
func (s *SCIM) Leave(ctx context.Context) error {
	for _, g := range s.Office.ProvidedGroups(s.Connector) {
		if err := s.Office.Provision(ctx, s.By, s.Connector, func(v *office.Provision) error {
			v.DeleteGroup(g.ID, true)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// namesOf says how a provider calls the fields of our records.
var namesOf = map[string]string{
	"login": "userName", "name": "displayName", "email": "emails", "external_id": "externalId", "work_number": "phoneNumbers", "mobile_number": "phoneNumbers",
	"home_number": "phoneNumbers", "location": "the place in the settings here", "group": "the place in the settings here",
}

// told turns an error of the office into what a provider is told (RFC 7644 §3.12).
func told(err error) error {
	var done *scim.Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	e := &scim.Error{Detail: f.Public}
	switch f.Kind {
	case fault.Invalid:
		e.Status, e.Type = http.StatusBadRequest, scim.InvalidValue
		if len(f.Fields) > 0 {
			name := f.Fields[0].Path
			if at := strings.LastIndexByte(name, '.'); at >= 0 {
				name = name[at+1:]
			}
			if said := namesOf[name]; said != "" {
				name = said
			}
			e.Detail = name + ": " + f.Fields[0].Message
		}
	case fault.Conflict:
		e.Status = http.StatusConflict
		if errors.Is(err, store.ErrConflict) {
			e.Type = scim.Uniqueness
		}
	case fault.NotFound:
		e.Status = http.StatusNotFound
	case fault.Unavailable:
		e.Status = http.StatusServiceUnavailable
	default:
		return err
	}
	return e
}
