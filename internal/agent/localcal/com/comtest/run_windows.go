package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	ole "github.com/go-ole/go-ole"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

const dictionary = "Scripting.Dictionary"

func run() error {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		return errors.New("this is not Wine")
	}
	forget() // of a run before
	defer forget()
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"services", services},
		{"values", func() error { return com.Local.Do(values) }},
		{"errors", func() error { return com.Local.Do(faults) }},
		{"dates", func() error { return com.Local.Do(dates) }},
		{"programs", func() error { return com.Local.Do(programs) }},
		{"threads", threads},
		{"a computer without Outlook", func() error { return watch("Outlook: Outlook is not installed", "Notes: Notes is not installed") }},
		{"an Outlook that is closed", closed},
		{"an Outlook that runs", active},
		{"an Outlook that hangs", hanging},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println(step.name)
	}
	return nil
}

// services waits until Wine's services are there, which keep the table of running objects. It starts them when they are first needed, and sometimes
// not at the first try.
func services() error {
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		err := com.Local.Do(func(m com.Model) error {
			_, err := m.Active(dictionary)
			return err
		})
		switch {
		case errors.Is(err, com.ErrNotRunning):
			return nil
		case !errors.Is(err, com.ErrGone) || time.Now().After(until):
			return fmt.Errorf("there is no table of running objects: %w", err)
		}
	}
}

func values(m com.Model) error {
	o, err := m.Create(dictionary)
	if err != nil {
		return err
	}
	inner, err := m.Create(dictionary)
	if err != nil {
		return err
	}
	if err := o.Set("CompareMode", 1); err != nil {
		return err
	}
	put := []any{"ä€ and 😀", "", 5, -7, 2.5, true, false, inner}
	want := []any{"ä€ and 😀", "", int64(5), int64(-7), 2.5, true, false}
	for i, v := range put {
		if _, err := o.Call("Add", fmt.Sprint("key ", i), v); err != nil {
			return err
		}
	}
	for i := range want {
		got, err := o.Get("Item", fmt.Sprint("KEY ", i))
		if err != nil || !reflect.DeepEqual(got, want[i]) {
			return fmt.Errorf("item %d is %#v, %v, want %#v", i, got, err, want[i])
		}
	}
	count, err := o.Get("Count")
	if err != nil || count != int64(len(put)) {
		return fmt.Errorf("the count is %#v, %v", count, err)
	}
	list, err := o.Call("Items")
	if err != nil {
		return err
	}
	items, ok := list.([]any)
	if !ok || len(items) != len(put) || !reflect.DeepEqual(items[:len(want)], want) {
		return fmt.Errorf("the items are %#v", list)
	}
	// the object in the list lives on when the list is gone, and its dictionary too
	inside, ok := items[len(want)].(com.Object)
	if !ok {
		return fmt.Errorf("the last item is %#v", items[len(want)])
	}
	inner.Release()
	o.Release()
	if _, err := inside.Call("Add", "a", 1); err != nil {
		return err
	}
	if n, err := inside.Get("Count"); err != nil || n != int64(1) {
		return fmt.Errorf("the inner count is %#v, %v", n, err)
	}
	inside.Release()
	inside.Release()
	if _, err := inside.Get("Count"); err == nil {
		return errors.New("an object can be used that was given back")
	}
	empty, err := m.Create(dictionary)
	if err != nil {
		return err
	}
	if list, err := empty.Call("Keys"); err != nil || !reflect.DeepEqual(list, []any{}) {
		return fmt.Errorf("the keys of an empty one are %#v, %v", list, err)
	}
	return nil // it is given back at the end
}

func faults(m com.Model) error {
	o, err := m.Create(dictionary)
	if err != nil {
		return err
	}
	if _, err := o.Get("Colour"); !errors.Is(err, com.ErrNoMember) {
		return fmt.Errorf("a property that is not there is %v", err)
	}
	if _, err := o.Call("Add", "secret", 1); err != nil {
		return err
	}
	_, err = o.Call("Add", "secret", 1)
	var e *com.Error
	if !errors.As(err, &e) || e.Op != "Add" || e.Code == 0 {
		return fmt.Errorf("a key that is there already is %v", err)
	}
	if _, err := o.Call("Add", struct{}{}, 1); err == nil {
		return errors.New("a value that is none is taken")
	}
	for class, want := range map[string]error{"Outlook.Application": com.ErrNotInstalled, "Notes.NotesSession": com.ErrNotInstalled, dictionary: com.ErrNotRunning} {
		if _, err := m.Active(class); !errors.Is(err, want) {
			return fmt.Errorf("the active %s is %v, want %v", class, err, want)
		}
	}
	if _, err := m.Create("Outlook.Application"); !errors.Is(err, com.ErrNotInstalled) {
		return fmt.Errorf("a new Outlook is %v", err)
	}
	if m.Installed("Outlook.Application") || !m.Installed(dictionary) {
		return errors.New("what is installed is not told")
	}
	return nil
}

func dates(m com.Model) error {
	for _, wall := range []time.Time{
		time.Date(2026, time.November, 26, 0, 0, 0, 0, time.UTC), time.Date(2026, time.May, 12, 14, 30, 0, 0, time.UTC), time.Date(2027, time.January, 1, 23, 59, 0, 0, time.UTC),
	} {
		text, err := m.DateText(wall)
		if err != nil {
			return err
		}
		fmt.Printf("%s is written %q\n", wall.Format(time.DateTime), text)
	}
	return nil
}

func programs(m com.Model) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if !m.Runs(filepath.Base(exe)) || m.Runs("outlook.exe") {
		return errors.New("what runs is not told")
	}
	return nil
}

// threads uses many apartments, one after the other and at once: nothing is left of them.
func threads() error {
	use := func(m com.Model) error {
		for range 20 {
			o, err := m.Create(dictionary)
			if err != nil {
				return err
			}
			if _, err := o.Call("Add", "some text to be freed", "and some more"); err != nil {
				return err
			}
		}
		return nil
	}
	count := func() int {
		all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
		if err != nil {
			return -1
		}
		defer func() { _ = windows.CloseHandle(all) }()
		n := 0
		t := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
		for err = windows.Thread32First(all, &t); err == nil; err = windows.Thread32Next(all, &t) {
			if t.OwnerProcessID == windows.GetCurrentProcessId() {
				n++
			}
		}
		return n
	}
	before := count()
	for range 200 {
		if err := com.Local.Do(use); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	failed := make([]error, 16)
	for i := range failed {
		all.Go(func() { failed[i] = com.Local.Do(use) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	time.Sleep(time.Second)
	after := count()
	fmt.Printf("%d threads before, %d after 216 apartments\n", before, after)
	if before < 1 || after > before+30 {
		return errors.New("threads are left")
	}
	return nil
}

// watch checks what is told of both programs.
func watch(want ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var got []string
	localcal.Watch(ctx, localcal.Config{}, func(r localcal.Reading) error {
		if got = append(got, r.String()); len(got) == len(want) {
			cancel()
		}
		return nil
	})
	if !slices.Equal(got, want) {
		return fmt.Errorf("told %q, want %q", got, want)
	}
	return nil
}

const (
	outlookID   = "{0006F03A-0000-0000-C000-000000000046}"
	notesAbsent = "Notes: Notes is not installed"
)

const classKey = `Software\Classes\Outlook.Application`

// forget takes the class of Outlook out of the registry.
func forget() {
	_ = registry.DeleteKey(registry.LOCAL_MACHINE, classKey+`\CLSID`)
	_ = registry.DeleteKey(registry.LOCAL_MACHINE, classKey)
}

// closed registers the class of Outlook, with no program behind it.
func closed() error {
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, classKey+`\CLSID`, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer func() { _ = k.Close() }()
	if err := k.SetStringValue("", outlookID); err != nil {
		return err
	}
	return watch("Outlook: Outlook does not run; its calendar is read when it does", notesAbsent)
}

// active has an Outlook that runs. It is not much of one: it knows nothing of calendars.
func active() error {
	return outlook(func(answer func()) error {
		answer()
		return watch(noCalendar, notesAbsent)
	})
}

const noCalendar = "Outlook: the calendar of Outlook cannot be read: GetNamespace: it does not know the name (0x80020006)"

// hanging has an Outlook that does not answer for some time.
func hanging() error {
	return outlook(func(answer func()) error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		again, told := make(chan struct{}), make(chan string, 10)
		var watching sync.WaitGroup
		defer watching.Wait()
		defer cancel()
		watching.Go(func() {
			localcal.Watch(ctx, localcal.Config{Again: again, Programs: []localcal.Program{localcal.Outlook{}}}, func(r localcal.Reading) error {
				told <- r.String()
				return nil
			})
		})
		began := time.Now()
		for _, want := range []string{"Outlook: Outlook does not answer since ", noCalendar} {
			select {
			case got := <-told:
				fmt.Printf("after %v: %s\n", time.Since(began).Round(time.Second), got)
				if !strings.HasPrefix(got, want) {
					return fmt.Errorf("told %q, want %q", got, want)
				}
			case <-ctx.Done():
				return fmt.Errorf("nothing is told, want %q", want)
			}
			if want != noCalendar {
				answer()
				time.Sleep(time.Second)
				again <- struct{}{}
			}
		}
		return nil
	})
}

// outlook registers an object as that of a running Outlook, in an apartment of its own, while f runs. It answers once answer is called.
func outlook(f func(answer func()) error) error {
	oleaut := windows.NewLazySystemDLL("oleaut32.dll")
	ready, over, ended, answering := make(chan error, 1), make(chan struct{}), make(chan struct{}), make(chan struct{})
	answer := sync.OnceFunc(func() { close(answering) })
	register := func() (revoke func(), err error) {
		id, err := ole.CLSIDFromString(outlookID)
		if err != nil {
			return nil, err
		}
		class, err := ole.CLSIDFromProgID(dictionary)
		if err != nil {
			return nil, err
		}
		o, err := ole.CreateInstance(class, nil)
		if err != nil {
			return nil, err
		}
		var ticket uint32
		hr, _, _ := oleaut.NewProc("RegisterActiveObject").Call(uintptr(unsafe.Pointer(o)), uintptr(unsafe.Pointer(id)), 0, uintptr(unsafe.Pointer(&ticket)))
		if hr != 0 {
			o.Release()
			return nil, ole.NewError(hr)
		}
		return func() {
			_, _, _ = oleaut.NewProc("RevokeActiveObject").Call(uintptr(ticket), 0)
			o.Release()
		}, nil
	}
	go func() {
		defer close(ended)
		_ = com.Local.Do(func(com.Model) error {
			revoke, err := register()
			ready <- err
			if err != nil {
				return err
			}
			defer revoke()
			<-answering
			pump(over)
			return nil
		})
	}()
	if err := <-ready; err != nil {
		return err
	}
	err := f(answer)
	answer()
	close(over)
	<-ended
	return err
}

// pump deals with what other apartments ask of this one.
func pump(over <-chan struct{}) {
	user := windows.NewLazySystemDLL("user32.dll")
	peek, dispatch := user.NewProc("PeekMessageW"), user.NewProc("DispatchMessageW")
	for {
		var msg [48]byte
		if got, _, _ := peek.Call(uintptr(unsafe.Pointer(&msg)), 0, 0, 0, 1); got != 0 {
			_, _, _ = dispatch.Call(uintptr(unsafe.Pointer(&msg)))
			continue
		}
		select {
		case <-over:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
