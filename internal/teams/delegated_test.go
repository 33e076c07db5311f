package teams_test

import (
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/presence"
)

const inTeams = "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"

// Where each signs in, those are kept in step who have, by their own sign-in; a sign-in that is not remembered ends with the server, and
// nothing of either is in clear anywhere.
func TestEachSignsIn(t *testing.T) {
	story(t, 3, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access, s.Remember = policy.TeamsDelegated, true })
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		time.Sleep(shortly)
		if st := h.Status("anna"); !st.SignInNeeded || st.Account != "" {
			t.Errorf("before she has signed in: %+v", st)
		}
		if n := h.microsoft.Count("presences"); n != 0 {
			t.Errorf("%d readings were made by the application itself", n)
		}
		var tokens []string
		tokens = append(tokens, h.signIn("anna", true, "Presence.Read.All"), h.signIn("bert", false, "Presence.Read.All"))
		h.ok(h.microsoft.Call(at("anna"), at("bert")))
		h.ok(h.microsoft.Call(at("carl"), "outside@example.org"))
		time.Sleep(shortly)
		h.both("anna", inTeams, "Busy/InACall")
		h.both("bert", inTeams, "Busy/InACall")
		h.both("carl", "available", "Busy/InACall") // who has not signed in
		if st := h.Status("anna"); st.SignInNeeded || st.Account != at("anna") || !st.Remembered {
			t.Errorf("signed in: %+v", st)
		}
		h.ok(h.microsoft.EndCall(at("anna"), at("bert")))
		h.phone("bert", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.both("bert", "available (on_the_phone)", "Busy/InACall")
		for _, w := range h.microsoft.Journal() {
			if w.By != at("bert") || w.Status != 200 {
				t.Errorf("written was %+v", w)
			}
		}
		for _, token := range tokens {
			if h.holds(token) {
				t.Error("a token stands in clear in a file or the log")
			}
		}
		h.restart(time.Minute)
		time.Sleep(shortly)
		if st := h.Status("bert"); !st.SignInNeeded || st.Remembered {
			t.Errorf("bert's sign-in was not to be remembered: %+v", st)
		}
		if st := h.Status("anna"); st.SignInNeeded || time.Since(st.HeardAt) > 5*time.Second {
			t.Errorf("anna's was: %+v", st)
		}
		time.Sleep(5 * time.Minute)
		h.both("bert", "available (on_the_phone)", "Available/Available") // what was written has ended by itself
		h.ok(h.Disconnect(t.Context(), office.By{Actor: "anna"}, "anna"))
		if err := h.Disconnect(t.Context(), office.By{Actor: "anna"}, "anna"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("disconnected twice: %v", err)
		}
		if st := h.Status("anna"); !st.SignInNeeded || st.Account != "" || st.Remembered {
			t.Errorf("disconnected: %+v", st)
		}
		heard := h.microsoft.Count("presences")
		time.Sleep(time.Hour)
		if n := h.microsoft.Count("presences"); n != heard {
			t.Errorf("without a sign-in Teams was asked %d times", n-heard)
		}
	})
}

// Who may read only their own presence is asked for by themselves; who has to sign in anew is told so.
func TestASignInThatIsWorthLess(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access = policy.TeamsDelegated })
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		h.microsoft.Break(graphtest.Rule{Op: "presences", Do: graphtest.Answer, Status: 403})
		h.signIn("anna", false, "Presence.Read.All")
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(2 * shortly)
		h.both("anna", inTeams, "Busy/InACall")
		h.ok(h.microsoft.Revoke(at("anna"), 50173))
		h.microsoft.ForgetTokens()
		time.Sleep(time.Minute)
		if st := h.Status("anna"); !st.SignInNeeded || st.Problem == "" {
			t.Errorf("after her password was changed: %+v", st)
		}
		time.Sleep(11 * time.Minute)
		h.both("anna", "available", "Busy/InACall")
		h.signIn("anna", true, "Presence.Read.All") // remembering is not allowed here
		time.Sleep(2 * shortly)
		h.both("anna", inTeams, "Busy/InACall")
		if st := h.Status("anna"); st.Remembered || st.SignInNeeded || st.Problem != "" {
			t.Errorf("signed in anew: %+v", st)
		}
	})
}

// An application that may not write, or not read, says so to who asks; and what it may do is done.
func TestPermissionsThatAreMissing(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		h.ok(h.microsoft.SetApp(graphtest.DefaultApp().ID, func(a *graphtest.App) { a.Roles = []string{"Presence.Read.All", "User.ReadBasic.All"} }))
		h.microsoft.ForgetTokens()
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		h.both("anna", inTeams, "Busy/InACall")
		h.ok(h.microsoft.EndCall(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(time.Hour)
		h.both("anna", "available (on_the_phone)", "Available/Available")
		if st := h.Status("anna"); len(st.Written) != 0 || st.Problem == "" {
			t.Errorf("she is told %+v", st)
		}
		if n := len(h.microsoft.Journal()); n > 15 {
			t.Errorf("it was tried %d times in an hour", n)
		}
		if st := h.SystemStatus(connectorID); len(st.Failing) != 1 || st.Failing[0].PersonID != "anna" {
			t.Errorf("the administrator is told %+v", st)
		}
		h.ok(h.microsoft.SetApp(graphtest.DefaultApp().ID, func(a *graphtest.App) { a.Roles = append(a.Roles, "Presence.ReadWrite.All") }))
		h.microsoft.ForgetTokens()
		time.Sleep(20 * time.Minute)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
	})
}

// People whom the directory does not know are named; who gets their address right is found.
func TestWhoIsNotFound(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		bert, _ := h.office.Person("bert")
		rec := bert.Person
		rec.Email = "bertt@example.com"
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
		time.Sleep(time.Minute)
		st := h.SystemStatus(connectorID)
		if st.People != 2 || st.Found != 1 || len(st.Unknown) != 1 || st.Unknown[0] != (teams.Unknown{PersonID: "bert", Address: "bertt@example.com"}) {
			t.Errorf("the administrator is told %+v", st)
		}
		rec.Email = at("bert")
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
		time.Sleep(time.Minute)
		h.ok(h.microsoft.Call(at("bert"), "outside@example.org"))
		time.Sleep(shortly)
		if st := h.SystemStatus(connectorID); st.Found != 2 || len(st.Unknown) != 0 {
			t.Errorf("the administrator is told %+v", st)
		}
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "bert"))
		time.Sleep(shortly)
		if st := h.SystemStatus(connectorID); st.People != 1 || h.Status("bert").ConnectorID != "" {
			t.Errorf("of who is gone there is %+v", st)
		}
	})
}

// Where sign-ins may be remembered no more, those that are forgotten when the server ends.
func TestRememberingIsTakenBack(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access, s.Remember = policy.TeamsDelegated, true })
		h.signIn("anna", true, "Presence.Read.All")
		time.Sleep(shortly)
		h.settings(func(s *policy.Teams) { s.Remember = false })
		time.Sleep(shortly)
		if st := h.Status("anna"); st.Remembered || st.SignInNeeded {
			t.Errorf("she is told %+v", st)
		}
		h.restart(0)
		time.Sleep(shortly)
		if st := h.Status("anna"); !st.SignInNeeded {
			t.Errorf("after a restart she is told %+v", st)
		}
	})
}
