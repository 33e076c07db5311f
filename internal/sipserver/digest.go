package sipserver

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"
)

// authority asks for passwords and checks them (RFC 7616, RFC 8760). Nonces carry the time they were made at and are signed: nothing is kept of
// one before somebody has signed in with it.
type authority struct {
	realm      string
	algorithms []string
	life       time.Duration
	key        [32]byte

	mu   sync.Mutex // guards what follows
	used map[string]*uses
	void time.Time // nonces that were made until then are void
}

// uses are the uses of a nonce. A count that was used may come again only with the same request: that was sent twice.
type uses struct {
	until   time.Time
	highest uint32
	window  [32]use // by count modulo 32
}

type use struct{ count, request uint32 }

// Of how many nonces in use an authority knows. If there are more, all are forgotten, and telephones sign in once more.
const mostNonces = 50_000

func newAuthority(realm string, algorithms []string, life time.Duration) *authority {
	a := &authority{realm: realm, algorithms: algorithms, life: life, used: map[string]*uses{}}
	rand.Read(a.key[:])
	return a
}

// challenges returns the values of WWW-Authenticate. stale says that the password was right and the nonce was not.
func (a *authority) challenges(now time.Time, stale bool) []string {
	nonce := a.nonce(now)
	var out []string
	for _, alg := range a.algorithms {
		c := fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, a.realm, nonce, alg)
		if stale {
			c += ", stale=true"
		}
		out = append(out, c)
	}
	return out
}

func (a *authority) nonce(now time.Time) string {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixNano()))
	rand.Read(b[8:16])
	copy(b[16:], a.sign(b[:16]))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (a *authority) sign(b []byte) []byte {
	m := hmac.New(sha256.New, a.key[:])
	m.Write(b)
	return m.Sum(nil)[:16]
}

// verdict is what becomes of credentials.
type verdict uint8

const (
	wrong   verdict = iota // nobody, or not their password
	outworn                // right, but once more with another nonce
	right
)

// check returns whether credentials are right. request tells requests apart; of two that were sent as one it is the same.
func (a *authority) check(c *digest.Credentials, method string, acc Account, known bool, request uint32, now time.Time) verdict {
	sum, ha1 := md5Hex, acc.HA1MD5
	alg := strings.ToUpper(c.Algorithm)
	switch alg {
	case "", "MD5":
		alg = "MD5"
	case "SHA-256":
		sum, ha1 = sha256Hex, acc.HA1SHA256
	default:
		return wrong
	}
	offered := false
	for _, x := range a.algorithms {
		offered = offered || x == alg
	}
	if !offered || c.Realm != a.realm || c.QOP != "" && c.QOP != "auth" || c.QOP == "auth" && c.Cnonce == "" {
		return wrong
	}
	want := ha1 + ":" + c.Nonce + ":"
	if c.QOP != "" {
		want += fmt.Sprintf("%08x:%s:%s:", c.Nc, c.Cnonce, c.QOP)
	}
	want = sum(want + sum(method+":"+c.URI))
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.Response))) != 1 || !known || ha1 == "" {
		return wrong
	}
	// The password is right. Whoever has it is told to take another nonce where anybody else would be refused.
	raw, err := base64.RawURLEncoding.DecodeString(c.Nonce)
	if err != nil || len(raw) != 32 || !hmac.Equal(raw[16:], a.sign(raw[:16])) {
		return outworn // from before a restart
	}
	made := time.Unix(0, int64(binary.BigEndian.Uint64(raw)))
	if now.Sub(made) > a.life || made.After(now.Add(time.Minute)) {
		return outworn
	}
	count := uint32(c.Nc)
	if c.QOP == "" {
		count = 1 // RFC 2617 §3.2.2: no count; then it is good for one request
	}
	if count == 0 || !a.use(c.Nonce, made, count, request, now) {
		return outworn
	}
	return right
}

// use notes that a nonce was used. It returns false if it was before, in another request.
func (a *authority) use(nonce string, made time.Time, count, request uint32, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !made.After(a.void) {
		return false
	}
	u, ok := a.used[nonce]
	if !ok {
		if len(a.used) >= mostNonces {
			// What is forgotten could be used once more, so all nonces that there are become void.
			clear(a.used)
			a.void = now
			return false
		}
		u = &uses{until: made.Add(a.life)}
		a.used[nonce] = u
	}
	w := &u.window[count%uint32(len(u.window))]
	switch {
	case w.count == count:
		return w.request == request
	case w.count > count || u.highest >= count+uint32(len(u.window)):
		return false
	}
	*w = use{count, request}
	u.highest = max(u.highest, count)
	return true
}

// sweep forgets nonces that are void by their age.
func (a *authority) sweep(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for n, u := range a.used {
		if now.After(u.until) {
			delete(a.used, n)
		}
	}
}

func md5Hex(s string) string {
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

func sha256Hex(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
