package teams_test

import (
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/presence"
)

// Teams itself uses the microphone while somebody is in a call there, and a line may report that call as well. Neither is told to Teams,
// whatever profile microphones have; a telephone beside them is.
func TestACallInTeamsThatIsSeenTwiceIsNotToldToTeams(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		h.edit("anna", func(e *hub.Edit) {
			e.Put(presence.Claim{Source: presence.SourceMicrophone, ID: "teams", Status: presence.DoNotDisturb, Text: "Teams V2", Call: "teams", From: e.Now})
			e.Put(presence.Claim{Source: "line/pbx", ID: "1", From: e.Now, Line: presence.Line{State: presence.LineOnThePhone, Service: "MS Teams"}})
		})
		time.Sleep(time.Minute)
		h.ok(h.microsoft.EndCall(at("anna"), "outside@example.org"))
		time.Sleep(time.Minute)
		if w := h.microsoft.Journal(); len(w) != 0 {
			t.Errorf("Teams was told %+v", w)
		}
		h.phone("anna", presence.LineOnThePhone)
		h.edit("anna", func(e *hub.Edit) {
			e.Put(presence.Claim{Source: "line/pbx", ID: "2", From: e.Now, Line: presence.Line{State: presence.LineOnThePhone, Service: "MS Teams"}})
		})
		time.Sleep(shortly)
		if _, ours := h.session("anna"); !ours {
			t.Errorf("on the telephone beside that, Teams shows %s", h.there("anna"))
		}
	})
}

// Who disconnects the account in a call and connects it again is in no call of Teams: what Teams shows then is still ours.
func TestConnectingAgainIsNoEcho(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access, s.Remember = policy.TeamsDelegated, true })
		h.choose("anna", presence.Available, time.Time{})
		h.signIn("anna", true, "Presence.Read.All")
		time.Sleep(shortly)
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.ok(h.Disconnect(t.Context(), office.By{Actor: "anna"}, "anna"))
		time.Sleep(time.Second)
		h.signIn("anna", true, "Presence.Read.All")
		for range 30 {
			time.Sleep(2 * time.Second)
			h.both("anna", "available (on_the_phone)", "Busy/InACall")
		}
		h.phone("anna", presence.LineIdle)
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
		// Likewise by another application, after the first was removed.
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		time.Sleep(shortly)
		h.ok(h.Forget(t.Context(), office.By{Actor: "admin"}, connectorID))
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(time.Second)
		h.signIn("anna", true, "Presence.Read.All")
		for range 30 {
			time.Sleep(2 * time.Second)
			h.both("anna", "available", "DoNotDisturb/DoNotDisturb")
		}
		time.Sleep(2 * time.Hour)
		h.both("anna", "available", "Available/Available")
		// A choice of her own is seen again once it cannot be ours any more.
		h.ok(h.microsoft.Choose(at("anna"), graphtest.Pair{Availability: "DoNotDisturb", Activity: "DoNotDisturb"}, 0))
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb [Do not disturb]", "DoNotDisturb/DoNotDisturb")
	})
}

// What stands in Teams is not taken back and told again because this server was started anew, and nobody is looked up again.
func TestAStartTakesNothingBack(t *testing.T) {
	story(t, 40, func(t *testing.T, h *house) {
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.microsoft.ClearJournal()
		for range 5 {
			before := h.microsoft.Count("users")
			h.restart(time.Second)
			time.Sleep(shortly)
			if n := h.microsoft.Count("users"); n != before {
				t.Errorf("after a restart the directory was asked %d times for people who are known", n-before)
			}
			for _, w := range h.microsoft.Journal() {
				if w.Op != "setPresence" {
					t.Fatalf("after a restart Teams was told %+v", w)
				}
			}
		}
	})
}
