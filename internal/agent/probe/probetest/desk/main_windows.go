// Command desk does on a Windows desktop, for tests, what people, programs and Windows itself do there. Without a command it waits until its input ends.
//
//	desk window                                a window that people can type into
//	desk send CLASS TITLE MESSAGE WORD LONG    sends a window a message, as Windows does, and prints its answer
//	desk record [-family NAME] [-for TIME]     records from the microphone, as far as Windows' record of it says
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "desk:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 0:
		return wait()
	case args[0] == "window":
		return window()
	case args[0] == "send" && len(args) == 6:
		return send(args[1:])
	case args[0] == "record":
		return record(args[1:])
	}
	return fmt.Errorf("what is %q?", args)
}

// wait says that it is there, and waits until the input ends.
func wait() error {
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

var (
	user32             = windows.NewLazySystemDLL("user32.dll")
	createWindow       = user32.NewProc("CreateWindowExW")
	setForeground      = user32.NewProc("SetForegroundWindow")
	getMessage         = user32.NewProc("GetMessageW")
	dispatchMessage    = user32.NewProc("DispatchMessageW")
	findWindow         = user32.NewProc("FindWindowW")
	sendMessageTimeout = user32.NewProc("SendMessageTimeoutW")
)

func text(s string) uintptr {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

func window() error {
	runtime.LockOSThread()
	const overlapped, visible = 0x00CF0000, 0x10000000 // WS_OVERLAPPEDWINDOW, WS_VISIBLE
	w, _, err := createWindow.Call(0, text("EDIT"), text("desk"), overlapped|visible, 10, 10, 300, 200, 0, 0, 0, 0)
	if w == 0 {
		return err
	}
	setForeground.Call(w)
	go func() {
		wait()
		os.Exit(0)
	}()
	var m [64]byte // MSG
	for {
		if got, _, err := getMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0); int32(got) <= 0 {
			return err
		}
		dispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
	}
}

func send(args []string) error {
	var w uintptr
	var err error
	for until := time.Now().Add(time.Minute); w == 0; time.Sleep(50 * time.Millisecond) { // it may come yet
		if w, _, err = findWindow.Call(text(args[0]), text(args[1])); w == 0 && time.Now().After(until) {
			return fmt.Errorf("no window %q: %w", args[:2], err)
		}
	}
	var n [3]uint64
	for i := range n {
		if n[i], err = strconv.ParseUint(args[2+i], 0, 64); err != nil {
			return err
		}
	}
	var answer uintptr
	const normal, patience = 0, 60_000 // SMTO_NORMAL, ms
	began := time.Now()
	if ok, _, err := sendMessageTimeout.Call(w, uintptr(n[0]), uintptr(n[1]), uintptr(n[2]), normal, patience, uintptr(unsafe.Pointer(&answer))); ok == 0 {
		return fmt.Errorf("no answer: %w", err)
	}
	fmt.Println(answer, time.Since(began).Milliseconds())
	return nil
}

// record writes to the record what Windows writes when a program begins and ends to record.
func record(args []string) error {
	flags := flag.NewFlagSet("record", flag.ContinueOnError)
	family := flags.String("family", "", "the package family that the program belongs to")
	during := flags.Duration("for", 0, "how long; 0: until the input ends")
	if err := flags.Parse(args); err != nil {
		return err
	}
	file, err := os.Executable()
	if err != nil {
		return err
	}
	path := `Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\`
	if *family != "" {
		path += *family
	} else {
		path += `NonPackaged\` + strings.ReplaceAll(file, `\`, "#")
	}
	key, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.WRITE)
	if err != nil {
		return err
	}
	defer key.Close()
	now := func() uint64 {
		var t windows.Filetime
		windows.GetSystemTimePreciseAsFileTime(&t)
		return uint64(t.HighDateTime)<<32 | uint64(t.LowDateTime)
	}
	if err := errors.Join(key.SetQWordValue("LastUsedTimeStart", now()), key.SetQWordValue("LastUsedTimeStop", 0)); err != nil {
		return err
	}
	if *during != 0 {
		fmt.Println("ready")
		time.Sleep(*during)
	} else if err := wait(); err != nil {
		return err
	}
	return key.SetQWordValue("LastUsedTimeStop", now())
}
