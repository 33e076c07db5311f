package calendar

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// series is all that a calendar says about one UID.
type series struct {
	uid       string
	master    *event   // nil: only single occurrences are known
	overrides []*event // with RECURRENCE-ID
	private   bool     // the master is: then every occurrence is
	plan      *plan    // nil: it depends on the zone of the owner
	many      bool     // other events have the same UID, so that the ID needs the start
}

// group collects the events of each UID, keeps the newest of several versions,
// and prepares what does not depend on the owner's zone.
func (p *parser) group() {
	masters := map[string][]*event{}
	overrides := map[string][]*event{}
	var uids []string
	for _, e := range p.events {
		if masters[e.uid] == nil && overrides[e.uid] == nil {
			uids = append(uids, e.uid)
		}
		if e.recurrence.known {
			overrides[e.uid] = append(overrides[e.uid], e)
		} else {
			masters[e.uid] = append(masters[e.uid], e)
		}
	}
	for _, uid := range uids {
		first := &series{uid: uid, overrides: overrides[uid]}
		p.cal.series = append(p.cal.series, first)
		for i, m := range newest(masters[uid]) {
			if i == 0 {
				first.master = m
			} else {
				p.cal.series = append(p.cal.series, &series{uid: uid, master: m, many: true})
			}
		}
	}
	p.events = nil
	for _, s := range p.cal.series {
		s.promote()
	}
	work := p.limits.MaxWork * totalWork
	for _, s := range p.cal.series {
		s.private = s.master != nil && s.master.private
		for _, o := range s.overrides {
			if s.private {
				o.private, o.subject, o.url = true, "", ""
			}
		}
		if s.needsHome(p.cal.defaultZone) {
			continue
		}
		budget := min(p.limits.MaxWork, work)
		before := budget
		s.plan = newPlan(s, p.cal.defaultZone, &budget)
		work -= before - max(budget, 0)
		for _, fault := range s.plan.faults {
			p.problem(fault.line, s.uid, fault.kind, "%s", fault.text)
		}
	}
}

// promote makes a series of an occurrence without one that carries a rule:
// programs that write a RECURRENCE-ID into the series itself (Connect Daily).
func (s *series) promote() {
	if s.master != nil {
		return
	}
	i := slices.IndexFunc(s.overrides, func(e *event) bool { return len(e.rules) > 0 })
	if i < 0 {
		return
	}
	s.master = s.overrides[i]
	s.master.recurrence, s.master.future = stamp{}, false
	s.overrides = slices.Delete(s.overrides, i, i+1)
}

// newest returns the newest of the events with one UID, and with it those that
// are no versions of it: of a program that gives all events the same UID.
func newest(events []*event) []*event {
	if len(events) < 2 {
		return events
	}
	best := events[0]
	for _, e := range events[1:] {
		if !unrelated(best, e) && e.newer(best) {
			best = e
		}
	}
	out := []*event{best}
	index := map[string]int{}
	for _, e := range events {
		if !unrelated(best, e) {
			continue
		}
		key := e.start.compact()
		if !e.start.date && !e.start.floats() {
			unix, _ := e.start.in(utc).instant(e.start.at)
			key = strconv.FormatInt(unix, 10)
		}
		if i, ok := index[key]; ok {
			out[i] = e
			continue
		}
		index[key] = len(out)
		out = append(out, e)
	}
	return out
}

// unrelated reports whether two events with one UID and no RECURRENCE-ID are
// not versions of each other: nothing says which is newer, neither repeats,
// and they begin at different times.
func unrelated(a, b *event) bool {
	return a.sequence == b.sequence && a.modified == b.modified && a.stampedAt == b.stampedAt &&
		a.start != b.start && len(a.rules)+len(a.dates)+len(b.rules)+len(b.dates) == 0
}

// needsHome reports whether the plan of s depends on the zone of the owner,
// the file having no default.
func (s *series) needsHome(defaultZone *zone) bool {
	if defaultZone != nil {
		return false
	}
	m := s.master
	if m == nil {
		m = s.overrides[0]
		for _, o := range s.overrides {
			if o.start.floats() || o.recurrence.floats() {
				return true
			}
		}
	}
	if !m.start.date {
		return m.start.floats()
	}
	for _, x := range m.except {
		if x.namesInstant() {
			return true
		}
	}
	for _, d := range m.dates {
		if d.start.namesInstant() {
			return true
		}
	}
	for _, r := range slices.Concat(m.rules, m.exrules) {
		if r.until.namesInstant() {
			return true
		}
	}
	for _, o := range s.overrides {
		if o.recurrence.namesInstant() {
			return true
		}
	}
	return false
}

// namesInstant reports whether s, used with whole days, has to be converted to
// become one: Exchange writes midnight in the owner's zone as UTC.
func (s stamp) namesInstant() bool { return s.utc && s.at.clock() != 0 }

func (s stamp) floats() bool { return s.known && !s.date && !s.utc && s.zone == nil }

// plan is a series prepared for expansion: everything in civil time of the
// zone of its start. A plan is never changed once made.
type plan struct {
	zone      *zone
	wholeDays bool
	repeats   bool
	first     civil
	hasFirst  bool // the start itself is an occurrence
	length    length
	rules     []*expander
	exrules   []*expander
	dates     []instance // sorted
	except    map[civil]bool
	exceptDay map[int]bool // EXDATE given as a day for a timed event

	replaced    map[civil]*event // occurrences with an override of their own
	replacedDay map[int]*event
	overrides   []override
	futures     []override // with RANGE=THISANDFUTURE, sorted by key

	reach  civil // the longest length, in civil seconds
	shifts civil // the longest way an occurrence is moved by futures
	faults []fault
}

type fault struct {
	line int
	kind ProblemKind
	text string
}

type override struct {
	key   civil
	event *event
	plan  *plan // of the event alone
}

// length is how long an occurrence takes. With DTEND it is the same time by
// the clock for every one, with DURATION the same by the calendar (RFC 5545
// §3.8.5.3). For whole days only days counts.
type length struct {
	span
	exact bool
}

// instance is an occurrence with a length of its own, from RDATE.
type instance struct {
	at     civil
	length length
}

// newPlan prepares s; floating is the zone of times that have none, or nil if
// it is not needed. COUNT is resolved here, once, by going through the rule;
// the steps are taken from budget.
func newPlan(s *series, floating *zone, budget *int) *plan {
	m := s.master
	if m == nil {
		m = s.overrides[0]
	}
	p := &plan{wholeDays: m.start.date, first: m.start.at}
	p.zone = m.start.in(floating)
	if p.zone == nil {
		p.zone = utc // whole days, which no zone can move
	}
	if s.master != nil {
		p.addMaster(m, budget)
	}
	p.addOverrides(s, floating, budget)
	return p
}

func (p *plan) addMaster(m *event, budget *int) {
	p.hasFirst = true
	p.length = p.lengthOf(m.start, m.end, m.length, m.hasLength)
	p.repeats = len(m.rules)+len(m.dates) > 0
	p.reach = p.length.nominal()
	for _, r := range m.rules {
		if e := p.expander(m, r, budget); e != nil {
			p.rules = append(p.rules, e)
		}
	}
	for _, r := range m.exrules {
		if e := p.expander(m, r, budget); e != nil {
			p.exrules = append(p.exrules, e)
		}
	}
	for _, d := range m.dates {
		i := instance{at: p.key(d.start), length: p.length}
		if d.start.date && !p.wholeDays {
			i.at += civil(p.first.clock()) // a day for a timed event: at its time
		}
		if d.end.known || d.hasLength {
			i.length = p.lengthOf(d.start, d.end, d.length, d.hasLength)
		}
		p.reach = max(p.reach, i.length.nominal())
		p.dates = append(p.dates, i)
	}
	slices.SortStableFunc(p.dates, func(a, b instance) int { return cmp.Compare(a.at, b.at) })
	if len(m.except) > 0 {
		p.except, p.exceptDay = make(map[civil]bool, len(m.except)), map[int]bool{}
	}
	for _, x := range m.except {
		if x.date && !p.wholeDays {
			p.exceptDay[x.at.day()] = true
		} else {
			p.except[p.key(x)] = true
		}
	}
}

// key returns s in the civil time of the series. A floating value in a series
// with a zone is taken to be in that zone: the writer forgot to say so.
func (p *plan) key(s stamp) civil {
	if p.wholeDays {
		if s.namesInstant() {
			return p.zone.civil(int64(s.at)).midnight()
		}
		return s.at.midnight()
	}
	if z := s.in(nil); z != nil && z != p.zone && !s.date {
		unix, _ := z.instant(s.at)
		return p.zone.civil(unix)
	}
	return s.at
}

func (p *plan) lengthOf(start, end stamp, duration span, hasDuration bool) length {
	switch {
	case p.wholeDays && end.known:
		return length{span: span{days: max(1, end.at.day()-start.at.day())}}
	case p.wholeDays && hasDuration:
		return length{span: span{days: max(1, duration.days+duration.seconds/secondsPerDay)}}
	case p.wholeDays:
		return length{span: span{days: 1}}
	case end.known:
		from, _ := start.in(p.zone).instant(start.at)
		to, _ := end.in(start.in(p.zone)).instant(end.at)
		return length{span: span{seconds: int(max(0, to-from))}, exact: true}
	}
	return length{span: duration}
}

func (l length) nominal() civil { return civil(l.days)*secondsPerDay + civil(l.seconds) }

// expander makes a rule definite, with UNTIL and COUNT turned into its last
// occurrence.
func (p *plan) expander(m *event, r *rule, budget *int) *expander {
	e, err := newExpander(r, p.first, p.wholeDays)
	if err != nil {
		p.fault(m, ProblemRecurrence, "A rule of the event was left out: "+err.Error()+".")
		return nil
	}
	if u := r.until; u.known {
		last := u.at
		switch {
		case u.date:
			last += secondsPerDay - 1 // the whole day counts (RFC 2445 §4.3.10 was read so)
		case p.wholeDays:
			last = p.key(u)
		case u.utc: // also for a floating start, where it is wrong but common
			last = p.zone.civil(int64(u.at))
		}
		e.last = min(e.last, last)
	}
	if r.count > 0 {
		// The start always counts, whether it obeys the rule or not (RFC 5545
		// §3.3.10).
		obeys := false
		e.each(p.first, p.first, budget, func(civil) bool { obeys = true; return false })
		count := r.count
		if !obeys {
			count--
		}
		if !e.limit(count, budget, p.skips) {
			p.fault(m, ProblemLimit, "A rule of the event takes too long to count; it is read as endless.")
		}
	}
	return e
}

// skips reports whether c is left out of a rule because no clock ever shows
// it, daylight saving beginning (RFC 5545 §3.3.10).
func (p *plan) skips(c civil) bool {
	if p.wholeDays {
		return false
	}
	_, gap := p.zone.instant(c)
	return gap
}

func (p *plan) fault(e *event, kind ProblemKind, text string) {
	p.faults = append(p.faults, fault{e.line, kind, text})
}

func (p *plan) addOverrides(s *series, floating *zone, budget *int) {
	if len(s.overrides) == 0 {
		return
	}
	p.replaced, p.replacedDay = make(map[civil]*event, len(s.overrides)), map[int]*event{}
	for _, o := range s.overrides {
		if o.recurrence.date && !p.wholeDays {
			day := o.recurrence.at.day()
			if old := p.replacedDay[day]; old == nil || o.newer(old) {
				p.replacedDay[day] = o
			}
			continue
		}
		key := p.key(o.recurrence)
		if old := p.replaced[key]; old == nil || o.newer(old) {
			p.replaced[key] = o
		}
	}
	for _, o := range s.overrides {
		key := p.key(o.recurrence)
		if o.recurrence.date && !p.wholeDays {
			key += civil(p.first.clock())
			if p.replacedDay[o.recurrence.at.day()] != o || p.replaced[key] != nil {
				continue
			}
		} else if p.replaced[key] != o {
			continue
		}
		own := &plan{wholeDays: o.start.date, first: o.start.at, zone: o.start.in(floating)}
		if own.zone == nil {
			own.zone = utc
		}
		// It stands for one occurrence, whatever rules it carries.
		own.hasFirst = true
		switch {
		case !o.end.known && !o.hasLength && s.master != nil && own.wholeDays == p.wholeDays && o.start == o.recurrence:
			own.length = p.length
		default:
			own.length = own.lengthOf(o.start, o.end, o.length, o.hasLength)
		}
		entry := override{key, o, own}
		p.overrides = append(p.overrides, entry)
		if o.future && s.master != nil {
			p.futures = append(p.futures, entry)
			p.reach = max(p.reach, own.length.nominal())
			p.shifts = max(p.shifts, entry.shift(p), -entry.shift(p))
		}
	}
	slices.SortStableFunc(p.futures, func(a, b override) int { return cmp.Compare(a.key, b.key) })
}

// shift returns how far a THISANDFUTURE override moves what comes after it.
func (o override) shift(p *plan) civil {
	if o.plan.wholeDays != p.wholeDays {
		return 0
	}
	if p.wholeDays {
		return o.plan.first - o.key
	}
	unix, _ := o.plan.zone.instant(o.plan.first)
	return p.zone.civil(unix) - o.key
}

// Expand returns the occurrences that overlap from to to, to not included,
// sorted by start, up to the year 2200. Times without a zone are in that of the file, else in home;
// all-day events in home, which is UTC if nil. An occurrence that takes no
// time counts where it begins. Those that show as free are included, those
// that are cancelled or were declined are not.
//
// A time that daylight saving skips is read with the offset before (RFC 5545
// §3.3.5); where a rule generates it, there is no occurrence (§3.3.10). A time
// that comes twice is the first one.
//
// The problems are those of this expansion; Problems has the ones of the text.
// The error is about the arguments, or that the window holds more than
// Limits.MaxAppointments or takes more than fifty times Limits.MaxWork.
func (c *Calendar) Expand(from, to time.Time, home *time.Location, limits Limits) ([]Appointment, []Problem, error) {
	return c.expand(from, to, home, limits, false)
}
