package api

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestTriesComeBackWithTime(t *testing.T) {
	t.Parallel()
	g, l := newGuesses(), limit{"key", 5}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 5 {
		if wait := g.take(now, l); wait > 0 {
			t.Fatalf("try %d has to wait %s", i, wait)
		}
	}
	if wait := g.take(now, l); wait != 12*time.Second {
		t.Errorf("after five the next has to wait %s, want 12s", wait)
	}
	if wait := g.take(now.Add(12*time.Second), l); wait > 0 {
		t.Errorf("after 12s the next has to wait %s", wait)
	}
	if wait := g.take(now.Add(12*time.Second), l, limit{"other", 5}); wait == 0 {
		t.Error("two came back at once")
	}
	if len(g.full) != 1 {
		t.Error("a try was taken from a limit though another had none left")
	}
	g.giveBack(l)
	if wait := g.take(now.Add(12*time.Second), l); wait > 0 {
		t.Errorf("one that was given back has to wait %s", wait)
	}
}

func TestWhoGuessesManyNamesOrFromManyAddressesIsBound(t *testing.T) {
	t.Parallel()
	g := newGuesses()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	let := func(name, from string) bool { return g.take(now, limitsOf(name, netip.MustParseAddr(from))...) == 0 }
	count := func(try func(i int) bool) (n int) {
		for i := range 1000 {
			if try(i) {
				n++
			}
		}
		return n
	}
	if n := count(func(i int) bool { return let(fmt.Sprint("name", i), "192.0.2.1") }); n != 100 {
		t.Errorf("one address tries %d names", n)
	}
	if n := count(func(i int) bool { return let(fmt.Sprint("name", i), fmt.Sprintf("2001:db8::%x", i)) }); n != 100 {
		t.Errorf("one network of IPv6 tries %d names", n)
	}
	if n := count(func(i int) bool { return let("anna", fmt.Sprintf("198.51.%d.%d", i/250, i%250)) }); n != 100 {
		t.Errorf("many addresses try one name %d times", n)
	}
	if n := count(func(int) bool { return let("bert", "192.0.2.7") }); n != 5 {
		t.Errorf("one address tries one name %d times", n)
	}
	if !let("bert", "192.0.2.8") {
		t.Error("bert has no try from elsewhere")
	}
}

func TestMemoryOfGuessesIsBound(t *testing.T) {
	t.Parallel()
	g := newGuesses()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range mostKeys + 1000 {
		g.take(now, limit{fmt.Sprint(i), 5})
	}
	if len(g.full) > mostKeys {
		t.Errorf("%d keys are kept", len(g.full))
	}
	g.take(now.Add(time.Minute), limit{"later", 5})
	if len(g.full) != 1 {
		t.Errorf("a minute later %d keys are kept", len(g.full))
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		remote, host, forwarded string
		proxy                   bool
		from                    string
		local                   bool
	}{
		{"127.0.0.1:5000", "localhost:8080", "", false, "127.0.0.1", true},
		{"127.0.0.1:5000", "LOCALHOST", "", false, "127.0.0.1", true},
		{"[::1]:5000", "[::1]:8080", "", false, "::1", true},
		{"[::1]:5000", "[::1]", "", false, "::1", true},
		{"[::ffff:127.0.0.1]:5000", "127.0.0.1:8080", "", false, "127.0.0.1", true},
		{"127.0.0.1:5000", "evil.example:8080", "", false, "127.0.0.1", false},
		{"127.0.0.1:5000", "127.0.0.1.evil.example", "", false, "127.0.0.1", false},
		{"127.0.0.1:5000", "", "", false, "127.0.0.1", false},
		{"192.0.2.1:5000", "localhost:8080", "", false, "192.0.2.1", false},
		{"192.0.2.1:5000", "localhost:8080", "127.0.0.1", false, "192.0.2.1", false},
		{"127.0.0.1:5000", "localhost:8080", "10.0.0.1, 192.0.2.1", false, "192.0.2.1", false},
		{"127.0.0.1:5000", "localhost:8080", "127.0.0.1", false, "127.0.0.1", false},
		{"127.0.0.1:5000", "localhost:8080", "", true, "127.0.0.1", false},
		{"10.0.0.2:5000", "presence.example", "192.0.2.1", false, "10.0.0.2", false},
		{"10.0.0.2:5000", "presence.example", "192.0.2.1", true, "192.0.2.1", false},
		{"10.0.0.2:5000", "presence.example", "192.0.2.1:443", true, "192.0.2.1", false},
		{"10.0.0.2:5000", "presence.example", "unknown", true, "10.0.0.2", false},
	} {
		s := &Server{cfg: Config{Proxy: c.proxy}}
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if from, local := s.addressOf(r).String(), s.isLocal(r); from != c.from || local != c.local {
			t.Errorf("%+v: from %s, local %t", c, from, local)
		}
	}
}
