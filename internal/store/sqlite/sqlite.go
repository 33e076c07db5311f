// Package sqlite opens the embedded database: one file (and, while it is open, its write-ahead log beside it), kept by
// package sqlstore. It owns the schema of this engine; schema.sql says what the migrations lead to.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/doorlight/doorlight/internal/store/sqlstore"
)

//go:embed migrations/*.sql
var embedded embed.FS

// readers is how many connections read at the same time. The work of a start is two long reads.
const readers = 4

// Open opens the database at path, creates it if there is none, and brings its schema up to date. Before it migrates
// a database that was in use it keeps a copy beside it, named path.before- and the new version. The folder must exist.
// Several processes may have the database open; a writer waits up to ten seconds for another.
func Open(ctx context.Context, path string) (*sqlstore.Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(ctx, path, files, nil)
}

// OpenCurrent is Open for a database that a server of an earlier version may be using: such a one is left as it is, and the
// error is sqlstore.ErrOutdated.
func OpenCurrent(ctx context.Context, path string) (*sqlstore.Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(ctx, path, files, sqlstore.Leave)
}

// open opens the database; before is asked before a database that was in use is migrated, nil: it keeps a copy.
func open(ctx context.Context, path string, files fs.FS, before func(from, to int64) error) (*sqlstore.Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	// SQLite would create it readable for everybody. Its log takes the mode of the database.
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	write, err := sql.Open("sqlite", dsn(path, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=secure_delete(ON)"))
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if err := checkOurs(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("store: open %s: %w", path, err), write.Close())
	}
	if before == nil {
		before = func(_, to int64) error { return keepCopy(ctx, write, fmt.Sprintf("%s.before-%d", path, to)) }
	}
	if err := sqlstore.Migrate(ctx, write, goose.DialectSQLite3, files, before); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close())
	}
	read, err := sql.Open("sqlite", dsn(path, "_pragma=query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return sqlstore.New(ctx, write, read, dialect)
}

// busyTimeout is how many milliseconds a writer waits for another.
const busyTimeout = "10000"

// dsn names the database for the driver. Pragmas stand in it because every connection of a pool needs them. A log of
// 16 MB before it is copied into the database (wal_autocheckpoint, in pages) lets the pages that change all the time be
// copied less often, and temp_store keeps what a statement may have to undo out of a file: measured with batches of 200
// claims, that is 40 % less written to the disk.
func dsn(path string, parameters ...string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path // file:/C:/folder/file
	}
	parameters = append(parameters, "_pragma=busy_timeout("+busyTimeout+")", "_pragma=synchronous(FULL)", "_pragma=foreign_keys(1)",
		"_pragma=cache_size(-32000)", "_pragma=temp_store(MEMORY)", "_pragma=wal_autocheckpoint(4000)", "_dqs=0")
	u.RawQuery = strings.Join(parameters, "&")
	return u.String()
}

// touch creates an empty file that only its owner may read, unless there is one.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// applicationID stands in the header of our files; the first migration sets it.
const applicationID = 0x446f6f72

// checkOurs refuses a database that holds somebody else's tables, before it gets ours.
func checkOurs(ctx context.Context, db *sql.DB) error {
	var id, tables int
	err := db.QueryRowContext(ctx, `
		SELECT application_id, (SELECT count(*) FROM sqlite_schema WHERE name NOT IN ('goose_db_version', 'sqlite_sequence'))
		FROM pragma_application_id`).Scan(&id, &tables)
	if err == nil && id != applicationID && tables > 0 {
		err = errors.New("not a Doorlight database")
	}
	return err
}

// keepCopy writes a compact copy of the database to path, in place of an earlier one. It is on the disk when keepCopy
// returns, and has no other name than path only when it is complete.
func keepCopy(ctx context.Context, db *sql.DB, path string) error {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := touch(part); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, part); err != nil {
		return errors.Join(fmt.Errorf("copy to %s: %w", part, err), os.Remove(part))
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// erase empties the log, after what it holds has come into the database, where secure_delete overwrites what is gone.
// It does not wait for long readers, such as a backup: everybody else would wait with it.
func erase(ctx context.Context, db *sql.DB) (done bool, err error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "PRAGMA busy_timeout = 100"); err != nil {
		return false, err
	}
	var busy, inLog, copied int
	err = c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &inLog, &copied)
	_, back := c.ExecContext(ctx, "PRAGMA busy_timeout = "+busyTimeout)
	return busy == 0, errors.Join(err, back)
}

var dialect = sqlstore.Dialect{
	Rows: func(columns []sqlstore.Column, n int) string {
		row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
		return "VALUES " + row + strings.Repeat(", "+row, n-1)
	},
	Args: func(_ []sqlstore.Column, values []any) []any { return values },
	Chunk: func(n int) int {
		for _, size := range chunks {
			if n >= size {
				return size
			}
		}
		return 1
	},
	Prepares:  true,
	Brief:     true,
	Snapshot:  &sql.TxOptions{ReadOnly: true},
	Violation: violation,
	Erase:     erase,
	Retry:     func(error) bool { return false }, // there is one writer
}

// chunks are the numbers of rows that a statement takes. Larger ones gain nothing any more.
var chunks = []int{64, 32, 16, 8, 4, 2, 1}

// violation reads the result code and, for the column, the message: "UNIQUE constraint failed: groups.location_id,
// groups.name".
func violation(err error) (sqlstore.Violation, string) {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlstore.NoViolation, ""
	}
	switch e.Code() {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		_, columns, _ := strings.Cut(e.Error(), "constraint failed: ")
		if _, rest, ok := strings.Cut(columns, "constraint failed: "); ok {
			columns = rest
		}
		columns, _, _ = strings.Cut(columns, " (")
		return sqlstore.Taken, columns[strings.LastIndexByte(columns, '.')+1:]
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return sqlstore.Dangling, ""
	}
	return sqlstore.NoViolation, ""
}
