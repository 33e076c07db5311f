package sipua

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate returns a server's configuration, and who trusts it.
func certificate(t *testing.T) (server *tls.Config, roots *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

func agent(t *testing.T, handlers map[sip.RequestMethod]Handler) *Agent {
	t.Helper()
	a, err := New(Config{}, handlers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func listen(t *testing.T, a *Agent, tr Transport, c *tls.Config) netip.AddrPort {
	t.Helper()
	at, err := a.Listen(tr, "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	return netip.MustParseAddrPort(at.String())
}

func uri(user string) sip.Uri { return sip.Uri{Scheme: "sip", User: user, Host: "example.test"} }

// TestEveryTransport has both sides of a dialog ask the other, by every transport: over the connection that is there.
func TestEveryTransport(t *testing.T) {
	t.Parallel()
	certificates, roots := certificate(t)
	for _, tr := range []Transport{UDP, TCP, TLS} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			back := make(chan error, 1)
			servers, homes := make(chan *Agent, 1), make(chan netip.AddrPort, 1)
			server := agent(t, map[sip.RequestMethod]Handler{sip.SUBSCRIBE: func(req *sip.Request, tx sip.ServerTransaction) {
				server, home := <-servers, <-homes
				d := AnswerDialog(req)
				res := sip.NewResponseFromRequest(req, 200, "OK", nil)
				res.To().Params.Remove("tag")
				res.To().Params.Add("tag", d.LocalTag)
				res.AppendHeader(&sip.ContactHeader{Address: Contact("server", tr, home)})
				tx.Respond(res)
				r, err := server.Back(req, home)
				if err != nil {
					back <- err
					return
				}
				answer, err := server.Do(context.Background(), r, d.Request(sip.NOTIFY, Contact("server", tr, home)))
				if err == nil && answer.StatusCode != 200 {
					err = fmt.Errorf("answered with %d", answer.StatusCode)
				}
				back <- err
			}})
			c := certificates
			if tr != TLS {
				c = nil
			}
			home := listen(t, server, tr, c)
			servers <- server
			homes <- home
			d := NewDialog(uri("desk"), uri("302"))
			var mu sync.Mutex
			client := agent(t, map[sip.RequestMethod]Handler{sip.NOTIFY: func(req *sip.Request, tx sip.ServerTransaction) {
				mu.Lock()
				defer mu.Unlock()
				code := 200
				if d.Take(req) != Next {
					code = 481
				}
				tx.Respond(sip.NewResponseFromRequest(req, code, "", nil))
			}})
			r, err := client.Connect(t.Context(), tr, home, &tls.Config{RootCAs: roots, ServerName: "example.com"})
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			req := d.Request(sip.SUBSCRIBE, Contact("desk", tr, r.Local))
			mu.Unlock()
			res, err := client.Do(t.Context(), r, req)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("SUBSCRIBE: %v, %v", res, err)
			}
			if seen, ok := Seen(res); !ok || seen != r.Local {
				t.Errorf("seen as %v, want %v", seen, r.Local)
			}
			mu.Lock()
			d.Confirm(res)
			if want := Contact("server", tr, home); d.Target.String() != want.String() {
				t.Errorf("requests go to %v, want %v", d.Target.String(), want.String())
			}
			mu.Unlock()
			if err := <-back; err != nil {
				t.Errorf("NOTIFY: %v", err)
			}
		})
	}
}

func TestConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := agent(t, nil)
	r, err := a.Connect(t.Context(), TCP, netip.MustParseAddrPort(l.Addr().String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := a.Do(t.Context(), r, NewDialog(uri("a"), uri("b")).Request(sip.OPTIONS, uri("a")))
		asked <- err
	}()
	io.ReadAtLeast(c, make([]byte, 100), 100)
	c.Close()
	select {
	case <-r.Gone():
	case <-time.After(20 * time.Second):
		t.Fatal("nobody notices that the connection has ended")
	}
	select {
	case err := <-asked:
		if err == nil {
			t.Error("there was an answer without a connection")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the request waits for an answer although the connection has ended")
	}
	if _, err := a.Do(t.Context(), r, NewDialog(uri("a"), uri("b")).Request(sip.OPTIONS, uri("a"))); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a request without a connection: %v", err)
	}
}

func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	a := agent(t, nil)
	at := listen(t, a, TCP, nil)
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	go io.Copy(c, strings.NewReader("OPTIONS sip:x SIP/2.0\r\n"+strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 1000)))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "timeout") {
		t.Errorf("a message without end: %v, want the connection closed", err)
	}
}

func TestWhatIsNotHandled(t *testing.T) {
	t.Parallel()
	server := agent(t, map[sip.RequestMethod]Handler{sip.SUBSCRIBE: nil})
	at := listen(t, server, UDP, nil)
	a := agent(t, nil)
	r, err := a.Connect(t.Context(), UDP, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[sip.RequestMethod]int{sip.OPTIONS: 200, sip.MESSAGE: 405} {
		res, err := a.Do(t.Context(), r, NewDialog(uri("a"), uri("b")).Request(method, uri("a")))
		if err != nil || res.StatusCode != want || Field(res, "Allow", "") != "OPTIONS, SUBSCRIBE" {
			t.Errorf("%s: %v, %v, want %d", method, res, err, want)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	a := agent(t, nil)
	for _, at := range []string{"0.0.0.0:5060", "224.0.1.75:5060", "255.255.255.255:5060", "[::]:5060", "[ff02::1]:5060", "[::ffff:0.0.0.0]:5060"} {
		for _, tr := range []Transport{UDP, TCP} {
			if r, err := a.Connect(t.Context(), tr, netip.MustParseAddrPort(at), nil); err == nil {
				r.Close()
				t.Errorf("%s %s was connected to", tr, at)
			}
		}
	}
}

// TestDigest has many requests of one account at once, each of which is asked by the guard.
func TestDigest(t *testing.T) {
	t.Parallel()
	g := NewGuard("the realm", 0)
	var asked, answered atomic.Int32
	only := func(algorithm string) Handler {
		return func(req *sip.Request, tx sip.ServerTransaction) {
			_, v := g.Check(req, func(user, a string) (string, bool) {
				return Hash(a, user, "the realm", "hunter2"), user == "doorlight" && (algorithm == "" || a == algorithm)
			})
			res := sip.NewResponseFromRequest(req, 200, "OK", nil)
			if v != Known {
				asked.Add(1)
				res = sip.NewResponseFromRequest(req, 401, "Unauthorized", nil)
				for _, h := range g.Challenges(v == Stale) {
					if algorithm == "" || strings.Contains(h.Value(), "algorithm="+algorithm+",") {
						res.AppendHeader(h)
					}
				}
			} else {
				answered.Add(1)
			}
			tx.Respond(res)
		}
	}
	server := agent(t, map[sip.RequestMethod]Handler{sip.SUBSCRIBE: only(""), sip.MESSAGE: only("MD5"), sip.INFO: only("SHA-256")})
	at := listen(t, server, UDP, nil)
	a := agent(t, nil)
	r, err := a.Connect(t.Context(), UDP, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	do := func(l *Login, method sip.RequestMethod) int {
		d := NewDialog(uri("doorlight"), uri("302"))
		res, err := l.Do(t.Context(), a, r, func() *sip.Request { return d.Request(method, uri("doorlight")) })
		if err != nil {
			t.Errorf("%s: %v", method, err)
			return 0
		}
		return res.StatusCode
	}
	for _, method := range []sip.RequestMethod{sip.SUBSCRIBE, sip.MESSAGE, sip.INFO} {
		if code := do(NewLogin("doorlight", "hunter2"), method); code != 200 {
			t.Errorf("%s: %d", method, code)
		}
		for _, l := range []*Login{NewLogin("doorlight", "wrong"), NewLogin("other", "hunter2"), NewLogin("", "")} {
			before := asked.Load()
			if code := do(l, method); code != 401 {
				t.Errorf("%s with a wrong account: %d", method, code)
			}
			if n := asked.Load() - before; n > 2 {
				t.Errorf("%s: a wrong account was tried %d times", method, n)
			}
		}
	}
	l := NewLogin("doorlight", "hunter2")
	if code := do(l, sip.SUBSCRIBE); code != 200 {
		t.Fatal(code)
	}
	asked.Store(0)
	answered.Store(0)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if code := do(l, sip.SUBSCRIBE); code != 200 {
				t.Errorf("one of many: %d", code)
			}
		})
	}
	wg.Wait()
	if answered.Load() != 50 || asked.Load() > 10 {
		t.Errorf("%d were answered, %d asked", answered.Load(), asked.Load())
	}
}

// TestDigestOfAProxy is asked by a proxy on the way and by the server behind it (RFC 3261 §22.3).
func TestDigestOfAProxy(t *testing.T) {
	t.Parallel()
	proxy, behind := NewGuard("proxy", 0), NewGuard("server", 0)
	server := agent(t, map[sip.RequestMethod]Handler{sip.SUBSCRIBE: func(req *sip.Request, tx sip.ServerTransaction) {
		hash := func(realm string) func(string, string) (string, bool) {
			return func(user, a string) (string, bool) { return Hash(a, user, realm, "hunter2"), user == "doorlight" }
		}
		first := sip.NewRequest(req.Method, req.Recipient)
		for _, h := range req.GetHeaders("Proxy-Authorization") {
			first.AppendHeader(sip.NewHeader("Authorization", h.Value()))
		}
		code, fields := 200, []sip.Header(nil)
		if _, v := proxy.Check(first, hash("proxy")); v != Known {
			code = 407
			for _, h := range proxy.Challenges(v == Stale) {
				fields = append(fields, sip.NewHeader("Proxy-Authenticate", h.Value()))
			}
		} else if _, v := behind.Check(req, hash("server")); v != Known {
			code, fields = 401, behind.Challenges(v == Stale)
		}
		res := sip.NewResponseFromRequest(req, code, "", nil)
		for _, f := range fields {
			res.AppendHeader(f)
		}
		tx.Respond(res)
	}})
	at := listen(t, server, UDP, nil)
	a := agent(t, nil)
	r, err := a.Connect(t.Context(), UDP, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]int{"hunter2": 200, "wrong": 407} {
		l := NewLogin("doorlight", password)
		for range 3 {
			d := NewDialog(uri("doorlight"), uri("302"))
			res, err := l.Do(t.Context(), a, r, func() *sip.Request { return d.Request(sip.SUBSCRIBE, uri("doorlight")) })
			if err != nil || res.StatusCode != want {
				t.Errorf("%v, %v, want %d", res, err, want)
			}
		}
	}
}

func TestAQuestionIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	g := NewGuard("r", time.Hour)
	now := time.Now()
	n := g.nonce(now)
	for i, c := range []struct {
		count uint32
		ok    bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {67, true}, {3, false}, {1, false}, {4, true}, {4, false}, {500, true}, {400, false}, {499, true}, {436, true}, {435, false}} {
		if got := g.use(n, c.count, now.Add(time.Hour), now); got != c.ok {
			t.Errorf("%d: count %d is taken: %v, want %v", i, c.count, got, c.ok)
		}
	}
	g.use(n, 1, now.Add(time.Hour), now.Add(3*time.Hour))
	if len(g.used) != 1 {
		t.Errorf("%d questions are remembered after their time", len(g.used))
	}
	if _, ok := g.made("x" + n[1:]); ok {
		t.Error("a question of somebody else is taken for one of ours")
	}
}

func TestDialogs(t *testing.T) {
	t.Parallel()
	d := NewDialog(uri("desk"), uri("302"))
	first := d.Request(sip.SUBSCRIBE, uri("desk"))
	if first.CSeq().SeqNo != 1 || first.To().Params.Has("tag") {
		t.Errorf("the first request is %s", first)
	}
	theirs := AnswerDialog(first)
	notify := func(seq uint32, change func(*sip.Request)) *sip.Request {
		theirs.Sent = seq - 1
		req := theirs.Request(sip.NOTIFY, uri("pbx"))
		req.AppendHeader(&sip.RecordRouteHeader{Address: uri("one")})
		req.AppendHeader(&sip.RecordRouteHeader{Address: uri("two")})
		if change != nil {
			change(req)
		}
		return req
	}
	for i, c := range []struct {
		req  *sip.Request
		want Order
	}{
		{notify(7, func(r *sip.Request) { r.To().Params.Add("tag", "guessed") }), Foreign},
		{notify(7, func(r *sip.Request) { id := sip.CallIDHeader("guessed"); r.ReplaceHeader(&id) }), Foreign},
		{notify(7, func(r *sip.Request) { r.From().Params.Remove("tag") }), Foreign},
		{notify(7, nil), Next},
		{notify(7, nil), Again},
		{notify(6, nil), Late},
		{notify(9, func(r *sip.Request) { r.From().Params.Add("tag", "fork") }), Foreign},
		{notify(9, nil), Next},
	} {
		if got := d.Take(c.req); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
	second := d.Request(sip.SUBSCRIBE, uri("desk"))
	var routes []string
	for _, h := range second.GetHeaders("Route") {
		routes = append(routes, h.Value())
	}
	if tag, _ := second.To().Params.Get("tag"); tag != theirs.LocalTag || second.CSeq().SeqNo != 2 || second.Recipient.User != "pbx" ||
		strings.Join(routes, " ") != "<sip:one@example.test> <sip:two@example.test>" {
		t.Errorf("the next request is %s", second)
	}
}

func FuzzUserParts(f *testing.F) {
	for _, s := range []string{"302", "+49 30", "a%20b", "%", "%4", "ü#<>@", "N<302>;displayNumber=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u := sip.Uri{Scheme: "sip", User: Escape(s), Host: "h"}
		if got := Unescape(u.User); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
		Unescape(s)
		if s == "" {
			return
		}
		var back sip.Uri
		if err := sip.ParseUri(u.String(), &back); err != nil || Unescape(back.User) != s || back.Host != "h" {
			t.Errorf("%q is written %q and read as %q@%q, %v", s, u.String(), back.User, back.Host, err)
		}
	})
}
