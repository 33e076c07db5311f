package feed

import (
	"bytes"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

// every returns how often a calendar wants to be read at most: REFRESH-INTERVAL (RFC 7986 §5.7), else the older
// X-PUBLISHED-TTL of Outlook, both durations. It looks at the calendar's own properties only, which come before its
// first component (RFC 5545 §3.6), and returns zero if neither is there.
func every(data []byte) time.Duration {
	var older time.Duration
	rest := calendar.UTF8(data)
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		text := strings.ToUpper(strings.TrimSpace(string(line[:min(len(line), 200)])))
		if strings.HasPrefix(text, "BEGIN:") && text != "BEGIN:VCALENDAR" {
			break
		}
		name, value, found := strings.Cut(text, ":")
		if !found {
			continue
		}
		name, _, _ = strings.Cut(name, ";")
		d, ok := duration(value)
		switch {
		case !ok:
		case name == "REFRESH-INTERVAL":
			return min(max(d, oftenest), seldomest)
		case name == "X-PUBLISHED-TTL":
			older = min(max(d, oftenest), seldomest)
		}
	}
	return older
}

// duration reads a positive duration in the form of RFC 5545 §3.3.6, in upper case.
func duration(s string) (time.Duration, bool) {
	s, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(s), "+"), "P")
	if !ok {
		return 0, false
	}
	var total time.Duration
	n, digits, clock := time.Duration(0), 0, false
	for _, r := range s {
		unit := time.Duration(0)
		switch {
		case r >= '0' && r <= '9':
			if digits++; digits > 9 {
				return 0, false
			}
			n = n*10 + time.Duration(r-'0')
			continue
		case r == 'T' && !clock && digits == 0:
			clock = true
			continue
		case r == 'W' && !clock:
			unit = 7 * 24 * time.Hour
		case r == 'D' && !clock:
			unit = 24 * time.Hour
		case r == 'H' && clock:
			unit = time.Hour
		case r == 'M' && clock:
			unit = time.Minute
		case r == 'S' && clock:
			unit = time.Second
		}
		if unit == 0 || digits == 0 {
			return 0, false
		}
		// Weeks by the hundred million would overflow; whatever is beyond a year is as good as a year.
		total = min(total+min(n, 366*24*time.Hour/unit)*unit, 366*24*time.Hour)
		n, digits = 0, 0
	}
	return total, digits == 0 && total > 0
}
