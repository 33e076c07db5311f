package agenda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
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

// ClaimID is the ID of the claim that an appointment makes. It bounds what becomes part of keys: some programs make UIDs of hundreds of characters. What the store would not
// keep as it is would be another claim after a restart.
func ClaimID(id string) string {
	if len(id) <= 120 && utf8.ValidString(id) && strings.IndexByte(id, 0) < 0 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// derive makes the claims of a calendar's appointments, which are sorted: of those that run and those that begin next,
// most at most. The rest is told in waiting. Claims end with lease, unless the calendar is read again by then: one that
// cannot be reached must not hold anybody for ever.
func (r rules) derive(calendarID string, appointments []calendar.Appointment, now, lease time.Time, most int) (claims []presence.Claim, waiting []time.Time) {
	for i := range appointments {
		a := &appointments[i]
		m := r.of(a)
		if !m.counts || !a.End.After(now) {
			continue
		}
		if len(claims) >= most {
			waiting = append(waiting, a.Start)
			continue
		}
		claims = append(claims, presence.Claim{
			Source: sourceOf(calendarID), ID: ClaimID(a.ID), Status: m.status, Profile: m.profile, Text: m.text,
			From: a.Start.Truncate(time.Millisecond), Until: a.End.Truncate(time.Millisecond), Lease: lease,
			ShowAs: showAs(a.ShowAs), AllDay: a.AllDay,
		})
	}
	return claims, waiting
}

// expand returns the appointments of a calendar that touch a span, in the zone of its owner. What cannot be worked out
// is told in left, in words for the owner; the rest is good.
func (a *Agenda) expand(ctx context.Context, calendarID string, from, to time.Time, zone *time.Location) (all []calendar.Appointment, left string, err error) {
	objects, err := a.store.CalendarObjects(ctx, calendarID)
	if err != nil {
		return nil, "", err
	}
	for _, o := range objects {
		if len(o.Data) == 0 { // it could not be read
			continue
		}
		cal, err := calendar.Parse(bytes.NewReader(o.Data), calendar.Limits{})
		if err == nil {
			var some []calendar.Appointment
			some, _, err = cal.Expand(from, to, zone, calendar.Limits{})
			all = append(all, some...)
		}
		if err != nil && left == "" {
			left = cut(o.Href, 100) + ": it holds more appointments than can be worked out"
		}
	}
	slices.SortStableFunc(all, func(x, y calendar.Appointment) int { return x.Start.Compare(y.Start) })
	return all, left, nil
}

// derive works out the claims of a calendar for the coming days and has the hub hold them; reading is held.
func (a *Agenda) derive(ctx context.Context, e *entry) error {
	a.mu.Lock()
	rec, gone := e.rec, e.gone
	a.mu.Unlock()
	p, ok := a.office.Person(rec.PersonID)
	if !ok || gone {
		return nil
	}
	now := hub.Now()
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	days := time.Duration(r.options.DaysAhead) * 24 * time.Hour
	appointments, left, err := a.expand(ctx, rec.ID, now, now.Add(days), p.Zone)
	if err != nil {
		return err
	}
	near := appointments[:0:0]
	for _, x := range appointments {
		if x.Start.Before(now.Add(min(horizon, days))) {
			near = append(near, x)
		}
	}
	var claims []presence.Claim
	var waiting []time.Time
	if lease := leaseOf(&rec); offered(p.Settings, rec.Kind, rec.ConnectorID) == nil && lease.After(now) {
		claims, waiting = r.derive(rec.ID, near, now, lease, a.room(rec.PersonID))
	}
	if err := a.hold(ctx, rec, claims); err != nil {
		return err
	}
	var told []string
	if left != "" {
		told = append(told, left)
	}
	var moves time.Time
	if len(waiting) > 0 {
		told = append(told, fmt.Sprintf("only the next %d appointments count for presence; %d more lie behind and move up as time passes", len(claims), len(waiting)))
		moves = now.Add(max(waiting[0].Sub(now)/2, soonest)) // half the way: what has its turn then is there in good time
	}
	a.mu.Lock()
	e.count, e.derived, e.left, e.moves = len(appointments), now, told, moves
	a.mu.Unlock()
	return nil
}

// leaseOf returns until when what was read of a calendar holds.
func leaseOf(rec *store.Calendar) time.Time {
	lease := rec.SucceededAt.Add(trust)
	if rec.Kind == KindLocal {
		lease = handedUntil(rec)
	}
	return lease.Truncate(time.Millisecond)
}

// hold makes claims the only ones of a calendar. Those that hold already, with trust left, are not written again.
func (a *Agenda) hold(ctx context.Context, rec store.Calendar, claims []presence.Claim) error {
	src := sourceOf(rec.ID)
	slack := trust / 2
	if rec.Kind == KindLocal { // its lease is what was promised
		slack = time.Second
	}
	wanted := map[string]presence.Claim{}
	for _, c := range claims {
		wanted[c.ID] = c
	}
	held, _, ok := a.hub.Claims(rec.PersonID)
	if !ok || !differs(src, held, wanted, slack) {
		return nil
	}
	return a.hub.Change(ctx, rec.PersonID, func(e *hub.Edit) error {
		for _, c := range slices.Clone(e.Claims()) {
			if c.Source != src {
				continue
			}
			w, ok := wanted[c.ID]
			switch {
			case !ok:
				e.Delete(c.Ref())
			case alike(c, w, slack):
				delete(wanted, c.ID)
			}
		}
		for _, c := range claims {
			if w, ok := wanted[c.ID]; ok {
				e.Put(w)
				delete(wanted, c.ID)
			}
		}
		return nil
	})
}

func differs(src presence.Source, held []presence.Claim, wanted map[string]presence.Claim, slack time.Duration) bool {
	n := 0
	for _, c := range held {
		if c.Source != src {
			continue
		}
		if w, ok := wanted[c.ID]; !ok || !alike(c, w, slack) {
			return true
		}
		n++
	}
	return n != len(wanted)
}

// alike reports whether a held claim says what is wanted, and its lease ends less than slack before the wanted one.
func alike(held, wanted presence.Claim, slack time.Duration) bool {
	fresh := wanted.Lease.Sub(held.Lease).Abs() < slack
	held.Lease = wanted.Lease
	return fresh && held.From.Equal(wanted.From) && held.Until.Equal(wanted.Until) && func() bool {
		held.From, held.Until = wanted.From, wanted.Until
		return held == wanted
	}()
}
