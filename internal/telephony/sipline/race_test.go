//go:build race

package sipline

// How much the tests do: the race detector is slow.
const (
	many   = 300 // lines
	rounds = 80
)
