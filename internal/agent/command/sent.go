package command

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// sentLog keeps what was told to the server, for the owner of the computer alone: the latest megabyte or two.
type sentLog struct {
	path string
	mu   sync.Mutex
}

const (
	mostSent    = 1 << 20   // so long a file grows before the next begins; the one before is kept
	longestSent = 256 << 10 // of what is longer its length alone is kept
)

// add enters something that is about to be sent.
func (l *sentLog) add(what string, body any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := json.Marshal(struct {
		At   time.Time `json:"at"`
		What string    `json:"what"`
		Body any       `json:"body"`
	}{time.Now().Truncate(time.Millisecond), what, body})
	if err != nil {
		return err
	}
	if len(line) > longestSent { // else one calendar would push out all the rest
		line, err = json.Marshal(struct {
			At    time.Time `json:"at"`
			What  string    `json:"what"`
			Bytes int       `json:"bytes"`
		}{time.Now().Truncate(time.Millisecond), what, len(line)})
		if err != nil {
			return err
		}
	}
	if s, err := os.Stat(l.path); err == nil && s.Size()+int64(len(line)) > mostSent {
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if s, err := f.Stat(); err == nil && s.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, s.Size()-1); err == nil && last[0] != '\n' { // for the line before there was no room on the disk
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

func (l *sentLog) print(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, path := range []string{l.path + ".1", l.path} {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
