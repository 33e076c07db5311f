package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/tray/traytest"
)

// labelled waits until the menu of an icon has an entry that begins like this.
func labelled(t *testing.T, p *traytest.Panel, icon, begin string) {
	t.Helper()
	var labels []string
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		_, top := p.Menu(icon)
		labels = top.Labels()
		for _, l := range labels {
			if strings.HasPrefix(l, begin) {
				return
			}
		}
	}
	t.Fatalf("no entry of the menu begins with %q: %q", begin, labels)
}

// Anna chooses her presence in the menu of the icon, and a colleague sees it; she mutes her microphone, quits, comes again, and signs out (M1).
func TestAPresenceIsChosenAtTheIcon(t *testing.T) {
	t.Parallel()
	server := startServer(t, t.TempDir())
	server.setUp()
	anna, tom := server.colleague("Anna"), server.colleague("Tom")
	anna.call("PUT", "/people/me/relationships/"+tom.me(), map[string]any{"level": "team_colleague"}, nil, 200)
	server.call("PUT", "/scopes/"+server.location()+"/settings", map[string]any{"microphone": map[string]any{"enabled": true, "programs": []map[string]any{
		{"active": true, "process": "zoom", "alias": "Zoom"},
	}}}, nil, 200)
	seen := tom.watch(anna.me())
	next(t, seen, 10*time.Second)
	pc := newComputer(t, anna)
	panel := traytest.NewPanel(t, pc.bus)
	pc.start("--no-tray=false")
	becomes(t, seen, 10*time.Second, "available")
	icon := panel.Icon()
	labelled(t, panel, icon, "Available")
	if title := traytest.Get[string](panel, icon, "Title"); title != "Available" {
		t.Errorf("the title is %q", title)
	}

	panel.Click(icon, "Do not disturb")
	becomes(t, seen, 10*time.Second, "do_not_disturb")
	labelled(t, panel, icon, "Do not disturb")
	panel.Click(icon, "Break") // a profile
	becomes(t, seen, 10*time.Second, "be_right_back")
	labelled(t, panel, icon, "Be right back: Break")
	panel.Click(icon, "1 hour")
	labelled(t, panel, icon, "Be right back: Break, until ")
	var me struct {
		Person struct{ Presence struct{ Until time.Time } }
	}
	anna.call("GET", "/session", nil, &me, 200)
	if left := time.Until(me.Person.Presence.Until); left < 58*time.Minute || left > 62*time.Minute {
		t.Errorf("what was chosen for an hour holds for %s", left)
	}
	panel.Click(icon, "Until changed")
	labelled(t, panel, icon, "Be right back: Break")

	kept := filepath.Join(pc.home, ".config", "doorlight-agent", "agent.json")
	panel.Click(icon, "Do not count my microphone")
	eventuallyHolds(t, kept, `"muted": true`)

	// Who quits is gone at once, and it is remembered that they are muted.
	panel.Click(icon, "Quit Doorlight")
	select {
	case err := <-pc.ended:
		if err != nil {
			t.Errorf("the client ended with %v\n%s", err, pc.out)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("the client does not end\n%s", pc.out)
	}
	pc.cmd = nil
	pc.start("--no-tray=false")
	icon = panel.Icon()
	labelled(t, panel, icon, "Available")
	_, top := panel.Menu(icon)
	if n, ok := top.Find("Do not count my microphone"); !ok || n.Props["toggle-state"].Value() != int32(1) {
		t.Errorf("after a restart muting is %+v", n)
	}

	panel.Click(icon, "Sign out")
	labelled(t, panel, icon, "Not signed in")
	if _, err := os.Stat(filepath.Join(pc.home, ".config", "doorlight-agent", "token")); !os.IsNotExist(err) {
		t.Errorf("the token is there after signing out: %v", err)
	}
	panel.Click(icon, "Sign in…")
	labelled(t, panel, icon, "Allow this computer in the browser")
	code := codeAt.FindStringSubmatch(pc.out.String())
	if code == nil {
		t.Fatalf("no code is printed:\n%s", pc.out)
	}
	anna.call("POST", "/devices/"+code[1], map[string]any{"allow": true}, nil, 204)
	labelled(t, panel, icon, "Available")
	pc.logOff()
}

func eventuallyHolds(t *testing.T, path, text string) {
	t.Helper()
	var got []byte
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if got, _ = os.ReadFile(path); strings.Contains(string(got), text) {
			return
		}
	}
	t.Fatalf("%s never holds %s:\n%s", path, text, got)
}

// A user has the client start with their session, and looks whether it does.
func TestAClientIsEnteredForTheSession(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	agent := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = []string{"HOME=" + home, "XDG_CONFIG_DIRS=" + home, "PATH=" + os.Getenv("PATH"), desktop + "=" + strings.Join(append([]string{"agent"}, args...), "\n")}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("agent %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	entry := filepath.Join(home, ".config", "autostart", "doorlight-agent.desktop")
	if out := agent("status"); !strings.Contains(out, "server: none was named yet\nsigned in: no\nruns: no\nstarts with the session: no\n") {
		t.Errorf("before, the status is\n%s", out)
	}
	if out := agent("install", "--server", "https://presence.example.com/"); !strings.Contains(out, entry) || strings.Contains(out, "--server") {
		t.Errorf("entered it says\n%s", out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(entry); err != nil || !strings.Contains(string(text), `Exec="`+self+`" "agent"`+"\n") {
		t.Errorf("the entry is, %v\n%s", err, text)
	}
	if out := agent("status"); !strings.Contains(out, "server: https://presence.example.com\n") || !strings.Contains(out, "starts with the session: yes ("+entry+")\n") {
		t.Errorf("the status is\n%s", out)
	}
	agent("uninstall")
	if out := agent("uninstall"); !strings.Contains(out, "nothing was to be done") {
		t.Errorf("removed once more it says\n%s", out)
	}
	if out := agent("status"); !strings.Contains(out, "starts with the session: no\n") {
		t.Errorf("afterwards the status is\n%s", out)
	}
}
