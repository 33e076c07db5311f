// Package agendatest runs an office whose calendars a system holds, on a real database, and compares people's presence
// with what it is to be by what stands in their mailboxes.
package agendatest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/presence"
)

// Zone is where everybody works.
const Zone = "Europe/Berlin"

// connectorID is that of the system.
const connectorID = "system"

// Occurrence is what stands in a mailbox, straight from there: only what counts, thus nothing cancelled or declined.
type Occurrence struct {
	ID            string        // as the source makes it: of appointments that are alike in all else it decides which one shows
	Start, End    time.Time     // with a time
	First, Behind calendar.Date // of whole days, the end exclusive; zero: with a time
	ShowAs        presence.ShowAs
	Subject       string // shown as text unless it is private
	Private       bool
	Holiday       bool // its category is the name of the template "On holiday"
}

// Truth returns what stands in a mailbox between two instants, and more if it likes.
type Truth func(mailbox string, from, to time.Time) []Occurrence

// Office is an office at work.
type Office struct {
	*agenda.Agenda
	Hub       *hub.Hub
	Office    *office.Office
	Store     store.Store
	Folder    string // of the database
	mailboxes []string
	log       *log
}

// Start has people work whose calendars a system of a kind holds: one for each mailbox, who is called as it is. Everything
// counts as by the factory settings, with the subject as text. It ends with the test.
func Start(t testing.TB, kind string, s source.System, mailboxes ...string) *Office {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		if t.Helper(); err != nil {
			t.Fatal(err)
		}
	}
	o := &Office{Folder: t.TempDir(), mailboxes: mailboxes, log: &log{}}
	quiet := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st, err := sqlite.Open(ctx, filepath.Join(o.Folder, "doorlight.db"))
	must(err)
	o.Store = st
	o.Office, err = office.Open(ctx, st, quiet)
	must(err)
	o.Office.UseSystems(func(id string) (office.System, bool) { return office.System{Calendar: id == connectorID}, true })
	o.Hub, err = hub.Open(ctx, st, o.Office, func([]hub.Update) {}, hub.Config{Log: quiet})
	must(err)
	o.Office.Listen(func(c office.Change) { o.Hub.Repolicy(c.Policies, c.Removed) })
	box, err := secret.NewBox(make([]byte, 32))
	must(err)
	o.Agenda = agenda.New(st, o.Office, o.Hub, box, nil, agenda.Config{Log: quiet, Every: map[string]time.Duration{kind: 200 * time.Millisecond}})
	running, stop := context.WithCancel(ctx)
	reading, stopReading := context.WithCancel(ctx)
	var hubs, agendas sync.WaitGroup
	hubs.Go(func() { o.Hub.Run(running) })
	agendas.Go(func() { o.Run(reading) })
	t.Cleanup(func() {
		stopReading()
		agendas.Wait()
		stop()
		hubs.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	l := store.Location{Name: "Berlin", TimeZone: Zone}
	must(o.Office.PutLocation(ctx, office.By{}, &l))
	people := make([]*store.Person, len(mailboxes))
	for i, m := range mailboxes {
		people[i] = &store.Person{ID: person(m), Name: m, Email: m, LocationID: l.ID, CreatedAt: time.Now().UTC()}
	}
	for some := range slices.Chunk(people, 500) {
		must(o.Office.PutPeople(ctx, office.By{}, "person.add", some...))
	}
	must(o.Office.ChangeSection(ctx, office.By{}, l.ID, policy.SectionCalendar, func(s *policy.Settings) error {
		s.Calendar.Method, s.Calendar.Connector, s.Calendar.SubjectAsText = policy.CalendarCentral, connectorID, true
		return nil
	}))
	o.PutSystem(agenda.System{ID: connectorID, Kind: kind, Name: "System", System: s, Mailbox: func(p *office.Person) string { return p.Email }})
	return o
}

// person is the ID of whose mailbox it is.
func person(mailbox string) string { return strings.ReplaceAll(mailbox, "@", "-at-") }

// Span is a time of one status.
type Span struct {
	From   time.Time
	Status presence.Status
	Text   string
}

func (s Span) String() string {
	return fmt.Sprintf("%s %s %q", s.From.Format("01-02 15:04:05"), s.Status, s.Text)
}

// timeline works out what claims mean from one instant to another.
func timeline(claims []presence.Claim, p *presence.Policy, from, to time.Time) (line []Span) {
	for at := from; at.Before(to); {
		now := presence.Resolve(claims, p, at)
		if s := (Span{at.UTC(), now.Status, now.Text}); len(line) == 0 || line[len(line)-1].Status != s.Status || line[len(line)-1].Text != s.Text {
			line = append(line, s)
		}
		next, ok := presence.NextChange(claims, p, at)
		if !ok {
			break
		}
		at = next
	}
	return line
}

// wanted works out from what stands in a mailbox what claims there are to be.
func wanted(all []Occurrence, zone *time.Location, lease time.Time) []presence.Claim {
	var claims []presence.Claim
	for _, x := range all {
		if x.ShowAs == presence.ShowFree || x.ShowAs == presence.ShowElsewhere {
			continue
		}
		c := presence.Claim{
			Source: presence.SourceCalendar, ID: agenda.ClaimID(x.ID), Status: presence.Busy, Profile: "Appointment", Text: "Appointment",
			From: x.Start, Until: x.End, ShowAs: x.ShowAs, Lease: lease,
		}
		if x.First != (calendar.Date{}) {
			c.From, c.Until, c.AllDay = midnight(x.First, zone), midnight(x.Behind, zone), true
		}
		if x.Holiday {
			c.Status, c.Profile, c.Text = presence.Unavailable, "On holiday", "On holiday"
		}
		if x.Subject != "" && !x.Private {
			c.Text = x.Subject
		}
		if c.Until.After(c.From) {
			claims = append(claims, c)
		}
	}
	return claims
}

func midnight(d calendar.Date, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// Agrees waits until everybody's presence of the next twenty hours, for which claims are certain, is what it is to be by what stands in the mailboxes,
// and fails if that takes longer than within.
func (o *Office) Agrees(t testing.TB, truth Truth, within time.Duration) {
	t.Helper()
	zone, err := time.LoadLocation(Zone)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(within)
	open := slices.Clone(o.mailboxes)
	for {
		from := time.Now().UTC().Truncate(time.Second).Add(2 * time.Second)
		to := from.Add(20 * time.Hour)
		var told string
		open = slices.DeleteFunc(open, func(m string) bool {
			claims, p, ok := o.Hub.Claims(person(m))
			if !ok { // the hub has not heard of them yet
				told = "there is no " + m
				return false
			}
			got := timeline(claims, p, from, to)
			want := timeline(wanted(truth(m, from.AddDate(0, 0, -1), to.AddDate(0, 0, 1)), zone, to.AddDate(1, 0, 0)), p, from, to)
			if slices.Equal(got, want) {
				return true
			}
			told = fmt.Sprintf("%s is\n  %v\ninstead of\n  %v\n%+v", m, got, want, o.Calendars(person(m)))
			return false
		})
		switch {
		case len(open) == 0:
			return
		case time.Now().After(deadline):
			t.Fatalf("after %s %d of %d people are not as they should be: %q\n%s\n%s", within, len(open), len(o.mailboxes), open[:min(len(open), 10)], told, o.log.tail())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Files returns the files of the database that hold a word.
func (o *Office) Files(word string) (found []string) {
	filepath.WalkDir(o.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(word)) {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// Log returns what was logged.
func (o *Office) Log() string {
	o.log.mu.Lock()
	defer o.log.mu.Unlock()
	return string(o.log.text)
}

type log struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *log) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(0, len(l.text)-4000):])
}
