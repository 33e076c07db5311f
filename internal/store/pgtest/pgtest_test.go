package pgtest

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestDatabase(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		db, err := sql.Open("pgx", Database(t))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var name, addresses, encoding string
		err = db.QueryRow(`SELECT current_database(), current_setting('listen_addresses'), current_setting('server_encoding')`).Scan(&name, &addresses, &encoding)
		if err != nil {
			t.Fatal(err)
		}
		if seen[name] || addresses != "" || encoding != "UTF8" {
			t.Errorf("database %s listens on %q with encoding %s", name, addresses, encoding)
		}
		seen[name] = true
	}
}

func TestMissingPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := programs(filepath.Join(t.TempDir(), "*")); err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("without PostgreSQL: %v, want an error that says what to install", err)
	}
}

func TestNewestPrograms(t *testing.T) {
	folder := t.TempDir()
	for _, version := range []string{"9.6", "15", "100"} {
		bin := filepath.Join(folder, version, "bin")
		if err := os.MkdirAll(bin, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"initdb", "postgres"} {
			if err := os.WriteFile(filepath.Join(bin, name), nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, err := programs(filepath.Join(folder, "*", "bin")); err != nil || got != filepath.Join(folder, "100", "bin") {
		t.Errorf("programs: %s, %v, want those of version 100", got, err)
	}
}
