package graphtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Repeat is how an event recurs: Graph's recurrencePattern and recurrenceRange
// (graph/api/resources/recurrencepattern, recurrencerange). It begins with the first day from Event.Start on that fits.
type Repeat struct {
	Type     string // daily, weekly, absoluteMonthly, relativeMonthly, absoluteYearly, relativeYearly
	Interval int    // zero: 1
	Days     []time.Weekday
	WeekFrom time.Weekday // weeks begin on it; only with Type weekly and an interval
	Day      int          // of the month; of a shorter month the last day counts
	Month    time.Month
	Index    string    // first, second, third, fourth, last; empty: first
	Until    time.Time // the last date, inclusive; zero: Count counts
	Count    int       // zero, with no Until: for ever
}

func (r *Repeat) check() error {
	bad := func(format string, args ...any) error { return fmt.Errorf("graphtest: repeat: "+format, args...) }
	if r.Interval < 0 || r.Interval > 99 || r.Count < 0 || r.Count > 999 {
		return bad("interval or count")
	}
	switch r.Type {
	case "daily":
	case "weekly":
		if len(r.Days) == 0 {
			return bad("weekly on no day")
		}
	case "absoluteMonthly", "absoluteYearly":
		if r.Day < 1 || r.Day > 31 {
			return bad("day %d", r.Day)
		}
	case "relativeMonthly", "relativeYearly":
		if len(r.Days) == 0 {
			return bad("%s on no day", r.Type)
		}
		if !slices.Contains([]string{"", "first", "second", "third", "fourth", "last"}, r.Index) {
			return bad("index %q", r.Index)
		}
	default:
		return bad("type %q", r.Type)
	}
	if strings.HasSuffix(r.Type, "Yearly") && (r.Month < 1 || r.Month > 12) {
		return bad("month %d", r.Month)
	}
	return nil
}

// dayOf returns the date that a clock in t's own zone shows, as midnight in UTC.
func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

const day = 24 * time.Hour

// fits reports whether a series that begins on first has an occurrence on d. Both are dates.
func (r *Repeat) fits(first, d time.Time) bool {
	interval := max(r.Interval, 1)
	months := (d.Year()-first.Year())*12 + int(d.Month()) - int(first.Month())
	lastDay := time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	switch r.Type {
	case "daily":
		return int(d.Sub(first)/day)%interval == 0
	case "weekly":
		weekOf := func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday()-r.WeekFrom)+7)%7) }
		return slices.Contains(r.Days, d.Weekday()) && int(weekOf(d).Sub(weekOf(first))/(7*day))%interval == 0
	case "absoluteMonthly":
		return months%interval == 0 && d.Day() == min(r.Day, lastDay)
	case "absoluteYearly":
		return d.Month() == r.Month && (d.Year()-first.Year())%interval == 0 && d.Day() == min(r.Day, lastDay)
	case "relativeMonthly":
		return months%interval == 0 && r.isNth(d, lastDay)
	case "relativeYearly":
		return d.Month() == r.Month && (d.Year()-first.Year())%interval == 0 && r.isNth(d, lastDay)
	}
	return false
}

// isNth reports whether d is the day of its month that Index names, among those on Days.
func (r *Repeat) isNth(d time.Time, lastDay int) bool {
	if !slices.Contains(r.Days, d.Weekday()) {
		return false
	}
	count := func(from, to int) int {
		n := 0
		for i := from; i <= to; i++ {
			if slices.Contains(r.Days, time.Date(d.Year(), d.Month(), i, 0, 0, 0, 0, time.UTC).Weekday()) {
				n++
			}
		}
		return n
	}
	if r.Index == "last" {
		return count(d.Day()+1, lastDay) == 0
	}
	return count(1, d.Day()) == max(slices.Index([]string{"first", "second", "third", "fourth"}, r.Index), 0)+1
}

// wall returns when a clock in zone shows this. A time that the clock skips is as much later as the clock is put forward;
// of one that comes twice it is the first.
func wall(y int, m time.Month, d, hour, minute, second int, zone *time.Location) time.Time {
	asUTC := time.Date(y, m, d, hour, minute, second, 0, time.UTC)
	_, before := asUTC.Add(-day).In(zone).Zone() // the offset of the day before, and
	_, after := asUTC.Add(day).In(zone).Zone()   // that of the day after
	shows := func(t time.Time) bool {
		_, offset := t.In(zone).Zone()
		return t.Add(time.Duration(offset) * time.Second).Equal(asUTC)
	}
	early, late := asUTC.Add(-time.Duration(before)*time.Second), asUTC.Add(-time.Duration(after)*time.Second)
	if early.After(late) {
		if shows(late) {
			return late.UTC()
		}
		return early.UTC()
	}
	switch {
	case shows(early):
		return early.UTC()
	case shows(late):
		return late.UTC()
	}
	return early.UTC()
}

// each calls f with the occurrences from the first that may reach past from to the last that begins before to; zero times
// have no bound, but a series for ever ends after ten years then. f returns false to stop.
func (one *stored) each(from, to time.Time, f func(Occurrence) bool) {
	e := &one.Event
	if e.Repeat == nil {
		f(one.occurrence(e, "", time.Time{}))
		return
	}
	zone := e.Start.Location()
	first := dayOf(e.Start)
	length := dayOf(e.End).Sub(first)
	end := first.AddDate(10, 0, 0)
	if !to.IsZero() {
		end = to.UTC().AddDate(0, 0, 2)
	}
	if !e.Repeat.Until.IsZero() {
		if last := dayOf(e.Repeat.Until).AddDate(0, 0, 1); last.Before(end) {
			end = last
		}
	}
	begin := first
	if e.Repeat.Count == 0 && !from.IsZero() { // nothing has to be counted
		if skip := dayOf(from.UTC()).Add(-length).AddDate(0, 0, -3); skip.After(begin) {
			begin = skip
		}
	}
	n := 0
	for d := begin; d.Before(end); d = d.Add(day) {
		if !e.Repeat.fits(first, d) {
			continue
		}
		if n++; e.Repeat.Count > 0 && n > e.Repeat.Count {
			break
		}
		date := d.Format("2006-01-02")
		if _, known := one.exceptions[date]; known {
			continue
		}
		copied := *e
		copied.Repeat = nil
		if e.AllDay {
			copied.Start, copied.End = d, d.Add(length)
		} else {
			last := d.Add(length)
			copied.Start = wall(d.Year(), d.Month(), d.Day(), e.Start.Hour(), e.Start.Minute(), e.Start.Second(), zone).In(zone)
			copied.End = wall(last.Year(), last.Month(), last.Day(), e.End.Hour(), e.End.Minute(), e.End.Second(), zone).In(zone)
			if copied.End.Before(copied.Start) { // in the hour that comes twice or not at all
				copied.End = copied.Start.Add(e.End.Sub(e.Start))
			}
		}
		if !f(one.occurrence(&copied, date, one.original(d))) {
			return
		}
	}
	for date, exception := range one.exceptions { // wherever they were moved to
		if exception == nil {
			continue
		}
		d, err := time.Parse("2006-01-02", date)
		if err != nil {
			continue
		}
		o := one.occurrence(exception, date, one.original(d))
		o.exception = true
		if !f(o) {
			return
		}
	}
}

// original is the start of the occurrence on that date, had it not been changed.
func (one *stored) original(d time.Time) time.Time {
	if one.AllDay {
		return d
	}
	return wall(d.Year(), d.Month(), d.Day(), one.Start.Hour(), one.Start.Minute(), one.Start.Second(), one.Start.Location())
}

func (one *stored) occurrence(e *Event, date string, original time.Time) Occurrence {
	o := Occurrence{UID: one.UID, Original: original, Recurring: date != "", Start: e.Start.UTC(), End: e.End.UTC(), AllDay: e.AllDay, ShowAs: e.ShowAs,
		Subject: e.Subject, Sensitivity: e.Sensitivity, Cancelled: e.Cancelled, Response: e.Response, Categories: slices.Clone(e.Categories),
		Reminder: e.Reminder, ID: one.ID, date: date, event: e, master: one}
	if e.AllDay {
		o.Start, o.End = dayOf(e.Start), dayOf(e.End)
	}
	if date != "" {
		o.ID = one.ID + ".OID." + date
	}
	return o
}

var errPattern = errors.New("the recurrence is not valid")

var weekdays = map[string]time.Weekday{"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6}

// recurrence is Repeat as Graph writes it.
type recurrence struct {
	Pattern struct {
		Type           string   `json:"type"`
		Interval       int      `json:"interval"`
		Month          int      `json:"month"`
		DayOfMonth     int      `json:"dayOfMonth"`
		DaysOfWeek     []string `json:"daysOfWeek,omitempty"`
		FirstDayOfWeek string   `json:"firstDayOfWeek"`
		Index          string   `json:"index"`
	} `json:"pattern"`
	Range struct {
		Type                string `json:"type"`
		StartDate           string `json:"startDate"`
		EndDate             string `json:"endDate"`
		RecurrenceTimeZone  string `json:"recurrenceTimeZone"`
		NumberOfOccurrences int    `json:"numberOfOccurrences"`
	} `json:"range"`
}

// repeat reads it.
func (r *recurrence) repeat() (*Repeat, error) {
	p := &r.Pattern
	out := &Repeat{Type: p.Type, Interval: p.Interval, Day: p.DayOfMonth, Month: time.Month(p.Month), Index: p.Index}
	for _, name := range p.DaysOfWeek {
		d, ok := weekdays[strings.ToLower(name)]
		if !ok {
			return nil, errPattern
		}
		out.Days = append(out.Days, d)
	}
	if p.FirstDayOfWeek != "" {
		d, ok := weekdays[strings.ToLower(p.FirstDayOfWeek)]
		if !ok {
			return nil, errPattern
		}
		out.WeekFrom = d
	}
	switch r.Range.Type {
	case "noEnd":
	case "numbered":
		if r.Range.NumberOfOccurrences < 1 {
			return nil, errPattern
		}
		out.Count = r.Range.NumberOfOccurrences
	case "endDate":
		until, err := time.Parse("2006-01-02", r.Range.EndDate)
		if err != nil {
			return nil, errPattern
		}
		out.Until = until
	default:
		return nil, errPattern
	}
	return out, out.check()
}

// write is the inverse.
func (r *Repeat) write(e *Event) recurrence {
	var out recurrence
	out.Pattern.Type, out.Pattern.Interval, out.Pattern.Month, out.Pattern.DayOfMonth = r.Type, max(r.Interval, 1), int(r.Month), r.Day
	for _, d := range r.Days {
		out.Pattern.DaysOfWeek = append(out.Pattern.DaysOfWeek, strings.ToLower(d.String()))
	}
	out.Pattern.FirstDayOfWeek = strings.ToLower(r.WeekFrom.String())
	out.Pattern.Index = r.Index
	if r.Index == "" {
		out.Pattern.Index = "first"
	}
	out.Range.StartDate, out.Range.RecurrenceTimeZone = e.Start.Format("2006-01-02"), e.Start.Location().String()
	out.Range.EndDate = "0001-01-01"
	switch {
	case !r.Until.IsZero():
		out.Range.Type, out.Range.EndDate = "endDate", r.Until.Format("2006-01-02")
	case r.Count > 0:
		out.Range.Type, out.Range.NumberOfOccurrences = "numbered", r.Count
	default:
		out.Range.Type = "noEnd"
	}
	return out
}
