package hub

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Directory says which policy applies to whom. The office is one.
type Directory interface {
	IDs() []string
	Policy(personID string) *presence.Policy
}

// Claims is the part of the store that the hub needs.
type Claims interface {
	WriteClaims(ctx context.Context, b store.ClaimBatch) error
	LoadClaims(ctx context.Context, f func(personID string, c presence.Claim) error) error
	LoadShown(ctx context.Context, f func(personID string, s presence.Shown) error) error
}

// Update is a presence that has changed. Presence and Shown are copies.
type Update struct {
	PersonID string
	Presence presence.Presence
	Shown    presence.Shown
	Gone     bool // the person was removed
}

// Config holds what has a default.
type Config struct {
	Shards int           // zero: one for each processor
	Gather time.Duration // changes that come so soon after others become durable together; zero: 50 ms; negative: none wait
	Grace  time.Duration // how long a client may be silent (P4, row 11); zero: 90 s
	Log    *slog.Logger  // nil: slog.Default
}

// DefaultGrace is how long nothing happens after a client was heard of last.
const DefaultGrace = 90 * time.Second

// DefaultGather is how long changes wait for company behind others. Behind a quiet spell a change waits for nobody.
const DefaultGather = 50 * time.Millisecond

const (
	longestGather = 100 * time.Millisecond // too short to be felt
	underLoad     = 4                      // changes that went together
	inACrowd      = 256
)

// nextGather returns how long changes wait for company behind so many that went together. Under load it doubles: a
// commit, and a write to somebody who watches several of these people, then serve more changes. In a crowd there is
// company enough.
func (h *Hub) nextGather(last time.Duration, together int) time.Duration {
	switch {
	case h.gather <= 0 || together >= inACrowd:
		return 0
	case together >= underLoad:
		return max(h.gather, min(2*last, longestGather))
	}
	return h.gather
}

// Hub holds the claims. Its methods may be called by several goroutines at once.
type Hub struct {
	shards    []*shard
	committer *committer
	dir       Directory
	grace     time.Duration
	gather    time.Duration
	log       *slog.Logger
	seed      maphash.Seed
	notify    func([]Update)
	touched   func([]string) // nil: nobody watches

	mu     sync.Mutex // guards what follows
	begun  bool       // by Run
	before []policies // what changed before that
}

// policies says whose policy changed, and who is gone.
type policies struct{ changed, removed []string }

// Open loads all claims. notify is called by Run's goroutines with what has changed, in the order of the changes
// of each person, and must not block for long; the slice is reused after it returns.
func Open(ctx context.Context, st Claims, dir Directory, notify func([]Update), cfg Config) (*Hub, error) {
	if cfg.Shards == 0 {
		cfg.Shards = runtime.GOMAXPROCS(0)
	}
	if cfg.Grace == 0 {
		cfg.Grace = DefaultGrace
	}
	if cfg.Gather == 0 {
		cfg.Gather = DefaultGather
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	h := &Hub{dir: dir, grace: cfg.Grace, gather: cfg.Gather, log: cfg.Log, seed: maphash.MakeSeed(), notify: notify}
	h.committer = newCommitter(st, cfg.Log)
	now := Now()
	for range cfg.Shards {
		h.shards = append(h.shards, newShard(h))
	}
	ids := dir.IDs()
	for _, id := range ids {
		s := h.shardOf(id)
		s.people[id] = &person{id: id, due: never}
	}
	if err := st.LoadClaims(ctx, func(id string, c presence.Claim) error {
		p := h.shardOf(id).people[id]
		if p == nil {
			return nil
		}
		// While the server was down nobody could be heard of: what was alive then has the grace time to be heard of
		// again. What had run out before was marked so, or deleted, before it was published.
		if leased(&c) && c.Lease.Before(now.Add(h.grace)) {
			c.Lease = now.Add(h.grace)
		}
		p.claims = append(p.claims, c)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("hub: load claims: %w", err)
	}
	if err := st.LoadShown(ctx, func(id string, s presence.Shown) error {
		if p := h.shardOf(id).people[id]; p != nil {
			p.shown = s
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("hub: load: %w", err)
	}
	var wg sync.WaitGroup
	for _, s := range h.shards {
		wg.Go(func() { s.start(now) })
	}
	wg.Wait()
	return h, nil
}

// Watch has f called with the people whose claims or policy a change has touched, once it is durable and before whoever made it
// is answered, also if their presence is the same as before. What time alone changes is not told. It must not block, nor keep
// the slice. Watch is to be called before Run, at most once.
func (h *Hub) Watch(f func(personIDs []string)) { h.touched = f }

// Now returns the time in the precision in which claims are kept.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (h *Hub) shardOf(personID string) *shard {
	return h.shards[maphash.String(h.seed, personID)%uint64(len(h.shards))]
}

// Run works until ctx ends, then returns its cause. It may be called once.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	commits, stop := context.WithCancel(context.WithoutCancel(ctx))
	var last sync.WaitGroup
	last.Go(func() { h.committer.run(commits) })
	for _, s := range h.shards {
		wg.Go(func() { s.run(ctx) })
	}
	h.mu.Lock()
	for _, p := range h.before { // ahead of what changes from now on
		h.repolicy(p)
	}
	h.begun, h.before = true, nil
	h.mu.Unlock()
	wg.Wait()
	stop() // only after the shards have had their last answers
	last.Wait()
	return context.Cause(ctx)
}

// Edit is a change of one person's claims under way. Now is the moment of the change.
type Edit struct {
	Now    time.Time
	Policy *presence.Policy
	Grace  time.Duration

	claims  claimSet // as they will be
	puts    claimSet
	deletes map[presence.Ref]bool
}

// Claims returns the claims as they stand in this change. The caller must not change them.
func (e *Edit) Claims() []presence.Claim { return e.claims.list }

// Put asserts a claim, in place of one of the same name.
func (e *Edit) Put(c presence.Claim) {
	e.claims.put(c)
	e.puts.put(c)
	delete(e.deletes, c.Ref())
}

// Delete retracts a claim; it reports whether there was one.
func (e *Edit) Delete(ref presence.Ref) bool {
	if !e.claims.delete(ref) {
		return false
	}
	e.puts.delete(ref)
	if e.deletes == nil {
		e.deletes = map[presence.Ref]bool{}
	}
	e.deletes[ref] = true
	return true
}

// ErrStopped is what changes get that come after the end of Run.
var ErrStopped = fault.New(fault.Unavailable, "the server is stopping")

// Change lets edit change a person's claims. It returns when the change is durable, or with an error and nothing
// changed. edit runs on the shard's goroutine: it must be quick and must not call the hub. It may be run for a
// change that fails to become durable later. ctx bounds the wait to be heard. Before Run nobody is: if ctx ends then, the
// error does not say whether the change will be made, and edit may run after Change has returned.
func (h *Hub) Change(ctx context.Context, personID string, edit func(*Edit) error) error {
	return h.ChangeAll(ctx, []PersonEdit{{personID, edit}})[0]
}

// PersonEdit is a change of one person's claims.
type PersonEdit struct {
	PersonID string
	Edit     func(*Edit) error
}

// ChangeAll is Change for many people at once; the errors are in the order of the edits. Each stands for itself.
func (h *Hub) ChangeAll(ctx context.Context, edits []PersonEdit) []error {
	errs := make([]error, len(edits))
	answers := make([]error, len(edits)) // each is the shard's until done names it
	done := make(chan int, len(edits))
	open := make([]bool, len(edits))
	waiting := 0
	for i, e := range edits {
		errs[i] = h.shardOf(e.PersonID).send(ctx, request{person: e.PersonID, edit: e.Edit, err: &answers[i], done: done, at: i})
		if open[i] = errs[i] == nil; open[i] {
			waiting++
		}
	}
	gone := ctx.Done()
	for waiting > 0 {
		select { // what was sent is answered, also by a shard that stops, but not by one that never runs
		case i := <-done:
			errs[i], open[i] = answers[i], false
			waiting--
		case <-gone:
			if gone = nil; h.running() {
				continue // whoever asked must know what became of it, if only to write it down
			}
			for i := range open {
				if open[i] {
					errs[i] = fault.Wrap(fault.Unavailable, ctx.Err(), "the server is starting; the change may still be made")
				}
			}
			return errs
		}
	}
	return errs
}

// running reports whether Run has begun.
func (h *Hub) running() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begun
}

// Presence returns what a person's claims come to now, as published; ok is false if there is no such person.
func (h *Hub) Presence(personID string) (p presence.Presence, s presence.Shown, ok bool) {
	sh := h.shardOf(personID)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if x := sh.people[personID]; x != nil {
		return x.presence, x.shown, true
	}
	return presence.Presence{}, presence.Shown{}, false
}

// Claims returns a copy of a person's claims and the policy they stand under. A lease that has run out seems to go on
// until that is durable, as what is published does.
func (h *Hub) Claims(personID string) (claims []presence.Claim, policy *presence.Policy, ok bool) {
	sh := h.shardOf(personID)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if x := sh.people[personID]; x != nil {
		return slices.Clone(standing(x.claims, Now())), x.policyOr(h.dir), true
	}
	return nil, nil, false
}

// Explain answers "why?" for a person, with up to steps coming changes. A client is not said to end while it is
// connected, and none before that shows.
func (h *Hub) Explain(personID string, steps int) (e presence.Explanation, ok bool) {
	claims, policy, ok := h.Claims(personID)
	if !ok {
		return e, false
	}
	now := Now()
	sh := h.shardOf(personID)
	sh.mu.RLock()
	for i := range claims {
		if c := &claims[i]; c.Until.IsZero() && sh.keeps(personID, c) {
			c.Lease = time.Time{}
		}
	}
	sh.mu.RUnlock()
	return presence.Explain(claims, policy, now, steps), true
}

// Refresh renews the lease of a person's claim until a grace time from now. Nothing is stored and nothing resolved,
// unless the lease has run out; ok is false then, or if there is no such claim: the source must assert it again.
func (h *Hub) Refresh(personID string, ref presence.Ref, lease time.Duration) (ok bool) {
	sh := h.shardOf(personID)
	now := Now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	p := sh.people[personID]
	if p == nil {
		return false
	}
	c := p.find(ref)
	if c == nil || c.Lease.IsZero() || !now.Before(c.End()) {
		return false
	}
	if renewed := now.Add(lease); renewed.After(c.Lease) { // else the timeline would hear of its end too late
		c.Lease = renewed
	}
	return true
}

// Grace returns how long a client may be silent.
func (h *Hub) Grace() time.Duration { return h.grace }

// Attach keeps the leases of a client, and of what it sees, alive for as long as its connection lasts; it costs nothing meanwhile. The returned
// function ends that: the grace time begins, at the instant when the client was heard of last. A client that is not started yet
// is attached all the same, for when it is.
func (h *Hub) Attach(personID, clientID string) (detach func(heard time.Time)) {
	sh := h.shardOf(personID)
	key := attachment{personID, clientID}
	sh.mu.Lock()
	sh.attached[key]++
	sh.mu.Unlock()
	var once sync.Once
	return func(heard time.Time) {
		once.Do(func() { h.detach(sh, key, heard) })
	}
}

// Attached reports whether a connection of a client stands.
func (h *Hub) Attached(personID, clientID string) bool {
	sh := h.shardOf(personID)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.attached[attachment{personID, clientID}] > 0
}

func (h *Hub) detach(sh *shard, key attachment, heard time.Time) {
	now := Now()
	if heard.After(now) || now.Sub(heard) < time.Second {
		heard = now
	}
	earlier := false
	sh.mu.Lock()
	if sh.attached[key]--; sh.attached[key] > 0 {
		sh.mu.Unlock()
		return
	}
	delete(sh.attached, key)
	if p := sh.people[key.person]; p != nil {
		for i := range p.claims {
			// A lease that ran out while the connection stood only waits to be renewed.
			if c := &p.claims[i]; c.Until.IsZero() && !c.Lease.IsZero() && presence.ClientOf(c.Ref()) == key.client {
				lease := heard.Add(h.grace)
				earlier = earlier || lease.Before(c.Lease)
				c.Lease = lease
			}
		}
	}
	sh.mu.Unlock()
	if earlier { // than the shard would look at it
		ctx, cancel := context.WithTimeout(context.Background(), h.grace)
		defer cancel()
		h.Change(ctx, key.person, func(*Edit) error { return nil }) // if that fails, it is looked at later
	}
}

// Repolicy makes the hub look up anew which policy applies to these people, new ones included, and forget those who
// are gone. It returns when that is in force; before Run, which sees to it first, and after its end, at once.
func (h *Hub) Repolicy(changed, removed []string) {
	p := policies{slices.Clone(changed), slices.Clone(removed)}
	h.mu.Lock()
	if !h.begun {
		h.before = append(h.before, p)
		h.mu.Unlock()
		return
	}
	h.mu.Unlock()
	done, sent := h.repolicy(p)
	for range sent {
		<-done
	}
}

// repolicy tells the shards; sent answers will come through done.
func (h *Hub) repolicy(p policies) (done <-chan int, sent int) {
	by := map[*shard]request{}
	for _, id := range p.changed {
		s := h.shardOf(id)
		r := by[s]
		r.repolicy = append(r.repolicy, id)
		by[s] = r
	}
	for _, id := range p.removed {
		s := h.shardOf(id)
		r := by[s]
		r.remove = append(r.remove, id)
		by[s] = r
	}
	answers := make(chan int, len(by))
	for s, r := range by {
		r.done, r.err = answers, new(error)
		if s.send(context.Background(), r) == nil { // else it has stopped, and the policies are read anew at the next start
			sent++
		}
	}
	return answers, sent
}

// People returns the number of people.
func (h *Hub) People() (n int) {
	for _, s := range h.shards {
		s.mu.RLock()
		n += len(s.people)
		s.mu.RUnlock()
	}
	return n
}

var errNoPerson = errors.New("no such person")
