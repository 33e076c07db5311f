package agenda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
)

// problem is something in a calendar that could not be read.
type problem struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// read reads one calendar and enters what it brought. insist is that somebody asked for it.
func (a *Agenda) read(ctx context.Context, e *entry, insist bool) {
	if e.lock(ctx) != nil {
		return
	}
	defer a.release(e)
	a.mu.Lock()
	rec, gone, derived, first := e.rec, e.gone, e.derived, e.derived.IsZero() && e.failures == 0
	asked := e.hinted // before its time, because something is said to have changed
	e.hinted = false
	sys := a.systems[rec.ConnectorID]
	a.mu.Unlock()
	p, ok := a.office.Person(rec.PersonID)
	if gone || !ok || ctx.Err() != nil || rec.ConnectorID != "" && sys == nil {
		return
	}
	if may(p, rec.Kind, rec.ConnectorID) != nil {
		a.mu.Lock()
		e.idle = true
		a.mu.Unlock()
		return
	}
	began := time.Now().UTC()
	wait, same, err := a.fetch(ctx, e, rec, p, sys, began, insist)
	if err == nil && (!same || began.Sub(derived) >= steady) {
		err = a.derive(ctx, e)
	} else if err != nil && first { // since the start: appointments move up all the same
		err = errors.Join(err, a.derive(ctx, e))
	}
	if ctx.Err() != nil {
		return
	}
	if errors.Is(err, errReplaced) { // PutSystem could not see to it while it was read
		a.mu.Lock()
		e.next, e.derived, e.hinted = began, time.Time{}, false
		a.mu.Unlock()
		return
	}
	down := whole(err)
	if sys != nil && sys.Used != nil && (err == nil || down != nil) {
		sys.Used(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if down != nil && sys != nil { // its turn comes when the system may be asked again, before all who are due later
		e.next, e.derived, e.hinted = began, time.Time{}, false
		if l := a.lanes[rec.ConnectorID]; l != nil && a.systems[rec.ConnectorID] == sys {
			l.shut = time.Now().Add(min(max(down.RetryAfter, time.Second), slowest))
		}
		return
	}
	if err != nil {
		e.derived = time.Time{} // next time it is, whether something changed or not
		fresh := e.failures == 0
		if fresh || !asked { // one that is told of often is not left alone for longer
			e.failures++
		}
		if fresh {
			a.log.Warn("a calendar cannot be read", "user", rec.PersonID, "calendar", rec.ID, "err", loggable(err))
		}
		back := min(a.every(rec.Kind)<<min(e.failures-1, 10), slowest)
		wait = max(wait, back/2+rand.N(back/2+1))
	} else {
		if e.failures > 0 {
			a.log.Info("a calendar can be read again", "user", rec.PersonID, "calendar", rec.ID)
		}
		e.failures = 0
		wait = max(wait, a.every(rec.Kind))
	}
	e.next, e.idle = began.Add(wait), false
	e.hinted = e.hinted && err == nil // else it is read again in any case, with the patience that a failure asks for
}

// errReplaced is the error of a reading that failed in a system that is not used any more: that says nothing.
var errReplaced = errors.New("the system was replaced while it was read")

// fetch has a calendar read, in a system if it is in one, and stores the outcome, good or bad. wait is what the source
// asks for; same is that its appointments are as they were.
func (a *Agenda) fetch(ctx context.Context, e *entry, rec store.Calendar, p *office.Person, sys *system, began time.Time, insist bool) (wait time.Duration, same bool, err error) {
	owners := owners(p, &rec) // an invitation that they declined is left out
	state := stateFor(rec.State, owners)
	acct := source.Account{URL: rec.URL, Username: rec.Username, State: state, Known: map[string]string{}}
	if rec.ConnectorID != "" {
		acct.Mailbox, acct.Insist = rec.Username, insist
		acct.From, acct.To = span(p, began)
	}
	// Without a state, what is there was read from another address or for another one, if anything is.
	was := map[string][]byte{}
	if state != "" {
		known, err := a.store.CalendarObjects(ctx, rec.ID)
		if err != nil {
			return 0, false, err
		}
		for _, o := range known {
			acct.Known[o.Href], was[o.Href] = o.ETag, o.Data
		}
	}
	fail := func(wait time.Duration, err error) (time.Duration, bool, error) {
		switch {
		case !a.uses(sys, rec.ConnectorID):
			return 0, false, errReplaced
		case whole(err) != nil: // no news of this calendar
			return wait, false, err
		}
		return wait, false, a.failed(ctx, e, rec, began, err)
	}
	if len(rec.Password) > 0 {
		if acct.Password, err = a.box.Open(rec.Password, sealedFor(rec.ID)); err != nil {
			return fail(slowest, &source.Error{Kind: source.Credentials, Err: err, Text: "The stored password cannot be opened any more. Please give it again."})
		}
	}
	src := a.sources[rec.Kind]
	if sys != nil {
		src = sys
	}
	if src == nil {
		return fail(slowest, &source.Error{Text: fmt.Sprintf("Calendars of kind %q cannot be read here.", rec.Kind)})
	}
	limited, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	res, err := src.Fetch(limited, acct)
	cancel()
	if res.Password != "" { // also beside an error: the one before may be used up
		var failed error
		if rec, failed = a.replacePassword(ctx, e, rec, res.Password); failed != nil {
			return 0, false, failed
		}
	}
	if err != nil {
		if ctx.Err() != nil { // that is no fault of the calendar
			return 0, false, ctx.Err()
		}
		var told *source.Error
		if errors.As(err, &told) {
			wait = told.RetryAfter
			switch told.Kind { // asking again does not help before somebody changes something
			case source.Credentials, source.NotAllowed, source.BadAddress:
				wait = max(wait, slowest)
			}
		}
		return fail(wait, err)
	}
	next := rec
	next.CheckedAt, next.SucceededAt, next.Error, next.State = began, began, "", markedState(res.State, owners)
	wait = res.Every
	a.mu.Lock()
	e.reaches = acct.To
	a.mu.Unlock()
	// What was read from another address goes with the first success, also if there is nothing at this one.
	same = res.Unchanged && state != ""
	var puts []store.CalendarObject
	if !same || len(res.Skipped) > 0 {
		var fresh []problem
		tell := func(href, text string) { fresh = append(fresh, problem{cut(href, 100), text}) }
		for _, href := range res.Skipped {
			tell(href, "it is there but could not be read")
		}
		for _, o := range res.Objects {
			if len(o.Href) > longestHref {
				tell(o.Href, "its address is too long")
				continue
			}
			put := store.CalendarObject{CalendarID: rec.ID, Href: o.Href, ETag: o.ETag}
			cal, err := calendar.Parse(bytes.NewReader(o.Data), calendar.Limits{}, owners...)
			switch {
			case err != nil && rec.Kind == KindFeed:
				return fail(0, err)
			case err != nil: // noted as it was, so that it is not asked for again before it changes
				tell(o.Href, words(err))
				put.Data = was[o.Href]
			default:
				for _, x := range cal.Problems() {
					tell(o.Href, x.Message)
				}
				put.Data = cal.Strip()
			}
			puts = append(puts, put)
		}
		next.Problems = a.problems(e, &res, state == "", fresh)
	}
	wait = min(max(wait, 0), seldomest)
	a.mu.Lock()
	noted := e.noted
	a.mu.Unlock()
	if same && next.State == rec.State && bytes.Equal(next.Problems, rec.Problems) && rec.Error == "" && began.Sub(noted) < steady {
		a.entered(e, next, noted)
		return wait, true, nil
	}
	if err := a.store.SyncCalendar(ctx, next, puts, res.Gone, !same && (res.Replace || state == "")); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return 0, true, nil // deleted meanwhile
		}
		return 0, false, err
	}
	a.entered(e, next, began)
	return wait, same, nil
}

// uses reports whether a system is still the one of a connector.
func (a *Agenda) uses(s *system, connectorID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.systems[connectorID] == s
}

// sourceFor returns who reads a calendar, nil if nobody can.
func (a *Agenda) sourceFor(rec *store.Calendar) Source {
	if rec.ConnectorID == "" {
		return a.sources[rec.Kind]
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.systems[rec.ConnectorID]; s != nil {
		return s
	}
	return nil
}

// replacePassword keeps a password that came in place of the one that was used; reading is held.
func (a *Agenda) replacePassword(ctx context.Context, e *entry, rec store.Calendar, password string) (store.Calendar, error) {
	rec.Password = a.box.Seal(password, sealedFor(rec.ID))
	if err := a.store.Update(context.WithoutCancel(ctx), store.Changes{PutCalendars: []store.Calendar{rec}}); err != nil {
		return rec, err
	}
	a.mu.Lock()
	e.rec = rec
	a.mu.Unlock()
	return rec, nil
}

// problems returns the problems of a calendar in their stored form, after a reading that brought res and fresh ones; anew is
// that nothing of what was there stays.
func (a *Agenda) problems(e *entry, res *source.Result, anew bool, fresh []problem) json.RawMessage {
	over := map[string]bool{}
	for _, o := range res.Objects {
		over[cut(o.Href, 100)] = true
	}
	for _, href := range slices.Concat(res.Gone, res.Skipped) {
		over[cut(href, 100)] = true
	}
	all := []problem{}
	a.mu.Lock()
	if !res.Replace && !anew {
		for _, p := range e.problems {
			if p.Href != "" && !over[p.Href] {
				all = append(all, p)
			}
		}
	}
	a.mu.Unlock()
	all = append(all, fresh...)
	if len(all) > mostTexts {
		all = append(all[:mostTexts:mostTexts], problem{Text: fmt.Sprintf("and %d more", len(all)-mostTexts)})
	}
	return mustJSON(all)
}

// words returns what the owner of a calendar is told of an error: what its makers say is for them, and no more.
func words(err error) string {
	var public interface{ Public() string }
	switch {
	case errors.As(err, &public):
		return public.Public()
	case errors.Is(err, calendar.ErrNotCalendar):
		return "What is there is not a calendar."
	case errors.Is(err, calendar.ErrTooLarge):
		return "The calendar is too large."
	case errors.Is(err, context.DeadlineExceeded):
		return "The calendar did not answer in time."
	}
	return "The calendar could not be read."
}

// loggable returns what may be logged of an error: those of sources hold no secrets, of others nobody knows.
func loggable(err error) any {
	var told *source.Error
	var public interface{ Public() string }
	switch {
	case errors.As(err, &told):
		return err
	case errors.As(err, &public):
		return public.Public()
	}
	return fmt.Sprintf("%s (%T)", words(err), err)
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // plain data
		panic(err)
	}
	return b
}

// entered takes over what a reading brought; noted is when that was stored.
func (a *Agenda) entered(e *entry, rec store.Calendar, noted time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e.rec, e.noted, e.problems = rec, noted, parseProblems(rec.Problems)
}

// parseProblems reads their stored form. What an earlier version wrote is left out; the next full reading brings it.
func parseProblems(stored json.RawMessage) (list []problem) {
	if len(stored) > 0 && json.Unmarshal(stored, &list) != nil {
		return nil
	}
	return list
}

// failed enters that a reading went wrong. Objects and claims stay as they are, and so does the state, for what came
// with the failure was not kept.
func (a *Agenda) failed(ctx context.Context, e *entry, rec store.Calendar, began time.Time, cause error) error {
	rec.CheckedAt, rec.Error = began, cut(words(cause), 500)
	a.entered(e, rec, began)
	if err := a.store.SyncCalendar(ctx, rec, nil, nil, false); err != nil && !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
		a.log.Warn("state of a calendar could not be stored", "calendar", rec.ID, "err", err)
	}
	return cause
}
