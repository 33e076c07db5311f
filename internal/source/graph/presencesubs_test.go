package graph

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// telling is a System whose WatchPresences runs and whose address can be reached, with Anna and Bert, of whom Bert signed in.
type telling struct {
	t     *testing.T
	stand *graphtest.Server
	s     *System
	ids   []string // Anna, Bert
	as    *SignIn  // Bert
	url   string
	told  chan Presence
	hints chan string
	stop  func() error

	mu      sync.Mutex // guards what follows
	handle  http.Handler
	renewed int
}

func tell(t *testing.T, change ...func(*graphtest.Config, *Config, *outbound.Config)) *telling {
	t.Helper()
	w := &telling{t: t, told: make(chan Presence, 10_000), hints: make(chan string, 10_000)}
	public := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		h := w.handle
		w.mu.Unlock()
		if h == nil {
			http.Error(rw, "not there", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(rw, r)
	}))
	t.Cleanup(public.Close)
	w.url = public.URL + "/graph"
	w.stand, w.s = startTeams(t, append([]func(*graphtest.Config, *Config, *outbound.Config){func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
		c.NotifyURL = w.url
		c.timing.refollow = 50 * time.Millisecond
	}}, change...)...)
	w.ids = idsOf(t, w.s, "anna@example.com", "bert@example.com")
	w.as = signIn(t, w.stand, "bert@example.com")
	w.as.Renewed = func(string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.renewed++
	}
	w.serve(w.s.Notify())
	w.run()
	return w
}

func (w *telling) serve(h http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handle = h
}

func (w *telling) run() {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	s := w.s
	go func() {
		done <- s.WatchPresences(ctx, func(list []Presence) {
			for _, p := range list {
				w.told <- p
			}
		}, func(id string) { w.hints <- id })
	}()
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

// follow has Bert tell of these, and waits until he does.
func (w *telling) follow(ids ...string) {
	w.t.Helper()
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: ids}})
	w.until("the subscription is made", func() bool {
		list := w.subscriptions()
		return len(list) == 1 && len(list[0].Users) == len(ids)
	})
	for range ids { // each is to be read once
		w.hint("after subscribing")
	}
}

// subscriptions are those of Bert.
func (w *telling) subscriptions() []graphtest.Subscription { return w.stand.Subscriptions()[w.ids[1]] }

func (w *telling) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			w.t.Fatalf("%s: it did not come to that; %+v %v", what, w.s.Notifications(), w.stand.Counts())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *telling) hint(what string) string {
	w.t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case id := <-w.hints:
		return id
	case <-timer.C:
		w.t.Fatalf("%s: nothing is to be read; %+v %v", what, w.s.Notifications(), w.stand.Counts())
		return ""
	}
}

func (w *telling) presence(what string) Presence {
	w.t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case p := <-w.told:
		return p
	case <-timer.C:
		w.t.Fatalf("%s: nothing was told; %+v %v", what, w.s.Notifications(), w.stand.Counts())
		return Presence{}
	}
}

// heard waits until something was told, or is to be read.
func (w *telling) heard() {
	w.t.Helper()
	w.until("something is heard", func() bool {
		select {
		case <-w.hints:
			return true
		default:
			return len(w.told) > 0
		}
	})
}

// silent fails the test if anything was told, or is to be read.
func (w *telling) silent(what string) {
	w.t.Helper()
	select {
	case p := <-w.told:
		w.t.Errorf("%s: told of %s", what, p.ID)
	case id := <-w.hints:
		w.t.Errorf("%s: %s is to be read", what, id)
	default:
	}
}

// TestACallIsTold as it happens, without a read.
func TestACallIsTold(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.stand.SetPresenceRules(graphtest.PresenceRules{SequenceInNotifications: true})
	w.follow(w.ids...)
	if one := w.subscriptions()[0]; !one.Rich || one.LifeURL != w.url || time.Until(one.Expires) > time.Hour || len(one.State) < 40 {
		t.Errorf("subscribed until %v, with content: %v", one.Expires, one.Rich)
	}
	must(t, w.stand.Call("anna@example.com", "bert@example.com"))
	got := map[string]string{}
	last := ""
	for range 2 {
		p := w.presence("the call")
		got[p.ID], last = p.Availability+"/"+p.Activity, p.Sequence
	}
	if got[w.ids[0]] != "Busy/InACall" || got[w.ids[1]] != "Busy/InACall" || last == "" {
		t.Errorf("told %v, %q", got, last)
	}
	if w.stand.Count("presences") > 0 || w.stand.Count("presence") > 0 {
		t.Error("somebody was read")
	}
	w.until("all is counted", func() bool { return w.s.Notifications().Changes == 2 })
	if err := w.stop(); !errors.Is(err, errEnd) {
		t.Errorf("it ended with %v", err)
	}
	if list := w.subscriptions(); len(list) > 0 {
		t.Errorf("%d subscriptions are left", len(list))
	}
	w.silent("at the end")
}

// TestNotificationsThatAreNotBelieved: with a wrong secret, a token that proves nothing, or content that was changed.
func TestNotificationsThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	forged := 0
	for _, fault := range []graphtest.NotifyFaults{{Tokens: graphtest.NoToken}, {Tokens: graphtest.ForeignToken}, {Tokens: graphtest.ExpiredToken},
		{Tokens: graphtest.OtherAudience}, {Tokens: graphtest.OtherPublisher}, {Tokens: graphtest.OtherIssuer}, {Tamper: true}} {
		w.stand.SetNotifyFaults(fault)
		must(t, w.stand.Call("anna@example.com", "bert@example.com"))
		must(t, w.stand.EndCall("anna@example.com", "bert@example.com"))
		forged += 4
		w.until(fmt.Sprintf("%+v is refused", fault), func() bool { return w.s.Notifications().Forged == forged })
	}
	w.stand.SetNotifyFaults(graphtest.NotifyFaults{})
	must(t, w.stand.Forge("bert@example.com", "guessed"))
	w.until("the guess is refused", func() bool { return w.s.Notifications().Forged == forged+1 })
	w.silent("forged")
	if got := w.s.Notifications(); got.Changes != 0 || got.Unknown != 0 || got.Malformed != 0 {
		t.Errorf("counted %+v", got)
	}
	must(t, w.stand.Call("anna@example.com", "bert@example.com")) // it still works
	w.presence("after all that")
}

// post sends a notification as anybody can.
func (w *telling) post(body any) int {
	w.t.Helper()
	text, err := json.Marshal(body)
	must(w.t, err)
	resp, err := http.Post(w.url, "application/json", bytes.NewReader(text))
	must(w.t, err)
	resp.Body.Close()
	return resp.StatusCode
}

// TestANotificationWithoutContent has the user read, if it is one that is followed.
func TestANotificationWithoutContent(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	one := w.subscriptions()[0]
	item := func(id string, more map[string]any) map[string]any {
		var body map[string]any
		must(t, json.Unmarshal(sample(t, "notification-presence-basic.json"), &body))
		n := body["value"].([]any)[0].(map[string]any)
		n["subscriptionId"], n["clientState"], n["tenantId"], n["resource"] = one.ID, one.State, w.stand.Tenant, "communications/presences/"+id
		n["resourceData"].(map[string]any)["id"] = id
		maps.Copy(n, more)
		return body
	}
	if status := w.post(item(strings.ToUpper(w.ids[0]), nil)); status != http.StatusAccepted {
		t.Errorf("answered %d", status)
	}
	if id := w.hint("basic"); id != w.ids[0] {
		t.Errorf("%s is to be read", id)
	}
	w.post(item(w.ids[1], map[string]any{"resourceData": nil}))
	if id := w.hint("named by the resource only"); id != w.ids[1] {
		t.Errorf("%s is to be read", id)
	}
	w.post(item(annas, nil)) // a stranger
	w.post(item(w.ids[0], map[string]any{"tenantId": annas}))
	w.post(item(w.ids[0], map[string]any{"clientState": nil}))
	w.post(item(w.ids[0], map[string]any{"subscriptionId": annas}))
	w.silent("not believed")
	if got := w.s.Notifications(); got.Changes != 2 || got.Unknown != 2 || got.Forged != 2 {
		t.Errorf("counted %+v", got)
	}
}

// TestTheKeysOfEntraIDAreOutOfReach: then nothing is believed, and what comes with the secret is read.
func TestTheKeysOfEntraIDAreOutOfReach(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	lift := w.stand.Break(graphtest.Rule{Op: "configuration", Do: graphtest.Drop})
	must(t, w.stand.Call("anna@example.com", "bert@example.com"))
	got := []string{w.hint("the first"), w.hint("the second")}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(w.ids)); !slices.Equal(got, want) {
		t.Errorf("%v are to be read, want %v", got, want)
	}
	lift()
	for { // it is not tried all the time
		must(t, w.stand.EndCall("anna@example.com", "bert@example.com"))
		must(t, w.stand.Call("anna@example.com", "bert@example.com"))
		if w.heard(); len(w.told) > 0 {
			break
		}
	}
	if n := w.s.Notifications().Forged; n > 0 {
		t.Errorf("%d are forged", n)
	}
}

// TestASubscriptionIsKept: it is renewed long before its end, with a new key if it is time for one, and what was encrypted for the old
// one is still read.
func TestASubscriptionIsKept(t *testing.T) {
	t.Parallel()
	w := tell(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
		c.timing.rotate = time.Nanosecond
	})
	w.follow(w.ids...)
	first := w.certificate()
	for round := 1; round < 3; round++ {
		must(t, w.stand.Lifecycle("bert@example.com", "reauthorizationRequired"))
		w.until("it is renewed", func() bool { return w.subscriptions()[0].Renewed == round })
	}
	if w.certificate() == first {
		t.Error("the key is the old one")
	}
	w.s.teams.follows.mu.Lock()
	keys := len(w.s.teams.follows.keys)
	w.s.teams.follows.mu.Unlock()
	if keys < 3 {
		t.Errorf("%d keys, want the ones of before too: what was sent may come late", keys)
	}
	must(t, w.stand.Call("anna@example.com", "bert@example.com"))
	w.presence("with a new key")
	if len(w.subscriptions()) != 1 {
		t.Errorf("%d subscriptions", len(w.subscriptions()))
	}
	if n := w.s.Notifications().Lifecycle; n != 2 {
		t.Errorf("%d events about it", n)
	}
}

// certificate is that of the newest key.
func (w *telling) certificate() string {
	w.s.teams.follows.mu.Lock()
	defer w.s.teams.follows.mu.Unlock()
	return w.s.teams.follows.newest.cert
}

// TestARenewalInTime: half of its life later, or a fifth earlier, and never after its end.
func TestARenewalInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &System{t: timing{}.withDefaults()}
		for range 100 {
			one := &follow{}
			s.lasts(one, time.Time{})
			if wait := time.Until(one.due); wait > 28*time.Minute || wait < 21*time.Minute || time.Until(one.expires) != 55*time.Minute {
				t.Errorf("due after %v of %v", wait, time.Until(one.expires))
			}
		}
	})
}

// TestWhatWasMissed: all are to be read.
func TestWhatWasMissed(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"missed", "subscriptionRemoved"} {
		w := tell(t)
		w.follow(w.ids...)
		id := w.subscriptions()[0].ID
		must(t, w.stand.Lifecycle("bert@example.com", event))
		got := []string{w.hint(event), w.hint(event)}
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(w.ids)); !slices.Equal(got, want) {
			t.Errorf("%s: %v are to be read, want %v", event, got, want)
		}
		if list := w.subscriptions(); len(list) != 1 || (list[0].ID == id) != (event == "missed") {
			t.Errorf("%s: %d subscriptions", event, len(list))
		}
	}
}

// TestItIsLostWithoutAWord, and made again when it is to be renewed.
func TestItIsLostWithoutAWord(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	must(t, w.stand.LoseSubscriptions("bert@example.com"))
	w.due("bert")
	w.hint("made again")
	w.hint("made again")
	if len(w.subscriptions()) != 1 {
		t.Errorf("%d subscriptions", len(w.subscriptions()))
	}
}

// due has it be time for what is to be done for an account.
func (w *telling) due(account string) {
	w.s.teams.follows.mu.Lock()
	defer w.s.teams.follows.mu.Unlock()
	w.s.teams.follows.wanted[account].due = time.Time{}
	w.s.teams.follows.nudge()
}

// TestOthersAreFollowed: one at a time, since more are not allowed.
func TestOthersAreFollowed(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids[0])
	must(t, w.stand.Client("bert@example.com", "desktop", "Busy", "Busy"))
	w.follow(w.ids...)
	must(t, w.stand.Client("bert@example.com", "desktop", "Available", "Available"))
	if p := w.presence("Bert"); p.ID != w.ids[1] {
		t.Errorf("told of %s", p.ID)
	}
	made := w.stand.Count("subscriptions.create")
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: []string{strings.ToUpper(w.ids[1]), w.ids[0], w.ids[0], "no ID"}}}) // the same
	w.s.FollowPresences(nil)
	w.until("nobody is followed", func() bool { return len(w.subscriptions()) == 0 })
	if n := w.stand.Count("subscriptions.create"); n != made || made != 2 {
		t.Errorf("%d subscriptions were made, and %d before", n, made)
	}
}

// TestAnEarlierRunLeftSomething: this server was killed, and may have one subscription only. It is deleted, and so is one that
// turns up later. Those of calendars and those of other addresses are left alone.
func TestAnEarlierRunLeftSomething(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	w.s.teams.follows.mu.Lock() // what it knew is gone
	w.s.teams.follows.byID = map[string]*follow{}
	w.s.teams.follows.wanted = map[string]*follow{}
	w.s.teams.follows.mu.Unlock()
	old := w.subscriptions()[0].ID
	w.follow(w.ids...)
	if id := w.subscriptions()[0].ID; id == old {
		t.Error("the old one is still there")
	}

	w.s.teams.follows.mu.Lock() // the answer got lost, and everything is thought to be tidy
	one := w.s.teams.follows.wanted["bert"]
	delete(w.s.teams.follows.byID, one.id)
	one.id, one.due = "", time.Time{}
	w.s.teams.follows.mu.Unlock()
	old = w.subscriptions()[0].ID
	w.s.teams.follows.nudge()
	w.hint("made again")
	w.hint("made again")
	if list := w.subscriptions(); len(list) != 1 || list[0].ID == old {
		t.Errorf("%d subscriptions", len(list))
	}
	if n := w.stand.Count("subscriptions.delete"); n != 2 {
		t.Errorf("%d were deleted", n)
	}
}

// TestCalendarsLeavePresenceAlone: Watch tidies up after an earlier run, and keeps its hands off.
func TestCalendarsLeavePresenceAlone(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	heard := make(chan string, 100)
	w.s.Follow([]string{"anna@example.com"})
	go func() { done <- w.s.Watch(ctx, func(m string) { heard <- m }) }()
	<-heard
	put(t, w.stand, "anna@example.com", graphtest.Event{Subject: "Budget", Start: marchFrom.Add(9 * time.Hour), End: marchFrom.Add(10 * time.Hour)})
	<-heard
	must(t, w.stand.Call("anna@example.com", "bert@example.com"))
	w.presence("beside calendars")
	cancel()
	<-done
	if len(w.subscriptions()) != 1 {
		t.Error("presence is not followed any more")
	}
}

// TestSomebodyWhoLeftIsFollowed: the subscription is refused as a whole then. The others are followed.
func TestSomebodyWhoLeftIsFollowed(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.stand.SetPresenceRules(graphtest.PresenceRules{RefuseUnknown: true})
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: append(slices.Clone(w.ids), annas)}})
	w.hint("Anna")
	w.hint("Bert")
	w.silent("of who left")
	if list := w.subscriptions(); len(list) != 1 || len(list[0].Users) != 2 {
		t.Errorf("subscribed to %+v", list)
	}
	made := w.stand.Count("subscriptions.create")
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: append(slices.Clone(w.ids), annas)}})
	must(t, w.stand.Call("anna@example.com", "bert@example.com"))
	w.presence("a call")
	if n := w.stand.Count("subscriptions.create"); n != made {
		t.Errorf("it was made anew, %d times", n-made)
	}
}

// TestBertTookHisPermissionBack, and gives it again.
func TestBertTookHisPermissionBack(t *testing.T) {
	t.Parallel()
	w := tell(t)
	must(t, w.stand.Revoke("bert@example.com", 50173))
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: w.ids}})
	w.until("it is refused", func() bool {
		w.s.teams.follows.mu.Lock()
		defer w.s.teams.follows.mu.Unlock()
		one := w.s.teams.follows.wanted["bert"]
		return one != nil && one.refused && !one.busy
	})
	tokens := w.stand.Count("token")
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: w.ids}})
	w.as = signIn(t, w.stand, "bert@example.com")
	if n := w.stand.Count("token"); n != tokens {
		t.Errorf("%d more sign-ins with the old permission", n-tokens)
	}
	w.follow(w.ids...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.renewed > 0 {
		t.Error("a token was renewed that was taken back")
	}
}

// TestTheAddressIsNotReached: it is tried again, and works when it is.
func TestTheAddressIsNotReached(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.serve(nil)
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: w.ids}})
	w.until("it was tried twice", func() bool { return w.stand.Count("subscriptions.create") >= 2 })
	w.serve(w.s.Notify())
	w.hint("it works")
	w.until("its new token is handed over", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.renewed > 0
	})
}

// TestClouds: presence is told of in the global cloud only, and nowhere without an address.
func TestClouds(t *testing.T) {
	t.Parallel()
	for cloud, want := range map[Cloud]bool{Global: true, USGov: false, USGovDoD: false, China: false} {
		s, err := New(Config{Tenant: annas, ClientID: annas, Secret: "secret", Cloud: cloud, NotifyURL: "https://presence.example.com/x"})
		must(t, err)
		s.FollowPresences([]PresenceWatcher{{As: &SignIn{Token: "x"}, Account: "bert", IDs: []string{annas}}})
		s.teams.follows.mu.Lock()
		n := len(s.teams.follows.wanted)
		s.teams.follows.mu.Unlock()
		if (n > 0) != want {
			t.Errorf("%s: %d followed, want some: %v", cloud, n, want)
		}
		if !want {
			must(t, s.WatchPresences(t.Context(), nil, nil))
		}
		s.Close()
	}
	s, err := New(Config{Tenant: annas, ClientID: annas, Secret: "secret"})
	must(t, err)
	defer s.Close()
	must(t, s.WatchPresences(t.Context(), nil, nil))
}

// TestTheEncryptedFixture, made by the published procedure, and what becomes of it if a bit is different.
func TestTheEncryptedFixture(t *testing.T) {
	t.Parallel()
	der, err := base64.StdEncoding.DecodeString(string(sample(t, "notification-presence-encrypted-a.TEST-ONLY.key.der.b64")))
	must(t, err)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		parsed, err = x509.ParsePKCS1PrivateKey(der)
	}
	must(t, err)
	key := parsed.(*rsa.PrivateKey)
	fixture := func() *encrypted {
		var body struct {
			Value []struct {
				Content encrypted `json:"encryptedContent"`
			} `json:"value"`
		}
		must(t, json.Unmarshal(sample(t, "notification-presence-encrypted-a.json"), &body))
		return &body.Value[0].Content
	}
	text, err := fixture().open(key)
	must(t, err)
	got, err := readPresence(text)
	must(t, err)
	want, err := readPresence(sample(t, "notification-presence-encrypted-a.expected.json"))
	must(t, err)
	if got != want || got.Activity != "InACall" || fixture().Cert != "cert-a" {
		t.Errorf("decrypted a presence of %s", got.ID)
	}
	for name, change := range map[string]func(*encrypted){
		"data":          func(e *encrypted) { e.Data[20] ^= 1 },
		"the signature": func(e *encrypted) { e.Signature[0] ^= 1 },
		"the key":       func(e *encrypted) { e.DataKey[5] ^= 1 },
		"no data":       func(e *encrypted) { e.Data = nil },
		"cut data":      func(e *encrypted) { e.Data = e.Data[:len(e.Data)-1] },
		"no signature":  func(e *encrypted) { e.Signature = nil },
		"no key":        func(e *encrypted) { e.DataKey = nil },
	} {
		e := fixture()
		change(e)
		if _, err := e.open(key); err == nil {
			t.Errorf("%s: decrypted", name)
		}
	}
	if _, err := fixture().open(must1(rsa.GenerateKey(rand.Reader, 2048))); err == nil {
		t.Error("decrypted with another key")
	}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestKeysComeAndGo: a new one every day, and the old one is kept for as long as something may come for it.
func TestKeysComeAndGo(t *testing.T) {
	t.Parallel()
	s := &System{t: timing{keyBits: 2048}.withDefaults()}
	s.teams.follows.init()
	f := &s.teams.follows
	now := time.Now()
	fresh := func(after time.Duration) (newest *contentKey, keys int) {
		now = now.Add(after)
		must(t, s.freshKey(now))
		return f.newest, len(f.keys)
	}
	first, _ := fresh(0)
	one := &follow{id: "1", key: first}
	f.byID["1"] = one
	if same, n := fresh(23 * time.Hour); same != first || n != 1 {
		t.Errorf("within a day: another key, of %d", n)
	}
	second, n := fresh(2 * time.Hour)
	if second == first || n != 2 || second.id == first.id || second.cert == first.cert {
		t.Errorf("a day later: the same key, of %d", n)
	}
	if _, n = fresh(10 * time.Hour); n != 2 {
		t.Errorf("%d keys, while the old one is in use", n)
	}
	one.key = second
	fresh(time.Minute)
	if _, n = fresh(4 * time.Hour); n != 2 {
		t.Errorf("%d keys, while something may come for the old one", n)
	}
	if _, n = fresh(time.Hour); n != 1 || f.keys[second.id] != second {
		t.Errorf("%d keys, hours after the old one was in use", n)
	}
	der, err := base64.StdEncoding.DecodeString(second.cert)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	if !cert.PublicKey.(*rsa.PublicKey).Equal(&second.key.PublicKey) || cert.NotAfter.Before(now.Add(contentKeyLife)) || len(second.id) > 128 {
		t.Errorf("a certificate until %v", cert.NotAfter)
	}
	if timing := (timing{}).withDefaults(); timing.keyBits != 3072 {
		t.Errorf("keys have %d bits", timing.keyBits)
	}
}

// TestMoreThanCanBeRead: what cannot be put aside is only looked at for its names, and answered at once.
func TestMoreThanCanBeRead(t *testing.T) {
	t.Parallel()
	f := &follows{}
	f.init()
	state := "secret"
	f.byID["1"] = &follow{id: "1", state: state, covers: []string{annas}}
	f.hint = func(string) {}
	count := func(change func(*Notifications)) {
		var n Notifications
		if change(&n); n != (Notifications{}) {
			t.Errorf("counted %+v", n)
		}
	}
	n := notification{Subscription: "1", State: &state, Encrypted: json.RawMessage(`{}`), Resource: "communications/presences/" + strings.ToUpper(annas)}
	stranger := n
	stranger.Resource = "communications/presences/" + numbered(1)
	for i := range maxQueue + 2 {
		ids, _ := f.accept([]notification{n, stranger}, nil, annas, count)
		if full := i >= maxQueue; full != (len(ids) == 1 && ids[0] == annas) || !full && len(ids) > 0 {
			t.Errorf("request %d: %v are to be read", i, ids)
		}
	}
	f.hint = nil // it ended
	f.queue = make(chan delivery, 1)
	if _, hint := f.accept([]notification{n}, nil, annas, count); hint != nil || len(f.queue) > 0 {
		t.Error("something is put aside for nobody")
	}
}

// TestTheKeyIsGone: the user is read.
func TestTheKeyIsGone(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	w.s.teams.follows.mu.Lock()
	w.s.teams.follows.keys = map[string]*contentKey{}
	w.s.teams.follows.mu.Unlock()
	must(t, w.stand.Client("anna@example.com", "desktop", "Busy", "Busy"))
	if id := w.hint("without a key"); id != w.ids[0] {
		t.Errorf("%s is to be read", id)
	}
	if got := w.s.Notifications(); got.Unknown != 1 || got.Changes != 0 {
		t.Errorf("counted %+v", got)
	}
}

// TestRenewingIsRefused: it is replaced.
func TestRenewingIsRefused(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	id := w.subscriptions()[0].ID
	w.stand.Break(graphtest.Rule{Op: "subscriptions.renew", Do: graphtest.Answer, Status: 400, Code: "InvalidRequest"})
	w.due("bert")
	w.hint("made again")
	w.hint("made again")
	if list := w.subscriptions(); len(list) != 1 || list[0].ID == id {
		t.Errorf("%d subscriptions", len(list))
	}
	if n := w.stand.Count("subscriptions.renew"); n != 1 {
		t.Errorf("renewed %d times", n)
	}
}

// TestItIsWatchedAgain: after an end, who is followed is followed anew; and not by two.
func TestItIsWatchedAgain(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.follow(w.ids...)
	if err := w.s.WatchPresences(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a second watch: %v", err)
	}
	w.stop()
	must(t, w.stand.Call("anna@example.com", "bert@example.com"))
	w.run()
	w.hint("Anna or Bert")
	w.hint("Anna or Bert")
	w.until("it is subscribed", func() bool { return len(w.subscriptions()) == 1 })
	must(t, w.stand.EndCall("anna@example.com", "bert@example.com"))
	w.presence("the end of the call")
}

// TestTheServiceWantsNoMoreSubscriptions for a while: what there is goes on, and reading does too.
func TestTheServiceWantsNoMoreSubscriptions(t *testing.T) {
	t.Parallel()
	w := tell(t)
	w.stand.Break(graphtest.Rule{Op: "subscriptions.create", Times: 1, Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: time.Second})
	began := time.Now()
	w.s.FollowPresences([]PresenceWatcher{{As: w.as, Account: "bert", IDs: w.ids}})
	w.until("it was turned away", func() bool { return w.stand.Count("subscriptions.create") == 1 })
	_, err := w.s.Presences(t.Context(), nil, w.ids)
	must(t, err)
	w.hint("after the wait")
	if took := time.Since(began); took < time.Second {
		t.Errorf("it was tried again after %v", took)
	}
}
