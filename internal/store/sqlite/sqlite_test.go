package sqlite

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database names a file in a folder of the test's, with characters that mean something in a URI.
func database(t testing.TB) storetest.Opener {
	path := filepath.Join(t.TempDir(), "a b?c#d%41.db")
	return func(t testing.TB) store.Store {
		t.Helper()
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestStore(t *testing.T) { storetest.Run(t, database) }

func BenchmarkWriteClaims(b *testing.B) { storetest.BenchmarkWriteClaims(b, database) }

func BenchmarkLoad(b *testing.B) { storetest.BenchmarkLoad(b, database) }
