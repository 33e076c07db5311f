package api_test

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzBody sends any bytes as the body of any operation, by somebody who may call it. Whatever comes, the answer is as
// the document says or a problem document, and never a mistake of the server.
func FuzzBody(f *testing.F) {
	p := newPalace(f)
	var routes []route
	for _, r := range routesOf(p.doc) {
		if r.op.RequestBody == nil {
			continue
		}
		text, err := json.Marshal(r.body(p.doc))
		if err != nil {
			f.Fatal(err)
		}
		for _, seed := range []string{string(text), "{", "null", `{"name":"\ud800"}`, `{"status":"busy","until":"0000-01-01T00:00:00Z"}`, "{\"text\":\"\\u0000\u202e\"}"} {
			f.Add(uint8(len(routes)), []byte(seed))
		}
		routes = append(routes, r)
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		p.t = t // who fails
		r := routes[int(which)%len(routes)]
		p.caller(r).send(r.method, p.path(r), bytes.NewReader(body), "application/json")
	})
}
