package rights

import (
	"slices"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// Explanation is a presence.Explanation as a viewer may see it.
type Explanation struct {
	At       time.Time `json:"at"`
	Rules    string    `json:"rules" doc:"Name of the rule set."`
	Presence Presence  `json:"presence"`
	Entries  []Reason  `json:"entries" doc:"The claims that stand, strongest first."`
	Next     []Coming  `json:"next" doc:"What time alone will bring."`
}

// Reason is one claim and what became of it.
type Reason struct {
	Ref           string             `json:"ref" doc:"Names the claim; of claims whose details are not yours to see only the kind of source."`
	Source        presence.Source    `json:"source" enum:"hand,assistant,start,end,client,api,calendar,teams,microphone,line,mark" doc:"Kind of source."`
	Layer         string             `json:"layer,omitempty"`
	Status        presence.Status    `json:"status" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
	Profile       string             `json:"profile,omitempty"`
	Text          string             `json:"text,omitempty"`
	From          *time.Time         `json:"from,omitempty"`
	Until         *time.Time         `json:"until,omitempty"`
	Lease         *time.Time         `json:"lease,omitempty" doc:"It ends here unless its source is heard of."`
	Activity      *presence.Activity `json:"activity,omitempty" enum:"unknown,active,idle,locked"`
	ActivitySince *time.Time         `json:"activity_since,omitempty"`
	Label         string             `json:"label,omitempty"`
	Outcome       presence.Outcome   `json:"outcome" enum:"won,laid_over,line_weaker,weaker_layer,weaker_in_layer,not_yet,over,lease_over,dismissed_by_choice,dismissed_by_hand,shielded,same_call,in_use,other_in_use,too_soon,base_differs,switched_off,note,not_ranked"`
	By            string             `json:"by,omitempty" doc:"The claim that decided against it."`
	BySource      presence.Source    `json:"by_source,omitempty" enum:"hand,assistant,start,end,client,api,calendar,teams,microphone,line,mark"`
	Criterion     string             `json:"criterion,omitempty" doc:"By what it lost to a claim of its own layer."`
}

// Coming is one change that time alone will bring.
type Coming struct {
	At       time.Time `json:"at"`
	Presence Presence  `json:"presence"`
	Because  []string  `json:"because" doc:"The claims that begin or end then."`
}

// MayExplain reports whether a level may ask why: it takes the text and the times of appointments.
func MayExplain(l Level) bool { return MayRead(l, Text) && MayRead(l, Times) }

// Explain answers "why?" as far as a viewer of this level may know, with up to steps coming changes; ok is false if that
// is nothing. Clients, marks and leases are for those who may see the person's settings, and so is what clients alone
// will bring: that somebody has not touched the mouse for some minutes is shown to nobody before it counts. The words of
// an appointment that does not decide now are its subject, and follow that right.
//
// Leases of clients and calendars are renewed as a matter of course. That they might not be is no coming change.
func Explain(l Level, f *Facts, claims []presence.Claim, policy *presence.Policy, now time.Time, steps int) (seen Explanation, ok bool) {
	if !MayExplain(l) {
		return Explanation{}, false
	}
	e := presence.Explain(claims, policy, now, 0)
	e.Next = presence.Explain(renewed(claims, now), policy, now, steps).Next
	own := MayRead(l, Own)
	seen = Explanation{
		At: e.At.UTC(), Rules: e.Rules, Presence: See(ClassOf(l), f).Presence(), Entries: []Reason{}, Next: []Coming{},
	}
	for i := range e.Entries {
		if own || forOthers(&e.Entries[i]) {
			seen.Entries = append(seen.Entries, reason(l, e.Entries[i]))
		}
	}
	for i := range e.Next {
		if own || foreseeable(&e.Next[i], e.Presence.Cause) {
			seen.Next = append(seen.Next, coming(l, f, &e.Next[i]))
		}
	}
	return seen, true
}

// foreseeable reports whether a step is for those who may not see the person's settings: something they may know of
// brings it, and it does not tell that a client is unused, unless that is what decides already.
func foreseeable(s *presence.Step, now presence.Ref) bool {
	if s.Presence.Cause.Source.Class() == presence.SourceClient && s.Presence.Cause != now {
		return false
	}
	return slices.ContainsFunc(s.Because, func(r presence.Ref) bool { return !forOwner(r.Source) })
}

// renewed returns the claims as they will be while their sources are heard of.
func renewed(claims []presence.Claim, now time.Time) []presence.Claim {
	claims = slices.Clone(claims)
	for i := range claims {
		c := &claims[i]
		switch c.Source.Class() {
		case presence.SourceClient, presence.SourceCalendar:
			if now.Before(c.Lease) {
				c.Lease = time.Time{}
			}
		}
	}
	return claims
}

// coming is a step without what the level may not see. What an appointment covers until then was shown before it, or
// was not: others are not told since when it is so.
func coming(l Level, f *Facts, s *presence.Step) Coming {
	own := MayRead(l, Own)
	p := s.Presence
	if !own && p.Since.Before(s.At) {
		p.Since = time.Time{}
	}
	c := Coming{At: s.At.UTC(), Presence: SeePresence(ClassOf(l), f.ID, &p, &presence.Shown{Since: p.Since}).Presence(), Because: []string{}}
	if p.Cause.Source.Class() == presence.SourceCalendar && !MayRead(l, Subject) {
		c.Presence.Text = ""
	}
	for _, ref := range s.Because {
		if own || !forOwner(ref.Source) {
			c.Because = append(c.Because, refFor(l, ref))
		}
	}
	return c
}

// forOthers reports whether an entry is for those who may see what is shown and why, but not the person's settings.
func forOthers(x *presence.Entry) bool {
	switch x.Outcome {
	case presence.Over, presence.LeaseOver:
		return false
	case presence.Won:
		return true
	}
	return !forOwner(x.Claim.Source)
}

// forOwner reports whether claims of a source say how somebody works rather than what they are: at what times they
// start and leave their clients, whether they use them, and what they decided about an appointment.
func forOwner(s presence.Source) bool {
	switch s.Class() {
	case presence.SourceClient, presence.SourceStart, presence.SourceEnd, presence.SourceMark:
		return true
	}
	return false
}

// refFor names a claim to those who may see the person's settings, and to others only its kind.
func refFor(l Level, r presence.Ref) string {
	if MayRead(l, Own) {
		return r.String()
	}
	return string(r.Source.Class())
}

func reason(l Level, x presence.Entry) Reason {
	c := &x.Claim
	r := Reason{
		Ref: refFor(l, c.Ref()), Source: c.Source.Class(), Layer: x.Layer, Status: x.Status, Profile: x.Profile,
		Text: x.Text, From: stamp(c.From), Until: stamp(c.Until), Outcome: x.Outcome, Criterion: x.Criterion.String(),
	}
	if !MayRead(l, Own) && c.Source.Class() == presence.SourceClient { // when it was started; Presence says since when it counts
		r.From, r.Until = nil, nil
	}
	if x.By != (presence.Ref{}) {
		r.By, r.BySource = refFor(l, x.By), x.By.Source.Class()
		if !MayRead(l, Own) && forOwner(x.By.Source) {
			r.By, r.BySource = "", ""
		}
	}
	if c.Source.Class() == presence.SourceCalendar && x.Outcome != presence.Won && !MayRead(l, Subject) {
		r.Text = ""
	}
	if MayRead(l, Own) {
		r.Lease, r.Label = stamp(c.Lease), c.Label
		if c.Source.Class() == presence.SourceClient {
			activity := c.Activity
			r.Activity, r.ActivitySince = &activity, stamp(c.ActivitySince)
		}
	}
	return r
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
