package telephones_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

// set forwards a line by hand.
func (h *house) set(who, line string, f telephony.Forwarding) {
	h.t.Helper()
	h.wait("the line of "+who, func() bool { return len(h.board.Lines(who)) > 1 })
	h.ok(h.board.Set(h.t.Context(), who, who, "sip", line, f))
}

const (
	annasDesk = "<sip:201@pbx.example.com>;q=1"
	bertsDesk = "<sip:+49301234202@pbx.example.com>;q=1"
)

// Where a telephone system is told to send calls (F5a).
func TestWhereCallsGo(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := h.serve()
	pbx := h.phone("127.0.0.2", at, "", "")
	const outside, inside = "01719876", "203"
	h.choose("bert", presence.Available, "") // nobody is forwarded to who is absent
	h.choose("carl", presence.Available, "")
	h.choose("anna", presence.Available, "")
	leads := func(line, caller string, code int, contacts string) {
		t.Helper()
		pbx.leads(line, caller, code, contacts)
	}
	leads("201", outside, 302, annasDesk)
	leads("anna.b%40example.com", outside, 302, annasDesk)
	leads("+49301234202", outside, 302, bertsDesk)
	leads("204", outside, 302, "<sip:204@pbx.example.com>;q=1") // who has no line here is reached at their work number
	leads("299", outside, 404, "")
	h.change("dora", func(p *store.Person) { p.WorkNumber = "" })
	leads("dora", outside, 404, "")

	h.set("anna", "201", telephony.Forwarding{External: "0171 555"})
	leads("201", outside, 302, "<sip:0171555@gateway.example.com>;q=1")
	leads("201", inside, 302, annasDesk)
	leads("201", "799", 302, annasDesk) // inside by the pattern
	if _, _, d := pbx.call("201", outside); d != "<sip:201@office.example>;reason=unconditional;counter=1" {
		t.Errorf("the diversion is %q", d)
	}
	if _, _, d := pbx.call("201", inside); d != "" {
		t.Errorf("a call to the desk is diverted: %q", d)
	}
	h.set("anna", "201", telephony.Forwarding{Internal: "203", NoAnswer: "*97"})
	leads("201", inside, 302, "<sip:203@pbx.example.com>;q=1") // a line of somebody here
	leads("201", outside, 302, annasDesk+" <sip:*97@gateway.example.com>;q=0.5")
	h.set("anna", "201", telephony.Forwarding{All: "+49 30 1234202", Internal: "203"})
	leads("201", inside, 302, bertsDesk)
	h.set("anna", "201", telephony.Forwarding{All: "sip:anna@home.example.net"})
	leads("201", inside, 302, "<sip:anna@home.example.net>;q=1")
	h.set("carl", "203", telephony.Forwarding{DoNotDisturb: true, All: "0171"})
	leads("203", outside, 486, "")

	h.set("bert", numbers["bert"], telephony.Forwarding{Internal: "201", External: "0172", NoAnswer: "*98"})
	// The same after a restart.
	h.stop()
	h.open()
	at = h.serve()
	pbx = h.phone("127.0.0.2", at, "", "")
	leads("201", outside, 302, "<sip:anna@home.example.net>;q=1")
	leads("203", outside, 486, "")
	leads("+49301234202", outside, 302, "<sip:0172@gateway.example.com>;q=1")
	leads("+49301234202", "201", 302, annasDesk)
	if f, err := h.System("sip").Forwarding(t.Context(), numbers["bert"]); err != nil || f != (telephony.Forwarding{Internal: "201", External: "0172", NoAnswer: "*98"}) {
		t.Errorf("Bert's forwarding is %+v, %v", f, err)
	}
	if f, err := h.System("sip").Forwarding(t.Context(), "20 3"); err != nil || f != (telephony.Forwarding{DoNotDisturb: true, All: "0171"}) {
		t.Errorf("the forwarding is %+v, %v", f, err)
	}
	h.set("bert", numbers["bert"], telephony.Forwarding{})
	h.set("carl", "203", telephony.Forwarding{})
	leads("203", outside, 302, "<sip:203@pbx.example.com>;q=1")

	// Whoever is blocked is not reached, and who is deleted leaves nothing behind.
	h.change("carl", func(p *store.Person) { p.Blocked = true })
	leads("203", outside, 404, "")
	h.ok(h.office.DeletePerson(t.Context(), office.By{}, "anna"))
	leads("201", outside, 404, "")
	h.change("dora", func(p *store.Person) { p.WorkNumber = "201" })
	leads("201", outside, 302, annasDesk)
	if f, _ := h.System("sip").Forwarding(t.Context(), "201"); !f.Off() {
		t.Errorf("Anna is deleted, and her line is forwarded %+v", f)
	}
	h.ok(h.store.LoadRedirects(t.Context(), func(r store.Redirect) error { return fmt.Errorf("there is %+v", r) }))
}

// A desk phone that calls by itself is told no more than its owner may know: the target of a forwarding is somebody's private number.
func TestACallTellsNoMoreThanItsCallerMayKnow(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := h.serve()
	anna, _ := h.desk("anna", at)
	stranger := h.phone("127.0.0.1", at, "", "")
	const private = "0171555666"
	bert := "+49301234202"
	h.level("anna", "bert", rights.Employee)
	anna.leads(bert, "201", 302, bertsDesk)
	h.set("bert", numbers["bert"], telephony.Forwarding{All: private})
	anna.leads(bert, "201", 302, bertsDesk)
	h.set("bert", numbers["bert"], telephony.Forwarding{DoNotDisturb: true})
	anna.leads(bert, "201", 302, bertsDesk)
	h.set("bert", numbers["bert"], telephony.Forwarding{NoAnswer: private})
	anna.leads(bert, "201", 302, bertsDesk)
	h.level("anna", "bert", rights.Blocked)
	anna.leads(bert, "201", 404, "")
	anna.leads("999", "201", 404, "")
	stranger.leads(bert, "201", 401, "")
	if heard := anna.everything() + stranger.everything(); strings.Contains(heard, private) {
		t.Errorf("it is told that calls go to %s:\n%s", private, heard)
	}
	h.level("anna", "bert", rights.TeamColleague)
	anna.leads(bert, "201", 302, bertsDesk+" <sip:"+private+"@gateway.example.com>;q=0.5")
}

// A profile forwards a line while it holds, and what was set by hand before it comes back (F2).
func TestAPresenceForwards(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionTemplates, func(s *policy.Settings) error {
		for i := range s.Templates.Templates {
			if x := &s.Templates.Templates[i]; x.ID == policy.TemplateAppointment {
				x.Forwarding = policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetNumber, Number: "*97"}
			}
		}
		return nil
	}))
	at := h.serve()
	pbx := h.phone("127.0.0.2", at, "", "")
	h.set("anna", "201", telephony.Forwarding{External: "0171"})
	appointment := func(on bool) {
		t.Helper()
		h.ok(h.hub.Change(t.Context(), "anna", func(e *hub.Edit) error {
			if !on {
				e.Delete(presence.Ref{Source: "calendar/a", ID: "1"})
				return nil
			}
			e.Put(presence.Claim{Source: "calendar/a", ID: "1", Status: presence.Busy, Profile: "Appointment", From: e.Now, Until: e.Now.Add(time.Hour)})
			return nil
		}))
	}
	becomes := func(code int, contacts string) {
		t.Helper()
		h.wait("calls to go to "+contacts, func() bool {
			c, to, _ := pbx.call("201", "0309")
			return c == code && to == contacts
		})
	}
	becomes(302, "<sip:0171@gateway.example.com>;q=1")
	appointment(true)
	becomes(302, "<sip:*97@gateway.example.com>;q=1")
	h.wait("the board to agree", func() bool {
		for _, l := range h.board.Lines("anna") {
			if l.ConnectorID == "sip" {
				return l.Settled && l.Wanted.All == "*97"
			}
		}
		return false
	})
	h.stop()
	h.open()
	at = h.serve()
	pbx = h.phone("127.0.0.2", at, "", "")
	becomes(302, "<sip:*97@gateway.example.com>;q=1")
	appointment(false)
	becomes(302, "<sip:0171@gateway.example.com>;q=1")
}

func TestAsATelephoneSystem(t *testing.T) {
	t.Parallel()
	h := build(t)
	sys := h.System("sip")
	if can := sys.Can(); can.Lines || can.Tells || can.Has(telephony.CanBusy) || can.Has(telephony.CanOneNumber) || len(can.Forwarding) != 5 {
		t.Errorf("it can %+v", can)
	}
	sys.Follow([]string{"201"})
	if err := sys.Watch(t.Context(), func(telephony.Line) { t.Error("it tells of a line") }); err != nil {
		t.Errorf("Watch: %v", err)
	}
	for _, f := range []telephony.Forwarding{{Busy: "1"}, {OneNumber: "1"}, {All: "anywhere"}, {Internal: "sip:"}, {External: "sip:a@b>,<sip:c"}, {NoAnswer: "0171 x"}, {All: "javascript:1"}} {
		err := sys.SetForwarding(t.Context(), "201", f)
		if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.Other || e.Whole {
			t.Errorf("%+v is refused with %v", struct{ x telephony.Forwarding }{f}, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var e *source.Error
	if err := sys.SetForwarding(ended, "201", telephony.Forwarding{All: "1"}); !errors.As(err, &e) || e.Kind != source.Unavailable {
		t.Errorf("what cannot be kept: %v", err)
	}
	if f, err := sys.Forwarding(t.Context(), "201"); err != nil || !f.Off() {
		t.Errorf("after refusals the line is %+v, %v", f, err)
	}

	// Each server has lines of its own, and they go with its connector.
	h.ok(sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "1"}))
	h.ok(sys.SetForwarding(t.Context(), "20-3", telephony.Forwarding{All: "2"}))
	h.ok(h.System("elsewhere").SetForwarding(t.Context(), "9201", telephony.Forwarding{All: "3"}))
	for _, line := range []string{"nobody's", "204", "9201"} { // none, a work number alone, and a line of another system
		if err := sys.SetForwarding(t.Context(), line, telephony.Forwarding{All: "4"}); !errors.As(err, &e) || e.Kind != source.NotFound {
			t.Errorf("%s, which is no line of anybody's here: %v", line, err)
		}
		h.ok(sys.SetForwarding(t.Context(), line, telephony.Forwarding{}))
	}

	// A line that is another's now goes to their desk, and so it does if it comes back: whoever had set it may not be asking for it any more.
	forwarded := func(to string) {
		t.Helper()
		if f, err := sys.Forwarding(t.Context(), "203"); err != nil || f.All != to {
			t.Errorf("the line is forwarded to %q, %v, want %q", f.All, err, to)
		}
	}
	forwarded("2")
	h.change("carl", func(p *store.Person) { p.WorkNumber = "" })
	forwarded("2")
	h.ok(sys.SetForwarding(t.Context(), "203", telephony.Forwarding{All: "5"})) // it is set back, say
	h.change("anna", func(p *store.Person) { p.WorkNumber = "203" })
	forwarded("")
	pbx := h.phone("127.0.0.2", h.serve(), "", "")
	pbx.leads("203", "0171", 302, "<sip:203@pbx.example.com>;q=1")
	h.change("anna", func(p *store.Person) { p.WorkNumber = "201" })
	h.change("carl", func(p *store.Person) { p.WorkNumber = "203" })
	forwarded("")
	pbx.leads("203", "0171", 302, "<sip:203@pbx.example.com>;q=1")
	h.ok(sys.SetForwarding(t.Context(), "203", telephony.Forwarding{All: "5"}))
	pbx.leads("203", "0171", 302, "<sip:5@gateway.example.com>;q=1")
	h.change("carl", func(p *store.Person) { p.Blocked = true })
	h.ok(sys.SetForwarding(t.Context(), "203", telephony.Forwarding{All: "6"}))
	h.ok(h.office.DeletePerson(t.Context(), office.By{}, "carl"))
	forwarded("")
	h.ok(sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "1", NoAnswer: "2"}))
	h.ok(h.Forget(t.Context(), office.By{Actor: "admin"}, "sip"))
	h.ok(h.Forget(t.Context(), office.By{Actor: "admin"}, "sip"))
	if f, _ := sys.Forwarding(t.Context(), "201"); !f.Off() {
		t.Errorf("the line of a deleted server is %+v", f)
	}
	var left []string
	h.ok(h.store.LoadRedirects(t.Context(), func(r store.Redirect) error {
		left = append(left, r.ConnectorID+" "+r.Line+" "+string(r.Forwarding))
		return nil
	}))
	if !slices.Equal(left, []string{`elsewhere 9201 {"all":"3"}`}) {
		t.Errorf("left are %q", left)
	}
	entries, err := h.store.Audit(t.Context(), store.AuditQuery{Action: "telephone.forget"})
	h.ok(err)
	if len(entries) != 1 || string(entries[0].Detail) != `{"connector":"sip","lines":1}` {
		t.Errorf("the audit log says %+v", entries)
	}
	sys.Close()
}

// steps are what a check finds, as far as it is wrong or right.
func steps(all []source.Step) (s string) {
	for _, x := range all {
		s += fmt.Sprintf("%s %t, ", x.Name, x.OK)
		if (x.Remedy == "") != x.OK || x.Found == "" {
			s += fmt.Sprintf("(%+v)", x)
		}
	}
	return strings.TrimSuffix(s, ", ")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	h := build(t)
	check := func(line, want string) {
		t.Helper()
		if got := steps(h.System("sip").Check(t.Context(), line)); got != want {
			t.Errorf("for %q it finds %s, want %s", line, got, want)
		}
	}
	check("201", "listen false")
	h.serve()
	check("", "listen true, desk true")
	check("201", "listen true, desk true, line true")
	check("204", "listen true, desk true, line false") // a number, and no line of the server
	check("299", "listen true, desk true, line false")
	s := settings()
	s.Trusted = nil
	h.PutServer(telephones.Server{ID: "sip", Settings: s})
	h.at("sip")
	check("", "listen true, desk false")
	s.Desk, s.Outside = "", ""
	<-h.PutServer(telephones.Server{ID: "sip", Settings: s})
	at := h.at("sip")
	check("201", "listen true, desk false")
	anna, _ := h.desk("anna", at)
	anna.leads("201", "203", 404, "") // calls are not answered
	<-h.DropServer("sip")
	check("201", "listen false")
}

// told is what Server.Used was called with.
type told struct {
	mu  sync.Mutex // guards all
	all []string
}

func (x *told) used(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := errors.AsType[*source.Error](err)
	switch {
	case err == nil:
		x.all = append(x.all, "ok")
	case !ok || !e.Whole:
		x.all = append(x.all, "not of the whole server: "+err.Error())
	default:
		x.all = append(x.all, e.Public())
	}
}

func (x *told) last() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.all) == 0 {
		return ""
	}
	return x.all[len(x.all)-1]
}

func TestServersComeAndGo(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.choose("bert", presence.Busy, "")
	// Somebody else has the port.
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	h.ok(err)
	defer taken.Close()
	s := settings()
	s.Listen = []string{"udp:" + taken.LocalAddr().String()}
	var a told
	<-h.PutServer(telephones.Server{ID: "sip", Settings: s, Used: a.used})
	h.wait("the refusal", func() bool { return strings.Contains(a.last(), s.Listen[0]) && strings.Contains(a.last(), "in use") })
	if st, ok := h.Stats("sip"); ok || h.Addrs("sip") != nil {
		t.Errorf("it does not listen, and has %+v", st)
	}
	if found := h.System("sip").Check(t.Context(), ""); found[0].OK || !strings.Contains(found[0].Found, "in use") {
		t.Errorf("a check finds %+v", found[0])
	}
	taken.Close()
	at := h.at("sip") // it is tried again
	h.wait("it to be told", func() bool { return a.last() == "ok" })
	anna, _ := h.desk("anna", at)
	anna.see("bert").shows("busy")
	h.wait("the statistics", func() bool {
		st, ok := h.Stats("sip")
		return ok && st.Subscriptions == 1 && st.Notified == 1
	})

	// Another one takes its port, under the same ID, again and again, and under another.
	for range 3 {
		var b told
		h.PutServer(telephones.Server{ID: "sip", Settings: s, Used: b.used})
		h.wait("the next to listen", func() bool { return b.last() != "" })
		if len(b.all) != 1 || b.all[0] != "ok" {
			t.Errorf("the next is told %q", b.all)
		}
	}
	if h.at("sip") != at {
		t.Error("it listens elsewhere")
	}
	anna.see("bert").shows("busy")
	h.DropServer("sip")
	var c told
	h.PutServer(telephones.Server{ID: "other", Settings: s, Used: c.used})
	h.wait("the other to listen", func() bool { return c.last() != "" })
	if len(c.all) != 1 || c.all[0] != "ok" {
		t.Errorf("the other is told %q", c.all)
	}
	anna.see("bert").shows("busy")

	// There is no certificate, and then there is one.
	s.Listen = []string{"udp:127.0.0.1:0", "tls:127.0.0.1:0"}
	var d told
	h.PutServer(telephones.Server{ID: "secure", Settings: s, Used: d.used})
	h.wait("the refusal", func() bool { return strings.Contains(d.last(), "certificate") })
	h.tls.Store(&tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"h2", "http/1.1"}})
	h.wait("the certificate to be taken", func() bool { return d.last() == "ok" })
	conn, err := tls.Dial("tcp", strings.TrimPrefix(h.Addrs("secure")[1], "tls:"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"sip"}})
	h.ok(err)
	if p := conn.ConnectionState().NegotiatedProtocol; p != "" {
		t.Errorf("it speaks %q", p)
	}
	conn.Close()
	<-h.DropServer("secure")
	<-h.DropServer("none")
	h.stop()
	select {
	case <-h.PutServer(telephones.Server{ID: "late", Settings: settings()}):
	case <-time.After(patience):
		t.Error("who comes when all has ended waits for ever")
	}
}

// certificate makes one that nobody trusts.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	with := func(edit func(*telephones.Settings)) telephones.Settings {
		s := settings()
		edit(&s)
		return s
	}
	for _, x := range []struct {
		s      telephones.Settings
		fields string // that are wrong
	}{
		{settings(), ""},
		{telephones.Settings{Listen: []string{"tcp:[::]:5060", "tls:0.0.0.0:5061"}}, ""},
		{telephones.Settings{}, "x.listen"},
		{with(func(s *telephones.Settings) { s.Listen = append(s.Listen, "sctp:1.2.3.4:5060", "udp:localhost:5060") }), "x.listen x.listen"},
		{with(func(s *telephones.Settings) { s.Listen = []string{"udp:0.0.0.0:5060", "udp:0.0.0.0:5060"} }), "x.listen"},
		{with(func(s *telephones.Settings) { s.Host = "a b" }), "x.host"},
		{with(func(s *telephones.Settings) { s.Host = "http://sip.example.com" }), "x.host"},
		{with(func(s *telephones.Settings) { s.Host = "sip.example.com:5060" }), "x.host"},
		{with(func(s *telephones.Settings) { s.Host = "[::1" }), "x.host"},
		{with(func(s *telephones.Settings) { s.Host = "sip_1.Example-2.com" }), ""},
		{with(func(s *telephones.Settings) { s.Host = "2001:db8::1" }), ""},
		{with(func(s *telephones.Settings) { s.Host = "[2001:db8::1]" }), ""},
		{with(func(s *telephones.Settings) { s.Domains = []string{"a@b"} }), "x.domains"},
		{with(func(s *telephones.Settings) { s.Domains = []string{"a\r\nb"} }), "x.domains"},
		{with(func(s *telephones.Settings) { s.Trusted = []string{"0.0.0.0/0"} }), "x.trusted"},
		{with(func(s *telephones.Settings) { s.Trusted = []string{"192.0.2.1", "::/0"} }), "x.trusted"},
		{with(func(s *telephones.Settings) { s.Trusted = []string{"pbx"} }), "x.trusted"},
		{with(func(s *telephones.Settings) { s.Internal = []string{"2a"} }), "x.internal"},
		{with(func(s *telephones.Settings) { s.Desk = "" }), "x.desk"},
		{with(func(s *telephones.Settings) { s.Desk, s.Outside = "", "" }), "x.desk"},
		{with(func(s *telephones.Settings) { s.Outside = "" }), ""},
		{with(func(s *telephones.Settings) { s.Desk = "sip:line@pbx" }), "x.desk"},
		{with(func(s *telephones.Settings) { s.Desk = "sip:{line}{x}@pbx" }), "x.desk"},
		{with(func(s *telephones.Settings) { s.Desk = "{line}@pbx" }), "x.desk"},
		{with(func(s *telephones.Settings) { s.Desk = "sip:{line}@" }), "x.desk"},
		{with(func(s *telephones.Settings) { s.Outside = "sip:{line}@pbx" }), "x.outside"},
		{with(func(s *telephones.Settings) { s.Outside = "tel:{number}" }), ""},
		{with(func(s *telephones.Settings) { s.Desk = "sips:{line}@pbx.example:5061;transport=tcp" }), ""},
	} {
		var bad fault.Fields
		x.s.Check("x.", &bad)
		var fields []string
		for _, f := range bad {
			fields = append(fields, f.Path)
			if f.Message == "" {
				t.Errorf("%+v: nothing is said of %s", x.s, f.Path)
			}
		}
		if got := strings.Join(fields, " "); got != x.fields {
			t.Errorf("%+v: wrong are %q, want %q (%v)", x.s, got, x.fields, bad)
		}
	}
}

// Who dials a feature code at their telephone has chosen by hand (L2): by the telephone's own account, or as the telephone system says who calls.
func TestFeatureCodes(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionTelephony, func(s *policy.Settings) error {
		s.Telephony.Codes = []policy.Code{{Code: "*81", Profile: policy.TemplateBreak}, {Code: "*80", Profile: policy.TemplateAvailable}}
		return nil
	}))
	x := settings()
	x.Confirm = "sip:tone@pbx.example.com"
	h.PutServer(telephones.Server{ID: "sip", Name: "SIP", Settings: x})
	at := h.at("sip")
	pbx := h.phone("127.0.0.2", at, "", "")
	is := func(who string, want presence.Status) {
		t.Helper()
		if p, _, _ := h.hub.Presence(who); p.Status != want {
			t.Errorf("%s is %v, want %v", who, p.Status, want)
		}
	}
	h.choose("anna", presence.Available, "")
	pbx.leads("*81", "201", 302, "<sip:tone@pbx.example.com>")
	is("anna", presence.BeRightBack)
	pbx.leads("*80", "201", 302, "<sip:tone@pbx.example.com>")
	is("anna", presence.Available)
	pbx.leads("*99", "201", 404, "")  // no code
	pbx.leads("*81", "0171", 404, "") // nobody here
	desk, _ := h.desk("anna", at)
	desk.leads("*81", "202", 302, "<sip:tone@pbx.example.com>") // whoever it says that calls
	is("anna", presence.BeRightBack)
	if p, _, _ := h.hub.Presence("bert"); p.Profile == "Break" {
		t.Error("somebody chose for somebody else")
	}
	x.Confirm = "the tone"
	var bad fault.Fields
	if x.Check("", &bad); len(bad) != 1 || bad[0].Path != "confirm" {
		t.Errorf("what is no address: %v", bad)
	}
}
