//go:build !race

package api_test

const checks = "25"
