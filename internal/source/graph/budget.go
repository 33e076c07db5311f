package graph

import (
	"context"
	"sync"

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

// budget is that of the application: a gate, and which mailboxes were turned away since the last success.
type budget struct {
	*gate.Gate

	mu        sync.Mutex // guards throttled
	throttled map[string]struct{}
}

func (s *System) newBudget() *budget {
	return &budget{throttled: map[string]struct{}{}, Gate: gate.New(gate.Config{Limit: inFlight, Backoff: s.t.backoff, Probe: s.probe, Silent: silent,
		Failing: "Microsoft 365 has a problem with its mailboxes at the moment.",
		Crowded: source.Error{Whole: true, Text: "Microsoft 365 answers so slowly that this calendar's turn did not come."}})}
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
