// Package tray is the desktop client's icon: it shows the owner's presence by shape, colour and words, and its menu changes it. What is shown is worked out by
// a pure function (menu.go), and put on the screen by one file for each system: on Linux as a StatusNotifierItem with a menu on the session bus, on Windows in
// the notification area. Elsewhere, and on desktops that show no such icons, such as GNOME without an extension, the client runs without.
package tray

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
)

// View is what the owner is shown of the client.
type View struct {
	Server string
	State  agent.State
	SignIn *client.SignIn // waits to be allowed in the browser; nil: none does
	Out    bool           // nobody is signed in
}

// Config is what an icon acts with. All functions but Shown and Getenv are required, and may be called by several goroutines.
type Config struct {
	Choose  func(ctx context.Context, c client.Choice) error // chooses the owner's presence; its error is shown in the menu by way of the view
	Mute    func(muted bool)
	SignIn  func()
	SignOut func()
	Open    func(page string) // opens a page of the server
	Sent    func()            // shows what was sent
	Quit    func()            // ends the client; it may return before it has ended
	Ending  func()            // the system ends the session: ends the client, and returns when it has ended or does not do so within seconds

	Shown  func(shown bool)    // is told when somebody shows the icon, and when nobody does any more; at first nobody does. nil: nobody is told
	Getenv func(string) string // nil: os.Getenv; says where the session bus is and which language is spoken
	Log    *slog.Logger        // nil: nothing is logged
}

func (c Config) getenv(key string) string {
	if c.Getenv == nil {
		return os.Getenv(key)
	}
	return c.Getenv(key)
}

func (c Config) shown(shown bool) {
	if c.Shown != nil {
		c.Shown(shown)
	}
}

// choosing is how long a choice may take.
const choosing = 30 * time.Second

// tray is the icon while it is shown.
type tray struct {
	Config
	ctx     context.Context // ends with the icon; only for what clicks begin
	ask     dialogs
	asking  chan struct{} // holds one token while nothing is asked
	faces   chan face     // the latest that was not shown yet
	working sync.WaitGroup
}

// Run shows an icon for the views that come, until ctx ends. Where none can be shown it says so in the log, once, and waits.
func Run(ctx context.Context, cfg Config, views <-chan View) {
	run(ctx, cfg, views, system{cfg})
}

func run(ctx context.Context, cfg Config, views <-chan View, ask dialogs) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &tray{Config: cfg, ctx: ctx, ask: ask, asking: make(chan struct{}, 1), faces: make(chan face, 1)}
	t.asking <- struct{}{}
	t.working.Go(func() { t.follow(ctx, views) })
	t.put(ctx)
	cancel()
	t.working.Wait()
}

// follow makes faces of views. Once a minute it looks whether what is shown is still said that way.
func (t *tray) follow(ctx context.Context, views <-chan View) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	var v View
	for {
		select {
		case <-ctx.Done():
			return
		case v = <-views:
		case <-minute.C:
		}
		f := look(v, time.Now(), t.language(v))
		select {
		case <-t.faces:
		default:
		}
		t.faces <- f
	}
}

func (t *tray) language(v View) language {
	if v.State.Language != "" {
		return speak(v.State.Language)
	}
	return speak(locale(t.getenv)...)
}

// clicked does what an entry is for. It does not wait for it.
func (t *tray) clicked(a action, l language) {
	if t.ctx.Err() != nil {
		return
	}
	t.working.Go(func() { t.do(a, l) })
}

func (t *tray) do(a action, l language) {
	switch a.verb {
	case choose:
		c := a.choice
		if a.end != endSame {
			c.Until = nil
			if at, ok := a.end.at(time.Now()); ok {
				c.Until = &at
			}
		}
		t.choose(c)
	case askText, askEnd:
		select {
		case <-t.asking:
			defer func() { t.asking <- struct{}{} }()
		default: // something is being asked
			return
		}
		t.askAndChoose(a, l)
	case mute:
		t.Mute(a.muted)
	case open:
		t.Open(a.page)
	case openSent:
		t.Sent()
	case signIn:
		t.SignIn()
	case signOut:
		t.SignOut()
	case quit:
		t.Quit()
	}
}

func (t *tray) choose(c client.Choice) {
	if c.Until != nil && !c.Until.After(time.Now()) { // it ended while its owner looked at the menu
		c.Until = nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, choosing)
	defer cancel()
	if err := t.Choose(ctx, c); err != nil {
		t.Log.Warn("tray: the presence cannot be chosen", "err", err)
	}
}
