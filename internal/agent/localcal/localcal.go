// Package localcal reads the calendars that programs keep on the computer of the person who uses them: Outlook and Notes on Windows. It asks the
// programs themselves, by COM, for the occurrences of the days ahead, and for nothing but what presence needs: when they are, how they count,
// their subject unless they are private, categories and reminder. Attendees, texts and places are not asked for. What is done with the
// appointments, and how they get to the server, is for others.
//
// A program is read only while it runs. It is never started: opening somebody's mail is not for a presence program to do, and may ask for
// passwords.
//
// The programs are polled, although both could tell of changes. Outlook's events need a COM object of our own that Outlook calls, in a thread
// that never does anything but wait for it, for one folder at a time, and they are lost whenever Outlook is closed or the folder has many changes
// at once ("not fired if more than 16 items": its documentation says so); a poll is needed beside them anyway. Most polls are cheap: they only
// ask whether the calendar has changed.
package localcal

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

// Window is the time that is read.
type Window struct {
	From, Until time.Time // half open
	Home        *time.Location
}

// days returns the window of today and so many days ahead.
func days(now time.Time, ahead int, home *time.Location) Window {
	now = now.In(home)
	day := func(n int) time.Time { return time.Date(now.Year(), now.Month(), now.Day()+n, 0, 0, 0, 0, home) }
	return Window{From: day(0), Until: day(ahead + 1), Home: home}
}

// Program is a program that keeps a calendar.
type Program interface {
	// Name is what the calendar is called: "Outlook", "Notes".
	Name() string

	// open finds the calendar of the program, which has to run.
	open(*reader) (source, error)
}

// source is a program's calendar while it is looked at.
type source interface {
	// stamp returns a text that changes when the calendar does. It is cheap; it need not notice everything.
	stamp() (string, error)
	// read returns the occurrences that have a part in a window, and what could not be read, in words for the person.
	read(Window) ([]Appointment, []string, error)
}

// Programs are those that Watch looks for.
func Programs() []Program { return []Program{Outlook{}, Notes{}} }

// Why a calendar cannot be read; errors.Is tells. The words around them say what to do about it.
var (
	// ErrAbsent is about a program that is not on this computer at all. Nothing needs to be done about it.
	ErrAbsent = errors.New("not on this computer")
	// ErrClosed is about a program that does not run at the moment.
	ErrClosed = errors.New("not running")
	// ErrHangs is about a program that was asked and has not answered since.
	ErrHangs = errors.New("no answer")
)

// trouble is a reason for people.
type trouble struct {
	words string
	kind  error // of those above, or the cause; may be nil
}

func (t *trouble) Error() string { return t.words }
func (t *trouble) Unwrap() error { return t.kind }

func because(kind error, format string, args ...any) error {
	return &trouble{words: fmt.Sprintf(format, args...), kind: kind}
}

// explain says in words why a program was not read.
func explain(name string, err error) error {
	var t *trouble
	switch {
	case errors.As(err, &t):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return because(err, "%s needs longer than %d minutes to tell its calendar", name, int(longestReading.Minutes()))
	case errors.Is(err, com.ErrUnsupported):
		return because(ErrAbsent, "%s is read on Windows only", name)
	case errors.Is(err, com.ErrNotInstalled):
		return because(ErrAbsent, "%s is not installed", name)
	case errors.Is(err, com.ErrNotRunning):
		return because(ErrClosed, "%s does not run; its calendar is read when it does", name)
	case errors.Is(err, com.ErrBusy):
		return because(err, "%s is busy, perhaps with a question on the screen; it is asked again soon", name)
	case errors.Is(err, com.ErrGone):
		return because(ErrClosed, "%s was closed while its calendar was read; it is read when %s runs again", name, name)
	case errors.Is(err, com.ErrDenied):
		return because(err, "%s does not let other programs read its calendar; its settings for programmatic access, or those of the virus scanner, forbid it", name)
	}
	return because(err, "the calendar of %s cannot be read: %v", name, err)
}

const (
	longestCall    = 30 * time.Second // that one question may take before it is given up
	longestReading = 2 * time.Minute  // that all questions of one reading may take
	busyPause      = 300 * time.Millisecond
	busyTries      = 8
)

// reader asks objects. It asks again if a program is busy, and leaves a note of the question that is being asked, by which another goroutine
// notices that there is no answer.
type reader struct {
	ctx   context.Context
	model com.Model
	asked *atomic.Int64 // when the question was asked that has no answer yet, in Unix nanoseconds; 0: there is none
}

// ask puts one question.
func (r *reader) ask(question func() (any, error)) (any, error) {
	for try := 1; ; try++ {
		if err := r.ctx.Err(); err != nil {
			return nil, context.Cause(r.ctx)
		}
		r.asked.Store(time.Now().UnixNano())
		v, err := question()
		r.asked.Store(0)
		if !errors.Is(err, com.ErrBusy) || try == busyTries {
			return v, err
		}
		t := time.NewTimer(busyPause)
		select {
		case <-t.C:
		case <-r.ctx.Done():
			t.Stop()
		}
	}
}

func (r *reader) get(o com.Object, name string) (any, error) {
	return r.ask(func() (any, error) { return o.Get(name) })
}

func (r *reader) call(o com.Object, name string, args ...any) (any, error) {
	return r.ask(func() (any, error) { return o.Call(name, args...) })
}

func (r *reader) set(o com.Object, name string, value any) error {
	_, err := r.ask(func() (any, error) { return nil, o.Set(name, value) })
	return err
}

// as takes a value for what it should be. What it is instead is not in the error: it may be something private.
func as[T any](v any, name string, err error) (T, error) {
	t, ok := v.(T)
	if err == nil && !ok {
		err = fmt.Errorf("%s is a %T", name, v)
	}
	return t, err
}

func (r *reader) text(o com.Object, name string) (string, error) {
	v, err := r.get(o, name)
	if v == nil && err == nil {
		return "", nil
	}
	return as[string](v, name, err)
}

func (r *reader) number(o com.Object, name string) (int64, error) {
	v, err := r.get(o, name)
	return as[int64](v, name, err)
}

func (r *reader) flag(o com.Object, name string) (bool, error) {
	v, err := r.get(o, name)
	return as[bool](v, name, err)
}

func (r *reader) clock(o com.Object, name string) (time.Time, error) {
	v, err := r.get(o, name)
	return as[time.Time](v, name, err)
}

func (r *reader) object(o com.Object, name string) (com.Object, error) {
	v, err := r.get(o, name)
	return as[com.Object](v, name, err)
}

func (r *reader) made(o com.Object, name string, args ...any) (com.Object, error) {
	v, err := r.call(o, name, args...)
	return as[com.Object](v, name, err)
}

// fatal reports whether it is no use to go on after an error: it is not about one entry, but about the program.
func fatal(err error) bool {
	return errors.Is(err, com.ErrBusy) || errors.Is(err, com.ErrGone) || errors.Is(err, com.ErrDenied) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// unread says how many entries are missing.
func unread(n int) string {
	if n == 1 {
		return "one entry could not be read"
	}
	return fmt.Sprintf("%d entries could not be read", n)
}

func tooMany(n int) string {
	return fmt.Sprintf("there are more appointments than can be handed over; the first %d are", n)
}
