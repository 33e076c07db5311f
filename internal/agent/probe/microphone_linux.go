package probe

import "context"

// watchRecorders asks the session's sound server.
func watchRecorders(ctx context.Context, c Config, say func(recorders)) error {
	return watchPulse(ctx, c, say)
}
