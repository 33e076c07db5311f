package graph

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// BenchmarkTenThousandMailboxes reads them all once per round, 400 at a time, each with a series and twenty appointments.
// The time of the stand-in, which shares the computer, is told beside.
func BenchmarkTenThousandMailboxes(b *testing.B) {
	const n = 10_000
	server, err := graphtest.Start(graphtest.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	app := graphtest.DefaultApp()
	client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	b.Cleanup(client.CloseIdleConnections)
	s, err := New(Config{Tenant: server.Tenant, ClientID: app.ID, Secret: app.Secret, Cloud: Custom, LoginURL: server.LoginURL, GraphURL: server.GraphURL,
		HTTP: client, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("user%d@example.com", i)
		if _, err := server.AddMailbox(graphtest.Mailbox{UPN: names[i]}); err != nil {
			b.Fatal(err)
		}
		for j := range 21 {
			from := marchFrom.Add(time.Duration(j)*24*time.Hour + 9*time.Hour)
			e := graphtest.Event{Subject: fmt.Sprint("number ", j), Start: from, End: from.Add(time.Hour)}
			if j == 0 {
				e.Repeat = &graphtest.Repeat{Type: "weekly", Days: []time.Weekday{time.Monday, time.Thursday}}
			}
			if _, err := server.Put(names[i], e); err != nil {
				b.Fatal(err)
			}
		}
	}
	busy := server.Busy()
	b.ResetTimer()
	for range b.N {
		var wg sync.WaitGroup
		turns := make(chan struct{}, 400)
		for _, m := range names {
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				if _, err := s.Fetch(b.Context(), source.Account{Mailbox: m, From: marchFrom, To: marchTo}); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/mailbox")
	b.ReportMetric(float64((server.Busy()-busy).Microseconds())/float64(b.N)/n, "µs/mailbox-in-stand-in")
	b.ReportMetric(float64(server.Count("batch"))/float64(b.N), "batches")
}

// BenchmarkFiftyThousandPresences reads everybody's presence once per round, ten lists of 650 at a time.
func BenchmarkFiftyThousandPresences(b *testing.B) {
	const n = 50_000
	server, err := graphtest.Start(graphtest.Config{Apps: []graphtest.App{graphtest.TeamsApp()}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	server.SetPresenceRules(graphtest.PresenceRules{NoLimits: true})
	app := graphtest.TeamsApp()
	client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	b.Cleanup(client.CloseIdleConnections)
	s, err := New(Config{Tenant: server.Tenant, ClientID: app.ID, Secret: app.Secret, Cloud: Custom, LoginURL: server.LoginURL, GraphURL: server.GraphURL,
		PresenceReads: 1_000_000, HTTP: client, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	ids := make([]string, n)
	for i := range ids {
		m, err := server.AddMailbox(graphtest.Mailbox{UPN: fmt.Sprintf("user%d@example.com", i)})
		if err != nil {
			b.Fatal(err)
		}
		ids[i] = m.ID
	}
	busy := server.Busy()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		var wg sync.WaitGroup
		for list := range slices.Chunk(ids, MaxPresences) {
			wg.Go(func() {
				if got, err := s.Presences(b.Context(), nil, list); err != nil || len(got) != len(list) {
					b.Error(len(got), err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/round")
	b.ReportMetric(float64((server.Busy()-busy).Milliseconds())/float64(b.N), "ms/round-in-stand-in")
}
