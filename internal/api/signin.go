package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// AuthPrefix is the path under which browsers go to sign-in providers and come back. These are pages, not calls: they lead
// on to others.
const AuthPrefix = "/auth/"

// Provider is a way to sign in.
type Provider struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Path string `json:"path" doc:"A page of this server that leads to the provider's. It takes the page to come back to as the query parameter to; with the parameter connect, who is signed in connects an account of the provider."`
}

// Providers are the ways to sign in beside a password.
type Providers struct {
	Providers []Provider `json:"providers"`
}

// Identity says as whom a provider knows somebody.
type Identity struct {
	Connector string    `json:"connector"`
	Name      string    `json:"name" doc:"Of the provider."`
	Subject   string    `json:"subject" doc:"The provider's own identifier."`
	CreatedAt time.Time `json:"created_at"`
}

// Identities are as whom providers know somebody.
type Identities struct {
	Identities []Identity `json:"identities"`
}

// IdentityPath names as whom a provider knows somebody.
type IdentityPath struct {
	PersonPath
	ConnectorPath
}

func (s *Server) getProviders(context.Context, *empty) (*Out[Providers], error) {
	out := Providers{Providers: []Provider{}}
	for _, c := range s.connectors.Providers() {
		out.Providers = append(out.Providers, Provider{ID: c.ID, Name: c.Name, Path: authPath(c.ID, "begin")})
	}
	return &Out[Providers]{out}, nil
}

func authPath(provider, step string) string {
	return AuthPrefix + url.PathEscape(provider) + "/" + step
}

// serveSignIn registers the pages of signing in with a provider. None of them changes anything by itself but for the
// browser's own cookies: who comes back with a provider's word has asked for that session.
func (s *Server) serveSignIn() {
	s.mux.HandleFunc("GET "+AuthPrefix+"{provider}/begin", s.beginSignIn)
	s.mux.HandleFunc("GET "+AuthPrefix+"{provider}/callback", s.finishSignIn)
	s.mux.HandleFunc("POST "+AuthPrefix+"{provider}/logout", s.signedOutElsewhere)
	s.mux.HandleFunc(AuthPrefix, func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, newProblem(http.StatusNotFound, "there is no such page"))
	})
}

// ticketName is the cookie of an attempt: each has its own, so that several tabs may sign in at once.
func ticketName(state string) string { return "doorlight_sign_in_" + state[:min(len(state), 8)] }

func (s *Server) ticketCookie(provider, state, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ // Lax: the provider's page leads here
		Name: ticketName(state), Value: value, Path: AuthPrefix + url.PathEscape(provider) + "/", MaxAge: maxAge, HttpOnly: true,
		Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// base is the address of this server as the browser knows it.
func (s *Server) base(r *http.Request) string {
	switch {
	case s.cfg.PublicURL != "":
		return strings.TrimSuffix(s.cfg.PublicURL, "/")
	case r.TLS != nil || s.cfg.Secure:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// localPage returns the page of this client to go on with after a sign-in: never another server's.
func localPage(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(path.Clean(u.Path)+"/", AuthPrefix) || len(to) > 500 {
		return "/"
	}
	return to
}

func (s *Server) beginSignIn(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("provider")
	if s.slowDown(w, r, "begin/") {
		return
	}
	if elsewhere(s.cfg.PublicURL, r.Host) {
		// The provider leads back to the public address, where cookies of another are not known.
		http.Redirect(w, r, s.base(r)+r.URL.RequestURI(), http.StatusSeeOther)
		return
	}
	t := connector.Ticket{To: localPage(r.URL.Query().Get("to"))}
	if r.URL.Query().Has("connect") {
		c := callerOf(r.Context())
		// Another server's page must not have somebody connect an account that a stranger has left signed in.
		if c.fromBrowser() != nil || !fromOwnPage(r) {
			writeProblem(w, newProblem(http.StatusForbidden, "accounts are connected from the settings of who is signed in"))
			return
		}
		t.Tie = c.person.ID
	}
	a, page, err := s.connectors.BeginSignIn(r.Context(), id, s.base(r)+authPath(id, "callback"))
	if err != nil {
		s.refuse(w, r, id, err)
		return
	}
	t.Attempt = a
	text, expires := s.connectors.Seal(id, t)
	http.SetCookie(w, s.ticketCookie(id, a.State, text, int(time.Until(expires).Seconds())))
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// elsewhere reports whether a browser that asked this host is not at the public address. Browsers write names in lower case,
// and leave out the port that goes without saying.
func elsewhere(public, host string) bool {
	u, err := url.Parse(public)
	if err != nil || u.Host == "" {
		return false
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return !strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(host, port))
}

// fromOwnPage reports whether a page of this server leads here. Browsers say so, but for those that reach it in clear: they
// send the address of the page then, to the same server only.
func fromOwnPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	from, err := url.Parse(r.Header.Get("Referer"))
	return err == nil && from.Host != "" && from.Host == r.Host
}

// slowDown refuses somebody who comes too often.
func (s *Server) slowDown(w http.ResponseWriter, r *http.Request, what string) bool {
	wait := s.guesses.take(time.Now(), limit{what + networkOf(callerOf(r.Context()).from), 300}) // an office behind one address in the morning
	if wait > 0 {
		writeProblem(w, s.problem(r.Context(), tooMany(wait)))
	}
	return wait > 0
}

func (s *Server) finishSignIn(w http.ResponseWriter, r *http.Request) {
	if s.slowDown(w, r, "callback/") {
		return
	}
	id, answer := r.PathValue("provider"), r.URL.Query()
	state := answer.Get("state")
	var t connector.Ticket
	cookie, err := r.Cookie(ticketName(state))
	known := err == nil
	if known {
		t, known = s.connectors.Unseal(id, cookie.Value)
		http.SetCookie(w, s.ticketCookie(id, state, "", -1)) // it is used up, whatever comes of it
	}
	if !known || state == "" || t.State != state {
		s.refuse(w, r, id, &connector.Refusal{Why: connector.RefusedExpired, Detail: "the answer belongs to no attempt of this browser"})
		return
	}
	c := callerOf(r.Context())
	if t.Tie != "" && (c.person == nil || c.person.ID != t.Tie) { // signed out, or another meanwhile
		s.refuse(w, r, id, &connector.Refusal{Why: connector.RefusedExpired, Detail: "who wanted to connect an account is not signed in any more"})
		return
	}
	in, err := s.connectors.FinishSignIn(r.Context(), c.by(), id, t.Attempt, s.base(r)+authPath(id, "callback"), answer, t.Tie)
	if err != nil {
		s.refuse(w, r, id, err)
		return
	}
	if t.Tie != "" { // who stays signed in as they are
		http.Redirect(w, r, t.To, http.StatusSeeOther)
		return
	}
	lasts := sessionFor
	if in.For > 0 {
		lasts = in.For
	}
	text, err := s.openSession(r.Context(), in.Person, store.Session{ConnectorID: id, ProviderSession: in.Session}, lasts)
	if err != nil {
		s.refuse(w, r, id, err)
		return
	}
	w.Header().Add("Set-Cookie", s.cookie(text, int(lasts.Seconds())))
	http.Redirect(w, r, t.To, http.StatusSeeOther)
}

// refuse leads back to the sign-in page, which says why. What administrators need to know is in the audit log.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, id string, err error) {
	ctx := r.Context()
	why := connector.RefusedProvider
	var told *connector.Refusal
	if errors.As(err, &told) {
		why = told.Why
	} else {
		s.problem(ctx, fault.Wrap(fault.Unavailable, err, "signing in is not possible at the moment")) // which logs it
	}
	switch why {
	case connector.RefusedUnknown, connector.RefusedBlocked, connector.RefusedAmbiguous, connector.RefusedUnverified, connector.RefusedOther, connector.RefusedAdmin:
		by := office.By{Address: callerOf(ctx).by().Address}
		if err := s.office.Note(ctx, by, "sign-in.refused", told.Person, map[string]any{"connector": id, "why": why, "detail": told.Detail}); err != nil {
			s.log.WarnContext(ctx, "a refused sign-in could not be noted", "err", err, "connector", id)
		}
	}
	page := "/sign-in"
	if callerOf(ctx).person != nil { // who is signed in, or wanted to connect an account, sees it there
		page = "/settings/sign-in"
	}
	http.Redirect(w, r, page+"?"+url.Values{"refused": {why}, "provider": {id}}.Encode(), http.StatusSeeOther)
}

// signedOutElsewhere ends sessions because a provider says so (OpenID Connect Back-Channel Logout 1.0 §2.5 to 2.8).
func (s *Server) signedOutElsewhere(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("provider")
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	ctx, token := r.Context(), r.PostFormValue("logout_token")
	// Only wrong ones count: a provider may sign a whole office out at once. Whoever has sent many is not listened to for a while.
	bad := limit{"logout/" + networkOf(callerOf(ctx).from), 100}
	if wait := s.guesses.left(time.Now(), bad); wait > 0 {
		writeProblem(w, s.problem(ctx, tooMany(wait)))
		return
	}
	ended, err := s.connectors.SignedOut(ctx, id, token)
	if err != nil && fault.KindOf(err) == fault.Unauthorized {
		s.guesses.take(time.Now(), bad)
	}
	if err != nil {
		p := s.problem(ctx, err)
		if p.Status == http.StatusUnauthorized { // §2.8 knows 400 only
			p.Status, p.Title = http.StatusBadRequest, http.StatusText(http.StatusBadRequest)
		}
		writeProblem(w, p)
		return
	}
	by := office.By{Actor: "connector/" + id, Address: callerOf(ctx).by().Address}
	if err := s.endSessions(context.WithoutCancel(ctx), by, ended...); err != nil {
		writeProblem(w, s.problem(ctx, fault.Wrap(fault.Unavailable, err, "the sign-ins cannot be ended at the moment")))
		return
	}
	w.WriteHeader(http.StatusOK)
}

// endSessions ends sessions and the streams that they opened.
func (s *Server) endSessions(ctx context.Context, by office.By, ended ...store.Session) error {
	if len(ended) == 0 {
		return nil
	}
	var c store.Changes
	for _, x := range ended {
		c.DeleteSessions = append(c.DeleteSessions, x.Hash)
		e := by.Entry("session.end")
		e.PersonID, e.Detail = x.PersonID, mustJSON(map[string]any{"label": x.Label})
		if p, ok := s.office.Person(x.PersonID); ok {
			e.LocationID = p.LocationID
		}
		c.Audit = append(c.Audit, e)
	}
	if err := s.store.Update(ctx, c); err != nil {
		return err
	}
	for _, x := range ended {
		s.sessions.drop(x.Hash)
		if s.live != nil {
			s.live.SignOut(secret.Key(x.Hash))
		}
	}
	return nil
}

func (s *Server) getIdentities(ctx context.Context, in *PersonPath) (*Out[Identities], error) {
	id, _, err := s.ownOrGoverned(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return &Out[Identities]{Identities{s.identitiesOf(id)}}, nil
}

func (s *Server) identitiesOf(id string) []Identity {
	out := []Identity{}
	for _, v := range s.office.Identities(id) {
		x := Identity{Connector: v.ConnectorID, Subject: v.Subject, CreatedAt: v.CreatedAt}
		if c, err := s.connectors.Get(v.ConnectorID); err == nil {
			x.Name = c.Name
		}
		out = append(out, x)
	}
	return out
}

func (s *Server) deleteIdentity(ctx context.Context, in *IdentityPath) (*struct{}, error) {
	id, c, err := s.ownOrGoverned(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return nil, s.office.Release(ctx, c.by(), in.Connector, id)
}
