package sipserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// exchange is a telephone system that asks where calls go.
func (p *phone) invite(uri string, headers ...string) *sip.Response {
	p.t.Helper()
	id := newTag()
	r := p.send("INVITE", uri, "<sip:0301234@provider.example>;tag=1", "<"+uri+">", id, 1, headers...)
	// The answer is acknowledged, as it must be, and that is all.
	b, _ := r.Via().Params.Get("branch")
	p.write("ACK", uri, b, "<sip:0301234@provider.example>;tag=1", r.To().Value(), id, 1)
	return r
}

func TestWhereCallsGo(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: Ring, Contacts: []Contact{{"sip:201@pbx.example", 0.3}, {"sip:anna@soft.example:5070;transport=tcp", 1}, {"tel:+491701234", 0.12345}}}
	o.targets["ben"] = Target{Kind: DoNotDisturb}
	o.targets["carla"] = Target{Kind: Forward, Contacts: []Contact{{"sip:0170555@pbx.example", 1}}, Reason: "away"}
	o.people["204"], o.people["205"], o.people["206"], o.people["207"] = "dora", "emil", "frida", "gustav"
	o.targets["dora"] = Target{Kind: Ring}
	o.targets["emil"] = Target{}
	o.targets["gustav"] = Target{Kind: Forward, Contacts: []Contact{{"javascript:alert(1)", 1}, {"sip:x@y>,<sip:z", 1}}}
	s := begin(t, o, nil, nil)
	for _, network := range []string{"udp", "tcp", "tls"} {
		p := connect(t, s, network, "")
		for _, x := range []struct {
			uri      string
			code     int
			contacts []string
			diverted string
		}{
			{"sip:201@office.example", 302, []string{"<sip:anna@soft.example:5070;transport=tcp>;q=1", "<sip:201@pbx.example>;q=0.3", "<tel:+491701234>;q=0.123"}, ""},
			{"sip:%32%301;phone-context=x@office.example;user=phone", 302, []string{"<sip:anna@soft.example:5070;transport=tcp>;q=1", "<sip:201@pbx.example>;q=0.3", "<tel:+491701234>;q=0.123"}, ""},
			{"tel:2-0-1;phone-context=x", 302, []string{"<sip:anna@soft.example:5070;transport=tcp>;q=1", "<sip:201@pbx.example>;q=0.3", "<tel:+491701234>;q=0.123"}, ""},
			{"sip:202@office.example", 486, nil, ""},
			{"sip:203@office.example:5060", 302, []string{"<sip:0170555@pbx.example>;q=1"}, "<sip:203@office.example:5060>;reason=away;counter=1"},
			{"sip:204@office.example", 480, nil, ""}, // nowhere to ring
			{"sip:205@office.example", 404, nil, ""},
			{"sip:206@office.example", 480, nil, ""}, // it cannot be told
			{"sip:207@office.example", 480, nil, ""}, // not an address
			{"sip:299@office.example", 404, nil, ""},
			{"sip:office.example", 404, nil, ""},
		} {
			r := p.invite(x.uri)
			if got := values(r, "Contact", "m"); r.StatusCode != x.code || !slices.Equal(got, x.contacts) {
				t.Errorf("%s: %s gets %d to %q, want %d to %q", network, x.uri, r.StatusCode, got, x.code, x.contacts)
			}
			if d := header(r, "Diversion", ""); d != x.diverted {
				t.Errorf("%s: %s is diverted by %q, want %q", network, x.uri, d, x.diverted)
			}
			if tag(r.To().Params) == "" {
				t.Errorf("%s: the answer has no tag", x.uri)
			}
		}
	}
	wait(t, "the counters", func() bool {
		st := s.Stats()
		return st.Redirected == 3*4 && st.NotDisturbed == 3 && st.Unreachable == 3*6
	})
}

// The same request gets the same answer, though nothing is kept of it.
func TestACallThatIsSentTwice(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: Ring, Contacts: []Contact{{"sip:201@pbx.example", 1}}}
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "")
	var first string
	for range 3 {
		p.write("INVITE", "sip:201@office.example", "z9hG4bKsame", "<sip:1@x>;tag=1", "<sip:201@office.example>", "same", 1)
		r := p.await("z9hG4bKsame", 1).String()
		if first == "" {
			first = r
		}
		if r != first {
			t.Errorf("it is answered with\n%s\nand with\n%s", first, r)
		}
	}
	wait(t, "nothing to be kept", func() bool {
		s.trans.mu.Lock()
		defer s.trans.mu.Unlock()
		s.calls.mu.Lock()
		defer s.calls.mu.Unlock()
		return len(s.trans.server)+len(s.calls.under) == 0
	})
}

func TestCallsThatGoInCircles(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: Forward, Contacts: []Contact{{"sip:202@office.example", 1}}}
	o.targets["ben"] = Target{Kind: Forward, Contacts: []Contact{{"sip:201@office.example", 1}}}
	o.targets["carla"] = Target{Kind: Ring, Contacts: []Contact{{"sip:203@office.example", 1}, {"sip:203@pbx.example", 1}}}
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "")
	for _, x := range []struct {
		why     string
		uri     string
		headers []string
		code    int
	}{
		{"a call to Anna goes to Ben", "sip:201@office.example", nil, 302},
		{"who is forwarded to Anna", "sip:202@office.example", []string{"Diversion: <sip:201@office.example>;reason=unconditional"}, 482},
		{"who is forwarded to Anna, and the call tells where it was as RFC 7044 has it", "sip:202@office.example",
			[]string{`History-Info: "Anna, B." <sip:201@office.example?Reason=SIP%3Bcause%3D302>;index=1, <sip:202@office.example>;index=1.1;mp=1`}, 482},
		{"the call was here before", "sip:201@office.example", []string{"Diversion: <sip:300@pbx.example>, <sip:201@office.example>"}, 482},
		{"nobody is sent back to where they called", "sip:203@office.example", nil, 302},
		{"the desk was tried before", "sip:203@office.example", []string{"History-Info: <sip:203@pbx.example>;index=1, <sip:203@office.example>;index=1.1"}, 302},
		{"too many hops", "sip:201@office.example", []string{"Max-Forwards: 0"}, 483},
		{"hops that are none", "sip:201@office.example", []string{"Max-Forwards: many"}, 400},
		{"sent on too often", "sip:201@office.example", []string{"Diversion: " + strings.Repeat("<sip:1@x>,", 11) + "<sip:2@x>"}, 482},
	} {
		r := p.invite(x.uri, x.headers...)
		if r.StatusCode != x.code {
			t.Errorf("%s: %d, want %d", x.why, r.StatusCode, x.code)
		}
		for _, c := range values(r, "Contact", "m") {
			if strings.Contains(c, x.uri+">") {
				t.Errorf("%s: it is sent back to %s", x.why, c)
			}
		}
	}
	if got := s.Stats().Loops; got != 5 {
		t.Errorf("%d loops are counted, want 5", got)
	}
}

func TestWhatACallHasBeenThroughIsKept(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: Forward, Contacts: []Contact{{"sip:0170@pbx.example", 1}}}
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "")
	for _, x := range []struct {
		name    string
		headers []string
		history []string
		contact string
		divert  []string
	}{
		{"nobody speaks of it", nil, nil, "<sip:0170@pbx.example>;q=1", []string{"<sip:201@office.example>;reason=unconditional;counter=1"}},
		{"it is the first", []string{"Supported: 100rel, histinfo"}, []string{"<sip:201@office.example?Reason=SIP%3Bcause%3D302>;index=1"},
			"<sip:0170@pbx.example>;q=1;mp=1", []string{"<sip:201@office.example>;reason=unconditional;counter=1"}},
		{"others were before", []string{"History-Info: <sip:77@pbx.example>;index=1", "History-Info: <sip:201@office.example>;index=1.1;mp=1", "Diversion: <sip:77@pbx.example>;reason=no-answer"},
			[]string{"<sip:77@pbx.example>;index=1", "<sip:201@office.example?Reason=SIP%3Bcause%3D302>;index=1.1"}, "<sip:0170@pbx.example>;q=1;mp=1.1",
			[]string{"<sip:201@office.example>;reason=unconditional;counter=1", "<sip:77@pbx.example>;reason=no-answer"}},
		{"it did not say that it goes here", []string{"History-Info: <sip:77@pbx.example>;index=1"},
			[]string{"<sip:77@pbx.example>;index=1", "<sip:201@office.example?Reason=SIP%3Bcause%3D302>;index=1.1"}, "<sip:0170@pbx.example>;q=1;mp=1.1",
			[]string{"<sip:201@office.example>;reason=unconditional;counter=1"}},
	} {
		r := p.invite("sip:201@office.example", x.headers...)
		if got := values(r, "History-Info", ""); !slices.Equal(got, x.history) {
			t.Errorf("%s: History-Info is\n%q, want\n%q", x.name, got, x.history)
		}
		if got := values(r, "Diversion", ""); !slices.Equal(got, x.divert) {
			t.Errorf("%s: Diversion is\n%q, want\n%q", x.name, got, x.divert)
		}
		if got := header(r, "Contact", "m"); got != x.contact {
			t.Errorf("%s: Contact is %q, want %q", x.name, got, x.contact)
		}
	}
}

func TestWhoIsInside(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: DoNotDisturb}
	s := begin(t, o, func(c *Config) { c.Internal = []string{"3xx", "9*"} }, nil)
	p := connect(t, s, "udp", "")
	for _, x := range []struct {
		from, asserted string
		inside         bool
	}{
		{"sip:301@pbx", "", true}, {"sip:3011@pbx", "", false}, {"sip:30@pbx", "", false}, {"sip:9@pbx", "", true}, {"sip:98765@pbx", "", true},
		{"sip:+49301@provider", "", false}, {"sip:anonymous@anonymous.invalid", "", false},
		{"sip:202@pbx", "", true}, // Ben
		{"sip:anonymous@anonymous.invalid", `"Ben, B." <sip:202@pbx>, <tel:+4930>`, true},
		{"sip:301@pbx", "<sip:+49171@provider>", false}, // what is asserted is what counts
	} {
		var h []string
		if x.asserted != "" {
			h = append(h, "P-Asserted-Identity: "+x.asserted)
		}
		p.send("INVITE", "sip:201@office.example", "<"+x.from+">;tag=1", "<sip:201@office.example>", newTag(), 1, h...)
		o.mu.Lock()
		if v := o.viewer["anna"]; v != "" {
			t.Errorf("%s: a telephone system asks as %q", x.from, v)
		}
		if o.inside["anna"] != x.inside {
			t.Errorf("%s %s: inside is %v, want %v", x.from, x.asserted, o.inside["anna"], x.inside)
		}
		o.mu.Unlock()
	}
}

// Of strangers a password is asked before they learn anything.
func TestStrangersSignInBeforeTheyCall(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: DoNotDisturb}
	s := begin(t, o, func(c *Config) { c.Trusted = []string{"192.0.2.0/24"} }, nil)
	p := connect(t, s, "udp", "desk2")
	const from = "<sip:desk2@office.example>;tag=1"
	for _, user := range []string{"201", "299"} {
		uri := "sip:" + user + "@office.example"
		r := p.send("INVITE", uri, from, "<"+uri+">", newTag(), 1)
		if r.StatusCode != 401 {
			t.Fatalf("a stranger gets %d", r.StatusCode)
		}
		if r = p.send("INVITE", uri, from, "<"+uri+">", newTag(), 2, p.authorize(r, "INVITE", uri, "wrong")); r.StatusCode != 401 {
			t.Errorf("with a wrong password there is %d", r.StatusCode)
		}
		want := map[string]int{"201": 486, "299": 404}[user]
		if r = p.send("INVITE", uri, from, "<"+uri+">", newTag(), 2, p.authorize(r, "INVITE", uri, password)); r.StatusCode != want {
			t.Errorf("signed in, %s gets %d, want %d", user, r.StatusCode, want)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.viewer["anna"] != "ben" {
		t.Errorf("who asks is %q, want ben, whose telephone signed in", o.viewer["anna"])
	}
	if !o.inside["anna"] {
		t.Error("who signed in is not inside")
	}
}

func TestACallIsCancelledWhileItIsLookedUp(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: Ring, Contacts: []Contact{{"sip:201@pbx.example", 1}}}
	o.hold = make(chan struct{})
	s := begin(t, o, nil, func(x *timing) { x.trying = 10 * time.Millisecond })
	p := connect(t, s, "udp", "")
	const uri = "sip:201@office.example"
	p.write("INVITE", uri, "z9hG4bKc1", "<sip:1@x>;tag=1", "<"+uri+">", "c1", 1)
	select {
	case r := <-p.responses:
		if r.StatusCode != 100 {
			t.Fatalf("first there is %d, want 100", r.StatusCode)
		}
	case <-time.After(patience):
		t.Fatal("it is not said that it is tried")
	}
	p.write("INVITE", uri, "z9hG4bKc1", "<sip:1@x>;tag=1", "<"+uri+">", "c1", 1) // once more: it is not looked up twice
	p.write("CANCEL", uri, "z9hG4bKc1", "<sip:1@x>;tag=1", "<"+uri+">", "c1", 1)
	codes := map[string]int{}
	for len(codes) < 2 {
		select {
		case r := <-p.responses:
			if !r.IsProvisional() {
				codes[string(r.CSeq().MethodName)] = r.StatusCode
			}
		case <-time.After(patience):
			t.Fatalf("only %v", codes)
		}
	}
	if fmt.Sprint(codes) != "map[CANCEL:200 INVITE:487]" {
		t.Errorf("it is answered with %v", codes)
	}
	if r := p.send("CANCEL", uri, "<sip:1@x>;tag=1", "<"+uri+">", "c2", 1); r.StatusCode != 481 {
		t.Errorf("cancelling nothing gets %d, want 481", r.StatusCode)
	}
}

// A look-up that takes too long is not waited for.
func TestALookUpThatTakesTooLong(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.targets["anna"] = Target{Kind: Ring}
	o.hold = make(chan struct{})
	s := begin(t, o, nil, func(x *timing) { x.lookup = 50 * time.Millisecond })
	if r := connect(t, s, "tcp", "").invite("sip:201@office.example"); r.StatusCode != 480 {
		t.Errorf("it gets %d, want 480", r.StatusCode)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 1: "1", 0.5: "0.5", 0.1234: "0.123", 7: "1", -1: "0", 0.9999: "1"} {
		if got := q(v); got != want {
			t.Errorf("q(%v) is %s, want %s", v, got, want)
		}
	}
}
