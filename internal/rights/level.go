package rights

import "fmt"

// Level is what a viewer is to the owner of the data (R2), from least to most comprehensive. The zero value is
// Blocked. Self is the owner and cannot be granted.
type Level uint8

const (
	Blocked Level = iota
	Unknown
	External
	Employee
	TeamColleague
	Assistant
	AssistantPlus
	Self
	levelCount
)

var levelNames = [levelCount]string{
	"blocked", "unknown", "external", "employee", "team_colleague", "assistant", "assistant_plus", "self",
}

// Levels returns the levels that can be granted, least comprehensive first.
func Levels() []Level {
	return []Level{Blocked, Unknown, External, Employee, TeamColleague, Assistant, AssistantPlus}
}

// String returns the word used on the wire and in the database.
func (l Level) String() string {
	if l < levelCount {
		return levelNames[l]
	}
	return fmt.Sprintf("invalid(%d)", l)
}

// ParseLevel reads a level that can be granted.
func ParseLevel(word string) (Level, error) {
	for _, l := range Levels() {
		if levelNames[l] == word {
			return l, nil
		}
	}
	return Blocked, fmt.Errorf("level %q is none of %q", word, levelNames[:Self])
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts "self" too, which no grant may hold.
func (l *Level) UnmarshalText(text []byte) (err error) {
	if string(text) == levelNames[Self] {
		*l = Self
		return nil
	}
	*l, err = ParseLevel(string(text))
	return err
}

// Grants is everything that bears on what one viewer is to one owner (R2).
type Grants struct {
	Default Level   // of the owner's scope
	Groups  []Level // what work groups and monitoring groups make of the viewer

	Own        Level // the owner's own choice, if OwnSet
	OwnSet     bool
	ExtendOnly bool // the owner's scope lets own choices only add to the administrative level
	VIP        bool // groups say nothing about the owner, and the scope does not restrict the owner's choice
}

// Administrative returns the level without the owner's own choice: the most comprehensive of the default and the groups.
func (g Grants) Administrative() Level {
	l := g.Default
	if !g.VIP {
		for _, x := range g.Groups {
			l = max(l, x)
		}
	}
	return min(l, AssistantPlus)
}

// Level returns what the viewer is to the owner.
func (g Grants) Level() Level {
	l := g.Administrative()
	if !g.OwnSet {
		return l
	}
	if g.ExtendOnly && !g.VIP {
		return min(max(l, g.Own), AssistantPlus)
	}
	return min(g.Own, AssistantPlus)
}
