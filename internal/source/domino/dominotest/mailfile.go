package dominotest

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// MailFile is somebody's mail file.
type MailFile struct {
	Path string // such as mail/anna.nsf
	Zone string // of IANA, where the owner is: whole days are those of this zone; empty: UTC
}

// Event is an entry of a calendar: one, or a series.
type Event struct {
	UID         string // Put makes one up if it is empty
	Subject     string
	Start, End  time.Time // with the zone that the entry was made in; of whole days, dates in UTC, the end exclusive
	AllDay      bool
	Class       string // public, private, confidential; empty: public
	Transparent bool
	Status      string // confirmed, tentative, cancelled; empty: not said
	Type        string // 0 appointment, 1 anniversary, 2 all day, 3 meeting, 4 reminder; empty: 0 or 2
	Notice      string // I: an invitation that was not answered; C: a cancellation; empty: no notice
	Declined    bool   // such entries are not in lists
	Categories  []string
	Reminder    int     // minutes before; zero: none
	Repeat      *Repeat // nil: not a series
}

// Occurrence is what stands in a calendar at a time.
type Occurrence struct {
	Event
	RecurrenceID string // empty: not of a series
}

// mailFile is guarded by Server.mu.
type mailFile struct {
	path     string
	zone     *time.Location
	reader   bool // the technical user may read
	disabled bool
	made     int
	series   map[string]*series // by UID
}

// series is an entry, also if it is but one.
type series struct {
	Event
	changed  map[string]*Event // by date of the original; nil: deleted
	sequence int
}

// AddMailFile makes a mail file that the technical user may read.
func (s *Server) AddMailFile(m MailFile) error {
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		return fmt.Errorf("dominotest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(m.Path)
	if s.files[key] != nil || !strings.HasSuffix(key, ".nsf") {
		return errors.New("dominotest: no path of a new mail file")
	}
	s.files[key] = &mailFile{path: m.Path, zone: zone, reader: true, series: map[string]*series{}}
	return nil
}

// with does something with a mail file.
func (s *Server) with(path string, do func(*mailFile) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[strings.ToLower(path)]
	if f == nil {
		return errors.New("dominotest: no such mail file")
	}
	return do(f)
}

// SetReader has the technical user be a reader of a mail file, or not.
func (s *Server) SetReader(path string, reader bool) error {
	return s.with(path, func(f *mailFile) error { f.reader = reader; return nil })
}

// SetFileService has the calendar service enabled for a mail file, or not.
func (s *Server) SetFileService(path string, enabled bool) error {
	return s.with(path, func(f *mailFile) error { f.disabled = !enabled; return nil })
}

// Remove deletes a mail file.
func (s *Server) Remove(path string) error {
	return s.with(path, func(*mailFile) error { delete(s.files, strings.ToLower(path)); return nil })
}

func (e *Event) check() error {
	if _, known := zoneNames[e.Start.Location().String()]; !known {
		return fmt.Errorf("dominotest: the stand-in does not know the zone %s", e.Start.Location())
	}
	switch {
	case e.End.Before(e.Start):
		return errors.New("dominotest: an entry that ends before it begins")
	case e.AllDay && (!dayOf(e.Start).Equal(e.Start) || !dayOf(e.End).Equal(e.End) || !e.End.After(e.Start)):
		return errors.New("dominotest: whole days are dates in UTC")
	case e.Class != "" && e.Class != "public" && e.Class != "private" && e.Class != "confidential":
		return errors.New("dominotest: class")
	case e.Repeat != nil:
		return e.Repeat.check()
	}
	return nil
}

// Put makes an entry and returns its UID.
func (s *Server) Put(path string, e Event) (uid string, err error) {
	if err := e.check(); err != nil {
		return "", err
	}
	err = s.with(path, func(f *mailFile) error {
		if e.UID == "" {
			f.made++
			sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", f.path, f.made))
			e.UID = fmt.Sprintf("%X-Lotus_Notes_Generated", sum[:16])
		}
		if f.series[e.UID] != nil {
			return errors.New("dominotest: such an entry exists")
		}
		f.series[e.UID] = &series{Event: e, changed: map[string]*Event{}}
		uid = e.UID
		return nil
	})
	return uid, err
}

func (f *mailFile) find(uid string) (*series, error) {
	if one := f.series[uid]; one != nil {
		return one, nil
	}
	return nil, errors.New("dominotest: no such entry")
}

// Change changes an entry; of a series, all occurrences but those that were changed by themselves. A series that
// begins or recurs otherwise loses those, as in Notes.
func (s *Server) Change(path, uid string, change func(*Event)) error {
	return s.with(path, func(f *mailFile) error {
		one, err := f.find(uid)
		if err != nil {
			return err
		}
		e := one.Event
		change(&e)
		if err := e.check(); err != nil {
			return err
		}
		e.UID, e.Declined = uid, one.Declined // see Decline
		if !e.Start.Equal(one.Start) || e.Repeat != one.Repeat || e.AllDay != one.AllDay {
			clear(one.changed)
		}
		one.Event = e
		one.sequence++
		return nil
	})
}

// Move changes when an entry begins and ends.
func (s *Server) Move(path, uid string, by time.Duration) error {
	return s.Change(path, uid, func(e *Event) { e.Start, e.End = e.Start.Add(by), e.End.Add(by) })
}

// ChangeOccurrence changes one occurrence, which is named by the date on which it would begin.
func (s *Server) ChangeOccurrence(path, uid, date string, change func(*Event)) error {
	return s.with(path, func(f *mailFile) error {
		one, err := f.find(uid)
		if err != nil {
			return err
		}
		e, err := one.on(date)
		if err != nil {
			return err
		}
		change(&e)
		if err := e.check(); err != nil {
			return err
		}
		if e.Declined != one.Declined {
			return errors.New("dominotest: a series is declined as a whole")
		}
		e.UID, e.Repeat, e.AllDay = uid, nil, one.AllDay
		one.changed[date] = &e
		one.sequence++
		return nil
	})
}

// on returns the occurrence of a date as it is now.
func (one *series) on(date string) (Event, error) {
	day, err := time.Parse(time.DateOnly, date)
	if one.Repeat == nil || err != nil {
		return Event{}, errors.New("dominotest: no such occurrence")
	}
	if changed, ok := one.changed[date]; ok {
		if changed == nil {
			return Event{}, errors.New("dominotest: the occurrence was deleted")
		}
		return *changed, nil
	}
	for d := range one.Repeat.dates(dayOf(one.Start), day) {
		if d.Equal(day) {
			return one.at(d), nil
		}
	}
	return Event{}, errors.New("dominotest: no such occurrence")
}

// DeleteOccurrence deletes one occurrence.
func (s *Server) DeleteOccurrence(path, uid, date string) error {
	return s.with(path, func(f *mailFile) error {
		one, err := f.find(uid)
		if err != nil {
			return err
		}
		if _, err := one.on(date); err != nil {
			return err
		}
		one.changed[date] = nil
		one.sequence++
		return nil
	})
}

// Cancel marks an entry, with all of its occurrences, as cancelled; it stays in lists.
func (s *Server) Cancel(path, uid string) error {
	return s.mark(path, uid, func(e *Event) { e.Status = "cancelled" })
}

// Decline declines an entry, with all of its occurrences.
func (s *Server) Decline(path, uid string) error {
	return s.mark(path, uid, func(e *Event) { e.Declined = true })
}

// mark changes an entry and all occurrences that were changed by themselves.
func (s *Server) mark(path, uid string, change func(*Event)) error {
	return s.with(path, func(f *mailFile) error {
		one, err := f.find(uid)
		if err != nil {
			return err
		}
		change(&one.Event)
		for _, e := range one.changed {
			if e != nil {
				change(e)
			}
		}
		one.sequence++
		return nil
	})
}

// Delete deletes an entry, with all of its occurrences.
func (s *Server) Delete(path, uid string) error {
	return s.with(path, func(f *mailFile) error {
		if _, err := f.find(uid); err != nil {
			return err
		}
		delete(f.series, uid)
		return nil
	})
}

// Events returns the UIDs of all entries.
func (s *Server) Events(path string) (uids []string, err error) {
	err = s.with(path, func(f *mailFile) error {
		uids = slices.Sorted(maps.Keys(f.series))
		return nil
	})
	return uids, err
}

// View returns what stands in a calendar and reaches into a span of time, cancelled and declined entries too, by
// beginning. Whole days count by the zone of the owner.
func (s *Server) View(path string, from, to time.Time) (list []Occurrence, err error) {
	err = s.with(path, func(f *mailFile) error {
		for _, one := range f.series {
			for _, o := range one.occurrences(to.AddDate(0, 0, 1)) {
				if begin, end := f.instants(&o.Event); begin.Before(to) && (end.After(from) || begin.Equal(from)) {
					list = append(list, *o)
				}
			}
		}
		return nil
	})
	sortOccurrences(list)
	return list, err
}

func sortOccurrences(list []Occurrence) {
	slices.SortFunc(list, func(a, b Occurrence) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.UID, b.UID), cmp.Compare(a.RecurrenceID, b.RecurrenceID))
	})
}

// instants returns when an event is, with whole days in the zone of the owner.
func (f *mailFile) instants(e *Event) (begin, end time.Time) {
	if !e.AllDay {
		return e.Start.UTC(), e.End.UTC()
	}
	midnight := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, f.zone).UTC()
	}
	return midnight(e.Start), midnight(e.End)
}

// occurrences are all that begin, or would have begun had they not been moved, before a time.
func (one *series) occurrences(before time.Time) (list []*Occurrence) {
	if one.Repeat == nil {
		return []*Occurrence{{Event: one.Event}}
	}
	for d := range one.Repeat.dates(dayOf(one.Start), dayOf(before).AddDate(0, 0, 40)) {
		e := one.at(d)
		id := one.recurrenceID(d)
		if changed, ok := one.changed[d.Format(time.DateOnly)]; ok {
			if changed == nil {
				continue
			}
			e = *changed
		}
		list = append(list, &Occurrence{Event: e, RecurrenceID: id})
	}
	return list
}

// at returns the occurrence of a date, before any change of its own.
func (one *series) at(d time.Time) Event {
	e := one.Event
	e.Repeat = nil
	if one.AllDay {
		e.Start, e.End = d, d.Add(one.End.Sub(one.Start))
		return e
	}
	hour, minute, second := one.Start.Clock()
	e.Start = time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, one.Start.Location())
	e.End = e.Start.Add(one.End.Sub(one.Start))
	return e
}

// recurrenceID names the occurrence of a date: by the time at which it would begin, in UTC, or by the date.
func (one *series) recurrenceID(d time.Time) string {
	if one.AllDay {
		return d.Format("20060102")
	}
	at := one.at(d)
	return at.Start.UTC().Format("20060102T150405Z")
}

// entries is what a list is made of: what begins in a span, by beginning; nil is an entry of the view that gives no
// event.
func (s *Server) entries(f *mailFile, since, before time.Time) []*listed {
	var found []*listed
	for _, one := range f.series {
		if one.Declined {
			continue
		}
		all := one.occurrences(before)
		if s.c.Series && one.Repeat != nil {
			for _, o := range all {
				if begin, _ := f.instants(&o.Event); !begin.Before(since) && begin.Before(before) {
					found = append(found, &listed{one, &Occurrence{Event: one.Event}, begin})
					break
				}
			}
			continue
		}
		for _, o := range all {
			if begin, _ := f.instants(&o.Event); !begin.Before(since) && begin.Before(before) {
				found = append(found, &listed{one, o, begin})
			}
		}
	}
	slices.SortFunc(found, func(a, b *listed) int {
		return cmp.Or(a.begin.Compare(b.begin), cmp.Compare(a.UID, b.UID), cmp.Compare(a.RecurrenceID, b.RecurrenceID))
	})
	if s.c.Gaps == 0 {
		return found
	}
	var entries []*listed
	for i, e := range found {
		if i%s.c.Gaps == 0 {
			entries = append(entries, nil)
		}
		entries = append(entries, e)
	}
	return entries
}

// listed is an occurrence in a list, or a series with Config.Series.
type listed struct {
	series *series
	*Occurrence
	begin time.Time
}

// OriginalDate returns the date by which ChangeOccurrence and DeleteOccurrence know the occurrence with a recurrenceId.
func (s *Server) OriginalDate(path, uid, recurrenceID string) (date string, err error) {
	err = s.with(path, func(f *mailFile) error {
		one, err := f.find(uid)
		if err != nil {
			return err
		}
		if one.Repeat != nil {
			layout := "20060102T150405Z"
			if one.AllDay {
				layout = "20060102"
			}
			at, err := time.Parse(layout, recurrenceID)
			if err != nil {
				return errors.New("dominotest: no recurrenceId")
			}
			for d := range one.Repeat.dates(dayOf(one.Start), dayOf(at).AddDate(0, 0, 2)) {
				if one.recurrenceID(d) == recurrenceID {
					date = d.Format(time.DateOnly)
					return nil
				}
			}
		}
		return errors.New("dominotest: no such occurrence")
	})
	return date, err
}
