package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// person is one person as their shard holds them.
type person struct {
	id       string
	claims   []presence.Claim // durable; replaced, not changed, but for leases
	policy   *presence.Policy
	presence presence.Presence
	shown    presence.Shown
	due      time.Time // when to look again; never: nothing is announced
	place    int32     // in the timeline, plus one; 0: not in it
}

func (p *person) find(ref presence.Ref) *presence.Claim {
	for i := range p.claims {
		if c := &p.claims[i]; c.Source == ref.Source && c.ID == ref.ID {
			return c
		}
	}
	return nil
}

func (p *person) policyOr(dir Directory) *presence.Policy {
	if p.policy != nil {
		return p.policy
	}
	return dir.Policy(p.id)
}

// request asks a shard for a change: an edit of a person's claims, or people whose policy changed or who are gone.
type request struct {
	person   string
	edit     func(*Edit) error
	repolicy []string
	remove   []string
	err      *error
	done     chan<- int
}

type attachment struct{ person, client string }

// shard owns the people whose ID hashes to it. Only run changes what claims people have; everyone else sends to inbox.
type shard struct {
	hub     *Hub
	inbox   chan request // bounded: a full inbox holds back the sender
	stopped chan struct{}

	// mu guards people, what is in them, and attached. run takes it to enter a change, others to read, and to renew
	// a lease. It is never held while something blocks.
	mu       sync.RWMutex
	people   map[string]*person
	attached map[attachment]int

	due     timeline // owned by run: who may change next, earliest first
	updates []Update // owned by run: scratch
}

// mostTogether bounds the changes that become durable together, so that none waits long for the others.
const mostTogether = 1024

func newShard(h *Hub) *shard {
	return &shard{
		hub: h, inbox: make(chan request, 4096), stopped: make(chan struct{}),
		people: map[string]*person{}, attached: map[attachment]int{},
	}
}

// start works everybody out after loading.
func (s *shard) start(now time.Time) {
	for _, p := range s.people {
		p.policy = s.hub.dir.Policy(p.id)
		p.claims = slices.Clip(p.claims)
		p.shown = p.shown.Advance(p.claims, p.policy, now)
		p.presence = presence.Resolve(p.claims, p.policy, now)
		s.plan(p, now)
	}
}

// plan notes when the person may change next.
func (s *shard) plan(p *person, now time.Time) {
	at, ok := presence.NextChange(p.claims, p.policy, now)
	if !ok {
		at = never
	}
	s.due.set(p, at)
}

// flight is a set of changes on its way to the disk.
type flight struct {
	requests []request
	changes  map[*person]*draft
	order    []*draft
	done     chan error
	now      time.Time
}

// draft is a person with claims that are not durable yet.
type draft struct {
	person  *person
	fresh   bool // the person is new to the shard
	policy  *presence.Policy
	claims  []presence.Claim
	puts    []presence.Claim
	deletes []presence.Ref
	shown   presence.Shown
}

// run applies requests and the passing of time until ctx ends. While changes are on their way to the disk it goes on
// with the passing of time.
func (s *shard) run(ctx context.Context) {
	wake := time.NewTimer(0)
	defer wake.Stop()
	var now *flight
	for {
		inbox, landed := s.inbox, (chan error)(nil)
		if now != nil {
			inbox, landed = nil, now.done
		}
		select {
		case <-ctx.Done():
			if now != nil {
				s.land(now, <-now.done)
			}
			s.refuse()
			return
		case r := <-inbox:
			now = s.depart(r)
		case err := <-landed:
			s.land(now, err)
			now = nil
		case <-wake.C:
			if lapsed := s.settleDue(Now()); len(lapsed) > 0 && now == nil {
				now = s.departLapsed(lapsed)
			} else {
				for _, p := range lapsed { // the disk is busy: look again soon
					s.due.set(p, Now().Add(20*time.Millisecond))
				}
			}
		}
		wake.Reset(s.due.wait(time.Now()))
	}
}

// refuse answers what is left in the inbox, now and until no sender can come any more.
func (s *shard) refuse() {
	close(s.stopped)
	for {
		select {
		case r := <-s.inbox:
			*r.err = ErrStopped
			r.done <- 1
		case <-time.After(50 * time.Millisecond): // senders see stopped at once; this is for those in between
			return
		}
	}
}

// depart takes a request and what else waits, and sends what comes of them to the disk.
func (s *shard) depart(first request) *flight {
	f := &flight{now: Now(), changes: map[*person]*draft{}}
	s.take(f, first)
	for len(f.requests) < mostTogether {
		select {
		case r := <-s.inbox:
			s.take(f, r)
			continue
		default:
		}
		break
	}
	return s.send(f)
}

func (s *shard) send(f *flight) *flight {
	var batch store.ClaimBatch
	for _, d := range f.order {
		for _, c := range d.puts {
			batch.Puts = append(batch.Puts, store.PersonClaim{PersonID: d.person.id, Claim: c})
		}
		for _, ref := range d.deletes {
			batch.Deletes = append(batch.Deletes, store.PersonRef{PersonID: d.person.id, Ref: ref})
		}
		batch.Shown = append(batch.Shown, store.PersonShown{PersonID: d.person.id, Shown: d.shown})
	}
	if len(batch.Shown) == 0 {
		s.land(f, nil)
		return nil
	}
	f.done = s.hub.committer.write(batch)
	return f
}

// take enters a request into a flight; a request that is refused is answered at the end like all others.
func (s *shard) take(f *flight, r request) {
	f.requests = append(f.requests, r)
	for _, id := range r.repolicy {
		s.mu.RLock()
		p := s.people[id]
		s.mu.RUnlock()
		fresh := p == nil
		if fresh {
			p = &person{id: id, due: never}
		}
		d := s.draft(f, p)
		d.fresh, d.policy = fresh, s.hub.dir.Policy(id)
		s.finish(f, d)
	}
	if r.edit == nil {
		return
	}
	s.mu.RLock()
	p := s.people[r.person]
	s.mu.RUnlock()
	if p == nil {
		*r.err = fault.Wrap(fault.NotFound, errNoPerson, "there is no person %q", r.person)
		return
	}
	var before draft
	d, known := f.changes[p]
	if known {
		before = *d
	} else {
		d = s.draft(f, p)
	}
	e := Edit{Now: f.now, Policy: d.policy, Grace: s.hub.grace, claims: slices.Clone(d.claims)}
	if err := r.edit(&e); err != nil {
		*r.err = err
		if !known {
			delete(f.changes, p)
			f.order = f.order[:len(f.order)-1]
		} else {
			*d = before
		}
		return
	}
	d.claims = e.claims
	for _, c := range e.puts {
		d.put(c)
	}
	for _, ref := range e.deletes {
		d.delete(ref)
	}
	s.finish(f, d)
}

func (s *shard) draft(f *flight, p *person) *draft {
	if d := f.changes[p]; d != nil {
		return d
	}
	s.mu.RLock() // leases may be renewed by others
	d := &draft{person: p, policy: p.policy, claims: slices.Clone(p.claims)}
	s.mu.RUnlock()
	if d.policy == nil {
		d.policy = s.hub.dir.Policy(p.id)
	}
	f.changes[p] = d
	f.order = append(f.order, d)
	return d
}

func (d *draft) put(c presence.Claim) {
	d.deletes = slices.DeleteFunc(d.deletes, func(r presence.Ref) bool { return r == c.Ref() })
	for i := range d.puts {
		if d.puts[i].Ref() == c.Ref() {
			d.puts[i] = c
			return
		}
	}
	d.puts = append(d.puts, c)
}

func (d *draft) delete(ref presence.Ref) {
	d.puts = slices.DeleteFunc(d.puts, func(c presence.Claim) bool { return c.Ref() == ref })
	d.deletes = append(d.deletes, ref)
}

// finish drops what can never matter again and works out what will be shown.
func (s *shard) finish(f *flight, d *draft) {
	for _, ref := range presence.Spent(d.claims, f.now) {
		d.delete(ref)
		i := slices.IndexFunc(d.claims, func(c presence.Claim) bool { return c.Ref() == ref })
		if i >= 0 {
			d.claims = slices.Delete(d.claims, i, i+1)
		}
	}
	p := d.person
	policy := p.policy
	if policy == nil {
		policy = d.policy
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	d.shown = p.shown.Advance(p.claims, policy, f.now).Note(presence.Resolve(d.claims, d.policy, f.now), f.now)
}

// land enters what has become durable, publishes it and answers those who asked.
func (s *shard) land(f *flight, err error) {
	if err != nil {
		err = fault.Wrap(fault.Unavailable, err, "the change could not be stored; nothing was changed")
		for _, r := range f.requests {
			if *r.err == nil && r.edit != nil {
				*r.err = err
			}
		}
	}
	s.updates = s.updates[:0]
	now := Now()
	for _, d := range f.order {
		s.enter(d, err == nil)
		s.settle(d.person, now)
	}
	for _, r := range f.requests {
		for _, id := range r.remove {
			s.forget(id)
		}
	}
	s.publish()
	for _, r := range f.requests {
		r.done <- 1
	}
}

// enter puts a draft in force; of one that is not durable only the policy, which is not the hub's to store. The
// leases that were renewed meanwhile stay renewed.
func (s *shard) enter(d *draft, durable bool) {
	p := d.person
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.fresh {
		s.people[p.id] = p
	}
	p.policy = d.policy
	if !durable {
		return
	}
	for i := range d.claims {
		c := &d.claims[i]
		if c.Lease.IsZero() || slices.ContainsFunc(d.puts, func(x presence.Claim) bool { return x.Source == c.Source && x.ID == c.ID }) {
			continue
		}
		if old := p.find(c.Ref()); old != nil {
			c.Lease = old.Lease
		}
	}
	p.claims, p.shown = d.claims, d.shown
}

func (s *shard) forget(id string) {
	s.mu.Lock()
	p := s.people[id]
	delete(s.people, id)
	s.mu.Unlock()
	if p != nil {
		s.due.set(p, never)
		s.updates = append(s.updates, Update{PersonID: id, Gone: true})
	}
}

// settle works a person out at now, notes the next change, and keeps what is to be published if it differs.
func (s *shard) settle(p *person, now time.Time) {
	s.mu.RLock() // leases may be renewed by others
	result := presence.Resolve(p.claims, p.policy, now)
	shown := p.shown.Advance(p.claims, p.policy, now)
	next, ok := presence.NextChange(p.claims, p.policy, now)
	s.mu.RUnlock()
	if !ok {
		next = never
	}
	s.due.set(p, next)
	same := result.Equal(p.presence) && shown.SameAs(p.shown)
	s.mu.Lock()
	p.presence, p.shown = result, shown
	s.mu.Unlock()
	if !same {
		s.updates = append(s.updates, Update{PersonID: p.id, Presence: result, Shown: shown})
	}
}

// settleDue settles everybody whose time has come. It returns those with a lease that has run out, who must wait
// until that is durable.
func (s *shard) settleDue(now time.Time) (lapsed []*person) {
	s.updates = s.updates[:0]
	for p := range s.due.drain(now) {
		if s.lapse(p, now) {
			lapsed = append(lapsed, p)
			continue
		}
		s.settle(p, now)
		if len(s.updates) >= 4096 {
			s.publish()
			s.updates = s.updates[:0]
		}
	}
	s.publish()
	return lapsed
}

// lapse renews the leases of attached clients and reports whether another has run out without being marked.
func (s *shard) lapse(p *person, now time.Time) (out bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range p.claims {
		c := &p.claims[i]
		if c.Lease.IsZero() || now.Before(c.Lease) || !c.Until.IsZero() && !c.Until.After(c.Lease) {
			continue
		}
		if c.Source == presence.SourceClient && s.attached[attachment{p.id, c.ID}] > 0 {
			c.Lease = now.Add(s.hub.grace)
			continue
		}
		out = true
	}
	return out
}

// departLapsed marks leases that have run out: a client's claim stays, with its end fixed; others are spent.
func (s *shard) departLapsed(people []*person) *flight {
	f := &flight{now: Now(), changes: map[*person]*draft{}}
	for _, p := range people {
		d := s.draft(f, p)
		for i := range d.claims {
			if c := &d.claims[i]; c.Source == presence.SourceClient && c.Until.IsZero() && !c.Lease.IsZero() && !f.now.Before(c.Lease) {
				*c = presence.Lapse(*c)
				d.put(*c)
			}
		}
		s.finish(f, d)
	}
	return s.send(f)
}

func (s *shard) publish() {
	if len(s.updates) > 0 {
		s.hub.notify(s.updates)
	}
}
