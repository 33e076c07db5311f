package wire

import (
	"strconv"
	"strings"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/presence"
)

// Clean takes a number out of what systems and people write around it: "N<302>;displayNumber=302", "tel:+49-30-1234;phone-context=x",
// `"Anna" <sip:201@pbx>`, "+49 (0)30 / 1234". What is left is digits, * and #, perhaps after a plus; of what is no number the whole is
// left, without the decorations. Words for numbers that are not known ("<unknown>", "anonymous") are empty.
func Clean(s string) string {
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "", "<unknown>", "unknown", "anonymous", "<anonymous>", "restricted", "private", "unavailable":
		return ""
	}
	if open := strings.IndexByte(s, '<'); open >= 0 {
		if end := strings.IndexByte(s[open:], '>'); end > 0 {
			s = s[open+1 : open+end]
		}
	}
	for _, scheme := range []string{"tel:", "sips:", "sip:"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s = s[len(scheme):]
			break
		}
	}
	s, _, _ = strings.Cut(s, ";")
	user, _, _ := strings.Cut(s, "@")
	if n, ok := digits(user); ok {
		return n
	}
	return strings.TrimSpace(s)
}

// digits drops what is between the digits of a number, and reports whether it is one.
func digits(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "00") {
		s = strings.Replace(s, "(0)", "", 1)
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9', c == '*', c == '#', c == '+' && b.Len() == 0:
			b.WriteRune(c)
		case strings.ContainsRune(" \t-./()\u00a0", c):
		default:
			return "", false
		}
	}
	n := b.String()
	return n, n != "" && n != "+"
}

// Dialable reports whether a telephone can be told to dial it: digits, * and #, perhaps after a plus.
func Dialable(n string) bool {
	d, ok := digits(n)
	return ok && d == n && len(n) <= 40
}

// Target is where a line is forwarded to as it is dialled, without what people write around a number; name is what is forwarded, for the
// *source.Error of one that cannot be dialled.
func Target(target, name string) (string, error) {
	n := Clean(target)
	if !Dialable(n) || strings.Contains(target, "@") {
		return "", &source.Error{Kind: source.BadAddress, Text: "The target for " + name + " is no number that a telephone could dial."}
	}
	return n, nil
}

// Numbers tell the numbers of an organisation from all others. The zero value knows none.
type Numbers struct {
	prefixes []string
	internal []string
}

// NewNumbers returns what knows the prefixes before extensions, such as +49301234, and the patterns of internal numbers: digits, with X for any
// of them, and a period at the end for any number of further ones. What is wrong is added to f, as the fields prefixes.0 and internal.0 and so on.
func NewNumbers(prefixes, internal []string, f *fault.Fields) (n Numbers) {
	for i, p := range prefixes {
		c := Clean(p)
		if !Dialable(c) {
			f.Add("prefixes."+strconv.Itoa(i), "%q is no beginning of a number, such as +49 30 1234", p)
			continue
		}
		n.prefixes = append(n.prefixes, c)
	}
	for i, p := range internal {
		c := strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(p), " ", ""))
		rest := strings.TrimSuffix(c, ".")
		if rest == "" || strings.Trim(strings.TrimPrefix(rest, "+"), "0123456789X*#") != "" {
			f.Add("internal."+strconv.Itoa(i), "%q is no pattern of numbers, such as 2XX, or 7. for all that begin with 7", p)
			continue
		}
		n.internal = append(n.internal, c)
	}
	return n
}

// Extension is the number of a line as the system knows it: cleaned, and without a prefix.
func (n Numbers) Extension(s string) string {
	c := Clean(s)
	for _, p := range n.prefixes {
		if rest, ok := strings.CutPrefix(c, p); ok && rest != "" {
			return rest
		}
	}
	return c
}

// Reach says whether a number is inside. known reports whether an extension is one of the system; nil: the system does not say.
func (n Numbers) Reach(number string, known func(extension string) bool) presence.Reach {
	e := n.Extension(number)
	switch {
	case e == "":
		return presence.ReachUnknown
	case known != nil && known(e), e[0] == '*', e[0] == '#': // services of the telephone system are reached so
		return presence.Internal
	}
	for _, p := range n.internal {
		if matches(p, e) {
			return presence.Internal
		}
	}
	if known == nil && len(n.internal) == 0 || !Dialable(e) {
		return presence.ReachUnknown
	}
	return presence.External
}

func matches(pattern, number string) bool {
	more := strings.HasSuffix(pattern, ".")
	pattern = strings.TrimSuffix(pattern, ".")
	if len(number) < len(pattern) || len(number) > len(pattern) && !more {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] == 'X' {
			if number[i] < '0' || number[i] > '9' {
				return false
			}
		} else if pattern[i] != number[i] {
			return false
		}
	}
	return true
}
