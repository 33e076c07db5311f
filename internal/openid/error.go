package openid

import (
	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Kind says what kept somebody from signing in.
type Kind uint8

const (
	Misbehaves  Kind = iota // what the provider says is not good, or it does not know this server
	Unreachable             // it cannot be reached; may be better later
	Refused                 // the provider, or the person there, said no
	Stale                   // the attempt is not of this browser, too old, or was used before
)

// Error is why a sign-in did not come off.
type Error struct {
	Kind Kind
	Text string // for administrators: what the provider did
	Err  error  // may be nil

	Doubtful bool // the browser may have made it up: it says nothing about the provider
}

func (e *Error) Error() string {
	if e.Err != nil {
		return "openid: " + e.Text + ": " + e.Err.Error()
	}
	return "openid: " + e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// explain turns an error of the libraries into words. Codes and tokens are not in them.
func explain(what string, err error) *Error {
	e := &Error{Kind: Misbehaves, Text: what, Err: err}
	var (
		issuer  *oidc.IssuerMismatchError
		expired *oidc.TokenExpiredError
		token   *oauth2.RetrieveError
		out     *outbound.Error
	)
	switch {
	case errors.As(err, &issuer):
		e.Text += ": it calls itself " + short(issuer.Discovered) + "; enter the issuer exactly so"
	case errors.As(err, &expired):
		e.Text += ": it has expired; see that the clocks are right"
	case errors.As(err, &token):
		code, description := endpointError(token.Body)
		if code == "" {
			code = token.Response.Status
		}
		e.Text += ": " + refusal(code, description).Text
		e.Err = nil                          // it quotes the whole answer
		e.Doubtful = code == "invalid_grant" // as the code came by the browser
	case errors.As(err, &out):
		e.Text += ": " + out.Text
		if out.Kind == outbound.Unreachable || out.Kind == outbound.Other {
			e.Kind = Unreachable
		}
	default:
		e.Text += ": " + short(err.Error())
	}
	return e
}
