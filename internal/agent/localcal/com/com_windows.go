package com

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	ole "github.com/go-ole/go-ole"
	"golang.org/x/sys/windows"
)

// Local is this computer.
var Local System = apartments{}

// apartments gives each function a thread of its own, in a single-threaded apartment, which is what the programs are written for. The apartment
// is there for one function only: a thread that waits in one between two readings would have to deal with window messages, or hold up every
// program that sends them to all.
type apartments struct{}

func (apartments) Do(f func(Model) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- inApartment(f)
	}()
	return <-done
}

const (
	sOK    = 0
	sFalse = 1 // the thread is in an apartment of the kind already
)

func inApartment(f func(Model) error) error {
	if err := ole.CoInitializeEx(0, ole.COINIT_APARTMENTTHREADED); err != nil && code(err) != sFalse {
		return fail("COM", err)
	}
	defer ole.CoUninitialize()
	m := &model{live: map[*object]bool{}}
	defer m.releaseAll()
	return f(m)
}

type model struct {
	live map[*object]bool // not released yet
}

func (m *model) releaseAll() {
	for o := range m.live {
		o.Release()
	}
}

func (m *model) Installed(class string) bool {
	_, err := ole.CLSIDFromProgID(class)
	return err == nil
}

func (m *model) Active(class string) (Object, error) {
	id, err := ole.CLSIDFromProgID(class)
	if err != nil {
		return nil, fail(class, err)
	}
	unknown, err := ole.GetActiveObject(id, ole.IID_IUnknown)
	if err != nil {
		return nil, fail(class, err)
	}
	return m.dispatch(class, unknown)
}

func (m *model) Create(class string) (Object, error) {
	id, err := ole.CLSIDFromProgID(class)
	if err != nil {
		return nil, fail(class, err)
	}
	unknown, err := ole.CreateInstance(id, ole.IID_IUnknown)
	if err != nil {
		return nil, fail(class, err)
	}
	return m.dispatch(class, unknown)
}

// dispatch takes over an object that may be known by its names.
func (m *model) dispatch(op string, unknown *ole.IUnknown) (Object, error) {
	defer unknown.Release()
	d, err := unknown.QueryInterface(ole.IID_IDispatch)
	if err != nil {
		return nil, fail(op, err)
	}
	return m.own(d), nil
}

func (m *model) own(d *ole.IDispatch) *object {
	o := &object{model: m, d: d, ids: map[string]int32{}}
	m.live[o] = true
	return o
}

type object struct {
	model *model
	d     *ole.IDispatch // nil: released
	ids   map[string]int32
}

func (o *object) Release() {
	if o.d == nil {
		return
	}
	delete(o.model.live, o)
	o.d.Release()
	o.d = nil
}

// Get asks as scripts do, which do not know either what is a property and what a method without arguments: some programs take one for the other.
func (o *object) Get(name string, args ...any) (any, error) {
	return o.invoke(name, ole.DISPATCH_PROPERTYGET|ole.DISPATCH_METHOD, args)
}

func (o *object) Call(name string, args ...any) (any, error) { return o.Get(name, args...) }

func (o *object) Set(name string, value any) error {
	_, err := o.invoke(name, ole.DISPATCH_PROPERTYPUT, []any{value})
	return err
}

func (o *object) invoke(name string, how int16, args []any) (any, error) {
	if o.d == nil {
		return nil, fmt.Errorf("%s: of an object that was given back", name)
	}
	params := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case bool, int, string, float64:
			params[i] = a
		case int64:
			if a != int64(int32(a)) { // the objects of our programs know no larger ones
				return nil, fmt.Errorf("%s: %d is too large", name, a)
			}
			params[i] = int32(a)
		case *object:
			if a.d == nil {
				return nil, fmt.Errorf("%s: with an object that was given back", name)
			}
			params[i] = a.d
		default:
			return nil, fmt.Errorf("%s: an argument cannot be a %T", name, a)
		}
	}
	id, known := o.ids[name]
	if !known {
		var err error
		if id, err = o.d.GetSingleIDOfName(name); err != nil {
			return nil, fail(name, err)
		}
		o.ids[name] = id
	}
	v, err := o.d.Invoke(id, how, params...)
	if err != nil {
		return nil, fail(name, err)
	}
	return o.model.take(name, v)
}

// take makes a value of a variant, which is empty after that: objects pass to the model, everything else is copied and freed.
func (m *model) take(name string, v *ole.VARIANT) (any, error) {
	switch v.VT {
	case ole.VT_DISPATCH:
		if d := v.ToIDispatch(); d != nil {
			return m.own(d), nil
		}
		return nil, nil
	case ole.VT_UNKNOWN:
		if u := v.ToIUnknown(); u != nil {
			return m.dispatch(name, u)
		}
		return nil, nil
	}
	defer func() { _ = v.Clear() }()
	if v.VT == ole.VT_ARRAY|ole.VT_VARIANT {
		return m.list(name, v)
	}
	switch v.VT {
	case ole.VT_EMPTY, ole.VT_NULL:
		return nil, nil
	case ole.VT_BOOL:
		return int16(v.Val) != 0, nil
	case ole.VT_I1:
		return int64(int8(v.Val)), nil
	case ole.VT_I2:
		return int64(int16(v.Val)), nil
	case ole.VT_I4, ole.VT_INT:
		return int64(int32(v.Val)), nil
	case ole.VT_I8:
		return v.Val, nil
	case ole.VT_UI1:
		return int64(uint8(v.Val)), nil
	case ole.VT_UI2:
		return int64(uint16(v.Val)), nil
	case ole.VT_UI4, ole.VT_UINT:
		return int64(uint32(v.Val)), nil
	case ole.VT_R4:
		return float64(math.Float32frombits(uint32(v.Val))), nil
	case ole.VT_R8:
		return math.Float64frombits(uint64(v.Val)), nil
	case ole.VT_BSTR:
		return v.ToString(), nil
	case ole.VT_DATE:
		// go-ole's own conversion loses what is less than a second, and rounds down: 9:00 may become 8:59:59
		if wall, ok := Date(math.Float64frombits(uint64(v.Val))); ok {
			return wall, nil
		}
		return nil, fmt.Errorf("%s: a date that is none", name)
	}
	return nil, fmt.Errorf("%s: a value of the kind %d cannot be read", name, v.VT)
}

var (
	oleaut                 = windows.NewLazySystemDLL("oleaut32.dll")
	procSafeArrayGetDim    = oleaut.NewProc("SafeArrayGetDim")
	procSafeArrayGetLBound = oleaut.NewProc("SafeArrayGetLBound")
	procSafeArrayGetUBound = oleaut.NewProc("SafeArrayGetUBound")
	procSafeArrayGetElem   = oleaut.NewProc("SafeArrayGetElement")
	procVarDateFromStr     = oleaut.NewProc("VarDateFromStr")
	kernel                 = windows.NewLazySystemDLL("kernel32.dll")
	procGetDateFormat      = kernel.NewProc("GetDateFormatW")
	procGetTimeFormat      = kernel.NewProc("GetTimeFormatW")
)

// list copies an array of variants. It is not left to go-ole, which frees the objects in it and returns them.
func (m *model) list(name string, v *ole.VARIANT) ([]any, error) {
	array := uintptr(v.Val)
	if array == 0 {
		return []any{}, nil
	}
	if n, _, _ := procSafeArrayGetDim.Call(array); n != 1 {
		return nil, fmt.Errorf("%s: a list with %d dimensions", name, n)
	}
	var low, high int32
	if hr, _, _ := procSafeArrayGetLBound.Call(array, 1, uintptr(unsafe.Pointer(&low))); hr != sOK {
		return nil, fail(name, ole.NewError(hr))
	}
	if hr, _, _ := procSafeArrayGetUBound.Call(array, 1, uintptr(unsafe.Pointer(&high))); hr != sOK {
		return nil, fail(name, ole.NewError(hr))
	}
	all := []any{}
	for i := low; i <= high; i++ {
		var e ole.VARIANT
		if hr, _, _ := procSafeArrayGetElem.Call(array, uintptr(unsafe.Pointer(&i)), uintptr(unsafe.Pointer(&e))); hr != sOK {
			return nil, fail(name, ole.NewError(hr))
		}
		one, err := m.take(name, &e)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// DateText asks Windows for both parts, and has them read again as programs read such texts: whatever the settings are, what is not read as the
// day that was meant is an error instead of another day.
func (m *model) DateText(wall time.Time) (string, error) {
	const (
		userDefault = 0x400 // LOCALE_USER_DEFAULT
		shortDate   = 1     // DATE_SHORTDATE
		noSeconds   = 2     // TIME_NOSECONDS
	)
	st := windows.Systemtime{Year: uint16(wall.Year()), Month: uint16(wall.Month()), Day: uint16(wall.Day()), DayOfWeek: uint16(wall.Weekday()),
		Hour: uint16(wall.Hour()), Minute: uint16(wall.Minute())}
	var parts []string
	for _, p := range []struct {
		proc  *windows.LazyProc
		flags uintptr
	}{{procGetDateFormat, shortDate}, {procGetTimeFormat, noSeconds}} {
		var buf [128]uint16
		n, _, err := p.proc.Call(userDefault, p.flags, uintptr(unsafe.Pointer(&st)), 0, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
		if n == 0 {
			return "", fmt.Errorf("the regional settings give no text for a date: %w", err)
		}
		parts = append(parts, windows.UTF16ToString(buf[:]))
	}
	text := strings.Join(parts, " ")
	wide, err := windows.UTF16PtrFromString(text)
	if err != nil {
		return "", errors.New("the regional settings give a text for a date that is none")
	}
	var days float64
	hr, _, _ := procVarDateFromStr.Call(uintptr(unsafe.Pointer(wide)), userDefault, 0, uintptr(unsafe.Pointer(&days)))
	back, ok := Date(days)
	if hr != sOK || !ok || !back.Equal(wall.Truncate(time.Minute)) {
		return "", fmt.Errorf("the regional settings write dates as %q, which programs do not read as the same date", text)
	}
	return text, nil
}

func (m *model) Runs(file string) bool {
	var mine uint32
	if windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &mine) != nil {
		return false
	}
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return false
	}
	defer func() { _ = windows.CloseHandle(all) }()
	p := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &p); err == nil; err = windows.Process32Next(all, &p) {
		var session uint32
		if strings.EqualFold(windows.UTF16ToString(p.ExeFile[:]), file) && windows.ProcessIdToSessionId(p.ProcessID, &session) == nil && session == mine {
			return true
		}
	}
	return false
}

func code(err error) uint32 {
	var e *ole.OleError
	var errno syscall.Errno
	switch {
	case errors.As(err, &e):
		return uint32(e.Code())
	case errors.As(err, &errno):
		return uint32(errno)
	}
	return 0
}

func fail(op string, err error) error { return &Error{Op: op, Code: code(err)} }
