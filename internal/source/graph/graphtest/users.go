package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var userFields = []string{"id", "displayName", "mail", "userPrincipalName", "proxyAddresses", "accountEnabled"}

func (m *mailbox) json(selected []string) map[string]any {
	proxies := []string{"SMTP:" + m.info.Mail}
	for _, a := range m.info.Aliases {
		proxies = append(proxies, "smtp:"+a)
	}
	full := map[string]any{"id": m.info.ID, "displayName": m.info.Name, "mail": m.info.Mail, "userPrincipalName": m.info.UPN,
		"proxyAddresses": proxies, "accountEnabled": true}
	if selected == nil {
		selected = []string{"id", "displayName", "mail", "userPrincipalName"}
	}
	out := map[string]any{}
	for _, name := range selected {
		out[name] = full[name]
	}
	return out
}

// One clause of a filter: mail eq 'x', userPrincipalName eq 'x', proxyAddresses/any(p:p eq 'smtp:x').
var clause = regexp.MustCompile(`^(?:(mail|userPrincipalName) eq '((?:[^']|'')*)'|proxyAddresses/any\(([a-z]+):([a-z]+) eq '((?:[^']|'')*)'\))(?: or |$)`)

func (s *Server) serveUsers(r *request) reply {
	selected, top, _, bad := r.options(userFields, "Microsoft.DirectoryServices.User", 999) // graph/api/user-list: at most 999 in a page
	if bad != nil {
		return *bad
	}
	if !r.query.Has("$top") {
		top = 100
	}
	full := r.token.may("User.Read.All", "Directory.Read.All")
	if !full && !r.token.may("User.ReadBasic.All") {
		return fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	after := ""
	if r.query.Has("$skiptoken") {
		token, err := base64.RawURLEncoding.DecodeString(r.query.Get("$skiptoken"))
		if err != nil || len(token) == 0 {
			return fail(400, "Directory_ExpiredPageToken", "The specified page token value has expired and cannot be included in your request.")
		}
		after = string(token)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[*mailbox]bool{}
	filter := r.query.Get("$filter")
	for rest := filter; rest != ""; {
		m := clause.FindStringSubmatch(rest)
		if m == nil || m[3] != m[4] {
			return fail(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property.")
		}
		rest = rest[len(m[0]):]
		if m[5] != "" && !full {
			return fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		}
		value := strings.ReplaceAll(m[2], "''", "'")
		if m[5] != "" {
			kind, address, _ := strings.Cut(strings.ReplaceAll(m[5], "''", "'"), ":")
			if !strings.EqualFold(kind, "smtp") {
				continue
			}
			value = address
		}
		box := s.addresses[strings.ToLower(value)]
		switch {
		case box == nil:
		case m[1] == "mail" && strings.EqualFold(box.info.Mail, value),
			m[1] == "userPrincipalName" && strings.EqualFold(box.info.UPN, value),
			m[5] != "" && (strings.EqualFold(box.info.Mail, value) || slices.ContainsFunc(box.info.Aliases, func(a string) bool { return strings.EqualFold(a, value) })):
			found[box] = true
		}
	}
	var list []*mailbox
	if filter == "" {
		if s.listed == nil {
			s.listed = slices.SortedFunc(maps.Values(s.boxes), byID)
		}
		list = s.listed
	} else {
		list = slices.SortedFunc(maps.Keys(found), byID)
	}
	from, again := slices.BinarySearchFunc(list, after, func(box *mailbox, id string) int { return strings.Compare(box.info.ID, id) })
	if again {
		from++
	}
	list = list[from:]
	body := map[string]any{"@odata.context": s.GraphURL + "/v1.0/$metadata#users"}
	if len(list) > top { // graph/paging: the query again, and a token that means nothing to others
		list = list[:top]
		query := url.Values{}
		for name := range r.query {
			query.Set(name, r.query.Get(name))
		}
		query.Set("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte(list[top-1].info.ID)))
		body["@odata.nextLink"] = s.GraphURL + "/v1.0/users?" + query.Encode()
	}
	out := make([]any, len(list))
	for i, box := range list {
		out[i] = box.json(selected)
	}
	body["value"] = out
	return reply{status: 200, body: body}
}

func byID(a, b *mailbox) int { return strings.Compare(a.info.ID, b.info.ID) }

func (s *Server) serveUser(r *request, box *mailbox) reply {
	selected, _, _, bad := r.options(userFields, "Microsoft.DirectoryServices.User", 1)
	if bad != nil {
		return *bad
	}
	if r.op == "me" && !r.token.may("User.Read", "User.Read.All") || r.op == "user" && !r.token.may("User.Read.All", "User.ReadBasic.All", "Directory.Read.All") {
		return fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	if box == nil {
		return fail(404, "Request_ResourceNotFound", "Resource '%s' does not exist or one of its queried reference-property objects are not present.", r.path[1])
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := box.json(selected)
	out["@odata.context"] = s.GraphURL + "/v1.0/$metadata#users/$entity"
	return reply{status: 200, body: out}
}

// serveApplication tells when an application's secrets end.
func (s *Server) serveApplication(r *request) reply {
	if !r.token.may("Application.Read.All") {
		return fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	id, ok := strings.CutPrefix(r.path[0], "applications(appId='")
	id, ok2 := strings.CutSuffix(id, "')")
	s.mu.RLock()
	app := s.apps[strings.ToLower(id)]
	s.mu.RUnlock()
	if !ok || !ok2 || app == nil {
		return fail(404, "Request_ResourceNotFound", "Resource '%s' does not exist.", id)
	}
	secrets := []any{}
	if app.Secret != "" {
		ends := app.SecretExpires
		if ends.IsZero() {
			ends = time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC)
		}
		secrets = append(secrets, map[string]any{"displayName": "stand-in", "hint": app.Secret[:min(3, len(app.Secret))], "endDateTime": ends.UTC().Format(time.RFC3339), "keyId": s.guid("secret" + app.ID)})
	}
	return reply{status: 200, body: map[string]any{"passwordCredentials": secrets}}
}

// eventInput is what may be written of an event.
type eventInput struct {
	Subject *string `json:"subject"`
	Body    *struct {
		ContentType string `json:"contentType"`
		Content     string `json:"content"`
	} `json:"body"`
	Start, End  *struct{ DateTime, TimeZone string }
	IsAllDay    *bool       `json:"isAllDay"`
	ShowAs      *string     `json:"showAs"`
	Sensitivity *string     `json:"sensitivity"`
	Categories  *[]string   `json:"categories"`
	ReminderOn  *bool       `json:"isReminderOn"`
	Reminder    *int        `json:"reminderMinutesBeforeStart"`
	Recurrence  *recurrence `json:"recurrence"`
	Transaction *string     `json:"transactionId"`
}

// serveEvents lists, reads, makes, changes and deletes events.
func (s *Server) serveEvents(r *request, box *mailbox) reply {
	selected, top, skip, bad := r.options(eventFields, "Microsoft.OutlookServices.Event", 1000)
	if bad != nil {
		return *bad
	}
	zone, bad := r.zone()
	if bad != nil {
		return *bad
	}
	immutable := strings.EqualFold(r.prefers("IdType"), "ImmutableId")
	basic := !r.token.may("Calendars.Read", "Calendars.ReadWrite")
	show := func(one *stored) map[string]any {
		o := one.occurrence(&one.Event, "", time.Time{})
		return s.eventJSON(box, &o, selected, zone, immutable, basic)
	}
	id := ""
	if i := slices.Index(r.path, "events"); i+1 < len(r.path) {
		id = r.path[i+1]
		if rest, ok := strings.CutPrefix(id, "AAMkAG"); ok {
			_, rest, _ = strings.Cut(rest, "A")
			id = "AAkALg" + rest
		}
	}
	missing := fail(404, "ErrorItemNotFound", "The specified object was not found in the store.")
	if r.Method == http.MethodGet {
		s.mu.RLock()
		defer s.mu.RUnlock()
		if id != "" {
			if one := box.events[id]; one != nil {
				return reply{status: 200, body: show(one)}
			}
			return missing
		}
		list := box.order[min(skip, len(box.order)):]
		value := []any{}
		for _, one := range list[:min(top, len(list))] {
			value = append(value, show(box.events[one]))
		}
		return reply{status: 200, body: map[string]any{"value": value}}
	}
	if r.Method == http.MethodDelete && id != "" {
		if s.Delete(box.info.ID, id) != nil {
			return missing
		}
		return reply{status: 204}
	}
	if !(r.Method == http.MethodPost && id == "" || r.Method == http.MethodPatch && id != "") {
		return fail(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	}
	var in eventInput
	if err := json.Unmarshal(r.body, &in); err != nil {
		return fail(400, "BadRequest", "Unable to read JSON request payload.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var e Event
	if id != "" {
		one := box.events[id]
		if one == nil {
			return missing
		}
		e = one.Event
	}
	if bad := in.apply(&e); bad != nil {
		return *bad
	}
	e.defaults()
	if err := e.check(); err != nil {
		return fail(400, "ErrorInvalidRequest", "%s", err)
	}
	e = s.put(box, e)
	out := show(box.events[e.ID])
	if id != "" {
		return reply{status: 200, body: out}
	}
	return reply{status: 201, body: out}
}

func (in *eventInput) apply(e *Event) *reply {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&e.Subject, in.Subject)
	set(&e.ShowAs, in.ShowAs)
	set(&e.Sensitivity, in.Sensitivity)
	if in.Body != nil {
		e.Body = in.Body.Content
	}
	if in.IsAllDay != nil {
		e.AllDay = *in.IsAllDay
	}
	if in.Categories != nil {
		e.Categories = *in.Categories
	}
	if in.Reminder != nil {
		e.Reminder = *in.Reminder
	}
	if in.ReminderOn != nil && !*in.ReminderOn {
		e.Reminder = 0
	}
	for _, one := range []struct {
		to   *time.Time
		from *struct{ DateTime, TimeZone string }
	}{{&e.Start, in.Start}, {&e.End, in.End}} {
		if one.from == nil {
			if one.to.IsZero() {
				bad := fail(400, "ErrorPropertyValidationFailure", "At least one property failed validation: start and end are required.")
				return &bad
			}
			continue
		}
		zone, bad := loadZone(one.from.TimeZone)
		if bad != nil {
			return bad
		}
		t, err := time.Parse("2006-01-02T15:04:05", one.from.DateTime)
		if err != nil {
			bad := fail(400, "ErrorInvalidParameter", "A dateTime is not valid.")
			return &bad
		}
		if e.AllDay && t.Sub(dayOf(t)) != 0 {
			bad := fail(400, "ErrorInvalidRequest", "The Event.Start and Event.End of an all-day event must be set to midnight.")
			return &bad
		}
		*one.to = wall(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), zone).In(zone)
	}
	if in.Recurrence != nil {
		repeat, err := in.Recurrence.repeat()
		if err != nil {
			bad := fail(400, "ErrorPropertyValidationFailure", "The recurrence pattern is not valid.")
			return &bad
		}
		e.Repeat = repeat
	}
	return nil
}
