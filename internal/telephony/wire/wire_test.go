package wire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Numbers are taken out of what is around them.
func TestClean(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"201": "201", " 201 ": "201", "+49 (0)30 1234-201": "+49301234201", "0049 (0) 30/1234": "0049301234", "(030) 1234": "0301234", "*97": "*97", "##1": "##1",
		"N<302118840101>;displayNumber=302118840101;noa=nk":                                    "302118840101",
		"N<7868772298>Line71001;displayNumber=7868772298;uid=FF00010000000000EC6114647E570000": "7868772298",
		"N<+17867100001>Line00001;displayNumber=00001":                                         "+17867100001",
		"tel:73124;phone-context=dialstring":                                                   "73124",
		"tel:+49-30-1234":                                                                      "+49301234",
		"sip:201@pbx.example.com":                                                              "201",
		"SIPS:+4930@pbx;user=phone":                                                            "+4930",
		`"Anna" <sip:201@pbx>`:                                                                 "201",
		"sip:anna@example.com":                                                                 "anna@example.com",
		"<unknown>":                                                                            "",
		"Anonymous":                                                                            "",
		"anna":                                                                                 "anna",
		"":                                                                                     "",
		"+":                                                                                    "+",
		"N<":                                                                                   "N<",
	} {
		if got := Clean(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// What is inside is known by patterns, by prefixes and by what the system knows.
func TestReach(t *testing.T) {
	t.Parallel()
	var f fault.Fields
	NewNumbers([]string{"+49 30 1234", "x"}, []string{"2XX", "7.", "+4989X", "", "a", ".", "XX."}, &f)
	var bad []string
	for _, x := range f {
		bad = append(bad, x.Path)
	}
	if !slices.Equal(bad, []string{"prefixes.1", "internal.3", "internal.4", "internal.5"}) {
		t.Errorf("%v", f)
	}
	f = nil
	n := NewNumbers([]string{"+49 30 1234"}, []string{"2XX", "7.", "+4989X"}, &f)
	known := func(e string) bool { return e == "901" }
	for number, want := range map[string]presence.Reach{"201": presence.Internal, "2011": presence.External, "7": presence.Internal, "71234": presence.Internal, "+49895": presence.Internal,
		"+498955": presence.External, "+49301234201": presence.Internal, "+493012345": presence.External, "901": presence.Internal, "*97": presence.Internal, "": presence.ReachUnknown, "anna": presence.ReachUnknown} {
		if got := n.Reach(number, known); got != want {
			t.Errorf("%q: %v, want %v", number, got, want)
		}
	}
	if got := (Numbers{}).Reach("0301234", nil); got != presence.ReachUnknown {
		t.Errorf("with nothing known it is %v", got)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for host, good := range map[string]bool{"pbx": true, "pbx.example.com": true, "10.0.0.5": true, "fd00::1": true, "": false, "pbx:1040": false, "http://pbx": false, "a b": false, "[::1]": false, "[pbx": false, "pbx;x": false, "pbx(1)": false, "büro.example.com": true} {
		if got := HostTrouble(host) == ""; got != good {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// A listener hears the latest of each line, in order; the same again only after a while; and nothing of what was forgotten.
func TestTeller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var teller Teller
		var got []string
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		say := func(line string, other string) {
			teller.Say(telephony.Line{Line: line, Calls: []telephony.Call{{ID: "1", Other: other}}})
		}
		say("201", "a") // before anybody listens
		go func() {
			teller.Run(ctx, func(l telephony.Line) {
				got = append(got, fmt.Sprint(l.Line, "=", l.Calls[0].Other))
				time.Sleep(time.Second)
			})
			close(done)
		}()
		synctest.Wait()
		say("201", "a")
		say("202", "b")
		say("202", "c")
		say("203", "d")
		say("204", "e")
		teller.Forget(func(line string) bool { return line != "203" && line != "204" })
		say("204", "f")
		time.Sleep(10 * time.Second)
		say("201", "a")
		time.Sleep(30 * time.Second)
		say("201", "a")
		time.Sleep(10 * time.Second)
		cancel()
		<-done
		if want := "201=a 202=c 204=f 201=a"; strings.Join(got, " ") != want {
			t.Errorf("told was %q, want %q", got, want)
		}
	})
}
