// Package dominotest is a stand-in for the calendar service of an HCL Domino server (Domino Access Services): for tests
// and for the demo. It is strict: it refuses what the real service refuses, and what it does not describe. It expands
// recurrence by code of its own, so that it can be believed when it disagrees with a client. What it does badly on
// purpose is switched on by rules, while it runs.
//
// It follows the published description of the service, and where that is silent its published source: which events are
// in a list, how it is paged, what an empty one looks like (EventCollectionResource), and how events are written
// (JsonEventAdapter). It was never compared with a real server.
package dominotest

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config says what stands in there. The zero value takes HTTP Basic from DefaultUsername and lists occurrences, with
// times in UTC, as servers do since 9.0.
type Config struct {
	Username, Password string // of the technical user; empty: DefaultUsername, DefaultPassword

	Session    bool // takes a form and a cookie only
	FormStatus int  // with Session, what the form comes with: 200 if zero, or 401
	NoForm     bool // there is no form either

	Series    bool // series are listed once, with their rule
	OldDesign bool // mail files of before 8.5.4: occurrences with UIDs of their own and nothing that tells them from others
	Zones     bool // times are those of a clock in the event's zone
	ETags     bool // lists have ETags
	Gaps      int  // each so-maniest entry of the view gives no event; zero: none
	Buffer    int  // a page ends early with so many events; zero: never

	// Observe is told of each call and its answer, from several goroutines. It must not change them.
	Observe func(Exchange)
	TLS     bool // https, with a certificate that Server.RootCAs trusts
}

// The technical user of a zero Config.
const (
	DefaultUsername = "Doorlight Reader"
	DefaultPassword = "stand-in's own"
)

// Exchange is one call and its answer.
type Exchange struct {
	Op       string // as counted
	Request  *http.Request
	Status   int
	Header   http.Header
	Response []byte
}

// Server is a running stand-in. Its methods may be called by several goroutines.
type Server struct {
	URL     string
	RootCAs *x509.CertPool // nil without TLS

	c    Config
	http *httptest.Server

	mu       sync.RWMutex // guards what follows
	files    map[string]*mailFile
	disabled bool
	password string
	sessions map[string]bool

	stat  sync.Mutex // guards what follows; taken last
	count map[string]int
	rules []*Rule
}

// Start starts a stand-in on a free port of this computer. Close it.
func Start(c Config) (*Server, error) {
	if c.Username == "" {
		c.Username, c.Password = DefaultUsername, DefaultPassword
	}
	if c.FormStatus == 0 {
		c.FormStatus = http.StatusOK
	}
	s := &Server{c: c, files: map[string]*mailFile{}, password: c.Password, sessions: map[string]bool{}, count: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("dominotest: %w", err)
	}
	s.http = &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}} // clients that hang up are part of the tests
	if c.TLS {
		s.http.StartTLS()
		s.RootCAs = x509.NewCertPool()
		s.RootCAs.AddCert(s.http.Certificate())
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	return s, nil
}

// Close ends the stand-in and everything it has under way.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// SetService has the calendar service enabled on the server, or not.
func (s *Server) SetService(enabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = !enabled
}

// SetPassword changes the password of the technical user. Sessions go on.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
}

// ForgetSessions ends all sessions.
func (s *Server) ForgetSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// Count returns how often that was called: api, login, events, event, instances, instance.
func (s *Server) Count(op string) int {
	s.stat.Lock()
	defer s.stat.Unlock()
	return s.count[op]
}

// Counts returns all of them.
func (s *Server) Counts() map[string]int {
	s.stat.Lock()
	defer s.stat.Unlock()
	return maps.Clone(s.count)
}

// What a rule does.
const (
	Drop   = "drop"   // break the connection
	Half   = "half"   // break it in the middle of the answer
	Answer = "answer" // with Rule.Status
	Damage = "damage" // answer with half of the JSON as if it were all
	Slow   = "slow"   // wait for Rule.Delay first
	Hang   = "hang"   // do not answer until the client gives up
)

// Rule is something done badly on purpose.
type Rule struct {
	Op       string // as counted; empty: any
	MailFile string // empty: any. Only of calls in a mail file
	Times    int    // how often; zero: until lifted
	Do       string
	Delay    time.Duration

	Status     int           // with Answer
	RetryAfter time.Duration // with Answer, in whole seconds; zero: none is said

	used int
}

// Break adds a rule, and returns how to lift it. The first rule that fits a call applies.
func (s *Server) Break(r Rule) (lift func()) {
	s.stat.Lock()
	defer s.stat.Unlock()
	one := &r
	s.rules = append(s.rules, one)
	return func() {
		s.stat.Lock()
		defer s.stat.Unlock()
		s.rules = slices.DeleteFunc(s.rules, func(other *Rule) bool { return other == one })
	}
}

// rule counts a call and returns what applies to it; nil: nothing.
func (s *Server) rule(op, file string) *Rule {
	s.stat.Lock()
	defer s.stat.Unlock()
	s.count[op]++
	for _, r := range s.rules {
		switch {
		case r.Op != "" && r.Op != op:
		case r.Times > 0 && r.used >= r.Times:
		case r.MailFile != "" && !strings.EqualFold(r.MailFile, file):
		default:
			r.used++
			copied := *r
			return &copied
		}
	}
	return nil
}

// target is what a path leads to.
type target struct {
	op, file, uid, instance string
}

// find reads a path: /names.nsf, /api, or below a mail file the paths of the description.
func find(r *http.Request) (t target, ok bool) {
	path := r.URL.EscapedPath()
	switch path {
	case "/names.nsf":
		return target{op: "login"}, strings.EqualFold(r.URL.RawQuery, "Login")
	case "/api", "/api/":
		return target{op: "api"}, true
	}
	file, rest, ok := strings.Cut(path, "/api/calendar/events")
	if !ok {
		return t, false
	}
	file, err := url.PathUnescape(strings.TrimPrefix(file, "/"))
	if err != nil || rest != "" && !strings.HasPrefix(rest, "/") {
		return t, false
	}
	t.file = file
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	for i := range parts {
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return t, false
		}
	}
	switch {
	case rest == "":
		t.op = "events"
	case len(parts) == 1 && parts[0] != "":
		t.op, t.uid = "event", parts[0]
	case len(parts) == 2 && parts[1] == "instances":
		t.op, t.uid = "instances", parts[0]
	case len(parts) == 2 && parts[1] != "":
		t.op, t.uid, t.instance = "instance", parts[0], parts[1]
	default:
		return t, false
	}
	return t, true
}

// reply is an answer before it is sent.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (p *reply) set(name, value string) *reply {
	p.header.Set(name, value)
	return p
}

func text(status int, kind, body string) *reply {
	return (&reply{status: status, header: http.Header{}, body: []byte(body)}).set("Content-Type", kind)
}

func asJSON(status int, v any) *reply {
	body, err := json.Marshal(v)
	if err != nil {
		return failed(http.StatusInternalServerError, err.Error())
	}
	return text(status, "application/json", string(body))
}

// failed is an error of the service (errorResponse).
func failed(status int, message string) *reply {
	body, _ := json.Marshal(map[string]any{"code": status, "text": http.StatusText(status), "message": message, "type": "text"}) // of words and a number
	return text(status, "application/json", string(body))
}

// form is how a server asks people to sign in.
func (s *Server) form() *reply {
	if s.c.NoForm {
		return text(http.StatusUnauthorized, "text/html", "<html><body>Error 401</body></html>")
	}
	return text(s.c.FormStatus, "text/html; charset=utf-8", `<html><body><form method="post" action="/names.nsf?Login"><input name="Username"><input name="Password" type="password"></form></body></html>`)
}

// stranger is how somebody is turned away who is not known, or may not.
func (s *Server) stranger() *reply {
	if s.c.Session {
		return s.form()
	}
	return text(http.StatusUnauthorized, "text/html", "<html><body>Error 401</body></html>").set("WWW-Authenticate", `Basic realm="/"`)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	t, known := find(r)
	if !known {
		http.Error(w, "no such page", http.StatusNotFound)
		return
	}
	rule := s.rule(t.op, t.file)
	var p *reply
	if rule != nil {
		switch rule.Do {
		case Drop:
			panic(http.ErrAbortHandler)
		case Hang:
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		case Slow:
			select {
			case <-time.After(rule.Delay):
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		case Answer:
			p = failed(rule.Status, "on purpose")
			switch {
			case rule.Status == http.StatusUnauthorized:
				p = s.stranger()
			case rule.RetryAfter > 0:
				p.set("Retry-After", strconv.Itoa(int(rule.RetryAfter/time.Second)))
			}
		}
	}
	if p == nil {
		p = s.answer(r, t)
	}
	if rule != nil && rule.Do == Damage && len(p.body) > 1 {
		p.body = p.body[:len(p.body)/2]
	}
	if s.c.Observe != nil && (rule == nil || rule.Do == Slow) {
		s.c.Observe(Exchange{Op: t.op, Request: r, Status: p.status, Header: p.header.Clone(), Response: bytes.Clone(p.body)})
	}
	maps.Copy(w.Header(), p.header)
	if rule != nil && rule.Do == Half {
		w.Header().Set("Content-Length", strconv.Itoa(len(p.body)+10))
		w.WriteHeader(p.status)
		w.Write(p.body[:len(p.body)/2])
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(p.status)
	w.Write(p.body) // whoever asked may be gone
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// user says who asks: somebody known, a stranger, or somebody with a wrong password.
func (s *Server) user(r *http.Request) (known, wrong bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c.Session {
		c, err := r.Cookie("LtpaToken2")
		return err == nil && s.sessions[c.Value], false
	}
	name, password, given := r.BasicAuth()
	ok := given && strings.EqualFold(name, s.c.Username) && equal(password, s.password)
	return ok, given && !ok
}

func (s *Server) answer(r *http.Request, t target) *reply {
	if t.op == "login" {
		return s.login(r)
	}
	if r.Method != http.MethodGet {
		return failed(http.StatusMethodNotAllowed, "Not allowed.")
	}
	known, wrong := s.user(r)
	if wrong { // everywhere, also where strangers may look
		return s.stranger()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t.op == "api" {
		return asJSON(http.StatusOK, map[string]any{"services": []any{
			map[string]any{"name": "Core", "enabled": true, "version": "9.0.1", "href": "/api/core"},
			map[string]any{"name": "Data", "enabled": false, "version": "9.0.1", "href": "/api/data"},
			map[string]any{"name": "Calendar", "enabled": !s.disabled, "version": "9.0.1", "href": "/api/calendar"},
		}})
	}
	f := s.files[strings.ToLower(t.file)]
	switch {
	case f == nil && !known:
		return s.stranger()
	case f == nil:
		return failed(http.StatusNotFound, "No database context.")
	case !known || !f.reader:
		return s.stranger()
	case s.disabled || f.disabled:
		return failed(http.StatusForbidden, "The operation is forbidden because the calendar service is not enabled.")
	}
	switch t.op {
	case "events":
		return s.list(r, f)
	case "event":
		return s.whole(r, f, t.uid)
	case "instances":
		return s.instances(f, t)
	}
	return s.instance(f, t)
}

func (s *Server) login(r *http.Request) *reply {
	switch {
	case s.c.NoForm || !s.c.Session:
		return text(http.StatusNotFound, "text/html", "<html><body>Error 404</body></html>")
	case r.Method != http.MethodPost:
		return s.form()
	case r.ParseForm() != nil:
		return failed(http.StatusBadRequest, "no form")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.EqualFold(r.PostForm.Get("Username"), s.c.Username) || !equal(r.PostForm.Get("Password"), s.password) {
		return s.form()
	}
	var token [24]byte
	rand.Read(token[:])
	value := hex.EncodeToString(token[:])
	s.sessions[value] = true
	p := text(http.StatusFound, "text/html", "")
	p.set("Location", s.URL+"/")
	p.set("Set-Cookie", (&http.Cookie{Name: "LtpaToken2", Value: value, Path: "/", HttpOnly: true}).String())
	return p
}

// parameters refuses what is not described, and returns the rest.
func parameters(r *http.Request, known ...string) (url.Values, *reply) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, failed(http.StatusBadRequest, "Invalid query.")
	}
	for name, values := range q {
		if !slices.Contains(known, name) || len(values) != 1 {
			return nil, failed(http.StatusBadRequest, "Invalid "+name+" parameter.")
		}
	}
	return q, nil
}

// list answers what begins in a span, by start and count (EventCollectionResource.getEvents).
func (s *Server) list(r *http.Request, f *mailFile) *reply {
	q, bad := parameters(r, "format", "since", "before", "sincenow", "days", "count", "start", "fields")
	if bad != nil {
		return bad
	}
	wrong := func(name string) *reply { return failed(http.StatusBadRequest, "Invalid "+name+" parameter.") }
	const layout = "2006-01-02T15:04:05Z"
	now := time.Now().UTC()
	since := now
	var err error
	switch {
	case q.Has("since") && q.Has("sincenow"):
		return wrong("sincenow")
	case q.Has("since"):
		if since, err = time.Parse(layout, q.Get("since")); err != nil {
			return wrong("since")
		}
	case q.Has("sincenow"):
		n, err := strconv.Atoi(q.Get("sincenow"))
		if err != nil {
			return wrong("sincenow")
		}
		since = now.AddDate(0, 0, n)
	}
	before := since.Add(365 * 24 * time.Hour)
	switch {
	case q.Has("before") && q.Has("days"):
		return wrong("days")
	case q.Has("before"):
		if before, err = time.Parse(layout, q.Get("before")); err != nil || !before.After(since) {
			return wrong("before")
		}
	case q.Has("days"):
		n, err := strconv.Atoi(q.Get("days"))
		if err != nil || n <= 0 {
			return wrong("days")
		}
		before = since.AddDate(0, 0, n)
	}
	number := func(name string, otherwise, least, most int) (int, bool) {
		if !q.Has(name) {
			return otherwise, true
		}
		n, err := strconv.Atoi(q.Get(name))
		return n, err == nil && n >= least && n <= most
	}
	count, ok := number("count", 50, 1, 100)
	if !ok {
		return wrong("count")
	}
	start, ok := number("start", 0, 0, 1<<30)
	if !ok {
		return wrong("start")
	}
	if q.Has("fields") || q.Get("format") == "icalendar" {
		return failed(http.StatusNotImplemented, "The stand-in has no lists of this form.")
	}
	entries := s.entries(f, since, before)
	entries = entries[min(start, len(entries)):]
	entries = entries[:min(count, len(entries))]
	var events []map[string]any
	zones := zoneSet{}
	taken := 0
	for _, e := range entries {
		if s.c.Buffer > 0 && len(events) >= s.c.Buffer {
			break
		}
		taken++
		if e != nil {
			events = append(events, s.event(f, e, zones))
		}
	}
	if len(events) == 0 { // no Content-Type and no text
		return &reply{status: http.StatusOK, header: http.Header{}}
	}
	body := map[string]any{"events": events}
	if len(zones) > 0 {
		body["timezones"] = zones.list()
	}
	p := asJSON(http.StatusOK, body)
	p.set("Content-Range", fmt.Sprintf("items %d-%d", start, start+taken-1))
	if s.c.ETags {
		p.set("ETag", etag(p.body))
		if r.Header.Get("If-None-Match") == etag(p.body) {
			return (&reply{status: http.StatusNotModified, header: http.Header{}}).set("ETag", etag(p.body))
		}
	}
	return p
}
