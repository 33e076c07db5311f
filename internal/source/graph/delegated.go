package graph

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
)

// For is what somebody who signs in is asked to allow. A refresh token is good for what it was asked for.
type For uint8

const (
	ForCalendars For = iota // to read the own calendar
	ForPresence             // to read everybody's presence in Teams, and to write the own
)

// scopes are asked for when somebody signs in, and no more.
var scopes = [...][]string{
	ForCalendars: {"offline_access", "openid", "profile", "User.Read", "Calendars.Read"},
	ForPresence:  {"offline_access", "openid", "profile", "User.Read", "Presence.Read.All", "Presence.ReadWrite"},
}

// scope is the same for the token endpoint: permissions of Graph carry its address, so that it works in every cloud.
func (s *System) scope(what For) string {
	list := make([]string, len(scopes[what]))
	for i, one := range scopes[what] {
		if strings.Contains(one, ".") {
			one = s.c.GraphURL + "/" + one
		}
		list[i] = one
	}
	return strings.Join(list, " ")
}

// userTokens are the tokens of people who signed in, by a hash of each refresh token that was seen of them, and of what it is for.
type userTokens struct {
	gate *gate.Gate // of their sign-ins: they ask Entra ID, one each, and must not while it wants to be left alone, or does not take the application

	mu sync.Mutex // guards m
	m  map[[sha256.Size]byte]*userToken
}

const maxUserTokens = 40_000

// userToken is one person's sign-in.
type userToken struct {
	what     For
	box      *box
	spoilers spoilers
	turn     chan struct{} // full while somebody asks for a token

	mu     sync.Mutex // guards what follows
	access string
	renew  time.Time
	newest string // refresh token
	used   time.Time
}

// tokenKey keeps what people allowed apart: a token of one kind is never asked for with a refresh token of another.
func tokenKey(what For, refresh string) [sha256.Size]byte {
	return sha256.Sum256(append([]byte{byte(what)}, refresh...))
}

func (u *userTokens) get(what For, refresh string) *userToken {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil {
		u.m = map[[sha256.Size]byte]*userToken{}
	}
	key := tokenKey(what, refresh)
	one := u.m[key]
	if one == nil {
		u.makeRoom()
		one = &userToken{what: what, turn: make(chan struct{}, 1), newest: refresh, box: newBox(fmt.Sprintf("account %x", key[:8]))}
		u.m[key] = one
	}
	one.mu.Lock()
	one.used = time.Now()
	one.mu.Unlock()
	return one
}

// rotated has the new refresh token lead to the same sign-in.
func (u *userTokens) rotated(one *userToken, refresh string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.makeRoom()
	u.m[tokenKey(one.what, refresh)] = one
}

// makeRoom forgets sign-ins, those first that nobody used lately: all that is lost is a token that can be asked for again.
// u.mu is held.
func (u *userTokens) makeRoom() {
	if len(u.m) < maxUserTokens {
		return
	}
	for key, one := range u.m {
		one.mu.Lock()
		old := time.Since(one.used) > 2*time.Hour
		one.mu.Unlock()
		if old {
			delete(u.m, key)
		}
	}
	for key := range u.m {
		if len(u.m) < maxUserTokens {
			return
		}
		delete(u.m, key)
	}
}

// forget drops a sign-in that is not valid any more.
func (u *userTokens) forget(one *userToken) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, other := range u.m {
		if other == one {
			delete(u.m, key)
		}
	}
}

// userToken returns an access token.
func (s *System) userToken(ctx context.Context, one *userToken, claims string) (string, error) {
	known := func() string {
		one.mu.Lock()
		defer one.mu.Unlock()
		if one.access != "" && claims == "" && time.Now().Before(one.renew) {
			return one.access
		}
		return ""
	}
	if token := known(); token != "" {
		return token, nil
	}
	select {
	case one.turn <- struct{}{}:
		defer func() { <-one.turn }()
	case <-ctx.Done():
		return "", source.GivenUp(ctx)
	}
	if token := known(); token != "" {
		return token, nil
	}
	one.mu.Lock()
	refresh := one.newest
	one.mu.Unlock()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {s.scope(one.what)}}
	if claims != "" {
		form.Set("claims", claims)
	}
	g, err := s.token(ctx, form, false)
	if err != nil {
		s.log.Warn("graph: an account could not sign in", "source", "graph", "err", err)
		if e, ok := errors.AsType[*source.Error](err); ok {
			switch {
			case e.Kind == source.Credentials:
				s.users.forget(one)
			case e.Kind == source.Unavailable && ctx.Err() == nil:
				// Of the sign-in service as such: nobody else tries meanwhile.
				return "", s.users.gate.Stop(e.RetryAfter, e)
			}
		}
		return "", err
	}
	s.users.gate.Succeeded()
	one.mu.Lock()
	one.access, one.renew = g.Access, g.renewAt()
	rotated := g.Refresh != "" && g.Refresh != refresh
	if rotated {
		one.newest = g.Refresh
	}
	one.mu.Unlock()
	if rotated {
		s.users.rotated(one, g.Refresh)
	}
	return g.Access, nil
}

func (u *userToken) refused(token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.access == token {
		u.access = ""
	}
}

// askSignedIn sends a request as who signed in. A token that the service does not take is replaced once.
func (s *System) askSignedIn(ctx context.Context, b *budget, one *userToken, c call, limit int64) (answer, error) {
	var claims string
	for try := 0; ; try++ {
		if err := s.users.gate.Shut(); err != nil {
			return answer{}, err
		}
		token, err := s.userToken(ctx, one, claims)
		if err != nil {
			return answer{}, err
		}
		got, err := s.sendWithin(ctx, b, token, c, one.box.Doubtful(), limit)
		if err != nil || got.status != http.StatusUnauthorized || try > 0 {
			return got, err
		}
		claims = got.claims()
		one.refused(token)
	}
}

// fetchDelegated reads the calendar of whoever signed in.
func (s *System) fetchDelegated(ctx context.Context, a source.Account) (r source.Result, err error) {
	if err := s.gate.Admit(ctx); err != nil {
		return source.Result{}, err
	}
	one := s.users.get(ForCalendars, a.Password)
	defer func() {
		one.mu.Lock()
		defer one.mu.Unlock()
		if one.newest != a.Password {
			r.Password = one.newest
		}
	}()
	if err := one.box.Shut(); err != nil {
		return source.Result{}, err
	}
	release, err := one.box.Turn(ctx)
	if err != nil {
		return source.Result{}, err
	}
	defer release()
	ask := func(c call) (answer, error) { return s.askSignedIn(ctx, s.gate, one, c, maxPage) }
	first, err := ask(viewCall("/me" + viewQuery(a.From, a.To, s.t.page)))
	if err != nil {
		return source.Result{}, err
	}
	return s.read(ctx, one.box, a, first, ask, true)
}
