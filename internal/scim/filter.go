package scim

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Filter is a condition on resources (RFC 7644 §3.4.2.2). Make it with ParseFilter.
type Filter struct {
	op          string // and, or, not, pr, [], or one of the comparisons
	left, right *Filter
	path        Path
	value       any // string, bool, float64 or nil
}

// Path names an attribute, or a part of one (RFC 7644 §3.5.2, figure 7). Make it with ParsePath.
type Path struct {
	URN    string // of the schema, as it was written; empty: none was
	Name   string // of the attribute; empty: the whole schema
	Filter *Filter
	Sub    string // of the sub-attribute; empty: none
}

var comparisons = map[string]bool{"eq": true, "ne": true, "co": true, "sw": true, "ew": true, "gt": true, "ge": true, "lt": true, "le": true}

// parser reads a filter or a path from left to right, and keeps the first error.
type parser struct {
	text  string
	at    int
	nodes int
	depth int
	kind  string // of errors: InvalidFilter or InvalidPath
	err   *Error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = bad(p.kind, format, args...)
	}
}

func newParser(text, kind string) *parser {
	p := &parser{text: text, kind: kind}
	switch {
	case len(text) > MaxFilter:
		p.fail("is longer than %d bytes", MaxFilter)
	case !utf8.ValidString(text):
		p.fail("is no UTF-8")
	}
	return p
}

// ParseFilter reads a filter. Words of the language may have capitals. Beside the grammar of the RFC it takes
// attr[filter].sub before a comparison, which Entra ID sends. A filter that is too long, or goes too deep, is an Error.
func ParseFilter(text string) (*Filter, error) {
	p := newParser(text, InvalidFilter)
	f := p.or()
	if p.err == nil {
		if p.space(); p.at < len(p.text) {
			p.fail("the filter cannot be read from %q on", clip(p.text[p.at:]))
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// ParsePath reads the path of a change.
func ParsePath(text string) (Path, error) {
	p := newParser(strings.TrimSpace(text), InvalidPath)
	path := p.path()
	if p.err == nil && p.at < len(p.text) {
		p.fail("the path cannot be read from %q on", clip(p.text[p.at:]))
	}
	if p.err != nil {
		return Path{}, p.err
	}
	return path, nil
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) next(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) enter() bool {
	if p.depth++; p.depth > MaxNesting {
		p.fail("more than %d brackets stand within one another", MaxNesting)
	}
	return p.err == nil
}

func (p *parser) node(f Filter) *Filter {
	if p.nodes++; p.nodes > MaxNodes {
		p.fail("has more than %d parts", MaxNodes)
	}
	return &f
}

// word takes a keyword if it comes next and ends there.
func (p *parser) word(w string) bool {
	p.space()
	end := p.at + len(w)
	if end > len(p.text) || !strings.EqualFold(p.text[p.at:end], w) || end < len(p.text) && isName(p.text[end]) {
		return false
	}
	p.at = end
	return true
}

// or reads what binds least; it is a loop so that a long chain is not deep.
func (p *parser) or() *Filter {
	f := p.and()
	for p.err == nil && p.word("or") {
		f = p.node(Filter{op: "or", left: f, right: p.and()})
	}
	return f
}

func (p *parser) and() *Filter {
	f := p.factor()
	for p.err == nil && p.word("and") {
		f = p.node(Filter{op: "and", left: f, right: p.factor()})
	}
	return f
}

func (p *parser) factor() *Filter {
	if p.err != nil {
		return nil
	}
	p.space()
	begin := p.at
	if p.word("not") {
		if p.space(); p.at < len(p.text) && p.text[p.at] == '(' {
			return p.node(Filter{op: "not", left: p.group()})
		}
		p.at = begin // an attribute of that name
	}
	if p.at < len(p.text) && p.text[p.at] == '(' {
		return p.group()
	}
	return p.comparison()
}

func (p *parser) group() *Filter {
	if !p.next('(') || !p.enter() {
		return nil
	}
	f := p.or()
	p.depth--
	if p.space(); p.err == nil && !p.next(')') {
		p.fail("a closing parenthesis is missing")
	}
	return f
}

func (p *parser) comparison() *Filter {
	path := p.path()
	if p.err != nil {
		return nil
	}
	if path.Name == "" {
		p.fail("a schema cannot be compared")
		return nil
	}
	p.space()
	begin := p.at
	for p.at < len(p.text) && isName(p.text[p.at]) {
		p.at++
	}
	op := strings.ToLower(p.text[begin:p.at])
	switch {
	case op == "pr":
		return p.node(Filter{op: op, path: path})
	case path.Filter != nil && path.Sub == "" && !comparisons[op]:
		p.at = begin
		return p.node(Filter{op: "[]", path: path})
	case !comparisons[op]:
		p.fail("%q is none of eq, ne, co, sw, ew, gt, ge, lt, le, pr", clip(p.text[begin:p.at]))
		return nil
	}
	f := p.node(Filter{op: op, path: path, value: p.literal()})
	switch f.value.(type) {
	case bool, nil:
		if op != "eq" && op != "ne" && p.err == nil { // RFC 7644 §3.4.2.2, table 3
			p.fail("%s does not compare true, false and null", op)
		}
	case float64:
		if (op == "co" || op == "sw" || op == "ew") && p.err == nil {
			p.fail("%s does not compare numbers", op)
		}
	}
	return f
}

// literal reads a value as JSON writes it.
func (p *parser) literal() (v any) {
	p.space()
	end := p.at
	switch {
	case p.at == len(p.text):
		p.fail("a value is missing at the end")
		return nil
	case p.text[p.at] == '"':
		for end++; end < len(p.text) && p.text[end] != '"'; end++ {
			if p.text[end] == '\\' {
				end++
			}
		}
		end++
	default:
		for end < len(p.text) && strings.IndexByte(" \t\r\n()[]", p.text[end]) < 0 {
			end++
		}
	}
	if end > len(p.text) {
		p.fail("a closing quote is missing")
		return nil
	}
	word := p.text[p.at:end]
	p.at = end
	switch strings.ToLower(word) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if err := json.Unmarshal([]byte(word), &v); err != nil {
		p.fail("%q is no value; texts stand in quotes", clip(word))
	}
	return v
}

func isName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '$'
}

// name reads the name of an attribute.
func (p *parser) name() string {
	begin := p.at
	for p.at < len(p.text) && isName(p.text[p.at]) {
		p.at++
	}
	if n := p.text[begin:p.at]; n != "" && (n[0] == '$' || n[0]|0x20 >= 'a') {
		return n
	}
	p.fail("the name of an attribute is missing at %q", clip(p.text[begin:]))
	return ""
}

// path reads a path. A URN that no attribute follows is one of the schemas that are known.
func (p *parser) path() (path Path) {
	if p.err != nil {
		return path
	}
	if rest := p.text[p.at:]; len(rest) > 4 && strings.EqualFold(rest[:4], "urn:") {
		end := 0
		for end < len(rest) && (isName(rest[end]) || rest[end] == ':' || rest[end] == '.') {
			end++
		}
		urn := rest[:end]
		for _, known := range []string{UserURN, GroupURN, EnterpriseURN} {
			if strings.EqualFold(urn, known) {
				p.at += end
				return Path{URN: urn}
			}
		}
		colon := strings.LastIndexByte(urn, ':')
		path.URN = urn[:colon]
		p.at += colon + 1
	}
	path.Name = p.name()
	if p.next('[') && p.enter() {
		path.Filter = p.or()
		p.depth--
		if p.space(); p.err == nil && !p.next(']') {
			p.fail("a closing bracket is missing")
		}
	}
	if p.err == nil && p.next('.') {
		path.Sub = p.name()
	}
	return path
}

// of returns the attribute that a path names, nil if there is none of a type.
func (p *Path) of(t *Type) (a, sub *Attribute) {
	if p.URN != "" && !strings.EqualFold(p.URN, t.URN) {
		return nil, nil
	}
	if a = t.attribute(p.Name); a != nil && p.Sub != "" {
		if sub = a.sub(p.Sub); sub == nil {
			return nil, nil
		}
	}
	return a, sub
}

// Equal reports whether the filter is fulfilled only by resources of which a simple attribute has a value, and returns the
// two. The Backend need not offer others.
func (f *Filter) Equal(name string) (value string, ok bool) {
	switch {
	case f == nil:
	case f.op == "eq":
		if value, ok = f.value.(string); ok && f.path.URN == "" && f.path.Filter == nil && f.path.Sub == "" && strings.EqualFold(f.path.Name, name) {
			return value, true
		}
	case f.op == "and":
		if value, ok = f.left.Equal(name); ok {
			return value, true
		}
		return f.right.Equal(name)
	}
	return "", false
}

// Match reports whether a resource fulfils a filter. An attribute that resources of the type do not have is one without a
// value (RFC 7644 §3.4.2.2).
func (f *Filter) Match(t *Type, o Object) bool {
	e := evaluation{left: MaxEffort}
	return e.match(f, o, func(p *Path) (*Attribute, *Attribute) { return p.of(t) })
}

// evaluation bounds how often values are compared, in units of MaxEffort.
type evaluation struct{ left int }

// What comparisons cost, where passing over a value costs one.
const (
	plain  = 3
	costly = 50 // of whole objects
)

// scope resolves the paths of a filter.
type scope func(*Path) (a, sub *Attribute)

// within is the scope of a filter in the brackets of an attribute: its names are those of sub-attributes.
func within(a *Attribute) scope {
	return func(p *Path) (*Attribute, *Attribute) { return a.sub(p.Name), nil }
}

func (e *evaluation) match(f *Filter, o Object, names scope) bool {
	switch f.op {
	case "and":
		return e.match(f.left, o, names) && e.match(f.right, o, names)
	case "or":
		return e.match(f.left, o, names) || e.match(f.right, o, names)
	case "not":
		return !e.match(f.left, o, names)
	}
	a, sub := names(&f.path)
	var v any
	if a != nil {
		v = o[a.Name]
	}
	values := []any{v}
	if l, ok := v.([]any); ok {
		values = l
	}
	if f.path.Filter != nil && a != nil {
		var fit []any
		for _, x := range values {
			if y, ok := x.(Object); ok && e.match(f.path.Filter, y, within(a)) {
				fit = append(fit, x)
			}
		}
		if f.op == "[]" {
			return len(fit) > 0
		}
		values = fit
	}
	if a != nil && a.kind == complexly && sub == nil && f.op != "pr" { // values of such are compared by this (RFC 7643 §2.4)
		sub = a.sub("value")
	}
	present := false
	for _, x := range values {
		if e.left -= plain; e.left < 0 {
			return false
		}
		y, ok := x.(Object)
		if sub != nil {
			x = nil
			if ok {
				x = y[sub.Name]
			}
		} else if ok && len(y) == 0 {
			x = nil
		}
		if x == nil || x == "" {
			continue
		}
		present = true
		exact := a
		if sub != nil {
			exact = sub
		}
		if f.op == "pr" || compare(f.op, x, f.value, exact) {
			return true
		}
	}
	switch { // of what has no value
	case present || f.op == "pr":
		return false
	case f.op == "eq":
		return f.value == nil
	}
	return f.op == "ne" && f.value != nil
}

// compare compares a value that is there.
func compare(op string, x, with any, a *Attribute) bool {
	if with == nil {
		return op == "ne"
	}
	var order int
	switch v := x.(type) {
	case bool:
		if w, ok := with.(bool); !ok || w != v {
			return op == "ne"
		}
		return op == "eq"
	case string:
		w, ok := with.(string)
		if !ok {
			if b, is := with.(bool); is && (op == "eq" || op == "ne") {
				return (strings.EqualFold(v, "true") == b) == (op == "eq") && (strings.EqualFold(v, "true") || strings.EqualFold(v, "false"))
			}
			return op == "ne"
		}
		if a.kind == instant {
			at, err := time.Parse(time.RFC3339, v)
			other, err2 := time.Parse(time.RFC3339, w)
			if err == nil && err2 == nil && op != "co" && op != "sw" && op != "ew" {
				order = at.Compare(other)
				break
			}
		}
		if !a.exact {
			v, w = strings.ToLower(v), strings.ToLower(w)
		}
		switch op {
		case "co":
			return strings.Contains(v, w)
		case "sw":
			return strings.HasPrefix(v, w)
		case "ew":
			return strings.HasSuffix(v, w)
		}
		order = strings.Compare(v, w)
	case float64:
		w, ok := with.(float64)
		if !ok {
			return op == "ne"
		}
		switch {
		case v < w:
			order = -1
		case v > w:
			order = 1
		}
	default:
		return op == "ne"
	}
	switch op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	}
	return false
}
