package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
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
				sealed = len(changes.PutCalendars) + len(changes.PutConnectors)
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
