package command

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A log that is written for years is two megabytes long at most, and nothing of the latest is lost.
func TestALogDoesNotGrowForEver(t *testing.T) {
	t.Parallel()
	b := &boundedFile{path: filepath.Join(t.TempDir(), "agent.log")}
	line := strings.Repeat("x", 999) + "\n"
	for range 5000 {
		if n, err := io.WriteString(b, line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := io.WriteString(b, "the last\n"); err != nil {
		t.Fatal(err)
	}
	var all int64
	for _, path := range []string{b.path, b.path + ".1"} {
		s, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if s.Size() > mostLogged || s.Mode().Perm() != 0o600 {
			t.Errorf("%s has %d bytes and mode %v", path, s.Size(), s.Mode())
		}
		all += s.Size()
	}
	if all < mostLogged {
		t.Errorf("of five megabytes %d bytes are kept", all)
	}
	if text, err := os.ReadFile(b.path); err != nil || !strings.HasSuffix(string(text), "the last\n") {
		t.Errorf("the last line is not at the end: %v", err)
	}
}

func TestWhatIsWrittenToNoConsoleIsLost(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	if goesNowhere(f) || goesNowhere(&strings.Builder{}) {
		t.Error("a file or a buffer goes nowhere")
	}
	f.Close()
	if !goesNowhere(f) {
		t.Error("what is closed goes somewhere")
	}
}
