package exchange

import (
	"context"

	"github.com/doorlight/doorlight/internal/source"
)

// Check implements source.System.
func (s *System) Check(ctx context.Context, mailbox string) []source.Step { return nil }

func (s *System) discover(ctx context.Context, key, mailbox string, b *box) (*endpoint, error) {
	return nil, nil
}
