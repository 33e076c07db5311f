package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/probe"
)

// View is what the owner is shown of the client.
type View struct {
	Server string
	State  agent.State
	SignIn *client.SignIn // waits to be allowed in the browser; nil: none does
	Out    bool           // nobody is signed in
}

// session is the client while it runs.
type session struct {
	*desk
	version string
	out     io.Writer
	again   chan struct{} // the owner wants to sign in

	showing sync.Mutex // guards what follows
	view    View
	agent   *agent.Agent // nil: nobody is signed in
	shown   chan View    // the latest that was not taken yet
}

func (d *desk) run(ctx context.Context, out io.Writer, version string) error {
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
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // the terminal, or the session that it belongs to, is gone
	defer stop()
	s := &session{desk: d, version: version, out: out, again: make(chan struct{}, 1), shown: make(chan View, 1)}
	s.view.Server = d.kept.Server

	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	watching.Go(func() {
		probe.WatchEnd(ctx, probe.Config{Log: d.log}, func() { // the system waits for this to return
			d.log.Info("agent: the session ends")
			cancel()
			select {
			case <-ended:
			case <-time.After(lastWords):
			}
		})
	})
	return s.work(ctx)
}

// lastWords is how long the end of the desktop's session may be held up for the server to be told.
const lastWords = 3 * time.Second

// show changes what the owner sees.
func (s *session) show(f func(*View)) {
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
	for ctx.Err() == nil {
		token, err := s.vault.Load(ctx, s.kept.Server)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			s.log.Warn("agent: the token cannot be read; trying again", "err", err)
			s.show(func(v *View) { v.State.Problem = err.Error() })
			pause(ctx, 5*time.Minute) // its owner may have been asked to unlock the keyring, and not wanted to
			continue
		}
		if token == "" {
			if token, err = s.signIn(ctx, !opened); err != nil {
				if ctx.Err() != nil {
					break
				}
				return err
			}
			opened = true
		}
		err = s.report(ctx, token)
		if !errors.Is(err, client.ErrSignedOut) {
			return err
		}
		s.log.Warn("agent: the server has ended the sign-in")
		fmt.Fprintln(s.out, "The server has ended the sign-in of this computer.")
		if err := s.vault.Forget(ctx, s.kept.Server); err != nil {
			return err
		}
		opened = true
	}
	return nil
}

// report runs the client with a token.
func (s *session) report(ctx context.Context, token string) error {
	c, err := s.connect(token, s.version)
	if err != nil {
		return err
	}
	probes := agent.System(probe.Config{Log: s.log})
	was := false
	a := agent.New(c, agent.Config{
		ID: s.kept.Client, Label: s.name(), Probes: probes, Muted: s.kept.Muted, Log: s.log,
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
			s.show(func(v *View) { v.State = st })
		},
	})
	s.showing.Lock()
	s.agent = a
	s.showing.Unlock()
	s.show(func(v *View) { v.Out, v.SignIn = false, nil })
	err = a.Run(ctx)
	s.showing.Lock()
	s.agent = nil
	s.showing.Unlock()
	return err
}

// signIn has the owner allow the client in a browser, and keeps the token. show opens the page for them.
func (s *session) signIn(ctx context.Context, show bool) (token string, err error) {
	c, err := s.connect("", s.version)
	if err != nil {
		return "", err
	}
	s.show(func(v *View) { v.Out, v.State = true, agent.State{} })
	wait := 2 * time.Second
	for {
		x, err := c.BeginSignIn(ctx, s.name())
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			s.log.Warn("agent: signing in is not possible; trying again", "err", err)
			s.show(func(v *View) { v.State.Problem = err.Error() })
			if !pause(ctx, wait/2+rand.N(wait)) {
				return "", ctx.Err()
			}
			wait = min(2*wait, time.Minute)
			continue
		}
		fmt.Fprintf(s.out, "Sign in, and allow this computer, at\n\n  %s\n\nThe code is %s; it is good until %s.\n", x.Page, x.Code, x.Expires.Local().Format(time.TimeOnly))
		s.show(func(v *View) { v.SignIn, v.State.Problem = x, "" })
		if show {
			show = false
			if err := openPage(x.Page); err != nil {
				s.log.Info("agent: no browser could be opened", "err", err)
			}
		}
		token, err := x.Wait(ctx)
		s.show(func(v *View) { v.SignIn = nil })
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
		case errors.Is(err, client.ErrExpired):
			s.log.Info("agent: nobody allowed the sign-in; there is another code")
		default:
			if s.flags.noTray {
				return "", err
			}
			s.log.Warn("agent: not signed in", "err", err)
			s.show(func(v *View) { v.State.Problem = err.Error() })
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
