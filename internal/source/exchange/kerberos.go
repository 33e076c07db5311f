package exchange

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/doorlight/doorlight/internal/source"
)

// tickets makes the tokens that a service is shown (RFC 4559 §5), bound to a TLS connection if there is one.
type tickets interface {
	token(service string, binding []byte) ([]byte, error)
	close()
}

// kerberos signs in with each request, without being asked: a client that waits for the challenge would have to understand all
// the ways in which servers list several.
type kerberos struct {
	tickets tickets
	service string // empty: HTTP/ and the server's name

	mu       sync.Mutex
	bindings map[string][]byte // by host: of the certificate seen last
}

func newKerberos(c Config) *kerberos {
	return &kerberos{tickets: newGokrb5(c), service: c.Kerberos.SPN, bindings: map[string][]byte{}}
}

func (k *kerberos) close() { k.tickets.close() }

func (k *kerberos) send(t *http.Transport, r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	binding, known := k.bindings[r.URL.Host]
	k.mu.Unlock()
	if !known && r.URL.Scheme == "https" { // the token needs the certificate, so that has to be seen first
		look := r.Clone(r.Context())
		look.Method, look.Body, look.GetBody, look.ContentLength = http.MethodGet, nil, nil, 0
		resp, err := t.RoundTrip(look)
		if err != nil {
			return nil, err
		}
		io.CopyN(io.Discard, resp.Body, 64<<10)
		resp.Body.Close()
		binding = k.saw(r.URL.Host, resp)
	}
	service := k.service
	if service == "" {
		service = "HTTP/" + strings.ToLower(r.URL.Hostname())
	}
	for last := false; ; last = true {
		token, err := k.tickets.token(service, binding)
		if err != nil {
			return nil, explainTicket(err, service)
		}
		one, err := again(r)
		if err != nil {
			return nil, err
		}
		one.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
		resp, err := t.RoundTrip(one)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, err
		}
		seen := k.saw(r.URL.Host, resp)
		if last || bytes.Equal(seen, binding) {
			return resp, nil
		}
		resp.Body.Close()
		binding = seen // it has another certificate by now
	}
}

// saw notes the certificate of an answer's connection.
func (k *kerberos) saw(host string, resp *http.Response) []byte {
	binding := channelBinding(resp.TLS)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bindings[host] = binding
	return binding
}

func (*kerberos) offered(h http.Header) bool { return offers(h, "Negotiate", "Kerberos") }

// gokrb5 is tickets by the library of that name. It logs in when it is first used.
type gokrb5 struct {
	user, realm, password string
	config                string // krb5.conf

	closed atomic.Bool
	mu     sync.Mutex // guards client, and lets one ask at a time
	client *client.Client
}

func newGokrb5(c Config) *gokrb5 {
	user, _, _ := strings.Cut(c.Account, "@")
	conf := &strings.Builder{}
	// Tickets of Active Directory are too large for UDP.
	fmt.Fprintf(conf, "[libdefaults]\n default_realm = %s\n dns_lookup_realm = false\n dns_lookup_kdc = %v\n udp_preference_limit = 1\n forwardable = false\n",
		c.Kerberos.Realm, len(c.Kerberos.KDCs) == 0)
	if len(c.Kerberos.KDCs) > 0 {
		fmt.Fprintf(conf, "[realms]\n %s = {\n", c.Kerberos.Realm)
		for _, kdc := range c.Kerberos.KDCs {
			if _, _, err := net.SplitHostPort(kdc); err != nil {
				kdc = net.JoinHostPort(strings.Trim(kdc, "[]"), "88")
			}
			fmt.Fprintf(conf, "  kdc = %s\n", kdc)
		}
		fmt.Fprint(conf, " }\n")
	}
	return &gokrb5{user: user, realm: c.Kerberos.Realm, password: c.Password, config: conf.String()}
}

// close does not wait for a ticket that is being asked for, which cannot be given up: whoever asks tidies up.
func (g *gokrb5) close() {
	g.closed.Store(true)
	if g.mu.TryLock() {
		g.leave()
	}
}

// leave gives mu back, and ends the client, which renews its ticket in a goroutine, if it is not to be used any more.
func (g *gokrb5) leave() {
	if g.closed.Load() && g.client != nil {
		g.client.Destroy()
		g.client = nil
	}
	g.mu.Unlock()
}

func (g *gokrb5) token(service string, binding []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.leave()
	if g.closed.Load() {
		return nil, errClosed
	}
	if g.client == nil {
		conf, err := config.NewFromString(g.config)
		if err != nil {
			return nil, fmt.Errorf("kerberos: %w", err)
		}
		c := client.NewWithPassword(g.user, g.realm, g.password, conf, client.DisablePAFXFAST(true))
		if err := c.Login(); err != nil {
			c.Destroy()
			return nil, err
		}
		g.client = c
	}
	ticket, key, err := g.client.GetServiceTicket(service)
	if err != nil {
		return nil, err
	}
	return initToken(g.client, ticket, key, binding)
}

// initToken is the first message of a sign-in (RFC 4178 §4.2.1) around an AP-REQ (RFC 4121 §4.1) that holds the
// channel binding, which the library leaves out.
func initToken(c *client.Client, ticket messages.Ticket, key types.EncryptionKey, binding []byte) ([]byte, error) {
	auth, err := types.NewAuthenticator(c.Credentials.Domain(), c.Credentials.CName())
	if err != nil {
		return nil, err
	}
	// RFC 4121 §4.1.1: the length of the binding, the binding, the flags.
	checksum := make([]byte, 24)
	binary.LittleEndian.PutUint32(checksum, 16)
	copy(checksum[4:20], binding)
	binary.LittleEndian.PutUint32(checksum[20:], uint32(gssapi.ContextFlagInteg|gssapi.ContextFlagConf))
	auth.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: checksum}
	request, err := messages.NewAPReq(ticket, key, auth)
	if err != nil {
		return nil, err
	}
	inner, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	mechanism := gssapi.OIDKRB5.OID()
	oid, err := asn1.Marshal(mechanism)
	if err != nil {
		return nil, err
	}
	token := asn1tools.AddASNAppTag(append(append(oid, 1, 0), inner...), 0) // TOK_ID of KRB_AP_REQ
	outer := spnego.SPNEGOToken{Init: true, NegTokenInit: spnego.NegTokenInit{
		MechTypes: []asn1.ObjectIdentifier{mechanism, gssapi.OIDMSLegacyKRB5.OID()}, MechTokenBytes: token}}
	return outer.Marshal()
}

// explainTicket makes a failure of what kept a ticket from being had. The library hands the KDC's codes on in the text only.
func explainTicket(err error, service string) error {
	if errors.Is(err, errClosed) {
		return err
	}
	text := err.Error()
	has := func(codes ...string) bool {
		for _, c := range codes {
			if strings.Contains(text, c) {
				return true
			}
		}
		return false
	}
	fail := func(k source.Kind, sc scope, words string) error {
		return &failure{scope: sc, code: "ticket", told: &source.Error{Kind: k, Text: words, Whole: true, Err: errors.New("kerberos: no ticket")}}
	}
	switch {
	case has("KDC_ERR_PREAUTH_FAILED", "KRB_AP_ERR_BAD_INTEGRITY"):
		return fail(source.Credentials, ofSignIn, "The domain controller does not accept the password of the account that reads calendars.")
	case has("KDC_ERR_C_PRINCIPAL_UNKNOWN"):
		return fail(source.Credentials, ofSignIn, "The domain controller does not know the account that reads calendars.")
	case has("KDC_ERR_CLIENT_REVOKED"):
		return fail(source.Credentials, ofSignIn, "The account that reads calendars is disabled or locked.")
	case has("KDC_ERR_KEY_EXPIRED"):
		return fail(source.Credentials, ofSignIn, "The password of the account that reads calendars has expired.")
	case has("KDC_ERR_S_PRINCIPAL_UNKNOWN"):
		return fail(source.Other, ofServer, "The domain controller knows no service "+service+". Register this name for the account that Exchange's web services run with, or for its servers (setspn).")
	case has("KRB_AP_ERR_SKEW"):
		return fail(source.Unavailable, ofServer, "The clock of this server and that of the domain controller differ too much for Kerberos.")
	case has("KDC_ERR_ETYPE_NOSUPP"):
		return fail(source.Other, ofServer, "The domain controller offers no encryption for the account that reads calendars that is still safe. Allow it AES.")
	}
	return fail(source.Unavailable, ofServer, "No domain controller answers.")
}
