package probe

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// service is a service on a bus, as the desktop has them.
type service struct {
	t    *testing.T
	conn *dbus.Conn
}

func newService(t *testing.T, b *probetest.Bus) *service {
	t.Helper()
	conn, err := dbus.Connect(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &service{t, conn}
}

// own has the service be known by a name.
func (s *service) own(name string) {
	s.t.Helper()
	if reply, err := s.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		s.t.Fatalf("own %s: %v, %v", name, reply, err)
	}
}

func (s *service) export(v any, path dbus.ObjectPath, iface string) {
	s.t.Helper()
	if err := s.conn.Export(v, path, iface); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) emit(path dbus.ObjectPath, signal string, args ...any) {
	s.t.Helper()
	if err := s.conn.Emit(path, signal, args...); err != nil {
		s.t.Fatal(err)
	}
}

// end has the service go.
func (s *service) end() { s.conn.Close() }

// gnome is Mutter's idle monitor, as its sources have it: a watch for activity is told of once and is then gone.
type gnome struct {
	*service
	mu      sync.Mutex
	last    time.Time       // guarded by mu
	watches map[uint32]bool // guarded by mu
	count   uint32          // guarded by mu
}

func newGNOME(t *testing.T, b *probetest.Bus) *gnome {
	g := &gnome{service: newService(t, b), last: time.Now(), watches: map[uint32]bool{}}
	g.export(gnomeMonitor{g}, "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor")
	g.own("org.gnome.Mutter.IdleMonitor")
	return g
}

// input is somebody who presses a key.
func (g *gnome) input() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = time.Now()
	for id := range g.watches {
		g.emit("/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor.WatchFired", id)
	}
	clear(g.watches)
}

func (g *gnome) lastInput() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

type gnomeMonitor struct{ g *gnome }

func (m gnomeMonitor) GetIdletime() (uint64, *dbus.Error) {
	return uint64(time.Since(m.g.lastInput()).Milliseconds()), nil
}

func (m gnomeMonitor) AddUserActiveWatch() (uint32, *dbus.Error) {
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	m.g.count++
	m.g.watches[m.g.count] = true
	return m.g.count, nil
}

func (m gnomeMonitor) RemoveWatch(id uint32) *dbus.Error {
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	if !m.g.watches[id] {
		return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{"no such watch"})
	}
	delete(m.g.watches, id)
	return nil
}

// fakeLogind is logind with one session, of the user that runs the tests: the one with a screen. The tests' process is not in it.
type fakeLogind struct {
	*service
	props *prop.Properties
}

const testSession dbus.ObjectPath = "/org/freedesktop/login1/session/_32"

func newLogind(t *testing.T, b *probetest.Bus) *fakeLogind {
	t.Helper()
	l := &fakeLogind{service: newService(t, b)}
	l.export(logindManagerOf{}, "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
	l.export(sessionOf{l}, testSession, "org.freedesktop.login1.Session")
	var err error
	if l.props, err = prop.Export(l.conn, testSession, prop.Map{"org.freedesktop.login1.Session": {
		"IdleHint":      {Value: false, Emit: prop.EmitTrue},
		"IdleSinceHint": {Value: uint64(0), Emit: prop.EmitTrue},
		"LockedHint":    {Value: false, Emit: prop.EmitTrue},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := prop.Export(l.conn, testUser(), prop.Map{"org.freedesktop.login1.User": {
		"Display": {Value: struct {
			ID   string
			Path dbus.ObjectPath
		}{"2", testSession}},
	}}); err != nil {
		t.Fatal(err)
	}
	l.own("org.freedesktop.login1")
	return l
}

func testUser() dbus.ObjectPath {
	return dbus.ObjectPath("/org/freedesktop/login1/user/_" + strconv.Itoa(os.Getuid()))
}

// idle is the desktop that tells of idleness.
func (l *fakeLogind) idle(idle bool) time.Time {
	now := time.Now()
	l.props.SetMust("org.freedesktop.login1.Session", "IdleSinceHint", uint64(now.UnixMicro()))
	l.props.SetMust("org.freedesktop.login1.Session", "IdleHint", idle)
	return now
}

// locked is a locker that tells of the lock.
func (l *fakeLogind) locked(locked bool) {
	l.props.SetMust("org.freedesktop.login1.Session", "LockedHint", locked)
}

// sessionOf is what a locker tells logind.
type sessionOf struct{ l *fakeLogind }

func (o sessionOf) SetIdleHint(idle bool) *dbus.Error {
	o.l.idle(idle)
	return nil
}

func (o sessionOf) SetLockedHint(locked bool) *dbus.Error {
	o.l.locked(locked)
	return nil
}

func (l *fakeLogind) isLocked() bool {
	return l.props.GetMust("org.freedesktop.login1.Session", "LockedHint").(bool)
}

type logindManagerOf struct{}

func (logindManagerOf) GetSession(id string) (dbus.ObjectPath, *dbus.Error) {
	if id == "2" {
		return testSession, nil
	}
	return "", dbus.NewError("org.freedesktop.login1.NoSuchSession", []any{"No session '" + id + "' known"})
}

func (logindManagerOf) GetSessionByPID(uint32) (dbus.ObjectPath, *dbus.Error) {
	return "", dbus.NewError("org.freedesktop.login1.NoSessionForPID", []any{"PID does not belong to any known session"})
}

func (logindManagerOf) GetUser(uid uint32) (dbus.ObjectPath, *dbus.Error) {
	if int(uid) == os.Getuid() {
		return testUser(), nil
	}
	return "", dbus.NewError("org.freedesktop.login1.NoSuchUser", []any{"no such user"})
}

// screenSaver is one that can be asked whether it is active.
type screenSaver struct {
	*service
	name string
	path dbus.ObjectPath

	mu     sync.Mutex
	active bool // guarded by mu
}

func newScreenSaver(t *testing.T, b *probetest.Bus, name string, path dbus.ObjectPath) *screenSaver {
	s := &screenSaver{service: newService(t, b), name: name, path: path}
	s.export(saverOf{s}, path, name)
	s.own(name)
	return s
}

func (s *screenSaver) set(active bool) {
	s.mu.Lock()
	s.active = active
	s.mu.Unlock()
	s.emit(s.path, s.name+".ActiveChanged", active)
}

type saverOf struct{ s *screenSaver }

func (o saverOf) GetActive() (bool, *dbus.Error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.s.active, nil
}
