package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/probe"
)

// What the server could not enter, as while its database was busy, is told again: else it stays wrong for as long as nothing changes.
func TestWhatWasRefusedIsToldAgain(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	runs(t, d, m, Config{})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	say(t, c, settings(0, true))
	d.hears(`{"type":"client","id":"desk","microphone":[]}`)
	m.lock <- probe.Lock{}
	d.hears(`{"type":"client","id":"desk","activity":"active"}`)
	m.lock <- probe.Lock{Locked: true}
	<-d.said
	say(t, c, map[string]any{"type": "refused", "detail": "the change could not be stored; nothing was changed"})
	select {
	case <-d.said:
	case <-time.After(10 * time.Second):
		t.Error("the server took nothing, and is not told again that the screen is locked")
	}
}

// A client whose first report was refused is no client yet: it must go on trying, as M1 says.
func TestARefusedFirstReportIsTriedAgain(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	runs(t, d, m, Config{})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	say(t, c, map[string]any{"type": "refused", "detail": "the server is busy"})
	select {
	case <-d.said:
	case <-time.After(10 * time.Second):
		t.Error("it does not try again, and stays unconnected for as long as the connection stands")
	}
}

// What an administrator has taken from the table while the computer was offline does not leave it afterwards: the table is asked first.
func TestTheOldTableIsNotBelieved(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	runs(t, d, m, Config{})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	say(t, c, settings(0, false, "Zoom"))
	d.hears(`{"type":"client","id":"desk","activity":"unknown"}`)
	m.mic <- probe.Microphone{Programs: []probe.Program{{Name: "zoom"}}}
	d.hears(`{"type":"client","id":"desk","microphone":["Zoom"]}`)
	c.CloseNow()
	c = d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	if first := <-d.said; first != `{"type":"client","id":"desk","label":"Desk","activity":"unknown"}` && first != `{"type":"client","id":"desk","label":"Desk"}` {
		t.Errorf("before the server has said what counts now, it is told %s", first)
	}
	say(t, c, settings(0, false)) // Zoom is no row any more
	<-d.said
}

// When input counts again, it is measured anew: what it was before nobody measured it says nothing.
func TestInputThatCountsAgainIsMeasuredAnew(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	a, _ := runs(t, d, m, Config{})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	say(t, c, settings(10, false))
	d.hears(`{"type":"client","id":"desk","microphone":[]}`)
	m.idle <- probe.Idle{Idle: true, Since: noon}
	d.hears(`{"type":"client","id":"desk","activity":"idle","activity_since":"2026-11-26T12:00:00Z"}`)
	say(t, c, settings(0, false))
	d.hears(`{"type":"client","id":"desk","activity":"unknown"}`)
	m.measures(t)
	time.Sleep(100 * time.Millisecond)
	if s := a.State(); s.Idle != nil {
		t.Errorf("input does not count, and its owner sees %+v", *s.Idle)
	}
	say(t, c, settings(10, false))
	m.measures(t, "idle 10m0s")
	select {
	case got := <-d.said:
		t.Errorf("before input was measured again, the server is told %s", got)
	case <-time.After(time.Second):
	}
	m.idle <- probe.Idle{}
	d.hears(`{"type":"client","id":"desk","activity":"active"}`)
}

// Settings that flap, a microphone that is muted and not, connections that break: nothing hangs, and what holds in the end is told.
func TestSettingsThatFlap(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	a, end := runs(t, d, m, Config{Changed: func(State) {}})
	stop := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case m.idle <- probe.Idle{Idle: i%2 == 0, Since: noon.Add(time.Duration(i) * time.Second)}:
			case m.lock <- probe.Lock{Locked: i%3 == 0}:
			case m.mic <- probe.Microphone{Programs: []probe.Program{{Name: "zoom"}}}:
			}
		}
	})
	feeding.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-d.said:
			}
		}
	})
	for round := range 20 {
		c := d.conn()
		for i := range 20 {
			if text, err := json.Marshal(settings(i%3*10, i%2 == 0, []string{"Zoom", "Slack"}[:i%3]...)); err == nil {
				if c.Write(t.Context(), websocket.MessageText, text) != nil {
					break
				}
			}
			a.Mute(i%2 == 1)
		}
		if round == 19 {
			a.Mute(false)
			say(t, c, settings(0, false, "Zoom"))
			break
		}
		c.CloseNow()
	}
	m.measures(t, "microphone")
	close(stop)
	feeding.Wait()
	go func() { // what is said is not what this is about
		for {
			select {
			case <-t.Context().Done():
				return
			case <-d.said:
			}
		}
	}()
	for until := time.Now().Add(patience); strings.Join(a.State().Recording, " ") != "Zoom"; time.Sleep(time.Millisecond) {
		select { // a probe that is started anew tells at first what is so
		case m.mic <- probe.Microphone{Programs: []probe.Program{{Name: "zoom"}}}:
		default:
		}
		if time.Now().After(until) {
			t.Fatalf("in the end it is %+v", a.State())
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// Whoever is renamed, or chooses another language, sees that in the menu though the connection stands for weeks.
func TestARenamedOwnerIsCalledSo(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	name := make(chan string, 1)
	name <- "Anna"
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/session" {
			http.Redirect(w, r, d.url+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		n := <-name
		name <- n
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"person":{"id":"anna","name":%q,"presence":{"id":"anna","status":"available"}}}`, n)
	}))
	t.Cleanup(front.Close)
	c, err := client.New(front.URL, client.Config{Token: "dlc_x", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	a := New(c, Config{ID: "desk", Label: "Desk", Probes: m.probes(), useEvery: 20 * time.Millisecond, firstWait: 5 * time.Millisecond, longestWait: 20 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() { cancel(); <-done }()
	conn := d.conn()
	say(t, conn, settings(0, false))
	wait := func(want string) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); a.State().Name != want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("its owner is called %q, want %q", a.State().Name, want)
			}
		}
	}
	wait("Anna")
	<-name
	name <- "Anna Maier"
	wait("Anna Maier")
}

// After sleep nobody knows whether the input of before is still the last: it is measured anew, and until that is known nothing is told of it.
func TestInputIsMeasuredAnewAfterSleep(t *testing.T) {
	t.Parallel()
	d, m := newDoor(t), newMachine()
	a, _ := runs(t, d, m, Config{})
	c := d.conn()
	d.hears(`{"people":["anna"],"type":"watch"}`)
	d.hears(`{"type":"client","id":"desk","label":"Desk"}`)
	say(t, c, settings(10, false))
	m.measures(t, "idle 10m0s")
	m.idle <- probe.Idle{Way: "X11"}
	d.hears(`{"type":"client","id":"desk","microphone":[]}`)
	d.hears(`{"type":"client","id":"desk","activity":"active"}`)
	nudge(a.anew)
	for until := time.Now().Add(patience); a.State().Idle != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("what was measured before it slept holds")
		}
	}
	m.measures(t, "idle 10m0s")
	m.idle <- probe.Idle{Idle: true, Since: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Way: "X11"}
	d.hears(`{"type":"client","id":"desk","activity":"idle","activity_since":"2026-11-26T12:00:00Z"}`)
}
