package presence

import "time"

// Spent returns the claims that can never matter again, whatever time or further claims bring, so that they may
// be deleted. A claim that is over is still needed while something follows from it: the latest choice keeps setting
// aside what it dismissed, the latest by hand counts as an input, the last client to end keeps the end activation,
// and a lost one may come back. A later choice is counted on to have no lease.
func Spent(claims []Claim, now time.Time) []Ref {
	m := look(claims, &Policy{}, now, nil)
	// The newest of the slots that time does not empty: what is older never shows again.
	choice, start, end := -1, -1, -1
	for i, k := range m.kinds {
		c := &claims[i]
		if !c.begun(now) || !c.End().IsZero() {
			continue
		}
		switch k {
		case KindChoice, KindAssistantChoice:
			choice = m.newest(choice, i)
		case KindStart:
			start = m.newest(start, i)
		case KindEnd:
			end = m.newest(end, i)
		}
	}
	older := func(i, newest int) bool { return newest >= 0 && i != newest && m.newer(newest, i) }
	var spent []Ref
	for i, k := range m.kinds {
		c := &claims[i]
		if !c.begun(now) {
			continue
		}
		gone := c.over(now)
		switch k {
		case KindChoice, KindAssistantChoice:
			gone = (gone || older(i, choice)) && i != m.choice && i != m.input
		case KindTimedChoice, KindAssistantTimedChoice:
			gone = (gone || i != m.choice) && i != m.choice && i != m.input
		case KindStart:
			gone = gone || older(i, start)
		case KindEnd:
			gone = gone || older(i, end)
		case KindInactivity:
			gone = gone && i != m.end && !c.resumable(now)
		}
		if gone {
			spent = append(spent, c.Ref())
		}
	}
	return spent
}

func (m *moment) newest(best, i int) int {
	if best < 0 || m.newer(i, best) {
		return i
	}
	return best
}

// Shown is what somebody who may see a person's status, but not its reasons, may know of its timing: the start
// of the status as such. Presence.Since is the start of the claim that decides and would give away that one
// hidden reason followed another. The zero value knows nothing yet.
type Shown struct {
	At     time.Time // up to when it is worked out
	Off    bool
	Status Status
	Since  time.Time // zero: not known

	inactive     bool
	beforeStatus Status    // what inactivity covers, restored with its Since at the next input (P4, row 7)
	beforeSince  time.Time // zero: what it covers was not shown before
}

// SameAs reports whether s and t show the same, whenever they were worked out.
func (s Shown) SameAs(t Shown) bool {
	return s.Off == t.Off && s.Status == t.Status && s.Since.Equal(t.Since)
}

// Covered returns the status that inactivity covers at the moment and its start; ok is false if none is covered.
// Together with WithCovered it lets the hub store a Shown.
func (s Shown) Covered() (status Status, since time.Time, ok bool) {
	return s.beforeStatus, s.beforeSince, s.inactive
}

// WithCovered returns s with the covered status set.
func (s Shown) WithCovered(status Status, since time.Time) Shown {
	s.inactive, s.beforeStatus, s.beforeSince = true, status, since
	return s
}

// Advance follows the claims as they stand from s.At to now. Claims that change do so by calling it up to the
// moment of the change with the old ones, then Note with what the new ones come to.
func (s Shown) Advance(claims []Claim, policy *Policy, now time.Time) Shown {
	if s.At.IsZero() {
		return s.Note(Resolve(claims, policy, now), now)
	}
	for { // the claims have but so many boundaries
		at, ok := NextChange(claims, policy, s.At)
		if !ok || at.After(now) {
			break
		}
		s = s.Note(Resolve(claims, policy, at), at)
	}
	if now.After(s.At) {
		s.At = now
	}
	return s
}

// covered is the only status that inactivity covers (P4). What was shown before it began may be another: that of an
// appointment that had ended, which must not be taken for the next appointment.
const covered = Available

// Note enters that p is shown from at on.
func (s Shown) Note(p Presence, at time.Time) Shown {
	inactive := p.Cause.Source.Class() == SourceClient
	fresh := s.At.IsZero()
	changed := fresh || p.Status != s.Status || p.Off != s.Off
	next := Shown{At: at, Off: p.Off, Status: p.Status, Since: s.Since, inactive: inactive}
	if changed {
		next.Since = at
		if fresh && !p.Since.IsZero() && !p.Since.After(at) {
			next.Since = p.Since
		}
	}
	switch {
	case inactive && s.inactive:
		next.beforeStatus, next.beforeSince = s.beforeStatus, s.beforeSince
	case inactive && !fresh && !s.Off && s.Status == covered:
		next.beforeStatus, next.beforeSince = s.Status, s.Since
	case !inactive && s.inactive && changed && p.Status == s.beforeStatus && !p.Off && !s.beforeSince.IsZero():
		next.Since = s.beforeSince
	}
	return next
}
