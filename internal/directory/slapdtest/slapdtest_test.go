package slapdtest

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServersComeAndGo(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"OpenLDAP": {}, "Active Directory": {AD: true}, "without TLS": {NoTLS: true}} {
		var s *Server
		t.Run(name, func(t *testing.T) {
			s = Start(t, o)
			c, err := ldap.DialURL(s.URL, ldap.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Bind(Reader, ReaderPassword); err != nil {
				t.Errorf("the reader is not let in: %v", err)
			}
		})
		if err := s.cmd.Process.Signal(syscall.Signal(0)); err == nil {
			t.Errorf("%s: slapd is still running", name)
		}
		if _, err := os.Stat(s.folder); err == nil {
			t.Errorf("%s: its folder is still there", name)
		}
	}
}

func TestAPortThatIsTakenMeansAnother(t *testing.T) {
	t.Parallel()
	program, err := find("slapd")
	if err != nil {
		t.Fatal(err)
	}
	s := Start(t, Options{NoTLS: true})
	other := &Server{folder: s.folder}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	again, err := other.runOn(t.Context(), program, Options{NoTLS: true}, port, "")
	if !again || err == nil {
		t.Errorf("on a port that is taken: again %v, error %v, want another try", again, err)
	}
}

func TestAnotherServerIsNotTakenForTheOneThatStarts(t *testing.T) {
	t.Parallel()
	a, b := Start(t, Options{}), Start(t, Options{})
	if err := a.itself(a.TLSURL); err != nil {
		t.Errorf("a server is not known again: %v", err)
	}
	if err := a.itself(b.TLSURL); err == nil {
		t.Error("another server counts as the one that was started")
	}
}
