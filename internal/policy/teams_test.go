package policy

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/presence"
)

// TestTeamsOfEarlierVersions: what was stored when Teams had no connector is read, is good, and has no effect.
func TestTeamsOfEarlierVersions(t *testing.T) {
	t.Parallel()
	s := Factory()
	if err := s.Set(SectionTeams, json.RawMessage(`{"sync":"telephony","user_may_change":true}`)); err != nil {
		t.Fatal(err)
	}
	if want := (Teams{Sync: TeamsTelephony, UserMayChange: true, Access: TeamsApplication, KeepMinutes: 10}); s.Teams != want {
		t.Errorf("it is %+v, want %+v", s.Teams, want)
	}
	if err := s.Check(); err != nil {
		t.Errorf("it is no good: %v", err)
	}
	if got := s.TeamsSync(&Own{Teams: &OwnTeams{Sync: TeamsAll}}); got != TeamsNone {
		t.Errorf("without a connector %s is synchronised", got)
	}
}

func TestTeamsNeedsAConnectorWhereAnybodyCouldWantIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		teams Teams
		want  bool
	}{
		{Teams{Sync: TeamsNone}, true},
		{Teams{Sync: TeamsNone, UserMayChange: true}, false},
		{Teams{Sync: TeamsTelephony}, false},
		{Teams{Sync: TeamsAll, Connector: "app"}, true},
		{Teams{Sync: TeamsNone, UserMayChange: true, Connector: "app"}, true},
	} {
		var bad fault.Fields
		c.teams.CheckConnector("teams", &bad)
		if got := fields(bad.Err()); (len(got) == 0) != c.want || !c.want && !slices.Equal(got, []string{"teams.connector"}) {
			t.Errorf("%+v: wrong are %q", c.teams, got)
		}
	}
}

// TestWhatIsSynchronisedWithTeams (T1, P9, P10): the own value while it may be changed, of which nothing is left when it may
// not be any more.
func TestWhatIsSynchronisedWithTeams(t *testing.T) {
	t.Parallel()
	s := Factory()
	s.Teams = Teams{Sync: TeamsTelephony, UserMayChange: true, Connector: "app", Access: TeamsApplication, KeepMinutes: 10}
	own := Own{Teams: &OwnTeams{Sync: TeamsAll}}
	sync := func(o *Own, want TeamsSync) {
		t.Helper()
		if got := s.TeamsSync(o); got != want {
			t.Errorf("%s is synchronised, want %s", got, want)
		}
	}
	sync(&Own{}, TeamsTelephony)
	sync(&own, TeamsAll)
	s.Feature.Enabled = false
	sync(&own, TeamsNone)
	s.Feature.Enabled = true

	if kept, changed := own.Discard(&s); changed || kept.Teams == nil {
		t.Error("what may be changed was discarded")
	}
	if err := own.Check(&s, &Own{}); err != nil {
		t.Errorf("an own value: %v", err)
	}
	wrong := Own{Teams: &OwnTeams{Sync: "video"}}
	if got := fields(wrong.Check(&s, &Own{})); !slices.Equal(got, []string{"teams.sync"}) {
		t.Errorf("of a value that is none wrong are %q", got)
	}
	s.Teams.UserMayChange = false
	sync(&own, TeamsTelephony)
	if got := fields(own.Check(&s, &Own{})); !slices.Equal(got, []string{"teams"}) {
		t.Errorf("of a value that may not be changed wrong are %q", got)
	}
	if err := own.Check(&s, &own); err != nil {
		t.Errorf("what was so before: %v", err)
	}
	if kept, changed := own.Discard(&s); !changed || kept.Teams != nil || own.Teams == nil {
		t.Errorf("discarded: %t, %+v", changed, kept.Teams)
	}
	if left, changed := own.Reset(true); !changed || left.Teams != nil {
		t.Errorf("reset: %t, %+v", changed, left.Teams)
	}
	back, err := ParseOwn(own.JSON())
	if err != nil || back.Teams == nil || *back.Teams != *own.Teams {
		t.Errorf("read back it is %+v, %v", back.Teams, err)
	}
}

// TestProfilesOfTeams (T1, T2): in a call it is the one called MS Teams, own ones first, else the template for appointments;
// who presents is not to be disturbed, by the first own profile that says so.
func TestProfilesOfTeams(t *testing.T) {
	t.Parallel()
	s := Factory()
	id := func(p *Profile) string {
		if p == nil {
			return ""
		}
		return p.ID
	}
	check := func(o *Own, call, dnd string) {
		t.Helper()
		if a, b := id(s.TeamsProfile(o)), id(s.DoNotDisturbProfile(o)); a != call || b != dnd {
			t.Errorf("in a call %q, presenting %q; want %q, %q", a, b, call, dnd)
		}
	}
	profile := func(id, name string, status presence.Status) Profile {
		return Profile{ID: id, Name: name, Status: status, Forwarding: Forwarding{Action: ForwardKeep}}
	}
	own := Own{Profiles: []Profile{
		profile("free", "Free", presence.Available), profile("exam", "Exam", presence.DoNotDisturb), profile("show", "On stage", presence.DoNotDisturb),
	}}
	check(&Own{}, TemplateAppointment, TemplateDoNotDisturb)
	check(&own, TemplateAppointment, "exam")
	own.Profiles[1], own.Profiles[2] = own.Profiles[2], own.Profiles[1]
	check(&own, TemplateAppointment, "show")

	s.Templates.Templates = append(s.Templates.Templates, Template{Profile: profile("teams", NameTeams, presence.Busy), UserForwarding: UserOwn})
	check(&own, TemplateAppointment, "show") // it is not active
	s.Templates.Templates[len(s.Templates.Templates)-1].Active = true
	check(&own, "teams", "show")
	own.Profiles = append(own.Profiles, profile("mine", "ms teams", presence.Busy))
	check(&own, "mine", "show")
	s.OwnProfiles.Permitted = []presence.Status{presence.Unavailable}
	check(&own, "teams", TemplateDoNotDisturb)
	s.Templates.Templates = nil
	check(&own, "", "")
}
