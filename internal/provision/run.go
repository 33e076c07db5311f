package provision

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

// Report says what a list did, or would do.
type Report struct {
	Added     int       `json:"added"`
	Changed   int       `json:"changed"`
	Unchanged int       `json:"unchanged"`
	Blocked   int       `json:"blocked,omitempty" doc:"Who is not in the directory any more, or disabled there."`
	Refused   int       `json:"refused" doc:"Rows that were not entered."`
	Refusals  []Refusal `json:"refusals" doc:"Why, at most the first 1,000 reasons."`
}

// mostRefusals bounds what is told of them.
const mostRefusals = 1000

// together is how many people are entered as one.
const together = 250

// Run says how a list is entered.
type Run struct {
	By       office.By
	Action   string // in the audit log, such as "people.import"
	DryRun   bool
	Permit   func(was, is *store.Person) error // refuses what whoever enters the list may not do; was is nil for somebody new; nil: everything is permitted
	Visible  func(location string) bool        // locations that may be named; nil: all
	Place    Place                             // of new people of whom the list says no location; the zero value: they are refused
	Progress func(done, total int)             // nil: nobody is told
}

// Enter brings records into the organisation, each as a whole or not at all. Rows that are refused keep no others back. If
// ctx ends, what was entered until then stays, and err says so.
func (run Run) Enter(ctx context.Context, of *office.Office, records []Record, refusals []Refusal) (rep Report, err error) {
	if run.Progress == nil {
		run.Progress = func(int, int) {}
	}
	w := work{run: run, of: of, scopes: scopesOf(of, run.Visible)}
	if err := w.place(); err != nil {
		return w.done(), err
	}
	for _, r := range refusals {
		w.refuse(r)
	}
	for i := range records {
		if i%together == 0 {
			run.Progress(i, len(records))
			if err := w.flush(ctx); err != nil {
				return w.done(), err
			}
		}
		w.take(&records[i])
	}
	err = w.flush(ctx)
	run.Progress(len(records), len(records))
	return w.done(), err
}

// Check returns what is wrong with how the list is to be entered.
func (run Run) Check(of *office.Office) error {
	w := work{run: run, of: of, scopes: scopesOf(of, run.Visible)}
	return w.place()
}

// place finds the default place, which is given by name or ID.
func (w *work) place() error {
	p := &w.run.Place
	if p.Location == "" && p.Group == "" {
		return nil
	}
	var bad fault.Fields
	location, ok := w.scopes.location(p.Location)
	if !ok {
		bad.Add("location", "there is no location %q", p.Location)
		return bad.Err()
	}
	p.Location, w.scopes.placed = location, true
	if p.Group != "" {
		if p.Group, ok = w.scopes.group(location, p.Group); !ok {
			bad.Add("group", "there is no such configuration group in that location")
		}
	}
	return bad.Err()
}

// work is a run under way.
type work struct {
	run     Run
	of      *office.Office
	scopes  scopes
	rep     Report
	refused map[int]bool
	pending []change
}

type change struct {
	record *Record
	fresh  bool
	rec    store.Person // as it would be
}

func (w *work) refuse(r Refusal) {
	if w.refused == nil {
		w.refused = map[int]bool{}
	}
	w.refused[r.Row] = true
	w.rep.Refusals = append(w.rep.Refusals, r)
}

func (w *work) done() Report {
	w.rep.Refused = len(w.refused)
	slices.SortStableFunc(w.rep.Refusals, func(a, b Refusal) int { return cmp.Compare(a.Row, b.Row) })
	w.rep.Refusals = append([]Refusal{}, w.rep.Refusals[:min(len(w.rep.Refusals), mostRefusals)]...)
	return w.rep
}

// take compares a record with who is there.
func (w *work) take(r *Record) {
	c := change{record: r, fresh: true, rec: store.Person{Role: office.RoleUser, LocationID: w.run.Place.Location, GroupID: w.run.Place.Group}}
	var was *store.Person
	if p, ok := w.of.ByLogin(r.Values[Login]); ok {
		old := p.Person
		was, c.fresh, c.rec = &old, false, old
	}
	c.rec.Login = office.NormalLogin(r.Values[Login])
	if was != nil && w.run.Permit != nil { // before anything is said about them
		if refused := w.reasons(c, w.run.Permit(was, was)); len(refused) > 0 {
			w.refuse(refused[0])
			return
		}
	}
	wrong := w.scopes.enter(r, &c.rec)
	if len(wrong) == 0 && was != nil && reflect.DeepEqual(*was, c.rec) {
		w.rep.Unchanged++
		return
	}
	if len(wrong) == 0 && w.run.Permit != nil {
		wrong = w.reasons(c, w.run.Permit(was, &c.rec))
	}
	if len(wrong) == 0 {
		wrong = w.reasons(c, w.of.Check(&c.rec))
	}
	for _, r := range wrong {
		w.refuse(r)
	}
	if len(wrong) == 0 {
		w.pending = append(w.pending, c)
	}
}

// reasons makes refusals of an error.
func (w *work) reasons(c change, err error) []Refusal {
	if err == nil {
		return nil
	}
	var told *fault.Error
	if !errors.As(err, &told) {
		return []Refusal{{c.record.Row, c.rec.Login, "", err.Error()}}
	}
	if len(told.Fields) == 0 {
		return []Refusal{{c.record.Row, c.rec.Login, "", told.Public}}
	}
	var all []Refusal
	for _, f := range told.Fields {
		all = append(all, Refusal{c.record.Row, c.rec.Login, f.Path, f.Message})
	}
	return all
}

// flush enters what was taken, together; if that is refused, because of what happened meanwhile or of how people hang
// together, one by one.
func (w *work) flush(ctx context.Context) error {
	pending := w.pending
	w.pending = nil
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, context.Cause(ctx), "the import was broken off; what was entered until then stays")
	}
	if len(pending) == 0 {
		return nil
	}
	if w.run.DryRun || w.put(ctx, pending...) == nil {
		for _, c := range pending {
			w.count(c)
		}
		return nil
	}
	for _, c := range pending {
		if err := w.put(ctx, c); err == nil {
			w.count(c)
		} else if kind := fault.KindOf(err); kind == fault.Unavailable || kind == fault.Internal {
			return err
		} else {
			for _, r := range w.reasons(c, err) {
				w.refuse(r)
			}
		}
	}
	return nil
}

func (w *work) count(c change) {
	if c.fresh {
		w.rep.Added++
	} else {
		w.rep.Changed++
	}
}

// put enters changes, of people as they are now.
func (w *work) put(ctx context.Context, changes ...change) error {
	keys := make([]office.Key, len(changes))
	for i := range changes {
		keys[i].Login = changes[i].rec.Login
	}
	return w.of.EditPeople(ctx, w.run.By, w.run.Action, keys, func(i int, p *store.Person) error {
		was := *p
		if p.ID == "" {
			p.LocationID, p.GroupID = w.run.Place.Location, w.run.Place.Group
		}
		if wrong := w.scopes.enter(changes[i].record, p); len(wrong) > 0 {
			return fault.Bad(wrong[0].Field, "%s", wrong[0].Message)
		}
		if w.run.Permit == nil {
			return nil
		}
		if was.ID == "" {
			return w.run.Permit(nil, p)
		}
		return w.run.Permit(&was, p)
	})
}
