package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorlight/doorlight/internal/store"
)

var (
	sipAccounts          = newTable("sip_account", "sip_accounts", 1, "username text, person_id text, name text, secret bytea, created_ms bigint", "")
	redirects            = newTable("redirect", "redirects", 2, "connector_id text, line text, person_id text, forwarding text", "")
	redirectsOfConnector = &table{record: "redirect", name: "redirects", key: 1, columns: redirects.columns}
)

// LoadSIPAccounts implements store.Store.
func (s *Store) LoadSIPAccounts(ctx context.Context, f func(store.SIPAccount) error) error {
	err := eachOf(ctx, s, `SELECT username, person_id, name, secret, created_ms FROM sip_accounts ORDER BY username`, nil,
		func(a *store.SIPAccount) []any {
			return []any{(*text)(&a.User), (*text)(&a.PersonID), (*text)(&a.Name), &a.Secret, (*instant)(&a.CreatedAt)}
		},
		func(a *store.SIPAccount) error { return f(*a) })
	if err != nil {
		return fmt.Errorf("store: load sip accounts: %w", err)
	}
	return nil
}

// LoadRedirects implements store.Store.
func (s *Store) LoadRedirects(ctx context.Context, f func(store.Redirect) error) error {
	err := eachOf(ctx, s, `SELECT connector_id, line, person_id, forwarding FROM redirects ORDER BY connector_id, line`, nil,
		func(r *store.Redirect) []any {
			return []any{(*text)(&r.ConnectorID), (*text)(&r.Line), (*text)(&r.PersonID), (*rawJSON)(&r.Forwarding)}
		},
		func(r *store.Redirect) error { return f(*r) })
	if err != nil {
		return fmt.Errorf("store: load redirects: %w", err)
	}
	return nil
}

// WriteRedirects implements store.Store.
func (s *Store) WriteRedirects(ctx context.Context, records ...store.Redirect) error {
	var values []any
	var deletes []store.Redirect
	for i := range records {
		r := &records[i]
		if len(r.Forwarding) == 0 {
			deletes = append(deletes, *r)
			continue
		}
		values = append(values, r.ConnectorID, r.Line, r.PersonID, document(r.Forwarding, nil))
	}
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		u := &updater{s: s, tx: tx}
		u.exec(ctx, redirects.put(), false, values)
		remove(ctx, u, redirects, deletes, func(r *store.Redirect) []any { return []any{r.ConnectorID, r.Line} })
		return u.err
	})
	if err != nil {
		return fmt.Errorf("store: write redirects: %w", err)
	}
	return nil
}
