package agent

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/probe"
)

// Probes are what is measured with. Each blocks until its context ends, and tells what is so at first and whenever it changes.
type Probes struct {
	Idle       func(ctx context.Context, after time.Duration, tell func(probe.Idle))
	Lock       func(ctx context.Context, tell func(probe.Lock))
	Microphone func(ctx context.Context, tell func(probe.Microphone))
	// Calendars reads the calendars that programs keep on this computer, for so many days ahead; again has it look at once.
	Calendars func(ctx context.Context, days func() int, again <-chan struct{}, tell func(localcal.Reading) error)
}

// System are the probes of this computer.
func System(c probe.Config) Probes {
	return Probes{
		Idle: func(ctx context.Context, after time.Duration, tell func(probe.Idle)) {
			probe.WatchIdle(ctx, c, after, tell)
		},
		Lock:       func(ctx context.Context, tell func(probe.Lock)) { probe.WatchLock(ctx, c, tell) },
		Microphone: func(ctx context.Context, tell func(probe.Microphone)) { probe.WatchMicrophone(ctx, c, tell) },
		Calendars: func(ctx context.Context, days func() int, again <-chan struct{}, tell func(localcal.Reading) error) {
			localcal.Watch(ctx, localcal.Config{Days: days, Again: again, Log: c.Log}, tell)
		},
	}
}

// Config says how a client works. ID and Probes are required.
type Config struct {
	ID     string // of the client, the same for as long as it runs, also after a restart
	Label  string // its name for its owner, such as that of the computer
	Probes Probes
	Muted  bool // the microphone does not count, by the owner's wish

	Sent    func(what string, body any) // is told of all that goes to the server, before it does; nil: nobody is
	Changed func(State)                 // is told of each change, by several goroutines in turn, and must not wait for the client; nil: nobody is
	Log     *slog.Logger                // nil: nothing is logged

	firstWait, longestWait time.Duration // between attempts to reach the server; zero: 2 s and 1 min
	useEvery               time.Duration // so often the sign-in is used by a call; zero: 12 h
	refusalFor             time.Duration // that a refusal is shown; zero: 2 min, longer than longestWait: a report that is refused still is said again before
}

// State is what a client is doing, for its owner.
type State struct {
	Name      string    // of the owner; empty: not known yet
	Language  string    // that they chose, en or de; empty: the system's
	Connected bool      // the server hears it
	Since     time.Time // of Connected, or of its loss; zero: it has never been connected
	Problem   string    // why it is not connected, or what the server refused in the last two minutes, in words; empty: nothing

	Presence client.Presence // as the server told last
	Settings client.Settings // the same
	Told     bool            // the server has said what counts; else Settings is of no meaning
	Muted    bool

	Idle       *probe.Idle       // nil: not measured, as it does not count
	Lock       *probe.Lock       // the same
	Microphone *probe.Microphone // the same
	Recording  []string          // rows of the table that the server was told of
	Calendars  []Calendar        // of programs on this computer, sorted by name; none if they do not count
}

// Calendar is how a calendar of this computer is doing.
type Calendar struct {
	Program  string    // whose it is: "Outlook", "Notes"
	Handed   time.Time // when it was handed over last; zero: not yet
	Count    int       // appointments that were
	Problems []string  // what could not be read of it
	Err      error     // why it cannot be read, or was not taken by the server; nil: it is fine
}

// Agent is a desktop client of one person. Make it with New.
type Agent struct {
	server *client.Client
	cfg    Config
	log    *slog.Logger
	kick   chan struct{} // what is told may be another
	counts chan struct{} // what counts may be another
	look   chan struct{} // calendars are to be looked at
	anew   chan struct{} // input is to be measured anew

	telling sync.Mutex // held while Changed is called
	mu      sync.Mutex // guards what follows; taken after telling
	m       measured
	c       counts
	state   State
	fading  *time.Timer // that takes a refusal from the state; nil: there was none
}

// New returns a client that reports to a server, for whoever its token is of. Run makes it work.
func New(server *client.Client, cfg Config) *Agent {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.firstWait == 0 {
		cfg.firstWait, cfg.longestWait = 2*time.Second, time.Minute
	}
	if cfg.useEvery == 0 {
		cfg.useEvery = 12 * time.Hour // a connection that stands renews nothing
	}
	if cfg.refusalFor == 0 {
		cfg.refusalFor = 2 * time.Minute
	}
	a := &Agent{server: server, cfg: cfg, log: cfg.Log, kick: make(chan struct{}, 1), counts: make(chan struct{}, 1), look: make(chan struct{}, 1), anew: make(chan struct{}, 1)}
	a.c.muted, a.state.Muted = cfg.Muted, cfg.Muted
	return a
}

// State returns what the client is doing.
func (a *Agent) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// change changes the state under the lock and tells of it.
func (a *Agent) change(f func()) {
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Lock()
	f()
	s := a.state
	a.mu.Unlock()
	if a.cfg.Changed != nil {
		a.cfg.Changed(s)
	}
}

// measure enters something new of what is measured or counts.
func (a *Agent) measure(f func()) {
	a.change(f)
	nudge(a.kick)
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Mute has the microphone not count, or count again.
func (a *Agent) Mute(muted bool) {
	a.measure(func() { a.c.muted, a.state.Muted = muted, muted })
	nudge(a.counts)
}

// Choose chooses the owner's presence. Nothing is kept for later: if the server cannot be reached, that is the error.
func (a *Agent) Choose(ctx context.Context, choice client.Choice) error {
	a.sent("choice", choice)
	p, err := a.server.Choose(ctx, choice)
	if err != nil {
		a.refused(err.Error())
		return err
	}
	a.change(func() { a.state.Presence, a.state.Problem = p, "" })
	return nil
}

// refused shows the owner what was refused, and why, for a while.
func (a *Agent) refused(detail string) {
	a.change(func() {
		a.state.Problem = detail
		if a.fading != nil {
			a.fading.Stop()
		}
		a.fading = time.AfterFunc(a.cfg.refusalFor, func() {
			a.change(func() {
				if a.state.Problem == detail && a.state.Connected { // else it is why it is not connected
					a.state.Problem = ""
				}
			})
		})
	})
}

// unfade ends what refused has begun.
func (a *Agent) unfade() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fading != nil {
		a.fading.Stop()
	}
}

func (a *Agent) sent(what string, body any) {
	if a.cfg.Sent != nil {
		a.cfg.Sent(what, body)
	}
}

// Run measures and reports until ctx ends, and says then that the client has ended. While the server cannot be reached it goes on measuring, and tries
// again for ever. The error wraps client.ErrSignedOut if the sign-in has ended; else it is nil.
func (a *Agent) Run(ctx context.Context) error {
	measuring, stop := context.WithCancel(ctx)
	var probes sync.WaitGroup
	probes.Go(func() { a.runProbes(measuring) })
	defer probes.Wait()
	defer stop()
	defer a.unfade()

	wait := a.cfg.firstWait
	for {
		began := time.Now()
		err := a.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, client.ErrSignedOut):
			a.lost(err)
			return err
		}
		a.lost(err)
		a.log.Info("agent: not connected", "err", err)
		if time.Since(began) > a.cfg.longestWait {
			wait = a.cfg.firstWait
		}
		// A whole office comes back after a restart of the server, and not at once.
		if !pause(ctx, wait/2+rand.N(wait)) {
			return nil
		}
		wait = min(2*wait, a.cfg.longestWait)
	}
}

func (a *Agent) lost(err error) {
	a.change(func() {
		if a.state.Connected || a.state.Since.IsZero() {
			a.state.Since = time.Now()
		}
		a.state.Connected, a.state.Recording = false, nil
		if a.state.Problem = ""; err != nil {
			a.state.Problem = err.Error()
		}
	})
}

const (
	askWithin = 30 * time.Second // an answer of the server
	endWithin = 3 * time.Second  // a session of the desktop does not wait longer
	lookEvery = 10 * time.Second // whether the computer has slept
	sleptFor  = 20 * time.Second
)

// session connects and reports until the connection ends, and returns why it did.
func (a *Agent) session(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	me, err := a.server.Me(asking)
	if err != nil {
		return err
	}
	s, err := a.server.Stream(asking)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Watch(asking, me.Person.ID); err != nil {
		return err
	}
	a.change(func() {
		a.state.Name, a.state.Language, a.state.Presence = me.Person.Name, me.Language, me.Person.Presence
	})

	// It is read on while the end is said, and until the connection is closed: a read that is given up would close it.
	messages, broken, gone := make(chan client.Message), make(chan error, 1), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			m, err := s.Next(context.WithoutCancel(ctx))
			if err != nil {
				broken <- err
				return
			}
			select {
			case messages <- m:
			case <-gone:
				return
			}
		}
	})
	defer reader.Wait()
	defer s.Close()
	defer close(gone)

	var was *said
	settled := false // the server has said on this connection what counts
	tell := func() error {
		a.mu.Lock()
		now := a.m.say(&a.c)
		a.mu.Unlock()
		if !settled { // a row may have gone from the table: what was told of it before is as before
			now.microphone = nil
		}
		r, due := now.report(was, a.cfg.ID, a.cfg.Label, a.server.ServerTime)
		if !due {
			return nil
		}
		a.sent("report", r)
		saying, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin) // a write that is given up would break the connection
		defer cancel()
		if err := s.Report(saying, r); err != nil {
			return err
		}
		if was != nil { // what is not known is as it was
			if now.activity == nil {
				now.activity, now.since = was.activity, was.since
			}
			if now.microphone == nil {
				now.microphone = was.microphone
			}
		}
		was = &now
		a.change(func() { a.state.Recording = now.microphone })
		return nil
	}
	if err := tell(); err != nil {
		return why(err, messages, broken, time.Second)
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	last := time.Now()
	used := time.NewTicker(a.cfg.useEvery)
	defer used.Stop()
	again := time.NewTimer(time.Hour) // what was refused is told again
	defer again.Stop()
	again.Stop()
	patience := a.cfg.firstWait
	for {
		select {
		case <-ctx.Done():
			return a.end(ctx, s, messages, broken)
		case err := <-broken:
			return err
		case <-a.kick:
			if err := tell(); err != nil {
				return why(err, messages, broken, time.Second)
			}
		case m := <-messages:
			a.take(me.Person.ID, m)
			switch {
			case m.Settings != nil:
				settled = true // and it is told what follows from them
			case m.Refused != "":
				again.Reset(patience/2 + rand.N(patience))
				patience = min(2*patience, a.cfg.longestWait)
			}
		case <-again.C:
			was = nil
			if err := tell(); err != nil {
				return why(err, messages, broken, time.Second)
			}
		case <-look.C:
			now := time.Now()
			if off := now.Round(0).Sub(last.Round(0)) - now.Sub(last); off.Abs() > sleptFor || now.Sub(last) > lookEvery+sleptFor { // by the clock on the wall, which goes on
				nudge(a.anew) // what waits for so long without input has slept, too
				return errors.New("the computer has slept, or its clock was set")
			}
			last = now
		case <-used.C: // a sign-in lasts while it is used
			go func() {
				asking, cancel := context.WithTimeout(ctx, askWithin)
				defer cancel()
				me, err := a.server.Me(asking)
				if err != nil {
					a.log.Debug("agent: the sign-in could not be used", "err", err)
					return
				}
				a.change(func() { a.state.Name, a.state.Language = me.Person.Name, me.Language })
			}()
		}
	}
}

// end says that the client ends, as at the end of the desktop's session, and waits until the server has heard it.
func (a *Agent) end(ctx context.Context, s *client.Stream, messages <-chan client.Message, broken <-chan error) error {
	a.sent("end", struct{}{})
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := s.End(ending); err != nil {
		return err
	}
	return why(errors.New("the server does not answer the end"), messages, broken, endWithin)
}

// why waits for why a connection has ended, of which its reader knows the most; err is returned if that is not known.
func why(err error, messages <-chan client.Message, broken <-chan error, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case <-messages:
		case better := <-broken:
			return better
		case <-late.C:
			return err
		}
	}
}

// take takes what the server says.
func (a *Agent) take(me string, m client.Message) {
	switch {
	case m.Settings != nil:
		a.measure(func() {
			a.c.Settings, a.c.known = *m.Settings, true
			a.state.Settings, a.state.Told = *m.Settings, true
			if !a.state.Connected {
				a.state.Connected, a.state.Since, a.state.Problem = true, time.Now(), ""
			}
		})
		nudge(a.counts)
		nudge(a.look) // what could not be handed over before, and for how many days
	case m.Refused != "":
		a.log.Warn("agent: refused", "detail", m.Refused)
		a.refused(m.Refused)
	default:
		for _, p := range m.People {
			if p.ID == me {
				a.change(func() { a.state.Presence = p })
			}
		}
	}
}

// runProbes measures what counts, and stops measuring what does not count any more.
func (a *Agent) runProbes(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	start := func(f func(context.Context)) (stop func()) {
		during, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		running.Go(func() { defer close(done); f(during) })
		return func() { cancel(); <-done }
	}
	var idle, lock, microphone, calendars func()
	var after time.Duration
	slept := false
	forgetIdle := func() { a.m.idle, a.state.Idle = nil, nil }
	set := func(stop *func(), on bool, f func(context.Context), forget func()) {
		switch {
		case on && *stop == nil:
			*stop = start(f)
		case !on && *stop != nil:
			(*stop)()
			*stop = nil
			a.measure(forget)
		}
	}
	for {
		a.mu.Lock()
		c := a.c
		a.mu.Unlock()
		wanted, input := c.input()
		if wanted != after && idle != nil && input { // it is measured anew, and what was measured holds until then
			idle()
			idle = nil
		}
		if slept && idle != nil { // and then it does not
			idle()
			idle = nil
			a.measure(forgetIdle)
		}
		slept = false
		after = wanted
		set(&idle, input, func(ctx context.Context) {
			a.cfg.Probes.Idle(ctx, wanted, func(x probe.Idle) { a.measure(func() { a.m.idle, a.state.Idle = &x, &x }) })
		}, forgetIdle)
		set(&lock, c.locks(), func(ctx context.Context) {
			a.cfg.Probes.Lock(ctx, func(x probe.Lock) {
				a.measure(func() {
					if x.Locked && (a.m.lock == nil || !a.m.lock.Locked) {
						a.m.lockedAt = time.Now()
					}
					a.m.lock, a.state.Lock = &x, &x
				})
			})
		}, func() { a.m.lock, a.state.Lock = nil, nil })
		set(&microphone, c.records(), func(ctx context.Context) {
			a.cfg.Probes.Microphone(ctx, func(x probe.Microphone) { a.measure(func() { a.m.microphone, a.state.Microphone = &x, &x }) })
		}, func() { a.m.microphone, a.state.Microphone = nil, nil })
		set(&calendars, c.CalendarDays > 0, func(ctx context.Context) {
			days := func() int {
				a.mu.Lock()
				defer a.mu.Unlock()
				return a.c.CalendarDays
			}
			a.cfg.Probes.Calendars(ctx, days, a.look, func(r localcal.Reading) error { return a.hand(ctx, r) })
		}, func() { a.state.Calendars = nil })
		select {
		case <-ctx.Done():
			return
		case <-a.counts:
		case <-a.anew:
			slept = true
		}
	}
}

// hand hands a calendar over, if that is due, and keeps how it is doing.
func (a *Agent) hand(ctx context.Context, r localcal.Reading) error {
	enter := func(f func(*Calendar)) {
		a.change(func() {
			all := slices.Clone(a.state.Calendars) // the list is shown elsewhere
			i, found := slices.BinarySearchFunc(all, r.Program, func(c Calendar, name string) int { return strings.Compare(c.Program, name) })
			if !found {
				all = slices.Insert(all, i, Calendar{Program: r.Program})
			}
			f(&all[i])
			a.state.Calendars = all
		})
	}
	if !r.Hand {
		enter(func(c *Calendar) { c.Problems, c.Err = r.Problems, r.Err })
		return nil
	}
	a.sent("calendar "+r.Program, r.Appointments)
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	err := a.server.HandOver(asking, r.Program, r.Lease, r.Appointments)
	if err != nil {
		a.log.Info("agent: a calendar was not handed over", "calendar", r.Program, "err", err)
	}
	enter(func(c *Calendar) {
		c.Problems, c.Err = r.Problems, err
		if err == nil {
			c.Handed, c.Count = time.Now(), len(r.Appointments)
		}
	})
	return err
}

// pause waits for d, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
