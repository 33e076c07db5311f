package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/scim"
)

// SCIMPrefix is the path under which providers of identities send people, each under the ID of its connector.
const SCIMPrefix = "/scim/v2"

// ConnectorToken asks for a token.
type ConnectorToken struct {
	ConnectorPath
	Body struct {
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: it does not expire."`
	}
}

// MadeConnectorToken is a token, told once.
type MadeConnectorToken struct {
	Token     string     `json:"token" doc:"The token itself; of kind webhook the secret that signs its calls. It is told only here."`
	Path      string     `json:"path,omitempty" doc:"Of kind scim: where the provider finds this server, without its host."`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func (s *Server) postConnectorToken(ctx context.Context, in *ConnectorToken) (*Out[MadeConnectorToken], error) {
	var expires time.Time
	if in.Body.ExpiresAt != nil {
		expires = *in.Body.ExpiresAt
	}
	text, err := s.connectors.NewToken(ctx, callerOf(ctx).by(), in.Connector, expires)
	if err != nil {
		return nil, err
	}
	out := MadeConnectorToken{Token: text, ExpiresAt: in.Body.ExpiresAt}
	if c, err := s.connectors.Get(in.Connector); err == nil && c.Kind == connector.KindSCIM {
		out.Path = SCIMPrefix + "/" + in.Connector
	}
	return &Out[MadeConnectorToken]{out}, nil
}

// SCIM returns the handler for everything under SCIMPrefix (RFC 7644).
func (s *Server) SCIM() http.Handler { return http.HandlerFunc(s.serveSCIM) }

func (s *Server) serveSCIM(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	id, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, SCIMPrefix+"/"), "/")
	from := ""
	if a := s.addressOf(r); a.IsValid() {
		from = a.String()
	}
	backend, refused := s.admitProvider(w, r, id, from)
	if refused != nil {
		scim.Refuse(w, r, refused)
		return
	}
	use := connector.Use{}
	backend.Count = func(what provision.Outcome) { use.Done = append(use.Done, what) }
	h := scim.Handler{Backend: backend, Base: s.base(r) + SCIMPrefix + "/" + id, Failed: func(r *http.Request, cause error, told *scim.Error) {
		switch {
		case errors.Is(cause, context.Canceled):
			return
		case told.Status >= http.StatusInternalServerError && told.Status != http.StatusNotImplemented:
			s.log.ErrorContext(r.Context(), "a request of a provider failed", "connector", id, "err", cause)
		case told.Status == http.StatusNotFound, told.Status == http.StatusPreconditionFailed: // these are answers
			return
		}
		use.Failed, use.About = r.Method+" /"+path+": "+told.Detail, path
	}}
	h.Serve(w, r, path)
	s.connectors.Used(id, use)
}

// admitProvider finds out which provider makes a request. A good token is always let in, however many wrong ones came
// from the same address: they are too long to be guessed. Wrong ones are slowed down as passwords are.
func (s *Server) admitProvider(w http.ResponseWriter, r *http.Request, id, from string) (*provision.SCIM, *scim.Error) {
	kind, text, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if !strings.EqualFold(kind, "Bearer") {
		text = ""
	}
	backend, ok, err := s.connectors.SCIM(id, strings.TrimSpace(text), from)
	switch {
	case err != nil && fault.KindOf(err) == fault.Forbidden:
		return nil, &scim.Error{Status: http.StatusForbidden, Detail: fault.Public(err)}
	case ok:
		return backend, nil
	}
	told := &scim.Error{Status: http.StatusUnauthorized, Detail: "the token is missing or not the one of this connector"}
	switch {
	case err != nil: // it is no guess
		told.Detail = fault.Public(err)
	case text != "":
		if wait := s.guesses.take(time.Now(), limitsOf("scim/"+id, s.addressOf(r))...); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			return nil, &scim.Error{Status: http.StatusTooManyRequests, Detail: "there were too many wrong tokens; try again later"}
		}
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="SCIM"`)
	s.connectors.Used(id, connector.Use{Failed: "a request from " + from + " was refused: " + told.Detail, Wrong: true})
	return nil, told
}
