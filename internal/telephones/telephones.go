// Package telephones joins desk phones and people: with which accounts telephones sign in, what they may see of whom (L2), and where calls go
// that a telephone system asks for (F5a). The SIP itself is spoken by package sipserver, of which there is one for each connector; what may be
// seen is decided by package rights, and where a line is to be forwarded by package switchboard, to which each server is a telephone system.
package telephones

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/presence"
)

// Realm is what passwords of telephones are hashed with, by all servers. It is stored: to change it makes all of them void.
const Realm = "doorlight"

// Store is what is kept.
type Store interface {
	LoadSIPAccounts(ctx context.Context, f func(store.SIPAccount) error) error
	LoadRedirects(ctx context.Context, f func(store.Redirect) error) error
	WriteRedirects(ctx context.Context, records ...store.Redirect) error
	Update(ctx context.Context, c store.Changes) error
}

// Config holds what has a default.
type Config struct {
	Log *slog.Logger // nil: slog.Default
	// Lines says which lines somebody has, by the settings; it must be quick. What it says may change when the office says that a policy or a card
	// did. Nil: nobody has any.
	Lines func(*office.Person) []switchboard.Line
	// Choose has somebody choose the presence that a feature code of theirs stands for, and returns the name of the profile. Nil: there are no codes.
	Choose func(ctx context.Context, personID, code string) (profile string, err error)
	// TLS returns what "tls:" is listened on with. Nil, or if it returns nil: there is no certificate, and a server that is to listen so does not.
	TLS   func() *tls.Config
	Words map[presence.Status]string // what telephones show of a status; one that is missing is said in English
}

// Telephones are all accounts and servers. Its methods may be called by several goroutines at once.
type Telephones struct {
	store  Store
	box    *secret.Box
	office *office.Office
	hub    *hub.Hub
	cfg    Config
	log    *slog.Logger
	manage chan struct{} // servers have changed
	stale  chan struct{} // who is who may have changed

	book     book
	watchers watchers

	adding  chan struct{}     // held by whoever adds or removes an account
	setting [64]chan struct{} // held by whoever redirects a line, by the line

	mu        sync.Mutex // guards what follows
	accounts  map[string]*account
	of        map[string][]*account // by person, oldest first
	redirects map[key]redirect
	servers   map[string]*server
	ending    map[chan struct{}]bool // closed when a server that is not used any more has left its port
}

// New returns the telephones of an office. Run makes the servers listen.
func New(ctx context.Context, st Store, box *secret.Box, of *office.Office, h *hub.Hub, cfg Config) (*Telephones, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Lines == nil {
		cfg.Lines = func(*office.Person) []switchboard.Line { return nil }
	}
	if cfg.TLS == nil {
		cfg.TLS = func() *tls.Config { return nil }
	}
	t := &Telephones{
		store: st, box: box, office: of, hub: h, cfg: cfg, log: cfg.Log, manage: make(chan struct{}, 1), stale: make(chan struct{}, 1), adding: make(chan struct{}, 1),
		accounts: map[string]*account{}, of: map[string][]*account{}, redirects: map[key]redirect{}, servers: map[string]*server{}, ending: map[chan struct{}]bool{},
	}
	t.book.init()
	t.watchers.init()
	for i := range t.setting {
		t.setting[i] = make(chan struct{}, 1)
	}
	if err := st.LoadSIPAccounts(ctx, func(rec store.SIPAccount) error {
		a, err := open(box, rec)
		if err != nil { // it is still listed, so that it can be removed
			t.log.Warn("the password of a telephone cannot be opened", "person", rec.PersonID, "err", err)
		}
		t.accounts[rec.User] = a
		t.of[rec.PersonID] = append(t.of[rec.PersonID], a)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("telephones: %w", err)
	}
	for _, list := range t.of {
		slices.SortStableFunc(list, byAge)
	}
	if err := st.LoadRedirects(ctx, func(rec store.Redirect) error {
		var f forwarding
		if err := json.Unmarshal(rec.Forwarding, &f); err != nil { // of a version that nobody knows
			t.log.Warn("how a line is redirected is not known", "connector", rec.ConnectorID, "err", err)
			return nil
		}
		t.redirects[key{rec.ConnectorID, rec.Line}] = redirect{rec.PersonID, f.telephony()}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("telephones: %w", err)
	}
	for _, id := range of.IDs() {
		t.enter(id)
	}
	of.Listen(t.changed)
	return t, nil
}

// changed follows the office.
func (t *Telephones) changed(c office.Change) {
	seen := map[string]bool{}
	for _, id := range slices.Concat(c.Policies, c.Cards, c.Removed) {
		if !seen[id] {
			seen[id] = true
			t.enter(id)
		}
	}
	if len(c.Removed) > 0 {
		t.mu.Lock()
		for _, id := range c.Removed {
			for _, a := range t.of[id] {
				delete(t.accounts, a.rec.User)
			}
			delete(t.of, id)
		}
		for k, r := range t.redirects { // the store has dropped them with the person
			if slices.Contains(c.Removed, r.person) {
				delete(t.redirects, k)
			}
		}
		t.mu.Unlock()
	}
	if len(seen)+len(c.Levels)+len(c.Signed) > 0 || c.AllLevels {
		signal(t.stale)
	}
	if c.AllLevels {
		t.watchers.tellAll()
		return
	}
	t.watchers.tell(slices.Values(c.Levels))
	t.watchers.tell(slices.Values(c.Cards))
	t.watchers.tell(slices.Values(c.Policies))
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take waits until a channel of one is free, and returns what frees it.
func take(ctx context.Context, c chan struct{}) (leave func(), err error) {
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// pause is how long who is who is not looked at again: changes come in numbers.
const pause = 200 * time.Millisecond

// Run has the servers listen until ctx ends, and returns its cause. Telephones are told then to subscribe again.
func (t *Telephones) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { t.tend(ctx) })
	signal(t.manage)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.manage:
		}
		t.mu.Lock()
		for _, s := range t.servers {
			if s.stop == nil {
				ctx, stop := context.WithCancel(ctx)
				s.stop, s.ended = stop, make(chan struct{})
				work.Go(func() {
					defer t.left(s)
					defer stop()
					t.serve(ctx, s)
				})
			}
		}
		t.mu.Unlock()
	}
}

// tend has the servers look once more whose telephones there are, and whom addresses mean, until ctx ends.
func (t *Telephones) tend(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.stale:
		}
		for _, s := range t.listening() {
			s.Reload()
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// listening returns the servers that listen.
func (t *Telephones) listening() (all []*sipserver.Server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.servers {
		if s.sip != nil {
			all = append(all, s.sip)
		}
	}
	return all
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
