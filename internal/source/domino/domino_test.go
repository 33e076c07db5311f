package domino

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/domino/dominotest"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ source.System = (*System)(nil)

const annas, berts = "mail/anna.nsf", "mail/bert.nsf"

// start starts a stand-in with the mail files of Anna and Bert, and a System that reads it. change adapts either before.
func start(t *testing.T, change ...func(*dominotest.Config, *Config, *outbound.Config)) (*dominotest.Server, *System) {
	t.Helper()
	stand := dominotest.Config{Observe: schema(t)}
	c := Config{Username: dominotest.DefaultUsername, Password: dominotest.DefaultPassword, MailFile: "mail/{local}.nsf", AllowHTTP: true,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), timing: timing{backoff: gate.Backoff{First: 50 * time.Millisecond, Most: time.Second}, refused: time.Second}}
	out := outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 20 * time.Second}
	for _, f := range change {
		f(&stand, &c, &out)
	}
	server, err := dominotest.Start(stand)
	must(t, err)
	t.Cleanup(server.Close)
	must(t, server.AddMailFile(dominotest.MailFile{Path: annas, Zone: "Europe/Berlin"}))
	must(t, server.AddMailFile(dominotest.MailFile{Path: berts, Zone: "America/New_York"}))
	if c.URL == "" {
		c.URL = server.URL
	}
	if out.RootCAs == nil {
		out.RootCAs = server.RootCAs
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put makes entries, and returns their UIDs.
func put(t *testing.T, server *dominotest.Server, path string, events ...dominotest.Event) (uids []string) {
	t.Helper()
	for _, e := range events {
		uid, err := server.Put(path, e)
		must(t, err)
		uids = append(uids, uid)
	}
	return uids
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
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	list, problems, err := c.Expand(from, to, berlin, calendar.Limits{})
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
	return sorted(out)
}

func sorted(list []shown) []shown {
	slices.SortFunc(list, func(a, b shown) int { return strings.Compare(a.Start+a.ID, b.Start+b.ID) })
	return list
}

// truth is the same of what the stand-in says is there, in the words of Notes and not those of the client.
func truth(t *testing.T, server *dominotest.Server, path string, from, to time.Time) []shown {
	t.Helper()
	list, err := server.View(path, from, to)
	must(t, err)
	var out []shown
	for _, o := range list {
		if o.Status == "cancelled" || o.Declined || o.Notice == "C" {
			continue
		}
		s := shown{ID: o.UID, Subject: o.Subject, ShowAs: "busy", AllDay: o.AllDay, Private: o.Class == "private" || o.Class == "confidential",
			Reminder: time.Duration(o.Reminder) * time.Minute, Categories: strings.Join(o.Categories, ","),
			Start: o.Start.UTC().Format(time.RFC3339), End: o.End.UTC().Format(time.RFC3339)}
		switch {
		case o.Transparent, o.Type == "1", o.Type == "4":
			s.ShowAs = "free"
		case o.Status == "tentative", o.Notice != "":
			s.ShowAs = "tentative"
		}
		if o.RecurrenceID != "" {
			s.ID += "/" + o.RecurrenceID
		}
		if o.Notice != "" {
			s.ID += "/notice"
		}
		if s.Private {
			s.Subject = ""
		}
		if o.AllDay {
			s.Start, s.End = o.Start.Format(time.DateOnly), o.End.Format(time.DateOnly)
		}
		out = append(out, s)
	}
	return sorted(out)
}

func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	must(t, err)
	out, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	must(t, err)
	return out
}

func date2(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
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

// weeksOfAnna fills a mail file with every kind of entry.
func weeksOfAnna(t *testing.T, server *dominotest.Server) []string {
	t.Helper()
	berlin := func(text string) time.Time { return at(t, "Europe/Berlin", text) }
	made := put(t, server, annas,
		dominotest.Event{Subject: "Budget", Start: berlin("2026-03-03 10:00"), End: berlin("2026-03-03 11:30"), Reminder: 15, Categories: []string{"Red, really", "Sales"}},
		dominotest.Event{Subject: "Doctor, do not tell", Class: "private", Start: berlin("2026-03-04 10:00"), End: berlin("2026-03-04 11:00")},
		dominotest.Event{Subject: "Salary talk", Class: "confidential", Start: berlin("2026-03-04 12:00"), End: berlin("2026-03-04 13:00")},
		dominotest.Event{Subject: "Fair", AllDay: true, Start: date2("2026-03-05"), End: date2("2026-03-07")},
		dominotest.Event{Subject: "Wedding day", AllDay: true, Type: "1", Start: date2("2026-03-08"), End: date2("2026-03-09")},
		dominotest.Event{Subject: "Call the bank", Type: "4", Start: berlin("2026-03-09 10:00"), End: berlin("2026-03-09 10:00")},
		dominotest.Event{Subject: "Perhaps", Status: "tentative", Start: berlin("2026-03-09 10:00"), End: berlin("2026-03-09 11:00")},
		dominotest.Event{Subject: "Lunch", Transparent: true, Start: berlin("2026-03-09 12:00"), End: berlin("2026-03-09 13:00")},
		dominotest.Event{Subject: "Invited", Type: "3", Notice: "I", Start: berlin("2026-03-09 14:00"), End: berlin("2026-03-09 15:00")},
		dominotest.Event{Subject: "Called off", Type: "3", Notice: "C", Start: berlin("2026-03-09 16:00"), End: berlin("2026-03-09 17:00")},
		dominotest.Event{Subject: "Not me", Type: "3", Declined: true, Start: berlin("2026-03-10 10:00"), End: berlin("2026-03-10 11:00")},
		dominotest.Event{Subject: "Off", Type: "3", Start: berlin("2026-03-10 10:00"), End: berlin("2026-03-10 11:00")},
		dominotest.Event{Subject: "Sabbatical", AllDay: true, Start: date2("2026-02-10"), End: date2("2026-03-03")},
		dominotest.Event{Subject: "Over before", Start: berlin("2026-02-10 10:00"), End: berlin("2026-02-10 11:00")},
		dominotest.Event{Subject: "Stand-up", Start: berlin("2026-03-02 09:15"), End: berlin("2026-03-02 09:30"),
			Repeat: &dominotest.Repeat{Every: "week", Days: []time.Weekday{time.Monday, time.Thursday}}},
		dominotest.Event{Subject: "Rent", AllDay: true, Transparent: true, Start: date2("2026-01-31"), End: date2("2026-02-01"), Repeat: &dominotest.Repeat{Every: "month"}},
		dominotest.Event{Subject: "Therapy", Class: "private", Start: at(t, "America/New_York", "2026-03-01 09:00"), End: at(t, "America/New_York", "2026-03-01 10:00"),
			Repeat: &dominotest.Repeat{Every: "day", Interval: 5, Count: 6}},
		dominotest.Event{Subject: "Water the plants", Type: "4", Start: berlin("2026-03-02 08:00"), End: berlin("2026-03-02 08:00"), Repeat: &dominotest.Repeat{Every: "day", Until: date2("2026-03-06")}},
		dominotest.Event{Subject: "Focus", Transparent: true, Start: berlin("2026-03-02 13:00"), End: berlin("2026-03-02 14:00"), Repeat: &dominotest.Repeat{Every: "day", Count: 4}},
		dominotest.Event{Subject: "Tennis", Status: "tentative", Start: berlin("2026-03-02 18:00"), End: berlin("2026-03-02 19:00"), Repeat: &dominotest.Repeat{Every: "day", Count: 4}},
	)
	must(t, server.ChangeOccurrence(annas, made[18], "2026-03-03", func(e *dominotest.Event) { e.Transparent = false })) // an occurrence counts as it says by itself
	must(t, server.ChangeOccurrence(annas, made[19], "2026-03-04", func(e *dominotest.Event) { e.Status = "confirmed" }))
	must(t, server.ChangeOccurrence(annas, made[19], "2026-03-05", func(e *dominotest.Event) { e.Transparent, e.Class = true, "private" }))
	must(t, server.Cancel(annas, made[11]))
	standUp := made[14]
	must(t, server.DeleteOccurrence(annas, standUp, "2026-03-12"))
	must(t, server.ChangeOccurrence(annas, standUp, "2026-03-30", func(e *dominotest.Event) { // the first Monday of summer time
		e.Start, e.End, e.Subject = berlin("2026-03-31 16:00"), berlin("2026-03-31 16:15"), "Stand-up, later"
	}))
	return made
}

// TestWeeksOfAnna reads every kind of entry and compares with what is there, in each form in which a server may answer.
func TestWeeksOfAnna(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]dominotest.Config{
		"occurrences":              {},
		"occurrences in zones":     {Zones: true},
		"series":                   {Series: true},
		"series in zones":          {Series: true, Zones: true},
		"with gaps":                {Gaps: 3},
		"after signing in by form": {Session: true},
		"https":                    {TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, func(stand *dominotest.Config, _ *Config, _ *outbound.Config) {
				form.Observe = stand.Observe
				*stand = form
			})
			made := weeksOfAnna(t, server)
			r, err := s.Fetch(t.Context(), anna())
			must(t, err)
			got, want := read(t, r, marchFrom, marchTo), truth(t, server, annas, marchFrom, marchTo)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("read (+) differs from what is there (-):\n%s", diff)
			}
			if len(want) < 25 {
				t.Errorf("only %d appointments are there", len(want))
			}
			for _, secret := range []string{"Doctor", "Salary", "Therapy", "Not me", "Off", "4711", "http"} {
				if bytes.Contains(r.Objects[0].Data, []byte(secret)) {
					t.Errorf("%q was handed over", secret)
				}
			}
			moved := made[14] + "/20260330T071500Z"
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
			must(t, server.Change(annas, made[0], func(e *dominotest.Event) { e.Subject = "Budget 2027" }))
			if r, err = s.Fetch(t.Context(), a); err != nil || r.Unchanged {
				t.Errorf("after a change: %+v, %v; want an object", r, err)
			}
		})
	}
}

// noAuthorities trusts nobody.
func noAuthorities() *x509.CertPool { return x509.NewCertPool() }

// TestALongCalendarComesInPages reads 400 appointments with long names, from a server whose view has entries that give no
// event and whose buffer is small.
func TestALongCalendarComesInPages(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(stand *dominotest.Config, _ *Config, _ *outbound.Config) { stand.Gaps, stand.Buffer = 3, 60 })
	for i := range 400 {
		from := marchFrom.Add(time.Duration(i) * time.Hour)
		put(t, server, berts, dominotest.Event{Subject: strings.Repeat("long ", 200) + fmt.Sprint(i), Start: from, End: from.Add(30 * time.Minute)})
	}
	r, err := s.Fetch(t.Context(), bert())
	must(t, err)
	if got, want := read(t, r, marchFrom, marchTo), truth(t, server, berts, marchFrom, marchTo); len(got) != 400 || !slices.Equal(got, want) {
		t.Errorf("read %d appointments, want 400, equal to what is there", len(got))
	}
	if n := server.Count("events"); n < 7 || n > 9 {
		t.Errorf("asked for %d pages, want 7 to 9", n)
	}
}

// TestAShortCalendarTakesOneQuestion reads what fits into one page, and nothing.
func TestAShortCalendarTakesOneQuestion(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	weeksOfAnna(t, server)
	for i, a := range []source.Account{anna(), bert()} {
		r, err := s.Fetch(t.Context(), a)
		must(t, err)
		if n := server.Count("events"); n != i+1 || len(r.Objects) != 1 {
			t.Errorf("asked %d questions for %d mail files", n, i+1)
		}
	}
	if counts := server.Counts(); counts["login"]+counts["api"]+counts["event"] != 0 {
		t.Errorf("asked for more than that: %v", counts)
	}
}

// TestAServerThatSaysWhatChanged has ETags: what did not change is not sent again.
func TestAServerThatSaysWhatChanged(t *testing.T) {
	t.Parallel()
	var same atomic.Int32
	server, s := start(t, func(stand *dominotest.Config, _ *Config, _ *outbound.Config) {
		stand.ETags = true
		check := stand.Observe
		stand.Observe = func(x dominotest.Exchange) {
			if x.Status == http.StatusNotModified {
				same.Add(1)
				return
			}
			check(x)
		}
	})
	made := weeksOfAnna(t, server)
	a := anna()
	r, err := s.Fetch(t.Context(), a)
	must(t, err)
	a.Known = map[string]string{Href: r.Objects[0].ETag}
	for i := range 3 {
		if r, err := s.Fetch(t.Context(), a); err != nil || !r.Unchanged || same.Load() != int32(i+1) {
			t.Errorf("%+v, %v after %d answers that all is the same, want unchanged after %d", r, err, same.Load(), i+1)
		}
	}
	must(t, server.Move(annas, made[0], time.Hour))
	if r, err = s.Fetch(t.Context(), a); err != nil || r.Unchanged {
		t.Fatalf("after a change: %+v, %v, want an object", r, err)
	}
	// Whoever has not got what was read last gets it, whatever the server remembers.
	r2, err := s.Fetch(t.Context(), a)
	if err != nil || r2.Unchanged || r2.Objects[0].ETag != r.Objects[0].ETag {
		t.Errorf("asked anew: %+v, %v, want the object again", r2, err)
	}
}

// TestMailFilesOfAnOldDesign have occurrences that nothing tells apart but their UIDs.
func TestMailFilesOfAnOldDesign(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(stand *dominotest.Config, _ *Config, _ *outbound.Config) { stand.OldDesign = true })
	weeksOfAnna(t, server)
	r, err := s.Fetch(t.Context(), anna())
	must(t, err)
	got, want := read(t, r, marchFrom, marchTo), truth(t, server, annas, marchFrom, marchTo)
	for i := range want {
		want[i].ID = strings.Replace(want[i].ID, "/2", "-2", 1)
	}
	if diff := cmp.Diff(sorted(want), got); diff != "" {
		t.Errorf("read (+) differs from what is there (-):\n%s", diff)
	}
}

// TestOccurrencesThatShareAnID are told apart by when they are, the same each time.
func TestOccurrencesThatShareAnID(t *testing.T) {
	t.Parallel()
	list := func() (all []calendar.Appointment) {
		for _, hour := range []int{5, 3, 4, 3} { // one came twice, in two pages
			all = append(all, calendar.Appointment{ID: "u", Start: marchFrom.Add(time.Duration(hour) * time.Hour), End: marchFrom.Add(time.Duration(hour+1) * time.Hour)})
		}
		return all
	}
	var ids []string
	for _, a := range tidy(list()) {
		ids = append(ids, a.ID)
	}
	if want := []string{"u", "u/20260301T040000Z", "u/20260301T050000Z"}; !slices.Equal(ids, want) {
		t.Errorf("IDs %q, want %q", ids, want)
	}
}

func TestNobodyIsToldOfChanges(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	s.Follow([]string{"anna@example.com"})
	if err := s.Watch(t.Context(), func(string) { t.Error("told of a change") }); err != nil {
		t.Errorf("Watch returned %v, want nil at once", err)
	}
}

// TestManyMailFilesKeepToTheLimit reads thirty at once.
func TestManyMailFilesKeepToTheLimit(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	server, s := start(t, func(_ *dominotest.Config, c *Config, _ *outbound.Config) { c.Limit = 3 })
	gauge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond) // long enough for others to arrive
		r2, err := http.NewRequestWithContext(r.Context(), r.Method, server.URL+r.URL.RequestURI(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		r2.Header = r.Header.Clone()
		resp, err := http.DefaultTransport.RoundTrip(r2)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	t.Cleanup(gauge.Close)
	t.Cleanup(func() { http.DefaultTransport.(*http.Transport).CloseIdleConnections() })
	s.base, _ = parseAddress(gauge.URL, true)
	var wg sync.WaitGroup
	for i := range 30 {
		must(t, server.AddMailFile(dominotest.MailFile{Path: fmt.Sprintf("mail/u%d.nsf", i)}))
		wg.Go(func() {
			if _, err := s.Fetch(t.Context(), source.Account{Mailbox: fmt.Sprintf("u%d@example.com", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 3 || n < 2 {
		t.Errorf("%d questions were under way at once, want 3", n)
	}
}
