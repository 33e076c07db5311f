package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorlight/doorlight/internal/store"
)

var forwardings = newTable("forwarding", "forwardings", 2, `connector_id text, line text, state text, updated_ms bigint`, "")

// LoadForwardings implements store.Store.
func (s *Store) LoadForwardings(ctx context.Context, f func(store.ForwardingRecord) error) error {
	err := eachOf(ctx, s, `SELECT connector_id, line, state, updated_ms FROM forwardings ORDER BY connector_id, line`, nil,
		func(r *store.ForwardingRecord) []any {
			return []any{(*text)(&r.ConnectorID), (*text)(&r.Line), (*rawJSON)(&r.State), (*instant)(&r.UpdatedAt)}
		},
		func(r *store.ForwardingRecord) error { return f(*r) })
	if err != nil {
		return fmt.Errorf("store: load forwardings: %w", err)
	}
	return nil
}

// WriteForwardings implements store.Store.
func (s *Store) WriteForwardings(ctx context.Context, records ...store.ForwardingRecord) error {
	var values []any
	var deletes []store.ForwardingRecord
	for i := range records {
		r := &records[i]
		if len(r.State) == 0 {
			deletes = append(deletes, *r)
			continue
		}
		values = append(values, r.ConnectorID, r.Line, document(r.State, nil), millis(r.UpdatedAt))
	}
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		u := &updater{s: s, tx: tx}
		u.exec(ctx, forwardings.put(), false, values)
		remove(ctx, u, forwardings, deletes, func(r *store.ForwardingRecord) []any { return []any{r.ConnectorID, r.Line} })
		return u.err
	})
	if err != nil {
		return fmt.Errorf("store: write forwardings: %w", err)
	}
	return nil
}
