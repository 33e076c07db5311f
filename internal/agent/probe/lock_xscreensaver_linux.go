package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// xScreenSaver is what XScreenSaver says on the X server: a property of the first screen's root window, whose first number is 0 or the atom BLANK or
// LOCK (observed with 6.06, and so in xscreensaver.c). The property stays when XScreenSaver is killed, so its window is looked for too.
type xScreenSaver struct {
	conn                  *xgb.Conn
	root                  xproto.Window
	status, version, lock xproto.Atom
	changed               chan struct{} // has one element if something may have changed; closed when the connection ends
	window                xproto.Window // XScreenSaver's own; 0: not found
}

var errNoXScreenSaver = errors.New("XScreenSaver does not run")

// watchXScreenSaver says whether XScreenSaver has locked the screen, if it runs.
func watchXScreenSaver(ctx context.Context, c Config, say func(news)) error {
	display, err := displayX11(c)
	if err != nil {
		return fmt.Errorf("XScreenSaver: %w", err)
	}
	x, err := within(ctx, func() (*xScreenSaver, error) { return connectXScreenSaver(display) }, (*xScreenSaver).close)
	if err != nil {
		return fmt.Errorf("XScreenSaver: %w", err)
	}
	defer x.close()
	for {
		type state struct{ runs, set, locked bool }
		s, err := within(ctx, func() (s state, err error) {
			if s.set, s.locked, err = x.read(); err == nil && s.set {
				s.runs, err = x.find()
			}
			return s, err
		}, nil)
		if err != nil {
			return fmt.Errorf("XScreenSaver: %w", err)
		}
		n := news{err: errNoXScreenSaver}
		var soon <-chan time.Time
		switch {
		case s.runs:
			n = news{said: []statement{{who: "XScreenSaver", locked: s.locked}}}
		case s.set: // it has ended, or begins
			soon = time.After(10 * minAfter)
		}
		say(n)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case _, ok := <-x.changed:
			if !ok {
				return errors.New("the X server has ended")
			}
		case <-soon:
		}
	}
}

func connectXScreenSaver(display string) (*xScreenSaver, error) {
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("the X server does not let in: %w", err)
	}
	x := &xScreenSaver{conn: conn, root: xproto.Setup(conn).Roots[0].Root, changed: make(chan struct{}, 1)}
	err = xproto.ChangeWindowAttributesChecked(conn, x.root, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check()
	for name, atom := range map[string]*xproto.Atom{"_SCREENSAVER_STATUS": &x.status, "_SCREENSAVER_VERSION": &x.version, "LOCK": &x.lock} {
		var reply *xproto.InternAtomReply
		if err == nil {
			if reply, err = xproto.InternAtom(conn, false, uint16(len(name)), name).Reply(); err == nil {
				*atom = reply.Atom
			}
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	go x.events(x.status)
	return x, nil
}

func (x *xScreenSaver) close() { x.conn.Close() }

// events passes on that something may have changed: others change the root window's properties all the time.
func (x *xScreenSaver) events(status xproto.Atom) {
	defer close(x.changed)
	for {
		ev, err := x.conn.WaitForEvent()
		if ev == nil && err == nil {
			return
		}
		p, isProperty := ev.(xproto.PropertyNotifyEvent)
		_, isEnd := ev.(xproto.DestroyNotifyEvent)
		if isProperty && p.Atom == status || isEnd {
			select {
			case x.changed <- struct{}{}:
			default:
			}
		}
	}
}

// read returns whether there is a status, and whether it is that the screen is locked.
func (x *xScreenSaver) read() (set, locked bool, err error) {
	p, err := xproto.GetProperty(x.conn, false, x.root, x.status, xproto.AtomInteger, 0, 1).Reply()
	if err != nil {
		return false, false, err
	}
	if p.Format != 32 || len(p.Value) < 4 {
		return false, false, nil
	}
	return true, xproto.Atom(binary.LittleEndian.Uint32(p.Value)) == x.lock, nil // xgb speaks the little endian protocol
}

// find looks for XScreenSaver's window, and has its end told.
func (x *xScreenSaver) find() (bool, error) {
	has := func(w xproto.Window) bool {
		p, err := xproto.GetProperty(x.conn, false, w, x.version, xproto.AtomString, 0, 1).Reply()
		return err == nil && p.Format == 8
	}
	if x.window != 0 && has(x.window) {
		return true, nil
	}
	x.window = 0
	tree, err := xproto.QueryTree(x.conn, x.root).Reply()
	if err != nil {
		return false, err
	}
	for _, w := range tree.Children {
		if !has(w) {
			continue
		}
		if xproto.ChangeWindowAttributesChecked(x.conn, w, xproto.CwEventMask, []uint32{xproto.EventMaskStructureNotify}).Check() == nil {
			x.window = w
			return true, nil
		}
	}
	return false, nil
}
