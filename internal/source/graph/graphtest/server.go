// Package graphtest is a stand-in for Entra ID and for the calendars and the presence of Microsoft Graph v1.0: for tests, for the
// demo and for measurements with ten thousand mailboxes. It is strict: it refuses what the real services refuse, with their
// codes. It expands recurrence by code of its own, so that it can be believed when it disagrees with a client. What it
// does badly on purpose is switched on by rules, while it runs.
package graphtest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Config says what stands in there. The zero value is a directory with one application, DefaultApp, that may read
// calendars and users.
type Config struct {
	Tenant string // directory ID; empty: one is made up
	Apps   []App  // empty: DefaultApp

	TokenLife  time.Duration // of access tokens; zero: an hour
	Grace      time.Duration // how long a refresh token works after it was replaced; zero: a minute
	UIDPerDay  bool          // occurrences have an iCalUId of their own, with their date in it
	NoConsents bool          // users are not asked to consent when they sign in
	Seed       byte          // of names made up; equal seeds give equal IDs

	// Observe is told of each call and its answer, those in batches too, from several goroutines. It must not change them.
	Observe func(Exchange)
	TLS     bool // https, with a certificate that Server.RootCAs trusts

	// Listen gives the listeners that it answers on, and Dial connects it to whom it tells of changes: a network in memory. Nil: free
	// ports of this computer, and the network.
	Listen func() (net.Listener, error)
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// App is a registered application.
type App struct {
	ID            string
	Secret        string              // empty: none
	SecretExpires time.Time           // zero: never
	Certificates  []*x509.Certificate // for client assertions
	Roles         []string            // application permissions that an administrator agreed to
	RedirectURIs  []string
}

// DefaultApp returns the application of a zero Config.
func DefaultApp() App {
	return App{ID: "6731de76-14a6-49ae-97bc-6eba6914391e", Secret: "stand-in-secret~1", Roles: []string{"Calendars.Read", "User.Read.All"},
		RedirectURIs: []string{"http://localhost/callback"}}
}

// TeamsApp returns DefaultApp with the permissions that presence needs too.
func TeamsApp() App {
	a := DefaultApp()
	a.Roles = append(a.Roles, "Presence.Read.All", "Presence.ReadWrite.All")
	return a
}

// Exchange is one call and its answer.
type Exchange struct {
	Op       string // what was called, as counted
	Inner    bool   // within a batch
	Request  *http.Request
	Body     []byte
	Status   int
	Header   http.Header
	Response []byte
}

// Server is a running stand-in. Its methods may be called by several goroutines.
type Server struct {
	Tenant   string
	LoginURL string
	GraphURL string
	RootCAs  *x509.CertPool // nil without TLS

	c      Config
	login  *httptest.Server
	graph  *httptest.Server
	key    *rsa.PrivateKey
	life   context.Context
	end    context.CancelFunc
	posts  sync.WaitGroup // notifications under way, and who sends those of presence
	wake   chan struct{}  // there may be some to be sent
	poster *http.Client

	mu        sync.RWMutex // guards what follows
	apps      map[string]*App
	boxes     map[string]*mailbox // by ID
	addresses map[string]*mailbox // by UPN, address and alias, in lower case
	tokens    map[string]*token
	refreshes map[string]*refresh
	codes     map[string]*code
	subs      map[string]*Subscription
	allowed   map[string]bool // IDs of mailboxes that an access policy allows; nil: all
	skew      time.Duration
	notify    NotifyFaults
	sequence  uint64
	late      int

	vouchers         map[string]voucher // by application and what is wrong
	presenceRules    PresenceRules
	delay            func(user string) time.Duration
	presenceSequence uint64
	listed           []*mailbox             // all of boxes by ID; nil: to be sorted again
	due              map[*mailbox]time.Time // users with subscribers, of those of whom there is something to tell, or to see whether there is: when

	stat  sync.Mutex // guards what follows; taken last
	count map[string]int
	busy  time.Duration
	rules []*Rule
	quota map[string]*window

	journal []PresenceWrite
}

// signingKey is made once: it takes a while.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Start starts a stand-in on free ports of this computer. Close it.
func Start(c Config) (*Server, error) {
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	if c.Grace == 0 {
		c.Grace = time.Minute
	}
	if len(c.Apps) == 0 {
		c.Apps = []App{DefaultApp()}
	}
	s := &Server{c: c, Tenant: strings.ToLower(c.Tenant), apps: map[string]*App{}, boxes: map[string]*mailbox{}, addresses: map[string]*mailbox{},
		tokens: map[string]*token{}, refreshes: map[string]*refresh{}, codes: map[string]*code{}, subs: map[string]*Subscription{}, due: map[*mailbox]time.Time{}, vouchers: map[string]voucher{}, wake: make(chan struct{}, 1),
		count: map[string]int{}, quota: map[string]*window{}}
	var err error
	if s.key, err = signingKey(); err != nil {
		return nil, fmt.Errorf("graphtest: %w", err)
	}
	if s.Tenant == "" {
		s.Tenant = s.guid("tenant")
	}
	for _, a := range c.Apps {
		a.ID = strings.ToLower(a.ID)
		s.apps[a.ID] = &a
	}
	s.life, s.end = context.WithCancel(context.Background())
	if s.login, err = serve(s.loginHandler(), c); err != nil {
		return nil, err
	}
	if s.graph, err = serve(http.HandlerFunc(s.serveGraph), c); err != nil {
		s.login.Close()
		return nil, err
	}
	s.LoginURL, s.GraphURL = s.login.URL, s.graph.URL
	if c.TLS {
		s.RootCAs = x509.NewCertPool()
		s.RootCAs.AddCert(s.login.Certificate())
	}
	s.poster = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxIdleConnsPerHost: 8, DialContext: c.Dial}}
	s.posts.Add(1)
	go s.herald()
	return s, nil
}

// serve is httptest.NewServer with an error in place of a panic.
func serve(h http.Handler, c Config) (*httptest.Server, error) {
	listen := c.Listen
	if listen == nil {
		listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	}
	l, err := listen()
	if err != nil {
		return nil, fmt.Errorf("graphtest: %w", err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0)}} // of clients that are to see it fail
	if c.TLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	return server, nil
}

// Close ends the stand-in and everything it has under way.
func (s *Server) Close() {
	s.mu.Lock() // so that no notification is begun after
	s.end()
	s.mu.Unlock()
	s.posts.Wait()
	s.poster.CloseIdleConnections()
	for _, server := range []*httptest.Server{s.login, s.graph} {
		server.CloseClientConnections()
		server.Close()
	}
}

// now is the time on the stand-in's clock.
func (s *Server) now() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return time.Now().Add(s.skew)
}

// SetClock has the stand-in's clock differ from this computer's.
func (s *Server) SetClock(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = ahead
	s.awake()
}

// SetApp changes an application, such as its secret or its permissions. Tokens that were issued keep what they have.
func (s *Server) SetApp(id string, change func(*App)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[strings.ToLower(id)]
	if a == nil {
		return errors.New("graphtest: no such application")
	}
	copied := *a
	change(&copied)
	s.apps[strings.ToLower(id)] = &copied
	return nil
}

// guid makes an ID out of a name, the same each time.
func (s *Server) guid(name string) string {
	sum := sha256.Sum256(append([]byte{s.c.Seed}, name...))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func randomGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Count returns how often that was called: token (and claims: with a challenge answered), authorize, keys, batch, calendarView, events, user, users, me,
// subscriptions.create, .list, .get, .renew, .reauthorize, .delete, index, applications, presence (of one user), presences
// (getPresencesByUserId), setPresence, clearPresence, setUserPreferredPresence, clearUserPreferredPresence; throttled, of calls about presence
// that were too many; and notified and undelivered, of notifications that were taken and not. Calls in batches count as what they are.
func (s *Server) Count(op string) int {
	s.stat.Lock()
	defer s.stat.Unlock()
	return s.count[op]
}

// Counts returns all of them.
func (s *Server) Counts() map[string]int {
	s.stat.Lock()
	defer s.stat.Unlock()
	return maps.Clone(s.count)
}

// Busy returns the time spent in the stand-in, so that a measurement can leave it out. Waiting on purpose is not in it.
func (s *Server) Busy() time.Duration {
	s.stat.Lock()
	defer s.stat.Unlock()
	return s.busy
}

func (s *Server) counted(op string) {
	s.stat.Lock()
	defer s.stat.Unlock()
	s.count[op]++
}

func (s *Server) worked(d time.Duration) {
	s.stat.Lock()
	defer s.stat.Unlock()
	s.busy += d
}

// What a rule does.
const (
	Drop   = "drop"   // break the connection; in a batch, 504
	Half   = "half"   // break it in the middle of the answer; in a batch, 504
	Answer = "answer" // with Rule.Status
	Slow   = "slow"   // wait for Rule.Delay first
	Hang   = "hang"   // do not answer until the client gives up; in a batch that holds up the batch
)

// Rule is something done badly on purpose.
type Rule struct {
	Op      string // as counted; empty: any of Graph
	Mailbox string // any of its addresses; empty: any. Only of calls in somebody's mailbox or about their presence; presences: also of who is among those asked for
	Times   int    // how often; zero: until lifted
	Do      string
	Delay   time.Duration

	Status     int // with Answer
	Code       string
	Message    string
	RetryAfter time.Duration // zero: none is said
	Claims     string        // with 401: a challenge

	used int
}

// Break adds a rule, and returns how to lift it. The first rule that fits a call applies.
func (s *Server) Break(r Rule) (lift func()) {
	s.stat.Lock()
	defer s.stat.Unlock()
	one := &r
	s.rules = append(s.rules, one)
	return func() {
		s.stat.Lock()
		defer s.stat.Unlock()
		for i, other := range s.rules {
			if other == one {
				s.rules = append(s.rules[:i:i], s.rules[i+1:]...)
				return
			}
		}
	}
}

// rule returns what applies to a call; nil: nothing.
func (s *Server) rule(op string, about func(address string) bool) *Rule {
	s.stat.Lock()
	defer s.stat.Unlock()
	for _, r := range s.rules {
		switch {
		case r.Op != "" && r.Op != op, r.Op == "" && loginOps[op]:
		case r.Times > 0 && r.used >= r.Times:
		case r.Mailbox != "" && (about == nil || !about(r.Mailbox)):
		default:
			r.used++
			copied := *r
			return &copied
		}
	}
	return nil
}

var loginOps = map[string]bool{"token": true, "authorize": true, "keys": true, "configuration": true}

// window counts calls in a fixed span of time.
type window struct {
	since time.Time
	n     int
}

// overQuota counts a call, and returns how long to wait if it is one too many.
func (s *Server) overQuota(key string, most int, span time.Duration) time.Duration {
	return s.overQuotaAt(time.Now(), key, most, span)
}

func (s *Server) overQuotaAt(now time.Time, key string, most int, span time.Duration) time.Duration {
	s.stat.Lock()
	defer s.stat.Unlock()
	w := s.quota[key]
	if w == nil || now.Sub(w.since) >= span || now.Before(w.since) {
		w = &window{since: now}
		s.quota[key] = w
	}
	if w.n >= most {
		return span - now.Sub(w.since)
	}
	w.n++
	return 0
}

// jwt signs claims with RS256.
func (s *Server) jwt(claims map[string]any) (string, error) {
	header := b64([]byte(`{"alg":"RS256","kid":"` + s.keyID() + `","typ":"JWT"}`))
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := header + "." + b64(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return signed + "." + b64(signature), nil
}

func (s *Server) keyID() string {
	sum := sha256.Sum256(s.key.N.Bytes())
	return hex.EncodeToString(sum[:8])
}
