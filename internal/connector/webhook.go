package connector

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/webhook"
)

// Webhook are the settings of a program that is told of changed presences (A4).
type Webhook struct {
	URL    string   `json:"url" minLength:"1" maxLength:"2000" doc:"Where it is told, by POST; docs/protocols.md says what. The secret of the connector signs it (Standard Webhooks), as whsec_ and base64; without one nothing is sent."`
	Person string   `json:"person" minLength:"1" maxLength:"64" doc:"With whose eyes it looks: it is told what this person may see."`
	People []string `json:"people,omitempty" maxItems:"2000" doc:"Of whom it is told. Absent: of everybody whom the person may see."`
}

func (w *Webhook) address() (*url.URL, bool) {
	u, err := url.Parse(w.URL)
	return u, err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http")
}

func (w *Webhook) check(of *office.Office, bad *fault.Fields) {
	if _, ok := w.address(); !ok {
		bad.Add("webhook.url", "must begin with https:// or http://, and hold no password")
	}
	if _, ok := of.Person(w.Person); !ok {
		bad.Add("webhook.person", "there is no person %q", w.Person)
	}
	if w.People != nil && len(w.People) == 0 {
		bad.Add("webhook.people", "must name somebody, or be left out: then it is everybody")
	}
	for i, id := range w.People {
		if _, ok := of.Person(id); !ok {
			bad.Add("webhook.people["+strconv.Itoa(i)+"]", "there is no person %q", id)
		}
	}
}

// sameWay is true: the secret goes nowhere.
func (w *Webhook) sameWay(*Settings) bool { return true }

// open makes the hook that the settings describe; nil without a secret.
func (w *Webhook) open(text string) (*webhook.Config, error) {
	if text == "" {
		return nil, nil
	}
	secret, err := webhook.ParseSecret(text)
	if err != nil {
		return nil, fault.Bad("secret", "%v", err)
	}
	u, ok := w.address()
	if !ok {
		return nil, fault.Bad("webhook.url", "is no address")
	}
	return &webhook.Config{URL: u, Secret: secret, Viewer: w.Person, People: w.People}, nil
}

// latestDeliveries is how many calls of a hook are remembered.
const latestDeliveries = 50

// deliveries is what is kept of the calls of a hook, as the report of its connector.
type deliveries struct {
	Calls []webhook.Delivery `json:"calls"` // newest first
	Next  time.Time          `json:"next,omitzero"`
}

// Deliveries returns the latest calls of a hook, newest first, and when it tries again; zero: with the next change. Connectors of
// other kinds make none.
func (c *Connectors) Deliveries(id string) (calls []webhook.Delivery, next time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil {
		return nil, next, fault.New(fault.NotFound, "there is no connector %q", id)
	}
	return slices.Clone(e.calls.Calls), e.calls.Next, nil
}

// Publish tells hooks of changed presences. It does not block.
func (c *Connectors) Publish(updates []hub.Update) { c.hooks.Publish(updates) }

// called notes a call of a hook, in memory: Run writes it when it is time. A receiver that is gone for good is not called any more.
func (c *Connectors) called(id string, to *url.URL, d webhook.Delivery, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil || e.hook == nil || e.hook.URL != to { // another has taken its place meanwhile
		return
	}
	e.rec.CheckedAt, e.rec.Error = d.At, d.Error
	if d.Error == "" {
		e.rec.SucceededAt = d.At
	}
	e.calls.Calls = append([]webhook.Delivery{d}, e.calls.Calls[:min(len(e.calls.Calls), latestDeliveries-1)]...)
	e.calls.Next = next
	e.rec.Report, _ = json.Marshal(e.calls) // plain data
	if d.Status == http.StatusGone {
		e.rec.Enabled, e.calls.Next, e.switchedOff = false, time.Time{}, true
		c.hooks.Remove(id)
		c.signal() // at once, whatever else waits to be written
	}
	c.unwritten(e)
}

// hook has a hook work as its record says; mu is held.
func (c *Connectors) hook(e *entry) {
	if e.rec.Kind != KindWebhook {
		return
	}
	if e.rec.Enabled && e.hook != nil {
		c.hooks.Set(e.rec.ID, *e.hook)
	} else {
		c.hooks.Remove(e.rec.ID)
	}
}

// readCalls reads the latest calls of a hook from its record.
func (e *entry) readCalls(rec *store.Connector) {
	e.calls = deliveries{}
	if len(rec.Report) > 0 {
		_ = json.Unmarshal(rec.Report, &e.calls) // else it begins anew
	}
}

// newSecret makes the secret that signs the calls of a hook, in place of the one before; changing is held.
func (c *Connectors) newSecret(ctx context.Context, by office.By, e *entry) (string, error) {
	text := webhook.NewSecret()
	hook, err := e.settings.Webhook.open(text)
	if err != nil {
		return "", err
	}
	rec := c.record(e)
	rec.Secret = c.box.Seal(text, sealedFor(rec.ID))
	log := by.Entry("connector.token")
	log.Detail, _ = json.Marshal(map[string]any{"connector": rec.ID, "name": rec.Name}) // plain data
	if err := c.store.Update(ctx, store.Changes{PutConnectors: []store.Connector{rec}, Audit: []store.AuditEntry{log}}); err != nil {
		return "", fmt.Errorf("connector %s: %w", rec.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.rec.Secret, e.hook = rec.Secret, hook
	c.hook(e)
	return text, nil
}

// checkHook calls once with a message that says nothing.
func (c *Connectors) checkHook(ctx context.Context, e *entry, hook webhook.Config) []directory.Step {
	d := c.hooks.Try(ctx, hook)
	step := directory.Step{Name: "call", Server: e.settings.Webhook.URL, OK: d.Error == "", Found: d.Error}
	if step.OK {
		step.Found = fmt.Sprintf("The receiver answers %d after %d ms.", d.Status, d.TookMS)
	} else {
		step.Remedy = "See that the receiver runs and can be reached from this server, takes POST there, and checks the signature with the present secret."
	}
	viewer := directory.Step{Name: "person", OK: true, Found: "The person with whose eyes it looks may be signed in."}
	if p, ok := c.office.Person(e.settings.Webhook.Person); !ok || p.Blocked {
		viewer = directory.Step{Name: "person", Found: "The person with whose eyes it looks is blocked or gone: it is told of nobody.", Remedy: "Enter another person."}
	}
	return []directory.Step{step, viewer}
}
