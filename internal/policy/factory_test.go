package policy

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFactoryFile: the web client has a copy of the factory settings (web/src/lib/factory.ts), and a test there compares
// it with this file.
func TestFactoryFile(t *testing.T) {
	t.Parallel()
	const file = "testdata/factory.json"
	factory := Factory()
	sections := map[string]json.RawMessage{}
	for _, name := range Sections() {
		sections[name] = factory.Section(name)
	}
	got, err := json.MarshalIndent(sections, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the factory settings are not those of %s; look at the difference, copy it to web/src/lib/factory.ts, and write the file anew with -update:\n%s", file, got)
	}
}
