package graph

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

	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
)

// description is what Microsoft publishes about Graph v1.0, cut to what matters here.
var description = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/openapi/graph-v1.0-subset.json")
	if err != nil {
		return nil, err
	}
	// What Microsoft's schema of 2026 has of presence and the description of 2025 does not (microsoftgraph/msgraph-metadata).
	var newer map[string]*openapi3.SchemaRef
	if err := json.Unmarshal([]byte(`{"sequenceNumber":{"type":"string","nullable":true},"outOfOfficeSettings":{"type":"object","nullable":true,"properties":{
		"isOutOfOffice":{"type":"boolean","nullable":true},"message":{"type":"string","nullable":true}}},"workLocation":{"type":"object","nullable":true,"properties":{
		"placeId":{"type":"string","nullable":true},"source":{"type":"string"},"workLocationType":{"type":"string"}}}}`), &newer); err != nil {
		return nil, err
	}
	for _, one := range doc.Components.Schemas {
		strict(one.Value)
	}
	maps.Copy(doc.Components.Schemas["microsoft.graph.presence"].Value.Properties, newer)
	// The real service has texts in it, as its published errors show.
	doc.Components.Schemas["microsoft.graph.ODataErrors.InnerError"].Value.AdditionalProperties = openapi3.AdditionalProperties{}
	doc.Servers = openapi3.Servers{{URL: "https://graph.example.com/v1.0"}}
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation())
})

// strict makes one schema of what is put together with allOf: each part says of the properties of the others that they must be
// objects, so that nothing would ever fit. What is in none of the parts is not allowed then.
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

// undescribed are the calls that the description does not have: the index, batches (whose parts are checked one by one) and the application's own
// entry in the directory.
var undescribed = map[string]bool{"index": true, "batch": true, "applications": true}

// schema checks each call of a client that a test lets loose, and each answer of the stand-in, against the description.
func schema(t testing.TB) func(graphtest.Exchange) {
	return func(x graphtest.Exchange) {
		for _, why := range deviations(x) {
			t.Errorf("%s %s: %s", x.Request.Method, x.Request.URL.Path, why)
		}
	}
}

// deviations says in what a call and its answer are not as described.
func deviations(x graphtest.Exchange) (out []string) {
	router, err := description()
	if err != nil {
		return []string{err.Error()}
	}
	if undescribed[x.Op] {
		return nil
	}
	if x.Op == "" {
		return []string{"no call of Graph"}
	}
	u, err := url.Parse("https://graph.example.com" + x.Request.URL.EscapedPath() + "?" + x.Request.URL.RawQuery)
	if err != nil {
		return []string{err.Error()}
	}
	req := &http.Request{Method: x.Request.Method, URL: u, Host: u.Host, Header: x.Request.Header.Clone(), Body: io.NopCloser(bytes.NewReader(plain(x.Body)))}
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

// TestTheDescriptionIsStrict shows that deviations are noticed, so that no test passes because nothing is looked at.
func TestTheDescriptionIsStrict(t *testing.T) {
	t.Parallel()
	view := "https://graph.example.com/v1.0/users/x/calendarView?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-03-02T00:00:00Z"
	for name, one := range map[string]struct {
		method, url, body, answer string
		fits                      bool
	}{
		"as described":           {"GET", view, "", `{"value":[{"@odata.etag":"x","id":"1","showAs":"busy","start":{"dateTime":"2026-03-01T00:00:00","timeZone":"UTC"}}]}`, true},
		"a word that is none":    {"GET", view, "", `{"value":[{"showAs":"bored"}]}`, false},
		"a property that is not": {"GET", view, "", `{"value":[{"colour":"red"}]}`, false},
		"a number for a text":    {"GET", view, "", `{"value":[{"subject":1}]}`, false},
		"no window":              {"GET", "https://graph.example.com/v1.0/users/x/calendarView", "", `{"value":[]}`, false},
		"no such path":           {"GET", "https://graph.example.com/v1.0/users/x/agenda", "", `{"value":[]}`, false},
		"a subscription":         {"POST", "https://graph.example.com/v1.0/subscriptions", `{"resource":"users/x/events"}`, `{"id":"1"}`, true},
		"an odd subscription":    {"POST", "https://graph.example.com/v1.0/subscriptions", `{"mailbox":"x"}`, `{"id":"1"}`, false},
	} {
		req, err := http.NewRequest(one.method, one.url, nil)
		must(t, err)
		got := deviations(graphtest.Exchange{Op: "some", Request: req, Body: []byte(one.body), Status: 200, Response: []byte(one.answer)})
		if (len(got) == 0) != one.fits {
			t.Errorf("%s: deviations %q, want fits: %v", name, got, one.fits)
		}
	}
}

var annotation = regexp.MustCompile(`@odata\.(context|etag|type|id)$`)

// plain leaves out OData's annotations, which the description does not have and, where it allows more than it has, takes for
// objects. That of the next page it has.
func plain(text []byte) []byte {
	if len(text) == 0 {
		return text
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return text
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, one := range v {
				if strings.HasPrefix(name, "@") && annotation.MatchString(name) {
					delete(v, name)
					continue
				}
				walk(one)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(v)
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return out
}
