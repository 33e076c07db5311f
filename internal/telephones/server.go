package telephones

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/internal/source"
)

// How soon it is tried again to listen where that failed; the time doubles.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Server is one that telephones and telephone systems reach.
type Server struct {
	ID       string // of its connector
	Name     string
	Settings Settings
	Used     func(error) // called with how listening went; may be nil. The error is of type *source.Error
}

// server is a Server at work; Telephones.mu guards all but the first.
type server struct {
	Server
	stop    context.CancelFunc // nil: it was not started
	ended   chan struct{}
	after   []chan struct{}   // that are closed once its port may be free
	sip     *sipserver.Server // while it listens
	problem string            // why it does not
}

// PutServer has a server listen, in place of one with the same ID. What it returns is closed when the earlier one has left its port.
func (t *Telephones) PutServer(s Server) (left <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left = t.end(s.ID)
	fresh := &server{Server: s}
	for c := range t.ending {
		fresh.after = append(fresh.after, c)
	}
	t.servers[s.ID] = fresh
	signal(t.manage)
	return left
}

// DropServer ends a server. Its telephones are told to subscribe again. What it returns is closed when it has left its port.
func (t *Telephones) DropServer(id string) (left <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left = t.end(id)
	delete(t.servers, id)
	return left
}

// end ends a server, and returns what is closed when that is so; mu is held.
func (t *Telephones) end(id string) <-chan struct{} {
	s := t.servers[id]
	if s == nil || s.stop == nil {
		left := make(chan struct{})
		close(left)
		return left
	}
	s.stop()
	select {
	case <-s.ended:
	default:
		t.ending[s.ended] = true
	}
	return s.ended
}

// left notes that a server has left its port.
func (t *Telephones) left(s *server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ending, s.ended)
	close(s.ended)
}

// Stats returns what a server has done since it listens; ok is false if it does not.
func (t *Telephones) Stats(id string) (st sipserver.Stats, ok bool) {
	if s := t.sip(id); s != nil {
		return s.Stats(), true
	}
	return sipserver.Stats{}, false
}

// Addrs returns where a server listens, as Settings.Listen has it, with the ports that were given to it; nil: it does not.
func (t *Telephones) Addrs(id string) []string {
	if s := t.sip(id); s != nil {
		return s.Addrs()
	}
	return nil
}

func (t *Telephones) sip(id string) *sipserver.Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.servers[id]; s != nil {
		return s.sip
	}
	return nil
}

// serve has a server listen until ctx ends.
func (t *Telephones) serve(ctx context.Context, s *server) {
	for _, c := range s.after {
		select {
		case <-c:
		case <-ctx.Done():
			return
		}
	}
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		sip, err := t.listen(s)
		t.mu.Lock()
		s.sip, s.problem = sip, ""
		if err != nil {
			s.problem = err.Text
		}
		t.mu.Unlock()
		if err == nil {
			t.used(s, nil)
			sip.Run(ctx) // its only error is why ctx ended
			t.mu.Lock()
			s.sip = nil
			t.mu.Unlock()
			return
		}
		t.log.Warn("a sip server does not listen", "connector", s.ID, "err", err)
		t.used(s, err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

func (t *Telephones) used(s *server, err *source.Error) {
	switch {
	case s.Used == nil:
	case err == nil: // and not a pointer that is nil
		s.Used(nil)
	default:
		s.Used(err)
	}
}

// listen begins to listen.
func (t *Telephones) listen(s *server) (*sipserver.Server, *source.Error) {
	d := &directory{t}
	c := sipserver.Config{
		Listen: s.Settings.Listen, Host: s.Settings.Host, Realm: Realm, Domains: s.Settings.Domains, Trusted: s.Settings.Trusted, Internal: s.Settings.Internal,
		LampForBusy: s.Settings.LampForBusy, Words: t.cfg.Words, Directory: d, Presences: d, Lists: d, SignedIn: t.signedIn, Log: t.log.With("connector", s.ID),
	}
	if t.cfg.Choose != nil {
		c.Codes = func(ctx context.Context, personID, code string) (said, confirm string, ok bool) {
			profile, err := t.cfg.Choose(ctx, personID, code)
			if err != nil {
				return "", "", false
			}
			plain := strings.Map(func(r rune) rune {
				if r < 0x20 || r > 0x7e {
					return -1
				}
				return r
			}, profile)
			return plain, s.Settings.Confirm, true
		}
	}
	if s.Settings.Desk != "" {
		c.Targets = &targets{t, s.ID, s.Settings}
	}
	if slices.ContainsFunc(c.Listen, func(l string) bool { return strings.HasPrefix(l, "tls:") }) {
		if c.TLS = t.cfg.TLS(); c.TLS == nil {
			return nil, refused(errors.New("no certificate"), "It cannot listen for tls: this server has no certificate. Give it one, with which it then serves the web pages too, or leave out the addresses that begin with tls:.")
		}
		c.TLS = c.TLS.Clone()
		c.TLS.NextProtos = nil // those of HTTP are no business of telephones
		if c.TLS.MinVersion == 0 {
			c.TLS.MinVersion = tls.VersionTLS12
		}
	}
	sip, err := sipserver.New(c)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		var all []string
		for _, f := range e.Fields {
			all = append(all, fmt.Sprintf("%s: %s.", f.Path, f.Message))
		}
		return nil, refused(err, strings.Join(all, " "))
	}
	if err != nil {
		return nil, refused(err, "It cannot listen.")
	}
	return sip, nil
}

func refused(err error, text string) *source.Error {
	return &source.Error{Kind: source.Unavailable, Text: text, Whole: true, Err: err}
}
