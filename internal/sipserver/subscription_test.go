package sipserver

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/presence"
)

func TestALampFollowsPresence(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "tls"} {
		for _, sha := range []bool{false, true} {
			t.Run(fmt.Sprint(network, "/sha256=", sha), func(t *testing.T) {
				t.Parallel()
				o := newTown()
				s := begin(t, o, nil, nil)
				p := connect(t, s, network, "desk1")
				p.sha = sha
				d := p.subscribe("sip:202@office.example", "presence", 600, 200, "Accept: application/pidf+xml")
				n := d.hear()
				if !strings.Contains(n.body, "<basic>open</basic>") || !strings.Contains(n.body, `entity="sip:202@office.example"`) {
					t.Errorf("first it says\n%s", n.body)
				}
				if !strings.HasPrefix(n.state, "active;expires=") {
					t.Errorf("its state is %q", n.state)
				}
				if e := header(n.req, "Event", ""); e != "presence" {
					t.Errorf("its event is %q", e)
				}
				o.set("ben", View{Status: presence.DoNotDisturb, Text: "Exam & <more>"})
				n = d.hear()
				for _, want := range []string{"<basic>closed</basic>", "<rpid:busy/>", "Exam &amp; &lt;more&gt;", "Do not disturb"} {
					if !strings.Contains(n.body, want) {
						t.Errorf("it does not say %q:\n%s", want, n.body)
					}
				}
				if seq := n.req.CSeq().SeqNo; seq != 2 {
					t.Errorf("its CSeq is %d, want 2", seq)
				}
				// What looks the same is not told.
				o.change("ben", func() {})
				d.silent()
				// The end of it comes with the last state.
				if r := d.send(0); r.StatusCode != 200 {
					t.Fatalf("unsubscribing is answered with %d", r.StatusCode)
				}
				n = d.hear()
				if n.state != "terminated;reason=timeout" || !strings.Contains(n.body, "Exam") {
					t.Errorf("at last it says %q\n%s", n.state, n.body)
				}
				wait(t, "the subscription to be forgotten", func() bool { return s.Stats().Subscriptions == 0 && len(o.watched()) == 0 })
				o.set("ben", View{Status: presence.Busy})
				d.silent()
				if r := d.send(600); r.StatusCode != 481 {
					t.Errorf("a subscription that is over is renewed with %d, want 481", r.StatusCode)
				}
			})
		}
	}
}

func TestADialogLampShowsTheLine(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	d := connect(t, s, "udp", "desk1").subscribe("sip:202@127.0.0.1:5060", "dialog;id=7", 600, 200, "Accept: application/dialog-info+xml")
	version := 0
	for _, step := range []struct {
		line presence.Line
		want []string
		not  string
	}{
		{presence.Line{}, []string{`<dialog id="line"><state>terminated</state></dialog>`}, "<local>"},
		{presence.Line{State: presence.LineRinging, Other: "+49 30 1234"}, []string{`direction="recipient"><state>early</state>`, `<remote><identity display="+49 30 1234">sip:+49301234@`}, ""},
		{presence.Line{State: presence.LineOnThePhone}, []string{`<state>confirmed</state>`, `<target uri="sip:202@127.0.0.1:5060"/>`}, "<remote>"},
		{presence.Line{}, []string{`<state>terminated</state>`}, ""},
	} {
		if version > 0 {
			o.set("ben", View{Status: presence.Available, Line: step.line, LineKnown: true})
		}
		n := d.hear()
		for _, want := range append(step.want, fmt.Sprintf(`version="%d" state="full" entity="sip:202@127.0.0.1:5060"`, version)) {
			if !strings.Contains(n.body, want) {
				t.Errorf("of %v it does not say %q:\n%s", step.line.State, want, n.body)
			}
		}
		if step.not != "" && strings.Contains(n.body, step.not) {
			t.Errorf("of %v it says %q:\n%s", step.line.State, step.not, n.body)
		}
		if e := header(n.req, "Event", ""); e != "dialog;id=7" {
			t.Errorf("its event is %q", e)
		}
		version++
	}
	// A line that may not be seen is idle, and its changes are not told.
	o.set("ben", View{Status: presence.Available, Line: presence.Line{State: presence.LineRinging, Other: "secret"}})
	d.silent()
}

func TestALampMayShowWhoIsBusy(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, func(c *Config) { c.LampForBusy = true }, nil)
	d := connect(t, s, "udp", "desk1").subscribe("sip:202@office.example", "dialog", 600, 200)
	d.hears("terminated")
	o.set("ben", View{Status: presence.Busy})
	d.hears("confirmed")
	o.set("ben", View{Status: presence.BeRightBack})
	d.hears("terminated")
}

// Whoever is blocked cannot tell that from there being nobody: not at the beginning, not when it happens.
func TestWhoIsBlockedLooksLikeNobody(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"presence", "dialog"} {
		o := newTown()
		s := begin(t, o, nil, nil)
		o.change("carla", func() { o.blocked[[2]string{"anna", "carla"}] = true })
		p := connect(t, s, "udp", "desk1")
		hidden := p.subscribe("sip:203@office.example", event, 600, 200)
		hears := hidden.hear()
		nobody := p.subscribe("sip:299@office.example", event, 600, 200)
		same := nobody.hear()
		if a, b := strings.ReplaceAll(hears.body, "sip:203@", "sip:299@"), same.body; a != b {
			t.Errorf("%s: of somebody who blocks it says\n%s\nof nobody\n%s", event, a, b)
		}
		if a, b := len(hidden.first.Headers()), len(nobody.first.Headers()); a != b {
			t.Errorf("%s: the answers differ:\n%s\n%s", event, hidden.first, nobody.first)
		}
		for _, st := range []presence.Status{presence.Busy, presence.Available} {
			o.set("carla", View{Status: st, LineKnown: true, Line: presence.Line{State: presence.LineRinging}})
			hidden.silent()
		}
		// Who is blocked from now on goes away, as people do; nothing ends.
		d := p.subscribe("sip:202@office.example", event, 600, 200)
		d.hear()
		o.set("ben", View{Status: presence.Available, LineKnown: true, Line: presence.Line{State: presence.LineOnThePhone}})
		d.hear()
		o.change("ben", func() { o.blocked[[2]string{"anna", "ben"}] = true })
		n := d.hear()
		if !strings.HasPrefix(n.state, "active") || strings.Contains(n.body, "open") || strings.Contains(n.body, "confirmed") {
			t.Errorf("%s: once blocked it says %q\n%s", event, n.state, n.body)
		}
		o.change("ben", func() { delete(o.blocked, [2]string{"anna", "ben"}) })
		if n := d.hear(); !strings.Contains(n.body, "open") && !strings.Contains(n.body, "confirmed") {
			t.Errorf("%s: once not blocked any more it says\n%s", event, n.body)
		}
		for _, x := range []*dialog{hidden, nobody, d} {
			x.send(0)
		}
	}
}

func TestWhoSwitchedPresenceOffHasNone(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	d := connect(t, s, "udp", "desk1").subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	o.set("ben", View{Off: true, Status: presence.Available, Text: "old"})
	if n := d.hear(); strings.Contains(n.body, "<tuple") || strings.Contains(n.body, "old") {
		t.Errorf("it says\n%s", n.body)
	}
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.lists["team"] = []string{"201", "202"}
	s := begin(t, o, func(c *Config) {
		c.MinExpires = time.Minute
		c.MostPerAccount = 1
		c.Domains = []string{"office.example"}
	}, nil)
	p := connect(t, s, "udp", "desk1")
	for _, x := range []struct {
		uri, event string
		expires    int
		headers    []string
		code       int
		header     string
	}{
		{"sip:202@office.example", "message-summary", 600, nil, 489, "Allow-Events"},
		{"sip:202@office.example", "presence", 5, nil, 423, "Min-Expires"},
		{"sip:202@office.example", "presence", 600, []string{"Accept: application/xpidf+xml"}, 406, "Accept"},
		{"sip:202@elsewhere.example", "presence", 600, nil, 404, ""},
		{"sip:team@office.example", "presence", 600, nil, 421, "Require"},
		{"sip:202@office.example", "presence", 600, []string{"Require: teleport"}, 420, "Unsupported"},
		{"http://office.example/", "presence", 600, nil, 416, ""},
	} {
		d := p.subscribe(x.uri, x.event, x.expires, x.code, x.headers...)
		if d.to != "" || x.header != "" && header(d.answer, x.header, "") == "" {
			t.Errorf("%s %s: the refusal has no %s", x.uri, x.event, x.header)
		}
	}
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	if r := p.subscribe("sip:203@office.example", "presence", 600, 503); r.to != "" {
		t.Error("one too many was taken")
	}
	if st := s.Stats(); st.Subscriptions != 1 {
		t.Errorf("there are %d subscriptions, want 1", st.Subscriptions)
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "desk1")
	const uri = "sip:202@office.example"
	from := "<sip:desk1@office.example>;tag=1"
	common := []string{"Event: presence", "Contact: " + p.contact, "Expires: 600"}
	with := func(auth string) []string { return append(slices.Clone(common), auth) }
	ask := func(auth string) int {
		t.Helper()
		return p.send("SUBSCRIBE", uri, from, "<"+uri+">", newTag(), 1, with(auth)...).StatusCode
	}
	r := p.send("SUBSCRIBE", uri, from, "<"+uri+">", newTag(), 1, common...)
	if v := values(r, "WWW-Authenticate", ""); r.StatusCode != 401 || len(v) != 2 || !strings.Contains(v[0], "SHA-256") || !strings.Contains(v[1], "MD5") {
		t.Fatalf("it asks for a password so:\n%s", r)
	}
	if code := ask(p.authorize(r, "SUBSCRIBE", uri, "wrong")); code != 401 {
		t.Errorf("a wrong password gets %d", code)
	}
	if code := ask(p.sign("REGISTER", uri, password)); code != 401 {
		t.Errorf("what was signed for another method gets %d", code)
	}
	good := p.sign("SUBSCRIBE", uri, password)
	if code := ask(good); code != 200 {
		t.Fatalf("the right password gets %d", code)
	}
	// Heard by somebody, it is good for nothing: the answer says that another nonce is needed, and not that the password is wrong.
	r = p.send("SUBSCRIBE", uri, from, "<"+uri+">", newTag(), 1, with(good)...)
	if v := header(r, "WWW-Authenticate", ""); r.StatusCode != 401 || !strings.Contains(v, "stale=true") {
		t.Errorf("what was used already gets\n%s", r)
	}
	// For another address it is good for nothing either.
	if r := p.send("SUBSCRIBE", "sip:203@office.example", from, "<sip:203@office.example>", newTag(), 1, with(p.sign("SUBSCRIBE", uri, password))...); r.StatusCode != 401 {
		t.Errorf("what was signed for another address gets %d", r.StatusCode)
	}
	p.user = "nobody"
	if code := ask(p.sign("SUBSCRIBE", uri, password)); code != 401 {
		t.Errorf("an account that there is not gets %d", code)
	}
	// A nonce of another server, or of this one before it was restarted.
	p.user = "desk1"
	other := newAuthority(realm, []string{"MD5"}, time.Hour)
	p.nonce, p.nc = other.nonce(time.Now()), 0
	r = p.send("SUBSCRIBE", uri, from, "<"+uri+">", newTag(), 1, with(p.sign("SUBSCRIBE", uri, password))...)
	if v := header(r, "WWW-Authenticate", ""); r.StatusCode != 401 || !strings.Contains(v, "stale=true") {
		t.Errorf("a nonce from before a restart gets\n%s", r)
	}
	// Guessing comes to an end.
	for range 30 {
		p.nonce = other.nonce(time.Now())
		ask(p.sign("SUBSCRIBE", uri, "guess"))
	}
	if code := ask(p.sign("SUBSCRIBE", uri, password)); code != 503 {
		t.Errorf("after many guesses there is %d, want 503", code)
	}
}

func TestNoncesGrowOld(t *testing.T) {
	t.Parallel()
	a := newAuthority(realm, []string{"MD5"}, time.Minute)
	now := time.Now()
	n := a.nonce(now)
	if !a.use(n, now, 1, 11, now) || !a.use(n, now, 3, 13, now) || !a.use(n, now, 2, 12, now) {
		t.Error("counts that come out of order are refused")
	}
	if !a.use(n, now, 3, 13, now) {
		t.Error("the same request, sent twice, is refused")
	}
	if a.use(n, now, 3, 99, now) {
		t.Error("a count is good for two requests")
	}
	if !a.use(n, now, 100, 14, now) || a.use(n, now, 4, 15, now) {
		t.Error("a count from long ago is good")
	}
	a.sweep(now.Add(2 * time.Minute))
	if len(a.used) != 0 {
		t.Error("a nonce that is void is kept")
	}
}

func TestARequestThatIsSentTwiceIsAnsweredTwice(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "desk1")
	const uri = "sip:202@office.example"
	from, id := "<sip:desk1@office.example>;tag=1", newTag()
	common := []string{"Event: presence", "Contact: " + p.contact, "Expires: 600"}
	r := p.send("SUBSCRIBE", uri, from, "<"+uri+">", id, 1, common...)
	common = append(common, p.authorize(r, "SUBSCRIBE", uri, password))
	for range 3 {
		p.write("SUBSCRIBE", uri, "z9hG4bKtwice", from, "<"+uri+">", id, 2, common...)
	}
	tags := map[string]bool{}
	for range 3 {
		r := p.await("z9hG4bKtwice", 2)
		if r.StatusCode != 200 {
			t.Fatalf("it is answered with %d", r.StatusCode)
		}
		tags[tag(r.To().Params)] = true
		if len(tags) == 1 && s.Stats().Subscriptions == 1 {
			p.write("SUBSCRIBE", uri, "z9hG4bKtwice", from, "<"+uri+">", id, 2, common...)
		}
	}
	if len(tags) != 1 || s.Stats().Subscriptions != 1 {
		t.Errorf("one request made %d subscriptions with tags %v", s.Stats().Subscriptions, tags)
	}
}

func TestSubscriptionsGoOnWhileTheyAreRenewed(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, func(x *timing) { x.sweep = 20 * time.Millisecond })
	p := connect(t, s, "udp", "desk1")
	d := p.subscribe("sip:202@office.example", "dialog", 600, 200)
	d.hear()
	if r := d.send(600); r.StatusCode != 200 {
		t.Fatalf("renewing is answered with %d", r.StatusCode)
	}
	if n := d.hear(); !strings.Contains(n.body, `version="1"`) || !strings.HasPrefix(n.state, "active") {
		t.Errorf("renewed, it says %q\n%s", n.state, n.body)
	}
	// An old request does nothing.
	d.cseq = 0
	if r := d.send(0); r.StatusCode != 500 {
		t.Errorf("an old request is answered with %d, want 500", r.StatusCode)
	}
	d.cseq = 10
	// A telephone of somebody else cannot end it.
	q := connect(t, s, "udp", "desk2")
	e := *d
	e.p = q
	if r := e.send(0); r.StatusCode != 403 {
		t.Errorf("somebody else's request is answered with %d, want 403", r.StatusCode)
	}
	d.cseq = 20
	if r := d.send(1); r.StatusCode != 200 || header(r, "Expires", "") != "1" {
		t.Fatalf("it is answered with %d for %s s", r.StatusCode, header(r, "Expires", ""))
	}
	d.hear()
	if n := d.hear(); n.state != "terminated;reason=timeout" {
		t.Errorf("when it was not renewed it says %q", n.state)
	}
	wait(t, "it to be forgotten", func() bool { return s.Stats().Subscriptions == 0 })
	if s.Stats().Lapsed != 1 {
		t.Errorf("%d lapsed, want 1", s.Stats().Lapsed)
	}
}

func TestAStateMayBeFetchedOnce(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	d := connect(t, s, "udp", "desk1").subscribe("sip:203@office.example", "presence", 0, 200)
	if n := d.hear(); n.state != "terminated;reason=timeout" || !strings.Contains(n.body, "<rpid:busy/>") {
		t.Errorf("it says %q\n%s", n.state, n.body)
	}
	wait(t, "it to be forgotten", func() bool { return s.Stats().Subscriptions == 0 })
}

func TestAfterARestartTelephonesStartOver(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "desk1")
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	d.to = newTag() // of a dialog that this server does not know
	p.nonce = ""
	if r := d.send(600); r.StatusCode != 481 {
		t.Errorf("it is renewed with %d, want 481", r.StatusCode)
	}
	d.to = ""
	if r := d.send(600); r.StatusCode != 200 {
		t.Errorf("begun anew it is answered with %d", r.StatusCode)
	}
}

func TestAtTheEndTelephonesAreToldToComeBack(t *testing.T) {
	t.Parallel()
	var d *dialog
	t.Run("", func(t *testing.T) { // the server ends before the telephone
		s := begin(t, newTown(), nil, nil)
		d = &dialog{}
		p := connect(t, s, "udp", "desk1")
		d = p.subscribe("sip:202@office.example", "presence", 600, 200)
		d.hear()
		s.farewell()
		if n := d.hear(); !strings.HasPrefix(n.state, "terminated;reason=probation;retry-after=") || n.body != "" {
			t.Errorf("it says %q\n%s", n.state, n.body)
		}
	})
}

func TestSlowTelephonesAreNotGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, func(x *timing) {
		x.again, x.slow, x.patience = 50*time.Millisecond, 50*time.Millisecond, 300*time.Millisecond
	})
	p := connect(t, s, "udp", "desk1")
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	// It refuses once, then is silent once; then it hears what it missed.
	for i, code := range []int{408, 0} {
		p.answerWith(code)
		o.set("ben", View{Status: presence.Busy, Text: fmt.Sprint("attempt ", i)})
		d.hears(fmt.Sprint("attempt ", i))
		p.answerWith(200)
		d.hears(fmt.Sprint("attempt ", i))
		wait(t, "the answer", func() bool { st := s.Stats(); return st.UnderWay == 0 && st.Notified == int64(2+i) })
	}
	if s.Stats().Subscriptions != 1 {
		t.Error("the subscription was given up")
	}
	// While one is under way, what changes waits; the newest follows, and nothing in between.
	p.answerWith(0)
	o.set("ben", View{Status: presence.Busy, Text: "first"})
	d.hears("first")
	o.set("ben", View{Status: presence.Busy, Text: "second"})
	o.set("ben", View{Status: presence.Busy, Text: "third"})
	p.answerWith(200)
	for {
		n := d.hear()
		if strings.Contains(n.body, "second") {
			t.Error("it was told of what was over already")
		}
		if strings.Contains(n.body, "third") {
			break
		}
	}
	// Whoever does not answer at all is given up in the end.
	p.answerWith(0)
	o.set("ben", View{Status: presence.Busy, Text: "last"})
	wait(t, "it to be given up", func() bool { return s.Stats().Subscriptions == 0 })
}

func TestATelephoneThatKnowsNothingIsNotToldAgain(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "desk1")
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	p.answerWith(481)
	o.set("ben", View{Status: presence.Busy})
	d.hears("busy")
	wait(t, "it to be forgotten", func() bool { return s.Stats().Subscriptions == 0 })
	if s.Stats().Ended != 1 {
		t.Errorf("%d ended, want 1", s.Stats().Ended)
	}
}

// A telephone whose connection broke is told when it comes back with another one.
func TestABrokenConnection(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		o := newTown()
		s := begin(t, o, nil, nil)
		p := connect(t, s, network, "desk1")
		d := p.subscribe("sip:202@office.example", "presence", 600, 200)
		d.hear()
		p.conn.Close()
		wait(t, "the end of the connection", func() bool { return s.Stats().Connections == 0 })
		o.set("ben", View{Status: presence.Busy})
		o.set("ben", View{Status: presence.Busy, Text: "missed"})
		p.dial()
		if r := d.send(600); r.StatusCode != 200 {
			t.Fatalf("it is renewed with %d", r.StatusCode)
		}
		d.hears("missed")
		o.set("ben", View{Status: presence.Busy, Text: "and more"})
		d.hears("and more")
		d.send(0)
	}
}

// One that listens where it says is called, if that is where it was.
func TestATelephoneThatClosesItsConnectionsIsCalled(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "tcp", "desk1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.contact = "<sip:desk1@" + l.Addr().String() + ";transport=tcp>"
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	e := p.subscribe("sip:202@office.example", "dialog", 600, 200)
	e.hear()
	p.conn.Close()
	wait(t, "the end of the connection", func() bool { return s.Stats().Connections == 0 })
	o.set("ben", View{Status: presence.Busy, Text: "called", LineKnown: true, Line: presence.Line{State: presence.LineRinging}})
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { defer close(over); p.read(conn) }()
	said := map[string]bool{}
	for len(said) < 2 { // in either order
		select {
		case n := <-p.notes:
			said[n.req.CallID().Value()] = strings.Contains(n.body, "called") || strings.Contains(n.body, "early")
		case <-time.After(patience):
			t.Fatalf("only %v", said)
		}
	}
	if !said[d.callID] || !said[e.callID] || s.Stats().Connections != 1 {
		t.Errorf("%v by %d connections", said, s.Stats().Connections)
	}
	o.set("ben", View{Status: presence.Busy, Text: "by the same connection"})
	d.hears("by the same connection")
	conn.Close()
	<-over
}

// A telephone that starts again and again leaves subscriptions behind. They do not keep it from subscribing.
func TestATelephoneThatStartsAgainAndAgain(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, func(c *Config) { c.MostPerAccount = 2 }, nil)
	p := connect(t, s, "udp", "desk1")
	for range 5 {
		p.subscribe("sip:202@office.example", "presence", 600, 200)
		p.subscribe("sip:203@office.example", "presence", 600, 200)
	}
	p.subscribe("sip:201@office.example", "presence", 600, 503)
	if n := s.Stats().Subscriptions; n != 2 {
		t.Errorf("there are %d subscriptions, want 2", n)
	}
	if w := o.watched(); !slices.Equal(w, []string{"ben", "carla"}) {
		t.Errorf("%q are watched", w)
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "desk1")
	d := p.subscribe("sip:299@office.example", "presence", 600, 200)
	d.hears("closed")
	q := connect(t, s, "udp", "desk2")
	e := q.subscribe("sip:203@office.example", "presence", 600, 200)
	e.hear()
	// The address becomes somebody's, and an account is taken away.
	o.mu.Lock()
	o.people["299"] = "ben"
	delete(o.accounts, "desk2")
	o.mu.Unlock()
	s.Reload()
	d.hears("open")
	o.set("ben", View{Status: presence.Busy, Text: "heard"})
	d.hears("heard")
	if n := e.hear(); n.state != "terminated;reason=deactivated" || n.body != "" {
		t.Errorf("without an account it says %q\n%s", n.state, n.body)
	}
	wait(t, "it to be forgotten", func() bool { return s.Stats().Subscriptions == 1 })
	if w := o.watched(); !slices.Equal(w, []string{"ben"}) {
		t.Errorf("%q are watched", w)
	}
}

func TestTelephonesRegisterThoughNothingComesOfIt(t *testing.T) {
	t.Parallel()
	s := begin(t, newTown(), nil, nil)
	p := connect(t, s, "udp", "desk1")
	const uri = "sip:office.example"
	addr := "<sip:desk1@office.example>"
	r := p.send("REGISTER", uri, addr+";tag=1", addr, "r1", 1, "Contact: "+p.contact, "Expires: 300")
	if r.StatusCode != 401 {
		t.Fatalf("it is answered with %d, want 401", r.StatusCode)
	}
	r = p.send("REGISTER", uri, addr+";tag=1", addr, "r1", 2, "Contact: "+p.contact, "Expires: 300", p.authorize(r, "REGISTER", uri, password))
	if c := header(r, "Contact", "m"); r.StatusCode != 200 || !strings.HasSuffix(c, ";expires=300") {
		t.Errorf("it is answered with\n%s", r)
	}
}

// Logs name nobody who calls or is called, and hold no message.
func TestLogsAreSilent(t *testing.T) {
	t.Parallel()
	var b safeBuffer
	o := newTown()
	o.targets["ben"] = Target{Kind: Forward, Contacts: []Contact{{URI: "not an address 0815"}}}
	s := begin(t, o, func(c *Config) { c.Log = logTo(&b) }, nil)
	p := connect(t, s, "udp", "desk1")
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	d.hear()
	p.send("INVITE", "sip:202@office.example", "<sip:04711@x>;tag=1", "<sip:202@office.example>", newTag(), 1)
	p.conn.Write([]byte("INVITE sip:0900 SIP/2.0\r\nVia: nonsense 0900\r\n\r\n"))
	p.send("OPTIONS", "sip:office.example", "<sip:04711@x>;tag=1", "<sip:office.example>", newTag(), 1)
	for _, secret := range []string{"0815", "04711", "0900", "202", "nonce", "none"} {
		if strings.Contains(strings.ReplaceAll(b.String(), "2026", ""), secret) {
			t.Errorf("the log has %q:\n%s", secret, b.String())
		}
	}
}
