// Command comtest is run under Wine, whose objects are those of Windows as far as they go: it tries package com with them, and looks for Outlook and
// Notes, which are not there. It says on one line each what it has seen, and ends with 1 if something is not as it should be.
//
// It writes to the registry that Outlook is installed, so it refuses to run on a real Windows.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "comtest:", err)
		os.Exit(1)
	}
	fmt.Println("all as it should be")
}
