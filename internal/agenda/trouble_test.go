package agenda_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

func TestACalendarOfASystemThatCannotBeStoredComesLater(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		h.person("cleo")
		h.settle()
		h.store.mu.Lock()
		h.store.noUpdates = errors.New("the disk is full")
		h.store.mu.Unlock()
		m.put("cleo@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.address("cleo", "cleo@example.org")
		if all := h.Calendars("cleo"); len(all) != 0 {
			t.Errorf("there is %+v, and it is stored nowhere", all)
		}
		h.store.mu.Lock()
		h.store.noUpdates = nil
		h.store.mu.Unlock()
		h.at(time.Minute)
		if got := h.claims("cleo"); !slices.Equal(got, []string{"busy Appointment 10h0m0s..11h0m0s"}) {
			t.Errorf("once it could be stored the claims are %q", got)
		}
	})
}

func TestASystemThatIsSwitchedOffWhileManyWaitBreaksNobodysCalendar(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for i := range 100 {
			h.person(fmt.Sprintf("p%03d", i))
			h.address(fmt.Sprintf("p%03d", i), fmt.Sprintf("p%03d@example.org", i))
		}
		m := h.exchange()
		m.set(func() { m.takes = 20 * time.Second })
		for i := range 100 {
			m.put(fmt.Sprintf("p%03d@example.org", i))
		}
		h.settle()
		m.set(func() { m.fails[""] = errors.New("it was closed") })
		h.DropSystem("ex")
		h.at(3 * time.Hour)
		if got := h.SystemStatus("ex"); got.Calendars != 102 || len(got.Failing) != 0 {
			t.Errorf("%d of %d calendars fail, such as %+v", len(got.Failing), got.Calendars, got.Failing[0])
		}
		m.set(func() { m.fails[""], m.takes = nil, 0 })
		m.put("p099@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.plug(m)
		h.at(3*time.Hour + time.Minute)
		if got := h.claims("p099"); len(got) != 1 {
			t.Errorf("switched on again the claims are %q", got)
		}
	})
}

func TestWhatFailedInASystemIsReadAtOnceInTheOneThatReplacesIt(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		old := h.exchange()
		old.set(func() {
			old.takes = 20 * time.Second
			old.fails[""] = &source.Error{Kind: source.NotAllowed, Text: "The account may not read this calendar."}
		})
		old.put("anna@example.org")
		h.settle()
		next := newMail()
		next.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.plug(next) // with the account that may, while the other is at it
		h.at(time.Minute)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		if s := h.status(); s.Error != "" {
			t.Errorf("the calendar says %q", s.Error)
		}
	})
}
