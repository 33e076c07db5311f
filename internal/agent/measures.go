package agent

import (
	"errors"

	"github.com/doorlight/doorlight/internal/agent/localcal"
)

// Standing is how it stands with something that can be measured.
type Standing int

const (
	Waiting   Standing = iota // it is about to be measured, or the server has not said yet whether it counts
	Uncounted                 // it does not count, so it is not measured
	Muted                     // it does not count, by the owner's wish
	Going                     // it is measured
	Failing                   // it cannot be measured
)

// Measure is something that can be measured, and how it stands with that.
type Measure struct {
	What     string // "input", "lock", "microphone"
	Standing Standing
	Way      string // how it is measured, for people; empty unless Going
	Err      error  // why it cannot be; nil unless Failing
}

// Measures are input, lock and microphone.
func (s *State) Measures() []Measure {
	measure := func(what string, counts, measured bool, way string, err error) Measure {
		m := Measure{What: what}
		switch {
		case !s.Told:
		case !counts:
			m.Standing = Uncounted
		case !measured:
		case err != nil:
			m.Standing, m.Err = Failing, err
		default:
			m.Standing, m.Way = Going, way
		}
		return m
	}
	c := &s.Settings
	input := measure("input", c.Enabled && c.InactiveAfter > 0, false, "", nil)
	if x := s.Idle; x != nil {
		input = measure("input", true, true, x.Way, x.Err)
	}
	lock := measure("lock", c.Enabled && c.Lock, false, "", nil)
	if x := s.Lock; x != nil {
		lock = measure("lock", true, true, x.Way, x.Err)
	}
	counts := c.Enabled && len(c.Microphone) > 0
	microphone := measure("microphone", counts, false, "", nil)
	if x := s.Microphone; x != nil {
		microphone = measure("microphone", true, true, x.Way, x.Err)
	}
	if s.Told && counts && s.Muted {
		microphone = Measure{What: "microphone", Standing: Muted}
	}
	return []Measure{input, lock, microphone}
}

// ReadsCalendars is how it stands with the calendars of this computer as a whole: Going if there is one, and each says in Calendars how it is doing; Failing if
// there is no program whose calendar can be read.
func (s *State) ReadsCalendars() Standing {
	switch {
	case !s.Told:
		return Waiting
	case !s.Settings.Enabled || s.Settings.CalendarDays == 0:
		return Uncounted
	case len(s.Calendars) == 0:
		return Waiting
	}
	for _, c := range s.Calendars {
		if !errors.Is(c.Err, localcal.ErrAbsent) {
			return Going
		}
	}
	return Failing
}
