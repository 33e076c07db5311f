// Package sqlitetest has databases for tests that are about something else than databases: each gets its own, and the migrations run once for all of a package's.
package sqlitetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/doorlight/doorlight/internal/store/sqlite"
)

// empty is a database that was migrated, and closed.
var empty = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "doorlight")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "empty.db")
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Folder returns a folder of the test's own with an empty database in it, doorlight.db, which is as sqlite.Open would have made it.
func Folder(t testing.TB) string {
	t.Helper()
	content, err := empty()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "doorlight.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}
