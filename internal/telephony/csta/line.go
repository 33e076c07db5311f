package csta

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/presence"
)

// States of connections: LocalConnectionState.
const (
	null      = "null"
	initiated = "initiated"
	alerting  = "alerting"
	connected = "connected"
	hold      = "hold"
	queued    = "queued"
	fail      = "fail"
)

// simpleStates are what a simple call state says of the device's own connection: the second of each pair (SimpleCallState in ECMA-285).
var simpleStates = map[string]string{
	"callNull": null, "callPending": initiated, "callOriginated": connected, "callDelivered": connected, "callDeliveredHeld": hold, "callReceived": alerting,
	"callEstablished": connected, "callEstablishedHeld": hold, "callReceivedOnHold": alerting, "callEstablishedOnHold": connected, "callQueued": connected, "callQueuedHeld": hold,
	"callFailed": connected, "callFailedHeld": hold, "callBlocked": null,
}

// happening is what an event of call control says: the element with the connection it is about, and the state that this has after.
type happening struct{ connection, state, device string }

var happenings = map[string]happening{
	"ServiceInitiatedEvent":  {"initiatedConnection", initiated, "initiatingDevice"},
	"OriginatedEvent":        {"originatedConnection", connected, "callingDevice"},
	"DeliveredEvent":         {"connection", alerting, "alertingDevice"},
	"EstablishedEvent":       {"establishedConnection", connected, "answeringDevice"},
	"HeldEvent":              {"heldConnection", hold, "holdingDevice"},
	"RetrievedEvent":         {"retrievedConnection", connected, "retrievingDevice"},
	"DivertedEvent":          {"connection", null, "divertingDevice"},
	"FailedEvent":            {"failedConnection", fail, "failingDevice"},
	"QueuedEvent":            {"queuedConnection", queued, "queue"},
	"NetworkReachedEvent":    {"outboundConnection", connected, "networkInterfaceUsed"},
	"ConnectionClearedEvent": {"droppedConnection", null, "releasingDevice"},
	"CallClearedEvent":       {"clearedCall", null, ""},
}

// keepEnded is how long a connection that was cleared is remembered, so that nothing late brings it back.
const keepEnded = 10 * time.Minute

// connection is one of the device's own.
type connection struct {
	id    string // as it is told; callID of its first call
	state string
	other string // number of the other party
}

// line is what is known of one device. It is owned by one goroutine, and reads no clock.
type line struct {
	extension string
	names     func(extension string) string // of numbers
	calls     map[string]*connection        // by callID
	ended     map[string]time.Time
}

func newLine(extension string, names func(string) string) *line {
	return &line{extension: extension, names: names, calls: map[string]*connection{}, ended: map[string]time.Time{}}
}

// own reports whether a device is the line.
func (l *line) own(device string) bool { return device != "" && l.names(device) == l.extension }

// party is the number of a device in an event: deviceIdentifier or numberDialed. What is not known, not required or restricted is empty.
func party(n *node, name string) string {
	n = n.at(name)
	return cmp.Or(n.value("deviceIdentifier"), n.value("numberDialed"), n.value("deviceID"))
}

func (l *line) end(call string, now time.Time) {
	if l.calls[call] != nil {
		delete(l.calls, call)
	}
	l.ended[call] = now
}

// apply takes an event in. What is not about calls changes nothing.
func (l *line) apply(n *node, now time.Time) {
	switch n.name {
	case "TransferedEvent", "TransferredEvent":
		l.merge(n, n.at("transferredConnections"), now)
		return
	case "ConferencedEvent":
		l.merge(n, n.at("conferenceConnections"), now)
		return
	}
	h, ok := happenings[n.name]
	call := n.value(h.connection, "callID")
	if !ok || call == "" {
		return
	}
	if _, over := l.ended[call]; over && n.value("cause") != "recall" {
		return
	}
	own := l.own(n.value(h.connection, "deviceID")) || h.device == ""
	state := n.value("localConnectionInfo")
	if state == "" && own {
		state = h.state
	}
	c := l.calls[call]
	switch {
	case state == null, state == "" && own:
		l.end(call, now)
		return
	case c == nil && state == "": // of somebody else's connection, in a call that is not known
		return
	case c == nil:
		c = &connection{id: call}
		l.calls[call] = c
		delete(l.ended, call)
	}
	if state != "" && !backwards(c.state, state, n.name) {
		c.state = state
	}
	calling, called := l.number(party(n, "callingDevice")), l.number(party(n, "calledDevice"))
	moved := l.number(party(n, h.device))
	switch {
	case calling != "" && calling != l.extension:
		c.other = calling
	case (n.name == "EstablishedEvent" || n.name == "DeliveredEvent") && moved != "" && moved != l.extension:
		c.other = moved
	case called != "" && called != l.extension && c.other == "":
		c.other = called
	}
}

// backwards reports whether an event would have a connection be what it cannot be any more: it is late.
func backwards(from, to, event string) bool {
	switch to {
	case initiated:
		return from != "" && from != initiated
	case alerting:
		return from == connected || from == hold
	case connected:
		return from == hold && event != "RetrievedEvent"
	}
	return false
}

// number is a number as it is shown.
func (l *line) number(device string) string {
	n := wire.Clean(device)
	if l.own(device) {
		return l.extension
	}
	return n
}

// merge takes in that calls became another: transfers and conferences. Who is not in the list of the new connections is out of it.
func (l *line) merge(n *node, list *node, now time.Time) {
	first, second := n.value("primaryOldCall", "callID"), n.value("secondaryOldCall", "callID")
	old := l.calls[first]
	if old == nil || l.calls[second] != nil && second < first {
		old = cmp.Or(l.calls[second], old)
	}
	if _, over := l.ended[first]; over && old == nil {
		return
	}
	var items []*node
	if list != nil {
		items = list.nodes
	}
	call, other := "", ""
	for _, item := range items {
		device := cmp.Or(item.value("newConnection", "deviceID"), item.value("endpoint", "deviceID"))
		id := item.value("newConnection", "callID")
		switch {
		case l.own(device) || l.own(item.value("endpoint", "deviceID")):
			call = id
		case other == "":
			other = l.number(cmp.Or(item.value("endpoint", "deviceID"), device))
		}
	}
	state := n.value("localConnectionInfo")
	for _, o := range []string{first, second} {
		if o != "" && o != call {
			l.end(o, now)
		}
	}
	if call == "" || state == null {
		if call != "" {
			l.end(call, now)
		}
		return
	}
	if _, over := l.ended[call]; over && old == nil {
		return
	}
	c := l.calls[call]
	if c == nil {
		c = &connection{id: call}
		if old != nil {
			c.id, c.state = old.id, old.state
		}
		l.calls[call] = c
		delete(l.ended, call)
	}
	if c.state = cmp.Or(state, c.state, connected); state == "" && c.state != alerting {
		c.state = connected
	}
	c.other = cmp.Or(other, c.other)
}

// snapshot has what a system says of a device take the place of what is known, but who the others are.
func (l *line) snapshot(data *node, now time.Time) {
	for c, at := range l.ended {
		if now.Sub(at) > keepEnded {
			delete(l.ended, c)
		}
	}
	there := map[string]bool{}
	if data != nil {
		for _, item := range data.nodes {
			call, state := item.value("connectionIdentifier", "callID"), localState(item.at("localCallState"))
			if call == "" || state == null {
				continue
			}
			there[call] = true
			delete(l.ended, call)
			c := l.calls[call]
			if c == nil {
				c = &connection{id: call}
				l.calls[call] = c
			}
			c.state = state
			if n := l.number(party(item, "endpointDevice")); c.other == "" && n != l.extension {
				c.other = n
			}
		}
	}
	for call := range l.calls {
		if !there[call] {
			l.end(call, now)
		}
	}
}

// localState is the state of the device's own connection in a call state; of a compound one it is the first.
func localState(n *node) string {
	if n == nil {
		return connected
	}
	if c := n.at("compoundCallState"); c != nil {
		if len(c.nodes) == 0 {
			return null
		}
		return c.nodes[0].text
	}
	if s, ok := simpleStates[n.value("simpleCallState")]; ok {
		return s
	}
	return connected // it is in a call, of which no more is known
}

// told are the calls as they are told.
func (l *line) told(reach func(string) presence.Reach) []telephony.Call {
	var out []telephony.Call
	for _, c := range l.calls {
		t := telephony.Call{ID: c.id, Other: c.other, Held: c.state == hold, Reach: reach(c.other)}
		switch c.state {
		case alerting:
			t.State = presence.LineRinging
		case connected, hold, initiated, queued, fail: // off the hook, also with a busy tone
			t.State = presence.LineOnThePhone
		default:
			continue
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b telephony.Call) int { return strings.Compare(a.ID, b.ID) })
	// Two calls that came of one have one name until the next snapshot: the second is left out.
	return slices.CompactFunc(out, func(a, b telephony.Call) bool { return a.ID == b.ID })
}
