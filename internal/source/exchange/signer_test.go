package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// trusting returns a client that trusts the server's certificate.
func trusting(t *testing.T, s *exchangetest.Server) *outbound.Client {
	c := outbound.NewClient(outbound.Config{RootCAs: s.Roots(), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// The account is let in by each way of signing in, also where the server demands that it is bound to the connection,
// and a wrong password is told for what it is.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	kdc, keys := startKDC(t)
	for name, tc := range map[string]struct {
		server exchangetest.Config
		client func(*Config)
		wrong  func(*Config)
	}{
		"basic":             {exchangetest.Config{TLS: true}, func(c *Config) { c.Auth = AuthBasic }, nil},
		"ntlm without tls":  {exchangetest.Config{Auth: []string{"NTLM"}}, func(c *Config) { c.Auth = AuthNTLM }, nil},
		"ntlm":              {exchangetest.Config{Auth: []string{"Negotiate", "NTLM"}, TLS: true}, func(c *Config) { c.Auth = "" }, nil},
		"ntlm, bound":       {exchangetest.Config{Auth: []string{"Negotiate", "NTLM"}, TLS: true, ChannelBinding: true}, func(c *Config) { c.Auth = AuthNTLM }, nil},
		"ntlm as negotiate": {exchangetest.Config{Auth: []string{"Negotiate"}, TLS: true, ChannelBinding: true}, func(c *Config) { c.Auth = AuthNTLM }, nil},
		"ntlm by upn":       {exchangetest.Config{Auth: []string{"NTLM"}, TLS: true, ChannelBinding: true}, func(c *Config) { c.Auth, c.Account, c.Domain = AuthNTLM, "reader@example.test", "" }, nil},
		"kerberos, bound": {exchangetest.Config{Auth: []string{"Negotiate", "NTLM"}, TLS: true, ChannelBinding: true, Keytab: keys, Domain: "office.test"}, func(c *Config) {
			c.Auth, c.Domain, c.Kerberos = AuthKerberos, "office.test", Kerberos{KDCs: []string{kdc}}
		}, nil},
		"oauth": {exchangetest.Config{Auth: []string{"Bearer"}, TLS: true}, func(c *Config) {
			c.Auth, c.Account, c.Domain, c.Password = AuthOAuth, "", "", ""
			c.OAuth = OAuth{ClientID: "app", ClientSecret: "secret"}
		}, func(c *Config) { c.OAuth.ClientSecret = "guess" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.wrong == nil {
				tc.wrong = func(c *Config) { c.Password = "guess" }
			}
			for _, right := range []bool{true, false} {
				o := newOffice(t, 1, tc.server, func(c *Config) { c.Auth = AuthBasic })
				o.server.AddApp("app", "secret", "reader")
				start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
				o.put(0, meeting("here", start))
				o.sys = newSystem(t, o.server.Base(), func(c *Config) {
					c.Domain, c.Client = "EXAMPLE", trusting(t, o.server)
					tc.client(c)
					if c.Auth == AuthOAuth {
						c.OAuth.TokenURL = o.server.TokenURL()
					}
					if !right {
						tc.wrong(c)
					}
				})
				if right {
					c := o.copy(0, start.Add(-time.Hour), start.Add(time.Hour))
					for range 3 {
						c.fetch()
					}
					if c.subjects() != "here" {
						t.Errorf("it reads %q", c.subjects())
					}
					w := o.watch(0)
					w.hears(0)
					if steps := o.sys.Check(within(t), person0(0)); len(steps) < 7 || !allOK(steps) {
						t.Errorf("checked, it finds %+v", steps)
					}
					continue
				}
				_, err := o.sys.Fetch(within(t), march(person0(0)))
				if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.Credentials || !e.Whole {
					t.Errorf("with a wrong secret: %v", err)
				}
				steps := o.sys.Check(within(t), person0(0))
				if last := steps[len(steps)-1]; last.Name != "sign_in" || last.OK || last.Remedy == "" || strings.Contains(last.Found+last.Remedy, "guess") {
					t.Errorf("checked, it finds %+v", steps)
				}
			}
		})
	}
}

func allOK(steps []source.Step) bool {
	for _, s := range steps {
		if !s.OK || s.Found == "" || s.Remedy != "" {
			return false
		}
	}
	return true
}

// A way of signing in that the server does not offer is told, with those it does.
func TestSigningInIsNotOffered(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, exchangetest.Config{Auth: []string{"Negotiate", "NTLM"}}, nil)
	_, err := o.sys.Fetch(within(t), march(person0(0)))
	if e, ok := errors.AsType[*source.Error](err); !ok || !strings.Contains(e.Text, "does not offer to sign in by basic; it offers Negotiate, NTLM") {
		t.Errorf("it says %v", err)
	}
}

// A wrong password is not tried again and again, or the account is locked.
func TestWrongPasswordIsTriedSeldom(t *testing.T) {
	t.Parallel()
	const n = 40
	var tries atomic.Int32
	server := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		w.Header().Set("WWW-Authenticate", `Basic realm="mail"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	sys := newSystem(t, server.URL, func(c *Config) { c.timing.wait = 200 * time.Millisecond })
	w := (&office{t: t, sys: sys}).watch(everybody(n)...)
	ends := make(chan error)
	for i := range n {
		go func() {
			_, err := sys.Fetch(within(t), march(person0(i)))
			ends <- err
		}()
	}
	for range n {
		if err := <-ends; err == nil {
			t.Error("it is let in")
		}
	}
	w.end()
	if n := tries.Load(); n < 2 || n > 8 {
		t.Errorf("a wrong password was tried %d times", n)
	}
}

// A token that was revoked is replaced.
func TestRevokedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, exchangetest.Config{Auth: []string{"Bearer"}}, nil)
	o.server.AddApp("app", "secret", "reader")
	o.sys = newSystem(t, o.server.Base(), func(c *Config) {
		c.Auth, c.Account, c.Domain, c.Password = AuthOAuth, "", "", ""
		c.OAuth = OAuth{ClientID: "app", ClientSecret: "secret", TokenURL: o.server.TokenURL()}
	})
	c := o.copy(0, time.Now(), time.Now().Add(time.Hour))
	c.fetch()
	o.server.RevokeTokens()
	c.fetch()
}

// The channel binding goes into the challenge, and into no other message.
func TestBind(t *testing.T) {
	t.Parallel()
	binding := []byte("0123456789abcdef")
	challenge := func(info []byte) []byte {
		m := make([]byte, 56)
		copy(m, "NTLMSSP\x00")
		binary.LittleEndian.PutUint32(m[8:], 2)
		binary.LittleEndian.PutUint16(m[40:], uint16(len(info)))
		binary.LittleEndian.PutUint32(m[44:], 56)
		return append(m, info...)
	}
	domain := []byte{2, 0, 4, 0, 'A', 0, 'B', 0}
	out := bind(challenge(append(domain, 0, 0, 0, 0)), binding)
	length, offset := binary.LittleEndian.Uint16(out[40:]), binary.LittleEndian.Uint32(out[44:])
	if got, want := string(out[offset:][:length]), string(domain)+"\x0a\x00\x10\x00"+string(binding)+"\x00\x00\x00\x00"; got != want {
		t.Errorf("the list is %q, want %q", got, want)
	}
	if got := messageType("NTLM " + base64.StdEncoding.EncodeToString(out)); got != 2 {
		t.Errorf("its type is %d", got)
	}
	for name, m := range map[string][]byte{
		"nothing": nil, "short": out[:20], "no list": challenge(nil), "no end": challenge(domain), "length beyond": challenge([]byte{2, 0, 200, 0}),
		"bound already": out, "offset beyond": append(challenge(nil)[:44], 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0),
	} {
		if got := bind(m, binding); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if bind(challenge([]byte{0, 0, 0, 0}), nil) != nil {
		t.Error("bound to nothing")
	}
}
