package outbound

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/icholy/digest"
)

// Login is a user's name and password for one server. They are sent only after that server asked for them with a 401
// (so a server that wants Digest never sees the password), only to the scheme, host and port the login was made for,
// and never to a host that a redirect leads to, unless Trust named it. The one exception: from http to https on the
// same host. A Login remembers what each server asked for, so keep it for the length of a conversation; it is not for
// use by several goroutines.
type Login struct {
	username, password string
	origins            []string
	asked              map[string]*challenge
}

// NewLogin returns a login for the server of u, or nil if there is neither a name nor a password.
func NewLogin(u *url.URL, username, password string) *Login {
	if username == "" && password == "" {
		return nil
	}
	return &Login{username: username, password: password, origins: []string{origin(u)}, asked: map[string]*challenge{}}
}

// Trust has the login sent to the server of u too, if it asks.
func (l *Login) Trust(u *url.URL) {
	if l != nil && !l.Trusts(u) {
		l.origins = append(l.origins, origin(u))
	}
}

// Trusts reports whether the login may be sent to the server of u.
func (l *Login) Trusts(u *url.URL) bool {
	if l == nil {
		return false
	}
	return slices.ContainsFunc(l.origins, func(o string) bool {
		if o == origin(u) {
			return true
		}
		known, err := url.Parse(o)
		return err == nil && known.Scheme == "http" && u.Scheme == "https" &&
			strings.EqualFold(known.Hostname(), strings.TrimSuffix(u.Hostname(), "."))
	})
}

// Offer has the login sent to the server of u with the first request, by Basic authentication (RFC 7617), without
// waiting to be asked: for servers that answer strangers too, but less. It has no effect if the server is not
// trusted or has asked before.
func (l *Login) Offer(u *url.URL) {
	if l.Trusts(u) && l.asked[origin(u)] == nil {
		l.asked[origin(u)] = &challenge{}
	}
}

// LogValue and String keep the password out of logs.
func (l *Login) LogValue() slog.Value { return slog.StringValue("[login]") }
func (l *Login) String() string       { return "[login]" }
func (l *Login) GoString() string     { return "[login]" }

// challenge is what a server asked for: Digest (RFC 7616), or Basic if digest is nil.
type challenge struct {
	digest *digest.Challenge
	count  int // requests made with the nonce
}

// learn remembers the best challenge of a 401 and reports whether it is worth trying again: not if the very same was
// answered already and the server did not like it.
func (l *Login) learn(u *url.URL, h http.Header) bool {
	if !l.Trusts(u) {
		return false
	}
	before := l.asked[origin(u)]
	best := choose(h)
	if best == nil {
		return false
	}
	l.asked[origin(u)] = best
	switch {
	case before == nil:
		return true
	case before.digest == nil || best.digest == nil:
		return before.digest != best.digest
	case before.count == 1 && !best.digest.Stale:
		return false // a fresh nonce, answered once, refused: the password is wrong
	}
	return before.digest.Nonce != best.digest.Nonce
}

// authorization returns the value of the header for the next request, or "".
func (l *Login) authorization(method string, u *url.URL) string {
	if !l.Trusts(u) {
		return ""
	}
	c := l.asked[origin(u)]
	if c == nil {
		return ""
	}
	if c.digest == nil {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.username+":"+l.password))
	}
	c.count++
	cred, err := digest.Digest(c.digest, digest.Options{Method: method, URI: u.RequestURI(), Count: c.count,
		Username: l.username, Password: l.password})
	if err != nil {
		return ""
	}
	return cred.String()
}

// choose picks the strongest challenge that can be answered: Digest before Basic, SHA-2 before MD5.
func choose(h http.Header) *challenge {
	var best *challenge
	rank := -1
	for _, field := range h.Values("WWW-Authenticate") {
		for _, s := range splitChallenges(field) {
			r := -1
			c := &challenge{}
			scheme, _, _ := strings.Cut(s, " ")
			switch strings.ToLower(scheme) {
			case "basic":
				r = 0
			case "digest":
				d, err := digest.ParseChallenge(s)
				if err != nil {
					continue
				}
				for i, q := range d.QOP { // the library does not trim "auth-int, auth"
					d.QOP[i] = strings.ToLower(strings.TrimSpace(q))
				}
				if !digest.CanDigest(d) || (len(d.QOP) > 0 && !d.SupportsQOP("auth")) {
					continue
				}
				c.digest = d
				r = 2
				if d.Algorithm == "" || strings.EqualFold(d.Algorithm, "MD5") {
					r = 1
				}
			}
			if r > rank {
				best, rank = c, r
			}
		}
	}
	return best
}

// splitChallenges cuts a WWW-Authenticate field that carries several challenges (RFC 9110 §11.6.1): a comma outside
// quotes followed by a word and a space begins the next one, a comma followed by name=value does not.
func splitChallenges(s string) []string {
	var parts []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	if start < len(s) {
		parts = append(parts, s[start:])
	}
	var out []string
	for _, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" {
			continue
		}
		word, _, spaced := strings.Cut(p, " ")
		isParam := strings.Contains(word, "=") || spaced && strings.HasPrefix(strings.TrimSpace(p[len(word):]), "=")
		if isParam && len(out) > 0 {
			out[len(out)-1] += ", " + p
			continue
		}
		out = append(out, p)
	}
	return out
}
