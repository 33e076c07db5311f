package tray

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/presence"
)

// verb is what a click does.
type verb int

const (
	nothing  verb = iota // the entry only tells something
	choose               // choose Choice, until End
	askEnd               // ask until when, then choose
	askText              // ask for the text, then choose
	mute                 // have the microphone count, or not
	open                 // open Page of the server
	openSent             // show what was sent
	signIn
	signOut
	quit
)

// action is what a click on an entry means. It is worked out when the menu is made, but for the end of a choice, which counts from the click.
type action struct {
	verb   verb
	choice client.Choice
	about  string // the word for the choice
	end    end
	page   string
	muted  bool
}

// end is until when a choice holds.
type end string

const (
	endOpen     end = "open"
	end30       end = "30"
	end60       end = "60"
	end120      end = "120"
	endDay      end = "day"
	endTomorrow end = "tomorrow"
	endSame     end = "same" // that of the choice itself
)

// at is when a choice ends that is made now; ok is false if it does not end by itself.
func (e end) at(now time.Time) (at time.Time, ok bool) {
	y, m, d := now.Date()
	minute := now.Truncate(time.Minute)
	if minute.Before(now) {
		minute = minute.Add(time.Minute)
	}
	switch e {
	case end30:
		return minute.Add(30 * time.Minute), true
	case end60:
		return minute.Add(time.Hour), true
	case end120:
		return minute.Add(2 * time.Hour), true
	case endDay:
		return time.Date(y, m, d+1, 0, 0, 0, 0, now.Location()), true
	case endTomorrow:
		return time.Date(y, m, d+1, 8, 0, 0, 0, now.Location()), true
	}
	return time.Time{}, false
}

// item is an entry of the menu.
type item struct {
	key       string // which it is among those beside it, for as long as the program runs
	label     string // without marks of the system's own
	off       bool   // it cannot be clicked
	checkable bool
	checked   bool
	separator bool
	sign      sign // drawn beside it; signUnknown: nothing
	sub       []item
	action    action
}

// face is what the owner sees: the icon, its title and its menu.
type face struct {
	sign  sign
	title string
	menu  []item
	lang  language
}

// look makes the face of a view. It is pure; now is in the owner's time zone.
func look(v View, now time.Time, l language) face {
	return face{signFor(v), title(v, now, l), menu(v, now, l), l}
}

// shows is the status that is to be seen; ok is false if there is none.
func shows(v View) (s presence.Status, ok bool) {
	p := v.State.Presence
	if v.Out || !v.State.Connected || p.Off || p.Status == nil {
		return s, false
	}
	return *p.Status, true
}

func signFor(v View) sign {
	s, ok := shows(v)
	switch {
	case ok:
		return signOf(s)
	case !v.Out && v.State.Connected: // presence is off
		return signLoggedOut
	}
	return signUnknown
}

// title says it in one line, such as "Busy: Exam, until 15:00".
func title(v View, now time.Time, l language) string {
	switch s := v.State; {
	case v.Out && v.State.Problem != "":
		return l.say("out") + ": " + s.Problem
	case v.Out:
		return l.say("out")
	case !s.Connected:
		t := l.say("connecting")
		if !s.Since.IsZero() {
			t = l.say("lost", l.moment(s.Since, now))
		}
		if s.Problem != "" {
			t += ": " + s.Problem
		}
		return t
	}
	return present(v.State.Presence, now, l)
}

// present is a presence in words.
func present(p client.Presence, now time.Time, l language) string {
	if p.Off || p.Status == nil {
		return l.say("off")
	}
	t := l.status(*p.Status)
	if d := detail(p, l); d != "" {
		t += ": " + d
	}
	if p.Until != nil && p.Until.After(now) {
		t += ", " + l.say("until", l.ending(*p.Until, now))
	}
	return t
}

// detail is the text of a presence, or the profile's name where it says more than the status.
func detail(p client.Presence, l language) string {
	if p.Text != "" {
		return l.shipped(p.Text)
	}
	if p.Profile != "" && p.Status != nil && !strings.EqualFold(p.Profile, l.status(*p.Status)) && !strings.EqualFold(p.Profile, speak("en").status(*p.Status)) {
		return l.shipped(p.Profile)
	}
	return ""
}

// why is what decided, in a few words; empty: not known.
func why(p client.Presence, l language) string {
	return texts[l]["cause."+string(p.Cause)]
}

// held is the choice of what holds now, so that it can be chosen again with another text or end; ok is false if it may not be chosen.
func held(v View) (c client.Choice, ok bool) {
	p := v.State.Presence
	if p.Off || p.Status == nil || *p.Status == presence.LoggedOut {
		return c, false
	}
	text := p.Text
	for _, x := range v.State.Settings.Profiles {
		if p.Profile != "" && (p.Profile == x.ID || p.Profile == x.Name) {
			return client.Choice{Profile: x.ID, Text: &text, Until: p.Until}, true
		}
	}
	if slices.Contains(v.State.Settings.Statuses, *p.Status) {
		status := *p.Status
		return client.Choice{Status: &status, Text: &text, Until: p.Until}, true
	}
	return c, false
}

// longest is how many characters of a text the menu shows.
const longest = 70

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longest {
		return strings.TrimSpace(string(r[:longest-1])) + "…"
	}
	return s
}

// menu makes the menu of a view. What cannot be done now is there all the same, and cannot be clicked; a line at the top says why.
func menu(v View, now time.Time, l language) []item {
	var m []item
	tell := func(key, text string) { m = append(m, item{key: key, label: short(text), off: true}) }
	rule := func(key string) { m = append(m, item{key: key, separator: true}) }

	s := v.State
	if s.Name != "" && !v.Out {
		tell("name", s.Name)
	}
	able := false // something can be chosen
	switch {
	case v.Out:
		tell("state", l.say("out"))
		if v.SignIn != nil {
			tell("waits", l.say("waits", v.SignIn.Code))
		}
		if s.Problem != "" {
			tell("problem", s.Problem)
		}
	case !s.Connected:
		if s.Since.IsZero() {
			tell("state", l.say("connecting"))
		} else {
			tell("state", l.say("lost", l.moment(s.Since, now)))
		}
		if s.Problem != "" {
			tell("problem", s.Problem)
		}
		tell("unable", l.say("lost.choice"))
	case !s.Settings.Enabled || s.Presence.Off:
		tell("state", l.say("presence.off"))
	default:
		tell("state", present(s.Presence, now, l))
		if w := why(s.Presence, l); w != "" {
			tell("why", "("+w+")")
		}
		if s.Problem != "" {
			tell("problem", l.say("refused", s.Problem))
		}
		if able = len(s.Settings.Statuses)+len(s.Settings.Profiles) > 0; !able {
			tell("unable", l.say("nothing"))
		}
	}
	rule("rule-choice")
	if !v.Out {
		m = append(m, choices(v, able, l), ends(v, able, l))
		again, ok := held(v)
		m = append(m, item{key: "text", label: l.say("text"), off: !able || !ok, action: action{verb: askText, choice: again, about: word(v, again, l), end: endSame}})
		if len(s.Settings.Microphone) > 0 {
			m = append(m, item{key: "mute", label: l.say("mute"), checkable: true, checked: s.Muted, action: action{verb: mute, muted: !s.Muted}})
		}
		m = append(m, measured(v, now, l))
	}
	m = append(m, item{key: "sent", label: l.say("sent"), action: action{verb: openSent}})
	rule("rule-end")
	m = append(m, item{key: "open", label: l.say("open"), action: action{verb: open, page: "/"}})
	if v.Out {
		m = append(m, item{key: "signin", label: l.say("signin"), action: action{verb: signIn}})
	} else {
		m = append(m, item{key: "signout", label: l.say("signout"), action: action{verb: signOut}})
	}
	return append(m, item{key: "quit", label: l.say("quit"), action: action{verb: quit}})
}

// word is what a choice is called.
func word(v View, c client.Choice, l language) string {
	for _, p := range v.State.Settings.Profiles {
		if c.Profile == p.ID {
			return l.shipped(p.Name)
		}
	}
	if c.Status != nil {
		return l.status(*c.Status)
	}
	return ""
}

// choices are the statuses and profiles, each of which is chosen at once, until something else is. The one that holds has a mark.
func choices(v View, able bool, l language) item {
	top := item{key: "change", label: l.say("change"), off: !able}
	now, holds := held(v)
	for _, s := range v.State.Settings.Statuses {
		c := client.Choice{Status: &s}
		top.sub = append(top.sub, item{key: "status-" + s.String(), label: l.status(s), off: !able, checkable: true, sign: signOf(s),
			checked: able && holds && now.Status != nil && *now.Status == s, action: action{verb: choose, choice: c, about: l.status(s), end: endOpen}})
	}
	if len(v.State.Settings.Statuses) > 0 && len(v.State.Settings.Profiles) > 0 {
		top.sub = append(top.sub, item{key: "rule", separator: true})
	}
	for _, p := range v.State.Settings.Profiles {
		top.sub = append(top.sub, item{key: "profile-" + p.ID, label: short(l.shipped(p.Name)), off: !able, checkable: true, sign: signOf(p.Status),
			checked: able && holds && now.Profile == p.ID, action: action{verb: choose, choice: client.Choice{Profile: p.ID}, about: l.shipped(p.Name), end: endOpen}})
	}
	return top
}

// ends are until when what holds now is to hold.
func ends(v View, able bool, l language) item {
	again, ok := held(v)
	able = able && ok
	about := word(v, again, l)
	top := item{key: "end", label: l.say("end"), off: !able}
	for _, e := range []end{endOpen, end30, end60, end120, endDay, endTomorrow} {
		top.sub = append(top.sub, item{key: string(e), label: l.say("end." + string(e)), off: !able, action: action{verb: choose, choice: again, about: about, end: e}})
	}
	top.sub = append(top.sub, item{key: "other", label: l.say("end.other"), off: !able, action: action{verb: askEnd, choice: again, about: about}})
	return top
}

// measured tells what is measured on this computer, how, and what of it was told.
func measured(v View, now time.Time, l language) item {
	s := v.State
	top := item{key: "measured", label: l.say("measured")}
	add := func(lines ...string) { // none can be clicked: which it is does not matter, where it stands does
		for _, line := range lines {
			top.sub = append(top.sub, item{key: fmt.Sprint("line-", len(top.sub)), label: line, off: true})
		}
	}
	for _, m := range s.Measures() {
		text := ""
		switch m.Standing {
		case agent.Waiting:
			text = l.say("waiting")
		case agent.Uncounted:
			text = l.say("uncounted")
		case agent.Muted:
			text = l.say("muted")
		case agent.Going:
			text = m.Way
		case agent.Failing:
			var u *probe.Unmeasured
			if errors.As(m.Err, &u) { // why is for whoever looks after the computer
				add(l.say(m.What, l.say("unmeasured")))
				for _, why := range u.Why {
					add(wrap(indent + why)...)
				}
				continue
			}
			text = m.Err.Error()
		}
		add(wrap(l.say(m.What, text))...)
	}
	if len(s.Settings.Microphone) > 0 && !s.Muted && s.Connected {
		text := l.say("told.none")
		if len(s.Recording) > 0 {
			text = l.say("told", strings.Join(s.Recording, ", "))
		}
		add(wrap(text)...)
	}
	switch s.ReadsCalendars() {
	case agent.Waiting:
		add(l.say("calendars", l.say("waiting")))
		return top
	case agent.Uncounted:
		add(l.say("calendars", l.say("uncounted")))
		return top
	case agent.Failing:
		add(l.say("calendars", l.say("calendars.none")))
		return top
	}
	for _, x := range s.Calendars {
		if errors.Is(x.Err, localcal.ErrAbsent) {
			continue
		}
		text := ""
		switch {
		case x.Err != nil && strings.HasPrefix(x.Err.Error(), x.Program):
			text = x.Err.Error()
		case x.Err != nil:
			text = x.Program + ": " + x.Err.Error()
		case x.Handed.IsZero():
			text = x.Program + ": " + l.say("waiting")
		case x.Count == 1:
			text = x.Program + ": " + l.say("handed.one", l.moment(x.Handed, now))
		default:
			text = x.Program + ": " + l.say("handed", x.Count, l.moment(x.Handed, now))
		}
		add(wrap(text)...)
		for _, p := range x.Problems {
			add(wrap(indent + p)...)
		}
	}
	return top
}

// indent is before a line that belongs to the one above it.
const indent = "    "

// wrap breaks a text into lines that the menu shows whole, with the indent of the first before each and a further one before all that follow.
func wrap(s string) []string {
	var lines []string
	before := s[:len(s)-len(strings.TrimLeft(s, " "))]
	line, empty := before, true
	for _, w := range strings.Fields(s) {
		switch {
		case empty:
			line += w
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) <= longest:
			line += " " + w
		default:
			lines = append(lines, line)
			line = before + indent + w
		}
		empty = false
		if r := []rune(line); len(r) > longest { // one long word
			line = string(r[:longest-1]) + "…"
		}
	}
	return append(lines, line)
}

// parseEnd reads a time that somebody has typed: 15:30, which is the next such, or with a day before it, such as 24.12. 15:30 or 2026-12-24 15:30.
func parseEnd(text string, now time.Time) (time.Time, error) {
	text = strings.Join(strings.Fields(text), " ")
	clock := strings.NewReplacer(".", ":", "h", ":").Replace(text)
	for _, layout := range []string{"15:04", "3:04pm", "3:04 pm", "15"} {
		if t, err := time.ParseInLocation(layout, strings.ToLower(clock), now.Location()); err == nil {
			y, m, d := now.Date()
			at := time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, now.Location())
			if !at.After(now) {
				at = time.Date(y, m, d+1, t.Hour(), t.Minute(), 0, 0, now.Location())
			}
			return at, nil
		}
	}
	for _, layout := range []string{"2006-01-02 15:04", "2.1.2006 15:04", "2 Jan 2006 15:04"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil && at.After(now) {
			return at, nil
		}
	}
	for _, layout := range []string{"2.1. 15:04", "2 Jan 15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			at := time.Date(now.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
			if !at.After(now) {
				at = time.Date(now.Year()+1, t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
			}
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time to come", text)
}
