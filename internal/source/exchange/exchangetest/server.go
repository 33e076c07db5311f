// Package exchangetest is an Exchange organisation in memory that speaks Exchange Web Services, for tests, the demo and
// measurements. It is strict: it refuses what Exchange 2016 and 2019 refuse, in their words, so that a client that works
// here has a chance elsewhere. It knows what is in its calendars (Mailbox.View), and it can be made to fail in the ways
// real ones do (Server.SetFaults). What it does not serve it answers as Exchange does what it does not know.
//
// Its words are from Microsoft's documentation and schema, and from what exchangelib and recorded traces show of real
// servers. Where those say nothing, it does what seemed most likely: a subscription that is read on a second connection
// is taken from the first, a CalendarView with a restriction is an ErrorInvalidOperation, the last occurrence of a
// series takes the series with it, and what clocks show twice is the first of the two.
package exchangetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"
)

// Config is how an organisation is set up. The zero value is one server with Basic authentication over plain HTTP.
type Config struct {
	Domain  string   // of DNS; empty: example.test
	NetBIOS string   // the domain's short name; empty: EXAMPLE
	Servers []string // names of the mailbox servers behind the front end; nil: one, mbx1 of Domain
	Address string   // to listen on; empty: a free port of 127.0.0.1
	TLS     bool     // HTTPS with a certificate made for the purpose, see Server.Roots
	Version Version  // zero: that of an Exchange 2019

	Auth []string // schemes on offer, of Basic, NTLM, Negotiate and Bearer, in the order of the challenges; nil: Basic
	// ChannelBinding demands that NTLM and Negotiate over TLS are bound to the channel (Extended Protection), as
	// Exchange 2019 CU14 does by default.
	ChannelBinding bool
	Keytab         []byte // of the service, for Negotiate
	ServiceName    string // principal in the keytab whose key counts, such as HTTP/mail.example.test; empty: the one a ticket names

	Now func() time.Time // the servers' clock; nil: time.Now

	// Minute is how long a minute lasts that clients name in time-outs; zero: a minute. Shorter ones are for tests.
	Minute time.Duration
	// HeartBeat is how often a streaming connection without events says that it is alive; zero: 45 seconds.
	HeartBeat time.Duration

	// What is charged to the mailbox that is impersonated, or to the account's own. Zero: the default of Exchange 2019;
	// negative: unlimited.
	MaxConcurrency   int // requests at a time, 27
	MaxSubscriptions int // 5000
	MaxStreams       int // streaming connections, 10

	Gzip bool   // answers are compressed for clients that can read them so
	Seed uint64 // of what happens at random, see SetFaults

	// Record is called with each request and each answer that is a document, streamed ones one by one; out with answers.
	// It may be called by several goroutines.
	Record func(out bool, body []byte)
}

// Account is one that signs in without a mailbox of its own, such as that of a service.
type Account struct {
	Name     string // without the domain; it may sign in as Name, NetBIOS\Name or Name@Domain
	Password string
	// Impersonates lists addresses of the mailboxes this account may act for (role ApplicationImpersonation with a
	// management scope); one that is * stands for all.
	Impersonates []string
}

// Server is the organisation: a front end and the mailbox servers behind it.
type Server struct {
	config Config
	url    string
	http   *http.Server
	ln     net.Listener
	cert   *tls.Certificate
	keytab *keytab.Keytab
	roots  *x509.CertPool
	ended  chan struct{} // closed when the front end has
	done   context.Context
	stop   context.CancelFunc
	gate   sync.RWMutex // held for reading by each request

	mu        sync.RWMutex // guards what follows; taken before a Mailbox's own
	mailboxes []*Mailbox   // by number, from 1
	byAddress map[string]*Mailbox
	byUPN     map[string]*Mailbox
	bySID     map[string]*Mailbox
	logins    map[string]*principal
	tokens    map[string]token
	apps      map[string]app
	redirects map[string]Redirect
	seen      map[string]time.Time // authenticators of Kerberos

	subsMu sync.Mutex // guards subs; taken before a Mailbox's mu
	subs   map[string]*subscription

	budgets budgets
	faults  faults
	counts  counters
	skew    atomic.Int64 // nanoseconds
	serial  atomic.Uint64
}

// principal is who signed in.
type principal struct {
	name         string
	password     string
	mailbox      *Mailbox // nil: has none
	impersonates map[string]bool
}

// Start starts an organisation without mailboxes. Close ends it.
func Start(config Config) (*Server, error) {
	config.Domain = or(config.Domain, "example.test")
	config.NetBIOS = or(config.NetBIOS, "EXAMPLE")
	if config.Servers == nil {
		config.Servers = []string{"mbx1." + config.Domain}
	}
	if config.Version == (Version{}) {
		config.Version = Version{15, 2, 1748, 10}
	}
	if config.Auth == nil {
		config.Auth = []string{"Basic"}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Minute == 0 {
		config.Minute = time.Minute
	}
	if config.HeartBeat == 0 {
		config.HeartBeat = 45 * time.Second
	}
	limit := func(n *int, standard int) {
		if *n == 0 {
			*n = standard
		}
	}
	limit(&config.MaxConcurrency, 27)
	limit(&config.MaxSubscriptions, 5000)
	limit(&config.MaxStreams, 10)
	for _, scheme := range config.Auth {
		if !slices.Contains([]string{"Basic", "NTLM", "Negotiate", "Bearer"}, scheme) {
			return nil, fmt.Errorf("exchangetest: Auth: %q is not a scheme", scheme)
		}
	}
	kt, err := readKeytab(config.Keytab)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", or(config.Address, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("exchangetest: %w", err)
	}
	s := &Server{
		config: config, ln: ln, keytab: kt, ended: make(chan struct{}),
		byAddress: map[string]*Mailbox{}, byUPN: map[string]*Mailbox{}, bySID: map[string]*Mailbox{},
		logins: map[string]*principal{}, tokens: map[string]token{}, apps: map[string]app{}, redirects: map[string]Redirect{}, seen: map[string]time.Time{},
		subs: map[string]*subscription{},
	}
	s.done, s.stop = context.WithCancel(context.Background())
	s.budgets.all = map[string]*budget{}
	s.faults.random = rand.New(rand.NewPCG(config.Seed, 0))
	s.faults.counts = map[string]int64{}
	s.counts.requests = map[string]int64{}
	scheme := "http"
	if config.TLS {
		scheme = "https"
		if s.cert, s.roots, err = certificate(); err != nil {
			ln.Close()
			return nil, fmt.Errorf("exchangetest: %w", err)
		}
	}
	s.url = scheme + "://" + ln.Addr().String()
	s.http = &http.Server{
		Handler:  http.HandlerFunc(s.serve),
		ErrorLog: log.New(io.Discard, "", 0), // of connections that clients drop
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &conn{})
		},
	}
	go func() {
		defer close(s.ended)
		if config.TLS {
			s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*s.cert}, NextProtos: []string{"http/1.1"}}
			s.http.ServeTLS(ln, "", "")
		} else {
			s.http.Serve(ln)
		}
	}()
	return s, nil
}

// Close drops all connections and waits for their ends.
func (s *Server) Close() {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	<-s.ended
	s.gate.Lock() // waits for requests that still run
	defer s.gate.Unlock()
}

// URL returns the address of Exchange Web Services.
func (s *Server) URL() string { return s.url + "/EWS/Exchange.asmx" }

// Base returns scheme, host and port.
func (s *Server) Base() string { return s.url }

// Roots returns what to trust for HTTPS; nil without TLS.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// Certificate returns the front end's; nil without TLS.
func (s *Server) Certificate() *x509.Certificate {
	if s.cert == nil {
		return nil
	}
	return s.cert.Leaf
}

func (s *Server) now() time.Time {
	return s.config.Now().Add(time.Duration(s.skew.Load())).UTC()
}

// AddMailbox adds somebody's mailbox.
func (s *Server) AddMailbox(p Person) (*Mailbox, error) {
	if strings.Count(p.Address, "@") != 1 {
		return nil, fmt.Errorf("exchangetest: %q is no address", p.Address)
	}
	local, _, _ := strings.Cut(p.Address, "@")
	p.Name = or(p.Name, local)
	p.UPN = or(p.UPN, p.Address)
	p.Server = or(p.Server, s.config.Servers[0])
	if !slices.Contains(s.config.Servers, p.Server) {
		return nil, fmt.Errorf("exchangetest: there is no server %q", p.Server)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	number := uint32(len(s.mailboxes) + 1)
	p.SID = or(p.SID, fmt.Sprintf("S-1-5-21-1085031214-1563985344-725345543-%d", 1000+number))
	m := &Mailbox{s: s, number: number, p: p, server: p.Server, folders: map[int]*folder{}, epoch: 1}
	for _, address := range append([]string{p.Address}, p.Aliases...) {
		if s.byAddress[strings.ToLower(address)] != nil {
			return nil, fmt.Errorf("exchangetest: two mailboxes have the address %q", address)
		}
	}
	for _, address := range append([]string{p.Address}, p.Aliases...) {
		s.byAddress[strings.ToLower(address)] = m
	}
	s.mailboxes = append(s.mailboxes, m)
	s.byUPN[strings.ToLower(p.UPN)] = m
	s.bySID[p.SID] = m
	if p.Password != "" {
		who := &principal{name: strings.ToLower(p.UPN), password: p.Password, mailbox: m}
		user, _, _ := strings.Cut(p.UPN, "@")
		s.login(who, p.UPN, p.Address, user, s.config.NetBIOS+`\`+user)
	}
	return m, nil
}

// AddAccount adds an account without a mailbox.
func (s *Server) AddAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := &principal{name: strings.ToLower(a.Name), password: a.Password, impersonates: map[string]bool{}}
	for _, address := range a.Impersonates {
		who.impersonates[strings.ToLower(address)] = true
	}
	s.login(who, a.Name, s.config.NetBIOS+`\`+a.Name, a.Name+"@"+s.config.Domain)
}

// login lets somebody sign in by some names; who has a name first keeps it.
func (s *Server) login(who *principal, names ...string) {
	for _, name := range names {
		if name = strings.ToLower(name); s.logins[name] == nil {
			s.logins[name] = who
		}
	}
}

// SetImpersonation changes whom an account may act for, as Account.Impersonates.
func (s *Server) SetImpersonation(account string, addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who := s.logins[strings.ToLower(account)]; who != nil {
		who.impersonates = map[string]bool{}
		for _, address := range addresses {
			who.impersonates[strings.ToLower(address)] = true
		}
	}
}

// SetPassword changes the password of an account or an owner.
func (s *Server) SetPassword(account, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who := s.logins[strings.ToLower(account)]; who != nil {
		changed := *who
		changed.password = password
		for name, other := range s.logins {
			if other == who {
				s.logins[name] = &changed
			}
		}
	}
}

// Mailbox returns the one with an address; nil if there is none.
func (s *Server) Mailbox(address string) *Mailbox {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byAddress[strings.ToLower(address)]
}

// View returns the truth about a calendar, see Mailbox.View; nil if there is no such mailbox.
func (s *Server) View(address string, from, to time.Time) []Occurrence {
	m := s.Mailbox(address)
	if m == nil {
		return nil
	}
	return m.View(from, to)
}

func (s *Server) numbered(number uint32) *Mailbox {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if number == 0 || int(number) > len(s.mailboxes) {
		return nil
	}
	return s.mailboxes[number-1]
}

const maxRequest = 10 << 20

func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.done.Err() != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { // which is how connections are broken on purpose
				s.counts.crash(fmt.Sprintf("%v\n%s", p, debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}
	}()
	rw.Header()["Date"] = []string{s.now().Format(http.TimeFormat)}
	rw.Header().Set("Server", "Microsoft-IIS/10.0")
	rw.Header().Set("X-Powered-By", "ASP.NET")
	rw.Header().Set("request-id", fmt.Sprintf("%08x-0000-4000-8000-%012x", s.serial.Add(1), s.serial.Load()))
	switch strings.ToLower(r.URL.Path) {
	case "/ews/exchange.asmx":
	case "/autodiscover/autodiscover.svc", "/autodiscover/autodiscover.xml":
		s.autodiscover(rw, r)
		return
	case "/token":
		s.token(rw, r)
		return
	default:
		http.NotFound(rw, r)
		return
	}
	who := s.authenticate(rw, r)
	if who == nil {
		return
	}
	if r.Method != http.MethodPost {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(rw, "<html><body>Exchange Web Services</body></html>")
		return
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "text/xml") {
		rw.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	s.record(false, body)
	started := time.Now()
	root, err := parse(body)
	if err != nil || root.name != "s:Envelope" {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	c := &call{s: s, rw: rw, r: r, who: who, loc: time.UTC}
	c.zip = s.config.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	c.backend = s.route(rw, r, who)
	err = c.run(root)
	s.counts.spent.Add(int64(time.Since(started) - c.waited))
	if err == nil {
		return
	}
	var f *fault
	if !errors.As(err, &f) {
		var e *innerError
		if errors.As(err, &e) {
			f = &fault{code: e.code, text: e.text, values: e.values}
		} else {
			f = faultf("ErrorInternalServerError", "An internal server error occurred. The operation failed.")
		}
	}
	w := &writer{}
	w.fault(f)
	s.answer(c, http.StatusInternalServerError, w.Bytes())
}

// answer sends a whole document, unless the connection is to break meanwhile.
func (s *Server) answer(c *call, status int, body []byte) {
	s.record(true, body)
	if c.zip {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(body)
		z.Close()
		body = packed.Bytes()
		c.rw.Header().Set("Content-Encoding", "gzip")
	}
	if c.half {
		c.rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
		c.rw.Header().Set("Content-Length", itoa(len(body)))
		c.rw.WriteHeader(status)
		c.rw.Write(body[:len(body)/2])
		http.NewResponseController(c.rw).Flush()
		panic(http.ErrAbortHandler)
	}
	began := time.Now()
	send(c.rw, status, body)
	c.waited += time.Since(began) // for the client's network
}

func (s *Server) record(out bool, body []byte) {
	if s.config.Record != nil {
		s.config.Record(out, body)
	}
}

const overrideCookie = "X-BackEndOverrideCookie"

// route returns the mailbox server that the front end hands a request to: with affinity the one that the cookie names,
// else that of the anchor mailbox, else that of the account's own, else the first.
func (s *Server) route(rw http.ResponseWriter, r *http.Request, who *principal) string {
	affinity := strings.EqualFold(r.Header.Get("X-PreferServerAffinity"), "true")
	backend := s.config.Servers[0]
	if who.mailbox != nil {
		backend = who.mailbox.Server()
	}
	if m := s.Mailbox(r.Header.Get("X-AnchorMailbox")); m != nil {
		backend = m.Server()
	}
	if affinity {
		named := r.Header.Get(overrideCookie) // some clients send it as a header
		if cookie, err := r.Cookie(overrideCookie); err == nil {
			named = cookie.Value
		}
		if name, _, ok := strings.Cut(named, "~"); ok && slices.Contains(s.config.Servers, name) {
			backend = name
		}
		secure := ""
		if s.config.TLS {
			secure = "secure; "
		}
		rw.Header().Add("Set-Cookie", overrideCookie+"="+backend+"~1941996295; path=/; "+secure+"HttpOnly")
	}
	rw.Header().Set("X-BEServer", strings.ToUpper(strings.SplitN(backend, ".", 2)[0]))
	rw.Header().Set("X-CalculatedBETarget", backend)
	return backend
}

// call is one request being served.
type call struct {
	s       *Server
	rw      http.ResponseWriter
	r       *http.Request
	who     *principal
	backend string // name of the mailbox server that runs it
	version int    // index in versions
	loc     *time.Location
	local   bool     // times are answered in loc
	millis  bool     // and with fractions of seconds
	mailbox *Mailbox // whose rights count: the impersonated one, or the account's own; may be nil
	acting  bool     // by impersonation
	op      string
	budget  *budget
	waited  time.Duration // that is not the server's doing
	half    bool          // of the answer is sent
	zip     bool          // answers are compressed
}

// versions are those a client may ask for (types.xsd, ExchangeVersionType), oldest first.
var versions = []string{"Exchange2007", "Exchange2007_SP1", "Exchange2009", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
	"Exchange2012", "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2016", "V2015_10_05", "V2016_01_06", "V2016_04_13",
	"V2016_07_13", "V2016_10_10", "V2017_01_07", "V2017_04_14", "V2017_07_11"}

var (
	since2010    = slices.Index(versions, "Exchange2010")
	since2010SP1 = slices.Index(versions, "Exchange2010_SP1")
)

// operations are what is served, by the element in the body.
var operations map[string]func(*call, *node) error

func init() {
	operations = map[string]func(*call, *node) error{
		"m:GetFolder":                  (*call).getFolder,
		"m:FindFolder":                 (*call).findFolder,
		"m:SyncFolderHierarchy":        (*call).syncFolderHierarchy,
		"m:GetItem":                    (*call).getItem,
		"m:CreateItem":                 (*call).createItem,
		"m:UpdateItem":                 (*call).updateItem,
		"m:DeleteItem":                 (*call).deleteItem,
		"m:MoveItem":                   (*call).moveItem,
		"m:GetServerTimeZones":         (*call).getServerTimeZones,
		"m:GetUserAvailabilityRequest": (*call).getUserAvailability,
		"m:ResolveNames":               (*call).resolveNames,
		"m:ConvertId":                  (*call).convertID,
		"m:FindItem":                   (*call).findItem,
		"m:SyncFolderItems":            (*call).syncFolderItems,
		"m:Subscribe":                  (*call).subscribe,
		"m:Unsubscribe":                (*call).unsubscribe,
		"m:GetEvents":                  (*call).getEvents,
		"m:GetStreamingEvents":         (*call).getStreamingEvents,
	}
}

func (c *call) run(root *node) error {
	header, body := root.kid("s:Header"), root.kid("s:Body")
	if body == nil || len(body.kids) != 1 {
		return faultf("ErrorInvalidRequest", "The request is invalid.")
	}
	request := body.kids[0]
	c.op = strings.TrimPrefix(request.name, "m:")
	c.s.counts.request(c.op)
	serve := operations[request.name]
	if serve == nil {
		if !strings.HasPrefix(request.name, "m:") {
			return notSupported("")
		}
		return faultf("ErrorInvalidOperation", "The operation %s is not served here.", c.op)
	}
	if n := header.kid("t:RequestServerVersion"); n != nil && !slices.Contains(versions, n.attr("Version")) { // before all else
		return faultf("ErrorInvalidServerVersion", "The specified server version is invalid.")
	}
	if err := validate(root); err != nil {
		return err
	}
	if err := c.readHeader(header); err != nil {
		return err
	}
	if err := c.charge(); err != nil {
		return err
	}
	defer c.refund()
	if done, err := c.s.faults.inside(c); done || err != nil {
		return err
	}
	return serve(c, request)
}

func (c *call) readHeader(header *node) error {
	if n := header.kid("t:RequestServerVersion"); n != nil {
		c.version = slices.Index(versions, n.attr("Version"))
	}
	if n := header.at("t:TimeZoneContext", "t:TimeZoneDefinition"); n != nil {
		loc, ok := zone(n.attr("Id"))
		if !ok {
			return faultf("ErrorTimeZone", "The specified time zone isn't valid.")
		}
		c.loc, c.local = loc, loc != zones()["utc"] && c.version >= since2010 // older ones are always told in UTC
	}
	c.millis = header.kid("t:DateTimePrecision").value() == "Milliseconds"
	c.mailbox = c.who.mailbox
	sid := header.at("t:ExchangeImpersonation", "t:ConnectingSID")
	if sid == nil {
		return nil
	}
	if sid.kids[0].value() == "" {
		return faultf("ErrorInvalidExchangeImpersonationHeaderData", "ExchangeImpersonation SOAP header must have at least one of the sub elements: PrincipalName, PrimarySmtpAddress, and SID.")
	}
	m, err := c.s.person(sid.kids[0])
	if err != nil {
		return err
	}
	c.s.mu.RLock()
	allowed := c.who.impersonates["*"] || c.who.impersonates[strings.ToLower(m.p.Address)]
	c.s.mu.RUnlock()
	if !allowed {
		return faultf("ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user.")
	}
	c.mailbox, c.acting = m, true
	return nil
}

// person returns who is named by a child of ConnectingSID.
func (s *Server) person(n *node) (*Mailbox, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value1 := n.value()
	switch n.name {
	case "t:PrincipalName":
		if m := s.byUPN[strings.ToLower(value1)]; m != nil {
			return m, nil
		}
		return nil, faultf("ErrorInvalidUserPrincipalName", "The user principal name (UPN) isn't valid.")
	case "t:SID":
		if m := s.bySID[value1]; m != nil {
			return m, nil
		}
		return nil, faultf("ErrorInvalidUserSid", "The SID isn't valid.")
	}
	m := s.byAddress[strings.ToLower(value1)]
	if m == nil {
		f := faultf("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
		f.values = []value{{"SmtpAddress", value1}}
		return nil, f
	}
	if n.name == "t:PrimarySmtpAddress" && !strings.EqualFold(value1, m.p.Address) {
		f := faultf("ErrorNonPrimarySmtpAddress", "The primary SMTP address must be specified when referencing a mailbox.")
		f.values = []value{{"Primary", m.p.Address}}
		return nil, f
	}
	return m, nil
}

// respond answers with an envelope whose inside fn writes.
func (c *call) respond(name string, fn func(w *writer)) error {
	w := &writer{}
	w.begin(c.s.config.Version, name, false)
	fn(w)
	w.end(name, false)
	c.s.answer(c, http.StatusOK, w.Bytes())
	return nil
}

// responses answers with response messages, as most operations do.
func (c *call) responses(fn func(w *writer)) error {
	return c.respond(c.op+"Response", func(w *writer) {
		w.open("m:ResponseMessages")
		fn(w)
		w.close("m:ResponseMessages")
	})
}

func (c *call) time(t time.Time) string {
	layout, loc := "2006-01-02T15:04:05Z07:00", time.UTC
	if c.millis {
		layout = "2006-01-02T15:04:05.000Z07:00"
	}
	if c.local {
		loc = c.loc
	}
	return t.In(loc).Format(layout)
}

// owner tells whether the caller has all rights on a mailbox.
func (c *call) owner(m *Mailbox) bool { return c.mailbox == m || c.right(m) == FullAccess }

// right returns what the caller may do with somebody's calendar.
func (c *call) right(m *Mailbox) Right {
	if c.mailbox == m {
		return FullAccess
	}
	m.grantMu.Lock()
	defer m.grantMu.Unlock()
	if c.mailbox != nil {
		return m.grants[strings.ToLower(c.mailbox.p.Address)]
	}
	return m.grants[c.who.name]
}

// folder returns what a t:FolderId or a t:DistinguishedFolderId names, if the caller may see it.
func (c *call) folder(n *node) (*Mailbox, int, error) {
	if n.name == "t:FolderId" {
		i, err := parseID(n.attr("Id"))
		if err != nil {
			return nil, 0, err
		}
		if i.kind != 'F' {
			return nil, 0, inner("ErrorCannotUseItemIdForFolderId", "The Id is of an item.")
		}
		m := c.s.numbered(i.mailbox)
		if m == nil || i.number >= uint64(len(folderTable)) || !c.sees(m, int(i.number)) {
			return nil, 0, errFolderNotFound
		}
		return m, int(i.number), nil
	}
	m := c.mailbox
	if address := n.at("t:Mailbox", "t:EmailAddress").value(); address != "" {
		if m = c.s.Mailbox(address); m == nil {
			return nil, 0, &innerError{"ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.", []value{{"SmtpAddress", address}}}
		}
	}
	if m == nil {
		return nil, 0, inner("ErrorMissingEmailAddress", "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.")
	}
	index := slices.IndexFunc(folderTable, func(f struct {
		distinguished, name, class, element string
		parent                              int
	}) bool {
		return f.distinguished == n.attr("Id")
	})
	if index < 0 || !c.sees(m, index) {
		return nil, 0, errFolderNotFound
	}
	return m, index, nil
}

func (c *call) sees(m *Mailbox, folder int) bool {
	right := c.right(m)
	return right == FullAccess || folder == calendarFolder && right >= Reviewer
}

func (c *call) mayWrite(m *Mailbox, folder int) bool {
	right := c.right(m)
	return right == FullAccess || folder == calendarFolder && right >= Editor
}

// itoa is for attributes.
func itoa(n int) string { return strconv.Itoa(n) }
