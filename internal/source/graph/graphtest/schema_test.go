package graphtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// description is what Microsoft publishes about Graph v1.0, cut to what matters here, with what its schema of 2026 has of presence and the description of
// 2025 does not: outOfOfficeSettings, sequenceNumber, workLocation (microsoftgraph/msgraph-metadata).
var description = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../testdata/openapi/graph-v1.0-subset.json")
	if err != nil {
		return nil, err
	}
	var newer map[string]*openapi3.SchemaRef
	if err := json.Unmarshal([]byte(`{"sequenceNumber":{"type":"string","nullable":true},"outOfOfficeSettings":{"type":"object","nullable":true,"properties":{
		"isOutOfOffice":{"type":"boolean","nullable":true},"message":{"type":"string","nullable":true}}},"workLocation":{"type":"object","nullable":true,"properties":{
		"placeId":{"type":"string","nullable":true},"source":{"type":"string"},"workLocationType":{"type":"string"}}}}`), &newer); err != nil {
		return nil, err
	}
	for _, one := range doc.Components.Schemas {
		strict(one.Value)
	}
	for _, one := range newer {
		strict(one.Value)
	}
	maps.Copy(doc.Components.Schemas["microsoft.graph.presence"].Value.Properties, newer)
	// The real service has texts in it, as its published errors show.
	doc.Components.Schemas["microsoft.graph.ODataErrors.InnerError"].Value.AdditionalProperties = openapi3.AdditionalProperties{}
	for _, path := range doc.Paths.Map() {
		for _, op := range path.Operations() {
			if op.RequestBody != nil {
				for _, kind := range op.RequestBody.Value.Content {
					strict(kind.Schema.Value)
				}
			}
		}
	}
	doc.Servers = openapi3.Servers{{URL: "https://graph.example.com/v1.0"}}
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation())
})

// strict makes one schema of what is put together with allOf, and allows nothing that is in none of the parts.
func strict(s *openapi3.Schema) {
	if len(s.AllOf) > 0 {
		merged := openapi3.Schemas{}
		for _, part := range s.AllOf {
			strict(part.Value)
			maps.Copy(merged, part.Value.Properties)
		}
		maps.Copy(merged, s.Properties)
		s.AllOf, s.Properties, s.Type = nil, merged, &openapi3.Types{"object"}
	}
	if len(s.Properties) > 0 {
		no := false
		s.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	}
}

// offTheRecord are calls that the description does not have, and those that tests make badly on purpose, of which only the answer is an error.
func offTheRecord(x Exchange) bool {
	return x.Op == "" || x.Op == "index" || x.Op == "batch" || x.Status >= 400 && x.Status != 429 || strings.Contains(x.Request.URL.Path, "microsoft.graph.")
}

// described checks each call that was taken, and its answer, against the description.
func described(t testing.TB) func(Exchange) {
	return func(x Exchange) {
		for _, why := range deviations(x) {
			t.Errorf("%s %s: %s", x.Request.Method, x.Request.URL.Path, why)
		}
	}
}

// deviations says in what a call and its answer are not as described.
func deviations(x Exchange) (out []string) {
	router, err := description()
	if err != nil {
		return []string{err.Error()}
	}
	u, err := url.Parse("https://graph.example.com" + x.Request.URL.EscapedPath() + "?" + x.Request.URL.RawQuery)
	if err != nil {
		return []string{err.Error()}
	}
	req := &http.Request{Method: x.Request.Method, URL: u, Host: u.Host, Header: x.Request.Header.Clone(), Body: io.NopCloser(bytes.NewReader(x.Body))}
	if len(x.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		return []string{err.Error()}
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
		out = append(out, "the call is not as described: "+err.Error())
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: x.Status, Options: in.Options,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(plain(x.Response)))}
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		out = append(out, "the answer is not as described: "+err.Error())
	}
	return out
}

var annotation = regexp.MustCompile(`"@odata\.(context|etag|type|id)":"[^"]*",?`)

// plain leaves out OData's annotations, which the description does not have.
func plain(text []byte) []byte { return annotation.ReplaceAll(text, nil) }

// TestTheDescriptionIsStrict shows that deviations of presence are noticed, so that no test passes because nothing is looked at.
func TestTheDescriptionIsStrict(t *testing.T) {
	t.Parallel()
	const base = "https://graph.example.com/v1.0"
	shown := `{"id":"x","availability":"Busy","activity":"InACall","sequenceNumber":"A1","outOfOfficeSettings":{"message":null,"isOutOfOffice":false},"workLocation":null}`
	for name, one := range map[string]struct {
		method, url, body, answer string
		fits                      bool
	}{
		"a presence":               {"GET", "/users/x/presence", "", shown, true},
		"my own":                   {"GET", "/me/presence", "", shown, true},
		"with a property too many": {"GET", "/me/presence", "", `{"mood":"good"}`, false},
		"a number for a text":      {"GET", "/me/presence", "", `{"sequenceNumber":1}`, false},
		"a text for a truth":       {"GET", "/me/presence", "", `{"outOfOfficeSettings":{"isOutOfOffice":"no"}}`, false},
		"many":                     {"POST", "/communications/getPresencesByUserId", `{"ids":["x"]}`, `{"value":[` + shown + `]}`, true},
		"many of no list":          {"POST", "/communications/getPresencesByUserId", `{"ids":"x"}`, `{"value":[]}`, false},
		"many otherwise":           {"POST", "/communications/getPresencesByUserId", `{"users":["x"]}`, `{"value":[]}`, false},
		"a session":                {"POST", "/users/x/presence/setPresence", `{"sessionId":"x","availability":"Busy","activity":"InACall","expirationDuration":"PT5M"}`, ``, true},
		"a session of a mood":      {"POST", "/users/x/presence/setPresence", `{"mood":"good"}`, ``, false},
		"a session of five":        {"POST", "/users/x/presence/setPresence", `{"expirationDuration":5}`, ``, false},
		"an odd action":            {"POST", "/users/x/presence/setMood", `{}`, ``, false},
	} {
		req, err := http.NewRequest(one.method, base+one.url, nil)
		must(t, err)
		got := deviations(Exchange{Op: "some", Request: req, Body: []byte(one.body), Status: 200, Response: []byte(one.answer)})
		if (len(got) == 0) != one.fits {
			t.Errorf("%s: deviations %q, want fits: %v", name, got, one.fits)
		}
	}
}
