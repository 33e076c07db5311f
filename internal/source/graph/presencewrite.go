package graph

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// Pair is an availability and an activity that may be written together.
type Pair struct{ Availability, Activity string }

// The pairs that are written, of those that Microsoft allows (graph/api/presence-setpresence, presence-setuserpreferredpresence).
var (
	InACall      = Pair{"Busy", "InACall"}              // of a session
	DoNotDisturb = Pair{"DoNotDisturb", "DoNotDisturb"} // preferred
)

// How long a session lasts without being renewed (graph/api/presence-setpresence, expirationDuration).
const (
	MinLease = 5 * time.Minute
	MaxLease = 4 * time.Hour
)

// SetSession puts the application's session for a user, by object ID, in a state, for lease. There is one session, and setting
// it again renews it. A lease that is shorter than MinLease or longer than MaxLease is made to fit. What Teams shows is made of all
// sessions, and of what is preferred over them.
//
// Like the three below it writes as the application, or as a user who writes the own presence. Each is tried once. Two about the
// same user are sent one after the other. Errors are of type *source.Error: about this user, and to be tried again after RetryAfter if
// it is Unavailable; or about the application or the service if it is Whole.
func (s *System) SetSession(ctx context.Context, as *SignIn, id string, p Pair, lease time.Duration) error {
	return s.writePresence(ctx, as, id, "setPresence", map[string]string{"sessionId": s.c.ClientID, "availability": p.Availability, "activity": p.Activity,
		"expirationDuration": isoDuration(min(max(lease, MinLease), MaxLease))})
}

// ClearSession ends the application's session for a user. That there is none is a success.
func (s *System) ClearSession(ctx context.Context, as *SignIn, id string) error {
	err := s.writePresence(ctx, as, id, "clearPresence", map[string]string{"sessionId": s.c.ClientID})
	if e, ok := err.(*source.Error); ok && e.Status == http.StatusNotFound {
		return nil // graph/api/presence-clearpresence; and a user who is not there has none
	}
	return err
}

// SetPreferred puts a state in place of what the sessions of a user add up to, as if it had been chosen in Teams, for lease; if that is
// zero for as long as Microsoft likes: a day for Busy and DoNotDisturb, a week for others. It shows only while there is a session, of
// Teams or of an application (graph/api/presence-setuserpreferredpresence).
func (s *System) SetPreferred(ctx context.Context, as *SignIn, id string, p Pair, lease time.Duration) error {
	body := map[string]string{"availability": p.Availability, "activity": p.Activity}
	if lease > 0 {
		body["expirationDuration"] = isoDuration(lease)
	}
	return s.writePresence(ctx, as, id, "setUserPreferredPresence", body)
}

// ClearPreferred takes back what was preferred, by whomever.
func (s *System) ClearPreferred(ctx context.Context, as *SignIn, id string) error {
	return s.writePresence(ctx, as, id, "clearUserPreferredPresence", nil)
}

// writePresence sends one write.
func (s *System) writePresence(ctx context.Context, as *SignIn, id, action string, body map[string]string) error {
	if !isGUID(id) {
		return &source.Error{Kind: source.BadAddress, Text: "It is not known who the user is in Microsoft 365."}
	}
	a, err := s.asker(as)
	if err != nil {
		return err
	}
	defer a.done()
	box := s.teams.written.Get(id)
	release, err := box.Turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := box.Shut(); err != nil {
		return err
	}
	c := call{method: http.MethodPost, path: "/users/" + strings.ToLower(id) + "/presence/" + action}
	if body != nil {
		c.body = body
	}
	got, err := a.ask(ctx, s.teams.writes, c, box.Doubtful(), maxAnswer)
	if err != nil {
		return err
	}
	return a.settle(ctx, s.teams.writes, box, "", &writing, got)
}

// isoDuration writes a duration of ISO 8601, in full seconds, as Edm.Duration has it (OData 4.01 CSDL §3.3.4).
func isoDuration(d time.Duration) string {
	n := int64((d + time.Second - 1) / time.Second)
	var b strings.Builder
	b.WriteString("PT")
	for _, unit := range []struct {
		seconds int64
		letter  string
	}{{3600, "H"}, {60, "M"}, {1, "S"}} {
		if v := n / unit.seconds; v > 0 || unit.seconds == 1 && b.Len() == 2 {
			fmt.Fprintf(&b, "%d%s", v, unit.letter)
			n -= v * unit.seconds
		}
	}
	return b.String()
}
