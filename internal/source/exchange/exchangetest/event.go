package exchangetest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is an item of a calendar: a single appointment or meeting, or the master of a series. Words are those of the
// schema of EWS (types.xsd).
type Event struct {
	UID      string // empty: made up
	Subject  string
	Location string
	Body     string // plain text

	// Start and End are the item's own, or those of the first occurrence of a series, which moves to the first day that
	// the pattern has. With AllDay they are cut to midnights of Zone.
	Start, End time.Time
	Zone       string // Windows name of StartTimeZone, in which a series is expanded; empty: UTC
	EndZone    string // of EndTimeZone; empty: as Zone
	AllDay     bool

	ShowAs      string // LegacyFreeBusyStatus; empty: Busy
	Sensitivity string // empty: Normal
	Importance  string // empty: Normal
	Cancelled   bool
	Meeting     bool
	Response    string // MyResponseType; empty: Organizer with Meeting, else Unknown
	Organizer   string // address; empty: of the mailbox
	Required    []string
	Optional    []string
	Categories  []string

	NoReminder bool
	Reminder   time.Duration // before the start, in whole minutes

	Recurrence *Recurrence // nil: a single item
}

// Date is a day of the calendar. The zero value is none.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

func parseDate(s string) (Date, bool) {
	if len(s) > 10 { // xs:date may have a zone, which means nothing here
		s = s[:10]
	}
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return Date{}, false
	}
	return Date{t.Year(), t.Month(), t.Day()}, true
}

// Pattern is a kind of recurrence, named as its element in EWS without "Recurrence".
type Pattern string

// The patterns of calendar items. Those that begin anew when a task is done are for tasks only.
const (
	Daily           Pattern = "Daily"
	Weekly          Pattern = "Weekly"
	AbsoluteMonthly Pattern = "AbsoluteMonthly"
	RelativeMonthly Pattern = "RelativeMonthly"
	AbsoluteYearly  Pattern = "AbsoluteYearly"
	RelativeYearly  Pattern = "RelativeYearly"
)

// Recurrence says on which days a series takes place (types.xsd, RecurrenceType).
type Recurrence struct {
	Pattern    Pattern
	Interval   int          // days, weeks or months; zero: 1. Years have none
	Days       []string     // Weekly: names of days. Relative ones: one of them, or Day, Weekday, WeekendDay
	FirstDay   time.Weekday // of a week; counts if Interval of Weekly is more than 1
	DayOfMonth int          // 1 to 31; the last day in months that are shorter
	Index      string       // First, Second, Third, Fourth, Last
	Month      time.Month   // of the yearly ones

	StartDate Date // the first day that counts; zero: that of the event's start
	EndDate   Date // the last day that counts; zero: none
	Count     int  // of occurrences, the deleted ones counted; zero: EndDate decides
}

// Occurrence is what is in a calendar at a time: a single item, or one day of a series.
type Occurrence struct {
	ItemID       string
	UID          string
	RecurrenceID time.Time // when it was to start by the series; zero with single items
	Type         string    // Single, Occurrence, Exception
	Event        Event     // Start and End are those of the occurrence; no Recurrence
}

// The words that EWS allows (types.xsd).
var (
	showAsWords      = []string{"Free", "Tentative", "Busy", "OOF", "WorkingElsewhere", "NoData"}
	sensitivityWords = []string{"Normal", "Personal", "Private", "Confidential"}
	importanceWords  = []string{"Low", "Normal", "High"}
	responseWords    = []string{"Unknown", "Organizer", "Tentative", "Accept", "Decline", "NoResponseReceived"}
	dayNames         = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	indexNames       = []string{"First", "Second", "Third", "Fourth", "Last"}
)

// settle fills in what is left to the server, and refuses what Exchange would refuse, in its words.
func (e *Event) settle(owner string) error {
	if e.Zone == "" {
		e.Zone = "UTC"
	}
	if e.EndZone == "" {
		e.EndZone = e.Zone
	}
	loc, ok := zone(e.Zone)
	if _, okEnd := zone(e.EndZone); !ok || !okEnd {
		return inner("ErrorTimeZone", "The time zone isn't valid.")
	}
	e.ShowAs = or(e.ShowAs, "Busy")
	e.Sensitivity = or(e.Sensitivity, "Normal")
	e.Importance = or(e.Importance, "Normal")
	e.Organizer = or(e.Organizer, owner)
	if len(e.Required)+len(e.Optional) > 0 {
		e.Meeting = true
	}
	if e.Response == "" {
		e.Response = "Unknown"
		if e.Meeting {
			e.Response = "Organizer"
		}
	}
	if !slices.Contains(showAsWords, e.ShowAs) || !slices.Contains(sensitivityWords, e.Sensitivity) ||
		!slices.Contains(importanceWords, e.Importance) || !slices.Contains(responseWords, e.Response) {
		return inner("ErrorInvalidPropertySet", "The property can not be set.")
	}
	e.Start, e.End = e.Start.UTC().Truncate(time.Second), e.End.UTC().Truncate(time.Second)
	if e.AllDay {
		e.Start = midnight(e.Start, loc)
		if end := midnight(e.End, loc); end.Before(e.End) || !end.After(e.Start) {
			e.End = nextMidnight(end, loc)
		} else {
			e.End = end
		}
	}
	if e.End.Before(e.Start) {
		return inner("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.")
	}
	if e.End.Sub(e.Start) > 5*365*24*time.Hour {
		return inner("ErrorCalendarDurationIsTooLong", "The duration of the calendar item is too long.")
	}
	if e.Recurrence == nil {
		return nil
	}
	r := *e.Recurrence
	e.Recurrence = &r
	if r.StartDate == (Date{}) {
		local := e.Start.In(loc)
		r.StartDate = Date{local.Year(), local.Month(), local.Day()}
		e.Recurrence.StartDate = r.StartDate
	}
	if err := r.check(); err != nil {
		return err
	}
	// The master starts when its first occurrence does.
	first, ok := 0, false
	for n := range r.days() {
		first, ok = n, true
		break
	}
	if !ok {
		return inner("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrences in the specified range.")
	}
	e.Start, e.End = e.on(first)
	return nil
}

func (r *Recurrence) check() error {
	bad := inner("ErrorCalendarInvalidRecurrence", "The recurrence pattern is not valid.")
	if r.Interval < 0 || r.Interval > 999 || r.Count < 0 || r.Count > 999 {
		return bad
	}
	switch r.Pattern {
	case Daily:
	case Weekly:
		if len(r.Days) == 0 {
			return bad
		}
		for _, d := range r.Days {
			if !slices.Contains(dayNames, d) {
				return inner("ErrorCalendarInvalidDayForWeeklyRecurrence", "The day of the week is not valid for a weekly recurrence.")
			}
		}
	case AbsoluteMonthly, AbsoluteYearly:
		if r.DayOfMonth < 1 || r.DayOfMonth > 31 {
			return bad
		}
	case RelativeMonthly, RelativeYearly:
		if len(r.Days) != 1 || dayMask(r.Days[0]) == 0 || !slices.Contains(indexNames, r.Index) {
			return bad
		}
	default:
		return bad
	}
	if strings.HasSuffix(string(r.Pattern), "Yearly") && (r.Month < time.January || r.Month > time.December) {
		return bad
	}
	if r.EndDate != (Date{}) && r.EndDate.number() < r.StartDate.number() {
		return inner("ErrorRecurrenceEndDateTooBig", "The recurrence ends before it starts.")
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
