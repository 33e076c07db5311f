package crash

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the server if the test is killed itself.
func endWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
