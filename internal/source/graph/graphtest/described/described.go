// Package described holds calls of Microsoft Graph, and their answers, against the description that Microsoft publishes. It is for tests: of our client, of
// the stand-in, and of what uses both.
package described

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

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// newer is what Microsoft's schema of 2026 has of presence and the description of 2025 does not (microsoftgraph/msgraph-metadata).
const newer = `{"sequenceNumber":{"type":"string","nullable":true},"outOfOfficeSettings":{"type":"object","nullable":true,"properties":{
	"isOutOfOffice":{"type":"boolean","nullable":true},"message":{"type":"string","nullable":true}}},"workLocation":{"type":"object","nullable":true,"properties":{
	"placeId":{"type":"string","nullable":true},"source":{"type":"string"},"workLocationType":{"type":"string"}}}}`

// Description is what Microsoft publishes about Graph v1.0, cut to what matters here, and strict: what it does not speak of is not allowed.
type Description struct {
	router func() (routers.Router, error)
}

// In returns the description that is in a file. It is read when it is first needed.
func In(file string) *Description {
	return &Description{sync.OnceValues(func() (routers.Router, error) { return load(file) })}
}

func load(file string) (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	for _, one := range doc.Components.Schemas {
		strict(one.Value)
	}
	var more map[string]*openapi3.SchemaRef
	if err := json.Unmarshal([]byte(newer), &more); err != nil {
		return nil, err
	}
	for _, one := range more {
		strict(one.Value)
	}
	maps.Copy(doc.Components.Schemas["microsoft.graph.presence"].Value.Properties, more)
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
}

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

// Deviations says in what a call, and its answer, are not as described. The host of the call does not matter.
func (d *Description) Deviations(call *http.Request, body []byte, status int, answer []byte) (ofCall, ofAnswer []string) {
	router, err := d.router()
	if err != nil {
		return []string{err.Error()}, []string{err.Error()}
	}
	u, err := url.Parse("https://graph.example.com" + call.URL.EscapedPath() + "?" + call.URL.RawQuery)
	if err != nil {
		return []string{err.Error()}, nil
	}
	req := &http.Request{Method: call.Method, URL: u, Host: u.Host, Header: call.Header.Clone(), Body: io.NopCloser(bytes.NewReader(plain(body)))}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	route, params, err := router.FindRoute(req)
	if err != nil { // nobody knows what the answer to it would be either
		return []string{err.Error()}, []string{err.Error()}
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
		ofCall = []string{"the call is not as described: " + err.Error()}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Options: in.Options,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(plain(answer)))}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		ofAnswer = []string{"the answer is not as described: " + err.Error()}
	}
	return ofCall, ofAnswer
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
