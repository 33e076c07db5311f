// Command doorlight-agent is the desktop client alone, for computers that run no server: the same as doorlight agent, in a smaller program.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/doorlight/doorlight/internal/agent/command"
)

// noServer is the exit code if no server was named, which starting it again does not help (sysexits.h, EX_CONFIG).
const noServer = 78

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := command.New(version)
	cmd.Use, cmd.Version, cmd.SilenceUsage, cmd.SilenceErrors = "doorlight-agent", version, true, true
	cmd.CompletionOptions.DisableDefaultCmd = true
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "doorlight-agent:", err)
		if errors.Is(err, command.ErrNoServer) {
			os.Exit(noServer)
		}
		os.Exit(1)
	}
}
