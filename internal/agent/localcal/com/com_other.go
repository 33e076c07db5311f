//go:build !windows

package com

// Local is this computer.
var Local System = nowhere{}

type nowhere struct{}

func (nowhere) Do(func(Model) error) error { return ErrUnsupported }
