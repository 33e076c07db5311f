package domino

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"go.yaml.in/yaml/v4"

	"github.com/doorlight/doorlight/internal/source/domino/dominotest"
)

// description is what IBM published about the service of 9.0.1 FP8.
var description = sync.OnceValues(func() (routers.Router, error) {
	text, err := os.ReadFile("testdata/openapi/das-calendar-9.0.1FP8.swagger.yaml")
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(texts(tree)); err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	doc, err := openapi2conv.ToV3(&old)
	if err != nil {
		return nil, err
	}
	text3 := func() *openapi3.SchemaRef { return &openapi3.SchemaRef{Value: openapi3.NewStringSchema()} }
	any3 := func() *openapi3.SchemaRef { return &openapi3.SchemaRef{Value: &openapi3.Schema{}} }
	event := doc.Components.Schemas["event"].Value
	// What the description leaves out and the published source has (JsonEventAdapter).
	event.Properties["status"], event.Properties["categories"] = text3(), text3()
	event.Properties["links"], event.Properties["alarm"] = any3(), any3()
	list := doc.Components.Schemas["eventListResponse"].Value
	list.Properties["timezones"] = doc.Components.Schemas["eventResponse"].Value.Properties["timezones"]
	for _, one := range doc.Components.Schemas {
		if no := false; len(one.Value.Properties) > 0 {
			one.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
		}
	}
	doc.Servers = openapi3.Servers{{URL: "https://domino.example.com"}}
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation())
})

// texts makes texts of the keys of maps, as JSON has them: statuses are numbers in YAML.
func texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			v[name] = texts(one)
		}
	case map[any]any:
		out := map[string]any{}
		for name, one := range v {
			out[fmt.Sprint(name)] = texts(one)
		}
		return out
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
	}
	return v
}

// undescribed are the calls that the description does not have: the list of services, and the form to sign in with.
var undescribed = map[string]bool{"api": true, "login": true}

// schema checks each call of a client that a test lets loose, and each answer of the stand-in, against the description.
func schema(t testing.TB) func(dominotest.Exchange) {
	return func(x dominotest.Exchange) {
		for _, why := range deviations(x) {
			t.Errorf("%s %s: %s", x.Request.Method, x.Request.URL.Path, why)
		}
	}
}

// deviations says in what a call and its answer are not as described.
func deviations(x dominotest.Exchange) (out []string) {
	router, err := description()
	if err != nil {
		return []string{err.Error()}
	}
	if undescribed[x.Op] {
		return nil
	}
	u, err := url.Parse("https://domino.example.com" + x.Request.URL.EscapedPath() + "?" + x.Request.URL.RawQuery)
	if err != nil {
		return []string{err.Error()}
	}
	req := &http.Request{Method: x.Request.Method, URL: u, Host: u.Host, Header: x.Request.Header.Clone()}
	route, params, err := router.FindRoute(req)
	if err != nil {
		return []string{err.Error()}
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
		out = append(out, "the call is not as described: "+err.Error())
	}
	for name := range u.Query() {
		known := route.Operation.Parameters.GetByInAndName("query", name)
		if known == nil {
			out = append(out, "the call has a parameter that is not described: "+name)
		}
	}
	if x.Header.Get("Content-Type") != "application/json" { // iCalendar, the form, or an empty list
		return out
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: x.Status, Options: in.Options,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(x.Response))}
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		out = append(out, "the answer is not as described: "+err.Error())
	}
	return out
}

// TestTheDescriptionIsStrict shows that deviations are noticed, so that no test passes because nothing is looked at.
func TestTheDescriptionIsStrict(t *testing.T) {
	t.Parallel()
	const list = "https://domino.example.com/mail/anna.nsf/api/calendar/events?since=2026-03-01T00:00:00Z&count=100"
	for name, one := range map[string]struct {
		url, answer string
		fits        bool
	}{
		"as described":            {list, `{"events":[{"id":"1","summary":"x","start":{"date":"2026-03-01","time":"09:00:00","utc":true},"class":"public","sequence":1}]}`, true},
		"a property that is not":  {list, `{"events":[{"id":"1","colour":"red"}]}`, false},
		"a number for a text":     {list, `{"events":[{"id":"1","summary":1}]}`, false},
		"a text for a number":     {list, `{"events":[{"id":"1","sequence":"1"}]}`, false},
		"a parameter that is not": {list + "&colour=red", `{"events":[]}`, false},
		"a count that is none":    {"https://domino.example.com/mail/anna.nsf/api/calendar/events?count=many", `{"events":[]}`, false},
		"no such path":            {"https://domino.example.com/mail/anna.nsf/api/calendar/agenda", `{"events":[]}`, false},
		"an instance":             {"https://domino.example.com/mail/anna.nsf/api/calendar/events/1/20260301T090000Z", `{"events":[{"id":"1","recurrenceId":"20260301T090000Z"}]}`, true},
		"odd instances":           {"https://domino.example.com/mail/anna.nsf/api/calendar/events/1/instances", `{"instances":[{"recurrenceId":1}]}`, false},
	} {
		req, err := http.NewRequest(http.MethodGet, one.url, nil)
		must(t, err)
		got := deviations(dominotest.Exchange{Op: "events", Request: req, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Response: []byte(one.answer)})
		if (len(got) == 0) != one.fits {
			t.Errorf("%s: deviations %q, want fits: %v", name, got, one.fits)
		}
	}
}
