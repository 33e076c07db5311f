package postgres

import (
	"testing"

	"github.com/doorlight/doorlight/internal/store/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
