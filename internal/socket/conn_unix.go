//go:build unix

package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
)

const direct = true

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var failed error
	err = c.raw.Read(func(fd uintptr) bool {
		n, failed = read(fd, p)
		return failed != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, c.failed("read", err)
	case failed != nil:
		return 0, c.failed("read", failed)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (n int, err error) {
	var failed error
	err = c.raw.Write(func(fd uintptr) bool {
		for failed = nil; n < len(p) && failed == nil; {
			var k int
			k, failed = write(fd, p[n:])
			n += k
		}
		return failed != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return n, c.failed("write", err)
	case failed != nil:
		return n, c.failed("write", failed)
	}
	return n, nil
}

// WriteNow writes as much as the socket takes at once, which may be nothing. It neither waits nor gets ready to.
func (c *Conn) WriteNow(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var failed error
	err = c.raw.Control(func(fd uintptr) { n, failed = write(fd, p) })
	switch {
	case err != nil:
		return 0, c.failed("write", err)
	case failed == syscall.EAGAIN:
		return 0, nil
	case failed != nil:
		return 0, c.failed("write", failed)
	}
	return n, nil
}

// failed names what went wrong as package net does.
func (c *Conn) failed(op string, err error) error {
	var known *net.OpError
	if errors.As(err, &known) {
		err = known.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
