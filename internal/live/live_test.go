package live

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/socket"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// building is an office and what is published about its people.
type building struct {
	mu     sync.Mutex
	levels map[[2]string]rights.Level // by viewer and owner; team colleague by default
	people map[string]hub.Update
	coming map[string]bool // people whom the hub does not know yet
}

func (b *building) Level(viewer, owner string) rights.Level {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.people[owner]; !ok && !b.coming[owner] {
		return rights.Blocked
	}
	if viewer == owner {
		return rights.Self
	}
	if l, ok := b.levels[[2]string{viewer, owner}]; ok {
		return l
	}
	return rights.TeamColleague
}

func (b *building) Person(id string) (*office.Person, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil, b.coming[id]
}

func (b *building) Presence(id string) (presence.Presence, presence.Shown, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, ok := b.people[id]
	return u.Presence, u.Shown, ok
}

// view returns what somebody must be told about somebody; ok is false if nothing.
func (b *building) view(viewer, owner string) (text string, ok bool) {
	l := b.Level(viewer, owner)
	p, s, ok := b.Presence(owner)
	if c := rights.ClassOf(l); ok && !c.SeesNothing() {
		return string(rights.SeePresence(c, owner, &p, &s).AppendJSON(nil)), true
	}
	return "", false
}

// stream is a broker at work behind a server.
type stream struct {
	*Broker
	t       *testing.T
	office  *building
	server  *httptest.Server
	dropped chan string // user of a connection that was too slow
	stop    func()
	clock   atomic.Int64
}

type logged struct {
	slog.Handler
	dropped chan string
}

func (l logged) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "slow") {
		r.Attrs(func(a slog.Attr) bool { l.dropped <- a.Value.String(); return false })
	}
	return nil
}

func open(t *testing.T, secure bool, cfg Config, people ...string) *stream {
	t.Helper()
	s := &stream{
		t: t, office: &building{levels: map[[2]string]rights.Level{}, people: map[string]hub.Update{}}, dropped: make(chan string, 100),
	}
	for _, id := range people {
		s.office.people[id] = s.update(id, presence.Available, "")
	}
	cfg.Log = slog.New(logged{slog.NewTextHandler(io.Discard, nil), s.dropped})
	s.Broker = New(s.office, s.office, cfg)
	handler := s.Handler(func(r *http.Request) (v Viewer, err error) {
		who := r.URL.Query().Get("as")
		if who == "" {
			return v, errors.New("sign in first")
		}
		return Viewer{PersonID: who, Credential: uint64(len(who)), Desktop: r.URL.Query().Has("desktop")}, nil
	}, func(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusUnauthorized) })
	s.server = httptest.NewUnstartedServer(handler)
	s.server.Listener = socket.Listen(s.server.Listener)
	if secure {
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Run did not end")
		}
	})
	t.Cleanup(func() { s.stop(); s.server.Close() })
	return s
}

func (s *stream) update(id string, status presence.Status, text string) hub.Update {
	at := time.Date(2026, 3, 2, 10, 0, int(s.clock.Add(1)), 0, time.UTC)
	return hub.Update{
		PersonID: id, Presence: presence.Presence{Status: status, Text: text, Since: at, Cause: presence.Ref{Source: presence.SourceHand}},
		Shown: presence.Shown{At: at, Status: status, Since: at},
	}
}

// publish does what the hub does: what is published can be asked for before.
func (s *stream) publish(updates ...hub.Update) {
	s.office.mu.Lock()
	for _, u := range updates {
		if u.Gone {
			delete(s.office.people, u.PersonID)
		} else {
			s.office.people[u.PersonID] = u
		}
	}
	s.office.mu.Unlock()
	s.Publish(updates)
}

func (s *stream) set(id string, status presence.Status, text string) {
	s.publish(s.update(id, status, text))
}

func (b *building) relate(viewer, owner string, l rights.Level) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.levels[[2]string{viewer, owner}] = l
}

func (s *stream) relate(viewer, owner string, l rights.Level) {
	s.office.relate(viewer, owner, l)
	s.Office(office.Change{Levels: []string{owner}})
}

func (s *stream) url(as string) string {
	return "ws" + strings.TrimPrefix(s.server.URL, "http") + "/?as=" + as
}

// frame is what the server sends.
type frame struct {
	Type     string            `json:"type"`
	Epoch    string            `json:"epoch"`
	Seq      uint64            `json:"seq"`
	Position string            `json:"position"`
	People   []json.RawMessage `json:"people"`
	Gone     []string          `json:"gone"`
	Stale    []string          `json:"stale"`
}

func (f *frame) ids() []string {
	ids := []string{}
	for _, p := range f.People {
		ids = append(ids, idOf(p))
	}
	slices.Sort(ids)
	return ids
}

func idOf(p json.RawMessage) string {
	var x struct{ ID string }
	if err := json.Unmarshal(p, &x); err != nil {
		panic(err)
	}
	return x.ID
}

// watcher is a client that folds what it is told.
type watcher struct {
	t        *testing.T
	stream   *stream
	as       string
	conn     *websocket.Conn
	people   []string
	roster   map[string]string
	stale    map[string]bool
	seq      uint64
	epoch    string
	position string
}

func (s *stream) client(as string, people ...string) *watcher {
	s.t.Helper()
	w := &watcher{t: s.t, stream: s, as: as, people: people, roster: map[string]string{}, stale: map[string]bool{}}
	s.t.Cleanup(func() { w.drop() })
	return w
}

func (w *watcher) connect() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, w.stream.url(w.as), &websocket.DialOptions{HTTPClient: w.stream.server.Client()})
	if err != nil {
		w.t.Fatalf("connect as %s: %v", w.as, err)
	}
	conn.SetReadLimit(64 << 20)
	w.conn, w.seq = conn, 0
}

// watch connects and returns the first frame.
func (w *watcher) watch() frame {
	w.t.Helper()
	w.connect()
	return w.ask()
}

func (w *watcher) ask() frame {
	w.t.Helper()
	m := message{Type: "watch", People: w.people}
	if w.epoch != "" {
		m.Resume = &Resume{w.epoch, w.position}
	}
	text, _ := json.Marshal(m)
	w.send(string(text))
	return w.next()
}

func (w *watcher) send(text string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// next reads one frame, checks its order and folds it.
func (w *watcher) next() frame {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, data, err := w.conn.Read(ctx)
	if err != nil {
		w.t.Fatalf("%s: read: %v", w.as, err)
	}
	if string(data) == `{"type":"alive"}` { // it comes with the time, whatever happens
		return w.next()
	}
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		w.t.Fatalf("%s: %v in %s", w.as, err, data)
	}
	if f.Seq != w.seq+1 {
		w.t.Fatalf("%s: frame %d after %d: %s", w.as, f.Seq, w.seq, data)
	}
	w.seq, w.position = f.Seq, f.Position
	switch f.Type {
	case "snapshot":
		w.roster, w.epoch = map[string]string{}, f.Epoch
	case "resumed":
		if f.Epoch != w.epoch {
			w.t.Fatalf("resumed in another epoch")
		}
	case "changes":
	default:
		w.t.Fatalf("unknown frame %s", data)
	}
	for _, p := range f.People {
		w.roster[idOf(p)] = string(p)
	}
	for _, id := range f.Gone {
		delete(w.roster, id)
	}
	for _, id := range f.Stale {
		w.stale[id] = true
		if _, ok := w.stream.office.view(w.as, id); !ok { // the card says so when it is fetched again
			delete(w.roster, id)
		}
	}
	return f
}

// closed reads until the connection ends and returns how.
func (w *watcher) closed() websocket.StatusCode {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if _, _, err := w.conn.Read(ctx); err != nil {
			if websocket.CloseStatus(err) < 0 {
				w.t.Errorf("%s: the connection ended with %v, want a close frame", w.as, err)
			}
			return websocket.CloseStatus(err)
		}
	}
}

// said returns the next message, whatever it is.
func (w *watcher) said() string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, text, err := w.conn.Read(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *watcher) drop() {
	if w.conn != nil {
		w.conn.CloseNow()
		w.conn = nil
	}
}

// check compares what the client has folded with what a fresh snapshot would say.
func (w *watcher) check() {
	w.t.Helper()
	want := map[string]string{}
	for _, id := range w.people {
		if v, ok := w.stream.office.view(w.as, id); ok {
			want[id] = v
		}
	}
	if !maps.Equal(w.roster, want) {
		w.t.Fatalf("%s sees\n%v\nwant\n%v", w.as, w.roster, want)
	}
}

func wantIDs(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if got = slices.Sorted(slices.Values(got)); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// plainAndTLS runs a story over both kinds of connections.
func plainAndTLS(t *testing.T, tell func(t *testing.T, secure bool)) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "tls"}[secure], func(t *testing.T) {
			t.Parallel()
			tell(t, secure)
		})
	}
}

func TestASnapshotThenChanges(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		s := open(t, secure, Config{}, "anna", "bert", "cora")
		w := s.client("bert", "anna", "bert", "anna", "nobody", "cora")
		first := w.watch()
		if first.Type != "snapshot" {
			t.Errorf("the first frame is %q", first.Type)
		}
		wantIDs(t, "snapshot", first.ids(), "anna", "bert", "cora")
		w.check()
		s.set("cora", presence.Busy, "Exam <1>")
		wantIDs(t, "change", func() []string { f := w.next(); return f.ids() }(), "cora")
		w.check()
	})
}

func TestChangesThatComeTogetherAreOneFrame(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Second}, "anna", "bert", "cora")
	w := s.client("cora", "anna", "bert")
	w.watch()
	s.set("anna", presence.Busy, "first") // goes at once
	w.next()
	for i := range 50 {
		s.set("anna", presence.Available, fmt.Sprint(i))
		s.set("bert", presence.Busy, fmt.Sprint(i))
	}
	f := w.next()
	wantIDs(t, "one frame", f.ids(), "anna", "bert")
	w.check()
	s.stop() // what is counted is counted behind the write
	if st := s.Stats(); st.Writes != 3 || st.Delivered < 3 {
		t.Errorf("%+v, want 3 writes", st)
	}
}

func TestWhatAViewerMayNotSeeMakesNoFrame(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Millisecond}, "anna", "bert", "cora", "dora", "emil")
	s.relate("cora", "anna", rights.External) // sees the status alone
	s.relate("cora", "dora", rights.Blocked)
	s.relate("cora", "emil", rights.Unknown)
	w := s.client("cora", "anna", "bert", "dora", "emil")
	f := w.watch()
	wantIDs(t, "snapshot", f.ids(), "anna", "bert")
	u := s.office.people["anna"]
	u.Presence.Text, u.Presence.Since, u.Presence.Line.State = "secret", u.Presence.Since.Add(time.Minute), presence.LineRinging
	s.publish(u)
	s.set("dora", presence.Busy, "")
	s.set("emil", presence.Busy, "")
	s.Office(office.Change{Cards: []string{"dora"}, Levels: []string{"dora", "emil"}})
	s.Office(office.Change{AllLevels: true}) // nothing changed for cora
	s.publish(hub.Update{PersonID: "dora", Gone: true})
	s.set("bert", presence.Busy, "")
	f = w.next()
	wantIDs(t, "changes", f.ids(), "bert")
	wantIDs(t, "stale", f.Stale)
	wantIDs(t, "gone", f.Gone)
	w.check()
}

// TestWhoIsAddedIsSeen: whoever watches somebody between the office's word of them and the hub's is told of them.
func TestWhoIsAddedIsSeen(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Millisecond}, "anna")
	s.office.mu.Lock()
	s.office.coming = map[string]bool{"bert": true}
	s.office.mu.Unlock()
	w := s.client("anna", "anna", "bert", "nobody")
	f := w.watch()
	wantIDs(t, "snapshot", f.ids(), "anna")
	s.relate("anna", "bert", rights.Employee) // of what is not known nothing is told
	f = w.next()
	wantIDs(t, "changes before", f.ids())
	wantIDs(t, "stale", f.Stale, "bert")
	s.set("bert", presence.LoggedOut, "")
	f = w.next()
	wantIDs(t, "changes", f.ids(), "bert")
	w.check()
	s.set("bert", presence.Busy, "")
	f = w.next()
	wantIDs(t, "changes", f.ids(), "bert")
	w.check()
}

func TestARelationshipThatChanges(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Millisecond}, "anna", "bert", "cora", "dora")
	w := s.client("cora", "anna", "bert")
	other := s.client("dora", "anna")
	w.watch()
	other.watch()
	for _, l := range []rights.Level{rights.External, rights.Assistant, rights.AssistantPlus, rights.Employee} {
		s.relate("cora", "anna", l)
		f := w.next()
		wantIDs(t, l.String(), f.Stale, "anna")
		w.check()
	}
	s.relate("cora", "anna", rights.Unknown)
	f := w.next()
	wantIDs(t, "unknown: stale", f.Stale, "anna")
	wantIDs(t, "unknown: people", f.ids())
	s.relate("cora", "anna", rights.Blocked)
	f = w.next()
	wantIDs(t, "blocked: gone", f.Gone, "anna")
	wantIDs(t, "blocked: stale", f.Stale)
	s.set("anna", presence.DoNotDisturb, "Exam")
	f = other.next() // hers is out, so w's would be
	wantIDs(t, "the other", f.ids(), "anna")
	wantIDs(t, "the other: stale", f.Stale)
	s.relate("cora", "anna", rights.Employee)
	f = w.next()
	wantIDs(t, "employee: people", f.ids(), "anna")
	wantIDs(t, "employee: stale", f.Stale, "anna")
	w.check()
	s.publish(hub.Update{PersonID: "anna", Gone: true})
	s.Office(office.Change{Removed: []string{"anna"}, Cards: []string{"anna"}, Levels: []string{"anna"}})
	f = w.next()
	wantIDs(t, "removed: gone", f.Gone, "anna")
	wantIDs(t, "removed: stale", f.Stale)
	again := s.client("bert", "anna", "cora")
	f = again.watch()
	wantIDs(t, "a snapshot after the removal", f.ids(), "cora")
	s.Office(office.Change{Cards: []string{"bert"}})
	f = w.next()
	wantIDs(t, "another card: stale", f.Stale, "bert")
	wantIDs(t, "another card: gone", f.Gone)
}

func TestAnotherSetIsWatched(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Millisecond}, "anna", "bert", "cora")
	w := s.client("cora", "anna")
	w.watch()
	w.people, w.epoch = []string{"bert"}, ""
	f := w.ask()
	wantIDs(t, "the second snapshot", f.ids(), "bert")
	s.set("anna", presence.Busy, "")
	s.set("bert", presence.Busy, "")
	f = w.next()
	wantIDs(t, "changes", f.ids(), "bert")
	w.people = nil
	f = w.ask()
	wantIDs(t, "nobody", f.ids())
	if f.Type != "snapshot" {
		t.Errorf("another set was answered with %q: a position holds for the set it was given for", f.Type)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna", "bert", "cora", "dora")
	w := s.client("cora", "anna", "bert", "dora")
	w.watch()
	w.drop()
	f := w.watch()
	if f.Type != "resumed" || len(f.People) > 0 {
		t.Errorf("after a drop with no change: %s with %v, want resumed with nobody", f.Type, f.ids())
	}
	w.drop()
	s.set("anna", presence.Busy, "")
	s.set("anna", presence.Busy, "Exam")
	f = w.watch()
	wantIDs(t, "resumed", f.ids(), "anna")
	w.check()
	w.drop()
	s.Office(office.Change{Cards: []string{"bert"}})
	if f = w.watch(); f.Type != "resumed" {
		t.Errorf("after a card changed: %s", f.Type)
	}
	f = w.next()
	wantIDs(t, "cards that changed meanwhile", f.Stale, "bert")

	w.drop()
	w.people = []string{"anna", "bert"}
	if f = w.watch(); f.Type != "snapshot" {
		t.Errorf("for another set: %s, want a snapshot", f.Type)
	}
	stranger := s.client("dora", "anna", "bert")
	stranger.epoch, stranger.position = w.epoch, w.position
	if f = stranger.watch(); f.Type != "snapshot" {
		t.Errorf("with another's position: %s, want a snapshot", f.Type)
	}
	w.drop()
	w.epoch = "0000000000000000"
	if f = w.watch(); f.Type != "snapshot" {
		t.Errorf("from another epoch: %s, want a snapshot", f.Type)
	}
	w.drop()
	s.relate("cora", "anna", rights.External)
	if f = w.watch(); f.Type != "snapshot" {
		t.Errorf("after a relationship changed: %s, want a snapshot", f.Type)
	}
	w.check()
	w.drop()
	w.position = strings.Repeat("A", 22)
	if f = w.watch(); f.Type != "snapshot" {
		t.Errorf("from a made-up position: %s, want a snapshot", f.Type)
	}
	w.drop()
	stranger.drop()
	s.unwatched()
	s.mu.Lock()
	s.sweep()
	s.mu.Unlock()
	s.set("anna", presence.Available, "while nobody watched")
	w.watch()
	w.check()
}

// unwatched waits until all connections are taken out.
func (s *stream) unwatched() {
	s.t.Helper()
	for end := time.Now().Add(patience); s.Stats().Connections > 0; {
		if time.Now().After(end) {
			s.t.Fatalf("%d connections are left", s.Stats().Connections)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, x := range s.subjects {
		if x.watchers != 0 {
			s.t.Errorf("%s has %d watchers, want none", id, x.watchers)
		}
	}
}

func TestClientsThatGoAtOnce(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		s := open(t, secure, Config{Gather: time.Millisecond}, "anna", "bert", "cora")
		ctx, cancel := context.WithCancel(context.Background())
		var busy sync.WaitGroup
		busy.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				s.set("anna", presence.Busy, fmt.Sprint(i))
			}
		})
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 25 {
					w := &watcher{t: t, stream: s, as: "cora", people: []string{"anna", "bert"}}
					w.connect()
					w.send(`{"type":"watch","people":["anna","bert"]}`)
					if (i+j)%2 == 0 {
						w.send(`{"type":"watch","people":["anna"]}`)
						w.conn.Close(websocket.StatusNormalClosure, "")
					}
					w.conn.CloseNow()
				}
			})
		}
		all.Wait()
		cancel()
		busy.Wait()
		s.unwatched()
	})
}

func TestMessagesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna")
	many := make([]string, 2001)
	for i := range many {
		many[i] = fmt.Sprint("p", i)
	}
	tooMany, _ := json.Marshal(message{Type: "watch", People: many})
	for _, c := range []struct {
		name, text string
		kind       websocket.MessageType
		want       websocket.StatusCode
	}{
		{"not JSON", `{`, websocket.MessageText, CloseBadMessage},
		{"no object", `[]`, websocket.MessageText, CloseBadMessage},
		{"nothing", ``, websocket.MessageText, CloseBadMessage},
		{"null", `null`, websocket.MessageText, CloseBadMessage},
		{"another type", `{"type":"shout"}`, websocket.MessageText, CloseBadMessage},
		{"wrong field", `{"type":"watch","people":"anna"}`, websocket.MessageText, CloseBadMessage},
		{"2,001 people", string(tooMany), websocket.MessageText, CloseTooMany},
		{"binary", `{}`, websocket.MessageBinary, websocket.StatusUnsupportedData},
		{"too long", strings.Repeat(" ", 4*mostMessage), websocket.MessageText, websocket.StatusMessageTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := s.client("anna")
			w.connect()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			w.conn.Write(ctx, c.kind, []byte(c.text)) // may fail: it was told before the end
			if got := w.closed(); got != c.want {
				t.Errorf("closed with %d, want %d", got, c.want)
			}
		})
	}
	w := s.client("anna", many[:2000]...)
	w.watch()
}

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna")
	for _, c := range []struct {
		as, origin string
		want       int
	}{
		{"", "", http.StatusUnauthorized},
		{"anna", "https://elsewhere.example", http.StatusForbidden},
		{"anna", "null", http.StatusForbidden},
		{"anna", s.server.URL, http.StatusSwitchingProtocols},
		{"anna", "", http.StatusSwitchingProtocols},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		conn, answer, err := websocket.Dial(ctx, s.url(c.as), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {c.origin}}})
		if answer == nil || answer.StatusCode != c.want {
			t.Errorf("as %q from %q: %v %v, want %d", c.as, c.origin, answer, err, c.want)
		}
		if conn != nil {
			conn.CloseNow()
		}
		cancel()
	}
}

func TestTheServerStops(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		s := open(t, secure, Config{}, "anna")
		w := s.client("anna", "anna")
		w.watch()
		deaf := s.client("anna", "anna") // reads nothing, answers nothing
		deaf.watch()
		done := make(chan struct{})
		go func() { s.stop(); close(done) }()
		if got := w.closed(); got != websocket.StatusGoingAway {
			t.Errorf("closed with %d, want 1001", got)
		}
		<-done
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

func TestAClientSaysGoodBye(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		s := open(t, secure, Config{}, "anna")
		w := s.client("anna", "anna")
		w.watch()
		if err := w.conn.Close(websocket.StatusNormalClosure, "bye"); err != nil {
			t.Errorf("the close was not answered: %v", err)
		}
		s.unwatched()
	})
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna", "bert", "eva")
	a, e, b := s.client("anna", "anna"), s.client("eva", "anna"), s.client("bert", "anna")
	for _, w := range []*watcher{a, e, b} {
		w.watch()
	}
	s.SignOut(3) // the length of eva's name is her session here
	if got := e.closed(); got != CloseSignedOut {
		t.Errorf("eva: closed with %d, want 4401", got)
	}
	s.Office(office.Change{Signed: []string{"bert"}})
	if got := b.closed(); got != CloseSignedOut {
		t.Errorf("bert: closed with %d, want 4401", got)
	}
	s.set("anna", presence.Busy, "")
	a.next()
	for _, c := range s.all() {
		c.expires = 1
	}
	s.ping(s.all())
	if got := a.closed(); got != CloseSignedOut {
		t.Errorf("anna: closed with %d, want 4401", got)
	}
}

func TestPingsAreAnsweredAndSilenceEnds(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna")
	w := s.client("anna", "anna")
	w.watch()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	read, said := make(chan error, 1), make(chan string, 1)
	go func() {
		_, text, err := w.conn.Read(ctx)
		if said <- string(text); err == nil {
			_, _, err = w.conn.Read(ctx)
		}
		read <- err
	}()
	if err := w.conn.Ping(ctx); err != nil {
		t.Errorf("a ping was not answered: %v", err)
	}
	c := s.all()[0]
	c.seen.Store(time.Now().Unix() - 40)
	s.ping(s.all())
	for c.seen.Load() < time.Now().Unix()-20 { // its pong counts as a sign of life
		if ctx.Err() != nil {
			t.Fatal("our ping was not answered")
		}
	}
	if text := <-said; text != `{"type":"alive"}` { // for pages, which do not see pings
		t.Errorf("with the ping came %s", text)
	}
	c.seen.Store(time.Now().Unix() - 120)
	s.ping(s.all())
	if err := <-read; err == nil || websocket.CloseStatus(err) >= 0 {
		t.Errorf("a dead connection ended with %v, want it cut", err)
	}
}

// clients counts connections that count as clients.
type clients struct {
	mu      sync.Mutex
	running []string
	err     error
	minutes int
	ended   chan string
}

func (c *clients) Report(_ context.Context, person string, r Report) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	said := person + "/" + r.ID + "/" + r.Label
	if r.Activity != nil {
		said += "/" + r.Activity.String()
	}
	if r.Microphone != nil {
		said += "/" + strings.Join(*r.Microphone, "+")
	}
	c.running = append(c.running, said)
	return nil
}

func (c *clients) Attach(person, client string) func(time.Time) {
	once := sync.OnceFunc(func() { c.ended <- person + "/" + client })
	return func(time.Time) { once() }
}

func (c *clients) End(_ context.Context, person, client string) error {
	c.ended <- "end of " + person + "/" + client
	return nil
}

func (c *clients) Settings(person string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []byte(`{"type":"settings","minutes":` + strconv.Itoa(c.minutes) + `}`)
}

func TestAConnectionThatCountsAsAClient(t *testing.T) {
	t.Parallel()
	list := &clients{ended: make(chan string, 1)}
	s := open(t, false, Config{Clients: list}, "anna")
	w := s.client("anna", "anna")
	w.connect()
	w.send(`{"type":"client","id":"tab-1","label":"Firefox"}`)
	w.send(`{"type":"client","id":"tab-2"}`) // a connection is one client
	w.ask()
	w.drop()
	if got := <-list.ended; got != "anna/tab-1" {
		t.Errorf("%s has ended", got)
	}
	if !slices.Equal(list.running, []string{"anna/tab-1/Firefox"}) {
		t.Errorf("ran: %q", list.running)
	}
	w.connect()
	w.send(`{"type":"client","id":"tab 1"}`)
	if got := w.closed(); got != CloseBadMessage {
		t.Errorf("closed with %d, want 4400", got)
	}
}

// A desktop client is told what to measure when it reports, and when that changes; nothing twice.
func TestADesktopClientIsToldWhatToMeasure(t *testing.T) {
	t.Parallel()
	list := &clients{ended: make(chan string, 2), minutes: 10}
	s := open(t, false, Config{Clients: list}, "anna", "bob")
	w := s.client("anna&desktop=1", "anna")
	w.connect()
	w.send(`{"type":"client","id":"desk","label":"Desk","activity":"idle","microphone":["zoom","teams"]}`)
	if got := w.said(); got != `{"type":"settings","minutes":10}` {
		t.Errorf("it is told %s", got)
	}
	w.send(`{"type":"client","id":"desk"}`) // and not told again
	for entered := 0; entered < 2; time.Sleep(time.Millisecond) {
		list.mu.Lock()
		entered = len(list.running)
		list.mu.Unlock()
	}
	s.Office(office.Change{Policies: []string{"bob", "anna"}})
	list.mu.Lock()
	list.minutes = 5
	list.mu.Unlock()
	s.Office(office.Change{Policies: []string{"bob", "anna"}})
	if got := w.said(); got != `{"type":"settings","minutes":5}` {
		t.Errorf("it is told %s", got)
	}
	if want := []string{"anna/desk/Desk/idle/zoom+teams", "anna/desk/"}; !slices.Equal(list.running, want) {
		t.Errorf("it said %q, want %q", list.running, want)
	}
	w.send(`{"type":"end"}`)
	if got := w.closed(); got != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", got)
	}
	for _, want := range []string{"anna/desk", "end of anna/desk"} {
		if got := <-list.ended; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// raw connects without a library's help.
func (s *stream) raw(as string) net.Conn {
	s.t.Helper()
	d := ws.Dialer{Timeout: patience, TLSConfig: &tls.Config{InsecureSkipVerify: true}, NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			c.(*net.TCPConn).SetReadBuffer(256 << 10)
		}
		return c, err
	}}
	c, _, _, err := d.Dial(context.Background(), s.url(as))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

func sendFrame(t *testing.T, c net.Conn, fin bool, op ws.OpCode, text string) {
	t.Helper()
	f := ws.MaskFrame(ws.NewFrame(op, fin, []byte(text)))
	if err := ws.WriteFrame(c, f); err != nil {
		t.Fatal(err)
	}
}

func TestFragments(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna")
	c := s.raw("anna")
	sendFrame(t, c, false, ws.OpText, `{"type":"watch",`)
	sendFrame(t, c, true, ws.OpPing, "there?")
	sendFrame(t, c, false, ws.OpContinuation, ``)
	sendFrame(t, c, true, ws.OpContinuation, `"people":["anna"]}`)
	if f, err := ws.ReadFrame(c); err != nil || f.Header.OpCode != ws.OpPong || string(f.Payload) != "there?" {
		t.Errorf("the ping between fragments was answered with %+v %v", f, err)
	}
	if f, err := ws.ReadFrame(c); err != nil || !strings.Contains(string(f.Payload), `"snapshot"`) {
		t.Errorf("the message in fragments was answered with %s %v", f.Payload, err)
	}
}

func TestFramesThatBreakTheProtocol(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{}, "anna")
	masked := func(op ws.OpCode, fin bool, text string) []byte {
		return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(text))))
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		want  ws.StatusCode
	}{
		{"unmasked", ws.MustCompileFrame(ws.NewTextFrame([]byte("{}"))), 1002},
		{"reserved bit", append([]byte{0xc1}, masked(ws.OpText, true, "{}")[1:]...), 1002},
		{"unknown opcode", append([]byte{0x83}, masked(ws.OpText, true, "{}")[1:]...), 1002},
		{"continuation of nothing", masked(ws.OpContinuation, true, "{}"), 1002},
		{"text within fragments", append(masked(ws.OpText, false, "{"), masked(ws.OpText, true, "}")...), 1002},
		{"ping in fragments", masked(ws.OpPing, false, "x"), 1002},
		{"long ping", masked(ws.OpPing, true, strings.Repeat("x", 126)), 1002},
		{"fragments too long together", append(masked(ws.OpText, false, strings.Repeat(" ", mostMessage-10)), masked(ws.OpContinuation, true, strings.Repeat(" ", 20))...), 1009},
		{"absurd length", []byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, 1009},
		{"close with half a code", masked(ws.OpClose, true, "x"), 1002},
		{"close with a code nobody may send", masked(ws.OpClose, true, "\x03\xed"), 1002},
		{"close", masked(ws.OpClose, true, "\x03\xe9"), 1001},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := s.raw("anna")
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			f, err := ws.ReadFrame(conn)
			if err != nil || f.Header.OpCode != ws.OpClose {
				t.Fatalf("answered with %+v, %v", f, err)
			}
			if code, reason := ws.ParseCloseFrameData(f.Payload); code != c.want {
				t.Errorf("closed with %d %q, want %d", code, reason, c.want)
			}
			if _, err := ws.ReadFrame(conn); !errors.Is(err, io.EOF) {
				t.Errorf("after the close frame: %v, want the end", err)
			}
		})
	}
}

func TestASlowReaderIsToldAndHoldsNobodyUp(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		people := []string{"zoe"}
		for i := range 500 {
			people = append(people, fmt.Sprintf("p%03d", i))
		}
		s := open(t, secure, Config{Gather: time.Millisecond, Slow: 2 * time.Second}, people...) // it must read again within twice as long
		slow := s.raw("slow")
		all, _ := json.Marshal(message{Type: "watch", People: people})
		sendFrame(t, slow, true, ws.OpText, string(all))
		quick := s.client("quick", "zoe")
		quick.watch()
		deadline := time.Now().Add(patience)
		longest := time.Duration(0)
		for round, told := 0, false; !told; round++ {
			updates := make([]hub.Update, len(people))
			for i, id := range people {
				updates[i] = s.update(id, presence.Busy, fmt.Sprint(round, strings.Repeat("x", 200)))
			}
			began := time.Now()
			s.publish(updates...)
			quick.next()
			quick.check()
			longest = max(longest, time.Since(began))
			select {
			case who := <-s.dropped:
				if told = true; who != "slow" {
					t.Errorf("%s was dropped", who)
				}
			default:
			}
			if time.Now().After(deadline) {
				t.Fatal("the slow connection was not dropped")
			}
		}
		if longest > 3*time.Second {
			t.Errorf("somebody else waited %v", longest)
		}
		// Now it reads: whole frames in order, then why.
		slow.SetDeadline(time.Now().Add(patience))
		last := uint64(0)
		for {
			f, err := ws.ReadFrame(slow)
			if err != nil {
				t.Fatalf("the connection ended with %v, want to be told", err)
			}
			if f.Header.OpCode == ws.OpClose {
				if code, _ := ws.ParseCloseFrameData(f.Payload); code != CloseSlow {
					t.Errorf("closed with %d, want 4408", code)
				}
				break
			}
			if f.Header.OpCode != ws.OpText {
				continue
			}
			var x frame
			if err := json.Unmarshal(f.Payload, &x); err != nil || x.Seq != last+1 {
				t.Fatalf("frame %d after %d: %v", x.Seq, last, err)
			}
			last = x.Seq
		}
		slow.Close()
		s.set("zoe", presence.Available, "")
		quick.next()
	})
}

func TestAClientThatSendsButDoesNotRead(t *testing.T) {
	t.Parallel()
	var people []string
	for i := range 2000 {
		people = append(people, fmt.Sprintf("p%04d", i))
	}
	s := open(t, false, Config{Slow: time.Hour}, people...)
	c := s.raw("anna")
	all, _ := json.Marshal(message{Type: "watch", People: people})
	f := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(all)))
	for range 500 {
		if _, err := c.Write(f); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("it is neither served nor cut off: %v", err)
			}
			return // cut off
		}
	}
	t.Error("500 snapshots wait for it in memory")
}
