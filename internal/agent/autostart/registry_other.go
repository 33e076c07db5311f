//go:build !windows

package autostart

// There is no registry elsewhere.
const registryPlace, registryForAll = "", ""

func setRun([]string) error          { return ErrUnknown }
func removeRun() (bool, error)       { return false, ErrUnknown }
func findRun() (string, bool, error) { return "", false, ErrUnknown }
