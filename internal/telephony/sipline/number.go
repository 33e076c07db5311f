package sipline

import (
	"strings"

	"github.com/doorlight/doorlight/internal/telephony/sipua"
	"github.com/doorlight/doorlight/presence"
)

// userOf returns the user part of an address, without what decorates it, and the host: of sip:302@pbx;user=phone, tel:+49-30-302 and
// "Ann" <sip:302@pbx> alike, and of decorations such as N<302>;displayNumber=4930302.
func userOf(address string) (user, host string) {
	s := strings.TrimSpace(address)
	if i, j := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>'); i >= 0 && j > i {
		s = s[i+1 : j]
	}
	if scheme, rest, ok := strings.Cut(s, ":"); ok {
		switch strings.ToLower(strings.TrimSpace(scheme)) {
		case "sip", "sips", "tel":
			s = rest
		}
	}
	user = s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		user, host = s[:i], s[i+1:]
		host, _, _ = strings.Cut(host, ";")
		host, _, _ = strings.Cut(host, "?")
	}
	user, _, _ = strings.Cut(user, ";") // phone-context, isub, displayNumber
	if !strings.Contains(user, "%3A") {
		user, _, _ = strings.Cut(user, ":") // a password, or a port of an address without a user
	}
	user = sipua.Unescape(user)
	if i, j := strings.IndexByte(user, '<'), strings.IndexByte(user, '>'); i >= 0 && j > i {
		user = user[i+1 : j]
	}
	return clean(user), host
}

// number returns a number without what makes it easier to read, and whether it is one: +49 (30) 302-11 is +493030211.
func number(s string) (string, bool) {
	if s = strings.TrimSpace(s); strings.HasPrefix(s, "+") {
		s = strings.Replace(s, "(0)", "", 1) // +49 (0) 30
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9' || r == '*' || r == '#' || r == '+' && i == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" -./()\u00a0\u2009\u2010\u2011\u2013", r):
		default:
			return "", false
		}
	}
	n := b.String()
	return n, strings.TrimLeft(n, "+") != ""
}

// extension returns the part of a number by which the telephone system knows a line: what follows the office's own prefix.
func (c *Config) extension(n string) (string, bool) {
	for _, p := range c.Numbers {
		if rest, ok := strings.CutPrefix(n, p); ok && rest != "" {
			return rest, true
		}
	}
	return n, false
}

// user returns the user part and host of a line's address, from how its owner's number is entered.
func (c *Config) user(line string) (user, host string) {
	user, host = userOf(line)
	if n, ok := number(user); ok {
		user, _ = c.extension(n)
	}
	if host == "" {
		host = c.Domain
	}
	return user, host
}

// reach says where another party is, by its number.
func (c *Config) reach(other string) presence.Reach {
	n, ok := number(other)
	if !ok {
		if strings.HasPrefix(other, "+") {
			return presence.External
		}
		return presence.ReachUnknown
	}
	if _, own := c.extension(n); own {
		return presence.Internal
	}
	for _, p := range c.Internal {
		if matches(p, n) {
			return presence.Internal
		}
	}
	if digits := c.InternalDigits; len(n) <= digits && n[0] != '0' && n[0] != '+' {
		return presence.Internal
	}
	return presence.External
}

// matches reports whether a number is as a pattern says: x is any digit, * at the end anything.
func matches(pattern, n string) bool {
	pattern, open := strings.CutSuffix(pattern, "*")
	if len(n) < len(pattern) || len(n) > len(pattern) && !open {
		return false
	}
	for i := range len(pattern) {
		if p := pattern[i]; p != n[i] && (p != 'x' && p != 'X' || n[i] < '0' || n[i] > '9') {
			return false
		}
	}
	return true
}
