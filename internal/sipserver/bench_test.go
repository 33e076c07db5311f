package sipserver

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/presence"
)

// crowd is many telephones on one socket: they say 200 to everything that they are told.
type crowd struct {
	conn *net.UDPConn
	told atomic.Int64
	mute atomic.Bool
	over sync.WaitGroup
}

func gather(t testing.TB) *crowd {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadBuffer(8 << 20)
	c := &crowd{conn: conn}
	c.over.Go(func() {
		buf := make([]byte, 65536)
		var out bytes.Buffer
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if c.mute.Load() {
				continue
			}
			out.Reset()
			out.WriteString("SIP/2.0 200 OK\r\n")
			for line := range bytes.SplitSeq(buf[:n], []byte("\r\n")) {
				if len(line) == 0 {
					break
				}
				for _, h := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
					if bytes.HasPrefix(line, []byte(h)) {
						out.Write(line)
						out.WriteString("\r\n")
					}
				}
			}
			out.WriteString("Content-Length: 0\r\n\r\n")
			conn.WriteToUDPAddrPort(out.Bytes(), from)
			c.told.Add(1)
		}
	})
	t.Cleanup(func() { conn.Close(); c.over.Wait() })
	return c
}

// subscribe enters a subscription as if a telephone had signed in and sent it.
func (c *crowd) subscribe(t testing.TB, s *Server, i int, user string, event string) {
	t.Helper()
	at := c.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	raw := fmt.Sprintf("SUBSCRIBE sip:%s@office.example SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK%[2]d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:desk%[2]d@office.example>;tag=a%[2]dbcdef\r\n"+
		"To: <sip:%[1]s@office.example>\r\nCall-ID: 0123456789abcdef-%[2]d@192.0.2.200\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:desk%[2]d@%[3]s>\r\nEvent: %[4]s\r\nExpires: 900\r\nContent-Length: 0\r\n\r\n", user, i, at, event)
	m, err := sip.ParseMessage([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	req := m.(*sip.Request)
	req.SetTransport("UDP")
	req.SetSource(at.String())
	f := &flow{socket: s.sockets[0], remote: at}
	p := packPresence
	if event == "dialog" {
		p = packDialog
	}
	if code, _ := s.subscribed(f, req, nil, fmt.Sprint("desk", i), "anna", event, p, 15*time.Minute); code != 200 {
		t.Fatalf("subscription %d is answered with %d", i, code)
	}
}

// What 10,000 subscriptions cost when nothing happens, in bytes each. What a telephone's transactions and sockets take comes and goes, and is not in it.
func TestMemoryOfASubscription(t *testing.T) {
	const n = 10_000
	o := newTown()
	for i := range 1000 {
		o.people[fmt.Sprint(1000+i)], o.views[fmt.Sprint("p", i)] = fmt.Sprint("p", i), View{Status: presence.Available}
	}
	s := begin(t, o, nil, nil)
	c := gather(t)
	memory := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	for i := range n {
		c.subscribe(t, s, i, fmt.Sprint(1000+i%1000), "dialog")
		if i%500 == 499 {
			wait(t, "them to be told", func() bool { return s.Stats().Notified >= int64(i-499) })
		}
	}
	wait(t, "all to be told", func() bool { st := s.Stats(); return st.Notified+st.Unanswered >= n && st.UnderWay == 0 })
	each := (float64(memory()) - float64(before)) / n
	t.Logf("%.0f bytes each", each)
	if each > 2048 {
		t.Errorf("a subscription takes %.0f bytes", each)
	}
}

// A floor without power: however many telephones do not answer, the others are told without waiting for them.
func TestTheDeadDoNotHoldUpTheLiving(t *testing.T) {
	t.Parallel()
	const n = 6000 // more than may be expected to answer at a time
	o := newTown()
	s := begin(t, o, nil, func(x *timing) { x.slow = 100 * time.Millisecond })
	c := gather(t)
	for i := range n {
		c.subscribe(t, s, i, "202", "presence")
		if i%500 == 499 {
			wait(t, "them to be told", func() bool { return s.Stats().Notified >= int64(i-499) })
		}
	}
	wait(t, "all to be told", func() bool { st := s.Stats(); return st.UnderWay == 0 && st.Queued == 0 })
	living := connect(t, s, "udp", "desk1").subscribe("sip:202@office.example", "presence", 600, 200)
	living.hear()
	c.mute.Store(true)
	for i := range 3 {
		o.set("ben", View{Status: presence.Busy, Text: fmt.Sprint("news ", i)})
		living.hears(fmt.Sprint("news ", i))
	}
	if st := s.Stats(); st.Unanswered > 0 || st.UnderWay < n/2 {
		t.Errorf("the others were waited for: %+v", st)
	}
}

// 20,000 subscriptions of 1,000 people, who change 500 times a second: how long until the telephones were told, and how much of two processors that takes.
func BenchmarkChanges(b *testing.B) {
	const n = 20_000
	o := newTown()
	for i := range 1000 {
		o.people[fmt.Sprint(1000+i)], o.views[fmt.Sprint("p", i)] = fmt.Sprint("p", i), View{Status: presence.Available}
	}
	s := begin(b, o, nil, nil)
	c := gather(b)
	for i := range n {
		c.subscribe(b, s, i, fmt.Sprint(1000+i%1000), "presence")
		if i%500 == 499 {
			wait(b, "them to be told", func() bool { return s.Stats().Notified >= int64(i-499) })
		}
	}
	wait(b, "all to be told", func() bool { st := s.Stats(); return st.UnderWay == 0 && st.Queued == 0 })
	statuses := []presence.Status{presence.Busy, presence.Available, presence.BeRightBack}
	b.ResetTimer()
	before, begun := s.Stats().Notified, time.Now()
	var worst time.Duration
	for i := range b.N {
		o.set(fmt.Sprint("p", i%1000), View{Status: statuses[i/1000%3], Text: "in a meeting"})
		if late := time.Since(begun) - time.Duration(i)*2*time.Millisecond; late < 0 {
			time.Sleep(-late) // 500 a second
		} else {
			worst = max(worst, late)
		}
	}
	wait(b, "all to be told", func() bool { st := s.Stats(); return st.UnderWay == 0 && st.Queued == 0 })
	took := time.Since(begun)
	b.ReportMetric(float64(s.Stats().Notified-before)/took.Seconds(), "notify/s")
	b.ReportMetric(float64(b.N)/took.Seconds(), "changes/s")
	b.ReportMetric(worst.Seconds()*1000, "ms-late")
	b.ReportMetric(float64(s.Stats().Unanswered), "unanswered")
}

// As many notifications as go.
func BenchmarkNotify(b *testing.B) {
	o := newTown()
	s := begin(b, o, nil, nil)
	c := gather(b)
	for i := range 1000 {
		c.subscribe(b, s, i, "202", "dialog")
	}
	wait(b, "all to be told", func() bool { st := s.Stats(); return st.Notified == 1000 })
	b.ResetTimer()
	for i := 0; i < b.N; i += 1000 {
		want := s.Stats().Notified + 1000
		o.set("ben", View{LineKnown: true, Line: presence.Line{State: presence.LineState(1 + i/1000%2)}})
		wait(b, "all to be told", func() bool { return s.Stats().Notified >= want })
	}
	b.ReportMetric(float64((b.N+999)/1000*1000)/b.Elapsed().Seconds(), "notify/s")
}

// Calls that are redirected, by UDP over the loopback: eight askers, one at a time each.
func BenchmarkRedirect(b *testing.B) {
	o := newTown()
	o.targets["anna"] = Target{Kind: Ring, Contacts: []Contact{{"sip:201@pbx.example", 1}}}
	s := begin(b, o, nil, nil)
	to := at(b, s, "udp")
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ResetTimer()
	for g := range 8 {
		all.Go(func() {
			c, err := net.Dial("udp", to)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			buf := make([]byte, 4096)
			for i := 0; left.Add(-1) >= 0; i++ {
				fmt.Fprintf(c, "INVITE sip:201@office.example SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK%d.%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:1@x>;tag=1\r\nTo: <sip:201@office.example>\r\nCall-ID: %[1]d.%[2]d\r\nCSeq: 1 INVITE\r\nContact: <sip:1@x>\r\nContent-Length: 0\r\n\r\n", g, i)
				c.SetReadDeadline(time.Now().Add(patience))
				if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 302")) {
					b.Errorf("answered with %q: %v", buf[:n], err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
