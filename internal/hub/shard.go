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
	overdue  bool      // a lease has run out and is on the list of those to be made durable
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
	done     chan<- int // is told at
	at       int
}

type attachment struct{ person, client string }

// leased reports whether time and silence end the claim: what its source asserts with a lease, until that has run out
// durably. A choice is no such claim: it stands until there is another.
func leased(c *presence.Claim) bool {
	if c.Lease.IsZero() || !c.Until.IsZero() && !c.Until.After(c.Lease) {
		return false
	}
	class := c.Source.Class()
	return class != presence.SourceHand && class != presence.SourceAssistant
}

// ranOut reports whether the claim's lease is over at now, but that is not durable yet.
func ranOut(c *presence.Claim, now time.Time) bool { return leased(c) && !now.Before(c.Lease) }

// shard owns the people whose ID hashes to it. Only run changes what claims people have; everyone else sends to inbox.
type shard struct {
	hub     *Hub
	inbox   chan request // bounded: a full inbox holds back the sender
	stopped chan struct{}
	gate    sync.RWMutex // held by senders; once stopped is closed and the gate was shut, nobody sends any more

	// mu guards people, what is in them, and attached. run takes it to enter a change, others to read, and to renew
	// a lease. It is never held while something blocks.
	mu       sync.RWMutex
	people   map[string]*person
	attached map[attachment]int

	// Owned by run.
	due     timeline  // who may change next, earliest first
	overdue []*person // whose leases have run out, for the next departure
	unknown []*person // of whom the disk does not know what was shown
	failed  bool      // the last write; the next one for leases alone waits a while
	updates []Update  // scratch
	touched []string  // scratch
}

// mostTogether bounds the changes that become durable together, so that none waits long for the others.
const mostTogether = 1024

func newShard(h *Hub) *shard {
	return &shard{
		hub: h, inbox: make(chan request, 4096), stopped: make(chan struct{}),
		people: map[string]*person{}, attached: map[attachment]int{},
	}
}

// send hands a request over. If it returns nil, the request will be answered, once.
func (s *shard) send(ctx context.Context, r request) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	select {
	case <-s.stopped:
		return ErrStopped
	case <-ctx.Done(): // whoever has gone away changes nothing any more
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the server is busy")
	default:
	}
	select {
	case s.inbox <- r:
		return nil
	case <-s.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the server is busy")
	}
}

// start works everybody out after loading. What was shown to whom is on the disk, but for people of whom nothing was
// written yet, and for those whose policy changed and the server was killed before that could be noted.
func (s *shard) start(now time.Time) {
	for _, p := range s.people {
		p.policy = s.hub.dir.Policy(p.id)
		p.claims = slices.Clip(p.claims)
		known := !p.shown.At.IsZero()
		p.shown = p.shown.Advance(p.claims, p.policy, now)
		p.presence = presence.Resolve(p.claims, p.policy, now)
		if p.shown.Status != p.presence.Status || p.shown.Off != p.presence.Off {
			p.shown, known = p.shown.Note(p.presence, now), false
		}
		if !known {
			s.unknown = append(s.unknown, p)
		}
		s.due.set(p, next(p.claims, p.policy, now))
	}
}

// next returns when to look at a person again: leases run out also of somebody whose presence is off.
func next(claims []presence.Claim, policy *presence.Policy, now time.Time) time.Time {
	at, ok := presence.NextChange(claims, policy, now)
	if !ok {
		at = never
	}
	if policy.Off {
		for i := range claims {
			if c := &claims[i]; leased(c) && c.Lease.After(now) && c.Lease.Before(at) {
				at = c.Lease
			}
		}
	}
	return at
}

// flight is a set of changes on its way to the disk.
type flight struct {
	requests []request
	changes  map[*person]*draft
	fresh    map[string]*person // new to the shard
	order    []*draft
	done     chan error
	now      time.Time
}

// draft is a person with claims that are not durable yet.
type draft struct {
	person  *person
	fresh   bool // the person is new to the shard
	policy  *presence.Policy
	base    []presence.Claim // as they stood before
	claims  claimSet
	puts    claimSet
	deletes map[presence.Ref]bool
	shown   presence.Shown
}

// run applies requests and the passing of time until ctx ends. While changes are on their way to the disk it goes on
// with the passing of time.
func (s *shard) run(ctx context.Context) {
	wake := time.NewTimer(0)
	defer wake.Stop()
	// After a departure the door stays shut for a moment: under load what comes meanwhile goes with the next flight,
	// and a single change still goes at once.
	door := time.NewTimer(time.Hour)
	defer door.Stop()
	shut, gather := false, s.hub.gather
	now := s.departKnown()
	for {
		inbox, landed := s.inbox, (chan error)(nil)
		if shut {
			inbox = nil
		}
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
			var together int
			now, together = s.depart(&r)
			gather = s.hub.nextGather(gather, together)
			if gather > 0 {
				shut = true
				door.Reset(gather)
			}
		case <-door.C:
			shut = false
		case err := <-landed:
			s.land(now, err)
			now = nil
		case <-wake.C:
			s.settleDue(Now())
			s.failed = false // try again
		}
		if len(s.overdue) > 0 && now == nil && !s.failed {
			now, _ = s.depart(nil)
		}
		wait := s.due.wait(time.Now())
		if s.failed && len(s.overdue) > 0 {
			wait = min(wait, lapseAgain)
		}
		wake.Reset(wait)
	}
}

// refuse answers what is left in the inbox, once nobody can send any more.
func (s *shard) refuse() {
	close(s.stopped) // whoever waits for room in the inbox goes away
	s.gate.Lock()
	defer s.gate.Unlock()
	for {
		select {
		case r := <-s.inbox:
			*r.err = ErrStopped
			r.done <- r.at
		default:
			return
		}
	}
}

// depart takes a request, what else waits, and the leases that have run out, and sends what comes of them to the disk. It
// returns nil if that is nothing, and how many requests there were.
func (s *shard) depart(first *request) (f *flight, requests int) {
	f = s.newFlight()
	for _, p := range s.overdue {
		p.overdue = false
		if s.people[p.id] == p { // nobody else changes the map
			s.finish(f, s.draft(f, p))
		}
	}
	s.overdue = s.overdue[:0]
	if first != nil {
		s.take(f, *first)
	}
	for len(f.requests) < mostTogether {
		select {
		case r := <-s.inbox:
			s.take(f, r)
			continue
		default:
		}
		break
	}
	return s.dispatch(f), len(f.requests)
}

// departKnown makes durable since when people have been as they are of whom that is not on the disk yet.
func (s *shard) departKnown() *flight {
	f := s.newFlight()
	for _, p := range s.unknown {
		s.finish(f, s.draft(f, p))
	}
	s.unknown = nil
	return s.dispatch(f)
}

func (s *shard) newFlight() *flight {
	return &flight{now: Now(), changes: map[*person]*draft{}, fresh: map[string]*person{}}
}

func (s *shard) dispatch(f *flight) *flight {
	var batch store.ClaimBatch
	for _, d := range f.order {
		for _, c := range d.puts.list {
			batch.Puts = append(batch.Puts, store.PersonClaim{PersonID: d.person.id, Claim: c})
		}
		for ref := range d.deletes {
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
		p := s.lookup(f, id)
		fresh := p == nil
		if fresh {
			p = &person{id: id, due: never}
			f.fresh[id] = p
		}
		d := s.draft(f, p)
		d.fresh, d.policy = d.fresh || fresh, s.hub.dir.Policy(id)
		s.finish(f, d)
	}
	if r.edit == nil {
		return
	}
	p := s.lookup(f, r.person)
	if p == nil {
		*r.err = fault.Wrap(fault.NotFound, errNoPerson, "there is no person %q", r.person)
		return
	}
	d, known := f.changes[p]
	if !known {
		d = s.draft(f, p)
	}
	e := Edit{Now: f.now, Policy: d.policy, Grace: s.hub.grace, claims: claimSet{list: slices.Clone(d.claims.list)}}
	if err := r.edit(&e); err != nil {
		*r.err = err
		if !known {
			delete(f.changes, p)
			f.order = f.order[:len(f.order)-1]
		}
		return
	}
	d.claims = e.claims
	for _, c := range e.puts.list {
		d.put(c)
	}
	for ref := range e.deletes {
		d.delete(ref)
	}
	s.finish(f, d)
}

func (s *shard) lookup(f *flight, id string) *person {
	if p := s.people[id]; p != nil { // only run changes the map
		return p
	}
	return f.fresh[id]
}

// draft returns the draft of a person, made if need be. In a new one the leases that have run out are marked so: a
// client's claim stays, with its end fixed; others are of no use any more.
func (s *shard) draft(f *flight, p *person) *draft {
	if d := f.changes[p]; d != nil {
		return d
	}
	s.mu.Lock() // leases may be renewed by others
	s.renew(p, f.now)
	d := &draft{person: p, policy: p.policy, base: slices.Clone(p.claims)}
	s.mu.Unlock()
	if d.policy == nil {
		d.policy = s.hub.dir.Policy(p.id)
	}
	for _, c := range d.base {
		switch {
		case !ranOut(&c, f.now):
			d.claims.list = append(d.claims.list, c)
		case c.Source == presence.SourceClient:
			c = presence.Lapse(c)
			d.claims.list = append(d.claims.list, c)
			d.put(c)
		default:
			d.delete(c.Ref())
		}
	}
	f.changes[p] = d
	f.order = append(f.order, d)
	return d
}

// keeps reports whether a claim holds for as long as a client is attached that is; mu is held.
func (s *shard) keeps(id string, c *presence.Claim) bool {
	client := presence.ClientOf(c.Ref())
	return client != "" && s.attached[attachment{id, client}] > 0
}

// renew renews the leases of attached clients that have run out, and of what they report, and reports whether another lease has; mu is held.
func (s *shard) renew(p *person, now time.Time) (out bool) {
	for i := range p.claims {
		c := &p.claims[i]
		switch {
		case !ranOut(c, now):
		case s.keeps(p.id, c):
			c.Lease = now.Add(s.hub.grace)
		default:
			out = true
		}
	}
	return out
}

func (d *draft) put(c presence.Claim) {
	delete(d.deletes, c.Ref())
	d.puts.put(c)
}

func (d *draft) delete(ref presence.Ref) {
	d.puts.delete(ref)
	if d.deletes == nil {
		d.deletes = map[presence.Ref]bool{}
	}
	d.deletes[ref] = true
}

// finish drops what can never matter again and works out what will be shown.
func (s *shard) finish(f *flight, d *draft) {
	for _, ref := range presence.Spent(d.claims.list, f.now) {
		d.delete(ref)
		d.claims.delete(ref)
	}
	p := d.person
	policy := p.policy
	if policy == nil {
		policy = d.policy
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	d.shown = p.shown.Advance(p.claims, policy, f.now).Note(presence.Resolve(d.claims.list, d.policy, f.now), f.now)
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
	s.failed = err != nil
	s.updates = s.updates[:0]
	now := Now()
	for _, d := range f.order {
		was := d.person.shown // only run changes it
		s.enter(d, err == nil, now)
		s.settle(d.person, was, now)
		if d.fresh { // only now: nobody is to see a presence that was not worked out
			s.mu.Lock()
			s.people[d.person.id] = d.person
			s.mu.Unlock()
		}
	}
	for _, r := range f.requests {
		for _, id := range r.remove {
			s.forget(id)
		}
	}
	s.publish()
	if err == nil && s.hub.touched != nil && len(f.order) > 0 {
		s.touched = s.touched[:0]
		for _, d := range f.order {
			s.touched = append(s.touched, d.person.id)
		}
		s.hub.touched(s.touched)
	}
	for _, r := range f.requests {
		r.done <- r.at
	}
}

// enter puts a draft in force; of one that is not durable only the policy, which is not the hub's to store. The
// leases that were renewed meanwhile stay renewed.
func (s *shard) enter(d *draft, durable bool, at time.Time) {
	p := d.person
	s.mu.Lock()
	defer s.mu.Unlock()
	if !durable {
		if p.policy != nil && p.policy != d.policy {
			alive := standing(p.claims, at)
			p.shown = p.shown.Advance(alive, p.policy, at).Note(presence.Resolve(alive, d.policy, at), at)
		}
		p.policy = d.policy
		return
	}
	now, base := claimSet{list: p.claims}, claimSet{list: d.base}
	for i := range d.claims.list {
		c := &d.claims.list[i]
		if !leased(c) {
			continue
		}
		k := now.find(c.Ref())
		if k < 0 || !p.claims[k].Lease.After(c.Lease) {
			continue
		}
		if before := base.find(c.Ref()); before >= 0 && !p.claims[k].Lease.Equal(d.base[before].Lease) {
			c.Lease = p.claims[k].Lease
		}
	}
	p.policy, p.claims, p.shown = d.policy, d.claims.list, d.shown
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

// standing returns the claims as they may be shown at now: a lease that has run out counts until that is durable, as
// it would after a restart.
func standing(claims []presence.Claim, now time.Time) []presence.Claim {
	if !slices.ContainsFunc(claims, func(c presence.Claim) bool { return ranOut(&c, now) }) {
		return claims
	}
	claims = slices.Clone(claims)
	for i := range claims {
		if ranOut(&claims[i], now) {
			claims[i].Lease = now.Add(longestWait)
		}
	}
	return claims
}

// followable returns the instant before the first lease has run out, now if none has.
func followable(claims []presence.Claim, now time.Time) time.Time {
	for i := range claims {
		if c := &claims[i]; ranOut(c, now) {
			now = c.Lease.Add(-time.Millisecond)
		}
	}
	return now
}

// lapseAgain is how long leases that have run out wait after a write that failed.
const lapseAgain = time.Second

// settle works a person out at now, notes the next change, and keeps what is to be published if it differs from what
// was. Leases that have run out go with the next departure: that must be durable before it shows.
func (s *shard) settle(p *person, was presence.Shown, now time.Time) {
	s.mu.Lock() // leases may be renewed by others
	defer s.mu.Unlock()
	if s.renew(p, now) && !p.overdue {
		p.overdue = true
		s.overdue = append(s.overdue, p)
	}
	claims := standing(p.claims, now)
	result := presence.Resolve(claims, p.policy, now)
	// What is shown is not followed beyond a lease that has run out: it ended then, whenever that becomes durable.
	shown := p.shown.Advance(claims, p.policy, followable(p.claims, now))
	if shown.Status != result.Status || shown.Off != result.Off {
		shown = p.shown.Advance(claims, p.policy, now)
	}
	s.due.set(p, next(claims, p.policy, now))
	same := result.Equal(p.presence) && shown.SameAs(was)
	p.presence, p.shown = result, shown
	if !same {
		s.updates = append(s.updates, Update{PersonID: p.id, Presence: result, Shown: shown})
	}
}

// settleDue settles everybody whose time has come.
func (s *shard) settleDue(now time.Time) {
	s.updates = s.updates[:0]
	for p := range s.due.drain(now) {
		s.settle(p, p.shown, now)
		if len(s.updates) >= 4096 {
			s.publish()
			s.updates = s.updates[:0]
		}
	}
	s.publish()
}

func (s *shard) publish() {
	if len(s.updates) > 0 {
		s.hub.notify(s.updates)
	}
}
