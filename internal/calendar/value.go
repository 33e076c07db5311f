package calendar

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// stamp is a DATE or DATE-TIME value (RFC 5545 §3.3.4 and §3.3.5). The zero
// stamp is none.
type stamp struct {
	at    civil
	tzid  string // as written; empty: floating or UTC
	zone  *zone  // what tzid stands for, once the whole file has been read
	utc   bool
	date  bool // at is midnight of the day
	known bool
}

func (s stamp) isZero() bool { return !s.known }

// compact formats s as in iCalendar, without TZID.
func (s stamp) compact() string {
	switch {
	case s.date:
		return s.at.compactDate()
	case s.utc:
		return s.at.compact() + "Z"
	}
	return s.at.compact()
}

// in returns the zone s is in; floating is the one for times without a zone.
func (s stamp) in(floating *zone) *zone {
	switch {
	case s.utc:
		return utc
	case s.zone != nil:
		return s.zone
	}
	return floating
}

var (
	errNotDate     = errors.New("not a date or time")
	errNotDuration = errors.New("not a duration")
)

// parseStamp reads 20260105, 20260105T090000 or 20260105T090000Z; also without
// seconds and with the separators of ISO 8601, which some programs write.
func parseStamp(text string) (stamp, error) {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "-:") {
		text = strings.NewReplacer("-", "", ":", "").Replace(text)
	}
	if len(text) < 8 {
		return stamp{}, errNotDate
	}
	year, ok1 := digits(text[:4])
	month, ok2 := digits(text[4:6])
	day, ok3 := digits(text[6:8])
	if !ok1 || !ok2 || !ok3 || year < firstYear || month < 1 || month > 12 || day < 1 || day > monthLength(year, month) {
		return stamp{}, errNotDate
	}
	s := stamp{at: civilOf(year, month, day, 0, 0, 0), known: true}
	rest := text[8:]
	if rest == "" || rest == "Z" { // Google is known to write a day with Z
		s.date = true
		return s, nil
	}
	if rest[0] != 'T' && rest[0] != 't' {
		return stamp{}, errNotDate
	}
	rest = rest[1:]
	if n := len(rest); n > 0 && (rest[n-1] == 'Z' || rest[n-1] == 'z') {
		s.utc, rest = true, rest[:n-1]
	}
	if len(rest) == 4 {
		rest += "00"
	}
	if len(rest) != 6 {
		return stamp{}, errNotDate
	}
	hour, ok1 := digits(rest[:2])
	minute, ok2 := digits(rest[2:4])
	second, ok3 := digits(rest[4:])
	// 24:00 is the end of the day, 60 a leap second; both only ever mean the
	// next one.
	if !ok1 || !ok2 || !ok3 || hour > 24 || minute > 59 || second > 60 || hour == 24 && minute+second > 0 {
		return stamp{}, errNotDate
	}
	s.at += civil(hour*secondsPerHour + minute*60 + second)
	return s, nil
}

func digits(text string) (n int, ok bool) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, text != ""
}

// span is a DURATION (RFC 5545 §3.3.6). Days are kept apart because a day is
// not always 24 hours.
type span struct {
	days    int
	seconds int
}

// maxSpan is the longest duration, in days, that is believed.
const maxSpan = 10 * 366

// parseSpan reads P1W, P1DT2H, -PT15M. It takes weeks together with others,
// in any order, because programs write that too.
func parseSpan(text string) (span, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	sign := 1
	switch {
	case strings.HasPrefix(text, "-"):
		sign, text = -1, text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	text, ok := strings.CutPrefix(text, "P")
	if !ok || len(text) > 64 {
		return span{}, errNotDuration
	}
	var s span
	value, have, any := 0, false, false
	for _, c := range []byte(text) {
		if c >= '0' && c <= '9' {
			value, have = value*10+int(c-'0'), true
			if value > 1_000_000_000 {
				return span{}, errNotDuration
			}
			continue
		}
		if c == 'T' && !have {
			continue
		}
		if !have {
			return span{}, errNotDuration
		}
		switch c {
		case 'W':
			s.days += min(value, maxSpan) * 7
		case 'D':
			s.days += value
		case 'H':
			s.seconds += min(value, maxSpan*24) * secondsPerHour
		case 'M':
			s.seconds += min(value, maxSpan*24*60) * 60
		case 'S':
			s.seconds += value
		default:
			return span{}, errNotDuration
		}
		value, have, any = 0, false, true
	}
	if have || !any {
		return span{}, errNotDuration
	}
	if s.days > maxSpan || s.seconds > maxSpan*secondsPerDay {
		return span{}, errors.New("longer than ten years")
	}
	return span{sign * s.days, sign * s.seconds}, nil
}

// after returns the instant s after c in z: days by the calendar, the rest by
// the clock (RFC 5545 §3.3.6).
func (s span) after(c civil, z *zone) int64 {
	unix, _ := z.instant(c + civil(s.days)*secondsPerDay)
	return unix + int64(s.seconds)
}

// nominal returns s with every day taken as 24 hours.
func (s span) nominal() time.Duration {
	return (time.Duration(s.days)*secondsPerDay + time.Duration(s.seconds)) * time.Second
}

// parseOffset reads a UTC offset: +0100, -073015 (RFC 5545 §3.3.14), and what
// programs make of it: +01:00, 0100.
func parseOffset(text string) (seconds int, ok bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), ":", "")
	if len(text) == 4 || len(text) == 6 {
		text = "+" + text
	}
	if len(text) != 5 && len(text) != 7 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	n, ok := digits((text + "00")[1:7])
	if !ok || n/10000 > 23 || n/100%100 > 59 || n%100 > 59 {
		return 0, false
	}
	seconds = n/10000*secondsPerHour + n/100%100*60 + n%100
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// maxText bounds, in bytes, a text that is kept.
const maxText = 1024

// plainText reads a TEXT value (RFC 5545 §3.3.11) for showing on one line:
// escapes resolved, control characters and runs of space made one space.
func plainText(value string) string {
	if len(value) > 8*maxText {
		value = value[:8*maxText]
	}
	return oneLine(unescape(value))
}

func oneLine(value string) string {
	text := strings.Join(strings.FieldsFunc(value, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
	}), " ")
	return cut(text, maxText)
}

// cut shortens text to at most n bytes without breaking a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func unescape(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i+1 == len(value) {
			b.WriteByte(value[i])
			continue
		}
		i++
		if value[i] == 'n' || value[i] == 'N' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(value[i]) // also \: and \", which old programs escape
		}
	}
	return b.String()
}

func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(text)
}

// splitText splits a list of TEXT values at its unescaped commas.
func splitText(value string) []string {
	var out []string
	start := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case ',':
			out = append(out, value[start:i])
			start = i + 1
		}
	}
	return append(out, value[start:])
}
