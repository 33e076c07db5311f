package csta

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
	"github.com/doorlight/doorlight/presence"
)

// What is wrong with a configuration is told by field, all at once; what is right is taken.
func TestConfig(t *testing.T) {
	t.Parallel()
	client := outbound.NewClient(outbound.Config{})
	for name, tc := range map[string]struct {
		edit func(*Config)
		want string // fields
	}{
		"good":            {func(*Config) {}, ""},
		"empty":           {func(c *Config) { *c = Config{Client: client} }, "host port"},
		"host with port":  {func(c *Config) { c.Host = "pbx:1040" }, "host"},
		"unknown words":   {func(c *Config) { c.Session, c.Edition = "sip", "ed9" }, "session edition"},
		"password alone":  {func(c *Config) { c.Password = secret }, "username"},
		"sign-in of none": {func(c *Config) { c.Session, c.Username, c.Password = SessionRegister, "u", secret }, "username"},
		"sign-in":         {func(c *Config) { c.Username, c.Password = "u", secret }, ""},
		"device":          {func(c *Config) { c.Device = "tel:" }, "device"},
		"odd numbers":     {func(c *Config) { c.Prefixes, c.Internal = []string{"anna"}, []string{"2XX", "b"} }, "internal.1 prefixes.0"},
		"abilities": {func(c *Config) {
			c.Forwarding = []telephony.Ability{telephony.CanAll, telephony.CanOneNumber, telephony.CanAll}
		}, "forwarding.1 forwarding.2"},
		"abilities that are": {func(c *Config) { c.Forwarding = everything }, ""},
	} {
		c := Config{Host: "pbx.example.com", Port: 1040, Client: client}
		tc.edit(&c)
		s, err := New(c)
		var fields []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			for _, f := range e.Fields {
				fields = append(fields, f.Path)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error holds the password: %v", name, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := strings.Fields(tc.want)
		slices.Sort(fields)
		slices.Sort(want)
		if !slices.Equal(fields, want) {
			t.Errorf("%s: %v, want %v", name, fields, want)
		}
		if s != nil {
			s.Close()
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("without a client it is taken")
	}
	c := Config{Host: "pbx", Password: secret}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.LogValue().String()} {
		if strings.Contains(text, secret) {
			t.Errorf("it is shown as %s", text)
		}
	}
}

// Frames are those of a program that speaks with a real system.
func TestFrames(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/session/framing.json")
	if err != nil {
		t.Fatal(err)
	}
	var samples struct {
		Frames []struct {
			Header string `json:"header_hex"`
			Invoke string `json:"invoke_id"`
			Body   string `json:"body_file"`
		}
	}
	if err := json.Unmarshal(data, &samples); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range samples.Frames {
		if f.Body == "" {
			continue
		}
		seen++
		body, err := os.ReadFile("testdata/session/" + f.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.TrimRight(body, "\n")
		var b bytes.Buffer
		if err := (ECMA323{}).Write(&b, f.Invoke, body); err != nil {
			t.Fatal(err)
		}
		if got := strings.ToUpper(hex.EncodeToString(b.Bytes()[:8])); got != f.Header {
			t.Errorf("%s is framed by %s, want %s", f.Body, got, f.Header)
		}
		invoke, read, err := ECMA323{}.Read(bufio.NewReader(&b))
		if err != nil || invoke != f.Invoke || !bytes.Equal(read, body) {
			t.Errorf("%s is read as %s, %v", f.Body, invoke, err)
		}
	}
	if seen != 2 {
		t.Errorf("%d frames", seen)
	}
	for _, bad := range []string{"\x01\x00\x00\x09" + "0001x", "\x00\x00\x00\x08" + "0001", "\x00\x00\x00\x09" + "00a1x", "HTTP/1.1 400", "\x00\x00\x00\x20" + "0001x", "\x00"} {
		if _, _, err := (ECMA323{}).Read(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%q is taken for a frame", bad)
		}
	}
	if err := (ECMA323{}).Write(&bytes.Buffer{}, "0001", make([]byte, 1<<16)); err == nil {
		t.Error("a body that is too long was framed")
	}
}

func sample(t *testing.T, path string) *node {
	t.Helper()
	data, err := os.ReadFile("testdata/" + path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := parse(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n
}

// What a real OpenScape sent is understood.
func TestCapturedMessages(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/*/*.xml")
	if len(files) < 20 {
		t.Fatalf("%d samples", len(files))
	}
	for _, f := range files {
		f, _ = filepath.Rel("testdata", f)
		sample(t, f)
	}
	numbers := wire.NewNumbers(nil, []string{"XXXXX."}, &fault.Fields{})
	l := newLine("3021061290002", numbers.Extension)
	reach := func(n string) presence.Reach { return numbers.Reach(n, nil) }
	now := time.Now()
	l.apply(sample(t, "unify-osv-captured/DeliveredEvent-1.xml"), now)
	if got := l.told(reach); len(got) != 1 || got[0].State != presence.LineRinging || got[0].Other != "7868772298" || got[0].ID != "FF00010000000000EC6114647E570000" {
		t.Errorf("%+v", got)
	}
	l = newLine("302118840100", numbers.Extension)
	l.apply(sample(t, "unify-osv-captured/ServiceInitiatedEvent-1.xml"), now)
	l.apply(sample(t, "unify-osv-captured/OriginatedEvent-1.xml"), now)
	if got := l.told(reach); len(got) != 1 || got[0].State != presence.LineOnThePhone || got[0].Other != "302118840101" {
		t.Errorf("%+v", got)
	}
	// The one who passes a call on is out of it; the one who gets it is in the other call of the list.
	transfer := sample(t, "unify-osv-captured/TransferedEvent-1.xml")
	l = newLine("+17867104700", numbers.Extension)
	l.calls["FF00010000000000CFB6706408000000"] = &connection{id: "1", state: connected, other: "+17867100000"}
	l.apply(transfer, now)
	if got := l.told(reach); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	l = newLine("+17867100000", numbers.Extension)
	l.calls["FF00010000000000CFB6706408000000"] = &connection{id: "1", state: connected, other: "+17867104700"}
	transfer.at("localConnectionInfo").text = connected
	l.apply(transfer, now)
	if got := l.told(reach); len(got) != 1 || got[0].ID != "1" || got[0].Other != "+17867100001" || l.calls["0300010000000000CFB6706408000000"] == nil {
		t.Errorf("%+v", got)
	}
}

// The states of connections in snapshots are those of the standard, by either way of saying them.
func TestCallStates(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/csta3-presence-extract.asn1")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(data), "SimpleCallState ::= ENUMERATED")
	list, _, _ = strings.Cut(list, "\n\n")
	// The number of a simple state is sixteen times the other's state and the own state.
	own := []string{null, initiated, alerting, connected, hold, queued, fail}
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`(call\w+)\s*\(\s*(\d+)\)`).FindAllStringSubmatch(list, -1) {
		var n int
		fmt.Sscan(m[2], &n)
		found[m[1]] = own[n%16]
	}
	if !maps.Equal(found, simpleStates) {
		t.Errorf("%v\n%v", simpleStates, found)
	}
	for doc, want := range map[string]string{
		"<a><compoundCallState><localConnectionState>hold</localConnectionState><localConnectionState>connected</localConnectionState></compoundCallState></a>": hold,
		"<a><compoundCallState/></a>": null, "<a><simpleCallState>callReceived</simpleCallState></a>": alerting, "<a><unknown/></a>": connected,
	} {
		n, err := parse([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := localState(n); got != want {
			t.Errorf("%s: %s, want %s", doc, got, want)
		}
	}
}

// What comes late, of what is over or is further on, changes nothing; what comes in another order of elements is understood.
func TestLateEvents(t *testing.T) {
	t.Parallel()
	l := newLine("201", wire.Numbers{}.Extension)
	now := time.Now()
	say := func(doc string) {
		t.Helper()
		n, err := parse([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		l.apply(n, now)
	}
	expect := func(want string) {
		t.Helper()
		if got := wiretest.Words(telephony.Line{Calls: l.told(func(string) presence.Reach { return presence.ReachUnknown })}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	delivered := "<x:DeliveredEvent xmlns:x='urn:x'><x:cause>newCall</x:cause><x:callingDevice><x:deviceIdentifier>tel:202</x:deviceIdentifier></x:callingDevice><x:connection><x:deviceID>N&lt;201&gt;</x:deviceID>" +
		"<x:callID>1</x:callID></x:connection></x:DeliveredEvent>"
	established := "<EstablishedEvent><establishedConnection><callID>1</callID><deviceID>201</deviceID></establishedConnection></EstablishedEvent>"
	say(delivered)
	expect("rings 202")
	say(established)
	expect("on 202")
	say(delivered)
	expect("on 202")
	say("<HeldEvent><heldConnection><callID>1</callID><deviceID>201</deviceID></heldConnection></HeldEvent>")
	say(established)
	expect("on 202 held")
	say("<ConnectionClearedEvent><droppedConnection><callID>1</callID><deviceID>202</deviceID></droppedConnection></ConnectionClearedEvent>")
	expect("on 202 held") // somebody else's connection
	say("<ConnectionClearedEvent><droppedConnection><callID>1</callID><deviceID>201</deviceID></droppedConnection></ConnectionClearedEvent>")
	expect("idle")
	say(established)
	expect("idle")
	say(strings.Replace(delivered, "newCall", "recall", 1))
	expect("rings 202")
	say("<CallClearedEvent><clearedCall><callID>1</callID></clearedCall></CallClearedEvent>")
	expect("idle")
	say("<HeldEvent><heldConnection><callID>2</callID><deviceID>203</deviceID></heldConnection></HeldEvent>")
	expect("idle") // a call that is not ours, as far as is known
	for _, bad := range []string{"", "<a>", strings.Repeat("<a>", 100)} {
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q is a message", bad)
		}
	}
	if n, err := parse([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>")); err != nil || n.text != "ü" {
		t.Errorf("%v", err)
	}
}
