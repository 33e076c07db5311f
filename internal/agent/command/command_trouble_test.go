package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/tray"
	"github.com/doorlight/doorlight/internal/agent/vault"
)

// lockedRing is a keyring that its owner does not unlock.
type lockedRing struct{}

var errLocked = errors.New("the keyring is locked")

func (lockedRing) Get(string, string) (string, error) { return "", errLocked }
func (lockedRing) Set(string, string, string) error   { return errLocked }
func (lockedRing) Delete(string, string) error        { return errLocked }

// With an icon or without, a server that is restarted while somebody signs in must not end the client, nor have it wait for ever.
func TestSigningInOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/oauth/device":
			json.NewEncoder(w).Encode(map[string]any{"device_code": "dld_1", "user_code": "BCDF-GHJK", "verification_uri": "http://" + r.Host + "/device", "expires_in": 600, "interval": 1})
		case asked == 0:
			asked++
			w.WriteHeader(http.StatusBadGateway)
		default:
			w.Write([]byte(`{"access_token":"dlc_new","token_type":"Bearer","expires_in":60}`))
		}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for name, noTray := range map[string]bool{"with an icon": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			folder := t.TempDir()
			d := &desk{flags: &flags{noOpen: true, noTray: noTray}, folder: folder, kept: kept{Server: srv.URL, Client: "desk"}, log: slog.New(slog.DiscardHandler), vault: vault.New(folder, lockedRing{})}
			s := &session{desk: d, version: "1", out: io.Discard, again: make(chan struct{}, 1), shown: make(chan tray.View, 1)}
			done := make(chan error, 1)
			go func() {
				_, err := s.signIn(t.Context(), false)
				done <- err
			}()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("it gives up: %v", err)
				}
			case <-time.After(15 * time.Second):
				t.Error("it waits for ever")
			}
		})
	}
}

func runs(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := New("1")
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// Looking at what was sent changes nothing, least of all the server that the client goes to next.
func TestLookingChangesNoServer(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "agent.json"), []byte(`{"server":"https://presence.example.com","client":"desk-1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{"sent", "sign-out"} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
		if out, err := runs(t, call, "--folder", folder, "--server", "https://typo.example.com"); err != nil {
			t.Fatal(out, err)
		}
		text, err := os.ReadFile(filepath.Join(folder, "agent.json"))
		if err != nil || !strings.Contains(string(text), "presence.example.com") {
			t.Errorf("after %s it is kept: %s, %v", call, text, err)
		}
	}
}

// A file that a power failure left empty keeps nobody from starting.
func TestAnEmptyFileIsNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "agent.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runs(t, "sent", "--folder", folder, "--server", "https://presence.example.com"); err != nil {
		t.Errorf("the client does not start: %v\n%s", err, out)
	}
}

// Whose sign-in has ended is asked to sign in again, also if the keyring, in which nothing of it was, does not open.
func TestALockedKeyringEndsNoClient(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/device" {
			asked <- struct{}{}
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(`{"status":401,"title":"Unauthorized","detail":"the desktop client is not signed in any more"}`))
	}))
	t.Cleanup(srv.Close)
	folder := t.TempDir()
	v := vault.New(folder, lockedRing{})
	if place, err := v.Save(t.Context(), srv.URL, "dlc_old"); err != nil || place != vault.InFile {
		t.Fatal(place, err)
	}
	d := &desk{
		flags: &flags{noOpen: true}, folder: folder, kept: kept{Server: srv.URL, Client: "desk"}, log: slog.New(slog.DiscardHandler), vault: v,
		sent: &sentLog{path: filepath.Join(folder, "sent.jsonl")},
	}
	s := &session{desk: d, version: "1", out: io.Discard, again: make(chan struct{}, 1), shown: make(chan tray.View, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.work(ctx) }()
	select {
	case <-asked:
		cancel()
		<-done
	case err := <-done:
		t.Errorf("the client ends: %v", err)
	case <-time.After(15 * time.Second):
		t.Error("nothing happens")
	}
}

// A line that did not fit on the disk does not spoil those behind it.
func TestAfterAFullDisk(t *testing.T) {
	t.Parallel()
	l := &sentLog{path: filepath.Join(t.TempDir(), "sent.jsonl")}
	if err := os.WriteFile(l.path, []byte(`{"at":"2026-11-26T12:00:00Z","what":"rep`), 0o600); err != nil { // as far as there was room
		t.Fatal(err)
	}
	if err := l.add("report", map[string]string{"id": "desk"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if !json.Valid([]byte(lines[len(lines)-1])) {
		t.Errorf("the latest line is %s", lines[len(lines)-1])
	}
}

// What --server says is remembered. The environment and an administrator's file name a server for whoever has named none: by that file an administrator can move
// all computers to another address.
func TestWhatNobodyNamedIsNotRemembered(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("DOORLIGHT_SERVER", "https://old.example.com")
	d, err := open(&flags{folder: folder, logLevel: "error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if d.kept.Server != "https://old.example.com" {
		t.Fatalf("the environment is not heard: %q", d.kept.Server)
	}
	if err := d.remember(); err != nil { // as run does
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "agent.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "old.example.com") {
		t.Errorf("the owner named no server, and from now on this is theirs: %s", text)
	}
}

// The client works on GNOME without an extension, where nothing shows its icon. A code that nobody allowed in ten minutes is not the last there: who was in a
// meeting when the first page opened has no menu in which to ask for another.
func TestWithoutAPanelThereIsAnotherCode(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere") // nothing shows an icon
	asked := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/oauth/device" {
			asked <- struct{}{}
			json.NewEncoder(w).Encode(map[string]any{"device_code": "dld_1", "user_code": "BCDF-GHJK", "verification_uri": "http://" + r.Host + "/device", "expires_in": 600, "interval": 1})
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"error":"expired_token"}`))
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	folder := t.TempDir()
	d := &desk{
		flags: &flags{noOpen: true}, folder: folder, kept: kept{Server: srv.URL, Client: "desk"}, log: slog.New(slog.DiscardHandler),
		vault: vault.New(folder, lockedRingWithout{}), sent: &sentLog{path: filepath.Join(folder, "sent.jsonl")},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.run(ctx, io.Discard, "1") }()
	defer func() { cancel(); <-done }()
	for i := range 2 {
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Fatalf("after %d codes no more is asked for, and nobody has an icon to want one", i)
		}
	}
}

// lockedRingWithout is a keyring that has nothing and takes nothing.
type lockedRingWithout struct{ lockedRing }

func (lockedRingWithout) Get(string, string) (string, error) { return "", nil }

// A home on a file server: two computers share the file with the token. One was off while the sign-in was ended on the server and its owner signed in anew on the
// other. When it comes back with the token of before, that alone is of no use any more: the new one in the file stays.
func TestATokenThatEndedTakesNoOtherAlong(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	v := vault.New(folder, lockedRingWithout{})
	asked := make(chan struct{}, 100)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/oauth/") {
			select {
			case asked <- struct{}{}:
			default:
			}
		} else if r.Header.Get("Authorization") == "Bearer dlc_old" { // meanwhile the other computer has signed in
			if _, err := v.Save(t.Context(), "http://"+r.Host, "dlc_new"); err != nil {
				t.Error(err)
			}
		} else {
			w.WriteHeader(http.StatusBadGateway) // good, as far as this story goes
			select {
			case asked <- struct{}{}:
			default:
			}
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(`{"status":401,"title":"Unauthorized","detail":"gone"}`))
	})
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	if _, err := v.Save(t.Context(), srv.URL, "dlc_old"); err != nil {
		t.Fatal(err)
	}
	d := &desk{
		flags: &flags{noOpen: true}, folder: folder, kept: kept{Server: srv.URL, Client: "desk"}, log: slog.New(slog.DiscardHandler), vault: v,
		sent: &sentLog{path: filepath.Join(folder, "sent.jsonl")},
	}
	s := &session{desk: d, version: "1", out: io.Discard, again: make(chan struct{}, 1), shown: make(chan tray.View, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.work(ctx) }()
	defer func() { cancel(); <-done }()
	select {
	case <-asked:
	case <-time.After(15 * time.Second):
		t.Fatal("nothing happens")
	}
	if got, err := v.Load(t.Context(), srv.URL); err != nil || got != "dlc_new" {
		t.Errorf("of the sign-in of the other computer %q is left, %v", got, err)
	}
}
