package probe

import (
	"context"
	"fmt"
	"time"
)

// idleWay is a way to know of input.
type idleWay interface {
	// watch tells whether there has been no input for after and, if so, of when the last was; at first and whenever that changes, and perhaps more
	// often. It does so until ctx ends or the way fails, and returns why.
	watch(ctx context.Context, after time.Duration, tell func(idle bool, since time.Time)) error
	close()
}

// openIdle is a way that a system has to know of input. Each system lists its own in idleWays, the best first.
type openIdle struct {
	name string // for people
	last bool   // a makeshift: the others are tried again after a while
	open func(context.Context, Config) (idleWay, error)
}

const (
	// Ways are tried again after a while when none is there: a desktop that starts has some of them only later.
	retryIdleFirst, retryIdleMost = 2 * time.Second, time.Minute
	makeshiftFor                  = 10 * time.Minute
)

// WatchIdle tells when there has been no input for after, and when there is again: at first what is so, then each change, until ctx ends. It returns
// then. Less than a second counts as one. Activity is told within about a second. After a failure the ways are tried again for ever, and Err says why
// none is possible. tell is called from this goroutine, never again after the return, and holds up the measuring while it runs.
func WatchIdle(ctx context.Context, c Config, after time.Duration, tell func(Idle)) {
	after = max(after, minAfter)
	var told *Idle
	say := func(i Idle) {
		if ctx.Err() != nil || told != nil && told.Idle == i.Idle && told.Way == i.Way && sameWords(told.Err, i.Err) {
			return
		}
		told = &i
		tell(i)
	}
	retry := retryIdleFirst
	for ctx.Err() == nil {
		var why []string
		measured := false
		for _, w := range idleWays {
			way, err := w.open(ctx, c)
			if err == nil {
				during, cancel := ctx, context.CancelFunc(func() {})
				if w.last {
					during, cancel = context.WithTimeout(ctx, makeshiftFor)
				}
				err = way.watch(during, after, func(idle bool, since time.Time) {
					measured = true
					i := Idle{Idle: idle, Way: w.name}
					if idle {
						i.Since = since
					}
					say(i)
				})
				cancel()
				way.close()
			}
			if ctx.Err() != nil {
				return
			}
			c.log().Debug("probe: no input measured", "way", w.name, "err", err)
			why = append(why, fmt.Sprintf("%s: %v", w.name, err))
			if measured {
				break
			}
		}
		if measured { // and then lost: most often it is there again at once
			retry = retryIdleFirst
			if !pause(ctx, minAfter) {
				return
			}
			continue
		}
		say(Idle{Err: &Unmeasured{What: theInput, Why: why}})
		if !pause(ctx, retry) {
			return
		}
		retry = min(2*retry, retryIdleMost)
	}
}

func sameWords(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Error() == b.Error()
}

// askIdle is for systems that tell how long ago the last input was, and nothing by themselves: they are asked when there can have been none for long
// enough, and every second while there is none.
func askIdle(ctx context.Context, after time.Duration, since func(context.Context) (time.Duration, error), tell func(bool, time.Time)) error {
	for {
		ago, err := since(ctx)
		if err != nil {
			return err
		}
		wait := minAfter
		if ago < after {
			wait = max(after-ago, minAfter)
		}
		tell(ago >= after, time.Now().Add(-ago))
		if !pause(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}
