package dominotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/calendar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const annas = "mail/anna.nsf"

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	must(t, err)
	t.Cleanup(s.Close)
	must(t, s.AddMailFile(MailFile{Path: annas, Zone: "Europe/Berlin"}))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *Server, e Event) string {
	t.Helper()
	uid, err := s.Put(annas, e)
	must(t, err)
	return uid
}

// client asks as the technical user and follows nothing.
type client struct {
	t        *testing.T
	s        *Server
	password string
	cookie   *http.Cookie
}

func (c *client) send(method, path, body string) (*http.Response, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.s.URL+path, strings.NewReader(body))
	must(c.t, err)
	if c.password != "" {
		req.SetBasicAuth(DefaultUsername, c.password)
	}
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	must(c.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(c.t, err)
	return resp, string(text)
}

// list returns the IDs of a list, in order, and its Content-Range.
func (c *client) list(query string) (ids []string, contentRange string) {
	c.t.Helper()
	resp, text := c.send(http.MethodGet, "/"+annas+"/api/calendar/events?"+query, "")
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %d %s", query, resp.StatusCode, text)
	}
	if text == "" {
		if resp.Header.Get("Content-Type") != "" {
			c.t.Errorf("an empty list has the type %q, want none", resp.Header.Get("Content-Type"))
		}
		return nil, ""
	}
	var body struct {
		Events []struct {
			ID           string `json:"id"`
			RecurrenceID string `json:"recurrenceId"`
		} `json:"events"`
	}
	must(c.t, json.Unmarshal([]byte(text), &body))
	for _, e := range body.Events {
		ids = append(ids, strings.TrimSuffix(e.ID+"/"+e.RecurrenceID, "/"))
	}
	return ids, resp.Header.Get("Content-Range")
}

func berlin(t *testing.T, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	must(t, err)
	return at
}

const march = "since=2026-03-01T00:00:00Z&before=2026-04-01T00:00:00Z"

// TestAListHasWhatBeginsInItsSpan asks around an appointment of nine to ten.
func TestAListHasWhatBeginsInItsSpan(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := &client{t: t, s: s, password: DefaultPassword}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	put(t, s, Event{UID: "u", Start: at, End: at.Add(time.Hour)})
	put(t, s, Event{UID: "declined", Start: at, End: at.Add(time.Hour), Declined: true})
	for query, want := range map[string]int{
		"since=2026-03-02T09:00:00Z&before=2026-03-02T09:00:01Z": 1,
		"since=2026-03-02T09:00:01Z&before=2026-03-02T12:00:00Z": 0, // it reaches into that, but does not begin there
		"since=2026-03-02T08:00:00Z&before=2026-03-02T09:00:00Z": 0,
		"since=2026-03-02T08:00:00Z&days=1":                      1,
		"since=2025-03-03T09:00:00Z":                             1, // a year
		"since=2025-03-01T09:00:00Z":                             0,
	} {
		if ids, _ := c.list(query); len(ids) != want {
			t.Errorf("%s: %q, want %d", query, ids, want)
		}
	}
}

func TestAListIsPaged(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Gaps: 10})
	c := &client{t: t, s: s, password: DefaultPassword}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 120 {
		put(t, s, Event{UID: fmt.Sprintf("u%03d", i), Start: at.Add(time.Duration(i) * time.Minute), End: at.Add(3 * time.Hour)})
	}
	for query, want := range map[string]struct {
		events int
		span   string
	}{
		march:                            {45, "items 0-49"}, // 50 unless said otherwise, of which one in ten and the first give no event
		march + "&count=100":             {90, "items 0-99"},
		march + "&count=100&start=100":   {30, "items 100-131"},
		march + "&count=100&start=132":   {0, ""},
		march + "&count=1&start=1":       {1, "items 1-1"},
		march + "&count=100&start=99999": {0, ""},
	} {
		ids, span := c.list(query)
		if len(ids) < want.events-1 || len(ids) > want.events+1 || span != want.span {
			t.Errorf("%s: %d events, %s, want about %d, %s", query, len(ids), span, want.events, want.span)
		}
	}
	first, _ := c.list(march + "&count=100")
	second, _ := c.list(march + "&count=100&start=100")
	if all := append(first, second...); len(all) != 120 || !slices.IsSorted(all) || len(slices.Compact(all)) != 120 {
		t.Errorf("two pages have %d events, want each of 120 once", len(all))
	}
}

func TestWhatIsNotDescribedIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := &client{t: t, s: s, password: DefaultPassword}
	at := berlin(t, "2026-03-02 09:00")
	put(t, s, Event{UID: "u", Start: at, End: at.Add(time.Hour)})
	const events = "/" + annas + "/api/calendar/events"
	for path, want := range map[string]int{
		events + "?" + march + "&count=101":                                400,
		events + "?" + march + "&count=0":                                  400,
		events + "?" + march + "&start=-1":                                 400,
		events + "?" + march + "&page=2":                                   400,
		events + "?since=2026-03-02":                                       400,
		events + "?since=2026-03-02T09:00:00%2B01:00":                      400,
		events + "?since=2026-03-02T09:00:00Z&sincenow=1":                  400,
		events + "?before=2026-03-02T09:00:00Z&since=2026-03-02T09:00:00Z": 400,
		events + "?days=0":                                                 400,
		events + "/u":                                                      200,
		events + "/u?format=icalendar":                                     200,
		events + "/u?format=pdf":                                           400,
		events + "/other":                                                  404,
		events + "/u/instances":                                            400, // it does not recur
		events + "/u/20260302T080000Z":                                     404,
		events + "/u/x/y":                                                  404,
		"/mail/bert.nsf/api/calendar/events":                               404,
		"/api":                                                             200,
		"/api/calendar":                                                    404,
		"/":                                                                404,
	} {
		if resp, text := c.send(http.MethodGet, path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, text, want)
		}
	}
	if resp, _ := c.send(http.MethodDelete, events+"/u", ""); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a deletion: %d, want refused", resp.StatusCode)
	}
	for name, e := range map[string]Event{
		"backwards":         {Start: at, End: at.Add(-time.Hour)},
		"days with hours":   {Start: at, End: at.AddDate(0, 0, 1), AllDay: true},
		"an unknown zone":   {Start: at.In(time.FixedZone("x", 1)), End: at},
		"an unknown class":  {Start: at, End: at, Class: "secret"},
		"an odd repetition": {Start: at, End: at, Repeat: &Repeat{Every: "moon"}},
		"weeks of no day":   {Start: at, End: at, Repeat: &Repeat{Every: "week"}},
		"there already":     {UID: "u", Start: at, End: at},
	} {
		if _, err := s.Put(annas, e); err == nil {
			t.Errorf("%s: the entry was made", name)
		}
	}
}

func TestWhoMayRead(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	const list = "/" + annas + "/api/calendar/events?" + march
	ask := func(password, path string) int {
		resp, _ := (&client{t: t, s: s, password: password}).send(http.MethodGet, path, "")
		if resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s is refused without saying how to sign in", path)
		}
		return resp.StatusCode
	}
	check := func(when string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	check("a stranger at the list of services", ask("", "/api"), 200)
	check("a wrong password there", ask("wrong", "/api"), 401)
	check("a stranger", ask("", list), 401)
	check("a wrong password", ask("wrong", list), 401)
	check("a stranger at a mail file that is not there", ask("", "/mail/x.nsf/api/calendar/events"), 401)
	check("a reader", ask(DefaultPassword, list), 200)
	must(t, s.SetReader(annas, false))
	check("no reader", ask(DefaultPassword, list), 401)
	must(t, s.SetReader(annas, true))
	must(t, s.SetFileService(annas, false))
	check("no service for the mail file", ask(DefaultPassword, list), 403)
	must(t, s.SetFileService(annas, true))
	s.SetService(false)
	check("no service", ask(DefaultPassword, list), 403)
	s.SetService(true)
	s.SetPassword("another")
	check("an old password", ask(DefaultPassword, list), 401)
}

func TestSigningInByForm(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Session: true})
	c := &client{t: t, s: s}
	const list = "/" + annas + "/api/calendar/events?" + march
	form := func(resp *http.Response, text string) bool {
		return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && strings.Contains(text, `name="Password"`)
	}
	c.password = DefaultPassword
	if resp, text := c.send(http.MethodGet, list, ""); resp.StatusCode != 200 || !form(resp, text) {
		t.Errorf("HTTP Basic is answered with %d %s, want the form", resp.StatusCode, text)
	}
	c.password = ""
	if resp, text := c.send(http.MethodPost, "/names.nsf?Login", url.Values{"Username": {DefaultUsername}, "Password": {"wrong"}}.Encode()); !form(resp, text) || len(resp.Cookies()) > 0 {
		t.Errorf("a wrong password is answered with %d %s, want the form", resp.StatusCode, text)
	}
	resp, _ := c.send(http.MethodPost, "/names.nsf?Login", url.Values{"Username": {DefaultUsername}, "Password": {DefaultPassword}}.Encode())
	if resp.StatusCode != http.StatusFound || len(resp.Cookies()) != 1 {
		t.Fatalf("signing in is answered with %d %v", resp.StatusCode, resp.Header)
	}
	c.cookie = resp.Cookies()[0]
	put(t, s, Event{UID: "u", Start: berlin(t, "2026-03-02 09:00"), End: berlin(t, "2026-03-02 10:00")})
	if ids, _ := c.list(march); !slices.Equal(ids, []string{"u"}) {
		t.Errorf("the list is %q", ids)
	}
	s.ForgetSessions()
	if resp, text := c.send(http.MethodGet, list, ""); !form(resp, text) {
		t.Errorf("an old session is answered with %d %s, want the form", resp.StatusCode, text)
	}
}

// TestASeriesInAllItsForms reads a series with a moved and a deleted occurrence as a list, as its instances, one by one and as a whole.
func TestASeriesInAllItsForms(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := &client{t: t, s: s, password: DefaultPassword}
	put(t, s, Event{UID: "u", Subject: "Stand-up", Start: berlin(t, "2026-03-02 09:15"), End: berlin(t, "2026-03-02 09:30"), Repeat: &Repeat{Every: "week", Days: []time.Weekday{time.Monday}, Count: 5}})
	must(t, s.DeleteOccurrence(annas, "u", "2026-03-09"))
	must(t, s.ChangeOccurrence(annas, "u", "2026-03-16", func(e *Event) { e.Start, e.End = e.Start.AddDate(0, 0, 10), e.End.AddDate(0, 0, 10) }))
	if err := s.ChangeOccurrence(annas, "u", "2026-03-09", func(*Event) {}); err == nil {
		t.Error("a deleted occurrence was changed")
	}
	if err := s.DeleteOccurrence(annas, "u", "2026-03-03"); err == nil {
		t.Error("an occurrence that is not there was deleted")
	}
	want := []string{"u/20260302T081500Z", "u/20260323T081500Z", "u/20260316T081500Z", "u/20260330T071500Z"} // in order of time; the clocks change on the 29th
	if ids, _ := c.list(march); !slices.Equal(ids, want) {
		t.Errorf("the list is %q, want %q", ids, want)
	}
	const path = "/" + annas + "/api/calendar/events/u"
	_, text := c.send(http.MethodGet, path+"/instances", "")
	for _, id := range want {
		id = strings.TrimPrefix(id, "u/")
		if !strings.Contains(text, `"recurrenceId":"`+id+`"`) {
			t.Errorf("%s is not among the instances: %s", id, text)
		}
	}
	if strings.Count(text, "recurrenceId") != len(want) {
		t.Errorf("the instances are %s, want %d", text, len(want))
	}
	if _, text := c.send(http.MethodGet, path+"/20260316T081500Z", ""); !strings.Contains(text, `"date":"2026-03-26"`) {
		t.Errorf("the moved one is %s, want it on the 26th", text)
	}
	if _, text := c.send(http.MethodGet, path, ""); strings.Count(text, `"id"`) != 2 || !strings.Contains(text, "FREQ=WEEKLY") || !strings.Contains(text, "exceptDates") {
		t.Errorf("as a whole it is %s, want the series and what was moved", text)
	}
}

// TestExpansionAgreesWithPackageCalendar makes series at random, and compares what the stand-in says of them with what
// package calendar, which was written by others, makes of their iCalendar.
func TestExpansionAgreesWithPackageCalendar(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := &client{t: t, s: s, password: DefaultPassword}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	home, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	zones := []string{"Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Kolkata", "UTC"}
	for i := range 150 {
		zone, err := time.LoadLocation(zones[r.IntN(len(zones))])
		must(t, err)
		// Not in the small hours, which a change of clocks may skip.
		at := time.Date(2025+r.IntN(2), time.Month(1+r.IntN(12)), 1+r.IntN(28), 5+r.IntN(18), 15*r.IntN(4), 0, 0, zone)
		e := Event{Start: at, End: at.Add(time.Duration(1+r.IntN(8)) * 15 * time.Minute), Repeat: &Repeat{Interval: 1 + r.IntN(3)}}
		if r.IntN(5) == 0 {
			e.AllDay, e.Start = true, dayOf(at)
			e.End = e.Start.AddDate(0, 0, 1+r.IntN(2))
		}
		switch e.Repeat.Every = []string{"day", "week", "month", "year"}[r.IntN(4)]; e.Repeat.Every {
		case "week":
			e.Repeat.Days = []time.Weekday{e.Start.Weekday(), (e.Start.Weekday() + time.Weekday(1+r.IntN(6))) % 7}
		}
		switch r.IntN(3) {
		case 0:
			e.Repeat.Count = 1 + r.IntN(60)
		case 1:
			e.Repeat.Until = dayOf(e.Start).AddDate(0, 0, r.IntN(300))
		}
		uid := put(t, s, e)
		view, err := s.View(annas, from, to)
		must(t, err)
		if len(view) > 1 && r.IntN(2) == 0 {
			first, err := s.OriginalDate(annas, uid, view[0].RecurrenceID)
			must(t, err)
			must(t, s.DeleteOccurrence(annas, uid, first))
			second, err := s.OriginalDate(annas, uid, view[1].RecurrenceID)
			must(t, err)
			must(t, s.ChangeOccurrence(annas, uid, second, func(e *Event) {
				if !e.AllDay {
					e.Start, e.End = e.Start.Add(time.Hour), e.End.Add(time.Hour)
				}
			}))
			view, err = s.View(annas, from, to)
			must(t, err)
		}
		_, text := c.send(http.MethodGet, "/"+annas+"/api/calendar/events/"+url.PathEscape(uid)+"?format=icalendar", "")
		cal, err := calendar.Parse(bytes.NewReader([]byte(text)), calendar.Limits{})
		must(t, err)
		all, problems, err := cal.Expand(from, to, home, calendar.Limits{})
		if err != nil || len(problems)+len(cal.Problems()) > 0 {
			t.Fatalf("%v %v %v\n%s", err, problems, cal.Problems(), text)
		}
		var got, want []string
		for _, a := range all {
			got = append(got, fmt.Sprint(a.ID, a.Start.UTC(), a.End.UTC()))
		}
		for _, o := range view {
			begin, end := o.Start.UTC(), o.End.UTC()
			if o.AllDay {
				begin = time.Date(begin.Year(), begin.Month(), begin.Day(), 0, 0, 0, 0, home).UTC()
				end = time.Date(end.Year(), end.Month(), end.Day(), 0, 0, 0, 0, home).UTC()
			}
			want = append(want, fmt.Sprint(uid+"/"+o.RecurrenceID, begin, end))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("series %d: package calendar has\n%s\nand the stand-in\n%s\nof\n%s", i, strings.Join(got, "\n"), strings.Join(want, "\n"), text)
		}
		must(t, s.Delete(annas, uid))
	}
}
