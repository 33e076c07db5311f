package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/teams"
)

// AccountPrefix is the path under which browsers go to Microsoft to connect an account, and come back. These are pages, not
// calls.
const AccountPrefix = "/accounts/"

// serveAccounts registers the pages on which people connect accounts, and the address at which Microsoft tells of changes.
func (s *Server) serveAccounts() {
	s.mux.HandleFunc("GET "+AccountPrefix+"{connector}/begin", s.beginAccount)
	s.mux.HandleFunc("GET "+AccountPrefix+"{connector}/callback", s.finishAccount)
	s.mux.HandleFunc(AccountPrefix, func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, newProblem(http.StatusNotFound, "there is no such page"))
	})
	s.mux.HandleFunc("POST "+connector.NotifyPrefix+"{connector}", func(w http.ResponseWriter, r *http.Request) {
		s.connectors.Notified(r.PathValue("connector"), w, r)
	})
}

func (s *Server) accountCookie(id, state, value string, maxAge int) *http.Cookie {
	c := s.ticketCookie(id, state, value, maxAge)
	c.Path = AccountPrefix + url.PathEscape(id) + "/"
	return c
}

// beginAccount leads who is signed in to the page on which they let their calendar be read, or with for=teams their presence be
// read and written.
func (s *Server) beginAccount(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("connector")
	if s.slowDown(w, r, "begin/") {
		return
	}
	if elsewhere(s.cfg.PublicURL, r.Host) {
		http.Redirect(w, r, s.base(r)+r.URL.RequestURI(), http.StatusSeeOther) // where the way back leads
		return
	}
	c := callerOf(r.Context())
	// Another server's page must not have somebody connect an account that a stranger has left signed in.
	if c.fromBrowser() != nil || !fromOwnPage(r) {
		writeProblem(w, newProblem(http.StatusForbidden, "accounts are connected from the settings of who is signed in"))
		return
	}
	purpose, keep := connector.PurposeCalendar, false
	switch r.FormValue("for") {
	case "", connector.PurposeCalendar:
	case connector.PurposeTeams:
		purpose, keep = connector.PurposeTeams, r.FormValue("remember") == "true"
	default:
		writeProblem(w, newProblem(http.StatusNotFound, "accounts are connected for calendar or teams"))
		return
	}
	t, page, err := s.connectors.BeginAccount(r.Context(), id, purpose, c.person, keep, s.base(r)+connector.AccountPath(id, "callback"))
	if err != nil {
		s.accountRefused(w, r, id, purpose, err)
		return
	}
	text, expires := s.connectors.Seal("account/"+id, t)
	http.SetCookie(w, s.accountCookie(id, t.State, text, int(time.Until(expires).Seconds())))
	http.Redirect(w, r, page, http.StatusSeeOther)
}

func (s *Server) finishAccount(w http.ResponseWriter, r *http.Request) {
	if s.slowDown(w, r, "callback/") {
		return
	}
	id, answer := r.PathValue("connector"), r.URL.Query()
	state := answer.Get("state")
	var t connector.Ticket
	cookie, err := r.Cookie(ticketName(state))
	known := err == nil
	if known {
		t, known = s.connectors.Unseal("account/"+id, cookie.Value)
		http.SetCookie(w, s.accountCookie(id, state, "", -1)) // it is used up, whatever comes of it
	}
	c := callerOf(r.Context())
	if !known || state == "" || t.State != state || c.person == nil || c.person.ID != t.Tie {
		s.accountRefused(w, r, id, connector.PurposeOf(state), &connector.Refusal{Why: connector.RefusedExpired, Detail: "the answer belongs to no attempt of this browser"})
		return
	}
	who, err := s.connectors.FinishAccount(r.Context(), id, t, s.base(r)+connector.AccountPath(id, "callback"), answer)
	if err == nil {
		err = s.connect(context.WithoutCancel(r.Context()), c, id, t, who)
	}
	if err != nil {
		s.accountRefused(w, r, id, t.Purpose, err)
		return
	}
	http.Redirect(w, r, accountPage(t.Purpose), http.StatusSeeOther)
}

// connect has an account used for what it was connected for.
func (s *Server) connect(ctx context.Context, c caller, id string, t connector.Ticket, who connector.Account) (err error) {
	switch {
	case t.Purpose != connector.PurposeTeams:
		_, err = s.agenda.Connect(ctx, c.by(), agenda.Account{
			PersonID: c.person.ID, ConnectorID: id, Name: who.Name, Username: who.Username, Token: who.Token,
		})
	case s.teams == nil:
		err = &connector.Refusal{Why: connector.RefusedOff, Detail: "Microsoft Teams is not used"}
	default:
		err = s.teams.Connect(ctx, c.by(), teams.Account{
			PersonID: c.person.ID, ConnectorID: id, Username: who.Username, UserID: who.UserID, Token: who.Token, Remember: t.Keep,
		})
	}
	return err
}

// accountPage is the page from which accounts are connected.
func accountPage(purpose string) string {
	if purpose == connector.PurposeTeams {
		return "/settings/teams"
	}
	return "/settings/calendars"
}

// accountRefused leads back to the page from which somebody came, which says why.
func (s *Server) accountRefused(w http.ResponseWriter, r *http.Request, id, purpose string, err error) {
	ctx, why := r.Context(), connector.RefusedProvider
	var told *connector.Refusal
	switch {
	case errors.As(err, &told):
		why = told.Why
		s.log.InfoContext(ctx, "an account was not connected", "connector", id, "why", why, "detail", told.Detail)
	case fault.KindOf(err) == fault.Forbidden, fault.KindOf(err) == fault.NotFound:
		why = connector.RefusedOff
	default:
		s.problem(ctx, fault.Wrap(fault.Unavailable, err, "the account cannot be connected at the moment")) // which logs it
	}
	http.Redirect(w, r, accountPage(purpose)+"?"+url.Values{"refused": {why}, "connector": {id}}.Encode(), http.StatusSeeOther)
}
