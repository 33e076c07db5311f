package ami

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

const (
	listEvery  = time.Minute      // the lists that are the truth
	listSoon   = 2 * time.Second  // when something does not fit, or other lines are followed
	listApart  = 5 * time.Second  // but no closer together
	bootTime   = 10 * time.Second // that a system has to say that it is ready; one whose account may not hear of it never does
	credential = 30 * time.Second // after a sign-in that was refused; doubled each time, up to a quarter of an hour, so that nobody is locked out
)

// wanted are the events that are asked for, beyond what their classes leave out (Filter, regular expression of POSIX).
const wanted = "Event: (Newchannel|Newstate|NewCallerid|NewConnectedLine|Rename|DialBegin|DialEnd|DialState|BridgeEnter|BridgeLeave|Hold|Unhold|" +
	"AttendedTransfer|BlindTransfer|Hangup|DeviceStateChange|ExtensionStatus|FullyBooted|Shutdown)"

var errWatched = errors.New("ami: the system is watched already")

// watcher is one Watch. Only its goroutine touches it.
type watcher struct {
	s      *System
	board  *board
	teller wire.Teller

	forward map[string]telephony.Forwarding // by extension, as last read
	reads   bool                            // forwarding is read
	ready   map[string]bool                 // extensions that a list was read for
	entered map[string][]string             // as Follow named them then
	lamps   map[string]string               // custom device state to extension
	again   map[string]bool                 // extensions whose forwarding may have changed
	listed  time.Time                       // when a list was last begun
	soon    *time.Timer                     // has the lists read early
	due     time.Time                       // when soon does; zero: it does not
	must    bool                            // then they are read in any case, else if a suspect is one still

	suspects map[string]bool // devices that said otherwise than their channels
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

	w := &watcher{s: s, board: newBoard(s.c, s.numbers), again: map[string]bool{}, suspects: map[string]bool{}, forward: map[string]telephony.Forwarding{}}
	var telling sync.WaitGroup
	telling.Go(func() { w.teller.Run(ctx, tell) })
	for s.pause(ctx) {
		x, err := s.connect(ctx, "system,call")
		if err == nil {
			s.setLive(x)
			err = w.run(ctx, x)
			s.setLive(nil)
			x.leave()
			w.teller.Forget(func(string) bool { return false }) // until it is known again what is
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
	wait := time.Duration(0)
	s.mu.Lock()
	if e.Kind == source.Credentials {
		wait = min(credential<<min(s.refusals, 10), 15*time.Minute)
		s.refusals++
	}
	s.mu.Unlock()
	told := s.gate.Stop(wait, e)
	level := slog.LevelDebug
	s.mu.Lock()
	if s.trouble == nil {
		level = slog.LevelWarn
	}
	s.trouble = e
	s.mu.Unlock()
	s.log.Log(context.Background(), level, "asterisk is not connected; it is tried again", "server", s.c.Host, "err", cmp.Or(e.Err, error(e)), "why", e.Text)
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
		s.log.Info("asterisk is connected again", "server", s.c.Host)
	}
}

// run hears a session until it ends, and returns why.
func (w *watcher) run(ctx context.Context, x *session) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var pings sync.WaitGroup
	defer pings.Wait()
	defer cancel()
	pings.Go(func() { x.keep(ctx) })

	if _, err := x.do(ctx, "Filter", "Operation", "Add", "Filter", wanted); err != nil {
		if _, no := errors.AsType[*refused](err); !no {
			return err
		}
		w.s.log.Debug("asterisk takes no filter; it tells of more than is needed", "server", w.s.c.Host, "err", err)
	}
	if err := w.boot(ctx, x); err != nil {
		return err
	}
	w.ready, w.must, w.suspects = map[string]bool{}, true, map[string]bool{}
	w.soon, w.due = time.NewTimer(0), time.Now()
	defer w.soon.Stop()
	every := time.NewTicker(listEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-x.done:
			return x.why()
		case <-x.wake:
			for _, m := range x.drain() {
				if err := w.event(m); err != nil {
					return err
				}
			}
		case <-every.C:
			if err := w.list(ctx, x); err != nil {
				return err
			}
		case <-w.soon.C:
			w.due = time.Time{}
			if !w.must && !w.suspicious() {
				continue
			}
			if err := w.list(ctx, x); err != nil {
				return err
			}
		case <-w.s.changed:
			w.changed()
		}
		if err := w.reread(ctx, x); err != nil {
			return err
		}
		w.say()
	}
}

// boot waits until the system says that it is ready.
func (w *watcher) boot(ctx context.Context, x *session) error {
	t := time.NewTimer(bootTime)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-x.done:
			return x.why()
		case <-t.C:
			w.s.log.Info("asterisk does not say that it is ready; it may not have begun yet, or its user may not read what is of class system", "server", w.s.c.Host)
			return nil
		case <-x.wake:
		}
		booted := false
		for _, m := range x.drain() {
			booted = booted || m.get("event") == "FullyBooted"
			if err := w.event(m); err != nil {
				return err
			}
		}
		if booted {
			return nil
		}
	}
}

var errShutdown = errors.New("ami: the system shuts down")

// event takes in what the system tells.
func (w *watcher) event(m message) error {
	switch m.get("event") {
	case "Shutdown":
		return fmt.Errorf("%w: %s", errShutdown, short(m.get("shutdown")))
	case "FullyBooted":
		w.must = true
		w.early()
	case "DeviceStateChange":
		device, state := m.get("device"), m.get("state")
		if e, ok := w.lamps[device]; ok {
			w.again[e] = true
		} else if w.board.differs(device, state) { // perhaps its channels are told of in a moment
			w.suspects[device] = true
			w.early()
		}
	}
	w.board.apply(m, time.Now())
	return nil
}

// early has the lists read soon.
func (w *watcher) early() {
	if w.soon == nil {
		return
	}
	now := time.Now()
	if at := now.Add(max(listSoon, listApart-now.Sub(w.listed))); w.due.IsZero() || at.Before(w.due) {
		w.due = at
		w.soon.Reset(at.Sub(now))
	}
}

// suspicious reports whether a device still says otherwise than its channels.
func (w *watcher) suspicious() bool {
	defer clear(w.suspects)
	for d := range w.suspects {
		if w.board.differs(d, w.board.states[d]) {
			return true
		}
	}
	return false
}

// changed takes in that other lines are followed, or that forwarding was set.
func (w *watcher) changed() {
	w.s.mu.Lock()
	lines, again := w.s.lines, w.s.again
	w.s.again = map[string]bool{}
	w.s.mu.Unlock()
	for e := range again {
		w.again[e] = true
	}
	names := map[string]bool{}
	unread := false
	for e, ns := range lines {
		for _, n := range ns {
			names[n] = true
		}
		unread = unread || !w.ready[e]
	}
	w.teller.Forget(func(n string) bool { return names[n] })
	touched := w.board.touched
	w.board.touched = map[string]bool{}
	w.board.follow(slices.Collect(maps.Keys(lines)))
	w.board.touched = touched
	for e, ns := range lines { // the others are as they were: to tell of them would be to stand by them
		if !slices.Equal(w.entered[e], ns) {
			w.board.touched[e] = true
		}
	}
	w.entered = lines
	w.light()
	if unread {
		w.must = true
		w.early()
	}
}

// light notes which lamps belong to whom.
func (w *watcher) light() {
	w.lamps = map[string]string{}
	if w.s.c.Forwarding == ForwardingNone {
		return
	}
	for e, devices := range w.board.lines {
		for _, k := range w.s.keys() {
			for _, l := range k.lamps(e, plain(devices)) {
				w.lamps[l] = e
			}
		}
	}
}

// plain are the numbers of devices: 201 of PJSIP/201.
func plain(devices []string) []string {
	out := make([]string, len(devices))
	for i, d := range devices {
		_, out[i], _ = strings.Cut(d, "/")
	}
	return out
}

// list reads all there is. What is told meanwhile waits, and is looked at after.
func (w *watcher) list(ctx context.Context, x *session) error {
	w.soon.Stop()
	w.listed, w.due, w.must = time.Now(), time.Time{}, false
	clear(w.suspects)
	lines := w.s.followed()
	extensions := slices.Collect(maps.Keys(lines))
	var l lists
	for _, one := range []struct {
		action string
		into   *[]message
	}{{"DeviceStateList", &l.devices}, {"ExtensionStateList", &l.extensions}, {"CoreShowChannels", &l.channels}} {
		var err error
		if *one.into, err = x.list(ctx, one.action); err != nil {
			return err
		}
	}
	w.board.replace(l, extensions, time.Now())
	if err := w.readAll(ctx, x, extensions); err != nil {
		return err
	}
	for _, m := range x.drain() {
		if err := w.event(m); err != nil {
			return err
		}
	}
	w.light()
	w.ready, w.entered = setOf(extensions), lines
	w.s.worked()
	w.missing(extensions)
	return nil
}

func setOf(extensions []string) map[string]bool {
	m := make(map[string]bool, len(extensions))
	for _, e := range extensions {
		m[e] = true
	}
	return m
}

// missing says which lines the system does not know, when these are others than before.
func (w *watcher) missing(extensions []string) {
	var unknown []string
	for _, e := range extensions {
		if len(w.board.lines[e]) == 0 {
			unknown = append(unknown, e)
		}
	}
	slices.Sort(unknown)
	w.s.mu.Lock()
	news := !slices.Equal(unknown, w.s.unknown)
	w.s.unknown = unknown
	w.s.mu.Unlock()
	if news && len(unknown) > 0 {
		w.s.log.Warn("asterisk does not know lines; nothing is told of them", "server", w.s.c.Host, "number", len(unknown), "lines", strings.Join(unknown[:min(len(unknown), 20)], " "))
	}
}

// readAll reads how all lines are forwarded.
func (w *watcher) readAll(ctx context.Context, x *session, extensions []string) error {
	if w.s.c.Forwarding == ForwardingNone {
		return nil
	}
	all, err := w.s.forwardings(ctx, x, extensions)
	if _, no := errors.AsType[*refused](err); no {
		w.s.mu.Lock()
		news := !w.s.forbidden
		w.s.forbidden = true
		w.s.mu.Unlock()
		if news {
			w.s.log.Warn("asterisk does not say how lines are forwarded", "server", w.s.c.Host, "err", err)
		}
		w.reads = false
		return nil
	}
	if err != nil {
		return err
	}
	w.forward, w.reads = all, true
	return nil
}

// reread reads how lines are forwarded that may be forwarded in another way than before.
func (w *watcher) reread(ctx context.Context, x *session) error {
	if len(w.again) == 0 || !w.reads {
		clear(w.again)
		return nil
	}
	for e := range w.again {
		f, err := w.s.read(ctx, x, e)
		if _, no := errors.AsType[*refused](err); no {
			continue
		}
		if err != nil {
			return err
		}
		if w.ready[e] {
			w.forward[e] = f
			w.board.touched[e] = true
		}
	}
	clear(w.again)
	return nil
}

// say tells of the lines that look different.
func (w *watcher) say() {
	lines := w.s.followed()
	for e := range w.board.touched {
		delete(w.board.touched, e)
		names := lines[e]
		if len(names) == 0 || !w.ready[e] {
			continue
		}
		calls, ok := w.board.calls(e)
		if !ok {
			w.teller.Forget(func(n string) bool { return !slices.Contains(names, n) })
			continue
		}
		for _, n := range names {
			l := telephony.Line{Line: n, Calls: slices.Clone(calls)}
			if w.reads {
				f := w.forward[e]
				l.Forwarding = &f
			}
			w.teller.Say(l)
		}
	}
}
