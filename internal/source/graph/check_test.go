package graph

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// told is the outcome of a check: the steps that are well, and those that are not with an exclamation mark.
func told(t *testing.T, steps []source.Step) string {
	t.Helper()
	var out []string
	for _, one := range steps {
		mark := ""
		if !one.OK {
			mark = "!"
		}
		if one.Found == "" || one.OK == (one.Remedy != "") {
			t.Errorf("step %+v", one)
		}
		if one.Name != StepCredential && one.Server == "" {
			t.Errorf("step %s does not say with whom", one.Name)
		}
		out = append(out, one.Name+mark)
	}
	return strings.Join(out, " ")
}

func step(t *testing.T, steps []source.Step, name string) source.Step {
	t.Helper()
	for _, one := range steps {
		if one.Name == name {
			return one
		}
	}
	t.Errorf("no step %s in %s", name, told(t, steps))
	return source.Step{}
}

const wellFor = "login graph token credential permissions directory"

// TestAllIsWell, with notifications and without.
func TestAllIsWell(t *testing.T) {
	t.Parallel()
	w := watch(t)
	if got := told(t, w.s.Check(t.Context(), "anna@example.com")); got != wellFor+" mailbox calendar notifications" {
		t.Error(got)
	}
	if n := w.subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	if got := told(t, w.s.Check(t.Context(), "a.amsel@example.com")); got != wellFor+" mailbox calendar notifications" {
		t.Errorf("by another address: %s", got)
	}
	if got := told(t, w.s.Check(t.Context(), "")); got != wellFor {
		t.Errorf("without a mailbox: %s", got)
	}
	if heard := w.silence(); len(heard) > 0 {
		t.Errorf("%v are to be read", heard)
	}
}

// TestWhatACheckFinds: each thing that is missing, with what to do.
func TestWhatACheckFinds(t *testing.T) {
	t.Parallel()
	app := func(change func(*graphtest.App)) func(*graphtest.Config, *Config, *outbound.Config) {
		return func(g *graphtest.Config, _ *Config, _ *outbound.Config) {
			a := graphtest.DefaultApp()
			change(&a)
			g.Apps = []graphtest.App{a}
		}
	}
	id := graphtest.DefaultApp().ID
	none := func(*graphtest.Config, *Config, *outbound.Config) {}
	nothing := func(*testing.T, *graphtest.Server) {}
	for name, one := range map[string]struct {
		change  func(*graphtest.Config, *Config, *outbound.Config)
		then    func(*testing.T, *graphtest.Server)
		mailbox string
		want    string
		step    string
		remedy  string
	}{
		"a directory that is not there": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
			c.Tenant = "11111111-1111-1111-1111-111111111111"
		}, nothing, "",
			"login! graph", StepLogin, "tenant"},
		"nobody there": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
			c.LoginURL, c.GraphURL = "http://127.0.0.1:1", "http://127.0.0.1:1"
		}, nothing, "", "login! graph!", StepGraph, "firewall"},
		"the wrong secret": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Secret = "wrong" }, nothing, "", "login graph token!", StepToken, "Certificates & secrets"},
		"an unknown app": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
			c.ClientID = "11111111-1111-1111-1111-111111111111"
		}, nothing, "", "login graph token!", StepToken, "application (client) ID"},
		"a secret that ended": {app(func(a *graphtest.App) { a.SecretExpires = time.Now().Add(-time.Hour) }), nothing, "", "login graph token!", StepToken, "new client secret"},
		"a secret that ends": {app(func(a *graphtest.App) {
			a.SecretExpires = time.Now().Add(20 * 24 * time.Hour)
			a.Roles = append(a.Roles, "Application.Read.All")
		}), nothing, "", strings.Replace(wellFor, "credential", "credential!", 1), StepCredential, "new secret"},
		"no permission at all":  {app(func(a *graphtest.App) { a.Roles = nil }), nothing, "", strings.Replace(wellFor, "permissions", "permissions!", 1), StepPermissions, "Grant admin consent"},
		"no permission, seen":   {app(func(a *graphtest.App) { a.Roles = nil }), nothing, "anna@example.com", wellFor + " calendar!", StepCalendar, "New-ManagementRoleAssignment -App " + id},
		"a policy":              {none, func(t *testing.T, s *graphtest.Server) { must(t, s.Restrict("bert@example.com")) }, "anna@example.com", wellFor + " calendar!", StepCalendar, "Test-ApplicationAccessPolicy -AppId " + id + ` -Identity "anna@example.com"`},
		"nobody of that name":   {none, nothing, "nobody@example.com", wellFor + " mailbox!", StepMailbox, "aliases"},
		"an alias, not allowed": {app(func(a *graphtest.App) { a.Roles = []string{"Calendars.Read"} }), nothing, "a.amsel@example.com", wellFor + " mailbox!", StepMailbox, "User.Read.All"},
		"no mailbox": {none, func(t *testing.T, s *graphtest.Server) {
			_, err := s.AddMailbox(graphtest.Mailbox{UPN: "old@example.com", OnPrem: true})
			must(t, err)
		}, "old@example.com", wellFor + " mailbox!", StepMailbox, "licence"},
		"busy": {none, func(t *testing.T, s *graphtest.Server) {
			s.Break(graphtest.Rule{Op: "calendarView", Do: graphtest.Answer, Status: 503, Code: "ServiceUnavailable"})
		}, "anna@example.com", wellFor + " calendar!", StepCalendar, "few minutes"},
		"people's own sign-ins": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Tenant = "organizations" }, nothing, "anna@example.com", "login graph", "", ""},
		"less than subjects":    {app(func(a *graphtest.App) { a.Roles = []string{"Calendars.ReadBasic.All"} }), nothing, "anna@example.com", wellFor + " mailbox calendar", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, one.change)
			one.then(t, server)
			steps := s.Check(t.Context(), one.mailbox)
			if got := told(t, steps); got != one.want {
				t.Errorf("%s, want %s\n%+v", got, one.want, steps)
			}
			if one.step != "" {
				if got := step(t, steps, one.step); !strings.Contains(got.Remedy, one.remedy) {
					t.Errorf("remedy %q, want %q in it", got.Remedy, one.remedy)
				}
			}
			if strings.Contains(fmt.Sprint(steps), s.c.Secret) {
				t.Error("the secret is told")
			}
		})
	}
}

// TestACertificateThatEnds is told weeks ahead.
func TestACertificateThatEnds(t *testing.T) {
	t.Parallel()
	for life, ok := range map[time.Duration]bool{20 * 24 * time.Hour: false, 60 * 24 * time.Hour: true} {
		c := certificate(t, life)
		a := graphtest.DefaultApp()
		a.Certificates = []*x509.Certificate{c.cert}
		_, s := start(t, func(g *graphtest.Config, config *Config, _ *outbound.Config) {
			g.Apps = []graphtest.App{a}
			config.Secret, config.Certificate = "", c.pem
		})
		if got := step(t, s.Check(t.Context(), ""), StepCredential); got.OK != ok || !strings.Contains(got.Found, c.cert.NotAfter.UTC().Format("2 January 2006")) {
			t.Errorf("ends in %v: %+v", life, got)
		}
	}
}

// TestNotificationsThatDoNotArrive: somebody else answers at the address, or nobody.
func TestNotificationsThatDoNotArrive(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.stop()
	for name, h := range map[string]http.Handler{"nobody": nil, "a login page": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<form>")
	})} {
		w.serve(h)
		steps := w.s.Check(t.Context(), "anna@example.com")
		if got := told(t, steps); got != wellFor+" mailbox calendar notifications!" {
			t.Errorf("%s: %s", name, got)
		}
		if got := step(t, steps, StepNotifications); !strings.Contains(got.Remedy, "/graph") || got.Server != "127.0.0.1" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestAnAddressInALineOfPowerShell cannot become a command.
func TestAnAddressInALineOfPowerShell(t *testing.T) {
	t.Parallel()
	if got := quotable("anna\"; Remove-Mailbox `$(x) “@example.com"); strings.ContainsAny(got, "\"`$;“") {
		t.Error(got)
	}
}
