//go:build !linux

package siptest

import "os/exec"

// endWithParent does nothing: only Linux can tie a program to the one that started it.
func endWithParent(*exec.Cmd) {}
