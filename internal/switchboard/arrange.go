package switchboard

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/forward"
	"github.com/doorlight/doorlight/presence"
)

// arrange takes up what people and settings have changed.
func (s *Switchboard) arrange(context.Context) {
	s.mu.Lock()
	ids := slices.Collect(maps.Keys(s.unarranged))
	clear(s.unarranged)
	s.mu.Unlock()
	s.bySeniority(ids)
	for _, id := range ids {
		var want []Line
		who, ok := s.office.Person(id)
		if ok && !who.Blocked && !who.Policy.Off {
			want = s.cfg.Lines(who)
		}
		s.mu.Lock()
		s.give(id, who, want)
		s.stir(id)
		s.mu.Unlock()
	}
	s.mu.Lock()
	var gone []*line
	for k := range s.kept { // of a line that nobody has any more: what was set is taken back
		if s.lines[k] == nil && s.systems[k.connector] != nil {
			gone = append(gone, s.enter(k, ""))
		}
	}
	if len(gone) > 0 {
		at := map[key]*line{}
		for k, l := range s.lines {
			if l.person != "" {
				at[s.place(k)] = l
			}
		}
		for _, l := range gone {
			s.passOn(l, at[s.place(l.key)])
			s.soon(l)
		}
	}
	s.mu.Unlock()
	signal(s.wake)
}

// bySeniority sorts people: whose lines were entered, and then whoever is known longest, is asked first what line is theirs, so that a restart changes
// nothing between two with the same one.
func (s *Switchboard) bySeniority(ids []string) {
	type rank struct {
		number int // their line is but their work number
		since  time.Time
	}
	ranks := make(map[string]rank, len(ids))
	for _, id := range ids {
		if who, ok := s.office.Person(id); ok {
			r := rank{since: who.CreatedAt}
			if len(who.Lines) == 0 {
				r.number = 1
			}
			ranks[id] = r
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, y := ranks[a], ranks[b]
		return cmp.Or(cmp.Compare(x.number, y.number), x.since.Compare(y.since), cmp.Compare(a, b))
	})
}

// give has somebody own lines, and no others; mu is held.
func (s *Switchboard) give(personID string, who *office.Person, want []Line) {
	var has []*line
	for _, w := range want {
		k := key{w.ConnectorID, w.Line}
		l := s.lines[k]
		switch {
		case l == nil:
			l = s.enter(k, personID)
		case l.person == "" || s.taken(l):
			l.person = personID
			l.reported, l.at, l.desired, l.wish, l.refusal = nil, time.Time{}, telephony.Forwarding{}, forward.Wish{}, refusal{} // that was another's to know
		case l.person != personID:
			s.log.Warn("two people have the same line; it is the first's", "connector", k.connector, "person", l.person, "other", personID)
			if s.rivals[k] == nil {
				s.rivals[k] = map[string]bool{}
			}
			s.rivals[k][personID] = true
			continue
		}
		if slices.Contains(has, l) { // it is entered twice
			continue
		}
		l.forwards = w.Forwards
		has = append(has, l)
		if sys := s.systems[k.connector]; sys != nil {
			sys.dirty = true
		}
	}
	for _, l := range s.byPerson[personID] {
		if !slices.Contains(has, l) {
			l.person, l.forwards = "", false
			maps.Copy(s.unarranged, s.rivals[l.key]) // one of them may have it now
			delete(s.rivals, l.key)
			signal(s.manage)
			for _, other := range has { // its number may only be spelt anew
				if s.place(other.key) == s.place(l.key) {
					s.passOn(l, other)
				}
			}
			s.lead(l, "")
			s.calls[l] = true // nobody's any more
			signal(s.told)
			s.soon(l)
			if sys := s.systems[l.key.connector]; sys != nil {
				sys.dirty = true
			}
		}
	}
	if len(has) == 0 {
		delete(s.byPerson, personID)
	} else {
		s.byPerson[personID] = has
	}
	for _, sys := range s.systems {
		sys.names = nil
	}
	for _, n := range s.numbers[personID] {
		left := slices.DeleteFunc(s.byNumber[n], func(l *line) bool { return l.person == personID || l.person == "" })
		if s.byNumber[n] = left; len(left) == 0 {
			delete(s.byNumber, n)
		}
	}
	delete(s.numbers, personID)
	number := func(n string, l *line) {
		if n = telephony.Fold(n); n != "" && !slices.Contains(s.byNumber[n], l) {
			s.byNumber[n] = append(s.byNumber[n], l)
			s.numbers[personID] = append(s.numbers[personID], n)
		}
	}
	for _, l := range has {
		number(l.key.line, l)
	}
	if len(has) > 0 && who != nil {
		number(who.WorkNumber, has[0])
	}
}

// place names a line as its system does, however its number is spelt; mu is held.
func (s *Switchboard) place(k key) key {
	if sys := s.systems[k.connector]; sys != nil {
		if n, ok := sys.System.System.(telephony.Namer); ok {
			if name := n.Extension(k.line); name != "" {
				return key{k.connector, name}
			}
		}
	}
	return key{k.connector, telephony.Fold(k.line)}
}

// passOn has a line take over the state of one that is nobody's any more, and is the same in the system: else the one would take back what the other
// finds there. mu is held.
func (s *Switchboard) passOn(l, to *line) {
	switch {
	case to == nil || to == l || l.to != nil || to.from != nil:
	case l.from == to: // back again, before anything was taken over
		l.from, to.to = nil, nil
	case to.to == nil && to.state.Empty() && (l.from != nil || !l.state.Empty()):
		l.to, to.from = to, l
		s.soon(to)
	}
}

// inherit has a line take over the state of another, if it is to; done says that there is nothing to take over, or not any more.
func (s *Switchboard) inherit(ctx context.Context, l *line) (done bool, err error) {
	s.mu.Lock()
	from := l.from
	waits := from != nil && from.from != nil
	s.mu.Unlock()
	if from == nil || waits { // of one that has nothing yet itself
		return from == nil, nil
	}
	for _, x := range []*line{from, l} {
		if err := x.begin(ctx); err != nil {
			return false, err
		}
		defer x.end()
	}
	s.mu.Lock()
	state, free := from.state, l.state.Empty() && l.from == from
	s.mu.Unlock()
	if free {
		if err := s.store.WriteForwardings(ctx, recordOf(l.key, state), recordOf(from.key, forward.State{})); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if free {
		l.state, from.state = state, forward.State{}
	}
	if l.from == from {
		l.from, from.to = nil, nil
	}
	s.soon(from)
	return true, nil
}

// reached is the line that a number leads to from a line, nil if that is nobody's: one in the same system before others, and one with this
// number before one whose owner has it as a work number; mu is held.
func (s *Switchboard) reached(from *line, number string) *line {
	var best *line
	rank := func(l *line) (r int) {
		if l.key.connector != from.key.connector {
			r += 2
		}
		if telephony.Fold(l.key.line) != number {
			r++
		}
		return r
	}
	consider := func(lines []*line) {
		for _, l := range lines {
			if l.person != "" && (best == nil || cmp.Or(cmp.Compare(rank(l), rank(best)), cmp.Compare(l.person, best.person)) < 0) {
				best = l
			}
		}
	}
	if consider(s.byNumber[number]); best != nil {
		return best
	}
	sys := s.systems[from.key.connector]
	if sys == nil {
		return nil
	}
	n, ok := sys.System.System.(telephony.Namer) // it may be a line however it is dialled
	if !ok {
		return nil
	}
	if sys.names == nil {
		sys.names = make(map[string][]*line, len(s.byNumber))
		for number, lines := range s.byNumber {
			if name := n.Extension(number); name != "" {
				sys.names[name] = append(sys.names[name], lines...)
			}
		}
	}
	consider(sys.names[n.Extension(number)])
	return best
}

// taken reports whether a line is not its owner's any more; mu is held.
func (s *Switchboard) taken(l *line) bool { return !slices.Contains(s.byPerson[l.person], l) }

// enter makes a line, with what is kept of it; mu is held.
func (s *Switchboard) enter(k key, personID string) *line {
	l := &line{key: k, person: personID, turn: make(chan struct{}, 1)}
	if rec, ok := s.kept[k]; ok {
		delete(s.kept, k)
		if err := json.Unmarshal(rec.State, &l.state); err != nil { // of a version that nobody knows
			s.log.Warn("what was set of a line is not known", "connector", k.connector, "err", err)
		}
	}
	s.lines[k] = l
	return l
}

// follow tells systems of whose lines they are to tell.
func (s *Switchboard) follow() {
	lists := map[*system][]string{}
	s.mu.Lock()
	for _, sys := range s.systems {
		if sys.dirty {
			sys.dirty = false
			lists[sys] = nil
			for k, l := range s.lines {
				if k.connector == sys.ID && l.person != "" {
					lists[sys] = append(lists[sys], k.line)
				}
			}
		}
	}
	s.mu.Unlock()
	for sys, list := range lists {
		slices.Sort(list)
		sys.Follow(list)
	}
}

// tell takes what a system says of a line.
func (s *Switchboard) tell(sys *system, told telephony.Line) {
	s.mu.Lock()
	l := s.lines[key{sys.ID, told.Line}]
	if l == nil || l.person == "" || s.systems[sys.ID] != sys {
		s.mu.Unlock()
		return
	}
	if told.Forwarding != nil && (l.reported == nil || *told.Forwarding != *l.reported) { // a hint: it is asked before anything is done
		s.soon(l)
		if l.wish.Action == forward.Keep && l.state.Rests() { // nothing will be, so that this is what is known
			f := *told.Forwarding
			l.reported, l.at, l.desired = &f, time.Now(), f
			for other := range s.aims[l.person] { // who leads here would be led on, or no more
				s.soon(other)
			}
		}
	}
	first := !l.heard // what the hub holds may be of an earlier run
	l.told, l.heard = told.Calls, true
	same := telephony.Busiest(told.Calls) == l.shown && l.shown.State != presence.LineIdle
	if first || telephony.Busiest(told.Calls) != l.shown {
		s.calls[l] = true
	}
	person, ref := l.person, refOf(l.key)
	s.mu.Unlock()
	if same && !s.hub.Refresh(person, ref, telephony.Lasts) { // it ran out meanwhile
		s.mu.Lock()
		s.calls[l] = true
		s.mu.Unlock()
	}
	signal(s.told)
}

func refOf(k key) presence.Ref {
	return presence.Ref{Source: presence.SourceLine + presence.Source("/"+k.connector), ID: k.line}
}

// show has the hub hold what lines do, until ctx ends.
func (s *Switchboard) show(ctx context.Context) {
	owners := map[*line]map[string]bool{} // of whom the hub holds it, or may
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.told:
		}
		s.mu.Lock()
		var edits []hub.PersonEdit
		var of []*line
		edit := func(l *line, person string, e func(e *hub.Edit)) {
			edits = append(edits, hub.PersonEdit{PersonID: person, Edit: func(h *hub.Edit) error { e(h); return nil }})
			of = append(of, l)
		}
		for l := range s.calls {
			ref, busy := refOf(l.key), telephony.Busiest(l.told)
			for person := range owners[l] {
				if person != l.person { // it was another's
					edit(l, person, func(e *hub.Edit) { e.Delete(ref) })
				}
			}
			l.shown = busy
			if l.person == "" {
				l.shown = presence.Line{}
				continue
			}
			if owners[l] == nil {
				owners[l] = map[string]bool{}
			}
			owners[l][l.person] = true
			edit(l, l.person, func(e *hub.Edit) {
				if busy.State == presence.LineIdle {
					e.Delete(ref)
					return
				}
				c := presence.Claim{Source: ref.Source, ID: ref.ID, From: e.Now, Lease: e.Now.Add(telephony.Lasts), Line: busy}
				for i := range e.Claims() {
					if old := &e.Claims()[i]; old.Ref() == ref && old.Line.State == busy.State {
						c.From = old.From
					}
				}
				e.Put(c)
			})
		}
		clear(s.calls)
		s.mu.Unlock()
		if len(edits) == 0 {
			continue
		}
		again := false
		errs := s.hub.ChangeAll(ctx, edits)
		s.mu.Lock()
		for i, err := range errs {
			l, person := of[i], edits[i].PersonID
			_, there := s.office.Person(person)
			switch {
			case err != nil && there: // it could not be stored
				s.calls[l], again = true, true
			case l.person != person:
				if delete(owners[l], person); len(owners[l]) == 0 {
					delete(owners, l)
				}
			}
		}
		s.mu.Unlock()
		if again {
			if !sleep(ctx, time.Second) {
				return
			}
			signal(s.told)
		}
	}
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

// recordOf returns what is to be kept of a line.
func recordOf(k key, s forward.State) store.ForwardingRecord {
	rec := store.ForwardingRecord{ConnectorID: k.connector, Line: k.line, UpdatedAt: hub.Now()}
	if !s.Empty() {
		state, err := json.Marshal(s)
		if err != nil { // plain data
			panic(err)
		}
		rec.State = state
	}
	return rec
}
