package graph

import (
	"context"
)

// PresenceWatcher is somebody who signed in, and whose presence the service is to tell of with that permission.
type PresenceWatcher struct {
	As      *SignIn
	Account string   // tells sign-ins apart, also if their tokens change
	IDs     []string // object IDs, at most MaxPresences; further ones are not told of
}

// FollowPresences says whose presence is to be heard of from now on, and by whom. It does not block.
func (s *System) FollowPresences(list []PresenceWatcher) {}

// WatchPresences hears of presence until ctx ends, whose cause it returns. It returns nil at once if nobody tells: then presence is polled.
func (s *System) WatchPresences(ctx context.Context, told func([]Presence), hint func(id string)) error {
	return nil
}
