package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/provision"
)

func importCommand() *cobra.Command {
	var place provision.Place
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Enter a list of people (CSV)", Args: cobra.ExactArgs(1),
		Long: `Enter a list of people from a CSV file: a heading with login and any of name, email, location, group, work_number,
mobile_number, home_number, voicemail_number, time_zone, language, role, vip, blocked; then a row for each person. Who
has the login already is changed, others are added; columns that are not there stay as they are. Rows that are refused
are told, and keep no others back. The server must be stopped; while it runs, the administration pages do the same.`,
		Example: `  doorlight import people.csv --dry-run   # only tell what it would do
  doorlight import people.csv --location Berlin`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dry, err := cmd.Flags().GetBool("dry-run")
			if err != nil {
				return err
			}
			file, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			records, refusals, err := provision.ReadCSV(provision.Decode(file))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return withOffice(cmd, !dry, func(of *office.Office) error {
				run := provision.Run{By: byCommandLine, Action: "people.import", DryRun: dry, Place: place, Progress: reporter(cmd.ErrOrStderr())}
				rep, err := run.Enter(cmd.Context(), of, records, refusals)
				w := cmd.OutOrStdout()
				for _, r := range rep.Refusals {
					fmt.Fprintln(w, r)
				}
				would := ""
				if dry {
					would = "would be "
				}
				fmt.Fprintf(w, "%d %sadded, %d %schanged, %d are as the list says, %d refused\n", rep.Added, would, rep.Changed, would, rep.Unchanged, rep.Refused)
				return err
			})
		},
	}
	addFlags(cmd.Flags())
	cmd.Flags().StringVar(&place.Location, "location", "", "location, by name or ID, of new people of whom the list says none")
	cmd.Flags().StringVar(&place.Group, "group", "", "their configuration group")
	cmd.Flags().Bool("dry-run", false, "only tell what it would do")
	return cmd
}
