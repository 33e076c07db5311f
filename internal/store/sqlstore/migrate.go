package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrOutdated is the error of opening a database of an earlier version that is to be left as it is.
var ErrOutdated = errors.New("the database is of an earlier version; start this version of the server once, which brings it up to date")

// Leave is for Migrate's before: it leaves a database of an earlier version as it is.
func Leave(int64, int64) error { return ErrOutdated }

// Migrate brings a database to the newest version among the numbered files. before is called if there is something
// to do on a database that was in use: an error from it leaves the database as it is. A database that is newer than
// the files is an error, as an older program would misread it.
func Migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, files fs.FS, before func(from, to int64) error, options ...goose.ProviderOption) error {
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return fmt.Errorf("store: read migrations: %w", err)
	}
	from, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("store: read the version of the database: %w", err)
	}
	sources := provider.ListSources()
	to := sources[len(sources)-1].Version
	switch {
	case from > to:
		return fmt.Errorf("store: the database has version %d, but this program knows only up to %d: "+
			"start the newer program again, or restore a backup made before it", from, to)
	case from == to:
		return nil
	case from > 0 && before != nil:
		if err := before(from, to); err != nil {
			return fmt.Errorf("store: before migrating from version %d to %d: %w", from, to, err)
		}
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate from version %d to %d: %w", from, to, err)
	}
	return nil
}
