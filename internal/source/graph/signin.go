package graph

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/doorlight/doorlight/internal/source"
)

// Grant is what a user who signed in has given. It hides its contents from logs.
type Grant struct {
	Refresh string // refresh token, to be kept sealed. For calendars it is handed to Fetch as the password; for presence it makes a SignIn
	Tenant  string // directory ID of the user
	ID      string // object ID of the user
	UPN     string // sign-in name
	Mail    string // e-mail address; the UPN if there is none
	Name    string // display name
}

func (Grant) LogValue() slog.Value { return slog.StringValue("[grant]") }
func (Grant) String() string       { return "[grant]" }
func (Grant) GoString() string     { return "[grant]" }

// AuthURL returns the page of Microsoft where a user signs in and agrees to what is asked for. state comes back
// with the code, to redirect, which must be registered with the application as it is. verifier is a secret of this attempt,
// of 43 to 128 letters and digits (RFC 7636 §4.1); only its hash goes into the address. hint is the user's sign-in name, if
// it is known.
func (s *System) AuthURL(what For, state, verifier, redirect, hint string) string {
	q := url.Values{
		"client_id": {s.c.ClientID}, "response_type": {"code"}, "response_mode": {"query"}, "redirect_uri": {redirect}, "scope": {s.scope(what)},
		"state": {state}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	if hint != "" {
		q.Set("login_hint", hint)
	}
	u := s.endpoint("authorize")
	u.RawQuery = q.Encode()
	return u.String()
}

// AuthError makes an error of what a browser came back with in place of a code: error and error_description
// (RFC 6749 §4.1.2.1). It is nil if there is no error. The words are those for the number that the service gives, never
// the description as it is, since anybody can make such an address.
func (s *System) AuthError(answer url.Values) error {
	code := answer.Get("error")
	if code == "" {
		return nil
	}
	l := readLogin(http.StatusBadRequest, code, answer.Get("error_description"), nil, "")
	e := &source.Error{Kind: source.Credentials, Text: join(l.words()), Err: l}
	if code == "temporarily_unavailable" || code == "server_error" {
		e.Kind = source.Unavailable
	}
	return e
}

// Redeem trades the code that came back to redirect for a grant, with the verifier of that attempt and for what it asked. A code
// is good once.
// Errors are of type *source.Error.
func (s *System) Redeem(ctx context.Context, what For, code, verifier, redirect string) (Grant, error) {
	if code == "" || verifier == "" {
		return Grant{}, &source.Error{Kind: source.Credentials, Text: "Microsoft 365 sent back no code. Connect the account again."}
	}
	g, err := s.token(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {redirect}, "scope": {s.scope(what)}}, false)
	if err != nil {
		s.log.Warn("graph: a code could not be redeemed", "source", "graph", "err", err)
		return Grant{}, err
	}
	if g.Refresh == "" {
		return Grant{}, &source.Error{Kind: source.Credentials, Text: "Microsoft 365 gave no lasting permission: the application has to be allowed offline_access."}
	}
	claims, err := s.identity(g.ID)
	if err != nil {
		return Grant{}, err
	}
	a, err := s.send(ctx, g.Access, call{method: http.MethodGet, path: "/me?$select=id,displayName,mail,userPrincipalName"}, false, maxAnswer)
	if err != nil {
		return Grant{}, err
	}
	if a.failure != nil {
		return Grant{}, source.Failure(a.failure)
	}
	if r := a.refusal(); r != nil {
		s.log.Warn("graph: who signed in could not be read", "source", "graph", "err", r)
		e := &source.Error{Kind: source.Unavailable, RetryAfter: r.wait, Status: r.status, Err: r, Text: "Microsoft 365 accepted the sign-in, but does not say who it was."}
		if r.status == http.StatusForbidden {
			e.Kind, e.Text = source.Credentials, "Microsoft 365 accepted the sign-in, but does not allow the application to read who it was: it needs the delegated permission User.Read."
		}
		return Grant{}, e
	}
	var me struct {
		ID   string `json:"id"`
		Name string `json:"displayName"`
		Mail string `json:"mail"`
		UPN  string `json:"userPrincipalName"`
	}
	if err := json.Unmarshal(a.body, &me); err != nil || me.ID == "" {
		return Grant{}, &source.Error{Kind: source.Unavailable, Text: "Microsoft 365 gave an answer that is damaged.", Err: err}
	}
	if claims.Object != "" && !strings.EqualFold(claims.Object, me.ID) {
		return Grant{}, &source.Error{Kind: source.Credentials, Text: "Microsoft 365 names two different users for one sign-in. Connect the account again."}
	}
	s.users.seed(what, g)
	return Grant{Refresh: g.Refresh, Tenant: strings.ToLower(claims.Tenant), ID: strings.ToLower(me.ID), UPN: me.UPN, Mail: cmp.Or(me.Mail, me.UPN), Name: me.Name}, nil
}

// seed keeps the access token that came with a refresh token.
func (u *userTokens) seed(what For, g grant) {
	one := u.get(what, g.Refresh)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.access, one.renew = g.Access, g.renewAt()
}

// idClaims are the claims of an ID token that matter here (entra/identity-platform/id-token-claims-reference).
type idClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Tenant   string `json:"tid"`
	Object   string `json:"oid"`
	Expires  int64  `json:"exp"`
	Issued   int64  `json:"iat"`
}

// clockSkew is by how much clocks may differ; Entra ID allows as much.
const clockSkew = 5 * time.Minute

// identity reads the ID token. It came straight from the token endpoint by TLS, which stands in for its signature
// (OpenID Connect Core 1.0 §3.1.3.7, 6).
func (s *System) identity(token string) (idClaims, error) {
	bad := func(text string) (idClaims, error) {
		return idClaims{}, &source.Error{Kind: source.Credentials, Text: text, Err: errors.New("graph: an ID token that is not good")}
	}
	var c idClaims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return bad("Microsoft 365 does not say who signed in.")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return bad("Microsoft 365 does not say who signed in.")
	}
	now := time.Now()
	switch any := s.c.Tenant == "organizations" || s.c.Tenant == "common"; {
	case !strings.EqualFold(c.Audience, s.c.ClientID):
		return bad("The sign-in is for another application.")
	case !guid.MatchString(c.Tenant), !any && !strings.EqualFold(c.Tenant, s.c.Tenant):
		return bad("The user is of another directory. Sign in with a work account of this one.")
	case !strings.EqualFold(c.Issuer, fmt.Sprintf("%s/%s/v2.0", s.c.LoginURL, c.Tenant)):
		return bad("The sign-in comes from another service.")
	case now.After(time.Unix(c.Expires, 0).Add(clockSkew)), now.Before(time.Unix(c.Issued, 0).Add(-clockSkew)):
		return bad("The sign-in is of another time: this server's clock differs from that of Microsoft 365 by more than five minutes.")
	}
	return c, nil
}
