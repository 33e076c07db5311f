package probetest

import (
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Mutter is the compositor of GNOME, without a screen.
type Mutter struct {
	*Program
	Bus *Bus // of the session

	conn     *dbus.Conn
	keyboard dbus.BusObject
}

// NewMutter starts Mutter, with a keyboard.
func NewMutter(t testing.TB) *Mutter {
	t.Helper()
	dir, b := Folder(t), NewBus(t)
	m := &Mutter{Bus: b, Program: Run(t, map[string]string{
		"HOME": dir, "XDG_RUNTIME_DIR": dir, "DBUS_SESSION_BUS_ADDRESS": b.Address, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + filepath.Join(dir, "none"), "GSETTINGS_BACKEND": "memory",
	}, "mutter", "--headless", "--wayland", "--no-x11", "--virtual-monitor", "640x480")}
	var err error
	if m.conn, err = dbus.Connect(b.Address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	const remote = "org.gnome.Mutter.RemoteDesktop"
	m.eventually("Mutter", func() error {
		var session dbus.ObjectPath
		if err := m.conn.Object(remote, "/org/gnome/Mutter/RemoteDesktop").Call(remote+".CreateSession", 0).Store(&session); err != nil {
			return err
		}
		m.keyboard = m.conn.Object(remote, session)
		return m.keyboard.Call(remote+".Session.Start", 0).Err
	})
	return m
}

// Press presses and releases a key.
func (m *Mutter) Press() {
	m.t.Helper()
	const a = uint32(30) // KEY_A of linux/input-event-codes.h
	for _, down := range []bool{true, false} {
		if err := m.keyboard.Call("org.gnome.Mutter.RemoteDesktop.Session.NotifyKeyboardKeycode", 0, a, down).Err; err != nil {
			m.fatal("press a key: %v", err)
		}
	}
}
