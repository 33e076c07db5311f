package probe

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
)

// org.freedesktop.login1(5)
const (
	logind        = "org.freedesktop.login1"
	logindManager = "org.freedesktop.login1.Manager"
	logindSession = "org.freedesktop.login1.Session"
	logindPath    = "/org/freedesktop/login1"
	properties    = "org.freedesktop.DBus.Properties"
)

// login is the person's session, as logind knows it.
type login struct {
	*bus
	session dbus.ObjectPath
}

// openLogin finds the session that the program belongs to, or else the one in which its user sees things: a program that is started by the
// user's service manager is in none.
func openLogin(ctx context.Context, c Config) (_ *login, err error) {
	b, err := systemBus(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if runs, err := b.runs(ctx, logind); err != nil {
		return nil, err
	} else if !runs {
		return nil, errors.New("logind does not run")
	}
	l := &login{bus: b}
	if l.session, err = b.sessionPath(ctx, c); err != nil {
		return nil, err
	}
	if err := b.listen(ctx, logind, l.session, properties); err != nil {
		return nil, err
	}
	if err := b.listen(ctx, logind, l.session, logindSession); err != nil {
		return nil, err
	}
	return l, nil
}

func (b *bus) sessionPath(ctx context.Context, c Config) (dbus.ObjectPath, error) {
	var path dbus.ObjectPath
	if id := c.getenv("XDG_SESSION_ID"); id != "" {
		if b.call(ctx, logind, logindPath, logindManager+".GetSession", []any{id}, &path) == nil {
			return path, nil
		}
	}
	if b.call(ctx, logind, logindPath, logindManager+".GetSessionByPID", []any{uint32(os.Getpid())}, &path) == nil {
		return path, nil
	}
	var user dbus.ObjectPath
	if err := b.call(ctx, logind, logindPath, logindManager+".GetUser", []any{uint32(os.Getuid())}, &user); err != nil {
		return "", fmt.Errorf("logind knows no session of this user: %w", err)
	}
	var display struct {
		ID   string
		Path dbus.ObjectPath
	}
	if err := b.property(ctx, logind, user, "org.freedesktop.login1.User", "Display", &display); err != nil {
		return "", fmt.Errorf("logind does not tell this user's session: %w", err)
	}
	if display.ID == "" {
		return "", errors.New("logind knows no session of this user with a screen")
	}
	return display.Path, nil
}

// gone reports whether a signal says that logind came or went: then everything is asked anew.
func (l *login) gone(s *dbus.Signal) bool {
	service, ok := ownerChanged(s)
	return ok && service == logind
}
