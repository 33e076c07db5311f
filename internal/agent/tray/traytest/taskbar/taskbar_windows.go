// Command taskbar is the taskbar of Wine's Windows, for tests: in place of Wine's own it takes the icons of programs, and prints what they do with them, each
// a line of JSON. It clicks on the icon when it reads "click left" or "click right", and ends with its input. Wine alone is as it expects: what Shell_NotifyIcon
// sends is not documented, and other than on Windows.
//
//	taskbar         is the taskbar
//	taskbar none    there is none: it takes Wine's own away, and stays until its input ends
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/doorlight/doorlight/internal/agent/tray/traytest/report"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "taskbar:", err)
		os.Exit(1)
	}
}

var (
	user32          = windows.NewLazySystemDLL("user32.dll")
	registerClass   = user32.NewProc("RegisterClassExW")
	createWindow    = user32.NewProc("CreateWindowExW")
	defWindow       = user32.NewProc("DefWindowProcW")
	findWindow      = user32.NewProc("FindWindowExW")
	setParent       = user32.NewProc("SetParent")
	getMessage      = user32.NewProc("GetMessageW")
	dispatchMessage = user32.NewProc("DispatchMessageW")
	postMessage     = user32.NewProc("PostMessageW")
	registerMessage = user32.NewProc("RegisterWindowMessageW")
	foreground      = user32.NewProc("AllowSetForegroundWindow")
)

const (
	taskbarClass = "Shell_TrayWnd"
	hidingClass  = "DoorlightNoTaskbar"
)

func text(s string) uintptr {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

func run(args []string) error {
	runtime.LockOSThread() // a window's messages come to the thread that made it
	if len(args) == 1 && args[0] == "none" {
		return none()
	}
	if len(args) > 0 {
		return fmt.Errorf("what is %q?", args)
	}
	if there, _, _ := findWindow.Call(0, 0, text(taskbarClass), 0); there != 0 {
		return errors.New("there is a taskbar")
	}
	b := &bar{out: json.NewEncoder(os.Stdout)}
	if _, err := window(taskbarClass, 0, b.message); err != nil {
		return err
	}
	// As Windows does, for programs that were there before.
	created, _, _ := registerMessage.Call(text("TaskbarCreated"))
	const everybody = 0xffff // HWND_BROADCAST
	if ok, _, err := postMessage.Call(everybody, created, 0, 0); ok == 0 {
		return err
	}
	go func() {
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			switch strings.TrimSpace(s.Text()) {
			case "click left":
				b.click(0x0202) // WM_LBUTTONUP
			case "click right":
				b.click(0x0205) // WM_RBUTTONUP
			default:
				fmt.Fprintf(os.Stderr, "taskbar: what is %q?\n", s.Text())
				os.Exit(1)
			}
		}
		os.Exit(0)
	}()
	fmt.Println("ready")
	return pump()
}

// none takes the taskbars that there are into a window of its own, where nobody finds them.
func none() error {
	const messageOnly = ^uintptr(2) // HWND_MESSAGE
	hiding, err := window(hidingClass, messageOnly, nil)
	if err != nil {
		return err
	}
	for {
		w, _, _ := findWindow.Call(0, 0, text(taskbarClass), 0)
		if w == 0 {
			break
		}
		if was, _, err := setParent.Call(w, hiding); was == 0 {
			return fmt.Errorf("take Wine's taskbar away: %w", err)
		}
	}
	go func() {
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		}
		os.Exit(0)
	}()
	fmt.Println("ready")
	return pump()
}

// window makes a window of a new class; message may be nil.
func window(class string, parent uintptr, message func(w, msg, wp, lp uintptr) uintptr) (uintptr, error) {
	c := struct {
		size, style                        uint32
		proc                               uintptr
		classExtra, windowExtra            int32
		instance, icon, cursor, background uintptr
		menu, name                         uintptr
		small                              uintptr
	}{name: text(class), proc: defWindow.Addr()}
	c.size = uint32(unsafe.Sizeof(c))
	if message != nil {
		c.proc = windows.NewCallback(message)
	}
	if ok, _, err := registerClass.Call(uintptr(unsafe.Pointer(&c))); ok == 0 {
		return 0, err
	}
	const popup = 0x80000000 // WS_POPUP
	style := uintptr(popup)
	w, _, err := createWindow.Call(0, text(class), 0, style, 0, 0, 10, 10, parent, 0, 0, 0)
	if w == 0 {
		return 0, fmt.Errorf("make a window of class %s: %w", class, err)
	}
	return w, nil
}

func pump() error {
	var m [64]byte // MSG
	for {
		if got, _, err := getMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0); int32(got) <= 0 {
			return err
		}
		dispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
	}
}

// bar is the taskbar. It has room for one icon.
type bar struct {
	out *json.Encoder // used by the window's thread

	mu    sync.Mutex // guards what follows
	owner uintptr    // of the icon; 0: there is none
	icon  uint32
	call  uint32 // the message for clicks
	shown report.Icon
}

// message is the window's procedure.
func (b *bar) message(w, msg, wp, lp uintptr) uintptr {
	const copyData = 0x004a // WM_COPYDATA
	if uint32(msg) != copyData {
		r, _, _ := defWindow.Call(w, msg, wp, lp)
		return r
	}
	sent := *(**struct {
		what uintptr
		size uint32
		data *byte
	})(unsafe.Pointer(&lp))
	if b.told(uint32(sent.what), unsafe.Slice(sent.data, sent.size)) {
		return 1
	}
	return 0
}

// Observed (Wine 8.0): Shell_NotifyIconW sends the taskbar WM_COPYDATA with its own first argument and a structure of these offsets, which the bits of the
// icon follow, those of its mask first.
const (
	atOwner, atID, atFlags, atCall, atTip, atSize, atBits = 0, 4, 8, 12, 16, 944, 960
	tipUnits                                              = 128
	hasCall, hasIcon, hasTip                              = 1, 2, 4 // NIF_...
	nimAdd, nimModify, nimDelete                          = 0, 1, 2
)

// told takes what a program says of its icon, and says whether the taskbar takes it.
func (b *bar) told(what uint32, data []byte) bool {
	if len(data) < atBits {
		fmt.Fprintf(os.Stderr, "taskbar: %d bytes of an icon\n", len(data))
		os.Exit(1)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	owner, id := uintptr(word(atOwner)), word(atID)
	known := b.owner != 0 && b.owner == owner && b.icon == id
	switch what {
	case nimAdd:
		if b.owner != 0 {
			return false
		}
		b.owner, b.icon, b.call, b.shown = owner, id, 0, report.Icon{What: "add"}
	case nimModify:
		if !known {
			return false
		}
		b.shown.What = "modify"
	case nimDelete:
		if !known {
			return false
		}
		b.owner, b.shown = 0, report.Icon{What: "delete"}
		b.say()
		return true
	default:
		return false
	}
	flags := word(atFlags)
	if flags&hasCall != 0 {
		b.call = word(atCall)
	}
	if flags&hasTip != 0 {
		tip := make([]uint16, tipUnits)
		for i := range tip {
			tip[i] = binary.LittleEndian.Uint16(data[atTip+2*i:])
		}
		b.shown.Tip = windows.UTF16ToString(tip)
	}
	if flags&hasIcon != 0 {
		width, height, planes, depth := int(word(atSize)), int(word(atSize+4)), int(word(atSize+8)), int(word(atSize+12))
		mask := (width*1 + 15) / 16 * 2 * height
		if bits := data[atBits:]; planes == 1 && depth == 32 && len(bits) >= mask+4*width*height {
			b.shown.Pixels, b.shown.Width, b.shown.Height = bits[mask:mask+4*width*height], width, height
			b.shown.Pixels = append([]byte(nil), b.shown.Pixels...)
		} else {
			fmt.Fprintf(os.Stderr, "taskbar: a picture of %d by %d, %d planes, %d bits, in %d bytes\n", width, height, planes, depth, len(bits))
			os.Exit(1)
		}
	}
	b.say()
	return true
}

func (b *bar) say() {
	if err := b.out.Encode(b.shown); err != nil {
		fmt.Fprintln(os.Stderr, "taskbar:", err)
		os.Exit(1)
	}
}

// click tells the icon's program of a click.
func (b *bar) click(message uintptr) {
	b.mu.Lock()
	owner, icon, call := b.owner, b.icon, b.call
	b.mu.Unlock()
	if owner == 0 || call == 0 {
		fmt.Fprintln(os.Stderr, "taskbar: there is no icon to click on")
		os.Exit(1)
	}
	const anybody = ^uintptr(0)           // ASFW_ANY
	foreground.Call(anybody & 0xffffffff) // as Windows does, for the menu
	if ok, _, err := postMessage.Call(owner, uintptr(call), uintptr(icon), message); ok == 0 {
		fmt.Fprintln(os.Stderr, "taskbar: click:", err)
		os.Exit(1)
	}
}
