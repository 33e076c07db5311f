package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doorlight/doorlight/internal/lock"
)

// lock makes the data folder and keeps other servers out of it until the file that it returns is closed. The lock goes
// with the process, however that ends; the file stays.
func (c *config) lock() (*os.File, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(c.Data, "doorlight.lock")
	f, err := lock.File(path)
	if errors.Is(err, lock.ErrHeld) {
		return nil, fmt.Errorf("another server runs on %s", c.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
