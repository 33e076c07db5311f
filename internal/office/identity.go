package office

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/store"
)

// ByIdentity returns the person whom a sign-in provider knows by a subject.
func (o *Office) ByIdentity(connectorID, subject string) (p *Person, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	v, ok := o.identities[store.IdentityKey{ConnectorID: connectorID, Subject: subject}]
	if !ok {
		return nil, false
	}
	p, ok = o.people[v.PersonID]
	return p, ok
}

// Identities returns as whom sign-in providers know a person, by connector.
func (o *Office) Identities(personID string) []store.Identity {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var all []store.Identity
	for _, v := range o.identities {
		if v.PersonID == personID {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b store.Identity) int { return strings.Compare(a.ConnectorID, b.ConnectorID) })
	return all
}

// Tie says that a provider knows somebody by a subject from now on. It fails if the provider knows them by another one,
// or another person by this.
func (o *Office) Tie(ctx context.Context, by By, connectorID, subject, personID string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if p, ok := o.ByIdentity(connectorID, subject); ok {
		if p.ID == personID {
			return nil
		}
		return fault.New(fault.Conflict, "the account of the provider belongs to somebody else here")
	}
	for _, v := range o.Identities(personID) {
		if v.ConnectorID == connectorID {
			return fault.New(fault.Conflict, "the person has another account of this provider")
		}
	}
	v := store.Identity{ConnectorID: connectorID, Subject: subject, PersonID: personID, CreatedAt: time.Now().UTC().Truncate(time.Millisecond)}
	if err := o.store.Update(ctx, store.Changes{
		PutIdentities: []store.Identity{v},
		Audit:         o.audit(by, "identity.put", about{person: personID}, map[string]any{"connector": connectorID, "subject": subject}),
	}); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.people[personID] != nil {
		o.identities[store.IdentityKey{ConnectorID: connectorID, Subject: subject}] = v
	}
	return nil
}

// Release forgets as whom a provider knows somebody, and ends the sign-ins that they made with it. The next account of the
// provider that fits them is tied to them.
func (o *Office) Release(ctx context.Context, by By, connectorID, personID string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	all := o.Identities(personID)
	i := slices.IndexFunc(all, func(v store.Identity) bool { return v.ConnectorID == connectorID })
	if i < 0 {
		return fault.New(fault.NotFound, "the person has no account of the provider %q", connectorID)
	}
	key := store.IdentityKey{ConnectorID: connectorID, Subject: all[i].Subject}
	changes := store.Changes{
		DeleteIdentities: []store.IdentityKey{key},
		Audit:            o.audit(by, "identity.delete", about{person: personID}, map[string]any{"connector": connectorID, "subject": key.Subject}),
	}
	sessions, err := o.store.Sessions(ctx, personID, time.Now())
	if err != nil {
		return fmt.Errorf("office: sessions of %s: %w", personID, err)
	}
	for _, s := range sessions {
		if s.ConnectorID == connectorID {
			changes.DeleteSessions = append(changes.DeleteSessions, s.Hash)
		}
	}
	if err := o.store.Update(ctx, changes); err != nil {
		return stored(err)
	}
	o.mu.Lock()
	delete(o.identities, key)
	o.mu.Unlock()
	o.tell(Change{Signed: []string{personID}})
	return nil
}

// Note writes something down in the audit log that changes nothing; personID is whom it is about, empty: nobody here.
func (o *Office) Note(ctx context.Context, by By, action, personID string, detail any) error {
	if err := o.store.Update(ctx, store.Changes{Audit: o.audit(by, action, about{person: personID}, detail)}); err != nil {
		return stored(err)
	}
	return nil
}

// Settle waits for the change that is under way, if any: what it ends is ended then.
func (o *Office) Settle() {
	o.changing.Lock()
	defer o.changing.Unlock()
}

// SignedOut says that the sign-ins with a provider have ended; the store has deleted them.
func (o *Office) SignedOut(connectorID string) {
	o.changing.Lock()
	defer o.changing.Unlock()
	var c Change
	o.mu.RLock()
	for k, v := range o.identities {
		if k.ConnectorID == connectorID {
			c.Signed = append(c.Signed, v.PersonID)
		}
	}
	o.mu.RUnlock()
	o.tell(c)
}

// Forget drops from memory what a connector that was deleted knew of people, and ends their sign-ins with it; the store has
// dropped both.
func (o *Office) Forget(connectorID string) {
	o.SignedOut(connectorID)
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.identities, func(k store.IdentityKey, _ store.Identity) bool { return k.ConnectorID == connectorID })
}
