package teams

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/presence"
)

// claimOf makes the claim of an entry (T1, T2).
func claimOf(who *office.Person, kind Kind, from, lease time.Time) presence.Claim {
	c := presence.Claim{Source: presence.SourceTeams, ID: kind.String(), From: from, Lease: lease}
	settings, own := who.Settings, &who.Own
	if kind == OnCall {
		c.Status, c.Text, c.Call = presence.Busy, onPhone, callName
		c.Line = presence.Line{State: presence.LineOnThePhone, Service: service}
		if p := settings.TeamsProfile(own); p != nil {
			c.Status, c.Profile = p.Status, p.Name
		}
		return c
	}
	c.Status = presence.DoNotDisturb
	if kind == Presenting {
		c.Call = callName
	}
	if p := settings.DoNotDisturbProfile(own); p != nil {
		c.Profile, c.Text = p.Name, p.Text
	}
	return c
}

// enter has the hub hold entries as they are to be, until ctx ends.
func (t *Teams) enter(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.apply:
		}
		t.mu.Lock()
		ids := slices.Collect(maps.Keys(t.entries))
		clear(t.entries)
		t.mu.Unlock()
		who := make([]*office.Person, len(ids)) // the office is asked without mu
		for i, id := range ids {
			who[i], _ = t.office.Person(id)
		}
		now := hub.Now()
		var edits []hub.PersonEdit
		var list []*person
		t.mu.Lock()
		for i, id := range ids {
			p, who := t.people[id], who[i]
			if p == nil || who == nil || !p.arranged {
				continue
			}
			out := p.signsIn && p.token == ""
			if p.state.Heard().IsZero() && p.on && !out { // what was there before the start stands until Teams is heard
				continue
			}
			kind, from := p.state.Entry(p.telephony, p.status, now)
			if out {
				kind = NoEntry
			}
			lease := p.state.Heard().Add(p.keep)
			if most := now.Add(p.keep); lease.After(most) { // the clock was put back
				lease = most
			}
			if kind != NoEntry && !lease.After(now) { // Teams is silent
				kind = NoEntry
			}
			if kind == NoEntry && p.claimed == NoEntry && !p.unsure {
				continue
			}
			p.claimed, p.from, p.lease, p.unsure = kind, from, lease, false
			list = append(list, p)
			edits = append(edits, hub.PersonEdit{PersonID: id, Edit: func(e *hub.Edit) error {
				var old []presence.Ref
				for i := range e.Claims() {
					if c := &e.Claims()[i]; c.Source.Class() == presence.SourceTeams && c.ID != kind.String() {
						old = append(old, c.Ref())
					}
				}
				for _, ref := range old {
					e.Delete(ref)
				}
				if kind != NoEntry {
					e.Put(claimOf(who, kind, from, lease))
				}
				return nil
			}})
		}
		t.mu.Unlock()
		if len(edits) == 0 {
			continue
		}
		again := false
		for i, err := range t.hub.ChangeAll(ctx, edits) {
			t.mu.Lock()
			if err != nil {
				again = true
				list[i].unsure, t.entries[list[i].id] = true, true
			} else if list[i].claimed == NoEntry && !list[i].on { // perhaps nothing is left to be kept of them
				t.touched[list[i].id] = true
				signal(t.wake)
			}
			t.mu.Unlock()
		}
		if again {
			if !sleep(ctx, time.Second) {
				return
			}
			signal(t.apply)
		}
	}
}
