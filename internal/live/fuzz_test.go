package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

func FuzzReadFrame(f *testing.F) {
	masked := func(op ws.OpCode, fin bool, text string) []byte {
		return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(text))))
	}
	f.Add(masked(ws.OpText, true, `{"type":"watch","people":["anna"]}`))
	f.Add(masked(ws.OpText, false, string(make([]byte, 126))))
	f.Add(masked(ws.OpContinuation, true, string(make([]byte, 1<<16))))
	f.Add(masked(ws.OpPing, true, "x"))
	f.Add(masked(ws.OpClose, true, "\x03\xe8bye"))
	f.Add(ws.MustCompileFrame(ws.NewTextFrame([]byte("unmasked"))))
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})
	f.Add([]byte{0x81, 0xfe, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		var head [14]byte
		fin, op, payload, err := readFrame(r, head[:], mostMessage)
		if err != nil {
			var bad *badFrame
			if errors.As(err, &bad) && ws.CheckCloseFrameData(ws.StatusCode(bad.code), bad.text) != nil {
				t.Errorf("close code %d %q may not be sent", bad.code, bad.text)
			}
			return
		}
		// What was read is what another implementation reads.
		g, err := ws.ReadFrame(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("accepted %x: %v", data, err)
		}
		ws.Cipher(g.Payload, g.Header.Mask, 0)
		if g.Header.Fin != fin || g.Header.OpCode != op || !bytes.Equal(g.Payload, payload) {
			t.Errorf("read %v %v %q, want %v %v %q", fin, op, payload, g.Header.Fin, g.Header.OpCode, g.Payload)
		}
		if op >= ws.OpClose && (len(payload) > 125 || !fin) || len(payload) > mostMessage {
			t.Errorf("a frame of kind %d with %d bytes was accepted", op, len(payload))
		}
	})
}

// sink is a connection that takes everything.
type sink struct {
	net.Conn
	taken chan []byte
}

func (s sink) Write(p []byte) (int, error)      { s.taken <- slices.Clone(p); return len(p), nil }
func (s sink) Close() error                     { return nil }
func (s sink) SetDeadline(time.Time) error      { return nil }
func (s sink) SetWriteDeadline(time.Time) error { return nil }

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"type":"watch","people":["anna","bert","anna","nobody",""]}`))
	f.Add([]byte(`{"type":"watch","people":["anna"],"resume":{"epoch":"0","position":"AAAAAAAAAAAAAAAAAAAAAA"}}`))
	f.Add([]byte(`{"type":"watch","people":null,"resume":{}}`))
	f.Add([]byte(`{"type":"client","id":"tab","label":"Firefox"}`))
	f.Add([]byte(`{"type":"shout"}`))
	f.Add([]byte(`[[[[[[`))
	f.Add([]byte(`{"type":"watch","people":["\ud800"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := &building{levels: map[[2]string]rights.Level{}, people: map[string]hub.Update{}}
		for _, id := range []string{"anna", "bert"} {
			o.people[id] = hub.Update{PersonID: id, Presence: presence.Presence{Status: presence.Busy}}
		}
		b := New(o, o, Config{Most: 4})
		out := sink{taken: make(chan []byte, 16)}
		c := &conn{net: out, viewer: "bert"}
		b.conns[c] = struct{}{}
		going := b.handle(c, data)
		b.busy.Wait()
		close(out.taken)
		var all []byte
		for p := range out.taken {
			all = append(all, p...)
		}
		if going == c.closed {
			t.Errorf("goes on: %v, closed: %v", going, c.closed)
		}
		for r := bytes.NewReader(all); r.Len() > 0; {
			g, err := ws.ReadFrame(r)
			if err != nil {
				t.Fatalf("answered with %x: %v", all, err)
			}
			if g.Header.OpCode == ws.OpText && !json.Valid(g.Payload) {
				t.Errorf("answered with %s", g.Payload)
			}
		}
		for i, w := range c.watched {
			subject := b.numbered[w.number]
			in := 0
			for k := range subject.audience {
				for _, x := range subject.audience[k].conns {
					if x == c {
						in++
					}
				}
			}
			if in != 1 || c.find(subject) != i || subject.watchers != 1 {
				t.Errorf("%s is watched %d times", subject.id, in)
			}
		}
		b.gone(c)
		if len(b.conns) != 0 {
			t.Error("the connection is not taken out")
		}
	})
}
