package api

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

const (
	cookieName     = "doorlight_session"
	sessionFor     = 30 * 24 * time.Hour
	sessionPrefix  = "dls_"
	clientPrefix   = "dlc_"
	tokenPrefix    = "dlt_"
	scopeClaims    = "claims"
	scopeLines     = "lines"
	scopeRead      = "read"
	scopeAdmin     = "admin"
	actorToken     = "token/"
	checkSessionIn = 5 * time.Minute // a session that was good is looked up again after so long
)

// caller is who makes a request. The zero value is nobody.
type caller struct {
	person *office.Person // by a session, or the person that a token acts for
	token  *store.Token
	secret string // of the session
	client bool   // the session is a desktop client's
	local  bool   // the request comes from this computer
	from   netip.Addr
	agent  string
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// actor names the caller in the audit log.
func (c caller) actor() string {
	switch {
	case c.token != nil:
		return actorToken + c.token.ID
	case c.person != nil:
		return c.person.ID
	}
	return ""
}

// by is the caller in the audit log, with the address.
func (c caller) by() office.By {
	by := office.By{Actor: c.actor()}
	if c.token != nil && c.person != nil {
		by.Person = c.person.ID
	}
	if c.from.IsValid() {
		by.Address = c.from.String()
	}
	return by
}

func (c caller) has(scope string) bool {
	return c.token != nil && slices.Contains(c.token.Scopes, scope)
}

func (c caller) isAdmin() bool {
	if c.token != nil {
		return c.has(scopeAdmin)
	}
	return c.person != nil && c.person.Role == office.RoleAdmin
}

// identify finds out who makes a request. Credentials that are not good are refused here, whatever is asked for,
// but for a session cookie: that may have ended, and signing in again must be possible.
func (s *Server) identify(r *http.Request) (context.Context, error) {
	c := caller{local: s.isLocal(r), from: s.addressOf(r), agent: r.UserAgent()}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && strings.HasPrefix(bearer, clientPrefix) {
		id, err := s.sessions.person(r.Context(), bearer, true)
		if err != nil {
			return nil, err
		}
		p, ok := s.office.Person(id)
		if !ok || p.Blocked {
			return nil, fault.New(fault.Unauthorized, "the desktop client is not signed in any more")
		}
		c.person, c.secret, c.client = p, bearer, true
	} else if ok {
		t, ok := s.office.Token(secret.Hash(bearer))
		if !ok || !t.ExpiresAt.IsZero() && !time.Now().Before(t.ExpiresAt) {
			return nil, fault.New(fault.Unauthorized, "the token is unknown, revoked or has expired")
		}
		c.token = &t
		if t.PersonID != "" {
			p, ok := s.office.Person(t.PersonID)
			if !ok || p.Blocked { // it has the rights of this person, who has none any more
				return nil, fault.New(fault.Unauthorized, "the person of the token is blocked")
			}
			c.person = p
		}
	} else if cookie, err := r.Cookie(cookieName); err == nil && cookie.Value != "" {
		id, err := s.sessions.person(r.Context(), cookie.Value, false)
		if err != nil {
			return nil, err
		}
		if p, ok := s.office.Person(id); ok && !p.Blocked {
			c.person, c.secret = p, cookie.Value
		}
	}
	return context.WithValue(r.Context(), callerKey{}, c), nil
}

// viewer finds out who opens a live stream with a request.
func (s *Server) viewer(r *http.Request) (v live.Viewer, err error) {
	ctx := r.Context() // identified by ServeHTTP
	if err := s.admit(ctx, clients, false); err != nil {
		return v, err
	}
	c := callerOf(ctx)
	v.PersonID, v.Desktop = c.person.ID, c.client
	if c.token != nil {
		hash := c.token.Hash
		v.Credential, v.Expires, v.ReadOnly = secret.Key(hash), c.token.ExpiresAt, !c.has(scopeAdmin)
		v.Good = func() bool {
			_, ok := s.office.Token(hash)
			return ok && s.mayEnter(v.PersonID)
		}
		return v, nil
	}
	v.Credential = secret.Key(secret.Hash(c.secret))
	if !c.client { // whose sign-in lasts while it is used
		k, err := s.sessions.look(ctx, c.secret)
		if err != nil {
			return v, err
		}
		v.Expires = k.expires
	}
	v.Good = func() bool {
		_, err := s.sessions.person(context.WithoutCancel(ctx), c.secret, c.client)
		return err == nil && s.mayEnter(v.PersonID)
	}
	return v, nil
}

// mayEnter reports whether there is such a person and they are not blocked.
func (s *Server) mayEnter(id string) bool {
	p, ok := s.office.Person(id)
	return ok && !p.Blocked
}

// admit decides whether a caller may call an operation at all; changes tells whether it changes anything.
func (s *Server) admit(ctx context.Context, by who, changes bool) error {
	c := callerOf(ctx)
	if c.client && by != anybody && by != clients {
		return fault.New(fault.Forbidden, "a desktop client may not do this")
	}
	switch by {
	case anybody:
		return nil
	case signedIn, clients:
		if c.person == nil && c.token == nil {
			return fault.New(fault.Unauthorized, "sign in first")
		}
		if c.person == nil || c.token != nil && !c.has(scopeRead) && !c.has(scopeAdmin) {
			return fault.New(fault.Forbidden, "the token does not act for a person")
		}
		if changes && c.token != nil && !c.has(scopeAdmin) {
			return fault.New(fault.Forbidden, "the token may only read")
		}
		return nil
	case admins:
		if c.person == nil && c.token == nil {
			return fault.New(fault.Unauthorized, "sign in first")
		}
		if !c.isAdmin() {
			return fault.New(fault.Forbidden, "this is for administrators")
		}
		return nil
	case locals:
		if c.person == nil && c.token == nil {
			return fault.New(fault.Unauthorized, "sign in first")
		}
		if !c.isAdmin() && !c.isLocationAdmin() {
			return fault.New(fault.Forbidden, "this is for administrators")
		}
		return nil
	case origins, lines:
		if c.token == nil {
			if c.person == nil {
				return fault.New(fault.Unauthorized, "a token is needed")
			}
			return fault.New(fault.Forbidden, "this is for tokens with the scope %q", string(by))
		}
		if !c.has(string(by)) || c.token.Origin == "" {
			return fault.New(fault.Forbidden, "the token needs the scope %q and an origin", string(by))
		}
		return nil
	}
	return fault.New(fault.Forbidden, "nobody may call this")
}

// subject resolves the person of a path, and what the caller is to them. A person whom the caller may not see is not
// there.
func (s *Server) subject(ctx context.Context, id string) (p *office.Person, c caller, l rights.Level, err error) {
	c = callerOf(ctx)
	if id == "me" {
		id = c.person.ID
	}
	p, ok := s.office.Person(id)
	if !ok {
		return nil, c, 0, noPerson(id)
	}
	if l = s.office.Level(c.person.ID, id); !rights.MayRead(l, rights.Name) || c.client && l != rights.Self {
		return nil, c, 0, noPerson(id)
	}
	return p, c, l, nil
}

// subjectWith is subject for what takes a right.
func (s *Server) subjectWith(ctx context.Context, id string, right rights.Right, write bool) (*office.Person, caller, rights.Level, error) {
	p, c, l, err := s.subject(ctx, id)
	if err != nil {
		return nil, c, l, err
	}
	if write && !rights.MayWrite(l, right) || !rights.MayRead(l, right) {
		verb := "see"
		if write {
			verb = "change"
		}
		return nil, c, l, fault.New(fault.Forbidden, "as %s you may not %s this of %s (right %s)", l, verb, p.Name, right)
	}
	return p, c, l, nil
}

// target is the person of a path for callers with a token that speaks for an origin or an administrator: rights
// between people say nothing about them.
func (s *Server) target(ctx context.Context, id string) (*office.Person, caller, error) {
	c := callerOf(ctx)
	if id == "me" && c.person != nil {
		id = c.person.ID
	}
	p, ok := s.office.Person(id)
	if !ok {
		return nil, c, noPerson(id)
	}
	return p, c, nil
}

// sessions remembers which sessions were good lately, so that a request costs no look-up.
type sessions struct {
	store store.Store
	mu    sync.Mutex // guards known
	known map[string]knownSession
	turn  uint64 // raised by whatever ends sessions: what was looked up before is not kept
}

type knownSession struct {
	person  string
	client  bool
	until   time.Time // look again
	expires time.Time
}

func newSessions(st store.Store) *sessions {
	return &sessions{store: st, known: map[string]knownSession{}}
}

// person returns whose session it is, of a browser or of a desktop client; empty if it is nobody's any more, or of the other kind.
func (s *sessions) person(ctx context.Context, text string, client bool) (string, error) {
	k, err := s.look(ctx, text)
	if err != nil || k.client != client {
		return "", err
	}
	return k.person, nil
}

// look returns what is known about a session; the zero value if it is nobody's any more.
func (s *sessions) look(ctx context.Context, text string) (knownSession, error) {
	hash := string(secret.Hash(text))
	now := time.Now()
	s.mu.Lock()
	k, ok := s.known[hash]
	turn := s.turn
	s.mu.Unlock()
	if ok && now.Before(k.until) && now.Before(k.expires) {
		return k, nil
	}
	rec, err := s.store.Session(ctx, []byte(hash), now)
	if err != nil {
		if isNotFound(err) {
			s.mu.Lock()
			delete(s.known, hash)
			s.mu.Unlock()
			return knownSession{}, nil
		}
		return knownSession{}, fault.Wrap(fault.Unavailable, err, "sign-ins cannot be checked at the moment")
	}
	if left := rec.ExpiresAt.Sub(now); rec.Client && left < clientFor-renewEvery {
		expires := now.Add(clientFor).UTC().Truncate(time.Millisecond)
		if err := s.store.RenewSession(ctx, []byte(hash), expires); err != nil {
			return knownSession{}, fault.Wrap(fault.Unavailable, err, "sign-ins cannot be checked at the moment")
		}
		rec.ExpiresAt = expires
	}
	k = knownSession{rec.PersonID, rec.Client, now.Add(checkSessionIn), rec.ExpiresAt}
	s.mu.Lock()
	if len(s.known) > 200_000 { // forgetting costs a look-up, no more
		clear(s.known)
	}
	if s.turn == turn {
		s.known[hash] = k
	}
	s.mu.Unlock()
	return k, nil
}

// create makes a session and returns its secret. Person and label are given.
func (s *sessions) create(ctx context.Context, session store.Session, from netip.Addr, lasts time.Duration) (string, error) {
	prefix := sessionPrefix
	if session.Client {
		prefix = clientPrefix
	}
	text, hash := secret.New(prefix)
	now := time.Now().UTC()
	session.Hash, session.CreatedAt, session.ExpiresAt = hash, now, now.Add(lasts)
	if from.IsValid() {
		session.Address = from.String()
	}
	err := s.store.Update(ctx, store.Changes{PutSessions: []store.Session{session}})
	return text, err
}

func (s *sessions) end(ctx context.Context, text string) error {
	hash := secret.Hash(text)
	defer s.drop(hash)
	return s.store.Update(ctx, store.Changes{DeleteSessions: [][]byte{hash}})
}

// drop has a session looked up again.
func (s *sessions) drop(hash []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	delete(s.known, string(hash))
}

// forget has the sessions of people looked up again.
func (s *sessions) forget(people []string) {
	if len(people) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	for hash, k := range s.known {
		if slices.Contains(people, k.person) {
			delete(s.known, hash)
		}
	}
}
