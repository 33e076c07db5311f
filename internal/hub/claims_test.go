package hub

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/presence"
)

// TestAClaimSetIsAMapOfNames compares it with one, below and above the length from which it has an index.
func TestAClaimSetIsAMapOfNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var set claimSet
		want := map[presence.Ref]string{}
		name := rapid.Custom(func(t *rapid.T) presence.Ref {
			return presence.Ref{Source: rapid.SampledFrom([]presence.Source{"hand", "calendar/1"}).Draw(t, "source"), ID: fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "id"))}
		})
		for i := range rapid.IntRange(0, 300).Draw(t, "steps") {
			ref := name.Draw(t, "name")
			_, there := want[ref]
			if (set.find(ref) >= 0) != there {
				t.Fatalf("step %d: %s is there: %v, want %v", i, ref, !there, there)
			}
			if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
				if got := set.delete(ref); got != there {
					t.Fatalf("step %d: deleting %s says %v", i, ref, got)
				}
				delete(want, ref)
			} else {
				text := fmt.Sprint(i)
				set.put(presence.Claim{Source: ref.Source, ID: ref.ID, Text: text})
				want[ref] = text
			}
			if len(set.list) != len(want) {
				t.Fatalf("step %d: %d claims, want %d", i, len(set.list), len(want))
			}
			for _, c := range set.list {
				if text, ok := want[c.Ref()]; !ok || text != c.Text {
					t.Fatalf("step %d: %s is %q, want %q (%v)", i, c.Ref(), c.Text, text, ok)
				}
			}
		}
	})
}

// BenchmarkChangeOfMany chooses for somebody with so many appointments.
func BenchmarkChangeOfMany(b *testing.B) {
	for _, n := range []int{10, 500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h, err := Open(b.Context(), newDisk(), newStaff("anna"), func([]Update) {}, Config{Shards: 1, Gather: -1})
			if err != nil {
				b.Fatal(err)
			}
			go h.Run(b.Context())
			now := Now()
			if err := h.Change(b.Context(), "anna", func(e *Edit) error {
				for i := range n {
					e.Put(presence.Claim{Source: "calendar/1", ID: fmt.Sprint(i), Status: presence.Busy, From: now.AddDate(0, 0, 1), Until: now.AddDate(0, 0, 2), Lease: now.AddDate(0, 0, 3)})
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := h.Change(b.Context(), "anna", choose(presence.Busy)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
