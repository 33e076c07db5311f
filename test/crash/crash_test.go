package crash

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

var rounds = flag.Int("rounds", 25, "how often the server is killed")

// office is what the test sets up: people of whom some are busy, some are left alone, and who watches them.
type office struct {
	*server
	admin    string
	origins  map[string]string // secrets of tokens by origin
	busy     []*person
	quiet    []*person // nobody says anything about them once the killing begins
	watchers []*watcher
	round    int
}

const (
	busyPeople  = 30
	quietPeople = 10
)

func TestNobodyCanTellThatTheServerWasKilled(t *testing.T) {
	o := &office{server: build(t), origins: map[string]string{}}
	o.start()
	o.furnish()
	ctx, cancel := context.WithCancel(context.Background())
	var streams sync.WaitGroup
	defer streams.Wait()
	defer cancel()
	for _, w := range o.watchers {
		streams.Go(func() { w.run(ctx) })
	}
	o.converge()
	before := o.untouched()
	made, lost := 0, 0
	for o.round = 1; o.round <= *rounds; o.round++ {
		made += o.work(5 + rand.IntN(250))
		o.start()
		lost += o.settle()
		o.converge()
		if after := o.untouched(); !maps.Equal(before, after) {
			t.Fatalf("round %d: people whom nobody touched were\n%v\nand are\n%v", o.round, before, after)
		}
	}
	t.Logf("killed %d times: %d changes acknowledged, %d more under way of which %d were lost, as they may be", *rounds, made, *rounds*busyPeople, lost)
}

// furnish makes an administrator, people, tokens and watchers.
func (o *office) furnish() {
	o.t.Helper()
	o.must("", "POST", "/setup", map[string]any{
		"name": "Admin", "login": "admin", "password": "correct horse battery", "location": "Head office", "time_zone": "Europe/Berlin",
	}, &o.admin)
	var places struct {
		Locations []struct{ ID string }
	}
	o.must(o.admin, "GET", "/locations", nil, &places)
	hire := func(name string) *person {
		var p struct{ ID string }
		o.must(o.admin, "POST", "/people", map[string]any{"name": name, "location": places.Locations[0].ID}, &p)
		return newPerson(p.ID, name, o.token(map[string]any{"name": name, "scopes": []string{"admin"}, "person": p.ID}))
	}
	for _, origin := range []string{"door", "clock"} {
		o.origins[origin] = o.token(map[string]any{"name": origin, "origin": origin, "scopes": []string{"claims", "lines"}})
	}
	var members []string
	for i := range busyPeople {
		o.busy = append(o.busy, hire(fmt.Sprintf("busy%02d", i)))
		members = append(members, o.busy[i].id)
	}
	for i := range quietPeople {
		p := hire(fmt.Sprintf("quiet%02d", i))
		o.quiet = append(o.quiet, p)
		members = append(members, p.id)
		path := "/people/" + p.id
		switch i % 5 {
		case 0:
			o.must(p.secret, "PUT", path+"/choice", map[string]any{"status": presence.Busy, "text": "left alone"}, nil)
		case 1:
			o.must(o.origins["door"], "PUT", path+"/claim", map[string]any{"status": presence.Unavailable, "text": "out"}, nil)
		case 2:
			o.must(p.secret, "PUT", path+"/clients/desk", map[string]any{"activity": "active"}, nil) // and never heard of for the grace time
		case 3:
			o.must(p.secret, "PUT", path+"/choice", map[string]any{"status": presence.DoNotDisturb, "until": time.Now().Add(24 * time.Hour)}, nil)
		}
	}
	o.must(o.admin, "POST", "/work-groups", map[string]any{"name": "All", "level": "team_colleague", "members": members}, nil)
	for i := range 3 {
		o.watch(fmt.Sprintf("colleague%d", i), o.busy[i].secret, o.busy[i].id, true)
	}
	guest := hire("guest")
	o.watch("guest", guest.secret, guest.id, false)
}

func (o *office) token(in map[string]any) string {
	o.t.Helper()
	var out struct{ Secret string }
	o.must(o.admin, "POST", "/tokens", in, &out)
	return out.Secret
}

// work has everybody busy at once, kills the server after so many operations, and returns how many were acknowledged.
func (o *office) work(until int) (made int) {
	o.t.Helper()
	var left = make(chan struct{}, until)
	for range until {
		left <- struct{}{}
	}
	enough, killed := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(enough) })
	var mu sync.Mutex // guards made and the kind of failure
	var failure error
	var all sync.WaitGroup
	for _, p := range o.busy {
		all.Go(func() {
			for {
				select {
				case <-left:
				default:
					once() // kill it, with this operation and those of others under way
				}
				op := p.next(o)
				p.enter(op)
				err := o.call(context.Background(), op.secret, op.method, op.path, op.body, nil)
				var no *refused
				switch {
				case err == nil:
					p.acknowledged()
					mu.Lock()
					made++
					mu.Unlock()
					continue
				case errors.As(err, &no):
					mu.Lock()
					failure = errors.Join(failure, fmt.Errorf("%s: %w", op.name, err))
					mu.Unlock()
				default:
					<-killed // it must have been that
				}
				once()
				return
			}
		})
	}
	// Heartbeats go on meanwhile; they change nothing.
	all.Go(func() {
		for _, p := range o.quiet {
			if p.name == "quiet02" || p.name == "quiet07" {
				o.call(context.Background(), p.secret, http.MethodPut, "/people/"+p.id+"/clients/desk", map[string]any{}, nil)
			}
		}
	})
	<-enough
	o.kill()
	close(killed)
	all.Wait()
	if failure != nil {
		o.t.Fatalf("round %d: %v", o.round, failure)
	}
	return made
}

// settle finds out what became of the operations in doubt, and returns how many were lost.
func (o *office) settle() (lost int) {
	o.t.Helper()
	for _, p := range o.busy {
		before := len(p.states)
		var e rights.Explanation
		o.must(p.secret, "GET", "/people/"+p.id+"/explanation", nil, &e)
		if err := p.settle(e); err != nil {
			o.t.Fatalf("round %d: %v", o.round, err)
		}
		lost += before - len(p.states)
	}
	return lost
}

// untouched returns what is known of the people who are left alone.
func (o *office) untouched() map[string]string {
	o.t.Helper()
	all := map[string]string{}
	for _, w := range o.watchers {
		for _, p := range o.quiet {
			all[w.name+" on "+p.name+" by stream"] = w.sees(p.id)
			all[w.name+" on "+p.name+" by REST"] = o.card(w, p.id)
		}
	}
	return all
}

func (o *office) card(w *watcher, id string) string {
	o.t.Helper()
	var c struct{ Presence json.RawMessage }
	o.must(w.secret, "GET", "/people/"+id, nil, &c)
	return string(c.Presence)
}

// converge waits until every watcher has come back and seen what is so now.
func (o *office) converge() {
	o.t.Helper()
	late := time.After(patience)
	for _, w := range o.watchers {
		want := map[string]string{}
		for _, p := range slices.Concat(o.busy, o.quiet) {
			want[p.id] = o.card(w, p.id)
		}
		for {
			ok, changed, err := w.compare(want)
			if err != nil {
				o.t.Fatalf("round %d: %v", o.round, err)
			}
			if ok {
				break
			}
			select {
			case <-changed:
			case <-late:
				o.t.Fatalf("round %d: %s sees\n%v\nwant\n%v", o.round, w.name, w.roster, want)
			}
		}
	}
}

// watcher follows everybody by the live stream, and comes back whenever it ends.
type watcher struct {
	office    *office
	name      string
	secret    string
	id        string // of the person
	colleague bool

	mu      sync.Mutex // guards what follows
	roster  map[string]string
	err     error
	changed chan struct{} // closed at every change
	present bool          // a snapshot has come since the connection was made

	epoch, position string // of run
}

func (o *office) watch(name, secret, id string, colleague bool) {
	o.watchers = append(o.watchers, &watcher{
		office: o, name: name, secret: secret, id: id, colleague: colleague, roster: map[string]string{}, changed: make(chan struct{}),
	})
}

func (w *watcher) sees(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.roster[id]
}

func (w *watcher) compare(want map[string]string) (ok bool, changed <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.present && maps.Equal(w.roster, want), w.changed, w.err
}

func (w *watcher) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watcher) run(ctx context.Context) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for ctx.Err() == nil {
		err := w.connection(ctx)
		w.note(func() {
			w.present = false
			var bad *wrong
			if errors.As(err, &bad) && w.err == nil {
				w.err = err
			}
		})
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
}

// wrong is something that must not happen, other than that the connection ends.
type wrong struct{ error }

func (w *watcher) connection(ctx context.Context) error {
	conn, _, err := websocket.Dial(ctx, "ws://"+w.office.listen+"/api/v1/live", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + w.secret}},
	})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(16 << 20)
	people := []string{}
	for _, p := range slices.Concat(w.office.busy, w.office.quiet) {
		people = append(people, p.id)
	}
	message := map[string]any{"type": "watch", "people": people}
	if w.epoch != "" {
		message["resume"] = map[string]any{"epoch": w.epoch, "position": w.position}
	}
	text, err := json.Marshal(message)
	if err != nil {
		return &wrong{err}
	}
	if err := conn.Write(ctx, websocket.MessageText, text); err != nil {
		return err
	}
	for seq := uint64(1); ; seq++ {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var f struct {
			Type, Epoch, Position string
			Seq                   uint64
			People                []json.RawMessage
			Gone, Stale           []string
		}
		if err := json.Unmarshal(data, &f); err != nil {
			return &wrong{fmt.Errorf("%w in %s", err, data)}
		}
		if f.Seq != seq || len(f.Gone)+len(f.Stale) > 0 {
			return &wrong{fmt.Errorf("%s: frame %d is %s", w.name, seq, data)}
		}
		if w.position = f.Position; f.Epoch != "" {
			w.epoch = f.Epoch
		}
		w.note(func() { err = w.take(f.Type, f.People) })
		if err != nil {
			return err
		}
	}
}

// take folds a frame and checks what it says; mu is held.
func (w *watcher) take(kind string, people []json.RawMessage) error {
	w.present = true
	told := map[string]bool{}
	for _, raw := range people {
		var v rights.Presence
		if err := json.Unmarshal(raw, &v); err != nil {
			return &wrong{fmt.Errorf("%w in %s", err, raw)}
		}
		told[v.ID] = true
		was, known := w.roster[v.ID]
		w.roster[v.ID] = string(raw)
		for _, p := range w.office.busy {
			if p.id == v.ID {
				if err := p.saw(w.name, v, string(raw), w.colleague || w.id == v.ID); err != nil {
					return &wrong{err}
				}
			}
		}
		for _, p := range w.office.quiet {
			if p.id == v.ID && known && was != string(raw) {
				return &wrong{fmt.Errorf("%s was told that %s, whom nobody touched, is %s, before it was %s", w.name, p.name, raw, was)}
			}
		}
	}
	if kind == "snapshot" && len(told) != len(w.office.busy)+len(w.office.quiet) {
		return &wrong{fmt.Errorf("%s: a snapshot of %d people", w.name, len(told))}
	}
	return nil
}
