package calendar

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// line is one content line (RFC 5545 §3.1), unfolded.
type line struct {
	number int    // of its first physical line, from 1
	name   string // upper case; empty if the line has no colon
	params string // raw, without the leading semicolon
	value  string
	raw    string // only for lines without a colon
}

// lines calls yield with every content line of text. It unfolds before it
// decodes, because programs fold inside a character; each line that is not
// UTF-8 is taken to be Windows-1252, which Latin-1 is a part of.
func lines(text []byte, yield func(line) bool) {
	text = UTF8(text)
	number := 0
	var logical []byte // the unfolded line, if it is folded at all
	for len(text) > 0 {
		physical, rest := cutLine(text)
		number++
		first := number
		if len(bytes.TrimSpace(physical)) == 0 {
			text = rest
			continue
		}
		logical = logical[:0]
		for {
			// Old Mozilla leaves an empty line before the rest of a folded one.
			more, blank := rest, 0
			for len(more) > 0 && (more[0] == '\r' || more[0] == '\n') {
				_, more = cutLine(more)
				blank++
			}
			if len(more) == 0 || more[0] != ' ' && more[0] != '\t' {
				break
			}
			rest, number = more, number+blank
			if len(logical) == 0 {
				logical = append(logical, physical...)
			}
			physical, rest = cutLine(rest)
			logical = append(logical, physical[1:]...)
			number++
		}
		text = rest
		if len(logical) > 0 {
			physical = logical
		}
		if !yield(splitLine(first, decode(physical))) {
			return
		}
	}
}

// cutLine cuts text after its first line, which may end in CR, LF or CRLF.
func cutLine(text []byte) (first, rest []byte) {
	i := bytes.IndexAny(text, "\r\n")
	switch {
	case i < 0:
		return text, nil
	case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n':
		return text[:i], text[i+2:]
	}
	return text[:i], text[i+1:]
}

// UTF8 drops a byte order mark and converts UTF-16, which is recognised by its
// mark or by the zero bytes in the first word of a calendar.
func UTF8(text []byte) []byte {
	switch {
	case bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")):
		return text[3:]
	case bytes.HasPrefix(text, []byte("\xFF\xFE")):
		return fromUTF16(text[2:], 0)
	case bytes.HasPrefix(text, []byte("\xFE\xFF")):
		return fromUTF16(text[2:], 1)
	case len(text) > 4 && text[0] == 'B' && text[1] == 0 && text[3] == 0:
		return fromUTF16(text, 0)
	case len(text) > 4 && text[0] == 0 && text[1] == 'B' && text[2] == 0:
		return fromUTF16(text, 1)
	}
	return text
}

// fromUTF16 decodes UTF-16; high is the index of the high byte within a pair,
// less one: 0 for little endian, 1 for big endian.
func fromUTF16(text []byte, big int) []byte {
	out := make([]byte, 0, len(text)/2)
	unit := func(i int) rune { return rune(text[i+1-big])<<8 | rune(text[i+big]) }
	for i := 0; i+1 < len(text); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if i+3 < len(text) {
				pair = utf16.DecodeRune(r, unit(i+2))
			}
			if r = pair; r != utf8.RuneError {
				i += 2
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// windows1252 is what the bytes 0x80 to 0x9F mean there.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

func decode(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	var b strings.Builder
	for _, c := range text {
		if c >= 0x80 && c < 0xA0 {
			b.WriteRune(windows1252[c-0x80])
		} else {
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

// dated are the properties whose value never holds a colon, so that the last
// colon ends their parameters, even in TZID=(UTC+01:00) Amsterdam.
var dated = []string{"DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"}

func splitLine(number int, text string) line {
	end := strings.IndexAny(text, ";:")
	if end < 0 {
		return line{number: number, raw: text}
	}
	l := line{number: number, name: strings.ToUpper(strings.TrimSpace(text[:end]))}
	if text[end] == ':' {
		l.value = text[end+1:]
		return l
	}
	text = text[end+1:]
	colon, quoted := -1, false
	last := slices.Contains(dated, l.name)
	for i := range len(text) {
		switch text[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted && (colon < 0 || last) {
				colon = i
			}
		}
	}
	if colon < 0 { // a quote that is never closed
		colon = strings.IndexByte(text, ':')
	}
	if colon < 0 {
		return line{number: number, raw: l.name}
	}
	l.params, l.value = text[:colon], text[colon+1:]
	return l
}

// param returns the first value of a parameter, without quotes.
func (l line) param(name string) string {
	rest := l.params
	for rest != "" {
		var one string
		quoted, end := false, len(rest)
		for i := range len(rest) {
			if rest[i] == '"' {
				quoted = !quoted
			} else if rest[i] == ';' && !quoted {
				end = i
				break
			}
		}
		one, rest = rest[:end], rest[min(end+1, len(rest)):]
		if key, value, ok := strings.Cut(one, "="); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}
