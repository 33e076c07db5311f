package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
)

// Href is the name of the one object that Fetch hands out: everything in the window.
const Href = "view"

// Bounds on what one Fetch does.
const (
	maxViews     = 64                   // requests for one window
	maxViewItems = 20_000               // appointments in one window
	maxSyncs     = 400                  // pages of changes, of 512
	maxState     = 256 << 10            // bytes of a SyncState worth keeping
	maxView      = 366 * 24 * time.Hour // Exchange refuses views of more than two years
	fetchTime    = 5 * time.Minute      // for a whole Fetch
	// A window is read with something around it: days are the owner's and not UTC's, and a window that moves on with
	// the clock stays inside for a while.
	before = 24 * time.Hour
	after  = 36 * time.Hour
)

// state is what Result.State holds, as JSON.
type state struct {
	Key  string `json:"key"` // of the mailbox, hashed
	Sync string `json:"sync,omitempty"`
	From int64  `json:"from"` // Unix seconds: the window that was read
	To   int64  `json:"to"`
	Read int64  `json:"read"` // Unix seconds: when
}

func (s state) String() string {
	if len(s.Sync) > maxState {
		s.Sync = ""
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

func hashed(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:8])
}

// Fetch reads what the calendar of a.Mailbox holds between a.From and a.To, as one object with the name Href. What has
// changed is asked for first, and if that is nothing the window is not read again. The window is read after the
// changes were asked for, so that a change in between is read twice and never missed.
//
// Result.Every is an hour while the mailbox's changes are heard of, else three minutes.
func (s *System) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	key, err := s.mailbox(a.Mailbox)
	if err != nil {
		return source.Result{}, err
	}
	if !a.From.Before(a.To) {
		return source.Result{}, &source.Error{Kind: source.Other, Text: "The calendar could not be read: the time to read is empty.", Err: errors.New("exchange: To is not after From")}
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	if s.fixed != nil { // nobody waits for a server that is known not to answer
		if e := s.host(s.fixed.url).gate.shut(time.Now()); e != nil {
			return source.Result{}, s.whole(e)
		}
	}
	heard := s.heard(key)
	b, err := s.hold(ctx, key)
	if err != nil {
		return source.Result{}, told(ctx, err)
	}
	defer s.release(key, b)
	r := &reading{s: s, account: a, key: key, box: b}
	result, err := r.read(ctx)
	if err != nil {
		return source.Result{}, told(ctx, err)
	}
	result.Every = everyUnheard
	if heard && s.heard(key) {
		result.Every = everyHeard
	}
	return result, nil
}

// told makes a *source.Error of any error of this package.
func told(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*source.Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		return &source.Error{Kind: source.Unavailable, Text: "The calendar was not read in time.", Err: context.Cause(ctx)}
	}
	return source.Failure(err)
}

// reading is one Fetch.
type reading struct {
	s       *System
	account source.Account
	key     string
	box     *box
	at      *endpoint
	asked   int // for views
}

func (s *System) person(mailbox string) person {
	return person{mailbox: mailbox, names: s.c.Names, access: s.c.Access}
}

func (r *reading) call(ctx context.Context, utc bool, body func(*writer, person)) (*message, error) {
	who := r.s.person(r.account.Mailbox)
	m, _, err := r.s.call(ctx, request{key: r.key, box: r.box, who: who, at: r.at, utc: utc, body: func(w *writer) { body(w, who) }})
	return m, err
}

func (r *reading) read(ctx context.Context) (source.Result, error) {
	var err error
	for again := false; ; again = true {
		if r.at, err = r.s.locate(ctx, r.key, r.account.Mailbox, r.box); err != nil {
			return source.Result{}, err
		}
		result, err := r.readAt(ctx)
		if f, ok := errors.AsType[*failure](err); ok && f.look && !again && r.s.fixed == nil {
			r.s.rested(r.box) // it may be elsewhere by now: look once
			r.s.forget(r.key)
			continue
		}
		return result, err
	}
}

func (r *reading) readAt(ctx context.Context) (source.Result, error) {
	var old state
	if err := json.Unmarshal([]byte(r.account.State), &old); err != nil || old.Key != hashed(r.key) {
		old = state{}
	}
	sync, changed, err := r.changes(ctx, old.Sync)
	if err != nil {
		return source.Result{}, err
	}
	etag, known := r.account.Known[Href]
	now := time.Now()
	age := now.Sub(time.Unix(old.Read, 0))
	if !changed && known && old.Read > 0 && age >= 0 && age < r.s.c.timing.old && sync != "" &&
		old.From <= r.account.From.Unix() && old.To >= r.account.To.Unix() {
		old.Sync = sync
		return source.Result{State: old.String(), Unchanged: true}, nil
	}
	from, to := r.account.From.Add(-before).UTC().Truncate(time.Second), r.account.To.Add(after).UTC().Truncate(time.Second)
	var entries []entry
	for at := from; at.Before(to); at = at.Add(maxView) {
		end := at.Add(maxView)
		if end.After(to) {
			end = to
		}
		if entries, err = r.view(ctx, entries, at, end); err != nil {
			return source.Result{}, err
		}
	}
	data := calendar.Write(sorted(entries))
	sum := sha256.Sum256(data)
	next := state{Key: hashed(r.key), Sync: sync, From: from.Unix(), To: to.Unix(), Read: now.Unix()}
	result := source.Result{State: next.String()}
	if hash := hex.EncodeToString(sum[:]); known && hash == etag {
		result.Unchanged = true
	} else {
		result.Replace = true
		result.Objects = []source.Object{{Href: Href, ETag: hash, Data: data}}
	}
	return result, nil
}

// changes asks what changed since a SyncState, and returns the next one.
func (r *reading) changes(ctx context.Context, sync string) (next string, changed bool, err error) {
	changed = sync == ""
	for range maxSyncs {
		m, err := r.call(ctx, false, func(w *writer, who person) { w.syncFolderItems(who, sync) })
		if f, ok := errors.AsType[*failure](err); ok && sync != "" && (f.code == "ErrorInvalidSyncStateData" || f.code == "ErrorSyncFolderNotFound") {
			r.s.rested(r.box)
			sync, changed = "", true
			continue
		}
		if err != nil {
			return "", false, err
		}
		for _, c := range m.Changes.List {
			if c.XMLName.Local != "ReadFlagChange" {
				changed = true
			}
		}
		last := !no(m.Includes)
		if m.SyncState == "" || m.SyncState == sync && !last {
			return "", true, nil // it leads nowhere: read the window each time
		}
		if sync = m.SyncState; last {
			return sync, changed, nil
		}
	}
	return "", true, nil
}

// view adds the appointments between from and to. A view has no pages: if it does not hold everything, it is asked for in halves.
func (r *reading) view(ctx context.Context, entries []entry, from, to time.Time) ([]entry, error) {
	tooMany := &source.Error{Kind: source.TooLarge, Text: "The calendar has more appointments than are read."}
	if r.asked++; r.asked > maxViews {
		return nil, tooMany
	}
	m, err := r.call(ctx, true, func(w *writer, who person) { w.findItem(who, from, to, r.s.c.timing.entries) })
	if err != nil {
		return nil, err
	}
	if no(m.Root.Includes) {
		half := from.Add(to.Sub(from) / 2).Truncate(time.Second)
		if !half.After(from) || !half.Before(to) {
			return nil, tooMany
		}
		if entries, err = r.view(ctx, entries, from, half); err != nil {
			return nil, err
		}
		return r.view(ctx, entries, half, to)
	}
	for i := range m.Root.Items.List {
		if e, ok := r.s.appointment(&m.Root.Items.List[i], r.at.webOrGuess()); ok {
			entries = append(entries, e)
		}
	}
	if len(entries) > maxViewItems {
		return nil, tooMany
	}
	return entries, nil
}

// webOrGuess returns the address of Outlook on the web: as a rule it is on the same server.
func (e *endpoint) webOrGuess() string {
	if e.web != "" {
		return e.web
	}
	u := url.URL{Scheme: e.url.Scheme, Host: e.url.Host, Path: "/owa/"}
	return u.String()
}

// locate returns where the mailbox is served.
func (s *System) locate(ctx context.Context, key, mailbox string, b *box) (*endpoint, error) {
	if s.fixed != nil {
		return s.fixed, nil
	}
	return s.discover(ctx, key, mailbox, b)
}
