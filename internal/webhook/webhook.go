// Package webhook tells other programs of changed presences by calling them (A4). What it sends is what one person may see,
// made by package rights like everything that leaves the server.
//
// A hook keeps no queue: it notes who has changed, and says how they are when it comes to it. A receiver that was away for an
// hour is told once how everybody is, not everything that they were. Nothing of it is kept but that it was sent.
//
// Requests are signed as the Standard Webhooks specification 1.0 says (standardwebhooks.com), so that receivers check them
// with a library of their language.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/presence"
)

// Directory says what a viewer is to an owner, and who there is. The office is one.
type Directory interface {
	Level(viewer, owner string) rights.Level
	Person(id string) (*office.Person, bool)
	IDs() []string
}

// Presences says what is published about a person. The hub is one.
type Presences interface {
	Presence(personID string) (presence.Presence, presence.Shown, bool)
}

// Config says whom a hook calls, and of what.
type Config struct {
	URL    *url.URL
	Secret []byte   // of the signature
	Viewer string   // the person with whose eyes it looks
	People []string // of whom it tells; nil: of everybody whom the viewer may see
}

// Delivery is one call, as administrators see it: not what was told, and of whom only how many.
type Delivery struct {
	ID      string    `json:"id"` // the same for each attempt of a call
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`          // from 1
	People  int       `json:"people"`           // of how many it told
	Bytes   int       `json:"bytes"`            // of the body
	Status  int       `json:"status,omitempty"` // of the answer; 0: there was none
	Error   string    `json:"error,omitempty"`  // in words; empty: it was taken
	TookMS  int64     `json:"took_ms"`
}

// Hooks are all hooks. Make them with New; their methods may be called by several goroutines at once.
type Hooks struct {
	dir    Directory
	from   Presences
	client *outbound.Client
	log    *slog.Logger
	result func(id string, to *url.URL, d Delivery, next time.Time)
	seed   maphash.Seed
	timing timing

	mu      sync.Mutex // guards what follows, and what hooks have that is marked so
	hooks   map[string]*hook
	running context.Context // of Run; nil: not running
	busy    sync.WaitGroup
}

// timing is when what happens; tests are in more of a hurry.
type timing struct {
	gather   time.Duration // changes that come so soon after others go with them
	first    time.Duration // how long after a failure it is tried again; it doubles
	longest  time.Duration // until it is this long
	patience time.Duration // for an answer
}

// Most people of whom one call tells.
const mostPeople = 500

// hook is one of them. Its goroutine ends when it is replaced.
type hook struct {
	id     string
	c      Config
	wanted map[string]bool // of Config.People; nil: everybody
	wake   chan struct{}
	stop   context.CancelFunc

	// Guarded by Hooks.mu.
	noted uint64            // counts what was noted
	due   map[string]uint64 // who may have something to be told of them, and when that was noted last
	told  map[string]uint64 // what was told last of whom, as a hash
}

// New returns no hooks yet. result is called after each attempt, with the address that it went to; next is when the next one is, zero if that is with the next
// change.
func New(dir Directory, from Presences, client *outbound.Client, log *slog.Logger, result func(id string, to *url.URL, d Delivery, next time.Time)) *Hooks {
	return &Hooks{
		dir: dir, from: from, client: client, log: log, result: result, seed: maphash.MakeSeed(), hooks: map[string]*hook{},
		timing: timing{gather: 500 * time.Millisecond, first: time.Second, longest: 15 * time.Minute, patience: 15 * time.Second},
	}
}

// Set adds a hook or replaces it. It begins by telling of everybody, also of whom the one before told and it may not.
func (h *Hooks) Set(id string, c Config) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.hooks[id]
	h.remove(id)
	k := &hook{id: id, c: c, wake: make(chan struct{}, 1), due: map[string]uint64{}, told: map[string]uint64{}}
	if before != nil {
		for p := range before.told {
			k.noted++
			k.told[p], k.due[p] = doubtful, k.noted
		}
	}
	if c.People != nil {
		k.wanted = map[string]bool{}
		for _, p := range c.People {
			k.wanted[p] = true
		}
	}
	for _, p := range h.dir.IDs() {
		k.note(p)
	}
	h.hooks[id] = k
	h.start(k)
	k.signal()
}

// Remove removes a hook. What is due to it is not told any more; a call that is under way is broken off.
func (h *Hooks) Remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(id)
}

func (h *Hooks) remove(id string) {
	if k := h.hooks[id]; k != nil {
		if k.stop != nil {
			k.stop()
		}
		delete(h.hooks, id)
	}
}

// start has a hook work, if they do; mu is held.
func (h *Hooks) start(k *hook) {
	if h.running == nil || h.running.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(h.running)
	k.stop = stop
	h.busy.Go(func() { h.run(ctx, k) })
}

// Run has the hooks call until ctx ends, and waits for them.
func (h *Hooks) Run(ctx context.Context) error {
	h.mu.Lock()
	h.running = ctx
	for _, k := range h.hooks {
		h.start(k)
	}
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock() // whoever is starting one has done so, and nobody starts one from now on
	h.running = nil
	h.mu.Unlock()
	h.busy.Wait()
	return context.Cause(ctx)
}

// Publish notes whose presence has changed. It does not block.
func (h *Hooks) Publish(updates []hub.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.hooks {
		some := false
		for i := range updates {
			some = k.note(updates[i].PersonID) || some
		}
		if some {
			k.signal()
		}
	}
}

// Office notes of whom something else may be seen now.
func (h *Hooks) Office(c office.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.hooks {
		lists := [][]string{c.Levels, c.Removed}
		if c.AllLevels || slices.Contains(c.Levels, k.c.Viewer) || slices.Contains(c.Removed, k.c.Viewer) { // who may be blocked, or back
			lists = append(lists, h.dir.IDs())
		}
		some := false
		for _, list := range lists {
			for _, id := range list {
				some = k.note(id) || some
			}
		}
		if some {
			k.signal()
		}
	}
}

// note notes that something may be due about somebody; Hooks.mu is held.
func (k *hook) note(id string) bool {
	if k.wanted != nil && !k.wanted[id] {
		return false
	}
	k.noted++
	k.due[id] = k.noted
	return true
}

func (k *hook) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// message is what one call tells.
type message struct {
	id   string
	body []byte
	told []said
}

// said is what a call tells of a person.
type said struct {
	person string
	sum    uint64 // hash of it; 0: they are gone
	noted  uint64 // what it answers
}

// run calls for one hook until ctx ends.
func (h *Hooks) run(ctx context.Context, k *hook) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	wait := h.timing.first
	var m *message // that was not taken yet: it keeps its name as long as it says the same
	attempt := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		for {
			select { // gather, or wait before it is tried again
			case <-ctx.Done():
				return
			case <-pause.C:
			}
			next := h.compose(k)
			if next == nil {
				pause.Reset(0)
				m = nil
				break
			}
			if m == nil || string(m.body) != string(next.body) {
				m, attempt = next, 0
			}
			attempt++
			h.doubt(k, m.told)
			d, after := h.call(ctx, k, m, attempt)
			switch {
			case ctx.Err() != nil:
				return
			case d.Error == "":
				h.settle(k, m.told)
				h.result(k.id, k.c.URL, d, time.Time{})
				m, wait = nil, h.timing.first
				pause.Reset(h.timing.gather)
			default:
				rest := min(max(wait, after), h.timing.longest)
				h.result(k.id, k.c.URL, d, time.Now().Add(rest))
				pause.Reset(rest)
				wait = min(2*wait, h.timing.longest)
			}
		}
	}
}

// compose makes the call about who is due; nil if there is nothing to tell. Who is told of stays due until that was taken.
func (h *Hooks) compose(k *hook) *message {
	h.mu.Lock()
	due := make([]said, 0, len(k.due))
	for id, noted := range k.due {
		due = append(due, said{person: id, sum: k.told[id], noted: noted})
	}
	h.mu.Unlock()
	slices.SortFunc(due, func(a, b said) int { return strings.Compare(a.person, b.person) }) // the same again is told in the same way
	m := &message{id: "msg_" + rand.Text()}
	var people, gone []byte
	var same []said
	for _, x := range due {
		if len(m.told) == mostPeople {
			break
		}
		view, visible := h.view(k, x.person)
		was := x.sum
		if x.sum = 0; visible {
			x.sum = maphash.Bytes(h.seed, view) | 1
		}
		switch {
		case x.sum == was:
			same = append(same, x)
			continue
		case visible:
			people = append(append(people, ','), view...)
		default:
			gone = strconv.AppendQuote(append(gone, ','), x.person) // made by office.NewID: plain letters and digits
		}
		m.told = append(m.told, x)
	}
	h.settle(k, same)
	if len(m.told) == 0 {
		return nil
	}
	m.body = []byte(`{"type":"changes","people":[`)
	m.body = append(m.body, bytes.TrimPrefix(people, []byte(","))...)
	if len(gone) > 0 {
		m.body = append(append(m.body, `],"gone":[`...), gone[1:]...)
	}
	m.body = append(m.body, "]}"...)
	return m
}

// doubtful stands for what a receiver may or may not know: no hash is even, and 0 is who is gone.
const doubtful = 2

// doubt notes that it is not known what a receiver knows: the answer may have been lost.
func (h *Hooks) doubt(k *hook, all []said) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range all {
		k.told[x.person] = doubtful
	}
}

// settle notes what a receiver knows. Whoever was noted since stays due.
func (h *Hooks) settle(k *hook, all []said) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range all {
		if k.due[x.person] == x.noted {
			delete(k.due, x.person)
		}
		if x.sum == 0 {
			delete(k.told, x.person)
		} else {
			k.told[x.person] = x.sum
		}
	}
}

// view is what the viewer of a hook may see of somebody, as JSON; visible is false if that is nothing, also because the viewer is
// blocked or gone.
func (h *Hooks) view(k *hook, id string) (view []byte, visible bool) {
	if v, ok := h.dir.Person(k.c.Viewer); !ok || v.Blocked || k.wanted != nil && !k.wanted[id] {
		return nil, false
	}
	class := rights.ClassOf(h.dir.Level(k.c.Viewer, id))
	p, shown, ok := h.from.Presence(id)
	if !ok || class.SeesNothing() {
		return nil, false
	}
	return rights.SeePresence(class, id, &p, &shown).AppendJSON(nil), true
}

// call makes one attempt. after is how long the receiver wants to be left in peace.
func (h *Hooks) call(ctx context.Context, k *hook, m *message, attempt int) (d Delivery, after time.Duration) {
	d = Delivery{ID: m.id, At: time.Now().UTC(), Attempt: attempt, People: len(m.told)}
	after = h.post(ctx, &k.c, m.body, &d)
	return d, after
}

// Try calls once, with a message that says nothing, and returns how that went.
func (h *Hooks) Try(ctx context.Context, c Config) Delivery {
	d := Delivery{ID: "msg_" + rand.Text(), At: time.Now().UTC(), Attempt: 1}
	h.post(ctx, &c, []byte(`{"type":"ping"}`), &d)
	return d
}

// post sends a body and enters how that went.
func (h *Hooks) post(ctx context.Context, c *Config, body []byte, d *Delivery) (after time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, h.timing.patience)
	defer cancel()
	header := http.Header{"Content-Type": {"application/json"}}
	Sign(header, c.Secret, d.ID, d.At, body)
	res, err := h.client.Do(ctx, outbound.Request{Method: http.MethodPost, URL: c.URL, Header: header, Body: body, MaxBody: 1 << 20})
	d.Bytes, d.TookMS = len(body), time.Since(d.At).Milliseconds()
	var told *outbound.Error
	switch {
	case errors.As(err, &told):
		d.Error = told.Text
	case err != nil:
		d.Error = "There was no answer in time."
	default:
		d.Status = res.Status
		if res.Status < 200 || res.Status > 299 {
			d.Error = fmt.Sprintf("The receiver answers %d %s.", res.Status, http.StatusText(res.Status))
			after = retryAfter(res.Header.Get("Retry-After"))
		}
	}
	return after
}

// retryAfter reads how long to wait (RFC 9110 §10.2.3); zero if it does not say.
func retryAfter(text string) time.Duration {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, 86400)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// SecretPrefix is what secrets begin with, as they are shown (Standard Webhooks 1.0, "Signing secret").
const SecretPrefix = "whsec_"

// NewSecret returns a new secret as it is shown.
func NewSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return SecretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// ParseSecret reads a secret as it is shown; of 24 to 64 bytes, as the specification says.
func ParseSecret(text string) ([]byte, error) {
	coded, ok := strings.CutPrefix(strings.TrimSpace(text), SecretPrefix)
	b, err := base64.StdEncoding.DecodeString(coded)
	if !ok || err != nil || len(b) < 24 || len(b) > 64 {
		return nil, errors.New("must be whsec_ and 24 to 64 bytes in base64")
	}
	return b, nil
}

// Sign enters what a receiver checks (Standard Webhooks 1.0, "Webhook headers" and "Signature scheme").
func Sign(header http.Header, secret []byte, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", stamp)
	header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
