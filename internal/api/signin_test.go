package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/openid/providertest"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// company is a building whose people sign in with a provider.
type company struct {
	*building
	admin    *client
	op       *providertest.Provider
	settings m
	provider api.Connector
}

// newCompany has a provider that knows Anna by login, Bob and both Carls by e-mail address, and Dora, who is not here.
func newCompany(t *testing.T, more m) *company {
	b := newBuilding(t)
	b.people("Anna", "Bob", "Carl", "Karl")
	for id, email := range map[string]string{"bob": "bob@example.com", "carl": "sales@example.com", "karl": "sales@example.com", "anna": "anna@example.com"} {
		_, err := b.office.ChangePerson(t.Context(), office.By{}, "test", id, func(p *store.Person) error {
			p.Email, p.Login = email, id
			return nil
		})
		b.ok(err)
	}
	c := &company{building: b, admin: b.as("admin"), op: providertest.Start(t)}
	c.settings = m{"issuer": c.op.Issuer, "client_id": "doorlight"}
	for k, v := range more {
		c.settings[k] = v
	}
	c.provider = decode[api.Connector](c.admin.post("/connectors", c.body("secret")).is(t, 200))
	c.op.Serve(t, providertest.People{
		"a-1": {"preferred_username": "ANNA", "email": "anna@example.com", "email_verified": true},
		"b-2": {"preferred_username": "robert", "email": "Bob@Example.com", "email_verified": true},
		"c-3": {"preferred_username": "x", "email": "sales@example.com", "email_verified": true},
		"d-4": {"preferred_username": "dora", "email": "dora@example.com", "email_verified": true},
		"e-5": {"preferred_username": "anna", "email": "bob@example.com", "email_verified": false},
		"f-6": {"preferred_username": "anna", "email": "bob@example.com"},
	}, true, providertest.Client{
		ID: "doorlight", Secret: "secret", RedirectURIs: []string{b.url + c.provider.CallbackPath}, LogoutURI: b.url + c.provider.LogoutPath, LogoutWithSession: true,
	})
	return c
}

func (c *company) body(secret string) m {
	return m{"kind": "oidc", "name": "Company account", "enabled": true, "secret": secret, "oidc": c.settings}
}

// comes has somebody sign in, and returns their browser and the page where it ends.
func (c *company) comes(who, to string) (*providertest.Browser, *url.URL) {
	c.t.Helper()
	browser := c.op.Browser(who)
	resp, page, err := browser.Open(c.url + c.provider.CallbackPath[:strings.LastIndex(c.provider.CallbackPath, "/")] + "/begin?to=" + url.QueryEscape(to))
	if err != nil {
		c.t.Fatal(err, page)
	}
	return browser, resp.Request.URL
}

// who tells whose session a browser has.
func (c *company) who(browser *providertest.Browser) string {
	c.t.Helper()
	resp, err := browser.Get(c.url + api.Prefix + "/session")
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return ""
	}
	body, err := io.ReadAll(resp.Body)
	c.ok(err)
	return decode[api.Me](&answer{status: 200, body: body}).Person.ID
}

func (c *company) refused(who, why string) {
	c.t.Helper()
	browser, at := c.comes(who, "/")
	if got := at.Query().Get("refused"); at.Path != "/sign-in" || got != why || at.Query().Get("provider") != c.provider.ID {
		c.t.Errorf("%s ends at %s, want refused=%s", who, at, why)
	}
	if id := c.who(browser); id != "" {
		c.t.Errorf("%s is signed in as %s", who, id)
	}
}

func TestPeopleSignInWithTheirCompanyAccount(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	ways := decode[api.Providers](c.nobody().get("/providers").is(t, 200)).Providers
	if len(ways) != 1 || ways[0].Name != "Company account" {
		t.Fatalf("the sign-in page offers %+v", ways)
	}
	if steps := decode[api.Steps](c.admin.post("/connectors/"+c.provider.ID+"/check", nil).is(t, 200)).Steps; len(steps) != 5 {
		t.Errorf("the check tells %+v", steps)
	}

	browser, at := c.comes("a-1", "/agenda?week=1#x")
	if at.String() != c.url+"/agenda?week=1#x" {
		t.Errorf("it ends at %s", at)
	}
	if id := c.who(browser); id != "anna" {
		t.Fatalf("it is %q", id)
	}
	anna := c.as("anna")
	sessions := decode[api.Sessions](anna.get("/people/me/sessions").is(t, 200)).Sessions
	if sessions[1].Provider != "Company account" && sessions[0].Provider != "Company account" {
		t.Errorf("the sign-ins do not tell: %+v", sessions)
	}

	// She is renamed at the provider and here; it still is her. Somebody else who takes her old name is not.
	_, err := c.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error { p.Login = "anna.berg"; return nil })
	c.ok(err)
	if _, at := c.comes("a-1", "/"); at.Path != "/" {
		t.Errorf("renamed, she ends at %s", at)
	}
	_, err = c.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error { p.Login = "anna"; return nil })
	c.ok(err)
	c.refused("f-6", "other")
	c.refused("d-4", "unknown")
	c.refused("", "denied")
	log := decode[api.Audit](c.admin.get("/audit?action=sign-in.refused").is(t, 200)).Entries
	if len(log) != 2 || log[1].Person != "anna" || log[0].Person != "" || strings.Contains(fmt.Sprint(log[1].Detail), "Anna") {
		t.Errorf("the audit log holds %+v", log)
	}

	// An administrator releases her: her sign-ins end, and the next account that fits is hers.
	anna.delete("/people/me/identities/nothing").is(t, 404)
	c.as("bob").delete("/people/anna/identities/"+c.provider.ID).is(t, 403)
	c.admin.delete("/people/anna/identities/"+c.provider.ID).is(t, 204)
	if id := c.who(browser); id != "" {
		t.Errorf("she is still signed in as %s", id)
	}
	if anna.get("/session").status != 200 {
		t.Error("the sign-in with a password has ended too")
	}
	if _, at := c.comes("f-6", "/"); at.Path != "/" {
		t.Errorf("the new account ends at %s", at)
	}

	// Blocked here, nothing helps.
	_, err = c.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error { p.Blocked = true; return nil })
	c.ok(err)
	c.refused("f-6", "blocked")

	// Switched off, it is offered to nobody, and its pages lead nowhere.
	off := c.body("secret")
	off["enabled"] = false
	c.admin.put("/connectors/"+c.provider.ID, off).is(t, 200)
	c.refused("a-1", "switchedoff")
	if ways := decode[api.Providers](c.nobody().get("/providers").is(t, 200)).Providers; len(ways) != 0 {
		t.Errorf("the sign-in page offers %+v", ways)
	}
}

func TestPeopleAreFoundByTheirEmailAddress(t *testing.T) {
	t.Parallel()
	c := newCompany(t, m{"match": "email", "session_hours": 2})
	c.refused("f-6", "unverified") // it says nothing about it
	c.refused("e-5", "unverified")
	c.refused("c-3", "ambiguous")
	browser, _ := c.comes("b-2", "/")
	if id := c.who(browser); id != "bob" {
		t.Errorf("it is %q", id)
	}
	s := decode[api.Sessions](c.as("bob").get("/people/me/sessions").is(t, 200)).Sessions
	for _, x := range s {
		if x.Provider != "" && x.ExpiresAt.Sub(x.CreatedAt) != 2*time.Hour {
			t.Errorf("the sign-in lasts from %s to %s", x.CreatedAt, x.ExpiresAt)
		}
	}
	c.admin.delete("/people/bob/identities/"+c.provider.ID).is(t, 204)
	c.settings["unverified_email"] = true
	c.admin.put("/connectors/"+c.provider.ID, c.body("secret")).is(t, 200)
	c.refused("e-5", "unverified") // it says that it is not
	if browser, _ := c.comes("f-6", "/"); c.who(browser) != "bob" {
		t.Error("an address that the provider answers for was refused")
	}
}

// TestAnAdministratorConnectsTheirAccount: a name at the provider makes nobody an administrator.
func TestAnAdministratorConnectsTheirAccount(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	_, err := c.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error {
		p.Role = office.RoleAdmin
		return nil
	})
	c.ok(err)
	c.refused("a-1", "admin")

	begin := "/auth/" + c.provider.ID + "/begin?connect&to=/settings/sign-in"
	get := func(x *client, site string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+begin, nil)
		c.ok(err)
		r.Header = x.header.Clone()
		r.Header.Set("Sec-Fetch-Site", site)
		resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		c.ok(err)
		resp.Body.Close()
		return resp
	}
	anna := c.as("anna")
	for _, resp := range []*http.Response{get(c.nobody(), "same-origin"), get(anna, "cross-site"), get(anna, "none"), get(anna, "")} {
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%d instead of 403", resp.StatusCode)
		}
	}
	resp := get(anna, "same-origin")
	browser := c.op.Browser("a-1")
	at, _ := url.Parse(c.url + begin)
	session, _ := http.ParseCookie(anna.header.Get("Cookie"))
	browser.Jar.SetCookies(at, append(resp.Cookies(), session...))
	end, page, err := browser.Open(resp.Header.Get("Location"))
	c.ok(err)
	if end.Request.URL.Path != "/settings/sign-in" || end.Request.URL.RawQuery != "" {
		t.Fatalf("it ends at %s: %s", end.Request.URL, page)
	}
	if browser, _ := c.comes("a-1", "/"); c.who(browser) != "anna" {
		t.Error("the account that she connected is not hers")
	}
	// What belongs to somebody is not taken from them.
	bob := c.as("bob")
	resp = get(bob, "same-origin")
	browser = c.op.Browser("a-1")
	session, _ = http.ParseCookie(bob.header.Get("Cookie"))
	browser.Jar.SetCookies(at, append(resp.Cookies(), session...))
	end, _, err = browser.Open(resp.Header.Get("Location"))
	c.ok(err)
	if got := end.Request.URL.Query().Get("refused"); got != "other" || end.Request.URL.Path != "/settings/sign-in" {
		t.Errorf("it ends at %s", end.Request.URL)
	}
}

// TestAnotherIssuerIsAnotherProvider: what a provider calls somebody is unique there only.
func TestAnotherIssuerIsAnotherProvider(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	browser, _ := c.comes("a-1", "/")
	c.settings["issuer"] = "https://login.example.com"
	c.admin.put("/connectors/"+c.provider.ID, c.body("secret")).is(t, 422).names(t, "body.oidc.issuer")

	// Switched off, nobody stays signed in by it; removed, it knows nobody any more.
	c.settings["issuer"] = c.op.Issuer
	off := c.body("secret")
	off["enabled"] = false
	own := c.as("anna")
	c.admin.put("/connectors/"+c.provider.ID, off).is(t, 200)
	if id := c.who(browser); id != "" {
		t.Errorf("still signed in as %s", id)
	}
	c.admin.put("/connectors/"+c.provider.ID, c.body("secret")).is(t, 200)
	if browser, _ = c.comes("a-1", "/"); c.who(browser) != "anna" {
		t.Error("she does not come back")
	}
	c.admin.delete("/connectors/"+c.provider.ID).is(t, 204)
	if id := c.who(browser); id != "" {
		t.Errorf("still signed in as %s, by a provider that is gone", id)
	}
	own.get("/session").is(t, 200)
	if got := decode[api.Identities](own.get("/people/me/identities").is(t, 200)).Identities; len(got) != 0 {
		t.Errorf("she still has %+v", got)
	}
}

// TestAManagedIdentifierMakesNoAdministrator: whoever can write a directory, or send people, is no administrator by it.
func TestAManagedIdentifierMakesNoAdministrator(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	admin := b.as("admin")
	sender := decode[api.Connector](admin.post("/connectors", m{"kind": "scim", "name": "Provider", "enabled": true, "scim": m{"places": []m{{"location": b.location}}}}).is(t, 200))
	_, err := b.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error {
		p.Directory = store.Origin{ConnectorID: sender.ID, ExternalID: "a-1"}
		p.Role = office.RoleAdmin
		return nil
	})
	b.ok(err)
	op := providertest.Start(t)
	c := &company{building: b, admin: admin, op: op, settings: m{"issuer": op.Issuer, "client_id": "doorlight", "match": "directory", "directory": sender.ID}}
	c.provider = decode[api.Connector](admin.post("/connectors", c.body("secret")).is(t, 200))
	op.Serve(t, providertest.People{"a-1": {}}, true, providertest.Client{ID: "doorlight", Secret: "secret", RedirectURIs: []string{b.url + c.provider.CallbackPath}})
	c.refused("a-1", "admin")
	_, err = b.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error { p.Role = office.RoleUser; return nil })
	b.ok(err)
	if browser, _ := c.comes("a-1", "/"); c.who(browser) != "anna" {
		t.Error("a plain user is not found by the identifier")
	}
}

// TestWhatABrowserBringsIsNotTheProvidersFault: neither words of a stranger nor a code that is tried again.
func TestWhatABrowserBringsIsNotTheProvidersFault(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	browser := c.op.Browser("a-1")
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error { return http.ErrUseLastResponse }
	for _, answer := range []string{"error=server_error&error_description=Call+%2B49+900", "code=made-up", "code=x&iss=https%3A%2F%2Fevil.example"} {
		resp, err := browser.Get(c.url + "/auth/" + c.provider.ID + "/begin")
		c.ok(err)
		resp.Body.Close()
		page, _ := url.Parse(resp.Header.Get("Location"))
		ticket := resp.Cookies()[0]
		for i := range 2 { // the second time the browser, which is a stranger's, has kept the ticket
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+c.provider.CallbackPath+"?state="+page.Query().Get("state")+"&"+answer, nil)
			r.AddCookie(ticket)
			resp, err = (&http.Client{CheckRedirect: browser.CheckRedirect}).Do(r)
			c.ok(err)
			resp.Body.Close()
			at, _ := url.Parse(resp.Header.Get("Location"))
			if why := at.Query().Get("refused"); i == 0 && why == "" || i == 1 && why != "expired" {
				t.Errorf("%s: time %d ends at %s", answer, i+1, at)
			}
		}
	}
	for _, x := range decode[api.Connectors](c.admin.get("/connectors").is(t, 200)).Connectors {
		if x.Error != "" {
			t.Errorf("its health is %q", x.Error)
		}
	}
}

// TestManySignOutAtOnce: a provider that tells of a whole office is heard.
func TestManySignOutAtOnce(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	var browsers []*providertest.Browser
	for range 12 {
		browser, _ := c.comes("a-1", "/")
		browsers = append(browsers, browser)
	}
	var leaving sync.WaitGroup
	for _, b := range browsers {
		leaving.Go(func() { b.Open(c.op.Issuer + "/session/end") })
	}
	leaving.Wait()
	for i, b := range browsers {
		for end := time.Now().Add(patience); c.who(b) != ""; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("browser %d is still signed in", i)
			}
		}
	}
}

// TestASignInDuringAChangeThatEndsIt is not left over.
func TestASignInDuringAChangeThatEndsIt(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	old, err := secret.HashPassword(t.Context(), "the old password")
	b.ok(err)
	fresh, err := secret.HashPassword(t.Context(), "a new password")
	b.ok(err)
	set := func(hash string) {
		_, err := b.office.ChangePerson(t.Context(), office.By{}, "test", "anna", func(p *store.Person) error {
			p.Login, p.PasswordHash = "anna", hash
			return nil
		})
		b.ok(err)
	}
	for i := range 30 {
		set(old)
		var both sync.WaitGroup
		both.Go(func() { b.nobody().post("/session", m{"login": "anna", "password": "the old password"}) })
		both.Go(func() {
			time.Sleep(time.Duration(i) * 4 * time.Millisecond) // a check takes tens of milliseconds
			set(fresh)
		})
		both.Wait()
		left, err := b.store.Sessions(t.Context(), "anna", time.Now())
		b.ok(err)
		if len(left) != 0 {
			t.Fatalf("round %d: a sign-in with the old password is left", i)
		}
	}
}

// TestSigningOutThereSignsOutHere is back-channel logout: the page goes within a moment, the others of the person stay.
func TestSigningOutThereSignsOutHere(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	browser, _ := c.comes("a-1", "/")
	second, _ := c.comes("a-1", "/")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	address, _ := url.Parse(c.url)
	header := http.Header{}
	for _, k := range browser.Jar.Cookies(address) {
		header.Add("Cookie", k.Name+"="+k.Value)
	}
	stream, _, err := websocket.Dial(ctx, strings.Replace(c.url, "http", "ws", 1)+api.Prefix+"/live", &websocket.DialOptions{HTTPHeader: header})
	c.ok(err)
	defer stream.CloseNow()

	if _, page, err := browser.Open(c.op.Issuer + "/session/end"); err != nil {
		t.Fatal(err, page)
	}
	for {
		_, _, err := stream.Read(ctx)
		if err == nil {
			continue
		}
		if code := websocket.CloseStatus(err); code != 4401 {
			t.Errorf("the stream ends with %v", err)
		}
		break
	}
	if id := c.who(browser); id != "" {
		t.Errorf("still signed in as %s", id)
	}
	if id := c.who(second); id != "anna" {
		t.Errorf("the other browser, with its own sign-in there, is %q", id)
	}
	log := decode[api.Audit](c.admin.get("/audit?action=session.end&person=anna").is(t, 200)).Entries
	if len(log) != 1 || log[0].Actor != "connector/"+c.provider.ID {
		t.Errorf("the audit log holds %+v", log)
	}
	for _, token := range []string{"", "a.b.c"} {
		resp, err := http.PostForm(c.url+c.provider.LogoutPath, url.Values{"logout_token": {token}})
		c.ok(err)
		resp.Body.Close()
		if resp.StatusCode != 400 {
			t.Errorf("token %q: %d", token, resp.StatusCode)
		}
	}
}

// TestASignInThatSomebodyElseBegan is what a stranger tries who wants a browser to be signed in as them, or a code to be theirs.
func TestASignInThatSomebodyElseBegan(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	begin := c.url + "/auth/" + c.provider.ID + "/begin"
	noFollow := func(b *providertest.Browser) {
		b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), c.url) && strings.HasSuffix(r.URL.Path, "/callback") {
				return http.ErrUseLastResponse
			}
			return nil
		}
	}
	stranger := c.op.Browser("a-1")
	noFollow(stranger)
	resp, _, err := stranger.Open(begin)
	c.ok(err)
	callback := resp.Header.Get("Location")
	if !strings.HasPrefix(callback, c.url+c.provider.CallbackPath+"?") {
		t.Fatalf("the provider leads to %q", callback)
	}
	victim := c.op.Browser("b-2")
	resp, err = victim.Get(callback)
	c.ok(err)
	resp.Body.Close()
	if got := resp.Request.URL.Query().Get("refused"); got != "expired" || c.who(victim) != "" {
		t.Errorf("it ends at %s", resp.Request.URL)
	}
	// The stranger's own browser comes in with it, once.
	stranger.CheckRedirect = nil
	for i, want := range []string{"", "expired"} {
		resp, err = stranger.Get(callback)
		c.ok(err)
		resp.Body.Close()
		if got := resp.Request.URL.Query().Get("refused"); got != want {
			t.Errorf("time %d ends at %s", i+1, resp.Request.URL)
		}
	}

	for to, want := range map[string]string{
		"/people/anna": "/people/anna", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "/\t/evil.example": "/", "agenda": "/",
		begin: "/", "/auth/x/begin": "/", "/./auth/x/begin": "/", "/a/../auth/x": "/", "/" + strings.Repeat("x", 600): "/", "javascript:alert(1)": "/",
	} {
		if _, at := c.comes("a-1", to); at.Host != strings.TrimPrefix(c.url, "http://") || at.Path != want {
			t.Errorf("to %q it ends at %s", to, at)
		}
	}
}

func TestWhatIsWrongWithAProviderIsTold(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	admin := b.as("admin")
	put := func(oidc m) *answer {
		return admin.post("/connectors", m{"kind": "oidc", "name": "X", "enabled": true, "oidc": oidc})
	}
	put(m{"issuer": "http://login.example.com", "client_id": "x"}).is(t, 422).names(t, "body.oidc.issuer")
	put(m{"issuer": "https://login.example.com", "client_id": " "}).is(t, 422).names(t, "body.oidc.client_id")
	put(m{"issuer": "https://login.example.com", "client_id": "x", "scopes": []string{"a b"}}).is(t, 422).names(t, "body.oidc.scopes")
	put(m{"issuer": "https://login.example.com", "client_id": "x", "match": "directory"}).is(t, 422).names(t, "body.oidc.directory")
	put(m{"issuer": "https://login.example.com", "client_id": "x", "session_hours": 1000}).is(t, 422).names(t, "body.oidc.session_hours")
	admin.post("/connectors", m{"kind": "oidc", "name": "X", "enabled": true}).is(t, 422).names(t, "body.oidc")
	c := decode[api.Connector](put(m{"issuer": "https://127.0.0.1:1/x", "client_id": "x"}).is(t, 200))
	admin.put("/connectors/"+c.ID, m{"kind": "ldap", "name": "X", "enabled": true, "ldap": m{"urls": []string{"ldaps://x"}, "base": "dc=x", "places": []m{{"location": b.location}}}}).
		is(t, 422).names(t, "body.kind")
	resp, err := http.Get(b.url + "/auth/" + c.ID + "/begin")
	b.ok(err)
	resp.Body.Close()
	if got := resp.Request.URL.Query().Get("refused"); got != "provider" {
		t.Errorf("a silent provider leads to %s", resp.Request.URL)
	}
	for _, x := range decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors {
		if x.ID == c.ID && (x.CheckedAt == nil || !strings.Contains(x.Error, "could not be read")) {
			t.Errorf("its health is %+v", x)
		}
	}
	admin.post("/connectors/"+c.ID+"/sync", m{}).is(t, 409)
}
