package teams_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source/graph"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/source/outbound/outboundtest"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/store/sqlite/sqlitetest"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is what the server logs.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// connectorID is that of the application, and otherID that of another one.
const (
	connectorID = "microsoft"
	otherID     = "other"
)

// disk is a database that may fail, or be slow to keep sign-ins.
type disk struct {
	store.Store
	fails atomic.Bool // changes of claims are not stored
	slow  atomic.Bool // records with a sign-in take five seconds
}

func (d *disk) WriteClaims(ctx context.Context, b store.ClaimBatch) error {
	if d.fails.Load() {
		return errors.New("the disk is full")
	}
	return d.Store.WriteClaims(ctx, b)
}

func (d *disk) WriteTeams(ctx context.Context, puts []store.TeamsRecord, deletes []string) error {
	if d.slow.Load() && slices.ContainsFunc(puts, func(r store.TeamsRecord) bool { return len(r.Token) > 0 }) {
		time.Sleep(5 * time.Second)
	}
	return d.Store.WriteTeams(ctx, puts, deletes)
}

// house is an office at work on a real database, in a bubble, with a directory at Microsoft that stands in, over a network in
// memory.
type house struct {
	*teams.Teams
	t         *testing.T
	microsoft *graphtest.Server
	net       *outboundtest.Net
	folder    string
	disk      *disk
	log       *log
	box       *secret.Box
	office    *office.Office
	hub       *hub.Hub
	location  string
	notified  bool          // Microsoft reaches this server
	every     time.Duration // between two readings
	people    []string
	users     map[string]string // object IDs at Microsoft
	stop      func()
}

// story runs a test in a house with people, each of whom has a Teams client that runs. change adapts the house before it opens.
func story(t *testing.T, people int, tell func(t *testing.T, h *house), change ...func(*house)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, err := secret.NewBox(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		h := &house{t: t, net: &outboundtest.Net{}, folder: sqlitetest.Folder(t), log: &log{}, box: box, users: map[string]string{}}
		for _, f := range change {
			f(h)
		}
		app := graphtest.DefaultApp()
		app.Roles = []string{"Presence.Read.All", "Presence.ReadWrite.All", "User.ReadBasic.All"}
		h.microsoft, err = graphtest.Start(graphtest.Config{Apps: []graphtest.App{app}, Listen: h.net.Listen, Dial: h.net.Dial})
		h.ok(err)
		defer h.microsoft.Close()
		for i := range people {
			m, err := h.microsoft.AddMailbox(graphtest.Mailbox{UPN: at(name(i)), Name: name(i), Password: "secret"})
			h.ok(err)
			h.users[name(i)] = m.ID
			h.ok(h.microsoft.Client(at(name(i)), "desktop", "Available", "Available"))
		}
		h.open()
		defer func() { h.stop() }()
		l := store.Location{Name: "Berlin", TimeZone: "UTC"}
		h.ok(h.office.PutLocation(t.Context(), office.By{}, &l))
		h.location = l.ID
		var all []*store.Person
		for i := range people {
			h.people = append(h.people, name(i))
			all = append(all, &store.Person{ID: name(i), Name: name(i), Email: at(name(i)), LocationID: l.ID, CreatedAt: time.Now().UTC()})
			if len(all) == 500 || i == people-1 {
				h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.add", all...))
				all = nil
			}
		}
		h.settings(func(s *policy.Teams) {
			s.Sync, s.Connector, s.UserMayChange = policy.TeamsAll, connectorID, true
		})
		tell(t, h)
	})
}

var names = []string{"anna", "bert", "carl", "dora"}

func name(i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("p%05d", i)
}

func at(name string) string { return name + "@example.com" }

func (h *house) open() {
	h.t.Helper()
	ctx := context.Background()
	quiet := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	file, err := sqlite.Open(ctx, filepath.Join(h.folder, "doorlight.db"))
	h.ok(err)
	st := &disk{Store: file}
	h.disk = st
	h.office, err = office.Open(ctx, st, quiet)
	h.ok(err)
	h.office.UseSystems(func(id string) (office.System, bool) {
		return office.System{Teams: true}, id == connectorID || id == otherID
	})
	h.hub, err = hub.Open(ctx, st, h.office, func([]hub.Update) {}, hub.Config{Shards: 1, Log: quiet})
	h.ok(err)
	h.office.Listen(func(c office.Change) { h.hub.Repolicy(c.Policies, c.Removed) })
	h.Teams, err = teams.New(ctx, st, h.office, h.hub, h.box, teams.Config{Log: quiet, Every: h.every})
	h.ok(err)
	h.hub.Watch(h.Touched)
	client := outbound.NewClient(outbound.Config{Dial: h.net.Dial, MaxRedirects: -1})
	var hook http.Server
	var hooks net.Listener
	var systems []*graph.System
	for _, id := range []string{connectorID, otherID} {
		app := graphtest.DefaultApp()
		config := graph.Config{Tenant: h.microsoft.Tenant, ClientID: app.ID, Secret: app.Secret, Cloud: graph.Custom,
			LoginURL: h.microsoft.LoginURL, GraphURL: h.microsoft.GraphURL, HTTP: client, Log: quiet}
		if h.notified && id == connectorID {
			hooks, err = h.net.Listen()
			h.ok(err)
			config.NotifyURL = "http://" + hooks.Addr().String() + "/hooks"
		}
		system, err := graph.New(config)
		h.ok(err)
		h.PutSystem(teams.System{ID: id, Name: "Microsoft", Service: system})
		systems = append(systems, system)
	}
	running, stop := context.WithCancel(ctx)
	syncing, stopSyncing := context.WithCancel(ctx)
	var hubs, both sync.WaitGroup
	hubs.Go(func() { h.hub.Run(running) })
	both.Go(func() { h.Run(syncing) })
	if h.notified {
		hook.Handler = systems[0].Notify()
		hubs.Go(func() { hook.Serve(hooks) })
	}
	synctest.Wait()
	h.stop = sync.OnceFunc(func() {
		stopSyncing()
		both.Wait()
		hook.Close()
		for _, s := range systems {
			s.Close()
		}
		client.CloseIdleConnections()
		stop()
		hubs.Wait()
		if err := st.Close(); err != nil {
			h.t.Error(err)
		}
	})
}

// restart stops the server, lets time pass, and starts it again.
func (h *house) restart(after time.Duration) {
	h.t.Helper()
	h.stop()
	time.Sleep(after)
	h.open()
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) settings(edit func(*policy.Teams)) {
	h.t.Helper()
	h.section(policy.SectionTeams, func(s *policy.Settings) { edit(&s.Teams) })
}

func (h *house) section(section string, edit func(*policy.Settings)) {
	h.t.Helper()
	h.ok(h.office.ChangeSection(h.t.Context(), office.By{Actor: "admin"}, h.location, section, func(s *policy.Settings) error {
		edit(s)
		return nil
	}))
}

// edit changes somebody's claims, as a source here does.
func (h *house) edit(who string, edit func(*hub.Edit)) {
	h.t.Helper()
	h.ok(h.hub.Change(h.t.Context(), who, func(e *hub.Edit) error {
		edit(e)
		return nil
	}))
}

// phone has somebody's telephone do something.
func (h *house) phone(who string, state presence.LineState) {
	h.t.Helper()
	h.edit(who, func(e *hub.Edit) {
		e.Put(presence.Claim{Source: "line/1", ID: "1", From: e.Now, Line: presence.Line{State: state}})
	})
}

// choose has somebody choose a status here.
func (h *house) choose(who string, status presence.Status, until time.Time) {
	h.t.Helper()
	h.edit(who, func(e *hub.Edit) {
		id := presence.ChoiceID
		if !until.IsZero() {
			id = presence.TimedID
		}
		e.Put(presence.Claim{Source: presence.SourceHand, ID: id, Status: status, From: e.Now, Until: until})
	})
}

// here is what is seen of somebody here: status, profile, text, and what the line does.
func (h *house) here(who string) string {
	h.t.Helper()
	p, _, ok := h.hub.Presence(who)
	if !ok {
		h.t.Fatalf("there is no %s", who)
	}
	words := []string{p.Status.String()}
	if p.Profile != "" {
		words = append(words, "["+p.Profile+"]")
	}
	if p.Text != "" {
		words = append(words, p.Text)
	}
	if p.Line.State != presence.LineIdle {
		words = append(words, strings.TrimSpace("("+p.Line.State.String()+" "+p.Line.Service)+")")
	}
	return strings.Join(words, " ")
}

// there is what Teams shows of somebody.
func (h *house) there(who string) string {
	return h.microsoft.Shown(at(who)).Pair.String()
}

// both compares what is seen of somebody here and there.
func (h *house) both(who, here, there string) {
	h.t.Helper()
	if got := h.here(who); got != here {
		h.t.Errorf("here %s is %q, want %q", who, got, here)
	}
	if got := h.there(who); got != there {
		h.t.Errorf("in Teams %s is %q, want %q", who, got, there)
	}
}

// signIn has somebody sign in at Microsoft, as the pages do, and agree that presence is read and written. It returns the token.
func (h *house) signIn(who string, remember bool, scopes ...string) string {
	h.t.Helper()
	token, err := h.microsoft.SignIn(graphtest.DefaultApp().ID, at(who), append(scopes, "Presence.ReadWrite")...)
	h.ok(err)
	h.ok(h.connect(connectorID, who, token, remember))
	return token
}

func (h *house) connect(connector, who, token string, remember bool) error {
	return h.Connect(h.t.Context(), office.By{Actor: who}, teams.Account{PersonID: who, ConnectorID: connector, Username: at(who), UserID: h.users[who], Token: token, Remember: remember})
}

// holds reports whether a file of the server, or its log, holds a text.
func (h *house) holds(text string) bool {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.folder, "*"))
	h.ok(err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		h.ok(err)
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return strings.Contains(h.log.String(), text)
}
