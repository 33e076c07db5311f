package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
)

// callTimeout is how long a service of the desktop may take to answer.
const callTimeout = 5 * time.Second

// errBus is that a bus was lost.
var errBus = errors.New("the connection to the message bus broke")

// bus is a connection to a message bus of its own. What comes in signals is a hint that something changed; what is true is asked for, since
// anybody on a bus can send a signal.
type bus struct {
	conn    *dbus.Conn
	signals chan *dbus.Signal // closed when the connection ends
	cancel  context.CancelFunc
}

// sessionBus connects to the bus of the person's session.
func sessionBus(ctx context.Context, c Config) (*bus, error) {
	address := c.getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		folder := c.getenv("XDG_RUNTIME_DIR")
		if folder == "" {
			return nil, errors.New("there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set")
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(folder+"/bus")
	}
	b, err := connectBus(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("the session bus does not answer: %w", err)
	}
	return b, nil
}

// systemBus connects to the bus of the computer.
func systemBus(ctx context.Context, c Config) (*bus, error) {
	address := c.getenv("DBUS_SYSTEM_BUS_ADDRESS")
	if address == "" {
		address = "unix:path=/var/run/dbus/system_bus_socket" // D-Bus Specification, "Well-known Message Bus Instances"
	}
	b, err := connectBus(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("the system bus does not answer: %w", err)
	}
	return b, nil
}

func connectBus(ctx context.Context, address string) (*bus, error) {
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(callTimeout, cancel) // closes the connection, which ends whatever waits for it
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err == nil && !late.Stop() {
		err = fmt.Errorf("no answer within %v", callTimeout)
	}
	if err != nil {
		late.Stop()
		cancel()
		return nil, err
	}
	b := &bus{conn: conn, signals: make(chan *dbus.Signal, 64), cancel: cancel}
	conn.Signal(b.signals)
	return b, nil
}

func (b *bus) close() {
	b.cancel()
	b.conn.Close()
}

// call asks a service, which is not started if it does not run, and stores what it answers in into.
func (b *bus) call(ctx context.Context, service string, path dbus.ObjectPath, method string, args []any, into ...any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return b.conn.Object(service, path).CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...).Store(into...)
}

// property reads a property of a service's object.
func (b *bus) property(ctx context.Context, service string, path dbus.ObjectPath, iface, name string, into any) error {
	var v dbus.Variant
	if err := b.call(ctx, service, path, "org.freedesktop.DBus.Properties.Get", []any{iface, name}, &v); err != nil {
		return err
	}
	return v.Store(into)
}

// runs reports whether somebody owns a name.
func (b *bus) runs(ctx context.Context, service string) (bool, error) {
	var owned bool
	err := b.call(ctx, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", []any{service}, &owned)
	return owned, err
}

// listen has the signals of a service's interface come in, and that the service comes or goes. Signals of one object only if path is not empty.
func (b *bus) listen(ctx context.Context, service string, path dbus.ObjectPath, iface string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	of := []dbus.MatchOption{dbus.WithMatchSender(service), dbus.WithMatchInterface(iface)}
	if path != "" {
		of = append(of, dbus.WithMatchObjectPath(path))
	}
	if err := b.conn.AddMatchSignalContext(ctx, of...); err != nil {
		return err
	}
	return b.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service))
}

// ownerChanged returns the service that a signal says has come or gone.
func ownerChanged(s *dbus.Signal) (service string, ok bool) {
	if s.Sender != "org.freedesktop.DBus" || s.Name != "org.freedesktop.DBus.NameOwnerChanged" || len(s.Body) == 0 {
		return "", false
	}
	service, ok = s.Body[0].(string)
	return service, ok
}

// changed waits for a signal, for as long as wait if that is not zero, and returns errBus if the bus was lost. Signals that come together are one.
func (b *bus) changed(ctx context.Context, wait time.Duration, isGone func(*dbus.Signal) bool) error {
	var timeout <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout:
		return nil
	case s, ok := <-b.signals:
		for {
			if !ok {
				return errBus
			}
			if isGone != nil && isGone(s) {
				return errors.New("the service has ended")
			}
			select {
			case s, ok = <-b.signals:
			default:
				return nil
			}
		}
	}
}
