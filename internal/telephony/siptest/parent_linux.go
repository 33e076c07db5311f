package siptest

import (
	"os/exec"
	"syscall"
)

// endWithParent has a program end with the thread that starts it at the latest, so that a test that is killed leaves nothing
// behind. It is asked to, not killed: Kamailio ends its own processes then.
func endWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
