package graphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reply is an answer of Graph.
type reply struct {
	status int
	header http.Header
	body   any    // JSON; nil: none
	raw    []byte // it, written already
	half   bool
}

func fail(status int, code, format string, args ...any) reply {
	return reply{status: status, body: map[string]any{"error": map[string]any{"code": code, "message": fmt.Sprintf(format, args...)}}}
}

// request is a call, alone or in a batch.
type request struct {
	*http.Request
	body  []byte
	path  []string // below the version
	query url.Values
	op    string
	token *token
	inner bool

	presence *presenceInput // what readPresence read
}

var methodsOf = map[string]string{"calendarView": "GET", "user": "GET", "users": "GET", "me": "GET", "index": "GET", "batch": "POST", "applications": "GET",
	"presence": "GET", "presences": "POST", "setPresence": "POST", "clearPresence": "POST", "setUserPreferredPresence": "POST", "clearUserPreferredPresence": "POST"}

// name says what is called; empty: nothing that there is.
func (r *request) name() string {
	p := r.path
	if len(p) > 0 && p[0] == "me" {
		p = append([]string{"users", ""}, p[1:]...)
	}
	switch {
	case len(p) == 0 || len(p) == 1 && p[0] == "":
		return "index"
	case len(p) == 1 && p[0] == "$batch":
		return "batch"
	case len(p) == 1 && strings.HasPrefix(p[0], "applications("):
		return "applications"
	case p[0] == "subscriptions":
		return map[string]string{"GET 1": "subscriptions.list", "POST 1": "subscriptions.create", "GET 2": "subscriptions.get", "PATCH 2": "subscriptions.renew",
			"DELETE 2": "subscriptions.delete", "POST 3": "subscriptions.reauthorize"}[fmt.Sprint(r.Method, " ", len(p))]
	case p[0] == "communications", p[0] == "users" && len(p) >= 3 && p[2] == "presence":
		return presenceName(p)
	case p[0] != "users":
		return ""
	case len(p) == 1:
		return "users"
	case len(p) == 2 && p[1] == "":
		return "me"
	case len(p) == 2:
		return "user"
	case len(p) == 3 && p[2] == "calendarView":
		return "calendarView"
	case len(p) <= 4 && p[2] == "events":
		return "events"
	}
	return ""
}

func (s *Server) serveGraph(w http.ResponseWriter, hr *http.Request) {
	start := time.Now()
	var waited time.Duration
	defer func() { s.worked(time.Since(start) - waited) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, 4<<20))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	rest, ok := strings.CutPrefix(hr.URL.EscapedPath(), "/v1.0")
	if !ok || rest != "" && rest[0] != '/' {
		s.write(w, hr, body, "", fail(400, "BadRequest", "Invalid version: %s", hr.URL.Path))
		return
	}
	r, bad := s.parse(hr, body, rest, false)
	if bad != nil {
		s.write(w, hr, body, "", *bad)
		return
	}
	var answer reply
	answer, waited = s.answer(r)
	if answer.status == 0 {
		panic(http.ErrAbortHandler)
	}
	s.write(w, hr, body, r.op, answer)
}

// parse takes a path below the version apart.
func (s *Server) parse(hr *http.Request, body []byte, rest string, inner bool) (*request, *reply) {
	r := &request{Request: hr, body: body, inner: inner}
	for _, part := range strings.Split(strings.Trim(rest, "/"), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			bad := fail(400, "BadRequest", "The path is not valid.")
			return nil, &bad
		}
		r.path = append(r.path, plain)
	}
	var err error
	if r.query, err = url.ParseQuery(hr.URL.RawQuery); err != nil {
		bad := fail(400, "BadRequest", "The query is not valid.")
		return nil, &bad
	}
	for name, values := range r.query {
		if len(values) > 1 {
			bad := fail(400, "BadRequest", "Query option '%s' was specified more than once, but it must be specified at most once.", name)
			return nil, &bad
		}
	}
	r.op = r.name()
	if m := methodsOf[r.op]; m != "" && m != hr.Method {
		bad := fail(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		return nil, &bad
	}
	return r, nil
}

// answer counts a call, does badly what a rule says, and else what is asked. A status of zero breaks the connection.
func (s *Server) answer(r *request) (out reply, waited time.Duration) {
	if r.op == "" {
		return fail(400, "BadRequest", "Resource not found for the segment '%s'.", strings.Join(r.path, "/")), 0
	}
	s.counted(r.op)
	if r.op != "index" {
		if bad := s.authorize(r); bad != nil {
			return *bad, 0
		}
	}
	var box *mailbox
	if presenceOp(r.op) {
		s.mu.RLock()
		box = s.boxes[strings.ToLower(r.of())]
		s.mu.RUnlock()
		if presenceWrites[r.op] {
			defer func() { s.journalize(r, box, out.status) }()
		}
	} else if len(r.path) >= 2 && r.path[0] == "users" || r.path[0] == "me" {
		s.mu.RLock()
		box = s.boxOf(r)
		s.mu.RUnlock()
	}
	if rule := s.rule(r.op, s.about(r, box)); rule != nil {
		start := time.Now()
		switch rule.Do {
		case Drop:
			return reply{}, 0
		case Hang:
			s.hang(r.Request)
			return reply{}, time.Since(start)
		case Slow:
			if box != nil && !presenceOp(r.op) {
				if !s.enter(r.token, box) {
					return s.concurrency(), 0
				}
				defer s.leave(r.token, box)
			}
			s.pause(r.Request, rule.Delay)
			waited = time.Since(start)
		case Half:
			out = s.perform(r, box)
			out.half = true
			return out, 0
		case Answer:
			out = fail(rule.Status, rule.Code, "%s", rule.Message)
			out.header = http.Header{}
			if rule.RetryAfter > 0 {
				out.header.Set("Retry-After", strconv.Itoa(int((rule.RetryAfter+time.Second-1)/time.Second)))
			}
			if rule.Claims != "" {
				out.header.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", error="insufficient_claims", claims="%s"`, s.LoginURL, rule.Claims))
			}
			return out, 0
		}
		return s.perform(r, box), waited
	}
	if box != nil && r.op != "user" && r.op != "me" && !presenceOp(r.op) {
		if !s.enter(r.token, box) {
			return s.concurrency(), 0
		}
		defer s.leave(r.token, box)
	}
	return s.perform(r, box), 0
}

// about returns a function that tells whether a call is about the user with an address: it is theirs, or asks for the presence of many of whom they are one.
func (s *Server) about(r *request, box *mailbox) func(address string) bool {
	if r.op != "presences" {
		return func(address string) bool { return box != nil && box.hasAddress(address) }
	}
	var named []string
	s.stat.Lock()
	for _, one := range s.rules {
		if one.Mailbox != "" {
			named = append(named, one.Mailbox)
		}
	}
	s.stat.Unlock()
	if len(named) == 0 {
		return nil
	}
	asked := map[string]bool{} // by address
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, address := range named {
		one, in := s.find(address), r.readPresence()
		asked[address] = one != nil && in != nil && slices.ContainsFunc(in.IDs, func(id string) bool { return strings.EqualFold(id, one.info.ID) })
	}
	return func(address string) bool { return asked[address] }
}

func (s *Server) concurrency() reply {
	return fail(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")
}

func inFlightKey(t *token, box *mailbox) string { return "now " + t.app.ID + " " + box.info.UPN }

// enter takes one of the four turns of an application in a mailbox.
func (s *Server) enter(t *token, box *mailbox) bool {
	s.stat.Lock()
	defer s.stat.Unlock()
	key := inFlightKey(t, box)
	w := s.quota[key]
	if w == nil {
		w = &window{}
		s.quota[key] = w
	}
	if w.n >= 4 {
		return false
	}
	w.n++
	return true
}

func (s *Server) leave(t *token, box *mailbox) {
	s.stat.Lock()
	defer s.stat.Unlock()
	key := inFlightKey(t, box)
	if w := s.quota[key]; w != nil {
		if w.n--; w.n == 0 {
			delete(s.quota, key)
		}
	}
}

// authorize finds the token (graph/resolve-auth-errors).
func (s *Server) authorize(r *request) *reply {
	refuse := func(text string) *reply {
		out := fail(401, "InvalidAuthenticationToken", "%s", text)
		out.header = http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="%s"`, s.LoginURL, graphResource)}}
		return &out
	}
	if r.token != nil { // of the batch
		return nil
	}
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || text == "" {
		return refuse("Access token is empty.")
	}
	s.mu.RLock()
	t := s.tokens[text]
	s.mu.RUnlock()
	switch {
	case t == nil:
		return refuse("Access token validation failure. Invalid audience or signature.")
	case s.now().After(t.expires):
		return refuse("Lifetime validation failed, the token is expired.")
	}
	r.token = t
	return nil
}

// may reports whether the token has one of these permissions.
func (t *token) may(permissions ...string) bool {
	have := t.roles
	if t.box != nil {
		have = t.scopes
	}
	return slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(have, p) })
}

// boxOf returns whose mailbox a call is about. s.mu is held.
func (s *Server) boxOf(r *request) *mailbox {
	if r.path[0] == "me" {
		return r.token.box
	}
	// A user is addressed by ID or sign-in name; not by other addresses.
	id := strings.ToLower(r.path[1])
	if box := s.boxes[id]; box != nil {
		return box
	}
	if box := s.addresses[id]; box != nil && strings.EqualFold(box.info.UPN, id) {
		return box
	}
	return nil
}

func (s *Server) perform(r *request, box *mailbox) reply {
	if r.path[0] == "me" && r.token.box == nil {
		return fail(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
	}
	switch r.op {
	case "index":
		return reply{status: 200, body: map[string]any{"@odata.context": s.GraphURL + "/v1.0/$metadata",
			"value": []map[string]string{{"name": "users", "kind": "EntitySet", "url": "users"}, {"name": "subscriptions", "kind": "EntitySet", "url": "subscriptions"}}}}
	case "batch":
		return s.serveBatch(r)
	case "users":
		return s.serveUsers(r)
	case "user", "me":
		return s.serveUser(r, box)
	case "calendarView", "events":
		if bad := s.mayRead(r, box); bad != nil {
			return *bad
		}
		if wait := s.overQuota(r.token.app.ID+" "+box.info.UPN, 10_000, 10*time.Minute); wait > 0 {
			out := fail(429, "ApplicationThrottled", "Application is over its RequestCount limit.")
			out.header = http.Header{"Retry-After": {strconv.Itoa(int(wait/time.Second) + 1)}}
			return out
		}
		if r.op == "events" {
			return s.serveEvents(r, box)
		}
		return s.serveView(r, box)
	case "applications":
		return s.serveApplication(r)
	}
	if presenceOp(r.op) {
		return s.servePresence(r, box)
	}
	return s.serveSubscriptions(r)
}

// mayRead checks permission and mailbox, in the order in which Exchange Online does.
func (s *Server) mayRead(r *request, box *mailbox) *reply {
	wanted := []string{"Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadBasic.All", "Calendars.ReadWrite"}
	if r.Method != http.MethodGet {
		wanted = []string{"Calendars.ReadWrite"}
	}
	var bad reply
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case !r.token.may(wanted...):
		bad = fail(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	case box == nil:
		bad = fail(404, "ErrorInvalidUser", "The requested user '%s' is invalid.", r.path[1])
	case box.info.OnPrem:
		bad = fail(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	case r.token.box == nil && s.allowed != nil && !s.allowed[box.info.ID]:
		bad = fail(403, "ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.")
	case r.token.box != nil && r.token.box != box:
		bad = fail(404, "ErrorItemNotFound", "The specified object was not found in the store.")
	default:
		return nil
	}
	return &bad
}

// Query options that each call knows.
var optionsOf = map[string][]string{
	"calendarView": {"startDateTime", "endDateTime", "$select", "$top", "$skip", "$orderby", "$count"},
	"events":       {"$select", "$top", "$skip", "$orderby"},
	"users":        {"$select", "$top", "$filter", "$count", "$skiptoken"},
	"user":         {"$select"}, "me": {"$select"},
}

// options checks $select, $top and $skip, and that there are no others than those known.
func (r *request) options(fields []string, kind string, mostTop int) (selected []string, top, skip int, bad *reply) {
	refuse := func(code, format string, args ...any) ([]string, int, int, *reply) {
		out := fail(400, code, format, args...)
		return nil, 0, 0, &out
	}
	for name := range r.query {
		if !slices.Contains(optionsOf[r.op], name) {
			return refuse("BadRequest", "The query parameter '%s' is not supported.", name)
		}
	}
	if text := r.query.Get("$select"); r.query.Has("$select") {
		for _, one := range strings.Split(text, ",") {
			if !slices.Contains(fields, one) {
				return refuse("RequestBroker--ParseUri", "Could not find a property named '%s' on type '%s'.", one, kind)
			}
			selected = append(selected, one)
		}
	}
	top = min(10, mostTop)
	for name, into := range map[string]*int{"$top": &top, "$skip": &skip} {
		if !r.query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(r.query.Get(name))
		if err != nil || n < 0 || name == "$top" && (n < 1 || n > mostTop) {
			return refuse("BadRequest", "Invalid value '%s' for %s query option found. The %[2]s query option requires a non-negative integer value.", r.query.Get(name), name)
		}
		*into = n
	}
	return selected, top, skip, nil
}

// prefers reads the header Prefer (RFC 7240).
func (r *request) prefers(name string) string {
	for _, field := range r.Header.Values("Prefer") {
		for _, one := range strings.Split(field, ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(one), "=")
			if strings.EqualFold(key, name) {
				return strings.Trim(value, `"`)
			}
		}
	}
	return ""
}

var isoTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?$`)

// parseTime reads a time of a window; without offset it is UTC.
func parseTime(text string) (time.Time, bool) {
	if !isoTime.MatchString(text) {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func (s *Server) serveView(r *request, box *mailbox) reply {
	selected, top, skip, bad := r.options(eventFields, "Microsoft.OutlookServices.Event", 1000)
	if bad != nil {
		return *bad
	}
	var at [2]time.Time
	for i, name := range []string{"startDateTime", "endDateTime"} {
		if !r.query.Has(name) {
			return fail(400, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
		}
		t, ok := parseTime(r.query.Get(name))
		if !ok {
			return fail(400, "ErrorInvalidParameter", "The value '%s' of parameter '%s' is invalid.", r.query.Get(name), name)
		}
		at[i] = t
	}
	switch {
	case at[1].Before(at[0]):
		return fail(400, "ErrorInvalidParameter", "The EndDateTime must be after the StartDateTime.")
	case at[1].Sub(at[0]) > 1825*day:
		return fail(400, "ErrorCalendarViewRangeTooBig", "The specified view range exceeds the maximum range of two years.")
	}
	if order := r.query.Get("$orderby"); r.query.Has("$orderby") && order != "start/dateTime" && order != "start/dateTime asc" {
		return fail(400, "ErrorInvalidOrderBy", "The OrderBy '%s' is not supported here.", order)
	}
	zone, bad := r.zone()
	if bad != nil {
		return *bad
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := box.view(at[0], at[1])
	list := all[min(skip, len(all)):]
	out := map[string]any{"@odata.context": s.GraphURL + "/v1.0/$metadata#users('" + box.info.ID + "')/calendarView"}
	if len(list) > top {
		list = list[:top]
		query := url.Values{}
		for name := range r.query {
			query.Set(name, r.query.Get(name))
		}
		query.Set("$skip", strconv.Itoa(skip+top))
		out["@odata.nextLink"] = s.GraphURL + "/v1.0/" + strings.Join(escaped(r.path), "/") + "?" + query.Encode()
	}
	value := make([]any, len(list))
	basic := !r.token.may("Calendars.Read", "Calendars.ReadWrite")
	for i := range list {
		value[i] = s.eventJSON(box, &list[i], selected, zone, strings.EqualFold(r.prefers("IdType"), "ImmutableId"), basic)
	}
	out["value"] = value
	return reply{status: 200, body: out, header: http.Header{"Preference-Applied": {"outlook.timezone=\"" + zone.String() + "\""}}}
}

func escaped(path []string) []string {
	out := make([]string, len(path))
	for i, one := range path {
		out[i] = url.PathEscape(one)
	}
	return out
}

// windowsZones are some of Windows' names, so that a client can be seen to read them.
var windowsZones = map[string]string{"W. Europe Standard Time": "Europe/Berlin", "Pacific Standard Time": "America/Los_Angeles",
	"Eastern Standard Time": "America/New_York", "Tokyo Standard Time": "Asia/Tokyo", "GMT Standard Time": "Europe/London"}

// zone is the one in which times are wanted.
func (r *request) zone() (*time.Location, *reply) {
	name := r.prefers("outlook.timezone")
	if name == "" {
		return time.UTC, nil
	}
	return loadZone(name)
}

func loadZone(name string) (*time.Location, *reply) {
	if iana := windowsZones[name]; iana != "" {
		name = iana
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		bad := fail(400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '%s'.", name)
		return nil, &bad
	}
	return zone, nil
}

// eventFields are the properties of Microsoft Graph's event and of outlookItem (graph-v1.0 schema).
var eventFields = []string{"id", "changeKey", "categories", "createdDateTime", "lastModifiedDateTime", "allowNewTimeProposals", "attendees", "body", "bodyPreview",
	"end", "hasAttachments", "hideAttendees", "iCalUId", "importance", "isAllDay", "isCancelled", "isDraft", "isOnlineMeeting", "isOrganizer", "isReminderOn",
	"location", "locations", "onlineMeeting", "onlineMeetingProvider", "onlineMeetingUrl", "organizer", "originalEndTimeZone", "originalStart",
	"originalStartTimeZone", "recurrence", "reminderMinutesBeforeStart", "responseRequested", "responseStatus", "sensitivity", "seriesMasterId", "showAs", "start",
	"subject", "transactionId", "type", "webLink"}

const wallTime = "2006-01-02T15:04:05.0000000"

// eventJSON writes an occurrence, or the event itself.
func (s *Server) eventJSON(box *mailbox, o *Occurrence, selected []string, zone *time.Location, immutable, basic bool) map[string]any {
	e := o.event
	publicID := func(id string) string {
		if immutable {
			return id
		}
		return fmt.Sprintf("AAMkAG%dA", box.moved) + strings.TrimPrefix(id, "AAkALg")
	}
	at := func(t time.Time) map[string]string {
		if e.AllDay { // a day, whatever the zone
			return map[string]string{"dateTime": dayOf(t).Format(wallTime), "timeZone": zone.String()}
		}
		return map[string]string{"dateTime": t.In(zone).Format(wallTime), "timeZone": zone.String()}
	}
	kind := "singleInstance"
	switch {
	case o.exception:
		kind = "exception"
	case o.Recurring:
		kind = "occurrence"
	case e.Repeat != nil:
		kind = "seriesMaster"
	}
	uid := o.UID
	if o.Recurring && s.c.UIDPerDay && len(uid) > 40 {
		y, m, d := o.Original.In(o.master.Start.Location()).Date()
		uid = uid[:32] + fmt.Sprintf("%04X%02X%02X", y, int(m), d) + uid[40:]
	}
	origin := e.Start.Location().String()
	key := fmt.Sprintf("%s%d", b64([]byte(box.info.ID[:8])), o.master.version)
	full := map[string]any{
		"@odata.etag": `W/"` + key + `"`, "id": publicID(o.ID), "changeKey": key, "categories": append([]string{}, e.Categories...),
		"createdDateTime": o.master.created.Format("2006-01-02T15:04:05.0000000Z"), "lastModifiedDateTime": o.master.changed.Format("2006-01-02T15:04:05.0000000Z"),
		"allowNewTimeProposals": true, "attendees": []any{}, "body": map[string]string{"contentType": "text", "content": e.Body}, "bodyPreview": e.Body,
		"end": at(e.End), "hasAttachments": false, "hideAttendees": false, "iCalUId": uid, "importance": "normal", "isAllDay": e.AllDay,
		"isCancelled": e.Cancelled, "isDraft": false, "isOnlineMeeting": false, "isOrganizer": e.Response == "organizer", "isReminderOn": e.Reminder > 0,
		"location": map[string]any{"displayName": "", "locationType": "default", "uniqueIdType": "unknown"}, "locations": []any{}, "onlineMeetingProvider": "unknown",
		"onlineMeetingUrl": nil, "organizer": map[string]any{"emailAddress": map[string]string{"name": box.info.Name, "address": box.info.Mail}},
		"originalEndTimeZone": origin, "originalStartTimeZone": origin, "reminderMinutesBeforeStart": e.Reminder, "responseRequested": true,
		"responseStatus": map[string]string{"response": e.Response, "time": "0001-01-01T00:00:00Z"}, "sensitivity": e.Sensitivity, "seriesMasterId": nil,
		"showAs": e.ShowAs, "start": at(e.Start), "subject": e.Subject, "type": kind,
		"webLink": "https://outlook.office365.com/owa/?itemid=" + url.QueryEscape(publicID(o.ID)) + "&exvsurl=1&path=/calendar/item",
	}
	if o.Recurring {
		full["seriesMasterId"], full["originalStart"] = publicID(o.master.ID), o.Original.UTC().Format("2006-01-02T15:04:05Z")
	} else if e.Repeat != nil {
		full["recurrence"] = e.Repeat.write(e)
	}
	if basic { // Calendars.ReadBasic
		for _, name := range []string{"body", "bodyPreview", "subject"} {
			delete(full, name)
		}
	}
	if selected == nil {
		return full
	}
	out := map[string]any{"@odata.etag": full["@odata.etag"], "id": full["id"]} // always there
	for _, name := range selected {
		if value, ok := full[name]; ok {
			out[name] = value
		}
	}
	return out
}

// write sends an answer, and shows it to the observer.
func (s *Server) write(w http.ResponseWriter, hr *http.Request, sent []byte, op string, a reply) {
	h := w.Header()
	id := randomGUID()
	text := s.finish(hr, &a, id)
	for name, values := range a.header {
		h[name] = values
	}
	if text != nil {
		h.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	}
	h.Set("request-id", id)
	h.Set("client-request-id", hr.Header.Get("client-request-id"))
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	if s.c.Observe != nil {
		s.c.Observe(Exchange{Op: op, Request: hr, Body: sent, Status: a.status, Header: h.Clone(), Response: text})
	}
	if a.half {
		h.Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(a.status)
		w.Write(text[:len(text)/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	w.Write(text)
}

// finish encodes the body, and completes that of an error.
func (s *Server) finish(hr *http.Request, a *reply, id string) []byte {
	if a.body == nil {
		return a.raw
	}
	if m, ok := a.body.(map[string]any); ok {
		if e, ok := m["error"].(map[string]any); ok {
			e["innerError"] = map[string]string{"date": s.now().UTC().Format("2006-01-02T15:04:05"), "request-id": id,
				"client-request-id": hr.Header.Get("client-request-id")}
		}
	}
	text, err := json.Marshal(a.body)
	if err != nil {
		panic(err) // all of it is made here
	}
	return text
}

// serveBatch answers many calls at once (graph/json-batching).
func (s *Server) serveBatch(r *request) reply {
	var in struct {
		Requests []struct {
			ID        string            `json:"id"`
			Method    string            `json:"method"`
			URL       string            `json:"url"`
			Headers   map[string]string `json:"headers"`
			Body      json.RawMessage   `json:"body"`
			DependsOn []string          `json:"dependsOn"`
		} `json:"requests"`
	}
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return fail(400, "BadRequest", "Unable to deserialize the batch request.")
	}
	if n := len(in.Requests); n == 0 || n > 20 {
		return fail(400, "MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of 20.")
	}
	at := map[string]int{}
	for i, one := range in.Requests {
		if _, again := at[one.ID]; again || one.ID == "" {
			return fail(400, "BadRequest", "The request ids of a batch must be unique and not empty.")
		}
		for _, d := range one.DependsOn {
			if _, known := at[d]; !known {
				return fail(400, "BadRequest", "Invalid dependsOn: the request '%s' does not come before.", d)
			}
		}
		at[one.ID] = i
	}
	type answered struct {
		ID      string            `json:"id"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body,omitempty"`
	}
	results := make([]answered, len(in.Requests))
	done := make([]chan struct{}, len(in.Requests))
	for i := range done {
		done[i] = make(chan struct{})
	}
	one := func(i int) {
		defer close(done[i])
		item := in.Requests[i]
		results[i] = answered{ID: item.ID, Headers: map[string]string{}}
		put := func(hr *http.Request, op string, a reply) {
			if a.status == 0 || a.half {
				a = fail(504, "GatewayTimeout", "The backend did not answer.")
			}
			id := randomGUID()
			text := s.finish(hr, &a, id)
			results[i].Status, results[i].Body = a.status, text
			results[i].Headers["request-id"] = id
			if text != nil {
				results[i].Headers["Content-Type"] = "application/json"
			}
			for name := range a.header {
				results[i].Headers[name] = a.header.Get(name)
			}
			if s.c.Observe != nil {
				s.c.Observe(Exchange{Op: op, Inner: true, Request: hr, Body: item.Body, Status: a.status, Header: a.header, Response: text})
			}
		}
		hr, err := http.NewRequestWithContext(r.Context(), item.Method, s.GraphURL+"/v1.0"+item.URL, nil)
		if err != nil || !strings.HasPrefix(item.URL, "/") || item.Method == "" || strings.HasPrefix(item.URL, "/$batch") {
			if hr == nil {
				hr = r.Request
			}
			put(hr, "", fail(400, "BadRequest", "Invalid batch request: method or url."))
			return
		}
		for name, value := range item.Headers {
			hr.Header.Set(name, value)
		}
		for _, d := range item.DependsOn {
			<-done[at[d]]
			if results[at[d]].Status >= 400 {
				put(hr, "", fail(424, "FailedDependency", "Failed Dependency."))
				return
			}
		}
		if len(item.Body) > 0 && !strings.HasPrefix(hr.Header.Get("Content-Type"), "application/json") {
			put(hr, "", fail(400, "BadRequest", "Write request id : %s does not contain Content-Type header or body.", item.ID))
			return
		}
		inner, bad := s.parse(hr, item.Body, strings.TrimPrefix(hr.URL.EscapedPath(), "/v1.0"), true)
		if bad != nil {
			put(hr, "", *bad)
			return
		}
		inner.token = r.token
		var answer reply
		answer, _ = s.answer(inner)
		put(hr, inner.op, answer)
	}
	for i := range in.Requests { // of one mailbox four at a time are let in; with these few mailboxes all go at once
		if same := s.sameMailbox(in.Requests[i].URL); same != "" {
			before := 0
			for j := i - 1; j >= 0; j-- {
				if s.sameMailbox(in.Requests[j].URL) == same {
					if before++; before == 4 {
						<-done[j]
						break
					}
				}
			}
		}
		go one(i)
	}
	out := make([]answered, 0, len(results))
	for i := len(results) - 1; i >= 0; i-- { // any order will do: the last first
		<-done[i]
		out = append(out, results[i])
	}
	if r.Context().Err() != nil || s.life.Err() != nil {
		return reply{}
	}
	return reply{status: 200, body: map[string]any{"responses": out}}
}

// sameMailbox returns the part of an address that names a mailbox.
func (s *Server) sameMailbox(u string) string {
	parts := strings.SplitN(strings.TrimPrefix(u, "/"), "/", 3)
	if len(parts) < 3 || parts[0] != "users" {
		return ""
	}
	return strings.ToLower(parts[1])
}
