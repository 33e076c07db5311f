package api

import (
	"context"
	"slices"
	"strings"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

func (s *Server) getMicrophone(ctx context.Context, in *PersonPath) (*Out[MicrophoneTable], error) {
	p, _, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	out := MicrophoneTable{Processes: []string{}}
	if !p.Policy.Off {
		out.Processes = p.Settings.Microphone.Processes()
	}
	return &Out[MicrophoneTable]{out}, nil
}

// recordingID is the ID of the claim that a process records, as a client sees it.
func recordingID(client, process string) string { return client + "/" + strings.ToLower(process) }

// recording returns the claims that programs record, as a client sees them.
func recording(claims []presence.Claim, client string) (refs []presence.Ref) {
	for i := range claims {
		if c := &claims[i]; c.Source == presence.SourceMicrophone && strings.HasPrefix(c.ID, client+"/") {
			refs = append(refs, c.Ref())
		}
	}
	return refs
}

// microphone enters which programs record, as a client reports it (M2); nil: as before, for as long again. What is not in the table is not kept.
func (s *Server) microphone(ctx context.Context, p *office.Person, client string, processes *[]string) error {
	if processes == nil {
		claims, _, _ := s.hub.Claims(p.ID)
		for _, ref := range recording(claims, client) {
			s.hub.Refresh(p.ID, ref, s.hub.Grace())
		}
		return nil
	}
	var want []presence.Claim
	for _, process := range *processes {
		row := p.Settings.Microphone.Program(process)
		if row == nil || p.Policy.Off {
			continue
		}
		c := presence.Claim{Source: presence.SourceMicrophone, ID: recordingID(client, row.Process), Status: presence.Busy, Text: row.Alias}
		if f := p.Settings.MicrophoneProfile(&p.Own); f != nil {
			c.Status, c.Profile = f.Status, f.Name
		}
		if row.InTeams() {
			c.Call = policy.CallTeams
		}
		if !slices.ContainsFunc(want, func(x presence.Claim) bool { return x.ID == c.ID }) {
			want = append(want, c)
		}
	}
	claims, _, _ := s.hub.Claims(p.ID)
	if len(want) == 0 && len(recording(claims, client)) == 0 {
		return nil
	}
	return s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		for _, ref := range recording(e.Claims(), client) {
			if !slices.ContainsFunc(want, func(c presence.Claim) bool { return c.ID == ref.ID }) {
				e.Delete(ref)
			}
		}
		for _, c := range want {
			c.From, c.Lease = e.Now, e.Now.Add(e.Grace)
			for _, old := range e.Claims() {
				if old.Ref() == c.Ref() && e.Now.Before(old.End()) {
					c.From = old.From
				}
			}
			e.Put(c)
		}
		return nil
	})
}
