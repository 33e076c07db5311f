package probe

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	user32   = windows.NewLazySystemDLL("user32.dll")
	kernel32 = windows.NewLazySystemDLL("kernel32.dll")

	getLastInputInfo = user32.NewProc("GetLastInputInfo")
	getTickCount     = kernel32.NewProc("GetTickCount")
)

var idleWays = []openIdle{{name: "Windows, by the last input of the session", open: openLastInput}}

// lastInput asks Windows when the last input to the session was. It tells of no input to other sessions, nor of none at all.
type lastInput struct{}

func openLastInput(context.Context, Config) (idleWay, error) {
	if err := getLastInputInfo.Find(); err != nil {
		return nil, err
	}
	return lastInput{}, nil
}

func (lastInput) close() {}

func (w lastInput) watch(ctx context.Context, after time.Duration, tell func(bool, time.Time)) error {
	return askIdle(ctx, after, w.since, tell)
}

// since returns how long ago the last input was.
func (lastInput) since(context.Context) (time.Duration, error) {
	info := struct{ size, tick uint32 }{size: 8} // LASTINPUTINFO
	if ok, _, err := getLastInputInfo.Call(uintptr(unsafe.Pointer(&info))); ok == 0 {
		return 0, fmt.Errorf("Windows does not tell when the last input was: %w", err)
	}
	now, _, _ := getTickCount.Call()
	return sinceTick(uint32(now), info.tick), nil
}
