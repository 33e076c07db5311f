package teams_test

import (
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// What comes of an old sign-in is not taken for what comes of the new one: neither that it is refused, nor that its token was replaced.
func TestAnOldSignInDoesNotCostTheNewOne(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access, s.Remember = policy.TeamsDelegated, true })
		h.choose("anna", presence.Available, time.Time{})
		h.signIn("anna", true, "Presence.Read.All")
		time.Sleep(shortly)
		h.ok(h.microsoft.Revoke(at("anna"), 50173))
		h.microsoft.ForgetTokens()
		lift := h.microsoft.Break(graphtest.Rule{Op: "token", Do: graphtest.Slow, Delay: 10 * time.Second})
		time.Sleep(6 * time.Second) // somebody asks with the old one
		h.signIn("anna", true, "Presence.Read.All")
		lift()
		time.Sleep(time.Minute)
		if st := h.Status("anna"); st.SignInNeeded || !st.Remembered || time.Since(st.HeardAt) > 5*time.Second {
			t.Errorf("she has signed in anew: %+v", st)
		}
	})
}

// A sign-in at another application is not used with the one before, where something of ours still stands.
func TestASignInAtAnotherApplication(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access, s.Remember = policy.TeamsDelegated, true })
		h.choose("anna", presence.Available, time.Time{})
		h.signIn("anna", true, "Presence.Read.All")
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		time.Sleep(shortly)
		h.ok(h.microsoft.Revoke(at("anna"), 50173)) // so it cannot be taken back
		h.microsoft.ForgetTokens()
		time.Sleep(shortly)
		h.settings(func(s *policy.Teams) { s.Connector = otherID })
		time.Sleep(shortly)
		h.signInAt(otherID, "anna", true)
		time.Sleep(shortly)
		if st := h.Status("anna"); st.ConnectorID != otherID || st.SignInNeeded || time.Since(st.HeardAt) > 5*time.Second {
			t.Errorf("she has signed in at the other application: %+v", st)
		}
		if st := h.SystemStatus(connectorID); st.People != 0 {
			t.Errorf("of the one before there is %+v", st)
		}
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(2 * time.Hour)
		h.both("anna", "available", "Available/Available")
	})
}

// An entry goes when the call ends, also if the database failed at that moment.
func TestADatabaseThatFailsHoldsNobody(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.KeepMinutes = policy.MaxKeepMinutes })
		h.choose("anna", presence.Available, time.Time{})
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		h.both("anna", inTeams, "Busy/InACall")
		h.disk.fails.Store(true)
		h.ok(h.microsoft.EndCall(at("anna"), "outside@example.org"))
		time.Sleep(time.Minute)
		h.disk.fails.Store(false)
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
	})
}

// Two people with one account of Microsoft 365: it is kept in step with one of them, the other is told so, and what is written for one is no
// call of the other.
func TestTwoPeopleWithOneAddress(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		bert, _ := h.office.Person("bert")
		rec := bert.Person
		rec.Email = "Anna@Example.com" // capitals do not count
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
		time.Sleep(2 * time.Minute)
		for range 2 {
			h.phone("anna", presence.LineOnThePhone)
			for range 10 {
				time.Sleep(shortly)
				h.both("anna", "available (on_the_phone)", "Busy/InACall")
				if got := h.here("bert"); got != "available" {
					t.Fatalf("bert is %q", got)
				}
			}
			h.phone("bert", presence.LineOnThePhone)
			time.Sleep(shortly)
			h.phone("bert", presence.LineIdle)
			time.Sleep(shortly)
			h.both("anna", "available (on_the_phone)", "Busy/InACall")
			h.phone("anna", presence.LineIdle)
			time.Sleep(11 * time.Minute)
			h.restart(time.Second)
			time.Sleep(shortly)
		}
		if a, b := h.Status("anna"), h.Status("bert"); a.Problem != "" || b.Problem == "" {
			t.Errorf("they are told %q and %q", a.Problem, b.Problem)
		}
		if st := h.SystemStatus(connectorID); st.Oldest > 5*time.Second || len(st.Failing) != 1 || st.Failing[0].PersonID != "bert" {
			t.Errorf("the administrator is told %+v", st)
		}
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "anna"))
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		if got := h.here("bert"); got != inTeams {
			t.Errorf("after anna is gone bert is %q", got)
		}
	})
}

// Two people who signed in with one account: who has a sign-in that works is served.
func TestTwoSignInsWithOneAccount(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access = policy.TeamsDelegated })
		h.choose("bert", presence.Available, time.Time{})
		h.users["bert"] = h.users["anna"]
		h.signIn("anna", false, "Presence.Read.All")
		h.ok(h.microsoft.Revoke(at("anna"), 50173))
		h.microsoft.ForgetTokens()
		time.Sleep(shortly)
		token, err := h.microsoft.SignIn(graphtest.DefaultApp().ID, at("anna"), "Presence.Read.All", "Presence.ReadWrite")
		h.ok(err)
		h.ok(h.connect(connectorID, "bert", token, false))
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		if got := h.here("bert"); got != inTeams {
			t.Errorf("bert is %q", got)
		}
	})
}

// A sign-in that is disconnected, or is not to be remembered, or is of no use any more, is gone for good, also if its record was on its way
// to the database.
func TestASignInIsForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(h *house)
		account string // after that
	}{
		"disconnected": {func(h *house) {
			h.ok(h.Disconnect(h.t.Context(), office.By{Actor: "anna"}, "anna"))
		}, ""},
		"application removed": {func(h *house) {
			h.settings(func(s *policy.Teams) { s.Connector = otherID })
			h.ok(h.Forget(h.t.Context(), office.By{Actor: "admin"}, connectorID))
		}, ""},
		"remembered no more": {func(h *house) { h.settings(func(s *policy.Teams) { s.Remember = false }) }, at("anna")},
		"the application may by itself": {func(h *house) {
			h.settings(func(s *policy.Teams) { s.Access = policy.TeamsApplication })
		}, ""},
		"moved to where nothing is synchronised": {func(h *house) {
			l := store.Location{Name: "Bonn", TimeZone: "UTC"}
			h.ok(h.office.PutLocation(h.t.Context(), office.By{}, &l))
			anna, _ := h.office.Person("anna")
			rec := anna.Person
			rec.LocationID = l.ID
			h.ok(h.office.PutPeople(h.t.Context(), office.By{}, "person.change", &rec))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, 1, func(t *testing.T, h *house) {
				h.settings(func(s *policy.Teams) { s.Access, s.Remember = policy.TeamsDelegated, true })
				h.choose("anna", presence.Available, time.Time{})
				h.signIn("anna", true, "Presence.Read.All")
				time.Sleep(shortly)
				h.disk.slow.Store(true)
				lift := h.microsoft.Break(graphtest.Rule{Op: "setPresence", Do: graphtest.Hang})
				h.phone("anna", presence.LineOnThePhone) // a record is kept before Teams is told
				time.Sleep(time.Second)
				kept := func() (all []store.TeamsRecord) {
					h.ok(h.disk.LoadTeams(t.Context(), func(r store.TeamsRecord) error {
						all = append(all, r)
						return nil
					}))
					return all
				}
				c.end(h)
				if name == "disconnected" || name == "application removed" { // what was answered holds from then on
					for range 350 {
						for _, r := range kept() {
							if len(r.Token) > 0 {
								t.Fatalf("a token of %d bytes is back", len(r.Token))
							}
						}
						time.Sleep(20 * time.Millisecond)
					}
				}
				lift()
				h.phone("anna", presence.LineIdle)
				time.Sleep(time.Hour)
				h.disk.slow.Store(false)
				for _, r := range kept() {
					if len(r.Token) > 0 || r.Account != c.account {
						t.Errorf("kept is the account %q with a token of %d bytes", r.Account, len(r.Token))
					}
				}
				h.restart(time.Second)
				time.Sleep(shortly)
				if st := h.Status("anna"); st.Remembered || st.Account != c.account {
					t.Errorf("after a restart: %+v", st)
				}
				if got := h.there("anna"); got != "Available/Available" {
					t.Errorf("Teams shows %s", got)
				}
			})
		})
	}
}

// Who has no address is named to the administrator, as who is not found.
func TestWhoHasNoAddress(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		anna, _ := h.office.Person("anna")
		rec := anna.Person
		rec.Email = ""
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
		time.Sleep(time.Minute)
		if st := h.SystemStatus(connectorID); len(st.Unknown) != 1 || st.Unknown[0].PersonID != "anna" {
			t.Errorf("the administrator is told %+v", st)
		}
		if st := h.Status("anna"); st.Problem == "" {
			t.Errorf("she is told nothing: %+v", st)
		}
	})
}

// Who is blocked, or somewhere else, or has another address, is served again afterwards as before.
func TestThereAndBackAgain(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		put := func(edit func(*store.Person)) {
			t.Helper()
			anna, _ := h.office.Person("anna")
			rec := anna.Person
			edit(&rec)
			h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
		}
		l := store.Location{Name: "Bonn", TimeZone: "UTC"}
		h.ok(h.office.PutLocation(t.Context(), office.By{}, &l))
		for name, c := range map[string]struct{ away, back func() }{
			"blocked":             {func() { put(func(p *store.Person) { p.Blocked = true }) }, func() { put(func(p *store.Person) { p.Blocked = false }) }},
			"elsewhere":           {func() { put(func(p *store.Person) { p.LocationID = l.ID }) }, func() { put(func(p *store.Person) { p.LocationID = h.location }) }},
			"another address":     {func() { put(func(p *store.Person) { p.Email = "who@example.com" }) }, func() { put(func(p *store.Person) { p.Email = at("anna") }) }},
			"another application": {func() { h.settings(func(s *policy.Teams) { s.Connector = otherID }) }, func() { h.settings(func(s *policy.Teams) { s.Connector = connectorID }) }},
			"application gone": {func() { <-h.DropSystem(connectorID) }, func() {
				h.restart(0)
			}},
		} {
			for _, quickly := range []time.Duration{0, shortly, time.Hour} {
				h.phone("anna", presence.LineOnThePhone)
				h.choose("anna", presence.DoNotDisturb, time.Time{})
				time.Sleep(time.Minute)
				c.away()
				time.Sleep(quickly)
				c.back()
				h.phone("anna", presence.LineIdle)
				h.choose("anna", presence.Available, time.Time{})
				for range 500 {
					time.Sleep(3 * time.Second)
					if got := h.here("anna"); got != "available" {
						t.Fatalf("%s for %v: there is an echo: %q; in Teams %s", name, quickly, got, h.there("anna"))
					}
				}
				h.both("anna", "available", "Available/Available")
				h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
				time.Sleep(time.Minute)
				h.both("anna", inTeams, "Busy/InACall")
				h.ok(h.microsoft.EndCall(at("anna"), "outside@example.org"))
				time.Sleep(time.Minute)
				h.both("anna", "available", "Available/Available")
				if t.Failed() {
					t.Fatalf("%s for %v", name, quickly)
				}
			}
		}
		if err := h.Disconnect(t.Context(), office.By{}, "anna"); fault.KindOf(err) != fault.NotFound {
			t.Error(err)
		}
	})
}

// signInAt is signIn at an application.
func (h *house) signInAt(connector, who string, remember bool) {
	h.t.Helper()
	token, err := h.microsoft.SignIn(graphtest.DefaultApp().ID, at(who), "Presence.Read.All", "Presence.ReadWrite")
	h.ok(err)
	h.ok(h.connect(connector, who, token, remember))
}

// When Teams does not answer who is on the phone is told so in fitting words, and no more once it does not matter.
func TestATroubleThatPasses(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(shortly)
		lift := h.microsoft.Break(graphtest.Rule{Op: "setPresence", Do: graphtest.Hang})
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(30 * time.Second)
		if st := h.Status("anna"); st.Problem != "It was not answered in time." {
			t.Errorf("she is told %+v", st)
		}
		h.phone("anna", presence.LineIdle)
		time.Sleep(30 * time.Minute)
		if st := h.Status("anna"); st.Problem != "" {
			t.Errorf("half an hour later she is told %+v", st)
		}
		lift()
	})
}

// Microsoft tells of whoever signs in anew, with the new sign-in.
func TestMicrosoftTellsWithTheNewSignIn(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.settings(func(s *policy.Teams) { s.Access = policy.TeamsDelegated })
		h.choose("anna", presence.Available, time.Time{})
		h.signIn("anna", false, "Presence.Read.All")
		time.Sleep(2 * time.Minute)
		h.ok(h.microsoft.Revoke(at("anna"), 50173))
		h.microsoft.ForgetTokens()
		time.Sleep(2 * time.Hour)
		h.signIn("anna", false, "Presence.Read.All")
		time.Sleep(3 * time.Minute)
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(3 * time.Second)
		h.both("anna", inTeams, "Busy/InACall")
	}, func(h *house) { h.notified, h.every = true, time.Minute })
}

// Whoever is served in place of somebody else, with what was written for them standing or shown yet, is in no call by that.
func TestWhoTakesAnothersPlace(t *testing.T) {
	story(t, 2, func(t *testing.T, h *house) {
		for _, who := range h.people {
			h.choose(who, presence.Available, time.Time{})
		}
		address := func(who, address string) {
			t.Helper()
			p, _ := h.office.Person(who)
			rec := p.Person
			rec.Email = address
			h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
		}
		quiet := func(d time.Duration) {
			t.Helper()
			for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(2 * time.Second) {
				if got := h.here("bert"); got != "available" {
					t.Fatalf("bert is %q", got)
				}
			}
		}
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.microsoft.SetPresenceDelay(graphtest.After(5 * time.Minute))
		address("anna", "")
		address("bert", at("anna"))
		quiet(time.Hour)
		h.microsoft.SetPresenceDelay(nil)
		// They share it now, and the one who is served is gone in the middle of a call.
		address("anna", at("anna"))
		h.phone("anna", presence.LineIdle)
		time.Sleep(time.Hour)
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "anna"))
		quiet(time.Hour)
		h.ok(h.microsoft.Call(at("anna"), "outside@example.org"))
		time.Sleep(shortly)
		if got := h.here("bert"); got != inTeams {
			t.Errorf("in a call bert is %q", got)
		}
	})
}
