// Package sipline follows the lines of any telephone system that speaks SIP, by subscriptions to the dialog event package (RFC 4235,
// RFC 6665): what busy lamps on desk telephones do. A System is one such telephone system, which is asked with one account about all lines.
//
// There is a subscription for each line, kept by a goroutine of its own. All of them share one way to the system, a socket or a connection, whose
// end is the end of what is said of any line, and one budget of requests. That the system is there is proved by answers only: a line is told again
// when an answer came, so that nothing is told after the system fell silent, and what was told ends by its lease. A line with calls is told
// again only when its own subscription brought word, as the subscription may be gone although the system answers: it was restarted, say.
//
// It does not forward: whoever sends calls to a SIP redirect server is served by another package.
package sipline

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

// Config is one telephone system. Server is required.
type Config struct {
	// Server is the host of the telephone system, with a port or without: then SRV records are asked for (RFC 3263), and if there are none, it
	// is the transport's usual one.
	Server    string
	Transport sipua.Transport // empty: udp

	Domain   string // of the lines' addresses, sip:302@domain; empty: the host of Server
	Username string // of the account that may subscribe; empty: none is asked for
	AuthName string // with which it proves itself, where that is another name; empty: Username
	Password string

	// Numbers are how numbers of the office begin, up to the extension: "+49 30 1234". A line that is entered with one of them is asked for by what
	// follows, and another party whose number begins so is internal.
	Numbers []string
	// Internal are patterns of further numbers that are internal: x is any digit, * at the end anything.
	Internal []string
	// InternalDigits is up to how many digits a number is internal that begins with neither 0 nor +. Zero: 5; below: none.
	InternalDigits int

	// Expires is how long a subscription lasts, as far as the system agrees. It is renewed when half to four fifths of it are over. Zero: ten minutes.
	Expires time.Duration
	// Rate is how many requests are sent within a second, when many are due: after a start, or when the system was away. A line with calls takes one a
	// minute, so 20 are enough for 1,000 calls at a time. Zero: 20.
	Rate int

	RootCAs    *x509.CertPool // nil: those of this computer
	ServerName string         // to which the certificate is made out; empty: the host of Server

	// Reach returns why an address of the system may not be reached. Nil: all may but the metadata services of data centres, and those that stand
	// for many computers or none.
	Reach func(netip.Addr) error
	// Dial and ListenPacket are in place of the network, for tests in memory: see sipua.Config.
	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	ListenPacket func(remote netip.AddrPort) (net.PacketConn, error)

	Log *slog.Logger // nil: slog.Default
}

const (
	defaultExpires = 10 * time.Minute
	defaultRate    = 20
	defaultDigits  = 5
	shortest       = time.Minute // that may be asked for
	longest        = 24 * time.Hour
)

// System implements telephony.System. It is followed by one Watch at a time.
type System struct {
	c      Config
	host   string
	port   uint16 // zero: to be looked up
	domain sip.Uri
	login  *sipua.Login
	log    *slog.Logger

	mu     sync.Mutex // guards what follows
	follow map[string]struct{}
	now    *watch // nil: nobody watches
}

var (
	_ telephony.System   = (*System)(nil)
	_ telephony.Reporter = (*System)(nil)
)

// New returns a system, or an Invalid fault.Error that names the fields of Config that are wrong, as the configuration spells them: server,
// transport, domain, username, auth_name, password, numbers, internal, internal_digits, expires, rate, server_name. It asks nobody anything yet.
func New(c Config) (*System, error) {
	var bad fault.Fields
	s := &System{follow: map[string]struct{}{}, log: c.Log}
	c.Server, c.Domain = strings.TrimSpace(c.Server), strings.TrimSpace(c.Domain)
	c.Username, c.AuthName = strings.TrimSpace(c.Username), strings.TrimSpace(c.AuthName)
	var why string
	if s.host, s.port, why = splitHost(c.Server); why != "" {
		bad.Add("server", "%s", why)
	}
	switch c.Transport {
	case "":
		c.Transport = sipua.UDP
	case sipua.UDP, sipua.TCP, sipua.TLS:
	default:
		bad.Add("transport", "must be udp, tcp or tls")
	}
	if c.Domain == "" {
		c.Domain = hostOf(s.host)
	}
	domain, port, why := splitHost(c.Domain)
	if why != "" && c.Server != "" {
		bad.Add("domain", "%s", why)
	}
	s.domain = sip.Uri{Scheme: "sip", Host: hostOf(domain), Port: int(port)}
	text := func(field, value, what string) {
		if strings.ContainsFunc(value, unicode.IsControl) || len(value) > 200 {
			bad.Add(field, "is no %s", what)
		}
	}
	text("username", c.Username, "user name")
	text("auth_name", c.AuthName, "user name")
	text("password", c.Password, "password")
	if c.Username == "" && (c.Password != "" || c.AuthName != "") {
		bad.Add("username", "must not be empty if there is a password")
	}
	c.Numbers, c.Internal = slices.Clone(c.Numbers), slices.Clone(c.Internal)
	for i, n := range c.Numbers {
		p, ok := number(n)
		if !ok {
			bad.Add("numbers", "%q is not how a number begins: such as +49 30 1234", n)
		}
		c.Numbers[i] = p
	}
	slices.SortFunc(c.Numbers, func(a, b string) int { return len(b) - len(a) }) // the longest first
	for i, p := range c.Internal {
		p = strings.ReplaceAll(strings.TrimSpace(p), " ", "")
		rest := strings.TrimSuffix(p, "*")
		if _, ok := number(strings.NewReplacer("x", "0", "X", "0").Replace(rest)); !ok || len(p) > 30 {
			bad.Add("internal", "%q is no pattern: digits, x for any digit, * at the end for anything", c.Internal[i])
		}
		c.Internal[i] = p
	}
	switch {
	case c.InternalDigits == 0:
		c.InternalDigits = defaultDigits
	case c.InternalDigits > 15:
		bad.Add("internal_digits", "must not be above 15: no number has more digits")
	}
	switch {
	case c.Expires == 0:
		c.Expires = defaultExpires
	case c.Expires < shortest || c.Expires > longest:
		bad.Add("expires", "must be from a minute to a day")
	}
	switch {
	case c.Rate == 0:
		c.Rate = defaultRate
	case c.Rate < 0 || c.Rate > 1000:
		bad.Add("rate", "must be from 1 to 1000 requests a second")
	}
	if c.ServerName == "" {
		c.ServerName = s.host
	} else if _, _, why := splitHost(c.ServerName); why != "" {
		bad.Add("server_name", "%s", why)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if c.Reach == nil {
		c.Reach = reachable
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	name := c.AuthName
	if name == "" {
		name = c.Username
	}
	s.c, s.login = c, sipua.NewLogin(name, c.Password)
	return s, nil
}

// splitHost reads host or host:port. An IPv6 address may stand in brackets.
func splitHost(s string) (host string, port uint16, why string) {
	if s == "" {
		return "", 0, "must not be empty"
	}
	host = s
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if a, err := netip.ParseAddr(bare); err == nil {
		return a.String(), 0, ""
	}
	if h, p, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, "has a port that is none: it must be from 1 to 65535"
		}
		host, port = h, uint16(n)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String(), port, ""
	}
	if len(host) > 253 || host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' && r != '_'
	}) {
		return "", 0, "must be a name or an address, with a port if it is not the usual one: pbx.example.com:5060"
	}
	return strings.ToLower(host), port, ""
}

// hostOf writes a host as a SIP URI has it.
func hostOf(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		return sipua.HostOf(a)
	}
	return host
}

// metadata are the addresses at which data centres hand out credentials to whoever asks from inside.
var metadata = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("fd00:ec2::254")}

// reachable is the rule for addresses that administrators enter: the telephone system may stand in the office's network, and on this computer.
func reachable(a netip.Addr) error {
	if slices.Contains(metadata, a.Unmap()) {
		return fault.New(fault.Forbidden, "the address %s is the metadata service of a data centre", a)
	}
	return sipua.Unicast(a)
}

// Extension implements telephony.Namer.
func (s *System) Extension(number string) string {
	user, _ := s.c.user(number)
	return user
}

// Can implements telephony.System.
func (s *System) Can() telephony.Abilities { return telephony.Abilities{Lines: true} }

// Close implements telephony.System.
func (s *System) Close() {}

// Forwarding implements telephony.System: it is not told.
func (s *System) Forwarding(context.Context, string) (telephony.Forwarding, error) {
	return telephony.Forwarding{}, notHere()
}

// SetForwarding implements telephony.System: nothing can be set.
func (s *System) SetForwarding(context.Context, string, telephony.Forwarding) error { return notHere() }

func notHere() *source.Error {
	return &source.Error{Kind: source.Other, Whole: true, Text: "The subscriptions of SIP tell what a line does; they cannot forward it."}
}

// Follow implements telephony.System.
func (s *System) Follow(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.follow)
	for _, l := range lines {
		s.follow[l] = struct{}{}
	}
	if s.now != nil {
		s.now.follow(s.follow)
	}
}

// address returns the URI of a line, and whether it has one.
func (s *System) address(line string) (sip.Uri, bool) {
	user, host := s.c.user(line)
	if user == "" || strings.ContainsFunc(user, unicode.IsSpace) {
		return sip.Uri{}, false
	}
	u := s.domain
	u.User = sipua.Escape(user)
	if host != s.c.Domain {
		h, port, why := splitHost(host)
		if why != "" {
			return sip.Uri{}, false
		}
		u.Host, u.Port = hostOf(h), int(port)
	}
	return u, true
}

// account is the address of whoever subscribes.
func (s *System) account() sip.Uri {
	u := s.domain
	u.User = "doorlight"
	if s.c.Username != "" {
		user, host := userOf(s.c.Username)
		u.User = sipua.Escape(user)
		if h, port, why := splitHost(host); why == "" {
			u.Host, u.Port = hostOf(h), int(port)
		}
	}
	return u
}
