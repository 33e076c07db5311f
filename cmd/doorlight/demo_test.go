package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/demo"
)

func TestServeDemo(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	for _, kept := range []string{"", t.TempDir()} {
		args := []string{"serve", "--demo", "--demo-speed", "60", "--listen", "127.0.0.1:0"}
		if kept != "" {
			args = append(args, "--data", kept)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var out, log output
		done := make(chan error, 1)
		go func() { done <- run(ctx, args, &out, &log) }()
		// The sign-ins are the last that is printed; there is nothing to wait for but the text.
		tick := time.NewTicker(10 * time.Millisecond)
		for ctx.Err() == nil && !strings.Contains(out.String(), "In the office it is") {
			<-tick.C
		}
		tick.Stop()
		if folders, err := os.ReadDir(scratch); err != nil || len(folders) > 1 || (len(folders) == 0) != (kept != "") {
			t.Errorf("data %q: temporary folders %v, %v while it runs", kept, folders, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("data %q: %v", kept, err)
		}
		for _, want := range []string{"is ready at http://", demo.Password, "anna", "jonas", "miriam", "sabine", "thomas"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("data %q: %q is not in %q", kept, want, out.String())
			}
		}
		if strings.Contains(log.String(), "level=WARN") || strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("data %q: log %s", kept, log.String())
		}
		if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
			t.Errorf("data %q: %v is left over, %v", kept, left, err)
		}
		if files, _ := os.ReadDir(kept); kept != "" && len(files) == 0 {
			t.Error("the given data folder was not kept")
		}
	}
}

func TestDemoFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--demo-speed", "60"}, {"--demo", "--demo-speed", "0.5"}, {"--demo", "--demo-speed", "4000"}} {
		if err := run(t.Context(), append([]string{"serve"}, args...), &output{}, &output{}); err == nil || !strings.Contains(err.Error(), "--demo-speed") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
