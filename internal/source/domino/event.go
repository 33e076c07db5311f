package domino

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

// event is what is read of the service's event: as in its description, and beyond that status, categories, alarm and
// duration, which its published source has too (JsonEventAdapter).
type event struct {
	ID              string          `json:"id"`
	Summary         string          `json:"summary"`
	Start           *dateTime       `json:"start"`
	End             *dateTime       `json:"end"`
	Duration        string          `json:"duration"`
	Class           string          `json:"class"`
	Transparency    string          `json:"transparency"`
	Status          string          `json:"status"`
	RecurrenceID    string          `json:"recurrenceId"`
	RecurrenceRule  string          `json:"recurrenceRule"`
	RecurrenceDates json.RawMessage `json:"recurrenceDates"`
	Categories      words           `json:"categories"`
	Alarm           json.RawMessage `json:"alarm"`
	Attendees       []struct {
		Email  string `json:"email"`
		Status string `json:"status"`
	} `json:"attendees"`
	ApptType   property `json:"x-lotus-appttype"`
	NoticeType property `json:"x-lotus-noticetype"`
}

// dateTime is a date, or a time: in UTC, in one of the time zones of the answer, or in none.
type dateTime struct {
	Date string `json:"date"`
	Time string `json:"time"`
	UTC  bool   `json:"utc"`
	TZID string `json:"tzid"`
}

// property is a property of Notes: {"data":"3"}.
type property string

func (p *property) UnmarshalJSON(text []byte) error {
	var one struct {
		Data any `json:"data"`
	}
	if json.Unmarshal(text, &one) == nil && one.Data != nil {
		*p = property(strings.TrimSpace(fmt.Sprint(one.Data)))
	}
	return nil // one that is not understood says nothing
}

// words are categories: the service has them in one text, with semicolons (JsonEventAdapter); commas
// and a list are taken too.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	var many []string
	if json.Unmarshal(text, &many) != nil {
		if json.Unmarshal(text, &one) != nil {
			return nil
		}
		if many = strings.Split(one, ";"); len(many) == 1 {
			many = strings.Split(one, ",")
		}
	}
	for _, word := range many {
		if word = strings.TrimSpace(word); word != "" {
			*w = append(*w, word)
		}
	}
	return nil
}

// Kinds of entries in a calendar of Notes (Notes/Domino Calendaring and Scheduling Schema, AppointmentType).
const (
	typeAnniversary = "1"
	typeAllDay      = "2"
	typeReminder    = "4"
)

// Notices that are shown in a calendar before they are dealt with (the same, NoticeType): an invitation is "I".
const (
	noticeCancellation = "C"
	noticeRefusal      = "R"
)

// counts says how an entry counts.
func (e *event) counts() calendar.ShowAs {
	switch {
	case strings.EqualFold(e.Transparency, "transparent"), e.ApptType == typeAnniversary, e.ApptType == typeReminder:
		return calendar.Free
	case strings.EqualFold(e.Status, "tentative"), e.NoticeType != "":
		return calendar.Tentative
	}
	return calendar.Busy
}

// dropped reports that an entry is none that its owner attends.
func (e *event) dropped(mailbox string) bool {
	if strings.EqualFold(e.Status, "cancelled") || e.NoticeType == noticeCancellation || e.NoticeType == noticeRefusal {
		return true
	}
	for _, a := range e.Attendees { // the list has none; a later version may
		if strings.EqualFold(a.Status, "declined") && strings.EqualFold(strings.TrimPrefix(strings.ToLower(a.Email), "mailto:"), mailbox) {
			return true
		}
	}
	return false
}

// series reports that an entry stands for all of its occurrences, and has to be read as a whole.
func (e *event) series() bool {
	return e.RecurrenceID == "" && (e.RecurrenceRule != "" || len(e.RecurrenceDates) > 0 && string(e.RecurrenceDates) != "null" && string(e.RecurrenceDates) != "[]")
}

// page is an answer with events.
type page struct {
	Zones  []timeZone        `json:"timezones"`
	Events []json.RawMessage `json:"events"`
}

var (
	errShape = errors.New("domino: an entry that is not as documented")
	errTime  = errors.New("domino: an entry with a time that is none")
	errUID   = errors.New("domino: an entry without an id")
)

// appointment makes an appointment of an entry that is one occurrence.
func (e *event) appointment(zones *resolver) (a calendar.Appointment, err error) {
	if e.ID == "" {
		return a, errUID
	}
	a.UID, a.ID = e.ID, e.ID
	if e.RecurrenceID != "" {
		a.ID += "/" + e.RecurrenceID
	}
	if e.NoticeType != "" { // the meeting that it is about may be there as well
		a.ID += "/notice"
	}
	if e.Start == nil {
		return a, errTime
	}
	if e.Start.Time == "" {
		a.AllDay = true
		if a.Start, err = e.Start.wall(); err != nil {
			return a, err
		}
		a.End = a.Start
		if e.End != nil {
			if a.End, err = e.End.wall(); err != nil {
				return a, err
			}
			a.End = a.End.Truncate(24 * time.Hour)
		}
		if !a.End.After(a.Start) {
			a.End = a.Start.AddDate(0, 0, 1)
		}
	} else {
		if a.Start, err = zones.instant(e.Start); err != nil {
			return a, err
		}
		switch {
		case e.End != nil:
			if a.End, err = zones.instant(e.End); err != nil {
				return a, err
			}
		default:
			long, _ := parseDuration(e.Duration)
			a.End = a.Start.Add(max(long, 0))
		}
		if a.End.Before(a.Start) {
			return a, errTime
		}
		// Notes keeps whole days as 4:00 to 20:00 on the clock of the owner; from there noon has the same date in UTC.
		if long := a.End.Sub(a.Start); (e.ApptType == typeAllDay || e.ApptType == typeAnniversary) && long%(24*time.Hour) == 16*time.Hour {
			a.AllDay = true
			a.Start, a.End = a.Start.Add(8*time.Hour).Truncate(24*time.Hour), a.End.Add(16*time.Hour).Truncate(24*time.Hour)
		}
	}
	if a.AllDay {
		a.StartDate, a.EndDate = date(a.Start), date(a.End)
	}
	a.ShowAs = e.counts()
	a.Private = e.Class != "" && !strings.EqualFold(e.Class, "public")
	if !a.Private {
		a.Subject = strings.Join(strings.Fields(e.Summary), " ")
	}
	a.Categories = e.Categories
	a.Reminder = reminder(e.Alarm)
	return a, nil
}

func date(t time.Time) calendar.Date {
	return calendar.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()}
}

// wall reads what a clock shows, as if it showed UTC.
func (d *dateTime) wall() (time.Time, error) {
	t, err := time.Parse("2006-01-02 15:04:05", d.Date+" "+cmp.Or(d.Time, "00:00:00"))
	if err != nil || t.Year() < 1900 || t.Year() > 2200 {
		return time.Time{}, errTime
	}
	return t, nil
}

// reminder reads how long before its beginning an appointment is to be reminded of: the earliest of its alarms.
func reminder(text json.RawMessage) (longest time.Duration) {
	var alarms []struct {
		Trigger json.RawMessage `json:"trigger"`
	}
	if len(text) == 0 || json.Unmarshal(text, &alarms) != nil {
		return 0
	}
	for _, one := range alarms {
		var trigger struct {
			Value   string `json:"value"`
			Related string `json:"related"`
		}
		if json.Unmarshal(one.Trigger, &trigger) != nil && json.Unmarshal(one.Trigger, &trigger.Value) != nil || strings.EqualFold(trigger.Related, "end") {
			continue
		}
		if before, ok := parseDuration(trigger.Value); ok {
			longest = max(longest, -before)
		}
	}
	return min(longest, 366*24*time.Hour)
}

var durationPattern = regexp.MustCompile(`^([+-]?)P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?$`)

// parseDuration reads a duration (RFC 5545 §3.3.6), days and weeks as multiples of 24 hours.
func parseDuration(text string) (time.Duration, bool) {
	m := durationPattern.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(text)))
	if m == nil {
		return 0, false
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+2]) // digits, or nothing
		d += time.Duration(n) * unit
	}
	if m[1] == "-" {
		d = -d
	}
	return d, true
}

var apptType = regexp.MustCompile(`(?mi)^X-LOTUS-APPTTYPE:([0-9])\r?$`)

// parseSeries expands a series out of its iCalendar, with its exceptions. How it counts follows from its kind, which the list
// says, or else its own text: package calendar knows nothing of reminders and anniversaries.
func parseSeries(text []byte, e *event, from, to time.Time, mailbox string) ([]calendar.Appointment, error) {
	c, err := calendar.Parse(bytes.NewReader(text), calendar.Limits{MaxBytes: maxPage, MaxEvents: 2000}, mailbox)
	if err != nil {
		return nil, errors.New("domino: a series that is no iCalendar")
	}
	all, _, err := c.Expand(from, to, time.UTC, calendar.Limits{MaxAppointments: maxAppointments})
	if err != nil {
		return nil, fmt.Errorf("domino: a series: %w", err)
	}
	whole := *e
	if m := apptType.FindSubmatch(text); whole.ApptType == "" && m != nil {
		whole.ApptType = property(m[1])
	}
	for i := range all {
		if shown := whole.counts(); all[i].ShowAs == calendar.Busy || shown == calendar.Free {
			all[i].ShowAs = shown
		}
		if all[i].AllDay {
			all[i].Start, all[i].End = all[i].StartDate.In(time.UTC), all[i].EndDate.In(time.UTC)
		}
		all[i].URL = ""
		if e.Class != "" && !strings.EqualFold(e.Class, "public") {
			all[i].Private, all[i].Subject = true, ""
		}
	}
	return all, nil
}

// tidy orders appointments, so that equal calendars give equal text, and sees to it that each ID is there once. Of an
// occurrence that came twice, because a page moved while it was read, one is left.
func tidy(list []calendar.Appointment) []calendar.Appointment {
	slices.SortStableFunc(list, func(a, b calendar.Appointment) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Subject, b.Subject))
	})
	list = slices.CompactFunc(list, func(a, b calendar.Appointment) bool {
		return a.ID == b.ID && a.Start.Equal(b.Start) && a.End.Equal(b.End) && a.Subject == b.Subject && a.ShowAs == b.ShowAs
	})
	seen := map[string]int{}
	for i := range list {
		id := list[i].ID
		seen[id]++
		if seen[id] > 1 { // of a mail file with an old design, whose occurrences have no recurrenceId (CalReadRange)
			list[i].ID += "/" + list[i].Start.Format("20060102T150405Z")
			if seen[list[i].ID]++; seen[list[i].ID] > 1 {
				list[i].ID += fmt.Sprintf("#%d", seen[list[i].ID])
			}
		}
	}
	return list
}
