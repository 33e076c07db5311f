package scim

import (
	"strings"
)

// Read makes of what a provider sent the resource as the schema has it: names spelt as there, values of the right kind,
// and without what is not kept or cannot be changed by clients (RFC 7644 §3.3).
func Read(t *Type, sent Object) (Object, error) {
	o := Object{}
	if err := t.read(o, sent); err != nil {
		return nil, err
	}
	return o, t.complete(o)
}

// complete checks that a resource has what it must have.
func (t *Type) complete(o Object) error {
	for _, a := range t.own {
		if s, _ := o[a.Name].(string); a.required && strings.TrimSpace(s) == "" {
			return bad(InvalidValue, "%s must be given", a.Name)
		}
	}
	return nil
}

func (t *Type) read(into, sent Object) error {
	for name, v := range sent {
		if strings.EqualFold(name, t.URN) { // qualified as a whole
			if inner, ok := v.(Object); ok {
				if err := t.read(into, inner); err != nil {
					return err
				}
			}
			continue
		}
		a := t.attribute(unqualified(t, name))
		if a == nil || a.readOnly() {
			continue
		}
		value, err := a.value(v)
		if err != nil {
			return err
		}
		if value == nil { // unassigned (RFC 7643 §2.5)
			delete(into, a.Name)
		} else {
			into[a.Name] = value
		}
	}
	return nil
}

// unqualified returns a name without the URN of the type's own schema.
func unqualified(t *Type, name string) string {
	if len(name) > len(t.URN) && name[len(t.URN)] == ':' && strings.EqualFold(name[:len(t.URN)], t.URN) {
		return name[len(t.URN)+1:]
	}
	return name
}

// value makes of what was sent a value of the attribute, nil if there is none.
func (a *Attribute) value(v any) (any, error) {
	if !a.many {
		// Entra ID has sent simple values as lists of one object (observed in its requests until 2018).
		if l, ok := v.([]any); ok && len(l) == 1 {
			v = l[0]
		}
		return a.one(v)
	}
	var all []any
	switch x := v.(type) {
	case nil:
	case []any:
		for _, y := range x {
			one, err := a.one(y)
			if err != nil {
				return nil, err
			}
			if one != nil {
				all = append(all, one)
			}
		}
	default:
		one, err := a.one(v)
		if err != nil {
			return nil, err
		}
		if one != nil {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	onePrimary(all)
	return all, nil
}

// onePrimary leaves of several values that claim to be the primary one only the last (RFC 7643 §2.4).
func onePrimary(all []any) {
	found := false
	for i := len(all) - 1; i >= 0; i-- {
		if o, ok := all[i].(Object); ok && o["primary"] == true {
			if found {
				o["primary"] = false
			}
			found = true
		}
	}
}

func (a *Attribute) one(v any) (any, error) {
	if a.kind == complexly {
		switch x := v.(type) {
		case nil:
			return nil, nil
		case Object:
			o := Object{}
			for name, y := range x {
				s := a.sub(name)
				if s == nil || s.readOnly() {
					continue
				}
				one, err := s.one(y)
				if err != nil {
					return nil, &Error{Status: 400, Type: InvalidValue, Detail: a.Name + "." + err.Error()}
				}
				if one != nil {
					o[s.Name] = one
				}
			}
			if len(o) == 0 {
				return nil, nil
			}
			return o, nil
		default:
			// A simple value stands for the sub-attribute value.
			if s := a.sub("value"); s != nil {
				one, err := s.one(v)
				if err != nil || one == nil {
					return nil, err
				}
				return Object{s.Name: one}, nil
			}
			return nil, bad(InvalidValue, "%s must be an object", a.Name)
		}
	}
	if o, ok := v.(Object); ok { // as above
		inner, given := field(o, "value")
		if !given {
			return nil, bad(InvalidValue, "%s must be no object", a.Name)
		}
		v = inner
	}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case bool:
		if a.kind == boolean {
			return x, nil
		}
	case string:
		if a.kind != boolean {
			return x, nil
		}
		switch strings.ToLower(strings.TrimSpace(x)) { // Entra ID sends "True" and "False"
		case "true":
			return true, nil
		case "false":
			return false, nil
		case "":
			return nil, nil
		}
	}
	what := "text"
	if a.kind == boolean {
		what = "true or false"
	}
	return nil, bad(InvalidValue, "%s must be %s", a.Name, what)
}
