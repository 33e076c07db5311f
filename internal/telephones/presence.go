package telephones

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/internal/telephony"
)

// See implements sipserver.Presences.
func (d *directory) See(viewerID, personID string) (sipserver.View, bool) {
	class := rights.ClassOf(d.t.office.Level(viewerID, personID))
	if class.SeesNothing() {
		return sipserver.View{}, false
	}
	p, shown, ok := d.t.hub.Presence(personID)
	if !ok {
		return sipserver.View{}, false
	}
	v := rights.SeePresence(class, personID, &p, &shown).Presence()
	if v.Off {
		return sipserver.View{Off: true}, true
	}
	if v.Status == nil {
		return sipserver.View{}, false
	}
	view := sipserver.View{Status: *v.Status, Text: v.Text}
	if l := v.Line; l != nil {
		view.LineKnown = true
		view.Line.State, view.Line.Service, view.Line.Other = l.State, l.Service, l.Other
		if l.Reach != nil {
			view.Line.Reach = *l.Reach
		}
	}
	return view, true
}

// Watch implements sipserver.Presences.
func (d *directory) Watch(personIDs []string, f func(personID string)) (stop func()) {
	return d.t.watchers.add(personIDs, f)
}

// watchers are who wants to hear of whom.
type watchers struct {
	mu   sync.RWMutex // guards what follows
	of   map[string]map[int]func(string)
	next int
}

func (w *watchers) init() { w.of = map[string]map[int]func(string){} }

func (w *watchers) add(personIDs []string, f func(string)) (stop func()) {
	personIDs = slices.Clone(personIDs)
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.next
	w.next++
	for _, id := range personIDs {
		if w.of[id] == nil {
			w.of[id] = map[int]func(string){}
		}
		w.of[id][n] = f
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, id := range personIDs {
			if delete(w.of[id], n); len(w.of[id]) == 0 {
				delete(w.of, id)
			}
		}
	}
}

func (w *watchers) tell(ids iter.Seq[string]) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for id := range ids {
		for _, f := range w.of[id] {
			f(id)
		}
	}
}

func (w *watchers) tellAll() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for id, fs := range w.of {
		for _, f := range fs {
			f(id)
		}
	}
}

// Published tells of presences that have changed; it does not block.
func (t *Telephones) Published(updates []hub.Update) {
	t.watchers.tell(func(yield func(string) bool) {
		for i := range updates {
			if !yield(updates[i].PersonID) {
				return
			}
		}
	})
}

// Favourites is the address of the list of a person's favourites.
const Favourites = "favourites"

// Lists implements sipserver.Lists: a person's favourites, and the groups that they are in or observe, each by its name in lower case with dashes
// ("sales-north"). Somebody whom they know by such an address comes first. On a list is only whom they may know of.
func (d *directory) Lists(viewerID, address string) (users []string) {
	t := d.t
	who, ok := t.office.Person(viewerID)
	if !ok || who.Blocked {
		return nil
	}
	if id, ok := d.Person(address); ok && t.mayKnow(viewerID, id) {
		return nil
	}
	address = strings.ToLower(address)
	var ids []string
	if address == Favourites {
		ids = who.Own.Favourites
	} else {
		taken := map[string]int{Favourites: 1}
		for _, g := range t.office.Team(viewerID) {
			name := slug(g.Name)
			if taken[name]++; taken[name] > 1 { // another group of that name
				name += "-" + strconv.Itoa(taken[name])
			}
			if name == address && name != "" {
				ids = g.People
				break
			}
		}
	}
	for _, id := range ids {
		if u := t.addressOf(id); u != "" && t.mayKnow(viewerID, id) {
			users = append(users, u)
		}
	}
	return users
}

func (t *Telephones) mayKnow(viewerID, personID string) bool {
	return rights.MayRead(t.office.Level(viewerID, personID), rights.Name)
}

// addressOf returns an address that means somebody: their work number, or what tells no more than that does.
func (t *Telephones) addressOf(personID string) string {
	who, ok := t.office.Person(personID)
	if !ok {
		return ""
	}
	for _, a := range []string{telephony.Fold(who.WorkNumber), who.ID} {
		if id, ok := t.book.find(a, false); ok && id == personID && a != "" {
			return a
		}
	}
	return ""
}

// slug makes the address of a list of the name of a group.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r == 'ä':
			b.WriteString("ae")
		case r == 'ö':
			b.WriteString("oe")
		case r == 'ü':
			b.WriteString("ue")
		case r == 'ß':
			b.WriteString("ss")
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}
