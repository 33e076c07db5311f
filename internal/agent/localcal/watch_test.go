package localcal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

// office is a computer with a program that is watched, in a bubble of its own time.
type office struct {
	t    *testing.T
	s    *replay
	stop func()
	look chan struct{}
	log  bytes.Buffer // read after stop

	mu   sync.Mutex // guards what is below
	days int
	fail error // what handing over ends with
	got  []Reading
}

// watching runs a story about the programs of a recording, which begins on 26 November 2026, five seconds after 9:00 in Berlin.
func watching(t *testing.T, file string, programs []Program, story func(*office)) {
	inNovember(t, func(t *testing.T) {
		o := &office{t: t, s: &replay{t: t, recording: load(t, file)}, days: 7, look: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		o.stop = func() {
			cancel()
			<-done
		}
		c := Config{Days: func() (n int) { o.do(func() { n = o.days }); return n }, Again: o.look, Home: berlin(t), Programs: programs, System: o.s, Log: slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		go func() {
			defer close(done)
			Watch(ctx, c, func(r Reading) (err error) {
				o.do(func() { o.got, err = append(o.got, r), o.fail })
				return err
			})
		}()
		time.Sleep(5 * time.Second) // Outlook is busy for a moment
		story(o)
		o.stop()
	})
}

func (o *office) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

// told checks what has been told since it was asked last: whether it was to be handed over, and how the calendar is doing.
func (o *office) told(what string, want ...string) {
	o.t.Helper()
	synctest.Wait()
	var list []Reading
	o.do(func() { list, o.got = o.got, nil })
	var got []string
	for _, r := range list {
		s := r.String()
		if r.Hand {
			s = "hand over " + s + " for " + r.Lease.String()
		}
		got = append(got, s)
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("%s: told\n\t%q, want\n\t%q", what, got, want)
	}
}

const (
	handOver = "hand over Outlook: 11 appointments; one entry could not be read for 24h0m0s"
	readable = "Outlook: it can be read; one entry could not be read"
)

// What is read is handed over once, and again only when it changes or half of the lease has passed; polls are cheap in between.
func TestHandedOverWhenItChanges(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.told("at first", handOver)
		full := o.s.questions()
		time.Sleep(3 * time.Minute)
		o.told("at the next poll, which reads it all again")
		before := o.s.questions()
		time.Sleep(3 * time.Minute)
		o.told("at those after it")
		if n := o.s.questions() - before; n > 8 {
			t.Errorf("a poll asks %d questions, and %d the first time", n, full)
		}
		time.Sleep(5 * time.Hour)
		o.told("before noon")

		// an appointment is moved: Outlook's newest change is another one
		later := load(t, "outlook-days.json")
		later.Objects["newest"].Get["LastModificationTime"] = []byte(`{"clock":"2026-11-26T14:00:00"}`)
		later.Objects["home"].Get["BusyStatus"] = []byte("2")
		o.s.play(later)
		time.Sleep(3 * time.Minute)
		o.told("after a change", handOver)

		// a change that the cheap question does not show is found before long
		later = load(t, "outlook-days.json")
		later.Objects["newest"].Get["LastModificationTime"] = []byte(`{"clock":"2026-11-26T14:00:00"}`)
		o.s.play(later)
		time.Sleep(33 * time.Minute)
		o.told("after a change that is not seen", handOver)
	})
}

// Half of the lease is twelve hours; the window goes on at midnight, so that the calendar is read again then. Here it has nothing but whole days.
func TestHandedOverAgainForItsLease(t *testing.T) {
	t.Parallel()
	watching(t, "notes-empty.json", []Program{Notes{}}, func(o *office) {
		o.told("at first", "hand over Notes: 0 appointments for 24h0m0s")
		time.Sleep(11*time.Hour + 50*time.Minute)
		o.told("before half of the lease")
		time.Sleep(20 * time.Minute)
		o.told("after half of the lease", "hand over Notes: 0 appointments for 24h0m0s")
	})
}

// What the server did not take is handed over again.
func TestHandedOverUntilItIsTaken(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.do(func() { o.got, o.fail = nil, errors.New("offline") })
		later := load(t, "outlook-days.json")
		later.Objects["newest"].Get["LastModificationTime"] = []byte(`{"clock":"2026-11-26T14:00:00"}`)
		later.Objects["home"].Get["BusyStatus"] = []byte("2")
		o.s.play(later)
		time.Sleep(10 * time.Minute)
		o.told("while the server is away", handOver, handOver, handOver)
		o.do(func() { o.fail = nil })
		time.Sleep(10 * time.Minute)
		o.told("when it is back", handOver)
	})
}

// The number of days ahead may change at any time.
func TestMoreDaysAhead(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.told("at first", handOver)
		o.do(func() { o.days = 8 })
		later := load(t, "outlook-days.json")
		later.Objects["items"].Script[2].Args[0] = []byte(`"[Start] < '06.12.2026 00:00' AND [End] > '25.11.2026 00:00'"`)
		o.s.play(later)
		o.look <- struct{}{}
		time.Sleep(5 * time.Second)
		o.told("with one day more", "hand over Outlook: 12 appointments; one entry could not be read for 24h0m0s")
	})
}

// A program that is closed, and then runs again: each is told once, and what was handed over is left to hold.
func TestOutlookIsClosedForAWhile(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}, Notes{}}, func(o *office) {
		o.told("at first", handOver, "Notes: Notes is not installed")
		o.s.play(&recording{Classes: map[string]recordedClass{"Outlook.Application": {}}})
		time.Sleep(time.Hour)
		o.told("closed", "Outlook: Outlook does not run; its calendar is read when it does")
		o.s.play(load(t, "outlook-days.json"))
		time.Sleep(3 * time.Minute)
		o.told("open again", readable)
	})
}

// An Outlook that hangs is given up after half a minute, keeps no other program waiting after that, and is asked again when it has answered.
func TestOutlookHangs(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.told("at first", handOver)
		answer := make(chan struct{})
		o.s.mu.Lock()
		o.s.before = func(what string) error {
			if what == "calendar.Items" {
				<-answer
			}
			return nil
		}
		o.s.mu.Unlock()
		time.Sleep(3*time.Minute + 20*time.Second)
		o.told("for some seconds")
		time.Sleep(time.Minute)
		o.told("for a minute", "Outlook: Outlook does not answer since 09:03")
		asked := o.s.questions()
		time.Sleep(time.Hour)
		o.told("for an hour")
		if n := o.s.questions(); n != asked {
			t.Errorf("it is asked %d times while it hangs", n-asked)
		}
		close(answer)
		time.Sleep(4 * time.Minute)
		o.told("when it has answered", readable)
	})
}

// One that hangs does not keep the program from ending.
func TestEndWhileOutlookHangs(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		answer := make(chan struct{})
		o.s.mu.Lock()
		o.s.before = func(string) error {
			<-answer
			return nil
		}
		o.s.mu.Unlock()
		time.Sleep(10 * time.Minute)
		began := time.Now()
		o.stop()
		if d := time.Since(began); d > 4*time.Second {
			t.Errorf("it takes %v to end", d)
		}
		close(answer)
		synctest.Wait()
	})
}

// Of two changes within a second, Outlook's newest change tells one only: the other is found at the next look all the same.
func TestTwoChangesWithinASecond(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.told("at first", handOver)
		later := load(t, "outlook-days.json")
		later.Objects["home"].Get["BusyStatus"] = []byte("2")
		o.s.play(later)
		time.Sleep(3 * time.Minute)
		o.told("after the second", handOver)
	})
}

// An Outlook that is busy is asked again after seconds, not minutes.
func TestOutlookIsBusy(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.told("at first", handOver)
		var until time.Time
		o.s.mu.Lock()
		until = time.Now().Add(3*time.Minute + 10*time.Second)
		o.s.before = func(what string) error {
			if time.Now().Before(until) && what != "active Outlook.Application" {
				return &com.Error{Op: "GetNamespace", Code: 0x80010001}
			}
			return nil
		}
		o.s.mu.Unlock()
		time.Sleep(3*time.Minute + 5*time.Second)
		o.told("with a question on the screen", "Outlook: Outlook is busy, perhaps with a question on the screen; it is asked again soon")
		time.Sleep(40 * time.Second)
		o.told("after that", readable)
	})
}

// An answer that takes a little each time must not take for ever.
func TestOutlookIsSlow(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.told("at first", handOver)
		o.s.mu.Lock()
		o.s.before = func(string) error {
			time.Sleep(20 * time.Second)
			return nil
		}
		o.s.mu.Unlock()
		time.Sleep(6 * time.Minute)
		o.told("over a bad line", "Outlook: Outlook needs longer than 2 minutes to tell its calendar")
	})
}

// Nothing that is logged or printed has a subject or a category in it, whatever way it is printed.
func TestSubjectsAreNotPrinted(t *testing.T) {
	t.Parallel()
	watching(t, "outlook-days.json", []Program{Outlook{}}, func(o *office) {
		o.stop()
		if len(o.got) != 1 || len(o.got[0].Appointments) != 11 {
			t.Fatalf("%v", o.got)
		}
		log := slog.New(slog.NewJSONHandler(&o.log, nil))
		r := o.got[0]
		log.Info("read", "reading", r, "first", r.Appointments[3], "all", fmt.Sprint(r.Appointments))
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			fmt.Fprintf(&o.log, format+"\n", r)
			fmt.Fprintf(&o.log, format+"\n", r.Appointments)
		}
		for _, word := range []string{"review", "Stand-up", "Customers", "New York"} {
			if strings.Contains(o.log.String(), word) {
				t.Errorf("%q is printed in\n%s", word, o.log.String())
			}
		}
		if !strings.Contains(o.log.String(), "local calendar read") {
			t.Errorf("nothing is logged: %s", o.log.String())
		}
	})
}

// On other systems than Windows there is nothing to read, and that is said.
func TestElsewhereThanOnWindows(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	Watch(ctx, Config{System: com.System(unsupported{})}, func(r Reading) error {
		if !errors.Is(r.Err, ErrAbsent) {
			t.Errorf("%v is not ErrAbsent", r.Err)
		}
		if got = append(got, r.String()); len(got) == 2 {
			cancel()
		}
		return nil
	})
	if want := []string{"Outlook: Outlook is read on Windows only", "Notes: Notes is read on Windows only"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

type unsupported struct{}

func (unsupported) Do(func(com.Model) error) error { return com.ErrUnsupported }
