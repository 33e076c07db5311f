package switchboard_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

// What ended while the server was down is over when it is there again, not only once its lease is.
func TestACallThatEndedWhileTheServerWasDown(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.pbx.ring("201", telephony.Call{ID: "1", State: presence.LineOnThePhone, Other: "0301234"})
		h.settle()
		h.line("anna", "on_the_phone 0301234")
		h.stop()
		h.pbx.ring("201")
		h.open()
		h.settle()
		h.line("anna", "idle")
	})
}

// That nothing had to be asked says nothing about the system.
func TestNothingIsSaidOfASystemThatWasNotAsked(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.stop()
		h.used = nil
		h.pbx.change(func() {
			h.pbx.trouble = func(string) error {
				return &source.Error{Kind: source.Unavailable, Whole: true, Text: "The telephone system does not answer."}
			}
		})
		h.open()
		h.choose("anna", "Unavailable", presence.Unavailable)
		h.settle()
		h.appointment("bert", time.Hour)
		h.settle()
		h.pbx.mu.Lock()
		defer h.pbx.mu.Unlock()
		if len(h.used) == 0 || slices.Contains(h.used, "<nil>") {
			t.Errorf("it was said to be %q", h.used)
		}
	})
}

// A system that says yes and does nothing is not told so a thousand times a second, and its people are told.
func TestASystemThatDoesNotDoWhatItIsTold(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.pbx.change(func() { h.pbx.ignores = true })
		h.appointment("anna", time.Hour)
		time.Sleep(10 * time.Minute)
		if n := h.pbx.times(); n < 3 || n > 20 {
			t.Errorf("it was told %d times in ten minutes", n)
		}
		if st := h.Lines("anna"); st[0].Problem == "" || st[0].Settled {
			t.Errorf("she is told %+v", st)
		}
		h.pbx.change(func() { h.pbx.ignores = false })
		time.Sleep(10 * time.Minute)
		h.is("anna", telephony.Forwarding{All: "*97"})
		if st := h.Lines("anna"); st[0].Problem != "" || !st[0].Settled {
			t.Errorf("she is told %+v", st)
		}
	})
}

// What is set by hand while a line is being looked at is not undone by what was seen before.
func TestByHandInTheMidst(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		byHand := telephony.Forwarding{All: "0151"}
		h.pbx.change(func() { h.pbx.slowRead = 2 * time.Second })
		h.appointment("anna", time.Hour)
		h.settle() // it is being read
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", byHand))
		time.Sleep(20 * time.Second)
		h.is("anna", byHand)
		time.Sleep(time.Hour)
		h.is("anna", byHand)
	})
}

// Nor is it taken for what stood before and is still to be changed.
func TestByHandBackToWhatStoodBefore(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.pbx.change(func() { h.pbx.slowSet = 2 * time.Second })
		h.appointment("anna", time.Hour)
		h.settle() // it was set, but the system has not said so yet
		h.is("anna", telephony.Forwarding{All: "*97"})
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{}))
		time.Sleep(20 * time.Second)
		h.is("anna", telephony.Forwarding{})
		h.stop()
		h.open()
		h.settle()
		h.is("anna", telephony.Forwarding{})
		h.appointment("anna", time.Minute) // another asks anew
		h.settle()
		h.settle()
		h.is("anna", telephony.Forwarding{All: "*97"})
		time.Sleep(2 * time.Hour)
		h.is("anna", telephony.Forwarding{})
	})
}

// Who was asking the system that was replaced spoils nothing when the answer comes at last.
func TestASystemThatIsReplacedWhileItIsAsked(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		stuck := make(chan struct{})
		h.pbx.change(func() { h.pbx.stuck = stuck })
		h.appointment("anna", time.Hour)
		h.settle() // it is being read
		old := h.pbx
		h.pbx = newPBX()
		left := h.PutSystem(switchboard.System{ID: "pbx", Name: "PBX", System: h.pbx})
		h.settle()
		close(stuck)
		<-left
		h.settle()
		h.is("anna", telephony.Forwarding{All: "*97"})
		if f := old.at("201"); !f.Off() {
			t.Errorf("the old one was told %+v", f)
		}
		if st := h.Lines("anna"); !st[0].Settled {
			t.Errorf("she is told %+v", st)
		}
		time.Sleep(time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{})
	})
}

// A line that two people have is the first's, also after a restart, and the other's once it is free.
func TestALineOfTwo(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for _, who := range []string{"bert", "carl"} {
			h.edit(who, func(p *store.Person) { p.WorkNumber = "201" })
		}
		owner := func(want string) {
			t.Helper()
			for _, who := range people {
				if n := len(h.Lines(who)); (who == want) != (n == 1) {
					t.Errorf("%s has %d lines; it is to be %s's", who, n, want)
				}
			}
		}
		owner("anna")
		for range 5 {
			h.stop()
			h.open()
			h.settle()
			owner("anna")
		}
		h.edit("anna", func(p *store.Person) { p.WorkNumber = "209" })
		if n := len(h.Lines("bert")) + len(h.Lines("carl")); n != 1 {
			t.Errorf("when she gave it up %d of the others had it", n)
		}
		h.pbx.ring("201", telephony.Call{ID: "1", State: presence.LineOnThePhone, Other: "0301234"})
		h.settle()
		h.line("bert", "on_the_phone 0301234")
		h.line("carl", "idle")
		h.edit("bert", func(p *store.Person) { p.Blocked = true })
		h.settle()
		h.line("carl", "on_the_phone 0301234")
	})
}

// A line that was entered for somebody stays theirs after a restart, whoever has had that as a work number since, and is known for longer.
func TestALineThatWasEntered(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.office.UseSystems(func(string) (office.System, bool) {
			return office.System{Name: "PBX", Lines: true, Forwards: true}, true
		})
		h.lines = func(p *office.Person) []switchboard.Line {
			if len(p.Lines) > 0 {
				return []switchboard.Line{switchboard.Line(p.Lines[0])}
			}
			return []switchboard.Line{{ConnectorID: "pbx", Line: p.WorkNumber, Forwards: true}}
		}
		h.edit("carl", func(p *store.Person) { p.Lines = []store.Line{{ConnectorID: "pbx", Line: "300", Forwards: true}} })
		h.edit("anna", func(p *store.Person) { p.WorkNumber = "300" })
		for range 2 {
			if all := h.Lines("carl"); len(all) != 1 || all[0].Line != "300" || len(h.Lines("anna")) != 0 {
				t.Errorf("Carl has %+v, and Anna %+v", all, h.Lines("anna"))
			}
			h.stop()
			h.open()
			h.settle()
		}
	})
}

// A person who is blocked, and one who is deleted while the telephone system is away, or not there at all, leave no line forwarded.
func TestWhoGoesLeavesNothingForwarded(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for _, who := range people {
			h.appointment(who, 24*time.Hour)
		}
		h.settle()
		h.edit("anna", func(p *store.Person) { p.Blocked = true })
		h.is("anna", telephony.Forwarding{})
		if n := len(h.Lines("anna")); n != 0 {
			t.Errorf("she has %d lines", n)
		}
		h.edit("anna", func(p *store.Person) { p.Blocked = false })
		h.settle()
		h.is("anna", telephony.Forwarding{All: "*97"})

		h.pbx.change(func() {
			h.pbx.trouble = func(string) error {
				return &source.Error{Kind: source.Unavailable, Whole: true, Text: "The telephone system does not answer."}
			}
		})
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "bert"))
		time.Sleep(time.Hour)
		h.is("bert", telephony.Forwarding{All: "*97"})
		h.pbx.change(func() { h.pbx.trouble = nil })
		time.Sleep(10 * time.Minute)
		h.is("bert", telephony.Forwarding{})

		<-h.DropSystem("pbx")
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "carl"))
		h.settle()
		h.is("carl", telephony.Forwarding{All: "*97"})
		h.PutSystem(switchboard.System{ID: "pbx", Name: "PBX", System: h.pbx})
		h.settle()
		h.is("carl", telephony.Forwarding{})
	})
}

// Whoever forwards at the telephone is led to no more, and again once that has ended.
func TestWhoForwardsAtTheTelephone(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.among(rights.TeamColleague)
		h.pbx.dial("202", func(f *telephony.Forwarding) { f.All = "0151" })
		h.settle()
		if st := h.Lines("bert"); st[0].Reported == nil || st[0].Reported.All != "0151" {
			t.Errorf("bert is told %+v", st)
		}
		h.choose("anna", "On holiday", presence.Unavailable)
		h.settle()
		h.is("anna", telephony.Forwarding{})
		h.pbx.dial("202", func(f *telephony.Forwarding) { f.All = "" })
		h.settle()
		h.is("anna", telephony.Forwarding{All: "202"})
		h.pbx.dial("202", func(f *telephony.Forwarding) { f.All = "0151" })
		h.settle()
		h.is("anna", telephony.Forwarding{})
	})
}

// A number may be a line's in one system, and another's in another; and somebody's work number may be another's line.
func TestTheSameNumberTwice(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		other := newPBX()
		h.lines = func(p *office.Person) []switchboard.Line {
			switch p.ID {
			case "anna":
				return []switchboard.Line{{ConnectorID: "pbx", Line: "201", Forwards: true}, {ConnectorID: "pbx", Line: "201", Forwards: true}}
			case "bert":
				return []switchboard.Line{{ConnectorID: "pbx", Line: "202", Forwards: true}}
			}
			return []switchboard.Line{{ConnectorID: "other", Line: "202", Forwards: true}}
		}
		h.PutSystem(switchboard.System{ID: "other", Name: "Other", System: other})
		for _, who := range []string{"bert", "anna", "carl"} { // carl last
			h.edit(who, func(p *store.Person) { p.HomeNumber = "0172" })
		}
		if n := len(h.Lines("anna")); n != 1 {
			t.Errorf("a line that is entered twice is there %d times", n)
		}
		h.choose("carl", "Unavailable", presence.Unavailable) // that is nothing to anna
		h.choose("anna", "On holiday", presence.Unavailable)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "202"})
		h.choose("bert", "Unavailable", presence.Unavailable)
		h.settle()
		if st := h.Lines("anna"); h.RefusalFor(&st[0], "anna") != "bert is absent too. The forwarding was left as it was." {
			t.Errorf("she is told %+v", st)
		}
		h.choose("bert", "Available", presence.Available)
		h.edit("carl", func(p *store.Person) { p.WorkNumber = "202" })
		h.settle()
		h.is("anna", telephony.Forwarding{All: "202"})
	})
}

// When a line passes from one to another while nothing can be stored, it stays with neither of them too long.
func TestALineThatPassesOnWhileTheDiskIsFull(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.pbx.ring("201", telephony.Call{ID: "1", State: presence.LineOnThePhone, Other: "0301234"})
		h.settle()
		h.edit("bert", func(p *store.Person) { p.WorkNumber = "" })
		h.full.Store(true)
		h.edit("anna", func(p *store.Person) { p.WorkNumber = "209" })
		h.edit("bert", func(p *store.Person) { p.WorkNumber = "201" })
		h.full.Store(false)
		time.Sleep(5 * time.Second)
		h.line("anna", "idle")
		h.line("bert", "on_the_phone 0301234")
	})
}

// What a system does by itself, and cannot be told, keeps nobody from setting the rest by hand; the One Number Service goes on until all is switched off.
func TestByHandBesideWhatCannotBeSet(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.pbx.change(func() {
			h.pbx.can = telephony.Abilities{Lines: true, Forwarding: []telephony.Ability{telephony.CanAll, telephony.CanOneNumber}}
			h.pbx.lines["201"] = telephony.Forwarding{Busy: "77", OneNumber: "0171"}
		})
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0151"}))
		h.is("anna", telephony.Forwarding{All: "0151", Busy: "77", OneNumber: "0171"})
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{}))
		h.is("anna", telephony.Forwarding{Busy: "77"})
	})
}

// What somebody has set stays when an appointment, which forwards as well, ends, also if the server starts anew meanwhile. It is remembered of nobody who
// is gone.
func TestWhatWasSetStaysThroughAnAppointment(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.choose("anna", "On holiday", presence.Unavailable)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "202"})
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0151"}))
		for _, restart := range []bool{false, true} {
			h.appointment("anna", time.Hour)
			h.settle()
			h.is("anna", telephony.Forwarding{All: "*97"})
			if restart {
				h.stop()
				h.open()
			}
			time.Sleep(time.Hour + time.Minute)
			h.is("anna", telephony.Forwarding{All: "0151"})
		}
		h.choose("anna", "On holiday", presence.Unavailable) // that asks anew
		h.settle()
		h.is("anna", telephony.Forwarding{All: "202"})
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0151"}))
		h.choose("anna", "Available", presence.Available)
		h.settle()
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "anna"))
		h.settle()
		h.is("anna", telephony.Forwarding{All: "0151"})
		h.ok(h.store.LoadForwardings(t.Context(), func(r store.ForwardingRecord) error {
			t.Errorf("of whom is gone there is still %s", r.State)
			return nil
		}))
	})
}

// By hand while what the presence asks for could not be set yet: what somebody says last holds.
func TestByHandBeforeThePresenceHasItsWay(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.pbx.change(func() {
			h.pbx.trouble = func(op string) error {
				return &source.Error{Kind: source.Unavailable, Whole: true, Text: "The telephone system does not answer."}
			}
		})
		h.choose("anna", "On holiday", presence.Unavailable)
		time.Sleep(20 * time.Minute)
		h.pbx.change(func() { h.pbx.trouble = nil })
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0151"}))
		time.Sleep(20 * time.Minute)
		h.is("anna", telephony.Forwarding{All: "0151"})
		h.choose("anna", "Available", presence.Available)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "0151"})
	})
}

// Whoever gets another's line is not told what was known of it: a system may keep from them where that one's calls went.
func TestALineThatPassesOnTellsNothing(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.edit("bert", func(p *store.Person) { p.WorkNumber = "201" })
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0151"}))
		h.settle()
		h.pbx.change(func() { h.pbx.lines["201"] = telephony.Forwarding{} })
		h.edit("anna", func(p *store.Person) { p.WorkNumber = "209" })
		if all := h.Lines("bert"); len(all) != 1 || all[0].Line != "201" || all[0].Reported != nil && all[0].Reported.All != "" || all[0].Wanted.All != "" {
			t.Errorf("Bert is told %+v", all)
		}
	})
}

// folding is a telephone system that knows a line however its number is spelt, and in full as well as by its extension.
type folding struct{ *pbx }

func (f folding) Extension(number string) string {
	number = telephony.Fold(number)
	return number[max(0, len(number)-3):]
}

func (f folding) Forwarding(ctx context.Context, line string) (telephony.Forwarding, error) {
	return f.pbx.Forwarding(ctx, f.Extension(line))
}

func (f folding) SetForwarding(ctx context.Context, line string, x telephony.Forwarding) error {
	return f.pbx.SetForwarding(ctx, f.Extension(line), x)
}

// A number that is spelt anew, as by a directory, is the line that it was: it stays forwarded, and comes back to what stood before.
func TestALineThatIsSpeltAnew(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.PutSystem(switchboard.System{ID: "pbx", Name: "PBX", System: folding{h.pbx}})
		h.pbx.change(func() { h.pbx.slowRead, h.pbx.slowSet = 100*time.Millisecond, 100*time.Millisecond })
		h.pbx.dial("201", func(f *telephony.Forwarding) { f.All = "0151" })
		h.choose("anna", "On holiday", presence.Unavailable)
		time.Sleep(10 * time.Second)
		h.is("anna", telephony.Forwarding{All: "202"})
		for i, number := range []string{"+49 30 1234-201", "+49301234201", "201"} {
			h.edit("anna", func(p *store.Person) { p.WorkNumber = number })
			if i == 1 { // in the midst
				h.stop()
				h.open()
				h.PutSystem(switchboard.System{ID: "pbx", Name: "PBX", System: folding{h.pbx}})
			}
			time.Sleep(10 * time.Minute)
			h.is("anna", telephony.Forwarding{All: "202"})
			if all := h.Lines("anna"); len(all) != 1 || all[0].Line != number || !all[0].Settled {
				t.Errorf("she has %+v", all)
			}
		}
		h.choose("anna", "Available", presence.Available)
		time.Sleep(10 * time.Minute)
		h.is("anna", telephony.Forwarding{All: "0151"})
	})
}

// What went wrong while somebody looked at a line is told for a while, and not of a line that nobody needs to look at any more; whoever goes away before it is
// read leaves no trace.
func TestALookThatFailed(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		failing := func(want int) {
			t.Helper()
			if st := h.SystemStatus("pbx"); len(st.Failing) != want {
				t.Errorf("failing are %+v, want %d", st.Failing, want)
			}
		}
		h.pbx.change(func() { h.pbx.trouble = func(string) error { return context.Canceled } })
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := h.Read(gone, "anna", "pbx", "201"); err == nil {
			t.Error("it was read")
		}
		failing(0)
		h.pbx.change(func() {
			h.pbx.trouble = func(string) error {
				return &source.Error{Kind: source.Unavailable, Whole: true, Text: "The telephone system does not answer."}
			}
		})
		if _, err := h.Read(t.Context(), "anna", "pbx", "201"); err == nil {
			t.Error("it was read")
		}
		failing(1)
		h.pbx.change(func() { h.pbx.trouble = nil })
		time.Sleep(10 * time.Minute)
		failing(0)
	})
}

// A line that somebody loses and gets back while it is set by hand is there afterwards.
func TestALineThatIsLostWhileItIsSet(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		stuck := make(chan struct{})
		h.pbx.change(func() { h.pbx.stuck = stuck })
		set := make(chan error)
		go func() {
			set <- h.Set(context.Background(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0151"})
		}()
		h.settle()
		h.edit("anna", func(p *store.Person) { p.WorkNumber = "209" })
		h.edit("anna", func(p *store.Person) { p.WorkNumber = "201" })
		h.pbx.change(func() { h.pbx.stuck = nil })
		close(stuck)
		h.ok(<-set)
		h.settle()
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{All: "0152"}))
		h.pbx.ring("201", telephony.Call{ID: "1", State: presence.LineOnThePhone, Other: "0301234"})
		h.settle()
		h.line("anna", "on_the_phone 0301234")
	})
}
