package probe

import (
	"context"
	"errors"
	"time"
)

// loginIdle is what the desktop tells logind: no input for as long as the desktop is set to. When the last input was is not told.
type loginIdle struct{ *login }

// errNeverTold keeps a hint that nobody sets from counting as input.
var errNeverTold = errors.New("nothing in this session has told logind so far that there was no input")

func openLoginIdle(ctx context.Context, c Config) (idleWay, error) {
	l, err := openLogin(ctx, c)
	if err != nil {
		return nil, err
	}
	return loginIdle{l}, nil
}

func (l loginIdle) hint(ctx context.Context) (idle bool, since time.Time, err error) {
	var us uint64
	if err = l.property(ctx, logind, l.session, logindSession, "IdleHint", &idle); err == nil {
		err = l.property(ctx, logind, l.session, logindSession, "IdleSinceHint", &us) // when the hint last changed, microseconds of Unix time
	}
	if err == nil && us == 0 {
		err = errNeverTold
	}
	return idle, time.UnixMicro(int64(us)), err
}

// watch counts from when the hint was given: idle may be told late by what the desktop waits before it gives one, but never early.
func (l loginIdle) watch(ctx context.Context, after time.Duration, tell func(bool, time.Time)) error {
	for {
		hint, since, err := l.hint(ctx)
		if err != nil {
			return err
		}
		var wait time.Duration
		if hint {
			wait = time.Until(since.Add(after))
		}
		tell(hint && wait <= 0, since)
		if err := l.changed(ctx, max(wait, 0), l.gone); err != nil {
			return err
		}
	}
}
