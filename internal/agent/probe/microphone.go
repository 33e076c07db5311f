package probe

import (
	"context"
	"slices"
	"time"
)

// recorders is what the system says: who records, or why it does not tell. A system's watchRecorders says it at first and after each change, until it
// fails or ctx ends, and returns why.
type recorders struct {
	names []string // sorted, each once
	way   string
	err   error
}

// Whoever tells of recording is looked for at least this often.
const retrySound = 10 * time.Second

// WatchMicrophone tells which programs record from a microphone: at first who does, then each change, until ctx ends. It returns then. Uses of less
// than three seconds and pauses of less than two are not told. What records a loudspeaker does not count, nor what is paused, where the system
// tells that. After whoever tells (the sound server, say) ended it is looked for again for ever. tell is called from this goroutine, never again after the return, and holds up the measuring while it runs.
func WatchMicrophone(ctx context.Context, c Config, tell func(Microphone)) {
	ctx, cancel := context.WithCancel(ctx)
	inbox, done := make(chan recorders), make(chan struct{})
	go func() {
		defer close(done)
		send := func(r recorders) {
			select {
			case inbox <- r:
			case <-ctx.Done():
			}
		}
		again(ctx, c, retrySound, func() error { return watchRecorders(ctx, c, send) }, func(err error) { send(recorders{err: err}) })
	}()
	defer func() { cancel(); <-done }()

	var (
		d     damper
		heard recorders
		lost  time.Time // since when nobody has told; zero: somebody does
		told  *Microphone
	)
	wake := time.NewTimer(0)
	wake.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake.C:
		case heard = <-inbox:
		}
		now := time.Now()
		counting, next := d.see(heard.names, now)
		m := Microphone{Programs: counting, Way: heard.way}
		if heard.err == nil {
			lost = time.Time{}
		} else {
			if lost.IsZero() {
				lost = now
			}
			// A server that restarts is there again in a moment, and whoever recorded may be too.
			if back := lost.Add(shortPause); told != nil && told.Err == nil && now.Before(back) {
				m.Way = told.Way
				if next.IsZero() || back.Before(next) {
					next = back
				}
			} else {
				m = Microphone{Err: unmeasured(theMicrophone, heard.err)}
			}
		}
		if told == nil || told.Way != m.Way || !sameWords(told.Err, m.Err) || !slices.Equal(told.Programs, m.Programs) {
			told = &m
			tell(m)
		}
		wake.Stop()
		if !next.IsZero() {
			wake.Reset(time.Until(next))
		}
	}
}
