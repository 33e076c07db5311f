package graphtest

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailslot takes notifications.
type mailslot struct {
	server *httptest.Server
	came   chan map[string]any
}

func newMailslot(t *testing.T) *mailslot {
	t.Helper()
	m := &mailslot{came: make(chan map[string]any, 1000)}
	server, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.URL.Query().Get("validationToken"); token != "" {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, token)
			return
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("a notification: %v", err)
		}
		m.came <- body
		w.WriteHeader(http.StatusAccepted)
	}), Config{})
	must(t, err)
	m.server = server
	t.Cleanup(server.Close)
	return m
}

// next is the next notification.
func (m *mailslot) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case body := <-m.came:
		return body
	case <-time.After(20 * time.Second):
		t.Fatal("no notification came")
		return nil
	}
}

// quiet is when none comes.
func (m *mailslot) quiet(t *testing.T, what string) {
	t.Helper()
	select {
	case body := <-m.came:
		t.Errorf("%s: %v", what, body)
	case <-time.After(200 * time.Millisecond):
	}
}

func item(body map[string]any) map[string]any { return body["value"].([]any)[0].(map[string]any) }

// follow is a subscription that is good, with changes.
func (c *client) follow(m *mailslot, resource string, change map[string]any) (int, map[string]any) {
	c.t.Helper()
	c.s.mu.RLock()
	ends := c.s.clock().Add(time.Hour)
	c.s.mu.RUnlock()
	body := map[string]any{"changeType": "updated", "notificationUrl": m.server.URL, "lifecycleNotificationUrl": m.server.URL + "/life", "resource": resource,
		"expirationDateTime": ends.UTC().Format("2006-01-02T15:04:05.0000000Z"), "clientState": "secret"}
	for name, value := range change {
		body[name] = value
		if value == nil {
			delete(body, name)
		}
	}
	text, err := json.Marshal(body)
	must(c.t, err)
	status, _, out := c.do("POST", c.s.GraphURL+"/v1.0/subscriptions", "application/json", string(text))
	return status, out
}

func bulk(ids ...string) string {
	return "/communications/presences?$filter=id in ('" + strings.Join(ids, "', '") + "')"
}

// reading is a key to read content with.
type reading struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

var readings = sync.OnceValues(func() (map[int]reading, error) {
	out := map[int]reading{}
	for _, bits := range []int{1024, 2048} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return nil, err
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(bits)), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		out[bits] = reading{key, cert}
	}
	return out, nil
})

func newReading(t *testing.T, bits int) reading {
	t.Helper()
	all, err := readings()
	must(t, err)
	return all[bits]
}

func (r reading) rich(change map[string]any) map[string]any {
	out := map[string]any{"includeResourceData": true, "encryptionCertificate": base64.StdEncoding.EncodeToString(r.cert.Raw), "encryptionCertificateId": "one"}
	for name, value := range change {
		out[name] = value
	}
	return out
}

// open reads content as published, on its own: it shares nothing with what wrote it. It returns the symmetric key too.
func open(key *rsa.PrivateKey, content map[string]any) (plain, symmetric []byte, err error) {
	get := func(name string) []byte {
		text, _ := content[name].(string)
		out, bad := base64.StdEncoding.DecodeString(text)
		if bad != nil {
			err = bad
		}
		return out
	}
	data, signature, wrapped := get("data"), get("dataSignature"), get("dataKey")
	if err != nil {
		return nil, nil, err
	}
	if symmetric, err = rsa.DecryptOAEP(sha1.New(), nil, key, wrapped, nil); err != nil {
		return nil, nil, err
	}
	mac := hmac.New(sha256.New, symmetric)
	mac.Write(data)
	if !hmac.Equal(mac.Sum(nil), signature) {
		return nil, nil, errors.New("the signature is wrong")
	}
	block, err := aes.NewCipher(symmetric)
	if err != nil || len(data)%16 != 0 || len(data) == 0 {
		return nil, nil, fmt.Errorf("data of %d bytes: %w", len(data), err)
	}
	cipher.NewCBCDecrypter(block, symmetric[:16]).CryptBlocks(data, data)
	fill := int(data[len(data)-1])
	if fill == 0 || fill > 16 {
		return nil, nil, errors.New("the filling is wrong")
	}
	return data[:len(data)-fill], symmetric, nil
}

func load(t *testing.T, name string, into any) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	must(t, err)
	if into != nil {
		must(t, json.Unmarshal(text, into))
	}
	return text
}

// TestContentIsEncryptedAsPublished: what we encrypt is, byte for byte, what the example has, which other code made.
func TestContentIsEncryptedAsPublished(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(load(t, "notification-presence-encrypted-a.cert.pem", nil))
	cert, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(load(t, "notification-presence-encrypted-a.TEST-ONLY.key.der.b64", nil))), ""))
	must(t, err)
	key, err := x509.ParsePKCS1PrivateKey(der)
	must(t, err)
	var example map[string]any
	load(t, "notification-presence-encrypted-a.json", &example)
	content := item(example)["encryptedContent"].(map[string]any)
	plain, symmetric, err := open(key, content)
	must(t, err)
	var got, want map[string]any
	must(t, json.Unmarshal(plain, &got))
	load(t, "notification-presence-encrypted-a.expected.json", &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example says %v, want %v", got, want)
	}
	ours, bad := readCertificate(base64.StdEncoding.EncodeToString(cert.Raw), "cert-a")
	if bad != nil {
		t.Fatal(bad.body)
	}
	again := ours.encryptWith(symmetric, plain)
	for _, name := range []string{"data", "dataSignature", "encryptionCertificateId", "encryptionCertificateThumbprint"} {
		if again[name] != content[name] {
			t.Errorf("%s: %s, the example has %s", name, again[name], content[name])
		}
	}
	if wrapped, err := base64.StdEncoding.DecodeString(again["dataKey"]); err != nil || len(wrapped) != 256 {
		t.Errorf("dataKey of %d bytes: %v", len(wrapped), err)
	} else if same, err := rsa.DecryptOAEP(sha1.New(), nil, key, wrapped, nil); err != nil || !bytes.Equal(same, symmetric) {
		t.Errorf("dataKey is another: %v", err)
	}
}

// claims checks a validation token by the steps that are published, and returns what is in it.
func claims(t *testing.T, s *Server, token string) (map[string]any, error) {
	t.Helper()
	c := newClient(t, s)
	_, _, configuration := c.do("GET", s.LoginURL+"/common/.well-known/openid-configuration", "", "")
	_, _, keys := c.do("GET", configuration["jwks_uri"].(string), "", "")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("no token")
	}
	var header, out map[string]any
	for i, into := range []any{&header, &out} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		must(t, err)
		must(t, json.Unmarshal(raw, into))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	must(t, err)
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, one := range keys["keys"].([]any) {
		k := one.(map[string]any)
		if k["kid"] != header["kid"] {
			continue
		}
		n, err := base64.RawURLEncoding.DecodeString(k["n"].(string))
		must(t, err)
		e, err := base64.RawURLEncoding.DecodeString(k["e"].(string))
		must(t, err)
		public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		return out, rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature)
	}
	return nil, errors.New("no such key")
}

// TestRichNotifications carry what is shown, for those who hold the key, and show who sends them.
func TestRichNotifications(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	m, r := newMailslot(t), newReading(t, 2048)
	c := as(t, s, bert, "Presence.Read.All")
	of := id(t, s, anna)
	status, made := c.follow(m, bulk(of, id(t, s, bert)), r.rich(nil))
	if status != 201 || made["includeResourceData"] != true || made["encryptionCertificateId"] != "one" || made["creatorId"] != id(t, s, bert) {
		t.Fatalf("%d %v", status, made)
	}
	must(t, s.Client(anna, "desktop", "Busy", "InACall"))
	body := m.next(t)
	got := item(body)
	if got["subscriptionId"] != made["id"] || got["clientState"] != "secret" || got["changeType"] != "updated" || got["resource"] != "communications/presences/"+of || got["tenantId"] != s.Tenant {
		t.Errorf("%v", got)
	}
	var example map[string]any
	load(t, "notification-presence-encrypted-a.json", &example)
	if a, b := names(got), names(item(example)); !slices.Equal(a, b) {
		t.Errorf("a notification has %q, the published one %q", a, b)
	}
	if a, b := names(got["encryptedContent"]), names(item(example)["encryptedContent"]); !slices.Equal(a, b) {
		t.Errorf("content has %q, the published one %q", a, b)
	}
	plain, _, err := open(r.key, got["encryptedContent"].(map[string]any))
	must(t, err)
	var content, want map[string]any
	must(t, json.Unmarshal(plain, &content))
	load(t, "notification-presence-encrypted-a.expected.json", &want)
	want["id"], want["@odata.id"] = of, "users/"+of+"/presence"
	if !reflect.DeepEqual(content, want) {
		t.Errorf("content %v, want %v", content, want)
	}
	tokens := body["validationTokens"].([]any)
	said, err := claims(t, s, tokens[0].(string))
	var published map[string]any
	load(t, "validation-token-jwt-claims.json", &published)
	if err != nil || len(tokens) != 1 || !slices.Equal(names(said), names(published)) || said["aud"] != appID || said["appid"] != published["appid"] ||
		said["iss"] != "https://sts.windows.net/"+s.Tenant+"/" || said["exp"].(float64) < float64(time.Now().Unix()) {
		t.Errorf("validation token: %v %v", said, err)
	}
	for name, wrong := range map[string]func(map[string]any, error) bool{
		ForeignToken:   func(_ map[string]any, err error) bool { return err != nil },
		ExpiredToken:   func(said map[string]any, _ error) bool { return said["exp"].(float64) < float64(time.Now().Unix()) },
		OtherAudience:  func(said map[string]any, _ error) bool { return said["aud"] != appID },
		OtherPublisher: func(said map[string]any, _ error) bool { return said["appid"] != published["appid"] },
		OtherIssuer:    func(said map[string]any, _ error) bool { return !strings.Contains(said["iss"].(string), s.Tenant) },
	} {
		s.SetNotifyFaults(NotifyFaults{Tokens: name})
		must(t, s.Choose(anna, Pair{"Away", "Away"}, 0))
		said, err := claims(t, s, m.next(t)["validationTokens"].([]any)[0].(string))
		if !wrong(said, err) {
			t.Errorf("%s: the token is good: %v", name, said)
		}
		s.SetNotifyFaults(NotifyFaults{})
		must(t, s.Reset(anna))
		if said, err := claims(t, s, m.next(t)["validationTokens"].([]any)[0].(string)); err != nil || wrong(said, err) {
			t.Errorf("%s: and after it still is: %v %v", name, said, err)
		}
	}
	s.SetNotifyFaults(NotifyFaults{Tokens: NoToken, Tamper: true})
	must(t, s.Choose(anna, Pair{"Away", "Away"}, 0))
	body = m.next(t)
	if _, _, err := open(r.key, item(body)["encryptedContent"].(map[string]any)); err == nil || body["validationTokens"] != nil {
		t.Errorf("tampered with and without token: %v %v", body, err)
	}
	s.SetNotifyFaults(NotifyFaults{})
	s.SetPresenceRules(PresenceRules{SequenceInNotifications: true})
	must(t, s.Reset(anna))
	plain, _, err = open(r.key, item(m.next(t))["encryptedContent"].(map[string]any))
	must(t, err)
	if !strings.Contains(string(plain), `"sequenceNumber":"`+s.Shown(anna).Sequence+`"`) {
		t.Errorf("no sequence: %s", plain)
	}
}

func names(v any) (out []string) {
	m, _ := v.(map[string]any)
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// TestWhoMayFollowPresence and how, as published.
func TestWhoMayFollowPresence(t *testing.T) {
	t.Parallel()
	s, app := office(t, Config{})
	m, r := newMailslot(t), newReading(t, 2048)
	of := id(t, s, anna)
	c := as(t, s, bert, "Presence.Read.All")
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	elliptical, err := x509.CreateCertificate(rand.Reader, template, template, &curve.PublicKey, curve)
	must(t, err)
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
		}
		return bulk(list...)
	}
	for name, one := range map[string]struct {
		resource string
		change   map[string]any
		want     string
	}{
		"65 minutes":             {bulk(of), map[string]any{"expirationDateTime": in(65 * time.Minute)}, "400 InvalidRequest"},
		"made and changed":       {bulk(of), map[string]any{"changeType": "created,updated"}, "400 ExtensionError"},
		"deleted":                {bulk(of), map[string]any{"changeType": "deleted"}, "400 ExtensionError"},
		"651":                    {many(651), nil, "400 ExtensionError"},
		"a name":                 {bulk(anna), nil, "400 ExtensionError"},
		"a name of one":          {"communications/presences/" + anna, nil, "400 ExtensionError"},
		"another filter":         {"/communications/presences?$filter=availability eq 'Busy'", nil, "400 ExtensionError"},
		"without quotes":         {"/communications/presences?$filter=id in (" + of + ")", nil, "400 ExtensionError"},
		"all":                    {"/communications/presences", nil, "400 ExtensionError"},
		"content without key":    {bulk(of), map[string]any{"includeResourceData": true}, "400 InvalidRequest"},
		"without the key's name": {bulk(of), r.rich(map[string]any{"encryptionCertificateId": ""}), "400 InvalidRequest"},
		"a long name":            {bulk(of), r.rich(map[string]any{"encryptionCertificateId": strings.Repeat("x", 129)}), "400 InvalidRequest"},
		"no certificate":         {bulk(of), r.rich(map[string]any{"encryptionCertificate": "aGVsbG8="}), "400 InvalidRequest"},
		"no base64":              {bulk(of), r.rich(map[string]any{"encryptionCertificate": "%"}), "400 InvalidRequest"},
		"a short key":            {bulk(of), newReading(t, 1024).rich(nil), "400 InvalidRequest"},
		"a key of another kind":  {bulk(of), r.rich(map[string]any{"encryptionCertificate": base64.StdEncoding.EncodeToString(elliptical)}), "400 InvalidRequest"},
	} {
		status, body := c.follow(m, one.resource, one.change)
		if got := fmt.Sprint(status, " ", errorCode(body)); got != one.want {
			t.Errorf("%s: %s, want %s", name, got, one.want)
		}
	}
	if status, body := app.follow(m, bulk(of), nil); status != 403 || errorCode(body) != "ExtensionError" {
		t.Errorf("an application: %d %v", status, body)
	}
	if status, body := as(t, s, bert, "Presence.Read").follow(m, bulk(of), nil); status != 403 {
		t.Errorf("who may read their own only: %d %v", status, body)
	}
	if len(s.Subscriptions()) != 0 {
		t.Fatalf("there are %v", s.Subscriptions())
	}
	status, made := c.follow(m, many(650), nil)
	if status != 201 {
		t.Fatalf("650: %d %v", status, made)
	}
	status, body := c.follow(m, bulk(of), nil)
	message, _ := body["error"].(map[string]any)["message"].(string)
	if status != 409 || errorCode(body) != "ExtensionError" || !strings.Contains(message, "A subscripton already exists. It must be deleted before a another can be made.") {
		t.Errorf("a second one: %d %v", status, body)
	}
	other := as(t, s, anna, "Presence.Read.All")
	if status, body := other.follow(m, "communications/presences/"+of, nil); status != 201 {
		t.Errorf("of somebody else: %d %v", status, body)
	}
	path := s.GraphURL + "/v1.0/subscriptions/" + made["id"].(string)
	if status, _, _ := other.do("DELETE", path, "", ""); status != 404 {
		t.Errorf("delete another's: %d", status)
	}
	if _, body := c.get("/subscriptions"); len(body["value"].([]any)) != 1 {
		t.Errorf("bert has %v", body)
	}
	if status, _, body := c.do("PATCH", path, "application/json", `{"expirationDateTime":"`+in(59*time.Minute)+`"}`); status != 200 {
		t.Errorf("renew: %d %v", status, body)
	}
	if status, _, _ := c.do("PATCH", path, "application/json", `{"expirationDateTime":"`+in(2*time.Hour)+`"}`); status != 400 {
		t.Errorf("renew for two hours: %d", status)
	}
	if status, _, _ := c.do("DELETE", path, "", ""); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if status, body := c.follow(m, bulk(of), nil); status != 201 {
		t.Errorf("when the first is deleted: %d %v", status, body)
	}
	s.SetClock(61 * time.Minute)
	s.SetPresenceRules(PresenceRules{RefuseUnknown: true})
	c = as(t, s, bert, "Presence.Read.All")
	if status, body := c.follow(m, bulk(of, "00000000-0000-4000-8000-000000000000"), nil); status != 500 {
		t.Errorf("with somebody who is not there: %d %v", status, body)
	}
	if status, body := c.follow(m, bulk(of), nil); status != 201 {
		t.Errorf("when the last has ended: %d %v", status, body)
	}
}

// TestNotificationsOfPresence come when something changes, also when only time passes, as late as it is seen.
func TestNotificationsOfPresence(t *testing.T) {
	t.Parallel()
	s, app := office(t, Config{TokenLife: 100 * time.Hour})
	m, k := newMailslot(t), &clock{s: s}
	of, other := id(t, s, anna), id(t, s, bert)
	must(t, s.Client(anna, "desktop", "Available", "Available"))
	if status, body := as(t, s, bert, "Presence.Read.All").follow(m, bulk(of, other), nil); status != 201 {
		t.Fatalf("%d %v", status, body)
	}
	hears := func(what, about string) {
		t.Helper()
		body := m.next(t)
		if got := item(body); got["resource"] != "communications/presences/"+about || got["encryptedContent"] != nil || body["validationTokens"] != nil {
			t.Errorf("%s: %v", what, body)
		}
	}
	must(t, s.Client(anna, "desktop", "Busy", "InAMeeting"))
	body := m.next(t)
	var example map[string]any
	load(t, "notification-presence-basic.json", &example)
	if a, b := names(item(body)), names(item(example)); !slices.Equal(a, b) || item(body)["resource"] != "communications/presences/"+of {
		t.Errorf("a notification has %q, the published one %q: %v", a, b, body)
	}
	must(t, s.Client(anna, "desktop", "Busy", "InAMeeting")) // no change, so nothing is told
	if got := app.post("/users/"+other+"/presence/setPresence", sessionBody(appID, Pair{"Available", "Available"}, "PT20M")); got != "200" {
		t.Fatal(got)
	}
	hears("a session is set", other)
	k.pass(5*time.Minute + time.Second)
	hears("it fades", other)
	k.pass(5 * time.Minute)
	hears("it fades more", other)
	k.pass(10 * time.Minute)
	hears("it ends", other)
	if got := s.Shown(bert).String(); got != "Offline/Offline" {
		t.Errorf("bert is %s", got)
	}
	s.SetNotifyFaults(NotifyFaults{Miss: 1})
	must(t, s.Call(anna, bert)) // of one of them nothing is told
	m.next(t)
	s.SetNotifyFaults(NotifyFaults{Twice: true})
	must(t, s.EndCall(anna, bert))
	got := map[string]int{}
	for range 4 {
		got[item(m.next(t))["resource"].(string)]++
	}
	if got["communications/presences/"+of] != 2 || got["communications/presences/"+other] != 2 {
		t.Errorf("twice each: %v", got)
	}
	s.SetNotifyFaults(NotifyFaults{Late: 400 * time.Millisecond, Reverse: true})
	must(t, s.Choose(bert, Pair{"Away", "Away"}, 0))
	must(t, s.Choose(anna, Pair{"Away", "Away"}, 0))
	m.next(t)
	m.next(t)
	s.SetNotifyFaults(NotifyFaults{})
	s.SetPresenceDelay(After(5 * time.Minute))
	must(t, s.Reset(anna))
	k.pass(4 * time.Minute)
	must(t, s.Reset(bert))
	k.pass(61 * time.Second)
	hears("five minutes later", of)
	k.pass(4 * time.Minute)
	hears("and four more", other)
	s.SetPresenceDelay(nil)
	k.pass(time.Hour) // it has ended
	must(t, s.Client(anna, "desktop", "DoNotDisturb", "Presenting"))
	m.quiet(t, "after the end")
}

// TestLifecycleOfPresence: it is said to who signed in.
func TestLifecycleOfPresence(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	m := newMailslot(t)
	c := as(t, s, bert, "Presence.Read.All")
	if status, body := c.follow(m, bulk(id(t, s, anna)), nil); status != 201 {
		t.Fatalf("%d %v", status, body)
	}
	for _, event := range []string{"missed", "reauthorizationRequired", "subscriptionRemoved"} {
		must(t, s.Lifecycle(bert, event))
		if got := item(m.next(t)); got["lifecycleEvent"] != event || got["clientState"] != "secret" {
			t.Errorf("%s: %v", event, got)
		}
	}
	if len(s.Subscriptions()) != 0 {
		t.Errorf("there are %v", s.Subscriptions())
	}
	if status, body := c.follow(m, bulk(id(t, s, anna), id(t, s, bert)), newReading(t, 2048).rich(nil)); status != 201 {
		t.Fatalf("again: %d %v", status, body)
	}
	if one := s.Subscriptions()[id(t, s, bert)]; len(one) != 1 || !one[0].Rich || !slices.Equal(one[0].Users, []string{id(t, s, anna), id(t, s, bert)}) {
		t.Errorf("there are %+v", one)
	}
	must(t, s.Forge(bert, "another secret"))
	if got := item(m.next(t)); got["clientState"] != "another secret" || got["encryptedContent"] == nil {
		t.Errorf("forged: %v", got)
	}
	must(t, s.Client(anna, "desktop", "Available", "Available"))
	m.next(t)
	must(t, s.Idle(anna, "desktop"))
	must(t, s.RemoveMailbox(anna))
	s.SetClock(6 * time.Minute) // in which anna's client would have faded
	m.quiet(t, "of who is gone")
	must(t, s.LoseSubscriptions(bert))
	must(t, s.Client(bert, "desktop", "Available", "Available"))
	m.quiet(t, "of a subscription that is lost")
}

// TestPresenceWhileManyDoSomething is for the race detector.
func TestPresenceWhileManyDoSomething(t *testing.T) {
	t.Parallel()
	s, app := office(t, Config{})
	m := newMailslot(t)
	k := &clock{s: s}
	if status, body := as(t, s, bert, "Presence.Read.All").follow(m, bulk(id(t, s, anna), id(t, s, bert)), newReading(t, 2048).rich(nil)); status != 201 {
		t.Fatalf("%d %v", status, body)
	}
	var wg sync.WaitGroup
	ids := []string{id(t, s, anna), id(t, s, bert)}
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				switch i {
				case 0:
					s.Call(anna, bert)
					s.EndCall(bert, anna)
				case 1:
					app.reads(ids...)
					s.Sessions(anna)
				case 2:
					app.post("/users/"+ids[0]+"/presence/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, ""))
					app.post("/users/"+ids[0]+"/presence/clearPresence", `{"sessionId":"`+appID+`"}`)
				case 3:
					k.pass(time.Second)
					s.SetPresenceDelay(After(time.Second))
				}
			}
		})
	}
	wg.Wait()
	for range len(m.came) {
		<-m.came
	}
	s.Quit(anna, "Teams")
	s.Quit(bert, "Teams")
	if a, b := s.Shown(anna), s.Shown(bert); a.Pair != offline || b.Pair != offline {
		t.Errorf("at the end %v and %v", a, b)
	}
	if w := s.Journal(); len(w) != 40 {
		t.Errorf("%d writes", len(w))
	}
}

// BenchmarkPresences asks a directory of 50,000 users for 650.
func BenchmarkPresences(b *testing.B) {
	s, err := Start(Config{Apps: []App{TeamsApp()}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.SetPresenceRules(PresenceRules{NoLimits: true})
	var ids []string
	for i := range 50_000 {
		m, err := s.AddMailbox(Mailbox{UPN: fmt.Sprintf("user%d@example.com", i)})
		if err == nil {
			err = s.Client(m.ID, "desktop", "Available", "Available")
		}
		if err != nil {
			b.Fatal(err)
		}
		if len(ids) < mostPresences {
			ids = append(ids, m.ID)
		}
	}
	body, err := json.Marshal(map[string]any{"ids": ids})
	if err != nil {
		b.Fatal(err)
	}
	app := TeamsApp()
	s.tokens["x"] = &token{app: &app, roles: app.Roles, expires: time.Now().Add(time.Hour)}
	b.ResetTimer()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/v1.0/communications/getPresencesByUserId", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.serveGraph(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
