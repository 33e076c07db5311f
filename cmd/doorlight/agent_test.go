package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// desktop says, in the environment of this test program, that it is to be the desktop client: its arguments, one a line.
const desktop = "DOORLIGHT_TEST_DESKTOP"

// runDesktop is the desktop client in a process of its own.
func runDesktop(args []string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, args, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// computer is somebody's computer: a display, a message bus, a home.
type computer struct {
	t       *testing.T
	owner   *running // a browser in which they are signed in
	server  string   // as the client reaches it
	display *probetest.Display
	bus     *probetest.Bus
	sound   *probetest.Sound // nil: none
	home    string
	program string // the client; empty: this test program is it
	cmd     *exec.Cmd
	out     *output
	ended   chan error
}

func newComputer(t *testing.T, owner *running) *computer {
	t.Helper()
	c := &computer{t: t, owner: owner, server: owner.base, display: probetest.NewDisplay(t), bus: probetest.NewBus(t), home: probetest.Folder(t)}
	t.Cleanup(func() { c.kill() })
	return c
}

// keyring starts GNOME's keyring, with this password; empty: nobody has set it up yet.
func (c *computer) keyring(password string) {
	c.t.Helper()
	file, unlock := filepath.Join(c.home, "password"), ""
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if password != "" {
		unlock = "--unlock"
	}
	env := map[string]string{"DBUS_SESSION_BUS_ADDRESS": c.bus.Address, "HOME": c.home, "XDG_RUNTIME_DIR": c.home, "XDG_DATA_HOME": filepath.Join(c.home, "data")}
	ring := probetest.Run(c.t, env, "sh", "-c", "exec gnome-keyring-daemon --foreground "+unlock+" --components=secrets < "+file)
	conn, err := dbus.Connect(c.bus.Address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	ring.Eventually("the keyring", func() (there bool) {
		return conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&there) == nil && there
	})
}

var codeAt = regexp.MustCompile(`The code is (\S+);`)

// command is the desktop client on this computer.
func (c *computer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.program, args...)
	if c.program == "" {
		cmd = exec.Command(os.Args[0], "-test.run=^$")
	}
	env := map[string]string{
		"DISPLAY": c.display.Name, "DBUS_SESSION_BUS_ADDRESS": c.bus.Address, "DBUS_SYSTEM_BUS_ADDRESS": c.bus.Address, "HOME": c.home, "XDG_RUNTIME_DIR": c.home, "PATH": os.Getenv("PATH"),
		"PULSE_SERVER": "unix:" + filepath.Join(c.home, "none"),
		desktop:        strings.Join(append([]string{"agent"}, args...), "\n"),
	}
	if c.sound != nil {
		for _, key := range []string{"PULSE_SERVER", "XDG_RUNTIME_DIR"} {
			env[key] = c.sound.Getenv(key)
		}
	}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// start starts the desktop client, and signs it in if it asks for that.
func (c *computer) start(args ...string) {
	c.t.Helper()
	c.cmd = c.command(append([]string{"--server", c.server, "--no-browser", "--no-tray", "--label", "Desk"}, args...)...)
	c.out, c.ended = &output{}, make(chan error, 1)
	c.cmd.Stderr = c.out
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	codes := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(io.TeeReader(stdout, c.out))
		for lines.Scan() {
			if m := codeAt.FindStringSubmatch(lines.Text()); m != nil {
				codes <- m[1]
			}
		}
		c.ended <- c.cmd.Wait()
	}()
	connected := time.NewTicker(20 * time.Millisecond)
	defer connected.Stop()
	for late := time.After(30 * time.Second); !strings.Contains(c.out.String(), "agent: connected"); {
		select {
		case code := <-codes:
			c.owner.call("POST", "/devices/"+code, map[string]any{"allow": true}, nil, 204)
		case err := <-c.ended:
			c.t.Fatalf("the client ended: %v\n%s", err, c.out)
		case <-late:
			c.t.Fatalf("the client does not connect\n%s", c.out)
		case <-connected.C:
		}
	}
}

// kill ends the client without notice.
func (c *computer) kill() {
	if c.cmd != nil {
		c.cmd.Process.Kill()
		<-c.ended
		c.cmd = nil
	}
}

// logOff ends the client as the end of the desktop's session does.
func (c *computer) logOff() {
	c.t.Helper()
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.ended:
		if err != nil {
			c.t.Errorf("the client ended with %v\n%s", err, c.out)
		}
	case <-time.After(20 * time.Second):
		c.t.Fatalf("the client does not end\n%s", c.out)
	}
	c.cmd = nil
}

// locker is a screen locker of the freedesktop.org kind.
type locker struct {
	t    *testing.T
	conn *dbus.Conn
	mu   sync.Mutex
	on   bool
}

// GetActive answers whether the screen is locked.
func (l *locker) GetActive() (bool, *dbus.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.on, nil
}

func newLocker(t *testing.T, b *probetest.Bus) *locker {
	t.Helper()
	conn, err := dbus.Connect(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	l := &locker{t: t, conn: conn}
	if err := conn.Export(l, "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.ScreenSaver", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *locker) lock(on bool) {
	l.mu.Lock()
	l.on = on
	l.mu.Unlock()
	if err := l.conn.Emit("/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver.ActiveChanged", on); err != nil {
		l.t.Fatal(err)
	}
}

// colleague adds somebody and signs them in with a browser of their own.
func (r *running) colleague(name string) *running {
	r.t.Helper()
	login := strings.ToLower(name)
	var p struct{ ID string }
	r.call("POST", "/people", map[string]any{"name": name, "login": login, "role": "user", "location": r.location()}, &p, 200)
	var link struct{ Path string }
	r.call("POST", "/people/"+p.ID+"/link", map[string]any{"kind": "invitation"}, &link, 200)
	_, text, _ := strings.Cut(link.Path, "#")
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	other := &running{t: r.t, base: r.base, data: r.data, out: r.out, http: &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}}
	other.call("POST", "/password", map[string]string{"secret": text, "password": "correct horse"}, nil, 200)
	return other
}

// me returns the ID of who is signed in.
func (r *running) me() string {
	r.t.Helper()
	var me struct{ Person struct{ ID string } }
	r.call("GET", "/session", nil, &me, 200)
	return me.Person.ID
}

// becomes waits for a status, after which nothing may have come but what is listed.
func becomes(t *testing.T, told <-chan shown, within time.Duration, status string) (shown, time.Time) {
	t.Helper()
	p, at := next(t, told, within)
	if p.Status != status {
		t.Fatalf("a colleague sees %+v, want %s", p, status)
	}
	return p, at
}

// stays checks that nothing is told for a time.
func stays(t *testing.T, told <-chan shown, d time.Duration) {
	t.Helper()
	select {
	case p := <-told:
		t.Fatalf("a colleague sees %+v, want no change", p)
	case <-time.After(d):
	}
}

// annasOffice is a server where a colleague, Emil, watches Anna, who does not want to be called inactive.
func annasOffice(t *testing.T, args ...string) (server, anna *running, told <-chan shown) {
	t.Helper()
	server = startServer(t, t.TempDir(), args...)
	server.setUp()
	anna = server.colleague("Anna")
	anna.call("PUT", "/people/me/settings", map[string]any{"activation": map[string]any{"inactivity": map[string]any{"on": false, "profile": "be-right-back", "minutes": 10}}}, nil, 200)
	told = server.colleague("Emil").watch(anna.me())
	if first, _ := next(t, told, 10*time.Second); first.Status != "logged_out" {
		t.Fatalf("before anything runs Anna is %+v", first)
	}
	return server, anna, told
}

// decree has everybody be inactive after a minute, whatever they chose (P9: cannot change).
func (r *running) decree() {
	r.t.Helper()
	rule := func(profile string, minutes int) map[string]any {
		return map[string]any{"on": true, "profile": profile, "minutes": minutes, "user_may_change": false}
	}
	r.call("PUT", "/scopes/"+r.location()+"/settings", map[string]any{"activation": map[string]any{
		"start": rule("available", 0), "end": rule("unavailable", 0), "inactivity": rule("be-right-back", 1), "lock": rule("be-right-back", 0),
	}}, nil, 200)
}

// A desktop client starts, is left alone, used again, locked and unlocked, killed, started again, and logged off (P9, P4 row 11): a colleague watches. What is
// measured follows the policy while it runs.
func TestADesktopClientFollowsItsOwner(t *testing.T) {
	t.Parallel()
	server, anna, told := annasOffice(t, "--grace", "8s")
	pc := newComputer(t, anna)
	lock := newLocker(t, pc.bus)
	pc.start()
	_, began := becomes(t, told, 10*time.Second, "available")
	if got := string(must(os.ReadFile(filepath.Join(pc.home, ".config", "doorlight-agent", "token")))(t)); !strings.HasPrefix(got, server.base+" dlc_") {
		t.Errorf("without a keyring the token is kept as %q", got)
	}

	stays(t, told, 2*time.Second)
	server.decree()
	pc.display.Press("a")
	pressed := time.Now()
	_, at := becomes(t, told, 100*time.Second, "be_right_back")
	if after := at.Sub(pressed); after < 55*time.Second {
		t.Errorf("Anna is inactive after %s (started %s before), want a minute", after, at.Sub(began))
	}
	pc.display.Press("b")
	pressed = time.Now()
	_, at = becomes(t, told, 10*time.Second, "available")
	t.Logf("after a key it took %s", at.Sub(pressed))

	lock.lock(true)
	becomes(t, told, 10*time.Second, "be_right_back")
	lock.lock(false)
	becomes(t, told, 10*time.Second, "available")

	pc.kill()
	killed := time.Now()
	_, at = becomes(t, told, 30*time.Second, "unavailable")
	if after := at.Sub(killed); after < 7*time.Second {
		t.Errorf("a client that was killed has ended after %s, want the grace time", after)
	}
	pc.start() // it is the same, and signed in
	becomes(t, told, 10*time.Second, "available")
	pc.logOff()
	left := time.Now()
	_, at = becomes(t, told, 10*time.Second, "unavailable")
	if after := at.Sub(left); after > 4*time.Second {
		t.Errorf("a client that said it ends has ended after %s, want at once", after)
	}
}

// Somebody has two computers: they are away when they use neither, and still here when one of them goes.
func TestTwoComputersOfOnePerson(t *testing.T) {
	t.Parallel()
	server, anna, told := annasOffice(t)
	server.decree()
	desk, laptop := newComputer(t, anna), newComputer(t, anna)
	deskLock := newLocker(t, desk.bus)
	laptop.display.NewLocker() // XScreenSaver
	desk.keyring("")
	desk.start()
	if !strings.Contains(desk.out.String(), "kept in a file of yours") {
		t.Errorf("the token is not in a file, and there is no keyring for it:\n%s", desk.out)
	}
	becomes(t, told, 10*time.Second, "available")
	laptop.start()
	deskLock.lock(true)
	stays(t, told, 3*time.Second)
	laptop.display.Lock()
	becomes(t, told, 10*time.Second, "be_right_back")
	deskLock.lock(false)
	becomes(t, told, 10*time.Second, "available")
	laptop.logOff()
	stays(t, told, 3*time.Second)
	deskLock.lock(true)
	becomes(t, told, 10*time.Second, "be_right_back")
	desk.logOff()
	becomes(t, told, 10*time.Second, "unavailable")
}

// must returns what may not fail.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// A program of the table records: colleagues see busy, team colleagues its alias. One that is not in the table changes nothing, and its name is nowhere on
// the server (M2).
func TestADesktopClientTellsWhoRecords(t *testing.T) {
	t.Parallel()
	server := startServer(t, t.TempDir(), "--log-level", "debug")
	server.setUp()
	anna, emil, tom := server.colleague("Anna"), server.colleague("Emil"), server.colleague("Tom")
	id := anna.me()
	anna.call("PUT", "/people/me/relationships/"+tom.me(), map[string]any{"level": "team_colleague"}, nil, 200)
	server.call("PUT", "/scopes/"+server.location()+"/settings", map[string]any{"microphone": map[string]any{"enabled": true, "programs": []map[string]any{
		{"active": true, "process": "Zoom", "alias": "In a Zoom call"}, {"active": false, "process": "slack", "alias": "Slack"},
	}}}, nil, 200)
	seen, team := emil.watch(id), tom.watch(id)
	next(t, seen, 10*time.Second)
	next(t, team, 10*time.Second)
	pc := newComputer(t, anna)
	pc.sound = probetest.NewSound(t)
	pc.sound.Start()
	pc.keyring("secret")
	pc.start()
	if !strings.Contains(pc.out.String(), "kept in the system's keyring") {
		t.Errorf("the token is not in the keyring:\n%s", pc.out)
	}
	pc.kill()
	pc.start() // it reads the token there
	becomes(t, seen, 10*time.Second, "available")
	becomes(t, team, 10*time.Second, "available")

	secretive := pc.sound.Record("solitaire9", "mic")
	off := pc.sound.Record("slack", "mic")
	stays(t, seen, 6*time.Second)
	short := pc.sound.Record("zoom", "mic") // less than three seconds do not count
	time.Sleep(time.Second)
	short.Stop()
	stays(t, seen, 4*time.Second)
	zoom := pc.sound.Record("zoom", "mic")
	if p, _ := becomes(t, seen, 15*time.Second, "busy"); p.Text != "" {
		t.Errorf("an employee reads %q", p.Text)
	}
	if p, _ := becomes(t, team, 15*time.Second, "busy"); p.Text != "In a Zoom call" {
		t.Errorf("a team colleague reads %q", p.Text)
	}
	zoom.Stop()
	becomes(t, seen, 15*time.Second, "available")
	if p, _ := becomes(t, team, 15*time.Second, "available"); p.Text != "" {
		t.Errorf("afterwards a team colleague reads %q", p.Text)
	}
	secretive.Stop()
	off.Stop()
	status := string(must(pc.command("status").CombinedOutput())(t)) // where there is no icon
	for _, want := range []string{"runs: yes\n", "connected: yes, since 20", "\ninput: X11 screen saver extension\n", "\nlock: cannot be measured here\n", "  XScreenSaver does not run\n",
		"\nmicrophone: pulseaudio\n", "\ncalendar of Outlook: not on this computer\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("its status does not say %q:\n%s", want, status)
		}
	}
	pc.logOff()
	sent := string(must(os.ReadFile(filepath.Join(pc.home, ".config", "doorlight-agent", "sent.jsonl")))(t))
	if !strings.Contains(sent, `"microphone":["Zoom"]`) || strings.Contains(strings.ToLower(sent), "solitaire9") || strings.Contains(sent, "slack") {
		t.Errorf("sent was\n%s", sent)
	}
	server.stop()
	found := 0
	err := filepath.WalkDir(server.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text := strings.ToLower(string(must(os.ReadFile(path))(t)))
		if strings.Contains(text, "solitaire9") {
			t.Errorf("%s has the name of a program outside the table", path)
		}
		if strings.Contains(text, "in a zoom call") {
			found++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(server.out.String(), "solitaire9") {
		t.Error("the log has the name of a program outside the table")
	}
	if found == 0 { // else nothing could have been found at all
		t.Error("the data folder was searched, and not even the table is in it")
	}
}

// A client that dies while a program records, and one whose sign-in is ended, leave nobody busy.
func TestNobodyStaysBusyWhenTheClientIsGone(t *testing.T) {
	t.Parallel()
	server, anna, told := annasOffice(t, "--grace", "8s")
	server.decree()
	server.call("PUT", "/scopes/"+server.location()+"/settings", map[string]any{"microphone": map[string]any{"enabled": true, "programs": []map[string]any{
		{"active": true, "process": "Zoom", "alias": "Zoom"},
	}}}, nil, 200)
	pc := newComputer(t, anna)
	pc.sound = probetest.NewSound(t)
	pc.sound.Start()
	newLocker(t, pc.bus)
	pc.start()
	becomes(t, told, 10*time.Second, "available")
	zoom := pc.sound.Record("zoom", "mic")
	becomes(t, told, 15*time.Second, "busy")
	pc.kill()
	zoom.Stop()
	pc.start() // within the grace time: it records no more
	becomes(t, told, 15*time.Second, "available")
	zoom = pc.sound.Record("zoom", "mic")
	becomes(t, told, 15*time.Second, "busy")
	var list struct {
		Sessions []struct {
			ID     string
			Client bool
		}
	}
	anna.call("GET", "/people/me/sessions", nil, &list, 200)
	for _, s := range list.Sessions {
		if s.Client {
			anna.call("DELETE", "/people/me/sessions/"+s.ID, nil, nil, 204)
		}
	}
	becomes(t, told, 20*time.Second, "unavailable") // though the program records on
	zoom.Stop()
}

// cable is a network between a client and a server that can be pulled out: what is sent goes nowhere, and nobody is told.
type cable struct {
	l  net.Listener
	to string

	mu   sync.Mutex
	cond *sync.Cond
	out  bool
	done bool
	all  []net.Conn
	busy sync.WaitGroup
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{l: l, to: to}
	c.cond = sync.NewCond(&c.mu)
	c.busy.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.busy.Go(func() { c.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.mu.Lock()
		c.done = true
		for _, x := range c.all {
			x.Close()
		}
		c.cond.Broadcast()
		c.mu.Unlock()
		c.busy.Wait()
	})
	return c
}

func (c *cable) pull(out bool) {
	c.mu.Lock()
	c.out = out
	c.cond.Broadcast()
	c.mu.Unlock()
}

// wait waits while the cable is pulled out.
func (c *cable) wait() (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.out && !c.done {
		c.cond.Wait()
	}
	return !c.done
}

func (c *cable) keep(x net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, x)
	return !c.done
}

func (c *cable) serve(in net.Conn) {
	defer in.Close()
	if !c.keep(in) || !c.wait() {
		return
	}
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer out.Close()
	if !c.keep(out) {
		return
	}
	copy := func(to, from net.Conn) {
		buf := make([]byte, 16<<10)
		for {
			n, err := from.Read(buf)
			if !c.wait() {
				return
			}
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		to.Close()
		from.Close()
	}
	var both sync.WaitGroup
	both.Go(func() { copy(out, in) })
	both.Go(func() { copy(in, out) })
	both.Wait()
}

// The network is away for two minutes, which is longer than the grace time: within it nobody sees anything, then as much as if the client had ended, and at once what
// is so when it is back (P4, row 11).
func TestTheNetworkIsAwayForTwoMinutes(t *testing.T) {
	t.Parallel()
	server, anna, told := annasOffice(t)
	at, err := url.Parse(server.base)
	if err != nil {
		t.Fatal(err)
	}
	network := newCable(t, at.Host)
	pc := newComputer(t, anna)
	pc.server = "http://" + network.l.Addr().String()
	lock := newLocker(t, pc.bus)
	pc.start()
	becomes(t, told, 10*time.Second, "available")
	network.pull(true)
	pulled := time.Now()
	stays(t, told, 90*time.Second)
	time.Sleep(20 * time.Second)
	lock.lock(true)
	locked := time.Now()
	time.Sleep(10 * time.Second)
	network.pull(false)
	p, seen := next(t, told, 2*time.Minute)
	if p.Status == "unavailable" { // that the connection was dead is found within half a minute
		if after := seen.Sub(pulled); after > 3*time.Minute {
			t.Errorf("a client that cannot be heard of has ended after %s", after)
		}
		p, _ = next(t, told, 2*time.Minute)
	}
	if p.Status != "be_right_back" {
		t.Fatalf("the network is back, the screen locked, and a colleague sees %+v", p)
	}
	var clients struct {
		Clients []struct {
			Activity      string
			ActivitySince time.Time `json:"activity_since"`
		}
	}
	anna.call("GET", "/people/me/clients", nil, &clients, 200)
	if x := clients.Clients; len(x) != 1 || x[0].Activity != "locked" || x[0].ActivitySince.Sub(locked).Abs() > 2*time.Second {
		sent, _ := os.ReadFile(filepath.Join(pc.home, ".config", "doorlight-agent", "sent.jsonl"))
		t.Errorf("by the server's account %+v runs; it was locked at %s\n%s\n%s", x, locked.UTC(), pc.out, sent)
	}
	lock.lock(false)
	becomes(t, told, 10*time.Second, "available")
	stays(t, told, time.Second)
}
