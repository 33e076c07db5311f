package calendar_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
)

func Example() {
	text := `BEGIN:VCALENDAR
BEGIN:VEVENT
UID:stand-up
SUMMARY:Stand-up
DTSTART;TZID=W. Europe Standard Time:20260323T091500
DURATION:PT15M
RRULE:FREQ=WEEKLY
END:VEVENT
BEGIN:VEVENT
UID:leave
SUMMARY:Never shown
CLASS:PRIVATE
DTSTART;VALUE=DATE:20260326
X-MICROSOFT-CDO-BUSYSTATUS:OOF
END:VEVENT
END:VCALENDAR
`
	c, err := calendar.Parse(strings.NewReader(text), calendar.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	from := time.Date(2026, 3, 22, 0, 0, 0, 0, time.UTC)
	appointments, _, err := c.Expand(from, from.AddDate(0, 0, 14), berlin, calendar.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range appointments {
		fmt.Printf("%s %-28s %s %q\n", a.Start.Format(time.RFC3339), a.ID, a.ShowAs, a.Subject)
	}
	// Output:
	// 2026-03-23T08:15:00Z stand-up/20260323T081500Z    busy "Stand-up"
	// 2026-03-25T23:00:00Z leave                        out_of_office ""
	// 2026-03-30T07:15:00Z stand-up/20260330T071500Z    busy "Stand-up"
}
