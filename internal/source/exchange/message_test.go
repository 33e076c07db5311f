package exchange

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

// validate has messages judged by the schema that Exchange servers hand out.
func validate(t *testing.T, messages map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--nonet", "--noout", "--schema", filepath.Join("exchangetest", "testdata", "schema", "ews-all.xsd")}
	for name, text := range messages {
		path := filepath.Join(dir, name+".xml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.Command("xmllint", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// All that may be sent is valid, whoever it is for.
func TestMessagesAreValid(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.FixedZone("", 3600))
	bodies := map[string]func(*writer, person){
		"SyncFolderItems-first": func(w *writer, p person) { w.syncFolderItems(p, "") },
		"SyncFolderItems":       func(w *writer, p person) { w.syncFolderItems(p, "H4sI<&>") },
		"FindItem":              func(w *writer, p person) { w.findItem(p, from, from.Add(time.Hour), 1000) },
		"GetFolder":             func(w *writer, p person) { w.getFolder(p) },
		"ResolveNames":          func(w *writer, p person) { w.resolveNames("reader & writer") },
		"Subscribe-stream":      func(w *writer, p person) { w.subscribe(p, 0) },
		"Subscribe-pull":        func(w *writer, p person) { w.subscribe(p, 1440) },
		"Unsubscribe":           func(w *writer, p person) { w.unsubscribe("JgBj+/=") },
		"GetEvents":             func(w *writer, p person) { w.getEvents("JgBj+/=", "AAAA=") },
		"GetStreamingEvents":    func(w *writer, p person) { w.getStreamingEvents([]string{"JgBj+/=", "JgBk+/="}, 30) },
	}
	people := map[string]person{
		"own":      {},
		"primary":  {"anna@example.com", NamesPrimary, AccessImpersonation},
		"smtp":     {"a<&>\"b@example.com", NamesSMTP, AccessImpersonation},
		"upn":      {"anna@office.example.com", NamesUPN, AccessImpersonation},
		"sid":      {"S-1-5-21-1-2-3-1001", NamesSID, AccessImpersonation},
		"delegate": {"anna@example.com", NamesPrimary, AccessDelegate},
	}
	messages := map[string][]byte{}
	for op, body := range bodies {
		for name, who := range people {
			for _, version := range []string{version2010, version2013} {
				messages[op+"-"+name+"-"+version] = envelope(version, who, op == "FindItem", func(w *writer) { body(w, who) })
			}
		}
	}
	validate(t, messages)
}

// What is sent in the course of things is valid too.
func TestSentMessagesAreValid(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	sent := map[string][]byte{}
	record := func(out bool, body []byte) {
		if out {
			return
		}
		op, _ := operation(string(body))
		mu.Lock()
		defer mu.Unlock()
		if len(sent) < 300 {
			sent[op+strconv.Itoa(len(sent))] = append([]byte(nil), body...)
		}
	}
	for _, change := range ways {
		o := newOffice(t, 2, exchangetest.Config{Record: record}, change)
		w := o.watch(0, 1)
		w.hears(0, 1)
		o.put(0, meeting("here", time.Now()))
		w.tells(0)
		c := o.copy(0, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		c.fetch()
		c.fetch()
		for _, step := range o.sys.Check(within(t), person0(0)) {
			if !step.OK {
				t.Errorf("%s: %s %s", step.Name, step.Found, step.Remedy)
			}
		}
		w.end()
	}
	seen := map[string]bool{}
	for name := range sent {
		seen[strings.TrimRight(name, "0123456789")] = true
	}
	for _, op := range []string{"SyncFolderItems", "FindItem", "GetFolder", "ResolveNames", "Subscribe", "Unsubscribe", "GetEvents", "GetStreamingEvents"} {
		if !seen[op] {
			t.Errorf("%s was not sent", op)
		}
	}
	validate(t, sent)
}
