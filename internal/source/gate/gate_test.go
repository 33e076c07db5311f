package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A story is what happens to a gate, each line with the time since its beginning:
//
//	fail bert        Bert's mailbox failed; "fail 3" is about three mailboxes that nobody heard of before
//	succeed          somebody's did not
//	stop 30s         the system wants to be left alone for so long; "stop" does not say how long
//	silent, answers  what comes of a probe from now on
//	ask              whether one may: "open", "probed" if the caller found out before, or "closed 30s why". A wait with a ~
//	                 before it is up to a fifth less by chance
//	look             the same of somebody who cannot probe
var stories = map[string]string{
	"the wish of the system is obeyed to the second": `
		0s      ask      open
		0s      stop 30s
		0s      ask      closed 30s stop
		29.999s ask      closed 1ms stop
		30s     ask      open`,
	"a wait that is not said is longer each time, until somebody succeeds": `
		0s      stop
		0s      ask      closed ~1s stop
		1s      ask      open
		1s      stop
		1s      ask      closed ~2s stop
		3s      stop
		3s      ask      closed ~4s stop
		7s      succeed
		7s      stop
		7s      ask      closed ~1s stop`,
	"what was under way when it closed is one failure": `
		0s      stop
		0s      stop
		0s      stop
		0s      ask      closed ~1s stop
		1s      stop
		1s      ask      closed ~2s stop`,
	"a wish that comes later is obeyed if it is for longer": `
		0s      stop 10s
		1s      stop 5s
		1s      ask      closed 9s stop
		2s      stop 1m
		2s      ask      closed 1m stop`,
	"one who succeeds while it is closed does not open it": `
		0s      stop 30s
		1s      succeed
		1s      ask      closed 29s stop`,
	"two mailboxes that fail say nothing about the system, however often": `
		0s      fail anna
		0s      fail bert
		1s      fail anna
		1s      fail bert
		1s      ask      open
		1s      look     open`,
	"after three somebody finds out, and the system answers": `
		0s      fail 3
		0s      look     closed 1s silent
		0s      ask      probed
		0s      ask      open`,
	"a success between makes it begin anew": `
		0s      fail 2
		0s      succeed
		0s      fail 2
		0s      ask      open
		0s      fail 1
		0s      succeed
		0s      ask      open`,
	"a silent system is tried again after longer and longer": `
		0s      silent
		0s      fail 3
		0s      ask      closed ~1s probe
		1s      look     closed 1s probe
		1s      ask      closed ~2s probe
		3s      ask      closed ~4s probe
		7s      answers
		7s      ask      probed
		7s      ask      open
		7s      succeed
		7s      silent
		7s      fail 3
		7s      ask      closed ~1s probe`,
	"the wait has an end": `
		0s      silent
		0s      fail 3
		0s      ask      closed ~1s probe
		1m      ask      closed ~2s probe
		2m      ask      closed ~4s probe
		3m      ask      closed ~8s probe
		4m      ask      closed ~16s probe
		5m      ask      closed ~32s probe
		6m      ask      closed ~1m probe
		8m      ask      closed ~1m probe`,
	"it answers, but twenty mailboxes fail": `
		0s      fail 3
		0s      ask      probed
		0s      fail 16
		0s      ask      probed
		0s      fail 1
		0s      ask      closed ~1s failing
		1s      ask      probed
		1s      fail 2
		1s      ask      open
		1s      fail 18
		1s      ask      closed ~1s failing`,
	"twenty that were under way are no more than those before": `
		0s      fail 20
		0s      fail 20
		0s      fail 20
		0s      ask      closed ~1s failing`,
	"failures do not cut the wish of the system short": `
		0s      fail 19
		0s      stop 1h
		0s      fail 1
		0s      ask      closed 1h stop
		30m     ask      closed 30m stop`,
	"who fails while it is closed gives nobody reason to probe": `
		0s      stop 30s
		0s      fail 3
		0s      look     closed 30s stop
		30s     ask      open`,
	"a mailbox works before anybody found out": `
		0s      silent
		0s      fail 3
		0s      succeed
		0s      ask      open`,
}

func TestStories(t *testing.T) {
	t.Parallel()
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				silent, probes, unheard := false, 0, 0
				g := New(Config{Backoff: Backoff{Most: time.Minute}, Silent: "silent", Failing: "failing", Probe: func(context.Context) *source.Error {
					if probes++; silent {
						return &source.Error{Kind: source.Unavailable, Text: "probe"}
					}
					return nil
				}})
				begun := time.Now()
				for line := range strings.Lines(strings.TrimSpace(story)) {
					words := strings.Fields(line)
					time.Sleep(duration(t, words[0]) - time.Since(begun))
					probes = 0
					switch what := words[1]; what {
					case "fail":
						n := 0
						if _, err := fmt.Sscan(words[2], &n); err != nil {
							g.Failed(words[2])
						}
						for range n {
							unheard++
							g.Failed(fmt.Sprint("somebody ", unheard))
						}
					case "succeed":
						g.Succeeded()
					case "stop":
						wait := time.Duration(0)
						if len(words) > 2 {
							wait = duration(t, words[2])
						}
						told := g.Stop(wait, &source.Error{Kind: source.Unavailable, Text: "stop"})
						if shut := g.Shut(); shut == nil || *shut.(*source.Error) != *told {
							t.Errorf("%s: who closed it is told %+v, others %+v", line, told, shut)
						}
					case "silent", "answers":
						silent = what == "silent"
					case "ask":
						err := g.Admit(t.Context())
						if err == nil && probes > 0 {
							compare(t, line, "probed", words[2:])
						} else {
							compare(t, line, outcome(err), words[2:])
						}
					case "look":
						compare(t, line, outcome(g.Shut()), words[2:])
					default:
						t.Fatalf("what is %q?", what)
					}
				}
			})
		})
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// outcome says in the words of a story what somebody is told.
func outcome(err error) string {
	e, ok := errors.AsType[*source.Error](err)
	switch {
	case err == nil:
		return "open"
	case !ok || e.Kind != source.Unavailable || !e.Whole:
		return fmt.Sprintf("told %+v, which is not about the system", err)
	}
	return fmt.Sprint("closed ", e.RetryAfter, " ", e.Text)
}

func compare(t *testing.T, line, got string, want []string) {
	t.Helper()
	words := strings.Fields(got)
	same := len(words) == len(want)
	for i := 0; same && i < len(want); i++ {
		if about, chance := strings.CutPrefix(want[i], "~"); chance {
			most, d := duration(t, about), duration(t, words[i])
			same = d <= most && d >= most*4/5
		} else if most, err := time.ParseDuration(want[i]); err == nil {
			same = most == duration(t, words[i])
		} else {
			same = words[i] == want[i]
		}
	}
	if !same {
		t.Errorf("%s: %s", strings.TrimSpace(line), got)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name string
		b    Backoff
		want []time.Duration // at most, after each failure
	}{
		{"what is not said", Backoff{}, []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}},
		{"an end before it doubles", Backoff{First: 2 * time.Second, Most: time.Second}, []time.Duration{1, 1}},
		{"an end between", Backoff{First: 2 * time.Second, Most: 7 * time.Second}, []time.Duration{2, 4, 7, 7}},
	} {
		for step, want := range append(one.want, one.want[len(one.want)-1]) {
			if step == len(one.want) {
				step = 1 << 30
			}
			different := map[time.Duration]bool{}
			for range 50 {
				got := one.b.After(step)
				if different[got] = true; got > want*time.Second || got < want*time.Second*4/5 {
					t.Errorf("%s: after failure %d: %v, want up to %ds", one.name, step, got, want)
				}
			}
			if len(different) < 2 {
				t.Errorf("%s: after failure %d everybody waits equally long", one.name, step)
			}
		}
	}
}

// TestOneProbes while hundreds ask: they are told at once.
func TestOneProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		g := New(Config{Silent: "silent", Probe: func(context.Context) *source.Error {
			probes++
			time.Sleep(20 * time.Second)
			return nil
		}})
		for i := range ProbeAfter {
			g.Failed(fmt.Sprint(i))
		}
		begun := time.Now()
		found := make(chan error)
		go func() { found <- g.Admit(t.Context()) }()
		synctest.Wait()
		for range 500 {
			if got := outcome(g.Admit(t.Context())); got != "closed 1s silent" {
				t.Fatal(got)
			}
		}
		if time.Since(begun) != 0 {
			t.Error("they waited")
		}
		if err := <-found; err != nil || probes != 1 {
			t.Errorf("the probe: %v, after %d", err, probes)
		}
		if got := outcome(g.Admit(t.Context())); got != "open" {
			t.Error(got)
		}
	})
}

// TestAProbeThatIsGivenUp says nothing about the system: the next one finds out.
func TestAProbeThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		patient := true
		g := New(Config{Probe: func(ctx context.Context) *source.Error {
			if patient {
				return nil
			}
			<-ctx.Done()
			return &source.Error{Kind: source.Unavailable, Text: "probe"}
		}})
		for i := range ProbeAfter {
			g.Failed(fmt.Sprint(i))
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("went home"))
		defer cancel()
		patient = false
		if err := g.Admit(ctx); err == nil || err.(*source.Error).Whole || err.(*source.Error).Err.Error() != "went home" {
			t.Errorf("who went home is told %+v", err)
		}
		patient = true
		if err := g.Admit(t.Context()); err != nil {
			t.Errorf("the next one is told %v", err)
		}
	})
}

// TestAProbeDoesNotCutAWaitShort: while it is under way somebody is asked to wait for an hour.
func TestAProbeDoesNotCutAWaitShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Probe: func(context.Context) *source.Error {
			time.Sleep(time.Minute)
			return &source.Error{Kind: source.Unavailable, Text: "probe"}
		}})
		for i := range ProbeAfter {
			g.Failed(fmt.Sprint(i))
		}
		found := make(chan error)
		go func() { found <- g.Admit(t.Context()) }()
		synctest.Wait()
		g.Stop(time.Hour, &source.Error{Kind: source.Unavailable, Text: "stop"})
		for _, err := range []error{<-found, g.Admit(t.Context())} {
			if got := outcome(err); got != "closed 59m0s stop" {
				t.Error(got)
			}
		}
	})
}

// TestNothingToProbeWith: silence is no reason to close then, but one mailbox after the other is.
func TestNothingToProbeWith(t *testing.T) {
	t.Parallel()
	g := New(Config{Failing: "failing"})
	for i := range CloseAfter {
		if err := g.Admit(t.Context()); err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
		g.Failed(fmt.Sprint(i))
	}
	if got := outcome(g.Admit(t.Context())); !strings.HasSuffix(got, " failing") {
		t.Error(got)
	}
}

// TestWhatIsToldIsOnesOwn: who changes it changes it for nobody else.
func TestWhatIsToldIsOnesOwn(t *testing.T) {
	t.Parallel()
	g, b, why := New(Config{}), NewBox("anna", 1), &source.Error{Kind: source.Unavailable, Text: "as it was"}
	told := []*source.Error{why, g.Stop(time.Hour, why), g.Shut().(*source.Error), b.Pause(Backoff{}, time.Hour, why, false), b.Shut().(*source.Error)}
	for _, e := range told {
		e.Text = "changed"
	}
	for _, err := range []error{g.Shut(), b.Shut()} {
		if e := err.(*source.Error); e.Text != "as it was" {
			t.Errorf("told %q", e.Text)
		}
	}
}

// TestTurns: how many ask at a time, of those in doubt and of the others, with different limits.
func TestTurns(t *testing.T) {
	t.Parallel()
	for _, one := range []struct{ limit, ready, doubtful int }{
		{1, 1, 1}, {2, 1, 1}, {5, 4, 1}, {10, 8, 2}, {100, 80, 20}, {0, 300, 300},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := New(Config{Limit: one.limit, Crowded: source.Error{Text: "crowded", Whole: true}})
			for _, doubtful := range []bool{false, true} {
				want := one.ready
				if doubtful {
					want = one.doubtful
				}
				begun, came, wrong := time.Now(), 0, 0
				var leaves []func()
				ask := func() {
					leave, err := g.Enter(t.Context(), doubtful)
					if err == nil {
						leaves = append(leaves, leave)
						came++
						return
					}
					e := err.(*source.Error)
					if e.Text != "crowded" || e.Kind != source.Unavailable || e.Whole == doubtful || e.RetryAfter != 10*time.Second || time.Since(begun) != 10*time.Second {
						wrong++
					}
				}
				for range want {
					ask()
				}
				if one.limit > 0 {
					ask()
				}
				if came != want || wrong > 0 {
					t.Errorf("limit %d, doubtful %v: %d had a turn, want %d; %d were told something else", one.limit, doubtful, came, want, wrong)
				}
				for _, leave := range leaves {
					leave()
				}
			}
		})
	}
}

// TestALimitOfOne is one for all, in doubt or not.
func TestALimitOfOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Limit: 1})
		leave, err := g.Enter(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		if _, err := g.Enter(t.Context(), true); err == nil {
			t.Error("two ask at a time")
		}
	})
}

// TestATurnIsWaitedFor: one who leaves lets the next in. Those in doubt hold up none but each other.
func TestATurnIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Limit: 10})
		for range 2 {
			go func() {
				leave, err := g.Enter(t.Context(), true)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(5 * time.Second)
				leave()
			}()
		}
		synctest.Wait()
		begun := time.Now()
		leave, err := g.Enter(t.Context(), false)
		if err != nil || time.Since(begun) != 0 {
			t.Errorf("who is not in doubt: %v after %v", err, time.Since(begun))
		}
		leave()
		leave, err = g.Enter(t.Context(), true)
		if err != nil || time.Since(begun) != 5*time.Second {
			t.Errorf("the third in doubt: %v after %v", err, time.Since(begun))
		}
		leave()
	})
}

// TestTheGateClosesWhileOneWaits for a turn: it is not asked for then.
func TestTheGateClosesWhileOneWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Limit: 1})
		leave, err := g.Enter(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		told := make(chan error)
		go func() {
			_, err := g.Enter(t.Context(), false)
			told <- err
		}()
		synctest.Wait()
		g.Stop(time.Minute, &source.Error{Kind: source.Unavailable, Text: "stop"})
		leave()
		if got := outcome(<-told); got != "closed 1m0s stop" {
			t.Error(got)
		}
		time.Sleep(time.Minute)
		if leave, err = g.Enter(t.Context(), false); err != nil {
			t.Errorf("the turn was not given back: %v", err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("went home"))
		if _, err := g.Enter(ctx, false); err == nil || err.(*source.Error).Whole || !strings.Contains(err.Error(), "went home") {
			t.Errorf("who went home is told %v", err)
		}
		leave()
	})
}

// TestGatesSideBySide: one kind of question is asked too often, the other is not.
func TestGatesSideBySide(t *testing.T) {
	t.Parallel()
	reading, writing := New(Config{Limit: 5}), New(Config{Limit: 2})
	writing.Stop(time.Minute, &source.Error{Kind: source.Unavailable, Text: "stop"})
	if leave, err := reading.Enter(t.Context(), false); err != nil {
		t.Error(err)
	} else {
		leave()
	}
	if _, err := writing.Enter(t.Context(), false); err == nil {
		t.Error("the one that is asked too often lets somebody in")
	}
}
