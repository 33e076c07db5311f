package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/internal/telephones"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Look after the key with which stored credentials are sealed"}
	rotate := &cobra.Command{
		Use: "rotate", Short: "Seal all stored credentials anew with a new key", Args: cobra.NoArgs,
		Long: `Seal all stored credentials anew with a new key, which takes the place of the one in secret.key in the data folder. The
server must be stopped. Earlier backups can only be read with the key file of their time: keep a copy of it with them.`,
		Example: "  doorlight key rotate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd.Flags())
			if err != nil {
				return err
			}
			lock, err := c.lock()
			if err != nil {
				return fmt.Errorf("%w; stop it first", err)
			}
			defer lock.Close()
			st, err := c.openExisting(cmd.Context())
			if err != nil {
				return err
			}
			defer st.Close()
			sealed := 0
			err = secret.RotateKey(c.keyFile(), func(box *secret.Box) (err error) {
				all, err := st.LoadOffice(cmd.Context())
				if err != nil {
					return err
				}
				var changes store.Changes
				if changes.PutCalendars, err = agenda.Reseal(box, all.Calendars); err != nil {
					return err
				}
				if changes.PutConnectors, err = connector.Reseal(box, all.Connectors); err != nil {
					return err
				}
				changes.Audit = []store.AuditEntry{byCommandLine.Entry("key.rotate")}
				signIns, err := resealTeams(cmd.Context(), box, st)
				if err != nil {
					return err
				}
				if err := st.WriteTeams(cmd.Context(), signIns, nil); err != nil {
					return err
				}
				if changes.PutSIPAccounts, err = resealTelephones(cmd.Context(), box, st); err != nil {
					return err
				}
				sealed = len(changes.PutCalendars) + len(changes.PutConnectors) + len(changes.PutSIPAccounts) + len(signIns)
				return st.Update(cmd.Context(), changes)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d credentials are sealed with a new key, which is in %s.\n", sealed, c.keyFile())
			return nil
		},
	}
	addFlags(rotate.Flags())
	cmd.AddCommand(rotate)
	return cmd
}

// resealTelephones returns the accounts with which telephones sign in, sealed anew.
func resealTelephones(ctx context.Context, box *secret.Box, st store.Store) ([]store.SIPAccount, error) {
	var all []store.SIPAccount
	if err := st.LoadSIPAccounts(ctx, func(a store.SIPAccount) error {
		all = append(all, a)
		return nil
	}); err != nil {
		return nil, err
	}
	return telephones.Reseal(box, all)
}

// resealTeams returns what is kept of those whose sign-in at Microsoft Teams is remembered, with this sealed anew.
func resealTeams(ctx context.Context, box *secret.Box, st store.Store) (sealed []store.TeamsRecord, err error) {
	err = st.LoadTeams(ctx, func(r store.TeamsRecord) error {
		if len(r.Token) == 0 {
			return nil
		}
		about := teams.SealedFor(r.PersonID)
		text, err := box.Open(r.Token, about)
		if err != nil {
			return fmt.Errorf("sign-in of %s at Teams: %w", r.PersonID, err)
		}
		r.Token = box.Seal(text, about)
		sealed = append(sealed, r)
		return nil
	})
	return sealed, err
}
