package probe

import (
	"context"
	"fmt"
	"time"
)

var idleWays = []openIdle{{name: "macOS, by the last event of the session", open: openLastEvent}}

// lastEvent asks macOS when the last input was (CGEventSourceSecondsSinceLastEventType). Not run on macOS yet.
type lastEvent struct{}

func openLastEvent(context.Context, Config) (idleWay, error) {
	if err := loadDesktop(); err != nil {
		return nil, err
	}
	return lastEvent{}, nil
}

func (lastEvent) close() {}

func (w lastEvent) watch(ctx context.Context, after time.Duration, tell func(bool, time.Time)) error {
	return askIdle(ctx, after, w.since, tell)
}

func (lastEvent) since(context.Context) (time.Duration, error) {
	const combinedSession, anyInput = 0, 1<<32 - 1 // kCGEventSourceStateCombinedSessionState, kCGAnyInputEventType
	seconds := secondsSinceLastEvent(combinedSession, anyInput)
	if !(seconds >= 0 && seconds < 1e9) {
		return 0, fmt.Errorf("macOS says that the last input was %v seconds ago", seconds)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
