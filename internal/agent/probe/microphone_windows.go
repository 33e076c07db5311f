package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const (
	// Windows 10 1903 and later keep there who uses the microphone, and since when; the settings show it. The same below HKEY_LOCAL_MACHINE is of
	// services, which are nobody's programs: it is not read.
	consentPath    = `Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone`
	consentDesktop = "NonPackaged" // below it the programs that are no packages

	consentWay = "Windows, by its record of who uses the microphone"

	// A program that ends without a word changes nothing in the record: its process is looked for while it records.
	lookAgain = 5 * time.Second
)

var getPackageFamilyName = kernel32.NewProc("GetPackageFamilyName")

// watchRecorders reads Windows' record of who uses the microphone whenever it changes.
func watchRecorders(ctx context.Context, c Config, say func(recorders)) error {
	key, err := registry.OpenKey(registry.CURRENT_USER, consentPath, registry.READ)
	if errors.Is(err, registry.ErrNotExist) {
		return errors.New("this Windows keeps no record of who uses the microphone (Windows 10 1903 and later do)")
	}
	if err != nil {
		return fmt.Errorf("the record of who uses the microphone cannot be read: %w", err)
	}
	defer key.Close()
	changed, err := windows.CreateEvent(nil, 0, 0, nil) // resets itself
	if err != nil {
		return err
	}
	defer windows.CloseHandle(changed)
	over, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(over)
	set := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(set); windows.SetEvent(over) })
	defer func() {
		if !stop() {
			<-set // before the event is closed
		}
	}()
	for {
		// Asked for before the record is read, so that no change is missed. It is for one change, and for this key: of one that is made anew it tells
		// nothing, but then the key is deleted, which it does tell.
		const what = windows.REG_NOTIFY_CHANGE_NAME | windows.REG_NOTIFY_CHANGE_LAST_SET | windows.REG_NOTIFY_THREAD_AGNOSTIC
		if err := windows.RegNotifyChangeKeyValue(windows.Handle(key), true, what, changed, true); err != nil {
			return fmt.Errorf("Windows does not tell of changes of the record: %w", err)
		}
		rows, err := readConsents(key)
		if err != nil {
			return fmt.Errorf("the record of who uses the microphone cannot be read: %w", err)
		}
		var names []string
		if len(rows) > 0 {
			processes, err := winProcesses()
			if err != nil {
				return fmt.Errorf("which programs run cannot be read: %w", err)
			}
			names = consented(rows, processes)
		}
		say(recorders{names: names, way: consentWay})
		for changedYet := false; !changedYet; {
			wait := uint32(windows.INFINITE)
			if len(names) > 0 {
				wait = uint32(lookAgain.Milliseconds())
			}
			switch got, err := windows.WaitForMultipleObjects([]windows.Handle{over, changed}, false, wait); {
			case err != nil:
				return err
			case got == windows.WAIT_OBJECT_0:
				return context.Cause(ctx)
			case got == uint32(windows.WAIT_TIMEOUT):
				processes, err := winProcesses()
				if err != nil {
					return fmt.Errorf("which programs run cannot be read: %w", err)
				}
				names = consented(rows, processes)
				say(recorders{names: names, way: consentWay})
			default:
				changedYet = true
			}
		}
		if !pause(ctx, recordPause) { // beginning and end are several changes
			return context.Cause(ctx)
		}
	}
}

// recordPause collects what changes together.
const recordPause = 100 * time.Millisecond

// readConsents returns the rows of programs that record, as far as the record says. A row that cannot be read is left out.
func readConsents(microphone registry.Key) (rows []consent, err error) {
	read := func(in registry.Key, packaged bool) error {
		names, err := in.ReadSubKeyNames(-1)
		if err != nil {
			return err
		}
		for _, name := range names {
			if packaged && name == consentDesktop {
				continue
			}
			start, ok := openUse(in, name)
			if ok {
				rows = append(rows, consent{name, packaged, start})
			}
		}
		return nil
	}
	if err := read(microphone, true); err != nil {
		return nil, err
	}
	desktop, err := registry.OpenKey(microphone, consentDesktop, registry.READ)
	if errors.Is(err, registry.ErrNotExist) {
		return rows, nil
	}
	if err != nil {
		return nil, err
	}
	defer desktop.Close()
	return rows, read(desktop, false)
}

// openUse returns when a program's use of the microphone began, if it has not ended.
func openUse(in registry.Key, name string) (start time.Time, ok bool) {
	key, err := registry.OpenKey(in, name, registry.QUERY_VALUE)
	if err != nil {
		return time.Time{}, false
	}
	defer key.Close()
	began, _, err := key.GetIntegerValue("LastUsedTimeStart")
	if err != nil || began == 0 {
		return time.Time{}, false
	}
	ended, _, err := key.GetIntegerValue("LastUsedTimeStop")
	if err != nil || ended != 0 {
		return time.Time{}, false
	}
	return fileTime(began), true
}

// winProcesses returns the processes that run, of every session.
func winProcesses() ([]winProcess, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(snapshot)
	var all []winProcess
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		p := winProcess{path: windows.UTF16ToString(entry.ExeFile[:])}
		if process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, entry.ProcessID); err == nil {
			p.look(process)
			windows.CloseHandle(process)
		}
		all = append(all, p)
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return all, nil
}

// look fills in what a process tells.
func (p *winProcess) look(process windows.Handle) {
	path := make([]uint16, windows.MAX_LONG_PATH)
	if n := uint32(len(path)); windows.QueryFullProcessImageName(process, 0, &path[0], &n) == nil {
		p.path = windows.UTF16ToString(path[:n])
	}
	var began, ended, kernel, user windows.Filetime
	if windows.GetProcessTimes(process, &began, &ended, &kernel, &user) == nil {
		p.began = fileTime(uint64(began.HighDateTime)<<32 | uint64(began.LowDateTime))
	}
	if getPackageFamilyName.Find() == nil {
		family := make([]uint16, 65) // PACKAGE_FAMILY_NAME_MAX_LENGTH and the end
		n := uint32(len(family))
		if status, _, _ := getPackageFamilyName.Call(uintptr(process), uintptr(unsafe.Pointer(&n)), uintptr(unsafe.Pointer(&family[0]))); status == 0 {
			p.family = windows.UTF16ToString(family)
		}
	}
	if p.family == "" {
		p.family = familyByFolder(p.path)
	}
}
