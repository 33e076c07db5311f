package pgtest

import "syscall"

// processAttr runs a program as the given user, or as this one if uid is negative, and ends it with its parent.
func processAttr(uid, gid int) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if uid >= 0 {
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attr
}
