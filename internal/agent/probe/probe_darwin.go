package probe

import (
	"context"
	"errors"
	"time"
)

// WatchIdle tells that input cannot be measured on macOS, and waits until ctx ends.
func WatchIdle(ctx context.Context, _ Config, _ time.Duration, tell func(Idle)) {
	tell(Idle{Err: errors.New("input cannot be measured on macOS by this version")})
	<-ctx.Done()
}

// WatchLock tells that the lock cannot be measured on macOS, and waits until ctx ends.
func WatchLock(ctx context.Context, _ Config, tell func(Lock)) {
	tell(Lock{Err: errors.New("the screen lock cannot be measured on macOS by this version")})
	<-ctx.Done()
}

// WatchMicrophone tells that recording cannot be measured on macOS, and waits until ctx ends.
func WatchMicrophone(ctx context.Context, _ Config, tell func(Microphone)) {
	tell(Microphone{Err: errors.New("the use of the microphone cannot be measured on macOS by this version")})
	<-ctx.Done()
}
