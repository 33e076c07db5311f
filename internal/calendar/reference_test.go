package calendar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const referenceFolder = "testdata/reference"

// referenceFiles returns the files of the reference set whose names end so.
func referenceFiles(t testing.TB, suffix string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(referenceFolder, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, suffix) {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("files of %s ending in %s: %d, %v", referenceFolder, suffix, len(files), err)
	}
	return files
}

func parseFile(t testing.TB, path string) *Calendar {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(bytes.NewReader(text), Limits{})
	if err != nil {
		t.Fatalf("Parse(%s): %v", path, err)
	}
	return c
}

// notFloating lists files where both libraries miss a zone and we do not.
var notFloating = map[string]string{
	"node-ical/test_with_int_tzid.ics": "Europe/Paris", // its VTIMEZONE is named " 1", the libraries look for "1"
}

// TestReferenceOccurrences compares with the lists that two independent
// libraries agree on.
func TestReferenceOccurrences(t *testing.T) {
	t.Parallel()
	for _, path := range referenceFiles(t, ".expected.json") {
		name := strings.TrimSuffix(strings.TrimPrefix(path, referenceFolder+"/"), ".expected.json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var expected struct {
				Window      [2]time.Time
				Occurrences []struct{ UID, Start, End, Kind string }
			}
			if err := json.Unmarshal(text, &expected); err != nil {
				t.Fatal(err)
			}
			c := parseFile(t, strings.TrimSuffix(path, ".expected.json"))
			got, problems, err := c.expand(expected.Window[0], expected.Window[1], time.UTC, Limits{}, true)
			if err != nil || len(problems) > 0 {
				t.Fatalf("Expand: %v, problems %v", err, problems)
			}
			var want, have []string
			for _, o := range expected.Occurrences {
				start, end := o.Start, o.End
				if o.Kind == "float" {
					start, end = strings.TrimSuffix(start, "Z"), strings.TrimSuffix(end, "Z")
				}
				want = append(want, fmt.Sprintf("%s %s %s", start, end, o.UID))
			}
			floats, zone := map[string]bool{}, c.DefaultZone()
			if name, ok := notFloating[name]; ok {
				zone, _ = time.LoadLocation(name)
			}
			if zone == nil {
				zone = time.UTC
			}
			for _, o := range expected.Occurrences {
				if o.Kind == "float" {
					floats[o.UID] = true
				}
			}
			for _, a := range got {
				start, end := a.Start.Format(time.RFC3339), a.End.Format(time.RFC3339)
				if floats[a.UID] {
					const local = "2006-01-02T15:04:05"
					start, end = a.Start.In(zone).Format(local), a.End.In(zone).Format(local)
				}
				if a.AllDay {
					start, end = a.StartDate.String(), a.EndDate.String()
				}
				have = append(have, fmt.Sprintf("%s %s %s", start, end, a.UID))
			}
			compareLists(t, have, want)
		})
	}
}

func compareLists(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	var b strings.Builder
	n := 0
	for len(got)+len(want) > 0 && n < 12 {
		switch {
		case len(want) == 0 || len(got) > 0 && got[0] < want[0]:
			fmt.Fprintf(&b, "\n+ %s", got[0])
			got, n = got[1:], n+1
		case len(got) == 0 || want[0] < got[0]:
			fmt.Fprintf(&b, "\n- %s", want[0])
			want, n = want[1:], n+1
		default:
			got, want = got[1:], want[1:]
		}
	}
	t.Errorf("occurrences, + not expected, - missing:%s", b.String())
}
