package teams

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source/graph"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// service is the word for Teams in line states, and the start of what its entries say.
const (
	service  = "MS Teams"
	onPhone  = "On the phone (MS Teams)"
	callName = policy.CallTeams
)

// Config holds what has a default.
type Config struct {
	Log *slog.Logger // nil: slog.Default

	Every   time.Duration // between two readings of somebody, at best; zero: 4 s
	Writers int           // writes of one application at the same time; zero: 8
	Timeout time.Duration // of a question; zero: 20 s
}

// Teams keeps people and Teams in step. Its methods may be called by several goroutines at once.
type Teams struct {
	store  Store
	office *office.Office
	hub    *hub.Hub
	box    *secret.Box
	cfg    Config
	log    *slog.Logger
	manage chan struct{} // people or systems have changed
	wake   chan struct{} // somebody is due
	apply  chan struct{} // somebody's entry has changed
	keep   chan struct{} // a record has
	pen    chan struct{} // full while records are written: one that is older than another must not come after it. Taken before mu

	mu         sync.Mutex // guards what follows
	people     map[string]*person
	systems    map[string]*system
	due        timeline
	touched    map[string]bool   // whose claims have changed
	unarranged map[string]bool   // whose settings have
	entries    map[string]bool   // whose entry has
	unkept     map[string]bool   // whose record has, or is to go
	left       map[string]*State // by object ID: what was left for a user by somebody who is not kept in step with it any more
}

// person is somebody who is, or was, kept in step; Teams.mu guards it.
type person struct {
	id    string
	rec   store.TeamsRecord // as it is to be stored; the state in it is that of the latest write
	token string            // of the sign-in; empty: none
	turn  int               // counts sign-ins: what comes of one is not taken for what comes of another
	state State
	job   *job      // the write that was begun; nil: none, or nobody waits for what comes of it
	due   time.Time // when to look at them again; zero: not by itself
	index int       // in the timeline, from 1

	// What the settings say.
	arranged  bool // they were asked since the start; until then nothing is known of them
	on        bool
	connector string
	signsIn   bool // with an account of their own
	telephony bool
	status    bool
	keep      time.Duration
	address   string

	claimed Kind      // what the hub was told
	unsure  bool      // whether it took that
	from    time.Time // likewise
	lease   time.Time // likewise
	problem string    // of the latest write or sign-in
	passing bool      // it goes away by itself
	missing time.Time // since when Teams does not know them; zero: it does, or nobody asked
	sought  time.Time // when the directory was asked for them last
}

// New returns what keeps the people of an office in step with Teams. The hub is to tell it whom changes touch (Touched). Run
// makes it work.
func New(ctx context.Context, st Store, of *office.Office, h *hub.Hub, box *secret.Box, cfg Config) (*Teams, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Every == 0 {
		cfg.Every = 4 * time.Second
	}
	if cfg.Writers == 0 {
		cfg.Writers = 8
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	t := &Teams{
		store: st, office: of, hub: h, box: box, cfg: cfg, log: cfg.Log,
		manage: make(chan struct{}, 1), wake: make(chan struct{}, 1), apply: make(chan struct{}, 1), keep: make(chan struct{}, 1), pen: make(chan struct{}, 1),
		people: map[string]*person{}, systems: map[string]*system{}, touched: map[string]bool{}, unarranged: map[string]bool{}, entries: map[string]bool{}, unkept: map[string]bool{}, left: map[string]*State{},
	}
	if err := st.LoadTeams(ctx, func(rec store.TeamsRecord) error {
		p := &person{id: rec.PersonID, rec: rec}
		if len(rec.State) > 0 {
			if err := json.Unmarshal(rec.State, &p.state); err != nil { // of a version that nobody knows
				t.log.Warn("what was written to Teams for somebody is not known", "person", rec.PersonID, "err", err)
			}
		}
		if len(rec.Token) > 0 {
			token, err := box.Open(rec.Token, SealedFor(rec.PersonID))
			if err != nil {
				t.log.Warn("a sign-in at Microsoft cannot be opened", "person", rec.PersonID, "err", err)
				p.rec.Token = nil
			}
			p.token = token
		}
		t.people[rec.PersonID] = p
		return nil
	}); err != nil {
		return nil, err
	}
	for _, id := range of.IDs() {
		t.unarranged[id] = true
	}
	of.Listen(func(c office.Change) {
		t.mu.Lock()
		for _, id := range slices.Concat(c.Policies, c.Cards, c.Removed) {
			t.unarranged[id] = true
		}
		t.mu.Unlock()
		signal(t.manage)
	})
	signal(t.manage)
	return t, nil
}

// SealedFor is what the token in somebody's record is sealed for.
func SealedFor(personID string) string { return "teams/" + personID }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Touched tells that claims of people have changed; it does not block.
func (t *Teams) Touched(personIDs []string) {
	t.mu.Lock()
	some := false
	for _, id := range personIDs {
		if t.people[id] != nil {
			t.touched[id], some = true, true
		}
	}
	t.mu.Unlock()
	if some {
		signal(t.wake)
	}
}

// Run keeps in step until ctx ends, and returns its cause. What was written to Teams by then ends there by itself, unless it is
// taken up again.
func (t *Teams) Run(ctx context.Context) error {
	defer t.keepRest(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { t.look(ctx) })
	work.Go(func() { t.enter(ctx) })
	work.Go(func() { t.remember(ctx) })
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.manage:
		}
		t.arrange()
		t.mu.Lock()
		for _, s := range t.systems {
			if s.stop == nil {
				ctx, stop := context.WithCancel(ctx)
				ended := make(chan struct{})
				s.stop, s.ended = stop, ended
				work.Go(func() {
					defer close(ended)
					defer stop()
					t.serve(ctx, s)
				})
			}
		}
		t.mu.Unlock()
	}
}

// arrange takes up what settings have changed.
func (t *Teams) arrange() {
	t.mu.Lock()
	ids := t.unarranged
	t.unarranged = map[string]bool{}
	t.mu.Unlock()
	for id := range ids {
		who, ok := t.office.Person(id)
		t.mu.Lock()
		if t.unarranged[id] { // something has changed since: that comes next
			t.mu.Unlock()
			continue
		}
		p := t.people[id]
		if !ok {
			if p != nil {
				t.drop(p) // the record goes with the person
			}
			t.mu.Unlock()
			continue
		}
		sync := who.Settings.TeamsSync(&who.Own)
		on := sync != policy.TeamsNone && !who.Policy.Off && !who.Blocked && who.Settings.Teams.Connector != ""
		if p == nil {
			if !on {
				t.mu.Unlock()
				continue
			}
			p = &person{id: id, rec: store.TeamsRecord{PersonID: id}}
			t.people[id] = p
		}
		section := &who.Settings.Teams
		p.arranged = true
		p.on, p.connector, p.signsIn = on, section.Connector, section.Access == policy.TeamsDelegated
		p.telephony, p.status = on, on && sync == policy.TeamsAll
		if len(p.rec.Token) > 0 && !(p.signsIn && section.Remember) { // it may be used until the end of this server
			p.rec.Token = nil
			t.changed(id)
		}
		p.keep = min(time.Duration(section.KeepMinutes)*time.Minute, longestEntry)
		p.address = strings.ToLower(strings.TrimSpace(who.Email))
		if p.state.heard.IsZero() { // since the start
			if claims, _, ok := t.hub.Claims(id); ok {
				for i := range claims {
					if c := &claims[i]; c.Source == presence.SourceTeams && kindNamed(c.ID) != NoEntry {
						p.claimed, p.from, p.lease = kindNamed(c.ID), c.From, c.Lease
						p.state.Resume(p.claimed, p.from)
					}
				}
			}
		}
		t.entries[id] = true // profiles may have changed
		t.touched[id] = true
		t.mu.Unlock()
	}
	signal(t.wake)
	signal(t.apply)
}

// drop forgets somebody; mu is held.
func (t *Teams) drop(p *person) {
	t.leave(p)
	p.job = nil
	t.due.set(p, time.Time{})
	delete(t.people, p.id)
	delete(t.touched, p.id)
	delete(t.entries, p.id)
}

// wants works out what stands here without Teams, and when time alone changes that; zero: never.
func (t *Teams) wants(id string, telephony, status bool, now time.Time) (w Want, next time.Time) {
	if !telephony {
		return w, next
	}
	claims, of, ok := t.hub.Claims(id)
	if !ok || of.Off {
		return w, next
	}
	// A program that uses the microphone may be Teams, or a browser with Teams in it.
	claims = slices.DeleteFunc(claims, func(c presence.Claim) bool {
		class := c.Source.Class()
		return class == presence.SourceTeams || class == presence.SourceMicrophone
	})
	// A line that reports calls of Teams, such as one of direct routing, tells Teams nothing new; but one beside it may.
	for i := range claims {
		if strings.EqualFold(claims[i].Line.Service, service) {
			claims[i].Line = presence.Line{}
		}
	}
	here := presence.Resolve(claims, of, now)
	w.Call = here.Line.State == presence.LineOnThePhone
	if w.DND = status && here.Status == presence.DoNotDisturb; w.DND {
		w.Until = here.Until
	}
	if at, ok := presence.NextChange(claims, of, now); ok {
		next = at
	}
	return w, next
}

// look sees to whoever is due until ctx ends.
func (t *Teams) look(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
		now := hub.Now()
		t.mu.Lock()
		var list []*person
		for id := range t.touched {
			if p := t.people[id]; p != nil {
				list = append(list, p)
			}
		}
		clear(t.touched)
		for p := t.due.first(now); p != nil; p = t.due.first(now) {
			t.due.set(p, time.Time{})
			list = append(list, p)
		}
		t.mu.Unlock()
		for _, p := range list {
			t.see(p, now)
		}
		t.mu.Lock()
		timer.Reset(t.due.wait(now))
		t.mu.Unlock()
	}
}

// see works out what is to be written for somebody, and what their entry is.
func (t *Teams) see(p *person, now time.Time) {
	t.mu.Lock()
	telephony, status := p.telephony, p.status
	t.mu.Unlock()
	w, next := t.wants(p.id, telephony, status, now) // the hub is asked without mu
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.people[p.id] != p || !p.arranged { // who is not arranged yet would seem to be kept in step with nothing
		return
	}
	p.state.pass(now)
	t.settle(p)
	s := t.systems[p.rec.ConnectorID]
	if !t.canWrite(p) {
		w = Want{}
	}
	if !p.home() { // it is to be cleared there first
		w = Want{}
	}
	if p.passing && !w.Call && !w.DND && p.state.Rests() { // nothing is to be written any more
		p.problem, p.passing = "", false
	}
	op, again := p.state.Plan(w, now)
	again = earlier(again, next)
	if kind, from := p.state.Entry(p.telephony, p.status, now); !p.state.Heard().IsZero() && (kind != p.claimed || kind != NoEntry && !from.Equal(p.from)) || !p.on && p.claimed != NoEntry {
		t.entries[p.id] = true
		signal(t.apply)
	}
	if op != NoOp && s != nil && s.holds(p) && (!p.signsIn || p.token != "") { // else it ends there by itself
		p.state.Begin(op, now)
		p.job = &job{p, op, w.Until}
		s.queue = append(s.queue, p.job)
		signal(s.writes)
	}
	t.due.set(p, again)
}

// canWrite reports whether Teams may be told of somebody; mu is held.
func (t *Teams) canWrite(p *person) bool {
	s := t.systems[p.rec.ConnectorID]
	return p.on && s != nil && s.holds(p) && (!p.signsIn || p.token != "")
}

// home reports whether somebody is served by the connector that their settings name, under the address they have, and by a sign-in
// only where there are any.
func (p *person) home() bool {
	return p.on && p.rec.ConnectorID == p.connector && p.rec.Address == p.address && (p.signsIn || p.rec.Account == "")
}

// signOut forgets a sign-in.
func (p *person) signOut() {
	p.rec.Account, p.rec.Token, p.token = "", nil, ""
	p.turn++
}

// forget leaves what was written for somebody to end by itself.
func (p *person) forget() {
	p.state.Leave()
	p.job = nil
}

// settle has somebody served by the connector that their settings name, under the address they have, once nothing is left
// where they were served before; mu is held.
func (t *Teams) settle(p *person) {
	if p.home() {
		t.join(p)
		return
	}
	if p.state.Stands() || !p.on && !p.state.Rests() {
		t.join(p) // to clear what is left
		return
	}
	t.leave(p)
	if !p.signsIn && p.rec.Account != "" { // it is of no use any more
		p.signOut()
		p.rec.UserID = ""
		t.changed(p.id)
	}
	if !p.on {
		if p.rec.Account == "" && p.token == "" && p.claimed == NoEntry && !p.unsure {
			t.due.set(p, time.Time{})
			delete(t.people, p.id)
			t.changed(p.id)
		}
		return
	}
	signedIn := p.rec.ConnectorID == p.connector && p.rec.Account != ""
	if p.rec.ConnectorID != p.connector { // the sign-in is of another application
		p.signOut()
	}
	p.rec.ConnectorID, p.rec.Address = p.connector, p.address
	if !signedIn {
		p.rec.UserID = ""
	}
	p.sought, p.missing, p.problem = time.Time{}, time.Time{}, ""
	p.forget()
	t.changed(p.id)
	t.join(p)
}

// Status returns how somebody and Teams are doing.
func (t *Teams) Status(personID string) Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.people[personID]
	if p == nil {
		return Status{}
	}
	shown := p.state.Shown()
	st := Status{
		ConnectorID: p.rec.ConnectorID, Account: p.rec.Account, Remembered: len(p.rec.Token) > 0, SignInNeeded: p.on && p.signsIn && p.token == "",
		HeardAt: p.state.Heard(), Availability: shown.Availability, Activity: shown.Activity, Problem: t.problem(p),
	}
	if hub.Now().Before(p.lease) {
		st.Entry = p.claimed
	}
	if p.state.Call.Phase == standing {
		st.Written = append(st.Written, "call")
	}
	if p.state.DND.Phase == standing {
		st.Written = append(st.Written, "do_not_disturb")
	}
	if what := p.state.Hidden(hub.Now()); what != NoOp {
		st.Hidden, st.HiddenBy = map[Op]string{SetCall: "call", SetDND: "do_not_disturb"}[what], shown.Availability
	}
	return st
}

// problem says what does not work for somebody, in words for them; empty: nothing. mu is held.
func (t *Teams) problem(p *person) string {
	s := t.systems[p.rec.ConnectorID]
	switch {
	case p.problem != "" || !p.on:
		return p.problem
	case s != nil && p.rec.UserID != "" && !s.holds(p) && s.holder(p.rec.UserID) != nil:
		return "Somebody else here uses the same account of Microsoft 365. It can be kept in step with one person only."
	case p.nameless():
		return "There is no e-mail address by which to find this person in Microsoft 365."
	case !p.missing.IsZero():
		return "Microsoft 365 knows nobody with the address " + p.address + ", or they have no licence for Teams."
	}
	return ""
}

// nameless reports whether there is nothing by which to find somebody in the directory.
func (p *person) nameless() bool { return !p.signsIn && p.rec.UserID == "" && p.address == "" }

// Connect has somebody served with an account of their own.
func (t *Teams) Connect(ctx context.Context, by office.By, a Account) error {
	who, ok := t.office.Person(a.PersonID)
	if !ok {
		return fault.New(fault.NotFound, "there is no person %q", a.PersonID)
	}
	if c := &who.Settings.Teams; c.Access != policy.TeamsDelegated || c.Connector != a.ConnectorID || who.Settings.TeamsSync(&who.Own) == policy.TeamsNone {
		return &fault.Error{Kind: fault.Forbidden, Public: "accounts are not connected with Teams here", Fields: []fault.Field{{Path: "teams.access", Message: "is set by the administrator"}}}
	}
	if !who.Settings.Teams.Remember {
		a.Remember = false
	}
	if err := t.takePen(ctx); err != nil {
		return err
	}
	defer t.layPen()
	t.mu.Lock()
	rec := store.TeamsRecord{PersonID: a.PersonID}
	if p := t.people[a.PersonID]; p != nil {
		rec = t.record(p)
	}
	t.mu.Unlock()
	rec.ConnectorID, rec.UserID, rec.Account, rec.Address = a.ConnectorID, a.UserID, a.Username, strings.ToLower(strings.TrimSpace(who.Email))
	if rec.Token = nil; a.Remember {
		rec.Token = t.box.Seal(a.Token, SealedFor(a.PersonID))
	}
	if err := t.store.WriteTeams(ctx, []store.TeamsRecord{rec}, nil); err != nil {
		return err
	}
	t.mu.Lock()
	p := t.people[a.PersonID]
	if p == nil {
		p = &person{id: a.PersonID}
		t.people[p.id] = p
	}
	moved := p.rec.ConnectorID != rec.ConnectorID || p.rec.UserID != rec.UserID
	if s := t.systems[p.rec.ConnectorID]; s != nil {
		delete(s.alone, p) // perhaps it may read more than the last one
		s.follows = true
	}
	if moved {
		t.leave(p)
		if p.rec.UserID == "" || p.rec.UserID == rec.UserID {
			p.forget()
		} else { // nothing was written for this account
			p.state, p.job = State{}, nil
		}
	}
	rec.State = p.rec.State
	p.rec, p.token, p.problem, p.missing = rec, a.Token, "", time.Time{}
	p.turn++
	t.unarranged[p.id] = true
	t.changed(p.id) // of what became of it since
	t.mu.Unlock()
	signal(t.manage)
	return t.audit(ctx, by, who, "teams.connect", map[string]any{"connector": a.ConnectorID, "account": a.Username, "remembered": a.Remember})
}

// Disconnect forgets the account with which somebody signed in. It is NotFound if there is none.
func (t *Teams) Disconnect(ctx context.Context, by office.By, personID string) error {
	who, ok := t.office.Person(personID)
	if err := t.takePen(ctx); err != nil {
		return err
	}
	defer t.layPen()
	t.mu.Lock()
	p := t.people[personID]
	if !ok || p == nil || p.rec.Account == "" && p.token == "" {
		t.mu.Unlock()
		return fault.New(fault.NotFound, "no account is connected with Teams")
	}
	account, connector := p.rec.Account, p.rec.ConnectorID
	rec := t.record(p)
	rec.Account, rec.Token, rec.UserID = "", nil, ""
	t.mu.Unlock()
	if err := t.store.WriteTeams(ctx, []store.TeamsRecord{rec}, nil); err != nil {
		return err
	}
	t.mu.Lock()
	t.leave(p)
	p.rec, p.problem = rec, ""
	p.signOut()
	p.forget() // what was written ends there by itself
	t.unarranged[personID], t.entries[personID] = true, true
	t.changed(personID) // of what was left
	t.mu.Unlock()
	signal(t.manage)
	signal(t.apply)
	return t.audit(ctx, by, who, "teams.disconnect", map[string]any{"connector": connector, "account": account})
}

// takePen waits for the turn to write records, until ctx ends.
func (t *Teams) takePen(ctx context.Context) error {
	select {
	case t.pen <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, context.Cause(ctx), "the server is busy; try again")
	}
}

func (t *Teams) layPen() { <-t.pen }

func (t *Teams) audit(ctx context.Context, by office.By, who *office.Person, action string, about map[string]any) error {
	detail, err := json.Marshal(about)
	if err != nil { // plain data
		panic(err)
	}
	e := by.Entry(action)
	e.PersonID, e.LocationID, e.Detail = who.ID, who.LocationID, detail
	return t.store.Update(ctx, store.Changes{Audit: []store.AuditEntry{e}})
}

// record returns what is to be kept of somebody; mu is held.
func (t *Teams) record(p *person) store.TeamsRecord {
	state, err := json.Marshal(&p.state)
	if err != nil { // plain data
		panic(err)
	}
	rec := p.rec
	rec.State, rec.UpdatedAt = state, hub.Now()
	return rec
}

// signIn returns by whose permission somebody is served; mu is held.
func (t *Teams) signIn(p *person) *graph.SignIn {
	if !p.signsIn {
		return nil
	}
	turn := p.turn
	return &graph.SignIn{Token: p.token, Renewed: func(token string) { t.renewed(p, turn, token) }}
}

// renewed keeps a refresh token that took the place of another of the same sign-in.
func (t *Teams) renewed(p *person, turn int, token string) {
	t.mu.Lock()
	if t.people[p.id] != p || p.turn != turn || p.token == "" || p.token == token {
		t.mu.Unlock()
		return
	}
	p.token = token
	if len(p.rec.Token) == 0 {
		t.mu.Unlock()
		return
	}
	p.rec.Token = t.box.Seal(token, SealedFor(p.id))
	t.changed(p.id)
	t.mu.Unlock()
}
