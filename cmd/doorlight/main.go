// Command doorlight is the presence server and everything that belongs to it: serve runs it, explain answers why
// somebody is shown as they are, doctor looks for what is wrong, user lets somebody in who cannot sign in, import enters
// lists of people, key looks after the key of stored credentials, backup and restore keep its data safe, agent is the desktop
// client.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones must not depend on what the machine has installed

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/agent/command"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "doorlight:", err)
		os.Exit(1)
	}
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use: "doorlight", Short: "The presence server for offices",
		Version: version, SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(serveCommand(), explainCommand(), userCommand(), importCommand(), keyCommand(), doctorCommand(), backupCommand(), restoreCommand(), command.New(version))
	return root.ExecuteContext(ctx)
}
