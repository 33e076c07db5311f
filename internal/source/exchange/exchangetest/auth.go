package exchangetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

type connKey struct{}

// conn is what a connection remembers of who signed in on it. NTLM authenticates connections.
type conn struct {
	challenge []byte // that NTLM was given
	who       *principal
}

type token struct {
	who     *principal
	expires time.Time
}

// authenticate returns who a request comes from, or answers it and returns nil.
func (s *Server) authenticate(rw http.ResponseWriter, r *http.Request) *principal {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	i := slices.IndexFunc(s.config.Auth, func(a string) bool { return strings.EqualFold(a, scheme) })
	if i >= 0 && s.config.Auth[i] == "Basic" {
		if user, password, ok := r.BasicAuth(); ok {
			if who := s.signIn(user, password); who != nil {
				return who
			}
		}
	}
	_ = rest
	s.challenge(rw)
	return nil
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

func (s *Server) token(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }

func (s *Server) autodiscover(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }

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
