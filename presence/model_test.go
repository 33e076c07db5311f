package presence

import (
	"cmp"
	"slices"
	"time"
)

// model is P4 once more, written to be read and not to be fast: collect what competes in each layer, sort, take the
// first. It shares no decision with Resolve, which must always agree with it.
func model(claims []Claim, policy *Policy, now time.Time) Presence {
	if policy.Off {
		return Presence{Off: true}
	}
	o := office{claims: claims, policy: policy, now: now}
	var p Presence
	base := first(o.base())
	switch live, appointment := first(o.live()), first(o.appointments()); {
	case live != nil:
		p = *live
	case appointment != nil:
		p = *appointment
	case base != nil && base.Status == Available && o.unused() != nil:
		p = *o.unused()
	case base != nil:
		p = *base
	}
	p.Line = o.line()
	return p
}

func first(ps []Presence) *Presence {
	if len(ps) == 0 {
		return nil
	}
	return &ps[0]
}

type office struct {
	claims []Claim
	policy *Policy
	now    time.Time
}

// of returns the claims of the classes that stand now.
func (o *office) of(classes ...Source) (standing []Claim) {
	for _, c := range o.claims {
		if slices.Contains(classes, c.Source.Class()) && within(c, o.now) {
			standing = append(standing, c)
		}
	}
	return standing
}

func within(c Claim, at time.Time) bool {
	return !at.Before(c.From) && (c.Until.IsZero() || at.Before(c.Until)) && (c.Lease.IsZero() || at.Before(c.Lease))
}

func isTimed(c Claim) bool { return !c.Until.IsZero() }

// choices returns all choices made so far, whether they stand or not, the newest first.
func (o *office) choices() (made []Claim) {
	for _, c := range o.claims {
		if class := c.Source.Class(); (class == SourceHand || class == SourceAssistant) && !c.From.After(o.now) {
			made = append(made, c)
		}
	}
	slices.SortFunc(made, func(a, b Claim) int {
		return cmp.Or(
			b.From.Compare(a.From),
			yesFirst(a.Source.Class() == SourceHand, b.Source.Class() == SourceHand),
			yesFirst(isTimed(a), isTimed(b)),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return made
}

func yesFirst(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// ends returns every end of a last client that is known, as claims of SourceEnd.
func (o *office) ends() (ends []Claim) {
	ends = o.of(SourceEnd)
	if len(o.of(SourceClient)) > 0 {
		return ends
	}
	var over []Claim
	for _, c := range o.claims {
		if c.Source.Class() == SourceClient && !c.From.After(o.now) {
			over = append(over, Claim{Source: SourceEnd, ID: c.ID, From: c.End()})
		}
	}
	slices.SortFunc(over, func(a, b Claim) int { return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.ID, b.ID)) })
	return append(ends, over[:min(1, len(over))]...)
}

// undisturbed returns the do not disturb that is in force; nil if there is none.
func (o *office) undisturbed() *Claim {
	made := o.choices()
	if len(made) == 0 {
		return nil
	}
	held := made[0]
	if !within(held, o.now) {
		i := slices.IndexFunc(made, func(c Claim) bool { return !isTimed(c) && within(c, o.now) })
		if i < 0 {
			return nil
		}
		held = made[i]
	}
	if held.Status != DoNotDisturb {
		return nil
	}
	if !isTimed(held) && o.policy.End.On {
		for _, end := range o.ends() {
			if end.From.After(held.From) {
				return nil
			}
		}
	}
	return &held
}

// marked returns the latest decision about an entry.
func (o *office) marked(c Claim) *Claim {
	var about []Claim
	for _, m := range o.of(SourceMark) {
		if m.Mark != NoMark && (m.Target == c.Ref() || m.Call != "" && m.Call == c.Call) {
			about = append(about, m)
		}
	}
	if len(about) == 0 {
		return nil
	}
	slices.SortFunc(about, func(a, b Claim) int {
		return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return &about[0]
}

// counts reports whether an entry that began at begin is neither dismissed nor kept out by do not disturb.
func (o *office) counts(c Claim, begin time.Time) bool {
	mark := o.marked(c)
	dismissed := false
	var chosen time.Time
	if made := o.choices(); len(made) > 0 && !made[0].From.Before(begin) {
		dismissed, chosen = true, made[0].From
	}
	if mark != nil && !mark.From.Before(chosen) {
		dismissed = mark.Mark == Dismiss
	}
	if dnd := o.undisturbed(); dnd != nil {
		broughtBack := mark != nil && mark.Mark == Restore && !mark.From.Before(c.From) && !mark.From.Before(dnd.From)
		return !dismissed && broughtBack
	}
	return !dismissed
}

func (o *office) live() []Presence {
	var counting []Claim
	calls := o.of(SourceTeams, SourceMicrophone)
	for _, c := range calls {
		begin, speaks := c.From, true
		for _, d := range calls {
			if c.Call == "" || d.Call != c.Call {
				continue
			}
			if d.From.Before(begin) {
				begin = d.From
			}
			speaks = speaks && cmp.Or(
				yesFirst(c.Source.Class() == SourceTeams, d.Source.Class() == SourceTeams),
				d.From.Compare(c.From), cmp.Compare(c.Source, d.Source), cmp.Compare(c.ID, d.ID)) <= 0
		}
		if speaks && o.counts(c, begin) {
			counting = append(counting, c)
		}
	}
	slices.SortFunc(counting, func(a, b Claim) int {
		return cmp.Or(
			b.From.Compare(a.From),
			yesFirst(a.Source.Class() == SourceTeams, b.Source.Class() == SourceTeams),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return o.show(counting)
}

func (o *office) appointments() []Presence {
	made := o.choices()
	if len(made) > 0 && isTimed(made[0]) && within(made[0], o.now) {
		return o.show(made[:1]) // every other timed choice is older and thereby dismissed
	}
	var counting []Claim
	for _, c := range o.of(SourceCalendar) {
		if o.counts(c, c.From) {
			counting = append(counting, c)
		}
	}
	slices.SortFunc(counting, func(a, b Claim) int {
		firmness := []ShowAs{ShowBusy, ShowTentative, ShowElsewhere, ShowFree}
		return cmp.Or(
			yesFirst(a.ShowAs == ShowOutOfOffice, b.ShowAs == ShowOutOfOffice),
			yesFirst(!a.AllDay, !b.AllDay),
			cmp.Compare(slices.Index(firmness, a.ShowAs), slices.Index(firmness, b.ShowAs)),
			b.From.Compare(a.From),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return o.show(counting)
}

// show turns claims into what they show; an appointment may have been given another profile.
func (o *office) show(claims []Claim) (shown []Presence) {
	for _, c := range claims {
		p := Presence{Status: c.Status, Profile: c.Profile, Text: c.Text, Since: c.From, Until: c.Until, Cause: c.Ref()}
		class := c.Source.Class()
		if m := o.marked(c); m != nil && m.Profile != "" && (class == SourceCalendar || class == SourceTeams || class == SourceMicrophone) {
			p.Status, p.Profile, p.Text = m.Status, m.Profile, m.Text
		}
		shown = append(shown, p)
	}
	return shown
}

// base returns what the base slots say, the newest first.
func (o *office) base() []Presence {
	dnd := o.undisturbed()
	type slot struct {
		Presence
		class int
	}
	var slots []slot
	for _, p := range o.show(o.of(SourceHand, SourceAssistant, SourceAPI)) {
		class := map[Source]int{SourceHand: 0, SourceAssistant: 1, SourceAPI: 4}[p.Cause.Source.Class()]
		if p.Until.IsZero() || class == 4 { // timed choices are appointments
			slots = append(slots, slot{p, class})
		}
	}
	if on := o.policy.End; on.On {
		for _, c := range o.ends() {
			slots = append(slots, slot{Presence{Status: on.Status, Profile: on.Profile, Text: on.Text, Since: c.From, Cause: c.Ref()}, 2})
		}
	}
	if on := o.policy.Start; on.On {
		for _, c := range o.of(SourceStart) {
			slots = append(slots, slot{Presence{Status: on.Status, Profile: on.Profile, Text: on.Text, Since: c.From, Cause: c.Ref()}, 3})
		}
	}
	slices.SortFunc(slots, func(a, b slot) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.class, b.class),
			cmp.Compare(a.Cause.Source, b.Cause.Source), cmp.Compare(a.Cause.ID, b.Cause.ID))
	})
	var shown []Presence
	for _, s := range slots {
		if dnd == nil || isTimed(*dnd) || s.Cause == dnd.Ref() {
			shown = append(shown, s.Presence)
		}
	}
	return shown
}

// unused returns what inactivity shows: the client that was unused last, if all that can tell have been unused for
// long enough.
func (o *office) unused() *Presence {
	var input time.Time
	for _, c := range o.claims {
		if c.Source == SourceHand && !c.From.After(o.now) && c.From.After(input) {
			input = c.From
		}
	}
	type idle struct {
		Presence
		locked bool
	}
	var all []idle
	for _, c := range o.of(SourceClient) {
		on, from := o.policy.Inactive, c.ActivitySince
		switch c.Activity {
		case ActivityUnknown:
			continue
		case Active:
			return nil
		case Idle:
			if input.After(from) {
				from = input
			}
			from = from.Add(o.policy.InactiveAfter)
		case Locked:
			on = o.policy.Locked
			if input.After(from) {
				return nil
			}
		}
		if !on.On || from.After(o.now) {
			return nil
		}
		all = append(all, idle{Presence{Status: on.Status, Profile: on.Profile, Text: on.Text, Since: from, Cause: c.Ref()}, c.Activity == Locked})
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b idle) int {
		return cmp.Or(b.Since.Compare(a.Since), yesFirst(a.locked, b.locked), cmp.Compare(a.Cause.ID, b.Cause.ID))
	})
	return &all[0].Presence
}

// line returns what the busiest line does, among several the newest.
func (o *office) line() Line {
	var busy []Claim
	for _, c := range o.of(SourceLine, SourceTeams) {
		if c.Line.State != LineIdle {
			busy = append(busy, c)
		}
	}
	if len(busy) == 0 {
		return Line{}
	}
	slices.SortFunc(busy, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(b.Line.State, a.Line.State), b.From.Compare(a.From),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return busy[0].Line
}
