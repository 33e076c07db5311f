package graph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

// event is what is asked for of Graph's event (graph/api/resources/event).
type event struct {
	ID             string    `json:"id"`
	UID            string    `json:"iCalUId"`
	Master         string    `json:"seriesMasterId"`
	OriginalStart  string    `json:"originalStart"`
	Type           string    `json:"type"`
	Subject        string    `json:"subject"`
	Start          *dateTime `json:"start"`
	End            *dateTime `json:"end"`
	AllDay         bool      `json:"isAllDay"`
	Cancelled      bool      `json:"isCancelled"`
	ShowAs         string    `json:"showAs"`
	Sensitivity    string    `json:"sensitivity"`
	ResponseStatus *struct {
		Response string `json:"response"`
	} `json:"responseStatus"`
	Categories []string `json:"categories"`
	WebLink    string   `json:"webLink"`
	ReminderOn bool     `json:"isReminderOn"`
	Reminder   *int     `json:"reminderMinutesBeforeStart"`
}

// dateTime is Graph's dateTimeTimeZone: what a clock shows, without offset, and the name of the clock's zone.
type dateTime struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

// wall reads what the clock shows, as if it showed UTC.
func (d *dateTime) wall() (time.Time, error) {
	if d == nil {
		return time.Time{}, errors.New("graph: an appointment without start or end")
	}
	t, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(d.DateTime, "Z")) // takes fractions too
	if err != nil {
		return time.Time{}, errors.New("graph: an appointment with a time that is none")
	}
	return t, nil
}

// instant reads a time of the zone that was asked for, which is UTC.
func (d *dateTime) instant() (time.Time, error) {
	t, err := d.wall()
	if err != nil {
		return t, err
	}
	switch d.TimeZone {
	case "UTC", "Etc/UTC", "Etc/GMT", "tzone://Microsoft/Utc":
		return t, nil
	}
	return t, fmt.Errorf("graph: an appointment in zone %.50q, where UTC was asked for", d.TimeZone)
}

// showAs translates freeBusyStatus. An appointment of which the service says "unknown", or a word that is not known
// here, counts as busy: it stands in the calendar, and nobody said that it does not count.
func showAs(word string) calendar.ShowAs {
	switch word {
	case "free":
		return calendar.Free
	case "tentative":
		return calendar.Tentative
	case "oof":
		return calendar.OutOfOffice
	case "workingElsewhere":
		return calendar.WorkingElsewhere
	}
	return calendar.Busy
}

// parseEvent reads one event of a calendar view. keep is false if it is none that its owner attends: it was cancelled
// or declined.
func parseEvent(raw []byte) (a calendar.Appointment, keep bool, err error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return a, false, errors.New("graph: an appointment that is not as documented") // the error may quote it
	}
	if e.Cancelled || e.Type == "seriesMaster" || e.ResponseStatus != nil && e.ResponseStatus.Response == "declined" {
		return a, false, nil
	}
	if e.AllDay {
		// Both are midnight whatever zone was asked for: a day without a zone. The service keeps to that by design, as those who
		// make it say in answer to questions about their documentation of isAllDay (graph/api/resources/event). Should
		// they come as the midnight of the owner's zone in UTC all the same, the nearest midnight is the day.
		start, err := e.Start.wall()
		if err != nil {
			return a, false, err
		}
		end, err := e.End.wall()
		if err != nil {
			return a, false, err
		}
		start, end = start.Add(12*time.Hour).Truncate(24*time.Hour), end.Add(12*time.Hour).Truncate(24*time.Hour)
		if !end.After(start) {
			end = start.Add(24 * time.Hour)
		}
		a.AllDay, a.StartDate, a.EndDate = true, date(start), date(end)
		a.Start, a.End = start, end // in UTC, for their order; Write does not write them
	} else {
		if a.Start, err = e.Start.instant(); err != nil {
			return a, false, err
		}
		if a.End, err = e.End.instant(); err != nil {
			return a, false, err
		}
		if a.End.Before(a.Start) {
			return a, false, errors.New("graph: an appointment that ends before it starts")
		}
	}
	a.UID = seriesUID(e.UID)
	if a.UID == "" {
		a.UID = cmp.Or(e.Master, e.ID)
	}
	if a.UID == "" { // others have seen events with neither
		a.UID = "at " + a.Start.Format(time.RFC3339) + " to " + a.End.Format(time.RFC3339)
	}
	a.ID = a.UID
	if e.OriginalStart != "" && e.Type != "singleInstance" {
		original, err := time.Parse(time.RFC3339, e.OriginalStart)
		if err != nil {
			return a, false, errors.New("graph: an appointment with an original start that is no time")
		}
		a.ID += "/" + original.UTC().Format("20060102T150405Z")
	} else if e.Type == "occurrence" || e.Type == "exception" { // of a service that does not tell: better than nothing
		a.ID += "/" + cmp.Or(e.ID, a.Start.Format("20060102T150405Z"))
	}
	a.ShowAs = showAs(e.ShowAs)
	a.Private = e.Sensitivity != "" && e.Sensitivity != "normal"
	if !a.Private {
		a.Subject = strings.Join(strings.Fields(e.Subject), " ")
		a.URL = e.WebLink
	}
	for _, c := range e.Categories {
		if c != "" {
			a.Categories = append(a.Categories, c)
		}
	}
	if e.ReminderOn && e.Reminder != nil && *e.Reminder > 0 {
		a.Reminder = time.Duration(min(*e.Reminder, 366*24*60)) * time.Minute
	}
	return a, true, nil
}

func date(t time.Time) calendar.Date {
	return calendar.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()}
}

// seriesUID makes the iCalUId of an occurrence that of its series: in an Exchange global object ID the date of an
// occurrence is in bytes 16 to 19, and zero for the series ([MS-OXOCAL] 2.2.1.27 and 2.2.1.28). Graph says that each occurrence has
// an iCalUId of its own, and often gives them all the same; so it is as well for either.
func seriesUID(uid string) string {
	const class = "040000008200E00074C5B7101A82E008"
	if len(uid) < 40 || !strings.EqualFold(uid[:32], class) {
		return uid
	}
	return uid[:32] + "00000000" + uid[40:]
}

// tidy orders appointments, so that equal calendars give equal text, and sees to it that each ID is there once. What is
// there twice in every respect was on two pages, because the calendar changed in between.
func tidy(list []calendar.Appointment) []calendar.Appointment {
	slices.SortStableFunc(list, func(a, b calendar.Appointment) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.ShowAs, b.ShowAs))
	})
	list = slices.CompactFunc(list, func(a, b calendar.Appointment) bool {
		return a.ID == b.ID && a.Start.Equal(b.Start) && a.End.Equal(b.End) && a.AllDay == b.AllDay && a.ShowAs == b.ShowAs && a.Subject == b.Subject &&
			a.Private == b.Private && slices.Equal(a.Categories, b.Categories)
	})
	seen := map[string]int{}
	for i := range list {
		seen[list[i].ID]++
		if n := seen[list[i].ID]; n > 1 { // an appointment that was copied
			list[i].ID += fmt.Sprintf("#%d", n)
		}
	}
	return list
}
