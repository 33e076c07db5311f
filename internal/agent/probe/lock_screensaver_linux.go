package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// savers are the screen savers that tell by D-Bus whether they are active, each by a name of its own: GetActive and ActiveChanged.
var savers = []struct {
	who     string
	service string // its interface has the same name
	paths   []dbus.ObjectPath
	hints   bool
}{
	{"GNOME's screen saver", "org.gnome.ScreenSaver", []dbus.ObjectPath{"/org/gnome/ScreenSaver"}, true},
	{"the desktop's screen saver", "org.freedesktop.ScreenSaver", []dbus.ObjectPath{"/org/freedesktop/ScreenSaver", "/ScreenSaver"}, false}, // KDE
	{"MATE's screen saver", "org.mate.ScreenSaver", []dbus.ObjectPath{"/org/mate/ScreenSaver"}, false},
	{"Cinnamon's screen saver", "org.cinnamon.ScreenSaver", []dbus.ObjectPath{"/org/cinnamon/ScreenSaver"}, false},
	{"Xfce's screen saver", "org.xfce.ScreenSaver", []dbus.ObjectPath{"/org/xfce/ScreenSaver"}, false},
}

// errNoSaver is that none runs, or that those that do tell nothing: some own a name only to be held off by it.
var errNoSaver = errors.New("no screen saver runs that tells (GNOME, KDE, MATE, Cinnamon, Xfce)")

// watchSavers says what the screen savers tell. Which ones run may change.
func watchSavers(ctx context.Context, c Config, say func(news)) error {
	b, err := sessionBus(ctx, c)
	if err != nil {
		return err
	}
	defer b.close()
	for _, s := range savers {
		if err := b.listen(ctx, s.service, "", s.service); err != nil {
			return err
		}
	}
	for {
		n := news{err: errNoSaver}
		for _, s := range savers {
			runs, err := b.runs(ctx, s.service)
			if err != nil {
				return err
			}
			if !runs {
				continue
			}
			for _, path := range s.paths {
				var active bool
				if err := b.call(ctx, s.service, path, s.service+".GetActive", nil, &active); err != nil {
					c.log().Debug("probe: a screen saver does not tell", "service", s.service, "err", err)
					continue
				}
				n.said = append(n.said, statement{s.who, active, s.hints})
				n.err = nil
				break
			}
		}
		say(n)
		if err := b.changed(ctx, 0, nil); err != nil {
			return fmt.Errorf("screen savers: %w", err)
		}
	}
}
