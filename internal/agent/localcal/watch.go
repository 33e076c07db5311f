package localcal

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

// Config is what Watch can be given. Its zero value works.
type Config struct {
	// Days is asked before each look how many days ahead are wanted, today not counted; nil, or an answer that is not from 1 to 365: 30.
	Days func() int
	// Every is how often the programs are looked at; 0: three minutes.
	Every time.Duration
	// Lease is for how long what is handed over is to hold; 0: a day, which is the most that the server takes, so that appointments count on when
	// Outlook is closed at noon. It is handed over again when half of it has passed.
	Lease time.Duration
	// Again has the programs looked at at once when it is sent to; nil: never.
	Again <-chan struct{}
	// Log is told, at level Debug, what was read; never what is in it. nil: nothing is logged.
	Log *slog.Logger
	// Home is the time zone of the computer; nil: time.Local.
	Home *time.Location
	// Programs are those that are looked for; nil: Programs().
	Programs []Program
	// System is where they are; nil: this computer.
	System com.System
}

const (
	defaultDays  = 30
	mostDays     = 365
	defaultEvery = 3 * time.Minute
	defaultLease = 24 * time.Hour

	readAnyway = 30 * time.Minute // that often the whole calendar is read, even if it seems not to have changed
	soon       = 30 * time.Second // after that a program is looked at again that was busy
	farewell   = 3 * time.Second  // for which questions that have no answer are waited for at the end
)

// Reading is what is known about the calendar of a program.
type Reading struct {
	Program string // its name, which is that of the calendar: "Outlook", "Notes"
	// Hand says that Appointments are to be handed over now, for Lease: because they changed, or because half of the lease has passed. Else
	// there is only something new in Err or Problems.
	Hand         bool
	Appointments []Appointment // all in the window, sorted by start; they are not changed by either side. Only if Hand is set
	Lease        time.Duration
	Problems     []string // what could not be read while the rest was, for the person
	Err          error    // why it cannot be read now, for the person: ErrAbsent, ErrClosed, ErrHangs or another; nil: it is read
}

// String returns what is known, without appointments.
func (r Reading) String() string {
	if r.Err != nil {
		return r.Program + ": " + r.Err.Error()
	}
	parts := []string{"it can be read"}
	if r.Hand {
		parts[0] = fmt.Sprintf("%d appointments", len(r.Appointments))
	}
	return r.Program + ": " + strings.Join(append(parts, r.Problems...), "; ")
}

// GoString is String.
func (r Reading) GoString() string { return r.String() }

// LogValue is String.
func (r Reading) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Watch looks at the calendars of the programs of this computer until ctx ends, and tells of each what is new. The first time it tells of each
// that is known. A program that cannot be read keeps its lease: what was handed over holds until then.
//
// tell is called by one goroutine, and may block; nothing is read meanwhile. If it returns an error for what was to be handed over, that is told
// again after the next look.
//
// When ctx ends, Watch waits for the question that a program is being asked, but no longer than three seconds: there is no way to take it back.
func Watch(ctx context.Context, c Config, tell func(Reading) error) {
	w := &watcher{Config: c, tell: tell}
	if w.Every <= 0 {
		w.Every = defaultEvery
	}
	if w.Lease <= 0 || w.Lease > defaultLease {
		w.Lease = defaultLease
	}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	if w.Home == nil {
		w.Home = time.Local
	}
	if w.System == nil {
		w.System = com.Local
	}
	if w.Programs == nil {
		w.Programs = Programs()
	}
	all := make([]*watched, len(w.Programs))
	for i, p := range w.Programs {
		all[i] = &watched{program: p}
	}
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			w.part(all)
			return
		case <-w.Again:
		case <-t.C:
		}
		next := w.Every
		for _, p := range all {
			if ctx.Err() == nil && w.look(ctx, p) {
				next = min(next, soon)
			}
		}
		t.Reset(next)
	}
}

type watcher struct {
	Config
	tell func(Reading) error
}

// watched is what is known about a program. Only the goroutine of Watch uses it.
type watched struct {
	program Program

	stamp string // of the calendar as it was read
	// settled says that the stamp was there before the calendar was read the last time. Stamps are only good to the second: of two changes
	// within one, the second may have come after the reading.
	settled bool
	window  Window
	readAt  time.Time // zero: not yet
	last    []Appointment
	sum     [sha256.Size]byte // of last
	trouble []string

	handed   [sha256.Size]byte
	handedAt time.Time // zero: what was read has not been handed over
	told     string    // how it is doing, as it was told last; "" at first

	open *attempt // a question to the program that has no answer; nil: none
}

// attempt is one reading that is under way.
type attempt struct {
	asked atomic.Int64 // see reader
	since time.Time    // when the question was asked that is not waited for any more
	done  chan error   // gets what came of it
}

// look reads a program's calendar and tells what is new. soon is set if it is worth while to look again before long.
func (w *watcher) look(ctx context.Context, p *watched) (soon bool) {
	began := time.Now().Round(0) // without the monotonic reading, which may stand still while the computer sleeps
	name := p.program.Name()
	ahead := 0
	if w.Days != nil {
		ahead = w.Days()
	}
	if ahead < 1 || ahead > mostDays {
		ahead = defaultDays
	}
	window := days(began, ahead, w.Home)
	known := ""
	if p.settled && window == p.window && between(p.readAt, began) < readAnyway {
		known = p.stamp
	}
	// what the goroutine writes is looked at only if it has ended
	var got struct {
		same     bool
		stamp    string
		all      []Appointment
		problems []string
	}
	err := w.attempt(ctx, p, func(r *reader) (err error) {
		src, err := p.program.open(r)
		if err != nil {
			return err
		}
		// The stamp comes first: a change in between is read twice then, not lost.
		if got.stamp, err = src.stamp(); err != nil {
			if fatal(err) {
				return err
			}
			got.stamp = "" // then the calendar is read each time
		}
		if got.same = known != "" && got.stamp == known; got.same {
			return nil
		}
		got.all, got.problems, err = src.read(window)
		return err
	})
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		err = explain(name, err)
		w.Log.Debug("local calendar not read", "source", name, "err", err)
		if told := "error: " + err.Error(); told != p.told {
			p.told = told
			_ = w.tell(Reading{Program: name, Err: err}) // there is nothing in it that could be lost
		}
		return errors.Is(err, com.ErrBusy)
	}
	if !got.same {
		if got.all == nil {
			got.all = []Appointment{}
		}
		p.settled = got.stamp == p.stamp
		p.stamp, p.window, p.readAt, p.last, p.sum, p.trouble = got.stamp, window, began, got.all, sum(got.all), got.problems
		w.Log.Debug("local calendar read", "source", name, "appointments", len(got.all), "took", time.Since(began))
	}
	r := Reading{Program: name, Problems: p.trouble}
	if p.handedAt.IsZero() || p.handed != p.sum || between(p.handedAt, began) >= w.Lease/2 {
		r.Hand, r.Appointments, r.Lease = true, p.last, w.Lease
	}
	told := "read: " + strings.Join(p.trouble, "\n")
	if !r.Hand && told == p.told {
		return false
	}
	p.told = told
	if err := w.tell(r); r.Hand {
		p.handed, p.handedAt = p.sum, began
		if err != nil {
			p.handedAt = time.Time{}
		}
	}
	return false
}

// between returns how long it is from one time to another; for ever if the clock was put back.
func between(from, to time.Time) time.Duration {
	if d := to.Sub(from); d >= 0 {
		return d
	}
	return 1<<63 - 1
}

func sum(all []Appointment) [sha256.Size]byte {
	text, err := json.Marshal(all)
	if err != nil { // there is nothing in them that JSON cannot hold
		panic(err)
	}
	return sha256.Sum256(text)
}

// attempt lets f ask a program's objects, and returns what f returns. If one question has no answer for longestCall, it is not waited for any
// more, but the program is left alone until the answer is there after all: no more than one thread of ours hangs in it.
func (w *watcher) attempt(ctx context.Context, p *watched, f func(*reader) error) error {
	if p.open != nil {
		select {
		case <-p.open.done:
			p.open = nil
		default:
			return hangs(p.program.Name(), p.open.since, w.Home)
		}
	}
	a := &attempt{done: make(chan error, 1)}
	limited, cancel := context.WithTimeout(ctx, longestReading)
	go func() {
		defer cancel()
		a.done <- w.System.Do(func(m com.Model) error { return f(&reader{ctx: limited, model: m, asked: &a.asked}) })
	}()
	// The seconds are counted instead of compared with a clock: the computer may sleep during a question.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	waited, question := time.Duration(0), int64(0)
	for {
		select {
		case err := <-a.done:
			return err
		case <-ctx.Done():
			p.open = a
			return context.Cause(ctx)
		case <-tick.C:
		}
		switch now := a.asked.Load(); {
		case now == 0 || now != question:
			waited, question = 0, now
		default:
			waited += time.Second
		}
		if waited >= longestCall {
			cancel() // it ends with the answer
			a.since, p.open = time.Unix(0, question), a
			return hangs(p.program.Name(), a.since, w.Home)
		}
	}
}

func hangs(name string, since time.Time, home *time.Location) error {
	return because(ErrHangs, "%s does not answer since %s", name, since.In(home).Format("15:04"))
}

// part waits for what is under way.
func (w *watcher) part(all []*watched) {
	t := time.NewTimer(farewell)
	defer t.Stop()
	for _, p := range slices.DeleteFunc(all, func(p *watched) bool { return p.open == nil }) {
		select {
		case <-p.open.done:
		case <-t.C:
			return
		}
	}
}
