//go:build !windows

package command

import "os"

// there reports whether something is behind a file.
func there(f *os.File) bool {
	_, err := f.Stat()
	return err == nil
}
