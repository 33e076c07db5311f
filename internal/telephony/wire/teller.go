package wire

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
)

// renewAfter is how old what was said of a line has to be to be said again when the system stands by it: with what confirms it coming every
// minute, each half of telephony.Lasts has one.
const renewAfter = telephony.Lasts / 6

// Teller tells of lines. Saying never blocks, however slow the listener is: of each line he gets the latest, in order. The
// zero value is ready.
type Teller struct {
	mu    sync.Mutex // guards what follows
	lines map[string]*said
	queue []string // with something that is not told yet, in turn
	wake  chan struct{}
}

type said struct {
	line   telephony.Line
	at     time.Time
	queued bool
}

// Say has a line told of, if it is not as it was last told, or that was a while ago.
func (t *Teller) Say(l telephony.Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines == nil {
		t.lines = map[string]*said{}
	}
	s, now := t.lines[l.Line], time.Now()
	switch {
	case s == nil:
		s = &said{}
		t.lines[l.Line] = s
	case now.Sub(s.at) < renewAfter && same(s.line, l):
		return
	}
	s.line, s.at = l, now
	if !s.queued {
		s.queued = true
		t.queue = append(t.queue, l.Line)
		select {
		case t.signal() <- struct{}{}:
		default:
		}
	}
}

// signal is the channel that has somebody look at the queue. t.mu is held.
func (t *Teller) signal() chan struct{} {
	if t.wake == nil {
		t.wake = make(chan struct{}, 1)
	}
	return t.wake
}

func same(a, b telephony.Line) bool {
	if (a.Forwarding == nil) != (b.Forwarding == nil) || a.Forwarding != nil && *a.Forwarding != *b.Forwarding {
		return false
	}
	return slices.Equal(a.Calls, b.Calls)
}

// Forget forgets lines, all but those that keep reports. What is not told of them yet never is.
func (t *Teller) Forget(keep func(line string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.lines {
		if !keep(name) {
			delete(t.lines, name)
		}
	}
}

// Run calls tell until ctx ends.
func (t *Teller) Run(ctx context.Context, tell func(telephony.Line)) {
	t.mu.Lock()
	wake := t.signal()
	t.mu.Unlock()
	for ctx.Err() == nil {
		l, ok := t.next()
		if ok {
			tell(l)
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
		}
	}
}

func (t *Teller) next() (telephony.Line, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) > 0 {
		name := t.queue[0]
		t.queue = t.queue[1:]
		if s := t.lines[name]; s != nil && s.queued {
			s.queued = false
			return s.line, true
		}
	}
	return telephony.Line{}, false
}
