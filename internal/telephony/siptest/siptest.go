// Package siptest runs SIP programs that others wrote, for tests: Kamailio, a server that tells of calls (RFC 4235) and keeps
// telephones (RFC 3261), baresip, a telephone, and SIPp, which plays a scenario. Each test has its own, on free ports of the loopback
// interface and with files in a temporary folder; they end with the test.
package siptest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// TB is what a program needs of whoever runs it: a testing.TB, or a program that runs it for another kind of test.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Cleanup(f func())
	TempDir() string
}

// Address is that of all programs.
const Address = "127.0.0.1"

// given are the ports that were handed out, lest two tests of a binary get the same.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort returns a port that is free for UDP and TCP, and so are the count-1 after it.
func FreePort(t TB, count int) int {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
search:
	for range 1000 {
		// Below those that whoever asks for any port is given, so that nobody is given it meanwhile (ip_local_port_range).
		first := 10_000 + rand.IntN(10_000)
		for p := first; p < first+count; p++ {
			if given.ports[p] || !free(p) {
				continue search
			}
		}
		for p := first; p < first+count; p++ {
			given.ports[p] = true
		}
		return first
	}
	t.Fatalf("there are no %d free ports in a row", count)
	return 0
}

func free(port int) bool {
	at := fmt.Sprintf("%s:%d", Address, port)
	l, err := net.Listen("tcp4", at)
	if err != nil {
		return false
	}
	defer l.Close()
	c, err := net.ListenPacket("udp4", at)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// folder is a temporary one in memory, as the programs write much. It is removed with the test.
func folder(t TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sip")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// program is one that runs.
type program struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	log   *output
	once  sync.Once
}

// output is what a program said. It keeps the last of it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() > 1<<20 {
		o.text.Reset()
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// find returns where a program is, also if it is where only root looks.
func find(t TB, name, pkg string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if p, err := exec.LookPath(candidate); err == nil {
			return p
		}
	}
	t.Fatalf("the program %s is missing: install the Debian package %s", name, pkg)
	return ""
}

// run starts a program, which ends with the test.
func run(t TB, name, path, dir string, args ...string) *program {
	t.Helper()
	p := &program{name: name, ended: make(chan struct{}), log: &output{}}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.log, p.log
	p.cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C")
	p.cmd.WaitDelay = time.Second // children may have the pipes
	endWithParent(p.cmd)
	started := make(chan error, 1)
	go func() {
		// The program ends with this thread at the latest, so the thread has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait()
			killGroup(p.cmd)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, tail(p.log.String(), 60))
		}
	})
	return p
}

// stop ends a program: it is asked to, and killed if it does not.
func (p *program) stop() {
	p.once.Do(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
		<-p.ended
		kill.Stop()
	})
}

func (p *program) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// until waits for something that a program does.
func (p *program) until(t TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if p.over() {
			t.Fatalf("%s ended before it was %s; it said:\n%s", p.name, what, tail(p.log.String(), 60))
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not %s; it said:\n%s", p.name, what, tail(p.log.String(), 60))
		}
	}
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func write(t TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
