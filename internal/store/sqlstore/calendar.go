package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorlight/doorlight/internal/store"
)

var calendarObjects = newTable("calendar_object", "calendar_objects", 2, "calendar_id text, href text, etag text, data bytea", "")

// SyncCalendar implements store.Store.
func (s *Store) SyncCalendar(ctx context.Context, c store.Calendar, puts []store.CalendarObject, deletes []string, replace bool) error {
	id := clean(c.ID)
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// Its owner may have given it another name or address meanwhile: that stays.
		result, err := tx.ExecContext(ctx, `
			UPDATE calendars SET state = $1, checked_ms = $2, succeeded_ms = $3, error = $4, problems = $5 WHERE id = $6`,
			clean(c.State), millis(c.CheckedAt), millis(c.SucceededAt), clean(c.Error), document(c.Problems, nil), id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return store.ErrNotFound
		}
		gone := deletes
		if replace {
			if gone, err = notAmong(ctx, tx, id, puts); err != nil {
				return err
			}
			gone = append(gone, deletes...)
		}
		u := &updater{s: s, tx: tx}
		put(ctx, u, calendarObjects, puts, func(o *store.CalendarObject) []any {
			return []any{id, o.Href, o.ETag, notNil(o.Data)}
		})
		remove(ctx, u, calendarObjects, gone, func(href *string) []any { return []any{id, *href} })
		return u.err
	})
	if err != nil {
		return fmt.Errorf("store: sync calendar %s: %w", c.ID, err)
	}
	return nil
}

// notAmong returns the hrefs of a calendar's objects that are not among puts.
func notAmong(ctx context.Context, tx *sql.Tx, calendarID string, puts []store.CalendarObject) ([]string, error) {
	kept := make(map[string]bool, len(puts))
	for i := range puts {
		kept[clean(puts[i].Href)] = true
	}
	var gone []string
	err := each(ctx, tx, `SELECT href FROM calendar_objects WHERE calendar_id = $1`, []any{calendarID},
		func(href *text) []any { return []any{href} },
		func(href *text) error {
			if !kept[string(*href)] {
				gone = append(gone, string(*href))
			}
			return nil
		})
	return gone, err
}

// CalendarObjects implements store.Store.
func (s *Store) CalendarObjects(ctx context.Context, calendarID string) ([]store.CalendarObject, error) {
	objects, err := listOf(ctx, s, `
		SELECT calendar_id, href, etag, data FROM calendar_objects WHERE calendar_id = $1 ORDER BY href`, []any{clean(calendarID)},
		func(o *store.CalendarObject) []any {
			return []any{(*text)(&o.CalendarID), (*text)(&o.Href), (*text)(&o.ETag), &o.Data}
		})
	if err != nil {
		return nil, fmt.Errorf("store: objects of calendar %s: %w", calendarID, err)
	}
	return objects, nil
}
