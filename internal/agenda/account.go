package agenda

import (
	"context"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

// Account is a Microsoft account that somebody connects.
type Account struct {
	PersonID    string
	ConnectorID string
	Name        string // of the application, for the list of calendars
	Username    string // under which they signed in
	Token       string // with which their calendar is read; it is stored sealed
}

// Connect has somebody's calendar read from their account, in place of an account that they connected with the same
// connector before.
func (a *Agenda) Connect(ctx context.Context, by office.By, in Account) (Status, error) {
	p, ok := a.office.Person(in.PersonID)
	if !ok {
		return Status{}, fault.New(fault.NotFound, "there is no person %q", in.PersonID)
	}
	if err := may(p, KindAccount, in.ConnectorID); err != nil {
		return Status{}, err
	}
	e, made, err := a.accountOf(ctx, p, in.ConnectorID)
	if err != nil {
		return Status{}, err
	}
	defer a.release(e)
	if made {
		defer a.making.Unlock()
	}
	rec := a.record(e)
	rec.Name, rec.Username, rec.Password = in.Name, in.Username, a.box.Seal(in.Token, sealedFor(rec.ID))
	rec.State, rec.Error, rec.Problems = "", "", nil
	if err := a.store.Update(ctx, store.Changes{
		PutCalendars: []store.Calendar{rec},
		Audit:        []store.AuditEntry{entryAbout(by, "calendar.connect", p, map[string]any{"calendar": rec.ID, "connector": in.ConnectorID, "account": in.Username})},
	}); err != nil {
		return Status{}, err
	}
	a.mu.Lock()
	e.rec, e.problems, e.failures = rec, nil, 0
	if !made {
		a.soon(e)
	}
	a.mu.Unlock()
	if made {
		a.added(e)
	}
	signal(a.wake)
	return a.status(e), nil
}

// Accounts returns how many accounts people have connected with a connector.
func (a *Agenda) Accounts(connectorID string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.entries {
		if e.rec.Kind == KindAccount && e.rec.ConnectorID == connectorID {
			n++
		}
	}
	return n
}

// accountOf returns the calendar of an account that somebody connected with a connector, and its turn. If it is made, and
// not entered yet, making is held too; never while it waits for a server.
func (a *Agenda) accountOf(ctx context.Context, p *office.Person, connectorID string) (e *entry, made bool, err error) {
	for {
		a.making.Lock()
		all := a.of(p.ID)
		e = nil
		for _, x := range all {
			if rec := a.record(x); rec.Kind == KindAccount && rec.ConnectorID == connectorID {
				e = x
			}
		}
		if made = e == nil; made {
			if len(all) >= mostEach {
				a.making.Unlock()
				return nil, false, fault.New(fault.Conflict, "there are %d calendars already", mostEach)
			}
			e = newEntry(store.Calendar{ID: office.NewID(), PersonID: p.ID, Kind: KindAccount, ConnectorID: connectorID})
			e.tryLock() // nobody else knows it
			return e, true, nil
		}
		a.making.Unlock()
		if err := e.lock(ctx); err != nil {
			return nil, false, err
		}
		if _, err := a.find(p.ID, a.record(e).ID); err == nil {
			return e, false, nil
		}
		a.release(e) // deleted meanwhile
	}
}
