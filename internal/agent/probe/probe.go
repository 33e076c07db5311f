// Package probe measures, on the computer that it runs on, what a person's presence follows there: whether there is input, whether the screen is
// locked, which programs record from a microphone, and when the session ends. It asks the system's own services, and where they tell nothing it says so in words instead of
// guessing. What it means for a presence, and what of it may leave the computer, is decided by others.
//
// There is one function for each probe, the same on every system: WatchIdle, WatchLock, WatchMicrophone and WatchEnd.
package probe

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"
)

// Config is what every probe can be given. Its zero value measures the session that the program runs in.
type Config struct {
	// Getenv reads the session's environment, which says where its services are; nil: os.Getenv. The X authority file is always the process's own.
	Getenv func(string) string
	// Log is told, at level Debug, of ways that were tried and of services that were lost; nil: nothing is logged.
	Log *slog.Logger
}

func (c Config) getenv(key string) string {
	if c.Getenv == nil {
		return os.Getenv(key)
	}
	return c.Getenv(key)
}

func (c Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// Idle is what is known about input from keyboard, mouse and the like.
type Idle struct {
	Idle  bool      // there has been none for as long as was asked for
	Since time.Time // of the last input, as nearly as the way knows it; zero unless Idle
	Way   string    // how it is measured, for people; empty if Err is set
	Err   error     // why it cannot be measured now, for people; nil: it is measured
}

// Lock is what is known about the session's screen lock.
type Lock struct {
	Locked bool
	Way    string // who tells, for people; empty if Err is set. A locker that tells none of these is not seen.
	Err    error  // why it cannot be measured now, for people; nil: it is measured
}

// Program is a program that records from a microphone.
type Program struct {
	// Name is that of the program's file, without folder and .exe, as the system has it: "zoom", "chrome". If that is not known, it is the name
	// that the program gives itself. Several processes of one name are one program.
	Name  string
	Since time.Time // when it began
}

// Microphone is what is known about recording.
type Microphone struct {
	Programs []Program // sorted by name; none if nobody records
	Way      string    // who tells, for people; empty if Err is set
	Err      error     // why it cannot be measured now, for people; nil: it is measured
}

// Unmeasured is that something cannot be measured now, and why: the Err of Idle, Lock and Microphone, but for a lock that Windows does not tell of at first.
type Unmeasured struct {
	What string // "input", "the lock", "the microphone"
	Why  []string
}

const (
	theInput      = "input"
	theLock       = "the lock"
	theMicrophone = "the microphone"
)

// Error says it in one line, such as "input cannot be measured here: logind does not run".
func (u *Unmeasured) Error() string {
	return u.What + " cannot be measured here: " + strings.Join(u.Why, "; ")
}

// unmeasured is Unmeasured for one reason.
func unmeasured(what string, why error) error {
	return &Unmeasured{What: what, Why: []string{why.Error()}}
}

// minAfter is the shortest time without input that can be watched for: nothing is asked more often than that.
const minAfter = time.Second

// pause waits for d, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// again runs f for ever, with pauses that grow up to most while it fails at once, and says why it failed.
func again(ctx context.Context, c Config, most time.Duration, f func() error, say func(error)) {
	const first = time.Second
	retry := first
	for {
		began := time.Now()
		err := f()
		if ctx.Err() != nil {
			return
		}
		c.log().Debug("probe: a service was lost or is not there", "err", err)
		say(err)
		if time.Since(began) > most {
			retry = first
		}
		if !pause(ctx, retry) {
			return
		}
		retry = min(2*retry, most)
	}
}
