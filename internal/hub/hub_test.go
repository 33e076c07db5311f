package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a store in memory that can be slow, broken, or gone.
type disk struct {
	mu     sync.Mutex
	claims map[string]map[presence.Ref]presence.Claim
	shown  map[string]presence.Shown
	writes int
	takes  time.Duration
	broken error
}

func newDisk() *disk {
	return &disk{claims: map[string]map[presence.Ref]presence.Claim{}, shown: map[string]presence.Shown{}}
}

func (d *disk) set(takes time.Duration, broken error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takes, d.broken = takes, broken
}

// crash cuts the disk off from whoever writes to it, and returns what is on it.
func (d *disk) crash() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = errors.New("the server was killed")
	left := newDisk()
	left.shown = maps.Clone(d.shown)
	for id, claims := range d.claims {
		left.claims[id] = maps.Clone(claims)
	}
	return left
}

func (d *disk) WriteClaims(_ context.Context, b store.ClaimBatch) error {
	d.mu.Lock()
	takes := d.takes
	d.mu.Unlock()
	time.Sleep(takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return d.broken
	}
	d.writes++
	for _, p := range b.Puts {
		if d.claims[p.PersonID] == nil {
			d.claims[p.PersonID] = map[presence.Ref]presence.Claim{}
		}
		if c := p.Claim; !c.Until.IsZero() && c.Until.Before(c.From) {
			return fmt.Errorf("claim %s ends before it begins", c.Ref())
		}
		d.claims[p.PersonID][p.Claim.Ref()] = p.Claim
	}
	for _, r := range b.Deletes {
		delete(d.claims[r.PersonID], r.Ref)
	}
	for _, s := range b.Shown {
		d.shown[s.PersonID] = s.Shown
	}
	return nil
}

func (d *disk) LoadClaims(_ context.Context, f func(string, presence.Claim) error) error {
	for id, claims := range d.claims {
		for _, c := range claims {
			if err := f(id, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *disk) LoadShown(_ context.Context, f func(string, presence.Shown) error) error {
	for id, s := range d.shown {
		kept := presence.Shown{At: s.At, Off: s.Off, Status: s.Status, Since: s.Since}
		if status, since, ok := s.Covered(); ok {
			kept = kept.WithCovered(status, since)
		}
		if err := f(id, kept); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) claim(person string, ref presence.Ref) (presence.Claim, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.claims[person][ref]
	return c, ok
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// staff is a directory.
type staff struct {
	mu     sync.Mutex
	people map[string]*presence.Policy
}

// usual has every automatic activation on.
func usual() *presence.Policy {
	on := func(s presence.Status) presence.Activation { return presence.Activation{On: true, Status: s} }
	return &presence.Policy{
		Start: on(presence.Available), End: on(presence.Unavailable), Inactive: on(presence.BeRightBack),
		InactiveAfter: 10 * time.Minute, Locked: on(presence.BeRightBack),
	}
}

func newStaff(ids ...string) *staff {
	s := &staff{people: map[string]*presence.Policy{}}
	for _, id := range ids {
		s.people[id] = usual()
	}
	return s
}

func (s *staff) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.people))
}

func (s *staff) Policy(id string) *presence.Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[id]; p != nil {
		return p
	}
	return &presence.Policy{}
}

func (s *staff) set(id string, p *presence.Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == nil {
		delete(s.people, id)
		return
	}
	s.people[id] = p
}

// teller is a test, or one run of a property.
type teller interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// server is a hub at work in a bubble.
type server struct {
	*Hub
	t     teller
	disk  *disk
	staff *staff
	stop  func()

	mu  sync.Mutex
	got []Update
	at  []time.Time
}

func begin(t teller, d *disk, st *staff, cfg Config) *server {
	t.Helper()
	s := &server{t: t, disk: d, staff: st}
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	if cfg.Shards == 0 {
		cfg.Shards = 2
	}
	h, err := Open(context.Background(), d, st, func(list []Update) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, u := range list {
			s.got, s.at = append(s.got, u), append(s.at, time.Now())
		}
	}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Hub = h
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { h.Run(ctx); close(done) }()
	s.stop = sync.OnceFunc(func() { cancel(); <-done })
	return s
}

// story runs a test with one server in a bubble.
func story(t *testing.T, people []string, tell func(t *testing.T, s *server)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, newDisk(), newStaff(people...), Config{})
		synctest.Wait()
		s.told() // that they are there
		defer func() { s.stop() }()
		tell(t, s)
	})
}

// told returns what was published since it was asked last.
func (s *server) told() []Update {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got, s.at = nil, nil
	return got
}

// line returns what was published as "10m7s anna busy".
func (s *server) line(start time.Time) []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for i, u := range s.got {
		list = append(list, fmt.Sprint(s.at[i].Sub(start), " ", u.PersonID, " ", u.Presence.Status))
	}
	s.got, s.at = nil, nil
	return list
}

func (s *server) change(person string, edit func(*Edit) error) {
	s.t.Helper()
	if err := s.Change(context.Background(), person, edit); err != nil {
		s.t.Fatalf("change of %s: %v", person, err)
	}
}

func put(f func(now time.Time) presence.Claim) func(*Edit) error {
	return func(e *Edit) error { e.Put(f(e.Now)); return nil }
}

func choose(status presence.Status) func(*Edit) error {
	return put(func(now time.Time) presence.Claim {
		return presence.Choose(presence.SourceHand, status, "", "", now, time.Time{})
	})
}

func runs(client string) func(*Edit) error {
	return func(e *Edit) error {
		for _, c := range presence.StartClient(e.Claims(), client, client, e.Now, e.Now.Add(e.Grace)) {
			e.Put(c)
		}
		return nil
	}
}

func active(client string, a presence.Activity) func(*Edit) error {
	return func(e *Edit) error {
		for _, c := range presence.StartClient(e.Claims(), client, client, e.Now, e.Now.Add(e.Grace)) {
			if c.Source == presence.SourceClient && c.Activity != a {
				c.Activity, c.ActivitySince = a, e.Now
			}
			e.Put(c)
		}
		return nil
	}
}

func retract(ref presence.Ref) func(*Edit) error {
	return func(e *Edit) error { e.Delete(ref); return nil }
}

func appointment(id string, from, until time.Time) func(*Edit) error {
	return put(func(time.Time) presence.Claim {
		return presence.Claim{Source: "calendar/c", ID: id, Status: presence.Busy, From: from, Until: until}
	})
}

func (s *server) want(person string, status presence.Status) {
	s.t.Helper()
	synctest.Wait()
	if p, _, ok := s.Presence(person); !ok || p.Status != status {
		s.t.Errorf("%s is %v (there: %v), want %v", person, p.Status, ok, status)
	}
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("published %q\nwant %q", got, want)
	}
}

func TestAppointmentStartsAndEndsOnTime(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", appointment("42", start.Add(607*time.Second), start.Add(2409*time.Second)))
		time.Sleep(time.Hour)
		wantLines(t, s.line(start), "10m7s anna busy", "40m9s anna logged_out")
	})
}

func TestAppointmentsStartOnTimeWhileTheDiskStalls(t *testing.T) {
	story(t, []string{"anna", "bert"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", appointment("42", start.Add(607*time.Second), start.Add(2409*time.Second)))
		s.told()
		s.disk.set(2*time.Hour, nil)
		done := make(chan error, 2)
		for _, id := range []string{"anna", "bert"} {
			go func() { done <- s.Change(context.Background(), id, runs("desk")) }()
		}
		time.Sleep(time.Hour)
		wantLines(t, s.line(start), "10m7s anna busy", "40m9s anna logged_out")
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestManyAppointmentsBeginAtTheSameSecond(t *testing.T) {
	people := make([]string, 10_000)
	for i := range people {
		people[i] = fmt.Sprintf("p%05d", i)
	}
	story(t, people, func(t *testing.T, s *server) {
		ten := Now().Add(10 * time.Minute)
		edits := make([]PersonEdit, len(people))
		for i, id := range people {
			edits[i] = PersonEdit{id, appointment("ten", ten, ten.Add(time.Hour))}
		}
		for i, err := range s.ChangeAll(context.Background(), edits) {
			if err != nil {
				t.Fatalf("%s: %v", people[i], err)
			}
		}
		s.told()
		written := s.disk.count()
		time.Sleep(time.Until(ten) - time.Millisecond)
		if early := s.told(); len(early) > 0 {
			t.Errorf("%d changes were published early", len(early))
		}
		time.Sleep(time.Second)
		seen := map[string]bool{}
		for _, u := range s.told() {
			if u.Presence.Status != presence.Busy || !u.Shown.Since.Equal(ten) {
				t.Fatalf("%s is %v since %v, want busy since %v", u.PersonID, u.Presence.Status, u.Shown.Since, ten)
			}
			if seen[u.PersonID] {
				t.Fatalf("%s was published twice", u.PersonID)
			}
			seen[u.PersonID] = true
		}
		if len(seen) != len(people) {
			t.Errorf("%d people changed, want %d", len(seen), len(people))
		}
		if n := s.disk.count(); n != written {
			t.Errorf("time passing wrote %d batches, want none", n-written)
		}
	})
}

func TestAChangeIsDurableBeforeItIsAcknowledgedAndPublished(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.disk.set(30*time.Second, nil)
		start := time.Now()
		var acknowledged time.Duration
		go func() {
			s.change("anna", choose(presence.Busy))
			acknowledged = time.Since(start)
		}()
		time.Sleep(29 * time.Second)
		if got := s.told(); len(got) > 0 {
			t.Errorf("published before it was durable: %v", got)
		}
		s.want("anna", presence.LoggedOut)
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "30s anna busy")
		if acknowledged != 30*time.Second {
			t.Errorf("acknowledged after %v, want 30s", acknowledged)
		}
		if _, shown, _ := s.Presence("anna"); !shown.Since.Equal(start.UTC().Truncate(time.Millisecond)) {
			t.Errorf("busy since %v, want the moment of the choice, %v", shown.Since, start)
		}
	})
}

func TestAFailedWriteChangesNothingAndTellsNobody(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", choose(presence.Available))
		s.told()
		p, shown, _ := s.Presence("anna")
		s.disk.set(0, errors.New("disk full"))
		time.Sleep(time.Minute)
		err := s.Change(context.Background(), "anna", choose(presence.Busy))
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("the change was answered with %v, want unavailable", err)
		}
		if got := s.told(); len(got) > 0 {
			t.Errorf("published %v", got)
		}
		q, seen, _ := s.Presence("anna")
		if !q.Equal(p) || !seen.SameAs(shown) {
			t.Errorf("presence became %+v %+v, was %+v %+v", q, seen, p, shown)
		}
		s.disk.set(0, nil)
		s.change("anna", choose(presence.Busy))
		s.want("anna", presence.Busy)
	})
}

func TestAnEditThatIsRefusedLeavesItsNeighboursAlone(t *testing.T) {
	story(t, []string{"anna", "bert"}, func(t *testing.T, s *server) {
		no := errors.New("no")
		errs := s.ChangeAll(context.Background(), []PersonEdit{
			{"anna", choose(presence.Busy)},
			{"anna", func(e *Edit) error { e.Put(presence.Claim{Source: "api/x", ID: "1"}); return no }},
			{"nobody", choose(presence.Busy)},
			{"bert", func(e *Edit) error { e.Delete(presence.Ref{Source: "api/x"}); return no }},
			{"anna", put(func(now time.Time) presence.Claim {
				return presence.Claim{Source: "api/y", ID: "slot", Status: presence.Unavailable, From: now.Add(time.Millisecond)}
			})},
			{"anna", retract(presence.Ref{Source: "api/y", ID: "slot"})},
		})
		for i, want := range []error{nil, no, errNoPerson, no, nil, nil} {
			if !errors.Is(errs[i], want) || want == nil && errs[i] != nil {
				t.Errorf("edit %d was answered with %v, want %v", i, errs[i], want)
			}
		}
		claims, _, _ := s.Claims("anna")
		if len(claims) != 1 || claims[0].Source != presence.SourceHand {
			t.Errorf("anna has %v, want her choice alone", claims)
		}
		if _, ok := s.disk.claim("anna", presence.Ref{Source: "api/x", ID: "1"}); ok {
			t.Error("what was refused is on the disk")
		}
		if _, ok := s.disk.claim("anna", presence.Ref{Source: "api/y", ID: "slot"}); ok {
			t.Error("what was retracted in the same batch is on the disk")
		}
	})
}

func TestOneClientInUseIsEnough(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", active("desk", presence.Idle))
		s.change("anna", active("laptop", presence.Active))
		detach := []func(time.Time){s.Attach("anna", "desk"), s.Attach("anna", "laptop")}
		time.Sleep(time.Hour)
		s.want("anna", presence.Available)
		s.told()
		start := Now()
		s.change("anna", active("laptop", presence.Idle))
		time.Sleep(9*time.Minute + 59*time.Second)
		s.want("anna", presence.Available)
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "10m0s anna be_right_back")
		s.change("anna", active("desk", presence.Active))
		s.want("anna", presence.Available)
		for _, f := range detach {
			f(Now())
		}
	})
}

func TestALostClientEndsAfterTheGraceTime(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", runs("desk"))
		wantLines(t, s.line(start), "0s anna available")
		time.Sleep(89 * time.Second)
		wantLines(t, s.line(start))
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "1m30s anna unavailable")
		c, _ := s.disk.claim("anna", presence.Ref{Source: presence.SourceClient, ID: "desk"})
		if !c.Lapsed() || !c.Until.Equal(start.Add(DefaultGrace)) {
			t.Errorf("the client on the disk ends at %v, want it marked as lapsed at %v", c.Until, start.Add(DefaultGrace))
		}
		if _, shown, _ := s.Presence("anna"); !shown.Since.Equal(start.Add(DefaultGrace)) {
			t.Errorf("unavailable since %v, want %v", shown.Since, start.Add(DefaultGrace))
		}
	})
}

func TestAClientThatIsBackWithinTheGraceTimeWasNeverAway(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", runs("desk"))
		s.told()
		written := s.disk.count()
		desk := presence.Ref{Source: presence.SourceClient, ID: "desk"}
		for range 100 { // heartbeats, the later ones in the last second
			time.Sleep(89 * time.Second)
			if !s.Refresh("anna", desk, DefaultGrace) {
				t.Fatal("a heartbeat within the grace time was refused")
			}
		}
		if got := s.told(); len(got) > 0 {
			t.Errorf("heartbeats published %v", got)
		}
		if n := s.disk.count(); n != written {
			t.Errorf("heartbeats wrote %d batches, want none", n-written)
		}
		time.Sleep(91 * time.Second)
		if s.Refresh("anna", desk, DefaultGrace) {
			t.Error("a heartbeat after the grace time was accepted")
		}
		s.want("anna", presence.Unavailable)
	})
}

func TestAnAttachedClientRunsUntilItsConnectionEnds(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", runs("tab"))
		s.told()
		first, second := s.Attach("anna", "tab"), s.Attach("anna", "tab") // a new connection before the old one is gone
		time.Sleep(8 * time.Hour)
		first(Now())
		first(Now())
		time.Sleep(time.Hour + 13*time.Second)
		written := s.disk.count()
		start := Now()
		second(Now())
		time.Sleep(89 * time.Second)
		if got := s.told(); len(got) > 0 || s.disk.count() != written {
			t.Errorf("published %v and wrote %d batches, want nothing", got, s.disk.count()-written)
		}
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "1m30s anna unavailable")
	})
}

// What a client sees lasts as long as its connection, and a grace time longer; nothing is written for that.
func TestWhatAnAttachedClientSeesLastsLikeTheClient(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", runs("desk"))
		s.change("anna", put(func(now time.Time) presence.Claim {
			return presence.Claim{Source: presence.SourceMicrophone, ID: presence.RecordingID("desk", "Zoom"), Status: presence.Busy, Text: "Zoom", From: now, Lease: now.Add(DefaultGrace)}
		}))
		s.change("anna", put(func(now time.Time) presence.Claim { // of another client, which is not connected
			return presence.Claim{Source: presence.SourceMicrophone, ID: presence.RecordingID("desk2", "Zoom"), Status: presence.Busy, Text: "Other", From: now, Lease: now.Add(DefaultGrace)}
		}))
		detach := s.Attach("anna", "desk")
		time.Sleep(2 * time.Minute)
		s.told()
		written := s.disk.count()
		time.Sleep(8 * time.Hour)
		if got := s.told(); len(got) > 0 || s.disk.count() != written {
			t.Errorf("published %v and wrote %d batches, want nothing", got, s.disk.count()-written)
		}
		s.want("anna", presence.Busy)
		claims, _, _ := s.Claims("anna")
		if len(slices.DeleteFunc(claims, func(c presence.Claim) bool { return c.Source != presence.SourceMicrophone })) != 1 {
			t.Errorf("these claims stand: %+v", claims)
		}
		start := Now()
		detach(Now())
		time.Sleep(89 * time.Second)
		if got := s.told(); len(got) > 0 {
			t.Errorf("published %v within the grace time", got)
		}
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "1m30s anna unavailable")
	})
}

// A connection that is found to be dead has been so for a while: the grace time begins when it was heard of last (P4, row 11).
func TestTheGraceTimeBeginsWhenTheClientWasHeardOfLast(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", runs("desk"))
		detach := s.Attach("anna", "desk")
		time.Sleep(8 * time.Hour)
		s.told()
		start := Now()
		time.Sleep(70 * time.Second)
		detach(start)
		if !s.Attached("anna", "other") && s.Attached("anna", "desk") {
			t.Error("it is attached still")
		}
		time.Sleep(19 * time.Second)
		if got := s.told(); len(got) > 0 {
			t.Errorf("published %v within the grace time", got)
		}
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "1m30s anna unavailable")
		s.change("anna", runs("desk"))
		long := s.Attach("anna", "desk")
		time.Sleep(time.Hour)
		s.told()
		start = Now()
		long(start.Add(-10 * time.Minute)) // it is over already
		time.Sleep(time.Second)
		wantLines(t, s.line(start), "0s anna unavailable")
	})
}

func TestADetachAtTheMomentTheLeaseEndsKeepsTheGraceTime(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.disk.set(0, nil)
		s.change("anna", runs("tab"))
		s.told()
		detach := s.Attach("anna", "tab")
		p := s.shardOf("anna").people["anna"]
		s.shardOf("anna").mu.Lock() // as if the timer were late
		p.find(presence.Ref{Source: presence.SourceClient, ID: "tab"}).Lease = Now().Add(-time.Millisecond)
		s.shardOf("anna").mu.Unlock()
		detach(Now())
		time.Sleep(89 * time.Second)
		if got := s.told(); len(got) > 0 {
			t.Errorf("published %v within the grace time", got)
		}
	})
}

func TestALapseIsDurableBeforeItShows(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", runs("desk"))
		s.told()
		s.disk.set(0, errors.New("disk full"))
		time.Sleep(DefaultGrace + 10*time.Minute)
		if got := s.told(); len(got) > 0 {
			t.Errorf("published %v although it could not be stored", got)
		}
		s.want("anna", presence.Available)
		s.disk.set(0, nil)
		time.Sleep(2 * time.Second)
		if got := s.line(start); len(got) != 1 {
			t.Errorf("published %q once the disk worked again, want one change", got)
		}
		s.want("anna", presence.Unavailable)
	})
}

func TestALapseWhileAnotherChangeIsOnItsWayToTheDisk(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", runs("desk"))
		s.told()
		time.Sleep(80 * time.Second)
		s.disk.set(20*time.Second, nil)
		go s.Change(context.Background(), "anna", put(func(now time.Time) presence.Claim {
			return presence.Claim{Source: "line/pbx", ID: "1", From: now, Line: presence.Line{State: presence.LineOnThePhone}}
		}))
		time.Sleep(21 * time.Second) // the change lands at 100 s, the lease ran out at 90 s
		got := s.told()
		if len(got) != 1 || got[0].Presence.Status != presence.Available || got[0].Presence.Line.State != presence.LineOnThePhone {
			t.Errorf("published %+v, want the line alone: that the client is lost is not durable", got)
		}
		if _, ok := s.disk.claim("anna", presence.Ref{Source: "line/pbx", ID: "1"}); !ok {
			t.Error("the line is not on the disk")
		}
		time.Sleep(20 * time.Second)
		wantLines(t, s.line(start), "2m0s anna unavailable")
	})
}

func TestAClaimWhoseSourceGoesSilentEnds(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		start := Now()
		ref := presence.Ref{Source: "api/door", ID: "slot"}
		s.change("anna", put(func(now time.Time) presence.Claim {
			return presence.Claim{Source: ref.Source, ID: ref.ID, Status: presence.Unavailable, From: now, Lease: now.Add(time.Minute)}
		}))
		s.change("anna", put(func(now time.Time) presence.Claim { // begins after its lease: it never will
			return presence.Claim{Source: "calendar/c", ID: "1", Status: presence.Busy, From: now.Add(time.Hour), Until: now.Add(2 * time.Hour), Lease: now.Add(2 * time.Minute)}
		}))
		time.Sleep(3 * time.Hour)
		wantLines(t, s.line(start), "0s anna unavailable", "1m0s anna logged_out")
		if claims, _, _ := s.Claims("anna"); len(claims) > 0 {
			t.Errorf("left over: %v", claims)
		}
		if n := s.disk.count(); n > 6 {
			t.Errorf("%d batches were written", n)
		}
	})
}

func TestOnlyWhatDiffersIsPublished(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", choose(presence.DoNotDisturb))
		s.told()
		now := Now()
		s.change("anna", appointment("1", now.Add(time.Minute), now.Add(time.Hour))) // kept out by do not disturb
		s.change("anna", runs("desk"))
		detach := s.Attach("anna", "desk")
		defer func() { detach(Now()) }()
		time.Sleep(2 * time.Hour)
		if got := s.told(); len(got) > 0 {
			t.Errorf("published %+v, want nothing", got)
		}
	})
}

func TestTheStartOfAStatusDoesNotTellItsReasons(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		now := Now()
		s.change("anna", appointment("1", now.Add(time.Minute), now.Add(31*time.Minute)))
		s.change("anna", appointment("2", now.Add(31*time.Minute), now.Add(time.Hour)))
		time.Sleep(40 * time.Minute)
		p, shown, _ := s.Presence("anna")
		if !p.Since.Equal(now.Add(31*time.Minute)) || !shown.Since.Equal(now.Add(time.Minute)) {
			t.Errorf("since %v, shown as %v; want the second appointment's start, shown as the first one's", p.Since, shown.Since)
		}
	})
}

func TestAnotherPolicy(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", runs("desk"))
		s.told()
		off := &presence.Policy{Off: true}
		s.staff.set("anna", off)
		s.Repolicy([]string{"anna"}, nil)
		if got := s.told(); len(got) != 1 || !got[0].Presence.Off {
			t.Errorf("published %+v, want that presence is off", got)
		}
		s.staff.set("bert", usual())
		s.Repolicy([]string{"bert", "bert"}, nil)
		if err := s.Change(context.Background(), "bert", choose(presence.Busy)); err != nil {
			t.Errorf("a new person cannot choose: %v", err)
		}
		s.want("bert", presence.Busy)
		if n := s.People(); n != 2 {
			t.Errorf("there are %d people, want 2", n)
		}
	})
}

func TestAPolicyThatCannotBeStoredHoldsAndIsShown(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.change("anna", runs("desk"))
		s.told()
		time.Sleep(time.Minute)
		s.disk.set(0, errors.New("disk full"))
		busy := usual()
		busy.Start.Status = presence.Busy
		s.staff.set("anna", busy)
		s.Repolicy([]string{"anna"}, nil)
		got := s.told()
		if len(got) != 1 || got[0].Presence.Status != presence.Busy || got[0].Shown.Status != presence.Busy || !got[0].Shown.Since.Equal(Now()) {
			t.Errorf("published %+v, want busy since now", got)
		}
	})
}

func TestARemovedPersonIsGone(t *testing.T) {
	story(t, []string{"anna", "bert"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", runs("desk"))
		detach := s.Attach("anna", "desk")
		s.told()
		s.staff.set("anna", nil)
		s.Repolicy(nil, []string{"anna"})
		if got := s.told(); len(got) != 1 || !got[0].Gone {
			t.Errorf("published %+v, want that anna is gone", got)
		}
		detach(Now())
		if _, _, ok := s.Presence("anna"); ok {
			t.Error("anna is still there")
		}
		if s.Refresh("anna", presence.Ref{Source: presence.SourceClient, ID: "desk"}, DefaultGrace) {
			t.Error("her client was refreshed")
		}
		if err := s.Change(context.Background(), "anna", choose(presence.Busy)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("her choice was answered with %v", err)
		}
		time.Sleep(time.Hour)
		wantLines(t, s.line(start))
	})
}

func TestEveryRequestIsAnsweredOnceWhileTheHubStops(t *testing.T) {
	story(t, []string{"anna", "bert"}, func(t *testing.T, s *server) {
		s.disk.set(time.Second, nil)
		const many = 200
		answers := make(chan error, many)
		for i := range many {
			go func() {
				time.Sleep(time.Duration(i) * 20 * time.Millisecond)
				answers <- s.Change(context.Background(), []string{"anna", "bert"}[i%2], choose(presence.Busy))
			}()
		}
		time.Sleep(1500 * time.Millisecond)
		s.stop()
		good := 0
		for range many {
			switch err := <-answers; {
			case err == nil:
				good++
			case !errors.Is(err, ErrStopped):
				t.Errorf("answered with %v", err)
			}
		}
		if good == 0 || good == many {
			t.Errorf("%d of %d changes were made, want some", good, many)
		}
		s.Repolicy([]string{"anna"}, []string{"bert"}) // does not hang either
	})
}

func TestACallerWhoGivesUpBeforeItIsHeard(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.stop()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Change(ctx, "anna", choose(presence.Busy)); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("answered with %v, want unavailable", err)
		}
	})
}

func TestALeaseRenewedWhileAChangeIsOnItsWayStaysRenewed(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		start := Now()
		s.change("anna", runs("desk"))
		s.told()
		s.disk.set(80*time.Second, nil)
		go s.Change(context.Background(), "anna", active("desk", presence.Active)) // with a lease until 90 s
		time.Sleep(79 * time.Second)
		if !s.Refresh("anna", presence.Ref{Source: presence.SourceClient, ID: "desk"}, DefaultGrace) {
			t.Fatal("the heartbeat was refused")
		}
		time.Sleep(2 * time.Second)
		s.disk.set(0, nil)
		time.Sleep(87 * time.Second)
		wantLines(t, s.line(start))
		time.Sleep(2 * time.Second)
		wantLines(t, s.line(start), "2m49s anna unavailable")
	})
}

func TestPeopleOfWhomNothingWasWrittenKeepTheirSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, st := newDisk(), newStaff("anna")
		s := begin(t, d, st, Config{})
		synctest.Wait()
		_, first, _ := s.Presence("anna")
		for range 3 {
			time.Sleep(time.Hour)
			d = d.crash()
			s.stop()
			s = begin(t, d, st, Config{})
			if _, again, _ := s.Presence("anna"); !again.SameAs(first) {
				t.Errorf("logged out since %v after a restart, want %v", again.Since, first.Since)
			}
			if got := s.told(); len(got) > 0 {
				t.Errorf("the restart published %+v", got)
			}
		}
		s.stop()
	})
}

func TestAPolicyThatChangedWhileTheServerWasDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, st := newDisk(), newStaff("anna")
		s := begin(t, d, st, Config{})
		s.change("anna", runs("desk"))
		synctest.Wait()
		d = d.crash()
		s.stop()
		time.Sleep(time.Minute)
		busy := usual()
		busy.Start.Status = presence.Busy
		st.set("anna", busy)
		at := Now()
		for range 2 {
			s = begin(t, d, st, Config{})
			synctest.Wait()
			if _, shown, _ := s.Presence("anna"); shown.Status != presence.Busy || !shown.Since.Equal(at) {
				t.Errorf("shown is %v since %v, want busy since %v", shown.Status, shown.Since, at)
			}
			time.Sleep(time.Second)
			d = d.crash()
			s.stop()
		}
	})
}

func TestNobodyWaitsForOthersButUnderLoad(t *testing.T) {
	var people []string
	for i := range 500 {
		people = append(people, fmt.Sprintf("p%03d", i))
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, newDisk(), newStaff(people...), Config{Shards: 1})
		defer s.stop()
		synctest.Wait()
		// rate changes so many people in one second, one after the other, and returns the longest wait and the writes.
		rate := func(n int) (longest time.Duration, writes int) {
			time.Sleep(time.Second) // a quiet spell
			before := s.disk.count()
			var mu sync.Mutex // guards longest
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() {
					began := time.Now()
					s.change(people[i], choose(presence.Busy))
					mu.Lock()
					defer mu.Unlock()
					longest = max(longest, time.Since(began))
				})
				time.Sleep(time.Second / time.Duration(n))
			}
			all.Wait()
			return longest, s.disk.count() - before
		}
		for _, x := range []struct {
			changes, atMost int
			longest         time.Duration
		}{
			{10, 10, 0},
			{30, 22, DefaultGather},
			{100, 14, longestGather},
			{500, 14, longestGather},
			{15, 15, 0}, // the load is over
		} {
			if longest, writes := rate(x.changes); longest > x.longest || writes > x.atMost {
				t.Errorf("%d changes a second took %d writes and waited up to %v, want at most %d and %v", x.changes, writes, longest, x.atMost, x.longest)
			}
		}
	})
}

func TestACallerWhoGoesAwayLaterIsToldWhatBecameOfIt(t *testing.T) {
	story(t, []string{"anna"}, func(t *testing.T, s *server) {
		s.disk.set(time.Minute, nil)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.Change(ctx, "anna", choose(presence.Busy)); err != nil {
			t.Errorf("answered with %v, and yet it was made", err)
		}
		s.want("anna", presence.Busy)
		if err := s.Change(ctx, "anna", choose(presence.Available)); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("one who has gone is answered with %v, want unavailable", err)
		}
		s.want("anna", presence.Busy)
	})
}

// Whoever watches is told of each change that is durable, also of one that shows to nobody.
func TestWatchersAreToldOfWhatDoesNotShow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		h, err := Open(t.Context(), d, newStaff("anna"), func([]Update) {}, Config{Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		h.Watch(func(ids []string) { told = append(told, ids...) })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		synctest.Wait()
		told = nil
		if err := h.Change(t.Context(), "anna", choose(presence.Busy)); err != nil || len(told) != 1 {
			t.Fatalf("told %v, %v", told, err)
		}
		// A second line is busy too: that is seen nowhere.
		for i := range 2 {
			if err := h.Change(t.Context(), "anna", func(e *Edit) error {
				e.Put(presence.Claim{Source: "line/a", ID: fmt.Sprint(i), From: e.Now.Add(-time.Duration(i) * time.Second), Line: presence.Line{State: presence.LineOnThePhone}})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if len(told) != 3 {
			t.Errorf("told %v", told)
		}
		stop()
		<-ended
	})
}
