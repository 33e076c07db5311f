package teams_test

import (
	"fmt"
	"testing"
	"time"
)

// Nobody's state is older than five seconds, and Microsoft never has to ask for less: an hour with its published limits, in which
// people call one another.
func TestThousandsAreNeverOld(t *testing.T) {
	type crowd struct {
		people int
		span   time.Duration
		oldest time.Duration
	}
	crowds := []crowd{{5_000, time.Hour, 5 * time.Second}, {50_000, 5 * time.Minute, 5 * time.Second}}
	if racing { // it takes ten times as long then; make bench has the whole
		crowds = []crowd{{2_000, 3 * time.Minute, 5 * time.Second}}
	}
	for _, c := range crowds {
		t.Run(fmt.Sprint(c.people), func(t *testing.T) {
			story(t, c.people, func(t *testing.T, h *house) {
				for st := h.SystemStatus(connectorID); st.Found < c.people || st.Oldest == 0; st = h.SystemStatus(connectorID) {
					time.Sleep(time.Second)
				}
				time.Sleep(time.Minute)
				var oldest, latest time.Duration
				before := h.microsoft.Count("presences")
				begun := time.Now()
				for i := 0; time.Since(begun) < c.span; i++ {
					who := h.people[i*7919%c.people]
					h.ok(h.microsoft.Call(at(who), "outside@example.org"))
					called := time.Now()
					for h.here(who) == "logged_out" && time.Since(called) < time.Minute {
						time.Sleep(250 * time.Millisecond)
						oldest = max(oldest, h.SystemStatus(connectorID).Oldest)
					}
					latest = max(latest, time.Since(called))
					h.ok(h.microsoft.EndCall(at(who), "outside@example.org"))
					time.Sleep(10 * time.Second)
				}
				n := h.microsoft.Count("presences") - before
				per30 := float64(n) / time.Since(begun).Seconds() * 30
				t.Logf("%d people: nobody older than %v, calls seen within %v, %.0f readings in 30 s of 1,500", c.people, oldest, latest, per30)
				if oldest > c.oldest || latest > c.oldest+time.Second {
					t.Errorf("somebody's state is %v old, and a call was seen after %v", oldest, latest)
				}
				if n := h.microsoft.Count("throttled"); n > 0 || per30 > 1500 {
					t.Errorf("Microsoft asked for less %d times, at %.0f readings in 30 s", n, per30)
				}
			})
		})
	}
}
