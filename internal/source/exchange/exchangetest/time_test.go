package exchangetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTimesAreToldInTheZoneThatIsAskedFor(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	if _, err := anna.Put(Event{Start: at("2027-03-26T23:00:00Z"), End: at("2027-03-27T23:00:00Z"), Zone: "W. Europe Standard Time", AllDay: true}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s, "anna@example.test", "secret")
	ask := func(version, header, view string) string {
		envelope := strings.Replace(strings.Replace(c.envelope(strings.Replace(viewOfMarch, `<m:CalendarView StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>`, view, 1)),
			"Exchange2013_SP1", version, 1), "</s:Header>", header+"</s:Header>", 1)
		_, answer := c.send(envelope)
		item := answer.first("t:CalendarItem")
		return item.kid("t:Start").value() + " " + item.kid("t:End").value()
	}
	const berlin = `<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>`
	const precise = `<t:DateTimePrecision>Milliseconds</t:DateTimePrecision>`
	march := `<m:CalendarView StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>`
	// Without an offset, the ends of the view are in that zone: the day ends when the view begins, there but not in UTC.
	after := `<m:CalendarView StartDate="2027-03-28T00:00:00" EndDate="2027-04-01T00:00:00"/>`
	before := `<m:CalendarView StartDate="2027-03-27T23:30:00" EndDate="2027-04-01T00:00:00"/>`
	for _, test := range []struct{ name, version, header, view, want string }{
		{"none", "Exchange2013_SP1", "", march, "2027-03-26T23:00:00Z 2027-03-27T23:00:00Z"},
		{"Berlin", "Exchange2013_SP1", berlin, march, "2027-03-27T00:00:00+01:00 2027-03-28T00:00:00+01:00"},
		{"precisely", "Exchange2013_SP1", precise, march, "2027-03-26T23:00:00.000Z 2027-03-27T23:00:00.000Z"},
		{"an old client", "Exchange2007_SP1", berlin, march, "2027-03-26T23:00:00Z 2027-03-27T23:00:00Z"},
		{"a view that begins when the day ends", "Exchange2013_SP1", berlin, after, " "},
		{"a view that begins half an hour earlier", "Exchange2013_SP1", berlin, before, "2027-03-27T00:00:00+01:00 2027-03-28T00:00:00+01:00"},
	} {
		if got := ask(test.version, test.header, test.view); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// The rules that the server gives for its zones lead to what clocks there show.
func TestZoneRulesAreThoseOfTheZones(t *testing.T) {
	t.Parallel()
	var seen recorder
	s, _ := office(t, Config{Record: seen.record, Now: func() time.Time { return at("2027-01-15T12:00:00Z") }})
	c := newClient(t, s, "anna@example.test", "secret")
	_, answer := c.ask(`<m:GetServerTimeZones ReturnFullTimeZoneData="true"/>`)
	definitions := answer.all("t:TimeZoneDefinition")
	if len(definitions) != len(zoneNames) {
		t.Errorf("%d zones, want %d", len(definitions), len(zoneNames))
	}
	for _, d := range definitions {
		bias := map[string]int{} // of periods, in minutes
		for _, p := range d.all("t:Period") {
			bias[p.attr("Id")] = isoMinutes(t, p.attr("Bias"))
		}
		type turn struct {
			wall int64
			bias int
		}
		var turns []turn
		now := 0
		for _, x := range d.first("t:TransitionsGroup").kids {
			to := bias[x.kid("t:To").value()]
			if x.name != "t:RecurringDayTransition" {
				now = to
				continue
			}
			order := atoi(x.kid("t:Occurrence").value())
			if order < 0 {
				order = 5
			}
			r := rule{month: atoi(x.kid("t:Month").value()), order: order, day: slices.Index(dayNames, x.kid("t:DayOfWeek").value()),
				at: time.Duration(isoMinutes(t, x.kid("t:TimeOffset").value())) * time.Minute}
			turns = append(turns, turn{r.on(2027).Unix(), to})
		}
		if len(turns) == 2 {
			now = turns[1].bias // as the year before ended
		}
		loc, _ := zone(d.attr("Id"))
		for hour := range 365 * 8 {
			show := at("2027-01-01T00:30:00Z").Add(time.Duration(hour) * 3 * time.Hour)
			is := now
			for _, turn := range turns {
				if show.Unix() >= turn.wall {
					is = turn.bias
				}
			}
			want := instant(show.Unix(), loc)
			if got := show.Add(time.Duration(is) * time.Minute); !got.Equal(want) && wall(got, loc) != show.Unix() {
				if _, ends := want.In(loc).ZoneBounds(); ends.Sub(want) < 2*time.Hour || wall(want, loc) != show.Unix() {
					continue // what clocks show twice, or not at all
				}
				t.Errorf("%s: %v is %v, want %v", d.attr("Id"), show, got, want)
				break
			}
		}
	}
	seen.check(t)
}

// isoMinutes reads what the server writes of xs:duration.
func isoMinutes(t *testing.T, s string) int {
	t.Helper()
	sign := 1
	if strings.HasPrefix(s, "-") {
		sign, s = -1, s[1:]
	}
	var hours, minutes int
	if n, err := fmt.Sscanf(s, "PT%dH%dM", &hours, &minutes); err != nil || n != 2 {
		t.Fatalf("%q is no duration: %v", s, err)
	}
	return sign * (60*hours + minutes)
}
