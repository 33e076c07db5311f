package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// askAudio is how often macOS is asked who records.
const askAudio = time.Second

// audioAddress is AudioObjectPropertyAddress.
type audioAddress struct{ selector, scope, element uint32 }

// AudioHardware.h, AudioHardwareBase.h; each four letters
const (
	audioSystem       = 1          // kAudioObjectSystemObject
	audioGlobal       = 0x676C6F62 // 'glob', kAudioObjectPropertyScopeGlobal
	audioProcesses    = 0x70727323 // 'prs#', kAudioHardwarePropertyProcessObjectList, macOS 14.2 and later
	audioProcessID    = 0x70706964 // 'ppid', kAudioProcessPropertyPID
	audioRunningInput = 0x70697269 // 'piri', kAudioProcessPropertyIsRunningInput
)

var (
	audioHas  func(object uint32, address *audioAddress) bool // AudioObjectHasProperty
	audioSize func(object uint32, address *audioAddress, qualifierSize uint32, qualifier uintptr, size *uint32) int32
	audioData func(object uint32, address *audioAddress, qualifierSize uint32, qualifier uintptr, size *uint32, into unsafe.Pointer) int32
	pidPath   func(pid int32, into *byte, size uint32) int32 // proc_pidpath
)

// loadAudio finds the functions above, once.
var loadAudio = sync.OnceValue(func() error {
	if err := load(coreAudio, map[string]any{
		"AudioObjectHasProperty": &audioHas, "AudioObjectGetPropertyDataSize": &audioSize, "AudioObjectGetPropertyData": &audioData,
	}); err != nil {
		return err
	}
	return load(libSystem, map[string]any{"proc_pidpath": &pidPath})
})

// watchRecorders asks CoreAudio which processes record. Not run on macOS yet.
func watchRecorders(ctx context.Context, _ Config, say func(recorders)) error {
	if err := loadAudio(); err != nil {
		return err
	}
	if !audioHas(audioSystem, &audioAddress{audioProcesses, audioGlobal, 0}) {
		return errors.New("macOS tells who records from version 14.2 on")
	}
	var told *recorders
	for {
		names, err := audioRecorders()
		if err != nil {
			return err
		}
		if r := (recorders{names: names, way: "macOS, by CoreAudio"}); told == nil || !slices.Equal(told.names, r.names) {
			told = &r
			say(r)
		}
		if !pause(ctx, askAudio) {
			return context.Cause(ctx)
		}
	}
}

// audioRecorders returns the names of the programs that record, sorted, each once. A process that ends meanwhile is left out.
func audioRecorders() (names []string, err error) {
	list := audioAddress{audioProcesses, audioGlobal, 0}
	var size uint32
	if status := audioSize(audioSystem, &list, 0, 0, &size); status != 0 {
		return nil, fmt.Errorf("CoreAudio does not tell its processes: status %d", status)
	}
	objects := make([]uint32, size/4+16) // some may come in between
	size = uint32(len(objects) * 4)
	if status := audioData(audioSystem, &list, 0, 0, &size, unsafe.Pointer(&objects[0])); status != 0 {
		return nil, fmt.Errorf("CoreAudio does not tell its processes: status %d", status)
	}
	for _, object := range objects[:min(int(size/4), len(objects))] {
		if running, ok := audioNumber(object, audioRunningInput); !ok || running == 0 {
			continue
		}
		pid, ok := audioNumber(object, audioProcessID)
		if !ok {
			continue
		}
		path := make([]byte, 4*1024) // PROC_PIDPATHINFO_MAXSIZE
		if n := pidPath(int32(pid), &path[0], uint32(len(path))); n > 0 {
			names = append(names, macName(string(path[:n])))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// audioNumber returns a property of four bytes.
func audioNumber(object, selector uint32) (n uint32, ok bool) {
	size := uint32(unsafe.Sizeof(n))
	status := audioData(object, &audioAddress{selector, audioGlobal, 0}, 0, 0, &size, unsafe.Pointer(&n))
	return n, status == 0 && size == uint32(unsafe.Sizeof(n))
}
