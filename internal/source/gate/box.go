package gate

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// Box is the budget of one mailbox, or of whatever else a system is asked for one by one. There are as many as there are
// mailboxes, so it is kept small. A package that knows more of a mailbox embeds it.
type Box struct {
	Key   string // names it in Gate.Failed; never changed
	turns chan struct{}
	used  time.Time // guarded by the Boxes that it is in

	mu       sync.Mutex // guards what follows
	until    time.Time  // not to be asked for until then
	why      *source.Error
	step     int32 // failures in a row
	doubtful bool
}

// NewBox returns a box that so many readers may have at a time.
func NewBox(key string, turns int) Box { return Box{Key: key, turns: make(chan struct{}, turns)} }

// Shut returns an error while the mailbox is not to be asked for.
func (b *Box) Shut() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := time.Until(b.until)
	if wait <= 0 {
		return nil
	}
	e := *b.why
	e.RetryAfter = wait
	return &e
}

// Wait is how long the mailbox is not to be asked for; not above zero: it may be.
func (b *Box) Wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.until)
}

// Turn blocks until the caller may read the mailbox, as one of so many as may at a time. release is to be called after.
func (b *Box) Turn(ctx context.Context) (release func(), err error) {
	select {
	case b.turns <- struct{}{}:
		return func() { <-b.turns }, nil
	case <-ctx.Done():
		return nil, source.GivenUp(ctx)
	}
}

// Pause keeps the mailbox from being asked for: for wait, which is the system's wish, or if that is zero for longer each time.
// doubtful puts it in doubt, until it succeeds. It returns a copy of why with the wait filled in.
func (b *Box) Pause(backoff Backoff, wait time.Duration, why *source.Error, doubtful bool) *source.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait <= 0 {
		wait = backoff.After(int(b.step))
		b.step++
	}
	told := *why
	told.RetryAfter = wait
	if until := time.Now().Add(wait); until.After(b.until) {
		kept := told
		b.until, b.why = until, &kept
	}
	b.doubtful = b.doubtful || doubtful
	return &told
}

// Succeeded takes note that the mailbox was read. A wait that another reader was asked for meanwhile stands.
func (b *Box) Succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.step, b.doubtful = 0, false
	if !time.Now().Before(b.until) {
		b.until, b.why = time.Time{}, nil
	}
}

// Doubtful reports that the mailbox failed last time: it is to be asked for on its own, and not to keep others waiting.
func (b *Box) Doubtful() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.doubtful
}

func (b *Box) base() *Box { return b }

// Boxes are those of a system, made when they are first asked for. B is a *Box, or a pointer to what embeds one.
type Boxes[B interface{ base() *Box }] struct {
	fresh func(key string) B

	mu sync.Mutex // guards m and Box.used; before Box.mu
	m  map[string]B
}

const (
	maxBoxes = 200_000 // from then on those are forgotten that nobody used lately
	lately   = 2 * time.Hour
)

// NewBoxes returns Boxes that have none yet.
func NewBoxes[B interface{ base() *Box }](fresh func(key string) B) *Boxes[B] {
	return &Boxes[B]{fresh: fresh, m: map[string]B{}}
}

// Get returns the box with that key, always the same one; case and space around it do not matter. One that was not asked for
// in hours may be forgotten if there are very many.
func (b *Boxes[B]) Get(key string) B {
	key = strings.ToLower(strings.TrimSpace(key))
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	one, known := b.m[key]
	if !known {
		if len(b.m) >= maxBoxes {
			for k, old := range b.m {
				if old.base().idle(now) {
					delete(b.m, k)
				}
			}
		}
		one = b.fresh(key)
		b.m[key] = one
	}
	one.base().used = now
	return one
}

// idle reports that nothing is lost with the box but what can be found out again.
func (b *Box) idle(now time.Time) bool {
	return len(b.turns) == 0 && now.Sub(b.used) > lately && b.Wait() <= 0
}
