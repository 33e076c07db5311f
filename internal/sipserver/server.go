// Package sipserver is Doorlight as a SIP server: telephones subscribe to what it shows of people, so that their lamps show presence (L2),
// and telephone systems ask it where a call goes now (F5a). It carries no media, and no calls: it answers, and it tells.
//
// Telephones sign in by digest, and see what the person may see to whom their account belongs (R3). Whoever they may see nothing of looks to
// them like an address that means nobody: both subscriptions are taken, and both are told of somebody who is never there. A refusal would say
// more: the moment in which a subscription is ended would tell that somebody has just been blocked, and telephones that were refused once do
// not ask again when they would be heard.
//
// Messages are parsed, and the transactions of what telephones ask kept, by github.com/emiago/sipgo. Notifications, which are most of what goes to
// and fro, are written and waited for without it. The sockets are our own: so nothing is remembered of senders that never sign in, a message
// that cannot be read is answered in words, and no message gets into a log.
package sipserver

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/presence"
)

// Directory says who has an account, and whom an address means. Its methods are called by several goroutines at once and must not block for long.
type Directory interface {
	// Account returns the secret of a telephone's account and whose telephone it is.
	Account(user string) (Account, bool)
	// Person finds whom an address means: login, work number, or alias, as it stands in the user part of a SIP address.
	Person(user string) (personID string, ok bool)
}

// Account is an account that a telephone signs in with. It hides its secrets from logs.
type Account struct {
	PersonID string // with whose eyes it sees
	// HA1MD5 and HA1SHA256 are the hashes of user:realm:password in lower-case hexadecimal (RFC 7616 §3.4.2). An empty one: not with this algorithm.
	HA1MD5    string
	HA1SHA256 string
}

// LogValue implements slog.LogValuer.
func (a Account) LogValue() slog.Value { return slog.StringValue("[account of " + a.PersonID + "]") }

// Presences says what a person may see of another. Its methods are called by several goroutines at once and must not block for long.
type Presences interface {
	// See returns what viewer may see of a person; ok is false if that is nothing: then it is as if there were nobody.
	See(viewerID, personID string) (v View, ok bool)
	// Watch has f called whenever what anybody may see of one of the people may have changed, until stop is called. f does not block; it may be
	// called by several goroutines at once, and once more after stop.
	Watch(personIDs []string, f func(personID string)) (stop func())
}

// View is what one person may see of another. What they may not see is not in it.
type View struct {
	Status presence.Status
	Off    bool   // presence is switched off for them: nothing else holds
	Text   string // that they chose; empty: none, or not to be seen
	Note   string // more, in words; empty: none
	// Line is what the telephone does. If the state may not be seen, LineKnown is false and Line is empty.
	Line      presence.Line
	LineKnown bool
}

// LogValue implements slog.LogValuer.
func (v View) LogValue() slog.Value { return slog.StringValue(v.Status.String()) }

// Targets says where calls go.
type Targets interface {
	// Target says where a call to a person goes now. The answer is told to the caller.
	Target(ctx context.Context, personID string, from Caller) (Target, error)
}

// Caller is what is known of where a call comes from.
type Caller struct {
	// Viewer is the person whose telephone signed in: it is told no more than they may know. Empty: a trusted telephone system asks, which leads calls
	// there and shows it to nobody.
	Viewer   string
	Internal bool // the call comes from inside
}

// TargetKind is what becomes of a call.
type TargetKind uint8

// What becomes of calls. The zero value is Unknown.
const (
	Unknown      TargetKind = iota // nobody knows: 404
	Ring                           // at the desk, or wherever they are: 302
	Forward                        // elsewhere than it was meant to go: 302, and said so
	DoNotDisturb                   // 486
)

// Target is where a call goes. It hides its contents from logs.
type Target struct {
	Kind     TargetKind
	Contacts []Contact // for Ring and Forward; none: 480
	// Reason of Forward, as RFC 5806 has it: "unconditional", "time-of-day", "away" ...; empty: "unconditional".
	Reason string
}

// LogValue implements slog.LogValuer.
func (Target) LogValue() slog.Value { return slog.StringValue("[target]") }

// Contact is one address that a call may go to.
type Contact struct {
	URI string  // sip:, sips: or tel:
	Q   float64 // 0 to 1, the highest first; it is rounded to thousandths
}

// Lists says which addresses are lists of people that may be subscribed to as one (RFC 4662).
type Lists interface {
	// Lists returns the addresses on the list that an address means to a viewer, as Directory.Person takes them; none: it is no list to them. Who is
	// on it is told to the viewer, so that nobody may be whom they may not know of.
	Lists(viewerID, user string) []string
}

// Config says what the server does. Times and numbers that are zero have a default.
type Config struct {
	// Listen is where it listens, such as "udp:192.0.2.1:5060", "tcp:[::]:5060", "tls:192.0.2.1:5061". At least one.
	Listen []string
	// TLS is for "tls:"; its GetCertificate is asked for each connection.
	TLS *tls.Config
	// Host is the name or address by which telephones reach this server. Empty: the address that they reached.
	Host string
	// Realm is what passwords are hashed with. Required.
	Realm string
	// Domains are the host parts of addresses that mean somebody here, in lower case. None: any.
	Domains []string
	// Algorithms are the digests that are offered, best first (RFC 8760): "SHA-256", "MD5". None: MD5 alone. Observed: baresip 1.0 does not sign in if
	// SHA-256 is offered at all, SIPp 3.6 if it is offered first.
	Algorithms []string
	// Trusted are the addresses or networks of telephone systems whose calls are answered without a password. Everybody else signs in first.
	Trusted []string
	// Internal are patterns of the callers' numbers that are inside: digits, "x" for any digit, "*" at the end for any more. Whoever signs in, and
	// whoever calls from an address that means somebody, is inside anyway.
	Internal []string
	// LampForBusy has lamps (dialog events) lit also for people who are busy or not to be disturbed, and not only when they are on the phone.
	LampForBusy bool
	// Words are what is said of a status beside its code; a status without one is said in English.
	Words map[presence.Status]string

	MinExpires time.Duration // the shortest subscription; 1 minute by default
	MaxExpires time.Duration // the longest; 15 minutes by default: so long do lamps stay as they were when this server dies

	MostSubscriptions int // 50,000 by default
	MostPerAccount    int // 500 by default
	MostConnections   int // TCP and TLS; 10,000 by default
	// PerSource is how many requests a second are taken from one address, trusted ones excepted; ten times as many at once. 100 by default.
	PerSource int

	Directory Directory // required
	Presences Presences // required
	Targets   Targets   // nil: calls are answered with 404
	Lists     Lists     // nil: there are none
	// Codes carries out a feature code that somebody has dialled; ok is false if it is none of theirs. What it says stands beside the answer, one line of
	// plain ASCII; confirm is the SIP address that the call is sent to, which plays a tone, say. Empty: the call ends (480). Nil: there are none.
	Codes func(ctx context.Context, personID, code string) (said, confirm string, ok bool)
	// SignedIn is called with the user of an account whenever somebody has signed in with it. It must not block. Nil: nobody wants to know.
	SignedIn func(user string)
	Log      *slog.Logger
}

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("listen", c.Listen), slog.String("realm", c.Realm))
}

// Stats count what happened since the start, and what there is now.
type Stats struct {
	Subscriptions int `json:"subscriptions"` // now, lists included
	Lists         int `json:"lists"`         // now
	Watched       int `json:"watched"`       // people, now
	Connections   int `json:"connections"`   // now
	Queued        int `json:"queued"`        // subscriptions that have something to be told, now
	UnderWay      int `json:"under_way"`     // notifications that are not answered, now

	Requests     int64 `json:"requests"`
	Malformed    int64 `json:"malformed"`     // could not be read
	Dropped      int64 `json:"dropped"`       // too many from one address, or altogether
	Challenged   int64 `json:"challenged"`    // asked to sign in, or to do so again
	Refused      int64 `json:"refused"`       // wrong password or unknown account
	Notified     int64 `json:"notified"`      // notifications that were taken
	Unanswered   int64 `json:"unanswered"`    // notifications that nobody answered
	Ended        int64 `json:"ended"`         // subscriptions that a telephone did not know any more
	Lapsed       int64 `json:"lapsed"`        // subscriptions that were not renewed
	Redirected   int64 `json:"redirected"`    // calls: 302
	NotDisturbed int64 `json:"not_disturbed"` // calls: 486
	Unreachable  int64 `json:"unreachable"`   // calls: 404, 480
	Loops        int64 `json:"loops"`         // calls: 482, 483
}

// counters are those of Stats that only rise.
type counters struct {
	requests, malformed, dropped, challenged, refused, notified, unanswered, ended, lapsed, redirected, notDisturbed, unreachable, loops atomic.Int64
}

// Server answers telephones. Make one with New. Its methods may be called by several goroutines at once.
type Server struct {
	c        Config
	log      *slog.Logger
	trusted  []netip.Prefix
	sockets  []*socket
	auth     *authority
	limit    *limiter
	wrong    *limiter // wrong passwords
	calls    calls
	docs     documents
	tags     []byte // secret of the tags of answers that nothing is kept of
	count    counters
	handling chan struct{} // one for each request that is being answered
	ready    chan struct{} // one for each notification that a telephone may still be expected to answer soon
	timing   timing

	trans transactions

	mu      sync.Mutex // guards what follows, and what subscriptions and watched people have
	subs    map[dialogID]*subscription
	people  map[string]*watched
	account map[string]int // subscriptions of each
	lists   int
	queue   []*subscription // that have something to be told, in the order in which they got it
	waiting int             // notifications under way that have been so for long
	under   int             // all notifications under way
	conns   map[*stream]struct{}
	dials   map[netip.AddrPort]*dialled
	running context.Context // of Run; nil: not running
	closing bool
	wake    chan struct{} // the queue is not empty
	work    sync.WaitGroup
	started bool
}

// timing is when what happens; tests are in more of a hurry.
type timing struct {
	sweep     time.Duration // how often it is looked who has not renewed
	slow      time.Duration // a telephone that has not answered by then does not hold up others
	patience  time.Duration // for the answer to a notification (timer F)
	again     time.Duration // how long after an unanswered notification it is tried again; it doubles
	nonce     time.Duration // how long a nonce is good for
	farewell  time.Duration // how long telling everybody that the server ends may take
	lookup    time.Duration // for Target
	trying    time.Duration // until 100 is said
	firstWord time.Duration // for a connection to say something, or to finish what it began
	write     time.Duration // for writing to a connection
}

// Of how many notifications nobody may answer in a row before the subscription ends. One alone means nothing: a telephone may be slow.
const mostUnanswered = 3

// How many notifications may be under way: those that a telephone is expected to answer soon, and those that it has not.
const (
	mostReady   = 4096
	mostWaiting = 8192
)

// New checks a configuration, and begins to listen; nothing is answered until Run. It returns an Invalid fault.Error about the fields that are wrong.
func New(c Config) (*Server, error) {
	var bad fault.Fields
	s := &Server{
		subs: map[dialogID]*subscription{}, people: map[string]*watched{}, account: map[string]int{}, conns: map[*stream]struct{}{}, dials: map[netip.AddrPort]*dialled{},
		wake: make(chan struct{}, 1), handling: make(chan struct{}, 1024), ready: make(chan struct{}, mostReady), tags: make([]byte, 32),
		timing: timing{
			sweep: time.Second, slow: time.Second, patience: 32 * time.Second, again: 30 * time.Second, nonce: 5 * time.Minute,
			farewell: 2 * time.Second, lookup: 5 * time.Second, trying: 200 * time.Millisecond, firstWord: 32 * time.Second, write: 5 * time.Second,
		},
	}
	rand.Read(s.tags)
	if c.Realm == "" {
		bad.Add("realm", "is needed: it is part of every password's hash")
	} else if strings.ContainsAny(c.Realm, "\"\\\r\n") {
		bad.Add("realm", "may hold no quotes, backslashes or line breaks")
	}
	c.Domains = slices.Clone(c.Domains)
	for i, d := range c.Domains {
		c.Domains[i] = strings.ToLower(d)
	}
	CheckAddresses("", &c, &bad)
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"MD5"}
	}
	for _, a := range c.Algorithms {
		if a != "SHA-256" && a != "MD5" {
			bad.Add("algorithms", "%q is neither SHA-256 nor MD5", a)
		}
	}
	for _, t := range c.Trusted {
		if p, err := parsePrefix(t); err == nil {
			s.trusted = append(s.trusted, p)
		}
	}
	durationOr(&bad, "min_expires", &c.MinExpires, time.Minute, time.Second)
	durationOr(&bad, "max_expires", &c.MaxExpires, 15*time.Minute, time.Second)
	if c.MaxExpires < c.MinExpires {
		bad.Add("max_expires", "must not be shorter than min_expires")
	}
	countOr(&bad, "most_subscriptions", &c.MostSubscriptions, 50_000)
	countOr(&bad, "most_per_account", &c.MostPerAccount, 500)
	countOr(&bad, "most_connections", &c.MostConnections, 10_000)
	countOr(&bad, "per_source", &c.PerSource, 100)
	if c.Directory == nil {
		bad.Add("directory", "is needed")
	}
	if c.Presences == nil {
		bad.Add("presences", "is needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s.c, s.log = c, c.Log
	for _, l := range c.Listen {
		network, addr, _ := strings.Cut(l, ":")
		if network == "tls" && c.TLS == nil {
			bad.Add("listen", "%q needs a certificate", l)
			continue
		}
		if len(bad) > 0 {
			continue // nothing is opened that would have to be closed again
		}
		k, err := s.listen(network, addr)
		if err != nil {
			bad.Add("listen", "%q cannot be listened on: %v", l, reason(err))
			continue
		}
		s.sockets = append(s.sockets, k)
	}
	if err := bad.Err(); err != nil {
		for _, k := range s.sockets {
			k.close()
		}
		return nil, err
	}
	s.auth = newAuthority(c.Realm, c.Algorithms, s.timing.nonce)
	s.limit = newLimiter(float64(c.PerSource), float64(10*c.PerSource))
	s.wrong = newLimiter(0.5, 20)
	s.trans.init()
	s.calls.under = map[string]*call{}
	s.docs.init(c.Words)
	return s, nil
}

// CheckAddresses enters what is wrong with the parts of a configuration that say where and for whom a server is: Listen, Host, Domains, Trusted and
// Internal, each by its name behind at.
func CheckAddresses(at string, c *Config, bad *fault.Fields) {
	if len(c.Listen) == 0 {
		bad.Add(at+"listen", "at least one address is needed, such as udp:0.0.0.0:5060")
	}
	for i, l := range c.Listen {
		network, addr, ok := strings.Cut(l, ":")
		if !ok || network != "udp" && network != "tcp" && network != "tls" {
			bad.Add(at+"listen", "%q does not begin with udp:, tcp: or tls:", l)
		} else if p, err := netip.ParseAddrPort(addr); err != nil {
			bad.Add(at+"listen", "%q is not an address with a port, such as %s:0.0.0.0:5060", l, network)
		} else if p.Port() != 0 && slices.Contains(c.Listen[:i], l) {
			bad.Add(at+"listen", "%q is listed twice", l)
		}
	}
	if c.Host != "" && !isHost(c.Host) {
		bad.Add(at+"host", "%q is neither a name nor an address; the port is that of listen", c.Host)
	}
	for _, d := range c.Domains {
		if d == "" || strings.ContainsAny(d, " @:<>") || strings.ContainsFunc(d, unicode.IsControl) {
			bad.Add(at+"domains", "%q is not a domain", d)
		}
	}
	for _, t := range c.Trusted {
		if p, err := parsePrefix(t); err != nil {
			bad.Add(at+"trusted", "%q is neither an address nor a network such as 192.0.2.0/24", t)
		} else if p.Bits() == 0 {
			bad.Add(at+"trusted", "%q is everybody: anyone could ask where all calls go, and choose for others what they show", t)
		}
	}
	for _, p := range c.Internal {
		if !validPattern(p) {
			bad.Add(at+"internal", "%q is not a pattern: digits, + at the beginning, x for any digit, * at the end", p)
		}
	}
}

// isHost reports whether a text is an address, or can be a name (RFC 3261 §25.1; underscores are met with in offices).
func isHost(h string) bool {
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")); err == nil && strings.HasPrefix(h, "[") == strings.HasSuffix(h, "]") {
		return true
	}
	return !strings.ContainsFunc(h, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
}

func durationOr(bad *fault.Fields, name string, d *time.Duration, or, least time.Duration) {
	if *d == 0 {
		*d = or
	}
	if *d < least {
		bad.Add(name, "must be at least %v", least)
	}
}

func countOr(bad *fault.Fields, name string, n *int, or int) {
	if *n == 0 {
		*n = or
	}
	if *n < 0 {
		bad.Add(name, "must not be negative")
	}
}

// reason is what is wrong with a socket, without the address that is told already.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func parsePrefix(t string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(t); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(t)
	return p.Masked(), err
}

// trusts reports whether calls from an address are answered without a password.
func (s *Server) trusts(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(s.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Addrs returns where it listens, as Config.Listen has it, with the ports that were given to it.
func (s *Server) Addrs() []string {
	var out []string
	for _, k := range s.sockets {
		out = append(out, k.network+":"+k.addr.String())
	}
	return out
}

// Run answers until ctx ends, whose cause it returns. Then telephones are told to subscribe again, and everything is closed. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.mu.Lock()
	if s.started {
		s.mu.Unlock()
		return fmt.Errorf("sipserver: it has run already")
	}
	s.started, s.running = true, run
	s.mu.Unlock()
	for _, k := range s.sockets {
		s.work.Go(func() { s.serve(k) })
	}
	s.work.Go(func() { s.dispatch(run) })
	s.work.Go(func() { s.tend(run) })
	s.log.Info("sip server listens", "listen", s.Addrs())
	<-ctx.Done()
	s.farewell()
	cancel()
	s.shut()
	s.work.Wait()
	return context.Cause(ctx)
}

// Close ends a server that Run was never called of; otherwise the end of Run's context does.
func (s *Server) Close() {
	s.mu.Lock()
	started := s.started
	s.started = true
	s.mu.Unlock()
	if !started {
		s.shut()
	}
}

// shut closes all sockets, connections and transactions, and stops watching.
func (s *Server) shut() {
	for _, k := range s.sockets {
		k.close()
	}
	s.mu.Lock()
	s.closing = true
	conns := make([]*stream, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	var stops []func()
	for _, w := range s.people {
		stops = append(stops, w.stop)
	}
	clear(s.people)
	clear(s.subs)
	s.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	for _, c := range conns {
		c.conn.Close()
	}
	s.trans.end()
}

// tend does what is to be done from time to time.
func (s *Server) tend(ctx context.Context) {
	t := time.NewTicker(s.timing.sweep)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.sweep(now)
			s.auth.sweep(now)
			s.limit.sweep(now)
			s.wrong.sweep(now)
		}
	}
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	st := Stats{
		Subscriptions: len(s.subs), Lists: s.lists, Watched: len(s.people), Connections: len(s.conns), Queued: len(s.queue), UnderWay: s.under,
	}
	s.mu.Unlock()
	c := &s.count
	st.Requests, st.Malformed, st.Dropped, st.Challenged, st.Refused = c.requests.Load(), c.malformed.Load(), c.dropped.Load(), c.challenged.Load(), c.refused.Load()
	st.Notified, st.Unanswered, st.Ended, st.Lapsed = c.notified.Load(), c.unanswered.Load(), c.ended.Load(), c.lapsed.Load()
	st.Redirected, st.NotDisturbed, st.Unreachable, st.Loops = c.redirected.Load(), c.notDisturbed.Load(), c.unreachable.Load(), c.loops.Load()
	return st
}
