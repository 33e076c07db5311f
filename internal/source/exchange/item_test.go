package exchange

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

// What an item says, in one word each, and what it is taken for.
func TestAppointments(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "http://127.0.0.1:1", nil)
	base := func() item {
		return item{UID: "u", Subject: "Plan", Sensitivity: "Normal", Start: "2026-03-10T09:00:00Z", End: "2026-03-10T10:00:00Z", FreeBusy: "Busy", Type: "Single",
			WebLink: "https://mail.example.com/owa/?ItemID=AAA&exvsurl=1"}
	}
	show := func(e entry) string {
		a := e.Appointment
		out := fmt.Sprintf("%s %v %q", a.ID, a.ShowAs, a.Subject)
		if a.AllDay {
			out += fmt.Sprintf(" %v..%v", a.StartDate, a.EndDate)
		}
		if a.Private {
			out += " private"
		}
		if a.URL != "" {
			out += " " + a.URL
		}
		for _, c := range a.Categories {
			out += " #" + c
		}
		if a.Reminder != 0 {
			out += fmt.Sprint(" ", a.Reminder)
		}
		return out
	}
	const link = " https://mail.example.com/owa/?ItemID=AAA&exvsurl=1"
	for name, tc := range map[string]struct {
		edit func(*item)
		want string // empty: none
	}{
		"plain":               {func(*item) {}, `u busy "Plan"` + link},
		"free is kept":        {func(i *item) { i.FreeBusy = "Free" }, `u free "Plan"` + link},
		"tentative":           {func(i *item) { i.FreeBusy = "Tentative" }, `u tentative "Plan"` + link},
		"out of office":       {func(i *item) { i.FreeBusy = "OOF" }, `u out_of_office "Plan"` + link},
		"elsewhere":           {func(i *item) { i.FreeBusy = "WorkingElsewhere" }, `u working_elsewhere "Plan"` + link},
		"no data":             {func(i *item) { i.FreeBusy = "NoData" }, `u free "Plan"` + link},
		"unknown word":        {func(i *item) { i.FreeBusy = "Dancing" }, `u free "Plan"` + link},
		"nothing said":        {func(i *item) { i.FreeBusy = "" }, `u busy "Plan"` + link},
		"cancelled":           {func(i *item) { i.Cancelled = " true " }, ""},
		"cancelled in digits": {func(i *item) { i.Cancelled = "1" }, ""},
		"declined":            {func(i *item) { i.Response = "Decline" }, ""},
		"not answered":        {func(i *item) { i.Response = "NoResponseReceived" }, `u busy "Plan"` + link},
		"master":              {func(i *item) { i.Type = "RecurringMaster" }, ""},
		"private":             {func(i *item) { i.Sensitivity = "Private" }, `u busy "" private`},
		"personal":            {func(i *item) { i.Sensitivity = "Personal" }, `u busy "" private`},
		"confidential":        {func(i *item) { i.Sensitivity = "Confidential" }, `u busy "" private`},
		"unknown sensitivity": {func(i *item) { i.Sensitivity = "Secret" }, `u busy "" private`},
		"occurrence": {func(i *item) { i.Type, i.OriginalStart = "Occurrence", "2026-03-10T09:00:00Z" },
			`u/20260310T090000Z busy "Plan"` + link},
		"moved occurrence": {func(i *item) {
			i.Type, i.OriginalStart, i.Start, i.End = "Exception", "2026-03-10T09:00:00Z", "2026-03-11T12:00:00Z", "2026-03-11T13:00:00Z"
		},
			`u/20260310T090000Z busy "Plan"` + link},
		"with a RecurrenceId": {func(i *item) { i.Type, i.RecurrenceID = "Exception", "2026-03-10T10:00:00+01:00" }, `u/20260310T090000Z busy "Plan"` + link},
		"with neither":        {func(i *item) { i.Type = "Occurrence" }, `u/20260310T090000Z busy "Plan"` + link},
		"all day in Berlin": {func(i *item) {
			i.AllDay, i.Zone.ID, i.Start, i.End = "true", "W. Europe Standard Time", "2026-07-09T22:00:00Z", "2026-07-11T22:00:00Z"
		}, `u busy "Plan" 2026-07-10..2026-07-12` + link},
		"all day in Auckland": {func(i *item) {
			i.AllDay, i.Zone.ID, i.Start, i.End = "true", "New Zealand Standard Time", "2026-01-09T11:00:00Z", "2026-01-10T11:00:00Z"
		}, `u busy "Plan" 2026-01-10..2026-01-11` + link},
		"all day in New York, by another field": {func(i *item) {
			i.AllDay, i.ZoneID, i.Start, i.End = "true", "Eastern Standard Time", "2026-07-10T04:00:00Z", "2026-07-11T04:00:00Z"
		}, `u busy "Plan" 2026-07-10..2026-07-11` + link},
		"all day, zone unknown": {func(i *item) {
			i.AllDay, i.Zone.ID, i.Start, i.End = "true", "Customized Time Zone", "2026-07-09T22:00:00Z", "2026-07-10T22:00:00Z"
		}, `u busy "Plan" 2026-07-10..2026-07-11` + link},
		"all day, zone does not fit": {func(i *item) {
			i.AllDay, i.Zone.ID, i.Start, i.End = "true", "Tokyo Standard Time", "2026-07-09T22:00:00Z", "2026-07-10T22:00:00Z"
		}, `u busy "Plan" 2026-07-10..2026-07-11` + link},
		"all day over the end of summer time": {func(i *item) {
			i.AllDay, i.Zone.ID, i.Start, i.End = "true", "W. Europe Standard Time", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"
		}, `u busy "Plan" 2026-10-25..2026-10-26` + link},
		"all day without length": {func(i *item) {
			i.AllDay, i.Start, i.End = "true", "2026-07-10T00:00:00Z", "2026-07-10T00:00:00Z"
		}, `u busy "Plan" 2026-07-10..2026-07-11` + link},
		"reminder and categories": {func(i *item) {
			i.ReminderIsSet, i.Reminder, i.Categories = "true", "15", []string{" Travel ", "", "Red"}
		}, `u busy "Plan"` + link + " #Travel #Red 15m0s"},
		"reminder switched off":   {func(i *item) { i.ReminderIsSet, i.Reminder = "false", "15" }, `u busy "Plan"` + link},
		"reminder out of reason":  {func(i *item) { i.ReminderIsSet, i.Reminder = "true", "2629800" }, `u busy "Plan"` + link},
		"query only":              {func(i *item) { i.WebLink = "?ae=Item&a=Open&t=IPM.Appointment" }, `u busy "Plan" https://web.example.com/owa/?ae=Item&a=Open&t=IPM.Appointment`},
		"link that is none":       {func(i *item) { i.WebLink = "javascript:alert(1)" }, `u busy "Plan"`},
		"link without encryption": {func(i *item) { i.WebLink = "http://mail.example.com/owa/" }, `u busy "Plan"`},
		"link with a password":    {func(i *item) { i.WebLink = "https://a:b@mail.example.com/owa/" }, `u busy "Plan"`},
		"no UID":                  {func(i *item) { i.UID, i.ID.ID = "", "AAA=" }, `e2d4768b3472b90ca749600da34e6221 busy "Plan"` + link},
		"no start":                {func(i *item) { i.Start = "" }, ""},
		"ends before it starts":   {func(i *item) { i.End = "2026-03-10T08:00:00Z" }, ""},
		"start of the year 1":     {func(i *item) { i.Start = "0001-01-01T00:00:00Z" }, ""},
	} {
		i := base()
		tc.edit(&i)
		got := ""
		if e, ok := s.appointment(&i, "https://web.example.com/owa/"); ok {
			got = show(e)
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// Items that reach over the border of two views count once; copies with the same UID keep apart, whatever their order.
func TestSorted(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return time.Date(2026, 3, 10, hour, 0, 0, 0, time.UTC) }
	one := func(id, item string, hour int) entry {
		return entry{Appointment: calendar.Appointment{ID: id, Start: at(hour), End: at(hour + 1)}, item: item}
	}
	for _, list := range [][]entry{
		{one("a", "1", 9), one("b", "2", 8), one("a", "3", 9), one("b", "2", 8)},
		{one("a", "3", 9), one("b", "2", 8), one("b", "2", 8), one("a", "1", 9)},
	} {
		var got []string
		for _, a := range sorted(list) {
			got = append(got, a.ID)
		}
		if g := strings.Join(got, " "); g != "b a a#2" {
			t.Errorf("they are %s", g)
		}
	}
}

// A view that does not hold everything is asked for in halves, to the end.
func TestViewIsHalved(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, exchangetest.Config{}, func(c *Config) { c.timing.entries = 50 })
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, 30)
	const n = 140
	for i := range n {
		o.put(0, meeting(fmt.Sprint(i), from.Add(time.Duration(i)*15*time.Minute)))
	}
	c := o.copy(0, from, to)
	c.fetch()
	if got := strings.Count(c.data, "BEGIN:VEVENT"); got != n {
		t.Errorf("%d appointments are read, want %d", got, n)
	}
	if got := o.server.Counters().Requests["FindItem"]; got < 5 || got > 20 {
		t.Errorf("it takes %d views", got)
	}
}

// Too many at one time are too many.
func TestViewHasAnEnd(t *testing.T) {
	t.Parallel()
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		switch op {
		case "SyncFolderItems":
			io.WriteString(w, synced("one", ""))
		case "FindItem":
			io.WriteString(w, items(false, standUp))
		}
	})
	_, err := newSystem(t, s.URL, nil).Fetch(within(t), march("anna@example.com"))
	if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.TooLarge {
		t.Errorf("it says %v", err)
	}
	if n := len(strings.Fields(s.operations())); n > maxViews+1 {
		t.Errorf("it is asked %d times", n)
	}
}

// Series are read as they are on the server: an occurrence that is moved keeps its ID, one that is cancelled goes.
func TestSeries(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, exchangetest.Config{}, nil)
	start := time.Date(2026, 3, 23, 8, 0, 0, 0, time.UTC) // 09:00 in Berlin, before the clocks change on the 29th
	series := o.put(0, exchangetest.Event{UID: "series", Subject: "Stand-up", Start: start, End: start.Add(15 * time.Minute), Zone: "W. Europe Standard Time",
		Recurrence: &exchangetest.Recurrence{Pattern: exchangetest.Daily, Count: 10}})
	c := o.copy(0, start.AddDate(0, 0, -1), start.AddDate(0, 0, 20))
	c.fetch()
	times := func() (out string) {
		var id string
		for line := range strings.Lines(c.data) {
			line = strings.TrimSpace(line)
			if s, ok := strings.CutPrefix(line, "UID:"); ok {
				id = strings.TrimPrefix(s, "series/")
			}
			if s, ok := strings.CutPrefix(line, "DTSTART:"); ok {
				out += " " + id[4:8] + "@" + s[4:13]
			}
		}
		return out
	}
	const before = " 0323@0323T0800 0324@0324T0800 0325@0325T0800 0326@0326T0800 0327@0327T0800 0328@0328T0800"
	if got, want := times(), before+" 0329@0329T0700 0330@0330T0700 0331@0331T0700 0401@0401T0700"; got != want {
		t.Errorf("the series is\n%s, want\n%s", got, want)
	}
	moved, err := o.server.Mailbox(person0(0)).Occurrence(series, time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := o.server.Mailbox(person0(0)).Occurrence(series, time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	err = o.server.Mailbox(person0(0)).Change(moved, func(e *exchangetest.Event) {
		e.Start, e.End = e.Start.Add(5*time.Hour), e.End.Add(5*time.Hour)
	})
	if err = errors.Join(err, o.server.Mailbox(person0(0)).Delete(gone)); err != nil {
		t.Fatal(err)
	}
	if r := c.fetch(); r.Unchanged {
		t.Error("it is said not to have changed")
	}
	if got, want := times(), before+" 0329@0329T1200 0330@0330T0700 0401@0401T0700"; got != want {
		t.Errorf("the series is\n%s, want\n%s", got, want)
	}
}

// A change between the question for changes and the view is read, once more if need be, and never lost.
func TestChangeInBetweenIsNotLost(t *testing.T) {
	t.Parallel()
	version, inner := 1, ""
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		switch op {
		case "SyncFolderItems":
			_, after, _ := strings.Cut(body, "<m:SyncState>")
			old, _, _ := strings.Cut(after, "<")
			changes := ""
			if old != fmt.Sprint("v", version) {
				changes = `<t:Update><t:CalendarItem><t:ItemId Id="AAA="/></t:CalendarItem></t:Update>`
			}
			io.WriteString(w, synced(fmt.Sprint("v", version), changes))
		case "FindItem":
			seen := inner
			if inner == "" {
				inner = standUp // just after it was read
				version++
			}
			io.WriteString(w, items(true, seen))
		}
	})
	sys := newSystem(t, s.URL, nil)
	a := march("anna@example.com")
	first, err := sys.Fetch(within(t), a)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(first.Objects[0].Data), "VEVENT") {
		t.Fatal("the test makes no sense")
	}
	a.State, a.Known = first.State, map[string]string{Href: first.Objects[0].ETag}
	second, err := sys.Fetch(within(t), a)
	if err != nil {
		t.Fatal(err)
	}
	if second.Unchanged || !strings.Contains(string(second.Objects[0].Data), "VEVENT") {
		t.Errorf("the change is lost: %+v", second)
	}
}

// No subject and no address of a private appointment leaves the package.
func TestPrivateStaysPrivate(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, exchangetest.Config{}, nil)
	start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for _, sensitivity := range []string{"Private", "Personal", "Confidential"} {
		e := meeting("Doctor", start)
		e.Sensitivity = sensitivity
		o.put(0, e)
	}
	c := o.copy(0, start.Add(-time.Hour), start.Add(time.Hour))
	r := c.fetch()
	if strings.Contains(c.data, "Doctor") || strings.Contains(c.data, "owa") || strings.Count(c.data, "CLASS:PRIVATE") != 3 || strings.Contains(r.State, "Doctor") {
		t.Errorf("it hands out\n%s", c.data)
	}
}

// A state of somebody else, a damaged one and one the server does not know are read over.
func TestStatesThatAreNoGood(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 2, exchangetest.Config{}, nil)
	start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	o.put(0, meeting("mine", start))
	o.put(1, meeting("theirs", start))
	theirs := o.copy(1, start.Add(-time.Hour), start.Add(time.Hour))
	theirs.fetch()
	c := o.copy(0, start.Add(-time.Hour), start.Add(time.Hour))
	c.fetch()
	for _, state := range []string{theirs.account.State, "garbage", `{"key":1}`, strings.Replace(c.account.State, `"sync":"`, `"sync":"x`, 1)} {
		c.account.State, c.account.Known, c.data = state, nil, ""
		if c.fetch(); c.subjects() != "mine" {
			t.Errorf("with the state %.40q it reads %q", state, c.subjects())
		}
	}
	o.server.InvalidateStates(person0(0))
	o.put(0, meeting("later", start.Add(time.Minute)))
	if c.fetch(); c.subjects() != "mine, later" {
		t.Errorf("it reads %q", c.subjects())
	}
}
