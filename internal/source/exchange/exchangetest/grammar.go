package exchangetest

import (
	_ "embed"
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// grammar.txt says what the schema says of requests, in short: which elements a type has and in what order, which
// attributes, and which values. A test compares it with the schema.
//
//go:embed grammar.txt
var grammarText string

type grammar struct {
	elements map[string]string // name to type, of what may stand in a header or a body
	types    map[string]*schemaType
}

type schemaType struct {
	name     string
	content  *particle // nil with simple types
	text     string    // the simple type of the content; empty if there is none
	attrs    map[string]string
	required []string

	// of simple types
	base           string
	list, union    []string // types of the parts
	enum           []string
	pattern        *regexp.Regexp
	minLen, maxLen int
	min, max       *int64
}

// particle is a part of a content model.
type particle struct {
	kind        byte   // 'e' element, ' ' sequence, '|' choice, '&' all, '*' any
	name, typ   string // of elements
	parts       []*particle
	least, most int // most is negative: without limit
}

var schema = sync.OnceValue(func() *grammar {
	g := &grammar{elements: map[string]string{}, types: map[string]*schemaType{}}
	for line := range strings.Lines(grammarText) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, rest, _ := strings.Cut(rest, " ")
		switch kind {
		case "element":
			g.elements[name] = rest
		case "type":
			t := &schemaType{name: name, attrs: map[string]string{}}
			if strings.HasPrefix(rest, "=") {
				t.text, rest, _ = strings.Cut(rest[1:], " ")
			} else {
				t.content, rest = parseParticle(rest)
			}
			for _, a := range strings.Fields(rest) {
				required := strings.HasPrefix(a, "@!")
				i := strings.Index(a, ":")
				if strings.HasPrefix(a, "@xml:") {
					i = 5 + strings.Index(a[5:], ":")
				}
				attr := strings.TrimLeft(a[:i], "@!")
				t.attrs[attr] = a[i+1:]
				if required {
					t.required = append(t.required, attr)
				}
			}
			g.types[name] = t
		case "simple":
			g.types[name] = parseSimple(name, rest)
		}
	}
	return g
})

func parseSimple(name, s string) *schemaType {
	t := &schemaType{name: name, maxLen: -1}
	if before, words, ok := strings.Cut(s, "enum="); ok {
		t.enum, s = strings.Split(words, "|"), before
	}
	for i, field := range strings.Fields(s) {
		key, val, _ := strings.Cut(field, "=")
		number, _ := strconv.ParseInt(val, 10, 64)
		switch key {
		case "list":
			t.list = []string{val}
		case "union":
			t.union = strings.Split(val, "|")
		case "minLength":
			t.minLen = int(number)
		case "maxLength":
			t.maxLen = int(number)
		case "minInclusive":
			t.min = &number
		case "maxInclusive":
			t.max = &number
		case "pattern":
			t.pattern = regexp.MustCompile("^(?:" + val + ")$")
		default:
			if i == 0 {
				t.base = field
			}
		}
	}
	return t
}

// parseParticle reads a content model, and returns what comes after it.
func parseParticle(s string) (*particle, string) {
	p := &particle{least: 1, most: 1}
	switch {
	case strings.HasPrefix(s, "("):
		p.kind = ' '
		s = s[1:]
		for !strings.HasPrefix(s, ")") {
			var part *particle
			part, s = parseParticle(s)
			p.parts = append(p.parts, part)
			if s != "" && strings.IndexByte(" |&", s[0]) >= 0 {
				p.kind = s[0]
				s = s[1:]
			}
		}
		s = s[1:]
	default:
		i := strings.IndexAny(s, "?*+{ |&)")
		word := s[:i]
		s = s[i:]
		if word == "any" {
			p.kind = '*'
		} else {
			p.kind = 'e'
			p.name, p.typ = word[:2+strings.Index(word[2:], ":")], word[3+strings.Index(word[2:], ":"):]
		}
	}
	if s == "" {
		return p, s
	}
	switch s[0] {
	case '?':
		p.least = 0
	case '*':
		p.least, p.most = 0, -1
	case '+':
		p.most = -1
	case '{':
		least, most, _ := strings.Cut(s[1:strings.Index(s, "}")], ",")
		p.least, _ = strconv.Atoi(least)
		p.most = -1
		if most != "" {
			p.most, _ = strconv.Atoi(most)
		}
		return p, s[strings.Index(s, "}")+1:]
	default:
		return p, s
	}
	return p, s[1:]
}

// starts tells whether an element can be the first of a particle.
func (p *particle) starts(name string) bool {
	switch p.kind {
	case 'e':
		return p.name == name
	case '*':
		return true
	case ' ':
		for _, part := range p.parts {
			if part.starts(name) {
				return true
			}
			if !part.optional() {
				return false
			}
		}
		return false
	}
	return slices.ContainsFunc(p.parts, func(part *particle) bool { return part.starts(name) })
}

func (p *particle) optional() bool {
	if p.least == 0 {
		return true
	}
	switch p.kind {
	case 'e', '*':
		return false
	case '|':
		return len(p.parts) == 0 || slices.ContainsFunc(p.parts, (*particle).optional)
	}
	return !slices.ContainsFunc(p.parts, func(part *particle) bool { return !part.optional() })
}

// expected lists what could stand first.
func (p *particle) expected() []string {
	if p.kind == 'e' {
		return []string{p.name}
	}
	var names []string
	for _, part := range p.parts {
		names = append(names, part.expected()...)
		if p.kind == ' ' && !part.optional() {
			break
		}
	}
	return names
}

// match takes as many elements as the particle holds, and notes their types. The schema is such that the next element
// always decides.
func (p *particle) match(kids []*node, types []string, i int) (int, *mismatch) {
	for n := 0; p.most < 0 || n < p.most; n++ {
		if i >= len(kids) || !p.starts(kids[i].name) {
			if n < p.least && !p.optional() {
				return i, &mismatch{i, p.expected()}
			}
			return i, nil
		}
		switch p.kind {
		case 'e':
			types[i] = p.typ
			i++
		case '*':
			i++
		case ' ':
			for _, part := range p.parts {
				var bad *mismatch
				if i, bad = part.match(kids, types, i); bad != nil {
					return i, bad
				}
			}
		case '|':
			for _, part := range p.parts {
				if part.starts(kids[i].name) {
					var bad *mismatch
					if i, bad = part.match(kids, types, i); bad != nil {
						return i, bad
					}
					break
				}
			}
		case '&':
			left := slices.Clone(p.parts)
			for i < len(kids) {
				at := slices.IndexFunc(left, func(part *particle) bool { return part.starts(kids[i].name) })
				if at < 0 {
					break
				}
				var bad *mismatch
				if i, bad = left[at].match(kids, types, i); bad != nil {
					return i, bad
				}
				left = slices.Delete(left, at, at+1)
			}
			for _, part := range left {
				if !part.optional() {
					return i, &mismatch{i, part.expected()}
				}
			}
		}
	}
	return i, nil
}

// mismatch is where a content model and an element part.
type mismatch struct {
	at       int
	expected []string
}

var spaces = map[string]string{"s": soapSpace, "m": messagesSpace, "t": typesSpace}

// spell writes a name as .NET's messages do.
func spell(name string) string {
	if prefix, local, ok := strings.Cut(name, ":"); ok && spaces[prefix] != "" {
		return "'" + local + "' in namespace '" + spaces[prefix] + "'"
	}
	return "'" + name + "'"
}

// validate checks header and body of a request against the schema.
func validate(root *node) error {
	for _, n := range []*node{root, root.kid("s:Header"), root.kid("s:Body")} {
		if n.value() != "" {
			return violation(n, "The element "+spell(n.name)+" cannot contain text.")
		}
	}
	if header := root.kid("s:Header"); header != nil {
		for _, n := range header.kids {
			typ, ok := schema().elements[n.name]
			if !ok {
				if n.attr("s:mustUnderstand") == "1" {
					return &fault{text: "The header " + spell(n.name) + " was not understood.", client: true}
				}
				continue
			}
			if err := schema().check(n, typ); err != nil {
				return err
			}
		}
	}
	request := root.kid("s:Body").kids[0]
	return schema().check(request, schema().elements[request.name])
}

func violation(n *node, text string) error {
	return &fault{code: "ErrorSchemaValidation", text: "The request failed schema validation: " + text, violation: n}
}

func (g *grammar) check(n *node, typ string) error {
	t := g.types[typ]
	for name := range n.attrs {
		if strings.HasPrefix(name, "xsi:") || strings.Contains(name, ":") && name != "xml:lang" {
			continue
		}
		if t == nil || t.attrs[name] == "" {
			if typ == "xs:anyType" {
				continue
			}
			return violation(n, "The '"+name+"' attribute is not declared.")
		}
		if !g.valid(n.attrs[name], t.attrs[name]) {
			return violation(n, "The '"+name+"' attribute is invalid - The value '"+n.attrs[name]+"' is invalid according to its datatype.")
		}
	}
	if t != nil {
		for _, name := range t.required {
			if _, ok := n.attrs[name]; !ok {
				return violation(n, "The required attribute '"+name+"' is missing.")
			}
		}
	}
	if t == nil || t.content == nil {
		if typ == "xs:anyType" {
			return nil
		}
		if len(n.kids) > 0 {
			return violation(n.kids[0], "The element "+spell(n.name)+" cannot contain child element "+spell(n.kids[0].name)+" because the parent element's content model is text only.")
		}
		text := typ
		if t != nil && t.text != "" {
			text = t.text
		}
		if !g.valid(n.text, text) {
			return violation(n, "The "+spell(n.name)+" element is invalid - The value '"+n.text+"' is invalid according to its datatype '"+text+"'.")
		}
		return nil
	}
	if strings.TrimSpace(n.text) != "" {
		return violation(n, "The element "+spell(n.name)+" cannot contain text.")
	}
	types := make([]string, len(n.kids))
	i, bad := t.content.match(n.kids, types, 0)
	if bad == nil && i < len(n.kids) {
		bad = &mismatch{at: i}
	}
	if bad != nil {
		if bad.at >= len(n.kids) {
			return violation(n, "The element "+spell(n.name)+" has incomplete content."+possible(bad.expected))
		}
		return violation(n.kids[bad.at], "The element "+spell(n.name)+" has invalid child element "+spell(n.kids[bad.at].name)+"."+possible(bad.expected))
	}
	for i, k := range n.kids {
		if types[i] == "" {
			continue
		}
		if err := g.check(k, types[i]); err != nil {
			return err
		}
	}
	return nil
}

func possible(names []string) string {
	if len(names) == 0 {
		return ""
	}
	for i, name := range names {
		names[i] = spell(name)
	}
	return " List of possible elements expected: " + strings.Join(names, ", ") + "."
}

var (
	dateTimeText = regexp.MustCompile(`^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)
	dateText     = regexp.MustCompile(`^-?\d{4,}-\d\d-\d\d(Z|[+-]\d\d:\d\d)?$`)
	timeText     = regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)
	durationText = regexp.MustCompile(`^-?P(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`)
)

// exists tells whether a day or a time of day, which looks like one, is one.
func exists(s, layout string) bool {
	if len(s) < len(layout) || s[0] == '-' {
		return false
	}
	_, err := time.Parse(layout, strings.Replace(s[:len(layout)], "T24:00:00", "T00:00:00", 1))
	return err == nil
}

// valid checks a value against a simple type.
func (g *grammar) valid(s, typ string) bool {
	if t := g.types[typ]; t != nil {
		if t.list != nil {
			for _, word := range strings.Fields(s) {
				if !g.valid(word, t.list[0]) {
					return false
				}
			}
			return true
		}
		if t.union != nil {
			return slices.ContainsFunc(t.union, func(u string) bool { return g.valid(s, u) })
		}
		if t.base == "" {
			return t.text == "" || g.valid(s, t.text)
		}
		if !g.valid(s, t.base) {
			return false
		}
		if t.enum != nil && !slices.Contains(t.enum, s) {
			return false
		}
		if t.pattern != nil && !t.pattern.MatchString(s) || len([]rune(s)) < t.minLen || t.maxLen >= 0 && len([]rune(s)) > t.maxLen {
			return false
		}
		if t.min != nil || t.max != nil {
			n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			if err != nil || t.min != nil && n < *t.min || t.max != nil && n > *t.max {
				return false
			}
		}
		return true
	}
	trimmed := strings.TrimSpace(s)
	var err error
	switch typ {
	case "xs:boolean":
		return slices.Contains([]string{"true", "false", "1", "0"}, trimmed)
	case "xs:int":
		_, err = strconv.ParseInt(trimmed, 10, 32)
	case "xs:short":
		_, err = strconv.ParseInt(trimmed, 10, 16)
	case "xs:long", "xs:integer", "xs:nonNegativeInteger":
		_, err = strconv.ParseInt(trimmed, 10, 64)
	case "xs:unsignedInt", "xs:unsignedShort", "xs:unsignedByte":
		_, err = strconv.ParseUint(trimmed, 10, 32)
	case "xs:double", "xs:float":
		_, err = strconv.ParseFloat(trimmed, 64)
	case "xs:dateTime":
		return dateTimeText.MatchString(trimmed) && exists(trimmed, "2006-01-02T15:04:05")
	case "xs:date":
		return dateText.MatchString(trimmed) && exists(trimmed, "2006-01-02")
	case "xs:time":
		return timeText.MatchString(trimmed) && exists(trimmed, "15:04:05")
	case "xs:duration":
		return durationText.MatchString(trimmed) && !strings.HasSuffix(trimmed, "P") && !strings.HasSuffix(trimmed, "T")
	case "xs:base64Binary":
		_, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	}
	return err == nil
}
