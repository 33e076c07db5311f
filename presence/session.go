package presence

import (
	"strings"
	"time"
)

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

// RecordingID is the ID of the claim of SourceMicrophone that a process records, as a client sees it. IDs of clients have no slash.
func RecordingID(client, process string) string { return client + "/" + strings.ToLower(process) }

// ClientOf returns the ID of the client whose word a claim rests on: that runs, or that sees a process record. Empty: it rests on none.
func ClientOf(ref Ref) string {
	switch ref.Source {
	case SourceClient:
		return ref.ID
	case SourceMicrophone:
		client, _, _ := strings.Cut(ref.ID, "/")
		return client
	}
	return ""
}

// StartClient returns the claims to assert when client id reports that it runs, until lease unless refreshed. If no
// other client runs, that is a start (P9) and a claim of SourceStart is among them, and one of SourceEnd if a client
// ran before: from now on the clients no longer tell of that end. A client that runs already, or continues its
// session, only has its lease renewed.
func StartClient(claims []Claim, id, label string, now, lease time.Time) []Claim {
	client := Claim{Source: SourceClient, ID: id, Label: label, From: now, Lease: lease}
	othersRun := false
	var last *Claim // the client that ended last
	for i := range claims {
		c := &claims[i]
		if c.Source != SourceClient {
			continue
		}
		if c.over(now) && (last == nil || c.End().After(last.End()) || c.End().Equal(last.End()) && c.ID < last.ID) {
			last = c
		}
		if c.ID != id {
			othersRun = othersRun || c.holds(now)
			continue
		}
		if c.resumable(now) {
			client = *c
			client.Until, client.Lease = time.Time{}, lease
			if label != "" {
				client.Label = label
			}
			return []Claim{client}
		}
	}
	if othersRun {
		return []Claim{client}
	}
	started := []Claim{client, {Source: SourceStart, From: now}}
	if last != nil && last.End().Before(now) {
		started = append(started, Claim{Source: SourceEnd, ID: last.ID, From: last.End()})
	}
	return started
}

// resumable reports whether the client runs, or was lost so recently that its session goes on if it comes back.
func (c *Claim) resumable(now time.Time) bool {
	return (c.Until.IsZero() || c.Lapsed()) && (c.Lease.IsZero() || now.Before(c.Lease.Add(ResumeWithin)))
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

// Lapse returns the claim of a client whose lease has run out, marked as such: its end is then the same for ever,
// however the lease was to be renewed.
func Lapse(c Claim) Claim {
	c.Until = c.Lease
	return c
}

// Lapsed reports whether the claim was marked by Lapse.
func (c *Claim) Lapsed() bool { return !c.Until.IsZero() && c.Until.Equal(c.Lease) }
