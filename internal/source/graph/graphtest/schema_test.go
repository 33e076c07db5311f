package graphtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest/described"
)

var description = described.In("../testdata/openapi/graph-v1.0-subset.json")

// offTheRecord are calls that the description does not have.
func offTheRecord(x Exchange) bool {
	return x.Op == "" || x.Op == "index" || x.Op == "batch" || x.Status == 405 || strings.Contains(x.Request.URL.Path, "microsoft.graph.")
}

// asDescribed checks each call that was taken, and its answer, against the description. Of a call that was refused only the answer counts: tests make them
// badly on purpose.
func asDescribed(t testing.TB) func(Exchange) {
	return func(x Exchange) {
		call, answer := description.Deviations(x.Request, x.Body, x.Status, x.Response)
		if x.Status >= 400 {
			call = nil
		}
		for _, why := range slices.Concat(call, answer) {
			t.Errorf("%s %s: %s", x.Request.Method, x.Request.URL.Path, why)
		}
	}
}
