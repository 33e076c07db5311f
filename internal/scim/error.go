package scim

import (
	"fmt"
	"strconv"
)

// The words of scimType (RFC 7644 §3.12, table 9).
const (
	InvalidFilter = "invalidFilter"
	TooMany       = "tooMany"
	Uniqueness    = "uniqueness"
	InvalidSyntax = "invalidSyntax"
	InvalidPath   = "invalidPath"
	NoTarget      = "noTarget"
	InvalidValue  = "invalidValue"
	Mutability    = "mutability"
)

// Error is an error as it is answered (RFC 7644 §3.12).
type Error struct {
	Status int    // of HTTP
	Type   string // scimType; empty: none
	Detail string // in words
}

func (e *Error) Error() string { return e.Detail }

// message returns the error as JSON.
func (e *Error) message() Object {
	o := Object{"schemas": []any{errorURN}, "status": strconv.Itoa(e.Status), "detail": e.Detail}
	if e.Type != "" {
		o["scimType"] = e.Type
	}
	return o
}

// bad returns an error about what was sent.
func bad(kind, format string, args ...any) *Error {
	return &Error{Status: 400, Type: kind, Detail: fmt.Sprintf(format, args...)}
}

// NotFound is the error of a resource that is not there.
func NotFound(t *Type, id string) *Error {
	return &Error{Status: 404, Detail: fmt.Sprintf("there is no %s %q", t.Name, clip(id))}
}

// clip bounds what is said of input.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
