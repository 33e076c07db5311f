package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

func (s *Server) getSetup(ctx context.Context, _ *empty) (*Out[Setup], error) {
	needed := !s.office.HasAdmin()
	return &Out[Setup]{Setup{
		Needed: needed, Demo: s.cfg.Demo,
		CodeRequired: needed && !callerOf(ctx).local,
	}}, nil
}

var settingUp sync.Mutex // one first administrator, even if two browsers ask at once

func (s *Server) postSetup(ctx context.Context, in *SetupInput) (*SessionOut, error) {
	settingUp.Lock()
	defer settingUp.Unlock()
	if s.office.HasAdmin() {
		return nil, fault.New(fault.Conflict, "there is an administrator already; sign in")
	}
	c := callerOf(ctx)
	if !c.local {
		right, err := s.guess(ctx, "\x00setup", func() (bool, error) {
			return s.cfg.SetupCode != "" && subtle.ConstantTimeCompare([]byte(in.Body.Code), []byte(s.cfg.SetupCode)) == 1, nil
		})
		if err != nil {
			return nil, err
		}
		if !right {
			return nil, fault.Bad("code", "is not the one that the server printed at start")
		}
	}
	var bad fault.Fields
	checkPassword("password", in.Body.Password, &bad)
	office.CheckZone("time_zone", in.Body.TimeZone, &bad)
	if err := bad.Err(); err != nil {
		return nil, err
	}
	hash, err := secret.HashPassword(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	location := store.Location{Name: in.Body.Location, TimeZone: in.Body.TimeZone}
	if location.TimeZone == "" {
		location.TimeZone = "UTC"
	}
	if all, _ := s.office.Locations(); len(all) > 0 { // an attempt before went half way
		location = all[0]
	} else if err := s.office.PutLocation(ctx, office.By{}, &location); err != nil {
		return nil, err
	}
	p := store.Person{
		LocationID: location.ID, Name: in.Body.Name, Login: in.Body.Login, Role: office.RoleAdmin, PasswordHash: hash, CreatedAt: time.Now().UTC(),
	}
	if err := s.office.PutPeople(ctx, office.By{}, "setup", &p); err != nil {
		return nil, err
	}
	return s.signInAs(ctx, p.ID)
}

func checkPassword(at, password string, bad *fault.Fields) {
	if n := utf8.RuneCountInString(password); n < 10 {
		bad.Add(at, "has %d characters; at least 10 are needed", n)
	}
}

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "too many attempts; try again in %d seconds", int(wait.Seconds())+1)
}

func (s *Server) postSession(ctx context.Context, in *SignIn) (*SessionOut, error) {
	login := office.NormalLogin(in.Body.Login)
	p, ok := s.office.ByLogin(login)
	if !ok || p.Blocked {
		p = &office.Person{} // nobody, which takes as long
	}
	fits, err := s.guess(ctx, login, func() (bool, error) { return s.checkPassword(ctx, p, login, in.Body.Password) })
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, fault.New(fault.Unauthorized, "login or password is wrong")
	}
	return s.signIn(ctx, p)
}

// checkPassword checks a password with the directory that somebody comes from, if it checks any, and else here. Whoever has
// left the directory does not come in with an old password.
func (s *Server) checkPassword(ctx context.Context, p *office.Person, login, password string) (bool, error) {
	fits, known, err := s.connectors.SignIn(ctx, &p.Person, login, password)
	if fits || err != nil {
		return fits, err
	}
	if known { // which must not take less time than being nobody
		_, err := secret.CheckPassword(ctx, "", password)
		return false, err
	}
	return secret.CheckPassword(ctx, p.PasswordHash, password)
}

// openSession signs somebody in who was seen to be them; session says how, if not with a password. They must be who they
// were then: whoever was blocked or got another password meanwhile is not let in.
func (s *Server) openSession(ctx context.Context, p *office.Person, session store.Session, lasts time.Duration) (secret string, err error) {
	c := callerOf(ctx)
	if session.PersonID = p.ID; session.Label == "" {
		session.Label = browserOf(c.agent)
	}
	if secret, err = s.sessions.create(ctx, session, c.from, lasts); err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "signing in is not possible at the moment")
	}
	s.office.Settle() // what was under way may not have seen the session; what changes from here on ends it
	now, ok := s.office.Person(p.ID)
	still := ok && !now.Blocked && now.PasswordHash == p.PasswordHash && now.Directory == p.Directory
	if still && session.ConnectorID != "" {
		still = s.connectors.Knows(session.ConnectorID, p.ID)
	}
	if !still {
		if err := s.sessions.end(context.WithoutCancel(ctx), secret); err != nil {
			s.log.ErrorContext(ctx, "a sign-in could not be taken back", "user", p.ID, "err", err)
		}
		return "", fault.New(fault.Unauthorized, "the account was changed meanwhile; sign in again")
	}
	return secret, nil
}

func (s *Server) signIn(ctx context.Context, p *office.Person) (*SessionOut, error) {
	text, err := s.openSession(ctx, p, store.Session{}, sessionFor)
	if err != nil {
		return nil, err
	}
	me, err := s.me(p.ID)
	if err != nil {
		return nil, err
	}
	return &SessionOut{SetCookie: s.cookie(text, int(sessionFor.Seconds())), Body: me}, nil
}

// signInAs signs in who has just been given a password.
func (s *Server) signInAs(ctx context.Context, id string) (*SessionOut, error) {
	p, ok := s.office.Person(id)
	if !ok {
		return nil, noPerson(id)
	}
	return s.signIn(ctx, p)
}

func (s *Server) cookie(value string, maxAge int) string {
	c := http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
	return c.String()
}

func (s *Server) me(id string) (Me, error) {
	card, ok := s.card(id, id)
	p, exists := s.office.Person(id)
	if !ok || !exists {
		return Me{}, fault.New(fault.Unauthorized, "sign in first")
	}
	return Me{
		Person: card, Login: p.Login, Role: p.Role, Administers: p.Administers, Voicemail: p.Voicemail, Language: p.Language, TimeZone: p.Zone.String(),
		Enabled: !p.Policy.Off, Version: s.cfg.Version, PublicURL: strings.TrimSuffix(s.cfg.PublicURL, "/"),
	}, nil
}

func (s *Server) getSession(ctx context.Context, _ *empty) (*Out[Me], error) {
	me, err := s.me(callerOf(ctx).person.ID)
	return &Out[Me]{me}, err
}

func (s *Server) deleteSession(ctx context.Context, _ *empty) (*SignedOut, error) {
	if c := callerOf(ctx); c.secret != "" {
		if err := s.sessions.end(ctx, c.secret); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "signing out is not possible at the moment")
		}
		if s.live != nil {
			s.live.SignOut(secret.Key(secret.Hash(c.secret)))
		}
	}
	return &SignedOut{SetCookie: s.cookie("", -1)}, nil
}

// browserOf names a browser for its owner, from the User-Agent header; roughly is enough.
func browserOf(agent string) string {
	browser, system := "Browser", ""
	for _, x := range []struct{ sign, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	} {
		if strings.Contains(agent, x.sign) {
			browser = x.name
			break
		}
	}
	for _, x := range []struct{ sign, name string }{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Mac OS", "macOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, x.sign) {
			system = x.name
			break
		}
	}
	if system == "" {
		return browser
	}
	return fmt.Sprintf("%s on %s", browser, system)
}
