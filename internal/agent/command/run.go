package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/internal/agent/tray"
)

// session is the client while it runs.
type session struct {
	*desk
	version string
	out     io.Writer
	again   chan struct{}  // the owner wants to sign in
	shown   chan tray.View // the latest that was not taken yet
	quit    func()         // ends the client
	ended   chan struct{}  // closed when it has ended
	icon    atomic.Bool    // the owner sees an icon

	showing sync.Mutex // guards what follows, and kept.Muted
	view    tray.View
	agent   *agent.Agent            // nil: nobody is signed in
	leave   context.CancelCauseFunc // ends the report of agent
}

func (d *desk) run(ctx context.Context, out io.Writer, version string) error {
	if d.kept.Server == "" && d.silent && !d.flags.noTray { // nobody would read that it is missing
		if err := d.askServer(ctx); err != nil {
			return err
		}
	}
	if d.kept.Server == "" {
		return ErrNoServer
	}
	held, err := d.alone()
	if err != nil {
		return err
	}
	if held == nil {
		fmt.Fprintln(out, "The desktop client runs already.")
		return nil
	}
	defer held.Close()
	if err := d.remember(); err != nil {
		return err
	}
	if u, err := url.Parse(d.kept.Server); err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !isLoopback(u.Hostname()) {
		d.log.Warn("agent: the way to the server is not encrypted: what is told, and the token, can be read on it", "server", d.kept.Server)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // the terminal, or the session that it belongs to, is gone
	defer stop()
	ctx, quit := context.WithCancel(ctx)
	s := &session{desk: d, version: version, out: out, again: make(chan struct{}, 1), shown: make(chan tray.View, 1), quit: quit, ended: make(chan struct{})}
	s.show(func(v *tray.View) { v.Server = d.kept.Server })

	lit, dark := context.WithCancel(context.WithoutCancel(ctx)) // the icon is there until the client has ended
	var beside sync.WaitGroup
	defer beside.Wait()
	defer dark()
	defer close(s.ended)
	defer quit()
	beside.Go(func() {
		probe.WatchEnd(ctx, probe.Config{Log: d.log}, func() { // the system waits for this to return
			d.log.Info("agent: the session ends")
			s.end()
		})
	})
	if !d.flags.noTray {
		beside.Go(func() { tray.Run(lit, s.trayConfig(), s.shown) })
	}
	return s.work(ctx)
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// end ends the client, and returns when the server has been told, or does not listen.
func (s *session) end() {
	s.quit()
	late := time.NewTimer(lastWords)
	defer late.Stop()
	select {
	case <-s.ended:
	case <-late.C:
	}
}

// askServer asks the owner for the server.
func (d *desk) askServer(ctx context.Context) error {
	server, ok := tray.AskServer(ctx, func(answer string) error {
		_, err := client.New(answer, client.Config{})
		return err
	})
	if !ok {
		return nil
	}
	c, err := client.New(server, client.Config{})
	if err != nil {
		return err
	}
	d.kept.Server, d.named = c.Server(), c.Server()
	return d.keep()
}

// trayConfig is what the icon acts with.
func (s *session) trayConfig() tray.Config {
	return tray.Config{
		Log:   s.log,
		Shown: s.icon.Store,
		Choose: func(ctx context.Context, c client.Choice) error {
			s.showing.Lock()
			a := s.agent
			s.showing.Unlock()
			if a == nil {
				return errors.New("nobody is signed in")
			}
			return a.Choose(ctx, c)
		},
		Mute: func(muted bool) {
			s.showing.Lock()
			s.kept.Muted = muted
			err := s.keep()
			a := s.agent
			s.showing.Unlock()
			if err != nil {
				s.log.Warn("agent: that the microphone counts or not cannot be remembered", "err", err)
			}
			if a != nil {
				a.Mute(muted)
			}
		},
		SignIn: func() {
			s.showing.Lock()
			waits := s.view.SignIn
			s.showing.Unlock()
			if waits != nil {
				s.openPage(waits.Page)
				return
			}
			select {
			case s.again <- struct{}{}:
			default:
			}
		},
		SignOut: func() {
			s.showing.Lock()
			leave := s.leave
			s.showing.Unlock()
			if leave != nil {
				leave(errLeft)
			}
		},
		Open:   func(page string) { s.openPage(s.kept.Server + page) },
		Sent:   s.openSent,
		Quit:   s.quit,
		Ending: s.end,
	}
}

// errLeft is why a report ends when the owner signs out.
var errLeft = errors.New("signed out by the owner")

func (s *session) openPage(address string) {
	if err := openPage(address); err != nil {
		s.log.Warn("agent: no browser could be opened", "err", err)
	}
}

// openSent shows the owner what was sent, in a copy that every system has a program for.
func (s *session) openSent() {
	path := s.path("sent.txt")
	err := func() error {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(s.sent.print(f), f.Close())
	}()
	if err == nil {
		err = openPage(path)
	}
	if err != nil {
		s.log.Warn("agent: what was sent cannot be shown", "err", err)
	}
}

// lastWords is how long the end of the desktop's session may be held up for the server to be told.
const lastWords = 3 * time.Second

// show changes what the owner sees.
func (s *session) show(f func(*tray.View)) {
	s.showing.Lock()
	defer s.showing.Unlock()
	f(&s.view)
	select {
	case <-s.shown:
	default:
	}
	s.shown <- s.view
}

// work signs in and reports until ctx ends.
func (s *session) work(ctx context.Context) error {
	opened := s.flags.noOpen // the page is opened once: whoever closes it is not asked again and again
	ended := ""              // the token that the server has ended, which a keyring may not let go
	for ctx.Err() == nil {
		token, err := s.vault.Load(ctx, s.kept.Server)
		if err != nil && ended == "" { // else there was one, and it is of no use any more
			if ctx.Err() != nil {
				break
			}
			s.log.Warn("agent: the token cannot be read; trying again", "err", err)
			s.show(func(v *tray.View) { v.State.Problem = err.Error() })
			pause(ctx, 5*time.Minute) // its owner may have been asked to unlock the keyring, and not wanted to
			continue
		}
		if token == "" || token == ended {
			if token, err = s.signIn(ctx, !opened); err != nil {
				if ctx.Err() != nil {
					break
				}
				return err
			}
			opened = true
		}
		err = s.report(ctx, token)
		if errors.Is(err, errLeft) {
			if opened = true; s.signedOut(ctx) {
				opened = s.flags.noOpen
			}
			continue
		}
		if !errors.Is(err, client.ErrSignedOut) {
			return err
		}
		s.log.Warn("agent: the server has ended the sign-in")
		fmt.Fprintln(s.out, "The server has ended the sign-in of this computer.")
		ended = token
		if err := s.vault.Forget(ctx, s.kept.Server, token); err != nil {
			s.log.Warn("agent: the token that is of no use any more could not be removed", "err", err)
		}
		opened = true
	}
	return nil
}

// signedOut waits, after the owner has signed out, until they want to sign in again. It returns false if ctx ended.
func (s *session) signedOut(ctx context.Context) bool {
	s.show(func(v *tray.View) { v.Out, v.SignIn, v.State = true, nil, agent.State{Language: v.State.Language} })
	fmt.Fprintln(s.out, "Signed out.")
	select {
	case <-s.again: // of before
	default:
	}
	select {
	case <-ctx.Done():
		return false
	case <-s.again:
		return true
	}
}

// report runs the client with a token. The error is errLeft if its owner signs out.
func (s *session) report(ctx context.Context, token string) error {
	c, err := s.connect(token, s.version)
	if err != nil {
		return err
	}
	probes := agent.System(probe.Config{Log: s.log})
	was, does := false, ""
	reporting, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	s.showing.Lock()
	muted := s.kept.Muted
	s.showing.Unlock()
	a := agent.New(c, agent.Config{
		ID: s.clientID(), Label: s.name(), Probes: probes, Muted: muted, Log: s.log,
		Sent: func(what string, body any) {
			if err := s.sent.add(what, body); err != nil {
				s.log.Warn("agent: what is sent cannot be kept for its owner", "err", err)
			}
		},
		Changed: func(st agent.State) {
			if st.Connected != was {
				if was = st.Connected; was {
					s.log.Info("agent: connected", "server", s.kept.Server)
				}
			}
			if now := doing(&st); now != does {
				does = now
				if err := s.write(s.doingFile(), []byte(now)); err != nil {
					s.log.Warn("agent: what is measured cannot be kept for its owner", "err", err)
				}
			}
			s.show(func(v *tray.View) { v.State = st })
		},
	})
	s.showing.Lock()
	s.agent, s.leave = a, leave
	s.showing.Unlock()
	s.show(func(v *tray.View) { v.Out, v.SignIn = false, nil })
	err = a.Run(reporting)
	s.showing.Lock()
	s.agent, s.leave = nil, nil
	s.showing.Unlock()
	if context.Cause(reporting) != errLeft {
		return err
	}
	// The server is told that the client has ended; now it ends the sign-in, and if it cannot be told, the token is forgotten all the same.
	telling, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := c.SignOut(telling); err != nil && !errors.Is(err, client.ErrSignedOut) {
		s.log.Warn("agent: the server could not be told of signing out; end it there under Settings › Sign-in", "err", err)
	}
	if err := s.vault.Forget(context.WithoutCancel(ctx), s.kept.Server, token); err != nil {
		return err
	}
	return errLeft
}

// signIn has the owner allow the client in a browser, and keeps the token. show opens the page for them.
func (s *session) signIn(ctx context.Context, show bool) (token string, err error) {
	c, err := s.connect("", s.version)
	if err != nil {
		return "", err
	}
	s.show(func(v *tray.View) { v.Out, v.State = true, agent.State{} })
	wait := 2 * time.Second
	for {
		x, err := c.BeginSignIn(ctx, s.name())
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			s.log.Warn("agent: signing in is not possible; trying again", "err", err)
			s.show(func(v *tray.View) { v.State.Problem = err.Error() })
			late := time.NewTimer(wait/2 + rand.N(wait))
			select {
			case <-ctx.Done():
			case <-late.C:
			case <-s.again:
				show = true
			}
			late.Stop()
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			wait = min(2*wait, time.Minute)
			continue
		}
		fmt.Fprintf(s.out, "Sign in, and allow this computer, at\n\n  %s\n\nThe code is %s; it is good until %s.\n", x.Page, x.Code, x.Expires.Local().Format(time.TimeOnly))
		s.show(func(v *tray.View) { v.SignIn, v.State.Problem = x, "" })
		if show {
			show = false
			if err := openPage(x.Page); err != nil {
				s.log.Info("agent: no browser could be opened", "err", err)
			}
		}
		token, err := x.Wait(ctx)
		s.show(func(v *tray.View) { v.SignIn = nil })
		switch {
		case err == nil:
			place, err := s.vault.Save(ctx, s.kept.Server, token)
			if err != nil {
				return "", fmt.Errorf("signed in, but the token cannot be kept: %w", err)
			}
			fmt.Fprintf(s.out, "Signed in. The token is kept in %s.\n", place)
			return token, nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.Is(err, client.ErrExpired) && !s.icon.Load():
			s.log.Info("agent: nobody allowed the sign-in; there is another code")
		default: // with an icon there is no other before its owner wants one: a computer that nobody uses does not ask for ever
			if !s.icon.Load() {
				return "", err
			}
			s.log.Warn("agent: not signed in", "err", err)
			s.show(func(v *tray.View) { v.State.Problem = err.Error() })
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-s.again:
				show = true
			}
		}
	}
}

// pause waits for d, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
