package graph

import (
	"crypto/subtle"
	"encoding/json"
	"html"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Notifications counts what came to Notify. Whoever knows the address can send there.
type Notifications struct {
	Changes   int // that somebody follows
	Lifecycle int // about the subscriptions themselves
	Unknown   int // of no subscription of ours: late ones, left by an earlier run, or made up
	Forged    int // of a subscription of ours, but without its secret
	Malformed int // requests that are none of the service's
	Encrypted int // with content, about a mailbox: that was never asked for, and is refused
}

// Notifications returns the counts since New.
func (s *System) Notifications() Notifications {
	s.subs.mu.Lock()
	defer s.subs.mu.Unlock()
	return s.subs.stats
}

const (
	maxNotification = 4 << 20 // bytes; one notification has less than one kB without content, and two with the content of a presence
	maxToken        = 4 << 10
	bodyWait        = 10 * time.Second
)

// Notify returns what answers at NotifyURL. It is public and asks for no login, so it believes nothing: a notification
// that names a subscription and its secret has the mailbox or the presence read again, and that is all it can do; unless it
// comes with a presence that was encrypted for this server, and with the proof that it is Microsoft who sends it.
func (s *System) Notify() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Query().Has("validationToken") {
			// The service finds out whether somebody is here (graph/change-notifications-delivery-webhooks, notificationUrl
			// validation): the token, decoded, as plain text; what would be HTML is escaped.
			token := r.URL.Query().Get("validationToken")
			if token == "" || len(token) > maxToken {
				s.malformed()
				http.Error(w, "no such token", http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			io.WriteString(w, html.EscapeString(token))
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait)) // where it is not supported the server's own holds
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind != "application/json" {
			s.malformed()
			http.Error(w, "JSON only", http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotification))
		if err != nil {
			s.malformed()
			http.Error(w, "too large, or too slow", http.StatusRequestEntityTooLarge)
			return
		}
		var in struct {
			Value  []notification `json:"value"`
			Proofs []string       `json:"validationTokens"`
		}
		if err := json.Unmarshal(body, &in); err != nil || len(in.Value) == 0 {
			s.malformed()
			http.Error(w, "not a notification", http.StatusBadRequest)
			return
		}
		var presences []notification
		in.Value = slices.DeleteFunc(in.Value, func(n notification) bool {
			if s.teams.follows.owns(n.Subscription) {
				presences = append(presences, n)
				return true
			}
			return false
		})
		mailboxes, changed := s.subs.accept(in.Value, s.c.Tenant)
		ids, hint := s.teams.follows.accept(presences, in.Proofs, s.c.Tenant, s.count)
		w.WriteHeader(http.StatusAccepted)
		if hint != nil {
			for _, id := range ids {
				hint(id)
			}
		}
		if changed != nil {
			for m := range mailboxes {
				s.hint(m, changed)
			}
		}
	})
}

func (s *System) malformed() { s.count(func(n *Notifications) { n.Malformed++ }) }

func (s *System) count(f func(*Notifications)) {
	s.subs.mu.Lock()
	defer s.subs.mu.Unlock()
	f(&s.subs.stats)
}

// notification is one of changeNotificationCollection (graph/api/resources/changenotification), of a change or about
// the subscription itself.
type notification struct {
	Subscription string          `json:"subscriptionId"`
	State        *string         `json:"clientState"`
	Tenant       string          `json:"tenantId"`
	Lifecycle    string          `json:"lifecycleEvent"`
	Encrypted    json.RawMessage `json:"encryptedContent"`
	Resource     string          `json:"resource"`
	Data         struct {
		ID string `json:"id"`
	} `json:"resourceData"`
}

// accept takes note of notifications, and returns the mailboxes that are to be read and whom to tell.
func (u *subscriptions) accept(list []notification, tenant string) (map[string]struct{}, func(string)) {
	mailboxes := map[string]struct{}{}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range list {
		one := u.byID[n.Subscription]
		if one == nil {
			u.stats.Unknown++
			continue
		}
		if n.State == nil || subtle.ConstantTimeCompare([]byte(*n.State), []byte(one.state)) != 1 || n.Tenant != "" && guid.MatchString(tenant) && !strings.EqualFold(n.Tenant, tenant) {
			u.stats.Forged++
			continue
		}
		if len(n.Encrypted) > 0 && string(n.Encrypted) != "null" {
			u.stats.Encrypted++
			continue
		}
		switch n.Lifecycle {
		case "":
			u.stats.Changes++
			mailboxes[one.mailbox] = struct{}{}
			continue
		case "missed":
			mailboxes[one.mailbox] = struct{}{}
		case "subscriptionRemoved": // and when it is made again, the mailbox is read
			u.lost(one)
			u.nudge()
		case "reauthorizationRequired":
			one.todo, one.due = reauthorize, time.Time{}
			u.nudge()
		}
		u.stats.Lifecycle++
	}
	return mailboxes, u.changed
}
