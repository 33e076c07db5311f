package tray

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// system are the dialogs of whichever program of the desktop shows them: kdialog in KDE, else zenity, or one that takes the same arguments.
type system struct{ Config }

func (s system) ask(ctx context.Context, question, was string) (string, bool, error) {
	out, err := s.run(ctx, map[string][]string{
		"kdialog": {"--title", "Doorlight", "--inputbox", question, was},
		"zenity":  {"--entry", "--title=Doorlight", "--text=" + strings.ReplaceAll(question, "_", "__"), "--entry-text=" + was},
	})
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil, errors.As(err, &exit) && exit.ExitCode() == 1: // it was closed without an answer
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	return strings.TrimRight(out, "\r\n"), true, nil
}

func (s system) tell(ctx context.Context, text string) {
	_, err := s.run(ctx, map[string][]string{
		"kdialog": {"--title", "Doorlight", "--sorry", text},
		"zenity":  {"--warning", "--title=Doorlight", "--no-markup", "--text=" + text},
	})
	if err != nil && s.Log != nil {
		s.Log.Debug("tray: dialog", "err", err)
	}
}

// run runs the program there is, with its arguments, in the environment of the session.
func (s system) run(ctx context.Context, args map[string][]string) (out string, err error) {
	names := []string{"zenity", "qarma", "matedialog", "kdialog"}
	if strings.Contains(s.getenv("XDG_CURRENT_DESKTOP"), "KDE") {
		names = []string{"kdialog", "qarma", "zenity"}
	}
	for _, name := range names {
		for _, dir := range filepath.SplitList(s.getenv("PATH")) {
			path := filepath.Join(dir, name)
			if i, err := os.Stat(path); !filepath.IsAbs(path) || err != nil || i.IsDir() || i.Mode()&0o111 == 0 {
				continue
			}
			a, ok := args[name]
			if !ok {
				a = args["zenity"]
			}
			cmd := exec.CommandContext(ctx, path, a...)
			cmd.WaitDelay = 2 * time.Second // for what it may have started itself
			if s.Getenv != nil {
				for _, key := range []string{"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "HOME", "PATH", "LANG", "LC_ALL", "XDG_CURRENT_DESKTOP"} {
					if v := s.getenv(key); v != "" {
						cmd.Env = append(cmd.Env, key+"="+v)
					}
				}
			}
			text, err := cmd.Output()
			return string(text), err
		}
	}
	return "", errNoDialogs
}
