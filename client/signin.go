package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// SignIn is a sign-in that waits for somebody to allow it in a browser (RFC 8628).
type SignIn struct {
	Page    string    // where it is allowed, with the code filled in
	Plain   string    // the same without the code, to be typed on another device
	Code    string    // what is entered there
	Expires time.Time // it is of no use any more then

	cfg  oauth2.Config
	http *http.Client
	auth *oauth2.DeviceAuthResponse
}

// ErrRefused is returned by Wait if somebody refused the sign-in, and ErrExpired if nobody allowed it in time.
var (
	ErrRefused = errors.New("the sign-in was refused in the browser")
	ErrExpired = errors.New("nobody allowed the sign-in in time")
)

// BeginSignIn asks the server for a sign-in; device is what the server calls the program, such as the computer's name.
func (c *Client) BeginSignIn(ctx context.Context, device string) (*SignIn, error) {
	s := &SignIn{http: c.cfg.HTTP, cfg: oauth2.Config{ClientID: "doorlight", Endpoint: oauth2.Endpoint{
		DeviceAuthURL: c.Page("/oauth/device"), TokenURL: c.Page("/oauth/token"), AuthStyle: oauth2.AuthStyleInParams,
	}}}
	auth, err := s.cfg.DeviceAuth(context.WithValue(ctx, oauth2.HTTPClient, s.http), oauth2.SetAuthURLParam("device_name", device))
	if err != nil {
		return nil, s.explain(err)
	}
	s.auth, s.Plain, s.Page, s.Code, s.Expires = auth, auth.VerificationURI, auth.VerificationURIComplete, auth.UserCode, auth.Expiry
	if s.Page == "" {
		s.Page = s.Plain
	}
	for _, page := range []string{s.Page, s.Plain} { // it is opened on this computer, which opens anything
		u, err := url.Parse(page)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("the server names no page of the web to sign in on")
		}
		if u.Scheme == "http" && c.base.Scheme == "https" {
			return nil, errors.New("the server names a page to sign in on that is not encrypted")
		}
	}
	if auth.Interval < 0 || auth.UserCode == "" {
		return nil, errors.New("the server does not say how to sign in")
	}
	return s, nil
}

// retry is how long after an answer that is none the server is asked again.
const retry = 3 * time.Second

// Wait waits until somebody has allowed the sign-in, and returns the token. A server that cannot be reached meanwhile is asked again until the sign-in expires
// (RFC 8628 §3.5).
func (s *SignIn) Wait(ctx context.Context) (token string, err error) {
	for {
		t, err := s.cfg.DeviceAccessToken(context.WithValue(ctx, oauth2.HTTPClient, s.http), s.auth)
		if err == nil {
			return t.AccessToken, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if told := s.explain(err); errors.Is(told, ErrRefused) || errors.Is(told, ErrExpired) {
			return "", told
		}
		late := time.NewTimer(retry)
		select {
		case <-ctx.Done():
			late.Stop()
			return "", ctx.Err()
		case <-late.C:
		}
		if !s.Expires.IsZero() && time.Now().After(s.Expires) {
			return "", ErrExpired
		}
	}
}

func (s *SignIn) explain(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		switch refused.ErrorCode {
		case "access_denied":
			return ErrRefused
		case "expired_token", "invalid_grant": // the server was restarted meanwhile
			return ErrExpired
		}
		if refused.ErrorDescription != "" {
			return errors.New(refused.ErrorDescription)
		}
		if refused.Response != nil {
			return fmt.Errorf("this does not look like a Doorlight server: it answers %s", refused.Response.Status)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) { // of the code
		return ErrExpired
	}
	return reachable(err)
}
