package domino

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// gate is the budget of the server: whether it may be asked at all, and how many questions are under way. Three things
// close it: the server's word (429, or 503 with Retry-After), until the wait is over, to the second; a password that it
// does not take; and silence. After three failures in a row, of different mail files, the next caller asks the server for
// its list of services, which nobody's mail file can hold up: if that fails too the gate is closed, for longer each time.
// It is also closed if twenty different mail files failed with no success between, since then what lies behind is not
// well. While it is closed everybody is told so at once.
type gate struct {
	t timing

	ready  chan struct{} // full while as many questions are under way as may be
	doubts chan struct{} // likewise, of mail files that failed before: they shall not keep the others waiting

	mu      sync.Mutex // guards what follows
	until   time.Time  // closed until then
	why     *source.Error
	step    int // closings in a row
	failing map[string]struct{}
	open    bool // the server may be out of reach: somebody has to probe
	probing bool
}

const (
	probeAfter = 3  // mail files that failed in a row
	closeAfter = 20 // likewise
	slotWait   = 10 * time.Second
)

func (g *gate) init(t timing, limit int) {
	g.t = t
	doubts := max(1, limit/5)
	g.ready, g.doubts = make(chan struct{}, max(1, limit-doubts)), make(chan struct{}, doubts)
	if limit == 1 {
		g.doubts = g.ready
	}
	g.failing = map[string]struct{}{}
}

// backoff is how long to wait after the step-th failure in a row, from 0: doubling, up to a fifth less by chance.
func (t timing) backoffAfter(step int) time.Duration {
	d := t.backoffMax
	if step < 20 {
		d = min(t.backoff<<step, t.backoffMax)
	}
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// closed returns an error if nobody may ask now. probe says that the caller has to find out whether the server answers
// again, and to tell probed.
func (g *gate) closed() (probe bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := time.Until(g.until); wait > 0 {
		return false, g.says(wait)
	}
	if g.open {
		if g.probing {
			return false, g.says(g.t.backoff)
		}
		g.probing = true
		return true, nil
	}
	return false, nil
}

// shut returns an error if nobody may ask now. It is for those who would not find out whether the server answers again.
func (g *gate) shut() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch wait := time.Until(g.until); {
	case wait > 0:
		return g.says(wait)
	case g.open:
		return g.says(g.t.backoff)
	}
	return nil
}

// says is why the gate is closed, with how long to wait. g.mu is held.
func (g *gate) says(wait time.Duration) *source.Error {
	e := *g.why
	e.RetryAfter, e.Whole = wait, true
	return &e
}

func silent() *source.Error {
	return &source.Error{Kind: source.Unavailable, Text: "The Domino server does not answer at the moment.", Whole: true}
}

// probed takes what came of a probe: why is nil if the server answers.
func (g *gate) probed(why *source.Error, givenUp bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	switch {
	case givenUp:
	case why == nil:
		g.open, g.step = false, 0
	default:
		g.close(why)
	}
}

// close shuts the gate for the next step. g.mu is held.
func (g *gate) close(why *source.Error) {
	g.why = why
	g.until = time.Now().Add(g.t.backoffAfter(g.step))
	g.step++
}

// succeeded takes note that the server answered somebody.
func (g *gate) succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.step = false, 0
	clear(g.failing)
}

// failed takes note of a time-out, a broken connection or a fault of the server, about a mail file.
func (g *gate) failed(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failing[key] = struct{}{}
	if len(g.failing) >= probeAfter && !g.open && time.Now().After(g.until) {
		g.open, g.why = true, silent()
	}
	if len(g.failing) >= closeAfter {
		clear(g.failing)
		g.close(&source.Error{Kind: source.Unavailable, Text: "The Domino server has a problem with its mail files at the moment."})
	}
}

// stop obeys the server's wish to be left alone for a while; zero: it does not say how long.
func (g *gate) stop(wait time.Duration, why *source.Error) {
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
		return nil, &source.Error{Kind: source.Unavailable, RetryAfter: slotWait,
			Text: "The Domino server answers so slowly that this calendar's turn did not come.", Err: errors.New("domino: all requests that may be under way are")}
	case <-ctx.Done():
		return nil, givenUp(ctx)
	}
}

func givenUp(ctx context.Context) *source.Error {
	return &source.Error{Kind: source.Unavailable, Text: "The calendar was not read, because nobody waited for it any longer.", Err: context.Cause(ctx)}
}

// box is what is known of one mail file.
type box struct {
	key   string
	turns chan struct{} // one reader at a time: its pages follow one another

	mu       sync.Mutex // guards what follows
	until    time.Time  // not to be asked for until then
	why      *source.Error
	step     int  // failures in a row
	doubtful bool // failed last time: asked for on its own
	denied   int  // refusals in a row
	kept     kept // of the last answer
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
		one = &box{key: key, turns: make(chan struct{}, 1)}
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

// waiting returns an error while the mail file is not to be asked for.
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

// turn waits until nobody else reads the mail file.
func (o *box) turn(ctx context.Context) (release func(), err error) {
	select {
	case o.turns <- struct{}{}:
		return func() { <-o.turns }, nil
	case <-ctx.Done():
		return nil, givenUp(ctx)
	}
}

// pause keeps the mail file from being asked for: for wait, or if that is zero for longer each time. It returns e with
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
	o.step, o.denied, o.doubtful, o.until = 0, 0, false, time.Time{}
}

func (o *box) isDoubtful() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.doubtful
}

func (o *box) remembered() kept {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

func (o *box) remember(k kept) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = k
}

// deny counts refusals, and reports whether there were enough in a row to believe them: a server that has just started
// refuses people whom it knows a little later.
func (o *box) deny() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.denied++
	return o.denied > 2
}
