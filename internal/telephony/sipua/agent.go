// Package sipua is what everything here that speaks SIP (RFC 3261) has in common: sockets and connections, requests and their
// answers, digest authentication of both sides, and the bookkeeping of dialogs. Messages, transactions and their timers are those of
// github.com/emiago/sipgo. What requests mean is left to the caller.
//
// An Agent never connects of its own accord: to wherever a message names. Whoever sends says by which Route.
package sipua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// MaxMessage is how large a message may be, in bytes. Larger ones are not read; a connection that brings one is closed.
const MaxMessage = 32 << 10

const (
	dialTimeout  = 15 * time.Second // for a connection, with the handshake of TLS
	writeTimeout = 10 * time.Second // for a message on a connection
)

func init() {
	// The library logs what it cannot read as it came, with everybody's numbers.
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
	sip.UDPMTUSize = 64 << 10 // documents may be larger than one packet; IP puts them together again
}

// Transport is how messages are carried.
type Transport string

// Transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
)

// Port is the usual one of a transport (RFC 3261 §19.1.2).
func (t Transport) Port() uint16 {
	if t == TLS {
		return 5061
	}
	return 5060
}

// Config is what an Agent is called, and how it reaches others.
type Config struct {
	Name string // in User-Agent and Server fields; empty: "Doorlight"
	// Reach returns why an address may not be connected or sent to; nil: all may but those that stand for many or none.
	Reach func(netip.Addr) error
	// Dial connects, and ListenPacket opens a socket to reach an address, in place of the network: for tests in memory. Nil: the network.
	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	ListenPacket func(remote netip.AddrPort) (net.PacketConn, error)
}

// Handler is called with a request, in a goroutine of its own. It has to answer.
type Handler func(*sip.Request, sip.ServerTransaction)

// Agent sends and receives requests. It may be used by several goroutines at once.
type Agent struct {
	c        Config
	ua       *sipgo.UserAgent
	client   *sipgo.Client
	server   *sipgo.Server
	handlers map[sip.RequestMethod]Handler

	mu     sync.Mutex // guards what follows
	open   map[io.Closer]struct{}
	closed bool
	wg     sync.WaitGroup
}

// New returns an agent that hears nothing yet: see Listen and Connect. A request without a handler is answered with 405, OPTIONS with 200.
// Close it when done.
func New(c Config, handlers map[sip.RequestMethod]Handler) (*Agent, error) {
	if c.Name == "" {
		c.Name = "Doorlight"
	}
	if c.Reach == nil {
		c.Reach = Unicast
	}
	quiet := slog.New(slog.DiscardHandler)
	parser := sip.NewParser()
	parser.MaxMessageLength = MaxMessage
	// It has connections of its own only: those of Connect and Listen.
	never := func(net.Addr) net.Dialer {
		return net.Dialer{Control: func(string, string, syscall.RawConn) error {
			return errors.New("there is no connection any more")
		}}
	}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent(c.Name), sipgo.WithUserAgentParser(parser),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet), sip.WithTransportLayerTransports(sip.TransportsConfig{
			TCP: &sip.TransportTCP{DialerCreate: never, WriteTimeout: writeTimeout},
			TLS: &sip.TransportTLS{TransportTCP: &sip.TransportTCP{DialerCreate: never, WriteTimeout: writeTimeout}},
		})),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet), sip.WithTransactionLayerTerminateOnConnClose(),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})))
	if err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	a := &Agent{c: c, ua: ua, handlers: handlers, open: map[io.Closer]struct{}{}}
	if a.client, err = sipgo.NewClient(ua, sipgo.WithClientLogger(quiet)); err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	if a.server, err = sipgo.NewServer(ua, sipgo.WithServerLogger(quiet)); err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	allow := []string{"OPTIONS"}
	for method, h := range handlers {
		if method != sip.OPTIONS {
			allow = append(allow, string(method))
		}
		a.server.OnRequest(method, sipgo.RequestHandler(h))
	}
	slices.Sort(allow)
	allowed := strings.Join(allow, ", ")
	if handlers[sip.OPTIONS] == nil {
		a.server.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
			a.Answer(req, tx, 200, "OK", sip.NewHeader("Allow", allowed))
		})
	}
	a.server.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) {
		if !req.IsAck() {
			a.Answer(req, tx, 405, "Method Not Allowed", sip.NewHeader("Allow", allowed))
		}
	})
	return a, nil
}

// Unicast is the mildest Config.Reach: it refuses addresses that stand for many computers or none.
func Unicast(a netip.Addr) error {
	if a = a.Unmap(); !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fmt.Errorf("the address %s stands for many computers or none", a)
	}
	return nil
}

// Close closes all sockets and connections, and ends what is under way.
func (a *Agent) Close() {
	a.mu.Lock()
	a.closed = true
	open := make([]io.Closer, 0, len(a.open))
	for c := range a.open {
		open = append(open, c)
	}
	a.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	a.wg.Wait()
	a.ua.Close()
}

// keep notes something that Close closes.
func (a *Agent) keep(c io.Closer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		c.Close()
		return net.ErrClosed
	}
	a.open[c] = struct{}{}
	return nil
}

func (a *Agent) drop(c io.Closer) {
	a.mu.Lock()
	delete(a.open, c)
	a.mu.Unlock()
	c.Close()
}

// Listen opens a socket or a port for others to come to, until Close. It returns its address. TLS needs a configuration with a certificate, the
// others none.
func (a *Agent) Listen(t Transport, address string, c *tls.Config) (net.Addr, error) {
	if t == UDP {
		p, err := net.ListenPacket("udp", address)
		if err != nil {
			return nil, err
		}
		return p.LocalAddr(), a.ServePacket(p)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return l.Addr(), a.Serve(l, c)
}

// ServePacket hears what comes to a socket, until Close, which closes it.
func (a *Agent) ServePacket(p net.PacketConn) error {
	if err := a.keep(p); err != nil {
		return err
	}
	h := &heard{PacketConn: p, ready: make(chan struct{})}
	a.wg.Go(func() {
		defer h.once.Do(func() { close(h.ready) })
		a.server.ServeUDP(h)
		a.drop(p)
	})
	<-h.ready
	return nil
}

// heard is a socket that tells when somebody reads from it: until then the library does not know it. When it is closed, the library is told a little
// later, as it would open another one, of its own, for a message that is being looked at.
type heard struct {
	net.PacketConn
	once  sync.Once
	ready chan struct{}
}

const linger = 100 * time.Millisecond

func (h *heard) ReadFrom(p []byte) (int, net.Addr, error) {
	h.once.Do(func() { close(h.ready) })
	n, from, err := h.PacketConn.ReadFrom(p)
	if errors.Is(err, net.ErrClosed) {
		time.Sleep(linger)
	}
	return n, from, err
}

// Serve takes connections, until Close, which closes the listener. With a configuration they are secured by TLS.
func (a *Agent) Serve(l net.Listener, c *tls.Config) error {
	l = &patient{Listener: l, done: make(chan struct{})}
	if c != nil {
		l = &patient{Listener: tls.NewListener(l, c), done: make(chan struct{})}
	}
	if err := a.keep(l); err != nil {
		return err
	}
	a.wg.Go(func() {
		if c != nil {
			a.server.ServeTLS(l)
		} else {
			a.server.ServeTCP(l)
		}
		a.drop(l)
	})
	return nil
}

// patient is a listener that goes on after a failure, such as too many open files.
type patient struct {
	net.Listener
	once sync.Once
	done chan struct{}
}

func (p *patient) Accept() (net.Conn, error) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		c, err := p.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		select {
		case <-p.done:
			return nil, net.ErrClosed
		case <-time.After(wait):
		}
	}
}

func (p *patient) Close() error {
	p.once.Do(func() { close(p.done) })
	return p.Listener.Close()
}

// Answer answers a request with nothing but fields. It does not matter if that fails: whoever asked asks again.
func (a *Agent) Answer(req *sip.Request, tx sip.ServerTransaction, code int, reason string, fields ...sip.Header) {
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	for _, f := range fields {
		res.AppendHeader(f)
	}
	res.AppendHeader(sip.NewHeader("Server", a.c.Name))
	tx.Respond(res)
}

// Route is a way to one other side: a connection, or a socket and where to send.
type Route struct {
	Transport Transport
	Local     netip.AddrPort // as this computer sees it; what the other side sees is told by Seen
	Remote    netip.AddrPort

	agent *Agent
	of    io.Closer
	gone  chan struct{}
	once  sync.Once
}

// Gone is closed when a connection has ended, or a socket was closed.
func (r *Route) Gone() <-chan struct{} { return r.gone }

// Close ends a connection, or closes the socket. A way that Back returned it leaves as it is.
func (r *Route) Close() {
	if r.of != nil {
		r.agent.drop(r.of)
		r.end()
	}
}

// Back returns the way to whoever sent a request: over the connection on which it came, or to where the packet came from, from the socket that
// has the local address. That is also where those are who stand behind a NAT. When the connection has ended, Do fails.
func (a *Agent) Back(req *sip.Request, local netip.AddrPort) (*Route, error) {
	remote, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		return nil, fmt.Errorf("sip: where a request came from: %w", err)
	}
	return &Route{Transport: Transport(strings.ToLower(req.Transport())), Local: local, Remote: remote, agent: a, gone: make(chan struct{})}, nil
}

func (r *Route) end() { r.once.Do(func() { close(r.gone) }) }

// Connect opens a way to an address. A configuration is for TLS, with the name that the certificate has to be made out to.
func (a *Agent) Connect(ctx context.Context, t Transport, remote netip.AddrPort, c *tls.Config) (*Route, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if err := a.c.Reach(remote.Addr()); err != nil {
		return nil, err
	}
	r := &Route{Transport: t, Remote: remote, agent: a, gone: make(chan struct{})}
	if t == UDP {
		listen := a.c.ListenPacket
		if listen == nil {
			listen = listenTowards
		}
		p, err := listen(remote)
		if err != nil {
			return nil, err
		}
		if r.Local, err = netip.ParseAddrPort(p.LocalAddr().String()); err != nil {
			p.Close()
			return nil, err
		}
		s := &datagrams{PacketConn: p, route: r}
		r.of = s
		return r, a.ServePacket(s)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := a.c.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	conn, err := dial(ctx, "tcp", remote.String())
	if err != nil {
		return nil, err
	}
	if t == TLS {
		secured := tls.Client(conn, c)
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secured
	}
	if r.Local, err = netip.ParseAddrPort(conn.LocalAddr().String()); err != nil {
		r.Local = netip.AddrPortFrom(netip.IPv4Unspecified(), 1) // in memory, say
	}
	s := &stream{Conn: conn, route: r}
	r.of = s
	if err := a.keep(s); err != nil {
		return nil, err
	}
	// The library takes connections that it did not make from listeners only.
	if one := (&single{conn: s}); t == TLS {
		a.server.ServeTLS(one)
	} else {
		a.server.ServeTCP(one)
	}
	return r, nil
}

// listenTowards opens a socket with the address by which this computer reaches another.
func listenTowards(remote netip.AddrPort) (net.PacketConn, error) {
	probe, err := net.Dial("udp", remote.String()) // sends nothing
	if err != nil {
		return nil, err
	}
	defer probe.Close()
	return net.ListenUDP("udp", &net.UDPAddr{IP: probe.LocalAddr().(*net.UDPAddr).IP, Zone: probe.LocalAddr().(*net.UDPAddr).Zone})
}

// datagrams is a socket that tells its route when it is closed.
type datagrams struct {
	net.PacketConn
	route *Route
}

func (d *datagrams) Close() error {
	d.route.end()
	return d.PacketConn.Close()
}

// stream is a connection that tells its route when it has ended.
type stream struct {
	net.Conn
	route *Route
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		s.route.agent.drop(s)
	}
	return n, err
}

func (s *stream) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil {
		s.route.agent.drop(s)
	}
	return n, err
}

func (s *stream) Close() error {
	s.route.end()
	return s.Conn.Close()
}

func (s *stream) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(s.route.Local) }
func (s *stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.route.Remote) }

// single is a listener of one connection.
type single struct{ conn net.Conn }

func (s *single) Accept() (net.Conn, error) {
	if s.conn == nil {
		return nil, net.ErrClosed
	}
	c := s.conn
	s.conn = nil
	return c, nil
}

func (s *single) Close() error   { return nil }
func (s *single) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 1} }

// Do sends a request and returns its final answer. The request has to be whole but for Via, User-Agent and Content-Length; it is the agent's from
// then on. It is sent again, on UDP, until it is answered, for 32 seconds at most (timer F) or until ctx ends.
func (a *Agent) Do(ctx context.Context, r *Route, req *sip.Request) (*sip.Response, error) {
	select {
	case <-r.gone:
		return nil, net.ErrClosed
	default:
	}
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(string(r.Transport)),
		Host: HostOf(r.Local.Addr()), Port: int(r.Local.Port())}
	via.Params.Add("branch", sip.GenerateBranchN(20))
	via.Params.Add("rport", "") // RFC 3581
	req.PrependHeader(via)
	if req.GetHeader("User-Agent") == nil {
		req.AppendHeader(sip.NewHeader("User-Agent", a.c.Name))
	}
	req.SetBody(req.Body())
	req.SetTransport(strings.ToUpper(string(r.Transport)))
	req.SetDestination(r.Remote.String())
	if r.Transport == UDP {
		req.Laddr = sip.Addr{IP: r.Local.Addr().AsSlice(), Port: int(r.Local.Port()), Zone: r.Local.Addr().Zone()}
	}
	return a.client.Do(ctx, req, func(*sipgo.Client, *sip.Request) error { return nil })
}

// Seen returns how the other side saw whoever it answers (RFC 3581), and whether it says so.
func Seen(res *sip.Response) (netip.AddrPort, bool) {
	via := res.Via()
	if via == nil {
		return netip.AddrPort{}, false
	}
	received, _ := via.Params.Get("received")
	rport, _ := via.Params.Get("rport")
	host := strings.Trim(received, "[]")
	if host == "" {
		host = strings.Trim(via.Host, "[]")
	}
	addr, err := netip.ParseAddrPort(net.JoinHostPort(host, rport))
	return addr, err == nil
}

// HostOf writes an address as the host of a SIP URI.
func HostOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// Contact is the URI by which whoever has an address is reached (RFC 3261 §8.1.1.8).
func Contact(user string, t Transport, at netip.AddrPort) sip.Uri {
	u := sip.Uri{Scheme: "sip", User: user, Host: HostOf(at.Addr()), Port: int(at.Port())}
	if t != UDP {
		u.UriParams = sip.NewParams()
		u.UriParams.Add("transport", string(t))
	}
	return u
}

// Field returns the value of a field by its long or its short name (RFC 3261 §7.3.3), trimmed; empty if there is none.
func Field(m interface{ GetHeader(string) sip.Header }, long, short string) string {
	h := m.GetHeader(long)
	if h == nil && short != "" {
		h = m.GetHeader(short)
	}
	if h == nil {
		return ""
	}
	return strings.TrimSpace(h.Value())
}

// Param splits a value such as "active;expires=60" and returns its first part, in small letters, and its parameters, with names in small letters.
func Param(value string) (first string, params map[string]string) {
	parts := strings.Split(value, ";")
	params = make(map[string]string, len(parts)-1)
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(p, "=")
		params[strings.ToLower(strings.TrimSpace(k))] = strings.Trim(strings.TrimSpace(v), `"`)
	}
	return strings.ToLower(strings.TrimSpace(parts[0])), params
}
