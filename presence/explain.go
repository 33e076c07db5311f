package presence

import (
	"slices"
	"time"
)

// Outcome says what became of a claim.
type Outcome uint8

const (
	// Won decides the status.
	Won Outcome = iota + 1
	// LaidOver is the line state that is shown beside the status.
	LaidOver
	// LineWeaker is a line claim that another, busier or newer one covers, or an idle line.
	LineWeaker
	// WeakerLayer lost to a claim of a stronger layer.
	WeakerLayer
	// WeakerInLayer lost to a claim of its own layer by Criterion.
	WeakerInLayer
	// NotYet has not begun.
	NotYet
	// Over has come to its end.
	Over
	// LeaseOver ended because its source went silent.
	LeaseOver
	// DismissedByChoice was set aside by a choice made while it ran.
	DismissedByChoice
	// DismissedByHand was set aside in the agenda.
	DismissedByHand
	// Shielded is kept out by do not disturb chosen by hand.
	Shielded
	// SameCall is a second view of a call that another claim speaks for.
	SameCall
	// InUse is a client that is used, or may be.
	InUse
	// OtherInUse is an unused client while another one is used, or has not been unused for long enough.
	OtherInUse
	// TooSoon is a client that has not been unused for long enough.
	TooSoon
	// BaseDiffers is inactivity over a base that it does not touch.
	BaseDiffers
	// SwitchedOff is an automatic activation that the settings have switched off.
	SwitchedOff
	// Note is a mark: it says something about another claim.
	Note
	// NotRanked is a claim of a source that the rules do not know.
	NotRanked
	outcomeCount
)

var outcomeNames = [outcomeCount]string{
	Won: "won", LaidOver: "laid_over", LineWeaker: "line_weaker", WeakerLayer: "weaker_layer",
	WeakerInLayer: "weaker_in_layer", NotYet: "not_yet", Over: "over", LeaseOver: "lease_over",
	DismissedByChoice: "dismissed_by_choice", DismissedByHand: "dismissed_by_hand", Shielded: "shielded",
	SameCall: "same_call", InUse: "in_use", OtherInUse: "other_in_use", TooSoon: "too_soon",
	BaseDiffers: "base_differs", SwitchedOff: "switched_off", Note: "note", NotRanked: "not_ranked",
}

// String returns the word used on the wire.
func (o Outcome) String() string { return wordOf(outcomeNames[:], o) }

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(text []byte) (err error) {
	*o, err = parseWord[Outcome]("outcome", outcomeNames[:], string(text))
	return err
}

// Entry is one claim in an explanation, with what became of it.
type Entry struct {
	Claim     Claim
	Layer     string // name of its layer; empty for lines, marks and clients that only run
	Status    Status // what it would have shown, the policy applied
	Profile   string
	Text      string
	Outcome   Outcome
	By        Ref       // the claim that decided against it; zero where no other did
	Criterion Criterion // for WeakerInLayer

	who candidate // what it competes as, while entries are put in order
}

// Step is one change that time alone will bring.
type Step struct {
	At       time.Time
	Presence Presence
	// Because names the claims that begin or end then.
	Because []Ref
}

// Explanation answers "why?" (P5): every claim that stands, strongest first, and what will happen next.
type Explanation struct {
	At       time.Time
	Rules    string // name of the rule set
	Presence Presence
	Entries  []Entry
	Next     []Step // at most the number asked for
}

// Explain returns the reasons for what Resolve returns, and up to steps coming changes.
func Explain(claims []Claim, policy *Policy, now time.Time, steps int) Explanation {
	e := Explanation{At: now, Rules: policy.rules().rules.Name, Presence: Resolve(claims, policy, now)}
	if policy.Off {
		return e
	}
	m := look(claims, policy, now, nil)
	w := m.winner()
	_, line := m.line()
	for i := range claims {
		e.Entries = append(e.Entries, m.entries(i, w, line)...)
	}
	slices.SortStableFunc(e.Entries, m.entryOrder)
	for i := range e.Entries {
		e.Entries[i].who = candidate{} // it points into claims
	}
	e.Next = nextSteps(claims, policy, now, e.Presence, steps)
	return e
}

// entries explains claim i. A client gives one entry for its being unused, and one for having been the last to end.
func (m *moment) entries(i int, w candidate, line int) []Entry {
	c, k := &m.claims[i], m.kinds[i]
	e := Entry{Claim: *c, Status: c.Status, Profile: c.Profile, Text: c.Text}
	if n := m.rules.layer[k]; n >= 0 {
		e.Layer = m.rules.rules.Layers[n].Name
	}
	switch k {
	case KindMark:
		e.Outcome = Note
		return []Entry{e}
	case KindLine:
		e.Outcome = m.lineOutcome(i, line, &e)
		return []Entry{e}
	case KindInactivity:
		return m.clientEntries(i, w, e)
	}
	cand, v := m.examine(i)
	if v.outcome == Won {
		m.judge(&e, cand, w)
	} else {
		e.Outcome = v.outcome
		if v.by >= 0 {
			e.By = m.claims[v.by].Ref()
		}
	}
	if k == KindStart || k == KindEnd {
		p := m.presence(candidate{i, k, c.From})
		e.Status, e.Profile, e.Text = p.Status, p.Profile, p.Text
	}
	return []Entry{e}
}

func (m *moment) lineOutcome(i, line int, e *Entry) Outcome {
	c := &m.claims[i]
	switch {
	case i == line:
		return LaidOver
	case !c.begun(m.now):
		return NotYet
	case c.over(m.now):
		return m.howOver(c)
	}
	if line >= 0 {
		e.By = m.claims[line].Ref()
	}
	return LineWeaker
}

// judge fills in why a claim that competes won or lost.
func (m *moment) judge(e *Entry, c, w candidate) {
	e.who = c
	if c.i == w.i && c.kind == w.kind {
		p := m.presence(w)
		e.Status, e.Profile, e.Text, e.Outcome = p.Status, p.Profile, p.Text, Won
		return
	}
	n := m.rules.layer[c.kind]
	layer := &m.rules.rules.Layers[n]
	if w.kind != kindNone {
		e.By = m.claims[w.i].Ref()
		if w.kind == KindEnd {
			e.By.Source = SourceEnd
		}
	}
	switch {
	case w.kind != kindNone && m.rules.layer[w.kind] < n:
		e.Outcome = WeakerLayer
	case w.kind != kindNone && m.rules.layer[w.kind] == n:
		e.Outcome = WeakerInLayer
		_, e.Criterion = m.compare(layer, w, c)
	default: // the winner is of a weaker layer: this one was not allowed to count
		e.Outcome = BaseDiffers
	}
}

func (m *moment) clientEntries(i int, w candidate, e Entry) []Entry {
	c := &m.claims[i]
	var out []Entry
	if m.end == i {
		end, at := e, c.End()
		end.Claim.Source = SourceEnd
		if n := m.rules.layer[KindEnd]; n >= 0 {
			end.Layer = m.rules.rules.Layers[n].Name
		}
		p := m.presence(candidate{i, KindEnd, at})
		end.Status, end.Profile, end.Text = p.Status, p.Profile, p.Text
		end.Claim.From, end.Claim.Until, end.Claim.Lease = at, time.Time{}, time.Time{}
		switch {
		case !m.policy.End.On:
			end.Outcome = SwitchedOff
		case !m.shieldAllowsEnd():
			end.Outcome, end.By = Shielded, m.claims[m.shield].Ref()
		default:
			m.judge(&end, candidate{i, KindEnd, at}, w)
		}
		out = append(out, end)
	}
	switch {
	case !c.begun(m.now):
		e.Outcome = NotYet
	case c.over(m.now):
		if len(out) > 0 {
			return out
		}
		e.Outcome = m.howOver(c)
	case c.Activity == ActivityUnknown || c.Activity == Active:
		e.Outcome = InUse
	default:
		m.judgeUnused(&e, i, w)
	}
	if e.Outcome == InUse || e.Outcome == NotYet || e.Outcome == Over || e.Outcome == LeaseOver {
		e.Layer = ""
	}
	return append(out, e)
}

func (m *moment) judgeUnused(e *Entry, i int, w candidate) {
	c := &m.claims[i]
	act := &m.policy.Inactive
	if c.Activity == Locked {
		act = &m.policy.Locked
	}
	e.Status, e.Profile, e.Text = act.Status, act.Profile, act.Text
	begin, ok := m.inactiveFrom(c)
	who, by := m.inactivity()
	switch {
	case !act.On:
		e.Outcome = SwitchedOff
	case !ok || begin.After(m.now):
		e.Outcome = TooSoon
	case who.kind == kindNone:
		e.Outcome = OtherInUse
		if by >= 0 {
			e.By = m.claims[by].Ref()
		}
	default:
		m.judge(e, candidate{i, KindInactivity, begin}, w)
	}
}

// entryOrder sorts for reading: the winner and the line first, then by layer and strength, in each layer what was not
// let in after what lost; what does not stand last.
func (m *moment) entryOrder(a, b Entry) int {
	layers := m.rules.rules.Layers
	rank := func(e *Entry) int {
		after := 2 + 2*len(layers)
		switch e.Outcome {
		case Won:
			return 0
		case LaidOver:
			return 1
		case NotYet:
			return after + 1
		case Over, LeaseOver, Note, NotRanked, SwitchedOff:
			return after + 2
		}
		for i := range layers {
			switch {
			case layers[i].Name != e.Layer:
			case e.who.kind != kindNone:
				return 2 + 2*i
			default:
				return 3 + 2*i
			}
		}
		return after
	}
	if d := rank(&a) - rank(&b); d != 0 {
		return d
	}
	if a.who.kind != kindNone && b.who.kind != kindNone {
		order, _ := m.compare(&layers[m.rules.layer[a.who.kind]], a.who, b.who)
		return order
	}
	if d := b.Claim.From.Compare(a.Claim.From); d != 0 {
		return d
	}
	return compareRefs(&a.Claim, &b.Claim)
}

// nextSteps follows time from one announced change to the next and keeps those that show.
func nextSteps(claims []Claim, policy *Policy, now time.Time, shown Presence, most int) []Step {
	var steps []Step
	at := now
	for len(steps) < most { // the claims have but so many boundaries
		next, ok := NextChange(claims, policy, at)
		if !ok {
			break
		}
		at = next
		p := Resolve(claims, policy, at)
		if p.Equal(shown) {
			continue
		}
		steps = append(steps, Step{At: at, Presence: p, Because: turning(claims, at)})
		shown = p
	}
	return steps
}

// turning names the claims that begin or end at an instant.
func turning(claims []Claim, at time.Time) []Ref {
	var refs []Ref
	for i := range claims {
		c := &claims[i]
		if c.From.Equal(at) || c.End().Equal(at) {
			refs = append(refs, c.Ref())
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int {
		return compareRefs(&Claim{Source: a.Source, ID: a.ID}, &Claim{Source: b.Source, ID: b.ID})
	})
	return refs
}
