package localcal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

func berlin(t failer) *time.Location {
	home, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return home
}

// novemberDays are 26 November to 3 December 2026 in Berlin.
func novemberDays(t failer) Window {
	return days(time.Date(2026, time.November, 26, 9, 0, 0, 0, berlin(t)), 7, berlin(t))
}

// told writes an appointment out, with all that is handed over but its ID.
func told(a Appointment) string {
	s := a.String()
	if a.Private {
		s += " private"
	}
	if a.Subject != "" {
		s += fmt.Sprintf(" %q", a.Subject)
	}
	if len(a.Categories) > 0 {
		s += " in " + strings.Join(a.Categories, "+")
	}
	if a.ReminderMinutes > 0 {
		s += fmt.Sprintf(" remind %d", a.ReminderMinutes)
	}
	return s
}

func compare(t *testing.T, got []Appointment, want ...string) {
	t.Helper()
	var list []string
	ids := map[string]bool{}
	for _, a := range got {
		list = append(list, told(a))
		if ids[a.ID] {
			t.Errorf("the ID of %v is there twice", a)
		}
		ids[a.ID] = true
	}
	if !slices.Equal(list, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}
}

// A person's days as Outlook tells them: what was cancelled or declined, what is a request, and what is over is left out. One entry is damaged,
// Outlook is busy for a moment, and subjects of what is personal, private or confidential are not even asked for: the recording has none.
func TestOutlookTellsItsDays(t *testing.T) {
	t.Parallel()
	s := &replay{t: t, recording: load(t, "outlook-days.json")}
	got, problems, err := readAll(s, Outlook{}, novemberDays(t))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got,
		`2026-11-25T21:00:00Z..2026-11-26T05:00:00Z busy "Night shift"`,
		`2026-11-26..2026-11-28 out_of_office "Made in New York"`,
		`2026-11-26T08:00:00Z..2026-11-26T08:15:00Z tentative "Stand-up"`,
		`2026-11-26T08:00:00Z..2026-11-26T09:30:00Z busy "Quarterly review" in Customers+Project X remind 15`,
		`2026-11-26T10:00:00Z..2026-11-26T10:30:00Z busy private`,
		`2026-11-26T10:00:00Z..2026-11-26T11:00:00Z out_of_office private`,
		`2026-11-26T12:00:00Z..2026-11-26T13:00:00Z busy private in Council+Rooms`,
		`2026-11-26T14:00:00Z..2026-11-26T14:00:00Z free "A moment"`,
		`2026-11-28T15:00:00Z..2026-11-28T15:15:00Z busy "Stand-up, on Saturday"`,
		`2026-12-01T15:00:00Z..2026-12-01T15:15:00Z busy "Stand-up, in the afternoon"`,
		`2026-12-02T07:00:00Z..2026-12-02T15:00:00Z working_elsewhere "At home"`,
	)
	if want := []string{"one entry could not be read"}; !slices.Equal(problems, want) {
		t.Errorf("problems %q, want %q", problems, want)
	}
	if s.most > 10 {
		t.Errorf("%d objects are held at a time; those of an entry are to be given back before the next", s.most)
	}
}

// An occurrence keeps its ID when it is moved, whether Outlook writes its day into the ID of the series or only tells the exceptions.
func TestMovedOccurrenceKeepsItsID(t *testing.T) {
	t.Parallel()
	ids := func(change func(r *recording)) map[string]string {
		r := load(t, "outlook-days.json")
		change(r)
		got, _, err := readAll(&replay{t: t, recording: r}, Outlook{}, novemberDays(t))
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, a := range got {
			all[a.Subject] = a.ID
		}
		return all
	}
	set := func(r *recording, object, property, value string) { r.Objects[object].Get[property] = []byte(value) }
	moved := ids(func(*recording) {})
	// before, they were occurrences as all others
	before := ids(func(r *recording) {
		for object, day := range map[string]string{"moved": "27", "moved too": "30"} {
			set(r, object, "StartUTC", `{"clock":"2026-11-`+day+`T08:00:00"}`)
			set(r, object, "EndUTC", `{"clock":"2026-11-`+day+`T08:15:00"}`)
			set(r, object, "StartInStartTimeZone", `{"clock":"2026-11-`+day+`T09:00:00"}`)
			set(r, object, "RecurrenceState", "2")
			set(r, object, "GlobalAppointmentID", string(r.Objects["standup"].Get["GlobalAppointmentID"]))
		}
	})
	for _, subject := range []string{"Stand-up", "Stand-up, on Saturday", "Stand-up, in the afternoon", "Quarterly review"} {
		if before[subject] == "" || before[subject] != moved[subject] {
			t.Errorf("%s was %q and is %q", subject, before[subject], moved[subject])
		}
	}
}

// The first is the published example, of an occurrence that was moved from 25 to 26 March 2008 ([MS-OXOCAL] 4.1.3).
func TestGlobalIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ global, clean, day string }{
		{"040000008200E00074C5B7101A82E00807D803195025D461E473C8010000000000000000100000002A5844B3A444F74A9C246C60886F116B",
			"040000008200E00074C5B7101A82E008000000005025D461E473C8010000000000000000100000002A5844B3A444F74A9C246C60886F116B", "2008-03-25"},
		{"040000008200e00074c5b7101a82e008000000005025d461e473c8010000000000000000100000002a5844b3a444f74a9c246c60886f116b",
			"040000008200E00074C5B7101A82E008000000005025D461E473C8010000000000000000100000002A5844B3A444F74A9C246C60886F116B", ""},
		{"040000008200E00074C5B7101A82E00807D8021F", "040000008200E00074C5B7101A82E00800000000", ""}, // 31 February
		{"040000008200E00074C5B7101A82E008", "040000008200E00074C5B7101A82E008", ""},
		{"00000000CC9D27224EBAF44B80FCABC8F6F9722B07002F", "00000000CC9D27224EBAF44B80FCABC8F6F9722B07002F", ""},
		{"not hexadecimal", "not hexadecimal", ""},
		{"", "", ""},
	} {
		if clean, day := splitGlobalID(c.global); clean != c.clean || day != c.day {
			t.Errorf("splitGlobalID(%q) = %q, %q, want %q, %q", c.global, clean, day, c.clean, c.day)
		}
	}
}

func TestOutlookThatCannotBeRead(t *testing.T) {
	t.Parallel()
	runs := func(programs ...string) func(*recording) {
		return func(r *recording) { r.Runs, r.Classes["Outlook.Application"] = programs, recordedClass{} }
	}
	fails := func(code string) func(*recording) {
		return func(r *recording) { r.Objects["review"].Get["BusyStatus"] = []byte(`{"fails":"` + code + `"}`) }
	}
	for _, c := range []struct {
		name   string
		change func(*recording)
		kind   error
		words  string
	}{
		{"not installed", func(r *recording) { r.Classes, r.Runs = nil, nil }, ErrAbsent, "Outlook is not installed"},
		{"closed", runs(), ErrClosed, "Outlook does not run; its calendar is read when it does"},
		{"with other rights", runs("outlook.exe"), ErrClosed, "Outlook runs, but cannot be reached: it is still starting, or one of Outlook and Doorlight runs as administrator and the other does not"},
		{"the new Outlook beside the classic one", runs("olk.exe"), ErrAbsent, "the new Outlook has no way for programs to read its calendar; connect the account by Microsoft 365 instead, or go back to the classic Outlook"},
		{"the new Outlook alone", func(r *recording) { r.Classes, r.Runs = nil, []string{"olk.exe"} }, ErrAbsent, "the new Outlook has no way for programs to read its calendar; connect the account by Microsoft 365 instead, or go back to the classic Outlook"},
		{"a question on the screen", fails("0x80010001"), com.ErrBusy, "Outlook is busy, perhaps with a question on the screen; it is asked again soon"},
		{"closed meanwhile", fails("0x800706BA"), ErrClosed, "Outlook was closed while its calendar was read; it is read when Outlook runs again"},
		{"forbidden", fails("0x80004004"), com.ErrDenied, "Outlook does not let other programs read its calendar; its settings for programmatic access, or those of the virus scanner, forbid it"},
		{"without a profile", func(r *recording) {
			r.Objects["session"].Call[0].Gives = []byte(`{"fails":"0x8004010F"}`)
		}, nil, "the calendar of Outlook cannot be read: GetDefaultFolder: error 0x8004010F"},
		{"of dates that are read as others", func(r *recording) {
			r.Objects["yesterday"].Get["StartUTC"], r.Objects["yesterday"].Get["EndUTC"] = []byte(`{"clock":"2026-05-12T13:00:00"}`), []byte(`{"clock":"2026-05-12T14:00:00"}`)
		}, nil, "the calendar of Outlook cannot be read: it does not understand dates as the regional settings of Windows write them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := load(t, "outlook-days.json")
			c.change(r)
			got, _, err := readAll(&replay{t: t, recording: r}, Outlook{}, novemberDays(t))
			if err == nil || got != nil {
				t.Fatalf("read %v", got)
			}
			if err.Error() != c.words || c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("%q (%v), want %q (%v)", err, errors.Unwrap(err), c.words, c.kind)
			}
		})
	}
}

// A calendar may have more than the server takes, or than can be looked at.
func TestOutlookWithTooMuch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		entries, kept int
		problem       string
	}{
		{2000, 2000, ""},
		{2001, 2000, "there are more appointments than can be handed over; the first 2000 are"},
		{10_001, 2000, "there are more than 10000 entries; those after them were not looked at"},
	} {
		r := load(t, "outlook-days.json")
		r.Objects["found"].Call = []recordedCall{{Name: "GetFirst", Gives: []byte(`{"object":"review"}`)}, {Name: "GetNext", Gives: []byte(`{"each":[` + strings.Repeat(`{"object":"review"},`, c.entries-1) + `null]}`)}}
		got, problems, err := readAll(&replay{t: t, recording: r}, Outlook{}, novemberDays(t))
		if err != nil || len(got) != c.kept || c.problem == "" && problems != nil || c.problem != "" && !slices.Contains(problems, c.problem) {
			t.Errorf("of %d entries %d are kept, %q, %v, want %d, %q", c.entries, len(got), problems, err, c.kept, c.problem)
		}
	}
}
