package graph

import (
	"slices"
	"testing"

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest/described"
)

var description = described.In("testdata/openapi/graph-v1.0-subset.json")

// undescribed are the calls that the description does not have: the index, batches (whose parts are checked one by one) and the application's own
// entry in the directory.
var undescribed = map[string]bool{"index": true, "batch": true, "applications": true}

// schema checks each call of a client that a test lets loose, and each answer of the stand-in, against the description.
func schema(t testing.TB) func(graphtest.Exchange) {
	return func(x graphtest.Exchange) {
		switch {
		case undescribed[x.Op]:
			return
		case x.Op == "":
			t.Errorf("%s %s: no call of Graph", x.Request.Method, x.Request.URL.Path)
			return
		}
		call, answer := description.Deviations(x.Request, x.Body, x.Status, x.Response)
		for _, why := range slices.Concat(call, answer) {
			t.Errorf("%s %s: %s", x.Request.Method, x.Request.URL.Path, why)
		}
	}
}
