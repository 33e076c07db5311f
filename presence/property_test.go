package presence

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	// Many small offices rather than few: what goes wrong needs three or four claims that meet at one instant.
	// testdata is published, so a failing office is printed and not kept there.
	for name, value := range map[string]string{"rapid.checks": "1000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// step is the distance of the instants that claims of a random office begin and end at: so few that they often meet.
const step = 10 * time.Minute

const steps = 12

func instant(n int) time.Time { return monday.Add(time.Duration(n) * step) }

// instants returns every boundary of a random office, the moments just before and between, and one long after.
func instants() (all []time.Time) {
	for n := range 3*steps + 1 {
		at := instant(n)
		all = append(all, at.Add(-1), at, at.Add(step/2))
	}
	return append(all, monday.AddDate(0, 1, 0))
}

// boundaries returns the instants at which alone claims of a random office begin and end.
func boundaries() (all []time.Time) {
	for n := range 2 * steps {
		all = append(all, instant(n))
	}
	return all
}

var everyInstant, everyBoundary = instants(), boundaries()

func drawInstant(t *rapid.T, label string) time.Time {
	return instant(rapid.IntRange(0, steps).Draw(t, label))
}

// Names of claims by subject. An office speaks of all of them, or of few, so that those meet more often.
var (
	choiceRefs = []Ref{
		{SourceHand, ChoiceID}, {SourceHand, TimedID}, {"assistant/bea", ChoiceID}, {"assistant/bea", TimedID}, {"assistant/cem", ChoiceID},
	}
	clientRefs = []Ref{
		{SourceClient, "desk"}, {SourceClient, "tab"}, {SourceClient, "phone"},
		{SourceStart, ""}, {SourceEnd, "laptop"}, {SourceEnd, "tablet"},
	}
	calendarRefs = []Ref{
		{SourceCalendar, "a"}, {SourceCalendar, "b"}, {"calendar/shared", "a"}, {"calendar/shared", "c"}, {SourceMark, "1"}, {SourceMark, "2"},
	}
	liveRefs = []Ref{
		{SourceTeams, "c1"}, {SourceTeams, "c2"}, {SourceMicrophone, "teams"}, {"microphone/laptop", "zoom"}, {SourceMark, "1"}, {SourceMark, "3"},
	}
	otherRefs = []Ref{
		{"api/door", "slot"}, {"api/clock", "slot"}, {"line/desk", "1"}, {"line/desk", "2"}, {"line/mobile", "1"}, {"weather", "rain"},
	}
	subjects = [][]Ref{
		slices.Concat(choiceRefs, clientRefs, calendarRefs, liveRefs, otherRefs),
		slices.Concat(choiceRefs, clientRefs),
		slices.Concat(choiceRefs[:2], calendarRefs),
		slices.Concat(choiceRefs[:3], calendarRefs, liveRefs),
		slices.Concat(choiceRefs, clientRefs, otherRefs),
	}
	markable = rapid.SampledFrom([]Ref{
		{SourceCalendar, "a"}, {SourceCalendar, "b"}, {"calendar/shared", "a"}, {SourceTeams, "c1"},
		{SourceMicrophone, "teams"}, {SourceHand, TimedID}, {SourceHand, ChoiceID},
	})
	allStatuses = rapid.SampledFrom(append(Statuses(), Available, Available, DoNotDisturb, DoNotDisturb))
	calls       = rapid.SampledFrom([]string{"", "c1", "c2"})
)

// drawClaim draws a claim of one of the names.
func drawClaim(t *rapid.T, refs []Ref) Claim {
	ref := rapid.SampledFrom(refs).Draw(t, "claim")
	c := Claim{Source: ref.Source, ID: ref.ID, From: drawInstant(t, "from")}
	end := func(label string) time.Time {
		if rapid.IntRange(0, 2).Draw(t, label+"?") == 0 {
			return time.Time{}
		}
		return c.From.Add(time.Duration(rapid.IntRange(1, 6).Draw(t, label)) * step)
	}
	class := ref.Source.Class()
	switch class {
	case SourceEnd, SourceStart:
	case SourceClient:
		c.Until, c.Lease = end("until"), end("lease")
		c.Activity = rapid.SampledFrom([]Activity{ActivityUnknown, Active, Idle, Idle, Locked}).Draw(t, "activity")
		c.ActivitySince = c.From.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "unused since")) * step)
	case SourceMark:
		c.Mark = rapid.SampledFrom([]Mark{NoMark, Dismiss, Restore, Restore}).Draw(t, "mark")
		c.Target = markable.Draw(t, "target")
		c.Until = end("until")
		if c.Call = calls.Draw(t, "call"); c.Mark == Restore && rapid.Bool().Draw(t, "with profile") {
			c.Profile, c.Status = "another", allStatuses.Draw(t, "status")
		}
	default:
		c.Status, c.Text = allStatuses.Draw(t, "status"), ref.String()
		if isHand := class == SourceHand || class == SourceAssistant; !isHand {
			c.Until = end("until")
		} else if ref.ID == TimedID {
			c.Until = c.From.Add(time.Duration(rapid.IntRange(1, 6).Draw(t, "until")) * step)
		}
		c.Lease = end("lease")
	}
	switch class {
	case SourceCalendar:
		c.ShowAs = rapid.SampledFrom([]ShowAs{ShowBusy, ShowBusy, ShowOutOfOffice, ShowTentative, ShowElsewhere}).Draw(t, "show as")
		c.AllDay = rapid.Bool().Draw(t, "all day")
	case SourceTeams, SourceMicrophone:
		c.Call = calls.Draw(t, "call")
	}
	if class == SourceLine || class == SourceTeams {
		c.Line = Line{State: rapid.SampledFrom([]LineState{LineIdle, LineRinging, LineOnThePhone}).Draw(t, "line"), Other: ref.String()}
	}
	return c
}

func drawClaims(t *rapid.T, label string, most int) (claims []Claim) {
	refs := rapid.SampledFrom(subjects).Draw(t, label+" about")
	for range rapid.IntRange(0, most).Draw(t, label) {
		claims = put(claims, drawClaim(t, refs))
	}
	return claims
}

func drawPolicy(t *rapid.T) *Policy {
	activation := func(label string, statuses ...Status) Activation {
		return Activation{
			On:     rapid.IntRange(0, 3).Draw(t, label) > 0,
			Status: rapid.SampledFrom(statuses).Draw(t, label+" status"),
			Text:   label,
		}
	}
	return &Policy{
		Off:           rapid.IntRange(0, 30).Draw(t, "off") == 30,
		Start:         activation("start", Available, Available, Busy),
		End:           activation("end", Unavailable, LoggedOut, Available),
		Inactive:      activation("inactive", BeRightBack, Unavailable),
		Locked:        activation("locked", BeRightBack, Busy),
		InactiveAfter: time.Duration(rapid.IntRange(0, 2).Draw(t, "after")) * step,
	}
}

func drawOffice(t *rapid.T) ([]Claim, *Policy) {
	return drawClaims(t, "claims", 14), drawPolicy(t)
}

// show prints claims for a failure, a line each.
func show(claims []Claim) string {
	var b strings.Builder
	for _, c := range claims {
		fmt.Fprintf(&b, "\n  %-22s %-14s %s..%s lease %s", c.Ref(), c.Status, clock(c.From), clock(c.Until), clock(c.Lease))
		switch c.Source.Class() {
		case SourceClient:
			fmt.Fprintf(&b, " %s since %s", c.Activity, clock(c.ActivitySince))
		case SourceMark:
			fmt.Fprintf(&b, " %s %s call %q profile %q", c.Mark, c.Target, c.Call, c.Profile)
		case SourceCalendar:
			fmt.Fprintf(&b, " %s all day %t", c.ShowAs, c.AllDay)
		case SourceTeams, SourceMicrophone:
			fmt.Fprintf(&b, " call %q line %s", c.Call, c.Line.State)
		}
	}
	return b.String()
}

func TestOrderOfClaimsNeverMatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		shuffled := rapid.Permutation(claims).Draw(t, "shuffled")
		byRef := func(a, b Ref) int { return cmp.Compare(a.String(), b.String()) }
		for _, now := range everyBoundary {
			if got, want := Resolve(shuffled, policy, now), Resolve(claims, policy, now); !got.Equal(want) {
				t.Fatalf("at %s shown %+v or %+v for%s", clock(now), got, want, show(claims))
			}
			got, gotOK := NextChange(shuffled, policy, now)
			if want, ok := NextChange(claims, policy, now); gotOK != ok || !got.Equal(want) {
				t.Fatalf("at %s next change %s or %s for%s", clock(now), clock(got), clock(want), show(claims))
			}
			if got, want := Explain(shuffled, policy, now, 3), Explain(claims, policy, now, 3); !reflect.DeepEqual(got, want) {
				t.Fatalf("at %s explained\n%+v\nor\n%+v for%s", clock(now), got, want, show(claims))
			}
			gone, want := Spent(shuffled, now), Spent(claims, now)
			slices.SortFunc(gone, byRef)
			slices.SortFunc(want, byRef)
			if !slices.Equal(gone, want) {
				t.Fatalf("at %s spent %v or %v for%s", clock(now), gone, want, show(claims))
			}
		}
	})
}

func TestNothingChangesBeforeNextChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		for i, now := range everyInstant {
			next, ok := NextChange(claims, policy, now)
			if ok && !next.After(now) {
				t.Fatalf("at %s next change %s", clock(now), clock(next))
			}
			want := Resolve(claims, policy, now)
			for _, at := range everyInstant[i+1:] {
				if ok && !at.Before(next) {
					break
				}
				if got := Resolve(claims, policy, at); !got.Equal(want) {
					t.Fatalf("at %s next change %s (%t), but at %s %+v became %+v for%s",
						clock(now), clock(next), ok, clock(at), want, got, show(claims))
				}
			}
		}
	})
}

// TestResolveEqualsModel also takes away what won: what remains must be what the other claims come to.
func TestResolveEqualsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		for _, now := range everyInstant[:4*steps] {
			for left := claims; ; {
				got, want := Resolve(left, policy, now), model(left, policy, now)
				if !got.Equal(want) {
					t.Fatalf("at %s shown %+v, the model says %+v for%s", clock(now), got, want, show(left))
				}
				if got.Cause == (Ref{}) {
					break
				}
				without := without(left, []Ref{got.Cause})
				if got.Cause.Source == SourceEnd && len(without) == len(left) { // worked out from the client
					without = withoutClient(left, got.Cause.ID)
				}
				if len(without) == len(left) {
					t.Fatalf("at %s shown by %s, which nobody claims:%s", clock(now), got.Cause, show(left))
				}
				left = without
			}
		}
	})
}

func withoutClient(claims []Claim, id string) []Claim {
	return without(claims, []Ref{{SourceClient, id}})
}

func TestDoNotDisturbByHandIsNeverWeakened(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all, policy := drawOffice(t)
		policy.Off = false
		from := drawInstant(t, "do not disturb from")
		dnd := Choose(SourceHand, DoNotDisturb, "", "", from, time.Time{})
		if rapid.Bool().Draw(t, "timed") {
			dnd = Choose(SourceHand, DoNotDisturb, "", "", from, from.Add(3*step))
		}
		var claims []Claim
		for _, c := range all {
			switch class := c.Source.Class(); {
			case (class == SourceHand || class == SourceAssistant) && !c.From.Before(from): // another choice
			case class == SourceMark && c.Mark == Restore && !c.From.Before(from) && !ahead(all, c): // brought back in spite of it
			case class == SourceEnd && c.From.After(from):
			default:
				claims = append(claims, c)
			}
		}
		claims = put(claims, dnd)
		ended := false
		for _, now := range everyInstant {
			if now.Before(from) {
				continue
			}
			if dnd.Timed() && !now.Before(dnd.Until) {
				break
			}
			running, endedSince := false, false
			for _, c := range claims {
				if c.Source == SourceClient && !c.From.After(now) {
					running = running || within(c, now)
					endedSince = endedSince || !within(c, now) && c.End().After(from)
				}
			}
			ended = ended || endedSince && !running
			if ended && policy.End.On && !dnd.Timed() {
				break
			}
			if p := Resolve(claims, policy, now); p.Status != DoNotDisturb || p.Cause != dnd.Ref() || !p.Since.Equal(from) {
				t.Fatalf("at %s shown %+v in spite of do not disturb from %s for%s", clock(now), p, clock(from), show(claims))
			}
		}
	})
}

// ahead reports whether a mark was made before everything that it is about.
func ahead(claims []Claim, mark Claim) bool {
	return !slices.ContainsFunc(claims, func(c Claim) bool {
		about := c.Ref() == mark.Target || mark.Call != "" && c.Call == mark.Call
		return about && c.Source != SourceMark && !mark.From.Before(c.From)
	})
}

func TestEveryClaimEndsWithItsLease(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		for _, now := range everyInstant {
			p := Resolve(claims, policy, now)
			for _, c := range claims {
				if end := c.End(); end.IsZero() || now.Before(end) {
					continue
				}
				if p.Cause == c.Ref() || c.Line.Other != "" && p.Line.Other == c.Line.Other {
					t.Fatalf("at %s shown %+v by %s, which ended at %s:%s", clock(now), p, c.Ref(), clock(c.End()), show(claims))
				}
			}
		}
		// After the last lease only what has no end is left, and the end of the last client.
		var endless []Claim
		for _, c := range claims {
			if c.End().IsZero() {
				endless = append(endless, c)
			}
		}
		now := everyInstant[len(everyInstant)-1]
		got, want := Resolve(claims, policy, now), Resolve(endless, policy, now)
		if got.Line != want.Line {
			t.Fatalf("long after, the line is %+v, want %+v for%s", got.Line, want.Line, show(claims))
		}
		if c := got.Cause; c.Source != SourceEnd && c != (Ref{}) && !slices.ContainsFunc(endless, func(x Claim) bool { return x.Ref() == c }) {
			t.Fatalf("long after, shown %+v for%s", got, show(claims))
		}
	})
}

func TestSpentNeverMattersAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		further := drawClaims(t, "further", 6) // new ones, and old ones asserted again
		for n := range steps {
			now := instant(n)
			all, kept := claims, without(claims, Spent(claims, now))
			later := now
			for _, c := range further {
				if c.From.Before(now) {
					continue
				}
				if class := c.Source.Class(); class == SourceHand || class == SourceAssistant {
					c.Lease = time.Time{} // a later choice stands until the next
				}
				later = maxTime(later, c.From)
				all, kept = put(all, c), put(kept, c)
			}
			for _, at := range everyInstant {
				if at.Before(later) {
					continue
				}
				if got, want := Resolve(kept, policy, at), Resolve(all, policy, at); !got.Equal(want) {
					t.Fatalf("spent at %s, yet it matters at %s: %+v without, %+v with\nkept:%s\nall:%s",
						clock(now), clock(at), got, want, show(kept), show(all))
				}
			}
		}
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestExplainAgreesWithResolve(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		for _, now := range everyBoundary {
			e := Explain(claims, policy, now, 4)
			if want := Resolve(claims, policy, now); !e.Presence.Equal(want) {
				t.Fatalf("at %s explained %+v, shown %+v", clock(now), e.Presence, want)
			}
			if policy.Off {
				return
			}
			if problem := checkEntries(claims, &e); problem != "" {
				t.Fatalf("at %s %s:\n%+v\nfor%s", clock(now), problem, e.Entries, show(claims))
			}
			at, p := now, e.Presence
			for _, next := range e.Next {
				if !next.At.After(at) || next.Presence.Equal(p) {
					t.Fatalf("at %s a coming change that is none: %+v for%s", clock(now), e.Next, show(claims))
				}
				if before := Resolve(claims, policy, next.At.Add(-1)); !before.Equal(p) {
					t.Fatalf("at %s a change is missing before %s: %+v for%s", clock(now), clock(next.At), before, show(claims))
				}
				if at, p = next.At, next.Presence; !p.Equal(Resolve(claims, policy, at)) {
					t.Fatalf("at %s announced %+v for %s for%s", clock(now), p, clock(at), show(claims))
				}
			}
			if last := everyInstant[len(everyInstant)-1]; len(e.Next) < 4 && !Resolve(claims, policy, last).Equal(p) {
				t.Fatalf("at %s %d changes announced, not all for%s", clock(now), len(e.Next), show(claims))
			}
		}
	})
}

// checkEntries returns what is wrong with an explanation, empty if nothing is.
func checkEntries(claims []Claim, e *Explanation) string {
	told := map[Ref]bool{}
	winners, lines := 0, 0
	for _, x := range e.Entries {
		ref := x.Claim.Ref()
		told[ref] = true
		told[Ref{SourceClient, ref.ID}] = told[Ref{SourceClient, ref.ID}] || ref.Source == SourceEnd
		known := x.By == (Ref{}) || x.By.Source == SourceEnd ||
			slices.ContainsFunc(claims, func(c Claim) bool { return c.Ref() == x.By })
		standing := within(x.Claim, e.At)
		switch {
		case !known:
			return fmt.Sprintf("%s lost against %s, which nobody claims", ref, x.By)
		case x.Outcome == 0 || strings.HasPrefix(x.Outcome.String(), "invalid"):
			return fmt.Sprintf("%s has no outcome", ref)
		case standing && (x.Outcome == NotYet || x.Outcome == Over || x.Outcome == LeaseOver):
			return fmt.Sprintf("%s stands but is told as %s", ref, x.Outcome)
		case !standing && x.Outcome != NotYet && x.Outcome != Over && x.Outcome != LeaseOver && x.Outcome != Note && x.Outcome != NotRanked:
			return fmt.Sprintf("%s does not stand but is told as %s", ref, x.Outcome)
		case x.Outcome == WeakerInLayer && x.Criterion == criterionNone:
			return fmt.Sprintf("%s lost in its layer by no criterion", ref)
		}
		switch x.Outcome {
		case Won:
			winners++
			p := e.Presence
			if ref != p.Cause || x.Status != p.Status || x.Text != p.Text || x.Profile != p.Profile {
				return fmt.Sprintf("%s is told as winner of %+v", ref, p)
			}
		case LaidOver:
			lines++
		case WeakerLayer, WeakerInLayer:
			if x.By != e.Presence.Cause {
				return fmt.Sprintf("%s lost against %s, which did not win", ref, x.By)
			}
		case DismissedByChoice, DismissedByHand, Shielded, SameCall:
			if x.By == (Ref{}) {
				return fmt.Sprintf("%s is %s by nobody", ref, x.Outcome)
			}
		}
	}
	for _, c := range claims {
		if !told[c.Ref()] {
			return fmt.Sprintf("%s is not told", c.Ref())
		}
	}
	if want := e.Presence.Cause != (Ref{}); winners > 1 || (winners == 1) != want {
		return fmt.Sprintf("%d winners of %+v", winners, e.Presence)
	}
	if lines > 1 || lines == 1 && e.Presence.Line.State == LineIdle {
		return fmt.Sprintf("%d lines laid over %+v", lines, e.Presence)
	}
	return ""
}

func TestShownGoesOnInManySteps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		start := drawInstant(t, "from")
		whole := Shown{}.Advance(claims, policy, start)
		stepped := whole
		end := instant(3 * steps)
		for _, at := range everyInstant {
			if !at.After(start) || at.After(end) || rapid.IntRange(0, 3).Draw(t, "pause") > 0 {
				continue
			}
			stepped = stepped.Advance(claims, policy, at)
			if rapid.Bool().Draw(t, "stored") {
				stepped = reload(stepped)
			}
			if p := Resolve(claims, policy, at); stepped.Status != p.Status || stepped.Off != p.Off {
				t.Fatalf("at %s shown %+v, resolved %+v for%s", clock(at), stepped, p, show(claims))
			}
		}
		whole, stepped = whole.Advance(claims, policy, end), stepped.Advance(claims, policy, end)
		if whole != stepped || !whole.SameAs(stepped) {
			t.Fatalf("in one go %+v, in many %+v for%s", whole, stepped, show(claims))
		}
	})
}

// reload does with a Shown what storing and reading it does.
func reload(s Shown) Shown {
	read := Shown{At: s.At, Off: s.Off, Status: s.Status, Since: s.Since}
	if status, since, ok := s.Covered(); ok {
		read = read.WithCovered(status, since)
	}
	return read
}

// TestStatusSinceStaysWithTheStatus follows the status alone, from boundary to boundary.
func TestStatusSinceStaysWithTheStatus(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for range 5 { // it takes more offices than elsewhere until one has a case to tell
			claims, policy := drawOffice(t)
			checkSince(t, claims, policy)
		}
	})
}

func checkSince(t *rapid.T, claims []Claim, policy *Policy) {
	before := Shown{}.Advance(claims, policy, monday.Add(-step))
	begun := []Shown{before} // each status that was shown, as of its beginning
	for _, at := range everyInstant {
		if !at.After(before.At) {
			continue
		}
		s := before.Advance(claims, policy, at)
		same := s.Status == before.Status && s.Off == before.Off
		switch {
		case same && !s.Since.Equal(before.Since) && !changedBetween(claims, policy, before.At, at):
			t.Fatalf("at %s still %s, but since %s instead of %s for%s", clock(at), s.Status, clock(s.Since), clock(before.Since), show(claims))
		case !same:
			// Either it begins now, or an Available that inactivity alone had covered goes on.
			goesOn := s.Status == Available && slices.ContainsFunc(begun, func(x Shown) bool { return x.Status == Available && x.Since.Equal(s.Since) })
			if inBetween := s.Since.After(before.At) && !s.Since.After(at); !inBetween && !goesOn {
				t.Fatalf("from %s %s, at %s %s since %s for%s", clock(before.At), before.Status, clock(at), s.Status, clock(s.Since), show(claims))
			}
			if goesOn && !s.Since.After(before.At) && !onlyInactiveSince(claims, policy, s.Since, at) {
				t.Fatalf("at %s available since %s, but something else was shown meanwhile for%s", clock(at), clock(s.Since), show(claims))
			}
			begun = append(begun, s)
		}
		before = s
	}
}

func changedBetween(claims []Claim, policy *Policy, from, to time.Time) bool {
	status := Resolve(claims, policy, from).Status
	for at := from; ; {
		next, ok := NextChange(claims, policy, at)
		if !ok || next.After(to) {
			return false
		}
		if at = next; Resolve(claims, policy, at).Status != status {
			return true
		}
	}
}

// onlyInactiveSince reports whether nothing but Available and inactivity was shown in [from, to].
func onlyInactiveSince(claims []Claim, policy *Policy, from, to time.Time) bool {
	for at := from; !at.After(to); {
		if p := Resolve(claims, policy, at); p.Status != Available && p.Cause.Source != SourceClient {
			return false
		}
		next, ok := NextChange(claims, policy, at)
		if !ok {
			return true
		}
		at = next
	}
	return true
}

// TestDaysOfClients lives through random days of clients and choices by the functions that the hub uses, and keeps
// its own account of who runs. One set of claims is pruned with Spent as it goes.
func TestDaysOfClients(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := defaultPolicy()
		policy.Start.On = rapid.IntRange(0, 3).Draw(t, "start") > 0
		policy.End.On = rapid.IntRange(0, 3).Draw(t, "end") > 0
		d := day{policy: &policy, now: monday, runsUntil: map[string]time.Time{}}
		var story strings.Builder
		for range rapid.IntRange(1, 16).Draw(t, "events") {
			d.pass(t, time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes"))*time.Minute, &story)
			fmt.Fprintf(&story, "\n  %s %s", clock(d.now), d.event(t))
			if rapid.IntRange(0, 2).Draw(t, "prune") == 0 {
				d.pruned = without(d.pruned, Spent(d.pruned, d.now))
				for i, c := range d.pruned {
					if c.Source == SourceClient && c.Until.IsZero() && !within(c, d.now) {
						d.pruned[i] = Lapse(c)
					}
				}
			}
			d.check(t, &story)
		}
		d.pass(t, 24*time.Hour, &story)
	})
}

type day struct {
	policy    *Policy
	now       time.Time
	claims    []Claim
	pruned    []Claim
	runsUntil map[string]time.Time // client and the end of its lease
	chosen    *Claim               // the latest choice
	ended     time.Time            // the latest end of the last client that nobody came back from
	endBefore time.Time            // what ended was at the latest start
	started   bool
}

func (d *day) running() (n int) {
	for _, until := range d.runsUntil {
		if d.now.Before(until) {
			n++
		}
	}
	return n
}

// pass lets time go by and checks on the way.
func (d *day) pass(t *rapid.T, by time.Duration, story *strings.Builder) {
	for to := d.now.Add(by); d.now.Before(to); {
		d.now = d.now.Add(min(5*time.Minute, to.Sub(d.now)))
		d.lapse()
		d.check(t, story)
	}
}

// lapse notices leases that have passed.
func (d *day) lapse() {
	var last time.Time
	for _, until := range d.runsUntil {
		last = maxTime(last, until)
	}
	if d.started && d.running() == 0 && last.After(d.ended) {
		d.ended = last
	}
}

func (d *day) event(t *rapid.T) string {
	id := rapid.SampledFrom([]string{"desk", "laptop", "tab"}).Draw(t, "client")
	far := d.now.AddDate(0, 1, 0)
	until, known := d.runsUntil[id]
	switch rapid.SampledFrom([]string{"start", "start", "lost", "end", "end", "choose", "assistant"}).Draw(t, "event") {
	case "start":
		back := known && d.now.Before(until.Add(ResumeWithin))
		if !back && d.running() == 0 {
			d.endBefore = d.ended
			d.started = true
		}
		for _, c := range StartClient(d.claims, id, "", d.now, far) {
			d.claims = put(d.claims, c)
		}
		for _, c := range StartClient(d.pruned, id, "", d.now, far) {
			d.pruned = put(d.pruned, c)
		}
		d.runsUntil[id] = far
		d.ended = d.endBefore // it came back, or the end is in the past
		return "start " + id
	case "lost":
		if known && d.now.Before(until) {
			for i := range d.claims {
				if c := d.claims[i]; c.Ref() == (Ref{SourceClient, id}) {
					c.Lease = d.now.Add(grace)
					d.claims, d.pruned = put(d.claims, c), put(d.pruned, c)
				}
			}
			d.runsUntil[id] = d.now.Add(grace)
			return "lost " + id
		}
	case "end":
		if c, ok := EndClient(d.claims, id, d.now); ok {
			d.claims, d.pruned = put(d.claims, c), put(d.pruned, c)
			d.runsUntil[id] = d.now
			d.lapse()
			delete(d.runsUntil, id) // a session that was ended does not come back
			return "end " + id
		}
	case "choose", "assistant":
		by := SourceHand
		if rapid.IntRange(0, 3).Draw(t, "by") == 0 {
			by = "assistant/bea"
		}
		var end time.Time
		if rapid.IntRange(0, 2).Draw(t, "timed") == 0 {
			end = d.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "until")) * time.Minute)
		}
		c := Choose(by, rapid.SampledFrom([]Status{DoNotDisturb, DoNotDisturb, Available, Busy}).Draw(t, "status"), "", "", d.now, end)
		d.claims, d.pruned = put(d.claims, c), put(d.pruned, c)
		d.chosen = &c
		return fmt.Sprintf("%s chooses %s until %s", by, c.Status, clock(end))
	}
	return "nothing"
}

func (d *day) check(t *rapid.T, story *strings.Builder) {
	got := Resolve(d.claims, d.policy, d.now)
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("at %s shown %+v: %s\nstory:%s\nclaims:%s", clock(d.now), got, fmt.Sprintf(format, args...), story, show(d.claims))
	}
	if pruned := Resolve(d.pruned, d.policy, d.now); !pruned.Equal(got) {
		fail("after pruning %+v from%s", pruned, show(d.pruned))
	}
	if d.running() > 0 && d.policy.Start.On && got.Cause.Source == SourceEnd {
		fail("%d clients run", d.running())
	}
	if d.chosen == nil || !within(*d.chosen, d.now) {
		return
	}
	left := d.policy.End.On && d.ended.After(d.chosen.From) && !d.chosen.Timed()
	if d.chosen.Status == DoNotDisturb && !left && (got.Status != DoNotDisturb || got.Cause != d.chosen.Ref()) {
		fail("do not disturb stands since %s", clock(d.chosen.From))
	}
	if left && got.Cause == d.chosen.Ref() {
		fail("the last client ended at %s, after the choice of %s", clock(d.ended), clock(d.chosen.From))
	}
	if left && d.running() == 0 && got.Cause.Source != SourceEnd {
		fail("the last client ended at %s", clock(d.ended))
	}
}

// TestExplainListsTheStrongestFirst takes away the winner: the one that takes its place must be the strongest of
// those listed as having lost.
func TestExplainListsTheStrongestFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims, policy := drawOffice(t)
		for _, now := range everyBoundary {
			e := Explain(claims, policy, now, 0)
			if e.Presence.Cause.Source.Class() != SourceCalendar {
				continue // whatever else is taken away changes what others come to
			}
			next := Resolve(without(claims, []Ref{e.Presence.Cause}), policy, now).Cause
			for _, x := range e.Entries {
				if x.Outcome == WeakerInLayer {
					if x.Claim.Ref() != next {
						t.Fatalf("at %s %s listed after the winner %s, but %s takes its place for%s",
							clock(now), x.Claim.Ref(), e.Presence.Cause, next, show(claims))
					}
					break
				}
			}
		}
	})
}
