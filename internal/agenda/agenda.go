// Package agenda keeps people's calendars: it has them read by their sources, keeps what scheduling needs of them,
// and turns the appointments of the coming days into claims (C2 to C5). A calendar that cannot be read changes
// nobody's presence: its claims stand until they end or their lease runs out, and its owner is told why. Where a scope
// does not let its users have calendars of their own, those they have are kept, listed and deleted on request, but
// neither read nor counted, until it does again. How a calendar is reached and how its text is understood is left to
// the sources and to package calendar.
//
// Beside what users enter there are systems that hold everybody's calendars (C1): where a scope's settings name one, each
// of its people has a calendar there without doing anything, and it goes when they name it no more.
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
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
)

// Kinds of calendars.
const (
	KindFeed     = "ics"           // a published iCalendar address
	KindCalDAV   = "caldav"        // a CalDAV collection
	KindExchange = "exchange"      // a mailbox of an Exchange organisation, read for everybody
	KindGraph    = "graph"         // a mailbox of Microsoft 365, read for everybody
	KindDomino   = "domino"        // a mail file of HCL Domino, read for everybody
	KindAccount  = "graph_account" // a Microsoft account that its owner has connected
	KindLocal    = "local"         // handed over by a program on its owner's computer
)

// central reports whether calendars of a kind are there because the settings of a scope say so.
func central(kind string) bool {
	return kind == KindExchange || kind == KindGraph || kind == KindDomino
}

// Source reads one kind of calendar.
type Source interface {
	Fetch(ctx context.Context, a source.Account) (source.Result, error)
}

// Config holds what has a default.
type Config struct {
	Log     *slog.Logger
	Every   map[string]time.Duration // how often a kind is read; default: feeds 10 minutes, CalDAV 2 minutes
	Workers int                      // calendars read at the same time, apart from those of systems; zero: 8
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
	atOnce      = 32                     // calendars of one system read at the same time; it has limits of its own
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
	wake    chan struct{} // something is due, or a lane has room
	changed chan struct{} // somebody is stale
	manage  chan struct{} // systems or the people they are for have changed

	making sync.Mutex // held while somebody gets a calendar of which they have at most one

	mu         sync.Mutex // guards what follows
	entries    map[string]*entry
	byPerson   map[string][]*entry
	stale      map[string]bool // people whose policy changed, or for whom appointments move up
	systems    map[string]*system
	lanes      map[string]*lane // by connector; of those that are reached otherwise: ""
	unarranged map[string]bool  // people who may need another calendar of a system
}

// lane is what is read side by side: the calendars of one system, or all others. One that is slow keeps only its own
// waiting.
type lane struct {
	queue []*entry
	busy  int
	shut  time.Time // it is left alone until then
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
	queued   bool      // it waits in its lane
	hinted   bool      // something changed since its reading began, or may have
	reaches  time.Time // end of the span that was read last, of those that hand out occurrences; zero: not known
	deaf     bool      // of systems: nobody wants to hear of its changes, as its owner has no calendars at present
	idle     bool      // it was due and not read, as its owner has no calendars at present
	late     bool      // its policy changed while it was read
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

// release ends a calendar's turn. If its policy changed meanwhile, its claims are worked out next; if something in it
// changed, it is read again.
func (a *Agenda) release(e *entry) {
	<-e.reading
	a.mu.Lock()
	late, hinted := e.late && !e.gone, e.hinted && !e.gone
	e.late = false
	if late {
		a.stale[e.rec.PersonID] = true
	}
	if hinted {
		a.soon(e)
	}
	a.mu.Unlock()
	if late {
		signal(a.changed)
	}
	if hinted {
		signal(a.wake)
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
	every := map[string]time.Duration{
		KindFeed: 10 * time.Minute, KindCalDAV: 2 * time.Minute, KindAccount: 5 * time.Minute,
		KindExchange: time.Minute, KindGraph: time.Minute, KindDomino: time.Minute, // systems say by themselves how often
	}
	for kind, d := range cfg.Every {
		every[kind] = d
	}
	cfg.Every = every
	a := &Agenda{
		store: st, office: of, hub: h, box: box, sources: sources, cfg: cfg, log: cfg.Log,
		wake: make(chan struct{}, 1), changed: make(chan struct{}, 1), manage: make(chan struct{}, 1),
		entries: map[string]*entry{}, byPerson: map[string][]*entry{}, stale: map[string]bool{}, systems: map[string]*system{},
		lanes: map[string]*lane{}, unarranged: map[string]bool{},
	}
	now := time.Now()
	for _, rec := range of.Calendars() {
		e := newEntry(rec)
		e.next, e.noted, e.problems = now.Add(rand.N(min(a.every(rec.Kind), time.Minute))), rec.CheckedAt, parseProblems(rec.Problems)
		a.enter(e)
		if central(rec.Kind) {
			a.unarranged[rec.PersonID] = true
		}
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
		for _, id := range slices.Concat(c.Policies, c.Cards) { // of the cards: another address, or somebody new
			a.unarranged[id] = true
		}
		some, arrange := len(a.stale) > 0, len(a.unarranged) > 0
		a.mu.Unlock()
		if some {
			signal(a.changed)
		}
		if arrange {
			signal(a.manage)
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

// may says why a calendar of a person does not count at present (P10), nil if it does.
func may(p *office.Person, kind, connectorID string) error {
	switch {
	case p.Policy.Off:
		return fault.New(fault.Conflict, "presence management is switched off here")
	case p.Blocked:
		return fault.New(fault.Conflict, "the account is blocked")
	}
	return offered(p.Settings, kind, connectorID)
}

// offered says why settings have no calendars of a kind, nil if they have.
func offered(s *policy.Settings, kind, connectorID string) error {
	c := &s.Calendar
	no := func(field, text string) error {
		return &fault.Error{Kind: fault.Forbidden, Public: text, Fields: []fault.Field{{Path: field, Message: "is set by the administrator"}}}
	}
	switch {
	case central(kind):
		if c.Method != policy.CalendarCentral || c.Connector != connectorID {
			return no("calendar.connector", "calendars are not read from that system here")
		}
	case kind == KindAccount:
		if c.Method != policy.CalendarLocal || c.Accounts != connectorID {
			return no("calendar.accounts", "Microsoft accounts are not connected with that application here")
		}
	case kind == KindLocal:
		if c.Method != policy.CalendarLocal {
			return no("calendar.method", "calendars are read centrally here, not handed over by programs")
		}
	case !c.OwnCalendars:
		return &fault.Error{Kind: fault.Forbidden, Public: "own calendars are not allowed here",
			Fields: []fault.Field{{Path: "calendar.own_calendars", Message: "is switched off by the administrator"}}}
	}
	return nil
}

func (a *Agenda) enter(e *entry) {
	a.entries[e.rec.ID] = e
	a.byPerson[e.rec.PersonID] = append(a.byPerson[e.rec.PersonID], e)
	if s := a.systems[e.rec.ConnectorID]; s != nil {
		s.enter(e)
	}
}

// leave takes an entry out; mu is held.
func (a *Agenda) leave(e *entry) {
	e.gone = true
	delete(a.entries, e.rec.ID)
	a.byPerson[e.rec.PersonID] = slices.DeleteFunc(slices.Clone(a.byPerson[e.rec.PersonID]), func(x *entry) bool { return x == e })
	if s := a.systems[e.rec.ConnectorID]; s != nil {
		s.leave(e)
	}
}

func (a *Agenda) forgetPerson(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.byPerson[id] {
		a.leave(e)
	}
	delete(a.byPerson, id)
	delete(a.stale, id)
	delete(a.unarranged, id)
}

// Run reads calendars when they are due until ctx ends, and returns its cause.
func (a *Agenda) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { a.rederive(ctx) })
	work.Go(func() { a.keep(ctx) })
	defer work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked time.Time
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.wake:
		case <-timer.C:
		}
		now := time.Now()
		wait := breath - now.Sub(looked)
		if wait <= 0 {
			wait, looked = max(a.queue(now), breath), now
		}
		for _, e := range a.begin(now) {
			work.Go(func() {
				a.read(ctx, e, false)
				a.ended(e)
			})
		}
		timer.Reset(wait)
	}
}

// queue puts the calendars that are due into their lanes, and says when the next one will be.
func (a *Agenda) queue(now time.Time) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait = time.Minute
	var due []*entry
	for _, e := range a.entries {
		if !e.moves.IsZero() && !e.moves.After(now) {
			e.moves = now.Add(soonest) // until it is known better
			a.stale[e.rec.PersonID] = true
			signal(a.changed)
		}
		if e.queued || e.rec.Kind == KindLocal || e.rec.ConnectorID != "" && a.systems[e.rec.ConnectorID] == nil {
			continue // nobody can read it, at present or at all
		}
		if len(e.reading) > 0 {
			wait = min(wait, time.Second)
			continue
		}
		if d := e.next.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		due = append(due, e)
	}
	slices.SortFunc(due, func(x, y *entry) int { return x.rec.CheckedAt.Compare(y.rec.CheckedAt) })
	for _, e := range due {
		a.line(e)
	}
	for _, l := range a.lanes {
		if len(l.queue) > 0 && l.shut.After(now) {
			wait = min(wait, l.shut.Sub(now))
		}
	}
	return wait
}

// soon has a calendar read as soon as its lane has room; mu is held, and wake is to be signalled.
func (a *Agenda) soon(e *entry) {
	e.next = time.Now()
	if e.rec.ConnectorID == "" || a.systems[e.rec.ConnectorID] != nil {
		a.line(e)
	}
}

// line puts a calendar at the end of its lane; mu is held.
func (a *Agenda) line(e *entry) {
	if e.queued {
		return
	}
	l := a.lanes[e.rec.ConnectorID]
	if l == nil {
		l = &lane{}
		a.lanes[e.rec.ConnectorID] = l
	}
	e.queued = true
	l.queue = append(l.queue, e)
}

// begin takes from each lane what may be read now.
func (a *Agenda) begin(now time.Time) (all []*entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, l := range a.lanes {
		if l.shut.After(now) {
			continue
		}
		most := a.cfg.Workers
		if id != "" {
			most = atOnce
		}
		for len(l.queue) > 0 && l.busy < most {
			e := l.queue[0]
			l.queue[0], l.queue = nil, l.queue[1:]
			if e.queued = false; e.gone || id != "" && a.systems[id] == nil {
				continue
			}
			l.busy++
			e.next = now.Add(a.every(e.rec.Kind)) // until it is known better
			all = append(all, e)
		}
		if len(l.queue) == 0 {
			l.queue = nil
		}
	}
	return all
}

// ended makes room in the lane of a calendar that was read.
func (a *Agenda) ended(e *entry) {
	a.mu.Lock()
	l := a.lanes[e.rec.ConnectorID]
	l.busy--
	a.mu.Unlock()
	signal(a.wake)
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
	if !ok || may(p, rec.Kind, rec.ConnectorID) != nil || rec.Kind == KindLocal {
		return
	}
	a.mu.Lock()
	due := e.idle // it was not read for as long as that may have been
	if rec.State != "" && e.failures == 0 && stateFor(rec.State, owners(p, &rec)) == "" {
		due = true // its owner has another address
	}
	if _, to := span(p, time.Now()); !e.reaches.IsZero() && to.After(e.reaches) {
		due = true // more days count
	}
	if due {
		e.idle = false
		a.soon(e)
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
