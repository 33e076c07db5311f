//go:build !windows

package main

import "errors"

func run() error { return errors.New("this is for Windows programs under Wine") }
