package graph

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// parseCertificate finds the certificate and the key that belong together, or says what is wrong.
func parseCertificate(text []byte) (*x509.Certificate, *rsa.PrivateKey, string) {
	var (
		certs []*x509.Certificate
		key   *rsa.PrivateKey
	)
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, "holds a certificate that is damaged"
			}
			certs = append(certs, c)
		case "ENCRYPTED PRIVATE KEY":
			return nil, nil, "holds a private key that is encrypted; store it without a password (openssl pkey -in key.pem -out plain.pem)"
		case "PRIVATE KEY", "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, nil, "holds a private key that is encrypted; store it without a password (openssl pkey -in key.pem -out plain.pem)"
			}
			var any crypto.PrivateKey
			var err error
			if block.Type == "PRIVATE KEY" {
				any, err = x509.ParsePKCS8PrivateKey(block.Bytes)
			} else {
				any, err = x509.ParsePKCS1PrivateKey(block.Bytes)
			}
			if err != nil {
				return nil, nil, "holds a private key that is damaged"
			}
			k, ok := any.(*rsa.PrivateKey)
			if !ok {
				return nil, nil, "holds a private key that is not RSA; Entra ID takes no other"
			}
			if key != nil {
				return nil, nil, "holds more than one private key"
			}
			key = k
		case "EC PRIVATE KEY":
			return nil, nil, "holds a private key that is not RSA; Entra ID takes no other"
		}
	}
	switch {
	case len(certs) == 0 && key == nil:
		return nil, nil, "is no PEM: it must hold a BEGIN CERTIFICATE and a BEGIN PRIVATE KEY"
	case len(certs) == 0:
		return nil, nil, "holds a private key but no certificate (BEGIN CERTIFICATE)"
	case key == nil:
		return nil, nil, "holds a certificate but not its private key (BEGIN PRIVATE KEY)"
	case key.N.BitLen() < 2048:
		return nil, nil, fmt.Sprintf("has a key of %d bits; 2048 are the least", key.N.BitLen())
	}
	for _, c := range certs {
		if public, ok := c.PublicKey.(*rsa.PublicKey); ok && public.Equal(&key.PublicKey) {
			return c, key, ""
		}
	}
	return nil, nil, "holds a private key that does not belong to the certificate"
}

// assertionLife is how long an assertion is good: five to ten minutes are asked for
// (entra/identity-platform/certificate-credentials).
const assertionLife = 5 * time.Minute

// credential adds to a token request who we are: a secret, or an assertion signed with the certificate's key.
func (s *System) credential(form url.Values, endpoint string) error {
	form.Set("client_id", s.c.ClientID)
	if s.key == nil {
		form.Set("client_secret", s.c.Secret)
		return nil
	}
	print := sha256.Sum256(s.cert.Raw)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: s.key}, (&jose.SignerOptions{}).WithType("JWT").
		WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(print[:])))
	if err != nil {
		return fmt.Errorf("graph: sign with the certificate: %w", err)
	}
	now := time.Now()
	signed, err := jwt.Signed(signer).Claims(jwt.Claims{
		Audience: jwt.Audience{endpoint}, Issuer: s.c.ClientID, Subject: s.c.ClientID, ID: rand.Text(),
		NotBefore: jwt.NewNumericDate(now.Add(-time.Minute)), IssuedAt: jwt.NewNumericDate(now),
		Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return fmt.Errorf("graph: sign with the certificate: %w", err)
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") // RFC 7523 §2.2
	form.Set("client_assertion", signed)
	return nil
}
