package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// town is an office, what is published about its people, and a receiver.
type town struct {
	t      *testing.T
	mu     sync.Mutex
	people map[string]hub.Update
	levels map[string]rights.Level // of the viewer "eve"; team colleague by default
	away   map[string]bool         // who are blocked

	hooks    *Hooks
	receiver *httptest.Server
	calls    chan call
	answer   func(n int) (status int, header http.Header)
	n        int
	results  chan Delivery
}

// call is what the receiver got.
type call struct {
	ID     string
	Type   string
	People []struct{ ID, Status, Text string }
	Gone   []string
	body   string
}

func (c call) String() string {
	var all []string
	for _, p := range c.People {
		all = append(all, strings.TrimSpace(p.ID+" "+p.Status+" "+p.Text))
	}
	for _, id := range c.Gone {
		all = append(all, id+" gone")
	}
	return strings.Join(all, ", ")
}

func (w *town) Level(viewer, owner string) rights.Level {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.people[owner]; !ok {
		return rights.Blocked
	}
	if l, ok := w.levels[owner]; ok {
		return l
	}
	return rights.TeamColleague
}

func (w *town) Person(id string) (*office.Person, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.people[id]
	return &office.Person{Person: store.Person{ID: id, Blocked: w.away[id]}}, ok
}

func (w *town) IDs() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.people {
		all = append(all, id)
	}
	return all
}

func (w *town) Presence(id string) (presence.Presence, presence.Shown, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, ok := w.people[id]
	return u.Presence, u.Shown, ok
}

const signed = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func newTown(t *testing.T, people ...string) *town {
	w := &town{t: t, people: map[string]hub.Update{}, levels: map[string]rights.Level{}, away: map[string]bool{}, calls: make(chan call, 1000), results: make(chan Delivery, 1000)}
	for _, id := range people {
		w.put(id, presence.Available, "")
	}
	check, err := standardwebhooks.NewWebhook(signed)
	if err != nil {
		t.Fatal(err)
	}
	w.answer = func(int) (int, http.Header) { return http.StatusNoContent, nil }
	w.receiver = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := check.Verify(body, r.Header); err != nil {
			t.Errorf("the signature does not fit: %v", err)
		}
		c := call{ID: r.Header.Get("Webhook-Id"), body: string(body)}
		if err := json.Unmarshal(body, &c); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", body, err)
		}
		w.mu.Lock()
		status, header := w.answer(w.n)
		w.n++
		w.mu.Unlock()
		w.calls <- c
		for k, v := range header {
			rw.Header()[k] = v
		}
		rw.WriteHeader(status)
	}))
	client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxRedirects: -1})
	w.hooks = New(w, w, client, slog.New(slog.DiscardHandler), func(_ string, _ *url.URL, d Delivery, _ time.Time) { w.results <- d })
	w.hooks.timing = timing{gather: 5 * time.Millisecond, first: 5 * time.Millisecond, longest: 20 * time.Millisecond, patience: patience}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.hooks.Run(ctx); close(done) }()
	t.Cleanup(func() {
		cancel()
		<-done
		w.receiver.Close()
		client.CloseIdleConnections()
	})
	return w
}

func (w *town) config(people ...string) Config {
	u, _ := url.Parse(w.receiver.URL + "/hook")
	secret, err := ParseSecret(signed)
	if err != nil {
		w.t.Fatal(err)
	}
	return Config{URL: u, Secret: secret, Viewer: "eve", People: people}
}

func (w *town) put(id string, status presence.Status, text string) hub.Update {
	u := hub.Update{PersonID: id, Presence: presence.Presence{Status: status, Text: text}, Shown: presence.Shown{Status: status}}
	w.mu.Lock()
	w.people[id] = u
	w.mu.Unlock()
	return u
}

func (w *town) set(id string, status presence.Status, text string) {
	w.hooks.Publish([]hub.Update{w.put(id, status, text)})
}

func (w *town) next() call {
	w.t.Helper()
	select {
	case c := <-w.calls:
		return c
	case <-time.After(patience):
		w.t.Fatal("nobody calls")
		return call{}
	}
}

func (w *town) wants(want string) {
	w.t.Helper()
	if got := w.next().String(); got != want {
		w.t.Errorf("told %q, want %q", got, want)
	}
}

func TestAReceiverIsToldWhatTheViewerMaySee(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", "cora", "dora", "eve")
	w.levels["bert"], w.levels["cora"], w.levels["dora"] = rights.Employee, rights.Unknown, rights.Blocked
	w.hooks.Set("h", w.config())
	w.wants("anna available, bert available, eve available")
	w.set("anna", presence.Busy, "Lunch")
	w.wants("anna busy Lunch")
	w.set("bert", presence.Available, "secret") // an employee sees no text
	w.set("cora", presence.Busy, "secret")
	w.set("dora", presence.Busy, "secret")
	w.set("anna", presence.Busy, "Lunch") // as before
	w.set("bert", presence.Busy, "secret")
	w.wants("bert busy")
	w.set("anna", presence.Available, "")
	w.wants("anna available")

	// Another relationship, somebody new, somebody who goes, and the viewer themselves.
	level := func(id string, l rights.Level) {
		w.mu.Lock()
		w.levels[id] = l
		w.mu.Unlock()
		w.hooks.Office(office.Change{Levels: []string{id}})
	}
	level("dora", rights.TeamColleague)
	w.wants("dora busy secret")
	level("anna", rights.Blocked)
	w.wants("anna gone")
	level("anna", rights.Unknown)
	w.set("fred", presence.Available, "")
	w.wants("fred available")
	w.mu.Lock()
	delete(w.people, "fred")
	w.mu.Unlock()
	w.hooks.Office(office.Change{Removed: []string{"fred"}})
	w.wants("fred gone")
	w.mu.Lock()
	w.away["eve"] = true
	w.mu.Unlock()
	w.hooks.Office(office.Change{Levels: []string{"eve"}})
	w.wants("bert gone, dora gone, eve gone")
	w.set("dora", presence.Available, "")
	w.mu.Lock()
	w.away["eve"] = false
	w.mu.Unlock()
	w.hooks.Office(office.Change{Levels: []string{"eve"}})
	w.wants("bert busy, dora available, eve available")
}

func TestAHookForSomePeople(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", "eve")
	w.hooks.Set("h", w.config("bert", "nobody"))
	w.wants("bert available")
	w.set("anna", presence.Busy, "")
	w.set("bert", presence.Busy, "")
	w.wants("bert busy")
	w.hooks.Set("h", w.config("anna")) // replaced, it begins anew
	w.wants("anna busy, bert gone")
	w.hooks.Remove("h")
	w.set("anna", presence.Available, "")
	select {
	case c := <-w.calls:
		t.Errorf("a hook that is gone tells %s", c)
	case <-time.After(30 * time.Millisecond):
	}
}

// TestAReceiverThatFailsIsToldHowThingsAre: tried again it is the same call, unless something has changed since; then that is told,
// once, and not what was in between.
func TestAReceiverThatFailsIsToldHowThingsAre(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", "eve")
	w.hooks.Set("h", w.config("anna", "bert"))
	first := w.next()
	w.mu.Lock()
	began := w.n
	w.answer = func(n int) (int, http.Header) {
		switch {
		case n < began+2:
			return http.StatusInternalServerError, nil
		case n == began+2:
			return http.StatusServiceUnavailable, http.Header{"Retry-After": {"3600"}} // which it is not granted, but the longest
		}
		return http.StatusOK, nil
	}
	w.mu.Unlock()
	w.set("anna", presence.Busy, "one")
	a, b := w.next(), w.next()
	if a.ID != b.ID || a.body != b.body || a.ID == first.ID {
		t.Errorf("tried again, %+v is %+v", a, b)
	}
	w.set("anna", presence.Busy, "two")
	w.set("bert", presence.Busy, "")
	w.set("anna", presence.DoNotDisturb, "three")
	var last call
	for last.String() != "anna do_not_disturb three, bert busy" {
		last = w.next()
	}
	if last.ID == a.ID {
		t.Error("what says something else has the same name")
	}
	var attempts []string
	for end := false; !end; {
		select {
		case d := <-w.results:
			attempts = append(attempts, fmt.Sprint(d.Attempt, " ", d.Status, " ", d.Error))
			end = d.Status == http.StatusOK && d.People == 2 && len(attempts) > 2
		case <-time.After(patience):
			t.Fatal(attempts)
		}
	}
	if !slices.Contains(attempts, "1 500 The receiver answers 500 Internal Server Error.") || !slices.Contains(attempts, "2 500 The receiver answers 500 Internal Server Error.") {
		t.Errorf("the attempts were %q", attempts)
	}
}

// TestAnAnswerThatIsLost: the receiver has taken what it was told, and says so to nobody. It must learn that it is not so any more,
// though before that it was told just what is so again.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "eve")
	w.hooks.Set("h", w.config("anna"))
	w.wants("anna available")
	w.mu.Lock()
	lost := w.n
	w.answer = func(n int) (int, http.Header) {
		if n == lost {
			w.mu.Unlock() // the call is under way: she is back before its answer is lost
			w.put("anna", presence.Available, "")
			w.mu.Lock()
			return http.StatusBadGateway, nil
		}
		return http.StatusOK, nil
	}
	w.mu.Unlock()
	w.set("anna", presence.Busy, "")
	w.wants("anna busy")
	w.wants("anna available")
}

// TestAHookThatLooksWithOtherEyes: whom it may not tell of any more is gone for the receiver too.
func TestAHookThatLooksWithOtherEyes(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", "eve", "fred")
	w.hooks.Set("h", w.config("anna", "bert"))
	w.wants("anna available, bert available")
	w.mu.Lock()
	w.levels["bert"] = rights.Blocked // fred may not see him
	w.mu.Unlock()
	c := w.config("anna", "bert")
	c.Viewer = "fred"
	w.hooks.Set("h", c)
	w.wants("anna available, bert gone")
}

func TestManyPeopleAreToldOfInPieces(t *testing.T) {
	t.Parallel()
	people := make([]string, 1234)
	for i := range people {
		people[i] = fmt.Sprintf("p%04d", i)
	}
	w := newTown(t, append(people, "eve")...)
	w.hooks.Set("h", w.config())
	seen := map[string]bool{}
	for len(seen) < 1235 {
		c := w.next()
		if len(c.People) > mostPeople {
			t.Errorf("a call tells of %d people", len(c.People))
		}
		for _, p := range c.People {
			if seen[p.ID] {
				t.Errorf("%s is told of twice", p.ID)
			}
			seen[p.ID] = true
		}
	}
}

// TestNothingIsLost: whatever changes while whatever fails, in the end the receiver knows how everybody is.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", "cora", "eve")
	w.mu.Lock()
	w.answer = func(n int) (int, http.Header) {
		if n%3 == 1 {
			return http.StatusBadGateway, nil
		}
		return http.StatusOK, nil
	}
	w.mu.Unlock()
	w.hooks.Set("h", w.config("anna", "bert", "cora"))
	var changing sync.WaitGroup
	for _, id := range []string{"anna", "bert", "cora"} {
		changing.Go(func() {
			for i := range 300 {
				w.set(id, presence.Busy, fmt.Sprint(i))
			}
			w.set(id, presence.Available, "last")
		})
	}
	changing.Wait()
	know := map[string]string{}
	for end := time.After(patience); know["anna"] != "last" || know["bert"] != "last" || know["cora"] != "last"; {
		select {
		case c := <-w.calls: // also those that were refused: the same comes again
			for _, p := range c.People {
				know[p.ID] = p.Text
			}
		case <-end:
			t.Fatalf("the receiver knows %v", know)
		}
	}
}

func TestTrying(t *testing.T) {
	t.Parallel()
	w := newTown(t, "eve")
	if d := w.hooks.Try(t.Context(), w.config()); d.Error != "" || d.Status != http.StatusNoContent {
		t.Errorf("got %+v", d)
	}
	if c := w.next(); c.Type != "ping" {
		t.Errorf("told %s", c.body)
	}
	w.mu.Lock()
	w.answer = func(int) (int, http.Header) { return http.StatusFound, http.Header{"Location": {"http://127.0.0.1/"}} }
	w.mu.Unlock()
	if d := w.hooks.Try(t.Context(), w.config()); !strings.Contains(d.Error, "redirect") {
		t.Errorf("a redirect is followed: %+v", d)
	}
	c := w.config()
	c.URL, _ = url.Parse("http://169.254.169.254/latest/meta-data")
	if d := w.hooks.Try(t.Context(), c); !strings.Contains(d.Error, "not allowed") {
		t.Errorf("a metadata service is asked: %+v", d)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	if b, err := ParseSecret(NewSecret()); err != nil || len(b) != 32 {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
	for _, bad := range []string{"", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?", "whsec_" + strings.Repeat("AAAA", 30)} {
		if _, err := ParseSecret(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
