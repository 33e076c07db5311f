package slapdtest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the program end with the thread that starts it at the latest, so that a test that is killed
// leaves nothing behind.
func endWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
