package exchangetest

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Faults says what goes wrong, at random: each is how likely it is with a request, from 0 to 1. Those down to Slow are
// drawn in this order, and one of them at most happens to a request.
type Faults struct {
	Drop         float64 // the connection breaks before an answer
	HalfAnswer   float64 // the connection breaks in the middle of an answer
	Unauthorized float64 // 401, though the sign-in is right
	Unavailable  float64 // 503 without SOAP
	Busy         float64 // ErrorServerBusy, in one of BusyForms
	Internal     float64 // a fault ErrorInternalServerError
	Slow         float64 // the answer comes SlowBy later

	BusyForms []BusyForm    // nil: all of them
	BackOff   time.Duration // stated with those forms that state one; zero: 10 ms
	SlowBy    time.Duration // zero: 50 ms

	LoseSubscription float64 // with GetEvents and GetStreamingEvents: the subscription is gone
	MissEvents       float64 // with GetEvents and GetStreamingEvents: ErrorMissedNotificationEvents, and the subscription is gone
	BadWatermark     float64 // with GetEvents: ErrorInvalidWatermark
	BadSyncState     float64 // with SyncFolderItems and a state: ErrorInvalidSyncStateData
	ReadFails        float64 // with GetEvents and GetStreamingEvents: ErrorReadEventsFailed, and the subscription is gone
	DropStream       float64 // with each envelope of a streaming connection: it breaks, half of the time within the envelope

	Operations []string // that are concerned, such as FindItem; nil: all
	Mailboxes  []string // that are concerned, by primary address of whom the request acts for; nil: all
	Times      int      // how many faults at most; zero: without end
}

// BusyForm is a way in which Exchange says ErrorServerBusy.
type BusyForm int

const (
	BusyFault        BusyForm = iota // a SOAP fault with BackOffMilliseconds
	BusyFaultBare                    // a SOAP fault without it
	BusyUnavailable                  // status 503 without SOAP
	BusyInner                        // a response message ErrorInternalServerError with an inner ErrorServerBusy
	BusyMessage                      // a response message ErrorServerBusy with BackOffMilliseconds
	BusyExceeded                     // a SOAP fault ErrorExceededConnectionCount
	busyForms        = 6
	busyText         = "The server cannot service this request right now. Try again later."
	internalText     = "An internal server error occurred. The operation failed."
	standardSlowness = 50 * time.Millisecond
)

type faults struct {
	mu     sync.Mutex // guards what follows
	f      Faults
	random *rand.Rand
	counts map[string]int64
}

// SetFaults has things go wrong from now on; with the zero value nothing does any more.
func (s *Server) SetFaults(f Faults) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.f = f
}

// draw tells whether a fault happens, and counts it.
func (f *faults) draw(c *call, name string, likely float64) bool {
	if likely <= 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f.Operations != nil && !slices.Contains(f.f.Operations, c.op) {
		return false
	}
	if f.f.Mailboxes != nil && (c.mailbox == nil || !slices.ContainsFunc(f.f.Mailboxes, func(a string) bool { return strings.EqualFold(a, c.mailbox.p.Address) })) {
		return false
	}
	if f.f.Times < 0 || f.random.Float64() >= likely {
		return false
	}
	if f.f.Times > 0 {
		if f.f.Times--; f.f.Times == 0 {
			f.f.Times = -1 // that was the last one
		}
	}
	f.counts[name]++
	return true
}

func (f *faults) now() Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.f
}

func (f *faults) counted() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counts)
}

// inside lets go wrong what happens before an operation runs. done says that the request has its answer.
func (f *faults) inside(c *call) (done bool, err error) {
	if c.mailbox != nil {
		switch c.mailbox.state() {
		case Failing:
			return true, faultf("ErrorInternalServerError", internalText)
		case Hanging:
			c.wait(24 * time.Hour)
			panic(http.ErrAbortHandler)
		case Moving:
			return true, faultf("ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later.")
		case Unreachable:
			return true, faultf("ErrorMailboxStoreUnavailable", "The mailbox database is temporarily unavailable.")
		}
	}
	now := f.now()
	switch {
	case f.draw(c, "Drop", now.Drop):
		panic(http.ErrAbortHandler)
	case f.draw(c, "HalfAnswer", now.HalfAnswer):
		c.half = true
	case f.draw(c, "Unauthorized", now.Unauthorized):
		if at, ok := c.r.Context().Value(connKey{}).(*conn); ok {
			at.who = ""
		}
		c.s.challenge(c.rw)
		return true, nil
	case f.draw(c, "Unavailable", now.Unavailable):
		unavailable(c.rw)
		return true, nil
	case f.draw(c, "Busy", now.Busy):
		return true, f.busy(c, now)
	case f.draw(c, "Internal", now.Internal):
		return true, faultf("ErrorInternalServerError", internalText)
	case f.draw(c, "Slow", now.Slow):
		c.wait(max(now.SlowBy, 0) + map[bool]time.Duration{true: standardSlowness}[now.SlowBy == 0])
	}
	return false, nil
}

func unavailable(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", "text/html; charset=us-ascii")
	rw.WriteHeader(http.StatusServiceUnavailable)
	rw.Write([]byte("<HTML><HEAD><TITLE>Service Unavailable</TITLE></HEAD><BODY><h2>Service Unavailable</h2></BODY></HTML>"))
}

// busy answers in one of the forms of ErrorServerBusy.
func (f *faults) busy(c *call, now Faults) error {
	form := BusyForm(0)
	f.mu.Lock()
	if len(now.BusyForms) > 0 {
		form = now.BusyForms[f.random.IntN(len(now.BusyForms))]
	} else {
		form = BusyForm(f.random.IntN(busyForms))
	}
	f.mu.Unlock()
	stated := now.BackOff
	if stated == 0 {
		stated = 10 * time.Millisecond
	}
	backOff := []value{{"BackOffMilliseconds", itoa(int(stated / time.Millisecond))}}
	if (form == BusyInner || form == BusyMessage) && (c.op == "GetStreamingEvents" || c.op == "GetUserAvailabilityRequest") {
		form = BusyFault // these have no response message of the usual kind
	}
	switch form {
	case BusyFaultBare:
		return faultf("ErrorServerBusy", busyText)
	case BusyUnavailable:
		unavailable(c.rw)
		return nil
	case BusyInner:
		return c.refuse(&innerError{"ErrorInternalServerError", internalText, []value{
			{"InnerErrorMessageText", busyText}, {"InnerErrorResponseCode", "ErrorServerBusy"}, {"InnerErrorDescriptiveLinkKey", "0"}}})
	case BusyMessage:
		return c.refuse(&innerError{"ErrorServerBusy", busyText, backOff})
	case BusyExceeded:
		return exceeded("MaxConcurrency", max(c.s.config.MaxConcurrency, 0))
	}
	return &fault{code: "ErrorServerBusy", text: busyText, values: backOff}
}

// refuse answers with one response message that is an error.
func (c *call) refuse(err error) error {
	return c.responses(func(w *writer) {
		name := c.op + "ResponseMessage"
		w.failure(name, err)
		switch c.op {
		case "GetItem", "CreateItem", "UpdateItem", "MoveItem":
			w.empty("m:Items")
		case "GetServerTimeZones":
			w.empty("m:TimeZoneDefinitions")
		case "SyncFolderItems":
			w.empty("m:SyncState")
			w.element("m:IncludesLastItemInRange", "true")
		}
		w.close("m:" + name)
	})
}

// wait lets time pass that is not the server's own.
func (c *call) wait(d time.Duration) {
	began := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.r.Context().Done():
	case <-c.s.done.Done():
	}
	c.waited += time.Since(began)
}

// State is how a mailbox fares.
type State int

const (
	Working     State = iota
	Failing           // every request for it ends in ErrorInternalServerError
	Hanging           // no request for it is ever answered
	Moving            // it is on its way to another server: ErrorMailboxMoveInProgress
	Unreachable       // its database is away for the moment: ErrorMailboxStoreUnavailable
)

// SetState has all requests that act for the owner of the mailbox fail, or work again.
func (m *Mailbox) SetState(state State) { m.broken.Store(int32(state)) }

func (m *Mailbox) state() State { return State(m.broken.Load()) }

// SetSkew sets the servers' clocks wrong: by so much they are ahead. It shows in Date headers and in times that the
// servers give, such as those of events.
func (s *Server) SetSkew(d time.Duration) { s.skew.Store(int64(d)) }

// MissEvents loses what was to be told of a mailbox: whoever follows it hears ErrorMissedNotificationEvents.
func (s *Server) MissEvents(address string) {
	m := s.Mailbox(address)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = nil
	m.logged++
	for _, sub := range m.subs {
		sub.wake()
	}
}

// InvalidateStates makes all sync states and watermarks of a mailbox invalid.
func (s *Server) InvalidateStates(address string) {
	if m := s.Mailbox(address); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.epoch++
	}
}

// Backup is what was in all mailboxes at a time.
type Backup struct{ folders map[*Mailbox]map[int]*folder }

// Backup keeps what is in all mailboxes, for Restore.
func (s *Server) Backup() *Backup {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := &Backup{map[*Mailbox]map[int]*folder{}}
	for _, m := range s.mailboxes {
		m.mu.Lock()
		b.folders[m] = copyFolders(m.folders)
		m.mu.Unlock()
	}
	return b
}

func copyFolders(all map[int]*folder) map[int]*folder {
	copied := make(map[int]*folder, len(all))
	for i, f := range all {
		copied[i] = &folder{index: f.index, items: slices.Clone(f.items), gone: slices.Clone(f.gone), seq: f.seq}
	}
	return copied
}

// Restore puts all mailboxes back to what they were: changes made since are gone without a trace. Sync states,
// watermarks and subscriptions from before are invalid.
func (s *Server) Restore(b *Backup) {
	s.EndSubscriptions("")
	s.mu.RLock()
	defer s.mu.RUnlock()
	for m, folders := range b.folders {
		m.mu.Lock()
		m.folders = copyFolders(folders)
		m.epoch++
		m.log = nil
		m.logged++
		m.mu.Unlock()
	}
}
