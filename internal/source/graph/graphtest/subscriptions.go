package graphtest

import "time"

// Subscription is one that an application holds.
type Subscription struct {
	ID  string
	box *mailbox
}

// NotifyFaults is what goes wrong with notifications.
type NotifyFaults struct{ Late time.Duration }

func (s *Server) tell(box *mailbox, id, kind string) {}

func (s *Server) serveSubscriptions(r *request) reply { return fail(400, "BadRequest", "No.") }
