package probe

import (
	"cmp"
	"slices"
	"time"
)

// Short uses of a microphone do not count (M2), and neither do short pauses: a program counts once it has recorded for shortUse without a pause, and
// counts until it has not recorded for shortPause. A program that begins and ends all the time changes nothing.
const (
	shortUse   = 3 * time.Second
	shortPause = 2 * time.Second
)

// damper tells which programs count from which ones record. Its zero value has seen none.
type damper struct {
	uses map[string]use
}

type use struct {
	since time.Time // when it began
	ended time.Time // when it was first seen not to record any more; zero while it does. Only of uses that count.
	count bool
}

// see is told which programs record at now, and returns which ones count, sorted by name. If next is not zero, it is when to ask again
// even if nothing changes until then. Times do not go back.
func (d *damper) see(recording []string, now time.Time) (counting []Program, next time.Time) {
	uses := make(map[string]use, len(recording))
	for _, name := range recording {
		u, known := d.uses[name]
		if !known {
			u = use{since: now}
		}
		u.ended = time.Time{}
		u.count = u.count || now.Sub(u.since) >= shortUse
		uses[name] = u
	}
	for name, u := range d.uses {
		if _, ok := uses[name]; ok || !u.count {
			continue
		}
		if u.ended.IsZero() {
			u.ended = now
		}
		if now.Sub(u.ended) < shortPause {
			uses[name] = u
		}
	}
	d.uses = uses
	for name, u := range uses {
		var due time.Time
		switch {
		case !u.count:
			due = u.since.Add(shortUse)
		case !u.ended.IsZero():
			due = u.ended.Add(shortPause)
		}
		if u.count {
			counting = append(counting, Program{Name: name, Since: u.since})
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	slices.SortFunc(counting, func(a, b Program) int { return cmp.Compare(a.Name, b.Name) })
	return counting, next
}
