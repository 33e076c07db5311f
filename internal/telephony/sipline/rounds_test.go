package sipline

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/sipline/siplinetest"
)

// TestRounds plays random histories of calls, with NOTIFYs that are lost, late and doubled, packets likewise, a network that is cut, a system that is
// started anew or counts anew, and subscriptions that it ends. After each quiet moment what is shown of each line is what it does, and nothing is told
// after the system fell silent.
func TestRounds(t *testing.T) {
	t.Parallel()
	const together = 4
	for part := range together {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			for n := part; n < rounds && !t.Failed(); n += together {
				synctest.Test(t, func(t *testing.T) { round(t, uint64(n)) })
			}
		})
	}
}

// dice is a source of random numbers, for several goroutines.
type dice struct {
	mu sync.Mutex
	s  *rand.PCG
}

func (s *dice) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s.Uint64()
}

func round(t *testing.T, seed uint64) {
	r := rand.New(&dice{s: rand.NewPCG(seed, 1)})
	chance := func(percent int) bool { return r.IntN(100) < percent }
	names := []string{"201", "202", "203"}
	c := siplinetest.Config{Lines: names, Partial: chance(50), Proxy: chance(20), Deaf: chance(10)}
	if chance(50) {
		c.Username, c.Password = "doorlight", "secret"
	}
	if chance(20) {
		c.Most = 2 * time.Minute
	}
	var story []string
	o := open(t, c, func(c *Config) {
		c.Expires = time.Duration(2+r.IntN(20)) * time.Minute
		c.Rate = 5
	})
	o.watch()
	tell := func(format string, args ...any) { story = append(story, fmt.Sprintf(format, args...)) }
	tell("%+v", c)
	others := []string{"201", "202", "203", "0301234567", "+4989123", "anonymous", "meier", ""}
	next := 0
	step := func() {
		line := names[r.IntN(len(names))]
		all := o.pbx.Dialogs(line)
		switch {
		case len(all) == 0 || chance(20) && len(all) < 4: // a call begins
			next++
			d := siplinetest.Dialog{ID: fmt.Sprintf("d%03d", next), Incoming: chance(50), State: []string{"trying", "early", "early", "proceeding", "confirmed"}[r.IntN(5)], Other: others[r.IntN(len(others))]}
			all = append(all, d)
		case chance(40): // one ends, or several
			i := r.IntN(len(all))
			all = append(all[:i:i], all[i+1:]...)
			if chance(20) {
				all = nil
			}
		case chance(30): // transferred: another one takes its place at the other end
			all[r.IntN(len(all))].Other = others[r.IntN(len(others)-1)] // whoever is told of no more is taken for the same
		default: // answered, on hold, taken back
			d := &all[r.IntN(len(all))]
			d.Held = d.State == "confirmed" && !d.Held
			d.State = "confirmed"
		}
		tell("%v %s does %v", time.Now().Format("05.000"), line, all)
		o.pbx.Set(line, all...)
	}
	for range 1 + r.IntN(3) {
		noisy, lossy := chance(60), chance(30)
		if noisy {
			odds := r.IntN(50)
			o.pbx.Faults(func() siplinetest.Fault {
				if r.IntN(100) < odds {
					return siplinetest.Fault(1 + r.IntN(3))
				}
				return siplinetest.Fine
			})
		}
		if lossy {
			o.net.Fate(func() []time.Duration {
				switch r.IntN(10) {
				case 0:
					return nil
				case 1:
					return []time.Duration{0, time.Duration(r.IntN(300)) * time.Millisecond}
				case 2:
					return []time.Duration{time.Duration(r.IntN(900)) * time.Millisecond}
				}
				return []time.Duration{0}
			})
		}
		for range r.IntN(12) {
			switch {
			case chance(80):
				step()
			case chance(30):
				tell("the network is cut")
				o.net.Cut(true)
				time.Sleep(time.Duration(r.IntN(200)) * time.Second)
				o.net.Cut(false)
			case chance(30):
				tell("the system is started anew")
				o.pbx.Restart()
			case chance(30):
				tell("the system counts anew")
				o.pbx.CountAnew()
			default:
				reason := []string{"deactivated", "timeout", "probation", "giveup", ""}[r.IntN(5)]
				tell("the system ends subscriptions: %s", reason)
				o.pbx.End(names[r.IntN(len(names))], reason, r.IntN(2)*20)
			}
			time.Sleep(time.Duration(r.IntN(1+[]int{10, 1000, 10000, 60000}[r.IntN(4)])) * time.Millisecond)
		}
		tell("it gets quiet")
		o.pbx.Faults(nil)
		o.net.Fate(nil)
		time.Sleep(25 * time.Minute) // a renewal, and the longest time to wait after failures
		synctest.Wait()
		for _, line := range names {
			if got, want := o.shown(line), truth(&o.system.c, o.pbx.Dialogs(line)); got != want {
				t.Errorf("round %d: %s shows %q, want %q\n%s\n%s", seed, line, got, want, join(story), o.log)
			}
			if d := time.Since(o.last(line)); d > telephony.Lasts/2 {
				t.Errorf("round %d: %s was told last before %v", seed, line, d)
			}
		}
	}
	silent := time.Now()
	o.net.Cut(true)
	time.Sleep(time.Duration(1+r.IntN(10)) * time.Minute)
	synctest.Wait()
	for _, line := range names {
		if o.last(line).After(silent) {
			t.Errorf("round %d: %s was told of after the system fell silent", seed, line)
		}
	}
	o.over()
}

func join(story []string) string {
	var s string
	for _, l := range story {
		s += l + "\n"
	}
	return s
}
