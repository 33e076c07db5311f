package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

// byCommandLine names whoever has the server's files in the audit log.
var byCommandLine = office.By{Actor: "command line"}

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "user", Short: "List people, and let somebody in who cannot sign in",
		Long: "List people, and let somebody in who cannot sign in. Whoever may read the data folder may do this; it is written into the audit log.",
		Example: `  doorlight user list
  doorlight user link anna                # a link with which Anna sets a password; also while the server runs
  doorlight user admin anna               # makes Anna a system administrator; the server must be stopped`,
	}
	sub := func(use, short string, args cobra.PositionalArgs, alone bool, do func(ctx context.Context, of *office.Office, w io.Writer, args []string) error) {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
			return withOffice(cmd, alone, func(of *office.Office) error { return do(cmd.Context(), of, cmd.OutOrStdout(), args) })
		}}
		addFlags(c.Flags())
		cmd.AddCommand(c)
	}
	sub("list", "List everybody with login, role and location", cobra.NoArgs, false, listUsers)
	sub("link LOGIN", "Make a link with which somebody sets a new password, good once and for a day", cobra.ExactArgs(1), false, linkUser)
	sub("admin LOGIN", "Make somebody a system administrator who is not blocked", cobra.ExactArgs(1), true, appointUser)
	return cmd
}

// withOffice opens the organisation for a subcommand; alone says that no server may run beside it, which would not see
// what is changed.
func withOffice(cmd *cobra.Command, alone bool, do func(*office.Office) error) error {
	c, err := load(cmd.Flags())
	if err != nil {
		return err
	}
	if alone {
		lock, err := c.lock()
		if err != nil {
			return fmt.Errorf("%w; stop it first", err)
		}
		defer lock.Close()
	}
	st, err := c.openExisting(cmd.Context())
	if err != nil {
		return err
	}
	defer st.Close()
	of, err := office.Open(cmd.Context(), st, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	return do(of)
}

func listUsers(_ context.Context, of *office.Office, w io.Writer, _ []string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LOGIN\tNAME\tROLE\tLOCATION\tBLOCKED")
	all, _, _ := of.Records("", "", of.Count(), func(*store.Person) bool { return true })
	for _, p := range all {
		blocked := ""
		if p.Blocked {
			blocked = "blocked"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Login, p.Name, p.Role, of.LocationName(p.LocationID), blocked)
	}
	return t.Flush()
}

// somebody finds a person by login or ID.
func somebody(of *office.Office, name string) (*office.Person, error) {
	if p, ok := of.ByLogin(name); ok {
		return p, nil
	}
	if p, ok := of.Person(name); ok {
		return p, nil
	}
	return nil, fault.New(fault.NotFound, "there is nobody with the login or ID %q", name)
}

func linkUser(ctx context.Context, of *office.Office, w io.Writer, args []string) error {
	p, err := somebody(of, args[0])
	if err != nil {
		return err
	}
	text, expires, err := of.MakeLink(ctx, byCommandLine, p.ID, office.LinkReset)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "With this link behind the address of the server %s sets a password, once, until %s:\n\n  %s%s\n", p.Name, expires.Local().Format(time.DateTime), office.LinkPath, text)
	return nil
}

func appointUser(ctx context.Context, of *office.Office, w io.Writer, args []string) error {
	p, err := somebody(of, args[0])
	if err != nil {
		return err
	}
	if _, err := of.ChangePerson(ctx, byCommandLine, "person.put", p.ID, func(p *store.Person) error {
		p.Role, p.Administers, p.Blocked = office.RoleAdmin, nil, false
		return nil
	}); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is a system administrator.\n", p.Name)
	return nil
}
