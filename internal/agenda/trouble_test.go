package agenda_test

import (
	"errors"
	"slices"
	"testing"
	"time"
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
