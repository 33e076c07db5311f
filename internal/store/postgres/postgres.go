// Package postgres opens a PostgreSQL database, kept by package sqlstore. It owns the schema of this engine; schema.sql
// says what the migrations lead to. It is for organisations that run several nodes, or PostgreSQL anyway.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/doorlight/doorlight/internal/store/sqlstore"
)

//go:embed migrations/*.sql
var embedded embed.FS

// connections bounds what one node asks of the server, whose own limit is 100 unless changed.
const connections = 16

// Open connects to the database that dsn names, as a URL (postgres://...) or as key=value words, and brings its schema
// up to date; nodes that start together take turns. The database must exist and have the encoding UTF8. What dsn does
// not say comes from the environment (PGHOST and so on).
func Open(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(ctx, dsn, files, nil)
}

// OpenCurrent is Open for a database that a server of an earlier version may be using: such a one is left as it is, and the
// error is sqlstore.ErrOutdated.
func OpenCurrent(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(ctx, dsn, files, sqlstore.Leave)
}

// open opens the database; before is asked before a database that was in use is migrated, nil: nobody is.
func open(ctx context.Context, dsn string, files fs.FS, before func(from, to int64) error) (*sqlstore.Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err) // pgx leaves the password out
	}
	config.RuntimeParams["application_name"] = "doorlight"
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open: %w", err), db.Close())
	}
	err = sqlstore.Migrate(ctx, db, goose.DialectPostgres, files, before, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open PostgreSQL on %s: %w", config.Host, err), db.Close())
	}
	return sqlstore.New(ctx, db, db, dialect)
}

var dialect = sqlstore.Dialect{
	Rows: func(columns []sqlstore.Column, _ int) string {
		var arrays []string
		for i, c := range columns {
			arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, c.Type))
		}
		return "SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")"
	},
	Args:      arrays,
	Chunk:     func(n int) int { return min(n, 1000) },
	Distinct:  true,
	Snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	Violation: violation,
	Keep:      " FOR KEY SHARE", // as the foreign key would have it a moment later
	Retry: func(err error) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01") || // serialization failure, deadlock
			errors.Is(err, driver.ErrBadConn) // the connection was lost, and nothing sent on it: pgx says so only then
	},
}

// arrays turns rows into one array for each column.
func arrays(columns []sqlstore.Column, values []any) []any {
	width := len(columns)
	args := make([]any, width)
	for i, c := range columns {
		switch c.Type {
		case "text":
			args[i] = array[string](values, i, width)
		case "bigint":
			args[i] = array[int64](values, i, width)
		case "boolean":
			args[i] = array[bool](values, i, width)
		case "bytea":
			args[i] = array[[]byte](values, i, width)
		default:
			panic("postgres: a column is " + c.Type)
		}
	}
	return args
}

// array returns every width-th value from the first on; a nil value is NULL.
func array[T any](values []any, first, width int) []*T {
	all := make([]T, 0, len(values)/width)
	pointers := make([]*T, 0, len(values)/width)
	for i := first; i < len(values); i += width {
		if values[i] == nil {
			pointers = append(pointers, nil)
			continue
		}
		all = append(all, values[i].(T))
		pointers = append(pointers, &all[len(all)-1])
	}
	return pointers
}

// violation reads the error code (PostgreSQL documentation, appendix A) and the name of the constraint, which is the
// table's and the column's.
func violation(err error) (sqlstore.Violation, string) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return sqlstore.NoViolation, ""
	}
	switch e.Code {
	case "23505": // unique_violation
		return sqlstore.Taken, strings.TrimPrefix(e.ConstraintName, e.TableName+"_")
	case "23503": // foreign_key_violation
		return sqlstore.Dangling, ""
	}
	return sqlstore.NoViolation, ""
}
