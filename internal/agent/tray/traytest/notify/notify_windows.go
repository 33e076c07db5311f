// Command notify shows an icon in Windows' notification area, for tests: the views that it is told, each a line of JSON, until its input ends. It prints what
// the clicks do, and reads and clicks the menu that is open, which is one of its own.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/tray"
	"github.com/doorlight/doorlight/internal/agent/tray/traytest/report"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	var (
		mu  sync.Mutex
		out = json.NewEncoder(os.Stdout) // guarded by mu
	)
	say := func(l report.Line) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(l); err != nil {
			fmt.Fprintln(os.Stderr, "notify:", err)
			os.Exit(1)
		}
	}
	did := func(what string) func() { return func() { say(report.Line{Did: what}) } }
	views := make(chan tray.View)
	var icon sync.WaitGroup
	icon.Go(func() {
		tray.Run(ctx, tray.Config{
			Choose: func(_ context.Context, c client.Choice) error { say(report.Line{Choice: &c}); return nil },
			Mute:   func(m bool) { say(report.Line{Did: map[bool]string{true: "mute", false: "unmute"}[m]}) },
			SignIn: did("sign in"), SignOut: did("sign out"), Sent: did("sent"), Quit: did("quit"), Ending: did("ending"),
			Open: func(page string) { say(report.Line{Did: "open " + page}) },
			Log:  slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}, views)
	})
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		var c report.Command
		err := json.Unmarshal(s.Bytes(), &c)
		switch {
		case err != nil:
		case c.View != nil:
			v := tray.View{Server: "https://presence.example.com", Out: c.View.Out, State: agent.State{Name: c.View.Name, Language: "en", Connected: c.View.Connected,
				Told: true, Muted: c.View.Muted, Presence: c.View.Presence, Settings: c.View.Settings}}
			views <- v
		case c.Read:
			var m openMenu
			if m, err = opened(); err == nil {
				say(report.Line{Menu: m.entries()})
			}
		case len(c.Click) > 0:
			err = choose(c.Click)
		case c.Close:
			if err = closeMenus(); err == nil {
				say(report.Line{Closed: true})
			}
		}
		if err != nil {
			say(report.Line{Err: err.Error()})
		}
	}
	cancel()
	icon.Wait()
	say(report.Line{Over: true})
}

var (
	user32        = windows.NewLazySystemDLL("user32.dll")
	findWindow    = user32.NewProc("FindWindowExW")
	isVisible     = user32.NewProc("IsWindowVisible")
	windowProcess = user32.NewProc("GetWindowThreadProcessId")
	sendMessage   = user32.NewProc("SendMessageTimeoutW")
	postMessage   = user32.NewProc("PostMessageW")
	itemCount     = user32.NewProc("GetMenuItemCount")
	itemInfo      = user32.NewProc("GetMenuItemInfoW")
)

// patience bounds every wait for something that must come.
const patience = 30 * time.Second

func text(s string) uintptr {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

// openMenu is a menu of this process.
type openMenu uintptr

// menuWindows returns the windows of this process that show menus.
func menuWindows() (all []uintptr) {
	var w uintptr
	for {
		if w, _, _ = findWindow.Call(0, w, text("#32768"), 0); w == 0 {
			return all
		}
		var process uint32
		windowProcess.Call(w, uintptr(unsafe.Pointer(&process)))
		if visible, _, _ := isVisible.Call(w); visible != 0 && process == windows.GetCurrentProcessId() {
			all = append(all, w)
		}
	}
}

// opened waits until the icon's menu is open: the one that is no other's part.
func opened() (openMenu, error) {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		var menus []openMenu
		for _, w := range menuWindows() {
			const getMenu, normal, ms = 0x01e1, 0, 5000 // MN_GETHMENU
			var m uintptr
			if ok, _, _ := sendMessage.Call(w, getMenu, 0, 0, normal, ms, uintptr(unsafe.Pointer(&m))); ok != 0 && m != 0 {
				menus = append(menus, openMenu(m))
			}
		}
		part := map[openMenu]bool{}
		for _, m := range menus {
			for i := range m.count() {
				part[m.item(i).sub] = true
			}
		}
		for _, m := range menus {
			if !part[m] {
				return m, nil
			}
		}
	}
	return 0, errors.New("no menu is open")
}

func (m openMenu) count() int {
	n, _, _ := itemCount.Call(uintptr(m))
	return max(0, int(int32(n)))
}

// item is an entry, without those below it.
type item struct {
	report.Entry
	sub openMenu // 0: none
}

func (m openMenu) item(i int) item {
	const (
		stateMask, subMask, stringMask, bitmapMask, typeMask = 0x1, 0x4, 0x40, 0x80, 0x100 // MIIM_...
		separator                                            = 0x800                       // MFT_SEPARATOR
		disabled, checked, selected                          = 0x3, 0x8, 0x80              // MFS_...
	)
	label := make([]uint16, 1000)
	info := struct {
		size, mask, kind, state     uint32
		id                          uint32
		sub, markChecked, unchecked uintptr
		data                        uintptr
		text                        *uint16
		length                      uint32
		bitmap                      uintptr
	}{mask: stateMask | subMask | stringMask | bitmapMask | typeMask, text: &label[0], length: uint32(len(label))}
	info.size = uint32(unsafe.Sizeof(info))
	itemInfo.Call(uintptr(m), uintptr(i), 1, uintptr(unsafe.Pointer(&info)))
	return item{report.Entry{Label: windows.UTF16ToString(label), Separator: info.kind&separator != 0, Disabled: info.state&disabled != 0,
		Checked: info.state&checked != 0, Selected: info.state&selected != 0, Sign: info.bitmap != 0}, openMenu(info.sub)}
}

func (m openMenu) entries() (all []report.Entry) {
	for i := range m.count() {
		x := m.item(i)
		if x.sub != 0 {
			x.Sub = x.sub.entries()
		}
		all = append(all, x.Entry)
	}
	return all
}

// selected is the entry that the keys act on, and which it is; -1: there is none.
func (m openMenu) selected() (x item, which int) {
	for i := range m.count() {
		if x = m.item(i); x.Selected {
			return x, i
		}
	}
	return item{}, -1
}

const ( // VK_...
	keyEnter, keyEscape, keyRight, keyDown = 0x0d, 0x1b, 0x27, 0x28
)

// press presses a key while a menu is open.
func press(key uintptr) error {
	w, _, err := findWindow.Call(0, 0, text("SystrayClass"), 0)
	if w == 0 {
		return fmt.Errorf("find the icon's window: %w", err)
	}
	const down = 0x0100 // WM_KEYDOWN
	if ok, _, err := postMessage.Call(w, down, key, 1); ok == 0 {
		return fmt.Errorf("press a key: %w", err)
	}
	return nil
}

// becomes waits until f is true.
func becomes(what string, f func() bool) error {
	for until := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("waiting in vain until %s", what)
		}
	}
	return nil
}

// choose goes to an entry of the open menu with the keys, as somebody does who looks where they are after each, and presses Enter.
func choose(labels []string) error {
	m, err := opened()
	if err != nil {
		return err
	}
	for depth, label := range labels {
		at, which := m.selected()
		for tries := 0; at.Label != label; tries++ {
			if tries > m.count() {
				return fmt.Errorf("there is no entry %q to choose", label)
			}
			if err := press(keyDown); err != nil {
				return err
			}
			if err := becomes("the key moves the selection", func() bool {
				was := which
				if x, i := m.selected(); i >= 0 {
					at, which = x, i
				}
				return which != was
			}); err != nil {
				return err
			}
		}
		if depth == len(labels)-1 {
			break
		}
		if err := press(keyRight); err != nil {
			return err
		}
		if err := becomes(label+" opens", func() bool { _, i := at.sub.selected(); return i >= 0 }); err != nil {
			return err
		}
		m = at.sub
	}
	if err := press(keyEnter); err != nil {
		return err
	}
	return nil
}

// closeMenus closes whatever menu is open.
func closeMenus() error {
	open := len(menuWindows())
	for open > 0 {
		if err := press(keyEscape); err != nil {
			return err
		}
		if err := becomes("the menu closes", func() bool { return len(menuWindows()) < open }); err != nil {
			return err
		}
		open = len(menuWindows())
	}
	return nil
}
