package probe

import (
	"context"
	"time"

	"golang.org/x/sys/windows"
)

// endPatience is how long Windows is kept waiting at the end of a session. It ends a program that takes more than five seconds (HungAppTimeout).
const endPatience = 3 * time.Second

// WatchEnd tells when the session ends, the computer shuts down or restarts, or somebody asks the program to end (as taskkill and installers do), each
// time, until ctx ends. It returns then. Windows waits until tell has returned, but no longer than three seconds, and ends the program after that:
// what is to be done must be done in tell. A program with windows, as this one is, gets no signals at that time. tell is called from this goroutine,
// and never again after the return.
func WatchEnd(ctx context.Context, c Config, tell func()) {
	ctx, cancel := context.WithCancel(ctx)
	inbox, done := make(chan chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		again(ctx, c, retrySession, func() error { return watchSessionEnd(ctx, inbox) }, func(error) {})
	}()
	defer func() { cancel(); <-done }()
	for {
		select {
		case <-ctx.Done():
			return
		case finished := <-inbox:
			if ctx.Err() == nil {
				tell()
			}
			close(finished)
		}
	}
}

// watchSessionEnd sends what to close once the end has been told, and keeps Windows waiting until then.
func watchSessionEnd(ctx context.Context, inbox chan<- chan struct{}) error {
	ending := func() {
		late := time.NewTimer(endPatience)
		defer late.Stop()
		finished := make(chan struct{})
		select {
		case inbox <- finished:
		case <-ctx.Done():
			return
		case <-late.C:
			return
		}
		select {
		case <-finished:
		case <-late.C:
		}
	}
	return runWindow(ctx, "end", func(windows.HWND) error { return nil }, func(m windowMessage) (uintptr, bool) {
		switch m.id {
		case wmQueryEndSession:
			return 1, true // nothing stands against it; whether it comes about is told by the next message
		case wmEndSession:
			if m.wParam != 0 { // else it was called off
				ending()
			}
			return 0, true
		case wmClose:
			ending()
			return 0, true
		}
		return 0, false
	})
}
