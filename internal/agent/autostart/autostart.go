// Package autostart has the desktop client start with its owner's session: by an entry of the freedesktop.org kind on Linux, by the registry on Windows, by a
// launch agent on macOS. It enters it for one user, who needs no special rights for it; packages do it for all.
package autostart

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Program is what is started. Path is absolute.
type Program struct {
	Path string
	Args []string
}

// Session is somebody's desktop session. The zero value is that of the user who runs this program.
type Session struct {
	Home string // of the user; empty: as the system says. It matters on Linux and macOS only.

	os      string   // empty: runtime.GOOS
	systems []string // folders of the administrator's settings; nil: as XDG_CONFIG_DIRS says
}

// ErrForAll is returned where only an administrator, or the system's own settings, can have the client not start.
var ErrForAll = errors.New("an administrator has the client start for everybody; you can switch it off for yourself in the settings of Windows, under Apps › Startup")

// ErrUnknown is returned on systems on which no way is known.
var ErrUnknown = errors.New("how programs start with the session is not known on this system")

const (
	desktopName = "doorlight-agent.desktop"
	launchLabel = "com.doorlight.agent"
	hidden      = "Hidden=true"
)

func (s Session) goos() string {
	if s.os == "" {
		return runtime.GOOS
	}
	return s.os
}

// file is where the entry is.
func (s Session) file() (string, error) {
	home := s.Home
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", err
		}
	}
	switch s.goos() {
	case "linux":
		config := filepath.Join(home, ".config")
		if x := os.Getenv("XDG_CONFIG_HOME"); s.Home == "" && filepath.IsAbs(x) {
			config = x
		}
		return filepath.Join(config, "autostart", desktopName), nil
	case "darwin":
		return filepath.Join(home, "Library", "LaunchAgents", launchLabel+".plist"), nil
	}
	return "", ErrUnknown
}

// forAll returns the entry with which a package starts the client for everybody; empty: there is none.
func (s Session) forAll() string {
	if s.goos() != "linux" {
		return ""
	}
	folders := s.systems
	if folders == nil {
		folders = filepath.SplitList(os.Getenv("XDG_CONFIG_DIRS"))
		if len(folders) == 0 {
			folders = []string{"/etc/xdg"}
		}
	}
	for _, dir := range folders {
		path := filepath.Join(dir, "autostart", desktopName)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// Install has the program start with the session from the next time on, and returns where that is entered. What was entered before is replaced.
func (s Session) Install(p Program) (where string, err error) {
	if !filepath.IsAbs(p.Path) {
		return "", fmt.Errorf("%q is no absolute path of a program", p.Path)
	}
	for _, x := range append([]string{p.Path}, p.Args...) {
		if strings.ContainsAny(x, "\n\r\x00") {
			return "", fmt.Errorf("%q cannot be entered: it holds the end of a line", x)
		}
	}
	if s.goos() == "windows" {
		return registryPlace, setRun(append([]string{p.Path}, p.Args...))
	}
	where, err = s.file()
	if err != nil {
		return "", err
	}
	text := desktopEntry(p)
	if s.goos() == "darwin" {
		text = launchAgent(p)
	}
	return where, write(where, text)
}

// Remove has nothing start any more, and returns where that was entered. was is false if nothing did. Where a package starts the client for everybody, it
// is switched off for this user.
func (s Session) Remove() (where string, was bool, err error) {
	if s.goos() == "windows" {
		if was, err = removeRun(); err != nil {
			return registryPlace, was, err
		}
		if where, found, err := findRun(); found || err != nil {
			return where, was, cmp.Or(err, ErrForAll)
		}
		return registryPlace, was, nil
	}
	where, was, err = s.Find()
	if err != nil || !was {
		return where, was, err
	}
	own, err := s.file()
	if err != nil {
		return "", false, err
	}
	if s.forAll() != "" { // Desktop Application Autostart Specification, "Autostart directories": a file of the same name and Hidden
		return own, true, write(own, "[Desktop Entry]\nType=Application\nName=Doorlight\nExec=doorlight-agent\n"+hidden+"\n")
	}
	return own, true, os.Remove(own)
}

// Find returns where it is entered that the client starts with the session; found is false if it is not.
func (s Session) Find() (where string, found bool, err error) {
	if s.goos() == "windows" {
		return findRun()
	}
	if where, err = s.file(); err != nil {
		return "", false, err
	}
	text, err := os.ReadFile(where)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if all := s.forAll(); all != "" {
			return all, true, nil
		}
		return where, false, nil
	case err != nil:
		return where, false, err
	}
	return where, s.goos() != "linux" || !slices.Contains(strings.Split(string(text), "\n"), hidden), nil
}

// write writes a file whole or not at all.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// desktopEntry is an entry of the Desktop Application Autostart Specification.
func desktopEntry(p Program) string {
	words := []string{quote(p.Path)}
	for _, a := range p.Args {
		words = append(words, quote(a))
	}
	return `[Desktop Entry]
Type=Application
Name=Doorlight
Comment=Shows your presence and tells the server whether this computer is used
Comment[de]=Zeigt Ihre Präsenz und sagt dem Server, ob dieser Computer benutzt wird
Exec=` + strings.Join(words, " ") + `
Icon=doorlight-agent
Terminal=false
StartupNotify=false
NoDisplay=true
X-GNOME-Autostart-enabled=true
`
}

// quote quotes a word of Exec (Desktop Entry Specification, "The Exec key"): within double quotes a backslash goes before ", `, $ and itself, % is doubled, and
// as the whole is a string, each backslash is doubled once more.
func quote(word string) string {
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, `%`, `%%`).Replace(word)
	return `"` + strings.ReplaceAll(word, `\`, `\\`) + `"`
}

// launchAgent is a property list of launchd (launchd.plist(5)). A client that ends badly is started again, one that was quit is not.
func launchAgent(p Program) string {
	var b strings.Builder
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + launchLabel + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, word := range append([]string{p.Path}, p.Args...) {
		var text bytes.Buffer
		xml.EscapeText(&text, []byte(word))
		b.WriteString("\t\t<string>" + text.String() + "</string>\n")
	}
	b.WriteString(`	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ProcessType</key>
	<string>Interactive</string>
</dict>
</plist>
`)
	return b.String()
}
