//go:build !race

package sipline

// How much the tests do.
const (
	many   = 3000 // lines
	rounds = 1000
)
