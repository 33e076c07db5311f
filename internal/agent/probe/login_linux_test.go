package probe

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// Whoever belongs to a session of logind's knows it by its ID; a program that the user's service manager has started looks for the one with a screen.
func TestARealLogindTellsOfIdleAndLock(t *testing.T) {
	t.Parallel()
	l := probetest.NewLogin(t)
	early := followLock(t, env("DBUS_SYSTEM_BUS_ADDRESS", l.Bus.Address))
	if got := early.next(); !strings.Contains(words(got.Err), "logind knows no session of this user") {
		t.Errorf("nobody is signed in, told %+v", got)
	}
	s := l.NewSession()
	early.until("the session to be found", func(l Lock) bool { return l == Lock{Way: "logind"} })
	member := env("DBUS_SYSTEM_BUS_ADDRESS", l.Bus.Address, "XDG_SESSION_ID", s.ID)
	lock, idle := followLock(t, member), followIdle(t, member, 2*time.Second)
	if got, want := lock.next(), (Lock{Way: "logind"}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	if i := idle.next(); !strings.Contains(words(i.Err), errNeverTold.Error()) {
		t.Errorf("nobody has told logind anything, told %+v", i)
	}

	s.Call("Lock") // is a wish, which nobody hears here
	s.Call("SetLockedHint", true)
	if got, want := lock.next(), (Lock{Locked: true, Way: "logind"}); got != want {
		t.Errorf("locked, told %+v, want %+v", got, want)
	}
	early.until("the lock", func(l Lock) bool { return l.Locked })
	s.Call("SetLockedHint", false)
	if got, want := lock.next(), (Lock{Way: "logind"}); got != want {
		t.Errorf("unlocked, told %+v, want %+v", got, want)
	}
	early.until("the unlock", func(l Lock) bool { return l == Lock{Way: "logind"} })

	s.Call("TakeControl", true) // before that nobody may give the hint
	s.Call("SetIdleHint", true)
	hinted := time.Now()
	i := idle.until("idle", func(i Idle) bool { return i.Idle })
	if !strings.HasPrefix(i.Way, "logind's idle hint") || i.Since.Sub(hinted).Abs() > 5*time.Second || time.Since(hinted) < time.Second {
		t.Errorf("told %+v %v after the hint", i, time.Since(hinted))
	}
	s.Call("SetIdleHint", false)
	if i := idle.next(); i.Idle || i.Err != nil {
		t.Errorf("the hint was taken back, told %+v", i)
	}
}

// The three together as they are on desktops without a locker of their own: logind is asked to lock, xss-lock starts i3lock, and logind knows.
func TestARealLogindALockerAndAProbe(t *testing.T) {
	t.Parallel()
	l, d := probetest.NewLogin(t), probetest.NewDisplay(t)
	s := l.NewSession()
	lock := followLock(t, env("DBUS_SYSTEM_BUS_ADDRESS", l.Bus.Address, "XDG_SESSION_ID", s.ID, "DISPLAY", d.Name))
	if got, want := lock.next(), (Lock{Way: "logind"}); got != want {
		t.Fatalf("told %+v, want %+v", got, want)
	}
	locker := probetest.Run(t, map[string]string{"HOME": probetest.Folder(t), "DISPLAY": d.Name, "DBUS_SYSTEM_BUS_ADDRESS": l.Bus.Address},
		"xss-lock", "--ignore-sleep", "--session="+s.ID, "--", "i3lock", "--nofork", "--color=000000")
	locker.Eventually("xss-lock to lock", func() bool { // nobody hears the wish before the locker listens
		s.Call("Lock")
		return s.Locked()
	})
	if got, want := lock.next(), (Lock{Locked: true, Way: "logind"}); got != want {
		t.Errorf("i3lock runs, told %+v, want %+v", got, want)
	}
	d.Shows("i3lock")
	lock.silent()
	s.Call("Unlock")
	if got, want := lock.next(), (Lock{Way: "logind"}); got != want {
		t.Errorf("i3lock has ended, told %+v, want %+v", got, want)
	}
}

// A shutdown waits until the server has been told, as long as somebody watches for it. That it comes is told by a stand-in elsewhere: here it would be one.
func TestARealLogindWaitsBeforeItShutsDown(t *testing.T) {
	t.Parallel()
	l := probetest.NewLogin(t)
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
