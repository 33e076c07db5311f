package scim

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOthersAgree compares with what scim-patch and scim2-parse-filter of npm, which are used by servers in production, made of
// random changes and filters; testdata/counterpart.mjs recorded it.
func TestOthersAgree(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/counterpart.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Users   []Object
		Filters [][2]any
		Changes [][3]any
	}
	if err := json.Unmarshal(text, &recorded); err != nil || len(recorded.Filters) < 100 || len(recorded.Changes) < 100 {
		t.Fatal(len(recorded.Filters), len(recorded.Changes), err)
	}
	for _, x := range recorded.Filters {
		f, err := ParseFilter(x[0].(string))
		if err != nil {
			t.Errorf("%s: %v", x[0], err)
			continue
		}
		for i, want := range x[1].([]any) {
			if got := f.Match(Users, recorded.Users[i]); got != want {
				t.Errorf("%s of %v: %v, others %v", x[0], recorded.Users[i]["userName"], got, want)
			}
		}
	}
	for _, x := range recorded.Changes {
		on := recorded.Users[int(x[0].(float64))]
		ops, err := ReadPatch(Object{"Operations": x[1]})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Patch(Users, on, ops)
		if diff := cmp.Diff(x[2], any(got)); err != nil || diff != "" {
			text, _ := json.Marshal(x[1])
			t.Errorf("%s of %v: %v\n%s", text, on["userName"], err, diff)
		}
	}
}
