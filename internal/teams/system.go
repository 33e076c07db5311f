package teams

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/graph"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// system is a System at work; Teams.mu guards all but the first and the channels.
type system struct {
	System
	writes chan struct{} // there is something in queue
	seek   chan struct{} // somebody is to be looked up
	hints  chan struct{} // somebody is to be read at once

	people  map[string]*person   // whom it serves
	byUser  map[string][]*person // by object ID
	queue   []*job
	hinted  map[string]bool // object IDs
	follows bool            // whom it follows has changed
	heardAt time.Time
	every   time.Duration      // between two readings of somebody, at present
	alone   map[*person]bool   // whose sign-in may read nobody else
	stop    context.CancelFunc // ends it; nil: it was not begun
	ended   chan struct{}      // closed when that is so
}

// job is a write to be made.
type job struct {
	p     *person
	op    Op
	until time.Time // of do not disturb; zero: not known
}

const (
	slowest      = 2 * time.Minute // between two readings, when the service asks for less
	inFlight     = 6               // readings of one application at the same time
	readsAtMost  = 1000            // in 30 s, of the 1,500 that are published: others may use the application too
	gatherHints  = 200 * time.Millisecond
	seekAgain    = 10 * time.Minute // whom the directory did not know
	seekTogether = time.Second      // who comes together is looked up together
	together     = 400              // people of a subscription, about: it carries 650
	lastKeep     = 5 * time.Second  // to keep what is left at the end
	goneAfter    = 3 * time.Minute  // whom Teams does not know any more is looked up anew
)

// PutSystem has people served by an application, in place of one with the same ID. The caller still owns what it replaces, and
// closes it once left is closed.
func (t *Teams) PutSystem(s System) (left <-chan struct{}) {
	next := &system{
		System: s, writes: make(chan struct{}, 1), seek: make(chan struct{}, 1), hints: make(chan struct{}, 1),
		people: map[string]*person{}, byUser: map[string][]*person{}, hinted: map[string]bool{}, alone: map[*person]bool{}, every: t.cfg.Every, follows: true,
	}
	t.mu.Lock()
	left = t.end(s.ID)
	t.systems[s.ID] = next
	for id, p := range t.people {
		if p.rec.ConnectorID == s.ID {
			p.sought = time.Time{}
			t.join(p)
		}
		t.touched[id] = true
	}
	t.mu.Unlock()
	signal(t.manage)
	signal(t.wake)
	return left
}

// DropSystem has nobody served by an application any more. What it wrote ends there by itself, and so do entries here.
func (t *Teams) DropSystem(id string) (left <-chan struct{}) {
	t.mu.Lock()
	left = t.end(id)
	delete(t.systems, id)
	t.mu.Unlock()
	return left
}

// end ends a system, and returns what is closed when that is so; mu is held.
func (t *Teams) end(id string) <-chan struct{} {
	s := t.systems[id]
	if s != nil {
		for _, j := range s.queue { // they were not begun
			if j.p.job == j {
				j.p.job = nil
				j.p.state.End(Refused, time.Time{}, 0, hub.Now())
			}
		}
		s.queue = nil
	}
	if s == nil || s.stop == nil {
		left := make(chan struct{})
		close(left)
		return left
	}
	s.stop()
	return s.ended
}

// Forget removes what is kept of an application that is about to be gone, sign-ins above all.
func (t *Teams) Forget(ctx context.Context, by office.By, connectorID string) error {
	t.mu.Lock()
	var signedIn, others []string
	for id, p := range t.people {
		switch {
		case p.rec.ConnectorID != connectorID:
		case p.rec.Account != "":
			signedIn = append(signedIn, id)
		default:
			others = append(others, id)
		}
	}
	t.mu.Unlock()
	for _, id := range signedIn {
		if err := t.Disconnect(ctx, by, id); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	all := slices.Concat(signedIn, others)
	if err := t.takePen(ctx); err != nil {
		return err
	}
	defer t.layPen()
	if err := t.store.LoadTeams(ctx, func(rec store.TeamsRecord) error { // also of who is served by it no more, if that was not kept yet
		if rec.ConnectorID == connectorID {
			all = append(all, rec.PersonID)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := t.store.WriteTeams(ctx, nil, all); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range all {
		if p := t.people[id]; p != nil && p.rec.ConnectorID == connectorID {
			t.leave(p)
			p.rec = store.TeamsRecord{PersonID: id}
			p.signOut()
			p.forget()
		}
		t.changed(id)
		t.entries[id], t.touched[id] = true, true
	}
	signal(t.apply)
	signal(t.wake)
	return nil
}

// join has somebody served by the system of their connector, if it is there; mu is held.
func (t *Teams) join(p *person) {
	s := t.systems[p.rec.ConnectorID]
	if s == nil {
		return
	}
	if s.people[p.id] != p {
		s.people[p.id] = p
		s.follows = true
	}
	switch list := s.byUser[p.rec.UserID]; {
	case p.rec.UserID == "":
		if !p.signsIn && p.sought.IsZero() {
			signal(s.seek)
		}
	case !slices.Contains(list, p):
		if from, ok := t.left[p.rec.UserID]; ok {
			if from.pass(hub.Now()); from.Rests() {
				delete(t.left, p.rec.UserID)
			} else {
				p.state.Inherit(*from)
			}
		}
		s.byUser[p.rec.UserID] = append(list, p)
		s.follows = true
	}
}

// leave has somebody served by nobody any more; mu is held.
func (t *Teams) leave(p *person) {
	s := t.systems[p.rec.ConnectorID]
	if s == nil {
		return
	}
	if p.rec.UserID != "" && (p.state.Call.May || p.state.DND.May) { // whoever is served in their place is to know
		left := State{}
		left.Inherit(p.state)
		t.left[p.rec.UserID] = &left
		for _, other := range s.byUser[p.rec.UserID] {
			if other != p {
				other.state.Inherit(left)
			}
		}
		if len(t.left) > 1000 { // it is over for most
			maps.DeleteFunc(t.left, func(_ string, l *State) bool {
				l.pass(hub.Now())
				return l.Rests()
			})
		}
	}
	delete(s.people, p.id)
	delete(s.alone, p)
	t.unknown(s, p)
	s.follows = true
}

// holder returns who is kept in step with a user: one person. Two would take what was written for the other for a call. nil: nobody.
func (s *system) holder(userID string) (held *person) {
	if userID == "" {
		return nil
	}
	for _, p := range s.byUser[userID] {
		switch rests := p.state.Rests(); {
		case rests && (!p.on || p.signsIn && p.token == ""):
		case held == nil, held.state.Rests() && !rests, held.state.Rests() == rests && p.id < held.id:
			held = p
		}
	}
	return held
}

// holds reports whether somebody is the one.
func (s *system) holds(p *person) bool { return s.holder(p.rec.UserID) == p }

// unknown forgets who somebody is in the directory, in the index alone; mu is held.
func (t *Teams) unknown(s *system, p *person) {
	if list := slices.DeleteFunc(s.byUser[p.rec.UserID], func(x *person) bool { return x == p }); len(list) > 0 {
		s.byUser[p.rec.UserID] = list
	} else {
		delete(s.byUser, p.rec.UserID)
	}
}

// serve works for an application until ctx ends.
func (t *Teams) serve(ctx context.Context, s *system) {
	var work sync.WaitGroup
	defer work.Wait()
	for range t.cfg.Writers {
		work.Go(func() { t.write(ctx, s) })
	}
	work.Go(func() { t.seek(ctx, s) })
	work.Go(func() { t.readHinted(ctx, s) })
	work.Go(func() {
		err := s.WatchPresences(ctx, func(list []graph.Presence) { t.told(s, list) }, func(id string) {
			t.mu.Lock()
			s.hinted[id] = true
			t.mu.Unlock()
			signal(s.hints)
		})
		if err != nil && ctx.Err() == nil {
			t.log.Info("nothing is told of presence in Teams; it is read all the same", "connector", s.ID, "err", err)
		}
	})
	t.poll(ctx, s)
}

// used tells how asking went, as far as it is about the application.
func (s *system) used(err error) {
	if s.Used == nil {
		return
	}
	var e *source.Error
	if err == nil || errors.As(err, &e) && e.Whole {
		s.Used(err)
	}
}

// seek looks people up in the directory.
func (t *Teams) seek(ctx context.Context, s *system) {
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.seek:
		case <-timer.C:
		}
		if !sleep(ctx, seekTogether) {
			return
		}
		now := hub.Now()
		t.mu.Lock()
		byAddress := map[string][]*person{}
		for _, p := range s.people {
			if p.on && !p.signsIn && p.rec.UserID == "" && p.rec.Address != "" && (now.Sub(p.sought) > seekAgain || now.Before(p.sought)) {
				byAddress[p.rec.Address] = append(byAddress[p.rec.Address], p)
			}
		}
		t.mu.Unlock()
		timer.Reset(time.Minute)
		if len(byAddress) == 0 {
			continue
		}
		asked, cancel := context.WithTimeout(ctx, 10*time.Minute) // a large directory has many pages
		ids, err := s.UserIDs(asked, slices.Sorted(maps.Keys(byAddress)))
		cancel()
		s.used(err)
		if err != nil {
			if ctx.Err() == nil {
				t.log.Warn("people could not be looked up for Teams", "connector", s.ID, "err", err)
				timer.Reset(max(time.Minute, waitOf(err)))
			}
			continue
		}
		t.mu.Lock()
		for at, list := range byAddress {
			for _, p := range list {
				if s.people[p.id] != p || p.rec.Address != at || p.rec.UserID != "" {
					continue
				}
				p.sought = now
				id, ok := ids[at]
				if !ok {
					p.missing = now
					continue
				}
				p.rec.UserID, p.missing = id, time.Time{}
				t.join(p)
				t.changed(p.id)
				t.touched[p.id] = true
			}
		}
		t.mu.Unlock()
		signal(t.wake)
	}
}

func waitOf(err error) time.Duration {
	if e, ok := errors.AsType[*source.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// ask is one question about people.
type ask struct {
	ids []string
	as  []*person // by whose sign-in it may be asked; nil: by the application's own permission
}

// asks divides those who are known into questions, of all or of some; alone are those who are to be asked about by themselves.
// mu is held.
func (s *system) asks(of func(id string) bool) (all []ask, alone []*person) {
	var ours, theirs []string
	var signedIn []*person
	for id := range s.byUser {
		p := s.holder(id)
		switch asked := of(id); {
		case p == nil:
		case !p.signsIn:
			if asked {
				ours = append(ours, id)
			}
		case p.token == "":
		case s.alone[p]:
			if asked {
				alone = append(alone, p)
			}
		default:
			signedIn = append(signedIn, p)
			if asked {
				theirs = append(theirs, id)
			}
		}
	}
	slices.Sort(ours) // the same people together in each round
	slices.Sort(theirs)
	for some := range slices.Chunk(ours, graph.MaxPresences) {
		all = append(all, ask{ids: some})
	}
	for some := range slices.Chunk(theirs, graph.MaxPresences) {
		all = append(all, ask{ids: some, as: signedIn})
	}
	return all, alone
}

// poll reads everybody again and again: each in turn, spread evenly.
func (t *Teams) poll(ctx context.Context, s *system) {
	room := make(chan struct{}, inFlight)
	var reading sync.WaitGroup
	defer reading.Wait()
	for ctx.Err() == nil {
		t.follow(s)
		t.mu.Lock()
		list, alone := s.asks(func(string) bool { return true })
		n := len(list) + len(alone)
		every := max(s.every, time.Duration(n)*30*time.Second/readsAtMost)
		t.mu.Unlock()
		began := time.Now()
		for i := range n {
			if !sleep(ctx, time.Until(began.Add(every*time.Duration(i)/time.Duration(n)))) {
				return
			}
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return
			}
			reading.Go(func() {
				defer func() { <-room }()
				if i < len(list) {
					t.read(ctx, s, list[i])
				} else {
					t.readAlone(ctx, s, alone[i-len(list)])
				}
			})
		}
		if !sleep(ctx, time.Until(began.Add(every))) {
			return
		}
	}
}

// read asks one question.
func (t *Teams) read(ctx context.Context, s *system, q ask) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	asked := hub.Now()
	if q.as == nil {
		got, err := s.Presences(ctx, nil, q.ids)
		t.pace(ctx, s, err)
		if err == nil {
			t.took(s, q.ids, got, asked)
		}
		return
	}
	for range 3 { // another's sign-in may do if one's does not
		t.mu.Lock()
		var p *person
		for range len(q.as) {
			p = q.as[0]
			if q.as = append(q.as[1:len(q.as):len(q.as)], p); p.token != "" && !s.alone[p] {
				break
			}
			p = nil
		}
		if p == nil {
			t.mu.Unlock()
			return
		}
		as, turn := t.signIn(p), p.turn
		t.mu.Unlock()
		got, err := s.Presences(ctx, as, q.ids)
		e, _ := errors.AsType[*source.Error](err)
		switch {
		case err == nil:
			t.pace(ctx, s, nil)
			t.took(s, q.ids, got, asked)
			return
		case e != nil && !e.Whole && (e.Kind == source.NotAllowed || e.Status == http.StatusForbidden): // it may read its own alone
			t.mu.Lock()
			if p.turn == turn && s.people[p.id] == p {
				s.alone[p] = true
			}
			t.mu.Unlock()
		case e != nil && !e.Whole && e.Kind == source.Credentials:
			t.signedOut(p, turn, e)
		default:
			t.pace(ctx, s, err)
			return
		}
	}
}

// readAlone asks about somebody by their own sign-in.
func (t *Teams) readAlone(ctx context.Context, s *system, p *person) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	t.mu.Lock()
	as, turn, id := t.signIn(p), p.turn, p.rec.UserID
	t.mu.Unlock()
	if as == nil || as.Token == "" { // signed out meanwhile
		return
	}
	asked := hub.Now()
	one, err := s.Own(ctx, as)
	if e, ok := errors.AsType[*source.Error](err); ok && !e.Whole && e.Kind == source.Credentials {
		t.signedOut(p, turn, e)
		return
	}
	t.pace(ctx, s, err)
	if err == nil {
		one.ID = id
		t.took(s, nil, []graph.Presence{one}, asked)
	}
}

// signedOut notes that somebody has to sign in again, unless they have done so since.
func (t *Teams) signedOut(p *person, turn int, why *source.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.token == "" || p.turn != turn {
		return
	}
	p.token, p.rec.Token, p.problem, p.passing = "", nil, why.Public(), false
	p.turn++
	if s := t.systems[p.rec.ConnectorID]; s != nil { // others tell of whom this one told
		s.follows = true
	}
	t.changed(p.id)
}

// pace asks less often where the service wishes it so, and comes back slowly.
func (t *Teams) pace(ctx context.Context, s *system, err error) {
	if err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return
	}
	s.used(err)
	t.mu.Lock()
	e, _ := errors.AsType[*source.Error](err)
	switch {
	case err == nil:
		s.every = max(t.cfg.Every, s.every-s.every/10)
	case e != nil && e.Status == http.StatusTooManyRequests:
		s.every = min(2*s.every, slowest)
	}
	t.mu.Unlock()
	if err == nil {
		return
	}
	t.log.Debug("presence in Teams was not read", "connector", s.ID, "err", err)
	if e != nil && e.Whole { // whoever asks meanwhile is told so at once; there is no hurry
		sleep(ctx, min(max(e.RetryAfter, time.Second), slowest))
	}
}

// told takes what the service tells by itself. What is not numbered may be older than what was read, and has it read anew.
func (t *Teams) told(s *system, list []graph.Presence) {
	var numbered []graph.Presence
	t.mu.Lock()
	for i := range list {
		if list[i].Sequence == "" {
			s.hinted[list[i].ID] = true
		} else {
			numbered = append(numbered, list[i])
		}
	}
	t.mu.Unlock()
	signal(s.hints)
	if len(numbered) > 0 {
		t.hear(s, numbered, hub.Now())
	}
}

// took takes what was answered to a question about ids.
func (t *Teams) took(s *system, ids []string, got []graph.Presence, asked time.Time) {
	t.hear(s, got, asked)
	if len(got) >= len(ids) {
		return
	}
	known := make(map[string]bool, len(got))
	for i := range got {
		known[got[i].ID] = true
	}
	now := hub.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.systems[s.ID] != s {
		return
	}
	for _, id := range ids {
		if known[id] {
			continue
		}
		for _, p := range slices.Clone(s.byUser[id]) {
			switch {
			case p.missing.IsZero(), now.Before(p.missing):
				p.missing = now
			case now.Sub(p.missing) > goneAfter && !p.signsIn && p.state.Rests(): // the address may be another's by now
				t.unknown(s, p)
				p.rec.UserID, p.sought = "", now.Add(-seekAgain/2)
				t.changed(p.id)
			}
		}
	}
}

// hear takes what Teams shows.
func (t *Teams) hear(s *system, list []graph.Presence, asked time.Time) {
	now := hub.Now()
	var renew []*person
	t.mu.Lock()
	if t.systems[s.ID] != s {
		t.mu.Unlock()
		return
	}
	s.heardAt = now
	for i := range list {
		g := &list[i]
		for _, p := range s.byUser[g.ID] {
			p.missing = time.Time{}
			if !s.holds(p) {
				continue
			}
			r := Reading{Availability: g.Availability, Activity: g.Activity, Sequence: g.Sequence, Asked: asked}
			if p.state.Repeats(r, now) && p.claimed == NoEntry {
				continue
			}
			if !p.state.Hear(r, now) {
				continue
			}
			t.touched[p.id] = true
			switch left := p.lease.Sub(now); {
			case p.claimed == NoEntry:
			case left < p.keep*3/4:
				renew = append(renew, p)
			case left > p.keep+time.Minute: // the clock was put back
				t.entries[p.id] = true
				signal(t.apply)
			}
		}
	}
	some := len(t.touched) > 0
	t.mu.Unlock()
	for _, p := range renew {
		t.renew(p, now)
	}
	if some {
		signal(t.wake)
	}
}

// renew has an entry last, as Teams has said the same again.
func (t *Teams) renew(p *person, now time.Time) {
	t.mu.Lock()
	kind, keep := p.claimed, p.keep
	t.mu.Unlock()
	if kind == NoEntry {
		return
	}
	ok := t.hub.Refresh(p.id, presence.Ref{Source: presence.SourceTeams, ID: kind.String()}, keep)
	t.mu.Lock()
	defer t.mu.Unlock()
	if ok {
		p.lease = now.Add(keep)
		return
	}
	p.unsure = true // it ran out
	t.entries[p.id] = true
	signal(t.apply)
}

// readHinted reads at once of whom the service told that something changed.
func (t *Teams) readHinted(ctx context.Context, s *system) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.hints:
		}
		if !sleep(ctx, gatherHints) {
			return
		}
		t.mu.Lock()
		list, alone := s.asks(func(id string) bool { return s.hinted[id] })
		clear(s.hinted)
		t.mu.Unlock()
		for _, q := range list {
			t.read(ctx, s, q)
		}
		for _, p := range alone {
			t.readAlone(ctx, s, p)
		}
	}
}

// follow tells the service of whom to tell us: up to as many people as a subscription carries for each sign-in.
func (t *Teams) follow(s *system) {
	t.mu.Lock()
	if !s.follows {
		t.mu.Unlock()
		return
	}
	s.follows = false
	var by []*person
	for _, p := range s.people {
		if p.token != "" && !s.alone[p] && p.rec.UserID != "" {
			by = append(by, p)
		}
	}
	slices.SortFunc(by, func(a, b *person) int { return strings.Compare(a.id, b.id) })
	// Each stays with the others of its number: a subscription whose people change is made anew.
	parts := make([][]string, len(s.byUser)/together+1)
	for id := range s.byUser {
		h := fnv.New32a()
		io.WriteString(h, id)
		i := h.Sum32() % uint32(len(parts))
		if len(parts[i]) < graph.MaxPresences {
			parts[i] = append(parts[i], id)
		}
	}
	var list []graph.PresenceWatcher
	for i, ids := range parts {
		if i == len(by) {
			break
		}
		slices.Sort(ids)
		list = append(list, graph.PresenceWatcher{As: t.signIn(by[i]), Account: by[i].rec.UserID, IDs: ids})
	}
	t.mu.Unlock()
	s.FollowPresences(list)
}

// write makes writes until ctx ends.
func (t *Teams) write(ctx context.Context, s *system) {
	for ctx.Err() == nil { // what is left in queue was not begun
		t.mu.Lock()
		if len(s.queue) == 0 {
			t.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-s.writes:
			}
			continue
		}
		j := s.queue[0]
		s.queue = s.queue[1:]
		if len(s.queue) > 0 {
			signal(s.writes)
		}
		if j.p.job != j { // nobody wants it any more
			t.mu.Unlock()
			continue
		}
		j.p.state.Send(hub.Now())
		rec, as, turn := t.record(j.p), t.signIn(j.p), j.p.turn
		t.mu.Unlock()
		t.make(ctx, s, j, rec, as, turn)
	}
}

// make makes one write: what is about to be written is kept before, and what came of it after.
func (t *Teams) make(ctx context.Context, s *system, j *job, rec store.TeamsRecord, as *graph.SignIn, turn int) {
	outcome, until, late := Refused, time.Time{}, false
	err := t.takePen(ctx)
	if err == nil {
		t.mu.Lock()
		wanted := j.p.job == j
		if wanted {
			rec = t.record(j.p)
		}
		t.mu.Unlock()
		if wanted {
			err = t.store.WriteTeams(ctx, []store.TeamsRecord{rec}, nil)
		}
		t.layPen()
		if !wanted {
			return
		}
	}
	if err == nil {
		asked, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
		lease := sessionLease
		switch j.op {
		case SetCall:
			err = s.SetSession(asked, as, rec.UserID, graph.InACall, lease)
		case EndCall:
			err = s.ClearSession(asked, as, rec.UserID)
		case SetDND:
			lease = choiceLease
			if !j.until.IsZero() {
				lease = max(time.Minute, min(lease, j.until.Sub(hub.Now()))).Round(time.Second)
			}
			err = s.SetPreferred(asked, as, rec.UserID, graph.DoNotDisturb, lease)
		case EndDND:
			err = s.ClearPreferred(asked, as, rec.UserID)
		}
		late = err != nil && ctx.Err() == nil && asked.Err() != nil
		cancel()
		until = hub.Now().Add(lease)
		outcome = outcomeOf(err)
		s.used(err)
	}
	now := hub.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed(j.p.id)
	if t.people[j.p.id] != j.p || j.p.job != j {
		return
	}
	j.p.job = nil
	j.p.state.End(outcome, until, waitOf(err), now)
	j.p.problem = ""
	if err != nil {
		if e, ok := errors.AsType[*source.Error](err); ok {
			j.p.problem, j.p.passing = e.Public(), e.Kind == source.Unavailable
			if late {
				j.p.problem = "It was not answered in time."
			}
			if e.Kind == source.Credentials && !e.Whole && j.p.signsIn && j.p.turn == turn {
				j.p.token, j.p.rec.Token = "", nil
				j.p.turn++
			}
		} else {
			t.log.Warn("what is written to Teams could not be kept", "person", j.p.id, "err", err)
		}
	}
	t.touched[j.p.id] = true
	signal(t.wake)
}

// outcomeOf says whether a write was made.
func outcomeOf(err error) Outcome {
	if err == nil {
		return Done
	}
	e, ok := errors.AsType[*source.Error](err)
	if ok && (e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout || e.Whole && e.Status == 0 || e.Kind == source.Credentials || e.Kind == source.NotAllowed) {
		return Refused
	}
	return Unsure
}

// changed has the record of somebody kept, or removed if they are not there any more; mu is held.
func (t *Teams) changed(id string) {
	t.unkept[id] = true
	signal(t.keep)
}

// remember keeps records until ctx ends, and what is left then once all else has ended.
func (t *Teams) remember(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-t.keep:
		}
		more, err := t.keepSome(ctx)
		if err != nil && ctx.Err() == nil {
			t.log.Warn("what is known of Teams could not be kept; it is tried again", "err", err)
			sleep(ctx, 5*time.Second)
		}
		if more {
			signal(t.keep)
		}
		sleep(ctx, 100*time.Millisecond) // what comes together is kept together
	}
}

// keepRest keeps what is left: a sign-in that was renewed at the last moment is not to be lost.
func (t *Teams) keepRest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastKeep)
	defer cancel()
	for {
		more, err := t.keepSome(ctx)
		if err != nil {
			t.log.Warn("what is known of Teams could not be kept", "err", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// keepSome keeps up to a thousand records that have changed, and reports whether there are more. What could not be kept is to be
// tried again.
func (t *Teams) keepSome(ctx context.Context) (more bool, err error) {
	if err := t.takePen(ctx); err != nil {
		return true, err
	}
	defer t.layPen()
	t.mu.Lock()
	var puts []store.TeamsRecord
	var deletes []string
	for id := range t.unkept {
		if p := t.people[id]; p != nil {
			puts = append(puts, t.record(p))
		} else {
			deletes = append(deletes, id)
		}
		delete(t.unkept, id)
		if len(puts)+len(deletes) == 1000 {
			break
		}
	}
	more = len(t.unkept) > 0
	t.mu.Unlock()
	if len(puts)+len(deletes) == 0 {
		return false, nil
	}
	if err := t.store.WriteTeams(ctx, puts, deletes); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for i := range puts {
			t.unkept[puts[i].PersonID] = true
		}
		for _, id := range deletes {
			t.unkept[id] = true
		}
		return true, err
	}
	return more, nil
}

// SystemStatus returns how an application and its people are doing.
func (t *Teams) SystemStatus(connectorID string) SystemStatus {
	now := hub.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.systems[connectorID]
	if s == nil {
		return SystemStatus{}
	}
	st := SystemStatus{HeardAt: s.heardAt}
	for _, id := range slices.Sorted(maps.Keys(s.people)) {
		p := s.people[id]
		if !p.on {
			continue
		}
		st.People++
		if p.token != "" {
			st.SignedIn++
		}
		switch {
		case p.rec.UserID != "" && p.missing.IsZero():
			st.Found++
			if heard := p.state.Heard(); !heard.IsZero() && s.holds(p) {
				st.Oldest = max(st.Oldest, now.Sub(heard))
			}
		case p.missing.IsZero() && !p.nameless():
		case len(st.Unknown) < 100:
			st.Unknown = append(st.Unknown, Unknown{p.id, p.rec.Address})
		default:
			st.More++
		}
		problem := p.problem
		if problem == "" && p.rec.UserID != "" && p.missing.IsZero() {
			problem = t.problem(p)
		}
		switch {
		case problem == "":
		case len(st.Failing) < 100:
			st.Failing = append(st.Failing, Failing{p.id, problem})
		default:
			st.More++
		}
	}
	return st
}
