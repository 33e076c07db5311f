package connector

import (
	"crypto/x509"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source/domino"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Domino are the settings of an HCL Domino server whose calendar service is read (C1).
type Domino struct {
	URL          string `json:"url" minLength:"1" maxLength:"1000" doc:"Of the server, such as https://mail.example.com."`
	Account      string `json:"account" minLength:"1" maxLength:"255" doc:"A technical user with an Internet password, which is the secret of the connector, and reader access to the mail files."`
	MailFile     string `json:"mail_file" minLength:"1" maxLength:"500" doc:"Where somebody's mail file is, such as mail/{local}.nsf: {local} is their e-mail address up to the @, {email} the whole of it, {login} their login here."`
	Certificates string `json:"certificates,omitempty" maxLength:"100000" doc:"PEM: whom to trust. Absent: the authorities of the server's system."`
	Plaintext    bool   `json:"plaintext,omitempty" doc:"Allow an address that is not encrypted. The password and calendars can be read on the way then."`
	Limit        int    `json:"limit,omitempty" minimum:"0" maximum:"100" doc:"Requests at the same time. 0: 10."`
}

func (d *Domino) check(*office.Office, *fault.Fields) {}

func (d *Domino) sameWay(as *Settings) bool {
	other := as.Domino
	return d.URL == other.URL && d.Certificates == other.Certificates && d.Plaintext == other.Plaintext
}

// mailbox is by what somebody's mail file is found.
func (d *Domino) mailbox(p *office.Person) string {
	if strings.Contains(d.MailFile, "{login}") {
		return strings.TrimSpace(p.Login)
	}
	return mailbox(p)
}

// open makes the system that the settings describe.
func (d *Domino) open(password string, log *slog.Logger) (system, error) {
	out := outbound.Config{
		AllowPrivate: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, MaxRedirects: -1,
	}
	if d.Certificates != "" {
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM([]byte(d.Certificates)) {
			return nil, fault.Bad("domino.certificates", "holds no certificate in PEM form")
		}
	}
	s, err := domino.New(domino.Config{
		URL: d.URL, AllowHTTP: d.Plaintext, Username: d.Account, Password: password, MailFile: d.MailFile, Limit: d.Limit, HTTP: outbound.NewClient(out), Log: log,
	})
	if err != nil {
		return nil, renamed(err, "domino.", map[string]string{"password": "secret", "username": "domino.account"})
	}
	return s, nil
}
