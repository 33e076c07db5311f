package agent

import (
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/presence"
)

// measured is what the probes have told so far.
type measured struct {
	idle       *probe.Idle // nil: nothing yet
	lock       *probe.Lock
	lockedAt   time.Time // when the lock was told of first
	microphone *probe.Microphone
}

// counts is what of it counts: the settings of the server, and the owner's wish.
type counts struct {
	client.Settings
	known bool // the server has said it
	muted bool // the owner does not want their microphone to count
}

// input reports whether input is to be measured, and after how long without it the person is inactive.
func (c *counts) input() (after time.Duration, on bool) {
	return time.Duration(min(c.InactiveAfter, 365*24*3600)) * time.Second, c.Enabled && c.InactiveAfter > 0
}

func (c *counts) locks() bool   { return c.Enabled && c.Lock }
func (c *counts) records() bool { return c.Enabled && !c.muted && len(c.Microphone) > 0 }

// said is what a client tells of what it measures.
type said struct {
	activity   *presence.Activity // nil: not known yet
	since      time.Time          // zero: now
	microphone []string           // sorted rows of the table; nil: not known yet
}

// say is what is told of what was measured: nothing that does not count, and of programs only those of the table.
func (m *measured) say(c *counts) (s said) {
	if !c.known {
		return s
	}
	if activity, since, known := m.activity(c); known {
		s.activity, s.since = &activity, since
	}
	switch {
	case !c.records(), m.microphone != nil && m.microphone.Err != nil:
		s.microphone = []string{}
	case m.microphone != nil:
		s.microphone = []string{}
		for _, row := range c.Microphone {
			if slices.ContainsFunc(m.microphone.Programs, func(p probe.Program) bool { return sameProgram(row, p.Name) }) {
				s.microphone = append(s.microphone, row)
			}
		}
		slices.Sort(s.microphone)
	}
	return s
}

// activity tells whether the computer is used. It is not known before all that counts was measured once: what stood before holds until then.
func (m *measured) activity(c *counts) (a presence.Activity, since time.Time, known bool) {
	_, input := c.input()
	if input && m.idle == nil || c.locks() && m.lock == nil {
		return a, since, false
	}
	seesInput, seesLock := input && m.idle.Err == nil, c.locks() && m.lock.Err == nil
	switch {
	case seesLock && m.lock.Locked:
		return presence.Locked, m.lockedAt, true
	case seesInput && m.idle.Idle:
		return presence.Idle, m.idle.Since, true
	case seesInput, seesLock && !input: // where input counts and cannot be measured, nobody knows whether it is used
		return presence.Active, time.Time{}, true
	}
	return presence.ActivityUnknown, time.Time{}, true
}

// report is what has to be told after was was told; was nil: nothing was. ok is false if that is nothing.
func (s *said) report(was *said, id, label string, server func(time.Time) time.Time) (r client.Report, ok bool) {
	r.ID = id
	if was == nil {
		r.Label = label
	}
	if s.activity != nil && (was == nil || was.activity == nil || *was.activity != *s.activity || s.since.After(was.since)) {
		r.Activity = s.activity
		if !s.since.IsZero() {
			since := server(s.since).UTC().Truncate(time.Millisecond)
			r.ActivitySince = &since
		}
	}
	if s.microphone != nil && (was == nil || was.microphone == nil || !slices.Equal(was.microphone, s.microphone)) {
		list := slices.Clone(s.microphone)
		r.Microphone = &list
	}
	return r, was == nil || r.Activity != nil || r.Microphone != nil
}

// sameProgram reports whether a row of the table means a program of this name.
func sameProgram(row, name string) bool {
	plain := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".exe") }
	return plain(row) == plain(name)
}
