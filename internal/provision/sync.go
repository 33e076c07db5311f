package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
)

// Place says where people of a group of the directory belong.
type Place struct {
	Member   string `json:"member,omitempty" maxLength:"1000" doc:"A group: of a directory its DN, of a provider that speaks SCIM its name or id. Absent: everybody."`
	Location string `json:"location" minLength:"1" maxLength:"64" doc:"ID of a location."`
	Group    string `json:"group,omitempty" maxLength:"64" doc:"ID of a configuration group of that location."`
}

// Sync brings the people of a directory into the organisation: new ones are added, changed, renamed and moved ones follow,
// and those who are disabled or not there any more are blocked, never deleted. Who comes back is let in again, unless
// somebody else blocked them.
type Sync struct {
	By        office.By
	Connector string // whose people they are
	Places    []Place
	DryRun    bool
	Anyway    bool                  // also if an unusual number of people would be blocked
	Progress  func(done, total int) // nil: nobody is told
}

// A directory that suddenly lacks so many is more likely read wrongly than empty.
const (
	usualLoss  = 10 // people
	unusualOne = 5  // of how many: a fifth
)

// ErrUnusual is the error of a synchronisation that would block an unusual number of people; nothing is changed then.
var ErrUnusual = errors.New("an unusual number of people would be blocked")

// Enter reads the whole directory with each, and only then changes anything. If each fails, nobody is touched. What is
// refused keeps no others back. If ctx ends, what was entered until then stays; nobody is blocked before all others are
// entered.
func (s Sync) Enter(ctx context.Context, of *office.Office, each func(context.Context, func(directory.Entry) error) error) (Report, error) {
	if s.Progress == nil {
		s.Progress = func(int, int) {}
	}
	w := syncing{Sync: s, of: of, known: map[string]*office.Person{}, seen: map[string]bool{}, logins: map[string]string{}}
	all, _, _ := of.Records("", "", of.Count(), func(p *store.Person) bool { return p.Directory.ConnectorID == s.Connector })
	for _, p := range all {
		w.known[p.Directory.ExternalID] = p
	}
	var entries []directory.Entry
	if err := each(ctx, func(e directory.Entry) error {
		if len(entries) >= MaxRows {
			return fmt.Errorf("the directory has more than %d people", MaxRows)
		}
		entries = append(entries, e)
		return nil
	}); err != nil {
		return w.done(), err
	}
	for i := range entries {
		w.take(i+1, &entries[i])
	}
	var lost []*office.Person
	present := 0
	for id, p := range w.known {
		if p.Blocked {
			continue
		}
		present++
		if !w.seen[id] {
			lost = append(lost, p)
		}
	}
	if n := len(lost) + w.disabled; n > usualLoss && n*unusualOne > present && !s.Anyway {
		w.rep.Blocked = n
		return w.done(), fault.Wrap(fault.Conflict, ErrUnusual, "%d of %d people of the directory would be blocked; nothing was changed. If that is right, say so", n, present)
	}
	slices.SortFunc(lost, func(a, b *office.Person) int { return strings.Compare(a.ID, b.ID) })
	for _, p := range lost {
		w.pending = append(w.pending, edit{key: office.Key{ID: p.ID}, row: 0, login: p.Login, count: &w.rep.Blocked, change: func(rec *store.Person) error {
			if rec.Directory.ConnectorID == s.Connector && !rec.Blocked {
				rec.Blocked, rec.Directory.Blocked = true, true
			}
			return nil
		}})
	}
	err := w.enter(ctx)
	return w.done(), err
}

// syncing is a synchronisation under way.
type syncing struct {
	Sync
	of       *office.Office
	known    map[string]*office.Person // by external ID
	seen     map[string]bool           // external IDs
	logins   map[string]string         // in the directory, with the DN of whose they are
	disabled int                       // people who are disabled since
	rep      Report
	pending  []edit
}

type edit struct {
	key    office.Key
	row    int
	login  string
	count  *int
	change func(*store.Person) error
}

func (w *syncing) refuse(row int, login, field, format string, args ...any) {
	w.rep.Refused++
	w.rep.Refusals = append(w.rep.Refusals, Refusal{row, login, field, fmt.Sprintf(format, args...)})
}

func (w *syncing) done() Report {
	w.rep.Refusals = append([]Refusal{}, w.rep.Refusals[:min(len(w.rep.Refusals), mostRefusals)]...)
	return w.rep
}

// take compares an entry with who is there.
func (w *syncing) take(row int, e *directory.Entry) {
	login := office.NormalLogin(e.Login)
	switch {
	case e.ID == "":
		w.refuse(row, clip(login), "id", "%s has no identifier", clip(e.DN))
		return
	case w.seen[e.ID]:
		w.refuse(row, clip(login), "id", "%s has the identifier of another entry", clip(e.DN))
		return
	}
	w.seen[e.ID] = true // whatever else is wrong with it: it is there
	p, known := w.known[e.ID]
	if login == "" {
		w.refuse(row, "", "login", "%s has no login", clip(e.DN))
		return
	}
	if other, again := w.logins[login]; again {
		w.refuse(row, clip(login), "login", "%s has it too", clip(other))
		return
	}
	w.logins[login] = e.DN
	if !known {
		if other, taken := w.of.ByLogin(login); taken {
			switch {
			case other.Directory != (store.Origin{}):
				w.refuse(row, clip(login), "login", "is that of somebody from another directory, or of somebody who has another there now")
				return
			case other.Role != office.RoleUser: // whoever can write the directory must not become them
				w.refuse(row, clip(login), "login", "is that of an administrator who was entered here; rename one of the two")
				return
			}
			p, known = other, true
		} else if e.Disabled {
			return // nobody here misses them
		}
	}
	place := w.place(e)
	if place == nil {
		w.refuse(row, clip(login), "location", "no place is said for the groups of %s", clip(e.DN))
		return
	}
	change := func(rec *store.Person) error {
		// As they are now: what was looked at before may have changed.
		theirs := rec.Directory.ConnectorID == w.Connector && rec.Directory.ExternalID == e.ID
		switch {
		case rec.ID == "" || theirs:
		case rec.Directory != (store.Origin{}):
			return fault.Bad("login", "is that of somebody from another directory by now")
		case rec.Role != office.RoleUser:
			return fault.Bad("login", "is that of an administrator by now")
		default: // whoever knew the account's password must not be whom the directory knows
			rec.PasswordHash = ""
		}
		w.put(rec, e, place)
		return nil
	}
	rec := store.Person{Login: login, Role: office.RoleUser}
	x := edit{key: office.Key{Login: login}, row: row, login: login, count: &w.rep.Added, change: change}
	if known {
		rec = p.Person
		before := rec
		if err := change(&rec); err != nil {
			w.reason(edit{row: row, login: login}, err)
			return
		}
		switch {
		case same(&before, &rec):
			w.rep.Unchanged++
			return
		case rec.Blocked && !before.Blocked:
			w.disabled++
			x.count = &w.rep.Blocked
		default:
			x.count = &w.rep.Changed
		}
		x.key = office.Key{ID: p.ID}
	} else {
		w.put(&rec, e, place)
	}
	if err := w.of.Check(&rec); err != nil {
		w.reason(x, err)
		return
	}
	w.pending = append(w.pending, x)
}

func (w *syncing) place(e *directory.Entry) *Place {
	for i := range w.Places {
		p := &w.Places[i]
		if p.Member == "" || slices.ContainsFunc(e.Groups, func(dn string) bool { return strings.EqualFold(dn, p.Member) }) {
			return p
		}
	}
	return nil
}

// put makes a record what an entry says. What the directory does not know of stays.
func (w *syncing) put(rec *store.Person, e *directory.Entry, place *Place) {
	rec.Login, rec.Name, rec.Email = office.NormalLogin(e.Login), e.Name, e.Email
	if rec.Name == "" {
		rec.Name = rec.Login
	}
	for to, number := range map[*string]string{&rec.WorkNumber: e.WorkNumber, &rec.MobileNumber: e.MobileNumber, &rec.HomeNumber: e.HomeNumber} {
		var bad fault.Fields
		if policy.CheckNumber("", number, &bad); len(bad) == 0 { // a remark in the place of a number is no reason to have nobody
			*to = number
		}
	}
	rec.LocationID, rec.GroupID = place.Location, place.Group
	rec.Directory.ConnectorID, rec.Directory.ExternalID = w.Connector, e.ID
	switch {
	case e.Disabled && !rec.Blocked:
		rec.Blocked, rec.Directory.Blocked = true, true
	case !e.Disabled && rec.Directory.Blocked:
		rec.Blocked, rec.Directory.Blocked = false, false
	}
}

// same reports whether two records of a person say the same.
func same(a, b *store.Person) bool {
	return a.Login == b.Login && a.Name == b.Name && a.Email == b.Email && a.WorkNumber == b.WorkNumber && a.MobileNumber == b.MobileNumber &&
		a.HomeNumber == b.HomeNumber && a.LocationID == b.LocationID && a.GroupID == b.GroupID && a.Directory == b.Directory && a.Blocked == b.Blocked
}

func (w *syncing) reason(x edit, err error) {
	var told *fault.Error
	switch {
	case !errors.As(err, &told):
		w.refuse(x.row, x.login, "", "%v", err)
	case len(told.Fields) == 0:
		w.refuse(x.row, x.login, "", "%s", told.Public)
	default:
		w.refuse(x.row, x.login, told.Fields[0].Path, "%s", told.Fields[0].Message)
	}
}

// enter makes the changes, in pieces.
func (w *syncing) enter(ctx context.Context) error {
	total := len(w.pending)
	for len(w.pending) > 0 {
		w.Progress(total-len(w.pending), total)
		if ctx.Err() != nil {
			return fault.Wrap(fault.Unavailable, context.Cause(ctx), "the synchronisation was broken off; what was entered until then stays")
		}
		n := min(len(w.pending), together)
		piece := w.pending[:n]
		w.pending = w.pending[n:]
		if w.DryRun || w.edit(ctx, piece...) == nil {
			for _, x := range piece {
				*x.count++
			}
			continue
		}
		for _, x := range piece { // one of them cannot be, or hangs together with another
			switch err := w.edit(ctx, x); {
			case err == nil:
				*x.count++
			case fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Internal:
				return err
			default:
				w.reason(x, err)
			}
		}
	}
	w.Progress(total, total)
	return nil
}

func (w *syncing) edit(ctx context.Context, piece ...edit) error {
	keys := make([]office.Key, len(piece))
	for i, x := range piece {
		keys[i] = x.key
	}
	return w.of.EditPeople(ctx, w.By, "people.sync", keys, func(i int, p *store.Person) error { return piece[i].change(p) })
}
