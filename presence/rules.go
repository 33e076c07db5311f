package presence

import "fmt"

// Rules is a named order among claims, as data. The first layer in which a claim counts decides the status;
// Shield stands before all layers.
type Rules struct {
	Name   string  `json:"name"`
	Layers []Layer `json:"layers"` // strongest first

	// Shield is the status that, chosen by hand or by an assistant, keeps out every claim of the layers
	// marked Shielded and every base claim other than the end of the last client. Zero: no shield.
	Shield Status `json:"shield"`
}

// Layer is a group of claims that compete with one another before any claim of a weaker layer is looked at.
type Layer struct {
	Name  string      `json:"name"`
	Kinds []Kind      `json:"kinds"`
	Order []Criterion `json:"order"` // the first criterion that tells two claims apart decides

	// OnlyOver lets the layer count only while the layers below come to this status. Zero: always.
	OnlyOver Status `json:"only_over,omitempty"`
	// Dismissible claims are set aside by a choice that is made while they run (P4).
	Dismissible bool `json:"dismissible,omitempty"`
	// Shielded claims are kept out by the shield.
	Shielded bool `json:"shielded,omitempty"`
	// OnePerCall makes claims with the same Call one entry: the one whose kind is named first in Kinds.
	OnePerCall bool `json:"one_per_call,omitempty"`
}

// Kind is what the rules tell claims apart by: the class of the source, and for choices whether they end by
// themselves.
type Kind uint8

const (
	kindNone Kind = iota
	KindChoice
	KindTimedChoice
	KindAssistantChoice
	KindAssistantTimedChoice
	KindStart
	KindEnd
	KindOrigin
	KindInactivity
	KindCalendar
	KindTeams
	KindMicrophone
	KindLine
	KindMark
	kindCount
)

var kindNames = [kindCount]string{
	KindChoice:               "choice",
	KindTimedChoice:          "timed_choice",
	KindAssistantChoice:      "assistant_choice",
	KindAssistantTimedChoice: "assistant_timed_choice",
	KindStart:                "start",
	KindEnd:                  "end",
	KindOrigin:               "origin",
	KindInactivity:           "inactivity",
	KindCalendar:             "calendar",
	KindTeams:                "teams",
	KindMicrophone:           "microphone",
	KindLine:                 "line",
	KindMark:                 "mark",
}

// String returns the kind's name in rule files.
func (k Kind) String() string { return wordOf(kindNames[:], k) }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) (err error) {
	*k, err = parseWord[Kind]("kind", kindNames[:], string(text))
	return err
}

// kindOf returns kindNone for a class nobody knows: such a claim says nothing.
func kindOf(c *Claim) Kind {
	switch c.Source.Class() {
	case SourceHand:
		if c.Timed() {
			return KindTimedChoice
		}
		return KindChoice
	case SourceAssistant:
		if c.Timed() {
			return KindAssistantTimedChoice
		}
		return KindAssistantChoice
	case SourceStart:
		return KindStart
	case SourceEnd:
		return KindEnd
	case SourceAPI:
		return KindOrigin
	case SourceClient:
		return KindInactivity
	case SourceCalendar:
		return KindCalendar
	case SourceTeams:
		return KindTeams
	case SourceMicrophone:
		return KindMicrophone
	case SourceLine:
		return KindLine
	case SourceMark:
		return KindMark
	}
	return kindNone
}

func (k Kind) isChoice() bool {
	return k == KindChoice || k == KindTimedChoice || k == KindAssistantChoice || k == KindAssistantTimedChoice
}

// Criterion compares two claims of one layer.
type Criterion uint8

const (
	criterionNone Criterion = iota
	// ByKind prefers the kind that the layer names first.
	ByKind
	// ByChoice prefers a timed choice to a calendar appointment.
	ByChoice
	// ByOutOfOffice prefers out-of-office to everything else.
	ByOutOfOffice
	// ByTimed prefers an appointment with times to one of whole days.
	ByTimed
	// ByShowAs prefers busy to tentative to working elsewhere.
	ByShowAs
	// ByNewest prefers the later start.
	ByNewest
	// ByID prefers the smaller source, then the smaller ID, so that the outcome never depends on the order of arrival.
	ByID
	criterionCount
)

var criterionNames = [criterionCount]string{
	ByKind: "kind", ByChoice: "choice", ByOutOfOffice: "out_of_office", ByTimed: "timed", ByShowAs: "show_as",
	ByNewest: "newest", ByID: "id",
}

// String returns the criterion's name in rule files and explanations; empty for none.
func (c Criterion) String() string {
	if c == criterionNone {
		return ""
	}
	return wordOf(criterionNames[:], c)
}

// MarshalText implements encoding.TextMarshaler.
func (c Criterion) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Criterion) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*c = criterionNone
		return nil
	}
	*c, err = parseWord[Criterion]("criterion", criterionNames[:], string(text))
	return err
}

// Standard returns the rule set of the specification, P4.
func Standard() *RuleSet { return standard }

var standard = MustCompile(Rules{
	Name:   "standard-1",
	Shield: DoNotDisturb,
	Layers: []Layer{
		{
			Name:  "live",
			Kinds: []Kind{KindTeams, KindMicrophone},
			Order: []Criterion{ByNewest, ByKind, ByID},

			Dismissible: true, Shielded: true, OnePerCall: true,
		},
		{
			Name:  "appointment",
			Kinds: []Kind{KindTimedChoice, KindAssistantTimedChoice, KindCalendar},
			Order: []Criterion{ByChoice, ByOutOfOffice, ByTimed, ByShowAs, ByNewest, ByKind, ByID},

			Dismissible: true, Shielded: true,
		},
		{
			Name:  "inactivity",
			Kinds: []Kind{KindInactivity},
			Order: []Criterion{ByNewest, ByID},

			OnlyOver: Available,
		},
		{
			Name:  "base",
			Kinds: []Kind{KindChoice, KindAssistantChoice, KindEnd, KindStart, KindOrigin},
			Order: []Criterion{ByNewest, ByKind, ByID},
		},
	},
})

// RuleSet is a set of rules made ready for Resolve. It is immutable.
type RuleSet struct {
	rules Rules
	layer [kindCount]int8 // index of the kind's layer, -1: none
	rank  [kindCount]uint8
}

// Rules returns the data it was made from. The caller must not change it.
func (r *RuleSet) Rules() Rules { return r.rules }

// Compile checks the rules: every kind stands in one layer at most, lines and marks in none, and the order of
// each layer is total, so that the outcome never depends on the order of arrival.
func Compile(rules Rules) (*RuleSet, error) {
	r := &RuleSet{rules: rules}
	for k := range r.layer {
		r.layer[k] = -1
	}
	for i, l := range rules.Layers {
		for j, k := range l.Kinds {
			switch {
			case k == kindNone || k >= kindCount || k == KindLine || k == KindMark:
				return nil, fmt.Errorf("rules %s: layer %s: kind %s cannot decide a status", rules.Name, l.Name, k)
			case r.layer[k] >= 0:
				return nil, fmt.Errorf("rules %s: kind %s stands in two layers", rules.Name, k)
			}
			r.layer[k], r.rank[k] = int8(i), uint8(j)
		}
		if len(l.Order) == 0 || l.Order[len(l.Order)-1] != ByID {
			return nil, fmt.Errorf("rules %s: layer %s: the order must end with %q", rules.Name, l.Name, ByID)
		}
	}
	return r, nil
}

// MustCompile is Compile for rules that are part of the program.
func MustCompile(rules Rules) *RuleSet {
	r, err := Compile(rules)
	if err != nil {
		panic(err)
	}
	return r
}
