package dominotest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func etag(text []byte) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(text))[:16]) }

// zoneNames are what Notes calls zones, which is neither what IANA nor what Windows calls them.
var zoneNames = map[string]*zone{
	"UTC":                 nil,
	"Europe/Berlin":       {"Western/Central Europe", "+0100", "+0200", "10", "-1SU", "3", "-1SU", "19501029", "19500326"},
	"America/New_York":    {"Eastern", "-0500", "-0400", "11", "1SU", "3", "2SU", "19501105", "19500312"},
	"America/Los_Angeles": {"Pacific", "-0800", "-0700", "11", "1SU", "3", "2SU", "19501105", "19500312"},
	"Asia/Kolkata":        {tzid: "India", standard: "+0530", daylight: "+0530", begins: "19500101"},
}

// zone is a time zone as Notes writes it. America's clocks change at 2:00 on themselves, as do Berlin's to summer; to
// winter those change at 3:00.
type zone struct {
	tzid               string
	standard, daylight string
	month, on          string // when standard time begins
	summer, summerOn   string // and daylight saving
	begins, summerFrom string
}

func (z *zone) hour() string {
	if z.standard == "+0100" {
		return "03"
	}
	return "02"
}

type zoneSet map[string]*zone

func (z *zone) json() map[string]any {
	at := func(date, hour string) map[string]any {
		return map[string]any{"date": date[:4] + "-" + date[4:6] + "-" + date[6:], "time": hour + ":00:00"}
	}
	out := map[string]any{"tzid": z.tzid}
	if z.month == "" {
		out["standard"] = map[string]any{"start": at(z.begins, "00"), "offsetFrom": z.standard, "offsetTo": z.standard}
		return out
	}
	rule := func(month, on, hour string) string {
		return "FREQ=YEARLY;BYMONTH=" + month + ";BYDAY=" + on + ";BYHOUR=" + strings.TrimPrefix(hour, "0") + ";BYMINUTE=0"
	}
	out["standard"] = map[string]any{"start": at(z.begins, z.hour()), "offsetFrom": z.daylight, "offsetTo": z.standard, "recurrenceRule": rule(z.month, z.on, z.hour())}
	out["daylight"] = map[string]any{"start": at(z.summerFrom, "02"), "offsetFrom": z.standard, "offsetTo": z.daylight, "recurrenceRule": rule(z.summer, z.summerOn, "02")}
	return out
}

func (z *zone) ical(b *bytes.Buffer) {
	fmt.Fprintf(b, "BEGIN:VTIMEZONE\r\nTZID:%s\r\n", z.tzid)
	part := func(name, start, hour, from, to, month, on string) {
		fmt.Fprintf(b, "BEGIN:%s\r\nDTSTART:%sT%s0000\r\nTZOFFSETFROM:%s\r\nTZOFFSETTO:%s\r\n", name, start, hour, from, to)
		if month != "" {
			fmt.Fprintf(b, "RRULE:FREQ=YEARLY;BYMINUTE=0;BYHOUR=%s;BYDAY=%s;BYMONTH=%s\r\n", strings.TrimPrefix(hour, "0"), on, month)
		}
		fmt.Fprintf(b, "END:%s\r\n", name)
	}
	part("STANDARD", z.begins, z.hour(), z.daylight, z.standard, z.month, z.on)
	if z.month != "" {
		part("DAYLIGHT", z.summerFrom, "02", z.standard, z.daylight, z.summer, z.summerOn)
	}
	b.WriteString("END:VTIMEZONE\r\n")
}

func (z zoneSet) list() (out []any) {
	for _, name := range slices.Sorted(maps.Keys(z)) {
		out = append(out, z[name].json())
	}
	return out
}

// moment writes a time (JsonDatePropertyAdapter).
func (s *Server) moment(t time.Time, allDay bool, zones zoneSet) map[string]any {
	if allDay {
		return map[string]any{"date": t.Format(time.DateOnly)}
	}
	if z := zoneNames[t.Location().String()]; s.c.Zones && z != nil {
		zones[z.tzid] = z
		return map[string]any{"date": t.Format(time.DateOnly), "time": t.Format(time.TimeOnly), "tzid": z.tzid}
	}
	t = t.UTC()
	return map[string]any{"date": t.Format(time.DateOnly), "time": t.Format(time.TimeOnly), "utc": true}
}

func (e *Event) kind() string {
	switch {
	case e.Type != "":
		return e.Type
	case e.AllDay:
		return "2"
	}
	return "0"
}

// event writes an entry of a list (JsonEventAdapter).
func (s *Server) event(f *mailFile, l *listed, zones zoneSet) map[string]any {
	uid, recurrence := l.UID, l.RecurrenceID
	if s.c.OldDesign && recurrence != "" {
		uid, recurrence = l.UID+"-"+recurrence, ""
	}
	href := "/" + f.path + "/api/calendar/events/" + url.PathEscape(uid)
	if recurrence != "" {
		href += "/" + recurrence
	}
	property := func(data string) map[string]any { return map[string]any{"data": data} }
	class, transparency := l.Class, "opaque"
	if class == "" {
		class = "public"
	}
	if l.Transparent {
		transparency = "transparent"
	}
	out := map[string]any{
		"href": href, "id": uid, "summary": l.Subject, "location": "Room 4711", "start": s.moment(l.Start, l.AllDay, zones),
		"class": class, "transparency": transparency, "sequence": l.series.sequence, "x-lotus-summarydataonly": property("TRUE"), "x-lotus-appttype": property(l.kind()),
	}
	if l.kind() != "4" {
		out["end"] = s.moment(l.End, l.AllDay, zones)
	}
	if recurrence != "" {
		out["recurrenceId"] = recurrence
	}
	if l.Status != "" {
		out["status"] = l.Status
	}
	if l.Notice != "" {
		out["x-lotus-noticetype"] = property(l.Notice)
	}
	if len(l.Categories) > 0 {
		out["categories"] = strings.Join(l.Categories, ";")
	}
	if l.Reminder > 0 {
		out["alarm"] = []any{map[string]any{"action": "DISPLAY", "trigger": map[string]any{"value": fmt.Sprintf("-PT%dM", l.Reminder)}}}
	}
	if l.Repeat != nil {
		out["recurrenceRule"] = l.Repeat.rule(l.series.until())
		out["links"] = []any{map[string]any{"rel": "instances", "href": href + "/instances"}}
		var except []any
		for _, date := range slices.Sorted(maps.Keys(l.series.changed)) {
			if l.series.changed[date] == nil {
				d, _ := time.Parse(time.DateOnly, date) // made by Format
				at := l.series.at(d)
				except = append(except, s.moment(at.Start, at.AllDay, zones))
			}
		}
		if len(except) > 0 {
			out["exceptDates"] = except
		}
	}
	return out
}

// until is the UNTIL of a series; empty: none.
func (one *series) until() string {
	if one.Repeat == nil || one.Repeat.Until.IsZero() {
		return ""
	}
	return one.recurrenceID(dayOf(one.Repeat.Until))
}

// whole answers an entry with all that was changed in it, in either form.
func (s *Server) whole(r *http.Request, f *mailFile, uid string) *reply {
	q, bad := parameters(r, "format")
	if bad != nil {
		return bad
	}
	one := f.series[uid]
	if one == nil {
		return failed(http.StatusNotFound, "Error reading event")
	}
	all := []*listed{{series: one, Occurrence: &Occurrence{Event: one.Event}}}
	for _, date := range slices.Sorted(maps.Keys(one.changed)) {
		if e := one.changed[date]; e != nil {
			d, _ := time.Parse(time.DateOnly, date) // made by Format
			all = append(all, &listed{series: one, Occurrence: &Occurrence{Event: *e, RecurrenceID: one.recurrenceID(d)}})
		}
	}
	switch q.Get("format") {
	case "icalendar":
		return text(http.StatusOK, "text/calendar; charset=utf-8", s.ical(all))
	case "":
		return s.document(f, all)
	}
	return failed(http.StatusBadRequest, "Invalid format parameter.")
}

func (s *Server) document(f *mailFile, all []*listed) *reply {
	zones := zoneSet{}
	var events []any
	for _, l := range all {
		events = append(events, s.event(f, l, zones))
	}
	body := map[string]any{"events": events}
	if len(zones) > 0 {
		body["timezones"] = zones.list()
	}
	return asJSON(http.StatusOK, body)
}

func (s *Server) instances(f *mailFile, t target) *reply {
	one := f.series[t.uid]
	switch {
	case one == nil:
		return failed(http.StatusNotFound, "Error reading event")
	case one.Repeat == nil:
		return failed(http.StatusBadRequest, "Event does not recur")
	}
	list := []any{}
	for _, o := range one.occurrences(one.Start.AddDate(10, 0, 0)) {
		list = append(list, map[string]any{"recurrenceId": o.RecurrenceID, "href": "/" + f.path + "/api/calendar/events/" + url.PathEscape(t.uid) + "/" + o.RecurrenceID})
	}
	return asJSON(http.StatusOK, map[string]any{"instances": list})
}

func (s *Server) instance(f *mailFile, t target) *reply {
	one := f.series[t.uid]
	if one == nil {
		return failed(http.StatusNotFound, "Error reading event")
	}
	for _, o := range one.occurrences(one.Start.AddDate(10, 0, 0)) {
		if o.RecurrenceID == t.instance && one.Repeat != nil {
			return s.document(f, []*listed{{series: one, Occurrence: o}})
		}
	}
	return failed(http.StatusNotFound, "Error reading event")
}

var escape = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// ical writes an entry and what was changed in it, as Notes does (the folding apart).
func (s *Server) ical(all []*listed) string {
	var b bytes.Buffer
	b.WriteString("BEGIN:VCALENDAR\r\nX-LOTUS-CHARSET:UTF-8\r\nVERSION:2.0\r\nPRODID:-//Lotus Development Corporation//NONSGML Notes 9.0//EN_API_S\r\n")
	first := all[0]
	z := zoneNames[first.Start.Location().String()]
	if z != nil && !first.AllDay {
		z.ical(&b)
	}
	at := func(name string, t time.Time, allDay bool) {
		own := zoneNames[t.Location().String()]
		switch {
		case allDay:
			fmt.Fprintf(&b, "%s;VALUE=DATE:%s\r\n", name, t.Format("20060102"))
		case own != nil && own == z:
			fmt.Fprintf(&b, "%s;TZID=%q:%s\r\n", name, z.tzid, t.Format("20060102T150405"))
		default:
			fmt.Fprintf(&b, "%s:%s\r\n", name, t.UTC().Format("20060102T150405Z"))
		}
	}
	for _, l := range all {
		b.WriteString("BEGIN:VEVENT\r\n")
		at("DTSTART", l.Start, l.AllDay)
		at("DTEND", l.End, l.AllDay)
		if l.Transparent {
			b.WriteString("TRANSP:TRANSPARENT\r\n")
		} else {
			b.WriteString("TRANSP:OPAQUE\r\n")
		}
		if l.Repeat != nil {
			fmt.Fprintf(&b, "RRULE:%s\r\n", l.Repeat.rule(l.series.until()))
			for _, date := range slices.Sorted(maps.Keys(l.series.changed)) {
				if l.series.changed[date] != nil {
					continue
				}
				d, _ := time.Parse(time.DateOnly, date) // made by Format
				if l.AllDay {
					fmt.Fprintf(&b, "EXDATE;VALUE=DATE:%s\r\n", l.series.recurrenceID(d))
				} else {
					fmt.Fprintf(&b, "EXDATE:%s\r\n", l.series.recurrenceID(d))
				}
			}
		}
		switch {
		case l.RecurrenceID == "":
		case l.AllDay:
			fmt.Fprintf(&b, "RECURRENCE-ID;VALUE=DATE:%s\r\n", l.RecurrenceID)
		default:
			fmt.Fprintf(&b, "RECURRENCE-ID:%s\r\n", l.RecurrenceID)
		}
		class := strings.ToUpper(l.Class)
		if class == "" {
			class = "PUBLIC"
		}
		fmt.Fprintf(&b, "DTSTAMP:20260101T000000Z\r\nSEQUENCE:%d\r\nCLASS:%s\r\nSUMMARY:%s\r\nUID:%s\r\n", l.series.sequence, class, escape.Replace(l.Subject), l.UID)
		if l.Status != "" {
			fmt.Fprintf(&b, "STATUS:%s\r\n", strings.ToUpper(l.Status))
		}
		if len(l.Categories) > 0 {
			fmt.Fprintf(&b, "CATEGORIES:%s\r\n", escape.Replace(strings.Join(l.Categories, "\x00")))
		}
		fmt.Fprintf(&b, "X-LOTUS-APPTTYPE:%s\r\nX-LOTUS-NOTESVERSION:2\r\n", l.kind())
		if l.Reminder > 0 {
			fmt.Fprintf(&b, "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT%dM\r\nEND:VALARM\r\n", l.Reminder)
		}
		b.WriteString("END:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return strings.ReplaceAll(b.String(), "\x00", ",")
}
