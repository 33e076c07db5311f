// Package telephony is what telephone systems have in common: what they tell of lines (L1), and how their forwarding is read and
// set (F5). The systems are the packages below it; what becomes of it is the business of whoever uses them.
package telephony

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/presence"
)

// System is a telephone system as one connector reaches it. It may be used by several goroutines at once. Lines are named as their
// owners' numbers are entered; a system understands the usual spellings of them. Errors are of type *source.Error.
type System interface {
	// Follow says which lines are to be heard of from now on; the others are forgotten. It does not block.
	Follow(lines []string)
	// Watch hears of lines until ctx ends, whose cause it returns; it mends its own connections. tell is called with all that is known of
	// a line: when it is first known, when it changes, and again within each half of Lasts while the system stands by it. Of one line it is
	// called in the order of the changes, by one goroutine at a time. A system that tells of no lines returns nil at once.
	Watch(ctx context.Context, tell func(Line)) error
	// Forwarding reads how a line is forwarded.
	Forwarding(ctx context.Context, line string) (Forwarding, error)
	// SetForwarding has a line forwarded so and not otherwise, as far as Can says that it can; doing it twice does no harm. The parts that it cannot
	// must be as they are read, or it is refused before anything is done.
	SetForwarding(ctx context.Context, line string, f Forwarding) error
	// Can tells what the system can do.
	Can() Abilities
	// Check tries each step that it takes, and tells what is missing. An empty line leaves out what needs one.
	Check(ctx context.Context, line string) []source.Step
	// Close ends what is still there. Watch is to be ended before.
	Close()
}

// Reporter is a System that tells whether it is heard. One that is not is silent about its lines: whoever only follows these learns it so.
type Reporter interface {
	// Heard reports whether the system is heard, or why it is not: a *source.Error. Neither: Watch has not begun, or not tried to the end yet. It
	// does not block.
	Heard() (now bool, trouble error)
}

// Namer is a System that knows one number in several spellings, such as in full and as an extension.
type Namer interface {
	// Extension returns how the system knows a number, whether it has a line of it or not. Numbers of which that is the same are the same.
	Extension(number string) string
}

// Lasts is how long what was told of a line holds: a claim's lease. Whoever is not told again by then takes it that nobody knows.
const Lasts = 3 * time.Minute

// Line is all that is known of a line. It hides its contents from logs.
type Line struct {
	Line  string // as Follow named it
	Calls []Call // sorted by ID; none: it is idle
	// Forwarding is how it is forwarded, where the system tells so by itself; nil: it is to be asked.
	Forwarding *Forwarding
}

// LogValue implements slog.LogValuer.
func (Line) LogValue() slog.Value { return slog.StringValue("[line]") }

// Call is a call of a line.
type Call struct {
	ID    string // unique in the line; the same for as long as it lasts, through hold and transfer as far as the system tells
	State presence.LineState
	Reach presence.Reach
	Other string // number of the other party, its name if there is no number; empty: not known
	Held  bool   // on hold: still on the phone
}

// Busiest returns what a telephone shows of its calls: on the phone before ringing, and of several the first by ID.
func Busiest(calls []Call) presence.Line {
	var l presence.Line
	for _, c := range calls {
		if c.State > l.State {
			l = presence.Line{State: c.State, Reach: c.Reach, Other: c.Other}
		}
	}
	return l
}

// Same reports whether two numbers are one, as they are dialled: in full, with the code of the country or the area, or without. What is shorter than
// six digits is only itself.
func Same(a, b string) bool {
	if a, b = Fold(a), Fold(b); a == b {
		return true
	}
	a, b = significant(a), significant(b)
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 6 && strings.HasSuffix(b, a)
}

// significant is a number without what may stand before it; empty: it is none.
func significant(number string) string {
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		number = strings.TrimPrefix(number, scheme)
	}
	number, _, _ = strings.Cut(number, "@")
	number, _, _ = strings.Cut(number, ";")
	number = strings.TrimLeft(strings.TrimPrefix(number, "+"), "0")
	if strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return number
}

// Chooser is a System at which people choose their presence, by feature codes that they dial (L2).
type Chooser interface {
	// Choices has f called for each code that somebody dials at a line that is followed. It is to be called before Watch; f does not block.
	Choices(f func(Choice))
}

// Choice is a feature code that somebody has dialled. It hides its contents from logs.
type Choice struct {
	Line string // as Follow named it
	Code string // digits, * and #
}

// LogValue implements slog.LogValuer.
func (Choice) LogValue() slog.Value { return slog.StringValue("[choice]") }

// Fold makes spellings of a number alike: without what is written between its digits. Of an address (sip:anna@example.com) it is lower case.
func Fold(number string) string {
	number = strings.ToLower(strings.TrimSpace(number))
	if strings.Contains(number, "@") || strings.HasPrefix(number, "sip:") || strings.HasPrefix(number, "sips:") {
		return number
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '/', '(', ')', '.':
			return -1
		}
		return r
	}, number)
}

// Forwarding is how a line is forwarded. Targets are numbers as they are dialled, or SIP addresses; empty: not forwarded so. The zero
// value is a line that rings. It hides its contents from logs.
type Forwarding struct {
	DoNotDisturb bool

	All      string // every call at once
	Internal string // calls from inside, at once
	External string // calls from outside, at once
	Busy     string // when it is busy
	NoAnswer string // when nobody answers

	// OneNumber is that of the One Number Service, which has calls ring elsewhere in a user's stead (F1). It is ended by off, and never set.
	OneNumber string
}

// LogValue implements slog.LogValuer.
func (Forwarding) LogValue() slog.Value { return slog.StringValue("[forwarding]") }

// Off reports whether nothing is forwarded, nor disturbed.
func (f Forwarding) Off() bool { return f == Forwarding{} }

// Ability is a part of Forwarding that a system can set, and read.
type Ability string

// Abilities of systems.
const (
	CanDoNotDisturb Ability = "do_not_disturb"
	CanAll          Ability = "all"
	CanInternal     Ability = "internal"
	CanExternal     Ability = "external"
	CanBusy         Ability = "busy"
	CanNoAnswer     Ability = "no_answer"
	CanOneNumber    Ability = "one_number" // read and end
)

// Abilities are what a system can do. The zero value can nothing.
type Abilities struct {
	Lines      bool      // it tells of calls
	Forwarding []Ability // empty: it does not forward
	Tells      bool      // it tells of forwarding by itself, when somebody changes it at the telephone
}

// Has reports whether a system has an ability.
func (a Abilities) Has(x Ability) bool { return slices.Contains(a.Forwarding, x) }
