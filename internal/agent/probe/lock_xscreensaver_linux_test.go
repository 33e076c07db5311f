package probe

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/jezek/xgb/xproto"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// A screen locker is one that people know. Root's password it does not ask for, so that of these tests cannot be unlocked: the test says so in its stead.
func TestLockIsToldByXScreenSaver(t *testing.T) {
	t.Parallel()
	d := probetest.NewDisplay(t)
	f := followLock(t, env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus))
	if l := f.next(); l.Err == nil || !strings.Contains(words(l.Err), "XScreenSaver does not run") {
		t.Errorf("nothing locks screens, told %+v", l)
	}
	saver := d.NewLocker()
	if got, want := f.next(), (Lock{Way: "XScreenSaver"}); got != want {
		t.Errorf("XScreenSaver runs, told %+v, want %+v", got, want)
	}
	d.Lock()
	locked := Lock{Locked: true, Way: "XScreenSaver"}
	if got := f.next(); got != locked {
		t.Errorf("locked, told %+v, want %+v", got, locked)
	}
	x, err := connectXScreenSaver(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	say := func(state xproto.Atom) {
		t.Helper()
		value := make([]byte, 12)
		binary.LittleEndian.PutUint32(value, uint32(state))
		if err := xproto.ChangePropertyChecked(x.conn, xproto.PropModeReplace, x.root, x.status, xproto.AtomInteger, 32, 3, value).Check(); err != nil {
			t.Fatal(err)
		}
	}
	say(0)
	if got, want := f.next(), (Lock{Way: "XScreenSaver"}); got != want {
		t.Errorf("unlocked, told %+v, want %+v", got, want)
	}
	say(x.lock)
	if got := f.next(); got != locked {
		t.Errorf("locked again, told %+v, want %+v", got, locked)
	}
	// Whoever is killed leaves the word that the screen is locked.
	saver.Stop()
	if l := f.next(); l.Locked || l.Err == nil || !strings.Contains(words(l.Err), "XScreenSaver does not run") {
		t.Errorf("XScreenSaver has ended, told %+v", l)
	}
	d.NewLocker()
	if l := f.next(); l.Err != nil {
		t.Errorf("XScreenSaver runs again, told %+v", l)
	}
}
