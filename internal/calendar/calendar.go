// Package calendar turns iCalendar text (RFC 5545) into appointments: it reads
// what programs really write, resolves time zones, expands recurrence within a
// window and says how each occurrence counts. It does no I/O beyond the reader
// it is given, knows no clock, and does a bounded amount of work on any input.
// Fetching calendars, and what an appointment does to somebody's presence, is
// for others.
//
// What cannot be read is reported as a Problem and the rest is used. That is
// why the package has its own reader of content lines: go-ical gives up the
// whole file at the first bad line, and a filter before it would have to parse
// the lines all the same.
//
// Recurrence rules are expanded here too. The libraries cannot be bounded:
// with rrule-go v1.8.2, FREQ=HOURLY;INTERVAL=2;BYHOUR=1 from an even hour
// never returns, FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30 walks to the year 9999,
// and each window begins again at DTSTART. It also counts BYSETPOS from the
// start instead of from the beginning of the first week, and gives all seven
// days for BYWEEKNO without BYDAY. The tests compare both on random rules.
//
// Private events (CLASS other than PUBLIC) lose their subject, and the web link
// that may spell it out, while the text is read; their categories stay, because
// they choose a profile. VTODO and VJOURNAL are passed over. VFREEBUSY is
// read only in files without events, as published by servers that hide them:
// its busy periods become appointments without a subject.
package calendar

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits bounds what a calendar may cost. The zero value of each field stands
// for its default.
type Limits struct {
	MaxBytes        int64 // of text; default 64 MiB
	MaxEvents       int   // read from one text; default 100,000
	MaxDates        int   // RDATE and EXDATE values of one event; default 50,000
	MaxAppointments int   // returned by one Expand; default 50,000
	MaxWork         int   // steps for one event, a step being about a day looked at; default 200,000
}

func (l Limits) withDefaults() Limits {
	fill := func(v *int, byDefault int) {
		if *v <= 0 {
			*v = byDefault
		}
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = 64 << 20
	}
	fill(&l.MaxEvents, 100_000)
	fill(&l.MaxDates, 50_000)
	fill(&l.MaxAppointments, 50_000)
	fill(&l.MaxWork, 200_000)
	return l
}

// totalWork is how many times MaxWork all events together may take.
const totalWork = 50

// maxProblems is how many problems are reported in full.
const maxProblems = 100

// ProblemKind says what sort of thing could not be read.
type ProblemKind string

const (
	ProblemStructure  ProblemKind = "structure"  // lines and components
	ProblemTime       ProblemKind = "time"       // a date, time or duration
	ProblemZone       ProblemKind = "zone"       // a time zone
	ProblemRecurrence ProblemKind = "recurrence" // a rule
	ProblemLimit      ProblemKind = "limit"      // more than Limits allow
)

// Problem is something that could not be read or used while the rest was.
type Problem struct {
	Line    int    // from 1; 0 if it belongs to no single line
	UID     string // of the event; may be empty
	Kind    ProblemKind
	Message string // plain English for the page of the calendar; never holds a subject
}

// Calendar is what was read from one text. It never changes, so that any
// number of goroutines may use it.
type Calendar struct {
	name        string
	refresh     time.Duration
	defaultZone *zone // X-WR-TIMEZONE; nil: none
	series      []*series
	problems    []Problem
}

// Name returns NAME (RFC 7986) or X-WR-CALNAME, or the empty string.
func (c *Calendar) Name() string { return c.name }

// RefreshInterval returns how often the publisher asks to be read:
// REFRESH-INTERVAL (RFC 7986 §5.7) or X-PUBLISHED-TTL; zero: not said.
func (c *Calendar) RefreshInterval() time.Duration { return c.refresh }

// DefaultZone returns the zone X-WR-TIMEZONE names, in which times without a
// zone are read; nil if there is none, or none of the IANA database.
func (c *Calendar) DefaultZone() *time.Location {
	if c.defaultZone == nil {
		return nil
	}
	return c.defaultZone.loc
}

// Problems returns what could not be read, in the order of the text, at most a
// hundred and then how many more.
func (c *Calendar) Problems() []Problem { return slices.Clone(c.problems) }

// Errors of Parse that callers may want to tell apart.
var (
	ErrTooLarge    = errors.New("calendar: larger than allowed")
	ErrNotCalendar = errors.New("calendar: not an iCalendar text")
)

// Parse reads iCalendar text: one or several VCALENDARs, or bare components.
// It returns an error only if nothing useful can be read: the reader's own,
// ErrTooLarge or ErrNotCalendar with an explanation. The e-mail addresses of
// the calendar's owner, if given, leave out invitations the owner declined.
func Parse(r io.Reader, limits Limits, owner ...string) (*Calendar, error) {
	limits = limits.withDefaults()
	text, err := io.ReadAll(io.LimitReader(r, limits.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("calendar: read: %w", err)
	}
	if int64(len(text)) > limits.MaxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limits.MaxBytes)
	}
	p := &parser{limits: limits, cal: &Calendar{}, zones: zones{inline: map[string]*inlineZone{}, work: zoneWork}}
	for _, address := range owner {
		if address = bareAddress(address); address != "" {
			p.owner = append(p.owner, address)
		}
	}
	for l := range func(yield func(line) bool) { lines(text, yield) } {
		p.line(l)
		if p.full {
			break
		}
	}
	if !p.seen {
		return nil, fmt.Errorf("%w: %s", ErrNotCalendar, whatInstead(text))
	}
	p.finish()
	return p.cal, nil
}

func whatInstead(text []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(UTF8(text[:min(len(text), 2048)])))
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return "the text is empty"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.Contains(head, []byte("<html")):
		return "this is a web page, perhaps one that asks to sign in"
	case bytes.HasPrefix(head, []byte("begin:vcard")):
		return "these are contacts (vCard)"
	}
	return "there is no BEGIN:VCALENDAR in it"
}

func bareAddress(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	return strings.TrimSpace(strings.TrimPrefix(address, "mailto:"))
}

// event is a VEVENT as read.
type event struct {
	line       int
	uid        string
	recurrence stamp // RECURRENCE-ID
	future     bool  // RANGE=THISANDFUTURE
	start, end stamp
	length     span
	hasLength  bool
	rules      []*rule
	exrules    []*rule
	dates      []extraDate
	except     []stamp

	sequence            int
	modified, stampedAt civil

	cancelled   bool
	declined    bool // by the owner
	private     bool
	transparent bool
	tentative   bool
	allDay      bool // X-MICROSOFT-CDO-ALLDAYEVENT
	busy        *ShowAs
	intended    *ShowAs

	subject    string
	url        string
	categories []string
	alarm      *alarm
	tooMany    bool // dates beyond the limit were reported
}

// extraDate is one RDATE value; a PERIOD has an end or a length of its own.
type extraDate struct {
	start, end stamp
	length     span
	hasLength  bool
}

// alarm is the relative trigger of a VALARM.
type alarm struct {
	action  string
	trigger span
	fromEnd bool
	usable  bool
}

// dropped reports whether the event is known but must not be shown.
func (e *event) dropped() bool { return e.cancelled || e.declined }

// showAs ranks what an event says about how it counts: what Outlook wrote
// first, then TRANSP, then STATUS. Google and Apple make all-day events
// TRANSPARENT unless told otherwise; they are free, as those programs show them.
func (e *event) showAs() ShowAs {
	switch {
	case e.busy != nil:
		return *e.busy
	case e.intended != nil:
		return *e.intended
	case e.transparent:
		return Free
	case e.tentative:
		return Tentative
	}
	return Busy
}

// newer reports whether e replaces old, which came before it in the text and
// has the same UID (RFC 5546 §2.1.5).
func (e *event) newer(old *event) bool {
	if e.sequence != old.sequence {
		return e.sequence > old.sequence
	}
	if e.modified != old.modified {
		return e.modified > old.modified
	}
	return e.stampedAt >= old.stampedAt
}

// maxDepth is how deeply components may be nested; RFC 5545 knows three.
const maxDepth = 16

type parser struct {
	limits   Limits
	owner    []string
	cal      *Calendar
	zones    zones
	stack    []string
	ignored  int // components opened below maxDepth
	seen     bool
	full     bool
	method   string // of the VCALENDAR being read
	from     int    // its first event
	zoneName string // X-WR-TIMEZONE
	more     int    // problems not reported

	event    *event
	events   []*event
	busy     []*event // from VFREEBUSY
	freebusy *event
	alarm    *alarm
	zone     *inlineZone
	part     *observance
}

func (p *parser) problem(number int, uid string, kind ProblemKind, format string, args ...any) {
	if len(p.cal.problems) >= maxProblems {
		p.more++
		return
	}
	p.cal.problems = append(p.cal.problems, Problem{number, uid, kind, fmt.Sprintf(format, args...)})
}

func (p *parser) top() string {
	if len(p.stack) == 0 {
		return ""
	}
	return p.stack[len(p.stack)-1]
}

func (p *parser) line(l line) {
	switch l.name {
	case "":
		p.strayLine(l)
		return
	case "BEGIN":
		p.begin(l)
		return
	case "END":
		p.end(l)
		return
	}
	if p.ignored > 0 {
		return
	}
	switch p.top() {
	case "", "VCALENDAR":
		p.calendarProperty(l)
	case "VEVENT":
		p.eventProperty(p.event, l)
	case "VALARM":
		p.alarmProperty(l)
	case "VFREEBUSY":
		p.freebusyProperty(l)
	case "VTIMEZONE":
		p.zoneProperty(l)
	case "STANDARD", "DAYLIGHT":
		p.partProperty(l)
	}
}

func (p *parser) strayLine(l line) {
	if p.top() != "VEVENT" {
		if p.seen {
			p.problem(l.number, "", ProblemStructure, "Line %d is not a property and was left out.", l.number)
		}
		return
	}
	// Should this have been the line that makes the event private, it is.
	if len(l.raw) >= 5 && strings.EqualFold(l.raw[:5], "CLASS") {
		p.event.private = true
	}
	p.problem(l.number, p.event.uid, ProblemStructure, "Line %d is not a property and was left out.", l.number)
}

func (p *parser) begin(l line) {
	name := strings.ToUpper(strings.TrimSpace(l.value))
	if slices.Contains(outermost, name) {
		p.seen = true
		p.ignored = 0
		// None of these belongs inside another: an END is missing.
		for len(p.stack) > 0 && (p.top() != "VCALENDAR" || name == "VCALENDAR") {
			if p.top() != "VCALENDAR" {
				p.problem(l.number, "", ProblemStructure, "END:%s is missing before line %d.", known(p.top()), l.number)
			}
			p.pop()
		}
	}
	if len(p.stack) >= maxDepth {
		if p.ignored == 0 {
			p.problem(l.number, "", ProblemStructure, "Components are nested too deeply at line %d.", l.number)
		}
		p.ignored++
		return
	}
	parent := p.top()
	p.stack = append(p.stack, name)
	switch {
	case name == "VEVENT":
		if len(p.events) >= p.limits.MaxEvents {
			p.problem(l.number, "", ProblemLimit, "The calendar has more than %d events; what follows line %d was left out.", p.limits.MaxEvents, l.number)
			p.full = true
			p.stack = nil
			return
		}
		p.event = &event{line: l.number}
	case name == "VFREEBUSY":
		p.freebusy = &event{line: l.number}
	case name == "VALARM" && parent == "VEVENT":
		p.alarm = &alarm{}
	case name == "VTIMEZONE":
		p.zone = &inlineZone{}
	case (name == "STANDARD" || name == "DAYLIGHT") && parent == "VTIMEZONE":
		p.part = &observance{}
	default:
		if name == "VALARM" || name == "STANDARD" || name == "DAYLIGHT" {
			p.stack[len(p.stack)-1] = "other" // out of place
		}
	}
}

// known returns name if it is safe to show: a component of the standard.
func known(name string) string {
	if slices.Contains([]string{"VCALENDAR", "VEVENT", "VTODO", "VJOURNAL", "VTIMEZONE", "VFREEBUSY", "VALARM", "STANDARD", "DAYLIGHT"}, name) {
		return name
	}
	return "of a component"
}

func (p *parser) end(l line) {
	name := strings.ToUpper(strings.TrimSpace(l.value))
	if p.ignored > 0 {
		p.ignored--
		return
	}
	for i := len(p.stack) - 1; i >= 0; i-- {
		if p.stack[i] == name || p.stack[i] == "other" && i == len(p.stack)-1 {
			for len(p.stack) > i {
				p.pop()
			}
			return
		}
	}
	p.problem(l.number, "", ProblemStructure, "The END in line %d ends nothing.", l.number)
}

// pop closes the innermost component.
func (p *parser) pop() {
	name := p.top()
	p.stack = p.stack[:len(p.stack)-1]
	switch name {
	case "VEVENT":
		p.endEvent(p.event)
		p.event = nil
	case "VFREEBUSY":
		p.freebusy = nil
	case "VALARM":
		if a := p.alarm; a.usable && p.event.alarm == nil && (a.action == "DISPLAY" || a.action == "AUDIO" || a.action == "") {
			p.event.alarm = a
		}
		p.alarm = nil
	case "VCALENDAR":
		if p.method == "CANCEL" { // RFC 5546 §3.2.5
			for _, e := range p.events[p.from:] {
				e.cancelled = true
			}
		}
		p.method, p.from = "", len(p.events)
	case "VTIMEZONE":
		if key := zoneKey(p.zone.id); key != "" && p.zones.inline[key] == nil && len(p.zones.inline) < maxZones {
			p.zones.inline[key] = p.zone
		}
		p.zone = nil
	case "STANDARD", "DAYLIGHT":
		// 100 is far more than any zone has had laws.
		if len(p.zone.observances) < 100 {
			p.zone.observances = append(p.zone.observances, *p.part)
		}
		p.part = nil
	}
}

func (p *parser) calendarProperty(l line) {
	switch l.name {
	case "NAME":
		p.cal.name = plainText(l.value)
	case "X-WR-CALNAME":
		if p.cal.name == "" {
			p.cal.name = plainText(l.value)
		}
	case "X-WR-TIMEZONE":
		if p.zoneName == "" {
			p.zoneName = strings.TrimSpace(unescape(l.value))
		}
	case "METHOD":
		p.method = strings.ToUpper(strings.TrimSpace(l.value))
	case "REFRESH-INTERVAL":
		if s, err := parseSpan(l.value); err == nil && s.nominal() > 0 {
			p.cal.refresh = s.nominal()
		}
	case "X-PUBLISHED-TTL":
		if s, err := parseSpan(l.value); err == nil && s.nominal() > 0 && p.cal.refresh == 0 {
			p.cal.refresh = s.nominal()
		}
	}
}

// stampOf reads the value of a dated property together with its TZID.
func stampOf(l line, value string) (stamp, error) {
	s, err := parseStamp(value)
	if err != nil {
		return s, err
	}
	if tzid := l.param("TZID"); tzid != "" && !s.utc && !s.date {
		s.tzid = tzid
	}
	return s, nil
}

func (p *parser) eventProperty(e *event, l line) {
	badTime := func(err error) {
		p.problem(l.number, e.uid, ProblemTime, "%s in line %d was left out: %v.", l.name, l.number, err)
	}
	switch l.name {
	case "UID":
		e.uid = shortUID(oneLineKeep(l.value))
	case "DTSTART":
		s, err := stampOf(l, l.value)
		if err != nil {
			badTime(err)
			return
		}
		e.start = s
	case "DTEND":
		s, err := stampOf(l, l.value)
		if err != nil {
			badTime(err)
			return
		}
		e.end = s
	case "DURATION":
		s, err := parseSpan(l.value)
		if err != nil {
			badTime(err)
			return
		}
		if s.nominal() < 0 {
			badTime(errors.New("it is negative"))
			return
		}
		e.length, e.hasLength = s, true
	case "RECURRENCE-ID":
		s, err := stampOf(l, l.value)
		if err != nil {
			badTime(err)
			return
		}
		e.recurrence = s
		e.future = strings.EqualFold(l.param("RANGE"), "THISANDFUTURE")
	case "RRULE", "EXRULE": // EXRULE was taken out of the standard; old files have it
		r, err := parseRule(l.value)
		if err != nil {
			p.problem(l.number, e.uid, ProblemRecurrence, "%s in line %d was left out: %v.", l.name, l.number, err)
			return
		}
		list := &e.rules
		if l.name == "EXRULE" {
			list = &e.exrules
		}
		if len(*list) >= maxRules {
			p.problem(l.number, e.uid, ProblemLimit, "%s in line %d was left out: the event has more than %d rules.", l.name, l.number, maxRules)
			return
		}
		*list = append(*list, r)
	case "RDATE", "EXDATE":
		p.dateList(e, l)
	case "SEQUENCE":
		if n, err := strconv.Atoi(strings.TrimSpace(l.value)); err == nil {
			e.sequence = n
		}
	case "LAST-MODIFIED":
		if s, err := parseStamp(l.value); err == nil {
			e.modified = s.at
		}
	case "DTSTAMP":
		if s, err := parseStamp(l.value); err == nil {
			e.stampedAt = s.at
		}
	case "STATUS":
		switch strings.ToUpper(strings.TrimSpace(l.value)) {
		case "CANCELLED", "CANCELED":
			e.cancelled = true
		case "TENTATIVE":
			e.tentative = true
		}
	case "TRANSP":
		e.transparent = strings.EqualFold(strings.TrimSpace(l.value), "TRANSPARENT")
	case "CLASS", "X-CALENDARSERVER-ACCESS":
		// A word we do not know must be treated as PRIVATE (§3.8.1.3).
		if class := strings.TrimSpace(l.value); !strings.EqualFold(class, "PUBLIC") && class != "" {
			e.private = true
		}
	case "X-MICROSOFT-CDO-BUSYSTATUS":
		e.busy = cdoShowAs(l.value, e.busy)
	case "X-MICROSOFT-CDO-INTENDEDSTATUS":
		e.intended = cdoShowAs(l.value, e.intended)
	case "X-MICROSOFT-CDO-ALLDAYEVENT":
		e.allDay = strings.EqualFold(strings.TrimSpace(l.value), "TRUE")
	case "SUMMARY":
		e.subject = subject(l)
	case "CATEGORIES":
		for _, one := range splitText(cut(l.value, 8*maxText)) {
			if one = plainText(one); one != "" && len(e.categories) < maxCategories && !slices.Contains(e.categories, one) {
				e.categories = append(e.categories, one)
			}
		}
	case "URL":
		e.url = webAddress(l.value)
	case "ATTENDEE":
		p.attendee(e, l)
	}
}

// subject reads SUMMARY, also as vCalendar 1.0 encodes it.
func subject(l line) string {
	if strings.EqualFold(l.param("ENCODING"), "QUOTED-PRINTABLE") {
		text, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(cut(l.value, 8*maxText)))) // as far as it goes
		return oneLine(decode(text))
	}
	return plainText(l.value)
}

const (
	maxRules      = 20
	maxCategories = 50
	maxUID        = 512
)

// oneLineKeep drops control characters only: a UID is compared, not shown.
func oneLineKeep(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == '\uFFFD' {
			return -1
		}
		return r
	}, unescape(value))
}

// shortUID keeps a UID that nobody would write from being stored many times.
func shortUID(uid string) string {
	if len(uid) <= maxUID {
		return uid
	}
	sum := sha256.Sum256([]byte(uid))
	return "sha256-" + hex.EncodeToString(sum[:])
}

func cdoShowAs(value string, old *ShowAs) *ShowAs {
	if i := slices.Index(cdoNames[:], strings.ToUpper(strings.TrimSpace(value))); i >= 0 {
		s := ShowAs(i)
		return &s
	}
	return old // an unknown word says nothing
}

func webAddress(value string) string {
	value = strings.TrimSpace(value)
	if len(value) > 2*maxText {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.String()
}

func (p *parser) attendee(e *event, l line) {
	if len(p.owner) == 0 {
		return
	}
	if !slices.Contains(p.owner, bareAddress(l.value)) && !slices.Contains(p.owner, bareAddress(l.param("EMAIL"))) {
		return
	}
	switch strings.ToUpper(l.param("PARTSTAT")) {
	case "DECLINED":
		e.declined = true
	case "TENTATIVE":
		e.tentative = true
	}
}

// dateList reads RDATE and EXDATE.
func (p *parser) dateList(e *event, l line) {
	tzid := l.param("TZID")
	for value := range strings.SplitSeq(l.value, ",") {
		if strings.TrimSpace(value) == "" {
			continue
		}
		if len(e.dates)+len(e.except) >= p.limits.MaxDates {
			if !e.tooMany {
				e.tooMany = true
				p.problem(l.number, e.uid, ProblemLimit, "The event has more than %d single dates; what follows in line %d was left out.", p.limits.MaxDates, l.number)
			}
			return
		}
		first, second, isPeriod := strings.Cut(value, "/")
		s, err := parseStamp(first)
		d := extraDate{start: s}
		if err == nil && isPeriod {
			if d.end, err = parseStamp(second); err != nil {
				d.length, err = parseSpan(second)
				d.hasLength = err == nil
				if err == nil && d.length.nominal() < 0 {
					err = errors.New("it is negative")
				}
			}
		}
		if err != nil {
			p.problem(l.number, e.uid, ProblemTime, "A value of %s in line %d was left out: %v.", l.name, l.number, err)
			continue
		}
		for _, s := range []*stamp{&d.start, &d.end} {
			if s.known && !s.utc && !s.date {
				s.tzid = tzid
			}
		}
		if l.name == "EXDATE" {
			e.except = append(e.except, d.start)
		} else {
			e.dates = append(e.dates, d)
		}
	}
}

func (p *parser) alarmProperty(l line) {
	switch l.name {
	case "ACTION":
		p.alarm.action = strings.ToUpper(strings.TrimSpace(l.value))
	case "TRIGGER":
		// Absolute triggers are no time before a start that moves.
		s, err := parseSpan(l.value)
		if err != nil {
			return
		}
		p.alarm.trigger, p.alarm.usable = s, true
		p.alarm.fromEnd = strings.EqualFold(l.param("RELATED"), "END")
	}
}

func (p *parser) freebusyProperty(l line) {
	f := p.freebusy
	switch l.name {
	case "UID":
		f.uid = shortUID(oneLineKeep(l.value))
	case "FREEBUSY":
		show := Busy
		switch strings.ToUpper(l.param("FBTYPE")) { // RFC 5545 §3.2.9
		case "FREE":
			return
		case "BUSY-TENTATIVE":
			show = Tentative
		case "BUSY-UNAVAILABLE":
			show = OutOfOffice
		}
		list := line{number: l.number, name: "RDATE", params: l.params, value: l.value}
		periods := &event{uid: f.uid}
		p.dateList(periods, list)
		for _, d := range periods.dates {
			if len(p.busy) >= p.limits.MaxEvents {
				return
			}
			p.busy = append(p.busy, &event{
				line: l.number, uid: "freebusy-" + d.start.compact() + "-" + show.String(),
				start: d.start, end: d.end, length: d.length, hasLength: d.hasLength, busy: &show,
			})
		}
	}
}

func (p *parser) zoneProperty(l line) {
	switch l.name {
	case "TZID":
		if p.zone.id == "" {
			p.zone.id = strings.TrimSpace(unescape(l.value))
		}
	case "X-LIC-LOCATION":
		p.zone.location = strings.TrimSpace(l.value)
	}
}

func (p *parser) partProperty(l line) {
	o := p.part
	bad := func() {
		p.problem(l.number, "", ProblemZone, "%s of a time zone in line %d was left out.", l.name, l.number)
	}
	switch l.name {
	case "DTSTART":
		s, err := parseStamp(l.value)
		if err != nil {
			bad()
			return
		}
		o.start, o.has[0] = s.at, true
	case "TZOFFSETFROM":
		n, ok := parseOffset(l.value)
		if !ok {
			bad()
			return
		}
		o.from, o.has[1] = n, true
	case "TZOFFSETTO":
		n, ok := parseOffset(l.value)
		if !ok {
			bad()
			return
		}
		o.to, o.has[2] = n, true
	case "RRULE":
		r, err := parseRule(l.value)
		if err != nil || len(o.rules) >= maxRules {
			bad()
			return
		}
		o.rules = append(o.rules, r)
	case "RDATE":
		for value := range strings.SplitSeq(l.value, ",") {
			s, err := parseStamp(value)
			if err != nil || len(o.dates) >= maxTransitions {
				bad()
				return
			}
			o.dates = append(o.dates, s.at)
		}
	}
}

func (p *parser) endEvent(e *event) {
	if e.private {
		// An address may spell out the subject.
		e.subject, e.url = "", ""
	}
	if !e.start.known && e.recurrence.known {
		e.start = e.recurrence // a cancellation need not repeat it
	}
	if !e.start.known {
		p.problem(e.line, e.uid, ProblemTime, "The event in line %d has no start that can be read and was left out.", e.line)
		return
	}
	p.events = append(p.events, e)
}

func (p *parser) finish() {
	if len(p.stack) > 0 {
		if p.event != nil {
			// The line that would have made it private or ended its rule may
			// be among those that are missing.
			p.problem(p.event.line, p.event.uid, ProblemStructure, "The text ends in the middle of the event that begins in line %d, which was left out.", p.event.line)
			p.event = nil
			p.stack = slices.DeleteFunc(p.stack, func(name string) bool { return name == "VEVENT" || name == "VALARM" })
		}
		for len(p.stack) > 0 {
			p.pop()
		}
	}
	if len(p.events) == 0 {
		p.events = p.busy
	}
	if p.zoneName != "" {
		if z, _ := p.zones.find(p.zoneName); z != nil {
			p.cal.defaultZone = z
		} else {
			p.problem(0, "", ProblemZone, "The time zone of the calendar, %s, is not known.", shown(p.zoneName))
		}
	}
	reported := map[string]bool{}
	for _, e := range p.events {
		p.resolveZones(e, reported)
		p.checkEnd(e)
		if e.uid == "" {
			e.uid = madeUpUID(e)
		}
	}
	p.group()
	if p.more > 0 {
		p.cal.problems = append(p.cal.problems, Problem{Kind: ProblemLimit, Message: fmt.Sprintf("There are %d more problems.", p.more)})
	}
}

// shown prepares a name from the text for a message.
func shown(name string) string { return strconv.Quote(cut(oneLine(name), 64)) }

func (p *parser) resolveZones(e *event, reported map[string]bool) {
	resolve := func(s *stamp) {
		if s.tzid == "" {
			return
		}
		z, sure := p.zones.find(s.tzid)
		s.zone = z
		if sure || reported[s.tzid] || len(reported) >= maxProblems {
			return
		}
		reported[s.tzid] = true
		if z == nil {
			p.problem(e.line, e.uid, ProblemZone, "The time zone %s is not known; its times are read as local.", shown(s.tzid))
		} else {
			p.problem(e.line, e.uid, ProblemZone, "The time zone %s is not known; its offset is used without daylight saving.", shown(s.tzid))
		}
	}
	resolve(&e.start)
	resolve(&e.end)
	resolve(&e.recurrence)
	for i := range e.dates {
		resolve(&e.dates[i].start)
		resolve(&e.dates[i].end)
	}
	for i := range e.except {
		resolve(&e.except[i])
	}
}

// checkEnd drops an end before the start, and one too far away.
func (p *parser) checkEnd(e *event) {
	if !e.end.known {
		return
	}
	if e.hasLength { // both are not allowed; the end is what people saw
		e.hasLength, e.length = false, span{}
	}
	if e.start.date && !e.end.date { // the days are meant
		e.end = stamp{at: e.end.at.midnight(), date: true, known: true}
	}
	if e.end.date && !e.start.date { // a timed event until a day: until its midnight
		e.end = stamp{at: e.end.at, tzid: e.start.tzid, zone: e.start.zone, utc: e.start.utc, known: true}
	}
	start, _ := e.start.in(utc).instant(e.start.at)
	end, _ := e.end.in(e.start.in(utc)).instant(e.end.at)
	switch {
	case end < start:
		p.problem(e.line, e.uid, ProblemTime, "The event in line %d ends before it begins; its end was left out.", e.line)
		e.end = stamp{}
	case end-start > maxSpan*secondsPerDay:
		p.problem(e.line, e.uid, ProblemTime, "The event in line %d lasts longer than ten years; its end was left out.", e.line)
		e.end = stamp{}
	}
}

// madeUpUID identifies an event without a UID by its times.
func madeUpUID(e *event) string {
	h := sha256.New()
	fmt.Fprintln(h, e.start.compact(), e.start.tzid, e.end.compact(), e.length, e.rules)
	return "no-uid-" + hex.EncodeToString(h.Sum(nil)[:8])
}
