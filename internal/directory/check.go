package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Step is one thing that has to work, for whoever sets a directory up.
type Step struct {
	Name   string // "name", "connection", "encryption", "account", "base", "people", "attributes", "groups" or "referrals"
	Server string // address, where it is about one of several; may be empty
	OK     bool
	Found  string // in words; of people, at most a few logins
	Remedy string // what to do; empty if OK
}

// Check tries everything that Each and SignIn need and tells each step. It goes through all servers, and on with the
// first one that works; what cannot be tried for want of an earlier step is left out. It does not try a person's password.
func (d *Directory) Check(ctx context.Context) []Step {
	var steps []Step
	var works *conn
	for _, v := range d.servers {
		s, c := d.checkServer(ctx, v)
		steps = append(steps, s...)
		switch {
		case c == nil:
		case works == nil:
			works = c
			defer c.close()
		default:
			c.close()
		}
	}
	if works == nil {
		return steps
	}
	k, err := d.kind(works)
	if err != nil {
		return append(steps, Step{Name: "base", Server: works.server.url, Found: "The server does not say what it is: " + words(err),
			Remedy: "Set the kind of directory."})
	}
	base := d.checkBase(works, k)
	if steps = append(steps, base); !base.OK {
		return steps
	}
	return append(steps, d.checkPeople(ctx, k)...)
}

// checkServer tries a server up to the account that reads; the connection is nil if something failed.
func (d *Directory) checkServer(ctx context.Context, v server) ([]Step, *conn) {
	var steps []Step
	step := func(name, found, remedy string) {
		steps = append(steps, Step{Name: name, Server: v.url, OK: remedy == "", Found: found, Remedy: remedy})
	}
	timed, cancel := context.WithTimeout(ctx, d.config.Timeout)
	addresses, err := net.DefaultResolver.LookupHost(timed, v.host)
	cancel()
	if err != nil {
		step("name", clip("The name "+v.host+" stands for no address: "+err.Error()),
			"Check the spelling, and that this computer asks the name servers that know the directory.")
		return steps, nil
	}
	step("name", clip(v.host+" is "+strings.Join(addresses, ", ")+"."), "")
	c, err := d.open(ctx, v)
	e, _ := errors.AsType[*dialError](err)
	if err != nil && (e == nil || e.at <= atConnection) {
		step("connection", "No connection to port "+v.port+": "+clip(err.Error()),
			"Check that the directory runs, the port (389 for ldap://, 636 for ldaps://), and firewalls in between.")
		return steps, nil
	}
	step("connection", "Port "+v.port+" answers.", "")
	if err != nil && e.at == atEncryption {
		found, remedy := certificate(e.err, v)
		step("encryption", found, remedy)
		return steps, nil
	}
	state := (*tls.ConnectionState)(nil)
	if c != nil {
		state = c.state
	} else {
		state = e.state
	}
	switch {
	case state != nil:
		step("encryption", chain(state), "")
	case v.own():
		step("encryption", "Not encrypted; the connection does not leave this computer.", "")
	default:
		step("encryption", "Not encrypted: passwords cross the network readable.", "Use ldaps:// or StartTLS.")
	}
	switch {
	case err != nil:
		found, remedy := account(e.err)
		step("account", found, remedy)
	case d.config.BindDN == "":
		step("account", "No account: the directory is read as a stranger.", "")
	default:
		step("account", "The account that reads may sign in.", "")
	}
	return steps, c
}

// chain says in words who proved to be who.
func chain(state *tls.ConnectionState) string {
	leaf := state.PeerCertificates[0]
	s := tls.VersionName(state.Version) + "; the certificate is for " + names(leaf)
	if len(state.VerifiedChains) > 0 {
		for _, c := range state.VerifiedChains[0][1:] {
			s += ", issued by " + subject(c)
		}
	}
	return clip(s + "; it is valid until " + leaf.NotAfter.UTC().Format(time.DateOnly) + ".")
}

// names are what a certificate is good for.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name at all"
	}
	return strings.Join(all, ", ")
}

func subject(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}

// certificate says in words why there is no encryption.
func certificate(err error, v server) (found, remedy string) {
	var issuer string
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		last := e.UnverifiedCertificates[len(e.UnverifiedCertificates)-1]
		issuer = last.Issuer.CommonName
		if issuer == "" {
			issuer = last.Issuer.String()
		}
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return clip("The certificate is for " + names(e.Certificate) + ", not for " + e.Host + "."),
			"Use a name of the certificate in the address, or give it as the server's name, or have a certificate made for this name."
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return clip("The certificate is valid from " + e.Cert.NotBefore.UTC().Format(time.DateOnly) + " to " + e.Cert.NotAfter.UTC().Format(time.DateOnly) + " only."),
			"Renew the certificate, and check the clock of this computer."
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return clip("The certificate was issued by " + issuer + ", which is not trusted here."),
			"Give the certificate of that authority, if it is yours, as trusted."
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "The server does not speak TLS on port " + v.port + ".", "Use ldap:// with StartTLS, or the port for ldaps:// (636)."
	}
	if errors.Is(err, ErrRefused) {
		return clip("The server offers no StartTLS: " + err.Error()), "Give the server a certificate, or use ldaps:// if it has one."
	}
	return clip("No encrypted connection: " + err.Error()), "Check that the server has a certificate and that the port fits: 636 for ldaps://, 389 for StartTLS."
}

// account says in words why the account that reads was not let in.
func account(err error) (found, remedy string) {
	e, ok := errors.AsType[*ldap.Error](err)
	switch {
	case !ok || network(err):
		return clip("The connection broke: " + err.Error()), "Look into the log of the directory."
	case e.ResultCode == ldap.LDAPResultInvalidCredentials:
		code, _ := subCode(e.Err.Error())
		if s := subCodes[code]; s.err != nil && s.err != ErrWrong {
			return "The account that reads is not let in: " + strings.TrimSuffix(s.err.Error()+": "+s.why, ": ") + ".", "Set the account right in the directory."
		}
		return "The account that reads is unknown, or its password is wrong.",
			`Check both. An account is written as its distinguished name; for Active Directory also as name@example.com or EXAMPLE\name.`
	case e.ResultCode == ldap.LDAPResultStrongAuthRequired, e.ResultCode == ldap.LDAPResultConfidentialityRequired:
		return clip("The server takes no password over this connection: " + words(err)), "Use ldaps:// or StartTLS."
	case e.ResultCode == ldap.LDAPResultInvalidDNSyntax:
		return clip("The account is not written as this server wants it: " + words(err)), "Write it as its distinguished name, such as cn=reader,dc=example,dc=com."
	}
	return clip("The account that reads is not let in: " + words(err)), "Look into the log of the directory."
}

func (d *Directory) checkBase(c *conn, k Kind) Step {
	s := Step{Name: "base", Server: c.server.url}
	e, err := c.read(d.config.Base, "1.1")
	switch {
	case err != nil && ldap.IsErrorWithCode(err, ldap.LDAPResultReferral):
		s.Found = d.whole(err).Error() + "."
		s.Remedy = "Give the server that keeps the base."
	case err != nil:
		s.Found = "The base cannot be read: " + words(err)
		s.Remedy = "Let the account read it."
		if ldap.IsErrorWithCode(err, ldap.LDAPResultOperationsError) { // Active Directory to strangers
			s.Remedy = "Give an account that reads."
		}
	case e == nil:
		s.Found = "The base is not there, or the account may not see it."
		s.Remedy = "Check its spelling; let the account read it."
		if r, err := c.read("", "namingContexts"); err == nil && r != nil {
			if has := r.GetEqualFoldAttributeValues("namingContexts"); len(has) > 0 {
				s.Remedy += clip(" This server has " + strings.Join(has, "; ") + ".")
			}
		}
	default:
		s.OK, s.Found = true, fmt.Sprintf("The base is there, in %s.", k)
	}
	return s
}

// checkPeople lists everybody, as it tells whether the server allows that.
func (d *Directory) checkPeople(ctx context.Context, k Kind) []Step {
	const samples = 3
	a := d.config.Attributes.fill(k)
	count, grouped := 0, 0
	var logins []string
	has := map[string]int{} // people with an attribute
	referred, err := d.each(ctx, func(e Entry) error {
		count++
		if len(e.Groups) > 0 {
			grouped++
		}
		if e.Login != "" && len(logins) < samples {
			logins = append(logins, e.Login)
		}
		for field, v := range map[string]string{"login": e.Login, "upn": e.UPN, "name": e.Name, "email": e.Email, "work_number": e.WorkNumber,
			"mobile_number": e.MobileNumber, "home_number": e.HomeNumber, "language": e.Language} {
			if v != "" {
				has[field]++
			}
		}
		for name := range e.Attributes {
			has["further "+strings.ToLower(name)]++
		}
		return nil
	})
	people := Step{Name: "people", OK: err == nil && count > 0}
	switch people.Found = fmt.Sprintf("The filter %s finds %d people", clip(d.filter(k)), count); {
	case len(logins) == 1:
		people.Found += ": " + clip(logins[0])
	case len(logins) > 1:
		people.Found += ", such as " + clip(strings.Join(logins, ", "))
	}
	people.Found += "."
	_, elsewhere := errors.AsType[*ReferralError](err)
	switch {
	case elsewhere: // a step of its own
		people.OK = count > 0
	case errors.Is(err, ErrIncomplete):
		people.Found = fmt.Sprintf("The listing ended after %d people: %s", count, clip(err.Error()))
		people.Remedy = "Let the account list everybody: in OpenLDAP by limits (olcLimits) for it, in Active Directory by MaxResultSetSize and MaxPageSize."
		if strings.Contains(err.Error(), a.ID) {
			people.Remedy = "Let the account read " + a.ID + ", or name another attribute that identifies people."
		}
	case err != nil:
		people.Found = fmt.Sprintf("The listing broke off after %d people: %s", count, clip(err.Error()))
		people.Remedy = "Look into the log of the directory."
	}
	if !people.OK && people.Remedy == "" {
		people.Remedy = "Check base and filter, and that the account may see people."
	}
	steps := []Step{people}
	if count > 0 {
		steps = append(steps, d.attributesFound(a, has, count))
		groups := Step{Name: "groups", OK: true, Found: fmt.Sprintf("%d of %d people are in a group.", grouped, count)}
		steps = append(steps, groups)
	}
	if len(referred) > 0 {
		s := Step{Name: "referrals", OK: true, Found: "What the server refers elsewhere holds no people."}
		var to []string
		for _, r := range referred {
			if !withoutPeople(r, k) {
				to = append(to, shortReferral(r))
			}
		}
		switch {
		case len(to) > 0 && d.config.SkipReferrals:
			s.Found = clip("Left out, as configured: " + strings.Join(to, ", ") + ".")
		case len(to) > 0:
			s.OK, s.Found = false, clip("A part of the base is kept by other servers, which are not asked: "+strings.Join(to, ", ")+".")
			s.Remedy = "Choose a base without that part and add a directory for it, or have it left out expressly."
		}
		steps = append(steps, s)
	}
	return steps
}

// attributesFound tells how many people have which attribute. Something is wrong if nobody has one that the configuration
// names, or somebody has no login.
func (d *Directory) attributesFound(a Attributes, has map[string]int, count int) Step {
	s := Step{Name: "attributes", OK: true}
	named := map[string]bool{"login": true}
	for _, f := range d.config.Attributes.names() {
		named[f.field] = true
	}
	var found, absent, missing []string
	for _, f := range a.names() {
		key := f.field
		switch key {
		case "id": // or the listing would have failed
			continue
		case "further":
			key = "further " + strings.ToLower(f.name)
		}
		switch n := has[key]; {
		case n > 0:
			found = append(found, fmt.Sprintf("%s %d", f.name, n))
		case named[f.field]:
			missing = append(missing, f.name)
		default:
			absent = append(absent, f.name)
		}
	}
	s.Found = fmt.Sprintf("Of %d people have one: %s.", count, strings.Join(found, ", "))
	if len(absent) > 0 {
		s.Found += " Nobody has: " + strings.Join(absent, ", ") + "."
	}
	if len(missing) > 0 {
		s.OK = false
		s.Remedy = "Nobody has: " + strings.Join(missing, ", ") + ". Check the spelling, and that the account may read it."
	}
	if has["login"] < count {
		s.OK = false
		s.Remedy = strings.TrimSpace(s.Remedy + fmt.Sprintf(" %d of %d people have no %s and cannot sign in: name another attribute, or narrow the filter.",
			count-has["login"], count, a.Login))
	}
	return s
}
