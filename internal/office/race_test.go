//go:build race

package office_test

// Under the race detector, which makes the database many times slower, less is done.
const (
	many   = 1_000
	checks = "15"
)
