package doorlight_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEveryPackageSaysWhatItIsFor finds packages without a package comment. One that consists of tests alone needs none.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	// The Go tool knows which packages there are and reads their comments; a package that does not compile still counts.
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-f", "{{len .GoFiles}}\t{{.ImportPath}}\t{{.Doc}}", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	listed := 0
	for line := range strings.Lines(string(out)) {
		files, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		path, doc, _ := strings.Cut(rest, "\t")
		if files == "0" {
			continue
		}
		listed++
		if strings.TrimSpace(doc) == "" {
			t.Errorf("package %s has no package comment: what is it for, and what does it leave to others?", path)
		}
	}
	if listed == 0 {
		t.Error("no packages listed")
	}
}
