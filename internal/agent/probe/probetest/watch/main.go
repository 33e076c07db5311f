// Command watch prints what the probes tell, for tests: each a line of JSON, until its input ends.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/internal/agent/probe/probetest/report"
)

func main() {
	after := flag.Duration("after", 3*time.Second, "how long without input is idle")
	hold := flag.Duration("hold", 0, "how long it takes over the end of the session")
	flag.Parse()
	ctx, cancel := context.WithCancel(context.Background())
	var (
		mu  sync.Mutex
		out = json.NewEncoder(os.Stdout) // guarded by mu
	)
	say := func(l report.Line) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(l); err != nil {
			fmt.Fprintln(os.Stderr, "watch:", err)
			os.Exit(1)
		}
	}
	words := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	c := probe.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	var all sync.WaitGroup
	all.Go(func() {
		probe.WatchIdle(ctx, c, *after, func(i probe.Idle) {
			say(report.Line{Probe: "idle", On: i.Idle, Since: i.Since, Way: i.Way, Err: words(i.Err)})
		})
	})
	all.Go(func() {
		probe.WatchLock(ctx, c, func(l probe.Lock) { say(report.Line{Probe: "lock", On: l.Locked, Way: l.Way, Err: words(l.Err)}) })
	})
	all.Go(func() {
		probe.WatchMicrophone(ctx, c, func(m probe.Microphone) {
			l := report.Line{Probe: "microphone", On: len(m.Programs) > 0, Way: m.Way, Err: words(m.Err)}
			for _, p := range m.Programs {
				l.Programs = append(l.Programs, p.Name)
			}
			say(l)
		})
	})
	all.Go(func() {
		probe.WatchEnd(ctx, c, func() { say(report.Line{Probe: "end", On: true}); time.Sleep(*hold) })
	})
	io.Copy(io.Discard, os.Stdin)
	cancel()
	all.Wait()
	say(report.Line{Probe: "over"})
}
