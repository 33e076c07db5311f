package exchange

import (
	"context"
	"strings"

	"github.com/doorlight/doorlight/internal/source"
)

type watcher struct{}

// Follow implements source.System.
func (s *System) Follow(mailboxes []string) {
	wanted := make(map[string]string, len(mailboxes))
	for _, m := range mailboxes {
		wanted[strings.ToLower(m)] = m
	}
	s.watchMu.Lock()
	s.wanted = wanted
	s.watchMu.Unlock()
}

// Watch implements source.System.
func (s *System) Watch(ctx context.Context, changed func(string)) error { return nil }

func (s *System) heard(key string) bool { return false }

// Check implements source.System.
func (s *System) Check(ctx context.Context, mailbox string) []source.Step { return nil }

func (s *System) discover(ctx context.Context, key, mailbox string, b *box) (*endpoint, error) {
	return nil, nil
}
