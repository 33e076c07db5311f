package postgres

import (
	"testing"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/pgtest"
	"github.com/doorlight/doorlight/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func database(t testing.TB) storetest.Opener {
	dsn := pgtest.Database(t)
	return func(t testing.TB) store.Store {
		t.Helper()
		s, err := Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestStore(t *testing.T) { storetest.Run(t, database) }

func BenchmarkWriteClaims(b *testing.B) { storetest.BenchmarkWriteClaims(b, database) }

func BenchmarkLoad(b *testing.B) { storetest.BenchmarkLoad(b, database) }
