// Package lock keeps a second process out of what one has for itself.
package lock

import (
	"errors"
	"os"
)

// ErrHeld is returned by File if another process has the lock.
var ErrHeld = errors.New("locked by another process")

// File makes a file if there is none, and locks it until it is closed. The lock goes with the process, however that ends; the file stays.
func File(path string) (*os.File, error) { return file(path) }
