package graph

import (
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

const teamsWell = "login graph token credential read-permission write-permission directory"

// TestPresenceIsWell, and nothing is left behind.
func TestPresenceIsWell(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	before := server.Shown("anna@example.com")
	steps := s.CheckPresence(t.Context(), " Anna@Example.com ")
	if got := told(t, steps); got != teamsWell+" user read write consent" {
		t.Error(got)
	}
	if got := told(t, s.CheckPresence(t.Context(), "")); got != teamsWell+" consent" {
		t.Errorf("without an address: %s", got)
	}
	if got := server.Shown("anna@example.com"); got.Pair != before.Pair || len(server.Sessions("anna@example.com")) != 1 {
		t.Errorf("Teams shows %v after, with %v", got.Pair, server.Sessions("anna@example.com"))
	}
	for _, w := range server.Journal() {
		if w.Pair.Availability == "Available" || w.Status != 200 {
			t.Errorf("written: %+v", w)
		}
	}
	consent := step(t, steps, StepConsent).Found
	for _, one := range []string{"Presence.Read.All", "Presence.ReadWrite", "User.Read", "offline_access", "Delegated permissions", "Grant admin consent", graphtest.DefaultApp().ID} {
		if !strings.Contains(consent, one) {
			t.Errorf("what people agree to leaves out %s: %s", one, consent)
		}
	}
	for _, one := range steps {
		if strings.Contains(one.Found+one.Remedy, "anna") || strings.Contains(one.Found, "Available") {
			t.Errorf("%s tells too much: %s", one.Name, one.Found)
		}
	}

	if got := told(t, s.CheckSignIn(t.Context(), signIn(t, server, "bert@example.com"))); got != "token read-permission write-permission read write" {
		t.Errorf("with a sign-in: %s", got)
	}
}

// TestWhatACheckOfPresenceFinds: each permission that is missing, named, with where it is granted.
func TestWhatACheckOfPresenceFinds(t *testing.T) {
	t.Parallel()
	id := graphtest.DefaultApp().ID
	roles := func(list ...string) func(*graphtest.Config, *Config, *outbound.Config) {
		return func(g *graphtest.Config, _ *Config, _ *outbound.Config) { g.Apps[0].Roles = list }
	}
	answer := func(op string, status int) func(*graphtest.Server) {
		return func(s *graphtest.Server) {
			s.Break(graphtest.Rule{Op: op, Do: graphtest.Answer, Status: status, Code: "Some"})
		}
	}
	for name, one := range map[string]struct {
		config  func(*graphtest.Config, *Config, *outbound.Config)
		faults  func(*graphtest.Server)
		address string
		steps   string
		step    string
		found   string
		remedy  string
	}{
		"no reading": {roles("Presence.ReadWrite.All", "User.Read.All"), nil, "anna@example.com",
			"login graph token credential read-permission write-permission directory user read! write consent", StepRead, "it needs Presence.Read.All", id + ", API permissions"},
		"no writing": {roles("Presence.Read.All", "User.ReadBasic.All"), nil, "anna@example.com",
			"login graph token credential read-permission write-permission! directory user read write! consent", StepWritePermission, "may not set presence", "choose Presence.ReadWrite.All, then Grant admin consent"},
		"nothing": {roles("Calendars.Read"), nil, "anna@example.com", "login graph token credential read-permission! write-permission! directory! user! consent",
			StepUser, "may not look people up", "choose User.ReadBasic.All, then Grant admin consent"},
		"nobody":          {nil, nil, "nobody@example.com", teamsWell + " user! consent", StepUser, "knows nobody", "admin center"},
		"another address": {nil, nil, "a.amsel@example.com", teamsWell + " user! consent", StepUser, "knows nobody", "first e-mail address"},
		"no licence":      {nil, answer("setPresence", 404), "anna@example.com", teamsWell + " user read write! consent", StepWrite, "knows no presence", "licence"},
		"refused to read": {nil, answer("presences", 403), "anna@example.com", teamsWell + " user read! write consent", StepRead, "although the permission Presence.Read.All is there", "within the last hour"},
		"out of order":    {nil, answer("presences", 503), "anna@example.com", teamsWell + " user read! write consent", StepRead, "no answer at the moment (503)", "Try again"},
		"not cleared":     {nil, answer("clearPresence", 500), "anna@example.com", teamsWell + " user read write! consent", StepWrite, "ends by itself", "Try again"},
		"odd":             {nil, answer("users", 400), "anna@example.com", teamsWell + " user! consent", StepUser, "refuses the address", "Compare"},
		"a wrong secret": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Secret = "wrong" }, nil, "anna@example.com", "login graph token! consent",
			StepToken, "secret", "Certificates & secrets"},
		"for people only": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Tenant = "organizations" }, nil, "anna@example.com", "login graph consent", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var change []func(*graphtest.Config, *Config, *outbound.Config)
			if one.config != nil {
				change = append(change, one.config)
			}
			server, s := startTeams(t, change...)
			if one.faults != nil {
				one.faults(server)
			}
			steps := s.CheckPresence(t.Context(), one.address)
			if got := told(t, steps); got != one.steps {
				t.Errorf("steps %s, want %s", got, one.steps)
			}
			if one.step == "" {
				return
			}
			if got := step(t, steps, one.step); !strings.Contains(got.Found, one.found) || !strings.Contains(got.Remedy, one.remedy) {
				t.Errorf("found %q, remedy %q", got.Found, got.Remedy)
			}
		})
	}
}

// TestWhatACheckOfASignInFinds: what the user did not agree to.
func TestWhatACheckOfASignInFinds(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	with := func(scopes ...string) *SignIn {
		token, err := server.SignIn(graphtest.DefaultApp().ID, "bert@example.com", scopes...)
		must(t, err)
		return &SignIn{Token: token}
	}
	if got := told(t, s.CheckSignIn(t.Context(), nil)); got != "token!" {
		t.Errorf("none: %s", got)
	}
	steps := s.CheckSignIn(t.Context(), with("Calendars.Read"))
	if got := told(t, steps); got != "token!" || !strings.Contains(step(t, steps, StepToken).Remedy, "connect the account again") {
		t.Errorf("for calendars: %s", got)
	}
	if got := told(t, s.CheckSignIn(t.Context(), &SignIn{Token: "made up"})); got != "token!" {
		t.Errorf("made up: %s", got)
	}
	as := with("Presence.Read.All", "Presence.ReadWrite")
	renewed := ""
	as.Renewed = func(token string) { renewed = token }
	if got := told(t, s.CheckSignIn(t.Context(), as)); got != "token read-permission write-permission read write" || renewed == "" {
		t.Errorf("all: %s, renewed: %v", got, renewed != "")
	}
	server.Break(graphtest.Rule{Op: "setPresence", Do: graphtest.Answer, Status: 403, Code: "Forbidden"})
	if got := told(t, s.CheckSignIn(t.Context(), as)); got != "token read-permission write-permission read write!" {
		t.Errorf("refused: %s", got)
	}
	server.Break(graphtest.Rule{Op: "presence", Do: graphtest.Drop})
	if got := told(t, s.CheckSignIn(t.Context(), as)); got != "token read-permission write-permission read!" {
		t.Errorf("out of reach: %s", got)
	}
}
