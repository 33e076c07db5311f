package agenda

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Status is a calendar and how it is doing.
type Status struct {
	ID, PersonID, Kind, Name, URL, Username string
	ConnectorID                             string // the system that holds it; may be empty
	Central                                 bool   // it is there because the settings of its owner's scope say so
	HasPassword                             bool
	CheckedAt, SucceededAt                  time.Time
	Error                                   string
	Problems                                []string
	Appointments                            int
}

// Entry is what somebody enters about a calendar. An empty ID adds one; a nil Password leaves it as it was.
type Entry struct {
	ID, PersonID, Kind, Name, URL, Username string
	Password                                *string
}

// Appointments returns what stands in a person's calendars between two instants.
func (a *Agenda) Appointments(personID string, from, to time.Time) []rights.AppointmentFacts {
	p, ok := a.office.Person(personID)
	if !ok {
		return nil
	}
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	var facts []rights.AppointmentFacts
	for _, e := range a.of(personID) {
		rec := a.record(e)
		if may(p, rec.Kind, rec.ConnectorID) != nil {
			continue
		}
		all, _, err := a.expand(context.Background(), rec.ID, from, to, p.Zone)
		if err != nil {
			a.log.Warn("a stored calendar cannot be read", "user", personID, "calendar", rec.ID, "err", err)
		}
		for i := range all {
			facts = append(facts, factsOf(&rec, &all[i], r))
		}
	}
	return facts
}

func factsOf(rec *store.Calendar, x *calendar.Appointment, r rules) rights.AppointmentFacts {
	m := r.of(x)
	return rights.AppointmentFacts{
		Ref: presence.Ref{Source: sourceOf(rec.ID), ID: ClaimID(x.ID)}, Start: x.Start, End: x.End, AllDay: x.AllDay, ShowAs: showAs(x.ShowAs),
		Status: m.status, Profile: m.profile, Subject: x.Subject, Private: x.Private, URL: x.URL, Reminder: x.Reminder,
		Counts: m.counts, Calendar: rec.Name, Seen: rec.SucceededAt,
	}
}

// Appointment finds one appointment of a person's calendars, near today.
func (a *Agenda) Appointment(personID string, ref presence.Ref) (f rights.AppointmentFacts, ok bool) {
	p, known := a.office.Person(personID)
	if !known {
		return f, false
	}
	now := time.Now()
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	for _, e := range a.of(personID) {
		rec := a.record(e)
		if sourceOf(rec.ID) != ref.Source || may(p, rec.Kind, rec.ConnectorID) != nil {
			continue
		}
		all, _, err := a.expand(context.Background(), rec.ID, now.Add(-time.Minute), now.AddDate(1, 0, 0), p.Zone)
		if err != nil {
			return f, false
		}
		for i := range all {
			if ClaimID(all[i].ID) == ref.ID {
				return factsOf(&rec, &all[i], r), true
			}
		}
	}
	return f, false
}

func (a *Agenda) status(e *entry) Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := e.rec
	var problems []string
	for _, p := range e.problems {
		if p.Href != "" {
			p.Text = p.Href + ": " + p.Text
		}
		problems = append(problems, p.Text)
	}
	problems = append(problems, e.left...)
	return Status{
		ID: r.ID, PersonID: r.PersonID, Kind: r.Kind, Name: r.Name, URL: r.URL, Username: r.Username, ConnectorID: r.ConnectorID,
		Central: central(r.Kind), HasPassword: len(r.Password) > 0 && r.Kind != KindAccount,
		CheckedAt: r.CheckedAt, SucceededAt: r.SucceededAt, Error: r.Error, Problems: problems, Appointments: e.count,
	}
}

// Each calls f with every calendar, in no order; of each only what says how it is doing. f must not call the agenda.
func (a *Agenda) Each(f func(Status)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.entries {
		r := &e.rec
		f(Status{Kind: r.Kind, ConnectorID: r.ConnectorID, Central: central(r.Kind), CheckedAt: r.CheckedAt, SucceededAt: r.SucceededAt, Error: r.Error})
	}
}

// Calendars returns a person's calendars by name.
func (a *Agenda) Calendars(personID string) []Status {
	var all []Status
	for _, e := range a.of(personID) {
		all = append(all, a.status(e))
	}
	slices.SortFunc(all, func(x, y Status) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return all
}

func (a *Agenda) find(personID, id string) (*entry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[id]; e != nil && e.rec.PersonID == personID {
		return e, nil
	}
	return nil, fault.New(fault.NotFound, "there is no calendar %q", id)
}

// Put adds or changes a calendar and has it read soon. It is refused where own calendars are not allowed, or presence
// management is off; those that are there can still be deleted then. A stored password is not carried to another
// server: it must be given again with an address elsewhere. What was read from an earlier address stands until the new
// one has been read, or until its claims run out.
func (a *Agenda) Put(ctx context.Context, by office.By, in Entry) (Status, error) {
	p, ok := a.office.Person(in.PersonID)
	if !ok {
		return Status{}, fault.New(fault.NotFound, "there is no person %q", in.PersonID)
	}
	if err := may(p, in.Kind, ""); err != nil {
		return Status{}, err
	}
	var bad fault.Fields
	u := checkURL(in.URL, &bad)
	if in.Kind != KindFeed && in.Kind != KindCalDAV {
		bad.Add("kind", "%q is none of ics, caldav", in.Kind)
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" {
		bad.Add("name", "must not be empty")
	} else if utf8.RuneCountInString(in.Name) > longestName || strings.ContainsFunc(in.Name, unicode.IsControl) {
		bad.Add("name", "must be one line of at most %d characters", longestName)
	}
	e, action := newEntry(store.Calendar{}), "calendar.add"
	rec := store.Calendar{ID: in.ID, PersonID: in.PersonID}
	if in.ID == "" {
		rec.ID = office.NewID()
		if len(a.of(in.PersonID)) >= mostEach {
			bad.Add("name", "there are %d calendars already", mostEach)
		}
	} else {
		var err error
		if e, err = a.find(in.PersonID, in.ID); err != nil {
			return Status{}, err
		}
		if k := a.record(e).Kind; k != KindFeed && k != KindCalDAV {
			return Status{}, fault.New(fault.Conflict, "a calendar of kind %s is not changed by hand", k)
		}
		if err := e.lock(ctx); err != nil {
			return Status{}, err
		}
		defer a.release(e)
		if _, err := a.find(in.PersonID, in.ID); err != nil {
			return Status{}, err // deleted meanwhile
		}
		action = "calendar.put"
		rec = a.record(e)
		old, _ := url.Parse(rec.URL)
		if u != nil && len(rec.Password) > 0 && in.Password == nil && (old == nil || old.Host != u.Host || old.Scheme != u.Scheme) {
			bad.Add("password", "must be given again for another server")
		}
	}
	if err := bad.Err(); err != nil {
		return Status{}, err
	}
	if rec.URL != u.String() || rec.Kind != in.Kind || rec.Username != in.Username {
		rec.State, rec.Error, rec.Problems = "", "", nil
	}
	rec.Kind, rec.Name, rec.URL, rec.Username = in.Kind, in.Name, u.String(), in.Username
	if in.Password != nil {
		rec.Password = nil
		if *in.Password != "" {
			rec.Password = a.box.Seal(*in.Password, sealedFor(rec.ID))
		}
	}
	if err := a.store.Update(ctx, store.Changes{
		PutCalendars: []store.Calendar{rec},
		Audit:        []store.AuditEntry{entryAbout(by, action, p, map[string]any{"calendar": rec.ID, "name": rec.Name})},
	}); err != nil {
		return Status{}, err
	}
	a.mu.Lock()
	e.rec, e.problems, e.failures = rec, parseProblems(rec.Problems), 0
	if in.ID == "" {
		a.enter(e)
		a.share(in.PersonID)
	}
	a.soon(e)
	a.mu.Unlock()
	signal(a.wake)
	return a.status(e), nil
}

// sealedFor binds the password of a calendar to it.
func sealedFor(calendarID string) string { return "calendar/" + calendarID }

// Reseal returns the calendars that have a password, with this sealed anew.
func Reseal(box *secret.Box, all []store.Calendar) ([]store.Calendar, error) {
	var sealed []store.Calendar
	for _, c := range all {
		if len(c.Password) == 0 {
			continue
		}
		text, err := box.Open(c.Password, sealedFor(c.ID))
		if err != nil {
			return nil, fmt.Errorf("calendar %s of %s: %w", c.ID, c.PersonID, err)
		}
		c.Password = box.Seal(text, sealedFor(c.ID))
		sealed = append(sealed, c)
	}
	return sealed, nil
}

func entryAbout(by office.By, action string, p *office.Person, detail map[string]any) store.AuditEntry {
	e := by.Entry(action)
	e.PersonID, e.LocationID, e.Detail = p.ID, p.LocationID, mustJSON(detail)
	return e
}

func checkURL(text string, bad *fault.Fields) *url.URL {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "":
		bad.Add("url", "is no address, such as https://calendar.example.org/anna.ics")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "webcal":
		bad.Add("url", "must begin with https, http or webcal, not %q", u.Scheme)
	case u.User != nil:
		bad.Add("url", "must not hold a user name or password; there are fields for them")
	}
	return u
}

// Delete removes a calendar, its appointments and their claims.
func (a *Agenda) Delete(ctx context.Context, by office.By, personID, id string) error {
	e, err := a.find(personID, id)
	if err != nil {
		return err
	}
	p, ok := a.office.Person(personID)
	if !ok {
		return fault.New(fault.NotFound, "there is no person %q", personID)
	}
	rec := a.record(e)
	if central(rec.Kind) {
		return fault.New(fault.Conflict, "the calendar %q is there because the administrator's settings say so", rec.Name)
	}
	entry := entryAbout(by, "calendar.delete", p, map[string]any{"calendar": id, "name": rec.Name})
	return a.remove(ctx, e, []store.AuditEntry{entry})
}

// remove deletes a calendar.
func (a *Agenda) remove(ctx context.Context, e *entry, audit []store.AuditEntry) error {
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer a.release(e)
	rec := a.record(e)
	id, personID := rec.ID, rec.PersonID
	if _, err := a.find(personID, id); err != nil {
		return err // deleted meanwhile
	}
	// The claims go first: of a calendar that is left by mistake they come back, of one that is not nobody would take
	// them away.
	err := a.hold(ctx, store.Calendar{ID: id, PersonID: personID}, nil)
	if err == nil {
		err = a.store.Update(ctx, store.Changes{DeleteCalendars: []string{id}, Audit: audit})
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := a.derive(ctx, e); err != nil {
			a.log.Warn("claims of a calendar could not be worked out", "user", personID, "calendar", id, "err", err)
		}
		return err
	}
	a.mu.Lock()
	a.leave(e)
	a.share(personID)
	a.mu.Unlock()
	return nil
}

// Sync reads a calendar now and tells how that went. Of a person who has no calendars at present none is read.
func (a *Agenda) Sync(ctx context.Context, personID, id string) (Status, error) {
	e, err := a.find(personID, id)
	if err != nil {
		return Status{}, err
	}
	p, ok := a.office.Person(personID)
	if !ok {
		return Status{}, fault.New(fault.NotFound, "there is no person %q", personID)
	}
	rec := a.record(e)
	if err := may(p, rec.Kind, rec.ConnectorID); err != nil {
		return Status{}, err
	}
	switch {
	case rec.Kind == KindLocal:
		return Status{}, fault.New(fault.Conflict, "the program that hands this calendar over does so by itself")
	case a.sourceFor(&rec) == nil:
		return Status{}, fault.New(fault.Conflict, "the system that holds this calendar is not used at the moment")
	}
	a.read(ctx, e)
	return a.status(e), nil
}
