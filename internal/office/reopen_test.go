package office_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/presence"
)

// answers is everything an office says, as text.
func answers(o *office.Office) string {
	var b strings.Builder
	say := func(what string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "%s: %s\n", what, strings.ReplaceAll(string(text), ":[]", ":null")) // no members are none
	}
	locations, n := o.Locations()
	say("locations", locations)
	say("people of locations", n)
	groups, n := o.Groups()
	say("groups", groups)
	say("people of groups", n)
	for _, l := range locations {
		s, individual, _ := o.Settings(l.ID)
		say("settings of "+l.ID, s)
		say("individual", individual)
	}
	for _, g := range groups {
		s, individual, _ := o.Settings(g.ID)
		say("settings of "+g.ID, s)
		say("individual", individual)
	}
	ids := slices.Sorted(slices.Values(o.IDs()))
	for _, owner := range ids {
		p, _ := o.Person(owner)
		say("person", p.Person)
		say("own", p.Own)
		say("policy", o.Policy(owner))
		if *o.Policy(owner) != *p.Policy {
			say("another policy", p.Policy)
		}
		say("zone", p.Zone.String())
		if p.Login != "" {
			q, ok := o.ByLogin(p.Login)
			say("by login", ok && q == p)
		}
		for _, viewer := range ids {
			say(viewer+" to "+owner, o.Level(viewer, owner))
		}
		o.Relations(owner, "", func(r office.Relation) bool {
			say(r.Viewer.ID+" for "+owner, []any{r.Administrative, r.Own, r.Effective})
			return true
		})
		say("team", o.Team(owner))
		found, _ := o.Search(owner, "", "", 1000)
		for _, f := range found {
			say("found", f.ID)
		}
	}
	say("work groups", o.WorkGroups())
	say("monitoring groups", o.MonitoringGroups())
	say("tokens", o.Tokens())
	say("administrator", o.HasAdmin())
	return b.String()
}

// TestReopenedOfficeSaysTheSame makes random changes, allowed ones and others, and compares what the office in memory
// says with what one says that is opened on the same database.
func TestReopenedOfficeSaysTheSame(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		ctx := context.Background()
		st, err := sqlite.Open(ctx, filepath.Join(folder, fmt.Sprintf("%d.db", run)))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		o, err := office.Open(ctx, st, quiet)
		if err != nil {
			t.Fatal(err)
		}
		berlin := store.Location{Name: "Berlin", TimeZone: "UTC"}
		lab := store.Group{Name: "Lab"}
		begin := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		begin(o.PutLocation(ctx, office.By{Actor: "x"}, &berlin))
		lab.LocationID = berlin.ID
		begin(o.PutGroup(ctx, office.By{Actor: "x"}, &lab))
		for i, name := range []string{"Carl", "Dora", "Emil"} {
			p := store.Person{ID: fmt.Sprint("p", i), Name: name, LocationID: berlin.ID}
			if i == 0 {
				p.GroupID = lab.ID
			}
			begin(o.PutPeople(ctx, office.By{Actor: "x"}, "put", &p))
		}
		var story []string
		pick := func(label string, of []string) string {
			return rapid.SampledFrom(append(slices.Sorted(slices.Values(of)), "nobody")).Draw(t, label)
		}
		places := func() (ids []string) {
			all, _ := o.Locations()
			for _, l := range all {
				ids = append(ids, l.ID)
			}
			return ids
		}
		groups := func() (ids []string) {
			all, _ := o.Groups()
			for _, g := range all {
				ids = append(ids, g.ID)
			}
			return ids
		}
		name := func() string {
			return rapid.SampledFrom([]string{"Anna", "Änne", "Bob", "bob", "Zoë", ""}).Draw(t, "name")
		}
		flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
		word := func() string {
			return rapid.SampledFrom([]string{"blocked", "external", "employee", "team_colleague", "assistant", "assistant_plus"}).Draw(t, "level")
		}
		some := func() (ids []string) {
			for range rapid.IntRange(0, 3).Draw(t, "members") {
				ids = append(ids, pick("member", o.IDs()))
			}
			return ids
		}
		change := func() (string, error) {
			switch what := rapid.SampledFrom([]string{
				"location", "group", "person", "person", "person", "move", "delete person", "section", "section", "default", "own", "relationship",
				"work group", "monitoring group", "delete group", "delete location", "duplicate", "reset", "delete work group", "preferences", "token",
			}).Draw(t, "change"); what {
			case "location":
				l := store.Location{Name: name(), TimeZone: rapid.SampledFrom([]string{"UTC", "Asia/Tokyo", "Mars"}).Draw(t, "zone")}
				if flag("existing") {
					l.ID = pick("location", places())
				}
				return what, o.PutLocation(ctx, office.By{Actor: "x"}, &l)
			case "group":
				return what, o.PutGroup(ctx, office.By{Actor: "x"}, &store.Group{LocationID: pick("location", places()), Name: name()})
			case "person":
				p := store.Person{Name: name(), LocationID: pick("location", places()), Login: rapid.SampledFrom([]string{"", "a", "B", "c"}).Draw(t, "login"), VIP: flag("vip"), Blocked: flag("blocked")}
				if flag("admin") {
					p.Role = office.RoleAdmin
				}
				return what, o.PutPeople(ctx, office.By{Actor: "x"}, "put", &p)
			case "move":
				p, ok := o.Person(pick("person", o.IDs()))
				if !ok {
					return what, nil
				}
				rec := p.Person
				rec.Name, rec.LocationID, rec.GroupID, rec.PasswordHash = name(), pick("location", places()), "", name()
				if flag("in a group") {
					rec.GroupID = pick("group", groups())
				}
				return what, o.PutPeople(ctx, office.By{Actor: "x"}, "put", &rec)
			case "delete person":
				return what, o.DeletePerson(ctx, office.By{Actor: "x"}, pick("person", o.IDs()))
			case "section":
				section := rapid.SampledFrom(policy.Sections()).Draw(t, "section")
				return what + " " + section, o.ChangeSection(ctx, office.By{Actor: "x"}, pick("scope", append(places(), groups()...)), section, func(s *policy.Settings) error {
					switch section {
					case policy.SectionFeature:
						s.Feature.Enabled = flag("enabled")
					case policy.SectionTemplates:
						s.Templates.Templates = slices.Clone(s.Templates.Templates)
						i := rapid.IntRange(0, len(s.Templates.Templates)-1).Draw(t, "template")
						s.Templates.Templates[i].Active = flag("active")
					case policy.SectionOwnProfiles:
						s.OwnProfiles = policy.OwnProfiles{Allowed: flag("allowed"), Permitted: []presence.Status{presence.Busy}}
					case policy.SectionActivation:
						s.Activation.Lock = policy.EventRule{OnEvent: policy.OnEvent{On: flag("on"), Profile: policy.TemplateHoliday}, UserMayChange: flag("may change")}
					case policy.SectionCalendar:
						s.Calendar.UserMayChange = flag("may change")
					case policy.SectionTeams:
						s.Teams.Sync, s.Teams.Connector = rapid.SampledFrom([]policy.TeamsSync{policy.TeamsNone, policy.TeamsAll}).Draw(t, "sync"), "app"
						s.Teams.UserMayChange = flag("may change")
					case policy.SectionMicrophone:
						s.Microphone = policy.Microphone{Enabled: flag("enabled"), Programs: []policy.Program{{Active: flag("active"), Process: "zoom", Alias: "Zoom"}}}
					case policy.SectionRelationships:
						s.Relationships = policy.Relationships{Default: rights.Level(rapid.IntRange(0, 7).Draw(t, "default")), ExtendOnly: flag("extend only")}
					}
					return nil
				})
			case "default":
				return what, o.ChangeSection(ctx, office.By{Actor: "x"}, pick("scope", append(places(), groups()...)), rapid.SampledFrom(policy.Sections()).Draw(t, "section"), nil)
			case "own":
				return what, o.ChangeOwn(ctx, office.By{Actor: "x"}, "own", pick("person", o.IDs()), func(p *office.Person, own *policy.Own) error {
					switch rapid.IntRange(0, 2).Draw(t, "which") {
					case 0:
						own.Activation = map[policy.Event]policy.OnEvent{policy.EventLock: {On: flag("on"), Profile: policy.TemplateBreak}}
					case 1:
						options := p.Settings.Calendar.CalendarOptions
						options.DaysAhead = 5
						own.Calendar = &options
					case 2:
						own.Profiles = append(own.Profiles, policy.Profile{Name: name(), Status: presence.Unavailable, Forwarding: policy.Forwarding{Action: policy.ForwardKeep}})
					}
					return nil
				})
			case "relationship":
				l, _ := rights.ParseLevel(word())
				level := &l
				if flag("take back") {
					level = nil
				}
				owner := pick("owner", o.IDs())
				return what, o.SetRelationship(ctx, office.By{Actor: owner}, owner, pick("viewer", o.IDs()), level)
			case "work group":
				g := store.WorkGroup{Name: name(), Level: word(), Members: some()}
				if all := o.WorkGroups(); len(all) > 0 && flag("existing") {
					g.ID = all[0].ID
				}
				return what, o.PutWorkGroup(ctx, office.By{Actor: "x"}, &g)
			case "monitoring group":
				g := store.MonitoringGroup{Name: name(), ObserverLevel: word(), MemberLevel: word(), Observers: some(), Members: some()}
				if all := o.MonitoringGroups(); len(all) > 0 && flag("existing") {
					g.ID = all[0].ID
				}
				return what, o.PutMonitoringGroup(ctx, office.By{Actor: "x"}, &g)
			case "delete work group":
				if all := o.WorkGroups(); len(all) > 0 {
					return what, o.DeleteWorkGroup(ctx, office.By{Actor: "x"}, all[0].ID)
				}
				return what, nil
			case "delete group":
				return what, o.DeleteGroup(ctx, office.By{Actor: "x"}, pick("group", groups()))
			case "delete location":
				return what, o.DeleteLocation(ctx, office.By{Actor: "x"}, pick("location", places()))
			case "duplicate":
				_, err := o.DuplicateLocation(ctx, office.By{Actor: "x"}, pick("location", places()), name())
				return what, err
			case "reset":
				_, err := o.ResetScope(ctx, office.By{Actor: "x"}, pick("scope", append(places(), groups()...)), flag("keep"), false)
				return what, err
			case "preferences":
				return what, o.ChangePreferences(ctx, office.By{Actor: "x"}, pick("person", o.IDs()), "de", "Asia/Tokyo", func(*office.Person, *policy.Own) error { return nil })
			case "token":
				tok := store.Token{Name: "t", Origin: rapid.SampledFrom([]string{"", "door", "clock"}).Draw(t, "origin"), PersonID: pick("person", o.IDs()), Hash: []byte(office.NewID())}
				return what, o.PutToken(ctx, office.By{Actor: "x"}, &tok)
			}
			return "", nil
		}
		for range rapid.IntRange(5, 40).Draw(t, "changes") {
			before := answers(o)
			what, err := change()
			story = append(story, fmt.Sprintf("%s: %v", what, err))
			var f *fault.Error
			if err != nil && (!errors.As(err, &f) || f.Kind == fault.Internal) {
				t.Fatalf("%s\nis a mistake of ours", strings.Join(story, "\n"))
			}
			if err != nil && answers(o) != before {
				t.Fatalf("%s\nwas refused and changed something:\n%s\nwas\n%s", strings.Join(story, "\n"), answers(o), before)
			}
		}
		again, err := office.Open(ctx, st, quiet)
		if err != nil {
			t.Fatalf("%s\ncannot be opened again: %v", strings.Join(story, "\n"), err)
		}
		if got, want := answers(again), answers(o); got != want {
			g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
			for i := range min(len(g), len(w)) {
				if g[i] != w[i] {
					t.Fatalf("%s\nopened again it says\n%s\nnot\n%s", strings.Join(story, "\n"), g[i], w[i])
				}
			}
			t.Fatalf("%s\nopened again it says more or less", strings.Join(story, "\n"))
		}
	})
}
