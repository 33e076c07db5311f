package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// AnswerTime is how long a system has to answer, and to take what it is sent.
const AnswerTime = 15 * time.Second

// Why connections end.
var (
	ErrSilent = fmt.Errorf("telephony: no answer within %v: %w", AnswerTime, context.DeadlineExceeded)
	ErrClosed = errors.New("telephony: the system was closed")
	errLeft   = errors.New("telephony: signed off")
	errFlood  = errors.New("telephony: more events than can be looked at")
)

// Conn is a connection with an end that everybody hears of, and with events of type E that wait until somebody looks at them. Its methods may be called by
// several goroutines.
type Conn[E any] struct {
	Done chan struct{} // closed when the connection is
	Wake chan struct{} // has something when there is something to look at

	conn net.Conn
	most int // events that may wait

	writing sync.Mutex // of one who writes

	mu     sync.Mutex // guards what follows
	err    error      // why it ended
	events []E
}

// NewConn returns a connection of which so many events may wait.
func NewConn[E any](c net.Conn, most int) *Conn[E] {
	return &Conn[E]{Done: make(chan struct{}), Wake: make(chan struct{}, 1), conn: c, most: most}
}

// Close ends the connection; the first reason stays.
func (c *Conn[E]) Close(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = why
	close(c.Done)
	c.conn.Close()
}

// Why is what ended the connection; nil: it is there.
func (c *Conn[E]) Why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// SignOff says goodbye, which takes no longer than a second, and ends the connection.
func (c *Conn[E]) SignOff(goodbye func()) {
	t := time.AfterFunc(time.Second, func() { c.Close(errLeft) })
	defer t.Stop()
	goodbye()
	c.Close(errLeft)
}

// Add has an event wait to be looked at. Too many are an error: it is a system that floods.
func (c *Conn[E]) Add(e E) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.events) >= c.most {
		return errFlood
	}
	c.events = append(c.events, e)
	c.Nudge()
	return nil
}

// Nudge has somebody look.
func (c *Conn[E]) Nudge() {
	select {
	case c.Wake <- struct{}{}:
	default:
	}
}

// Drain takes all events that nobody looked at yet, in order.
func (c *Conn[E]) Drain() []E {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.events
	c.events = nil
	return e
}

// Send writes, one at a time.
func (c *Conn[E]) Send(write func(io.Writer) error) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(AnswerTime)); err != nil {
		return err
	}
	return write(c.conn)
}
