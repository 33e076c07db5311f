package live

import (
	"context"
	"time"

	"github.com/gobwas/ws"

	"github.com/doorlight/doorlight/internal/rights"
)

// Run takes changes to the connections, and asks those that are silent whether they live, until ctx ends. It closes
// them all then and returns the cause.
func (b *Broker) Run(ctx context.Context) error {
	f := flusher{broker: b}
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	gather := time.NewTimer(time.Hour)
	gather.Stop()
	waiting := false
	last := time.Now()
	var pinging []*conn
	seconds, each := 0, 0
	for {
		select {
		case <-ctx.Done():
			b.closeAll()
			return context.Cause(ctx)
		case <-b.flush:
			switch wait := b.cfg.Gather - time.Since(last); {
			case waiting:
			case wait <= 0:
				// Behind a quiet spell it goes out at once; what is published together has been entered together.
				f.flush()
				last = time.Now()
			default:
				waiting = true
				gather.Reset(wait)
			}
		case <-gather.C:
			waiting = false
			f.flush()
			last = time.Now()
		case <-beat.C:
			if seconds++; seconds%600 == 0 {
				b.mu.Lock()
				b.sweep()
				b.mu.Unlock()
			}
			if len(pinging) == 0 {
				pinging = b.all()
				each = len(pinging)/max(1, int(b.cfg.Ping/time.Second)) + 1
			}
			n := min(each, len(pinging))
			b.ping(pinging[:n])
			pinging = pinging[n:]
		}
	}
}

func (b *Broker) all() []*conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*conn, 0, len(b.conns))
	for c := range b.conns {
		list = append(list, c)
	}
	return list
}

// pingFrame asks whether the other end lives, and says that this one does: pages do not see pings.
var pingFrame = append(frameOf(ws.OpPing, nil), frameOf(ws.OpText, []byte(`{"type":"alive"}`))...)

// ping asks connections whether they live, and ends those that did not answer the last two times, or whose time is up.
func (b *Broker) ping(conns []*conn) {
	now := time.Now()
	for _, c := range conns {
		switch silent := now.Unix() - c.seen.Load(); {
		case c.expires != 0 && now.Unix() >= c.expires:
			b.drop(c, CloseSignedOut, "the sign-in has expired")
		case silent > int64(2*b.cfg.Ping/time.Second)+10:
			c.net.Close()
		case silent >= int64(b.cfg.Ping/time.Second)/2, c.desktop && now.Unix()-c.pinged >= int64(b.cfg.Ping/time.Second): // it waits for signs of life, however much it says itself
			c.pinged = now.Unix()
			b.write(c, pingFrame)
		}
	}
}

func (b *Broker) closeAll() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	for _, c := range b.all() {
		b.drop(c, int(ws.StatusGoingAway), "the server is stopping")
	}
	// Clients answer the close within a moment; whoever does not is cut off.
	end := time.Now().Add(500 * time.Millisecond)
	for time.Now().Before(end) && len(b.all()) > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	for _, c := range b.all() {
		c.net.Close()
	}
	b.busy.Wait()
}

// flusher writes what is due. Its buffers are kept from one flush to the next.
type flusher struct {
	broker *Broker
	conns  []*conn
	arena  []byte
	frames []span
}

// span is a connection's frame within the arena.
type span struct {
	conn     *conn
	from, to int
}

func (f *flusher) flush() {
	b := f.broker
	f.arena, f.frames = f.arena[:0], f.frames[:0]
	b.mu.Lock()
	b.dirty, f.conns = f.conns[:0], b.dirty
	delivered := 0
	for _, c := range f.conns {
		c.queued = false
		if c.closed || c.holding || len(c.due) == 0 {
			continue
		}
		// The lock is kept until the frame is out: a snapshot that is made meanwhile must go behind it.
		if c.out.Lock(); len(c.rest) > 0 || c.writing {
			c.out.Unlock()
			continue // what is due stays due, and is looked at again when what was sent before is out
		}
		delivered += len(c.due)
		from := len(f.arena)
		f.arena = append(f.arena, make([]byte, headerRoom)...)
		f.arena = b.appendChanges(f.arena, c)
		f.frames = append(f.frames, span{c, from, len(f.arena)})
		c.due = c.due[:0]
		if cap(c.due) > 16 {
			c.due = nil
		}
	}
	b.mu.Unlock()
	for _, s := range f.frames {
		b.writeLocked(s.conn, finish(f.arena[s.from:s.to:s.to]))
		s.conn.out.Unlock()
	}
	b.delivered.Add(uint64(delivered))
	b.writes.Add(uint64(len(f.frames)))
	f.retry()
	clear(f.conns)
	if cap(f.arena) > 4<<20 {
		f.arena = nil
	}
}

// appendChanges appends what is due to a connection; mu is held.
func (b *Broker) appendChanges(buf []byte, c *conn) []byte {
	buf = append(buf, `{"type":"changes"`...)
	buf = b.appendSeq(buf, c)
	open := false
	other := what(0)
	for _, i := range c.due {
		w := &c.watched[i]
		other |= w.what
		class := rights.ClassOf(w.level)
		s := b.numbered[w.number]
		if w.what&isGone != 0 || w.what&isChanged == 0 || class.SeesNothing() || s.coming {
			continue
		}
		if !open {
			buf = append(buf, `,"people":[`...)
			open = true
		} else {
			buf = append(buf, ',')
		}
		buf = append(buf, s.audience[class].bytes()...)
	}
	if open {
		buf = append(buf, ']')
	}
	if other&isGone != 0 {
		buf = b.appendIDs(buf, `,"gone":[`, c, func(w what) bool { return w&isGone != 0 })
	}
	if other&isStale != 0 {
		buf = b.appendIDs(buf, `,"stale":[`, c, func(w what) bool { return w&isStale != 0 && w&isGone == 0 })
	}
	for _, i := range c.due {
		c.watched[i].what = 0
	}
	return append(buf, '}')
}

func (b *Broker) appendIDs(buf []byte, name string, c *conn, which func(what) bool) []byte {
	first := true
	for _, i := range c.due {
		if !which(c.watched[i].what) {
			continue
		}
		if first {
			buf = append(buf, name...)
			first = false
		} else {
			buf = append(buf, ',')
		}
		buf = append(buf, '"')
		buf = append(buf, b.numbered[c.watched[i].number].id...) // made by office.NewID: plain letters and digits
		buf = append(buf, '"')
	}
	if first {
		return buf
	}
	return append(buf, ']')
}

// retry sends what sockets did not take before, and drops connections that take nothing for too long.
func (f *flusher) retry() {
	b := f.broker
	for _, c := range f.conns {
		c.out.Lock()
		if len(c.rest) > 0 && !c.writing {
			switch n := c.try(c.rest); {
			case n < 0:
				c.rest = nil
			case n > 0:
				c.rest, c.stuck = c.rest[n:], time.Now()
			}
		}
		waits := len(c.rest) > 0 || c.writing
		slow := len(c.rest) > 0 && !c.writing && time.Since(c.stuck) > b.cfg.Slow // writeOut sees to itself
		if len(c.rest) == 0 {
			c.rest = nil
		}
		c.out.Unlock()
		switch {
		case slow:
			b.dropSlow(c)
		case waits:
			b.requeue(c)
		default:
			b.mu.Lock()
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
	}
}
