// Package agenda keeps people's calendars: it has them read by their sources, keeps what scheduling needs of them,
// and turns the appointments of the coming days into claims (C2 to C5). A calendar that cannot be read changes
// nobody's presence: its claims stand until they end or their lease runs out, and its owner is told why. Where a scope
// does not let its users have calendars of their own, those they have are kept, listed and deleted on request, but
// neither read nor counted, until it does again. How a calendar is reached and how its text is understood is left to
// the sources and to package calendar.
package agenda

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
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
	mostClaims  = 500                    // of one calendar at a time; what lies behind moves up as time passes
	mostOfOne   = 2000                   // claims of one person's calendars, who share them alike
	soonest     = 5 * time.Minute        // between two looks at what moves up
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
	stale    map[string]bool // people whose policy changed, or for whom appointments move up
}

// entry is one calendar.
type entry struct {
	reading chan struct{} // full while it is read, changed, or its claims are worked out

	// The rest is guarded by Agenda.mu.
	rec      store.Calendar
	problems []problem // as in rec
	left     []string  // what could not be worked out, or does not count yet
	count    int
	moves    time.Time // when to see what moves up; zero: nothing waits
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
		if !e.moves.IsZero() && !e.moves.After(now) {
			e.moves = now.Add(soonest) // until it is known better
			a.stale[e.rec.PersonID] = true
			signal(a.changed)
		}
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

// rederive works out the claims of people who are stale.
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
	p, ok := a.office.Person(rec.PersonID)
	if !ok || may(p) != nil {
		return
	}
	a.mu.Lock()
	due := e.idle // it was not read for as long as that may have been
	if rec.State != "" && e.failures == 0 && stateFor(rec.State, owners(p, &rec)) == "" {
		due = true // its owner has another address
	}
	if due {
		e.idle, e.next = false, time.Now()
	}
	a.mu.Unlock()
	if due {
		signal(a.wake)
	}
}

// room returns how many claims each calendar of a person may make at a time.
func (a *Agenda) room(personID string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return min(mostClaims, mostOfOne/max(len(a.byPerson[personID]), 1))
}

// share has a person's calendars divide anew what they may claim, if their number makes a difference; mu is held.
func (a *Agenda) share(personID string) {
	if len(a.byPerson[personID]) >= mostOfOne/mostClaims {
		a.stale[personID] = true
		signal(a.changed)
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
