package presence

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPackageIsPure holds the promise of the package comment: no I/O, no clock, no state that calls share.
func TestPackageIsPure(t *testing.T) {
	t.Parallel()
	allowed := []string{"cmp", "fmt", "slices", "strings", "time"}
	for _, path := range goList(t, `{{join .Imports "\n"}}`) {
		if !slices.Contains(allowed, path) {
			t.Errorf("imports %s; allowed are %s", path, allowed)
		}
	}
	// What fmt and time bring with them (os, io/fs) is theirs; these would be ours.
	forbidden := []string{"net", "database/sql", "context", "log", "os/exec", "math/rand", "math/rand/v2", "crypto/rand"}
	for _, path := range goList(t, `{{join .Deps "\n"}}`) {
		if slices.Contains(forbidden, path) || strings.HasPrefix(path, "net/") {
			t.Errorf("depends on %s", path)
		}
	}
}

func goList(t *testing.T, format string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", format, ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	lines := strings.Fields(string(out))
	if len(lines) == 0 {
		t.Fatalf("go list -f %q printed nothing", format)
	}
	return lines
}

func TestPackageReadsNoClock(t *testing.T) {
	t.Parallel()
	clocks := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		read++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clocks, sel.Sel.Name) {
				t.Errorf("%s: time.%s; the time is an argument", set.Position(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
	if read == 0 {
		t.Error("no files read")
	}
}
