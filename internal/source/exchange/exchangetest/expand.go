package exchangetest

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Days are counted from 1 January 1970. Occurrences are named by the day that the pattern gives them.

func (d Date) number() int {
	return int(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func dateOf(n int) Date {
	y, m, d := time.Unix(int64(n)*86400, 0).UTC().Date()
	return Date{y, m, d}
}

func weekday(n int) int { return ((n+4)%7 + 7) % 7 } // 1 January 1970 was a Thursday

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// dayMask returns the days of the week that a word of DayOfWeekType stands for, Sunday being the lowest bit; zero if it
// is none.
func dayMask(word string) int {
	switch word {
	case "Day":
		return 1<<7 - 1
	case "Weekday":
		return 1<<6 - 2
	case "WeekendDay":
		return 1 | 1<<6
	}
	if i := slices.Index(dayNames, word); i >= 0 {
		return 1 << i
	}
	return 0
}

// days are those of the pattern, in order, with the deleted ones.
func (r *Recurrence) days() iter.Seq[int] {
	return func(yield func(int) bool) {
		last := Date{4500, time.September, 1}.number() // where Exchange's calendar ends
		if r.EndDate != (Date{}) {
			last = r.EndDate.number()
		}
		start, count := r.StartDate.number(), 0
		for n := range r.pattern() {
			if n < start {
				continue
			}
			if n > last || r.EndDate == (Date{}) && r.Count > 0 && count >= r.Count {
				return
			}
			count++
			if !yield(n) {
				return
			}
		}
	}
}

// pattern is without end, and may begin before the start date.
func (r *Recurrence) pattern() iter.Seq[int] {
	step := max(r.Interval, 1)
	start := r.StartDate.number()
	switch r.Pattern {
	case Daily:
		return func(yield func(int) bool) {
			for n := start; yield(n); n += step {
			}
		}
	case Weekly:
		mask := 0
		for _, d := range r.Days {
			mask |= dayMask(d)
		}
		return func(yield func(int) bool) {
			week := start - (weekday(start)-int(r.FirstDay)+7)%7
			for ; ; week += 7 * step {
				for n := week; n < week+7; n++ {
					if mask&(1<<weekday(n)) != 0 && !yield(n) {
						return
					}
				}
			}
		}
	}
	month, year := r.StartDate.Month, r.StartDate.Year
	if r.Pattern == AbsoluteYearly || r.Pattern == RelativeYearly {
		month, step = r.Month, 12
	}
	return func(yield func(int) bool) {
		for {
			if !yield(r.dayIn(year, month)) {
				return
			}
			m := int(month) - 1 + step
			year, month = year+m/12, time.Month(m%12+1)
		}
	}
}

// dayIn returns the day of a month that a monthly or yearly pattern means.
func (r *Recurrence) dayIn(year int, month time.Month) int {
	first := Date{year, month, 1}.number()
	length := daysIn(year, month)
	if r.Pattern == AbsoluteMonthly || r.Pattern == AbsoluteYearly {
		return first + min(r.DayOfMonth, length) - 1
	}
	mask, index := dayMask(r.Days[0]), slices.Index(indexNames, r.Index)
	found := first
	for n, seen := first, 0; n < first+length; n++ {
		if mask&(1<<weekday(n)) == 0 {
			continue
		}
		found = n
		if seen == index && index < 4 {
			break
		}
		seen++
	}
	return found
}

// on returns when the series takes place on a day, if nothing else was said about that day. The clock on the wall of
// its zone decides both start and end.
func (e *Event) on(n int) (start, end time.Time) {
	loc, _ := zone(e.Zone)
	from, until := wall(e.Start, loc), wall(e.End, loc)
	at := int64(n)*86400 + mod(from, 86400)
	return instant(at, loc), instant(at+until-from, loc)
}

// wall returns what clocks show in a zone, in seconds since they showed 1 January 1970.
func wall(t time.Time, loc *time.Location) int64 {
	_, offset := t.In(loc).Zone()
	return t.Unix() + int64(offset)
}

// instant is when clocks show that. What they show twice is the first; what they leave out is counted as if they had
// not been set forward.
func instant(wall int64, loc *time.Location) time.Time {
	offset := func(at int64) int64 {
		_, o := time.Unix(at, 0).In(loc).Zone()
		return int64(o)
	}
	before, after := offset(wall-86400), offset(wall+86400)
	if before == after || offset(wall-before) == before || offset(wall-after) != after {
		return time.Unix(wall-before, 0).UTC()
	}
	return time.Unix(wall-after, 0).UTC()
}

func mod(a, b int64) int64 { return (a%b + b) % b }

func midnight(t time.Time, loc *time.Location) time.Time {
	w := wall(t, loc)
	return instant(w-mod(w, 86400), loc)
}

func nextMidnight(t time.Time, loc *time.Location) time.Time {
	w := wall(t, loc)
	return instant(w-mod(w, 86400)+86400, loc)
}

// view is one thing in a calendar: an item, or an occurrence of a series.
type view struct {
	m    *Mailbox
	it   *item
	ev   *Event // with Start and End of the occurrence in start and end instead
	kind string // Single, RecurringMaster, Occurrence, Exception

	day        int // of the pattern, with occurrences and exceptions
	start, end time.Time
	original   time.Time // when it was to start by the series
	change     uint64
	modified   time.Time
}

// whole returns a view of the item itself.
func (it *item) whole(m *Mailbox) view {
	v := view{m: m, it: it, ev: it.ev, kind: "Single", start: it.ev.Start, end: it.ev.End, change: it.change, modified: it.modified}
	if it.ev.Recurrence != nil {
		v.kind = "RecurringMaster"
	}
	return v
}

// occurrence returns the view of a day that the pattern has and that was not deleted.
func (it *item) occurrence(m *Mailbox, day int) view {
	v := view{m: m, it: it, ev: it.ev, kind: "Occurrence", day: day, change: it.change, modified: it.modified}
	v.start, v.end = it.ev.on(day)
	v.original = v.start
	if x := it.exceptions[day]; x != nil {
		v.kind, v.ev, v.start, v.end, v.change, v.modified = "Exception", x.ev, x.ev.Start, x.ev.End, x.change, x.modified
	}
	return v
}

// has tells whether the series takes place for a day.
func (it *item) has(day int) bool {
	if it.ev.Recurrence == nil || it.deleted[day] {
		return false
	}
	for n := range it.ev.Recurrence.days() {
		if n >= day {
			return n == day
		}
	}
	return false
}

// within calls fn with what the item has between two instants. What only touches is not in it (CalendarView:
// StartDate and EndDate).
func (it *item) within(m *Mailbox, from, to time.Time, fn func(view)) {
	inside := func(v view) {
		if v.start.Before(to) && v.end.After(from) {
			fn(v)
		}
	}
	r := it.ev.Recurrence
	if r == nil {
		inside(it.whole(m))
		return
	}
	for day := range it.exceptions {
		inside(it.occurrence(m, day))
	}
	length := int(it.ev.End.Sub(it.ev.Start)/(24*time.Hour)) + 3 // days, to be on the safe side of all zones
	first, last := int(from.Unix()/86400)-length, int(to.Unix()/86400)+2
	for n := range r.days() {
		if n > last {
			break
		}
		if n >= first && !it.deleted[n] && it.exceptions[n] == nil {
			inside(it.occurrence(m, n))
		}
	}
}

// between returns what is in a folder between two instants, by start.
func (f *folder) between(m *Mailbox, from, to time.Time) []view {
	var found []view
	for _, it := range f.items {
		it.within(m, from, to, func(v view) { found = append(found, v) })
	}
	slices.SortStableFunc(found, func(a, b view) int {
		return cmp.Or(a.start.Compare(b.start), a.end.Compare(b.end), cmp.Compare(a.it.number, b.it.number), cmp.Compare(a.day, b.day))
	})
	return found
}
