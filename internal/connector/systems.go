package connector

import (
	"context"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/graph"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/internal/telephony"
)

// system is an outside system that holds calendars.
type system interface {
	source.System
	Close()
}

// holds says what settings may name a kind of system for.
func holds(kind string) office.System {
	switch kind {
	case KindExchange, KindDomino:
		return office.System{Calendar: true}
	case KindGraph:
		return office.System{Calendar: true, Accounts: true, Teams: true}
	case KindAsterisk, KindCSTA, KindSIP:
		return office.System{Lines: true}
	case KindSIPServer:
		return office.System{Forwards: true}
	}
	return office.System{}
}

// System tells what settings may name a connector for; ok is false if there is none.
func (c *Connectors) System(id string) (s office.System, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil {
		return s, false
	}
	s = holds(e.rec.Kind)
	s.Name, s.Forwards = e.rec.Name, forwards(e.pbx)
	return s, true
}

// UseAgenda has the calendars in systems read. It is to be called once, before the agenda runs.
func (c *Connectors) UseAgenda(a *agenda.Agenda) {
	c.office.UseSystems(c.System)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agenda = a
	for _, e := range c.all {
		c.plugAgenda(e, nil)
	}
}

// UseTeams has people kept in step with Microsoft Teams. It is to be called once, before that runs.
func (c *Connectors) UseTeams(t *teams.Teams) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.teams = t
	for _, e := range c.all {
		c.plugTeams(e)
	}
}

// plug has a connector used as it is now, in place of what there was; mu is held.
func (c *Connectors) plug(e *entry, old system, oldPBX telephony.System) {
	leaving := []<-chan struct{}{c.plugAgenda(e, old), c.plugTeams(e), c.plugSwitchboard(e)}
	c.plugTelephones(e)
	if old != nil || oldPBX != nil {
		c.closing.Go(func() { // it may take a moment: who listens there takes leave
			for _, left := range leaving {
				if left != nil {
					<-left
				}
			}
			if old != nil {
				old.Close()
			}
			if oldPBX != nil {
				oldPBX.Close()
			}
		})
	}
}

// plugTeams has Microsoft Teams reached with a connector as it is now; mu is held. What it returns is closed when what was there
// before is not used any more; nil: nothing was.
func (c *Connectors) plugTeams(e *entry) (left <-chan struct{}) {
	if c.teams == nil || e.rec.Kind != KindGraph {
		return nil
	}
	id := e.rec.ID
	if s, ok := e.system.(*graph.System); ok && e.rec.Enabled {
		return c.teams.PutSystem(teams.System{ID: id, Name: e.rec.Name, Service: s, Used: func(err error) { c.noteTeams(id, err) }})
	}
	return c.teams.DropSystem(id)
}

// plugAgenda likewise has the agenda read from it.
func (c *Connectors) plugAgenda(e *entry, old system) (left <-chan struct{}) {
	if c.agenda == nil {
		return nil
	}
	switch {
	case e.system != nil && e.rec.Enabled:
		id, whose := e.rec.ID, mailbox
		if e.settings.Domino != nil {
			whose = e.settings.Domino.mailbox
		}
		left = c.agenda.PutSystem(agenda.System{
			ID: id, Kind: e.rec.Kind, Name: e.rec.Name, System: e.system, Mailbox: whose, Used: func(err error) { c.used(id, err) },
		})
	case old != nil || holds(e.rec.Kind).Calendar:
		left = c.agenda.DropSystem(e.rec.ID)
	}
	return left
}

// Close ends what is still there of systems. Run does so at its end; it is for who does not call that.
func (c *Connectors) Close() {
	c.mu.Lock()
	for _, e := range c.all {
		if e.system == nil && e.pbx == nil {
			continue
		}
		var leaving []<-chan struct{}
		if c.agenda != nil {
			leaving = append(leaving, c.agenda.DropSystem(e.rec.ID))
		}
		if c.teams != nil {
			leaving = append(leaving, c.teams.DropSystem(e.rec.ID))
		}
		if c.switchboard != nil {
			leaving = append(leaving, c.switchboard.DropSystem(e.rec.ID))
		}
		c.closing.Go(func() {
			for _, left := range leaving {
				<-left
			}
			if e.system != nil {
				e.system.Close()
			}
			if e.pbx != nil {
				e.pbx.Close()
			}
		})
	}
	c.mu.Unlock()
	c.closing.Wait()
}

// mailbox is whose calendar a person's is, in systems that hold everybody's: the address that others write to.
func mailbox(p *office.Person) string {
	if strings.Contains(p.Email, "@") {
		return strings.TrimSpace(p.Email)
	}
	return ""
}

// used notes that a system was used. What went well is noted once a second: there may be thousands of readings.
func (c *Connectors) used(id string, err error) {
	c.mu.Lock()
	e := c.all[id]
	fresh := e != nil && err == nil && e.rec.Error == "" && time.Since(e.rec.SucceededAt) < time.Second
	c.mu.Unlock()
	if !fresh {
		c.noteUse(id, err)
	}
}

// noteTeams notes how asking Microsoft Teams went, as far as it is about the application. It is known again soon after a restart,
// and so not written.
func (c *Connectors) noteTeams(id string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[id]
	if e == nil {
		return
	}
	if e.teams == nil {
		e.teams = &TeamsUse{}
	}
	e.teams.CheckedAt, e.teams.Error = time.Now().UTC(), ""
	if err != nil {
		e.teams.Error = fault.Public(inWords(err))
	} else {
		e.teams.SucceededAt = e.teams.CheckedAt
	}
}

// accounts returns how many accounts people have connected with an application, for their calendars or for Teams.
func (c *Connectors) accounts(ctx context.Context, id string) (n int, err error) {
	if c.agenda != nil {
		n = c.agenda.Accounts(id)
	}
	err = c.store.LoadTeams(ctx, func(r store.TeamsRecord) error {
		if r.ConnectorID == id && (r.Account != "" || len(r.Token) > 0) {
			n++
		}
		return nil
	})
	return n, err
}

func (c *Connectors) checkSystem(ctx context.Context, s system, mailbox string) []directory.Step {
	var steps []directory.Step
	for _, x := range s.Check(ctx, mailbox) {
		steps = append(steps, directory.Step(x))
	}
	return steps
}

// CheckTeams tries each step that Microsoft Teams needs of an application. Without the address of somebody what needs one is left out.
func (c *Connectors) CheckTeams(ctx context.Context, id, mailbox string) ([]directory.Step, error) {
	e, err := c.find(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	s, ok := e.system.(*graph.System)
	c.mu.Unlock()
	switch {
	case e.rec.Kind != KindGraph:
		return nil, fault.New(fault.Conflict, "Microsoft Teams is reached with connectors of kind graph only")
	case !ok:
		return nil, errUnusable
	}
	var steps []directory.Step
	for _, x := range s.CheckPresence(ctx, mailbox) {
		steps = append(steps, directory.Step(x))
	}
	return steps, nil
}

// unused refuses to remove a system that settings name.
func (c *Connectors) unused(id string) error {
	if scopes := c.office.UsesOfSystem(id); len(scopes) > 0 {
		return fault.New(fault.Conflict, "the settings of %s name it; choose something else there first", strings.Join(scopes, ", "))
	}
	if n := c.office.LinesIn(id); n > 0 {
		return fault.New(fault.Conflict, "lines in it are entered for %d people; remove them there first", n)
	}
	return nil
}
