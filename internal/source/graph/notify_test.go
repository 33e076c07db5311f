package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// watching is a System whose Watch runs and whose address can be reached.
type watching struct {
	t      *testing.T
	stand  *graphtest.Server
	s      *System
	url    string
	stop   func() error
	heard  chan string
	mu     sync.Mutex // guards handler
	handle http.Handler
}

func watch(t *testing.T, change ...func(*graphtest.Config, *Config, *outbound.Config)) *watching {
	t.Helper()
	w := &watching{t: t, heard: make(chan string, 1000)}
	public := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		h := w.handle
		w.mu.Unlock()
		if h == nil {
			http.Error(rw, "not there yet", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(rw, r)
	}))
	t.Cleanup(public.Close)
	w.url = public.URL + "/graph"
	w.stand, w.s = start(t, append(change, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.NotifyURL = w.url })...)
	w.serve(w.s.Notify())
	w.run()
	return w
}

func (w *watching) serve(h http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handle = h
}

// run runs Watch until stop.
func (w *watching) run() {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	s := w.s
	go func() { done <- s.Watch(ctx, func(m string) { w.heard <- m }) }()
	var once sync.Once
	var err error
	w.stop = func() error {
		once.Do(func() {
			cancel(errEnd)
			err = <-done
		})
		return err
	}
	w.t.Cleanup(func() { w.stop() })
}

var errEnd = errors.New("the end")

// hears waits until changed was called for a mailbox.
func (w *watching) hears(what, mailbox string) {
	w.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case m := <-w.heard:
			if m == mailbox {
				return
			}
		case <-deadline.C:
			w.t.Fatalf("%s: nothing was heard of %s; %+v %v", what, mailbox, w.s.Notifications(), w.stand.Counts())
		}
	}
}

// until waits for something that happens in the background.
func (w *watching) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			w.t.Fatalf("%s: it did not come to that; %+v %v", what, w.s.Notifications(), w.stand.Counts())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// silence takes what was heard, if anything.
func (w *watching) silence() (heard []string) {
	for {
		select {
		case m := <-w.heard:
			heard = append(heard, m)
		default:
			return heard
		}
	}
}

func (w *watching) subscriptions() int {
	n := 0
	for _, list := range w.stand.Subscriptions() {
		n += len(list)
	}
	return n
}

func meeting(subject string) graphtest.Event {
	return graphtest.Event{Subject: subject, Start: marchFrom.Add(9 * time.Hour), End: marchFrom.Add(10 * time.Hour)}
}

// TestChangesAreHeardOf follows a subscription from its making to its end.
func TestChangesAreHeardOf(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.s.Follow([]string{"Anna@example.com", "bert@example.com"})
	w.hears("when there is a subscription", "Anna@example.com")
	w.until("both", func() bool { return w.subscriptions() == 2 })
	for _, list := range w.stand.Subscriptions() {
		for _, one := range list {
			life := time.Until(one.Expires)
			if one.NotifyURL != w.url || one.LifeURL != w.url || len(one.State) < 40 || !one.Immutable || life > 3*24*time.Hour || life < 70*time.Hour {
				t.Errorf("subscription %+v", one)
			}
		}
	}
	r, err := w.s.Fetch(t.Context(), anna())
	must(t, err)
	if r.Every != time.Hour {
		t.Errorf("a calendar that is watched is read every %v, want 1h", r.Every)
	}
	w.until("quiet", func() bool { return w.s.subs.live("anna@example.com") && w.s.subs.live("bert@example.com") })
	w.silence()
	e := put(t, w.stand, "anna@example.com", meeting("new"))[0]
	w.hears("a new event", "Anna@example.com")
	must(t, w.stand.Change("anna@example.com", e.ID, func(e *graphtest.Event) { e.Subject = "other" }))
	w.hears("a changed event", "Anna@example.com")
	must(t, w.stand.Delete("anna@example.com", e.ID))
	w.hears("a deleted event", "Anna@example.com")
	if heard := w.silence(); len(heard) > 0 {
		t.Errorf("heard of %v besides", heard)
	}

	w.s.Follow([]string{"bert@example.com"})
	w.until("one is forgotten", func() bool { return w.subscriptions() == 1 })
	if r, err = w.s.Fetch(t.Context(), anna()); err != nil || r.Every != 5*time.Minute {
		t.Errorf("a calendar that is not watched any more is read every %v (%v), want 5m", r.Every, err)
	}
	if err := w.stop(); !errors.Is(err, errEnd) {
		t.Errorf("Watch returned %v, want the cause", err)
	}
	if n := w.subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestWithoutAnAddressNobodyIsWatched: such calendars are polled.
func TestWithoutAnAddressNobodyIsWatched(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	s.Follow([]string{"anna@example.com"})
	if err := s.Watch(t.Context(), func(string) {}); err != nil {
		t.Errorf("Watch: %v, want nil at once", err)
	}
	_, anybody := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
		c.Tenant, c.NotifyURL = "organizations", "https://presence.example.com/graph" // for people who sign in themselves
	})
	if err := anybody.Watch(t.Context(), func(string) {}); err != nil {
		t.Errorf("Watch without a directory: %v, want nil at once", err)
	}
	if n := server.Count("token"); n != 0 {
		t.Errorf("the service was asked %d times", n)
	}
}

// TestWhatHappensToSubscriptions: each of the things that the service does to them ends in a mailbox that is watched.
func TestWhatHappensToSubscriptions(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.s.Follow([]string{"anna@example.com"})
	w.hears("to begin with", "anna@example.com")
	only := func() graphtest.Subscription {
		for _, list := range w.stand.Subscriptions() {
			for _, one := range list {
				return one
			}
		}
		return graphtest.Subscription{}
	}
	first := only()

	must(t, w.stand.Lifecycle("anna@example.com", "missed"))
	w.hears("missed", "anna@example.com")

	must(t, w.stand.Lifecycle("anna@example.com", "reauthorizationRequired"))
	w.until("reauthorized", func() bool { return only().Reauthed == 1 })
	if only().ID != first.ID {
		t.Error("it was made anew")
	}

	must(t, w.stand.Lifecycle("anna@example.com", "subscriptionRemoved"))
	w.hears("made again", "anna@example.com")
	if second := only(); second.ID == first.ID || second.ID == "" || second.State == first.State {
		t.Errorf("after it was removed there is %+v", second)
	}

	put(t, w.stand, "anna@example.com", meeting("x"))
	w.hears("the new one works", "anna@example.com")
}

// TestSubscriptionsAreRenewed at half of their life, and made again if they are gone by then.
func TestSubscriptionsAreRenewed(t *testing.T) {
	t.Parallel()
	// The service makes 45 minutes of a life that is shorter; that an answer says so is heeded, so this one is longer, and
	// the clock of the stand-in is moved in place of ours.
	w := watch(t)
	w.s.Follow([]string{"anna@example.com", "bert@example.com"})
	w.until("both", func() bool { return w.s.subs.live("anna@example.com") && w.s.subs.live("bert@example.com") })
	w.s.subs.mu.Lock()
	for name, one := range w.s.subs.wanted {
		wait := time.Until(one.due)
		if one.todo != renew || wait > 36*time.Hour || wait < 28*time.Hour {
			t.Errorf("%s is due in %v to %d, want to renew at about 36 hours", name, wait, one.todo)
		}
		one.due = time.Now() // it is time
	}
	w.s.subs.mu.Unlock()
	w.s.subs.nudge()
	w.until("renewed", func() bool { return w.stand.Count("subscriptions.renew") == 2 })
	w.until("and put off", func() bool {
		w.s.subs.mu.Lock()
		defer w.s.subs.mu.Unlock()
		for _, one := range w.s.subs.wanted {
			if time.Until(one.due) < time.Hour {
				return false
			}
		}
		return true
	})
	w.silence()
	must(t, w.stand.LoseSubscriptions("anna@example.com"))
	w.s.subs.mu.Lock()
	w.s.subs.wanted["anna@example.com"].due = time.Now()
	w.s.subs.mu.Unlock()
	w.s.subs.nudge()
	w.hears("made again", "anna@example.com")
	if n := w.subscriptions(); n != 2 {
		t.Errorf("%d subscriptions, want 2", n)
	}
}

// TestNotificationsMayComeInAnyOrder: they are a hint only, so what is read in the end is what is there.
func TestNotificationsMayComeInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]graphtest.NotifyFaults{
		"late": {Late: 50 * time.Millisecond}, "twice": {Twice: true}, "out of order": {Late: 50 * time.Millisecond, Reverse: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t)
			w.s.Follow([]string{"anna@example.com"})
			w.hears("to begin with", "anna@example.com")
			w.stand.SetNotifyFaults(faults)
			e := put(t, w.stand, "anna@example.com", meeting("1"))[0]
			for i := range 5 {
				must(t, w.stand.Change("anna@example.com", e.ID, func(e *graphtest.Event) { e.Subject = fmt.Sprint(i) }))
			}
			want := 6
			if faults.Twice {
				want = 12
			}
			w.until("all are there", func() bool { return w.s.Notifications().Changes == want })
			r, err := w.s.Fetch(t.Context(), anna())
			must(t, err)
			if got := read(t, r, marchFrom, marchTo); len(got) != 1 || got[0].Subject != "4" {
				t.Errorf("read %v", got)
			}
		})
	}
}

// TestAChangeInAMailboxThatIsLeftAlone is told of when the wait is over, once.
func TestAChangeInAMailboxThatIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.s.Follow([]string{"anna@example.com", "bert@example.com"})
	w.until("both", func() bool { return w.s.subs.live("anna@example.com") && w.s.subs.live("bert@example.com") })
	w.silence()
	w.stand.Break(graphtest.Rule{Op: "calendarView", Times: 1, Do: graphtest.Answer, Status: 429, Code: "ApplicationThrottled", RetryAfter: time.Second})
	begun := time.Now()
	if _, err := w.s.Fetch(t.Context(), anna()); err == nil {
		t.Fatal("not turned away")
	}
	e := put(t, w.stand, "anna@example.com", meeting("x"))[0]
	for i := range 5 {
		must(t, w.stand.Change("anna@example.com", e.ID, func(e *graphtest.Event) { e.Subject = fmt.Sprint(i) }))
	}
	put(t, w.stand, "bert@example.com", meeting("x"))
	w.hears("somebody else meanwhile", "bert@example.com")
	w.until("all notifications", func() bool { return w.s.Notifications().Changes == 7 })
	w.hears("after the wait", "anna@example.com")
	if took := time.Since(begun); took < time.Second {
		t.Errorf("told after %v, within the second", took)
	}
	if _, err := w.s.Fetch(t.Context(), anna()); err != nil {
		t.Errorf("read then: %v", err)
	}
	if heard := w.silence(); len(heard) > 0 {
		t.Errorf("told of %v besides", heard)
	}
}

// TestNotificationsThatAreLost, and the service says so.
func TestNotificationsThatAreLost(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.s.Follow([]string{"anna@example.com"})
	w.hears("to begin with", "anna@example.com")
	w.stand.SetNotifyFaults(graphtest.NotifyFaults{Miss: -1})
	put(t, w.stand, "anna@example.com", meeting("x"))
	if heard := w.silence(); len(heard) > 0 || w.stand.Count("notified") > 0 {
		t.Errorf("heard of %v", heard)
	}
	must(t, w.stand.Lifecycle("anna@example.com", "missed"))
	w.hears("that something was missed", "anna@example.com")
}

// TestReauthorizingIsRefused: renewing does as well.
func TestReauthorizingIsRefused(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.s.Follow([]string{"anna@example.com"})
	w.hears("to begin with", "anna@example.com")
	w.stand.Break(graphtest.Rule{Op: "subscriptions.reauthorize", Do: graphtest.Answer, Status: 403, Code: "Forbidden"})
	must(t, w.stand.Lifecycle("anna@example.com", "reauthorizationRequired"))
	w.until("renewed", func() bool { return w.stand.Count("subscriptions.renew") == 1 })
}

// TestASubscriptionWhoseMakingWasNotHeardOf is found and deleted: nobody knows its secret.
func TestASubscriptionWhoseMakingWasNotHeardOf(t *testing.T) {
	t.Parallel()
	w := watch(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.timing.relist = 100 * time.Millisecond })
	w.stand.Break(graphtest.Rule{Op: "subscriptions.create", Times: 1, Do: graphtest.Half})
	w.s.Follow([]string{"anna@example.com"})
	w.hears("the second attempt", "anna@example.com")
	w.until("the first is gone", func() bool { return w.stand.Count("subscriptions.delete") == 1 && w.subscriptions() == 1 })
	put(t, w.stand, "anna@example.com", meeting("x"))
	w.hears("and the other one works", "anna@example.com")
}

// TestLeftoversOfAnEarlierRun are deleted, those of others are not.
func TestLeftoversOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	w := watch(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.timing.farewell = time.Nanosecond }) // it ends like a power cut
	w.s.Follow([]string{"anna@example.com", "bert@example.com"})
	w.until("both", func() bool { return w.subscriptions() == 2 })
	w.stop()
	if n := w.subscriptions(); n != 2 {
		t.Fatalf("%d subscriptions, want 2 left behind", n)
	}
	left := w.stand.Subscriptions()
	c := w.s.c
	c.LoginURL, c.GraphURL = w.stand.LoginURL, w.stand.GraphURL
	again, err := New(c)
	must(t, err)
	t.Cleanup(again.Close)
	other := httptest.NewServer(again.Notify()) // somebody else's, of the same application
	t.Cleanup(other.Close)
	resource := map[string]any{"changeType": "updated", "resource": "users/bert@example.com/events", "notificationUrl": other.URL + "/other",
		"expirationDateTime": time.Now().Add(time.Hour).UTC().Format(graphTime)}
	a, err := again.ask(t.Context(), call{method: http.MethodPost, path: "/subscriptions", body: resource}, false, maxAnswer)
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("%v %d %s", err, a.status, a.body)
	}
	w.s = again
	w.serve(again.Notify())
	w.run()
	again.Follow([]string{"anna@example.com"})
	w.until("the old ones are gone and there is a new one", func() bool {
		now := w.stand.Subscriptions()
		for box, list := range left {
			for _, old := range list {
				for _, one := range now[box] {
					if one.ID == old.ID {
						return false
					}
				}
			}
		}
		return w.subscriptions() == 2 && again.subs.live("anna@example.com")
	})
}

// TestASubscriptionForAnAddress that is not the sign-in name is made after the user was looked up.
func TestASubscriptionForAnAddress(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.s.Follow([]string{"a.amsel@example.com", "nobody@example.com"})
	w.hears("found", "a.amsel@example.com")
	put(t, w.stand, "anna@example.com", meeting("x"))
	w.hears("a change", "a.amsel@example.com")
	if _, err := w.stand.MoveMailbox("anna@example.com"); err != nil {
		t.Fatal(err)
	}
	w.s.subs.mu.Lock()
	w.s.subs.wanted["a.amsel@example.com"].due = time.Now()
	w.s.subs.mu.Unlock()
	w.s.subs.nudge()
	w.hears("found again, under another ID", "a.amsel@example.com")
	w.s.subs.mu.Lock()
	defer w.s.subs.mu.Unlock()
	if wait := time.Until(w.s.subs.wanted["nobody@example.com"].due); wait < 50*time.Minute {
		t.Errorf("somebody who is not there is asked for again in %v", wait)
	}
}

// TestAnAddressThatCannotBeReached is tried again, less and less often, and the calendars are polled meanwhile.
func TestAnAddressThatCannotBeReached(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.serve(nil)
	w.s.Follow([]string{"anna@example.com"})
	w.until("tried", func() bool { return w.stand.Count("subscriptions.create") >= 3 })
	r, err := w.s.Fetch(t.Context(), anna())
	must(t, err)
	if r.Every != 5*time.Minute {
		t.Errorf("read every %v, want 5m", r.Every)
	}
	w.serve(w.s.Notify())
	w.hears("at last", "anna@example.com")
}

// TestManyMailboxesAreFollowed: they are subscribed to in batches.
func TestManyMailboxesAreFollowed(t *testing.T) {
	t.Parallel()
	w := watch(t, func(g *graphtest.Config, c *Config, _ *outbound.Config) { g.Observe = nil })
	var all []string
	for i := range 400 {
		m := fmt.Sprintf("user%d@example.com", i)
		_, err := w.stand.AddMailbox(graphtest.Mailbox{UPN: m})
		must(t, err)
		all = append(all, m)
	}
	w.s.Follow(all)
	w.until("all", func() bool { return w.subscriptions() == 400 })
	if n := w.stand.Count("batch"); n < 20 || n > 22 {
		t.Errorf("%d batches, want 20", n)
	}
	w.s.Follow(nil)
	w.until("none", func() bool { return w.subscriptions() == 0 })
}

// TestTheServiceWantsFewerSubscriptions: a 429 holds all of them up, for as long as it says.
func TestTheServiceWantsFewerSubscriptions(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.stand.Break(graphtest.Rule{Op: "subscriptions.create", Times: 1, Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: time.Second})
	begun := time.Now()
	w.s.Follow([]string{"anna@example.com"})
	w.until("asked", func() bool { return w.stand.Count("subscriptions.create") == 1 })
	w.s.Follow([]string{"anna@example.com", "bert@example.com"}) // which wakes it
	w.hears("after the wait", "bert@example.com")
	if took := time.Since(begun); took < time.Second {
		t.Errorf("waited %v, want the second that it asked for", took)
	}
}

// post sends something to the public endpoint.
func (w *watching) post(query, kind, body string) (int, string, http.Header) {
	w.t.Helper()
	resp, err := http.Post(w.url+query, kind, strings.NewReader(body))
	must(w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp.StatusCode, string(text), resp.Header
}

// TestThePublicEndpointBelievesNothing: whatever strangers send, nobody's calendar is read.
func TestThePublicEndpointBelievesNothing(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	w := watch(t)
	w.s.Follow([]string{"anna@example.com"})
	w.hears("to begin with", "anna@example.com")
	var id, state string
	for _, list := range w.stand.Subscriptions() {
		id, state = list[0].ID, list[0].State
	}
	item := func(change func(map[string]any)) string {
		one := map[string]any{"subscriptionId": id, "clientState": state, "tenantId": w.stand.Tenant, "changeType": "updated", "resource": "x"}
		change(one)
		text, err := json.Marshal(map[string]any{"value": []any{one}})
		must(t, err)
		return string(text)
	}
	for name, one := range map[string]struct {
		query, kind, body string
		status            int
	}{
		"another secret":                {"", "application/json", item(func(m map[string]any) { m["clientState"] = state + "x" }), 202},
		"no secret":                     {"", "application/json", item(func(m map[string]any) { delete(m, "clientState") }), 202},
		"null for a secret":             {"", "application/json", item(func(m map[string]any) { m["clientState"] = nil }), 202},
		"another directory":             {"", "application/json", item(func(m map[string]any) { m["tenantId"] = "22222222-2222-2222-2222-222222222222" }), 202},
		"another subscription":          {"", "application/json", item(func(m map[string]any) { m["subscriptionId"] = "x" }), 202},
		"removed, forged":               {"", "application/json", item(func(m map[string]any) { m["clientState"], m["lifecycleEvent"] = "x", "subscriptionRemoved" }), 202},
		"a form":                        {"", "application/x-www-form-urlencoded", "a=b", 415},
		"no JSON":                       {"", "application/json", "{", 400},
		"nothing":                       {"", "application/json", "", 400},
		"an empty list":                 {"", "application/json", `{"value":[]}`, 400},
		"another shape":                 {"", "application/json", `{"value":"x"}`, 400},
		"five megabytes":                {"", "application/json", `{"value":[` + strings.Repeat(`{},`, 1_700_000) + `{}]}`, 413},
		"a token without end":           {"?validationToken=" + strings.Repeat("x", 5000), "text/plain", "", 400},
		"an empty token":                {"?validationToken=", "text/plain", "", 400},
		"a thousand unknown, in a list": {"", "application/json", `{"value":[` + strings.Repeat(`{"subscriptionId":"y"},`, 1000) + `{}]}`, 202},
	} {
		if status, text, _ := w.post(one.query, one.kind, one.body); status != one.status || strings.Contains(text, state) {
			t.Errorf("%s: %d %q, want %d", name, status, text, one.status)
		}
	}
	resp, err := http.Get(w.url)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", resp.StatusCode)
	}
	must(t, w.stand.Forge("anna@example.com", "guessed"))
	if heard := w.silence(); len(heard) > 0 {
		t.Errorf("%v are to be read", heard)
	}
	if got := w.s.Notifications(); got.Forged != 6 || got.Unknown != 1002 || got.Malformed != 8 || got.Changes != 0 || got.Lifecycle != 0 {
		t.Errorf("counted %+v", got)
	}

	status, text, header := w.post("?validationToken="+url.QueryEscape(`<script>alert("x")</script> & more`), "text/plain", "")
	if status != 200 || strings.ContainsAny(text, `<>"`) || header.Get("Content-Type") != "text/plain; charset=utf-8" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a token with HTML: %d %q %v", status, text, header)
	}
	// Content was never asked for.
	if status, _, _ := w.post("", "application/json", item(func(m map[string]any) { m["encryptedContent"] = map[string]string{"data": "x"} })); status != 202 {
		t.Errorf("with content: %d", status)
	}
	if got := w.s.Notifications(); got.Encrypted != 1 || got.Changes != 0 {
		t.Errorf("with content: %+v", got)
	}
	if status, _, _ := w.post("", "application/json", item(func(m map[string]any) { m["encryptedContent"] = nil })); status != 202 {
		t.Errorf("a good one: %d", status)
	}
	w.hears("a good one", "anna@example.com")
}

// TestPublishedNotifications: what the documentation and the real service show is understood.
func TestPublishedNotifications(t *testing.T) {
	t.Parallel()
	_, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
		c.Tenant, c.NotifyURL = "84bd8158-6d4d-4958-8b9f-9d6445542f95", "https://presence.example.com/graph"
	})
	var heard []string
	s.subs.changed = func(m string) { heard = append(heard, m) }
	known := func(id, state string) *subscription {
		one := &subscription{mailbox: "anna@example.com", id: id, state: state, todo: renew, due: time.Now().Add(time.Hour)}
		s.subs.byID[id] = one
		return one
	}
	lifecycle := "76619225-ff6b-4489-96ca-4ef547e78b22"
	for _, one := range []struct {
		file, id, state string
		hears           bool
		todo            task
		want            Notifications
	}{
		{"notification-event-basic.json", "5cfe2387-163c-4006-81bb-1b5e1e060afe", "secretClientValue", true, renew, Notifications{Changes: 1}},
		{"notification-lifecycle-missed.json", lifecycle, "<secretClientState>", true, renew, Notifications{Lifecycle: 1}},
		{"notification-lifecycle-reauthorizationRequired.json", lifecycle, "<secretClientState>", false, reauthorize, Notifications{Lifecycle: 1}},
		{"notification-lifecycle-subscriptionRemoved.json", lifecycle, "<secretClientState>", false, create, Notifications{Lifecycle: 1}},
		{"real-notification-event-updated.json", "47b6cd58-254e-4c4b-a21c-b6d107c6a303", "some", false, renew, Notifications{Forged: 1}}, // of a subscription without a secret
		{"msdocs-2021/webhooks-lifecycle-02-json.json", "<subscription_guid>", "<secretClientState>", false, renew, Notifications{Forged: 1}},
		{"notification-presence-encrypted-a.json", "none of ours", "", false, renew, Notifications{Unknown: 1}},
	} {
		body, err := os.ReadFile("testdata/samples/" + one.file)
		must(t, err)
		s.subs.stats, heard = Notifications{}, nil
		sub := known(one.id, one.state)
		r := httptest.NewRequest(http.MethodPost, "/graph", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		w := httptest.NewRecorder()
		s.Notify().ServeHTTP(w, r)
		if w.Code != http.StatusAccepted || w.Body.Len() != 0 {
			t.Errorf("%s: %d %q, want 202 and nothing", one.file, w.Code, w.Body)
		}
		if got := s.Notifications(); got != one.want || (len(heard) == 1) != one.hears || sub.todo != one.todo {
			t.Errorf("%s: %+v, heard %v, to do %d; want %+v, heard: %v, %d", one.file, got, heard, sub.todo, one.want, one.hears, one.todo)
		}
	}
	// The handshake, request and answer as they are published.
	text, err := os.ReadFile("testdata/samples/subscription-validation-handshake.txt")
	must(t, err)
	_, query, _ := strings.Cut(strings.Split(string(text), " HTTP/1.1")[0], "POST /api?")
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	want := lines[len(lines)-1]
	w := httptest.NewRecorder()
	s.Notify().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graph?"+query, nil))
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("the handshake is answered %d %q, want %q", w.Code, w.Body, want)
	}
}
