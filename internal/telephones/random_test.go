package telephones_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/presence"
)

// Random histories of an office: when all is quiet each telephone shows what one would that subscribes only then. Nothing that changed was missed, and
// nothing stayed that is not to be seen any more.
func TestNothingIsMissed(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := build(t)
			at := h.serve()
			rng := rand.New(rand.NewPCG(seed, 1))
			who := []string{"anna", "bert", "carl", "dora"}
			words := []string{"201", "+49301234202", "203", "204", "anna", "carl", "205"}
			var phones []*phone
			passwords := map[string]string{}
			shown := map[*phone]map[string]*sub{}
			for _, id := range []string{"anna", "dora"} { // of whom nobody is blocked by an administrator: their telephones stay
				a, password, err := h.Add(t.Context(), office.By{}, id, "Desk")
				h.ok(err)
				passwords[a.User] = password
				p := h.phone("127.0.0.1", at, a.User, password)
				phones = append(phones, p)
				shown[p] = map[string]*sub{}
				for _, w := range words {
					shown[p][w] = p.see(w)
				}
			}
			pick := func(ids []string) string { return ids[rng.IntN(len(ids))] }
			for i := range 120 {
				p := pick(who)
				switch rng.IntN(8) {
				case 0, 1:
					h.choose(p, presence.Status(rng.IntN(6)), fmt.Sprint("text ", i))
				case 2:
					h.talk(p, pick([]string{"", fmt.Sprint("030", i)}))
				case 3, 4:
					viewer := pick([]string{"anna", "dora"})
					if viewer != p {
						h.level(viewer, p, rights.Levels()[rng.IntN(len(rights.Levels()))])
					}
				case 5:
					h.change(pick([]string{"bert", "carl"}), func(p *store.Person) { p.Blocked = !p.Blocked })
				case 6:
					h.change(p, func(x *store.Person) { x.WorkNumber = pick([]string{numbers[p], numbers[p], "203", "205", ""}) })
				default:
					h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionRelationships, func(s *policy.Settings) error {
						s.Relationships.Default = rights.Levels()[rng.IntN(len(rights.Levels()))]
						return nil
					}))
				}
			}
			for _, p := range phones {
				fresh := h.phone("127.0.0.1", at, p.user, passwords[p.user])
				for _, w := range words {
					now := fresh.see(w)
					now.shows()
					h.wait(fmt.Sprintf("%s to show of %s what is to be seen", p.user, w), func() bool {
						fresh.mu.Lock()
						want := now.body
						fresh.mu.Unlock()
						p.mu.Lock()
						defer p.mu.Unlock()
						return shown[p][w].body == want
					})
				}
			}
			h.wait("nothing to be left to tell", func() bool { st, _ := h.Stats("sip"); return st.Queued+st.UnderWay == 0 })

			// Whoever goes is watched no more.
			for _, p := range phones {
				id := "anna"
				if slices.ContainsFunc(h.Accounts("dora"), func(a telephones.Account) bool { return a.User == p.user }) {
					id = "dora"
				}
				h.ok(h.Remove(t.Context(), office.By{}, id, p.user))
			}
			h.wait("all subscriptions to end", func() bool { st, _ := h.Stats("sip"); return st.Subscriptions+st.Watched == 0 })
		})
	}
}
