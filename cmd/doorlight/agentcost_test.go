package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
	"github.com/doorlight/doorlight/internal/agent/tray/traytest"
)

var minutes = flag.Float64("minutes", 0.25, "for how long the cost of the desktop client is measured")

// TestWhatTheDesktopClientCosts has the client run for some time while its computer is used: keys are pressed, it is left alone, locked and unlocked, and a program records.
// What it cost is printed; make bench does that over ten minutes. How much processor time it takes is not for a test to judge, its memory is (M1).
func TestWhatTheDesktopClientCosts(t *testing.T) {
	t.Parallel()
	server, anna, told := annasOffice(t)
	server.decree()
	server.call("PUT", "/scopes/"+server.location()+"/settings", map[string]any{"microphone": map[string]any{"enabled": true, "programs": []map[string]any{
		{"active": true, "process": "zoom", "alias": "Zoom"},
	}}}, nil, 200)
	pc := newComputer(t, anna)
	pc.program = filepath.Join(t.TempDir(), "doorlight-agent")
	build := exec.Command("go", "build", "-trimpath", "-o", pc.program, "github.com/doorlight/doorlight/cmd/doorlight-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	pc.sound = probetest.NewSound(t)
	pc.sound.Start()
	lock := newLocker(t, pc.bus)
	panel := traytest.NewPanel(t, pc.bus)
	pc.start("--no-tray=false")
	panel.Icon()
	seen := 0
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() { // a colleague counts what they see
		defer close(done)
		for {
			select {
			case <-told:
				seen++
			case <-stop:
				return
			}
		}
	}()

	length := time.Duration(*minutes * float64(time.Minute))
	began := time.Now()
	used := pc.processorTime()
	most, private := int64(0), int64(0)
	during := func(from, to float64) bool {
		now := float64(time.Since(began)) / float64(length)
		return now >= from && now < to
	}
	var zoom *probetest.Program
	locked := false
	for i := 0; time.Since(began) < length; i++ {
		switch {
		case during(0.3, 0.5): // nobody is there: longer than a minute in ten
		case during(0.5, 0.6) != locked:
			locked = !locked
			lock.lock(locked)
		default:
			pc.display.Press("a")
		}
		if during(0.7, 0.9) && zoom == nil {
			zoom = pc.sound.Record("zoom", "mic")
		}
		if during(0.9, 1) && zoom != nil {
			zoom.Stop()
			zoom = nil
		}
		most, private = max(most, pc.memory("VmRSS")), max(private, pc.memory("RssAnon"))
		time.Sleep(500 * time.Millisecond)
	}
	took := time.Since(began)
	used = pc.processorTime() - used
	pc.logOff()
	time.Sleep(200 * time.Millisecond)
	close(stop)
	<-done
	fmt.Printf("desktop client, %s of use: processor time %s, %.3f %% of a core (aim: < 0.5 %%); memory at most %.1f MiB, %.1f MiB of it its own (aim: < 40 MiB); a colleague saw %d changes\n",
		took.Round(time.Second), used, 100*used.Seconds()/took.Seconds(), float64(most)/1024, float64(private)/1024, seen)
	if most > 40*1024 {
		t.Errorf("it takes %d KiB of memory, want less than 40 MiB", most)
	}
	if seen < 3 { // it starts, is locked, is unlocked
		t.Errorf("a colleague saw %d changes: it did not work", seen)
	}
}

// processorTime is how much the client has used so far, to a hundredth of a second (proc(5)).
func (c *computer) processorTime() time.Duration {
	c.t.Helper()
	text := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid)))(c.t))
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	sum := 0
	for _, f := range fields[11:13] { // utime and stime
		sum += must(strconv.Atoi(f))(c.t)
	}
	return time.Duration(sum) * time.Second / 100
}

// memory is how much of a kind of memory the client has, in KiB.
func (c *computer) memory(kind string) int64 {
	c.t.Helper()
	for line := range strings.Lines(string(must(os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid)))(c.t))) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == kind+":" {
			return must(strconv.ParseInt(f[1], 10, 64))(c.t)
		}
	}
	c.t.Fatalf("no %s is told", kind)
	return 0
}
