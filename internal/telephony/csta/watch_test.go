package csta

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/csta/cstatest"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
	"github.com/doorlight/doorlight/presence"
)

// A call from the first sound to its end, as both sides see it, of systems of several kinds.
func TestACall(t *testing.T) {
	for name, server := range map[string]cstatest.Config{"sessions": {}, "OpenScape": {Register: true, Decorated: true, Plain: true}, "another edition": {Edition: "ed3"}, "short sessions": {Duration: 9}} {
		t.Run(name, func(t *testing.T) {
			wiretest.In(t, func(t *testing.T) {
				h := newHouse(t, server, nil, "201", "202", "203")
				defer h.end()
				h.Begin("201", "202")
				h.Is("201", "idle")
				h.Is("202", "idle")
				k := h.server.Call("201", "202")
				h.Is("201", "on 202")
				h.Is("202", "rings 201")
				k.Answer()
				h.Is("202", "on 201")
				k.Hold("202", true)
				h.Is("202", "on 201 held")
				h.Is("201", "on 202")
				k.Hold("202", false)
				h.Is("202", "on 201")
				h.agrees(true, "201", "202")
				k.Hangup()
				h.Is("201", "idle")
				h.Is("202", "idle")
				h.Is("203", "nothing")
				h.server.Call("+4989123456", "202")
				h.Is("202", "rings +4989123456")
				k = h.server.Call("201", "busy")
				h.Is("201", "on busy")
				k.Hangup()
				h.Is("201", "idle")
				if c := h.Told("202").Calls; len(c) != 1 || c[0].Reach != presence.External || c[0].ID == "" {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// Passed on, connected, picked up, in a conference: each with who is there in the end, and with one name for as long as it lasts.
func TestTransfers(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{Decorated: true}, nil, "201", "202", "203", "204")
		defer h.end()
		lines := []string{"201", "202", "203", "204"}
		h.Begin(lines...)
		h.Is("201", "idle")
		id := func(line string) string {
			if c := h.Told(line).Calls; len(c) > 0 {
				return c[0].ID
			}
			return ""
		}
		k := h.server.Call("201", "202")
		k.Answer()
		h.Is("201", "on 202")
		first := id("201")
		k.Transfer("202", "203") // without asking
		h.Is("202", "idle")
		h.Is("201", "on 203")
		h.Is("203", "rings 201")
		k.Answer()
		h.Is("203", "on 201")
		ask := h.server.Call("203", "204")
		k.Hold("203", true)
		ask.Answer()
		h.Is("203", "on 201 held, on 204")
		h.agrees(true, lines...)
		k.Merge(ask, "203", false) // after asking
		h.Is("203", "idle")
		h.Is("201", "on 204")
		h.Is("204", "on 201")
		if first == "" || id("201") != first {
			t.Errorf("the call was %q and is %q", first, id("201"))
		}
		h.agrees(true, lines...)

		more := h.server.Call("204", "202")
		more.Answer()
		k.Merge(more, "204", true) // all three
		h.Is("204", "on 201")
		h.Is("201", "on 204")
		h.Is("202", "on 204")
		k.Leave("204")
		h.Is("204", "idle")
		h.Is("202", "on 204") // as it was told; who is left is not
		k.Hangup()
		h.Is("201", "idle")

		k = h.server.Call("201", "202")
		h.Is("202", "rings 201")
		k.Pickup("203")
		h.Is("202", "idle")
		h.Is("203", "on 201")
		h.Is("201", "on 203")
		time.Sleep(10 * time.Minute)
		h.agrees(true, lines...)
	})
}

// What was up before anybody asked is there.
func TestWhatWasThereBefore(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202", "203")
		defer h.end()
		k := h.server.Call("201", "202")
		k.Answer()
		k.Hold("201", true)
		h.server.Call("+4989123456", "203")
		h.server.Press("203", "forwardImmExt", "202")
		h.Begin("201", "202", "203")
		h.Is("201", "on 202 held")
		h.Is("202", "on 201")
		h.Is("203", "rings +4989123456")
		h.Forwarded("203", telephony.Forwarding{External: "202"})
	})
}

// Lines come and go; monitors with them. One that the system does not know is said in the log, and the others go on; when it is known one day, it is told of.
func TestLinesComeAndGo(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, func(c *Config) { c.Device, c.Prefixes = "tel:{line}", []string{"+49 30 1234"} }, "201", "202")
		defer h.end()
		h.Begin("+49 30 1234-201", "201", "999")
		h.Is("201", "idle")
		h.Is("+49 30 1234-201", "idle")
		h.Is("999", "nothing")
		if n := h.server.Monitors(); n != 1 {
			t.Errorf("%d monitors", n)
		}
		if log := h.Logged(); strings.Count(log, "cannot be watched") != 1 || !strings.Contains(log, "line=999") {
			t.Errorf("the log says %s", log)
		}
		h.sys.Follow([]string{"202", "999"})
		h.Is("202", "idle")
		before := h.Told("201").At
		if n := h.server.Monitors(); n != 1 || h.server.Asked("MonitorStop") != 1 {
			t.Errorf("%d monitors", n)
		}
		h.server.AddPhone("999")
		h.server.Call("201", "202")
		time.Sleep(11 * time.Minute)
		h.Is("999", "idle")
		h.Is("202", "rings 201")
		if h.Told("201").At != before {
			t.Error("a line that is not followed was told of")
		}
	})
}

// A monitor that the system stops is begun anew; a line out of service fades; a system that is not well tells of nothing.
func TestServiceOfLines(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		h.Is("202", "idle")
		h.server.StopMonitors("202")
		k := h.server.Call("201", "202")
		h.Is("202", "rings 201")
		if n := h.server.Monitors(); n != 2 {
			t.Errorf("%d monitors", n)
		}
		k.Answer()
		h.Is("202", "on 201")

		h.server.Service("202", false)
		time.Sleep(time.Second)
		before := h.Told("202").At
		time.Sleep(110 * time.Second) // before it is looked at again
		if h.Told("202").At != before || h.Told("201").At.Equal(before) {
			t.Error("a line out of service was told of, or one in service was not")
		}
		h.server.Service("202", true)
		h.Is("202", "on 201")
		if h.Told("202").At == before {
			t.Error("a line that is back was not told of")
		}

		h.server.Status("disabled")
		time.Sleep(time.Second)
		before = h.Told("201").At
		time.Sleep(10 * time.Minute)
		k.Hangup()
		time.Sleep(time.Second)
		if h.Told("201").At != before {
			t.Error("a system that is disabled told of lines")
		}
		h.server.Status("enabled")
		h.Is("201", "idle")
		h.server.Lose(100)
		h.server.Call("201", "202")
		h.server.Lose(0)
		h.Is("202", "idle")
		h.server.Status("messagesLost")
		h.Is("202", "rings 201")
	})
}

// Lost events are made up for within minutes; late and doubled ones change nothing.
func TestLostEvents(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		k := h.server.Call("201", "202")
		k.Answer()
		h.Is("202", "on 201")
		h.server.Lose(10)
		k.Hangup()
		h.server.Lose(0)
		h.Is("202", "on 201")
		time.Sleep(lookEvery + time.Second)
		h.Is("201", "idle")
		h.Is("202", "idle")
		h.server.Double(true)
		k = h.server.Call("201", "202")
		k.Answer()
		h.Is("202", "on 201")
		k.Hangup()
		h.server.Late(50)
		h.Is("201", "idle")
		h.Is("202", "idle")
	})
}

// A connection that breaks is made again, with all that happened meanwhile; while it is silent nothing is told.
func TestReconnect(t *testing.T) {
	for _, server := range []cstatest.Config{{}, {Register: true}} {
		t.Run(fmt.Sprint(server.Register), func(t *testing.T) {
			wiretest.In(t, func(t *testing.T) {
				h := newHouse(t, server, nil, "201", "202")
				defer h.end()
				h.Begin("201", "202")
				k := h.server.Call("201", "202")
				h.Is("202", "rings 201")
				h.Troubled(false)
				h.server.Break()
				k.Answer()
				time.Sleep(5 * time.Second)
				h.Is("202", "on 201")
				h.server.Stop()
				at := time.Now()
				time.Sleep(4 * time.Minute)
				h.Troubled(true)
				h.Quiet(at, "202")
				h.server.Boot()
				time.Sleep(70 * time.Second)
				h.Troubled(false)
				h.Is("201", "idle")
				h.server.Call("201", "202")
				h.Is("202", "rings 201")
				time.Sleep(43 * time.Second)

				synctest.Wait()
				h.server.Silence(true)
				at = time.Now()
				time.Sleep(40 * time.Second)
				if !strings.Contains(h.Logged(), "does not answer any more") {
					t.Errorf("the silence was not noticed: %s", h.Logged())
				}
				time.Sleep(10 * time.Minute)
				h.Quiet(at, "202")
				h.server.Silence(false)
				time.Sleep(90 * time.Second)
				h.agrees(true, "201", "202")
			})
		})
	}
}

// While all is well each line is told again in each half of what its claim lasts.
func TestRenewal(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		time.Sleep(time.Second)
		for range 100 {
			time.Sleep(17 * time.Second)
			for _, l := range []string{"201", "202"} {
				if age := time.Since(h.Told(l).At); age > telephony.Lasts/2 {
					t.Fatalf("%s was told %v ago", l, age)
				}
			}
		}
		if n := h.server.Asked("StartApplicationSession"); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// A session that the system ends is begun anew.
func TestSessionsThatEnd(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		h.Is("201", "idle")
		h.server.EndSessions()
		time.Sleep(2 * time.Second)
		h.server.Call("201", "202")
		h.Is("202", "rings 201")
		if n := h.server.Asked("StartApplicationSession"); n != 2 {
			t.Errorf("%d sessions", n)
		}
	})
}

// An application that is refused does not try again and again.
func TestRefused(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{Applications: "doorlight", Password: "right"}, func(c *Config) { c.Username, c.Password = "u", secret }, "201")
		defer h.end()
		h.Begin("201")
		time.Sleep(time.Hour)
		if n := h.server.Asked("StartApplicationSession"); n < 4 || n > 10 {
			t.Errorf("%d sessions in an hour", n)
		}
		if _, err := h.sys.Forwarding(t.Context(), "201"); !strings.Contains(wiretest.Says(err), "begins no session") {
			t.Errorf("%v", err)
		}
	})
}

// A thousand lines, all of them telephoning.
func TestAThousand(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		var lines []string
		for i := range 1000 {
			lines = append(lines, fmt.Sprint(10000+i))
		}
		h := newHouse(t, cstatest.Config{}, nil, lines...)
		defer h.end()
		h.Begin(lines...)
		time.Sleep(10 * time.Second)
		for i := 0; i < 200; i += 2 {
			h.server.Call(lines[i], lines[i+1]).Answer()
		}
		h.Is(lines[0], "on "+lines[1])
		h.Is(lines[199], "on "+lines[198])
		time.Sleep(5 * time.Minute)
		h.Is(lines[101], "on "+lines[100])
		if n, _ := h.Count(); n != 1000 {
			t.Errorf("%d lines were told of", n)
		}
	})
}

// Watch ends with its context, or when the system is closed, and there is one.
func TestWatchEnds(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201")
		defer h.end()
		h.Begin("201")
		h.WatchEnds(wire.ErrWatched, wire.ErrClosed)
		if n := h.server.Asked("StopApplicationSession"); n < 2 {
			t.Errorf("%d sessions were ended", n)
		}
	})
}

// What happens while a line is looked at is not lost, neither the first time nor later.
func TestEventsMeanwhile(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		k := h.server.Call("201", "202")
		h.server.After("SnapshotDevice", k.Answer)
		h.Begin("202")
		h.Is("202", "on 201")
		h.server.After("SnapshotDevice", k.Hangup)
		time.Sleep(lookEvery)
		h.Is("202", "idle")
		h.server.After("SnapshotDevice", func() { h.server.StopMonitors("202") })
		time.Sleep(lookEvery)
		h.server.Call("201", "202")
		h.Is("202", "rings 201")
	})
}

// What was not told when the connection broke is not told any more, until it is known again what is.
func TestWhatWasNotTold(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		got := h.Slowly("202", 20*time.Second, func() {
			time.Sleep(time.Second) // "idle" is being told
			h.server.Call("201", "202")
			time.Sleep(time.Second)
			h.server.Stop()
			time.Sleep(time.Minute)
		})
		if len(got) != 1 {
			t.Errorf("told was %q", got)
		}
	})
}

// A thousand rounds of people who telephone at random, over connections that break; half of them with events that are lost, late and doubled, and a
// system that restarts: after each quiet moment what was told of each line is what is, and while nothing is heard nothing is told.
func TestRounds(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			wiretest.In(t, func(t *testing.T) {
				rounds(t, rand.New(rand.NewPCG(seed, 21)), 250, seed < 2, cstatest.Config{Register: seed%2 == 1, Decorated: seed%2 == 1})
			})
		})
	}
}

func rounds(t *testing.T, r *rand.Rand, n int, exact bool, c cstatest.Config) {
	lines := []string{"201", "202", "203", "204", "205", "206"}
	h := newHouse(t, c, nil, lines...)
	defer h.end()
	h.Begin(lines...)
	time.Sleep(time.Second)
	var calls []*cstatest.Call
	pick := func(ss []string) string { return ss[r.IntN(len(ss))] }
	for round := range n {
		var story []string
		note := func(format string, args ...any) { story = append(story, fmt.Sprintf(format, args...)) }
		for range 3 + r.IntN(8) {
			calls = slices.DeleteFunc(calls, (*cstatest.Call).Over)
			var k *cstatest.Call
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
				p, on := pick(k.Parties()), r.IntN(2) == 0
				note("hold %s %v", p, on)
				k.Hold(p, on)
			case what == 12:
				by, to := pick(k.Parties()), pick(lines)
				note("transfer by %s to %s", by, to)
				k.Transfer(by, to)
			case what < 15:
				for _, other := range calls {
					for _, p := range k.Parties() {
						if other != k && slices.Contains(other.Parties(), p) {
							stay := what == 14
							note("merge by %s %v", p, stay)
							k.Merge(other, p, stay)
						}
					}
				}
			case what == 15:
				p := pick(lines)
				note("%s picks up", p)
				k.Pickup(p)
			case what == 16:
				p := pick(k.Parties())
				note("%s leaves", p)
				k.Leave(p)
			case what == 17:
				l, kind := pick(lines), pick([]string{"forwardImmediate", "forwardBusy", "forwardImmExt"})
				value := pick([]string{"", "204", "+4989777"})
				note("%s has %s %q", l, kind, value)
				h.server.Press(l, kind, value)
			case what == 18:
				h.server.PressDND(pick(lines), r.IntN(2) == 0)
			default:
				l, f := pick(lines), telephony.Forwarding{DoNotDisturb: r.IntN(2) == 0, All: pick([]string{"", "205"}), Busy: pick([]string{"", "206"})}
				note("%s is set to %+v", l, f)
				h.sys.SetForwarding(t.Context(), l, f) // or not: it may be away
			}
			fault := r.IntN(60)
			if exact && fault != 7 && fault != 8 {
				fault = 99
			}
			switch fault {
			case 0:
				note("broken")
				h.server.Break()
			case 1:
				note("restart")
				h.server.Stop()
				time.Sleep(time.Duration(r.IntN(100)) * time.Second)
				h.server.Boot()
			case 2, 3, 4, 5:
				note("lost")
				h.server.Lose(1 + r.IntN(6))
			case 6:
				note("monitors stopped")
				h.server.StopMonitors(pick(lines))
			case 7:
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
				h.Quiet(at, lines...)
				h.server.Silence(false)
			}
			if r.IntN(2) == 0 {
				time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
			}
		}
		h.server.Lose(0)
		if exact {
			time.Sleep(time.Second)
		} else {
			time.Sleep(lookEvery + 70*time.Second) // the longest wait before a connection is tried again, and a snapshot
		}
		synctest.Wait()
		h.agrees(exact, lines...)
		if t.Failed() {
			t.Fatalf("round %d: %q", round, story)
		}
	}
}
