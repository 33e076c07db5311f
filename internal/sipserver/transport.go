package sipserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// largest is how large a message may be.
const largest = 65535

// socket is one of Config.Listen.
type socket struct {
	network string // "udp", "tcp" or "tls"
	addr    netip.AddrPort
	udp     *net.UDPConn
	tcp     net.Listener
}

func (s *Server) listen(network, addr string) (*socket, error) {
	k := &socket{network: network}
	if network == "udp" {
		a, err := net.ResolveUDPAddr("udp", addr)
		if err != nil {
			return nil, err
		}
		if k.udp, err = net.ListenUDP("udp", a); err != nil {
			return nil, err
		}
		// A phone system that starts has thousands of telephones speak at once.
		k.udp.SetReadBuffer(4 << 20)
		k.addr = k.udp.LocalAddr().(*net.UDPAddr).AddrPort()
		return k, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	k.tcp, k.addr = l, l.Addr().(*net.TCPAddr).AddrPort()
	return k, nil
}

func (k *socket) close() {
	if k.udp != nil {
		k.udp.Close()
	} else {
		k.tcp.Close()
	}
}

// flow is the way to whoever sent a message: the connection it came by, or the socket and the address it came from. It is the sip.Connection
// of transactions. A flow is not changed once it is in use.
type flow struct {
	socket *socket
	conn   *stream        // nil: UDP
	remote netip.AddrPort // where answers go
}

// network is the word that stands in Via.
func (f *flow) network() string {
	switch f.socket.network {
	case "tcp":
		return "TCP"
	case "tls":
		return "TLS"
	}
	return "UDP"
}

// dead reports whether nothing more can be sent.
func (f *flow) dead() bool { return f.conn != nil && f.conn.closed.Load() }

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// WriteMsg implements sip.Connection.
func (f *flow) WriteMsg(m sip.Message) error {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	m.StringWrite(b)
	err := f.write(b.Bytes())
	if b.Cap() <= 64<<10 {
		buffers.Put(b)
	}
	return err
}

func (f *flow) write(b []byte) error {
	if f.conn == nil {
		_, err := f.socket.udp.WriteToUDPAddrPort(b, f.remote)
		return err
	}
	return f.conn.write(b)
}

// LocalAddr implements sip.Connection.
func (f *flow) LocalAddr() net.Addr {
	if f.conn != nil {
		return f.conn.conn.LocalAddr()
	}
	return f.socket.udp.LocalAddr()
}

// Ref, TryClose and Close implement sip.Connection. Nobody closes a connection because a transaction is over.
func (f *flow) Ref(int) int            { return 1 }
func (f *flow) TryClose() (int, error) { return 1, nil }
func (f *flow) Close() error           { return nil }

// stream is a TCP or TLS connection.
type stream struct {
	conn     net.Conn
	patience time.Duration // for writing
	closed   atomic.Bool
	known    atomic.Bool // somebody signed in by it, or it is a trusted one's: it may be silent

	mu sync.Mutex // held while writing
}

func (c *stream) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return net.ErrClosed
	}
	c.conn.SetWriteDeadline(time.Now().Add(c.patience))
	if _, err := c.conn.Write(b); err != nil {
		c.closed.Store(true)
		c.conn.Close()
		return err
	}
	return nil
}

// serve reads from a socket until it is closed.
func (s *Server) serve(k *socket) {
	if k.udp != nil {
		s.serveUDP(k)
		return
	}
	for wait := 5 * time.Millisecond; ; {
		conn, err := k.tcp.Accept()
		if err == nil {
			wait = 5 * time.Millisecond
			s.accept(k, conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.log.Warn("sip connections cannot be accepted", "err", err)
		time.Sleep(wait) // out of descriptors, perhaps
		wait = min(2*wait, time.Second)
	}
}

func (s *Server) serveUDP(k *socket) {
	buf := make([]byte, largest)
	parser := sip.NewParser()
	for {
		n, from, err := k.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("sip messages cannot be received", "err", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.receive(parser, &flow{socket: k, remote: from}, buf[:n])
	}
}

// accept takes a connection, if there are not too many.
func (s *Server) accept(k *socket, conn net.Conn) *stream {
	c := &stream{conn: conn, patience: s.timing.write}
	s.mu.Lock()
	if s.closing || len(s.conns) >= s.c.MostConnections {
		s.mu.Unlock()
		s.count.dropped.Add(1)
		conn.Close()
		return nil
	}
	if k.network == "tls" {
		c.conn = tls.Server(conn, s.c.TLS)
	}
	s.conns[c] = struct{}{}
	s.work.Go(func() { s.read(k, c) })
	s.mu.Unlock()
	return c
}

// read reads from a connection until it ends.
func (s *Server) read(k *socket, c *stream) {
	defer func() {
		c.closed.Store(true)
		c.conn.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	f := flow{socket: k, conn: c, remote: addrPort(c.conn.RemoteAddr())}
	parser := sip.NewParser()
	if s.trusts(f.remote.Addr()) {
		c.known.Store(true)
	}
	var buf []byte
	chunk := make([]byte, 4096)
	for {
		if c.known.Load() && len(buf) == 0 {
			c.conn.SetReadDeadline(time.Time{})
		} else {
			c.conn.SetReadDeadline(time.Now().Add(s.timing.firstWord))
		}
		n, err := c.conn.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for len(buf) > 0 {
			if bytes.HasPrefix(buf, []byte("\r\n\r\n")) { // RFC 5626 §3.5.1: are you there?
				if c.write([]byte("\r\n")) != nil {
					return
				}
				buf = buf[4:]
				continue
			}
			if buf[0] != '\r' && buf[0] != '\n' || len(buf) > 1 && buf[0] == '\r' && buf[1] != '\n' {
				n, err := frame(buf)
				if errors.Is(err, io.ErrUnexpectedEOF) {
					break // there is more to come
				}
				if err != nil {
					// Where the next message begins, nobody knows.
					s.malformed(&f, buf, err)
					return
				}
				g := f
				s.receive(parser, &g, buf[:n])
				buf = buf[n:]
				continue
			}
			if len(buf) < 4 && bytes.HasPrefix([]byte("\r\n\r\n"), buf) {
				break // half a question
			}
			buf = buf[1:]
		}
		if len(buf) == 0 {
			buf = nil
		} else if len(bytes.Trim(buf, "\r\n")) == 0 {
			c.conn.SetReadDeadline(time.Time{})
		}
	}
}

// frame returns how long the first message in b is, io.ErrUnexpectedEOF if it is not all there (RFC 3261 §18.3).
func frame(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > largest {
			return 0, sip.ErrMessageTooLarge
		}
		return 0, io.ErrUnexpectedEOF
	}
	length := -1
	for line := range bytes.SplitSeq(b[:end], []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		if !ok || !bytes.EqualFold(name, []byte("Content-Length")) && !bytes.EqualFold(name, []byte("l")) {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil || length >= 0 && int(n) != length {
			return 0, errors.New("its length is not told rightly")
		}
		length = int(n)
	}
	if length < 0 {
		return 0, errors.New("its length is not told")
	}
	n := end + 4 + length
	if n > largest {
		return 0, sip.ErrMessageTooLarge
	}
	if n > len(b) {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// receive deals with a message. It keeps nothing of data.
func (s *Server) receive(parser *sip.Parser, f *flow, data []byte) {
	if len(bytes.Trim(data, "\r\n\x00")) == 0 {
		return // a keep-alive
	}
	from := f.remote.Addr()
	if !bytes.HasPrefix(data, []byte("SIP/2.0 ")) {
		s.count.requests.Add(1)
		if !s.trusts(from) && !s.admit(f) {
			return
		}
	}
	if branch, code, ok := answerOf(data); ok && s.trans.answer(branch, code) {
		return
	}
	msg, err := parse(parser, data)
	if err != nil {
		s.malformed(f, data, err)
		return
	}
	msg.SetTransport(f.network())
	msg.SetSource(f.remote.String())
	switch m := msg.(type) {
	case *sip.Response:
		if v := m.Via(); v != nil && m.CSeq() != nil && m.CSeq().MethodName == sip.NOTIFY {
			branch, _ := v.Params.Get("branch")
			s.trans.answer([]byte(branch), m.StatusCode)
		}
	case *sip.Request:
		if m.Method == sip.ACK {
			if !inOrder(m) {
				s.count.malformed.Add(1)
			}
			return
		}
		if f.conn == nil {
			// RFC 3261 §18.2.2, RFC 3581 §4: to where it came from; without rport to the port that it names.
			if v := m.Via(); v != nil && !v.Params.Has("rport") {
				port := v.Port
				if port == 0 {
					port = 5060
				}
				if port > 0 && port < 65536 {
					f.remote = netip.AddrPortFrom(from, uint16(port))
				}
			}
			select {
			case s.handling <- struct{}{}:
			default:
				s.count.dropped.Add(1) // it will be sent again
				return
			}
		} else {
			s.handling <- struct{}{} // the sender waits
		}
		s.work.Go(func() {
			defer func() { <-s.handling }()
			defer func() {
				if r := recover(); r != nil { // one message must not end the server
					s.count.malformed.Add(1)
					s.log.Error("a sip request was not answered", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
				}
			}()
			s.handle(f, m)
		})
	}
}

// parse keeps a message that the library cannot bear from ending the server.
func parse(p *sip.Parser, data []byte) (m sip.Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("it cannot be read")
		}
	}()
	return p.ParseSIP(data)
}

// inOrder reports whether a request can be answered. What the library cannot bear is not in order.
func inOrder(req *sip.Request) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			ok = false
		}
	}()
	code, _, _ := examine(req)
	return code == 0
}

// admit reports whether one more request may come from there. Those of a connection wait until it may.
func (s *Server) admit(f *flow) bool {
	for range 10 {
		ok, wait := s.limit.take(f.remote.Addr(), time.Now())
		if ok {
			return true
		}
		if f.conn == nil {
			break
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-s.context().Done():
			t.Stop()
			return false
		}
	}
	s.count.dropped.Add(1)
	return false
}

// context ends when Run comes to its end.
func (s *Server) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return context.Background()
	}
	return s.running
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	p, _ := netip.ParseAddrPort(a.String())
	return p
}

// local is where a telephone reaches this server by a flow: what stands in our Via and Contact.
func (s *Server) local(f *flow) (host string, port uint16) {
	at := f.socket.addr
	if f.conn != nil {
		if a := addrPort(f.conn.conn.LocalAddr()); a.IsValid() {
			at = netip.AddrPortFrom(a.Addr(), at.Port())
		}
	} else if at.Addr().IsUnspecified() {
		// The kernel knows which of our addresses it sends from. Nothing is sent to find out.
		if c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(f.remote)); err == nil {
			at = netip.AddrPortFrom(c.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), at.Port())
			c.Close()
		}
	}
	host = s.c.Host
	if host == "" {
		host = at.Addr().Unmap().WithZone("").String()
	}
	return host, at.Port()
}

// dialled is a connection that was opened from here, or is being opened.
type dialled struct {
	done chan struct{}
	flow *flow // set before done is closed; nil if nobody answers
}

// dial opens a connection to a telephone that closed its own.
func (s *Server) dial(ctx context.Context, k *socket, to netip.AddrPort) (*flow, error) {
	d := net.Dialer{Timeout: s.timing.slow}
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	c := s.accept(k, conn)
	if c == nil {
		return nil, net.ErrClosed
	}
	c.known.Store(true)
	return &flow{socket: k, conn: c, remote: to}, nil
}

// transactions are those that are under way (RFC 3261 §17). Of requests that are answered without keeping anything there are none.
type transactions struct {
	log *slog.Logger

	mu     sync.Mutex          // guards what follows
	client map[string]chan int // by branch: notifications that wait for the code of their answer
	server map[string]*sip.ServerTx
}

func (t *transactions) init() {
	t.log = slog.New(slog.DiscardHandler) // the library's log names callers
	t.client, t.server = map[string]chan int{}, map[string]*sip.ServerTx{}
}

// answer hands a response to whoever waits for it, and reports whether somebody does. Others are late, and nobody's.
func (t *transactions) answer(branch []byte, code int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.client[string(branch)]
	if c == nil {
		return false
	}
	if code >= 200 {
		select {
		case c <- code:
		default: // it came twice
		}
	}
	return true
}

// expect begins the client's part of a transaction; whoever begins it must forget it. The channel has the code of the final answer.
func (t *transactions) expect(branch string) <-chan int {
	c := make(chan int, 1)
	t.mu.Lock()
	t.client[branch] = c
	t.mu.Unlock()
	return c
}

func (t *transactions) forget(branch string) {
	t.mu.Lock()
	delete(t.client, branch)
	t.mu.Unlock()
}

// answerOf finds the branch and the code of an answer to a NOTIFY without reading all of it: they come as often as notifications go. It returns
// ok only if there is no doubt.
func answerOf(data []byte) (branch []byte, code int, ok bool) {
	line, rest, _ := bytes.Cut(data, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("SIP/2.0 ")) {
		return nil, 0, false
	}
	for _, c := range line[8:11] {
		if c < '0' || c > '9' {
			return nil, 0, false
		}
		code = code*10 + int(c-'0')
	}
	if line[11] != ' ' || code < 100 || code > 699 {
		return nil, 0, false
	}
	notify := false
	for branch == nil || !notify {
		if line, rest, ok = bytes.Cut(rest, []byte("\r\n")); !ok || len(line) == 0 || line[0] == ' ' || line[0] == '\t' || len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			return nil, 0, false
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return nil, 0, false
		}
		switch name = bytes.TrimSpace(name); {
		case branch == nil && (bytes.EqualFold(name, []byte("Via")) || bytes.EqualFold(name, []byte("v"))):
			if bytes.IndexByte(value, '"') >= 0 {
				return nil, 0, false
			}
			value, _, _ = bytes.Cut(value, []byte(",")) // the topmost
			_, value, ok = bytes.Cut(value, []byte(";branch="))
			if !ok {
				return nil, 0, false
			}
			value, _, _ = bytes.Cut(value, []byte(";"))
			if branch = bytes.TrimSpace(value); !bytes.HasPrefix(branch, []byte(sip.RFC3261BranchMagicCookie)) {
				return nil, 0, false
			}
		case bytes.EqualFold(name, []byte("CSeq")):
			f := bytes.Fields(value)
			if len(f) != 2 || string(f[1]) != "NOTIFY" {
				return nil, 0, false
			}
			notify = true
		}
	}
	return branch, code, true
}

// again hands a request to the transaction that it was sent in before. It returns false if there is none.
func (t *transactions) again(key string, req *sip.Request) bool {
	t.mu.Lock()
	tx := t.server[key]
	t.mu.Unlock()
	if tx == nil {
		return false
	}
	tx.Receive(req)
	return true
}

// begin keeps a request, so that it is known if it comes again. It returns nil if it was begun already, or need not be kept: nothing comes
// twice over a connection.
func (t *transactions) begin(key string, f *flow, req *sip.Request) (tx *sip.ServerTx, first bool) {
	if f.conn != nil {
		return nil, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.server[key] != nil {
		return nil, false
	}
	tx = sip.NewServerTx(key, req, f, t.log)
	if tx.Init() != nil {
		return nil, true
	}
	tx.OnTerminate(func(key string, _ error) {
		t.mu.Lock()
		delete(t.server, key)
		t.mu.Unlock()
	})
	t.server[key] = tx
	return tx, true
}

// end ends all of them.
func (t *transactions) end() {
	t.mu.Lock()
	var all []sip.Transaction
	for _, tx := range t.server {
		all = append(all, tx)
	}
	t.mu.Unlock()
	for _, tx := range all {
		tx.Terminate()
	}
}
