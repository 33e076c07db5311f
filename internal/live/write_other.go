//go:build !linux && !windows

package live

import (
	"errors"
	"syscall"
)

// writeNow writes what a non-blocking socket takes at once.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	var no syscall.Errno
	if errors.As(err, &no) {
		return 0, no
	}
	return n, 0
}
