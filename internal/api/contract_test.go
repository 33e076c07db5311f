package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// TestDocumentIsTheContract: what is written down, what the program describes, and what a server serves are one.
func TestDocumentIsTheContract(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	described, err := api.Description()
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != string(described) {
		t.Error("openapi.yaml is not what the program describes; run go run ./cmd/openapi > internal/api/openapi.yaml")
	}
	b := newBuilding(t)
	served := b.nobody().send("GET", "/openapi.yaml", nil, "")
	if text := strings.Replace(string(served.body), "version: \"1.0\"", "version: \"0\"", 1); text != string(written) {
		t.Error("the document that is served is another")
	}
	ids := map[string]bool{}
	for _, r := range routesOf(b.doc) {
		if !slices.Contains([]string{"anybody", "person", "client", "claims", "lines", "admin", "location"}, r.who) {
			t.Errorf("%s %s does not say who may call it: %q", r.method, r.path, r.who)
		}
		if ids[r.op.OperationID] || r.op.OperationID == "" {
			t.Errorf("%s %s has no name of its own: %q", r.method, r.path, r.op.OperationID)
		}
		ids[r.op.OperationID] = true
		// What stands in the path is read from the path: a parameter that is not documented is not filled in.
		var in []string
		for _, p := range r.op.Parameters {
			if p.In == "path" {
				in = append(in, "{"+p.Name+"}")
			}
		}
		slices.Sort(in)
		if want := slices.Sorted(slices.Values(parameter.FindAllString(r.path, -1))); !slices.Equal(in, want) {
			t.Errorf("%s %s reads %q of its path, not %q", r.method, r.path, in, want)
		}
	}
	// Lists of words are lists of words.
	for name, s := range b.doc.Components.Schemas.Map() {
		for field, p := range s.Properties {
			if p.ContentEncoding != "" {
				t.Errorf("%s.%s is described as bytes", name, field)
			}
		}
	}
}

// palace has somebody of every kind, and something of everything that paths name.
type palace struct {
	*building
	values        map[string]string // path parameters
	admin, plain  *client
	token, reader *client
	desktop       *client // of who is plain
}

func newPalace(t testing.TB) *palace {
	t.Helper()
	p := &palace{building: newBuilding(t)}
	p.people("Anna", "Bob")
	group := store.Group{LocationID: p.location, Name: "Lab"}
	p.ok(p.office.PutGroup(t.Context(), office.By{}, &group))
	work := store.WorkGroup{Name: "Team", Level: "employee", Members: []string{"anna"}}
	p.ok(p.office.PutWorkGroup(t.Context(), office.By{}, &work))
	watch := store.MonitoringGroup{Name: "Reception", ObserverLevel: "employee", MemberLevel: "employee", Observers: []string{"bob"}, Members: []string{"anna"}}
	p.ok(p.office.PutMonitoringGroup(t.Context(), office.By{}, &watch))
	tok := store.Token{Name: "Other", Origin: "other", Scopes: []string{"claims"}, Hash: []byte("x")}
	p.ok(p.office.PutToken(t.Context(), office.By{}, &tok))
	p.admin, p.plain = p.as("admin"), p.as("anna")
	p.token = p.with(store.Token{Origin: "door", Scopes: []string{"claims", "lines"}})
	p.reader = p.with(store.Token{Name: "Reader", PersonID: "anna", Scopes: []string{"read"}})
	p.desktop = p.plain.desktop("Desk")
	p.calendars["https://example.org/a.ics"] = calendarText()
	cal := decode[api.Calendar](p.plain.post("/people/me/calendars", map[string]string{"kind": "ics", "name": "A", "url": "https://example.org/a.ics"}).is(t, 200))
	now := time.Now().UTC()
	p.ok(p.store.Update(t.Context(), store.Changes{PutSessions: []store.Session{{Hash: []byte("12345678 and more"), PersonID: "anna", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}}}))
	p.values = map[string]string{
		"session": fmt.Sprintf("%x", "12345678"), "job": decode[api.Job](p.admin.post("/people/import", map[string]any{"csv": "login\nanna\n", "dry_run": true}).fine(t)).ID, "connector": decode[api.Connector](p.admin.post("/connectors", map[string]any{"kind": "ldap", "name": "X", "enabled": false, "ldap": map[string]any{
			"urls": []string{"ldaps://127.0.0.1:1"}, "base": "dc=x", "places": []map[string]any{{"location": p.location}},
		}}).fine(t)).ID, "work group": work.ID, "monitoring group": watch.ID,
		"person": "anna", "viewer": "bob", "client": "tab", "code": p.askToSignIn("Laptop")["user_code"].(string), "line": "100", "telephone": "none", "name": "Outlook", "calendar": cal.ID, "location": p.location, "group": group.ID,
		"scope": p.location, "section": policy.SectionFeature, "template": policy.TemplateSick, "token": tok.ID,
	}
	p.ok(p.office.Tie(t.Context(), office.By{}, p.values["connector"], "subject", "anna"))
	return p
}

// caller returns a client that may call a route, if anybody may.
func (p *palace) caller(r route) *client {
	switch r.who {
	case "claims", "lines":
		return p.token
	case "admin", "location":
		return p.admin
	}
	return p.plain
}

func (p *palace) path(r route) string {
	values := p.valuesFor(r)
	path := r.with(values)
	if strings.HasSuffix(r.path, "/agenda") {
		path += "?from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z"
	}
	return path
}

// unchanged checks that nothing is stored that was not before.
func (p *palace) unchanged(t *testing.T, before, after string) {
	t.Helper()
	if now := p.dump(); now != before {
		t.Fatalf("%s has changed what is stored:\n%s\nwas\n%s", after, now, before)
	}
}

// sample makes a value that a schema accepts, roughly: what is left to find out is whether the caller is let in.
func sample(doc *huma.OpenAPI, s *huma.Schema) any {
	for s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == "object":
		v := map[string]any{}
		for _, name := range s.Required {
			v[name] = sample(doc, s.Properties[name])
		}
		return v
	case s.Type == "array":
		list := []any{}
		if s.MinItems != nil {
			list = append(list, sample(doc, s.Items))
		}
		return list
	case s.Type == "integer" || s.Type == "number":
		if s.Minimum != nil && *s.Minimum > 1 {
			return *s.Minimum
		}
		return 1
	case s.Type == "boolean":
		return true
	case s.Format == "date-time":
		return "2026-03-02T00:00:00Z"
	}
	return "anna-anna-anna"
}

func (r route) body(doc *huma.OpenAPI) any {
	if r.op.RequestBody == nil {
		return nil
	}
	return sample(doc, r.op.RequestBody.Content["application/json"].Schema)
}

// TestDoorsAreShut goes to every door of the house without a key, and with the key of another.
func TestDoorsAreShut(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	stranger := p.nobody()
	stranger.header.Set("Cookie", "doorlight_session=dls_nonsense")
	forged := p.nobody()
	forged.header.Set("Authorization", "Bearer dlt_nonsense")
	ended := p.nobody()
	ended.header.Set("Authorization", "Bearer dlc_nonsense")
	before := p.dump()
	shut := 0
	for _, r := range routesOf(p.doc) {
		path, body := p.path(r), r.body(p.doc)
		if r.who != "anybody" {
			for _, c := range []*client{p.nobody(), stranger, forged, ended} {
				c.do(r.method, path, body).is(t, http.StatusUnauthorized)
			}
			shut++
		}
		if r.who != "anybody" && r.who != "client" {
			p.desktop.do(r.method, path, body).is(t, http.StatusForbidden)
		}
		switch r.who {
		case "admin", "location":
			p.plain.do(r.method, path, body).is(t, http.StatusForbidden)
			p.token.do(r.method, path, body).is(t, http.StatusForbidden)
			p.reader.do(r.method, path, body).is(t, http.StatusForbidden)
		case "claims", "lines":
			p.plain.do(r.method, path, body).is(t, http.StatusForbidden)
			p.admin.do(r.method, path, body).is(t, http.StatusForbidden)
			p.reader.do(r.method, path, body).is(t, http.StatusForbidden)
		case "client", "person":
			p.token.do(r.method, path, body).is(t, http.StatusForbidden)
			if strings.Contains(r.path, "{person}") && r.who == "client" { // of others it learns nothing
				p.desktop.do(r.method, strings.Replace(path, "/anna", "/bob", 1), body).is(t, http.StatusNotFound)
			}
			if r.method != http.MethodGet { // scope read: it sees what its person sees, and changes nothing
				p.reader.do(r.method, path, body).is(t, http.StatusForbidden)
			}
		}
	}
	p.unchanged(t, before, "knocking")
	if shut < 60 {
		t.Errorf("only %d doors", shut)
	}
}

// TestOriginsNeedTheirScope: a token for lines cannot claim, and one for claims cannot report lines.
func TestOriginsNeedTheirScope(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	for _, scope := range []string{"claims", "lines"} {
		c := p.with(store.Token{Name: scope, Origin: "only-" + scope, Scopes: []string{scope}})
		for _, r := range routesOf(p.doc) {
			if (r.who == "claims" || r.who == "lines") && r.who != scope {
				c.do(r.method, p.path(r), r.body(p.doc)).is(t, http.StatusForbidden)
			}
		}
	}
}

// TestLookingChangesNothing asks everything that can be asked, as everybody (A1).
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	before := p.dump()
	for _, r := range routesOf(p.doc) {
		if r.method != http.MethodGet {
			continue
		}
		for _, c := range []*client{p.nobody(), p.plain, p.admin, p.token, p.reader} {
			c.get(p.path(r))
			c.send(http.MethodHead, p.path(r), nil, "")
		}
		p.caller(r).get(p.path(r)).is(t, http.StatusOK)
	}
	p.unchanged(t, before, "looking")
}

// TestNonsenseIsRefused sends to every operation what makes no sense. Each time the answer is a problem document that
// says where, and nothing is changed.
func TestNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	before := p.dump()
	client4xx := func(a *answer) *answer {
		t.Helper()
		if a.status < 400 || a.status >= 500 {
			t.Fatalf("%s\nis no refusal", a)
		}
		return a
	}
	for _, r := range routesOf(p.doc) {
		c, path := p.caller(r), p.path(r)
		if r.who == "anybody" {
			c = p.nobody()
		}
		if r.op.RequestBody != nil {
			for _, text := range []string{"{", "nonsense", "[]", `"text"`, "7", "null", "", "{}x", "\xff\xfe", strings.Repeat("[", 20_000)} {
				if strings.HasSuffix(r.path, "/individual/{section}") {
					continue
				}
				client4xx(c.do(r.method, path, text))
			}
			good, ok := r.body(p.doc).(map[string]any)
			if !ok {
				t.Fatalf("%s %s takes no object", r.method, r.path)
			}
			more := maps.Clone(good)
			more["surprise"] = 1
			client4xx(c.do(r.method, path, more)).names(t, "body.surprise")
			schema := r.op.RequestBody.Content["application/json"].Schema
			for schema.Ref != "" {
				schema = p.doc.Components.Schemas.SchemaFromRef(schema.Ref)
			}
			for name, s := range schema.Properties {
				wrong := maps.Clone(good)
				wrong[name] = map[string]any{"wrong": []int{1}}
				if s.Ref != "" || s.Type == "object" {
					wrong[name] = "text"
				}
				client4xx(c.do(r.method, path, wrong))
				if s.MaxLength != nil && *s.MaxLength < 1<<20 {
					wrong[name] = strings.Repeat("ä", *s.MaxLength+1)
					client4xx(c.do(r.method, path, wrong)).names(t, "body."+name)
				}
				if slices.Contains(schema.Required, name) {
					delete(wrong, name)
					client4xx(c.do(r.method, path, wrong)).names(t, "body."+name)
				}
			}
			text, _ := json.Marshal(good)
			for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"} {
				client4xx(c.send(r.method, path, strings.NewReader(string(text)), kind))
			}
			large := `{"name":"` + strings.Repeat("x", 2<<20) + `"}`
			if r.path == "/people/import" {
				large = strings.Repeat(large, 17)
			}
			if a := c.do(r.method, path, large); a.status != http.StatusRequestEntityTooLarge {
				t.Fatalf("%s\n%d bytes, want status 413", a, len(large))
			}
		}
		for _, param := range r.op.Parameters {
			if param.In != "path" {
				continue
			}
			for _, bad := range []string{strings.Repeat("x", 65), "nobody-of-this-name", "%00", "%2e%2e%2f", "a%20b", "%ff", "'"} {
				values := maps.Clone(p.values)
				values[param.Name] = bad
				if param.Name == "person" && bad == "'" && r.who == "anybody" {
					continue
				}
				if (param.Name == "client" || param.Name == "line") && bad == "nobody-of-this-name" ||
					param.Name == "name" && bad != "%00" && bad != "%ff" {
					continue // any name will do
				}
				a := c.do(r.method, route{r.method, r.path, r.op, r.who}.with(values)+strings.TrimPrefix(path, r.with(p.valuesFor(r))), r.body(p.doc))
				client4xx(a)
			}
		}
	}
	p.unchanged(t, before, "nonsense")
}

func (p *palace) valuesFor(r route) map[string]string {
	values := maps.Clone(p.values)
	switch {
	case strings.HasPrefix(r.path, "/work-groups/"):
		values["group"] = values["work group"]
	case strings.HasPrefix(r.path, "/monitoring-groups/"):
		values["group"] = values["monitoring group"]
	}
	return values
}

// TestQueriesAreChecked: what is wrong with an address is told of the address.
func TestQueriesAreChecked(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	for path, field := range map[string]string{
		"/people?limit=0":                                      "query.limit",
		"/people?limit=201":                                    "query.limit",
		"/people?limit=many":                                   "query.limit",
		"/people?q=" + strings.Repeat("x", 121):                "query.q",
		"/people/me/agenda":                                    "query.from",
		"/people/me/agenda?from=today&to=2026-03-02T00:00:00Z": "query.from",
		"/people/me/agenda?from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z": "query.to",
		"/people/me/agenda?from=2026-01-02T00:00:00Z&to=2026-04-02T00:00:00Z": "query.to",
	} {
		p.plain.get(path).is(t, http.StatusUnprocessableEntity).names(t, field)
	}
}

// TestWrongValuesNameTheirFields: what the schema cannot know is refused as well, and named.
func TestWrongValuesNameTheirFields(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	past, far := time.Now().Add(-time.Minute).Format(time.RFC3339), time.Now().AddDate(6, 0, 0).Format(time.RFC3339)
	before := p.dump()
	type m = map[string]any
	for _, x := range []struct {
		c            *client
		method, path string
		body         any
		field        string
	}{
		{p.plain, "PUT", "/people/me/choice", m{}, "body.status"},
		{p.plain, "PUT", "/people/me/choice", m{"status": "busy", "profile": "break"}, "body.status"},
		{p.plain, "PUT", "/people/me/choice", m{"profile": "gone"}, "body.profile"},
		{p.plain, "PUT", "/people/me/choice", m{"status": "busy", "text": "two\nlines"}, "body.text"},
		{p.plain, "PUT", "/people/me/choice", m{"status": "busy", "until": past}, "body.until"},
		{p.plain, "PUT", "/people/me/choice", m{"status": "busy", "until": far}, "body.until"},
		{p.plain, "PUT", "/people/me/clients/tab", m{"activity_since": past}, "body.activity_since"},
		{p.plain, "PUT", "/people/me/favourites", m{"favourites": []string{"anna"}}, "body.favourites[0]"},
		{p.plain, "PUT", "/people/me/favourites", m{"favourites": []string{"bob", "bob"}}, "body.favourites[1]"},
		{p.plain, "PUT", "/people/me/agenda/decision", m{"ref": "calendar/x#1", "dismissed": true}, "body.ref"},
		{p.plain, "PUT", "/people/me/agenda/decision", m{"ref": "client#tab", "dismissed": true}, "body.ref"},
		{p.plain, "POST", "/people/me/calendars", m{"kind": "ics", "name": "x", "url": "file:///etc/passwd"}, "body.url"},
		{p.plain, "POST", "/people/me/calendars", m{"kind": "ics", "name": "x", "url": "https://a:b@example.org/"}, "body.url"},
		{p.plain, "PUT", "/people/me/settings", m{"time_zone": "Mars"}, "body.time_zone"},
		{p.plain, "PUT", "/people/me/settings", m{"activation": m{"lock": m{"on": true, "profile": "gone"}}}, "body.activation.lock.profile"},
		{p.plain, "PUT", "/people/me/profiles", m{"own": []any{m{"id": "gone", "name": "x", "status": "busy", "forwarding": m{"action": "keep"}}}}, "body.own[0].id"},
		{p.plain, "PUT", "/people/me/forwarding", m{"all": "call me"}, "body.all"},
		{p.plain, "PUT", "/people/me/forwarding", m{"no_answer": "1\n2"}, "body.no_answer"},
		{p.token, "PUT", "/people/anna/claim", m{"status": "busy", "until": past}, "body.until"},
		{p.token, "PUT", "/people/anna/claim", m{"status": "busy", "text": "\x00"}, "body.text"},
		{p.token, "POST", "/claims", m{"claims": []any{m{"person": "anna"}}}, "body.claims[0].claim"},
		{p.token, "POST", "/claims", m{"claims": []any{m{"person": "anna", "retract": true}, m{"person": "gone", "retract": true}}}, "body.claims[1].person"},
		{p.token, "POST", "/claims", m{"claims": []any{m{"person": "anna", "claim": m{"status": "busy", "until": past}}}}, "body.claims[0].claim.until"},
		{p.token, "PUT", "/people/anna/lines/1", m{"state": "ringing", "other": "a\nb"}, "body.other"},
		{p.admin, "POST", "/locations", m{"name": "berlin", "time_zone": "UTC"}, "body.name"},
		{p.admin, "POST", "/locations", m{"name": "Rome", "time_zone": "Rome"}, "body.time_zone"},
		{p.admin, "POST", "/groups", m{"name": "Lab", "location": "gone"}, "body.location"},
		{p.admin, "POST", "/people", m{"name": "Eve", "location": p.location, "password": "short"}, "body.password"},
		{p.admin, "POST", "/people", m{"name": "Eve", "location": p.location, "login": "Anna"}, "body.login"},
		{p.admin, "POST", "/people", m{"name": "Eve", "location": p.location, "lines": []m{{"connector": p.values["connector"], "line": "1", "forwards": false}}}, "body.lines[0].connector"},
		{p.admin, "PUT", "/scopes/" + p.location + "/settings/telephony", m{"telephony": m{"connector": p.values["connector"]}}, "body.telephony.connector"},
		{p.admin, "POST", "/connectors", m{"kind": "csta", "name": "x", "enabled": false, "csta": m{"host": "pbx:1", "port": 1}}, "body.csta.host"},
		{p.admin, "POST", "/connectors", m{"kind": "sip", "name": "x", "enabled": false, "sip": m{"server": "pbx", "expires_minutes": 1441}}, "body.sip.expires_minutes"},
		{p.admin, "POST", "/connectors", m{"kind": "sip", "name": "x", "enabled": false, "secret": "x", "sip": m{"server": "pbx"}}, "body.sip.username"},
		{p.admin, "PUT", "/people/admin/record", m{"name": "Ada", "location": p.location, "role": "user"}, "body.role"},
		{p.admin, "PUT", "/scopes/" + p.location + "/settings/feature", m{"calendar": nil}, "body.feature"},
		{p.admin, "PUT", "/scopes/" + p.location + "/settings/feature", m{"feature": m{"enabled": true}, "relationships": m{"default": "employee", "extend_only": true}}, "body.relationships"},
		{p.admin, "POST", "/tokens", m{"name": "x", "scopes": []string{}}, "body.scopes"},
		{p.admin, "POST", "/tokens", m{"name": "x", "scopes": []string{"claims"}}, "body.origin"},
		{p.admin, "POST", "/tokens", m{"name": "x", "scopes": []string{"read"}}, "body.person"},
		{p.admin, "POST", "/tokens", m{"name": "x", "scopes": []string{"lines"}, "origin": "door"}, "body.origin"},
		{p.admin, "POST", "/tokens", m{"name": "x", "scopes": []string{"admin"}, "expires_at": past}, "body.expires_at"},
		{p.admin, "POST", "/work-groups", m{"name": "Team", "level": "employee", "members": []string{"gone"}}, "body.members[0]"},
	} {
		x.c.do(x.method, x.path, x.body).is(t, http.StatusUnprocessableEntity).names(t, x.field)
	}
	p.unchanged(t, before, "a wrong value")
}

// TestSettingsComeBackAsTheyWereGiven: a section that was read can be sent again, and says the same.
func TestSettingsComeBackAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	p := newPalace(t)
	for _, s := range decode[api.ScopeSettings](p.admin.get("/scopes/" + p.location + "/settings")).Sections {
		body := map[string]any{}
		text, _ := json.Marshal(s)
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatal(err)
		}
		delete(body, "name")
		delete(body, "individual")
		delete(body, "version")
		back := decode[api.Section](p.admin.put("/scopes/"+p.location+"/settings/"+s.Name, body).is(t, 200))
		s.Individual = true
		if got, want := fmt.Sprintf("%+v", asJSON(back)), fmt.Sprintf("%+v", asJSON(s)); got != want {
			t.Errorf("section %s comes back as %s, was %s", s.Name, got, want)
		}
	}
	mine := decode[api.PersonSettings](p.plain.get("/people/me/settings"))
	options := mine.Calendar.Effective
	options.ShowAs = []presence.ShowAs{presence.ShowBusy, presence.ShowElsewhere}
	back := decode[api.PersonSettings](p.plain.put("/people/me/settings", map[string]any{"calendar": options}).is(t, 200))
	if got := back.Calendar.Effective.ShowAs; !slices.Equal(got, options.ShowAs) {
		t.Errorf("what counts is %v", got)
	}
	p.admin.put("/scopes/"+p.location+"/settings/own_profiles", map[string]any{"own_profiles": map[string]any{"allowed": true, "permitted": []string{"available"}}}).is(t, 422)
	p.admin.put("/scopes/"+p.location+"/settings/own_profiles", map[string]any{"own_profiles": map[string]any{"allowed": true, "permitted": []string{}}}).is(t, 200)
	p.plain.put("/people/me/choice", map[string]any{"status": "do_not_disturb"}).is(t, 422).names(t, "body.status")
	p.plain.put("/people/me/choice", map[string]any{"status": "logged_out"}).is(t, 200)
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestAWrongMethodIsToldTheRightOnes: of every path of the document.
func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	paths := map[string][]string{"/live": {"GET", "HEAD"}}
	for _, r := range routesOf(b.doc) {
		paths[r.path] = append(paths[r.path], r.method)
		if r.method == "GET" {
			paths[r.path] = append(paths[r.path], "HEAD")
		}
	}
	for path, methods := range paths {
		for _, m := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
			if slices.Contains(methods, m) || b.operation(m, parameter.ReplaceAllString(path, "x")) != nil {
				continue
			}
			a := b.as("admin").send(m, parameter.ReplaceAllString(path, "x"), nil, "").is(t, http.StatusMethodNotAllowed)
			allowed := strings.Split(a.header.Get("Allow"), ", ")
			for _, want := range methods {
				if !slices.Contains(allowed, want) {
					t.Errorf("%s\nallows %q, want %s too", a, allowed, want)
				}
			}
			if slices.Contains(allowed, m) {
				t.Errorf("%s\nallows what it refuses: %q", a, allowed)
			}
		}
	}
}

func TestTheTwoFormsOfAPageHaveTagsOfTheirOwn(t *testing.T) {
	t.Parallel()
	pages, err := api.Static(fstest.MapFS{"index.html": {Data: []byte(strings.Repeat("page ", 1000))}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = header
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w
	}
	plain, zipped := get(http.Header{}), get(http.Header{"Accept-Encoding": {"gzip"}})
	if one, two := plain.Header().Get("ETag"), zipped.Header().Get("ETag"); one == "" || one == two {
		t.Errorf("the tags are %s and %s", one, two)
	}
	for _, w := range []*httptest.ResponseRecorder{plain, zipped} {
		h := http.Header{"If-None-Match": {w.Header().Get("ETag")}}
		if w == zipped {
			h.Set("Accept-Encoding", "gzip")
		}
		if again := get(h); again.Code != http.StatusNotModified {
			t.Errorf("asked again with %v: %d", h, again.Code)
		}
	}
}
