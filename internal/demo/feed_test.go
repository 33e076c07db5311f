package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

// TestCalendars reads everybody's calendar as the server does and compares it with the plan.
func TestCalendars(t *testing.T) {
	t.Parallel()
	r := NewRoster()
	berlin, err := time.LoadLocation(homeZone)
	if err != nil {
		t.Fatal(err)
	}
	for _, speed := range []float64{1, 60, 600} {
		c := NewClock(time.Date(2026, 3, 25, 10, 0, 0, 0, berlin), speed) // summer begins in the week to come
		from, to := c.window(0)
		var days [][]Appointment
		for day := from; day < to; day++ {
			days = append(days, r.Day(1, day).Appointments)
		}
		for i := range r.Members {
			m := &r.Members[i]
			if m.hasCalendar() {
				compareCalendar(t, c, m, from, days, berlin)
			}
		}
	}
}

func compareCalendar(t *testing.T, c Clock, m *Member, from int, days [][]Appointment, zone *time.Location) {
	t.Helper()
	text := string(calendarOf(c, m, from, days))
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\r\n")) > 75 || !strings.HasSuffix(line, "\r\n") {
			t.Errorf("%s: not a content line: %q", m.Login, line)
		}
	}
	cal, err := calendar.Parse(strings.NewReader(text), calendar.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", m.Login, err)
	}
	if p := cal.Problems(); len(p) > 0 {
		t.Errorf("%s: %v", m.Login, p)
	}
	all, problems, err := cal.Expand(c.start.AddDate(0, 0, -20), c.start.AddDate(0, 0, 30), zone, calendar.Limits{})
	if err != nil || len(problems) > 0 {
		t.Errorf("%s: %v, %v", m.Login, problems, err)
	}
	type entry struct {
		start   time.Time
		subject string
	}
	got := map[entry]calendar.Appointment{}
	allDay := 0
	for _, x := range all {
		if x.AllDay {
			allDay++
			continue
		}
		got[entry{x.Start, x.Subject}] = x
	}
	want := 0
	for i, day := range days {
		for _, a := range day {
			for _, l := range a.People {
				if l != m.Login {
					continue
				}
				want++
				e := entry{c.Real(from+i, a.From).Truncate(time.Second), a.Subject}
				if a.Private {
					e.subject = ""
				}
				x, ok := got[e]
				switch {
				case !ok:
					t.Errorf("%s at speed %g: %q at %v is not in the calendar", m.Login, c.speed, a.Subject, e.start)
				case x.Private != a.Private || x.ShowAs.String() != a.ShowAs.String() || x.URL != a.URL && !a.Private:
					t.Errorf("%s at speed %g: %+v, want %+v", m.Login, c.speed, x, a)
				}
				if length := c.Real(0, a.To).Sub(c.Real(0, a.From)); ok && (x.End.Sub(x.Start)-length).Abs() > time.Second {
					t.Errorf("%s at speed %g: %q takes %v, want %v", m.Login, c.speed, a.Subject, x.End.Sub(x.Start), length)
				}
			}
		}
	}
	if len(got) != want {
		t.Errorf("%s at speed %g: %d appointments, want %d", m.Login, c.speed, len(got), want)
	}
	if away := m.Habit == AwayOnLeave || m.Habit == AtFair; away && allDay != 1 {
		t.Errorf("%s: %d all-day appointments", m.Login, allDay)
	}
}
