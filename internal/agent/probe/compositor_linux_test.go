package probe

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// compositor is a compositor of Wayland with seats and ext-idle-notify-v1, no windows. Like the real ones it refuses what is wrong: a request that is not
// known, an object's number out of turn, a version that was not offered.
type compositor struct {
	t       *testing.T
	dir     string
	version uint32 // of ext-idle-notify-v1; 0: it has none
	l       net.Listener
	all     sync.WaitGroup

	mu      sync.Mutex
	seats   []uint32                // guarded by mu: by name
	last    map[uint32]time.Time    // guarded by mu: input, by seat
	film    bool                    // guarded by mu: somebody holds off the screen saver
	clients map[*waylandClient]bool // guarded by mu
}

type waylandClient struct {
	c       *compositor
	conn    net.Conn
	next    uint32
	objects map[uint32]any // guarded by c.mu: "display", "registry", "notifier", seat's name or notification
}

type seatObject uint32

type notification struct {
	seat  uint32
	after time.Duration
	input bool // of input alone
	idle  bool
	since time.Time // counted from
}

func newCompositor(t *testing.T, version uint32, seats ...uint32) *compositor {
	t.Helper()
	c := &compositor{t: t, dir: probetest.Folder(t), version: version, seats: seats, last: map[uint32]time.Time{}, clients: map[*waylandClient]bool{}}
	var err error
	if c.l, err = net.Listen("unix", filepath.Join(c.dir, "wayland-0")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	c.all.Go(func() {
		for {
			conn, err := c.l.Accept()
			if err != nil {
				return
			}
			w := &waylandClient{c: c, conn: conn, next: 2, objects: map[uint32]any{1: "display"}}
			c.mu.Lock()
			c.clients[w] = true
			c.mu.Unlock()
			c.all.Go(w.serve)
		}
	})
	c.all.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			c.mu.Lock()
			c.look()
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() { close(stop); c.end(); c.all.Wait() })
	return c
}

func (c *compositor) env() Config {
	return env("XDG_SESSION_TYPE", "wayland", "XDG_RUNTIME_DIR", c.dir, "DBUS_SESSION_BUS_ADDRESS", noBus, "DBUS_SYSTEM_BUS_ADDRESS", noBus)
}

// end has the compositor crash.
func (c *compositor) end() {
	c.l.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.clients {
		w.conn.Close()
	}
}

// input is somebody who presses a key at a seat.
func (c *compositor) input(seat uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last[seat] = time.Now()
	c.look()
}

// hold is a program that holds off the screen saver, or does not any more.
func (c *compositor) hold(film bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.film = film
	for w := range c.clients {
		for _, o := range w.objects {
			if n, ok := o.(*notification); ok {
				n.since = time.Now()
			}
		}
	}
	c.look()
}

// look tells those who wait of what is so. c.mu is held.
func (c *compositor) look() {
	for w := range c.clients {
		for id, o := range w.objects {
			n, ok := o.(*notification)
			if !ok {
				continue
			}
			from := n.since
			if at := c.last[n.seat]; at.After(from) {
				from = at
			}
			idle := time.Since(from) >= n.after && (n.input || !c.film)
			if idle != n.idle {
				n.idle = idle
				op := uint16(1)
				if idle {
					op = 0
				}
				w.event(id, op)
			}
		}
	}
}

// addSeat has another seat come.
func (c *compositor) addSeat(seat uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seats = append(c.seats, seat)
	for w := range c.clients {
		for id, o := range w.objects {
			if o == "registry" {
				w.event(id, 0, seat, "wl_seat", uint32(8))
			}
		}
	}
}

func (w *waylandClient) serve() {
	defer func() {
		w.conn.Close()
		w.c.mu.Lock()
		delete(w.c.clients, w)
		w.c.mu.Unlock()
	}()
	for {
		var head [8]byte
		if _, err := io.ReadFull(w.conn, head[:]); err != nil {
			return
		}
		object, size := binary.NativeEndian.Uint32(head[:]), binary.NativeEndian.Uint32(head[4:])
		op := uint16(size)
		body := make([]byte, max(size>>16, 8)-8)
		if _, err := io.ReadFull(w.conn, body); err != nil {
			return
		}
		w.c.mu.Lock()
		err := w.request(object, op, body)
		if err != nil {
			w.event(1, 0, object, uint32(op), err.Error())
		}
		w.c.mu.Unlock()
		if err != nil {
			w.c.t.Errorf("the compositor refuses: %v", err)
			return
		}
	}
}

func (w *waylandClient) request(object uint32, op uint16, body []byte) error {
	number := func() uint32 {
		if len(body) < 4 {
			body = nil
			return 0
		}
		n := binary.NativeEndian.Uint32(body)
		body = body[4:]
		return n
	}
	create := func(id uint32, o any) error {
		if id != w.next {
			return fmt.Errorf("object %d is out of turn, want %d", id, w.next)
		}
		if len(body) != 0 {
			return fmt.Errorf("%d bytes too many", len(body))
		}
		w.next++
		w.objects[id] = o
		return nil
	}
	switch o := w.objects[object].(type) {
	case string:
		switch {
		case o == "display" && op == 0: // sync
			id := number()
			if err := create(id, "callback"); err != nil {
				return err
			}
			w.event(id, 0, uint32(1))
			delete(w.objects, id)
			w.event(1, 1, id) // delete_id
			return nil
		case o == "display" && op == 1: // get_registry
			id := number()
			if err := create(id, "registry"); err != nil {
				return err
			}
			w.event(id, 0, uint32(100), "wl_compositor", uint32(5))
			if w.c.version > 0 {
				w.event(id, 0, uint32(101), "ext_idle_notifier_v1", w.c.version)
			}
			for _, s := range w.c.seats {
				w.event(id, 0, s, "wl_seat", uint32(8))
			}
			return nil
		case o == "registry" && op == 0: // bind
			name, size := number(), number()
			padded := (size + 3) / 4 * 4
			if size == 0 || padded > uint32(len(body)) || body[size-1] != 0 {
				return fmt.Errorf("a text of %d bytes that ends with no zero", size)
			}
			what := string(body[:size-1])
			body = body[padded:]
			version, id := number(), number()
			switch {
			case name == 101 && what == "ext_idle_notifier_v1" && version >= 1 && version <= w.c.version:
				return create(id, "notifier")
			case what == "wl_seat" && version >= 1 && version <= 8:
				if err := create(id, seatObject(name)); err != nil {
					return err
				}
				w.event(id, 0, uint32(3)) // capabilities
				return nil
			}
			return fmt.Errorf("no global %d is a %s of version %d", name, what, version)
		case o == "notifier" && (op == 1 || op == 2 && w.c.version >= 2):
			id, ms, seat := number(), number(), number()
			s, ok := w.objects[seat].(seatObject)
			if !ok {
				return fmt.Errorf("object %d is no seat", seat)
			}
			return create(id, &notification{seat: uint32(s), after: time.Duration(ms) * time.Millisecond, input: op == 2, since: time.Now()})
		}
	}
	return fmt.Errorf("object %d knows no request %d", object, op)
}

// event sends an event. c.mu is held.
func (w *waylandClient) event(object uint32, op uint16, args ...any) {
	b := make([]byte, 8)
	for _, a := range args {
		switch a := a.(type) {
		case uint32:
			b = binary.NativeEndian.AppendUint32(b, a)
		case string:
			b = append(binary.NativeEndian.AppendUint32(b, uint32(len(a)+1)), a...)
			for b = append(b, 0); len(b)%4 != 0; {
				b = append(b, 0)
			}
		}
	}
	binary.NativeEndian.PutUint32(b, object)
	binary.NativeEndian.PutUint32(b[4:], uint32(len(b))<<16|uint32(op))
	w.conn.Write(b) // who hung up learns nothing
}
