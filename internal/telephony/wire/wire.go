// Package wire is what telephone systems have in common that are reached over a connection of their own: how it is made, how
// numbers are told apart from what is written around them, and that of every line the latest is told, in order and again in time.
// What is said over the connection is left to the systems.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

const dialTime = 15 * time.Second // for a connection, with the handshake

// Place is where a system listens.
type Place struct {
	Client *outbound.Client // reaches it, and trusts its certificate
	Host   string           // a name or an address, without a port
	Port   int
	TLS    bool // from the first byte on, version 1.2 and later
}

// Address is host and port in one.
func (p Place) Address() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// Dial connects, within fifteen seconds. Errors are of type *source.Error, in words for an administrator.
func (p Place) Dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	t := p.Client.Transport(0)
	conn, err := t.DialContext(ctx, "tcp", p.Address())
	if err != nil {
		return nil, p.Explain(ctx, err)
	}
	if !p.TLS {
		return conn, nil
	}
	c := t.TLSClientConfig.Clone()
	c.ServerName, c.NextProtos = p.Host, nil
	secure := tls.Client(conn, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, p.Explain(ctx, err)
	}
	return secure, nil
}

// Explain puts what became of a connection into words.
func (p Place) Explain(ctx context.Context, err error) *source.Error {
	if known, ok := errors.AsType[*source.Error](err); ok {
		return known
	}
	e := &source.Error{Kind: source.Unavailable, Whole: true, Err: err}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	timeout, isTimeout := errors.AsType[net.Error](err)
	hostname, isHostname := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isIssuer := errors.AsType[x509.UnknownAuthorityError](err)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case outbound.Refused(err):
		e.Kind, e.Text = source.NotAllowed, p.Host+" lies in a network that this server may not reach. An administrator can allow it."
	case isHostname && hostname.Certificate != nil:
		e.Kind, e.Text = source.NotAllowed, "The certificate of "+p.Host+" is made out to another name."
	case isInvalid && invalid.Reason == x509.Expired:
		e.Kind, e.Text = source.NotAllowed, "The certificate of "+p.Host+" has expired or is not valid yet."
	case isIssuer:
		e.Kind, e.Text = source.NotAllowed, "The certificate of "+p.Host+" comes from an authority this server does not know."
	case isCert, isHostname, isInvalid:
		e.Kind, e.Text = source.NotAllowed, "The certificate of "+p.Host+" is not valid."
	case isRecord:
		e.Kind, e.Text = source.Other, fmt.Sprintf("%s does not speak TLS on port %d.", p.Host, p.Port)
	case isDNS && dns.IsNotFound:
		e.Text = "There is no server with the name " + p.Host + "."
	case isDNS:
		e.Text = "The name " + p.Host + " cannot be looked up at the moment."
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Text = fmt.Sprintf("%s refuses the connection on port %d.", p.Host, p.Port)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		e.Text = "There is no way through the network to " + p.Host + "."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded), isTimeout && timeout.Timeout():
		e.Text = p.Host + " did not answer in time."
	case ctx.Err() != nil:
		e.Text = "It was given up, because nobody waited for it any longer."
	default:
		e.Text = "The connection to " + p.Host + " broke off."
	}
	return e
}

// HostTrouble says what is wrong with a host as an administrator enters it; empty: nothing.
func HostTrouble(host string) string {
	switch {
	case host == "":
		return "the name or the address of the system is needed"
	case len(host) > 255 || strings.ContainsAny(host, "/@ \t\r\n?#") || strings.Contains(host, "://"):
		return "only a name or an address, such as pbx.example.com or 10.0.0.5"
	case net.ParseIP(host) == nil && strings.Contains(host, ":"):
		return "the port has a field of its own"
	case net.ParseIP(host) == nil && strings.ContainsFunc(host, func(r rune) bool {
		return r < 0x80 && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}):
		return "only a name or an address, such as pbx.example.com or 10.0.0.5"
	}
	return ""
}
