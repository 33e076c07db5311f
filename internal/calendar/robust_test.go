package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// checkCalendar holds for every text: what comes back keeps to the limits, is
// in order, has unique IDs, survives Strip, and of private events says nothing.
func checkCalendar(t testing.TB, c *Calendar, from, to time.Time, home *time.Location, limits Limits) []Appointment {
	t.Helper()
	got, problems, err := c.Expand(from, to, home, limits)
	if err != nil {
		if !errors.Is(err, ErrTooMuch) {
			t.Fatalf("Expand: %v", err)
		}
		return nil
	}
	if limits.MaxAppointments > 0 && len(got) > limits.MaxAppointments || len(problems) > maxProblems || len(c.Problems()) > maxProblems+1 {
		t.Fatalf("%d appointments, %d and %d problems", len(got), len(problems), len(c.Problems()))
	}
	ids := map[string]bool{}
	for i, a := range got {
		if ids[a.ID] {
			t.Errorf("ID %q comes twice", a.ID)
		}
		ids[a.ID] = true
		switch {
		case a.End.Before(a.Start), !a.Start.Before(to), a.End.Before(from), a.End.Equal(from) && a.Start.Before(from):
			t.Errorf("%s from %v to %v is not in the window", a.ID, a.Start, a.End)
		case i > 0 && a.Start.Before(got[i-1].Start):
			t.Errorf("%s is out of order", a.ID)
		case a.Private && a.Subject+a.URL != "":
			t.Errorf("%s is private: %q, %q", a.ID, a.Subject, a.URL)
		case a.AllDay == a.StartDate.IsZero(), a.AllDay == a.EndDate.IsZero():
			t.Errorf("%s is all day: %v, from %v to %v", a.ID, a.AllDay, a.StartDate, a.EndDate)
		case a.Reminder < 0:
			t.Errorf("%s reminds after its start", a.ID)
		}
	}
	stripped := c.Strip()
	again, err := Parse(bytes.NewReader(stripped), Limits{MaxBytes: 1 << 40})
	if err != nil {
		t.Fatalf("Parse(Strip): %v", err)
	}
	if len(again.Problems()) > 0 {
		if kinds := again.Problems(); kinds[0].Kind != ProblemLimit && kinds[0].Kind != ProblemRecurrence {
			t.Errorf("Strip has problems: %v\n%s", again.Problems(), stripped)
		}
	}
	if twice := again.Strip(); !bytes.Equal(twice, stripped) {
		t.Errorf("Strip changes what it wrote:\n%s\nthen\n%s", stripped, twice)
	}
	have, _, err := again.Expand(from, to, home, limits)
	if err != nil {
		t.Fatalf("Expand after Strip: %v", err)
	}
	if !slices.EqualFunc(have, got, sameAppointment) {
		t.Errorf("after Strip\n%+v\nwant\n%+v", have, got)
	}
	return got
}

// sameAppointment is reflect.DeepEqual for two of them, but quick.
func sameAppointment(a, b Appointment) bool {
	return a.ID == b.ID && a.UID == b.UID && a.Start.Equal(b.Start) && a.End.Equal(b.End) &&
		a.AllDay == b.AllDay && a.StartDate == b.StartDate && a.EndDate == b.EndDate &&
		a.ShowAs == b.ShowAs && a.Subject == b.Subject && a.Private == b.Private &&
		slices.Equal(a.Categories, b.Categories) && a.URL == b.URL && a.Reminder == b.Reminder
}

// TestEveryReferenceFile reads all files of the set, also those that libraries
// refuse or disagree on.
func TestEveryReferenceFile(t *testing.T) {
	t.Parallel()
	files := referenceFiles(t, ".ics")
	if len(files) != 235 {
		t.Errorf("%d files", len(files))
	}
	for _, path := range files {
		t.Run(strings.TrimPrefix(path, referenceFolder+"/"), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			c := parseFile(t, path)
			for i, zone := range []string{"Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"} {
				for year := 1996 + i; year < 2032; year += 3 {
					from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
					checkCalendar(t, c, from, from.AddDate(0, 1+11*(year%4/3), 0), zoneNamed(t, zone), Limits{}) // a month, or a year
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(c.Strip()); n > len(text)*5/4+1000 {
				t.Errorf("Strip made %d bytes of %d", n, len(text))
			}
			// Far above what it takes on a busy machine, far below a stall.
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestTruncated cuts files off at every line and in the middle of lines.
func TestTruncated(t *testing.T) {
	t.Parallel()
	from := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"node-ical/bad_custom_ms_tz2.ics", "recurring-ical-events/issue_75_range_parameter.ics", "node-ical/exchange_whole_day_moved_recurrence.ics"} {
		text, err := os.ReadFile(referenceFolder + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n < len(text); n += 1 + n/40 {
			c, err := Parse(bytes.NewReader(text[:n]), Limits{})
			if err == nil {
				checkCalendar(t, c, from, from.AddDate(1, 0, 0), time.UTC, Limits{})
			}
		}
	}
}

// TestMutated rearranges the lines of real files, which finds more than bytes
// changed at random: what is read is still a calendar, of a kind.
func TestMutated(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	var pool, files []string
	for _, path := range referenceFiles(t, ".ics") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) < 6000 {
			files = append(files, string(text))
			for line := range strings.Lines(string(text)) {
				if name, _, _ := strings.Cut(strings.TrimSpace(line), ":"); slices.Contains(mutable, strings.Split(name, ";")[0]) {
					pool = append(pool, line)
				}
			}
		}
	}
	from := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
	home := []*time.Location{time.UTC, zoneNamed(t, "Europe/Berlin"), zoneNamed(t, "America/Sao_Paulo"), zoneNamed(t, "Australia/Lord_Howe")}
	limits := Limits{MaxAppointments: 3000, MaxWork: 20_000}
	for i := range mutations {
		lines := slices.Collect(strings.Lines(files[random.IntN(len(files))]))
		for range 1 + random.IntN(8) {
			at := random.IntN(len(lines))
			switch random.IntN(4) {
			case 0:
				lines = slices.Delete(lines, at, at+1)
			case 1:
				lines = slices.Insert(lines, at, lines[random.IntN(len(lines))])
			default:
				lines = slices.Insert(lines, at, pool[random.IntN(len(pool))])
			}
			if len(lines) == 0 {
				lines = []string{"\n"}
			}
		}
		text := strings.Join(lines, "")
		c, err := Parse(strings.NewReader(text), limits)
		if err != nil {
			continue
		}
		year := from.AddDate(random.IntN(18), random.IntN(12), 0)
		checkCalendar(t, c, year, year.AddDate(0, 3, 0), home[random.IntN(len(home))], limits)
		if i%10 == 0 {
			checkSecret(t, []byte(text), year, home[1], limits)
		}
		if t.Failed() {
			t.Fatalf("mutation %d of\n%s", i, text)
		}
	}
}

// mutable are the properties that matter.
var mutable = strings.Fields("BEGIN END DTSTART DTEND DURATION RRULE EXRULE RDATE EXDATE RECURRENCE-ID UID SEQUENCE CLASS STATUS TRANSP TRIGGER METHOD " +
	"TZID TZOFFSETFROM TZOFFSETTO X-WR-TIMEZONE X-MICROSOFT-CDO-ALLDAYEVENT X-MICROSOFT-CDO-BUSYSTATUS FREEBUSY CATEGORIES URL SUMMARY")

// mutations is how many TestMutated tries.
const mutations = 3000

// TestHostile has what would stall or fill a careless reader. Each ends within
// a second, or a few with the race detector on a busy machine.
func TestHostile(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	start := "DTSTART:20260105T090000Z"
	many := func(n int, line func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
			b.WriteByte('\n')
		}
		return b.String()
	}
	minute := func(i int) string { return civil(int64(from.Unix())+int64(i)*60).compact() + "Z" }
	for _, test := range []struct {
		name    string
		text    string
		problem ProblemKind // that must be reported, if any
		tooMuch bool        // Expand refuses
		atMost  int         // appointments
	}{
		{name: "10,000 exceptions", atMost: 400, text: vevent("DTSTART:20000105T090000Z", "RRULE:FREQ=DAILY",
			many(10_000, func(i int) string {
				return "EXDATE:" + civil(civilOf(2000, 1, 5, 9, 0, 0)+civil(i)*secondsPerDay).compact() + "Z"
			}))},
		{name: "10,000 moved occurrences", atMost: 10_000, text: vevent("DTSTART:20260101T000000Z", "RRULE:FREQ=HOURLY") +
			many(10_000, func(i int) string {
				at := civil(int64(from.Unix()) + int64(i)*3600)
				return vevent("RECURRENCE-ID:"+at.compact()+"Z", "DTSTART:"+(at+600).compact()+"Z")
			})},
		{name: "a million RDATEs", problem: ProblemLimit, atMost: 2,
			text: vevent(start, "RDATE:"+strings.Join(slices.Repeat([]string{minute(1)}, 1_000_000-100_000), ","), many(100_000, func(i int) string { return "RDATE:" + minute(i) }))},
		{name: "a million different RDATEs on one line", problem: ProblemLimit, atMost: 50_000,
			text: vevent(start, "RDATE:"+strings.ReplaceAll(many(1_000_000, minute), "\n", ","))},
		{name: "every second", problem: ProblemRecurrence, atMost: 1, text: vevent(start, "RRULE:FREQ=SECONDLY")},
		{name: "every second by hand", problem: ProblemRecurrence, atMost: 1, text: vevent(start,
			"RRULE:FREQ=DAILY;BYHOUR="+strings.ReplaceAll(strings.TrimSpace(many(24, func(i int) string { return fmt.Sprint(i) })), "\n", ",")+
				";BYMINUTE="+strings.ReplaceAll(strings.TrimSpace(many(60, func(i int) string { return fmt.Sprint(i) })), "\n", ","))},
		{name: "never", atMost: 1, text: vevent(start, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")},
		{name: "never, counted", atMost: 1, text: vevent(start, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3")},
		{name: "never by the hour", atMost: 1, text: vevent(start, "RRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=2,4;COUNT=2")},
		{name: "hourly for ever, counted", atMost: 8760, problem: ProblemLimit, text: vevent("DTSTART:19000105T090000Z", "RRULE:FREQ=HOURLY;COUNT=2000000000")},
		{name: "since the year 1", atMost: 400, text: vevent("DTSTART:00010105T090000Z", "RRULE:FREQ=DAILY")},
		{name: "until the year 9999", atMost: 400, text: vevent(start, "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z")},
		{name: "largest numbers", atMost: 1, text: vevent(start, "RRULE:FREQ=YEARLY;INTERVAL=2147483647;COUNT=2147483647")},
		{name: "numbers beyond", problem: ProblemRecurrence, atMost: 1, text: vevent(start, "RRULE:FREQ=YEARLY;INTERVAL=99999999999999999999")},
		{name: "a long list in a rule", atMost: 400, text: vevent(start, "RRULE:FREQ=DAILY;BYDAY="+strings.Repeat("MO,TU,1WE,", 100_000)+"SU")},
		{name: "positions", atMost: 400, text: vevent(start, "RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS="+strings.Repeat("1,2,-1,", 100_000)+"3")},
		{name: "two thousand rules", problem: ProblemLimit, atMost: 400, text: vevent(start, many(2000, func(int) string { return "RRULE:FREQ=DAILY" }))},
		{name: "3,000 costly events", text: many(3000, func(i int) string {
			return strings.Replace(vevent("DTSTART:19000105T090000Z", "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"), "UID:u", fmt.Sprint("UID:", i), 1)
		}), atMost: 400, problem: ProblemLimit},
		{name: "3,000 endless events", text: many(3000, func(i int) string {
			return strings.Replace(vevent(start, "RRULE:FREQ=HOURLY"), "UID:u", fmt.Sprint("UID:", i), 1)
		}), tooMuch: true},
		{name: "deep nesting", problem: ProblemStructure, text: strings.Repeat("BEGIN:X\n", 200_000)},
		{name: "deep nesting, closed again", problem: ProblemStructure, atMost: 1,
			text: strings.Repeat("BEGIN:X\n", 100_000) + strings.Repeat("END:X\n", 100_000) + vevent(start)},
		{name: "nothing but ends", problem: ProblemStructure, text: strings.Repeat("END:X\n", 200_000)},
		{name: "events in events", problem: ProblemStructure, text: strings.Repeat("BEGIN:VEVENT\n", 200_000)},
		{name: "150,000 events", problem: ProblemLimit, tooMuch: true, text: many(150_000, func(i int) string { return "BEGIN:VEVENT\nUID:" + fmt.Sprint(i) + "\n" + start + "\nEND:VEVENT" })},
		{name: "150,000 events with one UID", problem: ProblemLimit, atMost: 1, text: many(150_000, func(int) string { return vevent(start) })},
		{name: "empty lines", atMost: 1, text: strings.Repeat("\n", 2_000_000) + vevent(start)},
		{name: "empty lines in an event", atMost: 1, text: vevent(strings.Repeat("\r", 2_000_000), start)},
		{name: "folded a million times", atMost: 1, text: vevent("SUMMARY:x"+strings.Repeat("\n y", 1_000_000), start)},
		{name: "a long line", atMost: 1, text: vevent("SUMMARY:"+strings.Repeat(`a\n`, 2_000_000), start)},
		{name: "a long UID", atMost: 1, text: vevent("UID:"+strings.Repeat("x", 2_000_000), start)},
		{name: "many parameters", atMost: 1, text: vevent("SUMMARY"+strings.Repeat(";A=\"b\"", 500_000)+":x", "DTSTART"+strings.Repeat(";A=\"b\"", 500_000)+";TZID=UTC:20260105T090000")},
		{name: "many categories", atMost: 1, text: vevent("CATEGORIES:"+strings.Repeat("a,b,c,", 500_000), start)},
		{name: "many alarms", atMost: 1, text: vevent(strings.Repeat("BEGIN:VALARM\nTRIGGER:PT1M\nEND:VALARM\n", 100_000), start)},
		{name: "many zones", problem: ProblemZone, atMost: 60_000, text: many(20_000, func(i int) string {
			return fmt.Sprintf("BEGIN:VEVENT\nUID:%d\nDTSTART;TZID=Area/Place-%d:20260105T090000\nEND:VEVENT", i, i)
		})},
		{name: "many costly VTIMEZONEs", atMost: 60_000, text: many(3000, func(i int) string {
			return fmt.Sprintf("BEGIN:VTIMEZONE\nTZID:Z%d\nBEGIN:STANDARD\nDTSTART:19000101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30\nEND:STANDARD\nEND:VTIMEZONE\n"+
				"BEGIN:VEVENT\nUID:%d\nDTSTART;TZID=Z%d:20260105T090000\nEND:VEVENT", i, i, i)
		})},
		{name: "a VTIMEZONE that changes every hour", atMost: 400, text: "BEGIN:VTIMEZONE\nTZID:Z\nBEGIN:STANDARD\nDTSTART:19000101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=HOURLY\n" +
			"RDATE:" + strings.Repeat("20260101T000000,", 100_000) + "\nEND:STANDARD\nEND:VTIMEZONE\n" + vevent("DTSTART;TZID=Z:20260105T090000", "RRULE:FREQ=DAILY;COUNT=1000")},
		{name: "a long event that repeats", atMost: 50_000, text: vevent("DTSTART:20100101T000000Z", "DTEND:20190101T000000Z", "RRULE:FREQ=DAILY")},
		{name: "an event of a thousand years", problem: ProblemTime, atMost: 1, text: vevent(start, "DTEND:30260101T000000Z")},
		{name: "a duration of a million years", problem: ProblemTime, atMost: 1, text: vevent(start, "DURATION:P99999999W")},
		{name: "this and future, far away", problem: ProblemLimit, atMost: 50_000, text: vevent("DTSTART:20000101T000000Z", "RRULE:FREQ=HOURLY") +
			vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20000102T000000Z", "DTSTART:21990101T000000Z")},
		{name: "10,000 times this and future", atMost: 400, text: vevent("DTSTART:20260101T000000Z", "RRULE:FREQ=DAILY") + many(10_000, func(i int) string {
			at := civil(int64(from.Unix()) + int64(i)*secondsPerDay)
			return vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:"+at.compact()+"Z", "DTSTART:"+(at+600).compact()+"Z")
		})},
		{name: "free-busy of a million periods", problem: ProblemLimit, atMost: 50_000,
			text: "BEGIN:VFREEBUSY\nFREEBUSY:" + strings.ReplaceAll(many(1_000_000, func(i int) string { return minute(i) + "/PT1M" }), "\n", ",") + "\nEND:VFREEBUSY"},
		{name: "zeros", text: "BEGIN:VCALENDAR\n" + strings.Repeat("\x00", 2_000_000)},
		{name: "bytes that are no text", problem: ProblemStructure, text: "BEGIN:VCALENDAR\n" + strings.Repeat("\xFF\xFE\x80\n", 500_000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := test.text
			if !strings.Contains(text, "BEGIN:VCALENDAR") {
				text = "BEGIN:VCALENDAR\n" + text + "\nEND:VCALENDAR\n"
			}
			began := time.Now()
			c, err := Parse(strings.NewReader(text), Limits{})
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			parsed := time.Since(began)
			got, problems, err := c.Expand(from, from.AddDate(1, 0, 0), zoneNamed(t, "Europe/Berlin"), Limits{})
			expanded := time.Since(began) - parsed
			if errors.Is(err, ErrTooMuch) != test.tooMuch || err != nil && !test.tooMuch {
				t.Errorf("Expand: %v", err)
			}
			if len(got) > test.atMost {
				t.Errorf("%d appointments, want at most %d", len(got), test.atMost)
			}
			kind := func(p Problem) bool { return p.Kind == test.problem }
			if test.problem != "" && !slices.ContainsFunc(append(c.Problems(), problems...), kind) {
				t.Errorf("no problem of kind %q: %v, %v", test.problem, c.Problems(), problems)
			}
			t.Logf("%d bytes: parse %v, expand %v, %d appointments, %d and %d problems", len(text), parsed, expanded, len(got), len(c.Problems()), len(problems))
			if parsed+expanded > 30*time.Second {
				t.Errorf("parse took %v, expand %v", parsed, expanded)
			}
			if len(text) < 1<<20 && !test.tooMuch {
				checkCalendar(t, c, from, from.AddDate(0, 1, 0), nil, Limits{})
			}
		})
	}
}
