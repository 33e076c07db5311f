package tray

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
)

// The names of the StatusNotifierItem specification, as KDE and whoever else shows such icons use them, and of com.canonical.dbusmenu.
const (
	watcher     = "org.kde.StatusNotifierWatcher"
	watcherPath = dbus.ObjectPath("/StatusNotifierWatcher")
	itemIface   = "org.kde.StatusNotifierItem"
	itemPath    = dbus.ObjectPath("/StatusNotifierItem")
	menuIface   = "com.canonical.dbusmenu"
	menuPath    = dbus.ObjectPath("/StatusNotifierItem/Menu")
	properties  = "org.freedesktop.DBus.Properties"
)

const (
	busTimeout  = 5 * time.Second
	busAgainIn  = 15 * time.Second
	nobodyShows = "tray: no icon is shown: this desktop shows none (GNOME does with the extension AppIndicator); it appears as soon as one does"
)

// locale lists the languages of the session, the most wanted first (gettext manual, "Locale Environment Variables").
func locale(getenv func(string) string) []string {
	return append(strings.Split(getenv("LANGUAGE"), ":"), getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
}

// put shows the faces on whatever bus there is, until ctx ends.
func (t *tray) put(ctx context.Context) {
	n := &notifier{t: t, menu: menuObject{ids: map[string]int32{"": 0}}}
	n.menu.n = n
	said := ""
	say := func(text string) {
		if text != "" && text != said {
			t.Log.Info(text)
		}
		said = text
		t.shown(text == "")
	}
	for ctx.Err() == nil {
		err := n.session(ctx, say)
		if ctx.Err() != nil {
			return
		}
		t.Log.Debug("tray: the session bus", "err", err)
		say("tray: no icon is shown: there is no session bus")
		late := time.NewTimer(busAgainIn)
		select {
		case <-ctx.Done():
		case <-late.C:
		}
		late.Stop()
	}
}

// notifier is the icon on a bus.
type notifier struct {
	t *tray

	mu   sync.Mutex // guards what follows, and menu
	conn *dbus.Conn // nil: none
	face face
	menu menuObject
}

// icons counts those of this process: each has a name of its own.
var icons atomic.Int64

// session connects to the bus, and shows the icon whenever somebody there shows icons. say is told in words that nobody does.
func (n *notifier) session(ctx context.Context, say func(string)) error {
	address := n.t.getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		folder := n.t.getenv("XDG_RUNTIME_DIR")
		if folder == "" {
			return errors.New("neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set")
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(folder+"/bus")
	}
	during, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(busTimeout, cancel) // closes a connection that hangs
	conn, err := dbus.Connect(address, dbus.WithContext(during))
	if err != nil {
		late.Stop()
		return err
	}
	defer conn.Close()
	if !late.Stop() {
		return errors.New("the bus does not answer")
	}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	for path, ifaces := range map[dbus.ObjectPath]map[string]map[string]any{itemPath: n.methods(), menuPath: n.menu.methods()} {
		for iface, methods := range ifaces {
			if err := conn.ExportMethodTable(methods, path, iface); err != nil {
				return err
			}
		}
	}
	name := fmt.Sprintf("org.kde.StatusNotifierItem-%d-%d", os.Getpid(), icons.Add(1))
	asking, asked := context.WithTimeout(during, busTimeout)
	defer asked()
	if err := conn.BusObject().CallWithContext(asking, "org.freedesktop.DBus.RequestName", 0, name, uint32(dbus.NameFlagDoNotQueue)).Err; err != nil {
		return err
	}
	if err := conn.AddMatchSignalContext(asking, dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcher)); err != nil {
		return err
	}
	if err := conn.AddMatchSignalContext(asking, dbus.WithMatchSender(watcher), dbus.WithMatchInterface(watcher), dbus.WithMatchMember("StatusNotifierHostRegistered")); err != nil {
		return err
	}
	n.mu.Lock()
	n.conn = conn
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.conn = nil
		n.mu.Unlock()
	}()
	shown := false // whoever there is was asked to show it
	for {
		if !shown && n.ready() {
			shown = true
			n.register(during, conn, name)
			if hosted(during, conn) {
				say("")
			} else {
				say(nobodyShows)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case f := <-n.t.faces:
			n.show(f)
		case s, ok := <-signals:
			if !ok {
				return errors.New("the connection to the session bus broke")
			}
			if s.Name == "org.freedesktop.DBus.NameOwnerChanged" && s.Sender == "org.freedesktop.DBus" {
				shown = false // it is another, which knows of no icon yet, or none
			} else if s.Name == watcher+".StatusNotifierHostRegistered" {
				say("")
			}
		}
	}
}

// ready reports whether there is something to show.
func (n *notifier) ready() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.face.menu != nil
}

func (n *notifier) register(ctx context.Context, conn *dbus.Conn, name string) {
	ctx, cancel := context.WithTimeout(ctx, busTimeout)
	defer cancel()
	err := conn.Object(watcher, watcherPath).CallWithContext(ctx, watcher+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, name).Err
	if err != nil {
		n.t.Log.Debug("tray: nobody takes the icon", "err", err) // another watcher is asked when it comes
	}
}

// hosted reports whether there is somebody who shows icons.
func hosted(ctx context.Context, conn *dbus.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, busTimeout)
	defer cancel()
	var v dbus.Variant
	if err := conn.Object(watcher, watcherPath).CallWithContext(ctx, properties+".Get", dbus.FlagNoAutoStart, watcher, "IsStatusNotifierHostRegistered").Store(&v); err != nil {
		return false
	}
	there, ok := v.Value().(bool)
	return ok && there
}

// show shows another face, and tells what of it is another than before.
func (n *notifier) show(f face) {
	n.mu.Lock()
	defer n.mu.Unlock()
	was := n.face
	n.face = f
	emit := func(path dbus.ObjectPath, name string, body ...any) {
		if n.conn == nil {
			return
		}
		if err := n.conn.Emit(path, name, body...); err != nil {
			n.t.Log.Debug("tray: signal", "err", err)
		}
	}
	if was.sign != f.sign {
		emit(itemPath, itemIface+".NewIcon")
	}
	if was.title != f.title {
		emit(itemPath, itemIface+".NewTitle")
		emit(itemPath, itemIface+".NewToolTip")
	}
	changed, rebuilt := n.menu.set(f.menu)
	switch {
	case rebuilt:
		emit(menuPath, menuIface+".LayoutUpdated", n.menu.revision, int32(0))
	case len(changed) > 0:
		emit(menuPath, menuIface+".ItemsPropertiesUpdated", changed, []removedProps{})
	}
}

// pixmap is a picture as the specification has it: ARGB, in network order.
type pixmap struct {
	W, H int32
	Data []byte
}

// pixmapSizes are those that panels use at 100 to 300 %.
var pixmapSizes = []int{16, 22, 24, 32, 48, 64}

func asPixmaps(s sign) []pixmap {
	return once(s, "pixmaps", func() (all []pixmap) {
		for _, size := range pixmapSizes {
			p := pixmap{W: int32(size), H: int32(size)}
			img := drawSign(s, size)
			for i := 0; i < len(img.Pix); i += 4 {
				p.Data = append(p.Data, img.Pix[i+3], img.Pix[i], img.Pix[i+1], img.Pix[i+2])
			}
			all = append(all, p)
		}
		return all
	})
}

// tooltip is what hosts show while the pointer is over the icon.
type tooltip struct {
	Icon  string
	Data  []pixmap
	Title string
	Text  string
}

// values are the properties of the icon.
func (n *notifier) values() map[string]dbus.Variant {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := map[string]any{
		"Category": "Communications", "Id": "doorlight", "Title": n.face.title, "Status": "Active", "WindowId": int32(0),
		"IconName": "", "IconPixmap": asPixmaps(n.face.sign), "IconThemePath": "",
		"OverlayIconName": "", "OverlayIconPixmap": []pixmap{}, "AttentionIconName": "", "AttentionIconPixmap": []pixmap{}, "AttentionMovieName": "",
		"ToolTip": tooltip{Data: []pixmap{}, Title: n.face.title}, "ItemIsMenu": true, "Menu": menuPath,
	}
	return variants(v)
}

func variants(m map[string]any) map[string]dbus.Variant {
	out := make(map[string]dbus.Variant, len(m))
	for k, v := range m {
		out[k] = dbus.MakeVariant(v)
	}
	return out
}

func (n *notifier) methods() map[string]map[string]any {
	ignore := func(int32, int32) *dbus.Error { return nil } // the menu is what there is: ItemIsMenu
	return map[string]map[string]any{
		itemIface: {
			"Activate": ignore, "SecondaryActivate": ignore, "ContextMenu": ignore,
			"Scroll": func(int32, string) *dbus.Error { return nil },
		},
		properties: readOnly(itemIface, n.values),
		"org.freedesktop.DBus.Introspectable": {
			"Introspect": func() (string, *dbus.Error) { return itemXML, nil },
		},
	}
}

// readOnly are the methods of properties that nobody sets.
func readOnly(iface string, values func() map[string]dbus.Variant) map[string]any {
	return map[string]any{
		"Get": func(of, name string) (dbus.Variant, *dbus.Error) {
			v, ok := values()[name]
			if !ok || of != iface {
				return v, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"there is no such property"})
			}
			return v, nil
		},
		"GetAll": func(of string) (map[string]dbus.Variant, *dbus.Error) {
			if of != iface {
				return map[string]dbus.Variant{}, nil
			}
			return values(), nil
		},
		"Set": func(string, string, dbus.Variant) *dbus.Error {
			return dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{"nobody sets this"})
		},
	}
}

// menuObject is the menu on the bus. Its entries keep their numbers for as long as the program runs, so that one that is clicked while the menu changes is
// still the same. All is guarded by the notifier's lock.
type menuObject struct {
	n        *notifier
	revision uint32
	ids      map[string]int32 // by the keys from the top
	items    []item
	byID     map[int32]item
}

// removedProps are properties that have gone, for a signal that never says so.
type removedProps struct {
	ID    int32
	Names []string
}

// entryProps are the properties of an entry.
type entryProps struct {
	ID    int32
	Props map[string]dbus.Variant
}

// entry is a part of the menu.
type entry struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

// set replaces the menu. changed are entries that look another way; rebuilt says that there are others than before.
func (m *menuObject) set(items []item) (changed []entryProps, rebuilt bool) {
	before, order := m.byID, m.order(m.items, "")
	m.items, m.byID = items, map[int32]item{0: {sub: items}}
	now := m.order(items, "")
	m.number(items, "")
	if !slices.Equal(order, now) || before == nil {
		m.revision++
		return nil, true
	}
	for id, x := range m.byID {
		if props := propsOf(x); id != 0 && !reflect.DeepEqual(props, propsOf(before[id])) {
			changed = append(changed, entryProps{id, props})
		}
	}
	slices.SortFunc(changed, func(a, b entryProps) int { return int(a.ID - b.ID) })
	return changed, false
}

// order lists the keys of all entries, as they stand.
func (m *menuObject) order(items []item, above string) (keys []string) {
	for _, x := range items {
		key := above + "/" + x.key
		keys = append(append(keys, key), m.order(x.sub, key)...)
	}
	return keys
}

func (m *menuObject) number(items []item, above string) {
	for _, x := range items {
		key := above + "/" + x.key
		id, ok := m.ids[key]
		if !ok {
			id = int32(len(m.ids))
			m.ids[key] = id
		}
		m.byID[id] = x
		m.number(x.sub, key)
	}
}

// propsOf are the properties of an entry that differ from their defaults (libdbusmenu, dbus-menu.xml).
func propsOf(x item) map[string]dbus.Variant {
	if x.separator {
		return variants(map[string]any{"type": "separator"})
	}
	p := map[string]any{"label": strings.ReplaceAll(x.label, "_", "__"), "enabled": !x.off, "visible": true} // an underscore would mark a key
	if x.checkable {
		state := int32(0)
		if x.checked {
			state = 1
		}
		p["toggle-type"], p["toggle-state"] = "checkmark", state
	}
	if len(x.sub) > 0 {
		p["children-display"] = "submenu"
	}
	if x.sign != signUnknown {
		p["icon-data"] = asPNG(x.sign)
	}
	return variants(p)
}

// layout is an entry with what is below it, so many levels deep; negative: all.
func (m *menuObject) layout(x item, id int32, above string, depth int32) entry {
	e := entry{ID: id, Props: propsOf(x), Children: []dbus.Variant{}}
	if id == 0 {
		e.Props = variants(map[string]any{"children-display": "submenu"})
	}
	if depth == 0 {
		return e
	}
	for _, child := range x.sub {
		key := above + "/" + child.key
		e.Children = append(e.Children, dbus.MakeVariant(m.layout(child, m.ids[key], key, depth-1)))
	}
	return e
}

func (m *menuObject) keyOf(id int32) string {
	for key, x := range m.ids {
		if x == id {
			return key
		}
	}
	return ""
}

// event is something that the owner did with an entry.
type event struct {
	ID   int32
	What string
	Data dbus.Variant
	At   uint32
}

func (m *menuObject) methods() map[string]map[string]any {
	noEntry := func(id int32) *dbus.Error {
		return dbus.NewError("com.canonical.dbusmenu.Error", []any{fmt.Sprintf("there is no entry %d", id)})
	}
	happened := func(e event) bool {
		m.n.mu.Lock()
		x, ok := m.byID[e.ID]
		l := m.n.face.lang
		m.n.mu.Unlock()
		if ok && e.What == "clicked" && !x.off && x.action.verb != nothing {
			m.n.t.clicked(x.action, l)
		}
		return ok
	}
	values := func() map[string]dbus.Variant {
		return variants(map[string]any{"Version": uint32(3), "TextDirection": "ltr", "Status": "normal", "IconThemePath": []string{}})
	}
	return map[string]map[string]any{
		menuIface: {
			"GetLayout": func(parent, depth int32, _ []string) (uint32, entry, *dbus.Error) {
				m.n.mu.Lock()
				defer m.n.mu.Unlock()
				x, ok := m.byID[parent]
				if !ok {
					return 0, entry{Props: map[string]dbus.Variant{}, Children: []dbus.Variant{}}, noEntry(parent)
				}
				return m.revision, m.layout(x, parent, m.keyOf(parent), depth), nil
			},
			"GetGroupProperties": func(ids []int32, _ []string) ([]entryProps, *dbus.Error) {
				m.n.mu.Lock()
				defer m.n.mu.Unlock()
				all := []entryProps{}
				if len(ids) == 0 { // of all
					for id := range m.byID {
						ids = append(ids, id)
					}
					slices.Sort(ids)
				}
				for _, id := range ids {
					if x, ok := m.byID[id]; ok {
						all = append(all, entryProps{id, propsOf(x)})
					}
				}
				return all, nil
			},
			"GetProperty": func(id int32, name string) (dbus.Variant, *dbus.Error) {
				m.n.mu.Lock()
				defer m.n.mu.Unlock()
				if v, ok := propsOf(m.byID[id])[name]; ok {
					return v, nil
				}
				return dbus.MakeVariant(""), noEntry(id)
			},
			"Event": func(id int32, what string, data dbus.Variant, at uint32) *dbus.Error {
				if !happened(event{id, what, data, at}) {
					return noEntry(id)
				}
				return nil
			},
			"EventGroup": func(events []event) ([]int32, *dbus.Error) {
				unknown := []int32{}
				for _, e := range events {
					if !happened(e) {
						unknown = append(unknown, e.ID)
					}
				}
				return unknown, nil
			},
			"AboutToShow":      func(int32) (bool, *dbus.Error) { return false, nil },
			"AboutToShowGroup": func([]int32) ([]int32, []int32, *dbus.Error) { return []int32{}, []int32{}, nil },
		},
		properties: readOnly(menuIface, values),
		"org.freedesktop.DBus.Introspectable": {
			"Introspect": func() (string, *dbus.Error) { return menuXML, nil },
		},
	}
}

// What hosts that look before they ask are told (D-Bus Specification, "Introspection Data Format").
const (
	introspection = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node>
<interface name="org.freedesktop.DBus.Properties">
<method name="Get"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="out"/></method>
<method name="GetAll"><arg type="s" direction="in"/><arg type="a{sv}" direction="out"/></method>
<method name="Set"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="in"/></method>
</interface>
`
	itemXML = introspection + `<interface name="org.kde.StatusNotifierItem">
<property name="Category" type="s" access="read"/><property name="Id" type="s" access="read"/><property name="Title" type="s" access="read"/>
<property name="Status" type="s" access="read"/><property name="WindowId" type="i" access="read"/><property name="IconThemePath" type="s" access="read"/>
<property name="Menu" type="o" access="read"/><property name="ItemIsMenu" type="b" access="read"/>
<property name="IconName" type="s" access="read"/><property name="IconPixmap" type="a(iiay)" access="read"/>
<property name="OverlayIconName" type="s" access="read"/><property name="OverlayIconPixmap" type="a(iiay)" access="read"/>
<property name="AttentionIconName" type="s" access="read"/><property name="AttentionIconPixmap" type="a(iiay)" access="read"/>
<property name="AttentionMovieName" type="s" access="read"/><property name="ToolTip" type="(sa(iiay)ss)" access="read"/>
<method name="ContextMenu"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
<method name="Activate"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
<method name="SecondaryActivate"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
<method name="Scroll"><arg type="i" direction="in"/><arg type="s" direction="in"/></method>
<signal name="NewTitle"/><signal name="NewIcon"/><signal name="NewToolTip"/><signal name="NewStatus"><arg type="s"/></signal>
</interface>
</node>`
	menuXML = introspection + `<interface name="com.canonical.dbusmenu">
<property name="Version" type="u" access="read"/><property name="TextDirection" type="s" access="read"/>
<property name="Status" type="s" access="read"/><property name="IconThemePath" type="as" access="read"/>
<method name="GetLayout"><arg type="i" direction="in"/><arg type="i" direction="in"/><arg type="as" direction="in"/><arg type="u" direction="out"/><arg type="(ia{sv}av)" direction="out"/></method>
<method name="GetGroupProperties"><arg type="ai" direction="in"/><arg type="as" direction="in"/><arg type="a(ia{sv})" direction="out"/></method>
<method name="GetProperty"><arg type="i" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="out"/></method>
<method name="Event"><arg type="i" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="in"/><arg type="u" direction="in"/></method>
<method name="EventGroup"><arg type="a(isvu)" direction="in"/><arg type="ai" direction="out"/></method>
<method name="AboutToShow"><arg type="i" direction="in"/><arg type="b" direction="out"/></method>
<method name="AboutToShowGroup"><arg type="ai" direction="in"/><arg type="ai" direction="out"/><arg type="ai" direction="out"/></method>
<signal name="ItemsPropertiesUpdated"><arg type="a(ia{sv})"/><arg type="a(ias)"/></signal>
<signal name="LayoutUpdated"><arg type="u"/><arg type="i"/></signal>
<signal name="ItemActivationRequested"><arg type="i"/><arg type="u"/></signal>
</interface>
</node>`
)
