// Package office holds the organisation in memory: locations, configuration groups and their settings, people, groups
// and relationships (R1, R2, P6 to P11). It answers what somebody is to somebody else and which policy applies to
// whom, checks and stores changes, and tells those concerned. What presence comes of it is left to the hub.
package office

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Person is a person with what follows from their record. It is immutable: a change makes a new one.
type Person struct {
	store.Person
	Own      policy.Own
	Settings *policy.Settings // of their scope
	Policy   *presence.Policy
	Zone     *time.Location
	folded   string // name for searching and sorting
	spelt    string // the same with umlauts spelt out, as in "mueller"; empty: no other
}

// Change tells listeners what a change of the organisation touches.
type Change struct {
	Policies []string // people whose policy, profiles or own settings changed
	Levels   []string // people whose relationships to others changed, as owner
	// AllLevels says that anybody's relationship to anybody may have changed.
	AllLevels bool
	Cards     []string // people whose name or numbers changed, who are new, or who are gone
	Removed   []string // people who are gone
	Signed    []string // people whose right to be signed in may have ended: blocked, removed, or with a new password
	Revoked   [][]byte // hashes of tokens that are gone
}

// Office is the organisation. Its methods may be called by several goroutines at once; answers are immutable.
type Office struct {
	store store.Store
	log   *slog.Logger

	findSystem func(id string) (System, bool)

	changing  sync.Mutex // held by whoever changes something, while it is checked, stored and entered
	listeners []func(Change)

	mu         sync.RWMutex // guards what follows; taken after changing
	locations  map[string]store.Location
	groups     map[string]store.Group
	sections   map[string]map[string]json.RawMessage // by scope and name
	settings   map[string]*policy.Settings           // in force, by scope
	policies   map[string]*presence.Policy           // of people without own settings, by scope
	people     map[string]*Person
	logins     map[string]string // person by login
	lines      map[string]string // person by lineKey, of those that are entered
	sorted     []*Person         // by folded name, then ID; replaced, never changed: readers keep it without mu
	workGroups map[string]*store.WorkGroup
	monitoring map[string]*store.MonitoringGroup
	inWork     map[string][]*store.WorkGroup
	observes   map[string][]*store.MonitoringGroup
	observed   map[string][]*store.MonitoringGroup
	own        map[string]map[string]rights.Level // own choice, by owner and viewer
	levels     map[any]levels                     // of groups, by pointer
	tokens     map[string]store.Token             // by hash
	calendars  map[string]store.Calendar
	identities map[store.IdentityKey]store.Identity
	provided   map[string]*store.DirectoryGroup   // groups of outside systems
	inProvided map[string][]*store.DirectoryGroup // by member
}

// levels are a group's levels, parsed once.
type levels struct{ a, b rights.Level }

// Open reads the organisation from the store.
func Open(ctx context.Context, st store.Store, log *slog.Logger) (*Office, error) {
	o := &Office{store: st, log: log}
	all, err := st.LoadOffice(ctx)
	if err != nil {
		return nil, fmt.Errorf("office: load: %w", err)
	}
	o.locations = map[string]store.Location{}
	o.groups = map[string]store.Group{}
	o.sections = map[string]map[string]json.RawMessage{}
	o.settings = map[string]*policy.Settings{}
	o.policies = map[string]*presence.Policy{}
	o.people = make(map[string]*Person, len(all.People))
	o.logins = make(map[string]string, len(all.People))
	o.lines = map[string]string{}
	o.workGroups = map[string]*store.WorkGroup{}
	o.monitoring = map[string]*store.MonitoringGroup{}
	o.inWork = map[string][]*store.WorkGroup{}
	o.observes = map[string][]*store.MonitoringGroup{}
	o.observed = map[string][]*store.MonitoringGroup{}
	o.own = map[string]map[string]rights.Level{}
	o.levels = map[any]levels{}
	o.tokens = map[string]store.Token{}
	o.calendars = map[string]store.Calendar{}
	o.identities = map[store.IdentityKey]store.Identity{}
	for _, v := range all.Identities {
		o.identities[store.IdentityKey{ConnectorID: v.ConnectorID, Subject: v.Subject}] = v
	}
	o.provided = map[string]*store.DirectoryGroup{}
	o.inProvided = map[string][]*store.DirectoryGroup{}
	for _, l := range all.Locations {
		o.locations[l.ID] = l
	}
	for _, g := range all.Groups {
		o.groups[g.ID] = g
	}
	for _, s := range all.Sections {
		o.setSection(s)
	}
	for id := range o.locations {
		if err := o.refresh(id); err != nil {
			return nil, err
		}
	}
	for _, p := range all.People {
		person, err := o.personOf(p)
		if err != nil {
			return nil, err
		}
		o.people[p.ID] = person
		if p.Login != "" {
			o.logins[p.Login] = p.ID
		}
		o.noteLines(person)
		o.sorted = append(o.sorted, person)
	}
	slices.SortFunc(o.sorted, byName)
	for i := range all.WorkGroups {
		if err := o.enterWorkGroup(&all.WorkGroups[i]); err != nil {
			return nil, err
		}
	}
	for i := range all.MonitoringGroups {
		if err := o.enterMonitoringGroup(&all.MonitoringGroups[i]); err != nil {
			return nil, err
		}
	}
	for i := range all.DirectoryGroups {
		o.enterProvided(&all.DirectoryGroups[i])
	}
	for _, r := range all.Relationships {
		if err := o.enterRelationship(r); err != nil {
			return nil, err
		}
	}
	for _, t := range all.Tokens {
		o.tokens[string(t.Hash)] = t
	}
	for _, c := range all.Calendars {
		o.calendars[c.ID] = c
	}
	return o, nil
}

// Listen has f called after every change, in the order of the changes. f must not change the office itself. It is
// to be called before the office is used.
func (o *Office) Listen(f func(Change)) { o.listeners = append(o.listeners, f) }

func (o *Office) tell(c Change) {
	for _, f := range o.listeners {
		f(c)
	}
}

// Tidy deletes what has expired at now, and audit entries that are older than keep; zero keeps them all.
func (o *Office) Tidy(ctx context.Context, now time.Time, keep time.Duration) error {
	if err := o.deleteExpired(ctx, now); err != nil {
		return fmt.Errorf("office: %w", err)
	}
	if keep <= 0 {
		return nil
	}
	// A year's entries may take a while, and nothing that is held in memory depends on them.
	if err := o.store.DeleteAudit(ctx, now.Add(-keep)); err != nil {
		return fmt.Errorf("office: %w", err)
	}
	return nil
}

func (o *Office) deleteExpired(ctx context.Context, now time.Time) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if err := o.store.DeleteExpired(ctx, now); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.tokens, func(_ string, t store.Token) bool { return !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now) })
	return nil
}

// NewID returns a fresh identifier that nobody can guess.
func NewID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

func byName(a, b *Person) int {
	if c := strings.Compare(a.folded, b.folded); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// personOf works out what follows from a record. The scope's settings must be in place.
func (o *Office) personOf(rec store.Person) (*Person, error) {
	scope := rec.GroupID
	if scope == "" {
		scope = rec.LocationID
	}
	settings := o.settings[scope]
	if settings == nil {
		return nil, fmt.Errorf("person %s: there is no location or group %q", rec.ID, scope)
	}
	return o.personUnder(rec, settings, o.policies[scope])
}

// personUnder is personOf under settings of their scope, and the policy that follows for people without own settings.
func (o *Office) personUnder(rec store.Person, settings *policy.Settings, shared *presence.Policy) (*Person, error) {
	own, err := policy.ParseOwn(rec.Own)
	if err != nil {
		return nil, fmt.Errorf("person %s: %w", rec.ID, err)
	}
	p := &Person{Person: rec, Own: own, Settings: settings, Zone: time.UTC, folded: fold(rec.Name), spelt: spell(rec.Name)}
	if len(own.Activation) == 0 {
		p.Policy = shared
	} else {
		p.Policy = settings.Presence(&own)
	}
	zone := rec.TimeZone
	if zone == "" {
		zone = o.locations[rec.LocationID].TimeZone
	}
	if loc, err := loadZone(zone); err == nil {
		p.Zone = loc
	}
	return p, nil
}

var zones sync.Map // *time.Location by IANA name

func loadZone(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	zones.Store(name, loc)
	return loc, nil
}

// CheckZone enters what is wrong with the name of a time zone; empty is fine.
func CheckZone(at, name string, bad *fault.Fields) {
	if name == "" {
		return
	}
	if _, err := loadZone(name); err != nil || name == "Local" {
		bad.Add(at, "%q is no IANA time zone, such as Europe/Berlin", name)
	}
}

// By is who makes a change, and from where, for the audit log. The zero value is the system.
type By struct {
	Actor   string // a person's ID, or "token/" and a token's, or "connector/" and a connector's
	Address string // of the network; empty: not over the network
	Person  string // whom the actor acts for, if it is not a person itself
}

// Entry returns an entry of the audit log about what they do.
func (by By) Entry(action string) store.AuditEntry {
	return store.AuditEntry{At: time.Now().UTC(), Actor: by.Actor, Address: by.Address, Action: action}
}

// about says what an entry of the audit log concerns.
type about struct{ person, location string }

// audit returns the entry for a change that is about to be made. Where a person is concerned, so is their location.
func (o *Office) audit(by By, action string, what about, detail any) []store.AuditEntry {
	e := by.Entry(action)
	e.PersonID, e.LocationID = what.person, what.location
	if p, ok := o.Person(what.person); ok && e.LocationID == "" {
		e.LocationID = p.LocationID
	}
	if detail != nil {
		value, err := json.Marshal(detail)
		if err != nil { // plain data
			panic(err)
		}
		e.Detail = value
	}
	return []store.AuditEntry{e}
}

// difference adds to the detail of an audit entry what a change makes of a record, by the names of its JSON form: only
// what differs. A record that is not there before or afterwards is nil.
func difference(detail map[string]any, before, after any) map[string]any {
	was, is := fieldsOf(before), fieldsOf(after)
	for name, value := range was {
		if bytes.Equal(value, is[name]) {
			delete(was, name)
			delete(is, name)
		}
	}
	if len(was) > 0 {
		detail["before"] = was
	}
	if len(is) > 0 {
		detail["after"] = is
	}
	return detail
}

// namesIn returns the names of the fields in a difference, sorted.
func namesIn(detail map[string]any) []string {
	names := map[string]bool{}
	for _, side := range detail {
		fields, _ := side.(map[string]json.RawMessage)
		for name := range fields {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func fieldsOf(record any) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if record == nil {
		return fields
	}
	value, err := json.Marshal(record)
	if err == nil {
		err = json.Unmarshal(value, &fields)
	}
	if err != nil { // plain data
		panic(err)
	}
	return fields
}

// stored turns the store's refusals into faults.
func stored(err error) error {
	if err == nil {
		return nil
	}
	var c *store.ConflictError
	var long *store.TooLongError
	switch {
	case errors.As(err, &long):
		return fault.Bad(long.Field, "is too long; at most %d bytes are allowed", store.MaxKey)
	case asConflict(err, &c):
		return fault.Wrap(fault.Conflict, err, "%s: %s is taken or still in use", c.Record, c.Field)
	default:
		return fmt.Errorf("office: %w", err)
	}
}
