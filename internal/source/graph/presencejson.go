package graph

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The presence of tens of thousands of people is read every few seconds, and little of it changes. So it is read without
// reflection, and nothing is allocated for a person but the sequence number: the ID is the one that was asked for, and the words
// are known.

// words are those that Microsoft names for availability and activity (graph/api/resources/presence). Others are read as well.
var words = func() map[string]string {
	m := map[string]string{}
	for _, w := range []string{"Available", "AvailableIdle", "Away", "BeRightBack", "Busy", "BusyIdle", "DoNotDisturb", "Focusing", "InACall",
		"InAConferenceCall", "InAMeeting", "Inactive", "Offline", "OffWork", "OutOfOffice", "PresenceUnknown", "Presenting",
		"UrgentInterruptionsOnly"} {
		m[w] = w
	}
	return m
}()

const maxWord = 100 // letters of a word or a sequence number

// readPresences reads the answer of getPresencesByUserId and appends to out what it says of those that were asked for, by IDs in
// lower case.
func readPresences(body []byte, asked []string, out []Presence) ([]Presence, error) {
	j := scanner{b: body}
	found := false
	var byID map[string]string
	next := 0
	ok := j.object(func(name []byte) bool {
		if string(name) != "value" {
			return j.skip()
		}
		found = true
		return j.array(func() bool {
			p, id, ok := j.presence()
			if !ok {
				return false
			}
			// As a rule they come as they were asked for.
			if next < len(asked) && sameID(asked[next], id) {
				p.ID = asked[next]
				next++
				out = append(out, p)
				return true
			}
			if byID == nil {
				byID = make(map[string]string, len(asked))
				for _, one := range asked {
					byID[one] = one
				}
			}
			known, ok := byID[string(id)]
			if !ok {
				if known, ok = byID[strings.ToLower(string(id))]; !ok {
					return true // nobody asked
				}
			}
			if next < len(asked)-1 && asked[next+1] == known { // somebody is missing; from here on it may go on in order
				next += 2
			}
			p.ID = known
			out = append(out, p)
			return true
		})
	})
	if !ok || !found {
		return out, errDamaged
	}
	return out, nil
}

// readPresence reads one presence.
func readPresence(body []byte) (Presence, error) {
	j := scanner{b: body}
	p, id, ok := j.presence()
	if !ok || !isGUID(string(id)) || p.Availability == "" {
		return Presence{}, errDamaged
	}
	p.ID = strings.ToLower(string(id))
	return p, nil
}

// sameID reports that id is lower, which is in lower case.
func sameID(lower string, id []byte) bool {
	if len(lower) != len(id) {
		return false
	}
	for i, c := range id {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// scanner goes through JSON, as far as it has to: it finds what is asked for in all that is valid, and stops at what cannot be.
type scanner struct {
	b []byte
	i int
}

// presence reads one, but for its ID, which is returned as it is in the text.
func (j *scanner) presence() (p Presence, id []byte, ok bool) {
	ok = j.object(func(name []byte) bool {
		switch string(name) {
		case "id":
			v, ok := j.value()
			id = v
			return ok
		case "availability":
			v, ok := j.value()
			p.Availability = word(v)
			return ok
		case "activity":
			v, ok := j.value()
			p.Activity = word(v)
			return ok
		case "sequenceNumber":
			v, ok := j.value()
			if p.Sequence = ""; len(v) <= maxWord {
				p.Sequence = string(v)
			}
			return ok
		}
		return j.skip()
	})
	return p, id, ok
}

func word(v []byte) string {
	if w, ok := words[string(v)]; ok {
		return w
	}
	if len(v) > maxWord {
		return ""
	}
	return string(v)
}

func (j *scanner) space() {
	for j.i < len(j.b) {
		switch j.b[j.i] {
		case ' ', '\t', '\r', '\n':
			j.i++
		default:
			return
		}
	}
}

// take goes past c, after space.
func (j *scanner) take(c byte) bool {
	j.space()
	if j.i < len(j.b) && j.b[j.i] == c {
		j.i++
		return true
	}
	return false
}

// object calls f at the value of each member, which f is to go past.
func (j *scanner) object(f func(name []byte) bool) bool {
	if !j.take('{') {
		return false
	}
	if j.take('}') {
		return true
	}
	for {
		j.space()
		name, ok := j.text()
		if !ok || !j.take(':') || !f(name) {
			return false
		}
		if j.take('}') {
			return true
		}
		if !j.take(',') {
			return false
		}
	}
}

// array calls f at each element, which f is to go past.
func (j *scanner) array(f func() bool) bool {
	if !j.take('[') {
		return false
	}
	if j.take(']') {
		return true
	}
	for {
		if !f() {
			return false
		}
		if j.take(']') {
			return true
		}
		if !j.take(',') {
			return false
		}
	}
}

// raw goes past a string, and returns it with its quotation marks; plain if nothing in it is escaped.
func (j *scanner) raw() (v []byte, plain, ok bool) {
	if j.i >= len(j.b) || j.b[j.i] != '"' {
		return nil, false, false
	}
	from := j.i
	plain = true
	for i := from + 1; i < len(j.b); i++ {
		switch c := j.b[i]; {
		case c == '"':
			j.i = i + 1
			return j.b[from:j.i], plain, true
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// text returns what a string says.
func (j *scanner) text() ([]byte, bool) {
	v, plain, ok := j.raw()
	if !ok {
		return nil, false
	}
	if plain {
		return v[1 : len(v)-1], true
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}

// value returns what a string says, or a number as it is; nothing for null, and for everything else.
func (j *scanner) value() ([]byte, bool) {
	j.space()
	if j.i < len(j.b) && j.b[j.i] == '"' {
		return j.text()
	}
	from := j.i
	if !j.skip() {
		return nil, false
	}
	v := bytes.TrimSpace(j.b[from:j.i])
	if len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') {
		return v, true
	}
	return nil, true
}

// skip goes past a value.
func (j *scanner) skip() bool {
	for depth := 0; ; {
		j.space()
		if j.i >= len(j.b) {
			return false
		}
		switch c := j.b[j.i]; c {
		case '"':
			if _, _, ok := j.raw(); !ok {
				return false
			}
		case '{', '[':
			depth++
			j.i++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return false
			}
			j.i++
		case ',', ':':
			if depth == 0 {
				return false
			}
			j.i++
			continue
		default:
			from := j.i
			for j.i < len(j.b) && !strings.ContainsRune(" \t\r\n,:]}[{\"", rune(j.b[j.i])) {
				j.i++
			}
			if j.i == from {
				return false
			}
		}
		if depth == 0 {
			return true
		}
	}
}
