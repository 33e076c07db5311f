package sipserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
)

func TestAllowances(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := newLimiter(10, 5)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 5 {
		if ok, _ := l.take(a, now); !ok {
			t.Fatal("the allowance is smaller than said")
		}
	}
	if ok, wait := l.take(a, now); ok || wait != 100*time.Millisecond {
		t.Errorf("beyond it: %v, then in %v", ok, wait)
	}
	if ok, _ := l.take(b, now); !ok {
		t.Error("another one's allowance is used up")
	}
	if ok, _ := l.take(a, now.Add(100*time.Millisecond)); !ok {
		t.Error("it is not filled again")
	}
	// A network of IPv6 has one allowance, and so has an address that is written in another way.
	for i := range 5 {
		l.take(netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1)), now)
	}
	if ok, _ := l.take(netip.MustParseAddr("2001:db8::ffff"), now); ok {
		t.Error("each address of a network has an allowance of its own")
	}
	if !l.empty(netip.MustParseAddr("::ffff:192.0.2.1"), now.Add(100*time.Millisecond)) {
		t.Error("the same address has two allowances")
	}
	// What is known is bounded, and forgotten.
	for i := range 3 * mostSources {
		l.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if n := len(l.by); n > mostSources {
		t.Errorf("%d addresses are known", n)
	}
	if ok, _ := l.take(netip.MustParseAddr("203.0.113.1"), now); ok {
		t.Error("who is not known any more has no bounds")
	}
	l.sweep(now.Add(time.Minute))
	if n := len(l.by); n != 0 {
		t.Errorf("%d addresses are not forgotten", n)
	}
}

func TestOneAddressCannotKeepTheServerBusy(t *testing.T) {
	t.Parallel()
	s := begin(t, newTown(), func(c *Config) { c.Trusted, c.PerSource = nil, 5 }, nil)
	p := connect(t, s, "udp", "desk1")
	for i := range 100 {
		p.write("OPTIONS", "sip:office.example", fmt.Sprint("z9hG4bK", i), "<sip:a@b>;tag=1", "<sip:office.example>", "1", 1)
	}
	wait(t, "some to be dropped", func() bool { return s.Stats().Dropped >= 40 })
	// A connection is slowed down, and nothing of it is lost.
	q := connect(t, s, "tcp", "desk1")
	begun := time.Now()
	for i := range 5 {
		if r := q.send("OPTIONS", "sip:office.example", "<sip:a@b>;tag=1", "<sip:office.example>", "1", i+1); r.StatusCode != 200 {
			t.Fatalf("it is answered with %d", r.StatusCode)
		}
	}
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("five requests took %v", took)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	s := begin(t, newTown(), func(c *Config) { c.MostConnections = 2 }, nil)
	for range 2 {
		connect(t, s, "tcp", "desk1").send("OPTIONS", "sip:office.example", "<sip:a@b>;tag=1", "<sip:office.example>", "1", 1)
	}
	c, err := net.Dial("tcp", at(t, s, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one too many is kept: %v", err)
	}
}

// A telephone that does not ask for answers to where it sends from gets them where it says that it listens.
func TestATelephoneThatListensElsewhere(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	listens := connect(t, s, "udp", "desk1")
	sends, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer sends.Close()
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at(t, s, "udp")))
	ask := func(n int, extra string) {
		t.Helper()
		fmt.Fprintf(writerTo{sends, to}, "SUBSCRIBE sip:202@office.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKe%d\r\nMax-Forwards: 70\r\nFrom: <sip:desk1@office.example>;tag=1\r\nTo: <sip:202@office.example>\r\n"+
			"Call-ID: elsewhere\r\nCSeq: %[2]d SUBSCRIBE\r\nContact: %[3]s\r\nEvent: presence\r\n%[4]sContent-Length: 0\r\n\r\n", listens.conn.LocalAddr(), n, listens.contact, extra)
	}
	// Its other socket is connected to the server's, so it hears nothing but what comes from there.
	ask(1, "")
	r := listens.await("z9hG4bKe1", 1)
	if r.StatusCode != 401 {
		t.Fatalf("it is answered with %d", r.StatusCode)
	}
	ask(2, listens.authorize(r, "SUBSCRIBE", "sip:202@office.example", password)+"\r\n")
	if r := listens.await("z9hG4bKe2", 2); r.StatusCode != 200 {
		t.Fatalf("it is answered with %d", r.StatusCode)
	}
	d := &dialog{p: listens, callID: "elsewhere"}
	d.hears("open")
}

type writerTo struct {
	conn *net.UDPConn
	to   *net.UDPAddr
}

func (w writerTo) Write(b []byte) (int, error) { return w.conn.WriteToUDP(b, w.to) }

func TestConfigurationsThatAreWrong(t *testing.T) {
	t.Parallel()
	o := newTown()
	taken, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, x := range []struct {
		field string
		edit  func(*Config)
	}{
		{"realm", func(c *Config) { c.Realm = "" }},
		{"realm", func(c *Config) { c.Realm = `a"b` }},
		{"host", func(c *Config) { c.Host = "a b" }},
		{"domains", func(c *Config) { c.Domains = []string{"sip:x"} }},
		{"algorithms", func(c *Config) { c.Algorithms = []string{"SHA-1"} }},
		{"trusted", func(c *Config) { c.Trusted = []string{"pbx.example"} }},
		{"internal", func(c *Config) { c.Internal = []string{"2-1"} }},
		{"min_expires", func(c *Config) { c.MinExpires = time.Millisecond }},
		{"max_expires", func(c *Config) { c.MaxExpires = 30 * time.Second }},
		{"most_subscriptions", func(c *Config) { c.MostSubscriptions = -1 }},
		{"directory", func(c *Config) { c.Directory = nil }},
		{"presences", func(c *Config) { c.Presences = nil }},
		{"listen", func(c *Config) { c.Listen = nil }},
		{"listen", func(c *Config) { c.Listen = []string{"sctp:127.0.0.1:0"} }},
		{"listen", func(c *Config) { c.Listen = []string{"udp:localhost"} }},
		{"listen", func(c *Config) { c.Listen = []string{"tls:127.0.0.1:0"} }},
		{"listen", func(c *Config) { c.Listen = []string{"udp:127.0.0.1:0", "udp:" + taken.LocalAddr().String()} }},
	} {
		c := Config{Listen: []string{"udp:127.0.0.1:0"}, Realm: realm, Directory: o, Presences: o}
		x.edit(&c)
		s, err := New(c)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Invalid || !slices.ContainsFunc(f.Fields, func(f fault.Field) bool { return f.Path == x.field }) {
			t.Errorf("%s: %v", x.field, err)
		}
		if s != nil {
			s.Close()
		}
	}
	_, err = New(Config{Listen: []string{"x"}, Realm: "", Trusted: []string{"y"}})
	if f := (*fault.Error)(nil); !errors.As(err, &f) || len(f.Fields) != 5 {
		t.Errorf("not all that is wrong is told: %v", err)
	}
	// What is right starts, and ends without ever having run.
	s, err := New(Config{Listen: []string{"udp:127.0.0.1:0"}, Realm: realm, Directory: o, Presences: o})
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Addrs(); len(a) != 1 || !strings.HasPrefix(a[0], "udp:127.0.0.1:") {
		t.Errorf("it listens on %q", a)
	}
	s.Close()
	if err := s.Run(t.Context()); err == nil {
		t.Error("it runs after it was closed")
	}
}
