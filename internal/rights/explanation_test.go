package rights

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/presence"
)

// story is a person with claims of every kind, in which every word and every hidden instant stands once.
type story struct {
	vault
	claims []presence.Claim
	policy *presence.Policy
	now    time.Time
	ms     int
}

// instant returns a time that is different from all others of the story, so many minutes from now.
func (s *story) instant(minutes int) time.Time {
	s.ms++
	return s.now.Add(time.Duration(minutes)*time.Minute + time.Duration(s.ms)*time.Millisecond)
}

func (s *story) hidden(what string, minutes int) time.Time {
	return s.vault.instant(what, s.instant(minutes), reads(Own))
}

func drawStory(t *rapid.T) *story {
	s := &story{now: at("2026-03-02T10:00:00Z")}
	settings := reads(Own)
	activation := func(what string, status presence.Status) presence.Activation {
		return presence.Activation{On: rapid.Bool().Draw(t, what), Status: status, Profile: s.text("profile of "+what, settings), Text: s.text("text of "+what, settings)}
	}
	s.policy = &presence.Policy{
		Start: activation("start", presence.Available), End: activation("end", presence.Unavailable),
		Inactive: activation("inactivity", presence.BeRightBack), Locked: activation("lock", presence.BeRightBack), InactiveAfter: 10 * time.Minute,
	}
	minutes := func(label string) int { return rapid.IntRange(-120, 120).Draw(t, label) }
	span := func(c *presence.Claim) {
		from := minutes("from")
		c.From = s.instant(from)
		if rapid.Bool().Draw(t, "has an end") {
			c.Until = s.instant(from + rapid.IntRange(1, 180).Draw(t, "length"))
		}
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "claims") {
		class := rapid.SampledFrom([]presence.Source{
			presence.SourceHand, presence.SourceAssistant, presence.SourceStart, presence.SourceEnd, presence.SourceClient, presence.SourceAPI,
			presence.SourceCalendar, presence.SourceTeams, presence.SourceMicrophone, presence.SourceLine, presence.SourceMark,
		}).Draw(t, "source")
		c := presence.Claim{Source: class, ID: s.text("name of a claim", settings), Status: presence.Status(rapid.IntRange(1, 5).Draw(t, "status"))}
		word := fmt.Sprintf("%s %d", class, i)
		switch class {
		case presence.SourceClient:
			c.Status, c.Label = 0, s.text("label of a client", settings)
			c.From = s.hidden("start of a client", -rapid.IntRange(1, 120).Draw(t, "from"))
			c.Lease = s.hidden("lease of a client", rapid.IntRange(-60, 5).Draw(t, "lease"))
			if c.Activity = presence.Activity(rapid.IntRange(0, 3).Draw(t, "activity")); c.Activity >= presence.Idle {
				c.ActivitySince = s.hidden("last input", -rapid.IntRange(0, 30).Draw(t, "idle"))
				// At the same millisecond past the minute, when it begins to count.
				s.vault.instant("last input and ten minutes", c.ActivitySince.Add(s.policy.InactiveAfter), settings)
			}
		case presence.SourceStart, presence.SourceEnd:
			c.Status = 0
			c.From = s.hidden(word, -rapid.IntRange(1, 120).Draw(t, "from"))
		case presence.SourceMark:
			if len(s.claims) == 0 {
				continue
			}
			c.Status = 0
			c.Target = s.claims[rapid.IntRange(0, len(s.claims)-1).Draw(t, "target")].Ref()
			c.Mark = presence.Mark(rapid.IntRange(1, 2).Draw(t, "mark"))
			c.From, c.Until = s.hidden("start of a mark", -rapid.IntRange(1, 30).Draw(t, "from")), s.hidden("end of a mark", rapid.IntRange(1, 90).Draw(t, "until"))
		case presence.SourceCalendar:
			c.Source += presence.Source("/" + s.text("name of a calendar", settings))
			c.Text, c.Profile = s.text("subject", reads(Subject)), s.text("profile", reads(Text))
			span(&c)
			if c.Until.IsZero() {
				c.Until = c.From.Add(30 * time.Minute)
			}
			c.Lease = s.hidden("lease of a calendar", rapid.IntRange(1, 600).Draw(t, "lease"))
		case presence.SourceLine:
			c.Status = 0
			c.Source += presence.Source("/" + s.text("origin of a line", settings))
			c.Line = presence.Line{State: presence.LineState(rapid.IntRange(1, 2).Draw(t, "state")), Service: s.text("service", reads(Text)), Other: s.text("other party", reads(OtherParty))}
			span(&c)
		default:
			if class == presence.SourceAssistant || class == presence.SourceAPI {
				c.Source += presence.Source("/" + s.text("who made a claim", settings))
			}
			c.Text, c.Profile = s.text("text", reads(Text)), s.text("profile", reads(Text))
			span(&c)
		}
		s.claims = append(s.claims, c)
	}
	return s
}

// facts are those of the story, as the hub has them.
func (s *story) facts() *Facts {
	p := presence.Resolve(s.claims, s.policy, s.now)
	return &Facts{ID: "anna", Presence: p, Shown: presence.Shown{}.Note(p, s.now)}
}

// visible lifts the secrecy of what the level sees of the presence anyway.
func (s *story) visible(l Level, f *Facts) vault {
	out, err := json.Marshal(See(ClassOf(l), f))
	if err != nil {
		panic(err)
	}
	var v vault
	for _, x := range s.all {
		if !strings.Contains(string(out), x.text) {
			v.all = append(v.all, x)
		}
	}
	return v
}

// TestExplanationsShowNobodyMoreThanTheTableSays: no name of a claim, client, calendar, origin or assistant, no lease,
// no input, no mark, and no subject of an appointment that does not decide, in any explanation for a colleague. What
// an automatic activation would show is a setting: colleagues see of it what is shown, and what is sure to come.
func TestExplanationsShowNobodyMoreThanTheTableSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t)
		f := s.facts()
		for _, l := range append(Levels(), Self) {
			seen, ok := Explain(l, f, s.claims, s.policy, s.now, 10)
			if ok != (MayRead(l, Text) && MayRead(l, Times)) {
				t.Fatalf("%s may ask why: %t", l, ok)
			}
			if !ok {
				continue
			}
			v := s.visible(l, f)
			entries := seen
			entries.Next = nil
			v.check(t, l, "explanation", entries)
			for _, next := range seen.Next {
				if !MayRead(l, Own) && next.Presence.Cause == presence.SourceClient && f.Presence.Cause.Source != presence.SourceClient {
					t.Fatalf("%s is told that nobody will have touched the client by then: %+v", l, next)
				}
				// The status that an appointment uncovers is told, with its words: it is what will be shown.
				next.Presence.Text, next.Presence.Profile = "", ""
				v.check(t, l, "what comes next", next)
			}
		}
	})
}

// TestColleaguesCannotTellClientsApart: whatever clients are called, when they were started, and how long their leases
// run, colleagues and assistants are told the same.
func TestColleaguesCannotTellClientsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t)
		other := *s
		other.claims = nil
		for _, c := range s.claims {
			if c.Source == presence.SourceClient && c.Lease.After(s.now) {
				c.Label += " at home"
				c.From = c.From.Add(-time.Hour)
				c.Lease = c.Lease.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "longer")) * time.Second)
			}
			other.claims = append(other.claims, c)
		}
		if !presence.Resolve(s.claims, s.policy, s.now).Equal(presence.Resolve(other.claims, s.policy, s.now)) {
			return // it shows
		}
		f := s.facts()
		for _, l := range []Level{TeamColleague, Assistant} {
			a, _ := Explain(l, f, s.claims, s.policy, s.now, 10)
			b, _ := Explain(l, f, other.claims, s.policy, s.now, 10)
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			if string(x) != string(y) {
				t.Fatalf("%s can tell these apart:\n%s\n%s", l, x, y)
			}
		}
	})
}

// TestIdleMinutesAreTheOwners: nobody has touched the computer for six minutes. In four that will be shown; until then
// it is nobody's business, and what comes after is told all the same.
func TestIdleMinutesAreTheOwners(t *testing.T) {
	t.Parallel()
	now := at("2026-03-02T10:00:00Z")
	claims := []presence.Claim{
		{Source: presence.SourceStart, From: now.Add(-2 * time.Hour)},
		{Source: presence.SourceClient, ID: "desk", Label: "Linux", From: now.Add(-2 * time.Hour), Lease: now.Add(time.Minute), Activity: presence.Idle, ActivitySince: now.Add(-6 * time.Minute)},
		{Source: "calendar/c1", ID: "42", Status: presence.Busy, Profile: "Appointment", Text: "Merger", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour), Lease: now.Add(90 * time.Minute)},
	}
	policy := &presence.Policy{
		Start:    presence.Activation{On: true, Status: presence.Available, Profile: "Available"},
		End:      presence.Activation{On: true, Status: presence.Unavailable, Profile: "Unavailable"},
		Inactive: presence.Activation{On: true, Status: presence.BeRightBack, Profile: "Be right back"}, InactiveAfter: 10 * time.Minute,
	}
	p := presence.Resolve(claims, policy, now)
	f := &Facts{ID: "anna", Presence: p, Shown: presence.Shown{}.Note(p, now)}
	steps := func(l Level) (told []string) {
		e, ok := Explain(l, f, claims, policy, now, 10)
		if !ok {
			t.Fatalf("%s may not ask why", l)
		}
		for _, s := range e.Next {
			told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.At.Format("15:04"), s.Presence.Status, s.Presence.Text)))
		}
		return told
	}
	for l, want := range map[Level]string{
		TeamColleague: "11:00 busy",
		Assistant:     "11:00 busy Merger",
		AssistantPlus: "10:04 be_right_back, 11:00 busy Merger, 12:00 be_right_back",
		Self:          "10:04 be_right_back, 11:00 busy Merger, 12:00 be_right_back",
	} {
		if got := strings.Join(steps(l), ", "); got != want {
			t.Errorf("%s is told %q, want %q", l, got, want)
		}
	}
}

// TestLeavingDuringAnAppointment: the last client ended under an appointment. That it did is not shown, so colleagues
// are not told when; what the appointment uncovers is.
func TestLeavingDuringAnAppointment(t *testing.T) {
	t.Parallel()
	now := at("2026-03-02T10:30:00Z")
	left := now.Add(-13 * time.Minute)
	claims := []presence.Claim{
		{Source: presence.SourceClient, ID: "desk", From: now.Add(-2 * time.Hour), Until: left},
		{Source: "calendar/c1", ID: "42", Status: presence.Busy, From: now.Add(-time.Hour), Until: now.Add(time.Hour)},
	}
	policy := &presence.Policy{End: presence.Activation{On: true, Status: presence.Unavailable, Profile: "Unavailable"}}
	p := presence.Resolve(claims, policy, now)
	f := &Facts{ID: "anna", Presence: p, Shown: presence.Shown{}.Note(p, now)}
	for _, l := range []Level{TeamColleague, Assistant, AssistantPlus} {
		e, _ := Explain(l, f, claims, policy, now, 10)
		out, _ := json.Marshal(e)
		if got, want := strings.Contains(string(out), "10:17:00"), MayRead(l, Own); got != want {
			t.Errorf("%s is told when Anna left: %t, want %t\n%s", l, got, want, out)
		}
		if len(e.Next) != 1 || *e.Next[0].Presence.Status != presence.Unavailable {
			t.Errorf("%s is not told that Anna will be unavailable: %s", l, out)
		}
	}
}
