package command

import (
	"os"

	"golang.org/x/sys/windows"
)

// there reports whether something is behind a file. Stat would say less: it knows nothing of some files that can be written to.
func there(f *os.File) bool {
	kind, err := windows.GetFileType(windows.Handle(f.Fd()))
	return err == nil && kind != windows.FILE_TYPE_UNKNOWN
}
