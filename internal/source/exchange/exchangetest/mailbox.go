package exchangetest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Mailbox is somebody's, with a calendar. Its methods may be called by several goroutines.
type Mailbox struct {
	s      *Server
	number uint32 // from 1
	p      Person

	mu     sync.Mutex // guards what follows
	server string
	epoch  uint32 // of sync states and watermarks; another one makes them invalid
	seq    uint64 // counts changes; numbers of items come from it too

	folders map[int]*folder // those that hold or held something, by index in folderTable

	log       []event // the last events, if anybody ever subscribed
	logged    uint64  // number of the last event
	listening bool
	subs      []*subscription

	broken atomic.Int32 // a State

	grantMu sync.Mutex // guards grants
	grants  map[string]Right
}

// Person is whose mailbox it is.
type Person struct {
	Address string   // primary SMTP address
	Aliases []string // further addresses
	Name    string   // shown; empty: what is before the @
	UPN     string   // sign-in name; empty: as Address
	SID     string   // empty: made up
	Server  string   // that holds the mailbox; empty: the first
	// Password with which the owner signs in, as UPN, Address or DOMAIN\name; empty: nobody can.
	Password string
}

// Right is what somebody may do with the calendar of somebody else.
type Right int

const (
	Reviewer   Right = iota + 1 // may read the calendar
	Editor                      // may change it too
	FullAccess                  // has the whole mailbox
)

// folderTable are the folders every mailbox has. The first is the root.
var folderTable = []struct {
	distinguished, name, class, element string
	parent                              int
}{
	{"root", "", "", "t:Folder", 0},
	{"msgfolderroot", "Top of Information Store", "IPF.Note", "t:Folder", 0},
	{"calendar", "Calendar", "IPF.Appointment", "t:CalendarFolder", 1},
	{"deleteditems", "Deleted Items", "IPF.Note", "t:Folder", 1},
	{"inbox", "Inbox", "IPF.Note", "t:Folder", 1},
	{"drafts", "Drafts", "IPF.Note", "t:Folder", 1},
	{"outbox", "Outbox", "IPF.Note", "t:Folder", 1},
	{"sentitems", "Sent Items", "IPF.Note", "t:Folder", 1},
	{"junkemail", "Junk Email", "IPF.Note", "t:Folder", 1},
	{"contacts", "Contacts", "IPF.Contact", "t:ContactsFolder", 1},
	{"tasks", "Tasks", "IPF.Task", "t:TasksFolder", 1},
	{"notes", "Notes", "IPF.StickyNote", "t:Folder", 1},
	{"journal", "Journal", "IPF.Journal", "t:Folder", 1},
	{"recoverableitemsroot", "Recoverable Items", "", "t:Folder", 0},
	{"recoverableitemsdeletions", "Deletions", "", "t:Folder", 13},
	{"searchfolders", "Finder", "", "t:Folder", 0},
	{"", "Team Calendar", "IPF.Appointment", "t:CalendarFolder", 2},
}

const (
	rootFolder     = 0
	topFolder      = 1
	calendarFolder = 2
	deletedFolder  = 3
	inboxFolder    = 4
)

type folder struct {
	index int
	items []*item // by number. An item is never changed, but replaced
	gone  []gone  // in the order they went
	seq   uint64  // of the last change in it
}

// gone is an item that is no longer in a folder.
type gone struct{ number, seq uint64 }

// item is one state of what is stored. It is not changed any more once it is in a folder.
type item struct {
	number   uint64 // the mailbox's seq when it came into the folder
	change   uint64 // seq of the last change
	modified time.Time
	created  time.Time
	ev       *Event
	content  uint64 // seq of the last change but of the read flag
	message  bool   // rather than a calendar item
	read     bool

	exceptions map[int]*exception // of a series, by day
	deleted    map[int]bool
}

type exception struct {
	ev       *Event // whole; Start and End are its own
	change   uint64
	modified time.Time
}

// event is a line in what is told to subscribers.
type event struct {
	number    uint64
	kind      string // CreatedEvent, ModifiedEvent, DeletedEvent, MovedEvent, FreeBusyChangedEvent
	at        time.Time
	item      uint64 // zero: about the folder
	change    uint64
	folder    int
	oldItem   uint64
	oldFolder int
}

func (m *Mailbox) folder(index int) *folder {
	f := m.folders[index]
	if f == nil {
		f = &folder{index: index}
		m.folders[index] = f
	}
	return f
}

func (f *folder) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(f.items, number, func(it *item, n uint64) int {
		switch {
		case it.number < n:
			return -1
		case it.number > n:
			return 1
		}
		return 0
	})
}

// find looks in all folders.
func (m *Mailbox) find(number uint64) (*folder, *item) {
	if f := m.folders[calendarFolder]; f != nil { // most are there
		if i, ok := f.find(number); ok {
			return f, f.items[i]
		}
	}
	for _, f := range m.folders {
		if i, ok := f.find(number); ok {
			return f, f.items[i]
		}
	}
	return nil, nil
}

func (m *Mailbox) next() uint64 { m.seq++; return m.seq }

// tell adds an event to the log and wakes those who wait for it. m.mu is held.
func (m *Mailbox) tell(e event) {
	if !m.listening {
		return
	}
	m.logged++
	e.number, e.at = m.logged, m.s.now()
	m.log = append(m.log, e)
	if len(m.log) > 2*maxLog {
		m.log = slices.Clone(m.log[maxLog:])
	}
	for _, sub := range m.subs {
		sub.wake()
	}
}

const maxLog = 500 // events kept of a mailbox, at least

// changed tells of a change in a folder, as a real server does: of the item, then of the folder whose counts changed.
func (m *Mailbox) changed(f *folder, e event, counts, busy bool) {
	e.folder = f.index
	f.seq = m.seq
	m.tell(e)
	if counts {
		m.tell(event{kind: "ModifiedEvent", folder: f.index, change: m.seq})
	}
	if busy && f.index == calendarFolder {
		m.tell(event{kind: "FreeBusyChangedEvent", item: e.item, change: e.change, folder: f.index})
	}
}

// add stores a settled event. m.mu is held.
func (m *Mailbox) add(index int, ev *Event) *item {
	if ev.UID == "" {
		ev.UID = fmt.Sprintf("040000008200E00074C5B7101A82E008%08X%016X%016X", m.s.now().Unix(), uint64(m.number), m.seq+1)
	}
	n := m.next()
	it := &item{number: n, change: n, content: n, modified: m.s.now(), created: m.s.now(), ev: ev}
	f := m.folder(index)
	f.items = append(f.items, it)
	m.changed(f, event{kind: "CreatedEvent", item: n, change: n}, true, ev.ShowAs != "Free")
	return it
}

// replace puts another state of an item in its place. m.mu is held.
func (m *Mailbox) replace(f *folder, it *item, busy bool) {
	it.change, it.modified = m.next(), m.s.now()
	it.content = it.change
	if i, ok := f.find(it.number); ok {
		f.items[i] = it
	}
	m.changed(f, event{kind: "ModifiedEvent", item: it.number, change: it.change}, false, busy)
}

// remove takes an item out of a folder for good. m.mu is held.
func (m *Mailbox) remove(f *folder, it *item, told bool) {
	if i, ok := f.find(it.number); ok {
		f.items = slices.Delete(f.items, i, i+1)
	}
	f.gone = append(f.gone, gone{it.number, m.next()})
	f.seq = m.seq
	if told {
		m.changed(f, event{kind: "DeletedEvent", item: it.number, change: it.change}, true, it.ev.ShowAs != "Free")
	}
}

// move puts an item into another folder, where it has another id. m.mu is held.
func (m *Mailbox) move(from *folder, it *item, to int) *item {
	old := it.number
	m.remove(from, it, false)
	moved := *it
	moved.number = m.next()
	moved.change, moved.content, moved.modified = moved.number, moved.number, m.s.now()
	f := m.folder(to)
	f.items = append(f.items, &moved)
	m.tell(event{kind: "MovedEvent", item: moved.number, change: moved.change, folder: to, oldItem: old, oldFolder: from.index})
	for _, x := range []*folder{from, f} {
		x.seq = m.seq
		m.tell(event{kind: "ModifiedEvent", folder: x.index, change: m.seq})
	}
	if from.index == calendarFolder {
		m.tell(event{kind: "FreeBusyChangedEvent", item: old, change: it.change, folder: from.index})
	}
	return &moved
}

// Identifiers are opaque to clients, and tell upper from lower case. Here they hold a mailbox, what it is, a number and
// perhaps a day.
type id struct {
	mailbox uint32
	kind    byte // 'I' item, 'O' occurrence, 'F' folder
	number  uint64
	day     int32
}

func (i id) String() string {
	b := append(make([]byte, 0, 64), 0, 3, 0x24, 0)
	b = fmt.Appendf(b, "%08x-6f2d-4c1e-9a55-%012x", i.mailbox*2654435761, i.mailbox)
	b = append(b, 0, 0x46, 0, i.kind)
	b = binary.BigEndian.AppendUint64(b, i.number)
	if i.kind == 'O' {
		b = binary.BigEndian.AppendUint32(b, uint32(i.day))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func parseID(s string) (id, error) {
	malformed := inner("ErrorInvalidIdMalformed", "Id is malformed.")
	if s == "" {
		return id{}, inner("ErrorInvalidIdEmpty", "Id must be non-empty.")
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < 52 || b[0] != 0 || b[1] != 3 {
		return id{}, malformed
	}
	i := id{kind: b[43], number: binary.BigEndian.Uint64(b[44:])}
	if _, err := fmt.Sscanf(string(b[28:40]), "%x", &i.mailbox); err != nil {
		return id{}, malformed
	}
	if i.kind == 'O' && len(b) == 56 {
		i.day = int32(binary.BigEndian.Uint32(b[52:]))
	}
	if i.String() != s {
		return id{}, malformed
	}
	return i, nil
}

func changeKey(change uint64) string {
	b := append(make([]byte, 0, 24), 0x0f, 0, 0, 0, 0x16, 0, 0, 0)
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, change))
}

func (m *Mailbox) itemID(number uint64) string { return id{m.number, 'I', number, 0}.String() }
func (m *Mailbox) folderID(index int) string   { return id{m.number, 'F', uint64(index), 0}.String() }

func (v view) id() string {
	if v.kind == "Occurrence" || v.kind == "Exception" {
		return id{v.m.number, 'O', v.it.number, int32(v.day)}.String()
	}
	return v.m.itemID(v.it.number)
}

var (
	errItemNotFound   = inner("ErrorItemNotFound", "The specified object was not found in the store.")
	errFolderNotFound = inner("ErrorFolderNotFound", "The specified folder could not be found in the store.")
)

// lookup returns the folder, the item and the view of what an id names. m.mu is held.
func (m *Mailbox) lookup(i id) (*folder, view, error) {
	if i.kind == 'F' {
		return nil, view{}, inner("ErrorCannotUseFolderIdForItemId", "The Id is of a folder.")
	}
	f, it := m.find(i.number)
	if it == nil {
		return nil, view{}, errItemNotFound
	}
	if i.kind == 'O' {
		if !it.has(int(i.day)) {
			return nil, view{}, errItemNotFound
		}
		return f, it.occurrence(m, int(i.day)), nil
	}
	return f, it.whole(m), nil
}

// edit changes what an id names: a whole item, or one day of a series, which becomes an exception. m.mu is held.
func (m *Mailbox) edit(f *folder, v view, change func(*Event) error) (view, error) {
	ev := *v.ev
	ev.Start, ev.End = v.start, v.end
	ev.Categories = slices.Clone(ev.Categories)
	if v.kind == "Occurrence" || v.kind == "Exception" {
		ev.Recurrence = nil
	}
	if err := change(&ev); err != nil {
		return view{}, err
	}
	ev.UID = or(ev.UID, v.ev.UID)
	next := *v.it
	if v.kind == "Occurrence" || v.kind == "Exception" {
		if ev.Recurrence != nil {
			return view{}, &innerError{"ErrorInvalidPropertySet", "Set action is invalid for property.", []value{{"FieldURI", "calendar:Recurrence"}}}
		}
		if err := ev.settle(m.p.Address); err != nil {
			return view{}, err
		}
		if err := v.it.fits(v.day, &ev); err != nil {
			return view{}, err
		}
		next.exceptions = maps.Clone(next.exceptions)
		if next.exceptions == nil {
			next.exceptions = map[int]*exception{}
		}
		m.replace(f, &next, true)
		next.exceptions[v.day] = &exception{ev: &ev, change: next.change, modified: next.modified}
		return next.occurrence(m, v.day), nil
	}
	if err := ev.settle(m.p.Address); err != nil {
		return view{}, err
	}
	old := v.it.ev
	next.ev = &ev
	if ev.Recurrence == nil || old.Recurrence == nil || !sameDays(old, &ev) {
		next.exceptions, next.deleted = nil, nil // another pattern is another series
	} else if next.exceptions != nil {
		next.exceptions = map[int]*exception{}
		for day, x := range v.it.exceptions {
			inherited := *x
			inherited.ev = inherit(x.ev, old, &ev)
			next.exceptions[day] = &inherited
		}
	}
	m.replace(f, &next, !old.Start.Equal(ev.Start) || !old.End.Equal(ev.End) || old.ShowAs != ev.ShowAs || old.Recurrence != ev.Recurrence)
	return next.whole(m), nil
}

// sameDays tells whether two masters have the same occurrences, so that exceptions stay.
func sameDays(a, b *Event) bool {
	r, q := *a.Recurrence, *b.Recurrence
	if r.EndDate != (Date{}) && q.EndDate != (Date{}) {
		q.EndDate = r.EndDate // a longer or shorter one is the same series
	}
	return a.Start.Equal(b.Start) && a.End.Equal(b.End) && strings.EqualFold(a.Zone, b.Zone) && slices.Equal(r.Days, q.Days) &&
		r.Pattern == q.Pattern && max(r.Interval, 1) == max(q.Interval, 1) && r.FirstDay == q.FirstDay && r.DayOfMonth == q.DayOfMonth &&
		r.Index == q.Index && r.Month == q.Month && r.StartDate == q.StartDate
}

// inherit returns an exception in which all that it had from the master is as the master has it now.
func inherit(x, old, now *Event) *Event {
	e := *x
	follow := func(mine *string, was, is string) {
		if *mine == was {
			*mine = is
		}
	}
	follow(&e.Subject, old.Subject, now.Subject)
	follow(&e.Location, old.Location, now.Location)
	follow(&e.Body, old.Body, now.Body)
	follow(&e.ShowAs, old.ShowAs, now.ShowAs)
	follow(&e.Sensitivity, old.Sensitivity, now.Sensitivity)
	follow(&e.Response, old.Response, now.Response)
	if slices.Equal(e.Categories, old.Categories) {
		e.Categories = now.Categories
	}
	if e.Reminder == old.Reminder && e.NoReminder == old.NoReminder {
		e.Reminder, e.NoReminder = now.Reminder, now.NoReminder
	}
	if e.Cancelled == old.Cancelled {
		e.Cancelled = now.Cancelled
	}
	return &e
}

// fits refuses an occurrence that would pass or touch the day of a neighbour.
func (it *item) fits(day int, ev *Event) error {
	loc, _ := zone(it.ev.Zone)
	first, last := int(wall(ev.Start, loc)/86400), int(wall(ev.End.Add(-time.Second), loc)/86400)
	before, after := -1, -1
	for n := range it.ev.Recurrence.days() {
		if it.deleted[n] || n == day {
			continue
		}
		at := it.occurrence(nil, n)
		if n < day {
			before = int(wall(at.start, loc) / 86400)
			continue
		}
		after = int(wall(at.start, loc) / 86400)
		break
	}
	if before >= 0 && first <= before || after >= 0 && max(first, last) >= after {
		return inner("ErrorOccurrenceCrossingBoundary", "Modified occurrence is crossing or overlapping adjacent occurrence.")
	}
	return nil
}

// deleteOccurrence takes a day out of a series; the last day takes the series with it. m.mu is held.
func (m *Mailbox) deleteOccurrence(f *folder, v view) {
	next := *v.it
	next.deleted = maps.Clone(next.deleted)
	if next.deleted == nil {
		next.deleted = map[int]bool{}
	}
	next.deleted[v.day] = true
	left := false
	for day := range next.ev.Recurrence.days() {
		if left = !next.deleted[day]; left {
			break
		}
	}
	if !left {
		m.remove(f, v.it, true)
		return
	}
	if next.exceptions[v.day] != nil {
		next.exceptions = maps.Clone(next.exceptions)
		delete(next.exceptions, v.day)
	}
	m.replace(f, &next, true)
}

// Put adds an event to the calendar, as if it had been entered or an invitation had come, and returns its ItemId.
func (m *Mailbox) Put(e Event) (string, error) {
	if err := e.settle(m.p.Address); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.itemID(m.add(calendarFolder, &e).number), nil
}

// PutMail adds a message to the inbox, unread, and returns its ItemId.
func (m *Mailbox) PutMail(subject string) (string, error) {
	e := Event{Subject: subject, Start: m.s.now(), End: m.s.now(), ShowAs: "Free"}
	if err := e.settle(m.p.Address); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it := *m.add(inboxFolder, &e)
	it.message = true
	f := m.folder(inboxFolder)
	f.items[len(f.items)-1] = &it
	return m.itemID(it.number), nil
}

// SetRead marks a message as read or unread.
func (m *Mailbox) SetRead(itemID string, read bool) error {
	return m.with(itemID, func(f *folder, v view) error {
		if !v.it.message {
			return inner("ErrorInvalidPropertyRequest", "Only messages are read or unread.")
		}
		next := *v.it
		next.read, next.change = read, m.next()
		if i, ok := f.find(next.number); ok {
			f.items[i] = &next
		}
		m.changed(f, event{kind: "ModifiedEvent", item: next.number, change: next.change}, true, false)
		return nil
	})
}

// with finds what an ItemId names in this mailbox.
func (m *Mailbox) with(itemID string, fn func(*folder, view) error) error {
	i, err := parseID(itemID)
	if err != nil {
		return err
	}
	if i.mailbox != m.number {
		return errItemNotFound
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f, v, err := m.lookup(i)
	if err != nil {
		return err
	}
	return fn(f, v)
}

// Change edits an item, a whole series or, by the ItemId of an occurrence, one day of it. Start and End of a series
// are those of its first occurrence; with others, or with another pattern, its exceptions are gone.
func (m *Mailbox) Change(itemID string, edit func(*Event)) error {
	return m.with(itemID, func(f *folder, v view) error {
		_, err := m.edit(f, v, func(e *Event) error { edit(e); return nil })
		return err
	})
}

// Occurrence returns the ItemId of the occurrence of a series that was to start then.
func (m *Mailbox) Occurrence(seriesID string, original time.Time) (string, error) {
	var found string
	err := m.with(seriesID, func(_ *folder, v view) error {
		if v.kind != "RecurringMaster" {
			return inner("ErrorCalendarCannotUseIdForOccurrenceId", "The item is not a series.")
		}
		loc, _ := zone(v.ev.Zone)
		day := int(wall(original, loc) / 86400)
		if !v.it.has(day) || !v.it.occurrence(m, day).original.Equal(original) {
			return errItemNotFound
		}
		found = v.it.occurrence(m, day).id()
		return nil
	})
	return found, err
}

// Delete removes an item, a series or an occurrence for good. A DeletedEvent or, with an occurrence, a ModifiedEvent of
// the series tells of it.
func (m *Mailbox) Delete(itemID string) error {
	return m.with(itemID, func(f *folder, v view) error {
		if v.kind == "Occurrence" || v.kind == "Exception" {
			m.deleteOccurrence(f, v)
		} else {
			m.remove(f, v.it, true)
		}
		return nil
	})
}

// Trash moves an item or a series to Deleted Items, and returns its new ItemId. A MovedEvent tells of it.
func (m *Mailbox) Trash(itemID string) (string, error) {
	var moved string
	err := m.with(itemID, func(f *folder, v view) error {
		if v.kind == "Occurrence" || v.kind == "Exception" {
			return inner("ErrorMoveCopyFailed", "The move or copy operation failed.")
		}
		moved = m.itemID(m.move(f, v.it, deletedFolder).number)
		return nil
	})
	return moved, err
}

// Cancel marks a meeting or an occurrence as called off by its organizer; it stays in the calendar until the owner
// removes it.
func (m *Mailbox) Cancel(itemID string) error {
	return m.Change(itemID, func(e *Event) {
		e.Meeting, e.Cancelled, e.ShowAs = true, true, "Free"
		if !strings.HasPrefix(e.Subject, "Canceled: ") {
			e.Subject = "Canceled: " + e.Subject
		}
	})
}

// View returns the truth: what is in the calendar between two instants, by start. What only touches them is not in it.
func (m *Mailbox) View(from, to time.Time) []Occurrence {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Occurrence
	for _, v := range m.folder(calendarFolder).between(m, from, to) {
		e := *v.ev
		e.Start, e.End, e.Recurrence = v.start, v.end, nil
		all = append(all, Occurrence{ItemID: v.id(), UID: v.ev.UID, RecurrenceID: v.original, Type: v.kind, Event: e})
	}
	return all
}

// Address returns the primary SMTP address.
func (m *Mailbox) Address() string { return m.p.Address }

// Grant lets somebody, by address, do something with the calendar. Zero takes the right away.
func (m *Mailbox) Grant(address string, right Right) {
	m.grantMu.Lock()
	defer m.grantMu.Unlock()
	if m.grants == nil {
		m.grants = map[string]Right{}
	}
	m.grants[strings.ToLower(address)] = right
}

// Server returns the name of the server that holds the mailbox.
func (m *Mailbox) Server() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.server
}
