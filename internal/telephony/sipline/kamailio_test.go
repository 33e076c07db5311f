package sipline

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/siptest"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
	"github.com/doorlight/doorlight/presence"
)

// heard is what a System told last of each line.
type heard struct {
	mu   sync.Mutex
	told map[string]telephony.Line
	wake chan struct{}
}

// follow watches lines of a real server until the test is over.
func follow(t *testing.T, c Config, lines ...string) *heard {
	t.Helper()
	return followFor(t, 0, c, lines...)
}

// followFor does so with subscriptions that last shorter than may be configured.
func followFor(t *testing.T, shorter time.Duration, c Config, lines ...string) *heard {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if shorter > 0 {
		s.c.Expires = shorter
	}
	s.Follow(lines)
	h := &heard{told: map[string]telephony.Line{}, wake: make(chan struct{}, 1)}
	ctx, stop := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, func(l telephony.Line) {
			h.mu.Lock()
			h.told[l.Line] = l
			h.mu.Unlock()
			select {
			case h.wake <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		stop(errOver)
		if err := <-ended; !errors.Is(err, errOver) {
			t.Errorf("Watch ends with %v", err)
		}
	})
	return h
}

// until waits until a line was told so.
func (h *heard) until(t *testing.T, line, what string, ok func(telephony.Line) bool) {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		h.mu.Lock()
		l, known := h.told[line]
		h.mu.Unlock()
		if known && ok(l) {
			return
		}
		select {
		case <-h.wake:
		case <-limit:
			t.Fatalf("%s is not %s within a minute; it was told: %v, %s", line, what, known, show(l.Calls))
		}
	}
}

func idle(l telephony.Line) bool { return len(l.Calls) == 0 }

func with(state presence.LineState, other string, held bool) func(telephony.Line) bool {
	return func(l telephony.Line) bool {
		return slices.ContainsFunc(l.Calls, func(c telephony.Call) bool {
			return c.State == state && (other == "" || c.Other == other) && c.Held == held
		})
	}
}

// TestTwoTelephonesAtKamailio has two real telephones call one another at a real server, which tells of it.
func TestTwoTelephonesAtKamailio(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		transport sipua.Transport
		sha256    bool
	}{"udp with MD5": {sipua.UDP, false}, "tcp with SHA-256": {sipua.TCP, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := siptest.Kamailio(t, siptest.ServerConfig{Password: "secret", SHA256: c.sha256})
			alice, bob := siptest.Baresip(t, server.Addr(), "201"), siptest.Baresip(t, server.Addr(), "202")
			h := follow(t, Config{Server: server.Addr(), Domain: server.Addr(), Transport: c.transport, Username: "doorlight", Password: "secret"}, "201", "202", "203")
			for _, line := range []string{"201", "202", "203"} {
				h.until(t, line, "idle", idle)
			}
			alice.Call(t, "202")
			bob.Ringing(t)
			h.until(t, "202", "ringing", with(presence.LineRinging, "201", false))
			h.until(t, "201", "dialling", with(presence.LineOnThePhone, "202", false))
			bob.Accept(t)
			h.until(t, "202", "on the phone", with(presence.LineOnThePhone, "201", false))
			h.until(t, "201", "on the phone", with(presence.LineOnThePhone, "202", false))
			alice.Hangup(t)
			h.until(t, "201", "idle", idle)
			h.until(t, "202", "idle", idle)

			bob.Call(t, "201")
			alice.Ringing(t)
			h.until(t, "201", "ringing", with(presence.LineRinging, "202", false))
			alice.Hangup(t) // refused
			h.until(t, "201", "idle", idle)
			h.until(t, "202", "idle", idle)
			h.until(t, "203", "idle", idle)
		})
	}
}

// TestKamailioGoesAndComes has the server stop while somebody is on the phone, and start without remembering.
func TestKamailioGoesAndComes(t *testing.T) {
	t.Parallel()
	server := siptest.Kamailio(t, siptest.ServerConfig{})
	alice, bob := siptest.Baresip(t, server.Addr(), "201"), siptest.Baresip(t, server.Addr(), "202")
	h := follow(t, Config{Server: server.Addr(), Domain: server.Addr(), Transport: sipua.TCP, Username: "doorlight"}, "201", "202")
	h.until(t, "202", "idle", idle)
	alice.Call(t, "202")
	bob.Ringing(t)
	bob.Accept(t)
	h.until(t, "202", "on the phone", with(presence.LineOnThePhone, "201", false))
	server.Stop()
	server.Start(t)
	h.until(t, "202", "idle", idle)
	h.until(t, "201", "idle", idle)
}

func TestCheckAtKamailio(t *testing.T) {
	t.Parallel()
	server := siptest.Kamailio(t, siptest.ServerConfig{Password: "secret"})
	for _, c := range []struct {
		password, line string
		last           string
		ok             bool
		found          string
	}{
		{"secret", "201", StepState, true, "tells"},
		{"wrong", "201", StepAccount, false, "401"},
		{"secret", "", StepAnswer, true, "kamailio"},
	} {
		s, err := New(Config{Server: server.Addr(), Domain: server.Addr(), Username: "doorlight", Password: c.password, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		steps := s.Check(t.Context(), c.line)
		last := steps[len(steps)-1]
		if last.Name != c.last || last.OK != c.ok || !strings.Contains(last.Found, c.found) || last.OK != (last.Remedy == "") {
			t.Errorf("password %s, line %q: %+v", c.password, c.line, steps)
		}
	}
}
