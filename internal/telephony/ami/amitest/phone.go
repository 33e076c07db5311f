package amitest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// States of channels, by number.
var stateNames = map[int]string{0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}

type channel struct {
	name, device  string
	state         int
	number, label string // of its own
	other, whose  string // of the connected line
	exten         string
	dialed        string
	id, linked    string
	called        bool // it was called, and did not call
	held          bool
	bridge        *bridge
}

type bridge struct {
	id      string
	members []*channel
}

func (b *bridge) name() string {
	if b == nil {
		return ""
	}
	return b.id
}

func (b *bridge) snapshot(prefix string) []field {
	return []field{{prefix + "BridgeUniqueid", b.id}, {prefix + "BridgeType", "basic"}, {prefix + "BridgeTechnology", "simple_bridge"},
		{prefix + "BridgeCreator", "<unknown>"}, {prefix + "BridgeName", "<unknown>"}, {prefix + "BridgeNumChannels", fmt.Sprint(len(b.members))},
		{prefix + "BridgeVideoSourceMode", "none"}}
}

func unknown(s string) string {
	if s == "" {
		return "<unknown>"
	}
	return s
}

func (c *channel) snapshot(prefix string) []field {
	return []field{{prefix + "Channel", c.name}, {prefix + "ChannelState", fmt.Sprint(c.state)}, {prefix + "ChannelStateDesc", stateNames[c.state]},
		{prefix + "CallerIDNum", unknown(c.number)}, {prefix + "CallerIDName", unknown(c.label)}, {prefix + "ConnectedLineNum", unknown(c.other)},
		{prefix + "ConnectedLineName", unknown(c.whose)}, {prefix + "Language", "en"}, {prefix + "AccountCode", ""}, {prefix + "Context", "from-internal"},
		{prefix + "Exten", c.exten}, {prefix + "Priority", "1"}, {prefix + "Uniqueid", c.id}, {prefix + "Linkedid", c.linked}}
}

// AddPhone adds an extension with one telephone, and a hint as FreePBX writes it.
func (s *Server) AddPhone(extensions ...string) {
	for _, e := range extensions {
		s.AddDevice("PJSIP/" + e)
		s.AddHint(e, "ext-local", "PJSIP/"+e+"&Custom:DND"+e+",CustomPresence:"+e)
		s.Mu.Lock()
		s.db["/AMPUSER/"+e+"/device"] = e
		s.Mu.Unlock()
	}
}

// AddDevice adds a telephone.
func (s *Server) AddDevice(device string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.device(device, "NOT_INUSE")
}

// AddHint adds a hint.
func (s *Server) AddHint(exten, context, devices string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.hints = append(s.hints, hint{exten, context, devices})
}

// RemoveHints removes the hints of an extension.
func (s *Server) RemoveHints(exten string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.hints = slices.DeleteFunc(s.hints, func(h hint) bool { return h.exten == exten })
}

// device gives a device a state, and tells of it if it is another.
func (s *Server) device(name, state string) {
	old, there := s.devices[name]
	if !there {
		s.order = append(s.order, name)
	}
	s.devices[name] = state
	if old == state {
		return
	}
	s.emit("call", "DeviceStateChange", []field{{"Device", name}, {"State", state}})
	for _, h := range s.hints {
		if devices, _, _ := strings.Cut(h.devices, ","); slices.Contains(strings.Split(devices, "&"), name) {
			e := s.extension(h)
			s.emit("call", "ExtensionStatus", e[1:])
		}
	}
}

func (s *Server) extension(h hint) []field {
	status, word := 0, "Idle"
	devices, _, _ := strings.Cut(h.devices, ",")
	for d := range strings.SplitSeq(devices, "&") {
		switch s.devices[d] {
		case "INUSE":
			status, word = 1, "InUse"
		case "BUSY":
			status, word = 2, "Busy"
		case "RINGING":
			status, word = 8, "Ringing"
		case "RINGINUSE":
			status, word = 9, "InUse&Ringing"
		case "ONHOLD":
			status, word = 16, "Hold"
		}
	}
	return []field{{"Event", "ExtensionStatus"}, {"Exten", h.exten}, {"Context", h.context}, {"Hint", h.devices}, {"Status", fmt.Sprint(status)}, {"StatusText", word}}
}

// look gives the device of a channel the state that its channels make (main/devicestate.c, chan_pjsip.c).
func (s *Server) look(device string) {
	up, held, rings := 0, 0, 0
	for _, c := range s.channels {
		if c.device != device {
			continue
		}
		switch {
		case c.state == 5:
			rings++
		case c.held:
			held++
			up++
		case c.state == 4 || c.state == 6:
			up++
		}
	}
	state := "NOT_INUSE"
	switch {
	case up > 0 && rings > 0:
		state = "RINGINUSE"
	case up > 0 && held == up:
		state = "ONHOLD"
	case up > 0:
		state = "INUSE"
	case rings > 0:
		state = "RINGING"
	case s.absent[device]:
		state = "UNAVAILABLE"
	}
	s.device(device, state)
}

// outside reports whether a number is reached by the trunk.
func (s *Server) outside(number string) bool {
	return !slices.ContainsFunc(s.hints, func(h hint) bool { return h.exten == number })
}

func (s *Server) newChannel(number string, called bool, state int, linked string) *channel {
	device := "PJSIP/" + number
	if s.outside(number) {
		device = "PJSIP/trunk"
	}
	s.serial++
	c := &channel{device: device, name: fmt.Sprintf("%s-%08x", device, s.serial), state: state, number: number, label: "Phone " + number, id: fmt.Sprintf("%d.%d", s.epoch, s.serial), called: called}
	if c.linked = linked; linked == "" {
		c.linked = c.id
	}
	s.channels = append(s.channels, c)
	return c
}

// Call is what goes on between telephones. It is over when no legs are left.
type Call struct {
	s    *Server
	legs []*channel // the caller first
}

// Call has a number call another: extensions, or numbers outside, which come and go by a trunk. The other side rings.
func (s *Server) Call(from, to string) *Call {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	a := s.newChannel(from, false, 4, "")
	a.exten, a.dialed = to, to
	s.emit("call", "Newchannel", a.snapshot(""))
	s.look(a.device)
	k := &Call{s: s, legs: []*channel{a}}
	k.dial(a, to)
	return k
}

// dial has a channel call a number, which rings.
func (k *Call) dial(a *channel, to string) *channel {
	s := k.s
	b := s.newChannel(to, true, 0, a.linked)
	s.emit("call", "Newchannel", b.snapshot(""))
	b.other, b.whose = a.number, a.label
	s.emit("call", "NewConnectedLine", b.snapshot(""))
	s.emit("call", "DialBegin", a.snapshot(""), b.snapshot("Dest"), []field{{"DialString", strings.TrimPrefix(b.device, "PJSIP/")}})
	b.state = 5
	s.emit("call", "Newstate", b.snapshot(""))
	s.emit("call", "DialState", a.snapshot(""), b.snapshot("Dest"), []field{{"DialStatus", "RINGING"}})
	a.other, a.whose = b.number, b.label
	s.emit("call", "NewConnectedLine", a.snapshot(""))
	s.look(b.device)
	k.legs = append(k.legs, b)
	return b
}

// Over reports whether nobody is left in a call.
func (k *Call) Over() bool {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	return len(k.legs) == 0
}

// Answered reports whether the call was answered.
func (k *Call) Answered() bool {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	return k.answered()
}

func (k *Call) answered() bool { return len(k.legs) > 1 && k.legs[1].bridge != nil }

// Parties are the numbers of those in a call.
func (k *Call) Parties() (out []string) {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	for _, c := range k.legs {
		out = append(out, c.number)
	}
	return out
}

func (k *Call) leg(number string) *channel {
	for _, c := range k.legs {
		if c.number == number {
			return c
		}
	}
	return nil
}

// Answer has the side that rings answer.
func (k *Call) Answer() {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	if len(k.legs) == 2 && !k.answered() {
		k.answer()
	}
}

func (k *Call) answer() {
	s, a, b := k.s, k.legs[0], k.legs[1]
	b.state = 6
	s.emit("call", "Newstate", b.snapshot(""))
	s.emit("call", "DialEnd", a.snapshot(""), b.snapshot("Dest"), []field{{"DialStatus", "ANSWER"}})
	if a.state != 6 {
		a.state = 6
		s.emit("call", "Newstate", a.snapshot(""))
	}
	s.bridges++
	br := &bridge{id: fmt.Sprintf("b0b0b0b0-0000-4000-8000-%012d", s.bridges)}
	s.enter(br, b)
	if a.bridge == nil {
		s.enter(br, a)
	}
	s.look(a.device)
	s.look(b.device)
}

func (s *Server) enter(br *bridge, c *channel) {
	br.members = append(br.members, c)
	c.bridge = br
	s.emit("call", "BridgeEnter", br.snapshot(""), c.snapshot(""))
}

func (s *Server) leaveBridge(c *channel) {
	if br := c.bridge; br != nil {
		br.members = slices.DeleteFunc(br.members, func(m *channel) bool { return m == c })
		c.bridge = nil
		s.emit("call", "BridgeLeave", br.snapshot(""), c.snapshot(""))
	}
}

// hang ends a channel.
func (s *Server) hang(c *channel) {
	s.leaveBridge(c)
	s.channels = slices.DeleteFunc(s.channels, func(m *channel) bool { return m == c })
	s.emit("call", "Hangup", c.snapshot(""), []field{{"Cause", "16"}, {"Cause-txt", "Normal Clearing"}, {"TechCause", ""}})
	s.look(c.device)
}

// Hangup ends a call for all.
func (k *Call) Hangup() {
	k.s.Mu.Lock()
	defer k.s.Mu.Unlock()
	if len(k.legs) == 2 && !k.answered() {
		k.s.emit("call", "DialEnd", k.legs[0].snapshot(""), k.legs[1].snapshot("Dest"), []field{{"DialStatus", "CANCEL"}})
	}
	for _, c := range slices.Backward(k.legs) {
		k.s.hang(c)
	}
	k.legs = nil
}

// Leave has one hang up; the last one goes with the last but one.
func (k *Call) Leave(number string) {
	k.s.Mu.Lock()
	c := k.leg(number)
	n := len(k.legs)
	if c != nil && n > 2 {
		k.s.hang(c)
		k.legs = slices.DeleteFunc(k.legs, func(m *channel) bool { return m == c })
	}
	k.s.Mu.Unlock()
	if c != nil && n <= 2 {
		k.Hangup()
	}
}

// Hold has a party put the others on hold, or go on.
func (k *Call) Hold(number string, on bool) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	c := k.leg(number)
	if c == nil || c.state != 6 || c.held == on {
		return
	}
	if c.held = on; on {
		s.emit("call", "Hold", c.snapshot(""), []field{{"MusicClass", "default"}})
	} else {
		s.emit("call", "Unhold", c.snapshot(""))
	}
	s.look(c.device)
}

// Join has one more called into an answered call, who answers: a conference.
func (k *Call) Join(number string) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if !k.answered() || k.leg(number) != nil {
		return
	}
	c := s.newChannel(number, true, 6, k.legs[0].linked)
	c.other, c.whose = k.legs[0].number, k.legs[0].label
	s.emit("call", "Newchannel", c.snapshot(""))
	s.enter(k.legs[0].bridge, c)
	s.look(c.device)
	k.legs = append(k.legs, c)
}

// Transfer has a party of two pass the other on to a number, which rings, without asking there.
func (k *Call) Transfer(by, to string) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	c := k.leg(by)
	if c == nil || len(k.legs) != 2 || !k.answered() {
		return
	}
	rest := k.legs[0]
	if rest == c {
		rest = k.legs[1]
	}
	s.emit("call", "BlindTransfer", []field{{"Result", "Success"}}, c.snapshot("Transferer"), rest.snapshot("Transferee"), c.bridge.snapshot(""),
		[]field{{"IsExternal", "Yes"}, {"Context", "from-internal"}, {"Extension", to}})
	s.leaveBridge(rest)
	s.hang(c)
	rest.exten = to
	k.legs = []*channel{rest}
	k.dial(rest, to)
	s.look(rest.device)
}

// Merge has a party of two answered calls connect the others, and leave: an attended transfer. The other call is over.
func (k *Call) Merge(other *Call, by string) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	c, d := k.leg(by), other.leg(by)
	if k == other || c == nil || d == nil || len(k.legs) != 2 || len(other.legs) != 2 || !k.answered() || !other.answered() {
		return
	}
	a, b := k.legs[0], other.legs[0]
	if a == c {
		a = k.legs[1]
	}
	if b == d {
		b = other.legs[1]
	}
	s.emit("call", "AttendedTransfer", []field{{"Result", "Success"}}, c.snapshot("OrigTransferer"), c.bridge.snapshot("Orig"), d.snapshot("SecondTransferer"), d.bridge.snapshot("Second"),
		[]field{{"DestType", "Bridge"}, {"DestBridgeUniqueid", c.bridge.id}}, a.snapshot("Transferee"), b.snapshot("TransferTarget"))
	br := c.bridge
	s.leaveBridge(b)
	s.enter(br, b)
	s.hang(c)
	s.hang(d)
	a.other, a.whose, b.other, b.whose = b.number, b.label, a.number, a.label
	s.emit("call", "NewConnectedLine", a.snapshot(""))
	s.emit("call", "NewConnectedLine", b.snapshot(""))
	s.look(a.device)
	s.look(b.device)
	k.legs, other.legs = []*channel{a, b}, nil
}

// Pickup has another telephone take a call that rings: its channel takes the place of the one that rang (main/channel.c, masquerade).
func (k *Call) Pickup(by string) {
	s := k.s
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if len(k.legs) != 2 || k.answered() {
		return
	}
	b := k.legs[1]
	p := s.newChannel(by, false, 4, "")
	p.exten = "**" + b.number
	s.emit("call", "Newchannel", p.snapshot(""))
	p.state = 6
	s.emit("call", "Newstate", p.snapshot(""))
	rename := func(c *channel, to string) {
		s.emit("call", "Rename", []field{{"Channel", c.name}, {"Newname", to}, {"Uniqueid", c.id}})
		c.name = to
	}
	theirs, ours, device := b.name, p.name, b.device
	rename(p, ours+"<MASQ>")
	rename(b, ours)
	rename(p, theirs+"<ZOMBIE>")
	b.device, p.device = p.device, ""
	b.number, b.label = p.number, p.label
	s.channels = slices.DeleteFunc(s.channels, func(m *channel) bool { return m == p })
	s.emit("call", "Hangup", p.snapshot(""), []field{{"Cause", "16"}, {"Cause-txt", "Normal Clearing"}, {"TechCause", ""}})
	k.answer()
	k.legs[0].other, k.legs[0].whose = b.number, b.label
	s.emit("call", "NewConnectedLine", k.legs[0].snapshot(""))
	s.look(device)
	s.look(b.device)
}

// Leg is a call of a line as it is.
type Leg struct {
	ID      string
	Ringing bool // else on the phone
	Other   string
	Held    bool
}

// Truth are the calls of a device, such as PJSIP/201, sorted by ID.
func (s *Server) Truth(device string) (out []Leg) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for _, c := range s.channels {
		if c.device == device && c.state != 0 {
			out = append(out, Leg{ID: c.id, Ringing: c.state == 5, Other: cmp.Or(c.other, c.dialed), Held: c.held})
		}
	}
	slices.SortFunc(out, func(a, b Leg) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
