package sipua

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// Login is an account with which requests are signed (RFC 3261 §22, RFC 8760). It remembers what it was asked last, so that most requests are
// signed before anybody asks. It may be used by several goroutines at once.
type Login struct {
	username, password string

	mu    sync.Mutex // guards what follows
	known map[int]*asked
}

// asked is a challenge that was met, and how often it was used.
type asked struct {
	c     *digest.Challenge
	count int
}

// NewLogin returns the login of an account. An empty name answers no challenge.
func NewLogin(username, password string) *Login {
	return &Login{username: username, password: password, known: map[int]*asked{}}
}

const attempts = 4 // of one request: others may use up what it was asked meanwhile

// Do sends what request makes, and again with the answer to a challenge. An answer of 401 or 407 is final: the account was refused, or nothing
// was asked that can be answered.
func (l *Login) Do(ctx context.Context, a *Agent, r *Route, request func() *sip.Request) (*sip.Response, error) {
	fresh := map[int]*asked{} // what this request was asked
	for try := 1; ; try++ {
		req := request()
		l.mu.Lock()
		used := map[int]string{}
		for _, code := range []int{401, 407} {
			c := fresh[code]
			if c == nil {
				c = l.known[code]
			}
			if c != nil {
				c.count++
				if l.sign(req, code, c) {
					used[code] = c.c.Nonce
				}
			}
		}
		l.mu.Unlock()
		res, err := a.Do(ctx, r, req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != 401 && res.StatusCode != 407 {
			l.mu.Lock()
			for code, c := range fresh {
				l.known[code] = c
			}
			l.mu.Unlock()
			return res, nil
		}
		c := strongest(res)
		if c == nil || l.username == "" || try == attempts || c.Nonce == used[res.StatusCode] {
			return res, nil
		}
		if fresh[res.StatusCode] != nil && !c.Stale {
			l.mu.Lock()
			delete(l.known, res.StatusCode)
			l.mu.Unlock()
			return res, nil // it was answered, and that was wrong
		}
		fresh[res.StatusCode] = &asked{c: c}
	}
}

// sign adds credentials to a request.
func (l *Login) sign(req *sip.Request, code int, c *asked) bool {
	cred, err := digest.Digest(c.c, digest.Options{Method: string(req.Method), URI: req.Recipient.String(), Count: c.count,
		Username: l.username, Password: l.password})
	if err != nil {
		return false
	}
	name := "Authorization"
	if code == 407 {
		name = "Proxy-Authorization"
	}
	req.AppendHeader(sip.NewHeader(name, cred.String()))
	return true
}

// strongest returns the best challenge of those that can be answered, or nil.
func strongest(res *sip.Response) *digest.Challenge {
	name := "WWW-Authenticate"
	if res.StatusCode == 407 {
		name = "Proxy-Authenticate"
	}
	var best *digest.Challenge
	for _, h := range res.GetHeaders(name) {
		c, err := digest.ParseChallenge(strings.TrimSpace(h.Value()))
		if err != nil {
			continue
		}
		c.Algorithm = strings.ToUpper(c.Algorithm)
		for i := range c.QOP {
			c.QOP[i] = strings.ToLower(strings.TrimSpace(c.QOP[i]))
		}
		if digest.CanDigest(c) && (best == nil || strength(c) > strength(best)) {
			best = c
		}
	}
	return best
}

func strength(c *digest.Challenge) int {
	switch c.Algorithm {
	case "SHA-512-256", "SHA-512":
		return 3
	case "SHA-256":
		return 2
	}
	return 1
}

// Guard asks others for their account, and checks what they answer. Its questions last a while and are good once for each count, so that a
// message that somebody overheard is good for nothing. It may be used by several goroutines at once.
type Guard struct {
	realm string
	lasts time.Duration
	key   [32]byte

	mu    sync.Mutex // guards what follows
	used  map[string]*window
	swept time.Time
}

// window is which counts of a nonce were used: the highest, and the 64 before it, as messages overtake one another.
type window struct {
	until time.Time
	top   uint32
	bits  uint64
}

// NewGuard returns a guard of a realm whose questions last so long; zero: five minutes.
func NewGuard(realm string, lasts time.Duration) *Guard {
	if lasts <= 0 {
		lasts = 5 * time.Minute
	}
	g := &Guard{realm: realm, lasts: lasts, used: map[string]*window{}}
	rand.Read(g.key[:])
	return g
}

// Hash returns what a server keeps of a password (A1 of RFC 7616 §3.4.2). The algorithm is "MD5" or "SHA-256".
func Hash(algorithm, username, realm, password string) string {
	var h hash.Hash = md5.New()
	if algorithm == "SHA-256" {
		h = sha256.New()
	}
	h.Write([]byte(username + ":" + realm + ":" + password))
	return hex.EncodeToString(h.Sum(nil))
}

// Challenges are the fields of a 401 that ask for an account, the stronger first. Stale says that the account was right, but the question too old.
func (g *Guard) Challenges(stale bool) []sip.Header {
	nonce := g.nonce(time.Now())
	var all []sip.Header
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		c := &digest.Challenge{Realm: g.realm, Nonce: nonce, Algorithm: algorithm, QOP: []string{"auth"}, Stale: stale}
		all = append(all, sip.NewHeader("WWW-Authenticate", c.String()))
	}
	return all
}

func (g *Guard) nonce(now time.Time) string {
	var b [24]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli()))
	rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(append(b[:], g.mac(b[:])...))
}

func (g *Guard) mac(b []byte) []byte {
	m := hmac.New(sha256.New, g.key[:])
	m.Write(b)
	return m.Sum(nil)[:16]
}

// made returns when a nonce was made, and whether it is one of ours.
func (g *Guard) made(nonce string) (time.Time, bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 40 || !hmac.Equal(g.mac(b[:24]), b[24:]) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b))), true
}

// Verdict is what a Guard finds.
type Verdict uint8

// Verdicts.
const (
	Unknown Verdict = iota // no account, or a wrong one: ask
	Stale                  // the right one, but the question is too old, or was answered before: ask anew
	Known                  // the right one
)

// Check finds out whose a request is. hash returns what Hash made of the password of an account, and whether there is one.
func (g *Guard) Check(req *sip.Request, hash func(username, algorithm string) (string, bool)) (username string, v Verdict) {
	now := time.Now()
	for _, h := range req.GetHeaders("Authorization") {
		c, err := digest.ParseCredentials(strings.TrimSpace(h.Value()))
		if err != nil || c.Realm != g.realm || c.QOP != "auth" || c.Nc < 1 || c.Userhash {
			continue
		}
		made, ok := g.made(c.Nonce)
		if !ok {
			continue
		}
		algorithm := strings.ToUpper(c.Algorithm)
		if algorithm == "" {
			algorithm = "MD5"
		}
		if algorithm != "MD5" && algorithm != "SHA-256" {
			continue
		}
		var asked sip.Uri
		if sip.ParseUri(c.URI, &asked) != nil || asked.User != req.Recipient.User || !strings.EqualFold(asked.Host, req.Recipient.Host) {
			continue // signed for something else
		}
		a1, ok := hash(c.Username, algorithm)
		if !ok {
			continue
		}
		want, err := digest.Digest(&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: algorithm, QOP: []string{"auth"}},
			digest.Options{Method: string(req.Method), URI: c.URI, Username: c.Username, A1: a1, Cnonce: c.Cnonce, Count: c.Nc})
		if err != nil || subtle.ConstantTimeCompare([]byte(want.Response), []byte(strings.ToLower(c.Response))) != 1 {
			continue
		}
		if now.Sub(made) > g.lasts || now.Before(made.Add(-time.Minute)) || !g.use(c.Nonce, uint32(c.Nc), made.Add(g.lasts), now) {
			return c.Username, Stale
		}
		return c.Username, Known
	}
	return "", Unknown
}

// use notes that a count of a nonce was used, and reports whether it was not before.
func (g *Guard) use(nonce string, count uint32, until, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.swept) > g.lasts/4 {
		g.swept = now
		for n, w := range g.used {
			if now.After(w.until) {
				delete(g.used, n)
			}
		}
	}
	w := g.used[nonce]
	if w == nil {
		w = &window{until: until}
		g.used[nonce] = w
	}
	switch {
	case count > w.top:
		if d := count - w.top; d <= 64 {
			w.bits = w.bits<<d | 1<<(d-1)
		} else {
			w.bits = 0
		}
		w.top = count
		return true
	case count == w.top || w.top-count > 64:
		return false
	}
	bit := uint64(1) << (w.top - count - 1)
	if w.bits&bit != 0 {
		return false
	}
	w.bits |= bit
	return true
}
