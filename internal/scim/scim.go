// Package scim speaks SCIM 2.0 (RFC 7643, RFC 7644): it reads what providers of identities send, finds what they ask
// for, works their changes out and answers them. Resources are kept by a Backend; who they are to the organisation is
// the business of package provision.
//
// Nothing of a request can be made to run long: bodies, filters and the number of operations are bounded, and so is how
// often a change may compare values.
package scim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// The URNs of schemas and messages (RFC 7643 §10, RFC 7644 §8.2).
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

	configURN  = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	typeURN    = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaURN  = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	listURN    = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	searchURN  = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	patchURN   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	errorURN   = "urn:ietf:params:scim:api:messages:2.0:Error"
	mediaType  = "application/scim+json"
	plainMedia = "application/json"
)

// Bounds of what is read.
const (
	MaxBody       = 4 << 20   // bytes: a group with its 50,000 members
	MaxDepth      = 16        // of objects and lists within one another
	MaxFilter     = 4096      // bytes of a filter or a path
	MaxNodes      = 64        // comparisons and connectives of a filter
	MaxNesting    = 16        // parentheses and brackets within one another
	MaxOperations = 2000      // of a PATCH
	MaxEffort     = 5_000_000 // of the changes of one request, or of a filter on one resource: some ten nanoseconds each
)

// Object is a resource, or a complex value of one, as JSON has it: its values are string, bool, float64, nil, Object, and
// []any of these. Names are spelt as the schema spells them.
type Object = map[string]any

// decode reads a JSON object within the bounds.
func decode(r io.Reader) (Object, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBody+1))
	if err != nil {
		return nil, &Error{Status: 400, Type: InvalidSyntax, Detail: "the body could not be read"}
	}
	if len(data) > MaxBody {
		return nil, &Error{Status: 413, Type: TooMany, Detail: "the body is longer than 4 MiB"}
	}
	return Decode(data)
}

// Decode reads a JSON object. One that is no object, or deeper than MaxDepth, is an Error.
func Decode(data []byte) (Object, error) {
	if tooDeep(data) {
		return nil, &Error{Status: 400, Type: InvalidSyntax, Detail: "the body has values within more than 16 others"}
	}
	var o Object
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, &Error{Status: 400, Type: InvalidSyntax, Detail: "the body is no JSON object"}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{Status: 400, Type: InvalidSyntax, Detail: "the body goes on after its object"}
	}
	return o, nil
}

// tooDeep counts brackets outside of strings, before anything is read.
func tooDeep(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// field returns the value of a name in any capitals (RFC 7643 §2.1).
func field(o Object, name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	for k, v := range o {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

// String returns the text at a path of names, empty if there is none.
func String(o Object, path ...string) string {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(Object)
	}
	s, _ := o[path[len(path)-1]].(string)
	return s
}

// Values returns the complex values of an attribute.
func Values(o Object, name string) (all []Object) {
	list, _ := o[name].([]any)
	for _, v := range list {
		if x, ok := v.(Object); ok {
			all = append(all, x)
		}
	}
	return all
}

// clone copies an object with all that is in it.
func clone(v any) any {
	switch x := v.(type) {
	case Object:
		c := make(Object, len(x))
		for k, y := range x {
			c[k] = clone(y)
		}
		return c
	case []any:
		c := make([]any, len(x))
		for i, y := range x {
			c[i] = clone(y)
		}
		return c
	}
	return v
}

// Version returns the version of a resource, a weak ETag of what it holds (RFC 7644 §3.14).
func Version(o Object) string {
	text, err := json.Marshal(o) // keys are sorted
	if err != nil {              // plain data
		panic(err)
	}
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
