package domino

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// signIn is how the technical user is known to the server: by HTTP Basic with each question, or on a server that takes
// forms only, by a cookie.
type signIn struct {
	turn      chan struct{}   // of whoever signs in
	transport *http.Transport // redirects are not followed: the cookie comes with one

	mu     sync.Mutex // guards what follows
	cookie string     // as it is sent; empty: Basic
}

func (g *signIn) init(c *outbound.Client) {
	g.turn, g.transport = make(chan struct{}, 1), c.Transport(1)
}

func (g *signIn) close() { g.transport.CloseIdleConnections() }

func (g *signIn) current() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cookie
}

func (g *signIn) set(cookie string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cookie = cookie
}

// signInAgain finds out what an answer to a stranger is about, after a question with that cookie: a Domino server tells
// somebody whom it does not know and somebody who may not see something apart no better than by a 401, or by its form, for
// either. It reports whether to ask again, as somebody who is known for certain.
func (s *System) signInAgain(ctx context.Context, a answer, cookie string) (bool, error) {
	select {
	case s.sign.turn <- struct{}{}:
		defer func() { <-s.sign.turn }()
	case <-ctx.Done():
		return false, source.GivenUp(ctx)
	}
	if s.sign.current() != cookie { // somebody else has done it meanwhile
		return true, nil
	}
	if err := s.gate.Shut(); err != nil { // perhaps the password was not taken a moment ago
		return false, err
	}
	if cookie == "" && a.asksBasic() {
		// A wrong password is refused everywhere, also where no password is needed.
		if list := s.do(ctx, call{path: "api", limit: maxAnswer}, ""); list.stranger() {
			return false, s.wrongPassword(list.status)
		}
		return true, nil
	}
	given, err := s.signInByForm(ctx)
	if err != nil {
		return false, err
	}
	s.sign.set(given)
	return true, nil
}

// wrongPassword closes the gate for a while: a server may lock out a user with too many wrong passwords.
func (s *System) wrongPassword(status int) *source.Error {
	e := &source.Error{Kind: source.Credentials, Whole: true, Status: status,
		Text: "The Domino server does not accept the user name or the password of the account that reads calendars. An administrator has to correct them.",
		Err:  fmt.Errorf("domino: the sign-in was refused with %d", status)}
	s.log.Error("domino: the server does not accept the account", "source", "domino", "err", e.Err)
	s.gate.Stop(s.t.refused, e)
	told := *e
	told.RetryAfter = s.t.refused
	return &told
}

// sessionCookies are those that a Domino server gives to whoever signed in: for several servers, or for itself.
var sessionCookies = map[string]bool{"LtpaToken2": true, "LtpaToken": true, "DomAuthSessId": true}

// signInByForm hands in user name and password as the form of the server does, and returns the cookie.
func (s *System) signInByForm(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	body := url.Values{"Username": {s.c.Username}, "Password": {s.c.Password}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base.JoinPath("names.nsf").String()+"?Login", strings.NewReader(body))
	if err != nil {
		return "", &source.Error{Kind: source.Other, Whole: true, Text: "The address of the Domino server is not valid.", Err: errors.New("domino: make an address")}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Doorlight")
	resp, err := s.sign.transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil && context.Cause(ctx) != context.DeadlineExceeded {
			return "", source.GivenUp(ctx)
		}
		return "", &source.Error{Kind: source.Unavailable, Whole: true, Text: "The connection to the Domino server broke off while signing in.",
			RetryAfter: s.t.backoff.After(0), Err: fmt.Errorf("domino: sign in: %w", err)}
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, maxAnswer) // so that the connection may be used again
	var cookies []string
	for _, c := range resp.Cookies() {
		if sessionCookies[c.Name] && c.Value != "" && c.MaxAge >= 0 {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
	}
	switch {
	case len(cookies) > 0 && resp.StatusCode < 400:
		return strings.Join(cookies, "; "), nil
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		e := &source.Error{Kind: source.Unavailable, Whole: true, Status: resp.StatusCode, RetryAfter: source.RetryAfter(resp.Header),
			Text: fmt.Sprintf("The Domino server has a problem with signing in at the moment (%d).", resp.StatusCode)}
		s.gate.Stop(e.RetryAfter, e)
		return "", e
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed:
		e := &source.Error{Kind: source.Other, Whole: true, Status: resp.StatusCode,
			Text: "The Domino server neither takes a password with HTTP Basic nor has a form to sign in with. An administrator has to allow one of the two for its web site."}
		s.gate.Stop(s.t.refused, e)
		return "", e
	}
	return "", s.wrongPassword(resp.StatusCode)
}
