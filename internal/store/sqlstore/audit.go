package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/store"
)

// auditLimit is how many entries an AuditQuery without a limit returns.
const auditLimit = 100

// appendAudit numbers the entries of a transaction in their order.
var appendAudit = bulk{record: "audit",
	columns: newTable("", "", 0, "ord bigint, at_ms bigint, actor text, action text, person_id text, detail text, address text, location_id text", "").columns,
	text: `INSERT INTO audit (at_ms, actor, action, person_id, detail, address, location_id)
		SELECT v.at_ms, v.actor, v.action, v.person_id, v.detail, v.address, v.location_id FROM v ORDER BY v.ord`}

func (u *updater) audit(ctx context.Context, entries []store.AuditEntry) {
	values := make([]any, 0, len(entries)*len(appendAudit.columns))
	for i := range entries {
		e := &entries[i]
		values = append(values, int64(i), e.At.UnixMilli(), e.Actor, e.Action, orNull(e.PersonID), document(e.Detail, nil),
			e.Address, orNull(e.LocationID))
	}
	u.exec(ctx, appendAudit, false, values)
}

// like takes their meaning from the characters that have one in a LIKE pattern.
var like = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// Audit implements store.Store.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]store.AuditEntry, error) {
	query := `SELECT id, at_ms, actor, action, person_id, detail, address, location_id FROM audit WHERE id < $1 AND id > $2`
	args := []any{cmp.Or(q.Before, math.MaxInt64), q.After}
	and := func(condition string, value any) {
		args = append(args, value)
		query += " AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args)))
	}
	if !q.Since.IsZero() {
		and("at_ms >= ?", q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		and("at_ms < ?", q.Until.UnixMilli())
	}
	if q.PersonID != "" {
		and("person_id = ?", clean(q.PersonID))
	}
	if q.Actor != "" {
		and("actor = ?", clean(q.Actor))
	}
	if q.Action != "" {
		and(`action LIKE ? ESCAPE '!'`, like.Replace(clean(q.Action))+"%")
	}
	if q.Text != "" {
		and(`lower(action || ' ' || coalesce(detail, '')) LIKE ? ESCAPE '!'`, "%"+like.Replace(strings.ToLower(clean(q.Text)))+"%")
	}
	if q.Locations != nil {
		in := []string{"NULL"}
		for _, id := range q.Locations {
			args = append(args, clean(id))
			in = append(in, "$"+strconv.Itoa(len(args)))
		}
		query += " AND location_id IN (" + strings.Join(in, ", ") + ")"
	}
	order := " ORDER BY id DESC LIMIT "
	if q.Ascending {
		order = " ORDER BY id LIMIT "
	}
	args = append(args, cmp.Or(q.Limit, auditLimit))
	order += "$" + strconv.Itoa(len(args))
	entries, err := listOf(ctx, s, query+order, args, func(e *store.AuditEntry) []any {
		return []any{&e.ID, (*instant)(&e.At), (*text)(&e.Actor), (*text)(&e.Action), (*text)(&e.PersonID), (*rawJSON)(&e.Detail),
			(*text)(&e.Address), (*text)(&e.LocationID)}
	})
	if err != nil {
		return nil, fmt.Errorf("store: audit: %w", err)
	}
	return entries, nil
}

// DeleteAudit implements store.Store.
func (s *Store) DeleteAudit(ctx context.Context, before time.Time) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM audit WHERE at_ms < $1`, before.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete old audit entries: %w", err)
	}
	return nil
}
