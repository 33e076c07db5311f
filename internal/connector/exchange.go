package connector

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source/exchange"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Exchange are the settings of an Exchange organisation on the premises (C6).
type Exchange struct {
	URL          string   `json:"url,omitempty" maxLength:"1000" doc:"Address of Exchange Web Services, such as https://mail.example.com/EWS/Exchange.asmx. Absent: it is looked up by Autodiscover for the mail domains."`
	Domains      []string `json:"domains,omitempty" maxItems:"100" doc:"Mail domains for which servers are looked up. The account's password goes to the servers that are found."`
	Autodiscover string   `json:"autodiscover,omitempty" maxLength:"1000" doc:"Address that is asked instead of autodiscover.DOMAIN and DOMAIN."`
	WebURL       string   `json:"web_url,omitempty" maxLength:"1000" doc:"Address of Outlook on the web, for links to appointments. Absent: what Autodiscover says, or /owa/ on the server."`
	Certificates string   `json:"certificates,omitempty" maxLength:"100000" doc:"PEM: whom to trust. Absent: the authorities of the server's system."`
	Plaintext    bool     `json:"plaintext,omitempty" doc:"Allow addresses that are not encrypted. Passwords and calendars can be read on the way then."`
	Auth         string   `json:"auth,omitempty" enum:"ntlm,kerberos,basic,oauth" default:"ntlm" doc:"How the account signs in."`
	Account      string   `json:"account,omitempty" maxLength:"255" doc:"The account that reads; its password is the secret of the connector. With oauth the client ID, and its secret."`
	Domain       string   `json:"domain,omitempty" maxLength:"255" doc:"Of the account, for ntlm and kerberos, unless its name tells."`
	Realm        string   `json:"realm,omitempty" maxLength:"255" doc:"Of kerberos. Absent: the domain, in capitals."`
	KDCs         []string `json:"kdcs,omitempty" maxItems:"20" doc:"Domain controllers, for kerberos. Absent: looked up in DNS."`
	SPN          string   `json:"spn,omitempty" maxLength:"500" doc:"Name of the service, for kerberos. Absent: HTTP/ and the server's name."`
	TokenURL     string   `json:"token_url,omitempty" maxLength:"1000" doc:"Of oauth."`
	Scope        string   `json:"scope,omitempty" maxLength:"1000" doc:"Of oauth."`
	Access       string   `json:"access,omitempty" enum:"impersonation,delegate" default:"impersonation" doc:"impersonation: the account has the role ApplicationImpersonation. delegate: it has rights on each calendar; Exchange tells of no changes then."`
	Names        string   `json:"names,omitempty" enum:"primary_smtp,smtp" default:"primary_smtp" doc:"Whether people's e-mail addresses here are the primary ones of their mailboxes, or any."`
	Notify       string   `json:"notify,omitempty" enum:"stream,pull,none" default:"stream" doc:"How changes are heard of. stream: connections that stay open. pull: a question now and then. none: every calendar is polled."`
	PullSeconds  int      `json:"pull_seconds,omitempty" minimum:"0" maximum:"3600" doc:"Between questions with pull. 0: 60."`
	Limit        int      `json:"limit,omitempty" minimum:"0" maximum:"100" doc:"Requests at the same time. 0: 10."`
}

func (x *Exchange) check(_ *office.Office, bad *fault.Fields) {
	if x.PullSeconds != 0 && (x.PullSeconds < 5 || x.PullSeconds > 3600) {
		bad.Add("exchange.pull_seconds", "must be 0, or from 5 to 3600")
	}
}

func (x *Exchange) sameWay(as *Settings) bool {
	other := as.Exchange
	return x.URL == other.URL && slices.Equal(x.Domains, other.Domains) && x.Autodiscover == other.Autodiscover && x.Plaintext == other.Plaintext &&
		x.Certificates == other.Certificates && x.Auth == other.Auth && x.TokenURL == other.TokenURL && x.Realm == other.Realm && slices.Equal(x.KDCs, other.KDCs)
}

// open makes the system that the settings describe.
func (x *Exchange) open(password string, log *slog.Logger) (system, error) {
	out := outbound.Config{
		AllowPrivate: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, MaxRedirects: -1,
	}
	if x.Certificates != "" {
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM([]byte(x.Certificates)) {
			return nil, fault.Bad("exchange.certificates", "holds no certificate in PEM form")
		}
	}
	c := exchange.Config{
		URL: x.URL, Domains: x.Domains, AutodiscoverURL: x.Autodiscover, WebURL: x.WebURL, Auth: x.Auth, Account: x.Account, Domain: x.Domain, Password: password,
		Kerberos: exchange.Kerberos{Realm: x.Realm, KDCs: x.KDCs, SPN: x.SPN}, Access: x.Access, Names: x.Names, Notify: x.Notify,
		Interval: time.Duration(x.PullSeconds) * time.Second, Limit: x.Limit, AllowPlain: x.Plaintext, Client: outbound.NewClient(out), Log: log,
	}
	if x.Auth == exchange.AuthOAuth {
		c.Account, c.Password, c.OAuth = "", "", exchange.OAuth{TokenURL: x.TokenURL, ClientID: x.Account, ClientSecret: password, Scope: x.Scope}
	}
	s, err := exchange.New(c)
	if err != nil {
		return nil, renamed(err, "exchange.", map[string]string{
			"password": "secret", "oauth.client_secret": "secret", "oauth.client_id": "exchange.account", "oauth.token_url": "exchange.token_url",
			"autodiscover_url": "exchange.autodiscover", "interval": "exchange.pull_seconds",
		})
	}
	return s, nil
}

// element is how some packages name one of a list.
var element = regexp.MustCompile(`\.(\d+)`)

// renamed gives the fields in an error the names under which administrators know them.
func renamed(err error, prefix string, names map[string]string) error {
	var told *fault.Error
	if !errors.As(err, &told) || len(told.Fields) == 0 {
		return err
	}
	var bad fault.Fields
	for _, f := range told.Fields {
		at, ok := names[f.Path]
		if !ok {
			at = prefix + element.ReplaceAllString(f.Path, "[$1]")
		}
		bad.Add(at, "%s", f.Message)
	}
	return bad.Err()
}
