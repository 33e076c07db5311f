package probe

import (
	"context"
	"errors"
)

var idleWays = []openIdle{{name: "macOS", open: func(context.Context, Config) (idleWay, error) {
	return nil, errors.New("not by this version")
}}}

// WatchLock tells that the lock cannot be measured on macOS, and waits until ctx ends.
func WatchLock(ctx context.Context, _ Config, tell func(Lock)) {
	tell(Lock{Err: errors.New("the screen lock cannot be measured on macOS by this version")})
	<-ctx.Done()
}

// watchRecorders tells that recording cannot be measured.
func watchRecorders(context.Context, Config, func(recorders)) error {
	return errors.New("not on macOS by this version")
}

// WatchEnd waits until ctx ends: macOS ends programs by SIGTERM, which is the caller's to handle.
func WatchEnd(ctx context.Context, _ Config, _ func()) { <-ctx.Done() }
