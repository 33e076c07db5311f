package probe

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// WatchEnd tells when the computer is about to shut down or restart, each time it is, until ctx ends. It returns then. logind tells of it, and waits
// until tell has returned, but no longer than it is set to (InhibitDelayMaxSec, five seconds) and only if it lets this user delay it. Without logind
// nothing is told. That a session ends is told to its programs by SIGTERM or SIGHUP, which are the caller's to handle. tell is called from this
// goroutine, and never again after the return.
func WatchEnd(ctx context.Context, c Config, tell func()) {
	again(ctx, c, retryLock, func() error { return watchShutdown(ctx, c, tell) }, func(error) {})
}

// watchShutdown has logind wait for tell at each shutdown, until logind is lost.
func watchShutdown(ctx context.Context, c Config, tell func()) error {
	b, err := systemBus(ctx, c)
	if err != nil {
		return err
	}
	defer b.close()
	if runs, err := b.runs(ctx, logind); err != nil {
		return err
	} else if !runs {
		return errors.New("logind does not run")
	}
	if err := b.listen(ctx, logind, logindPath, logindManager); err != nil {
		return err
	}
	delay := b.delayShutdown(ctx, c)
	defer func() { delay() }()
	gone := func(s *dbus.Signal) bool { service, ok := ownerChanged(s); return ok && service == logind }
	told := false
	for {
		var ending bool
		if err := b.property(ctx, logind, logindPath, logindManager, "PreparingForShutdown", &ending); err != nil {
			return fmt.Errorf("logind does not tell of a shutdown: %w", err)
		}
		switch {
		case ending && !told:
			tell()
			delay()
			delay = func() {}
		case !ending && told: // it was called off
			delay = b.delayShutdown(ctx, c)
		}
		told = ending
		if err := b.changed(ctx, 0, gone); err != nil {
			return fmt.Errorf("logind: %w", err)
		}
	}
}

// delayShutdown asks logind to wait before it shuts down, until the function that it returns is called. Without the right to, nobody waits.
func (b *bus) delayShutdown(ctx context.Context, c Config) (release func()) {
	var lock dbus.UnixFD
	err := b.call(ctx, logind, logindPath, logindManager+".Inhibit", []any{"shutdown", "Doorlight", "The server is told that the session ends", "delay"}, &lock)
	if err != nil {
		c.log().Debug("probe: logind will not wait before it shuts down", "err", err)
		return func() {}
	}
	return func() { syscall.Close(int(lock)) }
}
