package command_test

import (
	"sync"
	"testing"

	"github.com/doorlight/doorlight/internal/agent/command"
)

// A program that runs several commands at once, as tests of the server do, may build them at once; the race detector finds what they would share.
func TestCommandsAreBuiltSideBySide(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if name := command.New("dev").Name(); name != "agent" {
				t.Errorf("the command is called %q", name)
			}
		})
	}
	all.Wait()
}
