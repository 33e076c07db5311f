package exchange

import (
	"container/heap"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// Follow implements source.System. Of names that differ in case only, the first counts.
func (s *System) Follow(mailboxes []string) {
	wanted := make(map[string]string, len(mailboxes))
	for _, m := range mailboxes {
		key, err := s.mailbox(m)
		if err != nil {
			continue // Fetch says so
		}
		if _, ok := wanted[key]; !ok {
			wanted[key] = strings.Clone(m)
		}
	}
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	s.wanted = wanted
	if s.watcher != nil {
		s.watcher.follow(wanted)
	}
}

// errWatched is why a second Watch ends.
var errWatched = errors.New("exchange: the system is watched already")

// Watch implements source.System; there may be one at a time. Each mailbox is subscribed to for itself, in groups that stay with one
// server, and changed is called once the subscription is there, and again whenever something may have been missed. When ctx
// ends, it ends the subscriptions as far as five seconds allow: end ctx before Close.
func (s *System) Watch(ctx context.Context, changed func(mailbox string)) error {
	if s.c.Notify == NotifyNone {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.stop, func() { cancel(errClosed) })()
	w := &watcher{s: s, changed: changed, pull: s.c.Notify == NotifyPull, members: map[string]*member{}, groups: map[string][]*group{}, scattered: map[string]bool{},
		wake: make(chan struct{}, 1), gathered: make(chan struct{}, 1)}
	if s.c.Access == AccessDelegate {
		w.hanging = make(chan struct{}, s.c.Hanging)
	}
	s.watchMu.Lock()
	if s.watcher != nil {
		s.watchMu.Unlock()
		return errWatched
	}
	s.watcher = w
	w.follow(s.wanted)
	s.watchMu.Unlock()

	var workers sync.WaitGroup
	for range max(1, s.c.Limit/2) { // the other half is for reading
		workers.Go(func() { w.work(ctx) })
	}
	workers.Go(func() { w.tell(ctx) })
	<-ctx.Done()
	workers.Wait()
	w.streams.Wait()
	s.watchMu.Lock()
	s.watcher = nil
	s.watchMu.Unlock()
	w.endAll()
	return context.Cause(ctx)
}

// heard reports whether changes of a mailbox are heard of.
func (s *System) heard(key string) bool {
	s.watchMu.Lock()
	w := s.watcher
	s.watchMu.Unlock()
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.members[key]
	return m != nil && m.heard
}

// begin notes that a mailbox is about to be read by a caller who has the state of an earlier reading. fresh is for how long
// what that brought is known to hold still: nothing was told since, and it would have been. It is zero if the caller
// insists; then done is called with the new state, and whether the reading went well.
func (s *System) begin(key, state string, insist bool) (fresh time.Duration, done func(state string, well bool)) {
	s.watchMu.Lock()
	w := s.watcher
	s.watchMu.Unlock()
	if w == nil {
		return 0, func(string, bool) {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m, now := w.members[key], time.Now()
	if m == nil {
		return 0, func(string, bool) {}
	}
	// Who has another state has not kept what the last reading brought.
	if rest := everyHeard - now.Sub(m.synced); !insist && m.heard && !m.told && m.left == tag(state) && rest > everyUnheard {
		return rest, nil
	}
	subscribed := m.id != ""
	m.told = false
	return 0, func(state string, well bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case !well:
			m.told = true
		case subscribed:
			m.synced, m.left = now, tag(state)
		default:
			m.synced = time.Time{}
		}
	}
}

// tag tells states apart.
func tag(state string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, state)
	return h.Sum64()
}

// maxIDs is how many subscriptions one connection carries.
const maxIDs = 200

// watcher is one run of Watch. A few workers subscribe, ask and end subscriptions for all mailboxes, in the order in
// which they are due; each group of mailboxes has one more goroutine, which reads its stream. Nothing is called while
// mu is held.
type watcher struct {
	s        *System
	changed  func(string)
	pull     bool
	hanging  chan struct{} // taken by streams that are charged to the account itself; nil: none are
	wake     chan struct{} // something may be due
	gathered chan struct{} // something is in dirty
	streams  sync.WaitGroup

	mu      sync.Mutex          // guards what follows and all members and groups
	members map[string]*member  // by key
	groups  map[string][]*group // by place
	// scattered are places whose mailboxes live on several servers, none of which keeps the others' subscriptions: each
	// is made where its mailbox is, and grouped by what the answer says.
	scattered map[string]bool
	due       dueHeap
	rest      time.Time // the server is left alone until then
	ending    []leftover
	turn      bool // it is the turn of ending
	dirty     []news
}

// member is one mailbox that is followed. There are many: keep it small.
type member struct {
	key, mailbox string
	id           string    // of the subscription; empty: none
	watermark    string    // with pull
	group        *group    // with a subscription, or about to have one
	at           time.Time // when it is due; with a stream, and a subscription: when that was made
	index        int32     // in due, from 1; 0: not there
	failures     int16
	gone         bool      // no longer followed
	busy         bool      // a worker has it
	heard        bool      // its changes are heard of
	told         bool      // it may have changed since the last Fetch began
	synced       time.Time // when the last Fetch that went well began, if it was subscribed to then; zero: there was none
	left         uint64    // tag of the state that Fetch handed out
	dirty        bool      // it is in dirty
	alone        bool      // a subscription with its group was lost: the next one is made where the mailbox is, whose group it joins
}

// group are mailboxes whose subscriptions live on one server.
type group struct {
	place   string
	at      *endpoint
	anchor  string // the first address
	cookie  string
	settled bool                    // it has had a first subscription, and so a server
	first   bool                    // somebody is making the first subscription
	size    int                     // members that have it
	ids     map[string]*member      // by subscription
	closed  bool                    // no new members
	reading bool                    // it has its goroutine
	joined  time.Time               // when the latest subscription came in
	opened  time.Time               // when its stream was
	leave   context.CancelCauseFunc // leaves the stream; nil: there is none
	growing *time.Timer             // which leaves it for a larger one; nil: it has all
}

// leftover is a subscription nobody needs.
type leftover struct {
	id, key, mailbox string
	at               *endpoint
	route            route
}

// news is a mailbox that changed, to be told of at a time.
type news struct {
	m  *member
	at time.Time
}

// dueHeap has the member first that is due first, and the alphabetically first of those.
type dueHeap []*member

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].key < h[j].key
}
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i+1), int32(j+1)
}
func (h *dueHeap) Push(x any) {
	m := x.(*member)
	*h = append(*h, m)
	m.index = int32(len(*h))
}
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	m.index = 0
	return m
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// follow takes up the mailboxes that are wanted, and drops the others.
func (w *watcher) follow(wanted map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, m := range w.members {
		if _, ok := wanted[key]; !ok {
			m.gone = true
			delete(w.members, key)
			if m.index > 0 {
				heap.Remove(&w.due, int(m.index-1))
			}
			if !m.busy {
				w.part(m, true)
			}
		}
	}
	now := time.Now()
	for key, mailbox := range wanted {
		if w.members[key] == nil {
			m := &member{key: key, mailbox: mailbox}
			w.members[key] = m
			w.schedule(m, now)
		}
	}
	poke(w.wake)
}

// schedule has a worker see to a member at a time.
func (w *watcher) schedule(m *member, at time.Time) {
	if m.gone {
		return
	}
	m.at = at
	if m.index > 0 {
		heap.Fix(&w.due, int(m.index-1))
	} else {
		heap.Push(&w.due, m)
	}
	if w.due[0] == m {
		poke(w.wake)
	}
}

// part takes a member out of its group, and has its subscription ended if that is still there.
func (w *watcher) part(m *member, there bool) {
	g := m.group
	if m.id != "" && there {
		w.ending = append(w.ending, leftover{id: m.id, key: m.key, mailbox: m.mailbox, at: g.at, route: g.route()})
		poke(w.wake)
	}
	if g != nil {
		if m.id != "" {
			delete(g.ids, m.id)
		}
		if g.size--; g.size == 0 {
			w.dissolve(g)
		}
	}
	m.group, m.id, m.watermark, m.heard = nil, "", "", false
}

// dissolve has a group take no more members.
func (w *watcher) dissolve(g *group) {
	g.closed = true
	list := w.groups[g.place]
	for i, one := range list {
		if one == g {
			w.groups[g.place] = append(list[:i:i], list[i+1:]...)
		}
	}
	if len(w.groups[g.place]) == 0 {
		delete(w.groups, g.place)
	}
	if g.leave != nil {
		g.leave(errEmpty)
	}
}

func (g *group) route() route { return route{anchor: g.anchor, prefer: true, cookie: g.cookie} }

func placeOf(at *endpoint) string { return at.group + " " + at.url.String() }

// join puts a member into a group of its place that has room; of a certain server if settled.
func (w *watcher) join(m *member, at *endpoint, settled bool, cookie string) *group {
	place := placeOf(at)
	if g := m.group; g != nil {
		if g.place == place && !g.closed && !settled {
			return g
		}
		w.part(m, true)
	}
	list := w.groups[place]
	for i := len(list) - 1; i >= 0; i-- {
		if g := list[i]; g.size < maxIDs && (!settled || g.settled && g.cookie == cookie) {
			g.size++
			m.group = g
			return g
		}
	}
	g := &group{place: place, at: at, size: 1, ids: map[string]*member{}}
	if settled {
		g.settled, g.cookie, g.anchor = true, cookie, m.mailbox
	}
	w.groups[place] = append(list, g)
	m.group = g
	return g
}

// work sees to whatever is due until ctx ends.
func (w *watcher) work(ctx context.Context) {
	idle := time.NewTimer(time.Hour)
	defer idle.Stop()
	for ctx.Err() == nil {
		m, end, wait := w.take(time.Now())
		switch {
		case m != nil:
			w.see(ctx, m)
		case end != nil:
			w.end(ctx, end)
		default:
			idle.Reset(wait)
			select {
			case <-ctx.Done():
			case <-w.wake:
			case <-idle.C:
			}
		}
	}
}

// take returns a member that is due, or a subscription to end, or how long there is neither.
func (w *watcher) take(now time.Time) (*member, *leftover, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wait := w.rest.Sub(now); wait > 0 {
		return nil, nil, wait
	}
	due := len(w.due) > 0 && !w.due[0].at.After(now)
	if len(w.ending) > 0 && (w.turn || !due) {
		w.turn = false
		end := w.ending[0]
		w.ending = w.ending[1:]
		poke(w.wake)
		return nil, &end, 0
	}
	w.turn = true
	if !due {
		if len(w.due) == 0 {
			return nil, nil, time.Hour
		}
		return nil, nil, w.due[0].at.Sub(now)
	}
	m := heap.Pop(&w.due).(*member)
	m.busy = true
	poke(w.wake) // there may be more for others
	return m, nil, 0
}

// done gives a member back that a worker had, to be seen to again after a while if that is above zero.
func (w *watcher) done(m *member, again time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.busy = false
	if m.gone {
		w.part(m, true)
		return
	}
	if again > 0 {
		w.schedule(m, time.Now().Add(again))
	}
}

// short is how long to wait for what is a moment's matter, such as a mailbox that is just being read.
func (w *watcher) short() time.Duration { return w.s.c.timing.wait / 4 }

// see subscribes to a mailbox, or asks for its events.
func (w *watcher) see(ctx context.Context, m *member) {
	b, err := w.s.tryHold(m.key)
	if errors.Is(err, errInUse) {
		w.done(m, w.short())
		return
	}
	if err != nil {
		w.failed(m, err)
		return
	}
	defer w.s.release(m.key, b)
	if m.id != "" && w.pull {
		w.poll(ctx, m, b)
		return
	}
	w.subscribe(ctx, m, b)
}

// lostCodes are the answers that say a subscription is of no use any more. It is made anew, without the old watermark.
var lostCodes = map[string]bool{"ErrorSubscriptionNotFound": true, "ErrorExpiredSubscription": true, "ErrorInvalidSubscription": true,
	"ErrorSubscriptionAccessDenied": true, "ErrorSubscriptionUnsubscribed": true, "ErrorInvalidPullSubscriptionId": true, "ErrorInvalidWatermark": true,
	"ErrorMissedNotificationEvents": true, "ErrorEventNotFound": true, "ErrorReadEventsFailed": true, "ErrorProxyRequestNotAllowed": true,
	"ErrorProxiedSubscriptionCallFailure": true, "ErrorMailboxFailover": true}

// failed notes that seeing to a member did not come off.
func (w *watcher) failed(m *member, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.busy = false
	if m.gone {
		w.part(m, true)
		return
	}
	var wait time.Duration
	f, _ := errors.AsType[*failure](err)
	e, ok := errors.AsType[*source.Error](err)
	if ok && e.Whole && e.RetryAfter > 0 { // nobody is asked for anything: that is no failure of this mailbox
		if until := time.Now().Add(e.RetryAfter); until.After(w.rest) {
			w.rest = until
		}
		w.deaf(m)
		w.schedule(m, time.Now())
		return
	}
	if m.failures < 1000 {
		m.failures++
	}
	wait = w.s.c.timing.backoff(int(m.failures))
	switch {
	case f != nil && f.code == "ErrorSubscriptionDelegateAccessNotSupported":
		wait = w.s.c.timing.old / 2 // unless its rights become those of an owner
	case ok && (e.Kind == source.NotFound || e.Kind == source.NotAllowed):
		wait *= 6 // an administrator has to do something first
	}
	if ok {
		wait = max(wait, e.RetryAfter)
	}
	w.deaf(m)
	switch {
	case f == nil:
	case lostCodes[f.code]:
		m.alone = true
		w.part(m, false)
		if m.failures == 1 {
			wait = w.short()
		}
	case f.look:
		m.alone = true
		w.part(m, true)
	}
	if g := m.group; g != nil && !g.settled && f != nil && f.scope == ofMailbox {
		g.anchor = "" // another has to be the first
	}
	w.schedule(m, time.Now().Add(wait))
}

// deaf notes that a member's changes are not heard of any more. It is read once, so that whoever reads it comes to
// know that it is to be read more often.
func (w *watcher) deaf(m *member) {
	if m.heard {
		m.heard = false
		w.gather(m)
	}
}

// subscribe makes a subscription.
func (w *watcher) subscribe(ctx context.Context, m *member, b *box) {
	at, err := w.s.locate(ctx, m.key, m.mailbox, b)
	if err != nil {
		w.failed(m, err)
		return
	}
	w.mu.Lock()
	place := placeOf(at)
	alone := m.alone || w.scattered[place]
	way := route{anchor: m.mailbox, prefer: true}
	if !alone {
		g := w.join(m, at, false, "")
		if !g.settled {
			if g.first { // whose server the others' subscriptions will live on as well
				w.mu.Unlock()
				w.done(m, w.short())
				return
			}
			g.first = true
			if g.anchor == "" {
				g.anchor = m.mailbox
			}
			defer func() {
				w.mu.Lock()
				g.first = false
				w.mu.Unlock()
			}()
		}
		at, way = g.at, g.route()
	}
	w.mu.Unlock()
	minutes := 0
	if w.pull {
		minutes = min(max(10, int(4*w.s.c.Interval/time.Minute)), 1440)
	}
	who := w.s.person(m.mailbox)
	r, header, err := w.s.call(ctx, request{key: m.key, box: b, who: who, at: at, route: way, body: func(bw *writer) { bw.subscribe(who, minutes) }})
	if err == nil && (r.SubscriptionID == "" || len(r.SubscriptionID) > 4096 || w.pull && r.Watermark == "") {
		err = garbled(w.s.host(at.url).name, errors.New("a subscription without an ID"))
	}
	if err != nil {
		w.failed(m, err)
		return
	}
	cookie := overridden(header)
	w.mu.Lock()
	if alone {
		w.join(m, at, true, cookie)
	}
	g := m.group
	m.id, m.watermark, m.alone, m.at = strings.TrimSpace(r.SubscriptionID), strings.TrimSpace(r.Watermark), false, time.Now()
	if w.pull {
		m.failures = 0
	}
	if g.settled = true; cookie != "" && g.cookie == "" {
		g.cookie = cookie
	}
	if g.closed { // everybody else has gone in the meantime
		w.part(m, true)
		w.mu.Unlock()
		w.done(m, w.short())
		return
	}
	g.ids[m.id] = m
	g.joined, m.told = time.Now(), true // it may have changed before it was subscribed to
	if w.pull {
		m.heard = true
	} else if !g.reading {
		g.reading = true
		w.streams.Go(func() { w.listen(ctx, g) })
	} else {
		w.grew(g)
	}
	w.mu.Unlock()
	if w.pull {
		w.done(m, w.s.c.Interval)
	} else {
		w.done(m, 0)
	}
	w.changed(m.mailbox)
}

// poll asks for the events of a subscription.
func (w *watcher) poll(ctx context.Context, m *member, b *box) {
	w.mu.Lock()
	g, id, watermark := m.group, m.id, m.watermark
	way := g.route()
	w.mu.Unlock()
	who := w.s.person(m.mailbox)
	changed := false
	for range 100 { // pages of events; the rest comes the next time
		r, _, err := w.s.call(ctx, request{key: m.key, box: b, who: who, at: g.at, route: way, body: func(bw *writer) { bw.getEvents(id, watermark) }})
		if err == nil && r.Notification == nil {
			err = garbled(w.s.host(g.at.url).name, errors.New("no notification"))
		}
		if err != nil {
			w.failed(m, err)
			return
		}
		before := watermark
		for _, e := range r.Notification.Events {
			if mark := strings.TrimSpace(e.Watermark); mark != "" && len(mark) <= 4096 {
				watermark = mark
			}
		}
		changed = changed || r.Notification.changed()
		if !yes(r.Notification.More) || watermark == before {
			break
		}
	}
	w.mu.Lock()
	m.watermark, m.failures, m.heard = watermark, 0, true
	if changed {
		w.gather(m)
	}
	w.mu.Unlock()
	w.done(m, w.s.c.Interval)
}

// gather has a member told of soon: one action of a user makes several events.
func (w *watcher) gather(m *member) {
	m.told = true
	if m.dirty || m.gone {
		return
	}
	m.dirty = true
	w.dirty = append(w.dirty, news{m, time.Now().Add(w.s.c.timing.gather)})
	poke(w.gathered)
}

// tell calls changed for members that were gathered.
func (w *watcher) tell(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		w.mu.Lock()
		now := time.Now()
		var tell []*member
		for len(w.dirty) > 0 && !w.dirty[0].at.After(now) {
			m := w.dirty[0].m
			w.dirty = w.dirty[1:]
			if m.dirty = false; !m.gone {
				tell = append(tell, m)
			}
		}
		wait := time.Hour
		if len(w.dirty) > 0 {
			wait = w.dirty[0].at.Sub(now)
		}
		w.mu.Unlock()
		for _, m := range tell {
			w.changed(m.mailbox)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-w.gathered:
		case <-timer.C:
		}
	}
}

// end ends a subscription. It is tried once: subscriptions nobody asks for end by themselves.
func (w *watcher) end(ctx context.Context, l *leftover) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	b, err := w.s.hold(ctx, l.key)
	if err != nil {
		return
	}
	defer w.s.release(l.key, b)
	if _, _, err = w.s.call(ctx, request{key: l.key, who: w.s.person(l.mailbox), at: l.at, route: l.route, body: func(bw *writer) { bw.unsubscribe(l.id) }}); err != nil {
		w.s.log.Debug("exchange did not end a subscription", "err", err)
	}
}

// endAll ends all subscriptions, as far as a short time allows.
func (w *watcher) endAll() {
	ctx, cancel := context.WithTimeout(w.s.stop, 5*time.Second)
	defer cancel()
	w.mu.Lock()
	for _, m := range w.members {
		w.part(m, true)
	}
	left := w.ending
	w.ending = nil
	w.mu.Unlock()
	var next int
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range w.s.c.Limit {
		workers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(left) {
					return
				}
				w.end(ctx, &left[i])
			}
		})
	}
	workers.Wait()
}
