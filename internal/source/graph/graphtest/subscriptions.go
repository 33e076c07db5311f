package graphtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Subscription is one that an application holds.
type Subscription struct {
	ID        string
	Resource  string
	Changes   []string
	Expires   time.Time
	State     string // clientState
	NotifyURL string
	LifeURL   string
	Immutable bool
	Renewed   int // how often
	Reauthed  int
	Users     []string // of one to presence: the IDs of whose
	Rich      bool     // with content

	app         string
	box         *mailbox // whose it is: the mailbox, or, of one to presence, who signed in
	presence    bool
	users       []*mailbox
	certificate *certificate // nil: without content
}

// NotifyFaults is what goes wrong with notifications of changes.
type NotifyFaults struct {
	Miss    int           // as many are not sent; below zero: none is
	Twice   bool          // each is sent twice
	Late    time.Duration // each is sent so much later; with Reverse every second one only, which changes their order
	Reverse bool

	// Of rich notifications only:
	Tokens string // what is wrong with the validation token, such as ExpiredToken; empty: nothing
	Tamper bool   // the content is changed after it was signed
}

// SetNotifyFaults replaces them.
func (s *Server) SetNotifyFaults(f NotifyFaults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify = f
}

// Subscriptions returns those that there are, by mailbox ID; those to presence by the ID of who signed in.
func (s *Server) Subscriptions() map[string][]Subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := map[string][]Subscription{}
	for _, one := range s.subs {
		out[one.box.info.ID] = append(out[one.box.info.ID], *one)
	}
	return out
}

// lifetimes (graph/change-notifications-overview, subscription lifetime, Outlook event).
const (
	longest  = 10_080 * time.Minute
	shortest = 45 * time.Minute

	longestPresence = 60 * time.Minute // graph/changenotifications-for-presence
)

func (one *Subscription) json(showState bool) map[string]any {
	out := map[string]any{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity", "id": one.ID, "resource": one.Resource,
		"applicationId": one.app, "changeType": strings.Join(one.Changes, ","), "notificationUrl": one.NotifyURL, "lifecycleNotificationUrl": nil,
		"expirationDateTime": one.Expires.UTC().Format("2006-01-02T15:04:05.0000000Z"), "creatorId": one.app, "latestSupportedTlsVersion": "v1_2",
		"clientState": nil, "includeResourceData": nil, "encryptionCertificate": nil, "encryptionCertificateId": nil}
	if one.presence {
		out["creatorId"] = one.box.info.ID // who is signed in (graph/api/resources/subscription)
	}
	if one.certificate != nil {
		out["includeResourceData"], out["encryptionCertificateId"] = true, one.certificate.id
	}
	if one.LifeURL != "" {
		out["lifecycleNotificationUrl"] = one.LifeURL
	}
	if showState {
		out["clientState"] = one.State
	}
	return out
}

type subscriptionInput struct {
	ChangeType  string     `json:"changeType"`
	NotifyURL   string     `json:"notificationUrl"`
	LifeURL     string     `json:"lifecycleNotificationUrl"`
	Resource    string     `json:"resource"`
	Expires     *time.Time `json:"expirationDateTime"`
	State       string     `json:"clientState"`
	TLS         string     `json:"latestSupportedTlsVersion"`
	IncludeData bool       `json:"includeResourceData"`
	Certificate string     `json:"encryptionCertificate"`
	CertID      string     `json:"encryptionCertificateId"`
}

func (s *Server) serveSubscriptions(r *request) reply {
	missing := fail(404, "ResourceNotFound", "The object was not found.")
	if len(r.query) > 0 && r.op != "subscriptions.list" {
		return fail(400, "InvalidRequest", "Query options are not supported.")
	}
	if r.op != "subscriptions.list" && r.op != "subscriptions.get" {
		if wait := s.overQuota("subscriptions "+r.token.app.ID, 1000, 20*time.Second); wait > 0 {
			out := fail(429, "TooManyRequests", "Too many requests of this application.")
			out.header = http.Header{"Retry-After": {fmt.Sprint(int(wait/time.Second) + 1)}}
			return out
		}
	}
	var in subscriptionInput
	if len(r.body) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(r.body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return fail(400, "InvalidRequest", "Unable to read JSON request payload.")
		}
	}
	if r.op == "subscriptions.create" {
		return s.subscribe(r, &in)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(s.skew)
	s.expire(now)
	if r.op == "subscriptions.list" {
		value := []any{}
		for _, one := range s.subs {
			if one.of(r.token) {
				value = append(value, one.json(false))
			}
		}
		return reply{status: 200, body: map[string]any{"value": value}}
	}
	one := s.subs[r.path[1]]
	if one == nil || !one.of(r.token) {
		return missing
	}
	switch r.op {
	case "subscriptions.get":
		return reply{status: 200, body: one.json(false)}
	case "subscriptions.delete":
		s.drop(one)
		return reply{status: 204}
	case "subscriptions.renew":
		if in.Expires == nil {
			return fail(400, "InvalidRequest", "Subscription expirationDateTime is required.")
		}
		expires, bad := lifetime(*in.Expires, now, one.longest())
		if bad != nil {
			return *bad
		}
		if one.certificate != nil && (in.Certificate != "" || in.CertID != "") { // another certificate (graph/change-notifications-with-resource-data, managing encryption keys)
			certificate, bad := readCertificate(in.Certificate, in.CertID)
			if bad != nil {
				return *bad
			}
			one.certificate = certificate
		}
		one.Expires = expires
		one.Renewed++
		return reply{status: 200, body: one.json(false)}
	}
	if len(r.path) != 3 || r.path[2] != "reauthorize" {
		return missing
	}
	one.Reauthed++
	return reply{status: 202}
}

// of reports whether a token sees a subscription: one to presence is its user's own.
func (one *Subscription) of(t *token) bool {
	return one.app == t.app.ID && (!one.presence || one.box == t.box)
}

func (one *Subscription) longest() time.Duration {
	if one.presence {
		return longestPresence
	}
	return longest
}

func lifetime(wanted, now time.Time, longest time.Duration) (time.Time, *reply) {
	switch d := wanted.Sub(now); {
	case d <= 0:
		bad := fail(400, "InvalidRequest", "Subscription expiration must be in the future.")
		return wanted, &bad
	case d > longest+time.Minute:
		bad := fail(400, "InvalidRequest", "Subscription expiration can only be %d minutes in the future.", int(longest/time.Minute))
		return wanted, &bad
	case d < shortest:
		return now.Add(shortest), nil
	}
	return wanted, nil
}

// expire drops what has ended. s.mu is held.
func (s *Server) expire(now time.Time) {
	for _, one := range s.subs {
		if now.After(one.Expires) {
			s.drop(one)
		}
	}
}

// drop forgets a subscription. s.mu is held.
func (s *Server) drop(one *Subscription) {
	delete(s.subs, one.ID)
	delete(one.box.subs, one.ID)
	s.unfollow(one)
}

// subscribe makes a subscription, after it was seen that somebody answers at its addresses.
func (s *Server) subscribe(r *request, in *subscriptionInput) reply {
	changes := strings.Split(in.ChangeType, ",")
	ids, ofPresence := presenceResource(in.Resource)
	longest := longest
	if ofPresence {
		longest = longestPresence
	}
	for _, one := range changes {
		if !slices.Contains([]string{"created", "updated", "deleted"}, one) {
			return fail(400, "InvalidRequest", "Invalid 'changeType' attribute: '%s'.", in.ChangeType)
		}
	}
	switch {
	case in.Expires == nil:
		return fail(400, "InvalidRequest", "Subscription expirationDateTime is required.")
	case in.IncludeData && !ofPresence:
		return fail(400, "InvalidRequest", "encryptionCertificate is required when includeResourceData is set.")
	case len(in.State) > 128:
		return fail(400, "InvalidRequest", "clientState must not be longer than 128 characters.")
	case in.TLS != "" && in.TLS != "v1_2" && in.TLS != "v1_3":
		return fail(400, "InvalidRequest", "latestSupportedTlsVersion '%s' is not supported.", in.TLS)
	}
	expires, bad := lifetime(*in.Expires, s.now(), longest)
	if bad != nil {
		return *bad
	}
	parts := strings.Split(strings.Trim(in.Resource, "/"), "/")
	for i := range parts {
		plain, err := url.PathUnescape(parts[i])
		if err != nil {
			return fail(400, "InvalidRequest", "Resource is not valid.")
		}
		parts[i] = plain
	}
	var box *mailbox
	var certificate *certificate
	resource := &request{Request: r.Request, path: parts, token: r.token}
	switch {
	case ofPresence:
		box = r.token.box
		if bad := s.mayFollow(r, in, ids); bad != nil {
			return *bad
		}
		if in.IncludeData {
			if certificate, bad = readCertificate(in.Certificate, in.CertID); bad != nil {
				return *bad
			}
		}
	case len(parts) == 3 && parts[0] == "users" && parts[2] == "events", len(parts) == 2 && parts[0] == "me" && parts[1] == "events" && r.token.box != nil:
		s.mu.RLock()
		box = s.boxOf(resource)
		s.mu.RUnlock()
	default:
		return fail(400, "ExtensionError", "Operation: Create; Exception: [Status Code: BadRequest; Reason: Resource '%s' is not supported.]", in.Resource)
	}
	get := *r.Request
	get.Method = http.MethodGet
	resource.Request = &get
	if !ofPresence {
		if bad := s.mayRead(resource, box); bad != nil {
			return *bad
		}
	}
	for _, address := range []string{in.NotifyURL, in.LifeURL} {
		if address == "" && address == in.LifeURL && in.NotifyURL != "" {
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) { // in clear on this computer only: a stand-in's licence
			return fail(400, "InvalidRequest", "Invalid notification url: it must be https.")
		}
		if why := s.validate(r.Context(), u); why != "" {
			return fail(400, "ValidationError", "Subscription validation request failed. %s", why)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(box.subs) >= 1000 {
		return fail(403, "ErrorExceededSubscriptionLimit", "The mailbox has too many subscriptions.")
	}
	one := &Subscription{ID: randomGUID(), Resource: in.Resource, Changes: changes, Expires: expires, State: in.State, NotifyURL: in.NotifyURL, LifeURL: in.LifeURL,
		Immutable: strings.EqualFold(r.prefers("IdType"), "ImmutableId"), app: r.token.app.ID, box: box}
	if ofPresence {
		one.certificate, one.Rich = certificate, certificate != nil
		if bad := s.follow(one, ids); bad != nil {
			return *bad
		}
	}
	s.subs[one.ID] = one
	if box.subs == nil {
		box.subs = map[string]*Subscription{}
	}
	box.subs[one.ID] = one
	return reply{status: 201, body: one.json(true)}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// validate does the handshake (graph/change-notifications-delivery-webhooks, notificationUrl validation).
func (s *Server) validate(ctx context.Context, u *url.URL) string {
	token := "Validation: Testing client application reachability for subscription Request-Id: " + randomGUID()
	to := *u
	query := to.Query()
	query.Set("validationToken", token)
	to.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), nil)
	if err != nil {
		return "The notification endpoint is not valid."
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := s.poster.Do(req)
	if err != nil {
		return "Notification endpoint must respond with 200 OK to validation request."
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 10_000))
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil || resp.StatusCode != http.StatusOK:
		return fmt.Sprintf("Notification endpoint must respond with 200 OK to validation request, not %d.", resp.StatusCode)
	case kind != "text/plain":
		return "The content type of the validation response must be text/plain."
	case string(body) != token:
		return "The validation response must be the validation token."
	}
	return ""
}

// tell sends notifications of a change. s.mu is held.
func (s *Server) tell(box *mailbox, id, kind string) {
	now := time.Now().Add(s.skew)
	for _, one := range box.subs {
		if one.presence || !slices.Contains(one.Changes, kind) || now.After(one.Expires) {
			continue
		}
		if s.notify.Miss != 0 {
			if s.notify.Miss > 0 {
				s.notify.Miss--
			}
			continue
		}
		public := id
		if !one.Immutable {
			public = "AAMkAG" + strings.TrimPrefix(id, "AAkALg")
		}
		name := "Users/" + box.info.ID + "/Events/" + public
		item := s.item(one, one.State)
		item["changeType"], item["resource"] = kind, name
		item["resourceData"] = map[string]string{"@odata.type": "#Microsoft.Graph.Event", "@odata.id": name, "@odata.etag": fmt.Sprintf(`W/"%d"`, s.sequence), "id": public}
		delay := time.Duration(0)
		if s.notify.Late > 0 {
			if s.late++; !s.notify.Reverse || s.late%2 == 1 {
				delay = s.notify.Late
			}
		}
		s.post(one.NotifyURL, []any{item}, delay)
		if s.notify.Twice {
			s.post(one.NotifyURL, []any{item}, delay)
		}
	}
}

func (s *Server) item(one *Subscription, state string) map[string]any {
	return map[string]any{"subscriptionId": one.ID, "subscriptionExpirationDateTime": one.Expires.UTC().Format("2006-01-02T15:04:05.0000000Z"),
		"clientState": state, "tenantId": s.Tenant}
}

// post sends notifications in the background, and again twice if they are not taken, with validation tokens if there are any. s.mu is held.
func (s *Server) post(address string, items []any, delay time.Duration, tokens ...string) {
	if s.life.Err() != nil {
		return
	}
	collection := map[string]any{"value": items}
	if len(tokens) > 0 {
		collection["validationTokens"] = tokens
	}
	body, err := json.Marshal(collection)
	if err != nil {
		panic(err) // all of it is made here
	}
	s.posts.Add(1)
	go func() {
		defer s.posts.Done()
		for try := range 3 {
			if delay > 0 {
				timer := time.NewTimer(delay)
				select {
				case <-timer.C:
				case <-s.life.Done():
					timer.Stop()
					return
				}
			}
			if s.deliver(address, body) {
				s.counted("notified")
				return
			}
			s.counted("undelivered")
			delay = time.Duration(try+1) * 200 * time.Millisecond
		}
	}()
}

func (s *Server) deliver(address string, body []byte) bool {
	req, err := http.NewRequestWithContext(s.life, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := s.poster.Do(req)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 10_000))
	resp.Body.Close()
	return resp.StatusCode >= 200 && resp.StatusCode < 300
}

// Lifecycle sends a lifecycle event about a mailbox's subscriptions, or about that to presence of who signed in: missed, reauthorizationRequired, or
// subscriptionRemoved, which removes them first.
func (s *Server) Lifecycle(address, event string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return errNoMailbox
	}
	for _, one := range box.subs {
		if one.LifeURL == "" {
			continue
		}
		if event == "subscriptionRemoved" {
			s.drop(one)
		}
		item := s.item(one, one.State)
		item["lifecycleEvent"] = event
		s.post(one.LifeURL, []any{item}, 0)
	}
	return nil
}

// LoseSubscriptions removes a mailbox's subscriptions without a word.
func (s *Server) LoseSubscriptions(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return errNoMailbox
	}
	for _, one := range box.subs {
		s.drop(one)
	}
	return nil
}

// Forge sends a notification about a mailbox's subscription, or that to presence of who signed in, with another secret than its own.
func (s *Server) Forge(address, state string) error {
	s.mu.Lock()
	box := s.find(address)
	var bodies [][]byte
	var to []string
	if box != nil {
		for _, one := range box.subs {
			item := s.item(one, state)
			item["changeType"], item["resource"] = "updated", "Users/"+box.info.ID+"/Events/x"
			collection := map[string]any{"value": []any{item}}
			if one.presence && len(one.users) > 0 {
				collection["value"] = []any{s.presenceItem(one, one.users[0], Presence{Pair: Pair{"DoNotDisturb", "DoNotDisturb"}, Sequence: "Z"}, state)}
				if tokens := s.vouch(one, s.clock()); tokens != nil {
					collection["validationTokens"] = tokens
				}
			}
			body, err := json.Marshal(collection)
			if err != nil {
				panic(err)
			}
			bodies, to = append(bodies, body), append(to, one.NotifyURL)
		}
	}
	s.mu.Unlock()
	if len(bodies) == 0 {
		return errors.New("graphtest: no subscription")
	}
	for i, body := range bodies {
		if !s.deliver(to[i], body) {
			return errors.New("graphtest: the forged notification was not taken")
		}
	}
	return nil
}
