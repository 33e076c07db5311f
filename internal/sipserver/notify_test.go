package sipserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// An answer to a notification, as telephones may write it.
func answerIn(n note, style string) string {
	via, callID := n.req.Via().Value(), n.req.CallID().Value()
	lines := []string{"SIP/2.0 200 OK", "Via: " + via, "From: " + n.req.From().Value(), "To: " + n.req.To().Value(), "Call-ID: " + callID, "CSeq: " + n.req.CSeq().Value(), "Content-Length: 0"}
	switch style {
	case "short":
		lines[1], lines[2], lines[3], lines[4], lines[6] = "v:"+via, "f:"+n.req.From().Value(), "t:"+n.req.To().Value(), "i:"+callID, "l:0"
	case "small":
		lines[1], lines[5] = "via:  "+via+";received=127.0.0.1", "cseq:"+n.req.CSeq().Value()
	case "two in a line":
		lines[1] = "Via: " + via + ", SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother"
	case "two lines":
		lines[1] += "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother"
	case "turned round":
		lines[1], lines[5] = lines[5], lines[1]
	case "at first 100":
		return strings.Replace(strings.Join(lines, "\r\n"), "200 OK", "100 Trying", 1) + "\r\n\r\n"
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// However a telephone writes its answer, it is heard.
func TestAnswersThatAreWrittenInOtherWays(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"plain", "short", "small", "two in a line", "two lines", "turned round", "at first 100"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			o := newTown()
			s := begin(t, o, nil, nil)
			p := connect(t, s, "udp", "desk1")
			p.answerWith(0)
			d := p.subscribe("sip:202@office.example", "dialog", 600, 200)
			n := d.hear()
			fmt.Fprint(p.conn, answerIn(n, style))
			if style == "at first 100" {
				if again := d.hear(); again.req.CSeq().SeqNo != n.req.CSeq().SeqNo {
					t.Fatalf("instead of the one that is being dealt with comes:\n%s", again.req)
				}
				if st := s.Stats(); st.Notified != 0 {
					t.Fatal("a telephone that is about to answer counts as told")
				}
				fmt.Fprint(p.conn, answerIn(n, "plain"))
			}
			wait(t, "the answer to count", func() bool { return s.Stats().Notified == 1 })
			if st := s.Stats(); st.Unanswered+st.Malformed != 0 {
				t.Errorf("it is heard, and yet: %+v", st)
			}
		})
	}
}

// A notification that is lost comes again, the same as it was.
func TestANotificationThatIsLostComesAgain(t *testing.T) {
	t.Parallel()
	o := newTown()
	s := begin(t, o, nil, nil)
	p := connect(t, s, "udp", "desk1")
	p.answerWith(0)
	d := p.subscribe("sip:202@office.example", "dialog", 600, 200)
	first := d.hear()
	second, third := d.hear(), d.hear()
	if first.req.String() != second.req.String() || second.req.String() != third.req.String() {
		t.Errorf("it comes again as something else:\n%s\n%s\n%s", first.req, second.req, third.req)
	}
	p.answerWith(200)
	d.hear()
	wait(t, "it to be taken", func() bool { return s.Stats().Notified == 1 })
	s.trans.mu.Lock()
	defer s.trans.mu.Unlock()
	if n := len(s.trans.client); n != 0 {
		t.Errorf("%d transactions are kept that are over", n)
	}
}

// What is read of an answer in passing is what the library reads of it.
func FuzzAnswer(f *testing.F) {
	seeds(f)
	id := sip.CallIDHeader("1")
	n := note{req: sip.NewRequest(sip.NOTIFY, sip.Uri{Scheme: "sip", Host: "x"})}
	for _, h := range []sip.Header{
		&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "192.0.2.1", Port: 5060, Params: sip.HeaderParams{{K: "branch", V: "z9hG4bK1"}, {K: "rport"}}},
		&sip.FromHeader{Address: sip.Uri{Scheme: "sip", Host: "a"}}, &sip.ToHeader{Address: sip.Uri{Scheme: "sip", Host: "b"}},
		&id, &sip.CSeqHeader{SeqNo: 1, MethodName: sip.NOTIFY},
	} {
		n.req.AppendHeader(h)
	}
	for _, style := range []string{"plain", "short", "small", "two in a line", "two lines", "turned round", "at first 100"} {
		f.Add([]byte(answerIn(n, style)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		branch, code, ok := answerOf(data)
		if !ok {
			return
		}
		m, err := parse(sip.NewParser(), data)
		if err != nil {
			return // what is wrong with the rest does not matter to whoever waits
		}
		r, ok := m.(*sip.Response)
		if !ok {
			t.Fatalf("%q is no answer", data)
		}
		if r.Via() == nil || r.CSeq() == nil {
			return
		}
		if b, _ := r.Via().Params.Get("branch"); b != "" && b != string(branch) || r.StatusCode != code {
			t.Errorf("of %q: %q, %d, the library reads %q, %d", data, branch, code, b, r.StatusCode)
		}
	})
}
