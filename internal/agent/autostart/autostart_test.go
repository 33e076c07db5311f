package autostart

import (
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// valid has the desktop's own program look at an entry.
func valid(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("desktop-file-validate", path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("desktop-file-validate (scripts/tools installs it): %v\n%s", err, out)
	}
}

// Somebody has the client start with their session, from wherever it is, and changes their mind.
func TestAUserEntersAndRemovesIt(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := Session{Home: home, os: "linux", systems: []string{filepath.Join(home, "etc")}}
	if _, found, err := s.Find(); found || err != nil {
		t.Fatalf("before: %v, %v", found, err)
	}
	if _, was, err := s.Remove(); was || err != nil {
		t.Fatalf("nothing is removed: %v, %v", was, err)
	}
	where, err := s.Install(Program{Path: "/opt/Door light/50%/doorlight", Args: []string{"agent", `--folder`, "/home/a$b/`c\"d\\e"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, ".config", "autostart", "doorlight-agent.desktop"); where != want {
		t.Errorf("it is entered in %s, want %s", where, want)
	}
	valid(t, where)
	text, err := os.ReadFile(where)
	if err != nil {
		t.Fatal(err)
	}
	// Desktop Entry Specification, "The Exec key": quoted, and the string escaped once more.
	if want := `Exec="/opt/Door light/50%%/doorlight" "agent" "--folder" "/home/a\\$b/` + "\\\\`" + `c\\"d\\\\e"` + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("the entry is\n%swant\n%s", text, want)
	}
	if again, found, err := s.Find(); !found || err != nil || again != where {
		t.Errorf("found is %v in %s, %v", found, again, err)
	}
	if _, err := s.Install(Program{Path: "/usr/bin/doorlight-agent"}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(where); !strings.Contains(string(text), "Exec=\"/usr/bin/doorlight-agent\"\n") {
		t.Errorf("entered again it is\n%s", text)
	}
	if _, was, err := s.Remove(); !was || err != nil {
		t.Errorf("removed: %v, %v", was, err)
	}
	if _, err := os.Stat(where); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// What a word of Exec says comes back when it is read as the specification says.
func TestWordsOfExecComeBack(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"/usr/bin/x", "a b", `a"b`, "a`b", "a$b", `a\b`, "100%", `\\`, `%%`, "ä 'ö'"} {
		q := quote(word)
		plain := strings.NewReplacer(`\\`, `\`, `\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(q) // of type string
		if !strings.HasPrefix(plain, `"`) || !strings.HasSuffix(plain, `"`) {
			t.Errorf("%q is %s", word, q)
			continue
		}
		plain = plain[1 : len(plain)-1]
		var got strings.Builder
		for i := 0; i < len(plain); i++ {
			if plain[i] == '\\' {
				i++
			} else if strings.IndexByte("\"`$", plain[i]) >= 0 {
				t.Errorf("%q has a %c in %s that is not escaped", word, plain[i], q)
			}
			got.WriteByte(plain[i])
		}
		if back := strings.ReplaceAll(got.String(), "%%", "%"); back != word {
			t.Errorf("%q is %s, which says %q", word, q, back)
		}
	}
}

// A package starts the client for everybody; one user does not want it, and wants it again.
func TestAPackageStartsItForEverybody(t *testing.T) {
	t.Parallel()
	home, etc := t.TempDir(), t.TempDir()
	all := filepath.Join(etc, "autostart", "doorlight-agent.desktop")
	if err := write(all, desktopEntry(Program{Path: "/usr/bin/doorlight-agent"})); err != nil {
		t.Fatal(err)
	}
	s := Session{Home: home, os: "linux", systems: []string{"/nowhere", etc}}
	if where, found, err := s.Find(); !found || err != nil || where != all {
		t.Errorf("found is %v in %s, %v", found, where, err)
	}
	where, was, err := s.Remove()
	if !was || err != nil {
		t.Fatalf("removed: %v, %v", was, err)
	}
	valid(t, where)
	if _, found, err := s.Find(); found || err != nil {
		t.Errorf("after it was removed: %v, %v", found, err)
	}
	if _, err := os.Stat(all); err != nil {
		t.Errorf("the package's entry: %v", err)
	}
	if _, was, err := s.Remove(); was || err != nil {
		t.Errorf("removed once more: %v, %v", was, err)
	}
	if _, err := s.Install(Program{Path: "/usr/bin/doorlight-agent"}); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Find(); !found || err != nil {
		t.Errorf("entered again: %v, %v", found, err)
	}
}

func TestALaunchAgentOfMacOS(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := Session{Home: home, os: "darwin"}
	where, err := s.Install(Program{Path: "/Applications/A & B/doorlight", Args: []string{"agent"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, "Library", "LaunchAgents", "com.doorlight.agent.plist"); where != want {
		t.Errorf("it is entered in %s, want %s", where, want)
	}
	text, err := os.ReadFile(where)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := token.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
			words = append(words, strings.TrimSpace(string(c)))
		}
	}
	if got := strings.Join(words, "|"); !strings.Contains(got, "Label|com.doorlight.agent|ProgramArguments|/Applications/A & B/doorlight|agent|RunAtLoad") {
		t.Errorf("it says %s", got)
	}
	if _, found, err := s.Find(); !found || err != nil {
		t.Errorf("found: %v, %v", found, err)
	}
	if _, was, err := s.Remove(); !was || err != nil {
		t.Errorf("removed: %v, %v", was, err)
	}
}

func TestWhatCannotBeEntered(t *testing.T) {
	t.Parallel()
	s := Session{Home: t.TempDir(), os: "linux"}
	for _, p := range []Program{{Path: "doorlight"}, {Path: "/a\nExec=evil"}, {Path: "/a", Args: []string{"b\r"}}, {}} {
		if where, err := s.Install(p); err == nil {
			t.Errorf("%+v is entered in %s", p, where)
		}
	}
	if _, err := (Session{Home: t.TempDir(), os: "plan9"}).Install(Program{Path: "/a"}); err != ErrUnknown {
		t.Errorf("on Plan 9 the error is %v", err)
	}
}
