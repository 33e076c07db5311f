package sipserver

import (
	"net/netip"
	"sync"
	"time"
)

// limiter says how much may come from where. What it knows is bounded: when it knows too many, all others share one allowance.
type limiter struct {
	rate  float64 // a second
	burst float64

	mu     sync.Mutex // guards what follows
	by     map[netip.Addr]*bucket
	shared bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// Of how many addresses a limiter knows.
const mostSources = 16384

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, by: map[netip.Addr]*bucket{}, shared: bucket{left: burst}}
}

// of returns whose allowance an address has: its own, of IPv6 that of its network.
func of(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// take takes one, if there is one. If not, it returns when there will be.
func (l *limiter) take(a netip.Addr, now time.Time) (ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(of(a), now)
	if b.left >= 1 {
		b.left--
		return true, 0
	}
	return false, time.Duration((1 - b.left) / l.rate * float64(time.Second))
}

// empty reports whether there is none left, without taking one.
func (l *limiter) empty(a netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.by[of(a)]
	return ok && b.filled(l, now) < 1
}

func (l *limiter) bucket(a netip.Addr, now time.Time) *bucket {
	b, ok := l.by[a]
	if !ok {
		if len(l.by) >= mostSources {
			b = &l.shared
		} else {
			b = &bucket{left: l.burst, at: now}
			l.by[a] = b
		}
	}
	b.left, b.at = b.filled(l, now), now
	return b
}

func (b *bucket) filled(l *limiter, now time.Time) float64 {
	return min(l.burst, b.left+max(0, now.Sub(b.at).Seconds())*l.rate)
}

// sweep forgets who has all of their allowance.
func (l *limiter) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, b := range l.by {
		if b.filled(l, now) >= l.burst {
			delete(l.by, a)
		}
	}
}
