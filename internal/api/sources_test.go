package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// stream opens the live stream and sends it messages.
func (c *client) stream(messages ...any) *websocket.Conn {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.url, "http")+api.Prefix+"/live", &websocket.DialOptions{HTTPHeader: c.header})
	c.ok(err)
	c.t.Cleanup(func() { conn.CloseNow() })
	for _, m := range messages {
		text, err := json.Marshal(m)
		c.ok(err)
		c.ok(conn.Write(ctx, websocket.MessageText, text))
	}
	return conn
}

// hear returns the next message of a stream but for signs of life.
func hear(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != `{"type":"alive"}` {
			return string(text)
		}
	}
}

// ends reads until the stream ends and returns how.
func ends(conn *websocket.Conn) websocket.StatusCode {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func (c *client) presence(id string) rights.Presence {
	c.t.Helper()
	return decode[rights.Card](c.get("/people/" + id)).Presence
}

// until waits until a person has a status.
func (c *client) until(id string, want presence.Status) {
	c.t.Helper()
	for end := time.Now().Add(patience); *c.presence(id).Status != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s is %+v, want %s", id, c.presence(id), want)
		}
	}
}

func TestARevokedTokenIsShownNothingMore(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Bob")
	wallboard, other := store.Token{PersonID: "anna", Scopes: []string{"read"}}, store.Token{Name: "Other", PersonID: "anna", Scopes: []string{"read"}}
	first, second := b.with(wallboard), b.with(other)
	watch := map[string]any{"type": "watch", "people": []string{"bob"}}
	gone, stays := first.stream(watch), second.stream(watch)
	for _, tok := range decode[api.Tokens](b.as("admin").get("/tokens")).Tokens {
		if tok.Name == "Test" {
			b.as("admin").delete("/tokens/" + tok.ID).fine(t)
		}
	}
	if code := ends(gone); code != live.CloseSignedOut {
		t.Errorf("the stream ended with %d, want 4401", code)
	}
	b.relate("anna", "bob", rights.Employee)
	b.as("bob").put("/people/me/choice", map[string]any{"status": "busy"}).fine(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience) // for the frame alone: a disk may take its time for the changes
	defer cancel()
	var seen []string
	for {
		_, frame, err := stays.Read(ctx)
		if err != nil {
			t.Fatalf("the stream of another token: %v, after the frames %q; its person is shown as %+v", err, seen, b.as("anna").presence("bob"))
		}
		seen = append(seen, string(frame))
		if strings.Contains(string(frame), `"busy"`) {
			break
		}
	}
}

func TestATokenThatMayOnlyReadIsNoClient(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	wall := b.with(store.Token{PersonID: "anna", Scopes: []string{"read"}})
	if code := ends(wall.stream(map[string]any{"type": "client", "id": "wall"})); code != live.CloseBadMessage {
		t.Errorf("the stream ended with %d, want 4400", code)
	}
	b.as("anna").until("me", presence.LoggedOut)
	b.as("anna").stream(map[string]any{"type": "client", "id": "tab"})
	b.as("anna").until("me", presence.Available)
}

// TestAClaimThatIsOverBeginsAnew: what an origin said before is no reason to let a choice made since then stand (P4.4).
func TestAClaimThatIsOverBeginsAnew(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	anna, door := b.as("anna"), b.with(store.Token{Origin: "door", Scopes: []string{"claims"}})
	out := map[string]any{"status": "unavailable", "until": time.Now().Add(500 * time.Millisecond)}
	door.put("/people/anna/claim", out).fine(t)
	anna.until("me", presence.Unavailable)
	anna.put("/people/me/choice", map[string]any{"status": "available"}).fine(t)
	time.Sleep(time.Until(out["until"].(time.Time).Add(50 * time.Millisecond)))
	out["until"] = time.Now().Add(time.Hour)
	door.put("/people/anna/claim", out).fine(t)
	anna.until("me", presence.Unavailable)
	since := anna.presence("me").Since
	door.put("/people/anna/claim", out).fine(t) // said again, it is no news
	if again := anna.presence("me").Since; !again.Equal(*since) {
		t.Errorf("unavailable since %s, then since %s", since, again)
	}
}

func TestClientsThatWereLostTakeNoRoom(t *testing.T) {
	t.Parallel()
	b, end := openWithGrace(t, t.TempDir(), 300*time.Millisecond)
	t.Cleanup(end)
	b.people("Anna")
	anna := b.as("anna")
	for round := range 3 {
		for i := range 40 {
			anna.put(fmt.Sprintf("/people/me/clients/tab%d-%d", round, i), map[string]any{}).is(t, 200)
		}
		anna.until("me", presence.Available)
		anna.until("me", presence.Unavailable) // none was heard of again
	}
	anna.put("/people/me/clients/here", map[string]any{}).is(t, 200)
	if n, err := b.store.Count(t.Context()); err != nil || n.Claims > 60 {
		t.Errorf("%d claims are kept (%v)", n.Claims, err)
	}
}

func TestSoManyClientsRunAtMost(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	anna := b.as("anna")
	for i := range 50 {
		anna.put(fmt.Sprintf("/people/me/clients/open%d", i), map[string]any{}).is(t, 200)
	}
	anna.put("/people/me/clients/more", map[string]any{}).is(t, 429)
	anna.put("/people/me/clients/open0", map[string]any{}).is(t, 200)
}

// TestInputThatWasReportedLateEndsInactivity: between two reports of an idle client there was input (P4.3).
func TestInputThatWasReportedLateEndsInactivity(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	anna := b.as("anna")
	report := func(since time.Time) {
		anna.put("/people/me/clients/desk", map[string]any{"activity": "idle", "activity_since": since}).is(t, 200)
	}
	report(time.Now().Add(-20 * time.Minute))
	anna.until("me", presence.BeRightBack)
	report(time.Now().Add(-time.Minute))
	anna.until("me", presence.Available)
	report(time.Now().Add(-20 * time.Minute)) // older news
	anna.until("me", presence.Available)
}

// TestNothingIsKeptOfThoseWhosePresenceIsOff: origins are refused, and in a set of claims only the others count (P10).
func TestNothingIsKeptOfThoseWhosePresenceIsOff(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	elsewhere := store.Location{Name: "Rome", TimeZone: "Europe/Rome"}
	b.ok(b.office.PutLocation(t.Context(), office.By{}, &elsewhere))
	b.add(store.Person{ID: "bob", Name: "Bob", LocationID: elsewhere.ID})
	b.as("admin").put("/scopes/"+b.location+"/settings/feature", map[string]any{"feature": map[string]any{"enabled": false}}).fine(t)
	door := b.with(store.Token{Origin: "door", Scopes: []string{"claims", "lines"}})
	busy := map[string]any{"status": "busy"}
	door.put("/people/anna/claim", busy).is(t, 409)
	door.put("/people/anna/lines/1", map[string]any{"state": "ringing", "other": "+49 170"}).is(t, 409)
	door.put("/people/anna/lines/1", map[string]any{"state": "idle"}).fine(t)
	door.post("/claims", map[string]any{"claims": []any{map[string]any{"person": "anna", "claim": busy}, map[string]any{"person": "bob", "claim": busy}}}).fine(t)
	b.as("bob").until("me", presence.Busy)
	if claims, _, _ := b.hub.Claims("anna"); len(claims) > 0 {
		t.Errorf("kept is %+v", claims)
	}
}
