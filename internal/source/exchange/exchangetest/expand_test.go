package exchangetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"
)

func TestSeriesAreExpandedOnTheClocksOfTheirZone(t *testing.T) {
	t.Parallel()
	const berlin = "W. Europe Standard Time"
	for _, test := range []struct {
		name     string
		e        Event
		from, to string
		want     string // start/end, in UTC
	}{
		{"daily over the change to summer time: the clock on the wall stays",
			Event{Start: at("2027-03-27T08:00:00Z"), End: at("2027-03-27T09:00:00Z"), Zone: berlin, Recurrence: &Recurrence{Pattern: Daily}},
			"2027-03-27T00:00:00Z", "2027-03-30T00:00:00Z", "27T08:00-27T09:00 28T07:00-28T08:00 29T07:00-29T08:00"},
		{"daily over the change to winter time",
			Event{Start: at("2027-10-30T07:00:00Z"), End: at("2027-10-30T08:00:00Z"), Zone: berlin, Recurrence: &Recurrence{Pattern: Daily, Count: 2}},
			"2027-10-01T00:00:00Z", "2027-12-01T00:00:00Z", "30T07:00-30T08:00 31T08:00-31T09:00"},
		{"what clocks leave out is as if they had not been set",
			Event{Start: at("2027-03-27T01:30:00Z"), End: at("2027-03-27T01:45:00Z"), Zone: berlin, Recurrence: &Recurrence{Pattern: Daily, Count: 3}},
			"2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z", "27T01:30-27T01:45 28T01:30-28T01:45 29T00:30-29T00:45"},
		{"what clocks show twice is the first",
			Event{Start: at("2027-10-30T00:30:00Z"), End: at("2027-10-30T00:45:00Z"), Zone: berlin, Recurrence: &Recurrence{Pattern: Daily, Count: 3}},
			"2027-10-01T00:00:00Z", "2027-12-01T00:00:00Z", "30T00:30-30T00:45 31T00:30-31T00:45 01T01:30-01T01:45"},
		{"a night of the change is an hour shorter",
			Event{Start: at("2027-03-26T21:00:00Z"), End: at("2027-03-27T05:00:00Z"), Zone: berlin, Recurrence: &Recurrence{Pattern: Daily, Count: 2}},
			"2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z", "26T21:00-27T05:00 27T21:00-28T04:00"},
		{"whole days are from midnight to midnight of the zone",
			Event{Start: at("2027-03-27T05:00:00Z"), End: at("2027-03-27T06:00:00Z"), Zone: berlin, AllDay: true, Recurrence: &Recurrence{Pattern: Daily, Count: 3}},
			"2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z", "26T23:00-27T23:00 27T23:00-28T22:00 28T22:00-29T22:00"},
		{"every second week, weeks beginning on Sunday",
			Event{Start: at("2027-03-02T09:00:00Z"), End: at("2027-03-02T10:00:00Z"), Recurrence: &Recurrence{Pattern: Weekly, Interval: 2, Days: []string{"Sunday", "Tuesday"}, Count: 4}},
			"2027-03-01T00:00:00Z", "2027-05-01T00:00:00Z", "02T09:00-02T10:00 14T09:00-14T10:00 16T09:00-16T10:00 28T09:00-28T10:00"},
		{"every second week, weeks beginning on Monday",
			Event{Start: at("2027-03-02T09:00:00Z"), End: at("2027-03-02T10:00:00Z"), Recurrence: &Recurrence{Pattern: Weekly, Interval: 2, Days: []string{"Sunday", "Tuesday"}, FirstDay: time.Monday, Count: 4}},
			"2027-03-01T00:00:00Z", "2027-05-01T00:00:00Z", "02T09:00-02T10:00 07T09:00-07T10:00 16T09:00-16T10:00 21T09:00-21T10:00"},
		{"the 31st is the last day of shorter months",
			Event{Start: at("2028-01-31T09:00:00Z"), End: at("2028-01-31T10:00:00Z"), Recurrence: &Recurrence{Pattern: AbsoluteMonthly, DayOfMonth: 31, Count: 4}},
			"2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z", "31T09:00-31T10:00 29T09:00-29T10:00 31T09:00-31T10:00 30T09:00-30T10:00"},
		{"the last working day of the month",
			Event{Start: at("2027-01-01T09:00:00Z"), End: at("2027-01-01T10:00:00Z"), Recurrence: &Recurrence{Pattern: RelativeMonthly, Days: []string{"Weekday"}, Index: "Last", Count: 3}},
			"2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "29T09:00-29T10:00 26T09:00-26T10:00 31T09:00-31T10:00"},
		{"the second weekend day every other month",
			Event{Start: at("2027-01-01T09:00:00Z"), End: at("2027-01-01T10:00:00Z"), Recurrence: &Recurrence{Pattern: RelativeMonthly, Interval: 2, Days: []string{"WeekendDay"}, Index: "Second", Count: 2}},
			"2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "03T09:00-03T10:00 07T09:00-07T10:00"},
		{"29 February",
			Event{Start: at("2028-02-29T09:00:00Z"), End: at("2028-02-29T10:00:00Z"), Recurrence: &Recurrence{Pattern: AbsoluteYearly, DayOfMonth: 29, Month: time.February, Count: 2}},
			"2028-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "29T09:00-29T10:00 28T09:00-28T10:00"},
		{"the first Thursday of November, until a day that counts",
			Event{Start: at("2027-11-01T09:00:00Z"), End: at("2027-11-01T10:00:00Z"), Recurrence: &Recurrence{Pattern: RelativeYearly, Days: []string{"Thursday"}, Index: "First", Month: time.November, EndDate: Date{2029, time.November, 1}}},
			"2027-01-01T00:00:00Z", "2035-01-01T00:00:00Z", "04T09:00-04T10:00 02T09:00-02T10:00 01T09:00-01T10:00"},
		{"only what touches the view is not in it",
			Event{Start: at("2027-03-01T09:00:00Z"), End: at("2027-03-01T10:00:00Z"), Recurrence: &Recurrence{Pattern: Daily}},
			"2027-03-02T10:00:00Z", "2027-03-04T09:00:00Z", "03T09:00-03T10:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, anna := office(t, Config{})
			if _, err := anna.Put(test.e); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range anna.View(at(test.from), at(test.to)) {
				got = append(got, o.Event.Start.Format("02T15:04")+"-"+o.Event.End.Format("02T15:04"))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

// The patterns of EWS against the rules of RFC 5545, as another library expands them.
func TestPatternsAreThoseOfRFC5545(t *testing.T) {
	t.Parallel()
	days := map[string]rrule.Weekday{"Sunday": rrule.SU, "Monday": rrule.MO, "Tuesday": rrule.TU, "Wednesday": rrule.WE, "Thursday": rrule.TH, "Friday": rrule.FR, "Saturday": rrule.SA}
	byWord := func(word string) []rrule.Weekday {
		var all []rrule.Weekday
		for i, name := range dayNames {
			if dayMask(word)&(1<<i) != 0 {
				all = append(all, days[name])
			}
		}
		return all
	}
	rapid.Check(t, func(t *rapid.T) {
		start := dateOf(rapid.IntRange(18000, 25000).Draw(t, "start"))
		r := Recurrence{Pattern: rapid.SampledFrom([]Pattern{Daily, Weekly, AbsoluteMonthly, RelativeMonthly, AbsoluteYearly, RelativeYearly}).Draw(t, "pattern"),
			StartDate: start, Interval: rapid.IntRange(1, 5).Draw(t, "interval"), Count: rapid.IntRange(1, 40).Draw(t, "count")}
		o := rrule.ROption{Dtstart: time.Date(start.Year, start.Month, start.Day, 0, 0, 0, 0, time.UTC), Count: r.Count, Interval: r.Interval, Wkst: rrule.SU}
		yearly := r.Pattern == AbsoluteYearly || r.Pattern == RelativeYearly
		if yearly {
			r.Month = time.Month(rapid.IntRange(1, 12).Draw(t, "month"))
			o.Freq, o.Interval, o.Bymonth = rrule.YEARLY, 1, []int{int(r.Month)}
		}
		switch r.Pattern {
		case Daily:
			o.Freq = rrule.DAILY
		case Weekly:
			o.Freq = rrule.WEEKLY
			r.Days = rapid.SliceOfNDistinct(rapid.SampledFrom(dayNames), 1, 7, rapid.ID[string]).Draw(t, "days")
			for _, d := range r.Days {
				o.Byweekday = append(o.Byweekday, days[d])
			}
			r.FirstDay = time.Weekday(rapid.IntRange(0, 6).Draw(t, "first day"))
			o.Wkst = days[dayNames[r.FirstDay]]
		case AbsoluteMonthly, AbsoluteYearly:
			if !yearly {
				o.Freq = rrule.MONTHLY
			}
			r.DayOfMonth = rapid.IntRange(1, 31).Draw(t, "day")
			for d := min(r.DayOfMonth, 28); d <= r.DayOfMonth; d++ { // the last of these that the month has
				o.Bymonthday = append(o.Bymonthday, d)
			}
			o.Bysetpos = []int{-1}
		default:
			if !yearly {
				o.Freq = rrule.MONTHLY
			}
			word := rapid.SampledFrom(append([]string{"Day", "Weekday", "WeekendDay"}, dayNames...)).Draw(t, "word")
			r.Days, r.Index = []string{word}, rapid.SampledFrom(indexNames).Draw(t, "index")
			o.Byweekday = byWord(word)
			o.Bysetpos = []int{[]int{1, 2, 3, 4, -1}[slices.Index(indexNames, r.Index)]}
		}
		rule, err := rrule.NewRRule(o)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for n := range r.days() {
			got = append(got, dateOf(n).String())
		}
		for _, day := range rule.All() {
			want = append(want, day.Format(time.DateOnly))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\ngot  %v\nwant %v", r, got, want)
		}
	})
}

func TestExceptionsOfASeries(t *testing.T) {
	t.Parallel()
	_, anna := office(t, Config{})
	series, err := anna.Put(Event{Subject: "Jour fixe", Location: "Room 1", Start: at("2027-03-01T09:00:00Z"), End: at("2027-03-01T10:00:00Z"),
		Recurrence: &Recurrence{Pattern: Daily, Count: 6}})
	if err != nil {
		t.Fatal(err)
	}
	show := func() string {
		var all []string
		for _, o := range anna.View(at("2027-02-01T00:00:00Z"), at("2027-05-01T00:00:00Z")) {
			all = append(all, fmt.Sprint(o.Type[:1], o.Event.Start.Format("02T15"), " ", o.Event.Subject, " ", o.Event.Location))
		}
		return strings.Join(all, ", ")
	}
	occurrence := func(day string) string {
		id, err := anna.Occurrence(series, at("2027-03-"+day+"T09:00:00Z"))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(anna.Change(occurrence("02"), func(e *Event) {
		e.Subject, e.Start, e.End = "Moved", e.Start.Add(3*time.Hour), e.End.Add(3*time.Hour)
	}))
	must(anna.Delete(occurrence("03")))
	must(anna.Cancel(occurrence("04")))
	want := "O01T09 Jour fixe Room 1, E02T12 Moved Room 1, E04T09 Canceled: Jour fixe Room 1, O05T09 Jour fixe Room 1, O06T09 Jour fixe Room 1"
	if got := show(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := anna.Occurrence(series, at("2027-03-03T09:00:00Z")); err == nil {
		t.Error("the deleted occurrence is still there")
	}
	err = anna.Change(occurrence("05"), func(e *Event) { e.Start, e.End = e.Start.Add(24*time.Hour), e.End.Add(24*time.Hour) })
	if err == nil || !strings.HasPrefix(err.Error(), "ErrorOccurrenceCrossingBoundary") {
		t.Errorf("onto the next occurrence: %v", err)
	}
	// What an exception did not change goes with the series.
	must(anna.Change(series, func(e *Event) { e.Subject, e.Location = "Weekly", "Room 2" }))
	want = "O01T09 Weekly Room 2, E02T12 Moved Room 2, E04T09 Canceled: Jour fixe Room 2, O05T09 Weekly Room 2, O06T09 Weekly Room 2"
	if got := show(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// Another time is another series: its exceptions are gone.
	must(anna.Change(series, func(e *Event) { e.Start, e.End = e.Start.Add(time.Hour), e.End.Add(time.Hour) }))
	want = "O01T10 Weekly Room 2, O02T10 Weekly Room 2, O03T10 Weekly Room 2, O04T10 Weekly Room 2, O05T10 Weekly Room 2, O06T10 Weekly Room 2"
	if got := show(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	must(anna.Delete(series))
	if got := show(); got != "" {
		t.Errorf("after all is deleted: %s", got)
	}
}
