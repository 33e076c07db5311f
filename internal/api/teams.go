package api

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/teams"
)

// Teams gives the server what keeps people in step with Microsoft Teams; it is called before it is used.
func (s *Server) Teams(t *teams.Teams) { s.teams = t }

// PersonTeams is how a person and Microsoft Teams are doing.
type PersonTeams struct {
	Sync          policy.TeamsSync   `json:"sync" enum:"none,telephony,telephony_and_status" doc:"What is in force."`
	UserMayChange bool               `json:"user_may_change"`
	Own           policy.TeamsSync   `json:"own,omitempty" enum:"none,telephony,telephony_and_status" doc:"What the person has chosen. Absent: nothing."`
	Access        policy.TeamsAccess `json:"access" enum:"application,delegated" doc:"By whose permission: application: its own. delegated: the person's, who signs in for it."`
	Connector     string             `json:"connector,omitempty" doc:"ID of the application. Absent: there is none."`
	Application   string             `json:"application,omitempty" doc:"Its name."`
	Path          string             `json:"path,omitempty" doc:"Of access delegated: where browsers begin to sign in, with remember=true to have it remembered. It leads back to /settings/teams, with refused and connector if nothing came of it."`
	Remember      bool               `json:"remember" doc:"Of access delegated: the sign-in may be remembered."`
	Account       string             `json:"account,omitempty" doc:"As whom the person has signed in. Absent: they have not."`
	Remembered    bool               `json:"remembered,omitempty" doc:"The sign-in outlives a restart of the server."`
	SignInNeeded  bool               `json:"sign_in_needed" doc:"Nothing is synchronised until the person signs in, or does so again."`
	HeardAt       *time.Time         `json:"heard_at,omitempty" doc:"When Teams was last heard of them."`
	Availability  string             `json:"availability,omitempty" doc:"What Teams showed then, in its own words, such as Busy."`
	Activity      string             `json:"activity,omitempty" doc:"Likewise, such as InACall."`
	Entry         string             `json:"entry,omitempty" enum:"call,presenting,do_not_disturb" doc:"What came of it here."`
	Written       []string           `json:"written" enum:"call,do_not_disturb" doc:"What Teams was told."`
	Hidden        *TeamsHidden       `json:"hidden,omitempty" doc:"A choice in Teams hides some of it."`
	Problem       string             `json:"problem,omitempty" doc:"In words."`
}

// TeamsHidden is what a choice in Microsoft Teams hides.
type TeamsHidden struct {
	What string `json:"what" enum:"call,do_not_disturb"`
	By   string `json:"by" doc:"The availability that Teams shows instead, such as Away."`
}

// TeamsSetting is what is synchronised with Microsoft Teams.
type TeamsSetting struct {
	Central   policy.Teams     `json:"central"`
	Own       *policy.OwnTeams `json:"own,omitempty"`
	Effective policy.OwnTeams  `json:"effective"`
}

func teamsSetting(p *office.Person) TeamsSetting {
	return TeamsSetting{Central: p.Settings.Teams, Own: p.Own.Teams, Effective: policy.OwnTeams{Sync: p.Settings.TeamsSync(&p.Own)}}
}

func (s *Server) getPersonTeams(ctx context.Context, in *PersonPath) (*Out[PersonTeams], error) {
	p, _, _, err := s.subjectWith(ctx, in.Person, rights.Own, false)
	if err != nil {
		return nil, err
	}
	return &Out[PersonTeams]{s.personTeams(p)}, nil
}

func (s *Server) personTeams(p *office.Person) PersonTeams {
	section := &p.Settings.Teams
	out := PersonTeams{
		Sync: p.Settings.TeamsSync(&p.Own), UserMayChange: section.UserMayChange, Access: section.Access, Connector: section.Connector, Written: []string{},
	}
	if p.Own.Teams != nil {
		out.Own = p.Own.Teams.Sync
	}
	delegated := section.Access == policy.TeamsDelegated
	out.Remember = delegated && section.Remember
	if app, err := s.connectors.Get(section.Connector); err == nil && section.Connector != "" {
		if out.Application = app.Name; delegated && app.Enabled && out.Sync != policy.TeamsNone {
			out.Path = connector.AccountPath(app.ID, "begin") + "?for=" + connector.PurposeTeams
		}
	}
	if s.teams == nil {
		return out
	}
	st := s.teams.Status(p.ID)
	out.Account, out.Remembered, out.SignInNeeded, out.Problem = st.Account, st.Remembered, st.SignInNeeded, st.Problem
	out.HeardAt, out.Availability, out.Activity, out.Entry = known(&st.HeardAt), st.Availability, st.Activity, st.Entry.String()
	out.Written = append(out.Written, st.Written...)
	if st.Hidden != "" {
		out.Hidden = &TeamsHidden{What: st.Hidden, By: st.HiddenBy}
	}
	return out
}

func (s *Server) deleteTeamsAccount(ctx context.Context, in *PersonPath) (*struct{}, error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	if s.teams == nil {
		return nil, fault.New(fault.NotFound, "no account is connected with Teams")
	}
	return nil, s.teams.Disconnect(ctx, c.by(), p.ID)
}

// ConnectorTeams is how the people whom an application keeps in step with Microsoft Teams are doing.
type ConnectorTeams struct {
	People        int            `json:"people" doc:"Who are to be kept in step."`
	Found         int            `json:"found" doc:"Those of them whom Teams knows."`
	SignedIn      int            `json:"signed_in" doc:"Those who have signed in, of access delegated."`
	HeardAt       *time.Time     `json:"heard_at,omitempty" doc:"When Teams was last heard."`
	OldestSeconds *int64         `json:"oldest_seconds,omitempty" doc:"So long ago it was heard of the one of whom it was not heard longest."`
	Unknown       []TeamsUnknown `json:"unknown" doc:"Whom the directory does not know by their address, at most 100."`
	Failing       []TeamsFailing `json:"failing" doc:"For whom something does not work, at most 100."`
	More          int            `json:"more,omitempty" doc:"How many more there are of either."`
}

// TeamsUnknown is somebody whom the directory does not know.
type TeamsUnknown struct {
	Person  string `json:"person"`
	Name    string `json:"name" doc:"Of the person."`
	Address string `json:"address" doc:"By which they were looked for; empty: they have none."`
}

// TeamsFailing is somebody for whom something does not work.
type TeamsFailing struct {
	Person  string `json:"person"`
	Name    string `json:"name" doc:"Of the person."`
	Problem string `json:"problem" doc:"In words."`
}

func (s *Server) getConnectorTeams(_ context.Context, in *ConnectorPath) (*Out[ConnectorTeams], error) {
	if _, err := s.connectors.Get(in.Connector); err != nil {
		return nil, err
	}
	out := ConnectorTeams{Unknown: []TeamsUnknown{}, Failing: []TeamsFailing{}}
	if s.teams == nil {
		return &Out[ConnectorTeams]{out}, nil
	}
	st := s.teams.SystemStatus(in.Connector)
	out.People, out.Found, out.SignedIn, out.HeardAt, out.More = st.People, st.Found, st.SignedIn, known(&st.HeardAt), st.More
	if out.HeardAt != nil {
		seconds := int64(st.Oldest / time.Second)
		out.OldestSeconds = &seconds
	}
	name := func(id string) string {
		p, ok := s.office.Person(id)
		if !ok { // deleted meanwhile
			return ""
		}
		return p.Name
	}
	for _, x := range st.Unknown {
		out.Unknown = append(out.Unknown, TeamsUnknown{Person: x.PersonID, Name: name(x.PersonID), Address: x.Address})
	}
	for _, x := range st.Failing {
		out.Failing = append(out.Failing, TeamsFailing{Person: x.PersonID, Name: name(x.PersonID), Problem: x.Problem})
	}
	return &Out[ConnectorTeams]{out}, nil
}
