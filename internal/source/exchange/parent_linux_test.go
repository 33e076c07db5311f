package exchange

import (
	"os/exec"
	"syscall"
)

// endWithParent has a program killed should the tests be.
func endWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
