package calendar

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzParse checks on any text that nothing panics, that limits are kept, that
// Strip loses nothing, and that the subject of a private event goes nowhere.
func FuzzParse(f *testing.F) {
	for _, name := range []string{
		"node-ical/exchange_whole_day_moved_recurrence.ics", "node-ical/bad_custom_ms_tz2.ics", "node-ical/test_with_tz_list.ics",
		"recurring-ical-events/issue_75_range_parameter.ics", "recurring-ical-events/issue_113_period_rdate_duration.ics",
		"recurring-ical-events/issue_18_cancel_status.ics", "ical4j/friday13-NOT.ics", "ical4j/evolution.ics",
		"ical4j/test-relaxed-parsing.ics", "libical/malloc.ics", "libical/issue252.ics", "kcalendarcore/unsorted/rdate.ics",
		"icalendar/multiple_calendar_components.ics", "node-ical/vfreebusy-zimbra.ics",
	} {
		text, err := os.ReadFile(referenceFolder + "/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	limits := Limits{MaxBytes: 1 << 16, MaxEvents: 50, MaxDates: 100, MaxAppointments: 2000, MaxWork: 20_000}
	f.Fuzz(func(t *testing.T, text []byte) {
		berlin := zoneNamed(t, "Europe/Berlin")
		if c, err := Parse(bytes.NewReader(text), limits); err == nil {
			for _, home := range []*time.Location{berlin, time.UTC} {
				checkCalendar(t, c, from, from.AddDate(0, 3, 0), home, limits)
			}
		}
		checkSecret(t, text, from, berlin, limits)
	})
}

// checkSecret puts text into an event that is private, at either end, and
// looks for the subject.
func checkSecret(t *testing.T, text []byte, from time.Time, home *time.Location, limits Limits) {
	const secret = "zqSECRETqz"
	if bytes.Contains(bytes.ToLower(text), []byte("zq")) || len(text) > 1<<15 {
		return
	}
	inside := strings.TrimRight(string(text), "\r\n")
	if inside == "" || inside[0] == ' ' || inside[0] == '\t' || inside[0] == '\r' || inside[0] == '\n' {
		inside = "X:" + inside // nothing that continues the line before it
	}
	for _, whole := range []string{
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nCLASS:PRIVATE\nUID:p\nSUMMARY:" + secret + "\nDESCRIPTION:" + secret + "\nLOCATION:" + secret +
			"\nURL:https://x.org/" + secret + "\nDTSTART:20240105T090000Z\n" + inside + "\nEND:VEVENT\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\n" + inside + "\nBEGIN:VEVENT\nUID:p\nDTSTART:20240105T090000Z\nSUMMARY:" + secret + "\nCLASS:CONFIDENTIAL\nEND:VEVENT\nEND:VCALENDAR\n",
	} {
		c, err := Parse(strings.NewReader(whole), limits)
		if err != nil {
			continue
		}
		got, problems, _ := c.Expand(from, from.AddDate(0, 3, 0), home, limits)
		if all := fmt.Sprintf("%+v %+v %+v %s", got, problems, c.Problems(), c.Strip()); strings.Contains(all, secret) {
			t.Fatalf("the subject of a private event leaks:\n%s\nfrom\n%s", all, whole)
		}
	}
}

// FuzzRule checks that a rule that is accepted is expanded in order, within its
// bounds and budget, and the same after it has been written.
func FuzzRule(f *testing.F) {
	for _, text := range []string{
		"FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU", "FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1,-1",
		"FREQ=YEARLY;BYWEEKNO=53,-1;BYDAY=TU", "FREQ=HOURLY;INTERVAL=2;BYHOUR=1;COUNT=3", "FREQ=YEARLY;BYYEARDAY=-366;COUNT=2",
	} {
		f.Add(text, int64(1_704_445_200))
	}
	f.Fuzz(func(t *testing.T, text string, start int64) {
		r, err := parseRule(text)
		if err != nil || start < -62_135_596_800 || start > int64(horizon) {
			return
		}
		e, err := newExpander(r, civil(start), false)
		if err != nil {
			return
		}
		list := func(e *expander) (out []civil) {
			budget := 20_000
			if r.count > 0 {
				e.limit(r.count, &budget, func(civil) bool { return false })
			}
			from := civil(start) + 1000*secondsPerDay
			e.each(from, from+400*secondsPerDay, &budget, func(c civil) bool {
				if c < from || c > from+400*secondsPerDay || len(out) > 0 && c <= out[len(out)-1] {
					t.Fatalf("%q from %d: %d after %v", text, start, c, out)
				}
				out = append(out, c)
				return true
			})
			if budget < -400 {
				t.Fatalf("%q: budget overdrawn by %d", text, -budget)
			}
			return out
		}
		again, err := parseRule(r.String())
		if err != nil {
			t.Fatalf("%q is written %q: %v", text, r, err)
		}
		e2, err := newExpander(again, civil(start), false)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := fmt.Sprint(list(e)), fmt.Sprint(list(e2)); a != b {
			t.Fatalf("%q is %s, written as %q it is %s", text, a, r, b)
		}
	})
}
