package teams

// meaning is what Teams shows, as far as it matters here.
type meaning uint8

const (
	nothing meaning = iota // everything else: it ends our entry
	call
	conference
	presenting
	dnd
)

// mapping says what the words of Teams mean here; the first row that fits counts, an empty word fits all. Both words are open
// sets (graph/api/resources/presence): what nobody knows means nothing.
var mapping = []struct {
	availability, activity string
	means                  meaning
}{
	{"", "Presenting", presenting},
	{"", "InACall", call},
	{"", "InAConferenceCall", conference},
	{"DoNotDisturb", "", dnd},
}

func meaningOf(r Reading) meaning {
	for _, row := range mapping {
		if (row.availability == "" || row.availability == r.Availability) && (row.activity == "" || row.activity == r.Activity) {
			return row.means
		}
	}
	return nothing
}

// away reports whether Teams shows somebody for whom it does not run: no choice of theirs counts then.
func away(r Reading) bool {
	return r.Availability == "" || r.Availability == "Offline" || r.Availability == "PresenceUnknown"
}
