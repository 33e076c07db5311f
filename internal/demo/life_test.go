package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// memory is a store of claims without a disk, which would be outside the bubble.
type memory struct{}

func (memory) WriteClaims(context.Context, store.ClaimBatch) error { return nil }
func (memory) LoadClaims(context.Context, func(string, presence.Claim) error) error {
	return nil
}
func (memory) LoadShown(context.Context, func(string, presence.Shown) error) error { return nil }

// directory is the office without the office: everybody under the factory settings, with the demo's templates.
type directory struct {
	roster   *Roster
	settings policy.Settings
	policies map[string]*presence.Policy
}

func newDirectory(r *Roster) *directory {
	d := &directory{roster: r, settings: policy.Factory(), policies: map[string]*presence.Policy{}}
	addTemplates(&d.settings)
	for i := range r.Members {
		d.policies[r.Members[i].Login] = d.settings.Presence(&policy.Own{})
	}
	return d
}

func (d *directory) IDs() []string                     { return slices.Collect(maps.Keys(d.policies)) }
func (d *directory) Policy(id string) *presence.Policy { return d.policies[id] }

func (d *directory) profile(person, name string) (presence.Status, string, bool) {
	own := policy.Own{Profiles: d.roster.Member(person).own()}
	p := d.settings.ProfileNamed(&own, name)
	if p == nil {
		return 0, "", false
	}
	return p.Status, p.Text, true
}

// bubble runs f with a living office, at what is one in the night where the office is.
func bubble(t *testing.T, speed float64, f func(t *testing.T, l *Life, h *hub.Hub, assisted func() int)) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoster()
		dir := newDirectory(r)
		h, err := hub.Open(t.Context(), memory{}, dir, func([]hub.Update) {}, hub.Config{Shards: 2, Log: quiet(t)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		hubCtx, stopHub := context.WithCancel(context.WithoutCancel(ctx))
		var running, living sync.WaitGroup
		running.Go(func() { h.Run(hubCtx) })
		assisted := 0
		l := NewLife(r, NewClock(time.Now(), speed), 1, h, LifeConfig{
			Log: quiet(t), Profile: dir.profile, Assisted: func(_ context.Context, by, _ string, _ presence.Status) { assisted++ },
		})
		if err := l.Begin(ctx); err != nil {
			t.Fatal(err)
		}
		living.Go(func() { l.Run(ctx) })
		synctest.Wait()
		f(t, l, h, func() int {
			synctest.Wait()
			return assisted
		})
		cancel()
		living.Wait()
		stopHub()
		running.Wait()
	})
}

// keepCalendars asserts the appointments of some days as the agenda would.
func keepCalendars(t *testing.T, l *Life, h *hub.Hub, dir *directory, days int) {
	t.Helper()
	for day := range days {
		for _, a := range l.roster.Day(l.seed, day).Appointments {
			if a.ShowAs == presence.ShowFree {
				continue
			}
			name := "Appointment"
			if a.Category != "" {
				name = a.Category
			}
			for _, id := range a.People {
				if !l.roster.Member(id).hasCalendar() {
					continue
				}
				status, text, ok := dir.profile(id, name)
				if !ok {
					name = "Appointment"
					status, text, _ = dir.profile(id, name)
				}
				err := h.Change(t.Context(), id, func(e *hub.Edit) error {
					e.Put(presence.Claim{
						Source: presence.SourceCalendar + "/1", ID: fmt.Sprint(day, "/", a.ID), Status: status, Profile: name, Text: text,
						From: l.clock.Real(day, a.From), Until: l.clock.Real(day, a.To), ShowAs: a.ShowAs,
					})
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestDays lives for two days and looks at everybody every ten minutes.
func TestDays(t *testing.T) {
	t.Parallel()
	bubble(t, 1, func(t *testing.T, l *Life, h *hub.Hub, assisted func() int) {
		keepCalendars(t, l, h, newDirectory(l.roster), 3)
		busySince := map[string]time.Time{}
		lineSince := map[string]time.Time{}
		changed := map[string]map[string]bool{}
		for begin := time.Now(); time.Since(begin) < 48*time.Hour; time.Sleep(10*time.Minute - time.Second) {
			time.Sleep(time.Second) // a little off what happens at full minutes
			synctest.Wait()
			day, now := l.clock.Sim(time.Now())
			statuses := map[presence.Status]int{}
			lines := 0
			for i := range l.roster.Members {
				m := &l.roster.Members[i]
				p, _, ok := h.Presence(m.Login)
				if !ok {
					t.Fatalf("%s is gone", m.Login)
				}
				statuses[p.Status]++
				if changed[m.Login] == nil {
					changed[m.Login] = map[string]bool{}
				}
				changed[m.Login][fmt.Sprint(p.Status, p.Text, p.Line.State)] = true
				if p.Line.State == presence.LineIdle {
					delete(lineSince, m.Login)
				} else {
					lines++
					if lineSince[m.Login].IsZero() {
						lineSince[m.Login] = time.Now()
					}
				}
				if p.Status != presence.Busy && p.Status != presence.DoNotDisturb {
					delete(busySince, m.Login)
				} else if busySince[m.Login].IsZero() {
					busySince[m.Login] = time.Now()
				}
				for what, since := range map[string]time.Time{"on the telephone": lineSince[m.Login], p.Status.String(): busySince[m.Login]} {
					if !since.IsZero() && time.Since(since) > 5*time.Hour {
						t.Errorf("day %d at %v: %s is %s since %v", day, now, m.Login, what, time.Since(since))
					}
				}
				// When the day is over everybody has gone, and nobody is left in a call.
				if asleep := now > at(20, 0) || now < at(6, 0); asleep && m.Habit != NightShift {
					if p.Status != presence.Unavailable && p.Status != presence.LoggedOut || p.Line.State != presence.LineIdle {
						t.Errorf("day %d at %v: %s is %s by %s, line %s", day, now, m.Login, p.Status, p.Cause, p.Line.State)
					}
				}
				if m.Habit == NotYetHere && p.Status != presence.LoggedOut {
					t.Errorf("day %d at %v: %s is %s", day, now, m.Login, p.Status)
				}
			}
			least := 3
			if now > at(9, 15) && now < at(15, 30) {
				least = 5
				if lunch := now > at(11, 30) && now < at(14, 15); lines < 2 && !lunch {
					t.Errorf("day %d at %v: %d on the telephone", day, now, lines)
				}
			}
			if len(statuses) < least {
				t.Errorf("day %d at %v: only %v, want %d different ones", day, now, statuses, least)
			}
		}
		for id, seen := range changed {
			if h := l.roster.Member(id).Habit; len(seen) < 4 && h != NotYetHere && h != AwayOnLeave && h != AtFair {
				t.Errorf("%s was never more than %v", id, slices.Collect(maps.Keys(seen)))
			}
		}
		if assisted() == 0 {
			t.Error("no assistant did anything")
		}
	})
}

// TestBegin checks that those who are at work at the start came when the plan says, not just now.
func TestBegin(t *testing.T) {
	t.Parallel()
	bubble(t, 1, func(t *testing.T, l *Life, h *hub.Hub, _ func() int) {
		began := time.Now()
		early, yesterday := 0, 0
		for i := range l.roster.Members {
			p, shown, _ := h.Presence(l.roster.Members[i].Login)
			if p.Since.After(began) || shown.Since.After(began) {
				t.Errorf("%s: since %v, after the start", l.roster.Members[i].Login, p.Since)
			}
			if p.Cause.Source == presence.SourceStart && began.Sub(p.Since) > time.Hour {
				early++
			}
			if p.Cause.Source == presence.SourceEnd && began.Sub(p.Since) > 3*time.Hour {
				yesterday++
			}
		}
		if early < 10 || yesterday < 2 {
			t.Errorf("%d came more than an hour ago, %d left before", early, yesterday)
		}
		// Beginning again changes nobody's presence.
		before := map[string]presence.Presence{}
		for i := range l.roster.Members {
			before[l.roster.Members[i].Login], _, _ = h.Presence(l.roster.Members[i].Login)
		}
		if err := NewLife(l.roster, l.clock, l.seed, h, l.cfg).Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id, was := range before {
			if p, _, _ := h.Presence(id); !p.Equal(was) {
				t.Errorf("%s was %+v, is %+v", id, was, p)
			}
		}
	})
}

// TestAVisitorsChoiceSurvivesARestart chooses as somebody who was signed in, and has the office begin again.
func TestAVisitorsChoiceSurvivesARestart(t *testing.T) {
	t.Parallel()
	bubble(t, 1, func(t *testing.T, l *Life, h *hub.Hub, _ func() int) {
		err := h.Change(t.Context(), "anna", func(e *hub.Edit) error {
			e.Put(presence.Choose(presence.SourceHand, presence.DoNotDisturb, "", "Just looking", e.Now, time.Time{}))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := NewLife(l.roster, NewClock(time.Now(), 1), l.seed, h, l.cfg).Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, _, _ := h.Presence("anna"); p.Text != "Just looking" {
			t.Errorf("anna is %s %q by %s", p.Status, p.Text, p.Cause)
		}
	})
}

// TestVisitor signs in as somebody: from then on nobody chooses for them, nor leaves their desk, but they go on being
// called and expected.
func TestVisitor(t *testing.T) {
	t.Parallel()
	bubble(t, 60, func(t *testing.T, l *Life, h *hub.Hub, _ func() int) {
		err := h.Change(t.Context(), "anna", func(e *hub.Edit) error {
			for _, c := range presence.StartClient(e.Claims(), "browser", "Firefox", e.Now, time.Time{}) {
				e.Put(c)
			}
			e.Put(presence.Choose(presence.SourceHand, presence.BeRightBack, "", "Just looking", e.Now, time.Time{}))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		called := false
		for range 14 * 60 {
			time.Sleep(time.Second)
			p, _, _ := h.Presence("anna")
			switch p.Cause.Source.Class() {
			case presence.SourceTeams, presence.SourceMicrophone, presence.SourceAPI: // others decide about these
			default:
				if p.Text != "Just looking" {
					t.Fatalf("anna is %s %q by %s", p.Status, p.Text, p.Cause)
				}
			}
			called = called || p.Line.State != presence.LineIdle
		}
		if !called {
			t.Error("nobody called anna")
		}
	})
}

// TestKeep lets some time pass in which little happens.
func TestKeep(t *testing.T) {
	t.Parallel()
	bubble(t, 1, func(t *testing.T, l *Life, h *hub.Hub, _ func() int) {
		// Ten minutes on, everybody who was at work still is: their clients were kept alive.
		running := func() (n int) {
			for i := range l.roster.Members {
				claims, _, _ := h.Claims(l.roster.Members[i].Login)
				for _, c := range claims {
					if c.Source == presence.SourceClient && c.End().After(time.Now()) {
						n++
					}
				}
			}
			return n
		}
		before := running()
		time.Sleep(10 * time.Minute)
		if after := running(); before < 35 || after < before-1 || after > before+1 { // one may drop out
			t.Errorf("%d clients ran, ten minutes later %d", before, after)
		}
		// A client that somebody has deleted is started again.
		ref := clientRef("anna")
		if err := h.Change(t.Context(), "anna", func(e *hub.Edit) error {
			e.Delete(ref)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		claims, _, _ := h.Claims("anna")
		if !slices.ContainsFunc(claims, func(c presence.Claim) bool { return c.Ref() == ref }) {
			t.Error("a client that is not known any more does not start again")
		}
	})
}
