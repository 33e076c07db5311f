package ami

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
)

// A thousand rounds of people who telephone at random, over connections that break, with events that are lost, late and doubled, and an Asterisk
// that restarts: after each quiet moment what was told of each line is what is, and while nothing is heard nothing is told.
func TestRounds(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			wiretest.In(t, func(t *testing.T) {
				rounds(t, rand.New(rand.NewPCG(seed, 20)), 250, amitest.Config{NoTree: seed%2 == 1})
			})
		})
	}
}

func rounds(t *testing.T, r *rand.Rand, n int, c amitest.Config) {
	lines := []string{"201", "202", "203", "204", "205", "206"}
	h := newHouse(t, c, nil, lines...)
	defer h.end()
	h.Begin(lines...)
	var calls []*amitest.Call
	pick := func(ss []string) string { return ss[r.IntN(len(ss))] }
	for round := range n {
		var story []string
		note := func(format string, args ...any) { story = append(story, fmt.Sprintf(format, args...)) }
		for range 3 + r.IntN(8) {
			calls = slices.DeleteFunc(calls, (*amitest.Call).Over)
			var k *amitest.Call
			if len(calls) > 0 {
				k = calls[r.IntN(len(calls))]
			}
			switch what := r.IntN(20); {
			case k == nil || what < 4 && len(calls) < 6:
				from, to := pick(lines), pick(lines)
				switch r.IntN(4) {
				case 0:
					from = fmt.Sprint("+49891", r.IntN(1000))
				case 1:
					to = fmt.Sprint("+49892", r.IntN(1000))
				}
				if from != to {
					note("%s calls %s", from, to)
					calls = append(calls, h.server.Call(from, to))
				}
			case what < 8:
				note("answer %v", k.Parties())
				k.Answer()
			case what < 10:
				note("hang up %v", k.Parties())
				k.Hangup()
			case what < 12:
				p := pick(k.Parties())
				on := r.IntN(2) == 0
				note("hold %s %v", p, on)
				k.Hold(p, on)
			case what == 12:
				if by, to := pick(k.Parties()), pick(lines); !slices.Contains(k.Parties(), to) {
					note("transfer by %s to %s", by, to)
					k.Transfer(by, to)
				}
			case what == 13:
				for _, other := range calls {
					for _, p := range k.Parties() {
						if other != k && slices.Contains(other.Parties(), p) {
							note("merge by %s", p)
							k.Merge(other, p)
						}
					}
				}
			case what == 14:
				if p := pick(lines); !slices.Contains(k.Parties(), p) {
					note("%s picks up or joins", p)
					k.Pickup(p)
					k.Join(p)
				}
			case what == 15:
				p := pick(k.Parties())
				note("%s leaves", p)
				k.Leave(p)
			case what < 18:
				l, family := pick(lines), pick([]string{"DND", "CF", "CFB", "CFU"})
				value := pick([]string{"", "204", "+4989777"})
				if family == "DND" && value != "" {
					value = "YES"
				}
				note("%s has %s %q", l, family, value)
				h.server.Press(l, family, value)
			default:
				l, f := pick(lines), telephony.Forwarding{DoNotDisturb: r.IntN(2) == 0, All: pick([]string{"", "205"}), Busy: pick([]string{"", "206"})}
				note("%s is set to %+v", l, f)
				h.sys.SetForwarding(t.Context(), l, f) // or not: it may be away
			}
			switch fault := r.IntN(60); fault {
			case 0:
				note("broken")
				h.server.Break()
			case 1:
				note("restart")
				h.server.Stop(r.IntN(2) == 0)
				calls = nil
				time.Sleep(time.Duration(r.IntN(100)) * time.Second)
				h.server.Boot()
			case 2, 3, 4, 5:
				note("lost")
				h.server.Lose(1 + r.IntN(6))
			case 6, 7:
				note("late")
				h.server.Late(1 + r.IntN(20))
			case 8:
				note("doubled")
				h.server.Double(r.IntN(2) == 0)
			case 9:
				note("silence")
				time.Sleep(time.Second)
				synctest.Wait()
				h.server.Silence(true)
				at := time.Now()
				time.Sleep(time.Duration(r.IntN(300)) * time.Second)
				synctest.Wait()
				h.Quiet(at, lines...)
				h.server.Silence(false)
			}
			if r.IntN(2) == 0 {
				time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
			}
		}
		h.server.Lose(0)
		time.Sleep(130 * time.Second) // the longest wait before a connection is tried again, and a list
		// Who has several calls and lost an event of hold cannot know which are held: no list says so. They press it once more.
		for _, k := range calls {
			for _, p := range k.Parties() {
				if held := held(h.server, p); len(h.server.Truth("PJSIP/"+p)) > 1 {
					k.Hold(p, true)
					k.Hold(p, false)
					k.Hold(p, held)
				}
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		h.agrees(lines...)
		if t.Failed() {
			t.Fatalf("round %d: %q", round, story)
		}
	}
}

func held(s *amitest.Server, line string) bool {
	return slices.ContainsFunc(s.Truth("PJSIP/"+line), func(l amitest.Leg) bool { return l.Held })
}
