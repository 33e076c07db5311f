package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	errorURN      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// provider sends people by SCIM, each to its own connector.
type provider struct {
	*building
	connector, token string
	header           http.Header
}

// newProvider enters a connector and makes its token. What settings say is beside the place for everybody.
func (b *building) newProvider(settings m) *provider {
	b.t.Helper()
	s := m{"places": []m{{"location": b.location}}}
	for k, v := range settings {
		s[k] = v
	}
	admin := b.as("admin")
	x := decode[api.Connector](admin.post("/connectors", m{"kind": "scim", "name": "Provider", "enabled": true, "scim": s}).fine(b.t))
	made := decode[api.MadeConnectorToken](admin.post("/connectors/"+x.ID+"/token", m{}).fine(b.t))
	if made.Path != "/scim/v2/"+x.ID || made.Token == "" {
		b.t.Fatalf("the token is %+v", made)
	}
	return &provider{b, x.ID, made.Token, http.Header{}}
}

// put replaces the settings of the connector.
func (p *provider) settle(enabled bool, settings m) *answer {
	return p.as("admin").put("/connectors/"+p.connector, m{"kind": "scim", "name": "Provider", "enabled": enabled, "scim": settings})
}

// say makes a request, and holds the answer to what every answer must be.
func (p *provider) say(method, path string, body any, headers ...string) *answer {
	p.t.Helper()
	var sent io.Reader
	switch x := body.(type) {
	case nil:
	case string:
		sent = strings.NewReader(x)
	default:
		text, err := json.Marshal(x)
		p.ok(err)
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, p.url+"/scim/v2/"+p.connector+path, sent)
	p.ok(err)
	req.Header.Set("Authorization", "Bearer "+p.token)
	if sent != nil {
		req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := p.http.Do(req)
	p.ok(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	p.ok(err)
	a := &answer{method + " " + path, resp.StatusCode, resp.Header, text}
	if kind := resp.Header.Get("Content-Type"); len(text) > 0 && kind != "application/scim+json; charset=utf-8" && !slices.Contains(headers, "Accept") {
		p.t.Errorf("%s\nis of type %q", a, kind)
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
		p.t.Errorf("%s\nhas the header %v", a, resp.Header)
	}
	if a.status >= 400 {
		var e struct {
			Schemas        []string
			Status, Detail string
		}
		if err := json.Unmarshal(text, &e); err != nil || !slices.Equal(e.Schemas, []string{errorURN}) || e.Status != fmt.Sprint(a.status) || e.Detail == "" {
			p.t.Errorf("%s\nis no error as in RFC 7644 §3.12: %v", a, err)
		}
		if a.status >= 500 && a.status != 501 {
			p.t.Errorf("%s\nis a mistake of the server", a)
		}
	}
	return a
}

// list asks for users or groups that fulfil a filter.
func (p *provider) list(kind, filter string) (found []m) {
	p.t.Helper()
	a := p.say("GET", "/"+kind+"?filter="+url.QueryEscape(filter), nil).is(p.t, 200)
	l := decode[struct {
		TotalResults, StartIndex, ItemsPerPage int
		Resources                              []m
	}](a)
	if l.TotalResults != len(l.Resources) || l.ItemsPerPage != len(l.Resources) || l.StartIndex != 1 {
		p.t.Errorf("%s\nis no list", a)
	}
	return l.Resources
}

// create makes a user or group and returns its id.
func (p *provider) create(kind string, body m) string {
	p.t.Helper()
	a := p.say("POST", "/"+kind, body).is(p.t, 201)
	o := decode[m](a)
	id, _ := o["id"].(string)
	if at := a.header.Get("Location"); id == "" || at != p.url+"/scim/v2/"+p.connector+"/"+kind+"/"+id || at != o["meta"].(m)["location"] {
		p.t.Errorf("%s\nstands at %q", a, at)
	}
	return id
}

// patch sends operations, written as JSON.
func (p *provider) patch(path, ops string, headers ...string) *answer {
	p.t.Helper()
	return p.say("PATCH", path, `{"schemas":["`+patchURN+`"],"Operations":`+ops+`}`, headers...)
}

// tells checks the scimType of an error.
func (a *answer) tells(t failer, status int, kind string) *answer {
	t.Helper()
	a.is(t, status)
	if got := decode[struct{ ScimType string }](a).ScimType; got != kind {
		t.Errorf("%s\nhas scimType %q, want %q", a, got, kind)
	}
	return a
}

func (p *provider) person(id string) *office.Person {
	p.t.Helper()
	x, ok := p.office.Person(id)
	if !ok {
		p.t.Fatalf("there is no person %s", id)
	}
	return x
}

// TestEntraIDProvisions is what Entra ID sends from the first test of the connection on, in the forms of its
// documentation.
func TestEntraIDProvisions(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)

	// The test of the connection asks for somebody who cannot be there.
	if got := p.list("Users", `userName eq "e1a9b4f2-7c55-4a0e-9d3a-0d3d3f6d7c11"`); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	// A user is looked for, and made.
	if got := p.list("Users", `userName eq "Anna.Berg@example.org"`); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	anna := p.create("Users", m{
		"schemas": []string{userURN, enterpriseURN}, "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Anna.Berg@example.org", "active": true,
		"displayName": "Anna Berg", "title": "Engineer", "emails": []m{{"primary": true, "type": "work", "value": "anna.berg@example.org"}},
		"phoneNumbers": []m{{"type": "work", "value": "+49 30 1"}, {"type": "mobile", "value": "+49 170 1"}, {"type": "fax", "value": "+49 30 9"}},
		"meta":         m{"resourceType": "User"}, "name": m{"formatted": "Berg, Anna", "familyName": "Berg", "givenName": "Anna"}, "roles": []m{}, "preferredLanguage": "de-DE",
		enterpriseURN: m{"department": "Sales", "manager": m{"value": "7"}},
	})
	x := p.person(anna)
	if x.Login != "anna.berg@example.org" || x.Name != "Anna Berg" || x.Email != "anna.berg@example.org" || x.WorkNumber != "+49 30 1" || x.MobileNumber != "+49 170 1" ||
		x.Language != "de" || x.LocationID != b.location || x.Role != office.RoleUser || x.Blocked || x.Directory.ConnectorID != p.connector {
		t.Errorf("Anna is %+v", x.Person)
	}
	for _, filter := range []string{`userName eq "anna.berg@EXAMPLE.org"`, `externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"`, `emails[type eq "work"].value eq "anna.berg@example.org"`} {
		got := p.list("Users", filter)
		if len(got) != 1 || got[0]["id"] != anna || got[0]["userName"] != "anna.berg@example.org" || got[0]["title"] != nil || got[0][enterpriseURN] != nil {
			t.Errorf("%s: %v", filter, got)
		}
	}
	// She changes: several operations at once, as paths and without.
	p.patch("/Users/"+anna, `[
		{"op":"Replace","path":"displayName","value":"Anna Neu"},
		{"op":"Replace","path":"emails[type eq \"work\"].value","value":"anna.neu@example.org"},
		{"op":"Add","path":"phoneNumbers[type eq \"home\"].value","value":"+49 30 2"},
		{"op":"Remove","path":"phoneNumbers[type eq \"mobile\"].value"},
		{"op":"Add","path":"title","value":"Director"},
		{"op":"Add","path":"`+enterpriseURN+`:department","value":"Board"},
		{"op":"Add","path":"addresses[type eq \"work\"].formatted","value":"Here"}]`).is(t, 200)
	x = p.person(anna)
	if x.Name != "Anna Neu" || x.Email != "anna.neu@example.org" || x.HomeNumber != "+49 30 2" || x.MobileNumber != "" || x.WorkNumber != "+49 30 1" {
		t.Errorf("Anna is %+v", x.Person)
	}
	p.patch("/Users/"+anna, `[{"op":"replace","value":{"userName":"anna.neu@example.org","name.givenName":"Anna","name.familyName":"Neu","active":"True"}}]`).is(t, 200)
	// She leaves, and is disabled; later she is deleted.
	for _, op := range []string{`{"op":"Replace","path":"active","value":"False"}`, `{"op":"Add","path":"active","value":"False"}`, `{"op":"replace","value":{"active":false}}`} {
		if got := decode[m](p.patch("/Users/"+anna, "["+op+"]").is(t, 200)); got["active"] != false || !p.person(anna).Blocked {
			t.Errorf("%s: %v", op, got)
		}
		p.patch("/Users/"+anna, `[{"op":"Replace","path":"active","value":"True"}]`).is(t, 200)
		if p.person(anna).Blocked || p.person(anna).Login != "anna.neu@example.org" {
			t.Errorf("%s, taken back: %+v", op, p.person(anna).Person)
		}
	}

	// Groups: looked for without their members, made empty, then filled.
	if got := p.say("GET", `/Groups?excludedAttributes=members&filter=displayName+eq+%22Staff%22`, nil).is(t, 200); !bytes.Contains(got.body, []byte(`"Resources":[]`)) {
		t.Errorf("%s", got)
	}
	staff := p.create("Groups", m{"schemas": []string{groupURN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"}, "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "Staff", "members": []m{}, "meta": m{"resourceType": "Group"}})
	bert := p.create("Users", m{"schemas": []string{userURN}, "userName": "bert@example.org", "externalId": "b", "displayName": "Bert", "active": "True"})
	p.patch("/Groups/"+staff, `[{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+anna+`"}]}]`).is(t, 204)
	p.patch("/Groups/"+staff, `[{"op":"Add","path":"members","value":[{"value":"`+bert+`"}]},{"op":"Replace","path":"displayName","value":"All Staff"}]`).is(t, 204)
	got := decode[m](p.say("GET", "/Groups/"+staff, nil).is(t, 200))
	if got["displayName"] != "All Staff" || len(got["members"].([]any)) != 2 {
		t.Errorf("the group is %v", got)
	}
	if u := decode[m](p.say("GET", "/Users/"+bert, nil)); fmt.Sprint(u["groups"]) != fmt.Sprint([]any{m{"value": staff, "display": "All Staff", "type": "direct"}}) {
		t.Errorf("Bert is %v", u)
	}
	if found := p.say("GET", "/Groups/"+staff+"?excludedAttributes=members", nil); bytes.Contains(found.body, []byte(bert)) {
		t.Errorf("%s", found)
	}
	p.patch("/Groups/"+staff, `[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"`+anna+`"}]}]`).is(t, 204)
	if g, _ := b.office.ProvidedGroup(p.connector, staff); !slices.Equal(g.Members, []string{bert}) {
		t.Errorf("members are %v", g.Members)
	}
	p.say("DELETE", "/Groups/"+staff, nil).is(t, 204)
	p.say("GET", "/Groups/"+staff, nil).is(t, 404)
	p.say("DELETE", "/Users/"+anna, nil).is(t, 204)
	p.say("GET", "/Users/"+anna, nil).is(t, 404)
	p.say("DELETE", "/Users/"+anna, nil).is(t, 404)
	if x := p.person(anna); !x.Blocked {
		t.Errorf("deleted, Anna is %+v", x.Person)
	}

	// Each change is in the audit log, with who and from where.
	log, err := b.store.Audit(t.Context(), store.AuditQuery{Actor: "connector/" + p.connector, Limit: 1000})
	b.ok(err)
	actions := map[string]int{}
	for _, e := range log {
		if actions[e.Action]++; e.Address != "127.0.0.1" {
			t.Errorf("an entry from %q: %+v", e.Address, e)
		}
	}
	if actions["people.sync"] != 11 || actions["directory_group.put"] != 4 || actions["directory_group.delete"] != 1 {
		t.Errorf("in the log are %v", actions)
	}
}

// TestOktaProvisions is what Okta sends, in the forms of its documentation: whole users by PUT, and changes without paths.
func TestOktaProvisions(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	l := decode[m](p.say("GET", "/Users?startIndex=1&count=2", nil).is(t, 200))
	if l["totalResults"] != 0.0 || l["itemsPerPage"] != 0.0 || l["startIndex"] != 1.0 || len(l["Resources"].([]any)) != 0 {
		t.Errorf("nobody is %v", l)
	}
	if got := p.list("Users", `userName eq "carl@example.org"`); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	user := m{
		"schemas": []string{userURN}, "userName": "carl@example.org", "name": m{"givenName": "Carl", "familyName": "Damm"},
		"emails": []m{{"primary": true, "value": "carl@example.org", "type": "work"}}, "displayName": "Carl Damm", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7",
		"groups": []m{}, "password": "1mz050nq", "active": true,
	}
	carl := p.create("Users", user)
	if x := p.person(carl); x.Name != "Carl Damm" || x.Language != "en" || x.PasswordHash != "" {
		t.Errorf("Carl is %+v", x.Person)
	}
	p.say("POST", "/Users", user).tells(t, 409, "uniqueness")
	// A whole user replaces what is there.
	user["id"], user["name"], user["displayName"], user["emails"] = carl, m{"givenName": "Carl", "familyName": "Ems"}, "Carl Ems", nil
	user["phoneNumbers"] = []m{{"value": "tel:+49-40-7;ext=1", "type": "work"}, {"value": "at the gate", "type": "mobile"}}
	user["meta"] = m{"resourceType": "User"}
	if x := decode[m](p.say("PUT", "/Users/"+carl, user).is(t, 200)); x["emails"] != nil || x["displayName"] != "Carl Ems" || fmt.Sprint(x["phoneNumbers"]) != "[map[type:work value:+49-40-7]]" {
		t.Errorf("Carl is %v", x)
	}
	user["active"] = false
	p.say("PUT", "/Users/"+carl, user).is(t, 200)
	if x := p.person(carl); !x.Blocked || x.Name != "Carl Ems" {
		t.Errorf("Carl is %+v", x.Person)
	}
	// Somebody who comes back is found, and switched on.
	if got := p.list("Users", `userName eq "carl@example.org"`); len(got) != 1 || got[0]["active"] != false {
		t.Errorf("found %v", got)
	}
	p.patch("/Users/"+carl, `[{"op":"replace","value":{"active":true}}]`).is(t, 200)
	if p.person(carl).Blocked {
		t.Error("Carl is still blocked")
	}
	// A group is pushed with its members, renamed and filled anew.
	team := p.create("Groups", m{"schemas": []string{groupURN}, "displayName": "Team", "members": []m{{"value": carl, "display": "carl@example.org"}}})
	p.patch("/Groups/"+team, `[{"op":"replace","value":{"id":"`+team+`","displayName":"Crew"}}]`).is(t, 204)
	p.patch("/Groups/"+team, `[{"op":"remove","path":"members[value eq \"`+carl+`\"]"},{"op":"add","path":"members","value":[{"value":"`+carl+`","display":"carl"}]}]`).is(t, 204)
	p.say("PUT", "/Groups/"+team, m{"schemas": []string{groupURN}, "id": team, "displayName": "Crew", "members": []m{{"value": carl}}}).is(t, 200)
	if g, _ := b.office.ProvidedGroup(p.connector, team); g.Name != "Crew" || !slices.Equal(g.Members, []string{carl}) {
		t.Errorf("the group is %+v", g)
	}
	if got := p.list("Groups", `displayName eq "crew"`); len(got) != 1 {
		t.Errorf("found %v", got)
	}
	if got := p.list("Groups", `members[value eq "`+carl+`"]`); len(got) != 1 {
		t.Errorf("found %v", got)
	}
	if got := p.list("Groups", `members eq "nobody"`); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	// What nothing changes writes nothing.
	n, err := b.store.Count(t.Context())
	b.ok(err)
	p.patch("/Users/"+carl, `[{"op":"replace","value":{"active":true,"displayName":"Carl Ems"}}]`).is(t, 200)
	p.patch("/Groups/"+team, `[{"op":"add","path":"members","value":[{"value":"`+carl+`"}]}]`).is(t, 204)
	if m, err := b.store.Count(t.Context()); err != nil || m.Audit != n.Audit {
		t.Errorf("%d audit entries more (%v)", m.Audit-n.Audit, err)
	}
	p.say("DELETE", "/Groups/"+team, nil).is(t, 204)
}

// TestWhoIsDeletedComesBack as the same person, with what was theirs; and a block of an administrator outlasts it all.
func TestWhoIsDeletedComesBack(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	admin := b.as("admin")
	anna := p.create("Users", m{"userName": "anna", "externalId": "x1", "displayName": "Anna"})
	bert := p.create("Users", m{"userName": "bert", "displayName": "Bert"})
	cleo := p.create("Users", m{"userName": "cleo", "externalId": "x3"})
	group := p.create("Groups", m{"displayName": "All", "members": []m{{"value": anna}, {"value": bert}, {"value": cleo}}})
	b.relate(bert, anna, 4)
	sessionOf := b.as(anna)
	sessionOf.get("/session").is(t, 200)
	for _, id := range []string{anna, bert, cleo} {
		p.say("DELETE", "/Users/"+id, nil).is(t, 204)
		if x := p.person(id); !x.Blocked || !x.Directory.Gone {
			t.Errorf("deleted: %+v", x.Person)
		}
	}
	sessionOf.get("/session").is(t, 401)
	if g, _ := b.office.ProvidedGroup(p.connector, group); len(g.Members) != 0 {
		t.Errorf("who is deleted stays in the group: %v", g.Members)
	}
	if got := p.list("Users", `id pr`); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	for method, path := range map[string]string{"GET": "/Users/" + anna, "PATCH": "/Users/" + anna, "PUT": "/Users/" + anna} {
		body := any(nil)
		if method != "GET" {
			body = m{"userName": "anna", "Operations": []m{{"op": "replace", "path": "active", "value": true}}}
		}
		p.say(method, path, body).is(t, 404)
	}
	p.patch("/Groups/"+group, `[{"op":"add","path":"members","value":[{"value":"`+anna+`"}]}]`).tells(t, 400, "invalidValue")

	// By externalId with another login, by login without one, and by login with another externalId.
	for want, user := range map[string]m{anna: {"userName": "anna.new", "externalId": "x1"}, bert: {"userName": "BERT"}, cleo: {"userName": "cleo", "externalId": "x33"}} {
		if got := p.create("Users", user); got != want || p.person(got).Blocked || p.person(got).Directory.Gone {
			t.Errorf("%v: %s, want %s: %+v", user, got, want, p.person(got).Person)
		}
	}
	if p.person(anna).Login != "anna.new" || p.person(cleo).Directory.ExternalID != "x33" || b.office.Level(bert, anna) != 4 {
		t.Error("they are not who they were")
	}

	// An administrator's block stays, whatever the provider does.
	block := func(id string, yes bool) {
		t.Helper()
		_, err := b.office.ChangePerson(t.Context(), office.By{Actor: "admin"}, "person.put", id, func(r *store.Person) error { r.Blocked = yes; return nil })
		b.ok(err)
	}
	block(bert, true)
	p.patch("/Users/"+bert, `[{"op":"replace","path":"active","value":true}]`).is(t, 200)
	p.say("PUT", "/Users/"+bert, m{"userName": "bert", "active": true}).is(t, 200)
	p.say("DELETE", "/Users/"+bert, nil).is(t, 204)
	if got := p.create("Users", m{"userName": "bert", "active": true}); got != bert || !p.person(bert).Blocked {
		t.Errorf("Bert, whom an administrator blocked, is %+v", p.person(bert).Person)
	}
	// Whom an administrator lets in after the provider has deleted them is the provider's no more.
	p.say("DELETE", "/Users/"+cleo, nil).is(t, 204)
	if rec := decode[api.PersonRecord](admin.get("/people/" + cleo + "/record")); rec.Directory != "" || !rec.Blocked {
		t.Errorf("Cleo's record is %+v", rec)
	}
	block(cleo, false)
	if x := p.person(cleo); x.Directory != (store.Origin{}) {
		t.Errorf("Cleo is %+v", x.Person)
	}
	p.say("POST", "/Users", m{"userName": "cleo"}).tells(t, 409, "uniqueness")
	// Somebody who was made an administrator and deleted is not to be had by a login.
	_, err := b.office.ChangePerson(t.Context(), office.By{}, "person.put", anna, func(r *store.Person) error { r.Role = office.RoleAdmin; return nil })
	b.ok(err)
	p.say("DELETE", "/Users/"+anna, nil).is(t, 204)
	p.say("POST", "/Users", m{"userName": "anna.new", "externalId": "another"}).tells(t, 409, "uniqueness")
	if got := p.create("Users", m{"userName": "anna.new", "externalId": "x1"}); got != anna || p.person(anna).Role != office.RoleAdmin {
		t.Errorf("Anna is %+v", p.person(got).Person)
	}
}

// TestTheLastAdministratorIsNotBlocked by a provider either.
func TestTheLastAdministratorIsNotBlocked(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	boss := p.create("Users", m{"userName": "boss", "externalId": "1"})
	for id, role := range map[string]string{boss: office.RoleAdmin, "admin": office.RoleUser} {
		if id == boss {
			continue
		}
		_, err := b.office.ChangePerson(t.Context(), office.By{}, "person.put", boss, func(r *store.Person) error { r.Role = office.RoleAdmin; return nil })
		b.ok(err)
		_, err = b.office.ChangePerson(t.Context(), office.By{}, "person.put", id, func(r *store.Person) error { r.Role = role; return nil })
		b.ok(err)
	}
	p.patch("/Users/"+boss, `[{"op":"Replace","path":"active","value":"False"}]`).tells(t, 409, "")
	p.say("PUT", "/Users/"+boss, m{"userName": "boss", "active": false}).tells(t, 409, "")
	if a := p.say("DELETE", "/Users/"+boss, nil).tells(t, 409, ""); !strings.Contains(string(a.body), "last administrator") {
		t.Errorf("%s", a)
	}
	if x := p.person(boss); x.Blocked || x.Directory.Gone {
		t.Errorf("the boss is %+v", x.Person)
	}
}

// TestWhoIsHereAlreadyIsTakenOverOnlyIfWished, and an administrator never is.
func TestWhoIsHereAlreadyIsTakenOverOnlyIfWished(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Bob", "Eve", "Zoe")
	p, other := b.newProvider(nil), b.newProvider(nil)
	theirs := other.create("Users", m{"userName": "theirs", "externalId": "1"})
	for _, login := range []string{"bob", "BOB", "admin", "theirs"} {
		p.say("POST", "/Users", m{"userName": login, "externalId": "1"}).tells(t, 409, "uniqueness")
	}
	_, err := b.office.ChangePerson(t.Context(), office.By{}, "person.put", "eve", func(r *store.Person) error { r.PasswordHash, r.Blocked = "known to somebody", true; return nil })
	b.ok(err)
	p.settle(true, m{"places": []m{{"location": b.location}}, "take_over": true}).fine(t)
	if got := p.create("Users", m{"userName": "bob", "externalId": "1", "displayName": "Robert"}); got != "bob" || p.person("bob").Name != "Robert" {
		t.Errorf("taken over is %s: %+v", got, p.person(got).Person)
	}
	if got := p.create("Users", m{"userName": "eve", "active": true}); got != "eve" || !p.person("eve").Blocked || p.person("eve").PasswordHash != "" {
		t.Errorf("Eve, whom an administrator blocked, is %+v", p.person("eve").Person)
	}
	p.say("POST", "/Users", m{"userName": "admin"}).tells(t, 409, "uniqueness")
	p.say("POST", "/Users", m{"userName": "theirs"}).tells(t, 409, "uniqueness")
	p.patch("/Users/bob", `[{"op":"replace","path":"userName","value":"zoe"}]`).tells(t, 409, "uniqueness")
	p.patch("/Users/eve", `[{"op":"replace","path":"externalId","value":"1"}]`).tells(t, 409, "uniqueness")

	// People who were entered here, and those of others, are not there.
	for _, id := range []string{"zoe", "admin", theirs} {
		p.say("GET", "/Users/"+id, nil).is(t, 404)
		p.patch("/Users/"+id, `[{"op":"replace","path":"active","value":false}]`).is(t, 404)
		p.say("PUT", "/Users/"+id, m{"userName": "x"}).is(t, 404)
		p.say("DELETE", "/Users/"+id, nil).is(t, 404)
		for _, f := range []string{`id eq "` + id + `"`, `userName eq "` + p.person(id).Login + `"`, `not (id eq "x")`, `userName sw "` + p.person(id).Login + `"`} {
			if got := p.list("Users", f); slices.ContainsFunc(got, func(u m) bool { return u["id"] == id }) {
				t.Errorf("%s finds %v", f, got)
			}
		}
		p.say("POST", "/Groups", m{"displayName": "X", "members": []m{{"value": id}}}).tells(t, 400, "invalidValue")
	}
	staff := other.create("Groups", m{"displayName": "Staff"})
	p.say("GET", "/Groups/"+staff, nil).is(t, 404)
	p.say("DELETE", "/Groups/"+staff, nil).is(t, 404)
	p.patch("/Groups/"+staff, `[{"op":"replace","path":"displayName","value":"Mine"}]`).is(t, 404)
	if got := p.list("Groups", `displayName pr`); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	p.create("Groups", m{"displayName": "Staff"}) // its own
}

// TestAGroupSaysWhereSomebodyBelongs, at once.
func TestAGroupSaysWhereSomebodyBelongs(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	north := store.Location{Name: "Hamburg", TimeZone: "Europe/Berlin"}
	b.ok(b.office.PutLocation(t.Context(), office.By{}, &north))
	lab := store.Group{LocationID: b.location, Name: "Labs"}
	b.ok(b.office.PutGroup(t.Context(), office.By{}, &lab))
	places := []m{{"member": "labs", "location": b.location, "group": lab.ID}, {"member": "North", "location": north.ID}, {"location": b.location}}
	p := b.newProvider(m{"places": places})
	admin := b.as("admin")
	admin.post("/connectors", m{"kind": "scim", "name": "X", "enabled": true, "scim": m{"places": places[:2]}}).is(t, 422).names(t, "body.scim.places[1].member")
	admin.post("/connectors", m{"kind": "scim", "name": "X", "enabled": true, "scim": m{"places": []m{}}}).is(t, 422)
	admin.post("/connectors", m{"kind": "scim", "name": "X", "enabled": true, "scim": m{"places": []m{{"location": "nowhere"}}}}).is(t, 422).names(t, "body.scim.places[0].location")
	admin.post("/connectors", m{"kind": "scim", "name": "X", "enabled": true, "secret": "mine", "scim": m{"places": places}}).is(t, 422).names(t, "body.secret")
	admin.post("/connectors", m{"kind": "scim", "name": "X", "enabled": true, "scim": m{"places": places, "work_group_level": "blocked"}}).is(t, 422)

	anna, bert := p.create("Users", m{"userName": "anna"}), p.create("Users", m{"userName": "bert"})
	at := func(what, id, want string) {
		t.Helper()
		x := p.person(id)
		if got := x.LocationID + "/" + x.GroupID; got != want {
			t.Errorf("%s: %s is at %s, want %s", what, x.Login, got, want)
		}
	}
	here, labs, there := b.location+"/", b.location+"/"+lab.ID, north.ID+"/"
	at("at first", anna, here)
	g := p.create("Groups", m{"displayName": "Labs", "members": []m{{"value": anna}}})
	at("in a group", anna, labs)
	n := p.create("Groups", m{"displayName": "north", "members": []m{{"value": anna}, {"value": bert}}})
	at("in two", anna, labs)
	at("in one", bert, there)
	p.patch("/Groups/"+g, `[{"op":"remove","path":"members[value eq \"`+anna+`\"]"},{"op":"add","path":"members","value":[{"value":"`+bert+`"}]}]`).is(t, 204)
	at("out of one", anna, there)
	at("in the first", bert, labs)
	p.patch("/Groups/"+g, `[{"op":"replace","path":"displayName","value":"Kitchen"}]`).is(t, 204)
	at("the group is called otherwise", bert, there)
	p.patch("/Users/"+anna, `[{"op":"replace","path":"displayName","value":"Anna"}]`).is(t, 200)
	at("another change", anna, there)
	places[0]["member"] = g // by its id
	p.settle(true, m{"places": places}).fine(t)
	at("the settings have changed", bert, labs)
	p.say("DELETE", "/Groups/"+n, nil).is(t, 204)
	at("the group is gone", anna, here)
	p.say("DELETE", "/Users/"+bert, nil).is(t, 204)
	p.create("Users", m{"userName": "bert"})
	at("made anew, without groups", bert, here)
	if got := p.settle(true, m{"places": []m{{"location": north.ID}}}); got.status != 200 {
		t.Fatalf("%s", got)
	}
	at("everybody", anna, there)
}

// TestGroupsBecomeWorkGroups that follow them, and are nobody else's to change.
func TestGroupsBecomeWorkGroups(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	mine := store.WorkGroup{Name: "Sales", Level: "employee", Members: []string{"admin"}}
	b.ok(b.office.PutWorkGroup(t.Context(), office.By{}, &mine))
	places := []m{{"location": b.location}}
	p := b.newProvider(m{"work_group_level": "team_colleague"})
	anna, bert := p.create("Users", m{"userName": "anna"}), p.create("Users", m{"userName": "bert"})
	g := p.create("Groups", m{"displayName": "sales", "members": []m{{"value": anna}, {"value": bert}}})
	named := func(name string) *store.WorkGroup {
		for _, w := range b.office.WorkGroups() {
			if w.Name == name {
				return &w
			}
		}
		return nil
	}
	w := named("sales (2)") // the name is taken
	if w == nil || w.Level != "team_colleague" || len(w.Members) != 2 || b.office.Level(anna, bert).String() != "team_colleague" {
		t.Fatalf("the work group is %+v of %+v", w, b.office.WorkGroups())
	}
	admin := b.as("admin")
	admin.put("/work-groups/"+w.ID, m{"name": "Mine", "level": "assistant", "members": []string{"admin"}}).is(t, 409)
	admin.delete("/work-groups/"+w.ID).is(t, 409)
	p.patch("/Groups/"+g, `[{"op":"remove","path":"members[value eq \"`+bert+`\"]"},{"op":"replace","path":"displayName","value":"Sellers"}]`).is(t, 204)
	if again := named("Sellers"); again == nil || again.ID != w.ID || !slices.Equal(again.Members, []string{anna}) || b.office.Level(anna, bert).String() == "team_colleague" {
		t.Errorf("the work group is %+v", again)
	}
	p.say("DELETE", "/Users/"+anna, nil).is(t, 204)
	if again := named("Sellers"); again == nil || len(again.Members) != 0 {
		t.Errorf("without Anna it is %+v", again)
	}
	p.settle(true, m{"places": places, "work_group_level": "assistant"}).fine(t)
	if again := named("Sellers"); again == nil || again.Level != "assistant" {
		t.Errorf("of another level it is %+v", again)
	}
	p.settle(true, m{"places": places}).fine(t)
	if again := named("Sellers"); again != nil {
		t.Errorf("of no level it is %+v", again)
	}
	p.settle(true, m{"places": places, "work_group_level": "employee"}).fine(t)
	h := p.create("Groups", m{"displayName": "Second", "members": []m{{"value": bert}}})
	p.say("DELETE", "/Groups/"+g, nil).is(t, 204)
	if named("Sellers") != nil || named("Second") == nil || named("Sales") == nil {
		t.Errorf("work groups are %+v", b.office.WorkGroups())
	}
	if x := decode[api.Export](b.as(bert).get("/people/me/export").fine(t)); x.Directory == nil || !slices.Equal(x.Directory.Groups, []string{"Second"}) {
		t.Errorf("what is kept of Bert: %+v", x.Directory)
	}
	// A server that is started anew knows all of it.
	of, err := office.Open(t.Context(), b.store, nil)
	b.ok(err)
	if g, ok := of.ProvidedGroup(p.connector, h); !ok || !slices.Equal(g.Members, []string{bert}) || of.WorkGroupLevel(g.WorkGroupID) != "employee" {
		t.Errorf("after a start the group is %+v", g)
	}
	// Without its connector what it brought stays, and is for administrators to change.
	admin.delete("/connectors/" + p.connector).fine(t)
	second := named("Second")
	if second == nil || p.person(bert).Directory != (store.Origin{}) || p.person(bert).Blocked || !p.person(anna).Blocked {
		t.Fatalf("left are %+v, %+v", second, p.person(bert).Person)
	}
	admin.delete("/work-groups/" + second.ID).fine(t)
	p.say("GET", "/Users", nil).is(t, 401)
	// Erased, somebody leaves no trace in the groups.
	q := b.newProvider(nil)
	dora := q.create("Users", m{"userName": "dora"})
	crew := q.create("Groups", m{"displayName": "Crew", "members": []m{{"value": dora}}})
	admin.delete("/people/" + dora + "/record").fine(t)
	if got := decode[m](q.say("GET", "/Groups/"+crew, nil)); got["members"] != nil {
		t.Errorf("the group is %v", got)
	}
	q.say("GET", "/Users/"+dora, nil).is(t, 404)
}

// TestOnlyTheTokenLetsAProviderIn and only the newest, while it is good and the connector is on.
func TestOnlyTheTokenLetsAProviderIn(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p, other := b.newProvider(nil), b.newProvider(nil)
	admin := b.as("admin")
	p.say("GET", "/ServiceProviderConfig", nil).is(t, 200)
	good := p.token
	refused := func(what, authorization string) {
		t.Helper()
		if a := p.say("GET", "/Users", nil, "Authorization", authorization).is(t, 401); a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s", what, a)
		}
	}
	refused("none", "")
	refused("another's", "Bearer "+other.token)
	refused("Basic", "Basic "+good)
	p.say("GET", "/Users", nil, "Authorization", "bearer "+good).is(t, 200)
	expires := time.Now().Add(1500 * time.Millisecond)
	made := decode[api.MadeConnectorToken](admin.post("/connectors/"+p.connector+"/token", m{"expires_at": expires}).fine(t))
	refused("the one before", "Bearer "+good)
	p.token = made.Token
	if a := p.say("GET", "/Users", nil); a.status != 200 && time.Now().Before(expires) {
		t.Errorf("a token that is good for a while: %s", a)
	}
	if x := decode[api.Connectors](admin.get("/connectors")).Connectors; !slices.ContainsFunc(x, func(c api.Connector) bool { return c.ID == p.connector && c.TokenExpiresAt != nil && c.HasSecret }) {
		t.Errorf("connectors are %+v", x)
	}
	admin.post("/connectors/"+p.connector+"/token", m{"expires_at": time.Now().Add(-time.Hour)}).is(t, 422).names(t, "body.expires_at")
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		a := p.say("GET", "/Users", nil)
		if a.status == 401 && strings.Contains(string(a.body), "expired") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it does not expire: %s", a)
		}
	}
	made = decode[api.MadeConnectorToken](admin.post("/connectors/"+p.connector+"/token", m{}).fine(t))
	p.token = made.Token
	p.settle(false, m{"places": []m{{"location": b.location}}}).fine(t)
	p.say("GET", "/Users", nil).is(t, 403)
	p.settle(true, m{"places": []m{{"location": b.location}}}).fine(t)
	p.say("GET", "/Users", nil).is(t, 200)

	// Whoever tries many is slowed down, which keeps nobody out who has the right one.
	slow := false
	for range 100 {
		if a := p.say("GET", "/Users", nil, "Authorization", "Bearer dlp_wrong"); a.status == 429 {
			slow = a.header.Get("Retry-After") != ""
			break
		}
	}
	if !slow {
		t.Error("a hundred wrong tokens are as welcome as one")
	}
	p.say("GET", "/Users", nil).is(t, 200)
	other.say("GET", "/Users", nil, "Authorization", "Bearer dlp_wrong").is(t, 401)

	// Tokens of the API are no tokens of providers, nor the other way round; and a token stands nowhere.
	api := b.with(store.Token{Scopes: []string{"admin"}})
	refused2 := p.say("GET", "/Users", nil, "Authorization", api.header.Get("Authorization"))
	if refused2.status != 401 && refused2.status != 429 {
		t.Errorf("%s", refused2)
	}
	(&client{b, http.Header{"Authorization": {"Bearer " + p.token}}}).get("/records").is(t, 401)
	admin.post("/connectors/"+other.connector+"/sync", m{}).is(t, 409)
	if text := admin.get("/connectors").body; bytes.Contains(text, []byte(p.token)) {
		t.Errorf("an answer holds the token: %s", text)
	}
	names, _ := filepath.Glob(filepath.Join(b.folder, "*"))
	for _, name := range names {
		if data, err := os.ReadFile(name); err != nil || bytes.Contains(data, []byte(p.token)) {
			t.Errorf("%s holds the token (%v)", name, err)
		}
	}
	// A server that is started anew knows it.
	if recs := b.connectorsOf(); !slices.ContainsFunc(recs, func(c store.Connector) bool { return c.ID == p.connector && len(c.Secret) > 0 }) {
		t.Errorf("kept are %+v", recs)
	}
}

func (b *building) connectorsOf() []store.Connector {
	o, err := b.store.LoadOffice(b.t.Context())
	b.ok(err)
	return o.Connectors
}

// TestTheHealthOfAProvider is told to administrators, and does not cost a write each time.
func TestTheHealthOfAProvider(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	state := func() api.Connector {
		all := decode[api.Connectors](b.as("admin").get("/connectors")).Connectors
		return all[0]
	}
	if x := state(); x.CheckedAt != nil {
		t.Errorf("never used: %+v", x)
	}
	id := p.create("Users", m{"userName": "anna"})
	for i := range 20 {
		p.patch("/Users/"+id, fmt.Sprintf(`[{"op":"replace","path":"displayName","value":"Anna %d"}]`, i)).is(t, 200)
	}
	p.patch("/Users/"+id, `[{"op":"replace","path":"displayName","value":"Anna 19"}]`).is(t, 200)
	p.patch("/Users/"+id, `[{"op":"replace","path":"active","value":false}]`).is(t, 200)
	if x := state(); x.Error != "" || x.SucceededAt == nil || x.Report.Added != 1 || x.Report.Changed != 20 || x.Report.Unchanged != 1 || x.Report.Blocked != 1 {
		t.Errorf("in use: %+v, %+v", x, x.Report)
	}
	p.say("POST", "/Users", m{"userName": "admin"}).is(t, 409)
	if x := state(); !strings.Contains(x.Error, "administrator") || x.Report.Refused != 1 || len(x.Report.Refusals) != 1 {
		t.Errorf("refused: %+v, %+v", x, x.Report)
	}
	p.say("GET", "/Users/nobody", nil).is(t, 404) // is no trouble
	if x := state(); x.Error != "" {
		t.Errorf("after that: %+v", x)
	}
	p.say("GET", "/Users", nil, "Authorization", "Bearer x").is(t, 401)
	if x := state(); !strings.Contains(x.Error, "127.0.0.1") || x.Report.Refused != 1 {
		t.Errorf("a wrong token: %+v, %+v", x, x.Report)
	}
	// The first use was written soon, and of the rest nothing yet.
	var rec store.Connector
	for end := time.Now().Add(patience); rec.CheckedAt.IsZero(); time.Sleep(5 * time.Millisecond) {
		if rec = b.connectorsOf()[0]; time.Now().After(end) {
			t.Fatal("nothing was written")
		}
	}
	if !strings.Contains(string(rec.Report), `"refused":0`) {
		t.Errorf("written was %s", rec.Report)
	}
}

func TestAThousandPeopleInPages(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	recs := make([]*store.Person, 1050)
	for i := range recs {
		recs[i] = &store.Person{ID: fmt.Sprintf("p%04d", i), Name: fmt.Sprintf("Person %d", 5000-i), Login: fmt.Sprintf("p%04d@x", i), LocationID: b.location, CreatedAt: time.Now(),
			Directory: store.Origin{ConnectorID: p.connector, ExternalID: fmt.Sprint(i)}}
	}
	b.ok(b.office.PutPeople(t.Context(), office.By{}, "people.import", recs...))
	type page struct {
		TotalResults, StartIndex, ItemsPerPage int
		Resources                              []struct{ ID string }
	}
	seen := map[string]bool{}
	for start := 1; ; {
		l := decode[page](p.say("GET", fmt.Sprintf("/Users?startIndex=%d&count=100&attributes=userName", start), nil).is(t, 200))
		if l.TotalResults != 1050 || l.StartIndex != start || l.ItemsPerPage != len(l.Resources) {
			t.Fatalf("at %d: %+v", start, l)
		}
		if len(l.Resources) == 0 {
			break
		}
		for _, u := range l.Resources {
			seen[u.ID] = true
		}
		start += len(l.Resources)
	}
	if len(seen) != 1050 {
		t.Errorf("%d were seen", len(seen))
	}
	for query, want := range map[string][3]int{ // total, start, items
		"": {1050, 1, 100}, "count=5000": {1050, 1, 500}, "count=0": {1050, 1, 0}, "count=-3": {1050, 1, 0}, "startIndex=0&count=1": {1050, 1, 1}, "startIndex=-7&count=2": {1050, 1, 2},
		"startIndex=1050&count=9": {1050, 1050, 1}, "startIndex=2000": {1050, 2000, 0}, "startIndex=99999999999999999999": {1050, 1<<63 - 1, 0},
		"filter=userName+sw+%22p10%22": {50, 1, 50}, "filter=userName+sw+%22p00%22+and+active+eq+true&startIndex=91": {100, 91, 10}, "filter=externalId+eq+%2277%22": {1, 1, 1},
		"filter=userName+eq+%22P0001%40X%22": {1, 1, 1}, "filter=id+eq+%22p0002%22+and+active+eq+false": {0, 1, 0}, "filter=meta.created+gt+%222020-01-01T00:00:00Z%22&count=1": {1050, 1, 1},
		"filter=schemas+eq+%22" + userURN + "%22&count=1": {1050, 1, 1}, "filter=groups+pr": {0, 1, 0},
	} {
		l := decode[page](p.say("GET", "/Users?"+query, nil).is(t, 200))
		if got := [3]int{l.TotalResults, l.StartIndex, len(l.Resources)}; got != want || l.ItemsPerPage != want[2] {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	p.say("GET", "/Users?count=x", nil).tells(t, 400, "invalidValue")
	p.say("GET", "/Users?filter=userName+is+1", nil).tells(t, 400, "invalidFilter")
	l := decode[page](p.say("POST", "/Users/.search", m{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "filter": `userName ew "9@x"`, "startIndex": 11, "count": 20, "attributes": []string{"userName"}}).is(t, 200))
	if l.TotalResults != 105 || l.StartIndex != 11 || len(l.Resources) != 20 {
		t.Errorf("searched: %d from %d, %d", l.TotalResults, l.StartIndex, len(l.Resources))
	}
}

// TestChangesAtOnce: none of many changes of one group is lost, and of two for one version one is refused.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(m{"work_group_level": "employee"})
	var ids []string
	for i := range 24 {
		ids = append(ids, p.create("Users", m{"userName": fmt.Sprint("p", i)}))
	}
	g := p.create("Groups", m{"displayName": "All"})
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			p.patch("/Groups/"+g, `[{"op":"add","path":"members","value":[{"value":"`+id+`"}]}]`).is(t, 204)
		})
	}
	all.Wait()
	if x, _ := b.office.ProvidedGroup(p.connector, g); len(x.Members) != len(ids) {
		t.Errorf("%d of %d members are there", len(x.Members), len(ids))
	}
	a := p.say("GET", "/Groups/"+g, nil)
	tag := a.header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) || decode[m](a)["meta"].(m)["version"] != tag {
		t.Fatalf("%s\nhas version %s", a, tag)
	}
	p.say("GET", "/Groups/"+g, nil, "If-None-Match", tag).is(t, 304)
	p.patch("/Groups/"+g, `[{"op":"replace","path":"displayName","value":"One"}]`, "If-Match", tag).is(t, 204)
	p.patch("/Groups/"+g, `[{"op":"replace","path":"displayName","value":"Two"}]`, "If-Match", tag).is(t, 412)
	p.say("PUT", "/Groups/"+g, m{"displayName": "Two"}, "If-Match", tag).is(t, 412)
	p.say("DELETE", "/Groups/"+g, nil, "If-Match", tag).is(t, 412)
	p.say("GET", "/Groups/"+g, nil, "If-None-Match", tag).is(t, 200)
	p.patch("/Groups/"+g, `[{"op":"replace","path":"displayName","value":"Three"}]`, "If-Match", "*").is(t, 204)
	user := p.say("GET", "/Users/"+ids[0], nil).header.Get("ETag")
	p.patch("/Users/"+ids[0], `[{"op":"replace","path":"displayName","value":"A"}]`, "If-Match", `W/"x", `+user).is(t, 200)
	p.say("PUT", "/Users/"+ids[0], m{"userName": "p0"}, "If-Match", user).is(t, 412)
	p.say("DELETE", "/Users/"+ids[0], nil, "If-Match", user).is(t, 412)
	user = p.say("GET", "/Users/"+ids[0], nil).header.Get("ETag")
	p.say("DELETE", "/Users/"+ids[0], nil, "If-Match", user).is(t, 204)
}

// TestWhatProvidersGetWrong is answered with what is wrong (RFC 7644 §3.12).
func TestWhatProvidersGetWrong(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	anna := p.create("Users", m{"userName": "anna"})
	g := p.create("Groups", m{"displayName": "G", "members": []m{{"value": anna}}})
	for _, x := range []struct {
		method, path string
		body         any
		status       int
		kind         string
	}{
		{"POST", "/Users", "", 400, "invalidSyntax"},
		{"POST", "/Users", "{", 400, "invalidSyntax"},
		{"POST", "/Users", "[]", 400, "invalidSyntax"},
		{"POST", "/Users", `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, 400, "invalidSyntax"},
		{"POST", "/Users", `{"userName":"` + strings.Repeat("x", 5<<20) + `"}`, 413, "tooMany"},
		{"POST", "/Users", m{}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": "has space"}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": strings.Repeat("x", 200)}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": "x", "externalId": strings.Repeat("x", 2000)}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": "x", "displayName": "two\nlines"}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": "x", "emails": []m{{"value": "no address"}}}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": "x", "active": "perhaps"}, 400, "invalidValue"},
		{"POST", "/Users", m{"userName": "ANNA"}, 409, "uniqueness"},
		{"PATCH", "/Users/" + anna, m{"Operations": []m{{"op": "replace", "path": "emails[", "value": "x"}}}, 400, "invalidPath"},
		{"PATCH", "/Users/" + anna, m{"Operations": []m{{"op": "remove"}}}, 400, "noTarget"},
		{"PATCH", "/Users/" + anna, m{}, 400, "invalidSyntax"},
		{"PATCH", "/Users/nobody", m{"Operations": []m{{"op": "replace", "path": "active", "value": true}}}, 404, ""},
		{"POST", "/Groups", m{"displayName": ""}, 400, "invalidValue"},
		{"POST", "/Groups", m{"displayName": strings.Repeat("x", 1001)}, 400, "invalidValue"},
		{"POST", "/Groups", m{"displayName": "g"}, 409, "uniqueness"},
		{"POST", "/Groups", m{"displayName": "H", "members": []m{{"value": g}}}, 400, "invalidValue"},
		{"POST", "/Groups", m{"displayName": "H", "members": []m{{"value": "x", "type": "Group"}}}, 400, "invalidValue"},
		{"POST", "/Groups", m{"displayName": "H", "members": []m{{"value": "nobody"}}}, 400, "invalidValue"},
		{"GET", "/Users?attributes=a%20b", nil, 400, "invalidValue"},
		{"GET", "/Users?filter=" + strings.Repeat("x", 5000), nil, 400, "invalidFilter"},
		{"GET", "/Schemas?filter=id+pr", nil, 403, ""},
		{"GET", "/Schemas/urn:x", nil, 404, ""},
		{"GET", "/Shoes", nil, 404, ""},
		{"GET", "/Users/a/b", nil, 404, ""},
		{"GET", "/", nil, 404, ""},
		{"POST", "/Schemas", m{}, 404, ""},
		{"PUT", "/Users", m{"userName": "x"}, 405, ""},
		{"POST", "/Users/" + anna, m{"userName": "x"}, 405, ""},
		{"GET", "/Me", nil, 501, ""},
		{"POST", "/Bulk", m{}, 501, ""},
	} {
		p.say(x.method, x.path, x.body).tells(t, x.status, x.kind)
	}
	p.say("POST", "/Users", m{"userName": "x"}, "Content-Type", "text/plain").tells(t, 415, "invalidSyntax")
	p.say("POST", "/Users", m{"userName": "json"}, "Content-Type", "application/json").is(t, 201)
	if a := p.say("GET", "/Users", nil, "Accept", "application/json"); a.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("asked for JSON, it is %s", a.header.Get("Content-Type"))
	}
	if b.office.Count() != 3 {
		t.Errorf("%d people are there", b.office.Count())
	}
	ops := make([]m, 3000)
	for i := range ops {
		ops[i] = m{"op": "remove", "path": "displayName"}
	}
	p.say("PATCH", "/Users/"+anna, m{"Operations": ops}).tells(t, 413, "tooMany")
}

func TestWhatAServerTellsOfItself(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	p := b.newProvider(nil)
	c := decode[m](p.say("GET", "/ServiceProviderConfig", nil).is(t, 200))
	for name, want := range map[string]bool{"patch": true, "bulk": false, "filter": true, "changePassword": false, "sort": false, "etag": true} {
		if got := c[name].(m)["supported"]; got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
	types := decode[struct {
		Resources []struct{ ID, Schema, Endpoint string }
	}](p.say("GET", "/ResourceTypes", nil).is(t, 200)).Resources
	if len(types) != 2 {
		t.Errorf("there are %+v", types)
	}
	for _, x := range types {
		p.say("GET", x.Endpoint, nil).is(t, 200)
		p.say("GET", "/ResourceTypes/"+x.ID, nil).is(t, 200)
		s := decode[struct {
			ID         string
			Attributes []struct{ Name, Type, Mutability, Returned string }
		}](p.say("GET", "/Schemas/"+x.Schema, nil).is(t, 200))
		if s.ID != x.Schema || len(s.Attributes) < 2 {
			t.Errorf("the schema is %+v", s)
		}
	}
	// What a schema names is kept, and nothing else is shown.
	id := p.create("Users", m{"userName": "anna", "externalId": "1", "displayName": "Anna", "emails": []string{"a@x"}, "phoneNumbers": []m{{"type": "home", "value": "1"}}, "preferredLanguage": "de", "timezone": "Europe/Oslo", "active": true, "nickName": "A"})
	p.create("Groups", m{"displayName": "G", "members": []m{{"value": id}}})
	shown := decode[m](p.say("GET", "/Users/"+id, nil))
	schema := decode[struct {
		Attributes []struct{ Name, Returned string }
	}](p.say("GET", "/Schemas/"+userURN, nil))
	named := map[string]bool{"schemas": true, "id": true, "externalId": true, "meta": true}
	for _, a := range schema.Attributes {
		if named[a.Name] = true; a.Returned != "never" && shown[a.Name] == nil {
			t.Errorf("%s is in the schema and not shown: %v", a.Name, shown)
		}
	}
	for name := range shown {
		if !named[name] {
			t.Errorf("%s is shown and not in the schema", name)
		}
	}
}

// TestTheCheckOfAProvider tells what can be told of one that cannot be asked.
func TestTheCheckOfAProvider(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	admin := b.as("admin")
	c := decode[api.Connector](admin.post("/connectors", m{"kind": "scim", "name": "Provider", "enabled": true, "scim": m{"places": []m{{"location": b.location}}}}).is(t, 200))
	steps := func() string {
		var all []string
		for _, x := range decode[api.Steps](admin.post("/connectors/"+c.ID+"/check", nil).is(t, 200)).Steps {
			all = append(all, fmt.Sprintf("%s %t %s %s", x.Name, x.OK, x.Found, x.Remedy))
		}
		return strings.Join(all, "\n")
	}
	if got := steps(); !strings.Contains(got, "token false It has no token yet. Make one") || !strings.Contains(got, "never heard") {
		t.Errorf("before it has a token: %s", got)
	}
	ends := time.Now().Add(48 * time.Hour).UTC()
	made := decode[api.MadeConnectorToken](admin.post("/connectors/"+c.ID+"/token", m{"expires_at": ends}).is(t, 200))
	if got := steps(); !strings.Contains(got, "token true Its token expires on "+ends.Format(time.DateOnly)) {
		t.Errorf("with a token: %s", got)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+made.Path+"/Users", nil)
	b.ok(err)
	r.Header.Set("Authorization", "Bearer "+made.Token)
	resp, err := b.http.Do(r)
	b.ok(err)
	resp.Body.Close()
	if got := steps(); !strings.Contains(got, "It was last heard at ") {
		t.Errorf("after it was heard: %s", got)
	}
}
