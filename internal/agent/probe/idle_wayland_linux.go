package probe

import (
	"context"
	"errors"
	"slices"
	"time"
)

// waylandIdle is what a compositor of Wayland tells of input (ext-idle-notify-v1.xml, of wayland-protocols): that there has been none for as long as one
// asks for, counted from when one asks, and that there is again. In its first version a program that holds off the screen saver counts as input.
type waylandIdle struct {
	*wayland
	registry, notifier uint32
	version            uint32   // of the notifier
	names              []uint32 // the registry's, of whose input is told
	seats              []uint32 // the same, as objects
}

const (
	idleNotifier  = "ext_idle_notifier_v1"
	waylandSeat   = "wl_seat"
	eventGlobal   = 0 // of wl_registry: a number, an interface and its version
	eventRemove   = 1 // of wl_registry: the number of what is not there any more
	eventIdled    = 0 // of ext_idle_notification_v1
	eventResumed  = 1
	requestBind   = 0 // of wl_registry
	requestNotify = 1 // of ext_idle_notifier_v1: get_idle_notification
	requestInput  = 2 // the same, of input alone, from version 2 on: get_input_idle_notification
)

func openWayland(ctx context.Context, c Config) (_ idleWay, err error) {
	conn, err := connectWayland(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.close()
		}
	}()
	defer context.AfterFunc(ctx, conn.close)()
	w := &waylandIdle{wayland: conn, registry: conn.object()}
	// Once the callback has come, all globals have.
	callback := w.object()
	if err := w.send(waylandDisplay, 1, w.registry); err != nil { // get_registry
		return nil, err
	}
	if err := w.send(waylandDisplay, 0, callback); err != nil { // sync
		return nil, err
	}
	w.conn.SetReadDeadline(time.Now().Add(callTimeout))
	var notifier uint32
	for {
		m, err := w.read()
		if err != nil {
			return nil, err
		}
		if m.object == callback {
			break
		}
		switch name, what, version := w.global(m); what {
		case waylandSeat:
			w.names = append(w.names, name)
		case idleNotifier:
			notifier, w.version = name, min(version, 2)
		}
	}
	w.conn.SetReadDeadline(time.Time{})
	switch {
	case w.version == 0:
		return nil, errors.New("the compositor does not tell of input (it has no " + idleNotifier + ")")
	case len(w.names) == 0:
		return nil, errors.New("the compositor has nobody's keyboard or mouse (it has no " + waylandSeat + ")")
	}
	w.notifier = w.object()
	if err := w.send(w.registry, requestBind, notifier, idleNotifier, w.version, w.notifier); err != nil {
		return nil, err
	}
	for _, name := range w.names {
		seat := w.object()
		if err := w.send(w.registry, requestBind, name, waylandSeat, uint32(1), seat); err != nil {
			return nil, err
		}
		w.seats = append(w.seats, seat)
	}
	return w, nil
}

// global returns what a message says that there is; what is empty if it says something else.
func (w *waylandIdle) global(m waylandMessage) (name uint32, what string, version uint32) {
	if m.object != w.registry || m.op != eventGlobal {
		return 0, "", 0
	}
	name, rest, _ := waylandNumber(m.body)
	what, rest, _ = waylandText(rest)
	version, _, ok := waylandNumber(rest)
	if !ok {
		return 0, "", 0
	}
	return name, what, version
}

// watch has itself told of each seat: there is no input while there is none at any.
func (w *waylandIdle) watch(ctx context.Context, after time.Duration, tell func(bool, time.Time)) error {
	defer context.AfterFunc(ctx, w.close)()
	request := uint16(requestNotify)
	if w.version >= 2 {
		request = requestInput
	}
	ms := min(after.Milliseconds(), 1<<32-1)
	idle := make(map[uint32]bool, len(w.seats)) // by notification
	for _, seat := range w.seats {
		notification := w.object()
		idle[notification] = false
		if err := w.send(w.notifier, request, notification, uint32(ms), seat); err != nil {
			return err
		}
	}
	tell(false, time.Time{})
	for {
		m, err := w.read()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if _, what, _ := w.global(m); what == waylandSeat {
			return errors.New("there are other keyboards or mice")
		}
		if name, _, ok := waylandNumber(m.body); ok && m.object == w.registry && m.op == eventRemove && slices.Contains(w.names, name) {
			return errors.New("there are other keyboards or mice")
		}
		if _, ok := idle[m.object]; !ok || m.op > eventResumed {
			continue
		}
		idle[m.object] = m.op == eventIdled
		all := true
		for _, i := range idle {
			all = all && i
		}
		tell(all, time.Now().Add(-after))
	}
}
