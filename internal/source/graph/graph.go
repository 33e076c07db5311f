// Package graph reads the calendars of Microsoft 365, and reads and writes presence in Microsoft Teams, through Microsoft Graph v1.0. A System is one application that is
// registered with a directory of Entra ID. With application permission it reads the mailboxes that the directory allows
// it; with a refresh token in place of a password it reads the calendar of whoever signed in. Recurrence is expanded by
// the service. Where the service can reach this server it tells of changes, which are taken as a hint to read again; all
// other calendars are polled.
//
// A System obeys what the service says about waiting, exactly, and keeps its questions to what the service allows: see
// package gate. Who the mailboxes belong to and when they are read is up to the caller.
package graph

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Cloud names one of Microsoft's separate clouds. The zero value is the one for everybody.
type Cloud string

// https://learn.microsoft.com/graph/deployments and entra/identity-platform/authentication-national-cloud.
const (
	Global   Cloud = "global"
	USGov    Cloud = "us_gov"     // GCC High
	USGovDoD Cloud = "us_gov_dod" // Department of Defense
	China    Cloud = "china"      // operated by 21Vianet
	Custom   Cloud = "custom"     // Config.LoginURL and Config.GraphURL say where
)

var clouds = map[Cloud]struct{ login, graph string }{
	Global:   {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
	USGov:    {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
	USGovDoD: {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	China:    {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

// Config is one application. Tenant, ClientID and one of Secret and Certificate are required.
type Config struct {
	// Tenant is the directory (tenant) ID. "organizations" and "common" will do for calendars of people who sign in
	// themselves: they may then be of any directory.
	Tenant   string
	ClientID string // application (client) ID

	Secret string // the value of a client secret
	// Certificate holds, as PEM, a certificate that is registered with the application, and its private key: RSA, not
	// encrypted. The order does not matter.
	Certificate []byte

	Cloud    Cloud  // empty: Global
	LoginURL string // of Entra ID, with Custom only: https, or http on this computer
	GraphURL string // of Microsoft Graph, without a version; likewise

	// NotifyURL is the public https address under which the service reaches Notify. It must belong to this System
	// alone: subscriptions of an earlier run are known by it, and deleted. Empty: there are no change notifications,
	// all calendars are polled.
	NotifyURL string

	// PresenceReads and PresenceWrites are how often presence may be read and written in 30 seconds, by this System. Another
	// server that uses the same application needs its share. Zero: what Microsoft allows an application in all, 1,500 and 8,000
	// (of 10,000 for presence as a whole).
	PresenceReads, PresenceWrites int

	// HTTP should follow no redirects: the services send none, and what is posted are secrets. Nil: one of this
	// System's own, which reaches the public internet only.
	HTTP *outbound.Client
	Log  *slog.Logger // nil: slog.Default

	timing timing // for tests
}

// timing is how long things take. Zero values mean what withDefaults says.
type timing struct {
	gather    time.Duration // how long to wait for more mailboxes to ask for in one request
	batch     time.Duration // how long such a request may take; then each is asked for alone
	pace      time.Duration // between two batches of calls about subscriptions
	lifetime  time.Duration // of a subscription
	backoff   gate.Backoff
	polled    time.Duration // Result.Every of a mailbox that nobody tells about
	watched   time.Duration // and of one with a subscription
	fresh     time.Duration // how long a token that the service does not take is not replaced, after it was granted
	page      int           // appointments asked for at a time
	relist    time.Duration // when to look for subscriptions, after the making of one was not heard of
	following time.Duration // how long a subscription to presence lasts
	refollow  time.Duration // how long it is not replaced by one to others
	rotate    time.Duration // how long a key for notifications with content is used
	keyBits   int           // of such a key
	farewell  time.Duration // how long Watch may take to delete subscriptions at its end
}

func (t timing) withDefaults() timing {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&t.gather, 5*time.Millisecond)
	set(&t.batch, 15*time.Second)
	set(&t.pace, 500*time.Millisecond) // of 20 calls: 800 in 20 s, where 1,000 are allowed (Graph throttling limits, subscriptions)
	set(&t.lifetime, 3*24*time.Hour)   // of at most 10,080 minutes; what a lost server leaves behind is gone in three days
	set(&t.backoff.First, time.Second)
	set(&t.backoff.Most, 5*time.Minute)
	set(&t.polled, 5*time.Minute)
	set(&t.watched, time.Hour)
	set(&t.fresh, 5*time.Second)
	set(&t.relist, 5*time.Minute)
	set(&t.following, 55*time.Minute) // of at most 60: clocks differ
	set(&t.refollow, time.Minute)
	set(&t.rotate, contentKeyLife)
	set(&t.farewell, 3*time.Second)
	if t.keyBits == 0 {
		t.keyBits = contentKeyBits
	}
	if t.page == 0 {
		t.page = 250
	}
	return t
}

// System implements source.System. Close it when done with it.
type System struct {
	c          Config
	login      *url.URL // without a path
	graph      *url.URL // with /v1.0
	key        *rsa.PrivateKey
	cert       *x509.Certificate
	http       *outbound.Client
	owned      bool // http is closed with the System
	log        *slog.Logger
	t          timing
	life       context.Context // ends with Close; what several callers wait for is done with it
	end        context.CancelFunc
	background sync.WaitGroup

	app   appToken
	users userTokens
	gate  *budget // calendars
	boxes *gate.Boxes[*box]
	batch gatherer
	subs  subscriptions

	teams teams
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// New returns a system, or an Invalid fault.Error that names the fields of Config that are wrong, as the
// configuration spells them: tenant, client_id, secret, certificate, cloud, login_url, graph_url, notify_url. It asks the
// service nothing yet.
func New(c Config) (*System, error) {
	var bad fault.Fields
	s := &System{t: c.timing.withDefaults(), log: c.Log, http: c.HTTP}
	c.Tenant, c.ClientID = strings.ToLower(strings.TrimSpace(c.Tenant)), strings.ToLower(strings.TrimSpace(c.ClientID))
	c.Secret = strings.TrimSpace(c.Secret)
	switch {
	case c.Tenant == "":
		bad.Add("tenant", "must not be empty: it is the directory (tenant) ID on the overview page of the app registration")
	case c.Tenant != "organizations" && c.Tenant != "common" && !guid.MatchString(c.Tenant):
		bad.Add("tenant", "is no directory ID, which looks like 84bd8158-6d4d-4958-8b9f-9d6445542f95")
	}
	switch {
	case c.ClientID == "":
		bad.Add("client_id", "must not be empty: it is the application (client) ID on the overview page of the app registration")
	case !guid.MatchString(c.ClientID):
		bad.Add("client_id", "is no application ID, which looks like 84bd8158-6d4d-4958-8b9f-9d6445542f95")
	}
	switch {
	case c.Secret != "" && len(c.Certificate) > 0:
		bad.Add("secret", "must be empty if there is a certificate")
	case c.Secret == "" && len(c.Certificate) == 0:
		bad.Add("secret", "must not be empty unless there is a certificate")
	case guid.MatchString(c.Secret):
		bad.Add("secret", "is the ID of a secret; what is needed is its value, which the portal shows once, when the secret is made")
	case len(c.Certificate) > 0:
		var why string
		if s.cert, s.key, why = parseCertificate(c.Certificate); why != "" {
			bad.Add("certificate", "%s", why)
		}
	}
	if c.Cloud == "" {
		c.Cloud = Global
	}
	switch addresses, known := clouds[c.Cloud]; {
	case known && (c.LoginURL != "" || c.GraphURL != ""):
		bad.Add("cloud", "must be custom if addresses are given")
	case !known && c.Cloud != Custom:
		bad.Add("cloud", "%q is not one of global, us_gov, us_gov_dod, china, custom", string(c.Cloud))
	default:
		if known {
			c.LoginURL, c.GraphURL = addresses.login, addresses.graph
		}
		var why string
		if s.login, why = parseAddress(c.LoginURL); why != "" {
			bad.Add("login_url", "%s", why)
		}
		if s.graph, why = parseAddress(c.GraphURL); why != "" {
			bad.Add("graph_url", "%s", why)
		}
	}
	if c.NotifyURL = strings.TrimSpace(c.NotifyURL); c.NotifyURL != "" {
		u, err := url.Parse(c.NotifyURL)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
			bad.Add("notify_url", "is no address such as https://presence.example.com/hooks/graph")
		case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
			bad.Add("notify_url", "must begin with https://: the service sends notifications nowhere else")
		case len(c.NotifyURL) > 1000:
			bad.Add("notify_url", "is too long")
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.http == nil {
		s.http, s.owned = outbound.NewClient(outbound.Config{MaxRedirects: -1}), true
	}
	c.LoginURL, c.GraphURL = strings.TrimSuffix(s.login.String(), "/"), strings.TrimSuffix(s.graph.String(), "/")
	s.c = c
	s.graph = s.graph.JoinPath("v1.0")
	s.life, s.end = context.WithCancel(context.Background())
	s.app.turn, s.app.gate = make(chan struct{}, 1), gate.New(gate.Config{Backoff: s.t.backoff})
	s.users.gate = gate.New(gate.Config{Backoff: s.t.backoff})
	s.gate = s.newBudget(inFlight, nil, "Microsoft 365 has a problem with its mailboxes at the moment.",
		"Microsoft 365 answers so slowly that this calendar's turn did not come.")
	s.boxes = gate.NewBoxes(newBox)
	s.subs.init()
	s.teams.init(s)
	return s, nil
}

// parseAddress says what is wrong with the address of a service that is given secrets.
func parseAddress(text string) (*url.URL, string) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case strings.TrimSpace(text) == "":
		return nil, "must not be empty if the cloud is custom"
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
		return nil, "is no address such as https://graph.example.com"
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" // JoinPath wants one
		return u, ""
	}
	return nil, "must begin with https://"
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
}

// Expires returns when the certificate ends. It is zero if there is none: when a secret ends is known to the directory
// only; see Check.
func (s *System) Expires() time.Time {
	if s.cert == nil {
		return time.Time{}
	}
	return s.cert.NotAfter
}

// Close gives up what is under way and waits for it. Watch is to be ended before.
func (s *System) Close() {
	s.batch.mu.Lock()
	s.batch.closed = true
	s.batch.mu.Unlock()
	s.end()
	s.background.Wait()
	if s.owned {
		s.http.CloseIdleConnections()
	}
}
