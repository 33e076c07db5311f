package localcal

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// inNovember runs a test on 26 November 2026, 9:00 in Berlin: Notes is asked for days from today.
func inNovember(t *testing.T, f func(*testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, time.November, 26, 9, 0, 0, 0, berlin(t))))
		f(t)
	})
}

// A person's days as Notes tells them, in two answers. Anniversaries and reminders take no time, whole days are from 4:00 to 20:00, an invitation
// that was not answered is tentative, and a notice of a cancellation is nothing to attend.
func TestNotesTellsItsDays(t *testing.T) {
	t.Parallel()
	inNovember(t, func(t *testing.T) {
		s := &replay{t: t, recording: load(t, "notes-days.json")}
		got, problems, err := readAll(s, Notes{}, novemberDays(t))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, got,
			`2026-11-26T08:00:00Z..2026-11-26T08:15:00Z busy "Stand-up"`,
			`2026-11-26T08:00:00Z..2026-11-26T09:30:00Z busy "Quarterly review" in Customers+Project X`,
			`2026-11-26T10:00:00Z..2026-11-26T11:00:00Z busy private`,
			`2026-11-26T12:00:00Z..2026-11-26T13:00:00Z busy private`,
			`2026-11-27..2026-11-28 busy "Fair"`,
			`2026-11-28..2026-11-30 busy "Weekend"`,
			`2026-11-28T15:00:00Z..2026-11-28T15:15:00Z busy "Stand-up, on Saturday"`,
			`2026-11-30..2026-12-01 free "Birthday"`,
			`2026-12-01T09:00:00Z..2026-12-01T09:15:00Z free "Call back"`,
			`2026-12-01T10:00:00Z..2026-12-01T11:00:00Z free "Pencilled in"`,
			`2026-12-01T12:00:00Z..2026-12-01T13:00:00Z tentative "Invitation"`,
		)
		if want := []string{"one entry could not be read"}; !slices.Equal(problems, want) {
			t.Errorf("problems %q, want %q", problems, want)
		}
	})
}

// An occurrence keeps its ID when it is moved, and differs from the others of its series.
func TestMovedOccurrenceInNotes(t *testing.T) {
	t.Parallel()
	w := novemberDays(t)
	event := func(start, original string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:" + start + "\nDURATION:PT1H\nRECURRENCE-ID:" + original + "\nEND:VEVENT\nEND:VCALENDAR\n"
	}
	one := func(text string) string {
		all, bad := notesAppointments(text, w)
		if len(all) != 1 || bad != 0 {
			t.Fatalf("%q has %v, %d", text, all, bad)
		}
		return all[0].ID
	}
	was, is, other := one(event("20261127T080000Z", "20261127T080000Z")), one(event("20261128T150000Z", "20261127T080000Z")), one(event("20261128T150000Z", "20261128T080000Z"))
	if was != is || is == other {
		t.Errorf("it was %s, is %s, another is %s", was, is, other)
	}
}

func TestNotesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		change     func(*recording)
		kind       error
		words      string // "": it can be read, and is empty
	}{
		{"with an empty calendar", "notes-empty.json", func(*recording) {}, nil, ""},
		{"not installed", "notes-days.json", func(r *recording) { r.Classes = nil }, ErrAbsent, "Notes is not installed"},
		// a client that does not run would be started: the object must not be made
		{"closed", "notes-days.json", func(r *recording) { r.Runs, r.Classes["Notes.NotesSession"] = nil, recordedClass{} }, ErrClosed, "Notes does not run; its calendar is read when it does"},
		{"without a mail file", "notes-days.json", func(r *recording) { r.Objects["mail"].Get["IsOpen"] = []byte("false") }, ErrClosed, "Notes does not open the mail file; is somebody signed in?"},
		{"too old", "notes-days.json", func(r *recording) { r.Objects["session"].Call[1].Gives = []byte(`{"fails":"0x80020006"}`) }, nil, "this version of Notes has no way for programs to read its calendar; it takes Notes 9.0.1 or later"},
		{"failing", "notes-failing.json", func(*recording) {}, nil, "the calendar of Notes cannot be read: ReadRange: error 0x80004005"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inNovember(t, func(t *testing.T) {
				r := load(t, c.file)
				c.change(r)
				got, problems, err := readAll(&replay{t: t, recording: r}, Notes{}, novemberDays(t))
				switch {
				case c.words == "":
					if err != nil || len(got)+len(problems) > 0 {
						t.Errorf("got %v, %q, %v", got, problems, err)
					}
				case err == nil || err.Error() != c.words || c.kind != nil && !errors.Is(err, c.kind):
					t.Errorf("%v, want %q (%v)", err, c.words, c.kind)
				}
			})
		})
	}
}

// Whatever Notes answers, reading it comes to an end.
func FuzzNotes(f *testing.F) {
	for _, c := range load(f, "notes-days.json").Objects["calendar"].Script[1:] {
		var text string
		if err := json.Unmarshal(c.Gives, &text); err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := novemberDays(t)
		all, _ := notesAppointments(text, w)
		all, _ = tidy(all, w.Home)
		for _, a := range all {
			if a.Private && a.Subject != "" || !a.in(w) || a.ID == "" {
				t.Errorf("%s: private %v", a, a.Private)
			}
		}
	})
}
