package rights

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// AppointmentFacts is one entry of a person's agenda, complete.
type AppointmentFacts struct {
	Ref       presence.Ref
	Start     time.Time
	End       time.Time // zero: not known, as for a running call
	AllDay    bool
	ShowAs    presence.ShowAs
	Status    presence.Status
	Profile   string
	Subject   string // empty for private ones
	Private   bool
	URL       string
	Reminder  time.Duration
	Counts    bool // it is a claim to presence, or will be
	Dismissed bool
	Calendar  string    // name of the calendar it comes from
	Seen      time.Time // when it was last found there; zero: it does not come from a calendar
}

// Appointment is an agenda entry as a viewer may see it.
type Appointment struct {
	Ref             string          `json:"ref" doc:"Names the entry in calls that change it, made by the same person."`
	Start           time.Time       `json:"start"`
	End             *time.Time      `json:"end,omitempty" doc:"Absent while it is not known, as for a running call."`
	AllDay          bool            `json:"all_day,omitempty"`
	ShowAs          presence.ShowAs `json:"show_as" enum:"busy,out_of_office,tentative,working_elsewhere,free"`
	Status          presence.Status `json:"status" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
	Profile         string          `json:"profile,omitempty"`
	Subject         string          `json:"subject,omitempty"`
	Private         bool            `json:"private,omitempty"`
	URL             string          `json:"url,omitempty"`
	ReminderMinutes int             `json:"reminder_minutes,omitempty" doc:"Minutes before the start."`
	Counts          bool            `json:"counts" doc:"It counts for presence."`
	Dismissed       bool            `json:"dismissed,omitempty"`
	Calendar        string          `json:"calendar,omitempty"`
	SeenAt          *time.Time      `json:"seen_at,omitempty" doc:"When it was last found in that calendar."`
}

// SeeAgenda returns what a viewer of this level may see of an agenda; ok is false if that is nothing.
func SeeAgenda(l Level, facts []AppointmentFacts) (seen []Appointment, ok bool) {
	if !MayRead(l, Times) {
		return nil, false
	}
	seen = make([]Appointment, 0, len(facts))
	for _, f := range facts {
		a := Appointment{Ref: EntryName(l, &f), Start: f.Start.UTC(), AllDay: f.AllDay, ShowAs: f.ShowAs, Status: f.Status}
		if !f.End.IsZero() {
			end := f.End.UTC()
			a.End = &end
		}
		if MayRead(l, Text) {
			a.Profile, a.Counts, a.Dismissed = f.Profile, f.Counts, f.Dismissed
		}
		if MayRead(l, Subject) && !f.Private {
			a.Subject, a.URL = f.Subject, f.URL
		}
		if MayRead(l, Own) {
			a.Private, a.Calendar, a.ReminderMinutes = f.Private, f.Calendar, int(f.Reminder/time.Minute)
			if !f.Seen.IsZero() {
				seen := f.Seen.UTC()
				a.SeenAt = &seen
			}
		}
		if l == Self {
			a.URL = f.URL
		}
		seen = append(seen, a)
	}
	return seen, true
}

// EntryName names an agenda entry to a viewer of this level. What is behind a claim's name, such as the calendar, the
// event's UID or who the assistant is, is for those who may see the person's settings; others get a name that says
// nothing and serves to name the entry all the same.
func EntryName(l Level, f *AppointmentFacts) string {
	if MayRead(l, Own) {
		return f.Ref.String()
	}
	class := f.Ref.Source.Class()
	switch class {
	case presence.SourceHand, presence.SourceAssistant: // people's IDs are known: a hash would not hide them
		return string(class) + "#" + strconv.FormatInt(f.Start.UnixMilli(), 36)
	}
	sum := sha256.Sum256([]byte(f.Ref.String()))
	return string(class) + "#" + hex.EncodeToString(sum[:12])
}
