package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ source.System = (*System)(nil)

// start starts a stand-in with Anna and Bert, and a System that reads it. change adapts either before.
func start(t *testing.T, change ...func(*graphtest.Config, *Config, *outbound.Config)) (*graphtest.Server, *System) {
	t.Helper()
	stand := graphtest.Config{Observe: schema(t)}
	app := graphtest.DefaultApp()
	c := Config{ClientID: app.ID, Secret: app.Secret, Cloud: Custom, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		timing: timing{backoff: gate.Backoff{First: 50 * time.Millisecond, Most: time.Second}, pace: time.Millisecond, fresh: time.Nanosecond}}
	out := outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 20 * time.Second}
	for _, f := range change {
		f(&stand, &c, &out)
	}
	server, err := graphtest.Start(stand)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for _, m := range []graphtest.Mailbox{
		{UPN: "anna@example.com", Name: "Anna Amsel", Password: "anna's", Zone: "Europe/Berlin", Aliases: []string{"a.amsel@example.com"}},
		{UPN: "bert@example.com", Name: "Bert Bussard", Password: "bert's", Zone: "America/New_York"},
	} {
		if _, err := server.AddMailbox(m); err != nil {
			t.Fatal(err)
		}
	}
	if c.Tenant == "" {
		c.Tenant = server.Tenant
	}
	if c.LoginURL == "" {
		c.LoginURL, c.GraphURL = server.LoginURL, server.GraphURL
	}
	client := outbound.NewClient(out)
	t.Cleanup(client.CloseIdleConnections)
	c.HTTP = client
	s, err := New(c)
	if err != nil {
		t.Fatal(err, fieldsOf(err))
	}
	t.Cleanup(s.Close)
	return server, s
}

func fieldsOf(err error) []fault.Field {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Fields
	}
	return nil
}

// put adds events; it ends the test if the stand-in does not take them.
func put(t *testing.T, server *graphtest.Server, mailbox string, events ...graphtest.Event) []graphtest.Event {
	t.Helper()
	for i, e := range events {
		done, err := server.Put(mailbox, e)
		if err != nil {
			t.Fatal(err)
		}
		events[i] = done
	}
	return events
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shown is an appointment as it arrives at whoever reads the calendar.
type shown struct {
	ID, Subject, ShowAs string
	Start, End          string
	AllDay, Private     bool
	Reminder            time.Duration
	Categories          string
}

// read parses what a result hands over, as the agenda does.
func read(t *testing.T, r source.Result, from, to time.Time) []shown {
	t.Helper()
	if len(r.Objects) != 1 || r.Objects[0].Href != Href || !r.Replace {
		t.Fatalf("result %+v, want one object that replaces all others", r)
	}
	c, err := calendar.Parse(bytes.NewReader(r.Objects[0].Data), calendar.Limits{})
	if err != nil {
		t.Fatalf("the calendar cannot be read: %v\n%s", err, r.Objects[0].Data)
	}
	list, problems, err := c.Expand(from, to, time.UTC, calendar.Limits{})
	if err != nil || len(problems) > 0 || len(c.Problems()) > 0 {
		t.Fatalf("expand: %v %v %v", err, problems, c.Problems())
	}
	var out []shown
	for _, a := range list {
		s := shown{ID: a.ID, Subject: a.Subject, ShowAs: a.ShowAs.String(), AllDay: a.AllDay, Private: a.Private, Reminder: a.Reminder,
			Categories: strings.Join(a.Categories, ","), Start: a.Start.Format(time.RFC3339), End: a.End.Format(time.RFC3339)}
		if a.AllDay {
			s.Start, s.End = a.StartDate.String(), a.EndDate.String()
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b shown) int { return strings.Compare(a.Start+a.ID, b.Start+b.ID) })
	return out
}

// truth is the same of what the stand-in says is there.
func truth(t *testing.T, server *graphtest.Server, mailbox string, from, to time.Time) []shown {
	t.Helper()
	list, err := server.View(mailbox, from, to)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"oof": "out_of_office", "workingElsewhere": "working_elsewhere", "unknown": "busy"}
	var out []shown
	for _, o := range list {
		if o.Cancelled || o.Response == "declined" {
			continue
		}
		s := shown{ID: o.UID, Subject: o.Subject, ShowAs: o.ShowAs, AllDay: o.AllDay, Private: o.Sensitivity != "normal",
			Reminder: time.Duration(o.Reminder) * time.Minute, Categories: strings.Join(o.Categories, ","),
			Start: o.Start.Format(time.RFC3339), End: o.End.Format(time.RFC3339)}
		if n := names[o.ShowAs]; n != "" {
			s.ShowAs = n
		}
		if o.Recurring {
			s.ID += "/" + o.Original.UTC().Format("20060102T150405Z")
		}
		if s.Private {
			s.Subject = ""
		}
		if o.AllDay {
			s.Start, s.End = o.Start.Format("2006-01-02"), o.End.Format("2006-01-02")
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b shown) int { return strings.Compare(a.Start+a.ID, b.Start+b.ID) })
	return out
}

func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	out, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func day(text string) time.Time {
	t, err := time.Parse("2006-01-02", text)
	if err != nil {
		panic(err)
	}
	return t
}

// march is the window of most tests: the clocks of Berlin and New York change in it.
var (
	marchFrom = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	marchTo   = time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC)
)

func anna() source.Account {
	return source.Account{Mailbox: "anna@example.com", From: marchFrom, To: marchTo}
}

// TestAWeekOfAnna reads every kind of appointment and compares with what is there.
func TestAWeekOfAnna(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	berlin := func(text string) time.Time { return at(t, "Europe/Berlin", text) }
	made := put(t, server, "anna@example.com",
		graphtest.Event{Subject: "Budget", Start: berlin("2026-03-03 10:00"), End: berlin("2026-03-03 11:30"), Reminder: 15, Categories: []string{"Red, really", "Sales"}},
		graphtest.Event{Subject: "Doctor, do not tell", Sensitivity: "private", Start: berlin("2026-03-04 10:00"), End: berlin("2026-03-04 11:00")},
		graphtest.Event{Subject: "Salary talk", Sensitivity: "confidential", Start: berlin("2026-03-04 12:00"), End: berlin("2026-03-04 13:00")},
		graphtest.Event{Subject: "Diary", Sensitivity: "personal", Start: berlin("2026-03-04 14:00"), End: berlin("2026-03-04 15:00")},
		graphtest.Event{Subject: "Fair", AllDay: true, ShowAs: "oof", Start: day("2026-03-05"), End: day("2026-03-07")},
		graphtest.Event{Subject: "From home", ShowAs: "workingElsewhere", Start: berlin("2026-03-09 08:00"), End: berlin("2026-03-09 17:00")},
		graphtest.Event{Subject: "Perhaps", ShowAs: "tentative", Response: "notResponded", Start: berlin("2026-03-09 10:00"), End: berlin("2026-03-09 11:00")},
		graphtest.Event{Subject: "Lunch", ShowAs: "free", Start: berlin("2026-03-09 12:00"), End: berlin("2026-03-09 13:00")},
		graphtest.Event{Subject: "Odd", ShowAs: "unknown", Start: berlin("2026-03-09 18:00"), End: berlin("2026-03-09 18:00")},
		graphtest.Event{Subject: "Not me", Response: "declined", Start: berlin("2026-03-10 10:00"), End: berlin("2026-03-10 11:00")},
		graphtest.Event{Subject: "Off", Start: berlin("2026-03-10 10:00"), End: berlin("2026-03-10 11:00")},
		graphtest.Event{Subject: "Stand-up", Start: berlin("2026-03-02 09:15"), End: berlin("2026-03-02 09:30"),
			Repeat: &graphtest.Repeat{Type: "weekly", Days: []time.Weekday{time.Monday, time.Thursday}, WeekFrom: time.Monday}},
		graphtest.Event{Subject: "Rent", AllDay: true, ShowAs: "free", Start: day("2026-01-31"), End: day("2026-02-01"), Repeat: &graphtest.Repeat{Type: "absoluteMonthly", Day: 31}},
	)
	must(t, server.Cancel("anna@example.com", made[10].ID))
	standUp := made[11].ID
	must(t, server.DeleteOccurrence("anna@example.com", standUp, "2026-03-12"))
	must(t, server.ChangeOccurrence("anna@example.com", standUp, "2026-03-30", func(e *graphtest.Event) { // the first Monday of summer time
		e.Start, e.End, e.Subject = berlin("2026-03-31 16:00"), berlin("2026-03-31 16:15"), "Stand-up, later"
	}))

	r, err := s.Fetch(t.Context(), anna())
	must(t, err)
	got, want := read(t, r, marchFrom, marchTo), truth(t, server, "anna@example.com", marchFrom, marchTo)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (+) differs from what is there (-):\n%s", diff)
	}
	if len(want) < 15 {
		t.Errorf("only %d appointments are there", len(want))
	}
	for _, secret := range []string{"Doctor", "Salary", "Diary", "Not me", "Off"} {
		if bytes.Contains(r.Objects[0].Data, []byte(secret)) {
			t.Errorf("%q was handed over", secret)
		}
	}
	moved := made[11].UID + "/20260330T071500Z"
	if !slices.ContainsFunc(got, func(a shown) bool { return a.ID == moved && a.Start == "2026-03-31T14:00:00Z" }) {
		t.Errorf("the moved occurrence is not there under its ID %s", moved)
	}
	if r.Every != 5*time.Minute {
		t.Errorf("asks to be read every %v, want 5m", r.Every)
	}

	a := anna()
	a.Known = map[string]string{Href: r.Objects[0].ETag}
	if r, err = s.Fetch(t.Context(), a); err != nil || !r.Unchanged || len(r.Objects) != 0 {
		t.Errorf("the second time: %+v, %v; want unchanged", r, err)
	}
	if n := server.Count("token"); n != 1 {
		t.Errorf("asked for %d tokens, want 1", n)
	}
	must(t, server.Change("anna@example.com", made[0].ID, func(e *graphtest.Event) { e.Subject = "Budget 2027" }))
	if r, err = s.Fetch(t.Context(), a); err != nil || r.Unchanged {
		t.Errorf("after a change: %+v, %v; want an object", r, err)
	}
}

// TestALongCalendarComesInPages reads 700 appointments in pages of 100.
func TestALongCalendarComesInPages(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.timing.page = 100 })
	for i := range 700 {
		from := marchFrom.Add(time.Duration(i) * time.Hour)
		put(t, server, "bert@example.com", graphtest.Event{Subject: fmt.Sprint("number ", i), Start: from, End: from.Add(30 * time.Minute)})
	}
	r, err := s.Fetch(t.Context(), source.Account{Mailbox: "bert@example.com", From: marchFrom, To: marchTo})
	must(t, err)
	if got, want := read(t, r, marchFrom, marchTo), truth(t, server, "bert@example.com", marchFrom, marchTo); len(got) != 700 || !slices.Equal(got, want) {
		t.Errorf("read %d appointments, want 700, equal to what is there", len(got))
	}
	if n := server.Count("calendarView"); n != 7 {
		t.Errorf("asked for %d pages, want 7", n)
	}
}

// TestACalendarWithoutEnd is not read for ever.
func TestACalendarWithoutEnd(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.timing.page = 1 })
	for i := range maxPages + 1 {
		put(t, server, "anna@example.com", graphtest.Event{Start: marchFrom.Add(time.Duration(i) * time.Hour), End: marchFrom.Add(time.Duration(i)*time.Hour + time.Minute)})
	}
	_, err := s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.Kind != source.TooLarge || server.Count("calendarView") != maxPages {
		t.Errorf("%v, after %d pages", e, server.Count("calendarView"))
	}
}

// TestWhatIsOnTwoPages is there once; what was copied has a name of its own.
func TestWhatIsOnTwoPages(t *testing.T) {
	t.Parallel()
	one := calendar.Appointment{ID: "x", Start: marchFrom, End: marchFrom.Add(time.Hour), Subject: "a"}
	later, other := one, one
	later.Start, later.End = later.Start.Add(time.Hour), later.End.Add(time.Hour)
	other.Subject = "b"
	var got []string
	for _, a := range tidy([]calendar.Appointment{later, other, one, later, one}) {
		got = append(got, a.ID+" "+a.Subject)
	}
	if want := []string{"x a", "x#2 b", "x#3 a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEncryptedConnections, with an authority that is known and with one that is not.
func TestEncryptedConnections(t *testing.T) {
	t.Parallel()
	server, err := graphtest.Start(graphtest.Config{TLS: true, Observe: schema(t)})
	must(t, err)
	t.Cleanup(server.Close)
	_, err = server.AddMailbox(graphtest.Mailbox{UPN: "anna@example.com"})
	must(t, err)
	app := graphtest.DefaultApp()
	for _, known := range []bool{true, false} {
		out := outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		if known {
			out.RootCAs = server.RootCAs
		}
		client := outbound.NewClient(out)
		t.Cleanup(client.CloseIdleConnections)
		s, err := New(Config{Tenant: server.Tenant, ClientID: app.ID, Secret: app.Secret, Cloud: Custom, LoginURL: server.LoginURL, GraphURL: server.GraphURL,
			HTTP: client, Log: slog.New(slog.DiscardHandler)})
		must(t, err)
		t.Cleanup(s.Close)
		if _, err := s.Fetch(t.Context(), anna()); (err == nil) != known {
			t.Errorf("authority known: %v: %v", known, err)
		}
		if steps := s.Check(t.Context(), "anna@example.com"); steps[0].OK != known || !known && !strings.Contains(steps[0].Remedy, "firewall that inspects") {
			t.Errorf("authority known: %v: %+v", known, steps[0])
		}
	}
}

// errorOf is the error as those who call a source see it.
func errorOf(t *testing.T, err error) *source.Error {
	t.Helper()
	e, ok := errors.AsType[*source.Error](err)
	if !ok {
		t.Fatalf("error %v is not of type *source.Error", err)
	}
	for _, secret := range []string{"anna", "bert", "stand-in-secret", "Bearer"} {
		if strings.Contains(strings.ToLower(e.Error()+e.Text), secret) {
			t.Errorf("the error tells %q: %v; %s", secret, e, e.Text)
		}
	}
	return e
}

// TestManyMailboxesGoOutTogether reads forty mailboxes at once.
func TestManyMailboxesGoOutTogether(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.timing.gather = 200 * time.Millisecond })
	const n = 40
	for i := range n {
		m := fmt.Sprintf("user%d@example.com", i)
		_, err := server.AddMailbox(graphtest.Mailbox{UPN: m})
		must(t, err)
		put(t, server, m, graphtest.Event{Subject: fmt.Sprint("of user ", i), Start: marchFrom.Add(time.Hour), End: marchFrom.Add(2 * time.Hour)})
	}
	type outcome struct {
		i   int
		r   source.Result
		err error
	}
	results := make(chan outcome)
	for i := range n {
		go func() {
			r, err := s.Fetch(t.Context(), source.Account{Mailbox: fmt.Sprintf("User%d@example.com", i), From: marchFrom, To: marchTo})
			results <- outcome{i, r, err}
		}()
	}
	for range n {
		o := <-results
		if o.err != nil {
			t.Errorf("user %d: %v", o.i, o.err)
			continue
		}
		if got := read(t, o.r, marchFrom, marchTo); len(got) != 1 || got[0].Subject != fmt.Sprint("of user ", o.i) {
			t.Errorf("user %d got %v", o.i, got)
		}
	}
	if got := server.Count("batch"); got < 2 || got > 4 {
		t.Errorf("%d mailboxes went out in %d batches, want 2 to 4", n, got)
	}
}

// unsigned is a JWT without a signature worth the name.
func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	text, err := json.Marshal(claims)
	must(t, err)
	return "e30." + base64.RawURLEncoding.EncodeToString(text) + ".e30"
}
