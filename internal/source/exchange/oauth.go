package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/doorlight/doorlight/internal/source"
)

// bearer signs in with a token (RFC 6750) that is had for client credentials (RFC 6749 §4.4).
type bearer struct {
	config clientcredentials.Config
	client *http.Client
	host   string // of the token service, for words

	mu    sync.Mutex // guards token; held while a new one is asked for
	token *oauth2.Token
}

func newBearer(c Config) *bearer {
	b := &bearer{client: c.Client.HTTP(), config: clientcredentials.Config{ClientID: c.OAuth.ClientID, ClientSecret: c.OAuth.ClientSecret, TokenURL: c.OAuth.TokenURL}}
	if c.OAuth.Scope != "" {
		b.config.Scopes = []string{c.OAuth.Scope}
	}
	if u, err := url.Parse(c.OAuth.TokenURL); err == nil {
		b.host = u.Hostname()
	}
	return b
}

// get returns a token that holds for a while yet, and is not stale.
func (b *bearer) get(ctx context.Context, stale string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.token; t != nil && t.AccessToken != stale && (t.Expiry.IsZero() || time.Until(t.Expiry) > 30*time.Second) {
		return t.AccessToken, nil
	}
	t, err := b.config.Token(context.WithValue(ctx, oauth2.HTTPClient, b.client))
	if err != nil {
		return "", b.explain(ctx, err)
	}
	b.token = t
	return t.AccessToken, nil
}

// explain makes a failure of an error of the token service.
func (b *bearer) explain(ctx context.Context, err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f := &failure{scope: ofServer, told: &source.Error{Kind: source.Unavailable, Whole: true, Text: "The token service " + b.host + " cannot be reached."}}
		if known, ok := errors.AsType[*source.Error](source.Failure(errors.Unwrap(err))); ok && known.Kind != source.Other {
			f.told.Text = "The token service does not answer. " + known.Text
		}
		f.told.Err = fmt.Errorf("%s: no token", b.host)
		return f
	}
	status := 0
	if refused.Response != nil {
		status = refused.Response.StatusCode
	}
	f := &failure{scope: ofSignIn, code: "token", detail: clip(refused.ErrorCode + " " + refused.ErrorDescription),
		told: &source.Error{Kind: source.Credentials, Whole: true, Status: status, Err: fmt.Errorf("%s answers %d", b.host, status),
			Text: "The token service " + b.host + " does not accept the client or its secret."}}
	switch {
	case status >= 500 || status == http.StatusTooManyRequests:
		f.scope, f.told.Kind, f.told.Text = ofServer, source.Unavailable, "The token service "+b.host+" has a problem at the moment."
	case refused.ErrorCode == "invalid_scope" || refused.ErrorCode == "invalid_resource" || refused.ErrorCode == "invalid_target":
		f.told.Text = "The token service " + b.host + " knows no such scope."
	case refused.ErrorCode != "" && refused.ErrorCode != "invalid_client" && refused.ErrorCode != "unauthorized_client":
		f.told.Text = "The token service " + b.host + " gives no token: " + clip(refused.ErrorCode) + "."
	}
	return f
}

func (b *bearer) send(t *http.Transport, r *http.Request) (*http.Response, error) {
	stale := ""
	for last := false; ; last = true {
		token, err := b.get(r.Context(), stale)
		if err != nil {
			return nil, err
		}
		one, err := again(r)
		if err != nil {
			return nil, err
		}
		one.Header.Set("Authorization", "Bearer "+token)
		resp, err := t.RoundTrip(one)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || last {
			return resp, err
		}
		resp.Body.Close()
		stale = token // it may have been revoked: once more with another
	}
}

func (*bearer) offered(h http.Header) bool { return offers(h, "Bearer") }
