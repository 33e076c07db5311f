// Package wiretest is where tests of telephone systems hear of lines: a network in memory, and what was told last of each line. What is said over the
// connection is the business of each system and its stand-in.
package wiretest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/source/outbound/outboundtest"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

// In runs a story in a bubble, beside others.
func In(t *testing.T, story func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, story)
}

// House is a network with a telephone system, and what hears of its lines. It has to be made in a bubble of synctest.
type House struct {
	T        *testing.T
	Listener net.Listener // of the stand-in
	Client   *outbound.Client
	Host     string
	Port     int
	Log      slog.Handler

	sys telephony.System
	log lockedBuffer
	end func()

	mu   sync.Mutex // guards what follows
	last map[string]Told
	told int
}

// Told is what was told of a line, and when. The zero value: nothing was.
type Told struct {
	telephony.Line
	At time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// NewHouse returns a house whose network is ready.
func NewHouse(t *testing.T) *House {
	t.Helper()
	var n outboundtest.Net
	l, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	h := &House{T: t, Listener: l, Client: outbound.NewClient(outbound.Config{Dial: n.Dial}), last: map[string]Told{}}
	h.Log = slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})
	host, port, _ := net.SplitHostPort(l.Addr().String())
	h.Host = host
	h.Port, _ = strconv.Atoi(port)
	return h
}

// Use has the house hear of the lines of a system.
func (h *House) Use(sys telephony.System) { h.sys = sys }

// Logged is what the log holds.
func (h *House) Logged() string { return h.log.String() }

// Begin watches lines.
func (h *House) Begin(lines ...string) {
	h.sys.Follow(lines)
	ctx, cancel := context.WithCancel(h.T.Context())
	done := make(chan error, 1)
	go func() { done <- h.sys.Watch(ctx, h.hear) }()
	h.end = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			h.T.Errorf("Watch ended with %v", err)
		}
	}
}

// Unwatch ends what Begin began; it may be called twice.
func (h *House) Unwatch() {
	if h.end != nil {
		h.end()
		h.end = nil
	}
}

func (h *House) hear(l telephony.Line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last[l.Line] = Told{l, time.Now()}
	h.told++
}

// Told is what was told of a line last.
func (h *House) Told(line string) Told {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last[line]
}

// Count is how many lines were told of, and how often in all.
func (h *House) Count() (lines, times int) {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.last), h.told
}

// Words are a line as one reads it: "on 202 held, rings 203", or "idle".
func Words(l telephony.Line) string {
	var out []string
	for _, c := range l.Calls {
		s := map[presence.LineState]string{presence.LineRinging: "rings", presence.LineOnThePhone: "on"}[c.State] + " " + cmp.Or(c.Other, "?")
		if c.Held {
			s += " held"
		}
		out = append(out, s)
	}
	return cmp.Or(strings.Join(out, ", "), "idle")
}

// Is waits a moment and compares what was told of a line last, in Words; "nothing" if nothing was.
func (h *House) Is(line, want string) {
	h.T.Helper()
	time.Sleep(100 * time.Millisecond)
	got := "nothing"
	if l := h.Told(line); !l.At.IsZero() {
		got = Words(l.Line)
	}
	if got != want {
		h.T.Errorf("%s: %s, want %s", line, got, want)
	}
}

// Troubled checks that the system tells in words why it is not heard, if it is not.
func (h *House) Troubled(want bool) {
	h.T.Helper()
	now, err := h.sys.(telephony.Reporter).Heard()
	if e, _ := errors.AsType[*source.Error](err); now == want || (e != nil) != want || e != nil && (e.Text == "" || !e.Whole) {
		h.T.Errorf("it is heard: %v, its trouble is %+v, want any: %v", now, e, want)
	}
}

// Forwarded waits a moment and compares how a line was told to be forwarded.
func (h *House) Forwarded(line string, want telephony.Forwarding) {
	h.T.Helper()
	time.Sleep(100 * time.Millisecond)
	if f := h.Told(line).Forwarding; f == nil || *f != want {
		h.T.Errorf("%s is forwarded as %+v, want %+v", line, f, want)
	}
}

// Stands returns the calls that were told of a line last, and compares the rest: that it was told not long ago, and how it is forwarded.
func (h *House) Stands(line string, f telephony.Forwarding) []telephony.Call {
	h.T.Helper()
	got := h.Told(line)
	if got.At.IsZero() {
		h.T.Errorf("%s: nothing was told", line)
		return nil
	}
	if got.Forwarding == nil || *got.Forwarding != f {
		h.T.Errorf("%s: told was forwarding %+v\nbut it is %+v", line, got.Forwarding, f)
	}
	if age := time.Since(got.At); age > telephony.Lasts/2 {
		h.T.Errorf("%s: told %v ago", line, age)
	}
	return got.Calls
}

// Quiet reports lines that were told of after an instant.
func (h *House) Quiet(since time.Time, lines ...string) {
	h.T.Helper()
	for _, l := range lines {
		if at := h.Told(l).At; at.After(since) {
			h.T.Errorf("%s was told of %v after nothing could be known", l, at.Sub(since))
		}
	}
}

// Discreet reports what is private and stands in the log.
func (h *House) Discreet(private ...string) {
	h.T.Helper()
	log := h.Logged()
	for _, p := range private {
		if strings.Contains(log, p) {
			h.T.Errorf("the log holds %q: %.5000s", p, log)
		}
	}
}

// Says is what an administrator is told of an error; "none" if there is none.
func Says(err error) string {
	if err == nil {
		return "none"
	}
	if p, ok := errors.AsType[interface {
		error
		Public() string
	}](err); ok {
		return p.Public()
	}
	return fmt.Sprintf("%T", err)
}

// WatchEnds reports how Watch ends: with its context, and why that ended, or when the system is closed; there is one at a time. Begin was called.
func (h *House) WatchEnds(watched, closed error) {
	h.T.Helper()
	time.Sleep(time.Second)
	nobody := func(telephony.Line) {}
	if err := h.sys.Watch(h.T.Context(), nobody); !errors.Is(err, watched) {
		h.T.Errorf("a second one: %v", err)
	}
	h.Unwatch()
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(h.T.Context())
	done := make(chan error)
	go func() { done <- h.sys.Watch(ctx, nobody) }()
	time.Sleep(time.Second)
	cancel(why)
	if err := <-done; !errors.Is(err, why) {
		h.T.Errorf("it ended with %v", err)
	}
	go func() { done <- h.sys.Watch(h.T.Context(), nobody) }()
	time.Sleep(time.Second)
	h.sys.Close()
	if err := <-done; !errors.Is(err, closed) {
		h.T.Errorf("it ended with %v", err)
	}
}

// Slowly watches a line while a story runs, for somebody who takes so long over each thing he is told, and returns it in Words.
func (h *House) Slowly(line string, each time.Duration, story func()) []string {
	h.sys.Follow([]string{line})
	ctx, cancel := context.WithCancel(h.T.Context())
	done := make(chan error)
	var got []string
	go func() {
		done <- h.sys.Watch(ctx, func(l telephony.Line) {
			got = append(got, Words(l))
			time.Sleep(each)
		})
	}()
	story()
	cancel()
	<-done
	return got
}
