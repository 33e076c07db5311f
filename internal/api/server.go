package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/presence"
)

// Prefix is the path under which the API stands.
const Prefix = "/api/v1"

// Config holds what has a default.
type Config struct {
	Log         *slog.Logger
	Version     string
	SetupCode   string             // must be given to make the first administrator from another computer; empty: nobody can from there
	Demo        bool               // the office is invented
	Certificate func() Certificate // of the web server; nil: it has none
	PublicURL   string             // where browsers find this server, such as https://presence.example.com; empty: where they say they did
	Secure      bool               // cookies are for https only
	Proxy       bool               // a proxy stands in front: nobody comes from this computer, and it says in X-Forwarded-For who asks
}

// Server answers the API. Make it with New.
type Server struct {
	store       store.Store
	office      *office.Office
	hub         *hub.Hub
	agenda      *agenda.Agenda
	teams       *teams.Teams             // nil: none
	switchboard *switchboard.Switchboard // nil: none
	telephones  *telephones.Telephones   // nil: none
	sessions    *sessions
	guesses     *guesses // wrong passwords and codes
	devices     *devices
	jobs        *jobs

	connectors *connector.Connectors
	cfg        Config
	log        *slog.Logger
	api        huma.API
	live       *live.Broker // nil: none
	mux        *http.ServeMux
	began      time.Time
}

func init() {
	huma.DefaultArrayNullable = false // lists are never null
	huma.NewError = newProblem
}

// New returns the API as a handler for everything under Prefix.
func New(st store.Store, of *office.Office, h *hub.Hub, ag *agenda.Agenda, cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{
		store: st, office: of, hub: h, agenda: ag, cfg: cfg, log: cfg.Log,
		sessions: newSessions(st), guesses: newGuesses(), devices: newDevices(), jobs: newJobs(cfg.Log), mux: http.NewServeMux(), began: time.Now().UTC(),
	}
	of.Listen(func(c office.Change) { s.sessions.forget(c.Signed) })
	of.Listen(func(c office.Change) { s.followTables(c.Policies) })
	s.describe(cfg.Version)
	s.serveSignIn()
	s.serveAccounts()
	s.serveDevices()
	s.mux.HandleFunc(nothing, func(w http.ResponseWriter, r *http.Request) {
		if methods := s.methods(r); len(methods) > 0 {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			writeProblem(w, newProblem(http.StatusMethodNotAllowed, r.Method+" is not for this path; "+strings.Join(methods, " and ")+" may be"))
			return
		}
		writeProblem(w, newProblem(http.StatusNotFound, "there is no such call; see "+Prefix+"/openapi.json"))
	})
	return s
}

// nothing is the pattern of requests that no operation is for.
const nothing = Prefix + "/"

// methods returns the methods that the path of a request is good for.
func (s *Server) methods(r *http.Request) (all []string) {
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := *r
		other.Method = m
		if _, pattern := s.mux.Handler(&other); pattern != nothing {
			all = append(all, m)
		}
	}
	return all
}

// Live mounts the live stream.
func (s *Server) Live(b *live.Broker) {
	s.live = b
	b.SetClients(s)
	s.mux.Handle("GET "+Prefix+"/live", b.Handler(s.viewer, func(w http.ResponseWriter, err error) {
		writeProblem(w, s.problem(context.Background(), err))
	}))
}

// Mount registers everything that the server answers but for its pages.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.Handle(Prefix+"/", s)
	mux.Handle(AuthPrefix, s)
	mux.Handle(OAuthPrefix, s)
	mux.Handle(AccountPrefix, s)
	mux.Handle(connector.NotifyPrefix, s)
	mux.Handle(SCIMPrefix+"/", s.SCIM())
}

// describe registers all operations.
func (s *Server) describe(version string) {
	s.api = humago.New(s.mux, Document(version))
	s.register(s.api)
}

// Document returns the description of the API, without its operations.
func Document(version string) huma.Config {
	c := huma.DefaultConfig("Doorlight", version)
	c.CreateHooks = nil // no "$schema" in answers
	c.OpenAPIPath = Prefix + "/openapi"
	c.DocsPath = ""
	c.SchemasPath = ""
	// Lists of words are no bytes, though each word is kept as one.
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[[]presence.Status](), reflect.TypeFor[[]string]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[[]presence.ShowAs](), reflect.TypeFor[[]string]())
	c.Info.Description = "Presence for offices. Every error is a problem document (RFC 9457). The live stream stands at " + Prefix + "/live (WebSocket); see docs/protocols.md."
	c.Info.License = &huma.License{Name: "Apache-2.0"}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "By signing in."},
		"token":   {Type: "http", Scheme: "bearer", Description: "Made by an administrator."},
	}
	return c
}

// OpenAPI returns the document with all operations.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	ctx, err := s.identify(r)
	if err != nil {
		writeProblem(w, s.problem(r.Context(), err))
		return
	}
	if callerOf(ctx).client && !strings.HasPrefix(r.URL.Path, Prefix+"/") { // pages are for browsers: what begins there ends in a sign-in
		writeProblem(w, newProblem(http.StatusForbidden, "a desktop client may not do this"))
		return
	}
	s.mux.ServeHTTP(w, r.WithContext(ctx))
}

// Problem is an error as the API answers it (RFC 9457).
type Problem struct {
	Status int            `json:"status" doc:"HTTP status."`
	Title  string         `json:"title" doc:"What kind of problem."`
	Detail string         `json:"detail,omitempty" doc:"What is wrong, in words."`
	Errors []ProblemField `json:"errors,omitempty" doc:"The fields that are wrong."`
}

// ProblemField is one field that is wrong.
type ProblemField struct {
	Field   string `json:"field" doc:"Such as body.until."`
	Message string `json:"message"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem is what huma makes of its own refusals.
func newProblem(status int, detail string, errs ...error) huma.StatusError {
	p := &Problem{Status: status, Title: http.StatusText(status), Detail: detail}
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			e := d.ErrorDetail()
			f := ProblemField{e.Location, e.Message}
			if name, ok := strings.CutPrefix(f.Message, "expected required property "); ok { // names the field, as all others do
				if name, ok = strings.CutSuffix(name, " to be present"); ok {
					f = ProblemField{f.Field + "." + name, "is required"}
				}
			}
			p.Errors = append(p.Errors, f)
		} else if err != nil {
			p.Errors = append(p.Errors, ProblemField{"body", err.Error()})
		}
	}
	if len(p.Errors) > 0 {
		parts := make([]string, 0, len(p.Errors))
		for _, e := range p.Errors {
			parts = append(parts, e.Field+": "+e.Message)
		}
		p.Detail = strings.Join(parts[:min(len(parts), 5)], "; ")
	}
	return p
}

var statusOf = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusUnprocessableEntity,
	fault.Unauthorized: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict,
	fault.TooMany: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// problem turns an error into an answer, and writes the only log record of it.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	kind := fault.KindOf(err)
	p = &Problem{Status: statusOf[kind], Title: http.StatusText(statusOf[kind])}
	var f *fault.Error
	if errors.As(err, &f) {
		p.Detail = f.Public
		for _, x := range f.Fields {
			at := x.Path
			if !strings.HasPrefix(at, "query.") {
				at = "body." + at
			}
			p.Errors = append(p.Errors, ProblemField{at, x.Message})
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		p.Status, p.Title, p.Detail = 499, "Client Closed Request", "the request was given up"
	case kind == fault.Internal:
		p.Detail = fault.Unmarked
		s.log.ErrorContext(ctx, "request failed", "err", err)
	case kind == fault.Unavailable:
		s.log.WarnContext(ctx, "request put off", "err", err)
	}
	return p
}

func writeProblem(w http.ResponseWriter, err huma.StatusError) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(err.GetStatus())
	json.NewEncoder(w).Encode(err) // the client may be gone
}

func operationID(method, path string) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(method))
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '-' || r == '{' || r == '}' }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// maxBody bounds request bodies: what people enter is short, lists of people and claims are not.
func maxBody(path string) int64 {
	if path == "/people/import" {
		return 32 << 20
	}
	if strings.Contains(path, "/local-calendars/") {
		return 2 << 20
	}
	if path == "/claims" || strings.Contains(path, "-groups") {
		return 1 << 20
	}
	return 128 << 10
}

func errorsOf(by who) []int {
	all := []int{http.StatusUnprocessableEntity}
	if by != anybody {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
	}
	return all
}

// facts collects what may be shown about a person. ok is false if there is no such person.
func (s *Server) facts(id string) (f rights.Facts, p *office.Person, ok bool) {
	p, ok = s.office.Person(id)
	if !ok {
		return f, nil, false
	}
	f = rights.Facts{
		ID: id, Name: p.Name, Email: p.Email, WorkNumber: p.WorkNumber, MobileNumber: p.MobileNumber, HomeNumber: p.HomeNumber,
		Location: s.office.LocationName(p.LocationID),
	}
	f.Presence, f.Shown, _ = s.hub.Presence(id)
	return f, p, true
}

// card returns what a viewer may see of a person.
func (s *Server) card(viewer, id string) (rights.Card, bool) {
	f, _, ok := s.facts(id)
	if !ok {
		return rights.Card{}, false
	}
	return rights.SeeCard(s.office.Level(viewer, id), &f)
}

// noPerson is the answer for somebody who is not there, or not there for the caller.
func noPerson(id string) error { return fault.New(fault.NotFound, "there is no person %q", id) }
