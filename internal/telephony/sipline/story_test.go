package sipline

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/sipline/siplinetest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	pbxAt = netip.MustParseAddrPort("192.0.2.1:5060")
	ourAt = netip.MustParseAddr("192.0.2.77")
)

// office is a telephone system in memory, and a System that watches it.
type office struct {
	t      testing.TB
	net    *siplinetest.Net
	pbx    *siplinetest.PBX
	system *System
	log    *lines

	mu   sync.Mutex // guards what follows
	told map[string][]telling

	stop  context.CancelCauseFunc
	ended chan error
}

// telling is what was told of a line, and when.
type telling struct {
	at    time.Time
	calls []telephony.Call
}

// lines collects what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var errOver = errors.New("the story is over")

// open opens an office, within a bubble of synctest. Without a change to Config, it is the plainest.
func open(t testing.TB, c siplinetest.Config, change func(*Config)) *office {
	t.Helper()
	o := &office{t: t, net: &siplinetest.Net{}, told: map[string][]telling{}, log: &lines{}, ended: make(chan error, 1)}
	var err error
	if len(c.Lines) == 0 {
		c.Lines = []string{"201", "202", "203"}
	}
	if o.pbx, err = siplinetest.New(c); err != nil {
		t.Fatal(err)
	}
	if err = o.pbx.Serve(o.net, pbxAt); err != nil {
		t.Fatal(err)
	}
	config := Config{Server: pbxAt.String(), Domain: siplinetest.Domain, Username: "doorlight", Password: c.Password, ListenPacket: o.net.Towards(ourAt),
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&config)
	}
	if o.system, err = New(config); err != nil {
		t.Fatal(err)
	}
	o.system.Follow(c.Lines)
	return o
}

// watch begins to watch.
func (o *office) watch() *office {
	ctx, stop := context.WithCancelCause(context.Background())
	o.stop = stop
	go func() {
		o.ended <- o.system.Watch(ctx, func(l telephony.Line) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.told[l.Line] = append(o.told[l.Line], telling{time.Now(), l.Calls})
		})
	}()
	return o
}

// over ends the story: watching ends, and nobody complains.
func (o *office) over() {
	o.t.Helper()
	if o.stop != nil {
		o.stop(errOver)
		if err := <-o.ended; !errors.Is(err, errOver) {
			o.t.Errorf("Watch ends with %v, want the cause", err)
		}
	}
	o.pbx.Close()
	for _, c := range o.pbx.Complaints() {
		o.t.Errorf("the telephone system complains: %s", c)
	}
	time.Sleep(2 * time.Minute) // timers of transactions
	synctest.Wait()
}

// shown is what a line shows to those who believe what was told for as long as it lasts; "?" if nobody knows.
func (o *office) shown(line string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.told[line]
	if len(all) == 0 || time.Since(all[len(all)-1].at) > telephony.Lasts {
		return "?"
	}
	return show(all[len(all)-1].calls)
}

func show(calls []telephony.Call) string {
	if len(calls) == 0 {
		return "idle"
	}
	var parts []string
	for _, c := range calls {
		s := fmt.Sprintf("%s:%v", c.ID, c.State)
		if c.Other != "" {
			s += fmt.Sprintf("(%v %s)", c.Reach, c.Other)
		}
		if c.Held {
			s += "/held"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

// expect waits until everything that is under way is done, and says what a line should show then.
func (o *office) expect(line, want string) {
	o.t.Helper()
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
	if got := o.shown(line); got != want {
		o.t.Errorf("%s shows %q, want %q", line, got, want)
	}
}

// troubled checks that the system tells why it is not heard.
func (o *office) troubled(want string) {
	o.t.Helper()
	now, err := o.system.Heard()
	e, _ := errors.AsType[*source.Error](err)
	if now != (want == "") || (e == nil) != now || e != nil && (!strings.HasPrefix(e.Text, want) || !e.Whole) {
		o.t.Errorf("it is heard: %v, its trouble is %+v, want %q", now, e, want)
	}
}

// last is when a line was told of last.
func (o *office) last(line string) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if all := o.told[line]; len(all) > 0 {
		return all[len(all)-1].at
	}
	return time.Time{}
}

// truth is what a line should show.
func truth(c *Config, dialogs []siplinetest.Dialog) string {
	var calls []telephony.Call
	for _, d := range dialogs {
		if hidden[d.Other] {
			d.Other = ""
		}
		x := telephony.Call{ID: d.ID, Other: d.Other, Held: d.Held && d.State == "confirmed", Reach: c.reach(d.Other)}
		switch {
		case d.State == "confirmed", d.State != "terminated" && !d.Incoming:
			x.State = presence.LineOnThePhone
		case d.State != "terminated":
			x.State = presence.LineRinging
		default:
			continue
		}
		calls = append(calls, x)
	}
	slices.SortFunc(calls, func(a, b telephony.Call) int { return cmp.Compare(a.ID, b.ID) })
	return show(calls)
}

func TestACall(t *testing.T) {
	t.Parallel()
	for _, partial := range []bool{false, true} {
		for _, proxy := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				o := open(t, siplinetest.Config{Partial: partial, Proxy: proxy, Username: "doorlight", Password: "secret"}, nil).watch()
				defer o.over()
				time.Sleep(time.Second)
				o.expect("201", "idle")
				o.pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "early", Other: "202", Name: "Bob"})
				o.pbx.Set("202", siplinetest.Dialog{ID: "a", State: "early", Other: "201"})
				o.expect("201", "a:ringing(internal 202)")
				o.expect("202", "a:on_the_phone(internal 201)")
				o.pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "confirmed", Other: "202"})
				o.expect("201", "a:on_the_phone(internal 202)")
				o.pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "confirmed", Other: "202", Held: true},
					siplinetest.Dialog{ID: "b", Incoming: true, State: "early", Other: "+4930123456"})
				o.expect("201", "a:on_the_phone(internal 202)/held b:ringing(external +4930123456)")
				time.Sleep(30 * time.Minute)
				o.expect("201", "a:on_the_phone(internal 202)/held b:ringing(external +4930123456)")
				o.pbx.Set("201", siplinetest.Dialog{ID: "b", Incoming: true, State: "confirmed", Other: "anonymous", Name: "Anonymous"})
				o.expect("201", "b:on_the_phone")
				o.pbx.Set("201")
				o.expect("201", "idle")
				time.Sleep(time.Hour)
				o.expect("203", "idle")
				if n := o.pbx.Subscribed(""); n != 3 {
					t.Errorf("%d subscriptions, want one for each line", n)
				}
				if log := o.log.String(); strings.Contains(log, "4930123456") || strings.Contains(log, "secret") {
					t.Errorf("the log has a caller's number, or the password:\n%s", log)
				}
			})
		}
	}
}

// TestAgainWithinHalfOfIt looks at each telling for three hours: none comes later than half of what they last.
func TestAgainWithinHalfOfIt(t *testing.T) {
	t.Parallel()
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t, siplinetest.Config{Deaf: deaf}, nil).watch()
			defer o.over()
			o.pbx.Set("202", siplinetest.Dialog{ID: "a", State: "confirmed", Other: "201"})
			time.Sleep(3 * time.Hour)
			synctest.Wait()
			o.mu.Lock()
			defer o.mu.Unlock()
			for line, all := range o.told {
				for i := 1; i < len(all); i++ {
					if d := all[i].at.Sub(all[i-1].at); d > telephony.Lasts/2 {
						t.Errorf("deaf %v: %s was told again after %v", deaf, line, d)
					}
				}
				if d := time.Since(all[len(all)-1].at); d > telephony.Lasts/2 || len(all) < 100 {
					t.Errorf("deaf %v: %s was told %d times, last before %v", deaf, line, len(all), d)
				}
			}
		})
	}
}

// TestSilence cuts the network while somebody is on the phone: nothing is told any more, and what is true is told when it is back.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{}, nil).watch()
		defer o.over()
		time.Sleep(time.Second)
		o.pbx.Set("201", siplinetest.Dialog{ID: "a", State: "confirmed", Other: "202"})
		time.Sleep(100 * time.Second)
		o.troubled("")
		cut := time.Now()
		o.net.Cut(true)
		o.pbx.Set("201")
		time.Sleep(telephony.Lasts)
		for _, line := range []string{"201", "202", "203"} {
			if last := o.last(line); last.After(cut) {
				t.Errorf("%s was told of %v after the system fell silent", line, last.Sub(cut))
			}
		}
		time.Sleep(time.Hour)
		if got := o.shown("201"); got != "?" {
			t.Errorf("201 shows %q", got)
		}
		o.troubled("192.0.2.1 is silent: no answer came within 8s.")
		o.net.Cut(false)
		time.Sleep(90 * time.Second)
		o.troubled("")
		for _, line := range []string{"201", "202", "203"} {
			o.expect(line, "idle")
		}
		if log := o.log.String(); !strings.Contains(log, "out of reach") || !strings.Contains(log, "answers again") {
			t.Errorf("the log says:\n%s", log)
		}
	})
}

// TestRestart has the system forget everything, without anybody noticing that it was away.
func TestRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{Username: "doorlight", Password: "x"}, nil).watch()
		defer o.over()
		time.Sleep(time.Second)
		o.pbx.Set("201", siplinetest.Dialog{ID: "a", State: "confirmed", Other: "202"})
		time.Sleep(5 * time.Minute)
		o.pbx.Restart()
		time.Sleep(80 * time.Second) // 201 asks for itself, and is told 481; then all others ask
		for _, line := range []string{"201", "202", "203"} {
			o.expect(line, "idle")
			if n := o.pbx.Subscribed(line); n != 1 {
				t.Errorf("%s has %d subscriptions after the restart", line, n)
			}
		}
		o.pbx.Set("203", siplinetest.Dialog{ID: "b", Incoming: true, State: "early", Other: "201"})
		o.expect("203", "b:ringing(internal 201)")
	})
}

// TestCountsAnew has the system remember the subscriptions, but not its own numbers.
func TestCountsAnew(t *testing.T) {
	t.Parallel()
	for _, partial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t, siplinetest.Config{Partial: partial}, nil).watch()
			defer o.over()
			time.Sleep(time.Second)
			for i := range 20 {
				o.pbx.Set("201", siplinetest.Dialog{ID: fmt.Sprint(i), State: "confirmed", Other: "202"})
				time.Sleep(time.Second)
			}
			o.pbx.CountAnew()
			o.pbx.Set("201")
			time.Sleep(90 * time.Second)
			o.expect("201", "idle")
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, partial := range []bool{false, true} {
		for _, fault := range []siplinetest.Fault{siplinetest.Lost, siplinetest.Late, siplinetest.Twice} {
			synctest.Test(t, func(t *testing.T) {
				o := open(t, siplinetest.Config{Partial: partial}, nil).watch()
				defer o.over()
				time.Sleep(time.Second)
				o.pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "early", Other: "202"})
				o.expect("201", "a:ringing(internal 202)")
				once := []siplinetest.Fault{fault}
				o.pbx.Faults(func() siplinetest.Fault {
					if len(once) == 0 {
						return siplinetest.Fine
					}
					f := once[0]
					once = once[1:]
					return f
				})
				o.pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "confirmed", Other: "202"})
				o.pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "confirmed", Other: "202"}, siplinetest.Dialog{ID: "b", Incoming: true, State: "early", Other: "203"})
				time.Sleep(4 * time.Second)
				o.expect("201", "a:on_the_phone(internal 202) b:ringing(internal 203)")
				once = []siplinetest.Fault{fault}
				o.pbx.Set("201")
				time.Sleep(80 * time.Second) // as it had calls, it asks
				o.expect("201", "idle")
			})
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	type refusal struct {
		code   int
		fields map[string]string
		again  time.Duration // when it is asked again, about
		log    string
	}
	for _, c := range []refusal{
		{403, nil, stopped, "does not allow it"},
		{404, nil, stopped, "does not know it"},
		{489, nil, stopped, "no dialog events"},
		{481, nil, 2 * backoff, ""}, // the second time
		{500, nil, backoff, ""},
		{500, map[string]string{"Retry-After": "120"}, 2 * time.Minute, "500"},
		{503, map[string]string{"Retry-After": "300 (maintenance)"}, 5 * time.Minute, "503"},
		{480, nil, backoff, ""},
		{999, nil, backoff, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t, siplinetest.Config{}, nil)
			defer o.over()
			refused := true
			var at []time.Time
			var mu sync.Mutex
			o.pbx.Answers(func(line string, _ bool) *siplinetest.Answer {
				mu.Lock()
				defer mu.Unlock()
				if line != "202" || !refused {
					return nil
				}
				at = append(at, time.Now())
				return &siplinetest.Answer{Code: c.code, Fields: c.fields}
			})
			o.watch()
			time.Sleep(2 * c.again)
			mu.Lock()
			refused = false
			first := slices.Clone(at)
			mu.Unlock()
			if len(first) < 2 {
				t.Fatalf("%d: asked %d times within %v", c.code, len(first), 2*c.again)
			}
			i := 0
			if c.code == 481 {
				i = 1 // at once, the first time
			}
			if d := first[i+1].Sub(first[i]); d < c.again*8/10-time.Millisecond || d > c.again*12/10+time.Second {
				t.Errorf("%d: asked again after %v, want about %v", c.code, d, c.again)
			}
			if c.log != "" && !strings.Contains(o.log.String(), c.log) {
				t.Errorf("%d: the log does not say %q:\n%s", c.code, c.log, o.log)
			}
			time.Sleep(max(2*c.again, time.Minute))
			o.expect("202", "idle")
			o.expect("201", "idle") // nobody else minds
			o.expect("203", "idle")
		})
	}
}

// TestWholeSystemWaits has one line told that the service is unavailable: none asks before the time is over.
func TestWholeSystemWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{}, func(c *Config) { c.Rate = 1 })
		defer o.over()
		var mu sync.Mutex
		var first time.Time
		o.pbx.Answers(func(string, bool) *siplinetest.Answer {
			mu.Lock()
			defer mu.Unlock()
			if first.IsZero() {
				first = time.Now()
				return &siplinetest.Answer{Code: 503, Fields: map[string]string{"Retry-After": "600"}}
			}
			return nil
		})
		o.watch()
		time.Sleep(20 * time.Minute)
		at, _ := o.pbx.Arrived()
		early := 0
		for _, a := range at {
			if a.Sub(first) < 600*time.Second-2*time.Second && a.Sub(first) > 3*time.Second {
				early++
			}
		}
		if early > 0 {
			t.Errorf("%d requests came although the system wanted to be left alone", early)
		}
		for _, line := range []string{"201", "202", "203"} {
			o.expect(line, "idle")
		}
	})
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprint(1000+i))
		}
		o := open(t, siplinetest.Config{Lines: all, Username: "doorlight", Password: "right"}, func(c *Config) { c.Password = "wrong" }).watch()
		defer o.over()
		time.Sleep(time.Hour)
		o.troubled("192.0.2.1 does not accept the account.")
		if at, asked := o.pbx.Arrived(); len(at) != 0 || asked > 60 {
			t.Errorf("a wrong password was tried %d times within an hour, and accepted %d times", asked, len(at))
		}
		if !strings.Contains(o.log.String(), "account is not accepted") {
			t.Errorf("the log does not say so:\n%s", o.log)
		}
	})
}

func TestEndings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		retry  int
		after  time.Duration // until it is subscribed again
	}{
		{"deactivated", 0, 0}, {"timeout", 0, 0}, {"", 0, 0}, {"moved-house", 0, 0}, {"probation", 90, 90 * time.Second}, {"giveup", 60, time.Minute},
		{"giveup", 0, backoff}, {"rejected", 0, stopped}, {"noresource", 0, stopped},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t, siplinetest.Config{}, nil).watch()
			defer o.over()
			time.Sleep(2 * time.Minute)
			o.pbx.End("201", c.reason, c.retry)
			if c.after > time.Second {
				time.Sleep(c.after * 7 / 10)
				synctest.Wait()
				if n := o.pbx.Subscribed("201"); n != 0 {
					t.Errorf("%s: subscribed again too early", c.reason)
				}
			}
			time.Sleep(c.after*6/10 + time.Second)
			o.expect("201", "idle")
			if n := o.pbx.Subscribed("201"); n != 1 {
				t.Errorf("%s: %d subscriptions %v after the end", c.reason, n, c.after*13/10)
			}
		})
	}
}

func TestLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // 423, and renewals between half and four fifths
		o := open(t, siplinetest.Config{Lines: []string{"201"}, Least: 30 * time.Minute}, nil).watch()
		defer o.over()
		time.Sleep(5 * time.Hour)
		at, _ := o.pbx.Arrived()
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < 15*time.Minute-time.Second || d > 24*time.Minute+time.Second {
				t.Errorf("renewed after %v of 30 minutes", d)
			}
		}
		if len(at) < 10 {
			t.Errorf("%d SUBSCRIBEs in five hours", len(at))
		}
	})
	synctest.Test(t, func(t *testing.T) { // the system grants less than was asked for
		o := open(t, siplinetest.Config{Lines: []string{"201"}, Most: time.Minute}, nil).watch()
		defer o.over()
		time.Sleep(time.Hour)
		o.expect("201", "idle")
		at, _ := o.pbx.Arrived()
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < 29*time.Second || d > 49*time.Second {
				t.Errorf("renewed after %v of a minute", d)
			}
		}
		if n := o.pbx.Subscribed("201"); n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// TestManyLines starts with thousands of lines: they come at the rate that was set, and renewals do not come together either.
func TestManyLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []string
		for i := range many {
			all = append(all, fmt.Sprint(10000+i))
		}
		o := open(t, siplinetest.Config{Lines: all, Username: "doorlight", Password: "x"}, func(c *Config) { c.Rate = 50 }).watch()
		defer o.over()
		time.Sleep(many/50*time.Second + 5*time.Second)
		for _, l := range all {
			if got := o.shown(l); got != "idle" {
				t.Fatalf("%s shows %q", l, got)
			}
		}
		time.Sleep(15 * time.Minute)
		at, asked := o.pbx.Arrived()
		for i := range at {
			if i >= 60 && at[i].Sub(at[i-60]) < time.Second {
				t.Fatalf("60 requests within %v", at[i].Sub(at[i-60]))
			}
		}
		if asked > len(at)/4 {
			t.Errorf("%d of %d requests had to be asked for the account", asked, len(at))
		}
	})
}

func TestFollowedNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{}, nil).watch()
		defer o.over()
		time.Sleep(time.Second)
		o.system.Follow([]string{"202", "sip:203@" + siplinetest.Domain, "no number at all"})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := o.pbx.Subscribed("201"); n != 0 {
			t.Errorf("201 is followed no longer, but has %d subscriptions", n)
		}
		if n := o.pbx.Subscribed("203"); n != 1 {
			t.Errorf("203 has %d subscriptions under its new name", n)
		}
		o.pbx.Set("203", siplinetest.Dialog{ID: "a", State: "confirmed", Other: "201"})
		o.expect("sip:203@"+siplinetest.Domain, "a:on_the_phone(internal 201)")
		before := o.last("201")
		time.Sleep(time.Hour)
		if o.last("201") != before {
			t.Error("201 is still told of")
		}
		o.system.Follow(nil)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := o.pbx.Subscribed(""); n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
}

// TestTheEnd ends watching: the system is told so, and watching again is possible.
func TestTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{Username: "doorlight", Password: "x"}, nil).watch()
		time.Sleep(time.Second)
		if err := o.system.Watch(t.Context(), func(telephony.Line) {}); err == nil {
			t.Error("it is watched twice")
		}
		o.stop(errOver)
		if err := <-o.ended; !errors.Is(err, errOver) {
			t.Errorf("Watch ends with %v", err)
		}
		synctest.Wait()
		if n := o.pbx.Subscribed(""); n != 0 {
			t.Errorf("%d subscriptions are left at the end", n)
		}
		o.watch()
		time.Sleep(time.Second)
		o.expect("201", "idle")
		o.over()
	})
}

// TestBehindNAT has an address between that hides ours: NOTIFYs come to where the system sees us.
func TestBehindNAT(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{}, nil)
		defer o.over()
		outside := netip.MustParseAddr("198.51.100.9")
		o.net.Hide(ourAt, outside)
		o.watch()
		time.Sleep(time.Second)
		o.expect("201", "idle")
		for _, c := range o.pbx.Contacts("201") {
			if !strings.Contains(c, outside.String()) {
				t.Errorf("the Contact is %s", c)
			}
		}
	})
}

// TestFromElsewhere has somebody send NOTIFYs who knows nothing of the subscriptions, or not enough.
func TestFromElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{}, nil).watch()
		defer o.over()
		time.Sleep(time.Second)
		o.pbx.Set("201", siplinetest.Dialog{ID: "a", State: "confirmed", Other: "202"})
		o.expect("201", "a:on_the_phone(internal 202)")
		body := siplinetest.Document(siplinetest.Strict, 99, true, "sip:201@"+siplinetest.Domain, "201", nil)
		idle := func(r *sip.Request) {
			r.AppendHeader(sip.NewHeader("Content-Type", documentType))
			r.SetBody(body)
		}
		for what, c := range map[string]struct {
			code   int
			change func(*sip.Request)
		}{
			"Call-ID": {481, func(r *sip.Request) { id := sip.CallIDHeader("x"); r.ReplaceHeader(&id) }},
			"our tag": {481, func(r *sip.Request) { r.To().Params.Add("tag", "x") }},
			"its tag": {481, func(r *sip.Request) { r.From().Params.Add("tag", "x") }},
			"event":   {489, func(r *sip.Request) { r.ReplaceHeader(sip.NewHeader("Event", "presence")) }},
			"id":      {489, func(r *sip.Request) { r.ReplaceHeader(sip.NewHeader("Event", "dialog;id=7")) }},
		} {
			codes := o.pbx.Raw("201", func(r *sip.Request) { idle(r); c.change(r) })
			if len(codes) != 1 || codes[0] != c.code {
				t.Errorf("a NOTIFY with another %s is answered with %d, want %d", what, codes, c.code)
			}
			o.expect("201", "a:on_the_phone(internal 202)")
		}
		if codes := o.pbx.Raw("201", idle); len(codes) != 1 || codes[0] != 200 {
			t.Errorf("the right one is answered with %d", codes)
		}
		o.expect("201", "idle")
	})
}

// TestUnreadable has a document come that is none: the line is not told of until there is one.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for what, body := range map[string]string{
		"no XML": "<dialog-info", "something else": "<presence/>", "a bad state": `<dialog-info state="full" version="1"><dialog id="a"><state>singing</state></dialog></dialog-info>`,
		"too much": "<dialog-info state='full' version='1'>" + strings.Repeat("<dialog id='a'><state>early</state></dialog>", 65) + "</dialog-info>",
	} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t, siplinetest.Config{}, nil).watch()
			defer o.over()
			time.Sleep(time.Second)
			o.pbx.Set("201", siplinetest.Dialog{ID: "a", State: "confirmed", Other: "202"})
			o.expect("201", "a:on_the_phone(internal 202)")
			o.pbx.Raw("201", func(r *sip.Request) {
				r.AppendHeader(sip.NewHeader("Content-Type", documentType))
				r.SetBody([]byte(body))
			})
			time.Sleep(10 * time.Second)
			o.expect("201", "a:on_the_phone(internal 202)")
			if n := o.pbx.Subscribed("201"); n != 1 {
				t.Errorf("%s: %d subscriptions", what, n)
			}
		})
	}
}

// TestAsterisk has one dialog stand for all of a line, and the other party told only while it rings.
func TestAsterisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, siplinetest.Config{Style: siplinetest.Asterisk}, nil).watch()
		defer o.over()
		time.Sleep(time.Second)
		o.expect("201", "idle")
		a := siplinetest.Dialog{ID: "a", Incoming: true, State: "early", Other: "202", Name: "Alice"}
		o.pbx.Set("201", a)
		o.expect("201", "201:ringing(internal 202)")
		a.State = "confirmed"
		o.pbx.Set("201", a)
		o.expect("201", "201:on_the_phone(internal 202)")
		o.pbx.Set("201", a, siplinetest.Dialog{ID: "b", Incoming: true, State: "early", Other: "0301234567"})
		o.expect("201", "201:ringing(external 0301234567)")
		o.pbx.Set("201", a)
		o.expect("201", "201:on_the_phone(internal 202)")
		a.Held = true
		o.pbx.Set("201", a)
		o.expect("201", "201:on_the_phone(internal 202)/held")
		o.pbx.Set("201")
		o.expect("201", "idle")
	})
}
