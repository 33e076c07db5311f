package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/screensaver"
	"github.com/jezek/xgb/xproto"
)

func init() {
	xgb.Logger = log.New(io.Discard, "", 0) // every error comes back from a call too
}

// x11 asks the X server how long ago the last input was (X11 Screen Saver Extension, ScreenSaverQueryInfo). A program that holds off the screen saver
// by XResetScreenSaver counts as input there.
type x11 struct {
	conn *xgb.Conn
	root xproto.Drawable
}

const screenSaverExtension = "MIT-SCREEN-SAVER"

// displayX11 returns the X server of a desktop that is one of X11.
func displayX11(c Config) (string, error) {
	if c.getenv("WAYLAND_DISPLAY") != "" || c.getenv("XDG_SESSION_TYPE") == "wayland" {
		return "", errors.New("this desktop is one of Wayland, where X11 knows only of input to programs of X11")
	}
	display := c.getenv("DISPLAY")
	if display == "" {
		return "", errors.New("DISPLAY is not set")
	}
	return display, nil
}

func openX11(ctx context.Context, c Config) (idleWay, error) {
	display, err := displayX11(c)
	if err != nil {
		return nil, err
	}
	x, err := within(ctx, func() (*x11, error) { return connectX11(display) }, (*x11).close)
	if err != nil {
		return nil, err
	}
	return x, nil
}

func connectX11(display string) (*x11, error) {
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("the X server does not let in: %w", err)
	}
	x := &x11{conn: conn, root: xproto.Drawable(xproto.Setup(conn).DefaultScreen(conn).Root)}
	go func() { // nothing was asked for, but everybody is told of new keymaps, and what nobody takes blocks the connection some day
		for {
			if ev, err := conn.WaitForEvent(); ev == nil && err == nil {
				return
			}
		}
	}()
	extension := func(name string) (*xproto.QueryExtensionReply, error) {
		return xproto.QueryExtension(conn, uint16(len(name)), name).Reply()
	}
	wayland, err := extension("XWAYLAND")
	if err == nil && wayland.Present {
		err = errors.New("this X server is one inside of Wayland, which knows only of input to programs of X11")
	}
	if err != nil {
		x.close()
		return nil, err
	}
	saver, err := extension(screenSaverExtension)
	if err == nil && !saver.Present {
		err = fmt.Errorf("the X server has no extension %s", screenSaverExtension)
	}
	if err != nil {
		x.close()
		return nil, err
	}
	// Not screensaver.Init: it writes to a map that all connections read without a lock. No event of the extension is asked for.
	conn.ExtLock.Lock()
	conn.Extensions[screenSaverExtension] = saver.MajorOpcode
	conn.ExtLock.Unlock()
	return x, nil
}

func (x *x11) close() { x.conn.Close() }

// since returns how long ago the last input was.
func (x *x11) since(ctx context.Context) (time.Duration, error) {
	return within(ctx, func() (time.Duration, error) {
		info, err := screensaver.QueryInfo(x.conn, x.root).Reply()
		if errors.Is(err, io.EOF) {
			return 0, errors.New("the X server has ended")
		}
		if err != nil {
			return 0, err
		}
		return time.Duration(info.MsSinceUserInput) * time.Millisecond, nil
	}, nil)
}

// watch asks again and again: the extension tells nothing by itself.
func (x *x11) watch(ctx context.Context, after time.Duration, tell func(bool, time.Time)) error {
	return askIdle(ctx, after, x.since, tell)
}

// within gives f, which cannot be interrupted, the time that a service has to answer. If f comes later, drop is called with what it returned.
func within[T any](ctx context.Context, f func() (T, error), drop func(T)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result)
	given := make(chan struct{}) // closed: nobody waits any more
	go func() {
		v, err := f()
		select {
		case <-given:
			if err == nil && drop != nil {
				drop(v)
			}
		case done <- result{v, err}:
		}
	}()
	t := time.NewTimer(callTimeout)
	defer t.Stop()
	var none T
	select {
	case r := <-done:
		return r.v, r.err
	case <-t.C:
		close(given)
		return none, fmt.Errorf("no answer within %v", callTimeout)
	case <-ctx.Done():
		close(given)
		return none, context.Cause(ctx)
	}
}
