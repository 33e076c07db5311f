// Package socket makes the reading and writing of many small pieces over TCP cheap. The Go runtime is told of every
// read and write of a connection of package net, in case it should take long; a server that is idle between two of them
// wakes a thread for that each time, which then looks on for a while. Those of a non-blocking socket never take long.
// Waiting is left to the runtime as ever.
package socket

import (
	"net"
	"syscall"
)

// Listen returns a listener whose connections are of type *Conn where that is of use, and those of l elsewhere: on
// systems that have no such calls, and for what is not TCP.
func Listen(l net.Listener) net.Listener {
	if tcp, ok := l.(*net.TCPListener); ok && direct {
		return listener{tcp}
	}
	return l
}

type listener struct{ *net.TCPListener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		c.Close()
		return nil, err
	}
	return &Conn{TCPConn: c, raw: raw}, nil
}

// Conn is a TCP connection. Its methods behave as those of net.TCPConn, deadlines included.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn
}
