package agenda_test

import (
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

// mail gives Anna an address.
func (h *house) mail(address string) {
	h.t.Helper()
	p, _ := h.office.Person("anna")
	rec := p.Person
	rec.Email = address
	h.ok(h.office.PutPeople(h.t.Context(), office.By{Actor: "admin"}, "person.put", &rec))
	h.settle()
}

// invitation is an event as Google publishes it, with what two invited people answered.
func invitation(h *house, uid string, hour time.Duration, anna, bert string, lines ...string) string {
	return event(uid, h.on(hour*time.Hour), h.on((hour+1)*time.Hour), append([]string{
		"ORGANIZER;CN=Chris:mailto:chris@example.org",
		"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=" + anna + ";CN=Anna Berg;X-NUM-GUESTS=0:mailto:Anna.Berg@Example.org",
		"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=" + bert + ";CN=Bert;X-NUM-GUESTS=0:mailto:bert@example.org",
		"STATUS:CONFIRMED",
	}, lines...)...)
}

const (
	ten      = "busy Appointment 10h0m0s..11h0m0s"
	twelve   = "busy Appointment 12h0m0s..13h0m0s"
	fourteen = "busy Appointment 14h0m0s..15h0m0s"
	sixteen  = "busy Appointment 16h0m0s..17h0m0s"
)

func TestAnInvitationThatWasDeclinedDoesNotCount(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.mail("anna.berg@example.ORG")
		h.web.publish(address,
			invitation(h, "1", 10, "ACCEPTED", "DECLINED"),
			invitation(h, "2", 12, "DECLINED", "ACCEPTED", "SUMMARY:Budget"),
			invitation(h, "3", 14, "TENTATIVE", "ACCEPTED"),
			invitation(h, "4", 16, "NEEDS-ACTION", "ACCEPTED"),
		)
		h.calendar(address)
		h.wantClaims(ten, fourteen, sixteen)
		h.nowhere("bert@example.org", "Anna Berg", "Anna.Berg", "chris")
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.ShowAs = []presence.ShowAs{presence.ShowBusy} })
		h.wantClaims(ten, sixteen) // what she has not promised is tentative
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.ShowAs = policy.Factory().Calendar.ShowAs })
		h.at(time.Hour)
		h.web.readings()
		h.at(2 * time.Hour)
		for _, r := range h.web.readings() {
			if r.account.State == "" {
				t.Errorf("it is read anew at %v though nothing is", r.at)
			}
		}
	})
}

func TestWithAnotherAddressACalendarIsReadAnew(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		// Nobody knows who Anna is until she has an address.
		h.web.publish(address, invitation(h, "1", 10, "DECLINED", "ACCEPTED"), invitation(h, "2", 12, "ACCEPTED", "DECLINED"))
		h.calendar(address)
		h.wantClaims(ten, twelve)
		h.mail("anna.berg@example.org")
		h.wantClaims(twelve)
		h.mail("bert@example.org")
		h.wantClaims(ten)
		h.restart(time.Minute)
		h.web.readings()
		h.at(20 * time.Minute)
		if got := h.web.readings(); len(got) == 0 || got[0].account.State == "" {
			t.Errorf("after a restart it is read as %+v", got)
		}
		h.wantClaims(ten)
		h.mail("")
		h.wantClaims(ten, twelve)
	})
}

func TestTheNameToSignInWithMayBeTheAddress(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		// At a private calendar Anna is known by the address she signs in with.
		h.mail("anna@work.example.com")
		h.web.publish(address, invitation(h, "1", 10, "DECLINED", "ACCEPTED"), invitation(h, "2", 12, "ACCEPTED", "DECLINED"))
		h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindCalDAV, Name: "Home", URL: address, Username: "anna.berg@example.org"})
		h.wantClaims(twelve)
	})
}
