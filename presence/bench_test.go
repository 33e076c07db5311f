package presence

import (
	"testing"
	"time"
)

// tenClaims is a person in the middle of a working day: two clients, choices, a call seen twice, appointments, an
// origin and a line.
func tenClaims() ([]Claim, *Policy, time.Time) {
	at := func(hour, minute int) time.Time {
		return monday.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	policy := defaultPolicy()
	return []Claim{
		{Source: SourceStart, From: at(8, 0)},
		{Source: SourceClient, ID: "desk", From: at(8, 0), Lease: at(10, 31), Activity: Active, ActivitySince: at(10, 29)},
		{Source: SourceClient, ID: "phone", From: at(8, 5), Lease: at(10, 32)},
		{Source: SourceHand, ID: ChoiceID, Status: Available, Profile: "Home office", Text: "Home office", From: at(8, 30)},
		{Source: "api/access-control", ID: "slot", Status: Available, From: at(7, 55)},
		{Source: SourceCalendar, ID: "birthday", Status: Busy, From: at(0, 0), Until: at(24, 0), AllDay: true},
		{Source: SourceCalendar, ID: "meeting", Status: Busy, Profile: "Appointment", From: at(10, 0), Until: at(11, 0)},
		{Source: SourceTeams, ID: "c7", Status: Busy, Text: "On the phone (MS Teams)", From: at(10, 20), Lease: at(10, 40), Call: "c7"},
		{Source: "microphone/desk", ID: "ms-teams", Status: Busy, Text: "MS Teams", From: at(10, 20), Lease: at(10, 31), Call: "c7"},
		{Source: "line/desk", ID: "1", From: at(10, 10), Until: at(10, 12), Line: Line{State: LineOnThePhone}},
	}, &policy, at(10, 30)
}

func BenchmarkResolveTenClaims(b *testing.B) {
	claims, policy, now := tenClaims()
	b.ReportAllocs()
	for b.Loop() {
		Resolve(claims, policy, now)
	}
}

func BenchmarkNextChange(b *testing.B) {
	claims, policy, now := tenClaims()
	b.ReportAllocs()
	for b.Loop() {
		NextChange(claims, policy, now)
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	claims, policy, now := tenClaims()
	if p := Resolve(claims, policy, now); p.Cause.Source != SourceTeams {
		t.Fatalf("shown %+v, want the call", p)
	}
	for name, f := range map[string]func(){
		"Resolve":    func() { Resolve(claims, policy, now) },
		"NextChange": func() { NextChange(claims, policy, now) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times for %d claims, want never", name, n, len(claims))
		}
	}
}
