package calendar

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// ErrTooMuch is what Expand returns when a window holds more appointments, or
// takes more work, than Limits allow.
var ErrTooMuch = errors.New("calendar: more than can be expanded")

// margin is more than a civil time can differ from an instant: less than a day
// by its zone, less than another where days are made of it.
const margin = 2 * secondsPerDay

// expansion is one call of Expand.
type expansion struct {
	from, to  int64 // Unix seconds, half open
	home      *zone
	limits    Limits
	work      int // steps left for all series
	cancelled bool
	out       []Appointment
	problems  []Problem
	err       error
}

// expand is Expand; with cancelled it returns dropped occurrences too, for
// comparison with libraries that do.
func (c *Calendar) expand(from, to time.Time, home *time.Location, limits Limits, cancelled bool) ([]Appointment, []Problem, error) {
	if to.Before(from) {
		return nil, nil, fmt.Errorf("calendar: expand: the end %s is before the start %s", to.Format(time.RFC3339), from.Format(time.RFC3339))
	}
	if home == nil {
		home = time.UTC
	}
	limits = limits.withDefaults()
	x := &expansion{
		from: from.Unix(), to: to.Unix(), home: location(home.String(), home),
		limits: limits, work: limits.MaxWork * totalWork, cancelled: cancelled,
	}
	if to.Nanosecond() > 0 {
		x.to++
	}
	floating := c.defaultZone
	if floating == nil {
		floating = x.home
	}
	for _, s := range c.series {
		x.series(s, floating)
		if x.err != nil {
			return nil, nil, x.err
		}
	}
	slices.SortStableFunc(x.out, func(a, b Appointment) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End), cmp.Compare(a.ID, b.ID))
	})
	return x.out, x.problems, nil
}

func (x *expansion) problem(e *event, uid string, kind ProblemKind, text string) {
	if len(x.problems) < maxProblems {
		x.problems = append(x.problems, Problem{e.line, uid, kind, text})
	}
}

func (x *expansion) series(s *series, floating *zone) {
	budget := min(x.limits.MaxWork, x.work)
	before := budget
	p := s.plan
	if p == nil {
		p = newPlan(s, floating, &budget)
		for _, f := range p.faults {
			if len(x.problems) < maxProblems {
				x.problems = append(x.problems, Problem{f.line, s.uid, f.kind, f.text})
			}
		}
	}
	x.occurrences(s, p, &budget)
	x.work -= before - max(budget, 0)
	if x.work <= 0 && x.err == nil {
		x.err = fmt.Errorf("%w: its rules take too long", ErrTooMuch)
	}
}

func (x *expansion) occurrences(s *series, p *plan, budget *int) {
	for _, o := range p.overrides {
		if !o.event.dropped() || x.cancelled {
			x.add(s, p, o.key, o.event, o.plan, o.plan.first, o.plan.length)
		}
	}
	m := s.master
	if m == nil || m.dropped() && !x.cancelled {
		return
	}
	if !p.repeats {
		if !p.isReplaced(p.first) {
			x.add(s, p, p.first, m, p, p.first, p.length)
		}
		return
	}

	low := civil(x.from) - p.reach - p.shifts - margin
	high := civil(x.to) + p.shifts + margin
	var found []instance
	if p.hasFirst && p.first >= low && p.first <= high {
		found = append(found, instance{p.first, p.length})
	}
	i := sort.Search(len(p.dates), func(i int) bool { return p.dates[i].at >= low })
	for ; i < len(p.dates) && p.dates[i].at <= high; i++ {
		found = append(found, p.dates[i])
	}
	complete := true
	for _, r := range p.rules {
		complete = r.each(low, high, budget, func(c civil) bool {
			if !p.skips(c) {
				found = append(found, instance{c, p.length})
			}
			return true
		}) && complete
	}
	except := map[civil]bool{}
	for _, r := range p.exrules {
		complete = r.each(low, high, budget, func(c civil) bool {
			except[c] = true
			return true
		}) && complete
	}
	if !complete {
		x.problem(m, s.uid, ProblemLimit, fmt.Sprintf("The event in line %d repeats so often that only a part of it is used.", m.line))
	}
	slices.SortStableFunc(found, func(a, b instance) int { return cmp.Compare(a.at, b.at) })
	for i, o := range found {
		// Where a rule and an RDATE fall together, the one with a length of its
		// own counts; both are the same occurrence.
		if i+1 < len(found) && found[i+1].at == o.at {
			if o.length != p.length {
				found[i+1].length = o.length
			}
			continue
		}
		if p.except[o.at] || p.exceptDay[o.at.day()] || except[o.at] || p.isReplaced(o.at) {
			continue
		}
		x.occurrence(s, p, o)
		if x.err != nil {
			return
		}
	}
}

func (p *plan) isReplaced(c civil) bool {
	return p.replaced[c] != nil || p.replacedDay[c.day()] != nil
}

// occurrence adds one, as moved by the last THISANDFUTURE override before it.
func (x *expansion) occurrence(s *series, p *plan, o instance) {
	i := sort.Search(len(p.futures), func(i int) bool { return p.futures[i].key > o.at }) - 1
	if i < 0 {
		x.add(s, p, o.at, s.master, p, o.at, o.length)
		return
	}
	f := p.futures[i]
	if f.event.dropped() && !x.cancelled {
		return
	}
	if f.plan.wholeDays != p.wholeDays {
		// From a time to whole days or back: on the day it would have been.
		x.add(s, p, o.at, f.event, f.plan, o.at.midnight()+civil(f.plan.first.clock()), f.plan.length)
		return
	}
	x.add(s, p, o.at, f.event, p, o.at+f.shift(p), f.plan.length)
}

// add appends an occurrence of e if it lies in the window. key is its original
// start in series s, planned by p; it begins at and lasts l in the zone of own.
func (x *expansion) add(s *series, p *plan, key civil, e *event, own *plan, at civil, l length) {
	if at > civil(x.to)+margin || at+l.nominal() < civil(x.from)-margin {
		return // certainly outside, without asking the zone
	}
	a := Appointment{UID: s.uid, ShowAs: e.showAs(), Private: e.private}
	var start, end int64
	switch {
	case own.wholeDays:
		x.wholeDays(&a, at.day(), l.days)
		start, end = a.Start.Unix(), a.End.Unix()
	default:
		start, _ = own.zone.instant(at)
		if end = start + int64(l.seconds); !l.exact {
			end = max(start, l.after(at, own.zone))
		}
		if e.allDay {
			x.roundToDays(&a, own.zone, start, end)
			start, end = a.Start.Unix(), a.End.Unix()
			break
		}
		if start >= x.to || end <= x.from && (start != end || start < x.from) {
			return
		}
		a.Start, a.End = time.Unix(start, 0).UTC(), time.Unix(end, 0).UTC()
	}
	if start >= x.to || end <= x.from && (start != end || start < x.from) {
		return
	}
	if len(x.out) >= x.limits.MaxAppointments {
		x.err = fmt.Errorf("%w: more than %d appointments", ErrTooMuch, x.limits.MaxAppointments)
		return
	}
	a.ID = s.uid
	if p.repeats || len(p.overrides) > 0 || s.many {
		a.ID += "/" + p.original(s, key)
	}
	a.Subject, a.URL = e.subject, e.url
	a.Categories = slices.Clone(e.categories)
	if e.alarm != nil {
		a.Reminder = e.alarm.before(a.End.Sub(a.Start))
	}
	x.out = append(x.out, a)
}

// original formats the original start of an occurrence for its ID: in UTC, or
// without a zone if it has none, so that moving house changes no ID.
func (p *plan) original(s *series, key civil) string {
	first := s.master
	if first == nil {
		first = s.overrides[0]
	}
	switch {
	case p.wholeDays:
		return key.compactDate()
	case first.start.floats():
		return key.compact()
	}
	unix, gap := p.zone.instant(key)
	if gap { // the instant is that of another civil time, too
		return key.compact()
	}
	return civil(unix).compact() + "Z"
}

func (x *expansion) wholeDays(a *Appointment, day, days int) {
	a.AllDay = true
	a.StartDate, a.EndDate = dateFromDay(day), dateFromDay(day+days)
	start, _ := x.home.instant(midnightOf(day))
	end, _ := x.home.instant(midnightOf(day + days))
	a.Start, a.End = time.Unix(start, 0).UTC(), time.Unix(end, 0).UTC()
}

// roundToDays makes an all-day appointment of one that Outlook wrote with
// times. They are midnights of the event's zone, or if that is UTC, of the
// owner's.
func (x *expansion) roundToDays(a *Appointment, z *zone, start, end int64) {
	c := z.civil(start)
	if here := x.home.civil(start); c.clock() != 0 && here.clock() == 0 {
		c = here
	}
	days := int((end - start + secondsPerDay/2) / secondsPerDay)
	x.wholeDays(a, c.day(), max(1, days))
}

// before returns how long before the start an alarm goes off; zero if not
// before it.
func (a *alarm) before(length time.Duration) time.Duration {
	t := a.trigger.nominal()
	if a.fromEnd {
		t += length
	}
	return max(0, -t)
}
