package localcal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// entry is an entry of a random calendar: what was meant, from which both programs' answers and what should come of them are made.
type entry struct {
	series   int
	repeats  bool
	zone     *time.Location // where it was made
	original time.Time      // where its series puts it, on the clock there
	start    time.Time      // where it is, on the clock there
	length   time.Duration  // whole days: of days on the calendar
	whole    bool
	shows    int
	secret   int // sensitivity
	gone     int // 0: it is attended; 1: cancelled, 2: declined
	subject  string
	names    []string
	remind   int
}

func (e *entry) day(wall time.Time) string { return wall.Format(time.DateOnly) }

// end is where it ends on the clock where it was made.
func (e *entry) end() time.Time {
	if e.whole {
		return e.start.AddDate(0, 0, int(e.length/oneDay))
	}
	return e.start.Add(e.length)
}

func (e *entry) moved() bool { return e.repeats && !e.original.Equal(e.start) }

// randomCalendar draws single entries and series, some of whose occurrences are moved to other days, cancelled or missing.
func randomCalendar(r *rapid.T, around time.Time) (all []*entry) {
	zones := []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"}
	for series := range rapid.IntRange(0, 6).Draw(r, "series") {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(r, "zone"))
		if err != nil {
			r.Fatalf("%v", err)
		}
		draft := entry{
			series: series, zone: zone, whole: rapid.Bool().Draw(r, "whole days"), shows: rapid.IntRange(0, 4).Draw(r, "shows"),
			secret: max(0, rapid.IntRange(-3, 3).Draw(r, "sensitivity")),
			names:  rapid.SampledFrom([][]string{nil, {"Home"}, {"Project X", "Café"}}).Draw(r, "categories"), remind: rapid.SampledFrom([]int{0, 15, 1440}).Draw(r, "reminder"),
		}
		first := time.Date(around.Year(), around.Month(), around.Day()+rapid.IntRange(-12, 12).Draw(r, "day"), 0, 0, 0, 0, zone)
		if draft.whole {
			draft.length = time.Duration(rapid.IntRange(1, 3).Draw(r, "days")) * oneDay
		} else {
			draft.length = time.Duration(rapid.IntRange(0, 30*60).Draw(r, "minutes")) * time.Minute
		}
		minute := rapid.IntRange(0, 24*60-1).Draw(r, "minute")
		times, step := 1, 1
		if draft.repeats = rapid.Bool().Draw(r, "repeats"); draft.repeats {
			times, step = rapid.IntRange(1, 12).Draw(r, "times"), rapid.SampledFrom([]int{1, 7}).Draw(r, "step")
		}
		on := func(n int) time.Time {
			d := first.AddDate(0, 0, n)
			if draft.whole {
				return d
			}
			return time.Date(d.Year(), d.Month(), d.Day(), minute/60, minute%60, 0, 0, zone)
		}
		taken := map[time.Time]bool{} // Outlook moves no occurrence to where another one is
		for n := range times {
			e := draft
			e.original = on(n * step)
			e.start = e.original
			e.subject = fmt.Sprintf("Subject %d, of %s", series, e.original.Format(time.DateOnly))
			e.gone = max(0, rapid.IntRange(-4, 2).Draw(r, "gone"))
			switch {
			case draft.repeats && rapid.IntRange(0, 5).Draw(r, "missing") == 0:
				continue
			case draft.repeats && rapid.IntRange(0, 3).Draw(r, "moved") == 0:
				e.start = on(n*step + rapid.IntRange(-3, 3).Draw(r, "by"))
				if !e.whole {
					e.start = e.start.Add(time.Duration(rapid.IntRange(1, 90).Draw(r, "later")) * time.Minute)
				}
			}
			if !taken[e.start] {
				taken[e.start] = true
				all = append(all, &e)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *entry) int { return a.start.Compare(b.start) })
	return all
}

// expected is what should be read of a calendar, without IDs; sorted, as times alone do not order it.
func expected(all []*entry, w Window, reminders bool) (want []string) {
	for _, e := range all {
		a := Appointment{ShowAs: []string{"free", "tentative", "busy", "out_of_office", "working_elsewhere"}[e.shows], Private: e.secret > 0, Categories: e.names}
		if reminders {
			a.ReminderMinutes = e.remind
		}
		if !a.Private {
			a.Subject = e.subject
		}
		var from, until time.Time
		if e.whole {
			a.StartDate, a.EndDate = e.day(e.start), e.day(e.end())
			from = time.Date(e.start.Year(), e.start.Month(), e.start.Day(), 0, 0, 0, 0, w.Home)
			until = time.Date(e.end().Year(), e.end().Month(), e.end().Day(), 0, 0, 0, 0, w.Home)
		} else {
			from, until = e.start.UTC(), e.end().UTC()
			a.Start, a.End = &from, &until
		}
		if e.gone == 0 && from.Before(w.Until) && (until.After(w.From) || from.Equal(until) && !from.Before(w.From)) {
			want = append(want, told(a))
		}
	}
	slices.Sort(want)
	return want
}

// outlookOf is an Outlook with a calendar, as JSON. Times are dates of OLE automation, and series tell their exceptions.
func outlookOf(all []*entry, w Window) []byte {
	type m = map[string]any
	object := func(name string) m { return m{"object": name} }
	date := func(wall time.Time) m {
		zero := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
		there := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, time.UTC)
		return m{"date": float64(there.Unix()-zero.Unix()) / 86400}
	}
	edge := func(t time.Time, days int) string {
		return t.In(w.Home).AddDate(0, 0, days).Format("02.01.2006") + " 00:00"
	}
	objects := m{
		"app":     m{"is": "Application", "call": []m{{"name": "GetNamespace", "args": []any{"MAPI"}, "gives": object("session")}}},
		"session": m{"is": "NameSpace", "call": []m{{"name": "GetDefaultFolder", "args": []any{9}, "gives": object("folder")}}},
		"folder":  m{"is": "Folder", "get": m{"Items": m{"each": []m{object("none"), object("items")}}}},
		"none":    m{"is": "Items", "get": m{"Count": 0}},
		"items": m{"is": "Items", "script": []m{
			{"name": "Sort", "args": []any{"[Start]"}}, {"name": "IncludeRecurrences", "set": true},
			{"name": "Restrict", "args": []any{"[Start] < '" + edge(w.Until, 1) + "' AND [End] > '" + edge(w.From, -1) + "'"}, "gives": object("found")},
		}},
	}
	exceptions := map[int][]*entry{}
	for _, e := range all {
		if e.moved() {
			exceptions[e.series] = append(exceptions[e.series], e)
		}
	}
	for series, list := range exceptions {
		items := []m{}
		for i, e := range list {
			name := fmt.Sprintf("exception %d of %d", i+1, series)
			items = append(items, m{"name": "Item", "args": []any{i + 1}, "gives": object(name)})
			objects[name] = m{"is": "Exception", "get": m{"Deleted": false, "OriginalDate": date(e.original), "AppointmentItem": object("item of " + name)}}
			objects["item of "+name] = m{"is": "AppointmentItem", "get": m{"StartUTC": date(e.start.UTC())}}
		}
		objects[fmt.Sprint("pattern ", series)] = m{"is": "RecurrencePattern", "get": m{"Exceptions": object(fmt.Sprint("exceptions ", series))}}
		objects[fmt.Sprint("exceptions ", series)] = m{"is": "Exceptions", "get": m{"Count": len(items)}, "call": items}
	}
	order := []any{}
	for i, e := range all {
		if !e.end().After(w.From.AddDate(0, 0, -1)) || !e.start.Before(w.Until.AddDate(0, 0, 1)) {
			continue // the condition keeps it out
		}
		get := m{
			"Class": 26, "Sensitivity": e.secret, "MeetingStatus": []int{3, 7, 3}[e.gone], "ResponseStatus": []int{3, 3, 4}[e.gone], "BusyStatus": e.shows,
			"AllDayEvent": e.whole, "StartUTC": date(e.start.UTC()), "EndUTC": date(e.end().UTC()), "StartInStartTimeZone": date(e.start),
			"RecurrenceState": 0, "GlobalAppointmentID": fmt.Sprintf("040000008200E00074C5B7101A82E00800000000%024X10000000%032X", 0, e.series),
			"Categories": strings.Join(e.names, []string{"; ", ", "}[i%2]), "ReminderSet": e.remind > 0,
		}
		if e.whole {
			get["EndInEndTimeZone"] = date(e.end())
		}
		if e.remind > 0 {
			get["ReminderMinutesBeforeStart"] = e.remind
		}
		if e.secret == 0 {
			get["Subject"] = e.subject
		}
		item := m{"is": "AppointmentItem", "get": get}
		if e.repeats {
			get["RecurrenceState"] = 2
		}
		if e.moved() {
			get["RecurrenceState"] = 3
			item["call"] = []m{{"name": "GetRecurrencePattern", "gives": object(fmt.Sprint("pattern ", e.series))}}
		}
		objects[fmt.Sprint("entry ", i)] = item
		order = append(order, object(fmt.Sprint("entry ", i)))
	}
	order = append(order, nil)
	objects["found"] = m{"is": "Items", "call": []m{{"name": "GetFirst", "gives": order[0]}, {"name": "GetNext", "gives": m{"each": order[min(1, len(order)-1):]}}}}
	return encode(m{"classes": m{"Outlook.Application": m{"active": object("app")}}, "runs": []string{}, "objects": objects})
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// Whatever is in a calendar of Outlook, what is read is what was meant, each with an ID of its own that does not depend on where it was moved to.
func TestRandomCalendarsOfOutlook(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w, around := randomWindow(r)
		all := randomCalendar(r, around)
		got := readRandom(r, Outlook{}, outlookOf(all, w), w, expected(all, w, true))
		// now each occurrence is back where its series puts it
		var straight []*entry
		at := map[string]bool{}
		for _, e := range all {
			back := *e
			back.start = back.original
			straight = append(straight, &back)
			at[fmt.Sprint(e.series, e.original)] = true
		}
		if len(at) != len(all) {
			r.Fatalf("the calendar has an occurrence twice")
		}
		slices.SortStableFunc(straight, func(a, b *entry) int { return a.start.Compare(b.start) })
		before := readRandom(r, Outlook{}, outlookOf(straight, w), w, expected(straight, w, true))
		for subject, id := range got {
			if was, ok := before[subject]; ok && was != id {
				r.Errorf("%s was %s and is %s", subject, was, id)
			}
		}
	})
}

// randomWindow is around one of the days on which clocks change, or none.
func randomWindow(r *rapid.T) (w Window, around time.Time) {
	home, err := time.LoadLocation(rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "UTC", "Pacific/Apia"}).Draw(r, "home"))
	if err != nil {
		r.Fatalf("%v", err)
	}
	around = time.Date(2026, rapid.SampledFrom([]time.Month{time.March, time.July, time.October}).Draw(r, "month"), 27, 12, 0, 0, 0, home)
	return days(around, rapid.IntRange(1, 10).Draw(r, "ahead"), home), around
}

// readRandom reads a program, compares what it reads with what it should, and returns the IDs by subject, of which each occurrence has its own.
func readRandom(r *rapid.T, p Program, text []byte, w Window, want []string) map[string]string {
	got, problems, err := readAll(&replay{t: r, recording: decode(r, text)}, p, w)
	if err != nil || len(problems) > 0 {
		r.Fatalf("%v, %q", err, problems)
	}
	var list []string
	ids, subjects := map[string]bool{}, map[string]string{}
	for _, a := range got {
		list = append(list, told(a))
		if ids[a.ID] {
			r.Errorf("the ID of %v is there twice", a)
		}
		ids[a.ID] = true
		if !a.Private {
			subjects[a.Subject] = a.ID
		}
	}
	if !slices.IsSortedFunc(got, func(a, b Appointment) int {
		aFrom, _ := a.span(w.Home)
		bFrom, _ := b.span(w.Home)
		return cmp.Compare(aFrom.Unix(), bFrom.Unix())
	}) {
		r.Errorf("%v is not sorted", got)
	}
	slices.Sort(list)
	if !slices.Equal(list, want) {
		r.Errorf("got\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}
	return subjects
}

// notesOf is the iCalendar with which Notes answers for a range, of a calendar without what only Outlook has.
func notesOf(all []*entry) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Lotus Development Corporation//NONSGML Notes 9.0//EN_C\r\n")
	const utc = "20060102T150405Z"
	for _, e := range all {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d-Lotus_Notes_Generated\r\nX-LOTUS-SUMMARYDATAONLY:TRUE\r\n", e.series)
		if e.whole {
			fmt.Fprintf(&b, "DTSTART;VALUE=DATE:%s\r\nDTEND;VALUE=DATE:%s\r\nX-LOTUS-APPTTYPE:2\r\n", e.start.Format("20060102"), e.end().Format("20060102"))
			if e.repeats {
				fmt.Fprintf(&b, "RECURRENCE-ID;VALUE=DATE:%s\r\n", e.original.Format("20060102"))
			}
		} else {
			fmt.Fprintf(&b, "DTSTART:%s\r\nDTEND:%s\r\nX-LOTUS-APPTTYPE:3\r\n", e.start.UTC().Format(utc), e.end().UTC().Format(utc))
			if e.repeats {
				fmt.Fprintf(&b, "RECURRENCE-ID:%s\r\n", e.original.UTC().Format(utc))
			}
		}
		fmt.Fprintf(&b, "CLASS:%s\r\nSUMMARY:%s\r\n", []string{"PUBLIC", "PRIVATE", "CONFIDENTIAL", "X-SECRET"}[e.secret], strings.ReplaceAll(e.subject, ",", `\,`))
		if e.shows == 0 {
			b.WriteString("TRANSP:TRANSPARENT\r\n")
		} else {
			b.WriteString("TRANSP:OPAQUE\r\n")
		}
		if len(e.names) > 0 {
			fmt.Fprintf(&b, "CATEGORIES:%s\r\n", strings.Join(e.names, ","))
		}
		if e.gone == 1 {
			b.WriteString("STATUS:CANCELLED\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

// The same for Notes, which knows free and busy only, and has nothing of what was declined.
func TestRandomCalendarsOfNotes(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	object := func(name string) m { return m{"object": name} }
	rapid.Check(t, func(r *rapid.T) {
		w, around := randomWindow(r)
		var all []*entry
		for _, e := range randomCalendar(r, around) {
			e.shows = []int{0, 2, 2, 2, 2}[e.shows]
			if e.gone != 2 {
				all = append(all, e)
			}
		}
		readRandom(r, Notes{}, encode(m{"classes": m{"Notes.NotesSession": m{"create": object("session")}}, "runs": []string{"nlnotes.exe"}, "objects": m{
			"session": m{"is": "NotesSession", "call": []m{
				{"name": "GetDatabase", "args": []any{"", ""}, "gives": object("mail")}, {"name": "GetCalendar", "args": []any{object("mail")}, "gives": object("calendar")},
				{"name": "CreateDateTime", "args": []any{""}, "gives": object("time")},
			}},
			"mail": m{"is": "NotesDatabase", "get": m{"IsOpen": true, "LastModified": m{"clock": "2026-03-27T12:00:00"}}, "call": []m{{"name": "OpenMail"}}},
			// how many days the window is from now is not this test's matter
			"time": m{"is": "NotesDateTime", "call": []m{{"name": "SetNow"}, {"name": "AdjustDay", "args": []any{m{"any": true}}}}},
			"calendar": m{"is": "NotesCalendar", "get": m{"EntriesProcessed": len(all)}, "call": []m{
				{"name": "ReadRangeMask1", "set": 0x3E5B}, {"name": "ReadRange", "args": []any{object("time"), object("time"), 0, 500}, "gives": notesOf(all)},
			}},
		}}), w, expected(all, w, false))
	})
}
