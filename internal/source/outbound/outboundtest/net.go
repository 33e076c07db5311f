// Package outboundtest is a network in memory. What runs over it blocks in a way that testing/synctest understands, so that an
// hour of a client and a server passes in seconds.
package outboundtest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Net is a network. The zero value is ready.
type Net struct {
	mu     sync.Mutex // guards what follows
	listen map[string]*listener
}

// Listen returns a listener of an address of its own.
func (n *Net) Listen() (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listen == nil {
		n.listen = map[string]*listener{}
	}
	at := address(fmt.Sprintf("127.0.0.1:%d", 1+len(n.listen)))
	l := &listener{at: at, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listen[string(at)] = l
	return l, nil
}

// Dial connects to a listener, as outbound.Config.Dial and http.Transport.DialContext do.
func (n *Net) Dial(ctx context.Context, _, at string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listen[at]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(at), Err: net.ErrClosed}
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
	case <-ctx.Done():
	}
	ours.Close()
	theirs.Close()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(at), Err: net.ErrClosed}
}

type listener struct {
	at     address
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.at }

// address is host and port.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
