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
