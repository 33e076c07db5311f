package probe

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// somebodysSession is a session of logind's: of a real one where that can be started, else of the stand-in.
type somebodysSession struct {
	Config          // of its members
	id, bus  string // of the session, and of the system's bus
	ask      func(wish string)
	lock     func(locked bool)
	idle     func(idle bool)
	isLocked func() bool
}

func newSession(t *testing.T) *somebodysSession {
	t.Helper()
	l := probetest.NewLogin(t)
	if l == nil {
		t.Log("a stand-in is taken for logind")
		b := probetest.NewBus(t)
		f := newLogind(t, b)
		return &somebodysSession{
			Config: env("DBUS_SYSTEM_BUS_ADDRESS", b.Address, "XDG_SESSION_ID", "2"), id: "2", bus: b.Address,
			ask:  func(wish string) { f.emit(testSession, "org.freedesktop.login1.Session."+wish) },
			lock: f.locked, idle: func(idle bool) { f.idle(idle) }, isLocked: f.isLocked,
		}
	}
	s := l.NewSession()
	s.Call("TakeControl", true) // before that nobody may give the idle hint
	return &somebodysSession{
		Config: env("DBUS_SYSTEM_BUS_ADDRESS", l.Bus.Address, "XDG_SESSION_ID", s.ID), id: s.ID, bus: l.Bus.Address,
		ask:  func(wish string) { s.Call(wish) },
		lock: func(locked bool) { s.Call("SetLockedHint", locked) }, idle: func(idle bool) { s.Call("SetIdleHint", idle) }, isLocked: s.Locked,
	}
}

func TestIdleIsToldByLogind(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	f := followIdle(t, s.Config, 2*time.Second)
	if i := f.next(); !strings.Contains(words(i.Err), errNeverTold.Error()) {
		t.Errorf("nobody has told logind anything, told %+v", i)
	}
	s.idle(true)
	hinted := time.Now()
	i := f.until("idle", func(i Idle) bool { return i.Idle })
	if !strings.HasPrefix(i.Way, "logind's idle hint") || i.Since.Sub(hinted).Abs() > 5*time.Second || time.Since(hinted) < time.Second {
		t.Errorf("told %+v %v after the hint", i, time.Since(hinted))
	}
	s.idle(false)
	if i := f.next(); i.Idle || i.Err != nil {
		t.Errorf("the hint was taken back, told %+v", i)
	}
}

func TestLockIsToldByLogind(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	f := followLock(t, s.Config)
	if got, want := f.next(), (Lock{Way: "logind"}); got != want {
		t.Fatalf("told %+v, want %+v", got, want)
	}
	s.ask("Lock") // A wish to lock is none yet.
	s.lock(true)
	if got, want := f.next(), (Lock{Locked: true, Way: "logind"}); got != want {
		t.Errorf("locked, told %+v, want %+v", got, want)
	}
	s.ask("Unlock")
	s.lock(false)
	if got, want := f.next(), (Lock{Way: "logind"}); got != want {
		t.Errorf("unlocked, told %+v, want %+v", got, want)
	}
	f.silent()
}

// Lockers that know nothing of logind are started by xss-lock, when logind or the X server wants the screen locked. All of them are the real ones here.
func TestLockByI3lockIsToldByLogind(t *testing.T) {
	t.Parallel()
	s, d := newSession(t), probetest.NewDisplay(t)
	f := followLock(t, env("DBUS_SYSTEM_BUS_ADDRESS", s.bus, "XDG_SESSION_ID", s.id, "DISPLAY", d.Name))
	if got, want := f.next(), (Lock{Way: "logind"}); got != want {
		t.Fatalf("told %+v, want %+v", got, want)
	}
	locker := probetest.Run(t, map[string]string{"HOME": probetest.Folder(t), "DISPLAY": d.Name, "DBUS_SYSTEM_BUS_ADDRESS": s.bus},
		"xss-lock", "--ignore-sleep", "--session="+s.id, "--", "i3lock", "--nofork", "--color=000000")
	// Nobody hears the wish before the locker listens.
	locker.Eventually("xss-lock to lock", func() bool {
		s.ask("Lock")
		return s.isLocked()
	})
	if got, want := f.next(), (Lock{Locked: true, Way: "logind"}); got != want {
		t.Errorf("i3lock runs, told %+v, want %+v", got, want)
	}
	d.Shows("i3lock")
	f.silent()
	s.ask("Unlock")
	if got, want := f.next(), (Lock{Way: "logind"}); got != want {
		t.Errorf("i3lock has ended, told %+v, want %+v", got, want)
	}
}

// A program that the user's service manager has started is in no session; it looks for the user's one with a screen, when there is one.
func TestWhoeverIsInNoSessionFindsTheirs(t *testing.T) {
	t.Parallel()
	l := probetest.NewLogin(t)
	if l == nil {
		b := probetest.NewBus(t)
		f := followLock(t, env("DBUS_SYSTEM_BUS_ADDRESS", b.Address))
		if got := f.next(); !strings.Contains(words(got.Err), "logind does not run") {
			t.Errorf("told %+v", got)
		}
		newLogind(t, b)
		f.until("the session to be found", func(l Lock) bool { return l == Lock{Way: "logind"} })
		return
	}
	f := followLock(t, env("DBUS_SYSTEM_BUS_ADDRESS", l.Bus.Address))
	if got := f.next(); !strings.Contains(words(got.Err), "logind knows no session of this user") {
		t.Errorf("nobody is signed in, told %+v", got)
	}
	s := l.NewSession()
	f.until("the session to be found", func(l Lock) bool { return l == Lock{Way: "logind"} })
	s.Call("SetLockedHint", true)
	f.until("the lock", func(l Lock) bool { return l.Locked })
}

// A shutdown waits until the server has been told, as long as somebody watches for it. That it comes is told by the stand-in elsewhere: here it would be one.
func TestLogindWaitsForWhoeverWatches(t *testing.T) {
	t.Parallel()
	l := probetest.NewLogin(t)
	if l == nil {
		return // TestLogindWaitsUntilTheEndHasBeenTold says the same of the stand-in
	}
	waits := func(want bool) {
		t.Helper()
		l.Eventually("logind to wait, or not to", func() bool { return slices.Contains(l.Waits(), "Doorlight") == want })
	}
	waits(false)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		WatchEnd(ctx, env("DBUS_SYSTEM_BUS_ADDRESS", l.Bus.Address), func() { t.Error("the session ends") })
	}()
	waits(true)
	stop()
	<-done
	waits(false)
}
