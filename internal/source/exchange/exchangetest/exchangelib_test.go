package exchangetest

import (
	"bytes"
	"context"
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
	for _, way := range []struct{ name, user, how string }{
		{"as the owner", "anna@example.test", "basic"},
		{"by impersonation", "svc@example.test", "basic"},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			var seen recorder
			s, anna := office(t, Config{Record: seen.record, Auth: []string{"Negotiate", "NTLM", "Basic"}})
			if _, err := anna.Put(Event{Subject: "Ready made", Start: at("2027-03-02T08:00:00Z"), End: at("2027-03-02T09:00:00Z")}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/usr/bin/python3", filepath.Join("testdata", "exchangelib_client.py"), s.URL(), way.user, "secret", "anna@example.test", way.how)
			cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1")
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
