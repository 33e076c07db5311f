package presence

import "time"

// Spent returns the claims that can never matter again, whatever time or further claims bring, so that they
// may be deleted. A claim that is over is still needed while something follows from it: the latest choice keeps
// setting aside what it dismissed, and the last client to end keeps the end activation.
func Spent(claims []Claim, now time.Time) []Ref {
	var m moment
	m.init(claims, &Policy{}, now)
	latest, latestStart := -1, -1 // the newest choice without an end, the newest start
	for i, k := range m.kinds {
		c := &claims[i]
		if (k == KindChoice || k == KindAssistantChoice) && c.holds(now) && (latest < 0 || m.newerChoice(i, latest)) {
			latest = i
		}
		if k == KindStart && c.begun(now) && (latestStart < 0 || m.newerChoice(i, latestStart)) {
			latestStart = i
		}
	}
	var spent []Ref
	for i, k := range m.kinds {
		c := &claims[i]
		if !c.begun(now) {
			continue
		}
		gone := false
		switch k {
		case KindChoice, KindAssistantChoice:
			// A timed choice of the same instant keeps both.
			gone = i != latest && i != m.choice && (c.over(now) || m.newerChoice(latest, i))
		case KindTimedChoice, KindAssistantTimedChoice:
			gone = i != m.choice && (c.over(now) || !claims[m.choice].From.Before(c.From))
		case KindStart:
			gone = i != latestStart
		case KindInactivity:
			gone = c.over(now) && i != m.end
		case kindNone:
			gone = c.over(now)
		default:
			gone = c.over(now)
		}
		if gone {
			spent = append(spent, c.Ref())
		}
	}
	return spent
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
	beforeStatus Status // what inactivity covers, restored with its Since at the next input (P4, row 7)
	beforeSince  time.Time
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
	for range 4*len(claims) + 1 {
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
	case inactive && !fresh:
		next.beforeStatus, next.beforeSince = s.Status, s.Since
	case !inactive && s.inactive && changed && p.Status == s.beforeStatus && !p.Off:
		next.Since = s.beforeSince
	}
	return next
}
