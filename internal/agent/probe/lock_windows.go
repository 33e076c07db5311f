package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	wtsapi32 = windows.NewLazySystemDLL("wtsapi32.dll")

	registerSessionNotification   = wtsapi32.NewProc("WTSRegisterSessionNotification")
	unregisterSessionNotification = wtsapi32.NewProc("WTSUnRegisterSessionNotification")
	querySessionInformation       = wtsapi32.NewProc("WTSQuerySessionInformationW")
)

const (
	lockWay = "Windows, by the changes of the session"

	// The service that tells of sessions may be there only some time after Windows has started.
	retrySession = time.Minute

	wtsSessionLock, wtsSessionUnlock = 7, 8 // WTS_SESSION_LOCK, WTS_SESSION_UNLOCK
)

// errLockUnknown is that a lock that there was before is not known of.
var errLockUnknown = errors.New("whether the screen is locked is known from the next lock or unlock on: Windows does not tell what is so now")

// WatchLock tells whether the screen is locked: at first what is so, then each change, until ctx ends. It returns then. Where Windows does not tell what
// is so at first, Err says that it is known from the first change on. tell is called from this goroutine, never again after the return.
func WatchLock(ctx context.Context, c Config, tell func(Lock)) {
	ctx, cancel := context.WithCancel(ctx)
	inbox, done := make(chan Lock, 16), make(chan struct{}) // Windows is not to wait for tell
	send := func(l Lock) {
		select {
		case inbox <- l:
		case <-ctx.Done():
		}
	}
	go func() {
		defer close(done)
		again(ctx, c, retrySession, func() error { return watchSession(ctx, c, send) }, func(err error) {
			send(Lock{Err: unmeasured(theLock, err)})
		})
	}()
	defer func() { cancel(); <-done }()
	var told *Lock
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-inbox:
			if ctx.Err() == nil && (told == nil || told.Locked != l.Locked || told.Way != l.Way || !sameWords(told.Err, l.Err)) {
				told = &l
				tell(l)
			}
		}
	}
}

// watchSession says what Windows tells a hidden window of the session.
func watchSession(ctx context.Context, c Config, say func(Lock)) error {
	var registered windows.HWND
	return runWindow(ctx, "lock", func(window windows.HWND) error {
		const thisSession = 0 // NOTIFY_FOR_THIS_SESSION
		if ok, _, err := registerSessionNotification.Call(uintptr(window), thisSession); ok == 0 {
			return fmt.Errorf("Windows does not tell of the session's changes: %w", err)
		}
		registered = window
		locked, err := sessionLocked()
		if err != nil {
			c.log().Debug("probe: the lock is not known at first", "err", err)
			say(Lock{Err: errLockUnknown})
			return nil
		}
		say(Lock{Locked: locked, Way: lockWay})
		return nil
	}, func(m windowMessage) (uintptr, bool) {
		switch {
		case m.id == wmWTSSessionChange && (m.wParam == wtsSessionLock || m.wParam == wtsSessionUnlock):
			say(Lock{Locked: m.wParam == wtsSessionLock, Way: lockWay})
		case m.id == wmDestroy && registered != 0:
			unregisterSessionNotification.Call(uintptr(registered))
		}
		return 0, false
	})
}

// sessionLocked asks whether this session is locked (WTSSessionInfoEx).
func sessionLocked() (bool, error) {
	const currentSession, sessionInfoEx = 0xFFFFFFFF, 25 // WTS_CURRENT_SESSION, WTSSessionInfoEx
	type infoEx struct {                                 // WTSINFOEXW, up to what is read; what follows holds 64 bit values, hence the gap
		level, _       uint32
		session, state uint32
		flags          uint32
	}
	var info *infoEx
	var size uint32
	if ok, _, err := querySessionInformation.Call(0, currentSession, sessionInfoEx, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size))); ok == 0 {
		return false, fmt.Errorf("Windows does not tell of the session: %w", err)
	}
	defer windows.WTSFreeMemory(uintptr(unsafe.Pointer(info)))
	if size < uint32(unsafe.Sizeof(*info)) || info.level != 1 {
		return false, fmt.Errorf("Windows tells of the session in a form that is not known: level %d, %d bytes", info.level, size)
	}
	switch info.flags { // WTS_SESSIONSTATE_LOCK, WTS_SESSIONSTATE_UNLOCK
	case 0:
		return true, nil
	case 1:
		return false, nil
	}
	return false, fmt.Errorf("Windows does not know whether the session is locked: flags %#x", info.flags)
}
