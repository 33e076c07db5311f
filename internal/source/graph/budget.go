package graph

import (
	"context"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

const (
	inFlight        = 10 // requests; each may carry 20 mailboxes
	throttledToMany = 5  // mailboxes that were turned away in a row: it is about the application
)

const silent = "Microsoft 365 does not answer at the moment."

var tooOften = &source.Error{Kind: source.Unavailable, Text: "Microsoft 365 asks this server to wait before it asks again."}

// budget is that of the application for one kind of question: a gate, and which mailboxes were turned away since the last
// success. Calendars and presence have budgets of their own, so that neither holds up the other.
type budget struct {
	*gate.Gate
	quota *quota // nil: none

	mu        sync.Mutex // guards throttled
	throttled map[string]struct{}
}

// newBudget makes a budget of so many requests at a time. failing and crowded are sentences for the user: see gate.Config.
func (s *System) newBudget(limit int, q *quota, failing, crowded string) *budget {
	return &budget{quota: q, throttled: map[string]struct{}{}, Gate: gate.New(gate.Config{Limit: limit, Backoff: s.t.backoff, Probe: s.probe, Silent: silent,
		Failing: failing, Crowded: source.Error{Whole: true, Text: crowded}})}
}

// enter is Enter within the quota.
func (b *budget) enter(ctx context.Context, doubtful bool) (leave func(), err error) {
	if b.quota != nil {
		if err := b.Admit(ctx); err != nil { // it would be waited for in vain
			return nil, err
		}
		if err := b.quota.wait(ctx); err != nil {
			return nil, err
		}
	}
	return b.Enter(ctx, doubtful)
}

// quota keeps questions within so many in 30 seconds, in any 30 seconds: a fifth of them may come at once, the others are
// spread.
type quota struct {
	every time.Duration // between two questions
	ahead time.Duration // how far next may be ahead of the time: what may come at once

	mu   sync.Mutex // guards next
	next time.Time  // when the question is due that could be asked if nothing came at once
}

const (
	quotaSpan = 30 * time.Second
	quotaWait = 10 * time.Second // how long one waits for a turn
)

func newQuota(most int) *quota {
	burst := max(1, most/5)
	every := quotaSpan / time.Duration(max(1, most-burst))
	return &quota{every: every, ahead: time.Duration(burst-1) * every}
}

// wait blocks until the caller may ask, for at most ten seconds.
func (q *quota) wait(ctx context.Context) error {
	q.mu.Lock()
	now := time.Now()
	if q.next.Before(now) {
		q.next = now
	}
	pause := q.next.Sub(now) - q.ahead
	if pause > quotaWait {
		q.mu.Unlock()
		return &source.Error{Kind: source.Unavailable, Whole: true, RetryAfter: pause,
			Text: "There are more questions to Microsoft 365 than it allows. They have to wait for each other."}
	}
	q.next = q.next.Add(q.every)
	q.mu.Unlock()
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return source.GivenUp(ctx)
	}
}

// probe asks for the index of the service, which needs no token and no mailbox.
func (s *System) probe(ctx context.Context) *source.Error {
	resp, err := s.http.Do(ctx, outbound.Request{URL: s.graph.JoinPath("/"), MaxBody: 4 << 20})
	if err == nil && resp.Status < 500 {
		return nil
	}
	s.log.Warn("graph: the service does not answer", "source", "graph", "err", err)
	return &source.Error{Kind: source.Unavailable, Text: silent}
}

// Succeeded takes note that the service answered somebody.
func (b *budget) Succeeded() {
	b.Gate.Succeeded()
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.throttled)
}

// turnedAway takes note of a 429 about one mailbox, and reports whether there were so many that it must be about the
// application.
func (b *budget) turnedAway(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttled[key] = struct{}{}
	if len(b.throttled) < throttledToMany {
		return false
	}
	clear(b.throttled)
	return true
}

// box is what is known of one mailbox, or of one account that signed in.
type box struct {
	gate.Box

	mu sync.Mutex // guards id
	id string     // of its user; empty: it was not looked up
}

// newBox makes a box with four turns: so many questions at once are allowed about a mailbox (Graph throttling limits, Outlook).
func newBox(key string) *box { return &box{Box: gate.NewBox(key, 4)} }

// name returns what the mailbox is called in addresses: its user's ID if it had to be looked up, else the key.
func (b *box) name() (name string, lookedUp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.id != "" {
		return b.id, true
	}
	return b.Key, false
}

func (b *box) setID(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.id = id
}
