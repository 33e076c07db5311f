package exchangetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Requests that others recorded or published are valid or not by the official schema; ours must say the same.
func TestRecordedRequestsAreJudgedAsTheSchemaJudgesThem(t *testing.T) {
	t.Parallel()
	documents := map[string]*node{}
	var files []string
	for _, name := range sampleNames(t) {
		file := filepath.Join("testdata", "samples", name)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root, err := parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if body := root.kid("s:Body"); body != nil && len(body.kids) > 0 && schema().elements[body.kids[0].name] != "" {
			documents[file] = root
			files = append(files, file)
		}
	}
	complaints := judge(t, files)
	for _, file := range files {
		if got := validate(documents[file]); (got == nil) != (complaints[file] == "") {
			t.Errorf("%s: we say %v, the schema says %q", file, got, complaints[file])
		}
	}
	if len(files) < 25 {
		t.Errorf("only %d requests were judged", len(files))
	}
}
