package teams

import (
	"slices"
	"time"
)

// Want is what stands here without Teams: what Teams is to show. It is worked out from all claims but those of Teams, so
// that nothing which came from there can go back.
type Want struct {
	Call  bool      // on the telephone, or in a meeting
	DND   bool      // do not disturb
	Until time.Time // when DND ends; zero: not known
}

// Kind is what an entry of Teams is about. The zero value is none.
type Kind uint8

const (
	NoEntry       Kind = iota
	OnCall             // in a call or a meeting
	Presenting         // sharing the screen
	NotToDisturb       // do not disturb, chosen in Teams
	kindCount          // how many there are
	longestEntry  = 12 * time.Hour
	echoWindow    = 10 * time.Minute // so long after a change Teams may still show what was before (presence, "nearly real time")
	settleAtLeast = 30 * time.Second
	shortly       = time.Minute     // after this it is remarkable that what was written does not show
	enough        = 5               // of what is known of how long Teams takes
	sessionLease  = 5 * time.Minute // the shortest there is (graph/api/presence-setpresence): what a lost server leaves behind is gone soon
	sessionRenew  = 3 * time.Minute
	choiceLease   = time.Hour
	choiceRenew   = 30 * time.Minute
	firstRetry    = 5 * time.Second
	slowestRetry  = 15 * time.Minute
	lateness      = 2 * time.Minute // so long after it was given up a write may yet be made
)

// Reading is what Teams showed of somebody.
type Reading struct {
	Availability string
	Activity     string
	Sequence     string    // sorts as text, later ones are newer; empty: not told
	Asked        time.Time // when it was asked for
}

// Op is a write.
type Op uint8

const (
	NoOp    Op = iota
	SetCall    // or renew it
	EndCall
	SetDND // or renew it
	EndDND
)

func (o Op) String() string {
	return [...]string{NoOp: "none", SetCall: "show a call", EndCall: "show no call", SetDND: "show do not disturb", EndDND: "show no do not disturb"}[o]
}

// Outcome is what came of a write.
type Outcome uint8

const (
	Done    Outcome = iota
	Refused         // it was not made
	Unsure          // it may have been made
)

// phase is where what we wrote stands.
type phase uint8

const (
	idle     phase = iota // Teams has nothing of ours, and shows nothing of it any more
	standing              // Teams has it, or may
	yielded               // it is wanted, but Teams says the same by itself, or a choice there is newer: it is left to Teams
	fading                // Teams has it no more, but may still show it
)

// slot is one thing that we write.
type slot struct {
	Phase phase         `json:"phase"`
	May   bool          `json:"may,omitempty"`  // it may be in Teams, or may still be shown
	First time.Time     `json:"first,omitzero"` // the first attempt
	Since time.Time     `json:"since,omitzero"` // fading, yielded: when Teams had it no more
	Until time.Time     `json:"until,omitzero"` // standing: it ends there by itself, at the latest
	Renew time.Time     `json:"renew,omitzero"` // standing: when to write it again
	Seen  bool          `json:"seen,omitempty"` // Teams showed it
	Lag   time.Duration `json:"lag,omitempty"`  // how long that took
	Torn  bool          `json:"torn,omitempty"` // it was seen, and then not, while it stood
	Late  time.Time     `json:"late,omitzero"`  // until then Teams may yet be told by a write that was given up; zero: there is none
	Off   bool          `json:"off,omitempty"`  // standing: it is wanted no more
	Tries int           `json:"tries,omitempty"`
	Next  time.Time     `json:"next,omitzero"` // after a failure: not before

	hidden bool      // standing: Teams shows something else instead
	other  time.Time // since when it does; zero: it does not
	clean  bool      // fading: Teams has shown something else since it was seen
	before *slot     // as it was before the write that is under way
}

// State is all that is known of one person between Teams and here. Its exported part is kept: after a restart nobody
// else would know what we wrote. The zero value is of somebody about whom nothing was written or heard. It does no I/O
// and reads no clock.
type State struct {
	Call     slot            `json:"call"`
	DND      slot            `json:"dnd"`
	Sequence string          `json:"sequence,omitempty"` // of the latest reading
	Took     []time.Duration `json:"took,omitempty"`     // how long the latest writes took to be seen
	busy     Op              // under way
	shown    Reading         // the latest
	heard    time.Time       // when that was got; zero: never
	stale    time.Time       // when a reading older than shown was got first since; zero: none
	entry    Kind
	began    [kindCount]time.Time // of the entry, and of the call in which somebody presents
	talking  bool                 // a call goes on, presented or not
}

// Busy reports whether a write is under way.
func (s *State) Busy() bool { return s.busy != NoOp }

// Rests reports whether nothing of ours is in Teams, nor shown there any more.
func (s *State) Rests() bool { return s.busy == NoOp && s.Call.Phase == idle && s.DND.Phase == idle }

// Stands reports whether something of ours is in Teams, or may be, and has not run out.
func (s *State) Stands() bool {
	return s.busy != NoOp || s.Call.Phase == standing || s.DND.Phase == standing
}

// Leave forgets what was heard. What was written is left to end there by itself: it is not taken back any more, and explains
// what Teams shows for as long as it may.
func (s *State) Leave() { *s = State{Call: s.Call.left(), DND: s.DND.left()} }

// Inherit takes over what was left by somebody else who was kept in step with the same user, to explain what Teams shows.
func (s *State) Inherit(from State) {
	from.Leave()
	if s.Call.Phase == idle {
		s.Call = from.Call
	}
	if s.DND.Phase == idle {
		s.DND = from.DND
	}
}

func (l slot) left() slot {
	switch {
	case !l.May:
		return slot{}
	case l.Phase == standing:
		l.gone(fading, l.Until)
	default:
		l.Phase = fading
	}
	l.Late = time.Time{} // it is not taken back any more
	return l
}

// Heard returns when Teams was last heard of this person; zero: never.
func (s *State) Heard() time.Time { return s.heard }

// Shown returns what Teams showed then.
func (s *State) Shown() Reading { return s.shown }

// Hidden returns what was written, and does not show in Teams because of a choice there, or because Teams does not run.
func (s *State) Hidden(now time.Time) Op {
	h, ours := meaningOf(s.shown), &s.Call
	switch {
	case s.heard.IsZero():
	case s.DND.Phase == standing && s.DND.hidden, s.DND.Phase == yielded && h != dnd:
		return SetDND
	case ours.Phase == standing && s.DND.Phase != standing && !ours.other.IsZero() && (ours.Seen || now.Sub(ours.other) > shortly):
		return SetCall
	}
	return NoOp
}

// Repeats reports whether a reading says what is known, about somebody to whom nothing else can come of it; then it is taken.
func (s *State) Repeats(r Reading, now time.Time) bool {
	if s.Call.May || s.DND.May || s.entry != NoEntry || !s.stale.IsZero() || s.heard.IsZero() || s.busy != NoOp || s.DND.Phase != idle ||
		r.Sequence != s.shown.Sequence || r.Availability != s.shown.Availability || r.Activity != s.shown.Activity {
		return false
	}
	s.shown.Asked, s.heard = r.Asked, now
	return true
}

// Hear takes a reading that was got at now. It reports whether it is as new as what is known.
func (s *State) Hear(r Reading, now time.Time) bool {
	if r.Sequence < s.Sequence && r.Sequence != "" {
		// Answers overtake one another. Should the numbers have begun anew, they count once no other could come any more.
		if s.stale.IsZero() || s.stale.After(now) {
			s.stale = now
		}
		if now.Sub(s.stale) < echoWindow {
			return false
		}
	}
	s.stale = time.Time{}
	s.Sequence, s.shown, s.heard = r.Sequence, r, now
	h := meaningOf(r)
	s.took(s.Call.see(h == call, h == nothing, r, now))
	s.took(s.DND.see(h == dnd, h == nothing && !away(r), r, now))
	return true
}

// see takes note of whether Teams shows what we wrote, or else something that does not go with it. It returns how long what we
// wrote, and then cleared, took to be seen; zero: that is not known.
func (l *slot) see(it, other bool, r Reading, now time.Time) (took time.Duration) {
	if !l.May {
		return 0
	}
	if it && !l.Seen {
		l.Seen, l.Lag = true, now.Sub(l.First)
	}
	switch {
	case it:
		l.other = time.Time{}
	case other && l.other.IsZero():
		l.other = now
	}
	switch l.Phase {
	case standing:
		l.Torn = l.Torn || l.Seen && !it
		l.hidden = other && (l.Seen || l.supplanted(now))
	case fading:
		if other && l.Seen && !l.clean && !r.Asked.Before(l.Since) {
			if l.clean = true; !l.Torn && r.Sequence != "" {
				return max(l.Lag, now.Sub(l.Since))
			}
		}
	}
	return 0
}

// supplanted reports whether Teams has shown something else for so long that it cannot be what was before.
func (l *slot) supplanted(now time.Time) bool {
	return !l.Renew.IsZero() && !l.other.IsZero() && now.Sub(l.other) > echoWindow
}

// pass has time pass, and returns when the slot changes by itself; zero: never. settle is how long Teams may still show
// what was seen, and then not, in the order in which it was so.
func (l *slot) pass(settle time.Duration, now time.Time) time.Time {
	l.mend(now)
	if l.Phase == standing && l.May && l.before == nil && !now.Before(l.Until) {
		l.gone(fading, l.Until)
	}
	switch {
	case !l.May:
		return time.Time{}
	case l.Phase == standing && l.before != nil: // what comes of the write is told
		return time.Time{}
	case l.Phase == standing:
		return l.Until
	}
	over := l.Since.Add(echoWindow)
	if l.Seen && l.clean && !l.Torn && l.Late.IsZero() {
		over = l.Since.Add(min(echoWindow, settle))
	}
	if now.Before(over) {
		return over
	}
	if l.May = false; l.Phase == fading {
		*l = slot{Tries: l.Tries, Next: l.Next}
	}
	return time.Time{}
}

// mend puts right what was noted while the clock was ahead, which may be years: nothing that is noted lies further ahead than what
// is written lasts, nor what has happened ahead at all.
func (l *slot) mend(now time.Time) {
	latest(&l.First, now, now)
	latest(&l.other, now, now)
	latest(&l.Renew, now.Add(choiceRenew), now)
	most := now.Add(2 * choiceLease)
	latest(&l.Since, most, now)
	latest(&l.Next, most, now)
	latest(&l.Until, most, now)
	latest(&l.Late, most, now)
}

// latest has a time that lies after most be now.
func latest(at *time.Time, most, now time.Time) {
	if at.After(most) {
		*at = now
	}
}

// gone notes that Teams has it no more since at.
func (l *slot) gone(to phase, at time.Time) {
	*l = slot{Phase: to, May: true, First: l.First, Since: at, Seen: l.Seen, Lag: l.Lag, Torn: l.Torn, Late: l.Late}
	if !l.Late.After(at) {
		l.Late = time.Time{}
	}
}

// explains reports whether what we wrote may be why Teams shows it.
func (l *slot) explains() bool { return l.May }

// Entry works out what entry there is to be at now, and since when. It holds until Teams is heard again, at most for
// what the caller gives it. telephony is whether calls count, status whether do not disturb does.
func (s *State) Entry(telephony, status bool, now time.Time) (Kind, time.Time) {
	if s.heard.IsZero() && telephony { // as before a restart
		return s.entry, s.began[s.entry]
	}
	s.pass(now)
	h := meaningOf(s.shown)
	kind := NoEntry
	switch {
	case !telephony:
	case h == presenting && status:
		kind = Presenting
	case h == presenting, h == conference: // we write neither
		kind = OnCall
	case h == call && !s.Call.explains():
		kind = OnCall
	case h == dnd && status && !s.DND.explains():
		kind = NotToDisturb
	}
	talks := kind == OnCall || kind == Presenting
	if talks && !s.talking {
		s.began[OnCall] = now
	}
	s.talking = talks
	if kind != s.entry && kind != OnCall {
		s.began[kind] = now
	}
	s.entry = kind
	return kind, s.began[kind]
}

// Resume tells of an entry that was there before a restart.
func (s *State) Resume(kind Kind, from time.Time) {
	s.entry, s.began[kind] = kind, from
	if s.talking = kind == OnCall || kind == Presenting; kind == Presenting {
		s.began[OnCall] = from
	}
}

// pass has time pass, and returns when something changes by itself; zero: never.
func (s *State) pass(now time.Time) time.Time {
	settle := s.settle()
	return earlier(s.Call.pass(settle, now), s.DND.pass(settle, now))
}

// settle is how long Teams may show somebody what is no more there: three times as long as it took lately, if its readings tell
// which of them is newer.
func (s *State) settle() time.Duration {
	if s.Sequence == "" || len(s.Took) < enough {
		return echoWindow
	}
	return settleAtLeast + 3*slices.Max(s.Took)
}

// took remembers how long Teams took to show what we wrote, or cleared; zero is not remembered, nor less, of a clock that was put back.
func (s *State) took(d time.Duration) {
	if d <= 0 {
		return
	}
	if len(s.Took) >= enough {
		s.Took = s.Took[len(s.Took)-enough+1:]
	}
	s.Took = append(slices.Clip(s.Took), d)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Plan returns what is to be written now, and when to look again if nothing happens; zero: never. Of two things that are to be
// written the one that ends comes first. What is returned must be begun, or is returned again.
func (s *State) Plan(w Want, now time.Time) (Op, time.Time) {
	again := s.pass(now)
	if s.busy != NoOp {
		return NoOp, again
	}
	h := meaningOf(s.shown)
	theirs := !s.heard.IsZero() && (h == presenting || h == conference || h == call && !s.Call.explains())
	a, next := s.Call.plan(w.Call, now)
	again = earlier(again, next)
	if a == set && s.Call.Phase != standing && (theirs || s.heard.IsZero()) { // Teams says so already, or may; we would not hear when it ends
		a = none
	}
	l := &s.DND
	switch chosen := !s.heard.IsZero() && h == dnd && !l.explains(); {
	case w.DND && l.Phase == standing && l.supplanted(now): // a choice in Teams is newer, and took its place there
		l.gone(yielded, now)
		l.Late = time.Time{}
	case w.DND && chosen && (l.Phase == idle || l.Phase == fading): // likewise, and says the same
		*l = slot{Phase: yielded, First: now}
	case w.DND && l.Phase == yielded && !l.May && h == dnd:
		l.Seen = l.Seen || now.Sub(l.First) > echoWindow // it was still so when ours was wanted
	case w.DND && l.Phase == yielded && !l.May && !l.Seen: // it was over before, perhaps
		*l = slot{}
	case !w.DND && l.Phase == standing && l.supplanted(now): // it is theirs, and not taken back
		l.gone(fading, now)
		l.Late = time.Time{}
	}
	b, at := l.plan(w.DND, now)
	if b == set && l.Phase != standing && s.heard.IsZero() {
		b = none
	}
	if b == set && l.Phase == standing && l.hidden && !l.Renew.IsZero() && l.Late.IsZero() { // perhaps
		b, at = none, l.other.Add(echoWindow+time.Millisecond)
	}
	again = earlier(again, at)
	switch {
	case a == end:
	case b == set:
		return SetDND, again
	case b == end:
		return EndDND, again
	}
	switch a {
	case set:
		return SetCall, again
	case end:
		return EndCall, again
	}
	return NoOp, again
}

type action uint8

const (
	none action = iota
	set
	end
)

func (l *slot) plan(want bool, now time.Time) (action, time.Time) {
	due := func(a action, at time.Time) (action, time.Time) {
		if at.Before(l.Next) {
			at = l.Next
		}
		if now.Before(at) {
			return none, at
		}
		return a, time.Time{}
	}
	switch {
	case want && l.Phase == yielded:
		return none, time.Time{}
	case want && l.Phase == standing && l.Off: // wanted anew, before it was taken back
		l.Off, l.Seen, l.Torn, l.hidden, l.other, l.First, l.Renew = false, false, false, false, time.Time{}, now, now
		return due(set, now)
	case want && l.Phase == standing && !l.Late.IsZero() && l.Late.Before(l.Renew): // it may have been taken back after it was told
		return due(set, l.Late)
	case want && l.Phase == standing:
		return due(set, l.Renew)
	case want:
		return due(set, now)
	case l.Phase == yielded && l.May:
		l.Phase = fading
	case l.Phase == fading && !l.Late.IsZero(): // what was given up may have been made after it was taken back
		return due(end, l.Late)
	case l.Phase == yielded, l.Phase == idle:
		*l = slot{}
	case l.Phase == standing:
		l.Off = true
		return due(end, now)
	}
	return none, time.Time{}
}

// Begin notes that a write is about to be made. It is to be kept before that is.
func (s *State) Begin(op Op, now time.Time) {
	s.busy = op
	switch op {
	case SetCall:
		s.Call.begin(now, sessionLease)
	case SetDND:
		s.DND.begin(now, choiceLease)
	}
}

func (l *slot) begin(now time.Time, lease time.Duration) {
	before := *l
	before.before = nil
	l.before = &before
	if l.Phase != standing {
		*l = slot{Phase: standing, First: now, Late: l.Late, before: l.before}
	}
	l.May, l.Until, l.Late = true, now.Add(2*lease), now.Add(lateness) // should nobody come to know what came of it
}

// Send notes that the write that was begun is made only now: it may have had to wait.
func (s *State) Send(now time.Time) {
	switch s.busy {
	case SetCall:
		s.Call.Until = now.Add(2 * sessionLease)
	case SetDND:
		s.DND.Until = now.Add(2 * choiceLease)
	}
}

// End notes what came of the write that was begun, until when it holds there, and how long the service wants to be left
// alone; zero: it does not say.
func (s *State) End(o Outcome, until time.Time, wait time.Duration, now time.Time) {
	op := s.busy
	s.busy = NoOp
	switch op {
	case SetCall:
		s.Call.wrote(o, until, sessionRenew, wait, now)
	case SetDND:
		s.DND.wrote(o, until, choiceRenew, wait, now)
	case EndCall:
		s.Call.cleared(o, wait, now)
	case EndDND:
		s.DND.cleared(o, wait, now)
	}
}

func (l *slot) wrote(o Outcome, until time.Time, renew, wait time.Duration, now time.Time) {
	before := l.before
	l.before = nil
	if o != Refused { // what was shown instead before says nothing any more
		l.other, l.hidden = time.Time{}, false
	}
	switch {
	case o == Done:
		l.Tries, l.Next, l.Until, l.Late = 0, time.Time{}, until, time.Time{}
		if before != nil && before.Late.After(now) {
			l.Late = before.Late
		}
		l.Renew = now.Add(min(renew, until.Sub(now)/2))
		return
	case before == nil: // it is of an earlier run
	case o == Unsure:
		l.Late = now.Add(lateness)
		l.Tries = before.Tries
		if l.Until = until; before.Phase == standing && before.Until.After(until) {
			l.Until = before.Until
		}
	case before.Phase == standing:
		l.Until, l.Late = before.Until, before.Late
	default:
		*l = *before
	}
	l.failed(wait, now)
}

func (l *slot) cleared(o Outcome, wait time.Duration, now time.Time) {
	if o == Done {
		l.gone(fading, now)
		return
	}
	if o == Unsure {
		l.Late = now.Add(lateness)
	}
	l.failed(wait, now)
}

func (l *slot) failed(wait time.Duration, now time.Time) {
	retry := slowestRetry
	if l.Tries < 8 {
		retry = min(slowestRetry, firstRetry<<l.Tries)
	}
	l.Tries++
	l.Next = now.Add(max(retry, wait))
}
