package presence

import (
	"cmp"
	"strings"
	"time"
)

// Presence is what colleagues are shown about a person (P2). The zero value is a person about whom nobody says
// anything: logged out, the line idle.
type Presence struct {
	Off     bool // presence management is off for the person (P10); everything else is zero then
	Status  Status
	Profile string
	Text    string
	Line    Line
	Since   time.Time // start of what decided; zero if nothing did
	Until   time.Time // when that will end by itself; zero if that is not known
	Cause   Ref       // what decided; zero if nothing did
}

// Equal reports whether two presences say the same, times compared as instants.
func (p Presence) Equal(q Presence) bool {
	return p.Off == q.Off && p.Status == q.Status && p.Profile == q.Profile && p.Text == q.Text &&
		p.Line == q.Line && p.Cause == q.Cause && p.Since.Equal(q.Since) && p.Until.Equal(q.Until)
}

// Resolve returns what claims add up to at now. The rules rank claims totally, so the order of claims never
// matters. If none holds, the status is LoggedOut. It does not allocate for up to 64 claims.
func Resolve(claims []Claim, policy *Policy, now time.Time) Presence {
	if policy.Off {
		return Presence{Off: true}
	}
	var few [64]Kind // on the stack, so that the usual person costs no allocation
	m := look(claims, policy, now, few[:0])
	p := m.presence(m.winner())
	p.Line, _ = m.line()
	return p
}

// NextChange returns the first instant after now at which Resolve may answer differently; ok is false if time
// alone will change nothing.
func NextChange(claims []Claim, policy *Policy, now time.Time) (at time.Time, ok bool) {
	if policy.Off {
		return time.Time{}, false
	}
	note := func(t time.Time) {
		if t.After(now) && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	var input time.Time // the last choice by hand, which counts as an input
	for i := range claims {
		if c := &claims[i]; c.Source == SourceHand && c.begun(now) && c.From.After(input) {
			input = c.From
		}
	}
	for i := range claims {
		c := &claims[i]
		note(c.From)
		note(c.Until)
		note(c.Lease)
		switch c.Activity {
		case Idle:
			note(later(c.ActivitySince, input).Add(policy.InactiveAfter))
		case Locked:
			note(c.ActivitySince)
		}
	}
	return at, ok
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// moment is everything the rules look at, worked out once for one instant.
type moment struct {
	claims []Claim
	kinds  []Kind // of claims, worked out once
	policy *Policy
	rules  *RuleSet
	now    time.Time

	choice   int       // the latest choice so far, even one that is over; -1: none
	input    int       // the latest choice by hand, which counts as an input; -1: none
	shield   int       // the choice that keeps the shielded layers out; -1: none
	end      int       // while no client runs: the one that ended last; -1: none
	lastEnd  time.Time // when the last client ended last, by end or by a claim of SourceEnd; zero: never
	anyMarks bool
	anyCalls bool
}

// look returns what claims are at now. Room for their kinds may be passed, to keep it off the heap.
func look(claims []Claim, policy *Policy, now time.Time, room []Kind) moment {
	m := moment{claims: claims, kinds: room, policy: policy, rules: policy.rules(), now: now, choice: -1, input: -1, end: -1}
	clientRuns := false
	for i := range claims {
		c := &claims[i]
		k := kindOf(c)
		m.kinds = append(m.kinds, k)
		switch k {
		case KindMark:
			m.anyMarks = true
		case KindInactivity:
			switch {
			case !c.begun(now):
			case !c.over(now):
				clientRuns = true
			case m.end < 0 || m.laterEnd(i):
				m.end = i
			}
		case KindEnd:
			if c.begun(now) {
				m.lastEnd = later(m.lastEnd, c.From)
			}
		case KindChoice, KindTimedChoice, KindAssistantChoice, KindAssistantTimedChoice:
			if !c.begun(now) {
				continue
			}
			if m.choice < 0 || m.newer(i, m.choice) {
				m.choice = i
			}
			if c.Source == SourceHand && (m.input < 0 || m.newer(i, m.input)) {
				m.input = i
			}
		case KindTeams, KindMicrophone:
			m.anyCalls = m.anyCalls || c.Call != ""
		}
	}
	switch {
	case clientRuns:
		m.end = -1
	case m.end >= 0:
		m.lastEnd = later(m.lastEnd, claims[m.end].End())
	}
	m.shield = m.findShield()
	return m
}

// laterEnd reports whether client i ended after the one found so far; a tie goes to the smaller ID.
func (m *moment) laterEnd(i int) bool {
	a, b := &m.claims[i], &m.claims[m.end]
	if at, bt := a.End(), b.End(); !at.Equal(bt) {
		return at.After(bt)
	}
	return compareRefs(a, b) < 0
}

// newer orders claims of like kind by their start. Of choices made at the same instant the person's own counts as
// the newer one, and a timed one as newer than one without an end, which it uncovers when it is over.
func (m *moment) newer(i, j int) bool {
	a, b := &m.claims[i], &m.claims[j]
	if order := a.From.Compare(b.From); order != 0 {
		return order > 0
	}
	if x, y := m.kinds[i], m.kinds[j]; x != y && x.isChoice() && y.isChoice() {
		return choiceRank[x] < choiceRank[y]
	}
	return compareRefs(a, b) < 0
}

var choiceRank = [kindCount]uint8{KindTimedChoice: 0, KindChoice: 1, KindAssistantTimedChoice: 2, KindAssistantChoice: 3}

func compareRefs(a, b *Claim) int {
	return cmp.Or(strings.Compare(string(a.Source), string(b.Source)), strings.Compare(a.ID, b.ID))
}

// findShield returns the choice that is in force among choices, if its status is the rules' shield: the latest
// one, or once a timed one is over the latest without an end. The end of the last client leaves it.
func (m *moment) findShield() int {
	want := m.rules.rules.Shield
	if want == LoggedOut || m.choice < 0 {
		return -1
	}
	held := m.choice
	if m.claims[held].over(m.now) {
		held = -1
		for i, k := range m.kinds {
			if (k == KindChoice || k == KindAssistantChoice) && m.claims[i].holds(m.now) &&
				(held < 0 || m.newer(i, held)) {
				held = i
			}
		}
	}
	if held < 0 || m.claims[held].Status != want {
		return -1
	}
	if c := &m.claims[held]; !c.Timed() && m.policy.End.On && m.lastEnd.After(c.From) {
		return -1
	}
	return held
}

// candidate is a claim that competes, or what follows from a client: that it was the last to end, or that it
// is not used. The zero value is none.
type candidate struct {
	i    int
	kind Kind // kindNone: none
	from time.Time
}

// verdict says why a claim does not compete. by is the index of the claim that decided against it, -1 if there is none.
type verdict struct {
	outcome Outcome
	by      int
}

var competes = verdict{outcome: Won, by: -1}

// examine decides whether claim i competes within its layer, all other layers left out of account.
func (m *moment) examine(i int) (candidate, verdict) {
	c, k := &m.claims[i], m.kinds[i]
	var layer *Layer
	if n := m.rules.layer[k]; n >= 0 {
		layer = &m.rules.rules.Layers[n]
	} else {
		return candidate{}, verdict{outcome: NotRanked, by: -1}
	}
	switch {
	case !c.begun(m.now):
		return candidate{}, verdict{outcome: NotYet, by: -1}
	case c.over(m.now):
		return candidate{}, verdict{outcome: m.howOver(c), by: -1}
	case k == KindStart && !m.policy.Start.On, k == KindEnd && !m.policy.End.On:
		return candidate{}, verdict{outcome: SwitchedOff, by: -1}
	}
	if layer.OnePerCall && m.anyCalls && c.Call != "" {
		if j := m.sameCall(i); j >= 0 {
			return candidate{}, verdict{outcome: SameCall, by: j}
		}
	}
	mark := -1
	if layer.Dismissible && m.anyMarks {
		mark = m.mark(i)
	}
	if layer.Dismissible && i != m.choice {
		byChoice := m.choice >= 0 && !m.claims[m.choice].From.Before(m.firstSeen(i, layer))
		byMark := mark >= 0 && (!byChoice || !m.claims[mark].From.Before(m.claims[m.choice].From))
		switch {
		case byMark && m.claims[mark].Mark == Dismiss:
			return candidate{}, verdict{outcome: DismissedByHand, by: mark}
		case byChoice && !byMark:
			return candidate{}, verdict{outcome: DismissedByChoice, by: m.choice}
		}
	}
	if m.shield >= 0 && i != m.shield && (layer.Shielded || layer.holds(m.kinds[m.shield])) {
		// Only what is brought back while it runs counts: what was decided ahead does not weaken the shield.
		restored := mark >= 0 && m.claims[mark].Mark == Restore && !m.claims[mark].From.Before(c.From) &&
			!m.claims[mark].From.Before(m.claims[m.shield].From)
		if !restored {
			return candidate{}, verdict{outcome: Shielded, by: m.shield}
		}
	}
	return candidate{i, k, c.From}, competes
}

func (l *Layer) holds(k Kind) bool {
	for _, x := range l.Kinds {
		if x == k {
			return true
		}
	}
	return false
}

func (m *moment) howOver(c *Claim) Outcome {
	if !c.Lease.IsZero() && c.End().Equal(c.Lease) {
		return LeaseOver
	}
	return Over
}

// sameCall returns the claim that speaks for the call of claim i in its stead; -1 if i speaks for itself.
func (m *moment) sameCall(i int) int {
	best := i
	for j := range m.claims {
		if j == i || m.claims[j].Call != m.claims[i].Call || !m.claims[j].holds(m.now) ||
			m.rules.layer[m.kinds[j]] != m.rules.layer[m.kinds[i]] {
			continue
		}
		rj, rb := m.rules.rank[m.kinds[j]], m.rules.rank[m.kinds[best]]
		if rj < rb || rj == rb && m.newer(j, best) {
			best = j
		}
	}
	if best == i {
		return -1
	}
	return best
}

// firstSeen returns when the entry that claim i is a view of begins: a choice made after any of its views set it
// aside as a whole.
func (m *moment) firstSeen(i int, layer *Layer) time.Time {
	first := m.claims[i].From
	if call := m.claims[i].Call; layer.OnePerCall && m.anyCalls && call != "" {
		for j := range m.claims {
			if c := &m.claims[j]; c.Call == call && layer.holds(m.kinds[j]) && c.From.Before(first) && c.holds(m.now) {
				first = c.From
			}
		}
	}
	return first
}

// mark returns the latest mark on entry i that is in force; -1 if there is none. A choice bears no marks: it is
// changed by another choice.
func (m *moment) mark(i int) int {
	best := -1
	if m.kinds[i].isChoice() {
		return best
	}
	target := &m.claims[i]
	for j, k := range m.kinds {
		c := &m.claims[j]
		if k != KindMark || c.Mark == NoMark {
			continue
		}
		if (c.Target == target.Ref() || c.Call != "" && c.Call == target.Call) && c.holds(m.now) &&
			(best < 0 || m.newer(j, best)) {
			best = j
		}
	}
	return best
}

// winner returns the candidate that decides the status.
func (m *moment) winner() candidate {
	for n := range m.rules.rules.Layers {
		layer := &m.rules.rules.Layers[n]
		best := m.best(n)
		if best.kind == kindNone {
			continue
		}
		if layer.OnlyOver != LoggedOut && m.below(n).status != layer.OnlyOver {
			continue
		}
		return best
	}
	return candidate{}
}

// best returns the strongest candidate of a layer.
func (m *moment) best(n int) candidate {
	layer := &m.rules.rules.Layers[n]
	var best candidate
	for i, k := range m.kinds {
		if int(m.rules.layer[k]) != n || k == KindInactivity {
			continue
		}
		c, v := m.examine(i)
		if v.outcome == Won {
			best = m.stronger(layer, best, c)
		}
	}
	if int(m.rules.layer[KindEnd]) == n && m.end >= 0 && m.policy.End.On && m.shieldAllowsEnd() {
		best = m.stronger(layer, best, candidate{m.end, KindEnd, m.claims[m.end].End()})
	}
	if int(m.rules.layer[KindInactivity]) == n {
		if c, _ := m.inactivity(); c.kind != kindNone {
			best = m.stronger(layer, best, c)
		}
	}
	return best
}

// shieldAllowsEnd reports whether the end of the last client may compete: a choice made after it stands.
func (m *moment) shieldAllowsEnd() bool {
	return m.shield < 0 || m.claims[m.shield].Timed()
}

func (m *moment) stronger(layer *Layer, a, b candidate) candidate {
	if a.kind == kindNone {
		return b
	}
	if order, _ := m.compare(layer, a, b); order > 0 {
		return b
	}
	return a
}

// base is what the layers below one come to.
type base struct {
	status Status
	who    candidate
}

func (m *moment) below(n int) base {
	for n++; n < len(m.rules.rules.Layers); n++ {
		if c := m.best(n); c.kind != kindNone {
			return base{m.presence(c).Status, c}
		}
	}
	return base{}
}

// compare orders two candidates of a layer: negative if a is stronger. It names the criterion that told them apart.
func (m *moment) compare(layer *Layer, a, b candidate) (int, Criterion) {
	x, y := &m.claims[a.i], &m.claims[b.i]
	for _, by := range layer.Order {
		var order int
		switch by {
		case ByKind:
			order = int(m.rules.rank[a.kind]) - int(m.rules.rank[b.kind])
		case ByChoice:
			order = prefer(a.kind.isChoice(), b.kind.isChoice())
		case ByOutOfOffice:
			order = prefer(x.ShowAs == ShowOutOfOffice, y.ShowAs == ShowOutOfOffice)
		case ByTimed:
			order = prefer(!x.AllDay, !y.AllDay)
		case ByShowAs:
			order = int(showAsRank[x.ShowAs]) - int(showAsRank[y.ShowAs])
		case ByNewest:
			order = b.from.Compare(a.from)
		case ByID:
			if order = compareRefs(x, y); a.kind == KindEnd && b.kind == KindEnd {
				order = cmp.Or(strings.Compare(x.ID, y.ID), order) // one may be a client, the other a claim of SourceEnd
			}
		}
		if order != 0 {
			return order, by
		}
	}
	return 0, criterionNone
}

func prefer(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// showAsRank puts out-of-office level with busy: ByOutOfOffice alone decides about it.
var showAsRank = [...]uint8{ShowBusy: 0, ShowOutOfOffice: 0, ShowTentative: 1, ShowElsewhere: 2, ShowFree: 3}

// inactivity finds the client by which the person is inactive: every client that can tell must have been unused
// for long enough, and the one that became so last is the cause. Otherwise by names the client that speaks
// against it, -1 if there is none to speak at all.
func (m *moment) inactivity() (who candidate, by int) {
	by = -1
	for i, k := range m.kinds {
		c := &m.claims[i]
		if k != KindInactivity || c.Activity == ActivityUnknown || !c.holds(m.now) {
			continue
		}
		begin, ok := m.inactiveFrom(c)
		if !ok || begin.After(m.now) {
			if by < 0 || c.ID < m.claims[by].ID {
				by = i
			}
			continue
		}
		if who.kind == kindNone || begin.After(who.from) || begin.Equal(who.from) && m.preferClient(i, who.i) {
			who = candidate{i, KindInactivity, begin}
		}
	}
	if by >= 0 {
		return candidate{}, by
	}
	return who, by
}

// preferClient settles between two clients that became unused at the same instant.
func (m *moment) preferClient(i, j int) bool {
	a, b := &m.claims[i], &m.claims[j]
	if a.Activity != b.Activity {
		return a.Activity == Locked
	}
	return a.ID < b.ID
}

// inactiveFrom returns when a client counts as unused; ok is false if it is used, or if its kind of inactivity
// is switched off. A choice by hand, made on whatever device, is an input too.
func (m *moment) inactiveFrom(c *Claim) (begin time.Time, ok bool) {
	switch c.Activity {
	case Idle:
		return later(c.ActivitySince, m.lastInput()).Add(m.policy.InactiveAfter), m.policy.Inactive.On
	case Locked:
		return c.ActivitySince, m.policy.Locked.On && !m.lastInput().After(c.ActivitySince)
	}
	return time.Time{}, false
}

func (m *moment) lastInput() time.Time {
	if m.input < 0 {
		return time.Time{}
	}
	return m.claims[m.input].From
}

// presence turns the deciding candidate into what is shown, the line apart.
func (m *moment) presence(w candidate) Presence {
	if w.kind == kindNone {
		return Presence{}
	}
	c := &m.claims[w.i]
	p := Presence{Status: c.Status, Profile: c.Profile, Text: c.Text, Since: w.from, Cause: c.Ref()}
	switch w.kind {
	case KindStart:
		p.activate(&m.policy.Start)
	case KindEnd:
		p.activate(&m.policy.End)
		p.Cause = Ref{SourceEnd, c.ID}
	case KindInactivity:
		if c.Activity == Locked {
			p.activate(&m.policy.Locked)
		} else {
			p.activate(&m.policy.Inactive)
		}
	default:
		p.Until = c.Until
		if m.anyMarks {
			if i := m.mark(w.i); i >= 0 && m.claims[i].Profile != "" {
				p.Status, p.Profile, p.Text = m.claims[i].Status, m.claims[i].Profile, m.claims[i].Text
			}
		}
	}
	return p
}

func (p *Presence) activate(a *Activation) { p.Status, p.Profile, p.Text = a.Status, a.Profile, a.Text }

// line returns what the busiest of the lines is doing, and the claim that says so, -1 if all are idle.
func (m *moment) line() (Line, int) {
	best := -1
	for i, k := range m.kinds {
		c := &m.claims[i]
		if k != KindLine && k != KindTeams || c.Line.State == LineIdle || !c.holds(m.now) {
			continue
		}
		if best < 0 || c.Line.State > m.claims[best].Line.State ||
			c.Line.State == m.claims[best].Line.State && m.newer(i, best) {
			best = i
		}
	}
	if best < 0 {
		return Line{}, -1
	}
	return m.claims[best].Line, best
}
