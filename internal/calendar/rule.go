package calendar

import (
	"errors"
	"fmt"
	mathbits "math/bits"
	"slices"
	"strconv"
	"strings"
)

// frequency is FREQ of a rule. SECONDLY and MINUTELY are refused: no
// appointment is one, and a single such rule would cost seconds to expand.
type frequency uint8

const (
	yearly frequency = iota
	monthly
	weekly
	daily
	hourly
)

var frequencyNames = [...]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"}

var weekdayNames = [...]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}

// maxTimesPerDay refuses what BYHOUR, BYMINUTE and BYSECOND can do in place of
// MINUTELY: 288 is every five minutes.
const maxTimesPerDay = 288

// maxInterval keeps period arithmetic far from overflow. It is 342 years of
// hours, so that a longer interval, cut to this, still leaves the horizon.
const maxInterval = 3_000_000

// nthWeekday is one BYDAY value; n is 0 for every such day of the period.
type nthWeekday struct{ n, weekday int }

// rule is a recurrence rule, RFC 5545 §3.3.10.
//
// Sets are kept as bits so that a hostile list of a million values costs no
// more than a short one: bit n stands for n, in the slice of a pair that is
// [0] counted from the front and [1] from the back.
type rule struct {
	freq      frequency
	interval  int
	count     int   // 0: not limited
	until     stamp // zero: not limited
	weekStart int

	months    uint16
	monthDays [2]uint32
	yearDays  [2][6]uint64 // 366 bits are needed
	weeks     [2]uint64
	days      []nthWeekday
	hours     uint32
	minutes   uint64
	seconds   uint64
	positions []int // BYSETPOS, without repetitions
}

var errTooOften = errors.New("it repeats more often than every five minutes")

// parseRule reads the value of RRULE or EXRULE. It forgives what programs are
// known to get wrong (unknown parts, spaces, a trailing semicolon, an empty
// UNTIL) and refuses what cannot be understood.
func parseRule(text string) (*rule, error) {
	r := &rule{interval: 1}
	var seenFreq bool
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		name, value = strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(strings.TrimSpace(value))
		if value == "" {
			continue
		}
		var err error
		switch name {
		case "FREQ":
			switch i := slices.Index(frequencyNames[:], value); {
			case value == "SECONDLY" || value == "MINUTELY":
				return nil, errTooOften
			case i < 0:
				err = errors.New("not a frequency")
			default:
				r.freq, seenFreq = frequency(i), true
			}
		case "INTERVAL":
			r.interval, err = number(value, 1, 1<<31-1)
			r.interval = min(r.interval, maxInterval)
		case "COUNT":
			r.count, err = number(value, 1, 1<<31-1)
		case "UNTIL":
			r.until, err = parseStamp(value)
		case "WKST":
			if i := slices.Index(weekdayNames[:], value); i >= 0 {
				r.weekStart = i
			} else {
				err = errors.New("not a weekday")
			}
		case "BYMONTH":
			err = eachNumber(value, 1, 12, false, func(n int) { r.months |= 1 << n })
		case "BYMONTHDAY":
			err = eachNumber(value, 1, 31, true, func(n int) { side, n := side(n); r.monthDays[side] |= 1 << n })
		case "BYYEARDAY":
			err = eachNumber(value, 1, 366, true, func(n int) { side, n := side(n); r.yearDays[side][n/64] |= 1 << (n % 64) })
		case "BYWEEKNO":
			err = eachNumber(value, 1, 53, true, func(n int) { side, n := side(n); r.weeks[side] |= 1 << n })
		case "BYHOUR":
			err = eachNumber(value, 0, 23, false, func(n int) { r.hours |= 1 << n })
		case "BYMINUTE":
			err = eachNumber(value, 0, 59, false, func(n int) { r.minutes |= 1 << n })
		case "BYSECOND":
			// 60 is a leap second, which no clock of ours shows.
			err = eachNumber(value, 0, 60, false, func(n int) { r.seconds |= 1 << min(n, 59) })
		case "BYSETPOS":
			err = eachNumber(value, 1, 366, true, func(n int) {
				if !slices.Contains(r.positions, n) {
					r.positions = append(r.positions, n)
				}
			})
		case "BYDAY":
			err = r.parseDays(value)
		case "RSCALE":
			if value != "GREGORIAN" { // RFC 7529
				err = errors.New("only the Gregorian calendar is known")
			}
		case "SKIP":
			if value != "OMIT" { // RFC 7529
				err = errors.New("only SKIP=OMIT is known")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	switch {
	case !seenFreq:
		return nil, errors.New("it has no FREQ")
	case r.freq != yearly && r.weeks != [2]uint64{}:
		return nil, errors.New("BYWEEKNO needs FREQ=YEARLY") // §3.3.10
	}
	return r, nil
}

func side(n int) (int, int) {
	if n < 0 {
		return 1, -n
	}
	return 0, n
}

func number(text string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("not a number from %d to %d", low, high)
	}
	return n, nil
}

func eachNumber(list string, low, high int, negative bool, add func(int)) error {
	for text := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		n, err := number(text, -high, high)
		if err != nil || n >= 0 && n < low || n < 0 && (!negative || n > -low) {
			return fmt.Errorf("not a number from %d to %d", low, high)
		}
		add(n)
	}
	return nil
}

func (r *rule) parseDays(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if len(text) < 2 {
			return errors.New("not a weekday")
		}
		i := slices.Index(weekdayNames[:], text[len(text)-2:])
		if i < 0 {
			return errors.New("not a weekday")
		}
		d := nthWeekday{weekday: i}
		if prefix := strings.TrimSpace(text[:len(text)-2]); prefix != "" {
			n, err := number(prefix, -53, 53)
			if err != nil || n == 0 {
				return errors.New("not a weekday with a number from 1 to 53")
			}
			d.n = n
		}
		if !slices.Contains(r.days, d) {
			r.days = append(r.days, d)
		}
	}
	return nil
}

// String formats r as the value of an RRULE, always the same way.
func (r *rule) String() string {
	var b strings.Builder
	b.WriteString("FREQ=" + frequencyNames[r.freq])
	if r.interval != 1 {
		fmt.Fprintf(&b, ";INTERVAL=%d", r.interval)
	}
	if r.count != 0 {
		fmt.Fprintf(&b, ";COUNT=%d", r.count)
	}
	if !r.until.isZero() {
		b.WriteString(";UNTIL=" + r.until.compact())
	}
	list := func(name string, values []int) {
		for i, v := range values {
			if i == 0 {
				b.WriteString(";" + name + "=")
			} else {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa(v))
		}
	}
	list("BYMONTH", bits(uint64(r.months), 0, 1))
	list("BYWEEKNO", append(bits(r.weeks[0], 0, 1), bits(r.weeks[1], 0, -1)...))
	var yearDays []int
	for s, sign := range []int{1, -1} {
		for i, word := range r.yearDays[s] {
			yearDays = append(yearDays, bits(word, i*64, sign)...)
		}
	}
	list("BYYEARDAY", yearDays)
	list("BYMONTHDAY", append(bits(uint64(r.monthDays[0]), 0, 1), bits(uint64(r.monthDays[1]), 0, -1)...))
	for i, d := range r.days {
		if i == 0 {
			b.WriteString(";BYDAY=")
		} else {
			b.WriteByte(',')
		}
		if d.n != 0 {
			b.WriteString(strconv.Itoa(d.n))
		}
		b.WriteString(weekdayNames[d.weekday])
	}
	list("BYHOUR", bits(uint64(r.hours), 0, 1))
	list("BYMINUTE", bits(r.minutes, 0, 1))
	list("BYSECOND", bits(r.seconds, 0, 1))
	list("BYSETPOS", r.positions)
	if r.weekStart != 0 {
		b.WriteString(";WKST=" + weekdayNames[r.weekStart])
	}
	return b.String()
}

func bits(word uint64, offset, sign int) []int {
	var out []int
	for n := range 64 {
		if word&(1<<n) != 0 {
			out = append(out, sign*(offset+n))
		}
	}
	return out
}

// expander is a rule made definite by the start it applies to: what the rule
// leaves out is taken from there (RFC 5545 §3.3.10, "Information, not
// contained in the rule").
type expander struct {
	rule
	start       civil
	last        civil // inclusive: UNTIL or the last of COUNT, never beyond horizon
	times       []int // seconds since midnight, or since the full hour for HOURLY; sorted
	nthInMonth  bool  // BYDAY=1MO: of the month, not of the year
	filtersDate bool  // a day needs its month, day of month or day of year to be judged
	weekdays    uint8 // bit 0 Monday; BYDAY without number; 0 with len(nth) == 0: all
	nth         []nthWeekday
	base        int // number of the period the start lies in
	cost        int // steps taken from the budget for each period
}

// newExpander prepares r for a series that starts at start. For a series of
// whole days the parts about the time of day are ignored, as the RFC demands.
// UNTIL and COUNT are the caller's: last is horizon.
func newExpander(r *rule, start civil, wholeDays bool) (*expander, error) {
	e := &expander{rule: *r, start: start, last: horizon}
	clock := start.clock()
	if wholeDays {
		e.hours, e.minutes, e.seconds = 0, 0, 0
		if e.freq == hourly {
			return nil, errors.New("an all-day event cannot repeat by the hour")
		}
	}
	if e.minutes == 0 {
		e.minutes = 1 << (clock / 60 % 60)
	}
	if e.seconds == 0 {
		e.seconds = 1 << (clock % 60)
	}
	hours := e.hours
	switch {
	case e.freq == hourly:
		hours = 1 // the hour is the period; e.hours limits it
	case hours == 0:
		hours = 1 << (clock / secondsPerHour)
	}
	for h := range 24 {
		if hours&(1<<h) == 0 {
			continue
		}
		for m := range 60 {
			if e.minutes&(1<<m) == 0 {
				continue
			}
			for s := range 60 {
				if e.seconds&(1<<s) == 0 {
					continue
				}
				e.times = append(e.times, h*secondsPerHour+m*60+s)
				if len(e.times) > maxTimesPerDay || e.freq == hourly && len(e.times) > maxTimesPerDay/24 {
					return nil, errTooOften
				}
			}
		}
	}

	day := start.day()
	_, month, dayOfMonth := dateOf(day)
	none := [2]uint32{}
	noMonthDay, noYearDay, noWeek := e.monthDays == none, e.yearDays == [2][6]uint64{}, e.weeks == [2]uint64{}
	noDay := noMonthDay && noYearDay && len(e.days) == 0
	switch e.freq {
	case yearly:
		switch {
		case !noWeek:
			if noDay {
				e.days = []nthWeekday{{weekday: weekday(day)}}
			}
		case noDay:
			e.monthDays[0] = 1 << dayOfMonth
			if e.months == 0 {
				e.months = 1 << month
			}
		case !noMonthDay && noYearDay && len(e.days) == 0 && e.months == 0:
			// "Every year on the 29th" means the month of the start. Other
			// libraries read every month; libical does not, and programs that
			// write such a rule mean a birthday.
			e.months = 1 << month
		}
	case monthly:
		if noDay {
			e.monthDays[0] = 1 << dayOfMonth
		}
	case weekly:
		if len(e.days) == 0 {
			e.days = []nthWeekday{{weekday: weekday(day)}}
		}
	}
	e.nthInMonth = e.freq == monthly || e.freq == yearly && e.months != 0
	numbered := e.freq == monthly || e.freq == yearly && noWeek
	for _, d := range e.days {
		if d.n == 0 || !numbered { // a number is not allowed elsewhere: read past it
			e.weekdays |= 1 << d.weekday
		} else {
			e.nth = append(e.nth, d)
		}
	}
	e.filtersDate = e.months != 0 || e.monthDays != none || !noYearDay || len(e.nth) > 0

	e.base = e.period(start)
	switch e.freq { // the days that candidates looks at
	case yearly:
		switch {
		case !noWeek:
			e.cost = 7 * (mathbits.OnesCount64(e.weeks[0]) + mathbits.OnesCount64(e.weeks[1]))
		case e.months != 0:
			e.cost = 31 * mathbits.OnesCount16(e.months)
		default:
			e.cost = 366
		}
	case monthly:
		e.cost = 31
	case weekly:
		e.cost = 7
	default:
		e.cost = 1
	}
	return e, nil
}

// period returns the number of the period c lies in.
func (e *expander) period(c civil) int {
	day := c.day()
	switch e.freq {
	case yearly:
		if e.weeks != [2]uint64{} {
			return weekYear(day, e.weekStart)
		}
		year, _, _ := dateOf(day)
		return year
	case monthly:
		year, month, _ := dateOf(day)
		return year*12 + month - 1
	case weekly:
		return floorDiv(day+3-e.weekStart, 7) // day -3 was a Monday
	case daily:
		return day
	default:
		return int(floorDiv(c, secondsPerHour))
	}
}

// firstWeek returns the first day of week 1 of year: the first week with at
// least four days in the year.
func firstWeek(year, weekStart int) int {
	fourth := dayNumber(year, 1, 4)
	return fourth - floorMod(weekday(fourth)-weekStart, 7)
}

func weekYear(day, weekStart int) int {
	year, _, _ := dateOf(day)
	switch {
	case day < firstWeek(year, weekStart):
		return year - 1
	case day >= firstWeek(year+1, weekStart):
		return year + 1
	}
	return year
}

// matches judges a day by everything but BYWEEKNO.
func (e *expander) matches(day int) bool {
	wd := weekday(day)
	if !e.filtersDate {
		return e.weekdays == 0 || e.weekdays&(1<<wd) != 0
	}
	year, month, dayOfMonth := dateOf(day)
	if e.months != 0 && e.months&(1<<month) == 0 {
		return false
	}
	length := monthLength(year, month)
	if e.monthDays != [2]uint32{} && e.monthDays[0]&(1<<dayOfMonth) == 0 && e.monthDays[1]&(1<<(length+1-dayOfMonth)) == 0 {
		return false
	}
	dayOfYear := day - dayNumber(year, 1, 1) + 1
	fromEnd := yearLength(year) + 1 - dayOfYear
	if e.yearDays != [2][6]uint64{} && e.yearDays[0][dayOfYear/64]&(1<<(dayOfYear%64)) == 0 && e.yearDays[1][fromEnd/64]&(1<<(fromEnd%64)) == 0 {
		return false
	}
	if e.weekdays == 0 && len(e.nth) == 0 || e.weekdays&(1<<wd) != 0 {
		return true
	}
	front, back := (dayOfYear-1)/7+1, (fromEnd-1)/7+1
	if e.nthInMonth {
		front, back = (dayOfMonth-1)/7+1, (length-dayOfMonth)/7+1
	}
	for _, d := range e.nth {
		if d.weekday == wd && (d.n == front || -d.n == back) {
			return true
		}
	}
	return false
}

// candidates appends the matching days of a period to days.
func (e *expander) candidates(days []int, period int) []int {
	add := func(first, end int) {
		for day := first; day < end; day++ {
			if e.matches(day) {
				days = append(days, day)
			}
		}
	}
	switch e.freq {
	case yearly:
		switch {
		case e.weeks != [2]uint64{}:
			first := firstWeek(period, e.weekStart)
			count := (firstWeek(period+1, e.weekStart) - first) / 7
			for week := 1; week <= count; week++ {
				if e.weeks[0]&(1<<week) != 0 || e.weeks[1]&(1<<(count+1-week)) != 0 {
					add(first+(week-1)*7, first+week*7)
				}
			}
		case e.months != 0:
			for month := 1; month <= 12; month++ {
				if e.months&(1<<month) != 0 {
					first := dayNumber(period, month, 1)
					add(first, first+monthLength(period, month))
				}
			}
		default:
			first := dayNumber(period, 1, 1)
			add(first, first+yearLength(period))
		}
	case monthly:
		year, month := floorDiv(period, 12), floorMod(period, 12)+1
		if e.months == 0 || e.months&(1<<month) != 0 {
			first := dayNumber(year, month, 1)
			add(first, first+monthLength(year, month))
		}
	case weekly:
		first := period*7 - 3 + e.weekStart
		add(first, first+7)
	case daily:
		add(period, period+1)
	case hourly:
		add(floorDiv(period, 24), floorDiv(period, 24)+1)
	}
	return days
}

// startOf returns a civil time not after anything in the period.
func (e *expander) startOf(period int) civil {
	switch e.freq {
	case yearly:
		if e.weeks != [2]uint64{} {
			return midnightOf(firstWeek(period, e.weekStart))
		}
		return civilOf(period, 1, 1, 0, 0, 0)
	case monthly:
		return civilOf(floorDiv(period, 12), floorMod(period, 12)+1, 1, 0, 0, 0)
	case weekly:
		return midnightOf(period*7 - 3 + e.weekStart)
	case daily:
		return midnightOf(period)
	default:
		return civil(period) * secondsPerHour
	}
}

// each calls yield with what the rule generates from from to to inclusive, in
// order, until yield returns false. It goes to from at once, without visiting
// what lies between the start and there. Every step is taken from budget; each
// returns false if that ran out first.
func (e *expander) each(from, to civil, budget *int, yield func(civil) bool) bool {
	from, to = max(from, e.start), min(to, e.last)
	if from > to {
		return true
	}
	step := 0
	if p := e.period(from); p > e.base {
		step = (p - e.base) / e.interval
	}
	var days, positions []int
	for {
		period := e.base + step*e.interval
		if e.startOf(period) > to {
			return true
		}
		if *budget -= e.cost; *budget < 0 {
			return false
		}
		step++
		if e.freq == hourly && e.hours != 0 && e.hours&(1<<floorMod(period, 24)) == 0 {
			continue
		}
		days = e.candidates(days[:0], period)
		if len(days) == 0 {
			if e.freq == hourly { // on to the next day
				if left := (23 - floorMod(period, 24)) / e.interval; left > 0 {
					step += left
				}
			}
			continue
		}
		origin := civil(0)
		if e.freq == hourly {
			origin = civil(floorMod(period, 24) * secondsPerHour)
		}
		at := func(i int) civil {
			return midnightOf(days[i/len(e.times)]) + origin + civil(e.times[i%len(e.times)])
		}
		total := len(days) * len(e.times)
		positions = e.positionsOf(positions[:0], total)
		if len(e.positions) > 0 {
			total = len(positions)
		}
		for i := range total {
			if len(e.positions) > 0 {
				i = positions[i]
			}
			c := at(i)
			if c < from {
				continue
			}
			if c > to {
				return true
			}
			if *budget--; *budget < 0 {
				return false
			}
			if !yield(c) {
				return true
			}
		}
	}
}

// limit lets the rule end with its count-th instance, not counting those that
// skip names. If budget runs out first it returns false and changes nothing.
func (e *expander) limit(count int, budget *int, skip func(civil) bool) bool {
	last := e.start - 1
	done := count == 0 || e.each(e.start, e.last, budget, func(c civil) bool {
		if skip(c) {
			return true
		}
		last = c
		count--
		return count > 0
	})
	if count == 0 { // else UNTIL or the horizon comes first
		e.last = last
	}
	return done
}

// positionsOf appends the indices that BYSETPOS picks from total instances of
// one period, in order.
func (e *expander) positionsOf(out []int, total int) []int {
	for _, p := range e.positions {
		switch {
		case p > 0 && p <= total:
			out = append(out, p-1)
		case p < 0 && -p <= total:
			out = append(out, total+p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
