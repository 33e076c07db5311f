package graphtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pairs that an application may write of its session (graph/api/presence-setpresence).
var sessionPairs = []Pair{{"Available", "Available"}, {"Busy", "InACall"}, {"Busy", "InAConferenceCall"}, {"Away", "Away"}, {"DoNotDisturb", "Presenting"}}

// Pairs that may be preferred (graph/api/presence-setuserpreferredpresence).
var preferredPairs = []Pair{{"Available", "Available"}, {"Busy", "Busy"}, {"DoNotDisturb", "DoNotDisturb"}, {"BeRightBack", "BeRightBack"}, {"Away", "Away"}, {"Offline", "OffWork"}}

// preferredFor is how long a preference lasts if nothing is said (graph/api/presence-setuserpreferredpresence).
func preferredFor(pair Pair) time.Duration {
	if pair.Availability == "DoNotDisturb" || pair.Availability == "Busy" {
		return day
	}
	return 7 * day
}

const (
	mostPresences = 650 // IDs in a call (graph/api/cloudcommunications-getpresencesbyuserid)
	// How long an application's session lasts (graph/api/presence-setpresence): five minutes if nothing is said.
	shortestSession, longestSession = 5 * time.Minute, 4 * time.Hour

	// Limits by application and tenant: of the two reads (graph/api/presence-get, graph/api/cloudcommunications-getpresencesbyuserid; whether each has
	// its own is not said: they share it here), and of presence as a whole (graph/throttling-limits, cloud communication).
	mostReads, mostCalls = 1500, 10_000
	callSpan             = 30 * time.Second
)

var presenceWrites = map[string]bool{"setPresence": true, "clearPresence": true, "setUserPreferredPresence": true, "clearUserPreferredPresence": true}

// presenceOp reports whether a call is about presence.
func presenceOp(op string) bool { return op == "presence" || op == "presences" || presenceWrites[op] }

// action strips the namespace of an action, which may be there or not.
func action(name string) string { return strings.TrimPrefix(name, "microsoft.graph.") }

// presenceName is what a call below /communications or below a user's /presence is counted as.
func presenceName(p []string) string {
	switch {
	case p[0] == "communications" && len(p) == 2 && action(p[1]) == "getPresencesByUserId":
		return "presences"
	case p[0] == "communications" && len(p) >= 3 && p[1] == "presences":
		p = p[2:]
	case p[0] == "users" && len(p) >= 3 && p[2] == "presence":
		p = p[2:]
	default:
		return ""
	}
	switch {
	case len(p) == 1:
		return "presence"
	case len(p) == 2 && presenceWrites[action(p[1])]:
		return action(p[1])
	}
	return ""
}

// of returns the ID of the user whose presence a call is about; empty: many.
func (r *request) of() string {
	switch {
	case r.path[0] == "me":
		if r.token == nil || r.token.box == nil {
			return ""
		}
		return r.token.box.info.ID
	case r.op == "presences":
		return ""
	case r.path[0] == "communications":
		return r.path[2]
	}
	return r.path[1]
}

type presenceInput struct {
	Session      *string  `json:"sessionId"`
	Availability *string  `json:"availability"`
	Activity     *string  `json:"activity"`
	Lasts        *string  `json:"expirationDuration"`
	IDs          []string `json:"ids"`
}

// readPresence reads the body once; nil: it is no JSON object, or has what is not known.
func (r *request) readPresence() *presenceInput {
	if r.presence == nil {
		var in presenceInput
		decoder := json.NewDecoder(bytes.NewReader(r.body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			return nil
		}
		r.presence = &in
	}
	return r.presence
}

func (in *presenceInput) pair() Pair {
	var out Pair
	if in.Availability != nil {
		out.Availability = *in.Availability
	}
	if in.Activity != nil {
		out.Activity = *in.Activity
	}
	return out
}

// journalize writes down what was to be written.
func (s *Server) journalize(r *request, box *mailbox, status int) {
	w := PresenceWrite{ID: r.of(), Op: r.op, App: r.token.app.ID, Status: status, At: s.now()}
	if box != nil {
		w.User = box.info.UPN
	}
	if r.token.box != nil {
		w.By = r.token.box.info.UPN
	}
	if in := r.readPresence(); in != nil {
		w.Pair = in.pair()
		if in.Lasts != nil {
			w.Duration = *in.Lasts
		}
	}
	s.written(w)
}

var duration = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$`) // as the description has it, but not below zero

// parseDuration reads an Edm.Duration of ISO 8601.
func parseDuration(text string) (time.Duration, bool) {
	m := duration.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") {
		return 0, false
	}
	var out time.Duration
	for i, unit := range []time.Duration{day, time.Hour, time.Minute, time.Second} {
		if m[i+1] != "" {
			n, err := strconv.Atoi(m[i+1])
			if err != nil {
				return 0, false
			}
			out += time.Duration(n) * unit
		}
	}
	return out, out > 0
}

// mayPresence checks the permission of a call about presence (graph/api/presence-get, cloudcommunications-getpresencesbyuserid, presence-setpresence,
// presence-clearpresence, presence-setuserpreferredpresence, presence-clearuserpreferredpresence; application permission to read: as published
// since 2025). Who has none is told Forbidden without a word more (osodevops/ms-teams-cli, "A 403 says nothing about which permission the token
// is missing").
func (s *Server) mayPresence(r *request) *reply {
	own := r.token.box != nil && strings.EqualFold(r.of(), r.token.box.info.ID)
	var ok bool
	switch {
	case presenceWrites[r.op] && r.token.box != nil:
		if ok = r.token.may("Presence.ReadWrite"); ok && !own {
			// The words are the service's; it was seen to answer 401 where a status message was written.
			bad := fail(403, "Forbidden", "Cannot set the presence of another user.")
			return &bad
		}
	case presenceWrites[r.op]:
		ok = r.token.may("Presence.ReadWrite.All")
	case own:
		ok = r.token.may("Presence.Read", "Presence.Read.All")
	default:
		ok = r.token.may("Presence.Read.All")
	}
	if ok {
		return nil
	}
	bad := fail(403, "Forbidden", "")
	return &bad
}

// servePresence answers the calls about presence.
func (s *Server) servePresence(r *request, box *mailbox) reply {
	if bad := s.limited(r); bad != nil {
		return *bad
	}
	if bad := s.mayPresence(r); bad != nil {
		return *bad
	}
	if len(r.query) > 0 { // reported for $select (microsoftgraph/microsoft-graph-explorer-v4, "Don't work presence")
		return fail(400, "BadRequest", "Query options are not supported on presence.")
	}
	if r.op == "presences" {
		return s.servePresences(r)
	}
	// A user is addressed by ID only: sign-in names do not work (reported in the same place).
	if r.path[0] != "me" && !isGUID(r.of()) {
		return fail(400, "BadRequest", "The user ID '%s' is not valid.", r.of())
	}
	if box == nil {
		return fail(404, "NotFound", "User '%s' was not found.", r.of())
	}
	if r.op == "presence" {
		s.mu.Lock()
		shown := s.visible(box, s.clock())
		id := box.info.ID
		s.mu.Unlock()
		text := append([]byte(`{"@odata.context":`), quoted(s.GraphURL+"/v1.0/$metadata#users('"+id+"')/presence/$entity")...)
		return reply{status: 200, raw: append(shown.write(append(text, ','), id), '}')}
	}
	return s.writePresence(r, box)
}

// limited counts a call, and turns it away if it is one too many.
func (s *Server) limited(r *request) *reply {
	s.mu.RLock()
	free, now := s.rulesOf.NoLimits, s.clock()
	s.mu.RUnlock()
	if free {
		return nil
	}
	wait := s.overQuotaAt(now, "presence all "+r.token.app.ID, mostCalls, callSpan)
	if wait == 0 && !presenceWrites[r.op] {
		wait = s.overQuotaAt(now, "presence read "+r.token.app.ID, mostReads, callSpan)
	}
	if wait == 0 {
		return nil
	}
	s.counted("throttled")
	out := fail(429, "TooManyRequests", "Please retry again later.")
	out.header = http.Header{"Retry-After": {strconv.Itoa(int((wait + time.Second - 1) / time.Second))}}
	return &out
}

func quoted(text string) []byte {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return out
}

// write appends a presence without its braces. Its words and IDs need no escaping.
func (p *Presence) write(to []byte, id string) []byte {
	to = append(to, `"id":"`...)
	to = append(to, id...)
	to = append(to, `","availability":"`...)
	to = append(to, p.Availability...)
	to = append(to, `","activity":"`...)
	to = append(to, p.Activity...)
	to = append(to, `","outOfOfficeSettings":{"message":null,"isOutOfOffice":false},"sequenceNumber":"`...)
	to = append(to, p.Sequence...)
	return append(to, '"')
}

// servePresences answers getPresencesByUserId. The order of the answer is not documented: it is not that of the question here.
func (s *Server) servePresences(r *request) reply {
	in := r.readPresence()
	switch {
	case in == nil || in.Session != nil || in.Availability != nil || in.Activity != nil || in.Lasts != nil:
		return fail(400, "BadRequest", "Unable to read JSON request payload.")
	case len(in.IDs) == 0:
		return fail(400, "BadRequest", "ids must not be empty.")
	case len(in.IDs) > mostPresences:
		return fail(400, "BadRequest", "A maximum of %d user IDs are supported per request.", mostPresences)
	}
	for _, id := range in.IDs {
		if !isGUID(id) {
			return fail(400, "BadRequest", "The user ID '%s' is not valid.", id)
		}
	}
	text := make([]byte, 0, 256+len(in.IDs)*280)
	text = append(text, `{"@odata.context":`...)
	text = append(text, quoted(s.GraphURL+"/v1.0/$metadata#Collection(microsoft.graph.presence)")...)
	text = append(text, `,"value":[`...)
	first := true
	given := make(map[*mailbox]bool, len(in.IDs))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	for i := len(in.IDs) - 1; i >= 0; i-- {
		box := s.boxes[strings.ToLower(in.IDs[i])]
		if box == nil {
			if s.rulesOf.RefuseUnknown {
				return fail(404, "NotFound", "User '%s' was not found.", in.IDs[i])
			}
			continue
		}
		if given[box] {
			continue
		}
		given[box] = true
		if !first {
			text = append(text, ',')
		}
		first = false
		shown := s.visible(box, now)
		text = append(shown.write(append(text, '{'), box.info.ID), '}')
	}
	return reply{status: 200, raw: append(text, "]}"...)}
}

// isGUID reports whether text is an ID.
func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// writePresence sets and clears sessions and preferences. Success is 200 without a body.
func (s *Server) writePresence(r *request, box *mailbox) reply {
	in := r.readPresence()
	if in == nil || in.IDs != nil {
		return fail(400, "BadRequest", "Unable to read JSON request payload.")
	}
	setting := r.op == "setPresence" || r.op == "setUserPreferredPresence"
	ofSession := r.op == "setPresence" || r.op == "clearPresence"
	pair := in.pair()
	switch {
	case !setting && (in.Availability != nil || in.Activity != nil || in.Lasts != nil), !ofSession && in.Session != nil:
		return fail(400, "BadRequest", "A parameter is not one of '%s'.", r.op)
	// "Provide the ID of the application as sessionId" (graph/api/presence-setpresence, presence-clearpresence).
	case ofSession && (in.Session == nil || !strings.EqualFold(*in.Session, r.token.app.ID)):
		return fail(400, "BadRequest", "sessionId must be the ID of the application.")
	case r.op == "setPresence" && !slices.Contains(sessionPairs, pair), r.op == "setUserPreferredPresence" && !slices.Contains(preferredPairs, pair):
		return fail(400, "BadRequest", "The combination of availability '%s' and activity '%s' is not supported.", pair.Availability, pair.Activity)
	}
	lasts := shortestSession
	if r.op == "setUserPreferredPresence" {
		lasts = preferredFor(pair)
	}
	if in.Lasts != nil {
		var ok bool
		lasts, ok = parseDuration(*in.Lasts)
		if !ok || r.op == "setPresence" && (lasts < shortestSession || lasts > longestSession) {
			return fail(400, "BadRequest", "The expirationDuration '%s' is not valid.", *in.Lasts)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := true
	s.alter(box, func(p *presence, now time.Time) {
		switch r.op {
		case "setPresence":
			p.set(&session{name: r.token.app.ID, kind: "app", pair: pair, since: now, fades: now, until: now.Add(lasts)})
		case "clearPresence":
			found = p.end("app", r.token.app.ID)
		case "setUserPreferredPresence":
			p.prefer(pair, lasts, now)
		case "clearUserPreferredPresence":
			p.preferred = nil
		}
	})
	if !found { // graph/api/presence-clearpresence
		return fail(404, "NotFound", "The presence session does not exist.")
	}
	return reply{status: 200}
}
