package telephones

import (
	"slices"
	"strings"
	"sync"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

// book says whom addresses mean.
type book struct {
	mu    sync.RWMutex // guards what follows
	by    map[string][]entryOf
	whose map[string][]keyed // what each person has
}

type keyed struct {
	key string
	entryOf
}

// entryOf is one meaning of an address.
type entryOf struct {
	person string
	exact  string // as it is written, in lower case
	kind   kind
}

// kind is what an address is of a person.
type kind uint8

const (
	workNumber kind = iota
	line
	login
	identifier
)

func (b *book) init() { b.by, b.whose = map[string][]entryOf{}, map[string][]keyed{} }

// keys are what a number, or an address, is found by.
func keys(number string) []string {
	number = user(number)
	folded := telephony.Fold(number)
	if folded == "" {
		return nil
	}
	if other := telephony.Fold(wire.Clean(number)); other != folded && other != "" { // that knows of +49 (0)30
		return []string{folded, other}
	}
	return []string{folded}
}

// user is the user part of an address, and a number as it is.
func user(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		if rest, ok := strings.CutPrefix(address, scheme); ok {
			rest, _, _ = strings.Cut(rest, ";")
			rest, _, _ = strings.Cut(rest, "@")
			return rest
		}
	}
	return address
}

// enter takes up which addresses a person has now. Whoever is blocked, or gone, has none.
func (t *Telephones) enter(personID string) {
	var fresh []keyed
	add := func(k kind, address string) {
		for _, key := range keys(address) {
			fresh = append(fresh, keyed{key, entryOf{personID, user(address), k}})
		}
	}
	if who, ok := t.office.Person(personID); ok && !who.Blocked {
		add(workNumber, who.WorkNumber)
		for _, l := range t.cfg.Lines(who) {
			add(line, l.Line)
		}
		add(login, who.Login)
		add(identifier, who.ID)
	}
	b := &t.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Equal(fresh, b.whose[personID]) {
		return
	}
	for _, e := range b.whose[personID] {
		left := slices.DeleteFunc(slices.Clone(b.by[e.key]), func(x entryOf) bool { return x.person == personID })
		if len(left) == 0 {
			delete(b.by, e.key)
		} else {
			b.by[e.key] = left
		}
	}
	for _, e := range fresh {
		b.by[e.key] = append(slices.Clone(b.by[e.key]), e.entryOf)
	}
	if b.whose[personID] = fresh; fresh == nil {
		delete(b.whose, personID)
	}
}

// find returns whom an address means. Of several it is the one whose address is written so; of those, with a number whose number it is before
// whose line, and with a name whose login it is before whose identifier.
func (b *book) find(address string, numbers bool) (personID string, ok bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	address = user(address)
	names := !wire.Dialable(wire.Clean(address))
	var best entryOf
	for _, key := range keys(address) {
		for _, e := range b.by[key] {
			if numbers && e.kind > line {
				continue
			}
			if !ok || better(e, best, address, names) {
				best, ok = e, true
			}
		}
	}
	return best.person, ok
}

func better(a, b entryOf, address string, names bool) bool {
	if x, y := a.exact == address, b.exact == address; x != y {
		return x
	}
	rank := func(k kind) kind {
		if names { // what is no number is a login or an identifier first
			return (k + 2) % 4
		}
		return k
	}
	if x, y := rank(a.kind), rank(b.kind); x != y {
		return x < y
	}
	return a.person < b.person
}

// directory is what a server asks for accounts and addresses.
type directory struct{ t *Telephones }

// Person implements sipserver.Directory.
func (d *directory) Person(user string) (personID string, ok bool) { return d.t.book.find(user, false) }
