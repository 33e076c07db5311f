package live

import (
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/socket"
)

// Close codes. Who reconnects is told in docs/protocols.md.
const (
	CloseBadMessage = 4400 // the client sent something that makes no sense: not again
	CloseSignedOut  = 4401 // sign in first
	CloseSlow       = 4408 // it took too little of what it was sent: reconnect
	CloseTooMany    = 4413 // it wants to watch too many people: not again
)

// mostMessage bounds a message of a client, in bytes.
const mostMessage = 256 << 10

// headerRoom is kept free before a payload for the frame's header.
const headerRoom = 10

// watched is one person whom a connection watches, in eight bytes: there are a million of them.
type watched struct {
	number uint32       // of the subject
	level  rights.Level // what the viewer is to them
	what   what         // is due to be told
}

// conn is one connection.
type conn struct {
	net     net.Conn
	socket  *socket.Conn // net; nil with TLS: that must be written to by blocking
	viewer  string
	session uint64 // Viewer.Credential
	expires int64  // Unix seconds; 0: never
	reads   bool   // Viewer.ReadOnly
	seen    atomic.Int64
	pinged  int64   // Unix seconds; only Broker.Run looks at it
	desktop bool    // Viewer.Desktop
	client  *client // that it counts as; nil: none. Set by its reader, with Broker.mu held.

	// Guarded by Broker.mu.
	watched []watched
	due     []int32 // of watched: what has to be told
	set     uint64  // tells sets of watched people, and what the viewer is to them, apart
	seq     uint64
	queued  bool
	closed  bool
	holding bool // a snapshot is on its way to the socket; changes wait for it

	out sync.Mutex // guards what follows; may be taken while Broker.mu is held, not the other way round
	// rest is what the socket did not take yet.
	rest    []byte
	stuck   time.Time // since when rest waits
	writing bool      // a goroutine is writing by blocking; nobody else writes then
	last    bool      // a close frame was written: nothing may follow it
}

// client is what a connection counts as.
type client struct {
	id     string
	detach func(heard time.Time)
	runs   bool   // a report was entered. Guarded by Broker.mu
	told   uint64 // hash of the settings that a desktop client was told last; guarded by Broker.mu

	minute  int64 // in which reports were counted last. Only its reader looks at it
	reports int   // in that minute
}

// find returns where a subject stands in watched, -1 if it does not.
func (c *conn) find(s *subject) int {
	for i := range c.watched {
		if c.watched[i].number == s.number {
			return i
		}
	}
	return -1
}

func (c *conn) levelOf(s *subject) rights.Level {
	if i := c.find(s); i >= 0 {
		return c.watched[i].level
	}
	return rights.Blocked
}

// Resume names where a client was.
type Resume struct {
	Epoch    string `json:"epoch"`
	Position string `json:"position"`
}

// message is what a client sends.
type message struct {
	Type   string   `json:"type"`
	People []string `json:"people"`
	Resume *Resume  `json:"resume"`
	Report
}

// Viewer is who opens a connection.
type Viewer struct {
	PersonID   string
	Credential uint64      // tells the session or token apart from others, for SignOut
	Expires    time.Time   // the connection ends then; zero: never
	ReadOnly   bool        // the connection may not count as a client
	Desktop    bool        // it is a desktop client's: it watches its owner alone, and is told what to measure
	Good       func() bool // asked again once the connection is listed: whether it may still be there; nil: it may
}

// Identify finds out who opens a connection.
type Identify func(r *http.Request) (Viewer, error)

// Handler upgrades requests. refuse writes the answer to requests that are not let in.
func (b *Broker) Handler(who Identify, refuse func(http.ResponseWriter, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := who(r)
		if err != nil {
			refuse(w, err)
			return
		}
		if !sameOrigin(r) {
			http.Error(w, "the live stream is for pages of this server", http.StatusForbidden)
			return
		}
		nc, rw, _, err := ws.HTTPUpgrader{}.Upgrade(r, w)
		if err != nil {
			return // the upgrader has answered
		}
		if rw.Reader.Buffered() > 0 { // nothing may be sent before the answer
			nc.Close()
			return
		}
		if c := b.accept(nc, v); c != nil && v.Good != nil && !v.Good() { // it ended before SignOut could see it
			b.drop(c, CloseSignedOut, "signed out")
		}
	})
}

// sameOrigin refuses pages of other servers: a browser sends them with the cookie. Programs send no Origin.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// accept takes a connection over from the HTTP server, whose handler returns at once: its stack and buffers would
// stay for as long as the connection. It returns nil if the server is stopping.
func (b *Broker) accept(nc net.Conn, v Viewer) *conn {
	direct, _ := nc.(*socket.Conn)
	if direct != nil {
		nc = direct.TCPConn // reading is seldom, and costs less memory so
	}
	c := &conn{net: nc, socket: direct, viewer: v.PersonID, session: v.Credential, reads: v.ReadOnly, desktop: v.Desktop}
	if !v.Expires.IsZero() {
		c.expires = v.Expires.Unix()
	}
	c.seen.Store(time.Now().Unix())
	nc.SetDeadline(time.Time{})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		nc.Close()
		return nil
	}
	b.conns[c] = struct{}{}
	b.busy.Go(func() { b.read(c) })
	return c
}

// read takes what a client sends until the connection ends. It keeps little on its stack: there are as many of it as
// there are watchers.
func (b *Broker) read(c *conn) {
	defer b.gone(c)
	var head [14]byte
	var parts []byte // of a message in fragments; nil: none is under way
	for {
		fin, op, payload, err := readFrame(c.net, head[:], mostMessage-len(parts))
		if err == nil && (op == ws.OpContinuation) != (parts != nil) && op < ws.OpClose {
			err = &badFrame{int(ws.StatusProtocolError), "fragments are out of order"}
		}
		if err != nil {
			var bad *badFrame
			if errors.As(err, &bad) {
				b.drop(c, bad.code, bad.text)
				c.linger()
			}
			return
		}
		c.seen.Store(time.Now().Unix())
		switch op {
		case ws.OpText, ws.OpContinuation:
			if !fin {
				parts = append(parts, payload...)
				if parts == nil {
					parts = []byte{}
				}
				continue
			}
			if parts != nil {
				payload, parts = append(parts, payload...), nil
			}
			done := make(chan bool)
			go func() { done <- b.handle(c, payload) }() // decoding needs a large stack for a moment
			if !<-done {
				c.linger()
				return
			}
		case ws.OpPing:
			b.write(c, frameOf(ws.OpPong, payload))
		case ws.OpClose:
			if b.answerClose(c, payload) {
				c.linger()
			}
			return
		}
	}
}

// answerClose answers a close frame; it returns false if that was itself an answer.
func (b *Broker) answerClose(c *conn, payload []byte) bool {
	answer := payload[:min(len(payload), 2)] // RFC 6455 §5.5.1: the same status code
	if len(payload) > 0 {
		code, reason := ws.ParseCloseFrameData(payload)
		if len(payload) == 1 || ws.CheckCloseFrameData(code, reason) != nil {
			answer = ws.NewCloseFrameBody(ws.StatusProtocolError, "")
		}
	}
	return b.finishWith(c, frameOf(ws.OpClose, answer))
}

// linger reads on for as long as the connection has to say good-bye: closing with something unread would take back
// what was written last.
func (c *conn) linger() { io.Copy(io.Discard, c.net) }

// badFrame is a frame that ends the connection.
type badFrame struct {
	code int
	text string
}

func (e *badFrame) Error() string { return e.text }

// readFrame reads one frame (RFC 6455 §5.2) with a payload of at most most bytes.
func readFrame(r io.Reader, head []byte, most int) (fin bool, op ws.OpCode, payload []byte, err error) {
	if _, err = io.ReadFull(r, head[:2]); err != nil {
		return false, 0, nil, err
	}
	fin = head[0]&0x80 != 0
	op = ws.OpCode(head[0] & 0x0f)
	size := uint64(head[1] & 0x7f)
	switch {
	case head[0]&0x70 != 0:
		return false, 0, nil, &badFrame{int(ws.StatusProtocolError), "reserved bits are set"}
	case head[1]&0x80 == 0:
		return false, 0, nil, &badFrame{int(ws.StatusProtocolError), "the frame is not masked"}
	case op >= 8 && (size > 125 || !fin):
		return false, 0, nil, &badFrame{int(ws.StatusProtocolError), "the control frame is too long"}
	case op == ws.OpBinary:
		return false, 0, nil, &badFrame{int(ws.StatusUnsupportedData), "messages are text"}
	case op != ws.OpContinuation && op != ws.OpText && op != ws.OpClose && op != ws.OpPing && op != ws.OpPong:
		return false, 0, nil, &badFrame{int(ws.StatusProtocolError), "the kind of frame is unknown"}
	}
	more := 4
	if size == 126 {
		more += 2
	} else if size == 127 {
		more += 8
	}
	if _, err = io.ReadFull(r, head[:more]); err != nil {
		return false, 0, nil, err
	}
	switch size {
	case 126:
		size = uint64(head[0])<<8 | uint64(head[1])
	case 127:
		size = 0
		for _, x := range head[:8] {
			size = size<<8 | uint64(x)
		}
	}
	if size > uint64(most) {
		return false, 0, nil, &badFrame{int(ws.StatusMessageTooBig), "the message is longer than " + strconv.Itoa(mostMessage) + " bytes"}
	}
	mask := [4]byte(head[more-4 : more])
	payload = make([]byte, size)
	if _, err = io.ReadFull(r, payload); err != nil {
		return false, 0, nil, err
	}
	ws.Cipher(payload, mask, 0)
	return fin, op, payload, nil
}

// handle does what a client asks for; it returns false if that ended the connection.
func (b *Broker) handle(c *conn, payload []byte) bool {
	b.mu.Lock()
	closed := c.closed
	b.mu.Unlock()
	if closed { // whoever was cut off is not listened to, though they have not hung up yet
		return true
	}
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		b.drop(c, CloseBadMessage, "the message is no JSON object of the protocol")
		return false
	}
	switch m.Type {
	case "watch":
		if len(m.People) > b.cfg.Most {
			b.drop(c, CloseTooMany, "at most "+strconv.Itoa(b.cfg.Most)+" people can be watched")
			return false
		}
		frame := b.watch(c, m.People, m.Resume)
		if frame == nil {
			return false
		}
		b.write(c, finish(frame))
		b.writes.Add(1)
		b.release(c)
	case "client":
		return b.report(c, m.Report)
	case "end":
		if c.client == nil {
			break
		}
		c.client.detach(time.Now()) // first: it is not the end while another connection stands
		ctx, cancel := context.WithTimeout(context.Background(), reportWithin)
		defer cancel()
		if err := b.cfg.Clients.End(ctx, c.viewer, c.client.id); err != nil {
			b.log.Warn("a client that ends could not be entered", "user", c.viewer, "err", err)
		}
		b.drop(c, int(ws.StatusNormalClosure), "ended")
		return false
	default:
		b.drop(c, CloseBadMessage, "type must be watch, client or end")
		return false
	}
	return true
}

const (
	reportWithin = 10 * time.Second // entering a report may take so long
	mostReports  = 300              // of a connection in a minute
)

// report enters what a client says of itself; it returns false if that ended the connection.
func (b *Broker) report(c *conn, r Report) bool {
	switch {
	case b.cfg.Clients == nil:
		return true
	case c.reads:
		b.drop(c, CloseBadMessage, "the token may only read")
		return false
	case !clientID(r.ID):
		b.drop(c, CloseBadMessage, "id must be 1 to 64 letters, digits, _ . or -")
		return false
	case c.client != nil && c.client.id != r.ID: // a connection is one client
		return true
	}
	if c.client == nil {
		// It is attached before it is reported: what another connection of it says of its end meanwhile is not the end.
		x := &client{id: r.ID, detach: b.cfg.Clients.Attach(c.viewer, r.ID)}
		b.mu.Lock()
		c.client = x // read by gone, on the goroutine that waits for this one
		b.mu.Unlock()
	}
	if minute := time.Now().Unix() / 60; c.client.minute != minute {
		c.client.minute, c.client.reports = minute, 0
	}
	if c.client.reports++; c.client.reports > mostReports {
		b.drop(c, CloseBadMessage, "more than "+strconv.Itoa(mostReports)+" reports in a minute")
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportWithin)
	defer cancel()
	if err := b.cfg.Clients.Report(ctx, c.viewer, r); err != nil {
		level := slog.LevelWarn
		if fault.KindOf(err) == fault.Invalid { // the client's own fault
			level = slog.LevelDebug
		}
		b.log.Log(ctx, level, "what a client says could not be entered", "user", c.viewer, "err", err)
		if c.desktop {
			text, _ := json.Marshal(map[string]string{"type": "refused", "detail": fault.Public(err)}) // strings always can
			b.write(c, frameOf(ws.OpText, text))
		}
		return true
	}
	b.mu.Lock()
	if !c.client.runs && !c.closed && c.desktop {
		b.desktops[c.viewer] = append(b.desktops[c.viewer], c)
	}
	c.client.runs = true
	b.mu.Unlock()
	if c.desktop {
		b.tellDesktop(c)
	}
	return true
}

// tellDesktop tells a desktop client what to measure, if that is not what it was told last.
func (b *Broker) tellDesktop(c *conn) {
	b.mu.Lock()
	if c.closed || c.client == nil || !c.client.runs {
		b.mu.Unlock()
		return
	}
	text := b.cfg.Clients.Settings(c.viewer)
	sum := maphash.Bytes(b.seed, text)
	if sum == c.client.told {
		b.mu.Unlock()
		return
	}
	c.client.told = sum
	c.out.Lock() // before the settings can change again: the latest go out last
	b.mu.Unlock()
	defer c.out.Unlock()
	b.writeLocked(c, frameOf(ws.OpText, text))
}

// tellDesktops tells the desktop clients of people whose settings changed what to measure; mu is held.
func (b *Broker) tellDesktops(people []string) {
	var all []*conn
	for _, id := range people {
		all = append(all, b.desktops[id]...)
	}
	if len(all) == 0 || b.stopped {
		return
	}
	b.busy.Go(func() { // an office may have changed as a whole
		for _, c := range all {
			b.tellDesktop(c)
		}
	})
}

// release lets changes go out behind a snapshot.
func (b *Broker) release(c *conn) {
	b.mu.Lock()
	c.holding = false
	due := len(c.due) > 0 && !c.queued && !c.closed
	if due {
		c.queued = true
		b.dirty = append(b.dirty, c)
	}
	b.mu.Unlock()
	if due {
		b.wake()
	}
}

func clientID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-') {
			return false
		}
	}
	return true
}

// gone takes a connection out. Its subjects stay for a while: it may come back and resume.
func (b *Broker) gone(c *conn) {
	b.mu.Lock()
	c.closed = true
	for _, w := range c.watched {
		b.leave(c, b.numbered[w.number], rights.ClassOf(w.level))
	}
	c.watched, c.due = nil, nil
	delete(b.conns, c)
	if c.desktop && c.client != nil {
		if left := slices.DeleteFunc(b.desktops[c.viewer], func(x *conn) bool { return x == c }); len(left) > 0 {
			b.desktops[c.viewer] = left
		} else {
			delete(b.desktops, c.viewer)
		}
	}
	b.mu.Unlock()
	c.net.Close()
	if c.client != nil {
		// The other end lived when it was heard of last, and may have until it was asked next: that is when the grace time begins.
		c.client.detach(time.Unix(c.seen.Load()+1, 0).Add(b.cfg.Ping)) // whole seconds, rounded up
	}
}

// drop tells a connection why it ends, as far as it listens, and ends it.
func (b *Broker) drop(c *conn, code int, reason string) {
	b.finishWith(c, frameOf(ws.OpClose, ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
}

// finishWith sends a close frame, behind what the client still has to take, and ends the connection when it has answered
// or does not for too long. It returns false if the connection is ending already.
func (b *Broker) finishWith(c *conn, closing []byte) bool {
	b.mu.Lock()
	was := c.closed
	c.closed = true
	b.mu.Unlock()
	if was {
		return false
	}
	c.out.Lock()
	defer c.out.Unlock()
	b.writeLocked(c, closing)
	c.last = true
	switch {
	case c.writing: // writeOut ends it
	case len(c.rest) > 0: // it is told when it reads again, or cut off
		b.writeOutLocked(c)
	default:
		c.end()
	}
	return true
}

// end gives a connection that has been told everything a moment to answer.
func (c *conn) end() {
	c.net.SetDeadline(time.Now().Add(goodBye))
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// goodBye is how long a client may take to answer a close frame; the reader ends then.
const goodBye = 2 * time.Second

func frameOf(op ws.OpCode, payload []byte) []byte {
	f := make([]byte, headerRoom, headerRoom+len(payload))
	return finishAs(op, append(f, payload...))
}

// finish puts the header of a text frame into the room before a payload and returns the frame.
func finish(buf []byte) []byte { return finishAs(ws.OpText, buf) }

func finishAs(op ws.OpCode, buf []byte) []byte {
	n := len(buf) - headerRoom
	switch {
	case n < 126:
		buf[headerRoom-2], buf[headerRoom-1] = 0x80|byte(op), byte(n)
		return buf[headerRoom-2:]
	case n < 1<<16:
		buf[headerRoom-4], buf[headerRoom-3], buf[headerRoom-2], buf[headerRoom-1] = 0x80|byte(op), 126, byte(n>>8), byte(n)
		return buf[headerRoom-4:]
	}
	buf[0], buf[1] = 0x80|byte(op), 127
	for i := range 8 {
		buf[2+i] = byte(uint64(n) >> (56 - 8*i))
	}
	return buf
}

func appendUint(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }

// mostWaiting bounds what waits for a client that sends but does not read. A snapshot is shorter.
const mostWaiting = 4 << 20

// write sends frames without waiting. What the socket does not take is kept and sent by the next flush; with TLS a
// goroutine waits in its stead.
func (b *Broker) write(c *conn, frames []byte) {
	c.out.Lock()
	defer c.out.Unlock()
	b.writeLocked(c, frames)
}

func (b *Broker) writeLocked(c *conn, frames []byte) {
	switch {
	case c.last:
	case len(c.rest) > 0 || c.writing:
		if len(c.rest)+len(frames) > mostWaiting {
			c.net.Close() // the reader ends
			return
		}
		c.rest = append(c.rest, frames...)
	case c.socket == nil:
		c.rest = append(c.rest, frames...)
		b.writeOutLocked(c)
	default:
		n := c.try(frames)
		if n < 0 || n == len(frames) {
			return
		}
		c.rest = append([]byte(nil), frames[n:]...)
		c.stuck = time.Now()
		b.requeue(c)
	}
}

// try writes as much as the socket takes at once; negative: the connection is broken, which its reader will notice.
func (c *conn) try(p []byte) int {
	n, err := c.socket.WriteNow(p)
	if err != nil {
		return -1
	}
	return n
}

// requeue has the next flush look at a connection again. It is called with c.out held, so it may not take mu itself.
func (b *Broker) requeue(c *conn) {
	go func() {
		b.mu.Lock()
		if !c.queued && !c.closed {
			c.queued = true
			b.dirty = append(b.dirty, c)
		}
		b.mu.Unlock()
		time.AfterFunc(20*time.Millisecond, b.wake)
	}()
}

// writeOutLocked has a goroutine write what waits; c.out is held.
func (b *Broker) writeOutLocked(c *conn) {
	c.writing = true
	b.busy.Go(func() { b.writeOut(c) })
}

// mostAtOnce is what a client must be able to take before it counts as slow.
const mostAtOnce = 16 << 10

// writeOut writes what waits by blocking. A client that takes too little is told so behind what it has not taken, for
// when it reads again.
func (b *Broker) writeOut(c *conn) {
	slow := time.AfterFunc(b.cfg.Slow, func() { b.dropSlow(c) })
	defer slow.Stop()
	for {
		c.out.Lock()
		n := min(len(c.rest), mostAtOnce)
		p := c.rest[:n:n]
		if c.rest = c.rest[n:]; n == 0 {
			c.rest, c.writing = nil, false
			last := c.last
			c.out.Unlock()
			if last {
				c.end()
			}
			return
		}
		c.out.Unlock()
		slow.Reset(b.cfg.Slow)
		c.net.SetWriteDeadline(time.Now().Add(2 * b.cfg.Slow))
		if _, err := c.net.Write(p); err != nil {
			c.net.Close()
			c.out.Lock()
			c.rest, c.writing, c.last = nil, false, true
			c.out.Unlock()
			return
		}
	}
}

func (b *Broker) dropSlow(c *conn) {
	b.log.Info("a slow connection was dropped", "user", c.viewer)
	b.drop(c, CloseSlow, "too slow")
}
