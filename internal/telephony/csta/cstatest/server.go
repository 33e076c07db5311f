// Package cstatest is a stand-in for a telephone system that speaks CSTA III in XML, with telephones that do what they are told. It is strict
// with what it gets: elements have to be those of the standard, in its order and in the namespace that was agreed; all else is a violation.
package cstatest

import (
	"bufio"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/telephony/wire/standin"
)

// Config says which system it is. The zero value has sessions, and everybody's.
type Config struct {
	Register     bool   // SystemRegister in place of sessions
	Applications string // the one that is let in; empty: all
	Password     string // of the sign-in that Avaya's sessions have; empty: none
	Edition      string // that it answers in, whatever was asked for; empty: the one asked for
	Duration     int    // seconds that a session lasts; zero: what is asked for
	Decorated    bool   // numbers as OpenScape writes them
	NoForwarding bool   // it knows no such service
	SplitTypes   bool   // busy and no answer are for internal and external calls each
	Plain        bool   // device lines without a namespace in answers, as OpenScape does at times
}

// Server is the stand-in. Its methods may be called by several goroutines.
type Server struct {
	standin.Base[*session]
	c Config

	// guarded by Mu
	late    []sent
	serial  int
	lines   map[string]*phone
	calls   []*Call
	refuses map[string]string // request to error, as group/code
	after   map[string]func() // what happens once a request was answered
}

type phone struct {
	number  string
	forward map[string]string // type to target
	dnd     bool
}

// sent is an event that was told, for telling it again when its call is over.
type sent struct {
	x    *session
	call string
	text string
}

// Start serves what comes in by l until Close.
func Start(l net.Listener, c Config) *Server {
	s := &Server{c: c, lines: map[string]*phone{}, refuses: map[string]string{}, after: map[string]func(){}}
	s.Serve(l, func(out *standin.Out) *session {
		return &session{Out: out, s: s, monitors: map[string]string{}, pending: map[string]bool{}}
	})
	return s
}

// Monitors is how many monitors there are.
func (s *Server) Monitors() (n int) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for x := range s.Peers {
		n += len(x.monitors)
	}
	return n
}

type session struct {
	*standin.Out
	s *Server

	// guarded by Server.Mu
	begun    bool
	id       string
	space    string
	until    time.Time         // the session's end; zero: never
	monitors map[string]string // reference to number
	pending  map[string]bool   // invoke identifiers of requests to the client
	invoke   int
}

func (x *session) send(invoke, text string) {
	h := make([]byte, 8)
	binary.BigEndian.PutUint16(h[2:], uint16(8+len(text)))
	copy(h[4:], invoke)
	x.Send(append(h, text...))
}

// elem is an element as it came.
type elem struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
	Nodes   []elem `xml:",any"`
}

func (e *elem) value(path ...string) string {
	for _, name := range path {
		i := slices.IndexFunc(e.Nodes, func(n elem) bool { return n.XMLName.Local == name })
		if i < 0 {
			return ""
		}
		e = &e.Nodes[i]
	}
	return strings.TrimSpace(e.Text)
}

// Read implements standin.Session.
func (x *session) Read() {
	s := x.s
	r := bufio.NewReader(x.Conn)
	for {
		h := make([]byte, 8)
		if _, err := io.ReadFull(r, h); err != nil {
			return
		}
		body := make([]byte, max(0, int(binary.BigEndian.Uint16(h[2:]))-8))
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		s.Mu.Lock()
		if h[0] != 0 || h[1] != 0 {
			s.Violate("a frame does not begin with two zero bytes")
		}
		var e elem
		if err := xml.Unmarshal(body, &e); err != nil {
			s.Violate("a message is no XML: %v", err)
		} else if !s.Silent {
			s.act(x, string(h[4:]), &e)
		}
		after := s.after[e.XMLName.Local]
		delete(s.after, e.XMLName.Local)
		s.Mu.Unlock()
		if after != nil {
			after()
		}
	}
}

// requests are what each request consists of, in the order of the standard; an optional element has a question mark after its name. What is not in the extract of
// ECMA-285 is as it is commonly known, and not held against the standard itself.
var requests = map[string][]string{
	"StartApplicationSession":      {"applicationInfo", "requestedProtocolVersions", "requestedSessionDuration?"},
	"ResetApplicationSessionTimer": {"sessionID", "requestedSessionDuration?"},
	"StopApplicationSession":       {"sessionID", "sessionEndReason"},
	"SystemRegister":               {"requestTypes"},
	"RequestSystemStatus":          {},
	"SystemStatus":                 {"systemStatus"},
	"MonitorStart":                 {"monitorObject", "requestedMonitorFilter?", "monitorType?", "requestedMonitorMediaClass?", "extensions?"},
	"MonitorStop":                  {"monitorCrossRefID"},
	"SnapshotDevice":               {"snapshotObject", "extensions?"},
	"GetForwarding":                {"device", "extensions?"},
	"SetForwarding":                {"device", "forwardingType?", "activateForward", "forwardDN?", "ringCount?", "ringDuration?", "extensions?"},
	"GetDoNotDisturb":              {"device", "extensions?"},
	"SetDoNotDisturb":              {"device", "doNotDisturbOn", "callOrigination?", "callingDeviceList?", "extensions?"},
}

const (
	sessionSpace = "http://www.ecma-international.org/standards/ecma-354/appl_session"
	cstaSpace    = "http://www.ecma-international.org/standards/ecma-323/csta/"
)

// conforms notes what is wrong with a request.
func (s *Server) conforms(x *session, e *elem) {
	name := e.XMLName.Local
	want := x.space
	if strings.Contains(name, "ApplicationSession") {
		want = sessionSpace
	}
	if want != "" && e.XMLName.Space != want {
		s.Violate("%s is in the namespace %q, not %q", name, e.XMLName.Space, want)
	}
	if want == "" && !strings.HasPrefix(e.XMLName.Space, cstaSpace) {
		s.Violate("%s is in the namespace %q", name, e.XMLName.Space)
	}
	i := 0
	for _, n := range e.Nodes {
		for i < len(requests[name]) && strings.TrimSuffix(requests[name][i], "?") != n.XMLName.Local {
			if !strings.HasSuffix(requests[name][i], "?") {
				s.Violate("%s has no %s before %s", name, requests[name][i], n.XMLName.Local)
			}
			i++
		}
		if i == len(requests[name]) {
			s.Violate("%s has %s where it may not be", name, n.XMLName.Local)
			return
		}
		if n.XMLName.Space != e.XMLName.Space {
			s.Violate("%s is in another namespace than %s", n.XMLName.Local, name)
		}
		i++
	}
	for ; i < len(requests[name]); i++ {
		if !strings.HasSuffix(requests[name][i], "?") {
			s.Violate("%s has no %s", name, requests[name][i])
		}
	}
}

// tag is an element as it is sent.
func tag(name string, content ...string) string {
	return "<" + name + ">" + strings.Join(content, "") + "</" + name + ">"
}

func text(name, content string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(content))
	return tag(name, b.String())
}

func message(name, space string, content ...string) string {
	out := `<?xml version="1.0" encoding="UTF-8"?><` + name
	if space != "" {
		out += ` xmlns="` + space + `"`
	}
	return out + ">" + strings.Join(content, "") + "</" + name + ">"
}

func (x *session) answer(invoke, request string, content ...string) {
	space := x.space
	if x.s.c.Plain {
		space = ""
	}
	x.send(invoke, message(request+"Response", space, content...))
}

func (x *session) fail(invoke, group, code string) {
	x.send(invoke, message("CSTAErrorCode", x.space, text(group, code)))
}

func (s *Server) act(x *session, invoke string, e *elem) {
	name := e.XMLName.Local
	s.Count(name)
	if strings.HasSuffix(name, "Response") {
		if !x.pending[invoke] {
			s.Violate("%s to %s, which nobody asked", name, invoke)
		}
		delete(x.pending, invoke)
		return
	}
	if _, known := requests[name]; !known {
		s.Violate("a request that is not known: %s", name)
		x.fail(invoke, "operation", "generic")
		return
	}
	if n, err := strconv.Atoi(invoke); err != nil || n > 9998 {
		s.Violate("the invoke identifier %s of a request", invoke)
	}
	s.conforms(x, e)
	if !x.until.IsZero() && time.Now().After(x.until) {
		x.End() // the session ran out
		return
	}
	if r, ok := s.refuses[name]; ok {
		group, code, _ := strings.Cut(r, "/")
		x.fail(invoke, group, code)
		return
	}
	switch name {
	case "StartApplicationSession":
		s.begin(x, invoke, e)
		return
	case "SystemRegister":
		x.begun, x.space = true, e.XMLName.Space
		if !s.c.Register {
			x.fail(invoke, "operation", "serviceNotSupported")
			return
		}
		x.answer(invoke, name, text("sysStatRegisterID", "27ss"))
		s.request(x, "SystemStatus", text("systemStatus", "normal"))
		return
	}
	if !x.begun && (!s.c.Register || s.c.Applications != "") {
		s.Violate("%s before a session", name)
		x.fail(invoke, "security", "sessionRequired")
		return
	}
	if x.space == "" {
		x.space = e.XMLName.Space
	}
	switch name {
	case "ResetApplicationSessionTimer":
		if e.value("sessionID") != x.id {
			x.send(invoke, message("ResetApplicationSessionTimerNegResponse", sessionSpace, tag("errorCode", text("definedError", "invalidSessionID"))))
			return
		}
		x.send(invoke, message("ResetApplicationSessionTimerPosResponse", sessionSpace, text("actualSessionDuration", strconv.Itoa(x.prolong(e)))))
	case "StopApplicationSession":
		x.send(invoke, message("StopApplicationSessionPosResponse", sessionSpace))
		x.End()
	case "RequestSystemStatus":
		x.answer(invoke, name, text("systemStatus", "normal"))
	case "SystemStatus":
		x.answer(invoke, name)
	case "MonitorStop":
		if _, ok := x.monitors[e.value("monitorCrossRefID")]; !ok {
			x.fail(invoke, "operation", "invalidMonitorCrossRefID")
			return
		}
		delete(x.monitors, e.value("monitorCrossRefID"))
		x.answer(invoke, name)
	default:
		s.device(x, invoke, name, e)
	}
}

func (x *session) prolong(e *elem) int {
	n, _ := strconv.Atoi(e.value("requestedSessionDuration"))
	if x.s.c.Duration > 0 {
		n = x.s.c.Duration
	}
	if n > 0 {
		x.until = time.Now().Add(time.Duration(n) * time.Second)
	}
	return n
}

func (s *Server) begin(x *session, invoke string, e *elem) {
	refuse := func(code string) {
		x.send(invoke, message("StartApplicationSessionNegResponse", sessionSpace, tag("errorCode", text("definedError", code))))
	}
	login := []string{"applicationInfo", "applicationSpecificInfo", "SessionLoginInfo"}
	switch {
	case s.c.Register:
		x.fail(invoke, "operation", "serviceNotSupported")
		return
	case s.c.Applications != "" && e.value("applicationInfo", "applicationID") != s.c.Applications:
		refuse("invalidApplicationInfo")
		return
	case s.c.Password != "" && e.value(append(login, "password")...) != s.c.Password:
		refuse("invalidApplicationInfo")
		return
	}
	x.space = e.value("requestedProtocolVersions", "protocolVersion")
	if s.c.Edition != "" {
		x.space = cstaSpace + s.c.Edition
	}
	s.serial++
	x.begun, x.id = true, fmt.Sprintf("%09d", 9968950+s.serial)
	n := x.prolong(e)
	x.send(invoke, message("StartApplicationSessionPosResponse", sessionSpace, text("sessionID", x.id), text("actualProtocolVersion", x.space), text("actualSessionDuration", strconv.Itoa(n)),
		tag("extensions", text("actualHBT", "0"))))
}

// request asks a client something, which it has to answer.
func (s *Server) request(x *session, name string, content ...string) {
	x.invoke++
	id := fmt.Sprintf("%04d", x.invoke)
	x.pending[id] = true
	x.send(id, message(name, x.space, content...))
}

// Unanswered is how many requests clients have not answered.
func (s *Server) Unanswered() (n int) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for x := range s.Peers {
		n += len(x.pending)
	}
	return n
}

var types = []string{"forwardImmediate", "forwardBusy", "forwardNoAns", "forwardDND", "forwardBusyInt", "forwardBusyExt", "forwardNoAnsInt", "forwardNoAnsExt", "forwardImmInt", "forwardImmExt",
	"forwardDNDInt", "forwardDNDExt"}

// device does what is about a line.
func (s *Server) device(x *session, invoke, name string, e *elem) {
	number := e.value("device")
	switch name {
	case "MonitorStart":
		number = e.value("monitorObject", "deviceObject")
	case "SnapshotDevice":
		number = e.value("snapshotObject")
	}
	p := s.lines[strings.TrimPrefix(number, "tel:")]
	if p == nil {
		x.fail(invoke, "operation", "invalidDeviceID")
		return
	}
	if s.c.NoForwarding && (strings.Contains(name, "Forwarding") || strings.Contains(name, "DoNotDisturb")) {
		x.fail(invoke, "operation", "serviceNotSupported")
		return
	}
	switch name {
	case "MonitorStart":
		s.serial++
		ref := strconv.Itoa(1166743342 + s.serial)
		x.monitors[ref] = p.number
		x.answer(invoke, name, text("monitorCrossRefID", ref))
	case "SnapshotDevice":
		x.answer(invoke, name, tag("crossRefIDorSnapshotData", tag("snapshotData", s.snapshot(p.number)...)))
	case "GetForwarding":
		var list []string
		for _, t := range types {
			if target := p.forward[t]; target != "" {
				list = append(list, tag("forwardListItem", text("forwardingType", t), text("forwardStatus", "true"), text("forwardDN", s.id(target))))
			} else if strings.HasPrefix(t, "forwardImm") {
				list = append(list, tag("forwardListItem", text("forwardingType", t), text("forwardStatus", "false")))
			}
		}
		x.answer(invoke, name, tag("forwardingList", list...))
	case "GetDoNotDisturb":
		x.answer(invoke, name, text("doNotDisturbOn", strconv.FormatBool(p.dnd)))
	case "SetDoNotDisturb":
		x.answer(invoke, name)
		s.setDND(p, e.value("doNotDisturbOn") == "true")
	case "SetForwarding":
		t, on, target := e.value("forwardingType"), e.value("activateForward"), e.value("forwardDN")
		split := strings.HasPrefix(t, "forwardBusy") || strings.HasPrefix(t, "forwardNoAns")
		switch {
		case !slices.Contains(types, t), split && s.c.SplitTypes != (strings.HasSuffix(t, "Int") || strings.HasSuffix(t, "Ext")):
			x.fail(invoke, "operation", "invalidForwardingType")
			return
		case on != "true" && on != "false":
			s.Violate("activateForward is %q", on)
		case on == "true" && target == "":
			x.fail(invoke, "operation", "invalidForwardingDestination")
			return
		case on == "false" && target != "":
			s.Violate("a forwarding that is switched off has a target")
		}
		if strings.Trim(target, "+0123456789*#") != "" {
			s.Violate("the target %q", target)
		}
		x.answer(invoke, name)
		if on == "false" {
			target = ""
		}
		s.setForward(p, t, target)
	}
}
