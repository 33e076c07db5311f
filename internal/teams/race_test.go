//go:build race

package teams_test

const racing = true
