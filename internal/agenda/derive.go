package agenda

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

// rules say what an appointment means for presence (C2), worked out for one person.
type rules struct {
	options  policy.CalendarOptions
	settings *policy.Settings
	own      *policy.Own
}

// meaning is what one appointment means.
type meaning struct {
	counts  bool
	status  presence.Status
	profile string
	text    string
}

func (r rules) of(a *calendar.Appointment) meaning {
	profile, chosen := r.settings.Profile(r.own, r.options.Profile), false
	if r.options.CategoryProfiles {
		for _, c := range a.Categories {
			if p := r.settings.ProfileNamed(r.own, c); p != nil {
				profile, chosen = p, true
				break
			}
		}
	}
	if profile == nil { // the chosen one is offered no more; the central one always is
		profile = r.settings.Profile(&policy.Own{}, r.settings.Calendar.Profile)
	}
	if profile == nil {
		profile = &policy.Profile{Name: "Appointment", Status: presence.Busy, Text: "Appointment"}
	}
	m := meaning{status: profile.Status, profile: profile.Name, text: profile.Text}
	show := showAs(a.ShowAs)
	m.counts = show != presence.ShowFree && slices.Contains(r.options.ShowAs, show) &&
		(r.options.AllDay || !a.AllDay) && (chosen || !r.options.OnlyWithCategory) && a.End.After(a.Start)
	if r.options.SubjectAsText && !a.Private && a.Subject != "" {
		m.text = cut(a.Subject, policy.MaxText)
	}
	return m
}

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// showAs translates the calendar's word into the rules'.
func showAs(s calendar.ShowAs) presence.ShowAs {
	switch s {
	case calendar.Busy:
		return presence.ShowBusy
	case calendar.Tentative:
		return presence.ShowTentative
	case calendar.OutOfOffice:
		return presence.ShowOutOfOffice
	case calendar.WorkingElsewhere:
		return presence.ShowElsewhere
	}
	return presence.ShowFree
}

// sourceOf is the source of the claims of a calendar.
func sourceOf(calendarID string) presence.Source {
	return presence.SourceCalendar + presence.Source("/"+calendarID)
}

// claimID bounds what becomes part of keys: some programs make UIDs of hundreds of characters. What the store would not
// keep as it is would be another claim after a restart.
func claimID(id string) string {
	if len(id) <= 120 && utf8.ValidString(id) && strings.IndexByte(id, 0) < 0 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// derive makes the claims of a calendar's appointments. They end with lease, unless the calendar is read again by
// then: one that cannot be reached must not hold anybody for ever.
func (r rules) derive(calendarID string, appointments []calendar.Appointment, now, lease time.Time) []presence.Claim {
	var claims []presence.Claim
	for i := range appointments {
		a := &appointments[i]
		m := r.of(a)
		if !m.counts || !a.End.After(now) {
			continue
		}
		claims = append(claims, presence.Claim{
			Source: sourceOf(calendarID), ID: claimID(a.ID), Status: m.status, Profile: m.profile, Text: m.text,
			From: a.Start.Truncate(time.Millisecond), Until: a.End.Truncate(time.Millisecond), Lease: lease,
			ShowAs: showAs(a.ShowAs), AllDay: a.AllDay,
		})
	}
	return claims
}
