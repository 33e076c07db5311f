package agenda_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/office"
)

// row is events of half a minute, one after the other.
func row(h *house, from time.Duration, n int) []string {
	events := make([]string, n)
	for i := range events {
		at := h.on(from + time.Duration(i)*30*time.Second)
		events[i] = event(fmt.Sprint(i), at, at.Add(30*time.Second))
	}
	return events
}

func TestOfManyAppointmentsTheNextOnesCount(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		// Before all others in the file, and last in the day; free ones take nobody's place.
		events := []string{event("last", h.on(47*time.Hour), h.on(48*time.Hour))}
		events = append(events, row(h, time.Hour, 5000)...)
		for i := range 600 {
			events = append(events, event(fmt.Sprint("free ", i), h.on(0), h.on(time.Hour), "TRANSP:TRANSPARENT"))
		}
		events = append(events, event("all day", h.on(-time.Hour), h.on(30*time.Hour)))
		h.web.publish(address, events...)
		h.calendar(address)
		claims := h.claims("anna")
		if len(claims) != 500 || !slices.Contains(claims, "busy Appointment -1h0m0s..30h0m0s") || !slices.Contains(claims, "busy Appointment 1h0m0s..1h0m30s") {
			t.Errorf("there are %d claims, the first is %s", len(claims), claims[0])
		}
		if got, want := h.status().Problems, "only the next 500 appointments count for presence; 4502 more lie behind and move up as time passes"; !slices.Equal(got, []string{want}) {
			t.Errorf("the calendar says %q, want %q", got, want)
		}
		if n := len(h.Appointments("anna", h.on(0), h.on(48*time.Hour))); n != 5602 {
			t.Errorf("the agenda shows %d appointments", n)
		}
	})
}

func TestAppointmentsThatLieBehindMoveUp(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, row(h, time.Hour, 2500)...)
		h.calendar(address)
		h.web.page(address, page{fails: errors.New("down")}) // no reading is needed for it
		for hour := time.Hour; hour < 20*time.Hour; hour += time.Hour {
			h.at(hour)
			if hour == 5*time.Hour {
				h.restart(0)
				h.at(hour + 10*time.Minute)
			}
			if next := fmt.Sprint("busy Appointment ", hour+time.Hour, "..", hour+time.Hour+30*time.Second); !slices.Contains(h.claims("anna"), next) {
				t.Fatalf("at %s there is no claim for an hour later", hour)
			}
			if n := len(h.claims("anna")); n > 500 {
				t.Errorf("at %s there are %d claims", hour, n)
			}
		}
		h.at(21*time.Hour + 45*time.Minute)
		if got := h.told(); slices.ContainsFunc(got, func(s string) bool { return !strings.HasSuffix(s, " anna busy Appointment") }) {
			t.Errorf("there is a moment without: %q", got)
		}
		if got := h.status().Problems; len(got) > 0 {
			t.Errorf("when the rest counts, the calendar says %q", got)
		}
		h.at(22 * time.Hour)
		if got := h.told(); got[len(got)-1] != "21h50m0s anna logged_out" {
			t.Errorf("at the end was published %q", got)
		}
	})
}

func TestManyCalendarsOfOnePersonShare(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, row(h, time.Hour, 600)...)
		var ids []string
		for i := range 8 {
			ids = append(ids, h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: fmt.Sprint(i), URL: address}).ID)
		}
		h.settle()
		if n := len(h.claims("anna")); n != 2000 {
			t.Errorf("eight calendars make %d claims", n)
		}
		for _, id := range ids[2:] {
			h.ok(h.Delete(t.Context(), office.By{Actor: "admin"}, "anna", id))
		}
		h.settle()
		if n := len(h.claims("anna")); n != 1000 {
			t.Errorf("two calendars make %d claims", n)
		}
		if got := h.Calendars("anna")[0].Problems; len(got) != 1 || !strings.HasPrefix(got[0], "only the next 500 ") {
			t.Errorf("the calendar says %q", got)
		}
	})
}
