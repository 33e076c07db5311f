// Package standin is what stand-ins of telephone systems have in common: connections on which nobody waits for a slow reader, and what goes wrong
// with them when a test says so.
package standin

import (
	"fmt"
	"net"
	"slices"
	"sync"
)

// Session is a connection of a client. It embeds the *Out that it was begun with.
type Session interface {
	comparable
	Read() // takes in what the client says, until the connection ends
	End()
	Cut()
	Run()
}

// Base is the part of a stand-in that all have. Its methods may be called by several goroutines.
type Base[S Session] struct {
	l  net.Listener
	wg sync.WaitGroup

	Mu     sync.Mutex // guards what follows, and all else of the stand-in
	Peers  map[S]bool // connections
	Down   bool       // it takes no connections
	Silent bool       // it is not to hear or say anything

	closed     bool
	lose       int // events that get lost
	double     bool
	violations []string
	asked      map[string]int
}

// Serve serves what comes in by l until Close. begin makes a session of a connection; Mu is held then.
func (b *Base[S]) Serve(l net.Listener, begin func(*Out) S) {
	b.l, b.Peers, b.asked = l, map[S]bool{}, map[string]int{}
	b.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.Mu.Lock()
			if b.closed || b.Down {
				b.Mu.Unlock()
				conn.Close()
				continue
			}
			out := &Out{Conn: conn}
			out.more = sync.NewCond(&out.mu)
			x := begin(out)
			b.Peers[x] = true
			b.Mu.Unlock()
			b.wg.Go(x.Run)
			b.wg.Go(func() {
				x.Read()
				b.Mu.Lock()
				delete(b.Peers, x)
				b.Mu.Unlock()
				x.End()
			})
		}
	})
}

// Close ends it, with all connections.
func (b *Base[S]) Close() {
	b.Mu.Lock()
	b.closed = true
	b.Mu.Unlock()
	b.l.Close()
	b.Break()
	b.wg.Wait()
}

// Violations are what clients did that they should not have; the first hundred.
func (b *Base[S]) Violations() []string {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	return slices.Clone(b.violations)
}

// Violate notes what a client should not have done. Mu is held.
func (b *Base[S]) Violate(format string, args ...any) {
	if len(b.violations) < 100 {
		b.violations = append(b.violations, fmt.Sprintf(format, args...))
	}
}

// Asked is how often something was asked for.
func (b *Base[S]) Asked(what string) int {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	return b.asked[what]
}

// Count notes that something was asked for. Mu is held.
func (b *Base[S]) Count(what string) { b.asked[what]++ }

// Break ends all connections.
func (b *Base[S]) Break() {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	for x := range b.Peers {
		x.Cut()
	}
}

// Silence has it say nothing, and hear nothing, while on: connections stay open.
func (b *Base[S]) Silence(on bool) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	b.Silent = on
}

// Lose has so many of the next events get lost.
func (b *Base[S]) Lose(n int) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	b.lose = n
}

// Double has all events come twice while on.
func (b *Base[S]) Double(on bool) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	b.double = on
}

// Times is how often the next event is to be told: not at all, once or twice. Mu is held.
func (b *Base[S]) Times() int {
	switch {
	case b.lose > 0:
		b.lose--
		return 0
	case b.Silent:
		return 0
	case b.double:
		return 2
	}
	return 1
}

// Out is a connection. What is sent waits for its reader.
type Out struct {
	Conn net.Conn

	mu   sync.Mutex // guards what follows; taken after Base.Mu
	more *sync.Cond
	out  [][]byte
	over bool
}

// Send has bytes be sent.
func (o *Out) Send(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.out = append(o.out, b)
	o.more.Signal()
}

// End ends the connection once all is sent.
func (o *Out) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.more.Signal()
}

// Cut ends the connection at once.
func (o *Out) Cut() {
	o.Conn.Close()
	o.End()
}

// Run sends what there is to send, and ends the connection.
func (o *Out) Run() {
	defer o.Conn.Close()
	for {
		o.mu.Lock()
		for len(o.out) == 0 && !o.over {
			o.more.Wait()
		}
		out, over := o.out, o.over
		o.out = nil
		o.mu.Unlock()
		for _, b := range out {
			if _, err := o.Conn.Write(b); err != nil {
				return
			}
		}
		if over && len(out) == 0 {
			return
		}
	}
}
