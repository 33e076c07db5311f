package probe

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

func followLock(t *testing.T, c Config) *told[Lock] {
	return follow(t, func(ctx context.Context, tell func(Lock)) { WatchLock(ctx, c, tell) })
}

func TestLogindComesAndGoes(t *testing.T) {
	t.Parallel()
	b := probetest.NewBus(t)
	l := newLogind(t, b)
	f := followLock(t, env("DBUS_SYSTEM_BUS_ADDRESS", b.Address))
	if got, want := f.next(), (Lock{Way: "logind"}); got != want {
		t.Fatalf("told %+v, want %+v", got, want)
	}
	l.end()
	if got := f.next(); got.Err == nil || !strings.Contains(words(got.Err), "the lock cannot be measured here") {
		t.Errorf("logind has ended, told %+v", got)
	}
	newLogind(t, b).locked(true)
	f.until("logind to be found again", func(l Lock) bool { return l.Locked })
}

func TestLockIsToldByARealKWin(t *testing.T) {
	t.Parallel()
	c := probetest.NewCompositor(t)
	f := followLock(t, env("DBUS_SESSION_BUS_ADDRESS", c.Bus.Address, "DBUS_SYSTEM_BUS_ADDRESS", noBus))
	f.until("KWin to tell", func(l Lock) bool { return l == Lock{Way: "the desktop's screen saver"} })
	c.Lock()
	if got, want := f.next(), (Lock{Locked: true, Way: "the desktop's screen saver"}); got != want {
		t.Errorf("locked, told %+v, want %+v", got, want)
	}
	c.Stop()
	if got := f.next(); got.Err == nil {
		t.Errorf("the desktop ended, told %+v", got)
	}
}

func TestLockIsToldByScreenSaversThatComeAndGo(t *testing.T) {
	t.Parallel()
	b := probetest.NewBus(t)
	f := followLock(t, env("DBUS_SESSION_BUS_ADDRESS", b.Address, "DBUS_SYSTEM_BUS_ADDRESS", noBus))
	if got := f.next(); got.Err == nil || !strings.Contains(words(got.Err), errNoSaver.Error()) || !strings.Contains(words(got.Err), "the system bus does not answer") {
		t.Errorf("no screen saver runs, told %+v", got)
	}
	kde := newScreenSaver(t, b, "org.freedesktop.ScreenSaver", "/ScreenSaver")
	if got, want := f.next(), (Lock{Way: "the desktop's screen saver"}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	kde.set(true)
	if got, want := f.next(), (Lock{Locked: true, Way: "the desktop's screen saver"}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	mate := newScreenSaver(t, b, "org.mate.ScreenSaver", "/org/mate/ScreenSaver")
	if got, want := f.next(), (Lock{Locked: true, Way: "the desktop's screen saver, MATE's screen saver"}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	kde.set(false)
	if got := f.next(); got.Locked {
		t.Errorf("unlocked, told %+v", got)
	}
	mate.set(true)
	if got := f.next(); !got.Locked {
		t.Errorf("locked, told %+v", got)
	}
	mate.end()
	if got, want := f.next(), (Lock{Way: "the desktop's screen saver"}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	kde.end()
	if got := f.next(); got.Err == nil {
		t.Errorf("no screen saver runs any more, told %+v", got)
	}
}

func TestLockStatementsAddUp(t *testing.T) {
	t.Parallel()
	no := errors.New("not there")
	for name, c := range map[string]struct {
		login, savers news
		want          Lock
	}{
		"neither":                                     {news{err: no}, news{err: errNoSaver}, Lock{Err: errors.New("the lock cannot be measured here: not there; " + errNoSaver.Error())}},
		"logind alone":                                {news{said: []statement{{who: "logind", locked: true}}}, news{err: errNoSaver}, Lock{Locked: true, Way: "logind"}},
		"GNOME's empty screen is not yet locked":      {news{said: []statement{{who: "logind"}}}, news{said: []statement{{"GNOME", true, true}}}, Lock{Way: "logind"}},
		"without logind GNOME's empty screen is":      {news{err: no}, news{said: []statement{{"GNOME", true, true}}}, Lock{Locked: true, Way: "GNOME"}},
		"a screen saver that logind knows nothing of": {news{said: []statement{{who: "logind"}}}, news{said: []statement{{"MATE", true, false}}}, Lock{Locked: true, Way: "logind, MATE"}},
	} {
		got := combine(c.login, c.savers)
		if got.Locked != c.want.Locked || got.Way != c.want.Way || !sameWords(got.Err, c.want.Err) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
