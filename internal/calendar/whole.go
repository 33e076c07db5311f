package calendar

import (
	"slices"
	"strings"
)

// outermost are the components that belong in no other but VCALENDAR. A text with one of them is a calendar.
var outermost = []string{"VCALENDAR", "VEVENT", "VTODO", "VJOURNAL", "VTIMEZONE", "VFREEBUSY"}

// Whole reports whether Parse finds a calendar in a text, and whether the text ends where the calendar does. Parse
// reads one that breaks off as far as it goes; whoever fetches it may prefer to do so again. What stands behind the end
// is no matter.
func Whole(text []byte) (found, whole bool) {
	inside, depth := false, 0
	for l := range func(yield func(line) bool) { lines(text, yield) } {
		name := strings.ToUpper(strings.TrimSpace(l.value))
		switch {
		case l.name == "BEGIN":
			found = found || slices.Contains(outermost, name)
			inside = inside || name == "VCALENDAR"
			depth++
		case l.name == "END" && strings.HasPrefix(name, "VCALENDAR"): // some write a comment behind it
			inside, depth = false, 0
		case l.name == "END":
			depth = max(depth-1, 0)
		}
	}
	return found, found && !inside && depth == 0
}
