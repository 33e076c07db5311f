package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// conn is a connection to one server. Calls end with the context it was dialled with.
type conn struct {
	*ldap.Conn
	raw    net.Conn
	server server
	state  *tls.ConnectionState // nil: not encrypted
	stop   func() bool          // ends the watch over the context
}

// stage is what a connection was at when it failed; Check tells it.
type stage uint8

const (
	atName stage = iota
	atConnection
	atEncryption
	atAccount
)

// dialError is why there is no connection.
type dialError struct {
	at    stage
	state *tls.ConnectionState // if the account was refused after encryption
	err   error
}

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// dial connects to a server, encrypted as configured, without signing in.
func (d *Directory) dial(ctx context.Context, v server) (*conn, error) {
	timed, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(timed, "tcp", net.JoinHostPort(v.host, v.port))
	if err != nil {
		at := atConnection
		if _, ok := errors.AsType[*net.DNSError](err); ok {
			at = atName
		}
		return nil, &dialError{at: at, err: err}
	}
	c := &conn{raw: raw, server: v}
	var wire net.Conn = &bounded{Conn: raw, timeout: d.config.Timeout}
	if v.tls || d.config.StartTLS {
		// Reading has no deadline of its own, so the context ends the handshake.
		release := context.AfterFunc(timed, func() { raw.Close() })
		wire, c.state, err = d.encrypt(timed, wire, v)
		if !release() && err == nil {
			err = timed.Err()
		}
		if err != nil {
			raw.Close()
			if timed.Err() != nil { // rather than that the connection is closed
				err = fmt.Errorf("no answer within %v", d.config.Timeout)
			}
			return nil, &dialError{at: atEncryption, err: err}
		}
	}
	c.Conn = ldap.NewConn(wire, c.state != nil)
	c.SetTimeout(d.config.Timeout)
	c.Start()
	c.stop = context.AfterFunc(ctx, func() { raw.Close() }) // calls of ldap.Conn take no context
	return c, nil
}

// encrypt makes the connection a TLS one. ldap.Conn.StartTLS is not used: it turns errors of certificates into text,
// and its handshake has no end.
func (d *Directory) encrypt(ctx context.Context, wire net.Conn, v server) (net.Conn, *tls.ConnectionState, error) {
	if !v.tls {
		if err := startTLS(wire); err != nil {
			return nil, nil, err
		}
	}
	name := d.config.ServerName
	if name == "" {
		name = v.host
	}
	t := tls.Client(wire, &tls.Config{ServerName: name, RootCAs: d.config.Roots, MinVersion: tls.VersionTLS12})
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	state := t.ConnectionState()
	return t, &state, nil
}

// startTLS asks the server to go on encrypted (RFC 4511 §4.14). It reads not a byte more than the answer, so nothing
// that somebody slips in before the handshake is taken for what comes after it.
func startTLS(wire net.Conn) error {
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", ""))
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, ""))
	message.AppendChild(request)
	if _, err := wire.Write(message.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(wire)
	if err != nil {
		return fmt.Errorf("answer to StartTLS: %w", err)
	}
	if len(answer.Children) < 2 || answer.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return errors.New("the answer to StartTLS is none")
	}
	if err := ldap.GetLDAPError(answer); err != nil {
		return fmt.Errorf("%w: it offers no StartTLS: %s", ErrRefused, words(err))
	}
	return nil
}

// connect dials the servers in order and signs the account that reads in, at the first that answers. An account that is
// refused is not tried elsewhere: each try counts towards its lock.
func (d *Directory) connect(ctx context.Context) (*conn, error) {
	var failed []error
	for _, v := range d.servers {
		c, err := d.open(ctx, v)
		if err == nil {
			return c, nil
		}
		if context.Cause(ctx) != nil {
			return nil, explain(ctx, "connect to "+v.url, err)
		}
		if e, ok := errors.AsType[*dialError](err); ok && e.at < atAccount && !errors.Is(err, ErrRefused) {
			err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		err = explain(ctx, "connect to "+v.url, err)
		if !errors.Is(err, ErrUnreachable) {
			return nil, err
		}
		failed = append(failed, err)
	}
	if len(failed) == 1 {
		return nil, failed[0]
	}
	return nil, errors.Join(failed...)
}

// open dials one server and signs the account that reads in.
func (d *Directory) open(ctx context.Context, v server) (*conn, error) {
	c, err := d.dial(ctx, v)
	if err != nil {
		return nil, err
	}
	if d.config.BindDN == "" {
		return c, nil // a connection begins as a stranger's (RFC 4513 §5.1)
	}
	if err := c.Bind(d.config.BindDN, d.config.Password); err != nil {
		c.close()
		return nil, &dialError{at: atAccount, state: c.state, err: err}
	}
	return c, nil
}

// close says goodbye and closes the connection.
func (c *conn) close() {
	c.stop()
	c.Unbind()
	c.raw.Close()
}

// capabilityAD is what domain controllers have among their supportedCapabilities ([MS-ADTS] §3.1.1.3.4.3.1).
const capabilityAD = "1.2.840.113556.1.4.800"

// kind returns the kind of directory, asking the server where the configuration does not say.
func (d *Directory) kind(c *conn) (Kind, error) {
	if d.config.Kind != KindAuto {
		return d.config.Kind, nil
	}
	r, err := c.Search(&ldap.SearchRequest{Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"supportedCapabilities"}})
	if err != nil {
		return 0, err
	}
	for _, e := range r.Entries {
		if slices.Contains(e.GetEqualFoldAttributeValues("supportedCapabilities"), capabilityAD) {
			return KindActiveDirectory, nil
		}
	}
	return KindOpenLDAP, nil
}

// pages searches with paged results (RFC 2696) and hands over each page. It returns nil only if the last page came. It
// returns also where the server referred to.
//
// It is not built on ldap.Conn.SearchAsync, which drops entries if they are not taken within the time-out: f may take
// its time, as the server is not asked for the next page meanwhile.
func (d *Directory) pages(ctx context.Context, c *conn, r ldap.SearchRequest, f func([]*ldap.Entry) error) (referred []string, err error) {
	const mostEmpty = 1000 // pages in a row: the server goes round in circles
	paging := ldap.NewControlPaging(uint32(d.config.PageSize))
	r.Controls = append(slices.Clip(r.Controls), paging)
	empty := 0
	for {
		if context.Cause(ctx) != nil {
			return referred, context.Cause(ctx)
		}
		answer, err := c.Search(&r)
		if answer != nil {
			referred = append(referred, answer.Referrals...)
		}
		if err != nil {
			return referred, err
		}
		if err := f(answer.Entries); err != nil {
			return referred, err
		}
		if empty++; len(answer.Entries) > 0 {
			empty = 0
		}
		// Without the control in its answer, a server does not page: this was all.
		p, ok := ldap.FindControl(answer.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(p.Cookie) == 0 {
			return referred, nil
		}
		if empty > mostEmpty {
			return referred, fmt.Errorf("%w: %d empty pages in a row", ErrIncomplete, empty)
		}
		paging.SetCookie(p.Cookie)
	}
}

// read reads one entry by its DN; nil if it is not there.
func (c *conn) read(dn string, attributes ...string) (*ldap.Entry, error) {
	r, err := c.Search(&ldap.SearchRequest{BaseDN: dn, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: attributes})
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, nil
	case err != nil:
		return nil, err
	case len(r.Entries) == 0:
		return nil, nil
	}
	return r.Entries[0], nil
}

// values returns all values of an attribute of an entry. Active Directory sends some 1,500 values at once and the
// others when asked for "member;range=1500-*" ([MS-ADTS] §3.1.1.3.1.3.3).
func (c *conn) values(e *ldap.Entry, attribute string) ([]string, error) {
	const most = 100_000 // rounds
	var out []string
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, attribute) {
			out = append(out, a.Values...)
		}
	}
	for range most {
		first, last, values := ranged(e, attribute)
		if values == nil {
			return out, nil
		}
		if first != len(out) {
			return nil, fmt.Errorf("%w: %s begins at value %d, not %d", ErrIncomplete, attribute, first, len(out))
		}
		out = append(out, values...)
		if last < 0 {
			return out, nil
		}
		next, err := c.read(e.DN, fmt.Sprintf("%s;range=%d-*", attribute, len(out)))
		if err != nil {
			return nil, err
		}
		if next == nil {
			return nil, fmt.Errorf("%w: the entry vanished while it was read", ErrIncomplete)
		}
		if _, _, values := ranged(next, attribute); values == nil {
			return nil, fmt.Errorf("%w: the server withholds values of %s from %d on", ErrIncomplete, attribute, len(out))
		}
		e = next
	}
	return nil, fmt.Errorf("%w: %s does not end", ErrIncomplete, attribute)
}

// ranged finds the values of an attribute that come with a range; last is negative if they are the last.
func ranged(e *ldap.Entry, attribute string) (first, last int, values []string) {
	for _, a := range e.Attributes {
		if name, first, last, ok := parseRange(a.Name); ok && strings.EqualFold(name, attribute) && len(a.Values) > 0 {
			return first, last, a.Values
		}
	}
	return 0, 0, nil
}

// bounded is a connection whose writes end in time, and whose answers do not fill the memory.
type bounded struct {
	net.Conn
	timeout time.Duration
	got     atomic.Int64 // bytes since the last write
}

const maxAnswer = 256 << 20

func (b *bounded) Write(p []byte) (int, error) {
	b.got.Store(0)
	b.Conn.SetWriteDeadline(time.Now().Add(b.timeout))
	return b.Conn.Write(p)
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.got.Add(int64(n)) > maxAnswer && err == nil {
		return 0, errors.New("the answer is too large")
	}
	return n, err
}
