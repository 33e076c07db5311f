// Package exchange reads calendars from an Exchange server on the premises by Exchange Web Services, with one account
// that may act for many mailboxes, and hears of changes by streaming or pull notifications. Messages follow the schema
// that every Exchange server hands out (services.wsdl); they are written in its order and read by name alone.
//
// It only reads. What an appointment means for anybody's presence is left to the caller, and so is Exchange Online,
// which has switched these services off.
package exchange

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Ways of signing in.
const (
	AuthNTLM     = "ntlm"     // with channel binding, as Exchange 2019 CU14 and later want it
	AuthKerberos = "kerberos" // the same; needs a domain controller in reach
	AuthBasic    = "basic"
	AuthOAuth    = "oauth" // client credentials, RFC 6749 §4.4
)

// Ways of getting at other people's mailboxes.
const (
	AccessImpersonation = "impersonation" // the account has the role ApplicationImpersonation
	AccessDelegate      = "delegate"      // the account has rights on each calendar. Exchange then tells of no changes
)

// What the names of mailboxes are, which is how the server is told for whom the account acts.
const (
	NamesPrimary = "primary_smtp" // primary e-mail addresses
	NamesSMTP    = "smtp"         // any e-mail addresses
	NamesUPN     = "upn"          // user principal names
	NamesSID     = "sid"          // security identifiers
)

// Ways of hearing of changes.
const (
	NotifyStream = "stream" // connections that stay open
	NotifyPull   = "pull"   // a question at an interval
	NotifyNone   = "none"   // not at all: calendars are polled
)

// Config says which system it is. URL or Domains, Account, Password and Client have to be there, or with OAuth its
// three fields in place of account and password; the zero value of everything else works.
type Config struct {
	URL     string   // of the service, such as https://mail.example.com/EWS/Exchange.asmx; empty: by Autodiscover
	Domains []string // the mail domains for which servers are looked up. The account's password goes to these servers
	// AutodiscoverURL is asked for every mailbox of Domains; empty: autodiscover.DOMAIN is tried, and with ntlm and
	// kerberos, which do not hand out the password, DOMAIN too.
	AutodiscoverURL string
	WebURL          string // of Outlook on the web, for links; empty: what Autodiscover says, or /owa/ on the server

	Auth     string // empty: ntlm
	Account  string // of the account that reads: a name, or a user principal name
	Domain   string // of the account; empty if Account is a user principal name or DOMAIN\name
	Password string
	OAuth    OAuth
	Kerberos Kerberos

	Access string // empty: impersonation
	Names  string // empty: primary_smtp

	Notify   string        // empty: stream
	Interval time.Duration // between questions with pull; zero: 1 minute
	Hanging  int           // connections that stay open for one account; zero: 3, what Exchange 2013 allows. With impersonation each is another account's

	Limit      int           // requests at the same time to one server; zero: 10
	Timeout    time.Duration // for a request with its whole answer; zero: 30 seconds
	AllowPlain bool          // http addresses too: passwords and calendars can be read on the way

	Client *outbound.Client // reaches the servers, and trusts their certificates
	Log    *slog.Logger     // nil: none

	timing timing // of tests; the zero value is what is documented
}

// OAuth is where a token for the service is had (RFC 6749 §4.4).
type OAuth struct {
	TokenURL     string
	ClientID     string
	ClientSecret string
	Scope        string // may be empty
}

// Kerberos says where tickets are had. Its zero value works where DNS knows the domain.
type Kerberos struct {
	Realm string   // empty: the account's domain, in capitals
	KDCs  []string // host or host:port; empty: looked up in DNS
	SPN   string   // of the service; empty: HTTP/ and the server's name
}

// LogValue keeps the password out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
func (c Config) String() string       { return "exchange at " + c.where() }
func (c Config) GoString() string     { return c.String() }

func (c Config) where() string {
	if u, err := url.Parse(c.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return strings.Join(c.Domains, ", ")
}

// timing are the times and numbers that tests make smaller.
type timing struct {
	gather  time.Duration // events of a mailbox are gathered
	silence time.Duration // after which a stream is dead
	wait    time.Duration // before the first repetition; doubled each time, up to most
	most    time.Duration
	reopen  time.Duration // a stream that gets further mailboxes is opened anew no more often
	old     time.Duration // a view is read anew though nothing is known to have changed
	keep    time.Duration // for which a server that is away is taken to keep subscriptions; it does for 30 minutes
	minutes int           // that a stream is asked to stay open
	entries int           // of a view that are asked for at once; also FindCountLimit, beyond which Exchange cuts off
}

// How often a mailbox is to be read: seldom while its changes are heard of, as a repair of what notifications lose,
// and often while they are not.
const (
	everyHeard   = time.Hour
	everyUnheard = 3 * time.Minute
)

// System is one Exchange organisation. Close it when done with it.
type System struct {
	c      Config
	log    *slog.Logger
	fixed  *endpoint // nil with Autodiscover
	web    string    // Config.WebURL, ending in a slash
	signer signer
	stop   context.Context // ends with Close
	cancel context.CancelCauseFunc

	mu     sync.Mutex           // guards what follows; held for moments only
	hosts  map[string]*host     // by origin
	ways   map[string]way       // by mail domain: where Autodiscover answered
	boxes  map[string]*box      // by key
	places map[string]*endpoint // that were found
	odd    map[string]bool      // words that are not known, so that each is logged once

	watchMu sync.Mutex // guards what follows; held for moments only
	wanted  map[string]string
	watcher *watcher // while Watch runs
}

var _ source.System = (*System)(nil)

// New returns the system that c describes, without reaching for it. What is wrong with c is told as fault.Fields.
func New(c Config) (*System, error) {
	var wrong fault.Fields
	oneOf := func(field string, value *string, words ...string) {
		if *value == "" {
			*value = words[0]
		}
		for _, w := range words {
			if *value == w {
				return
			}
		}
		wrong.Add(field, "one of %s", strings.Join(words, ", "))
	}
	oneOf("auth", &c.Auth, AuthNTLM, AuthKerberos, AuthBasic, AuthOAuth)
	oneOf("access", &c.Access, AccessImpersonation, AccessDelegate)
	oneOf("names", &c.Names, NamesPrimary, NamesSMTP, NamesUPN, NamesSID)
	oneOf("notify", &c.Notify, NotifyStream, NotifyPull, NotifyNone)
	c.URL, c.AutodiscoverURL, c.WebURL = strings.TrimSpace(c.URL), strings.TrimSpace(c.AutodiscoverURL), strings.TrimSpace(c.WebURL)
	c.OAuth.TokenURL = strings.TrimSpace(c.OAuth.TokenURL)
	address := func(field, s string) *url.URL {
		if s == "" {
			return nil
		}
		u, user, password, err := outbound.ParseURL(s)
		switch {
		case err != nil:
			wrong.Add(field, "this is not a web address, such as https://mail.example.com/EWS/Exchange.asmx")
		case user != "" || password != "":
			wrong.Add(field, "an address holds no name and no password; they have fields of their own")
		case u.Scheme != "https" && !c.AllowPlain:
			wrong.Add(field, "has to begin with https://, or passwords and calendars can be read on the way")
		default:
			return u
		}
		return nil
	}
	ews := address("url", c.URL)
	if ews != nil && ews.Path == "/" {
		ews.Path = "/EWS/Exchange.asmx"
	}
	found := address("autodiscover_url", c.AutodiscoverURL)
	web := address("web_url", c.WebURL)
	var domains []string
	listed := len(c.Domains) > 0
	for _, d := range c.Domains {
		d = strings.ToLower(strings.Trim(strings.TrimSpace(d), "@."))
		if !domainName.MatchString(d) {
			wrong.Add("domains", "this is not a mail domain, such as example.com")
			continue
		}
		domains = append(domains, d)
	}
	c.Domains = domains
	switch {
	case c.URL == "" && !listed:
		wrong.Add("url", "the address of the service is needed, or the mail domains for which it is looked up")
	case c.URL != "" && (listed || c.AutodiscoverURL != ""):
		wrong.Add("domains", "nothing is looked up if there is an address")
	case c.URL == "" && c.Names == NamesSID:
		wrong.Add("names", "servers are looked up by address: with security identifiers the address of the service is needed")
	}
	if found == nil {
		c.AutodiscoverURL = ""
	}
	c.Account, c.Domain = strings.TrimSpace(c.Account), strings.TrimSpace(c.Domain)
	if before, after, ok := strings.Cut(c.Account, `\`); ok {
		if c.Domain == "" {
			c.Domain, c.Account = before, after
		} else {
			wrong.Add("account", "holds a domain, and there is a domain")
		}
	}
	if strings.Contains(c.Account, "@") && c.Domain != "" {
		wrong.Add("domain", "the account is a user principal name, which holds its domain")
	}
	if c.Auth == AuthOAuth {
		if c.Account != "" || c.Password != "" {
			wrong.Add("account", "with oauth there is a client and its secret in place of an account")
		}
		address("oauth.token_url", c.OAuth.TokenURL)
		if c.OAuth.TokenURL == "" {
			wrong.Add("oauth.token_url", "the address of the token service is needed")
		}
		if c.OAuth.ClientID == "" {
			wrong.Add("oauth.client_id", "the ID of the client is needed")
		}
		if c.OAuth.ClientSecret == "" {
			wrong.Add("oauth.client_secret", "the secret of the client is needed")
		}
	} else {
		if c.Account == "" {
			wrong.Add("account", "the account that reads is needed")
		}
		if c.Password == "" {
			wrong.Add("password", "the account that reads has no password")
		}
		if c.OAuth != (OAuth{}) {
			wrong.Add("oauth", "is for signing in by oauth")
		}
	}
	if c.Auth == AuthBasic && strings.Contains(c.Account, ":") {
		wrong.Add("account", "holds a colon, which basic cannot transmit")
	}
	if c.Kerberos.Realm = strings.TrimSpace(c.Kerberos.Realm); c.Auth == AuthKerberos && c.Kerberos.Realm == "" {
		c.Kerberos.Realm = strings.ToUpper(c.Domain)
		if _, after, ok := strings.Cut(c.Account, "@"); ok {
			c.Kerberos.Realm = strings.ToUpper(after)
		}
		if c.Kerberos.Realm == "" {
			wrong.Add("domain", "kerberos needs the domain of the account")
		}
	}
	for _, kdc := range c.Kerberos.KDCs {
		if !kdcName.MatchString(kdc) {
			wrong.Add("kerberos.kdcs", "this is not a server, such as dc1.example.com or 10.0.0.1:88")
		}
	}
	if c.Kerberos.Realm != "" && !domainName.MatchString(strings.ToLower(c.Kerberos.Realm)) {
		wrong.Add("kerberos.realm", "this is not a realm, such as EXAMPLE.COM")
	}
	within := func(field string, value *int, most, otherwise int) {
		if *value < 0 || *value > most {
			wrong.Add(field, "between 1 and %d, or nothing", most)
		}
		if *value == 0 {
			*value = otherwise
		}
	}
	within("limit", &c.Limit, 1000, 10)
	within("hanging", &c.Hanging, 1000, 3)
	span := func(field string, value *time.Duration, least, most, otherwise time.Duration) {
		if *value != 0 && (*value < least || *value > most) {
			wrong.Add(field, "between %v and %v, or nothing", least, most)
		}
		if *value == 0 {
			*value = otherwise
		}
	}
	span("timeout", &c.Timeout, 100*time.Millisecond, 10*time.Minute, 30*time.Second)
	span("interval", &c.Interval, 10*time.Millisecond, 12*time.Hour, time.Minute)
	if c.Client == nil {
		return nil, errors.New("exchange: there is no client to reach the server with")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	t := &c.timing
	defaults(&t.gather, 1500*time.Millisecond)
	defaults(&t.silence, 90*time.Second)
	defaults(&t.wait, time.Second)
	defaults(&t.most, 5*time.Minute)
	defaults(&t.reopen, 5*time.Second)
	defaults(&t.old, 12*time.Hour)
	defaults(&t.keep, 20*time.Minute)
	if t.minutes == 0 {
		t.minutes = 30
	}
	if t.entries == 0 {
		t.entries = 1000
	}
	s := &System{c: c, log: c.Log, hosts: map[string]*host{}, ways: map[string]way{}, places: map[string]*endpoint{}, boxes: map[string]*box{}, odd: map[string]bool{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.stop, s.cancel = context.WithCancelCause(context.Background())
	if web != nil {
		s.web = strings.TrimSuffix(web.String(), "/") + "/"
	}
	if ews != nil {
		s.fixed = &endpoint{url: ews, web: s.web}
	}
	s.signer = newSigner(c)
	return s, nil
}

func defaults(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

var (
	domainName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$`)
	kdcName    = regexp.MustCompile(`^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$`)
	sidForm    = regexp.MustCompile(`^S-1(-[0-9]{1,15}){2,16}$`)
)

// errClosed is why calls end that are under way at Close.
var errClosed = errors.New("exchange: the system is closed")

// Close ends what is under way, Watch too, and closes the connections. It does not wait for Watch to return.
func (s *System) Close() {
	s.cancel(errClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hosts {
		h.closeIdle()
	}
	if c, ok := s.signer.(interface{ close() }); ok {
		c.close()
	}
}

// mailbox checks a mailbox's name and returns what it is known by, whatever way it is written.
func (s *System) mailbox(name string) (string, error) {
	bad := func(text string) (string, error) {
		return "", &source.Error{Kind: source.BadAddress, Text: text}
	}
	switch name = strings.TrimSpace(name); {
	case name == "":
		return bad("There is no mailbox to read: the e-mail address is missing.")
	case len(name) > 320 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return bad("The name of the mailbox is too long, or holds what no name does.")
	case s.c.Names == NamesSID && !sidForm.MatchString(name):
		return bad("The mailbox is not named by a security identifier, such as S-1-5-21-1-2-3-1001.")
	case s.c.Names != NamesSID && !strings.Contains(strings.Trim(name, "@"), "@"):
		return bad("The mailbox is not named by an address, such as anna@example.com.")
	}
	return strings.ToLower(name), nil
}

// unknownWord logs a word of the server that is not known, once.
func (s *System) unknownWord(of, word string) {
	if len(word) > 64 {
		word = word[:64]
	}
	s.mu.Lock()
	known := s.odd[of+word] || len(s.odd) > 100
	s.odd[of+word] = true
	s.mu.Unlock()
	if !known {
		s.log.Warn("exchange says something unknown", "field", of, "word", word)
	}
}
