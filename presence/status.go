package presence

import "fmt"

// Status is one of the six statuses. The list is closed. The zero value is LoggedOut, which is also
// what no claim at all adds up to.
type Status uint8

const (
	LoggedOut Status = iota
	Available
	BeRightBack
	Busy
	DoNotDisturb
	Unavailable
)

var statusNames = [...]string{
	LoggedOut:    "logged_out",
	Available:    "available",
	BeRightBack:  "be_right_back",
	Busy:         "busy",
	DoNotDisturb: "do_not_disturb",
	Unavailable:  "unavailable",
}

// Statuses returns all six in the order in which they are offered for choice.
func Statuses() []Status {
	return []Status{Available, BeRightBack, Busy, DoNotDisturb, Unavailable, LoggedOut}
}

// String returns the word used on the wire and in the database, such as "be_right_back".
func (s Status) String() string { return wordOf(statusNames[:], s) }

// ParseStatus is the reverse of String.
func ParseStatus(word string) (Status, error) {
	return parseWord[Status]("status", statusNames[:], word)
}

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Status) UnmarshalText(text []byte) (err error) {
	*s, err = ParseStatus(string(text))
	return err
}

// wordOf and parseWord serve every closed list of words in this package.
func wordOf[T ~uint8](words []string, v T) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("invalid(%d)", v)
}

func parseWord[T ~uint8](what string, words []string, word string) (T, error) {
	for i, w := range words {
		if w == word && w != "" {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("%s %q is none of %q", what, word, words)
}
