package ami

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

const (
	listEvery = time.Minute      // the lists that are the truth
	listSoon  = 2 * time.Second  // when something does not fit, or other lines are followed
	listApart = 5 * time.Second  // but no closer together
	bootTime  = 10 * time.Second // that a system has to say that it is ready; one whose account may not hear of it never does
)

// wanted are the events that are asked for, beyond what their classes leave out (Filter, regular expression of POSIX).
const wanted = "Event: (Newchannel|Newstate|NewCallerid|NewConnectedLine|Rename|DialBegin|DialEnd|DialState|BridgeEnter|BridgeLeave|Hold|Unhold|" +
	"AttendedTransfer|BlindTransfer|Hangup|DeviceStateChange|ExtensionStatus|FullyBooted|Shutdown|UserEvent)"

// watcher is one Watch. Only its goroutine touches it.
type watcher struct {
	s      *System
	board  *board
	teller *wire.Teller

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
	w := &watcher{s: s, board: newBoard(s.c, s.numbers), again: map[string]bool{}, suspects: map[string]bool{}, forward: map[string]telephony.Forwarding{}}
	return s.link.Watch(ctx, tell, func(ctx context.Context, x *session, teller *wire.Teller) error {
		w.teller = teller
		return w.run(ctx, x)
	})
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
		case <-x.Done:
			return x.Why()
		case <-x.Wake:
			for _, m := range x.Drain() {
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
		case <-w.s.link.Changed():
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
		case <-x.Done:
			return x.Why()
		case <-t.C:
			w.s.log.Info("asterisk does not say that it is ready; it may not have begun yet, or its user may not read what is of class system", "server", w.s.c.Host)
			return nil
		case <-x.Wake:
		}
		booted := false
		for _, m := range x.Drain() {
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
	case "UserEvent":
		w.dialled(m)
		return nil
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

// CodeEvent is the name of the events by which the dialplan tells of feature codes: UserEvent(DoorlightCode,Code: ${EXTEN}). Their header Code is the code;
// whose telephone it is, the channel says.
const CodeEvent = "DoorlightCode"

// dialled hands over a feature code. Numbers of callers can be made up; the device of a channel cannot.
func (w *watcher) dialled(m message) {
	if m.get("userevent") != CodeEvent {
		return
	}
	code := strings.TrimSpace(m.get("code"))
	if code == "" || len(code) > 20 || strings.Trim(code, "0123456789*#") != "" {
		w.s.log.Warn("asterisk tells of a feature code that is none", "server", w.s.c.Host)
		return
	}
	w.s.mu.Lock()
	choose := w.s.choose
	w.s.mu.Unlock()
	for _, e := range w.board.owners[deviceOf(m.get("channel"))] {
		for _, n := range w.entered[e] {
			if choose != nil {
				choose(telephony.Choice{Line: n, Code: code})
			}
		}
	}
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
	lines, names, again := w.s.link.Changes()
	maps.Copy(w.again, again)
	unread := false
	for e := range lines {
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
	lines := w.s.link.Followed()
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
	for _, m := range x.Drain() {
		if err := w.event(m); err != nil {
			return err
		}
	}
	w.light()
	w.ready, w.entered = setOf(extensions), lines
	w.s.link.Worked()
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
	lines := w.s.link.Followed()
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
