package calendar

import (
	"errors"
	"strings"
	"testing"
)

func TestWhole(t *testing.T) {
	t.Parallel()
	const event = "BEGIN:VEVENT\nDTSTART:20260105T090000Z\nBEGIN:VALARM\nEND:VALARM\nEND:VEVENT\n"
	const all = "BEGIN:VCALENDAR\n" + event + "END:VCALENDAR\n"
	for text, want := range map[string]string{
		all:                        "whole",
		strings.ToLower(all):       "whole",
		all + all:                  "whole",
		"\n junk\n" + all + "\x1a": "whole",
		"BEGIN:VCALENDAR\nEND:VCALENDAR<!-- 0.1 s -->": "whole",
		event: "whole",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR":           "whole", // as some write it
		"BEGIN:VCALENDAR\nEND:VALARM\n" + event + "END:VEVENT\n": "cut",
		all[:len(all)-2]:                           "cut",
		all + "BEGIN:VCALENDAR\n":                  "cut",
		event[:strings.Index(event, "END:VEVENT")]: "cut",
		"":                                 "none",
		"BEGIN:VCARD\nEND:VCARD\n":         "none",
		"<p>BEGIN:VCALENDAR END:VCALENDAR": "none",
	} {
		got := "none"
		switch found, whole := Whole([]byte(text)); {
		case whole && found:
			got = "whole"
		case found:
			got = "cut"
		case whole:
			got = "whole, but none"
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
		if _, err := Parse(strings.NewReader(text), Limits{}); errors.Is(err, ErrNotCalendar) != (want == "none") {
			t.Errorf("%q is %s, and read with %v", text, want, err)
		}
	}
}
