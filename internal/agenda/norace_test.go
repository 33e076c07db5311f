//go:build !race

package agenda_test

const seeds = 12
