package domino

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/domino/dominotest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// found writes the steps of a check as one line: the good ones by name, the last bad one with an exclamation mark.
func found(t *testing.T, steps []source.Step) string {
	t.Helper()
	var names []string
	for _, step := range steps {
		name := step.Name
		if !step.OK {
			name += "!"
		}
		if step.OK != (step.Remedy == "") || step.Found == "" || step.Server == "" {
			t.Errorf("step %+v is not complete", step)
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	type adapt = func(*dominotest.Config, *Config, *outbound.Config)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobodyThere := "http://" + free.Addr().String()
	must(t, free.Close())
	for name, one := range map[string]struct {
		adapt   adapt
		then    func(*testing.T, *dominotest.Server)
		mailbox string // empty: Anna's; none: no mailbox
		want    string
		words   string // in the last step
	}{
		"all is well":              {want: "server tls sign_in service mailfile access calendar", words: "1 entries"},
		"all is well, by the form": {adapt: func(s *dominotest.Config, _ *Config, _ *outbound.Config) { s.Session = true }, want: "server tls sign_in service mailfile access calendar"},
		"all is well, encrypted":   {adapt: func(s *dominotest.Config, c *Config, _ *outbound.Config) { s.TLS, c.AllowHTTP = true, false }, want: "server tls sign_in service mailfile access calendar"},
		"without a mailbox":        {mailbox: "none", want: "server tls sign_in service", words: "enabled"},
		"no such server":           {adapt: func(_ *dominotest.Config, c *Config, _ *outbound.Config) { c.URL = "https://domino.invalid" }, want: "server!", words: "domino.invalid"},
		"nobody listens":           {adapt: func(_ *dominotest.Config, c *Config, _ *outbound.Config) { c.URL = nobodyThere }, want: "server!", words: "refuses the connection"},
		"a private address": {adapt: func(_ *dominotest.Config, _ *Config, o *outbound.Config) { o.Allow = nil }, want: "server!",
			words: "Allow connections"},
		"a certificate of one's own": {adapt: func(s *dominotest.Config, _ *Config, o *outbound.Config) {
			s.TLS = true
			o.RootCAs = noAuthorities()
		}, want: "server tls!", words: "authority"},
		"a wrong password": {adapt: func(_ *dominotest.Config, c *Config, _ *outbound.Config) { c.Password = "guessed" }, want: "server tls sign_in!", words: "Internet password"},
		"a wrong password, by the form": {adapt: func(s *dominotest.Config, c *Config, _ *outbound.Config) { s.Session, c.Password = true, "guessed" }, want: "server tls sign_in!",
			words: "Internet password"},
		"no way to sign in":       {adapt: func(s *dominotest.Config, _ *Config, _ *outbound.Config) { s.Session, s.NoForm = true, true }, want: "server tls sign_in!", words: "session authentication"},
		"the service is off":      {then: func(_ *testing.T, s *dominotest.Server) { s.SetService(false) }, want: "server tls sign_in service!", words: "restart task http"},
		"off for the mail file":   {then: func(t *testing.T, s *dominotest.Server) { must(t, s.SetFileService(annas, false)) }, want: "server tls sign_in service mailfile access!"},
		"no reader":               {then: func(t *testing.T, s *dominotest.Server) { must(t, s.SetReader(annas, false)) }, want: "server tls sign_in service mailfile access!", words: `"Doorlight Reader" reader access`},
		"no reader, by the form":  {adapt: func(s *dominotest.Config, _ *Config, _ *outbound.Config) { s.Session = true }, then: func(t *testing.T, s *dominotest.Server) { must(t, s.SetReader(annas, false)) }, want: "server tls sign_in service mailfile access!"},
		"no mail file":            {mailbox: "carla@example.com", want: "server tls sign_in service mailfile!", words: "/mail/carla.nsf"},
		"an address that is none": {mailbox: "../names@example.com", want: "server tls sign_in service mailfile!"},
		"the mail file is broken": {then: func(_ *testing.T, s *dominotest.Server) {
			s.Break(dominotest.Rule{Op: "events", Do: dominotest.Answer, Status: 500})
		}, want: "server tls sign_in service mailfile!", words: "fixup"},
		"the calendar is damaged": {then: func(_ *testing.T, s *dominotest.Server) {
			s.Break(dominotest.Rule{Op: "events", Do: dominotest.Damage})
		}, want: "server tls sign_in service mailfile access calendar!"},
		"the server has a problem": {then: func(_ *testing.T, s *dominotest.Server) {
			s.Break(dominotest.Rule{Op: "api", Do: dominotest.Answer, Status: 503})
		}, want: "server!", words: "few minutes"},
		"no access services": {then: func(_ *testing.T, s *dominotest.Server) {
			s.Break(dominotest.Rule{Op: "api", Do: dominotest.Answer, Status: 404})
		}, want: "server tls service!", words: "9.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, func(stand *dominotest.Config, c *Config, o *outbound.Config) {
				if one.adapt != nil {
					one.adapt(stand, c, o)
				}
			})
			now := time.Now()
			put(t, server, annas, dominotest.Event{Subject: "Do not tell", Class: "private", Start: now.UTC().Truncate(time.Second), End: now.UTC().Truncate(time.Second).Add(time.Hour)})
			if one.then != nil {
				one.then(t, server)
			}
			mailbox := map[string]string{"": "anna@example.com", "none": ""}[one.mailbox]
			if mailbox == "" && one.mailbox != "none" {
				mailbox = one.mailbox
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			steps := s.Check(ctx, mailbox)
			if got := found(t, steps); got != one.want {
				t.Errorf("steps are %q, want %q: %+v", got, one.want, steps)
			}
			if last := steps[len(steps)-1]; !strings.Contains(last.Found+" "+last.Remedy, one.words) {
				t.Errorf("the last step says %q, %q, want %q in it", last.Found, last.Remedy, one.words)
			}
			for _, step := range steps {
				for _, secret := range []string{"Do not tell", dominotest.DefaultPassword, "guessed"} {
					if strings.Contains(step.Found+step.Remedy, secret) {
						t.Errorf("%s tells %q: %+v", step.Name, secret, step)
					}
				}
			}
		})
	}
}
