package probe

import (
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

func TestIdleIsToldByTheWaylandCompositor(t *testing.T) {
	t.Parallel()
	for version := range uint32(2) {
		c := newCompositor(t, version+1, 7)
		f := followIdle(t, c.env(), 2*time.Second)
		if i := f.next(); i.Idle || i.Err != nil || i.Way != "the Wayland compositor" {
			t.Fatalf("at first told %+v", i)
		}
		if i := f.next(); !i.Idle || time.Since(i.Since) < 2*time.Second {
			t.Errorf("told %+v at %v", i, time.Now())
		}
		c.input(7)
		pressed := time.Now()
		if i := f.next(); i.Idle || i.Err != nil || !i.Since.IsZero() {
			t.Errorf("a key was pressed, told %+v", i)
		}
		if i := f.next(); !i.Idle || i.Since.Sub(pressed).Abs() > time.Second {
			t.Errorf("idle again, told %+v; the last key was pressed at %v", i, pressed)
		}
		// A film is no input, where the compositor can tell them apart.
		c.hold(true)
		if version+1 == 1 {
			if i := f.next(); i.Idle {
				t.Errorf("a film runs, told %+v", i)
			}
		}
		c.end()
		i := f.until("an error", func(i Idle) bool { return i.Err != nil })
		for _, want := range []string{"the Wayland compositor: the compositor does not answer", "X11 screen saver extension: this desktop is one of Wayland"} {
			if !strings.Contains(words(i.Err), want) {
				t.Errorf("the compositor has ended, told %q, want it to say %q", i.Err, want)
			}
		}
	}
}

func TestIdleIsToldByKWin(t *testing.T) {
	t.Parallel()
	k := probetest.NewCompositor(t)
	c := Config{Getenv: k.Getenv}
	f := followIdle(t, c, 2*time.Second)
	if i := f.until("the compositor", func(i Idle) bool { return i.Err == nil }); i.Idle || i.Way != "the Wayland compositor" {
		t.Errorf("at first told %+v", i)
	}
	f.until("idle", func(i Idle) bool { return i.Idle })
	typeIntoKWin(t, c)
	moved := time.Now()
	if i := f.next(); i.Idle || i.Err != nil {
		t.Errorf("the mouse was moved, told %+v", i)
	}
	if i := f.next(); !i.Idle || i.Since.Sub(moved).Abs() > 2*time.Second {
		t.Errorf("idle again, told %+v; the mouse was moved at %v", i, moved)
	}
	k.Stop()
	f.until("an error", func(i Idle) bool { return i.Err != nil })
}

// typeIntoKWin moves the mouse, by KWin's own way to (fake-input.xml of plasma-wayland-protocols).
func typeIntoKWin(t *testing.T, c Config) {
	t.Helper()
	conn, err := connectWayland(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	w := &waylandIdle{wayland: conn, registry: conn.object()}
	send := func(object uint32, op uint16, args ...any) {
		t.Helper()
		if err := conn.send(object, op, args...); err != nil {
			t.Fatal(err)
		}
	}
	// wait returns what the compositor has before it answers.
	wait := func() (fake uint32) {
		t.Helper()
		callback := conn.object()
		send(waylandDisplay, 0, callback)
		for {
			m, err := conn.read()
			if err != nil {
				t.Fatal(err)
			}
			if m.object == callback {
				return fake
			}
			if name, what, _ := w.global(m); what == "org_kde_kwin_fake_input" {
				fake = name
			}
		}
	}
	send(waylandDisplay, 1, w.registry)
	name := wait()
	if name == 0 {
		t.Fatal("KWin lets nobody move the mouse")
	}
	fake := conn.object()
	send(w.registry, requestBind, name, "org_kde_kwin_fake_input", uint32(1), fake)
	send(fake, 0, "a test", "somebody moves the mouse") // authenticate
	send(fake, 1, uint32(100<<8), uint32(100<<8))       // pointer_motion, in 256ths
	wait()
}

func TestInputAtAnySeatCounts(t *testing.T) {
	t.Parallel()
	c := newCompositor(t, 2, 7, 8)
	f := followIdle(t, c.env(), 2*time.Second)
	f.until("idle", func(i Idle) bool { return i.Idle })
	c.input(8)
	if i := f.next(); i.Idle {
		t.Errorf("a key was pressed at the second seat, told %+v", i)
	}
	f.until("idle", func(i Idle) bool { return i.Idle })
	c.addSeat(9)
	if i := f.next(); i.Idle || i.Err != nil {
		t.Errorf("a seat has come, of which nothing is known yet, told %+v", i)
	}
	f.until("idle", func(i Idle) bool { return i.Idle })
	c.input(9)
	if i := f.next(); i.Idle {
		t.Errorf("a key was pressed at the new seat, told %+v", i)
	}
}

func TestIdleIsNotGuessedOfACompositorThatDoesNotTell(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]*compositor{
		"the compositor does not tell of input (it has no ext_idle_notifier_v1)": newCompositor(t, 0, 7),
		"the compositor has nobody's keyboard or mouse (it has no wl_seat)":      newCompositor(t, 2),
	} {
		if i := followIdle(t, c.env(), time.Second).next(); !strings.Contains(words(i.Err), want) {
			t.Errorf("told %+v, want %q", i, want)
		}
	}
}

func TestMessagesOfWaylandThatAreNone(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{nil, {0, 0}, {0, 0, 0, 0}, {9, 0, 0, 0, 'a', 'b'}, {255, 255, 255, 255, 0, 0, 0, 0}} {
		if text, _, ok := waylandText(b); ok {
			t.Errorf("%v is the text %q, want none", b, text)
		}
	}
}
