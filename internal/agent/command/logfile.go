package command

import (
	"errors"
	"io"
	"os"
	"sync"
)

// mostLogged is how long the log grows, in bytes, before it begins anew; the one before is kept.
const mostLogged = 1 << 20

// boundedFile is a log file that does not grow for ever.
type boundedFile struct {
	path string
	mu   sync.Mutex
}

// Write appends to the file, which is open for that long only: logs are rare.
func (b *boundedFile) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, err := os.Stat(b.path); err == nil && s.Size()+int64(len(p)) > mostLogged {
		if err := os.Rename(b.path, b.path+".1"); err != nil {
			return 0, err
		}
	}
	f, err := os.OpenFile(b.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(p)
	return n, errors.Join(err, f.Close())
}

// goesNowhere reports whether what is written to w is lost: a program of Windows that was not started from a console has none to write to.
func goesNowhere(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && !there(f)
}
