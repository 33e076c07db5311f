package localcal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Appointment is one occurrence in a calendar, as the API of the server takes it (LocalAppointment in its description). It has either Start and
// End, or StartDate and EndDate.
type Appointment struct {
	// ID is the same whenever the occurrence is read, also if it was moved. It tells nothing: it is a digest of what the program calls it.
	ID              string     `json:"id"`
	Start           *time.Time `json:"start,omitempty"` // UTC
	End             *time.Time `json:"end,omitempty"`   // UTC; not before Start
	StartDate       string     `json:"start_date,omitempty"`
	EndDate         string     `json:"end_date,omitempty"` // the first day behind it
	ShowAs          string     `json:"show_as,omitempty"`  // free, tentative, busy, out_of_office or working_elsewhere
	Subject         string     `json:"subject,omitempty"`  // one line; empty if Private
	Private         bool       `json:"private,omitempty"`
	Categories      []string   `json:"categories,omitempty"`
	URL             string     `json:"url,omitempty"`              // always empty: neither program has a web address for its entries
	ReminderMinutes int        `json:"reminder_minutes,omitempty"` // before the start; 0: none
}

// String returns when it is and how it counts, without subject and categories: what is printed or logged by accident says nothing more.
func (a Appointment) String() string {
	when := a.StartDate + ".." + a.EndDate
	if a.Start != nil && a.End != nil {
		when = a.Start.Format(time.RFC3339) + ".." + a.End.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %s", when, a.ShowAs)
}

// GoString is String.
func (a Appointment) GoString() string { return a.String() }

// LogValue is String.
func (a Appointment) LogValue() slog.Value { return slog.StringValue(a.String()) }

const (
	mostAppointments = 2000      // that the API takes at a time
	mostBytes        = 1_900_000 // of their JSON; the API takes 2 MiB
	longestSubject   = 255       // characters, which is as long as they get in Outlook
	longestCategory  = 255       // characters
	mostCategories   = 50
	longestReminder  = 365 * 24 * 60 // minutes
	longestLasting   = 10 * 365 * 24 * time.Hour
)

// digest makes an ID of what a program calls an occurrence.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// line makes one line of a text, at most so many characters long.
func line(s string, longest int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if utf8.RuneCountInString(s) > longest {
		s = strings.TrimSpace(string([]rune(s)[:longest]))
	}
	return s
}

// categories makes a list of the names that a program gives, without those that are empty or there twice.
func categories(names []string) []string {
	var all []string
	for _, name := range names {
		if name = line(name, longestCategory); name != "" && !slices.Contains(all, name) && len(all) < mostCategories {
			all = append(all, name)
		}
	}
	return all
}

// begins returns when an appointment begins on a computer in home, and ends.
func (a *Appointment) span(home *time.Location) (from, until time.Time) {
	if a.Start != nil {
		return *a.Start, *a.End
	}
	from, _ = time.ParseInLocation(time.DateOnly, a.StartDate, home)
	until, _ = time.ParseInLocation(time.DateOnly, a.EndDate, home)
	return from, until
}

// in reports whether an appointment has a part in a window.
func (a *Appointment) in(w Window) bool {
	from, until := a.span(w.Home)
	return from.Before(w.Until) && (until.After(w.From) || until.Equal(from) && !from.Before(w.From))
}

// tidy sorts appointments, so that equal calendars give equal lists, sees to it that each ID is there once, and leaves out the last ones if they
// are more than can be handed over; then cut is true.
func tidy(all []Appointment, home *time.Location) (kept []Appointment, cut bool) {
	slices.SortStableFunc(all, func(a, b Appointment) int {
		aFrom, aUntil := a.span(home)
		bFrom, bUntil := b.span(home)
		return cmp.Or(aFrom.Compare(bFrom), aUntil.Compare(bUntil), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Subject, b.Subject))
	})
	seen, size := map[string]int{}, 0
	for i := range all {
		if i == mostAppointments {
			return all[:i], true
		}
		text, err := json.Marshal(all[i])
		if size += len(text) + 1; err != nil || size > mostBytes {
			return all[:i], true
		}
		seen[all[i].ID]++
		if n := seen[all[i].ID]; n > 1 {
			all[i].ID = digest(all[i].ID, fmt.Sprint(n))
		}
	}
	return all, false
}
