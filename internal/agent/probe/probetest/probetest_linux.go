// Package probetest starts what a desktop session consists of, for tests: an X server, message buses and sound servers, each with sockets and folders
// of its own and ended with the test. The programs must be installed (scripts/tools); without them tests fail.
package probetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience is how long a program may take to start or end.
const patience = 60 * time.Second

// Program is a running program.
type Program struct {
	t      testing.TB
	cmd    *exec.Cmd
	output lockedBuffer
	ended  chan struct{}
	stop   sync.Once
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Run starts a program with this environment and nothing else of the test's but PATH. It is ended with the test.
func Run(t testing.TB, env map[string]string, name string, args ...string) *Program {
	t.Helper()
	return run(t, env, nil, name, args...)
}

// run starts a program; report, if not nil, is its file 3.
func run(t testing.TB, env map[string]string, report *os.File, name string, args ...string) *Program {
	t.Helper()
	return start(t, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, env, report, name, args...)
}

func start(t testing.TB, attr *syscall.SysProcAttr, env map[string]string, report *os.File, name string, args ...string) *Program {
	t.Helper()
	p := &Program{t: t, cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/bin:/usr/sbin", "LC_ALL=C.UTF-8"}
	for k, v := range env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = attr
	if report != nil {
		p.cmd.ExtraFiles = []*os.File{report}
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v (scripts/tools installs it)", name, err)
	}
	go func() { p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.Stop)
	return p
}

// Stop ends the program and waits until it has ended.
func (p *Program) Stop() {
	p.stop.Do(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(patience):
			p.cmd.Process.Kill()
			<-p.ended
			p.t.Errorf("%s did not end when told to", p.cmd.Path)
		}
		if p.t.Failed() {
			p.t.Logf("%s %q said:\n%s", p.cmd.Path, p.cmd.Args[1:], p.output.String())
		}
	})
}

// Freeze has the program do nothing until it is thawed.
func (p *Program) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (p *Program) Thaw() { p.signal(syscall.SIGCONT) }

func (p *Program) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.fatal("%v: %v", s, err)
	}
}

// fatal fails the test with what the program said.
func (p *Program) fatal(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s; %s said:\n%s", fmt.Sprintf(format, args...), p.cmd.Path, p.output.String())
}

// started reads the line in which a program says that it is there.
func (p *Program) started(r *os.File) string {
	p.t.Helper()
	r.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(r).ReadString('\n')
	r.Close()
	if err != nil {
		p.fatal("it did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// Folder returns a folder with a short name: those of sockets may have 107 bytes.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// eventually waits until f succeeds, while the program runs.
func (p *Program) eventually(what string, f func() error) {
	p.t.Helper()
	var err error
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if err = f(); err == nil {
			return
		}
		select {
		case <-p.ended:
			p.fatal("%s: the program has ended", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.fatal("%s: %v", what, err)
}

// Display is an X server without a screen.
type Display struct {
	*Program
	Name string // for DISPLAY
}

// NewDisplay starts an X server, with these arguments besides.
func NewDisplay(t testing.TB, args ...string) *Display {
	t.Helper()
	r, w := pipe(t)
	p := run(t, nil, w, "Xvfb", append([]string{"-displayfd", "3", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"}, args...)...)
	w.Close()
	return &Display{p, ":" + p.started(r)}
}

// Press presses and releases a key.
func (d *Display) Press(key string) {
	d.t.Helper()
	d.xdotool("key", key)
}

// Focus waits for a window of a program and gives it what is typed.
func (d *Display) Focus(program string) {
	d.t.Helper()
	d.xdotool("search", "--sync", "--onlyvisible", "--limit", "1", "--classname", "^"+program+"$", "windowfocus", "--sync")
}

// Shows waits until a window of a program is seen.
func (d *Display) Shows(program string) {
	d.t.Helper()
	d.xdotool("search", "--sync", "--onlyvisible", "--limit", "1", "--classname", "^"+program+"$")
}

func (d *Display) xdotool(args ...string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.Name)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("xdotool %q: %v\n%s", args, err, out)
	}
}

// NewLocker starts XScreenSaver, and waits until it is there.
func (d *Display) NewLocker() *Program {
	d.t.Helper()
	dir := Folder(d.t)
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 { // whom it would not lock out
		const nobody = 65534
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".xscreensaver"), []byte("mode: blank\nlock: True\nsplash: False\nfade: False\n"), 0o644); err != nil {
		d.t.Fatal(err)
	}
	p := start(d.t, attr, map[string]string{"HOME": dir, "DISPLAY": d.Name, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"}, nil, "xscreensaver", "-no-splash")
	p.eventually("XScreenSaver", func() error { return d.lockerCommand("-time") })
	return p
}

// Lock has XScreenSaver lock the screen.
func (d *Display) Lock() {
	d.t.Helper()
	if err := d.lockerCommand("-lock"); err != nil {
		d.t.Fatal(err)
	}
}

func (d *Display) lockerCommand(command string) error {
	cmd := exec.Command("xscreensaver-command", command)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.Name)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xscreensaver-command %s: %w: %s", command, err, out)
	}
	return nil
}

// Compositor is a compositor of Wayland without a screen: KWin, that of KDE.
type Compositor struct {
	*Program
	Bus *Bus // of the session
	dir string
}

// NewCompositor starts a compositor in which programs may type.
func NewCompositor(t testing.TB) *Compositor {
	t.Helper()
	dir := Folder(t)
	// A copy has not the right to a higher priority that the package gives it: where nobody may give that, it could not be started.
	kwin := filepath.Join(dir, "bin", "kwin_wayland")
	if err := copyProgram("kwin_wayland", kwin); err != nil {
		t.Fatalf("%v (scripts/tools installs it)", err)
	}
	b := NewBus(t)
	c := &Compositor{dir: dir, Bus: b, Program: Run(t, map[string]string{
		"HOME": dir, "XDG_RUNTIME_DIR": dir, "DBUS_SESSION_BUS_ADDRESS": b.Address, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus", "QT_QPA_PLATFORM": "offscreen",
		"KWIN_COMPOSE": "Q", "KWIN_WAYLAND_NO_PERMISSION_CHECKS": "1",
	}, kwin, "--virtual", "--no-global-shortcuts", "--socket", "wayland-0")}
	c.eventually("KWin", func() error { return connects(filepath.Join(dir, "wayland-0")) })
	return c
}

// Lock has the compositor lock the screen. Nobody can unlock it.
func (c *Compositor) Lock() {
	c.t.Helper()
	conn, err := dbus.Connect(c.Bus.Address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	const saver = "org.freedesktop.ScreenSaver"
	c.eventually("lock", func() error { return conn.Object(saver, "/org/freedesktop/ScreenSaver").Call(saver+".Lock", 0).Err })
}

// Getenv is the environment in which the compositor is found.
func (c *Compositor) Getenv(key string) string {
	return map[string]string{"XDG_RUNTIME_DIR": c.dir, "WAYLAND_DISPLAY": "wayland-0", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"}[key]
}

// Bus is a message bus.
type Bus struct {
	*Program
	Address string
}

// NewBus starts a message bus of which anybody may own any name and send anything. It starts no services.
func NewBus(t testing.TB) *Bus {
	t.Helper()
	dir := Folder(t)
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=`+filepath.Join(dir, "bus")+`</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w := pipe(t)
	p := run(t, nil, w, "dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile", "--print-address=3")
	w.Close()
	return &Bus{p, p.started(r)}
}

// Sound is a sound server with a microphone that hears nothing.
type Sound struct {
	*Program
	t   testing.TB
	dir string
	env map[string]string
}

// NewSound prepares PulseAudio; Start starts it.
func NewSound(t testing.TB) *Sound {
	t.Helper()
	dir := Folder(t)
	return &Sound{t: t, dir: dir, env: map[string]string{
		"HOME": dir, "XDG_RUNTIME_DIR": dir, "XDG_CONFIG_HOME": dir, "PULSE_SERVER": "unix:" + filepath.Join(dir, "pulse", "native"),
	}}
}

// Getenv is the environment in which the sound server is found.
func (s *Sound) Getenv(key string) string { return s.env[key] }

// Start starts PulseAudio with the loudspeaker "spk" and the microphone "mic", and waits until it is there. It may be stopped and started again.
func (s *Sound) Start() {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, "pulse"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.Program = Run(s.t, s.env, "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--high-priority=no", "--disable-shm=yes",
		"-L", "module-native-protocol-unix socket="+filepath.Join(s.dir, "pulse", "native"),
		"-L", "module-null-sink sink_name=spk", "-L", "module-null-source source_name=mic")
	s.answers()
}

// StartPipeWire starts PipeWire, with its server of PulseAudio's protocol, instead, with the same devices.
func (s *Sound) StartPipeWire() {
	s.t.Helper()
	s.env["DBUS_SESSION_BUS_ADDRESS"] = NewBus(s.t).Address
	s.env["DBUS_SYSTEM_BUS_ADDRESS"] = s.env["DBUS_SESSION_BUS_ADDRESS"]
	s.env["XDG_STATE_HOME"] = s.dir
	core := Run(s.t, s.env, "pipewire")
	core.eventually("PipeWire", func() error { return connects(filepath.Join(s.dir, "pipewire-0")) })
	Run(s.t, s.env, "wireplumber")
	s.Program = Run(s.t, s.env, "pipewire-pulse")
	s.answers()
	s.Control("load-module", "module-null-sink", "sink_name=spk")
	s.Control("load-module", "module-null-sink", "media.class=Audio/Source/Virtual", "sink_name=mic", "channel_map=mono")
}

func connects(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (s *Sound) answers() {
	s.t.Helper()
	s.eventually("the sound server does not answer", func() error {
		_, err := s.control("info")
		return err
	})
}

func (s *Sound) control(args ...string) (string, error) {
	cmd := exec.Command("pactl", args...)
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("pactl %q: %w: %s", args, err, out)
	}
	return string(out), err
}

// Control has pactl do something, and returns what it says.
func (s *Sound) Control(args ...string) string {
	s.t.Helper()
	out, err := s.control(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// Record starts a program of this name that records from a device, "mic" or "spk.monitor", until it is stopped. It is PulseAudio's own, copied.
func (s *Sound) Record(name, device string) *Program {
	s.t.Helper()
	file := filepath.Join(s.dir, "bin", name)
	if _, err := os.Stat(file); err != nil {
		if err := copyProgram("pacat", file); err != nil {
			s.t.Fatal(err)
		}
	}
	return Run(s.t, s.env, file, "--record", "-d", device, filepath.Join(s.dir, name+".raw"))
}

// RecordByPipeWire starts a program of this name that records from a device of PipeWire without PulseAudio's protocol, until it is stopped.
func (s *Sound) RecordByPipeWire(name, device string) *Program {
	s.t.Helper()
	file := filepath.Join(s.dir, "bin", name)
	if _, err := os.Stat(file); err != nil {
		if err := copyProgram("pw-cat", file); err != nil {
			s.t.Fatal(err)
		}
	}
	return Run(s.t, s.env, file, "--record", "--target", device, filepath.Join(s.dir, name+".wav"))
}

// Browse starts a browser without a window on a page, which may record without asking anybody. It records from the microphone "mic".
func (s *Sound) Browse(url string) *Program {
	s.t.Helper()
	s.Control("set-default-source", "mic")
	env := maps.Clone(s.env)
	env["DBUS_SESSION_BUS_ADDRESS"], env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nowhere/bus", "unix:path=/nowhere/bus"
	args := []string{"--headless=new", "--user-data-dir=" + filepath.Join(s.dir, "browser"), "--use-fake-ui-for-media-stream", "--no-first-run", "--disable-gpu",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"}
	if os.Getuid() == 0 {
		args = append(args, "--no-sandbox") // it refuses to run otherwise
	}
	return Run(s.t, env, "chromium", append(args, url)...)
}

// copyProgram copies a program of the system. Another program does it: a file that this one has open for writing while it starts something cannot be run.
func copyProgram(name, to string) error {
	from, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "--dereference", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	return nil
}

// Eventually waits until f succeeds, while the program runs.
func (p *Program) Eventually(what string, f func() bool) {
	p.t.Helper()
	p.eventually("waiting for "+what, func() error {
		if !f() {
			return errors.New("in vain")
		}
		return nil
	})
}
