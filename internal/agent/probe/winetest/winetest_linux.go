// Package winetest runs programs built for Windows under Wine, for tests: in a Windows of the test's own, on an X server of its own, of which nothing
// is left when the test ends. The programs must be installed (scripts/tools); without them tests fail. What Wine does not do as Windows does, tests
// under it cannot show.
package winetest

import (
	"bytes"
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
)

// patience is how long one of Wine's own programs may take.
const patience = 3 * time.Minute

//go:embed stub/bcryptprimitives.c
var primitives []byte

// Prefix is a Windows, a 64 bit Windows 10.
type Prefix struct {
	Display *probetest.Display // where its windows are

	t   testing.TB
	dir string
}

// New makes a Windows; that takes several seconds. It is ended with the test, and with it whatever runs in it.
func New(t testing.TB) *Prefix {
	t.Helper()
	p := &Prefix{t: t, dir: probetest.Folder(t), Display: probetest.NewDisplay(t)}
	t.Cleanup(p.end)
	p.run("wineboot", "--init")
	p.run("winecfg", "-v", "win10")
	source := filepath.Join(p.dir, "bcryptprimitives.c")
	if err := os.WriteFile(source, primitives, 0o600); err != nil {
		t.Fatal(err)
	}
	p.run("x86_64-w64-mingw32-gcc-win32", "-shared", "-Os", "-s", "-o", p.Drive("windows/system32/bcryptprimitives.dll"), source, "-ladvapi32")
	return p
}

// Drive returns where a file of the drive C: is: "Program Files/Zoom/Zoom.exe".
func (p *Prefix) Drive(file string) string {
	return filepath.Join(p.dir, "prefix", "drive_c", filepath.FromSlash(file))
}

// Build builds a package of this module for Windows into a file of the drive C:, and returns where that is, for Command.
func (p *Prefix) Build(pkg, out string) string {
	p.t.Helper()
	file := p.Drive(out)
	cmd := exec.CommandContext(p.t.Context(), "go", "build", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("build %s for Windows: %v\n%s", pkg, err, said)
	}
	return file
}

// Copy copies a file of the drive C: to another, and returns where that is: a program is called as its file is.
func (p *Prefix) Copy(file, to string) string {
	p.t.Helper()
	to = p.Drive(to)
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, data, 0o600) // Wine asks for no right to run it
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return to
}

// Command returns a command that runs a program of Windows, not started yet: a file that Build has returned, or one that Windows finds. Its environment
// is Wine's alone. Windows' programs know no signals: when ctx ends it is killed. Wine's own programs may inherit its output and keep it open: a pipe may
// not end with the program, and Wait may return exec.ErrWaitDelay.
func (p *Prefix) Command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	return p.command(ctx, "wine", append([]string{exe}, args...)...)
}

// Import writes to Windows' registry what a .reg file says, without its first line: keys in brackets, each followed by its values.
func (p *Prefix) Import(reg string) {
	p.t.Helper()
	file := filepath.Join(p.dir, "import.reg")
	text := "Windows Registry Editor Version 5.00\r\n\r\n" + strings.ReplaceAll(reg, "\n", "\r\n") + "\r\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.run("wine", "reg", "import", file)
}

func (p *Prefix) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/bin", "LC_ALL=C.UTF-8", "HOME=" + p.dir, "DISPLAY=" + p.Display.Name,
		"WINEPREFIX=" + filepath.Join(p.dir, "prefix"), "WINEARCH=win64", "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree,mshtml=", // else they offer to be downloaded
	}
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 10 * time.Second // Wine's own programs may have inherited the output
	return cmd
}

// run runs a program to its end.
func (p *Prefix) run(name string, args ...string) {
	p.t.Helper()
	if err := p.try(name, args...); err != "" {
		p.t.Fatal(err)
	}
}

// try runs a program to its end, and says how it failed. What it says goes to a file: Wine's own programs go on in the background.
func (p *Prefix) try(name string, args ...string) (failed string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said, err := os.CreateTemp(p.dir, "said")
	if err != nil {
		return err.Error()
	}
	defer said.Close()
	cmd := p.command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return strings.TrimSpace(name + " " + strings.Join(args, " ") + ": " + err.Error() + " (scripts/tools installs what is missing)\n" + string(text))
	}
	return ""
}

// end ends whatever runs in this Windows, and waits until nothing is left.
func (p *Prefix) end() {
	p.try("wineserver", "--kill") // it says so if none runs
	p.try("wineserver", "--wait")
	var left []string
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if left = p.processes(); len(left) == 0 {
			return
		}
	}
	p.t.Errorf("left running in Wine: %s", strings.Join(left, ", "))
}

// processes returns the processes that run in this Windows.
func (p *Prefix) processes() (all []string) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range environments {
		env, err := os.ReadFile(file)
		if err == nil && bytes.Contains(env, []byte("WINEPREFIX="+filepath.Join(p.dir, "prefix")+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			all = append(all, filepath.Base(filepath.Dir(file))+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return all
}
