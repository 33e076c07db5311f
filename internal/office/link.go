package office

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// Kinds of links with which people set a password.
const (
	LinkInvitation = "invitation" // for who has none yet; holds for a week
	LinkReset      = "reset"      // for who has forgotten theirs; holds for a day
)

// LinkPath is where a link leads on this server; its secret follows. Behind the # it is not sent to servers on the way,
// nor written into their logs.
const LinkPath = "/password#"

var linkFor = map[string]time.Duration{LinkInvitation: 7 * 24 * time.Hour, LinkReset: 24 * time.Hour}

// MakeLink makes a link with which somebody sets a password, in place of earlier ones, and returns its secret, which is
// kept nowhere.
func (o *Office) MakeLink(ctx context.Context, by By, id, kind string) (text string, expires time.Time, err error) {
	p, ok := o.Person(id)
	switch {
	case !ok:
		return "", expires, fault.New(fault.NotFound, "there is no person %q", id)
	case linkFor[kind] == 0:
		return "", expires, fault.Bad("kind", "%q is none of invitation, reset", kind)
	case p.Login == "":
		return "", expires, fault.New(fault.Conflict, "%s has no login yet", p.Name)
	case p.Blocked:
		return "", expires, fault.New(fault.Conflict, "%s is blocked", p.Name)
	}
	text, hash := secret.New("dll_")
	now := time.Now().UTC().Truncate(time.Millisecond)
	link := store.Link{Hash: hash, PersonID: id, Kind: kind, CreatedAt: now, ExpiresAt: now.Add(linkFor[kind])}
	if err := o.store.Update(ctx, store.Changes{PutLinks: []store.Link{link}, Audit: o.audit(by, "link."+kind, about{person: id}, nil)}); err != nil {
		return "", expires, stored(err)
	}
	return text, link.ExpiresAt, nil
}
