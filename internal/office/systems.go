package office

import (
	"cmp"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
)

// System is an outside system that may hold everybody's calendars, or accounts that users connect.
type System struct {
	Name     string
	Calendar bool // it may hold everybody's calendars
	Accounts bool // users may connect accounts with it
}

// UseSystems tells the office where to look up systems by the ID of their connector. It is to be called before the office
// is used; without it there are none.
func (o *Office) UseSystems(find func(id string) (System, bool)) { o.findSystem = find }

// checkSystems returns what is wrong with the systems that a section names. What was so before is not looked at.
func (o *Office) checkSystems(c, before *policy.CalendarSection) error {
	find := func(id string) (s System) {
		if o.findSystem != nil {
			s, _ = o.findSystem(id)
		}
		return s
	}
	var bad fault.Fields
	if c.Connector != "" && c.Connector != before.Connector && !find(c.Connector).Calendar {
		bad.Add("calendar.connector", "%q is no system that holds calendars", c.Connector)
	}
	if c.Accounts != "" && c.Accounts != before.Accounts && !find(c.Accounts).Accounts {
		bad.Add("calendar.accounts", "%q is no system with which users connect accounts", c.Accounts)
	}
	return bad.Err()
}

// UsesOfSystem returns the names of the scopes whose settings name a connector, sorted.
func (o *Office) UsesOfSystem(connectorID string) []string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var scopes []string
	for id, s := range o.settings {
		if s.Calendar.Connector == connectorID || s.Calendar.Accounts == connectorID {
			scopes = append(scopes, o.scopeName(id))
		}
	}
	slices.SortFunc(scopes, cmp.Compare)
	return scopes
}
