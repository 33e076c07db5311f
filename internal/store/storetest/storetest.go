// Package storetest holds every implementation of store.Store to the same behaviour: Run checks all that the interface
// promises, Benchmark measures what must be fast.
package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Opener opens one database, the same whenever it is called, and fails the test if it cannot. It leaves the closing to
// its caller.
type Opener func(t testing.TB) store.Store

// Run checks an implementation. database makes an empty database that lasts as long as its test.
func Run(t *testing.T, database func(t testing.TB) Opener) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, s store.Store)
	}{
		{"EmptyOffice", emptyOffice},
		{"OfficeRoundTrip", officeRoundTrip},
		{"OfficeOrder", officeOrder},
		{"PutReplaces", putReplaces},
		{"LongKeys", longKeys},
		{"LastOfEqualKeysCounts", lastOfEqualKeysCounts},
		{"Conflicts", conflicts},
		{"NotFound", notFound},
		{"DeletePerson", deletePerson},
		{"DeleteScopes", deleteScopes},
		{"DeleteRecords", deleteRecords},
		{"UpdateIsAtomic", updateIsAtomic},
		{"UncleanText", uncleanText},
		{"ManyRecords", manyRecords},
		{"ClaimRoundTrip", claimRoundTrip},
		{"ClaimTimes", claimTimes},
		{"ClaimBatches", claimBatches},
		{"ClaimBatchSizes", claimBatchSizes},
		{"ClaimBatchIsAtomic", claimBatchIsAtomic},
		{"ClaimOrder", claimOrder},
		{"ClaimCallback", claimCallback},
		{"Shown", shownRoundTrip},
		{"ClaimModel", claimModel},
		{"SyncCalendar", syncCalendar},
		{"Teams", teams},
		{"Forwardings", forwardings},
		{"SIPAccounts", sipAccounts},
		{"Redirects", redirects},
		{"Sessions", sessions},
		{"DeleteExpired", deleteExpired},
		{"TakeLinks", takeLinks},
		{"DeleteAudit", deleteAudit},
		{"Audit", audit},
		{"AuditForgets", auditForgets},
		{"Meta", meta},
		{"Count", count},
		{"Cancelled", cancelled},
		{"CancelledWhileLoading", cancelledWhileLoading},
		{"CancelledWhileWriting", cancelledWhileWriting},
		{"Concurrent", concurrent},
		{"ConcurrentDelete", concurrentDelete},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := database(t)(t)
			defer closeStore(t, s)
			c.check(t, s)
		})
	}
	t.Run("Reopen", func(t *testing.T) {
		t.Parallel()
		reopen(t, database(t))
	})
	t.Run("Closed", func(t *testing.T) {
		t.Parallel()
		closed(t, database(t))
	})
	t.Run("CloseWaits", func(t *testing.T) {
		t.Parallel()
		closeWaits(t, database(t))
	})
}

func closeStore(t testing.TB, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// day is when the tests take place.
var day = time.Date(2026, 11, 24, 9, 30, 0, 123e6, time.UTC)

// odd are texts that a careless implementation damages.
var odd = []string{
	"", " ", "'", `"`, "''); DROP TABLE people; --", "$1", "?", "%s", `\`, `\x41`, "a\tb\r\nc", "NULL", "null", "0", "1e3", "{}",
	"Zoë Müller-Łukasiewicz", "日本語", "👩🏽‍💻 🚪💡", "\u202eright to left", "e\u0301", "\ufeff", "\U0010ffff", "\x01\x7f",
	strings.Repeat("long ", 20000), strings.Repeat("ü", 4097),
}

// same compares what was stored with what was read. An empty list is as good as none.
func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b presence.Shown) bool { return a == b })); diff != "" {
		if len(diff) > 4000 {
			diff = diff[:4000] + "..."
		}
		t.Errorf("%s: stored (-) and read (+) differ:\n%s", what, diff)
	}
}

func update(t testing.TB, s store.Store, c store.Changes) {
	t.Helper()
	if err := s.Update(t.Context(), c); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func write(t testing.TB, s store.Store, b store.ClaimBatch) {
	t.Helper()
	if err := s.WriteClaims(t.Context(), b); err != nil {
		t.Fatalf("WriteClaims: %v", err)
	}
}

func office(t testing.TB, s store.Store) store.Office {
	t.Helper()
	o, err := s.LoadOffice(t.Context())
	if err != nil {
		t.Fatalf("LoadOffice: %v", err)
	}
	return o
}

func loadClaims(t testing.TB, s store.Store) []store.PersonClaim {
	t.Helper()
	var all []store.PersonClaim
	err := s.LoadClaims(t.Context(), func(id string, c presence.Claim) error {
		all = append(all, store.PersonClaim{PersonID: id, Claim: c})
		return nil
	})
	if err != nil {
		t.Fatalf("LoadClaims: %v", err)
	}
	return all
}

func loadShown(t testing.TB, s store.Store) []store.PersonShown {
	t.Helper()
	var all []store.PersonShown
	err := s.LoadShown(t.Context(), func(id string, v presence.Shown) error {
		all = append(all, store.PersonShown{PersonID: id, Shown: v})
		return nil
	})
	if err != nil {
		t.Fatalf("LoadShown: %v", err)
	}
	return all
}

func allAudit(t testing.TB, s store.Store) []store.AuditEntry {
	t.Helper()
	all, err := s.Audit(t.Context(), store.AuditQuery{Ascending: true, Limit: 1 << 20})
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	return all
}

// person returns a person as plain as possible.
func person(id string) store.Person {
	return store.Person{ID: id, LocationID: "hq", Role: "user", Own: []byte(`{}`), CreatedAt: day}
}

// settle adds the location hq and people.
func settle(t testing.TB, s store.Store, people ...string) {
	t.Helper()
	c := store.Changes{PutLocations: []store.Location{{ID: "hq", Name: "Headquarters", TimeZone: "Europe/Berlin"}}}
	for _, id := range people {
		c.PutPeople = append(c.PutPeople, person(id))
	}
	update(t, s, c)
}

// full returns changes that put several of every kind of record, with every field set in some and none in others.
func full() store.Changes {
	return store.Changes{
		PutLocations: []store.Location{{ID: "hq", Name: "Headquarters", TimeZone: "Europe/Berlin"}, {ID: "lab"}},
		PutGroups:    []store.Group{{ID: "sales", LocationID: "hq", Name: "Sales"}, {ID: "sales-lab", LocationID: "lab", Name: "Sales"}},
		PutSections: []store.Section{
			{ScopeID: "hq", Name: "activation", Value: []byte(`{"start": "Available", "n": 1.50}`)},
			{ScopeID: "hq", Name: "statuses", Value: []byte(`[]`)},
			{ScopeID: "sales", Name: "activation", Value: []byte(`null`)},
		},
		PutPeople: []store.Person{
			{ID: "anna", LocationID: "hq", GroupID: "sales", Login: "anna", Name: "Anna Ödegård", Email: "anna@example.org",
				WorkNumber: "+49 30 1", MobileNumber: "+49 170 1", HomeNumber: "+49 30 2", Voicemail: "*97",
				TimeZone: "Europe/Oslo", Language: "de", Role: "location_admin", Administers: []string{"hq", "lab"}, VIP: true, Blocked: true,
				PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", Own: []byte(`{"profiles": ["Café"]}`), CreatedAt: day,
				Directory: store.Origin{ConnectorID: "ldap1", ExternalID: "01-23", Blocked: true},
				Lines:     []store.Line{{ConnectorID: "pbx", Line: "201", Forwards: true}, {ConnectorID: "pbx", Line: "sip:Ä@b"}}},
			{ID: "bert", LocationID: "lab", Role: "admin", Own: []byte(`{}`), Directory: store.Origin{ConnectorID: "scim1", Gone: true}},
			{ID: "cleo", LocationID: "hq", Role: "user", Own: []byte(`{}`), CreatedAt: day.Add(time.Millisecond), Directory: store.Origin{ConnectorID: "scim1"}},
		},
		PutWorkGroups: []store.WorkGroup{
			{ID: "w1", Name: "Team", Level: "team_colleague", Members: []string{"anna", "cleo"}}, {ID: "w2", Name: "Nobody", Level: "employee"},
		},
		PutMonitoringGroups: []store.MonitoringGroup{
			{ID: "m1", Name: "Reception", ObserverLevel: "assistant", MemberLevel: "employee",
				Observers: []string{"bert", "cleo"}, Members: []string{"anna", "bert"}},
			{ID: "m2", Name: "Team", ObserverLevel: "external", MemberLevel: "blocked"},
		},
		PutRelationships: []store.Relationship{
			{OwnerID: "anna", ViewerID: "bert", Level: "assistant"}, {OwnerID: "bert", ViewerID: "anna", Level: "blocked"},
		},
		PutTokens: []store.Token{
			{ID: "t1", Name: "Door", Origin: "access-control", Scopes: []string{"claims:write", "people:read"}, PersonID: "anna",
				Hash: []byte{0, 1, 2, 0xff}, CreatedAt: day, ExpiresAt: day.Add(time.Hour)},
			{ID: "t2", Name: "Reader", Hash: []byte("another"), CreatedAt: day},
			{ID: "t3", Name: "Reader", Hash: []byte("third"), CreatedAt: day},
		},
		PutCalendars: []store.Calendar{
			{ID: "c1", PersonID: "anna", Kind: "caldav", Name: "Work", URL: "https://dav.example.org/anna/?a=b#c", Username: "anna",
				Password: []byte{0, 0xfe}, State: "https://sync/1", CheckedAt: day, SucceededAt: day.Add(-time.Minute),
				Error: "refused", Problems: []byte(`[{"line": 4}]`)},
			{ID: "c2", PersonID: "cleo", Kind: "exchange", Username: "cleo@example.org", ConnectorID: "ldap1"},
		},
		PutConnectors: []store.Connector{
			{ID: "ldap1", Kind: "ldap", Name: "Directory", Enabled: true, Config: []byte(`{"urls": ["ldaps://x"]}`), Secret: []byte{0, 1}, CheckedAt: day,
				SucceededAt: day.Add(-time.Minute), Error: "refused", Report: []byte(`{"added": 1}`)},
			{ID: "ldap2", Kind: "ldap", Config: []byte(`{}`)},
			{ID: "scim1", Kind: "scim", Config: []byte(`{}`)},
		},
		PutDirectoryGroups: []store.DirectoryGroup{
			{ID: "d1", ConnectorID: "scim1", Name: "Sales", ExternalID: "0-1", WorkGroupID: "w1", CreatedAt: day, Members: []string{"anna", "cleo"}},
			{ID: "d2", ConnectorID: "ldap2", Name: "Sales", CreatedAt: day},
		},
		PutIdentities: []store.Identity{
			{ConnectorID: "ldap1", Subject: "A|1", PersonID: "anna", CreatedAt: day}, {ConnectorID: "ldap1", Subject: "a|1", PersonID: "bert", CreatedAt: day},
			{ConnectorID: "ldap2", Subject: "A|1", PersonID: "anna", CreatedAt: day.Add(time.Millisecond)},
		},
	}
}

// officeOf is what full changes come to.
func officeOf(c store.Changes) store.Office {
	return store.Office{Locations: c.PutLocations, Groups: c.PutGroups, Sections: c.PutSections, People: c.PutPeople,
		WorkGroups: c.PutWorkGroups, MonitoringGroups: c.PutMonitoringGroups, Relationships: c.PutRelationships,
		Tokens: c.PutTokens, Calendars: c.PutCalendars, Connectors: c.PutConnectors, Identities: c.PutIdentities, DirectoryGroups: c.PutDirectoryGroups}
}

func emptyOffice(t *testing.T, s store.Store) {
	same(t, "office", store.Office{}, office(t, s))
	same(t, "claims", []store.PersonClaim(nil), loadClaims(t, s))
	same(t, "shown", []store.PersonShown(nil), loadShown(t, s))
	update(t, s, store.Changes{})
	write(t, s, store.ClaimBatch{})
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

func officeRoundTrip(t *testing.T, s store.Store) {
	update(t, s, full())
	same(t, "office", officeOf(full()), office(t, s))

	// Absent documents: a person always has one, the others may have none.
	plain := person("dora")
	plain.Own = nil
	update(t, s, store.Changes{PutPeople: []store.Person{plain}})
	for _, p := range office(t, s).People {
		if p.ID == "dora" && string(p.Own) != "{}" {
			t.Errorf("a person's own settings that were never given are %q, want {}", p.Own)
		}
	}

	for i, text := range odd {
		p := person("odd")
		p.Login, p.Name, p.Email, p.WorkNumber, p.MobileNumber, p.HomeNumber = text, text, text, text, text, text
		if len(text) > 1000 {
			p.Login = "" // keys are short
		}
		p.Voicemail, p.TimeZone, p.Language, p.PasswordHash = text, text, text, text
		calendar := store.Calendar{ID: "odd", PersonID: "odd", Kind: text, Name: text, URL: text, Username: text, State: text, Error: text}
		update(t, s, store.Changes{PutPeople: []store.Person{p}, PutCalendars: []store.Calendar{calendar}})
		o := office(t, s)
		same(t, fmt.Sprintf("person with odd text %d", i), p, o.People[len(o.People)-1])
		same(t, fmt.Sprintf("calendar with odd text %d", i), calendar, o.Calendars[len(o.Calendars)-1])
	}
}

func officeOrder(t *testing.T, s store.Store) {
	// In this order by their bytes, and in no language by the alphabet.
	ids := []string{"-", "A", "B", "Z", "_", "a", "a-", "a1", "aa", "b", "ß", "ä", "ａ", "😀"}
	var c store.Changes
	c.PutLocations = []store.Location{{ID: "hq", Name: "hq"}}
	for i := len(ids) - 1; i >= 0; i-- {
		c.PutPeople = append(c.PutPeople, person(ids[i]))
		c.PutGroups = append(c.PutGroups, store.Group{ID: ids[i], LocationID: "hq", Name: ids[i]})
		c.PutSections = append(c.PutSections, store.Section{ScopeID: "hq", Name: ids[i], Value: []byte("1")})
	}
	c.PutWorkGroups = []store.WorkGroup{{ID: "w", Name: "w"}}
	for i := range ids {
		c.PutWorkGroups[0].Members = append(c.PutWorkGroups[0].Members, ids[(i*3)%len(ids)])
		c.PutRelationships = append(c.PutRelationships, store.Relationship{OwnerID: "a", ViewerID: ids[(i*5)%len(ids)]})
	}
	update(t, s, c)
	o := office(t, s)
	var people, groups, sections, viewers []string
	for i := range o.People {
		people = append(people, o.People[i].ID)
		groups = append(groups, o.Groups[i].ID)
		sections = append(sections, o.Sections[i].Name)
		viewers = append(viewers, o.Relationships[i].ViewerID)
	}
	same(t, "people", ids, people)
	same(t, "groups", ids, groups)
	same(t, "sections", ids, sections)
	same(t, "viewers", ids, viewers)
	same(t, "members", ids, o.WorkGroups[0].Members)
}

func putReplaces(t *testing.T, s store.Store) {
	update(t, s, full())
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{{PersonID: "anna", Claim: presence.Claim{Source: "hand", From: day}}}})
	c := full()
	c.PutLocations[0].Name, c.PutGroups[0].LocationID, c.PutSections[0].Value = "Home", "lab", []byte("2")
	c.PutGroups[0].Name = "Other"
	c.PutPeople[0] = store.Person{ID: "anna", LocationID: "lab", Role: "user", Own: []byte(`{}`)}
	c.PutPeople[2].Login = "anna" // free since anna was put without it
	c.PutWorkGroups[0].Members, c.PutWorkGroups[1].Members = nil, []string{"anna", "bert", "cleo"}
	c.PutMonitoringGroups[0].Members, c.PutMonitoringGroups[0].Observers = []string{"cleo"}, []string{"anna", "cleo"}
	c.PutRelationships[0].Level = "external"
	c.PutTokens[0] = store.Token{ID: "t1", Name: "Door", Hash: []byte("new"), CreatedAt: day}
	c.PutCalendars[0] = store.Calendar{ID: "c1", PersonID: "bert", Kind: "ics"}
	update(t, s, c)
	same(t, "office", officeOf(c), office(t, s))
	if n := len(loadClaims(t, s)); n != 1 {
		t.Errorf("after the person was put again there are %d claims, want 1", n)
	}
}

func lastOfEqualKeysCounts(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	first, second := person("anna"), person("anna")
	first.Name, second.Name = "first", "second"
	update(t, s, store.Changes{
		PutPeople: []store.Person{first, second},
		PutWorkGroups: []store.WorkGroup{
			{ID: "w", Name: "first", Members: []string{"anna"}}, {ID: "w", Name: "second", Members: []string{"bert", "bert"}}},
		PutMonitoringGroups: []store.MonitoringGroup{
			{ID: "m", Name: "first", Members: []string{"anna"}}, {ID: "m", Name: "second", Observers: []string{"anna", "anna"}}},
		PutRelationships: []store.Relationship{{OwnerID: "anna", ViewerID: "bert", Level: "first"}, {OwnerID: "anna", ViewerID: "bert", Level: "second"}},
	})
	o := office(t, s)
	same(t, "people", []store.Person{second, person("bert")}, o.People)
	same(t, "work groups", []store.WorkGroup{{ID: "w", Name: "second", Members: []string{"bert"}}}, o.WorkGroups)
	same(t, "monitoring groups", []store.MonitoringGroup{{ID: "m", Name: "second", Observers: []string{"anna"}}}, o.MonitoringGroups)
	same(t, "relationships", []store.Relationship{{OwnerID: "anna", ViewerID: "bert", Level: "second"}}, o.Relationships)
}

func conflicts(t *testing.T, s store.Store) {
	update(t, s, full())
	login := person("dora")
	login.Login = "anna"
	known := person("dora")
	known.Directory = store.Origin{ConnectorID: "ldap1", ExternalID: "01-23"}
	for _, c := range []struct {
		record, field string
		change        store.Changes
	}{
		{"location", "name", store.Changes{PutLocations: []store.Location{{ID: "x", Name: "Headquarters"}}}},
		{"group", "name", store.Changes{PutGroups: []store.Group{{ID: "x", LocationID: "hq", Name: "Sales"}}}},
		{"person", "login", store.Changes{PutPeople: []store.Person{login}}},
		{"work_group", "name", store.Changes{PutWorkGroups: []store.WorkGroup{{ID: "x", Name: "Team"}}}},
		{"monitoring_group", "name", store.Changes{PutMonitoringGroups: []store.MonitoringGroup{{ID: "x", Name: "Reception"}}}},
		{"person", "external_id", store.Changes{PutPeople: []store.Person{known}}},
		{"directory_group", "name", store.Changes{PutDirectoryGroups: []store.DirectoryGroup{{ID: "x", ConnectorID: "scim1", Name: "Sales"}}}},
		{"token", "origin", store.Changes{PutTokens: []store.Token{{ID: "x", Origin: "access-control", Hash: []byte("x")}}}},
		{"token", "hash", store.Changes{PutTokens: []store.Token{{ID: "x", Hash: []byte("another")}}}},
		{"location", "id", store.Changes{DeleteLocations: []string{"lab"}}},
		{"group", "id", store.Changes{DeleteGroups: []string{"sales"}}},
	} {
		err := s.Update(t.Context(), c.change)
		var conflict *store.ConflictError
		if !errors.Is(err, store.ErrConflict) || !errors.As(err, &conflict) {
			t.Errorf("%s %s: %v, want a conflict", c.record, c.field, err)
			continue
		}
		if got := [2]string{conflict.Record, conflict.Field}; got != [2]string{c.record, c.field} {
			t.Errorf("conflict of %v, want %s %s", got, c.record, c.field)
		}
		if errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v is ErrNotFound too", err)
		}
	}
	same(t, "office", officeOf(full()), office(t, s))

	// The same name elsewhere, and nothing instead of a login or an origin, collide with nothing.
	update(t, s, store.Changes{
		PutLocations:  []store.Location{{ID: "third", Name: "Third"}},
		PutGroups:     []store.Group{{ID: "x", LocationID: "third", Name: "Sales"}},
		PutPeople:     []store.Person{person("x"), person("y")},
		PutWorkGroups: []store.WorkGroup{{ID: "x", Name: "Reception"}},
	})
	// A word that is none is refused, but it is nobody's conflict.
	role := person("z")
	role.Role = "king"
	if err := s.Update(t.Context(), store.Changes{PutPeople: []store.Person{role}}); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("a role that is none: %v, want some other error", err)
	}
}

func notFound(t *testing.T, s store.Store) {
	update(t, s, full())
	nowhere, noGroup := person("dora"), person("dora")
	nowhere.LocationID, noGroup.GroupID = "none", "none"
	for name, c := range map[string]store.Changes{
		"person's location":            {PutPeople: []store.Person{nowhere}},
		"person's group":               {PutPeople: []store.Person{noGroup}},
		"group's location":             {PutGroups: []store.Group{{ID: "x", LocationID: "none", Name: "X"}}},
		"section's scope":              {PutSections: []store.Section{{ScopeID: "none", Name: "x", Value: []byte("1")}}},
		"work group's member":          {PutWorkGroups: []store.WorkGroup{{ID: "x", Name: "X", Members: []string{"anna", "none"}}}},
		"observer":                     {PutMonitoringGroups: []store.MonitoringGroup{{ID: "x", Name: "X", Observers: []string{"none"}}}},
		"member":                       {PutMonitoringGroups: []store.MonitoringGroup{{ID: "x", Name: "X", Members: []string{"none"}}}},
		"relationship's owner":         {PutRelationships: []store.Relationship{{OwnerID: "none", ViewerID: "anna"}}},
		"viewer":                       {PutRelationships: []store.Relationship{{OwnerID: "anna", ViewerID: "none"}}},
		"token's person":               {PutTokens: []store.Token{{ID: "x", PersonID: "none", Hash: []byte("x")}}},
		"session's person":             {PutSessions: []store.Session{{Hash: []byte("x"), PersonID: "none"}}},
		"directory group's connector":  {PutDirectoryGroups: []store.DirectoryGroup{{ID: "x", ConnectorID: "none", Name: "X"}}},
		"directory group's work group": {PutDirectoryGroups: []store.DirectoryGroup{{ID: "x", ConnectorID: "scim1", Name: "X", WorkGroupID: "none"}}},
		"directory group's member":     {PutDirectoryGroups: []store.DirectoryGroup{{ID: "x", ConnectorID: "scim1", Name: "X", Members: []string{"none"}}}},
		"calendar's person":            {PutCalendars: []store.Calendar{{ID: "x", PersonID: "none"}}},
		"identity's person":            {PutIdentities: []store.Identity{{ConnectorID: "ldap1", Subject: "x", PersonID: "none"}}},
		"identity's provider":          {PutIdentities: []store.Identity{{ConnectorID: "none", Subject: "x", PersonID: "anna"}}},
	} {
		if err := s.Update(t.Context(), c); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	same(t, "office", officeOf(full()), office(t, s))
	// Deleting what is not there is no error.
	update(t, s, store.Changes{DeleteLocations: []string{"none"}, DeleteGroups: []string{"none"},
		DeleteSections: []store.Section{{ScopeID: "none", Name: "none"}}, DeletePeople: []string{"none", "none"},
		DeleteWorkGroups: []string{"none"}, DeleteMonitoringGroups: []string{"none"},
		DeleteRelationships: []store.RelationshipKey{{OwnerID: "none", ViewerID: "none"}}, DeleteTokens: []string{"none"},
		DeleteSessions: [][]byte{{1}, nil}, DeleteCalendars: []string{"none"}, DeleteIdentities: []store.IdentityKey{{ConnectorID: "ldap1", Subject: "none"}}})
	same(t, "office", officeOf(full()), office(t, s))
}

func deletePerson(t *testing.T, s store.Store) {
	update(t, s, full())
	update(t, s, store.Changes{PutSessions: []store.Session{
		{Hash: []byte("a"), PersonID: "anna", CreatedAt: day, ExpiresAt: day.Add(time.Hour)},
		{Hash: []byte("b"), PersonID: "bert", CreatedAt: day, ExpiresAt: day.Add(time.Hour)}},
		Audit: []store.AuditEntry{{At: day, Action: "person.put", PersonID: "anna"}}})
	sync(t, s, "c1", "1.ics")
	sync(t, s, "c2", "1.ics")
	write(t, s, store.ClaimBatch{
		Puts: []store.PersonClaim{{PersonID: "anna", Claim: presence.Claim{Source: "hand", From: day}},
			{PersonID: "cleo", Claim: presence.Claim{Source: "hand", From: day}}},
		Shown: []store.PersonShown{{PersonID: "anna"}, {PersonID: "cleo"}},
	})
	writeTeams(t, s, []store.TeamsRecord{{PersonID: "anna"}, {PersonID: "cleo"}})
	update(t, s, store.Changes{PutSIPAccounts: []store.SIPAccount{{User: "201-a", PersonID: "anna", CreatedAt: day}, {User: "203-c", PersonID: "cleo", CreatedAt: day}}})
	writeRedirects(t, s, store.Redirect{ConnectorID: "sip", Line: "201", PersonID: "anna", Forwarding: []byte(`{}`)},
		store.Redirect{ConnectorID: "sip", Line: "203", PersonID: "cleo", Forwarding: []byte(`{}`)})
	update(t, s, store.Changes{DeletePeople: []string{"anna"}})

	want := officeOf(full())
	want.People, want.Relationships = want.People[1:], nil
	want.Tokens, want.Calendars, want.Identities = want.Tokens[1:], want.Calendars[1:], want.Identities[1:2]
	want.WorkGroups[0].Members, want.MonitoringGroups[0].Members = []string{"cleo"}, []string{"bert"}
	want.DirectoryGroups[0].Members = []string{"cleo"}
	got := office(t, s)
	same(t, "calendar", "synced", got.Calendars[0].State)
	want.Calendars[0] = got.Calendars[0]
	same(t, "office", want, got)
	same(t, "claims", []store.PersonClaim{{PersonID: "cleo", Claim: presence.Claim{Source: "hand", From: day}}}, loadClaims(t, s))
	same(t, "shown", []store.PersonShown{{PersonID: "cleo"}}, loadShown(t, s))
	same(t, "teams", []store.TeamsRecord{{PersonID: "cleo"}}, loadTeams(t, s))
	same(t, "accounts", []store.SIPAccount{{User: "203-c", PersonID: "cleo", Secret: []byte{}, CreatedAt: day}}, loadSIPAccounts(t, s))
	same(t, "redirects", []store.Redirect{{ConnectorID: "sip", Line: "203", PersonID: "cleo", Forwarding: []byte(`{}`)}}, loadRedirects(t, s))
	if _, err := s.Session(t.Context(), []byte("a"), day); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session of the deleted person: %v, want ErrNotFound", err)
	}
	if _, err := s.Session(t.Context(), []byte("b"), day); err != nil {
		t.Errorf("session of somebody else: %v", err)
	}
	for id, want := range map[string]int{"c1": 0, "c2": 1} {
		if objects, err := s.CalendarObjects(t.Context(), id); err != nil || len(objects) != want {
			t.Errorf("calendar %s has %d objects (%v), want %d", id, len(objects), err, want)
		}
	}
	if n := len(allAudit(t, s)); n != 1 {
		t.Errorf("%d audit entries, want 1: they outlive the person", n)
	}
}

func deleteScopes(t *testing.T, s store.Store) {
	update(t, s, full())
	update(t, s, store.Changes{DeletePeople: []string{"cleo", "anna"}, DeleteGroups: []string{"sales"}})
	o := office(t, s)
	same(t, "sections without the group's", full().PutSections[:2], o.Sections)
	update(t, s, store.Changes{PutGroups: []store.Group{{ID: "it", LocationID: "hq", Name: "IT"}},
		PutSections: []store.Section{{ScopeID: "it", Name: "x", Value: []byte("1")}, {ScopeID: "sales-lab", Name: "x", Value: []byte("1")}}})
	update(t, s, store.Changes{DeleteLocations: []string{"hq"}})
	o = office(t, s)
	same(t, "locations", full().PutLocations[1:], o.Locations)
	same(t, "groups", full().PutGroups[1:], o.Groups)
	same(t, "sections", []store.Section{{ScopeID: "sales-lab", Name: "x", Value: []byte("1")}}, o.Sections)
	// A location and all in it can go at once.
	update(t, s, store.Changes{DeleteLocations: []string{"lab"}, DeletePeople: []string{"bert"}, DeleteWorkGroups: []string{"w1", "w2"},
		DeleteMonitoringGroups: []string{"m1", "m2"}, DeleteTokens: []string{"t2", "t3"}, DeleteConnectors: []string{"ldap1", "ldap2", "scim1"}})
	same(t, "office", store.Office{}, office(t, s))
}

func deleteRecords(t *testing.T, s store.Store) {
	update(t, s, full())
	update(t, s, store.Changes{
		DeleteSections: []store.Section{{ScopeID: "hq", Name: "statuses"}}, DeletePeople: []string{"bert"},
		DeleteWorkGroups: []string{"w1"}, DeleteMonitoringGroups: []string{"m1", "m2"},
		DeleteRelationships: []store.RelationshipKey{{OwnerID: "anna", ViewerID: "bert"}, {OwnerID: "anna", ViewerID: "cleo"}},
		DeleteTokens:        []string{"t2"}, DeleteCalendars: []string{"c1"}, DeleteConnectors: []string{"ldap2"}, DeleteIdentities: []store.IdentityKey{{ConnectorID: "ldap2", Subject: "A|1"}}})
	want := officeOf(full())
	want.Sections = append(want.Sections[:1], want.Sections[2])
	want.People = append(want.People[:1], want.People[2])
	want.WorkGroups, want.MonitoringGroups, want.Relationships = want.WorkGroups[1:], nil, nil
	want.Tokens = append(want.Tokens[:1], want.Tokens[2])
	want.Calendars = want.Calendars[1:]
	want.Identities = want.Identities[:1] // that of bert went with him
	want.Connectors = append(want.Connectors[:1], want.Connectors[2])
	want.DirectoryGroups = want.DirectoryGroups[:1]
	want.DirectoryGroups[0].WorkGroupID = "" // its work group is gone
	same(t, "office", want, office(t, s))
	// Puts come first: what is put and deleted at once is gone.
	update(t, s, store.Changes{PutPeople: []store.Person{person("dora")}, DeletePeople: []string{"dora"}})
	same(t, "office", want, office(t, s))
}

func updateIsAtomic(t *testing.T, s store.Store) {
	update(t, s, full())
	c := full()
	c.PutLocations[0].Name = "Changed"
	c.PutPeople[0].Name = "Changed"
	c.PutWorkGroups[0].Members = nil
	c.DeleteTokens, c.DeleteSections = []string{"t1"}, full().PutSections
	c.Audit = []store.AuditEntry{{At: day, Action: "x"}}
	c.DeleteGroups = []string{"sales"} // anna is in it: this one fails, and nearly last
	if err := s.Update(t.Context(), c); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("Update: %v, want ErrConflict", err)
	}
	same(t, "office", officeOf(full()), office(t, s))
	if n := len(allAudit(t, s)); n != 0 {
		t.Errorf("%d audit entries of what did not happen", n)
	}
}

func uncleanText(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	p := person("b\x00ert")
	p.Name = "a\x00b\xffc\xe2\x82"
	update(t, s, store.Changes{PutPeople: []store.Person{p}})
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{
		{PersonID: "anna", Claim: presence.Claim{Source: "calendar", ID: "x\x00", Text: "\xfe\xff\x00", Label: "\x00", From: day}},
		{PersonID: "b\x00ert", Claim: presence.Claim{Source: "calendar", ID: "x\x00", From: day}}}})
	if o := office(t, s); o.People[1].Name != "a\uFFFDb\uFFFDc\uFFFD" {
		t.Errorf("name read as %q", o.People[1].Name)
	}
	if all := loadClaims(t, s); len(all) != 2 || all[0].Claim.Text != "\uFFFD\uFFFD" || all[0].Claim.Label != "\uFFFD" {
		t.Errorf("claims read as %+v", all)
	}
	// The same name finds it again.
	write(t, s, store.ClaimBatch{Deletes: []store.PersonRef{{PersonID: "anna", Ref: presence.Ref{Source: "calendar", ID: "x\x00"}}}})
	update(t, s, store.Changes{DeletePeople: []string{"b\x00ert"}})
	if all := loadClaims(t, s); len(all) != 0 {
		t.Errorf("left: %+v", all)
	}
}

func manyRecords(t *testing.T, s store.Store) {
	const n = 1207 // several statements of every size
	var c store.Changes
	c.PutLocations = []store.Location{{ID: "hq", Name: "hq"}}
	c.PutWorkGroups = []store.WorkGroup{{ID: "all", Name: "all"}}
	var deletes []string
	for i := range n {
		p := person(fmt.Sprintf("p%05d", i))
		p.Login = p.ID
		c.PutPeople = append(c.PutPeople, p)
		c.PutWorkGroups[0].Members = append(c.PutWorkGroups[0].Members, p.ID)
		c.Audit = append(c.Audit, store.AuditEntry{At: day, Action: p.ID})
		if i >= 10 {
			deletes = append(deletes, p.ID)
		}
	}
	update(t, s, c)
	o := office(t, s)
	same(t, "people", c.PutPeople, o.People)
	same(t, "members", c.PutWorkGroups, o.WorkGroups)
	entries := allAudit(t, s)
	for i, e := range entries {
		if e.Action != c.Audit[i].Action || i > 0 && e.ID <= entries[i-1].ID {
			t.Fatalf("audit entry %d is %+v, want %s", i, e, c.Audit[i].Action)
		}
	}
	update(t, s, store.Changes{DeletePeople: deletes})
	o = office(t, s)
	same(t, "people left", c.PutPeople[:10], o.People)
	same(t, "members left", c.PutWorkGroups[0].Members[:10], o.WorkGroups[0].Members)
}

// fullClaim has every field set. A field that is new and has no place in the database fails the test that uses it.
func fullClaim(t testing.TB) presence.Claim {
	t.Helper()
	var c presence.Claim
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(day.Add(time.Duration(n) * time.Hour)))
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case v.Kind() == reflect.String:
			v.SetString(fmt.Sprint("text ", n))
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.Kind() == reflect.Uint8:
			v.SetUint(1)
		default:
			t.Fatalf("teach this test about %s", v.Type())
		}
	}
	fill(reflect.ValueOf(&c).Elem())
	return c
}

func claimRoundTrip(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	check := func(what string, c presence.Claim) {
		t.Helper()
		write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{{PersonID: "anna", Claim: c}}})
		same(t, what, []store.PersonClaim{{PersonID: "anna", Claim: c}}, loadClaims(t, s))
		write(t, s, store.ClaimBatch{Deletes: []store.PersonRef{{PersonID: "anna", Ref: c.Ref()}}})
		if left := loadClaims(t, s); len(left) != 0 {
			t.Fatalf("%s: still there after it was deleted: %+v", what, left)
		}
	}
	check("zero claim", presence.Claim{})
	all := fullClaim(t)
	check("full claim", all)

	// Every field by itself.
	v := reflect.ValueOf(all)
	for i := range v.NumField() {
		c := presence.Claim{From: day}
		reflect.ValueOf(&c).Elem().Field(i).Set(v.Field(i))
		check(v.Type().Field(i).Name, c)
	}
	// Every word.
	for _, status := range presence.Statuses() {
		check(status.String(), presence.Claim{Status: status})
	}
	for i := range 5 {
		check("show-as", presence.Claim{ShowAs: presence.ShowAs(i)})
	}
	for i := range 4 {
		check("activity", presence.Claim{Activity: presence.Activity(i)})
	}
	for i := range 3 {
		check("mark", presence.Claim{Mark: presence.Mark(i)})
		check("line", presence.Claim{Line: presence.Line{State: presence.LineState(i), Reach: presence.Reach(2 - i)}})
	}
	for i, text := range odd {
		c := presence.Claim{Source: presence.Source(text), ID: text, Profile: text, Text: text, Call: text, Label: text,
			Line:   presence.Line{Service: text, Other: text},
			Target: presence.Ref{Source: presence.Source(text), ID: text}, From: day}
		if len(text) > 1000 {
			c.Source, c.ID = "calendar", "x" // keys are short
		}
		check(fmt.Sprint("odd text ", i), c)
	}
	check("long key", presence.Claim{Source: presence.Source("api/" + strings.Repeat("o", 300)), ID: strings.Repeat("ü", 350)})
}

func claimTimes(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	epoch := time.UnixMilli(0).UTC()
	for _, c := range []struct {
		name                string
		from, until         time.Time
		wantFrom, wantUntil time.Time
	}{
		{"no times", time.Time{}, time.Time{}, time.Time{}, time.Time{}},
		{"the epoch", epoch, epoch, epoch, epoch},
		{"before the epoch", epoch.Add(-time.Hour), epoch.Add(-time.Millisecond), epoch.Add(-time.Hour), epoch.Add(-time.Millisecond)},
		{"below a millisecond", day.Add(999 * time.Microsecond), day.Add(1999 * time.Microsecond), day, day.Add(time.Millisecond)},
		{"within one millisecond", day.Add(1), day.Add(2), day, day},
		{"elsewhere", day.In(berlin), day.In(berlin).Add(time.Hour), day, day.Add(time.Hour)},
		{"far away", epoch, time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC), epoch, time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)},
		{"ends before it begins", day, day.Add(-time.Hour), day, day}, // it holds at no time, either way
	} {
		write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{{PersonID: "anna", Claim: presence.Claim{
			From: c.from, Until: c.until, Lease: c.from, ActivitySince: c.from}}}})
		want := presence.Claim{From: c.wantFrom, Until: c.wantUntil, Lease: c.wantFrom, ActivitySince: c.wantFrom}
		same(t, c.name, []store.PersonClaim{{PersonID: "anna", Claim: want}}, loadClaims(t, s))
	}
}

// claim returns a plain claim, put for anna unless said otherwise.
func claim(id, text string) store.PersonClaim {
	return store.PersonClaim{PersonID: "anna", Claim: presence.Claim{Source: "calendar", ID: id, Status: presence.Busy, Text: text, From: day}}
}

func ref(id string) store.PersonRef {
	return store.PersonRef{PersonID: "anna", Ref: presence.Ref{Source: "calendar", ID: id}}
}

func claimBatches(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("1", "a"), claim("2", "b")}})
	same(t, "two puts", []store.PersonClaim{claim("1", "a"), claim("2", "b")}, loadClaims(t, s))

	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("2", "c"), claim("3", "d"), claim("2", "e")}})
	same(t, "the last of equal keys counts", []store.PersonClaim{claim("1", "a"), claim("2", "e"), claim("3", "d")}, loadClaims(t, s))

	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("4", "f")}, Deletes: []store.PersonRef{ref("4"), ref("1"), ref("1"), ref("none")}})
	same(t, "puts come first", []store.PersonClaim{claim("2", "e"), claim("3", "d")}, loadClaims(t, s))

	// Same source and ID, another person; same person and ID, another source.
	others := []store.PersonClaim{claim("2", "g"), claim("2", "h")}
	others[0].PersonID, others[1].Claim.Source = "bert", "calendar/b"
	write(t, s, store.ClaimBatch{Puts: others})
	same(t, "keys", []store.PersonClaim{claim("2", "e"), claim("3", "d"), others[1], others[0]}, loadClaims(t, s))
	write(t, s, store.ClaimBatch{Deletes: []store.PersonRef{ref("2"), ref("3")}})
	same(t, "deletes", []store.PersonClaim{others[1], others[0]}, loadClaims(t, s))

	// Nobody is missed who was deleted meanwhile.
	gone := claim("9", "gone")
	gone.PersonID = "gone"
	write(t, s, store.ClaimBatch{
		Puts:    []store.PersonClaim{gone, claim("9", "stays"), gone},
		Deletes: []store.PersonRef{{PersonID: "gone", Ref: gone.Claim.Ref()}},
		Shown:   []store.PersonShown{{PersonID: "gone"}, {PersonID: "anna"}},
	})
	same(t, "somebody deleted", []store.PersonClaim{claim("9", "stays"), others[1], others[0]}, loadClaims(t, s))
	same(t, "shown of somebody deleted", []store.PersonShown{{PersonID: "anna"}}, loadShown(t, s))
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{gone}, Shown: []store.PersonShown{{PersonID: "gone"}}})
	if n := len(loadClaims(t, s)); n != 3 {
		t.Errorf("%d claims, want 3", n)
	}
}

func claimBatchSizes(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	for _, n := range []int{1, 2, 7, 8, 9, 63, 64, 65, 137, 1001} {
		var b, d store.ClaimBatch
		var want []store.PersonClaim
		for i := range n {
			want = append(want, claim(fmt.Sprintf("%05d", i), fmt.Sprint(n)))
			d.Deletes = append(d.Deletes, ref(fmt.Sprintf("%05d", i)))
		}
		for i := range n {
			b.Puts = append(b.Puts, want[n-1-i])
		}
		write(t, s, b)
		same(t, fmt.Sprint("puts of ", n), want, loadClaims(t, s))
		d.Deletes = d.Deletes[:n-1]
		write(t, s, d)
		same(t, fmt.Sprint("deletes of ", n-1), want[n-1:], loadClaims(t, s))
		write(t, s, store.ClaimBatch{Deletes: []store.PersonRef{ref(want[n-1].Claim.ID)}})
	}
}

func claimBatchIsAtomic(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("1", "a")}})
	broken := claim("3", "broken")
	broken.Claim.Status = 99
	err := s.WriteClaims(t.Context(), store.ClaimBatch{Puts: []store.PersonClaim{claim("1", "b"), claim("2", "c"), broken},
		Deletes: []store.PersonRef{ref("1")}, Shown: []store.PersonShown{{PersonID: "anna"}}})
	if err == nil {
		t.Error("a status that is none was taken")
	}
	same(t, "claims", []store.PersonClaim{claim("1", "a")}, loadClaims(t, s))
	var bad presence.Shown
	bad.Status = 99
	err = s.WriteClaims(t.Context(), store.ClaimBatch{Puts: []store.PersonClaim{claim("2", "c")}, Deletes: []store.PersonRef{ref("1")},
		Shown: []store.PersonShown{{PersonID: "anna", Shown: bad}}})
	if err == nil {
		t.Error("a shown status that is none was taken")
	}
	same(t, "claims", []store.PersonClaim{claim("1", "a")}, loadClaims(t, s))
	same(t, "shown", []store.PersonShown{}, loadShown(t, s))
}

func claimOrder(t *testing.T, s store.Store) {
	ids := []string{"A", "a", "a-", "b", "ä"}
	settle(t, s, ids...)
	var b store.ClaimBatch
	for _, source := range []presence.Source{"line/2", "hand", "api/B", "api/a"} {
		for i := range ids {
			b.Puts = append(b.Puts, store.PersonClaim{PersonID: ids[len(ids)-1-i], Claim: presence.Claim{Source: source, From: day}})
			b.Shown = append(b.Shown, store.PersonShown{PersonID: ids[(i*2)%len(ids)], Shown: presence.Shown{At: day}})
		}
	}
	write(t, s, b)
	var got []string
	for _, c := range loadClaims(t, s) {
		if len(got) == 0 || got[len(got)-1] != c.PersonID {
			got = append(got, c.PersonID)
		}
	}
	same(t, "people of claims", ids, got)
	got = nil
	for _, v := range loadShown(t, s) {
		got = append(got, v.PersonID)
	}
	same(t, "people of shown", ids, got)
}

func claimCallback(t *testing.T, s store.Store) {
	settle(t, s, "anna", "bert")
	write(t, s, store.ClaimBatch{Puts: []store.PersonClaim{claim("1", "a"), claim("2", "a")},
		Shown: []store.PersonShown{{PersonID: "anna"}, {PersonID: "bert"}}})
	stop := errors.New("stop")
	calls := 0
	if err := s.LoadClaims(t.Context(), func(string, presence.Claim) error { calls++; return stop }); !errors.Is(err, stop) {
		t.Errorf("LoadClaims: %v, want the callback's error", err)
	}
	if err := s.LoadShown(t.Context(), func(string, presence.Shown) error { calls++; return stop }); !errors.Is(err, stop) {
		t.Errorf("LoadShown: %v, want the callback's error", err)
	}
	if calls != 2 {
		t.Errorf("%d calls, want one each", calls)
	}
	// A callback may use the store; what it writes is not read.
	err := s.LoadClaims(t.Context(), func(_ string, c presence.Claim) error {
		if _, err := s.LoadOffice(t.Context()); err != nil {
			return err
		}
		return s.WriteClaims(t.Context(), store.ClaimBatch{Puts: []store.PersonClaim{claim(c.ID+"9", "b")}})
	})
	if err != nil {
		t.Fatalf("LoadClaims with a callback that writes: %v", err)
	}
	if n := len(loadClaims(t, s)); n != 4 {
		t.Errorf("%d claims, want 4", n)
	}
}

func shownRoundTrip(t *testing.T, s store.Store) {
	settle(t, s, "anna")
	full := presence.Shown{At: day, Off: true, Status: presence.DoNotDisturb, Since: day.Add(-time.Hour)}
	all := []presence.Shown{
		{}, full, {At: day}, {Since: day}, full.WithCovered(presence.Available, day.Add(-2*time.Hour)),
		full.WithCovered(presence.LoggedOut, time.Time{}), presence.Shown{}.WithCovered(presence.LoggedOut, day),
		{At: time.UnixMilli(0).UTC(), Since: time.UnixMilli(-1).UTC()}, {},
	}
	for _, status := range presence.Statuses() {
		all = append(all, presence.Shown{Status: status}.WithCovered(status, day))
	}
	for _, v := range all {
		write(t, s, store.ClaimBatch{Shown: []store.PersonShown{{PersonID: "anna", Shown: presence.Shown{Off: true}}, {PersonID: "anna", Shown: v}}})
		same(t, fmt.Sprintf("%+v", v), []store.PersonShown{{PersonID: "anna", Shown: v}}, loadShown(t, s))
	}
	if n := reflect.TypeFor[presence.Shown]().NumField(); n != 7 {
		t.Errorf("presence.Shown has %d fields: see that all are stored, then correct this", n)
	}
}
