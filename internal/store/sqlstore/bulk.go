package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/doorlight/doorlight/internal/store"
)

// Column is a column of rows that are given to a statement as arguments.
type Column struct {
	Name string
	Type string // text, bigint, boolean or bytea
}

// table is a table as records are put into it.
type table struct {
	record  string // word for one row, as in store.ConflictError
	name    string
	key     int // number of columns, from the first, that make the key
	columns []Column
	where   string // condition on a row v to be put at all; empty: none
	bounded []int  // columns of text in keys and indexes
}

// newTable reads columns written as in SQL: "id text, name text unique".
func newTable(record, name string, key int, columns, where string) *table {
	t := &table{record: record, name: name, key: key, where: where}
	for column := range strings.SplitSeq(columns, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(column), " ")
		kind, unique := strings.CutSuffix(kind, " unique")
		if kind == "text" && (unique || len(t.columns) < key) {
			t.bounded = append(t.bounded, len(t.columns))
		}
		t.columns = append(t.columns, Column{name, kind})
	}
	return t
}

func names(columns []Column, prefix string) string {
	var list []string
	for _, c := range columns {
		list = append(list, prefix+c.Name)
	}
	return strings.Join(list, ", ")
}

// bulk is a statement about any number of rows, which it finds in v.
type bulk struct {
	record   string
	columns  []Column // of v
	key      int      // number of columns, from the first, by which rows are told apart; zero: they are not
	text     string
	bounded  []int // columns that may not be longer than store.MaxKey
	removes  bool  // a dangling reference is one to what is removed
	prepared *prepared
}

// prepared are the statements of one bulk that are kept prepared, where that is not the driver's business. Nil: none are.
type prepared struct {
	mu     sync.Mutex // guards what follows
	byRows map[int]*sql.Stmt
}

func (p *prepared) statement(rows int) *sql.Stmt {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byRows[rows]
}

// put returns the statement that inserts rows, or replaces those of the same key.
func (t *table) put() bulk {
	where, action := t.where, "NOTHING"
	if where == "" {
		where = "true" // SQLite: without a condition, ON CONFLICT reads as part of a join
	}
	if len(t.columns) > t.key {
		var set []string
		for _, c := range t.columns[t.key:] {
			set = append(set, c.Name+" = excluded."+c.Name)
		}
		action = "UPDATE SET " + strings.Join(set, ", ")
	}
	return bulk{record: t.record, columns: t.columns, key: t.key, bounded: t.bounded, text: fmt.Sprintf(
		"INSERT INTO %s (%s) SELECT %s FROM v WHERE %s ON CONFLICT (%s) DO %s",
		t.name, names(t.columns, ""), names(t.columns, "v."), where, names(t.columns[:t.key], ""), action)}
}

// remove returns the statement that deletes the rows of the given keys.
func (t *table) remove() bulk {
	key := t.columns[:t.key]
	return bulk{record: t.record, columns: key, key: t.key, removes: true, text: fmt.Sprintf(
		"DELETE FROM %s WHERE (%s) IN (SELECT %s FROM v)", t.name, names(key, ""), names(key, "v."))}
}

// keeping stands in a text for Dialect.Keep.
const keeping = " /* keep */"

// statement returns the text for n rows.
func (b *bulk) statement(d *Dialect, n int) string {
	return fmt.Sprintf("WITH v (%s) AS (%s) %s", names(b.columns, ""), d.Rows(b.columns, n), strings.ReplaceAll(b.text, keeping, d.Keep))
}

// prepare has the statements for so many rows kept prepared from the first time on that they are needed: to prepare all of them takes longer than the rest of
// opening a database. It is called before a transaction begins, whose connection it needs. What cannot be prepared is run as it is.
func (b *bulk) prepare(ctx context.Context, s *Store, rows int) {
	if b.prepared == nil || s.enter() != nil {
		return
	}
	defer s.leave()
	for rows > 0 {
		n := s.dialect.Chunk(rows)
		rows -= n
		if b.prepared.statement(n) != nil {
			continue
		}
		stmt, err := s.write.PrepareContext(ctx, b.statement(&s.dialect, n)) // closed with s.write
		if err != nil {
			return
		}
		b.prepared.mu.Lock()
		b.prepared.byRows[n] = stmt
		b.prepared.mu.Unlock()
	}
}

// exec runs the statement for rows, whose values follow one another, and returns how many rows it left out. Texts
// among the values are cleaned in place.
func (b *bulk) exec(ctx context.Context, s *Store, tx *sql.Tx, values []any) (missing int, err error) {
	width := len(b.columns)
	for i, v := range values {
		if text, ok := v.(string); ok {
			if tidy := clean(text); tidy != text {
				values[i] = tidy
			}
		}
	}
	for _, c := range b.bounded {
		for i := c; i < len(values); i += width {
			if text, ok := values[i].(string); ok && len(text) > store.MaxKey {
				return 0, &store.TooLongError{Record: b.record, Field: b.columns[c].Name}
			}
		}
	}
	if s.dialect.Distinct && b.key > 0 && len(values) > width {
		values = distinct(values, width, b.key)
	}
	for len(values) > 0 {
		n := s.dialect.Chunk(len(values) / width)
		args := s.dialect.Args(b.columns, values[:n*width:n*width])
		values = values[n*width:]
		var result sql.Result
		if stmt := b.prepared.statement(n); stmt != nil {
			result, err = tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
		} else {
			result, err = tx.ExecContext(ctx, b.statement(&s.dialect, n), args...)
		}
		if err != nil {
			return 0, b.explain(s, err)
		}
		affected, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		missing += n - int(affected)
	}
	return missing, nil
}

// explain turns the violation of a constraint into what it means for the caller.
func (b *bulk) explain(s *Store, err error) error {
	switch kind, field := s.dialect.Violation(err); {
	case kind == Taken:
		return &store.ConflictError{Record: b.record, Field: field}
	case kind == Dangling && b.removes:
		return &store.ConflictError{Record: b.record, Field: "id"}
	case kind == Dangling:
		return &danglingError{b.record, err}
	}
	return fmt.Errorf("%s: %w", b.record, err)
}

// danglingError is an ErrNotFound: a record that was put names another that is not there.
type danglingError struct {
	record string
	err    error
}

func (e *danglingError) Error() string {
	return e.record + " names a record that is not there: " + e.err.Error()
}
func (e *danglingError) Unwrap() []error { return []error{store.ErrNotFound, e.err} }

// distinct sorts rows by their keys and keeps the last of those with equal ones.
func distinct(values []any, width, key int) []any {
	order := make([]int, len(values)/width)
	for i := range order {
		order[i] = i * width
	}
	compare := func(a, b int) int {
		for k := range key {
			if c := compareKeys(values[a+k], values[b+k]); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortStableFunc(order, compare)
	sorted := make([]any, 0, len(values))
	for i, at := range order {
		if i+1 < len(order) && compare(at, order[i+1]) == 0 {
			continue
		}
		sorted = append(sorted, values[at:at+width]...)
	}
	return sorted
}

func compareKeys(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case []byte:
		return strings.Compare(string(a), string(b.([]byte)))
	}
	panic(fmt.Sprintf("sqlstore: a key is %T", a))
}
