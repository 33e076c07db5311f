package agenda

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
)

// System is an outside system that holds calendars of many people.
type System struct {
	ID   string // of its connector
	Kind string // of the calendars in it: KindExchange, KindGraph or KindDomino
	Name string
	source.System
	Mailbox func(*office.Person) string // in which mailbox somebody's calendar is; empty: in none
	Used    func(error)                 // called with how reading it went, as far as it is about the system; may be nil
}

// system is a System at work; mu guards all but the first.
type system struct {
	System
	mailboxes map[string][]*entry // by mailbox, in lower case; those that are read for everybody
	dirty     bool                // mailboxes changed since the system was told
	silent    bool                // it tells of no changes
	unwatch   context.CancelFunc  // ends its watch; nil: it was not begun
	unwatched chan struct{}       // closed when that has ended; nil likewise
}

// A calendar that is new in a system waits to be told of. The system tells of it once it would hear of its changes, which spares
// a reading before. It waits the longer the more there are.
const (
	patience     = 5 * time.Second
	patienceEach = 10 * time.Millisecond
)

// first has a calendar read for the first time since the system is there; Agenda.mu is held.
func (a *Agenda) first(s *system, e *entry) {
	if s.silent || !central(e.rec.Kind) {
		a.soon(e)
		return
	}
	wait := patience + time.Duration(len(s.mailboxes))*patienceEach
	e.next = time.Now().Add(wait + rand.N(wait))
}

func (s *system) enter(e *entry) {
	if central(e.rec.Kind) {
		key := strings.ToLower(e.rec.Username)
		s.mailboxes[key] = append(s.mailboxes[key], e)
		s.dirty = true
	}
}

func (s *system) leave(e *entry) {
	key := strings.ToLower(e.rec.Username)
	if s.mailboxes[key] = slices.DeleteFunc(s.mailboxes[key], func(x *entry) bool { return x == e }); len(s.mailboxes[key]) == 0 {
		delete(s.mailboxes, key)
	}
	s.dirty = true
}

// PutSystem has calendars read from a system, in place of one with the same ID. The caller still owns what it replaces
// and closes it once left is closed, when nobody listens to it any more; what is being read there fails then, and is read
// anew.
func (a *Agenda) PutSystem(s System) (left <-chan struct{}) {
	next := &system{System: s, mailboxes: map[string][]*entry{}, dirty: true}
	a.mu.Lock()
	left = a.end(s.ID)
	a.systems[s.ID] = next
	if l := a.lanes[s.ID]; l != nil {
		l.shut = time.Time{}
	}
	for _, e := range a.entries {
		if e.rec.ConnectorID == s.ID {
			next.enter(e)
			e.failures = 0
			a.first(next, e)
		}
	}
	a.mu.Unlock()
	a.arrangeAll()
	signal(a.wake)
	return left
}

// DropSystem has no calendars read from a system any more. They stay until the settings of their scopes name another, but
// their claims last no longer than their leases. The caller closes it once left is closed.
func (a *Agenda) DropSystem(id string) (left <-chan struct{}) {
	a.mu.Lock()
	left = a.end(id)
	delete(a.systems, id)
	a.mu.Unlock()
	a.arrangeAll()
	return left
}

// end has nobody listen to a system any more, and returns what is closed when that is so; mu is held.
func (a *Agenda) end(id string) <-chan struct{} {
	s := a.systems[id]
	if s == nil || s.unwatch == nil {
		left := make(chan struct{})
		close(left)
		return left
	}
	s.unwatch()
	return s.unwatched
}

// Forget removes all calendars of a system that is about to be gone, with their passwords and claims.
func (a *Agenda) Forget(ctx context.Context, by office.By, connectorID string) error {
	a.mu.Lock()
	var all []*entry
	for _, e := range a.entries {
		if e.rec.ConnectorID == connectorID {
			all = append(all, e)
		}
	}
	a.mu.Unlock()
	for _, e := range all {
		rec := a.record(e)
		var audit []store.AuditEntry
		if p, ok := a.office.Person(rec.PersonID); ok && !central(rec.Kind) {
			audit = append(audit, entryAbout(by, "calendar.delete", p, map[string]any{"calendar": rec.ID, "name": rec.Name}))
		}
		if err := a.remove(ctx, e, audit); err != nil && fault.KindOf(err) != fault.NotFound { // deleted meanwhile
			return err
		}
	}
	return nil
}

func (a *Agenda) arrangeAll() {
	ids := a.office.IDs()
	a.mu.Lock()
	for _, id := range ids {
		a.unarranged[id] = true
	}
	a.mu.Unlock()
	signal(a.manage)
}

// SystemStatus is how the calendars of a system are doing.
type SystemStatus struct {
	Calendars int
	Failing   []Status // those that cannot be read, at most 100
	More      int      // further ones
}

// SystemStatus returns how the calendars of a system are doing.
func (a *Agenda) SystemStatus(id string) SystemStatus {
	a.mu.Lock()
	var out SystemStatus
	var failing []*entry
	for _, e := range a.entries {
		if e.rec.ConnectorID != id {
			continue
		}
		out.Calendars++
		if e.rec.Error != "" {
			failing = append(failing, e)
		}
	}
	slices.SortFunc(failing, func(x, y *entry) int { return strings.Compare(x.rec.Username+x.rec.ID, y.rec.Username+y.rec.ID) })
	a.mu.Unlock()
	if len(failing) > 100 {
		out.More, failing = len(failing)-100, failing[:100]
	}
	for _, e := range failing {
		out.Failing = append(out.Failing, a.status(e))
	}
	return out
}

// keep has systems watched, and gives people the calendars that they are to have, until ctx ends.
func (a *Agenda) keep(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.manage:
		case <-again.C:
		}
		a.mu.Lock()
		for _, s := range a.systems {
			if s.unwatch == nil {
				ctx, stop := context.WithCancel(ctx)
				ended := make(chan struct{})
				s.unwatch, s.unwatched = stop, ended
				watching.Go(func() {
					defer close(ended)
					defer stop()
					a.watch(ctx, s)
				})
			}
		}
		people := a.unarranged
		a.unarranged = map[string]bool{}
		a.mu.Unlock()
		if err := a.arrange(ctx, people); err != nil && ctx.Err() == nil {
			a.log.Warn("the calendars of systems could not be arranged; it is tried again", "err", err)
			a.mu.Lock()
			for id := range people {
				a.unarranged[id] = true
			}
			a.mu.Unlock()
			again.Reset(10 * time.Second)
		}
		a.follow()
	}
}

// follow tells systems whose changes are to be heard of.
func (a *Agenda) follow() {
	lists := map[*system][]string{}
	a.mu.Lock()
	for _, s := range a.systems {
		if !s.dirty {
			continue
		}
		s.dirty = false
		list := make([]string, 0, len(s.mailboxes))
		for _, all := range s.mailboxes {
			if i := slices.IndexFunc(all, func(e *entry) bool { return !e.deaf }); i >= 0 {
				list = append(list, all[i].rec.Username)
			}
		}
		lists[s] = list
	}
	a.mu.Unlock()
	for s, list := range lists {
		slices.Sort(list)
		s.Follow(list)
	}
}

// listen says whether changes of a calendar are to be heard of; where its owner has no calendars at present they are not
// (P10).
func (a *Agenda) listen(e *entry, yes bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.systems[e.rec.ConnectorID]; e.deaf == yes && s != nil {
		e.deaf, s.dirty = !yes, true
	}
}

// watch hears of changes in a system until ctx ends.
func (a *Agenda) watch(ctx context.Context, s *system) {
	for {
		err := s.Watch(ctx, func(mailbox string) { a.hint(s, mailbox) })
		if ctx.Err() != nil {
			return
		}
		if err == nil { // it tells of none; its calendars are read now and then
			a.mu.Lock()
			s.silent = true
			for _, all := range s.mailboxes {
				for _, e := range all {
					a.soon(e)
				}
			}
			a.mu.Unlock()
			signal(a.wake)
			return
		}
		a.log.Warn("a system does not tell of changes any more; it is asked again", "connector", s.ID, "err", loggable(err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Minute):
		}
	}
}

// hint has the calendars of a mailbox read soon.
func (a *Agenda) hint(s *system, mailbox string) {
	a.mu.Lock()
	if a.systems[s.ID] == s {
		for _, e := range s.mailboxes[strings.ToLower(mailbox)] {
			if e.hinted = true; len(e.reading) == 0 { // else release sees to it
				a.soon(e)
			}
		}
	}
	a.mu.Unlock()
	signal(a.wake)
}

// arrange gives people the calendars of systems that the settings of their scopes want them to have, and takes others
// away. Of a system that is not there at present they keep what they have.
func (a *Agenda) arrange(ctx context.Context, people map[string]bool) error {
	var add []*entry
	var renamed []*entry
	var remove []*entry
	a.mu.Lock()
	systems := make(map[string]*system, len(a.systems))
	for id, s := range a.systems {
		systems[id] = s
	}
	a.mu.Unlock()
	for id := range people {
		p, ok := a.office.Person(id)
		if !ok {
			continue
		}
		c := &p.Settings.Calendar
		s, kept := systems[c.Connector], false
		for _, e := range a.of(id) {
			rec := a.record(e)
			switch {
			case !central(rec.Kind):
			case kept || offered(p.Settings, rec.Kind, rec.ConnectorID) != nil || s != nil && (s.Kind != rec.Kind || s.Mailbox(p) == ""):
				remove = append(remove, e)
			default:
				kept = true
				a.listen(e, may(p, rec.Kind, rec.ConnectorID) == nil)
				if s != nil && (rec.Username != s.Mailbox(p) || rec.Name != s.Name) {
					renamed = append(renamed, e)
				}
			}
		}
		if s == nil || kept || offered(p.Settings, s.Kind, s.ID) != nil || s.Mailbox(p) == "" {
			continue
		}
		e := newEntry(store.Calendar{ID: office.NewID(), PersonID: id, Kind: s.Kind, ConnectorID: s.ID, Name: s.Name, Username: s.Mailbox(p)})
		e.deaf = may(p, s.Kind, s.ID) != nil
		add = append(add, e)
	}
	for _, e := range remove {
		if err := a.remove(ctx, e, nil); err != nil && fault.KindOf(err) != fault.NotFound { // deleted meanwhile
			return err
		}
	}
	for some := range slices.Chunk(add, 500) {
		changes := store.Changes{}
		for _, e := range some {
			changes.PutCalendars = append(changes.PutCalendars, e.rec)
		}
		if err := a.store.Update(ctx, changes); err != nil { // one by one, as somebody may be gone meanwhile
			for _, e := range some {
				if err := a.store.Update(ctx, store.Changes{PutCalendars: []store.Calendar{e.rec}}); err == nil {
					a.added(e)
				} else if _, ok := a.office.Person(e.rec.PersonID); ok {
					return err
				}
			}
			continue
		}
		for _, e := range some {
			a.added(e)
		}
	}
	for _, e := range renamed {
		if err := a.rename(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// added enters a calendar that is stored.
func (a *Agenda) added(e *entry) {
	a.mu.Lock()
	a.enter(e)
	a.share(e.rec.PersonID)
	switch s := a.systems[e.rec.ConnectorID]; {
	case s != nil:
		a.first(s, e)
	case e.rec.Kind != KindLocal:
		a.soon(e)
	}
	a.mu.Unlock()
	signal(a.wake)
	if _, ok := a.office.Person(e.rec.PersonID); !ok { // gone meanwhile
		a.forgetPerson(e.rec.PersonID)
	}
}

// rename gives a calendar the mailbox and the name that it is to have by now. What was read from another mailbox stands
// until this one has been read.
func (a *Agenda) rename(ctx context.Context, e *entry) error {
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer a.release(e)
	rec := a.record(e)
	p, ok := a.office.Person(rec.PersonID)
	a.mu.Lock()
	s := a.systems[rec.ConnectorID]
	a.mu.Unlock()
	if !ok || s == nil {
		return nil
	}
	if !strings.EqualFold(rec.Username, s.Mailbox(p)) {
		rec.State, rec.Error, rec.Problems = "", "", nil
	}
	rec.Name, rec.Username = s.Name, s.Mailbox(p)
	if err := a.store.Update(ctx, store.Changes{PutCalendars: []store.Calendar{rec}}); err != nil {
		return err
	}
	a.mu.Lock()
	if !e.gone {
		s := a.systems[rec.ConnectorID] // another by now, or none
		if s != nil {
			s.leave(e)
		}
		e.rec, e.problems, e.failures = rec, parseProblems(rec.Problems), 0
		if s != nil {
			s.enter(e)
		}
		a.soon(e)
	}
	a.mu.Unlock()
	signal(a.wake)
	return nil
}

// span is what is needed of the occurrences of a person's calendars at an instant: from a week ago, which their agenda
// shows, to as far ahead as their presence looks, with a day and more to spare.
func span(p *office.Person, now time.Time) (from, to time.Time) {
	day := now.UTC().Truncate(24 * time.Hour)
	days := p.Settings.CalendarOptions(&p.Own).DaysAhead
	return day.AddDate(0, 0, -7), day.AddDate(0, 0, days+2)
}

// whole returns the error of a system as a whole in err, nil if it is about one calendar.
func whole(err error) *source.Error {
	var told *source.Error
	if errors.As(err, &told) && told.Whole {
		return told
	}
	return nil
}
