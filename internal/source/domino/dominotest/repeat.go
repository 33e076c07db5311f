package dominotest

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Repeat is how an entry recurs. It begins with the first day from Event.Start on that fits.
type Repeat struct {
	Every    string // day, week, month or year
	Interval int    // zero: 1
	Days     []time.Weekday
	Count    int       // zero, with no Until: for ever
	Until    time.Time // the last date, inclusive
}

func (r *Repeat) check() error {
	switch {
	case !slices.Contains([]string{"day", "week", "month", "year"}, r.Every):
		return fmt.Errorf("dominotest: repeat: every %q", r.Every)
	case r.Interval < 0 || r.Interval > 99 || r.Count < 0 || r.Count > 999:
		return errors.New("dominotest: repeat: interval or count")
	case (r.Every == "week") != (len(r.Days) > 0):
		return errors.New("dominotest: repeat: days are for weeks")
	}
	return nil
}

const day = 24 * time.Hour

// dayOf returns the date that a clock in t's own zone shows, as midnight in UTC.
func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// fits reports whether a series that begins on first has an occurrence on d. Weeks begin on Monday.
func (r *Repeat) fits(first, d time.Time) bool {
	interval := max(r.Interval, 1)
	switch r.Every {
	case "day":
		return int(d.Sub(first)/day)%interval == 0
	case "week":
		monday := func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }
		return slices.Contains(r.Days, d.Weekday()) && int(monday(d).Sub(monday(first))/(7*day))%interval == 0
	case "month":
		return d.Day() == first.Day() && ((d.Year()-first.Year())*12+int(d.Month())-int(first.Month()))%interval == 0
	}
	return d.Day() == first.Day() && d.Month() == first.Month() && (d.Year()-first.Year())%interval == 0
}

// dates walks over the dates of a series, day by day, to one of them at most.
func (r *Repeat) dates(first, last time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		n := 0
		for d := first; !d.After(last); d = d.AddDate(0, 0, 1) {
			if !r.Until.IsZero() && d.After(dayOf(r.Until)) {
				return
			}
			if !r.fits(first, d) {
				continue
			}
			if n++; r.Count > 0 && n > r.Count || !yield(d) {
				return
			}
		}
	}
}

// rule writes it as a RECUR value (RFC 5545 §3.3.10). until is the beginning of the last occurrence there may be.
func (r *Repeat) rule(until string) string {
	parts := []string{"FREQ=" + map[string]string{"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}[r.Every]}
	if r.Interval > 1 {
		parts = append(parts, fmt.Sprintf("INTERVAL=%d", r.Interval))
	}
	if len(r.Days) > 0 {
		var days []string
		for _, d := range r.Days {
			days = append(days, strings.ToUpper(d.String()[:2]))
		}
		parts = append(parts, "BYDAY="+strings.Join(days, ","), "WKST=MO")
	}
	switch {
	case r.Count > 0:
		parts = append(parts, fmt.Sprintf("COUNT=%d", r.Count))
	case until != "":
		parts = append(parts, "UNTIL="+until)
	}
	return strings.Join(parts, ";")
}
