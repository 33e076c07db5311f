//go:build !linux && !windows

package tray

import "context"

// system are the dialogs of the system: none, as there is no icon that would ask for them.
type system struct{ Config }

func (system) ask(context.Context, string, string) (string, bool, error) {
	return "", false, errNoDialogs
}
func (system) tell(context.Context, string) {}
