package outbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	if c.Allow == nil {
		c.Allow = loopback
	}
	client := NewClient(c)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func serve(t *testing.T, h http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return parse(t, s.URL)
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, _, _, err := ParseURL(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

// wantError also checks what holds for every error.
func wantError(t *testing.T, err error, kind Kind) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("error %v, want one of kind %d", err, kind)
	}
	for _, s := range []string{e.Error(), e.Public()} {
		if s == "" || strings.Contains(s, "hunter2") || strings.Contains(s, "private-") {
			t.Errorf("error says %q, want words without secrets", s)
		}
	}
	return e
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	const always, closed, office, open = "always", "closed", "office", "open"
	for addr, want := range map[string]string{
		"8.8.8.8": open, "193.0.6.139": open, "2a00:1450:4001:82a::2004": open, "100.63.255.255": open, "172.32.0.1": open,
		"10.0.0.1": office, "172.16.0.1": office, "172.31.255.255": office, "192.168.1.1": office, "100.64.0.1": office,
		"fd12:3456::1": office, "::ffff:10.1.2.3": office, "fc00::1": office,
		"127.0.0.1": closed, "127.255.255.254": closed, "::1": closed, "::ffff:127.0.0.1": closed,
		"169.254.169.254": closed, "169.254.1.1": closed, "fe80::1": closed, "fe80::1%eth0": closed, "fec0::1": closed,
		"100.100.100.200": closed, "fd00:ec2::254": closed, "192.0.0.192": closed,
		"192.0.2.1": closed, "198.18.0.1": closed, "203.0.113.7": closed, "240.0.0.1": closed, "192.88.99.1": closed,
		"::7f00:1": closed, "::10.0.0.1": closed, "2002:7f00:1::": closed, "2001:0:1::1": closed, "2001:db8::1": closed,
		"100::1": closed, "5f00::1": closed, "64:ff9b:1::1": closed, "::ffff:0:127.0.0.1": closed,
		"64:ff9b::8.8.8.8": open, "64:ff9b::127.0.0.1": closed, "64:ff9b::10.0.0.1": office, "64:ff9b::224.0.0.1": always,
		"0.0.0.0": always, "0.1.2.3": always, "::": always, "::ffff:0.0.0.0": always,
		"224.0.0.1": always, "239.255.255.250": always, "255.255.255.255": always, "ff02::1": always,
	} {
		a := netip.MustParseAddr(addr)
		all := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
		got := always
		switch {
		case refuse(a, false, nil) == whyNone:
			got = open
		case refuse(a, true, nil) == whyNone:
			got = office
		case refuse(a, false, all) == whyNone:
			got = closed
		}
		// The address inside a NAT64 address is judged too, so opening everything opens none that stands for many.
		if addr == "64:ff9b::224.0.0.1" && refuse(a, false, nil) != whyNone {
			got = always
		}
		if got != want {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
	if refuse(netip.Addr{}, true, nil) == whyNone {
		t.Error("no address at all is open")
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://cal.example/a?b=c#d":   "https://cal.example/a?b=c",
		" webcal://cal.example/a.ics ":  "https://cal.example/a.ics",
		"WEBCAL://cal.example/a.ics":    "https://cal.example/a.ics",
		"webcals://cal.example:8443/a":  "https://cal.example:8443/a",
		"http://cal.example":            "http://cal.example/",
		"cal.example/a.ics":             "https://cal.example/a.ics",
		"//cal.example:81/a.ics":        "https://cal.example:81/a.ics",
		"https://ann:hunter2@h.example": "https://h.example/",
		"":                              "", "  ": "", "ftp://h.example/": "", "file:///etc/passwd": "", "https:///x": "",
		"gopher://h.example": "", "https://h.example:0/": "", "https://h.example:x/": "", "http://ann:hunter2@[::1": "",
		"https://h.example/%zz:hunter2": "", "unix:///run/x": "", "https://:8080/": "",
		"https://h.example/" + strings.Repeat("x", maxURL): "",
	} {
		u, name, password, err := ParseURL(in)
		switch {
		case want == "":
			wantError(t, err, BadAddress)
		case err != nil || u.String() != want:
			t.Errorf("%q is %v, %v, want %s", in, u, err, want)
		case strings.Contains(in, "@") != (name == "ann" && password == "hunter2"):
			t.Errorf("%q has user %q with password %q", in, name, password)
		}
	}
}

func TestInsideIsRefusedWhenDialled(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inside := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	c := newClient(t, Config{Allow: []netip.Prefix{}, AllowPrivate: true})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
		u := parse(t, "http://ann:hunter2@"+host+":"+inside.Port()+"/private-x")
		_, err := c.Do(t.Context(), Request{URL: u})
		e := wantError(t, err, NotAllowed)
		if !strings.Contains(e.Public(), strings.Trim(host, "[]")) {
			t.Errorf("%s: %q does not name the host", host, e.Public())
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the inside was asked %d times", n)
	}
}

func TestRedirectsIntoTheNetworkAreRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	inside := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })}}
	inside.Start()
	t.Cleanup(inside.Close)
	c := newClient(t, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	for target, want := range map[string]Kind{
		inside.URL: NotAllowed, "http://169.254.169.254/latest/meta-data/": NotAllowed, "http://10.0.0.1/": NotAllowed,
		"http://[::1]/": NotAllowed, "http://[fe80::1%25lo]/": NotAllowed,
		"file:///etc/passwd": Redirects, "ftp://127.0.0.1/": NotAllowed, "http://": Redirects, "http://%zz/": Redirects, "": Redirects,
		"gopher://127.0.0.1/": NotAllowed,
	} {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", target)
			w.WriteHeader(http.StatusFound)
		})
		_, err := c.Do(t.Context(), Request{URL: u})
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != want {
			t.Errorf("redirect to %q: %v, want kind %d", target, err, want)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the inside was asked %d times", n)
	}
}

func TestRedirectsEnd(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
	})
	for most, want := range map[int]int32{-1: 1, 0: 6, 3: 4} {
		asked.Store(0)
		_, err := newClient(t, Config{MaxRedirects: most}).Do(t.Context(), Request{URL: u})
		wantError(t, err, Redirects)
		if n := asked.Load(); n != want {
			t.Errorf("with %d redirects asked %d times, want %d", most, n, want)
		}
	}
}

// A redirect keeps what WebDAV needs and loses what is meant for one server only.
func TestRedirectKeepsMethodAndLosesSecrets(t *testing.T) {
	t.Parallel()
	tell := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s auth=%q cookie=%q depth=%q body=%q", r.Method, r.URL.Path, r.Header.Get("Authorization"),
			r.Header.Get("Cookie"), r.Header.Get("Depth"), body)
	}
	other := serve(t, tell)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch code := strings.TrimPrefix(r.URL.Path, "/"); code {
		case "":
			tell(w, r)
		case "away":
			http.Redirect(w, r, "http://ann:hunter2@"+other.Host+"/there", http.StatusTemporaryRedirect)
		default:
			n := 0
			fmt.Sscan(code, &n)
			http.Redirect(w, r, "/", n)
		}
	})
	c := newClient(t, Config{})
	header := http.Header{"Authorization": {"Bearer hunter2"}, "Cookie": {"hunter2"}, "Depth": {"1"}}
	for _, tc := range []struct{ method, path, want string }{
		{"PROPFIND", "301", `PROPFIND / auth="Bearer hunter2" cookie="hunter2" depth="1" body="x"`},
		{"REPORT", "302", `REPORT / auth="Bearer hunter2" cookie="hunter2" depth="1" body="x"`},
		{"PROPFIND", "308", `PROPFIND / auth="Bearer hunter2" cookie="hunter2" depth="1" body="x"`},
		{"PROPFIND", "303", `GET / auth="Bearer hunter2" cookie="hunter2" depth="1" body=""`},
		{"POST", "301", `GET / auth="Bearer hunter2" cookie="hunter2" depth="1" body=""`},
		{"POST", "307", `POST / auth="Bearer hunter2" cookie="hunter2" depth="1" body="x"`},
		{"PROPFIND", "away", `PROPFIND /there auth="" cookie="" depth="1" body="x"`},
	} {
		at := *u
		at.Path = "/" + tc.path
		resp, err := c.Do(t.Context(), Request{Method: tc.method, URL: &at, Header: header, Body: []byte("x")})
		if err != nil || string(resp.Body) != tc.want {
			t.Errorf("%s %s: %s, %v, want %s", tc.method, tc.path, resp.Body, err, tc.want)
		}
	}
	if header.Get("Authorization") == "" {
		t.Error("the caller's header was changed")
	}
}

func TestLoginStaysWithItsServer(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	thief := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			leaked.Store(true)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="give it to me"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.String(), http.StatusMovedPermanently)
	})
	login := NewLogin(u, "ann", "hunter2")
	resp, err := newClient(t, Config{}).Do(t.Context(), Request{URL: u, Login: login})
	if err != nil || resp.Status != http.StatusUnauthorized || resp.URL.Host != thief.Host {
		t.Fatalf("got %+v, %v, want the other server's 401", resp, err)
	}
	if leaked.Load() {
		t.Error("the login was sent to the other server")
	}
	if s := fmt.Sprintf("%v %+v %#v %s", login, login, login, login.LogValue()); strings.Contains(s, "hunter2") {
		t.Errorf("a login prints as %s", s)
	}
	for _, tc := range []struct {
		from, to string
		want     bool
	}{
		{"https://a.example/x", "https://A.example:443/y", true},
		{"http://a.example/", "https://a.example/", true},
		{"http://a.example:81/", "https://a.example/", true},
		{"https://a.example/", "http://a.example/", false},
		{"https://a.example/", "https://a.example:444/", false},
		{"http://a.example/", "http://a.example:81/", false},
		{"https://a.example/", "https://b.a.example/", false},
	} {
		if got := NewLogin(parse(t, tc.from), "ann", "x").Trusts(parse(t, tc.to)); got != tc.want {
			t.Errorf("a login for %s is sent to %s: %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

// digestServer checks answers to its challenge with its own arithmetic (RFC 7616 §3.4.1).
func digestServer(challenge []string, newHash func() hash.Hash, nonces ...string) http.HandlerFunc {
	h := func(s string) string {
		x := newHash()
		io.WriteString(x, s)
		return hex.EncodeToString(x.Sum(nil))
	}
	var uses atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		nonce := nonces[min(int(uses.Load()), len(nonces)-1)]
		field := r.Header.Get("Authorization")
		get := func(name string) string {
			_, rest, found := strings.Cut(strings.ReplaceAll(field, ", ", ","), ","+name+"=")
			if !found {
				_, rest, _ = strings.Cut(field, " "+name+"=")
			}
			v, _, _ := strings.Cut(rest, ",")
			return strings.Trim(v, `"`)
		}
		a1, a2 := h("ann:the realm:hunter2"), h(r.Method+":"+r.URL.RequestURI())
		want := h(a1 + ":" + nonce + ":" + get("nc") + ":" + get("cnonce") + ":auth:" + a2)
		if strings.HasPrefix(field, "Digest ") && get("nonce") == nonce && get("response") == want && get("uri") == r.URL.RequestURI() {
			uses.Add(1)
			io.WriteString(w, "welcome "+get("nc"))
			return
		}
		for _, c := range challenge {
			w.Header().Add("WWW-Authenticate", strings.ReplaceAll(c, "NONCE", nonce))
		}
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		challenge []string
		hash      func() hash.Hash
	}{
		"MD5":           {[]string{`Digest realm="the realm", nonce="NONCE", qop="auth", opaque="o, p"`}, md5.New},
		"SHA-256":       {[]string{`Digest realm="the realm",nonce="NONCE",algorithm=SHA-256,qop="auth-int, auth"`}, sha256.New},
		"strongest":     {[]string{`Basic realm="b"`, `Digest realm="the realm", nonce="NONCE", qop="auth", algorithm=MD5`, `Digest realm="the realm", nonce="NONCE", qop="auth", algorithm=SHA-256`}, sha256.New},
		"in one field":  {[]string{`Negotiate, Basic realm="b, c", Digest realm="the realm", nonce="NONCE", qop="auth", NTLM`}, md5.New},
		"unknown first": {[]string{`Digest realm="the realm", nonce="x", algorithm=FOO-1, qop="auth", Digest realm="the realm", nonce="NONCE", qop="auth"`}, md5.New},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The second nonce replaces the first after two uses, without stale, as some servers do.
			u := serve(t, digestServer(tc.challenge, tc.hash, "n1", "n1", "n2"))
			u.Path, u.RawQuery = "/a b/ü", "q=1&r"
			c := newClient(t, Config{})
			login := NewLogin(u, "ann", "hunter2")
			for i, want := range []string{"welcome 00000001", "welcome 00000002", "welcome 00000001", "welcome 00000002"} {
				resp, err := c.Do(t.Context(), Request{Method: "REPORT", URL: u, Login: login, Body: []byte("x")})
				if err != nil || string(resp.Body) != want {
					t.Fatalf("request %d: %d %q, %v, want %q", i, resp.Status, resp.Body, err, want)
				}
			}
			resp, err := c.Do(t.Context(), Request{URL: u, Login: NewLogin(u, "ann", "wrong")})
			if err != nil || resp.Status != http.StatusUnauthorized {
				t.Errorf("wrong password: %v, %v, want 401", resp, err)
			}
		})
	}
}

func TestBasicIsAskedForFirst(t *testing.T) {
	t.Parallel()
	var log []string
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		name, password, ok := r.BasicAuth()
		log = append(log, fmt.Sprint(name, " ", password))
		if !ok || password != "hünter2" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x", charset="UTF-8"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	c := newClient(t, Config{})
	login := NewLogin(u, "ann", "hünter2")
	for range 2 {
		if resp, err := c.Do(t.Context(), Request{URL: u, Login: login}); err != nil || resp.Status != http.StatusOK {
			t.Fatal(resp, err)
		}
	}
	offered := NewLogin(u, "ann", "hünter2")
	offered.Offer(u)
	c.Do(t.Context(), Request{URL: u, Login: offered})
	c.Do(t.Context(), Request{URL: u, Login: NewLogin(u, "ann", "wrong")})
	if got, want := strings.Join(log, ","), " ,ann hünter2,ann hünter2,ann hünter2, ,ann wrong"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 16 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	var empty bytes.Buffer
	gzip.NewWriter(&empty).Close()
	exact := bytes.Repeat([]byte("x"), 1<<20)
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		kind Kind
		n    int
	}{
		"as much as allowed": {func(w http.ResponseWriter, r *http.Request) { w.Write(exact) }, 0, 1 << 20},
		"one byte more":      {func(w http.ResponseWriter, r *http.Request) { w.Write(append(exact[:len(exact):len(exact)], 'x')) }, TooLarge, 0},
		"announced": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10000000000")
			w.WriteHeader(http.StatusOK)
		}, TooLarge, 0},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(exact); err != nil {
					return
				}
			}
		}, TooLarge, 0},
		"gzip bomb": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, TooLarge, 0},
		"gzip of nothing, for ever": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat(empty.Bytes(), 1000)); err != nil {
					return
				}
			}
		}, TooLarge, 0},
		"gzip": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				w.WriteHeader(http.StatusNotAcceptable)
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(exact)
			z.Close()
		}, 0, 1 << 20},
		"empty gzip": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Encoding", "gzip") }, 0, 0},
		"damaged gzip": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(exact)
		}, Other, -1},
		"brotli": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Encoding", "br"); w.Write(exact) }, Other, -1},
		"broken off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("x"))
		}, Unreachable, 0},
		"large header": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, Unreachable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := serve(t, tc.h)
			resp, err := newClient(t, Config{MaxBody: 1 << 20}).Do(t.Context(), Request{URL: u})
			if tc.kind != 0 || tc.n < 0 {
				wantError(t, err, tc.kind)
				return
			}
			if err != nil || resp.Status != http.StatusOK || len(resp.Body) != tc.n {
				t.Errorf("%d bytes, %v, want %d", len(resp.Body), err, tc.n)
			}
		})
	}
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(exact) })
	_, err := newClient(t, Config{}).Do(t.Context(), Request{URL: u, MaxBody: 1000})
	wantError(t, err, TooLarge)
}

func TestSlowServers(t *testing.T) {
	t.Parallel()
	drip := func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				w.Write([]byte("x"))
				w.(http.Flusher).Flush()
			}
		}
	}
	u := serve(t, drip)
	_, err := newClient(t, Config{Timeout: 100 * time.Millisecond}).Do(t.Context(), Request{URL: u})
	if e := wantError(t, err, Unreachable); !strings.Contains(e.Public(), "100ms") {
		t.Errorf("%q does not say how long", e.Public())
	}
	hops := serve(t, func(w http.ResponseWriter, r *http.Request) { // each hop in time, all together not
		select {
		case <-r.Context().Done():
		case <-time.After(40 * time.Millisecond):
			http.Redirect(w, r, "/", http.StatusFound)
		}
	})
	_, err = newClient(t, Config{Timeout: 100 * time.Millisecond, MaxRedirects: 1000}).Do(t.Context(), Request{URL: hops})
	wantError(t, err, Unreachable)

	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("shutting down")
	mute := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(cause); <-r.Context().Done() })
	_, err = newClient(t, Config{}).Do(ctx, Request{URL: mute})
	if wantError(t, err, Unreachable); !errors.Is(err, cause) {
		t.Errorf("given up: %v, want the cause in it", err)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	c := newClient(t, Config{})
	_, err = c.Do(t.Context(), Request{URL: parse(t, "http://ann:hunter2@"+closed+"/private-x?token=hunter2")})
	if e := wantError(t, err, Unreachable); !strings.Contains(e.Public(), "refuses") {
		t.Errorf("closed port: %q", e.Public())
	}
	for _, dns := range []*net.DNSError{{Err: "no such host", Name: "h.example", IsNotFound: true}, {Err: "server misbehaving", Name: "h.example"}} {
		e := wantError(t, explain(t.Context(), "h.example", time.Second, &net.OpError{Op: "dial", Err: dns}), Unreachable)
		if there := !strings.Contains(e.Public(), "no server with the name"); there == dns.IsNotFound {
			t.Errorf("%v: %q", dns, e.Public())
		}
	}
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	plain.Scheme = "https"
	_, err = c.Do(t.Context(), Request{URL: plain})
	if e := wantError(t, err, Unreachable); !strings.Contains(e.Public(), "https") {
		t.Errorf("http on the https port: %q", e.Public())
	}
	for _, u := range []*url.URL{{Scheme: "ftp", Host: "h.example"}, {Scheme: "http"}, {Path: "/x"}} {
		_, err = c.Do(t.Context(), Request{URL: u})
		wantError(t, err, BadAddress)
	}
	_, err = c.Do(t.Context(), Request{URL: plain, Method: "BAD METHOD"})
	wantError(t, err, BadAddress)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") != "Doorlight" {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are refused on purpose
	s.StartTLS()
	t.Cleanup(s.Close)
	u := parse(t, s.URL)
	_, err := newClient(t, Config{}).Do(t.Context(), Request{URL: u})
	wantError(t, err, Untrusted)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := newClient(t, Config{RootCAs: roots})
	if resp, err := c.Do(t.Context(), Request{URL: u}); err != nil || resp.Status != http.StatusOK || string(resp.Body) != "HTTP/2.0" {
		t.Errorf("known authority: %+v, %v", resp, err)
	}
	u.Host = "localhost:" + u.Port()
	_, err = c.Do(t.Context(), Request{URL: u})
	if e := wantError(t, err, Untrusted); !strings.Contains(e.Public(), "another name") {
		t.Errorf("wrong name: %q", e.Public())
	}
}

func TestNoProxyByEnvironment(t *testing.T) {
	if c := NewClient(Config{}); c.transport.Proxy != nil {
		t.Error("a proxy of the environment would be used")
	}
}

func FuzzSplitChallenges(f *testing.F) {
	for _, s := range []string{`Basic realm="a, b", Digest realm="c", nonce="d"`, `Negotiate, NTLM`, `Digest a="\"`, `,,`, `a = b, c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		choose(http.Header{"Www-Authenticate": {s}})
		if len(splitChallenges(s)) > len(s) {
			t.Errorf("%q has more challenges than characters", s)
		}
	})
}
