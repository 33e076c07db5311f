package tray

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/probe/winetest"
	"github.com/doorlight/doorlight/internal/agent/tray/traytest/report"
	"github.com/doorlight/doorlight/presence"
)

// inWindows is a program of the tests that runs in Wine. It reads and prints lines.
type inWindows struct {
	t     *testing.T
	name  string
	in    io.WriteCloser
	lines chan string
	stop  func()
}

func startInWindows(t *testing.T, p *winetest.Prefix, exe string, args ...string) *inWindows {
	t.Helper()
	cmd := p.Command(context.Background(), exe, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	said.Close()
	x := &inWindows{t: t, name: strings.Join(append([]string{filepath.Base(exe)}, args...), " "), in: in, lines: make(chan string, 1000)}
	go func() {
		defer close(x.lines)
		s := bufio.NewScanner(r)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			x.lines <- s.Text()
		}
	}()
	stopped := false
	x.stop = func() {
		if stopped {
			return
		}
		stopped = true
		in.Close()
		late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill(); t.Errorf("%s does not end", x.name) })
		err := cmd.Wait()
		late.Stop()
		r.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // programs of Wine's own may have its output, too
		text, _ := os.ReadFile(said.Name())
		if err != nil || t.Failed() {
			t.Errorf("%s ended: %v; it said\n%s", x.name, err, text)
		}
	}
	t.Cleanup(func() {
		x.stop()
		for range x.lines {
		}
		r.Close()
	})
	return x
}

// next returns what it prints next.
func (x *inWindows) next() string {
	x.t.Helper()
	select {
	case l, ok := <-x.lines:
		if ok {
			return l
		}
		x.t.Fatalf("%s says nothing more", x.name)
	case <-time.After(time.Minute):
		x.t.Fatalf("%s says nothing", x.name)
	}
	return ""
}

func nextOf[T any](x *inWindows) (v T) {
	x.t.Helper()
	l := x.next()
	if err := json.Unmarshal([]byte(l), &v); err != nil {
		x.t.Fatalf("%s says %s: %v", x.name, l, err)
	}
	return v
}

func (x *inWindows) tell(v any) {
	x.t.Helper()
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			x.t.Fatal(err)
		}
		text = string(b)
	}
	if _, err := fmt.Fprintln(x.in, text); err != nil {
		x.t.Fatalf("%s does not listen: %v", x.name, err)
	}
}

// iconWith waits until the icon has this tip and a picture.
func (x *inWindows) iconWith(tip string) report.Icon {
	x.t.Helper()
	for {
		if i := nextOf[report.Icon](x); i.What == "delete" {
			x.t.Fatalf("the icon was taken away before it said %q", tip)
		} else if i.Tip == tip && len(i.Pixels) > 0 {
			return i
		}
	}
}

// inWindowsMenu writes a menu of Windows as lines does one of ours.
func inWindowsMenu(entries []report.Entry, depth int) string {
	var b strings.Builder
	for _, x := range entries {
		text := x.Label
		if x.Separator {
			text = "--"
		}
		if x.Checked {
			text = "[x] " + text
		}
		if x.Disabled && !x.Separator {
			text = "(" + text + ")"
		}
		b.WriteString(strings.Repeat("\t", depth) + text + "\n" + inWindowsMenu(x.Sub, depth+1))
	}
	return b.String()
}

// The icon in the notification area of Wine's Windows, whose taskbar is one of the tests: it comes with the taskbar, says and shows the presence, has the
// menu, chooses what is clicked, comes again with a new taskbar, and goes with the client.
func TestTheIconInWindows(t *testing.T) {
	t.Parallel()
	p := winetest.New(t)
	const programs = "github.com/doorlight/doorlight/internal/agent/tray/traytest/"
	taskbar, notify := p.Build(programs+"taskbar", "taskbar.exe"), p.Build(programs+"notify", "notify.exe")
	begin := func() *inWindows {
		t.Helper()
		bar := startInWindows(t, p, taskbar)
		if l := bar.next(); l != "ready" {
			t.Fatalf("the taskbar says %q", l)
		}
		return bar
	}
	none := startInWindows(t, p, taskbar, "none")
	if l := none.next(); l != "ready" {
		t.Fatalf("who takes the taskbar away says %q", l)
	}

	v := anna(exam())
	v.State.Idle, v.State.Lock, v.State.Microphone, v.State.Language = nil, nil, nil, "en"
	v.State.Presence.Until = nil
	icon := startInWindows(t, p, notify)
	shows := func() {
		t.Helper()
		icon.tell(report.Command{View: &report.View{Name: v.State.Name, Connected: true, Presence: v.State.Presence, Settings: v.State.Settings}})
	}
	shows()
	time.Sleep(3 * time.Second) // the client is there before the taskbar
	bar := begin()
	busy := bar.iconWith("Busy: Exam")

	sees := func() {
		t.Helper()
		want := plain(menu(v, time.Now(), "en"))
		for until := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // the menu follows the tip
			bar.tell("click right")
			icon.tell(report.Command{Read: true})
			got := nextOf[report.Line](icon)
			if text := inWindowsMenu(got.Menu, 0); got.Err == "" && text == want {
				return
			} else if time.Now().After(until) {
				t.Fatalf("the menu: %s\n%s", got.Err, cmp.Diff(want, text))
			}
			icon.tell(report.Command{Close: true})
			if got := nextOf[report.Line](icon); !got.Closed {
				t.Fatalf("the menu does not close: %+v", got)
			}
		}
	}
	sees()
	icon.tell(report.Command{Click: []string{"Change presence", "Do not disturb"}})
	dnd := presence.DoNotDisturb
	if d := cmp.Diff(report.Line{Choice: &client.Choice{Status: &dnd}}, nextOf[report.Line](icon)); d != "" {
		t.Errorf("a click on Do not disturb:\n%s", d)
	}
	v.State.Presence = client.Presence{Status: &dnd, Cause: presence.SourceHand}
	shows()
	if now := bar.iconWith("Do not disturb"); bytes.Equal(now.Pixels, busy.Pixels) {
		t.Error("the picture is that of busy")
	}
	sees()
	icon.tell(report.Command{Click: []string{"Sign out"}})
	if l := nextOf[report.Line](icon); l.Did != "sign out" {
		t.Errorf("a click on Sign out does %+v", l)
	}

	bar.stop() // as when Explorer crashes
	bar = begin()
	bar.iconWith("Do not disturb")

	icon.stop()
	for i := nextOf[report.Icon](bar); i.What != "delete"; i = nextOf[report.Icon](bar) {
	}
	if l := nextOf[report.Line](icon); !l.Over {
		t.Errorf("at the end it says %+v", l)
	}
}
