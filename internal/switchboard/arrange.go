package switchboard

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

// arrange takes up what people and settings have changed.
func (s *Switchboard) arrange(context.Context) {
	s.mu.Lock()
	ids := slices.Collect(maps.Keys(s.unarranged))
	clear(s.unarranged)
	s.mu.Unlock()
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
	for k := range s.kept { // of a line that nobody has any more: what was set is taken back
		if s.lines[k] == nil && s.systems[k.connector] != nil {
			l := s.enter(k, "")
			s.soon(l)
		}
	}
	s.mu.Unlock()
	signal(s.wake)
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
		case l.person != personID:
			s.log.Warn("two people have the same line; it is the first's", "connector", k.connector, "person", l.person, "other", personID)
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
	maps.DeleteFunc(s.byNumber, func(_ string, l *line) bool { return l.person == personID || l.person == "" })
	for _, sys := range s.systems {
		sys.names = nil
	}
	for _, l := range has {
		s.byNumber[policy.FoldNumber(l.key.line)] = l
		if who != nil && who.WorkNumber != "" {
			s.byNumber[policy.FoldNumber(who.WorkNumber)] = has[0]
		}
	}
}

// taken reports whether a line is not its owner's any more; mu is held.
func (s *Switchboard) taken(l *line) bool { return !slices.Contains(s.byPerson[l.person], l) }

// enter makes a line, with what is kept of it; mu is held.
func (s *Switchboard) enter(k key, personID string) *line {
	l := &line{key: k, person: personID}
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
	}
	l.told, l.heard = told.Calls, true
	same := telephony.Busiest(told.Calls) == l.shown && l.shown.State != presence.LineIdle
	if !same && telephony.Busiest(told.Calls) != l.shown || !l.heard {
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
	owners := map[*line]string{} // whom it was shown of
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.told:
		}
		s.mu.Lock()
		var edits []hub.PersonEdit
		var of []*line
		for l := range s.calls {
			ref, busy := refOf(l.key), telephony.Busiest(l.told)
			if before := owners[l]; before != "" && before != l.person { // it was another's
				edits = append(edits, hub.PersonEdit{PersonID: before, Edit: func(e *hub.Edit) error { e.Delete(ref); return nil }})
				of = append(of, l)
				delete(owners, l)
			}
			l.shown = busy
			if l.person == "" {
				l.shown = presence.Line{}
				continue
			}
			owners[l] = l.person
			edits = append(edits, hub.PersonEdit{PersonID: l.person, Edit: func(e *hub.Edit) error {
				if busy.State == presence.LineIdle {
					e.Delete(ref)
					return nil
				}
				c := presence.Claim{Source: ref.Source, ID: ref.ID, From: e.Now, Lease: e.Now.Add(telephony.Lasts), Line: busy}
				for i := range e.Claims() {
					if old := &e.Claims()[i]; old.Ref() == ref && old.Line.State == busy.State {
						c.From = old.From
					}
				}
				e.Put(c)
				return nil
			}})
			of = append(of, l)
		}
		clear(s.calls)
		s.mu.Unlock()
		if len(edits) == 0 {
			continue
		}
		again := false
		for i, err := range s.hub.ChangeAll(ctx, edits) {
			if err != nil {
				s.mu.Lock()
				if s.office.Count() > 0 && of[i].person == edits[i].PersonID {
					s.calls[of[i]], again = true, true
				}
				s.mu.Unlock()
			}
		}
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

// recordOf returns what is to be kept of a line; mu is held.
func recordOf(l *line) store.ForwardingRecord {
	rec := store.ForwardingRecord{ConnectorID: l.key.connector, Line: l.key.line, UpdatedAt: hub.Now()}
	if !l.state.Rests() {
		state, err := json.Marshal(l.state)
		if err != nil { // plain data
			panic(err)
		}
		rec.State = state
	}
	return rec
}
