//go:build !linux && !windows

package tray

import (
	"context"
	"strings"
)

// locale lists the languages of the session.
func locale(getenv func(string) string) []string {
	return append(strings.Split(getenv("LANGUAGE"), ":"), getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
}

// put shows nothing: the menu bar of macOS can only be reached with cgo, without which the client is built.
func (t *tray) put(ctx context.Context) {
	t.Log.Info("tray: there is no icon on this system; the client works without")
	<-ctx.Done()
}
