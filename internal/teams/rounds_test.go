package teams_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/presence"
)

// A thousand times something happens on either side while Microsoft fails in all ways: nobody is left on the phone for longer than the lease
// after Teams says otherwise, or says nothing, nothing here comes back as a call, and once all is well both sides agree.
func TestRandomFaults(t *testing.T) {
	rounds := 1000
	if racing {
		rounds = 250
	}
	story(t, 8, func(t *testing.T, h *house) {
		rng := rand.New(rand.NewPCG(11, 26))
		const keep = 10 * time.Minute // the default of the settings
		type person struct {
			phone, dnd, call, chose bool
			last                    time.Time // a call of Teams was seen there
		}
		all := map[string]*person{}
		for _, who := range h.people {
			all[who] = &person{}
			h.choose(who, presence.Available, time.Time{})
		}
		var lifts []func()
		lift := func() {
			for _, f := range lifts {
				f()
			}
			lifts = nil
		}
		watch := func(d time.Duration) {
			for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(2 * time.Second) {
				for who, p := range all {
					if p.call {
						p.last = time.Now()
					}
					shown, _, _ := h.hub.Presence(who)
					if shown.Line.Service != "" && time.Since(p.last) > keep+10*time.Second {
						t.Fatalf("%s is on the phone in Teams here, was there last %v ago", who, time.Since(p.last))
					}
				}
			}
		}
		ops := []string{"", "presences", "setPresence", "clearPresence", "setUserPreferredPresence", "clearUserPreferredPresence", "token", "users.list"}
		for round := range rounds {
			who := h.people[rng.IntN(len(h.people))]
			p := all[who]
			switch rng.IntN(8) {
			case 0, 1:
				p.phone = !p.phone
				h.phone(who, map[bool]presence.LineState{true: presence.LineOnThePhone}[p.phone])
			case 2:
				p.dnd = !p.dnd
				h.choose(who, map[bool]presence.Status{true: presence.DoNotDisturb, false: presence.Available}[p.dnd], time.Time{})
			case 3, 4:
				if p.call = !p.call; p.call {
					h.ok([]func(a, b string) error{h.microsoft.Call, h.microsoft.Share}[rng.IntN(2)](at(who), "outside@example.org"))
				} else {
					h.ok(h.microsoft.EndCall(at(who), "outside@example.org"))
				}
			case 5:
				if p.chose = !p.chose; p.chose {
					h.ok(h.microsoft.Choose(at(who), []graphtest.Pair{{Availability: "Away", Activity: "Away"}, {Availability: "Available", Activity: "Available"}}[rng.IntN(2)], 0))
				} else {
					h.ok(h.microsoft.Reset(at(who)))
				}
			case 6:
				if rng.IntN(4) == 0 {
					h.restart(time.Duration(rng.IntN(30)) * time.Second)
				}
			default:
				lift()
				if rng.IntN(3) == 0 {
					d := time.Duration(rng.IntN(9)) * time.Minute
					h.microsoft.SetPresenceDelay(graphtest.After(d))
				} else {
					h.microsoft.SetPresenceDelay(nil)
				}
				for range rng.IntN(3) {
					r := graphtest.Rule{Op: ops[rng.IntN(len(ops))], Do: []string{graphtest.Drop, graphtest.Half, graphtest.Hang, graphtest.Slow, graphtest.Answer, graphtest.Answer}[rng.IntN(6)],
						Status: []int{429, 503, 500, 403, 404, 401, 400}[rng.IntN(7)], Delay: time.Duration(rng.IntN(30)) * time.Second, RetryAfter: time.Duration(rng.IntN(60)) * time.Second}
					if rng.IntN(2) == 0 {
						r.Mailbox = at(h.people[rng.IntN(len(h.people))])
					}
					if rng.IntN(2) == 0 {
						r.Times = 1 + rng.IntN(20)
					}
					lifts = append(lifts, h.microsoft.Break(r))
				}
			}
			watch(time.Duration(rng.IntN(90)) * time.Second)
			if round%100 != 99 {
				continue
			}
			lift()
			h.microsoft.SetPresenceDelay(nil)
			watch(90 * time.Minute)
			for who, p := range all {
				shown, _, _ := h.hub.Presence(who)
				there := h.microsoft.Shown(at(who))
				_, ours := h.session(who)
				switch {
				case p.phone && !p.call && !ours:
					t.Errorf("round %d: %s is on the phone here, and Teams was not told", round, who)
				case !p.phone && ours:
					t.Errorf("round %d: %s is on no phone here, and Teams shows one", round, who)
				case p.call && !p.chose && !p.phone && !p.dnd && shown.Cause.Source != presence.SourceTeams:
					t.Errorf("round %d: %s is in a call there (%s), here %s", round, who, there.Pair, h.here(who))
				case !p.call && shown.Cause.Source == presence.SourceTeams:
					t.Errorf("round %d: %s is in no call there (%s), here %s", round, who, there.Pair, h.here(who))
				}
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	})
}

// session returns what Doorlight's session in Teams shows of somebody.
func (h *house) session(who string) (graphtest.Pair, bool) {
	for _, s := range h.microsoft.Sessions(at(who)) {
		if s.Kind == "app" {
			return s.Pair, true
		}
	}
	return graphtest.Pair{}, false
}
