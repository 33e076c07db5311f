package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// door stands in for the server: it tells what clients say, and says what it is told to. What it must do is in docs/protocols.md.
type door struct {
	t      *testing.T
	url    string
	said   chan string // by clients, in order
	handed chan string // calendars
	conns  chan *websocket.Conn

	mu     sync.Mutex
	status int // answered instead; 0: it works
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, said: make(chan string, 100), handed: make(chan string, 10), conns: make(chan *websocket.Conn, 10)}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, r *http.Request, text string) {
		d.mu.Lock()
		status := d.status
		d.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer dlc_x" {
			status = http.StatusUnauthorized
		}
		if status != 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"status":%d,"title":"No","detail":"not now"}`, status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(text))
	}
	mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, `{"person":{"id":"anna","name":"Anna","presence":{"id":"anna","status":"available"}}}`)
	})
	mux.HandleFunc("PUT /api/v1/people/me/choice", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, `{"id":"anna","status":"busy","text":"Exam"}`)
	})
	mux.HandleFunc("PUT /api/v1/people/me/local-calendars/Outlook", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		d.handed <- string(text)
		answer(w, r, `{"id":"c"}`)
	})
	mux.HandleFunc("GET /api/v1/live", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		d.conns <- c
		for {
			_, text, err := c.Read(context.Background())
			if err != nil {
				return
			}
			if d.said <- string(text); string(text) == `{"type":"end"}` {
				c.Close(websocket.StatusNormalClosure, "ended")
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

func (d *door) refuse(status int) {
	d.mu.Lock()
	d.status = status
	d.mu.Unlock()
}

// hears waits for what the client says next.
func (d *door) hears(want string) {
	d.t.Helper()
	select {
	case got := <-d.said:
		if got != want {
			d.t.Fatalf("the client says\n%s\nwant\n%s", got, want)
		}
	case <-time.After(patience):
		d.t.Fatalf("the client does not say %s", want)
	}
}

func (d *door) conn() *websocket.Conn {
	d.t.Helper()
	select {
	case c := <-d.conns:
		return c
	case <-time.After(patience):
		d.t.Fatal("the client does not connect")
	}
	return nil
}

func say(t *testing.T, c *websocket.Conn, m map[string]any) {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), websocket.MessageText, text); err != nil {
		t.Fatal(err)
	}
}

func settings(minutes int, lock bool, programs ...string) map[string]any {
	return map[string]any{"type": "settings", "presence_enabled": true, "lease_seconds": 90, "inactive_after_seconds": 60 * minutes, "lock": lock, "microphone": append([]string{}, programs...)}
}

// machine is a computer whose probes tell what the test says.
type machine struct {
	mu      sync.Mutex
	running []string // probes
	idle    chan probe.Idle
	lock    chan probe.Lock
	mic     chan probe.Microphone
	cal     chan localcal.Reading
	handing chan error // what came of it
}

func newMachine() *machine {
	return &machine{idle: make(chan probe.Idle), lock: make(chan probe.Lock), mic: make(chan probe.Microphone), cal: make(chan localcal.Reading), handing: make(chan error, 10)}
}

func follow[T any](ctx context.Context, m *machine, name string, from <-chan T, tell func(T)) {
	m.mu.Lock()
	m.running = append(m.running, name)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.running = slices.DeleteFunc(m.running, func(x string) bool { return x == name })
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case x := <-from:
			tell(x)
		}
	}
}

func (m *machine) probes() Probes {
	return Probes{
		Idle: func(ctx context.Context, after time.Duration, tell func(probe.Idle)) {
			follow(ctx, m, "idle "+after.String(), m.idle, tell)
		},
		Lock:       func(ctx context.Context, tell func(probe.Lock)) { follow(ctx, m, "lock", m.lock, tell) },
		Microphone: func(ctx context.Context, tell func(probe.Microphone)) { follow(ctx, m, "microphone", m.mic, tell) },
		Calendars: func(ctx context.Context, days func() int, again <-chan struct{}, tell func(localcal.Reading) error) {
			follow(ctx, m, fmt.Sprintf("calendars %d", days()), m.cal, func(r localcal.Reading) { m.handing <- tell(r) })
		},
	}
}

// measures waits until exactly these probes run.
func (m *machine) measures(t *testing.T, want ...string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		got := slices.Sorted(slices.Values(m.running))
		m.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("measured are %q, want %q", got, want)
		}
	}
}

// runs starts a client; end ends it and returns how it ended.
func runs(t *testing.T, d *door, m *machine, cfg Config) (a *Agent, end func() error) {
	t.Helper()
	c, err := client.New(d.url, client.Config{Token: "dlc_x", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.ID, cfg.Label, cfg.Probes, cfg.firstWait, cfg.longestWait = "desk", "Desk", m.probes(), 5*time.Millisecond, 20*time.Millisecond
	a = New(c, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	end = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			t.Error("the client does not end")
		}
		return nil
	})
	t.Cleanup(func() { end() })
	return a, end
}

// What is measured is what counts, and no more: the server says so, and the owner of the microphone.
func TestOnlyWhatCountsIsMeasured(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	a, end := runs(t, d, m, Config{})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	m.measures(t)
	say(t, c, settings(10, true, "Zoom"))
	m.measures(t, "idle 10m0s", "lock", "microphone")
	m.lock <- probe.Lock{}
	m.idle <- probe.Idle{}
	d.hears(`{"type":"client","id":"desk","activity":"active"}`)
	m.mic <- probe.Microphone{Programs: []probe.Program{{Name: "solitaire"}, {Name: "zoom.exe"}}}
	d.hears(`{"type":"client","id":"desk","microphone":["Zoom"]}`)
	m.idle <- probe.Idle{Idle: true, Since: noon}
	d.hears(`{"type":"client","id":"desk","activity":"idle","activity_since":"2026-11-26T12:00:00Z"}`)
	say(t, c, settings(5, true, "Zoom"))
	m.measures(t, "idle 5m0s", "lock", "microphone")
	a.Mute(true)
	d.hears(`{"type":"client","id":"desk","microphone":[]}`)
	m.measures(t, "idle 5m0s", "lock")
	a.Mute(false)
	m.measures(t, "idle 5m0s", "lock", "microphone")
	say(t, c, settings(0, false))
	m.measures(t)
	d.hears(`{"type":"client","id":"desk","activity":"unknown"}`)
	if err := end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	d.hears(`{"type":"end"}`)
}

// A connection that breaks is made again, for ever; what was measured meanwhile is told then, and a computer nobody has used is not called used in between.
func TestItComesBack(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	var states []bool
	a, end := runs(t, d, m, Config{Changed: func(s State) {
		if len(states) == 0 || states[len(states)-1] != s.Connected {
			states = append(states, s.Connected)
		}
	}})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	say(t, c, settings(10, false))
	d.hears(`{"type":"client","id":"desk","microphone":[]}`) // which takes back what an earlier one may have told
	m.idle <- probe.Idle{}
	d.hears(`{"type":"client","id":"desk","activity":"active"}`)
	d.refuse(http.StatusServiceUnavailable)
	c.CloseNow()
	m.idle <- probe.Idle{Idle: true, Since: noon}
	time.Sleep(50 * time.Millisecond) // some attempts
	d.refuse(0)
	c = d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk","activity":"idle","activity_since":"2026-11-26T12:00:00Z"}`)
	say(t, c, settings(10, false))
	d.hears(`{"type":"client","id":"desk","microphone":[]}`)
	say(t, c, map[string]any{"type": "alive"})
	say(t, c, map[string]any{"type": "something new"})
	c.Close(websocket.StatusGoingAway, "the server is stopping")
	c = d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk","activity":"idle","activity_since":"2026-11-26T12:00:00Z"}`)
	say(t, c, settings(10, false))
	d.hears(`{"type":"client","id":"desk","microphone":[]}`)
	m.idle <- probe.Idle{}
	d.hears(`{"type":"client","id":"desk","activity":"active"}`)
	for until := time.Now().Add(patience); !a.State().Connected && time.Now().Before(until); time.Sleep(time.Millisecond) {
	}
	if err := end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if want := []bool{false, true, false, true, false, true}; !slices.Equal(states, want) {
		t.Errorf("it was connected: %v, want %v", states, want)
	}
}

// Whoever is signed out is told so, and nothing is tried again.
func TestItIsSignedOut(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]func(*door, *websocket.Conn){
		"while it is connected": func(_ *door, c *websocket.Conn) { c.Close(4401, "signed out") },
		"while it is not": func(d *door, c *websocket.Conn) {
			d.refuse(http.StatusUnauthorized)
			c.CloseNow()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, m := newDoor(t), newMachine()
			a, end := runs(t, d, m, Config{})
			c := d.conn()
			d.hears(`{"people":["anna"],"type":"watch"}`)
			out(d, c)
			for until := time.Now().Add(patience); !strings.Contains(a.State().Problem, "not") && time.Now().Before(until); time.Sleep(time.Millisecond) {
			}
			if err := end(); !errors.Is(err, client.ErrSignedOut) {
				t.Errorf("it ended with %v", err)
			}
			if s := a.State(); s.Connected || !strings.Contains(s.Problem, "not") {
				t.Errorf("its owner sees %+v", s)
			}
		})
	}
}

// What the owner sees: who they are, what is shown of them, what is measured, what was refused.
func TestTheOwnerSeesWhatItDoes(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	var mu sync.Mutex
	var sent []string
	a, _ := runs(t, d, m, Config{Muted: true, Sent: func(what string, body any) {
		text, _ := json.Marshal(body)
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, what+" "+string(text))
	}})
	sees := func(what string, f func(State) bool) {
		t.Helper()
		for until := time.Now().Add(patience); !f(a.State()); time.Sleep(time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("the owner does not see %s: %+v", what, a.State())
			}
		}
	}
	c := d.conn()
	say(t, c, settings(10, true, "Zoom"))
	sees("that it works", func(s State) bool {
		return s.Connected && s.Name == "Anna" && *s.Presence.Status == presence.Available && s.Muted && s.Settings.InactiveAfter == 600
	})
	m.measures(t, "idle 10m0s", "lock")
	m.idle <- probe.Idle{Err: errors.New("input cannot be measured here")}
	sees("what cannot be measured", func(s State) bool { return s.Idle != nil && s.Idle.Err != nil })
	say(t, c, map[string]any{"type": "changes", "seq": 2, "people": []any{map[string]any{"id": "anna", "status": "do_not_disturb"}, map[string]any{"id": "bob", "status": "busy"}}})
	sees("what is shown of them", func(s State) bool { return *s.Presence.Status == presence.DoNotDisturb })
	say(t, c, map[string]any{"type": "refused", "detail": "50 clients of this person run already"})
	sees("what was refused", func(s State) bool { return s.Problem == "50 clients of this person run already" })
	busy := presence.Busy
	if err := a.Choose(t.Context(), client.Choice{Status: &busy}); err != nil || a.State().Presence.Text != "Exam" {
		t.Errorf("a choice: %v, %+v", err, a.State().Presence)
	}
	d.refuse(http.StatusConflict)
	if err := a.Choose(t.Context(), client.Choice{Status: &busy}); err == nil || err.Error() != "not now" || a.State().Problem != "not now" {
		t.Errorf("a choice that is refused: %v, %+v", err, a.State())
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{`report {"id":"desk","label":"Desk"}`, `choice {"status":"busy"}`}; !slices.Contains(sent, want[0]) || !slices.Contains(sent, want[1]) {
		t.Errorf("the owner is told that these were sent: %q", sent)
	}
}

// What was refused is shown for a while; why it is not connected is for as long as it is not.
func TestARefusalIsNotShownForEver(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	shown := make(chan string, 100)
	a, _ := runs(t, d, m, Config{refusalFor: 50 * time.Millisecond, Changed: func(s State) { shown <- s.Problem }})
	becomes := func(want string) {
		t.Helper()
		for late := time.After(patience); ; {
			select {
			case got := <-shown:
				if got == want {
					return
				}
			case <-late:
				t.Fatalf("the owner is not shown %q", want)
			}
		}
	}
	c := d.conn()
	say(t, c, settings(0, false))
	for until := time.Now().Add(patience); !a.State().Connected && time.Now().Before(until); time.Sleep(time.Millisecond) {
	}
	d.refuse(http.StatusConflict)
	busy := presence.Busy
	if err := a.Choose(t.Context(), client.Choice{Status: &busy}); err == nil {
		t.Error("a choice that is refused is none")
	}
	becomes("not now")
	becomes("")
	say(t, c, map[string]any{"type": "refused", "detail": "50 clients of this person run already"})
	becomes("50 clients of this person run already")
	becomes("")
	c.CloseNow() // and the server refuses all that follows
	becomes("not now")
	time.Sleep(150 * time.Millisecond)
	if s := a.State(); s.Connected || s.Problem != "not now" {
		t.Errorf("why it is not connected: %+v", s)
	}
}

// A calendar of this computer is handed over as a whole, where the server wants it; what it did not take is told to the program that reads, which comes again.
func TestACalendarIsHandedOver(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	a, _ := runs(t, d, m, Config{})
	c := d.conn()
	say(t, c, settings(0, false))
	m.measures(t)
	with := settings(0, false)
	with["calendar_days"] = 14
	say(t, c, with)
	m.measures(t, "calendars 14")
	m.cal <- localcal.Reading{Program: "Notes", Err: localcal.ErrAbsent}
	<-m.handing
	start := noon
	r := localcal.Reading{Program: "Outlook", Hand: true, Lease: time.Hour, Appointments: []localcal.Appointment{{ID: "1", Start: &start, End: &start, Private: true}}}
	d.refuse(http.StatusServiceUnavailable)
	m.cal <- r
	if err := <-m.handing; err == nil || <-d.handed == "" {
		t.Errorf("the server took nothing, and that is told: %v", err)
	}
	d.refuse(0)
	m.cal <- r
	if err := <-m.handing; err != nil {
		t.Errorf("handed over: %v", err)
	}
	if got, want := <-d.handed, `{"lease_seconds":3600,"appointments":[{"id":"1","start":"2026-11-26T12:00:00Z","end":"2026-11-26T12:00:00Z","private":true}]}`; got != want {
		t.Errorf("handed over was\n%s\nwant\n%s", got, want)
	}
	list := a.State().Calendars
	if len(list) != 2 || list[0].Program != "Notes" || !errors.Is(list[0].Err, localcal.ErrAbsent) || list[1].Err != nil || list[1].Count != 1 || list[1].Handed.IsZero() {
		t.Errorf("its owner sees %+v", list)
	}
	say(t, c, settings(0, false))
	m.measures(t)
	for until := time.Now().Add(patience); len(a.State().Calendars) != 0; time.Sleep(time.Millisecond) { // a moment after the reading has ended
		if time.Now().After(until) {
			t.Fatalf("calendars do not count, and its owner sees %+v", a.State().Calendars)
		}
	}
}
