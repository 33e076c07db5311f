package probe

import (
	"fmt"
	"sync"

	"github.com/ebitengine/purego"
)

// The frameworks of macOS that tell, without a C compiler. Nothing here has been run on macOS: it is built, and written from Apple's headers.
const (
	coreGraphics   = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"
	coreFoundation = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation"
	coreAudio      = "/System/Library/Frameworks/CoreAudio.framework/CoreAudio"
	libSystem      = "/usr/lib/libSystem.B.dylib"
)

// load finds functions of a framework, each into the variable given for its name.
func load(framework string, functions map[string]any) error {
	library, err := purego.Dlopen(framework, purego.RTLD_LAZY|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("this macOS has no %s: %w", framework, err)
	}
	for name, into := range functions {
		symbol, err := purego.Dlsym(library, name)
		if err != nil {
			return fmt.Errorf("this macOS has no %s: %w", name, err)
		}
		purego.RegisterFunc(into, symbol)
	}
	return nil
}

// Of CoreGraphics and CoreFoundation. Those that return a reference by Copy or Create want it released.
var (
	secondsSinceLastEvent func(state int32, event uint32) float64 // CGEventSourceSecondsSinceLastEventType
	copySession           func() uintptr                          // CGSessionCopyCurrentDictionary
	dictionaryValue       func(dictionary, key uintptr) uintptr   // CFDictionaryGetValue
	createString          func(allocator uintptr, text string, encoding uint32) uintptr
	release               func(reference uintptr)
	typeOf                func(reference uintptr) uint
	booleanType           func() uint
	booleanValue          func(reference uintptr) bool
)

// loadDesktop finds the functions above, once.
var loadDesktop = sync.OnceValue(func() error {
	if err := load(coreGraphics, map[string]any{
		"CGEventSourceSecondsSinceLastEventType": &secondsSinceLastEvent, "CGSessionCopyCurrentDictionary": &copySession,
	}); err != nil {
		return err
	}
	return load(coreFoundation, map[string]any{
		"CFDictionaryGetValue": &dictionaryValue, "CFStringCreateWithCString": &createString, "CFRelease": &release,
		"CFGetTypeID": &typeOf, "CFBooleanGetTypeID": &booleanType, "CFBooleanGetValue": &booleanValue,
	})
})
