package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/presence"
)

// TestARestartAtAnyPointChangesNothing holds a server that is killed again and again to one that never was (P4, row 12).
func TestARestartAtAnyPointChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		bubble(t, func() {
			p := &pair{T: rt, staff: newStaff("anna", "bert", "cora")}
			p.steady = begin(rt, newDisk(), p.staff, Config{Gather: -1})
			p.killed = begin(rt, newDisk(), p.staff, Config{Gather: -1, Shards: 1})
			defer func() { p.steady.stop(); p.killed.stop() }()
			rt.Repeat(map[string]func(*rapid.T){
				"":        p.compare,
				"choose":  p.choose,
				"claim":   p.claim,
				"client":  p.client,
				"attach":  p.attach,
				"policy":  p.policy,
				"pass":    p.pass,
				"kill":    p.kill,
				"killing": p.killWriting,
			})
		})
	})
}

// bubble runs f with a clock of its own. What f panics with, as rapid does to end a run, it panics with too.
func bubble(t *testing.T, f func()) {
	t.Helper()
	var failure any
	synctest.Test(t, func(*testing.T) {
		defer func() { failure = recover() }()
		f()
	})
	if failure != nil {
		panic(failure)
	}
}

type pair struct {
	*rapid.T
	staff          *staff
	steady, killed *server
	attached       []attached
}

type attached struct {
	person, client string
	detach         [2]func(time.Time)
}

func (p *pair) person(t *rapid.T) string {
	return rapid.SampledFrom([]string{"anna", "bert", "cora"}).Draw(t, "person")
}

func (p *pair) both(person string, edit func(*Edit) error) {
	p.Helper()
	p.steady.change(person, edit)
	p.killed.change(person, edit)
	synctest.Wait()
}

func status(t *rapid.T) presence.Status {
	return rapid.SampledFrom([]presence.Status{presence.Available, presence.Busy, presence.DoNotDisturb, presence.Unavailable}).Draw(t, "status")
}

func span(t *rapid.T, name string) time.Duration {
	return time.Duration(rapid.Int64Range(1, 3*3600*1000).Draw(t, name)) * time.Millisecond
}

func (p *pair) edit(t *rapid.T) func(*Edit) error {
	s, d, lease := status(t), span(t, "until"), span(t, "lease")
	source := rapid.SampledFrom([]presence.Source{"api/door", "api/clock", "line/pbx", "teams", "calendar/c"}).Draw(t, "source")
	id := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "id")
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return retract(presence.Ref{Source: source, ID: id})
	case 1:
		return put(func(now time.Time) presence.Claim {
			return presence.Claim{Source: source, ID: id, Status: s, From: now, Lease: now.Add(lease), Line: presence.Line{State: presence.LineOnThePhone}}
		})
	}
	return put(func(now time.Time) presence.Claim {
		return presence.Claim{Source: source, ID: id, Status: s, From: now.Add(d / 2).Truncate(time.Millisecond), Until: now.Add(d), Lease: now.Add(lease)}
	})
}

func (p *pair) claim(t *rapid.T) { p.both(p.person(t), p.edit(t)) }

func (p *pair) choose(t *rapid.T) {
	s, until := status(t), time.Time{}
	by := rapid.SampledFrom([]presence.Source{presence.SourceHand, "assistant/dora"}).Draw(t, "by")
	if rapid.Bool().Draw(t, "timed") {
		until = Now().Add(span(t, "until"))
	}
	p.both(p.person(t), put(func(now time.Time) presence.Claim { return presence.Choose(by, s, "", "", now, until) }))
}

func (p *pair) client(t *rapid.T) {
	id := rapid.SampledFrom([]string{"desk", "phone"}).Draw(t, "client")
	person := p.person(t)
	switch a := rapid.SampledFrom([]string{"runs", "idle", "locked", "active", "ends", "beats"}).Draw(t, "does"); a {
	case "runs":
		p.both(person, runs(id))
	case "ends":
		p.both(person, func(e *Edit) error {
			if c, ok := presence.EndClient(e.Claims(), id, e.Now); ok {
				e.Put(c)
			}
			return nil
		})
	case "beats":
		ref := presence.Ref{Source: presence.SourceClient, ID: id}
		if x, y := p.steady.Refresh(person, ref, DefaultGrace), p.killed.Refresh(person, ref, DefaultGrace); x != y {
			t.Fatalf("heartbeat accepted: %v without and %v with restarts", x, y)
		}
	default:
		activity, err := presence.ParseActivity(a)
		if err != nil {
			t.Fatal(err)
		}
		p.both(person, active(id, activity))
	}
}

func (p *pair) attach(t *rapid.T) {
	if len(p.attached) > 0 && rapid.Bool().Draw(t, "detach") {
		i := rapid.IntRange(0, len(p.attached)-1).Draw(t, "which")
		for _, f := range p.attached[i].detach {
			f(Now())
		}
		p.attached = slices.Delete(p.attached, i, i+1)
		return
	}
	person, id := p.person(t), rapid.SampledFrom([]string{"desk", "phone"}).Draw(t, "client")
	p.both(person, runs(id))
	p.attached = append(p.attached, attached{person, id, [2]func(time.Time){p.steady.Attach(person, id), p.killed.Attach(person, id)}})
}

func (p *pair) policy(t *rapid.T) {
	id, next := p.person(t), usual()
	next.Off = rapid.Bool().Draw(t, "off")
	next.Start.Status, next.End.On = status(t), rapid.Bool().Draw(t, "end")
	p.staff.set(id, next)
	p.steady.Repolicy([]string{id}, nil)
	p.killed.Repolicy([]string{id}, nil)
}

// pass lets time pass: a moment, or hours.
func (p *pair) pass(t *rapid.T) {
	if rapid.Bool().Draw(t, "long") {
		time.Sleep(span(t, "time"))
		return
	}
	time.Sleep(time.Duration(rapid.IntRange(1, 90_000).Draw(t, "milliseconds")) * time.Millisecond)
}

// kill ends the one server without notice and starts it anew on what it left.
func (p *pair) kill(t *rapid.T) {
	synctest.Wait()
	p.compare(t)
	left := p.killed.disk.crash()
	p.killed.stop()
	p.killed = begin(t, left, p.staff, Config{Gather: -1, Shards: rapid.IntRange(1, 3).Draw(t, "shards")})
	if got := p.killed.told(); len(got) > 0 {
		t.Fatalf("the restart itself published %+v", got)
	}
	p.steady.told() // what happened while the other one was down
	// Its clients have the grace time to be heard of again: to the other one they just were.
	for _, a := range p.attached {
		a.detach[0](Now())
	}
	p.attached = nil
	for _, id := range p.staff.IDs() {
		claims, _, _ := p.steady.Claims(id)
		for _, c := range claims {
			p.steady.Refresh(id, c.Ref(), DefaultGrace)
		}
	}
}

// killWriting kills the server while changes are on their way to the disk, where they never arrive. Nobody may have seen
// anything of them.
func (p *pair) killWriting(t *rapid.T) {
	synctest.Wait()
	p.compare(t)
	for _, id := range p.staff.IDs() {
		claims, _, _ := p.steady.Claims(id)
		for _, c := range claims {
			if soon := c.Lease.Sub(Now()); leased(&c) && soon <= 5*time.Second {
				return // it lapses there, and here not before the disk works again
			}
		}
	}
	p.killed.disk.set(time.Second, errors.New("killed"))
	done := make(chan error, 2)
	for range cap(done) {
		person, edit := p.person(t), p.edit(t)
		go func() { done <- p.killed.Change(context.Background(), person, edit) }()
	}
	// What time brings meanwhile shows as it does without the changes.
	time.Sleep(999 * time.Millisecond)
	p.compare(t)
	p.kill(t)
	for range cap(done) {
		if err := <-done; err == nil {
			t.Fatal("a change was acknowledged that is not on the disk")
		}
	}
}

// compare compares what both show and have published.
func (p *pair) compare(t *rapid.T) {
	synctest.Wait()
	for _, id := range p.staff.IDs() {
		a, as, _ := p.steady.Presence(id)
		b, bs, _ := p.killed.Presence(id)
		if !a.Equal(b) || !as.SameAs(bs) {
			claims, _, _ := p.steady.Claims(id)
			others, _, _ := p.killed.Claims(id)
			t.Fatalf("at %v %s is\n%+v %+v\n%s\nand after restarts\n%+v %+v\n%s", Now(), id, a, as, list(claims), b, bs, list(others))
		}
		if as.Status != a.Status && !a.Off {
			t.Fatalf("%s is %v, shown as %v", id, a.Status, as.Status)
		}
	}
	steady, killed := published(p.steady), published(p.killed)
	if !slices.Equal(steady, killed) {
		t.Fatalf("published\n%s\nand with restarts\n%s", steady, killed)
	}
}

func list(claims []presence.Claim) (text string) {
	for _, c := range claims {
		text += fmt.Sprintf("  %s %v %v..%v lease %v\n", c.Ref(), c.Status, c.From, c.Until, c.Lease)
	}
	return text
}

func published(s *server) []string {
	var list []string
	for _, u := range s.told() {
		list = append(list, fmt.Sprintf("%s %+v %v %v %v\n", u.PersonID, u.Presence, u.Shown.Off, u.Shown.Status, u.Shown.Since))
	}
	slices.Sort(list)
	return list
}
