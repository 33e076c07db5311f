package calendar

import (
	"fmt"
	"time"
)

// civil is what a clock on the wall shows: seconds since 1970-01-01 00:00 on
// that clock. It becomes an instant only together with a zone. Recurrence is
// worked out in civil time (RFC 5545 §3.3.10), so daylight saving cannot
// disturb it.
type civil int64

const (
	secondsPerDay  = 86400
	secondsPerHour = 3600

	firstYear = 1    // dates before it are refused
	lastYear  = 2200 // recurrence is not followed beyond it
)

// horizon is the last civil second that recurrence is followed to.
var horizon = civilOf(lastYear, 12, 31, 23, 59, 59)

// dayNumber returns days since 1970-01-01 in the proleptic Gregorian calendar.
// month and day may lie outside their ranges by what the callers below need:
// month 1 to 12, any day.
func dayNumber(year, month, day int) int {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*((month+9)%12)+2)/5 + day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// dateOf is the inverse of dayNumber.
func dateOf(day int) (year, month, dayOfMonth int) {
	day += 719468
	era := floorDiv(day, 146097)
	dayOfEra := day - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	mp := (5*dayOfYear + 2) / 153
	dayOfMonth = dayOfYear - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yearOfEra + era*400
	if month <= 2 {
		year++
	}
	return year, month, dayOfMonth
}

func civilOf(year, month, day, hour, minute, second int) civil {
	return midnightOf(dayNumber(year, month, day)) + civil(hour*secondsPerHour+minute*60+second)
}

// midnightOf returns the beginning of a day counted from 1970-01-01.
func midnightOf(day int) civil { return civil(day) * secondsPerDay }

// day returns the day c lies on, counted from 1970-01-01.
func (c civil) day() int { return int(floorDiv(c, secondsPerDay)) }

// clock returns the seconds since midnight.
func (c civil) clock() int { return int(c - c.midnight()) }

// midnight returns the beginning of the day c lies on.
func (c civil) midnight() civil { return midnightOf(c.day()) }

// compact formats c as in iCalendar, without a zone: 20260105T090000.
func (c civil) compact() string {
	year, month, day := dateOf(c.day())
	clock := c.clock()
	var b [15]byte
	n := len(b)
	put := func(value, digits int) {
		for range digits {
			n--
			b[n] = byte('0' + value%10)
			value /= 10
		}
	}
	put(clock%60, 2)
	put(clock/60%60, 2)
	put(clock/secondsPerHour, 2)
	n--
	b[n] = 'T'
	put(day, 2)
	put(month, 2)
	put(year, 4)
	return string(b[:])
}

// compactDate formats the day of c as in iCalendar: 20260105.
func (c civil) compactDate() string { return c.compact()[:8] }

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func yearLength(year int) int {
	if leap(year) {
		return 366
	}
	return 365
}

func monthLength(year, month int) int {
	switch month {
	case 2:
		return yearLength(year) - 337
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// weekday returns 0 for Monday to 6 for Sunday, the order of ISO 8601.
func weekday(day int) int { return floorMod(day+3, 7) } // 1970-01-01 was a Thursday

func floorDiv[T int | civil](a, b T) T {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod[T int | civil](a, b T) T { return a - floorDiv(a, b)*b }

// Date is a day in the calendar, without a time and without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String formats d as 2006-01-02; the zero Date is the empty string.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// IsZero reports whether d is the zero Date, which stands for none.
func (d Date) IsZero() bool { return d == Date{} }

// In returns the first instant of d in zone: midnight, or where daylight
// saving skips midnight, the instant the clocks are put forward.
func (d Date) In(zone *time.Location) time.Time {
	z := location(zone.String(), zone)
	unix, _ := z.instant(civilOf(d.Year, int(d.Month), d.Day, 0, 0, 0))
	return time.Unix(unix, 0).UTC()
}

func dateFromDay(day int) Date {
	y, m, d := dateOf(day)
	return Date{Year: y, Month: time.Month(m), Day: d}
}
