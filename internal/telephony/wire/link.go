package wire

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/telephony"
)

// refused is how long nobody tries after a sign-in that was refused; doubled each time, up to mostRefused, so that nobody is locked out.
const (
	refused     = 30 * time.Second
	mostRefused = 15 * time.Minute
)

// ErrWatched is what a second Watch of a system returns.
var ErrWatched = errors.New("telephony: the system is watched already")

// Session is a connection that is signed in.
type Session interface {
	comparable
	Close(why error) // ends it; the first reason stays
	Leave()          // signs off, within about a second, and ends it
}

// LinkConfig says what a link is to. All of it is needed but Explain.
type LinkConfig[S Session] struct {
	Name    string // what the log calls the system, such as "asterisk"
	Place   Place
	Numbers Numbers
	Log     *slog.Logger
	Asking  int // connections at the same time for questions while nobody watches

	// Connect connects and signs in. Events are wanted only where it is said so. What reads from the connection is run by Link.Go.
	Connect func(ctx context.Context, events bool) (S, error)
	// Explain puts errors of the system's own into words; nil, or nil returned: it knows none.
	Explain func(error) *source.Error
}

// Link is the way to a system over which lines are heard of and forwarded: one connection, which is made again when it breaks and which whoever asks
// something uses too, and the lines that are followed. Its methods may be called by several goroutines.
type Link[S Session] struct {
	c       LinkConfig[S]
	gate    *gate.Gate // whether it may be connected to
	asking  chan struct{}
	changed chan struct{} // has something when lines did, or when again has something

	stop       context.Context // ended by Close
	end        context.CancelFunc
	background sync.WaitGroup // nobody comes in once closed is set

	mu       sync.Mutex          // guards what follows
	lines    map[string][]string // extension to the names under which it is followed
	again    map[string]bool     // extensions whose forwarding is to be read again
	live     S                   // of Watch; zero: none
	closed   bool
	watched  bool
	trouble  error // why there is no connection; it was said. nil: there is one, or it was not tried
	refusals int   // of the sign-in, in a row
}

// NewLink returns a link. Nothing is connected yet.
func NewLink[S Session](c LinkConfig[S]) *Link[S] {
	l := &Link[S]{c: c, gate: gate.New(gate.Config{Backoff: gate.Backoff{First: time.Second, Most: time.Minute}}),
		asking: make(chan struct{}, c.Asking), changed: make(chan struct{}, 1), lines: map[string][]string{}, again: map[string]bool{}}
	l.stop, l.end = context.WithCancel(context.Background())
	return l
}

// Follow is that of telephony.System.
func (l *Link[S]) Follow(lines []string) {
	m := make(map[string][]string, len(lines))
	seen := make(map[string]bool, len(lines))
	for _, n := range lines {
		if e := l.c.Numbers.Extension(n); e != "" && !seen[n] {
			seen[n] = true
			m[e] = append(m[e], strings.Clone(n))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = m
	l.poke()
}

// poke has Watch look again. mu is held.
func (l *Link[S]) poke() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Changed has something when other lines are followed, or Again was called: then Changes says what.
func (l *Link[S]) Changed() <-chan struct{} { return l.changed }

// Changes returns the names under which lines are followed, by extension, all of these names, and the extensions of Again since it was last called. The
// first map is not to be changed.
func (l *Link[S]) Changes() (lines map[string][]string, names, again map[string]bool) {
	l.mu.Lock()
	lines, again = l.lines, l.again
	l.again = map[string]bool{}
	l.mu.Unlock()
	names = map[string]bool{}
	for _, ns := range lines {
		for _, n := range ns {
			names[n] = true
		}
	}
	return lines, names, again
}

// Followed are the names under which lines are followed, by extension. The map is not to be changed.
func (l *Link[S]) Followed() map[string][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// Again has the forwarding of an extension read again.
func (l *Link[S]) Again(extension string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again[extension] = true
	l.poke()
}

// Go runs f, for which Close waits; false: the system was closed.
func (l *Link[S]) Go(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.background.Go(f)
	}
	return !l.closed
}

// Close is that of telephony.System.
func (l *Link[S]) Close() {
	l.end()
	l.mu.Lock()
	live := l.live
	l.closed = true
	l.mu.Unlock()
	var none S
	if live != none {
		live.Close(ErrClosed)
	}
	l.background.Wait()
}

// Watch is that of telephony.System: it has hear hear of lines over one connection after the other. hear says to teller what it knows, calls Worked once
// it knows that the system works, and returns when the session ends, with the reason.
func (l *Link[S]) Watch(ctx context.Context, tell func(telephony.Line), hear func(ctx context.Context, x S, teller *Teller) error) error {
	l.mu.Lock()
	if l.watched {
		l.mu.Unlock()
		return ErrWatched
	}
	l.watched = true
	l.mu.Unlock()
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.stop, func() { cancel(ErrClosed) })()

	var teller Teller
	var telling sync.WaitGroup
	telling.Go(func() { teller.Run(ctx, tell) })
	for l.pause(ctx) {
		x, err := l.c.Connect(ctx, true)
		if err == nil {
			l.setLive(x)
			err = hear(ctx, x, &teller)
			var none S
			l.setLive(none)
			x.Leave()
			teller.Forget(func(string) bool { return false }) // until it is known again what is
		}
		if ctx.Err() == nil {
			l.failed(err)
		}
	}
	telling.Wait()
	l.mu.Lock()
	l.watched = false
	l.mu.Unlock()
	if outer.Err() == nil {
		return context.Cause(ctx)
	}
	return context.Cause(outer)
}

func (l *Link[S]) setLive(x S) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live = x
}

// pause waits until the system may be connected to, and reports whether it still is to be.
func (l *Link[S]) pause(ctx context.Context) bool {
	for ctx.Err() == nil {
		e, shut := errors.AsType[*source.Error](l.gate.Shut())
		if !shut {
			return true
		}
		t := time.NewTimer(e.RetryAfter)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
	return false
}

// failed takes note that there is no connection, and has nobody try for a while.
func (l *Link[S]) failed(err error) *source.Error {
	e := l.Explain(err)
	wait, level := time.Duration(0), slog.LevelDebug
	l.mu.Lock()
	if e.Kind == source.Credentials {
		wait = min(refused<<min(l.refusals, 10), mostRefused)
		l.refusals++
	}
	if l.trouble == nil {
		level = slog.LevelWarn
	}
	l.trouble = e
	l.mu.Unlock()
	told := l.gate.Stop(wait, e)
	l.c.Log.Log(context.Background(), level, l.c.Name+" is not connected; it is tried again", "server", l.c.Place.Host, "err", cmp.Or(e.Err, error(e)), "why", e.Text)
	return told
}

// Worked takes note that the system answers.
func (l *Link[S]) Worked() {
	l.gate.Succeeded()
	l.mu.Lock()
	back := l.trouble != nil
	l.refusals, l.trouble = 0, nil
	l.mu.Unlock()
	if back {
		l.c.Log.Info(l.c.Name+" is connected again", "server", l.c.Place.Host)
	}
}

// Heard is that of telephony.Reporter.
func (l *Link[S]) Heard() (now bool, trouble error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var none S
	return l.live != none && l.trouble == nil, l.trouble
}

// Open is a context that ends with the system too.
func (l *Link[S]) Open(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.stop, cancel)
	return ctx, func() { stop(); cancel() }
}

// With does something over the connection of Watch, or else over one for this. Errors are of type *source.Error.
func (l *Link[S]) With(ctx context.Context, do func(ctx context.Context, x S) error) error {
	ctx, cancel := l.Open(ctx)
	defer cancel()
	l.mu.Lock()
	x := l.live
	l.mu.Unlock()
	var none S
	if x == none {
		select {
		case l.asking <- struct{}{}:
		case <-ctx.Done():
			return l.Explain(context.Canceled)
		}
		defer func() { <-l.asking }()
		if err := l.gate.Shut(); err != nil {
			return err
		}
		var err error
		if x, err = l.c.Connect(ctx, false); err != nil {
			if ctx.Err() != nil {
				return l.Explain(err)
			}
			return l.failed(err)
		}
		defer x.Leave()
		l.Worked()
	}
	if err := do(ctx, x); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			err = context.Canceled
		}
		return l.Explain(err)
	}
	return nil
}

// Explain puts what became of a question into words for an administrator.
func (l *Link[S]) Explain(err error) *source.Error {
	if e, ok := errors.AsType[*source.Error](err); ok {
		return e
	}
	if l.c.Explain != nil {
		if e := l.c.Explain(err); e != nil {
			return e
		}
	}
	switch {
	case errors.Is(err, ErrSilent):
		return &source.Error{Kind: source.Unavailable, Whole: true, Err: err, Text: l.c.Place.Host + " does not answer any more."}
	case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled):
		return &source.Error{Kind: source.Unavailable, Err: err, Text: "It was given up, because nobody waited for it any longer."}
	}
	return l.c.Place.Explain(context.Background(), err)
}
