package api

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

// slotID is the ID of an origin's claim: each origin has one slot for each person (P4).
const slotID = "slot"

func originSource(c caller) presence.Source {
	return presence.SourceAPI + presence.Source("/"+c.token.Origin)
}

func (s *Server) putClaim(ctx context.Context, in *ClaimInput) (*struct{}, error) {
	p, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if err := feature(p); err != nil {
		return nil, err
	}
	var bad fault.Fields
	edit := claimEdit(originSource(c), "", &in.Body, &bad)
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return nil, s.hub.Change(ctx, p.ID, edit)
}

func claimEdit(source presence.Source, at string, b *ClaimBody, bad *fault.Fields) func(*hub.Edit) error {
	until := checkUntil(at+"until", b.Until, hub.Now(), bad)
	policy.CheckText(at+"text", b.Text, bad)
	policy.CheckText(at+"profile", b.Profile, bad)
	return func(e *hub.Edit) error {
		claim := presence.Claim{
			Source: source, ID: slotID, Status: b.Status, Text: b.Text, Profile: b.Profile, From: e.Now, Until: until,
		}
		if b.LeaseSeconds > 0 {
			claim.Lease = e.Now.Add(time.Duration(b.LeaseSeconds) * time.Second)
		}
		// Saying the same again only renews the lease: what holds since nine o'clock does not begin anew. What is over
		// does.
		for _, old := range e.Claims() {
			if end := old.End(); !end.IsZero() && !e.Now.Before(end) {
				continue
			}
			if old.Source == source && old.ID == slotID && old.Status == claim.Status && old.Text == claim.Text && old.Profile == claim.Profile {
				claim.From = old.From
			}
		}
		if !until.IsZero() && !until.After(e.Now) {
			return fault.Bad("until", "%s is not in the future", until.Format(time.RFC3339))
		}
		e.Put(claim)
		return nil
	}
}

func (s *Server) deleteClaim(ctx context.Context, in *PersonPath) (*struct{}, error) {
	p, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return nil, s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		e.Delete(presence.Ref{Source: originSource(c), ID: slotID})
		return nil
	})
}

func (s *Server) postClaims(ctx context.Context, in *ClaimsInput) (*struct{}, error) {
	c := callerOf(ctx)
	source := originSource(c)
	var bad fault.Fields
	edits := make([]hub.PersonEdit, len(in.Body.Claims))
	for i, x := range in.Body.Claims {
		at := indexed("claims", i)
		p, _, err := s.target(ctx, x.Person)
		switch {
		case err != nil:
			bad.Add(at+".person", "there is no person %q", x.Person)
			continue
		case x.Retract == (x.Claim != nil):
			bad.Add(at+".claim", "give either a claim or retract")
			continue
		}
		edit := func(e *hub.Edit) error {
			e.Delete(presence.Ref{Source: source, ID: slotID})
			return nil
		}
		if x.Claim != nil {
			said := claimEdit(source, at+".claim.", x.Claim, &bad)
			if !p.Policy.Off { // else it is not kept (P10), and the others are
				edit = said
			}
		}
		edits[i] = hub.PersonEdit{PersonID: p.ID, Edit: edit}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	for _, err := range s.hub.ChangeAll(ctx, edits) {
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *Server) putLine(ctx context.Context, in *LineInput) (*struct{}, error) {
	p, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if err := feature(p); err != nil && in.Body.State != presence.LineIdle {
		return nil, err
	}
	var bad fault.Fields
	policy.CheckText("service", in.Body.Service, &bad)
	policy.CheckText("other", in.Body.Other, &bad)
	if err := bad.Err(); err != nil {
		return nil, err
	}
	ref := lineRef(c, in.Line)
	return nil, s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		if in.Body.State == presence.LineIdle {
			e.Delete(ref)
			return nil
		}
		claim := presence.Claim{
			Source: ref.Source, ID: ref.ID, From: e.Now, Lease: e.Now.Add(time.Duration(in.Body.LeaseSeconds) * time.Second),
			Line: presence.Line{State: in.Body.State, Reach: in.Body.Reach, Service: in.Body.Service, Other: in.Body.Other},
		}
		for _, old := range e.Claims() {
			if old.Ref() == ref && old.Line == claim.Line && e.Now.Before(old.End()) {
				claim.From = old.From
			}
		}
		e.Put(claim)
		return nil
	})
}

func lineRef(c caller, line string) presence.Ref {
	return presence.Ref{Source: presence.SourceLine + presence.Source("/"+c.token.Origin), ID: line}
}

func (s *Server) deleteLine(ctx context.Context, in *LinePath) (*struct{}, error) {
	p, c, err := s.target(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return nil, s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		e.Delete(lineRef(c, in.Line))
		return nil
	})
}
