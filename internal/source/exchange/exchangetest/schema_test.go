package exchangetest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write grammar.txt anew from the schema")

const xsdSpace = "{http://www.w3.org/2001/XMLSchema}"

// served are the elements clients send that are checked: requests, and what stands in headers.
var served = []string{
	"m:GetFolder", "m:FindFolder", "m:SyncFolderHierarchy", "m:FindItem", "m:GetItem", "m:SyncFolderItems", "m:CreateItem", "m:UpdateItem",
	"m:DeleteItem", "m:MoveItem", "m:Subscribe", "m:Unsubscribe", "m:GetEvents", "m:GetStreamingEvents", "m:GetServerTimeZones",
	"m:GetUserAvailabilityRequest", "m:ResolveNames", "m:ConvertId",
	"t:RequestServerVersion", "t:ExchangeImpersonation", "t:TimeZoneContext", "t:MailboxCulture", "t:DateTimePrecision", "t:ManagementRole",
}

// xsd collects the definitions of the schema.
type xsd struct {
	t       *testing.T
	defs    map[string]*node    // "element m:GetFolder", "type t:ItemType", "group", "attributeGroup"
	members map[string][]string // of substitution groups, by head
	lines   map[string]string
}

func readSchema(t *testing.T) *xsd {
	x := &xsd{t: t, defs: map[string]*node{}, members: map[string][]string{}, lines: map[string]string{}}
	for _, file := range []struct{ name, prefix string }{{"types.xsd", "t:"}, {"messages.xsd", "m:"}} {
		text, err := os.ReadFile(filepath.Join("testdata", "schema", file.name))
		if err != nil {
			t.Fatal(err)
		}
		root, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range root.kids {
			kind := strings.TrimPrefix(n.name, xsdSpace)
			if kind == "complexType" || kind == "simpleType" {
				kind = "type"
			}
			x.defs[kind+" "+file.prefix+n.attr("name")] = n
			if head := n.attr("substitutionGroup"); head != "" {
				head = x.qualify(head, file.prefix)
				x.members[head] = append(x.members[head], file.prefix+n.attr("name"))
			}
		}
	}
	return x
}

// qualify writes a name of the schema with our prefixes.
func (x *xsd) qualify(name, prefix string) string {
	if name == "" || strings.Contains(name, ":") {
		return strings.Replace(name, "tns:", prefix, 1)
	}
	return prefix + name
}

func kindOf(n *node) string { return strings.TrimPrefix(n.name, xsdSpace) }

// typeOf names the type of an element or attribute, and makes sure that it is described.
func (x *xsd) typeOf(n *node, prefix, owner string) string {
	if name := n.attr("type"); name != "" {
		name = x.qualify(name, prefix)
		x.need(name)
		return name
	}
	for _, k := range n.kids {
		if kind := kindOf(k); kind == "complexType" || kind == "simpleType" {
			name := owner + "." + n.attr("name")
			x.describe(name, k, prefix)
			return name
		}
	}
	return "xs:anyType"
}

func (x *xsd) need(name string) {
	if strings.HasPrefix(name, "xs:") {
		return
	}
	if _, ok := x.lines[name]; ok {
		return
	}
	n := x.defs["type "+name]
	if n == nil {
		x.t.Fatalf("the schema has no type %s", name)
	}
	x.describe(name, n, name[:2])
}

func (x *xsd) describe(name string, n *node, prefix string) {
	x.lines[name] = "" // so that types in themselves come to an end
	if kindOf(n) == "simpleType" {
		x.lines[name] = "simple " + name + " " + x.simple(n, prefix, name)
		return
	}
	content, attrs, base := x.complex(n, prefix, name)
	line := "type " + name + " (" + strings.TrimSpace(content) + ")"
	if base != "" {
		line = "type " + name + " =" + base
	}
	x.lines[name] = line + attrs
}

func (x *xsd) simple(n *node, prefix, owner string) string {
	for _, k := range n.kids {
		switch kindOf(k) {
		case "restriction":
			base := x.qualify(k.attr("base"), prefix)
			if base == "" {
				for _, in := range k.kids {
					if kindOf(in) == "simpleType" {
						base = owner + ".base"
						x.describe(base, in, prefix)
					}
				}
			}
			x.need(base)
			line := base
			var words []string
			for _, facet := range k.kids {
				switch kindOf(facet) {
				case "enumeration":
					words = append(words, facet.attr("value"))
				case "minLength", "maxLength", "minInclusive", "maxInclusive":
					line += " " + kindOf(facet) + "=" + facet.attr("value")
				case "pattern":
					if !strings.ContainsAny(facet.attr("value"), " ") {
						line += " pattern=" + facet.attr("value")
					}
				}
			}
			if len(words) > 0 {
				line += " enum=" + strings.Join(words, "|")
			}
			return line
		case "list":
			item := x.qualify(k.attr("itemType"), prefix)
			if item == "" {
				for _, in := range k.kids {
					if kindOf(in) == "simpleType" {
						item = owner + ".item"
						x.describe(item, in, prefix)
					}
				}
			}
			x.need(item)
			return "list=" + item
		case "union":
			line := "union="
			for _, member := range strings.Fields(k.attr("memberTypes")) {
				member = x.qualify(member, prefix)
				x.need(member)
				line += member + "|"
			}
			for i, in := range k.kids {
				if kindOf(in) == "simpleType" {
					member := fmt.Sprintf("%s.%d", owner, i)
					x.describe(member, in, prefix)
					line += member + "|"
				}
			}
			return strings.TrimSuffix(line, "|")
		}
	}
	x.t.Fatalf("the simple type %s is of no known kind", owner)
	return ""
}

// complex returns the content model, the attributes, and the type of simple content.
func (x *xsd) complex(n *node, prefix, owner string) (content, attrs, simple string) {
	for _, k := range n.kids {
		switch kindOf(k) {
		case "sequence", "choice", "all", "group":
			content += " " + x.particle(k, prefix, owner)
		case "attribute":
			mark := "@"
			if k.attr("use") == "required" {
				mark = "@!"
			}
			name := k.attr("name")
			if name == "" { // xml:lang and the like
				attrs += " @" + k.attr("ref") + ":xs:string"
				continue
			}
			attrs += " " + mark + name + ":" + x.typeOf(k, prefix, owner)
		case "attributeGroup":
			ref := x.qualify(k.attr("ref"), prefix)
			_, more, _ := x.complex(x.defs["attributeGroup "+ref], ref[:2], owner)
			attrs += more
		case "complexContent", "simpleContent":
			for _, e := range k.kids {
				if kind := kindOf(e); kind != "extension" && kind != "restriction" {
					continue
				}
				base := x.qualify(e.attr("base"), prefix)
				if kindOf(k) == "simpleContent" {
					simple = base
					if b := x.defs["type "+base]; b != nil && kindOf(b) == "complexType" {
						_, more, deeper := x.complex(b, base[:2], owner)
						attrs, simple = attrs+more, deeper
					}
					x.need(simple)
				} else if kindOf(e) == "extension" && base != "xs:anyType" {
					c, a, s := x.complex(x.defs["type "+base], base[:2], owner)
					content, attrs, simple = content+c, attrs+a, s
				}
				c, a, _ := x.complex(e, prefix, owner)
				content, attrs = content+c, attrs+a
			}
		}
	}
	return content, attrs, simple
}

func times(n *node) string {
	least, most := or(n.attr("minOccurs"), "1"), or(n.attr("maxOccurs"), "1")
	switch least + " " + most {
	case "1 1":
		return ""
	case "0 1":
		return "?"
	case "0 unbounded":
		return "*"
	case "1 unbounded":
		return "+"
	}
	return "{" + least + "," + strings.Replace(most, "unbounded", "", 1) + "}"
}

func (x *xsd) particle(n *node, prefix, owner string) string {
	switch kind := kindOf(n); kind {
	case "sequence", "choice", "all":
		var parts []string
		for _, k := range n.kids {
			if p := x.particle(k, prefix, owner); p != "" {
				parts = append(parts, p)
			}
		}
		if len(parts) == 0 {
			return ""
		}
		return "(" + strings.Join(parts, map[string]string{"sequence": " ", "choice": "|", "all": "&"}[kind]) + ")" + times(n)
	case "group":
		ref := x.qualify(n.attr("ref"), prefix)
		group := x.defs["group "+ref]
		for _, k := range group.kids {
			if p := x.particle(k, ref[:2], owner); p != "" {
				return "(" + p + ")" + times(n)
			}
		}
		return ""
	case "any":
		return "any" + times(n)
	case "element":
		if ref := x.qualify(n.attr("ref"), prefix); ref != "" {
			if members := x.members[ref]; len(members) > 0 {
				var parts []string
				for _, member := range append([]string{ref}, members...) {
					if e := x.defs["element "+member]; e.attr("abstract") != "true" {
						parts = append(parts, member+":"+x.typeOf(e, member[:2], "element"))
					}
				}
				return "(" + strings.Join(parts, "|") + ")" + times(n)
			}
			e := x.defs["element "+ref]
			if e == nil { // of another schema
				return "any" + times(n)
			}
			return ref + ":" + x.typeOf(e, ref[:2], "element") + times(n)
		}
		return prefix + n.attr("name") + ":" + x.typeOf(n, prefix, owner) + times(n)
	}
	return ""
}

// The grammar that requests are checked against is that of the schema which Exchange itself hands out.
func TestTheGrammarIsThatOfTheSchema(t *testing.T) {
	t.Parallel()
	x := readSchema(t)
	var elements []string
	for _, name := range served {
		n := x.defs["element "+name]
		if n == nil {
			t.Fatalf("the schema has no element %s", name)
		}
		elements = append(elements, fmt.Sprintf("element %s %s", name, x.typeOf(n, name[:2], "element")))
	}
	var lines []string
	for _, line := range x.lines {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	want := strings.Join(append(elements, lines...), "\n") + "\n"
	if *update {
		if err := os.WriteFile("grammar.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("grammar.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("grammar.txt is not what the schema says; go test -run Grammar -update writes it anew")
	}
}
