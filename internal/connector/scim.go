package connector

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// SCIM are the settings of a provider of identities that sends its people by SCIM.
type SCIM struct {
	Places         []provision.Place `json:"places" minItems:"1" maxItems:"500" doc:"Where people belong; the first that fits counts. The last must be for everybody: people come before their groups."`
	TakeOver       bool              `json:"take_over,omitempty" doc:"Plain users who were entered here become the provider's if it sends their login. They keep no password."`
	WorkGroupLevel string            `json:"work_group_level,omitempty" enum:"unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"Each group of the provider becomes a work group of this level. Absent: none does."`
}

func (s *SCIM) check(of *office.Office, bad *fault.Fields) {
	checkPlaces("scim.places", s.Places, of, bad)
	if n := len(s.Places); n > 0 && s.Places[n-1].Member != "" {
		bad.Add("scim.places["+strconv.Itoa(n-1)+"].member", "must be absent in the last place: people come before their groups, and must belong somewhere")
	}
	if s.WorkGroupLevel != "" {
		if l, err := rights.ParseLevel(s.WorkGroupLevel); err != nil || l == rights.Blocked {
			bad.Add("scim.work_group_level", "%q is none of unknown, external, employee, team_colleague, assistant, assistant_plus", s.WorkGroupLevel)
		}
	}
}

// sameWay is true: the token goes nowhere from here.
func (s *SCIM) sameWay(*Settings) bool { return true }

func (s *SCIM) rules() provision.Rules {
	return provision.Rules{Places: s.Places, TakeOver: s.TakeOver, WorkGroupLevel: s.WorkGroupLevel}
}

// tokenPrefix tells what a token is for to whoever finds one.
const tokenPrefix = "dlp_"

// token is what is kept of a token that lets a provider in, sealed as the secret of its connector.
type token struct {
	Hash      []byte    `json:"hash"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
}

// checkProvider tells whether a provider that sends its people can, and has. It cannot be asked.
func checkProvider(t token, heard, now time.Time) []directory.Step {
	step := directory.Step{Name: "token", OK: true, Found: "It has a token that does not expire."}
	switch {
	case len(t.Hash) == 0:
		step = directory.Step{Name: "token", Found: "It has no token yet.", Remedy: "Make one, and enter it at the provider."}
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		step = directory.Step{Name: "token", Found: "Its token has expired on " + t.ExpiresAt.Format(time.DateOnly) + ".", Remedy: "Make a new one, and enter it at the provider."}
	case !t.ExpiresAt.IsZero():
		step.Found = "Its token expires on " + t.ExpiresAt.Format(time.DateOnly) + "."
	}
	last := directory.Step{Name: "requests", OK: true, Found: "It was last heard at " + heard.UTC().Format("2006-01-02 15:04") + " UTC."}
	if heard.IsZero() {
		last.Found = "It was never heard yet; the provider has to begin."
	}
	return []directory.Step{step, last}
}

func (e *entry) readToken(text string) error {
	e.token = token{}
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &e.token); err != nil {
		return fault.Wrap(fault.Conflict, err, "its token cannot be read; make a new one")
	}
	return nil
}

// NewToken makes the token with which a provider sends its people, in place of the one before, and returns its text, which
// is not kept. It is good until expires; zero: for ever. For a hook it makes the secret that signs its calls.
func (c *Connectors) NewToken(ctx context.Context, by office.By, id string, expires time.Time) (string, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	e, err := c.find(id)
	if err != nil {
		return "", err
	}
	switch e.rec.Kind {
	case KindSCIM:
	case KindWebhook:
		return c.newSecret(ctx, by, e)
	default:
		return "", fault.New(fault.Conflict, "a connector of kind %s needs no token", e.rec.Kind)
	}
	if !expires.IsZero() && !expires.After(time.Now()) {
		return "", fault.Bad("expires_at", "must be in the future")
	}
	text, hash := secret.New(tokenPrefix)
	kept := token{hash, expires.UTC()}
	sealed, err := json.Marshal(kept)
	if err != nil {
		return "", err
	}
	rec := c.record(e)
	rec.Secret = c.box.Seal(string(sealed), sealedFor(id))
	log := by.Entry("connector.token")
	detail := map[string]any{"connector": id, "name": rec.Name}
	if !expires.IsZero() {
		detail["expires_at"] = expires.UTC()
	}
	log.Detail, _ = json.Marshal(detail) // plain data
	if err := c.store.Update(ctx, store.Changes{PutConnectors: []store.Connector{rec}, Audit: []store.AuditEntry{log}}); err != nil {
		return "", fmt.Errorf("connector %s: %w", rec.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.rec.Secret, e.token = rec.Secret, kept
	return text, nil
}

// record returns the record of a connector as it is now.
func (c *Connectors) record(e *entry) store.Connector {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.rec
}

// SCIM returns what keeps the people of a provider that shows a token. ok is false if the token is not good. A connector
// that is switched off, and a token that has expired, are told to those only who have the token.
func (c *Connectors) SCIM(id, text, address string) (backend *provision.SCIM, ok bool, err error) {
	hash := secret.Hash(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	good := false
	if e != nil && e.rec.Kind == KindSCIM && e.settings.SCIM != nil {
		good = subtle.ConstantTimeCompare(e.token.Hash, hash) == 1
	}
	switch {
	case !good:
		return nil, false, nil
	case !e.token.ExpiresAt.IsZero() && !time.Now().Before(e.token.ExpiresAt):
		return nil, false, fault.New(fault.Unauthorized, "the token has expired; an administrator makes a new one")
	case !e.rec.Enabled:
		return nil, true, fault.New(fault.Forbidden, "this connector is switched off")
	}
	return c.provider(id, office.By{Actor: "connector/" + id, Address: address}), true, nil
}

func (c *Connectors) provider(id string, by office.By) *provision.SCIM {
	return &provision.SCIM{Office: c.office, By: by, Connector: id, Rules: func() (provision.Rules, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		e := c.all[id]
		if e == nil || e.leaving || e.settings.SCIM == nil {
			return provision.Rules{}, fault.New(fault.NotFound, "the connector has been removed")
		}
		return e.settings.SCIM.rules(), nil
	}}
}

// Use is what came of a request of a provider.
type Use struct {
	Done   []provision.Outcome
	Failed string // what was refused, in words; empty: nothing was
	About  string // whom it was about
	Wrong  bool   // whoever asked had no good token: it counts as no use
}

// Counters and reasons in the report of a provider are since it was entered.
const (
	latestRefusals = 20
	noteEvery      = time.Minute // at most so often the state of a provider is written
)

// Used notes a request of a provider, in memory: Run writes it when it is time.
func (c *Connectors) Used(id string, u Use) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil || e.rec.Kind != KindSCIM {
		return
	}
	now := time.Now().UTC()
	e.rec.CheckedAt = now
	var rep provision.Report
	if len(e.rec.Report) > 0 {
		_ = json.Unmarshal(e.rec.Report, &rep) // else it begins anew
	}
	for _, what := range u.Done {
		switch what {
		case provision.DidAdd:
			rep.Added++
		case provision.DidChange:
			rep.Changed++
		case provision.DidBlock:
			rep.Blocked++
		case provision.DidNothing:
			rep.Unchanged++
		}
	}
	switch {
	case u.Failed == "":
		e.rec.SucceededAt, e.rec.Error = now, ""
	case u.Wrong:
		e.rec.Error = u.Failed
	default:
		e.rec.Error = u.Failed
		rep.Refused++
		rep.Refusals = append(rep.Refusals, provision.Refusal{Login: u.About, Message: u.Failed})
		rep.Refusals = slices.Clone(rep.Refusals[max(0, len(rep.Refusals)-latestRefusals):])
	}
	if rep.Refusals == nil {
		rep.Refusals = []provision.Refusal{}
	}
	e.rec.Report, _ = json.Marshal(rep) // plain data
	c.unwritten(e)
}

// writeUses writes what was noted of providers, of each at most once in noteEvery unless all is set, and returns when there
// is more to write; zero: nothing.
func (c *Connectors) writeUses(ctx context.Context, all bool) (wait time.Duration) {
	c.changing.Lock()
	defer c.changing.Unlock()
	var recs []store.Connector
	var due []*entry
	var log []store.AuditEntry
	now := time.Now()
	c.mu.Lock()
	for _, e := range c.all {
		if !e.unwritten {
			continue
		}
		if left := noteEvery - now.Sub(e.written); left > 0 && !all && !e.switchedOff {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		if e.switchedOff {
			e.switchedOff = false
			entry := office.By{Actor: "connector/" + e.rec.ID}.Entry("connector.put")
			entry.Detail, _ = json.Marshal(map[string]any{"connector": e.rec.ID, "name": e.rec.Name, "enabled": false}) // plain data
			log = append(log, entry)
		}
		e.unwritten, e.written = false, now
		recs, due = append(recs, e.rec), append(due, e)
	}
	c.mu.Unlock()
	if len(recs) == 0 {
		return wait
	}
	if err := c.store.Update(context.WithoutCancel(ctx), store.Changes{PutConnectors: recs, Audit: log}); err != nil {
		c.log.Error("the state of connectors could not be stored", "err", err)
		c.mu.Lock()
		for _, e := range due {
			e.unwritten = true
		}
		c.mu.Unlock()
		return noteEvery
	}
	return wait
}
