// Package crash kills the real server again and again while people and programs use it, and checks that nobody could
// tell (P4, rows 11 and 12): what was acknowledged is there, what was seen was durable, and nothing else was ever seen.
// The rules that the server must have followed are those of package presence, applied to each prefix of what was asked
// of it.
package crash
