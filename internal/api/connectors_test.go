package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/directory/slapdtest"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/store"
)

// settled waits until a job is done.
func (c *client) settled(j api.Job) api.Job {
	c.t.Helper()
	for end := time.Now().Add(patience); j.State == "running" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		j = decode[api.Job](c.get("/jobs/" + j.ID).fine(c.t))
	}
	return j
}

func slapd(t *testing.T, people ...string) *slapdtest.Server {
	t.Helper()
	var ldif strings.Builder
	for _, p := range people {
		fmt.Fprintf(&ldif, "dn: uid=%[1]s,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s\nsn: %[1]s\nuserPassword: pw of %[1]s\n\n", p, slapdtest.People)
	}
	return slapdtest.Start(t, slapdtest.Options{LDIF: ldif.String()})
}

// TestADirectoryFromItsEntryToTheSignIn is what an administrator does about it, and what its people notice.
func TestADirectoryFromItsEntryToTheSignIn(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Bob")
	admin := b.as("admin")
	s := slapd(t, "anna", "carl", "admin")
	ldap := m{
		"urls": []string{s.TLSURL}, "certificates": s.PEM(), "bind_dn": slapdtest.Reader, "base": slapdtest.Base,
		"places": []m{{"location": b.location}}, "sign_in": true,
	}
	body := m{"kind": "ldap", "name": "Office", "enabled": true, "secret": "wrong", "ldap": ldap}

	// What is wrong is told by field; nothing is kept.
	wrong := func(field string, change func(m)) {
		t.Helper()
		bad := m{}
		for k, v := range ldap {
			bad[k] = v
		}
		change(bad)
		admin.post("/connectors", m{"kind": "ldap", "name": "Office", "enabled": true, "secret": "x", "ldap": bad}).is(t, 422).names(t, field)
	}
	wrong("body.ldap.urls", func(l m) { l["urls"] = []string{"http://x"} })
	wrong("body.ldap.certificates", func(l m) { l["certificates"] = "no PEM" })
	wrong("body.ldap.places[0].location", func(l m) { l["places"] = []m{{"location": "nowhere"}} })
	wrong("body.ldap.filter", func(l m) { l["filter"] = "(uid=" })
	wrong("body.ldap.attributes", func(l m) { l["attributes"] = m{"shoe_size": "x"} })
	if all := decode[api.Connectors](admin.get("/connectors")).Connectors; len(all) != 0 {
		t.Fatalf("kept were %+v", all)
	}

	x := decode[api.Connector](admin.post("/connectors", body).fine(t))
	if x.ID == "" || !x.HasSecret || x.LDAP.BindDN != slapdtest.Reader {
		t.Errorf("entered: %+v", x)
	}
	// The check tells what is wrong; a synchronisation changes nothing and says why.
	steps := decode[api.Steps](admin.post("/connectors/"+x.ID+"/check", nil).fine(t)).Steps
	if last := steps[len(steps)-1]; last.OK || last.Remedy == "" {
		t.Errorf("the check: %+v", steps)
	}
	if j := admin.settled(decode[api.Job](admin.post("/connectors/"+x.ID+"/sync", m{}).fine(t))); j.State != "failed" || !strings.Contains(j.Error, "nothing was changed") {
		t.Errorf("a synchronisation with a wrong password: %+v", j)
	}
	if got := decode[api.Connectors](admin.get("/connectors")).Connectors[0]; got.Error == "" || got.CheckedAt == nil || got.SucceededAt != nil {
		t.Errorf("its state: %+v", got)
	}

	body["secret"] = slapdtest.ReaderPassword
	admin.put("/connectors/"+x.ID, body).fine(t)
	for _, step := range decode[api.Steps](admin.post("/connectors/"+x.ID+"/check", nil).fine(t)).Steps {
		if !step.OK {
			t.Errorf("the check: %+v", step)
		}
	}
	sync := func(in m) provision.Report {
		t.Helper()
		j := admin.settled(decode[api.Job](admin.post("/connectors/"+x.ID+"/sync", in).fine(t)))
		if j.State != "done" {
			t.Fatalf("the synchronisation: %+v", j)
		}
		return *j.Report
	}
	if rep := sync(m{"dry_run": true}); rep.Added != 2 || rep.Refused != 1 || b.office.Count() != 2 {
		t.Errorf("it would: %+v", rep)
	}
	if rep := sync(m{}); rep.Added != 2 || rep.Refused != 1 || rep.Refusals[0].Login != "admin" {
		t.Errorf("it did: %+v", rep)
	}
	if got := decode[api.Connectors](admin.get("/connectors")).Connectors[0]; got.Error != "" || got.SucceededAt == nil || got.Report.Added != 2 {
		t.Errorf("its state: %+v", got)
	}
	anna := decode[api.Records](admin.get("/records?q=anna")).Records[0]
	for directory, want := range map[string]bool{x.ID: true, "none": false, "": true, "other": false} {
		found := decode[api.Records](admin.get("/records?q=anna&directory="+directory)).Total > 0
		if found != want {
			t.Errorf("anna is found in the directory %q: %t", directory, found)
		}
	}
	if anna.Directory != x.ID {
		t.Errorf("Anna's record: %+v", anna)
	}

	// Its people sign in with the directory's password, and with no other.
	for password, want := range map[string]int{"pw of anna": 200, "pw of carl": 401, "": 422} {
		if got := b.signIn("anna", password); got != want {
			t.Errorf("signing in with %q: %d, want %d", password, got, want)
		}
	}
	admin.put("/people/"+anna.ID+"/record", m{"name": "anna", "login": "anna", "location": b.location, "password": "a local password"}).names(t, "body.password")
	admin.post("/people/"+anna.ID+"/link", m{"kind": "reset"}).is(t, http.StatusConflict)
	body["enabled"] = false
	admin.put("/connectors/"+x.ID, body).fine(t)
	res, err := b.http.Post(b.url+api.Prefix+"/session", "application/json", strings.NewReader(`{"login":"anna","password":"pw of anna"}`))
	b.ok(err)
	res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("while the directory is not used: %s", res.Status)
	}
	body["enabled"] = true
	admin.put("/connectors/"+x.ID, body).fine(t)
	s.Delete(t, "uid=anna,"+slapdtest.People)
	if got := b.signIn("anna", "pw of anna"); got != http.StatusUnauthorized {
		t.Errorf("one who has left the directory: %d", got)
	}
	if rep := sync(m{}); rep.Blocked != 1 {
		t.Errorf("one has left: %+v", rep)
	}

	// The secret goes to no other server, into no answer and no file.
	moved := m{"kind": "ldap", "name": "Office", "enabled": true, "ldap": m{"urls": []string{"ldaps://elsewhere.example"}, "base": "dc=x", "bind_dn": "cn=x", "places": []m{{"location": b.location}}}}
	admin.put("/connectors/"+x.ID, moved).names(t, "body.secret")
	if text := admin.get("/connectors").body; bytes.Contains(text, []byte(slapdtest.ReaderPassword)) {
		t.Errorf("an answer holds the secret: %s", text)
	}
	names, _ := filepath.Glob(filepath.Join(b.folder, "*"))
	for _, name := range names {
		if data, err := os.ReadFile(name); err != nil || bytes.Contains(data, []byte(slapdtest.ReaderPassword)) {
			t.Errorf("%s holds the secret (%v)", name, err)
		}
	}
	admin.delete("/connectors/" + x.ID).fine(t)
	if p, ok := b.office.ByLogin("carl"); !ok || p.Blocked || p.Directory != (store.Origin{}) {
		t.Errorf("without its connector Carl is %+v", p)
	}
}

// TestADirectoryIsReadWithoutBeingAsked as often as its settings say, and its failure does not keep it from being read again.
func TestADirectoryIsReadWithoutBeingAsked(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	admin := b.as("admin")
	s := slapd(t, "anna")
	x := decode[api.Connector](admin.post("/connectors", m{"kind": "ldap", "name": "Office", "enabled": true, "secret": slapdtest.ReaderPassword, "ldap": m{
		"urls": []string{s.TLSURL}, "certificates": s.PEM(), "bind_dn": slapdtest.Reader, "base": slapdtest.People, "places": []m{{"location": b.location}}, "every_minutes": 60,
	}}).fine(t))
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if p, ok := b.office.ByLogin("anna"); ok {
			if p.Role != office.RoleUser || p.Directory.ConnectorID != x.ID {
				t.Errorf("Anna is %+v", p.Person)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nobody came: %+v", decode[api.Connectors](admin.get("/connectors")))
		}
	}
}
