// Package client talks to a Doorlight server: it signs a program in, reads and chooses presences, hands calendars over and keeps a live stream. It is what
// the desktop client is built on, and it is for programs that act for one person. What the calls mean in full is in the server's OpenAPI document.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// Config holds what has a default.
type Config struct {
	Token     string       // of a sign-in or made by an administrator; empty: only what needs none can be called
	HTTP      *http.Client // nil: one that gives up after 30 s. It must not follow redirects to other servers with the token.
	UserAgent string       // empty: doorlight-client
}

// Client talks to one server. Its methods may be called by several goroutines at once.
type Client struct {
	base  *url.URL
	cfg   Config
	ahead atomic.Int64 // by how much the server's clock is ahead of this one, in nanoseconds
}

// New returns a client of a server, such as https://presence.example.com. It asks nothing yet.
func New(server string, cfg Config) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSpace(server), "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is no address of a server, such as https://presence.example.com", server)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q: the address of a server has no user, no ? and no #", u.Redacted())
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "doorlight-client"
	}
	return &Client{base: u, cfg: cfg}, nil
}

// Server is the address of the server, without a slash at the end.
func (c *Client) Server() string { return c.base.String() }

// Page is the address of a page of the server, such as /settings.
func (c *Client) Page(path string) string { return c.base.String() + path }

// Error is what the server says when it refuses something (RFC 9457).
type Error struct {
	Status int    `json:"status"` // HTTP status
	Title  string `json:"title"`
	Detail string `json:"detail"` // in words

	own bool // it is the server's own word, not that of a proxy or of a network that wants a password
}

func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Detail
	}
	return fmt.Sprintf("the server answers %d %s", e.Status, e.Title)
}

// ErrSignedOut is wrapped by errors that say that the token is not good any more.
var ErrSignedOut = errors.New("not signed in any more")

func (e *Error) Unwrap() error {
	if e.Status == http.StatusUnauthorized && e.own {
		return ErrSignedOut
	}
	return nil
}

// longestAnswer bounds what is read of an answer, in bytes.
const longestAnswer = 4 << 20

// do calls the API; in and out may be nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.Page("/api/v1"+path), body)
	if err != nil {
		return err
	}
	c.dress(r.Header)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	asked := time.Now()
	a, err := c.cfg.HTTP.Do(r)
	if err != nil {
		return reachable(err)
	}
	defer a.Body.Close()
	c.heard(a.Header, asked)
	text, err := io.ReadAll(io.LimitReader(a.Body, longestAnswer))
	if err != nil {
		return reachable(err)
	}
	if a.StatusCode < 200 || a.StatusCode > 299 {
		return refusal(a, text)
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("the answer of %s %s is no answer of a Doorlight server: %w", method, path, err)
	}
	return nil
}

// dress adds what every request has.
func (c *Client) dress(h http.Header) {
	h.Set("User-Agent", c.cfg.UserAgent)
	if c.cfg.Token != "" {
		h.Set("Authorization", "Bearer "+c.cfg.Token)
	}
}

// heard notes the server's clock (RFC 9110 §6.6.1), which tells whole seconds, of some moment between asking and now.
func (c *Client) heard(h http.Header, asked time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	now := time.Now()
	least, most := at.Sub(now.Round(0)), at.Add(time.Second).Sub(asked.Round(0))
	switch {
	case least <= 0 && most >= 0: // it may be the same
		c.ahead.Store(0)
	case most-least <= 3*time.Second: // a slow answer tells too little
		c.ahead.Store(int64(least + (most-least)/2))
	}
}

// ServerTime is a time of this computer's clock as the server's tells it, as far as that was heard.
func (c *Client) ServerTime(t time.Time) time.Time { return t.Add(time.Duration(c.ahead.Load())) }

func refusal(a *http.Response, text []byte) error {
	e := Error{Status: a.StatusCode, Title: http.StatusText(a.StatusCode)}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		e.own = json.Unmarshal(text, &e) == nil && e.Status == a.StatusCode
		e.Status = a.StatusCode
	}
	return &e
}

// reachable says in words that a server could not be reached, without the address, which may hold what is nobody's business.
func reachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("the server cannot be reached: %w", err)
}

// Presence is what is seen of somebody.
type Presence struct {
	ID      string           `json:"id"`
	Off     bool             `json:"off"`    // they have no presence at all
	Status  *presence.Status `json:"status"` // nil: it may not be seen
	Since   *time.Time       `json:"since"`
	Until   *time.Time       `json:"until"` // when it ends by itself; nil: not known
	Text    string           `json:"text"`
	Profile string           `json:"profile"`
	Cause   presence.Source  `json:"cause"` // what kind of source decided; empty: it may not be seen
}

// Me is who is signed in.
type Me struct {
	Person struct {
		ID       string   `json:"id"`
		Name     string   `json:"name"`
		Presence Presence `json:"presence"`
	} `json:"person"`
	Language string `json:"language"` // en or de; empty: the system's
	Version  string `json:"version"`  // of the server
}

// Me tells who is signed in.
func (c *Client) Me(ctx context.Context) (me Me, err error) {
	return me, c.do(ctx, http.MethodGet, "/session", nil, &me)
}

// SignOut ends the sign-in whose token the client has.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/session", nil, nil)
}

// Choice is a presence that is chosen: by status or by profile.
type Choice struct {
	Profile string           `json:"profile,omitempty"` // ID of an offered profile
	Status  *presence.Status `json:"status,omitempty"`
	Text    *string          `json:"text,omitempty"`  // nil: the profile's own
	Until   *time.Time       `json:"until,omitempty"` // nil: until the next choice
}

// Choose chooses the presence of who is signed in, and returns what is shown of them then.
func (c *Client) Choose(ctx context.Context, choice Choice) (p Presence, err error) {
	return p, c.do(ctx, http.MethodPut, "/people/me/choice", choice, &p)
}

// HandOver hands over all appointments of a calendar in the days ahead, in place of those before. They hold for so long unless they are handed over
// again. Appointments are encoded as JSON, as the schema LocalAppointment says.
func (c *Client) HandOver(ctx context.Context, calendar string, lease time.Duration, appointments any) error {
	body := struct {
		LeaseSeconds int `json:"lease_seconds"`
		Appointments any `json:"appointments"`
	}{int(lease.Seconds()), appointments}
	return c.do(ctx, http.MethodPut, "/people/me/local-calendars/"+url.PathEscape(calendar), body, nil)
}
