// Package switchboard joins telephone systems and people: what their lines do becomes claims (L1), and what their presence asks for is
// what their lines are forwarded to (F2). It asks and sets until both agree, keeps what it has set before it sets it, and takes back
// nothing that somebody has changed since; package forward decides.
package switchboard

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/forward"
	"github.com/doorlight/doorlight/presence"
)

// System is a telephone system that people's lines are in.
type System struct {
	ID   string // of its connector
	Name string
	telephony.System
	Used func(error) // called with how asking it went, or hearing of it, as far as it is about the system; may be nil
}

// used tells how it went.
func (s *System) used(err error) {
	if s.Used != nil {
		s.Used(err)
	}
}

// Line is a line of a person.
type Line struct {
	ConnectorID string
	Line        string // as the system knows it
	Forwards    bool   // it follows its owner's presence
}

// LinesOf returns the lines of a person, the main one first: those that are entered, or else their work number, in the telephone system of their
// scope. Where another connector forwards for that system, a line is a line in both.
func LinesOf(p *office.Person) (all []Line) {
	t := &p.Settings.Telephony
	entered := p.Lines
	if len(entered) == 0 {
		l := store.Line{ConnectorID: t.Connector, Line: p.WorkNumber, Forwards: true}
		if l.ConnectorID == "" {
			l.ConnectorID = t.Forwarding
		}
		if l.ConnectorID == "" || l.Line == "" {
			return nil
		}
		entered = []store.Line{l}
	}
	add := func(l Line) {
		if !slices.ContainsFunc(all, func(x Line) bool { return x.ConnectorID == l.ConnectorID && x.Line == l.Line }) {
			all = append(all, l)
		}
	}
	for _, l := range entered {
		if l.ConnectorID != t.Connector {
			add(Line(l))
			continue
		}
		add(Line{l.ConnectorID, l.Line, l.Forwards && t.Forwarding == l.ConnectorID})
		if l.Forwards && t.Forwarding != "" && t.Forwarding != l.ConnectorID {
			add(Line{t.Forwarding, l.Line, true})
		}
	}
	return all
}

// Store is what is kept.
type Store interface {
	LoadForwardings(ctx context.Context, f func(store.ForwardingRecord) error) error
	WriteForwardings(ctx context.Context, records ...store.ForwardingRecord) error
}

// Config holds what has a default.
type Config struct {
	Log   *slog.Logger                // nil: slog.Default
	Lines func(*office.Person) []Line // whose line is which, by the settings; it must be quick

	Workers int           // lines of one system that are set at the same time; zero: 8
	Timeout time.Duration // of one question; zero: 15 s
	Look    time.Duration // how often a line is looked at of which something of ours stands; zero: 2 minutes
	Health  time.Duration // how often systems are asked whether they are heard; zero: 10 s
}

// Switchboard joins lines and people. Its methods may be called by several goroutines at once.
type Switchboard struct {
	store  Store
	office *office.Office
	hub    *hub.Hub
	cfg    Config
	log    *slog.Logger
	manage chan struct{} // people or systems have changed
	wake   chan struct{} // lines are due
	told   chan struct{} // calls have changed

	mu         sync.Mutex // guards what follows
	systems    map[string]*system
	lines      map[key]*line
	byPerson   map[string][]*line
	byNumber   map[string][]*line        // of all lines and work numbers, folded
	numbers    map[string][]string       // by person: under which they are there
	aims       map[string]map[*line]bool // by person: the lines whose wish leads to them, or would
	unarranged map[string]bool
	rivals     map[key]map[string]bool        // who would have a line that another has
	calls      map[*line]bool                 // whose calls have changed
	timed      map[*line]bool                 // who are due at a time
	kept       map[key]store.ForwardingRecord // of lines that nobody has at present
}

type key struct{ connector, line string }

// system is a System at work; Switchboard.mu guards all but the first.
type system struct {
	System
	stop  context.CancelFunc
	ended chan struct{}
	queue []*line
	work  chan struct{}
	dirty bool               // whom it is to follow has changed
	names map[string][]*line // byNumber, as the system names numbers; nil: to be made anew
}

// line is a line that somebody has; Switchboard.mu guards all but the first two.
type line struct {
	key  key
	turn chan struct{} // has something while somebody reads and sets it, whose alone changes of state are

	person   string
	forwards bool

	state    forward.State
	wish     forward.Wish
	refusal  refusal // why the wish is not what the presence asks for
	reported *telephony.Forwarding
	desired  telephony.Forwarding
	at       time.Time // when reported was read
	problem  string    // of the latest attempt
	failures int
	unheeded int       // times in a row that something was set, and is still to be
	due      time.Time // when it is to be looked at; zero: when something happens
	queued   bool
	busy     bool
	again    bool   // something happened while it was
	aims     string // person whose line the wish leads to; empty: none
	from, to *line  // the same line of the system under its number before, whose state this one takes over, and the other way round; mostly nil

	told  []telephony.Call // what the system says
	heard bool             // it has said something since the start
	shown presence.Line    // what the hub was told
}

// Status is how a line is doing.
type Status struct {
	PersonID    string // empty: nobody's any more
	ConnectorID string
	System      string // its name; empty: it is not used
	Can         telephony.Abilities
	Line        string
	Forwards    bool
	Wanted      telephony.Forwarding // what it is to be
	Reported    *telephony.Forwarding
	ReportedAt  time.Time
	Settled     bool   // both agree
	Problem     string // why it could not be set, or read

	refusal refusal // see RefusalFor
}

// SystemStatus is how the lines of a telephone system are doing.
type SystemStatus struct {
	Lines     int      // that people have
	Heard     int      // of which it tells what they do
	Follow    int      // that are forwarded as presence asks for
	Forwarded int      // that are so now
	Failing   []Status // that could not be read or set, or are not forwarded as presence asks for; at most mostFailing
	More      int      // how many more there are of these
}

// mostFailing is how many lines are told of one by one.
const mostFailing = 100

// New returns the switchboard of an office. Run makes it work.
func New(ctx context.Context, st Store, of *office.Office, h *hub.Hub, cfg Config) (*Switchboard, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Workers == 0 {
		cfg.Workers = 8
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Look == 0 {
		cfg.Look = 2 * time.Minute
	}
	if cfg.Health == 0 {
		cfg.Health = 10 * time.Second
	}
	s := &Switchboard{
		store: st, office: of, hub: h, cfg: cfg, log: cfg.Log, manage: make(chan struct{}, 1), wake: make(chan struct{}, 1), told: make(chan struct{}, 1),
		systems: map[string]*system{}, lines: map[key]*line{}, byPerson: map[string][]*line{}, byNumber: map[string][]*line{}, numbers: map[string][]string{}, aims: map[string]map[*line]bool{},
		unarranged: map[string]bool{}, rivals: map[key]map[string]bool{}, calls: map[*line]bool{}, timed: map[*line]bool{}, kept: map[key]store.ForwardingRecord{},
	}
	if err := st.LoadForwardings(ctx, func(rec store.ForwardingRecord) error {
		s.kept[key{rec.ConnectorID, rec.Line}] = rec
		return nil
	}); err != nil {
		return nil, err
	}
	for _, id := range of.IDs() {
		s.unarranged[id] = true
	}
	of.Listen(func(c office.Change) {
		s.mu.Lock()
		for _, id := range slices.Concat(c.Policies, c.Cards, c.Removed) {
			s.unarranged[id] = true
		}
		for id, lines := range s.aims { // what their owners may see of whom they lead to
			if c.AllLevels || slices.Contains(c.Levels, id) {
				for l := range lines {
					s.soon(l)
				}
			}
		}
		s.mu.Unlock()
		signal(s.manage)
	})
	signal(s.manage)
	return s, nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and returns its cause. What is set stands until it is taken up again.
func (s *Switchboard) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { s.hand(ctx) })
	work.Go(func() { s.show(ctx) })
	ask := time.NewTicker(s.cfg.Health)
	defer ask.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ask.C:
			s.listen()
			continue
		case <-s.manage:
		}
		s.arrange(ctx)
		s.mu.Lock()
		for _, sys := range s.systems {
			if sys.stop == nil {
				ctx, stop := context.WithCancel(ctx)
				ended := make(chan struct{})
				sys.stop, sys.ended = stop, ended
				work.Go(func() {
					defer close(ended)
					defer stop()
					s.serve(ctx, sys)
				})
			}
		}
		s.mu.Unlock()
		s.follow()
	}
}

// listen asks all systems whether they are heard.
func (s *Switchboard) listen() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.systems))
	s.mu.Unlock()
	for _, sys := range all {
		if r, ok := sys.System.System.(telephony.Reporter); ok {
			if now, err := r.Heard(); now || err != nil {
				sys.used(err)
			}
		}
	}
}

// PutSystem has lines served by a telephone system, in place of one with the same ID. The caller still owns what it replaces,
// and closes it once left is closed.
func (s *Switchboard) PutSystem(sys System) (left <-chan struct{}) {
	s.mu.Lock()
	left = s.end(sys.ID)
	s.systems[sys.ID] = &system{System: sys, work: make(chan struct{}, 1), dirty: true}
	for _, l := range s.lines {
		if l.key.connector == sys.ID {
			l.failures, l.unheeded = 0, 0
			s.soon(l) // of one that is being looked at: once that has ended
		}
	}
	s.mu.Unlock()
	signal(s.manage)
	return left
}

// DropSystem has nothing done with a telephone system any more. What is set there stands; what its lines did ends with its lease.
func (s *Switchboard) DropSystem(id string) (left <-chan struct{}) {
	s.mu.Lock()
	left = s.end(id)
	delete(s.systems, id)
	s.mu.Unlock()
	return left
}

// Forget drops a telephone system for good, with what is kept of its lines: what is set there stands, and nobody takes it back any more.
func (s *Switchboard) Forget(ctx context.Context, id string) error {
	<-s.DropSystem(id)
	s.mu.Lock()
	var forget []store.ForwardingRecord
	for k := range s.kept {
		if k.connector == id {
			forget = append(forget, store.ForwardingRecord{ConnectorID: k.connector, Line: k.line})
		}
	}
	for k := range s.lines {
		if k.connector == id {
			forget = append(forget, store.ForwardingRecord{ConnectorID: k.connector, Line: k.line})
		}
	}
	s.mu.Unlock()
	if err := s.store.WriteForwardings(ctx, forget...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range forget {
		k := key{r.ConnectorID, r.Line}
		delete(s.kept, k)
		if l := s.lines[k]; l != nil && l.person == "" {
			s.lead(l, "")
			delete(s.lines, k)
		}
	}
	return nil
}

// end ends a system, and returns what is closed when that is so; mu is held.
func (s *Switchboard) end(id string) <-chan struct{} {
	sys := s.systems[id]
	if sys != nil {
		for _, l := range sys.queue {
			l.queued = false
		}
		sys.queue = nil
	}
	if sys == nil || sys.stop == nil {
		left := make(chan struct{})
		close(left)
		return left
	}
	sys.stop()
	return sys.ended
}

// Touched tells that claims of people have changed; it does not block.
func (s *Switchboard) Touched(personIDs []string) {
	s.mu.Lock()
	some := false
	for _, id := range personIDs {
		some = s.stir(id) || some
	}
	s.mu.Unlock()
	if some {
		signal(s.wake)
	}
}

// Published tells of presences that have changed; it does not block.
func (s *Switchboard) Published(updates []hub.Update) {
	s.mu.Lock()
	some := false
	for i := range updates {
		some = s.stir(updates[i].PersonID) || some
	}
	s.mu.Unlock()
	if some {
		signal(s.wake)
	}
}

// stir has the lines of a person looked at, and those that lead to them; mu is held.
func (s *Switchboard) stir(personID string) (some bool) {
	for _, l := range s.byPerson[personID] {
		s.soon(l)
		some = true
	}
	for l := range s.aims[personID] {
		s.soon(l)
		some = true
	}
	return some
}

// soon has a line looked at; mu is held.
func (s *Switchboard) soon(l *line) {
	if l.busy {
		l.again = true
		return
	}
	sys := s.systems[l.key.connector]
	if l.queued || sys == nil {
		return
	}
	l.queued, l.due = true, time.Time{}
	sys.queue = append(sys.queue, l)
	signal(sys.work)
}
