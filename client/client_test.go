package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask returns a client of a server that answers everything so.
func ask(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	c, err := New(s.URL+"/", Config{Token: "dlc_x", UserAgent: "test", HTTP: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The server's clock is followed as far as its answers tell it, and a slow answer tells nothing.
func TestTheServersClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		ahead, slow time.Duration
		want        time.Duration
	}{
		{"the same", 0, 0, 0},
		{"ahead", time.Hour, 0, time.Hour},
		{"behind", -time.Minute, 0, -time.Minute},
		{"the same, after a slow answer", 0, 20 * time.Second, 0},
		{"an hour ahead, after a slow answer", time.Hour, 20 * time.Second, 0},
	} {
		x := &Client{}
		now := time.Now()
		x.heard(http.Header{"Date": {now.Add(c.ahead).UTC().Format(http.TimeFormat)}}, now.Add(-c.slow))
		if got := x.ServerTime(now).Sub(now); (got - c.want).Abs() > 1500*time.Millisecond {
			t.Errorf("%s: %s is added, want %s", c.name, got, c.want)
		}
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "presence.example.com", "ftp://x", "https://", "https://u:p@x", "https://x/?a=b", "https://x/#a"} {
		if _, err := New(wrong, Config{}); err == nil || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%q is an address: %v", wrong, err)
		}
	}
	c, err := New(" https://presence.example.com/desk/ ", Config{})
	if err != nil || c.Server() != "https://presence.example.com/desk" || c.Page("/settings") != "https://presence.example.com/desk/settings" {
		t.Errorf("%v, %v", c, err)
	}
}

// What the server says is said again in its words; what is no server of ours is told apart.
func TestWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	status, kind, text := 0, "application/problem+json", ""
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") && (r.Header.Get("Authorization") != "Bearer dlc_x" || r.Header.Get("User-Agent") != "test") {
			t.Errorf("asked with %v", r.Header)
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		w.Write([]byte(text))
	})
	status, text = 409, `{"status":409,"title":"Conflict","detail":"presence management is switched off for Anna"}`
	_, err := c.Me(t.Context())
	if refused, ok := errors.AsType[*Error](err); !ok || refused.Status != 409 || err.Error() != "presence management is switched off for Anna" || errors.Is(err, ErrSignedOut) {
		t.Errorf("refused: %v", err)
	}
	status, text = 401, `{"status":401,"title":"Unauthorized","detail":"gone"}`
	if err := c.SignOut(t.Context()); !errors.Is(err, ErrSignedOut) {
		t.Errorf("signed out: %v", err)
	}
	status, kind, text = 502, "text/html", "<html>"
	if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "502") || errors.Is(err, ErrSignedOut) {
		t.Errorf("of a proxy: %v", err)
	}
	status, text = 200, "<html>"
	if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer of a Doorlight server") {
		t.Errorf("of another server: %v", err)
	}
	status = 302 // the token goes to no other server
	if _, err := c.Me(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	if x, err := c.BeginSignIn(t.Context(), "Desk"); err == nil {
		t.Errorf("another server lets in: %+v", x)
	}
}

// A sign-in goes on as the server says, and ends in words.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	answers := []string{`{"error":"authorization_pending"}`, `{"error":"slow_down"}`, `{"access_token":"dlc_new","token_type":"Bearer","expires_in":60}`}
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := r.ParseForm(); err != nil || r.PostForm.Get("client_id") != "doorlight" {
			t.Errorf("sent %v, %v", r.PostForm, err)
		}
		if r.URL.Path == "/oauth/device" {
			if r.PostForm.Get("device_name") != "Desk" {
				t.Errorf("sent %v", r.PostForm)
			}
			json.NewEncoder(w).Encode(map[string]any{"device_code": "dld_1", "user_code": "BCDF-GHJK", "verification_uri": "http://x/device", "verification_uri_complete": "http://x/device?code=BCDF-GHJK", "expires_in": 600, "interval": 1})
			return
		}
		next := answers[0]
		if answers = answers[1:]; strings.Contains(next, "error") {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.Write([]byte(next))
	})
	x, err := c.BeginSignIn(t.Context(), "Desk")
	if err != nil || x.Code != "BCDF-GHJK" || x.Page != "http://x/device?code=BCDF-GHJK" || x.Plain != "http://x/device" || time.Until(x.Expires) < 9*time.Minute {
		t.Fatalf("begun: %+v, %v", x, err)
	}
	if token, err := x.Wait(t.Context()); err != nil || token != "dlc_new" {
		t.Errorf("signed in: %q, %v", token, err)
	}
	for answer, want := range map[string]error{`{"error":"access_denied"}`: ErrRefused, `{"error":"expired_token"}`: ErrExpired, `{"error":"invalid_grant"}`: ErrExpired} {
		answers = []string{answer}
		x, err := c.BeginSignIn(t.Context(), "Desk")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Wait(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", answer, err, want)
		}
	}
}
