package calendar

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// benchmarkExpand measures one window of 30 days, as every refresh takes it.
func benchmarkExpand(b *testing.B, text string) {
	c := parse(b, text)
	home := zoneNamed(b, "Europe/Berlin")
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Expand(from, from.AddDate(0, 0, 30), home, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpandDailySince2010(b *testing.B) {
	benchmarkExpand(b, vevent("DTSTART;TZID=Europe/Berlin:20100105T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY"))
}

func BenchmarkExpandDailySince2010Counted(b *testing.B) {
	benchmarkExpand(b, vevent("DTSTART;TZID=Europe/Berlin:20100105T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=10000"))
}

func BenchmarkExpandMonthlySetPos(b *testing.B) {
	benchmarkExpand(b, vevent("DTSTART;TZID=Europe/Berlin:20100105T090000", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"))
}

func BenchmarkExpand10000Exceptions(b *testing.B) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "EXDATE:%sZ\n", (civilOf(2000, 1, 5, 9, 0, 0) + civil(i)*secondsPerDay).compact())
	}
	benchmarkExpand(b, vevent("DTSTART:20000105T090000Z", "RRULE:FREQ=DAILY", text.String()))
}

func BenchmarkExpand10000Events(b *testing.B) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "BEGIN:VEVENT\nUID:%d\nDTSTART:%sZ\nDURATION:PT1H\nEND:VEVENT\n", i, (civilOf(2000, 1, 5, 9, 0, 0) + civil(i)*secondsPerDay).compact())
	}
	benchmarkExpand(b, text.String())
}

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile(referenceFolder + "/recurring-ical-events/machbar_16_feb_2019.ics")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(bytes.NewReader(text), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
