package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/doorlight/doorlight/internal/agent/autostart"
)

// out is where people read what the client says; where nobody does, it goes nowhere.
func (d *desk) out(stdout io.Writer) io.Writer {
	if goesNowhere(stdout) {
		return io.Discard
	}
	return stdout
}

// install has this program start with the session. part is that the client is a command of a larger program.
func (d *desk) install(w io.Writer, part bool) error {
	if err := d.remember(); err != nil {
		return err
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	p := autostart.Program{Path: path}
	if part {
		p.Args = append(p.Args, "agent")
	}
	if d.flags.folder != "" {
		folder, err := filepath.Abs(d.flags.folder)
		if err != nil {
			return err
		}
		p.Args = append(p.Args, "--folder", folder)
	}
	where, err := autostart.Session{}.Install(p)
	if err != nil {
		return fmt.Errorf("the client cannot be entered to start with the session: %w", err)
	}
	fmt.Fprintf(w, "The client starts with your session from the next time on; that is entered in\n  %s\n", where)
	if d.kept.Server == "" {
		fmt.Fprintln(w, "It does not know its server yet: start it once with --server.")
	}
	return nil
}

func uninstall(w io.Writer) error {
	where, was, err := autostart.Session{}.Remove()
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if !was {
		fmt.Fprintln(w, "The client does not start with your session; nothing was to be done.")
		return nil
	}
	fmt.Fprintf(w, "The client does not start with your session any more; that was entered in\n  %s\n", where)
	return nil
}

// status tells how the client is set up.
func (d *desk) status(ctx context.Context, w io.Writer) error {
	server := d.kept.Server
	if server == "" {
		server = "none was named yet"
	}
	fmt.Fprintf(w, "server: %s\n", server)
	signedIn, token := "no", ""
	if d.kept.Server != "" {
		var err error
		switch token, err = d.vault.Load(ctx, d.kept.Server); {
		case err != nil:
			signedIn = "not known: " + err.Error()
		case token != "":
			signedIn = "yes, as far as this computer knows"
		}
	}
	fmt.Fprintf(w, "signed in: %s\n", signedIn)
	held, err := d.alone()
	if err != nil {
		return err
	}
	runs := "yes"
	if held != nil {
		runs = "no"
		held.Close()
	}
	fmt.Fprintf(w, "runs: %s\n", runs)
	if held == nil && token != "" {
		text, err := os.ReadFile(d.path(d.doingFile()))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // of a client that has only begun there is none yet
			return err
		}
		w.Write(text)
	}
	switch where, found, err := (autostart.Session{}).Find(); {
	case err != nil:
		fmt.Fprintf(w, "starts with the session: not known: %v\n", err)
	case found:
		fmt.Fprintf(w, "starts with the session: yes (%s)\n", where)
	default:
		fmt.Fprintln(w, "starts with the session: no")
	}
	return nil
}
