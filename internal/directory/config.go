package directory

import (
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/go-ldap/ldap/v3"
)

// Kind says which sort of server a directory is: names of attributes, the form of identifiers and the way to nested
// groups depend on it.
type Kind uint8

const (
	KindAuto            Kind = iota // as the server says itself (root DSE)
	KindOpenLDAP                    // OpenLDAP, and others that follow the RFCs
	KindActiveDirectory             // also Samba
)

func (k Kind) String() string {
	switch k {
	case KindOpenLDAP:
		return "OpenLDAP"
	case KindActiveDirectory:
		return "Active Directory"
	}
	return "auto"
}

// Config says how to reach one directory and how to read it. The zero value of what is not said to be required works.
type Config struct {
	// URLs are the servers of the directory, such as ldaps://dc1.example.com, tried in order. At least one is required.
	URLs []string
	// StartTLS encrypts connections to ldap:// addresses before anything else is sent.
	StartTLS bool
	// Plaintext allows ldap:// without StartTLS to a server on another computer: everybody's password then crosses
	// the network readable.
	Plaintext  bool
	Roots      *x509.CertPool // that certificates are checked against; nil: the system's
	ServerName string         // name in the certificate, if another than the host's
	// BindDN is the account that reads: a DN, user@domain or DOMAIN\user. Empty: nobody, for directories that
	// strangers may read.
	BindDN   string
	Password string
	Base     string // required: people are searched here and below
	// Filter of people (RFC 4515). Empty: (objectClass=person), for Active Directory
	// (&(objectCategory=person)(objectClass=user)), which leaves out computers and contacts.
	Filter     string
	Kind       Kind
	Attributes Attributes
	GroupBase  string        // groups are searched here and below; empty: at Base
	PageSize   int           // people in an answer; zero: 500. Active Directory never sends more than 1,000
	Timeout    time.Duration // of each call; zero: 10 s
	// SkipReferrals makes a listing count as complete although the server referred to others for parts of the base:
	// child domains of Active Directory, say, which are directories of their own.
	SkipReferrals bool
}

// LogValue keeps the password out of logs.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("urls", c.URLs), slog.String("bind_dn", c.BindDN), slog.String("base", c.Base))
}

// String and GoString too.
func (c Config) String() string   { return "directory at " + strings.Join(c.URLs, ", ") }
func (c Config) GoString() string { return c.String() }

// Attributes are the names of the attributes that a person is read from. Empty ones are those of the kind, given as
// OpenLDAP / Active Directory.
type Attributes struct {
	ID           string   // entryUUID / objectGUID
	Login        string   // uid / sAMAccountName
	UPN          string   // not read / userPrincipalName; whatever it names may be used to sign in
	Name         string   // displayName, and cn where there is none
	Email        string   // mail
	WorkNumber   string   // telephoneNumber
	MobileNumber string   // mobile
	HomeNumber   string   // homePhone
	Language     string   // preferredLanguage
	Further      []string // go to Entry.Attributes
}

// fill returns a with the defaults of a kind.
func (a Attributes) fill(k Kind) Attributes {
	standard := Attributes{ID: "entryUUID", Login: "uid"}
	if k == KindActiveDirectory {
		standard = Attributes{ID: "objectGUID", Login: "sAMAccountName", UPN: "userPrincipalName"}
	}
	set := func(name *string, to string) {
		if *name == "" {
			*name = to
		}
	}
	set(&a.ID, standard.ID)
	set(&a.Login, standard.Login)
	set(&a.UPN, standard.UPN)
	set(&a.Name, "displayName")
	set(&a.Email, "mail")
	set(&a.WorkNumber, "telephoneNumber")
	set(&a.MobileNumber, "mobile")
	set(&a.HomeNumber, "homePhone")
	set(&a.Language, "preferredLanguage")
	return a
}

// names are the attributes in use, each with what it is called in a configuration.
func (a Attributes) names() []struct{ field, name string } {
	all := []struct{ field, name string }{
		{"id", a.ID}, {"login", a.Login}, {"upn", a.UPN}, {"name", a.Name}, {"email", a.Email}, {"work_number", a.WorkNumber},
		{"mobile_number", a.MobileNumber}, {"home_number", a.HomeNumber}, {"language", a.Language},
	}
	for _, name := range a.Further {
		all = append(all, struct{ field, name string }{"further", name})
	}
	return slices.DeleteFunc(all, func(f struct{ field, name string }) bool { return f.name == "" && f.field != "further" })
}

// attributeName is a short name or a numeric identifier (RFC 4512 §2.5), without options.
var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)$`)

const (
	defaultPage    = 500
	defaultTimeout = 10 * time.Second
	maxPage        = 10_000
)

// New returns the directory that c describes, without reaching for it. What is wrong with c is told as fault.Fields.
func New(c Config) (*Directory, error) {
	var wrong fault.Fields
	c.URLs = slices.Clone(c.URLs)
	c.Attributes.Further = slices.Clone(c.Attributes.Further)
	var servers []server
	for _, s := range c.URLs {
		servers = append(servers, parseServer(s, c, &wrong))
	}
	if len(c.URLs) == 0 {
		wrong.Add("urls", "at least one address is needed, such as ldaps://ldap.example.com")
	}
	switch {
	case c.BindDN == "" && c.Password != "":
		wrong.Add("bind_dn", "there is a password, but no account it belongs to")
	case c.BindDN != "" && c.Password == "":
		// RFC 4513 §5.1.2: the server would take it for a stranger and say yes.
		wrong.Add("password", "the account that reads has no password")
	}
	if strings.TrimSpace(c.Base) == "" {
		wrong.Add("base", "the place where people are searched is needed, such as dc=example,dc=com")
	} else if _, err := ldap.ParseDN(c.Base); err != nil {
		wrong.Add("base", "this is not a distinguished name, such as dc=example,dc=com")
	}
	if _, err := ldap.ParseDN(c.GroupBase); err != nil {
		wrong.Add("group_base", "this is not a distinguished name, such as ou=groups,dc=example,dc=com")
	}
	if c.Filter != "" {
		if _, err := ldap.CompileFilter(c.Filter); err != nil {
			wrong.Add("filter", "this is not a filter, such as (objectClass=person)")
		}
	}
	if c.Kind > KindActiveDirectory {
		wrong.Add("kind", "this kind of directory is not known")
	}
	for _, a := range c.Attributes.names() {
		if !attributeName.MatchString(a.name) {
			wrong.Add("attributes."+a.field, "%q is not the name of an attribute", a.name)
		}
	}
	switch {
	case c.PageSize < 0 || c.PageSize > maxPage:
		wrong.Add("page_size", "between 1 and %d, or nothing", maxPage)
	case c.PageSize == 0:
		c.PageSize = defaultPage
	}
	switch {
	case c.Timeout < 0:
		wrong.Add("timeout", "a time cannot be negative")
	case c.Timeout == 0:
		c.Timeout = defaultTimeout
	}
	if c.GroupBase == "" {
		c.GroupBase = c.Base
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return &Directory{config: c, servers: servers}, nil
}

// server is one address of the directory.
type server struct {
	url  string // without anything but scheme, host and port
	host string
	port string
	tls  bool // from the first byte on (ldaps)
}

func parseServer(s string, c Config, wrong *fault.Fields) server {
	u, err := url.Parse(strings.TrimSpace(s))
	// What was typed is not repeated: it may hold a password.
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps":
		wrong.Add("urls", "an address looks like ldaps://ldap.example.com or ldap://ldap.example.com:389")
		return server{}
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		wrong.Add("urls", "an address ends after host and port: account and base are fields of their own")
		return server{}
	}
	v := server{host: u.Hostname(), port: u.Port(), tls: u.Scheme == "ldaps"}
	if v.port == "" {
		v.port = map[bool]string{false: "389", true: "636"}[v.tls]
	}
	v.url = u.Scheme + "://" + net.JoinHostPort(v.host, v.port)
	if !v.tls && !c.StartTLS && !c.Plaintext && !v.own() {
		wrong.Add("start_tls", "passwords would cross the network readable: use ldaps:// or StartTLS, or allow it expressly")
	}
	return v
}

// own reports whether the address is of this computer.
func (v server) own() bool {
	a, err := netip.ParseAddr(v.host)
	return strings.EqualFold(v.host, "localhost") || err == nil && a.Unmap().IsLoopback()
}
