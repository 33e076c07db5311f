package ami

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/presence"
)

// A call from its first ring to its end, as both sides see it.
func TestACall(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203")
		defer h.end()
		h.begin("201", "202")
		time.Sleep(3 * time.Second)
		h.is("201", "idle")
		h.is("202", "idle")
		k := h.server.Call("201", "202")
		h.is("201", "on 202")
		h.is("202", "rings 201")
		k.Answer()
		h.is("202", "on 201")
		k.Hold("202", true)
		h.is("202", "on 201 held")
		h.is("201", "on 202")
		k.Hold("202", false)
		h.is("202", "on 201")
		k.Hangup()
		h.is("201", "idle")
		h.is("202", "idle")
		h.is("203", "nothing")

		k = h.server.Call("+4989123456", "202")
		h.is("202", "rings +4989123456")
		h.agrees("201", "202")
		k.Hangup()
		h.is("202", "idle")
	})
}

// Passed on, connected, picked up, in a conference: each with who is there in the end.
func TestTransfers(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203", "204")
		defer h.end()
		lines := []string{"201", "202", "203", "204"}
		h.begin(lines...)
		time.Sleep(3 * time.Second)

		k := h.server.Call("201", "202")
		k.Answer()
		k.Transfer("202", "203") // without asking
		h.is("202", "idle")
		h.is("201", "on 203")
		h.is("203", "rings 201")
		k.Answer()
		h.is("203", "on 201")
		h.agrees(lines...)

		ask := h.server.Call("203", "204")
		ask.Answer()
		h.is("203", "on 201 on 204")
		k.Merge(ask, "203") // after asking
		h.is("203", "idle")
		h.is("201", "on 204")
		h.is("204", "on 201")
		h.agrees(lines...)
		k.Join("202")
		h.is("202", "on 201")
		h.agrees(lines...)
		k.Hangup()

		k = h.server.Call("201", "202")
		h.is("202", "rings 201")
		k.Pickup("203")
		h.is("202", "idle")
		h.is("203", "on 201")
		h.is("201", "on 203")
		h.agrees(lines...)
		k.Hangup()
		time.Sleep(time.Second)
		h.agrees(lines...)
	})
}

// What was up before anybody asked is there, with who is on the other side and whether it is held.
func TestWhatWasThereBefore(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203")
		defer h.end()
		k := h.server.Call("201", "202")
		k.Answer()
		k.Hold("201", true)
		h.server.Call("+4989123456", "203")
		h.server.Press("203", "CF", "202")
		h.begin("201", "202", "203")
		h.is("201", "on 202 held")
		h.is("202", "on 201")
		h.is("203", "rings +4989123456")
		h.agrees("201", "202", "203")
	})
}

// A line is known under the names it was entered with, one under several.
func TestNamesOfLines(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Prefixes, c.Internal = []string{"+49 30 1234"}, []string{"7XX"} }, "201", "202")
		defer h.end()
		h.begin("+49 (0)30 1234-201", "tel:201", "202", "")
		h.server.Call("201", "202")
		h.is("+49 (0)30 1234-201", "on 202")
		h.is("tel:201", "on 202")
		h.is("202", "rings 201")
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
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202", "203")
		defer h.end()
		h.begin("201")
		time.Sleep(10 * time.Second)
		k := h.server.Call("202", "203")
		h.is("202", "nothing")
		h.sys.Follow([]string{"202"})
		time.Sleep(5 * time.Second)
		h.is("202", "on 203")
		h.agrees("202")
		before := h.last["201"].at
		k.Hangup()
		h.server.Call("201", "203")
		time.Sleep(5 * time.Minute)
		h.is("202", "idle")
		if h.last["201"].at != before {
			t.Error("a line that is not followed any more was told of")
		}
	})
}

// Lines that Asterisk does not know are said in the log; nothing is told of them, and the others go on.
func TestUnknownLines(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Devices = []string{"SIP/{line}", "PJSIP/{line}"} }, "201")
		defer h.end()
		h.server.AddDevice("PJSIP/301") // no hint
		h.server.AddHint("401", "ext-local", "Custom:DND401")
		h.begin("201", "301", "401", "999")
		time.Sleep(2 * time.Minute)
		h.is("201", "idle")
		h.is("301", "idle")
		h.is("401", "nothing")
		h.is("999", "nothing")
		if log := h.log.String(); !strings.Contains(log, `lines="401 999"`) || strings.Count(log, "does not know") != 1 {
			t.Errorf("the log says %s", log)
		}
		h.server.RemoveHints("201")
		h.server.AddHint("401", "ext-local", "PJSIP/401")
		time.Sleep(2 * time.Minute)
		h.is("401", "idle")
	})
}

// Hints count in the context that was configured; a line may have several devices.
func TestHints(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Context = "office" }, "201")
		defer h.end()
		h.server.AddPhone("202")
		h.server.AddDevice("PJSIP/203-mobile")
		h.server.AddHint("500", "office", "PJSIP/201&PJSIP/202&Local/5@x&Custom:X,CustomPresence:500")
		h.begin("500", "201")
		time.Sleep(time.Second)
		k := h.server.Call("202", "+4989123456")
		h.is("500", "on +4989123456")
		h.is("201", "nothing")
		k.Answer()
		h.server.Call("+4989123457", "201")
		h.is("500", "on +4989123456 rings +4989123457")
	})
}

// Without hints and patterns nothing is known of who is inside.
func TestReachUnknown(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Devices = []string{"PJSIP/{line}"} })
		defer h.end()
		h.server.AddDevice("PJSIP/201")
		h.server.AddHint("201", "x", "PJSIP/201")
		h.server.Call("201", "+4989123456")
		h.server.RemoveHints("201")
		h.begin("201")
		h.is("201", "on +4989123456")
		if c := h.last["201"].line.Calls; len(c) != 1 || c[0].Reach != presence.ReachUnknown {
			t.Errorf("%+v", c)
		}
	})
}

// Lost events are made up for within the minute, at once if a device says otherwise than its channels.
func TestLostEvents(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.begin("201", "202")
		time.Sleep(10 * time.Second)
		k := h.server.Call("201", "202")
		k.Answer()
		h.is("202", "on 201")
		time.Sleep(10 * time.Second)
		h.server.Lose(4) // BridgeLeave and Hangup of one, its device, its extension
		k.Hangup()
		h.server.LoseAll(true)
		h.is("202", "on 201")
		h.server.LoseAll(false)
		time.Sleep(70 * time.Second)
		h.is("201", "idle")
		h.is("202", "idle")

		k = h.server.Call("201", "202")
		k.Answer()
		time.Sleep(10 * time.Second)
		h.server.Lose(2) // BridgeLeave and Hangup
		k.Hangup()
		time.Sleep(6 * time.Second)
		h.is("202", "idle")

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
		h.is("201", "idle")
		h.is("202", "idle")
	})
}

// A connection that breaks is made again, with all that happened meanwhile.
func TestReconnect(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.begin("201", "202")
		time.Sleep(10 * time.Second)
		k := h.server.Call("201", "202")
		h.is("202", "rings 201")
		h.troubled(false)
		h.server.Break()
		k.Answer()
		time.Sleep(5 * time.Second)
		h.is("202", "on 201")
		h.server.Stop(true)
		at := time.Now()
		time.Sleep(4 * time.Minute)
		h.troubled(true)
		if last := h.last["202"].at; last.After(at) {
			t.Errorf("told %v after it was shut down", last.Sub(at))
		}
		h.server.Boot()
		time.Sleep(90 * time.Second)
		h.troubled(false)
		h.is("201", "idle")
		h.is("202", "idle")
		if n := h.server.Sessions(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// A system that goes silent is noticed, and nobody is told anything any more; when it speaks again all is well.
func TestSilence(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.begin("201", "202")
		h.server.Call("201", "202").Answer()
		h.is("201", "on 202")
		time.Sleep(95 * time.Second)
		h.server.Silence(true)
		at := time.Now()
		time.Sleep(35 * time.Second)
		if !strings.Contains(h.log.String(), "does not answer any more") {
			t.Errorf("the silence was not noticed in %v: %s", time.Since(at), h.log)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, l := range []string{"201", "202"} {
			if last := h.last[l].at; last.After(at) {
				t.Errorf("%s was told %v after the silence began", l, last.Sub(at))
			}
		}
		h.server.Silence(false)
		time.Sleep(2 * time.Minute)
		h.agrees("201", "202")
	})
}

// While all is well each line is told again in each half of what its claim lasts.
func TestRenewal(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.begin("201", "202")
		for range 60 {
			time.Sleep(30 * time.Second)
			synctest.Wait()
			h.mu.Lock()
			for _, l := range []string{"201", "202"} {
				if age := time.Since(h.last[l].at); age > telephony.Lasts/2 {
					t.Fatalf("%s was told %v ago", l, age)
				}
			}
			h.mu.Unlock()
		}
		if n := len(h.all); n > 2*35 {
			t.Errorf("told %d times in half an hour", n)
		}
	})
}

// It waits for an Asterisk that is not ready, and does not wait for ever for one that does not say so.
func TestNotReady(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{Sleeps: true}, nil, "201")
		defer h.end()
		h.begin("201")
		time.Sleep(5 * time.Second)
		h.is("201", "nothing")
		h.server.Boot()
		h.is("201", "idle")
	})
}

// An Asterisk that may not say so is waited for only so long.
func TestReadyUnsaid(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: secret, Read: "call", Write: "system,call"}}}, nil, "201")
		defer h.end()
		h.begin("201")
		time.Sleep(9 * time.Second)
		h.is("201", "nothing")
		time.Sleep(2 * time.Second)
		h.is("201", "idle")
	})
}

// A secret that is refused is not tried again and again, as that would have this server locked out.
func TestRefused(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Secret = "wrong" }, "201")
		defer h.end()
		h.begin("201")
		time.Sleep(time.Hour)
		if n := h.server.Asked("Login"); n < 4 || n > 10 {
			t.Errorf("%d sign-ins in an hour", n)
		}
		_, err := h.sys.Forwarding(t.Context(), "201")
		if !strings.Contains(kind(err), "refuses the user name or the secret") {
			t.Errorf("%v", err)
		}
		if n := h.server.Asked("Login"); n > 10 {
			t.Error("asking for forwarding tries again at once")
		}
		h.server.SetUser("doorlight", amitest.User{Secret: "wrong", Read: "system,call", Write: "system,call"})
		time.Sleep(20 * time.Minute)
		h.is("201", "idle")
	})
}

// A thousand lines, all of them telephoning.
func TestAThousand(t *testing.T) {
	in(t, func(t *testing.T) {
		var lines []string
		for i := range 1000 {
			lines = append(lines, fmt.Sprint(10000+i))
		}
		h := newHouse(t, amitest.Config{}, nil, lines...)
		defer h.end()
		h.begin(lines...)
		time.Sleep(10 * time.Second)
		for i := 0; i < len(lines); i += 2 {
			h.server.Call(lines[i], lines[i+1]).Answer()
		}
		h.is(lines[0], "on "+lines[1])
		h.is(lines[999], "on "+lines[998])
		time.Sleep(3 * time.Minute)
		h.is(lines[501], "on "+lines[500])
		if n := len(h.last); n != 1000 {
			t.Errorf("%d lines were told of", n)
		}
	})
}

// Watch ends with its context, or when the system is closed, and there is one.
func TestWatchEnds(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201")
		defer h.end()
		h.begin("201")
		time.Sleep(time.Second)
		if err := h.sys.Watch(t.Context(), func(telephony.Line) {}); !errors.Is(err, errWatched) {
			t.Errorf("a second one: %v", err)
		}
		h.watch()
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() { done <- h.sys.Watch(ctx, func(telephony.Line) {}) }()
		time.Sleep(time.Second)
		cancel(why)
		if err := <-done; !errors.Is(err, why) {
			t.Errorf("it ended with %v", err)
		}
		go func() { done <- h.sys.Watch(t.Context(), func(telephony.Line) {}) }()
		time.Sleep(time.Second)
		h.sys.Close()
		if err := <-done; !errors.Is(err, errClosed) {
			t.Errorf("it ended with %v", err)
		}
	})
}

// Of each line the order of what is told is the order of what happened, also for a listener that is slow, who misses what was over.
func TestSlowListener(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.sys.Follow([]string{"202"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		var got []string
		go func() {
			done <- h.sys.Watch(ctx, func(l telephony.Line) {
				got = append(got, words(l))
				time.Sleep(10 * time.Second)
			})
		}()
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
		cancel()
		<-done
		if want := []string{"202: idle", "202: rings 201", "202: on 201"}; len(got) > 8 || got[0] != want[0] || got[1] != want[1] || got[len(got)-1] != want[2] {
			t.Errorf("told was %q", slices.Compact(got))
		}
	})
}

// What was not told when the connection broke is not told any more, until it is known again what is.
func TestWhatWasNotTold(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201", "202")
		defer h.end()
		h.sys.Follow([]string{"202"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		var got []string
		go func() {
			done <- h.sys.Watch(ctx, func(l telephony.Line) {
				got = append(got, words(l))
				time.Sleep(20 * time.Second)
			})
		}()
		time.Sleep(time.Second) // "idle" is being told
		h.server.Call("201", "202")
		time.Sleep(time.Second)
		h.server.Stop(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(got) != 1 {
			t.Errorf("told was %q", got)
		}
		cancel()
		<-done
	})
}
