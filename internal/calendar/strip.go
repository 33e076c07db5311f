package calendar

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Strip returns c as iCalendar with what scheduling needs and nothing else:
// no descriptions, places or people, and of private events no subject and no
// address. Parsing it gives a calendar that expands to the same and strips to
// the same; this is the form to keep.
func (c *Calendar) Strip() []byte {
	w := &writer{zones: map[*zone]string{}}
	var body writer
	body.zones = w.zones
	for _, s := range c.series {
		// What says which of several versions is newer has been used, except
		// where that depends on the zone of the owner.
		if s.master != nil {
			body.event(s.master, false)
		}
		if s.plan == nil {
			for _, o := range s.overrides {
				body.event(o, true)
			}
			continue
		}
		for _, o := range s.plan.overrides {
			body.event(o.event, false)
		}
	}
	w.line("BEGIN", "VCALENDAR")
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//Doorlight//calendar//EN")
	if c.name != "" {
		w.line("X-WR-CALNAME", escape(c.name))
	}
	if c.refresh > 0 {
		w.line("REFRESH-INTERVAL;VALUE=DURATION", span{seconds: int(c.refresh.Seconds())}.String())
	}
	if c.defaultZone != nil {
		w.line("X-WR-TIMEZONE", body.zone(c.defaultZone))
	}
	for _, z := range body.inline {
		w.timeZone(z)
	}
	w.Write(body.Bytes())
	w.line("END", "VCALENDAR")
	return w.Bytes()
}

// writer writes content lines.
type writer struct {
	bytes.Buffer
	zones  map[*zone]string
	inline []*zone // those that need a VTIMEZONE, in the order of their names
}

// line writes one, folded after 75 bytes as RFC 5545 §3.1 wants it.
func (w *writer) line(name, value string) {
	text := name + ":" + value
	for limit := 75; len(text) > limit; limit = 74 {
		first := cut(text, limit)
		w.WriteString(first + "\r\n ")
		text = text[len(first):]
	}
	w.WriteString(text + "\r\n")
}

// zone returns the TZID for z.
func (w *writer) zone(z *zone) string {
	if z.loc != nil {
		return z.name
	}
	name, ok := w.zones[z]
	if !ok {
		w.inline = append(w.inline, z)
		name = fmt.Sprintf("Zone %d", len(w.inline))
		w.zones[z] = name
	}
	return name
}

func (w *writer) stamp(name string, s stamp) {
	switch {
	case s.date:
		name += ";VALUE=DATE"
	case s.zone != nil:
		name += ";TZID=" + w.zone(s.zone)
	}
	w.line(name, s.compact())
}

func (w *writer) timeZone(z *zone) {
	w.line("BEGIN", "VTIMEZONE")
	w.line("TZID", w.zones[z])
	for _, o := range z.source.observances {
		if !o.complete() {
			continue
		}
		w.line("BEGIN", "STANDARD")
		w.line("DTSTART", o.start.compact())
		w.line("TZOFFSETFROM", offsetText(o.from))
		w.line("TZOFFSETTO", offsetText(o.to))
		for _, r := range o.rules {
			w.line("RRULE", r.String())
		}
		for _, d := range o.dates {
			w.line("RDATE", d.compact())
		}
		w.line("END", "STANDARD")
	}
	w.line("END", "VTIMEZONE")
}

func offsetText(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	text := fmt.Sprintf("%c%02d%02d", sign, seconds/secondsPerHour, seconds/60%60)
	if seconds%60 != 0 {
		text += fmt.Sprintf("%02d", seconds%60)
	}
	return text
}

// event writes e; with versions also what tells it from others of its UID.
func (w *writer) event(e *event, versions bool) {
	w.line("BEGIN", "VEVENT")
	w.line("UID", escape(e.uid))
	if versions {
		w.version(e)
	}
	if e.recurrence.known {
		name := "RECURRENCE-ID"
		if e.future {
			name += ";RANGE=THISANDFUTURE"
		}
		w.stamp(name, e.recurrence)
	}
	w.stamp("DTSTART", e.start)
	if e.end.known {
		w.stamp("DTEND", e.end)
	}
	if e.hasLength {
		w.line("DURATION", e.length.String())
	}
	for _, r := range e.rules {
		w.line("RRULE", r.String())
	}
	for _, r := range e.exrules {
		w.line("EXRULE", r.String())
	}
	for _, d := range e.dates {
		w.extraDate(d)
	}
	w.exceptions(e.except)
	if e.dropped() {
		w.line("STATUS", "CANCELLED")
	}
	switch show := e.showAs(); {
	case show == Free:
		w.line("TRANSP", "TRANSPARENT")
	case show == Tentative && !e.dropped():
		w.line("STATUS", "TENTATIVE")
	case show != Busy:
		w.line("X-MICROSOFT-CDO-BUSYSTATUS", cdoNames[show])
	}
	if e.private {
		w.line("CLASS", "PRIVATE")
	} else if e.subject != "" {
		w.line("SUMMARY", escape(e.subject))
	}
	if e.allDay {
		w.line("X-MICROSOFT-CDO-ALLDAYEVENT", "TRUE")
	}
	if len(e.categories) > 0 {
		escaped := slices.Clone(e.categories)
		for i, one := range escaped {
			escaped[i] = escape(one)
		}
		w.line("CATEGORIES", strings.Join(escaped, ","))
	}
	if e.url != "" && !e.private {
		w.line("URL", e.url)
	}
	if a := e.alarm; a != nil {
		w.line("BEGIN", "VALARM")
		w.line("ACTION", "DISPLAY")
		name := "TRIGGER"
		if a.fromEnd {
			name += ";RELATED=END"
		}
		w.line(name, a.trigger.String())
		w.line("END", "VALARM")
	}
	w.line("END", "VEVENT")
}

// version writes what event.newer compares.
func (w *writer) version(e *event) {
	if e.sequence != 0 {
		w.line("SEQUENCE", fmt.Sprint(e.sequence))
	}
	if e.modified != 0 {
		w.line("LAST-MODIFIED", e.modified.compact()+"Z")
	}
	if e.stampedAt != 0 {
		w.line("DTSTAMP", e.stampedAt.compact()+"Z")
	}
}

func (w *writer) extraDate(d extraDate) {
	if !d.end.known && !d.hasLength {
		w.stamp("RDATE", d.start)
		return
	}
	name, value := "RDATE;VALUE=PERIOD", d.start.compact()
	if d.start.zone != nil {
		name += ";TZID=" + w.zone(d.start.zone)
	}
	if d.hasLength {
		w.line(name, value+"/"+d.length.String())
	} else {
		w.line(name, value+"/"+d.end.compact())
	}
}

// exceptions writes EXDATE, as many of one kind on a line as follow each other.
func (w *writer) exceptions(except []stamp) {
	for len(except) > 0 {
		first, n := except[0], 1
		for n < len(except) && except[n].date == first.date && except[n].utc == first.utc && except[n].zone == first.zone {
			n++
		}
		values := make([]string, n)
		for i := range n {
			values[i] = except[i].compact()
		}
		name := "EXDATE"
		switch {
		case first.date:
			name += ";VALUE=DATE"
		case first.zone != nil:
			name += ";TZID=" + w.zone(first.zone)
		}
		w.line(name, strings.Join(values, ","))
		except = except[n:]
	}
}

// String formats s as a DURATION.
func (s span) String() string {
	days, seconds, sign := s.days, s.seconds, ""
	if days < 0 || seconds < 0 {
		days, seconds, sign = -days, -seconds, "-"
	}
	text := sign + "P"
	if days != 0 {
		text += fmt.Sprintf("%dD", days)
	}
	if seconds != 0 || days == 0 {
		text += fmt.Sprintf("T%dS", seconds)
	}
	return text
}
