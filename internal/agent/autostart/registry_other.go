//go:build !windows

package autostart

// There is no registry elsewhere.
const registryPlace = ""

func setRun([]string) error    { return ErrUnknown }
func removeRun() (bool, error) { return false, ErrUnknown }
func findRun() (bool, error)   { return false, ErrUnknown }
