// Package forward decides how a line is to be forwarded (F1 to F3): from what a person's presence asks for, what stood before,
// what was set, and what the telephone system reports. It does no I/O and reads no clock: whoever uses it asks the system, sets
// what it says, and keeps the state.
package forward

import (
	"maps"
	"slices"

	"github.com/doorlight/doorlight/internal/telephony"
)

// Action is what a presence asks for. The zero value is Keep.
type Action uint8

const (
	Keep         Action = iota // touch nothing: what we set is taken back
	Off                        // nothing is forwarded, by the One Number Service either
	DoNotDisturb               // on the line
	To                         // every call, to Wish.Target
)

// Wish is what a person's presence asks for.
type Wish struct {
	Action Action
	Target string // with To: a number as it is dialled, or a SIP address
	Cause  string // what asks for it: another cause asks anew for what somebody has changed since. Not shown
}

// State is what is known of one line between two readings. It is kept before anything is set. The zero value is of a line that
// nothing was set of.
type State struct {
	Cause  string            `json:"cause,omitempty"`  // of the latest wish
	Before Parts             `json:"before,omitempty"` // of each part that we set: what stood before
	Set    Parts             `json:"set,omitempty"`    // likewise: what it was set to
	Under  map[Part][]string `json:"under,omitempty"`  // of each whose setting was not confirmed yet: what it may stand at meanwhile
	Theirs []Part            `json:"theirs,omitempty"` // parts that somebody has changed since, under the same cause: left alone
	Past   []Answer          `json:"past,omitempty"`   // of causes that may come back, the latest last
}

// Answer is what somebody has changed while a wish was in force. If its cause comes back, as a choice does when an appointment ends, these parts are
// left alone as before.
type Answer struct {
	Cause  string `json:"cause"`
	Theirs []Part `json:"theirs"`
}

// mostPast is how many answers are remembered of a line.
const mostPast = 8

// Part is one part of a forwarding that can be set by itself.
type Part = telephony.Ability

// Parts are values of parts: a target, empty for none; of do not disturb "on" or empty.
type Parts map[Part]string

// on is do not disturb, as a value.
const on = "on"

// parts lists them in the order in which they are looked at.
var parts = []Part{telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal, telephony.CanExternal, telephony.CanBusy, telephony.CanNoAnswer, telephony.CanOneNumber}

func get(f telephony.Forwarding, p Part) string {
	switch p {
	case telephony.CanDoNotDisturb:
		if f.DoNotDisturb {
			return on
		}
		return ""
	case telephony.CanAll:
		return f.All
	case telephony.CanInternal:
		return f.Internal
	case telephony.CanExternal:
		return f.External
	case telephony.CanBusy:
		return f.Busy
	case telephony.CanNoAnswer:
		return f.NoAnswer
	case telephony.CanOneNumber:
		return f.OneNumber
	}
	return ""
}

func put(f *telephony.Forwarding, p Part, value string) {
	switch p {
	case telephony.CanDoNotDisturb:
		f.DoNotDisturb = value == on
	case telephony.CanAll:
		f.All = value
	case telephony.CanInternal:
		f.Internal = value
	case telephony.CanExternal:
		f.External = value
	case telephony.CanBusy:
		f.Busy = value
	case telephony.CanNoAnswer:
		f.NoAnswer = value
	case telephony.CanOneNumber:
		f.OneNumber = value
	}
}

// asks returns what a wish wants each part to be that it speaks of. What a system cannot do is not asked of it.
func (w Wish) asks(can telephony.Abilities) Parts {
	all := Parts{}
	switch w.Action {
	case Off:
		for _, p := range parts {
			all[p] = ""
		}
	case DoNotDisturb:
		all[telephony.CanDoNotDisturb] = on
	case To:
		all[telephony.CanDoNotDisturb], all[telephony.CanAll], all[telephony.CanInternal], all[telephony.CanExternal] = "", w.Target, "", ""
		if !can.Has(telephony.CanAll) && can.Has(telephony.CanInternal) && can.Has(telephony.CanExternal) {
			all[telephony.CanInternal], all[telephony.CanExternal] = w.Target, w.Target
		}
	}
	for p := range all {
		if !can.Has(p) {
			delete(all, p)
		}
	}
	return all
}

// Plan returns how a line is to be forwarded, and the state to keep before that is set, given what the system reports now: a
// fresh reading, not an event that may be late. Where the result equals what is reported there is nothing to set, and the state
// is all that may have changed.
//
// What a wish speaks of is set, and what stood before is remembered once, however many wishes follow. A part that is found
// otherwise than it was set was changed by somebody: it stays as it is, until another cause asks for something, and is not taken back at the end.
// Parts are judged one by one, so that somebody's change of one keeps no other from coming back. A part that the system cannot set is left as it is, and
// what was set of it is remembered. What was being set when we were interrupted may stand as before or as set: either is ours.
func Plan(w Wish, s State, reported telephony.Forwarding, can telephony.Abilities) (telephony.Forwarding, State) {
	next := State{Cause: w.Cause, Before: Parts{}, Set: Parts{}, Under: map[Part][]string{}, Past: s.Past}
	answered, late := s.Theirs, []Part(nil) // left alone under this cause; changed under the one before, as is seen only now
	if s.Cause != w.Cause {
		answered = s.answer(w.Cause)
	}
	desired := reported
	asked := w.asks(can)
	for _, p := range parts {
		now := get(reported, p)
		set, ours := s.Set[p]
		before := s.Before[p]
		under := s.Under[p]
		want, wanted := asked[p]
		for _, known := range slices.Concat([]string{want, set, before}, under) { // systems write numbers in their own ways
			if telephony.Same(now, known) {
				now = known
				break
			}
		}
		theirs := slices.Contains(answered, p)
		if !can.Has(p) { // any more: what was set may stand, and is taken back when it can be
			if ours {
				next.Before[p], next.Set[p] = before, set
				if len(under) > 0 {
					next.Under[p] = under
				}
			}
			continue
		}
		if ours && now != set && !slices.Contains(under, now) { // somebody has changed it since
			if ours = false; s.Cause == w.Cause {
				theirs = true
			} else {
				late = append(late, p)
			}
		}
		if theirs && wanted {
			next.Theirs = append(next.Theirs, p)
			wanted = false
		}
		switch {
		case wanted:
			if !ours {
				before = now
			}
			next.Before[p], next.Set[p] = before, want
			if now != want {
				put(&desired, p, want)
				next.Under[p] = with(under, now)
			}
		case ours && now != before: // back to what stood before
			next.Before[p], next.Set[p] = before, set
			next.Under[p] = with(under, now, before)
			put(&desired, p, before)
		}
	}
	if p := telephony.CanOneNumber; get(desired, p) != "" && get(reported, p) == "" { // it is ended, never set
		put(&desired, p, "")
		delete(next.Before, p)
		delete(next.Set, p)
		delete(next.Under, p)
	}
	if s.Cause != w.Cause {
		next.Past = s.past(w.Cause, late)
	}
	return desired, next
}

// answer is what somebody has changed when a cause was in force before.
func (s State) answer(cause string) []Part {
	for _, a := range s.Past {
		if a.Cause == cause && cause != "" {
			return a.Theirs
		}
	}
	return nil
}

// past are the answers once another cause is in force.
func (s State) past(cause string, late []Part) (past []Answer) {
	for _, a := range s.Past {
		if a.Cause != cause && a.Cause != s.Cause {
			past = append(past, a)
		}
	}
	theirs := slices.Clone(s.Theirs)
	for _, p := range late {
		if !slices.Contains(theirs, p) {
			theirs = append(theirs, p)
		}
	}
	if s.Cause != "" && len(theirs) > 0 {
		past = append(past, Answer{s.Cause, theirs})
	}
	return past[max(0, len(past)-mostPast):]
}

// ByHand returns the state after somebody has set a line here, which was as reported until then: the parts that this changes are theirs, as if they had
// changed them at the telephone, also where a part is what stood before, or what it was to be.
func (s State) ByHand(reported, f telephony.Forwarding) State {
	next := State{Cause: s.Cause, Before: maps.Clone(s.Before), Set: maps.Clone(s.Set), Under: maps.Clone(s.Under), Theirs: slices.Clone(s.Theirs), Past: s.Past}
	for _, p := range parts {
		if _, ours := s.Set[p]; ours && get(f, p) != get(reported, p) {
			delete(next.Before, p)
			delete(next.Set, p)
			delete(next.Under, p)
			next.Theirs = append(next.Theirs, p)
		}
	}
	return next
}

// Whole returns f with what a system cannot set as it is reported, which it wants unchanged. The One Number Service, which nobody sets, ends only
// where f is off.
func Whole(reported, f telephony.Forwarding, can telephony.Abilities) telephony.Forwarding {
	off := f.Off()
	for _, p := range parts {
		if !can.Has(p) || p == telephony.CanOneNumber && !off {
			put(&f, p, get(reported, p))
		}
	}
	return f
}

// with returns values with further ones.
func with(values []string, more ...string) []string {
	values = slices.Clone(values)
	for _, v := range more {
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// Rests reports whether nothing that was set stands: then there is nothing to take back.
func (s State) Rests() bool { return len(s.Set) == 0 && len(s.Theirs) == 0 }

// Empty reports whether the state needs no keeping.
func (s State) Empty() bool { return s.Rests() && len(s.Past) == 0 }
