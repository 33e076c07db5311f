package agenda_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

// TestWhateverHappensTheClaimsAreThoseOfTheCalendar changes a calendar, cuts it off for hours, restarts the server and
// turns settings about, in random order. The claims are always those of the calendar as it could be read last.
func TestWhateverHappensTheClaimsAreThoseOfTheCalendar(t *testing.T) {
	type span struct{ from, until time.Duration }
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				r := rand.New(rand.NewPCG(seed, 1))
				upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
				published, known := map[string]span{}, map[string]span{}
				up, since := true, time.Duration(0)
				h.web.publish(address)
				id := h.calendar(address)
				for step := range 60 {
					does := "nothing"
					switch r.IntN(8) {
					case 0, 1, 2:
						from := (h.clock() + upTo(60*time.Hour)).Truncate(time.Minute)
						published[fmt.Sprint("e", step)] = span{from, from + 15*time.Minute + upTo(5*time.Hour).Truncate(time.Minute)}
						does = "add"
					case 3:
						for _, uid := range slices.Sorted(maps.Keys(published)) {
							if r.IntN(3) == 0 {
								delete(published, uid)
							}
						}
						does = "remove"
					case 4:
						up, since = !up, h.clock()
						does = fmt.Sprint("up ", up)
					case 5:
						h.restart(upTo(30 * time.Minute))
						does = "restart"
					case 6:
						_, err := h.Sync(t.Context(), "anna", id)
						h.ok(err)
						does = "sync"
					case 7:
						h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.SubjectAsText = !s.Calendar.SubjectAsText })
						does = "settings"
					}
					if !up && h.clock()-since > 6*time.Hour { // soon its claims would run out
						up = true
					}
					if up {
						var events []string
						for _, uid := range slices.Sorted(maps.Keys(published)) {
							events = append(events, event(uid, h.on(published[uid].from), h.on(published[uid].until)))
						}
						h.web.publish(address, events...)
						known = maps.Clone(published)
					} else {
						h.web.page(address, page{fails: errors.New("down")})
					}
					// By then a server that was down was asked again, and days that passed were looked at.
					h.at(h.clock() + 75*time.Minute + upTo(90*time.Minute))
					now := h.clock()
					var must []string
					may := map[string]bool{}
					running := false
					for _, s := range known {
						line := fmt.Sprint("busy Appointment ", s.from, "..", s.until)
						if s.from >= now+48*time.Hour {
							continue
						}
						may[line] = true // those that are over may be there until they are in somebody's way
						if s.until <= now {
							continue
						}
						running = running || s.from <= now
						if s.from < now+36*time.Hour { // so far ahead it was looked also when the calendar was read last
							must = append(must, line)
						}
					}
					got := h.claims("anna")
					for _, line := range got {
						if !may[line] && !over(line, now) {
							t.Fatalf("step %d (%s), after %s: there is a claim %s; the calendar has %q", step, does, now, line, must)
						}
					}
					for _, line := range must {
						if !slices.Contains(got, line) {
							t.Fatalf("step %d (%s), after %s: there is no claim %s, but %q", step, does, now, line, got)
						}
					}
					if p, _, _ := h.hub.Presence("anna"); (p.Status == presence.Busy) != running {
						t.Fatalf("step %d (%s), after %s: anna is %s, and an appointment runs: %v", step, does, now, p.Status, running)
					}
				}
			})
		})
	}
}

// over reports whether a claim as house.claims tells it has ended.
func over(line string, now time.Duration) bool {
	_, until, _ := strings.Cut(line, "..")
	d, err := time.ParseDuration(until)
	return err == nil && d <= now
}
