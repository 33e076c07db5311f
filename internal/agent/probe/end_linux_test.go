package probe

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// shutter is the part of logind that shuts down.
type shutter struct {
	*service
	props *prop.Properties
	asked chan string   // who asks it to wait, and how
	locks chan *os.File // of who asked: readable at its end once that has let go
	deny  bool
}

const manager = "org.freedesktop.login1.Manager"

func newShutter(t *testing.T, b *probetest.Bus, deny bool) *shutter {
	t.Helper()
	s := &shutter{service: newService(t, b), asked: make(chan string, 10), locks: make(chan *os.File, 10), deny: deny}
	s.export(shutterOf{s}, "/org/freedesktop/login1", manager)
	var err error
	if s.props, err = prop.Export(s.conn, "/org/freedesktop/login1", prop.Map{manager: {"PreparingForShutdown": {Value: false, Emit: prop.EmitFalse}}}); err != nil {
		t.Fatal(err)
	}
	s.own("org.freedesktop.login1")
	return s
}

// prepare tells of a shutdown, or that it was called off.
func (s *shutter) prepare(shutdown bool) {
	s.props.SetMust(manager, "PreparingForShutdown", shutdown)
	s.emit("/org/freedesktop/login1", manager+".PrepareForShutdown", shutdown)
}

// lock waits for somebody to ask it to wait, and returns what tells that it need not any more.
func (s *shutter) lock() *os.File {
	s.t.Helper()
	select {
	case who := <-s.asked:
		if who != "shutdown Doorlight delay" {
			s.t.Errorf("logind is asked to wait by %q", who)
		}
	case <-time.After(time.Minute):
		s.t.Fatal("nobody asks logind to wait")
	}
	f := <-s.locks
	s.t.Cleanup(func() { f.Close() })
	return f
}

type shutterOf struct{ s *shutter }

func (o shutterOf) Inhibit(what, who, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if o.s.deny {
		o.s.asked <- "in vain"
		return 0, dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", []any{"Permission denied"})
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	o.s.asked <- what + " " + who + " " + mode
	o.s.locks <- r
	fd := int(w.Fd())
	time.AfterFunc(time.Second, func() { w.Close() }) // it has been sent by then
	return dbus.UnixFD(fd), nil
}

func held(t *testing.T, f *os.File) bool {
	t.Helper()
	f.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, err := f.Read(make([]byte, 1))
	return os.IsTimeout(err)
}

func TestLogindWaitsUntilTheEndHasBeenTold(t *testing.T) {
	t.Parallel()
	b := probetest.NewBus(t)
	s := newShutter(t, b, false)
	release := make(chan struct{})
	f := follow(t, func(ctx context.Context, tell func(string)) {
		WatchEnd(ctx, env("DBUS_SYSTEM_BUS_ADDRESS", b.Address), func() { tell("end"); <-release })
	})
	lock := s.lock()
	s.emit("/org/freedesktop/login1", manager+".PrepareForShutdown", true) // anybody can say so; it is not true
	s.prepare(true)
	f.next()
	if !held(t, lock) {
		t.Error("logind need not wait while the end is told")
	}
	release <- struct{}{}
	if held(t, lock) {
		t.Error("logind waits though the end has been told")
	}
	s.prepare(false) // called off
	lock = s.lock()
	s.prepare(true)
	f.next()
	release <- struct{}{}
	if held(t, lock) {
		t.Error("logind waits for the second time though the end has been told")
	}
	f.silent()
}

func TestTheEndIsToldWithoutTheRightToDelayIt(t *testing.T) {
	t.Parallel()
	b := probetest.NewBus(t)
	s := newShutter(t, b, true)
	f := follow(t, func(ctx context.Context, tell func(string)) {
		WatchEnd(ctx, env("DBUS_SYSTEM_BUS_ADDRESS", b.Address), func() { tell("end") })
	})
	<-s.asked
	s.prepare(true)
	f.next()
	s.end()
	s = newShutter(t, b, true) // logind is started anew
	<-s.asked
	s.prepare(true)
	f.next()
}
