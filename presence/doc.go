// Package presence decides what colleagues see about a person. It is given the claims that sources make, the
// policy of the person's scope and the time, and returns one presence, the reasons for it and the next moment at
// which it may change. It keeps no state, reads no clock and does no I/O; its arguments are read, never changed,
// and may be used by several goroutines at once. Storing claims, waiting for the next change and showing the
// result are left to the hub; what a particular viewer may see of it is left to package rights.
//
// The rules themselves are data (see Rules and Standard); testdata holds them as scenarios that any other
// implementation can be checked against.
package presence
