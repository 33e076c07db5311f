package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/store"
)

// twoHouses is a palace in Berlin, and a location in Hamburg with an administrator of its own, lea.
type twoHouses struct {
	*palace
	lea     *client
	hamburg map[string]string // path parameters
}

func newTwoHouses(t *testing.T) *twoHouses {
	t.Helper()
	h := &twoHouses{palace: newPalace(t)}
	ctx := t.Context()
	l := store.Location{Name: "Hamburg", TimeZone: "Europe/Paris"}
	h.ok(h.office.PutLocation(ctx, office.By{}, &l))
	g := store.Group{LocationID: l.ID, Name: "Hafen"}
	h.ok(h.office.PutGroup(ctx, office.By{}, &g))
	h.add(store.Person{ID: "lea", Name: "Lea", Login: "lea", LocationID: l.ID, Role: office.RoleLocationAdmin, Administers: []string{l.ID}})
	h.add(store.Person{ID: "carl", Name: "Carl", Login: "carl", LocationID: l.ID})
	h.add(store.Person{ID: "dora", Name: "Dora", Login: "dora", LocationID: l.ID})
	h.add(store.Person{ID: "boss", Name: "Boss", Login: "boss", LocationID: l.ID, Role: office.RoleAdmin})
	h.add(store.Person{ID: "both", Name: "Both", Login: "both", LocationID: l.ID, Role: office.RoleLocationAdmin, Administers: []string{l.ID, h.location}})
	work := store.WorkGroup{Name: "Hafenteam", Level: "employee", Members: []string{"carl"}}
	h.ok(h.office.PutWorkGroup(ctx, office.By{}, &work))
	mixed := store.WorkGroup{Name: "Projekt", Level: "employee", Members: []string{"anna", "carl"}}
	h.ok(h.office.PutWorkGroup(ctx, office.By{}, &mixed))
	h.ok(h.office.PutWorkGroup(ctx, office.By{}, &store.WorkGroup{Name: "Leer", Level: "employee"}))
	h.lea = h.as("lea")
	h.hamburg = maps.Clone(h.values)
	maps.Copy(h.hamburg, map[string]string{"location": l.ID, "scope": l.ID, "group": g.ID, "person": "carl", "work group": work.ID, "mixed": mixed.ID})
	return h
}

// TestALocationAdministratorStaysInTheirLocation tries every administration call of the document on what is elsewhere: a
// new call cannot be forgotten here.
func TestALocationAdministratorStaysInTheirLocation(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	before := h.dump()
	refused, lists := 0, 0
	for _, r := range routesOf(h.doc) {
		if r.who != "admin" && r.who != "location" {
			continue
		}
		if r.who == "location" && r.method == http.MethodGet && !strings.Contains(r.path, "{") {
			a := h.lea.get(r.path).is(t, http.StatusOK)
			for _, foreign := range []string{h.location, h.values["group"], `"anna"`, "Anna", "Berlin", "Lab", "Projekt", "Reception", "Team"} {
				text := strings.ReplaceAll(string(a.body), "Hafenteam", "")
				if foreign == h.location && strings.HasPrefix(r.path, "/audit") {
					continue // it is what one of their own people administers too
				}
				if strings.Contains(text, foreign) {
					t.Errorf("%s\ntells of %s", a, foreign)
				}
			}
			lists++
			continue
		}
		switch r.path {
		case "/people/import": // row by row: TestAnImportByALocationAdministrator
			continue
		case "/jobs/{job}": // of whoever began it
			h.lea.get(h.path(r)).is(t, http.StatusNotFound)
			continue
		}
		h.lea.do(r.method, h.path(r), r.body(h.doc)).is(t, http.StatusForbidden)
		values := maps.Clone(h.values)
		for name := range values {
			if name != "section" { // which is one of a list
				values[name] = "nobody-knows"
			}
		}
		h.lea.do(r.method, r.with(values), r.body(h.doc)).is(t, http.StatusForbidden) // nor is it told what exists
		refused++
	}
	h.unchanged(t, before, "trying the neighbour's doors")
	if refused < 29 || lists < 7 {
		t.Errorf("%d calls were refused and %d lists cut", refused, lists)
	}
}

// TestALocationAdministratorAtHome does everything there that the document says is for them.
func TestALocationAdministratorAtHome(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	for _, r := range routesOf(h.doc) {
		if r.who != "location" || r.method == http.MethodDelete || r.path == "/jobs/{job}" {
			continue
		}
		values := maps.Clone(h.hamburg)
		body := r.body(h.doc)
		if in, ok := body.(map[string]any); ok {
			for name, value := range map[string]any{
				"location": h.hamburg["location"], "name": "New " + r.path, "time_zone": "Europe/Berlin", "members": []string{"carl"}, "observers": []string{"carl"},
				"level": "employee", "forwarding": map[string]any{"action": "keep"}, "action": "keep",
			} {
				if _, there := in[name]; there {
					in[name] = value
				}
			}
			if strings.Contains(r.path, "/settings/{section}") {
				in[policy.SectionFeature] = map[string]any{"enabled": true}
			}
			if r.path == "/people" {
				delete(in, "name")
				in["name"] = "Emil"
			}
		}
		switch {
		case strings.HasPrefix(r.path, "/work-groups/"):
			values["group"] = h.hamburg["work group"]
		case strings.HasPrefix(r.path, "/monitoring-groups/"):
			continue // there is none
		}
		if a := h.lea.do(r.method, r.with(values), body); a.status == http.StatusForbidden || a.status == http.StatusNotFound {
			t.Errorf("%s\nat home", a)
		}
	}
}

func TestALocationAdministratorDoesNotReachOut(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	home := h.hamburg["location"]
	before := h.dump()
	for _, x := range []struct {
		method, path string
		body         m
		status       int
	}{
		{"POST", "/people", m{"name": "Emil", "location": h.location}, 403},
		{"PUT", "/people/carl/record", m{"name": "Carl", "login": "carl", "location": h.location}, 403},            // gives him away
		{"PUT", "/people/anna/record", m{"name": "Anna", "login": "anna", "location": home}, 403},                  // takes her
		{"PUT", "/people/carl/record", m{"name": "Carl", "login": "carl", "location": home, "role": "admin"}, 422}, // makes him more
		{"PUT", "/people/lea/record", m{"name": "Lea", "login": "lea", "location": home, "role": "location_admin", "administers": []string{home, h.location}}, 422},
		{"POST", "/people", m{"name": "Emil", "location": home, "role": "location_admin", "administers": []string{home}}, 422},
		{"PUT", "/people/boss/record", m{"name": "Boss", "login": "boss", "location": home, "role": "admin", "password": "known to lea now"}, 403},
		{"PUT", "/people/both/record", m{"name": "Both", "login": "both", "location": home, "role": "location_admin", "administers": []string{home, h.location}, "password": "known to lea now"}, 403},
		{"POST", "/people/boss/link", m{"kind": "reset"}, 403},
		{"DELETE", "/people/boss/record", nil, 403},
		{"GET", "/people/boss/sessions", nil, 403},
		{"GET", "/people/anna/sessions", nil, 403},
		{"POST", "/groups", m{"name": "Mine", "location": h.location}, 403},
		{"PUT", "/groups/" + h.hamburg["group"], m{"name": "Mine", "location": h.location}, 403},
		{"POST", "/work-groups", m{"name": "Reach", "level": "assistant_plus", "members": []string{"lea", "anna"}}, 403},
		{"POST", "/work-groups", m{"name": "Nobody", "level": "employee", "members": []string{}}, 403},
		{"PUT", "/work-groups/" + h.hamburg["work group"], m{"name": "Hafenteam", "level": "assistant_plus", "members": []string{"carl", "anna"}}, 403},
		{"PUT", "/work-groups/" + h.hamburg["mixed"], m{"name": "Projekt", "level": "employee", "members": []string{"carl"}}, 403},
		{"DELETE", "/work-groups/" + h.hamburg["mixed"], nil, 403},
		{"POST", "/monitoring-groups", m{"name": "Reach", "observer_level": "assistant", "member_level": "employee", "observers": []string{"lea"}, "members": []string{"anna"}}, 403},
	} {
		var body any
		if x.body != nil {
			body = x.body
		}
		h.lea.do(x.method, x.path, body).is(t, x.status)
	}
	h.unchanged(t, before, "reaching out")
	h.lea.put("/work-groups/"+h.hamburg["work group"], m{"name": "Hafen", "level": "employee", "members": []string{"carl"}}).fine(t)
	if entries := decode[api.Audit](h.lea.get("/audit?action=work_group")).Entries; len(entries) == 0 || entries[0].Actor != "lea" {
		t.Errorf("she does not see what she did to a group: %+v", entries)
	}
	h.lea.put("/people/carl/record", m{"name": "Carl", "login": "carl", "location": home, "vip": true}).fine(t)
	if got := decode[api.Records](h.lea.get("/records?q=carl")).Records; len(got) != 1 || !got[0].VIP {
		t.Errorf("records of carl: %+v", got)
	}
	entries := decode[api.Audit](h.lea.get("/audit")).Entries
	if len(entries) == 0 || entries[0].Action != "person.put" || entries[0].Person != "carl" || entries[0].Actor != "lea" || entries[0].Address != "127.0.0.1" {
		t.Errorf("the newest entry is %+v", entries)
	}
}

// TestWhatWasMadeForLessIsGoodForNoMore: links and sign-ins from before somebody got more rights, or another password, or
// went elsewhere, end with that.
func TestWhatWasMadeForLessIsGoodForNoMore(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	home := h.hamburg["location"]
	for _, x := range []struct {
		what   string
		record m
	}{ // the password last: with one, an administrator cannot be made a plain user again, being the only one who can sign in
		{"promoted", m{"name": "Carl", "login": "carl", "location": home, "role": "admin"}},
		{"moved", m{"name": "Carl", "login": "carl", "location": h.location}},
		{"blocked", m{"name": "Carl", "login": "carl", "location": home, "blocked": true}},
		{"password", m{"name": "Carl", "login": "carl", "location": home, "password": "set by an admin"}},
	} {
		what, record := x.what, x.record
		h.admin.put("/people/carl/record", m{"name": "Carl", "login": "carl", "location": home}).fine(t)
		link, carl := h.lea.linkFor("carl", "invitation"), h.as("carl")
		carl.get("/session").fine(t)
		h.admin.put("/people/carl/record", record).fine(t)
		if what == "blocked" { // and let in again
			h.admin.put("/people/carl/record", m{"name": "Carl", "login": "carl", "location": home}).fine(t)
		}
		h.nobody().post("/password", m{"secret": link, "password": "known to lea now"}).is(t, http.StatusNotFound)
		if what != "moved" {
			carl.get("/session").is(t, http.StatusUnauthorized)
		}
	}
}

func TestALocationWithAnAdministratorStays(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	l := decode[api.Location](h.admin.post("/locations", m{"name": "Empty", "time_zone": "Europe/Berlin"}).fine(t))
	record := m{"name": "Lea", "login": "lea", "location": h.hamburg["location"], "role": "location_admin", "administers": []string{h.hamburg["location"], l.ID}}
	h.admin.put("/people/lea/record", record).fine(t)
	h.admin.delete("/locations/"+l.ID).is(t, http.StatusConflict)
	record["administers"] = []string{h.hamburg["location"]}
	h.admin.put("/people/lea/record", record).fine(t)
	h.admin.delete("/locations/" + l.ID).fine(t)
	h.as("lea").put("/people/me/favourites", m{"favourites": []string{"carl"}}).fine(t)
}

func TestALocationAdministratorIsNoAssistantOfWhoAdministersMore(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	h.lea.post("/monitoring-groups", m{"name": "Reach", "observer_level": "assistant_plus", "member_level": "employee", "observers": []string{"lea"}, "members": []string{"boss"}}).is(t, 403)
	h.lea.post("/work-groups", m{"name": "Reach", "level": "assistant", "members": []string{"lea", "both"}}).is(t, 403)
	h.lea.post("/work-groups", m{"name": "Team Nord", "level": "team_colleague", "members": []string{"lea", "boss"}}).fine(t)
}

// TestAnImportTellsNothingOfPeopleElsewhere: right and wrong guesses get the same answer.
func TestAnImportTellsNothingOfPeopleElsewhere(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	h.admin.put("/people/anna/record", m{"name": "Anna", "login": "anna", "location": h.location, "mobile_number": "+49 170 1"}).fine(t)
	right := h.lea.importAs("login,mobile_number\nanna,+49 170 1\n", true)
	wrong := h.lea.importAs("login,mobile_number\nanna,+49 170 2\n", true)
	if fmt.Sprint(right) != fmt.Sprint(wrong) || right.Refused != 1 {
		t.Errorf("a right guess is answered with %+v, a wrong one with %+v", right, wrong)
	}
	there := h.lea.importAs("login,name,location\nnew,New,Berlin\n", true)
	nowhere := h.lea.importAs("login,name,location\nnew,New,Xerlin\n", true)
	if strings.ReplaceAll(fmt.Sprint(there), "Berlin", "Xerlin") != fmt.Sprint(nowhere) {
		t.Errorf("a location elsewhere: %+v, none: %+v", there, nowhere)
	}
	if rep := h.admin.importAs("login,name,location,role\nadmin,Ada Admin,Berlin,user\n", false); rep.Refused != 1 {
		t.Errorf("an administrator demotes herself: %+v", rep)
	}
}

func TestAnImportByALocationAdministrator(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	before := h.dump()
	list := "login,name,location,role\nanna,Stolen,Hamburg,\ncarl,Carl,Berlin,\ndora,Dora,Hamburg,admin\nboss,Boss,Hamburg,user\nnew,New,Berlin,\n"
	rep := h.lea.importAs(list, false)
	if rep.Refused != 5 || rep.Added+rep.Changed != 0 {
		t.Errorf("imported %+v", rep)
	}
	h.unchanged(t, before, "an import of others")
	if rep := h.lea.importAs("login,name,location\ndora,Dora D.,Hamburg\nemil,Emil,Hamburg\n", false); rep.Added != 1 || rep.Changed != 1 || rep.Refused != 0 {
		t.Errorf("imported at home: %+v", rep)
	}
}

// importAs enters a list and waits for the report.
func (c *client) importAs(list string, dry bool) provision.Report {
	c.t.Helper()
	j := decode[api.Job](c.post("/people/import", m{"csv": list, "dry_run": dry}).fine(c.t))
	for end := time.Now().Add(patience); j.State == "running" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		j = decode[api.Job](c.get("/jobs/" + j.ID).fine(c.t))
	}
	if j.State != "done" || j.Report == nil || j.Done != j.Total {
		c.t.Fatalf("the import: %+v", j)
	}
	return *j.Report
}

func TestAnImportIsAJob(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	var list strings.Builder
	list.WriteString("login,name,location\n")
	for i := range 2000 {
		place := "Hamburg"
		if i%40 == 7 {
			place = "Nowhere" // 50 of them
		}
		fmt.Fprintf(&list, "p%d,Person %d,%s\n", i, i, place)
	}
	people := h.office.Count()
	if rep := h.admin.importAs(list.String(), true); rep.Added != 1950 || rep.Refused != 50 || len(rep.Refusals) != 50 || h.office.Count() != people {
		t.Errorf("it would: %d added, %d refused, %d people", rep.Added, rep.Refused, h.office.Count())
	}
	if rep := h.admin.importAs(list.String(), false); rep.Added != 1950 || rep.Refused != 50 || h.office.Count() != people+1950 {
		t.Errorf("it did: %d added, %d refused, %d people", rep.Added, rep.Refused, h.office.Count())
	}
	if rep := h.admin.importAs(list.String(), false); rep.Unchanged != 1950 || rep.Refused != 50 || rep.Added+rep.Changed != 0 {
		t.Errorf("again: %+v", rep)
	}
	j := decode[api.Job](h.admin.post("/people/import", m{"csv": "login\nx\n", "dry_run": true}).fine(t))
	h.lea.get("/jobs/"+j.ID).is(t, http.StatusNotFound)
	h.admin.post("/people/import", m{"csv": "name\nx\n"}).names(t, "body.csv")
}

func TestRecordsInPages(t *testing.T) {
	t.Parallel()
	h := newTwoHouses(t)
	var names []string
	after := ""
	for {
		page := decode[api.Records](h.admin.get("/records?limit=2&after=" + after))
		if page.Total != 8 || len(page.Records) > 2 {
			t.Fatalf("a page of %d of %d", len(page.Records), page.Total)
		}
		for _, r := range page.Records {
			names = append(names, r.Name)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if want := []string{"Ada Admin", "Anna", "Bob", "Boss", "Both", "Carl", "Dora", "Lea"}; !slices.Equal(names, want) {
		t.Errorf("records of %q, want %q", names, want)
	}
	for query, want := range map[string]int{
		"location=" + h.location: 3, "group=" + h.hamburg["group"]: 0, "role=admin": 2, "role=location_admin": 2, "blocked=yes": 0, "blocked=no": 8,
		"q=bo": 3, "q=ada+adm": 1, "q=nobody": 0,
	} {
		if got := decode[api.Records](h.admin.get("/records?" + query)); got.Total != want || len(got.Records) != want {
			t.Errorf("%s: %d records, want %d", query, got.Total, want)
		}
	}
	h.admin.get("/records?role=king").is(t, http.StatusUnprocessableEntity)
}
