package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/winetest"
)

// windows is a program that runs in Windows, with what it says in a file.
type windows struct {
	t     *testing.T
	cmd   *exec.Cmd
	said  string
	ended chan error
}

func startWindows(t *testing.T, p *winetest.Prefix, exe string, args ...string) *windows {
	t.Helper()
	w := &windows{t: t, cmd: p.Command(context.Background(), exe, args...), said: filepath.Join(t.TempDir(), "said"), ended: make(chan error, 1)}
	f, err := os.Create(w.said)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := w.cmd.StdinPipe() // it is open for as long as the program runs
	if err != nil {
		t.Fatal(err)
	}
	w.cmd.Stdout, w.cmd.Stderr = f, f
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.ended <- w.cmd.Wait() }()
	t.Cleanup(func() {
		in.Close()
		w.cmd.Process.Kill()
		<-w.ended
	})
	return w
}

func (w *windows) out() string {
	text, err := os.ReadFile(w.said)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// says waits until the program has said something.
func (w *windows) says(what string) {
	w.t.Helper()
	for late := time.Now().Add(time.Minute); !strings.Contains(w.out(), what); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			w.t.Fatalf("%q does not say %q:\n%s", w.cmd.Args[1:], what, w.out())
		}
	}
}

// ends waits until the program has ended.
func (w *windows) ends() {
	w.t.Helper()
	select {
	case err := <-w.ended:
		if w.ended <- err; err != nil {
			w.t.Errorf("%q ended with %v:\n%s", w.cmd.Args[1:], err, w.out())
		}
	case <-time.After(time.Minute):
		w.t.Fatalf("%q does not end:\n%s", w.cmd.Args[1:], w.out())
	}
}

// The Windows client under Wine, against a real server: it is let in, and a colleague sees that its owner is inactive and back, locks and unlocks, records with
// a program of the table as Windows' registry has it, and logs off.
func TestTheWindowsClientUnderWine(t *testing.T) {
	t.Parallel()
	server, anna, told := annasOffice(t)
	server.decree()
	server.call("PUT", "/scopes/"+server.location()+"/settings", map[string]any{"microphone": map[string]any{"enabled": true, "programs": []map[string]any{
		{"active": true, "process": "Zoom", "alias": "In a Zoom call"},
	}}}, nil, 200)
	p := winetest.New(t)
	const programs = "github.com/doorlight/doorlight/internal/agent/probe/probetest/"
	exe, desk := p.Build("github.com/doorlight/doorlight/cmd/doorlight-agent", "doorlight-agent.exe"), p.Build(programs+"desk", "desk.exe")
	p.Import(`[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\NonPackaged]
"Value"="Allow"
`)
	startWindows(t, p, desk, "window").says("ready")
	p.Display.Focus("desk.exe") // Wine knows of input to its own windows only
	agent := startWindows(t, p, exe, "--server", server.base, "--no-browser", "--no-tray", "--folder", `C:\doorlight`)
	agent.says("The code is")
	anna.call("POST", "/devices/"+codeAt.FindStringSubmatch(agent.out())[1], map[string]any{"allow": true}, nil, 204)
	becomes(t, told, time.Minute, "available")
	p.Display.Press("a")
	pressed := time.Now()

	// Before it counts that there is no input, the rest.
	const program, message = "DoorlightProbe", "689" // WM_WTSSESSION_CHANGE
	startWindows(t, p, desk, "send", program, "lock", message, "7", "0").ends()
	becomes(t, told, 30*time.Second, "be_right_back")
	startWindows(t, p, desk, "send", program, "lock", message, "8", "0").ends()
	becomes(t, told, 30*time.Second, "available")

	zoom := startWindows(t, p, p.Copy(desk, "Program Files/Zoom/bin/Zoom.exe"), "record")
	zoom.says("ready")
	becomes(t, told, 30*time.Second, "busy")
	zoom.cmd.Process.Kill() // the registry goes on to say that it records
	becomes(t, told, 30*time.Second, "available")

	_, at := becomes(t, told, 2*time.Minute, "be_right_back")
	if after := at.Sub(pressed); after < 55*time.Second {
		t.Errorf("Anna is inactive after %s, want a minute", after)
	}
	p.Display.Press("b")
	becomes(t, told, 30*time.Second, "available")

	startWindows(t, p, desk, "send", program, "end", "17", "0", "0").ends() // WM_QUERYENDSESSION
	startWindows(t, p, desk, "send", program, "end", "22", "1", "0").ends() // WM_ENDSESSION
	becomes(t, told, 5*time.Second, "unavailable")
	agent.ends()
	if out := agent.out(); !strings.Contains(out, "kept in the system's keyring") || strings.Contains(out, "dlc_") {
		t.Errorf("the client says\n%s", out)
	}
}
