package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest/report"
	"github.com/doorlight/doorlight/internal/agent/probe/winetest"
)

// testPrograms is where the programs are that these tests build for Windows.
const testPrograms = "github.com/doorlight/doorlight/internal/agent/probe/probetest/"

// windowsDesk is a Windows with the probes in it.
type windowsDesk struct {
	*winetest.Prefix
	watch, desk string
}

// winProgram is a program that runs in Windows.
type winProgram struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.Closer
	out   *os.File
	said  *os.File    // what it says besides
	lines chan string // what it prints; closed at its end
	over  bool
}

func (d *windowsDesk) start(t *testing.T, exe string, args ...string) *winProgram {
	t.Helper()
	p := &winProgram{t: t, cmd: d.Command(context.Background(), exe, args...), lines: make(chan string, 1000)}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	// Files, as programs of Wine's own may inherit them and have them open for long.
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if p.said, err = os.Create(filepath.Join(t.TempDir(), "said")); err != nil {
		t.Fatal(err)
	}
	p.out, p.cmd.Stdout, p.cmd.Stderr = out, w, p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- strings.TrimSpace(s.Text())
		}
	}()
	t.Cleanup(func() { p.end(true) })
	return p
}

// end has the program end by itself, or kills it, and waits until it has.
func (p *winProgram) end(kill bool) {
	p.t.Helper()
	if p.over {
		return
	}
	p.over = true
	if kill {
		p.cmd.Process.Kill()
	}
	p.in.Close()
	timeout := time.AfterFunc(time.Minute, func() { p.cmd.Process.Kill() })
	err := p.cmd.Wait()
	p.out.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	for range p.lines {
	}
	p.out.Close()
	if !timeout.Stop() || err != nil && !kill {
		p.t.Errorf("%q: %v", p.cmd.Args[1:], err)
	}
	if p.t.Failed() {
		said, _ := os.ReadFile(p.said.Name())
		p.t.Logf("%q said:\n%s", p.cmd.Args[1:], said)
	}
	p.said.Close()
}

func (p *winProgram) line() string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%q has ended", p.cmd.Args[1:])
		}
		p.t.Logf("%s", l)
		return l
	case <-time.After(time.Minute):
		p.t.Fatalf("%q prints nothing for a minute", p.cmd.Args[1:])
		panic("not reached")
	}
}

// ready waits until the program says that it is.
func (p *winProgram) ready() *winProgram {
	p.t.Helper()
	if l := p.line(); l != "ready" {
		p.t.Fatalf("%q says %q", p.cmd.Args[1:], l)
	}
	return p
}

// next returns what the first of these probes to tell something tells next.
func (p *winProgram) next(probes ...string) report.Line {
	p.t.Helper()
	for {
		var l report.Line
		if text := p.line(); json.Unmarshal([]byte(text), &l) != nil {
			p.t.Fatalf("watch prints %q", text)
		}
		if slices.Contains(probes, l.Probe) {
			return l
		}
	}
}

// send sends a hidden window of the probes a message, and returns its answer and how long that took.
func (d *windowsDesk) send(t *testing.T, title string, message, word uint) (answer string, took time.Duration) {
	t.Helper()
	p := d.start(t, d.desk, "send", "DoorlightProbe", title, strconv.Itoa(int(message)), strconv.Itoa(int(word)), "0")
	answer, ms, ok := strings.Cut(p.line(), " ")
	n, err := strconv.Atoi(ms)
	if !ok || err != nil {
		t.Fatalf("desk says %q %q", answer, ms)
	}
	p.end(false)
	return answer, time.Duration(n) * time.Millisecond
}

func TestTheProbesOfWindowsUnderWine(t *testing.T) {
	t.Parallel()
	d := &windowsDesk{Prefix: winetest.New(t)}
	d.watch, d.desk = d.Build(testPrograms+"watch", "watch.exe"), d.Build(testPrograms+"desk", "desk.exe")

	t.Run("idle", func(t *testing.T) {
		d.start(t, d.desk, "window").ready()
		d.Display.Focus("desk.exe") // Wine knows of input to its own windows only
		w := d.start(t, d.watch, "-after", "4s")
		for l := w.next("idle"); !l.On; l = w.next("idle") {
			if l.Err != "" {
				t.Fatalf("told %+v", l)
			}
		}
		d.Display.Press("a")
		pressed := time.Now()
		if l := w.next("idle"); l.On || l.Err != "" || l.Way != "Windows, by the last input of the session" {
			t.Errorf("a key was pressed, told %+v", l)
		}
		if l := w.next("idle"); !l.On || l.Since.Sub(pressed).Abs() > 2*time.Second || time.Since(pressed) < 3*time.Second {
			t.Errorf("idle again after %v, told %+v; the last key was pressed at %v", time.Since(pressed), l, pressed)
		}
		w.ends()
	})

	t.Run("lock", func(t *testing.T) {
		w := d.start(t, d.watch)
		if l := w.next("lock"); l.On || l.Err != "whether the screen is locked is known from the next lock or unlock on: Windows does not tell what is so now" {
			t.Errorf("Wine does not tell what is so at first, told %+v", l)
		}
		for _, c := range []struct {
			change uint // WTS_...
			locked bool
		}{{7, true}, {8, false}, {5, false}, {7, true}} { // lock, unlock, somebody signs in (which is neither), lock
			d.send(t, "lock", 0x02B1, c.change)
			if c.change == 5 {
				continue
			}
			if l := w.next("lock"); l.On != c.locked || l.Err != "" || l.Way != "Windows, by the changes of the session" {
				t.Errorf("change %d of the session, told %+v", c.change, l)
			}
		}
		w.ends()
	})

	t.Run("end", func(t *testing.T) {
		w := d.start(t, d.watch)
		w.next("lock") // the windows are there
		const query, end = 0x0011, 0x0016
		if answer, _ := d.send(t, "end", query, 0); answer != "1" {
			t.Errorf("asked whether the session may end, the probe answers %s, want 1: yes", answer)
		}
		d.send(t, "end", end, 0) // somebody else is against it
		d.send(t, "lock", 0x02B1, 7)
		if l := w.next("lock", "end"); l.Probe != "lock" {
			t.Errorf("the end was called off, told %+v", l)
		}
		d.send(t, "end", query, 0)
		d.send(t, "end", end, 1)
		if l := w.next("end"); !l.On {
			t.Errorf("the session ends, told %+v", l)
		}
		const closeIt = 0x0010 // as taskkill and installers do
		d.send(t, "end", closeIt, 0)
		if l := w.next("end"); !l.On {
			t.Errorf("asked to end, told %+v", l)
		}
		w.ends()

		// Windows waits for what is done at the end, but not for ever.
		slow := d.start(t, d.watch, "-hold", "10m")
		slow.next("lock")
		answer, took := d.send(t, "end", end, 1)
		if answer != "0" || took < 2900*time.Millisecond || took > 30*time.Second {
			t.Errorf("the end is held up: answer %s after %v, want 0 after 3 s", answer, took)
		}
		slow.next("end")
		slow.end(true)
	})

	t.Run("microphone", func(t *testing.T) {
		w := d.start(t, d.watch)
		if l := w.next("microphone"); !strings.Contains(l.Err, "this Windows keeps no record of who uses the microphone") {
			t.Errorf("there is no record, told %+v", l)
		}
		// A record as a Windows leaves it that has crashed: a program of each kind recorded. One of them runs again by now, and does not record.
		zoom := d.Copy(d.desk, "Program Files/Zoom/bin/Zoom.exe")
		d.Import(`[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone]
"Value"="Allow"

[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\MSTeams_8wekyb3d8bbwe]
"Value"="Allow"
"LastUsedTimeStart"=hex(b):00,80,3e,d5,de,b1,9d,01
"LastUsedTimeStop"=hex(b):00,00,00,00,00,00,00,00

[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\NonPackaged]
"Value"="Allow"

[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\NonPackaged\C:#Program Files#Zoom#bin#Zoom.exe]
"LastUsedTimeStart"=hex(b):00,80,3e,d5,de,b1,9d,01
"LastUsedTimeStop"=hex(b):00,00,00,00,00,00,00,00

[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\NonPackaged\C:#gone.exe]
"LastUsedTimeStart"=hex(b):00,80,3e,d5,de,b1,9d,01
"LastUsedTimeStop"=hex(b):00,00,00,00,00,00,00,00
`)
		again := d.start(t, zoom).ready()
		if l := w.next("microphone"); l.On || l.Err != "" || l.Way != "Windows, by its record of who uses the microphone" {
			t.Errorf("nobody records, told %+v", l)
		}
		again.end(false)

		meeting := d.start(t, zoom, "record").ready()
		began := time.Now()
		if l := w.next("microphone"); strings.Join(l.Programs, " ") != "Zoom" || time.Since(began) < 2*time.Second {
			t.Errorf("Zoom records, told %+v after %v", l, time.Since(began))
		}
		// A short use is not told of: the next that is told is of Teams, in a package.
		short := d.start(t, d.Copy(d.desk, "Program Files/Short/Short.exe"), "record", "-for", "300ms")
		short.ready()
		short.end(false)
		teams := d.start(t, d.Copy(d.desk, "Program Files/WindowsApps/MSTeams_24004.1307.2669.7070_x64__8wekyb3d8bbwe/ms-teams.exe"),
			"record", "-family", "MSTeams_8wekyb3d8bbwe").ready()
		if l := w.next("microphone"); strings.Join(l.Programs, " ") != "Zoom ms-teams" {
			t.Errorf("Zoom and Teams record, told %+v", l)
		}
		teams.end(false)
		if l := w.next("microphone"); strings.Join(l.Programs, " ") != "Zoom" {
			t.Errorf("Teams does not record any more, told %+v", l)
		}
		meeting.end(true) // and the record goes on to say that it records
		if l := w.next("microphone"); l.On || l.Err != "" {
			t.Errorf("Zoom has crashed, told %+v", l)
		}
		w.ends()
	})
}

// ends has the probes end, and checks that all do.
func (p *winProgram) ends() {
	p.t.Helper()
	p.in.Close()
	p.next("over")
	p.end(false)
}
