//go:build !race

package office_test

const (
	many   = 20_000
	checks = "60"
)
