package probe

import "time"

// sinceTick returns how long ago a tick of Windows was: milliseconds since it was started, in 32 bits, so that they begin again every 49.7 days. A tick
// that is a little ahead of now is now: the two are not read at one time.
func sinceTick(now, tick uint32) time.Duration {
	const ahead = 60_000
	if ago := now - tick; ago <= 1<<32-1-ahead {
		return time.Duration(ago) * time.Millisecond
	}
	return 0
}
