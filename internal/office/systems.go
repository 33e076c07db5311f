package office

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony"
)

// System is an outside system that may hold everybody's calendars, or accounts that users connect, or reach Microsoft Teams, or have telephone lines.
type System struct {
	Name     string
	Calendar bool // it may hold everybody's calendars
	Accounts bool // users may connect accounts with it
	Teams    bool // Microsoft Teams is reached with it
	Lines    bool // it tells what telephone lines do
	Forwards bool // it forwards telephone lines
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
	case policy.SectionTelephony:
		o.checkTelephony(&next.Telephony, &old.Telephony, &bad)
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

func (o *Office) checkTelephony(t, before *policy.Telephony, bad *fault.Fields) {
	if t.Connector != "" && t.Connector != before.Connector && !o.system(t.Connector).Lines {
		bad.Add("telephony.connector", "%q is no telephone system that has lines", t.Connector)
	}
	if t.Forwarding != "" && t.Forwarding != before.Forwarding && !o.system(t.Forwarding).Forwards {
		bad.Add("telephony.forwarding", "%q is no telephone system that forwards lines", t.Forwarding)
	}
}

// checkLines enters what is wrong with the lines that are entered for a person. Those that they have already may be in a system that is gone;
// mu is held.
func (o *Office) checkLines(at string, rec *store.Person, bad *fault.Fields) {
	if len(rec.Lines) == 0 {
		rec.Lines = nil
	}
	if len(rec.Lines) > MostLines {
		bad.Add(at+"lines", "are too many; at most %d are allowed", MostLines)
		return
	}
	old := o.people[rec.ID]
	forwarded := "" // in which system lines are that another forwards
	if scope := o.settings[cmp.Or(rec.GroupID, rec.LocationID)]; scope != nil && o.system(scope.Telephony.Forwarding).Forwards {
		forwarded = scope.Telephony.Connector
	}
	for i := range rec.Lines {
		l, at := &rec.Lines[i], at+"lines["+itoa(i)+"]"
		l.Line = strings.TrimSpace(l.Line)
		known := old != nil && slices.ContainsFunc(old.Lines, func(x store.Line) bool { return x.ConnectorID == l.ConnectorID && x.Line == l.Line })
		switch s := o.system(l.ConnectorID); {
		case known:
		case !s.Lines && !s.Forwards:
			bad.Add(at+".connector", "%q is no telephone system", l.ConnectorID)
		case l.Forwards && !s.Forwards && l.ConnectorID != forwarded:
			bad.Add(at+".forwards", "is something that %s cannot do", s.Name)
		}
		if l.Line == "" || len(l.Line) > 120 || strings.ContainsFunc(l.Line, func(r rune) bool { return r < 0x20 || r == 0x7f || r == utf8.RuneError }) {
			bad.Add(at+".line", "must be the number or address of a line, at most 120 characters")
			continue
		}
		key := lineKey(l)
		for j := range i {
			if lineKey(&rec.Lines[j]) == key {
				bad.Add(at+".line", "is listed twice")
			}
		}
		owner, taken := o.lines[key]
		if !taken && !known {
			owner, taken = o.numberOf(l, rec.ID)
		}
		if taken && owner != rec.ID {
			name := owner
			if p := o.people[owner]; p != nil {
				name = p.Name
			}
			bad.Add(at+".line", "is the line of %s", name)
		}
	}
}

// numberOf returns whose line a line is because it is their work number, other than that of whom it is to be; mu is held.
func (o *Office) numberOf(l *store.Line, than string) (owner string, taken bool) {
	number := telephony.Fold(l.Line)
	for id, p := range o.people {
		if t := &p.Settings.Telephony; id != than && !p.Blocked && len(p.Lines) == 0 && (t.Connector == l.ConnectorID || t.Forwarding == l.ConnectorID) &&
			telephony.Fold(p.WorkNumber) == number {
			return id, true
		}
	}
	return "", false
}

// MostLines is how many lines may be entered for a person.
const MostLines = 20

// lineKey tells lines apart, however they are spelt.
func lineKey(l *store.Line) string { return l.ConnectorID + " " + telephony.Fold(l.Line) }

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
		if connectorID == s.Calendar.Connector || connectorID == s.Calendar.Accounts || connectorID == s.Teams.Connector ||
			connectorID == s.Telephony.Connector || connectorID == s.Telephony.Forwarding {
			scopes = append(scopes, o.scopeName(id))
		}
	}
	slices.SortFunc(scopes, cmp.Compare)
	return scopes
}

// LinesIn returns how many people have lines entered in a telephone system.
func (o *Office) LinesIn(connectorID string) (n int) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, p := range o.people {
		if slices.ContainsFunc(p.Lines, func(l store.Line) bool { return l.ConnectorID == connectorID }) {
			n++
		}
	}
	return n
}
