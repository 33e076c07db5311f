package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a server pinned to processor 0.
type process struct {
	cmd   *exec.Cmd
	out   *bufio.Scanner
	ready string // the line that said it is ready
}

// start runs a command on processor 0 and waits for a line of its output that holds ready.
func start(ctx context.Context, ready string, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", "0", name}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, out: bufio.NewScanner(pipe)}
	for p.out.Scan() {
		if strings.Contains(p.out.Text(), ready) {
			p.ready = p.out.Text()
			go func() {
				for p.out.Scan() {
				}
			}()
			return p, nil
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s ended before it was ready", name)
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// cpu returns the processor time the process has used.
func (p *process) cpu() time.Duration {
	used, _ := cpuOfProcess(p.cmd.Process.Pid)
	return used
}

// cpuOfProcess returns the processor time that a process has used, and how long it could have gone on and did not get the processor.
func cpuOfProcess(pid int) (used, waited time.Duration) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, 0
	}
	for _, t := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue
		}
		var ns [2]int64
		fmt.Sscan(string(text), &ns[0], &ns[1])
		used += time.Duration(ns[0])
		waited += time.Duration(ns[1])
	}
	return used, waited
}

// rss returns the resident memory in bytes.
func (p *process) rss() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(text))
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// pinSelf keeps this process off the processor of the servers.
func pinSelf() error {
	var set unix.CPUSet
	set.Set(1)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil {
			return err
		}
	}
	return nil
}

// files lets this process and those it starts open as many files as they may.
func files() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}
