package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/samples/" + name)
	must(t, err)
	return text
}

// TestPublishedEvents: what the documentation and the real service show, and what becomes of it. Times are understood in
// UTC only, which is what is asked for; answers to those who asked otherwise are refused, by the name of their zone.
func TestPublishedEvents(t *testing.T) {
	t.Parallel()
	const real = "040000008200E00074C5B7101A82E0080000000021968AF79B12D601000000000000000010000000C0783E2C35DD7145B7943E4F751C3F29"
	for file, want := range map[string][]string{
		"real-calendarview.json":            {real + " | The Greatest Event of All Time | busy | 2020-04-14T20:30:00Z | 2020-04-15T01:00:00Z | 15m0s"},
		"calendarview-delta-last-page.json": {"AAMkADNVxRAAA= | Review Megan's proposals | busy | 2016-12-02T15:30:00Z | 2016-12-02T16:30:00Z | 0s", "error: graph: an appointment without start or end"},
		"msdocs-2021/delta-query-events-02-resp.json": {"AAMkADNVxRAAA= | Plan shopping list | busy | 2016-12-09T20:30:00Z | 2016-12-09T22:00:00Z | 0s",
			"AAMkADVxSAAA= | Pick up car | busy | 2016-12-10T01:00:00Z | 2016-12-10T02:00:00Z | 0s"},
		"msdocs-2021/delta-query-events-06-resp.json":         {"AAMkADj1HuAAA= | Rest! | busy | 2016-12-12T02:00:00Z | 2016-12-12T07:30:00Z | 0s"},
		"msdocs-2021/event-get-03-resp.json":                  {`error: graph: an appointment in zone "Pacific Standard Time", where UTC was asked for`},
		"msdocs-2021/user-list-events-03-resp.json":           {`error: graph: an appointment in zone "Pacific Standard Time", where UTC was asked for`},
		"msdocs-2021/user-post-events-02-resp.json":           {`error: graph: an appointment in zone "Pacific Standard Time", where UTC was asked for`},
		"msdocs-2021/user-post-events-04-resp.json":           {`error: graph: an appointment in zone "Pacific Standard Time", where UTC was asked for`},
		"msdocs-2021/user-post-events-06-resp.json":           {"dropped"}, // a series, which a view never has
		"msdocs-2021/user-post-events-08-resp.json":           {`error: graph: an appointment in zone "Pacific Standard Time", where UTC was asked for`},
		"msdocs-2021/calendar-list-calendarview-04-resp.json": {"error: graph: an appointment without start or end"}, // placeholders
		"msdocs-2021/event-delta-02-resp.json":                {"error: graph: an appointment without start or end"},
	} {
		var page struct {
			Value []json.RawMessage `json:"value"`
		}
		text := sample(t, file)
		must(t, json.Unmarshal(text, &page))
		if page.Value == nil {
			page.Value = []json.RawMessage{text}
		}
		var got []string
		for _, raw := range page.Value {
			a, keep, err := parseEvent(raw)
			switch {
			case err != nil:
				got = append(got, "error: "+err.Error())
			case !keep:
				got = append(got, "dropped")
			default:
				got = append(got, fmt.Sprintf("%s | %s | %s | %s | %s | %s", a.ID, a.Subject, a.ShowAs, a.Start.Format(time.RFC3339), a.End.Format(time.RFC3339), a.Reminder))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

// TestEventsAsTheyMayCome: what is odd, missing or new.
func TestEventsAsTheyMayCome(t *testing.T) {
	t.Parallel()
	const uid = "040000008200E00074C5B7101A82E00807EA031E21968AF79B12D601000000000000000010000000C0783E2C35DD7145B7943E4F751C3F29"
	const series = "040000008200E00074C5B7101A82E0080000000021968AF79B12D601000000000000000010000000C0783E2C35DD7145B7943E4F751C3F29"
	times := `"start":{"dateTime":"2026-03-30T07:15:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-03-30T07:30:00.0000000","timeZone":"UTC"}`
	for name, one := range map[string]struct {
		text string
		want func(calendar.Appointment) bool
	}{
		"an occurrence, its UID with a date": {`{"iCalUId":"` + uid + `","type":"occurrence","originalStart":"2026-03-30T07:15:00Z",` + times + `}`,
			func(a calendar.Appointment) bool { return a.ID == series+"/20260330T071500Z" && a.UID == series }},
		"the same moved, its UID without": {`{"iCalUId":"` + series + `","type":"exception","originalStart":"2026-03-30T09:15:00+02:00",` + times + `}`,
			func(a calendar.Appointment) bool { return a.ID == series+"/20260330T071500Z" }},
		"a single one": {`{"iCalUId":"x@y","type":"singleInstance","originalStart":"2026-03-30T07:15:00Z",` + times + `}`, func(a calendar.Appointment) bool { return a.ID == "x@y" }},
		"no UID":       {`{"id":"AAA","type":"singleInstance","iCalUId":"",` + times + `}`, func(a calendar.Appointment) bool { return a.ID == "AAA" }},
		"no UID, of a series": {`{"id":"AAA.1","seriesMasterId":"AAA","type":"occurrence","originalStart":"2026-03-30T07:15:00Z",` + times + `}`,
			func(a calendar.Appointment) bool { return a.ID == "AAA/20260330T071500Z" }},
		"neither UID nor ID":         {`{"id":"","iCalUId":null,` + times + `}`, func(a calendar.Appointment) bool { return a.ID == "at 2026-03-30T07:15:00Z to 2026-03-30T07:30:00Z" }},
		"no original start":          {`{"id":"AAA.1","iCalUId":"x","type":"occurrence",` + times + `}`, func(a calendar.Appointment) bool { return a.ID == "x/AAA.1" }},
		"a new word":                 {`{"showAs":"asleep","iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.ShowAs == calendar.Busy }},
		"unknown":                    {`{"showAs":"unknown","iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.ShowAs == calendar.Busy }},
		"a new sensitivity":          {`{"sensitivity":"topSecret","subject":"s","webLink":"https://x.example/","iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.Private && a.Subject == "" && a.URL == "" }},
		"nulls":                      {`{"subject":null,"categories":null,"showAs":null,"sensitivity":null,"responseStatus":null,"iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.Subject == "" && !a.Private }},
		"an odd reminder":            {`{"isReminderOn":true,"reminderMinutesBeforeStart":-5,"iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.Reminder == 0 }},
		"a reminder switched off":    {`{"isReminderOn":false,"reminderMinutesBeforeStart":15,"iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.Reminder == 0 }},
		"a subject of several lines": {`{"subject":" a\r\nb\tc ","iCalUId":"x",` + times + `}`, func(a calendar.Appointment) bool { return a.Subject == "a b c" }},
		"a day": {`{"isAllDay":true,"iCalUId":"x","start":{"dateTime":"2026-03-29T00:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-03-30T00:00:00.0000000","timeZone":"UTC"}}`,
			func(a calendar.Appointment) bool {
				return a.AllDay && a.StartDate.String() == "2026-03-29" && a.EndDate.String() == "2026-03-30"
			}},
		"a day in Berlin, as UTC": {`{"isAllDay":true,"iCalUId":"x","start":{"dateTime":"2026-03-28T23:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-03-29T22:00:00.0000000","timeZone":"UTC"}}`,
			func(a calendar.Appointment) bool {
				return a.StartDate.String() == "2026-03-29" && a.EndDate.String() == "2026-03-30"
			}},
		"a day in Los Angeles, as UTC": {`{"isAllDay":true,"iCalUId":"x","start":{"dateTime":"2026-03-29T07:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-03-30T07:00:00.0000000","timeZone":"UTC"}}`,
			func(a calendar.Appointment) bool {
				return a.StartDate.String() == "2026-03-29" && a.EndDate.String() == "2026-03-30"
			}},
		"a day in any zone": {`{"isAllDay":true,"iCalUId":"x","start":{"dateTime":"2026-03-29T00:00:00","timeZone":"Pacific Standard Time"},"end":{"dateTime":"2026-03-31T00:00:00","timeZone":"Pacific Standard Time"}}`,
			func(a calendar.Appointment) bool {
				return a.StartDate.String() == "2026-03-29" && a.EndDate.String() == "2026-03-31"
			}},
		"declined":        {`{"responseStatus":{"response":"declined"},"iCalUId":"x",` + times + `}`, nil},
		"cancelled":       {`{"isCancelled":true,"iCalUId":"x",` + times + `}`, nil},
		"no times":        {`{"iCalUId":"x"}`, nil},
		"no time":         {`{"iCalUId":"x","start":{"dateTime":"noon","timeZone":"UTC"},"end":{"dateTime":"noon","timeZone":"UTC"}}`, nil},
		"back to front":   {`{"iCalUId":"x","end":{"dateTime":"2026-03-30T07:15:00","timeZone":"UTC"},"start":{"dateTime":"2026-03-30T07:30:00","timeZone":"UTC"}}`, nil},
		"another shape":   {`{"iCalUId":7}`, nil},
		"no object":       {`"x"`, nil},
		"an odd original": {`{"iCalUId":"x","type":"occurrence","originalStart":"then",` + times + `}`, nil},
	} {
		a, keep, err := parseEvent([]byte(one.text))
		if ok := err == nil && keep; ok != (one.want != nil) || ok && !one.want(a) {
			t.Errorf("%s: %+v, keep %v, %v", name, a, keep, err)
		}
		if err != nil && strings.Contains(err.Error(), "noon") {
			t.Errorf("%s: the error quotes the appointment: %v", name, err)
		}
	}
}

// FuzzEvent: whatever comes, an appointment that is kept can be written and read.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"iCalUId":"x","subject":"s","start":{"dateTime":"2026-03-30T07:15:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-30T07:30:00","timeZone":"UTC"},"categories":["a,b"]}`))
	f.Add([]byte(`{"isAllDay":true,"iCalUId":"x\ny","start":{"dateTime":"2026-03-30T00:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-30T00:00:00","timeZone":"UTC"},"sensitivity":"private","subject":"s"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, keep, err := parseEvent(text)
		if err != nil || !keep {
			return
		}
		if a.Private && (a.Subject != "" || a.URL != "") {
			t.Errorf("a private appointment tells %q %q", a.Subject, a.URL)
		}
		if a.Start.Year() < 1 || a.Start.Year() > 2100 || a.End.Year() > 2100 {
			return // nothing anybody looks at
		}
		c, err := calendar.Parse(strings.NewReader(string(calendar.Write([]calendar.Appointment{a}))), calendar.Limits{})
		if err != nil {
			t.Fatalf("%+v cannot be read again: %v", a, err)
		}
		if _, _, err := c.Expand(a.Start.Add(-48*time.Hour), a.End.Add(48*time.Hour), time.UTC, calendar.Limits{}); err != nil {
			t.Logf("expand: %v", err)
		}
	})
}

// recorded is a Graph that has one answer to everything.
func recorded(t *testing.T, status int, header http.Header, body []byte) *System {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/token") {
			fmt.Fprint(w, `{"access_token":"x.y.z","token_type":"Bearer","expires_in":"3600"}`) // as text: some endpoints do
			return
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.CloseIdleConnections)
	s, err := New(Config{Tenant: "84bd8158-6d4d-4958-8b9f-9d6445542f95", ClientID: "84bd8158-6d4d-4958-8b9f-9d6445542f95", Secret: "x", Cloud: Custom,
		LoginURL: server.URL, GraphURL: server.URL, HTTP: client})
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// TestPublishedBatches: each part on its own, in whatever order.
func TestPublishedBatches(t *testing.T) {
	t.Parallel()
	var request struct {
		Requests []batchItem `json:"requests"`
	}
	must(t, json.Unmarshal(sample(t, "batch-request.json"), &request))
	if len(request.Requests) != 3 || request.Requests[1].Method != "POST" || request.Requests[1].Headers["Content-Type"] != "application/json" {
		t.Errorf("the published request is read as %+v", request)
	}
	calls := make([]call, 3)
	for i := range calls {
		calls[i] = call{method: "GET", path: "/users"}
	}
	answers, err := recorded(t, 200, nil, sample(t, "batch-response.json")).askMany(t.Context(), calls)
	must(t, err)
	if answers[0].status != 200 || answers[1].status != 200 || answers[2].status != 429 || !strings.Contains(string(answers[0].body), "InACall") {
		t.Errorf("batch-response.json: %d %d %d", answers[0].status, answers[1].status, answers[2].status)
	}
	if r := answers[2].refusal(); r == nil || r.wait != 15*time.Second || r.code != "TooManyRequests" || r.requestID != "93b6f17e-c05d-4f45-ad2a-6665c708d8a0" {
		t.Errorf("the part that is turned away: %+v", r)
	}
	answers, err = recorded(t, 200, nil, sample(t, "batch-response-per-item-errors.json")).askMany(t.Context(), calls)
	must(t, err)
	if answers[0].status != 0 || answers[0].failure != nil {
		t.Errorf("a part that is missing: %+v", answers[0])
	}
	for i, code := range map[int]string{1: "", 2: "Authorization_RequestDenied"} {
		if r := answers[i].refusal(); r == nil || r.status != 403 || r.code != code {
			t.Errorf("part %d: %+v", i, r)
		}
	}
}

// TestPublishedErrors, as answers to a calendar that is read.
func TestPublishedErrors(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	for _, line := range strings.Split(string(sample(t, "error-429.headers.txt")), "\n")[1:] {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			header.Set(name, value)
		}
	}
	for _, one := range []struct {
		file   string
		status int
		header http.Header
		kind   source.Kind
		wait   time.Duration
		cause  string
	}{
		{"error-429.json", 429, header, source.Unavailable, 10 * time.Second, "graph answered 429 TooManyRequests, request-id 94fb3b52-452a-4535-a601-69e0a90e3aa2"},
		{"calendarview-delta-sync-reset-410.json", 410, nil, source.Other, 0, "graph answered 410 SyncStateNotFound, request-id 93b6f17e-c05d-4f45-ad2a-6665c708d8a0"},
		{"msdocs-2021/errors-00-json.json", 400, nil, source.Other, 0, "graph answered 400 invalidRange"},
	} {
		_, err := recorded(t, one.status, one.header, sample(t, one.file)).Fetch(t.Context(), anna())
		e := errorOf(t, err)
		if e.Kind != one.kind || e.RetryAfter != one.wait || e.Err == nil || e.Err.Error() != one.cause {
			t.Errorf("%s: %v, after %v: %v", one.file, e.Kind, e.RetryAfter, e.Err)
		}
	}
}

// TestPublishedUserAndSubscriptions.
func TestPublishedUserAndSubscriptions(t *testing.T) {
	t.Parallel()
	s := recorded(t, 200, nil, sample(t, "msdocs-2021/subscription-list-02-resp.json"))
	must(t, s.leftovers(t.Context()))
	if len(s.subs.gone) != 0 {
		t.Errorf("somebody else's subscriptions are deleted: %v", s.subs.gone)
	}
	s.c.NotifyURL, s.c.ClientID = "https://webhookappexample.azurewebsites.net/api/notifications", "24d3b144-21ae-4080-943f-7067b395b913"
	must(t, s.leftovers(t.Context()))
	if !slices.Equal(s.subs.gone, []string{"0fc0d6db-0073-42e5-a186-853da75fb308"}) {
		t.Errorf("left over: %v", s.subs.gone)
	}
	one := &subscription{mailbox: "anna@example.com"}
	s.subs.wanted["anna@example.com"] = one
	s.done(&job{one: one, todo: create, state: "secret"}, answer{status: 201, body: sample(t, "msdocs-2021/subscription-get-02-resp.json")}, func(string) {})
	if one.id != "7f105c7d-2dc5-4530-97cd-4e7ae6534c07" || one.expires.Format(time.RFC3339) != "2016-11-20T18:23:45Z" || s.subs.live("anna@example.com") {
		t.Errorf("subscription %+v", one)
	}

	b := s.boxes.Get("test1@mattermost.onmicrosoft.com")
	user := recorded(t, 200, nil, []byte(`{"value":[`+string(sample(t, "real-me.json"))+`]}`))
	if id, err := user.lookUp(t.Context(), b, &refused{status: 404}, false); err != nil || id != "fb10ac13-e441-4611-8431-8ee3b6403673" {
		t.Errorf("looked up %q, %v", id, err)
	}
}
