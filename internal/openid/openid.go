// Package openid signs people in with a provider of theirs, such as Entra ID or Keycloak: OpenID Connect Core 1.0 with
// the authorization code flow (§3.1), PKCE (RFC 7636) and back-channel logout (OpenID Connect Back-Channel Logout 1.0).
// It says whom the provider vouches for. Who that is here, and what follows from it, is left to the caller.
//
// Tokens are checked by a library; none of them is kept.
package openid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/doorlight/doorlight/internal/fault"
)

// Config says which provider it is, and as whom this server is known to it.
type Config struct {
	Issuer   string // exactly as in the provider's tokens, such as https://login.example.com/realms/office
	ClientID string
	Secret   string   // of the client; empty: it has none, and PKCE alone protects the code
	Scopes   []string // beside openid
	Claim    string   // the claim that the caller needs. If a token has none it is asked for at the provider (Core §5.3)
	HTTP     *http.Client
}

// Provider is an OpenID provider. Its methods may be called by several goroutines at once.
type Provider struct {
	c Config

	turn chan struct{} // full while somebody asks what the provider says about itself

	mu      sync.Mutex // guards what follows
	found   *discovery
	failed  time.Time
	failure error                // of asking at failed; nil: it went well
	spent   map[string]time.Time // logout tokens that were used, until they expire
}

// discovery is what a provider says about itself.
type discovery struct {
	at       time.Time
	provider *oidc.Provider
	metadata struct {
		Issuer      string   `json:"issuer"`
		JWKS        string   `json:"jwks_uri"`
		Responses   []string `json:"response_types_supported"`
		Challenges  []string `json:"code_challenge_methods_supported"`
		TokenAuth   []string `json:"token_endpoint_auth_methods_supported"`
		BackChannel bool     `json:"backchannel_logout_supported"`
		SaysIssuer  bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	}
}

// Durations of trust in what was asked for before.
const (
	discoverAgainAfter = time.Hour
	clockSkew          = 2 * time.Minute
)

// New returns a provider, or an error that names the field of Config. It asks the provider nothing yet.
func New(c Config) (*Provider, error) {
	var bad fault.Fields
	c.Issuer = strings.TrimSpace(c.Issuer)
	if why := checkAddress(c.Issuer); why != "" {
		bad.Add("issuer", "%s", why)
	}
	if strings.Contains(c.Issuer, "login.microsoftonline.com/") {
		for _, shared := range []string{"/common/", "/organizations/", "/consumers/"} {
			if strings.Contains(c.Issuer+"/", shared) {
				bad.Add("issuer", "is the one for everybody's directories; enter that of your own: https://login.microsoftonline.com/{directory ID}/v2.0")
			}
		}
	}
	if c.ClientID = strings.TrimSpace(c.ClientID); c.ClientID == "" {
		bad.Add("client_id", "must not be empty")
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n\"\\") {
			bad.Add("scopes", "%q is no scope", scope)
		}
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	return &Provider{c: c, turn: make(chan struct{}, 1), spent: map[string]time.Time{}}, bad.Err()
}

// checkAddress says what is wrong with the address of something that is trusted: it must be encrypted, but for this
// computer.
func checkAddress(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "must not be empty"
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
		return "is no address such as https://login.example.com/office"
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "must begin with https://"
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
}

// discover returns what the provider says about itself (OpenID Connect Discovery 1.0 §4). Of a provider that does not
// answer, what it said before holds.
func (p *Provider) discover(ctx context.Context) (*discovery, error) {
	if d, err := p.known(); d != nil || err != nil {
		return d, err
	}
	select { // one asks, the others wait for what comes of it
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, &Error{Kind: Unreachable, Text: "it takes its time", Err: ctx.Err()}
	}
	if d, err := p.known(); d != nil || err != nil {
		return d, err
	}
	d, err := p.ask(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.found, p.failure = d, nil
		return d, nil
	case p.found != nil:
		p.found.at = time.Now().Add(time.Minute - discoverAgainAfter) // and it is asked again in a minute
		return p.found, nil
	case ctx.Err() == nil: // else that says nothing about the provider
		p.failed, p.failure = time.Now(), err
	}
	return nil, err
}

// known returns what was found out lately; both are nil if the provider has to be asked.
func (p *Provider) known() (*discovery, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.found != nil && time.Since(p.found.at) < discoverAgainAfter:
		return p.found, nil
	case p.failure != nil && time.Since(p.failed) < 5*time.Second: // whoever waited meanwhile need not wait for the same again
		return nil, p.failure
	}
	return nil, nil
}

func (p *Provider) ask(ctx context.Context) (*discovery, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	op, err := oidc.NewProvider(p.with(ctx), p.c.Issuer)
	if err != nil {
		return nil, explain("what it says about itself could not be read", err)
	}
	d := &discovery{at: time.Now(), provider: op}
	if err := op.Claims(&d.metadata); err != nil {
		return nil, explain("what it says about itself could not be read", err)
	}
	issuer, _ := url.Parse(p.c.Issuer) // checked by New
	for name, address := range map[string]string{
		"authorization_endpoint": op.Endpoint().AuthURL, "token_endpoint": op.Endpoint().TokenURL, "jwks_uri": d.metadata.JWKS,
		"userinfo_endpoint": op.UserInfoEndpoint(),
	} {
		if name == "userinfo_endpoint" && address == "" {
			continue
		}
		// A provider on this computer may be in clear; one elsewhere must not lead here.
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname()) && isLoopback(issuer.Hostname())) {
			return nil, &Error{Kind: Misbehaves, Text: "its " + name + " is not an https address"}
		}
	}
	return d, nil
}

func (p *Provider) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.c.HTTP)
}

// oauth returns how to ask for codes and tokens.
func (p *Provider) oauth(d *discovery, redirect string) *oauth2.Config {
	c := &oauth2.Config{
		ClientID: p.c.ClientID, ClientSecret: p.c.Secret, Endpoint: d.provider.Endpoint(), RedirectURL: redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, p.c.Scopes...),
	}
	// A code is good once, so it must not be tried in one way and then in the other, as the library would. What a
	// provider does not tell is client_secret_basic (Discovery §3).
	c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	ways := d.metadata.TokenAuth
	if p.c.Secret == "" || len(ways) > 0 && !slices.Contains(ways, "client_secret_basic") {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return c
}

// Attempt is a sign-in under way. It belongs to one browser, and nobody else may see it.
type Attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// Begin returns a new attempt and the provider's page where it goes on. The provider sends the browser back to redirect.
func (p *Provider) Begin(ctx context.Context, redirect string) (Attempt, string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Attempt{}, "", err
	}
	a := Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return a, p.oauth(d, redirect).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Identity is whom a provider vouches for.
type Identity struct {
	Subject   string // never given to anybody else (Core §2)
	SessionID string // of their sign-in at the provider; empty: it does not tell
	claims    map[string]any
}

// Claim returns a claim that is text, without space around it; empty if there is none.
func (i *Identity) Claim(name string) string {
	text, _ := i.claims[name].(string)
	return strings.TrimSpace(text)
}

// EmailVerified reports whether the provider says that the e-mail address belongs to them (Core §5.1); said is false if
// it says nothing about it, as Entra ID does.
func (i *Identity) EmailVerified() (verified, said bool) {
	switch v := i.claims["email_verified"].(type) {
	case bool:
		return v, true
	case string: // Amazon Cognito's habit
		return strings.EqualFold(v, "true"), true
	}
	return false, false
}

// Finish checks with what a browser came back, redirect being the same as to Begin.
func (p *Provider) Finish(ctx context.Context, a Attempt, redirect string, answer url.Values) (Identity, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(a.State)) != 1 || a.State == "" {
		return Identity{}, &Error{Kind: Stale, Text: "it answers an attempt that this browser did not begin"}
	}
	if iss := answer.Get("iss"); iss != d.metadata.Issuer && (iss != "" || d.metadata.SaysIssuer) { // RFC 9207 §2.4
		return Identity{}, &Error{Kind: Misbehaves, Text: "the answer is from another provider", Doubtful: true}
	}
	if code := answer.Get("error"); code != "" { // RFC 6749 §4.1.2.1
		e := refusal(code, answer.Get("error_description"))
		e.Doubtful = true
		return Identity{}, e
	}
	ctx, cancel := context.WithTimeout(p.with(ctx), 20*time.Second)
	defer cancel()
	token, err := p.oauth(d, redirect).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Identity{}, explain("the code could not be exchanged for a token", err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, &Error{Kind: Misbehaves, Text: "it gave no ID token; the scope openid must be allowed"}
	}
	id, err := d.provider.Verifier(&oidc.Config{ClientID: p.c.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, explain("its ID token is not good", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return Identity{}, &Error{Kind: Misbehaves, Text: "its ID token is for another attempt"}
	}
	if id.IssuedAt.After(time.Now().Add(clockSkew)) {
		return Identity{}, &Error{Kind: Misbehaves, Text: "its ID token is from the future: the clocks differ by more than two minutes"}
	}
	out := Identity{Subject: id.Subject, claims: map[string]any{}}
	if err := id.Claims(&out.claims); err != nil {
		return Identity{}, explain("its ID token cannot be read", err)
	}
	if azp, ok := out.claims["azp"].(string); ok && azp != p.c.ClientID { // Core §3.1.3.7, 4 and 5
		return Identity{}, &Error{Kind: Misbehaves, Text: "its ID token is for another client"}
	}
	if out.Subject == "" {
		return Identity{}, &Error{Kind: Misbehaves, Text: "its ID token names nobody"}
	}
	out.SessionID, _ = out.claims["sid"].(string)
	if p.c.Claim != "" && out.Claim(p.c.Claim) == "" && d.provider.UserInfoEndpoint() != "" {
		return out, p.askMore(ctx, d, token, &out)
	}
	return out, nil
}

// askMore adds the claims that only the provider's UserInfo endpoint tells (Core §5.3).
func (p *Provider) askMore(ctx context.Context, d *discovery, token *oauth2.Token, id *Identity) error {
	info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return explain("what it knows about the person could not be read", err)
	}
	if info.Subject != id.Subject { // Core §5.3.2: else one token is swapped for another
		return &Error{Kind: Misbehaves, Text: "it tells about somebody else than who signed in"}
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return explain("what it knows about the person cannot be read", err)
	}
	for name, value := range more {
		if _, known := id.claims[name]; !known { // the token is signed
			id.claims[name] = value
		}
	}
	return nil
}

// Logout is a provider's word that somebody has signed out there. At least one of the two is given.
type Logout struct {
	Subject   string
	SessionID string
}

// Logout checks a logout token (Back-Channel Logout §2.6), which is good once.
func (p *Provider) Logout(ctx context.Context, raw string) (Logout, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Logout{}, err
	}
	ctx, cancel := context.WithTimeout(p.with(ctx), 10*time.Second)
	defer cancel()
	t, err := d.provider.Verifier(&oidc.Config{ClientID: p.c.ClientID}).VerifyLogout(ctx, raw)
	if err != nil {
		return Logout{}, explain("its logout token is not good", err)
	}
	now := time.Now()
	if t.IssuedAt.After(now.Add(clockSkew)) || t.TokenID == "" || t.Subject == "" && t.SessionID == "" {
		return Logout{}, &Error{Kind: Misbehaves, Text: "its logout token is not good: it is from the future, or without jti, or names nobody"}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, until := range p.spent {
		if now.After(until) {
			delete(p.spent, id)
		}
	}
	if _, again := p.spent[t.TokenID]; again {
		return Logout{}, &Error{Kind: Stale, Text: "its logout token was used before"}
	}
	p.spent[t.TokenID] = t.Expiry.Add(clockSkew)
	return Logout{Subject: t.Subject, SessionID: t.SessionID}, nil
}

// endpointError reads the error of a token endpoint (RFC 6749 §5.2).
func endpointError(body []byte) (code, description string) {
	var e struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) != nil {
		return "", ""
	}
	return e.Code, e.Description
}

// short cuts what a stranger said to what fits into a sentence.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}

func refusal(code, description string) *Error {
	e := &Error{Kind: Refused, Text: fmt.Sprintf("it says %q", short(code))}
	if description != "" {
		e.Text += ": " + short(description)
	}
	if code != "access_denied" && code != "login_required" && code != "interaction_required" && code != "consent_required" {
		e.Kind = Misbehaves
	}
	return e
}
