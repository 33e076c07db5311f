package live

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/presence"
)

// Directory says what a viewer is to an owner. The office is one.
type Directory interface {
	Level(viewer, owner string) rights.Level
	Person(id string) (*office.Person, bool)
}

// Presences says what is published about a person. The hub is one.
type Presences interface {
	Presence(personID string) (presence.Presence, presence.Shown, bool)
}

// Config holds what has a default.
type Config struct {
	Log     *slog.Logger
	Gather  time.Duration // changes due to one connection within so long go out as one write; zero: 10 ms
	Ping    time.Duration // an idle connection is asked so often whether it lives; zero: 30 s
	Slow    time.Duration // a connection that takes nothing for so long is dropped; zero: 15 s
	Most    int           // people that one connection may watch; zero: 2000
	Clients Clients       // nil: connections do not count as clients
}

// Clients keeps the clients that connections count as.
type Clients interface {
	// Report enters that a client runs, and what it says of itself. Errors that package fault marks are told to desktop clients.
	Report(ctx context.Context, personID string, r Report) error
	// Attach has a client run, once it is reported, for as long as its connection lasts. detach ends that, and says when the client was heard of last.
	Attach(personID, clientID string) (detach func(heard time.Time))
	// End enters that a client says its end. If another connection of it stands, it is not the end.
	End(ctx context.Context, personID, clientID string) error
	// Settings returns the message that tells a desktop client what to measure, a JSON object. It is called with a lock held, and waits for nobody.
	Settings(personID string) []byte
}

// Report is what a client says of itself: that it runs, and what it measures.
type Report struct {
	ID            string             `json:"id"`
	Label         string             `json:"label"`          // empty: as before
	Activity      *presence.Activity `json:"activity"`       // nil: as before
	ActivitySince *time.Time         `json:"activity_since"` // of the last input, or of the locking; nil: now
	Microphone    *[]string          `json:"microphone"`     // processes that record; nil: as before
}

// Broker takes what the hub publishes to the connections that watch it.
type Broker struct {
	dir   Directory
	from  Presences
	cfg   Config
	log   *slog.Logger
	epoch string
	block cipher.Block // hides the count of changes in positions
	flush chan struct{}
	seed  maphash.Seed
	busy  sync.WaitGroup // readers and writers of connections

	// mu guards subjects, everything in them, conns, the dirty list, and what conns have that is marked so. It is not
	// held while something is written.
	mu       sync.Mutex
	stopped  bool
	subjects map[string]*subject
	numbered []*subject // by number
	vacant   []uint32   // numbers that are free
	conns    map[*conn]struct{}
	desktops map[string][]*conn // of desktop clients that have reported, by person
	dirty    []*conn
	revision uint64 // of the latest change that somebody could see

	delivered atomic.Uint64
	writes    atomic.Uint64
}

// subject is a person somebody watches.
type subject struct {
	id       string
	number   uint32
	watchers int
	gone     bool   // the person was removed: from now on nobody sees anything of them
	coming   bool   // the person has just been added: their presence will be published for the first time
	stale    uint64 // revision at which the card changed last
	audience [rights.MaxClasses]audience
}

// audience are the connections that see the same of a subject.
type audience struct {
	conns    []*conn
	view     rights.View
	encoded  []byte // of view; nil: not encoded yet; never changed
	revision uint64 // at which view changed last
}

// New returns a broker. Run makes it work.
func New(dir Directory, from Presences, cfg Config) *Broker {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	set(&cfg.Gather, 10*time.Millisecond)
	set(&cfg.Ping, 30*time.Second)
	set(&cfg.Slow, 15*time.Second)
	if cfg.Most == 0 {
		cfg.Most = 2000
	}
	var key [16]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil { // the key has the right length
		panic(err)
	}
	var epoch [8]byte
	rand.Read(epoch[:])
	return &Broker{
		dir: dir, from: from, cfg: cfg, log: cfg.Log, epoch: hex.EncodeToString(epoch[:]), block: block, flush: make(chan struct{}, 1), seed: maphash.MakeSeed(),
		subjects: map[string]*subject{}, conns: map[*conn]struct{}{}, desktops: map[string][]*conn{}, revision: 1,
	}
}

func set(d *time.Duration, byDefault time.Duration) {
	if *d == 0 {
		*d = byDefault
	}
}

// SetClients says who starts clients; it is called before the broker is used.
func (b *Broker) SetClients(c Clients) { b.cfg.Clients = c }

// SetSource says where presences are; it is called before the broker is used.
func (b *Broker) SetSource(p Presences) { b.from = p }

// Stats are counts since the start.
type Stats struct {
	Connections, Subjects int
	Delivered, Writes     uint64 // presences, and the writes that carried them
}

// Stats returns counts.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{len(b.conns), len(b.subjects), b.delivered.Load(), b.writes.Load()}
}

// Publish enters changed presences. Classes of viewers that see no difference are told nothing.
func (b *Broker) Publish(updates []hub.Update) {
	b.mu.Lock()
	for i := range updates {
		if s := b.subjects[updates[i].PersonID]; s != nil {
			b.publish(s, &updates[i].Presence, &updates[i].Shown, updates[i].Gone)
		}
	}
	some := len(b.dirty) > 0
	b.mu.Unlock()
	if some {
		b.wake()
	}
}

func (b *Broker) wake() {
	select {
	case b.flush <- struct{}{}:
	default:
	}
}

func (b *Broker) publish(s *subject, p *presence.Presence, shown *presence.Shown, gone bool) {
	if gone {
		s.gone = true
		b.relevelSubject(s)
		return
	}
	s.coming = false
	for c := range rights.Classes() {
		a := &s.audience[c]
		v := rights.SeePresence(rights.Class(c), s.id, p, shown)
		if v == a.view {
			continue
		}
		b.revision++
		a.view, a.encoded, a.revision = v, nil, b.revision
		if rights.Class(c).SeesNothing() {
			continue
		}
		for _, w := range a.conns {
			b.mark(w, s, isChanged)
		}
	}
}

// what is due about a subject.
type what uint8

const (
	isChanged what = 1 << iota // the presence
	isStale                    // the card: name, numbers or rights
	isGone                     // it cannot be seen any more
)

// mark notes that a connection has something to be told; mu is held.
func (b *Broker) mark(c *conn, s *subject, w what) {
	i := c.find(s)
	if c.closed || i < 0 {
		return
	}
	if !c.queued {
		c.queued = true
		b.dirty = append(b.dirty, c)
	}
	at := &c.watched[i]
	if at.what == 0 {
		c.due = append(c.due, int32(i))
	}
	if w&isGone == 0 { // who is seen again is not gone
		at.what &^= isGone
	}
	at.what |= w
}

// Office enters a change of the organisation: what viewers are to owners, names, people who are gone or signed out.
func (b *Broker) Office(c office.Change) {
	b.mu.Lock()
	if c.AllLevels {
		for _, s := range b.subjects {
			b.relevelSubject(s)
		}
	} else {
		for _, id := range c.Levels {
			if s := b.subjects[id]; s != nil {
				b.relevelSubject(s)
			}
		}
	}
	for _, id := range c.Cards {
		if s := b.subjects[id]; s != nil {
			s.stale = b.nextRevision()
			for k := range s.audience {
				for _, w := range s.audience[k].conns {
					if rights.MayRead(w.levelOf(s), rights.Name) {
						b.mark(w, s, isStale)
					}
				}
			}
		}
	}
	b.tellDesktops(c.Policies)
	var out []*conn
	if len(c.Signed) > 0 {
		for conn := range b.conns {
			if slices.Contains(c.Signed, conn.viewer) {
				out = append(out, conn)
			}
		}
	}
	b.mu.Unlock()
	for _, conn := range out {
		b.drop(conn, CloseSignedOut, "signed out")
	}
	for _, hash := range c.Revoked {
		b.SignOut(secret.Key(hash))
	}
	b.wake()
}

func (b *Broker) nextRevision() uint64 {
	b.revision++
	return b.revision
}

// relevelSubject finds out anew what everybody who watches a subject is to it, and tells those for whom that changed;
// mu is held.
func (b *Broker) relevelSubject(s *subject) {
	for k := range s.audience {
		for _, w := range slices.Clone(s.audience[k].conns) {
			at := &w.watched[w.find(s)]
			was, level := at.level, b.level(w, s)
			if level == was {
				continue
			}
			at.level = level
			w.set += b.hash(s.id, level) - b.hash(s.id, was)
			if class := rights.ClassOf(level); class != rights.Class(k) {
				b.leave(w, s, rights.Class(k))
				s.enter(w, class)
			}
			switch {
			case rights.MayRead(level, rights.Name):
				b.mark(w, s, isStale|isChanged)
			case rights.MayRead(was, rights.Name):
				b.mark(w, s, isGone)
			}
		}
	}
}

// level returns what a connection's viewer is to a subject.
func (b *Broker) level(c *conn, s *subject) rights.Level {
	if s.gone {
		return rights.Blocked
	}
	return b.dir.Level(c.viewer, s.id)
}

// SignOut closes the connections of one session or token.
func (b *Broker) SignOut(session uint64) {
	b.mu.Lock()
	var out []*conn
	for c := range b.conns {
		if c.session == session {
			out = append(out, c)
		}
	}
	b.mu.Unlock()
	for _, c := range out {
		b.drop(c, CloseSignedOut, "signed out")
	}
}

// subject returns the subject of a person, made if need be; nil if there is no such person; mu is held. Whoever learns of a
// new person from the office may be faster than the hub, and must not be left without them for that.
func (b *Broker) subject(id string) *subject {
	if s := b.subjects[id]; s != nil {
		return s
	}
	p, shown, ok := b.from.Presence(id)
	if !ok {
		if _, added := b.dir.Person(id); !added {
			return nil
		}
	}
	s := &subject{id: id, coming: !ok}
	b.revision++ // whoever resumes may have missed what happened while nobody watched
	for c := range rights.Classes() {
		if ok {
			s.audience[c].view = rights.SeePresence(rights.Class(c), id, &p, &shown)
		}
		s.audience[c].revision = b.revision
	}
	s.stale = b.revision
	if n := len(b.vacant); n > 0 {
		s.number, b.vacant = b.vacant[n-1], b.vacant[:n-1]
		b.numbered[s.number] = s
	} else {
		s.number = uint32(len(b.numbered))
		b.numbered = append(b.numbered, s)
	}
	b.subjects[id] = s
	return s
}

func (a *audience) bytes() []byte {
	if a.encoded == nil {
		a.encoded = a.view.AppendJSON(make([]byte, 0, 160))
	}
	return a.encoded
}

// enter puts a connection into an audience; Broker.mu is held.
func (s *subject) enter(c *conn, class rights.Class) {
	s.audience[class].conns = append(s.audience[class].conns, c)
	s.watchers++
}

// leave takes a connection out of an audience; c.watched is the caller's business; mu is held.
func (b *Broker) leave(c *conn, s *subject, class rights.Class) {
	a := &s.audience[class]
	if i := slices.Index(a.conns, c); i >= 0 {
		last := len(a.conns) - 1
		a.conns[i], a.conns[last] = a.conns[last], nil
		a.conns = a.conns[:last]
		s.watchers--
	}
}

// watch replaces what a connection watches and returns the snapshot, or what has changed since it was there before.
func (b *Broker) watch(c *conn, ids []string, from *Resume) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.closed {
		return nil
	}
	for _, w := range c.watched {
		b.leave(c, b.numbered[w.number], rights.ClassOf(w.level))
	}
	c.watched = make([]watched, 0, len(ids))
	c.due, c.holding = nil, true
	c.set = b.hash(c.viewer, rights.Self)
	for _, id := range ids {
		if c.desktop && id != c.viewer {
			continue
		}
		s := b.subject(id)
		if s == nil || s.watchers > 0 && c.find(s) >= 0 {
			continue
		}
		level := b.level(c, s)
		s.enter(c, rights.ClassOf(level))
		c.watched = append(c.watched, watched{number: s.number, level: level})
		c.set += b.hash(id, level)
	}
	// A position holds for the people it was given for, and for what the viewer was to them: of others there would be
	// nothing but what changed since. That is asked for here and not told by Office, which may be on its way.
	since, resumed := uint64(0), false
	if from != nil && from.Epoch == b.epoch {
		if at, set, ok := b.openPosition(from.Position); ok && set == c.set && at <= b.revision {
			since, resumed = at, true
		}
	}
	kind := `{"type":"snapshot","epoch":"`
	if resumed {
		kind = `{"type":"resumed","epoch":"`
	}
	buf := make([]byte, headerRoom, headerRoom+160+len(ids)*160)
	buf = append(buf, kind...)
	buf = append(buf, b.epoch...)
	buf = append(buf, '"')
	buf = b.appendSeq(buf, c)
	buf = append(buf, `,"people":[`...)
	first := true
	for i := range c.watched {
		w := &c.watched[i]
		s, class := b.numbered[w.number], rights.ClassOf(w.level)
		if resumed && s.stale > since && rights.MayRead(w.level, rights.Name) {
			c.due = append(c.due, int32(i)) // follows at once
			w.what = isStale
		}
		a := &s.audience[class]
		if class.SeesNothing() || a.revision <= since || s.coming {
			continue
		}
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = append(buf, a.bytes()...)
	}
	return append(buf, "]}"...)
}

// hash tells people at a level apart; the sum over those a connection watches tells apart what it was told of.
func (b *Broker) hash(id string, l rights.Level) uint64 {
	return maphash.Comparable(b.seed, seen{id, l})
}

type seen struct {
	id    string
	level rights.Level
}

// appendSeq appends the sequence number of the connection's next frame and the position it will be at.
func (b *Broker) appendSeq(buf []byte, c *conn) []byte {
	c.seq++
	buf = append(buf, `,"seq":`...)
	buf = appendUint(buf, c.seq)
	buf = append(buf, `,"position":"`...)
	buf = b.appendPosition(buf, c)
	return append(buf, '"')
}

// appendPosition appends the present revision, for what the connection watches, in a form that tells nobody how much
// happens elsewhere.
func (b *Broker) appendPosition(buf []byte, c *conn) []byte {
	var plain, sealed [16]byte
	binary.BigEndian.PutUint64(plain[:8], b.revision)
	binary.BigEndian.PutUint64(plain[8:], c.set)
	b.block.Encrypt(sealed[:], plain[:])
	return base64.RawURLEncoding.AppendEncode(buf, sealed[:])
}

func (b *Broker) openPosition(text string) (revision, set uint64, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) != 16 {
		return 0, 0, false
	}
	var plain [16]byte
	b.block.Decrypt(plain[:], sealed)
	return binary.BigEndian.Uint64(plain[:8]), binary.BigEndian.Uint64(plain[8:]), true
}

// sweep forgets subjects that nobody watches any more, once nobody is likely to resume; mu is held.
func (b *Broker) sweep() {
	for id, s := range b.subjects {
		if s.watchers == 0 {
			delete(b.subjects, id)
			b.numbered[s.number] = nil
			b.vacant = append(b.vacant, s.number)
		}
	}
}
