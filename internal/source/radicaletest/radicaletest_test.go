package radicaletest

import (
	"net/http"
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Stop()
	if running != nil && code == 0 {
		if err := running.cmd.Process.Signal(syscall.Signal(0)); err == nil {
			println("radicale is still running")
			code = 1
		}
		if _, err := os.Stat(running.dir); err == nil {
			println("the folder of radicale is still there")
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

func TestUsersSeeTheirOwnOnly(t *testing.T) {
	t.Parallel()
	a, b := New(t), New(t)
	if a.Name == b.Name || a.Server != b.Server {
		t.Fatalf("two users are %s on %s and %s on %s, want two users of one server", a.Name, a.Server, b.Name, b.Server)
	}
	calendar := a.Calendar(t, "work", "Work")
	b.do(t, http.MethodDelete, calendar, nil, "", http.StatusForbidden)
	a.Delete(t, calendar)
}
