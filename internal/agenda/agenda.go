// Package agenda keeps people's calendars: it has them read by their sources, keeps what scheduling needs of them,
// and turns the appointments of the coming days into claims (C2 to C5). A calendar that cannot be read changes
// nobody's presence: its claims stand until they end or their lease runs out, and its owner is told why. Where a scope
// does not let its users have calendars of their own, those they have are kept, listed and deleted on request, but
// neither read nor counted, until it does again. How a calendar is reached and how its text is understood is left to
// the sources and to package calendar.
package agenda

import (
	"bytes"
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
	"unicode"
	"unicode/utf8"

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
	horizon     = 48 * time.Hour         // how far ahead appointments become claims
	trust       = 24 * time.Hour         // so long after a success the claims of a calendar hold; renewed when half is used up
	seldomest   = trust / 2              // calendars are read at least so often, whatever they ask for: claims are to last till then
	steady      = time.Hour              // what does not change is worked out and noted anew so often: days pass, leases end
	slowest     = time.Hour              // between attempts at a calendar that fails, unless its server asks for more
	breath      = 200 * time.Millisecond // between looks at what is due, which are at all calendars
	together    = 16                     // calendars worked out at the same time when policies change; the hub gathers their claims
	mostEach    = 20                     // calendars of one person
	longestName = 120                    // characters
	longestHref = 900                    // bytes; keys of the store are bounded
	mostTexts   = 50                     // problems that are told of one calendar
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
	wake    chan struct{} // something is due
	changed chan struct{} // somebody is stale

	mu       sync.Mutex // guards what follows
	entries  map[string]*entry
	byPerson map[string][]*entry
	stale    map[string]bool // people whose policy changed
}

// entry is one calendar.
type entry struct {
	reading chan struct{} // full while it is read, changed, or its claims are worked out

	// The rest is guarded by Agenda.mu.
	rec      store.Calendar
	problems []problem // as in rec
	left     string    // what could not be worked out
	count    int
	next     time.Time // when to read it again
	noted    time.Time // when its state was stored last
	derived  time.Time // when its claims were worked out last
	failures int
	idle     bool // it was due and not read, as its owner has no calendars at present
	late     bool // its policy changed while it was read
	gone     bool
}

func newEntry(rec store.Calendar) *entry { return &entry{reading: make(chan struct{}, 1), rec: rec} }

// lock waits for a calendar's turn; unless it fails, Agenda.release must follow. A reading takes as long as its server.
func (e *entry) lock(ctx context.Context) error {
	select {
	case e.reading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the calendar is being read")
	}
}

func (e *entry) tryLock() bool {
	select {
	case e.reading <- struct{}{}:
		return true
	default:
		return false
	}
}

// release ends a calendar's turn. If its policy changed meanwhile, its claims are worked out next.
func (a *Agenda) release(e *entry) {
	<-e.reading
	a.mu.Lock()
	late := e.late && !e.gone
	e.late = false
	if late {
		a.stale[e.rec.PersonID] = true
	}
	a.mu.Unlock()
	if late {
		signal(a.changed)
	}
}

// problem is something in a calendar that could not be read.
type problem struct {
	Href string `json:"href"`
	Text string `json:"text"`
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
		wake: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		entries: map[string]*entry{}, byPerson: map[string][]*entry{}, stale: map[string]bool{},
	}
	now := time.Now()
	for _, rec := range of.Calendars() {
		e := newEntry(rec)
		e.next, e.noted, e.problems = now.Add(rand.N(min(a.every(rec.Kind), time.Minute))), rec.CheckedAt, parseProblems(rec.Problems)
		a.enter(e)
	}
	of.Listen(func(c office.Change) {
		for _, id := range c.Removed {
			a.forgetPerson(id)
		}
		a.mu.Lock()
		for _, id := range c.Policies {
			if len(a.byPerson[id]) > 0 {
				a.stale[id] = true
			}
		}
		some := len(a.stale) > 0
		a.mu.Unlock()
		if some {
			signal(a.changed)
		}
	})
	return a
}

// signal wakes whoever waits for c.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// every returns how often a kind is read. A kind that nobody set is tried now and then.
func (a *Agenda) every(kind string) time.Duration {
	if d := a.cfg.Every[kind]; d > 0 {
		return min(d, seldomest)
	}
	return slowest
}

// may says why a person's calendars do not count at present (P10), nil if they do.
func may(p *office.Person) error {
	switch {
	case p.Policy.Off:
		return fault.New(fault.Conflict, "presence management is switched off here")
	case p.Blocked:
		return fault.New(fault.Conflict, "the account is blocked")
	case !p.Settings.Calendar.OwnCalendars:
		return &fault.Error{Kind: fault.Forbidden, Public: "own calendars are not allowed here",
			Fields: []fault.Field{{Path: "calendar.own_calendars", Message: "is switched off by the administrator"}}}
	}
	return nil
}

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
	delete(a.stale, id)
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
		timer.Reset(max(wait, breath))
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
		again := a.every(e.rec.Kind)
		e.next = now.Add(again) // until it is known better
		wait = min(wait, again)
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
		case <-a.changed:
		}
		a.mu.Lock()
		var busy []*entry
		for id := range a.stale {
			busy = append(busy, a.byPerson[id]...)
		}
		clear(a.stale)
		a.mu.Unlock()
		var work sync.WaitGroup
		room := make(chan struct{}, together)
		for _, e := range busy {
			if !e.tryLock() { // whoever has it sees to it at the end, so that a slow server keeps nobody else waiting
				a.mu.Lock()
				e.late = true
				a.mu.Unlock()
				if !e.tryLock() {
					continue
				}
			}
			room <- struct{}{}
			work.Go(func() {
				a.again(ctx, e)
				<-room
			})
		}
		work.Wait()
	}
}

// again works out the claims of a calendar anew and releases it.
func (a *Agenda) again(ctx context.Context, e *entry) {
	defer a.release(e)
	rec := a.record(e)
	if err := a.derive(ctx, e); err != nil && ctx.Err() == nil {
		a.log.Warn("claims of a calendar could not be worked out", "user", rec.PersonID, "calendar", rec.ID, "err", err)
	}
	if p, ok := a.office.Person(rec.PersonID); !ok || may(p) != nil {
		return
	}
	a.mu.Lock()
	idle := e.idle
	if idle { // it was not read for as long as that may have been
		e.idle, e.next = false, time.Now()
	}
	a.mu.Unlock()
	if idle {
		signal(a.wake)
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
	if e.lock(ctx) != nil {
		return
	}
	defer a.release(e)
	a.mu.Lock()
	rec, gone, derived := e.rec, e.gone, e.derived
	a.mu.Unlock()
	p, ok := a.office.Person(rec.PersonID)
	if gone || !ok || ctx.Err() != nil {
		return
	}
	if may(p) != nil {
		a.mu.Lock()
		e.idle = true
		a.mu.Unlock()
		return
	}
	began := time.Now().UTC()
	wait, same, err := a.fetch(ctx, e, rec, began)
	if err == nil && (!same || began.Sub(derived) >= steady) {
		err = a.derive(ctx, e)
	}
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		e.derived = time.Time{} // next time it is, whether something changed or not
		if e.failures++; e.failures == 1 {
			a.log.Warn("a calendar cannot be read", "user", rec.PersonID, "calendar", rec.ID, "err", loggable(err))
		}
		back := min(a.every(rec.Kind)<<min(e.failures-1, 10), slowest)
		wait = max(wait, back/2+rand.N(back/2+1))
	} else {
		if e.failures > 0 {
			a.log.Info("a calendar can be read again", "user", rec.PersonID, "calendar", rec.ID)
		}
		e.failures = 0
		wait = max(wait, a.every(rec.Kind))
	}
	e.next, e.idle = began.Add(wait), false
}

// fetch has a calendar read and stores the outcome, good or bad. wait is what the source asks for; same is that its
// appointments are as they were.
func (a *Agenda) fetch(ctx context.Context, e *entry, rec store.Calendar, began time.Time) (wait time.Duration, same bool, err error) {
	acct := source.Account{URL: rec.URL, Username: rec.Username, State: rec.State, Known: map[string]string{}}
	// Without a state, what is there was read from another address, if anything is.
	was := map[string][]byte{}
	if rec.State != "" {
		known, err := a.store.CalendarObjects(ctx, rec.ID)
		if err != nil {
			return 0, false, err
		}
		for _, o := range known {
			acct.Known[o.Href], was[o.Href] = o.ETag, o.Data
		}
	}
	fail := func(wait time.Duration, err error) (time.Duration, bool, error) {
		return wait, false, a.failed(ctx, e, rec, began, err)
	}
	if len(rec.Password) > 0 {
		if acct.Password, err = a.box.Open(rec.Password, "calendar/"+rec.ID); err != nil {
			return fail(slowest, &source.Error{Kind: source.Credentials, Err: err, Text: "The stored password cannot be opened any more. Please give it again."})
		}
	}
	src := a.sources[rec.Kind]
	if src == nil {
		return fail(slowest, &source.Error{Text: fmt.Sprintf("Calendars of kind %q cannot be read here.", rec.Kind)})
	}
	limited, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	res, err := src.Fetch(limited, acct)
	cancel()
	if err != nil {
		if ctx.Err() != nil { // that is no fault of the calendar
			return 0, false, ctx.Err()
		}
		var told *source.Error
		if errors.As(err, &told) {
			wait = told.RetryAfter
			switch told.Kind { // asking again does not help before somebody changes something
			case source.Credentials, source.NotAllowed, source.BadAddress:
				wait = max(wait, slowest)
			}
		}
		return fail(wait, err)
	}
	next := rec
	next.CheckedAt, next.SucceededAt, next.Error, next.State = began, began, "", res.State
	wait = res.Every
	// What was read from another address goes with the first success, also if there is nothing at this one.
	same = res.Unchanged && rec.State != ""
	var puts []store.CalendarObject
	if !same || len(res.Skipped) > 0 {
		var fresh []problem
		tell := func(href, text string) { fresh = append(fresh, problem{cut(href, 100), text}) }
		for _, href := range res.Skipped {
			tell(href, "it is there but could not be read")
		}
		for _, o := range res.Objects {
			if len(o.Href) > longestHref {
				tell(o.Href, "its address is too long")
				continue
			}
			put := store.CalendarObject{CalendarID: rec.ID, Href: o.Href, ETag: o.ETag}
			cal, err := calendar.Parse(bytes.NewReader(o.Data), calendar.Limits{})
			switch {
			case err != nil && rec.Kind == KindFeed:
				return fail(0, err)
			case err != nil: // noted as it was, so that it is not asked for again before it changes
				tell(o.Href, words(err))
				put.Data = was[o.Href]
			default:
				for _, x := range cal.Problems() {
					tell(o.Href, x.Message)
				}
				put.Data = cal.Strip()
			}
			puts = append(puts, put)
		}
		next.Problems = a.problems(e, &res, fresh)
	}
	wait = min(max(wait, 0), seldomest)
	a.mu.Lock()
	noted := e.noted
	a.mu.Unlock()
	if same && next.State == rec.State && bytes.Equal(next.Problems, rec.Problems) && rec.Error == "" && began.Sub(noted) < steady {
		a.entered(e, next, noted)
		return wait, true, nil
	}
	if err := a.store.SyncCalendar(ctx, next, puts, res.Gone, !same && (res.Replace || rec.State == "")); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return 0, true, nil // deleted meanwhile
		}
		return 0, false, err
	}
	a.entered(e, next, began)
	return wait, same, nil
}

// problems returns the problems of a calendar in their stored form, after a reading that brought res and fresh ones.
func (a *Agenda) problems(e *entry, res *source.Result, fresh []problem) json.RawMessage {
	over := map[string]bool{}
	for _, o := range res.Objects {
		over[cut(o.Href, 100)] = true
	}
	for _, href := range slices.Concat(res.Gone, res.Skipped) {
		over[cut(href, 100)] = true
	}
	all := []problem{}
	a.mu.Lock()
	if !res.Replace && e.rec.State != "" {
		for _, p := range e.problems {
			if p.Href != "" && !over[p.Href] {
				all = append(all, p)
			}
		}
	}
	a.mu.Unlock()
	all = append(all, fresh...)
	if len(all) > mostTexts {
		all = append(all[:mostTexts:mostTexts], problem{Text: fmt.Sprintf("and %d more", len(all)-mostTexts)})
	}
	return mustJSON(all)
}

// words returns what the owner of a calendar is told of an error: what its makers say is for them, and no more.
func words(err error) string {
	var public interface{ Public() string }
	switch {
	case errors.As(err, &public):
		return public.Public()
	case errors.Is(err, calendar.ErrNotCalendar):
		return "What is there is not a calendar."
	case errors.Is(err, calendar.ErrTooLarge):
		return "The calendar is too large."
	case errors.Is(err, context.DeadlineExceeded):
		return "The calendar did not answer in time."
	}
	return "The calendar could not be read."
}

// loggable returns what may be logged of an error: those of sources hold no secrets, of others nobody knows.
func loggable(err error) any {
	var told *source.Error
	var public interface{ Public() string }
	switch {
	case errors.As(err, &told):
		return err
	case errors.As(err, &public):
		return public.Public()
	}
	return fmt.Sprintf("%s (%T)", words(err), err)
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // plain data
		panic(err)
	}
	return b
}

// entered takes over what a reading brought; noted is when that was stored.
func (a *Agenda) entered(e *entry, rec store.Calendar, noted time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e.rec, e.noted, e.problems = rec, noted, parseProblems(rec.Problems)
}

// parseProblems reads their stored form. What an earlier version wrote is left out; the next full reading brings it.
func parseProblems(stored json.RawMessage) (list []problem) {
	if len(stored) > 0 && json.Unmarshal(stored, &list) != nil {
		return nil
	}
	return list
}

// failed enters that a reading went wrong. Objects and claims stay as they are, and so does the state, for what came
// with the failure was not kept.
func (a *Agenda) failed(ctx context.Context, e *entry, rec store.Calendar, began time.Time, cause error) error {
	rec.CheckedAt, rec.Error = began, cut(words(cause), 500)
	a.entered(e, rec, began)
	if err := a.store.SyncCalendar(ctx, rec, nil, nil, false); err != nil && !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
		a.log.Warn("state of a calendar could not be stored", "calendar", rec.ID, "err", err)
	}
	return cause
}

// expand returns the appointments of a calendar that touch a span, in the zone of its owner. What cannot be worked out
// is told in left, in words for the owner; the rest is good.
func (a *Agenda) expand(ctx context.Context, calendarID string, from, to time.Time, zone *time.Location) (all []calendar.Appointment, left string, err error) {
	objects, err := a.store.CalendarObjects(ctx, calendarID)
	if err != nil {
		return nil, "", err
	}
	for _, o := range objects {
		if len(o.Data) == 0 { // it could not be read
			continue
		}
		cal, err := calendar.Parse(bytes.NewReader(o.Data), calendar.Limits{})
		if err == nil {
			var some []calendar.Appointment
			some, _, err = cal.Expand(from, to, zone, calendar.Limits{})
			all = append(all, some...)
		}
		if err != nil && left == "" {
			left = cut(o.Href, 100) + ": it holds more appointments than can be worked out"
		}
	}
	slices.SortStableFunc(all, func(x, y calendar.Appointment) int { return x.Start.Compare(y.Start) })
	return all, left, nil
}

// derive works out the claims of a calendar for the coming days and has the hub hold them; reading is held.
func (a *Agenda) derive(ctx context.Context, e *entry) error {
	a.mu.Lock()
	rec, gone := e.rec, e.gone
	a.mu.Unlock()
	p, ok := a.office.Person(rec.PersonID)
	if !ok || gone {
		return nil
	}
	now := hub.Now()
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	days := time.Duration(r.options.DaysAhead) * 24 * time.Hour
	appointments, left, err := a.expand(ctx, rec.ID, now, now.Add(days), p.Zone)
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
	if lease := rec.SucceededAt.Add(trust).Truncate(time.Millisecond); p.Settings.Calendar.OwnCalendars && lease.After(now) {
		claims = r.derive(rec.ID, near, now, lease)
	}
	if err := a.hold(ctx, rec, claims); err != nil {
		return err
	}
	a.mu.Lock()
	e.count, e.derived, e.left = len(appointments), now, left
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
	if !ok || may(p) != nil {
		return nil
	}
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	var facts []rights.AppointmentFacts
	for _, e := range a.of(personID) {
		rec := a.record(e)
		all, _, err := a.expand(context.Background(), rec.ID, from, to, p.Zone)
		if err != nil {
			a.log.Warn("a stored calendar cannot be read", "user", personID, "calendar", rec.ID, "err", err)
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
		all, _, err := a.expand(context.Background(), rec.ID, now.Add(-time.Minute), now.AddDate(1, 0, 0), p.Zone)
		if err != nil {
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
	var problems []string
	for _, p := range e.problems {
		if p.Href != "" {
			p.Text = p.Href + ": " + p.Text
		}
		problems = append(problems, p.Text)
	}
	if e.left != "" {
		problems = append(problems, e.left)
	}
	return Status{
		ID: r.ID, PersonID: r.PersonID, Kind: r.Kind, Name: r.Name, URL: r.URL, Username: r.Username, HasPassword: len(r.Password) > 0,
		CheckedAt: r.CheckedAt, SucceededAt: r.SucceededAt, Error: r.Error, Problems: problems, Appointments: e.count,
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

// Put adds or changes a calendar and has it read soon. It is refused where own calendars are not allowed, or presence
// management is off; those that are there can still be deleted then. A stored password is not carried to another
// server: it must be given again with an address elsewhere. What was read from an earlier address stands until the new
// one has been read, or until its claims run out.
func (a *Agenda) Put(ctx context.Context, by string, in Entry) (Status, error) {
	p, ok := a.office.Person(in.PersonID)
	if !ok {
		return Status{}, fault.New(fault.NotFound, "there is no person %q", in.PersonID)
	}
	if err := may(p); err != nil {
		return Status{}, err
	}
	var bad fault.Fields
	u := checkURL(in.URL, &bad)
	if in.Kind != KindFeed && in.Kind != KindCalDAV {
		bad.Add("kind", "%q is none of ics, caldav", in.Kind)
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" {
		bad.Add("name", "must not be empty")
	} else if utf8.RuneCountInString(in.Name) > longestName || strings.ContainsFunc(in.Name, unicode.IsControl) {
		bad.Add("name", "must be one line of at most %d characters", longestName)
	}
	e, action := newEntry(store.Calendar{}), "calendar.add"
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
		if err := e.lock(ctx); err != nil {
			return Status{}, err
		}
		defer a.release(e)
		if _, err := a.find(in.PersonID, in.ID); err != nil {
			return Status{}, err // deleted meanwhile
		}
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
		rec.State, rec.Error, rec.Problems = "", "", nil
	}
	rec.Kind, rec.Name, rec.URL, rec.Username = in.Kind, in.Name, u.String(), in.Username
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
	e.rec, e.problems, e.next, e.failures = rec, parseProblems(rec.Problems), time.Now(), 0
	if in.ID == "" {
		a.enter(e)
	}
	a.mu.Unlock()
	signal(a.wake)
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
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer a.release(e)
	if _, err := a.find(personID, id); err != nil {
		return err // deleted meanwhile
	}
	// The claims go first: of a calendar that is left by mistake they come back, of one that is not nobody would take
	// them away.
	err = a.hold(ctx, store.Calendar{ID: id, PersonID: personID}, nil)
	if err == nil {
		err = a.store.Update(ctx, store.Changes{
			DeleteCalendars: []string{id},
			Audit:           []store.AuditEntry{{At: time.Now().UTC(), Actor: by, Action: "calendar.delete", PersonID: personID, Detail: mustJSON(map[string]any{"calendar": id})}},
		})
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := a.derive(ctx, e); err != nil {
			a.log.Warn("claims of a calendar could not be worked out", "user", personID, "calendar", id, "err", err)
		}
		return err
	}
	a.mu.Lock()
	e.gone = true
	delete(a.entries, id)
	a.byPerson[personID] = slices.DeleteFunc(slices.Clone(a.byPerson[personID]), func(x *entry) bool { return x == e })
	a.mu.Unlock()
	return nil
}

// Sync reads a calendar now and tells how that went. Of a person who has no calendars at present none is read.
func (a *Agenda) Sync(ctx context.Context, personID, id string) (Status, error) {
	e, err := a.find(personID, id)
	if err != nil {
		return Status{}, err
	}
	p, ok := a.office.Person(personID)
	if !ok {
		return Status{}, fault.New(fault.NotFound, "there is no person %q", personID)
	}
	if err := may(p); err != nil {
		return Status{}, err
	}
	a.read(ctx, e)
	return a.status(e), nil
}
