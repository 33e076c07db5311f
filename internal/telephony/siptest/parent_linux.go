package siptest

import (
	"os/exec"
	"syscall"
)

// endWithParent has a program end with the thread that starts it at the latest, so that a test that is killed leaves nothing
// behind. It is asked to, not killed: Kamailio ends its own processes then. It gets a group of its own, for killGroup.
func endWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}

// killGroup kills what a program left behind when it ended: Kamailio forgets those that it is about to start.
func killGroup(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
