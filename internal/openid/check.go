package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// Step is one thing that has to work, for whoever sets a provider up.
type Step struct {
	Name   string // "discovery", "flow", "keys", "client" or "logout"
	Server string // always empty: there is one
	OK     bool
	Found  string // in words
	Remedy string // what to do; empty if OK
}

// Check tries everything that signing in needs and that can be tried without a person, and tells each step.
func (p *Provider) Check(ctx context.Context) []Step {
	var steps []Step
	step := func(name, found, remedy string) {
		steps = append(steps, Step{Name: name, OK: remedy == "", Found: found, Remedy: remedy})
	}
	d, err := p.ask(ctx)
	if err != nil {
		step("discovery", words(err), "See that the issuer is entered as the provider's documentation says, and that this server reaches it. It must answer at "+
			p.c.Issuer+"/.well-known/openid-configuration.")
		return steps
	}
	p.mu.Lock()
	p.found = d
	p.mu.Unlock()
	step("discovery", d.metadata.Issuer+" tells about itself", "")
	m := &d.metadata
	switch {
	case len(m.Responses) > 0 && !slices.Contains(m.Responses, "code"):
		step("flow", fmt.Sprintf("it offers %q", m.Responses), "Allow the authorization code flow.")
	case len(m.Challenges) > 0 && !slices.Contains(m.Challenges, "S256"):
		step("flow", "it knows no PKCE with S256", "Allow PKCE with S256.")
	case len(m.Challenges) == 0: // Entra ID knows it and does not tell
		step("flow", "code flow; it does not tell whether it checks PKCE", "")
	default:
		step("flow", "code flow with PKCE", "")
	}
	if err := p.checkKeys(ctx, d); err != nil {
		step("keys", words(err), "See that this server reaches "+m.JWKS+".")
	} else {
		step("keys", "its keys can be read", "")
	}
	found, remedy := p.checkClient(ctx, d)
	step("client", found, remedy)
	if m.BackChannel {
		step("logout", "it tells when somebody signs out there, if the address for it is entered there", "")
	} else {
		step("logout", "it does not tell when somebody signs out there", "")
	}
	return steps
}

func (p *Provider) checkKeys(ctx context.Context, d *discovery) error {
	ctx, cancel := context.WithTimeout(p.with(ctx), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.metadata.JWKS, nil)
	if err != nil {
		return explain("its keys cannot be asked for", err)
	}
	resp, err := p.c.HTTP.Do(req)
	if err != nil {
		return explain("its keys cannot be read", err)
	}
	defer resp.Body.Close()
	var set struct { // RFC 7517 §5
		Keys []struct {
			Type string `json:"kty"`
		} `json:"keys"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil || resp.StatusCode != http.StatusOK || len(set.Keys) == 0 {
		return &Error{Kind: Misbehaves, Text: "no keys are at " + d.metadata.JWKS + ": it answers " + resp.Status}
	}
	return nil
}

// checkClient exchanges a code that nobody was given. A provider that knows the client and takes its secret finds fault
// with the code only (RFC 6749 §5.2).
func (p *Provider) checkClient(ctx context.Context, d *discovery) (found, remedy string) {
	ctx, cancel := context.WithTimeout(p.with(ctx), 10*time.Second)
	defer cancel()
	_, err := p.oauth(d, "").Exchange(ctx, "a-code-that-nobody-was-given", oauth2.VerifierOption(oauth2.GenerateVerifier()))
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		if err == nil {
			return "it takes any code", "This is no safe provider."
		}
		return words(explain("its token endpoint does not answer", err)), "See that this server reaches " + d.provider.Endpoint().TokenURL + "."
	}
	code, description := endpointError(refused.Body)
	switch code {
	case "invalid_grant", "invalid_request": // Entra ID finds the missing redirect address first, but after the secret
		return "it knows the client and takes its secret", ""
	case "invalid_client", "unauthorized_client":
		return "it does not take the client: " + refusal(code, description).Text, "Enter client ID and secret again. A secret may have expired."
	}
	return "it answers " + refused.Response.Status + " " + refusal(code, description).Text, "See the provider's log for what it does not like."
}

func words(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return short(err.Error())
}
