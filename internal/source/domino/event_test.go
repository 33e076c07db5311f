package domino

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// eastern is a time zone as IBM publishes one in its examples of the service.
const eastern = `{"tzid":"Eastern",
	"standard":{"start":{"date":"1950-11-05","time":"02:00:00"},"offsetFrom":"-0400","offsetTo":"-0500","recurrenceRule":"FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;BYHOUR=2;BYMINUTE=0"},
	"daylight":{"start":{"date":"1950-03-12","time":"02:00:00"},"offsetFrom":"-0500","offsetTo":"-0400","recurrenceRule":"FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;BYHOUR=2;BYMINUTE=0"}}`

// TestEntriesMeanWhatTheySay reads single entries as servers write them, or might.
func TestEntriesMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	const when = `"start":{"date":"2026-03-09","time":"17:00:00","utc":true},"end":{"date":"2026-03-09","time":"17:30:00","utc":true}`
	const shownWhen = "2026-03-09T17:00:00Z 2026-03-09T17:30:00Z"
	for name, one := range map[string]struct{ zones, entry, want string }{
		"an appointment":             {"", `{"id":"u","summary":"Dentist\n\tagain",` + when + `,"class":"public"}`, "u " + shownWhen + " busy Dentist again"},
		"an occurrence":              {"", `{"id":"u","recurrenceId":"20260302T170000Z",` + when + `}`, "u/20260302T170000Z " + shownWhen + " busy "},
		"private":                    {"", `{"id":"u","summary":"Dentist",` + when + `,"class":"private"}`, "u " + shownWhen + " busy private "},
		"confidential":               {"", `{"id":"u","summary":"Dentist",` + when + `,"class":"Confidential"}`, "u " + shownWhen + " busy private "},
		"a class that is not known":  {"", `{"id":"u","summary":"Dentist",` + when + `,"class":"x-secret"}`, "u " + shownWhen + " busy private "},
		"transparent":                {"", `{"id":"u",` + when + `,"transparency":"TRANSPARENT"}`, "u " + shownWhen + " free "},
		"a reminder without end":     {"", `{"id":"u","start":{"date":"2026-03-09","time":"17:00:00","utc":true},"x-lotus-appttype":{"data":"4"}}`, "u 2026-03-09T17:00:00Z 2026-03-09T17:00:00Z free "},
		"a type that is a number":    {"", `{"id":"u",` + when + `,"x-lotus-appttype":{"data":4}}`, "u " + shownWhen + " free "},
		"a type that is odd":         {"", `{"id":"u",` + when + `,"x-lotus-appttype":["4"]}`, "u " + shownWhen + " busy "},
		"with a duration":            {"", `{"id":"u","start":{"date":"2026-03-09","time":"17:00:00","utc":true},"duration":"PT1H30M"}`, "u 2026-03-09T17:00:00Z 2026-03-09T18:30:00Z busy "},
		"tentative":                  {"", `{"id":"u",` + when + `,"status":"tentative"}`, "u " + shownWhen + " tentative "},
		"confirmed":                  {"", `{"id":"u",` + when + `,"status":"confirmed"}`, "u " + shownWhen + " busy "},
		"cancelled":                  {"", `{"id":"u",` + when + `,"status":"cancelled"}`, ""},
		"an invitation":              {"", `{"id":"u",` + when + `,"x-lotus-noticetype":{"data":"I"}}`, "u/notice " + shownWhen + " tentative "},
		"a cancellation":             {"", `{"id":"u",` + when + `,"x-lotus-noticetype":{"data":"C"}}`, ""},
		"declined by the owner":      {"", `{"id":"u",` + when + `,"attendees":[{"email":"mailto:Anna@example.com","status":"declined"}]}`, ""},
		"declined by another":        {"", `{"id":"u",` + when + `,"attendees":[{"email":"bert@example.com","status":"declined"}]}`, "u " + shownWhen + " busy "},
		"a whole day":                {"", `{"id":"u","start":{"date":"2026-03-09"},"end":{"date":"2026-03-11"}}`, "u 2026-03-09 2026-03-11 busy "},
		"a whole day without end":    {"", `{"id":"u","start":{"date":"2026-03-09"}}`, "u 2026-03-09 2026-03-10 busy "},
		"a whole day of no length":   {"", `{"id":"u","start":{"date":"2026-03-09"},"end":{"date":"2026-03-09"}}`, "u 2026-03-09 2026-03-10 busy "},
		"days by the clock, Berlin":  {"", `{"id":"u","start":{"date":"2026-03-09","time":"03:00:00","utc":true},"end":{"date":"2026-03-10","time":"19:00:00","utc":true},"x-lotus-appttype":{"data":"2"}}`, "u 2026-03-09 2026-03-11 busy "},
		"a day by the clock, Tokyo":  {"", `{"id":"u","start":{"date":"2026-03-08","time":"19:00:00","utc":true},"end":{"date":"2026-03-09","time":"11:00:00","utc":true},"x-lotus-appttype":{"data":"1"}}`, "u 2026-03-09 2026-03-10 free "},
		"a day by the clock, Hawaii": {"", `{"id":"u","start":{"date":"2026-03-09","time":"14:00:00","utc":true},"end":{"date":"2026-03-10","time":"06:00:00","utc":true},"x-lotus-appttype":{"data":"2"}}`, "u 2026-03-09 2026-03-10 busy "},
		"sixteen hours of work":      {"", `{"id":"u","start":{"date":"2026-03-09","time":"03:00:00","utc":true},"end":{"date":"2026-03-09","time":"19:00:00","utc":true},"x-lotus-appttype":{"data":"0"}}`, "u 2026-03-09T03:00:00Z 2026-03-09T19:00:00Z busy "},
		"in a zone, in winter":       {eastern, `{"id":"u","start":{"date":"2026-03-06","time":"09:00:00","tzid":"Eastern"},"end":{"date":"2026-03-06","time":"10:00:00","tzid":"Eastern"}}`, "u 2026-03-06T14:00:00Z 2026-03-06T15:00:00Z busy "},
		"in a zone, in summer":       {eastern, `{"id":"u","start":{"date":"2026-03-09","time":"09:00:00","tzid":"Eastern"},"end":{"date":"2026-03-09","time":"10:00:00","tzid":"Eastern"}}`, "u 2026-03-09T13:00:00Z 2026-03-09T14:00:00Z busy "},
		"over a change of clocks":    {eastern, `{"id":"u","start":{"date":"2026-03-08","time":"01:00:00","tzid":"Eastern"},"end":{"date":"2026-03-08","time":"04:00:00","tzid":"Eastern"}}`, "u 2026-03-08T06:00:00Z 2026-03-08T08:00:00Z busy "},
		"in a known zone":            {"", `{"id":"u","start":{"date":"2026-03-09","time":"09:00:00","tzid":"Europe/Berlin"},"end":{"date":"2026-03-09","time":"10:00:00","tzid":"Europe/Berlin"}}`, "u 2026-03-09T08:00:00Z 2026-03-09T09:00:00Z busy "},
		"in no zone, but the one":    {eastern, `{"id":"u","start":{"date":"2026-03-09","time":"09:00:00"},"end":{"date":"2026-03-09","time":"10:00:00"}}`, "u 2026-03-09T13:00:00Z 2026-03-09T14:00:00Z busy "},
		"in no zone at all":          {"", `{"id":"u","start":{"date":"2026-03-09","time":"09:00:00"},"end":{"date":"2026-03-09","time":"10:00:00"}}`, "u 2026-03-09T09:00:00Z 2026-03-09T10:00:00Z busy "},
		"a zone that breaks out":     {"", `{"id":"u","start":{"date":"2026-03-09","time":"09:00:00","tzid":"x\"\r\nSUMMARY:y"}}`, "unreadable"},
		"backwards":                  {"", `{"id":"u","start":{"date":"2026-03-09","time":"17:00:00","utc":true},"end":{"date":"2026-03-09","time":"16:00:00","utc":true}}`, "unreadable"},
		"without a beginning":        {"", `{"id":"u"}`, "unreadable"},
		"without an id":              {"", `{` + when + `}`, "unreadable"},
		"a date that is none":        {"", `{"id":"u","start":{"date":"2026-02-30"}}`, "unreadable"},
		"the year 9999":              {"", `{"id":"u","start":{"date":"9999-01-01"}}`, "unreadable"},
		"a text":                     {"", `"an event"`, "unreadable"},
		"categories":                 {"", `{"id":"u",` + when + `,"categories":"Red, really;Blue"}`, "u " + shownWhen + " busy [Red, really|Blue] "},
		"categories with commas":     {"", `{"id":"u",` + when + `,"categories":"Red,Blue"}`, "u " + shownWhen + " busy [Red|Blue] "},
		"categories in a list":       {"", `{"id":"u",` + when + `,"categories":["Red, really"," "]}`, "u " + shownWhen + " busy [Red, really] "},
		"an alarm":                   {"", `{"id":"u",` + when + `,"alarm":[{"action":"DISPLAY","trigger":{"value":"-PT15M"}},{"trigger":"-P1D"}]}`, "u " + shownWhen + " busy 24h0m0s "},
		"an alarm at the end":        {"", `{"id":"u",` + when + `,"alarm":[{"trigger":{"value":"-PT15M","related":"END"}}]}`, "u " + shownWhen + " busy "},
		"an alarm that is odd":       {"", `{"id":"u",` + when + `,"alarm":{"trigger":1}}`, "u " + shownWhen + " busy "},
	} {
		if got := meaning(one.zones, one.entry); got != one.want {
			t.Errorf("%s: %q, want %q", name, got, one.want)
		}
	}
}

// meaning writes what an entry means in one line.
func meaning(zones, entry string) string {
	a, keep, err := single(zones, entry)
	switch {
	case err != nil:
		return "unreadable"
	case !keep:
		return ""
	}
	text := a.ID + " " + a.Start.Format(time.RFC3339) + " " + a.End.Format(time.RFC3339)
	if a.AllDay {
		text = a.ID + " " + a.StartDate.String() + " " + a.EndDate.String()
	}
	text += " " + a.ShowAs.String() + " "
	if a.Private {
		text += "private "
	}
	if len(a.Categories) > 0 {
		text += "[" + strings.Join(a.Categories, "|") + "] "
	}
	if a.Reminder > 0 {
		text += a.Reminder.String() + " "
	}
	return text + a.Subject
}

// single reads an answer of one entry.
func single(zones, entry string) (a calendar.Appointment, keep bool, err error) {
	var p page
	if err := json.Unmarshal(fmt.Appendf(nil, `{"timezones":[%s],"events":[%s]}`, zones, entry), &p); err != nil || len(p.Events) == 0 {
		return a, false, errShape
	}
	var e event
	if json.Unmarshal(p.Events[0], &e) != nil {
		return a, false, errShape
	}
	if e.dropped("anna@example.com") {
		return a, false, nil
	}
	r := newResolver(p.Zones)
	r.prepare([]event{e})
	a, err = e.appointment(r)
	return a, true, err
}

// TestWhatAPrivateSeriesHides reads a series that the list calls private and its own text does not, and the other way round.
func TestWhatAPrivateSeriesHides(t *testing.T) {
	t.Parallel()
	text := func(class string) []byte {
		return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n" +
			"CLASS:" + class + "\r\nSUMMARY:Therapy\r\nURL:https://example.com/therapy\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	}
	for _, one := range []struct {
		list, own, subject string
	}{{"public", "PUBLIC", "Therapy"}, {"private", "PUBLIC", ""}, {"public", "PRIVATE", ""}, {"", "CONFIDENTIAL", ""}} {
		all, err := parseSeries(text(one.own), &event{ID: "u", Class: one.list}, marchFrom, marchTo, "anna@example.com")
		must(t, err)
		if len(all) != 3 {
			t.Fatalf("%d occurrences, want 3", len(all))
		}
		for _, a := range all {
			if a.Subject != one.subject || a.Private != (one.subject == "") || a.URL != "" {
				t.Errorf("class %q and %q: %+v, want subject %q", one.list, one.own, a, one.subject)
			}
		}
	}
}

// TestAReminderThatRecurs is one by what the list says, or by its own text.
func TestAReminderThatRecurs(t *testing.T) {
	t.Parallel()
	text := func(kind string) []byte {
		return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART:20260302T090000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n" +
			kind + "SUMMARY:Water the plants\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	}
	for _, one := range []struct {
		list property
		own  string
		want calendar.ShowAs
	}{{"4", "", calendar.Free}, {"", "X-LOTUS-APPTTYPE:4\r\n", calendar.Free}, {"", "X-LOTUS-APPTTYPE:0\r\n", calendar.Busy}, {"", "", calendar.Busy}} {
		all, err := parseSeries(text(one.own), &event{ID: "u", ApptType: one.list}, marchFrom, marchTo, "anna@example.com")
		must(t, err)
		if len(all) != 3 || all[0].ShowAs != one.want || all[2].ShowAs != one.want {
			t.Errorf("type %q, %q: %+v, want three that are %v", one.list, one.own, all, one.want)
		}
	}
}

// TestAServerWithoutEnd hands out full pages for ever; and one that is huge.
func TestAServerWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		answer func(http.ResponseWriter, int)
		kind   source.Kind
		most   int
	}{
		"pages without end": {func(w http.ResponseWriter, n int) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Range", fmt.Sprintf("items %d-%d", n*100, n*100+99))
			fmt.Fprintf(w, `{"events":[{"id":"u%d","start":{"date":"2026-03-09","time":"09:00:00","utc":true}}]}`, n)
		}, source.TooLarge, 201},
		"series without end": {func(w http.ResponseWriter, n int) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Range", fmt.Sprintf("items %d-%d", n*100, n*100+99))
			var b strings.Builder
			for i := range 100 {
				fmt.Fprintf(&b, `,{"id":"u%d-%d","start":{"date":"2026-03-09"},"recurrenceRule":"FREQ=DAILY"}`, n, i)
			}
			fmt.Fprintf(w, `{"events":[%s]}`, b.String()[1:])
		}, source.TooLarge, 4},
		"a page that is huge": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"events":["`))
			w.Write(bytes.Repeat([]byte("x"), maxPage))
			w.Write([]byte(`"]}`))
		}, source.TooLarge, 1},
		"a range that goes back": {func(w http.ResponseWriter, n int) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Range", "items 0-0")
			if n < 3 {
				fmt.Fprintf(w, `{"events":[%s{"id":"last","start":{"date":"2026-03-09"}}]}`, strings.Repeat(`{"id":"u","start":{"date":"2026-03-09"}},`, 99))
			}
		}, source.Other, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0 // questions come one after the other
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				one.answer(w, n)
				n++
			}))
			t.Cleanup(server.Close)
			client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			t.Cleanup(client.CloseIdleConnections)
			s, err := New(Config{URL: server.URL, AllowHTTP: true, Username: "u", Password: "p", MailFile: "mail/{local}.nsf", HTTP: client})
			must(t, err)
			t.Cleanup(s.Close)
			_, err = s.Fetch(t.Context(), anna())
			switch {
			case one.kind == source.Other && err != nil:
				t.Errorf("%v, want none", err)
			case one.kind != source.Other && errorOf(t, err).Kind != one.kind:
				t.Errorf("%v, want %v", err, one.kind)
			}
			if n > one.most {
				t.Errorf("asked %d times, want at most %d", n, one.most)
			}
		})
	}
}

// FuzzEntries reads anything as an answer.
func FuzzEntries(f *testing.F) {
	f.Add(eastern, `{"id":"u","start":{"date":"2026-03-09","time":"09:00:00","tzid":"Eastern"},"end":{"date":"2026-03-09"},"categories":"a;b","alarm":[{"trigger":"-PT5M"}]}`)
	f.Add("", `{"id":"u","recurrenceRule":"FREQ=DAILY","start":{"date":"2026-03-09"},"x-lotus-appttype":{"data":"2"}}`)
	f.Add(`{"tzid":"x","standard":null}`, `[]`)
	f.Add("", `{"id":"u","class":"private","summary":"Therapy","start":{"date":"2026-03-09"}}`)
	f.Fuzz(func(t *testing.T, zones, entry string) {
		a, keep, err := single(zones, entry)
		if err != nil || !keep {
			return
		}
		data := calendar.Write([]calendar.Appointment{a})
		if a.Private && (a.Subject != "" || bytes.Contains(data, []byte("\nSUMMARY"))) {
			t.Errorf("a private entry tells its subject:\n%s", data)
		}
		c, err := calendar.Parse(bytes.NewReader(data), calendar.Limits{})
		if err != nil || len(c.Problems()) > 0 {
			t.Errorf("what is handed over cannot be read: %v %v\n%s", err, c, data)
		}
	})
}
