// Package connector keeps the outside systems that administrators enter: their settings, their sealed secrets, and how
// they are doing. It has directories read on time, and passwords checked by them. How a system is spoken to is the
// business of its own package; what comes of it, that of package provision.
package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/openid"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/webhook"
)

// Connector is an outside system as administrators see it.
type Connector struct {
	ID        string
	Kind      string
	Name      string
	Enabled   bool
	HasSecret bool
	Settings

	CheckedAt, SucceededAt time.Time // last attempt and success; zero: never
	Error                  string    // of the last attempt, in words
	Report                 *provision.Report
	Running                bool
	TokenExpiresAt         time.Time // of KindSCIM; zero: never
	ExpiresAt              time.Time // of KindGraph: its secret or certificate; zero: not known
	Teams                  *TeamsUse // of KindGraph: how asking Microsoft Teams goes, since the start; nil: it was not asked
}

// TeamsUse is how the latest attempts to ask Microsoft Teams went.
type TeamsUse struct {
	CheckedAt, SucceededAt time.Time // last attempt and success; zero: never
	Error                  string    // of the last attempt, in words; empty: it went well
}

// Entry is what an administrator enters.
type Entry struct {
	ID      string // empty: a new one
	Kind    string
	Name    string
	Enabled bool
	Secret  *string // nil: as before
	Settings
}

// Connectors are all of them. Its methods may be called by several goroutines at once.
type Connectors struct {
	store  store.Store
	office *office.Office
	box    *secret.Box
	log    *slog.Logger
	client *outbound.Client // for addresses that administrators enter
	http   *http.Client     // the same
	hooks  *webhook.Hooks
	wake   chan struct{}
	agenda *agenda.Agenda // reads the calendars in systems; nil: nobody does
	teams  *teams.Teams   // keeps people in step with Microsoft Teams; nil: nobody does

	switchboard *switchboard.Switchboard // serves lines in telephone systems; nil: nobody does
	telephones  *telephones.Telephones   // are the SIP servers; nil: there are none

	public string // the address under which everybody knows this server; empty: not known

	closing sync.WaitGroup // systems that are not used any more

	changing sync.Mutex // held while one is entered or deleted

	mu  sync.Mutex // guards what follows
	all map[string]*entry

	spent map[string]time.Time // attempts to sign in that were used, until they end
}

type entry struct {
	rec      store.Connector
	settings Settings
	dir      *directory.Directory // of KindLDAP; nil if its settings cannot be used
	op       *openid.Provider     // of KindOIDC; nil likewise
	system   system               // of kinds that hold calendars; nil likewise
	pbx      telephony.System     // of kinds that are telephone systems; nil likewise
	teams    *TeamsUse            // of KindGraph; nil: it was not asked
	running  bool

	// Of KindWebhook.
	hook        *webhook.Config // nil: it has no secret yet
	calls       deliveries
	switchedOff bool // by its receiver, and not in the audit log yet

	// Of KindSCIM.
	token   token
	leaving bool // it is being deleted

	unwritten bool      // rec holds what the store does not
	written   time.Time // when the store was last told
}

// Open reads them from the store. from is asked how people are; public is the address under which everybody knows this
// server, empty if there is none.
func Open(ctx context.Context, st store.Store, of *office.Office, from webhook.Presences, box *secret.Box, public string, log *slog.Logger) (*Connectors, error) {
	// Administrators' systems may well be in the office's own networks and on this computer; the metadata services of data
	// centres, which give credentials away, are not.
	c := &Connectors{store: st, office: of, box: box, log: log, public: public, wake: make(chan struct{}, 1), all: map[string]*entry{}, spent: map[string]time.Time{}}
	c.client = outbound.NewClient(outbound.Config{
		AllowPrivate: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, MaxRedirects: -1, MaxBody: 1 << 20,
	})
	c.http = c.client.HTTP()
	c.hooks = webhook.New(of, from, c.client, log, c.called)
	of.Listen(c.hooks.Office)
	o, err := st.LoadOffice(ctx)
	if err != nil {
		return nil, fmt.Errorf("connectors: %w", err)
	}
	for _, rec := range o.Connectors {
		e, err := c.entryOf(rec)
		if err != nil { // it is shown with its error, and can be mended
			log.Error("a connector cannot be used", "connector", rec.ID, "err", err)
			e.rec.Error = fault.Public(err)
		}
		c.all[rec.ID] = e
		c.hook(e)
	}
	return c, nil
}

// sealedFor binds a secret to its connector.
func sealedFor(id string) string { return "connector/" + id }

// Reseal returns the connectors that have a secret, with this sealed anew.
func Reseal(box *secret.Box, all []store.Connector) ([]store.Connector, error) {
	var sealed []store.Connector
	for _, c := range all {
		if len(c.Secret) == 0 {
			continue
		}
		text, err := box.Open(c.Secret, sealedFor(c.ID))
		if err != nil {
			return nil, fmt.Errorf("connector %s: %w", c.Name, err)
		}
		c.Secret = box.Seal(text, sealedFor(c.ID))
		sealed = append(sealed, c)
	}
	return sealed, nil
}

func (c *Connectors) entryOf(rec store.Connector) (*entry, error) {
	e := &entry{rec: rec}
	if err := e.settings.read(rec.Kind, rec.Config); err != nil {
		return e, err
	}
	text := ""
	if len(rec.Secret) > 0 {
		var err error
		if text, err = c.box.Open(rec.Secret, sealedFor(rec.ID)); err != nil {
			return e, fault.Wrap(fault.Conflict, err, "its password cannot be read: it was sealed with another key file; enter it again")
		}
	}
	var err error
	switch rec.Kind {
	case KindLDAP:
		e.dir, err = e.settings.LDAP.open(text)
	case KindOIDC:
		e.op, err = e.settings.OIDC.open(text, c)
	case KindExchange:
		e.system, err = e.settings.Exchange.open(text, c.log)
	case KindDomino:
		e.system, err = e.settings.Domino.open(text, c.log)
	case KindGraph:
		e.system, err = e.settings.Graph.open(rec.ID, text, c)
	case KindAsterisk:
		e.pbx, err = e.settings.Asterisk.open(text, c.log)
	case KindCSTA:
		e.pbx, err = e.settings.CSTA.open(text, c.log)
	case KindSIP:
		e.pbx, err = e.settings.SIP.open(text, c.log)
	case KindSIPServer:
		err = e.settings.SIPServer.open(rec.ID, e, c)
	case KindSCIM:
		err = e.readToken(text)
	case KindWebhook:
		e.readCalls(&rec)
		e.hook, err = e.settings.Webhook.open(text)
	}
	return e, err
}

func (e *entry) out() Connector {
	out := Connector{
		ID: e.rec.ID, Kind: e.rec.Kind, Name: e.rec.Name, Enabled: e.rec.Enabled, HasSecret: len(e.rec.Secret) > 0, CheckedAt: e.rec.CheckedAt,
		SucceededAt: e.rec.SucceededAt, Error: e.rec.Error, Running: e.running,
	}
	out.Settings = e.settings
	out.TokenExpiresAt, out.ExpiresAt = e.token.ExpiresAt, e.expires()
	if e.teams != nil {
		use := *e.teams
		out.Teams = &use
	}
	if len(e.rec.Report) > 0 && e.rec.Kind != KindWebhook {
		var rep provision.Report
		if json.Unmarshal(e.rec.Report, &rep) == nil { // else there is none
			out.Report = &rep
		}
	}
	return out
}

// All returns all connectors by name.
func (c *Connectors) All() []Connector {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Connector{}
	for _, e := range c.all {
		all = append(all, e.out())
	}
	slices.SortFunc(all, func(a, b Connector) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return all
}

// Get returns a connector.
func (c *Connectors) Get(id string) (Connector, error) {
	e, err := c.find(id)
	if err != nil {
		return Connector{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.out(), nil
}

func (c *Connectors) find(id string) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.all[id]; e != nil {
		return e, nil
	}
	return nil, fault.New(fault.NotFound, "there is no connector %q", id)
}

// Put enters a connector. A secret is not carried to other servers: it must be given again then.
func (c *Connectors) Put(ctx context.Context, by office.By, in Entry) (Connector, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	var bad fault.Fields
	if in.Name = strings.TrimSpace(in.Name); in.Name == "" {
		bad.Add("name", "must not be empty")
	}
	in.Settings.shape(in.Kind, &bad)
	if err := bad.Err(); err != nil {
		return Connector{}, err
	}
	rec := store.Connector{ID: in.ID, Kind: in.Kind}
	if in.ID == "" {
		rec.ID = office.NewID()
	} else {
		e, free, err := c.hold(in.ID)
		if err != nil {
			return Connector{}, err
		}
		defer free()
		rec = c.record(e)
		if rec.Kind != in.Kind {
			return Connector{}, fault.Bad("kind", "is %s and stays so", rec.Kind)
		}
		if in.Kind == KindOIDC && !e.settings.OIDC.sameWay(&in.Settings) { // its identifiers are unique there only (Core §2)
			return Connector{}, fault.Bad("oidc.issuer", "is %s and stays so: another provider is another connector", e.settings.OIDC.Issuer)
		}
		if in.Kind == KindGraph && e.settings.Graph != nil && !e.settings.Graph.sameApplication(in.Settings.Graph) {
			n, err := c.accounts(ctx, rec.ID)
			if err != nil {
				return Connector{}, err
			}
			if n > 0 { // their tokens are not carried to other servers
				bad.Add("graph", "names another application, or other servers, and people have connected %d accounts with this one: enter another connector", n)
			}
		}
		if in.Secret == nil && len(rec.Secret) > 0 && !e.settings.of(rec.Kind).sameWay(&in.Settings) {
			bad.Add("secret", "must be given again for other servers, or another way to them")
		}
	}
	if in.Kind == KindSIPServer && in.Secret != nil {
		bad.Add("secret", "is not for a connector of kind sip_server: each telephone has an account of its own")
	}
	if in.Kind == KindSCIM && in.Secret != nil {
		bad.Add("secret", "is not for a connector of kind scim: ask for a token when it is there")
	}
	if in.ID == "" || in.Enabled { // what is switched off may name who is not there any more
		in.Settings.of(in.Kind).check(c.office, &bad)
	}
	if err := bad.Err(); err != nil {
		return Connector{}, err
	}
	config, err := json.Marshal(in.Settings.of(in.Kind))
	if err != nil {
		return Connector{}, err
	}
	rec.Name, rec.Enabled, rec.Config = in.Name, in.Enabled, config
	if in.Secret != nil {
		if rec.Secret = nil; *in.Secret != "" {
			rec.Secret = c.box.Seal(*in.Secret, sealedFor(rec.ID))
		}
	}
	e, err := c.entryOf(rec)
	if err != nil {
		return Connector{}, err
	}
	ends := in.Kind == KindOIDC && !in.Enabled // nobody stays signed in by a provider that is not used
	log := by.Entry("connector.put")
	log.Detail, _ = json.Marshal(map[string]any{"connector": rec.ID, "name": rec.Name, "enabled": rec.Enabled, "config": json.RawMessage(config)}) // plain data
	changes := store.Changes{PutConnectors: []store.Connector{rec}, Audit: []store.AuditEntry{log}}
	if ends {
		changes.DeleteSessionsOf = []string{rec.ID}
	}
	if err := c.store.Update(ctx, changes); err != nil {
		return Connector{}, fmt.Errorf("connector %s: %w", rec.Name, err)
	}
	if ends {
		defer c.office.SignedOut(rec.ID)
	}
	c.mu.Lock()
	if old := c.all[rec.ID]; old != nil { // it may have been used meanwhile
		e.unwritten, e.written = old.unwritten, old.written
		e.rec.CheckedAt, e.rec.SucceededAt, e.rec.Error, e.rec.Report = old.rec.CheckedAt, old.rec.SucceededAt, old.rec.Error, old.rec.Report
	}
	e.calls = deliveries{}
	if old := c.all[rec.ID]; old != nil {
		e.calls.Calls = old.calls.Calls
	}
	var was system
	var wasPBX telephony.System
	if old := c.all[rec.ID]; old != nil {
		was, wasPBX = old.system, old.pbx
	}
	c.all[rec.ID] = e
	c.hook(e)
	c.plug(e, was, wasPBX)
	out := e.out()
	c.mu.Unlock()
	c.signal()
	if in.Kind == KindSCIM {
		if err := c.provider(rec.ID, by).Rearrange(ctx); err != nil {
			return Connector{}, fault.Wrap(fault.Conflict, err, "the settings are kept, but not everybody is where they say by now; enter them again (%v)", err)
		}
	}
	return out, nil
}

// hold keeps a connector from being synchronised until free is called. It fails if it is being synchronised.
func (c *Connectors) hold(id string) (e *entry, free func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e = c.all[id]
	switch {
	case e == nil:
		return nil, nil, fault.New(fault.NotFound, "there is no connector %q", id)
	case e.running:
		return nil, nil, errRunning
	}
	e.running = true
	return e, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		e.running = false
	}, nil
}

// Delete removes a connector. Its people stay, as people who were entered here.
func (c *Connectors) Delete(ctx context.Context, by office.By, id string) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	e, free, err := c.hold(id)
	if err != nil {
		return err
	}
	defer free()
	if err := c.unused(id); err != nil {
		return err
	}
	leaving := func(yes bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		e.leaving = yes
	}
	leaving(true)
	defer leaving(false) // if it could not be
	if err := c.provider(id, by).Leave(ctx); err != nil {
		return err
	}
	if c.agenda != nil { // with the tokens of accounts that people have connected
		if err := c.agenda.Forget(ctx, by, id); err != nil {
			return err
		}
	}
	if c.teams != nil {
		if err := c.teams.Forget(ctx, by, id); err != nil {
			return err
		}
	}
	if c.switchboard != nil {
		if err := c.switchboard.Forget(ctx, id); err != nil {
			return err
		}
	}
	if c.telephones != nil && e.rec.Kind == KindSIPServer {
		<-c.telephones.DropServer(id)
		if err := c.telephones.Forget(ctx, by, id); err != nil {
			return err
		}
	}
	theirs, _, _ := c.office.Records("", "", c.office.Count(), func(p *store.Person) bool { return p.Directory.ConnectorID == id })
	for some := range slices.Chunk(theirs, 250) {
		keys := make([]office.Key, len(some))
		for i, p := range some {
			keys[i].ID = p.ID
		}
		if err := c.office.EditPeople(ctx, by, "people.sync", keys, func(_ int, p *store.Person) error {
			p.Directory = store.Origin{}
			return nil
		}); err != nil {
			return err
		}
	}
	log := by.Entry("connector.delete")
	log.Detail, _ = json.Marshal(map[string]any{"connector": id, "name": e.rec.Name}) // plain data
	if err := c.store.Update(ctx, store.Changes{DeleteConnectors: []string{id}, DeleteSessionsOf: []string{id}, Audit: []store.AuditEntry{log}}); err != nil {
		return fmt.Errorf("connector %s: %w", id, err)
	}
	c.mu.Lock()
	delete(c.all, id)
	c.hooks.Remove(id)
	if e.system != nil || e.pbx != nil {
		e.rec.Enabled = false
		c.plug(e, e.system, e.pbx)
	}
	c.mu.Unlock()
	c.office.Forget(id)
	return nil
}

func (c *Connectors) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Check tries each step that a connector needs. What it is about is a mailbox of systems that hold calendars, and a line of telephone
// systems: without one, what needs one is left out.
func (c *Connectors) Check(ctx context.Context, id, about string) ([]directory.Step, error) {
	e, err := c.find(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	hook, kept, heard := e.hook, e.token, e.rec.SucceededAt
	c.mu.Unlock()
	switch {
	case e.dir != nil:
		return e.dir.Check(ctx), nil
	case e.op != nil:
		var steps []directory.Step
		for _, step := range e.op.Check(ctx) {
			steps = append(steps, directory.Step(step))
		}
		return steps, nil
	case e.system != nil:
		return c.checkSystem(ctx, e.system, about), nil
	case e.pbx != nil:
		return checkPBX(ctx, e.pbx, about), nil
	case hook != nil:
		return c.checkHook(ctx, e, *hook), nil
	case e.rec.Kind == KindWebhook:
		return nil, fault.New(fault.Conflict, "it has no secret to sign with yet")
	case e.rec.Kind == KindSCIM && e.settings.SCIM != nil:
		return checkProvider(kept, heard, time.Now()), nil
	}
	return nil, errUnusable
}

// errUnusable is the error of a system whose settings were read but make no sense, such as a sealed password without its key.
var errUnusable = fault.New(fault.Conflict, "its settings cannot be used; enter them again")

// errRunning is the error of a second synchronisation at a time.
var errRunning = fault.New(fault.Conflict, "a synchronisation of this directory is under way")

// Sync has a directory's people follow it now. anyway says that also an unusual number of them may be blocked.
func (c *Connectors) Sync(ctx context.Context, by office.By, id string, dry, anyway bool, progress func(done, total int)) (provision.Report, error) {
	e, free, err := c.hold(id)
	if err != nil {
		return provision.Report{}, err
	}
	defer free()
	dir := e.dir
	if dir == nil || e.settings.LDAP == nil {
		return provision.Report{}, errUnusable
	}
	places := slices.Clone(e.settings.LDAP.Places)
	s := provision.Sync{By: by, Connector: id, Places: places, DryRun: dry, Anyway: anyway, Progress: progress}
	rep, err := s.Enter(ctx, c.office, dir.Each)
	err = inWords(err)
	if !dry {
		c.note(ctx, e, rep, err)
	}
	return rep, err
}

// inWords gives the errors of a directory a text that administrators are shown.
func inWords(err error) error {
	var told *fault.Error
	var provider *openid.Error
	var calendars *source.Error
	switch {
	case err == nil || errors.As(err, &told):
		return err
	case errors.As(err, &calendars):
		return fault.Wrap(fault.Unavailable, err, "%s", calendars.Text)
	case errors.As(err, &provider):
		return fault.Wrap(fault.Unavailable, err, "the provider: %s", provider.Text)
	case errors.Is(err, directory.ErrUnreachable):
		return fault.Wrap(fault.Unavailable, err, "the directory cannot be reached: %v", err)
	}
	return fault.Wrap(fault.Unavailable, err, "the directory could not be read whole, so nothing was changed: %v", err)
}

// note keeps how an attempt went.
func (c *Connectors) note(ctx context.Context, e *entry, rep provision.Report, err error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	now := time.Now().UTC()
	if e.rec.CheckedAt = now; err == nil {
		e.rec.SucceededAt, e.rec.Error = now, ""
		e.rec.Report, _ = json.Marshal(rep) // plain data
	} else {
		e.rec.Error = fault.Public(err)
	}
	rec, current := e.rec, c.all[e.rec.ID] == e
	c.mu.Unlock()
	if !current { // deleted or changed meanwhile
		return
	}
	if err := c.store.Update(context.WithoutCancel(ctx), store.Changes{PutConnectors: []store.Connector{rec}}); err != nil {
		c.log.Error("the state of a connector could not be stored", "connector", rec.ID, "err", err)
	}
}

// noteUse notes how a use of a system went that takes place when somebody asks for it, in memory: Run writes it when it is time.
func (c *Connectors) noteUse(id string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil {
		return
	}
	e.rec.CheckedAt, e.rec.Error = time.Now().UTC(), ""
	if err != nil {
		e.rec.Error = fault.Public(inWords(err))
	} else {
		e.rec.SucceededAt = e.rec.CheckedAt
	}
	c.unwritten(e)
}

// unwritten says that a record holds what the store does not; mu is held.
func (c *Connectors) unwritten(e *entry) {
	if !e.unwritten {
		e.unwritten = true
		c.signal()
	}
}

// Run has directories read when it is time, until ctx ends.
func (c *Connectors) Run(ctx context.Context) error {
	defer c.client.CloseIdleConnections()
	defer c.Close()
	var calling sync.WaitGroup
	calling.Go(func() { c.hooks.Run(ctx) })
	defer calling.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.writeUses(ctx, true)
			return context.Cause(ctx)
		case <-c.wake:
		case <-timer.C:
		}
		next := time.Hour
		if wait := c.writeUses(ctx, false); wait > 0 {
			next = wait
		}
		for _, x := range c.All() {
			if !x.Enabled || x.LDAP == nil || x.LDAP.EveryMinutes == 0 {
				continue
			}
			every := time.Duration(x.LDAP.EveryMinutes) * time.Minute
			if wait := every - time.Since(x.CheckedAt); wait > 0 {
				next = min(next, wait)
				continue
			}
			next = min(next, every)
			rep, err := c.Sync(ctx, office.By{}, x.ID, false, false, nil)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				c.log.Warn("a directory was not read", "connector", x.ID, "err", err)
			default:
				c.log.Info("a directory was read", "connector", x.ID, "added", rep.Added, "changed", rep.Changed, "blocked", rep.Blocked, "refused", rep.Refused)
			}
		}
		timer.Reset(max(next, time.Second))
	}
}

func (e *entry) checksPasswords() bool { return e.settings.LDAP != nil && e.settings.LDAP.SignIn }

// ChecksPasswords reports whether somebody signs in with a password of their directory.
func (c *Connectors) ChecksPasswords(p *store.Person) bool {
	if c == nil || p.Directory.ConnectorID == "" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[p.Directory.ConnectorID]
	return e != nil && e.checksPasswords()
}

// SignIn checks a password with the directory that somebody comes from. ok is false if it is wrong; known is false if
// their directory checks no passwords. Without connectors nobody's does.
func (c *Connectors) SignIn(ctx context.Context, p *store.Person, login, password string) (ok, known bool, err error) {
	if c == nil || p.Directory.ConnectorID == "" {
		return false, false, nil
	}
	c.mu.Lock()
	e := c.all[p.Directory.ConnectorID]
	var dir *directory.Directory
	checks := e != nil && e.checksPasswords()
	if checks && e.rec.Enabled {
		dir = e.dir
	}
	c.mu.Unlock()
	switch {
	case !checks:
		return false, false, nil
	case dir == nil: // no other password takes its place
		return false, true, fault.New(fault.Unavailable, "the directory is not used at the moment")
	}
	found, err := dir.SignIn(ctx, login, password)
	switch {
	case err == nil:
		return found.ID == p.Directory.ExternalID, true, nil // the login may be another's by now
	case errors.Is(err, directory.ErrWrong), errors.Is(err, directory.ErrAmbiguous):
		return false, true, nil
	case errors.Is(err, directory.ErrDisabled):
		return false, true, fault.Wrap(fault.Unauthorized, err, "the account is disabled in the directory")
	case errors.Is(err, directory.ErrLocked):
		return false, true, fault.Wrap(fault.Unauthorized, err, "the account is locked in the directory for a while")
	case errors.Is(err, directory.ErrExpired):
		return false, true, fault.Wrap(fault.Unauthorized, err, "the account or its password has expired in the directory")
	}
	c.log.Warn("a directory could not check a password", "connector", p.Directory.ConnectorID, "err", err)
	return false, true, fault.Wrap(fault.Unavailable, err, "the directory cannot be asked at the moment")
}
