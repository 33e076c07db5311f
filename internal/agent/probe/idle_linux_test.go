package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// noBus stands for a bus that is not there: without it the computer's own would be asked.
const noBus = "unix:path=/nowhere/bus"

func followIdle(t *testing.T, c Config, after time.Duration) *told[Idle] {
	return follow(t, func(ctx context.Context, tell func(Idle)) { WatchIdle(ctx, c, after, tell) })
}

func TestIdleGrowsUntilAKeyIsPressed(t *testing.T) {
	t.Parallel()
	d := probetest.NewDisplay(t)
	c := env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus)
	way, err := openX11(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer way.close()
	since := func() time.Duration {
		s, err := way.(*x11).since(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	d.Press("a")
	began := time.Now()
	first := since()
	pause(t.Context(), 1500*time.Millisecond)
	second := since()
	if second-first < time.Second || second > time.Since(began)+5*time.Second {
		t.Errorf("no input for %v, and %v later for %v", first, time.Since(began), second)
	}
	d.Press("a")
	if third := since(); third >= second {
		t.Errorf("a key was pressed, and still there was no input for %v", third)
	}
}

func TestIdleIsToldByX11(t *testing.T) {
	t.Parallel()
	d := probetest.NewDisplay(t)
	d.Press("a")
	began := time.Now()
	f := followIdle(t, env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus), 4*time.Second)
	f.until("idle", func(i Idle) bool { return i.Idle })
	if took := time.Since(began); took < 3500*time.Millisecond {
		t.Errorf("idle after %v, want 4 s", took)
	}
	d.Press("b")
	if i := f.next(); i.Idle || i.Err != nil || !i.Since.IsZero() || i.Way != "X11 screen saver extension" {
		t.Errorf("a key was pressed, told %+v", i)
	}
	pressed := time.Now()
	if i := f.next(); !i.Idle || i.Since.Sub(pressed).Abs() > 2*time.Second {
		t.Errorf("idle again, told %+v; the last key was pressed at %v", i, pressed)
	}
}

func TestIdleIsNotGuessedWhereTheXServerEnds(t *testing.T) {
	t.Parallel()
	d := probetest.NewDisplay(t)
	f := followIdle(t, env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus), time.Second)
	f.until("X11", func(i Idle) bool { return i.Err == nil })
	d.Stop()
	i := f.until("an error", func(i Idle) bool { return i.Err != nil })
	for _, want := range []string{"input cannot be measured here", "X11 screen saver extension: the X server does not let in", "GNOME's idle monitor: there is no session bus", "the system bus does not answer"} {
		if !strings.Contains(words(i.Err), want) {
			t.Errorf("told %q, want it to say %q", i.Err, want)
		}
	}
	if i.Idle || i.Way != "" {
		t.Errorf("told %+v with an error", i)
	}
}

// A server that hangs is not taken for one without input, and is measured again once it answers.
func TestIdleIsNotGuessedWhileTheXServerHangs(t *testing.T) {
	t.Parallel()
	d := probetest.NewDisplay(t)
	f := followIdle(t, env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus), time.Second)
	f.until("idle", func(i Idle) bool { return i.Idle })
	d.Freeze()
	if i := f.next(); i.Err == nil || !strings.Contains(words(i.Err), "X11 screen saver extension: no answer within 5s") {
		t.Errorf("the X server hangs, told %+v", i)
	}
	d.Thaw()
	f.until("the X server", func(i Idle) bool { return i.Err == nil })
}

// Desktops let in only who knows the session's cookie. Not parallel: the authority file is the process's own.
func TestTheXServerIsShownTheSessionsCookie(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	cookie := strings.Repeat("k", 16)
	var file []byte // Xsecurity(7), libXau's Xauth.h: FamilyLocal, then address, display (any), name and data, each with its length before it
	file = binary.BigEndian.AppendUint16(file, 256)
	for _, field := range []string{host, "", "MIT-MAGIC-COOKIE-1", cookie} {
		file = append(binary.BigEndian.AppendUint16(file, uint16(len(field))), field...)
	}
	authority := filepath.Join(probetest.Folder(t), "authority")
	if err := os.WriteFile(authority, file, 0o600); err != nil {
		t.Fatal(err)
	}
	d := probetest.NewDisplay(t, "-auth", authority)
	c := env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus)
	t.Setenv("XAUTHORITY", authority)
	if i := followIdle(t, c, time.Hour).next(); i.Err != nil {
		t.Errorf("with the cookie: told %+v", i)
	}
	t.Setenv("XAUTHORITY", filepath.Join(t.TempDir(), "none"))
	if i := followIdle(t, c, time.Hour).next(); i.Err == nil || !strings.Contains(words(i.Err), "the X server does not let in") {
		t.Errorf("without the cookie: told %+v", i)
	}
}

// X11 programs are not all there are on a Wayland desktop.
func TestIdleIsNotAskedOfX11InsideWayland(t *testing.T) {
	t.Parallel()
	d := probetest.NewDisplay(t)
	for _, pair := range [][2]string{{"WAYLAND_DISPLAY", "wayland-0"}, {"XDG_SESSION_TYPE", "wayland"}} {
		f := followIdle(t, env("DISPLAY", d.Name, "DBUS_SYSTEM_BUS_ADDRESS", noBus, pair[0], pair[1]), time.Second)
		if i := f.next(); !strings.Contains(words(i.Err), "this desktop is one of Wayland") {
			t.Errorf("with %s: told %+v", pair[0], i)
		}
	}
}

func TestIdleIsToldByARealMutter(t *testing.T) {
	t.Parallel()
	m := probetest.NewMutter(t)
	f := followIdle(t, env("DBUS_SESSION_BUS_ADDRESS", m.Bus.Address, "DBUS_SYSTEM_BUS_ADDRESS", noBus, "XDG_SESSION_TYPE", "wayland"), 3*time.Second)
	m.Press()
	pressed := time.Now()
	i := f.until("idle", func(i Idle) bool { return i.Idle && i.Since.After(pressed.Add(-time.Second)) })
	if i.Way != "GNOME's idle monitor" || i.Since.Sub(pressed).Abs() > 2*time.Second || time.Since(pressed) < 2*time.Second {
		t.Errorf("told %+v %v after a key", i, time.Since(pressed))
	}
	m.Press()
	pressed = time.Now()
	if i := f.next(); i.Idle || i.Err != nil {
		t.Errorf("there was input, told %+v", i)
	}
	if i := f.next(); !i.Idle || i.Since.Before(pressed.Add(-2*time.Second)) {
		t.Errorf("idle again, told %+v", i)
	}
	m.Stop()
	if i := f.next(); i.Err == nil || !strings.Contains(words(i.Err), "GNOME's idle monitor: it does not run") {
		t.Errorf("the desktop ended, told %+v", i)
	}
}

func TestIdleIsToldByGNOME(t *testing.T) {
	t.Parallel()
	b := probetest.NewBus(t)
	g := newGNOME(t, b)
	g.input()
	f := followIdle(t, env("DBUS_SESSION_BUS_ADDRESS", b.Address, "DBUS_SYSTEM_BUS_ADDRESS", noBus), 3*time.Second)
	began := g.lastInput()
	i := f.until("idle", func(i Idle) bool { return i.Idle })
	if i.Way != "GNOME's idle monitor" || i.Since.Sub(began).Abs() > time.Second || time.Since(began) < 3*time.Second {
		t.Errorf("told %+v after %v; the last input was at %v", i, time.Since(began), began)
	}
	g.input()
	if i := f.next(); i.Idle || i.Err != nil {
		t.Errorf("there was input, told %+v", i)
	}
	if i := f.next(); !i.Idle || !i.Since.After(began.Add(2*time.Second)) {
		t.Errorf("idle again, told %+v", i)
	}
	patient := followIdle(t, env("DBUS_SESSION_BUS_ADDRESS", b.Address, "DBUS_SYSTEM_BUS_ADDRESS", noBus), time.Hour)
	if i := patient.next(); i.Idle || i.Err != nil {
		t.Errorf("no input for a few seconds, an hour is idle, told %+v", i)
	}
	g.end()
	if i := patient.next(); i.Err == nil {
		t.Errorf("the desktop ended, whoever waits for an hour without input is told %+v", i)
	}
	if i := f.next(); i.Err == nil || !strings.Contains(words(i.Err), "GNOME's idle monitor: it does not run") {
		t.Errorf("the desktop ended, told %+v", i)
	}
}

func TestNothingIsToldOnceAProbeHasReturned(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the test has it end"))
	for _, watch := range []func(Config){
		func(c Config) { WatchIdle(ctx, c, time.Second, func(i Idle) { t.Errorf("told %+v", i) }) },
		func(c Config) { WatchLock(ctx, c, func(l Lock) { t.Errorf("told %+v", l) }) },
		func(c Config) { WatchMicrophone(ctx, c, func(m Microphone) { t.Errorf("told %+v", m) }) },
	} {
		watch(env("DBUS_SYSTEM_BUS_ADDRESS", noBus))
	}
}
