package probetest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Login is logind: elogind, which is that of systemd made to run without it. It has a /run and a hierarchy of control groups of its own.
type Login struct {
	*Program
	Bus *Bus // of the system

	conn *dbus.Conn
}

const cannotMount = 77

// one is held by the test that has a logind: control groups are the machine's, and each logind begins to count sessions anew.
var one sync.Mutex

// login is how elogind is started: for it alone, /run is empty, and the control groups are where it has them. What it leaves in those is removed.
const login = `
mount --make-rprivate / && mount -t tmpfs none /run && mkdir /run/systemd &&
mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/elogind && mount -t cgroup -o none,name=elogind none /sys/fs/cgroup/elogind || exit 77
LD_LIBRARY_PATH=$(dirname "$1") setpriv --pdeathsig KILL "$1" &
trap "kill $!" TERM
wait
wait
find /sys/fs/cgroup/elogind -mindepth 1 -depth -type d -exec rmdir {} +
`

// NewLogin starts logind with nobody signed in. Only root can, and only where the kernel lets them mount; elsewhere it says so in the log and returns nil.
func NewLogin(t testing.TB) *Login {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("only root can start a logind")
		return nil
	}
	_, here, _, _ := runtime.Caller(0)
	program := filepath.Join(filepath.Dir(here), "../../../../.tools/elogind/lib/elogind/elogind")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v (scripts/tools unpacks it)", err)
	}
	one.Lock()
	t.Cleanup(one.Unlock)
	b := NewBus(t)
	l := &Login{Bus: b, Program: Run(t, map[string]string{"DBUS_SYSTEM_BUS_ADDRESS": b.Address, "SYSTEMD_LOG_TARGET": "console"}, "unshare", "--mount", "sh", "-c", login, "sh", program)}
	var err error
	if l.conn, err = dbus.Connect(b.Address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.conn.Close() })
	for until := time.Now().Add(patience); time.Now().Before(until); {
		var there bool
		if l.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.login1").Store(&there) == nil && there {
			return l
		}
		select {
		case <-l.ended:
			if l.cmd.ProcessState.ExitCode() == cannotMount || strings.Contains(l.output.String(), "unshare failed") {
				t.Logf("the kernel lets nobody mount here, so no logind can be started:\n%s", l.output.String())
				return nil
			}
			l.fatal("logind has ended")
		case <-time.After(50 * time.Millisecond):
		}
	}
	l.fatal("logind does not start")
	return nil
}

// Session is somebody's session with a screen.
type Session struct {
	ID   string
	Path dbus.ObjectPath

	l      *Login
	leader *Program
}

// NewSession signs the user in who runs the tests. The session is of a process that does nothing; the tests' own is not in it.
func (l *Login) NewSession() *Session {
	l.t.Helper()
	s := &Session{l: l, leader: Run(l.t, nil, "sleep", "600")}
	var (
		runtimeDir, seat string
		fifo             dbus.UnixFD
		user, vt         uint32
		existing         bool
	)
	// as pam_elogind does: org.freedesktop.login1(5), CreateSession
	err := l.conn.Object("org.freedesktop.login1", "/org/freedesktop/login1").Call("org.freedesktop.login1.Manager.CreateSession", 0,
		uint32(os.Getuid()), uint32(s.leader.cmd.Process.Pid), "test", "x11", "user", "", "", uint32(0), "", ":0", false, "", "", []struct {
			Key   string
			Value dbus.Variant
		}{}).Store(&s.ID, &s.Path, &runtimeDir, &fifo, &user, &seat, &vt, &existing)
	if err != nil {
		l.fatal("sign in: %v", err)
	}
	l.t.Cleanup(func() { os.NewFile(uintptr(fifo), "session").Close() }) // which ends it
	return s
}

// Call calls a method of the session, such as Lock, SetIdleHint or SetLockedHint.
func (s *Session) Call(method string, args ...any) {
	s.l.t.Helper()
	if err := s.l.conn.Object("org.freedesktop.login1", s.Path).Call("org.freedesktop.login1.Session."+method, 0, args...).Err; err != nil {
		s.l.fatal("%s: %v", method, err)
	}
}

// Locked reports whether a locker has said that the screen is locked.
func (s *Session) Locked() bool {
	s.l.t.Helper()
	v, err := s.l.conn.Object("org.freedesktop.login1", s.Path).GetProperty("org.freedesktop.login1.Session.LockedHint")
	if err != nil {
		s.l.fatal("LockedHint: %v", err)
	}
	return v.Value().(bool)
}

// Waits lists who has logind wait before it shuts down.
func (l *Login) Waits() (who []string) {
	l.t.Helper()
	var all []struct {
		What, Who, Why, Mode string
		UID, PID             uint32
	}
	if err := l.conn.Object("org.freedesktop.login1", "/org/freedesktop/login1").Call("org.freedesktop.login1.Manager.ListInhibitors", 0).Store(&all); err != nil {
		l.fatal("ListInhibitors: %v", err)
	}
	for _, x := range all {
		if x.What == "shutdown" && x.Mode == "delay" {
			who = append(who, x.Who)
		}
	}
	return who
}
