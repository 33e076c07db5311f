package probe

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Windows tells a session's changes and its end to windows only, and the end not to message-only ones. So there are hidden windows of the top level, of
// this class; the titles say what for.
const windowClass = "DoorlightProbe"

// winuser.h, wtsapi32.h
const (
	wmDestroy          = 0x0002
	wmClose            = 0x0010
	wmQueryEndSession  = 0x0011
	wmEndSession       = 0x0016
	wmWTSSessionChange = 0x02B1
	wmLeave            = 0x8000 + 1 // WM_APP + 1, our own: the window is not needed any more
)

var (
	registerClass   = user32.NewProc("RegisterClassExW")
	createWindow    = user32.NewProc("CreateWindowExW")
	destroyWindow   = user32.NewProc("DestroyWindow")
	defWindowProc   = user32.NewProc("DefWindowProcW")
	getMessage      = user32.NewProc("GetMessageW")
	dispatchMessage = user32.NewProc("DispatchMessageW")
	postMessage     = user32.NewProc("PostMessageW")
)

// windowMessage is what a hidden window is sent.
type windowMessage struct {
	id     uint32
	wParam uintptr
	lParam uintptr
}

// handler answers a message; ok is false for Windows' own answer.
type handler func(windowMessage) (answer uintptr, ok bool)

// windowHandlers are those of the windows that there are.
var windowHandlers = struct {
	sync.Mutex
	of map[uintptr]handler // guarded by Mutex
}{of: map[uintptr]handler{}}

// wndClassEx is WNDCLASSEXW.
type wndClassEx struct {
	size, style              uint32
	proc                     uintptr
	classExtra, windowExtra  int32
	instance                 windows.Handle
	icon, cursor, background uintptr
	menuName, className      *uint16
	smallIcon                uintptr
}

// classRegistered registers the class, once for the process: a callback is never given back.
var classRegistered = sync.OnceValue(func() error {
	name, err := windows.UTF16PtrFromString(windowClass)
	if err != nil {
		return err
	}
	class := wndClassEx{className: name, proc: windows.NewCallback(func(window, message, wParam, lParam uintptr) uintptr {
		windowHandlers.Lock()
		h := windowHandlers.of[window]
		windowHandlers.Unlock()
		if h != nil {
			if answer, ok := h(windowMessage{uint32(message), wParam, lParam}); ok {
				return answer
			}
		}
		answer, _, _ := defWindowProc.Call(window, message, wParam, lParam)
		return answer
	})}
	class.size = uint32(unsafe.Sizeof(class))
	if atom, _, err := registerClass.Call(uintptr(unsafe.Pointer(&class))); atom == 0 {
		return fmt.Errorf("Windows registers no class of windows: %w", err)
	}
	return nil
})

// runWindow has a hidden window of this title until ctx ends, or until there can be none, and returns why. Once it is there, ready is called and the
// window is given back if that fails. Messages come to handle. Both are called on the window's thread, and hold up what Windows tells it.
func runWindow(ctx context.Context, title string, ready func(window windows.HWND) error, handle handler) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // a window belongs to a thread
		defer runtime.UnlockOSThread()
		ended <- windowThread(ctx, title, ready, handle)
	}()
	return <-ended
}

func windowThread(ctx context.Context, title string, ready func(windows.HWND) error, handle handler) error {
	if err := classRegistered(); err != nil {
		return err
	}
	class, err := windows.UTF16PtrFromString(windowClass)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(title)
	if err != nil {
		return err
	}
	window, _, err := createWindow.Call(0, uintptr(unsafe.Pointer(class)), uintptr(unsafe.Pointer(name)), 0, 0, 0, 0, 0, 0, 0, 0, 0)
	if window == 0 {
		return fmt.Errorf("Windows makes no hidden window: %w", err)
	}
	windowHandlers.Lock()
	windowHandlers.of[window] = handle
	windowHandlers.Unlock()
	defer func() {
		destroyWindow.Call(window) // the last message comes while it is
		windowHandlers.Lock()
		delete(windowHandlers.of, window)
		windowHandlers.Unlock()
	}()
	if err := ready(windows.HWND(window)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { postMessage.Call(window, wmLeave, 0, 0) })
	defer stop()
	var m struct { // MSG
		window         uintptr
		id             uint32
		wParam, lParam uintptr
		time           uint32
		x, y           int32
		private        uint32
	}
	for {
		got, _, err := getMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0)
		switch {
		case int32(got) < 0:
			return fmt.Errorf("Windows gives no messages: %w", err)
		case got == 0 || ctx.Err() != nil:
			return context.Cause(ctx)
		}
		dispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
	}
}
