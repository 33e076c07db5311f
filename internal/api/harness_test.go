package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/socket"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/store/sqlite/sqlitetest"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/presence"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.nofailfile": "true", "rapid.shrinktime": "5s"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// building is the whole server on a database of its own, behind a real HTTP server.
type building struct {
	t        testing.TB
	store    store.Store
	office   *office.Office
	hub      *hub.Hub
	agenda   *agenda.Agenda
	teams    *teams.Teams
	board    *switchboard.Switchboard
	phones   *telephones.Telephones
	log      *logbook
	server   *api.Server
	doc      *huma.OpenAPI
	url      string
	http     *http.Client
	folder   string
	location string

	patterns   sync.Once // guards operations
	operations []matched

	mu        sync.Mutex // guards what follows
	calendars map[string]string
	succeeded map[string]bool // operations that were answered with success
}

// Fetch implements agenda.Source: calendars stand in the test.
func (b *building) Fetch(_ context.Context, a source.Account) (source.Result, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, ok := b.calendars[a.URL]
	if !ok {
		return source.Result{}, errors.New("nobody answers there")
	}
	return source.Result{Replace: true, Objects: []source.Object{{Href: "all", Data: []byte(text)}}}, nil
}

// failer is what both tests and rapid's checks fail with.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// newBuilding opens a server with a location and an administrator, admin.
func newBuilding(t testing.TB) *building {
	t.Helper()
	b, end := openBuilding(t, sqlitetest.Folder(t))
	t.Cleanup(end)
	b.add(store.Person{ID: "admin", Name: "Ada Admin", Login: "admin", Role: office.RoleAdmin})
	return b
}

// openBuilding opens a server with one location; end closes it.
func openBuilding(t testing.TB, folder string) (b *building, end func()) {
	t.Helper()
	return openWithGrace(t, folder, time.Hour)
}

// openWithGrace is openBuilding where clients may be silent for only so long.
func openWithGrace(t testing.TB, folder string, grace time.Duration) (b *building, end func()) {
	t.Helper()
	ctx := context.Background()
	logged := &logbook{}
	quiet := slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b = &building{t: t, folder: folder, log: logged, calendars: map[string]string{}, succeeded: map[string]bool{}}
	st, err := sqlite.Open(ctx, filepath.Join(folder, "doorlight.db"))
	b.ok(err)
	b.store = st
	b.office, err = office.Open(ctx, st, quiet)
	b.ok(err)
	broker := live.New(b.office, nil, live.Config{Log: quiet, Gather: time.Millisecond})
	var connectors *connector.Connectors
	publish := func(updates []hub.Update) {
		broker.Publish(updates)
		connectors.Publish(updates)
		b.board.Published(updates)
		b.phones.Published(updates)
	}
	b.hub, err = hub.Open(ctx, st, b.office, publish, hub.Config{Shards: 2, Grace: grace, Log: quiet})
	b.ok(err)
	broker.SetSource(b.hub)
	b.office.Listen(func(c office.Change) { b.hub.Repolicy(c.Policies, c.Removed) })
	b.office.Listen(broker.Office)
	box, err := secret.NewBox(make([]byte, 32))
	b.ok(err)
	b.agenda = agenda.New(st, b.office, b.hub, box, map[string]agenda.Source{agenda.KindFeed: b, agenda.KindCalDAV: b}, agenda.Config{Log: quiet})
	b.teams, err = teams.New(ctx, st, b.office, b.hub, box, teams.Config{Log: quiet, Every: 100 * time.Millisecond})
	b.ok(err)
	b.board, err = switchboard.New(ctx, st, b.office, b.hub, switchboard.Config{Log: quiet, Lines: switchboard.LinesOf, Health: 100 * time.Millisecond})
	b.ok(err)
	b.phones, err = telephones.New(ctx, st, box, b.office, b.hub, telephones.Config{Log: quiet, Lines: switchboard.LinesOf, Choose: b.board.Choose})
	b.ok(err)
	b.hub.Watch(func(ids []string) {
		b.teams.Touched(ids)
		b.board.Touched(ids)
	})
	b.server = api.New(st, b.office, b.hub, b.agenda, api.Config{Log: quiet, Version: "1.0", SetupCode: "AAAA-BBBB"})
	connectors, err = connector.Open(ctx, st, b.office, b.hub, box, "", quiet)
	b.ok(err)
	connectors.UseAgenda(b.agenda)
	connectors.UseTeams(b.teams)
	b.server.Connect(connectors)
	connectors.UseTelephones(b.phones)
	connectors.UseSwitchboard(b.board)
	b.server.Teams(b.teams)
	b.server.Switchboard(b.board)
	b.server.Telephones(b.phones)
	b.server.Live(broker)
	b.doc = b.server.OpenAPI()
	working, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { b.hub.Run(working) })
	running.Go(func() { connectors.Run(working) })
	running.Go(func() { b.board.Run(working) })
	running.Go(func() { b.phones.Run(working) })
	streaming, stopStream := context.WithCancel(ctx)
	var streams sync.WaitGroup
	streams.Go(func() { broker.Run(streaming) })
	mux := http.NewServeMux()
	b.server.Mount(mux)
	front := httptest.NewUnstartedServer(api.Secure(mux))
	front.Listener = socket.Listen(front.Listener)
	front.Start()
	b.url, b.http = front.URL, front.Client()
	if all, _ := b.office.Locations(); len(all) > 0 { // it is opened again
		b.location = all[0].ID
	} else {
		l := store.Location{Name: "Berlin", TimeZone: "Europe/Berlin"}
		b.ok(b.office.PutLocation(ctx, office.By{}, &l))
		b.location = l.ID
	}
	return b, func() {
		stopStream()
		streams.Wait()
		front.Close()
		b.server.Close()
		stop()
		running.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (b *building) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// add enters somebody in the first location.
func (b *building) add(p store.Person) {
	b.t.Helper()
	if p.LocationID == "" {
		p.LocationID = b.location
	}
	p.CreatedAt = time.Now().UTC()
	b.ok(b.office.PutPeople(context.Background(), office.By{}, "person.add", &p))
}

// people adds people by name; the ID of each is the name in lower case.
func (b *building) people(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.add(store.Person{ID: strings.ToLower(name), Name: name, Login: strings.ToLower(name)})
	}
}

// relate makes viewer something to owner, by the owner's choice.
func (b *building) relate(viewer, owner string, l rights.Level) {
	b.t.Helper()
	b.ok(b.office.SetRelationship(context.Background(), office.By{Actor: owner}, owner, viewer, &l))
}

// client makes requests as somebody.
type client struct {
	*building
	header http.Header
}

// as signs somebody in.
func (b *building) as(id string) *client {
	b.t.Helper()
	text, hash := secret.New("dls_")
	now := time.Now().UTC()
	b.ok(b.store.Update(context.Background(), store.Changes{PutSessions: []store.Session{{Hash: hash, PersonID: id, Label: "Test", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}}}))
	return &client{b, http.Header{"Cookie": {"doorlight_session=" + text}}}
}

// with makes a token and returns a client that has it.
func (b *building) with(tok store.Token) *client {
	b.t.Helper()
	text, hash := secret.New("dlt_")
	tok.Hash, tok.CreatedAt = hash, time.Now().UTC()
	if tok.Name == "" {
		tok.Name = "Test"
	}
	b.ok(b.office.PutToken(context.Background(), office.By{}, &tok))
	return &client{b, http.Header{"Authorization": {"Bearer " + text}}}
}

// nobody is not signed in.
func (b *building) nobody() *client { return &client{b, http.Header{}} }

// answer is what the server said.
type answer struct {
	asked  string
	status int
	header http.Header
	body   []byte
}

func (a *answer) String() string {
	body := a.body
	if len(body) > 2000 {
		body = append(body[:2000:2000], "…"...)
	}
	return fmt.Sprintf("%s\n%d %s", a.asked, a.status, body)
}

// get and friends make a request under the API's prefix. A body that is a string is sent as it is, any other as JSON.
func (c *client) get(path string) *answer           { return c.do("GET", path, nil) }
func (c *client) put(path string, body any) *answer { return c.do("PUT", path, body) }
func (c *client) post(path string, b any) *answer   { return c.do("POST", path, b) }
func (c *client) delete(path string) *answer        { return c.do("DELETE", path, nil) }

func (c *client) do(method, path string, body any) *answer {
	var sent io.Reader
	switch x := body.(type) {
	case nil:
	case string:
		sent = strings.NewReader(x)
	default:
		text, err := json.Marshal(x)
		if err != nil {
			panic(err)
		}
		sent = bytes.NewReader(text)
	}
	return c.send(method, path, sent, "application/json")
}

func (c *client) send(method, path string, body io.Reader, kind string) *answer {
	req, err := http.NewRequest(method, c.url+api.Prefix+path, body)
	if err != nil {
		panic(err)
	}
	req.Header = c.header.Clone()
	if body != nil && kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return &answer{asked: method + " " + path, header: http.Header{}}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	a := &answer{method + " " + path, resp.StatusCode, resp.Header, text}
	c.check(a, method, path)
	return a
}

// check holds an answer to the document: its status, its type and its contents.
func (c *client) check(a *answer, method, path string) {
	path, _, _ = strings.Cut(path, "?")
	op := c.operation(method, path)
	if op == nil {
		return
	}
	if a.status >= 400 {
		var p api.Problem
		if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
			c.t.Errorf("%s\nis a problem of type %q", a, kind)
		} else if err := json.Unmarshal(a.body, &p); err != nil || p.Status != a.status || p.Title == "" || p.Detail == "" {
			c.t.Errorf("%s\nis no problem document with status, title and detail (%v)", a, err)
		}
		if a.status >= 500 && a.status != http.StatusServiceUnavailable {
			c.t.Errorf("%s\nis a mistake of the server", a)
		}
		return
	}
	said, ok := op.Responses[fmt.Sprint(a.status)]
	if !ok {
		c.t.Errorf("%s\nhas a status that the document does not tell of", a)
		return
	}
	c.mu.Lock()
	c.succeeded[op.OperationID] = true
	c.mu.Unlock()
	if a.header.Get("Cache-Control") != "no-store" {
		c.t.Errorf("%s may be kept by caches", a.asked)
	}
	if len(said.Content) == 0 {
		if len(a.body) > 0 {
			c.t.Errorf("%s\nhas a body, and the document tells of none", a)
		}
		return
	}
	if table := said.Content["text/csv"]; table != nil {
		if kind := a.header.Get("Content-Type"); kind != "text/csv; charset=utf-8" {
			c.t.Errorf("%s\nis of type %q", a.asked, kind)
		}
		return
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		c.t.Errorf("%s\nis no JSON: %v", a, err)
		return
	}
	var found huma.ValidateResult
	huma.Validate(c.doc.Components.Schemas, said.Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &found)
	for _, err := range found.Errors {
		c.t.Errorf("%s\nis not as the document says: %v", a, err)
	}
}

// route is one operation of the document with its method and path.
type route struct {
	method, path string // path without the prefix
	op           *huma.Operation
	who          string
}

func routesOf(doc *huma.OpenAPI) (all []route) {
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete, "PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options, "TRACE": item.Trace} {
			if op != nil {
				who, _ := op.Extensions["x-who"].(string)
				all = append(all, route{method, strings.TrimPrefix(path, api.Prefix), op, who})
			}
		}
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// operation finds the operation that a path belongs to: the one with the fewest parameters.
func (b *building) operation(method, path string) *huma.Operation {
	b.patterns.Do(func() {
		for _, r := range routesOf(b.doc) {
			pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(r.method+" "+r.path), `[^/]*`)
			b.operations = append(b.operations, matched{regexp.MustCompile("^" + pattern + "$"), strings.Count(r.path, "{"), r.op})
		}
		slices.SortStableFunc(b.operations, func(x, y matched) int { return x.parameters - y.parameters })
	})
	for _, m := range b.operations {
		if m.pattern.MatchString(method + " " + path) {
			return m.op
		}
	}
	return nil
}

// matched is an operation and the requests that belong to it.
type matched struct {
	pattern    *regexp.Regexp
	parameters int
	op         *huma.Operation
}

// path fills in the parameters of a route.
func (r route) with(values map[string]string) string {
	return parameter.ReplaceAllStringFunc(r.path, func(name string) string {
		v, ok := values[strings.Trim(name, "{}")]
		if !ok {
			panic("no value for " + name)
		}
		return v
	})
}

// status checks the status of an answer.
func (a *answer) is(t failer, status int) *answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s\nwant status %d", a, status)
	}
	return a
}

// names checks that a problem names a field.
func (a *answer) names(t failer, field string) {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil || !slices.ContainsFunc(p.Errors, func(f api.ProblemField) bool { return f.Field == field }) {
		t.Errorf("%s\ndoes not name %s", a, field)
	}
}

func decode[T any](a *answer) (v T) {
	if err := json.Unmarshal(a.body, &v); err != nil {
		panic(fmt.Sprintf("%s\n%v", a, err))
	}
	return v
}

// dump is everything that is stored, as text. Sessions come and go with signing in.
func (b *building) dump() string {
	b.t.Helper()
	var out strings.Builder
	say := func(v any) {
		text, err := json.Marshal(v)
		b.ok(err)
		out.Write(append(text, '\n'))
	}
	ctx := context.Background()
	all, err := b.store.LoadOffice(ctx)
	b.ok(err)
	say(all)
	b.ok(b.store.LoadClaims(ctx, func(id string, c presence.Claim) error {
		say([]any{id, c})
		return nil
	}))
	log, err := b.store.Audit(ctx, store.AuditQuery{Limit: 10_000})
	b.ok(err)
	say(log)
	b.ok(b.store.LoadTeams(ctx, func(r store.TeamsRecord) error {
		say(r)
		return nil
	}))
	b.ok(b.store.LoadForwardings(ctx, func(r store.ForwardingRecord) error {
		say(r)
		return nil
	}))
	n, err := b.store.Count(ctx)
	b.ok(err)
	say([]int{n.Claims, n.Audit, n.CalendarObjects})
	return out.String()
}

// calendarText is a published calendar with events of an hour each, at so many hours from now.
func calendarText(events ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.Join(events, "") + "END:VCALENDAR\r\n"
}

func event(uid, subject string, from, to time.Time, more ...string) string {
	const form = "20060102T150405Z"
	return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" + from.UTC().Format(form) + "\r\nDTEND:" + to.UTC().Format(form) +
		"\r\nSUMMARY:" + subject + "\r\n" + strings.Join(more, "") + "END:VEVENT\r\n"
}

// fine checks that an answer tells of success.
func (a *answer) fine(t failer) *answer {
	t.Helper()
	if a.status/100 != 2 {
		t.Fatalf("%s\nis no success", a)
	}
	return a
}
