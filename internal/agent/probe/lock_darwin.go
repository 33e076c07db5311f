package probe

import (
	"context"
	"errors"
	"time"
)

// macOS tells programs of no change of the lock that Apple has documented, so it is asked.
const askLock = 2 * time.Second

// WatchLock tells whether the screen is locked: at first what is so, then each change, about two seconds late at most, until ctx ends. It returns then.
// tell is called from this goroutine, never again after the return. Not run on macOS yet.
func WatchLock(ctx context.Context, _ Config, tell func(Lock)) {
	var told *Lock
	for ctx.Err() == nil {
		l := Lock{Way: "macOS, by the state of the session"}
		var err error
		if l.Locked, err = screenLocked(); err != nil {
			l = Lock{Err: unmeasured(theLock, err)}
		}
		if told == nil || told.Locked != l.Locked || told.Way != l.Way || !sameWords(told.Err, l.Err) {
			told = &l
			tell(l)
		}
		if !pause(ctx, askLock) {
			return
		}
	}
}

// screenLocked asks for the session's dictionary, which has the key only while the screen is locked (not documented by Apple, in use for long).
func screenLocked() (bool, error) {
	if err := loadDesktop(); err != nil {
		return false, err
	}
	session := copySession()
	if session == 0 {
		return false, errors.New("this program is in no session with a screen")
	}
	defer release(session)
	const utf8 = 0x08000100 // kCFStringEncodingUTF8
	key := createString(0, "CGSSessionScreenIsLocked", utf8)
	if key == 0 {
		return false, errors.New("macOS makes no text")
	}
	defer release(key)
	value := dictionaryValue(session, key)
	return value != 0 && typeOf(value) == booleanType() && booleanValue(value), nil
}
