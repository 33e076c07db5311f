package agendatest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
)

var rounds = flag.Int("rounds", 1000, "changes in tests that have calendars change while everything goes wrong")

// PrivateSubject is that of all private appointments of a Gremlin. It must show up nowhere.
const PrivateSubject = "zqPrivateSurgeryqz"

// Gremlin changes the mailboxes of a stand-in for a system at random, and has it fail.
type Gremlin interface {
	Change(t *testing.T, mailbox string) // makes one change in a mailbox, or an appointment
	Spite(t *testing.T, mailbox string)  // has something go wrong until there is peace, perhaps with that mailbox
	Peace()
	View(t *testing.T, mailbox string, from, to time.Time) []Occurrence // see Truth
}

// Endure has an office work whose mailboxes a Gremlin is let loose on. Whenever there is peace, everybody's presence comes to be
// what stands in their mailboxes, and neither PrivateSubject nor another secret is in the log or in the database at the end.
func Endure(t *testing.T, kind string, s source.System, mailboxes []string, g Gremlin, secrets ...string) {
	t.Helper()
	for _, m := range mailboxes {
		for range 10 { // something to begin with
			g.Change(t, m)
		}
	}
	o := Start(t, kind, s, mailboxes...)
	agrees := func() {
		t.Helper()
		g.Peace()
		o.Agrees(t, func(mailbox string, from, to time.Time) []Occurrence { return g.View(t, mailbox, from, to) }, time.Minute)
	}
	agrees()
	for i := range *rounds {
		g.Change(t, One(mailboxes...))
		if rand.IntN(10) == 0 {
			g.Spite(t, One(mailboxes...))
		}
		if rand.IntN(4) == 0 {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		}
		if (i+1)%250 == 0 {
			agrees()
		}
	}
	agrees()
	for _, secret := range append(secrets, PrivateSubject) {
		if strings.Contains(o.Log(), secret) {
			t.Errorf("%q is in the log", secret)
		}
		if found := o.Files(secret); len(found) > 0 {
			t.Errorf("%q is in %q", secret, found)
		}
	}
}

// Addresses returns those of ten people.
func Addresses() (list []string) {
	for i := range 10 {
		list = append(list, fmt.Sprintf("p%02d@example.test", i))
	}
	return list
}

// One picks one of them.
func One(words ...string) string { return words[rand.IntN(len(words))] }

// Sometime returns when an appointment of the days around today may be, in quarters of an hour, and what it may be about.
func Sometime() (start, end time.Time, subject string) {
	start = time.Now().Add(time.Duration(rand.IntN(72)-30) * time.Hour).Truncate(15 * time.Minute)
	return start, start.Add(time.Duration(1+rand.IntN(12)) * 15 * time.Minute), fmt.Sprint("Appointment ", rand.IntN(1_000_000))
}

// Day returns the day of an instant, in its zone.
func Day(t time.Time) calendar.Date {
	y, m, d := t.Date()
	return calendar.Date{Year: y, Month: m, Day: d}
}

// Troubles are what goes wrong at present. Its zero value is peace.
type Troubles struct{ lifts []func() }

// Until keeps in mind how to end something that goes wrong. When there is too much of it, everything before ends first.
func (w *Troubles) Until(lift func()) {
	if len(w.lifts) > 3 {
		w.Peace()
	}
	w.lifts = append(w.lifts, lift)
}

// Peace ends everything that goes wrong.
func (w *Troubles) Peace() {
	for _, lift := range w.lifts {
		lift()
	}
	w.lifts = nil
}
