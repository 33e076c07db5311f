package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// A desktop client reports who records (M2): colleagues read busy, team colleagues the program's alias, and of a program outside the table nothing is
// kept. It ends with the use, with the client, and with its lease.
func TestWhoRecordsIsBusy(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	for _, name := range []string{"Anna", "Emil", "Tom"} {
		b.add(store.Person{ID: strings.ToLower(name), Name: name, Login: strings.ToLower(name)})
	}
	admin, anna, emil, tom := b.as("admin"), b.as("anna"), b.as("emil"), b.as("tom")
	anna.put("/people/anna/relationships/tom", m{"level": rights.TeamColleague}).fine(t)
	if got := decode[api.ClientSettings](anna.put("/people/me/clients/desk", m{}).is(t, 200)); len(got.Microphone) != 0 {
		t.Errorf("nothing counts yet, and these are in the table: %q", got.Microphone)
	}
	admin.put("/scopes/"+b.location+"/settings", m{"microphone": m{"enabled": true, "programs": []m{
		{"active": true, "process": "Zoom", "alias": "Zoom call"}, {"active": true, "process": "ms-teams", "alias": "MS Teams"}, {"active": false, "process": "Slack", "alias": "Slack"},
	}}}).fine(t)
	if got := decode[api.ClientSettings](anna.put("/people/me/clients/desk", m{}).is(t, 200)); strings.Join(got.Microphone, " ") != "Zoom ms-teams zoom.us" {
		t.Errorf("in the table are %q", got.Microphone)
	}

	report := func(processes ...string) {
		t.Helper()
		anna.put("/people/me/clients/desk", m{"label": "Desk", "activity": "active", "microphone": append([]string{}, processes...)}).fine(t)
	}
	sees := func(c *client, status presence.Status, text string) {
		t.Helper()
		got := decode[struct{ Presence rights.Presence }](c.get("/people/anna").is(t, 200)).Presence
		if got.Status == nil || *got.Status != status || got.Text != text {
			t.Errorf("%v, %q is seen, want %v, %q", got.Status, got.Text, status, text)
		}
	}
	report()
	sees(emil, presence.Available, "")
	report("zoom.exe", "Solitaire", "slack")
	sees(emil, presence.Busy, "")
	sees(tom, presence.Busy, "Zoom call")
	if agenda := string(anna.get("/people/me/agenda?from="+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)+"&to="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)).is(t, 200).body); !strings.Contains(agenda, "microphone#desk/zoom") {
		t.Errorf("the agenda has no entry of it: %s", agenda)
	}
	anna.put("/people/me/clients/desk", m{}).fine(t) // a sign of life alone ends nothing
	sees(tom, presence.Busy, "Zoom call")
	if strings.Contains(strings.ToLower(b.dump()), "solitaire") || strings.Contains(strings.ToLower(b.log.String()), "solitaire") {
		t.Error("a program outside the table is kept, or logged")
	}
	report()
	sees(emil, presence.Available, "")
	report("Zoom")
	anna.delete("/people/me/clients/desk").fine(t)
	claims, _, _ := b.hub.Claims("anna")
	for _, c := range claims {
		if c.Source == presence.SourceMicrophone {
			t.Errorf("the client has ended, and %s records", c.Text)
		}
	}
	report("Zoom", "ms-teams")
	claims, _, _ = b.hub.Claims("anna")
	calls := map[string]string{}
	for _, c := range claims {
		if c.Source == presence.SourceMicrophone {
			calls[c.Text] = c.Call
			if c.Lease.IsZero() {
				t.Errorf("%s has no lease", c.Text)
			}
		}
	}
	if len(calls) != 2 || calls["MS Teams"] != "teams" || calls["Zoom call"] != "" {
		t.Errorf("the calls are %q", calls)
	}
}
