// Package fault marks errors by what a caller can do about them, and keeps what may be shown to a user apart
// from what is for the log. How a kind becomes an HTTP status is left to package api.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a caller can do about an error. Errors without one are Internal.
type Kind uint8

const (
	Internal     Kind = iota // nothing: it is our mistake
	Invalid                  // send something else; Fields say what
	Unauthorized             // sign in
	Forbidden                // ask somebody who may
	NotFound                 // it is not there, or not for this caller to know about
	Conflict                 // it collides with something else
	TooMany                  // wait
	Unavailable              // try again later
)

// Field is a part of a request that is wrong.
type Field struct {
	Path    string // such as "body.until"
	Message string
}

// Error is an error with a kind. Public and Fields may be shown; Err is for the log.
type Error struct {
	Kind   Kind
	Public string
	Fields []Field
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Public)
	for _, f := range e.Fields {
		if e.Public == f.Path+": "+f.Message {
			continue // said already
		}
		fmt.Fprintf(&b, "; %s: %s", f.Path, f.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Unmarked is what is said of an error that has no public text.
const Unmarked = "something went wrong here; the server's log says what"

// Public returns what may be said of an error.
func Public(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Public
	}
	return Unmarked
}

// New returns an error of a kind with a text that may be shown.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Public: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause for the log.
func Wrap(k Kind, err error, format string, args ...any) *Error {
	return &Error{Kind: k, Public: fmt.Sprintf(format, args...), Err: err}
}

// Bad returns an Invalid error about one field.
func Bad(path, format string, args ...any) *Error {
	m := fmt.Sprintf(format, args...)
	return &Error{Kind: Invalid, Public: path + ": " + m, Fields: []Field{{path, m}}}
}

// KindOf returns the kind of the first Error in the chain, Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Fields collects what is wrong with a request, so that all of it can be told at once. The zero value is empty.
type Fields []Field

// Add enters one more.
func (f *Fields) Add(path, format string, args ...any) {
	*f = append(*f, Field{path, fmt.Sprintf(format, args...)})
}

// Err returns nil if nothing was entered, an Invalid error otherwise.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	e := &Error{Kind: Invalid, Fields: f}
	if len(f) == 1 {
		e.Public = f[0].Path + ": " + f[0].Message
	} else {
		e.Public = fmt.Sprintf("%d fields are not acceptable", len(f))
	}
	return e
}
