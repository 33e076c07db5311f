package openid_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/openid"
	"github.com/doorlight/doorlight/internal/openid/providertest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// here is the client that lets tests reach providers on this computer, as the server's own does.
func here() *http.Client {
	return outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxRedirects: -1}).HTTP()
}

// desk is a server of ours: where the browser comes back to, and where the provider tells of sign-outs.
type desk struct {
	*httptest.Server
	back    chan url.Values
	logouts chan string
}

func newDesk(t *testing.T) *desk {
	d := &desk{back: make(chan url.Values, 4), logouts: make(chan string, 4)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/back":
			d.back <- r.URL.Query()
		case "/logout":
			d.logouts <- r.FormValue("logout_token")
		}
	}))
	t.Cleanup(d.Close)
	return d
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// signIn has somebody sign in, and returns with what they came back.
func (d *desk) signIn(t *testing.T, p *openid.Provider, b *providertest.Browser) (openid.Attempt, url.Values) {
	t.Helper()
	a, address, err := p.Begin(t.Context(), d.URL+"/back")
	if err != nil {
		t.Fatal(err)
	}
	if _, page, err := b.Open(address); err != nil {
		t.Fatal(err, page)
	}
	select {
	case answer := <-d.back:
		return a, answer
	case <-time.After(10 * time.Second):
		t.Fatal("the browser did not come back")
		return a, nil
	}
}

func TestSomebodySignsInWithTheirProvider(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	op := providertest.Start(t)
	op.Serve(t, providertest.People{
		"anna-1": {"email": "anna@example.com", "email_verified": true, "preferred_username": "anna", "name": "Anna Arnold"},
		"ben-2":  {"email": "ben@example.com", "email_verified": false},
	}, false, providertest.Client{
		ID: "doorlight", Secret: "s3cret & more", RedirectURIs: []string{d.URL + "/back"}, LogoutURI: d.URL + "/logout", LogoutWithSession: true,
	}, providertest.Client{ID: "public", TokenAuth: "none", RedirectURIs: []string{d.URL + "/back"}})
	config := openid.Config{Issuer: op.Issuer, ClientID: "doorlight", Secret: "s3cret & more", Scopes: []string{"email", "profile"}, Claim: "preferred_username", HTTP: here()}
	p := must[*openid.Provider](t)(openid.New(config))

	anna := op.Browser("anna-1")
	a, answer := d.signIn(t, p, anna)
	id, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != "anna-1" || id.Claim("preferred_username") != "anna" || id.Claim("email") != "anna@example.com" || id.SessionID == "" {
		t.Errorf("got %+v", id)
	}
	if verified, said := id.EmailVerified(); !verified || !said {
		t.Error("the address is verified and is said not to be")
	}

	t.Run("a code is good once", func(t *testing.T) {
		_, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
		wantKind(t, err, openid.Misbehaves, "invalid_grant")
	})
	t.Run("with the answer to another attempt", func(t *testing.T) {
		other, _, err := p.Begin(t.Context(), d.URL+"/back")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Finish(t.Context(), other, d.URL+"/back", answer)
		wantKind(t, err, openid.Stale, "did not begin")
		_, err = p.Finish(t.Context(), openid.Attempt{}, d.URL+"/back", url.Values{"code": {"x"}})
		wantKind(t, err, openid.Stale, "did not begin")
	})
	t.Run("with a stolen code", func(t *testing.T) { // PKCE: a code is of no use without what only this browser's attempt has
		_, stolen := d.signIn(t, p, anna)
		mine, _, err := p.Begin(t.Context(), d.URL+"/back")
		if err != nil {
			t.Fatal(err)
		}
		stolen.Set("state", mine.State)
		_, err = p.Finish(t.Context(), mine, d.URL+"/back", stolen)
		wantKind(t, err, openid.Misbehaves, "invalid_grant")
	})
	t.Run("with a token for another attempt", func(t *testing.T) {
		a, answer := d.signIn(t, p, anna)
		a.Nonce = "another"
		_, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
		wantKind(t, err, openid.Misbehaves, "another attempt")
	})
	t.Run("with an answer of another provider", func(t *testing.T) { // RFC 9207
		a, answer := d.signIn(t, p, anna)
		answer.Set("iss", "https://evil.example")
		_, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
		wantKind(t, err, openid.Misbehaves, "another provider")
		answer.Del("iss")
		_, err = p.Finish(t.Context(), a, d.URL+"/back", answer)
		wantKind(t, err, openid.Misbehaves, "another provider")
	})
	t.Run("cancelled there", func(t *testing.T) {
		a, answer := d.signIn(t, p, op.Browser(""))
		_, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
		wantKind(t, err, openid.Refused, "access_denied")
	})
	t.Run("an address that is not verified is said to be so", func(t *testing.T) {
		a, answer := d.signIn(t, p, op.Browser("ben-2"))
		id, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
		if err != nil {
			t.Fatal(err)
		}
		if verified, said := id.EmailVerified(); verified || !said {
			t.Error("the address is not verified and is not said to be so")
		}
	})
	t.Run("with a wrong secret", func(t *testing.T) {
		c := config
		c.Secret = "wrong"
		p := must[*openid.Provider](t)(openid.New(c))
		a, answer := d.signIn(t, p, anna)
		_, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
		wantKind(t, err, openid.Misbehaves, "invalid_client")
		if strings.Contains(err.Error(), answer.Get("code")) {
			t.Error("the error tells the code")
		}
	})
	t.Run("without a secret", func(t *testing.T) {
		c := config
		c.ClientID, c.Secret = "public", ""
		p := must[*openid.Provider](t)(openid.New(c))
		a, answer := d.signIn(t, p, anna)
		if _, err := p.Finish(t.Context(), a, d.URL+"/back", answer); err != nil {
			t.Error(err)
		}
	})
	t.Run("signing out there", func(t *testing.T) {
		_, page, err := anna.Open(op.Issuer + "/session/end")
		if err != nil {
			t.Fatal(err, page)
		}
		var token string
		select {
		case token = <-d.logouts:
		case <-time.After(10 * time.Second):
			t.Fatal("the provider told nothing", page)
		}
		out, err := p.Logout(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if out.Subject != "anna-1" || out.SessionID == "" {
			t.Errorf("got %+v", out)
		}
		_, err = p.Logout(t.Context(), token)
		wantKind(t, err, openid.Stale, "used before")
		_, err = p.Logout(t.Context(), token[:len(token)-4]+"AAAA")
		wantKind(t, err, openid.Misbehaves, "not good")
		_, err = p.Logout(t.Context(), "")
		wantKind(t, err, openid.Misbehaves, "not good")
	})
	t.Run("the check tells each step", func(t *testing.T) {
		for _, step := range p.Check(t.Context()) {
			if !step.OK {
				t.Errorf("%s: %s", step.Name, step.Found)
			}
		}
		c := config
		c.Secret = "wrong"
		steps := must[*openid.Provider](t)(openid.New(c)).Check(t.Context())
		if got := steps[3]; got.OK || got.Name != "client" || !strings.Contains(got.Found, "invalid_client") || !strings.Contains(got.Remedy, "secret") {
			t.Errorf("a wrong secret is not found: %+v", got)
		}
		c.Issuer += "/other"
		steps = must[*openid.Provider](t)(openid.New(c)).Check(t.Context())
		if len(steps) != 1 || steps[0].OK || !strings.Contains(steps[0].Remedy, c.Issuer+"/.well-known/openid-configuration") {
			t.Errorf("a wrong issuer is not found: %+v", steps)
		}
	})
}

func TestClaimsInTheToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	op := providertest.Start(t)
	op.Serve(t, providertest.People{"anna-1": {"email": "anna@example.com"}}, true,
		providertest.Client{ID: "doorlight", Secret: "secret", TokenAuth: "client_secret_post", RedirectURIs: []string{d.URL + "/back"}})
	p := must[*openid.Provider](t)(openid.New(openid.Config{Issuer: op.Issuer, ClientID: "doorlight", Secret: "secret", Scopes: []string{"email"}, Claim: "email", HTTP: here()}))
	a, answer := d.signIn(t, p, op.Browser("anna-1"))
	id, err := p.Finish(t.Context(), a, d.URL+"/back", answer)
	if err != nil || id.Claim("email") != "anna@example.com" {
		t.Errorf("got %+v, %v", id, err)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"":                         "must not be empty",
		"login.example.com":        "is no address",
		"http://login.example.com": "must begin with https://",
		"https://u:p@example.com":  "is no address",
		"https://example.com/?x=1": "is no address",
		"ftp://login.example.com":  "must begin with https://",
		"https://login.microsoftonline.com/common/v2.0": "directory ID",
	} {
		_, err := openid.New(openid.Config{Issuer: issuer, ClientID: "x"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("issuer %q: got %v, want something with %q", issuer, err, want)
		}
	}
	_, err := openid.New(openid.Config{Issuer: "https://example.com", Scopes: []string{"a b"}})
	if err == nil || !strings.Contains(err.Error(), "client_id") || !strings.Contains(err.Error(), "scopes") {
		t.Errorf("got %v", err)
	}
}

func TestAProviderThatIsSilent(t *testing.T) {
	t.Parallel()
	l := httptest.NewServer(http.NotFoundHandler())
	address := l.URL
	l.Close()
	p := must[*openid.Provider](t)(openid.New(openid.Config{Issuer: address, ClientID: "x", HTTP: here()}))
	_, _, err := p.Begin(t.Context(), "http://localhost/back")
	wantKind(t, err, openid.Unreachable, "127.0.0.1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.Begin(ctx, "http://localhost/back"); err == nil {
		t.Error("it was reached")
	}
}

func wantKind(t *testing.T, err error, kind openid.Kind, text string) {
	t.Helper()
	e, ok := err.(*openid.Error)
	if !ok || e.Kind != kind || !strings.Contains(e.Text, text) {
		t.Errorf("got %#v, want kind %d with %q", err, kind, text)
	}
}
