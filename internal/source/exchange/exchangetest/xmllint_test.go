package exchangetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// judge has xmllint check documents against the official schema, in one call, and returns what it has against each.
func judge(t *testing.T, files []string) map[string]string {
	t.Helper()
	if len(files) == 0 {
		t.Fatal("nothing to judge")
	}
	program, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is missing: make tools installs it")
	}
	args := append([]string{"--nonet", "--noout", "--schema", filepath.Join("testdata", "schema", "ews-all.xsd")}, files...)
	cmd := exec.CommandContext(t.Context(), program, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.Run() // its status is of all documents together
	complaints, judged := map[string]string{}, 0
	for line := range strings.Lines(said.String()) {
		for _, file := range files {
			if strings.HasPrefix(line, file+" validates") || strings.HasPrefix(line, file+" fails") {
				judged++
			} else if strings.HasPrefix(line, file+":") {
				complaints[file] += strings.TrimPrefix(line, file)
			}
		}
	}
	if judged != len(files) {
		t.Fatalf("xmllint judged %d of %d documents: %.2000s", judged, len(files), said.String())
	}
	return complaints
}

func sampleNames(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("testdata", "samples"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".xml") {
			names = append(names, e.Name())
		}
	}
	return names
}

// recorder keeps every message of a server, for judge. Its zero value is ready to use.
type recorder struct {
	mu  sync.Mutex
	in  [][]byte
	out [][]byte
}

func (r *recorder) record(out bool, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if out {
		r.out = append(r.out, bytes.Clone(body))
	} else {
		r.in = append(r.in, bytes.Clone(body))
	}
}

// strange puts right in what real servers and the schema part company, so that the rest can be judged.
var strange = strings.NewReplacer("<m:Notification><t:SubscriptionId>", "<t:Notification><t:SubscriptionId>", // see GetStreamingEvents
	"</m:Notification></m:Notif", "</t:Notification></m:Notif", "</m:Notification><m:Notification>", "</t:Notification><t:Notification>",
	"</m:Notification><t:Notification>", "</t:Notification><t:Notification>",
	"<m:SubscriptionId>", "<t:SubscriptionId>", "</m:SubscriptionId>", "</t:SubscriptionId>",
	` xml:lang="en-US"`, "")

// check fails for each message in either direction that is not valid by the schema. Requests that were refused for
// that are let through.
func (r *recorder) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	dir := t.TempDir()
	var files []string
	put := func(kind string, i int, text string) {
		name := filepath.Join(dir, fmt.Sprintf("%s-%04d.xml", kind, i))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	for i, body := range r.in {
		// A version that exchangelib thinks there is, and that the server refuses; the rest of the message is as always.
		put("in", i, strings.Replace(string(body), `Version="Exchange2019"`, `Version="Exchange2016"`, 1))
	}
	for i, body := range r.out {
		text := string(body)
		if strings.Contains(text, "GetStreamingEventsResponse") || strings.Contains(text, "<faultstring") {
			text = strange.Replace(text)
		}
		put("out", i, text)
	}
	for file, complaint := range judge(t, files) {
		text, _ := os.ReadFile(file)
		t.Errorf("%s%.1000s\n%.3000s", filepath.Base(file), complaint, text)
	}
	t.Logf("%d requests and %d answers are valid", len(r.in), len(r.out))
}
