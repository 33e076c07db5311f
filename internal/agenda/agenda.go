// Package agenda keeps people's calendars: it has them read by their sources, keeps what scheduling needs of them,
// and turns the appointments of the coming days into claims (C2 to C5). A calendar that cannot be read changes
// nobody's presence: its claims stand until they end or their lease runs out, and its owner is told why. How a
// calendar is reached and how its text is understood is left to the sources and to package calendar.
package agenda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Kinds of calendars.
const (
	KindFeed   = "ics"    // a published iCalendar address
	KindCalDAV = "caldav" // a CalDAV collection
)

// Source reads one kind of calendar.
type Source interface {
	Fetch(ctx context.Context, a source.Account) (source.Result, error)
}

// Config holds what has a default.
type Config struct {
	Log     *slog.Logger
	Every   map[string]time.Duration // how often a kind is read; default: feeds 10 minutes, CalDAV 2 minutes
	Workers int                      // calendars read at the same time; zero: 8
	Timeout time.Duration            // for one reading; zero: 30 s
}

const (
	horizon     = 48 * time.Hour // how far ahead appointments become claims
	ahead       = 24 * time.Hour // claims are worked out anew so long before the horizon is used up
	trust       = 24 * time.Hour // so long after the last success the claims of a calendar hold
	slowest     = time.Hour      // between attempts at a calendar that fails
	mostEach    = 20             // calendars of one person
	longestHref = 900            // keys of the store are bounded
	mostTexts   = 50             // problems that are told of one calendar
)

// Agenda keeps the calendars. Its methods may be called by several goroutines at once.
type Agenda struct {
	store   store.Store
	office  *office.Office
	hub     *hub.Hub
	box     *secret.Box
	sources map[string]Source
	cfg     Config
	log     *slog.Logger
	wake    chan struct{}
	stale   chan []string // people whose policy changed

	mu       sync.Mutex // guards what follows
	entries  map[string]*entry
	byPerson map[string][]*entry
}

// entry is one calendar. reading is held while it is read or its claims are worked out.
type entry struct {
	reading sync.Mutex

	// The rest is guarded by Agenda.mu.
	rec      store.Calendar
	problems []string
	count    int
	next     time.Time // when to read it again
	derived  time.Time // up to when its claims are worked out
	failures int
	gone     bool
}

// Status is a calendar and how it is doing.
type Status struct {
	ID, PersonID, Kind, Name, URL, Username string
	HasPassword                             bool
	CheckedAt, SucceededAt                  time.Time
	Error                                   string
	Problems                                []string
	Appointments                            int
}

// Entry is what somebody enters about a calendar. An empty ID adds one; a nil Password leaves it as it was.
type Entry struct {
	ID, PersonID, Kind, Name, URL, Username string
	Password                                *string
}

// New returns the agenda of an office. Run makes it work.
func New(st store.Store, of *office.Office, h *hub.Hub, box *secret.Box, sources map[string]Source, cfg Config) *Agenda {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Workers == 0 {
		cfg.Workers = 8
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	every := map[string]time.Duration{KindFeed: 10 * time.Minute, KindCalDAV: 2 * time.Minute}
	for kind, d := range cfg.Every {
		every[kind] = d
	}
	cfg.Every = every
	a := &Agenda{
		store: st, office: of, hub: h, box: box, sources: sources, cfg: cfg, log: cfg.Log,
		wake: make(chan struct{}, 1), stale: make(chan []string, 1024),
		entries: map[string]*entry{}, byPerson: map[string][]*entry{},
	}
	now := time.Now()
	for _, rec := range of.Calendars() {
		e := &entry{rec: rec, next: now.Add(rand.N(min(a.every(rec.Kind), time.Minute)))}
		if len(rec.Problems) > 0 {
			if err := json.Unmarshal(rec.Problems, &e.problems); err != nil {
				a.log.Warn("stored problems of a calendar cannot be read", "calendar", rec.ID, "err", err)
			}
		}
		a.enter(e)
	}
	of.Listen(func(c office.Change) {
		for _, id := range c.Removed {
			a.forgetPerson(id)
		}
		if len(c.Policies) > 0 {
			select {
			case a.stale <- c.Policies:
			default: // too many at once: the next reading will work them out
				a.log.Warn("calendars are worked out later: too many settings changed at once")
			}
		}
	})
	return a
}

func (a *Agenda) every(kind string) time.Duration { return a.cfg.Every[kind] }

func (a *Agenda) enter(e *entry) {
	a.entries[e.rec.ID] = e
	a.byPerson[e.rec.PersonID] = append(a.byPerson[e.rec.PersonID], e)
}

func (a *Agenda) forgetPerson(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.byPerson[id] {
		e.gone = true
		delete(a.entries, e.rec.ID)
	}
	delete(a.byPerson, id)
}

// Run reads calendars when they are due until ctx ends, and returns its cause.
func (a *Agenda) Run(ctx context.Context) error {
	due := make(chan *entry)
	var workers sync.WaitGroup
	for range a.cfg.Workers {
		workers.Go(func() {
			for e := range due {
				a.read(ctx, e)
			}
		})
	}
	workers.Go(func() { a.rederive(ctx) })
	defer workers.Wait()
	defer close(due)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.wake:
		case <-timer.C:
		}
		ready, wait := a.ready(time.Now())
		for _, e := range ready {
			select {
			case due <- e:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		timer.Reset(wait)
	}
}

// ready takes the calendars that are due, and says when the next one will be.
func (a *Agenda) ready(now time.Time) (due []*entry, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait = time.Minute
	for _, e := range a.entries {
		if d := e.next.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		e.next = now.Add(a.every(e.rec.Kind)) // until it is known better
		due = append(due, e)
	}
	slices.SortFunc(due, func(x, y *entry) int { return x.rec.CheckedAt.Compare(y.rec.CheckedAt) })
	return due, wait
}

// rederive works out the claims of people whose policy changed.
func (a *Agenda) rederive(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case people := <-a.stale:
			for _, id := range people {
				for _, e := range a.of(id) {
					e.reading.Lock()
					if err := a.derive(ctx, e); err != nil && ctx.Err() == nil {
						a.log.Warn("claims of a calendar could not be worked out", "user", id, "calendar", e.rec.ID, "err", err)
					}
					e.reading.Unlock()
				}
			}
		}
	}
}

func (a *Agenda) of(personID string) []*entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.byPerson[personID])
}

// record returns a copy of an entry's record.
func (a *Agenda) record(e *entry) store.Calendar {
	a.mu.Lock()
	defer a.mu.Unlock()
	return e.rec
}

// read reads one calendar and enters what it brought.
func (a *Agenda) read(ctx context.Context, e *entry) {
	e.reading.Lock()
	defer e.reading.Unlock()
	a.mu.Lock()
	rec, gone := e.rec, e.gone
	a.mu.Unlock()
	p, ok := a.office.Person(rec.PersonID)
	if gone || !ok || ctx.Err() != nil {
		return
	}
	if p.Policy.Off || !p.Settings.Calendar.OwnCalendars || p.Blocked {
		return // nothing is synchronised for them (P10)
	}
	began := time.Now().UTC()
	wait, err := a.fetch(ctx, e, rec, began)
	if err == nil {
		err = a.derive(ctx, e)
	}
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		e.failures++
		back := min(a.every(rec.Kind)<<min(e.failures-1, 10), slowest)
		wait = max(wait, back/2+rand.N(back/2+1))
	} else {
		e.failures = 0
		wait = max(wait, a.every(rec.Kind))
	}
	e.next = began.Add(wait)
}

// fetch has a calendar read and stores the outcome, good or bad. wait is what the source asks for.
func (a *Agenda) fetch(ctx context.Context, e *entry, rec store.Calendar, began time.Time) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	acct := source.Account{URL: rec.URL, Username: rec.Username, State: rec.State, Known: map[string]string{}}
	var known []store.CalendarObject
	if known, err = a.store.CalendarObjects(ctx, rec.ID); err != nil {
		return 0, err
	}
	for _, o := range known {
		acct.Known[o.Href] = o.ETag
	}
	if len(rec.Password) > 0 {
		if acct.Password, err = a.box.Open(rec.Password, "calendar/"+rec.ID); err != nil {
			return 0, a.failed(ctx, e, rec, began, err)
		}
	}
	src := a.sources[rec.Kind]
	if src == nil {
		return 0, a.failed(ctx, e, rec, began, fmt.Errorf("calendars of kind %q cannot be read here", rec.Kind))
	}
	res, err := src.Fetch(ctx, acct)
	if err != nil {
		var told *source.Error
		if errors.As(err, &told) {
			wait = told.RetryAfter
			switch told.Kind { // asking again does not help before somebody changes something
			case source.Credentials, source.NotAllowed, source.BadAddress:
				wait = max(wait, slowest)
			}
		}
		return wait, a.failed(ctx, e, rec, began, err)
	}
	rec.CheckedAt, rec.SucceededAt, rec.Error, rec.State = began, began, "", res.State
	var puts []store.CalendarObject
	if !res.Unchanged {
		problems := []string{}
		for _, href := range res.Skipped {
			problems = append(problems, href+": it is there but could not be read")
		}
		for _, o := range res.Objects {
			if len(o.Href) > longestHref {
				problems = append(problems, cut(o.Href, 100)+": its address is too long")
				continue
			}
			cal, err := calendar.Parse(strings.NewReader(string(o.Data)), calendar.Limits{})
			if err != nil {
				if rec.Kind == KindFeed {
					return 0, a.failed(ctx, e, rec, began, err)
				}
				problems = append(problems, o.Href+": "+err.Error())
				continue
			}
			for _, x := range cal.Problems() {
				problems = append(problems, x.Message)
			}
			if d := cal.RefreshInterval(); rec.Kind == KindFeed && d > 0 {
				res.Every = max(res.Every, d)
			}
			puts = append(puts, store.CalendarObject{CalendarID: rec.ID, Href: o.Href, ETag: o.ETag, Data: cal.Strip()})
		}
		if len(problems) > mostTexts {
			problems = append(problems[:mostTexts], fmt.Sprintf("and %d more", len(problems)-mostTexts))
		}
		if res.Replace || len(problems) > 0 {
			rec.Problems = mustJSON(problems)
		}
	}
	if err := a.store.SyncCalendar(ctx, rec, puts, res.Gone, res.Replace && !res.Unchanged); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return 0, nil // deleted meanwhile
		}
		return 0, err
	}
	a.entered(e, rec)
	return min(max(res.Every, 0), 24*time.Hour), nil
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // plain data
		panic(err)
	}
	return b
}

// entered takes over what was stored, unless somebody changed the calendar meanwhile.
func (a *Agenda) entered(e *entry, rec store.Calendar) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e.rec.CheckedAt, e.rec.SucceededAt, e.rec.Error = rec.CheckedAt, rec.SucceededAt, rec.Error
	if e.rec.URL == rec.URL && e.rec.Kind == rec.Kind {
		e.rec.State = rec.State
	}
	if len(rec.Problems) > 0 {
		e.rec.Problems = rec.Problems
		e.problems = nil
		if err := json.Unmarshal(rec.Problems, &e.problems); err != nil { // made here
			panic(err)
		}
	}
}

// failed enters that a reading went wrong. Objects and claims stay as they are.
func (a *Agenda) failed(ctx context.Context, e *entry, rec store.Calendar, began time.Time, cause error) error {
	text := cause.Error()
	var public interface{ Public() string }
	if errors.As(cause, &public) {
		text = public.Public()
	}
	rec.CheckedAt, rec.Error = began, cut(text, 500)
	a.entered(e, rec)
	if err := a.store.SyncCalendar(context.WithoutCancel(ctx), rec, nil, nil, false); err != nil && !errors.Is(err, store.ErrNotFound) {
		a.log.Warn("state of a calendar could not be stored", "calendar", rec.ID, "err", err)
	}
	return cause
}

// expand returns the appointments of a calendar that touch a span, in the zone of its owner.
func (a *Agenda) expand(ctx context.Context, calendarID string, from, to time.Time, zone *time.Location) ([]calendar.Appointment, error) {
	objects, err := a.store.CalendarObjects(ctx, calendarID)
	if err != nil {
		return nil, err
	}
	var all []calendar.Appointment
	var first error
	for _, o := range objects {
		cal, err := calendar.Parse(strings.NewReader(string(o.Data)), calendar.Limits{})
		if err == nil {
			var some []calendar.Appointment
			some, _, err = cal.Expand(from, to, zone, calendar.Limits{})
			all = append(all, some...)
		}
		if err != nil && first == nil { // the others are good
			first = err
		}
	}
	slices.SortStableFunc(all, func(x, y calendar.Appointment) int { return x.Start.Compare(y.Start) })
	return all, first
}

// derive works out the claims of a calendar for the coming days and has the hub hold them; reading is held.
func (a *Agenda) derive(ctx context.Context, e *entry) error {
	rec := a.record(e)
	p, ok := a.office.Person(rec.PersonID)
	if !ok {
		return nil
	}
	now := hub.Now()
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	days := time.Duration(r.options.DaysAhead) * 24 * time.Hour
	appointments, err := a.expand(ctx, rec.ID, now, now.Add(days), p.Zone)
	if err != nil {
		return err
	}
	near := appointments[:0:0]
	for _, x := range appointments {
		if x.Start.Before(now.Add(min(horizon, days))) {
			near = append(near, x)
		}
	}
	var claims []presence.Claim
	if p.Settings.Calendar.OwnCalendars && !rec.SucceededAt.IsZero() {
		claims = r.derive(rec.ID, near, now, rec.SucceededAt.Add(trust).Truncate(time.Millisecond))
	}
	if err := a.hold(ctx, rec, claims); err != nil {
		return err
	}
	a.mu.Lock()
	e.count, e.derived = len(appointments), now.Add(horizon)
	a.mu.Unlock()
	return nil
}

// hold makes claims the only ones of a calendar. Those that hold already, with trust left, are not written again.
func (a *Agenda) hold(ctx context.Context, rec store.Calendar, claims []presence.Claim) error {
	src := sourceOf(rec.ID)
	wanted := map[string]presence.Claim{}
	for _, c := range claims {
		wanted[c.ID] = c
	}
	held, _, ok := a.hub.Claims(rec.PersonID)
	if !ok || !differs(src, held, wanted) {
		return nil
	}
	return a.hub.Change(ctx, rec.PersonID, func(e *hub.Edit) error {
		for _, c := range slices.Clone(e.Claims()) {
			if c.Source != src {
				continue
			}
			w, ok := wanted[c.ID]
			switch {
			case !ok:
				e.Delete(c.Ref())
			case alike(c, w):
				delete(wanted, c.ID)
			}
		}
		for _, c := range claims {
			if w, ok := wanted[c.ID]; ok {
				e.Put(w)
				delete(wanted, c.ID)
			}
		}
		return nil
	})
}

func differs(src presence.Source, held []presence.Claim, wanted map[string]presence.Claim) bool {
	n := 0
	for _, c := range held {
		if c.Source != src {
			continue
		}
		if w, ok := wanted[c.ID]; !ok || !alike(c, w) {
			return true
		}
		n++
	}
	return n != len(wanted)
}

// alike reports whether a held claim says what is wanted, and its lease is not near its end.
func alike(held, wanted presence.Claim) bool {
	fresh := wanted.Lease.Sub(held.Lease) < trust/2
	held.Lease = wanted.Lease
	return fresh && held.From.Equal(wanted.From) && held.Until.Equal(wanted.Until) && func() bool {
		held.From, held.Until = wanted.From, wanted.Until
		return held == wanted
	}()
}

// Appointments returns what stands in a person's calendars between two instants.
func (a *Agenda) Appointments(personID string, from, to time.Time) []rights.AppointmentFacts {
	p, ok := a.office.Person(personID)
	if !ok || p.Policy.Off {
		return nil
	}
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	var facts []rights.AppointmentFacts
	for _, e := range a.of(personID) {
		rec := a.record(e)
		all, err := a.expand(context.Background(), rec.ID, from, to, p.Zone)
		if err != nil {
			a.log.Warn("a stored calendar cannot be read in part", "user", personID, "calendar", rec.ID, "err", err)
		}
		for i := range all {
			facts = append(facts, factsOf(&rec, &all[i], r))
		}
	}
	return facts
}

func factsOf(rec *store.Calendar, x *calendar.Appointment, r rules) rights.AppointmentFacts {
	m := r.of(x)
	return rights.AppointmentFacts{
		Ref: presence.Ref{Source: sourceOf(rec.ID), ID: claimID(x.ID)}, Start: x.Start, End: x.End, AllDay: x.AllDay, ShowAs: showAs(x.ShowAs),
		Status: m.status, Profile: m.profile, Subject: x.Subject, Private: x.Private, URL: x.URL, Reminder: x.Reminder,
		Counts: m.counts, Calendar: rec.Name,
	}
}

// Appointment finds one appointment of a person's calendars, near today.
func (a *Agenda) Appointment(personID string, ref presence.Ref) (f rights.AppointmentFacts, ok bool) {
	p, known := a.office.Person(personID)
	if !known {
		return f, false
	}
	now := time.Now()
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	for _, e := range a.of(personID) {
		rec := a.record(e)
		if sourceOf(rec.ID) != ref.Source {
			continue
		}
		all, err := a.expand(context.Background(), rec.ID, now.Add(-time.Minute), now.AddDate(1, 0, 0), p.Zone)
		if err != nil && len(all) == 0 {
			return f, false
		}
		for i := range all {
			if claimID(all[i].ID) == ref.ID {
				return factsOf(&rec, &all[i], r), true
			}
		}
	}
	return f, false
}

func (a *Agenda) status(e *entry) Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := e.rec
	return Status{
		ID: r.ID, PersonID: r.PersonID, Kind: r.Kind, Name: r.Name, URL: r.URL, Username: r.Username, HasPassword: len(r.Password) > 0,
		CheckedAt: r.CheckedAt, SucceededAt: r.SucceededAt, Error: r.Error, Problems: slices.Clone(e.problems), Appointments: e.count,
	}
}

// Calendars returns a person's calendars by name.
func (a *Agenda) Calendars(personID string) []Status {
	var all []Status
	for _, e := range a.of(personID) {
		all = append(all, a.status(e))
	}
	slices.SortFunc(all, func(x, y Status) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return all
}

func (a *Agenda) find(personID, id string) (*entry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[id]; e != nil && e.rec.PersonID == personID {
		return e, nil
	}
	return nil, fault.New(fault.NotFound, "there is no calendar %q", id)
}

// Put adds or changes a calendar and has it read soon. A stored password is not carried to another server: it must be
// given again with an address elsewhere.
func (a *Agenda) Put(ctx context.Context, by string, in Entry) (Status, error) {
	var bad fault.Fields
	u := checkURL(in.URL, &bad)
	if in.Kind != KindFeed && in.Kind != KindCalDAV {
		bad.Add("kind", "%q is none of ics, caldav", in.Kind)
	}
	if strings.TrimSpace(in.Name) == "" {
		bad.Add("name", "must not be empty")
	}
	e, action := &entry{}, "calendar.add"
	rec := store.Calendar{ID: in.ID, PersonID: in.PersonID}
	if in.ID == "" {
		rec.ID = office.NewID()
		if len(a.of(in.PersonID)) >= mostEach {
			bad.Add("name", "there are %d calendars already", mostEach)
		}
	} else {
		var err error
		if e, err = a.find(in.PersonID, in.ID); err != nil {
			return Status{}, err
		}
		e.reading.Lock()
		defer e.reading.Unlock()
		action = "calendar.put"
		rec = a.record(e)
		old, _ := url.Parse(rec.URL)
		if u != nil && len(rec.Password) > 0 && in.Password == nil && (old == nil || old.Host != u.Host || old.Scheme != u.Scheme) {
			bad.Add("password", "must be given again for another server")
		}
	}
	if err := bad.Err(); err != nil {
		return Status{}, err
	}
	if rec.URL != u.String() || rec.Kind != in.Kind || rec.Username != in.Username {
		rec.State, rec.Error = "", ""
	}
	rec.Kind, rec.Name, rec.URL, rec.Username = in.Kind, strings.TrimSpace(in.Name), u.String(), in.Username
	if in.Password != nil {
		rec.Password = nil
		if *in.Password != "" {
			rec.Password = a.box.Seal(*in.Password, "calendar/"+rec.ID)
		}
	}
	if err := a.store.Update(ctx, store.Changes{
		PutCalendars: []store.Calendar{rec},
		Audit: []store.AuditEntry{{
			At: time.Now().UTC(), Actor: by, Action: action, PersonID: in.PersonID, Detail: mustJSON(map[string]any{"calendar": rec.ID, "name": rec.Name}),
		}},
	}); err != nil {
		return Status{}, err
	}
	a.mu.Lock()
	e.rec, e.next, e.failures = rec, time.Now(), 0
	if in.ID == "" {
		a.enter(e)
	}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return a.status(e), nil
}

func checkURL(text string, bad *fault.Fields) *url.URL {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "":
		bad.Add("url", "is no address, such as https://calendar.example.org/anna.ics")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "webcal":
		bad.Add("url", "must begin with https, http or webcal, not %q", u.Scheme)
	case u.User != nil:
		bad.Add("url", "must not hold a user name or password; there are fields for them")
	}
	return u
}

// Delete removes a calendar, its appointments and their claims.
func (a *Agenda) Delete(ctx context.Context, by, personID, id string) error {
	e, err := a.find(personID, id)
	if err != nil {
		return err
	}
	e.reading.Lock()
	defer e.reading.Unlock()
	if err := a.store.Update(ctx, store.Changes{
		DeleteCalendars: []string{id},
		Audit:           []store.AuditEntry{{At: time.Now().UTC(), Actor: by, Action: "calendar.delete", PersonID: personID, Detail: mustJSON(map[string]any{"calendar": id})}},
	}); err != nil {
		return err
	}
	a.mu.Lock()
	e.gone = true
	delete(a.entries, id)
	a.byPerson[personID] = slices.DeleteFunc(slices.Clone(a.byPerson[personID]), func(x *entry) bool { return x == e })
	a.mu.Unlock()
	return a.hold(ctx, store.Calendar{ID: id, PersonID: personID}, nil)
}

// Sync reads a calendar now and tells how that went.
func (a *Agenda) Sync(ctx context.Context, personID, id string) (Status, error) {
	e, err := a.find(personID, id)
	if err != nil {
		return Status{}, err
	}
	a.read(ctx, e)
	return a.status(e), nil
}
