package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorlight/doorlight/internal/store"
)

// Meta implements store.Store.
func (s *Store) Meta(ctx context.Context, key string) (string, error) {
	var value string
	err := s.reading(func(q *sql.DB) error {
		return q.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = $1`, clean(key)).Scan(&value)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("store: meta %s: %w", key, err)
	}
	return value, nil
}

// AllMeta implements store.Store.
func (s *Store) AllMeta(ctx context.Context) (map[string]string, error) {
	type row struct{ key, value text }
	all := map[string]string{}
	err := eachOf(ctx, s, `SELECT key, value FROM meta`, nil,
		func(r *row) []any { return []any{&r.key, &r.value} },
		func(r *row) error {
			all[string(r.key)] = string(r.value)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("store: all meta: %w", err)
	}
	return all, nil
}

// PutMeta implements store.Store.
func (s *Store) PutMeta(ctx context.Context, key, value string) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if len(clean(key)) > store.MaxKey {
			return &store.TooLongError{Record: "meta", Field: "key"}
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
			clean(key), clean(value))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: put meta %s: %w", key, err)
	}
	return nil
}

// Count implements store.Store.
func (s *Store) Count(ctx context.Context) (store.Counts, error) {
	var n store.Counts
	err := s.reading(func(q *sql.DB) error {
		return q.QueryRowContext(ctx, `
			SELECT (SELECT count(*) FROM claims), (SELECT count(*) FROM shown), (SELECT count(*) FROM calendar_objects),
				(SELECT count(*) FROM teams), (SELECT count(*) FROM forwardings), (SELECT count(*) FROM sip_accounts),
				(SELECT count(*) FROM redirects), (SELECT count(*) FROM audit)`).Scan(&n.Claims, &n.Shown, &n.CalendarObjects, &n.Teams, &n.Forwardings, &n.SIPAccounts, &n.Redirects, &n.Audit)
	})
	if err != nil {
		return store.Counts{}, fmt.Errorf("store: count: %w", err)
	}
	return n, nil
}
