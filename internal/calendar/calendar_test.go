package calendar

import (
	"errors"
	"fmt"
	"go/build"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// parse reads lines as one VCALENDAR, unless they bring their own.
func parse(t testing.TB, text string, owner ...string) *Calendar {
	t.Helper()
	if !strings.Contains(text, "BEGIN:VCALENDAR") {
		text = "BEGIN:VCALENDAR\n" + text + "\nEND:VCALENDAR\n"
	}
	c, err := Parse(strings.NewReader(text), Limits{}, owner...)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return c
}

// vevent makes a VEVENT of lines.
func vevent(lines ...string) string {
	return "BEGIN:VEVENT\nUID:u\n" + strings.Join(lines, "\n") + "\nEND:VEVENT\n"
}

func zoneNamed(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// expandAll returns everything of the years 2020 to 2029, for an owner in Berlin.
func expandAll(t testing.TB, c *Calendar) []Appointment {
	t.Helper()
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	got, problems, err := c.Expand(from, from.AddDate(10, 0, 0), zoneNamed(t, "Europe/Berlin"), Limits{})
	if err != nil || len(problems) > 0 {
		t.Fatalf("Expand: %v, %v", err, problems)
	}
	return got
}

// spans formats appointments for comparison: days for all-day ones, else UTC.
func spans(list []Appointment) []string {
	out := []string{}
	for _, a := range list {
		if a.AllDay {
			out = append(out, a.StartDate.String()+".."+a.EndDate.String())
			continue
		}
		out = append(out, a.Start.Format("2006-01-02T15:04")+".."+a.End.Format("15:04"))
	}
	return out
}

const customZone = `BEGIN:VTIMEZONE
TZID:%s
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0300
TZOFFSETTO:+0130
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0130
TZOFFSETTO:+0300
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
`

func TestZones(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, param, inline string
		winter, summer      string // 12:00 there, in UTC
		guess               bool   // a problem is reported
	}{
		{name: "IANA", param: "Europe/Berlin", winter: "11:00", summer: "10:00"},
		{name: "IANA in other letters", param: "europe/berlin", winter: "11:00", summer: "10:00"},
		{name: "IANA with a space", param: "America/New York", winter: "17:00", summer: "16:00"},
		{name: "IANA of three parts", param: "America/Argentina/Buenos_Aires", winter: "15:00", summer: "15:00"},
		{name: "IANA wins over VTIMEZONE", param: "Europe/Berlin", inline: "Europe/Berlin", winter: "11:00", summer: "10:00"},
		{name: "quoted", param: `"Europe/Berlin"`, winter: "11:00", summer: "10:00"},
		{name: "globally unique", param: "/freeassociation.sourceforge.net/Europe/Berlin", winter: "11:00", summer: "10:00"},
		{name: "globally unique, old", param: "/softwarestudio.org/Olson_20011030_5/America/New_York", winter: "17:00", summer: "16:00"},
		{name: "globally unique, three parts", param: "/x.org/1/America/Argentina/Buenos_Aires", winter: "15:00", summer: "15:00"},
		{name: "Windows", param: "W. Europe Standard Time", winter: "11:00", summer: "10:00"},
		{name: "Windows in quotes", param: `"Pacific Standard Time"`, winter: "20:00", summer: "19:00"},
		{name: "Windows, half hour", param: "India Standard Time", winter: "06:30", summer: "06:30"},
		{name: "Windows with VTIMEZONE", param: "W. Europe Standard Time", inline: "W. Europe Standard Time", winter: "10:30", summer: "09:00"},
		{name: "Outlook's display name", param: `"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"`, winter: "11:00", summer: "10:00"},
		{name: "display name with colon, not quoted", param: "(UTC+01:00) Amsterdam, Berlin, Bern, Rome", winter: "11:00", summer: "10:00"},
		{name: "display name with and", param: `"(UTC-05:00) Eastern Time (US and Canada)"`, winter: "17:00", summer: "16:00"},
		{name: "display name without offset", param: `"Canberra, Melbourne, Sydney"`, winter: "01:00", summer: "02:00"},
		{name: "display name, but VTIMEZONE", param: `"(UTC+01:00) Amsterdam, Berlin"`, inline: "(UTC+01:00) Amsterdam, Berlin", winter: "10:30", summer: "09:00"},
		{name: "offset only", param: `"(UTC+02:00) Nowhere"`, winter: "10:00", summer: "10:00", guess: true},
		{name: "GMT and offset", param: "GMT+0530", winter: "06:30", summer: "06:30", guess: true},
		{name: "customised", param: "Customized Time Zone", inline: "Customized Time Zone", winter: "10:30", summer: "09:00"},
		{name: "customised in quotes", param: `"Customized Time Zone"`, inline: "Customized Time Zone", winter: "10:30", summer: "09:00"},
		{name: "UTC", param: "UTC", winter: "12:00", summer: "12:00"},
		{name: "Microsoft UTC", param: `"tzone://Microsoft/Utc"`, winter: "12:00", summer: "12:00"},
		{name: "abbreviation", param: "CET", winter: "11:00", summer: "10:00"},
		{name: "abbreviation with VTIMEZONE", param: "CET", inline: "CET", winter: "10:30", summer: "09:00"},
		{name: "unknown: owner's", param: "Atlantis", winter: "11:00", summer: "10:00", guess: true},
		{name: "never the server's", param: "Local", winter: "11:00", summer: "10:00", guess: true},
		{name: "no path", param: "../Europe/Berlin", winter: "11:00", summer: "10:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := ""
			if test.inline != "" {
				text = fmt.Sprintf(customZone, test.inline)
			}
			text += "BEGIN:VEVENT\nUID:w\nDTSTART;TZID=" + test.param + ":20260115T120000\nEND:VEVENT\n" +
				"BEGIN:VEVENT\nUID:s\nDTSTART;TZID=" + test.param + ":20260715T120000\nEND:VEVENT"
			c := parse(t, text)
			for pass := range 2 { // the second time, after Strip
				got := expandAll(t, c)
				if len(got) != 2 || got[0].Start.Format("15:04") != test.winter || got[1].Start.Format("15:04") != test.summer {
					t.Errorf("pass %d: TZID=%s is %v, want %s and %s", pass, test.param, spans(got), test.winter, test.summer)
				}
				if guess := len(c.Problems()) > 0; guess != test.guess && pass == 0 {
					t.Errorf("TZID=%s: problems %v, want some: %v", test.param, c.Problems(), test.guess)
				}
				c = parse(t, string(c.Strip()))
			}
		})
	}
}

// TestWindowsZonesExist looks up every name of the generated table.
func TestWindowsZonesExist(t *testing.T) {
	t.Parallel()
	for _, table := range []map[string]string{windowsZones, windowsPlaces} {
		for name, iana := range table {
			if name != strings.ToLower(name) || ianaZone(iana) == nil {
				t.Errorf("%q: %q is not a zone", name, iana)
			}
		}
	}
	if len(windowsZones) < 130 {
		t.Errorf("only %d Windows zones", len(windowsZones))
	}
}

func TestOccurrences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		text string
		want []string
	}{
		{"floating in the owner's zone", vevent("DTSTART:20260105T090000", "DTEND:20260105T100000"),
			[]string{"2026-01-05T08:00..09:00"}},
		{"floating in X-WR-TIMEZONE", "X-WR-TIMEZONE:America/New_York\n" + vevent("DTSTART:20260105T090000", "DTEND:20260105T100000"),
			[]string{"2026-01-05T14:00..15:00"}},
		{"no end takes no time", vevent("DTSTART:20260105T090000Z"), []string{"2026-01-05T09:00..09:00"}},
		{"duration", vevent("DTSTART:20260105T090000Z", "DURATION:PT1H30M"), []string{"2026-01-05T09:00..10:30"}},
		{"negative duration", vevent("DTSTART:20260105T090000Z", "DURATION:-PT1H"), []string{"2026-01-05T09:00..09:00"}},
		{"ends before it begins", vevent("DTSTART:20260105T090000Z", "DTEND:20260105T080000Z"), []string{"2026-01-05T09:00..09:00"}},
		{"end in another zone", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "DTEND;TZID=America/New_York:20260105T050000"),
			[]string{"2026-01-05T08:00..10:00"}},
		{"seconds left out", vevent("DTSTART:20260105T0900Z"), []string{"2026-01-05T09:00..09:00"}},

		{"all day", vevent("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260107"), []string{"2026-01-05..2026-01-07"}},
		{"all day without end", vevent("DTSTART;VALUE=DATE:20260105"), []string{"2026-01-05..2026-01-06"}},
		{"all day without VALUE", vevent("DTSTART:20260105"), []string{"2026-01-05..2026-01-06"}},
		{"all day of no length", vevent("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260105"), []string{"2026-01-05..2026-01-06"}},
		{"all day backwards", vevent("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260101"), []string{"2026-01-05..2026-01-06"}},
		{"all day by duration", vevent("DTSTART;VALUE=DATE:20260105", "DURATION:P1W"), []string{"2026-01-05..2026-01-12"}},
		{"Outlook all day with times", vevent("DTSTART;TZID=Europe/Berlin:20260105T000000", "DTEND;TZID=Europe/Berlin:20260106T000000", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"),
			[]string{"2026-01-05..2026-01-06"}},
		{"Outlook all day in another zone", vevent("DTSTART;TZID=America/New_York:20260105T000000", "DTEND;TZID=America/New_York:20260106T000000", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"),
			[]string{"2026-01-05..2026-01-06"}},
		{"Outlook all day in UTC, midnight of the owner", vevent("DTSTART:20260104T230000Z", "DTEND:20260105T230000Z", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"),
			[]string{"2026-01-05..2026-01-06"}},
		{"Outlook all day over the beginning of summer", vevent("DTSTART;TZID=Europe/Berlin:20260329T000000", "DTEND;TZID=Europe/Berlin:20260330T000000", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"),
			[]string{"2026-03-29..2026-03-30"}},
		{"Outlook not all day", vevent("DTSTART:20260105T090000Z", "DTEND:20260105T100000Z", "X-MICROSOFT-CDO-ALLDAYEVENT:FALSE"),
			[]string{"2026-01-05T09:00..10:00"}},

		{"weekly over daylight saving", vevent("DTSTART;TZID=Europe/Berlin:20260323T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2"),
			[]string{"2026-03-23T08:00..09:00", "2026-03-30T07:00..08:00"}},
		{"a time that is skipped, once", vevent("DTSTART;TZID=Europe/Berlin:20260329T023000", "DURATION:PT1H"),
			[]string{"2026-03-29T01:30..02:30"}},
		{"a time that is skipped, in a rule", vevent("DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
			[]string{"2026-03-28T01:30..02:30", "2026-03-30T00:30..01:30", "2026-03-31T00:30..01:30"}},
		{"a time that comes twice", vevent("DTSTART;TZID=Europe/Berlin:20261024T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
			[]string{"2026-10-24T00:30..01:30", "2026-10-25T00:30..01:30", "2026-10-26T01:30..02:30"}},
		{"DTEND: as long by the clock each time", vevent("DTSTART;TZID=Europe/Berlin:20260327T220000", "DTEND;TZID=Europe/Berlin:20260328T060000", "RRULE:FREQ=DAILY;COUNT=2"),
			[]string{"2026-03-27T21:00..05:00", "2026-03-28T21:00..05:00"}},
		{"DURATION: as many days each time", vevent("DTSTART;TZID=Europe/Berlin:20260327T220000", "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=2"),
			[]string{"2026-03-27T21:00..21:00", "2026-03-28T21:00..20:00"}},
		{"hourly over the beginning of summer", vevent("DTSTART;TZID=Europe/Berlin:20260329T010000", "DURATION:PT10M", "RRULE:FREQ=HOURLY;COUNT=3"),
			[]string{"2026-03-29T00:00..00:10", "2026-03-29T01:00..01:10", "2026-03-29T02:00..02:10"}},

		{"UNTIL in UTC", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;UNTIL=20260106T080000Z"),
			[]string{"2026-01-05T08:00..08:00", "2026-01-06T08:00..08:00"}},
		{"UNTIL in UTC, a second early", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;UNTIL=20260106T075959Z"),
			[]string{"2026-01-05T08:00..08:00"}},
		{"UNTIL local", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;UNTIL=20260106T090000"),
			[]string{"2026-01-05T08:00..08:00", "2026-01-06T08:00..08:00"}},
		{"UNTIL a day", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;UNTIL=20260106"),
			[]string{"2026-01-05T08:00..08:00", "2026-01-06T08:00..08:00"}},
		{"UNTIL in UTC for whole days, midnight of the owner", vevent("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260105T230000Z"),
			[]string{"2026-01-05..2026-01-06", "2026-01-06..2026-01-07"}},
		{"UNTIL before the start", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;UNTIL=20260101T000000Z"),
			[]string{"2026-01-05T09:00..09:00"}},
		{"the start counts without obeying", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00"}},
		{"COUNT counts what is excluded", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260106T090000Z"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-07T09:00..09:00"}},
		{"two rules", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00", "2026-01-12T09:00..09:00"}},
		{"a bad rule", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=XX"), []string{"2026-01-05T09:00..09:00"}},

		{"EXDATE in another zone", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE;TZID=America/New_York:20260106T030000"),
			[]string{"2026-01-05T08:00..08:00"}},
		{"EXDATE in UTC", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20260106T080000Z"),
			[]string{"2026-01-05T08:00..08:00"}},
		{"EXDATE without zone", vevent("DTSTART;TZID=Asia/Tokyo:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20260106T090000"),
			[]string{"2026-01-05T00:00..00:00"}},
		{"EXDATE as a day", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE;VALUE=DATE:20260106"),
			[]string{"2026-01-05T08:00..08:00"}},
		{"EXDATE with a time for whole days", vevent("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20260106T000000"),
			[]string{"2026-01-05..2026-01-06"}},
		{"EXDATE of the start", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20260105T090000Z"),
			[]string{"2026-01-06T09:00..09:00"}},
		{"several on a line, one bad", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260105T090000Z,x,20260107T090000Z"),
			[]string{"2026-01-06T09:00..09:00"}},
		{"EXRULE", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=DAILY;INTERVAL=2"),
			[]string{"2026-01-06T09:00..09:00", "2026-01-08T09:00..09:00"}},
		{"RDATE", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "DURATION:PT1H", "RDATE:20260107T080000Z,20260105T080000Z"),
			[]string{"2026-01-05T08:00..09:00", "2026-01-07T08:00..09:00"}},
		{"RDATE as a day", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "DURATION:PT1H", "RDATE;VALUE=DATE:20260107"),
			[]string{"2026-01-05T08:00..09:00", "2026-01-07T08:00..09:00"}},
		{"RDATE as periods", vevent("DTSTART:20260105T090000Z", "DURATION:PT1H", "RDATE;VALUE=PERIOD:20260107T080000Z/20260107T083000Z,20260108T080000Z/PT2H"),
			[]string{"2026-01-05T09:00..10:00", "2026-01-07T08:00..08:30", "2026-01-08T08:00..10:00"}},

		{"moved", vevent("DTSTART:20260105T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T150000Z", "DTEND:20260106T153000Z"),
			[]string{"2026-01-05T09:00..10:00", "2026-01-06T15:00..15:30"}},
		{"moved, before the series in the file", vevent("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T150000Z", "DURATION:PT1H") +
			vevent("DTSTART:20260105T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"),
			[]string{"2026-01-05T09:00..10:00", "2026-01-06T15:00..16:00"}},
		{"moved, named in another zone", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID;TZID=America/New_York:20260106T030000", "DTSTART:20260106T150000Z"),
			[]string{"2026-01-05T08:00..08:00", "2026-01-06T15:00..15:00"}},
		{"moved, named as a day", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID;VALUE=DATE:20260106", "DTSTART:20260106T150000Z"),
			[]string{"2026-01-05T08:00..08:00", "2026-01-06T15:00..15:00"}},
		{"moved out of whole days", vevent("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID;VALUE=DATE:20260106", "DTSTART:20260106T150000Z", "DURATION:PT1H"),
			[]string{"2026-01-05..2026-01-06", "2026-01-06T15:00..16:00"}},
		{"moved whole day, named by midnight in UTC", vevent("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID:20260105T230000Z", "DTSTART;VALUE=DATE:20260108"),
			[]string{"2026-01-05..2026-01-06", "2026-01-08..2026-01-09"}},
		{"moved, the series missing", vevent("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T150000Z", "DURATION:PT1H"),
			[]string{"2026-01-06T15:00..16:00"}},
		{"one cancelled", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T090000Z", "STATUS:CANCELLED"),
			[]string{"2026-01-05T09:00..09:00"}},
		{"one cancelled, without a start", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("RECURRENCE-ID:20260106T090000Z", "STATUS:CANCELLED"),
			[]string{"2026-01-05T09:00..09:00"}},
		{"all cancelled", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "STATUS:CANCELLED"), []string{}},
		{"all cancelled by METHOD", "METHOD:CANCEL\n" + vevent("DTSTART:20260105T090000Z"), []string{}},
		{"one of two calendars cancelled", "BEGIN:VCALENDAR\nMETHOD:CANCEL\n" + vevent("DTSTART:20260105T090000Z") + "END:VCALENDAR\n" +
			"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:v\nDTSTART:20260106T090000Z\nEND:VEVENT\nEND:VCALENDAR",
			[]string{"2026-01-06T09:00..09:00"}},
		{"this and future moved", vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4") +
			vevent("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260107T090000", "DTSTART;TZID=Europe/Berlin:20260107T110000", "DURATION:PT2H"),
			[]string{"2026-01-05T08:00..09:00", "2026-01-06T08:00..09:00", "2026-01-07T10:00..12:00", "2026-01-08T10:00..12:00"}},
		{"this and future cancelled", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=4") +
			vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T090000Z", "DTSTART:20260107T090000Z", "STATUS:CANCELLED"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00"}},
		{"this and future, and one after it", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3") +
			vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20260106T090000Z", "DTSTART:20260106T100000Z") +
			vevent("RECURRENCE-ID:20260107T090000Z", "DTSTART:20260107T200000Z"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T10:00..10:00", "2026-01-07T20:00..20:00"}},

		{"newest by SEQUENCE", vevent("SEQUENCE:2", "DTSTART:20260105T090000Z") + vevent("SEQUENCE:1", "DTSTART:20260106T090000Z"),
			[]string{"2026-01-05T09:00..09:00"}},
		{"newest by LAST-MODIFIED", vevent("LAST-MODIFIED:20260102T000000Z", "DTSTART:20260105T090000Z") + vevent("LAST-MODIFIED:20260101T000000Z", "DTSTART:20260106T090000Z"),
			[]string{"2026-01-05T09:00..09:00"}},
		{"newest by DTSTAMP", vevent("DTSTAMP:20260101T000000Z", "DTSTART:20260105T090000Z") + vevent("DTSTAMP:20260102T000000Z", "DTSTART:20260106T090000Z"),
			[]string{"2026-01-06T09:00..09:00"}},
		{"newest of an occurrence", vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2") +
			vevent("SEQUENCE:2", "RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T100000Z") +
			vevent("SEQUENCE:1", "RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T110000Z"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T10:00..10:00"}},
		{"one UID for everything", vevent("DTSTART:20260105T090000Z") + vevent("DTSTART:20260106T090000Z"),
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00"}},
		{"no UID", "BEGIN:VEVENT\nDTSTART:20260105T090000Z\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:20260106T090000Z\nEND:VEVENT",
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00"}},

		{"tasks and journals", "BEGIN:VTODO\nUID:t\nDTSTART:20260105T090000Z\nEND:VTODO\nBEGIN:VJOURNAL\nDTSTART:20260105\nEND:VJOURNAL", []string{}},
		{"free-busy", "BEGIN:VFREEBUSY\nFREEBUSY:20260105T090000Z/PT1H,20260105T120000Z/20260105T130000Z\nFREEBUSY;FBTYPE=FREE:20260105T140000Z/PT1H\nEND:VFREEBUSY",
			[]string{"2026-01-05T09:00..10:00", "2026-01-05T12:00..13:00"}},
		{"free-busy beside events", vevent("DTSTART:20260105T090000Z") + "BEGIN:VFREEBUSY\nFREEBUSY:20260105T100000Z/PT1H\nEND:VFREEBUSY",
			[]string{"2026-01-05T09:00..09:00"}},
		{"two calendars", "BEGIN:VCALENDAR\n" + vevent("DTSTART:20260105T090000Z") + "END:VCALENDAR\nBEGIN:VCALENDAR\n" +
			"BEGIN:VEVENT\nUID:v\nDTSTART:20260106T090000Z\nEND:VEVENT\nEND:VCALENDAR",
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00"}},
		{"END:VEVENT missing", "BEGIN:VEVENT\nUID:a\nDTSTART:20260105T090000Z\nBEGIN:VEVENT\nUID:b\nDTSTART:20260106T090000Z\nEND:VEVENT",
			[]string{"2026-01-05T09:00..09:00", "2026-01-06T09:00..09:00"}},
		{"cut off in the middle", "BEGIN:VCALENDAR\n" + vevent("DTSTART:20260105T090000Z") + "BEGIN:VEVENT\nUID:b\nDTSTART:20260106T090000Z\nRRULE:FREQ=DAI",
			[]string{"2026-01-05T09:00..09:00"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, test.text)
			if got := spans(expandAll(t, c)); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q\nproblems %v\n%s", got, test.want, c.Problems(), test.text)
			}
			if got := spans(expandAll(t, parse(t, string(c.Strip())))); !slices.Equal(got, test.want) {
				t.Errorf("after Strip:\ngot  %q\nwant %q\n%s", got, test.want, c.Strip())
			}
		})
	}
}

func TestMidnightOfTheOwner(t *testing.T) {
	t.Parallel()
	c := parse(t, vevent("DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330"))
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"Europe/Berlin":    "2026-03-28T23:00:00Z 23h0m0s",
		"America/New_York": "2026-03-29T04:00:00Z 24h0m0s",
		"Asia/Kolkata":     "2026-03-28T18:30:00Z 24h0m0s",
		"Asia/Beirut":      "2026-03-28T22:00:00Z 23h0m0s", // midnight itself is skipped
	} {
		got, _, err := c.Expand(from, from.AddDate(0, 2, 0), zoneNamed(t, zone), Limits{})
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", zone, got, err)
		}
		a := got[0]
		if s := fmt.Sprint(a.Start.Format(time.RFC3339), " ", a.End.Sub(a.Start)); s != want {
			t.Errorf("%s: %s, want %s", zone, s, want)
		}
		if !a.Start.Equal(a.StartDate.In(zoneNamed(t, zone))) || !a.End.Equal(a.EndDate.In(zoneNamed(t, zone))) {
			t.Errorf("%s: Date.In disagrees with %v..%v", zone, a.Start, a.End)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	at := func(clock string) time.Time {
		s, err := time.Parse(time.RFC3339, "2026-01-05T"+clock+":00Z")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	hour := parse(t, vevent("DTSTART:20260105T090000Z", "DTEND:20260105T100000Z"))
	instant := parse(t, vevent("DTSTART:20260105T090000Z"))
	for _, test := range []struct {
		c        *Calendar
		from, to string
		want     int
	}{
		{hour, "08:00", "09:00", 0}, {hour, "08:00", "09:01", 1}, {hour, "09:59", "10:30", 1}, {hour, "10:00", "11:00", 0},
		{instant, "09:00", "10:00", 1}, {instant, "08:00", "09:00", 0}, {instant, "09:00", "09:00", 0},
	} {
		got, _, err := test.c.Expand(at(test.from), at(test.to), nil, Limits{})
		if err != nil || len(got) != test.want {
			t.Errorf("%s to %s: %d appointments, %v, want %d", test.from, test.to, len(got), err, test.want)
		}
	}
	if _, _, err := hour.Expand(at("10:00"), at("09:00"), nil, Limits{}); err == nil {
		t.Error("a window that ends before it begins is accepted")
	}
}

func TestShowAs(t *testing.T) {
	t.Parallel()
	start := "DTSTART:20260105T090000Z"
	for _, test := range []struct {
		lines []string
		want  ShowAs
	}{
		{nil, Busy},
		{[]string{"TRANSP:OPAQUE"}, Busy},
		{[]string{"TRANSP:TRANSPARENT"}, Free},
		{[]string{"STATUS:CONFIRMED"}, Busy},
		{[]string{"STATUS:TENTATIVE"}, Tentative},
		{[]string{"STATUS:TENTATIVE", "TRANSP:TRANSPARENT"}, Free},
		{[]string{"X-MICROSOFT-CDO-BUSYSTATUS:FREE", "TRANSP:OPAQUE"}, Free},
		{[]string{"X-MICROSOFT-CDO-BUSYSTATUS:BUSY", "TRANSP:TRANSPARENT", "STATUS:TENTATIVE"}, Busy},
		{[]string{"X-MICROSOFT-CDO-BUSYSTATUS:oof"}, OutOfOffice},
		{[]string{"X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"}, Tentative},
		{[]string{"X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"}, WorkingElsewhere},
		{[]string{"X-MICROSOFT-CDO-BUSYSTATUS:ONHOLIDAY"}, Busy},
		{[]string{"X-MICROSOFT-CDO-INTENDEDSTATUS:OOF"}, OutOfOffice},
		{[]string{"X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY", "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"}, Tentative},
		{[]string{"X-MICROSOFT-CDO-INTENDEDSTATUS:FREE", "TRANSP:OPAQUE"}, Free},
	} {
		c := parse(t, vevent(append(test.lines, start)...))
		got, again := expandAll(t, c), expandAll(t, parse(t, string(c.Strip())))
		if len(got) != 1 || got[0].ShowAs != test.want || again[0].ShowAs != test.want {
			t.Errorf("%q shows as %v, after Strip %v, want %v", test.lines, got[0].ShowAs, again[0].ShowAs, test.want)
		}
	}
	for s := Free; s <= WorkingElsewhere; s++ {
		if back, err := ParseShowAs(s.String()); err != nil || back != s {
			t.Errorf("ParseShowAs(%q) = %v, %v", s, back, err)
		}
	}
	if _, err := ParseShowAs("away"); err == nil {
		t.Error("ParseShowAs accepts an unknown word")
	}
}

func TestFreeBusyTypes(t *testing.T) {
	t.Parallel()
	c := parse(t, "BEGIN:VFREEBUSY\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T090000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260106T090000Z/PT1H\nFREEBUSY:20260107T090000Z/PT1H\nEND:VFREEBUSY")
	var got []ShowAs
	for _, a := range expandAll(t, c) {
		got = append(got, a.ShowAs)
	}
	if want := []ShowAs{Tentative, OutOfOffice, Busy}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	text := vevent("DTSTART:20260105T090000Z",
		"ATTENDEE;PARTSTAT=DECLINED:mailto:Anna@Example.com",
		"ATTENDEE;PARTSTAT=TENTATIVE;EMAIL=ben@example.com:urn:uuid:1",
		"ATTENDEE;PARTSTAT=ACCEPTED;CN=\"C; \"\"x\"\":y\":mailto:cora@example.com")
	for owner, want := range map[string]string{
		"":                        "busy",
		"anna@example.com":        "none",
		"MAILTO:ANNA@EXAMPLE.COM": "none",
		"ben@example.com":         "tentative",
		"cora@example.com":        "busy",
		"dora@example.com":        "busy",
	} {
		got := "none"
		if list := expandAll(t, parse(t, text, owner)); len(list) == 1 {
			got = list[0].ShowAs.String()
		}
		if got != want {
			t.Errorf("of %q: %s, want %s", owner, got, want)
		}
	}
	series := vevent("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2") +
		vevent("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T090000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com")
	c := parse(t, series, "anna@example.com")
	if got := expandAll(t, parse(t, string(c.Strip()))); len(got) != 1 {
		t.Errorf("an occurrence that was declined is still there: %v", spans(got))
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	const secret = "Xyzzy"
	for _, lines := range [][]string{
		{"CLASS:PRIVATE"}, {"CLASS:CONFIDENTIAL"}, {"class:private"}, {"CLASS;X=1: PRIVATE "}, {"CLASS:X-SECRET"},
		{"CLASS PRIVATE"}, {"CLASS:PRIVATE", "CLASS:PUBLIC"}, {"X-CALENDARSERVER-ACCESS:RESTRICTED"},
	} {
		text := vevent(append(lines, "SUMMARY:"+secret, "DESCRIPTION:"+secret, "LOCATION:"+secret, "COMMENT:"+secret,
			"URL:https://example.com/"+secret, "ORGANIZER;CN="+secret+":mailto:x@example.com", "ATTENDEE:mailto:"+secret+"@example.com",
			"DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3", "SUMMARY "+secret, secret, "RRULE:"+secret, "EXDATE:"+secret)...) +
			// An occurrence of a private series is private, too.
			vevent("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T100000Z", "SUMMARY:"+secret, "URL:https://example.com/"+secret)
		for _, text := range []string{text, strings.Replace(text, "SUMMARY:", "SUMMARY:\n ", 1), strings.ReplaceAll(text, "\n", "\r")} {
			c := parse(t, text)
			got := expandAll(t, c)
			if len(got) != 3 {
				t.Errorf("%q: %d occurrences", lines, len(got))
			}
			for _, a := range got {
				if !a.Private {
					t.Errorf("%q: %s is not private", lines, a.ID)
				}
			}
			all := fmt.Sprint(got, c.Problems(), string(c.Strip()))
			if strings.Contains(all, secret) {
				t.Errorf("%q: the subject leaks: %s", lines, all)
			}
			for _, a := range expandAll(t, parse(t, string(c.Strip()))) {
				if !a.Private || a.Subject != "" {
					t.Errorf("%q: after Strip %+v", lines, a)
				}
			}
		}
	}
	public := expandAll(t, parse(t, vevent("CLASS:PUBLIC", "SUMMARY:"+secret, "DTSTART:20260105T090000Z")))
	if public[0].Private || public[0].Subject != secret {
		t.Errorf("a public event: %+v", public[0])
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for summary, want := range map[string]string{
		"SUMMARY:Plain":                                                   "Plain",
		`SUMMARY:a\, b\; c\\ d\nE\Nf`:                                     `a, b; c\ d E f`,
		"SUMMARY;LANGUAGE=de;X=\"a:b;c\":Größe":                           "Größe",
		"SUMMARY:Gr\xC3\n \xB6\xC3\r\n \x9Fe":                             "Größe", // folded inside characters
		"SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Gr=F6=DFe=": "Größe",
		"SUMMARY;ENCODING=QUOTED-PRINTABLE:Gr=C3=B6=C3=9Fe":               "Größe",
		"SUMMARY:fo\r\n lded\n\tonce":                                     "foldedonce",
		"SUMMARY:Gr\xF6\xDFe \x80":                                        "Größe €", // Windows-1252
		"SUMMARY:a\x00b\x1Bc\td":                                          "a b c d",
		"SUMMARY:  spaced   out ":                                         "spaced out",
		"summary:lower":                                                   "lower",
		"SUMMARY : space":                                                 "space",
		"SUMMARY:\xF0\x9F\x8E\x84 tree":                                   "🎄 tree",
		"SUMMARY;ALTREP=\"never closed:quote":                             "quote",
		"SUMMARY:" + strings.Repeat("ö", 2000):                            strings.Repeat("ö", 512),
	} {
		c := parse(t, vevent(summary, "DTSTART:20260105T090000Z"))
		got, again := expandAll(t, c)[0].Subject, expandAll(t, parse(t, string(c.Strip())))[0].Subject
		if got != want || again != want {
			t.Errorf("%q is %q, after Strip %q, want %q", summary, got, again, want)
		}
	}
	a := expandAll(t, parse(t, vevent(`CATEGORIES:Vacation,Home\, sweet`, "CATEGORIES:Vacation,Work", "URL:https://example.com/a?b=c", "DTSTART:20260105T090000Z")))[0]
	if want := []string{"Vacation", "Home, sweet", "Work"}; !slices.Equal(a.Categories, want) || a.URL != "https://example.com/a?b=c" {
		t.Errorf("categories %q, address %q", a.Categories, a.URL)
	}
	for _, bad := range []string{"javascript:alert(1)", "file:///etc/passwd", "message:%3Cx%3E", "http://", "https://[x", "/relative"} {
		if a := expandAll(t, parse(t, vevent("URL:"+bad, "DTSTART:20260105T090000Z")))[0]; a.URL != "" {
			t.Errorf("address %q is kept as %q", bad, a.URL)
		}
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	text := "BEGIN:VCALENDAR\r\n" + strings.ReplaceAll(vevent("SUMMARY:Größe 🎄", "DTSTART:20260105T090000Z"), "\n", "\r\n") + "END:VCALENDAR\r\n"
	utf16 := func(mark, big bool) string {
		var b strings.Builder
		unit := func(u rune) {
			pair := []byte{byte(u), byte(u >> 8)}
			if big {
				slices.Reverse(pair)
			}
			b.Write(pair)
		}
		if mark {
			unit(0xFEFF)
		}
		for _, r := range text {
			if r > 0xFFFF {
				r -= 0x10000
				unit(0xD800 + r>>10)
				unit(0xDC00 + r&0x3FF)
				continue
			}
			unit(r)
		}
		return b.String()
	}
	for name, encoded := range map[string]string{
		"UTF-8": text, "UTF-8 with mark": "\uFEFF" + text, "LF": strings.ReplaceAll(text, "\r\n", "\n"), "CR": strings.ReplaceAll(text, "\r\n", "\r"),
		"UTF-16LE": utf16(true, false), "UTF-16BE": utf16(true, true), "UTF-16LE without mark": utf16(false, false), "UTF-16BE without mark": utf16(false, true),
	} {
		c, err := Parse(strings.NewReader(encoded), Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := expandAll(t, c); len(got) != 1 || got[0].Subject != "Größe 🎄" || len(c.Problems()) > 0 {
			t.Errorf("%s: %v, %v", name, got, c.Problems())
		}
	}
}

func TestReminder(t *testing.T) {
	t.Parallel()
	alarm := func(lines ...string) string { return "BEGIN:VALARM\n" + strings.Join(lines, "\n") + "\nEND:VALARM" }
	for _, test := range []struct {
		alarms []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{alarm("ACTION:DISPLAY", "TRIGGER:-PT15M")}, 15 * time.Minute},
		{[]string{alarm("TRIGGER;RELATED=START:-P1D", "ACTION:AUDIO")}, 24 * time.Hour},
		{[]string{alarm("ACTION:DISPLAY", "TRIGGER;RELATED=END:-PT90M")}, 30 * time.Minute},
		{[]string{alarm("ACTION:DISPLAY", "TRIGGER;RELATED=END:-PT5M")}, 0},
		{[]string{alarm("ACTION:DISPLAY", "TRIGGER:PT15M")}, 0},
		{[]string{alarm("ACTION:EMAIL", "TRIGGER:-PT1H"), alarm("ACTION:DISPLAY", "TRIGGER:-PT5M")}, 5 * time.Minute},
		{[]string{alarm("ACTION:DISPLAY", "TRIGGER;VALUE=DATE-TIME:20260105T080000Z"), alarm("ACTION:DISPLAY", "TRIGGER:-PT5M")}, 5 * time.Minute},
		{[]string{alarm("ACTION:DISPLAY", "TRIGGER:-PT5M"), alarm("ACTION:DISPLAY", "TRIGGER:-PT10M")}, 5 * time.Minute},
	} {
		c := parse(t, vevent(append(test.alarms, "DTSTART:20260105T090000Z", "DTEND:20260105T100000Z")...))
		got, again := expandAll(t, c)[0].Reminder, expandAll(t, parse(t, string(c.Strip())))[0].Reminder
		if got != test.want || again != test.want {
			t.Errorf("%q: %v, after Strip %v, want %v", test.alarms, got, again, test.want)
		}
	}
}

// TestIDs checks that an occurrence keeps its ID when it is moved, when its
// series is found later, and when the owner moves.
func TestIDs(t *testing.T) {
	t.Parallel()
	series := vevent("DTSTART;TZID=Europe/Berlin:20260105T090000", "RRULE:FREQ=DAILY;COUNT=2")
	moved := vevent("RECURRENCE-ID:20260106T080000Z", "DTSTART:20260107T150000Z")
	const id = "u/20260106T080000Z"
	for name, text := range map[string]string{"as planned": series, "moved": series + moved, "alone": moved} {
		got := expandAll(t, parse(t, text))
		if last := got[len(got)-1]; last.ID != id || last.UID != "u" {
			t.Errorf("%s: %q, want %q", name, last.ID, id)
		}
	}
	for text, want := range map[string]string{
		vevent("DTSTART:20260105T090000Z"):                                "u",
		vevent("DTSTART:20260105T090000", "RRULE:FREQ=DAILY;COUNT=1"):     "u/20260105T090000",
		vevent("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=1"): "u/20260105",
	} {
		if got := expandAll(t, parse(t, text))[0].ID; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAboutTheCalendar(t *testing.T) {
	t.Parallel()
	c := parse(t, "X-WR-CALNAME:Team\\, all\nX-PUBLISHED-TTL:PT1H\nREFRESH-INTERVAL;VALUE=DURATION:PT30M\nX-WR-TIMEZONE:W. Europe Standard Time")
	for pass := range 2 {
		if c.Name() != "Team, all" || c.RefreshInterval() != 30*time.Minute || c.DefaultZone().String() != "Europe/Berlin" {
			t.Errorf("pass %d: %q, %v, %v", pass, c.Name(), c.RefreshInterval(), c.DefaultZone())
		}
		c = parse(t, string(c.Strip()))
	}
	if c := parse(t, "X-PUBLISHED-TTL:PT1H"); c.RefreshInterval() != time.Hour || c.DefaultZone() != nil {
		t.Errorf("%v, %v", c.RefreshInterval(), c.DefaultZone())
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	c := parse(t, "BEGIN:VCALENDAR\n"+vevent("DTSTART:20260105T090000Z", "SUMMARY:Secret", "DTEND:yesterday", "nonsense", "RRULE:FREQ=SECONDLY")+"END:VCALENDAR\n")
	var got []string
	for _, p := range c.Problems() {
		got = append(got, fmt.Sprintf("%d %s %s: %s", p.Line, p.UID, p.Kind, p.Message))
	}
	want := []string{
		"6 u time: DTEND in line 6 was left out: not a date or time.",
		"7 u structure: Line 7 is not a property and was left out.",
		"8 u recurrence: RRULE in line 8 was left out: it repeats more often than every five minutes.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestNotACalendar(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "empty",
		" \r\n ":                       "empty",
		"<!DOCTYPE html><html>Sign in": "web page",
		"\uFEFF<html>":                 "web page",
		"BEGIN:VCARD\nFN:x\nEND:VCARD": "contacts",
		"hello":                        "BEGIN:VCALENDAR",
		strings.Repeat("x", 100_000):   "BEGIN:VCALENDAR",
	} {
		if _, err := Parse(strings.NewReader(text), Limits{}); !errors.Is(err, ErrNotCalendar) || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.40q): %v, want one about %q", text, err, want)
		}
	}
	if _, err := Parse(strings.NewReader("BEGIN:VCALENDAR"), Limits{MaxBytes: 5}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	broken := errors.New("connection lost")
	if _, err := Parse(iotest.ErrReader(broken), Limits{}); !errors.Is(err, broken) {
		t.Errorf("the reader's error: %v", err)
	}
}

// TestConcurrent lets the race detector see that a Calendar never changes.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	c := parse(t, vevent("DTSTART:20260105T090000", "RRULE:FREQ=DAILY;COUNT=20", "EXDATE:20260106T090000")+
		fmt.Sprintf(customZone, "Customized Time Zone")+
		"BEGIN:VEVENT\nUID:z\nDTSTART;TZID=Customized Time Zone:20260105T120000\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n")
	want := expandAll(t, c)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if got := expandAll(t, c); !reflect.DeepEqual(got, want) {
					t.Errorf("got %v, want %v", spans(got), spans(want))
				}
				c.Strip()
			}
		})
	}
	group.Wait()
}

func TestPure(t *testing.T) {
	t.Parallel()
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pkg.Imports {
		if path == "os" || path == "net" || path == "context" || path == "database/sql" || strings.HasPrefix(path, "net/http") {
			t.Errorf("the package imports %s", path)
		}
	}
}
