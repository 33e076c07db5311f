package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"
)

// usable reports whether there is a Secret Service (freedesktop.org, draft 0.2) with a collection to keep something in. The error is keyring.ErrUnsupportedPlatform if
// there is none. It is asked first because the library starts a message bus of its own where none is, and cannot tell a keyring that nobody set up from one that
// somebody does not unlock.
func usable(ctx context.Context) error {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" || strings.HasPrefix(address, "autolaunch:") {
		runtime := os.Getenv("XDG_RUNTIME_DIR")
		if runtime == "" {
			runtime = filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
		}
		socket := filepath.Join(runtime, "bus")
		if _, err := os.Stat(socket); err != nil {
			return keyring.ErrUnsupportedPlatform
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(socket)
	}
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return keyring.ErrUnsupportedPlatform
	}
	defer conn.Close()
	service := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	var collection dbus.ObjectPath
	if err := service.CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("the keyring does not answer: %w", ctx.Err())
		}
		if _, said := errors.AsType[dbus.Error](err); said { // nobody has the name, or can be started for it
			return keyring.ErrUnsupportedPlatform
		}
		return err
	}
	if collection != "/" {
		return nil
	}
	all, err := service.GetProperty("org.freedesktop.Secret.Service.Collections")
	if err != nil {
		return err
	}
	if paths, ok := all.Value().([]dbus.ObjectPath); ok && slices.Contains(paths, "/org/freedesktop/secrets/collection/login") { // the library takes that one
		return nil
	}
	return keyring.ErrUnsupportedPlatform
}
