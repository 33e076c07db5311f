package teams

import (
	"testing"
	"time"
)

// A machine that starts with a clock that is years ahead, and then is put right: what was noted meanwhile holds nobody.
func TestAClockThatWasYearsAhead(t *testing.T) {
	t.Parallel()
	right := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	ahead := right.AddDate(10, 0, 0)
	shows := func(s *State, availability, activity string, now time.Time) {
		s.Hear(Reading{Availability: availability, Activity: activity, Asked: now}, now)
	}
	called := func(outcome Outcome) *State {
		var s State
		shows(&s, "Available", "Available", ahead)
		if op, _ := s.Plan(Want{Call: true}, ahead); op != SetCall {
			t.Fatalf("wanted is a call, planned %v", op)
		}
		s.Begin(SetCall, ahead)
		s.End(outcome, ahead.Add(sessionLease), time.Hour, ahead)
		return &s
	}
	t.Run("it is renewed", func(t *testing.T) {
		s := called(Done)
		if op, _ := s.Plan(Want{Call: true}, right); op != SetCall {
			t.Errorf("planned is %v: %+v", op, s.Call)
		}
	})
	t.Run("it is tried again", func(t *testing.T) {
		s := called(Refused)
		if op, _ := s.Plan(Want{Call: true}, right); op != SetCall {
			t.Errorf("planned is %v: %+v", op, s.Call)
		}
	})
	t.Run("it runs out", func(t *testing.T) {
		s := called(Done)
		s.Plan(Want{}, right)
		if s.Plan(Want{}, right.Add(30*time.Minute)); !s.Rests() {
			t.Errorf("it stands yet: %+v", s.Call)
		}
	})
	t.Run("a call after it is one", func(t *testing.T) {
		s := called(Done)
		if op, _ := s.Plan(Want{}, ahead); op != EndCall {
			t.Fatalf("planned is %v", op)
		}
		s.Begin(EndCall, ahead)
		s.End(Done, time.Time{}, 0, ahead)
		shows(s, "Busy", "InACall", right)
		s.Entry(true, true, right)
		later := right.Add(11 * time.Minute)
		shows(s, "Busy", "InACall", later)
		if kind, _ := s.Entry(true, true, later); kind != OnCall {
			t.Errorf("the entry is %q: %+v", kind, s.Call)
		}
	})
	t.Run("numbers begin anew", func(t *testing.T) {
		var s State
		s.Hear(Reading{Availability: "Available", Activity: "Available", Sequence: "9"}, ahead)
		s.Hear(Reading{Availability: "Busy", Activity: "InACall", Sequence: "1"}, ahead)
		s.Hear(Reading{Availability: "Busy", Activity: "InACall", Sequence: "1"}, right)
		if !s.Hear(Reading{Availability: "Busy", Activity: "InACall", Sequence: "1"}, right.Add(echoWindow)) {
			t.Error("it is never believed")
		}
	})
	t.Run("somebody is looked at", func(t *testing.T) {
		var l timeline
		l.set(&person{}, ahead)
		if wait := l.wait(right); wait > time.Minute {
			t.Errorf("nobody is looked at for %v", wait)
		}
	})
}

// A write that has to wait in a queue for longer than its lease is taken for what it is when its turn comes.
func TestAWriteThatWaits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	var s State
	s.Hear(Reading{Availability: "Available", Activity: "Available"}, now)
	s.Begin(SetCall, now)
	now = now.Add(time.Hour)
	if _, again := s.Plan(Want{Call: true}, now); !again.IsZero() {
		t.Errorf("it is to be looked at again at %v, though what comes of the write is told", again)
	}
	s.Send(now)
	s.End(Done, now.Add(sessionLease), 0, now)
	if op, _ := s.Plan(Want{}, now); op != EndCall {
		t.Errorf("planned is %v: %+v", op, s.Call)
	}
}
