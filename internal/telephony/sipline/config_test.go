package sipline

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{Server: "pbx.example.com"}, {Server: "192.0.2.1:5070"}, {Server: "2001:db8::1"}, {Server: "[2001:db8::1]:5061", Transport: "tls"},
		{Server: "PBX", Domain: "example.com", Username: "200", AuthName: "x200", Password: "p", Numbers: []string{"+49 (0) 30 1234-"}, Internal: []string{"2xx", "7*", "0 49 3*"},
			InternalDigits: -1, Expires: time.Hour, Rate: 1000, ServerName: "sip.example.com"},
	} {
		s, err := New(c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if can := s.Can(); !can.Lines || len(can.Forwarding) != 0 || can.Tells {
			t.Errorf("it can %+v", can)
		}
		var e *source.Error
		if err := s.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "1"}); !errors.As(err, &e) {
			t.Errorf("forwarding: %v", err)
		}
		if _, err := s.Forwarding(t.Context(), "201"); !errors.As(err, &e) || e.Public() == "" {
			t.Errorf("forwarding: %v", err)
		}
		s.Close()
	}
	_, err := New(Config{Server: "a b", Transport: "sctp", Domain: "x/y", AuthName: "a\nb", Password: "hunter2\x00", Numbers: []string{"abc"}, Internal: []string{"2y", "*"},
		InternalDigits: 99, Expires: time.Second, Rate: -1, ServerName: "::::"})
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("%v", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Path)
	}
	slices.Sort(got)
	want := "auth_name domain expires internal internal internal_digits numbers password rate server server_name transport username"
	if strings.Join(got, " ") != want {
		t.Errorf("fields %v\nwant %v", got, want)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error has the password: %v", err)
	}
	for _, server := range []string{"[::1", "::1]", "[[::1]]", "pbx.example.com:0"} {
		if _, err := New(Config{Server: server}); err == nil {
			t.Errorf("%q is taken", server)
		}
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "server") || strings.Contains(err.Error(), "domain") {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Server: "pbx.example.com:5070", Domain: "example.com", Numbers: []string{"+49 30 1234", "+49 30 12345", "030 1234"}})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"302": "sip:302@example.com", " 3 02 ": "sip:302@example.com", "+49 30 1234-302": "sip:302@example.com", "+49 (0)30 1234 302": "sip:302@example.com",
		"+49 30 12345-67": "sip:67@example.com", "+49 89 1234-302": "sip:+49891234302@example.com", "030/1234-302": "sip:302@example.com",
		"tel:+49-30-1234-302": "sip:302@example.com", "sip:302@example.com": "sip:302@example.com", "sip:ann@other.example:5080;transport=tcp": "sip:ann@other.example:5080",
		"ann": "sip:ann@example.com", "*72": "sip:*72@example.com", "ann#1": "sip:ann%231@example.com", "": "", "a b": "", "sip:302@": "sip:302@example.com", "sip:302@a/b": "", "+49301234": "sip:+49301234@example.com",
	} {
		u, ok := s.address(line)
		got := ""
		if ok {
			got = u.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	c := Config{Numbers: []string{"+49301234"}, Internal: []string{"88xxxxxx", "0049309*"}, InternalDigits: 4}
	for other, want := range map[string]presence.Reach{
		"302": presence.Internal, "3021": presence.Internal, "30211": presence.External, "0": presence.External, "*72": presence.Internal, "+49301234": presence.External,
		"+493012345": presence.Internal, "88123456": presence.Internal, "881234567": presence.External, "0049309": presence.Internal, "00493091": presence.Internal,
		"": presence.ReachUnknown, "Ann": presence.ReachUnknown, "+Ann": presence.External, "+49 30": presence.External,
	} {
		if got := c.reach(other); got != want {
			t.Errorf("%q is %v, want %v", other, got, want)
		}
	}
}

func TestWhereItMayBe(t *testing.T) {
	t.Parallel()
	for a, ok := range map[string]bool{"10.0.0.1": true, "127.0.0.1": true, "2001:db8::1": true, "169.254.169.254": false, "::ffff:169.254.169.254": false,
		"fd00:ec2::254": false, "224.0.0.1": false, "0.0.0.0": false, "::": false} {
		if err := reachable(netip.MustParseAddr(a)); (err == nil) != ok {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestNothingIsLogged(t *testing.T) {
	t.Parallel()
	l := telephony.Line{Line: "302", Calls: []telephony.Call{{Other: "0301234567"}}}
	if s := fmt.Sprint(l.LogValue()); strings.Contains(s, "0301234567") {
		t.Error(s)
	}
}
