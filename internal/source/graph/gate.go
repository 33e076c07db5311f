package graph

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// gate is the budget of the application: whether it may ask at all, and how many questions are under way. Two things
// close it: the service's word (429, or 503 and 504 with Retry-After, to the application as such), until the wait is
// over, to the second; and silence. After three failures in a row, of different mailboxes, the next caller asks the service
// for its index, which nobody's mailbox can hold up: if that fails too the gate is closed, for longer each time. It is
// also closed if twenty different mailboxes failed with no success between, since then what lies behind the index is not
// well. While it is closed everybody is told so at once.
type gate struct {
	t     timing
	users signIns

	ready  chan struct{} // full while as many questions are under way as may be
	doubts chan struct{} // likewise, of mailboxes that failed before: they shall not keep the others waiting

	mu        sync.Mutex // guards what follows
	until     time.Time  // closed until then
	why       string     // sentence for the user
	step      int        // closings in a row
	failing   map[string]struct{}
	throttled map[string]struct{} // mailboxes turned away since the last success
	open      bool                // the service may be out of reach: somebody has to probe
	probing   bool
}

const (
	inFlight        = 8 // requests; each may carry 20 mailboxes
	inFlightDoubt   = 2
	probeAfter      = 3  // mailboxes that failed in a row
	closeAfter      = 20 // likewise
	throttledToMany = 5  // mailboxes that were turned away in a row: it is about the application
	slotWait        = 10 * time.Second
)

func (g *gate) init(t timing) {
	g.t = t
	g.ready, g.doubts = make(chan struct{}, inFlight), make(chan struct{}, inFlightDoubt)
	g.failing, g.throttled = map[string]struct{}{}, map[string]struct{}{}
}

// backoff is how long to wait after the step-th failure in a row, from 0: doubling, up to a fifth less by chance.
func (t timing) backoffAfter(step int) time.Duration {
	d := t.backoffMax
	if step < 20 {
		d = min(t.backoff<<step, t.backoffMax)
	}
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// closed returns an error if nobody may ask now. probe says that the caller has to find out whether the service answers
// again, and to tell probed.
func (g *gate) closed() (probe bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := time.Until(g.until); wait > 0 {
		return false, &source.Error{Kind: source.Unavailable, Text: g.why, RetryAfter: wait, Whole: true}
	}
	if g.open {
		if g.probing {
			return false, &source.Error{Kind: source.Unavailable, Text: g.why, RetryAfter: g.t.backoff, Whole: true}
		}
		g.probing = true
		return true, nil
	}
	return false, nil
}

// shut returns an error while the service wants to be left alone, or is. It never asks for a probe.
func (g *gate) shut() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := time.Until(g.until); wait > 0 {
		return &source.Error{Kind: source.Unavailable, Text: g.why, RetryAfter: wait, Whole: true}
	}
	return nil
}

const silent = "Microsoft 365 does not answer at the moment."

// probed takes what came of a probe.
func (g *gate) probed(answers, givenUp bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	switch {
	case givenUp:
	case answers:
		g.open, g.step = false, 0
	default:
		g.close(silent)
	}
}

// close shuts the gate for the next step. g.mu is held.
func (g *gate) close(why string) {
	g.why = why
	g.until = time.Now().Add(g.t.backoffAfter(g.step))
	g.step++
}

// succeeded takes note that the service answered somebody.
func (g *gate) succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.step = false, 0
	clear(g.failing)
	clear(g.throttled)
}

// failed takes note of a time-out, a broken connection or a fault of the service, about a mailbox.
func (g *gate) failed(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failing[key] = struct{}{}
	if len(g.failing) >= probeAfter && !g.open && time.Now().After(g.until) {
		g.open, g.why = true, silent
	}
	if len(g.failing) >= closeAfter {
		clear(g.failing)
		g.close("Microsoft 365 has a problem with its mailboxes at the moment.")
	}
}

// stop obeys the service's wish to be left alone for a while; zero: it does not say how long.
func (g *gate) stop(wait time.Duration, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait <= 0 {
		wait = g.t.backoffAfter(g.step)
		g.step++
	}
	if until := time.Now().Add(wait); until.After(g.until) {
		g.until, g.why = until, why
	}
}

// turnedAway takes note of a 429 about one mailbox, and reports whether there were so many that it must be about the
// application.
func (g *gate) turnedAway(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.throttled[key] = struct{}{}
	if len(g.throttled) < throttledToMany {
		return false
	}
	clear(g.throttled)
	return true
}

// slot waits for its turn, but not for long. release is to be called after.
func (g *gate) slot(ctx context.Context, doubtful bool) (release func(), err error) {
	slots := g.ready
	if doubtful {
		slots = g.doubts
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
		return nil, &source.Error{Kind: source.Unavailable, RetryAfter: slotWait, Whole: !doubtful,
			Text: "Microsoft 365 answers so slowly that this calendar's turn did not come.", Err: errors.New("graph: all requests that may be under way are")}
	case <-ctx.Done():
		return nil, givenUp(ctx)
	}
}

func givenUp(ctx context.Context) *source.Error {
	return &source.Error{Kind: source.Unavailable, Text: "The calendar was not read, because nobody waited for it any longer.", Err: context.Cause(ctx)}
}

// box is what is known of one mailbox, or of one account that signed in.
type box struct {
	key   string
	turns chan struct{} // four questions at once are allowed (Graph throttling limits, Outlook)

	mu       sync.Mutex // guards what follows
	until    time.Time  // not to be asked for until then
	why      *source.Error
	step     int  // failures in a row
	doubtful bool // failed last time: asked for on its own
	id       string
	used     time.Time
}

type boxes struct {
	mu sync.Mutex // guards m
	m  map[string]*box
}

const maxBoxes = 200_000

// get returns the box with that key; case does not matter.
func (b *boxes) get(key string) *box {
	key = strings.ToLower(strings.TrimSpace(key))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[string]*box{}
	}
	one := b.m[key]
	if one == nil {
		if len(b.m) >= maxBoxes {
			for k, old := range b.m {
				if old.idle() {
					delete(b.m, k)
				}
			}
		}
		one = &box{key: key, turns: make(chan struct{}, 4)}
		b.m[key] = one
	}
	one.mu.Lock()
	one.used = time.Now()
	one.mu.Unlock()
	return one
}

func (o *box) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.turns) == 0 && time.Since(o.used) > 2*time.Hour
}

// waiting returns an error while the mailbox is not to be asked for.
func (o *box) waiting() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait := time.Until(o.until)
	if wait <= 0 {
		return nil
	}
	e := *o.why
	e.RetryAfter = wait
	return &e
}

// wait is how long the mailbox is not to be asked for.
func (o *box) wait() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Until(o.until)
}

// turn takes one of the four turns.
func (o *box) turn(ctx context.Context) (release func(), err error) {
	select {
	case o.turns <- struct{}{}:
		return func() { <-o.turns }, nil
	case <-ctx.Done():
		return nil, givenUp(ctx)
	}
}

// pause keeps the mailbox from being asked for: for wait, or if that is zero for longer each time. It returns e with
// the wait filled in.
func (o *box) pause(t timing, wait time.Duration, e *source.Error, doubtful bool) *source.Error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if wait <= 0 {
		wait = t.backoffAfter(o.step)
		o.step++
	}
	e.RetryAfter = wait
	if until := time.Now().Add(wait); until.After(o.until) {
		o.until, o.why = until, e
	}
	o.doubtful = o.doubtful || doubtful
	copied := *e
	return &copied
}

func (o *box) succeeded() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.step, o.doubtful, o.until = 0, false, time.Time{}
}

func (o *box) isDoubtful() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.doubtful
}

// name returns what the mailbox is called in addresses: its user's ID if it had to be looked up, else the key.
func (o *box) name() (name string, lookedUp bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.id != "" {
		return o.id, true
	}
	return o.key, false
}

func (o *box) setID(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.id = id
}

// signIns is the budget of the sign-ins of people: they ask Entra ID, one each, and must not do so while it wants to be
// left alone, or does not take the application.
type signIns struct {
	mu     sync.Mutex // guards what follows
	until  time.Time
	failed *source.Error
	step   int
}

func (g *gate) usersClosed() error {
	u := &g.users
	u.mu.Lock()
	defer u.mu.Unlock()
	wait := time.Until(u.until)
	if wait <= 0 {
		return nil
	}
	e := *u.failed
	e.RetryAfter = wait
	return &e
}

func (g *gate) stopUsers(t timing, e *source.Error) {
	u := &g.users
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Now().Before(u.until) && e.RetryAfter == 0 { // of one that was under way
		return
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = t.backoffAfter(u.step)
		u.step++
	}
	if until := time.Now().Add(e.RetryAfter); until.After(u.until) {
		u.until, u.failed = until, e
	}
}

func (g *gate) usersSucceeded() {
	g.users.mu.Lock()
	defer g.users.mu.Unlock()
	g.users.step = 0
}
