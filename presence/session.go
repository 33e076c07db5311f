package presence

import "time"

// ResumeWithin is how long after its lease a client may come back and still continue its session, as after a
// broken cable: nothing of what held before is lost. After longer, as after a night's sleep, it starts anew.
const ResumeWithin = time.Hour

// Choose returns the claim that a choice leaves: by is SourceHand or SourceAssistant with the assistant's ID, until
// is zero for a choice without an end.
func Choose(by Source, status Status, profile, text string, now, until time.Time) Claim {
	c := Claim{Source: by, ID: ChoiceID, Status: status, Profile: profile, Text: text, From: now, Until: until}
	if c.Timed() {
		c.ID = TimedID
	}
	return c
}

// StartClient returns the claims to assert when client id reports that it runs, until lease unless refreshed. If no
// other client runs, that is a start (P9) and a claim of SourceStart is among them. A client that runs already, or
// continues its session, only has its lease renewed.
func StartClient(claims []Claim, id, label string, now, lease time.Time) []Claim {
	client := Claim{Source: SourceClient, ID: id, Label: label, From: now, Lease: lease}
	othersRun := false
	for i := range claims {
		c := &claims[i]
		if c.Source != SourceClient {
			continue
		}
		if c.ID != id {
			othersRun = othersRun || c.holds(now)
			continue
		}
		if c.Until.IsZero() && now.Before(c.Lease.Add(ResumeWithin)) {
			client = *c
			client.Lease = lease
			if label != "" {
				client.Label = label
			}
			return []Claim{client}
		}
	}
	if othersRun {
		return []Claim{client}
	}
	return []Claim{client, {Source: SourceStart, From: now}}
}

// EndClient returns the claim of client id as ended now; ok is false if it does not run.
func EndClient(claims []Claim, id string, now time.Time) (ended Claim, ok bool) {
	for i := range claims {
		if c := &claims[i]; c.Source == SourceClient && c.ID == id && c.holds(now) {
			ended = *c
			ended.Until, ended.Lease = now, time.Time{}
			return ended, true
		}
	}
	return Claim{}, false
}
