package connector

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/openid"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/graph"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Graph are the settings of an application at Microsoft 365 (C7).
type Graph struct {
	Tenant        string `json:"tenant" minLength:"1" maxLength:"64" doc:"Directory (tenant) ID."`
	ClientID      string `json:"client_id" minLength:"1" maxLength:"64" doc:"Application (client) ID."`
	Credential    string `json:"credential,omitempty" enum:"secret,certificate" default:"secret" doc:"What the secret of the connector is: the value of a client secret, or a certificate with its private key, both as PEM."`
	SecretExpires string `json:"secret_expires,omitempty" format:"date" doc:"When the client secret ends, as the portal says. It is announced before."`
	Cloud         string `json:"cloud,omitempty" enum:"global,us_gov,us_gov_dod,china,custom" default:"global" doc:"Which of Microsoft's clouds."`
	LoginURL      string `json:"login_url,omitempty" maxLength:"1000" doc:"Of cloud custom: where people and applications sign in."`
	GraphURL      string `json:"graph_url,omitempty" maxLength:"1000" doc:"Of cloud custom: where Microsoft Graph is."`
	Notify        bool   `json:"notify,omitempty" doc:"Microsoft tells of changes at the public address of this server, which it must reach. Otherwise calendars are polled."`
}

func (g *Graph) check(_ *office.Office, bad *fault.Fields) {
	if _, err := time.Parse(time.DateOnly, g.SecretExpires); g.SecretExpires != "" && err != nil {
		bad.Add("graph.secret_expires", "%q is no date, such as 2027-11-26", g.SecretExpires)
	}
}

func (g *Graph) sameWay(as *Settings) bool {
	return g.sameApplication(as.Graph) && g.Credential == as.Graph.Credential
}

// sameApplication reports whether other settings are of the same application at the same servers.
func (g *Graph) sameApplication(other *Graph) bool {
	return g.Tenant == other.Tenant && g.ClientID == other.ClientID && g.Cloud == other.Cloud && g.LoginURL == other.LoginURL && g.GraphURL == other.GraphURL
}

// NotifyPrefix is the path under which Microsoft tells of changes.
const NotifyPrefix = "/hooks/graph/"

// open makes the system that the settings describe.
func (g *Graph) open(id, secret string, c *Connectors) (system, error) {
	cfg := graph.Config{
		Tenant: g.Tenant, ClientID: g.ClientID, Secret: secret, Cloud: graph.Cloud(g.Cloud), LoginURL: g.LoginURL, GraphURL: g.GraphURL, Log: c.log,
		HTTP: outbound.NewClient(outbound.Config{
			AllowPrivate: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, MaxRedirects: -1,
		}),
	}
	if g.Credential == "certificate" {
		cfg.Secret, cfg.Certificate = "", []byte(secret)
	}
	if g.Notify {
		if c.public == "" {
			return nil, fault.Bad("graph.notify", "needs the public address of this server: start it with public-url")
		}
		cfg.NotifyURL = strings.TrimSuffix(c.public, "/") + NotifyPrefix + url.PathEscape(id)
	}
	s, err := graph.New(cfg)
	if err != nil {
		return nil, renamed(err, "graph.", map[string]string{"secret": "secret", "certificate": "secret", "notify_url": "graph.notify"})
	}
	return s, nil
}

// expires is when the credential of an application ends; zero: nobody has said.
func (e *entry) expires() time.Time {
	g, ok := e.system.(*graph.System)
	if !ok || e.settings.Graph == nil {
		return time.Time{}
	}
	if t := g.Expires(); !t.IsZero() {
		return t
	}
	t, _ := time.Parse(time.DateOnly, e.settings.Graph.SecretExpires) // else nobody has said
	return t
}

// graphOf returns an application that is used.
func (c *Connectors) graphOf(id string) (*graph.System, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil || e.rec.Kind != KindGraph || !e.rec.Enabled {
		return nil, "", fault.New(fault.NotFound, "there is no application %q", id)
	}
	s, ok := e.system.(*graph.System)
	if !ok {
		return nil, "", errUnusable
	}
	return s, e.rec.Name, nil
}

// Notified takes what Microsoft tells of changes.
func (c *Connectors) Notified(id string, w http.ResponseWriter, r *http.Request) {
	s, _, err := c.graphOf(id)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	s.Notify().ServeHTTP(w, r)
}

// What people connect accounts for.
const (
	PurposeCalendar = "calendar" // to have their calendar read
	PurposeTeams    = "teams"    // to be kept in step with Microsoft Teams
)

// asked is what Microsoft is asked for.
func asked(purpose string) graph.For {
	if purpose == PurposeTeams {
		return graph.ForPresence
	}
	return graph.ForCalendars
}

// offers reports whether the settings of a person have accounts connected with an application.
func offers(p *office.Person, purpose, id string) bool {
	s := p.Settings
	switch {
	case p.Policy.Off:
		return false
	case purpose == PurposeTeams:
		return s.Teams.Access == policy.TeamsDelegated && s.Teams.Connector == id && s.TeamsSync(&p.Own) != policy.TeamsNone
	}
	return s.Calendar.Method == policy.CalendarLocal && s.Calendar.Accounts == id
}

// BeginAccount returns an attempt to connect an account for a purpose, and the page where it goes on. keep asks to have the
// sign-in remembered, of those for Teams. Errors are of type *Refusal.
func (c *Connectors) BeginAccount(_ context.Context, id, purpose string, p *office.Person, keep bool, redirect string) (Ticket, string, error) {
	s, _, err := c.graphOf(id)
	if err != nil || !offers(p, purpose, id) {
		return Ticket{}, "", &Refusal{Why: RefusedOff, Detail: "the settings do not offer it", Person: p.ID}
	}
	a := openid.Attempt{State: rand.Text() + "-" + purpose, Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return Ticket{Attempt: a, Tie: p.ID, Purpose: purpose, Keep: keep}, s.AuthURL(asked(purpose), a.State, a.Verifier, redirect, p.Email), nil
}

// PurposeOf returns what an attempt was for, by what Microsoft sends back of it. Anybody can make that up.
func PurposeOf(state string) string {
	if strings.HasSuffix(state, "-"+PurposeTeams) {
		return PurposeTeams
	}
	return PurposeCalendar
}

// Account is an account that somebody lets be read.
type Account struct {
	Name     string // of the application
	Username string // of the mailbox; for Teams the one to sign in with
	UserID   string // object ID at Microsoft
	Token    string // a refresh token
}

// FinishAccount returns the account that somebody came back with. Errors are of type *Refusal.
func (c *Connectors) FinishAccount(ctx context.Context, id string, t Ticket, redirect string, answer url.Values) (Account, error) {
	s, name, err := c.graphOf(id)
	if err != nil {
		return Account{}, &Refusal{Why: RefusedOff, Detail: "the application is not used"}
	}
	if !c.spend(t.State) {
		return Account{}, &Refusal{Why: RefusedExpired, Detail: "the attempt was used before"}
	}
	if err := s.AuthError(answer); err != nil {
		why := RefusedProvider
		switch answer.Get("error") { // RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6
		case "access_denied", "consent_required", "interaction_required", "login_required":
			why = RefusedDenied
		}
		return Account{}, &Refusal{Why: why, Detail: fault.Public(inWords(err))}
	}
	grant, err := s.Redeem(ctx, asked(t.Purpose), answer.Get("code"), t.Verifier, redirect)
	var told *source.Error
	if err == nil || errors.As(err, &told) && told.Whole && ctx.Err() == nil { // else it is about who came, or what a browser made up
		if t.Purpose == PurposeTeams {
			c.noteTeams(id, err)
		} else {
			c.noteUse(id, err)
		}
	}
	if err != nil {
		if told != nil {
			return Account{}, &Refusal{Why: RefusedProvider, Detail: told.Text}
		}
		return Account{}, &Refusal{Why: RefusedProvider, Detail: "the answer makes no sense"}
	}
	who := Account{Name: name, Username: grant.Mail, UserID: grant.ID, Token: grant.Refresh}
	if t.Purpose == PurposeTeams {
		who.Username = cmp.Or(grant.UPN, grant.Mail)
	}
	return who, nil
}
