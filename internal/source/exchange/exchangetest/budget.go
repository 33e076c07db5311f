package exchangetest

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// budgets are what is charged to each mailbox by the throttling policy.
type budgets struct {
	mu  sync.Mutex
	all map[string]*budget
}

type budget struct{ running, streams, subscriptions int }

func (c *call) charged() string {
	if c.mailbox != nil {
		return c.mailbox.p.Address
	}
	return c.who.name
}

// exceeded is what a client gets that has used up a budget.
func exceeded(policy string, limit int) *fault {
	f := faultf("ErrorExceededConnectionCount", "You have exceeded the available concurrent connections for your account.  Try again once your other requests have completed.")
	f.values = []value{{"Policy", policy}, {policy + "Limit", itoa(limit)},
		{"ErrorMessage", "This operation exceeds the throttling budget for policy part '" + policy + "', policy value '" + itoa(limit) + "',  Budget type: 'Ews'."}}
	return f
}

// charge takes a request from the budget; refund gives it back.
func (c *call) charge() error {
	b := &c.s.budgets
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := b.all[c.charged()]
	if mine == nil {
		mine = &budget{}
		b.all[c.charged()] = mine
	}
	limit, used, policy := c.s.config.MaxConcurrency, &mine.running, "MaxConcurrency"
	if c.op == "GetStreamingEvents" {
		limit, used, policy = c.s.config.MaxStreams, &mine.streams, "HangingConnectionLimit"
	}
	if limit >= 0 && *used >= limit {
		return exceeded(policy, limit)
	}
	*used++
	c.budget = mine
	return nil
}

func (c *call) refund() {
	c.s.budgets.mu.Lock()
	defer c.s.budgets.mu.Unlock()
	if c.op == "GetStreamingEvents" {
		c.budget.streams--
	} else {
		c.budget.running--
	}
}

// Counters are what the server has done since it started.
type Counters struct {
	Requests      map[string]int64 // by operation
	Spent         time.Duration    // in the server itself, all requests together; no waiting for events or clients' networks
	Faults        map[string]int64 // that happened, by field of Faults
	Subscriptions int              // there are now
	Streams       int              // connections there are now
	Crashes       []string         // of the stand-in itself, which are to be mended: there should be none
}

type counters struct {
	mu       sync.Mutex
	requests map[string]int64
	crashes  []string
	spent    atomic.Int64
}

func (c *counters) request(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) < 200 { // names come from clients
		c.requests[op]++
	}
}

func (c *counters) crash(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.crashes) < 10 {
		c.crashes = append(c.crashes, text)
	}
}

// Counters returns what was done so far.
func (s *Server) Counters() Counters {
	s.counts.mu.Lock()
	all := Counters{Requests: maps.Clone(s.counts.requests), Spent: time.Duration(s.counts.spent.Load()), Crashes: slices.Clone(s.counts.crashes)}
	s.counts.mu.Unlock()
	all.Faults = s.faults.counted()
	s.subsMu.Lock()
	all.Subscriptions = len(s.subs)
	s.subsMu.Unlock()
	s.budgets.mu.Lock()
	defer s.budgets.mu.Unlock()
	for _, b := range s.budgets.all {
		all.Streams += b.streams
	}
	return all
}
