package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/presence"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain LOGIN", Short: "Tell why somebody is shown as they are, and what comes next", Args: cobra.ExactArgs(1),
		Long: "Tell why somebody is shown as they are, and what comes next. It reads the database, also while the server runs.",
		Example: `  doorlight explain anna
  doorlight explain anna --database postgres://doorlight@db/doorlight`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd.Flags())
			if err != nil {
				return err
			}
			st, err := c.openExisting(cmd.Context())
			if err != nil {
				return err
			}
			defer st.Close()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			of, err := office.Open(cmd.Context(), st, log)
			if err != nil {
				return err
			}
			p, err := somebody(of, args[0])
			if err != nil {
				return err
			}
			h, err := hub.Open(cmd.Context(), st, of, func([]hub.Update) {}, hub.Config{Log: log, Shards: 1})
			if err != nil {
				return err
			}
			e, _ := h.Explain(p.ID, 10)
			printExplanation(cmd.OutOrStdout(), p, e)
			return nil
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

func printExplanation(w io.Writer, p *office.Person, e presence.Explanation) {
	stamp := func(t time.Time) string { return t.In(p.Zone).Format("2006-01-02 15:04:05") }
	if e.Presence.Off {
		fmt.Fprintf(w, "%s: presence management is switched off\n", p.Name)
		return
	}
	fmt.Fprintf(w, "%s is %s at %s\n\n", p.Name, words(e.Presence), stamp(e.At))
	fmt.Fprintf(w, "Claims, strongest first (rules %s):\n", e.Rules)
	for _, x := range e.Entries {
		until := "until retracted"
		if end := x.Claim.End(); !end.IsZero() {
			until = "to " + stamp(end)
		}
		why := x.Outcome.String()
		if x.By != (presence.Ref{}) {
			why += " by " + x.By.String()
		}
		if c := x.Criterion.String(); c != "" {
			why += " (" + c + ")"
		}
		fmt.Fprintf(w, "  %-28s %-15s %q, from %s %s: %s\n", x.Claim.Ref(), x.Status, x.Text, stamp(x.Claim.From), until, why)
	}
	if len(e.Entries) == 0 {
		fmt.Fprintln(w, "  none")
	}
	fmt.Fprintln(w, "\nWhat time alone will bring:")
	for _, s := range e.Next {
		fmt.Fprintf(w, "  %s  %s\n", stamp(s.At), words(s.Presence))
	}
	if len(e.Next) == 0 {
		fmt.Fprintln(w, "  nothing")
	}
}

func words(p presence.Presence) string {
	s := p.Status.String()
	if p.Text != "" {
		s += fmt.Sprintf(" %q", p.Text)
	}
	if p.Cause != (presence.Ref{}) {
		s += " by " + p.Cause.String()
	}
	if p.Line.State != presence.LineIdle {
		s += ", " + p.Line.State.String()
	}
	return s
}
