// Package amitest is a stand-in for the manager interface of Asterisk, with telephones behind it that do what they are told. It sends
// what Asterisk's documentation says, field by field, and is strict with what it gets: what a real one would not understand, or would
// understand in another way than it was meant, is a violation.
package amitest

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/doorlight/doorlight/internal/telephony/wire/standin"
)

// User is one of manager.conf.
type User struct {
	Secret string
	Read   string // classes of events, such as "system,call"
	Write  string // classes of actions
}

// Config says which Asterisk it is. The zero value is a current one, with nobody in manager.conf.
type Config struct {
	Users    map[string]User
	Banner   string // empty: that of Asterisk 20
	NoTree   bool   // without DBGetTree, as before 16.28
	OldDBGet bool   // DBGet without DBGetComplete, as before 13
	Sleeps   bool   // it is not ready until Boot
}

// Server is the stand-in. Its methods may be called by several goroutines.
type Server struct {
	standin.Base[*session]
	c Config

	// guarded by Mu
	booted    bool
	loseAll   bool
	challenge int
	late      [][]field // events of calls that ended

	epoch    int // of Uniqueids: another with each start
	serial   int
	channels []*channel
	bridges  int
	hints    []hint
	devices  map[string]string // states that were told
	order    []string          // of devices
	db       map[string]string // "/family/key"
	absent   map[string]bool   // phones that are not registered
}

type hint struct{ exten, context, devices string }

type field struct{ name, value string }

// Start serves what comes in by l until Close.
func Start(l net.Listener, c Config) *Server {
	if c.Banner == "" {
		c.Banner = "Asterisk Call Manager/9.0.0"
	}
	s := &Server{c: c, booted: !c.Sleeps, epoch: 1700000000, devices: map[string]string{}, db: map[string]string{},
		absent: map[string]bool{}}
	s.Serve(l, func(out *standin.Out) *session {
		x := &session{Out: out, s: s}
		x.send(c.Banner + "\r\n")
		return x
	})
	return s
}

// Sessions is how many connections are signed in.
func (s *Server) Sessions() (n int) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for x := range s.Peers {
		if x.user != "" {
			n++
		}
	}
	return n
}

// session is a connection.
type session struct {
	*standin.Out
	s *Server

	// guarded by Server.Mu
	user      string
	challenge string
	mask      string
	filters   []*regexp.Regexp
}

func (x *session) send(text string) { x.Send([]byte(text)) }

// Read implements standin.Session.
func (x *session) Read() {
	s := x.s
	r := bufio.NewReader(x.Conn)
	for {
		var fields []field
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			text, ok := strings.CutSuffix(line, "\r\n")
			if !ok {
				s.Mu.Lock()
				s.Violate("a line does not end in CR LF")
				s.Mu.Unlock()
				text = strings.TrimSuffix(line, "\n")
			}
			if text == "" {
				break
			}
			name, value, ok := strings.Cut(text, ": ")
			if !ok {
				s.Mu.Lock()
				s.Violate("a line is no field: %q", text)
				s.Mu.Unlock()
				continue
			}
			fields = append(fields, field{name, value})
		}
		s.Mu.Lock()
		if !s.Silent {
			s.act(x, fields)
		}
		s.Mu.Unlock()
	}
}

// action is what Asterisk documents of one: its fields, those that have to be there, and the classes one of which a user needs.
type action struct {
	fields, required []string
	classes          string
	do               func(s *Server, x *session, a request)
}

// request is an action as it came.
type request struct {
	name string
	id   string
	m    map[string]string
}

func (s *Server) act(x *session, fields []field) {
	if len(fields) == 0 {
		return
	}
	if fields[0].name != "Action" {
		s.Violate("the first field is %q, not Action", fields[0].name)
	}
	a := request{m: map[string]string{}}
	for _, f := range fields {
		if _, there := a.m[f.name]; there {
			s.Violate("%s has %s twice", fields[0].value, f.name)
		}
		a.m[f.name] = f.value
	}
	a.name, a.id = a.m["Action"], a.m["ActionID"]
	s.Count(a.name)
	def, ok := actions[a.name]
	if !ok || a.name == "DBGetTree" && s.c.NoTree {
		if !ok {
			s.Violate("an action that is not known: %q", a.name)
		}
		x.fail(a, "Invalid/unknown command: "+a.name+". Use Action: ListCommands to show available commands.")
		return
	}
	if a.id == "" && a.name != "Logoff" {
		s.Violate("%s has no ActionID", a.name)
	}
	for _, f := range fields[1:] {
		if f.name != "ActionID" && !slices.Contains(def.fields, f.name) {
			s.Violate("%s has a field %q that is not documented", a.name, f.name)
		}
	}
	for _, f := range def.required {
		if a.m[f] == "" {
			s.Violate("%s has no %s", a.name, f)
		}
	}
	if x.user == "" && a.name != "Login" && a.name != "Challenge" && a.name != "Logoff" {
		s.Violate("%s before a sign-in", a.name)
		x.fail(a, "Permission denied")
		return
	}
	if def.classes != "" && !s.may(x, def.classes) {
		x.fail(a, "Permission denied")
		return
	}
	def.do(s, x, a)
}

// may reports whether the user has one of the classes.
func (s *Server) may(x *session, classes string) bool {
	return overlap(s.c.Users[x.user].Write, classes)
}

func overlap(a, b string) bool {
	for c := range strings.SplitSeq(a, ",") {
		if c = strings.TrimSpace(c); c == "all" || slices.Contains(strings.Split(b, ","), c) {
			return true
		}
	}
	return false
}

// answer sends a response. ActionID follows the first field.
func (x *session) answer(a request, response string, fields ...field) {
	x.send(text(append([]field{{"Response", response}, {"ActionID", a.id}}, fields...)))
}

func (x *session) fail(a request, message string) { x.answer(a, "Error", field{"Message", message}) }

// listed sends a list: the answer, its entries and the end.
func (x *session) listed(a request, message, complete string, entries [][]field) {
	x.answer(a, "Success", field{"EventList", "start"}, field{"Message", message})
	for _, e := range entries {
		x.send(text(slices.Insert(slices.Clone(e), 1, field{"ActionID", a.id})))
	}
	x.send(text([]field{{"Event", complete}, {"ActionID", a.id}, {"EventList", "Complete"}, {"ListItems", fmt.Sprint(len(entries))}}))
}

func text(fields []field) string {
	var b strings.Builder
	for _, f := range fields {
		if f.name == "ActionID" && f.value == "" {
			continue
		}
		b.WriteString(f.name + ": " + f.value + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// actions are those that are understood, as ami-actions.xml has them. Classes of those of the database are from main/db.c; the others are as they are
// commonly known, as the documentation does not say them.
var actions map[string]action

func init() {
	actions = map[string]action{
		"Challenge": {fields: []string{"AuthType"}, required: []string{"AuthType"}, do: (*Server).doChallenge},
		"Login":     {fields: []string{"Username", "AuthType", "Secret", "Key", "Events"}, required: []string{"Username"}, do: (*Server).doLogin},
		"Logoff": {do: func(_ *Server, x *session, a request) {
			x.answer(a, "Goodbye", field{"Message", "Thanks for all the fish."})
			x.End()
		}},
		"Ping": {do: func(_ *Server, x *session, a request) {
			x.answer(a, "Success", field{"Ping", "Pong"}, field{"Timestamp", "1700000000.000000"})
		}},
		"Events": {fields: []string{"EventMask"}, required: []string{"EventMask"}, do: func(_ *Server, x *session, a request) {
			x.mask = a.m["EventMask"]
			x.answer(a, "Success", field{"Events", "On"})
		}},
		"Filter":             {fields: []string{"Operation", "MatchCriteria", "Filter"}, classes: "system", do: (*Server).doFilter},
		"ListCommands":       {do: (*Server).doListCommands},
		"CoreShowChannels":   {classes: "system,reporting", do: (*Server).doChannels},
		"DeviceStateList":    {classes: "call,reporting", do: (*Server).doDevices},
		"ExtensionStateList": {classes: "call,reporting", do: (*Server).doExtensions},
		"DBGet":              {fields: []string{"Family", "Key"}, required: []string{"Family", "Key"}, classes: "system,reporting", do: (*Server).doGet},
		"DBGetTree":          {fields: []string{"Family", "Key"}, classes: "system,reporting", do: (*Server).doTree},
		"DBPut":              {fields: []string{"Family", "Key", "Val"}, required: []string{"Family", "Key"}, classes: "system", do: (*Server).doPut},
		"DBDel":              {fields: []string{"Family", "Key"}, required: []string{"Family", "Key"}, classes: "system", do: (*Server).doDel},
		"Setvar":             {fields: []string{"Channel", "Variable", "Value"}, required: []string{"Variable", "Value"}, classes: "call", do: (*Server).doSetvar},
	}
}

func (s *Server) doChallenge(x *session, a request) {
	if !strings.EqualFold(a.m["AuthType"], "MD5") {
		x.fail(a, "Must specify AuthType")
		return
	}
	s.challenge++
	x.challenge = fmt.Sprint(100000000 + s.challenge*7919)
	x.answer(a, "Success", field{"Challenge", x.challenge})
}

func (s *Server) doLogin(x *session, a request) {
	u, known := s.c.Users[a.m["Username"]]
	ok := known && a.m["Secret"] == u.Secret && a.m["AuthType"] != "MD5"
	if a.m["AuthType"] == "MD5" {
		if a.m["Secret"] != "" {
			s.Violate("the secret is sent with MD5")
		}
		sum := md5.Sum([]byte(x.challenge + u.Secret))
		ok = known && x.challenge != "" && a.m["Key"] == hex.EncodeToString(sum[:])
	}
	if !ok {
		x.fail(a, "Authentication failed")
		x.End()
		return
	}
	x.user, x.mask = a.m["Username"], a.m["Events"]
	x.answer(a, "Success", field{"Message", "Authentication accepted"})
	if s.booted {
		s.tellBooted(x)
	}
}

func (s *Server) tellBooted(x *session) {
	if overlap(s.c.Users[x.user].Read, "system") {
		x.send(text(booted()))
	}
}

func booted() []field {
	return []field{{"Event", "FullyBooted"}, {"Privilege", "system,all"}, {"Uptime", "12"}, {"LastReload", "12"}, {"Status", "Fully Booted"}}
}

func (s *Server) doFilter(x *session, a request) {
	if a.m["Operation"] != "Add" {
		x.fail(a, "Unknown operation")
		return
	}
	// POSIX expressions, without what only others know.
	r, err := regexp.CompilePOSIX(strings.TrimPrefix(a.m["Filter"], "!"))
	if err != nil || strings.HasPrefix(a.m["Filter"], "!") {
		s.Violate("a filter that this stand-in does not take: %q", a.m["Filter"])
		x.fail(a, "Filter did not compile")
		return
	}
	x.filters = append(x.filters, r)
	x.answer(a, "Success", field{"Message", "Filter added successfully"})
}

func (s *Server) doListCommands(x *session, a request) {
	var out []field
	for name, def := range actions {
		if (def.classes == "" || s.may(x, def.classes)) && (name != "DBGetTree" || !s.c.NoTree) {
			out = append(out, field{name, "Something about it.  (Priv: " + def.classes + ")"})
		}
	}
	slices.SortFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	x.answer(a, "Success", out...)
}

func (s *Server) doGet(x *session, a request) {
	v, ok := s.db["/"+a.m["Family"]+"/"+a.m["Key"]]
	if !ok {
		x.fail(a, "Database entry not found")
		return
	}
	entry := []field{{"Event", "DBGetResponse"}, {"Family", a.m["Family"]}, {"Key", a.m["Key"]}, {"Val", v}}
	if s.c.OldDBGet {
		x.answer(a, "Success", field{"Message", "Result will follow"})
		x.send(text(append(entry, field{"ActionID", a.id})))
		return
	}
	x.listed(a, "Result will follow", "DBGetComplete", [][]field{entry})
}

func (s *Server) doTree(x *session, a request) {
	prefix := "/"
	for _, n := range []string{"Family", "Key"} {
		if a.m[n] != "" {
			prefix += a.m[n] + "/"
		}
	}
	var keys []string
	for k := range s.db {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var entries [][]field
	for _, k := range keys {
		entries = append(entries, []field{{"Event", "DBGetTreeResponse"}, {"Key", k}, {"Val", s.db[k]}})
	}
	x.listed(a, "Result will follow", "DBGetTreeComplete", entries)
}

func (s *Server) doPut(x *session, a request) {
	s.db["/"+a.m["Family"]+"/"+a.m["Key"]] = a.m["Val"]
	x.answer(a, "Success", field{"Message", "Updated database successfully"})
}

func (s *Server) doDel(x *session, a request) {
	k := "/" + a.m["Family"] + "/" + a.m["Key"]
	if _, ok := s.db[k]; !ok {
		x.fail(a, "Database entry could not be deleted")
		return
	}
	delete(s.db, k)
	x.answer(a, "Success", field{"Message", "Key deleted successfully"})
}

var customState = regexp.MustCompile(`^DEVICE_STATE\((Custom:[A-Za-z0-9_-]+)\)$`)

func (s *Server) doSetvar(x *session, a request) {
	m := customState.FindStringSubmatch(a.m["Variable"])
	if m == nil {
		s.Violate("a variable that nobody has: %q", a.m["Variable"])
		x.fail(a, "No such variable")
		return
	}
	if !slices.Contains([]string{"UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"}, a.m["Value"]) {
		s.Violate("a device state that nobody knows: %q", a.m["Value"])
	}
	x.answer(a, "Success", field{"Message", "Variable Set"})
	s.device(m[1], a.m["Value"])
}

func (s *Server) doChannels(x *session, a request) {
	var entries [][]field
	for _, c := range s.channels {
		app, data := "Dial", "PJSIP/"+c.dialed
		if c.called {
			app, data = "AppDial", "(Outgoing Line)"
		}
		entries = append(entries, slices.Concat([]field{{"Event", "CoreShowChannel"}}, c.snapshot(""),
			[]field{{"Application", app}, {"ApplicationData", data}, {"Duration", "00:00:05"}, {"BridgeId", c.bridge.name()}}))
	}
	x.listed(a, "Channels will follow", "CoreShowChannelsComplete", entries)
}

func (s *Server) doDevices(x *session, a request) {
	var entries [][]field
	for _, d := range s.order {
		entries = append(entries, []field{{"Event", "DeviceStateChange"}, {"Device", d}, {"State", s.devices[d]}})
	}
	x.listed(a, "Device State Changes will follow", "DeviceStateListComplete", entries)
}

func (s *Server) doExtensions(x *session, a request) {
	var entries [][]field
	for _, h := range s.hints {
		entries = append(entries, s.extension(h))
	}
	x.listed(a, "Extension Statuses will follow", "ExtensionStateListComplete", entries)
}

// emit tells of an event whoever wants to hear of it.
func (s *Server) emit(class, name string, parts ...[]field) {
	fields := slices.Concat(append([][]field{{{"Event", name}, {"Privilege", class + ",all"}}}, parts...)...)
	times := s.Times()
	if times == 0 || s.loseAll {
		return
	}
	for range times {
		s.deliver(class, fields)
	}
	s.late = append(s.late, fields)
}

func (s *Server) deliver(class string, fields []field) {
	whole := text(fields)
	for x := range s.Peers {
		if x.user == "" || !overlap(s.c.Users[x.user].Read, class) || x.mask != "on" && !overlap(x.mask, class) {
			continue
		}
		if len(x.filters) > 0 && !slices.ContainsFunc(x.filters, func(r *regexp.Regexp) bool { return r.MatchString(whole) }) {
			continue
		}
		x.send(whole)
	}
}
