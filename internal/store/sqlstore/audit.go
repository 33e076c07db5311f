package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/doorlight/doorlight/internal/store"
)

// auditLimit is how many entries an AuditQuery without a limit returns.
const auditLimit = 100

// appendAudit numbers the entries of a transaction in their order.
var appendAudit = bulk{record: "audit",
	columns: newTable("", "", 0, "ord bigint, at_ms bigint, actor text, action text, person_id text, detail text", "").columns,
	text: `INSERT INTO audit (at_ms, actor, action, person_id, detail)
		SELECT v.at_ms, v.actor, v.action, v.person_id, v.detail FROM v ORDER BY v.ord`}

func (u *updater) audit(ctx context.Context, entries []store.AuditEntry) {
	values := make([]any, 0, len(entries)*len(appendAudit.columns))
	for i := range entries {
		e := &entries[i]
		values = append(values, int64(i), e.At.UnixMilli(), e.Actor, e.Action, orNull(e.PersonID), document(e.Detail, nil))
	}
	u.exec(ctx, appendAudit, false, values)
}

// Audit implements store.Store.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]store.AuditEntry, error) {
	since := int64(math.MinInt64)
	if !q.Since.IsZero() {
		since = q.Since.UnixMilli()
	}
	query := `SELECT id, at_ms, actor, action, person_id, detail FROM audit WHERE id < $1 AND id > $2 AND at_ms >= $3`
	args := []any{cmp.Or(q.Before, math.MaxInt64), q.After, since}
	if q.PersonID != "" {
		query += ` AND person_id = $5`
	}
	order := ` ORDER BY id DESC LIMIT $4`
	if q.Ascending {
		order = ` ORDER BY id LIMIT $4`
	}
	args = append(args, cmp.Or(q.Limit, auditLimit))
	if q.PersonID != "" {
		args = append(args, clean(q.PersonID))
	}
	entries, err := listOf(ctx, s, query+order, args, func(e *store.AuditEntry) []any {
		return []any{&e.ID, (*instant)(&e.At), (*text)(&e.Actor), (*text)(&e.Action), (*text)(&e.PersonID), (*rawJSON)(&e.Detail)}
	})
	if err != nil {
		return nil, fmt.Errorf("store: audit: %w", err)
	}
	return entries, nil
}
