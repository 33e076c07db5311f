package siptest

import (
	"syscall"
	"testing"
	"time"
)

// TestNothingIsLeft stops a server as soon as it answers, while it still starts processes of its own.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	s := Kamailio(t, ServerConfig{})
	for range 3 {
		group := s.p.cmd.Process.Pid
		s.Stop()
		for end := time.Now().Add(20 * time.Second); syscall.Kill(-group, 0) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("processes of the server are left")
			}
		}
		s.Start(t)
	}
}
