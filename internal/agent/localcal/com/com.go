// Package com reaches objects of other programs on Windows by their names, the way scripts do (COM automation, late binding): a property is
// read, a method is called. It knows nothing of any program; what it does know is what goes wrong with all of them, so that a caller can tell
// one that does not run from one that is busy.
//
// Programs are seen through interfaces, so that whoever uses them is tested with recorded objects on any system. On other systems than Windows
// there are no such programs.
package com

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Object is an object of another program.
//
// Values are nil, bool, int64, float64, string, time.Time, Object, or a list ([]any) of these. A time.Time is what a clock showed, in UTC: where
// the clock hung, only the property's documentation says. Objects that are returned belong to the caller, who releases them.
//
// An Object is used by the function that its Model was given to, and by no other goroutine. Every method may block for as long as the other
// program likes.
type Object interface {
	// Get reads a property.
	Get(name string, args ...any) (any, error)
	// Set writes a property.
	Set(name string, value any) error
	// Call calls a method.
	Call(name string, args ...any) (any, error)
	// Release gives the object back. It is not used after that; a second time does nothing.
	Release()
}

// Model is what there is on this computer.
type Model interface {
	// Installed reports whether a class is known, such as "Outlook.Application".
	Installed(class string) bool
	// Runs reports whether a program runs in the session of this one, by the name of its file, such as "outlook.exe".
	Runs(file string) bool
	// Active returns the object that a running program has registered for a class. It starts none: ErrNotRunning.
	Active(class string) (Object, error)
	// Create makes an object of a class. It starts the program that has the class, if that is one of its own and does not run.
	Create(class string) (Object, error)
	// DateText writes a day and the time on its clock, to the minute, as the person's regional settings want it.
	DateText(wall time.Time) (string, error)
}

// System runs functions where they may use a Model.
type System interface {
	// Do runs f, and returns what it returns when that is done. The model and all of its objects are gone then.
	Do(f func(Model) error) error
}

// What goes wrong with every program; errors.Is tells.
var (
	ErrUnsupported  = errors.New("only Windows has programs of this kind")
	ErrNotInstalled = errors.New("it is not installed")
	ErrNotRunning   = errors.New("it does not run")
	ErrBusy         = errors.New("it is busy, perhaps with a question on the screen")
	ErrGone         = errors.New("it was closed meanwhile")
	ErrDenied       = errors.New("it does not let this program in")
	ErrNoMember     = errors.New("it does not know the name")
)

// Error is an answer of Windows or of the other program. What the program says in words is left out: it may quote what it keeps.
type Error struct {
	Op   string // what was attempted: the class, the property or the method
	Code uint32 // HRESULT
}

// Error returns what was attempted, and why it did not go.
func (e *Error) Error() string {
	if kind := e.Unwrap(); kind != nil {
		return fmt.Sprintf("%s: %v (0x%08X)", e.Op, kind, e.Code)
	}
	return fmt.Sprintf("%s: error 0x%08X", e.Op, e.Code)
}

// Unwrap returns which of the errors above it is; nil if it is none of them.
func (e *Error) Unwrap() error { return kinds[e.Code] }

// kinds are codes of [MS-ERREF] 2.1 that mean the same whatever was attempted.
var kinds = map[uint32]error{
	0x80040154: ErrNotInstalled, // REGDB_E_CLASSNOTREG
	0x800401F3: ErrNotInstalled, // CO_E_CLASSSTRING
	0x800401E3: ErrNotRunning,   // MK_E_UNAVAILABLE
	0x80080005: ErrNotRunning,   // CO_E_SERVER_EXEC_FAILURE
	0x80010001: ErrBusy,         // RPC_E_CALL_REJECTED
	0x8001010A: ErrBusy,         // RPC_E_SERVERCALL_RETRYLATER
	0x8001010B: ErrBusy,         // RPC_E_SERVERCALL_REJECTED
	0x80010007: ErrGone,         // RPC_E_SERVER_DIED
	0x80010012: ErrGone,         // RPC_E_SERVER_DIED_DNE
	0x80010108: ErrGone,         // RPC_E_DISCONNECTED
	0x800401FD: ErrGone,         // CO_E_OBJNOTCONNECTED
	0x800706BA: ErrGone,         // RPC_S_SERVER_UNAVAILABLE
	0x800706BE: ErrGone,         // RPC_S_CALL_FAILED
	0x80070005: ErrDenied,       // E_ACCESSDENIED
	0x80004004: ErrDenied,       // E_ABORT: what Outlook says when its warning about other programs is answered by no
	0x80020003: ErrNoMember,     // DISP_E_MEMBERNOTFOUND
	0x80020006: ErrNoMember,     // DISP_E_UNKNOWNNAME
}

// Date returns what a clock showed by a date of OLE automation: days since 30 December 1899, of which the fraction is the time of day and always
// counts forwards, so that -1.25 is 29 December, 6:00 ([MS-OAUT] 2.2.25). Such dates are good for about a millionth of a second; they are
// rounded to the thousandth. ok is false for what is no date, and for years beyond 1 to 9999.
func Date(days float64) (wall time.Time, ok bool) {
	const first, last = -693593, 2958466 // 1 January of the years 1 and 10000
	if !(days > first-1 && days < last) {
		return time.Time{}, false
	}
	whole, part := math.Modf(days)
	ms := math.Round(math.Abs(part) * 86_400_000)
	wall = time.Date(1899, time.December, 30+int(whole), 0, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	return wall, wall.Year() >= 1 && wall.Year() <= 9999
}
