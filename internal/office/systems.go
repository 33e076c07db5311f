package office

import (
	"cmp"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
)

// System is an outside system that may hold everybody's calendars, or accounts that users connect, or reach Microsoft Teams.
type System struct {
	Name     string
	Calendar bool // it may hold everybody's calendars
	Accounts bool // users may connect accounts with it
	Teams    bool // Microsoft Teams is reached with it
}

// UseSystems tells the office where to look up systems by the ID of their connector. It is to be called before the office
// is used; without it there are none.
func (o *Office) UseSystems(find func(id string) (System, bool)) { o.findSystem = find }

// system returns what a connector may be named for.
func (o *Office) system(id string) (s System) {
	if o.findSystem != nil {
		s, _ = o.findSystem(id)
	}
	return s
}

// checkSystems returns what is wrong with the systems that a section names. What was so before is not looked at.
func (o *Office) checkSystems(section string, next, old *policy.Settings) error {
	var bad fault.Fields
	switch section {
	case policy.SectionCalendar:
		o.checkCalendar(&next.Calendar, &old.Calendar, &bad)
	case policy.SectionTeams:
		o.checkTeams(&next.Teams, &old.Teams, &bad)
	}
	return bad.Err()
}

func (o *Office) checkTeams(t, before *policy.Teams, bad *fault.Fields) {
	if *t == *before {
		return
	}
	t.CheckConnector("teams", bad)
	if t.Connector != "" && t.Connector != before.Connector && !o.system(t.Connector).Teams {
		bad.Add("teams.connector", "%q is no application with which Microsoft Teams is reached", t.Connector)
	}
}

func (o *Office) checkCalendar(c, before *policy.CalendarSection, bad *fault.Fields) {
	if c.Connector != "" && c.Connector != before.Connector && !o.system(c.Connector).Calendar {
		bad.Add("calendar.connector", "%q is no system that holds calendars", c.Connector)
	}
	if c.Accounts != "" && c.Accounts != before.Accounts && !o.system(c.Accounts).Accounts {
		bad.Add("calendar.accounts", "%q is no system with which users connect accounts", c.Accounts)
	}
}

// UsesOfSystem returns the names of the scopes whose settings name a connector, sorted.
func (o *Office) UsesOfSystem(connectorID string) []string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var scopes []string
	for id, s := range o.settings {
		if connectorID == s.Calendar.Connector || connectorID == s.Calendar.Accounts || connectorID == s.Teams.Connector {
			scopes = append(scopes, o.scopeName(id))
		}
	}
	slices.SortFunc(scopes, cmp.Compare)
	return scopes
}
