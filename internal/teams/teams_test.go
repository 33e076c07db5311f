package teams_test

import (
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/presence"
)

const shortly = 12 * time.Second // in which something goes from one side to the other, and comes to rest

// The table of T1: what happens in Teams, for who starts it and who is called, on both sides.
func TestCallsInTeamsAreSeenHere(t *testing.T) {
	for name, c := range map[string]struct {
		begin     func(h *house) error
		annaThere string
		annaHere  string
		bertThere string
		bertHere  string
	}{
		"call":                {func(h *house) error { return h.microsoft.Call(at("anna"), at("bert")) }, "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
		"video call":          {func(h *house) error { return h.microsoft.VideoCall(at("anna"), at("bert")) }, "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
		"only screen sharing": {func(h *house) error { return h.microsoft.Share(at("anna"), at("bert")) }, "DoNotDisturb/Presenting", "do_not_disturb [Do not disturb]", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
		"video with screen sharing": {func(h *house) error {
			if err := h.microsoft.VideoCall(at("anna"), at("bert")); err != nil {
				return err
			}
			return h.microsoft.Share(at("anna"), at("bert"))
		}, "DoNotDisturb/Presenting", "do_not_disturb [Do not disturb]", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, 2, func(t *testing.T, h *house) {
				h.choose("anna", presence.Available, time.Time{})
				h.choose("bert", presence.Available, time.Time{})
				time.Sleep(shortly)
				h.both("anna", "available", "Available/Available")
				h.both("bert", "available", "Available/Available")
				h.ok(c.begin(h))
				time.Sleep(shortly)
				h.both("anna", c.annaHere, c.annaThere)
				h.both("bert", c.bertHere, c.bertThere)
				time.Sleep(time.Hour)
				h.both("anna", c.annaHere, c.annaThere)
				h.both("bert", c.bertHere, c.bertThere)
				h.ok(h.microsoft.EndCall(at("anna"), at("bert")))
				time.Sleep(shortly)
				h.both("anna", "available", "Available/Available")
				h.both("bert", "available", "Available/Available")
				if w := h.microsoft.Journal(); len(w) != 0 {
					t.Errorf("Teams was told %+v", w)
				}
			})
		})
	}
}

// What happens here is seen in Teams: a call as a call, do not disturb as that; and it goes with its cause.
func TestCallsHereAreSeenInTeams(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(shortly)
		h.phone("anna", presence.LineRinging)
		time.Sleep(shortly)
		h.both("anna", "available (ringing)", "Available/Available")
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		time.Sleep(time.Hour)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.phone("anna", presence.LineIdle)
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
	})
}

// Do not disturb here is seen in Teams for as long as it lasts, which may be longer than a day, at whose end choices there run out.
func TestDoNotDisturbIsSeenInTeamsForMoreThanADay(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		for range 52 {
			time.Sleep(30 * time.Minute)
			h.both("anna", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
		}
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(5 * time.Minute)
		h.both("anna", "available", "Available/Available")
	}, func(h *house) { h.every = time.Minute })
}

// Do not disturb that is chosen in Teams holds here for as long as there, and is not written back.
func TestDoNotDisturbOfTeamsHoldsHere(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		h.ok(h.microsoft.Choose(at("anna"), graphtest.Pair{Availability: "DoNotDisturb", Activity: "DoNotDisturb"}, 0))
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb [Do not disturb]", "DoNotDisturb/DoNotDisturb")
		h.choose("anna", presence.Available, time.Time{}) // she sets the entry aside
		time.Sleep(time.Minute)
		h.both("anna", "available", "DoNotDisturb/DoNotDisturb")
		h.ok(h.microsoft.Reset(at("anna")))
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
		if w := h.microsoft.Journal(); len(w) != 0 {
			t.Errorf("Teams was told %+v", w)
		}
	})
}

// A choice in Teams that is newer than ours stands, and who made it is told what it hides.
func TestAChoiceInTeamsIsNotOverwritten(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
		h.ok(h.microsoft.Choose(at("anna"), graphtest.Pair{Availability: "Away", Activity: "Away"}, 0))
		time.Sleep(shortly)
		if st := h.Status("anna"); st.Hidden != "do_not_disturb" || st.HiddenBy != "Away" {
			t.Errorf("she is told %+v", st)
		}
		h.microsoft.ClearJournal()
		time.Sleep(3 * time.Hour)
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(time.Hour)
		h.both("anna", "available", "Away/Away")
		if w := h.microsoft.Journal(); len(w) != 0 {
			t.Errorf("Teams was told %+v", w)
		}
		// A call under the same choice is written, and hidden.
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(2 * time.Minute)
		if st := h.Status("anna"); st.Hidden != "call" || st.HiddenBy != "Away" || len(st.Written) != 1 {
			t.Errorf("on the phone she is told %+v", st)
		}
		h.ok(h.microsoft.Reset(at("anna")))
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		if st := h.Status("anna"); st.Hidden != "" || st.HeardAt.IsZero() || time.Since(st.HeardAt) > 5*time.Second {
			t.Errorf("after that she is told %+v", st)
		}
	})
}

// Calls on both sides at the same time: each is seen on the other, and neither is taken for the other.
func TestCallsOnBothSidesStayApart(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		h.ok(h.microsoft.Call(at("anna"), at("bert")))
		time.Sleep(shortly)
		h.phone("anna", presence.LineOnThePhone) // Teams shows a call anyhow
		time.Sleep(time.Minute)
		if w := h.microsoft.Journal(); len(w) != 0 {
			t.Errorf("while it showed a call Teams was told %+v", w)
		}
		h.ok(h.microsoft.EndCall(at("anna"), at("bert")))
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.phone("anna", presence.LineIdle)
		// For up to ten minutes Teams may go on to show what was written: that is no call of Teams. A call that it really has is
		// seen as soon as it cannot be that, or shows otherwise.
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
		h.ok(h.microsoft.Call(at("anna"), at("bert")))
		time.Sleep(11 * time.Minute)
		h.both("anna", inTeams, "Busy/InACall")
		h.ok(h.microsoft.EndCall(at("anna"), at("bert")))
		time.Sleep(shortly)
		// After a few calls it is known how quick Teams is.
		for range 6 {
			h.phone("anna", presence.LineOnThePhone)
			time.Sleep(time.Minute)
			h.phone("anna", presence.LineIdle)
			time.Sleep(time.Minute)
		}
		h.ok(h.microsoft.Call(at("anna"), at("bert")))
		time.Sleep(shortly)
		h.both("anna", inTeams, "Busy/InACall")
	})
}

// Ten minutes late, in whatever order: no echo.
func TestNoEchoThroughASlowTeams(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		n := 0
		h.microsoft.SetPresenceRules(graphtest.PresenceRules{Reorder: true})
		h.microsoft.SetPresenceDelay(func(string) time.Duration {
			n++
			return time.Duration(n*7%10) * time.Minute
		})
		h.choose("anna", presence.Available, time.Time{})
		for range 20 {
			h.phone("anna", presence.LineOnThePhone)
			for range 90 {
				time.Sleep(2 * time.Second)
				if got := h.here("anna"); got != "available (on_the_phone)" {
					t.Fatalf("on the phone she is %q", got)
				}
			}
			h.phone("anna", presence.LineIdle)
			for range 90 {
				time.Sleep(2 * time.Second)
				if got := h.here("anna"); got != "available" {
					t.Fatalf("after the call she is %q", got)
				}
			}
		}
	})
}

// A restart in the midst: what was written is known, renewed and cleared, and an entry stands until Teams is heard again.
func TestARestartInTheMidst(t *testing.T) {
	story(t, 3, func(t *testing.T, h *house) {
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		h.phone("anna", presence.LineOnThePhone)
		h.choose("bert", presence.DoNotDisturb, time.Time{})
		h.ok(h.microsoft.Call(at("carl"), "outside@example.org"))
		time.Sleep(shortly)
		since := func() time.Time { p, _, _ := h.hub.Presence("carl"); return p.Since }
		began := since()
		h.restart(2 * time.Minute)
		for range 10 {
			h.both("anna", "available (on_the_phone)", "Busy/InACall")
			h.both("bert", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
			h.both("carl", inTeams, "Busy/InACall")
			time.Sleep(shortly)
		}
		if !since().Equal(began) {
			t.Errorf("carl is in the call since %v, was since %v", since(), began)
		}
		h.phone("anna", presence.LineIdle)
		h.choose("bert", presence.Available, time.Time{})
		h.ok(h.microsoft.EndCall(at("carl"), "outside@example.org"))
		h.restart(0) // before anything is done about it, perhaps
		time.Sleep(shortly)
		for _, who := range h.people {
			h.both(who, "available", "Available/Available")
		}
		time.Sleep(time.Hour)
		for _, who := range h.people {
			h.both(who, "available", "Available/Available")
		}
	})
}

// When Teams falls silent an entry ends with its lease; what we wrote there ends with its own.
func TestASilentTeamsHoldsNobody(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		h.phone("bert", presence.LineOnThePhone)
		time.Sleep(shortly)
		lift := h.microsoft.Break(graphtest.Rule{Do: graphtest.Hang})
		h.phone("bert", presence.LineIdle)
		time.Sleep(9 * time.Minute)
		h.both("anna", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall")
		h.both("bert", "available", "Available/Available") // the session has expired
		time.Sleep(90 * time.Second)
		h.both("anna", "available", "Busy/InACall")
		lift()
		time.Sleep(6 * time.Minute) // it is asked seldom after so long
		h.both("anna", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall")
	})
}

// What the settings say holds at once: who is kept in step, in what, and with which profiles.
func TestSettingsDecide(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		h.ok(h.microsoft.Share(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb [Do not disturb]", "DoNotDisturb/Presenting")
		// Her own profile goes before the template.
		h.ok(h.office.ChangeOwn(t.Context(), office.By{Actor: "anna"}, "own.change", "anna", func(_ *office.Person, o *policy.Own) error {
			keep := policy.Forwarding{Action: policy.ForwardKeep}
			o.Profiles = []policy.Profile{{ID: "a", Name: "Writing", Status: presence.Busy, Forwarding: keep}, {ID: "b", Name: "Exam", Status: presence.DoNotDisturb, Text: "Exam", Forwarding: keep}}
			return nil
		}))
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb [Exam] Exam", "DoNotDisturb/Presenting")
		h.settings(func(s *policy.Teams) { s.Sync = policy.TeamsTelephony })
		time.Sleep(shortly)
		h.both("anna", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "DoNotDisturb/Presenting")
		h.section(policy.SectionTemplates, func(s *policy.Settings) {
			s.Templates.Templates = append(s.Templates.Templates, policy.Template{Active: true, UserForwarding: policy.UserOwn, Profile: policy.Profile{
				ID: "teams", Name: "MS Teams", Status: presence.Busy, Text: "never shown", Forwarding: policy.Forwarding{Action: policy.ForwardDND}}})
		})
		time.Sleep(shortly)
		h.both("anna", "busy [MS Teams] On the phone (MS Teams) (on_the_phone MS Teams)", "DoNotDisturb/Presenting")
		h.phone("anna", presence.LineOnThePhone)
		h.ok(h.microsoft.EndCall(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.settings(func(s *policy.Teams) { s.Sync = policy.TeamsNone })
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Available/Available")
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(time.Hour)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.settings(func(s *policy.Teams) { s.Sync = policy.TeamsAll })
		time.Sleep(shortly)
		h.both("anna", "busy [MS Teams] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall")
		h.section(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = false })
		time.Sleep(shortly)
		h.section(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = true })
		if h.here("anna") != "available (on_the_phone)" {
			t.Errorf("what Teams said before presence management was off is still here: %s", h.here("anna"))
		}
	})
}

// A call here is seen in Teams also of somebody for whom Teams does not run; do not disturb only once it does.
func TestWhereTeamsDoesNotRun(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.ok(h.microsoft.Quit(at("anna"), "desktop"))
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		if got := h.there("anna"); got != "Busy/InACall" {
			t.Errorf("on the phone Teams shows %s", got)
		}
		h.phone("anna", presence.LineIdle)
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		time.Sleep(shortly)
		if got := h.there("anna"); got != "Offline/Offline" {
			t.Errorf("not to be disturbed Teams shows %s", got)
		}
		h.ok(h.microsoft.Client(at("anna"), "desktop", "Available", "Available"))
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
	})
}
