package teams_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Settings, applications, sign-ins, people and the database change in any order, with restarts between: nothing that was written comes back, and
// whatever happened, with the settings as they were at first everything is as it is to be.
func TestRandomSettings(t *testing.T) {
	rounds, seeds := 600, uint64(2)
	if racing {
		rounds, seeds = 150, 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			story(t, 4, func(t *testing.T, h *house) { randomSettings(t, h, rand.New(rand.NewPCG(seed, 1126)), rounds) })
		})
	}
}

func randomSettings(t *testing.T, h *house, rng *rand.Rand, rounds int) {
	type person struct {
		phone, dnd, call bool
		last             time.Time // a call of Teams was there
		borrows          time.Time // had the address of somebody else last
	}
	all := map[string]*person{}
	for _, who := range h.people {
		all[who] = &person{}
		h.choose(who, presence.Available, time.Time{})
	}
	bonn := store.Location{Name: "Bonn", TimeZone: "UTC"}
	h.ok(h.office.PutLocation(t.Context(), office.By{}, &bonn))
	put := func(who string, edit func(*store.Person)) {
		t.Helper()
		p, _ := h.office.Person(who)
		rec := p.Person
		edit(&rec)
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &rec))
	}
	base := policy.Teams{Sync: policy.TeamsAll, Connector: connectorID, Access: policy.TeamsApplication, UserMayChange: true, Remember: true, KeepMinutes: 10}
	const elses = "Else@example.com" // of a user who is nobody's here
	other, err := h.microsoft.AddMailbox(graphtest.Mailbox{UPN: elses, Name: "Else", Password: "secret"})
	h.ok(err)
	h.users["else"] = other.ID
	var did []string
	broken := false
	watch := func(d time.Duration) {
		for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(2 * time.Second) {
			for who, p := range all {
				if p.call {
					p.last = time.Now()
				}
				if a, _ := h.office.Person(who); a.Email == elses {
					p.borrows = time.Now()
				}
				if broken { // what has run out seems to go on until that is stored
					p.last = time.Now()
				}
				if time.Since(p.borrows) < time.Hour {
					continue
				}
				shown, _, _ := h.hub.Presence(who)
				if shown.Line.Service != "" && time.Since(p.last) > 11*time.Minute {
					t.Fatalf("%s is on the phone in Teams here, was there last %v ago, after %q", who, time.Since(p.last), did[max(0, len(did)-30):])
				}
				if shown.Cause.Source == presence.SourceTeams && shown.Status == presence.DoNotDisturb {
					t.Fatalf("%s is not to be disturbed because of Teams, after %q", who, did[max(0, len(did)-30):])
				}
			}
		}
	}
	for round := range rounds {
		who := h.people[rng.IntN(len(h.people))]
		p := all[who]
		note := func(what string, more ...any) {
			did = append(did, fmt.Sprint(time.Now().Format("15:04:05 "), who, " ", what, more))
		}
		if n := rng.IntN(18); broken && n < 8 { // the database takes no claims
			continue
		} else {
			switch n {
			case 0, 1, 2:
				p.phone = !p.phone
				note("phone", p.phone)
				h.phone(who, map[bool]presence.LineState{true: presence.LineOnThePhone}[p.phone])
			case 3, 4:
				p.dnd = !p.dnd
				note("dnd", p.dnd)
				h.choose(who, map[bool]presence.Status{true: presence.DoNotDisturb, false: presence.Available}[p.dnd], time.Time{})
			case 5, 6, 7:
				if p.call = !p.call; p.call {
					h.ok(h.microsoft.Call(at(who), "outside@example.org"))
				} else {
					h.ok(h.microsoft.EndCall(at(who), "outside@example.org"))
				}
				note("call", p.call)
			case 8:
				sync := []policy.TeamsSync{policy.TeamsNone, policy.TeamsTelephony, policy.TeamsAll}[rng.IntN(3)]
				note("sync", sync)
				h.settings(func(s *policy.Teams) { s.Sync = sync })
			case 9:
				access := []policy.TeamsAccess{policy.TeamsApplication, policy.TeamsDelegated}[rng.IntN(2)]
				note("access", access)
				h.settings(func(s *policy.Teams) { s.Access = access })
			case 10:
				connector := []string{connectorID, otherID}[rng.IntN(2)]
				note("connector", connector)
				h.settings(func(s *policy.Teams) { s.Connector = connector })
			case 11:
				on := rng.IntN(2) == 0
				note("feature", on)
				h.section(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = on })
			case 12:
				blocked := rng.IntN(2) == 0
				note("blocked", blocked)
				put(who, func(p *store.Person) { p.Blocked = blocked })
			case 13:
				l := []string{bonn.ID, h.location}[rng.IntN(2)]
				note("location", l == h.location)
				put(who, func(p *store.Person) { p.LocationID = l })
			case 14:
				address := []string{at(who), "nobody@example.com", elses, ""}[rng.IntN(4)]
				note("address", address)
				put(who, func(p *store.Person) { p.Email = address })
			case 15:
				if x, _ := h.office.Person(who); x.Settings.Teams.Access == policy.TeamsDelegated && x.Settings.TeamsSync(&x.Own) != policy.TeamsNone {
					if rng.IntN(3) == 0 {
						note("disconnect")
						_ = h.Disconnect(t.Context(), office.By{}, who) // there may be none
					} else {
						note("sign-in")
						h.signInAt(x.Settings.Teams.Connector, who, rng.IntN(2) == 0)
					}
				} else if rng.IntN(4) == 0 {
					note("forget")
					h.ok(h.Forget(t.Context(), office.By{}, otherID))
				}
			case 16:
				broken = !broken && rng.IntN(3) == 0
				note("broken", broken)
				h.disk.fails.Store(broken)
			case 17:
				if rng.IntN(3) == 0 {
					note("restart")
					h.disk.fails.Store(false)
					broken = false
					h.restart(time.Duration(rng.IntN(20)) * time.Second)
				}
			}
		}
		watch(time.Duration(rng.IntN([]int{2, 30, 300}[rng.IntN(3)])) * time.Second)
		if round%75 != 74 {
			continue
		}
		did = append(did, "back to the first settings")
		broken = false
		h.disk.fails.Store(false)
		h.settings(func(s *policy.Teams) { *s = base })
		h.section(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = true })
		for who := range all {
			put(who, func(p *store.Person) { p.Blocked, p.LocationID, p.Email = false, h.location, at(who) })
		}
		watch(90 * time.Minute)
		for who, p := range all {
			shown, _, _ := h.hub.Presence(who)
			_, ours := h.session(who)
			pref := h.microsoft.Shown(at(who)).Pair
			st := h.Status(who)
			switch {
			case p.phone && !p.call && !ours:
				t.Errorf("round %d: %s is on the phone here, and Teams was not told: %+v", round, who, st)
			case !p.phone && ours:
				t.Errorf("round %d: %s is on no phone here, and Teams shows one", round, who)
			case p.dnd && pref.Availability != "DoNotDisturb":
				t.Errorf("round %d: %s is not to be disturbed here, in Teams %s: %+v", round, who, pref, st)
			case !p.dnd && pref.Availability == "DoNotDisturb":
				t.Errorf("round %d: %s may be disturbed here, in Teams %s", round, who, pref)
			case p.call && !p.phone && !p.dnd && shown.Line.Service == "":
				t.Errorf("round %d: %s is in a call there (%s), here %s: %+v", round, who, pref, h.here(who), st)
			case st.Problem != "" || time.Since(st.HeardAt) > 10*time.Second:
				t.Errorf("round %d: %s is told %+v", round, who, st)
			}
		}
		if st := h.SystemStatus(otherID); st.People != 0 {
			t.Errorf("round %d: with the other application there is %+v", round, st)
		}
		if t.Failed() {
			t.Fatalf("after %q", did[max(0, len(did)-76):])
		}
	}
}
