package connector

import (
	"crypto/x509"
	"errors"
	"slices"

	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/provision"
)

// LDAP are the settings of a directory.
type LDAP struct {
	URLs          []string          `json:"urls" minItems:"1" maxItems:"10" doc:"Servers, such as ldaps://dc1.example.com, tried in order."`
	StartTLS      bool              `json:"start_tls,omitempty" doc:"Encrypt connections to ldap:// addresses."`
	Plaintext     bool              `json:"plaintext,omitempty" doc:"Allow connections that are not encrypted. Passwords cross the network readable then."`
	Certificates  string            `json:"certificates,omitempty" maxLength:"100000" doc:"PEM: whom to trust. Absent: the authorities of the server's system."`
	ServerName    string            `json:"server_name,omitempty" maxLength:"253" doc:"Name in the certificate, if it is not that of the address."`
	BindDN        string            `json:"bind_dn,omitempty" maxLength:"1000" doc:"The account that reads. Its password is the secret of the connector."`
	Base          string            `json:"base" minLength:"1" maxLength:"1000" doc:"People are searched here and below."`
	Filter        string            `json:"filter,omitempty" maxLength:"4000" doc:"Of people (RFC 4515). Absent: all people."`
	Server        string            `json:"server,omitempty" enum:"auto,openldap,active_directory" default:"auto"`
	GroupBase     string            `json:"group_base,omitempty" maxLength:"1000"`
	Attributes    map[string]string `json:"attributes,omitempty" doc:"Names of attributes, by id, login, upn, name, email, work_number, mobile_number, home_number. Absent: the usual ones."`
	SkipReferrals bool              `json:"skip_referrals,omitempty" doc:"Parts of the base that are on other servers are left out."`
	Places        []provision.Place `json:"places" minItems:"1" maxItems:"500" doc:"Where people belong; the first that fits counts. Who fits none is refused."`
	EveryMinutes  int               `json:"every_minutes,omitempty" minimum:"0" maximum:"10080" doc:"It is read so often. 0: only when asked."`
	SignIn        bool              `json:"sign_in,omitempty" doc:"Its people sign in with their password of the directory."`
}

var servers = map[string]directory.Kind{
	"": directory.KindAuto, "auto": directory.KindAuto, "openldap": directory.KindOpenLDAP, "active_directory": directory.KindActiveDirectory,
}

// open makes the directory that the settings describe.
func (l *LDAP) open(password string) (*directory.Directory, error) {
	c := directory.Config{
		URLs: l.URLs, StartTLS: l.StartTLS, Plaintext: l.Plaintext, ServerName: l.ServerName, BindDN: l.BindDN, Password: password, Base: l.Base,
		Filter: l.Filter, Kind: servers[l.Server], GroupBase: l.GroupBase, SkipReferrals: l.SkipReferrals,
	}
	for name, to := range l.attributes(&c.Attributes) {
		*to = l.Attributes[name]
	}
	if l.Certificates != "" {
		c.Roots = x509.NewCertPool()
		if !c.Roots.AppendCertsFromPEM([]byte(l.Certificates)) {
			return nil, fault.Bad("ldap.certificates", "holds no certificate in PEM form")
		}
	}
	d, err := directory.New(c)
	var told *fault.Error
	if errors.As(err, &told) {
		var bad fault.Fields
		for _, f := range told.Fields {
			at := "ldap." + f.Path
			if f.Path == "password" {
				at = "secret"
			}
			bad.Add(at, "%s", f.Message)
		}
		return nil, bad.Err()
	}
	return d, err
}

func (l *LDAP) sameWay(as *Settings) bool {
	other := as.LDAP
	return slices.Equal(l.URLs, other.URLs) && l.StartTLS == other.StartTLS && l.Plaintext == other.Plaintext &&
		l.Certificates == other.Certificates && l.ServerName == other.ServerName
}

func (l *LDAP) attributes(a *directory.Attributes) map[string]*string {
	return map[string]*string{
		"id": &a.ID, "login": &a.Login, "upn": &a.UPN, "name": &a.Name, "email": &a.Email, "work_number": &a.WorkNumber,
		"mobile_number": &a.MobileNumber, "home_number": &a.HomeNumber,
	}
}

func (l *LDAP) check(of *office.Office, bad *fault.Fields) {
	if _, ok := servers[l.Server]; !ok {
		bad.Add("ldap.server", "%q is none of auto, openldap, active_directory", l.Server)
	}
	known := l.attributes(&directory.Attributes{})
	for name := range l.Attributes {
		if known[name] == nil {
			bad.Add("ldap.attributes", "there is no field %q", name)
		}
	}
	checkPlaces("ldap.places", l.Places, of, bad)
}
