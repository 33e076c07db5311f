package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/coder/websocket"
)

// The page is opened on this computer: a server, or whoever answers in its place, must not have a file or a program opened.
func TestAPageToSignInIsAPage(t *testing.T) {
	t.Parallel()
	page := ""
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"device_code": "dld_1", "user_code": "BCDF-GHJK", "verification_uri": page, "verification_uri_complete": page, "expires_in": 600, "interval": 1})
	})
	for _, page = range []string{"file:///C:/Windows/System32/calc.exe", `\\evil.example\share\run.exe`, "calc.exe", "smb://evil.example/x", "search-ms:query=x"} {
		if x, err := c.BeginSignIn(t.Context(), "Desk"); err == nil {
			t.Errorf("%s would be opened", x.Page)
		}
	}
}

// Only the server knows that a sign-in has ended; a proxy or a network's own page that wants a password does not.
func TestAProxyEndsNoSignIn(t *testing.T) {
	t.Parallel()
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("WWW-Authenticate", `Basic realm="Guests"`)
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte("<html>"))
	})
	if _, err := c.Me(t.Context()); errors.Is(err, ErrSignedOut) {
		t.Errorf("asking who it is: %v, and the token is forgotten", err)
	}
	if _, err := c.Stream(t.Context()); errors.Is(err, ErrSignedOut) {
		t.Errorf("opening the stream: %v, and the token is forgotten", err)
	}
}

// A wait for somebody to allow a sign-in outlives a proxy that answers for the server, and a server that is restarted (RFC 8628 §3.5).
func TestAWaitOutlivesABadAnswer(t *testing.T) {
	t.Parallel()
	asked := 0
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/oauth/device":
			json.NewEncoder(w).Encode(map[string]any{"device_code": "dld_1", "user_code": "BCDF-GHJK", "verification_uri": "http://x/device", "expires_in": 600, "interval": 1})
		case asked == 0:
			asked++
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			w.Write([]byte("<html>"))
		case asked == 1:
			asked++
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			w.Write([]byte(`{"access_token":"dlc_new","token_type":"Bearer","expires_in":60}`))
		}
	})
	x, err := c.BeginSignIn(t.Context(), "Desk")
	if err != nil {
		t.Fatal(err)
	}
	if token, err := x.Wait(t.Context()); err != nil || token != "dlc_new" {
		t.Errorf("signed in: %q, %v", token, err)
	}
}

// Clients and servers of several versions are mixed in a roll-out: a server that knows one status more than this client still says who is shown how, and what to
// measure.
func TestAStatusOfANewerServerEndsNoStream(t *testing.T) {
	t.Parallel()
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.Write(r.Context(), websocket.MessageText, []byte(`{"type":"settings","presence_enabled":true,"lease_seconds":300,"inactive_after_seconds":600,"statuses":["available","focused","busy"],"profiles":[{"id":"p1","name":"Focus","status":"focused"}]}`))
		conn.Read(r.Context())
	})
	s, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := s.Next(t.Context())
	if err != nil {
		t.Fatalf("the settings of a newer server end the stream: %v", err)
	}
	if m.Settings == nil || m.Settings.InactiveAfter != 600 {
		t.Errorf("of a newer server's settings this is left: %+v", m.Settings)
	}
}

// The same at the first call of every connection.
func TestAStatusOfANewerServerKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	c := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"person":{"id":"anna","name":"Anna","presence":{"id":"anna","status":"focused"}},"version":"9"}`))
	})
	if me, err := c.Me(t.Context()); err != nil || me.Person.ID != "anna" {
		t.Errorf("who is shown with a status that only the server knows cannot connect: %v", err)
	}
}
