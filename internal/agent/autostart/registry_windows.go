package autostart

import (
	"errors"
	"strings"
	"syscall"

	"golang.org/x/sys/windows/registry"
)

// Programs that start when a user signs in (Microsoft: "Run and RunOnce Registry Keys"). A package may enter the same under HKEY_LOCAL_MACHINE.
const (
	runKey        = `Software\Microsoft\Windows\CurrentVersion\Run`
	runName       = "Doorlight"
	registryPlace = `HKEY_CURRENT_USER\` + runKey

	registryForAll = `HKEY_LOCAL_MACHINE\` + runKey
)

func setRun(words []string) error {
	for i, w := range words {
		words[i] = syscall.EscapeArg(w)
	}
	if !strings.HasPrefix(words[0], `"`) {
		words[0] = `"` + words[0] + `"`
	}
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	return errors.Join(k.SetStringValue(runName, strings.Join(words, " ")), k.Close())
}

func removeRun() (was bool, err error) {
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer k.Close()
	err = k.DeleteValue(runName)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// findRun returns where it is entered; for everybody after for the user.
func findRun() (where string, found bool, err error) {
	for _, root := range []struct {
		key  registry.Key
		name string
	}{{registry.CURRENT_USER, registryPlace}, {registry.LOCAL_MACHINE, registryForAll}} {
		k, err := registry.OpenKey(root.key, runKey, registry.QUERY_VALUE)
		if errors.Is(err, registry.ErrNotExist) {
			continue
		}
		if err != nil {
			return root.name, false, err
		}
		_, _, err = k.GetStringValue(runName)
		k.Close()
		if err == nil {
			return root.name, true, nil
		}
		if !errors.Is(err, registry.ErrNotExist) {
			return root.name, false, err
		}
	}
	return registryPlace, false, nil
}
