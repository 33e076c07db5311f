package graph

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

const callback = "http://localhost/callback"

// browser follows the sign-in page as a browser does, up to where it is sent back.
type browser struct {
	t      *testing.T
	client *http.Client
	page   string
	at     *url.URL
	back   *url.URL // where the page sent us; nil: not yet
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	must(t, err)
	b := &browser{t: t}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return b
}

func (b *browser) take(resp *http.Response, err error) *browser {
	b.t.Helper()
	must(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(b.t, err)
	b.page, b.at = string(body), resp.Request.URL
	if to := resp.Header.Get("Location"); to != "" {
		b.back, err = url.Parse(to)
		must(b.t, err)
	}
	return b
}

func (b *browser) open(address string) *browser {
	b.t.Helper()
	return b.take(b.client.Get(address))
}

var input = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// submit fills in the form on the page.
func (b *browser) submit(fields url.Values) *browser {
	b.t.Helper()
	form := url.Values{}
	for _, m := range input.FindAllStringSubmatch(b.page, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for name := range fields {
		form.Set(name, fields.Get(name))
	}
	return b.take(b.client.PostForm(b.at.String(), form))
}

// TestAnnaConnectsHerAccount goes from the button to the calendar, and on when tokens are replaced.
func TestAnnaConnectsHerAccount(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(g *graphtest.Config, _ *Config, _ *outbound.Config) {
		g.TokenLife = 4 * time.Second
		g.Grace = time.Nanosecond
	})
	put(t, server, "anna@example.com", graphtest.Event{Subject: "Budget", Start: marchFrom.Add(9 * time.Hour), End: marchFrom.Add(10 * time.Hour)})
	verifier := oauth2.GenerateVerifier()
	b := newBrowser(t).open(s.AuthURL(ForCalendars, "state&1", verifier, callback, "anna@example.com"))
	if !strings.Contains(b.page, `value="anna@example.com"`) {
		t.Error("the page does not know who is to sign in")
	}
	if b.submit(url.Values{"login": {"anna@example.com"}, "password": {"wrong"}}); !strings.Contains(b.page, "incorrect") {
		t.Errorf("a wrong password leads to %s", b.page)
	}
	b.submit(url.Values{"login": {"anna@example.com"}, "password": {"anna's"}})
	for _, scope := range []string{"Calendars.Read", "User.Read", "offline_access"} {
		if !strings.Contains(b.page, "<li>"+scope+"</li>") {
			t.Errorf("consent is not asked for %s", scope)
		}
	}
	b.submit(url.Values{"accept": {"yes"}})
	if b.back == nil || b.back.Query().Get("state") != "state&1" || b.back.Query().Get("code") == "" {
		t.Fatalf("sent back to %v, want the state and a code", b.back)
	}
	must(t, s.AuthError(b.back.Query()))
	code := b.back.Query().Get("code")
	if _, err := s.Redeem(t.Context(), ForCalendars, code, verifier+"x", callback); errorOf(t, err).Kind != source.Credentials {
		t.Errorf("a wrong verifier: %v", err)
	}
	b = newBrowser(t).open(s.AuthURL(ForCalendars, "2", verifier, callback, "")).submit(url.Values{"login": {"anna@example.com"}, "password": {"anna's"}})
	code = b.back.Query().Get("code") // she agreed before
	g, err := s.Redeem(t.Context(), ForCalendars, code, verifier, callback)
	must(t, err)
	if g.UPN != "anna@example.com" || g.Mail != "anna@example.com" || g.Name != "Anna Amsel" || g.Tenant != server.Tenant || !guid.MatchString(g.ID) || g.Refresh == "" {
		t.Errorf("granted by %q %q %q %q %q", g.UPN, g.Mail, g.Name, g.Tenant, g.ID)
	}
	if _, err := s.Redeem(t.Context(), ForCalendars, code, verifier, callback); errorOf(t, err).Kind != source.Credentials {
		t.Errorf("a code works twice: %v", err)
	}

	tokens := server.Count("token")
	a := source.Account{Password: g.Refresh, From: marchFrom, To: marchTo}
	r, err := s.Fetch(t.Context(), a)
	must(t, err)
	if got := read(t, r, marchFrom, marchTo); len(got) != 1 || got[0].Subject != "Budget" || r.Password != "" {
		t.Errorf("read %v, with the password %q", got, r.Password)
	}
	if server.Count("token") != tokens {
		t.Error("a token was asked for although there is one")
	}
	server.ForgetTokens() // and the refresh token is replaced
	r, err = s.Fetch(t.Context(), a)
	must(t, err)
	if r.Password == "" || r.Password == g.Refresh {
		t.Fatal("the new refresh token was not handed over")
	}
	second := r.Password
	if r, err = s.Fetch(t.Context(), a); err != nil || r.Password != second {
		t.Errorf("somebody who did not keep it gets %v, %v; want the new one again", r.Password == second, err)
	}
	server.ForgetTokens() // only the second one is good now; whoever has the first is helped nevertheless
	r, err = s.Fetch(t.Context(), a)
	must(t, err)
	if r.Password == "" || r.Password == second {
		t.Error("no third refresh token")
	}

	must(t, server.Revoke("anna@example.com", 50173))
	_, err = s.Fetch(t.Context(), source.Account{Password: r.Password, From: marchFrom, To: marchTo})
	if e := errorOf(t, err); e.Kind != source.Credentials || e.Whole || !strings.Contains(e.Text, "Connect the account again") {
		t.Errorf("after the password was changed: %v %q", e, e.Text)
	}
}

// TestSignInsThatFail tells why in words.
func TestSignInsThatFail(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	verifier := oauth2.GenerateVerifier()
	open := func(change func(url.Values)) *browser {
		u, err := url.Parse(s.AuthURL(ForCalendars, "1", verifier, callback, ""))
		must(t, err)
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		return newBrowser(t).open(u.String())
	}
	for name, one := range map[string]struct {
		change func(url.Values)
		page   string // on the page, as nobody can be sent back
		words  string // of the error that came back
	}{
		"a redirect that is not registered": {func(q url.Values) { q.Set("redirect_uri", "https://elsewhere.example.com/") }, "AADSTS50011", ""},
		"an unknown application":            {func(q url.Values) { q.Set("client_id", "11111111-1111-1111-1111-111111111111") }, "AADSTS700016", ""},
		"no PKCE":                           {func(q url.Values) { q.Del("code_challenge") }, "", "redirect URI"},
		"a plain challenge":                 {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "", "redirect URI"},
		"a permission that there is not":    {func(q url.Values) { q.Set("scope", "Calendars.Dance") }, "", "permission"},
	} {
		b := open(one.change)
		if one.page != "" {
			if b.back != nil || !strings.Contains(b.page, one.page) {
				t.Errorf("%s: sent to %v, page %q", name, b.back, b.page)
			}
			continue
		}
		if b.back == nil {
			t.Errorf("%s: page %q, want to be sent back", name, b.page)
			continue
		}
		if err := s.AuthError(b.back.Query()); err == nil || !strings.Contains(errorOf(t, err).Text, one.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := open(func(url.Values) {}).submit(url.Values{"login": {"anna@example.com"}, "password": {"anna's"}}).submit(url.Values{"cancel": {"yes"}})
	if e := errorOf(t, s.AuthError(b.back.Query())); !strings.Contains(e.Text, "did not agree") || e.Kind != source.Credentials {
		t.Errorf("after cancelling: %q", e.Text)
	}
	// Anybody can send a user to the callback with words of their own.
	e := errorOf(t, s.AuthError(url.Values{"error": {"<b>call 555</b>"}, "error_description": {"Call 555 and tell your password"}}))
	if strings.Contains(e.Text+e.Error(), "555") {
		t.Errorf("a stranger's words are shown: %q, %v", e.Text, e)
	}
	if _, err := s.Redeem(t.Context(), ForCalendars, "made-up", verifier, callback); errorOf(t, err).Kind != source.Credentials {
		t.Errorf("a code that is made up: %v", err)
	}
	if n := server.Count("calendarView"); n != 0 {
		t.Errorf("%d calendars were read meanwhile", n)
	}
}

// TestWhoSignedInIsChecked refuses what another directory or application vouches for.
func TestWhoSignedInIsChecked(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	now := time.Now().Unix()
	good := func() map[string]any {
		return map[string]any{"aud": s.c.ClientID, "iss": server.LoginURL + "/" + server.Tenant + "/v2.0", "tid": server.Tenant, "oid": "x", "iat": now, "exp": now + 3600}
	}
	for name, one := range map[string]struct {
		change func(map[string]any)
		ok     bool
	}{
		"good":                         {func(map[string]any) {}, true},
		"of another application":       {func(c map[string]any) { c["aud"] = "22222222-2222-2222-2222-222222222222" }, false},
		"of another directory":         {func(c map[string]any) { c["tid"] = "22222222-2222-2222-2222-222222222222" }, false},
		"of another service":           {func(c map[string]any) { c["iss"] = "https://login.example.com/" + server.Tenant + "/v2.0" }, false},
		"expired":                      {func(c map[string]any) { c["exp"] = now - 600 }, false},
		"from the future":              {func(c map[string]any) { c["iat"] = now + 600 }, false},
		"a little ahead":               {func(c map[string]any) { c["iat"] = now + 60 }, true},
		"with a directory that is not": {func(c map[string]any) { c["tid"] = 7 }, false},
	} {
		c := good()
		one.change(c)
		if _, err := s.identity(unsigned(t, c)); (err == nil) != one.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "a.b", "a.!.c", "a.bm90IGpzb24.c"} {
		if _, err := s.identity(text); err == nil {
			t.Errorf("%q is taken for an ID token", text)
		}
	}
}

// TestAServiceThatTakesNoSignIns is not asked by everybody in turn.
func TestAServiceThatTakesNoSignIns(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	server.Break(graphtest.Rule{Op: "token", Do: graphtest.Answer, Status: 503, Code: "temporarily_unavailable", RetryAfter: 40 * time.Second})
	var accounts []source.Account
	for _, m := range []string{"anna@example.com", "bert@example.com"} {
		refresh, err := server.SignIn(graphtest.DefaultApp().ID, m)
		must(t, err)
		accounts = append(accounts, source.Account{Password: refresh})
	}
	for i, a := range slices.Concat(accounts, accounts) {
		_, err := s.Fetch(t.Context(), a)
		if e := errorOf(t, err); e.Kind != source.Unavailable || !e.Whole || e.RetryAfter > 40*time.Second || e.RetryAfter < 35*time.Second {
			t.Errorf("attempt %d: %v, after %v", i, e, e.RetryAfter)
		}
	}
	if n := server.Count("token"); n != 1 {
		t.Errorf("asked %d times, want 1", n)
	}
}

// TestConsentIsWithdrawn, and the words say what to do.
func TestConsentIsWithdrawn(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	refresh, err := server.SignIn(graphtest.DefaultApp().ID, "bert@example.com")
	must(t, err)
	r, err := s.Fetch(t.Context(), source.Account{Password: refresh})
	must(t, err)
	must(t, server.Revoke("bert@example.com", 65001))
	_, err = s.Fetch(t.Context(), source.Account{Password: r.Password})
	if e := errorOf(t, err); e.Kind != source.Credentials || e.Whole || !strings.Contains(e.Text, "agree") {
		t.Errorf("%v: %q", e, e.Text)
	}
	for number, words := range map[int]string{50076: "second factor", 53003: "Conditional Access", 700082: "long time", 12345678: "AADSTS12345678"} {
		refresh, err := server.SignIn(graphtest.DefaultApp().ID, "anna@example.com")
		must(t, err)
		must(t, server.Revoke("anna@example.com", number))
		_, err = s.Fetch(t.Context(), source.Account{Password: refresh})
		if e := errorOf(t, err); e.Kind != source.Credentials || !strings.Contains(e.Text, words) {
			t.Errorf("%d: %v: %q", number, e, e.Text)
		}
	}
}

// TestSomebodyGivesUp ends at once, and nothing is held against the service.
func TestSomebodyGivesUp(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	lift := server.Break(graphtest.Rule{Op: "calendarView", Do: graphtest.Hang})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user went home")
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	if _, err := s.Fetch(ctx, anna()); !errors.Is(err, why) {
		t.Errorf("error %v, want the cause", err)
	}
	lift()
	_, err := s.Fetch(t.Context(), anna())
	must(t, err)
}
