// Package gate keeps what is asked of an outside system within what it bears. A Gate is the budget of the system, or of one
// kind of question to it: whether it may be asked at all, and how many questions are under way. A Box is the same for one of
// its mailboxes. Both obey the far side's wish to be left alone, and wait longer each time where it has none.
//
// What an answer means is up to the caller, who tells it to either: that it was one (Succeeded), that there was none worth
// the name (Gate.Failed, Box.Pause), or that it was the wish to be left alone (Gate.Stop, Box.Pause). A Gate says no at once,
// with how long to wait, so that nobody is kept waiting by a system that is out of order. All methods may be called by several
// goroutines at once, and none blocks unless it says so. Errors are of type *source.Error.
package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// How many boxes have to fail, all of them different ones and with no success between, until something is done about it.
const (
	ProbeAfter = 3  // then somebody finds out whether the system answers at all
	CloseAfter = 20 // then the gate is closed, although it does: what lies behind is not well
)

const slotWait = 10 * time.Second // how long Enter waits for a turn

// Backoff is how long to wait after failures in a row.
type Backoff struct {
	First time.Duration // after the first; it doubles with each. Zero: a second
	Most  time.Duration // and is never longer. Zero: five minutes
}

func (b Backoff) filled() Backoff {
	if b.First <= 0 {
		b.First = time.Second
	}
	if b.Most <= 0 {
		b.Most = 5 * time.Minute
	}
	return b
}

// After is how long to wait after the failure that has so many before it, from 0: up to a fifth less by chance, so that
// those who failed together do not come back together.
func (b Backoff) After(step int) time.Duration {
	b = b.filled()
	d := b.First
	for ; step > 0 && d < b.Most; step-- {
		d *= 2
	}
	d = min(d, b.Most)
	return d - rand.N(d/5+1)
}

// Config says what a Gate allows and what it tells. The zero value allows any number of questions and never probes.
type Config struct {
	// Limit is how many questions may be under way at a time. A fifth of them, at least one, is kept for boxes in doubt, which
	// get no others, so that they hold up none but each other; a limit of 1 is shared. Zero: there is no limit.
	Limit   int
	Backoff Backoff

	// Probe asks the system something that nobody's mailbox can hold up, and returns why it does not answer, or nil if it does.
	// It blocks for as long as that takes. Nil: there is no such question; the gate is then closed by Stop, and by CloseAfter.
	Probe func(ctx context.Context) *source.Error

	Silent  string       // sentence for the user: the system may be out of reach, that is being found out
	Failing string       // likewise: it answers, but for one mailbox after the other there is nothing but failures
	Crowded source.Error // to whoever had no turn in ten seconds; only those who are not in doubt are told its Whole
}

// Gate is a budget. Three things close it: the wish of the system (Stop), until the wait is over, to the second; silence; and
// failures all over. After ProbeAfter boxes that failed, with no success between, the next caller asks the question that
// nobody's mailbox can hold up (Config.Probe): if that fails too the gate is closed, for longer each time, and then it is
// tried again. After CloseAfter it is closed in any case. While it is closed everybody is told so at once.
//
// What was under way when it closed changes nothing about that: its failures are one with what closed it, and its successes do
// not open it. Gates know nothing of each other: a system that counts its questions by kind has one for each kind.
type Gate struct {
	c      Config
	ready  chan struct{} // full while as many questions are under way as may be; nil: there is no limit
	doubts chan struct{} // likewise, of boxes in doubt

	mu      sync.Mutex // guards what follows
	until   time.Time  // closed until then
	why     *source.Error
	step    int                 // closings in a row
	failed  map[string]struct{} // boxes, since the last success; at most CloseAfter
	suspect bool                // the system may be out of reach: somebody has to probe
	probing bool
}

// New returns an open gate.
func New(c Config) *Gate {
	c.Backoff = c.Backoff.filled()
	g := &Gate{c: c, failed: map[string]struct{}{}}
	if c.Limit > 0 {
		doubts := max(1, c.Limit/5)
		g.ready, g.doubts = make(chan struct{}, max(1, c.Limit-doubts)), make(chan struct{}, doubts)
		if c.Limit == 1 {
			g.doubts = g.ready
		}
	}
	return g
}

// says is why the gate is closed, with how long to wait. g.mu is held.
func (g *Gate) says(wait time.Duration) *source.Error {
	e := *g.why
	e.RetryAfter, e.Whole = wait, true
	return &e
}

// Shut returns an error if nobody may ask now. It is for those who cannot find out whether the system answers again; who goes on
// to ask calls Admit.
func (g *Gate) Shut() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch wait := time.Until(g.until); {
	case wait > 0:
		return g.says(wait)
	case g.suspect:
		return g.says(g.c.Backoff.First)
	}
	return nil
}

// Admit returns an error if nobody may ask now. If it is this caller's turn to find out whether the system answers again, it
// blocks until that is known or given up with ctx.
func (g *Gate) Admit(ctx context.Context) error {
	probe, err := g.turn()
	if err != nil || !probe {
		return err
	}
	why := g.c.Probe(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	switch {
	case why == nil:
		g.suspect, g.step = false, 0
		return nil
	case ctx.Err() != nil: // that says nothing about the system: the next one finds out
		return source.GivenUp(ctx)
	}
	return g.close(0, why)
}

// turn returns an error if nobody may ask now, and reports whether the caller has to probe before.
func (g *Gate) turn() (probe bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch wait := time.Until(g.until); {
	case wait > 0:
		return false, g.says(wait)
	case !g.suspect:
		return false, nil
	case g.probing:
		return false, g.says(g.c.Backoff.First)
	}
	g.probing = true
	return true, nil
}

// Enter waits until the caller may ask, one question, and returns what is to be called after it; nil beside an error. doubtful
// says that it is about a box in doubt. It blocks for at most ten seconds, and then like Admit, whose errors it returns also:
// the gate may have been closed meanwhile.
func (g *Gate) Enter(ctx context.Context, doubtful bool) (leave func(), err error) {
	leave, err = g.slot(ctx, doubtful)
	if err != nil {
		return nil, err
	}
	if err := g.Admit(ctx); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

func (g *Gate) slot(ctx context.Context, doubtful bool) (leave func(), err error) {
	slots := g.ready
	if doubtful {
		slots = g.doubts
	}
	if slots == nil {
		return func() {}, nil
	}
	select { // without a timer, most of the time
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	default:
	}
	timer := time.NewTimer(slotWait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-timer.C:
		e := g.c.Crowded
		e.Kind, e.RetryAfter, e.Whole = source.Unavailable, slotWait, e.Whole && !doubtful
		e.Err = errors.New("gate: all questions that may be under way are")
		return nil, &e
	case <-ctx.Done():
		return nil, source.GivenUp(ctx)
	}
}

// Succeeded takes note that the system answered somebody.
func (g *Gate) Succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspect, g.step = false, 0
	clear(g.failed)
}

// Failed takes note of a time-out, a broken connection or a fault of the system, about the box with that key.
func (g *Gate) Failed(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed[key] = struct{}{}
	if len(g.failed) >= ProbeAfter && !g.suspect && g.c.Probe != nil && time.Now().After(g.until) {
		g.suspect, g.why = true, &source.Error{Kind: source.Unavailable, Text: g.c.Silent}
	}
	if len(g.failed) >= CloseAfter {
		clear(g.failed)
		g.close(0, &source.Error{Kind: source.Unavailable, Text: g.c.Failing})
	}
}

// Stop closes the gate for wait: the system's wish. Zero: it does not say how long, so that it is longer each time. It returns
// what everybody is told from now on, which is not about why if the gate is closed for longer than that already.
func (g *Gate) Stop(wait time.Duration, why *source.Error) *source.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.close(wait, why)
}

// close closes the gate, for wait or for longer each time, and returns what is told. g.mu is held.
func (g *Gate) close(wait time.Duration, why *source.Error) *source.Error {
	now := time.Now()
	if wait <= 0 && !now.Before(g.until) {
		wait = g.c.Backoff.After(g.step)
		g.step++
	}
	if until := now.Add(wait); until.After(g.until) {
		kept := *why // the caller's is its own
		g.until, g.why = until, &kept
	}
	return g.says(g.until.Sub(now))
}
