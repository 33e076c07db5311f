package agenda_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
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

// accounts lets everybody in Berlin connect accounts with a system.
func (h *house) accounts(m *mail) {
	h.t.Helper()
	h.office.UseSystems(func(id string) (office.System, bool) { return office.System{Accounts: true}, true })
	h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.Accounts = "app" })
	h.PutSystem(agenda.System{ID: "app", Kind: agenda.KindGraph, Name: "Microsoft 365", System: m, Mailbox: func(*office.Person) string { return "" }})
	h.settle()
}

func TestAnAccountThatIsConnectedWhileItIsDeletedIsThere(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := newMail()
		h.accounts(m)
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		m.set(func() { m.takes = 20 * time.Second })
		in := agenda.Account{PersonID: "anna", ConnectorID: "app", Name: "Microsoft 365", Username: "anna@example.org", Token: "refresh-1"}
		first, err := h.Connect(t.Context(), office.By{Actor: "anna"}, in)
		h.ok(err)
		h.settle() // it is being read
		var both sync.WaitGroup
		both.Go(func() {
			if err := h.Delete(t.Context(), office.By{Actor: "anna"}, "anna", first.ID); err != nil {
				t.Error(err)
			}
		})
		h.settle()
		both.Go(func() {
			if _, err := h.Connect(t.Context(), office.By{Actor: "anna"}, in); err != nil {
				t.Error(err)
			}
		})
		h.settle()
		// Meanwhile nobody else is kept waiting.
		began := time.Now()
		_, err = h.Hand(t.Context(), office.By{Actor: "bert"}, agenda.Handed{PersonID: "bert", Name: "Outlook", Lease: time.Hour})
		if h.ok(err); time.Since(began) > time.Second {
			t.Errorf("bert waited %s for anna's server", time.Since(began))
		}
		both.Wait()
		h.at(time.Minute)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		o, err := h.store.LoadOffice(t.Context())
		h.ok(err)
		if len(o.Calendars) != 2 { // with bert's
			t.Errorf("stored are %d calendars", len(o.Calendars))
		}
	})
}

func TestASystemThatIsReplacedWhileAMailboxChangesIsHeard(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.exchange()
		next := newMail()
		replace := sync.OnceFunc(func() {
			h.PutSystem(agenda.System{ID: "ex", Kind: agenda.KindExchange, Name: "Exchange", System: next, Mailbox: func(p *office.Person) string { return p.Email }})
		})
		h.store.mu.Lock()
		h.store.before = func(c *store.Changes) {
			if len(c.PutCalendars) > 0 {
				replace()
			}
		}
		h.store.mu.Unlock()
		h.address("anna", "a.nowak@example.org")
		h.at(time.Minute)
		next.put("a.nowak@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.settle()
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
	})
}

func TestNobodyListensToWhoHasNoCalendarsAtPresent(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		followed := func(when string, want ...string) {
			t.Helper()
			m.mu.Lock()
			defer m.mu.Unlock()
			if !slices.Equal(m.followed, want) {
				t.Errorf("%s followed are %q", when, m.followed)
			}
		}
		h.block("bert", true)
		followed("with bert blocked", "anna@example.org")
		h.settings(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = false })
		followed("with presence switched off")
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour)) // nobody hears
		h.settings(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = true })
		followed("switched on again", "anna@example.org")
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		h.block("bert", false)
		followed("with bert back", "anna@example.org", "bert@example.org")
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "bert"))
		h.settle()
		followed("with bert gone", "anna@example.org")
	})
}

func TestASystemIsLeftBeforeItIsClosed(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		watched := func() int {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.watches
		}
		<-h.PutSystem(agenda.System{ID: "ex", Kind: agenda.KindExchange, Name: "Exchange", System: newMail(), Mailbox: func(*office.Person) string { return "" }})
		if n := watched(); n != 0 {
			t.Error("what was replaced is still listened to")
		}
		h.plug(m)
		<-h.DropSystem("ex")
		if n := watched(); n != 0 {
			t.Error("what was dropped is still listened to")
		}
		h.stop()
		<-h.PutSystem(agenda.System{ID: "ex", System: m}) // nobody listened
	})
}
