package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Origins of the sources that the days speak through.
const (
	originDoor = "access-control"
	originPBX  = "pbx"
	originTry  = "try-it" // for whoever tries the API
)

// metaKey marks a store whose office is this one.
const metaKey = "demo"

// ErrNotDemo is returned for a store that holds an office of real people.
var ErrNotDemo = errors.New("demo: the database holds an office already; the demo needs an empty one, or one of its own")

// enter puts the office into an empty store. token is the secret of the token to try the API with, empty if the office
// was there already.
func (r *Roster) enter(ctx context.Context, st store.Store, log *slog.Logger) (token string, err error) {
	made, err := st.Meta(ctx, metaKey)
	if err != nil || made != "" {
		return "", err
	}
	of, err := office.Open(ctx, st, log)
	if err != nil {
		return "", err
	}
	if of.Count() > 0 {
		return "", ErrNotDemo
	}
	scopes, err := enterScopes(ctx, of)
	if err != nil {
		return "", err
	}
	if err := r.enterPeople(ctx, of, scopes); err != nil {
		return "", err
	}
	if err := r.enterGroups(ctx, of); err != nil {
		return "", err
	}
	for _, t := range r.Ties {
		if err := of.SetRelationship(ctx, office.By{Actor: t.Owner}, t.Owner, t.Viewer, &t.Level); err != nil {
			return "", fmt.Errorf("demo: what %s is to %s: %w", t.Viewer, t.Owner, err)
		}
	}
	for _, t := range []struct {
		name, origin string
		scopes       []string
	}{
		{"Access control", originDoor, []string{"claims"}},
		{"Telephone system", originPBX, []string{"lines"}},
		{"To try the API", originTry, []string{"claims", "lines"}},
	} {
		text, hash := secret.New("dlt_")
		if err := of.PutToken(ctx, office.By{}, &store.Token{Name: t.name, Origin: t.origin, Scopes: t.scopes, Hash: hash, CreatedAt: time.Now().UTC()}); err != nil {
			return "", err
		}
		token = text
	}
	return token, st.PutMeta(ctx, metaKey, "1") // last: what was cut off before is not taken up
}

// scopeIDs are the IDs of locations and configuration groups, by "place" and "place/group".
type scopeIDs map[string]string

func enterScopes(ctx context.Context, of *office.Office) (scopeIDs, error) {
	ids := scopeIDs{}
	for _, l := range []store.Location{{Name: Berlin, TimeZone: homeZone}, {Name: Wien, TimeZone: "Europe/Vienna"}} {
		if err := of.PutLocation(ctx, office.By{}, &l); err != nil {
			return nil, err
		}
		ids[l.Name] = l.ID
	}
	for _, g := range []struct{ place, name string }{{Berlin, groupService}, {Berlin, groupSales}, {Wien, groupExternal}} {
		rec := store.Group{LocationID: ids[g.place], Name: g.name}
		if err := of.PutGroup(ctx, office.By{}, &rec); err != nil {
			return nil, err
		}
		ids[g.place+"/"+g.name] = rec.ID
	}
	for _, c := range []struct {
		scope, section string
		edit           func(*policy.Settings)
	}{
		{Berlin, policy.SectionTemplates, addTemplates},
		{Wien, policy.SectionTemplates, addTemplates},
		{Wien, policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.SubjectAsText = true }},
		{Berlin + "/" + groupService, policy.SectionActivation, func(s *policy.Settings) {
			s.Activation.Inactivity.Minutes, s.Activation.Inactivity.UserMayChange = 5, false
		}},
		{Berlin + "/" + groupService, policy.SectionOwnProfiles, func(s *policy.Settings) {
			s.OwnProfiles.Allowed = false
			s.OwnProfiles.Permitted = []presence.Status{presence.BeRightBack, presence.Busy, presence.Unavailable}
		}},
		{Berlin + "/" + groupSales, policy.SectionRelationships, func(s *policy.Settings) { s.Relationships.ExtendOnly = true }},
		{Wien + "/" + groupExternal, policy.SectionRelationships, func(s *policy.Settings) { s.Relationships.Default = rights.External }},
	} {
		if err := of.ChangeSection(ctx, office.By{}, ids[c.scope], c.section, func(s *policy.Settings) error {
			c.edit(s)
			return nil
		}); err != nil {
			return nil, fmt.Errorf("demo: settings of %s: %w", c.scope, err)
		}
	}
	return ids, nil
}

// addTemplates adds the optional ones.
func addTemplates(s *policy.Settings) {
	for _, name := range []string{profileTeams, profileMic} {
		s.Templates.Templates = append(s.Templates.Templates, policy.Template{
			Profile: policy.Profile{
				ID: office.NewID(), Name: name, Status: presence.Busy, Forwarding: policy.Forwarding{Action: policy.ForwardKeep},
			},
			Active: true, UserForwarding: policy.UserOwn,
		})
	}
}

func (r *Roster) enterPeople(ctx context.Context, of *office.Office, scopes scopeIDs) error {
	hash, err := secret.HashPassword(ctx, Password) // once: it is meant to take time
	if err != nil {
		return err
	}
	recs := make([]*store.Person, len(r.Members))
	for i := range r.Members {
		m := &r.Members[i]
		own := policy.Own{Profiles: m.own(), Favourites: r.favourites(m)}
		group := ""
		if m.Group != "" {
			group = scopes[m.Place+"/"+m.Group]
		}
		var administers []string
		if m.Role == office.RoleLocationAdmin {
			administers = []string{scopes[m.Place]}
		}
		recs[i] = &store.Person{
			ID: m.Login, LocationID: scopes[m.Place], GroupID: group, Login: m.Login, Name: m.Name,
			Email: m.Login + "@lindner-hartwig.example", WorkNumber: m.Work, MobileNumber: m.Mobile, HomeNumber: m.Home, Voicemail: m.Voicemail,
			Language: m.Language, Role: m.Role, Administers: administers, VIP: m.VIP, PasswordHash: hash, Own: own.JSON(), CreatedAt: time.Now().UTC(),
		}
	}
	return of.PutPeople(ctx, office.By{}, "demo", recs...)
}

// favourites are some whom a member likes to have in view.
func (r *Roster) favourites(m *Member) []string {
	switch m.Login {
	case "anna":
		return []string{"emre", "katharina", "carlos"}
	case "jonas":
		return []string{"svenja", "anna"}
	case "miriam":
		return []string{"katharina", "stefan", "lukas"}
	case "sabine":
		return []string{"katharina", "thomas", "elif"}
	case "thomas":
		return []string{"jana", "johanna", "sabine"}
	}
	return nil
}

func (r *Roster) enterGroups(ctx context.Context, of *office.Office) error {
	for t := range teamCount {
		g := store.WorkGroup{Name: t.String(), Level: rights.TeamColleague.String(), Members: r.In(t)}
		if err := of.PutWorkGroup(ctx, office.By{}, &g); err != nil {
			return err
		}
	}
	// A project across teams: its people are employees to one another anyway, but see one another as a group.
	project := store.WorkGroup{
		Name: "Projekt Leuchtturm", Level: rights.Employee.String(),
		Members: []string{"anna", "emre", "priya", "carlos", "florian", "theresa", "jana"},
	}
	if err := of.PutWorkGroup(ctx, office.By{}, &project); err != nil {
		return err
	}
	var everybody []string
	for i := range r.Members {
		everybody = append(everybody, r.Members[i].Login)
	}
	return of.PutMonitoringGroup(ctx, office.By{}, &store.MonitoringGroup{
		Name: "Empfang", ObserverLevel: rights.TeamColleague.String(), MemberLevel: rights.Employee.String(),
		Observers: r.In(Reception), Members: everybody,
	})
}

// profiles looks up what a profile that somebody chooses comes to, as it is set at the moment.
func profiles(of *office.Office) func(person, name string) (presence.Status, string, bool) {
	return func(person, name string) (presence.Status, string, bool) {
		p, ok := of.Person(person)
		if !ok {
			return 0, "", false
		}
		profile := p.Settings.ProfileNamed(&p.Own, name)
		if profile == nil {
			return 0, "", false
		}
		return profile.Status, profile.Text, true
	}
}
