package siplinetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/telephony/siptest"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStrict sends SUBSCRIBEs that are wrong, each in its own way.
func TestStrict(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Lines: []string{"201"}, Username: "desk", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	at, err := p.Listen(sipua.UDP, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sipua.New(sipua.Config{}, map[sip.RequestMethod]sipua.Handler{sip.NOTIFY: func(req *sip.Request, tx sip.ServerTransaction) {
		tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r, err := a.Connect(t.Context(), sipua.UDP, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	login := sipua.NewLogin("desk", "secret")
	for _, c := range []struct {
		name   string
		change func(*sip.Request)
		code   int
		wrong  bool // it is noted
	}{
		{"right", func(*sip.Request) {}, 200, false},
		{"no Contact", func(r *sip.Request) { r.RemoveHeader("Contact") }, 400, true},
		{"no Expires", func(r *sip.Request) { r.RemoveHeader("Expires") }, 400, true},
		{"no Event", func(r *sip.Request) { r.RemoveHeader("Event") }, 489, true},
		{"another event", func(r *sip.Request) { r.ReplaceHeader(sip.NewHeader("Event", "presence")) }, 489, true},
		{"no Accept", func(r *sip.Request) { r.RemoveHeader("Accept") }, 406, true},
		{"another Max-Forwards", func(r *sip.Request) { r.MaxForwards().Dec() }, 400, true},
		{"an unknown line", func(r *sip.Request) { r.Recipient.User = "299" }, 404, false},
		{"an unknown dialog", func(r *sip.Request) { r.To().Params.Add("tag", "x") }, 481, false},
	} {
		before := len(p.Complaints())
		d := sipua.NewDialog(sip.Uri{Scheme: "sip", User: "desk", Host: Domain}, sip.Uri{Scheme: "sip", User: "201", Host: Domain})
		res, err := login.Do(t.Context(), a, r, func() *sip.Request {
			req := d.Request(sip.SUBSCRIBE, sipua.Contact("desk", sipua.UDP, r.Local), sip.NewHeader("Event", "dialog"),
				sip.NewHeader("Accept", "application/dialog-info+xml"), sip.NewHeader("Expires", "600"))
			c.change(req)
			return req
		})
		if err != nil || res.StatusCode != c.code || (len(p.Complaints()) > before) != c.wrong {
			t.Errorf("%s: %v, %v, %q, want %d", c.name, res, err, p.Complaints()[before:], c.code)
		}
	}
}

// TestWatchedBySIPp has SIPp, which others wrote, watch a line: what it is told are NOTIFYs as it expects them.
func TestWatchedBySIPp(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Lines: []string{"201"}, Pause: 300 * time.Millisecond}) // so that the order is known
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	at, err := p.Listen(sipua.UDP, nil)
	if err != nil {
		t.Fatal(err)
	}
	const answer = `
  <send><![CDATA[

    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>`
	s := siptest.SIPp(t, fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<scenario name="watcher">
  <send><![CDATA[

    SUBSCRIBE sip:[service]@%[1]s SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
    Max-Forwards: 70
    From: <sip:desk@%[1]s>;tag=w[call_number]
    To: <sip:[service]@%[1]s>
    Call-ID: [call_id]
    CSeq: 1 SUBSCRIBE
    Contact: <sip:desk@[local_ip]:[local_port]>
    Event: dialog
    Accept: application/dialog-info+xml
    Expires: 600
    Content-Length: 0

  ]]></send>
  <recv request="NOTIFY" timeout="20000"/>%[2]s
  <recv response="200"/>
  <recv request="NOTIFY" timeout="20000"><action><ereg regexp="confirmed" search_in="body" check_it="true" assign_to="1"/></action></recv>%[2]s
  <recv request="NOTIFY" timeout="20000"><action><ereg regexp="terminated;reason=noresource" search_in="hdr" header="Subscription-State:" check_it="true" assign_to="2"/></action></recv>%[2]s
  <Reference variables="1,2"/>
</scenario>`, Domain, answer), at.String(), "201")
	for end := time.Now().Add(20 * time.Second); p.Subscribed("201") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody subscribes")
		}
	}
	time.Sleep(time.Second)
	p.Set("201", Dialog{ID: "a", State: "confirmed", Other: "202"})
	time.Sleep(time.Second)
	p.End("201", "noresource", 0)
	s.Wait(t, 30*time.Second)
	if c := p.Complaints(); len(c) > 0 {
		t.Errorf("complaints: %s", strings.Join(c, "; "))
	}
}
