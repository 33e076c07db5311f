package sipline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony/sipline/siplinetest"
	"github.com/doorlight/doorlight/internal/telephony/siptest"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
	"github.com/doorlight/doorlight/presence"
)

// certificate returns a server's configuration, and who trusts it. It is made out to example.com.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

// relay passes connections on, and can end them.
type relay struct {
	l      net.Listener
	target string
	mu     sync.Mutex
	open   []net.Conn
	wg     sync.WaitGroup
}

func newRelay(t *testing.T, target netip.AddrPort) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{l: l, target: target.String()}
	r.wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", r.target)
			if err != nil {
				a.Close()
				continue
			}
			r.mu.Lock()
			r.open = append(r.open, a, b)
			r.mu.Unlock()
			r.wg.Go(func() { io.Copy(a, b); a.Close() })
			r.wg.Go(func() { io.Copy(b, a); b.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); r.breakAll(); r.wg.Wait() })
	return r
}

func (r *relay) breakAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.open {
		c.Close()
	}
	r.open = nil
}

// TestConnections follows lines over connections that break: calls that ended meanwhile are not told any more.
func TestConnections(t *testing.T) {
	t.Parallel()
	certificates, roots := certificate(t)
	for _, tr := range []sipua.Transport{sipua.TCP, sipua.TLS} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			pbx, err := siplinetest.New(siplinetest.Config{Lines: []string{"201", "202"}, Username: "doorlight", Password: "secret"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				pbx.Close()
				if c := pbx.Complaints(); len(c) > 0 {
					t.Errorf("the telephone system complains: %q", c)
				}
			})
			c := certificates
			if tr == sipua.TCP {
				c = nil
			}
			at, err := pbx.Listen(tr, c)
			if err != nil {
				t.Fatal(err)
			}
			r := newRelay(t, at)
			h := follow(t, Config{Server: r.l.Addr().String(), Domain: siplinetest.Domain, Transport: tr, Username: "doorlight", Password: "secret", RootCAs: roots,
				ServerName: "example.com"}, "201", "202")
			h.until(t, "201", "idle", idle)
			pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "early", Other: "202"})
			h.until(t, "201", "ringing", with(presence.LineRinging, "202", false))
			pbx.Set("201", siplinetest.Dialog{ID: "a", Incoming: true, State: "confirmed", Other: "202"})
			h.until(t, "201", "on the phone", with(presence.LineOnThePhone, "202", false))
			r.breakAll()
			pbx.Set("201")
			h.until(t, "201", "idle", idle)
			pbx.Set("202", siplinetest.Dialog{ID: "b", State: "confirmed", Other: "201"})
			h.until(t, "202", "on the phone", with(presence.LineOnThePhone, "201", false))
		})
	}
}

// TestCheck looks at what an administrator is told.
func TestCheck(t *testing.T) {
	t.Parallel()
	certificates, roots := certificate(t)
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	pbx, err := siplinetest.New(siplinetest.Config{Lines: []string{"201"}, Username: "doorlight", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer pbx.Close()
	answers := map[string]*siplinetest.Answer{"403": {Code: 403}, "489": {Code: 489}, "423": {Code: 423, Fields: map[string]string{"Min-Expires": "7200"}}, "500": {Code: 500}}
	pbx.Answers(func(line string, _ bool) *siplinetest.Answer { return answers[line] })
	udp, err := pbx.Listen(sipua.UDP, nil)
	if err != nil {
		t.Fatal(err)
	}
	secure, err := pbx.Listen(sipua.TLS, certificates)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := pbx.Listen(sipua.TCP, nil)
	if err != nil {
		t.Fatal(err)
	}
	closed := fmt.Sprintf("127.0.0.1:%d", siptest.FreePort(t, 1))
	base := Config{Server: udp.String(), Domain: siplinetest.Domain, Username: "doorlight", Password: "secret", Log: slog.New(slog.DiscardHandler)}
	for name, tc := range map[string]struct {
		change func(*Config)
		line   string
		last   string
		ok     bool
		found  string
	}{
		"all is well":    {nil, "201", StepState, true, "tells"},
		"without a line": {nil, "", StepAnswer, true, "Stand-in"},
		"by TLS": {func(c *Config) {
			c.Server, c.Transport, c.RootCAs, c.ServerName = secure.String(), "tls", roots, "example.com"
		}, "201", StepState, true, "tells"},
		"unknown authority": {func(c *Config) { c.Server, c.Transport, c.ServerName = secure.String(), "tls", "example.com" }, "201", StepConnect, false, "authority"},
		"other name": {func(c *Config) {
			c.Server, c.Transport, c.RootCAs, c.ServerName = secure.String(), "tls", roots, "example.org"
		}, "201", StepConnect, false, "another name"},
		"no TLS there":   {func(c *Config) { c.Server, c.Transport, c.RootCAs = plain.String(), "tls", roots }, "201", StepConnect, false, ""},
		"nobody there":   {func(c *Config) { c.Server, c.Transport = closed, "tcp" }, "201", StepConnect, false, "refuses"},
		"mute":           {func(c *Config) { c.Server = mute.LocalAddr().String() }, "201", StepAnswer, false, "no answer"},
		"not allowed":    {func(c *Config) { c.Server = "169.254.169.254" }, "201", StepConnect, false, "metadata"},
		"wrong password": {func(c *Config) { c.Password = "hunter2" }, "201", StepAccount, false, "401"},
		"forbidden":      {nil, "403", StepAccount, false, "403"},
		"unknown line":   {nil, "299", StepLine, false, "404"},
		"no line at all": {nil, "a b", StepLine, false, "no number"},
		"no events":      {nil, "489", StepLine, false, "489"},
		"too short":      {nil, "423", StepState, true, "2h0m0s"},
		"broken":         {nil, "500", StepLine, false, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			c := base
			if tc.change != nil {
				tc.change(&c)
			}
			s, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			if name == "mute" {
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			}
			defer cancel()
			steps := s.Check(ctx, tc.line)
			last := steps[len(steps)-1]
			if last.Name != tc.last || last.OK != tc.ok || !strings.Contains(last.Found, tc.found) || last.OK != (last.Remedy == "") {
				t.Errorf("%+v", steps)
			}
			for _, st := range steps[:len(steps)-1] {
				if !st.OK {
					t.Errorf("%+v is wrong, but went on", st)
				}
			}
			if s := fmt.Sprint(steps); strings.Contains(s, "hunter2") {
				t.Error(s)
			}
		})
	}
	if n := pbx.Subscribed(""); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestARenewalAtKamailio has a call last while its subscription is renewed, several times.
func TestARenewalAtKamailio(t *testing.T) {
	t.Parallel()
	server := siptest.Kamailio(t, siptest.ServerConfig{ManyDialogs: true})
	alice, bob := siptest.Baresip(t, server.Addr(), "201"), siptest.Baresip(t, server.Addr(), "202")
	h := followFor(t, 4*time.Second, Config{Server: server.Addr(), Domain: server.Addr(), Username: "doorlight"}, "201", "202")
	h.until(t, "202", "idle", idle)
	alice.Call(t, "202")
	bob.Ringing(t)
	bob.Accept(t)
	h.until(t, "202", "on the phone", with(presence.LineOnThePhone, "201", false))
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		h.mu.Lock()
		l := h.told["202"]
		h.mu.Unlock()
		if !with(presence.LineOnThePhone, "201", false)(l) {
			t.Fatalf("202 is told to be %q while it is on the phone", show(l.Calls))
		}
	}
	bob.Hangup(t)
	h.until(t, "202", "idle", idle)
	h.until(t, "201", "idle", idle)
}

// TestKamailioWantsLonger asks for less than the server grants (423).
func TestKamailioWantsLonger(t *testing.T) {
	t.Parallel()
	server := siptest.Kamailio(t, siptest.ServerConfig{Shortest: 300})
	h := follow(t, Config{Server: server.Addr(), Domain: server.Addr(), Username: "doorlight", Expires: time.Minute}, "201")
	h.until(t, "201", "idle", idle)
}
