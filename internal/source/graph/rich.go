package graph

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Notifications with content are encrypted with a key of this server's and come with tokens that prove who sends them
// (graph/change-notifications-with-resource-data).

// contentKey is what they are encrypted for.
type contentKey struct {
	id   string // encryptionCertificateId
	key  *rsa.PrivateKey
	cert string // self-signed, DER in base64
	made time.Time
	idle time.Time // since when no subscription names it; zero: one does, or it is the newest
}

const (
	contentKeyBits = 3072                         // 2048 to 4096 are taken
	contentKeyLife = 24 * time.Hour               // then a new one is made
	contentKeyLast = 4*time.Hour + 10*time.Minute // and the old one kept after it is out of use: so long deliveries are tried again (change-notifications-delivery-webhooks)
)

// newContentKey makes a key and its certificate. It takes up to some seconds.
func newContentKey(bits int, now time.Time) (*contentKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("graph: make a key for notifications: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("graph: make a key for notifications: %w", err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Doorlight notifications"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(30 * 24 * time.Hour), KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("graph: make a certificate for notifications: %w", err)
	}
	return &contentKey{id: rand.Text(), key: key, cert: base64.StdEncoding.EncodeToString(der), made: now}, nil
}

// encrypted is changeNotificationEncryptedContent (graph/api/resources/changenotificationencryptedcontent).
type encrypted struct {
	Data      []byte `json:"data"`
	Signature []byte `json:"dataSignature"`
	DataKey   []byte `json:"dataKey"`
	Cert      string `json:"encryptionCertificateId"`
}

var errSealed = errors.New("graph: content that was not encrypted for this server")

// open checks the signature and decrypts the content, in this order (change-notifications-with-resource-data, decrypting resource data).
func (e *encrypted) open(key *rsa.PrivateKey) ([]byte, error) {
	secret, err := rsa.DecryptOAEP(sha1.New(), nil, key, e.DataKey, nil)
	if err != nil || len(secret) != 32 {
		return nil, errSealed
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(e.Data)
	if !hmac.Equal(mac.Sum(nil), e.Signature) {
		return nil, errSealed
	}
	block, err := aes.NewCipher(secret)
	if err != nil || len(e.Data) == 0 || len(e.Data)%aes.BlockSize != 0 {
		return nil, errSealed
	}
	plain := make([]byte, len(e.Data))
	cipher.NewCBCDecrypter(block, secret[:aes.BlockSize]).CryptBlocks(plain, e.Data)
	n := int(plain[len(plain)-1]) // PKCS #7, RFC 5652 §6.3
	if n == 0 || n > aes.BlockSize {
		return nil, errSealed
	}
	for _, b := range plain[len(plain)-n:] {
		if int(b) != n {
			return nil, errSealed
		}
	}
	return plain[:len(plain)-n], nil
}

// changeTracking is Microsoft's application that sends notifications (change-notifications-with-resource-data, validating tokens).
const changeTracking = "0bf30f3b-4a52-48df-9a82-234910c4a086"

// entraKeys are the keys that Entra ID signs tokens with.
type entraKeys struct {
	turn chan struct{} // full while somebody asks for them

	mu      sync.Mutex // guards what follows
	keys    []jose.JSONWebKey
	issuer  string    // with {tenantid} in it
	fetched time.Time // zero: never
	next    time.Time // not to be asked for before
	step    int       // failures in a row
}

const (
	keysFresh = 12 * time.Hour
	keysAgain = time.Minute // if a token names a key that is not among them
	maxProofs = 20          // tokens in one request: there is one for each directory
)

func (k *entraKeys) find(id string, now time.Time) (list []jose.JSONWebKey, issuer string, fetch bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.keys {
		if one.KeyID == id {
			list = append(list, one)
		}
	}
	old := k.fetched.IsZero() || now.Sub(k.fetched) > keysFresh
	return list, k.issuer, (old || len(list) == 0) && !now.Before(k.next)
}

// entraKey returns the keys with an ID and the issuer's template. It asks for them if it has to, at most once a minute. An error says that
// they are not known, so nothing can be said about a token.
func (s *System) entraKey(ctx context.Context, id string) ([]jose.JSONWebKey, string, error) {
	k := &s.teams.keys
	list, issuer, fetch := k.find(id, time.Now())
	if fetch {
		select {
		case k.turn <- struct{}{}:
			defer func() { <-k.turn }()
		case <-ctx.Done():
			return nil, "", context.Cause(ctx)
		}
		if list, issuer, fetch = k.find(id, time.Now()); fetch {
			err := s.fetchKeys(ctx)
			k.mu.Lock()
			if err == nil {
				k.next, k.step = time.Now().Add(keysAgain), 0
			} else {
				k.next = time.Now().Add(s.t.backoff.After(k.step))
				k.step++
			}
			k.mu.Unlock()
			if err != nil {
				s.log.Warn("graph: the keys of Entra ID could not be read", "source", "graph", "err", err)
			}
			list, issuer, _ = k.find(id, time.Now())
		}
	}
	if issuer == "" {
		return nil, "", errors.New("graph: the keys of Entra ID are not known")
	}
	return list, issuer, nil
}

func (s *System) fetchKeys(ctx context.Context) error {
	get := func(u *url.URL, into any) error {
		resp, err := s.http.Do(ctx, outbound.Request{URL: u, MaxBody: 1 << 20, Header: http.Header{"Accept": {"application/json"}}})
		if err != nil {
			return err
		}
		if resp.Status != http.StatusOK {
			return fmt.Errorf("graph: %s answered %d", u.Hostname(), resp.Status)
		}
		if err := json.Unmarshal(resp.Body, into); err != nil {
			return fmt.Errorf("graph: read the keys of Entra ID: %w", err)
		}
		return nil
	}
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := get(s.login.JoinPath("common", ".well-known", "openid-configuration"), &about); err != nil {
		return err
	}
	u, err := url.Parse(about.Keys)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) || about.Issuer == "" {
		return errors.New("graph: Entra ID does not say where its keys are")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := get(u, &set); err != nil {
		return err
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys { // one of a new kind does not spoil the others
		var one jose.JSONWebKey
		if json.Unmarshal(raw, &one) == nil && one.Valid() && one.IsPublic() {
			keys = append(keys, one)
		}
	}
	if len(keys) == 0 {
		return errors.New("graph: Entra ID has no keys")
	}
	k := &s.teams.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.issuer, k.fetched = keys, about.Issuer, time.Now()
	return nil
}

// proven returns the directories, in lower case, for which one of the tokens shows that Microsoft sends the notification. An error
// says that this cannot be known now.
func (s *System) proven(ctx context.Context, tokens []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, text := range tokens[:min(len(tokens), maxProofs)] {
		token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil || len(token.Headers) != 1 {
			continue
		}
		keys, issuer, err := s.entraKey(ctx, token.Headers[0].KeyID)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			var c struct {
				jwt.Claims
				App    string `json:"appid"` // version 1
				Party  string `json:"azp"`   // version 2
				Tenant string `json:"tid"`
			}
			if token.Claims(key, &c) != nil {
				continue
			}
			issuers := []string{strings.ReplaceAll(issuer, "{tenantid}", c.Tenant), "https://sts.windows.net/" + c.Tenant + "/", s.c.LoginURL + "/" + c.Tenant + "/v2.0"}
			app := c.App
			if app == "" {
				app = c.Party
			}
			if app != changeTracking || !isGUID(c.Tenant) || !slices.Contains(issuers, c.Issuer) || c.Expiry == nil ||
				c.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{s.c.ClientID}, Time: time.Now()}, clockSkew) != nil {
				continue
			}
			if guid.MatchString(s.c.Tenant) && !strings.EqualFold(c.Tenant, s.c.Tenant) {
				continue
			}
			out[strings.ToLower(c.Tenant)] = true
		}
	}
	return out, nil
}
