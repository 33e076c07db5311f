package amitest

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is an element of the documentation.
type node struct {
	XMLName  xml.Name
	Name     string `xml:"name,attr"`
	Prefix   string `xml:"prefix,attr"`
	Pointer  string `xml:"xpointer,attr"`
	Class    string `xml:"class,attr"`
	Required string `xml:"required,attr"`
	Nodes    []node `xml:",any"`
}

func (n node) all(kind string) (out []node) {
	for _, c := range n.Nodes {
		if c.XMLName.Local == kind {
			out = append(out, c)
		}
		out = append(out, c.all(kind)...)
	}
	return out
}

func document(t *testing.T, file string) node {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var n node
	if err := xml.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What a snapshot stands for in the documentation: as recorded from Asterisk by others, and as main/manager_bridges.c writes them.
var (
	channelFields = []string{"Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Language",
		"AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid"}
	bridgeFields = []string{"BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName", "BridgeNumChannels", "BridgeVideoSourceMode"}
)

// What is left out of the extract, as recorded from Asterisk by others (CoreShowChannel, NewConnectedLine), from main/db.c, and, of Rename,
// whose fields are not documented, as it is commonly known.
var undocumented = map[string][]string{
	"CoreShowChannel":          slices.Concat(channelFields, []string{"Application", "ApplicationData", "Duration", "BridgeId"}),
	"CoreShowChannelsComplete": {"EventList", "ListItems"},
	"NewConnectedLine":         channelFields,
	"Rename":                   {"Channel", "Newname", "Uniqueid"},
	"DBGetResponse":            {"Family", "Key", "Val"},
	"DBGetComplete":            {"EventList", "ListItems"},
	"DBGetTreeResponse":        {"Key", "Val"},
	"DBGetTreeComplete":        {"EventList", "ListItems"},
}

// Fields that are there only sometimes, as the documentation says in words.
var sometimes = []string{"SwapUniqueid", "DestApp", "DestTransfererChannel", "Forward", "MusicClass"}

type described struct {
	class  string
	fields []string
}

func describedEvents(t *testing.T) map[string]described {
	t.Helper()
	out := map[string]described{}
	for name, fields := range undocumented {
		out[name] = described{"", fields}
	}
	for _, e := range document(t, "ami-events.xml").all("managerEvent") {
		var d described
		for _, i := range e.all("managerEventInstance") {
			d.class = strings.ToLower(strings.TrimPrefix(i.Class, "EVENT_FLAG_"))
			for _, s := range i.all("syntax") {
				for _, p := range s.Nodes {
					switch p.XMLName.Local {
					case "parameter":
						d.fields = append(d.fields, p.Name)
					case "channel_snapshot":
						for _, f := range channelFields {
							d.fields = append(d.fields, p.Prefix+f)
						}
					case "bridge_snapshot":
						for _, f := range bridgeFields {
							d.fields = append(d.fields, p.Prefix+f)
						}
					case "include": // of AttendedTransfer: Result, as BlindTransfer has it
						d.fields = append(d.fields, "Result")
					}
				}
			}
		}
		if _, known := out[e.Name]; !known {
			out[e.Name] = d
		}
	}
	return out
}

// Everything that the stand-in sends has the fields that Asterisk documents, in the same order, and no others.
func TestEventsAreAsDocumented(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Start(l, Config{Users: map[string]User{"u": {Secret: "s", Read: "all", Write: "all"}}})
	t.Cleanup(s.Close)
	s.AddPhone("201", "202", "203", "204")
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	if banner, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(banner, "Asterisk Call Manager/") {
		t.Fatalf("%q, %v", banner, err)
	}
	send := func(lines ...string) {
		if _, err := conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	send("Action: Login", "ActionID: 1", "AuthType: plain", "Username: u", "Secret: s", "Events: on")
	for s.Sessions() == 0 {
		time.Sleep(time.Millisecond)
	}
	k := s.Call("201", "202")
	k.Answer()
	k.Hold("201", true)
	k.Hold("201", false)
	k2 := s.Call("201", "+4989123")
	k2.Answer()
	k.Merge(k2, "201")
	k.Join("204")
	k3 := s.Call("203", "204")
	k3.Answer()
	k3.Transfer("204", "201")
	k3.Pickup("202")
	s.Call("+4989555", "202").Hangup()
	s.Press("203", "DND", "YES")
	for i, a := range []string{"CoreShowChannels", "DeviceStateList", "ExtensionStateList"} {
		send("Action: "+a, fmt.Sprint("ActionID: l", i))
	}
	send("Action: DBGet", "ActionID: 5", "Family: DND", "Key: 203")
	send("Action: DBGetTree", "ActionID: 6", "Family: DND")
	send("Action: Ping", "ActionID: last")
	docs, seen := describedEvents(t), map[string]bool{}
	for done := false; !done || !seen["Shutdown"]; {
		var fields []string
		var name, class string
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%v, after %v", err, slices.Sorted(maps.Keys(seen)))
			}
			if line == "\r\n" {
				break
			}
			f, v, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), ": ")
			switch f {
			case "Event":
				name = v
			case "Privilege":
				class, _, _ = strings.Cut(v, ",")
			case "ActionID":
				if v == "last" {
					done = true
					s.Stop(true)
				}
			default:
				fields = append(fields, f)
			}
		}
		if name == "" {
			continue
		}
		seen[name] = true
		d, ok := docs[name]
		if !ok {
			t.Errorf("%s is not documented", name)
			continue
		}
		want := slices.DeleteFunc(slices.Clone(d.fields), func(f string) bool { return slices.Contains(sometimes, f) })
		got := slices.DeleteFunc(fields, func(f string) bool { return slices.Contains(sometimes, f) })
		if name == "FullyBooted" || name == "AttendedTransfer" { // order of its own in the code; the halves of Local channels are there if there are some
			want = slices.DeleteFunc(want, func(f string) bool { return strings.HasPrefix(f, "LocalOne") || strings.HasPrefix(f, "LocalTwo") })
			slices.Sort(want)
			slices.Sort(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has\n%v, documented are\n%v", name, got, want)
		}
		if class != "" && d.class != "" && class != d.class {
			t.Errorf("%s is of class %s, documented is %s", name, class, d.class)
		}
	}
	for _, n := range []string{"Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold", "Rename", "NewConnectedLine",
		"AttendedTransfer", "BlindTransfer", "Hangup", "DeviceStateChange", "ExtensionStatus", "FullyBooted", "Shutdown", "CoreShowChannel", "CoreShowChannelsComplete",
		"DeviceStateListComplete", "ExtensionStateListComplete", "DBGetResponse", "DBGetTreeResponse"} {
		if !seen[n] {
			t.Errorf("%s was not sent", n)
		}
	}
	if v := s.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

// What the stand-in takes is what Asterisk documents: the same fields, the same ones required.
func TestActionsAreAsDocumented(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, m := range document(t, "ami-actions.xml").all("manager") {
		def, ok := actions[m.Name]
		if !ok {
			continue
		}
		found[m.Name] = true
		var fields, required []string
		for _, n := range m.Nodes {
			if n.XMLName.Local != "syntax" {
				continue
			}
			for _, p := range n.Nodes {
				if p.XMLName.Local != "parameter" || p.Name == "ActionID" {
					continue
				}
				fields = append(fields, p.Name)
				if p.Required == "true" {
					required = append(required, p.Name)
				}
			}
		}
		slices.Sort(fields)
		slices.Sort(required)
		if got := slices.Sorted(slices.Values(def.fields)); !slices.Equal(got, fields) {
			t.Errorf("%s takes %v, documented are %v", m.Name, got, fields)
		}
		if got := slices.Sorted(slices.Values(def.required)); !slices.Equal(got, required) {
			t.Errorf("%s needs %v, documented are %v", m.Name, got, required)
		}
	}
	for n := range actions {
		if !found[n] {
			t.Errorf("%s is not documented", n)
		}
	}
}

// What a real Asterisk would not understand is a violation.
func TestItIsStrict(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ lines, want string }{
		"line ends":         {"Action: Ping\nActionID: 1\n\n", "CR LF"},
		"unknown action":    {"Action: Dance\r\nActionID: 1\r\n\r\n", "not known"},
		"unknown field":     {"Action: Login\r\nActionID: 1\r\nUsername: u\r\nPassword: s\r\n\r\n", "not documented"},
		"twice":             {"Action: Challenge\r\nActionID: 1\r\nAuthType: MD5\r\nAuthType: MD5\r\n\r\n", "twice"},
		"no ActionID":       {"Action: Challenge\r\nAuthType: MD5\r\n\r\n", "no ActionID"},
		"required":          {"Action: Challenge\r\nActionID: 1\r\n\r\n", "no AuthType"},
		"before a sign-in":  {"Action: CoreShowChannels\r\nActionID: 1\r\n\r\n", "before a sign-in"},
		"action at the end": {"ActionID: 1\r\nAction: Ping\r\n\r\n", "not Action"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := Start(l, Config{})
			defer s.Close()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			conn.Write([]byte(tc.lines))
			r := bufio.NewReader(conn)
			for { // the answer
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(line, "Response:") {
					break
				}
			}
			if v := s.Violations(); !slices.ContainsFunc(v, func(x string) bool { return strings.Contains(x, tc.want) }) {
				t.Errorf("%q, want something about %q", v, tc.want)
			}
		})
	}
}
