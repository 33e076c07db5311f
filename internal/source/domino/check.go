package domino

import (
	"context"

	"github.com/doorlight/doorlight/internal/source"
)

// Check implements source.System.
func (s *System) Check(ctx context.Context, mailbox string) []source.Step { return nil }
