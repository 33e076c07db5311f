package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// SignIn checks a password and returns whose it is. A login is what Attributes.Login or Attributes.UPN of the person
// holds, or DOMAIN\login, whose domain is not looked at: it is the password that tells.
//
// The account that reads finds the person; the password is tried on a connection of its own. Errors are told apart with
// errors.Is: ErrWrong, ErrDisabled, ErrLocked and ErrExpired are about the person, as far as the server discloses it;
// ErrUnreachable, ErrRefused and ErrIncomplete about the server. Somebody unknown and a wrong password give the same
// error after about the same time. Nothing that was typed is in an error. How often somebody may try is left to the
// caller.
func (d *Directory) SignIn(ctx context.Context, login, password string) (Entry, error) {
	name, simple, ok := parseLogin(login)
	if !ok || password == "" {
		// RFC 4513 §5.1.2: a bind with a name and no password succeeds, and proves nothing.
		return Entry{}, refusal(ErrWrong, "")
	}
	c, err := d.connect(ctx)
	if err != nil {
		return Entry{}, err
	}
	defer c.close()
	k, err := d.kind(c)
	if err != nil {
		return Entry{}, explain(ctx, "ask "+c.server.url+" what it is", err)
	}
	entries, err := d.find(ctx, c, k, name, simple)
	if err != nil {
		return Entry{}, explain(ctx, "find who signs in", err)
	}
	start := time.Now()
	if len(entries) != 1 || entries[0].DN == "" {
		// As much is done as for somebody known, with a password of nobody.
		if o := d.bind(ctx, c.server, k, "cn="+rand.Text()+","+d.config.Base, rand.Text()); o.fatal {
			return Entry{}, o.err
		}
		d.pace.wait(ctx, start)
		if len(entries) > 1 {
			return Entry{}, fmt.Errorf("directory: sign in: %w: %w", ErrWrong, ErrAmbiguous)
		}
		return Entry{}, refusal(ErrWrong, "")
	}
	e := entries[0]
	p := d.person(e, k, time.Now())
	switch o := d.bind(ctx, c.server, k, e.DN, password); {
	case o.locked && p.Disabled:
		return Entry{}, refusal(ErrDisabled, "")
	case o.err != nil:
		if o.wrong {
			d.pace.note(time.Since(start))
		}
		return Entry{}, o.err
	case p.expired:
		return Entry{}, refusal(ErrExpired, "the account has expired")
	case p.Disabled:
		return Entry{}, refusal(ErrDisabled, "")
	}
	if p.ID == "" {
		return Entry{}, fmt.Errorf("directory: sign in: %w: %s has no %s that the account may read", ErrRefused, clip(e.DN), d.config.Attributes.fill(k).ID)
	}
	of, err := c.values(e, "memberOf")
	if err == nil {
		p.Groups, err = d.groupsOf(ctx, c, k, e.DN, of)
	}
	if err != nil {
		return Entry{}, explain(ctx, "read the groups of who signs in", err)
	}
	return p.Entry, nil
}

// parseLogin reads what somebody typed as a login. simple: it is one of the domain given before it, not a UPN.
func parseLogin(s string) (name string, simple, ok bool) {
	const most = 256 // runes; a sAMAccountName has 20, a UPN 1,024 at most, but none of these is seen
	name = strings.TrimSpace(s)
	if domain, rest, found := strings.Cut(name, `\`); found {
		if domain == "" {
			return "", false, false
		}
		name, simple = rest, true
	}
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > most || strings.ContainsFunc(name, unicode.IsControl) {
		return "", false, false
	}
	return name, simple, true
}

// find returns the entries that a login means; it looks no further than the second.
func (d *Directory) find(ctx context.Context, c *conn, k Kind, name string, simple bool) ([]*ldap.Entry, error) {
	a := d.config.Attributes.fill(k)
	value := ldap.EscapeFilter(name)
	match := "(" + a.Login + "=" + value + ")"
	if !simple && a.UPN != "" {
		match = "(|" + match + "(" + a.UPN + "=" + value + "))"
	}
	r, err := c.Search(&ldap.SearchRequest{
		BaseDN: d.config.Base, Scope: ldap.ScopeWholeSubtree, SizeLimit: 2,
		Filter: "(&" + d.filter(k) + match + ")", Attributes: d.attributes(k),
	})
	switch {
	case err == nil, ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) && r != nil && len(r.Entries) > 1:
		// Referrals are no matter here: who is kept elsewhere cannot sign in.
		return r.Entries, nil
	}
	return nil, d.whole(err)
}

// outcome is that of a bind; err is nil if the password is right.
type outcome struct {
	err    error
	wrong  bool // the password, as far as it is told
	locked bool // says the password policy, for a while or for good
	fatal  bool // the answer says nothing about the password
}

// bind tries a password on a connection of its own.
func (d *Directory) bind(ctx context.Context, v server, k Kind, dn, password string) outcome {
	const doing = "check the password"
	c, err := d.dial(ctx, v)
	if err != nil {
		return outcome{fatal: true, err: explain(ctx, doing, fmt.Errorf("%w: %w", ErrUnreachable, err))}
	}
	defer c.close()
	request := &ldap.SimpleBindRequest{Username: dn, Password: password}
	if k != KindActiveDirectory {
		request.Controls = []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}
	}
	result, err := c.SimpleBind(request)
	if err != nil && (network(err) || context.Cause(ctx) != nil) {
		return outcome{fatal: true, err: explain(ctx, doing, err)}
	}
	// draft-behera-ldap-password-policy-10 §6.2
	const passwordExpired, accountLocked, changeAfterReset = 0, 1, 2
	said := int8(-1)
	if result != nil {
		if p, ok := ldap.FindControl(result.Controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy); ok {
			said = p.Error
		}
	}
	switch {
	case err == nil && said == changeAfterReset:
		return outcome{err: refusal(ErrExpired, "the password has to be changed first")}
	case err == nil:
		return outcome{}
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultInappropriateAuthentication):
		return outcome{wrong: true, err: refusal(ErrWrong, "")} // gone meanwhile, or has no password
	case !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials):
		// Also a referral: the password goes nowhere else.
		return outcome{fatal: true, err: explain(ctx, doing, err)}
	case said == accountLocked:
		return outcome{locked: true, err: refusal(ErrLocked, "")}
	case said == passwordExpired:
		return outcome{err: refusal(ErrExpired, "the password has expired")}
	}
	if e, ok := errors.AsType[*ldap.Error](err); ok {
		code, _ := subCode(e.Err.Error())
		if s, known := subCodes[code]; known && s.err != ErrWrong {
			return outcome{err: refusal(s.err, s.why)}
		}
	}
	return outcome{wrong: true, err: refusal(ErrWrong, "")}
}

// pace is how long the server takes to find a password wrong: some hash it for long, and answer at once for somebody
// they do not know.
type pace struct {
	mu    sync.Mutex    // guards usual
	usual time.Duration // a moving mean
}

func (p *pace) note(took time.Duration) {
	took = min(took, 2*time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.usual == 0 {
		p.usual = took
	}
	p.usual += (took - p.usual) / 8
}

// wait waits until so much has passed since start, or ctx ends.
func (p *pace) wait(ctx context.Context, start time.Time) {
	p.mu.Lock()
	left := p.usual - time.Since(start)
	p.mu.Unlock()
	if left <= 0 {
		return
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
