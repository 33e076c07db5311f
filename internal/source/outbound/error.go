package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Kind says what kept a request from being answered.
type Kind uint8

const (
	Other       Kind = iota
	BadAddress       // what was entered is not an address
	NotAllowed       // it leads to a network that may not be reached
	Unreachable      // no connection, or it broke off, or took too long; may be better later
	Untrusted        // the server's certificate does not prove who it is
	TooLarge         // the answer is larger than allowed, before or after decompression
	Redirects        // too many redirects, or one that leads nowhere
)

// Error is why a request was not answered. Neither Text nor Err ever contains a password, a user name, or more of an
// address than its host: paths and queries of published calendars are secrets themselves.
type Error struct {
	Kind Kind
	Host string // as in the address; empty if there is none
	Text string // a sentence for the user
	Err  error  // cause, for the log; may be nil
}

func (e *Error) Error() string {
	s := "outbound: "
	if e.Host != "" {
		s += e.Host + ": "
	}
	if e.Err != nil {
		return s + e.Err.Error()
	}
	return s + e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Public returns a sentence that may be shown to the user who entered the address.
func (e *Error) Public() string { return e.Text }

// refusal is returned at dial time, when the address that a name stands for is known.
type refusal struct {
	addr string
	why  string
}

func (r *refusal) Error() string { return "address " + r.addr + " " + r.why }

// explain turns an error of the transport into words. It looks at ctx, the caller's context, to tell a deadline of
// ours from the caller's giving up.
func explain(ctx context.Context, host string, limit time.Duration, err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	e := &Error{Kind: Unreachable, Host: host, Err: err}
	var (
		refused  *refusal
		dns      *net.DNSError
		cert     *tls.CertificateVerificationError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		issuer   x509.UnknownAuthorityError
		record   tls.RecordHeaderError
		timeout  interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &refused):
		e.Kind = NotAllowed
		e.Text = fmt.Sprintf("%s leads to %s. This address %s and is not allowed; an administrator can allow it.",
			host, refused.addr, refused.why)
		if host == refused.addr {
			e.Text = fmt.Sprintf("The address %s %s and is not allowed; an administrator can allow it.", host, refused.why)
		}
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
		e.Text = "The request was given up before " + host + " answered."
	case errors.As(err, &hostname):
		e.Kind, e.Text = Untrusted, "The certificate of "+host+" is made out to another name."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Kind, e.Text = Untrusted, "The certificate of "+host+" has expired or is not valid yet."
	case errors.As(err, &issuer):
		e.Kind, e.Text = Untrusted, "The certificate of "+host+" comes from an authority this server does not know."
	case errors.As(err, &cert):
		e.Kind, e.Text = Untrusted, "The certificate of "+host+" is not valid."
	case errors.As(err, &record):
		e.Text = host + " does not speak https on this port."
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Text = "There is no server with the name " + host + "."
	case errors.As(err, &dns):
		e.Text = "The name " + host + " cannot be looked up at the moment."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Text = fmt.Sprintf("%s did not answer in full within %v.", host, limit)
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Text = host + " refuses the connection."
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		e.Text = "There is no way through the network to " + host + "."
	default:
		e.Text = "The connection to " + host + " broke off."
	}
	return e
}

// Refused reports whether an error of a transport of Client.Transport is a refusal to connect to where the address
// leads, which an administrator can allow.
func Refused(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}
