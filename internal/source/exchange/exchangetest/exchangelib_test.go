package exchangetest

import (
	"bytes"
	"context"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exchangelib, a client of others, judges this server: unchanged, as Debian has it. Every message of it, in both
// directions, must be valid by the official schema.
func TestExchangelibFindsAnExchange(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name, user, how string
		bound           bool // over TLS, with Extended Protection demanded
	}{
		{"as the owner", "anna@example.test", "basic", false},
		{"by impersonation", "svc@example.test", "basic", false},
		{"as the owner, by NTLM", `EXAMPLE\anna`, "ntlm", false},
		{"by impersonation, by NTLM bound to the channel", `EXAMPLE\svc`, "ntlm", true},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			var seen recorder
			s, anna := office(t, Config{Record: seen.record, Auth: []string{"Negotiate", "NTLM", "Basic"}, TLS: way.bound, ChannelBinding: way.bound, Gzip: way.bound})
			if _, err := anna.Put(Event{Subject: "Ready made", Start: at("2027-03-02T08:00:00Z"), End: at("2027-03-02T09:00:00Z")}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.AddMailbox(Person{Address: "ben@example.test"}); err != nil {
				t.Fatal(err)
			}
			for i, subject := range []string{"Come", "Maybe", "Go away"} {
				start := at("2027-03-05T08:00:00Z").Add(time.Duration(i) * time.Hour)
				if _, err := anna.Put(Event{Subject: subject, Start: start, End: start.Add(time.Hour), Meeting: true, Organizer: "ben@example.test", Response: "NoResponseReceived", ShowAs: "Tentative"}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := anna.PutMail("Lunch?"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/usr/bin/python3", filepath.Join("testdata", "exchangelib_client.py"), s.URL(), way.user, "secret", "anna@example.test", way.how)
			cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1", "OPENSSL_CONF="+filepath.Join("testdata", "openssl.cnf"))
			if way.bound {
				file := filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd.Env = append(cmd.Env, "REQUESTS_CA_BUNDLE="+file)
			}
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			err := cmd.Run()
			if err != nil || !strings.HasSuffix(said.String(), "done\n") {
				text := said.String()
				if len(text) > 6000 {
					text = text[:3000] + "\n...\n" + text[len(text)-3000:]
				}
				t.Errorf("exchangelib ended with %v and said:\n%s", err, text)
			}
			seen.check(t)
		})
	}
}

func TestExchangelibFindsMailboxesByAutodiscover(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	s.SetRedirect("gone@example.test", Redirect{Address: "gone@cloud.test"})
	s.SetRedirect("away@example.test", Redirect{URL: "https://autodiscover.cloud.test/autodiscover/autodiscover.svc"})
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", filepath.Join("testdata", "exchangelib_autodiscover.py"), s.SOAPDiscovery(), "svc@example.test", "secret",
		"a.alias@example.test", "gone@example.test", "away@example.test", "nobody@example.test")
	cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1")
	said, err := cmd.CombinedOutput()
	want := "a.alias@example.test None None None anna@example.test " + s.URL() + "\n" +
		"gone@example.test None gone@cloud.test None None None\n" +
		"away@example.test None None https://autodiscover.cloud.test/autodiscover/autodiscover.svc None None\n" +
		"nobody@example.test InvalidUser None None None None\n"
	if err != nil || string(said) != want {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, said, want)
	}
}
