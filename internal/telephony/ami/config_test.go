package ami

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
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
		"good":             {func(*Config) {}, ""},
		"empty":            {func(c *Config) { *c = Config{Client: client} }, "host username secret"},
		"an address":       {func(c *Config) { c.Host = "fd00::5" }, ""},
		"host with port":   {func(c *Config) { c.Host = "pbx:5038" }, "host"},
		"a web address":    {func(c *Config) { c.Host = "https://pbx" }, "host"},
		"ports":            {func(c *Config) { c.Port = 70000 }, "port"},
		"lines in secrets": {func(c *Config) { c.Secret, c.Username = "secret\nx", "a\r\nAction: Command" }, "secret username"},
		"plain":            {func(c *Config) { c.Auth = AuthPlain }, "auth"},
		"plain with TLS":   {func(c *Config) { c.Auth, c.TLS = AuthPlain, true }, ""},
		"plain if wanted":  {func(c *Config) { c.Auth, c.AllowPlain = AuthPlain, true }, ""},
		"unknown words":    {func(c *Config) { c.Auth, c.Forwarding = "sha", "asterisk" }, "auth forwarding"},
		"odd devices":      {func(c *Config) { c.Devices = []string{"PJSIP/{line}", "{line}", "SIP/201", "/{line}"} }, "devices.1 devices.2 devices.3"},
		"odd numbers": {func(c *Config) {
			c.Prefixes, c.Internal = []string{"+49 30 12", "anna"}, []string{"2XX", "", "7.", "."}
		}, "internal.1 internal.3 prefixes.1"},
		"odd context": {func(c *Config) { c.Context = "ext local" }, "context"},
		"families": {func(c *Config) {
			c.Families = Families{DoNotDisturb: "a/b", All: "x y", Busy: "-", AllStates: []string{"CF201"}}
		}, "families.do_not_disturb families.all families.all_states"},
		"families that are": {func(c *Config) {
			c.Families = Families{All: "cf", AllStates: []string{"-"}, DoNotDisturbStates: []string{"Custom:x{device}"}}
		}, ""},
	} {
		c := Config{Host: "pbx.example.com", Username: "doorlight", Secret: secret, Client: client}
		tc.edit(&c)
		s, err := New(c)
		var fields []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			if e.Kind != fault.Invalid {
				t.Errorf("%s: %v", name, e.Kind)
			}
			for _, f := range e.Fields {
				fields = append(fields, f.Path)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds the secret: %v", name, err)
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
	c := Config{Host: "pbx", Secret: secret}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.LogValue().String()} {
		if strings.Contains(text, secret) {
			t.Errorf("it is shown as %s", text)
		}
	}
}

// Messages are read as they come, and no more of them than is good.
func TestMessages(t *testing.T) {
	t.Parallel()
	read := func(s string) (message, error) { return readMessage(bufio.NewReader(strings.NewReader(s))) }
	m, err := read("\r\n\r\nEvent: Hangup\r\nUniqueid: 1.2\r\nno field\r\nChanVariable: a\r\nChanVariable: b\r\nCause-txt: Normal: really\r\nEmpty:\r\nbare:x\n\r\n")
	if err != nil || m["event"] != "Hangup" || m["uniqueid"] != "1.2" || m["chanvariable"] != "a" || m["cause-txt"] != "Normal: really" || m["bare"] != "x" || len(m) != 6 {
		t.Errorf("%v, %v", m, err)
	}
	for name, s := range map[string]string{"too long": "Event: " + strings.Repeat("x", maxLine) + "\r\n\r\n", "too many": strings.Repeat("A: b\r\n", maxLines+2) + "\r\n"} {
		if _, err := read(s); !errors.Is(err, errTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := read("Event: Hangup\r\nUniq"); err == nil {
		t.Error("half a message is one")
	}
	if got := string(writeMessage([]string{"Action", "DBPut", "Val", "1\r\nAction: Command"})); got != "Action: DBPut\r\nVal: 1Action: Command\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// Names of channels and hints are taken apart as Asterisk puts them together.
func TestDevices(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"PJSIP/201-0000001a": "PJSIP/201", "PJSIP/201-home-0000001a": "PJSIP/201-home", "SIP/trunk.example.com-1": "SIP/trunk.example.com",
		"Local/201@from-internal-00000003;1": "", "PJSIP/201-0000001a<ZOMBIE>": "", "PJSIP/201-0000001a<MASQ>": "", "DAHDI/i1/201-5": "DAHDI/i1/201", "": "", "x": ""} {
		if got := deviceOf(name); got != want {
			t.Errorf("%q is of %q, want %q", name, got, want)
		}
	}
	for hint, want := range map[string][]string{"PJSIP/201&Custom:DND201,CustomPresence:201": {"PJSIP/201"}, "PJSIP/201 & SIP/201&PJSIP/201": {"PJSIP/201", "SIP/201"},
		"Custom:x": nil, ",CustomPresence:1": nil, "": nil} {
		if got := devicesOf(hint); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", hint, got, want)
		}
	}
}

// With TLS over a real connection; a certificate that nobody knows is refused, and so is a network that may not be reached.
func TestTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	server := amitest.Start(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}),
		amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: secret, Read: "all", Write: "all"}}})
	t.Cleanup(server.Close)
	server.AddPhone("201")
	own := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, tc := range map[string]struct {
		client outbound.Config
		want   string
	}{
		"known":       {outbound.Config{Allow: own, RootCAs: pool}, "none"},
		"unknown":     {outbound.Config{Allow: own}, "authority"},
		"not allowed": {outbound.Config{RootCAs: pool}, "may not reach"},
	} {
		s, err := New(Config{Host: "127.0.0.1", Port: port, TLS: true, Auth: AuthPlain, AllowPlain: true, Username: "doorlight", Secret: secret, Forwarding: ForwardingFreePBX,
			Client: outbound.NewClient(tc.client)})
		if err != nil {
			t.Fatal(err)
		}
		err = s.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "5"})
		if !strings.Contains(wiretest.Says(err), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// A channel that was given another name is another device's; one that another took the place of is nobody's. What is late changes nothing.
func TestRenamed(t *testing.T) {
	t.Parallel()
	b := newBoard(Config{Devices: []string{"PJSIP/{line}"}}, wire.Numbers{})
	now := time.Now()
	b.replace(lists{devices: []message{{"device": "PJSIP/201", "state": "NOT_INUSE"}, {"device": "PJSIP/202", "state": "NOT_INUSE"}}}, []string{"201", "202"}, now)
	event := func(name, channel, state string) {
		m := message{"event": name, "channel": channel, "channelstate": state, "uniqueid": "1.1"}
		if name == "Rename" {
			m = message{"event": name, "channel": "PJSIP/before-1", "newname": channel, "uniqueid": "1.1"}
		}
		b.apply(m, now)
	}
	expect := func(line string, want ...presence.LineState) {
		t.Helper()
		calls, ok := b.calls(line)
		var got []presence.LineState
		for _, c := range calls {
			got = append(got, c.State)
		}
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
	event("Newchannel", "PJSIP/201-1", "0")
	expect("201")
	event("Newstate", "PJSIP/201-1", "5")
	expect("201", presence.LineRinging)
	event("Rename", "PJSIP/202-2", "")
	expect("201")
	expect("202", presence.LineRinging)
	event("Newstate", "PJSIP/202-2", "6")
	event("Newstate", "PJSIP/202-2", "5")
	expect("202", presence.LineOnThePhone)
	event("Rename", "PJSIP/202-2<ZOMBIE>", "")
	expect("202")
	event("Rename", "PJSIP/202-2", "")
	event("Hangup", "PJSIP/202-2", "6")
	event("Newstate", "PJSIP/202-2", "6")
	expect("202")
}
