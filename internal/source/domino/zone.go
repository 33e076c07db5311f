package domino

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

// timeZone is a VTIMEZONE in JSON (timeZone and tzObservance in the description).
type timeZone struct {
	TZID     string      `json:"tzid"`
	Standard *observance `json:"standard"`
	Daylight *observance `json:"daylight"`
}

type observance struct {
	Start          *dateTime `json:"start"`
	OffsetFrom     string    `json:"offsetFrom"`
	OffsetTo       string    `json:"offsetTo"`
	RecurrenceRule string    `json:"recurrenceRule"`
}

var (
	offsetOnly = regexp.MustCompile(`^[+-][0-9]{4}([0-9]{2})?$`)
	ruleOnly   = regexp.MustCompile(`^[A-Z0-9=;,+-]{1,300}$`)
	atHour     = regexp.MustCompile(`;BY(HOUR|MINUTE|SECOND)=[0-9]+`) // those of the start, which Notes repeats
)

// resolver reads times in the zones of an answer. It leaves that to package calendar, which knows the names of IANA and
// of Windows, and what to do with a time that does not exist or comes twice.
type resolver struct {
	zones  string // VTIMEZONEs
	only   string // the one zone there is, for times without; else empty
	solved map[dateTime]time.Time
}

const maxZones = 100

func newResolver(zones []timeZone) *resolver {
	r := &resolver{solved: map[dateTime]time.Time{}}
	if len(zones) == 1 && nameable(zones[0].TZID) {
		r.only = zones[0].TZID
	}
	var b strings.Builder
	for _, z := range zones[:min(len(zones), maxZones)] {
		if !nameable(z.TZID) || z.Standard == nil && z.Daylight == nil {
			continue
		}
		fmt.Fprintf(&b, "BEGIN:VTIMEZONE\r\nTZID:%s\r\n", strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`).Replace(z.TZID))
		for name, o := range map[string]*observance{"STANDARD": z.Standard, "DAYLIGHT": z.Daylight} {
			if o == nil || o.Start == nil || !offsetOnly.MatchString(o.OffsetFrom) || !offsetOnly.MatchString(o.OffsetTo) {
				continue
			}
			start, err := o.Start.wall()
			if err != nil {
				continue
			}
			fmt.Fprintf(&b, "BEGIN:%s\r\nDTSTART:%s\r\nTZOFFSETFROM:%s\r\nTZOFFSETTO:%s\r\n", name, start.Format("20060102T150405"), o.OffsetFrom, o.OffsetTo)
			if rule := atHour.ReplaceAllString(o.RecurrenceRule, ""); ruleOnly.MatchString(rule) {
				fmt.Fprintf(&b, "RRULE:%s\r\n", rule)
			}
			fmt.Fprintf(&b, "END:%s\r\n", name)
		}
		b.WriteString("END:VTIMEZONE\r\n")
	}
	r.zones = b.String()
	return r
}

// nameable reports whether a name can stand in a parameter (RFC 5545 §3.2).
func nameable(tzid string) bool {
	return tzid != "" && len(tzid) <= 200 && !strings.ContainsRune(tzid, '"') && !strings.ContainsFunc(tzid, control)
}

// prepare reads the times of several events at once.
func (r *resolver) prepare(events []event) {
	var open []dateTime
	seen := map[dateTime]bool{}
	for i := range events {
		for _, d := range []*dateTime{events[i].Start, events[i].End} {
			if d == nil || d.UTC || d.Time == "" {
				continue
			}
			if _, err := d.wall(); err == nil && !seen[*d] {
				seen[*d] = true
				open = append(open, *d)
			}
		}
	}
	if len(open) == 0 {
		return
	}
	var b bytes.Buffer
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Doorlight//domino//EN\r\n" + r.zones)
	for i, d := range open {
		t, _ := d.wall() // it can be read, see above
		zone := d.TZID
		if zone == "" {
			zone = r.only
		}
		parameter := ""
		switch {
		case nameable(zone):
			parameter = `;TZID="` + zone + `"`
		case zone != "":
			continue
		}
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d\r\nDTSTART%s:%s\r\nEND:VEVENT\r\n", i, parameter, t.Format("20060102T150405"))
	}
	b.WriteString("END:VCALENDAR\r\n")
	c, err := calendar.Parse(&b, calendar.Limits{})
	if err != nil {
		return
	}
	all, _, err := c.Expand(time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC, calendar.Limits{})
	if err != nil {
		return
	}
	for _, a := range all {
		var i int
		if _, err := fmt.Sscan(a.UID, &i); err == nil && i >= 0 && i < len(open) {
			r.solved[open[i]] = a.Start
		}
	}
}

// instant reads a time. One without a zone is in the only zone of the answer, or else in UTC.
func (r *resolver) instant(d *dateTime) (time.Time, error) {
	t, err := d.wall()
	if err != nil || d.UTC || d.Time == "" {
		return t, err
	}
	if solved, ok := r.solved[*d]; ok {
		return solved, nil
	}
	return time.Time{}, errTime
}
