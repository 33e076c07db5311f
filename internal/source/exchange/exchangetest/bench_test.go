package exchangetest

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// crowd makes an organisation of a size; each has 40 appointments in four weeks, four of them series.
func crowd(b testing.TB, people int) *Server {
	b.Helper()
	s, err := Start(Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	s.AddAccount(Account{Name: "svc", Password: "secret", Impersonates: []string{"*"}})
	first := at("2027-03-01T07:00:00Z")
	for i := range people {
		m, err := s.AddMailbox(Person{Address: fmt.Sprintf("p%d@example.test", i)})
		if err != nil {
			b.Fatal(err)
		}
		for n := range 40 {
			e := Event{Subject: "Appointment", Start: first.AddDate(0, 0, n*28/40).Add(time.Duration(n%10) * time.Hour), Zone: "W. Europe Standard Time", Reminder: 15 * time.Minute}
			e.End = e.Start.Add(45 * time.Minute)
			if n%10 == 0 {
				e.Start, e.End = e.Start.AddDate(-10, 0, 0), e.End.AddDate(-10, 0, 0)
				e.Recurrence = &Recurrence{Pattern: Weekly, Days: []string{"Monday", "Wednesday"}}
			}
			if _, err := m.Put(e); err != nil {
				b.Fatal(err)
			}
		}
	}
	return s
}

func BenchmarkCalendarViewOfAMonth(b *testing.B) {
	s := crowd(b, 100)
	c := newClient(b, s, "svc", "secret")
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		c.act = fmt.Sprintf("p%d@example.test", i%100)
		if status, answer := c.ask(viewOfMarch); status != 200 || answer.first("t:CalendarItem") == nil {
			b.Fatal(status)
		}
	}
	counts := s.Counters()
	b.ReportMetric(float64(counts.Spent)/float64(counts.Requests["FindItem"]), "spent-ns/op")
}

func BenchmarkTenThousandMailboxes(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := crowd(b, 10_000)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		s.Close()
	}
}
