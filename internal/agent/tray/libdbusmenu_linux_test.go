package tray

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
	"github.com/doorlight/doorlight/internal/agent/tray/traytest"
	"github.com/doorlight/doorlight/presence"
)

// line is an entry as libdbusmenu has it.
type line struct {
	Label              string
	Separator, Enabled bool
	State, Icon        int
	Below              []line
}

func labels(lines []line) (all []string) {
	for _, x := range lines {
		all = append(append(all, x.Label), labels(x.Below)...)
	}
	return all
}

func search(lines []line, label string) *line {
	for i, x := range lines {
		if x.Label == label {
			return &lines[i]
		}
		if found := search(x.Below, label); found != nil {
			return found
		}
	}
	return nil
}

// The library that most panels read menus with sees all of ours, submenus too, follows its changes, and its clicks arrive.
func TestTheLibraryOfOtherPanelsReadsTheMenu(t *testing.T) {
	t.Parallel()
	bus := probetest.NewBus(t)
	p := traytest.NewPanel(t, bus)
	d := newDesk(t, map[string]string{"DBUS_SESSION_BUS_ADDRESS": bus.Address, "LANG": "en"})
	view := anna(exam())
	d.show(t, view)
	icon := p.Icon()
	// Debian's own Python, whose packages scripts/tools installs.
	cmd := exec.Command("/usr/bin/python3", "testdata/menu.py", icon, string(menuPath))
	cmd.Env = append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+bus.Address)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the reader of menus: %v", err)
		}
	})
	answers := bufio.NewScanner(out)
	answers.Buffer(nil, 1<<20)
	dump := func() (all []line) {
		t.Helper()
		fmt.Fprintln(in, "dump")
		if !answers.Scan() {
			t.Fatalf("nothing is answered: %v", answers.Err())
		}
		if err := json.Unmarshal(answers.Bytes(), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	var seen []line
	eventually(t, "the menu", func() bool {
		seen = dump()
		x := search(seen, "Exam")
		return x != nil && x.State == 1 && search(seen, "Quit Doorlight") != nil && search(seen, "Lock: no locker tells") != nil
	})
	var want []string
	var all func(items []item)
	all = func(items []item) {
		for _, x := range items {
			want = append(want, x.label)
			all(x.sub)
		}
	}
	all(menu(view, time.Now(), "en"))
	if got := labels(seen); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it reads\n%q\nwant\n%q", got, want)
	}
	if x := search(seen, "Busy"); !x.Enabled || x.Icon == 0 || x.State != 0 {
		t.Errorf("Busy is read as %+v", x)
	}

	fmt.Fprintln(in, "click Busy")
	if c := receive(t, d.chosen, "a choice"); c.Status == nil || *c.Status != presence.Busy {
		t.Errorf("chosen is %+v", c)
	}
	view.State.Presence.Profile, view.State.Presence.Text, view.State.Presence.Until = "", "", nil
	d.show(t, view) // entries look another way
	eventually(t, "the change", func() bool {
		seen = dump()
		x := search(seen, "Exam")
		return x != nil && x.State == 0
	})
	view.State.Connected, view.State.Problem = false, "the server is silent"
	d.show(t, view) // there are others
	eventually(t, "the other menu", func() bool {
		seen = dump()
		x := search(seen, "Do not disturb")
		return search(seen, "the server is silent") != nil && x != nil && !x.Enabled
	})
}
