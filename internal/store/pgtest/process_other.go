//go:build !linux

package pgtest

import "syscall"

// processAttr is for systems where a program does not end with its parent and nobody tests as root.
func processAttr(int, int) *syscall.SysProcAttr { return nil }
