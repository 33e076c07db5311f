package graph

import (
	"context"
	"strings"

	"github.com/doorlight/doorlight/internal/source"
)

// CheckPresence tries each step that presence needs.
func (s *System) CheckPresence(ctx context.Context, mailbox string) []source.Step {
	c := &checker{s: s, mailbox: strings.TrimSpace(mailbox)}
	if c.login(ctx) && c.graph(ctx) {
		c.token(ctx)
	}
	return c.steps
}
