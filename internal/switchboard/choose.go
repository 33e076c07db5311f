package switchboard

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

// mostChoices is how many choices of one system may wait; who dials faster is not heard.
const mostChoices = 100

// Choose has somebody choose the presence that a feature code of their scope stands for, as if by hand (P3, L2). It returns the name of
// the profile.
func (s *Switchboard) Choose(ctx context.Context, personID, code string) (profile string, err error) {
	p, ok := s.office.Person(personID)
	if !ok || p.Blocked {
		return "", fault.New(fault.NotFound, "there is nobody whose telephone it is")
	}
	if p.Policy.Off {
		return "", fault.New(fault.Conflict, "presence management is switched off for %s", p.Name)
	}
	t := p.Settings.Telephony.Coded(p.Settings, code)
	if t == nil {
		return "", fault.New(fault.NotFound, "%s is no feature code here", code)
	}
	return t.Name, s.hub.Change(ctx, personID, func(e *hub.Edit) error {
		e.Put(presence.Choose(presence.SourceHand, t.Status, t.Name, t.Text, e.Now, time.Time{}))
		return nil
	})
}

// choices carries out what people choose at the telephones of a system, until ctx ends.
func (s *Switchboard) choices(ctx context.Context, sys *system, dialled <-chan telephony.Choice) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-dialled:
			if err := s.dialled(ctx, sys, c); err != nil && ctx.Err() == nil {
				s.log.Info("a feature code chose nothing", "connector", sys.ID, "err", err)
			}
		}
	}
}

func (s *Switchboard) dialled(ctx context.Context, sys *system, c telephony.Choice) error {
	s.mu.Lock()
	l := s.lines[key{sys.ID, c.Line}]
	person := ""
	if l != nil {
		person = l.person
	}
	s.mu.Unlock()
	_, err := s.Choose(ctx, person, c.Code)
	return err
}
