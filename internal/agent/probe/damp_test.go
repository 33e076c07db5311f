package probe

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// at returns the instant this many seconds after the tests' beginning.
func at(seconds float64) time.Time {
	return time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

func TestShortUsesAndPausesAreDamped(t *testing.T) {
	t.Parallel()
	type seen struct {
		at        float64
		recording string
		want      string // who counts, with since when
		next      float64
	}
	for name, story := range map[string][]seen{
		"a call": {
			{0, "zoom", "", 3}, {3, "zoom", "zoom 0s", 0}, {600, "", "zoom 0s", 602}, {602, "", "", 0},
		},
		"a short use": {
			{0, "zoom", "", 3}, {2.9, "", "", 0}, {3, "", "", 0},
		},
		"a short pause in a call": {
			{0, "zoom", "", 3}, {3, "zoom", "zoom 0s", 0}, {10, "", "zoom 0s", 12}, {11.9, "zoom", "zoom 0s", 0}, {12, "zoom", "zoom 0s", 0},
		},
		"a long pause is an end": {
			{0, "zoom", "", 3}, {3, "zoom", "zoom 0s", 0}, {10, "", "zoom 0s", 12}, {12, "", "", 0}, {13, "zoom", "", 16}, {16, "zoom", "zoom 13s", 0},
		},
		"a new call is one even if the end of the last was not looked at": {
			{0, "zoom", "", 3}, {3, "zoom", "zoom 0s", 0}, {10, "", "zoom 0s", 12}, {30, "", "", 0}, {31, "zoom", "", 34},
		},
		"a program that listens again and again": {
			{0, "voice", "", 3}, {1, "", "", 0}, {1.5, "voice", "", 4.5}, {2.5, "", "", 0}, {3, "voice", "", 6}, {5, "", "", 0},
		},
		"two programs": {
			{0, "zoom", "", 3}, {2, "zoom teams", "", 3}, {3, "zoom teams", "zoom 0s", 5}, {5, "zoom teams", "teams 2s, zoom 0s", 0},
			{7, "teams", "teams 2s, zoom 0s", 9}, {9, "teams", "teams 2s", 0},
		},
	} {
		var d damper
		for _, s := range story {
			counting, next := d.see(strings.Fields(s.recording), at(s.at))
			var got []string
			for _, p := range counting {
				got = append(got, fmt.Sprint(p.Name, " ", p.Since.Sub(at(0))))
			}
			var wantNext time.Time
			if s.next != 0 {
				wantNext = at(s.next)
			}
			if strings.Join(got, ", ") != s.want || !next.Equal(wantNext) {
				t.Errorf("%s, at %v s with %q recording: %q count, to be looked at again at %v; want %q and %v", name, s.at, s.recording, got, next, s.want, wantNext)
			}
		}
	}
}

// Whatever programs do, nobody counts before three seconds, and who looks only when asked to sees the same as who looks all the time.
func TestLookingWhenAskedToIsEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const step = 100 * time.Millisecond
		var often, seldom damper
		var due time.Time
		var recording []string
		var shown []Program
		began := map[string]time.Time{}
		for i := range 300 {
			now := at(0).Add(time.Duration(i) * step)
			changed := false
			if rapid.IntRange(0, 9).Draw(t, "change") == 0 {
				recording, changed = rapid.SampledFrom([][]string{nil, {"a"}, {"b"}, {"a", "b"}}).Draw(t, "recording"), true
			}
			for _, n := range []string{"a", "b"} {
				if !slices.Contains(recording, n) {
					delete(began, n)
				} else if began[n].IsZero() {
					began[n] = now
				}
			}
			counting, _ := often.see(recording, now)
			if changed || !due.IsZero() && !now.Before(due) {
				shown, due = seldom.see(recording, now)
			}
			if !slices.Equal(shown, counting) {
				t.Fatalf("after %v: %v count, who looks when asked to sees %v", now.Sub(at(0)), counting, shown)
			}
			for n, since := range began {
				counts := slices.ContainsFunc(counting, func(p Program) bool { return p.Name == n })
				if now.Sub(since) >= shortUse && !counts {
					t.Fatalf("%s has recorded for %v and does not count", n, now.Sub(since))
				}
			}
			for _, p := range counting {
				if now.Sub(p.Since) < shortUse {
					t.Fatalf("%s counts after %v", p.Name, now.Sub(p.Since))
				}
			}
		}
	})
}
