// Package source is what calendar sources have in common: what they are asked for, what they hand back, and errors in
// words for the user whose calendar it is. The sources themselves are the packages below it; they deliver objects as
// they came and leave it to the caller to parse them and to strip what must not be kept.
package source

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Source reads one kind of calendar. Fetch may be called by several goroutines, for different accounts. It blocks for
// as long as the far side takes, within the source's own limits. Its errors are of type *Error, unless a source
// documents another that also has a method Public.
type Source interface {
	Fetch(ctx context.Context, a Account) (Result, error)
}

// System is an outside system that holds the calendars of many people, such as an Exchange organisation. Fetch is given
// the mailbox; it fails at once, with a wait, while the system asked to be left alone or cannot be reached, so that
// nobody else is kept waiting. A System may be used by several goroutines at once.
type System interface {
	Source
	// Follow says whose changes are to be heard of from now on; the others are forgotten. It does not block.
	Follow(mailboxes []string)
	// Watch hears of changes until ctx ends, whose cause it returns; it mends its own connections. changed is called,
	// from any goroutine, with a mailbox that is to be read, because something changed there or may have been missed.
	// It does not block. A system that tells nobody of changes returns nil at once: its calendars are polled.
	Watch(ctx context.Context, changed func(mailbox string)) error
	// Check tries each step that reading a mailbox needs, and tells what is missing. An empty mailbox leaves out what
	// needs one.
	Check(ctx context.Context, mailbox string) []Step
}

// Step is one thing that has to work, for whoever sets a system up.
type Step struct {
	Name   string // a word of the system, documented there
	Server string // address, where it is about one of several; may be empty
	OK     bool
	Found  string // in words
	Remedy string // what to do; empty if OK
}

// Account is one calendar and what the caller has of it. It hides its contents from logs.
type Account struct {
	URL      string // as the user entered it
	Mailbox  string // whose calendar, in a System; an e-mail address
	Username string // empty: none. A name and password in the URL are used if these are empty
	Password string
	State    string            // opaque, from the last Result; empty: read everything
	Known    map[string]string // href to ETag, of the objects the caller has from this account; empty: read everything

	// Insist has the far side asked also if it would have told of a change, and has not.
	Insist bool

	// From and To are the span that is needed of sources that hand out occurrences, in place of rules. They may hand
	// out more. Zero with all others.
	From, To time.Time
}

func (Account) LogValue() slog.Value { return slog.StringValue("[account]") }
func (Account) String() string       { return "[account]" }
func (Account) GoString() string     { return "[account]" }

// Object is one calendar object, or a whole published calendar, as it came. It hides its contents from logs.
type Object struct {
	Href string // names the object within its account, in one stable spelling
	ETag string // changes when the object does; opaque
	Data []byte // iCalendar, perhaps; owned by the caller. Never to be stored or logged as it is
}

func (o Object) LogValue() slog.Value { return slog.StringValue(o.Href) }
func (o Object) String() string       { return o.Href }
func (o Object) GoString() string     { return o.Href }

// Result is what changed since the state and the objects an Account came with.
type Result struct {
	State     string        // to be kept and handed in next time, also if Unchanged
	Unchanged bool          // nothing to do; Objects and Gone are empty
	Replace   bool          // Objects is everything there is: drop all others
	Objects   []Object      // new or changed. Put each into Known, even if nothing in it is of interest
	Gone      []string      // hrefs that are no longer there, out of those in Known
	Skipped   []string      // hrefs of objects that are there but could not be read: too large, or the server fails on them
	Every     time.Duration // the source asks to be read no more often than this; zero: it says nothing
	Password  string        // to be kept in place of the Account's, also beside an error; empty: it stays
}

// Kind says what a caller can do about an Error.
type Kind uint8

const (
	Other       Kind = iota // see the text
	Credentials             // user name or password are missing, wrong, or not enough: ask the user, do not repeat
	NotFound                // there is nothing at the address
	NotCalendar             // something else is at the address
	NotAllowed              // the address leads where this server may not look: for an administrator
	BadAddress              // it is no address at all
	Unavailable             // at present; try again after RetryAfter, or when the caller thinks best
	TooLarge                // more than is read
)

var kindNames = [...]string{"other", "credentials", "not-found", "not-calendar", "not-allowed", "bad-address", "unavailable", "too-large"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// Error is why a calendar was not read. It contains no password, no user name, nothing of an address but its host and
// nothing of a calendar's contents.
type Error struct {
	Kind       Kind
	Text       string        // sentences for the user
	RetryAfter time.Duration // the far side's wish, with Unavailable; zero: it has none
	Whole      bool          // it is about the System as a whole, not about this calendar
	Status     int           // of HTTP, if that is what it is about; else zero
	Err        error         // cause, for the log; may be nil
}

func (e *Error) Error() string {
	s := "calendar source: " + e.Kind.String()
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return s + ": " + e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Public returns what may be shown to the user.
func (e *Error) Public() string { return e.Text }
