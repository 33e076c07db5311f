package csta

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/source/outbound/outboundtest"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/csta/cstatest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "wV9-secret"

var everything = []telephony.Ability{telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal, telephony.CanExternal, telephony.CanBusy, telephony.CanNoAnswer}

// house is a telephone system and what hears of its lines, in memory. It has to be made in a bubble of synctest.
type house struct {
	t      *testing.T
	server *cstatest.Server
	sys    *System
	log    *lockedBuffer
	watch  func() // ends Watch

	mu   sync.Mutex // guards what follows
	last map[string]told
}

type told struct {
	line telephony.Line
	at   time.Time
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

func newHouse(t *testing.T, server cstatest.Config, edit func(*Config), phones ...string) *house {
	t.Helper()
	var n outboundtest.Net
	l, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, server: cstatest.Start(l, server), log: &lockedBuffer{}, last: map[string]told{}}
	h.server.AddPhone(phones...)
	host, port, _ := net.SplitHostPort(l.Addr().String())
	p, _ := strconv.Atoi(port)
	c := Config{Host: host, Port: p, Forwarding: everything, Split: server.SplitTypes, Internal: []string{"2XX"}, Client: outbound.NewClient(outbound.Config{Dial: n.Dial}),
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if server.Register {
		c.Session = SessionRegister
	}
	if edit != nil {
		edit(&c)
	}
	if h.sys, err = New(c); err != nil {
		t.Fatal(err)
	}
	return h
}

// begin watches lines.
func (h *house) begin(lines ...string) {
	h.sys.Follow(lines)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.sys.Watch(ctx, h.hear) }()
	h.watch = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			h.t.Errorf("Watch ended with %v", err)
		}
		h.watch = nil
	}
}

func (h *house) hear(l telephony.Line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last[l.Line] = told{l, time.Now()}
}

// words are a line as one reads it: "on 202".
func words(l telephony.Line) string {
	var out []string
	for _, c := range l.Calls {
		s := map[presence.LineState]string{presence.LineRinging: "rings", presence.LineOnThePhone: "on"}[c.State] + " " + cmp.Or(c.Other, "?")
		if c.Held {
			s += " held"
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return "idle"
	}
	return strings.Join(out, ", ")
}

// troubled checks that the system tells in words why it is not heard, if it is not.
func (h *house) troubled(want bool) {
	h.t.Helper()
	now, err := h.sys.Heard()
	if e, _ := errors.AsType[*source.Error](err); now == want || (e != nil) != want || e != nil && (e.Text == "" || !e.Whole) {
		h.t.Errorf("it is heard: %v, its trouble is %+v, want any: %v", now, e, want)
	}
}

// is waits a moment and reports what was told of a line last.
func (h *house) is(line, want string) {
	h.t.Helper()
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	got := "nothing"
	if l, ok := h.last[line]; ok {
		got = words(l.line)
	}
	if got != want {
		h.t.Errorf("%s: %s, want %s", line, got, want)
	}
}

// at is when a line was told of last.
func (h *house) at(line string) time.Time {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last[line].at
}

// forwarding is how a line was told to be forwarded.
func (h *house) forwarding(line string, want telephony.Forwarding) {
	h.t.Helper()
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.last[line].line.Forwarding; f == nil || *f != want {
		h.t.Errorf("%s is forwarded as %+v, want %+v", line, f, want)
	}
}

// end ends everything, and looks at what may never happen.
func (h *house) end() {
	h.t.Helper()
	if h.watch != nil {
		h.watch()
	}
	h.sys.Close()
	if n := h.server.Unanswered(); n > 0 {
		h.t.Errorf("%d requests of the system were not answered", n)
	}
	h.server.Close()
	if v := h.server.Violations(); len(v) > 0 {
		h.t.Errorf("violations: %q", v)
	}
	log := h.log.String()
	for _, private := range []string{secret, "+4989"} {
		if strings.Contains(log, private) {
			h.t.Errorf("the log holds %q: %.5000s", private, log)
		}
	}
}

// in runs a story in a bubble.
func in(t *testing.T, story func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, story)
}

// agrees compares what was told of lines with what is; exact also with whom they speak.
func (h *house) agrees(exact bool, lines ...string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range lines {
		got, ok := h.last[l]
		if !ok {
			h.t.Errorf("%s: nothing was told", l)
			continue
		}
		show := func(ringing, held bool, other string) string {
			if !exact {
				other = ""
			}
			return fmt.Sprint(ringing, held, other)
		}
		var want, have []string
		for _, leg := range h.server.Truth(l) {
			want = append(want, show(leg.Ringing, leg.Held, leg.Other))
		}
		for _, c := range got.line.Calls {
			have = append(have, show(c.State == presence.LineRinging, c.Held, c.Other))
		}
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(have, want) {
			h.t.Errorf("%s: told was %+v\nbut it is %q", l, got.line.Calls, want)
		}
		if f := got.line.Forwarding; f == nil || f.All != h.server.Forwarded(l, "forwardImmediate") || f.External != h.server.Forwarded(l, "forwardImmExt") || f.Busy != h.server.Forwarded(l, "forwardBusy") ||
			f.DoNotDisturb != h.server.DND(l) {
			h.t.Errorf("%s: told was forwarding %+v", l, f)
		}
		if age := time.Since(got.at); age > telephony.Lasts/2 {
			h.t.Errorf("%s: told %v ago", l, age)
		}
	}
}

// kind is what is said of an error.
func kind(err error) string {
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
