package telephones_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/telephones"
)

// BenchmarkSettings measures what telephones add to a change of the settings of 10,000 people, each with a line: who is who is looked at anew.
func BenchmarkSettings(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprint("telephones=", with), func(b *testing.B) {
			ctx := context.Background()
			folder := b.TempDir()
			quiet := slog.New(slog.DiscardHandler)
			ok := func(err error) {
				if err != nil {
					b.Fatal(err)
				}
			}
			st, err := sqlite.Open(ctx, filepath.Join(folder, "doorlight.db"))
			ok(err)
			defer st.Close()
			of, err := office.Open(ctx, st, quiet)
			ok(err)
			l := store.Location{Name: "Berlin", TimeZone: "UTC"}
			ok(of.PutLocation(ctx, office.By{}, &l))
			var people []*store.Person
			for i := range 10_000 {
				id := fmt.Sprintf("p%05d", i)
				people = append(people, &store.Person{ID: id, Name: id, Login: id, LocationID: l.ID, WorkNumber: fmt.Sprint("+49 30 1234-", 10_000+i), Role: "user", CreatedAt: time.Now()})
			}
			ok(of.PutPeople(ctx, office.By{}, "person.add", people...))
			h, err := hub.Open(ctx, st, of, func([]hub.Update) {}, hub.Config{Log: quiet})
			ok(err)
			if with {
				box, err := secret.OpenBox(filepath.Join(folder, "key"))
				ok(err)
				t, err := telephones.New(ctx, st, box, of, h, telephones.Config{Log: quiet, Lines: func(p *office.Person) []switchboard.Line {
					return []switchboard.Line{{ConnectorID: "sip", Line: p.WorkNumber[len(p.WorkNumber)-5:], Forwards: true}}
				}})
				ok(err)
				ctx, stop := context.WithCancel(ctx)
				var work sync.WaitGroup
				work.Go(func() { t.Run(ctx) })
				defer work.Wait()
				defer stop()
			}
			on := false
			for b.Loop() {
				on = !on
				ok(of.ChangeSection(ctx, office.By{}, l.ID, policy.SectionFeature, func(s *policy.Settings) error { s.Feature.Enabled = on; return nil }))
			}
		})
	}
}
