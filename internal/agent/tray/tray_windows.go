package tray

import (
	"context"
	"log"
	"log/slog"
	"runtime"
	"sync"
	"time"
	"unicode/utf16"
	"unsafe"

	"fyne.io/systray"
	"golang.org/x/sys/windows"
)

// locale lists the languages of the user, the most wanted first.
func locale(func(string) string) []string {
	tags, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil {
		return nil
	}
	return tags
}

// longestTip is how many UTF-16 units the tip of an icon has at most (NOTIFYICONDATAW, szTip, with its NUL).
const longestTip = 127

// put shows the faces in the notification area, until ctx ends. There can be one icon in a process, once.
func (t *tray) put(ctx context.Context) {
	if !t.awaitTaskbar(ctx) {
		return
	}
	log.SetOutput(slog.NewLogLogger(t.Log.Handler(), slog.LevelWarn).Writer()) // the library's own words
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // a window's messages come to the thread that made it
		systray.Run(func() { t.ready(ctx) }, func() {
			if ctx.Err() == nil { // it is Windows that ends it
				t.Ending()
			}
		})
	}()
	<-ctx.Done()
	systray.Quit()
	select {
	case <-ended:
	case <-time.After(2 * time.Second): // where the notification area did not take the icon it waits for ever
	}
}

var findWindow = windows.NewLazySystemDLL("user32.dll").NewProc("FindWindowW")

// awaitTaskbar waits until there is a taskbar, and returns false if ctx ends before. The library tries once and never again: without that, a client that
// starts before the taskbar would have an icon without a picture or a menu later.
func (t *tray) awaitTaskbar(ctx context.Context) bool {
	class, err := windows.UTF16PtrFromString("Shell_TrayWnd")
	if err != nil {
		return false
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for said := false; ; {
		if w, _, _ := findWindow.Call(uintptr(unsafe.Pointer(class)), 0); w != 0 {
			return true
		}
		if !said {
			t.Log.Info("tray: there is no taskbar yet; the icon appears with it")
			said = true
		}
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
	}
}

// ready shows the faces that come; the icon is there.
func (t *tray) ready(ctx context.Context) {
	t.shown(true)
	var mu sync.Mutex // guards now
	var now face
	p := &pool{make: windowsMenu{ctx}, clicked: func(a action) {
		mu.Lock()
		l := now.lang
		mu.Unlock()
		t.clicked(a, l)
	}}
	go func() {
		for first := true; ; first = false {
			var f face
			select {
			case <-ctx.Done():
				return
			case f = <-t.faces:
			}
			mu.Lock()
			was := now
			now = f
			mu.Unlock()
			if first || was.sign != f.sign {
				systray.SetIcon(asICO(f.sign))
			}
			if first || was.title != f.title {
				systray.SetTooltip(tip(f.title))
			}
			p.show(f.menu)
		}
	}()
}

// tip shortens a text to what a tip holds.
func tip(s string) string {
	u := utf16.Encode([]rune(s))
	if len(u) <= longestTip {
		return s
	}
	u = u[:longestTip-1]
	if utf16.IsSurrogate(rune(u[len(u)-1])) && u[len(u)-1] < 0xdc00 {
		u = u[:len(u)-1]
	}
	return string(utf16.Decode(u)) + "…"
}

// windowsMenu makes entries of the library's menu.
type windowsMenu struct{ ctx context.Context }

func (m windowsMenu) entry(above slot, x item, clicked func()) slot {
	var s *systray.MenuItem
	if parent, ok := above.(*systray.MenuItem); ok {
		s = parent.AddSubMenuItemCheckbox(labelled(x), "", x.checked)
	} else {
		s = systray.AddMenuItemCheckbox(labelled(x), "", x.checked)
	}
	go func() { // a click that nobody waits for is lost
		for {
			select {
			case <-m.ctx.Done():
				return
			case <-s.ClickedCh:
				clicked()
			}
		}
	}()
	return s
}

func (m windowsMenu) separator(above slot) {
	if parent, ok := above.(*systray.MenuItem); ok {
		parent.AddSeparator()
		return
	}
	systray.AddSeparator()
}
