package presence

import (
	"strings"
	"time"
)

// Source says who makes a claim: a class, and behind a slash the one of that class where there may be
// several ("api/access-control", "assistant/" and the assistant's person ID, "line/" and the line).
type Source string

// Source classes. The rules speak of these.
const (
	SourceHand       Source = "hand"       // the person's own choice
	SourceAssistant  Source = "assistant"  // a choice by somebody who may act for them
	SourceStart      Source = "start"      // automatic activation when the first client starts
	SourceEnd        Source = "end"        // automatic activation when the last client ends; worked out from clients, stored when the next one starts
	SourceClient     Source = "client"     // one running client: that it runs, and whether it is used
	SourceAPI        Source = "api"        // an origin that speaks through the API
	SourceCalendar   Source = "calendar"   // an appointment
	SourceTeams      Source = "teams"      // a call or presentation in Microsoft Teams
	SourceMicrophone Source = "microphone" // a program that records
	SourceLine       Source = "line"       // a telephone line
	SourceMark       Source = "mark"       // what the person decided about one appointment: not for presence, or again for it
)

// Class returns the source without the part behind the slash.
func (s Source) Class() Source {
	if i := strings.IndexByte(string(s), '/'); i >= 0 {
		return s[:i]
	}
	return s
}

// Name returns the part behind the slash, empty if there is none.
func (s Source) Name() string {
	_, name, _ := strings.Cut(string(s), "/")
	return name
}

// Ref names one claim of a person. The zero Ref names none.
type Ref struct {
	Source Source
	ID     string // unique within Source
}

// String returns "source#id", or the source alone where the ID is empty.
func (r Ref) String() string {
	if r.ID == "" {
		return string(r.Source)
	}
	return string(r.Source) + "#" + r.ID
}

// ParseRef is the reverse of String.
func ParseRef(s string) Ref {
	source, id, _ := strings.Cut(s, "#")
	return Ref{Source(source), id}
}

// IDs of the claims that a person's choices leave: one slot each for a choice without an end and for a
// timed one, so that the end of "Break until 14:00" uncovers what was chosen before.
const (
	ChoiceID = "choice"
	TimedID  = "timed"
)

// Claim is one source's statement about one person. Claims of a person are told apart by Source and ID;
// asserting one again replaces it. Times are compared as instants; all intervals are half open.
type Claim struct {
	Source  Source
	ID      string
	Status  Status
	Profile string    // name of the profile it was made with; may be empty
	Text    string    // shown from team colleague upwards; may be empty
	From    time.Time // first instant the claim holds; for choices the moment of choosing
	Until   time.Time // first instant it no longer holds; zero: until retracted
	Lease   time.Time // it also ends here unless the source refreshes it first; zero: no lease
	ShowAs  ShowAs    // calendar: how the appointment is shown there
	AllDay  bool      // calendar: it was entered for whole days
	Call    string    // live: claims with the same Call are one call seen twice; empty: stands alone. mark: the target's
	Line    Line      // line and teams: what the telephone does meanwhile

	Activity      Activity  // client: whether it is used
	ActivitySince time.Time // client: the last input (Idle), or the moment of locking (Locked)
	Label         string    // client: its name for its owner, such as "Firefox on Linux"

	Mark   Mark // mark: what was decided
	Target Ref  // mark: about which appointment
}

// Ref returns the claim's name.
func (c *Claim) Ref() Ref { return Ref{c.Source, c.ID} }

// End returns the first instant at which time alone ends the claim: Until or Lease, whichever is first.
// It is zero if neither is set.
func (c *Claim) End() time.Time {
	if c.Lease.IsZero() || !c.Until.IsZero() && c.Until.Before(c.Lease) {
		return c.Until
	}
	return c.Lease
}

// begun reports whether now is not before From.
func (c *Claim) begun(now time.Time) bool { return !now.Before(c.From) }

// over reports whether Until or Lease has passed.
func (c *Claim) over(now time.Time) bool {
	return !c.Until.IsZero() && !now.Before(c.Until) || !c.Lease.IsZero() && !now.Before(c.Lease)
}

// holds reports whether now is within From and End.
func (c *Claim) holds(now time.Time) bool { return c.begun(now) && !c.over(now) }

// Timed reports whether the claim ends by itself at a known time, its lease apart.
func (c *Claim) Timed() bool { return !c.Until.IsZero() }

// ShowAs says how an appointment is shown in the calendar it comes from. The zero value is ShowBusy, which is
// what an appointment means that does not say (RFC 5545 §3.8.2.7).
type ShowAs uint8

const (
	ShowBusy ShowAs = iota
	ShowOutOfOffice
	ShowTentative
	ShowElsewhere // working elsewhere
	ShowFree
)

var showAsNames = [...]string{
	ShowBusy:        "busy",
	ShowOutOfOffice: "out_of_office",
	ShowTentative:   "tentative",
	ShowElsewhere:   "working_elsewhere",
	ShowFree:        "free",
}

// String returns the word used on the wire and in the database.
func (s ShowAs) String() string { return wordOf(showAsNames[:], s) }

// ParseShowAs is the reverse of String.
func ParseShowAs(word string) (ShowAs, error) {
	return parseWord[ShowAs]("show-as", showAsNames[:], word)
}

// MarshalText implements encoding.TextMarshaler.
func (s ShowAs) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *ShowAs) UnmarshalText(text []byte) (err error) {
	*s, err = ParseShowAs(string(text))
	return err
}

// Activity says whether a client is used. The zero value is for clients that cannot tell, such as a browser
// tab: they count as running but say nothing about inactivity.
type Activity uint8

const (
	ActivityUnknown Activity = iota
	Active
	Idle
	Locked
)

var activityNames = [...]string{ActivityUnknown: "unknown", Active: "active", Idle: "idle", Locked: "locked"}

// String returns the word used on the wire and in the database.
func (a Activity) String() string { return wordOf(activityNames[:], a) }

// ParseActivity is the reverse of String.
func ParseActivity(word string) (Activity, error) {
	return parseWord[Activity]("activity", activityNames[:], word)
}

// MarshalText implements encoding.TextMarshaler.
func (a Activity) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Activity) UnmarshalText(text []byte) (err error) {
	*a, err = ParseActivity(string(text))
	return err
}

// Mark is what a person decided about one appointment. The zero value decides nothing.
type Mark uint8

const (
	NoMark  Mark = iota
	Dismiss      // it does not count for presence
	Restore      // it counts again; with a profile on the mark, with that profile
)

var markNames = [...]string{NoMark: "none", Dismiss: "dismiss", Restore: "restore"}

// String returns the word used on the wire and in the database.
func (m Mark) String() string { return wordOf(markNames[:], m) }

// ParseMark is the reverse of String.
func ParseMark(word string) (Mark, error) { return parseWord[Mark]("mark", markNames[:], word) }

// MarshalText implements encoding.TextMarshaler.
func (m Mark) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mark) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMark(string(text))
	return err
}

// LineState is what a telephone line is doing. The zero value is LineIdle.
type LineState uint8

const (
	LineIdle LineState = iota
	LineRinging
	LineOnThePhone
)

var lineNames = [...]string{LineIdle: "idle", LineRinging: "ringing", LineOnThePhone: "on_the_phone"}

// String returns the word used on the wire and in the database.
func (l LineState) String() string { return wordOf(lineNames[:], l) }

// ParseLineState is the reverse of String.
func ParseLineState(word string) (LineState, error) {
	return parseWord[LineState]("line state", lineNames[:], word)
}

// MarshalText implements encoding.TextMarshaler.
func (l LineState) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *LineState) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLineState(string(text))
	return err
}

// Reach says whether the other side of a call is inside the organisation. The zero value is for not known.
type Reach uint8

const (
	ReachUnknown Reach = iota
	Internal
	External
)

var reachNames = [...]string{ReachUnknown: "unknown", Internal: "internal", External: "external"}

// String returns the word used on the wire and in the database.
func (r Reach) String() string { return wordOf(reachNames[:], r) }

// ParseReach is the reverse of String.
func ParseReach(word string) (Reach, error) { return parseWord[Reach]("reach", reachNames[:], word) }

// MarshalText implements encoding.TextMarshaler.
func (r Reach) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Reach) UnmarshalText(text []byte) (err error) {
	*r, err = ParseReach(string(text))
	return err
}

// Line is what a person's telephone is doing (P2). It is laid over the status and never changes it. The zero
// value is an idle line.
type Line struct {
	State   LineState
	Reach   Reach
	Service string // such as "MS Teams"; empty: the telephone system
	Other   string // number or name of the other party; shown to assistants only
}
