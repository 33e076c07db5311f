package scim

import (
	"reflect"
	"sort"
	"strings"
)

// Operation is one change of a resource (RFC 7644 §3.5.2).
type Operation struct {
	Op    string // add, replace or remove
	Path  string // empty: none was given
	Value any
	given bool
}

// ReadPatch reads the operations of a PATCH. The words may have capitals, as Entra ID writes them.
func ReadPatch(sent Object) ([]Operation, error) {
	v, _ := field(sent, "Operations")
	items, ok := v.([]any)
	switch {
	case !ok || len(items) == 0:
		return nil, bad(InvalidSyntax, "Operations must be a list of at least one change")
	case len(items) > MaxOperations:
		return nil, &Error{Status: 413, Type: TooMany, Detail: "there are more than 2,000 Operations"}
	}
	var all []Operation
	for _, item := range items {
		o, ok := item.(Object)
		if !ok {
			return nil, bad(InvalidSyntax, "each of Operations must be an object")
		}
		var x Operation
		op, _ := field(o, "op")
		word, _ := op.(string)
		if x.Op = strings.ToLower(word); x.Op != "add" && x.Op != "replace" && x.Op != "remove" {
			return nil, bad(InvalidSyntax, "op must be add, replace or remove")
		}
		if path, _ := field(o, "path"); path != nil {
			if x.Path, ok = path.(string); !ok {
				return nil, bad(InvalidPath, "path must be text")
			}
		}
		if x.Value, x.given = field(o, "value"); !x.given && x.Op != "remove" {
			return nil, bad(InvalidValue, "%s needs a value", x.Op)
		}
		all = append(all, x)
	}
	return all, nil
}

// Patch returns what operations make of a resource, which stays as it is. What is not kept, or not for clients to change,
// is ignored. A path with a filter that nothing fulfils makes what fulfils it, for replace too: Entra ID relies on it.
func Patch(t *Type, now Object, all []Operation) (Object, error) {
	o := clone(now).(Object)
	c := change{t: t, evaluation: evaluation{left: MaxEffort}}
	for _, x := range together(t, all) {
		if err := c.apply(o, x); err != nil {
			return nil, err
		}
		if c.left < 0 {
			return nil, &Error{Status: 413, Type: TooMany, Detail: "the change has too many parts; send it in pieces"}
		}
	}
	for _, a := range t.own {
		if a.required && now[a.Name] != nil { // else it is not this change that takes it away
			return o, t.complete(o)
		}
	}
	return o, nil
}

// together makes one operation of those that remove members one by one, as some providers do with hundreds of a large group.
func together(t *Type, all []Operation) (fewer []Operation) {
	if t != Groups {
		return all
	}
	var last []any // the values of the operation at the end of fewer, if that is one of these
	for _, x := range all {
		id, ok := "", false
		if x.Op == "remove" {
			if p, err := ParsePath(x.Path); err == nil && p.Filter != nil && p.Sub == "" && p.Filter.op == "eq" {
				if a, _ := p.of(t); a != nil && a.Name == members {
					id, ok = p.Filter.Equal("value")
				}
			}
		}
		if !ok {
			fewer, last = append(fewer, x), nil
			continue
		}
		if last != nil {
			fewer = fewer[:len(fewer)-1]
		}
		last = append(last, id)
		fewer = append(fewer, Operation{Op: "remove", Path: members, Value: last, given: true})
	}
	return fewer
}

const members = "members"

type change struct {
	t *Type
	evaluation
}

func (c *change) apply(o Object, x Operation) error {
	if strings.TrimSpace(x.Path) == "" {
		if x.Op == "remove" {
			return bad(NoTarget, "remove needs a path")
		}
		return c.merge(o, x)
	}
	path, err := ParsePath(x.Path)
	if err != nil {
		return err
	}
	return c.at(o, path, x)
}

// merge applies a value without a path: each name in it is one. Entra ID writes names there that are paths themselves.
func (c *change) merge(o Object, x Operation) error {
	value, ok := x.Value.(Object)
	if !ok {
		return bad(InvalidValue, "the value of a change without a path must be an object")
	}
	names := make([]string, 0, len(value))
	for name := range value {
		names = append(names, name)
	}
	sort.Strings(names) // the outcome must not depend on chance
	for _, name := range names {
		path, err := ParsePath(name)
		if err != nil { // no attribute of ours has such a name
			continue
		}
		if err := c.at(o, path, Operation{Op: x.Op, Path: name, Value: value[name], given: true}); err != nil {
			return err
		}
	}
	return nil
}

// at applies a change to what a path names.
func (c *change) at(o Object, path Path, x Operation) error {
	if path.Name == "" { // a whole schema
		if !strings.EqualFold(path.URN, c.t.URN) {
			return nil
		}
		if x.Op == "remove" {
			return bad(NoTarget, "the schema of a resource cannot be removed")
		}
		return c.merge(o, x)
	}
	a, sub := path.of(c.t)
	switch {
	case a == nil || a.readOnly() || sub != nil && sub.readOnly():
		return nil
	case path.Filter != nil && !(a.many && a.kind == complexly):
		return bad(InvalidPath, "%s has not several values to choose from", a.Name)
	case path.Filter != nil:
		return c.chosen(o, a, sub, path.Filter, x)
	case sub != nil && a.many:
		return c.each(o, a, sub, x)
	case sub != nil:
		inner, _ := o[a.Name].(Object)
		if inner == nil {
			inner = Object{}
		}
		if err := c.set(inner, sub, x); err != nil {
			return err
		}
		keep(o, a.Name, inner)
		return nil
	}
	return c.set(o, a, x)
}

func keep(o Object, name string, inner Object) {
	if len(inner) == 0 {
		delete(o, name)
	} else {
		o[name] = inner
	}
}

// set changes an attribute as a whole.
func (c *change) set(o Object, a *Attribute, x Operation) error {
	if x.Op == "remove" {
		if a.many && x.given && x.Value != nil { // of these values, as Entra ID removes members
			return c.without(o, a, x.Value)
		}
		delete(o, a.Name)
		return nil
	}
	value, err := a.value(x.Value)
	switch {
	case err != nil:
		return err
	case value == nil && x.Op == "add" && a.many: // nothing to add
		return nil
	case value == nil:
		delete(o, a.Name)
	case a.many && x.Op == "add":
		c.add(o, a, value.([]any))
	case a.kind == complexly && !a.many: // what is not mentioned stays (RFC 7644 §3.5.2.1, §3.5.2.3)
		inner, _ := o[a.Name].(Object)
		if inner == nil {
			inner = Object{}
		}
		for k, v := range value.(Object) {
			inner[k] = v
		}
		o[a.Name] = inner
	default:
		o[a.Name] = value
	}
	return nil
}

// key tells values of an attribute apart where comparing each with each would take long.
func key(v any) string {
	o, _ := v.(Object)
	s, _ := o["value"].(string)
	return s
}

// add adds values that are not there yet.
func (c *change) add(o Object, a *Attribute, more []any) {
	all, _ := o[a.Name].([]any)
	byKey := make(map[string][]any, len(all))
	for _, v := range all {
		byKey[key(v)] = append(byKey[key(v)], v)
	}
	c.left -= len(all) + len(more)
	for _, v := range more {
		again := false
		for _, w := range byKey[key(v)] {
			if c.left -= costly; c.left < 0 {
				return
			}
			again = again || reflect.DeepEqual(v, w) || a.Name == members
		}
		if !again {
			all = append(all, v)
			byKey[key(v)] = append(byKey[key(v)], v)
		}
	}
	onePrimary(all)
	o[a.Name] = all
}

// without removes the values that are named: those that have all that is said of them.
func (c *change) without(o Object, a *Attribute, named any) error {
	value, err := a.value(named)
	if err != nil {
		return err
	}
	list, _ := value.([]any)
	gone := make(map[string][]Object, len(list))
	for _, v := range list {
		if x, ok := v.(Object); ok {
			gone[key(v)] = append(gone[key(v)], x)
		}
	}
	all, _ := o[a.Name].([]any)
	c.left -= len(all) + len(list)
	left := make([]any, 0, len(all))
	for _, v := range all {
		x, _ := v.(Object)
		fits := false
		for _, g := range gone[key(v)] {
			if c.left -= costly; c.left < 0 {
				return nil
			}
			fits = fits || a.Name == members || contains(x, g)
		}
		if !fits {
			left = append(left, v)
		}
	}
	assign(o, a, left)
	return nil
}

// contains reports whether an object has all values of another.
func contains(o, part Object) bool {
	for k, v := range part {
		if !reflect.DeepEqual(o[k], v) {
			return false
		}
	}
	return true
}

func assign(o Object, a *Attribute, all []any) {
	if len(all) == 0 {
		delete(o, a.Name)
	} else {
		o[a.Name] = all
	}
}

// each changes a sub-attribute of all values.
func (c *change) each(o Object, a, sub *Attribute, x Operation) error {
	all, _ := o[a.Name].([]any)
	if len(all) == 0 && x.Op != "remove" {
		all = []any{Object{}}
	}
	var left []any
	for _, v := range all {
		c.left--
		inner, ok := v.(Object)
		if !ok {
			continue
		}
		if err := c.set(inner, sub, x); err != nil {
			return err
		}
		if len(inner) > 0 {
			left = append(left, inner)
		}
	}
	assign(o, a, left)
	return nil
}

// chosen changes the values that fulfil a filter.
func (c *change) chosen(o Object, a, sub *Attribute, f *Filter, x Operation) error {
	all, _ := o[a.Name].([]any)
	var left []any
	found := false
	for _, v := range all {
		inner, ok := v.(Object)
		if !ok || !c.match(f, inner, within(a)) {
			left = append(left, v)
			continue
		}
		found = true
		now, err := c.choose(inner, a, sub, x)
		if err != nil {
			return err
		}
		if len(now) > 0 {
			left = append(left, now)
		}
	}
	if !found && x.Op != "remove" {
		fresh := Object{}
		if !c.imply(fresh, a, f) {
			return bad(NoTarget, "no value of %s fulfils the filter", a.Name)
		}
		now, err := c.choose(fresh, a, sub, x)
		if err != nil {
			return err
		}
		left = append(left, now)
	}
	onePrimary(left)
	assign(o, a, left)
	return nil
}

// choose changes one value that was chosen, or removes it by returning nothing.
func (c *change) choose(inner Object, a, sub *Attribute, x Operation) (Object, error) {
	if sub != nil {
		err := c.set(inner, sub, x)
		return inner, err
	}
	if x.Op == "remove" {
		return nil, nil
	}
	value, err := a.one(x.Value)
	if err != nil {
		return nil, err
	}
	given, ok := value.(Object)
	if !ok {
		return inner, nil
	}
	for k, v := range given {
		inner[k] = v
	}
	return inner, nil
}

// imply puts into a new value what a filter says it must have; ok is false if the filter leaves it open.
func (c *change) imply(o Object, a *Attribute, f *Filter) (ok bool) {
	switch f.op {
	case "and":
		return c.imply(o, a, f.left) && c.imply(o, a, f.right)
	case "eq":
		s := a.sub(f.path.Name)
		if s == nil || f.path.Sub != "" || f.path.Filter != nil || f.value == nil {
			return false
		}
		v, err := s.one(f.value)
		if err != nil || v == nil {
			return false
		}
		o[s.Name] = v
		return true
	}
	return false
}
