package tray

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
	"github.com/doorlight/doorlight/internal/agent/tray/traytest"
	"github.com/doorlight/doorlight/presence"
)

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s does not come", what)
		panic("not reached")
	}
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waiting for %s in vain", what)
		}
	}
}

// desk is a desktop client as far as the icon knows it.
type desk struct {
	views  chan View
	did    chan string // what clicks did, but for choices
	chosen chan client.Choice
	log    *lockedBuffer
	seen   atomic.Bool // somebody shows the icon
	stop   func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newDesk shows an icon on the bus that env names, until the test ends.
func newDesk(t *testing.T, env map[string]string) *desk {
	t.Helper()
	d := &desk{views: make(chan View), did: make(chan string, 10), chosen: make(chan client.Choice, 10), log: &lockedBuffer{}}
	did := func(what string) func() { return func() { d.did <- what } }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, Config{
			Choose: func(_ context.Context, c client.Choice) error { d.chosen <- c; return nil },
			Mute:   func(m bool) { d.did <- map[bool]string{true: "mute", false: "unmute"}[m] },
			SignIn: did("sign in"), SignOut: did("sign out"), Sent: did("sent"), Quit: did("quit"), Ending: did("ending"),
			Shown:  d.seen.Store,
			Open:   func(page string) { d.did <- "open " + page },
			Getenv: func(key string) string { return env[key] },
			Log:    slog.New(slog.NewTextHandler(d.log, nil)),
		}, d.views)
	}()
	d.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("the icon does not end")
		}
	})
	t.Cleanup(d.stop)
	return d
}

func (d *desk) show(t *testing.T, v View) {
	t.Helper()
	select {
	case d.views <- v:
	case <-time.After(patience):
		t.Fatal("nobody takes the view")
	}
}

// A panel shows the icon and its menu; clicks choose; what changes is told, and no more.
func TestAPanelShowsTheIconAndClicksChoose(t *testing.T) {
	t.Parallel()
	bus := probetest.NewBus(t)
	p := traytest.NewPanel(t, bus)
	d := newDesk(t, map[string]string{"DBUS_SESSION_BUS_ADDRESS": bus.Address, "LANG": "en_GB.UTF-8"})
	view := anna(exam())
	view.State.Presence.Until = nil
	view.State.Settings.Profiles[1].Name = "at_home"
	d.show(t, view)
	icon := p.Icon()
	if title := traytest.Get[string](p, icon, "Title"); title != "Busy: Exam" {
		t.Errorf("the title is %q", title)
	}
	if got := traytest.Get[tooltip](p, icon, "ToolTip"); got.Title != "Busy: Exam" {
		t.Errorf("the tip is %+v", got)
	}
	if d := cmp.Diff(asPixmaps(signBusy), traytest.Get[[]pixmap](p, icon, "IconPixmap")); d != "" {
		t.Error("the icon is not that of busy")
	}
	if !traytest.Get[bool](p, icon, "ItemIsMenu") || traytest.Get[string](p, icon, "Status") != "Active" || traytest.Get[string](p, icon, "Id") != "doorlight" {
		t.Error("the icon is not active, or opens no menu")
	}
	var all map[string]dbus.Variant
	if err := p.Conn.Object(icon, itemPath).Call(properties+".GetAll", 0, itemIface).Store(&all); err != nil || len(all) < 12 {
		t.Errorf("all properties are %v, %v", all, err)
	}
	if err := p.Conn.Object(icon, itemPath).Call(properties+".Set", 0, itemIface, "Title", dbus.MakeVariant("x")).Err; err == nil {
		t.Error("somebody else can set the title")
	}
	before, top := p.Menu(icon)
	want := []string{"Anna Berg", "Busy: Exam", "(your choice)", "--", "Change presence", "Until", "Text…", "Do not count my microphone", "Measured here",
		"What was sent…", "--", "Open Doorlight", "Sign out", "Quit Doorlight"}
	if d := cmp.Diff(want, top.Labels()); d != "" {
		t.Error(d)
	}
	if n, ok := top.Find("at__home"); !ok || n.Props["toggle-type"].Value() != "checkmark" || len(n.Props["icon-data"].Value().([]byte)) == 0 {
		t.Errorf("the profile at_home is %+v", n)
	}
	exam, _ := top.Find("Exam")
	if exam.Props["toggle-state"].Value() != int32(1) {
		t.Errorf("what holds has no mark: %+v", exam)
	}

	p.Click(icon, "Do not disturb")
	if c := receive(t, d.chosen, "a choice"); c.Status == nil || *c.Status != presence.DoNotDisturb || c.Until != nil || c.Text != nil {
		t.Errorf("chosen is %+v", c)
	}
	p.Click(icon, "1 hour")
	if c := receive(t, d.chosen, "a choice"); c.Profile != "p-exam" || c.Text == nil || *c.Text != "Exam" || c.Until == nil || time.Until(*c.Until) < 59*time.Minute || time.Until(*c.Until) > 62*time.Minute {
		t.Errorf("chosen is %+v", c)
	}
	for label, want := range map[string]string{"Do not count my microphone": "mute", "What was sent…": "sent", "Open Doorlight": "open /", "Sign out": "sign out", "Quit Doorlight": "quit"} {
		p.Click(icon, label)
		if got := receive(t, d.did, want); got != want {
			t.Errorf("%s does %s, want %s", label, got, want)
		}
	}

	p.Signalled("LayoutUpdated") // of the first menu
	// The presence changes: the entries are the same, some look another way.
	view.State.Presence.Status, view.State.Presence.Profile, view.State.Presence.Text = status(presence.DoNotDisturb), "", ""
	d.show(t, view)
	if names := p.Signalled("ItemsPropertiesUpdated"); !slices.Contains(names, "NewIcon") || !slices.Contains(names, "NewTitle") || slices.Contains(names, "LayoutUpdated") {
		t.Errorf("told were %q", names)
	}
	revision, top := p.Menu(icon)
	if now, _ := top.Find("Exam"); now.ID != exam.ID || now.Props["toggle-state"].Value() != int32(0) || revision != before {
		t.Errorf("the entry was %+v (revision %d), now it is %+v (revision %d)", exam, before, now, revision)
	}
	// The same once more is not worth a word; without a connection the menu is another, and nothing can be chosen.
	d.show(t, view)
	view.State.Connected = false
	d.show(t, view)
	if names := p.Signalled("LayoutUpdated"); len(names) > 4 {
		t.Errorf("told were %q", names)
	}
	_, top = p.Menu(icon)
	busy, _ := top.Find("Busy")
	if busy.Props["enabled"].Value() != false {
		t.Errorf("without a connection Busy is %+v", busy)
	}
	p.Click(icon, "Busy")
	p.Click(icon, "Open Doorlight") // which comes after it, and does something
	receive(t, d.did, "open /")
	if len(d.chosen) > 0 {
		t.Errorf("%+v was chosen without a connection", <-d.chosen)
	}
	if err := p.Conn.Object(icon, menuPath).Call(menuIface+".Event", 0, int32(9999), "clicked", dbus.MakeVariant(int32(0)), uint32(0)).Err; err == nil {
		t.Error("an entry that is not there can be clicked")
	}
	d.stop()
	eventually(t, "the icon to go", func() bool {
		var there bool
		return p.Conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, icon).Store(&there) == nil && !there
	})
}

// Entries that come and go keep their numbers: a click on one that was shown a moment ago means no other.
func TestNumbersOfEntriesAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	n := &notifier{menu: menuObject{ids: map[string]int32{"": 0}}}
	n.menu.n = n
	meant := map[int32]string{}
	lost := anna(exam())
	lost.State.Connected = false
	for i := range 300 {
		v := []View{anna(exam()), lost, {Out: true}}[i%3]
		n.menu.set(menu(v, now, "en"))
		for id, x := range n.menu.byID {
			if was, ok := meant[id]; ok && was != x.key {
				t.Fatalf("entry %d was %s and is %s", id, was, x.key)
			}
			meant[id] = x.key
		}
	}
	if len(n.menu.ids) > 60 {
		t.Errorf("there are %d numbers after 300 menus", len(n.menu.ids))
	}
}

// Where nobody shows icons the log says so once, and the icon is there as soon as somebody does, also when the panel is started again.
func TestAPanelComesLaterAndIsStartedAgain(t *testing.T) {
	t.Parallel()
	bus := probetest.NewBus(t)
	d := newDesk(t, map[string]string{"DBUS_SESSION_BUS_ADDRESS": bus.Address, "LC_ALL": "de_DE.UTF-8"})
	d.show(t, anna(exam()))
	eventually(t, "the log", func() bool { return strings.Contains(d.log.String(), nobodyShows) })
	if d.seen.Load() {
		t.Error("the icon is said to be seen, and nobody shows icons")
	}
	d.show(t, View{Out: true})
	d.show(t, anna(exam()))
	p := traytest.NewPanel(t, bus)
	icon := p.Icon()
	eventually(t, "the icon to be seen", d.seen.Load)
	if title := traytest.Get[string](p, icon, "Title"); !strings.HasPrefix(title, "Beschäftigt: Exam") {
		t.Errorf("the title is %q", title)
	}
	if n := strings.Count(d.log.String(), nobodyShows); n != 1 {
		t.Errorf("it was said %d times that nobody shows icons:\n%s", n, d.log)
	}
	p.Close()
	eventually(t, "the icon not to be seen", func() bool { return !d.seen.Load() })
	again := traytest.NewPanel(t, bus)
	if got := again.Icon(); got != icon {
		t.Errorf("the icon is %s, and was %s", got, icon)
	}
	eventually(t, "the icon to be seen again", d.seen.Load)
}

// Without a bus the client goes on, and says so once; nothing waits for it.
func TestThereIsNoBus(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"nothing is set": {}, "nobody listens": {"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + filepath.Join(t.TempDir(), "none")},
	} {
		d := newDesk(t, env)
		for range 5 {
			d.show(t, anna(exam()))
		}
		eventually(t, name, func() bool { return strings.Contains(d.log.String(), "there is no session bus") })
		d.stop()
		if n := strings.Count(d.log.String(), "no icon is shown"); n != 1 {
			t.Errorf("%s: it was said %d times:\n%s", name, n, d.log)
		}
	}
}

// program writes a program for dialogs that writes down what it was asked with, and answers.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" >> '"+dir+"/asked'\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// A text and an end are asked for in the desktop's own dialog. A time that is none is asked for again; whoever closes the dialog chooses nothing; where there
// is no program for dialogs, the page is opened.
func TestATextAndAnEndAreAsked(t *testing.T) {
	t.Parallel()
	bus := probetest.NewBus(t)
	p := traytest.NewPanel(t, bus)
	dir := t.TempDir()
	d := newDesk(t, map[string]string{"DBUS_SESSION_BUS_ADDRESS": bus.Address, "LANG": "en", "PATH": dir})
	view := anna(exam())
	far := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	view.State.Presence.Until = &far
	d.show(t, view)
	icon := p.Icon()

	p.Click(icon, "Text…")
	if got := receive(t, d.did, "the page"); got != "open /" {
		t.Errorf("without dialogs it does %s", got)
	}

	program(t, dir, "zenity", `echo 'Lunch; $HOME'`)
	p.Click(icon, "Text…")
	if c := receive(t, d.chosen, "a choice"); c.Profile != "p-exam" || c.Text == nil || *c.Text != "Lunch; $HOME" || c.Until == nil || !c.Until.Equal(far) {
		t.Errorf("chosen is %+v", c)
	}
	asked, err := os.ReadFile(filepath.Join(dir, "asked"))
	if err != nil || string(asked) != "--entry\n--title=Doorlight\n--text=Text that goes with “Exam”:\n--entry-text=Exam\n" {
		t.Errorf("asked was %q, %v", asked, err)
	}

	// First nonsense, then a warning, then a time.
	program(t, dir, "zenity", `case "$1" in
--warning) echo warned > '`+dir+`/warned';;
*) if [ -e '`+dir+`/warned' ]; then echo '2999-12-24 15:30'; else echo soon; fi;;
esac`)
	p.Click(icon, "Another time…")
	if c := receive(t, d.chosen, "a choice"); c.Until == nil || c.Until.Format("2006-01-02 15:04") != "2999-12-24 15:30" {
		t.Errorf("chosen is %+v", c)
	}

	program(t, dir, "zenity", "exit 1")
	p.Click(icon, "Text…")
	eventually(t, "the dialog to be shown", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "asked"))
		return err == nil && strings.Count(string(text), "--text=Text that goes") == 2
	})
	p.Click(icon, "What was sent…")
	if got := receive(t, d.did, "sent"); got != "sent" || len(d.chosen) > 0 {
		t.Errorf("a dialog that was closed does %s, and %d choices", got, len(d.chosen))
	}
}
