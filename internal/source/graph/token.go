package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// renewBefore is how long before its end a token is replaced; a token that lives for less than ten minutes is replaced
// at its half.
const renewBefore = 5 * time.Minute

// grant is the answer of the token endpoint (RFC 6749 §5.1).
type grant struct {
	Access  string  `json:"access_token"`
	Type    string  `json:"token_type"`
	Expires seconds `json:"expires_in"`
	Refresh string  `json:"refresh_token"`
	ID      string  `json:"id_token"`
	Scope   string  `json:"scope"`
}

// seconds reads a number that some endpoints write as text.
type seconds time.Duration

func (s *seconds) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	v, err := n.Int64()
	if err != nil {
		return err
	}
	*s = seconds(min(max(v, 0), 7*86400)) * seconds(time.Second)
	return nil
}

// renewAt is when to replace what was granted now.
func (g *grant) renewAt() time.Time {
	life := time.Duration(g.Expires)
	return time.Now().Add(life - min(renewBefore, life/2))
}

func (s *System) endpoint(name string) *url.URL {
	return s.login.JoinPath(s.c.Tenant, "oauth2", "v2.0", name)
}

// token asks Entra ID for a token. Errors are of type *source.Error, and wrap a *loginError if Entra ID gave one.
func (s *System) token(ctx context.Context, form url.Values, own bool) (grant, error) {
	u := s.endpoint("token")
	if err := s.credential(form, u.String()); err != nil {
		return grant{}, &source.Error{Kind: source.Unavailable, Whole: true, Text: "This server could not sign its request to Microsoft 365.", Err: err}
	}
	resp, err := s.http.Do(ctx, outbound.Request{Method: http.MethodPost, URL: u, MaxBody: 256 << 10, Body: []byte(form.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}})
	if err != nil {
		e := source.Failure(err).(*source.Error)
		e.Whole = true
		return grant{}, e
	}
	var g grant
	if resp.Status == http.StatusOK {
		if err := json.Unmarshal(resp.Body, &g); err != nil || g.Access == "" {
			return grant{}, &source.Error{Kind: source.Unavailable, Whole: true, Text: "Microsoft 365 accepted the sign-in, but gave no token.", Err: err}
		}
		return g, nil
	}
	return grant{}, s.loginFailure(resp, own)
}

// appToken is the token of the application.
type appToken struct {
	turn chan struct{} // full while somebody asks for a token
	gate *gate.Gate    // closed after a failure

	mu      sync.Mutex // guards what follows; before that of the gate
	access  string
	granted time.Time
	worked  bool // the service took it
	renew   time.Time
	ends    time.Time
	roles   []string // permissions that the last token told; nil: it told none
}

func (a *appToken) known(claims string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, shut := time.Now(), a.gate.Shut()
	if a.access != "" && claims == "" && (now.Before(a.renew) || shut != nil && now.Before(a.ends)) {
		return a.access, nil
	}
	return "", shut
}

// refused takes note that the service does not take a token. wait is above zero if nothing is to be done about it before then:
// it was only just granted, and nobody got an answer with it yet, so the next would be no better, and thousands would ask for it.
// ours says that it is up to the caller to get another one.
func (a *appToken) refused(token string, fresh time.Duration) (wait time.Duration, ours bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.access != token {
		return 0, false
	}
	if wait := fresh - time.Since(a.granted); wait > 0 && !a.worked {
		return wait, false
	}
	a.access = ""
	return 0, true
}

// works takes note that somebody got an answer.
func (a *appToken) works() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.worked = true
}

// has reports whether the application has a permission, as far as its token tells.
func (a *appToken) has(role string) (has, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.roles, role), a.roles != nil
}

// rolesOf reads the permissions in an application's token, and scopesOf those in a user's. An access token is Microsoft's own
// business and may be encrypted some day; until then it tells them (entra/identity-platform/access-token-claims-reference, roles and scp).
func rolesOf(access string) []string { return permissionsOf(access).Roles }

func scopesOf(access string) []string { return strings.Fields(permissionsOf(access).Scopes) }

func permissionsOf(access string) (claims struct {
	Roles  []string `json:"roles"`
	Scopes string   `json:"scp"`
}) {
	if parts := strings.Split(access, "."); len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(raw, &claims) // then there are none
		}
	}
	return claims
}

// doubted has a token that was granted a while ago replaced: what the application is allowed is written in it, and may have changed
// since.
func (a *appToken) doubted() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.granted) > 5*time.Minute {
		a.access = ""
	}
}

// appToken returns a token of the application that is good for a while. One caller asks, the others wait for what comes
// of it. After a failure nobody asks for a while, longer each time.
func (s *System) appToken(ctx context.Context, claims string) (string, error) {
	if !guid.MatchString(s.c.Tenant) {
		return "", &source.Error{Kind: source.NotAllowed, Whole: true,
			Text: "The application is set up for people who sign in themselves. To read mailboxes on its own it needs the ID of the directory."}
	}
	if token, err := s.app.known(claims); token != "" || err != nil {
		return token, err
	}
	select {
	case s.app.turn <- struct{}{}:
		defer func() { <-s.app.turn }()
	case <-ctx.Done():
		return "", source.GivenUp(ctx)
	}
	if token, err := s.app.known(claims); token != "" || err != nil {
		return token, err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {s.c.GraphURL + "/.default"}}
	if claims != "" {
		form.Set("claims", claims)
	}
	g, err := s.token(ctx, form, true)
	s.app.mu.Lock()
	defer s.app.mu.Unlock()
	if err == nil {
		s.app.access, s.app.granted, s.app.worked, s.app.renew = g.Access, time.Now(), false, g.renewAt()
		s.app.ends, s.app.roles = time.Now().Add(time.Duration(g.Expires)), rolesOf(g.Access)
		s.app.gate.Succeeded()
		return g.Access, nil
	}
	if ctx.Err() != nil { // that says nothing about the service
		return "", err
	}
	e, _ := errors.AsType[*source.Error](err)
	told := s.app.gate.Stop(e.RetryAfter, e)
	s.log.Warn("graph: the application could not sign in", "source", "graph", "err", err)
	if s.app.access != "" && time.Now().Before(s.app.ends) && claims == "" {
		return s.app.access, nil // the old one is good for a few minutes yet
	}
	return "", told
}

// loginError is a refusal of Entra ID.
type loginError struct {
	status        int
	code          string // OAuth, such as invalid_client
	number        int    // AADSTS; zero: none
	correlationID string
}

func (e *loginError) Error() string {
	s := fmt.Sprintf("entra id answered %d %s", e.status, e.code)
	if e.number != 0 {
		s += fmt.Sprintf(" AADSTS%d", e.number)
	}
	if e.correlationID != "" {
		s += ", correlation id " + e.correlationID
	}
	return s
}
