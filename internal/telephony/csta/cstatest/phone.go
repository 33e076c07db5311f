package cstatest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Call is what goes on between telephones. It is over when no legs are left.
type Call struct {
	s    *Server
	id   string
	legs []*leg // the caller first
}

type leg struct {
	number string
	state  string
	other  string
}

// AddPhone adds lines.
func (s *Server) AddPhone(numbers ...string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for _, n := range numbers {
		s.lines[n] = &phone{number: n, forward: map[string]string{}}
	}
}

// RemovePhone takes a line away, and stops its monitors without being asked.
func (s *Server) RemovePhone(number string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	delete(s.lines, number)
	s.stopMonitors(number)
}

// StopMonitors stops the monitors of a line without being asked.
func (s *Server) StopMonitors(number string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.stopMonitors(number)
}

func (s *Server) stopMonitors(number string) {
	for x := range s.Peers {
		for ref, n := range x.monitors {
			if n == number {
				delete(x.monitors, ref)
				s.request(x, "MonitorStop", text("monitorCrossRefID", ref))
			}
		}
	}
}

// id is a number as the system writes it.
func (s *Server) id(number string) string {
	if s.c.Decorated {
		return "N<" + number + ">;displayNumber=" + number + ";noa=nk"
	}
	return number
}

func (s *Server) newID() string {
	s.serial++
	return fmt.Sprintf("FF00010000000000%08X0000", s.serial)
}

func (k *Call) leg(number string) *leg {
	for _, l := range k.legs {
		if l.number == number {
			return l
		}
	}
	return nil
}

func (s *Server) conn(name, call, number string) string {
	return tag(name, text("callID", call), text("deviceID", number))
}

func (s *Server) dev(name, number string) string {
	if number == "" {
		return tag(name, "<notKnown/>")
	}
	return tag(name, text("deviceIdentifier", s.id(number)))
}

// tell sends an event of a call to the monitors of numbers, each with the state of its own connection, or with none.
func (s *Server) tell(name, call string, numbers map[string]string, cause string, content ...string) {
	times := s.Times()
	if times == 0 {
		return
	}
	for x := range s.Peers {
		for ref, n := range x.monitors {
			state, ok := numbers[n]
			if !ok {
				continue
			}
			all := slices.Concat([]string{text("monitorCrossRefID", ref)}, content, []string{text("localConnectionInfo", state), text("cause", cause)})
			m := message(name, x.space, all...)
			for range times {
				x.send("9999", m)
			}
			s.late = append(s.late, sent{x, call, m})
		}
	}
}

func (k *Call) states() map[string]string {
	m := map[string]string{}
	for _, l := range k.legs {
		m[l.number] = l.state
	}
	return m
}

func (s *Server) last() string { return tag("lastRedirectionDevice", "<notRequired/>") }

// Call has a number call another. The other side rings, but for a line that is to be left alone, and for "busy", which is engaged.
func (s *Server) Call(from, to string) *Call {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	k := &Call{s: s, id: s.newID()}
	s.calls = append(slices.DeleteFunc(s.calls, func(o *Call) bool { return len(o.legs) == 0 }), k)
	a := &leg{number: from, state: "initiated", other: to}
	k.legs = []*leg{a}
	s.tell("ServiceInitiatedEvent", k.id, k.states(), "makeCall", s.conn("initiatedConnection", k.id, from), s.dev("initiatingDevice", from))
	a.state = "connected"
	s.tell("OriginatedEvent", k.id, k.states(), "newCall", s.conn("originatedConnection", k.id, from), s.dev("callingDevice", from), s.dev("calledDevice", to))
	if to == "busy" || s.lines[to] != nil && s.lines[to].dnd {
		a.state = "fail"
		s.tell("FailedEvent", k.id, k.states(), "busy", s.conn("failedConnection", k.id, to), s.dev("failingDevice", to), s.dev("callingDevice", from), s.dev("calledDevice", to), s.last())
		return k
	}
	k.legs = append(k.legs, &leg{number: to, state: "alerting", other: from})
	s.tell("DeliveredEvent", k.id, k.states(), "newCall", s.conn("connection", k.id, to), s.dev("alertingDevice", to), s.dev("callingDevice", from), s.dev("calledDevice", to), s.last())
	return k
}

// Over reports whether nobody is left in a call.
func (k *Call) Over() bool {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	return len(k.legs) == 0
}

// Parties are the numbers of those in a call.
func (k *Call) Parties() (out []string) {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	for _, l := range k.legs {
		out = append(out, l.number)
	}
	return out
}

func (k *Call) answered() bool { return len(k.legs) > 1 && k.legs[1].state != "alerting" }

// Answer has the side that rings answer.
func (k *Call) Answer() {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if len(k.legs) < 2 || k.answered() {
		return
	}
	a, b := k.legs[0], k.legs[1]
	b.state = "connected"
	s.tell("EstablishedEvent", k.id, k.states(), "newCall", s.conn("establishedConnection", k.id, b.number), s.dev("answeringDevice", b.number), s.dev("callingDevice", a.number),
		s.dev("calledDevice", b.number), s.last())
}

// Hold has a party put the others on hold, or go on.
func (k *Call) Hold(number string, on bool) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	l := k.leg(number)
	switch {
	case l == nil || !k.answered():
	case on && l.state == "connected":
		l.state = "hold"
		s.tell("HeldEvent", k.id, k.states(), "normal", s.conn("heldConnection", k.id, number), s.dev("holdingDevice", number))
	case !on && l.state == "hold":
		l.state = "connected"
		s.tell("RetrievedEvent", k.id, k.states(), "normal", s.conn("retrievedConnection", k.id, number), s.dev("retrievingDevice", number))
	}
}

// clear takes one out.
func (k *Call) clear(l *leg) {
	s := k.s
	l.state = "null"
	s.tell("ConnectionClearedEvent", k.id, k.states(), "normalClearing", s.conn("droppedConnection", k.id, l.number), s.dev("releasingDevice", l.number))
	k.legs = slices.DeleteFunc(k.legs, func(m *leg) bool { return m == l })
}

// Hangup ends a call for all.
func (k *Call) Hangup() {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	for len(k.legs) > 0 {
		k.clear(k.legs[len(k.legs)-1])
	}
}

// Leave has one hang up; the last one goes with the last but one.
func (k *Call) Leave(number string) {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	l := k.leg(number)
	if l == nil {
		return
	}
	k.clear(l)
	if len(k.legs) == 1 {
		k.clear(k.legs[0])
	}
}

func (s *Server) item(call, number string) string {
	return tag("connectionListItem", s.conn("newConnection", call, number), tag("endpoint", text("deviceID", s.id(number))))
}

// Transfer has a party of two pass the other on to a number, which rings, without asking there. The call has another identifier after.
func (k *Call) Transfer(by, to string) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	l := k.leg(by)
	if l == nil || len(k.legs) != 2 || !k.answered() || k.leg(to) != nil {
		return
	}
	rest := k.legs[0]
	if rest == l {
		rest = k.legs[1]
	}
	old := k.id
	k.id = s.newID()
	rest.state, rest.other = "connected", to
	s.tell("TransferedEvent", old, map[string]string{by: "null", rest.number: "connected"}, "singleStepTransfer", s.conn("primaryOldCall", old, by), s.dev("transferringDevice", by), s.dev("transferredToDevice", to),
		tag("transferredConnections", s.item(k.id, rest.number), s.item(k.id, to)))
	k.legs = []*leg{rest, {number: to, state: "alerting", other: rest.number}}
	s.tell("DeliveredEvent", k.id, k.states(), "singleStepTransfer", s.conn("connection", k.id, to), s.dev("alertingDevice", to), s.dev("callingDevice", rest.number), s.dev("calledDevice", to), s.last())
}

// Merge has a party of two answered calls connect the others, and leave, or with stay make a conference of them. The other call is over.
func (k *Call) Merge(other *Call, by string, stay bool) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	l, m := k.leg(by), other.leg(by)
	if k == other || l == nil || m == nil || len(k.legs) != 2 || len(other.legs) != 2 || !k.answered() || !other.answered() {
		return
	}
	a, b := k.legs[0], other.legs[0]
	if a == l {
		a = k.legs[1]
	}
	if b == m {
		b = other.legs[1]
	}
	if a.number == b.number {
		return
	}
	first, second := k.id, other.id
	k.id = s.newID()
	a.state, b.state = "connected", "connected"
	a.other, b.other = b.number, a.number
	olds := []string{s.conn("primaryOldCall", first, by), s.conn("secondaryOldCall", second, by)}
	if stay {
		a.other, b.other = by, by
		l.state, l.other = "connected", a.number
		k.legs = []*leg{l, a, b}
		s.tell("ConferencedEvent", first, k.states(), "conference", slices.Concat(olds, []string{s.dev("conferencingDevice", by), s.dev("addedParty", b.number),
			tag("conferenceConnections", s.item(k.id, by), s.item(k.id, a.number), s.item(k.id, b.number))})...)
	} else {
		k.legs = []*leg{a, b}
		states := k.states()
		states[by] = "null"
		s.tell("TransferedEvent", first, states, "transfer", slices.Concat(olds, []string{s.dev("transferringDevice", by), s.dev("transferredToDevice", b.number),
			tag("transferredConnections", s.item(k.id, a.number), s.item(k.id, b.number))})...)
	}
	other.legs = nil
}

// Pickup has another telephone take a call that rings.
func (k *Call) Pickup(by string) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if len(k.legs) != 2 || k.answered() || k.leg(by) != nil {
		return
	}
	a, b := k.legs[0], k.legs[1]
	s.tell("DivertedEvent", k.id, map[string]string{a.number: a.state, b.number: "null"}, "callPickup", s.conn("connection", k.id, b.number), s.dev("divertingDevice", b.number), s.dev("newDestination", by),
		s.last())
	k.legs = []*leg{a, {number: by, state: "connected", other: a.number}}
	a.other = by
	s.tell("EstablishedEvent", k.id, k.states(), "callPickup", s.conn("establishedConnection", k.id, by), s.dev("answeringDevice", by), s.dev("callingDevice", a.number), s.dev("calledDevice", b.number),
		s.last())
}

func (s *Server) snapshot(number string) (out []string) {
	for _, k := range s.calls {
		l := k.leg(number)
		if l == nil {
			continue
		}
		states := []string{text("localConnectionState", l.state)}
		for _, m := range k.legs {
			if m != l {
				states = append(states, text("localConnectionState", m.state))
			}
		}
		out = append(out, tag("snapshotDeviceResponseInfo", s.conn("connectionIdentifier", k.id, number), s.dev("endpointDevice", l.other), tag("localCallState", tag("compoundCallState", states...))))
	}
	return out
}

// Leg is a call of a line as it is.
type Leg struct {
	Ringing bool // else on the phone
	Other   string
	Held    bool
}

// Truth are the calls of a line.
func (s *Server) Truth(number string) (out []Leg) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for _, k := range s.calls {
		if l := k.leg(number); l != nil {
			out = append(out, Leg{l.state == "alerting", l.other, l.state == "hold"})
		}
	}
	slices.SortFunc(out, func(a, b Leg) int {
		return cmp.Or(cmp.Compare(a.Other, b.Other), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	return out
}

func (s *Server) feature(name, number string, content ...string) {
	for x := range s.Peers {
		for ref, n := range x.monitors {
			if n == number && !s.Silent {
				x.send("9999", message(name, x.space, slices.Concat([]string{text("monitorCrossRefID", ref), s.dev("device", number)}, content)...))
			}
		}
	}
}

func (s *Server) setForward(p *phone, kind, target string) {
	p.forward[kind] = target
	content := []string{text("forwardingType", kind), text("forwardStatus", strconv.FormatBool(target != ""))}
	if target != "" {
		content = append(content, text("forwardTo", target))
	}
	s.feature("ForwardingEvent", p.number, content...)
}

func (s *Server) setDND(p *phone, on bool) {
	p.dnd = on
	s.feature("DoNotDisturbEvent", p.number, text("doNotDisturbOn", strconv.FormatBool(on)))
}

// Press has a telephone change its forwarding: a type of the standard and a target, empty for none.
func (s *Server) Press(number, kind, target string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.setForward(s.lines[number], kind, target)
}

// PressDND has a telephone be left alone, or not.
func (s *Server) PressDND(number string, on bool) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.setDND(s.lines[number], on)
}

// Forwarded is where a line is forwarded to, by a type.
func (s *Server) Forwarded(number, kind string) string {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	return s.lines[number].forward[kind]
}

// DND reports whether a line is to be left alone.
func (s *Server) DND(number string) bool {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	return s.lines[number].dnd
}

// Service takes a line out of service, or back.
func (s *Server) Service(number string, on bool) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	name := "OutOfServiceEvent"
	if on {
		name = "BackInServiceEvent"
	}
	s.feature(name, number, text("cause", "normal"))
}
