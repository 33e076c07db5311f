package scim

import "strings"

// kind is the type of an attribute's values (RFC 7643 §2.3).
type kind string

const (
	text      kind = "string"
	boolean   kind = "boolean"
	instant   kind = "dateTime"
	reference kind = "reference"
	complexly kind = "complex"
)

// Attribute is an attribute as a schema describes it (RFC 7643 §7).
type Attribute struct {
	Name        string
	Description string

	kind       kind
	many       bool
	required   bool
	exact      bool   // capitals count
	mutability string // empty: readWrite
	returned   string // empty: default
	uniqueness string // empty: none
	words      []string
	subs       []*Attribute
}

func (a *Attribute) readOnly() bool { return a.mutability == "readOnly" }
func (a *Attribute) always() bool   { return a.returned == "always" }

// sub returns a sub-attribute by name in any capitals.
func (a *Attribute) sub(name string) *Attribute { return find(a.subs, name) }

func find(all []*Attribute, name string) *Attribute {
	for _, a := range all {
		if strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}

// Type is a type of resources (RFC 7643 §6).
type Type struct {
	Name     string // such as "User"
	Endpoint string // such as "/Users"
	URN      string // of its schema
	about    string
	common   []*Attribute // RFC 7643 §3.1
	own      []*Attribute
}

// attribute returns an attribute by name in any capitals, nil if it is not kept.
func (t *Type) attribute(name string) *Attribute {
	if a := find(t.own, name); a != nil {
		return a
	}
	return find(t.common, name)
}

// all are the attributes, those of the schema first.
func (t *Type) all() []*Attribute { return append(append([]*Attribute{}, t.own...), t.common...) }

var common = []*Attribute{
	{Name: "schemas", kind: reference, many: true, mutability: "readOnly", returned: "always", exact: true},
	{Name: "id", kind: text, exact: true, mutability: "readOnly", returned: "always", uniqueness: "server"},
	{Name: "externalId", kind: text, exact: true},
	{Name: "meta", kind: complexly, mutability: "readOnly", subs: []*Attribute{
		{Name: "resourceType", kind: text, exact: true, mutability: "readOnly"},
		{Name: "created", kind: instant, mutability: "readOnly"},
		{Name: "location", kind: reference, exact: true, mutability: "readOnly"},
		{Name: "version", kind: text, exact: true, mutability: "readOnly"},
	}},
}

// Users and groups hold what is kept of RFC 7643 §4.1 and §4.2, and no more: what is not here is ignored when it is sent.
var (
	Users = &Type{Name: "User", Endpoint: "/Users", URN: UserURN, about: "A person.", common: common, own: []*Attribute{
		{Name: "userName", kind: text, required: true, uniqueness: "server", Description: "The login. Capitals do not count."},
		{Name: "displayName", kind: text, Description: "The name that colleagues see."},
		{Name: "name", kind: complexly, Description: "One name is kept. It is taken from displayName, else from formatted, else from givenName and familyName.", subs: []*Attribute{
			{Name: "formatted", kind: text, Description: "The same as displayName."},
			{Name: "givenName", kind: text, mutability: "writeOnly", returned: "never"},
			{Name: "familyName", kind: text, mutability: "writeOnly", returned: "never"},
		}},
		{Name: "active", kind: boolean, Description: "Whether the person is not blocked."},
		{Name: "emails", kind: complexly, many: true, Description: "One is kept: the primary one, else that for work, else the first.", subs: []*Attribute{
			{Name: "value", kind: text},
			{Name: "type", kind: text, words: []string{"work"}},
			{Name: "primary", kind: boolean},
		}},
		{Name: "phoneNumbers", kind: complexly, many: true, Description: "One of each type is kept. What is no number is left out.", subs: []*Attribute{
			{Name: "value", kind: text},
			{Name: "type", kind: text, words: []string{"work", "mobile", "home"}},
			{Name: "primary", kind: boolean, mutability: "writeOnly", returned: "never"},
		}},
		{Name: "preferredLanguage", kind: text, Description: "Kept where it is one that is offered."},
		{Name: "locale", kind: text, mutability: "writeOnly", returned: "never", Description: "Taken for the language where preferredLanguage is not given."},
		{Name: "timezone", kind: text, Description: "An IANA name. Others are left out."},
		{Name: "groups", kind: complexly, many: true, mutability: "readOnly", Description: "The groups of the same provider.", subs: []*Attribute{
			{Name: "value", kind: text, exact: true, mutability: "readOnly"},
			{Name: "display", kind: text, mutability: "readOnly"},
			{Name: "type", kind: text, mutability: "readOnly", words: []string{"direct"}},
		}},
	}}
	Groups = &Type{Name: "Group", Endpoint: "/Groups", URN: GroupURN, about: "A group of people.", common: common, own: []*Attribute{
		{Name: "displayName", kind: text, required: true, uniqueness: "server", Description: "Its name."},
		{Name: "members", kind: complexly, many: true, Description: "Users of the same provider; groups cannot be members.", subs: []*Attribute{
			{Name: "value", kind: text, exact: true, mutability: "immutable", Description: "The id of a user."},
			{Name: "type", kind: text, mutability: "immutable", words: []string{"User"}},
		}},
	}}
	types = []*Type{Users, Groups}
)

// describe returns the attribute as the schema says it (RFC 7643 §7).
func (a *Attribute) describe() Object {
	or := func(s, none string) string {
		if s == "" {
			return none
		}
		return s
	}
	o := Object{
		"name": a.Name, "type": string(a.kind), "multiValued": a.many, "description": a.Description, "required": a.required,
		"mutability": or(a.mutability, "readWrite"), "returned": or(a.returned, "default"),
	}
	if a.kind == complexly {
		subs := []any{}
		for _, s := range a.subs {
			subs = append(subs, s.describe())
		}
		o["subAttributes"] = subs
		return o
	}
	o["caseExact"] = a.exact
	o["uniqueness"] = or(a.uniqueness, "none")
	if len(a.words) > 0 {
		o["canonicalValues"] = list(a.words...)
	}
	return o
}

func list(words ...string) []any {
	all := []any{}
	for _, w := range words {
		all = append(all, w)
	}
	return all
}

// schema returns the schema of the type (RFC 7643 §7).
func (t *Type) schema(base string) Object {
	attributes := []any{}
	for _, a := range t.own {
		attributes = append(attributes, a.describe())
	}
	return Object{
		"schemas": list(schemaURN), "id": t.URN, "name": t.Name, "description": t.about, "attributes": attributes,
		"meta": Object{"resourceType": "Schema", "location": base + "/Schemas/" + t.URN},
	}
}

// resourceType returns the type as a resource (RFC 7643 §6).
func (t *Type) resourceType(base string) Object {
	return Object{
		"schemas": list(typeURN), "id": t.Name, "name": t.Name, "endpoint": t.Endpoint, "description": t.about, "schema": t.URN,
		"meta": Object{"resourceType": "ResourceType", "location": base + "/ResourceTypes/" + t.Name},
	}
}

// config returns what this server can do (RFC 7643 §5).
func config(base string) Object {
	no := Object{"supported": false}
	return Object{
		"schemas": list(configURN),
		"patch":   Object{"supported": true},
		"bulk":    Object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":  Object{"supported": true, "maxResults": MaxResults},
		"sort":    no, "changePassword": no,
		"etag": Object{"supported": true},
		"authenticationSchemes": []any{Object{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "A token that an administrator makes (RFC 6750).", "primary": true,
		}},
		"meta": Object{"resourceType": "ServiceProviderConfig", "location": base + "/ServiceProviderConfig"},
	}
}
