package siptest

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTwoTelephones is a call between two telephones of a server, and the server away and back.
func TestTwoTelephones(t *testing.T) {
	t.Parallel()
	s := Kamailio(t, ServerConfig{})
	alice, bob := Baresip(t, s.Addr(), "201"), Baresip(t, s.Addr(), "202")
	alice.Call(t, "202")
	bob.Ringing(t)
	bob.Accept(t)
	alice.Established(t)
	bob.Established(t)
	alice.Hangup(t)
	s.Stop()
	if s.answers() {
		t.Error("the server answers after it was stopped")
	}
	s.Start(t)
}

func TestScenario(t *testing.T) {
	t.Parallel()
	s := Kamailio(t, ServerConfig{})
	SIPp(t, `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="nobody">
  <send retrans="500"><![CDATA[

    OPTIONS sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:test@[local_ip]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]>
    Call-ID: [call_id]
    CSeq: 1 OPTIONS
    Content-Length: 0

  ]]></send>
  <recv response="404"/>
</scenario>`, s.Addr(), "nobody").Wait(t, 30e9)
}

func TestPortsAreHandedOutOnce(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 20 {
		first := FreePort(t, 2)
		for p := first; p < first+2; p++ {
			if seen[p] {
				t.Fatalf("port %d was handed out twice", p)
			}
			seen[p] = true
		}
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.ParseIP(Address), Port: first})
		if err != nil {
			t.Fatalf("port %d is not free: %v", first, err)
		}
		l.Close()
	}
}
