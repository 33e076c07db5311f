package graphtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Mailbox is a user with a calendar.
type Mailbox struct {
	ID       string   // of the user; empty: one is made up
	UPN      string   // sign-in name; required
	Mail     string   // first address; empty: the UPN
	Aliases  []string // further addresses
	Name     string
	Password string // for the page; empty: they cannot sign in there
	Zone     string // IANA; empty: UTC
	OnPrem   bool   // there is a user but no mailbox here
}

// mailbox is one with what is in it. Guarded by Server.mu.
type mailbox struct {
	info      Mailbox
	zone      *time.Location
	moved     int // how often, so that IDs that may change do
	events    map[string]*stored
	order     []string
	consented map[string]bool
	subs      map[string]*Subscription
	presence  presence
}

// stored is an event with its exceptions.
type stored struct {
	Event
	version    uint64
	exceptions map[string]*Event // by original date; nil: deleted
	created    time.Time
	changed    time.Time
}

var (
	errNoMailbox = errors.New("graphtest: no such mailbox")
	errNoEvent   = errors.New("graphtest: no such event")
)

func (m *mailbox) hasAddress(a string) bool {
	a = strings.ToLower(a)
	return a == m.info.ID || a == strings.ToLower(m.info.UPN) || a == strings.ToLower(m.info.Mail) ||
		slices.ContainsFunc(m.info.Aliases, func(one string) bool { return strings.ToLower(one) == a })
}

// AddMailbox adds a user, and returns it with what was left empty.
func (s *Server) AddMailbox(m Mailbox) (Mailbox, error) {
	m.UPN = strings.TrimSpace(m.UPN)
	if m.UPN == "" {
		return m, errors.New("graphtest: a mailbox without a sign-in name")
	}
	m.ID = strings.ToLower(cmp.Or(m.ID, s.guid("user "+strings.ToLower(m.UPN))))
	m.Mail, m.Name, m.Zone = cmp.Or(m.Mail, m.UPN), cmp.Or(m.Name, m.UPN), cmp.Or(m.Zone, "UTC")
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		return m, fmt.Errorf("graphtest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box := &mailbox{info: m, zone: zone, events: map[string]*stored{}, consented: map[string]bool{}}
	for _, a := range append([]string{m.UPN, m.Mail}, m.Aliases...) {
		if other := s.addresses[strings.ToLower(a)]; other != nil && other != box {
			return m, fmt.Errorf("graphtest: the address %s is taken", a)
		}
		s.addresses[strings.ToLower(a)] = box
	}
	s.boxes[m.ID], s.listed = box, nil
	return m, nil
}

// RemoveMailbox deletes a user.
func (s *Server) RemoveMailbox(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return errNoMailbox
	}
	delete(s.boxes, box.info.ID)
	s.listed = nil
	for a, other := range s.addresses {
		if other == box {
			delete(s.addresses, a)
		}
	}
	for _, one := range box.subs {
		s.drop(one)
	}
	return nil
}

// MoveMailbox gives a user a new ID, as if they had been deleted and made again, and removes the subscriptions of the
// old one. Events keep their iCalUId and get new IDs.
func (s *Server) MoveMailbox(address string) (Mailbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return Mailbox{}, errNoMailbox
	}
	delete(s.boxes, box.info.ID)
	box.moved++
	box.info.ID = s.guid(fmt.Sprintf("user %s %d", strings.ToLower(box.info.UPN), box.moved))
	s.boxes[box.info.ID], s.listed = box, nil
	for _, one := range box.subs {
		s.drop(one)
	}
	return box.info, nil
}

// Restrict lets applications into these mailboxes only, as an application access policy does. None: into all.
func (s *Server) Restrict(addresses ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = nil
	for _, a := range addresses {
		box := s.find(a)
		if box == nil {
			return errNoMailbox
		}
		if s.allowed == nil {
			s.allowed = map[string]bool{}
		}
		s.allowed[box.info.ID] = true
	}
	return nil
}

// find returns the mailbox with that ID or address. s.mu is held.
func (s *Server) find(address string) *mailbox {
	a := strings.ToLower(address)
	if box := s.boxes[a]; box != nil {
		return box
	}
	return s.addresses[a]
}

// Event is an appointment, or a series of them. The zero values of words are busy, normal and organizer.
type Event struct {
	ID         string // empty when put: one is made up
	UID        string // iCalUId; likewise
	Subject    string
	Body       string
	Start, End time.Time // their Location is the zone that a series repeats in; of all-day events only the dates count
	AllDay     bool
	ShowAs     string // free, tentative, busy, oof, workingElsewhere, unknown
	Sensitivity,
	Response string
	Categories []string
	Reminder   int // minutes before; zero: none
	Cancelled  bool
	Repeat     *Repeat
}

func (e *Event) defaults() {
	e.ShowAs, e.Sensitivity, e.Response = cmp.Or(e.ShowAs, "busy"), cmp.Or(e.Sensitivity, "normal"), cmp.Or(e.Response, "organizer")
}

func (e *Event) check() error {
	switch {
	case e.End.Before(e.Start):
		return errors.New("graphtest: an event that ends before it starts")
	case !slices.Contains([]string{"free", "tentative", "busy", "oof", "workingElsewhere", "unknown"}, e.ShowAs):
		return fmt.Errorf("graphtest: no showAs %q", e.ShowAs)
	case !slices.Contains([]string{"normal", "personal", "private", "confidential"}, e.Sensitivity):
		return fmt.Errorf("graphtest: no sensitivity %q", e.Sensitivity)
	case !slices.Contains([]string{"none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"}, e.Response):
		return fmt.Errorf("graphtest: no response %q", e.Response)
	case e.AllDay && !dayOf(e.End).After(dayOf(e.Start)):
		return errors.New("graphtest: an all-day event of no day: the end is exclusive")
	}
	if e.Repeat == nil {
		return nil
	}
	if until := e.Repeat.Until; !until.IsZero() && dayOf(until).Before(dayOf(e.Start)) {
		return errors.New("graphtest: a series that ends before it starts")
	}
	return e.Repeat.check()
}

// Put adds an event, or replaces the one with its ID, and tells subscribers. It returns the event with its IDs.
func (s *Server) Put(address string, e Event) (Event, error) {
	e.defaults()
	if err := e.check(); err != nil {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return e, errNoMailbox
	}
	return s.put(box, e), nil
}

// put is Put of an event that was checked. s.mu is held.
func (s *Server) put(box *mailbox, e Event) Event {
	s.sequence++
	now := time.Now().UTC()
	one := box.events[e.ID]
	kind := "updated"
	if one == nil {
		kind = "created"
		sum := sha256.Sum256(fmt.Appendf([]byte{s.c.Seed}, "event %s %d", box.info.UPN, s.sequence))
		if e.ID == "" {
			e.ID = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A" + base64.RawURLEncoding.EncodeToString(sum[:18])
		}
		if e.UID == "" { // [MS-OXOCAL] 2.2.1.27
			e.UID = fmt.Sprintf("040000008200E00074C5B7101A82E00800000000%016X000000000000000010000000%X", now.Unix(), sum[:16])
		}
		one = &stored{created: now, exceptions: map[string]*Event{}}
		box.events[e.ID] = one
		box.order = append(box.order, e.ID)
	} else {
		e.UID = cmp.Or(e.UID, one.UID)
		one.exceptions = map[string]*Event{}
	}
	one.Event, one.version, one.changed = e, s.sequence, now
	s.tell(box, e.ID, kind)
	return e
}

// Change changes an event.
func (s *Server) Change(address, id string, change func(*Event)) error {
	return s.edit(address, id, "updated", func(one *stored) error {
		e := one.Event
		change(&e)
		e.ID = id
		e.defaults()
		if err := e.check(); err != nil {
			return err
		}
		one.Event = e
		return nil
	})
}

// ChangeOccurrence makes an exception of the occurrence that was on date (2006-01-02) to begin with, or changes it again.
func (s *Server) ChangeOccurrence(address, id, date string, change func(*Event)) error {
	return s.edit(address, id, "updated", func(one *stored) error {
		if one.Repeat == nil {
			return errors.New("graphtest: not a series")
		}
		e, deleted := one.exceptions[date]
		if e == nil {
			if deleted {
				return errors.New("graphtest: the occurrence is deleted")
			}
			found := false
			one.each(time.Time{}, time.Time{}, func(o Occurrence) bool {
				if o.date == date {
					found, e = true, o.event
				}
				return !found
			})
			if !found {
				return fmt.Errorf("graphtest: no occurrence on %s", date)
			}
		}
		copied := *e
		change(&copied)
		copied.defaults()
		copied.Repeat = nil
		if err := copied.check(); err != nil {
			return err
		}
		one.exceptions[date] = &copied
		return nil
	})
}

// DeleteOccurrence takes an occurrence out of a series.
func (s *Server) DeleteOccurrence(address, id, date string) error {
	return s.edit(address, id, "updated", func(one *stored) error {
		if one.Repeat == nil {
			return errors.New("graphtest: not a series")
		}
		one.exceptions[date] = nil
		return nil
	})
}

// Cancel marks an event as cancelled by its organizer; it stays in the calendar.
func (s *Server) Cancel(address, id string) error {
	return s.Change(address, id, func(e *Event) {
		e.Cancelled = true
		e.Subject = "Canceled: " + e.Subject
		e.ShowAs = "free"
	})
}

// Delete deletes an event.
func (s *Server) Delete(address, id string) error {
	return s.edit(address, id, "deleted", nil)
}

// edit changes an event and tells subscribers; nil deletes it.
func (s *Server) edit(address, id, kind string, change func(*stored) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return errNoMailbox
	}
	one := box.events[id]
	if one == nil {
		return errNoEvent
	}
	if change == nil {
		delete(box.events, id)
		box.order = slices.DeleteFunc(box.order, func(other string) bool { return other == id })
	} else if err := change(one); err != nil {
		return err
	}
	s.sequence++
	one.version, one.changed = s.sequence, time.Now().UTC()
	s.tell(box, id, kind)
	return nil
}

// Events returns the IDs of a mailbox's events, in the order they were put.
func (s *Server) Events(address string) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	box := s.find(address)
	if box == nil {
		return nil, errNoMailbox
	}
	return slices.Clone(box.order), nil
}

// Occurrence is the truth about one appointment.
type Occurrence struct {
	UID                string // of the series
	Original           time.Time
	Recurring          bool
	Start, End         time.Time // UTC; of all-day appointments midnight of the days, as if the mailbox were in UTC
	AllDay             bool
	ShowAs             string
	Subject            string
	Sensitivity        string
	Cancelled          bool
	Response           string
	Categories         []string
	Reminder           int
	ID                 string
	exception          bool
	date               string // original
	event              *Event
	master             *stored
	visibleFrom, until time.Time // by which a view finds it
}

// View returns all that is in a mailbox between two instants, cancelled and declined too, by start.
func (s *Server) View(address string, from, to time.Time) ([]Occurrence, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	box := s.find(address)
	if box == nil {
		return nil, errNoMailbox
	}
	return box.view(from, to), nil
}

func (m *mailbox) view(from, to time.Time) []Occurrence {
	var out []Occurrence
	for _, id := range m.order {
		one := m.events[id]
		one.each(from, to, func(o Occurrence) bool {
			o.visibleFrom, o.until = o.Start, o.End
			if o.AllDay { // the days of the mailbox's zone
				o.visibleFrom, o.until = inZone(o.Start, m.zone), inZone(o.End, m.zone)
			}
			if o.visibleFrom.Before(to) && (o.until.After(from) || o.until.Equal(o.visibleFrom) && !o.visibleFrom.Before(from)) {
				out = append(out, o)
			}
			return true
		})
	}
	slices.SortStableFunc(out, func(a, b Occurrence) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	return out
}

// inZone returns the instant at which a clock in zone shows what one in UTC shows at t.
func inZone(t time.Time, zone *time.Location) time.Time {
	t = t.UTC()
	return wall(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), zone)
}
