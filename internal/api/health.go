package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
)

// Certificate is that of the web server.
type Certificate struct {
	Source    string     `json:"source" enum:"none,proxy,file,acme" doc:"none: nothing is encrypted. proxy: a proxy in front has it. It is chosen when the server is started."`
	Names     []string   `json:"names,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Error     string     `json:"error,omitempty" doc:"Why there is none, or none newer."`
}

// Where a certificate comes from.
const (
	CertificateNone  = "none"
	CertificateProxy = "proxy"
	CertificateFile  = "file"
	CertificateACME  = "acme"
)

// Health is how the parts of the server and the systems around it are doing.
type Health struct {
	At          time.Time   `json:"at"`
	Version     string      `json:"version"`
	Since       time.Time   `json:"since" doc:"When the server was started."`
	Parts       []Part      `json:"parts"`
	Certificate Certificate `json:"certificate"`
}

// Part is a part of the server, or a system around it.
type Part struct {
	Kind        string     `json:"kind" enum:"database,presence,stream,certificate,ics,caldav,graph_account,local,exchange,graph,domino,teams,ldap,oidc,scim,webhook,asterisk,csta,sip,sip_server"`
	ID          string     `json:"id,omitempty" doc:"Of the connector."`
	Name        string     `json:"name,omitempty" doc:"Of the connector."`
	State       string     `json:"state" enum:"ok,waiting,failing,off" doc:"waiting: it was never used."`
	Found       string     `json:"found,omitempty" doc:"In words."`
	Error       string     `json:"error,omitempty" doc:"What went wrong last, in words."`
	CheckedAt   *time.Time `json:"checked_at,omitempty" doc:"The last attempt to use it."`
	SucceededAt *time.Time `json:"succeeded_at,omitempty" doc:"The last one that went well."`
	LagSeconds  *int64     `json:"lag_seconds,omitempty" doc:"How far behind it is, if it is: how long ago it went well last."`
}

// States of a part.
const (
	stateOK      = "ok"
	stateWaiting = "waiting"
	stateFailing = "failing"
	stateOff     = "off"
)

func (s *Server) getHealth(ctx context.Context, _ *empty) (*Out[Health], error) {
	now := time.Now().UTC()
	out := Health{At: now, Version: s.cfg.Version, Since: s.began, Certificate: Certificate{Source: CertificateNone}}
	if s.cfg.Certificate != nil {
		out.Certificate = s.cfg.Certificate()
	}
	out.Parts = append(out.Parts, s.databaseHealth(ctx), s.presenceHealth())
	if s.live != nil {
		stats := s.live.Stats()
		out.Parts = append(out.Parts, Part{Kind: "stream", State: stateOK, Found: fmt.Sprintf("%d connections watch %d people", stats.Connections, stats.Subjects)})
	}
	if p, ok := certificateHealth(&out.Certificate, now); ok {
		out.Parts = append(out.Parts, p)
	}
	out.Parts = append(out.Parts, s.calendarHealth(now)...)
	for _, c := range s.connectors.All() {
		out.Parts = append(out.Parts, s.connectorHealth(&c, now))
		if p, ok := s.teamsHealth(&c, now); ok {
			out.Parts = append(out.Parts, p)
		}
	}
	return &Out[Health]{out}, nil
}

// teamsSilent is how long Microsoft Teams may be silent before it is worth a word; it is asked every few seconds.
const teamsSilent = 2 * time.Minute

// teamsHealth tells how Microsoft Teams is doing by an application; ok is false if nobody is kept in step with it.
func (s *Server) teamsHealth(c *connector.Connector, now time.Time) (p Part, ok bool) {
	if s.teams == nil || !c.Enabled {
		return p, false
	}
	st := s.teams.SystemStatus(c.ID)
	if st.People == 0 {
		return p, false
	}
	p = Part{Kind: "teams", ID: c.ID, Name: c.Name, State: stateOK}
	p.Found = fmt.Sprintf("%d people are kept in step with Teams, %d of them are found there", st.People, st.Found)
	if u := c.Teams; u != nil {
		p.CheckedAt, p.SucceededAt, p.Error = known(&u.CheckedAt), known(&u.SucceededAt), u.Error
	}
	silent := now.Sub(st.HeardAt)
	switch heard := !st.HeardAt.IsZero(); {
	case p.Error != "":
		p.State = stateFailing
	case !heard:
		p.State = stateWaiting
	case silent > teamsSilent && (st.SignedIn > 0 || st.Found > 0 && s.readsEverybody(c.ID)):
		p.State, p.Error = stateFailing, "Teams is not heard any more"
	}
	if !st.HeardAt.IsZero() {
		lag := int64(max(0, silent, st.Oldest) / time.Second)
		p.LagSeconds = &lag
	}
	return p, true
}

// readsEverybody reports whether the settings of some scope have an application read Teams with its own permission: where people sign
// in, it is silent once nobody is signed in.
func (s *Server) readsEverybody(connectorID string) bool {
	reads := func(scope string) bool {
		settings, _, err := s.office.Settings(scope)
		return err == nil && settings.Teams.Connector == connectorID && settings.Teams.Access == policy.TeamsApplication
	}
	locations, _ := s.office.Locations()
	groups, _ := s.office.Groups()
	return slices.ContainsFunc(locations, func(l store.Location) bool { return reads(l.ID) }) ||
		slices.ContainsFunc(groups, func(g store.Group) bool { return reads(g.ID) })
}

func (s *Server) databaseHealth(ctx context.Context) Part {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	began := time.Now()
	if err := s.store.Ping(ctx); err != nil {
		return Part{Kind: "database", State: stateFailing, Error: "the database does not answer"}
	}
	return Part{Kind: "database", State: stateOK, Found: fmt.Sprintf("answers within %d ms", time.Since(began).Milliseconds()+1)}
}

func (s *Server) presenceHealth() Part {
	return Part{Kind: "presence", State: stateOK, Found: fmt.Sprintf("%d people", s.hub.People())}
}

// soonExpired is when the end of a certificate is worth a word. An authority's are renewed 30 days before.
const soonExpired = 14 * 24 * time.Hour

func certificateHealth(c *Certificate, now time.Time) (Part, bool) {
	p := Part{Kind: "certificate", State: stateOK, Error: c.Error}
	switch {
	case c.Source == CertificateNone || c.Source == CertificateProxy:
		return p, false
	case c.ExpiresAt == nil && c.Error == "":
		p.State = stateWaiting
	case c.ExpiresAt == nil:
		p.State = stateFailing
	case c.ExpiresAt.Before(now):
		p.State, p.Found = stateFailing, "has expired on "+c.ExpiresAt.Format(time.DateOnly)
	case c.ExpiresAt.Sub(now) < soonExpired:
		p.State, p.Found = stateFailing, "expires on "+c.ExpiresAt.Format(time.DateOnly)
	default:
		p.Found = "is good until " + c.ExpiresAt.Format(time.DateOnly)
	}
	return p, true
}

// calendarHealth tells of all calendars of a kind together: which calendars people have is theirs alone.
func (s *Server) calendarHealth(now time.Time) []Part {
	var parts []Part
	all := map[string][]agenda.Status{}
	s.agenda.Each(func(c agenda.Status) { all[c.Kind] = append(all[c.Kind], c) })
	for _, kind := range []string{agenda.KindFeed, agenda.KindCalDAV, agenda.KindAccount, agenda.KindLocal, agenda.KindExchange, agenda.KindGraph, agenda.KindDomino} {
		p := Part{Kind: kind, State: stateOK}
		count, failing, oldest := len(all[kind]), 0, now
		if count == 0 {
			continue
		}
		for i := range all[kind] {
			c := &all[kind][i]
			if p.CheckedAt == nil || c.CheckedAt.After(*p.CheckedAt) {
				p.CheckedAt = &c.CheckedAt
			}
			if p.SucceededAt == nil || c.SucceededAt.After(*p.SucceededAt) {
				p.SucceededAt = &c.SucceededAt
			}
			if c.Error != "" {
				failing++
				continue
			}
			if !c.SucceededAt.IsZero() && c.SucceededAt.Before(oldest) {
				oldest = c.SucceededAt
			}
		}
		if failing == count && p.SucceededAt != nil && !p.SucceededAt.IsZero() {
			oldest = *p.SucceededAt
		}
		lag := int64(now.Sub(oldest).Seconds())
		p.LagSeconds = &lag
		p.CheckedAt, p.SucceededAt = known(p.CheckedAt), known(p.SucceededAt)
		p.Found = fmt.Sprintf("%d calendars, %d of them cannot be read; their owners are told why", count, failing)
		switch {
		case p.CheckedAt == nil:
			p.State = stateWaiting
		case failing*2 > count && failing > 1: // so many together are seldom their owners' fault
			p.State, p.Error = stateFailing, "more than half of them cannot be read"
		}
		parts = append(parts, p)
	}
	return parts
}

// known is nil for the zero time.
func known(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	return t
}

// soonEnded is when the end of an application's secret or certificate is announced: somebody has to make another.
const soonEnded = 30 * 24 * time.Hour

func (s *Server) connectorHealth(c *connector.Connector, now time.Time) Part {
	p := Part{Kind: c.Kind, ID: c.ID, Name: c.Name, State: stateOK, Error: c.Error, CheckedAt: known(&c.CheckedAt), SucceededAt: known(&c.SucceededAt)}
	lag := func() {
		if p.SucceededAt != nil {
			seconds := int64(max(0, now.Sub(*p.SucceededAt).Seconds()))
			p.LagSeconds = &seconds
		}
	}
	blind := false // a hook whose viewer is blocked or gone tells of nobody
	if c.Webhook != nil {
		v, ok := s.office.Person(c.Webhook.Person)
		blind = !ok || v.Blocked
	}
	switch {
	case !c.Enabled:
		p.State = stateOff
	case blind:
		p.State, p.Error = stateFailing, "the person with whose eyes it looks is blocked or gone: it tells of nobody"
	case c.Error != "":
		p.State = stateFailing
		lag()
	case !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now):
		p.State, p.Error = stateFailing, "its secret or certificate has ended on "+c.ExpiresAt.Format(time.DateOnly)
	case !c.ExpiresAt.IsZero() && c.ExpiresAt.Sub(now) < soonEnded:
		p.State, p.Error = stateFailing, "its secret or certificate ends on "+c.ExpiresAt.Format(time.DateOnly)
	case p.CheckedAt == nil:
		p.State = stateWaiting
	case c.LDAP != nil && c.LDAP.EveryMinutes > 0:
		if every := time.Duration(c.LDAP.EveryMinutes) * time.Minute; !c.Running && now.Sub(c.CheckedAt) > 2*every+time.Minute {
			p.State, p.Error = stateFailing, "it was not read when it was time"
			lag()
		}
	}
	return p
}
