package agenda

import (
	"context"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/presence"
)

// Under returns a person's claims as they would be at now if the person were as p is: with settings that are not in
// force. Of appointments only those count that run at now. Nothing is held.
func (a *Agenda) Under(ctx context.Context, p *office.Person, claims []presence.Claim, now time.Time) ([]presence.Claim, error) {
	claims = slices.Clone(claims)
	r := rules{options: p.Settings.CalendarOptions(&p.Own), settings: p.Settings, own: &p.Own}
	for _, e := range a.of(p.ID) {
		rec := a.record(e)
		claims = slices.DeleteFunc(claims, func(c presence.Claim) bool { return c.Source == sourceOf(rec.ID) })
		lease := leaseOf(&rec)
		if offered(p.Settings, rec.Kind, rec.ConnectorID) != nil || !lease.After(now) {
			continue
		}
		running, _, err := a.expand(ctx, rec.ID, now, now.Add(time.Millisecond), p.Zone)
		if err != nil {
			return nil, err
		}
		some, _ := r.derive(rec.ID, running, now, lease, a.room(p.ID))
		claims = append(claims, some...)
	}
	return claims, nil
}
