package graphtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Subscriptions to presence and rich notifications (graph/changenotifications-for-presence, graph/change-notifications-with-resource-data).

// certificate is what content is encrypted with.
type certificate struct {
	key        *rsa.PublicKey
	id         string
	thumbprint string // SHA-1 of the certificate, in capitals
}

// readCertificate reads encryptionCertificate, base64 of a DER certificate, with RSA of 2048 to 4096 bits, and encryptionCertificateId.
func readCertificate(text, id string) (*certificate, *reply) {
	refuse := func(format string, args ...any) (*certificate, *reply) {
		bad := fail(400, "InvalidRequest", format, args...)
		return nil, &bad
	}
	switch {
	case text == "":
		return refuse("encryptionCertificate is required when includeResourceData is set.")
	case id == "":
		return refuse("encryptionCertificateId is required when encryptionCertificate is set.")
	case len(id) > 128:
		return refuse("encryptionCertificateId must not be longer than 128 characters.")
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return refuse("encryptionCertificate is not base64.")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return refuse("encryptionCertificate is not a certificate.")
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 || key.N.BitLen() > 4096 {
		return refuse("encryptionCertificate must have an RSA key of 2048 to 4096 bits.")
	}
	sum := sha1.Sum(der)
	return &certificate{key: key, id: id, thumbprint: strings.ToUpper(hex.EncodeToString(sum[:]))}, nil
}

// encrypt does what is published: AES-256-CBC with PKCS#7 under a new key, whose first 16 bytes are the initialization vector; HMAC-SHA256 with it over
// what is encrypted; and the key itself with RSA-OAEP (SHA-1).
func (c *certificate) encrypt(plain []byte) map[string]string {
	key := make([]byte, 32)
	rand.Read(key)
	return c.encryptWith(key, plain)
}

func (c *certificate) encryptWith(key, plain []byte) map[string]string {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 32 bytes
	}
	fill := aes.BlockSize - len(plain)%aes.BlockSize
	data := append(slices.Clone(plain), bytes.Repeat([]byte{byte(fill)}, fill)...)
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(data, data)
	mac := hmac.New(sha256.New, key)
	mac.Write(data)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, c.key, key, nil)
	if err != nil {
		panic(err) // 32 bytes fit into 2048 bits
	}
	b := base64.StdEncoding.EncodeToString
	return map[string]string{"data": b(data), "dataSignature": b(mac.Sum(nil)), "dataKey": b(wrapped), "encryptionCertificateId": c.id,
		"encryptionCertificateThumbprint": c.thumbprint}
}

// presenceContent is what is encrypted (graph/changenotifications-for-presence, decrypted notifications with resource data).
type presenceContent struct {
	ODataID      string `json:"@odata.id"`
	ODataType    string `json:"@odata.type"`
	ID           string `json:"id"`
	Availability string `json:"availability"`
	Activity     string `json:"activity"`
	Sequence     string `json:"sequenceNumber,omitempty"`
}

var (
	onePresence    = regexp.MustCompile(`^/?communications/presences/([^/?]+)$`)
	manyPresences  = regexp.MustCompile(`^/?communications/presences\?\$filter=id in \(([^()]*)\)$`)
	quotedPresence = regexp.MustCompile(`^'([^']*)'$`)
)

// presenceResource returns the IDs in the resource of a subscription to presence; ok is false if it is none.
func presenceResource(resource string) (ids []string, ok bool) {
	if plain, err := url.PathUnescape(resource); err == nil {
		resource = plain
	}
	if m := onePresence.FindStringSubmatch(resource); m != nil {
		return []string{m[1]}, true
	}
	m := manyPresences.FindStringSubmatch(resource)
	if m == nil {
		return nil, false
	}
	for _, one := range strings.Split(m[1], ",") {
		q := quotedPresence.FindStringSubmatch(strings.TrimSpace(one))
		if q == nil {
			return nil, false
		}
		ids = append(ids, q[1])
	}
	return ids, true
}

// extension is how the service behind a subscription is quoted.
func extension(status int, words, reason string, args ...any) *reply {
	out := fail(status, "ExtensionError", "Operation: Create; Exception: [Status Code: %s; Reason: %s]", words, fmt.Sprintf(reason, args...))
	return &out
}

// mayFollow says why there is no subscription to the presence of these. s.mu is not held.
func (s *Server) mayFollow(r *request, in *subscriptionInput, ids []string) *reply {
	switch {
	case r.token.box == nil: // "Application: not supported"
		return extension(403, "Forbidden", "Application permissions are not supported for presence.")
	case !r.token.may("Presence.Read.All"):
		return extension(403, "Forbidden", "")
	case in.ChangeType != "updated": // supported change types: updated
		return extension(400, "BadRequest", "changeType '%s' is not supported for presence.", in.ChangeType)
	case len(ids) > mostPresences:
		return extension(400, "BadRequest", "A maximum of %d user IDs can be subscribed to.", mostPresences)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range ids {
		if !isGUID(id) {
			return extension(400, "BadRequest", "The user ID '%s' is not valid.", id)
		}
		if s.presenceRules.RefuseUnknown && s.boxes[strings.ToLower(id)] == nil {
			return extension(500, "InternalServerError", "The presence of '%s' cannot be subscribed to.", id)
		}
	}
	return nil
}

// follow enters a subscription to presence. s.mu is held.
func (s *Server) follow(one *Subscription, ids []string) *reply {
	now := s.clock()
	s.expire(now)
	for _, other := range s.subs {
		if other.presence && other.box == one.box && other.app == one.app {
			// "A single user can create one presence subscription per unique application." The words, with their error, were reported at
			// microsoftgraph/msgraph-beta-sdk-dotnet, "Only a single subscription to Teams presence can be created".
			return extension(409, "Conflict", "A subscripton already exists. It must be deleted before a another can be made.")
		}
	}
	one.presence = true
	for _, id := range ids {
		box := s.boxes[strings.ToLower(id)]
		if box == nil || slices.Contains(one.users, box) {
			continue
		}
		p := &box.presence
		if len(p.watchers) == 0 {
			p.watchers = map[*Subscription]bool{}
			p.told = s.visible(box, now).Sequence
			s.alarm(box, now)
		}
		p.watchers[one] = true
		one.users = append(one.users, box)
		one.Users = append(one.Users, box.info.ID)
	}
	return nil
}

// unfollow is the end of a subscription to presence. s.mu is held.
func (s *Server) unfollow(one *Subscription) {
	for _, box := range one.users {
		s.forget(box, one)
	}
	one.users = nil
}

func (s *Server) forget(box *mailbox, one *Subscription) {
	delete(box.presence.watchers, one)
	if len(box.presence.watchers) == 0 {
		delete(s.due, box)
	}
}

// alarm has a user's subscribers told what there is to tell at that time. s.mu is held.
func (s *Server) alarm(box *mailbox, at time.Time) {
	s.due[box] = at
	s.awake()
}

func (s *Server) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// herald tells subscribers of presence, when it changes and when time alone changes it, until the stand-in is closed.
func (s *Server) herald() {
	defer s.posts.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.mu.Lock()
		wait := s.announce(s.clock())
		s.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-s.life.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// announce tells what is to be told by now, and returns how long there is nothing more. s.mu is held.
func (s *Server) announce(now time.Time) time.Duration {
	wait := time.Hour
	for box, due := range s.due {
		if !due.After(now) {
			if due = s.announceOf(box, now); due.IsZero() {
				delete(s.due, box)
				continue
			}
			s.due[box] = due
		}
		wait = min(wait, max(due.Sub(now), 0))
	}
	return wait
}

// announceOf tells what is to be told of one user, and returns when to look again; zero: when they change.
func (s *Server) announceOf(box *mailbox, now time.Time) time.Time {
	p := &box.presence
	now = s.settle(p, now)
	delay, due := s.delayOf(box), p.next
	for _, one := range p.shown {
		if one.Sequence <= p.told {
			continue
		}
		if seen := one.Since.Add(delay); seen.After(now) {
			if due.IsZero() || seen.Before(due) {
				due = seen
			}
			break
		}
		p.told = one.Sequence
		s.tellPresence(box, one, now)
	}
	return due
}

// tellPresence sends notifications of what is shown of a user. s.mu is held.
func (s *Server) tellPresence(box *mailbox, shown Presence, now time.Time) {
	for one := range box.presence.watchers {
		if now.After(one.Expires) {
			continue
		}
		if s.notify.Miss != 0 {
			if s.notify.Miss > 0 {
				s.notify.Miss--
			}
			continue
		}
		items, tokens := []any{s.presenceItem(one, box, shown, one.State)}, s.vouch(one, now)
		delay := time.Duration(0)
		if s.notify.Late > 0 {
			if s.late++; !s.notify.Reverse || s.late%2 == 1 {
				delay = s.notify.Late
			}
		}
		s.post(one.NotifyURL, items, delay, tokens...)
		if s.notify.Twice {
			s.post(one.NotifyURL, items, delay, tokens...)
		}
	}
}

// presenceItem is one notification. s.mu is held.
func (s *Server) presenceItem(one *Subscription, box *mailbox, shown Presence, state string) map[string]any {
	id := box.info.ID
	item := s.item(one, state)
	item["changeType"], item["resource"], item["organizationId"] = "updated", "communications/presences/"+id, s.Tenant
	about := "users/" + id + "/presence"
	item["resourceData"] = map[string]string{"@odata.id": about, "@odata.type": "#microsoft.graph.presence", "id": id}
	if one.certificate == nil {
		return item
	}
	content := presenceContent{about, "#microsoft.graph.presence", id, shown.Availability, shown.Activity, ""}
	if s.presenceRules.SequenceInNotifications {
		content.Sequence = shown.Sequence
	}
	plain, err := json.Marshal(content)
	if err != nil {
		panic(err) // texts
	}
	encrypted := one.certificate.encrypt(plain)
	if s.notify.Tamper {
		data, err := base64.StdEncoding.DecodeString(encrypted["data"])
		if err != nil {
			panic(err) // made above
		}
		data[len(data)/2] ^= 1
		encrypted["data"] = base64.StdEncoding.EncodeToString(data)
	}
	item["encryptedContent"] = encrypted
	return item
}

// What can be wrong with the validation tokens of rich notifications: NotifyFaults.Tokens.
const (
	NoToken        = "none"      // there is none
	ForeignToken   = "signature" // signed with another key
	ExpiredToken   = "expired"
	OtherAudience  = "audience"  // of another application
	OtherPublisher = "publisher" // from another application than Microsoft's
	OtherIssuer    = "issuer"    // of another directory
)

// publisher is the application that sends notifications (graph/change-notifications-with-resource-data, how to validate).
const publisher = "0bf30f3b-4a52-48df-9a82-234910c4a086"

// voucher is a validation token that was made.
type voucher struct {
	text string
	from time.Time
}

const voucherLife = 29_100 * time.Second // as in the published example

// vouch returns the validation tokens of a notification to a subscription: none of a basic one, and of a rich one the one of its application and
// directory. s.mu is held.
func (s *Server) vouch(one *Subscription, now time.Time) []string {
	if one.certificate == nil || s.notify.Tokens == NoToken {
		return nil
	}
	key := one.app + " " + s.notify.Tokens
	if v := s.vouchers[key]; v.text != "" && !now.Before(v.from) && now.Sub(v.from) < voucherLife/2 {
		return []string{v.text}
	}
	audience, from, tenant, by := one.app, now, s.Tenant, publisher
	switch s.notify.Tokens {
	case ExpiredToken:
		from = now.Add(-2 * voucherLife)
	case OtherAudience:
		audience = s.guid("another application")
	case OtherPublisher:
		by = one.app
	case OtherIssuer:
		tenant = s.guid("another directory")
	}
	issuer := "https://sts.windows.net/" + tenant + "/"
	var nonce [16]byte
	rand.Read(nonce[:])
	text, err := s.jwt(map[string]any{"aud": audience, "iss": issuer, "iat": from.Unix(), "nbf": from.Unix(), "exp": from.Add(voucherLife).Unix(),
		"aio": base64.StdEncoding.EncodeToString(nonce[:]), "appid": by, "appidacr": "2", "idp": issuer, "tid": tenant, "uti": b64(nonce[:]), "ver": "1.0"})
	if err != nil {
		panic(err) // a key that signed before
	}
	if s.notify.Tokens == ForeignToken {
		signed := text[:strings.LastIndexByte(text, '.')]
		forged := make([]byte, s.key.Size())
		rand.Read(forged)
		text = signed + "." + b64(forged)
	}
	s.vouchers[key] = voucher{text, now}
	return []string{text}
}
