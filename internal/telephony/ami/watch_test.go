package ami

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
	"github.com/doorlight/doorlight/presence"
)

// A call from its first ring to its end, as both sides see it.
func TestACall(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203")
		defer h.end()
		h.Begin("201", "202")
		time.Sleep(3 * time.Second)
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
		k.Hangup()
		h.Is("201", "idle")
		h.Is("202", "idle")
		h.Is("203", "nothing")

		k = h.server.Call("+4989123456", "202")
		h.Is("202", "rings +4989123456")
		h.agrees("201", "202")
		k.Hangup()
		h.Is("202", "idle")
	})
}

// Passed on, connected, picked up, in a conference: each with who is there in the end.
func TestTransfers(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203", "204")
		defer h.end()
		lines := []string{"201", "202", "203", "204"}
		h.Begin(lines...)
		time.Sleep(3 * time.Second)

		k := h.server.Call("201", "202")
		k.Answer()
		k.Transfer("202", "203") // without asking
		h.Is("202", "idle")
		h.Is("201", "on 203")
		h.Is("203", "rings 201")
		k.Answer()
		h.Is("203", "on 201")
		h.agrees(lines...)

		ask := h.server.Call("203", "204")
		ask.Answer()
		h.Is("203", "on 201, on 204")
		k.Merge(ask, "203") // after asking
		h.Is("203", "idle")
		h.Is("201", "on 204")
		h.Is("204", "on 201")
		h.agrees(lines...)
		k.Join("202")
		h.Is("202", "on 201")
		h.agrees(lines...)
		k.Hangup()

		k = h.server.Call("201", "202")
		h.Is("202", "rings 201")
		k.Pickup("203")
		h.Is("202", "idle")
		h.Is("203", "on 201")
		h.Is("201", "on 203")
		h.agrees(lines...)
		k.Hangup()
		time.Sleep(time.Second)
		h.agrees(lines...)
	})
}

// What was up before anybody asked is there, with who is on the other side and whether it is held.
func TestWhatWasThereBefore(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203")
		defer h.end()
		k := h.server.Call("201", "202")
		k.Answer()
		k.Hold("201", true)
		h.server.Call("+4989123456", "203")
		h.server.Press("203", "CF", "202")
		h.Begin("201", "202", "203")
		h.Is("201", "on 202 held")
		h.Is("202", "on 201")
		h.Is("203", "rings +4989123456")
		h.agrees("201", "202", "203")
	})
}

// A line is known under the names it was entered with, one under several.
func TestNamesOfLines(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Prefixes, c.Internal = []string{"+49 30 1234"}, []string{"7XX"} }, "201", "202")
		defer h.end()
		h.Begin("+49 (0)30 1234-201", "tel:201", "202", "")
		h.server.Call("201", "202")
		h.Is("+49 (0)30 1234-201", "on 202")
		h.Is("tel:201", "on 202")
		h.Is("202", "rings 201")
		for number, want := range map[string]presence.Reach{"201": presence.Internal, "712": presence.Internal, "+49301234202": presence.Internal, "+498912": presence.External,
			"": presence.ReachUnknown} {
			if got := h.sys.numbers.Reach(number, func(e string) bool { return e == "201" || e == "202" }); got != want {
				t.Errorf("%q is %v, want %v", number, got, want)
			}
		}
	})
}

// Lines may come and go while it is watched.
func TestFollowOthers(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203")
		defer h.end()
		h.Begin("201")
		time.Sleep(10 * time.Second)
		k := h.server.Call("202", "203")
		h.Is("202", "nothing")
		h.sys.Follow([]string{"202"})
		time.Sleep(5 * time.Second)
		h.Is("202", "on 203")
		h.agrees("202")
		before := h.Told("201").At
		k.Hangup()
		h.server.Call("201", "203")
		time.Sleep(5 * time.Minute)
		h.Is("202", "idle")
		if h.Told("201").At != before {
			t.Error("a line that is not followed any more was told of")
		}
	})
}

// Lines that Asterisk does not know are said in the log; nothing is told of them, and the others go on.
func TestUnknownLines(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Devices = []string{"SIP/{line}", "PJSIP/{line}"} }, "201")
		defer h.end()
		h.server.AddDevice("PJSIP/301") // no hint
		h.server.AddHint("401", "ext-local", "Custom:DND401")
		h.Begin("201", "301", "401", "999")
		time.Sleep(2 * time.Minute)
		h.Is("201", "idle")
		h.Is("301", "idle")
		h.Is("401", "nothing")
		h.Is("999", "nothing")
		if log := h.Logged(); !strings.Contains(log, `lines="401 999"`) || strings.Count(log, "does not know") != 1 {
			t.Errorf("the log says %s", log)
		}
		h.server.RemoveHints("201")
		h.server.AddHint("401", "ext-local", "PJSIP/401")
		time.Sleep(2 * time.Minute)
		h.Is("401", "idle")
	})
}

// Hints count in the context that was configured; a line may have several devices.
func TestHints(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Context = "office" }, "201")
		defer h.end()
		h.server.AddPhone("202")
		h.server.AddDevice("PJSIP/203-mobile")
		h.server.AddHint("500", "office", "PJSIP/201&PJSIP/202&Local/5@x&Custom:X,CustomPresence:500")
		h.Begin("500", "201")
		time.Sleep(time.Second)
		k := h.server.Call("202", "+4989123456")
		h.Is("500", "on +4989123456")
		h.Is("201", "nothing")
		k.Answer()
		h.server.Call("+4989123457", "201")
		h.Is("500", "on +4989123456, rings +4989123457")
	})
}

// Without hints and patterns nothing is known of who is inside.
func TestReachUnknown(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Devices = []string{"PJSIP/{line}"} })
		defer h.end()
		h.server.AddDevice("PJSIP/201")
		h.server.AddHint("201", "x", "PJSIP/201")
		h.server.Call("201", "+4989123456")
		h.server.RemoveHints("201")
		h.Begin("201")
		h.Is("201", "on +4989123456")
		if c := h.Told("201").Calls; len(c) != 1 || c[0].Reach != presence.ReachUnknown {
			t.Errorf("%+v", c)
		}
	})
}

// Lost events are made up for within the minute, at once if a device says otherwise than its channels.
func TestLostEvents(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		time.Sleep(10 * time.Second)
		k := h.server.Call("201", "202")
		k.Answer()
		h.Is("202", "on 201")
		time.Sleep(10 * time.Second)
		h.server.Lose(4) // BridgeLeave and Hangup of one, its device, its extension
		k.Hangup()
		h.server.LoseAll(true)
		h.Is("202", "on 201")
		h.server.LoseAll(false)
		time.Sleep(70 * time.Second)
		h.Is("201", "idle")
		h.Is("202", "idle")

		k = h.server.Call("201", "202")
		k.Answer()
		time.Sleep(10 * time.Second)
		h.server.Lose(2) // BridgeLeave and Hangup
		k.Hangup()
		time.Sleep(6 * time.Second)
		h.Is("202", "idle")

		// A device that only was ahead of its channels has nothing read.
		time.Sleep(30 * time.Second)
		before := h.server.Asked("CoreShowChannels")
		for range 20 {
			h.server.Ahead("PJSIP/202", "INUSE")
			time.Sleep(time.Second)
		}
		if n := h.server.Asked("CoreShowChannels") - before; n > 1 { // that of the minute
			t.Errorf("the lists were read %d times", n)
		}

		// Events of calls that are over change nothing.
		h.server.Double(true)
		h.server.Call("201", "202").Hangup()
		h.server.Late(50)
		h.Is("201", "idle")
		h.Is("202", "idle")
	})
}

// A connection that breaks is made again, with all that happened meanwhile.
func TestReconnect(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		time.Sleep(10 * time.Second)
		k := h.server.Call("201", "202")
		h.Is("202", "rings 201")
		h.Troubled(false)
		h.server.Break()
		k.Answer()
		time.Sleep(5 * time.Second)
		h.Is("202", "on 201")
		h.server.Stop(true)
		at := time.Now()
		time.Sleep(4 * time.Minute)
		h.Troubled(true)
		h.Quiet(at, "202")
		h.server.Boot()
		time.Sleep(90 * time.Second)
		h.Troubled(false)
		h.Is("201", "idle")
		h.Is("202", "idle")
		if n := h.server.Sessions(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// A system that goes silent is noticed, and nobody is told anything any more; when it speaks again all is well.
func TestSilence(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		h.server.Call("201", "202").Answer()
		h.Is("201", "on 202")
		time.Sleep(95 * time.Second)
		h.server.Silence(true)
		at := time.Now()
		time.Sleep(35 * time.Second)
		if !strings.Contains(h.Logged(), "does not answer any more") {
			t.Errorf("the silence was not noticed in %v: %s", time.Since(at), h.Logged())
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		h.Quiet(at, "201", "202")
		h.server.Silence(false)
		time.Sleep(2 * time.Minute)
		h.agrees("201", "202")
	})
}

// While all is well each line is told again in each half of what its claim lasts.
func TestRenewal(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		for range 60 {
			time.Sleep(30 * time.Second)
			synctest.Wait()
			for _, l := range []string{"201", "202"} {
				if age := time.Since(h.Told(l).At); age > telephony.Lasts/2 {
					t.Fatalf("%s was told %v ago", l, age)
				}
			}
		}
		if _, n := h.Count(); n > 2*35 {
			t.Errorf("told %d times in half an hour", n)
		}
	})
}

// It waits for an Asterisk that is not ready, and does not wait for ever for one that does not say so.
func TestNotReady(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{Sleeps: true}, nil, "201")
		defer h.end()
		h.Begin("201")
		time.Sleep(5 * time.Second)
		h.Is("201", "nothing")
		h.server.Boot()
		h.Is("201", "idle")
	})
}

// An Asterisk that may not say so is waited for only so long.
func TestReadyUnsaid(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: secret, Read: "call", Write: "system,call"}}}, nil, "201")
		defer h.end()
		h.Begin("201")
		time.Sleep(9 * time.Second)
		h.Is("201", "nothing")
		time.Sleep(2 * time.Second)
		h.Is("201", "idle")
	})
}

// A secret that is refused is not tried again and again, as that would have this server locked out.
func TestRefused(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Secret = "wrong" }, "201")
		defer h.end()
		h.Begin("201")
		time.Sleep(time.Hour)
		if n := h.server.Asked("Login"); n < 4 || n > 10 {
			t.Errorf("%d sign-ins in an hour", n)
		}
		_, err := h.sys.Forwarding(t.Context(), "201")
		if !strings.Contains(wiretest.Says(err), "refuses the user name or the secret") {
			t.Errorf("%v", err)
		}
		if n := h.server.Asked("Login"); n > 10 {
			t.Error("asking for forwarding tries again at once")
		}
		h.server.SetUser("doorlight", amitest.User{Secret: "wrong", Read: "system,call", Write: "system,call"})
		time.Sleep(20 * time.Minute)
		h.Is("201", "idle")
	})
}

// A thousand lines, all of them telephoning.
func TestAThousand(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		var lines []string
		for i := range 1000 {
			lines = append(lines, fmt.Sprint(10000+i))
		}
		h := newHouse(t, amitest.Config{}, nil, lines...)
		defer h.end()
		h.Begin(lines...)
		time.Sleep(10 * time.Second)
		for i := 0; i < len(lines); i += 2 {
			h.server.Call(lines[i], lines[i+1]).Answer()
		}
		h.Is(lines[0], "on "+lines[1])
		h.Is(lines[999], "on "+lines[998])
		time.Sleep(3 * time.Minute)
		h.Is(lines[501], "on "+lines[500])
		if n, _ := h.Count(); n != 1000 {
			t.Errorf("%d lines were told of", n)
		}
	})
}

// Watch ends with its context, or when the system is closed, and there is one.
func TestWatchEnds(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201")
		defer h.end()
		h.Begin("201")
		h.WatchEnds(wire.ErrWatched, wire.ErrClosed)
	})
}

// Of each line the order of what is told is the order of what happened, also for a listener that is slow, who misses what was over.
func TestSlowListener(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		got := h.Slowly("202", 10*time.Second, func() {
			time.Sleep(11 * time.Second)
			for range 5 {
				k := h.server.Call("201", "202")
				time.Sleep(time.Second)
				k.Answer()
				time.Sleep(time.Second)
				k.Hangup()
				time.Sleep(time.Second)
			}
			k := h.server.Call("201", "202")
			time.Sleep(time.Second)
			k.Answer()
			time.Sleep(25 * time.Second)
		})
		if want := []string{"idle", "rings 201", "on 201"}; len(got) > 8 || got[0] != want[0] || got[1] != want[1] || got[len(got)-1] != want[2] {
			t.Errorf("told was %q", slices.Compact(got))
		}
	})
}

// What was not told when the connection broke is not told any more, until it is known again what is.
func TestWhatWasNotTold(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		got := h.Slowly("202", 20*time.Second, func() {
			time.Sleep(time.Second) // "idle" is being told
			h.server.Call("201", "202")
			time.Sleep(time.Second)
			h.server.Stop(false)
			time.Sleep(time.Minute)
		})
		if len(got) != 1 {
			t.Errorf("told was %q", got)
		}
	})
}

// A feature code that is dialled at a telephone is handed over for its line, whatever number the caller claims to have.
func TestAFeatureCodeIsDialled(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: secret, Read: "system,call,user", Write: "system,call"}}}, nil, "201", "202", "203")
		defer h.end()
		var choices []telephony.Choice
		var mu sync.Mutex
		h.sys.Choices(func(c telephony.Choice) { mu.Lock(); defer mu.Unlock(); choices = append(choices, c) })
		h.Begin("201", "202")
		time.Sleep(3 * time.Second)
		h.server.Dial("201", "*81", CodeEvent, [2]string{"Code", "*81"})
		h.server.Dial("202", "*82", CodeEvent, [2]string{"Code", "*82"}, [2]string{"CallerIDNum", "201"})
		h.server.Dial("203", "*81", CodeEvent, [2]string{"Code", "*81"}) // not followed
		h.server.Dial("201", "*81", "Other", [2]string{"Code", "*81"})
		h.server.Dial("201", "*81", CodeEvent, [2]string{"Code", "anna"})
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if want := []telephony.Choice{{Line: "201", Code: "*81"}, {Line: "202", Code: "*82"}}; !slices.Equal(choices, want) {
			t.Errorf("handed over are %v", len(choices))
		}
		h.Is("201", "idle")
	})
}
