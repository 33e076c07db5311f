package com_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/winetest"
)

// Real COM, with other objects than Outlook's: what comtest has seen is in its output.
func TestObjectsOfWindows(t *testing.T) {
	t.Parallel()
	p := winetest.New(t)
	run := func(exe string, args ...string) (string, error) {
		out, err := os.Create(filepath.Join(t.TempDir(), "said")) // a file, as Wine's own programs may inherit it
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd := p.Command(t.Context(), exe, args...)
		cmd.Stdout, cmd.Stderr = out, out
		err = cmd.Run()
		said, _ := os.ReadFile(out.Name())
		return strings.TrimSpace(string(said)), err
	}
	// The service that keeps the table of running objects starts when Wine is done with its others.
	for until := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		said, err := run("net", "start", "RpcSs")
		t.Log(said, err)
		if strings.Contains(said, "already running") || strings.Contains(said, "success") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("Wine does not start RpcSs: %s, %v", said, err)
		}
	}
	said, err := run(p.Build("github.com/doorlight/doorlight/internal/agent/localcal/com/comtest", "comtest.exe"))
	t.Logf("it says\n%s", said)
	if err != nil || !strings.HasSuffix(said, "all as it should be") {
		t.Errorf("it ends with %v", err)
	}
}
