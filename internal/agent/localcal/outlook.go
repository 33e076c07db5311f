package localcal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

// Outlook is the classic Outlook for Windows, 2010 and later: the default calendar of the profile that it runs with.
type Outlook struct{}

// Name returns "Outlook".
func (Outlook) Name() string { return "Outlook" }

// What is read, and how it is numbered, is in Microsoft's reference of Outlook's object model: AppointmentItem and the enumerations named here.
const (
	outlookClass   = "Outlook.Application"
	outlookFile    = "outlook.exe"
	newOutlookFile = "olk.exe"

	folderCalendar   = 9  // OlDefaultFolders.olFolderCalendar
	classAppointment = 26 // OlObjectClass.olAppointment

	sensitivityNormal = 0 // OlSensitivity; personal, private and confidential are private here

	meetingCanceled         = 5 // OlMeetingStatus.olMeetingCanceled
	meetingReceivedCanceled = 7 // OlMeetingStatus.olMeetingReceivedAndCanceled
	responseDeclined        = 4 // OlResponseStatus.olResponseDeclined

	recurrenceOccurrence = 2 // OlRecurrenceState.olApptOccurrence
	recurrenceException  = 3 // OlRecurrenceState.olApptException
)

// outlookShows are the words for OlBusyStatus. A number that is not among them claims nothing.
var outlookShows = map[int64]string{0: "free", 1: "tentative", 2: "busy", 3: "out_of_office", 4: "working_elsewhere"}

// mostEntries is how many entries are looked at in one reading. Outlook gives occurrences one by one and does not know how many there are.
const mostEntries = 10_000

var errNewOutlook = because(ErrAbsent, "the new Outlook has no way for programs to read its calendar; "+
	"connect the account by Microsoft 365 instead, or go back to the classic Outlook")

func (Outlook) open(r *reader) (source, error) {
	v, err := r.ask(func() (any, error) { return r.model.Active(outlookClass) })
	switch {
	case err == nil:
	case errors.Is(err, com.ErrNotInstalled) && r.model.Runs(newOutlookFile):
		return nil, errNewOutlook
	case !errors.Is(err, com.ErrNotRunning):
		return nil, err
	case r.model.Runs(outlookFile):
		return nil, because(ErrClosed, "Outlook runs, but cannot be reached: it is still starting, or one of Outlook and Doorlight runs as administrator and the other does not")
	case r.model.Runs(newOutlookFile):
		return nil, errNewOutlook
	default:
		return nil, err
	}
	app, err := as[com.Object](v, outlookClass, nil)
	if err != nil {
		return nil, err
	}
	session, err := r.made(app, "GetNamespace", "MAPI")
	if err != nil {
		return nil, err
	}
	folder, err := r.made(session, "GetDefaultFolder", folderCalendar)
	if err != nil {
		return nil, err
	}
	return &outlookFolder{r, folder}, nil
}

type outlookFolder struct {
	*reader
	folder com.Object
}

// stamp returns how many entries there are and when one of them was last changed. A series is one entry, and changes with its occurrences.
func (f *outlookFolder) stamp() (string, error) {
	items, err := f.object(f.folder, "Items") // another collection at each time, so that sorting it does not matter to anything
	if err != nil {
		return "", err
	}
	defer items.Release()
	count, err := f.number(items, "Count")
	if err != nil || count == 0 {
		return "0", err
	}
	if _, err := f.call(items, "Sort", "[LastModificationTime]", true); err != nil {
		return "", err
	}
	v, err := f.call(items, "GetFirst")
	if err != nil {
		return "", err
	}
	newest, ok := v.(com.Object)
	if !ok {
		return "", errors.New("GetFirst gives nothing of a calendar with entries")
	}
	defer newest.Release()
	changed, err := f.clock(newest, "LastModificationTime")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s", count, changed.Format(time.RFC3339Nano)), nil
}

// read follows the order that Microsoft's reference of Items.IncludeRecurrences asks for: sort by start, include recurrences, restrict. The number of
// what is found is meaningless then.
//
// Dates in a restriction are text, which Outlook reads by the regional settings of Windows, whatever the language of the condition (Microsoft,
// "Filtering Items Using a Date-time Comparison"), and to the minute. So it is Windows that writes them. Times of such a condition are local; a
// day more on either side makes up for time zones, and what is not wanted is left out here.
func (f *outlookFolder) read(w Window) (all []Appointment, problems []string, err error) {
	items, err := f.object(f.folder, "Items")
	if err != nil {
		return nil, nil, err
	}
	defer items.Release()
	if _, err := f.call(items, "Sort", "[Start]"); err != nil {
		return nil, nil, err
	}
	if err := f.set(items, "IncludeRecurrences", true); err != nil {
		return nil, nil, err
	}
	condition, err := f.condition(w)
	if err != nil {
		return nil, nil, err
	}
	found, err := f.made(items, "Restrict", condition)
	if err != nil {
		return nil, nil, err
	}
	defer found.Release()
	series := &outlookSeries{reader: f.reader, moved: map[string]map[string]string{}}
	missing, next := 0, "GetFirst"
	for n := 0; ; n, next = n+1, "GetNext" {
		v, err := f.call(found, next)
		if err != nil {
			return nil, nil, err
		}
		item, ok := v.(com.Object)
		if !ok {
			break
		}
		if n == mostEntries {
			item.Release()
			problems = append(problems, fmt.Sprintf("there are more than %d entries; those after them were not looked at", mostEntries))
			break
		}
		a, err := f.appointment(item, series, w.Home)
		item.Release()
		switch {
		case err != nil && fatal(err):
			return nil, nil, err
		case err != nil:
			missing++
			continue
		case a == nil:
			continue
		}
		from, until := a.span(w.Home)
		if far := 3 * 24 * time.Hour; from.Sub(w.Until) > far || w.From.Sub(until) > far {
			return nil, nil, errors.New("it does not understand dates as the regional settings of Windows write them")
		}
		if a.in(w) {
			all = append(all, *a)
		}
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

func (f *outlookFolder) condition(w Window) (string, error) {
	text := func(t time.Time, more int) (string, error) {
		t = t.In(w.Home).AddDate(0, 0, more)
		return f.model.DateText(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC))
	}
	from, err := text(w.From, -1)
	if err != nil {
		return "", err
	}
	until, err := text(w.Until, 1)
	if err != nil {
		return "", err
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return "[Start] < " + quote(until) + " AND [End] > " + quote(from), nil
}

// appointment reads one entry; nil if it is none that its owner attends. Whether it is private is asked before anything else that could tell.
func (f *outlookFolder) appointment(item com.Object, series *outlookSeries, home *time.Location) (*Appointment, error) {
	class, err := f.number(item, "Class")
	if err != nil || class != classAppointment { // requests and answers may lie in the folder too
		return nil, err
	}
	sensitivity, err := f.number(item, "Sensitivity")
	if err != nil {
		return nil, err
	}
	meeting, err := f.number(item, "MeetingStatus")
	if err != nil || meeting == meetingCanceled || meeting == meetingReceivedCanceled {
		return nil, err
	}
	response, err := f.number(item, "ResponseStatus")
	if err != nil || response == responseDeclined {
		return nil, err
	}
	a := &Appointment{Private: sensitivity != sensitivityNormal}
	busy, err := f.number(item, "BusyStatus")
	if err != nil {
		return nil, err
	}
	shows, ok := outlookShows[busy]
	if !ok {
		return nil, nil
	}
	a.ShowAs = shows
	day, err := f.when(item, a, home)
	if err != nil {
		return nil, err
	}
	if a.ID, err = series.id(item, day); err != nil {
		return nil, err
	}
	names, err := f.text(item, "Categories")
	if err != nil {
		return nil, err
	}
	// Outlook writes the separator of the regional settings between them, which is one of these, and allows neither in a name.
	a.Categories = categories(strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ';' }))
	reminds, err := f.flag(item, "ReminderSet")
	if err != nil {
		return nil, err
	}
	if reminds {
		minutes, err := f.number(item, "ReminderMinutesBeforeStart")
		if err != nil {
			return nil, err
		}
		a.ReminderMinutes = int(min(max(minutes, 0), longestReminder))
	}
	if !a.Private {
		subject, err := f.text(item, "Subject")
		if err != nil {
			return nil, err
		}
		a.Subject = line(subject, longestSubject)
	}
	return a, nil
}

// when reads the time of an entry, and returns the day on which it begins where it was made.
//
// An entry of whole days is from midnight to midnight in the zone that it was made in, and in no other. So its days are asked for there.
func (f *outlookFolder) when(item com.Object, a *Appointment, home *time.Location) (day string, err error) {
	whole, err := f.flag(item, "AllDayEvent")
	if err != nil {
		return "", err
	}
	there, err := f.clock(item, "StartInStartTimeZone")
	if err != nil {
		return "", err
	}
	if whole {
		end, err := f.clock(item, "EndInEndTimeZone")
		if err != nil {
			return "", err
		}
		first, behind := there.Truncate(24*time.Hour), end.Add(24*time.Hour-1).Truncate(24*time.Hour)
		if !behind.After(first) {
			behind = first.AddDate(0, 0, 1)
		}
		if behind.Sub(first) > longestLasting {
			return "", errors.New("it lasts longer than ten years")
		}
		a.StartDate, a.EndDate = first.Format(time.DateOnly), behind.Format(time.DateOnly)
		return a.StartDate, nil
	}
	start, err := f.clock(item, "StartUTC")
	if err != nil {
		return "", err
	}
	end, err := f.clock(item, "EndUTC")
	if err != nil {
		return "", err
	}
	if end.Before(start) || end.Sub(start) > longestLasting {
		return "", errors.New("it ends before it starts, or lasts longer than ten years")
	}
	a.Start, a.End = &start, &end
	return there.Format(time.DateOnly), nil
}

// outlookSeries tells occurrences of series apart. A series has at most one on each day, so one is known by its series and the day on which the
// series puts it, wherever it was moved to.
type outlookSeries struct {
	*reader
	moved map[string]map[string]string // by series, and then by what is read of an occurrence that differs: the day on which it was to be
}

// id returns the ID of an entry. GlobalAppointmentID is a global object ID in hexadecimal, which has that day in it for an occurrence that differs
// from its series ([MS-OXOCAL] 2.2.1.27). It may as well have it for none, so without the day it names the series.
func (s *outlookSeries) id(item com.Object, day string) (string, error) {
	state, err := s.number(item, "RecurrenceState")
	if err != nil {
		return "", err
	}
	global, err := s.text(item, "GlobalAppointmentID")
	if err != nil {
		return "", err
	}
	if global == "" { // of an entry that was never saved by this version of Outlook
		if global, err = s.text(item, "EntryID"); err != nil {
			return "", err
		}
		if global == "" {
			return "", errors.New("it has no ID")
		}
	}
	clean, original := splitGlobalID(global)
	switch {
	case state != recurrenceOccurrence && state != recurrenceException:
		if original != "" { // an invitation to one occurrence of a series that is not there
			return digest("outlook", clean, original), nil
		}
		return digest("outlook", clean), nil
	case original != "":
		return digest("outlook", clean, original), nil
	case state == recurrenceException:
		if original, err = s.originally(item, clean); err != nil {
			return "", err
		}
		if original != "" {
			day = original
		}
	}
	return digest("outlook", clean, day), nil
}

// originally asks the series on which day an occurrence was to be that differs from it; "" if it does not say.
func (s *outlookSeries) originally(item com.Object, clean string) (string, error) {
	starts, err := s.clock(item, "StartUTC")
	if err != nil {
		return "", err
	}
	key := starts.Format(time.RFC3339)
	if known, ok := s.moved[clean]; ok {
		return known[key], nil
	}
	all, err := s.exceptions(item)
	if err != nil {
		return "", err
	}
	s.moved[clean] = all
	return all[key], nil
}

const mostExceptions = 1000

// exceptions reads on which days the occurrences were to be that differ from their series, by when they start.
func (s *outlookSeries) exceptions(item com.Object) (map[string]string, error) {
	pattern, err := s.made(item, "GetRecurrencePattern")
	if err != nil {
		return nil, err
	}
	defer pattern.Release()
	list, err := s.object(pattern, "Exceptions")
	if err != nil {
		return nil, err
	}
	defer list.Release()
	count, err := s.number(list, "Count")
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for i := range min(count, mostExceptions) {
		starts, day, err := s.exception(list, i+1)
		if err != nil && fatal(err) {
			return nil, err
		}
		if err == nil && day != "" {
			all[starts] = day
		}
	}
	return all, nil
}

func (s *outlookSeries) exception(list com.Object, i int64) (starts, day string, err error) {
	one, err := s.made(list, "Item", i)
	if err != nil {
		return "", "", err
	}
	defer one.Release()
	deleted, err := s.flag(one, "Deleted")
	if err != nil || deleted { // it has no item then
		return "", "", err
	}
	was, err := s.clock(one, "OriginalDate")
	if err != nil {
		return "", "", err
	}
	item, err := s.object(one, "AppointmentItem")
	if err != nil {
		return "", "", err
	}
	defer item.Release()
	at, err := s.clock(item, "StartUTC")
	return at.Format(time.RFC3339), was.Format(time.DateOnly), err
}

// splitGlobalID returns a global object ID without the day of an occurrence, and that day; "" if it has none. What is no such ID is returned as it is.
func splitGlobalID(global string) (clean, day string) {
	b, err := hex.DecodeString(global)
	if err != nil || len(b) < 20 || !strings.EqualFold(global[:32], "040000008200E00074C5B7101A82E008") {
		return global, ""
	}
	if year := int(b[16])<<8 | int(b[17]); year != 0 {
		at := time.Date(year, time.Month(b[18]), int(b[19]), 0, 0, 0, 0, time.UTC)
		if at.Year() == year && int(at.Month()) == int(b[18]) && at.Day() == int(b[19]) {
			day = at.Format(time.DateOnly)
		}
	}
	copy(b[16:20], []byte{0, 0, 0, 0})
	return strings.ToUpper(hex.EncodeToString(b)), day
}
