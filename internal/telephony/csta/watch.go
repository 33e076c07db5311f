package csta

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/presence"
)

const (
	lookEvery  = 2 * time.Minute  // at each line: the snapshot that is the truth
	standEvery = time.Minute      // that all lines are told again, while the system gives signs of life
	retryFirst = 10 * time.Second // after a line that was refused; doubled each time
	retryMost  = 10 * time.Minute
	workers    = 8 // requests under way
)

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
	return s.link.Watch(ctx, tell, func(ctx context.Context, x *session, teller *wire.Teller) error {
		s.link.Worked()
		w := &watcher{s: s, x: x, teller: teller, monitors: map[string]*monitor{}, refs: map[string]*monitor{}, orphans: map[string][]*node{}}
		return w.run(ctx)
	})
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
		case <-w.x.Done:
			return w.x.Why()
		case out <- j:
			j.m.busy = true
		case l := <-looks:
			w.looked(l)
		case <-w.x.Wake:
			for _, n := range w.x.Drain() {
				w.event(n)
			}
			if beat := w.x.lately(); beat.Sub(stood) >= standEvery {
				stood = beat
				for _, m := range w.monitors {
					w.say(m)
				}
			}
		case <-tick.C:
		case <-w.s.link.Changed():
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
	lines, names, again := w.s.link.Changes()
	for e := range lines {
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
	names := w.s.link.Followed()[m.extension]
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
	for _, n := range w.s.link.Followed()[m.extension] {
		l := telephony.Line{Line: n, Calls: m.told(w.reach)}
		if m.forward != nil {
			f := *m.forward
			l.Forwarding = &f
		}
		w.teller.Say(l)
	}
}
