package sqlite

import (
	"bytes"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/doorlight/doorlight/internal/store/sqlstore"
)

//go:embed schema.sql
var schema string

func migrations(t *testing.T) fstest.MapFS {
	t.Helper()
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
	}
	return files
}

// TestMigrationsLeadToSchema compares an empty database, migrated, with one made from schema.sql.
func TestMigrationsLeadToSchema(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	migrated, err := Open(t.Context(), filepath.Join(folder, "migrated.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := migrated.Close(); err != nil {
		t.Fatal(err)
	}
	wanted := connect(t, filepath.Join(folder, "wanted.db"))
	if _, err := wanted.Exec(schema); err != nil {
		t.Fatalf("schema.sql: %v", err)
	}
	if diff := cmp.Diff(catalogue(t, wanted), catalogue(t, connect(t, filepath.Join(folder, "migrated.db")))); diff != "" {
		t.Errorf("schema.sql (-) and the migrations (+) differ:\n%s", diff)
	}
}

func connect(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

var (
	comment = regexp.MustCompile(`--[^\n]*`)
	space   = regexp.MustCompile(`\s+`)
	padding = regexp.MustCompile(` ?([(),]) ?`)
)

// catalogue returns the definition of everything in a database, without comments and layout.
func catalogue(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	rows, err := db.Query(`SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
		WHERE name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var kind, name, table, text string
		if err := rows.Scan(&kind, &name, &table, &text); err != nil {
			t.Fatal(err)
		}
		text = space.ReplaceAllString(comment.ReplaceAllString(text, ""), " ")
		all[kind+" "+name+" on "+table] = padding.ReplaceAllString(text, "$1")
	}
	if err := rows.Err(); err != nil || len(all) < 10 {
		t.Fatal(len(all), err)
	}
	var id string
	if err := db.QueryRow(`PRAGMA application_id`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	all["application_id"] = id
	return all
}

func TestTablesAreStrict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, err := connect(t, path).Query(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(name, "sqlite_") && name != "goose_db_version" {
			t.Errorf("table %s is not STRICT", name)
		}
	}
}

func TestPragmas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db := connect(t, path)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s (%v), want %s", pragma, got, err, want)
		}
	}
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
}

func TestBackupBeforeMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doorlight.db")
	if s, err := Open(t.Context(), path); err != nil {
		t.Fatal(err)
	} else {
		s.Close()
	}
	if copies, _ := filepath.Glob(path + ".before-*"); len(copies) != 0 {
		t.Errorf("a new database leaves %s", copies)
	}

	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutMeta(t.Context(), "key", "kept"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if copies, _ := filepath.Glob(path + ".before-*"); len(copies) != 0 {
		t.Errorf("a database of this version leaves %s", copies)
	}

	// A migration that fails leaves the database as it was, and the copy; the next attempt replaces it.
	newer := migrations(t)
	newer["9000_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE extra (id TEXT NOT NULL) STRICT;\nDROP TABLE none;\n")}
	for range 2 {
		if _, err := open(t.Context(), path, newer, nil); err == nil {
			t.Fatal("a broken migration succeeds")
		}
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatalf("after a broken migration: %v", err)
		}
		s.Close()
	}
	delete(newer, "9000_broken.sql")
	newer["9001_extra.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE extra (id TEXT NOT NULL) STRICT;\n")}
	if s, err = open(t.Context(), path, newer, nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, name := range []string{path + ".before-9000", path + ".before-9001"} {
		s, err := Open(t.Context(), name)
		if err != nil {
			t.Fatalf("the copy does not open: %v", err)
		}
		if got, err := s.Meta(t.Context(), "key"); err != nil || got != "kept" {
			t.Errorf("in the copy the value is %q, %v", got, err)
		}
		s.Close()
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	if parts, _ := filepath.Glob(path + "*.part"); len(parts) != 0 {
		t.Errorf("left over: %s", parts)
	}

	// And back: this program does not know what 9001 changed.
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "version 9001") {
		t.Errorf("a newer database: %v, want an error that names its version", err)
	}
}

// TestMigrateFromEveryVersion starts with each earlier version of the schema.
func TestMigrateFromEveryVersion(t *testing.T) {
	t.Parallel()
	all := migrations(t)
	folder := t.TempDir()
	files := fstest.MapFS{}
	for _, name := range sorted(all) {
		files[name] = all[name]
		path := filepath.Join(folder, name+".db")
		if db, err := open(t.Context(), path, maps.Clone(files), nil); err == nil {
			db.Close()
		} // an early one may lack tables for the statements prepared at the start
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatalf("from %s: %v", name, err)
		}
		s.Close()
		want := connect(t, filepath.Join(folder, "wanted-"+name))
		if _, err := want.Exec(schema); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(catalogue(t, want), catalogue(t, connect(t, path))); diff != "" {
			t.Errorf("from %s: schema.sql (-) and the migrations (+) differ:\n%s", name, diff)
		}
	}
}

func sorted(files fstest.MapFS) []string {
	names, _ := fs.Glob(files, "*") // which sorts
	return names
}

func TestOpenWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := Open(t.Context(), filepath.Join(folder, "none", "x.db")); err == nil {
		t.Error("a folder that does not exist is no error")
	}
	path := filepath.Join(folder, "text.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil {
		t.Error("a text file is no error")
	}
	foreign := filepath.Join(folder, "foreign.db")
	db := connect(t, foreign)
	if _, err := db.Exec(`CREATE TABLE bookmarks (id INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), foreign); err == nil || !strings.Contains(err.Error(), "not a Doorlight database") {
		t.Errorf("somebody else's database: %v, want an error that says so", err)
	}
	var tables int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil || tables != 1 {
		t.Errorf("somebody else's database has %d tables (%v), want its one", tables, err)
	}
}

// TestDeletesUseIndexes sees that deleting a person does not read whole tables.
func TestDeletesUseIndexes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db := connect(t, path)
	rows, err := db.Query(`
		SELECT m.name, f."from" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
		WHERE m.type = 'table' AND f."table" IN ('people', 'calendars', 'work_groups', 'monitoring_groups')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var queries []string
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		queries = append(queries, fmt.Sprintf("DELETE FROM %s WHERE %s = 'x'", table, column))
	}
	if len(queries) < 10 {
		t.Fatalf("found only %q", queries)
	}
	keys := dialect.Rows(make([]sqlstore.Column, 3), 8)
	queries = append(queries, "WITH v (person_id, source, id) AS ("+strings.ReplaceAll(keys, "?", "'x'")+
		") DELETE FROM claims WHERE (person_id, source, id) IN (SELECT v.person_id, v.source, v.id FROM v)")
	for _, query := range queries {
		var id, parent, unused int
		var plan string
		if err := db.QueryRow("EXPLAIN QUERY PLAN "+query).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if !strings.HasPrefix(plan, "SEARCH") {
			t.Errorf("%s: %s", query, plan)
		}
	}
}

// TestLibcVersion holds modernc.org/libc to the version that modernc.org/sqlite was made with: the driver is translated
// C whose layout that package must share, and another version breaks it in ways no test of ours would find.
func TestLibcVersion(t *testing.T) {
	t.Parallel()
	type module struct{ Path, Version, GoMod string }
	find := func(path string) module {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-json", path).Output()
		var m module
		if err == nil {
			err = json.NewDecoder(bytes.NewReader(out)).Decode(&m)
		}
		if err != nil {
			t.Fatalf("go list -m %s: %v", path, err)
		}
		return m
	}
	goMod, err := os.ReadFile(find("modernc.org/sqlite").GoMod)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^\s*(?:require )?modernc\.org/libc (\S+)`).FindSubmatch(goMod)
	if want == nil {
		t.Fatalf("no modernc.org/libc in\n%s", goMod)
	}
	if got := find("modernc.org/libc").Version; got != string(want[1]) {
		t.Errorf("go.mod has modernc.org/libc %s, but modernc.org/sqlite needs %s: go get modernc.org/libc@%s", got, want[1], want[1])
	}
}
