package exchange

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// backoff returns how long to wait after n failures in a row: exponentially longer, never longer than most, and not
// at the same time as everybody else.
func (t timing) backoff(n int) time.Duration {
	d := t.wait
	for i := 1; i < n && d < t.most; i++ {
		d *= 2
	}
	d = min(d, t.most)
	return d/2 + rand.N(d/2+1)
}

// suspicious is how many mailboxes have to go without an answer, with no good one in between, before it is the server
// that is taken to be silent, and not the mailboxes that are broken.
const suspicious = 3

// gate is the budget and the circuit breaker of one server. While it is shut nobody asks that server for anything;
// the first to ask afterwards is the probe, alone, and everybody else is told to come back.
type gate struct {
	timing timing

	mu       sync.Mutex // guards what follows
	until    time.Time  // shut until then
	failures int        // times it was shut in a row; zero: all is well
	why      *source.Error
	probing  bool
	suspects map[string]struct{} // mailboxes that got no answer since the last good one
	proven   bool                // the account's sign-in worked, and was not refused since

	first chan struct{} // held by whoever signs in while it is not proven
}

func newGate(t timing) *gate {
	return &gate{timing: t, suspects: map[string]struct{}{}, first: make(chan struct{}, 1)}
}

// shut returns why nothing may be asked at present, or nil.
func (g *gate) shut(now time.Time) *source.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refuse(now)
}

func (g *gate) refuse(now time.Time) *source.Error {
	switch {
	case now.Before(g.until):
		e := *g.why
		e.RetryAfter = g.until.Sub(now)
		return &e
	case g.failures > 0 && g.probing:
		e := *g.why
		e.RetryAfter = g.timing.wait
		return &e
	}
	return nil
}

// enter lets a request through or returns why not. If it lets it through, leave has to be called. It waits for
// another's sign-in as long as none has worked: a wrong password must not be tried ten times at once, or the
// account is locked.
func (g *gate) enter(ctx context.Context) (leave func(), refused *source.Error, err error) {
	if e := g.shut(time.Now()); e != nil {
		return nil, e, nil
	}
	g.mu.Lock()
	proven := g.proven
	g.mu.Unlock()
	release := func() {}
	if !proven {
		// A password that is wrong is refused at once: whoever takes longer is held up by something else.
		enough := time.NewTimer(5 * g.timing.wait)
		defer enough.Stop()
		select {
		case g.first <- struct{}{}:
			release = func() { <-g.first }
		case <-enough.C:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.refuse(time.Now()); e != nil { // it was shut while this one waited
		release()
		return nil, e, nil
	}
	if g.failures > 0 {
		g.probing = true
		inner := release
		release = func() {
			g.mu.Lock()
			g.probing = false
			g.mu.Unlock()
			inner()
		}
	}
	return release, nil, nil
}

// good notes an answer that shows the server at work and the account signed in.
func (g *gate) good() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.suspects)
	g.failures, g.proven = 0, true
	g.until = time.Time{}
}

// silent is the longest wait before a silent server is tried again: one request, so that it need not be long.
func (t timing) silent() time.Duration { return t.most / 10 }

// suspect notes that a mailbox got no answer, and shuts the gate if too many have not. It reports whether it did.
func (g *gate) suspect(key string, wait, most time.Duration, why *source.Error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.suspects[key] = struct{}{}; len(g.suspects) < suspicious && g.failures == 0 {
		return false
	}
	return g.stop(wait, most, why)
}

// down shuts the gate, for wait or, if that is not positive, for longer each time up to most. It reports whether it was
// open.
func (g *gate) down(wait, most time.Duration, why *source.Error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stop(wait, most, why)
}

// unsigned notes that the sign-in was refused.
func (g *gate) unsigned() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proven = false
}

// stop shuts the gate and reports whether it was open.
func (g *gate) stop(wait, most time.Duration, why *source.Error) bool {
	now := time.Now()
	open := !now.Before(g.until)
	if !open && wait <= 0 { // several that were under way fail together: that is one failure
		return false
	}
	g.failures++
	if wait <= 0 {
		wait = min(g.timing.backoff(g.failures), most)
	}
	if until := now.Add(wait); until.After(g.until) {
		g.until = until
	}
	kept := *why // the caller's is its own
	g.why = &kept
	clear(g.suspects)
	return open
}

// box is what is known of one mailbox, and its budget. System.mu guards it, but for sem.
type box struct {
	sem      chan struct{} // held while the mailbox is asked for something: one thing at a time
	refs     int           // callers that have it
	until    time.Time     // nothing is asked for it until then
	failures int           // in a row
	why      *source.Error
	place    *endpoint // found by Autodiscover; nil: not known
	placed   time.Time
}

// box returns the mailbox's box, which is to be given back.
func (s *System) box(key string) *box {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[key]
	if b == nil {
		b = &box{sem: make(chan struct{}, 1)}
		s.boxes[key] = b
	}
	b.refs++
	return b
}

func (s *System) unbox(key string, b *box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.refs--; b.refs == 0 && b.failures == 0 && b.place == nil {
		delete(s.boxes, key)
	}
}

// hold takes the mailbox for one caller, or returns why it cannot be asked for anything now. It waits for another
// caller to be done with it.
func (s *System) hold(ctx context.Context, key string) (*box, error) {
	b := s.box(key)
	select {
	case b.sem <- struct{}{}:
	case <-ctx.Done():
		s.unbox(key, b)
		return nil, context.Cause(ctx)
	}
	return s.held(key, b)
}

// errInUse is why a mailbox cannot be had without waiting.
var errInUse = errors.New("the mailbox is being read")

// tryHold is hold without waiting.
func (s *System) tryHold(key string) (*box, error) {
	b := s.box(key)
	select {
	case b.sem <- struct{}{}:
	default:
		s.unbox(key, b)
		return nil, errInUse
	}
	return s.held(key, b)
}

func (s *System) held(key string, b *box) (*box, error) {
	s.mu.Lock()
	left := time.Until(b.until)
	var why source.Error
	if b.why != nil {
		why = *b.why
	}
	s.mu.Unlock()
	if left > 0 {
		s.release(key, b)
		why.RetryAfter = left
		return nil, &why
	}
	return b, nil
}

func (s *System) release(key string, b *box) {
	<-b.sem
	s.unbox(key, b)
}

// chronic reports whether a mailbox has failed several times in a row, while the server had no trouble.
func (s *System) chronic(b *box) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return b != nil && b.failures >= suspicious
}

// rest stops the budget of a mailbox, for wait or, if that is not positive, for longer each time. It returns how long.
func (s *System) rest(b *box, wait time.Duration, why *source.Error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.failures++
	if wait <= 0 {
		wait = s.c.timing.backoff(b.failures)
	}
	b.until = time.Now().Add(wait)
	kept := *why
	b.why = &kept
	return wait
}

func (s *System) rested(b *box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.failures, b.until, b.why = 0, time.Time{}, nil
}

// forget has the mailbox's server looked up again.
func (s *System) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.boxes[key]; b != nil {
		b.place = nil
	}
}
