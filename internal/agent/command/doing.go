package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/probe"
)

// doingFile is the file of the folder in which the client that runs tells what it does, for whoever has no icon to ask.
func (d *desk) doingFile() string { return "doing-" + computer() + ".txt" }

// doing tells what a client does, a line for each thing: whether it is heard, and what it measures. Nothing of a presence is in it.
func doing(s *agent.State) string {
	var b strings.Builder
	line := func(what, text string) { fmt.Fprintf(&b, "%s: %s\n", what, text) }
	when := func(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
	switch {
	case s.Connected:
		line("connected", "yes, since "+when(s.Since))
		if s.Problem != "" {
			line("refused", s.Problem)
		}
	case s.Problem != "":
		line("connected", "no: "+s.Problem)
	default:
		line("connected", "not yet")
	}
	if !s.Told {
		return b.String()
	}
	for _, m := range s.Measures() {
		switch m.Standing {
		case agent.Waiting:
			line(m.What, "is about to be measured")
		case agent.Uncounted:
			line(m.What, "does not count here")
		case agent.Muted:
			line(m.What, "does not count, by your wish")
		case agent.Going:
			line(m.What, m.Way)
		case agent.Failing:
			var u *probe.Unmeasured
			if !errors.As(m.Err, &u) {
				line(m.What, m.Err.Error())
				continue
			}
			line(m.What, "cannot be measured here")
			for _, why := range u.Why {
				fmt.Fprintf(&b, "  %s\n", why)
			}
		}
	}
	switch s.ReadsCalendars() {
	case agent.Waiting:
		line("calendars", "are about to be read")
		return b.String()
	case agent.Uncounted:
		line("calendars", "do not count here")
		return b.String()
	}
	for _, x := range s.Calendars {
		name := "calendar of " + x.Program
		switch {
		case errors.Is(x.Err, localcal.ErrAbsent):
			line(name, "not on this computer")
		case x.Err != nil:
			line(name, x.Err.Error())
		case x.Handed.IsZero():
			line(name, "is about to be handed over")
		default:
			line(name, fmt.Sprintf("%d appointments, handed over %s", x.Count, when(x.Handed)))
		}
		for _, p := range x.Problems {
			fmt.Fprintf(&b, "  %s\n", p)
		}
	}
	return b.String()
}
