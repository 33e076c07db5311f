package api

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/source/exchange"
)

// ConnectorPath names a connector.
type ConnectorPath struct {
	Connector string `path:"connector" maxLength:"64"`
}

// ConnectorBody is what administrators enter about an outside system.
type ConnectorBody struct {
	Kind    string  `json:"kind" enum:"ldap,oidc,scim,webhook,exchange,graph,domino,asterisk,csta,sip,sip_server"`
	Name    string  `json:"name" minLength:"1" maxLength:"120"`
	Enabled bool    `json:"enabled"`
	Secret  *string `json:"secret,omitempty" maxLength:"20000" doc:"Password or key; never given out again. Absent: as before."`
	connector.Settings
}

// ConnectorNew adds a connector.
type ConnectorNew struct{ Body ConnectorBody }

// ConnectorInput changes a connector.
type ConnectorInput struct {
	ConnectorPath
	Body ConnectorBody
}

// Connector is an outside system, and how it is doing.
type Connector struct {
	ID        string `json:"id"`
	Kind      string `json:"kind" enum:"ldap,oidc,scim,webhook,exchange,graph,domino,asterisk,csta,sip,sip_server"`
	Name      string `json:"name"`
	Enabled   bool   `json:"enabled"`
	HasSecret bool   `json:"has_secret,omitempty"`
	connector.Settings
	CheckedAt   *time.Time        `json:"checked_at,omitempty" doc:"The last attempt to use it."`
	SucceededAt *time.Time        `json:"succeeded_at,omitempty" doc:"The last one that went well."`
	Error       string            `json:"error,omitempty" doc:"What went wrong last, in words."`
	Report      *provision.Report `json:"report,omitempty" doc:"What the last success did; of kind scim what was done since it was entered, with the latest reasons."`
	Running     bool              `json:"running,omitempty"`

	ExpiresAt      *time.Time `json:"expires_at,omitempty" doc:"Of kind graph: when its secret or certificate ends, as far as that is known."`
	Teams          *TeamsUse  `json:"teams,omitempty" doc:"Of kind graph: how asking Microsoft Teams goes, since the start of the server. Absent: it was not asked."`
	CallbackPath   string     `json:"callback_path,omitempty" doc:"Of kinds oidc and graph: where its pages lead back to (redirect URI), to be entered at the provider."`
	LogoutPath     string     `json:"logout_path,omitempty" doc:"Of kind oidc: where it tells that somebody has signed out there (back-channel logout URI)."`
	TokenExpiresAt *time.Time `json:"token_expires_at,omitempty" doc:"Of kind scim. Absent: its token does not expire, or there is none."`
}

// TeamsUse is how the latest attempts to ask Microsoft Teams went.
type TeamsUse struct {
	CheckedAt   *time.Time `json:"checked_at,omitempty" doc:"The last attempt."`
	SucceededAt *time.Time `json:"succeeded_at,omitempty" doc:"The last one that went well."`
	Error       string     `json:"error,omitempty" doc:"What went wrong last, in words."`
}

// Connectors are all connectors.
type Connectors struct {
	Connectors []Connector `json:"connectors"`
}

// ConnectorSync has a directory's people follow it.
type ConnectorSync struct {
	ConnectorPath
	Body struct {
		DryRun bool `json:"dry_run,omitempty" doc:"Only tell what it would do."`
		Anyway bool `json:"anyway,omitempty" doc:"Also if an unusual number of people would be blocked."`
	}
}

// Step is one thing that has to work.
type Step struct {
	Name   string `json:"name"`
	Server string `json:"server,omitempty"`
	OK     bool   `json:"ok"`
	Found  string `json:"found,omitempty"`
	Remedy string `json:"remedy,omitempty" doc:"What to do."`
}

// Steps are what has to work, in order.
type Steps struct {
	Steps []Step `json:"steps"`
}

// Connect gives the server its connectors; it is called before it is used.
func (s *Server) Connect(c *connector.Connectors) { s.connectors = c }

func connectorOut(c connector.Connector) Connector {
	out := Connector{
		ID: c.ID, Kind: c.Kind, Name: c.Name, Enabled: c.Enabled, HasSecret: c.HasSecret, Settings: c.Settings, Error: c.Error, Report: c.Report, Running: c.Running,
	}
	switch c.Kind {
	case connector.KindOIDC:
		out.CallbackPath, out.LogoutPath = authPath(c.ID, "callback"), authPath(c.ID, "logout")
	case connector.KindGraph:
		out.CallbackPath = connector.AccountPath(c.ID, "callback")
	}
	if u := c.Teams; u != nil {
		out.Teams = &TeamsUse{CheckedAt: known(&u.CheckedAt), SucceededAt: known(&u.SucceededAt), Error: u.Error}
	}
	out.ExpiresAt = known(&c.ExpiresAt)
	if !c.TokenExpiresAt.IsZero() {
		out.TokenExpiresAt = &c.TokenExpiresAt
	}
	if !c.CheckedAt.IsZero() {
		out.CheckedAt = &c.CheckedAt
	}
	if !c.SucceededAt.IsZero() {
		out.SucceededAt = &c.SucceededAt
	}
	return out
}

func (s *Server) getConnectors(context.Context, *empty) (*Out[Connectors], error) {
	out := Connectors{Connectors: []Connector{}}
	for _, c := range s.connectors.All() {
		out.Connectors = append(out.Connectors, connectorOut(c))
	}
	return &Out[Connectors]{out}, nil
}

func (s *Server) postConnector(ctx context.Context, in *ConnectorNew) (*Out[Connector], error) {
	return s.enterConnector(ctx, "", in.Body)
}

func (s *Server) putConnector(ctx context.Context, in *ConnectorInput) (*Out[Connector], error) {
	if _, err := s.connectors.Get(in.Connector); err != nil {
		return nil, err
	}
	return s.enterConnector(ctx, in.Connector, in.Body)
}

func (s *Server) enterConnector(ctx context.Context, id string, b ConnectorBody) (*Out[Connector], error) {
	c, err := s.connectors.Put(ctx, callerOf(ctx).by(), connector.Entry{ID: id, Kind: b.Kind, Name: b.Name, Enabled: b.Enabled, Secret: b.Secret, Settings: b.Settings})
	if err != nil {
		return nil, err
	}
	return &Out[Connector]{connectorOut(c)}, nil
}

func (s *Server) deleteConnector(ctx context.Context, in *ConnectorPath) (*struct{}, error) {
	return nil, s.connectors.Delete(ctx, callerOf(ctx).by(), in.Connector)
}

// checkAtMost bounds a check: many servers may be silent.
const checkAtMost = 2 * time.Minute

// ConnectorCheck tries an outside system.
type ConnectorCheck struct {
	ConnectorPath
	Mailbox string `query:"mailbox" maxLength:"320" doc:"Of systems that hold calendars: the address of somebody whose calendar is to be read, or whose presence. Absent: what needs one is left out."`
	Line    string `query:"line" maxLength:"120" doc:"Of telephone systems: a line that is to be read. Absent: what needs one is left out."`
	For     string `query:"for" enum:"calendar,teams" default:"calendar" doc:"Of kind graph: what it is to be good for."`
}

func (s *Server) postConnectorCheck(ctx context.Context, in *ConnectorCheck) (*Out[Steps], error) {
	ctx, cancel := context.WithTimeout(ctx, checkAtMost)
	defer cancel()
	steps, err := s.check(ctx, in.Connector, cmp.Or(strings.TrimSpace(in.Mailbox), strings.TrimSpace(in.Line)), in.For)
	if err != nil {
		return nil, err
	}
	return &Out[Steps]{Steps{stepsOut(steps)}}, nil
}

func (s *Server) check(ctx context.Context, id, about, what string) ([]directory.Step, error) {
	if what == connector.PurposeTeams {
		return s.connectors.CheckTeams(ctx, id, about)
	}
	return s.connectors.Check(ctx, id, about)
}

// ExchangeConfigInput is the file in which another product keeps how it hears of changes in Exchange (C6).
type ExchangeConfigInput struct {
	Body struct {
		XML string `json:"xml" minLength:"1" maxLength:"20000" doc:"The contents of CalendarSyncExchange.config.xml."`
	}
}

// ExchangeConfig is what such a file says.
type ExchangeConfig struct {
	Notify string `json:"notify" enum:"stream,pull" doc:"As in the settings of a connector of kind exchange."`
}

func (s *Server) postExchangeConfig(_ context.Context, in *ExchangeConfigInput) (*Out[ExchangeConfig], error) {
	notify, err := exchange.ImportConfig(strings.NewReader(in.Body.XML))
	if err != nil {
		return nil, fault.Bad("xml", "%s", fault.Public(err))
	}
	return &Out[ExchangeConfig]{ExchangeConfig{Notify: notify}}, nil
}

// ScriptsQuery asks for scripts.
type ScriptsQuery struct {
	ConnectorPath
	Base string `query:"base" maxLength:"1000" doc:"The address under which browsers know this server. Absent: the public address that it was started with."`
}

// Script is something that an administrator runs at an outside system.
type Script struct {
	Name  string `json:"name" enum:"account,impersonation,scope,delegate,throttling,test,registration,restriction,teams,manager,codes,redirect"`
	Shell string `json:"shell" enum:"exchange_management_shell,microsoft_graph_powershell,exchange_online_powershell,manager_conf,extensions_conf,kamailio_cfg" doc:"Where it is run."`
	Text  string `json:"text" doc:"Filled in with the names of the connector."`
}

// Scripts are what administrators run to set an outside system up (C8).
type Scripts struct {
	Scripts []Script `json:"scripts"`
}

func (s *Server) getScripts(_ context.Context, in *ScriptsQuery) (*Out[Scripts], error) {
	base := in.Base
	if base == "" {
		base = s.cfg.PublicURL
	} else if u, err := url.Parse(base); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fault.Bad("query.base", "is no address such as https://presence.example.com")
	}
	all, err := s.connectors.Scripts(in.Connector, base)
	if err != nil {
		return nil, err
	}
	out := Scripts{Scripts: []Script{}}
	for _, x := range all {
		out.Scripts = append(out.Scripts, Script(x))
	}
	return &Out[Scripts]{out}, nil
}

// System is an outside system that settings can name.
type System struct {
	ID       string `json:"id"`
	Kind     string `json:"kind" enum:"exchange,graph,domino,asterisk,csta,sip,sip_server"`
	Name     string `json:"name"`
	Enabled  bool   `json:"enabled"`
	Calendar bool   `json:"calendar" doc:"It may hold everybody's calendars."`
	Accounts bool   `json:"accounts" doc:"People may connect accounts with it."`
	Teams    bool   `json:"teams" doc:"Microsoft Teams is reached with it."`
	Lines    bool   `json:"lines" doc:"It tells what telephone lines do."`
	Forwards bool   `json:"forwards" doc:"It forwards telephone lines."`
}

// Systems are the outside systems that settings can name.
type Systems struct {
	Systems []System `json:"systems"`
}

func (s *Server) getSystems(_ context.Context, in *ScopePath) (*Out[Systems], error) {
	if _, _, err := s.office.Settings(in.Scope); err != nil {
		return nil, err
	}
	out := Systems{Systems: []System{}}
	for _, c := range s.connectors.All() {
		if f, ok := s.connectors.System(c.ID); ok && (f.Calendar || f.Accounts || f.Teams || f.Lines || f.Forwards) {
			out.Systems = append(out.Systems, System{
				ID: c.ID, Kind: c.Kind, Name: c.Name, Enabled: c.Enabled, Calendar: f.Calendar, Accounts: f.Accounts, Teams: f.Teams, Lines: f.Lines, Forwards: f.Forwards,
			})
		}
	}
	return &Out[Systems]{out}, nil
}

// ConnectorCalendars is how the calendars of a system are doing.
type ConnectorCalendars struct {
	Calendars int               `json:"calendars"`
	Failing   []FailingCalendar `json:"failing" doc:"Those that cannot be read."`
	More      int               `json:"more,omitempty" doc:"How many more cannot be read."`
}

// FailingCalendar is one that cannot be read.
type FailingCalendar struct {
	Person      string     `json:"person"`
	Name        string     `json:"name" doc:"Of the person."`
	Mailbox     string     `json:"mailbox"`
	Error       string     `json:"error" doc:"In words."`
	CheckedAt   *time.Time `json:"checked_at,omitempty"`
	SucceededAt *time.Time `json:"succeeded_at,omitempty"`
}

func (s *Server) getConnectorCalendars(_ context.Context, in *ConnectorPath) (*Out[ConnectorCalendars], error) {
	if _, err := s.connectors.Get(in.Connector); err != nil {
		return nil, err
	}
	st := s.agenda.SystemStatus(in.Connector)
	out := ConnectorCalendars{Calendars: st.Calendars, Failing: []FailingCalendar{}, More: st.More}
	for _, c := range st.Failing {
		f := FailingCalendar{Person: c.PersonID, Mailbox: c.Username, Error: c.Error, CheckedAt: known(&c.CheckedAt), SucceededAt: known(&c.SucceededAt)}
		if p, ok := s.office.Person(c.PersonID); ok {
			f.Name = p.Name
		}
		out.Failing = append(out.Failing, f)
	}
	return &Out[ConnectorCalendars]{out}, nil
}

func stepsOut(steps []directory.Step) []Step {
	out := []Step{}
	for _, x := range steps {
		out = append(out, Step(x))
	}
	return out
}

func (s *Server) postConnectorSync(ctx context.Context, in *ConnectorSync) (*Out[Job], error) {
	if x, err := s.connectors.Get(in.Connector); err != nil {
		return nil, err
	} else if x.Kind != connector.KindLDAP {
		return nil, fault.New(fault.Conflict, "%s is not read: it says by itself what it has to say", x.Name)
	}
	c := callerOf(ctx)
	by, b := c.by(), in.Body
	begun, err := s.jobs.begin(c.actor(), func(ctx context.Context, progress func(done, total int)) (provision.Report, error) {
		return s.connectors.Sync(ctx, by, in.Connector, b.DryRun, b.Anyway, progress)
	})
	if err != nil {
		return nil, err
	}
	return &Out[Job]{begun}, nil
}

// Deliveries are the latest calls of a hook.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries" doc:"Newest first."`
	NextAt     *time.Time `json:"next_at,omitempty" doc:"When it is tried again; absent: with the next change."`
}

// Delivery is one call of a hook: not what was told, and of whom only how many.
type Delivery struct {
	ID      string    `json:"id" doc:"The same for each attempt of a call."`
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt" doc:"From 1."`
	People  int       `json:"people" doc:"Of how many it told."`
	Bytes   int       `json:"bytes"`
	Status  int       `json:"status,omitempty" doc:"Of the answer; absent: there was none."`
	Error   string    `json:"error,omitempty" doc:"In words; absent: it was taken."`
	TookMS  int64     `json:"took_ms"`
}

func (s *Server) getDeliveries(_ context.Context, in *ConnectorPath) (*Out[Deliveries], error) {
	calls, next, err := s.connectors.Deliveries(in.Connector)
	if err != nil {
		return nil, err
	}
	out := Deliveries{Deliveries: []Delivery{}}
	for _, d := range calls {
		out.Deliveries = append(out.Deliveries, Delivery(d))
	}
	if !next.IsZero() {
		out.NextAt = &next
	}
	return &Out[Deliveries]{out}, nil
}
