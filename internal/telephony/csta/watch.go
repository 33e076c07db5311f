package csta

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/presence"
)

const (
	lookEvery  = 2 * time.Minute  // at each line: the snapshot that is the truth
	standEvery = time.Minute      // that all lines are told again, while the system gives signs of life
	retryFirst = 10 * time.Second // after a line that was refused; doubled each time
	retryMost  = 10 * time.Minute
	workers    = 8                // requests under way
	credential = 30 * time.Second // after a session that was refused; doubled each time, up to a quarter of an hour
)

var errWatched = errors.New("csta: the system is watched already")

// monitor is a line that is watched, in one session.
type monitor struct {
	*line
	ref     string // monitorCrossRefID; empty: there is no monitor
	busy    bool   // somebody looks at it; events wait
	events  []*node
	known   bool // it was looked at
	out     bool // of service
	again   bool // it is to be looked at once more
	forward *telephony.Forwarding
	due     time.Time
	refused int // times in a row
	said    bool
	entered []string // names under which it is followed
}

// job is a line to be looked at. Of the monitor only its extension is read, as the rest is the watcher's.
type job struct {
	m   *monitor
	ref string // of the monitor that there is; empty: one is to be begun
}

// look is what came of looking at a line.
type look struct {
	job
	now     string // reference of the monitor after it
	data    *node
	forward *telephony.Forwarding
	err     error
}

// watcher is one Watch in one session. Only its goroutine touches it.
type watcher struct {
	s        *System
	x        *session
	teller   *wire.Teller
	monitors map[string]*monitor // by extension
	refs     map[string]*monitor
	orphans  map[string][]*node // events of monitors whose answer is not there yet
	gone     []string           // monitors to be stopped
	stale    bool               // the system says that it is not well: nothing is told again
}

// Watch implements telephony.System; there may be one at a time.
func (s *System) Watch(ctx context.Context, tell func(telephony.Line)) error {
	s.mu.Lock()
	if s.watched {
		s.mu.Unlock()
		return errWatched
	}
	s.watched = true
	s.mu.Unlock()
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.stop, func() { cancel(errClosed) })()

	var teller wire.Teller
	var telling sync.WaitGroup
	telling.Go(func() { teller.Run(ctx, tell) })
	for s.pause(ctx) {
		x, err := s.connect(ctx)
		if err == nil {
			s.worked()
			s.setLive(x)
			w := &watcher{s: s, x: x, teller: &teller, monitors: map[string]*monitor{}, refs: map[string]*monitor{}, orphans: map[string][]*node{}}
			err = w.run(ctx)
			s.setLive(nil)
			x.leave()
			teller.Forget(func(string) bool { return false }) // until it is known again what is
		}
		if ctx.Err() == nil {
			s.failed(err)
		}
	}
	telling.Wait()
	s.mu.Lock()
	s.watched = false
	s.mu.Unlock()
	if outer.Err() == nil {
		return context.Cause(ctx)
	}
	return context.Cause(outer)
}

func (s *System) setLive(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = x
}

// pause waits until the system may be connected to, and reports whether it still is to be.
func (s *System) pause(ctx context.Context) bool {
	for ctx.Err() == nil {
		e, shut := errors.AsType[*source.Error](s.gate.Shut())
		if !shut {
			return true
		}
		t := time.NewTimer(e.RetryAfter)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
	return false
}

// failed takes note that there is no connection, and has nobody try for a while.
func (s *System) failed(err error) *source.Error {
	e := s.explain(err)
	wait, level := time.Duration(0), slog.LevelDebug
	s.mu.Lock()
	if e.Kind == source.Credentials {
		wait = min(credential<<min(s.refusals, 10), 15*time.Minute)
		s.refusals++
	}
	if s.trouble == nil {
		level = slog.LevelWarn
	}
	s.trouble = e
	s.mu.Unlock()
	told := s.gate.Stop(wait, e)
	s.log.Log(context.Background(), level, "the telephone system is not connected; it is tried again", "server", s.c.Host, "err", cmp.Or(e.Err, error(e)), "why", e.Text)
	return told
}

// worked takes note that the system answers.
func (s *System) worked() {
	s.gate.Succeeded()
	s.mu.Lock()
	back := s.trouble != nil
	s.refusals, s.trouble = 0, nil
	s.mu.Unlock()
	if back {
		s.log.Info("the telephone system is connected again", "server", s.c.Host)
	}
}

// run hears a session until it ends, and returns why.
func (w *watcher) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	others.Go(func() { w.x.beat(ctx) })
	jobs, looks := make(chan job), make(chan look)
	for range workers {
		others.Go(func() { w.work(ctx, jobs, looks) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	stood := w.x.lately()
	w.follow()
	for {
		var j job
		var out chan job
		if j.m = w.next(); j.m != nil {
			out, j.ref = jobs, j.m.ref
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.x.done:
			return w.x.why()
		case out <- j:
			j.m.busy = true
		case l := <-looks:
			w.looked(l)
		case <-w.x.wake:
			for _, n := range w.x.drain() {
				w.event(n)
			}
			if beat := w.x.lately(); beat.Sub(stood) >= standEvery {
				stood = beat
				for _, m := range w.monitors {
					w.say(m)
				}
			}
		case <-tick.C:
		case <-w.s.changed:
			w.follow()
		}
		if len(w.gone) > 0 {
			ref := w.gone[0]
			w.gone = w.gone[1:]
			others.Go(func() { w.x.do(ctx, el("MonitorStop", leaf("monitorCrossRefID", ref))) })
		}
	}
}

// next is a line that is due to be looked at; nil: there is none. The one that waited longest comes first.
func (w *watcher) next() *monitor {
	var best *monitor
	now := time.Now()
	for _, m := range w.monitors {
		if !m.busy && !now.Before(m.due) && (best == nil || m.due.Before(best.due)) {
			best = m
		}
	}
	return best
}

// follow takes in that other lines are followed, or that forwarding was set.
func (w *watcher) follow() {
	w.s.mu.Lock()
	lines, again := w.s.lines, w.s.again
	w.s.again = map[string]bool{}
	w.s.mu.Unlock()
	names := map[string]bool{}
	for e, ns := range lines {
		for _, n := range ns {
			names[n] = true
		}
		if w.monitors[e] == nil {
			w.monitors[e] = &monitor{line: newLine(e, w.s.numbers.Extension)}
		}
	}
	w.teller.Forget(func(n string) bool { return names[n] })
	for e, m := range w.monitors {
		if lines[e] == nil {
			delete(w.monitors, e)
			if m.ref != "" {
				delete(w.refs, m.ref)
				w.gone = append(w.gone, m.ref)
			}
			continue
		}
		if again[e] {
			m.soon()
		}
		if !slices.Equal(m.entered, lines[e]) {
			m.entered = lines[e]
			w.say(m)
		}
	}
}

// soon has a line looked at next.
func (m *monitor) soon() {
	m.due, m.again = time.Time{}, m.busy
}

// work looks at lines.
func (w *watcher) work(ctx context.Context, jobs <-chan job, looks chan<- look) {
	for {
		var j job
		select {
		case <-ctx.Done():
			return
		case j = <-jobs:
		}
		l := w.look(ctx, j)
		select {
		case <-ctx.Done():
			return
		case looks <- l:
		}
	}
}

func (w *watcher) look(ctx context.Context, j job) look {
	l := look{job: j, now: j.ref}
	device := w.s.device(j.m.extension)
	if l.now == "" {
		a, err := w.x.do(ctx, el("MonitorStart", el("monitorObject", leaf("deviceObject", device))))
		if err != nil {
			l.err = err
			return l
		}
		if l.now = cmp.Or(a.value("monitorCrossRefID"), a.value("crossRefIdentifier")); l.now == "" {
			l.err = &refused{request: "MonitorStart", group: "answer", code: "no monitorCrossRefID"}
			return l
		}
	}
	a, err := w.x.do(ctx, el("SnapshotDevice", leaf("snapshotObject", device)))
	if err != nil {
		l.err = err
		return l
	}
	l.data = a.at("crossRefIDorSnapshotData", "snapshotData")
	if len(w.s.c.Forwarding) > 0 {
		if f, err := w.s.read(ctx, w.x, j.m.extension); err == nil {
			l.forward = &f.Forwarding
		} else if _, no := errors.AsType[*refused](err); no {
			w.s.log.Debug("a telephone system does not say how a line is forwarded", "server", w.s.c.Host, "err", err)
		} else {
			l.err = err
		}
	}
	return l
}

// looked takes in what was seen of a line, and then the events that came meanwhile.
func (w *watcher) looked(l look) {
	m, now := l.m, time.Now()
	m.busy = false
	if w.monitors[m.extension] != m { // it is not followed any more
		if l.ref == "" && l.now != "" {
			w.gone = append(w.gone, l.now)
		}
		return
	}
	if l.ref == "" && l.now != "" { // a new one; one that there was may have been stopped meanwhile
		m.ref = l.now
		w.refs[l.now] = m
		m.events = append(w.orphans[l.now], m.events...)
		delete(w.orphans, l.now)
	}
	if l.err != nil {
		wait := min(retryFirst<<min(m.refused, 10), retryMost)
		m.refused++
		m.due, m.known = now.Add(wait), false
		if !m.said {
			m.said = true
			w.s.log.Warn("a line cannot be watched; nothing is told of it", "server", w.s.c.Host, "line", m.extension, "err", l.err)
		}
		w.forget(m)
		return
	}
	m.refused, m.said, m.known, m.out = 0, false, true, false
	m.due = now.Add(lookEvery)
	if m.again {
		m.due, m.again = now, false
	}
	if l.forward != nil {
		m.forward = l.forward
	}
	m.snapshot(l.data, now)
	events := m.events
	m.events = nil
	for _, n := range events {
		w.event(n)
	}
	w.say(m)
}

func (w *watcher) forget(m *monitor) {
	names := w.s.followed()[m.extension]
	w.teller.Forget(func(n string) bool { return !slices.Contains(names, n) })
}

const maxOrphans = 1000 // monitors of others, or of none

// event takes in what the system tells.
func (w *watcher) event(n *node) {
	switch n.name {
	case "SystemStatus":
		switch n.value("systemStatus") {
		case "disabled", "partiallyDisabled", "initializing", "overloadReached":
			w.stale = true
			w.s.log.Warn("the telephone system says that it is not well; what is known of lines fades", "server", w.s.c.Host, "status", n.value("systemStatus"))
		case "enabled", "normal", "overloadRelieved":
			if w.stale {
				w.lookAll()
			}
			w.stale = false
		case "messagesLost":
			w.lookAll()
		}
		return
	}
	ref := n.value("monitorCrossRefID")
	m := w.refs[ref]
	if m == nil {
		if ref != "" && len(w.orphans) < maxOrphans && len(w.orphans[ref]) < 100 {
			w.orphans[ref] = append(w.orphans[ref], n)
		}
		return
	}
	if n.name == "MonitorStop" || n.name == "MonitorStopEvent" {
		delete(w.refs, ref)
		m.ref, m.known = "", false
		m.soon()
		return
	}
	if m.busy {
		m.events = append(m.events, n)
		return
	}
	switch n.name {
	case "ForwardingEvent", "DoNotDisturbEvent": // a hint: only the whole list says how it is forwarded
		m.soon()
		return
	case "OutOfServiceEvent":
		m.out = true
		w.forget(m)
		return
	case "BackInServiceEvent":
		m.soon()
		return
	}
	m.apply(n, time.Now())
	w.say(m)
}

func (w *watcher) lookAll() {
	for _, m := range w.monitors {
		m.soon()
	}
}

// reach says whether a number is inside. Systems do not say it in a way that is common to them: without patterns only the lines that are
// followed are known.
func (w *watcher) reach(number string) presence.Reach {
	r := w.s.numbers.Reach(number, func(e string) bool { return w.monitors[e] != nil })
	if r == presence.External && len(w.s.c.Internal) == 0 {
		return presence.ReachUnknown
	}
	return r
}

// say tells of a line, if the system stands by it.
func (w *watcher) say(m *monitor) {
	if !m.known || m.out || w.stale {
		return
	}
	for _, n := range w.s.followed()[m.extension] {
		l := telephony.Line{Line: n, Calls: m.told(w.reach)}
		if m.forward != nil {
			f := *m.forward
			l.Forwarding = &f
		}
		w.teller.Say(l)
	}
}
