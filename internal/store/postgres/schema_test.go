package postgres

import (
	"database/sql"
	_ "embed"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/pgtest"
)

//go:embed schema.sql
var schema string

func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestMigrationsLeadToSchema compares an empty database, migrated from every earlier version, with one made from
// schema.sql.
func TestMigrationsLeadToSchema(t *testing.T) {
	t.Parallel()
	wanted := connect(t, pgtest.Database(t))
	if _, err := wanted.ExecContext(t.Context(), schema); err != nil {
		t.Fatalf("schema.sql: %v", err)
	}
	want := catalogue(t, wanted)
	files := fstest.MapFS{}
	names, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = &fstest.MapFile{Data: data}
		dsn := pgtest.Database(t)
		if s, err := open(t.Context(), dsn, maps.Clone(files), nil); err == nil {
			s.Close()
		} // an early one may lack tables for the statements prepared at the start
		s, err := Open(t.Context(), dsn)
		if err != nil {
			t.Fatalf("from %s: %v", name, err)
		}
		s.Close()
		if diff := cmp.Diff(want, catalogue(t, connect(t, dsn))); diff != "" {
			t.Errorf("from %s: schema.sql (-) and the migrations (+) differ:\n%s", name, diff)
		}
	}
}

// catalogue returns the definition of every column, constraint and index of a database.
func catalogue(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' null ' || is_nullable || ' identity ' || is_identity
			|| ' default ' || coalesce(column_default, '') || ' collation ' || coalesce(collation_name, '')
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'
		UNION ALL
		SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'goose%'
		UNION ALL
		SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%'
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil || len(all) < 100 {
		t.Fatal(len(all), err)
	}
	return all
}

func TestUniqueConstraintsAreNamed(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	name := regexp.MustCompile(`constraint (\S+) (\S+) UNIQUE \((?:\S+, )*(\S+)\)`)
	found := 0
	for _, line := range catalogue(t, connect(t, dsn)) {
		m := name.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if found++; m[2] != m[1]+"_"+m[3] {
			t.Errorf("%s: the program takes the column from the name, which must be %s_%s", line, m[1], m[3])
		}
	}
	if found < 7 {
		t.Errorf("found %d constraints, want all seven", found)
	}
}

func TestOpenTogether(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	var nodes sync.WaitGroup
	for range 4 {
		nodes.Go(func() {
			s, err := Open(t.Context(), dsn)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer s.Close()
			if err := s.PutMeta(t.Context(), "key", "value"); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
}

func TestOpenNewerDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := connect(t, dsn).ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9001, true)`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dsn); err == nil || !strings.Contains(err.Error(), "version 9001") {
		t.Errorf("a newer database: %v, want an error that names its version", err)
	}
}

func TestOpenErrorsKeepThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://doorlight:sesame@127.0.0.1:1/none?sslmode=disable&connect_timeout=2",
		"host=/nowhere user=doorlight password=sesame dbname=none",
		"postgres://doorlight:sesame@127.0.0.1:port/none",
		"host=127.0.0.1 password=sesame sslmode=nonsense",
	} {
		_, err := Open(t.Context(), dsn)
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("Open: %v, want an error without the password", err)
		}
	}
}

// TestLostConnection ends the server's side of every connection: the pool gets new ones.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func() error { return s.Update(t.Context(), store.Changes{Audit: []store.AuditEntry{{Action: "x"}}}) }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, dsn).ExecContext(t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	// One attempt may meet the dead connection.
	for range 2 * connections {
		if err = write(); err == nil {
			return
		}
	}
	t.Errorf("no write gets through after the connection was lost: %v", err)
}
