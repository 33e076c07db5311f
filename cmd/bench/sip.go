package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sipSide is one of the two servers that are measured: ours, and Kamailio.
type sipSide struct {
	addr   netip.AddrPort
	pids   func() []int
	stop   func()
	change changer // nil until lamps are measured
}

func (s *sipSide) cpu() (sum time.Duration) {
	for _, pid := range s.pids() {
		sum += cpuOfProcess(pid)
	}
	return sum
}

// startOurs starts our server, which writes a profile if that is a file's name.
func startOurs(ctx context.Context, profile string) (*sipSide, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"sip", strconv.Itoa(sipAccounts), strconv.Itoa(sipPeople)}
	if profile != "" {
		args = append(args, profile+".sip")
	}
	p, err := start(ctx, "sip ", self, args...)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(p.ready)
	addr, err := netip.ParseAddrPort(words[1])
	if err != nil {
		p.stop()
		return nil, err
	}
	c, err := net.Dial("tcp", words[2])
	if err != nil {
		p.stop()
		return nil, err
	}
	return &sipSide{addr: addr, pids: func() []int { return []int{p.cmd.Process.Pid} }, stop: func() { c.Close(); p.stop() }, change: controlled{c}}, nil
}

func startTheirs(ctx context.Context) (*sipSide, error) {
	k, err := startKamailio(ctx, sipChildren)
	if err != nil {
		return nil, err
	}
	return &sipSide{addr: k.addr, pids: k.pids, stop: k.stop}, nil
}

// How many processes of Kamailio read its socket.
var sipChildren = func() int { n, _ := strconv.Atoi(os.Getenv("KIDS")); return n }()

// measureSIP measures lamps and redirects, of our server and of Kamailio.
func measureSIP(ctx context.Context, length time.Duration, profile string) error {
	if runtime.NumCPU() < 2 {
		return errors.New("two processors are needed: one for the server, one for the load")
	}
	if err := pinSelf(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := measureLamps(ctx, length, profile); err != nil {
		return err
	}
	return nil
}

// lampsMeasured is what one side takes.
type lampsMeasured struct {
	setUp    time.Duration
	setUpCPU time.Duration
	memory   int64 // of all subscriptions
	cpu      time.Duration
	sipLoad
}

func (m *lampsMeasured) each() float64 { return m.cpu.Seconds() * 1e6 / float64(m.delivered) }

var sipRate = func() int { n, _ := strconv.Atoi(os.Getenv("RATE")); return n }()

func measureLamps(ctx context.Context, length time.Duration, profile string) error {
	fmt.Fprintf(os.Stderr, "== sip: %d lamps\n", sipAccounts*sipLamps)
	ours, err := lampsOf(ctx, length, sipRate, func(ctx context.Context) (*sipSide, error) { return startOurs(ctx, profile) })
	if err != nil {
		return fmt.Errorf("our sip server: %w", err)
	}
	fmt.Fprintf(os.Stderr, "   ours: %+v %.1f us\n", ours, ours.each())
	theirs, err := lampsOf(ctx, length, sipRate, startTheirs)
	if err != nil {
		return fmt.Errorf("kamailio: %w", err)
	}
	fmt.Fprintf(os.Stderr, "   theirs: %+v %.1f us\n", theirs, theirs.each())
	return nil
}

// lampsOf starts a server, has all lamps subscribed to, and makes changes.
func lampsOf(ctx context.Context, length time.Duration, rate int, start func(context.Context) (*sipSide, error)) (*lampsMeasured, error) {
	s, err := start(ctx)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if s.change == nil {
		p, err := newPublisher(s.addr)
		if err != nil {
			return nil, err
		}
		defer p.close()
		if err := p.begin(ctx); err != nil {
			return nil, err
		}
		s.change = p
	}
	p, err := newPhones(s.addr)
	if err != nil {
		return nil, err
	}
	defer p.close()
	m := &lampsMeasured{}
	memory, cpu, began := resident(s.pids()), s.cpu(), time.Now()
	if err := p.subscribe(ctx, 40*time.Second); err != nil {
		return nil, err
	}
	m.setUp = time.Since(began)
	time.Sleep(500 * time.Millisecond)
	m.setUpCPU, m.memory = s.cpu()-cpu, resident(s.pids())-memory
	cpu = s.cpu()
	if m.sipLoad, err = p.load(ctx, s.change, rate, length); err != nil {
		return nil, err
	}
	m.cpu = s.cpu() - cpu
	return m, nil
}

var _ = []any{bytes.Cut, exec.Command, filepath.Join, syscall.Kill}
