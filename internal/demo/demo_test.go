package demo

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source/feed"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t *testing.T, folder string) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(folder, "doorlight.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func quiet(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// TestOffice enters the office as a start does and looks at it as the server sees it.
func TestOffice(t *testing.T) {
	t.Parallel()
	st := openStore(t, t.TempDir())
	d, err := Open(t.Context(), st, Config{Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	of, err := office.Open(t.Context(), st, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := of.Count(); n != 60 {
		t.Errorf("%d people, want 60", n)
	}
	if places, people := of.Locations(); len(places) != 2 || people[places[0].ID] < 5 || people[places[1].ID] < 5 {
		t.Errorf("places %v with %v people, want two with some in each", places, people)
	}
	roles, hashes, numbers := map[string]int{}, map[string]bool{}, map[string]string{}
	vips := 0
	for _, id := range of.IDs() {
		p, _ := of.Person(id)
		roles[p.Role]++
		hashes[p.PasswordHash] = true
		if p.VIP {
			vips++
		}
		// Entering them as people do has them checked.
		for _, own := range []policy.Own{{}, p.Own} {
			if err := of.ChangeOwn(t.Context(), office.By{Actor: id}, "settings.put", id, func(_ *office.Person, o *policy.Own) error {
				*o = own
				return nil
			}); err != nil {
				t.Errorf("%s: own settings: %v", id, err)
			}
		}
		for _, n := range []string{p.WorkNumber, p.MobileNumber, p.HomeNumber, p.Voicemail} {
			if n == "" {
				continue
			}
			if !fictional(n) {
				t.Errorf("%s: the number %q may ring somewhere", id, n)
			}
			if other := numbers[n]; other != "" {
				t.Errorf("%s and %s have the same number %s", id, other, n)
			}
			numbers[n] = id
		}
	}
	for _, role := range []string{office.RoleUser, office.RoleLocationAdmin, office.RoleAdmin} {
		if roles[role] == 0 {
			t.Errorf("nobody is %s", role)
		}
	}
	if len(hashes) != 1 || vips != 1 {
		t.Errorf("%d password hashes and %d VIPs, want one each", len(hashes), vips)
	}
	levels := map[rights.Level]int{}
	for _, owner := range of.IDs() {
		for _, viewer := range of.IDs() {
			levels[of.Level(viewer, owner)]++
		}
	}
	for _, l := range append(rights.Levels(), rights.Self) {
		if levels[l] == 0 {
			t.Errorf("nobody is %s to anybody", l)
		}
	}
	groups, _ := of.Groups()
	individual := 0
	for _, g := range groups {
		s, own, err := of.Settings(g.ID)
		if err != nil {
			t.Fatal(err)
		}
		individual += len(own)
		if g.Name == groupSales && !s.Relationships.ExtendOnly {
			t.Errorf("%s may do more than extend", g.Name)
		}
	}
	if len(groups) < 3 || individual < 3 {
		t.Errorf("%d configuration groups with %d individual sections, want at least three of each", len(groups), individual)
	}

	for _, s := range d.SignIns() {
		p, ok := of.ByLogin(s.Login)
		if !ok || s.Name != p.Name {
			t.Errorf("sign-in %+v is for nobody of that name", s)
			continue
		}
		if fits, err := secret.CheckPassword(t.Context(), p.PasswordHash, Password); !fits || err != nil {
			t.Errorf("%s cannot sign in: %v", s.Login, err)
		}
	}
	if !slices.ContainsFunc(of.Team("anna"), func(g office.TeamGroup) bool { return slices.Contains(g.People, "jonas") }) {
		t.Error("jonas is no team colleague of anna")
	}
	if got := of.Level("miriam", "katharina"); got != rights.AssistantPlus {
		t.Errorf("miriam is %s to katharina", got)
	}
	if got := of.Level("sabine", "emre"); got != rights.TeamColleague {
		t.Errorf("reception is %s to emre", got)
	}
	if p, _ := of.Person("thomas"); p.Role != office.RoleAdmin {
		t.Errorf("thomas is %s", p.Role)
	}
	var out strings.Builder
	if err := d.Print(&out); err != nil || !strings.Contains(out.String(), Password) || !strings.Contains(out.String(), "miriam") {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}

// fictional reports whether a number is one that is never given to anybody.
func fictional(n string) bool {
	for _, prefix := range []string{"+49 30 23125 ", "+49 171 39200 ", "+49 40 66969 ", "+49 69 90009 ", "+49 221 4710 ", "+49 89 99998 ", "+43 1 0000 "} {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			return strings.Trim(rest, "0123456789") == "" && (len(rest) == 3 || len(rest) == 2 && strings.HasPrefix(n, "+49 171"))
		}
	}
	return false
}

func TestCallersHaveFictionalNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		if strings.HasPrefix(c, "+") && !fictional(c) {
			t.Errorf("the number %q may ring somewhere", c)
		}
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	st := openStore(t, folder)
	first, err := Open(t.Context(), st, Config{Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), st, Config{Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	if first.token == "" || second.token != "" {
		t.Errorf("tokens %q and %q, want one the first time only", first.token, second.token)
	}
}

func TestOpenRefusesRealOffice(t *testing.T) {
	t.Parallel()
	st := openStore(t, t.TempDir())
	of, err := office.Open(t.Context(), st, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	l := store.Location{Name: "Hamburg", TimeZone: "Europe/Berlin"}
	if err := of.PutLocation(t.Context(), office.By{}, &l); err != nil {
		t.Fatal(err)
	}
	if err := of.PutPeople(t.Context(), office.By{}, "setup", &store.Person{LocationID: l.ID, Name: "Real Person"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), st, Config{Log: quiet(t)}); err != ErrNotDemo {
		t.Errorf("Open = %v, want %v", err, ErrNotDemo)
	}
	if _, err := Open(t.Context(), st, Config{Speed: 1e6}); err == nil {
		t.Error("Open takes any speed")
	}
}

// watch counts what changes.
type watch struct {
	mu       sync.Mutex // guards what follows
	people   map[string]int
	statuses map[presence.Status]int
	lines    map[presence.LineState]int
	causes   map[presence.Source]int
	changed  chan struct{}
}

func newWatch() *watch {
	return &watch{
		people: map[string]int{}, statuses: map[presence.Status]int{}, lines: map[presence.LineState]int{}, causes: map[presence.Source]int{},
		changed: make(chan struct{}, 1),
	}
}

func (w *watch) notify(updates []hub.Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range updates {
		w.people[u.PersonID]++
		w.statuses[u.Presence.Status]++
		w.lines[u.Presence.Line.State]++
		w.causes[u.Presence.Cause.Source.Class()]++
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// until waits until enough has changed, and says what is missing.
func (w *watch) until(ctx context.Context, enough func() string) string {
	for {
		w.mu.Lock()
		missing := enough()
		w.mu.Unlock()
		if missing == "" {
			return ""
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			return missing
		}
	}
}

// TestRun lets the office live for some seconds at high speed, against a real database and with calendars that are
// really read, then starts it again on what was left.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	for run := range 2 {
		runDemo(t, folder, run)
	}
}

func runDemo(t *testing.T, folder string, run int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := quiet(t)
	st, err := sqlite.Open(ctx, filepath.Join(folder, "doorlight.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	d, err := Open(ctx, st, Config{Speed: Fastest, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	d.clock.begin = midMorning // at whatever time the test runs
	of, err := office.Open(ctx, st, log)
	if err != nil {
		t.Fatal(err)
	}
	w := newWatch()
	h, err := hub.Open(ctx, st, of, w.notify, hub.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	of.Listen(func(c office.Change) { h.Repolicy(c.Policies, c.Removed) })
	box, err := secret.OpenBox(filepath.Join(folder, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	networks, err := loopback()
	if err != nil {
		t.Fatal(err)
	}
	client := outbound.NewClient(outbound.Config{Allow: networks})
	ag := agenda.New(st, of, h, box, map[string]agenda.Source{agenda.KindFeed: feed.New(client)}, agenda.Config{
		Log: log, Every: map[string]time.Duration{agenda.KindFeed: d.CalendarEvery()},
	})
	var running sync.WaitGroup
	hubCtx, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	running.Go(func() { h.Run(hubCtx) })
	var living sync.WaitGroup
	living.Go(func() { ag.Run(ctx) })
	var lived error
	living.Go(func() { lived = d.Run(ctx, st, of, h, ag) })

	soon, stop := context.WithTimeout(ctx, 30*time.Second)
	if missing := w.until(soon, func() string {
		switch {
		case len(w.people) < 55:
			return fmt.Sprintf("only %d people changed", len(w.people))
		case len(w.statuses) < 6:
			return fmt.Sprintf("statuses %v", w.statuses)
		case len(w.lines) < 3:
			return fmt.Sprintf("line states %v", w.lines)
		}
		for _, s := range []presence.Source{
			presence.SourceCalendar, presence.SourceHand, presence.SourceAssistant, presence.SourceStart, presence.SourceEnd,
			presence.SourceClient, presence.SourceTeams, presence.SourceMicrophone, presence.SourceAPI,
		} {
			if w.causes[s] == 0 {
				return fmt.Sprintf("causes %v: none is %s", w.causes, s)
			}
		}
		return ""
	}); missing != "" {
		t.Errorf("run %d: %s", run, missing)
	}
	stop()
	read := 0
	for i := range d.roster.Members {
		for _, c := range ag.Calendars(d.roster.Members[i].Login) {
			if c.SucceededAt.IsZero() || c.Error != "" || len(c.Problems) > 0 {
				t.Errorf("run %d: calendar of %s: read %v, error %q, problems %q", run, c.PersonID, c.SucceededAt, c.Error, c.Problems)
			}
			read++
		}
	}
	if read < 45 {
		t.Errorf("run %d: %d calendars", run, read)
	}

	cancel()
	living.Wait()
	if lived != context.Canceled {
		t.Errorf("run %d: Run = %v, want %v", run, lived, context.Canceled)
	}
	stopHub()
	running.Wait()
	// What was said is durable, and has leases where its source has them.
	kinds := map[presence.Source]int{}
	if err := st.LoadClaims(t.Context(), func(id string, c presence.Claim) error {
		kinds[c.Source.Class()]++
		switch c.Source.Class() {
		case presence.SourceLine, presence.SourceTeams, presence.SourceMicrophone, presence.SourceAPI, presence.SourceCalendar:
			if c.Lease.IsZero() {
				t.Errorf("run %d: the claim %s of %s has no lease", run, c.Ref(), id)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if kinds[presence.SourceClient] < 30 || kinds[presence.SourceCalendar] < 30 {
		t.Errorf("run %d: claims stored: %v", run, slices.Sorted(maps.Keys(kinds)))
	}
}

func loopback() ([]netip.Prefix, error) {
	p, err := netip.ParsePrefix("127.0.0.1/32")
	return []netip.Prefix{p}, err
}
