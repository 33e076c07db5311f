package probe

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"
)

// mutter is GNOME's compositor, of X11 and of Wayland (org.gnome.Mutter.IdleMonitor.xml in its sources).
type mutter struct{ *bus }

const (
	mutterName = "org.gnome.Mutter.IdleMonitor" // of the service and of its interface
	mutterPath = "/org/gnome/Mutter/IdleMonitor/Core"
)

func openMutter(ctx context.Context, c Config) (idleWay, error) {
	b, err := sessionBus(ctx, c)
	if err != nil {
		return nil, err
	}
	runs, err := b.runs(ctx, mutterName)
	if err == nil && !runs {
		err = errors.New("it does not run")
	}
	if err == nil {
		err = b.listen(ctx, mutterName, mutterPath, mutterName)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return mutter{b}, nil
}

func (m mutter) gone(s *dbus.Signal) bool {
	service, ok := ownerChanged(s)
	return ok && service == mutterName
}

// watch asks when there can have been no input for long enough, and has itself told when there is again. Mutter could tell the former too, but does
// not while a program holds off the screen saver, as one that shows a film does: that is no input.
func (m mutter) watch(ctx context.Context, after time.Duration, tell func(bool, time.Time)) error {
	idletime := func() (time.Duration, error) {
		var ms uint64
		err := m.call(ctx, mutterName, mutterPath, mutterName+".GetIdletime", nil, &ms)
		return time.Duration(ms) * time.Millisecond, err
	}
	for {
		since, err := idletime()
		if err != nil {
			return err
		}
		if since < after {
			tell(false, time.Time{})
			if err := m.changed(ctx, max(after-since, minAfter), m.gone); err != nil {
				return err
			}
			continue
		}
		tell(true, time.Now().Add(-since))
		// The watch is over once it has been told of.
		var watch uint32
		if err := m.call(ctx, mutterName, mutterPath, mutterName+".AddUserActiveWatch", nil, &watch); err != nil {
			return err
		}
		// There may have been input just before the watch was there: it is looked at again soon, and later for good measure.
		for wait := minAfter; ; wait = time.Minute {
			if err := m.changed(ctx, wait, m.gone); err != nil {
				return err
			}
			if since, err = idletime(); err != nil {
				return err
			}
			if since < after {
				break
			}
		}
		// Of a watch that has been told of Mutter knows nothing any more, and that is no trouble.
		if err := m.call(ctx, mutterName, mutterPath, mutterName+".RemoveWatch", []any{watch}); err != nil {
			var refused dbus.Error
			if !errors.As(err, &refused) {
				return err
			}
		}
	}
}
