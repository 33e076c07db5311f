//go:build race

package agenda_test

// Under the race detector, which makes the database many times slower, less is done.
const seeds = 3
