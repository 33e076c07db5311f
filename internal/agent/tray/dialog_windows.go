package tray

import (
	"context"
	"errors"

	"github.com/ncruces/zenity"
)

// system are the dialogs of the system.
type system struct{ Config }

func (system) ask(ctx context.Context, question, was string) (string, bool, error) {
	answer, err := zenity.Entry(question, zenity.Title("Doorlight"), zenity.EntryText(was), zenity.Context(ctx))
	switch {
	case errors.Is(err, zenity.ErrCanceled), ctx.Err() != nil:
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	return answer, true, nil
}

func (system) tell(ctx context.Context, text string) {
	zenity.Warning(text, zenity.Title("Doorlight"), zenity.Context(ctx)) // nobody is helped by its error
}
