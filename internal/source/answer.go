package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Address reads an account's address and login. The login is nil if there is none.
func (a Account) Address() (*url.URL, *outbound.Login, error) {
	u, username, password, err := outbound.ParseURL(a.URL)
	if err != nil {
		return nil, nil, Failure(err)
	}
	if a.Username != "" || a.Password != "" {
		username, password = a.Username, a.Password
	}
	return u, outbound.NewLogin(u, username, password), nil
}

// Key names address and user of an account without telling either, so that a State can be recognised as belonging to
// something else.
func (a Account) Key() string {
	sum := sha256.Sum256([]byte(a.URL + "\x00" + a.Username))
	return hex.EncodeToString(sum[:8])
}

// Failure makes an *Error of what package outbound returns. It returns nil for nil.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e, ok := errors.AsType[*outbound.Error](err)
	if !ok {
		return &Error{Kind: Other, Text: "The calendar could not be read.", Err: err}
	}
	kind := Other
	switch e.Kind {
	case outbound.BadAddress:
		kind = BadAddress
	case outbound.NotAllowed:
		kind = NotAllowed
	case outbound.Unreachable:
		kind = Unavailable
	case outbound.TooLarge:
		kind = TooLarge
	}
	return &Error{Kind: kind, Text: e.Text, Err: e}
}

// Refusal makes an *Error of an answer with a status that is not a success. asked is the address the request began
// with.
func Refusal(r *outbound.Response, asked *url.URL, login *outbound.Login) *Error {
	host := r.URL.Hostname()
	cause := fmt.Errorf("%s answered %d %s", host, r.Status, http.StatusText(r.Status))
	fail := func(k Kind, format string, args ...any) *Error {
		return &Error{Kind: k, Text: fmt.Sprintf(format, args...), Status: r.Status, Err: cause}
	}
	switch s := r.Status; {
	case s == http.StatusUnauthorized && login == nil:
		return fail(Credentials, "%s asks for a user name and a password.", host)
	case s == http.StatusUnauthorized && !login.Trusts(r.URL):
		return fail(Credentials, "%s sends on to %s, which asks for a password. It was not given yours. If it is to have it, "+
			"enter the calendar's address on %[2]s.", asked.Hostname(), host)
	case s == http.StatusUnauthorized && unanswerable(r.Header):
		return fail(Credentials, "%s asks for a way of signing in that is not supported; Basic and Digest are.", host)
	case s == http.StatusUnauthorized:
		return fail(Credentials, "%s did not accept the user name or the password.", host)
	case s == http.StatusForbidden && login == nil:
		return fail(Credentials, "%s does not let everybody read this calendar. Perhaps it needs a user name and a password.", host)
	case s == http.StatusForbidden:
		return fail(Credentials, "%s does not allow this user to read this calendar.", host)
	case s == http.StatusNotFound:
		return fail(NotFound, "%s has no calendar at this address.", host)
	case s == http.StatusGone:
		return fail(NotFound, "%s says that this calendar is no longer published.", host)
	case s == http.StatusTooManyRequests:
		e := fail(Unavailable, "%s has been asked too often.", host)
		e.RetryAfter = RetryAfter(r.Header)
		return e
	case s == http.StatusRequestTimeout || s >= 500 && s != http.StatusNotImplemented:
		e := fail(Unavailable, "%s has a problem at the moment (%d).", host, s)
		e.RetryAfter = RetryAfter(r.Header)
		return e
	}
	text := strings.ToLower(http.StatusText(r.Status))
	if text != "" {
		text = ", " + text
	}
	return fail(Other, "%s refuses to hand out the calendar (%d%s).", host, r.Status, text)
}

// unanswerable reports that a 401 asks for neither Basic nor Digest.
func unanswerable(h http.Header) bool {
	fields := strings.ToLower(strings.Join(h.Values("WWW-Authenticate"), ","))
	return fields != "" && !strings.Contains(fields, "basic") && !strings.Contains(fields, "digest")
}

// RetryAfter reads the header of that name (RFC 9110 §10.2.3), seconds or a date; a date counts from the answer's own
// Date, so that clocks need not agree. It returns zero if there is none, and at most a day.
func RetryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	const most = 24 * time.Hour
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(n, uint64(most/time.Second))) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), most)
}

// GivenUp is the error of a reader whose ctx has ended.
func GivenUp(ctx context.Context) *Error {
	return &Error{Kind: Unavailable, Text: "The calendar was not read, because nobody waited for it any longer.", Err: context.Cause(ctx)}
}
