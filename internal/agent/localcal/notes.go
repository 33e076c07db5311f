package localcal

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
	"github.com/doorlight/doorlight/internal/calendar"
)

// Notes is the Notes client for Windows, 9.0.1 and later: the calendar in the mail file of the person who is signed in.
//
// It is reached by its OLE class, Notes.NotesSession, which lives in the running client and shares its sign-in. The other way, the COM class
// Lotus.NotesSession, is not taken: it loads Notes into our own process, which has to have as many bits as Notes, it opens the person's ID file
// once more, and it asks for the password of that.
type Notes struct{}

// Name returns "Notes".
func (Notes) Name() string { return "Notes" }

const notesClass = "Notes.NotesSession"

// notesFiles are the processes of the client; notes.exe only starts them.
var notesFiles = []string{"nlnotes.exe", "notes2.exe"}

func (Notes) open(r *reader) (source, error) {
	if !r.model.Installed(notesClass) {
		return nil, com.ErrNotInstalled
	}
	runs := false
	for _, file := range notesFiles {
		runs = runs || r.model.Runs(file)
	}
	if !runs { // Notes registers no running object to ask for: making one starts it, if it does not run
		return nil, com.ErrNotRunning
	}
	v, err := r.ask(func() (any, error) { return r.model.Create(notesClass) })
	session, err := as[com.Object](v, notesClass, err)
	if err != nil {
		return nil, err
	}
	mail, err := r.made(session, "GetDatabase", "", "")
	if err != nil {
		return nil, err
	}
	if _, err := r.call(mail, "OpenMail"); err != nil {
		return nil, err
	}
	if open, err := r.flag(mail, "IsOpen"); err != nil {
		return nil, err
	} else if !open {
		return nil, because(ErrClosed, "Notes does not open the mail file; is somebody signed in?")
	}
	return &notesMail{r, session, mail}, nil
}

type notesMail struct {
	*reader
	session, mail com.Object
}

// stamp returns when something in the mail file was last changed. Mail that arrives changes it too.
func (m *notesMail) stamp() (string, error) {
	changed, err := m.clock(m.mail, "LastModified")
	if err != nil {
		return "", err
	}
	return changed.Format(time.RFC3339Nano), nil
}

// notesMask is what ReadRange tells of each entry beside its UID: DTSTART, DTEND, SUMMARY, CLASS, RECURRENCE-ID, TRANSP, CATEGORIES, X-LOTUS-APPTTYPE,
// X-LOTUS-NOTICETYPE and STATUS (READ_RANGE_MASK_ in calapi.h). Places and organizers have bits of their own, and attendees, texts and
// alarms are not told unless asked for.
const notesMask = 0x1 | 0x2 | 0x8 | 0x10 | 0x40 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x2000

const (
	notesPage = 500             // entries that are asked for at a time
	notesBack = 31              // days before the window: a range has what begins in it, and not what reaches into it
	oneDay    = 24 * time.Hour  // as a length
	mostNotes = 20 * 1000 * 100 // characters of one answer
)

// read asks for the entries of a range as iCalendar. Each occurrence of a series comes as an event of its own, with a recurrence ID (Domino
// Designer, NotesCalendar.ReadRange).
func (m *notesMail) read(w Window) (all []Appointment, problems []string, err error) {
	cal, err := m.made(m.session, "GetCalendar", m.mail)
	if errors.Is(err, com.ErrNoMember) {
		return nil, nil, because(err, "this version of Notes has no way for programs to read its calendar; it takes Notes 9.0.1 or later")
	}
	if err != nil {
		return nil, nil, err
	}
	defer cal.Release()
	if err := m.set(cal, "ReadRangeMask1", notesMask); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	start, err := m.day(-int(math.Ceil(now.Sub(w.From).Hours()/24)) - notesBack - 1)
	if err != nil {
		return nil, nil, err
	}
	defer start.Release()
	end, err := m.day(int(math.Ceil(w.Until.Sub(now).Hours()/24)) + 1)
	if err != nil {
		return nil, nil, err
	}
	defer end.Release()
	missing := 0
	for skip := int64(0); ; {
		if skip >= mostEntries {
			problems = append(problems, fmt.Sprintf("there are more than %d entries; those after them were not looked at", mostEntries))
			break
		}
		v, err := m.call(cal, "ReadRange", start, end, skip, notesPage)
		text, err := as[string](v, "ReadRange", err)
		if err != nil {
			if fatal(err) {
				return nil, nil, err
			}
			if more, errMore := m.more(cal, start, end, skip); errMore != nil || more {
				return nil, nil, errors.Join(err, errMore)
			}
			break // a range without entries is an error to ReadRange
		}
		if len(text) > mostNotes {
			return nil, nil, errors.New("its answer is too long")
		}
		some, bad := notesAppointments(text, w)
		all, missing = append(all, some...), missing+bad
		read, err := m.number(cal, "EntriesProcessed")
		if err != nil {
			return nil, nil, err
		}
		if read < notesPage {
			break
		}
		skip += read
	}
	if missing > 0 {
		problems = append(problems, unread(missing))
	}
	all, cut := tidy(all, w.Home)
	if cut {
		problems = append(problems, tooMany(len(all)))
	}
	return all, problems, nil
}

// day makes a date-time of so many days from now. It is calculated by Notes: as a text it would depend on the settings and on the language.
func (m *notesMail) day(ahead int) (com.Object, error) {
	t, err := m.made(m.session, "CreateDateTime", "")
	if err != nil {
		return nil, err
	}
	if _, err = m.call(t, "SetNow"); err == nil {
		_, err = m.call(t, "AdjustDay", ahead)
	}
	if err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

// more reports whether a range has more entries than so many.
func (m *notesMail) more(cal, start, end com.Object, skip int64) (bool, error) {
	v, err := m.call(cal, "GetEntries", start, end, skip, 1)
	if v == nil && err == nil {
		return false, nil
	}
	list, err := as[[]any](v, "GetEntries", err)
	for _, e := range list {
		if o, ok := e.(com.Object); ok {
			o.Release()
		}
	}
	return len(list) > 0, err
}

// Kinds of entries of Notes, and notices that are shown in the calendar before they are dealt with (Notes/Domino Calendaring and Scheduling
// Schema, AppointmentType and NoticeType).
const (
	notesAnniversary = "1"
	notesAllDay      = "2"
	notesReminder    = "4"

	notesCancellation = "C"
	notesRefusal      = "R"
)

// notesAppointments reads the events of an answer one by one, because package calendar does not know the properties of Notes. bad is how many
// could not be read.
func notesAppointments(text string, w Window) (all []Appointment, bad int) {
	zones, events := splitEvents(text)
	for _, event := range events {
		c, err := calendar.Parse(strings.NewReader("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"+zones+event+"END:VCALENDAR\r\n"), calendar.Limits{})
		if err != nil {
			bad++
			continue
		}
		// a day more on either side, as a whole day may be found out to be one only here
		some, _, err := c.Expand(w.From.Add(-oneDay), w.Until.Add(oneDay), w.Home, calendar.Limits{MaxAppointments: mostAppointments})
		if err != nil || len(c.Problems()) > 0 && len(some) == 0 {
			bad++
			continue
		}
		kind, notice := property(event, "X-LOTUS-APPTTYPE"), property(event, "X-LOTUS-NOTICETYPE")
		if notice == notesCancellation || notice == notesRefusal {
			continue
		}
		for _, one := range some {
			if a := notesAppointment(&one, kind, notice, w.Home); a.in(w) {
				all = append(all, a)
			}
		}
	}
	return all, bad
}

func notesAppointment(from *calendar.Appointment, kind, notice string, home *time.Location) Appointment {
	a := Appointment{ID: digest("notes", from.ID), ShowAs: from.ShowAs.String(), Private: from.Private, Categories: categories(from.Categories)}
	switch {
	case kind == notesAnniversary || kind == notesReminder:
		a.ShowAs = calendar.Free.String()
	case notice != "" && from.ShowAs == calendar.Busy:
		a.ShowAs = calendar.Tentative.String()
	}
	if notice != "" { // the meeting that it is about may be there as well
		a.ID = digest("notes", from.ID, "notice")
	}
	if !a.Private {
		a.Subject = line(from.Subject, longestSubject)
	}
	switch long := from.End.Sub(from.Start); {
	case from.AllDay:
		a.StartDate, a.EndDate = from.StartDate.String(), from.EndDate.String()
	case (kind == notesAllDay || kind == notesAnniversary) && long%oneDay == 16*time.Hour: // Notes keeps whole days as 4:00 to 20:00 on the clock of the owner
		a.StartDate, a.EndDate = from.Start.In(home).Format(time.DateOnly), from.End.In(home).AddDate(0, 0, 1).Format(time.DateOnly)
	default:
		start, end := from.Start, from.End
		a.Start, a.End = &start, &end
	}
	return a
}

// splitEvents takes iCalendar apart: into its time zones and its events, each with the line ends that it had.
func splitEvents(text string) (zones string, events []string) {
	var part strings.Builder
	inside := ""
	var all strings.Builder
	for l := range strings.Lines(text) {
		word := strings.ToUpper(strings.TrimSpace(l))
		if inside == "" && (word == "BEGIN:VEVENT" || word == "BEGIN:VTIMEZONE") {
			inside = strings.TrimPrefix(word, "BEGIN:")
		}
		if inside == "" {
			continue
		}
		part.WriteString(strings.TrimRight(l, "\r\n") + "\r\n")
		if word == "END:"+inside {
			if inside == "VEVENT" {
				events = append(events, part.String())
			} else {
				all.WriteString(part.String())
			}
			part.Reset()
			inside = ""
		}
	}
	return all.String(), events
}

// property returns the value of a property of Notes, which is a single letter or digit; "" if the event has none.
func property(event, name string) string {
	for l := range strings.Lines(event) {
		if len(l) <= len(name) || !strings.EqualFold(l[:len(name)], name) || l[len(name)] != ':' && l[len(name)] != ';' {
			continue
		}
		_, value, _ := strings.Cut(l, ":")
		return strings.ToUpper(strings.Trim(strings.TrimSpace(value), `"`))
	}
	return ""
}
