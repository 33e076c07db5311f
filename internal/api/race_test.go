//go:build race

package api_test

// checks is how many offices the properties try. The race detector makes the database many times slower.
const checks = "4"
