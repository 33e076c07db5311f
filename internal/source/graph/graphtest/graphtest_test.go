package graphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/internal/calendar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	must(t, err)
	t.Cleanup(s.Close)
	for _, m := range []Mailbox{{UPN: "anna@example.com", Aliases: []string{"a@example.com"}, Zone: "Europe/Berlin", Password: "x"}, {UPN: "bert@example.com"}} {
		_, err := s.AddMailbox(m)
		must(t, err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is a program that does everything by hand.
type client struct {
	t    *testing.T
	s    *Server
	http *http.Client
	auth string
}

func newClient(t *testing.T, s *Server) *client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, s: s, http: &http.Client{Transport: transport, Timeout: 20 * time.Second}}
}

func (c *client) do(method, address, kind, body string, header ...string) (int, http.Header, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(body))
	must(c.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if c.auth != "" {
		req.Header.Set("Authorization", "Bearer "+c.auth)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	must(c.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(c.t, err)
	var out map[string]any
	if len(text) > 0 {
		must(c.t, json.Unmarshal(text, &out))
	}
	return resp.StatusCode, resp.Header, out
}

// form is a token request that is good, with changes.
func (c *client) token(change url.Values) (int, map[string]any) {
	c.t.Helper()
	app := DefaultApp()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ID}, "client_secret": {app.Secret}, "scope": {c.s.GraphURL + "/.default"}}
	for name, values := range change {
		form[name] = values
		if values == nil {
			form.Del(name)
		}
	}
	status, _, body := c.do("POST", c.s.LoginURL+"/"+c.s.Tenant+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", form.Encode())
	return status, body
}

func (c *client) signIn() *client {
	c.t.Helper()
	status, body := c.token(nil)
	if status != 200 {
		c.t.Fatalf("token: %d %v", status, body)
	}
	c.auth = body["access_token"].(string)
	return c
}

func (c *client) get(path string, header ...string) (int, map[string]any) {
	c.t.Helper()
	status, _, body := c.do("GET", c.s.GraphURL+"/v1.0"+path, "", "", header...)
	return status, body
}

// errorCode is that of an error.
func errorCode(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	text, _ := e["code"].(string)
	return text
}

const march = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z"

// TestItRefusesWhatTheRealOneRefuses, with its codes.
func TestItRefusesWhatTheRealOneRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := newClient(t, s)
	if status, body := c.get("/users/anna@example.com/calendarView?" + march); status != 401 || errorCode(body) != "InvalidAuthenticationToken" {
		t.Errorf("without a token: %d %v", status, body)
	}
	c.auth = "made.up.token"
	if status, body := c.get("/users/anna@example.com/calendarView?" + march); status != 401 {
		t.Errorf("with a token that is made up: %d %v", status, body)
	}
	for name, one := range map[string]struct {
		change url.Values
		status int
		number float64
	}{
		"another address of Graph":  {url.Values{"scope": {"https://graph.microsoft.com/.default"}}, 400, 1002012},
		"a single scope":            {url.Values{"scope": {s.GraphURL + "/Calendars.Read"}}, 400, 1002012},
		"no secret":                 {url.Values{"client_secret": nil}, 401, 7000218},
		"wrong secret":              {url.Values{"client_secret": {"x"}}, 401, 7000215},
		"no application":            {url.Values{"client_id": nil}, 400, 900144},
		"unknown application":       {url.Values{"client_id": {"x"}}, 400, 700016},
		"an assertion of nothing":   {url.Values{"client_secret": nil, "client_assertion": {"a.b.c"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}, 401, 50027},
		"a grant that there is not": {url.Values{"grant_type": {"password"}}, 400, 70003},
		"an odd refresh token":      {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, 400, 9002313},
		"twice the same":            {url.Values{"scope": {"a", "b"}}, 400, 9002313},
	} {
		status, body := c.token(one.change)
		numbers, _ := body["error_codes"].([]any)
		if status != one.status || len(numbers) != 1 || numbers[0] != one.number || body["error"] == "" {
			t.Errorf("%s: %d %v, want %d AADSTS%.0f", name, status, body, one.status, one.number)
		}
	}
	c.signIn()
	for path, want := range map[string]string{
		"/users/anna@example.com/calendarView":                                                                     "400 ErrorInvalidParameter",
		"/users/anna@example.com/calendarView?startDateTime=2026-03-01T00:00:00Z":                                  "400 ErrorInvalidParameter",
		"/users/anna@example.com/calendarView?startDateTime=tomorrow&endDateTime=2026-03-01T00:00:00Z":             "400 ErrorInvalidParameter",
		"/users/anna@example.com/calendarView?startDateTime=2026-03-01&endDateTime=2026-03-02":                     "400 ErrorInvalidParameter",
		"/users/anna@example.com/calendarView?startDateTime=2026-03-02T00:00:00Z&endDateTime=2026-03-01T00:00:00Z": "400 ErrorInvalidParameter",
		"/users/anna@example.com/calendarView?startDateTime=2020-03-02T00:00:00Z&endDateTime=2026-03-01T00:00:00Z": "400 ErrorCalendarViewRangeTooBig",
		"/users/anna@example.com/calendarView?" + march + "&$select=id,colour":                                     "400 RequestBroker--ParseUri",
		"/users/anna@example.com/calendarView?" + march + "&$top=1001":                                             "400 BadRequest",
		"/users/anna@example.com/calendarView?" + march + "&$top=0":                                                "400 BadRequest",
		"/users/anna@example.com/calendarView?" + march + "&$orderby=subject":                                      "400 ErrorInvalidOrderBy",
		"/users/anna@example.com/calendarView?" + march + "&$frobnicate=1":                                         "400 BadRequest",
		"/users/anna@example.com/calendarView?" + march + "&$top=1&$top=2":                                         "400 BadRequest",
		"/users/a@example.com/calendarView?" + march:                                                               "404 ErrorInvalidUser",
		"/users/nobody@example.com/calendarView?" + march:                                                          "404 ErrorInvalidUser",
		"/users/nobody@example.com":                      "404 Request_ResourceNotFound",
		"/users?$filter=colour%20eq%20%27red%27":         "400 Request_UnsupportedQuery",
		"/me/calendarView?" + march:                      "400 BadRequest",
		"/agenda":                                        "400 BadRequest",
		"/subscriptions/none":                            "404 ResourceNotFound",
		"/applications(appId='" + DefaultApp().ID + "')": "403 Authorization_RequestDenied",
	} {
		status, body := c.get(path)
		if got := fmt.Sprint(status, " ", errorCode(body)); got != want {
			t.Errorf("GET %s: %s, want %s", path, got, want)
		}
	}
	if status, body := c.get("/users/anna@example.com/calendarView?"+march, "Prefer", `outlook.timezone="Mars Standard Time"`); status != 400 || errorCode(body) != "TimeZoneNotSupportedException" {
		t.Errorf("a zone that there is not: %d %v", status, body)
	}
	if status, _, body := c.do("POST", s.GraphURL+"/v1.0/users/anna@example.com/events", "application/json", `{}`); status != 403 {
		t.Errorf("writing without permission: %d %v", status, body)
	}
	if status, _, body := c.do("GET", s.GraphURL+"/beta/users", "", ""); status != 400 {
		t.Errorf("another version: %d %v", status, body)
	}
	s.SetClock(2 * time.Hour)
	if status, body := c.get("/users/anna@example.com"); status != 401 {
		t.Errorf("a token of two hours ago: %d %v", status, body)
	}
}

// TestSubscriptionsAreNotGivenToEverybody.
func TestSubscriptionsAreNotGivenToEverybody(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := newClient(t, s).signIn()
	asked := 0
	good, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, r.URL.Query().Get("validationToken"))
	}), Config{})
	must(t, err)
	t.Cleanup(good.Close)
	bad, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, url.QueryEscape(r.URL.Query().Get("validationToken"))) // not decoded
	}), Config{})
	must(t, err)
	t.Cleanup(bad.Close)
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	create := func(change map[string]any) (int, map[string]any) {
		body := map[string]any{"changeType": "created,updated,deleted", "notificationUrl": good.URL, "resource": "users/anna@example.com/events", "expirationDateTime": in(time.Hour), "clientState": "s"}
		for name, value := range change {
			if body[name] = value; value == nil {
				delete(body, name)
			}
		}
		text, err := json.Marshal(body)
		must(t, err)
		status, _, out := c.do("POST", s.GraphURL+"/v1.0/subscriptions", "application/json", string(text))
		return status, out
	}
	for name, change := range map[string]map[string]any{
		"another resource":  {"resource": "users/anna@example.com/messages"},
		"everybody":         {"resource": "users"},
		"no expiry":         {"expirationDateTime": nil},
		"an expiry past":    {"expirationDateTime": in(-time.Minute)},
		"eight days":        {"expirationDateTime": in(8 * 24 * time.Hour)},
		"an odd change":     {"changeType": "read"},
		"a long state":      {"clientState": strings.Repeat("x", 129)},
		"content":           {"includeResourceData": true},
		"in clear":          {"notificationUrl": "http://example.com/"},
		"nobody there":      {"notificationUrl": "http://127.0.0.1:1/"},
		"a bad answer":      {"notificationUrl": bad.URL},
		"bad for lifecycle": {"lifecycleNotificationUrl": bad.URL},
		"unknown property":  {"colour": "red"},
		"an old TLS":        {"latestSupportedTlsVersion": "v1_0"},
	} {
		if status, body := create(change); status != 400 {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	if status, body := create(map[string]any{"resource": "users/nobody@example.com/events"}); status != 404 {
		t.Errorf("of nobody: %d %v", status, body)
	}
	if len(s.Subscriptions()) != 0 {
		t.Errorf("there are %v", s.Subscriptions())
	}
	status, body := create(map[string]any{"expirationDateTime": in(time.Minute)})
	ends, err := time.Parse(time.RFC3339, fmt.Sprint(body["expirationDateTime"]))
	if status != 201 || err != nil || time.Until(ends) < 44*time.Minute {
		t.Errorf("a minute is made 45: %d %v", status, body)
	}
	s.SetClock(time.Hour)
	c.signIn()
	if _, body := c.get("/subscriptions"); len(body["value"].([]any)) != 0 {
		t.Errorf("after an hour there are %v", body)
	}
}

// TestFourAtATime in one mailbox, and no more.
func TestFourAtATime(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := newClient(t, s).signIn()
	s.Break(Rule{Op: "calendarView", Mailbox: "anna@example.com", Do: Slow, Delay: time.Second})
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 7 {
		wg.Go(func() {
			status, _ := c.get("/users/anna@example.com/calendarView?" + march)
			mu.Lock()
			got[status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if got[200] != 4 || got[429] != 3 {
		t.Errorf("answers %v, want four and three turned away", got)
	}
}

// TestBatches answers each part on its own, in an order of its own.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	c := newClient(t, s).signIn()
	post := func(body string) (int, map[string]any) {
		status, _, out := c.do("POST", s.GraphURL+"/v1.0/$batch", "application/json", body)
		return status, out
	}
	_, out := post(`{"requests":[{"id":"a","method":"GET","url":"/users/anna@example.com/calendarView?` + march + `"},
		{"id":"b","method":"GET","url":"/users/nobody@example.com/calendarView?` + march + `"},
		{"id":"c","method":"GET","url":"/users/anna@example.com","dependsOn":["b"]},
		{"id":"d","method":"GET","url":"/users/anna@example.com","dependsOn":["a"]},
		{"id":"e","method":"POST","url":"/subscriptions","body":{}},
		{"id":"f","method":"POST","url":"/$batch","body":{},"headers":{"Content-Type":"application/json"}}]}`)
	got := map[string]float64{}
	order := ""
	for _, one := range out["responses"].([]any) {
		m := one.(map[string]any)
		got[m["id"].(string)] = m["status"].(float64)
		order += m["id"].(string)
	}
	want := map[string]float64{"a": 200, "b": 404, "c": 424, "d": 200, "e": 400, "f": 400}
	for id, status := range want {
		if got[id] != status {
			t.Errorf("%s: %v, want %v", id, got[id], status)
		}
	}
	if order == "abcdef" {
		t.Error("the answers come in the order of the questions; the real ones need not")
	}
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprintf(`{"id":"%d","method":"GET","url":"/users"}`, i))
	}
	for name, body := range map[string]string{"21": `{"requests":[` + strings.Join(many, ",") + `]}`, "none": `{"requests":[]}`, "no JSON": `{`, "one ID twice": `{"requests":[{"id":"a","method":"GET","url":"/users"},{"id":"a","method":"GET","url":"/users"}]}`} {
		if status, _ := post(body); status != 400 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// TestEventsAreMadeAndChanged by calls, and the view tells.
func TestEventsAreMadeAndChanged(t *testing.T) {
	t.Parallel()
	app := DefaultApp()
	app.Roles = append(app.Roles, "Calendars.ReadWrite")
	s := start(t, Config{Apps: []App{app}})
	c := newClient(t, s).signIn()
	events := s.GraphURL + "/v1.0/users/anna@example.com/events"
	status, _, made := c.do("POST", events, "application/json", `{"subject":"Lunch","start":{"dateTime":"2026-03-27T12:00:00","timeZone":"W. Europe Standard Time"},
		"end":{"dateTime":"2026-03-27T13:00:00","timeZone":"W. Europe Standard Time"},"recurrence":{"pattern":{"type":"weekly","interval":1,"daysOfWeek":["friday"]},
		"range":{"type":"numbered","startDate":"2026-03-27","numberOfOccurrences":3}}}`)
	if status != 201 || made["type"] != "seriesMaster" {
		t.Fatalf("%d %v", status, made)
	}
	starts := func() (out []string) {
		_, body := c.get("/users/anna@example.com/calendarView?startDateTime=2026-03-01T00:00:00&endDateTime=2026-05-01T00:00:00&$select=start,subject,type,originalStart")
		for _, one := range body["value"].([]any) {
			m := one.(map[string]any)
			out = append(out, fmt.Sprint(m["subject"], " ", m["start"].(map[string]any)["dateTime"], " ", m["type"], " ", m["originalStart"]))
		}
		return out
	}
	want := []string{"Lunch 2026-03-27T11:00:00.0000000 occurrence 2026-03-27T11:00:00Z", "Lunch 2026-04-03T10:00:00.0000000 occurrence 2026-04-03T10:00:00Z", "Lunch 2026-04-10T10:00:00.0000000 occurrence 2026-04-10T10:00:00Z"}
	if got := starts(); !slices.Equal(got, want) {
		t.Errorf("the clock changes on 29 March: %q, want %q", got, want)
	}
	id := made["id"].(string)
	if status, _, out := c.do("PATCH", events+"/"+id, "application/json", `{"subject":"Dinner"}`); status != 200 || out["subject"] != "Dinner" {
		t.Errorf("change: %d %v", status, out)
	}
	if status, _, out := c.do("GET", events+"/"+id, "", ""); status != 200 || out["subject"] != "Dinner" {
		t.Errorf("get: %d %v", status, out)
	}
	for name, body := range map[string]string{"no end": `{"start":{"dateTime":"2026-03-27T12:00:00","timeZone":"UTC"}}`, "a day not from midnight": `{"isAllDay":true,"start":{"dateTime":"2026-03-27T12:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-28T12:00:00","timeZone":"UTC"}}`,
		"an odd word": `{"showAs":"bored","start":{"dateTime":"2026-03-27T12:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-28T12:00:00","timeZone":"UTC"}}`} {
		if status, _, out := c.do("POST", events, "application/json", body); status != 400 {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if status, _, _ := c.do("DELETE", events+"/"+id, "", ""); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if status, _, _ := c.do("DELETE", events+"/"+id, "", ""); status != 404 {
		t.Errorf("delete again: %d", status)
	}
}

// TestTheOracleAgreesWithICalendar: whatever recurs, our calendar package, which reads RFC 5545, expands it to the same.
func TestTheOracleAgreesWithICalendar(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	rapid.Check(t, func(r *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC"}).Draw(r, "zone"))
		if err != nil {
			r.Fatal(err)
		}
		repeat := &Repeat{Type: rapid.SampledFrom([]string{"daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"}).Draw(r, "type"),
			Interval: rapid.IntRange(1, 4).Draw(r, "interval"), WeekFrom: time.Weekday(rapid.IntRange(0, 6).Draw(r, "week from")),
			Day: rapid.IntRange(1, 31).Draw(r, "day"), Month: time.Month(rapid.IntRange(1, 12).Draw(r, "month")),
			Index: rapid.SampledFrom([]string{"first", "second", "third", "fourth", "last"}).Draw(r, "index")}
		for d := range 7 {
			if rapid.Bool().Draw(r, "on") {
				repeat.Days = append(repeat.Days, time.Weekday(d))
			}
		}
		if len(repeat.Days) == 0 {
			repeat.Days = []time.Weekday{time.Tuesday}
		}
		until := 0
		if rapid.Bool().Draw(r, "counted") {
			repeat.Count = rapid.IntRange(1, 30).Draw(r, "count")
		} else {
			until = rapid.IntRange(0, 700).Draw(r, "until")
		}
		allDay := rapid.Bool().Draw(r, "all day")
		first := time.Date(2025, time.Month(rapid.IntRange(1, 12).Draw(r, "first month")), rapid.IntRange(1, 28).Draw(r, "first day"), 0, 0, 0, 0, time.UTC)
		for !repeat.fits(first, first) { // Exchange begins with an occurrence
			if first = first.AddDate(0, 0, 1); first.Year() > 2030 {
				r.Skip("never")
			}
		}
		if repeat.Count == 0 {
			repeat.Until = first.AddDate(0, 0, until)
		}
		hour := rapid.IntRange(4, 23).Draw(r, "hour") // at night there are hours that do not exist or come twice
		e := Event{Subject: "x", AllDay: allDay, Repeat: repeat}
		if allDay {
			e.Start = first
			e.End = first.AddDate(0, 0, rapid.IntRange(1, 3).Draw(r, "days"))
		} else {
			e.Start = time.Date(first.Year(), first.Month(), first.Day(), hour, 30, 0, 0, zone)
			e.End = e.Start.Add(20 * time.Minute)
		}
		e, err = s.Put("bert@example.com", e)
		if err != nil {
			r.Fatal(err)
		}
		defer s.Delete("bert@example.com", e.ID)
		from, to := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		truth, err := s.View("bert@example.com", from, to)
		if err != nil {
			r.Fatal(err)
		}
		var got []string
		for _, o := range truth {
			got = append(got, o.Start.Format(time.RFC3339)+" "+o.End.Format(time.RFC3339))
		}
		text := ics(&e, zone)
		c, err := calendar.Parse(strings.NewReader(text), calendar.Limits{})
		if err != nil {
			r.Fatal(err)
		}
		list, _, err := c.Expand(from, to, time.UTC, calendar.Limits{})
		if err != nil {
			r.Fatal(err)
		}
		var want []string
		for _, a := range list {
			want = append(want, a.Start.UTC().Format(time.RFC3339)+" "+a.End.UTC().Format(time.RFC3339))
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%s\ngot  %q\nwant %q", text, got, want)
		}
	})
}

// ics writes a series as iCalendar.
func ics(e *Event, zone *time.Location) string {
	p := e.Repeat
	names := []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
	var days []string
	for _, d := range p.Days {
		days = append(days, names[d])
	}
	on := strings.Join(days, ",")
	nth := map[string]int{"": 1, "first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}[p.Index]
	monthDays := "BYMONTHDAY=" + fmt.Sprint(p.Day)
	if p.Day > 28 { // the last day of a shorter month counts
		var all []string
		for d := 28; d <= p.Day; d++ {
			all = append(all, fmt.Sprint(d))
		}
		monthDays = "BYMONTHDAY=" + strings.Join(all, ",") + ";BYSETPOS=-1"
	}
	rule := map[string]string{
		"daily": "FREQ=DAILY", "weekly": "FREQ=WEEKLY;BYDAY=" + on + ";WKST=" + names[p.WeekFrom], "absoluteMonthly": "FREQ=MONTHLY;" + monthDays,
		"relativeMonthly": fmt.Sprintf("FREQ=MONTHLY;BYDAY=%s;BYSETPOS=%d", on, nth), "absoluteYearly": fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;%s", p.Month, monthDays),
		"relativeYearly": fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%s;BYSETPOS=%d", p.Month, on, nth),
	}[p.Type]
	rule += fmt.Sprint(";INTERVAL=", p.Interval)
	layout, kind := "20060102T150405", ";TZID="+zone.String()
	if e.AllDay {
		layout, kind = "20060102", ";VALUE=DATE"
	}
	switch {
	case p.Count > 0:
		rule += fmt.Sprint(";COUNT=", p.Count)
	case e.AllDay:
		rule += ";UNTIL=" + p.Until.Format("20060102")
	default:
		rule += ";UNTIL=" + time.Date(p.Until.Year(), p.Until.Month(), p.Until.Day(), 23, 59, 59, 0, zone).UTC().Format("20060102T150405Z")
	}
	if zone == time.UTC || zone.String() == "UTC" {
		if !e.AllDay {
			kind, layout = "", layout+"Z"
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTART%s:%s\r\nDTEND%s:%s\r\nRRULE:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		kind, e.Start.Format(layout), kind, e.End.Format(layout), rule)
	return b.String()
}

// TestPublishedPatterns reads those of the documentation.
func TestPublishedPatterns(t *testing.T) {
	t.Parallel()
	var r recurrence
	must(t, json.Unmarshal([]byte(`{"pattern":{"type":"relativeMonthly","interval":1,"daysOfWeek":["Thursday","Friday"],"index":"first"},"range":{"type":"noEnd","startDate":"2026-01-01"}}`), &r))
	p, err := r.repeat()
	must(t, err)
	one := &stored{Event: Event{Start: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Repeat: p}}
	var got []string
	one.each(time.Time{}, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), func(o Occurrence) bool { got = append(got, o.Start.Format("01-02 Mon")); return true })
	if want := []string{"01-01 Thu", "02-05 Thu", "03-05 Thu", "04-02 Thu", "05-01 Fri"}; !slices.Equal(got[:min(5, len(got))], want) {
		t.Errorf("the first Thursday or Friday: %q, want %q", got, want)
	}
}

// TestHoursThatTheClockSkipsAndRepeats are what Exchange makes of them.
func TestHoursThatTheClockSkipsAndRepeats(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for text, want := range map[string]string{
		"2026-03-29 01:59": "2026-03-29T00:59:00Z", "2026-03-29 02:30": "2026-03-29T01:30:00Z", "2026-03-29 03:00": "2026-03-29T01:00:00Z",
		"2026-10-25 01:59": "2026-10-24T23:59:00Z", "2026-10-25 02:30": "2026-10-25T00:30:00Z", "2026-10-25 03:00": "2026-10-25T02:00:00Z",
		"2026-07-01 12:00": "2026-07-01T10:00:00Z", "2026-12-31 23:59": "2026-12-31T22:59:00Z",
	} {
		civil, err := time.Parse("2006-01-02 15:04", text)
		must(t, err)
		if got := inZone(civil, berlin).Format(time.RFC3339); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
