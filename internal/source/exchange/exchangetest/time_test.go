package exchangetest

import (
	"strings"
	"testing"
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
