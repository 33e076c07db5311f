package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
)

// guesses bounds how often somebody may be wrong. A try is taken before it is known what comes of it, and given back
// if it was right, so that many at once do not all slip through. It keeps one time for each key: when all tries are
// there again. A limit of n a minute lets n tries through at once, and then one whenever a try has come back.
type guesses struct {
	mu    sync.Mutex // guards what follows
	full  map[string]time.Time
	swept time.Time
}

// limit is how many wrong tries a minute a key has.
type limit struct {
	key  string
	most int
}

// mostKeys bounds the memory: it is reached with as many keys in a minute.
const mostKeys = 100_000

func newGuesses() *guesses { return &guesses{full: map[string]time.Time{}} }

func (l limit) each() time.Duration { return time.Minute / time.Duration(l.most) }

// take takes a try from every limit. If one has none left it takes nothing, and returns how long to wait.
func (g *guesses) take(now time.Time, limits ...limit) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range limits {
		full := g.full[l.key]
		if full.Before(now) {
			full = now
		}
		wait = max(wait, full.Add(l.each()).Sub(now)-time.Duration(l.most)*l.each())
	}
	if wait > 0 {
		return wait
	}
	for _, l := range limits {
		full, known := g.full[l.key]
		if !known {
			g.makeRoom(now)
		}
		if full.Before(now) {
			full = now
		}
		g.full[l.key] = full.Add(l.each())
	}
	return 0
}

// left returns how long to wait until a limit has a try; zero: it has one.
func (g *guesses) left(now time.Time, l limit) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	full := g.full[l.key]
	if full.Before(now) {
		full = now
	}
	return max(0, full.Add(l.each()).Sub(now)-time.Duration(l.most)*l.each())
}

// makeRoom forgets what needs no memory any more, and something else if that is not enough.
func (g *guesses) makeRoom(now time.Time) {
	if len(g.full) < mostKeys {
		return
	}
	if now.Sub(g.swept) >= time.Second {
		g.swept = now
		for key, full := range g.full {
			if !full.After(now) {
				delete(g.full, key)
			}
		}
	}
	for key := range g.full {
		if len(g.full) < mostKeys {
			return
		}
		delete(g.full, key)
	}
}

// giveBack undoes a take.
func (g *guesses) giveBack(limits ...limit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range limits {
		if full, ok := g.full[l.key]; ok {
			g.full[l.key] = full.Add(-l.each())
		}
	}
}

// forgive gives back all tries of a limit.
func (g *guesses) forgive(l limit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.full, l.key)
}

// limitsOf returns what bounds guessing a secret that has a name, from an address. The first is for the two together:
// a stranger elsewhere uses up no tries of the owner. The second is for guessing from many addresses, the third for
// trying many names. This computer, from which a proxy may ask for everybody, gets more.
func limitsOf(name string, from netip.Addr) []limit {
	both, address := 5, 100
	if from.IsLoopback() {
		both, address = 20, 1000
	}
	network := networkOf(from)
	return []limit{{"both/" + network + "/" + name, both}, {"name/" + name, 100}, {"address/" + network, address}}
}

// networkOf names the network that counts as one address: of IPv6 a household has this many.
func networkOf(from netip.Addr) string {
	if from.Is6() && !from.IsLoopback() {
		if p, err := from.Prefix(64); err == nil {
			return p.String()
		}
	}
	return from.String()
}

// guess calls try, which tells whether a guess was right, unless there were too many wrong ones.
func (s *Server) guess(ctx context.Context, name string, try func() (bool, error)) (bool, error) {
	limits := limitsOf(name, callerOf(ctx).from)
	if wait := s.guesses.take(time.Now(), limits...); wait > 0 {
		return false, tooMany(wait)
	}
	right, err := try()
	if right || err != nil && fault.KindOf(err) != fault.Unauthorized {
		s.guesses.giveBack(limits...)
	}
	if right {
		s.guesses.forgive(limits[0])
	}
	return right, err
}

// addressOf returns the address that a request comes from. What a proxy says of it is believed of a proxy on this
// computer, and of one in a private network if a proxy is expected; of what it says only the last, which it has seen.
func (s *Server) addressOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap().WithZone("")
	said := r.Header.Values("X-Forwarded-For")
	if len(said) == 0 || !from.IsLoopback() && !(s.cfg.Proxy && from.IsPrivate()) {
		return from
	}
	last := said[len(said)-1]
	last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	if a, err := netip.ParseAddr(last); err == nil {
		return a.Unmap().WithZone("")
	}
	if a, err := netip.ParseAddrPort(last); err == nil {
		return a.Addr().Unmap().WithZone("")
	}
	return from
}

// isLocal reports whether a request comes from this computer, meant for this computer: a page of a stranger can have
// its own name lead here, but not send another name.
func (s *Server) isLocal(r *http.Request) bool {
	if s.cfg.Proxy {
		return false
	}
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !strings.EqualFold(host, "localhost") {
		a, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || !a.Unmap().IsLoopback() {
			return false
		}
	}
	return s.addressOf(r).IsLoopback()
}
