// Package sqlstore implements store.Store on database/sql, once for every engine: the statements are the same text,
// with $1 placeholders, and a Dialect holds the few things that differ. Packages sqlite and postgres open a database
// and hand it over; the schema and its migrations are theirs.
package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Dialect is what differs between the engines.
type Dialect struct {
	// Rows returns a query that yields n rows of the given columns, taken from the arguments that Args makes.
	Rows func(columns []Column, n int) string
	// Args returns the arguments for Rows. values holds the rows one after the other and is not changed.
	Args func(columns []Column, values []any) []any
	// Chunk returns how many of n > 0 rows one statement takes: at least one.
	Chunk func(n int) int
	// Distinct is set if no row of a statement may have the key of another; the last one then stands for all.
	// The rows are sorted too, so that concurrent statements lock rows in one order.
	Distinct bool
	// Prepares is set if the driver does not keep statements prepared by itself.
	Prepares bool
	// Brief is set if statements are local and short, so that it does not pay to watch the context while a
	// statement runs; it is looked at between statements.
	Brief bool
	// Snapshot is how to begin a transaction that reads one state of the database.
	Snapshot *sql.TxOptions
	// Violation tells which kind of constraint err comes from, and for Taken the column that collides.
	Violation func(err error) (kind Violation, field string)
	// Keep is the clause of a query that keeps what it finds from being deleted until the transaction ends; empty where
	// nobody else writes meanwhile.
	Keep string
	// Erase is called after people were deleted, so that the files do not hold any more what the tables do not. It tells
	// whether that is done; nil where the engine sees to it in its own time.
	Erase func(ctx context.Context, db *sql.DB) (done bool, err error)
	// Retry tells that err ended a transaction only because of what others did at the same time.
	Retry func(err error) bool
}

// Violation is a kind of constraint that a statement can violate.
type Violation uint8

const (
	NoViolation Violation = iota
	Taken                 // a value that must be unique is there already
	Dangling              // a reference leads, or would lead, nowhere
)

// attempts bounds how often a transaction is begun again when Retry says so.
const attempts = 8

// Store implements store.Store.
type Store struct {
	write, read *sql.DB // the same where the engine lets readers and writers share
	dialect     Dialect

	putClaims, deleteClaims, putShown bulk
	session                           *sql.Stmt

	traces atomic.Bool // the files may hold what was deleted

	mu     sync.Mutex     // guards closed, and calls while it is not set
	closed bool           // no call may begin any more
	calls  sync.WaitGroup // what is under way
}

var _ store.Store = (*Store)(nil)

// New returns a store on a migrated database. It owns write and read from now on, also when it returns an error;
// they may be the same.
func New(ctx context.Context, write, read *sql.DB, dialect Dialect) (*Store, error) {
	s := &Store{write: write, read: read, dialect: dialect}
	s.putClaims, s.deleteClaims, s.putShown = claims.put(), claims.remove(), shown.put()
	if dialect.Prepares {
		for _, b := range []*bulk{&s.putClaims, &s.deleteClaims, &s.putShown} {
			b.prepared = &prepared{byRows: map[int]*sql.Stmt{}}
		}
	}
	var err error
	if s.session, err = read.PrepareContext(ctx, sessionQuery); err != nil {
		return nil, errors.Join(fmt.Errorf("store: prepare: %w", err), s.Close())
	}
	return s, nil
}

// errClosed is what a call after Close returns.
var errClosed = errors.New("the store is closed")

// enter begins a call, which leave ends. Package database/sql does not wait for what is under way when it closes.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) leave() { s.calls.Done() }

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	defer s.leave()
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	return nil
}

// Close implements store.Store. A callback of LoadClaims or LoadShown must not call it.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	var err error
	if s.read != s.write {
		err = s.read.Close()
	}
	// The writer last: closing it tidies up, which needs that nobody reads any more.
	if err = errors.Join(err, s.write.Close()); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// update runs f in a transaction, again if others were in the way. The context for f's statements is its argument.
func (s *Store) update(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	var err error
	for range attempts {
		if err = s.updateOnce(ctx, f); err == nil || ctx.Err() != nil || !s.dialect.Retry(err) {
			break
		}
	}
	return err
}

func (s *Store) updateOnce(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	statements := ctx
	if s.dialect.Brief {
		statements = context.WithoutCancel(ctx)
	}
	if err := f(statements, tx); err != nil {
		return ended(ctx, err)
	}
	return ended(ctx, tx.Commit())
}

// ended returns err, or why ctx ended where that is the reason for it: database/sql then says sql.ErrTxDone, or the driver,
// which closes the connection of a statement that is cancelled, driver.ErrBadConn.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, sql.ErrTxDone) || errors.Is(err, driver.ErrBadConn)) {
		return context.Cause(ctx)
	}
	return err
}

// querier is *sql.DB and *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// snapshot runs f, which only reads, on one state of the database.
func (s *Store) snapshot(ctx context.Context, f func(tx *sql.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	tx, err := s.read.BeginTx(ctx, s.dialect.Snapshot)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return ended(ctx, f(tx))
}

// reading runs f, which is one query.
func (s *Store) reading(f func(q *sql.DB) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return f(s.read)
}

// each calls f for every row of a query; the row is in what dest points at, which is set to its zero value before.
func each[T any](ctx context.Context, q querier, query string, args []any, dest func(*T) []any, f func(*T) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return ended(ctx, err)
	}
	defer rows.Close()
	var v, zero T
	to := dest(&v)
	for rows.Next() {
		v = zero
		if err := rows.Scan(to...); err != nil {
			return err
		}
		if err := f(&v); err != nil {
			return err
		}
	}
	return ended(ctx, rows.Err())
}

// list returns the rows of a query.
func list[T any](ctx context.Context, q querier, query string, args []any, dest func(*T) []any) ([]T, error) {
	var all []T
	err := each(ctx, q, query, args, dest, func(v *T) error {
		all = append(all, *v)
		return nil
	})
	return all, err
}

// eachOf is each for a call that is one query.
func eachOf[T any](ctx context.Context, s *Store, query string, args []any, dest func(*T) []any, f func(*T) error) error {
	return s.reading(func(q *sql.DB) error { return each(ctx, q, query, args, dest, f) })
}

// listOf is list for a call that is one query.
func listOf[T any](ctx context.Context, s *Store, query string, args []any, dest func(*T) []any) (all []T, err error) {
	err = s.reading(func(q *sql.DB) error {
		all, err = list(ctx, q, query, args, dest)
		return err
	})
	return all, err
}

// clean returns s with U+FFFD for what not every engine keeps: NUL, and bytes that are not UTF-8. One odd title in a
// calendar must not hold up the claims of everybody else in the batch.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// The following turn values into arguments, and the types after them scan what comes back.

// orNull is s, and NULL for the empty string.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// millis is t in Unix milliseconds, and NULL for the zero time.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// document is a JSON text, and absent if there is none.
func document(raw json.RawMessage, absent any) any {
	if len(raw) == 0 {
		return absent
	}
	return string(raw)
}

// instant scans Unix milliseconds; NULL is the zero time.
type instant time.Time

func (t *instant) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*t = instant{}
	case int64:
		*t = instant(time.UnixMilli(src).UTC())
	default:
		return fmt.Errorf("a time is %T", src)
	}
	return nil
}

// text scans a string; NULL is the empty one.
type text string

func (t *text) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*t = ""
	case string:
		*t = text(src)
	default:
		return fmt.Errorf("a text is %T", src)
	}
	return nil
}

// rawJSON scans a JSON text; NULL is nil.
type rawJSON json.RawMessage

func (r *rawJSON) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*r = nil
	case string:
		*r = rawJSON(src)
	default:
		return fmt.Errorf("a JSON text is %T", src)
	}
	return nil
}

// words scans a JSON array of strings; the empty one is nil.
type words []string

func (w *words) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("a list of words is %T", src)
	}
	if *w = nil; s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), (*[]string)(w))
}

// lines scans people's lines, a JSON array; the empty one is nil.
type lines []store.Line

func (l *lines) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("a list of lines is %T", src)
	}
	if *l = nil; s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), (*[]store.Line)(l))
}

func linesText(l []store.Line) string {
	if len(l) == 0 {
		return "[]"
	}
	text, err := json.Marshal(l)
	if err != nil { // plain data
		panic(err)
	}
	return string(text)
}

// flag scans a truth value, whose type differs between the engines.
type flag bool

func (f *flag) Scan(src any) error {
	switch src := src.(type) {
	case bool:
		*f = flag(src)
	case int64:
		*f = src != 0
	default:
		return fmt.Errorf("a truth value is %T", src)
	}
	return nil
}

// status scans a presence.Status.
type status presence.Status

func (s *status) Scan(src any) error {
	word, ok := src.(string)
	if !ok {
		return fmt.Errorf("a status is %T", src)
	}
	v, err := presence.ParseStatus(word)
	*s = status(v)
	return err
}
