package exchangetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/gssapi"
)

type connKey struct{}

// conn is what a connection remembers of who signed in on it: NTLM and Negotiate authenticate connections. Only the
// goroutine that serves the connection uses it.
type conn struct {
	ntlm *ntlmHandshake
	who  string // login, in lower case; empty: nobody
}

type token struct {
	who     string // login
	expires time.Time
}

// authenticate returns who a request comes from, or answers it and returns nil.
func (s *Server) authenticate(rw http.ResponseWriter, r *http.Request) *principal {
	at, _ := r.Context().Value(connKey{}).(*conn)
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" && at.who != "" { // the connection is somebody's
		if who := s.principal(at.who); who != nil {
			return who
		}
	}
	at.who = ""
	i := slices.IndexFunc(s.config.Auth, func(a string) bool { return strings.EqualFold(a, scheme) })
	if i < 0 {
		s.challenge(rw)
		return nil
	}
	switch scheme = s.config.Auth[i]; scheme {
	case "Basic":
		if user, password, ok := r.BasicAuth(); ok {
			if who := s.signIn(user, password); who != nil {
				return who
			}
		}
	case "Bearer":
		if who := s.bearer(strings.TrimSpace(rest)); who != nil {
			return who
		}
	case "NTLM", "Negotiate":
		message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			break
		}
		wrapped := false // in SPNEGO, as Windows does with Negotiate
		if !bytes.HasPrefix(message, ntlmSignature) && scheme == "Negotiate" {
			inside := unwrapNTLM(message)
			if inside == nil {
				if who, err := s.krbVerify(message); err == nil {
					at.who = who.name
					rw.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(negotiated(accepted, gssapi.OIDKRB5.OID(), nil)))
					return who
				}
				break
			}
			message, wrapped = inside, true
		}
		if len(message) < 12 || !bytes.HasPrefix(message, ntlmSignature) {
			break
		}
		if message[8] == 1 {
			at.ntlm = s.ntlmChallenge(message)
			reply := at.ntlm.challenge
			if wrapped {
				reply = negotiated(incomplete, ntlmOID, reply)
			}
			rw.Header().Set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(reply))
			rw.Header().Set("Content-Length", "0")
			rw.WriteHeader(http.StatusUnauthorized)
			return nil
		}
		who := s.ntlmVerify(at.ntlm, message)
		at.ntlm = nil // each challenge counts once
		if who != nil {
			at.who = who.name
			if wrapped {
				rw.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(negotiated(accepted, nil, nil)))
			}
			return who
		}
	}
	s.challenge(rw)
	return nil
}

// principal returns who has a login.
func (s *Server) principal(name string) *principal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.logins[name]
}

func (s *Server) bearer(text string) *principal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tokens[text]
	if !ok || s.now().After(t.expires) {
		return nil
	}
	return s.logins[t.who]
}

// AddApp lets an application get tokens at TokenURL by its client credentials, with which it is the account.
func (s *Server) AddApp(id, secret, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who := s.logins[strings.ToLower(account)]; who != nil {
		s.apps[id] = app{secret: secret, who: who.name}
	}
}

type app struct{ secret, who string }

// TokenURL returns where applications get tokens (RFC 6749 §4.4).
func (s *Server) TokenURL() string { return s.url + "/token" }

// RevokeTokens makes all tokens handed out so far invalid.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

const tokenLife = time.Hour

// token is a token endpoint for client credentials, in a header or in the form.
func (s *Server) token(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	refuse := func(status int, code string) {
		rw.WriteHeader(status)
		json.NewEncoder(rw).Encode(map[string]string{"error": code})
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		refuse(http.StatusBadRequest, "invalid_request")
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	name, secret, ok := r.BasicAuth()
	if ok { // RFC 6749 §2.3.1: encoded as in a form
		name, _ = url.QueryUnescape(name)
		secret, _ = url.QueryUnescape(secret)
	} else {
		name, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	random := make([]byte, 24)
	rand.Read(random)
	text := base64.RawURLEncoding.EncodeToString(random)
	s.mu.Lock()
	known, ok := s.apps[name]
	if ok = ok && subtle.ConstantTimeCompare([]byte(known.secret), []byte(secret)) == 1; ok {
		s.tokens[text] = token{known.who, s.now().Add(tokenLife)}
	}
	s.mu.Unlock()
	if !ok {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	json.NewEncoder(rw).Encode(map[string]any{"access_token": text, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second)})
}

func (s *Server) signIn(user, password string) *principal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	who := s.logins[strings.ToLower(user)]
	if who == nil || who.password == "" || subtle.ConstantTimeCompare([]byte(who.password), []byte(password)) != 1 {
		return nil
	}
	return who
}

// challenge answers as IIS does: one header for each scheme, and no body.
func (s *Server) challenge(rw http.ResponseWriter) {
	for _, scheme := range s.config.Auth {
		if scheme == "Basic" {
			scheme = `Basic realm="` + s.ln.Addr().String() + `"`
		}
		rw.Header().Add("WWW-Authenticate", scheme)
	}
	rw.Header().Set("Content-Length", "0")
	rw.WriteHeader(http.StatusUnauthorized)
}

// certificate makes one for the loopback interface, and what to trust for it.
func certificate() (*tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Microsoft Exchange"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots, nil
}
