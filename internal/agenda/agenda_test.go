package agenda_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/store/sqlite/sqlitetest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// web is where calendars are published: a scripted source.
type web struct {
	mu     sync.Mutex // guards what follows
	pages  map[string]*page
	asked  []asked
	atOnce int
	most   int
}

type page struct {
	text  string // of the calendar
	takes time.Duration
	fails error
	every time.Duration
	says  func(source.Account) (source.Result, error) // instead of all that
}

// asked is one reading as the far side sees it.
type asked struct {
	at      time.Time
	account source.Account
}

// Fetch implements agenda.Source as feeds do: the state tells whether the text is another.
func (w *web) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	w.mu.Lock()
	w.asked = append(w.asked, asked{time.Now(), a})
	w.atOnce++
	w.most = max(w.most, w.atOnce)
	p := page{fails: errors.New("no such host")}
	if known := w.pages[a.URL]; known != nil {
		p = *known
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.atOnce--
	}()
	if p.takes > 0 {
		select {
		case <-ctx.Done():
			return source.Result{}, ctx.Err()
		case <-time.After(p.takes):
		}
	}
	switch state := fmt.Sprintf("%x", sha256.Sum256([]byte(a.URL+p.text))); {
	case p.says != nil:
		return p.says(a)
	case p.fails != nil:
		return source.Result{}, p.fails
	case a.State == state:
		return source.Result{State: state, Unchanged: true, Every: p.every}, nil
	default:
		return source.Result{State: state, Replace: true, Every: p.every, Objects: []source.Object{{Href: "feed.ics", ETag: state, Data: []byte(p.text)}}}, nil
	}
}

// publish has an address hold a calendar of these events, and answer at once.
func (w *web) publish(url string, events ...string) {
	w.page(url, page{text: vcalendar(events...)})
}

func (w *web) page(url string, p page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[url] = &p
}

// readings returns what was asked for since it was called last.
func (w *web) readings() []asked {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.asked
	w.asked = nil
	return got
}

func vcalendar(events ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n" + strings.Join(events, "") + "END:VCALENDAR\r\n"
}

// event is a VEVENT from one instant to another, with further lines.
func event(uid string, from, until time.Time, lines ...string) string {
	const form = "20060102T150405Z"
	all := append([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTART:" + from.UTC().Format(form), "DTEND:" + until.UTC().Format(form)}, lines...)
	return strings.Join(append(all, "END:VEVENT"), "\r\n") + "\r\n"
}

// counting is a store that counts what is written.
type counting struct {
	store.Store
	mu        sync.Mutex // guards what follows
	writes    int
	broken    error
	noUpdates error                // of calendars
	before    func(*store.Changes) // is called before every update
}

func (c *counting) write() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.writes++
	}
	return c.broken
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

func (c *counting) breaks(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

func (c *counting) WriteClaims(ctx context.Context, b store.ClaimBatch) error {
	if err := c.write(); err != nil {
		return err
	}
	return c.Store.WriteClaims(ctx, b)
}

func (c *counting) SyncCalendar(ctx context.Context, rec store.Calendar, puts []store.CalendarObject, deletes []string, replace bool) error {
	if err := c.write(); err != nil {
		return err
	}
	return c.Store.SyncCalendar(ctx, rec, puts, deletes, replace)
}

func (c *counting) Update(ctx context.Context, changes store.Changes) error {
	c.mu.Lock()
	broken, before := c.noUpdates, c.before
	c.mu.Unlock()
	if broken != nil && len(changes.PutCalendars) > 0 {
		return broken
	}
	if before != nil {
		before(&changes)
	}
	return c.Store.Update(ctx, changes)
}

// log collects what is logged.
type log struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// house is an office at work on a real database, in a bubble, with Anna and Bert.
type house struct {
	*agenda.Agenda
	t        *testing.T
	web      *web
	folder   string
	log      *log
	workers  int
	every    map[string]time.Duration
	box      *secret.Box
	store    *counting
	office   *office.Office
	hub      *hub.Hub
	stop     func()
	location string
	begun    time.Time

	mu  sync.Mutex // guards got
	got []string
}

const address = "https://calendar.example.org/anna.ics"

// story runs a test in a house. It begins at midnight.
func story(t *testing.T, tell func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, err := secret.NewBox(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		h := &house{t: t, web: &web{pages: map[string]*page{}}, folder: sqlitetest.Folder(t), log: &log{}, box: box, begun: time.Now().UTC()}
		h.open()
		defer func() { h.stop() }()
		l := store.Location{Name: "Berlin", TimeZone: "UTC"}
		h.ok(h.office.PutLocation(t.Context(), office.By{}, &l))
		h.location = l.ID
		h.person("anna")
		h.person("bert")
		h.told()
		tell(t, h)
	})
}

func (h *house) open() {
	h.t.Helper()
	ctx := context.Background()
	quiet := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st, err := sqlite.Open(ctx, filepath.Join(h.folder, "doorlight.db"))
	h.ok(err)
	h.store = &counting{Store: st}
	h.office, err = office.Open(ctx, h.store, quiet)
	h.ok(err)
	h.hub, err = hub.Open(ctx, h.store, h.office, h.hear, hub.Config{Shards: 1, Log: quiet})
	h.ok(err)
	h.office.Listen(func(c office.Change) { h.hub.Repolicy(c.Policies, c.Removed) })
	h.Agenda = agenda.New(h.store, h.office, h.hub, h.box, map[string]agenda.Source{agenda.KindFeed: h.web, agenda.KindCalDAV: h.web},
		agenda.Config{Log: quiet, Workers: h.workers, Every: h.every})
	running, stop := context.WithCancel(ctx)
	reading, stopReading := context.WithCancel(ctx)
	var both, agendas sync.WaitGroup
	both.Go(func() { h.hub.Run(running) })
	agendas.Go(func() { h.Agenda.Run(reading) })
	h.stop = sync.OnceFunc(func() {
		stopReading()
		agendas.Wait()
		stop()
		both.Wait()
		if err := st.Close(); err != nil {
			h.t.Error(err)
		}
	})
}

// restart stops the server, lets time pass, and starts it again.
func (h *house) restart(after time.Duration) {
	h.t.Helper()
	h.stop()
	time.Sleep(after)
	h.open()
	h.told()
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) person(id string) {
	h.t.Helper()
	h.ok(h.office.PutPeople(context.Background(), office.By{}, "person.add", &store.Person{
		ID: id, Name: strings.ToUpper(id[:1]) + id[1:], LocationID: h.location, CreatedAt: h.begun,
	}))
}

// calendar enters a calendar for Anna and waits until it was read.
func (h *house) calendar(url string) string {
	h.t.Helper()
	return h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "Work", URL: url}).ID
}

func (h *house) enter(in agenda.Entry) agenda.Status {
	h.t.Helper()
	s, err := h.Put(h.t.Context(), office.By{Actor: "admin"}, in)
	h.ok(err)
	h.settle()
	return s
}

// settle lets the moment pass in which the hub gathers changes.
func (h *house) settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

// settings changes the settings of everybody.
func (h *house) settings(section string, edit func(*policy.Settings)) {
	h.t.Helper()
	h.ok(h.office.ChangeSection(h.t.Context(), office.By{Actor: "admin"}, h.location, section, func(s *policy.Settings) error {
		edit(s)
		return nil
	}))
	h.settle()
}

func (h *house) hear(list []hub.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range list {
		line := fmt.Sprint(h.clock(), " ", u.PersonID, " ", u.Presence.Status)
		if u.Presence.Text != "" {
			line += " " + u.Presence.Text
		}
		h.got = append(h.got, line)
	}
}

// clock is the time since midnight of the first day.
func (h *house) clock() time.Duration { return time.Since(h.begun).Truncate(time.Second) }

// told returns what was published since it was asked last.
func (h *house) told() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got = nil
	return got
}

// at lets time pass until so long after midnight of the first day.
func (h *house) at(d time.Duration) {
	h.t.Helper()
	if wait := d - time.Since(h.begun); wait > 0 {
		time.Sleep(wait)
	}
	synctest.Wait()
}

// on returns an instant of the first day, or of later ones.
func (h *house) on(d time.Duration) time.Time { return h.begun.Add(d) }

// wantTold checks what was published since it was asked last.
func (h *house) wantTold(want ...string) {
	h.t.Helper()
	if got := h.told(); !slices.Equal(got, want) {
		h.t.Errorf("published\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

// claims returns a person's claims of calendars as "busy Appointment 10h0m0s..11h0m0s", sorted.
func (h *house) claims(person string) []string {
	h.t.Helper()
	synctest.Wait()
	claims, _, ok := h.hub.Claims(person)
	if !ok {
		h.t.Fatalf("there is no %s", person)
	}
	var list []string
	for _, c := range claims {
		if c.Source.Class() == presence.SourceCalendar {
			list = append(list, fmt.Sprint(c.Status, " ", c.Text, " ", c.From.Sub(h.begun), "..", c.Until.Sub(h.begun)))
		}
	}
	slices.Sort(list)
	return list
}

func (h *house) wantClaims(want ...string) {
	h.t.Helper()
	if got := h.claims("anna"); !slices.Equal(got, want) {
		h.t.Errorf("after %s the claims are %q\nwant %q", h.clock(), got, want)
	}
}

// status returns Anna's only calendar.
func (h *house) status() agenda.Status {
	h.t.Helper()
	synctest.Wait()
	all := h.Calendars("anna")
	if len(all) != 1 {
		h.t.Fatalf("anna has %d calendars, want 1", len(all))
	}
	return all[0]
}

// nowhere checks that words are in no file of the data folder and not in the log.
func (h *house) nowhere(words ...string) {
	h.t.Helper()
	synctest.Wait()
	for _, w := range words {
		if strings.Contains(h.log.String(), w) {
			h.t.Errorf("%q is in the log:\n%s", w, h.log)
		}
		if files := h.files(w); len(files) > 0 {
			h.t.Errorf("%q is in %q", w, files)
		}
	}
}

// files returns the files of the data folder that hold a word.
func (h *house) files(word string) (found []string) {
	h.t.Helper()
	h.ok(filepath.WalkDir(h.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(word)) {
			found = append(found, d.Name())
		}
		return err
	}))
	return found
}

func TestAppointmentsTurnPresenceAtTheirBoundaries(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address,
			event("1", h.on(10*time.Hour), h.on(11*time.Hour)),
			event("2", h.on(10*time.Hour+30*time.Minute), h.on(12*time.Hour), "X-MICROSOFT-CDO-BUSYSTATUS:OOF"),
		)
		h.calendar(address)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s", "busy Appointment 10h30m0s..12h0m0s")
		h.at(24 * time.Hour)
		h.wantTold("10h0m0s anna busy Appointment", "10h30m0s anna busy Appointment", "12h0m0s anna logged_out")
		h.wantClaims()
		if s := h.status(); s.Error != "" || len(s.Problems) > 0 || s.SucceededAt.IsZero() {
			t.Errorf("the calendar is %+v", s)
		}
	})
}

func TestOptionsSayWhatCounts(t *testing.T) {
	const h10 = "10h0m0s..11h0m0s"
	type options = policy.CalendarOptions
	for _, c := range []struct {
		name  string
		event string // lines
		with  func(*options)
		want  string // empty: it does not count
	}{
		{"busy", "", nil, "busy Appointment"},
		{"free never counts", "TRANSP:TRANSPARENT", func(o *options) { o.ShowAs = append(o.ShowAs, presence.ShowElsewhere) }, ""},
		{"tentative", "STATUS:TENTATIVE", nil, "busy Appointment"},
		{"tentative does not count", "STATUS:TENTATIVE", func(o *options) { o.ShowAs = []presence.ShowAs{presence.ShowBusy} }, ""},
		{"out of office", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", nil, "busy Appointment"},
		{"out of office does not count", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", func(o *options) { o.ShowAs = []presence.ShowAs{presence.ShowBusy} }, ""},
		{"busy does not count", "", func(o *options) { o.ShowAs = []presence.ShowAs{presence.ShowOutOfOffice} }, ""},
		{"nothing counts", "", func(o *options) { o.ShowAs = nil }, ""},
		{"working elsewhere", "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", nil, ""},
		{"working elsewhere counts", "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", func(o *options) { o.ShowAs = append(o.ShowAs, presence.ShowElsewhere) }, "busy Appointment"},
		{"cancelled", "STATUS:CANCELLED", nil, ""},
		{"another profile", "", func(o *options) { o.Profile = policy.TemplateDoNotDisturb }, "do_not_disturb "},
		{"category", "CATEGORIES:Personal,On holiday", nil, "unavailable On holiday"},
		{"category, capitals aside", "CATEGORIES:on HOLIDAY", nil, "unavailable On holiday"},
		{"category of no profile", "CATEGORIES:Personal", nil, "busy Appointment"},
		{"categories do not choose", "CATEGORIES:On holiday", func(o *options) { o.CategoryProfiles = false }, "busy Appointment"},
		{"only with category, with one", "CATEGORIES:On holiday", func(o *options) { o.OnlyWithCategory = true }, "unavailable On holiday"},
		{"only with category, with another", "CATEGORIES:Personal", func(o *options) { o.OnlyWithCategory = true }, ""},
		{"only with category, without", "", func(o *options) { o.OnlyWithCategory = true }, ""},
		{"subject", "SUMMARY:Budget", nil, "busy Appointment"},
		{"subject as text", "SUMMARY:Budget", func(o *options) { o.SubjectAsText = true }, "busy Budget"},
		{"subject as text, with a category", "SUMMARY:Crete\r\nCATEGORIES:On holiday", func(o *options) { o.SubjectAsText = true }, "unavailable Crete"},
		{"no subject as text", "", func(o *options) { o.SubjectAsText = true }, "busy Appointment"},
		{"private subject as text", "SUMMARY:Budget\r\nCLASS:PRIVATE", func(o *options) { o.SubjectAsText = true }, "busy Appointment"},
		{"long subject as text", "SUMMARY:" + strings.Repeat("ü", 200), func(o *options) { o.SubjectAsText = true }, "busy " + strings.Repeat("ü", policy.MaxText-1) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour), c.event))
				h.calendar(address)
				if c.with != nil {
					// A change of the settings is felt at once, without another reading.
					h.web.readings()
					h.settings(policy.SectionCalendar, func(s *policy.Settings) { c.with(&s.Calendar.CalendarOptions) })
					if n := len(h.web.readings()); n > 0 {
						t.Errorf("the settings made %d readings", n)
					}
				}
				if c.want == "" {
					h.wantClaims()
				} else {
					h.wantClaims(c.want + " " + h10)
				}
			})
		})
	}
}

func TestAllDayAppointmentsAreOfTheOwnersDay(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20000102\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n")
		h.calendar(address)
		h.wantClaims("busy Appointment 24h0m0s..48h0m0s")
		p, _ := h.office.Person("anna")
		rec := p.Person
		rec.TimeZone = "Asia/Tokyo"
		h.ok(h.office.PutPeople(t.Context(), office.By{Actor: "admin"}, "person.put", &rec))
		h.settle()
		h.wantClaims("busy Appointment 15h0m0s..39h0m0s")
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.AllDay = false })
		h.wantClaims()
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.AllDay = true })
		h.wantClaims("busy Appointment 15h0m0s..39h0m0s")
	})
}

func TestDaysAheadSayHowMuchIsLookedAt(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		var events []string
		for day := range 50 {
			from := h.on(time.Duration(day)*24*time.Hour + 10*time.Hour)
			events = append(events, event(fmt.Sprint(day), from, from.Add(time.Hour)))
		}
		h.web.publish(address, events...)
		h.calendar(address)
		for _, days := range []int{30, 1, 45} {
			h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = days })
			if got := h.status().Appointments; got != days {
				t.Errorf("with %d days ahead there are %d appointments", days, got)
			}
			if got, want := len(h.claims("anna")), min(days, 2); got != want {
				t.Errorf("with %d days ahead there are %d claims, want %d", days, got, want)
			}
		}
	})
}

func TestOwnOptionsBeatThoseOfTheScope(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour), "SUMMARY:Budget"))
		h.calendar(address)
		h.ok(h.office.ChangeOwn(t.Context(), office.By{Actor: "anna"}, "settings.put", "anna", func(p *office.Person, o *policy.Own) error {
			mine := p.Settings.Calendar.CalendarOptions
			mine.SubjectAsText = true
			o.Calendar = &mine
			return nil
		}))
		h.settle()
		h.wantClaims("busy Budget 10h0m0s..11h0m0s")
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.UserMayChange = false })
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
	})
}

func TestTheSubjectOfAPrivateAppointmentIsNowhere(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.SubjectAsText = true })
		private := func(uid, class string, hour time.Duration) string {
			return event(uid, h.on(hour*time.Hour), h.on((hour+1)*time.Hour), "SUMMARY:canary subject", "DESCRIPTION:canary description",
				"LOCATION:canary room", "URL:https://x.example.org/canary-url", "COMMENT:canary comment", "ATTENDEE;CN=canary guest:mailto:canary@example.org",
				"ORGANIZER:mailto:canary@example.org", "ATTACH:https://x.example.org/canary", "X-ALT-DESC:canary", "CLASS:"+class,
				"RRULE:canary", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:canary alarm", "TRIGGER:-PT5M", "END:VALARM")
		}
		text := vcalendar(private("1", "PRIVATE", 10), private("2", "CONFIDENTIAL", 12), private("3", "X-MINE", 14),
			event("4", h.on(16*time.Hour), h.on(17*time.Hour), "SUMMARY:sparrow", "DESCRIPTION:canary description"))
		h.web.page(address, page{text: text})
		h.calendar(address)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s", "busy Appointment 12h0m0s..13h0m0s", "busy Appointment 14h0m0s..15h0m0s",
			"busy sparrow 16h0m0s..17h0m0s")
		for _, f := range h.Appointments("anna", h.begun, h.on(24*time.Hour)) {
			if f.Subject != "sparrow" && (f.Subject != "" || f.URL != "" || !f.Private) {
				t.Errorf("the agenda shows %+v", f)
			}
		}
		h.nowhere("canary")
		if len(h.files("sparrow")) == 0 {
			t.Error("the subject of the others is not found either, so nothing is shown")
		}
		// Nor when the calendar breaks: half an event, no calendar at all, and an error that quotes it.
		for _, p := range []page{
			{text: strings.Replace(text, "END:VEVENT", "canary:canary\r\nDTSTART:canary\r\nBEGIN:canary", 1)},
			{text: "canary subject"},
			{text: text[:len(text)/3]},
			{fails: fmt.Errorf("the answer was %q", text)},
			{says: func(source.Account) (source.Result, error) {
				return source.Result{Replace: true, State: "1", Objects: []source.Object{{Href: "x", Data: []byte("canary")}}}, nil
			}},
		} {
			h.web.page(address, p)
			h.at(h.clock() + 2*time.Hour)
			if s := fmt.Sprintf("%+v", h.status()); strings.Contains(s, "canary") {
				t.Errorf("the calendar is %s", s)
			}
			h.nowhere("canary")
		}
		h.restart(0)
		h.settle()
		h.stop()
		h.nowhere("canary")
	})
}

func TestACalendarThatFailsLeavesPresenceAsItWas(t *testing.T) {
	const secretURL = "https://calendar.example.org/magic-token/anna.ics"
	for _, c := range []struct {
		name  string
		page  page
		error string
	}{
		{"unknown error", page{fails: errors.New("Get \"" + secretURL + "\": user anna, password hunter2")}, "The calendar could not be read."},
		{"error for the user", page{fails: &source.Error{Kind: source.Unavailable, Text: "calendar.example.org has a problem at the moment (503).", Err: errors.New("503")}},
			"calendar.example.org has a problem at the moment (503)."},
		{"timeout", page{takes: time.Hour}, "The calendar did not answer in time."},
		{"nonsense", page{text: "<html>hunter2</html>"}, "What is there is not a calendar."},
		{"nothing", page{text: ""}, "What is there is not a calendar."},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.web.publish(secretURL, event("1", h.on(10*time.Hour), h.on(11*time.Hour)))
				password := "hunter2"
				h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "Work", URL: secretURL, Username: "anna", Password: &password})
				h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
				good := h.status()
				h.at(9 * time.Hour)
				h.web.page(secretURL, c.page)
				h.at(12 * time.Hour)
				h.wantTold("10h0m0s anna busy Appointment", "11h0m0s anna logged_out")
				bad := h.status()
				if bad.Error != c.error {
					t.Errorf("its owner is told %q, want %q", bad.Error, c.error)
				}
				if h.clock()-bad.CheckedAt.Sub(h.begun) > time.Hour+time.Minute || bad.SucceededAt.After(h.on(9*time.Hour)) || bad.SucceededAt.Before(good.SucceededAt) {
					t.Errorf("it says it was checked at %v and succeeded at %v", bad.CheckedAt, bad.SucceededAt)
				}
				h.nowhere("hunter2")
				if strings.Contains(h.log.String(), "magic-token") {
					t.Errorf("the address is in the log:\n%s", h.log)
				}
				// What is wrong is known after a restart, and gone after a success.
				h.restart(0)
				if got := h.status().Error; got != c.error {
					t.Errorf("after a restart its owner is told %q, want %q", got, c.error)
				}
				h.web.publish(secretURL, event("2", h.on(20*time.Hour), h.on(21*time.Hour)))
				h.at(14 * time.Hour)
				if s := h.status(); s.Error != "" || s.SucceededAt.Before(h.on(12*time.Hour)) {
					t.Errorf("it answers again and is %+v", s)
				}
				h.wantClaims("busy Appointment 20h0m0s..21h0m0s")
			})
		})
	}
}

func TestACalendarThatFailsIsTriedLessAndLess(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address)
		h.calendar(address)
		h.web.page(address, page{fails: errors.New("down")})
		h.web.readings()
		h.at(24 * time.Hour)
		var gaps []time.Duration
		got := h.web.readings()
		for i := 1; i < len(got); i++ {
			gaps = append(gaps, got[i].at.Sub(got[i-1].at))
		}
		if len(gaps) < 23 || len(gaps) > 60 {
			t.Errorf("it was read %d times in a day: %v", len(got), gaps)
		}
		for i, gap := range gaps {
			if low := min(5*time.Minute<<min(i, 8), 30*time.Minute); gap < low || gap > time.Hour {
				t.Errorf("try %d came after %v, want between %v and an hour", i+2, gap, low)
			}
		}
		// It answers: from then on it is read as often as ever.
		h.web.publish(address)
		h.at(26 * time.Hour)
		h.web.readings()
		h.at(27 * time.Hour)
		if n := len(h.web.readings()); n != 6 {
			t.Errorf("then it was read %d times in an hour, want 6", n)
		}
		if n := strings.Count(h.log.String(), "cannot be read"); n != 1 {
			t.Errorf("the failure was logged %d times:\n%s", n, h.log)
		}
	})
}

func TestACalendarIsReadAsOftenAsWasSaid(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.every = map[string]time.Duration{agenda.KindFeed: 5 * time.Second}
		h.restart(0)
		h.web.publish(address)
		h.calendar(address)
		h.web.readings()
		h.at(5 * time.Minute)
		got := h.web.readings()
		if len(got) < 58 || len(got) > 60 {
			t.Errorf("it was read %d times in five minutes, want every five seconds", len(got))
		}
	})
}

func TestWhatAServerAsksForIsObeyed(t *testing.T) {
	for _, c := range []struct {
		name     string
		page     page
		readings int // in the next twelve hours
	}{
		{"retry after four hours", page{fails: &source.Error{Kind: source.Unavailable, Text: "Later.", RetryAfter: 4 * time.Hour}}, 3},
		{"wrong password", page{fails: &source.Error{Kind: source.Credentials, Text: "No."}}, 12},
		{"every three hours", page{text: vcalendar(), every: 3 * time.Hour}, 4},
		{"every month, which would outlast its claims", page{text: vcalendar(), every: 30 * 24 * time.Hour}, 1},
		{"every second", page{text: vcalendar(), every: time.Second}, 72},
		{"nonsense", page{text: vcalendar(), every: -time.Second}, 72},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.web.page(address, c.page)
				h.calendar(address)
				h.web.readings()
				h.at(12*time.Hour + time.Minute)
				// One more or less: a failure is tried again at a random moment.
				if n := len(h.web.readings()); n < c.readings-1 || n > c.readings+1 {
					t.Errorf("it was read %d times, want %d", n, c.readings)
				}
			})
		})
	}
}

func TestAServerThatAsksToBeReadDailyLosesNoClaims(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.page(address, page{every: 24 * time.Hour, text: vcalendar(event("1", h.on(time.Hour), h.on(100*24*time.Hour)))})
		h.calendar(address)
		h.at(10 * 24 * time.Hour)
		h.wantTold("1h0m0s anna busy Appointment")
	})
}

func TestClaimsOfASilentCalendarRunOutAndReturn(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(time.Hour), h.on(100*24*time.Hour)))
		h.calendar(address)
		h.at(40 * time.Hour)
		h.wantTold("1h0m0s anna busy Appointment")
		last := h.status().SucceededAt
		h.web.page(address, page{fails: errors.New("down")})
		h.at(52 * time.Hour)
		h.wantTold() // half the trust is left at least
		h.at(80 * time.Hour)
		got := h.told()
		if len(got) != 1 || !strings.HasSuffix(got[0], " anna logged_out") {
			t.Errorf("published %q, want the end of the claim", got)
		}
		h.wantClaims()
		if s := h.status(); s.SucceededAt.Before(last) || s.Error == "" {
			t.Errorf("the calendar is %+v", s)
		}
		// A change of the settings meanwhile makes nothing of old appointments.
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.DaysAhead = 10 })
		h.wantClaims()
		h.wantTold()
		h.web.publish(address, event("1", h.on(time.Hour), h.on(100*24*time.Hour)))
		h.at(82 * time.Hour)
		if got := h.told(); len(got) != 1 || !strings.HasSuffix(got[0], " anna busy Appointment") {
			t.Errorf("published %q, want the appointment", got)
		}
	})
}

func TestACalendarThatDoesNotChangeIsNotWritten(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(30*time.Hour), h.on(31*time.Hour)))
		h.calendar(address)
		h.web.readings()
		before := h.store.count()
		h.at(50 * time.Minute)
		if n := len(h.web.readings()); n != 4 && n != 5 {
			t.Errorf("it was read %d times, want every ten minutes", n)
		}
		if n := h.store.count() - before; n != 0 {
			t.Errorf("there were %d writes", n)
		}
		// It is noted now and then, and its claims renewed twice a day.
		h.at(24 * time.Hour)
		if n := h.store.count() - before; n > 26 {
			t.Errorf("there were %d writes in a day", n)
		}
		if s := h.status(); h.on(24*time.Hour).Sub(s.CheckedAt) > 10*time.Minute || s.SucceededAt != s.CheckedAt {
			t.Errorf("it says it was read at %v", s.CheckedAt)
		}
		h.wantTold()
	})
}

func TestADeletedCalendarTakesItsClaimsAlong(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		const other = "https://calendar.example.org/club.ics"
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(12*time.Hour)))
		h.web.publish(other, event("1", h.on(13*time.Hour), h.on(14*time.Hour)))
		id := h.calendar(address)
		h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "Club", URL: other})
		h.at(11 * time.Hour)
		if err := h.Delete(t.Context(), office.By{Actor: "bert"}, "bert", id); err == nil {
			t.Error("Bert has deleted a calendar of Anna's")
		}
		h.ok(h.Delete(t.Context(), office.By{Actor: "anna"}, "anna", id))
		h.wantClaims("busy Appointment 13h0m0s..14h0m0s")
		h.at(15 * time.Hour)
		h.wantTold("10h0m0s anna busy Appointment", "11h0m0s anna logged_out", "13h0m0s anna busy Appointment", "14h0m0s anna logged_out")
		h.web.readings()
		h.restart(0)
		h.at(16 * time.Hour)
		for _, r := range h.web.readings() {
			if r.account.URL == address {
				t.Error("it is still read")
			}
		}
		if objects, err := h.store.CalendarObjects(t.Context(), id); err != nil || len(objects) > 0 {
			t.Errorf("%d objects are left, %v", len(objects), err)
		}
		if err := h.Delete(t.Context(), office.By{Actor: "anna"}, "anna", id); err == nil {
			t.Error("it was deleted twice")
		}
		if _, err := h.Sync(t.Context(), "anna", id); err == nil {
			t.Error("it was read again by hand")
		}
	})
}

func TestACalendarThatCannotBeDeletedKeepsItsClaims(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(12*time.Hour)))
		id := h.calendar(address)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Delete(ctx, office.By{Actor: "anna"}, "anna", id); err == nil {
			t.Fatal("it was deleted by somebody who had gone")
		}
		h.at(time.Hour)
		h.wantClaims("busy Appointment 10h0m0s..12h0m0s")
	})
}

func TestAPasswordIsNotCarriedToAnotherServer(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		password := "hunter2"
		for _, u := range []string{address, "https://elsewhere.example.org/anna.ics", "http://calendar.example.org/anna.ics", "https://calendar.example.org/other.ics"} {
			h.web.publish(u, event("1", h.on(10*time.Hour), h.on(11*time.Hour)))
		}
		in := agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "Work", URL: address, Username: "anna", Password: &password}
		in.ID = h.enter(in).ID
		if got := h.web.readings(); len(got) != 1 || got[0].account.Password != password || got[0].account.Username != "anna" {
			t.Fatalf("it was read %d times, or without the password", len(got))
		}
		h.nowhere(password)
		in.Password = nil
		for _, u := range []string{"https://elsewhere.example.org/anna.ics", "http://calendar.example.org/anna.ics", "https://calendar.example.org:8443/anna.ics"} {
			in.URL = u
			_, err := h.Put(t.Context(), office.By{Actor: "anna"}, in)
			refused(t, err, fault.Invalid, "password")
		}
		h.at(time.Hour)
		for _, r := range h.web.readings() {
			if r.account.URL != address {
				t.Errorf("%s was read", r.account.URL)
			}
		}
		// On the same server it goes on; elsewhere another can be given, or none.
		for _, c := range []struct {
			url, want string
			password  *string
		}{
			{"https://calendar.example.org/other.ics", "hunter2", nil},
			{"https://elsewhere.example.org/anna.ics", "new", new("new")},
			{"http://calendar.example.org/anna.ics", "", new("")},
			{address, "", nil}, // there is none any more
		} {
			in.URL, in.Password = c.url, c.password
			s := h.enter(in)
			if got := h.web.readings(); len(got) != 1 || got[0].account.URL != c.url || got[0].account.Password != c.want {
				t.Errorf("with %s it was read %d times, or with another password", c.url, len(got))
			}
			if s.HasPassword != (c.want != "") {
				t.Errorf("%s has a password: %v", c.url, s.HasPassword)
			}
		}
	})
}

func TestAnotherAddressBringsNothingOfTheFirst(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		const moved = "https://calendar.example.org/moved.ics"
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour)))
		in := agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "Work", URL: address}
		in.ID = h.enter(in).ID
		// The new one cannot be read at first: what was known stands.
		in.URL = moved
		h.enter(in)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		if s := h.status(); s.Error == "" {
			t.Errorf("the calendar is %+v", s)
		}
		h.restart(0)
		h.web.readings()
		h.web.page(moved, page{says: func(a source.Account) (source.Result, error) {
			if (a.State == "") != (len(a.Known) == 0) {
				t.Errorf("it is asked for changes of another calendar: %d objects are known", len(a.Known))
			}
			// It does not say that this is everything; it is, as nothing was known.
			return source.Result{State: "1", Objects: []source.Object{{Href: "2", Data: []byte(vcalendar(event("2", h.on(14*time.Hour), h.on(15*time.Hour))))}}}, nil
		}})
		h.at(2 * time.Hour)
		h.wantClaims("busy Appointment 14h0m0s..15h0m0s")
		// A third one is empty: there is nothing new, and nothing left of the second.
		const empty = "https://calendar.example.org/empty.ics"
		h.web.page(empty, page{says: func(source.Account) (source.Result, error) {
			return source.Result{State: "3", Unchanged: true}, nil
		}})
		in.URL = empty
		h.enter(in)
		h.wantClaims()
		if n := h.status().Appointments; n > 0 {
			t.Errorf("there are %d appointments", n)
		}
	})
}

func TestARestartNeedsNoReading(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour)), event("2", h.on(12*time.Hour), h.on(13*time.Hour)))
		h.calendar(address)
		before := h.claims("anna")
		h.at(10*time.Hour + 30*time.Minute)
		h.wantTold("10h0m0s anna busy Appointment")
		h.web.page(address, page{fails: errors.New("down")})
		h.restart(time.Minute)
		if got := h.claims("anna"); !slices.Equal(got, before) {
			t.Errorf("the claims are %q, before %q", got, before)
		}
		if n := h.status(); n.SucceededAt.IsZero() || n.Name != "Work" || n.URL != address {
			t.Errorf("the calendar is %+v", n)
		}
		h.at(14 * time.Hour)
		h.wantTold("11h0m0s anna logged_out", "12h0m0s anna busy Appointment", "13h0m0s anna logged_out")
	})
}

func TestARestartWritesNoClaims(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		long := strings.Repeat("u", 500)
		h.web.publish(address, event(long, h.on(10*time.Hour), h.on(11*time.Hour)), event("odd \x01 \xff ü", h.on(12*time.Hour), h.on(13*time.Hour), "RRULE:FREQ=DAILY"))
		h.calendar(address)
		h.at(2 * time.Hour)
		h.restart(0)
		before := h.store.count()
		h.at(h.clock() + 10*time.Minute)
		if n := h.store.count() - before; n > 1 { // that it was read, at most
			t.Errorf("there were %d writes", n)
		}
		if n := len(h.claims("anna")); n != 3 {
			t.Errorf("there are %d claims", n)
		}
	})
}

func TestNobodyReadsForThoseWhoHaveNoCalendars(t *testing.T) {
	for _, c := range []struct {
		name     string
		off, on  func(t *testing.T, h *house)
		kept     bool // the appointments show again
		kind     fault.Kind
		counting bool // its claims are there meanwhile, and show nothing
	}{
		{"presence is off", func(t *testing.T, h *house) {
			h.settings(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = false })
		}, func(t *testing.T, h *house) {
			h.settings(policy.SectionFeature, func(s *policy.Settings) { s.Feature.Enabled = true })
		}, true, fault.Conflict, true},
		{"own calendars are not allowed", func(t *testing.T, h *house) {
			h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.OwnCalendars = false })
		}, func(t *testing.T, h *house) {
			h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.OwnCalendars = true })
		}, true, fault.Forbidden, false},
		{"blocked", func(t *testing.T, h *house) { h.block("anna", true) }, func(t *testing.T, h *house) { h.block("anna", false) }, true, fault.Conflict, true},
		{"removed", func(t *testing.T, h *house) {
			h.ok(h.office.DeletePerson(t.Context(), office.By{Actor: "admin"}, "anna"))
		}, nil, false, fault.NotFound, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.web.publish(address, event("1", h.on(10*time.Hour), h.on(20*time.Hour)))
				id := h.calendar(address)
				h.at(time.Hour)
				c.off(t, h)
				h.web.readings()
				h.at(11 * time.Hour)
				h.restart(0)
				h.at(12 * time.Hour)
				if n := len(h.web.readings()); n > 0 {
					t.Errorf("it was read %d times", n)
				}
				_, err := h.Sync(t.Context(), "anna", id)
				refused(t, err, c.kind)
				_, err = h.Put(t.Context(), office.By{Actor: "anna"}, agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "More", URL: address})
				refused(t, err, c.kind)
				if c.on == nil {
					if n := len(h.Calendars("anna")); n > 0 {
						t.Errorf("there are %d calendars of somebody who is gone", n)
					}
					return
				}
				if !c.counting {
					h.wantClaims()
				}
				if n := len(h.Appointments("anna", h.begun, h.on(24*time.Hour))); n > 0 {
					t.Errorf("the agenda shows %d appointments", n)
				}
				if h.status().ID != id { // it is kept
					t.Error("the calendar is another")
				}
				// When they have calendars again, theirs is read at once.
				h.web.publish(address, event("1", h.on(10*time.Hour), h.on(19*time.Hour)))
				c.on(t, h)
				if n := len(h.web.readings()); n != 1 {
					t.Errorf("it was read %d times when it counted again, want once", n)
				}
				h.wantClaims("busy Appointment 10h0m0s..19h0m0s")
			})
		})
	}
}

func TestWhereOwnCalendarsAreNotAllowedTheyCanBeDeleted(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(20*time.Hour)))
		id := h.calendar(address)
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.OwnCalendars = false })
		_, err := h.Put(t.Context(), office.By{Actor: "anna"}, agenda.Entry{ID: id, PersonID: "anna", Kind: agenda.KindFeed, Name: "Other", URL: address})
		refused(t, err, fault.Forbidden, "own calendars are not allowed here", "calendar.own_calendars")
		h.ok(h.Delete(t.Context(), office.By{Actor: "anna"}, "anna", id))
		if n := len(h.Calendars("anna")); n > 0 {
			t.Errorf("there are %d calendars", n)
		}
	})
}

func TestDaysPassAndRecurringAppointmentsAppear(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour), "RRULE:FREQ=DAILY"))
		h.calendar(address)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s", "busy Appointment 34h0m0s..35h0m0s")
		h.told()
		var want []string
		for day := range 10 {
			at := time.Duration(day) * 24 * time.Hour
			want = append(want, fmt.Sprint(at+10*time.Hour, " anna busy Appointment"), fmt.Sprint(at+11*time.Hour, " anna logged_out"))
			if day == 5 { // also over a restart, and hours without the server that publishes it
				h.at(at)
				h.restart(0)
				h.web.page(address, page{fails: errors.New("down")})
				h.at(at + 9*time.Hour)
				want = want[10:]
				h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour), "RRULE:FREQ=DAILY"))
			}
		}
		h.at(10 * 24 * time.Hour)
		h.wantTold(want...)
	})
}

func TestDecisionsSurviveAnotherReading(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		first, second := event("1", h.on(10*time.Hour), h.on(12*time.Hour)), event("2", h.on(14*time.Hour), h.on(16*time.Hour))
		h.web.publish(address, first, second)
		h.calendar(address)
		decide := func(m presence.Mark) {
			t.Helper()
			ref := h.Appointments("anna", h.on(14*time.Hour), h.on(15*time.Hour))[0].Ref
			if f, ok := h.Appointment("anna", ref); !ok || !f.Start.Equal(h.on(14*time.Hour)) {
				t.Fatalf("%s is not found in the agenda", ref)
			}
			h.ok(h.hub.Change(t.Context(), "anna", func(e *hub.Edit) error {
				e.Put(presence.Claim{Source: presence.SourceMark, ID: ref.String(), Target: ref, Mark: m, From: e.Now, Until: h.on(16 * time.Hour)})
				return nil
			}))
			h.settle()
		}
		decide(presence.Dismiss)
		h.at(10*time.Hour + 30*time.Minute)
		h.choose(presence.Available) // dismisses the first
		h.wantTold("10h0m0s anna busy Appointment", "10h30m0s anna available")
		before := h.store.count()
		h.at(10*time.Hour + 50*time.Minute)
		if n := h.store.count() - before; n > 1 {
			t.Errorf("there were %d writes after the choice", n)
		}
		h.web.publish(address, second, first, event("3", h.on(18*time.Hour), h.on(19*time.Hour)))
		h.at(11 * time.Hour)
		h.restart(0)
		h.at(15 * time.Hour)
		h.wantTold()
		decide(presence.Restore)
		h.web.publish(address, second, first)
		h.at(15*time.Hour + 30*time.Minute)
		if got := h.told(); len(got) != 1 || !strings.HasSuffix(got[0], "anna busy Appointment") {
			t.Errorf("published %q, want the appointment", got)
		}
		h.at(20 * time.Hour)
		h.wantTold("16h0m0s anna available")
	})
}

func TestManyCalendarsAreReadAFewAtATime(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.stop()
		h.workers = 3
		h.open()
		for i := range 40 {
			url := fmt.Sprintf("https://calendar.example.org/%d.ics", i)
			h.web.page(url, page{text: vcalendar(event("1", h.on(10*time.Hour), h.on(11*time.Hour))), takes: 20 * time.Second})
			person := "anna"
			if i >= 20 {
				person = "bert"
			}
			_, err := h.Put(t.Context(), office.By{}, agenda.Entry{PersonID: person, Kind: agenda.KindFeed, Name: fmt.Sprint(i), URL: url})
			h.ok(err)
		}
		_, err := h.Put(t.Context(), office.By{}, agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "One more", URL: address})
		refused(t, err, fault.Invalid, "20 calendars")
		h.at(5 * time.Minute)
		h.web.mu.Lock()
		most := h.web.most
		h.web.mu.Unlock()
		if most != 3 {
			t.Errorf("%d were read at the same time, want 3", most)
		}
		for _, person := range []string{"anna", "bert"} {
			if n := len(h.claims(person)); n != 20 {
				t.Errorf("%s has %d claims, want 20", person, n)
			}
		}
		// One that hangs holds nobody else up, not even its owner's settings.
		h.web.page("https://calendar.example.org/0.ics", page{takes: time.Hour})
		h.at(20 * time.Minute)
		for range 20 {
			h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.AllDay = !s.Calendar.AllDay })
		}
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.ShowAs = nil })
		h.at(h.clock() + 2*time.Second)
		if n := len(h.claims("anna")) + len(h.claims("bert")); n > 3 { // those that are being read
			t.Errorf("there are %d claims when nothing counts", n)
		}
		h.at(22 * time.Minute)
		if n := len(h.claims("anna")) + len(h.claims("bert")); n > 0 {
			t.Errorf("later there are %d claims when nothing counts", n)
		}
		// Nor does the end of the server wait for it.
		began := time.Now()
		h.restart(0)
		if d := time.Since(began); d > time.Second {
			t.Errorf("the restart took %v", d)
		}
	})
}

func TestReadingByHand(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address)
		id := h.calendar(address)
		h.at(time.Minute)
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour)))
		h.web.readings()
		s, err := h.Sync(t.Context(), "anna", id)
		h.ok(err)
		if n := len(h.web.readings()); n != 1 {
			t.Errorf("it was read %d times, want once", n)
		}
		if s.Appointments != 1 || s.Error != "" || !s.SucceededAt.Equal(time.Now()) {
			t.Errorf("it is %+v", s)
		}
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		h.web.page(address, page{fails: &source.Error{Kind: source.Unavailable, Text: "Not now."}})
		if s, err = h.Sync(t.Context(), "anna", id); err != nil || s.Error != "Not now." {
			t.Errorf("it is %+v, %v", s, err)
		}
		// Somebody who does not wait for the answer leaves no error behind.
		h.web.page(address, page{takes: 20 * time.Second})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if s, err = h.Sync(ctx, "anna", id); err != nil || s.Error != "Not now." {
			t.Errorf("it is %+v, %v", s, err)
		}
		_, err = h.Sync(t.Context(), "bert", id)
		refused(t, err, fault.NotFound)
	})
}

func TestTheEndOfTheServerIsNoFaultOfACalendar(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.page(address, page{text: vcalendar(), takes: 20 * time.Second})
		h.calendar(address)
		h.restart(0)
		if s := h.status(); s.Error != "" || !s.CheckedAt.IsZero() {
			t.Errorf("the calendar is %+v", s)
		}
	})
}

func TestWhatCannotBeStoredIsReadAgain(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.web.publish(address)
		h.calendar(address)
		h.store.breaks(errors.New("the disk is full"))
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour)))
		h.at(time.Hour)
		h.wantClaims()
		h.store.breaks(nil)
		h.at(2*time.Hour + time.Minute)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
	})
}

func TestObjectsOfACollection(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		hour := func(uid string, at time.Duration) []byte {
			return []byte(vcalendar(event(uid, h.on(at*time.Hour), h.on((at+1)*time.Hour))))
		}
		bad := []byte("BEGIN:VCALENDAR")
		bad = append(bad, 0)
		n := 0
		var known map[string]string
		answer := func(next source.Result) {
			t.Helper()
			n++
			next.State = fmt.Sprint(n)
			h.web.page(address, page{says: func(a source.Account) (source.Result, error) {
				if a.State == next.State {
					return source.Result{State: a.State, Unchanged: true}, nil
				}
				known = a.Known
				return next, nil
			}})
			h.at(h.clock() + 5*time.Minute)
		}
		wantProblems := func(want ...string) {
			t.Helper()
			s := h.status()
			if s.Error != "" || len(s.Problems) != len(want) {
				t.Errorf("the calendar says %q and %q, want %q", s.Error, s.Problems, want)
				return
			}
			for i, w := range want {
				if !strings.HasPrefix(s.Problems[i], w) {
					t.Errorf("the calendar says %q, want %q", s.Problems, want)
				}
			}
		}
		answer(source.Result{Replace: true, Objects: []source.Object{{Href: "/a", ETag: "1", Data: hour("a", 10)}, {Href: "/b", ETag: "1", Data: hour("b", 12)}}})
		h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindCalDAV, Name: "Work", URL: address})
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s", "busy Appointment 12h0m0s..13h0m0s")
		wantProblems()
		// One moves, one is new, one cannot be read, one has an address that nobody can keep.
		long := "/" + strings.Repeat("x", 1000)
		answer(source.Result{Objects: []source.Object{{Href: "/a", ETag: "2", Data: hour("a", 14)}, {Href: "/c", ETag: "1", Data: hour("c", 16)},
			{Href: long, ETag: "1", Data: hour("d", 18)}}, Skipped: []string{"/e"}})
		h.wantClaims("busy Appointment 12h0m0s..13h0m0s", "busy Appointment 14h0m0s..15h0m0s", "busy Appointment 16h0m0s..17h0m0s")
		wantProblems("/e: it is there but could not be read", "/xxx")
		// One becomes nonsense: it stays as it was, and is not asked for again.
		answer(source.Result{Objects: []source.Object{{Href: "/b", ETag: "3", Data: bad}, {Href: "/n", ETag: "1", Data: []byte("nonsense")}}})
		h.wantClaims("busy Appointment 12h0m0s..13h0m0s", "busy Appointment 14h0m0s..15h0m0s", "busy Appointment 16h0m0s..17h0m0s")
		if got := h.status().Problems; len(got) < 3 || !strings.Contains(strings.Join(got, "\n"), "/n: What is there is not a calendar.") {
			t.Errorf("the calendar says %q", got)
		}
		answer(source.Result{Objects: []source.Object{{Href: "/e", ETag: "1", Data: hour("e", 20)}, {Href: "/b", ETag: "4", Data: hour("b", 12)}}, Gone: []string{"/c", "/n"}})
		if known["/b"] != "3" || known["/n"] != "1" {
			t.Errorf("the source is told %q", known)
		}
		h.wantClaims("busy Appointment 12h0m0s..13h0m0s", "busy Appointment 14h0m0s..15h0m0s", "busy Appointment 20h0m0s..21h0m0s")
		wantProblems("/xxx")
		h.restart(0)
		wantProblems("/xxx")
		// One that cannot be read is told of, also if nothing else is new, and noted once.
		answer(source.Result{Unchanged: true, Skipped: []string{"/s"}})
		wantProblems("/xxx", "/s: it is there but could not be read")
		h.web.page(address, page{says: func(a source.Account) (source.Result, error) {
			return source.Result{State: a.State, Unchanged: true, Skipped: []string{"/s"}}, nil
		}})
		h.at(h.clock() + 5*time.Minute)
		before := h.store.count()
		h.at(h.clock() + 30*time.Minute)
		if n := h.store.count() - before; n > 1 {
			t.Errorf("there were %d writes", n)
		}
		wantProblems("/xxx", "/s: it is there but could not be read")
		answer(source.Result{Replace: true})
		h.wantClaims()
		wantProblems()
	})
}

func TestACalendarWithTooMuchLeavesTheOthers(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		var flood []string
		for i := range 400 {
			flood = append(flood, event(fmt.Sprint(i), h.begun, h.on(time.Minute), "RRULE:FREQ=HOURLY"))
		}
		h.web.page(address, page{says: func(source.Account) (source.Result, error) {
			return source.Result{State: "1", Replace: true, Objects: []source.Object{
				{Href: "/flood", Data: []byte(vcalendar(flood...))}, {Href: "/one", Data: []byte(vcalendar(event("1", h.on(10*time.Hour), h.on(11*time.Hour))))},
			}}, nil
		}})
		h.enter(agenda.Entry{PersonID: "anna", Kind: agenda.KindCalDAV, Name: "Work", URL: address})
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		if got := h.status().Problems; !slices.Equal(got, []string{"/flood: it holds more appointments than can be worked out"}) {
			t.Errorf("the calendar says %q", got)
		}
	})
}

func TestWhatIsEnteredIsChecked(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		good := agenda.Entry{PersonID: "anna", Kind: agenda.KindFeed, Name: "Work", URL: address}
		for _, c := range []struct {
			edit  func(*agenda.Entry)
			field string
		}{
			{func(e *agenda.Entry) { e.URL = "calendar" }, "url"},
			{func(e *agenda.Entry) { e.URL = "https://x.example.org/\x01" }, "url"},
			{func(e *agenda.Entry) { e.URL = "file:///etc/passwd" }, "url"},
			{func(e *agenda.Entry) { e.URL = "ftp://calendar.example.org/a" }, "url"},
			{func(e *agenda.Entry) { e.URL = "https://anna:hunter2@calendar.example.org/a" }, "url"},
			{func(e *agenda.Entry) { e.Kind = "outlook" }, "kind"},
			{func(e *agenda.Entry) { e.Name = "  " }, "name"},
			{func(e *agenda.Entry) { e.Name = "a\nb" }, "name"},
			{func(e *agenda.Entry) { e.Name = strings.Repeat("ü", 121) }, "name"},
		} {
			in := good
			c.edit(&in)
			_, err := h.Put(t.Context(), office.By{Actor: "anna"}, in)
			refused(t, err, fault.Invalid, c.field+":")
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v tells the password", err)
			}
		}
		for _, in := range []agenda.Entry{
			{PersonID: "nobody", Kind: agenda.KindFeed, Name: "Work", URL: address},
			{PersonID: "anna", ID: "none", Kind: agenda.KindFeed, Name: "Work", URL: address},
		} {
			_, err := h.Put(t.Context(), office.By{Actor: "anna"}, in)
			refused(t, err, fault.NotFound)
		}
		s := h.enter(good)
		good.ID, good.PersonID = s.ID, "bert"
		_, err := h.Put(t.Context(), office.By{Actor: "bert"}, good)
		refused(t, err, fault.NotFound)
		if n := len(h.Calendars("anna")) + len(h.Calendars("bert")); n != 1 {
			t.Errorf("there are %d calendars, want one", n)
		}
	})
}

func refused(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("got %v, want a refusal of kind %d", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func (h *house) block(person string, blocked bool) {
	h.t.Helper()
	p, _ := h.office.Person(person)
	rec := p.Person
	rec.Blocked = blocked
	h.ok(h.office.PutPeople(h.t.Context(), office.By{Actor: "admin"}, "person.put", &rec))
	h.settle()
}

// choose has Anna choose a status by hand.
func (h *house) choose(status presence.Status) {
	h.t.Helper()
	h.ok(h.hub.Change(h.t.Context(), "anna", func(e *hub.Edit) error {
		e.Put(presence.Choose(presence.SourceHand, status, "", "", e.Now, time.Time{}))
		return nil
	}))
}
