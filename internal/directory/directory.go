// Package directory reads people from LDAP servers, OpenLDAP and Active Directory, and checks passwords against them.
// It keeps nothing but its configuration and opens connections as it needs them. What becomes of the people, and who
// may sign in at all, is left to its callers.
//
// A listing is whole or an error: whoever removes people that a directory no longer has must not take a connection
// that broke for a company that closed. A password goes only to a server of the configuration, and only over the
// connection that the configuration asks for.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Directory is one directory, on one or several servers that hold the same. It may be used by several goroutines.
type Directory struct {
	config  Config
	servers []server
	pace    pace
}

// LogValue, String and GoString keep the password out of logs.
func (d *Directory) LogValue() slog.Value { return d.config.LogValue() }
func (d *Directory) String() string       { return d.config.String() }
func (d *Directory) GoString() string     { return d.config.String() }

// filter finds people.
func (d *Directory) filter(k Kind) string {
	switch {
	case d.config.Filter != "":
		return d.config.Filter
	case k == KindActiveDirectory:
		return "(&(objectCategory=person)(objectClass=user))"
	}
	return "(objectClass=person)"
}

// Each calls f for everybody whom the filter finds, in no particular order. It returns nil only if that was everybody:
// if the connection breaks half-way, the server stops at a limit of its own, refers to other servers for a part of the
// base (ReferralError), shows an entry without its identifier, or ctx ends, it returns an error. An error of f ends it
// and is returned as it is. f may take its time.
func (d *Directory) Each(ctx context.Context, f func(Entry) error) error {
	_, err := d.each(ctx, f)
	return err
}

// each is Each; it also returns where the server referred to.
func (d *Directory) each(ctx context.Context, f func(Entry) error) (referred []string, err error) {
	c, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	k, err := d.kind(c)
	if err != nil {
		return nil, explain(ctx, "ask "+c.server.url+" what it is", err)
	}
	// The other connection, to the same server, is for what is looked up while a listing waits for its next page:
	// OpenLDAP knows one listing for each connection.
	other, err := d.open(ctx, c.server)
	if err != nil {
		return nil, explain(ctx, "connect to "+c.server.url, err)
	}
	defer other.close()
	g, referred, err := d.groups(ctx, c, other, k)
	if err != nil {
		return referred, err
	}
	var stopped error // by f
	more, err := d.pages(ctx, c, ldap.SearchRequest{
		BaseDN: d.config.Base, Scope: ldap.ScopeWholeSubtree, Filter: d.filter(k), Attributes: d.attributes(k),
	}, func(entries []*ldap.Entry) error {
		now := time.Now()
		for _, e := range entries {
			p := d.person(e, k, now)
			if p.ID == "" {
				return fmt.Errorf("%w: %s has no %s that the account may read", ErrIncomplete, clip(e.DN), d.config.Attributes.fill(k).ID)
			}
			of, err := other.values(e, "memberOf")
			if err != nil {
				return err
			}
			if p.Groups, err = g.of(e.DN, of); err != nil {
				return err
			}
			if stopped = f(p.Entry); stopped != nil {
				return stopped
			}
		}
		return nil
	})
	referred = append(referred, more...)
	slices.Sort(referred)
	referred = slices.Compact(referred)
	switch {
	case stopped != nil:
		return referred, stopped
	case err != nil:
		return referred, explain(ctx, "list people", d.whole(err))
	}
	return referred, explain(ctx, "list people", d.covered(referred, k))
}

// whole turns the result "referral" into the error that names where to.
func (d *Directory) whole(err error) error {
	if !ldap.IsErrorWithCode(err, ldap.LDAPResultReferral) {
		return err
	}
	e := &ReferralError{}
	for _, s := range referral(err) {
		e.To = append(e.To, shortReferral(s))
	}
	return e
}

// covered returns an error if a listing left out what other servers keep.
func (d *Directory) covered(referred []string, k Kind) error {
	if d.config.SkipReferrals {
		return nil
	}
	var to []string
	for _, s := range referred {
		if !withoutPeople(s, k) {
			to = append(to, shortReferral(s))
		}
	}
	if len(to) == 0 {
		return nil
	}
	return &ReferralError{To: to}
}

// withoutPeople reports whether a reference leads to one of the parts that each domain of Active Directory has below
// its root and where nobody is: its zones of the DNS and its configuration ([MS-ADTS] §6.1.1.1).
func withoutPeople(s string, k Kind) bool {
	dn, ok := referralDN(s)
	if k != KindActiveDirectory || !ok || len(dn.RDNs) < 2 || len(dn.RDNs[0].Attributes) != 1 {
		return false
	}
	a := dn.RDNs[0].Attributes[0]
	switch strings.ToLower(a.Type + "=" + a.Value) {
	case "dc=domaindnszones", "dc=forestdnszones", "cn=configuration":
		return true
	}
	return false
}

// referralDN reads the DN in an LDAP URL (RFC 4516).
func referralDN(s string) (*ldap.DN, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return nil, false
	}
	dn, err := ldap.ParseDN(strings.TrimPrefix(u.Path, "/"))
	return dn, err == nil
}

// shortReferral is the address of a reference without its parameters, fit to be shown.
func shortReferral(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "an address that is none"
	}
	return clip(u.Scheme + "://" + u.Host + u.Path)
}

// referral returns the addresses of a result "referral", which is the fourth part of the result (RFC 4511 §4.1.10).
func referral(err error) (to []string) {
	e, ok := errors.AsType[*ldap.Error](err)
	if !ok || e.Packet == nil || len(e.Packet.Children) < 2 {
		return nil
	}
	const tag = 3
	for _, part := range e.Packet.Children[1].Children {
		if part.Tag != tag || len(part.Children) == 0 {
			continue
		}
		for _, c := range part.Children {
			if s, ok := c.Value.(string); ok {
				to = append(to, s)
			}
		}
	}
	return to
}
