package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Sizes of the office that Load reads (SPEC S).
const (
	officePeople    = 100_000
	claimsPerPerson = 3
)

// BenchmarkWriteClaims measures how many claims of an office of 10,000 become durable in a second, by batch size. Most
// of them replace one that is there, as refreshed leases do.
func BenchmarkWriteClaims(b *testing.B, database func(t testing.TB) Opener) {
	s := database(b)(b)
	defer closeStore(b, s)
	const people = 10_000
	fill(b, s, people)
	for _, size := range []int{1, 10, 200, 1000} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			next := 0
			for b.Loop() {
				var batch store.ClaimBatch
				for range size {
					// A stride that meets everybody, far apart.
					id := (next * 7919) % people
					c := claimsOf(id)[next%claimsPerPerson]
					c.Lease = day.Add(time.Duration(next) * time.Second)
					batch.Puts = append(batch.Puts, store.PersonClaim{PersonID: personID(id), Claim: c})
					next++
				}
				if err := s.WriteClaims(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "claims/s")
		})
	}
	b.Run("replace-and-show=200", func(b *testing.B) {
		next := 0
		for b.Loop() {
			var batch store.ClaimBatch
			for range 200 {
				id := (next * 7919) % people
				c := claimsOf(id)[2]
				batch.Deletes = append(batch.Deletes, store.PersonRef{PersonID: personID(id), Ref: c.Ref()})
				c.ID = fmt.Sprint("call ", next)
				batch.Puts = append(batch.Puts, store.PersonClaim{PersonID: personID(id), Claim: c})
				batch.Shown = append(batch.Shown, store.PersonShown{PersonID: personID(id), Shown: presence.Shown{At: day, Since: day}})
				next++
			}
			if err := s.WriteClaims(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*200)/b.Elapsed().Seconds(), "people/s")
	})
}

// BenchmarkLoad measures what a start reads: 100,000 people with three claims each.
func BenchmarkLoad(b *testing.B, database func(t testing.TB) Opener) {
	s := database(b)(b)
	defer closeStore(b, s)
	fill(b, s, officePeople)
	b.ResetTimer()
	b.ReportAllocs()
	var parts [3]time.Duration
	for b.Loop() {
		start := time.Now()
		o, err := s.LoadOffice(b.Context())
		if err != nil || len(o.People) != officePeople {
			b.Fatal(len(o.People), err)
		}
		parts[0] += time.Since(start)
		start = time.Now()
		claims := 0
		if err := s.LoadClaims(b.Context(), func(string, presence.Claim) error { claims++; return nil }); err != nil || claims != officePeople*claimsPerPerson {
			b.Fatal(claims, err)
		}
		parts[1] += time.Since(start)
		start = time.Now()
		seen := 0
		if err := s.LoadShown(b.Context(), func(string, presence.Shown) error { seen++; return nil }); err != nil || seen != officePeople {
			b.Fatal(seen, err)
		}
		parts[2] += time.Since(start)
	}
	for i, unit := range []string{"office-ms/op", "claims-ms/op", "shown-ms/op"} {
		b.ReportMetric(float64(parts[i].Milliseconds())/float64(b.N), unit)
	}
}

func personID(i int) string { return fmt.Sprintf("01JD9Z%020d", i) }

// claimsOf returns what typical people have: a choice, a client and an appointment.
func claimsOf(i int) [claimsPerPerson]presence.Claim {
	return [...]presence.Claim{
		{Source: presence.SourceHand, ID: presence.ChoiceID, Status: presence.Available, Profile: "Available", From: day},
		{Source: presence.SourceClient, ID: fmt.Sprintf("01JD9ZCLIENT%014d", i), Status: presence.BeRightBack, Profile: "Be right back", From: day,
			Lease: day.Add(time.Minute), Activity: presence.Idle, ActivitySince: day, Label: "Firefox on Linux"},
		{Source: presence.SourceCalendar, ID: fmt.Sprintf("040000008200E00074C5B7101A82E008%08d/20261124T090000Z", i), Status: presence.Busy,
			Profile: "Appointment", Text: "Weekly meeting", From: day, Until: day.Add(time.Hour)},
	}
}

// fill makes an office of n people.
func fill(b *testing.B, s store.Store, n int) {
	b.Helper()
	settle(b, s)
	var c store.Changes
	var batch store.ClaimBatch
	flush := func() {
		update(b, s, c)
		write(b, s, batch)
		c, batch = store.Changes{}, store.ClaimBatch{}
	}
	for i := range n {
		id := personID(i)
		c.PutPeople = append(c.PutPeople, store.Person{ID: id, LocationID: "hq", Login: fmt.Sprint("person", i), Name: fmt.Sprint("Person Number ", i),
			Email: fmt.Sprintf("person%d@example.org", i), WorkNumber: fmt.Sprint("+49 30 ", i), MobileNumber: fmt.Sprint("+49 170 ", i),
			Language: "de", Role: "user", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
			Own: []byte(`{"profiles":[{"name":"Break","status":"be_right_back","text":"Lunch"}]}`), CreatedAt: day})
		for _, claim := range claimsOf(i) {
			batch.Puts = append(batch.Puts, store.PersonClaim{PersonID: id, Claim: claim})
		}
		batch.Shown = append(batch.Shown, store.PersonShown{PersonID: id, Shown: presence.Shown{At: day, Status: presence.Busy, Since: day}})
		if len(batch.Puts) >= 9000 {
			flush()
		}
	}
	flush()
}
