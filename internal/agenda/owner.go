package agenda

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

// owners returns the e-mail addresses under which a person is invited in a calendar: their own, and the one they sign
// in with there.
func owners(p *office.Person, rec *store.Calendar) (all []string) {
	for _, x := range []string{p.Email, rec.Username} {
		if x = strings.ToLower(strings.TrimSpace(x)); strings.Contains(x, "@") {
			all = append(all, x)
		}
	}
	return all
}

// What invitations mean is worked out while a calendar is read, as nobody's address is kept. Its stored state therefore
// begins with whom it was read for, unless that is nobody: for somebody else it is no state.
const readFor = "for "

func markedState(state string, owners []string) string {
	if state == "" || len(owners) == 0 {
		return state
	}
	return markOf(owners) + state
}

// stateFor returns the state of a calendar for its source, empty if it must be read anew.
func stateFor(stored string, owners []string) string {
	mark := markOf(owners)
	state, ok := strings.CutPrefix(stored, mark)
	if !ok || mark == "" && strings.HasPrefix(stored, readFor) {
		return ""
	}
	return state
}

func markOf(owners []string) string {
	if len(owners) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(owners, "\n")))
	return readFor + hex.EncodeToString(sum[:8]) + "\n"
}
