package probe

import "context"

// WatchEnd waits until ctx ends and tells nothing: macOS ends programs like this one by SIGTERM, which is the caller's to handle.
func WatchEnd(ctx context.Context, _ Config, _ func()) { <-ctx.Done() }
