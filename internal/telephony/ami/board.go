package ami

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/presence"
)

// States of channels: AST_STATE_... in include/asterisk/channelstate.h.
const (
	stateDown    = 0
	stateOffHook = 2
	stateDialing = 3
	stateRing    = 4 // it calls, and the other side rings
	stateRinging = 5
	stateUp      = 6
	stateDialOff = 8
	statePreRing = 9
)

// keepEnded is how long a channel that ended is remembered, so that nothing late brings it back.
const keepEnded = 10 * time.Minute

// channel is one leg of a call, as the events tell.
type channel struct {
	id     string // Uniqueid
	device string // PJSIP/201; empty: of no device, or about to vanish
	state  int
	held   bool
	number string // of its own
	other  string // of the connected line
	name   string // likewise
	dialed string // number that was called, of a channel that calls
	bridge string
}

// board is what is known of all channels. It is owned by one goroutine and reads no clock.
type board struct {
	patterns []string
	context  string
	numbers  wire.Numbers

	channels map[string]*channel
	devices  map[string]map[string]*channel // by device
	bridges  map[string]map[string]*channel // by bridge
	ended    map[string]time.Time

	states map[string]string   // of devices, as Asterisk says
	hints  map[string][]string // extension to devices
	inside map[string]bool     // extensions with a hint, also of other contexts

	lines   map[string][]string // followed extension to its devices; none: it is not known
	owners  map[string][]string // device to followed extensions
	touched map[string]bool     // extensions that look different, perhaps
}

func newBoard(c Config, numbers wire.Numbers) *board {
	return &board{patterns: c.Devices, context: c.Context, numbers: numbers, channels: map[string]*channel{}, devices: map[string]map[string]*channel{},
		bridges: map[string]map[string]*channel{}, ended: map[string]time.Time{}, states: map[string]string{}, hints: map[string][]string{},
		inside: map[string]bool{}, lines: map[string][]string{}, owners: map[string][]string{}, touched: map[string]bool{}}
}

// deviceOf is the device of a channel: PJSIP/201 of PJSIP/201-0000001a. Both halves of a Local channel are of none, and so is what is
// left of a channel that another took the place of.
func deviceOf(name string) string {
	tech, _, ok := strings.Cut(name, "/")
	end := strings.LastIndexByte(name, '-')
	if !ok || end < 0 || strings.EqualFold(tech, "Local") || strings.Contains(name, "<ZOMBIE>") || strings.Contains(name, "<MASQ>") {
		return ""
	}
	return name[:end]
}

// devicesOf are the devices of a hint: PJSIP/201&Custom:DND201,CustomPresence:201.
func devicesOf(hint string) []string {
	var out []string
	hint, _, _ = strings.Cut(hint, ",")
	for d := range strings.SplitSeq(hint, "&") {
		d = strings.TrimSpace(d)
		if strings.Contains(d, "/") && !strings.HasPrefix(strings.ToLower(d), "local/") && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// follow says whose lines are of interest.
func (b *board) follow(extensions []string) {
	b.lines, b.owners = make(map[string][]string, len(extensions)), map[string][]string{}
	for _, e := range extensions {
		devices := b.hints[e]
		if len(devices) == 0 {
			for _, p := range b.patterns {
				d := strings.ReplaceAll(p, "{line}", e)
				if s, ok := b.states[d]; ok && s != "INVALID" || len(b.devices[d]) > 0 {
					devices = append(devices, d)
				}
			}
		}
		b.lines[e] = devices
		for _, d := range devices {
			b.owners[d] = append(b.owners[d], e)
		}
		b.touched[e] = true
	}
}

func (b *board) touch(c *channel) {
	for _, e := range b.owners[c.device] {
		b.touched[e] = true
	}
	for _, peer := range b.bridges[c.bridge] {
		for _, e := range b.owners[peer.device] {
			b.touched[e] = true
		}
	}
}

func index(m map[string]map[string]*channel, key string, c *channel) {
	if key == "" {
		return
	}
	if m[key] == nil {
		m[key] = map[string]*channel{}
	}
	m[key][c.id] = c
}

func unindex(m map[string]map[string]*channel, key string, c *channel) {
	delete(m[key], c.id)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

func (b *board) moveDevice(c *channel, to string) {
	if c.device != to {
		b.touch(c)
		unindex(b.devices, c.device, c)
		c.device = to
		index(b.devices, to, c)
	}
}

func (b *board) moveBridge(c *channel, to string) {
	if c.bridge != to {
		b.touch(c)
		unindex(b.bridges, c.bridge, c)
		c.bridge = to
		index(b.bridges, to, c)
	}
}

func (b *board) remove(c *channel) {
	b.moveBridge(c, "")
	b.moveDevice(c, "")
	delete(b.channels, c.id)
}

// snapshots are what the names of fields begin with in events that tell of several channels (main/stasis_bridges.c, manager_channels.c).
var snapshots = []string{"", "dest", "origtransferer", "secondtransferer", "transferer", "transferee", "transfertarget"}

// apply takes an event in. What is not about channels or devices changes nothing.
func (b *board) apply(m message, now time.Time) {
	id := m.get("uniqueid")
	switch m.get("event") {
	case "Hangup":
		b.ended[id] = now
		if c := b.channels[id]; c != nil {
			b.remove(c)
		}
		return
	case "Rename":
		if c := b.channels[id]; c != nil {
			b.moveDevice(c, deviceOf(m.get("newname")))
			b.touch(c)
		}
		return
	case "DeviceStateChange":
		b.states[m.get("device")] = m.get("state")
		return
	case "ExtensionStatus":
		b.hint(m)
		return
	}
	for _, prefix := range snapshots {
		b.see(m, prefix)
	}
	c := b.channels[id]
	if c == nil {
		return
	}
	switch m.get("event") {
	case "Hold":
		c.held = true
	case "Unhold":
		c.held = false
	case "BridgeEnter":
		b.moveBridge(c, m.get("bridgeuniqueid"))
	case "BridgeLeave":
		b.moveBridge(c, "")
	}
	b.touch(c)
}

func (b *board) hint(m message) {
	e, in := m.get("exten"), m.get("context")
	if e == "" || m.get("hint") == "" {
		return
	}
	b.inside[e] = true
	if b.context != "" && b.context != in {
		return
	}
	for _, d := range devicesOf(m.get("hint")) {
		if !slices.Contains(b.hints[e], d) {
			b.hints[e] = append(b.hints[e], d)
		}
	}
}

// see takes in what an event says of one of its channels.
func (b *board) see(m message, prefix string) *channel {
	id, name := m[prefix+"uniqueid"], m[prefix+"channel"]
	if id == "" || name == "" {
		return nil
	}
	if _, over := b.ended[id]; over {
		return nil
	}
	c := b.channels[id]
	if c == nil {
		c = &channel{id: id}
		b.channels[id] = c
	}
	if prefix == "" { // other parts of an event may be from before a Rename
		b.moveDevice(c, deviceOf(name))
	} else if c.device == "" && c.state == stateDown {
		b.moveDevice(c, deviceOf(name))
	}
	// A channel that is up never goes back: what says so is late.
	if s := number(m[prefix+"channelstate"]); s >= 0 && (c.state != stateUp || s == stateUp) {
		c.state = s
	}
	c.number = wire.Clean(m[prefix+"calleridnum"])
	c.other = wire.Clean(m[prefix+"connectedlinenum"])
	c.name = known(m[prefix+"connectedlinename"])
	if c.dialed == "" && c.state != stateUp && lineState(c.state) == presence.LineOnThePhone {
		c.dials(m[prefix+"exten"])
	}
	b.touch(c)
	return c
}

// dials notes what a channel that calls has dialled; "s" and other words of dialplans are no numbers.
func (c *channel) dials(exten string) {
	if n := wire.Clean(exten); wire.Dialable(n) {
		c.dialed = n
	}
}

// number reads a number; -1: it is none.
func number(s string) int {
	if s == "" || len(s) > 3 {
		return -1
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func known(s string) string {
	if s == "<unknown>" {
		return ""
	}
	return s
}

// lists are what a system says of itself all at once.
type lists struct {
	devices    []message // DeviceStateChange
	extensions []message // ExtensionStatus
	channels   []message // CoreShowChannel
}

// replace has what lists say take the place of all that is known, but what they do not tell: which channels are on hold.
func (b *board) replace(l lists, extensions []string, now time.Time) {
	for id, at := range b.ended {
		if now.Sub(at) > keepEnded {
			delete(b.ended, id)
		}
	}
	b.states, b.hints, b.inside = make(map[string]string, len(l.devices)), make(map[string][]string, len(l.extensions)), map[string]bool{}
	for _, m := range l.devices {
		b.states[m.get("device")] = m.get("state")
	}
	for _, m := range l.extensions {
		b.hint(m)
	}
	there := make(map[string]bool, len(l.channels))
	for _, m := range l.channels {
		if c := b.see(m, ""); c != nil {
			there[c.id] = true
			if s := number(m.get("channelstate")); s >= 0 {
				c.state = s
			}
			if app := m.get("application"); c.dialed == "" && c.state == stateUp && app != "AppDial" && app != "AppQueue" { // those were called
				c.dials(m.get("exten"))
			}
			b.moveBridge(c, m.get("bridgeid"))
		}
	}
	for _, c := range slices.Collect(maps.Values(b.channels)) {
		if !there[c.id] {
			b.ended[c.id] = now
			b.remove(c)
		}
	}
	for d, channels := range b.devices { // what their devices say of hold, where that is clear
		for _, c := range channels {
			switch {
			case c.state != stateUp:
			case b.states[d] == "ONHOLD":
				c.held = true
			case b.states[d] == "INUSE" && len(channels) == 1:
				c.held = false
			}
		}
	}
	b.follow(extensions)
}

// differs reports whether what a device says of itself cannot be with what is known of its channels: something was lost, or is on
// its way.
func (b *board) differs(device, state string) bool {
	if len(b.owners[device]) == 0 {
		return false
	}
	busy, rings := false, false
	for _, c := range b.devices[device] {
		switch lineState(c.state) {
		case presence.LineOnThePhone:
			busy = true
		case presence.LineRinging:
			rings = true
		}
	}
	switch state {
	case "NOT_INUSE", "UNAVAILABLE":
		return busy || rings
	case "INUSE", "ONHOLD", "BUSY":
		return !busy
	case "RINGING":
		return busy || !rings
	case "RINGINUSE":
		return !busy || !rings
	}
	return false
}

func lineState(state int) presence.LineState {
	switch state {
	case stateUp, stateRing, stateOffHook, stateDialing, stateDialOff:
		return presence.LineOnThePhone
	case stateRinging, statePreRing:
		return presence.LineRinging
	}
	return presence.LineIdle
}

// knows reports whether an extension is one of the system.
func (b *board) knows(extension string) bool { return b.inside[extension] }

// calls are those of an extension; ok is false if the system does not know it.
func (b *board) calls(extension string) (calls []telephony.Call, ok bool) {
	devices := b.lines[extension]
	inside := b.knows
	if len(b.inside) == 0 {
		inside = nil
	}
	for _, d := range devices {
		for _, c := range b.devices[d] {
			s := lineState(c.state)
			if s == presence.LineIdle {
				continue
			}
			other := b.other(c)
			call := telephony.Call{ID: c.id, State: s, Other: other, Held: c.held, Reach: b.numbers.Reach(other, inside)}
			if call.Other == "" {
				call.Other = c.name
			}
			calls = append(calls, call)
		}
	}
	slices.SortFunc(calls, func(x, y telephony.Call) int { return cmp.Compare(x.ID, y.ID) })
	return calls, len(devices) > 0
}

// other is the number of the other party: what the telephone shows, else who is in the bridge with it, else what was dialled.
func (b *board) other(c *channel) string {
	if c.other != "" {
		return c.other
	}
	if peers := b.bridges[c.bridge]; len(peers) == 2 {
		for _, p := range peers {
			if p != c && p.number != "" {
				return p.number
			}
		}
	}
	return c.dialed
}
