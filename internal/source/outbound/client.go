// Package outbound fetches from addresses that users enter: published calendars, calendar servers, hooks. Whoever can
// enter an address could otherwise use this server to look into the network it stands in, so an address is judged when
// it is dialled, after the name was resolved, by a list of what is on the public internet. Answers are bounded in
// size, also after decompression, and in time. Errors are in words for a user and give no secret away.
//
// No proxy is used, whatever the environment says: the judgement would be of the proxy's address, not of the
// target's. What an answer means is left to the caller.
package outbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Config bounds what a Client does. The zero value is safe: the public internet only.
type Config struct {
	// AllowPrivate opens the private networks of an office: RFC 1918, RFC 4193 and RFC 6598. It does not open
	// loopback, link-local and the metadata services of data centres.
	AllowPrivate bool
	// Allow opens further networks, whatever they are, save multicast, broadcast and unspecified addresses.
	Allow        []netip.Prefix
	UserAgent    string         // empty: "Doorlight". Some servers refuse requests without one
	Timeout      time.Duration  // for a request with its redirects and its whole answer; zero: 30 seconds
	MaxBody      int64          // bytes of an answer, both on the wire and decompressed; zero: 32 MiB
	MaxRedirects int            // zero: 5; negative: none
	RootCAs      *x509.CertPool // nil: the system's

	// Dial connects in place of the network, to addresses that are not judged then: for tests in memory. Nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client sends requests. It may be used by several goroutines and keeps connections for a while.
type Client struct {
	config    Config
	transport *http.Transport
}

// NewClient returns a client. Call CloseIdleConnections when done with it.
func NewClient(c Config) *Client {
	if c.UserAgent == "" {
		c.UserAgent = "Doorlight"
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 32 << 20
	}
	switch {
	case c.MaxRedirects == 0:
		c.MaxRedirects = 5
	case c.MaxRedirects < 0:
		c.MaxRedirects = 0
	}
	allow := slices.Clone(c.Allow)
	for i, p := range allow { // ::ffff:10.0.0.0/104 is 10.0.0.0/8
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			allow[i] = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
	}
	c.Allow = allow
	dialer := &net.Dialer{
		Timeout:   15 * time.Second,
		KeepAlive: 30 * time.Second,
		// Control sees the numeric address that is about to be connected to, so a name cannot change its mind
		// between the judgement and the connection.
		Control: func(network, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !strings.HasPrefix(network, "tcp") {
				return &refusal{addr: address, why: whyReserved}
			}
			if why := refuse(ap.Addr(), c.AllowPrivate, allow); why != whyNone {
				return &refusal{addr: ap.Addr().String(), why: why}
			}
			return nil
		},
	}
	dial := dialer.DialContext
	if c.Dial != nil {
		dial = c.Dial
	}
	return &Client{config: c, transport: &http.Transport{
		Proxy:                  nil,
		DialContext:            dial,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    15 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 128 << 10,
		DisableCompression:     true, // decompressed here, where both sides are bounded
	}}
}

// Transport returns a transport of its own, which reaches what the client reaches and trusts whom it trusts, for
// protocols that need to own their connections: NTLM, or answers that never end. It speaks HTTP/1.1, keeps at most
// perHost idle connections to a server, decompresses nothing and bounds nothing but the headers of an answer; redirects
// are up to the caller. Close its idle connections when done with it.
func (c *Client) Transport(perHost int) *http.Transport {
	t := c.transport.Clone()
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, perHost
	return t
}

// CloseIdleConnections closes connections that are kept for a next request.
func (c *Client) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// Request is what to send. A redirect keeps method and body, as WebDAV needs it (RFC 9110 §15.4 leaves it to the
// client for 301 and 302), but for 303, and POST after 301 or 302.
type Request struct {
	Method  string // empty: GET
	URL     *url.URL
	Header  http.Header // not changed. Authorization and Cookie do not follow a redirect to another server
	Body    []byte
	Login   *Login // may be nil
	MaxBody int64  // if above zero and below Config.MaxBody: the limit for this answer
}

// Response is a whole answer, of any status but a redirect.
type Response struct {
	Status int
	Header http.Header
	Body   []byte   // decompressed
	URL    *url.URL // what answered, after redirects; without user name and password
}

// Do sends a request, follows redirects and reads the answer. Errors are of type *Error; if ctx ended they wrap its
// cause. A 401 is answered with the login once, a 401 after that is returned like any other status.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	timed, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	limit := c.config.MaxBody
	if r.MaxBody > 0 {
		limit = min(limit, r.MaxBody)
	}
	method, body, header := r.Method, r.Body, r.Header.Clone()
	if method == "" {
		method = http.MethodGet
	}
	if header == nil {
		header = http.Header{}
	}
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", c.config.UserAgent)
	}
	u := *r.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	for hop := 0; ; hop++ {
		host := u.Hostname()
		if u.Scheme != "http" && u.Scheme != "https" || host == "" {
			return nil, &Error{Kind: BadAddress, Host: host, Text: "The address has to begin with https:// or http://."}
		}
		res, next, err := c.exchange(timed, method, &u, header, body, r.Login, limit)
		if err != nil {
			return nil, explain(ctx, host, c.config.Timeout, err)
		}
		if next == "" {
			return res, nil
		}
		if hop >= c.config.MaxRedirects {
			return nil, &Error{Kind: Redirects, Host: r.URL.Hostname(),
				Text: fmt.Sprintf("%s redirects more than %d times.", r.URL.Hostname(), c.config.MaxRedirects)}
		}
		target, parseErr := u.Parse(next)
		if parseErr != nil || len(next) > maxURL || target.Hostname() == "" {
			return nil, &Error{Kind: Redirects, Host: host, Text: host + " redirects to something that is not an address."}
		}
		if target.Scheme != "http" && target.Scheme != "https" {
			return nil, &Error{Kind: NotAllowed, Host: host, Text: host + " redirects to an address that is neither https nor http."}
		}
		target.User, target.Fragment, target.RawFragment = nil, "", ""
		upgrade := u.Scheme == "http" && target.Scheme == "https" && strings.EqualFold(target.Hostname(), host)
		if origin(target) != origin(&u) && !upgrade {
			for _, secret := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
				header.Del(secret)
			}
		}
		if res.Status == http.StatusSeeOther && method != http.MethodHead ||
			method == http.MethodPost && (res.Status == http.StatusMovedPermanently || res.Status == http.StatusFound) {
			method, body = http.MethodGet, nil
			header.Del("Content-Type")
		}
		u = *target
	}
}

// exchange sends one request to one server, twice if the server asks for a login, and returns the answer or the
// location it redirects to.
func (c *Client) exchange(ctx context.Context, method string, u *url.URL, header http.Header, body []byte,
	login *Login, limit int64,
) (*Response, string, error) {
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, method, "/", bytes.NewReader(body))
		if err != nil {
			// The error of net/http may quote the method only; the URL is set below.
			return nil, "", &Error{Kind: BadAddress, Host: u.Hostname(), Text: "The request is not valid.", Err: err}
		}
		if len(body) == 0 {
			req.Body, req.GetBody = nil, nil
		}
		sent := *u
		req.URL, req.Host = &sent, sent.Host
		req.Header = header.Clone()
		if method != http.MethodHead && req.Header.Get("Accept-Encoding") == "" {
			req.Header.Set("Accept-Encoding", "gzip")
		}
		if a := login.authorization(method, u); a != "" {
			req.Header.Set("Authorization", a)
		}
		// The transport is used without http.Client: it would follow, rewrite and quote the address in errors.
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return nil, "", err
		}
		if resp.StatusCode == http.StatusUnauthorized && try == 0 && login.learn(u, resp.Header) {
			io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection may be used again
			resp.Body.Close()
			continue
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
			http.StatusPermanentRedirect:
			resp.Body.Close()
			location := resp.Header.Get("Location")
			if location == "" {
				return nil, "", &Error{Kind: Redirects, Host: u.Hostname(), Text: u.Hostname() + " redirects, but does not say where."}
			}
			return &Response{Status: resp.StatusCode}, location, nil
		}
		data, err := read(resp, u.Hostname(), limit)
		resp.Body.Close()
		if err != nil {
			return nil, "", err
		}
		return &Response{Status: resp.StatusCode, Header: resp.Header, Body: data, URL: u}, "", nil
	}
}

// read returns the decompressed body, of at most limit bytes both before and after.
func read(resp *http.Response, host string, limit int64) ([]byte, error) {
	tooLarge := &Error{Kind: TooLarge, Host: host,
		Text: fmt.Sprintf("The answer of %s is larger than the %s allowed.", host, size(limit))}
	if resp.ContentLength > limit {
		return nil, tooLarge
	}
	wire := &io.LimitedReader{R: resp.Body, N: limit + 1}
	var r io.Reader = wire
	switch encoding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(wire)
		if errors.Is(err, io.EOF) {
			return nil, nil // no body at all, as in a 304
		}
		if err != nil {
			return nil, &Error{Host: host, Text: "The answer of " + host + " is damaged.", Err: err}
		}
		r = io.LimitReader(z, limit+1)
	default:
		return nil, &Error{Host: host, Text: host + " answers in a compression that was not asked for."}
	}
	data, err := io.ReadAll(r)
	if int64(len(data)) > limit || wire.N <= 0 {
		return nil, tooLarge
	}
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return nil, &Error{Host: host, Text: "The answer of " + host + " is damaged.", Err: err}
	}
	return data, err
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
