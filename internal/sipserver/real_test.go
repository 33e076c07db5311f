package sipserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony/siptest"
	"github.com/doorlight/doorlight/presence"
)

const sippOK = `<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`

// sippSubscribe is a SUBSCRIBE in SIPp's language.
func sippSubscribe(cseq int, to, extra string, expires int) string {
	return fmt.Sprintf(`<send><![CDATA[

SUBSCRIBE sip:[service]@office.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:desk1@office.example>;tag=w[pid]x[call_number]
To: <sip:[service]@office.example>%s
Call-ID: [call_id]
CSeq: %d SUBSCRIBE
Contact: <sip:desk1@[local_ip]:[local_port];transport=[transport]>
Event: dialog
Accept: application/dialog-info+xml
Expires: %d
%sContent-Length: 0

]]></send>`, to, cseq, expires, extra)
}

// A busy lamp field as SIPp has it: it signs in, is told, is told of a change, renews, and unsubscribes. SIPp checks each step.
func TestSIPpWatchesALamp(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"u1", "t1"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := newTown()
			s := begin(t, o, func(c *Config) { c.Algorithms = nil }, nil) // what SIPp and baresip bear
			said := func(what string) string {
				return `<action><ereg regexp="` + what + `" search_in="body" check_it="true" assign_to="1"/><log message="[$1]"/></action>`
			}
			scenario := `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="lamp">` +
				sippSubscribe(1, "", "", 600) + `<recv response="401" auth="true"/>` +
				sippSubscribe(2, "", "[authentication username=desk1 password="+password+"]\n", 600) +
				`<recv response="200" rrs="true"/>` +
				`<recv request="NOTIFY">` + said("state.terminated") + `</recv>` + sippOK +
				`<recv request="NOTIFY" timeout="15000">` + said("state.confirmed") + `</recv>` + sippOK +
				sippSubscribe(3, "[peer_tag_param]", "", 600) + `<recv response="401" auth="true"/>` +
				sippSubscribe(4, "[peer_tag_param]", "[authentication username=desk1 password="+password+"]\n", 600) + `<recv response="200"/>` +
				`<recv request="NOTIFY">` + said("version=.2.") + `</recv>` + sippOK +
				sippSubscribe(5, "[peer_tag_param]", "", 0) + `<recv response="401" auth="true"/>` +
				sippSubscribe(6, "[peer_tag_param]", "[authentication username=desk1 password="+password+"]\n", 0) + `<recv response="200"/>` +
				`<recv request="NOTIFY"><action><ereg regexp="terminated;reason=timeout" search_in="hdr" header="Subscription-State:" check_it="true" assign_to="1"/></action></recv>` + sippOK +
				`</scenario>`
			network := map[string]string{"u1": "udp", "t1": "tcp"}[mode]
			p := siptest.SIPp(t, scenario, at(t, s, network), "202", "-t", mode, "-auth_uri", "202@office.example")
			wait(t, "it to be told", func() bool { return s.Stats().Notified == 1 })
			o.set("ben", View{Status: presence.Available, LineKnown: true, Line: presence.Line{State: presence.LineOnThePhone}})
			p.Wait(t, 30*time.Second)
			wait(t, "the end of it", func() bool { st := s.Stats(); return st.Subscriptions == 0 && st.Notified == 4 })
		})
	}
}

// Calls as SIPp makes them: it takes a 302 with the contact that it is to have, and a 486, and acknowledges them.
func TestSIPpIsRedirected(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"u1", "t1"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := newTown()
			o.targets["anna"] = Target{Kind: Forward, Contacts: []Contact{{"sip:0170@pbx.example", 1}, {"sip:0171@pbx.example", 0.5}}}
			o.targets["ben"] = Target{Kind: DoNotDisturb}
			s := begin(t, o, nil, nil)
			scenario := func(code int, check string) string {
				return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<scenario name="call"><send retrans="500"><![CDATA[

INVITE sip:[service]@office.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:1234@[local_ip]:[local_port]>;tag=c[call_number]
To: <sip:[service]@office.example>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:1234@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=u 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 0

]]></send>
<recv response="100" optional="true"/>
<recv response="%d" rtd="true">%s</recv>
<send><![CDATA[

ACK sip:[service]@office.example SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send></scenario>`, code, check)
			}
			network := map[string]string{"u1": "udp", "t1": "tcp"}[mode]
			siptest.SIPp(t, scenario(302, `<action><ereg regexp="sip:0170@pbx.example.;q=1" search_in="hdr" header="Contact:" check_it="true" assign_to="1"/><log message="[$1]"/></action>`),
				at(t, s, network), "201", "-t", mode).Wait(t, 30*time.Second)
			siptest.SIPp(t, scenario(486, ""), at(t, s, network), "202", "-t", mode).Wait(t, 30*time.Second)
			siptest.SIPp(t, scenario(404, ""), at(t, s, network), "999", "-t", mode).Wait(t, 30*time.Second)
			if st := s.Stats(); st.Redirected != 1 || st.NotDisturbed != 1 || st.Unreachable != 1 {
				t.Errorf("counted are %+v", st)
			}
		})
	}
}

// baresip signs in, and shows how its contacts are.
func TestBaresipShowsPresence(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.accounts["201"] = "anna"
	s := begin(t, o, func(c *Config) { c.Domains, c.Algorithms = []string{"127.0.0.1"}, nil }, nil)
	phone := siptest.Baresip(t, at(t, s, "udp"), "201", "202")
	shows := func(what string) {
		t.Helper()
		wait(t, "it to show "+what, func() bool {
			return strings.Contains(phone.Do(t, "contacts", ""), what)
		})
	}
	wait(t, "it to subscribe", func() bool { return s.Stats().Subscriptions == 1 })
	shows("Online")
	o.set("ben", View{Status: presence.Busy})
	shows("Busy")
	o.set("ben", View{Status: presence.LoggedOut})
	shows("Offline")
}

// baresip calls somebody, and goes where it is told.
func TestBaresipFollowsARedirection(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.accounts["201"] = "anna"
	s := begin(t, o, func(c *Config) { c.Algorithms = nil }, nil)
	caller := siptest.Baresip(t, at(t, s, "udp"), "201")
	o.accountOf("203", "carla")
	other := siptest.Baresip(t, at(t, s, "udp"), "203")
	o.mu.Lock()
	o.targets["ben"] = Target{Kind: Forward, Contacts: []Contact{{fmt.Sprintf("sip:203@127.0.0.1:%d", other.Port), 1}}}
	o.mu.Unlock()
	caller.Call(t, "sip:202@"+at(t, s, "udp"))
	other.Ringing(t)
	other.Accept(t)
	caller.Established(t)
	caller.Hangup(t)
}

func (o *town) accountOf(user, person string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.accounts[user] = person
}

// With a server in between, both sides send within the dialog the way that it recorded (RFC 3261 §12.1.1): Kamailio.
func TestKamailioStandsInBetween(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	k := siptest.Kamailio(t, siptest.ServerConfig{Before: fmt.Sprintf(`
	if (has_totag() && loose_route()) { t_relay(); exit; }
	if (is_method("SUBSCRIBE")) { record_route(); $du = "sip:%s"; t_relay(); exit; }
`, at(t, s, "udp"))})
	p := connect(t, s, "udp", "desk1")
	p.server = k.Addr()
	p.dial()
	d := p.subscribe("sip:202@office.example", "presence", 600, 200)
	n := d.hear()
	if !strings.Contains(n.body, "<basic>open</basic>") || len(values(n.req, "Record-Route", ""))+len(values(n.req, "Via", "v")) < 2 {
		t.Errorf("it did not come by the server in between:\n%s", n.req)
	}
	o.set("ben", View{Status: presence.Busy})
	d.hears("busy")
	d.target = strings.Trim(header(d.first, "Contact", "m"), "<>")
	d.routes = values(d.first, "Record-Route", "")
	if d.target == "" || len(d.routes) != 1 {
		t.Fatalf("the way is not told:\n%s", d.first)
	}
	if r := d.send(0); r.StatusCode != 200 {
		t.Fatalf("unsubscribing is answered with %d", r.StatusCode)
	}
	if n := d.hear(); n.state != "terminated;reason=timeout" {
		t.Errorf("at last it says %q", n.state)
	}
}
