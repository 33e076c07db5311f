package siplinetest

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Net carries packets in memory, in a way that testing/synctest understands. The zero value is ready.
type Net struct {
	mu     sync.Mutex // guards what follows
	socks  map[netip.AddrPort]*socket
	cut    bool
	fate   func() []time.Duration
	hidden map[netip.Addr]netip.Addr // who stands behind a NAT, and how he is seen
	last   uint16
}

// Cut has all packets lost from now on, or none any more.
func (n *Net) Cut(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
}

// Fate has each packet arrive once for each delay that f returns: not at all, late or twice. Nil: once, at once.
func (n *Net) Fate(f func() []time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate = f
}

// Hide puts an address behind a NAT: others see another one, with other ports, and reach nothing at the first.
func (n *Net) Hide(inside, outside netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hidden == nil {
		n.hidden = map[netip.Addr]netip.Addr{}
	}
	n.hidden[inside] = outside
}

const shift = 20000 // of a port that is seen from outside

// Listen opens a socket. Port 0 is one that is free.
func (n *Net) Listen(at netip.AddrPort) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.socks == nil {
		n.socks, n.last = map[netip.AddrPort]*socket{}, 10000
	}
	if at.Port() == 0 {
		n.last++
		at = netip.AddrPortFrom(at.Addr(), n.last)
	}
	if n.socks[at] != nil {
		return nil, fmt.Errorf("%s is taken", at)
	}
	s := &socket{net: n, at: at, queue: make(chan packet, 4096), closed: make(chan struct{})}
	n.socks[at] = s
	return s, nil
}

// Towards returns what opens sockets of an address, as sipline.Config.ListenPacket has it.
func (n *Net) Towards(from netip.Addr) func(netip.AddrPort) (net.PacketConn, error) {
	return func(netip.AddrPort) (net.PacketConn, error) { return n.Listen(netip.AddrPortFrom(from, 0)) }
}

type packet struct {
	from netip.AddrPort
	data []byte
}

type socket struct {
	net    *Net
	at     netip.AddrPort
	queue  chan packet
	closed chan struct{}
	once   sync.Once
}

func (s *socket) WriteTo(p []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("%v is no address of UDP", to)
	}
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	target := netip.AddrPortFrom(udp.AddrPort().Addr().Unmap(), udp.AddrPort().Port())
	n := s.net
	n.mu.Lock()
	defer n.mu.Unlock()
	from := s.at
	if outside, ok := n.hidden[from.Addr()]; ok {
		from = netip.AddrPortFrom(outside, from.Port()+shift)
	}
	if _, ok := n.hidden[target.Addr()]; ok {
		return len(p), nil // nobody there, from outside
	}
	for inside, outside := range n.hidden {
		if target.Addr() == outside {
			target = netip.AddrPortFrom(inside, target.Port()-shift)
		}
	}
	if n.cut {
		return len(p), nil
	}
	delays := []time.Duration{0}
	if n.fate != nil {
		delays = n.fate()
	}
	for _, d := range delays {
		x := packet{from, slices.Clone(p)}
		if d == 0 {
			n.deliver(target, x)
			continue
		}
		time.AfterFunc(d, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			if !n.cut {
				n.deliver(target, x)
			}
		})
	}
	return len(p), nil
}

// deliver hands a packet over. n.mu is held.
func (n *Net) deliver(to netip.AddrPort, x packet) {
	if s := n.socks[to]; s != nil {
		select {
		case s.queue <- x:
		default: // as a full buffer of a socket
		}
	}
}

func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case x := <-s.queue:
		return copy(p, x.data), net.UDPAddrFromAddrPort(x.from), nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

func (s *socket) Close() error {
	s.once.Do(func() {
		s.net.mu.Lock()
		delete(s.net.socks, s.at)
		s.net.mu.Unlock()
		close(s.closed)
	})
	return nil
}

func (s *socket) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(s.at) }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
