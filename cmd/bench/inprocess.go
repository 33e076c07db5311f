package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/presence"
)

const many = 100_000

// tenClaims are what a busy person has at ten o'clock.
func tenClaims(now time.Time) []presence.Claim {
	at := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	appointment := func(id string, from, to int) presence.Claim {
		return presence.Claim{Source: "calendar/c1", ID: id, Status: presence.Busy, Profile: "Appointment", Text: "Appointment", From: at(from), Until: at(to)}
	}
	return []presence.Claim{
		{Source: presence.SourceHand, ID: presence.ChoiceID, Status: presence.Available, From: at(-120)},
		{Source: presence.SourceStart, From: at(-125)},
		{Source: presence.SourceClient, ID: "desk", From: at(-125), Activity: presence.Idle, ActivitySince: at(-3), Lease: at(1)},
		{Source: presence.SourceClient, ID: "tab", From: at(-60), Lease: at(1)},
		{Source: "api/access-control", ID: "slot", Status: presence.Available, From: at(-126), Lease: at(600)},
		appointment("a", -30, 30), appointment("b", 0, 60), appointment("c", 120, 180), appointment("d", 200, 230),
		{Source: "line/pbx", ID: "1", From: at(-2), Lease: at(60), Line: presence.Line{State: presence.LineOnThePhone, Reach: presence.External}},
	}
}

func factoryPolicy() *presence.Policy {
	s := policy.Factory()
	return s.Presence(&policy.Own{})
}

func measureRules() {
	fmt.Fprintln(os.Stderr, "== rules")
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	claims, p := tenClaims(now), factoryPolicy()
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			presence.Resolve(claims, p, now)
		}
	})
	ns := float64(r.T.Nanoseconds()) / float64(r.N)
	report("Resolve, ten claims", fmt.Sprintf("%.0f ns, %d allocations", ns, r.AllocsPerOp()), "", "", "< 1000 ns, 0", ns < 1000 && r.AllocsPerOp() == 0)
}

// memory is a store that holds nothing.
type memory struct {
	claims func(f func(string, presence.Claim) error) error
}

func (memory) WriteClaims(context.Context, store.ClaimBatch) error { return nil }
func (m memory) LoadClaims(_ context.Context, f func(string, presence.Claim) error) error {
	return m.claims(f)
}
func (memory) LoadShown(context.Context, func(string, presence.Shown) error) error { return nil }

type crowd struct {
	ids    []string
	policy *presence.Policy
}

func (c crowd) IDs() []string                  { return c.ids }
func (c crowd) Policy(string) *presence.Policy { return c.policy }

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func measureHub(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "== hub: 100,000 people whose appointments begin at the same second")
	c := crowd{policy: factoryPolicy()}
	for i := range many {
		c.ids = append(c.ids, fmt.Sprintf("p%015d", i))
	}
	before := heap()
	start := hub.Now().Add(4 * time.Second).Truncate(time.Second)
	var published atomic.Int64
	done := make(chan time.Time, 1)
	h, err := hub.Open(ctx, memory{func(f func(string, presence.Claim) error) error {
		for i := range many {
			id := c.ids[i]
			for _, claim := range []presence.Claim{
				{Source: presence.SourceHand, ID: presence.ChoiceID, Status: presence.Available, From: start.Add(-time.Hour)},
				{Source: presence.SourceStart, From: start.Add(-2 * time.Hour)},
				{Source: presence.Source("calendar/c" + id), ID: "meeting-" + id, Status: presence.Busy, Profile: "Appointment", Text: "Appointment", From: start, Until: start.Add(time.Hour)},
			} {
				if err := f(id, claim); err != nil {
					return err
				}
			}
		}
		return nil
	}}, c, func(u []hub.Update) {
		if published.Add(int64(len(u))) == many {
			done <- time.Now()
		}
	}, hub.Config{})
	if err != nil {
		return err
	}
	each := float64(heap()-before) / many
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	go h.Run(ctx)
	select {
	case at := <-done:
		took := at.Sub(start)
		report("hub, 100,000 appointments begin: all published", took.Round(time.Millisecond).String(), "", "", "< 1 s", took < time.Second)
	case <-ctx.Done():
		return fmt.Errorf("hub: only %d of %d were published", published.Load(), many)
	}
	report("hub, memory of a person with three claims", fmt.Sprintf("%.0f B", each), "", "", "< 2048 B", each < 2048)
	return nil
}

// populate fills a database with people in work groups of fifty, each with a session whose secret is "s" and the number.
func populate(ctx context.Context, st store.Store, people int, sessions func(i int) []byte, token []byte) error {
	now := time.Now().UTC()
	ch := store.Changes{PutLocations: []store.Location{{ID: "here", Name: "Here", TimeZone: "Europe/Berlin"}}}
	if token != nil {
		ch.PutTokens = []store.Token{{ID: "t", Name: "bench", Origin: "bench", Scopes: []string{"claims", "lines"}, Hash: token, CreatedAt: now}}
	}
	for i := range people {
		ch.PutPeople = append(ch.PutPeople, store.Person{
			ID: personID(i), LocationID: "here", Login: personID(i), Name: fmt.Sprintf("Person %06d", i), Role: office.RoleUser, Own: []byte("{}"), CreatedAt: now,
		})
		if sessions != nil {
			ch.PutSessions = append(ch.PutSessions, store.Session{Hash: sessions(i), PersonID: personID(i), CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour)})
		}
	}
	ch.PutPeople[0].Role = office.RoleAdmin
	if err := st.Update(ctx, ch); err != nil {
		return err
	}
	for g := 0; g*groupSize < people; g++ {
		w := store.WorkGroup{ID: fmt.Sprintf("g%05d", g), Name: fmt.Sprintf("Group %05d", g), Level: "team_colleague"}
		for i := g * groupSize; i < min((g+1)*groupSize, people); i++ {
			w.Members = append(w.Members, personID(i))
		}
		if err := st.Update(ctx, store.Changes{PutWorkGroups: []store.WorkGroup{w}}); err != nil {
			return err
		}
	}
	return nil
}

const groupSize = 50

func personID(i int) string { return fmt.Sprintf("p%015d", i) }

func measureStore(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "== store: claims made durable")
	dir, err := os.MkdirTemp("", "doorlight-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := sqlite.Open(ctx, filepath.Join(dir, "doorlight.db"))
	if err != nil {
		return err
	}
	defer st.Close()
	const people = 2000
	if err := populate(ctx, st, people, nil, nil); err != nil {
		return err
	}
	c := crowd{policy: factoryPolicy()}
	for i := range people {
		c.ids = append(c.ids, personID(i))
	}
	h, err := hub.Open(ctx, st, c, func([]hub.Update) {}, hub.Config{})
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { h.Run(run) })
	var n atomic.Int64
	const length = 3 * time.Second
	end := time.Now().Add(length)
	var senders sync.WaitGroup
	for k := range 1000 {
		senders.Go(func() {
			for i := k; time.Now().Before(end); i += 997 {
				err := h.Change(ctx, personID(i%people), func(e *hub.Edit) error {
					e.Put(presence.Claim{Source: "api/bench", ID: "slot", Status: presence.Busy, Text: fmt.Sprint(i), From: e.Now})
					return nil
				})
				if err != nil {
					return
				}
				n.Add(1)
			}
		})
	}
	senders.Wait()
	stop()
	wg.Wait()
	rate := float64(n.Load()) / length.Seconds()
	report("claims made durable, answered after the commit", fmt.Sprintf("%.0f/s", rate), "", "", ">= 20000/s", rate >= 20000)
	return nil
}

func measureStart(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "== start with 100,000 people and their claims")
	dir, err := os.MkdirTemp("", "doorlight-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "doorlight.db")
	st, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	if err := populate(ctx, st, many, nil, nil); err != nil {
		return err
	}
	now := hub.Now()
	var b store.ClaimBatch
	for i := range many {
		id := personID(i)
		b.Puts = append(b.Puts,
			store.PersonClaim{PersonID: id, Claim: presence.Claim{Source: presence.SourceHand, ID: presence.ChoiceID, Status: presence.Available, From: now.Add(-time.Hour)}},
			store.PersonClaim{PersonID: id, Claim: presence.Claim{Source: presence.SourceStart, From: now.Add(-2 * time.Hour)}},
			store.PersonClaim{PersonID: id, Claim: presence.Claim{Source: "calendar/c", ID: "meeting-" + id, Status: presence.Busy, Profile: "Appointment", Text: "Appointment", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}})
		b.Shown = append(b.Shown, store.PersonShown{PersonID: id, Shown: presence.Shown{At: now, Status: presence.Available, Since: now.Add(-time.Hour)}})
		if len(b.Puts) >= 9000 || i == many-1 {
			if err := st.WriteClaims(ctx, b); err != nil {
				return err
			}
			b = store.ClaimBatch{}
		}
	}
	if err := st.Close(); err != nil {
		return err
	}
	began := time.Now()
	if st, err = sqlite.Open(ctx, path); err != nil {
		return err
	}
	defer st.Close()
	of, err := office.Open(ctx, st, nil)
	if err != nil {
		return err
	}
	if _, err := hub.Open(ctx, st, of, func([]hub.Update) {}, hub.Config{}); err != nil {
		return err
	}
	took := time.Since(began)
	report("start, 100,000 people with three claims each", took.Round(10*time.Millisecond).String(), "", "", "< 3 s", took < 3*time.Second)
	return nil
}
