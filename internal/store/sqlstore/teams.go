package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorlight/doorlight/internal/store"
)

var teams = newTable("teams", "teams", 1, `person_id text, connector_id text, address text, user_id text, account text, token bytea,
	state text, updated_ms bigint`, present)

// LoadTeams implements store.Store.
func (s *Store) LoadTeams(ctx context.Context, f func(store.TeamsRecord) error) error {
	err := eachOf(ctx, s, `
		SELECT person_id, connector_id, address, user_id, account, token, state, updated_ms FROM teams ORDER BY person_id`, nil,
		func(r *store.TeamsRecord) []any {
			return []any{(*text)(&r.PersonID), (*text)(&r.ConnectorID), (*text)(&r.Address), (*text)(&r.UserID), (*text)(&r.Account),
				&r.Token, (*rawJSON)(&r.State), (*instant)(&r.UpdatedAt)}
		},
		func(r *store.TeamsRecord) error { return f(*r) })
	if err != nil {
		return fmt.Errorf("store: load teams: %w", err)
	}
	return nil
}

// WriteTeams implements store.Store.
func (s *Store) WriteTeams(ctx context.Context, puts []store.TeamsRecord, deletes []string) error {
	values := make([]any, 0, len(puts)*len(teams.columns))
	for i := range puts {
		r := &puts[i]
		values = append(values, r.PersonID, r.ConnectorID, r.Address, r.UserID, r.Account, blob(r.Token), document(r.State, nil), millis(r.UpdatedAt))
	}
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		u := &updater{s: s, tx: tx}
		u.exec(ctx, teams.put(), false, values)
		remove(ctx, u, teams, deletes, func(id *string) []any { return []any{*id} })
		return u.err
	})
	if err != nil {
		return fmt.Errorf("store: write teams: %w", err)
	}
	return nil
}
