package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
)

// TestAProgramIsToldOfPresences is a webhook from its entry to its end, as an integrator meets it.
func TestAProgramIsToldOfPresences(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob", "Eve")
	b.relate("eve", "anna", rights.TeamColleague)
	b.relate("eve", "bob", rights.Unknown)
	admin, anna, bob := b.as("admin"), b.as("anna"), b.as("bob")
	var secret atomic.Pointer[standardwebhooks.Webhook]
	var status atomic.Int64
	status.Store(http.StatusNoContent)
	calls := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		check := secret.Load()
		if check == nil { // the secret is on its way to whoever runs this
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if err := check.Verify(body, r.Header); err != nil {
			t.Errorf("the signature does not fit: %v", err)
		}
		if status.Load() < 300 {
			calls <- string(body)
		}
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(receiver.Close)
	body := m{"kind": "webhook", "name": "Busy lights", "enabled": true, "webhook": m{"url": receiver.URL + "/hook", "person": "eve"}}
	wrong := admin.post("/connectors", m{"kind": "webhook", "name": "X", "enabled": true, "webhook": m{"url": "ftp://x", "person": "nobody", "people": []string{"anna", "none"}}}).is(t, 422)
	for _, field := range []string{"url", "person", "people[1]"} {
		wrong.names(t, "body.webhook."+field)
	}
	admin.post("/connectors", m{"kind": "webhook", "name": "X", "enabled": true, "webhook": m{"url": receiver.URL, "person": "eve", "people": []string{}}}).is(t, 422).names(t, "body.webhook.people")
	admin.post("/connectors", m{"kind": "webhook", "name": "X", "enabled": true, "secret": "abc", "webhook": body["webhook"]}).is(t, 422).names(t, "body.secret")
	hook := decode[api.Connector](admin.post("/connectors", body).is(t, 200))
	admin.post("/connectors/"+hook.ID+"/check", nil).is(t, 409) // it cannot sign yet
	admin.post("/connectors/"+hook.ID+"/sync", m{}).is(t, 409)
	made := decode[api.MadeConnectorToken](admin.post("/connectors/"+hook.ID+"/token", m{}).is(t, 200))
	if made.Path != "" || !strings.HasPrefix(made.Token, "whsec_") {
		t.Errorf("the secret is told as %+v", made)
	}
	check, err := standardwebhooks.NewWebhook(made.Token)
	b.ok(err)
	secret.Store(check)

	// until waits for a call that tells what is wanted; nothing secret may be in any.
	until := func(what string) {
		t.Helper()
		for end := time.After(patience); ; {
			select {
			case got := <-calls:
				if strings.Contains(got, "hidden") || strings.Contains(got, `"bob"`) {
					t.Fatalf("the program is told %s", got)
				}
				if strings.Contains(got, what) {
					return
				}
			case <-end:
				t.Fatalf("nobody is told %s; deliveries: %s", what, admin.get("/connectors/"+hook.ID+"/deliveries").body)
			}
		}
	}
	until(`"id":"anna"`)
	bob.put("/people/me/choice", m{"status": "busy", "text": "hidden"}).fine(t)
	anna.put("/people/me/choice", m{"status": "busy", "text": "Lunch"}).fine(t)
	until(`"text":"Lunch"`)

	// A receiver that fails is seen to fail, and gets what is so when it is back.
	status.Store(http.StatusInternalServerError)
	anna.put("/people/me/choice", m{"status": "do_not_disturb", "text": "Exam"}).fine(t)
	deliveries := func() api.Deliveries {
		return decode[api.Deliveries](admin.get("/connectors/"+hook.ID+"/deliveries").is(t, 200))
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		d := deliveries()
		if len(d.Deliveries) > 0 && d.Deliveries[0].Status == 500 && d.NextAt != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("deliveries: %+v", d)
		}
	}
	for _, x := range decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors {
		if x.Error != "The receiver answers 500 Internal Server Error." || x.SucceededAt == nil || x.Report != nil {
			t.Errorf("its health is %+v", x)
		}
	}
	if steps := decode[api.Steps](admin.post("/connectors/"+hook.ID+"/check", nil).is(t, 200)).Steps; steps[0].OK || steps[0].Remedy == "" || !steps[1].OK {
		t.Errorf("the check tells %+v", steps)
	}
	status.Store(http.StatusOK)
	until(`"text":"Exam"`)
	if all, _ := json.Marshal(deliveries()); strings.Contains(string(all), "Exam") || strings.Contains(string(all), "anna") {
		t.Errorf("the list of calls holds what was told: %s", all)
	}

	// Whoever looks may not see any more, or is blocked.
	b.relate("eve", "anna", rights.Blocked)
	until(`"gone":["anna"]`)
	b.relate("eve", "anna", rights.Employee)
	until(`"status":"do_not_disturb"`)
	_, err = b.office.ChangePerson(t.Context(), office.By{}, "test", "eve", func(p *store.Person) error { p.Blocked = true; return nil })
	b.ok(err)
	until(`"gone":["admin","anna","eve"]`)

	// A receiver that says that it is gone for good is left in peace.
	status.Store(http.StatusGone)
	_, err = b.office.ChangePerson(t.Context(), office.By{}, "test", "eve", func(p *store.Person) error { p.Blocked = false; return nil })
	b.ok(err)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		all := decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors
		if i := slices.IndexFunc(all, func(c api.Connector) bool { return c.ID == hook.ID }); !all[i].Enabled {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it is still called: %+v", all)
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if log := decode[api.Audit](admin.get("/audit?action=connector.put").is(t, 200)).Entries; log[0].Actor == "connector/"+hook.ID {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody is told that it was switched off")
		}
	}
	status.Store(http.StatusOK)
	// Whoever looked is gone: that shows, and it can be switched off as it is.
	body["enabled"] = true
	admin.put("/connectors/"+hook.ID, body).is(t, 200)
	b.ok(b.office.DeletePerson(t.Context(), office.By{}, "eve"))
	found := false
	for _, p := range decode[api.Health](admin.get("/health").is(t, 200)).Parts {
		found = found || p.ID == hook.ID && p.State == "failing" && strings.Contains(p.Error, "blocked or gone")
	}
	if !found {
		t.Error("nobody is told that it tells of nobody")
	}
	admin.put("/connectors/"+hook.ID, body).is(t, 422)
	body["enabled"] = false
	admin.put("/connectors/"+hook.ID, body).is(t, 200)
	admin.delete("/connectors/"+hook.ID).is(t, 204)
	admin.get("/connectors/"+hook.ID+"/deliveries").is(t, 404)
}
