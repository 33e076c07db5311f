package calendar_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

func TestWrittenAppointmentsAreReadAsTheyWere(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 1))
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	texts := []string{"", "Jour fixe", "a; b, c\\d", "Übergabe – Straße 😀 " + strings.Repeat("lang ", 40)}
	var want []calendar.Appointment
	for i := range 300 {
		a := calendar.Appointment{
			ID: fmt.Sprintf("040000008200E00074C5B7101A82E008%04d/2026-11-%02d", i, 1+i%28), ShowAs: calendar.ShowAs(r.IntN(5)),
			Subject: texts[r.IntN(len(texts))], Private: r.IntN(4) == 0,
		}
		a.Start = from.Add(time.Duration(i) * time.Hour)
		a.End = a.Start.Add(time.Duration(r.IntN(5)) * 30 * time.Minute)
		if r.IntN(5) == 0 {
			a.AllDay, a.StartDate = true, calendar.Date{Year: 2026, Month: 11, Day: 1 + i/24}
			a.EndDate = calendar.Date{Year: 2026, Month: 11, Day: a.StartDate.Day + 1 + r.IntN(3)}
			a.Start, a.End = a.StartDate.In(berlin), a.EndDate.In(berlin)
		}
		if r.IntN(3) == 0 {
			a.Categories = []string{"On holiday", "a,b"}
		}
		if r.IntN(3) == 0 {
			a.Reminder = 15 * time.Minute
		}
		if r.IntN(3) == 0 {
			a.URL = "https://mail.example.com/owa/?itemid=AAMk%2B&exvsurl=1&path=/calendar/item"
		}
		want = append(want, a)
	}
	text := calendar.Write(want)
	cal, err := calendar.Parse(bytes.NewReader(text), calendar.Limits{})
	if err != nil || len(cal.Problems()) > 0 {
		t.Fatal(err, cal.Problems())
	}
	if again, err := calendar.Parse(bytes.NewReader(cal.Strip()), calendar.Limits{}); err != nil {
		t.Fatal(err)
	} else {
		cal = again
	}
	got, _, err := cal.Expand(from.AddDate(0, -1, 0), from.AddDate(0, 2, 0), berlin, calendar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]calendar.Appointment{}
	for _, a := range got {
		byID[a.ID] = a
	}
	for _, a := range want {
		g := byID[a.ID]
		a.UID = a.ID
		if a.Subject = strings.TrimSpace(a.Subject); a.Private {
			a.Subject, a.URL = "", ""
		}
		if !reflect.DeepEqual(g, a) {
			t.Fatalf("got  %+v\nwant %+v", g, a)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d appointments, want %d", len(got), len(want))
	}
}

func TestWhatIsWrittenOfPrivateAndHostileAppointments(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	text := string(calendar.Write([]calendar.Appointment{
		{ID: "1", Start: day, End: day.Add(time.Hour), Subject: "Doctor", URL: "https://x.example/doctor", Private: true, ShowAs: calendar.Busy},
		{ID: "2\r\nEND:VEVENT", Start: day, End: day.Add(time.Hour), Subject: "a\r\nATTENDEE:b", URL: "javascript:alert(1)", Categories: []string{"x\ny"}},
	}))
	for _, bad := range []string{"octor", "\nATTENDEE", "javascript", "2\r\nEND"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in\n%s", bad, text)
		}
	}
	cal, err := calendar.Parse(strings.NewReader(text), calendar.Limits{})
	if err != nil || len(cal.Problems()) > 0 {
		t.Fatal(err, cal.Problems())
	}
}
