package main

import (
	"bytes"
	"context"
	_ "embed"
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
	"time"
)

const (
	sipRate        = 500             // changes a second
	sipBare        = 2 * time.Second // changes that nobody watches
	sipTrial       = 3 * time.Second // of a rate
	sipLongest     = 3 * time.Minute // the whole part
	sipChildren    = 4               // processes of Kamailio that read its socket
	redirects      = 40_000
	redirectsAtime = 100 // calls under way
)

// sipSide is one of the two servers that are measured: ours, and Kamailio.
type sipSide struct {
	addr   netip.AddrPort
	pids   func() []int
	stop   func()
	change func(ctx context.Context) (changer, error)
}

// cpu returns the processor time that all its processes have used.
func (s *sipSide) cpu() time.Duration {
	used, _ := s.spent()
	return used
}

// spent returns besides how long they waited for the processor, if they had to share it with others.
func (s *sipSide) spent() (used, waited time.Duration) {
	for _, pid := range s.pids() {
		u, w := cpuOfProcess(pid)
		used += u
		waited += w
	}
	return used, waited
}

// startOurs starts our server, which writes a profile if that is a file's name.
func startOurs(ctx context.Context, profile string) (*sipSide, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"sip", strconv.Itoa(sipAccounts), strconv.Itoa(sipPeople)}
	if profile != "" {
		args = append(args, profile)
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
	return &sipSide{
		addr: addr, pids: func() []int { return []int{p.cmd.Process.Pid} }, stop: func() { c.Close(); p.stop() },
		change: func(context.Context) (changer, error) { return controlled{c}, nil },
	}, nil
}

func startTheirs(ctx context.Context) (*sipSide, error) {
	k, err := startKamailio(ctx, sipChildren)
	if err != nil {
		return nil, err
	}
	return &sipSide{addr: k.addr, pids: k.pids, stop: k.stop, change: func(ctx context.Context) (changer, error) {
		p, err := newPublisher(k.addr)
		if err != nil {
			return nil, err
		}
		if err := p.begin(ctx); err != nil {
			p.close()
			return nil, err
		}
		return p, nil
	}}, nil
}

// sipPrograms reports whether what is measured beside our server, and what places calls, is there.
func sipPrograms() error {
	_, err := findProgram("sipp", "sip-tester")
	if err == nil {
		_, _, err = findKamailio()
	}
	return err
}

// measureSIP measures lamps and redirects, of our server and of Kamailio.
func measureSIP(ctx context.Context, length time.Duration, profile string) error {
	if runtime.NumCPU() < 2 {
		return errors.New("two processors are needed: one for the server, one for the load")
	}
	if err := pinSelf(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sipLongest)
	defer cancel()
	if profile != "" {
		profile += ".sip"
	}
	ours := func(ctx context.Context) (*sipSide, error) { return startOurs(ctx, profile) }
	if err := measureLamps(ctx, length, ours, startTheirs); err != nil {
		return err
	}
	if profile != "" {
		profile += ".redirect"
	}
	return measureRedirects(ctx, ours, startTheirs)
}

// lampLoad is one side with all lamps subscribed to.
type lampLoad struct {
	*sipSide
	phones  *phones
	changer changer

	setUp    time.Duration
	setUpCPU time.Duration
	memory   int64         // of all subscriptions
	bare     time.Duration // processor time of a change that nobody watches
}

func (l *lampLoad) close() {
	if l.phones != nil {
		l.phones.close()
	}
	if l.changer != nil {
		l.changer.close()
	}
	l.stop()
}

// prepareLamps starts a server and has all lamps subscribed to.
func prepareLamps(ctx context.Context, start func(context.Context) (*sipSide, error)) (_ *lampLoad, err error) {
	s, err := start(ctx)
	if err != nil {
		return nil, err
	}
	l := &lampLoad{sipSide: s}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.changer, err = s.change(ctx); err != nil {
		return nil, err
	}
	// What a change takes when nobody watches: Kamailio is told by a message of 800 bytes that has to be read and answered, ours by a line.
	before := s.cpu()
	n := int(sipBare.Seconds() * sipRate)
	for i := range n {
		time.Sleep(sipBare / time.Duration(n))
		if err := l.changer.change(i*97%sipPeople, i%2+1_000_000); err != nil {
			return nil, err
		}
	}
	time.Sleep(100 * time.Millisecond)
	l.bare = (s.cpu() - before) / time.Duration(n)
	if l.phones, err = newPhones(s.addr); err != nil {
		return nil, err
	}
	for i := range sipPeople {
		if err := l.changer.change(i, 0); err != nil { // so that lamps show nothing that is counted
			return nil, err
		}
	}
	time.Sleep(200 * time.Millisecond)
	memory, used, began := resident(s.pids()), s.cpu(), time.Now()
	if err := l.phones.subscribe(ctx, 30*time.Second); err != nil {
		return nil, err
	}
	l.setUp = time.Since(began)
	time.Sleep(500 * time.Millisecond)
	l.setUpCPU, l.memory = s.cpu()-used, resident(s.pids())-memory
	return l, nil
}

// lampResult is what became of changes, and what they took.
type lampResult struct {
	rate int
	sipLoad
	each float64 // processor time of a notification that arrived, in microseconds, without what a change takes that nobody watches
	busy float64 // share of the processor
	idle float64 // share of the time that it could have gone on, and others had the processor; of all its processes together
}

func (l *lampLoad) run(ctx context.Context, rate int, length time.Duration) (r lampResult, err error) {
	before, idle := l.spent()
	r.rate = rate
	if r.sipLoad, err = l.phones.load(ctx, l.changer, rate, length); err != nil {
		return r, err
	}
	used, waited := l.spent()
	used, waited = used-before, waited-idle
	r.busy, r.idle = used.Seconds()/r.took.Seconds(), waited.Seconds()/r.took.Seconds()
	r.each = (used - time.Duration(r.changes)*l.bare).Seconds() * 1e6 / float64(r.delivered)
	fmt.Fprintf(os.Stderr, "   %d changes/s: %d of %d delivered, %d again or late, %d lamps wrong at the end, median %v, 99 %% %v, processor %.0f %%, waited for it %.0f %%, load's %.0f %%\n",
		rate, r.delivered, r.expected, r.again, r.lost, r.median, r.most, 100*r.busy, 100*r.idle, 100*r.own.Seconds()/r.took.Seconds())
	return r, nil
}

// sustained reports whether a server kept up: lamps were not told of changes so late that they were overtaken, nor twice.
func (r *lampResult) sustained() bool {
	return r.lost == 0 && r.delivered*100 >= r.expected*99 && r.again*100 <= r.expected && r.median < 100*time.Millisecond
}

func (r *lampResult) delays() string {
	return fmt.Sprintf("%s, %s", r.median.Round(100*time.Microsecond), r.most.Round(time.Millisecond))
}

func (r *lampResult) arrived() string {
	return fmt.Sprintf("%.1f %%, %d", 100*float64(r.delivered)/float64(r.expected), r.lost)
}

func measureLamps(ctx context.Context, length time.Duration, startOurs, startTheirs func(context.Context) (*sipSide, error)) error {
	fmt.Fprintf(os.Stderr, "== sip: %d lamps of %d telephones, each person watched by %d\n", sipAccounts*sipLamps, sipAccounts, sipAccounts*sipLamps/sipPeople)
	theirs, err := prepareLamps(ctx, startTheirs)
	if err != nil {
		return fmt.Errorf("kamailio: %w", err)
	}
	defer theirs.close()
	// The rate that Kamailio sustains. After too much it is left alone until it has forgotten its transactions.
	var full, best lampResult
	for _, rate := range []int{sipRate, 200, 100} {
		r, err := theirs.run(ctx, rate, min(length, sipTrial))
		if err == nil && r.sustained() {
			r, err = theirs.run(ctx, rate, length)
		}
		if err != nil {
			return fmt.Errorf("kamailio: %w", err)
		}
		if best = r; rate == sipRate {
			full = r
		}
		if r.sustained() {
			break
		}
		if err := pause(ctx, 6*time.Second); err != nil {
			return err
		}
	}
	theirs.close()
	ours, err := prepareLamps(ctx, startOurs)
	if err != nil {
		return fmt.Errorf("our sip server: %w", err)
	}
	defer ours.close()
	same, err := ours.run(ctx, best.rate, length)
	if err != nil {
		return fmt.Errorf("our sip server: %w", err)
	}
	most := same
	if best.rate != sipRate {
		if most, err = ours.run(ctx, sipRate, length); err != nil {
			return fmt.Errorf("our sip server: %w", err)
		}
	}
	const lamps = sipAccounts * sipLamps
	what := fmt.Sprintf("SIP, %d changes/s of 20,000 lamps: ", sipRate)
	report("SIP, 20,000 lamps sign in, subscribe, are told", ours.setUp.Round(10*time.Millisecond).String(), theirs.setUp.Round(10*time.Millisecond).String(), times(ours.setUp.Seconds()/theirs.setUp.Seconds()), "", true)
	ratio := ours.setUpCPU.Seconds() / theirs.setUpCPU.Seconds()
	report("SIP, 20,000 lamps: processor time of that", cpuOf(ours.setUpCPU), cpuOf(theirs.setUpCPU), times(ratio), "<= 1.5 x", ratio <= 1.5)
	ratio = float64(ours.memory) / float64(theirs.memory)
	report("SIP, 20,000 lamps: resident memory of each", kib(ours.memory/lamps), kib(theirs.memory/lamps), times(ratio), "<= 1 x", ratio <= 1)
	report(what+"notifications delivered, lamps wrong at the end", most.arrived(), full.arrived(), "", "0 wrong", most.lost == 0)
	report(what+"delivered after (median, 99 %)", most.delays(), full.delays(), "", "", true)
	report(what+"processor share, and waited for it", percent(most.busy)+", "+percent(most.idle), percent(full.busy)+", "+percent(full.idle), "", "", true)
	what = fmt.Sprintf("SIP, %d changes/s, which Kamailio sustains: ", best.rate)
	if !best.sustained() {
		what = fmt.Sprintf("SIP, %d changes/s, which Kamailio does not sustain: ", best.rate)
	}
	ratio = same.each / best.each
	report(what+"processor time of a notification", micros(same.each), micros(best.each), times(ratio), "<= 1 x", ratio <= 1)
	report(what+"delivered after (median, 99 %)", same.delays(), best.delays(), "", "", true)
	return nil
}

func percent(r float64) string   { return fmt.Sprintf("%.0f %%", 100*r) }
func micros(us float64) string   { return fmt.Sprintf("%.1f µs", us) }
func kib(bytes int64) string     { return fmt.Sprintf("%.1f KiB", float64(bytes)/1024) }
func perSecond(r float64) string { return fmt.Sprintf("%.0f/s", r) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

//go:embed testdata/redirect.xml
var redirectScenario []byte

// redirectResult is what calls took that were redirected.
type redirectResult struct {
	rate float64 // a second
	each float64 // processor time in microseconds
}

func measureRedirects(ctx context.Context, startOurs, startTheirs func(context.Context) (*sipSide, error)) error {
	fmt.Fprintf(os.Stderr, "== sip: %d calls are redirected\n", redirects)
	theirs, err := redirectsOf(ctx, startTheirs)
	if err != nil {
		return fmt.Errorf("kamailio: %w", err)
	}
	ours, err := redirectsOf(ctx, startOurs)
	if err != nil {
		return fmt.Errorf("our sip server: %w", err)
	}
	ratio := ours.rate / theirs.rate
	report("SIP, calls redirected a second", perSecond(ours.rate), perSecond(theirs.rate), times(ratio), "", true)
	ratio = ours.each / theirs.each
	report("SIP, processor time of a redirected call", micros(ours.each), micros(theirs.each), times(ratio), "<= 4 x", ratio <= 4)
	return nil
}

// redirectsOf starts a server and has SIPp, on the other processor, place calls as fast as they are answered.
func redirectsOf(ctx context.Context, start func(context.Context) (*sipSide, error)) (r redirectResult, err error) {
	sipp, err := findProgram("sipp", "sip-tester")
	if err != nil {
		return r, err
	}
	s, err := start(ctx)
	if err != nil {
		return r, err
	}
	defer s.stop()
	dir, err := os.MkdirTemp("", "doorlight-bench")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	scenario := filepath.Join(dir, "redirect.xml")
	if err := os.WriteFile(scenario, redirectScenario, 0o600); err != nil {
		return r, err
	}
	call := func(n int) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, sipp, "-sf", scenario, "-s", sipNumber(0), "-i", "127.0.0.1", "-m", strconv.Itoa(n), "-l", strconv.Itoa(redirectsAtime),
			"-r", "1000000", "-deadcall_wait", "0", "-nostdin", "-timeout", "30", s.addr.String())
		var said bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
		began := time.Now()
		ended, err := startTied(cmd)
		if err != nil {
			return 0, err
		}
		if err := <-ended; err != nil {
			return 0, fmt.Errorf("sipp: %w: %s", err, said.Bytes()[max(0, said.Len()-500):])
		}
		return time.Since(began), nil
	}
	if _, err := call(1000); err != nil { // until it is warm
		return r, err
	}
	before := s.cpu()
	took, err := call(redirects)
	if err != nil {
		return r, err
	}
	used := s.cpu() - before
	r.rate, r.each = redirects/took.Seconds(), used.Seconds()*1e6/redirects
	fmt.Fprintf(os.Stderr, "   %.0f/s, %.1f us each, processor %.0f %%\n", r.rate, r.each, 100*used.Seconds()/took.Seconds())
	return r, nil
}
