package api

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// sessionID names a session for its owner; nobody comes in with it.
func sessionID(hash []byte) string { return hex.EncodeToString(hash[:8]) }

func (s *Server) getSessions(ctx context.Context, in *PersonPath) (*Out[Sessions], error) {
	id, _, err := s.ownOrGoverned(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	list, err := s.sessionsOf(ctx, id)
	return &Out[Sessions]{Sessions{list}}, err
}

// sessionsOf are the sign-ins of somebody, newest first.
func (s *Server) sessionsOf(ctx context.Context, id string) ([]Session, error) {
	all, err := s.store.Sessions(ctx, id, time.Now())
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "sign-ins cannot be read at the moment")
	}
	list := []Session{}
	current := ""
	if c := callerOf(ctx); c.secret != "" {
		current = sessionID(secret.Hash(c.secret))
	}
	for _, x := range all {
		one := Session{
			ID: sessionID(x.Hash), Label: x.Label, Address: x.Address, CreatedAt: x.CreatedAt, ExpiresAt: x.ExpiresAt, Client: x.Client, Current: sessionID(x.Hash) == current,
		}
		if via, err := s.connectors.Get(x.ConnectorID); err == nil {
			one.Provider = via.Name
		}
		list = append(list, one)
	}
	return list, nil
}

func (s *Server) deleteOtherSession(ctx context.Context, in *SessionPath) (*struct{}, error) {
	id, c, err := s.ownOrGoverned(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Sessions(ctx, id, time.Now())
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "sign-ins cannot be read at the moment")
	}
	for _, x := range all {
		if sessionID(x.Hash) != in.Session {
			continue
		}
		if err := s.endSessions(ctx, c.by(), x); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "the sign-in cannot be ended at the moment")
		}
		return nil, nil
	}
	return nil, fault.New(fault.NotFound, "there is no sign-in %q", in.Session)
}

func (s *Server) putPassword(ctx context.Context, in *PasswordInput) (*struct{}, error) {
	p, c, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if p.PasswordHash == "" {
		return nil, fault.New(fault.Conflict, "you sign in without a password of this server")
	}
	fits, err := s.guess(ctx, p.Login, func() (bool, error) { return secret.CheckPassword(ctx, p.PasswordHash, in.Body.Old) })
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, fault.Bad("old", "is not the password")
	}
	return nil, s.setPassword(ctx, c.by(), "password.change", p.ID, "new", in.Body.New, p.PasswordHash)
}

// setPassword gives somebody a password, which ends all their sign-ins. If was is not empty it must still be theirs.
func (s *Server) setPassword(ctx context.Context, by office.By, action, id, field, password, was string) error {
	var bad fault.Fields
	checkPassword(field, password, &bad)
	if err := bad.Err(); err != nil {
		return err
	}
	hash, err := secret.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.office.ChangePerson(ctx, by, action, id, func(p *store.Person) error {
		switch {
		case was != "" && p.PasswordHash != was:
			return fault.New(fault.Conflict, "the password was changed meanwhile")
		case p.Blocked:
			return fault.New(fault.Conflict, "%s is blocked", p.Name)
		}
		p.PasswordHash = hash
		return nil
	})
	return err
}

func (in *LinkInput) locations(s *Server) []string { return s.locationOfPerson(in.Person) }

func (s *Server) postLink(ctx context.Context, in *LinkInput) (*Out[Link], error) {
	p, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if err := c.mayGovern(p); err != nil {
		return nil, err
	}
	if s.connectors.ChecksPasswords(&p.Person) {
		return nil, fault.New(fault.Conflict, "%s signs in with the password of a directory", p.Name)
	}
	text, expires, err := s.office.MakeLink(ctx, c.by(), p.ID, in.Body.Kind)
	if err != nil {
		return nil, err
	}
	// Behind the # it is not sent to servers on the way, nor written into their logs.
	return &Out[Link]{Link{Path: office.LinkPath + text, ExpiresAt: expires}}, nil
}

func (s *Server) postPassword(ctx context.Context, in *LinkUse) (*SessionOut, error) {
	var bad fault.Fields
	checkPassword("password", in.Body.Password, &bad)
	if err := bad.Err(); err != nil {
		return nil, err // and the link is not used up
	}
	var link store.Link
	hash := secret.Hash(in.Body.Secret)
	good, err := s.guess(ctx, "\x00link/"+sessionID(hash), func() (ok bool, err error) {
		link, err = s.store.TakeLink(ctx, hash, time.Now())
		if isNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	p, ok := s.office.Person(link.PersonID)
	if !good || !ok || p.Blocked || s.connectors.ChecksPasswords(&p.Person) {
		return nil, fault.New(fault.NotFound, "the link was used already, has expired, or was replaced by a newer one")
	}
	ctx = context.WithoutCancel(ctx) // it is taken: whoever goes away now finds the password set
	by := office.By{Actor: p.ID, Address: callerOf(ctx).by().Address}
	if err := s.setPassword(ctx, by, "password.link", p.ID, "password", in.Body.Password, ""); err != nil {
		if restored := s.store.Update(ctx, store.Changes{PutLinks: []store.Link{link}}); restored != nil {
			s.log.ErrorContext(ctx, "a link could not be given back", "err", restored, "user", p.ID)
		}
		return nil, err
	}
	return s.signInAs(ctx, p.ID)
}
