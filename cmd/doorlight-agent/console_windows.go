package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// A program without a console of its own still answers in the one that it was started from, if there is one (Microsoft: AttachConsole). What was redirected
// stays so.
func init() {
	if kind, err := windows.GetFileType(windows.Handle(os.Stdout.Fd())); err == nil && kind != windows.FILE_TYPE_UNKNOWN {
		return
	}
	const parent = ^uintptr(0) // ATTACH_PARENT_PROCESS
	if ok, _, _ := windows.NewLazySystemDLL("kernel32.dll").NewProc("AttachConsole").Call(parent); ok == 0 {
		return
	}
	if f, err := os.OpenFile("CONOUT$", os.O_RDWR, 0); err == nil {
		os.Stdout, os.Stderr = f, f
	}
}
