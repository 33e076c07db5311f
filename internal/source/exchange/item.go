package exchange

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

// Bounds on what is kept of one appointment.
const (
	maxSubject    = 1000 // characters
	maxCategories = 50
	maxID         = 1000 // characters of a UID
)

// showAs are LegacyFreeBusyType in the schema. An appointment without one counts as Outlook makes them: busy. NoData and
// unknown words claim nothing.
var showAs = map[string]calendar.ShowAs{"": calendar.Busy, "Free": calendar.Free, "Tentative": calendar.Tentative, "Busy": calendar.Busy,
	"OOF": calendar.OutOfOffice, "WorkingElsewhere": calendar.WorkingElsewhere, "NoData": calendar.Free}

// entry is an appointment with what it is sorted and told apart by.
type entry struct {
	calendar.Appointment
	item string // ItemId
}

// appointment translates an item. It returns false for what is no appointment of the mailbox's owner: cancelled or
// declined ones, masters of series, and what has no time.
func (s *System) appointment(i *item, web string) (entry, bool) {
	e := entry{item: i.ID.ID}
	if yes(i.Cancelled) || strings.TrimSpace(i.Response) == "Decline" || strings.TrimSpace(i.Type) == "RecurringMaster" {
		return e, false
	}
	start, startOK := moment(i.Start)
	end, endOK := moment(i.End)
	if !startOK || !endOK || end.Before(start) {
		return e, false
	}
	a := &e.Appointment
	a.Start, a.End = start, end
	word := strings.TrimSpace(i.FreeBusy)
	as, known := showAs[word]
	if !known {
		s.unknownWord("LegacyFreeBusyStatus", word)
	}
	a.ShowAs = as
	a.UID = cut(strings.TrimSpace(i.UID), maxID)
	if a.UID == "" {
		sum := sha256.Sum256([]byte(i.ID.ID))
		a.UID = hex.EncodeToString(sum[:16])
	}
	a.ID = a.UID
	if yes(i.AllDay) {
		a.AllDay = true
		zone := zoneOf(i)
		a.StartDate, a.EndDate = day(start, zone), day(end, zone)
		if first := a.StartDate.In(time.UTC); !a.EndDate.In(time.UTC).After(first) {
			a.EndDate = dateOf(first.AddDate(0, 0, 1))
		}
	}
	if t := strings.TrimSpace(i.Type); t == "Occurrence" || t == "Exception" {
		a.ID += "/" + original(i, start)
	}
	// Anything but Normal is private, and so is what this version does not know (SensitivityChoicesType).
	if word := strings.TrimSpace(i.Sensitivity); word != "" && word != "Normal" {
		a.Private = true
	} else {
		a.Subject = cut(strings.TrimSpace(i.Subject), maxSubject)
		a.URL = link(strings.TrimSpace(i.WebLink), web)
	}
	for _, c := range i.Categories {
		if c = strings.TrimSpace(c); c != "" && len(a.Categories) < maxCategories {
			a.Categories = append(a.Categories, cut(c, maxSubject))
		}
	}
	if n, err := strconv.Atoi(strings.TrimSpace(i.Reminder)); err == nil && yes(i.ReminderIsSet) && n > 0 && n <= 366*24*60 {
		a.Reminder = time.Duration(n) * time.Minute
	}
	return e, true
}

// moment reads an xs:dateTime. One without a zone is UTC, which is what was asked for.
func moment(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), t.Year() > 1600
		}
	}
	return time.Time{}, false
}

// original names an occurrence by when it was to be at first, so that it is the same one after it was moved.
func original(i *item, start time.Time) string {
	for _, s := range []string{i.OriginalStart, i.RecurrenceID} {
		if t, ok := moment(s); ok {
			start = t
			break
		}
	}
	return start.UTC().Format("20060102T150405Z")
}

// zoneOf returns the zone an appointment was made in, or nil.
func zoneOf(i *item) *time.Location {
	for _, name := range []string{i.Zone.ID, i.ZoneID, i.ZoneName} {
		if name = strings.TrimSpace(name); name != "" && len(name) < 200 {
			if zone := calendar.Location(name); zone != nil {
				return zone
			}
		}
	}
	return nil
}

// day returns the date that begins or ends at an instant which is midnight in the zone of the appointment. If it is
// not, the zone is another one: then it is the nearest midnight of Greenwich, which is right from UTC-11 to UTC+12.
func day(t time.Time, zone *time.Location) calendar.Date {
	if zone != nil {
		if local := t.In(zone); dateOf(local).In(zone).Equal(t) {
			return dateOf(local)
		}
	}
	return dateOf(t.UTC().Add(12 * time.Hour))
}

func dateOf(t time.Time) calendar.Date {
	y, m, d := t.Date()
	return calendar.Date{Year: y, Month: m, Day: d}
}

// link returns the address of an appointment in Outlook on the web. From 2013 on the server sends it whole, before that the
// query only.
func link(query, web string) string {
	if query == "" || len(query) > 4096 {
		return ""
	}
	base, err := url.Parse(web)
	if err != nil {
		return ""
	}
	u, err := base.Parse(query)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// cut shortens text to a number of characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// sorted puts entries into an order that depends on nothing but them, each once, and has every ID stand for one.
func sorted(entries []entry) []calendar.Appointment {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID), cmp.Compare(a.item, b.item))
	})
	seen := make(map[string]bool, len(entries))
	ids := make(map[string]int, len(entries))
	out := make([]calendar.Appointment, 0, len(entries))
	for _, e := range entries {
		if e.item != "" && seen[e.item] {
			continue // it reaches over the border of two views
		}
		seen[e.item] = true
		id := e.ID
		if ids[id]++; ids[id] > 1 { // copies in one calendar have the same UID
			e.ID = fmt.Sprintf("%s#%d", id, ids[id])
		}
		out = append(out, e.Appointment)
	}
	return out
}
