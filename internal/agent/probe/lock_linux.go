package probe

import (
	"context"
	"slices"
	"strings"
	"time"
)

// statement is what one service says about the lock.
type statement struct {
	who    string // for people
	locked bool
	hints  bool // it tells logind of the lock as well, and there more exactly: here an empty screen counts as locked
}

// news is what can be heard in one place: on the system's bus, where logind is, on the session's, where screen savers are, or from the X server.
type news struct {
	said []statement
	err  error // why there is none
}

// Services that tell of the lock are looked for at least this often if there is no bus; on a bus they tell when they come.
const retryLock = time.Minute

// WatchLock tells whether the screen is locked: at first what is so, then each change, until ctx ends. It returns then. Lost services are looked
// for again for ever. tell is called from this goroutine, never again after the return, and holds up the measuring while it runs.
func WatchLock(ctx context.Context, c Config, tell func(Lock)) {
	ctx, cancel := context.WithCancel(ctx)
	watchers := []func(context.Context, Config, func(news)) error{watchLoginLock, watchSavers, watchXScreenSaver}
	type from struct {
		watcher int
		news
	}
	inbox := make(chan from)
	done := make(chan struct{})
	for i, watch := range watchers {
		go func() {
			defer func() { done <- struct{}{} }()
			send := func(n news) {
				select {
				case inbox <- from{i, n}:
				case <-ctx.Done():
				}
			}
			again(ctx, c, retryLock, func() error { return watch(ctx, c, send) }, func(err error) { send(news{err: err}) })
		}()
	}
	defer func() {
		cancel()
		for range watchers {
			<-done
		}
	}()
	heard := make([]*news, len(watchers))
	var told *Lock
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-inbox:
			heard[n.watcher] = &n.news
		}
		if slices.Contains(heard, nil) {
			continue
		}
		l := combine(*heard[0], *heard[1], *heard[2])
		if told == nil || told.Locked != l.Locked || told.Way != l.Way || !sameWords(told.Err, l.Err) {
			told = &l
			tell(l)
		}
	}
}

// combine returns what logind and the screen savers add up to: locked is what one of them says is.
func combine(login news, savers ...news) (l Lock) {
	var who []string
	all := append([]news{login}, savers...)
	for _, n := range all {
		for _, s := range n.said {
			if s.hints && len(login.said) > 0 {
				continue
			}
			who = append(who, s.who)
			l.Locked = l.Locked || s.locked
		}
	}
	l.Way = strings.Join(who, ", ")
	if len(who) == 0 {
		var why []string
		for _, n := range all {
			if n.err != nil {
				why = append(why, n.err.Error())
			}
		}
		l.Err = &Unmeasured{What: theLock, Why: why}
	}
	return l
}
