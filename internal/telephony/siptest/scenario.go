package siptest

import (
	"fmt"
	"strings"
)

const ok = `<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`

// Lamp is a scenario of a telephone with one lamp (RFC 4235) in SIPp's language: it signs in as user at the server and subscribes to [service], is told of these
// states in this order and of nothing else, waits so many milliseconds in which it is to be told nothing, and unsubscribes.
// SIPp needs to be told what it asks for: -auth_uri and [service]@server.
func Lamp(user, password string, milliseconds int, states ...string) string {
	subscribe := func(cseq int, to, extra string, expires int) string {
		return fmt.Sprintf(`<send retrans="500"><![CDATA[

SUBSCRIBE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:%[1]s@[remote_ip]:[remote_port]>;tag=w[pid]x[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>%[2]s
Call-ID: [call_id]
CSeq: %[3]d SUBSCRIBE
Contact: <sip:%[1]s@[local_ip]:[local_port];transport=[transport]>
Event: dialog
Accept: application/dialog-info+xml
Expires: %[4]d
%[5]sContent-Length: 0

]]></send>`, user, to, cseq, expires, extra)
	}
	proof := "[authentication username=" + user + " password=" + password + "]\n"
	var s strings.Builder
	s.WriteString(`<?xml version="1.0" encoding="UTF-8"?><scenario name="lamp">`)
	s.WriteString(subscribe(1, "", "", 600) + `<recv response="401" auth="true"/>` + subscribe(2, "", proof, 600) + `<recv response="200" rrs="true"/>`)
	for _, state := range states {
		s.WriteString(`<recv request="NOTIFY" timeout="30000"><action><ereg regexp="state.` + state + `" search_in="body" check_it="true" assign_to="1"/><log message="[$1]"/></action></recv>` + ok)
	}
	fmt.Fprintf(&s, `<pause milliseconds="%d"/>`, milliseconds)
	s.WriteString(subscribe(3, "[peer_tag_param]", "", 0) + `<recv response="401" auth="true"/>` + subscribe(4, "[peer_tag_param]", proof, 0) + `<recv response="200"/>`)
	s.WriteString(`<recv request="NOTIFY"><action><ereg regexp="terminated" search_in="hdr" header="Subscription-State:" check_it="true" assign_to="2"/><log message="[$2]"/></action></recv>` + ok + `</scenario>`)
	return s.String()
}

const media = `Content-Type: application/sdp
Content-Length: [len]

v=0
o=u 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 0

]]></send>`

// Answering is a scenario of a telephone: whoever calls is told its name, and may hang up. Give SIPp "-m" and a number of calls.
func Answering(name string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="` + name + `"><recv request="INVITE" rrs="true"/>
<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]x[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
X-Who: ` + name + `
Contact: <sip:` + name + `@[local_ip]:[local_port]>
` + media + `<recv request="ACK"/><recv request="BYE"/>` + ok + `</scenario>`
}

// Calling is a scenario of a call to [service], which somebody of this name is to answer, as Answering has it.
func Calling(name string) string {
	within := func(method string, cseq int) string {
		return fmt.Sprintf(`
%[1]s [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:0301234@[local_ip]:[local_port]>;tag=c[pid]x[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: %[2]d %[1]s
Max-Forwards: 70
Content-Length: 0

]]></send>`, method, cseq)
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="call"><send retrans="500"><![CDATA[

INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:0301234@[local_ip]:[local_port]>;tag=c[pid]x[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:0301234@[local_ip]:[local_port]>
Max-Forwards: 70
` + media + `<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="200" rrs="true"><action><ereg regexp="` + name + `" search_in="hdr" header="X-Who:" check_it="true" assign_to="1"/><log message="[$1]"/></action></recv>
<send><![CDATA[
` + within("ACK", 1) + `<send retrans="500"><![CDATA[
` + within("BYE", 2) + `<recv response="200"/></scenario>`
}
