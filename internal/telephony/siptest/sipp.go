package siptest

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Player is SIPp, which plays a scenario.
type Player struct {
	Port int

	p      *program
	errors string // file
}

// SIPp plays a scenario once, with a server (host and port) or, if that is empty, with whoever comes. Service is the user part of whom it asks
// for, in the scenario [service].
func SIPp(t TB, scenario, server, service string, args ...string) *Player {
	t.Helper()
	dir := folder(t)
	file := write(t, dir, "scenario.xml", scenario)
	s := &Player{Port: FreePort(t, 1), errors: filepath.Join(dir, "errors")}
	all := []string{"-sf", file, "-s", service, "-i", Address, "-p", fmt.Sprint(s.Port), "-m", "1", "-nostdin", "-trace_msg",
		"-message_file", filepath.Join(dir, "messages"), "-trace_err", "-error_file", s.errors}
	all = append(all, args...)
	if server != "" {
		all = append(all, server)
	}
	s.p = run(t, "sipp", find(t, "sipp", "sip-tester"), dir, all...)
	return s
}

// Wait waits until the scenario is over, and fails the test if it did not go as written.
func (s *Player) Wait(t TB, limit time.Duration) {
	t.Helper()
	if err := s.Over(limit); err != nil {
		t.Fatalf("%v\nit said:\n%s", err, tail(s.p.log.String(), 60))
	}
}

// Over waits until the scenario is over, and returns why it did not go as written.
func (s *Player) Over(limit time.Duration) error {
	select {
	case <-s.p.ended:
	case <-time.After(limit):
		s.p.stop()
		return fmt.Errorf("sipp is not through with its scenario after %v", limit)
	}
	if code := s.p.cmd.ProcessState.ExitCode(); code != 0 {
		why, _ := os.ReadFile(s.errors)
		return fmt.Errorf("sipp ends with %d: the scenario went another way: %s", code, why)
	}
	return nil
}
