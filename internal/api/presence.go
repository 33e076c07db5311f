package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

func indexed(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

// farthest bounds ends that people and origins may give.
const farthest = 5 * 366 * 24 * time.Hour

func checkUntil(at string, until *time.Time, now time.Time, bad *fault.Fields) time.Time {
	if until == nil {
		return time.Time{}
	}
	t := until.UTC().Truncate(time.Millisecond)
	switch {
	case !t.After(now):
		bad.Add(at, "%s is not in the future", t.Format(time.RFC3339))
	case t.Sub(now) > farthest:
		bad.Add(at, "%s is more than five years ahead", t.Format(time.RFC3339))
	}
	return t
}

// feature refuses what makes no sense for somebody without presence (P10).
func feature(p *office.Person) error {
	if p.Policy.Off {
		return fault.New(fault.Conflict, "presence management is switched off for %s", p.Name)
	}
	return nil
}

func (s *Server) putChoice(ctx context.Context, in *ChoiceInput) (*Out[rights.Presence], error) {
	p, c, l, err := s.subjectWith(ctx, in.Person, rights.Status, true)
	if err != nil {
		return nil, err
	}
	if err := feature(p); err != nil {
		return nil, err
	}
	b := in.Body
	var bad fault.Fields
	until := checkUntil("until", b.Until, hub.Now(), &bad)
	var status presence.Status
	var profile, text string
	switch {
	case (b.Profile == "") == (b.Status == nil):
		bad.Add("status", "give either a status or a profile")
	case b.Profile != "":
		o := p.Own
		if !rights.MayRead(l, rights.Own) {
			o = policy.Own{} // only the templates are theirs to choose from
		}
		f := p.Settings.Profile(&o, b.Profile)
		if f == nil {
			bad.Add("profile", "%q is not offered", b.Profile)
			break
		}
		status, profile, text = f.Status, f.Name, f.Text
	default:
		if status = *b.Status; !p.Settings.OwnProfiles.Permits(status) {
			bad.Add("status", "%s is not permitted here", status)
		}
	}
	if b.Text != nil {
		text = strings.TrimSpace(*b.Text)
		policy.CheckText("text", text, &bad)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	source := presence.SourceHand
	if l != rights.Self {
		source = presence.SourceAssistant + presence.Source("/"+c.person.ID)
	}
	before, _, _ := s.hub.Presence(p.ID)
	err = s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		if !until.IsZero() && !until.After(e.Now) {
			return fault.Bad("until", "%s is not in the future", until.Format(time.RFC3339))
		}
		e.Put(presence.Choose(source, status, profile, text, e.Now, until))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l != rights.Self {
		s.note(ctx, c.by(), "presence.choice", p, map[string]any{
			"before": map[string]any{"status": before.Status, "profile": before.Profile}, // texts are nobody's business later
			"after":  map[string]any{"status": status, "profile": profile, "until": b.Until},
		})
	}
	card, _ := s.card(c.person.ID, p.ID)
	return &Out[rights.Presence]{card.Presence}, nil
}

// note enters something in the audit log that has happened already. That it fails must not undo it.
func (s *Server) note(ctx context.Context, by office.By, action string, p *office.Person, detail map[string]any) {
	e := by.Entry(action)
	e.PersonID, e.LocationID, e.Detail = p.ID, p.LocationID, mustJSON(detail)
	if err := s.store.Update(context.WithoutCancel(ctx), store.Changes{Audit: []store.AuditEntry{e}}); err != nil {
		s.log.ErrorContext(ctx, "audit entry could not be stored", "err", err, "action", action, "user", p.ID)
	}
}

func (s *Server) getExplanation(ctx context.Context, in *PersonPath) (*Out[rights.Explanation], error) {
	p, _, l, err := s.subject(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if !rights.MayExplain(l) {
		return nil, fault.New(fault.Forbidden, "as %s you may not ask why", l)
	}
	seen, ok := s.explanation(l, p.ID)
	if !ok {
		return nil, fault.New(fault.Forbidden, "as %s you may not ask why", l)
	}
	return &Out[rights.Explanation]{seen}, nil
}

// explanation tells a viewer of a level why somebody's presence is what it is, and what comes next.
func (s *Server) explanation(l rights.Level, id string) (rights.Explanation, bool) {
	f, _, ok := s.facts(id)
	claims, pol, known := s.hub.Claims(id)
	if !ok || !known {
		return rights.Explanation{}, false
	}
	return rights.Explain(l, &f, claims, pol, hub.Now(), 10)
}
