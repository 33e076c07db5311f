package localcal

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/api"
)

// Appointment is written twice, because the desktop client needs nothing else of the server. Both have to be the same.
func TestAppointmentIsThatOfTheAPI(t *testing.T) {
	t.Parallel()
	ours, theirs := reflect.TypeFor[Appointment](), reflect.TypeFor[api.LocalAppointment]()
	if ours.NumField() != theirs.NumField() {
		t.Errorf("%d fields, and %d in the API", ours.NumField(), theirs.NumField())
	}
	for i := range theirs.NumField() {
		f := theirs.Field(i)
		o, ok := ours.FieldByName(f.Name)
		if !ok || o.Type != f.Type || o.Tag.Get("json") != f.Tag.Get("json") {
			t.Errorf("%s is %v `%s`, and %v `%s` in the API", f.Name, o.Type, o.Tag, f.Type, f.Tag)
		}
	}
	tag := func(of reflect.Type, field, key string) string {
		f, ok := of.FieldByName(field)
		if !ok {
			t.Fatalf("%v has no %s", of, field)
		}
		return f.Tag.Get(key)
	}
	atMost := func(what string, n int, limit string) {
		if m, err := strconv.Atoi(limit); err != nil || n > m {
			t.Errorf("%s may be %d, and %q in the API", what, n, limit)
		}
	}
	body := reflect.TypeFor[api.LocalCalendarInput]()
	b, _ := body.FieldByName("Body")
	atMost("appointments", mostAppointments, tag(b.Type, "Appointments", "maxItems"))
	atMost("the lease", int(defaultLease.Seconds()), tag(b.Type, "LeaseSeconds", "maximum"))
	atMost("an ID", len(digest("x")), tag(theirs, "ID", "maxLength"))
	atMost("a subject", longestSubject, tag(theirs, "Subject", "maxLength"))
	atMost("categories", mostCategories, tag(theirs, "Categories", "maxItems"))
	atMost("a reminder", longestReminder, tag(theirs, "ReminderMinutes", "maximum"))
	words := strings.Split(tag(theirs, "ShowAs", "enum"), ",")
	if len(words) != len(outlookShows) {
		t.Errorf("%d words for show-as, and %q in the API", len(outlookShows), words)
	}
	for i, word := range words {
		if outlookShows[int64(i)] != word {
			t.Errorf("%d shows as %q, want %q", i, outlookShows[int64(i)], word)
		}
	}
}

// What is read is understood by the API as it is, with nothing that it does not know.
func TestAppointmentsAreTakenByTheAPI(t *testing.T) {
	t.Parallel()
	all, _, err := readAll(&replay{t: t, recording: load(t, "outlook-days.json")}, Outlook{}, novemberDays(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"lease_seconds": 86400, "appointments": all})
	if err != nil {
		t.Fatal(err)
	}
	var in api.LocalCalendarInput
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in.Body); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(in.Body.Appointments)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := json.Marshal(all); string(back) != string(want) {
		t.Errorf("the API has\n%s, want\n%s", back, want)
	}
}
