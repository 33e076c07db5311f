package ami

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
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "wV9-secret"

// house is an Asterisk and what hears of its lines, in memory. It has to be made in a bubble of synctest.
type house struct {
	t      *testing.T
	server *amitest.Server
	sys    *System
	log    *lockedBuffer
	watch  func() // ends Watch

	mu   sync.Mutex // guards what follows
	last map[string]told
	all  []string // what was told, as words
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

func newHouse(t *testing.T, server amitest.Config, edit func(*Config), phones ...string) *house {
	t.Helper()
	var n outboundtest.Net
	l, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	if server.Users == nil {
		server.Users = map[string]amitest.User{"doorlight": {Secret: secret, Read: "system,call", Write: "system,call"}}
	}
	h := &house{t: t, server: amitest.Start(l, server), log: &lockedBuffer{}, last: map[string]told{}}
	h.server.AddPhone(phones...)
	host, port, _ := net.SplitHostPort(l.Addr().String())
	p, _ := strconv.Atoi(port)
	client := outbound.NewClient(outbound.Config{Dial: n.Dial})
	c := Config{Host: host, Port: p, Username: "doorlight", Secret: secret, Forwarding: ForwardingFreePBX, Client: client,
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
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
	h.all = append(h.all, words(l))
}

// words are a line as one reads it: "201: on 202".
func words(l telephony.Line) string {
	s := l.Line + ":"
	if len(l.Calls) == 0 {
		s += " idle"
	}
	for _, c := range l.Calls {
		s += " " + map[presence.LineState]string{presence.LineRinging: "rings", presence.LineOnThePhone: "on"}[c.State] + " " + cmp.Or(c.Other, "?")
		if c.Held {
			s += " held"
		}
	}
	return s
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
	l, ok := h.last[line]
	got := "nothing"
	if ok {
		got = strings.TrimPrefix(words(l.line), line+": ")
	}
	if got != want {
		h.t.Errorf("%s: %s, want %s", line, got, want)
	}
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
	h.server.Close()
	if v := h.server.Violations(); len(v) > 0 {
		h.t.Errorf("violations: %q", v)
	}
	log := h.log.String()
	for _, private := range []string{secret, "+4989", "+4915", "Phone 2"} {
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

// agrees compares what was told of lines with what is.
func (h *house) agrees(lines ...string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range lines {
		var want []telephony.Call
		for _, leg := range h.server.Truth("PJSIP/" + l) {
			c := telephony.Call{ID: leg.ID, State: presence.LineOnThePhone, Other: leg.Other, Held: leg.Held, Reach: presence.External}
			if leg.Ringing {
				c.State = presence.LineRinging
			}
			if len(leg.Other) == 3 {
				c.Reach = presence.Internal
			}
			want = append(want, c)
		}
		got, ok := h.last[l]
		if !ok {
			h.t.Errorf("%s: nothing was told", l)
			continue
		}
		if !slices.Equal(got.line.Calls, want) {
			h.t.Errorf("%s: told was %+v\nbut it is %+v", l, got.line.Calls, want)
		}
		f := telephony.Forwarding{DoNotDisturb: h.server.Entry("DND", l) != "", All: h.server.Entry("CF", l), Busy: h.server.Entry("CFB", l), NoAnswer: h.server.Entry("CFU", l)}
		if got.line.Forwarding == nil || *got.line.Forwarding != f {
			h.t.Errorf("%s: told was forwarding %+v\nbut it is %+v", l, got.line.Forwarding, f)
		}
		if age := time.Since(got.at); age > telephony.Lasts/2 {
			h.t.Errorf("%s: told %v ago", l, age)
		}
	}
}

// sources of errors are told apart by this.
func kind(err error) string {
	if err == nil {
		return "none"
	}
	type public interface{ Public() string }
	if p, ok := errors.AsType[interface {
		error
		public
	}](err); ok {
		return p.Public()
	}
	return fmt.Sprintf("%T", err)
}
