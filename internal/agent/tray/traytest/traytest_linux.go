// Package traytest is a desktop's panel for tests: it watches for icons on a message bus, as those of KDE and others do, and reads and clicks their menus.
package traytest

import (
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

const (
	watcher     = "org.kde.StatusNotifierWatcher"
	watcherPath = dbus.ObjectPath("/StatusNotifierWatcher")
	itemIface   = "org.kde.StatusNotifierItem"
	itemPath    = dbus.ObjectPath("/StatusNotifierItem")
	menuIface   = "com.canonical.dbusmenu"
	properties  = "org.freedesktop.DBus.Properties"
)

// patience bounds every wait for something that must come.
const patience = 30 * time.Second

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

// entry is a part of a menu as it is sent.
type entry struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

// Panel is a desktop's panel: it watches for icons and shows them, as KDE's and others' do.
type Panel struct {
	Conn    *dbus.Conn
	t       *testing.T
	icons   chan string // names of those that registered
	signals chan *dbus.Signal
}

// RegisterStatusNotifierItem takes an icon.
func (p *Panel) RegisterStatusNotifierItem(service string, sender dbus.Sender) *dbus.Error {
	p.icons <- service
	return nil
}

// NewPanel starts a panel on a bus, which must have none. It is closed with the test.
func NewPanel(t *testing.T, b *probetest.Bus) *Panel {
	t.Helper()
	conn, err := dbus.Connect(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	p := &Panel{t: t, Conn: conn, icons: make(chan string, 10), signals: make(chan *dbus.Signal, 1000)}
	t.Cleanup(p.Close)
	conn.Signal(p.signals)
	hosted := func(iface, name string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant(true), nil }
	for _, err := range []error{
		conn.Export(p, watcherPath, watcher),
		conn.ExportMethodTable(map[string]any{"Get": hosted}, watcherPath, properties),
		conn.AddMatchSignal(dbus.WithMatchInterface(itemIface)),
		conn.AddMatchSignal(dbus.WithMatchInterface(menuIface)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if reply, err := conn.RequestName(watcher, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return p
}

// Close has the panel go, as when it crashes.
func (p *Panel) Close() { p.Conn.Close() }

// Icon waits for an icon, and returns its name.
func (p *Panel) Icon() string {
	p.t.Helper()
	return receive(p.t, p.icons, "an icon")
}

// Get reads a property of an icon.
func Get[T any](p *Panel, icon, name string) (v T) {
	p.t.Helper()
	var x dbus.Variant
	if err := p.Conn.Object(icon, itemPath).Call(properties+".Get", 0, itemIface, name).Store(&x); err != nil {
		p.t.Fatalf("%s: %v", name, err)
	}
	if err := x.Store(&v); err != nil {
		p.t.Fatalf("%s is %v: %v", name, x, err)
	}
	return v
}

// Node is an entry of a menu as the panel reads it.
type Node struct {
	ID    int32
	Props map[string]dbus.Variant
	Below []Node
}

// Menu reads the whole menu.
func (p *Panel) Menu(icon string) (revision uint32, top Node) {
	p.t.Helper()
	var e entry
	path := Get[dbus.ObjectPath](p, icon, "Menu")
	if err := p.Conn.Object(icon, path).Call(menuIface+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &e); err != nil {
		p.t.Fatal(err)
	}
	var take func(e entry) Node
	take = func(e entry) Node {
		n := Node{ID: e.ID, Props: e.Props}
		for _, c := range e.Children {
			var child entry
			if err := dbus.Store([]any{c.Value()}, &child); err != nil {
				p.t.Fatal(err)
			}
			n.Below = append(n.Below, take(child))
		}
		return n
	}
	return revision, take(e)
}

// Find finds an entry by its label.
func (n Node) Find(label string) (found Node, ok bool) {
	if s, _ := n.Props["label"].Value().(string); s == label {
		return n, true
	}
	for _, c := range n.Below {
		if found, ok = c.Find(label); ok {
			return found, true
		}
	}
	return Node{}, false
}

// Labels lists the entries of a menu.
func (n Node) Labels() (all []string) {
	for _, c := range n.Below {
		s, _ := c.Props["label"].Value().(string)
		if t, _ := c.Props["type"].Value().(string); t == "separator" {
			s = "--"
		}
		all = append(all, s)
	}
	return all
}

// Click clicks an entry.
func (p *Panel) Click(icon, label string) {
	p.t.Helper()
	_, top := p.Menu(icon)
	n, ok := top.Find(label)
	if !ok {
		p.t.Fatalf("there is no %q in the menu: %q", label, top.Labels())
	}
	path := Get[dbus.ObjectPath](p, icon, "Menu")
	if err := p.Conn.Object(icon, path).Call(menuIface+".Event", 0, n.ID, "clicked", dbus.MakeVariant(int32(0)), uint32(0)).Err; err != nil {
		p.t.Fatal(err)
	}
}

// Signalled waits for a signal, and returns those that came before it too.
func (p *Panel) Signalled(name string) (names []string) {
	p.t.Helper()
	for {
		s := receive(p.t, p.signals, name)
		if strings.HasPrefix(s.Name, "org.freedesktop.DBus.") {
			continue
		}
		names = append(names, s.Name[strings.LastIndexByte(s.Name, '.')+1:])
		if strings.HasSuffix(s.Name, "."+name) {
			return names
		}
	}
}
