package exchange

import (
	"net/http"
	"strings"
)

// signer sends requests in the account's name. The transport has one connection and is the caller's alone for the
// time; the body of a request can be had again by GetBody. An answer with 401 is handed back as it is.
type signer interface {
	send(t *http.Transport, r *http.Request) (*http.Response, error)
	// offered reports whether a 401 offers this way of signing in.
	offered(h http.Header) bool
}

func newSigner(c Config) signer {
	name := c.Account
	if c.Domain != "" {
		name = c.Domain + `\` + c.Account
	}
	switch c.Auth {
	case AuthBasic:
		return basic{name, c.Password}
	case AuthOAuth:
		return newBearer(c)
	case AuthKerberos:
		return newKerberos(c)
	}
	return ntlm{name, c.Password}
}

// offers reports whether a 401 names one of some schemes (RFC 9110 §11.6.1: several may share a field).
func offers(h http.Header, schemes ...string) bool {
	for _, field := range h.Values("WWW-Authenticate") {
		for part := range strings.SplitSeq(field, ",") {
			word, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			for _, s := range schemes {
				if strings.EqualFold(word, s) {
					return true
				}
			}
		}
	}
	return false
}

// again returns a copy of a request, to be sent once more.
func again(r *http.Request) (*http.Request, error) {
	c := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		c.Body = body
	}
	return c, nil
}

// basic is RFC 7617, sent with the first request.
type basic struct{ name, password string }

func (b basic) send(t *http.Transport, r *http.Request) (*http.Response, error) {
	r.SetBasicAuth(b.name, b.password)
	return t.RoundTrip(r)
}

func (basic) offered(h http.Header) bool { return offers(h, "Basic") }
