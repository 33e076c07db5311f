package scim

import "strings"

// Selection is which attributes a client wants to see (RFC 7644 §3.9).
type Selection struct {
	only, without []Path
}

// selectionOf reads lists of attributes. Names that no resource has are of no effect.
func selectionOf(only, without []string) (s Selection, err error) {
	for _, l := range []struct {
		names []string
		to    *[]Path
	}{{only, &s.only}, {without, &s.without}} {
		for _, name := range l.names {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if len(*l.to) == MaxNodes {
				return s, bad(TooMany, "more than %d attributes are named", MaxNodes)
			}
			p, err := ParsePath(name)
			if err != nil {
				return s, bad(InvalidValue, "%q is no attribute", clip(name))
			}
			*l.to = append(*l.to, p)
		}
	}
	return s, nil
}

// of returns what a client sees of a resource: what it asked for, and what is always shown.
func (s *Selection) of(t *Type, o Object) Object {
	out := Object{}
	for _, a := range t.all() {
		v, there := o[a.Name]
		if !there || a.returned == "never" {
			continue
		}
		if a.always() {
			out[a.Name] = v
			continue
		}
		if len(s.only) > 0 {
			subs, named := naming(t, a, s.only)
			switch {
			case !named:
				continue
			case subs != nil:
				v = part(v, func(name string) bool { return subs[name] })
			}
		} else if subs, named := naming(t, a, s.without); named {
			if subs == nil {
				continue
			}
			v = part(v, func(name string) bool { return !subs[name] })
		}
		for _, x := range a.subs {
			if x.returned == "never" {
				v = part(v, func(name string) bool { y := a.sub(name); return y == nil || y.returned != "never" })
				break
			}
		}
		if v != nil {
			out[a.Name] = v
		}
	}
	return out
}

// naming returns which sub-attributes of an attribute paths name; nil: the whole.
func naming(t *Type, a *Attribute, paths []Path) (subs map[string]bool, named bool) {
	for i := range paths {
		p := &paths[i]
		x, sub := p.of(t)
		switch {
		case p.Name == "" && strings.EqualFold(p.URN, t.URN), x == a && sub == nil:
			return nil, true
		case x == a:
			if subs == nil {
				subs = map[string]bool{}
			}
			subs[sub.Name], named = true, true
		}
	}
	return subs, named
}

// part returns a complex value, or several, with only the sub-attributes that are wanted; nil if nothing is left.
func part(v any, wanted func(string) bool) any {
	switch x := v.(type) {
	case Object:
		o := Object{}
		for k, y := range x {
			if wanted(k) {
				o[k] = y
			}
		}
		if len(o) > 0 {
			return o
		}
		return nil
	case []any:
		var all []any
		for _, y := range x {
			if z := part(y, wanted); z != nil {
				all = append(all, z)
			}
		}
		if len(all) > 0 {
			return all
		}
		return nil
	}
	return v
}
