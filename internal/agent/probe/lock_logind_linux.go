package probe

import (
	"context"
	"fmt"
)

// watchLoginLock says what logind has been told of the lock (LockedHint). The signals Lock and Unlock ask a locker for something, and there need be
// none: they have the hint read again, no more.
func watchLoginLock(ctx context.Context, c Config, say func(news)) error {
	l, err := openLogin(ctx, c)
	if err != nil {
		return err
	}
	defer l.close()
	for {
		s := statement{who: "logind"}
		if err := l.property(ctx, logind, l.session, logindSession, "LockedHint", &s.locked); err != nil {
			return fmt.Errorf("logind does not tell of the lock: %w", err)
		}
		say(news{said: []statement{s}})
		if err := l.changed(ctx, 0, l.gone); err != nil {
			return fmt.Errorf("logind: %w", err)
		}
	}
}
