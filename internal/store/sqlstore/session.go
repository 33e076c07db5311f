package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorlight/doorlight/internal/store"
)

const (
	sessionColumns = `SELECT hash, person_id, label, created_ms, expires_ms, address, connector_id, provider_session, client FROM sessions `
	sessionQuery   = sessionColumns + `WHERE hash = $1 AND expires_ms > $2`
)

func sessionDest(v *store.Session) []any {
	return []any{&v.Hash, (*text)(&v.PersonID), (*text)(&v.Label), (*instant)(&v.CreatedAt), (*instant)(&v.ExpiresAt), (*text)(&v.Address),
		(*text)(&v.ConnectorID), (*text)(&v.ProviderSession), (*flag)(&v.Client)}
}

// Session implements store.Store.
func (s *Store) Session(ctx context.Context, hash []byte, now time.Time) (store.Session, error) {
	var v store.Session
	err := s.reading(func(*sql.DB) error {
		return s.session.QueryRowContext(ctx, notNil(hash), now.UnixMilli()).Scan(sessionDest(&v)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Session{}, fmt.Errorf("store: session: %w", err)
	}
	return v, nil
}

// RenewSession implements store.Store.
func (s *Store) RenewSession(ctx context.Context, hash []byte, expires time.Time) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET expires_ms = $1 WHERE hash = $2`, expires.UnixMilli(), notNil(hash))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: renew a session: %w", err)
	}
	return nil
}

// Sessions implements store.Store.
func (s *Store) Sessions(ctx context.Context, personID string, now time.Time) ([]store.Session, error) {
	all, err := listOf(ctx, s, sessionColumns+`WHERE person_id = $1 AND expires_ms > $2 ORDER BY created_ms DESC, hash`,
		[]any{clean(personID), now.UnixMilli()}, sessionDest)
	if err != nil {
		return nil, fmt.Errorf("store: sessions of %s: %w", personID, err)
	}
	return all, nil
}

// ProviderSessions implements store.Store.
func (s *Store) ProviderSessions(ctx context.Context, connectorID, name string, now time.Time) ([]store.Session, error) {
	all, err := listOf(ctx, s, sessionColumns+`WHERE connector_id = $1 AND provider_session = $2 AND expires_ms > $3 ORDER BY hash`,
		[]any{clean(connectorID), clean(name), now.UnixMilli()}, sessionDest)
	if err != nil {
		return nil, fmt.Errorf("store: sessions of a provider: %w", err)
	}
	return all, nil
}

// DeleteExpired implements store.Store.
func (s *Store) DeleteExpired(ctx context.Context, now time.Time) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE expires_ms <= $1`, now.UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE expires_ms <= $1`, now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE expires_ms <= $1`, now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete what has expired: %w", err)
	}
	return nil
}

// TakeLink implements store.Store.
func (s *Store) TakeLink(ctx context.Context, hash []byte, now time.Time) (store.Link, error) {
	var v store.Link
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			DELETE FROM links WHERE hash = $1 AND expires_ms > $2 RETURNING hash, person_id, kind, created_ms, expires_ms`,
			notNil(hash), now.UnixMilli()).
			Scan(&v.Hash, (*text)(&v.PersonID), (*text)(&v.Kind), (*instant)(&v.CreatedAt), (*instant)(&v.ExpiresAt))
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Link{}, fmt.Errorf("store: link: %w", err)
	}
	return v, nil
}
